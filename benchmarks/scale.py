"""A very large course: what the coordinator itself costs for each hand-in, alone and with workers on a cluster."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from autograder.paths import ROOT
from benchmarks.coordinator import REPLAYED, command, coordinated, taken_of
from benchmarks.hand_ins import make_class
from benchmarks.measure import environment
from benchmarks.table import Table, verdict

SMALL, LARGE, ON_WORKERS = 100, 20_000, (20, 100)
WORKERS = (1, 2, 4)
WANTED_CHANGE, WANTED_MEGABYTES = 0.05, 30.0
LEARNERS, NOTEBOOKS = 100_000, 6


@dataclass(frozen=True)
class Coordinated:
    """One run: seconds of the coordinator's own CPU for one hand-in, and of the whole run; its largest memory."""

    size: int
    each: float
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class OnWorkers:
    """Runs with so many workers: the coordinator's and the scheduler's CPU seconds for one more hand-in."""

    workers: int
    own: float
    scheduler: float


@dataclass(frozen=True)
class Killed:
    """A run in which one of so many workers was ended: how many rows are missing, and how many stand twice."""

    workers: int
    lost: int
    twice: int


def scale(tell: Callable[[str], None], large: int = LARGE) -> list[Table]:
    """The tables of a very large class; without the package `distributed` the second one says so."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        folder = Path(scratch)
        runs = []
        for size in (SMALL, large):
            tell(f"a coordinator alone, {size:,} hand-ins")
            make_class(folder / f"class-{size}", size)
            runs.append(_coordinated(folder, size))
            shutil.rmtree(folder / f"class-{size}")
        tables = [_alone(runs)]
        if find_spec("distributed") is None:
            return tables
        for size in ON_WORKERS:
            make_class(folder / f"workers-{size}", size)
        clusters, killed = [], []
        for count in WORKERS:
            tell(f"workers of a cluster: {count}")
            clusters.append(_on_workers(folder, count))
            if count > 1:
                tell(f"workers of a cluster: {count}, one of them killed")
                killed.append(_one_killed(folder, count))
        return [*tables, _with_workers(clusters, killed)]


def _coordinated(folder: Path, size: int) -> Coordinated:
    _, taken = coordinated(folder / f"class-{size}", folder / f"out-{size}", REPLAYED)
    if taken["graded"] != size:
        raise AssertionError(f"{taken} of {size}: the run did not do what was to be measured")
    return Coordinated(size, taken["own_each"], taken["megabytes"], taken["seconds"])


def _on_workers(folder: Path, count: int) -> OnWorkers:
    """Grade a small and a larger class on `count` workers of one thread each."""
    with _cluster(folder, count) as (address, scheduler, _):
        spent, own = [], 0.0
        for size in ON_WORKERS:
            before = _cpu_of(scheduler)
            said, _ = _run(folder, size, folder / f"out-{count}-{size}", address).communicate()
            spent.append(_cpu_of(scheduler) - before)
            own = taken_of(said)["own_each"]
    few, many = ON_WORKERS
    return OnWorkers(count, own, (spent[1] - spent[0]) / (many - few))


def _one_killed(folder: Path, count: int) -> Killed:
    """Grade the larger class, and end one worker when a third of it is there."""
    size, out = ON_WORKERS[-1], folder / f"out-{count}-killed"
    with _cluster(folder, count) as (address, _, workers):
        run = _run(folder, size, out, address)
        _wait_for(lambda: _recorded(out) >= size // 3 or run.poll() is not None)
        os.killpg(workers[0], signal.SIGKILL)
        run.communicate()
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = [row["student"] for row in csv.DictReader(file) if row["status"] == "graded"]
    return Killed(count, size - len(set(rows)), len(rows) - len(set(rows)))


def _run(folder: Path, size: int, out: Path, address: str) -> subprocess.Popen[str]:
    run = command(folder / f"workers-{size}", out, address)
    return subprocess.Popen(run, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)


@contextmanager
def _cluster(folder: Path, count: int) -> Iterator[tuple[str, int, list[int]]]:
    """A scheduler and its workers as processes of their own: the address, and the ids of the processes."""
    found = folder / f"scheduler-{count}-{time.monotonic_ns()}.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment(), "cwd": folder}
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> None:
        processes.append(subprocess.Popen([*dask, *arguments], start_new_session=True, **quiet))  # type: ignore[call-overload]

    try:
        begin("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(found))
        _wait_for(found.exists)
        for _ in range(count):
            begin("worker", "--scheduler-file", str(found), "--nthreads", "1", "--no-dashboard", "--no-nanny")
        address = json.loads(found.read_text(encoding="utf-8"))["address"]
        _wait_for_workers(address, count)
        yield address, processes[0].pid, [process.pid for process in processes[1:]]
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)


def _wait_for(there: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise TimeoutError("a process of the cluster did not get ready")
        time.sleep(0.05)


def _recorded(out: Path) -> int:
    """How many hand-ins a gradebook that is being written holds."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{out / 'gradebook.sqlite'}?mode=ro", uri=True)) as gradebook:
            return int(gradebook.execute("SELECT count(*) FROM submissions WHERE status <> ''").fetchone()[0])
    except sqlite3.Error:
        return 0


def _cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _alone(runs: list[Coordinated]) -> Table:
    small, large = runs
    table = Table("One coordinator, its own part", ("hand-ins", "CPU ms each", "run s", "peak MB"))
    for run in runs:
        table.add(f"{run.size:,}", f"{1000 * run.each:.2f}", f"{run.seconds:.0f}", f"{run.megabytes:.0f}")
    change, more = large.each / small.each - 1, large.megabytes - small.megabytes
    table.notes = [
        "Four hand-ins are really graded; their results stand for all that differ in a comment, so that reading, "
        "recording and reporting are measured and nothing else. *CPU ms each* is the coordinator's own time from the "
        "first result to the last, divided by how many came.",
        f"From {small.size:,} to {large.size:,}: {change:+.1%} each, wanted within {WANTED_CHANGE:.0%}, "
        f"met: {verdict(abs(change) <= WANTED_CHANGE)}; {more:+.1f} MB, wanted within {WANTED_MEGABYTES:.0f} MB, "
        f"met: {verdict(more <= WANTED_MEGABYTES)}.",
    ]
    return table


def _with_workers(clusters: list[OnWorkers], killed: list[Killed]) -> Table:
    few, many = ON_WORKERS
    table = Table("Workers of a Dask cluster", ("workers", "coordinator CPU ms each", "scheduler CPU ms each"))
    for run in clusters:
        table.add(str(run.workers), f"{1000 * run.own:.1f}", f"{1000 * run.scheduler:.1f}")
    each = max(run.own + run.scheduler for run in clusters)
    lost, twice = sum(one.lost for one in killed), sum(one.twice for one in killed)
    table.notes = [
        f"Really graded. *Each* is what one more hand-in costs, between classes of {few} and {many}.",
        f"One of {' and one of '.join(str(one.workers) for one in killed)} workers killed when a third was graded: "
        f"{lost} hand-ins lost, {twice} there twice.",
        f"At {1000 * each:.1f} ms for each, coordinator and scheduler together on one processor pass on {1 / each:,.0f} "
        f"hand-ins a second; {LEARNERS:,} learners × {NOTEBOOKS} notebooks are {LEARNERS * NOTEBOOKS * each / 3600:.1f} hours of "
        "that processor, however many workers there are: beyond that many workers it is what saturates first.",
    ]
    return table
