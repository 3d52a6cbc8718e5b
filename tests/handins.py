"""Small hand-ins for tests: the student notebook of notebook 2 with answers filled in, and archives of files."""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.grading.find.door import DoorError

ROOT = Path(__file__).resolve().parents[1]
NAME = "02_keys_queries_values"
FILE = f"{NAME}.ipynb"


@cache
def sample_class() -> ModuleType:
    """The generator of the sample class, as a module."""
    spec = importlib.util.spec_from_file_location("make_class", ROOT / "examples" / "make_class.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _student() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "notebooks" / FILE).read_text(encoding="utf-8"))
    return loaded


def student_notebook() -> dict[str, Any]:
    """The notebook as it is handed out."""
    return copy.deepcopy(_student())


def handin(
    style: str = "einsum", answers: Mapping[str, str] | None = None, after: Mapping[str, str] | None = None
) -> bytes:
    """A filled-in notebook: the sample answers of one style, some replaced, and own cells after some."""
    made = sample_class()
    base = made.read_answers(style) if style else {}
    filled: bytes = made.as_file(made.fill(student_notebook(), {**base, **(answers or {})}, after))
    return filled


def marked(text: str) -> bytes:
    """A blank notebook with one cell of its own, so that it differs from every other."""
    return handin("", after={"q2_9": f"note = {text!r}"})


def blank() -> bytes:
    """The notebook as it is handed out, as a file."""
    return handin("")


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive; the names are written as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A gzipped tar archive, with symbolic links if asked for."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


def opened_here(work: Callable[[], object], *_: object) -> object:
    """What the door hands back, from no process of its own: the same JSON, the same words for an error."""
    try:
        return json.loads(json.dumps(work()))
    except Exception as error:
        raise DoorError(f"it cannot be opened ({type(error).__name__})") from None
