"""The `grader` of every notebook: runs the public checks and shows the message first and in full."""

from __future__ import annotations

import html
import inspect
import re
import sys
from pathlib import Path
from typing import Any

from attnkit import logbook, otter_parts
from attnkit.checking.ambient import disturbances
from attnkit.checking.message import ROWS, CheckFailed, Report
from attnkit.checking.public import advice, check, has_numbers, questions_of
from attnkit.places import public_test

_FONT = "font-family:var(--jp-code-font-family,monospace)"  # nbconvert's pages take it from blocks of text
_LABEL = re.compile(rf" *(?:{'|'.join(ROWS)}) +|")
_FAILED = "❌ Test case failed\n"  # what Otter puts above every message


class CheckResult:
    """What `grader.check` shows: passed, or the message of the first check that failed."""

    def __init__(self, question: str, message: str = "", notes: tuple[str, ...] = (), advice: str = "") -> None:
        self.question = question
        self.message = message
        self.notes = notes
        self.advice = advice

    @property
    def passed(self) -> bool:
        """Whether the public checks of the question hold."""
        return not self.message

    def __repr__(self) -> str:
        text = self.message or f"{self.question}: all checks passed"
        notes = [f"  note: {note}; the check ran without it" for note in self.notes]
        notes += [f"  advice, and no points: {self.advice}"] if self.advice else []
        return "\n".join([text.rstrip("\n"), *notes])

    def _repr_html_(self) -> str:
        return _framed(self.passed, repr(self))


class CheckResults(list[CheckResult]):
    """What `grader.check_all` shows: one line a question, with the first row of what is wrong."""

    def __repr__(self) -> str:
        return "\n".join(f"{'✓' if result.passed else '✗'} {_first_line(result)}" for result in self)

    def _repr_html_(self) -> str:
        return "".join(_framed(result.passed, _first_line(result)) for result in self)


class Grader:
    """Runs the public checks of one notebook, which may have been renamed or not saved yet.

    Where all of Otter runs already, as under `otter run`, Otter itself runs and counts the checks.
    """

    def __init__(self, notebook: str) -> None:
        self.notebook = notebook
        self._of_otter: Any = None
        self._report: Report | None = None
        if otter_parts.whole_otter_is_here():
            self._otters()

    def check(self, question: str, global_env: dict[str, Any] | None = None) -> CheckResult:
        """Run the public checks of one question, such as `q2_3`, on the functions defined in the notebook."""
        names = _callers_names() if global_env is None else global_env
        notes = disturbances()
        message = self._message(question, names)
        self._note(question, message)
        own = not message and has_numbers(question) and self._of_otter is None
        return CheckResult(question, message, notes, advice(question, names) if own else "")

    def check_all(self, global_env: dict[str, Any] | None = None) -> CheckResults:
        """Run the public checks of every question of the notebook."""
        names = _callers_names() if global_env is None else global_env
        return CheckResults(self.check(question, names) for question in questions_of(self.notebook))

    def export(self, *arguments: Any, **options: Any) -> None:
        """Say what to hand in: the notebook as it is, so that nothing has to be exported."""
        print(f"Save the notebook and hand in the file itself ({self.notebook}): nothing has to be exported.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._otters(), name)

    def _message(self, question: str, names: dict[str, Any]) -> str:
        """What is wrong, or nothing; a question of another's own, without stored numbers, has an Otter test file."""
        self._report = None
        if self._of_otter is not None:
            return _said_by(self._of_otter.check(question, global_env=names))
        if not has_numbers(question):
            files = otter_parts.test_files()
            tests = files.create_test_file(str(public_test(question)), files.NBMetadataConfig())
            tests.run(names)
            return _said_by(tests)
        try:
            check(question, names)
        except CheckFailed as error:
            self._report = error.report
            return str(error)
        return ""

    def _note(self, question: str, message: str) -> None:
        """Keep what came of a check in the learner's logbook; in a notebook only, and not of what is not written yet."""
        report = self._report
        tried = not message or (report is not None and report.problem not in ("not written yet", "it is not there"))
        if tried and has_numbers(question) and _is_in_a_notebook():
            logbook.note(question, not message, report.looks_like if report and report.mistake else "")

    def _otters(self) -> Any:
        """Otter's own notebook client, for everything that is not a check."""
        if self._of_otter is None:
            otter = otter_parts.whole_otter()
            self._of_otter = otter.Notebook(self.notebook if Path(self.notebook).is_file() else None)
        return self._of_otter


def _is_in_a_notebook() -> bool:
    ipython = sys.modules.get("IPython.core.getipython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def _said_by(tests: Any) -> str:
    """The message of an Otter test file that has run: of its first case that failed, or nothing."""
    if tests.passed_all:
        return ""
    failed = next(result for result in tests.test_case_results if not result.passed)
    return (failed.message or "").removeprefix(_FAILED) or "the check failed"


def _callers_names() -> dict[str, Any]:
    """The global names of the cell that called a method of the grader."""
    frame = inspect.currentframe()
    assert frame is not None
    while frame.f_globals.get("__name__") == __name__:
        assert frame.f_back is not None
        frame = frame.f_back
    return frame.f_globals


def _first_line(result: CheckResult) -> str:
    return repr(result).partition("\n")[0]


def _framed(passed: bool, text: str) -> str:
    colour, mark = ("#0072B2", "✓") if passed else ("#D55E00", "✗")
    style = f"border-left:4px solid {colour};padding:.4em .8em;margin:.2em 0;white-space:pre-wrap"
    style += f";word-break:normal;overflow-wrap:break-word;{_FONT}"  # JupyterLab would break lines inside words
    lines = "".join(_hanging(line) for line in f"{mark} {text}".split("\n"))
    return f'<pre role="status" style="{style}">{lines}</pre>'


def _hanging(line: str) -> str:
    """A line of its own; what does not fit on it goes on below its text, not below its label."""
    label = _LABEL.match(line)
    indent = max(len(label[0]) if label else 0, 2)
    style = f"display:block;padding-left:{indent}ch;text-indent:-{indent}ch;{_FONT}"
    return f'<span style="{style}">{html.escape(line)}</span>'
