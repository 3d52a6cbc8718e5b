"""Which of a student's files is graded: the newest of each notebook; what went wrong with the others is told."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.grading.course import Course
from autograder.grading.find.layout import Order
from autograder.grading.find.notebook import Identity
from autograder.grading.find.opening import read_bounded
from autograder.grading.find.platforms import Owner, Student
from autograder.grading.long_list import LongList
from autograder.grading.safe_text import in_lines, natural_key, printable

NAMED = 5


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


@dataclass(frozen=True, slots=True)
class Candidate:
    """One notebook, or one problem, of one student, with when it came."""

    student: Student
    order: Order
    shown: str
    disk: Path | None
    sha256: str
    identity: Identity
    owner: Owner


def choose(candidates: Sequence[Candidate], course: Course, notices: list[str]) -> Iterator[Submission]:
    """One submission for each student and notebook: the newest; and one for everything else that went wrong."""
    of_student: dict[str, array[int]] = {}
    common = set()
    for place, candidate in enumerate(candidates):
        of_student.setdefault(candidate.student.key, array("L")).append(place)
        common.add(candidate.identity.notebook)
    common -= {""}
    only = next(iter(common)) if len(common) == 1 else ""
    for key in sorted(of_student, key=natural_key):
        yield from _of_student([candidates[place] for place in of_student[key]], course, only, notices)


def only_of(candidates: Sequence[Candidate], notebook: str, notices: list[str]) -> LongList[Candidate]:
    """What is of one notebook, or may be; who handed in others only is told."""
    kept: LongList[Candidate] = LongList()
    without: dict[str, str] = {}
    for one in candidates:
        if one.identity.notebook in ("", notebook):
            kept.append(one)
        else:
            without[one.student.key] = one.student.name
    for one in kept:
        without.pop(one.student.key, None)
    notices += in_lines(f"no {notebook} from", without.values())
    return kept


def tell_untouched(candidates: Iterable[Candidate], notices: list[str]) -> None:
    """Say so when whole courses were handed in, most of it blank: one notebook is meant, and zeros would be wrong."""
    blank: dict[str, set[str]] = defaultdict(set)
    for one in candidates:
        if one.identity.untouched:
            blank[one.student.key].add(one.identity.notebook)
    many = [key for key, names in blank.items() if len(names) > 1]
    if many:
        notices.append(
            f"several untouched notebooks came from {some(many)}: if one notebook is meant, say which with --notebook"
        )


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(printable(name, 60) for name in names[:NAMED]) + more


def _of_student(group: list[Candidate], course: Course, only: str, notices: list[str]) -> Iterator[Submission]:
    by_notebook: dict[str, list[Candidate]] = defaultdict(list)
    bad = []
    for candidate in group:
        if candidate.identity.notebook:
            by_notebook[candidate.identity.notebook].append(candidate)
        else:
            bad.append(candidate)
    if not by_notebook:
        yield _problem(bad, course, only)
        return
    lost: dict[str, list[Candidate]] = defaultdict(list)
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


def _named(candidate: Candidate, course: Course) -> str:
    """The notebook of the course that a file's name names, if any."""
    plain = candidate.shown.replace("-", "_").replace(" ", "_")
    return next((name for name in course.notebooks if name in plain), "")


def _newest(versions: list[Candidate], course: Course, notices: list[str], about: Sequence[str]) -> Submission:
    """The newest of several files: one that was worked on, by time, then attempt number, then name; of each earlier
    hand-in that has the platform's time or number, the newest file, too."""
    ranked = sorted(versions, key=lambda one: (not one.identity.untouched, one.order, natural_key(one.shown)))
    best = ranked[-1]
    earlier: dict[str, Candidate] = {}
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


def _submission(one: Candidate) -> Submission:
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


def _problem(bad: list[Candidate], course: Course, only: str) -> Submission:
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
