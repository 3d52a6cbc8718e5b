"""One page for one student and notebook: what is right, what is not, which known mistake it looks like."""

from __future__ import annotations

from typing import TextIO

from autograder.grading.course import Course
from autograder.grading.record.gradebook import Record
from autograder.grading.record.result import QuestionStatus, Status
from autograder.grading.report.pages import write_page

_HEADLINES = {
    Status.UNREADABLE: "This file could not be read",
    Status.WRONG_NOTEBOOK: "This is not a notebook of the course",
    Status.INFRASTRUCTURE: "Grading did not work, and that is not your fault",
}
_MARKS = {
    QuestionStatus.RIGHT: ("right", "✓"),
    QuestionStatus.APART: ("right", "✓"),
    QuestionStatus.PARTLY: ("partly", "◐"),
    QuestionStatus.WRONG: ("wrong", "✗"),
    QuestionStatus.BLANK: ("blank", "○"),
}


class FeedbackPage:
    """Writes feedback pages."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def write(self, stream: TextIO, record: Record) -> None:
        """The whole page of one row."""
        result = record.result
        write_page(
            stream,
            "feedback.html",
            record=record,
            result=result,
            title=self.course.title(record.notebook),
            headline=_HEADLINES.get(result.status, ""),
            marks=_MARKS,
            share=share(record.points, record.possible),
        )


def share(score: float | None, possible: float) -> float:
    """The share of the points, between 0 and 1."""
    return min(max((score or 0.0) / possible, 0.0), 1.0) if possible else 0.0
