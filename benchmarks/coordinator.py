"""`python -m benchmarks.coordinator CLASS OUT WHERE` grades as `autograder grade` does and prints what it took, as JSON.

WHERE is the number of jobs, `replayed`, or the address of a Dask scheduler.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.record.result import Result
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import Pool, Processes
from autograder.paths import ROOT
from benchmarks.measure import Cost, measure, peak_megabytes
from benchmarks.replayed import Replayed

FIRST = 8
REPLAYED = "replayed"


@dataclass
class Stopwatch:
    """Notes when each submission was recorded and when the reports began; `aside` is CPU seconds that do not count."""

    aside: Callable[[], float] = lambda: 0.0
    recorded: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    reporting: float = 0.0

    def own_each(self) -> float:
        """This process's CPU for one hand-in, after the first few, which also start what grades them."""
        later = self.own[FIRST:]
        return (later[-1] - later[0]) / (len(later) - 1) if len(later) > 1 else 0.0

    def found(self, intake: Intake, to_grade: int) -> None:
        """Nothing to note."""

    def graded(self, submission: Submission, result: Result) -> None:
        """Note the time, and this process's own CPU."""
        self.recorded.append(time.monotonic())
        self.own.append(time.process_time() - self.aside())

    def writing(self) -> None:
        """Note the time."""
        self.reporting = time.monotonic()


def main(folder: Path, out: Path, where: str) -> None:
    """Grade a class and print the seconds of the run, of each submission and of the reports, and the peak memory."""
    started, watch, setting = time.monotonic(), Stopwatch(), Setting()
    plan = Plan([folder], out, Course.load(), setting)
    pools = _pools(setting, where)
    if where == REPLAYED:
        replayed = Replayed(setting)
        pools, watch.aside = (lambda count: replayed), (lambda: replayed.grading)
    summary = grade_class(plan, pools, watch)
    ended = time.monotonic()
    between = watch.recorded[-1] - watch.recorded[0] if watch.recorded else 0.0
    taken = {
        "graded": summary.graded,
        "skipped": summary.skipped,
        "seconds": ended - started,
        "each": between / max(len(watch.recorded) - 1, 1),
        "reports": ended - watch.reporting,
        "megabytes": peak_megabytes(),
        "own_each": watch.own_each(),
    }
    print(json.dumps(taken))


def command(folder: Path, out: Path, where: str) -> list[str | Path]:
    """The command that runs `main` in a process of its own."""
    return [sys.executable, "-m", "benchmarks.coordinator", folder, out, where]


def coordinated(folder: Path, out: Path, where: str) -> tuple[Cost, dict[str, Any]]:
    """Run it and wait: what all its processes cost, and what it says."""
    cost, said = measure(command(folder, out, where), ROOT)
    return cost, taken_of(said)


def taken_of(said: str) -> dict[str, Any]:
    """The numbers in what it has printed."""
    taken: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return taken


def _pools(setting: Setting, where: str) -> Callable[[int], Pool]:
    if "://" in where:
        from autograder.grading.run.cluster import Cluster

        return lambda count: Cluster(setting, where)
    return lambda count: Processes(setting, int(where), count)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
