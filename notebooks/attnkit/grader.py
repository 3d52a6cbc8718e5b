"""The `grader` of every notebook: Otter's, with the message shown first and in full."""

from __future__ import annotations

import html
import inspect
from pathlib import Path
from typing import Any

import otter
from otter.test_files import TestFile
from otter.test_files.exception_test import ExceptionTestFile

from attnkit.checking.ambient import disturbances
from attnkit.checking.message import CheckFailed

_FAILED = "❌ Test case failed\n"  # what Otter puts above every message


class CheckResult:
    """What `grader.check` shows: passed, or the message of the first check that failed."""

    def __init__(self, tests: TestFile, notes: tuple[str, ...] = ()) -> None:
        self.tests = tests
        self.notes = notes
        self.passed = bool(tests.passed_all)
        self.message = "" if self.passed else _message(tests)

    def __repr__(self) -> str:
        text = f"{self.tests.name}: all checks passed" if self.passed else self.message
        return "\n".join([text.rstrip("\n"), *(f"  note: {note}; the check ran without it" for note in self.notes)])

    def _repr_html_(self) -> str:
        colour, mark = ("#0072B2", "✓") if self.passed else ("#D55E00", "✗")
        style = f"border-left:4px solid {colour};padding:.4em .8em;margin:.2em 0;white-space:pre-wrap"
        return f'<pre role="status" style="{style}">{mark} {html.escape(repr(self))}</pre>'


class Grader(otter.Notebook):
    """Otter's notebook client, for a notebook that may have been renamed or not saved yet."""

    def __init__(self, notebook: str) -> None:
        super().__init__(notebook if Path(notebook).is_file() else None)

    def check(self, question: str, global_env: dict[str, Any] | None = None) -> CheckResult:
        """Run the public checks of one question, such as `q2_3`, on the functions defined in the notebook."""
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        notes = disturbances()
        return CheckResult(super().check(question, global_env=global_env or frame.f_back.f_globals), notes)


def _message(tests: TestFile) -> str:
    failed = next(result for result in tests.test_case_results if not result.passed)
    return (failed.message or "").removeprefix(_FAILED) or "the check failed"


def _worded(tests: ExceptionTestFile, error: Exception, context: int = 0) -> str:
    """What Otter says of a failed test: a message of ours alone, without the line of the test file that raised it.

    This holds wherever the notebook's first cell has run, so also in `otter run` and on Gradescope.
    """
    return str(error) if isinstance(error, CheckFailed) else _worded_by_otter(tests, error, context)


_worded_by_otter = ExceptionTestFile._generate_error_message
ExceptionTestFile._generate_error_message = _worded
