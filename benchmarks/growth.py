"""How time per submission and the coordinator's memory grow with the class, and what an unchanged class costs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.coordinator import coordinated
from benchmarks.hand_ins import make_class
from benchmarks.measure import Cost
from benchmarks.table import Table, verdict

WANTED_SECONDS, WANTED_MEGABYTES, WANTED_GROWTH = 10.0, 30.0, 0.10


@dataclass(frozen=True)
class Taken:
    """One run on a class of `size`: what it cost, and what the coordinator says about itself."""

    size: int
    cost: Cost
    each: float
    reports: float
    seconds: float
    megabytes: float


def growth(sizes: Sequence[int], jobs: int, tell: Callable[[str], None]) -> list[Table]:
    """Grade classes of growing size, and the largest a second time."""
    runs = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        for size in sizes:
            tell(f"a class of {size}")
            folder, out = Path(scratch) / f"class-{size}", Path(scratch) / f"out-{size}"
            make_class(folder, size)
            runs.append(_grade(size, folder, out, jobs, new=True))
        tell(f"the class of {sizes[-1]} again, unchanged")
        again = _grade(sizes[-1], folder, out, jobs, new=False)
    return [_table(runs, jobs), _summary(runs, again)]


def _grade(size: int, folder: Path, out: Path, jobs: int, new: bool) -> Taken:
    cost, taken = coordinated(folder, out, str(jobs))
    if taken["graded" if new else "skipped"] != size:
        raise AssertionError(f"{taken} of {size}: the run did not do what was to be measured")
    return Taken(size, cost, taken["each"], taken["reports"], taken["seconds"], taken["megabytes"])


def _table(runs: list[Taken], jobs: int) -> Table:
    table = Table("A growing class", ("submissions", "wall s each", "CPU s each", "run s", "reports s", "peak MB"))
    for run in runs:
        each = f"{run.cost.cpu / run.size:.3f}"
        cells = (f"{run.each:.4f}", each, f"{run.cost.wall:.1f}", f"{run.reports:.2f}", f"{run.megabytes:.0f}")
        table.add(f"{run.size:,}", *cells)
    table.notes = [
        f"With {jobs} jobs. *Wall s each* is the time from the first recorded result to the last, divided by how many came "
        "in between; *CPU s each* is the CPU of the whole run, its start included, and so falls as the class grows. "
        "*Peak MB* is the largest resident memory of the coordinator (VmHWM), without the grading processes."
    ]
    return table


def _summary(runs: list[Taken], again: Taken) -> Table:
    small, large = runs[0], runs[-1]
    change, more = large.each / small.each - 1, large.megabytes - small.megabytes
    table = Table(f"From {small.size:,} to {large.size:,}", ("", "measured", "wanted", "met"))
    table.add(
        "time per submission", f"{change:+.1%}", f"within {WANTED_GROWTH:.0%}", verdict(abs(change) <= WANTED_GROWTH)
    )
    table.add(
        "memory of the coordinator",
        f"{more:+.1f} MB",
        f"within {WANTED_MEGABYTES:.0f} MB",
        verdict(more <= WANTED_MEGABYTES),
    )
    wanted = f"< {WANTED_SECONDS:.0f} s for 5,000"
    table.add(
        f"{again.size:,} unchanged, again",
        f"{again.cost.wall:.1f} s",
        wanted,
        verdict(again.cost.wall < WANTED_SECONDS),
    )
    if large.size < 5000:
        table.notes = ["A class of 5,000 is measured with `--full`; a smaller one says less about growth."]
    return table
