"""What grading one notebook gave: plain data that can be stored, sent between processes and shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

STOPS = {  # problems in the words of `attnkit.checking.compare`, and what the instructor reads
    "it takes too long": "took too long and was stopped",
    "the process ended": "ended the whole process",
}
BLANK = "not written yet"


class Status(StrEnum):
    """How the grading of one submission ended."""

    GRADED = "graded"
    PROBLEMS = "graded with problems"
    UNREADABLE = "unreadable"
    WRONG_NOTEBOOK = "wrong notebook"
    INFRASTRUCTURE = "infrastructure error"

    @property
    def has_score(self) -> bool:
        """Whether the submission was really graded; a missing score is never a zero."""
        return self in (Status.GRADED, Status.PROBLEMS)


class QuestionStatus(StrEnum):
    """How one question was answered."""

    RIGHT = "right"
    APART = "right, apart from an earlier exercise"
    PARTLY = "partly right"
    WRONG = "wrong"
    BLANK = BLANK


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a check did not pass, in words that are fit to be kept and shown.

    It is not `attnkit`'s `Report`, from which it is made, because that may hold any character of a worker's and what differs from
    test to test, and comes with torch: two types let mypy refuse to record what was not cleaned, equal findings be one, and the
    coordinator stay small.
    """

    problem: str
    expected: str = ""
    found: str = ""
    looks_like: str = ""
    hint: str = ""
    look_at: str = ""
    mistake: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """The filled rows in reading order, as (label, text)."""
        rows = {
            "expected": self.expected,
            "found": self.found,
            "looks like": self.looks_like,
            "hint": self.hint,
            "look at": self.look_at,
        }
        return [(label, text) for label, text in rows.items() if text]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test case of a question; `finding` is None when it passed."""

    name: str
    hidden: bool
    points: float
    passed: bool
    finding: Finding | None = None


@dataclass(frozen=True)
class QuestionResult:
    """One question: its points and its cases.

    `apart_from` are the headings of the earlier exercises with whose mistakes alone the answer fails: with the library's
    parts in their place it passes. `code` is what was handed in for it. `behaviour` is what a wrong answer without a name did.
    `minutes` is how long it took, where the notebook tells.
    """

    name: str
    title: str
    score: float
    possible: float
    cases: tuple[CaseResult, ...]
    apart_from: tuple[str, ...] = ()
    code: str = ""
    behaviour: str = ""
    minutes: float | None = None

    @property
    def status(self) -> QuestionStatus:
        """Right, right but for an earlier exercise, partly right, wrong, or not written yet."""
        if all(case.passed for case in self.cases):
            return QuestionStatus.RIGHT
        if self.apart_from:
            return QuestionStatus.APART
        if self.score > 0:
            return QuestionStatus.PARTLY
        if all(case.finding is not None and case.finding.problem == BLANK for case in self.cases):
            return QuestionStatus.BLANK
        return QuestionStatus.WRONG

    def findings(self) -> list[tuple[Finding, list[CaseResult]]]:
        """The different findings in order, each with the failed cases that gave it.

        One known mistake is one finding, in the words of the first case that shows it; a case with the same problem
        and no name for it belongs to the mistake that another case names.
        """
        failed = [(case, case.finding) for case in self.cases if case.finding is not None]
        named = {finding.problem: finding for _, finding in failed if finding.looks_like}
        grouped: dict[object, tuple[Finding, list[CaseResult]]] = {}
        for case, finding in failed:
            known = finding if finding.looks_like else named.get(finding.problem)
            if known is None:
                grouped.setdefault(finding, (finding, []))[1].append(case)
                continue
            shown = replace(known, expected=finding.expected, found=finding.found)
            grouped.setdefault(known.looks_like, (shown, []))[1].append(case)
        return list(grouped.values())

    @property
    def stopped(self) -> str:
        """Why the worker had to be stopped during this question; empty when it had not."""
        return next((STOPS[finding.problem] for finding, _ in self.findings() if finding.problem in STOPS), "")

    def mistakes(self) -> list[str]:
        """What the answer looks like, in words, each known mistake once; a mistake of an earlier exercise is not this one's."""
        if self.apart_from:
            return []
        return list(dict.fromkeys(finding.looks_like for finding, _ in self.findings() if finding.looks_like))


@dataclass(frozen=True)
class CellProblem:
    """A cell that did not run to its end; `number` counts the notebook's code cells from 1, `place` is its exercise."""

    number: int
    status: str
    message: str
    place: str = ""

    @property
    def where(self) -> str:
        """The exercise that the cell answers, where it is known, and the cell."""
        cell = f"code cell {self.number}"
        return f"exercise {self.place} ({cell})" if self.place else cell

    def __str__(self) -> str:
        return f"{self.where} {self.message}"


@dataclass(frozen=True)
class Result:
    """Everything that is known about one graded (or ungradable) notebook."""

    status: Status
    questions: tuple[QuestionResult, ...] = ()
    cells: tuple[CellProblem, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()  # of the grader itself; for the instructor only
    possible: float = 0.0
    sandbox: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def score(self) -> float | None:
        """Points earned, or None when the notebook could not be graded."""
        return sum(question.score for question in self.questions) if self.status.has_score else None

    def reasons(self) -> tuple[str, ...]:
        """Why there is no score: our own fault first, then what is remarked about the hand-in."""
        return (*self.faults, *self.notes) if self.status is Status.INFRASTRUCTURE else (*self.notes, *self.faults)

    def problems(self) -> Iterator[str]:
        """One line for everything an instructor should look at."""
        yield from (str(cell) for cell in self.cells)
        yield from (f"{question.name} {question.stopped}" for question in self.questions if question.stopped)
        yield from self.faults
