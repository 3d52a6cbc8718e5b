"""`autograder release`: clean, complete, the same bytes twice, and of use outside a checkout."""

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from clean import check_clean
from click.testing import CliRunner

from attnkit import __version__
from autograder.building.first_cell import setting
from autograder.exercises import NOTEBOOKS
from autograder.paths import EXAMPLES, NUMBERS, PUBLIC_TESTS, ROOT
from autograder.paths import NOTEBOOKS as STUDENT
from autograder.releasing import command, links
from autograder.releasing.command import NAME, make_release
from autograder.releasing.wheels import projects_wheel


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    out = tmp_path_factory.mktemp("release")
    return {path.name: path for path in make_release(out)}


def test_it_makes_a_wheel_two_bundles_and_checksums(released):
    wheel = f"attnkit-{__version__}-py3-none-any.whl"
    bundles = {f"{NAME}-students.zip", f"{NAME}-students.tar.gz", f"{NAME}-instructors.zip"}
    assert set(released) == {wheel, *bundles, "SHA256SUMS"}
    sums = dict(line.split("  ")[::-1] for line in released["SHA256SUMS"].read_text().splitlines())
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in released.items()}
    assert sums == {name: digest for name, digest in found.items() if name != "SHA256SUMS"}


def test_made_again_it_is_the_same_bytes(released, tmp_path):
    again = make_release(tmp_path)
    assert {path.name: path.read_bytes() for path in again} == {
        name: path.read_bytes() for name, path in released.items()
    }


def test_the_learners_wheel_answers_nothing_and_lacks_nothing(released, tmp_path):
    with zipfile.ZipFile(released[f"attnkit-{__version__}-py3-none-any.whl"]) as wheel:
        wheel.extractall(tmp_path)
        names = set(wheel.namelist())
    assert check_clean(tmp_path) > 130
    assert {name.split("/")[0] for name in names} == {"attnkit", f"attnkit-{__version__}.dist-info"}
    assert {f"attnkit/tests/{path.name}" for path in PUBLIC_TESTS.glob("q*.py")} <= names
    assert {f"attnkit/checking/numbers/{path.name}" for path in NUMBERS.glob("*.json")} <= names
    assert {f"attnkit/corpus/en_es/{split}.tsv" for split in ("train", "validation", "test", "held_out")} <= names
    assert not any("__pycache__" in name for name in names)


def test_both_archives_of_the_students_bundle_hold_the_same(released, tmp_path):
    with zipfile.ZipFile(released[f"{NAME}-students.zip"]) as archive:
        zipped = {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(released[f"{NAME}-students.tar.gz"]) as archive:
        tarred = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
    assert zipped == tarred
    names = {name.removeprefix(f"{NAME}/") for name in zipped}
    wheel = f"attnkit-{__version__}-py3-none-any.whl"
    wanted = {f"{name}.ipynb" for name in NOTEBOOKS.values()} | {wheel, "START.md", "environment.yml"}
    assert names == wanted | {"LICENSE", "LICENSE-CONTENT"}
    environment = yaml.safe_load(zipped[f"{NAME}/environment.yml"])
    assert "-e ." not in environment["dependencies"][-1]["pip"]


@pytest.mark.parametrize("repository", ["https://github.com/someone/attention", "https://github.com/someone/attention.git"])
def test_a_named_repository_gives_two_links_for_each_notebook(repository, monkeypatch, released):
    wheel = released[f"attnkit-{__version__}-py3-none-any.whl"]
    named = replace(setting(), repository="")
    monkeypatch.setattr(command, "setting", lambda: named)
    assert "mybinder.org" not in command.students_files(wheel)["START.md"].decode()
    named = replace(setting(), repository=repository)
    start = command.students_files(wheel)["START.md"].decode()
    found = [urlsplit(address) for address in re.findall(r"\]\((https://(?:colab|mybinder)[^)]+)\)", start)]
    colab, binder = ([address for address in found if address.hostname.startswith(name)] for name in ("colab", "mybinder"))
    for number, name in enumerate(NOTEBOOKS.values()):
        assert (STUDENT / f"{name}.ipynb").is_file()
        assert colab[number].path == f"/github/someone/attention/blob/main/notebooks/{name}.ipynb"
        assert binder[number].path == "/v2/gh/someone/attention/main"
        assert parse_qs(binder[number].query) == {"urlpath": [f"lab/tree/notebooks/{name}.ipynb"]}
    assert len(found) == 2 * len(NOTEBOOKS)


@pytest.mark.parametrize("repository", ["someone/attention", "https://github.com/someone", "http://github.com/a/b", "https://x.org/a/b"])
def test_a_repository_that_is_none_is_said(repository):
    with pytest.raises(ValueError, match=r"should be as https://github\.com/OWNER/NAME is"):
        links.page(repository, ["01_bottleneck.ipynb"])


def test_the_instructors_bundle_has_the_grader_and_everything_students_get(released):
    with zipfile.ZipFile(released[f"{NAME}-instructors.zip"]) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    assert f"attention_course-{__version__}-py3-none-any.whl" in names
    for name in NOTEBOOKS.values():
        assert {f"students/{name}.ipynb", f"solutions/{name}.ipynb", f"gradescope/{name}.zip"} <= names


def test_a_stale_notebook_is_said_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "first_cell_source", lambda: "another setting")
    done = CliRunner().invoke(command.release, ["-o", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "run `autograder build` first" in done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A Python in which the project is installed outside of a checkout, with this environment's libraries."""
    home = tmp_path_factory.mktemp("installed")
    wheel = projects_wheel(tmp_path_factory.mktemp("project"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (libraries,) = {path for path in sys.path if path.endswith("site-packages") and Path(path, "torch").is_dir()}
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    install = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--no-deps", "--quiet"]
    subprocess.run([*install, "--no-index", "--force-reinstall", str(wheel)], check=True)
    return home / "bin"


def run(installed, *arguments, cwd):
    return subprocess.run([str(installed / "autograder"), *arguments], cwd=cwd, capture_output=True, text=True)


def test_outside_a_checkout_a_release_or_a_build_is_refused_in_one_sentence(installed, tmp_path):
    for arguments in (("release", "-o", "out"), ("build",), ("prove", "02", "--mutants", "1")):
        done = run(installed, *arguments, cwd=tmp_path)
        assert done.returncode != 0
        assert "checkout" in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments


@pytest.mark.slow
def test_outside_a_checkout_prove_grade_and_check_work(installed, tmp_path):
    proved = run(installed, "prove", "01", "--quiet", cwd=tmp_path)
    assert proved.returncode == 0, proved.stdout[-500:] + proved.stderr[-500:]
    assert "8 exercises: " in proved.stdout
    notebook = EXAMPLES / "class" / "aiko" / "02_keys_queries_values.ipynb"
    checked = run(installed, "check", str(notebook), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout[-500:] + checked.stderr[-500:]
    assert "40 of 40" in checked.stdout or "40/40" in checked.stdout, checked.stdout
    graded = run(installed, "grade", str(notebook.parent), "-o", "graded", cwd=tmp_path)
    assert graded.returncode == 0, graded.stdout[-500:] + graded.stderr[-500:]
    assert (tmp_path / "graded" / "grades.csv").read_text().count("\n") == 2


def test_nothing_is_left_in_the_checkout(released):
    assert not (ROOT / "build").exists()
    assert not (ROOT / "dist").exists()
