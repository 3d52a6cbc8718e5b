"""`python -m benchmarks.coordinator CLASS OUT JOBS` grades as `autograder grade` does and prints what it took, as JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.record.result import Result
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import Processes
from benchmarks.measure import peak_megabytes


@dataclass
class Stopwatch:
    """Notes when each submission was recorded and when the reports began."""

    recorded: list[float] = field(default_factory=list)
    reporting: float = 0.0

    def found(self, intake: Intake, to_grade: int) -> None:
        """Nothing to note."""

    def graded(self, submission: Submission, result: Result) -> None:
        """Note the time."""
        self.recorded.append(time.monotonic())

    def writing(self) -> None:
        """Note the time."""
        self.reporting = time.monotonic()


def main(folder: Path, out: Path, jobs: int) -> None:
    """Grade a class and print the seconds of the run, of each submission and of the reports, and the peak memory."""
    started, watch, setting = time.monotonic(), Stopwatch(), Setting()
    plan = Plan([folder], out, Course.load(), setting)
    summary = grade_class(plan, lambda count: Processes(setting, min(jobs, count)), watch)
    ended = time.monotonic()
    between = watch.recorded[-1] - watch.recorded[0] if watch.recorded else 0.0
    taken = {
        "graded": summary.graded,
        "skipped": summary.skipped,
        "seconds": ended - started,
        "each": between / max(len(watch.recorded) - 1, 1),
        "reports": ended - watch.reporting,
        "megabytes": peak_megabytes(),
    }
    print(json.dumps(taken))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
