"""What travels with `autograder.zip`: the modules that one notebook's hidden tests import, and its requirements."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

from autograder.exercises import modules_of
from autograder.judging.declare import ZIPPED_KEY
from autograder.paths import ATTNKIT, NUMBERS, PINS, ROOT

PROVIDED = ("einops", "jaxtyping", "pandas", "scipy", "tqdm")  # beside the course's own: students of this field reach for them
RUNTIME = ("babel", "ipywidgets", "matplotlib", "numpy", "otter-grader", "torch", *PROVIDED)


def grader_files(number: str) -> dict[str, bytes]:
    """The Python files and numbers that grade one notebook, by path inside the zip's files."""
    start = ("autograder.judging.examine", *modules_of(number))
    files = {name: path.read_bytes() for name, path in sorted(_imported(start).items())}
    kit = [*ATTNKIT.rglob("*.py"), *NUMBERS.glob(f"q{int(number)}_*.json"), ATTNKIT / "style.mplstyle"]
    files |= {path.relative_to(ATTNKIT.parent).as_posix(): path.read_bytes() for path in sorted(kit)}
    return files


def requirements_text() -> str:
    """The pinned packages a grading image needs."""
    pins = [line for line in PINS.read_text().splitlines() if line.partition("==")[0] in RUNTIME]
    return "\n".join(pins) + "\n"


def canonical_zip(content: bytes) -> bytes:
    """The same archive with its entries sorted, dated 1980 and stored, so that two builds are byte-identical.

    What a compressor makes of the same content depends on its version.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name)  # of 1980, where no date is given
            info.external_attr = (0o755 if name in ("run_autograder", "setup.sh") else 0o644) << 16
            new.writestr(info, old.read(name))
    return buffer.getvalue()


def with_key(content: bytes, key: bytes) -> bytes:
    """The archive with a key from which its hidden inputs are drawn, in place of those of the repository."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        new.writestr(zipfile.ZipInfo(f"files/autograder/judging/{ZIPPED_KEY}"), key.hex())
    return buffer.getvalue()


def _imported(start: tuple[str, ...]) -> dict[str, Path]:
    """Every module of the two packages that the given ones import, however far away, by file name."""
    found: dict[str, Path] = {}
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        path = _module_path(module)
        if path is None or _file_name(path) in found:
            continue
        found[_file_name(path)] = path
        waiting += [".".join(module.split(".")[:i]) for i in range(1, module.count(".") + 1)]
        waiting += _imports_of(path)
    return found


def _module_path(module: str) -> Path | None:
    base = (ROOT if module.split(".")[0] == "autograder" else ATTNKIT.parent) / Path(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _file_name(path: Path) -> str:
    home = ATTNKIT.parent if path.is_relative_to(ATTNKIT) else ROOT
    return path.relative_to(home).as_posix()


def _imports_of(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in ("autograder", "attnkit")]
