"""From paths on the command line to one submission for each student and notebook.

Who a hand-in belongs to is decided here, from the outermost names alone; what is in it is read behind the door.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.archive import ArchiveError, archive_stem, is_archive
from autograder.grading.find.choosing import NAMED, Candidate, Submission, choose, only_of, some, tell_untouched
from autograder.grading.find.door import Bounds, DoorError, behind_the_door
from autograder.grading.find.layout import (
    PLATFORMS,
    SUBMITTED,
    Item,
    Known,
    Layout,
    Parts,
    describe,
    is_notebook,
    order,
    wrapper,
)
from autograder.grading.find.looking import account_of, files_below, holds, holds_any, is_hand_in, items_in
from autograder.grading.find.notebook import Identity
from autograder.grading.find.opening import (
    METADATA,
    STAMP,
    is_hidden_hand_in,
    is_ignored,
    open_export,
    open_hand_in,
    read_bounded,
    read_metadata,
)
from autograder.grading.find.platforms import CLONES, INBOUND, Owner, Student, exchange, iso_time, stamp
from autograder.grading.long_list import LongList
from autograder.grading.safe_text import in_lines, natural_key, printable, student_key

__all__ = ["Intake", "Student", "Submission", "read_bounded", "take_in"]

_EXPORT = Bounds(memory=2**30, cpu_seconds=600, seconds=900.0, reply=64 * 2**20)


@dataclass
class Intake:
    """Everything found under the paths: submissions in order, the layouts, and one line for all that was odd."""

    submissions: Sequence[Submission] = ()
    layouts: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Piece:
    """One outermost entry: its name, and what to open for it, or what is wrong with it."""

    item: Item
    start: list[tuple[Parts, Path]] = field(default_factory=list)
    problems: list[tuple[Parts, str]] = field(default_factory=list)
    others: list[Parts] = field(default_factory=list)


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
    candidates: LongList[Candidate] = LongList()
    containers = [path for path in paths if not is_notebook(path.name)]
    for path in paths:
        opener = _Opener(path, course, scratch, intake, bounds or Bounds(), who or _AsNamed())
        candidates.extend(opener.candidates(layout, one_of_many=len(containers) > 1))
    if notebook:
        candidates = only_of(candidates, notebook, intake.notices)
    intake.submissions = LongList(choose(candidates, course, intake.notices))
    if not notebook:
        tell_untouched(candidates, intake.notices)
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

    def candidates(self, kind: str, one_of_many: bool) -> Iterator[Candidate]:
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

    def _one(self, layout: Layout, pieces: list[_Piece], items: list[Item]) -> Iterator[Candidate]:
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
        self._tell_hidden(name for name in listed if is_hidden_hand_in((name,), True) and holds_any(root / name))
        for name in names:
            disk = root / name
            folder = disk.is_dir() and not disk.is_symlink()
            if name == METADATA and not folder:
                self._metadata = disk
                continue
            piece = _Piece(Item(name, folder, holds(disk) if folder else is_hand_in(name)))
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
            return items_in(self.root / piece.item.name)
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
            self.intake.notices.append(f"only {found[0].item.name}/ was read; left out: {some(beside)}")
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
                for inner, file in files_below(parts, disk):
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

    def _open(self, piece: _Piece, owner: Owner) -> Iterator[Candidate]:
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
                text = f"no notebook (.ipynb) was handed in, but {some(others)}" if others else "nothing was handed in"
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
                yield Candidate(student, newest, shown, disk, sha256, identity, mine)

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


def _known(folder: str, entry: Mapping[str, Any]) -> Known:
    """Who handed in a folder of a Gradescope export; a name alone, which people choose, makes nobody somebody else."""
    people = [
        Student(student_key(email or sid or f"{name} {folder}"), name or email or sid, "gradescope", sid, email)
        for name, email, sid in entry["people"]
        if email or sid or name
    ]
    return Known(tuple(people), iso_time(entry["time"]))
