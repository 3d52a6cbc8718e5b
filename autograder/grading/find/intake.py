"""From paths on the command line to one submission for each student and notebook.

Who a hand-in belongs to is decided here, from the outermost names alone; what is in it is read behind the door.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.archive import FOREIGN_ARCHIVES, ArchiveError, archive_stem, is_archive
from autograder.grading.find.door import Bounds, DoorError, behind_the_door
from autograder.grading.find.layout import (
    PLATFORMS,
    SUBMITTED,
    Item,
    Known,
    Layout,
    Order,
    Parts,
    describe,
    is_notebook,
    order,
    wrapper,
)
from autograder.grading.find.notebook import Identity
from autograder.grading.find.opening import (
    METADATA,
    STAMP,
    is_hidden_hand_in,
    is_ignored,
    may_be_submission,
    open_export,
    open_hand_in,
    read_bounded,
    read_metadata,
)
from autograder.grading.find.platforms import CLONES, INBOUND, Owner, Student, exchange, iso_time, stamp
from autograder.grading.safe_text import in_lines, natural_key, printable, student_key

__all__ = ["Intake", "Student", "Submission", "read_bounded", "take_in"]

LOOKED_AT = 2_000  # entries of a folder that are looked at to learn whether a notebook is in it
NAMED = 5
_EXPORT = Bounds(memory=2**30, cpu_seconds=600, seconds=900.0, reply=64 * 2**20)


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
    handed_in: str = ""  # the platform's time, ISO and UTC; empty where none is known
    late: bool = False  # the platform says so
    attempt: int = 0  # the platform's number of the file or attempt, which grows with time
    origin: str = ""  # the outermost name, as the platform gave it
    earlier: tuple[Submission, ...] = ()  # older attempts that the platform handed over, too

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


@dataclass
class _Piece:
    """One outermost entry: its name, and what to open for it, or what is wrong with it."""

    item: Item
    start: list[tuple[Parts, Path]] = field(default_factory=list)
    problems: list[tuple[Parts, str]] = field(default_factory=list)
    others: list[Parts] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    student: Student
    order: Order
    shown: str
    disk: Path | None
    sha256: str
    identity: Identity
    owner: Owner


class Who(Protocol):
    """Says which students the owner of an entry is."""

    def meet(self, owners: Sequence[Owner]) -> Sequence[Owner]:
        """Hear of all owners of a path, before any of them is asked for; them with what else is known."""

    def __call__(self, owner: Owner) -> Sequence[Student]:
        """The students to whom an entry belongs."""


class _AsNamed:
    """Takes everybody as the platform names them."""

    def meet(self, owners: Sequence[Owner]) -> Sequence[Owner]:
        """Nothing to learn."""
        return owners

    def __call__(self, owner: Owner) -> Sequence[Student]:
        """The owner's own students."""
        return owner.students


def take_in(
    paths: Sequence[Path],
    course: Course,
    scratch: Path,
    layout: str = "auto",
    bounds: Bounds | None = None,
    who: Who | None = None,
    notebook: str = "",
) -> Intake:
    """Find every submission under `paths`; what is read of them is kept in the folder `scratch`.

    `who` says which students the owner of an entry is, `notebook` which one is meant where an entry holds several.
    Raises GradingError when a path cannot be used, may be a class or one student, or nothing is found.
    """
    intake = Intake()
    candidates: list[_Candidate] = []
    containers = [path for path in paths if not is_notebook(path.name)]
    for path in paths:
        opener = _Opener(path, course, scratch, intake, bounds or Bounds(), who or _AsNamed())
        candidates += opener.candidates(layout, one_of_many=len(containers) > 1)
    if notebook:
        candidates = _only(candidates, notebook, intake.notices)
    intake.submissions = _choose(candidates, course, intake.notices)
    if not notebook:
        _tell_untouched(candidates, intake)
    if not intake.submissions:
        where = ", ".join(printable(str(path)) for path in paths[:NAMED])
        raise GradingError(f"no notebook (.ipynb) found in {where}: is it the folder or archive with the submissions?")
    return intake


class _Opener:
    """One path of the command line."""

    def __init__(self, root: Path, course: Course, scratch: Path, intake: Intake, bounds: Bounds, who: Who) -> None:
        self.root = root
        self.who = who
        self.course = course
        self.scratch = scratch
        self.intake = intake
        self.bounds = bounds
        self._archived_metadata: dict[Parts, Path] = {}
        self._missing: dict[str, list[str]] = defaultdict(list)
        self._metadata: Path | None = None

    def candidates(self, kind: str, one_of_many: bool) -> Iterator[_Candidate]:
        """Every notebook, and every problem, with everybody whose hand-in it is."""
        pieces = self._pieces()
        name = self._name()
        layout = Layout(tuple(self.course.notebooks), name, kind)
        wrapped = ""
        if self._is_container():
            items = [piece.item for piece in pieces]
            if kind == "student" or (one_of_many and kind == "auto"):
                yield from self._one(layout, pieces, items)
                return
            holding = [piece for piece in pieces if piece.item.holds]
            inside = {piece.item.name: self._items_inside(piece) for piece in holding if len(holding) == 1}
            wrapped = wrapper(layout, items, inside, archive=self.root.is_file())
            if wrapped:
                pieces = self._unwrapped(pieces, wrapped)
            if kind in ("auto", "nbgrader", "exchange"):
                pieces, layout = self._nbgrader(pieces, layout)
            if kind == "files":
                pieces = self._flattened(pieces)
        known = self._known() if layout.kind in ("auto", "gradescope") else {}
        layout = Layout(layout.notebooks, wrapped if wrapped.endswith(CLONES) else name, layout.kind, known)
        owners = self.who.meet([layout.owner(piece.item) for piece in pieces])
        for piece, owner in zip(pieces, owners, strict=True):
            if owner.kind == "exchange" and piece.start:
                self._compare_owner(piece.start[0][1], owner)
            yield from self._open(piece, owner)
        self._tell_layout([owner.kind for owner in owners], wrapped)
        self._tell_missing()

    def _one(self, layout: Layout, pieces: list[_Piece], items: list[Item]) -> Iterator[_Candidate]:
        """The whole path as one student's hand-in, unless it may be a class."""
        if layout.kind == "auto" and layout.is_class(items):
            raise GradingError(
                f"{printable(self.root.name)} has several names in it: with several paths, say what each of them is: "
                "--layout student for one student's hand-in, --layout folders (or the platform's) for a class; or grade one "
                "download at a time"
            )
        whole = _Piece(Item(layout.root, folder=True))
        for piece in pieces:
            whole.start += piece.start
            whole.problems += piece.problems
            whole.others += piece.others
        self._tell_layout(["student"], "")
        (owner,) = self.who.meet([layout.itself()])
        yield from self._open(whole, owner)

    def _name(self) -> str:
        if self.root.is_dir():
            return self.root.resolve().name
        return archive_stem(self.root.name) if is_archive(self.root.name) else ""

    def _is_container(self) -> bool:
        return self.root.is_dir() or is_archive(self.root.name)

    def _pieces(self) -> list[_Piece]:
        """The outermost entries in order; raises GradingError when the path cannot be used."""
        root, shown = self.root, printable(self.root.name)
        if not os.path.lexists(root):
            raise GradingError(f"there is no file or folder {printable(str(root))}")
        if root.is_dir():
            return self._listed(root)
        if is_archive(root.name):
            pieces = self._unpacked(root)
            if not any(piece.item.holds or piece.problems for piece in pieces):
                raise GradingError(f"{shown} holds no notebook (.ipynb)")
            return pieces
        if is_notebook(root.name):
            return [_Piece(Item(root.name), [((root.name,), root.resolve())])]
        raise GradingError(f"{shown} is not a notebook (.ipynb), a folder or an archive (.zip, .tar.gz)")

    def _listed(self, root: Path, above: Parts = ()) -> list[_Piece]:
        try:
            listed = os.listdir(root)
            names = sorted((name for name in listed if not is_ignored((name,))), key=natural_key)
        except OSError as error:
            raise GradingError(f"{printable(str(root))} cannot be read ({error.strerror})") from None
        pieces = []
        self._tell_hidden(name for name in listed if is_hidden_hand_in((name,), True) and _holds_any(root / name))
        for name in names:
            disk = root / name
            folder = disk.is_dir() and not disk.is_symlink()
            if name == METADATA and not folder:
                self._metadata = disk
                continue
            piece = _Piece(Item(name, folder, _holds(disk) if folder else _is_hand_in(name)))
            if piece.item.folder or piece.item.holds:
                piece.start.append(((*above, name), disk))
            else:
                piece.others.append((*above, name))
            pieces.append(piece)
        return pieces

    def _unpacked(self, archive: Path) -> list[_Piece]:
        """The outermost entries of a class's archive, which is taken apart behind the door."""
        into = self._folder()
        try:
            opened = behind_the_door(lambda: open_export(archive.resolve(), into), _EXPORT, [archive], [into])
        except (DoorError, ArchiveError) as error:
            raise GradingError(f"{printable(archive.name)}: the archive is refused: {error}") from None
        by_name: dict[str, _Piece] = {}

        def piece(parts: Parts, holds: bool) -> _Piece:
            item = Item(parts[0], len(parts) > 1, holds)
            known = by_name.setdefault(item.name, _Piece(item))
            known.item = Item(item.name, known.item.folder or item.folder, known.item.holds or holds)
            return known

        self._tell_hidden(opened["hidden"])
        for listed, name in opened["files"]:
            parts = tuple(listed)
            if parts[-1] == METADATA and len(parts) <= 2:
                self._metadata_in(parts, into / name)
            elif parts[-1] == STAMP:
                piece(parts, holds=False).start.append((parts, into / name))
            elif parts[-1] != METADATA:
                piece(parts, holds=True).start.append((parts, into / name))
        for listed, problem in opened["refused"]:
            piece(tuple(listed), holds=True).problems.append((tuple(listed), problem))
        for listed in opened["others"]:
            piece(tuple(listed), holds=False).others.append(tuple(listed))
        return sorted(by_name.values(), key=lambda one: natural_key(one.item.name))

    def _metadata_in(self, parts: Parts, disk: Path) -> None:
        """Keep an archive's metadata by the folder it lies in; which of them is the export's is decided later."""
        self._archived_metadata[parts[:-1]] = disk
        if len(parts) == 1:
            self._metadata = disk

    def _unwrapped(self, pieces: list[_Piece], wrapped: str) -> list[_Piece]:
        """The entries of the one folder that holds the class; entries beside it are told."""
        (whole,) = [piece for piece in pieces if piece.item.name == wrapped]
        beside = [parts[-1] for piece in pieces if piece is not whole for parts in piece.others]
        if beside:
            self._missing["left out, no notebook:"] += beside
        if self.root.is_dir():
            self._metadata = None
            return self._listed(self.root / wrapped, (wrapped,))
        self._metadata = self._archived_metadata.get((wrapped,))
        return _split(whole, 1)

    def _items_inside(self, piece: _Piece) -> list[Item]:
        """The entries of an outermost folder, as far as they are needed to tell a class from a person."""
        if self.root.is_dir():
            folder = self.root / piece.item.name
            left = 20 * LOOKED_AT
            items = []
            try:
                with os.scandir(folder) as entries:
                    for entry in islice(entries, LOOKED_AT):
                        if not is_ignored((entry.name,)):
                            is_folder = entry.is_dir(follow_symlinks=False)
                            looked, holds = (
                                _look(folder / entry.name, left) if is_folder else (0, _is_hand_in(entry.name))
                            )
                            left -= looked
                            items.append(Item(entry.name, is_folder, holds))
            except OSError:
                return []
            return sorted(items, key=lambda item: natural_key(item.name))
        return [inner.item for inner in _split(piece, 1)]

    def _nbgrader(self, pieces: list[_Piece], layout: Layout) -> tuple[list[_Piece], Layout]:
        """nbgrader's course folder: only what lies in its folder `submitted` was handed in."""
        found = [piece for piece in pieces if piece.item.folder and piece.item.name == SUBMITTED]
        kind = "nbgrader"
        if not found:
            found, kind = [piece for piece in pieces if self._is_inbound(piece)], "exchange"
        if not found:
            return pieces, layout
        beside = [piece.item.name for piece in pieces if piece not in found and piece.item.holds]
        if beside:
            self.intake.notices.append(f"only {found[0].item.name}/ was read; left out: {_some(beside)}")
        if self.root.is_dir():
            (parts, disk), *_ = found[0].start
            inner = self._listed(disk, parts)
        else:
            inner = _split(found[0], self._depth_of(found[0]))
        return inner, Layout(layout.notebooks, layout.root, kind)

    def _is_inbound(self, piece: _Piece) -> bool:
        """Whether it is the folder into which nbgrader's exchange puts what is handed in, by all names in it."""
        items = self._items_inside(piece) if piece.item.folder and piece.item.name == INBOUND else []
        return bool(items) and all(exchange(item.name, item.name) is not None for item in items)

    def _depth_of(self, piece: _Piece) -> int:
        """How many names lead from the root of the archive to what lies in the piece."""
        paths = [*(parts for parts, _ in piece.start), *(parts for parts, _ in piece.problems), *piece.others]
        return next((parts.index(piece.item.name) + 1 for parts in paths if piece.item.name in parts), 1)

    def _flattened(self, pieces: list[_Piece]) -> list[_Piece]:
        """One piece for each file; what an archive holds belongs to the archive."""
        flat = []
        for piece in pieces:
            for parts, disk in piece.start:
                for inner, file in _files_below(parts, disk):
                    flat.append(_Piece(Item(inner[-1]), [(inner, file)]))
            flat += [_Piece(Item(parts[-1]), [], [(parts, problem)]) for parts, problem in piece.problems]
            flat += [
                _Piece(Item(name, holds=False), others=[parts]) for *_, name in piece.others for parts in [(name,)]
            ]
        return flat

    def _known(self) -> Mapping[str, Known]:
        """What the export's own metadata says; nothing that lies deeper is asked."""
        path = self._metadata
        if path is None:
            return {}
        try:
            if path.is_symlink():
                raise DoorError("it is a link")
            read = behind_the_door(lambda: read_metadata(path), self.bounds, [path])
        except (DoorError, ArchiveError) as error:
            self.intake.notices.append(f"{METADATA} is not used: {error}; students are named by their numbers")
            return {}
        return {folder: _known(folder, entry) for folder, entry in read.items()}

    def _open(self, piece: _Piece, owner: Owner) -> Iterator[_Candidate]:
        """Everything that one entry holds, each with everybody who handed it in."""
        opened: dict[str, Any] = {"notebooks": [], "others": []}
        found: list[tuple[str, str, Path | None, str, Identity]] = []
        stamps: dict[str, str] = {}
        collected = owner.kind == "nbgrader" or (owner.kind == "folders" and self._name() == SUBMITTED)
        timed = self._depth_in(piece) + 2 if collected else 0
        into = None
        if piece.start:
            into = self._folder()
            try:
                opened = behind_the_door(
                    lambda: open_hand_in(piece.start, into, self.course, timed),
                    self.bounds,
                    [disk for _, disk in piece.start],
                    [into],
                )
            except DoorError as error:
                shown = printable("/".join(piece.start[0][0]), 200)
                problem = Identity(problem=f"the hand-in is refused: {error}", unreadable=True)
                found.append((shown, piece.item.name, None, "", problem))
        for one in opened["notebooks"]:
            disk = into / one["kept"] if into is not None and one["kept"] is not None else None
            stamps[one["shown"]] = stamp(one["stamp"])
            found.append((one["shown"], one["name"], disk, one["sha256"], Identity(**one["identity"])))
        for parts, text in piece.problems:
            found.append(
                (printable("/".join(parts), 200), parts[-1], None, "", Identity(problem=text, unreadable=True))
            )
        others = [*(parts[-1] for parts in piece.others), *opened["others"]]
        students = self.who(owner)
        if not found:
            if owner.kind in PLATFORMS and owner.kind != "nbgrader" and (others or not piece.item.holds):
                text = f"no notebook (.ipynb) was handed in, but {_some(others)}" if others else "nothing was handed in"
                found.append((printable(piece.item.name, 200), piece.item.name, None, "", Identity(problem=text)))
            elif piece.item.folder and others:
                self._missing["no notebook from"].append(students[0].name)
            elif piece.item.folder:
                self._missing["an empty folder from"].append(students[0].name)
            else:
                self._missing["left out, no notebook:"].append(piece.item.name)
        for shown, name, disk, sha256, identity in found:
            handed_in = stamps.get(shown) or owner.handed_in
            newest = order(name, handed_in, owner.attempt)
            mine = replace(owner, origin=owner.origin or piece.item.name, handed_in=handed_in)
            for student in students:
                yield _Candidate(student, newest, shown, disk, sha256, identity, mine)

    def _depth_in(self, piece: _Piece) -> int:
        """How many names lead to what lies in the folder of one student."""
        paths = [*(parts for parts, _ in piece.start), *(parts for parts, _ in piece.problems)]
        return next((parts.index(piece.item.name) + 1 for parts in paths if piece.item.name in parts), 1)

    def _compare_owner(self, disk: Path, owner: Owner) -> None:
        """Say so when a folder of nbgrader's exchange says another name than that of the user who made it."""
        made_by = account_of(disk)
        if made_by and made_by not in owner.logins:
            shown, name = printable(owner.origin, 100), owner.students[0].name
            self.intake.notices.append(f"{shown} says {name}, and was made by {printable(made_by, 60)}: look at it")

    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.scratch))

    def _tell_hidden(self, names: Iterable[str]) -> None:
        self._missing["left out, a hidden name:"] += sorted(names)

    def _tell_missing(self) -> None:
        """Name everybody and everything without a notebook, a few in each line."""
        for words, names in self._missing.items():
            self.intake.notices += in_lines(words, names)

    def _tell_layout(self, kinds: Iterable[str], wrapped: str) -> None:
        told = describe(kinds, wrapped)
        if told:
            self.intake.layouts.append(f"{printable(self.root.name or str(self.root.resolve()))}: {told}")


def account_of(path: Path) -> str:
    """The user who owns a path, when it is a known one and neither root nor oneself; else nothing."""
    try:
        number = path.lstat().st_uid
        return "" if number in (0, os.getuid()) else pwd.getpwuid(number).pw_name
    except (OSError, KeyError):
        return ""


def _split(piece: _Piece, depth: int) -> list[_Piece]:
    """The entries of a folder of an archive, whose names stand at `depth` of the paths, as pieces of their own."""
    inner: dict[str, _Piece] = {}

    def of(parts: Parts, holds: bool) -> _Piece:
        name, folder = parts[min(depth, len(parts) - 1)], len(parts) > depth + 1
        known = inner.setdefault(name, _Piece(Item(name, folder, holds)))
        known.item = Item(name, known.item.folder or folder, known.item.holds or holds)
        return known

    for parts, disk in piece.start:
        of(parts, holds=parts[-1] != STAMP).start.append((parts, disk))
    for parts, problem in piece.problems:
        of(parts, holds=True).problems.append((parts, problem))
    for parts in piece.others:
        of(parts, holds=False).others.append(parts)
    return sorted(inner.values(), key=lambda one: natural_key(one.item.name))


def _files_below(parts: Parts, disk: Path) -> Iterator[tuple[Parts, Path]]:
    """Every file that may be a hand-in, at most so deep and so many as anybody looks."""
    waiting = [(parts, disk)]
    for _ in range(10 * LOOKED_AT):
        if not waiting:
            return
        here, path = waiting.pop()
        if path.is_dir() and not path.is_symlink() and len(here) < 40:
            try:
                with os.scandir(path) as entries:
                    waiting += [
                        ((*here, entry.name), Path(entry.path))
                        for entry in islice(entries, 10 * LOOKED_AT)
                        if not is_ignored((entry.name,))
                    ]
            except OSError:
                yield here, path  # it is told where it is opened
        elif _is_hand_in(here[-1]):
            yield here, path


def _holds_any(path: Path) -> bool:
    """Whether a path is a hand-in, or a folder with one in it."""
    return _holds(path) if path.is_dir() and not path.is_symlink() else _is_hand_in(path.name)


def _holds(folder: Path) -> bool:
    """Whether a notebook or archive is in a folder, as far as a bounded look can tell."""
    return _look(folder, LOOKED_AT)[1]


def _look(folder: Path, most: int) -> tuple[int, bool]:
    """How many entries were looked at, and whether a notebook or archive is among them or may be beyond them."""
    waiting, looked = [(folder, 0)], 0
    most = min(most, LOOKED_AT)
    while waiting and looked < most:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    looked += 1
                    if looked > most:
                        return looked, True
                    if is_ignored((entry.name,)):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if depth < 40:
                            waiting.append((Path(entry.path), depth + 1))
                    elif _is_hand_in(entry.name):
                        return looked, True
        except OSError:
            return looked, True  # what cannot be read is told where it is opened
    return looked, bool(waiting)


def _is_hand_in(name: str) -> bool:
    return may_be_submission(name) or name.lower().endswith(FOREIGN_ARCHIVES)


def _known(folder: str, entry: Mapping[str, Any]) -> Known:
    """Who handed in a folder of a Gradescope export; a name alone, which people choose, makes nobody somebody else."""
    people = [
        Student(student_key(email or sid or f"{name} {folder}"), name or email or sid, "gradescope", sid, email)
        for name, email, sid in entry["people"]
        if email or sid or name
    ]
    return Known(tuple(people), iso_time(entry["time"]))


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(printable(name, 60) for name in names[:NAMED]) + more


def _choose(candidates: Iterable[_Candidate], course: Course, notices: list[str]) -> list[Submission]:
    """One submission for each student and notebook: the newest; and one for everything else that went wrong."""
    by_student: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_student[candidate.student.key].append(candidate)
    common = {candidate.identity.notebook for group in by_student.values() for candidate in group} - {""}
    only = next(iter(common)) if len(common) == 1 else ""
    chosen: list[Submission] = []
    for key in sorted(by_student, key=natural_key):
        chosen += _of_student(by_student[key], course, only, notices)
    return chosen


def _of_student(group: list[_Candidate], course: Course, only: str, notices: list[str]) -> Iterator[Submission]:
    by_notebook: dict[str, list[_Candidate]] = defaultdict(list)
    bad = []
    for candidate in group:
        if candidate.identity.notebook:
            by_notebook[candidate.identity.notebook].append(candidate)
        else:
            bad.append(candidate)
    if not by_notebook:
        yield _problem(bad, course, only)
        return
    lost: dict[str, list[_Candidate]] = defaultdict(list)
    notes = []
    for candidate in bad:
        named = _named(candidate, course)
        if candidate.identity.unreadable and named and named not in by_notebook:
            lost[named].append(candidate)
        else:
            notes.append(f"{candidate.shown} was left out: {candidate.identity.problem}")
    notices += [f"{group[0].student.key}: {note}" for note in notes]
    for _, versions in sorted(by_notebook.items()):
        yield _newest(versions, course, notices, notes)
    for _, versions in sorted(lost.items()):
        yield _problem(versions, course, "")


def _named(candidate: _Candidate, course: Course) -> str:
    """The notebook of the course that a file's name names, if any."""
    plain = candidate.shown.replace("-", "_").replace(" ", "_")
    return next((name for name in course.notebooks if name in plain), "")


def _newest(versions: list[_Candidate], course: Course, notices: list[str], about: Sequence[str]) -> Submission:
    """The newest of several files: one that was worked on, by time, then attempt number, then name; of each earlier
    hand-in that has the platform's time or number, the newest file, too."""
    ranked = sorted(versions, key=lambda one: (not one.identity.untouched, one.order, natural_key(one.shown)))
    best = ranked[-1]
    earlier: dict[str, _Candidate] = {}
    for candidate in ranked:
        timed = candidate.owner.handed_in or candidate.owner.attempt
        if timed and candidate.owner.origin != best.owner.origin and candidate.sha256 != best.sha256:
            earlier[candidate.owner.origin] = candidate
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
    more = (f"and {len(about) - NAMED} more files were left out",) if len(about) > NAMED else ()
    notes += (*about[:NAMED], *more)
    before = [_submission(one) for one in sorted(earlier.values(), key=lambda one: one.order)]
    return replace(_submission(best), notes=notes, earlier=tuple(before))


def _submission(one: _Candidate) -> Submission:
    return Submission(
        *(one.student, one.identity.notebook, one.disk, one.shown, one.sha256, one.identity.version),
        **_handed_in(one.owner),
    )


def _handed_in(owner: Owner) -> dict[str, Any]:
    return {
        "handed_in": owner.handed_in,
        "late": bool(owner.late),
        "attempt": owner.attempt,
        "origin": owner.origin[:255],
    }


def _only(candidates: list[_Candidate], notebook: str, notices: list[str]) -> list[_Candidate]:
    """What is of one notebook, or may be; who handed in others only is told."""
    kept = [one for one in candidates if one.identity.notebook in ("", notebook)]
    without = {one.student.key: one.student.name for one in candidates}
    for one in kept:
        without.pop(one.student.key, None)
    notices += in_lines(f"no {notebook} from", without.values())
    return kept


def _tell_untouched(candidates: list[_Candidate], intake: Intake) -> None:
    """Say so when whole courses were handed in, most of it blank: one notebook is meant, and zeros would be wrong."""
    blank: dict[str, set[str]] = defaultdict(set)
    for one in candidates:
        if one.identity.untouched:
            blank[one.student.key].add(one.identity.notebook)
    many = [key for key, names in blank.items() if len(names) > 1]
    if many:
        intake.notices.append(
            f"several untouched notebooks came from {_some(many)}: if one notebook is meant, say which with --notebook"
        )


def _problem(bad: list[_Candidate], course: Course, only: str) -> Submission:
    """A student's row when nothing that they handed in can be graded: the newest file and what is wrong with it."""
    ranked = sorted(bad, key=lambda one: (one.identity.unreadable, one.order, natural_key(one.shown)))
    worst = ranked[-1]
    return Submission(
        worst.student,
        _named(worst, course) or only,
        None,
        worst.shown,
        worst.sha256,
        problem=worst.identity.problem,
        unreadable=worst.identity.unreadable,
        **_handed_in(worst.owner),
    )
