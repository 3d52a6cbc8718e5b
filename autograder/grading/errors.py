"""The errors of grading: one-line ones that end a command, and faults of the grader itself."""

from __future__ import annotations


class GradingError(Exception):
    """What is wrong and what to do about it, in one line for the person at the terminal."""


class InfrastructureError(Exception):
    """The grader's own machinery failed; the submission is not to blame and is to be graded again."""
