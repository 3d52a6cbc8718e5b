"""Open what one student handed in: folders, archives and notebooks; runs behind the door and returns plain data.

A notebook that can be read is written down anew, its code only, so that nobody after this reads a stranger's file.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from autograder.grading.course import Course
from autograder.grading.find.archive import (
    FOREIGN_ARCHIVES,
    MAX_DEPTH,
    MAX_PARTS,
    ArchiveError,
    Budget,
    archive_stem,
    is_archive,
    outermost,
    unpack,
)
from autograder.grading.find.layout import Parts, is_notebook
from autograder.grading.find.notebook import (
    MAX_BYTES,
    Identity,
    UnreadableError,
    identify_notebook,
    read_notebook,
    write_notebook,
)
from autograder.grading.safe_text import natural_key, printable

METADATA = "submission_metadata.yml"
STAMP = "timestamp.txt"  # beside a notebook that nbgrader collected: when it was handed in
MAX_METADATA = 8 * 2**20
MAX_ENTRIES = 5_000
MAX_NOTEBOOKS = 100
MAX_NAMES = 2**18  # bytes of all names of one hand-in in a class's archive
OTHERS_NAMED = 3
PEOPLE_NAMED = 40
_CLASS_BYTES = 8 * 2**30
_FILES_OF_THE_COURSE = ("attnkit", "data")
_OF_PROGRAMS = (
    ".cache",
    ".config",
    ".DS_Store",
    ".git",
    ".idea",
    ".ipynb_checkpoints",
    ".jupyter",
    ".local",
    ".venv",
    ".vscode",
)


def open_hand_in(start: Sequence[tuple[Parts, Path]], into: Path, course: Course, timed: int = 0) -> dict[str, Any]:
    """What one student's part holds: `notebooks`, each with what it is or its problem, and a few `others` by name.

    A file `timestamp.txt` is believed where `timed` names lead to it, which is where nbgrader puts it, and nowhere deeper.
    """
    hand_in = _HandIn(into, course, timed)
    for parts, disk in start:
        hand_in.add(parts, disk)
    for one in hand_in.notebooks:
        one["stamp"] = hand_in.stamps.get(one.pop("folder"), "")
    return {"notebooks": hand_in.notebooks, "others": hand_in.others}


class _HandIn:
    """One student's part while it is opened."""

    def __init__(self, into: Path, course: Course, timed: int = 0) -> None:
        self.into = into
        self.course = course
        self.timed = timed
        self.stamps: dict[Parts, str] = {}
        self.notebooks: list[dict[str, Any]] = []
        self.others: list[str] = []
        self._numbers = count()
        self._left = MAX_ENTRIES
        self._budget = Budget().nested()

    def add(self, parts: Parts, disk: Path, depth: int = 0) -> None:
        """Open a file or folder, and everything in it."""
        waiting = deque([(parts, disk)])
        while waiting:
            parts, disk = waiting.popleft()
            if is_ignored(parts):
                continue
            self._left -= 1
            if self._left < 0:
                if self._left == -1:
                    self._problem(parts, f"more than {MAX_ENTRIES} files were handed in: the rest was left out")
                return
            if disk.is_dir() and not disk.is_symlink():
                waiting.extend(self._listed(parts, disk))
            else:
                self._file(parts, disk, depth)

    def _listed(self, parts: Parts, folder: Path) -> list[tuple[Parts, Path]]:
        if len(parts) >= MAX_PARTS:
            self._problem(parts, "folders are nested too deeply")
            return []
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False)]
        except OSError as error:
            self._problem((*parts, "?"), f"the folder cannot be read ({error.strerror})")
            return []
        return [((*parts, name), folder / name) for name in sorted(names, key=natural_key)]

    def _file(self, parts: Parts, disk: Path, depth: int) -> None:
        name = parts[-1]
        if not stat.S_ISREG(os.lstat(disk).st_mode):
            if may_be_submission(name):
                kind = "a link" if disk.is_symlink() else "a pipe or device"
                self._problem(parts, f"it is {kind}, not a file: hand in the file itself")
        elif is_notebook(name):
            self._notebook(parts, disk)
        elif name == STAMP and depth == 0 and len(parts) == self.timed:
            self.stamps[parts[:-1]] = _first_line(disk)
        elif is_archive(name):
            self._archive((*parts[:-1], archive_stem(name)), disk, depth + 1)
        elif name.lower().endswith(FOREIGN_ARCHIVES):
            self._problem(parts, "this kind of archive cannot be opened: hand in the .ipynb or a .zip")
        elif len(self.others) < OTHERS_NAMED and not set(parts) & set(_FILES_OF_THE_COURSE):
            self.others.append(printable(name, 60))

    def _archive(self, parts: Parts, archive: Path, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._problem(parts, "archives are nested too deeply")
            return
        before = len(self.notebooks)

        def wanted(inner: Parts) -> bool:
            if is_ignored(inner) or may_be_submission(inner[-1]):
                return not is_ignored(inner)
            if len(self.others) < OTHERS_NAMED and not set(inner) & set(_FILES_OF_THE_COURSE):
                self.others.append(printable(inner[-1], 60))
            if inner[-1].lower().endswith(FOREIGN_ARCHIVES):
                self._problem((*parts, *inner), "this kind of archive cannot be opened: hand in the .ipynb or a .zip")
            return False

        try:
            unpacked = unpack(archive, self._fresh, wanted, self._budget)
        except (ArchiveError, MemoryError) as error:
            reason = "it takes too much memory to open" if isinstance(error, MemoryError) else str(error)
            self._problem(parts, f"the archive is refused: {reason}")
            return
        for line in unpacked.refused:
            name, _, reason = line.rpartition(": ")
            self._problem((*parts, name), reason)
        for inner, disk in unpacked.files:
            self.add((*parts, *inner), disk, depth)
            disk.unlink(missing_ok=True)
        if len(self.notebooks) == before:
            self._problem(parts, "the archive holds no notebook")

    def _notebook(self, parts: Parts, disk: Path) -> None:
        if len(self.notebooks) >= MAX_NOTEBOOKS:
            if len(self.notebooks) == MAX_NOTEBOOKS:
                self._found(parts, Identity(problem=f"more than {MAX_NOTEBOOKS} notebooks: the rest was left out"))
            return
        try:
            raw = read_bounded(disk)
        except OSError as error:
            self._problem(parts, f"the file cannot be read ({error.strerror or error})")
            return
        sha256 = hashlib.sha256(raw).hexdigest()
        try:
            notebook = read_notebook(raw)
        except (UnreadableError, MemoryError) as error:
            memory = "it takes too much memory to read: clear all outputs and save it again"
            problem = memory if isinstance(error, MemoryError) else str(error)
            self._found(parts, Identity(problem=problem, unreadable=True), sha256)
            return
        kept = self._fresh()
        kept.write_bytes(write_notebook(notebook))
        self._found(parts, identify_notebook(notebook, self.course), sha256, kept)

    def _problem(self, parts: Parts, problem: str) -> None:
        if len(self.notebooks) < 2 * MAX_NOTEBOOKS:
            self._found(parts, Identity(problem=problem, unreadable=True))

    def _found(self, parts: Parts, identity: Identity, sha256: str = "", kept: Path | None = None) -> None:
        self.notebooks.append(
            {
                "shown": printable("/".join(parts), 200),
                "name": parts[-1][:255],
                "sha256": sha256,
                "kept": None if kept is None else kept.name,
                "identity": asdict(identity),
                "folder": parts[: self.timed - 1] if self.timed else (),
            }
        )

    def _fresh(self) -> Path:
        return self.into / str(next(self._numbers))


def open_export(archive: Path, into: Path) -> dict[str, Any]:
    """Take the hand-ins out of a class's archive: `files` as (parts, name on the disk), `refused`, `others`, `hidden`.

    Every outermost entry (below a folder that holds them all) has an allowance of its own, so that none uses up another's.
    """
    numbers = count()
    depth = 1 if len(outermost(archive)) > 1 else 2
    seen: Counter[Parts] = Counter()
    named: Counter[Parts] = Counter()
    budgets: dict[Parts, Budget] = {}
    refused: list[tuple[list[str], str]] = []
    others: list[list[str]] = []
    hidden: dict[str, None] = {}

    def share(parts: Parts) -> Budget:
        return budgets.setdefault(parts[:depth], Budget().nested())

    def wanted(parts: Parts) -> bool:
        if is_ignored(parts):
            if is_hidden_hand_in(parts[depth - 1 : depth], may_be_submission(parts[-1])) and len(hidden) < PEOPLE_NAMED:
                hidden[parts[depth - 1]] = None
            return False
        mine = parts[:depth]
        seen[mine] += 1
        if may_be_submission(parts[-1]) or parts[-1] in (METADATA, STAMP) or parts[-1].lower().endswith(FOREIGN_ARCHIVES):
            before = named[mine]
            named[mine] += sum(map(len, parts))
            if before <= MAX_NAMES < named[mine]:
                refused.append(([*mine, parts[-1]], "too many names, or too long ones: the rest was left out"))
            return named[mine] <= MAX_NAMES
        if seen[mine] <= OTHERS_NAMED or len(parts) <= depth:
            others.append(list(parts))
        return False

    budget = Budget(bytes=_CLASS_BYTES, entries=500_000)
    unpacked = unpack(archive, lambda: into / str(next(numbers)), wanted, budget, share)
    for line in unpacked.refused:
        name, _, reason = line.rpartition(": ")
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")][:MAX_PARTS]
        refused.append(([part[:255] for part in parts] or ["?"], reason))
    return {
        "files": [(parts, disk.name) for parts, disk in unpacked.files],
        "refused": refused,
        "others": others,
        "hidden": list(hidden),
    }


def read_metadata(path: Path) -> dict[str, Any]:
    """Gradescope's list of submissions as `{folder: {"time", "people": [[name, email, sid]]}}`, texts only and short."""
    with path.open("rb") as source:
        raw = source.read(MAX_METADATA + 1)
    if len(raw) > MAX_METADATA:
        raise ArchiveError("it is too large")
    try:
        loaded = yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError, AttributeError):
        raise ArchiveError("it is not valid YAML") from None
    if not isinstance(loaded, Mapping):
        raise ArchiveError("it is not a list of submissions")
    return {
        folder: {"time": _short(entry.get(":created_at")), "people": list(_people(entry.get(":submitters")))}
        for folder, entry in loaded.items()
        if isinstance(folder, str) and len(folder) < 100 and isinstance(entry, Mapping)
    }


def _people(submitters: object) -> Iterator[list[str]]:
    for person in submitters[:PEOPLE_NAMED] if isinstance(submitters, list) else ():
        if isinstance(person, Mapping):
            yield [_short(person.get(field)) for field in (":name", ":email", ":sid")]


def _short(value: object) -> str:
    """A text, a small number or a date as a short text; anything else as none."""
    if value is None or isinstance(value, bool | bytes | list | Mapping | set):
        return ""
    if isinstance(value, int) and abs(value) > 10**30:
        return ""
    return printable(str(value))


def _first_line(path: Path) -> str:
    with path.open("rb") as source:
        return printable(source.read(200).decode("utf-8", "replace").partition("\n")[0])


def read_bounded(path: Path) -> bytes:
    """The bytes of a regular file, at most one more than a notebook may have; a link or device raises OSError."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))  # not every system has each
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    with os.fdopen(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        return source.read(MAX_BYTES + 1)


def is_ignored(parts: Parts) -> bool:
    """Whether a path is hidden, or one of the files that macOS adds to archives."""
    return any(part.startswith(".") for part in parts) or "__MACOSX" in parts


def is_hidden_hand_in(parts: Parts, holds: bool) -> bool:
    """Whether an outermost entry with a hidden name may be somebody's: it holds something, and no program made it."""
    name = parts[0] if parts else ""
    return holds and name.startswith(".") and not name.startswith("._") and name not in _OF_PROGRAMS


def may_be_submission(name: str) -> bool:
    """Whether a file is a notebook or an archive by its name."""
    return is_notebook(name) or is_archive(name)
