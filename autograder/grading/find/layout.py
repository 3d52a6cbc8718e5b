"""Who handed in what: read from the outermost names of an export, which platforms and instructors write.

Every outermost entry is placed by its own name alone, so no entry decides about another, and nothing that lies inside
an entry decides about anything: that is the student's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autograder.grading.errors import GradingError
from autograder.grading.find.archive import archive_stem, is_archive
from autograder.grading.find.platforms import CLONES, MAX_DIGITS, RULES, Owner, Student, classroom, is_number
from autograder.grading.safe_text import printable, student_key

PLATFORMS = ("canvas", "moodle", "gradescope", "blackboard", "brightspace", "github", "exchange", "nbgrader")
LAYOUTS = ("auto", "folders", "files", "student", *PLATFORMS)
Parts = tuple[str, ...]
NOTEBOOK_SUFFIXES = (".ipynb.txt", ".ipynb.json", ".ipynb")
SUBMITTED = "submitted"
_WORDS = {
    "canvas": "Canvas download",
    "moodle": "Moodle download",
    "gradescope": "Gradescope export",
    "blackboard": "Blackboard download",
    "brightspace": "Brightspace download",
    "github": "GitHub Classroom's clones",
    "exchange": "nbgrader's inbound folder",
    "nbgrader": "nbgrader's submitted folder",
    "files": "one file a student",
    "folders": "one folder a student",
    "student": "one student's hand-in",
}
_USUAL_WRAPPERS = ("submissions",)
_CHECKPOINT = "-checkpoint"


@dataclass(frozen=True, order=True, slots=True)
class Order:
    """Which of several files of one student is the newest: by the platform's time and number, then by the number in the
    file's name; a checkpoint copy is oldest."""

    real: bool
    time: str
    attempt: int
    by_name: int


@dataclass(frozen=True, slots=True)
class Known:
    """What a platform's own metadata says about one submission."""

    students: tuple[Student, ...] = ()
    time: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One name in a folder or archive; `holds` says whether a notebook or an archive is it or is somewhere in it."""

    name: str
    folder: bool = False
    holds: bool = True


@dataclass(frozen=True)
class Layout:
    """Places the outermost entries of one path; `root` is the path's own name."""

    notebooks: tuple[str, ...]
    root: str = ""
    kind: str = "auto"
    metadata: Mapping[str, Known] = field(default_factory=dict)

    def owner(self, item: Item) -> Owner:
        """To whom the outermost entry belongs."""
        platform = self._platform(item.name, item.folder)
        if platform is not None:
            return replace(platform, origin=item.name)
        if item.folder and self.kind != "files":
            kind = "nbgrader" if self.kind == "nbgrader" else "folders"
            return Owner((_plain(item.name, "nbgrader" if kind == "nbgrader" else ""),), kind)
        raw = self.bare(item.name)
        return Owner((_plain(raw or self.root or stem(item.name)),), "files" if raw else "student")

    def itself(self) -> Owner:
        """The owner when the whole path is one student's hand-in."""
        owner = self._platform(self.root)
        return replace(owner, origin=self.root) if owner else Owner((_plain(self.root),), "student")

    def bare(self, file_name: str) -> str:
        """The file's name without the notebook's name, time stamps and attempt numbers; may be empty."""
        text = _without_copy(stem(file_name).removesuffix(_CHECKPOINT))
        text = _without_attempt(_without_otter_time(text))
        for name in self.notebooks:
            text = _without(text, name)
        return text.strip(" _-.")

    def is_name(self, item: Item) -> bool:
        """Whether an entry could stand for a person: a folder always, a file unless it has the notebook's name only."""
        return item.folder or any(character.isalpha() for character in self.bare(item.name))

    def is_class(self, items: Iterable[Item]) -> bool:
        """Whether the entries could be several people's: at least two with names, and no notebook without one."""
        holding = [item for item in items if item.holds]
        names = {item.name if item.folder else self.bare(item.name) for item in holding if self.is_name(item)}
        return len(names) > 1 and all(self.is_name(item) for item in holding)

    def is_platform(self, item: Item) -> bool:
        """Whether the entry has a name that only platforms give."""
        return self._platform(item.name, item.folder) is not None

    def _platform(self, name: str, folder: bool = True) -> Owner | None:
        if self.kind in ("folders", "files", "student", "nbgrader"):
            return None
        if self.kind in ("auto", "gradescope"):
            owner = self._gradescope(name)
            if owner is not None:
                return owner
        for kind, read in RULES.items():
            if self.kind in ("auto", kind) and (kind != "exchange" or folder):
                owner = read(name, _without_otter_time(stem(name)))
                if owner is not None:
                    return owner
        return classroom(name, self.root) if folder and self.kind in ("auto", "github") else None

    def _gradescope(self, name: str) -> Owner | None:
        start, _, number = name.partition("_")
        if start != "submission" or not is_number(number):
            return None
        known = self.metadata.get(name, Known())
        return Owner(known.students or (Student(name, name, "gradescope", number),), "gradescope", known.time)


def wrapper(layout: Layout, items: Sequence[Item], inside: Mapping[str, Sequence[Item]], archive: bool) -> str:
    """The one folder that holds the whole class, such as a zip program adds, or nothing.

    `inside` holds the entries of every outermost folder. Raises GradingError when one folder may be a person or a class.
    """
    holding = [item for item in items if item.holds]
    if layout.kind not in ("auto", *PLATFORMS) or len(holding) != 1:
        return ""
    (only,) = holding
    within = inside.get(only.name, ())
    if not only.folder or layout.is_platform(only) or (only.name == SUBMITTED and layout.kind in ("auto", "nbgrader")):
        return ""
    others_are_people = any(item.folder for item in items if item is not only)
    added_by_program = archive and (only.name == layout.root or _is_drive_zip(layout.root, only.name))
    if not others_are_people and (
        added_by_program
        or only.name.lower() in _USUAL_WRAPPERS
        or is_export(only.name)
        or only.name.endswith(CLONES)
        or any(item.name == SUBMITTED and item.folder for item in within)
    ):
        cloned = any(item.folder and classroom(item.name, only.name) for item in within)
        return only.name if cloned or layout.is_class(within) or any(map(layout.is_platform, within)) else ""
    if layout.is_class(within):
        shown, above = printable(only.name, 60), printable(layout.root, 60)
        what = "unpack the archive and give that folder" if archive else f"give {above}/{shown}"
        raise GradingError(
            f"{above} holds one folder, {shown}, with several names in it: if that is the class, {what}; "
            "if it is one student, add --layout folders"
        )
    return ""


def is_export(name: str) -> bool:
    """Whether a folder has the name that Gradescope gives its exports: `assignment_123_export`."""
    parts = name.split("_")
    return len(parts) == 3 and parts[0] == "assignment" and is_number(parts[1]) and parts[2] == "export"


def _is_drive_zip(archive: str, folder: str) -> bool:
    """Whether Google Drive made the archive of this folder: `Folder-20261127T215930Z-1-001.zip`."""
    return re.fullmatch(r"-\d{8}T\d{6}Z(?:-\d{1,4}){1,2}", archive.removeprefix(folder)) is not None


def describe(kinds: Iterable[str], wrapped: str = "") -> str:
    """The layouts of a path in words, each once, in the order in which they were met."""
    words = list(dict.fromkeys(_WORDS[kind] for kind in kinds))
    return " and ".join(words) + (f", inside {printable(wrapped)}" if wrapped else "")


def is_notebook(name: str) -> bool:
    """Whether a file's name says that it is a notebook, also with what browsers add to it."""
    return name.lower().endswith(NOTEBOOK_SUFFIXES)


def stem(name: str) -> str:
    """The name without the suffix of a notebook or an archive."""
    for suffix in NOTEBOOK_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return archive_stem(name) if is_archive(name) else name


def order(name: str, time: str = "", attempt: int = 0) -> Order:
    """How new a file is by the platform's time and number, or by its name."""
    text = stem(name)
    digits = _attempt_digits(text.removesuffix(_CHECKPOINT))[1]
    by_name = int(digits) if 0 < len(digits) <= MAX_DIGITS else 0
    return Order(not text.endswith(_CHECKPOINT), time, attempt, by_name)


def _plain(raw: str, platform: str = "") -> Student:
    return Student(student_key(raw), printable(raw), platform)


def _attempt_digits(text: str) -> tuple[str, str]:
    """What stands before an attempt number at the end (`(2)`, `-2`, `_v2`), and its digits; no digits when none."""
    if text.endswith(")"):
        before, bracket, digits = text[:-1].rpartition("(")
        if bracket and digits.isascii() and digits.isdigit():
            return before.rstrip(), digits
        return text, ""
    before = text.rstrip("0123456789")
    digits = text[len(before) :]
    if digits and before.endswith("-"):
        return before[:-1], digits
    if digits and before[-1:] == "v" and before[-2:-1] in ("_", "-", " "):
        return before[:-2], digits
    return text, ""


# What Google puts before the name of a copy, in the languages of its help pages that put it there.
_COPIES = (
    *("copy of ", "kopie von ", "kopie van ", "copie de ", "copia de ", "copia di ", "cópia de ", "kopia ", "kopi af "),
    *("копия "),
)


def _without_copy(text: str) -> str:
    """The text without `Copy of` before it, as often as Google Drive has put it there (at most nine times)."""
    for _ in range(9):
        found = next((start for start in _COPIES if text.casefold().startswith(start)), "")
        if not found or len(text) == len(found):
            return text
        text = text[len(found) :]
    return text


def _without_attempt(text: str) -> str:
    return _attempt_digits(text)[0]


_OTTER_TIME = re.compile(r"[_-]?\d{4}[_-]\d{2}[_-]\d{2}T\d{2}[_-]\d{2}[_-]\d{2}(?:[_-]\d{1,9})?\Z")
_OTTER_LONGEST = 32


def _without_otter_time(text: str) -> str:
    """The text without the time stamp that Otter puts at the end of its exports."""
    tail = text[-_OTTER_LONGEST:]
    found = _OTTER_TIME.search(tail)
    return text if found is None else text[: len(text) - len(tail) + found.start()]


def _without(text: str, name: str) -> str:
    """The text without a notebook's name, in whose place of `_` a blank or a dash may stand."""
    plain = text.casefold().replace("-", "_").replace(" ", "_")
    if len(plain) != len(text):
        return text
    place = plain.find(name.casefold())
    return text if place < 0 else text[:place] + text[place + len(name) :]
