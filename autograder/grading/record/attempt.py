"""The files that one student handed in for one notebook, and which of them counts when no policy says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograder.grading.record.result import Status


@dataclass(frozen=True, slots=True)
class Attempt:
    """One graded file: when it came (ISO times in UTC; `handed_in` is the platform's, or empty) and what it earned.

    `number` grows in the order in which files were first seen; `sound` when no fault of ours touched the result.
    `sequence` is the platform's own number of the file, which grows with time; 0 where it gives none.
    """

    number: int
    sha256: str
    file: str
    handed_in: str
    late: bool
    first_seen: str
    status: Status
    score: float | None
    possible: float
    tests_version: str
    seed: str
    sandbox: str
    sound: bool
    platform: str = ""
    sequence: int = 0

    @property
    def order(self) -> tuple[str, int]:
        """Sorts attempts by when they were handed in, or else by when they were first seen."""
        return self.handed_in or self.first_seen, self.number

    @property
    def share(self) -> float:
        """The share of the points; below 0 without a score."""
        return -1.0 if self.score is None else self.score / self.possible if self.possible else 0.0


Choice = Callable[[str, str, Sequence[Attempt]], Attempt]
"""Which attempt of (student, notebook, attempts) counts; there is at least one."""


def latest(student: str, notebook: str, attempts: Sequence[Attempt]) -> Attempt:
    """The attempt that was handed in last: by the platform's times where all have one, or else its numbers, or else as they
    were first seen: the moment at which a file was graded says nothing beside the moment at which another was handed in.
    """
    if all(attempt.handed_in for attempt in attempts):
        return max(attempts, key=lambda attempt: attempt.order)
    last = max(attempts, key=lambda attempt: attempt.number)
    if not last.sequence:
        return last
    return max((one for one in attempts if one.platform == last.platform), key=lambda one: (one.sequence, one.number))
