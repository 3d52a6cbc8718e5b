"""The class report: how scores are spread, which questions are hard, which mistakes are made, what needs a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TextIO

from autograder.grading.course import Course
from autograder.grading.find.intake import Intake
from autograder.grading.long_list import LongList, Shelf
from autograder.grading.record.gradebook import Record
from autograder.grading.record.people import Listed
from autograder.grading.record.result import QuestionStatus
from autograder.grading.report.course_view import CourseView, Standing, time_taken, to_change
from autograder.grading.report.exports import percent
from autograder.grading.report.numbers import number
from autograder.grading.report.pages import write_page
from autograder.grading.report.statistics import NotebookStatistics, QuestionStatistics
from autograder.grading.safe_text import natural_key
from autograder.judging.behaviour_alike import alike

MISTAKES_SHOWN = 20
GROUPS_SHOWN = 10
GROUPS_KEPT = 200  # of one notebook: what is like none of so many is counted as alone


@dataclass(frozen=True, slots=True)
class Line:
    """One student in the table of a notebook."""

    name: str
    link: str
    status: str
    score: str
    percent: str
    points: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram, in the units of its drawing."""

    label: str
    count: int
    x: float
    y: float
    height: float


@dataclass
class Unnamed:
    """Wrong answers to one question that behave alike and have no name: who gave them, and one of them as an example."""

    question: str
    title: str
    behaviour: str
    example: str
    student: str
    who: LongList[tuple[str, str]]


@dataclass
class Part:
    """One section of the class in a notebook, or who is in none."""

    lines: LongList[Line]
    statistics: NotebookStatistics = field(default_factory=NotebookStatistics)

    def mean_of(self, question: str) -> float | None:
        """The mean share of a question's points, or None where nobody has any."""
        known = self.statistics.questions.get(question)
        return known.mean if known else None


@dataclass
class Section:
    """One notebook of the report; `parts` are the sections of the class. What grows with the class lies on the `shelf`."""

    name: str
    title: str
    shelf: Shelf
    statistics: NotebookStatistics = field(default_factory=NotebookStatistics)
    parts: dict[str, Part] = field(default_factory=dict)
    who: dict[tuple[str, str], LongList[tuple[str, str]]] = field(default_factory=dict)
    unnamed: list[Unnamed] = field(default_factory=list)
    unlike: int = 0

    def __post_init__(self) -> None:
        self.lines: LongList[Line] = LongList(shelf=self.shelf)
        self.problems: LongList[tuple[str, str, str]] = LongList(shelf=self.shelf)

    def add_line(self, record: Record, link: str, sections: Iterable[str]) -> None:
        """One student, who is in these sections of the class or in none."""
        line = _line(record, link)
        self.lines.append(line)
        self.statistics.add(record.result)
        for name in sections or ("",):
            part = self.parts.setdefault(name, Part(LongList(shelf=self.shelf)))
            part.lines.append(line)
            part.statistics.add(record.result)
        self.problems.extend((record.student.name, link, text) for text in _to_look_at(record))

    @property
    def groups(self) -> list[Unnamed]:
        """What several students share and nobody has named, the largest group first."""
        shared = [group for group in self.unnamed if len(group.who) > 1]
        return sorted(shared, key=lambda group: -len(group.who))[:GROUPS_SHOWN]

    @property
    def alone(self) -> int:
        """How many wrong answers without a name are like no other."""
        return self.unlike + sum(len(group.who) == 1 for group in self.unnamed)

    def add_answers(self, record: Record, link: str) -> None:
        """Who makes which mistake, named or not."""
        here = (record.student.name, link)
        for question in record.result.questions:
            for mistake in question.mistakes():
                self.who.setdefault((question.name, mistake), LongList(shelf=self.shelf)).append(here)
            if question.behaviour and not question.apart_from:
                known = (group for group in self.unnamed if group.question == question.name)
                group = next((one for one in known if alike(one.behaviour, question.behaviour)), None)
                if group is None and len(self.unnamed) >= GROUPS_KEPT:
                    self.unlike += 1
                    continue
                if group is None:
                    about = (question.name, question.title, question.behaviour, question.code)
                    group = Unnamed(*about, record.student.key, LongList(shelf=self.shelf))
                    self.unnamed.append(group)
                group.who.append(here)

    @property
    def bars(self) -> list[Bar]:
        """The histogram in a drawing 600 wide and 200 high, baseline at 170."""
        return histogram(self.statistics.bins)

    @property
    def questions(self) -> list[QuestionStatistics]:
        """The questions in order."""
        return list(self.statistics.questions.values())

    @property
    def mistakes(self) -> list[tuple[str, str, int]]:
        """The commonest known mistakes: (question, what it looks like, how many students)."""
        ranking = sorted(self.statistics.mistakes.items(), key=lambda item: (-item[1], item[0]))
        return [(question, text, count) for (question, text), count in ranking[:MISTAKES_SHOWN]]


class ClassReport:
    """Gathers the rows of a gradebook and renders the report."""

    def __init__(
        self, course: Course, intake: Intake, people: Mapping[str, Listed] | None = None, notebooks: Sequence[str] = ()
    ) -> None:
        self.course = course
        self.intake = intake
        self.parts_of = {key: one.sections for key, one in (people or {}).items() if one.section}
        self.parts = sorted({name for names in self.parts_of.values() for name in names}, key=natural_key)
        self.sections: dict[str, Section] = {}
        self.sandboxes: set[str] = set()
        self.latest = ""
        self._shelf = Shelf()
        self.view = CourseView(notebooks, self._shelf)

    def add(self, record: Record, link: str) -> None:
        """One row of the gradebook; `link` leads to its feedback page."""
        section = self.sections.setdefault(
            record.notebook, Section(record.notebook, self.course.title(record.notebook), self._shelf)
        )
        section.add_line(record, link, self.parts_of.get(record.student.key, ()))
        section.add_answers(record, link)
        self.latest = max(self.latest, record.graded_at)
        if record.result.sandbox:
            self.sandboxes.add(record.result.sandbox)

    def add_student(self, key: str, standing: Standing) -> None:
        """One student over the term."""
        self.view.add(standing, self.parts_of.get(key, ()))

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the notebooks that somebody has handed in."""
        return {name: self.course.title(name) for name in self.view.notebooks}

    def write(self, stream: TextIO) -> None:
        """The whole page."""
        questions = [one for section in self.sections.values() for one in section.statistics.questions.values()]
        write_page(
            stream,
            "report.html",
            sections=[section for section in self.sections.values() if section.lines],
            view=self.view,
            parts=self.parts if len(self.parts) > 1 else [],
            to_change=to_change(questions),
            taken=time_taken(questions, self.course.minutes),
            short={name: title.partition(" ")[0] for name, title in self.titles.items()},
            titles=self.titles,
            intake=self.intake,
            sandboxes=sorted(self.sandboxes),
            latest=readable_time(self.latest),
        )


def histogram(bins: Sequence[int], width: float = 600, height: float = 140, base: float = 170) -> list[Bar]:
    """Bars for counts of scores in tenths of the possible points."""
    step, tallest = width / len(bins), max(1, *bins)
    return [
        Bar(
            f"{100 * i // len(bins)}–{100 * (i + 1) // len(bins)} %",
            count,
            round(i * step, 1),
            round(base - height * count / tallest, 1),
            round(height * count / tallest, 1),
        )
        for i, count in enumerate(bins)
    ]


def readable_time(moment: str) -> str:
    """`2026-11-24 02:16 UTC` for an ISO time; empty stays empty."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M UTC") if moment else ""


def _line(record: Record, link: str) -> Line:
    result = record.result
    kinds = {
        QuestionStatus.RIGHT: "right",
        QuestionStatus.APART: "right",
        QuestionStatus.PARTLY: "partly",
        QuestionStatus.BLANK: "blank",
    }
    return Line(
        record.student.name,
        link,
        result.status.value,
        number(record.points),
        percent(record),
        _once(tuple(number(question.score) for question in result.questions)),
        _once(tuple(kinds.get(question.status, "wrong") for question in result.questions)),
    )


@cache
def _once(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for all that are equal: most of a large class have one of few."""
    return words


def _to_look_at(record: Record) -> list[str]:
    """What an instructor should see of one row."""
    result = record.result
    lines = list(result.problems())
    if not result.status.has_score:
        first, *more = [*result.reasons(), *(str(cell) for cell in result.cells)] or [""]
        lines = [f"{result.status}: {first}" if first else result.status.value, *more]
    else:
        lines = [*lines, *result.notes]
    lines += record.mark.notices if record.mark else ()
    return lines
