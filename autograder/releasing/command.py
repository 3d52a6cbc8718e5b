"""`autograder release`: from a checkout, everything that is handed out."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click
import yaml

from attnkit import __version__
from autograder.building.first_cell import FIND, first_cell_source, setting
from autograder.exercises import NOTEBOOKS
from autograder.paths import DOCS, ENVIRONMENT, GENERATED, PROJECT, ROOT, SOLUTIONS
from autograder.paths import NOTEBOOKS as STUDENT
from autograder.releasing.links import page
from autograder.releasing.packing import Files, checksums, write_tar, write_zip
from autograder.releasing.wheels import LICENCES, learners_wheel, projects_wheel

NAME = f"attention-course-{__version__}"
_HERE = Path(__file__).parent


class ReleaseError(RuntimeError):
    """Nothing can be released; the message says why and what to do."""


@click.command()
@click.option(
    "-o", "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to."
)
def release(out: Path) -> None:
    """Make what is handed out: attnkit's wheel, the students' and the instructors' bundle, and their checksums."""
    try:
        made = make_release(out)
    except (ReleaseError, OSError, ValueError) as error:
        click.echo(f"autograder: {error}", err=True)
        sys.exit(1)
    for path in made:
        click.echo(f"{path.stat().st_size / 1e6:6.1f} MB  {path}")


def make_release(out: Path) -> list[Path]:
    """Write every file of the release into `out`; raises ReleaseError outside a checkout or when a notebook is stale."""
    if not PROJECT.is_file():
        raise ReleaseError("a release is made from a checkout of the project, and this is an installed copy")
    for name in NOTEBOOKS.values():
        for folder in (STUDENT, SOLUTIONS):
            _check_first_cell(folder / f"{name}.ipynb")
    out.mkdir(parents=True, exist_ok=True)
    wheel = learners_wheel(out)
    students = students_files(wheel)
    made = [
        wheel,
        write_zip(out / f"{NAME}-students.zip", _below(NAME, students)),
        write_tar(out / f"{NAME}-students.tar.gz", _below(NAME, students)),
        write_zip(out / f"{NAME}-instructors.zip", _below(f"{NAME}-instructors", instructors_files(students))),
    ]
    sums = out / "SHA256SUMS"
    sums.write_text(checksums(made), encoding="utf-8")
    return [*made, sums]


def students_files(wheel: Path) -> dict[str, bytes]:
    """What a student gets: the blank notebooks, attnkit as a wheel beside them, the environment, and where to start."""
    files = {f"{name}.ipynb": (STUDENT / f"{name}.ipynb").read_bytes() for name in NOTEBOOKS.values()}
    files |= {name: (ROOT / name).read_bytes() for name in LICENCES}
    files[wheel.name] = wheel.read_bytes()
    files["environment.yml"] = learners_environment().encode()
    online = page(setting().repository, [name for name in files if name.endswith(".ipynb")])
    files["START.md"] = ((_HERE / "START.md").read_text(encoding="utf-8") + online).encode()
    return files


def instructors_files(students: Files) -> dict[str, bytes]:
    """What an instructor gets beside that: the grader, the zips for platforms, the solved notebooks and the guides."""
    files = {f"students/{name}": content for name, content in students.items()}
    for name in NOTEBOOKS.values():
        files[f"solutions/{name}.ipynb"] = (SOLUTIONS / f"{name}.ipynb").read_bytes()
        files[f"gradescope/{name}.zip"] = (GENERATED / name / "autograder.zip").read_bytes()
    for path in sorted(DOCS.glob("*.md")):
        files[f"docs/{path.name}"] = path.read_bytes()
    files |= {name: (ROOT / name).read_bytes() for name in (*LICENCES, "README.md", "CHANGELOG.md", "pins.txt")}
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        wheel = projects_wheel(Path(scratch))
        files[wheel.name] = wheel.read_bytes()
    files["START.md"] = (_HERE / "INSTRUCTORS.md").read_text(encoding="utf-8").replace("WHEEL", wheel.name).encode()
    return files


def learners_environment() -> str:
    """environment.yml without the project itself, which is not in a student's bundle."""
    text = ENVIRONMENT.read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(keepends=True) if line.strip() != "- -e .")
    assert yaml.safe_load(kept)["name"]
    return kept


def _below(folder: str, files: Files) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def _check_first_cell(path: Path) -> None:
    """The notebook looks for attnkit of this release, in the place that the course has set."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
    found = next(("".join(cell["source"]) for cell in cells if cell.get("id") == FIND), "")
    if found != first_cell_source():
        raise ReleaseError(
            f"{path.relative_to(ROOT)} is of another release or of another setting: run `autograder build` first"
        )
