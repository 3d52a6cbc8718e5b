"""Over the term: how everybody stands, who fell behind, and which exercises a re-run of the course should change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from autograder.grading.long_list import LongList, Shelf
from autograder.grading.record.mark import Total
from autograder.grading.report.statistics import QuestionStatistics

FALL = 5.0  # percent of the points: a smaller step down is no fall
HARD = 0.5  # mean share of the points below which an exercise is hard
TELLING = 0.2  # correlation with the rest of the notebook below which it tells nothing
ENOUGH = 10  # students, for a correlation to mean something
TIMED = 5  # hand-ins that tell how long an exercise took, for their median to mean something


@dataclass(slots=True)
class Standing:
    """One student over the term: the mark of each notebook in percent, None where there is none, and the pages.

    `link` leads to the student's own page and is empty where nothing was handed in.
    """

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
    """Gathers everybody who is in the gradebook or on a roster, one student at a time.

    `notebooks` are those that somebody has handed in, in order.
    """

    def __init__(self, notebooks: Sequence[str] = (), shelf: Shelf | None = None) -> None:
        self.notebooks = list(notebooks)
        self._shelf = shelf or Shelf()
        self.standings: LongList[Standing] = LongList(shelf=self._shelf)
        self.behind: LongList[tuple[Standing, str]] = LongList(shelf=self._shelf)
        self.in_section: dict[str, LongList[Standing]] = {}

    def add(self, standing: Standing, sections: Iterable[str] = ()) -> None:
        """One student, who is in these sections of the class or in none."""
        self.standings.append(standing)
        for name in sections or ("",):
            self.in_section.setdefault(name, LongList(shelf=self._shelf)).append(standing)
        why = standing.behind(self.notebooks)
        if why:
            self.behind.append((standing, why))


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
