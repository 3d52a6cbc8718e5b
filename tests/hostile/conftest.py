"""The sandboxes of this machine, and the notebook that hostile submissions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from autograder.grading.course import GENERATED, CourseNotebook, read_course_notebook
from autograder.grading.errors import GradingError
from autograder.grading.run.session import Limits, Workshop
from hostile.corpus import QUESTIONS

MEGABYTE = 2**20
LIMITS = Limits(
    cell_seconds=4.0,
    call_seconds=4.0,
    session_seconds=90.0,
    memory=700 * MEGABYTE,
    folder=24 * MEGABYTE,
    file=16 * MEGABYTE,
)


@pytest.fixture(scope="package", params=["bubblewrap", "landlock"])
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """One server for all submissions, so that what one does to it is seen by the next."""
    try:
        opened = Workshop(request.param, LIMITS)
    except GradingError as reason:
        pytest.skip(str(reason))
    with opened:
        yield opened


@pytest.fixture(scope="session")
def master() -> CourseNotebook:
    """Notebook 2 with four of its questions: NumPy, torch with gradients and counted lines, values, a callback."""
    whole = read_course_notebook(GENERATED / "02_keys_queries_values" / "course.json")
    return replace(whole, questions=tuple(question for question in whole.questions if question.name in QUESTIONS))
