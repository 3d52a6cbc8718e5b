"""Who handed in a file: read from where it lies, in the layouts that platforms and instructors really use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.grading.find.archive import archive_stem
from autograder.grading.find.naming import printable, student_key

LAYOUTS = ("auto", "folders", "files", "canvas", "moodle", "gradescope", "nbgrader")
Parts = tuple[str, ...]

_CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+)$", re.IGNORECASE)
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file(?:_.*)?$")
_GRADESCOPE = re.compile(r"^submission_(?P<id>\d+)$")
_ATTEMPT = re.compile(r"(?:\s*\((\d+)\)|-(\d+)|[_\s-]v(\d+))$")
_OTTER_TIME = re.compile(r"[_-]?\d{4}[_-]\d{2}[_-]\d{2}T\d{2}[_-]\d{2}[_-]\d{2}(?:[_-]\d+)?$")
_CHECKPOINT = "-checkpoint"


@dataclass(frozen=True, slots=True)
class Student:
    """One person: a key that is the same in every run, the name to show, and how the platform knows them."""

    key: str
    name: str
    platform: str = ""
    id: str = ""
    email: str = ""


@dataclass(frozen=True, order=True, slots=True)
class Order:
    """Which of several files of one student is the newest: by time, then attempt; a checkpoint copy is oldest."""

    real: bool
    time: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Placed:
    """One file with everybody who handed it in together."""

    students: tuple[Student, ...]
    order: Order


class Layout:
    """The layout of one folder or archive, and the students in it.

    `root` is the folder's own name; when it is `one_of_many` and holds a single notebook, it is the student's.
    """

    def __init__(
        self,
        paths: Sequence[Parts],
        kind: str,
        metadata: Mapping[str, Any],
        notebooks: Iterable[str],
        root: str = "",
        one_of_many: bool = False,
    ) -> None:
        self.metadata = metadata
        self.names = tuple(notebooks)
        self.root = root
        self.kind = kind if kind != "auto" else _guess(paths)
        if kind == "auto" and self.kind in ("files", "folders") and root and one_of_many and len(paths) == 1:
            self.kind = "one"
        self.wrapper = _wrapper(paths, self._bare) if kind == "auto" and self.kind == "folders" else ()

    def place(self, parts: Parts) -> Placed:
        """Who handed in the file at `parts`, and how new it is."""
        stem = _stem(parts[-1])
        order = Order(not stem.endswith(_CHECKPOINT), "", _attempt(stem))
        if self.kind == "gradescope":
            return self._gradescope(parts, order)
        students = {"canvas": _canvas, "moodle": _moodle, "nbgrader": _nbgrader}.get(self.kind, self._none)(parts)
        return Placed((students or self._plain(parts),), order)

    def describe(self) -> str:
        """The layout in words."""
        words = {
            "canvas": "Canvas download",
            "moodle": "Moodle download",
            "gradescope": "Gradescope export",
            "nbgrader": "nbgrader's submitted folder",
            "files": "one file a student",
            "one": "one student's hand-in",
        }
        inside = f", inside {printable('/'.join(self.wrapper))}" if self.wrapper else ""
        return words.get(self.kind, "one folder a student") + inside

    def _none(self, parts: Parts) -> Student | None:
        return None

    def _plain(self, parts: Parts) -> Student:
        """The first folder's name, or the file's own name without the notebook's."""
        parts = parts[len(self.wrapper) :]
        folders = parts[:-1]
        if self.kind == "one":
            known = _canvas((self.root,)) or _moodle((self.root,))
            if known is not None:
                return known
            raw = self.root
        elif folders and self.kind != "files":
            raw = folders[0]
        else:
            raw = self._bare(parts[-1]) or (folders[-1] if folders else self.root or _stem(parts[-1]))
        return Student(student_key(raw), printable(raw))

    def _bare(self, file_name: str) -> str:
        """The file's name without the notebook's name, time stamps and attempt numbers; may be empty."""
        stem = _ATTEMPT.sub("", _OTTER_TIME.sub("", _stem(file_name).removesuffix(_CHECKPOINT)))
        for name in self.names:
            stem = re.sub(re.escape(name).replace("_", r"[_\s-]"), "", stem, flags=re.IGNORECASE)
        return stem.strip(" _-.")

    def _gradescope(self, parts: Parts, order: Order) -> Placed:
        folder, found = next(((part, match) for part in parts if (match := _GRADESCOPE.match(part))), ("", None))
        if found is None:
            return Placed((self._plain(parts),), order)
        entry = self.metadata.get(folder)
        entry = entry if isinstance(entry, Mapping) else {}
        submitters = entry.get(":submitters") or []
        people = [_submitter(person) for person in submitters if isinstance(person, Mapping)]
        order = Order(order.real, str(entry.get(":created_at", "")), order.attempt)
        return Placed(tuple(people) or (Student(folder, folder, "gradescope", found["id"]),), order)


def _guess(paths: Sequence[Parts]) -> str:
    """The layout that most files have."""
    tests: dict[str, Callable[[Parts], bool]] = {
        "gradescope": lambda parts: any(_GRADESCOPE.match(part) for part in parts),
        "moodle": lambda parts: _moodle(parts) is not None,
        "nbgrader": lambda parts: _nbgrader(parts) is not None,
        "canvas": lambda parts: _canvas(parts) is not None,
        "files": lambda parts: len(parts) == 1,
    }
    for kind, fits in tests.items():
        if paths and 2 * sum(fits(parts) for parts in paths) > len(paths):
            return kind
    return "folders"


def _wrapper(paths: Sequence[Parts], bare: Callable[[str], str]) -> Parts:
    """The folders that hold the whole class, such as the one that a zip program adds."""
    wrapper: Parts = ()
    while len(paths) > 1 and len({parts[0] for parts in paths}) == 1 and all(len(parts) > 1 for parts in paths):
        inner = [parts[1:] for parts in paths]
        plain = [len(parts) == 1 for parts in inner]
        if any(plain) and not (all(plain) and all(_could_be_a_name(bare(parts[0])) for parts in inner)):
            break
        wrapper += paths[0][:1]
        paths = inner
    return wrapper


def _could_be_a_name(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _canvas(parts: Parts) -> Student | None:
    found = next((match for part in parts if (match := _CANVAS.match(_stem(part)))), None)
    return Student(f"{found['name']}_{found['id']}", found["name"], "canvas", found["id"]) if found else None


def _moodle(parts: Parts) -> Student | None:
    found = next((match for part in parts if (match := _MOODLE.match(_stem(part)))), None)
    if found is None:
        return None
    name = printable(found["name"])
    return Student(student_key(f"{name} {found['id']}"), name, "moodle", found["id"])


def _nbgrader(parts: Parts) -> Student | None:
    folders = parts[:-1]
    if "submitted" not in folders or folders.index("submitted") + 1 >= len(folders):
        return None
    name = folders[folders.index("submitted") + 1]
    return Student(student_key(name), printable(name), "nbgrader")


def _submitter(person: Mapping[str, Any]) -> Student:
    name, email, sid = (printable(str(person.get(field) or "")) for field in (":name", ":email", ":sid"))
    return Student(student_key(email or sid or name), name or email or sid, "gradescope", sid, email)


def _stem(name: str) -> str:
    return name[: -len(".ipynb")] if name.lower().endswith(".ipynb") else archive_stem(name)


def _attempt(stem: str) -> int:
    found = _ATTEMPT.search(stem.removesuffix(_CHECKPOINT))
    return min(int(next(group for group in found.groups() if group)), 10**6) if found else 0
