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
    """How much may still be taken out of one archive and everything nested in it, and how many refusals are told."""

    bytes: int = 4 * 2**30
    entries: int = 200_000
    file_bytes: int = 256 * 2**20
    refusals: int = 50

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

    `share` gives everybody whose entries are in the archive an allowance of their own: what goes beyond it is left out,
    and ends nothing for the others.
    """
    result = Unpacked()
    shares = _Shares(budget, share, result.refused)
    try:
        for entry in _entries(archive, shares):
            if wanted(entry.parts):
                _take(entry, fresh(), shares, result)
    except _DAMAGE as error:
        raise ArchiveError(f"it cannot be opened ({_reason(error)})") from None
    return result


def outermost(archive: Path) -> set[str]:
    """At most two of the outermost names of an archive; raises ArchiveError."""
    names: set[str] = set()
    try:
        for entry in _entries(archive, _Shares(Budget(), lambda parts: Budget(), [])):
            if not entry.parts[0].startswith((".", "__MACOSX")):
                names.add(entry.parts[0] if len(entry.parts) > 1 else "")
            if len(names) > 1:
                break
    except _DAMAGE as error:
        raise ArchiveError(f"it cannot be opened ({_reason(error)})") from None
    return names


@dataclass
class _Shares:
    """Whose allowance an entry is taken from: the archive's own, or that of the one whose entry it is."""

    whole: Budget
    share: Callable[[tuple[str, ...]], Budget] | None
    refused: list[str]

    def of(self, name: str) -> Budget:
        """The allowance for an entry, by its name as it stands in the archive."""
        return self.whole if self.share is None else self.share(_rough_parts(name))

    def admit(self, name: str) -> bool:
        """Count an entry; False when somebody's own allowance is used up, ArchiveError when the archive's is."""
        mine = self.of(name)
        mine.entries -= 1
        if mine.entries < 0 and self.share is None:
            raise ArchiveError("it holds too many files")
        if mine.entries == -1:
            self.refuse(name, "too many files were handed in: the rest was left out")
        return mine.entries >= 0

    def refuse(self, name: str, reason: str) -> None:
        """Tell why an entry is left out, as often as is told of one allowance."""
        mine = self.of(name)
        mine.refusals -= 1
        if mine.refusals >= 0:
            self.refused.append(f"{name[: 4 * MAX_PART]}: {reason}")


def _rough_parts(name: str) -> tuple[str, ...]:
    """The first parts of a name that has not been checked."""
    return tuple(part for part in name[: 4 * MAX_PART].replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _take(entry: Entry, target: Path, shares: _Shares, result: Unpacked) -> None:
    name = "/".join(entry.parts)
    try:
        _copy(entry, target, shares.of(name))
    except (ArchiveError, *_DAMAGE) as error:
        target.unlink(missing_ok=True)
        shares.refuse(name, _reason(error))
    else:
        result.files.append((entry.parts, target))


def _entries(archive: Path, shares: _Shares) -> Iterator[Entry]:
    return _tar_entries(archive, shares) if tarfile.is_tarfile(archive) else _zip_entries(archive, shares)


def _zip_entries(archive: Path, shares: _Shares) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            if not shares.admit(info.filename) or info.is_dir():
                continue
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                shares.refuse(info.filename, "a link or device in an archive is not followed")
                continue
            parts = safe_parts(info.filename)
            if parts is None:
                shares.refuse(info.filename, "its path leads out of the archive or is too long")
                continue
            if info.flag_bits & 0x1:
                shares.refuse(info.filename, "it is protected by a password")
                continue
            yield Entry(parts, lambda info=info: source.open(info), info.file_size, info.compress_size)  # type: ignore[misc]


def _tar_entries(archive: Path, shares: _Shares) -> Iterator[Entry]:
    packed = max(archive.stat().st_size, 1)
    total = 0
    with tarfile.open(archive) as source:
        for member in source:
            admitted = shares.admit(member.name)
            total += member.size
            bomb = total > RATIO_MATTERS_ABOVE and total > MAX_RATIO * packed
            if shares.share is None and (bomb or total > shares.whole.bytes):
                raise ArchiveError("it is packed so tightly that it looks like a bomb")
            if not admitted or member.isdir():
                continue
            parts = safe_parts(member.name)
            if parts is None:
                shares.refuse(member.name, "its path leads out of the archive or is too long")
                continue
            if not member.isreg():
                shares.refuse(member.name, "a link or device in an archive is not followed")
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
