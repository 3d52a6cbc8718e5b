"""Open the archives that students and platforms make, and take out only what may be a submission.

An archive is never trusted: names that leave it, links and devices are refused; sizes, counts, ratios and nesting are
bounded by what is really read, whatever the headers say. What is taken out gets a fresh name of ours on the disk.
"""

from __future__ import annotations

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
FOREIGN_ARCHIVES = (".rar", ".7z")
MAX_DEPTH = 4
MAX_PARTS = 40
MAX_PART = 255
MAX_RATIO = 200
RATIO_MATTERS_ABOVE = 8 * 2**20
_CHUNK = 2**20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    LookupError,
    struct.error,
)


class ArchiveError(Exception):
    """The archive, or an entry of it, is refused; the text says why, in one line."""


@dataclass
class Budget:
    """How much may still be taken out of one archive and everything nested in it."""

    bytes: int = 4 * 2**30
    entries: int = 200_000
    file_bytes: int = 256 * 2**20

    def nested(self) -> Budget:
        """The smaller allowance of an archive inside another: one student's share."""
        return Budget(min(self.bytes, 512 * 2**20), min(self.entries, 5_000), self.file_bytes)


@dataclass(frozen=True)
class Entry:
    """One file of an archive: its path inside it, how to read it, and its sizes as the archive states them."""

    parts: tuple[str, ...]
    open: Callable[[], IO[bytes]]
    size: int
    compressed: int


@dataclass
class Unpacked:
    """What came out: (path inside the archive, file on disk) pairs, and one line for everything refused."""

    files: list[tuple[tuple[str, ...], Path]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def is_archive(name: str) -> bool:
    """Whether the file name says that it is an archive that can be opened."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def archive_stem(name: str) -> str:
    """The name without its archive suffix."""
    for suffix in sorted(ARCHIVE_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def unpack(
    archive: Path,
    fresh: Callable[[], Path],
    wanted: Callable[[tuple[str, ...]], bool],
    budget: Budget,
    share: Callable[[tuple[str, ...]], Budget] | None = None,
) -> Unpacked:
    """Copy every wanted entry of `archive` to a `fresh` path; raises ArchiveError when the archive cannot be opened.

    `share` gives the allowance from which an entry's bytes are taken, where it is not the whole `budget`.
    """
    result = Unpacked()
    try:
        for entry in _entries(archive, budget, result.refused):
            if wanted(entry.parts):
                _take(entry, fresh(), budget if share is None else share(entry.parts), result)
    except _DAMAGE as error:
        raise ArchiveError(f"it cannot be opened ({_reason(error)})") from None
    return result


def outermost(archive: Path) -> set[str]:
    """At most two of the outermost names of an archive; raises ArchiveError."""
    names: set[str] = set()
    try:
        for entry in _entries(archive, Budget(), []):
            if not entry.parts[0].startswith((".", "__MACOSX")):
                names.add(entry.parts[0] if len(entry.parts) > 1 else "")
            if len(names) > 1:
                break
    except _DAMAGE as error:
        raise ArchiveError(f"it cannot be opened ({_reason(error)})") from None
    return names


def _take(entry: Entry, target: Path, budget: Budget, result: Unpacked) -> None:
    try:
        _copy(entry, target, budget)
    except (ArchiveError, *_DAMAGE) as error:
        target.unlink(missing_ok=True)
        result.refused.append(f"{'/'.join(entry.parts)}: {_reason(error)}")
    else:
        result.files.append((entry.parts, target))


def _entries(archive: Path, budget: Budget, refused: list[str]) -> Iterator[Entry]:
    return (
        _tar_entries(archive, budget, refused)
        if tarfile.is_tarfile(archive)
        else _zip_entries(archive, budget, refused)
    )


def _zip_entries(archive: Path, budget: Budget, refused: list[str]) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            _count(budget)
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                refused.append(f"{info.filename[:MAX_PART]}: a link or device in an archive is not followed")
                continue
            parts = safe_parts(info.filename)
            if parts is None:
                refused.append(f"{info.filename[:MAX_PART]}: its path leads out of the archive or is too long")
                continue
            if info.flag_bits & 0x1:
                refused.append(f"{info.filename[:MAX_PART]}: it is protected by a password")
                continue
            yield Entry(parts, lambda info=info: source.open(info), info.file_size, info.compress_size)  # type: ignore[misc]


def _tar_entries(archive: Path, budget: Budget, refused: list[str]) -> Iterator[Entry]:
    packed = max(archive.stat().st_size, 1)
    total = 0
    with tarfile.open(archive) as source:
        for member in source:
            _count(budget)
            total += member.size
            if total > budget.bytes or (total > RATIO_MATTERS_ABOVE and total > MAX_RATIO * packed):
                raise ArchiveError("it is packed so tightly that it looks like a bomb")
            if member.isdir():
                continue
            parts = safe_parts(member.name)
            if parts is None:
                refused.append(f"{member.name[:MAX_PART]}: its path leads out of the archive or is too long")
                continue
            if not member.isreg():
                refused.append(f"{member.name[:MAX_PART]}: a link or device in an archive is not followed")
                continue

            def opened(member: tarfile.TarInfo = member) -> IO[bytes]:
                stream = source.extractfile(member)
                assert stream is not None
                return stream

            yield Entry(parts, opened, member.size, member.size)


def safe_parts(name: str) -> tuple[str, ...] | None:
    """The path's parts, or None when it is absolute, climbs with `..`, is too long, or holds a null byte or a drive."""
    if len(name) > MAX_PARTS * MAX_PART:
        return None
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or not parts or ".." in parts or "\0" in name or ":" in parts[0][1:2]:
        return None
    if len(parts) > MAX_PARTS or any(len(part) > MAX_PART for part in parts):
        return None
    return parts


def _count(budget: Budget) -> None:
    budget.entries -= 1
    if budget.entries < 0:
        raise ArchiveError("it holds too many files")


def _copy(entry: Entry, target: Path, budget: Budget) -> None:
    """Copy one entry, counting what really comes out."""
    if entry.size > RATIO_MATTERS_ABOVE and entry.size > MAX_RATIO * max(entry.compressed, 1):
        raise ArchiveError("it is packed so tightly that it looks like a zip bomb")
    written = 0
    with entry.open() as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            budget.bytes -= len(chunk)
            if written > budget.file_bytes or budget.bytes < 0:
                raise ArchiveError("it is too large")
            sink.write(chunk)


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:80] if text else type(error).__name__
