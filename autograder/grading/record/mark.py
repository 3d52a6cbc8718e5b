"""What a policy makes of a result: the mark of one notebook, the total over the term, and changes made by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step from what was earned to the mark: what was done, and the points and possible points after it."""

    says: str
    points: float
    possible: float


@dataclass(frozen=True, slots=True)
class Mark:
    """The points of one notebook before (`earned` of `earned_of`) and after the course's policies, None for no score.

    `steps` lead from one to the other; the first says what the tests gave. `notices` are for the instructor.
    """

    earned: float | None
    earned_of: float
    points: float | None
    possible: float
    steps: tuple[Step, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def percent(self) -> float | None:
        """The mark in percent of the possible points."""
        return None if self.points is None or not self.possible else 100 * self.points / self.possible


@dataclass(frozen=True, slots=True)
class Total:
    """What a student has over the term, in percent; not `final` while a notebook of theirs has no mark yet."""

    percent: float | None
    final: bool
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """Points of one question set by hand: by whom, when and why, and what the tests gave at that time."""

    id: int
    student: str
    notebook: str
    question: str
    points: float
    reason: str
    who: str
    made_at: str
    score_then: float
    taken_back_at: str = ""
    taken_back_by: str = ""
