"""One submission's grading as a pure function of bytes, so that it can run in any process or on any machine."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.grading.course import GENERATED, CourseNotebook, read_course_notebook
from autograder.grading.record.result import Result, Status
from autograder.grading.run.sandbox.inside.limits import Limits
from autograder.grading.run.sandbox.trunk import Branch
from autograder.grading.safe_text import printable
from autograder.judging.secret import Secret

ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """The bytes to grade, the notebook of the course that they are, and the version of the tests that is meant."""

    number: int
    notebook: str
    raw: bytes
    tests_version: str = ""


@dataclass(frozen=True)
class Setting:
    """What is the same for every job of a run; `workshop` builds the place where submissions run.

    `cell_seconds` is how long one cell may run, when it is not the usual time. `generated` is the folder with the
    built tests; without one, each machine takes its own. `secret` stays with the grader's own processes.
    """

    sandbox: str = "auto"
    cell_seconds: float | None = None
    generated: Path | None = None
    workshop: Callable[[Setting], AbstractContextManager[Any]] | None = None
    secret: Secret | None = None

    @property
    def limits(self) -> Limits:
        """What a submission may use."""
        return Limits() if self.cell_seconds is None else Limits(cell_seconds=self.cell_seconds)

    @property
    def seed(self) -> str:
        """The fingerprint of the secret that hidden inputs are drawn from; empty for those of the repository."""
        return self.secret.fingerprint if self.secret else ""

    def master(self, name: str) -> CourseNotebook:
        """What is known about one notebook of the course."""
        return read_course_notebook((self.generated or GENERATED) / name / "course.json")


def open_workshop(setting: Setting, branch: Branch | None = None) -> AbstractContextManager[Any]:
    """The real workshop, in the sandbox and with the limits asked for; its first server is the `branch`, if given."""
    from autograder.grading.run.session import Workshop

    workshop: AbstractContextManager[Any] = Workshop(setting.sandbox, setting.limits, branch)
    return workshop


class Bench:
    """A process's own workshop, opened at the first job, kept for the next, and replaced when it breaks."""

    def __init__(self, setting: Setting, branch: Branch | None = None) -> None:
        self.setting = setting
        self._branch = branch
        self._context: AbstractContextManager[Any] | None = None
        self._workshop: Any = None
        self._masters: dict[str, CourseNotebook] = {}

    def grade(self, job: Job) -> Result:
        """Grade one job; a fault of our own is tried again and then reported as such, never as a zero."""
        from autograder.grading.score.grade import grade_notebook
        from autograder.judging.examine import drawn_from

        master = self._master(job.notebook)
        if job.tests_version not in ("", master.tests_version):
            return failed(
                "this machine has another version of the course: install the same one everywhere", master.points
            )
        fault = ""
        for _ in range(ATTEMPTS):
            try:
                with drawn_from(self.setting.secret.key if self.setting.secret else 0):
                    return grade_notebook(job.raw, master, self._open())
            except Exception as error:  # whatever it is, it is ours: students' errors never get here
                fault = printable(f"{type(error).__name__}: {error}", 300)
                self.close()
        return failed(fault, master.points)

    def close(self) -> None:
        """Close the workshop, or the branch that none was opened on; the next job opens a new one."""
        branch, self._branch = self._branch, None
        if branch is not None:
            branch.control.close()
        context, self._context, self._workshop = self._context, None, None
        if context is not None:
            context.__exit__(None, None, None)

    def _open(self) -> Any:
        if self._context is None:
            branch, self._branch = self._branch, None
            context = self.setting.workshop(self.setting) if self.setting.workshop else open_workshop(self.setting, branch)
            self._workshop = context.__enter__()
            self._context = context
        return self._workshop

    def _master(self, name: str) -> CourseNotebook:
        if name not in self._masters:
            from autograder.grading.score.grade import warm_up

            self._masters[name] = self.setting.master(name)
            warm_up(self._masters[name])
        return self._masters[name]


def failed(fault: str, possible: float) -> Result:
    """The result of a submission that we, not the student, failed to grade."""
    return Result(Status.INFRASTRUCTURE, faults=(fault,), possible=possible)


def grade_anywhere(job: Job, setting: Setting) -> Result:
    """Grade one job in whatever process this is; the workshop stays open for the next job of the same run."""
    with _ONE_AT_A_TIME:
        bench = _BENCHES.get(setting)
        if bench is None:
            bench = _BENCHES[setting] = Bench(setting)
            atexit.register(bench.close)
        return bench.grade(job)


_BENCHES: dict[Setting, Bench] = {}
_ONE_AT_A_TIME = threading.Lock()
