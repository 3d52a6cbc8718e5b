"""Examine one's own notebook in a plain process of its own: no sandbox, and nothing that only Linux has.

`python -m autograder.grading.run.plain NOTEBOOK` reads a hand-in on its input and writes the result to its output. Its
cells have all the rights of whoever started it, and the tests in their process: good enough for a learner's own work, and
never used for a class.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from autograder.grading.course import CourseNotebook
from autograder.grading.errors import InfrastructureError
from autograder.grading.record.result import Result, Status
from autograder.grading.run.parts import CellResult, Definitions

SECONDS = 600  # for one notebook, all in all
NAME = "none: a plain process"


class PlainSession:
    """Runs cells in this process, in an IPython shell as a kernel has one."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.environment: dict[str, Any] = shell.user_ns

    def run_cells(self, cells: list[str]) -> list[CellResult]:
        """Run the cells in order and say how each ended."""
        from autograder.grading.run.sandbox.inside.shell import run_cell, run_definitions

        results = []
        for index, source in enumerate(cells):
            started = time.monotonic()
            run = run_definitions if isinstance(source, Definitions) else run_cell
            failure = run(self._shell, str(source))
            results.append(CellResult(index, "error" if failure else "ok", failure, time.monotonic() - started))
        return results

    def in_public(self) -> AbstractContextManager[None]:
        """Nothing is sent anywhere."""
        return nullcontext()


class PlainWorkshop:
    """Opens one session after the other, in this process."""

    sandbox = NAME

    @contextlib.contextmanager
    def open(self) -> Iterator[PlainSession]:
        """A session in a shell of its own."""
        from IPython.core.interactiveshell import InteractiveShell

        from autograder.grading.run.sandbox.inside.shell import make_shell

        kept = sys.stdout, sys.stderr
        InteractiveShell.clear_instance()  # a session begins with no names
        try:
            yield PlainSession(make_shell())
        finally:
            sys.stdout, sys.stderr = kept


def examine_plainly(raw: bytes, master: CourseNotebook, seconds: float = SECONDS) -> Result:
    """Examine a notebook in a process of its own, without a sandbox; a process that hangs or ends is said, never scored."""
    command = [sys.executable, "-X", "utf8", "-m", __name__, master.name]
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return _not_examined(f"the notebook took longer than {seconds:.0f} seconds", master)
    if done.returncode:
        said = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        return _not_examined(f"the process ended with status {done.returncode}: {said}", master)
    result: Result = pickle.loads(done.stdout)  # of our own process on the learner's own notebook
    return result


def _not_examined(fault: str, master: CourseNotebook) -> Result:
    return Result(Status.INFRASTRUCTURE, faults=(fault,), possible=master.points)


def main() -> None:
    """Examine the hand-in on the input."""
    from autograder.grading.course import Course
    from autograder.grading.score.grade import grade_notebook

    out = sys.stdout.buffer
    raw = sys.stdin.buffer.read()
    master = Course.load().notebooks[sys.argv[1]]
    try:
        result = grade_notebook(raw, master, PlainWorkshop())
    except InfrastructureError as error:
        result = _not_examined(str(error), master)
    out.write(pickle.dumps(result))
    out.flush()


if __name__ == "__main__":
    main()
