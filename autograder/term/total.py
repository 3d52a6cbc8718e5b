"""Over the term: one number for each student from the marks of all notebooks, by weight, the lowest left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from autograder.grading.course import Course
from autograder.grading.find.platforms import Student
from autograder.grading.record.mark import Total
from autograder.term.policy import Policy


class InPercent(Protocol):
    """What somebody has for one notebook."""

    @property
    def percent(self) -> float | None:
        """In percent of the possible points; None for no score."""


def total_of(
    student: Student, marks: Mapping[str, InPercent], graded: Sequence[str], policy: Policy, course: Course, now: datetime
) -> Total:
    """The weighted mean in percent of the notebooks in `graded`, those that anybody has a mark for.

    A notebook that was not handed in is 0 once it is due; one without a score, or not due yet, leaves the total not final.
    """
    shares: dict[str, float] = {}
    steps, final = [], True
    for name in graded:
        title, weight = course.title(name), policy.of(name).weight
        mark, due = marks.get(name), policy.deadline(name, student)
        if weight == 0:
            steps.append(f"{title}: counts for nothing")
        elif mark is not None and mark.percent is not None:
            shares[name] = mark.percent
            steps.append(f"{title}: {mark.percent:.1f} %" + (f", weight {weight:g}" if weight != 1 else ""))
        elif mark is not None:
            final = False
            steps.append(f"{title}: no score yet")
        elif due is not None and due > now:
            final = False
            steps.append(f"{title}: not handed in, due {due:%Y-%m-%d %H:%M} UTC")
        else:
            shares[name] = 0.0
            steps.append(f"{title}: not handed in, 0 %")
    for name in sorted(shares, key=lambda one: (shares[one], one))[: min(policy.drop_lowest, max(len(shares) - 1, 0))]:
        steps.append(f"the lowest is left out: {course.title(name)} ({shares.pop(name):.1f} %)")
    whole = sum(policy.of(name).weight for name in shares)
    if not whole:
        return Total(None, False, tuple(steps))
    return Total(round(sum(policy.of(name).weight * share for name, share in shares.items()) / whole, 4), final, tuple(steps))
