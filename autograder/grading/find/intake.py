"""From paths on the command line to one submission for each student and notebook."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.archive import (
    FOREIGN_ARCHIVES,
    MAX_DEPTH,
    ArchiveError,
    Budget,
    archive_stem,
    is_archive,
    unpack,
)
from autograder.grading.find.layout import Layout, Order, Parts, Placed, Student
from autograder.grading.find.naming import natural_key, printable
from autograder.grading.find.notebook import MAX_BYTES, Identity, identify

METADATA = "submission_metadata.yml"
_MAX_METADATA = 64 * 2**20
_FILES_OF_THE_COURSE = ("attnkit", "data", "__MACOSX")


@dataclass(frozen=True, slots=True)
class Submission:
    """One notebook of one student that is to be graded, or a problem that keeps it from being graded."""

    student: Student
    notebook: str
    path: Path | None
    shown: str
    sha256: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    unreadable: bool = False

    def read(self) -> bytes:
        """The bytes of the notebook."""
        assert self.path is not None, "a submission with a problem has no bytes"
        return read_bounded(self.path)


@dataclass
class Intake:
    """Everything found under the paths: submissions in order, the layouts, and one line for all that was odd."""

    submissions: list[Submission] = field(default_factory=list)
    layouts: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """One file: where it lies in the hand-in, where on the disk, or why it was refused."""

    parts: Parts
    disk: Path | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    student: Student
    order: Order
    shown: str
    disk: Path | None
    sha256: str
    identity: Identity


Identify = Callable[[str, bytes], Identity]


def take_in(
    paths: Sequence[Path], course: Course, scratch: Path, layout: str = "auto", known: Identify | None = None
) -> Intake:
    """Find every submission under `paths`; archives are opened into the folder `scratch`.

    `known(sha256, raw)` may remember what a file was identified as. Raises GradingError when a path cannot be used or
    nothing is found.
    """
    remember = known or (lambda sha256, raw: identify(raw, course))
    intake = Intake()
    candidates: list[_Candidate] = []
    folders = [path for path in paths if path.suffix.lower() != ".ipynb"]
    for path in paths:
        found = _Finder(path, scratch, one_of_many=len(folders) > 1)
        candidates += _candidates(found, layout, course, remember, intake)
    intake.submissions = _choose(candidates, course, intake.notices)
    if not intake.submissions:
        where = ", ".join(str(path) for path in paths)
        raise GradingError(
            f"no notebook (.ipynb) found in {printable(where)}: is it the folder or archive with the submissions?"
        )
    return intake


def read_bounded(path: Path) -> bytes:
    """The bytes of a regular file, at most one more than a notebook may have; a link or device raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        return source.read(MAX_BYTES + 1)


class _Finder:
    """Walks one path of the command line, through folders and archives."""

    def __init__(self, root: Path, scratch: Path, one_of_many: bool) -> None:
        self.root = root
        self.one_of_many = one_of_many
        self.scratch = scratch
        self.found: list[_Found] = []
        self.others: list[Parts] = []
        self.metadata: dict[str, Any] = {}
        self._numbers = count()
        self._walk_root()
        self.found.sort(key=lambda file: natural_key("/".join(file.parts)))

    @property
    def name(self) -> str:
        """The folder's or archive's own name; empty for a single notebook."""
        if self.root.is_dir():
            return self.root.resolve().name
        return archive_stem(self.root.name) if is_archive(self.root.name) else ""

    def _walk_root(self) -> None:
        root = self.root
        if not root.exists():
            raise GradingError(f"there is no file or folder {printable(str(root))}")
        if root.is_dir():
            self._walk(root, ())
        elif is_archive(root.name):
            self._open(root, (), 1, Budget())
            if not self.found and not self.others:
                raise GradingError(f"{printable(root.name)} holds no notebook (.ipynb)")
            if not any(file.disk for file in self.found) and self.found and not self.found[0].parts:
                raise GradingError(f"{printable(root.name)}: {self.found[0].problem}")
        elif root.suffix.lower() == ".ipynb":
            self._add((root.name,), root.resolve())
        else:
            raise GradingError(
                f"{printable(root.name)} is not a notebook (.ipynb), a folder or an archive (.zip, .tar.gz)"
            )

    def _walk(self, folder: Path, parts: Parts) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: natural_key(entry.name))
        except OSError as error:
            self.found.append(_Found((*parts, "?"), None, f"the folder cannot be read ({error.strerror})"))
            return
        for entry in entries:
            here = (*parts, entry.name)
            if _is_ignored(here):
                continue
            if entry.is_dir(follow_symlinks=False):
                self._walk(Path(entry.path), here)
            elif entry.is_file(follow_symlinks=False):
                self._add(here, Path(entry.path))
            elif _may_be_submission(here):
                kind = "a link" if entry.is_symlink() else "a pipe or device"
                self.found.append(_Found(here, None, f"it is {kind}, not a file: hand in the file itself"))

    def _add(self, parts: Parts, disk: Path, depth: int = 0, budget: Budget | None = None) -> None:
        name = parts[-1].lower()
        if name.endswith(".ipynb"):
            self.found.append(_Found(parts, disk))
        elif is_archive(name):
            self._open(disk, (*parts[:-1], archive_stem(parts[-1])), depth + 1, (budget or Budget()).nested())
        elif name.endswith(FOREIGN_ARCHIVES):
            self.found.append(
                _Found(parts, None, "this kind of archive cannot be opened: hand in the .ipynb or a .zip")
            )
        elif parts[-1] == METADATA:
            self._read_metadata(disk)
        else:
            self.others.append(parts)

    def _open(self, archive: Path, parts: Parts, depth: int, budget: Budget) -> None:
        if depth > MAX_DEPTH:
            self.found.append(_Found((*parts, archive.name), None, "archives are nested too deeply"))
            return
        before = len(self.found)
        try:
            unpacked = unpack(archive, self._fresh, lambda inner: self._is_wanted(parts, inner), budget)
        except ArchiveError as error:
            self.found.append(_Found(parts, None, f"the archive is refused: {error}"))
            return
        for line in unpacked.refused:
            name, _, reason = line.rpartition(": ")
            self.found.append(
                _Found((*parts, *(part for part in name.split("/") if part not in ("", "..", "."))), None, reason)
            )
        for inner, disk in unpacked.files:
            self._add((*parts, *inner), disk, depth, budget)
        if len(self.found) == before and depth > 1:
            self.found.append(_Found(parts, None, "the archive holds no notebook"))

    def _is_wanted(self, parts: Parts, inner: Parts) -> bool:
        if _is_ignored(inner):
            return False
        if _may_be_submission(inner) or inner[-1] == METADATA:
            return True
        self._add((*parts, *inner), self.root)
        return False

    def _fresh(self) -> Path:
        return self.scratch / f"{id(self):x}-{next(self._numbers)}"

    def _read_metadata(self, disk: Path) -> None:
        if disk.stat().st_size > _MAX_METADATA:
            return
        try:
            loaded = yaml.load(disk.read_bytes(), Loader=_loader())
        except (yaml.YAMLError, ValueError, RecursionError):
            return
        if isinstance(loaded, dict):
            self.metadata |= {str(key): value for key, value in loaded.items()}


def _loader() -> Any:
    """The fast safe YAML loader where it is built in."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _is_ignored(parts: Parts) -> bool:
    return any(part.startswith(".") for part in parts) or "__MACOSX" in parts


def _may_be_submission(parts: Parts) -> bool:
    return parts[-1].lower().endswith(".ipynb") or is_archive(parts[-1])


def _candidates(found: _Finder, layout: str, course: Course, known: Identify, intake: Intake) -> Iterator[_Candidate]:
    paths = [file.parts or (found.root.name,) for file in found.found]
    arranged = Layout(paths, layout, found.metadata, course.notebooks, found.name, found.one_of_many)
    if found.found:
        intake.layouts.append(f"{printable(found.root.name or str(found.root))}: {arranged.describe()}")
    with_notebook: set[str] = set()
    for file, path in zip(found.found, paths, strict=True):
        placed = arranged.place(path)
        with_notebook |= {student.key for student in placed.students}
        yield from _candidate(file, placed, known)
    _tell_missing(found.others, arranged, with_notebook, intake.notices)


def _candidate(file: _Found, placed: Placed, known: Identify) -> Iterator[_Candidate]:
    shown = printable("/".join(file.parts), 200)
    sha256, identity = "", Identity(problem=file.problem, unreadable=True)
    if file.disk is not None:
        try:
            raw = read_bounded(file.disk)
        except OSError as error:
            identity = Identity(problem=f"the file cannot be read ({error.strerror or error})", unreadable=True)
        else:
            sha256 = hashlib.sha256(raw).hexdigest()
            identity = known(sha256, raw)
    for student in placed.students:
        yield _Candidate(student, placed.order, shown, file.disk, sha256, identity)


def _tell_missing(others: Iterable[Parts], layout: Layout, seen: set[str], notices: list[str]) -> None:
    """One line for everybody who handed in files, but no notebook."""
    inside = [parts for parts in others if len(parts) > 1 + len(layout.wrapper)]
    inside = [parts for parts in inside if not set(parts) & set(_FILES_OF_THE_COURSE)]
    names = {student.name for parts in inside for student in layout.place(parts).students if student.key not in seen}
    if names:
        listed = sorted(names, key=natural_key)
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        notices.append(f"no notebook from {', '.join(listed[:5])}{more}")


def _choose(candidates: Iterable[_Candidate], course: Course, notices: list[str]) -> list[Submission]:
    """One submission for each student and notebook: the newest; and one for a student with nothing but problems."""
    by_student: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_student[candidate.student.key].append(candidate)
    common = {candidate.identity.notebook for group in by_student.values() for candidate in group} - {""}
    only = next(iter(common)) if len(common) == 1 else ""
    chosen: list[Submission] = []
    for key in sorted(by_student, key=natural_key):
        group = by_student[key]
        good = [candidate for candidate in group if candidate.identity.notebook]
        bad = [candidate for candidate in group if not candidate.identity.notebook]
        by_notebook: dict[str, list[_Candidate]] = defaultdict(list)
        for candidate in good:
            by_notebook[candidate.identity.notebook].append(candidate)
        chosen += [_newest(versions, course, notices) for _, versions in sorted(by_notebook.items())]
        if good:
            notices += [f"{key}: {candidate.shown} was left out: {candidate.identity.problem}" for candidate in bad]
        else:
            chosen.append(_problem(bad, course, only))
    return chosen


def _newest(versions: list[_Candidate], course: Course, notices: list[str]) -> Submission:
    """The newest of several files: one that was worked on, by time, then attempt number, then name."""
    ranked = sorted(versions, key=lambda one: (not one.identity.untouched, one.order, natural_key(one.shown)))
    best = ranked[-1]
    different = {candidate.sha256 for candidate in versions if candidate.order.real}
    notes: tuple[str, ...] = ()
    if len(different) > 1:
        notes += (
            f"handed in {len(different)} different files for {best.identity.notebook}; graded the newest, {best.shown}",
        )
        notices.append(f"{best.student.key}: {notes[0]}")
    if best.identity.version != course.notebooks[best.identity.notebook].version:
        which = "an older version" if best.identity.version else "an unmarked version"
        notes += (f"{which} of {best.identity.notebook}; graded with today's tests",)
    return Submission(
        best.student, best.identity.notebook, best.disk, best.shown, best.sha256, best.identity.version, notes
    )


def _problem(bad: list[_Candidate], course: Course, only: str) -> Submission:
    """A student's row when nothing that they handed in can be graded: the newest file and what is wrong with it."""
    ranked = sorted(bad, key=lambda one: (one.identity.unreadable, one.order, natural_key(one.shown)))
    worst = ranked[-1]
    named = next((name for name in course.notebooks if name in worst.shown.replace("-", "_")), "")
    return Submission(
        worst.student,
        named or only,
        None,
        worst.shown,
        worst.sha256,
        problem=worst.identity.problem,
        unreadable=worst.identity.unreadable,
    )
