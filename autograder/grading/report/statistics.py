"""Numbers about a class, gathered one student at a time so that memory does not grow with it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from autograder.grading.record.result import QuestionResult, Result

BINS = 10


@dataclass
class QuestionStatistics:
    """How one question went: sums from which difficulty and discrimination follow."""

    name: str
    title: str
    possible: float
    students: int = 0
    full: int = 0
    minutes: list[float] = field(default_factory=list)
    _x: float = 0.0
    _y: float = 0.0
    _xx: float = 0.0
    _yy: float = 0.0
    _xy: float = 0.0

    def add(self, share: float, rest: float) -> None:
        """One student: the share of this question's points, and of all other questions' points."""
        self.students += 1
        self.full += share >= 1.0
        self._x += share
        self._y += rest
        self._xx += share * share
        self._yy += rest * rest
        self._xy += share * rest

    @property
    def mean(self) -> float:
        """Mean share of the points: the lower, the harder the question."""
        return self._x / self.students if self.students else 0.0

    @property
    def full_share(self) -> float:
        """Share of students with full marks."""
        return self.full / self.students if self.students else 0.0

    @property
    def discrimination(self) -> float | None:
        """Correlation of the question's share with the rest of the notebook; None when either does not vary."""
        n = self.students
        if n < 3:
            return None
        spread = (n * self._xx - self._x**2) * (n * self._yy - self._y**2)
        return (n * self._xy - self._x * self._y) / math.sqrt(spread) if spread > 1e-9 else None


@dataclass
class NotebookStatistics:
    """How a class did in one notebook."""

    statuses: Counter[str] = field(default_factory=Counter)
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    questions: dict[str, QuestionStatistics] = field(default_factory=dict)
    mistakes: Counter[tuple[str, str]] = field(default_factory=Counter)
    percents: Counter[float] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """One student's result."""
        self.statuses[result.status.value] += 1
        score = result.score
        if score is None or not result.possible:
            return
        share = min(max(score / result.possible, 0.0), 1.0)
        self.bins[min(int(share * BINS + 1e-9), BINS - 1)] += 1
        self.percents[round(100 * share, 1)] += 1
        for question in result.questions:
            self._add_question(question, result, score)

    @property
    def graded(self) -> int:
        """How many have a score."""
        return sum(self.bins)

    @property
    def mean(self) -> float:
        """Mean score in percent."""
        return sum(value * count for value, count in self.percents.items()) / max(self.graded, 1)

    @property
    def median(self) -> float:
        """Median score in percent."""
        values = sorted(self.percents.elements())
        middle = len(values) // 2
        if not values:
            return 0.0
        return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

    def _add_question(self, question: QuestionResult, result: Result, score: float) -> None:
        known = self.questions.setdefault(
            question.name, QuestionStatistics(question.name, question.title, question.possible)
        )
        if question.minutes is not None:
            known.minutes.append(question.minutes)
        others = result.possible - question.possible
        share = question.score / question.possible if question.possible else 0.0
        known.add(share, (score - question.score) / others if others else 0.0)
        for mistake in question.mistakes():
            self.mistakes[question.name, mistake] += 1
