"""Over the term: how everybody stands, who fell behind, and which exercises a re-run of the course should change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median

from autograder.grading.record.gradebook import Record
from autograder.grading.record.mark import Total
from autograder.grading.report.statistics import QuestionStatistics

FALL = 5.0  # percent of the points: a smaller step down is no fall
HARD = 0.5  # mean share of the points below which an exercise is hard
TELLING = 0.2  # correlation with the rest of the notebook below which it tells nothing
ENOUGH = 10  # students, for a correlation to mean something
TIMED = 5  # hand-ins that tell how long an exercise took, for their median to mean something


@dataclass(slots=True)
class Standing:
    """One student over the term: the mark of each notebook in percent, None where there is none, and what was handed in."""

    name: str
    link: str
    percents: dict[str, float | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    total: Total | None = None

    def behind(self, notebooks: Sequence[str]) -> str:
        """Why this student may need help, judged by the two latest of the notebooks that the class has handed in."""
        latest = [self.percents.get(name) for name in notebooks[-2:]]
        if len(notebooks) >= 2 and not any(name in self.percents for name in notebooks[-2:]):
            return "handed in neither of the last two"
        if len(notebooks) < 3 or any(name not in self.percents for name in notebooks[-3:]):
            return ""
        before = self.percents.get(notebooks[-3])
        marks = [before, *latest]
        falls = [
            one is not None and other is not None and one - other >= FALL
            for one, other in pairwise(marks)
        ]
        return "fell in each of the last two" if all(falls) else ""


class CourseView:
    """Gathers the rows of a gradebook student by student."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.notebooks: list[str] = []

    def add(self, record: Record, link: str) -> None:
        """One row; `link` leads to its page."""
        page = str(PurePosixPath(link).with_name("index.html"))
        own = self.standings.setdefault(record.student.key, Standing(record.student.name, page))
        if not record.notebook:
            return
        if record.notebook not in self.notebooks:
            self.notebooks = sorted([*self.notebooks, record.notebook])
        points = record.points
        own.percents[record.notebook] = None if points is None or not record.possible else 100 * points / record.possible
        own.links[record.notebook] = link

    def absent(self, people: Mapping[str, str]) -> None:
        """Everybody on a roster, by key and name: who has handed in nothing stands there, too, without a page."""
        for key, name in people.items():
            self.standings.setdefault(key, Standing(name, ""))

    def finish(self, totals: Mapping[str, Total]) -> None:
        """Add what everybody has over the term."""
        for key, standing in self.standings.items():
            standing.total = totals.get(key)

    def standings_in(self, section: str, sections_of: Mapping[str, Sequence[str]]) -> list[Standing]:
        """Everybody in a section; for an empty name those who are in none."""
        return [
            standing
            for key, standing in self.standings.items()
            if (section in sections_of.get(key, ()) if section else not sections_of.get(key))
        ]

    @property
    def behind(self) -> list[tuple[Standing, str]]:
        """Who fell behind, and why."""
        told = ((standing, standing.behind(self.notebooks)) for standing in self.standings.values())
        return [(standing, why) for standing, why in told if why]


@dataclass(frozen=True)
class Taken:
    """How long an exercise took: the minutes it is said to take, the median of those that were measured, and of how many."""

    title: str
    said: int
    median: float
    count: int


def time_taken(questions: Iterable[QuestionStatistics], said: Mapping[str, int]) -> list[Taken]:
    """The exercises of which enough hand-ins tell how long they took."""
    return [
        Taken(question.title, said.get(question.name, 0), median(question.minutes), len(question.minutes))
        for question in questions
        if len(question.minutes) >= TIMED
    ]


def to_change(questions: Iterable[QuestionStatistics]) -> list[QuestionStatistics]:
    """The exercises that are hard and tell nothing: many fail them, and good students as often as others."""
    return [
        question
        for question in questions
        if question.students >= ENOUGH
        and question.mean < HARD
        and question.discrimination is not None
        and question.discrimination < TELLING
    ]
