"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from autograder.grading.errors import GradingError

HALF = ".half"


@contextmanager
def written(path: Path, newline: str = "\n") -> Iterator[TextIO]:
    """A text file (UTF-8) that appears under `path` only when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline=newline) as stream:
        yield stream


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A file of bytes, with these permissions, that takes the place of `path` only when the block ends well."""
    descriptor, name = tempfile.mkstemp(HALF, f".{path.name[:40]}.", path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_half_written(folder: Path) -> None:
    """Take away what a killed run left half written below a folder that nobody else writes to."""
    for path in folder.rglob(f".*{HALF}"):
        path.unlink(missing_ok=True)


def usable_folder(path: Path) -> Path:
    """`path` as a folder that files can be written to; raises GradingError when it cannot be one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except FileExistsError:
        raise GradingError(f"{path} is a file: choose a folder with -o") from None
    except OSError as error:
        raise GradingError(f"cannot write to {path} ({error.strerror}): choose another folder with -o") from None
    return path
