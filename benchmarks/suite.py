"""What `make test` takes: today's tests, and those of before."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.paths import ROOT
from benchmarks.measure import CommandError, Cost, measure
from benchmarks.start import BEFORE, older
from benchmarks.table import Table, verdict

WANTED = 0.6
# what `measure` sets for other commands and `make test` does not; and what a make around this one tells it
_CHANGED = ("MPLBACKEND", "PYTHONHASHSEED", "MAKELEVEL", "MAKEFLAGS", "MFLAGS")
_MAKE_FAILED = 2
_LAST_LINE = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_RED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run of a checkout's tests: what it cost, and how many ran, were skipped and were red."""

    cost: Cost
    tests: int
    skipped: int
    red: int


def suite(tell: Callable[[str], None]) -> list[Table]:
    """Run today's tests and then the older ones, once each; PYTEST_ADDOPTS reaches pytest, as ever.

    Raises CommandError where a test of today is red.
    """
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        tell("make test, today's")
        now = run_tests(ROOT)
        before = older(Path(scratch) / "before")
        if before is None:
            return [_table(now, None)]
        tell(f"make test, at {BEFORE}")
        then = run_tests(before, f"PYTHONPATH={before}{os.pathsep}{before / 'notebooks'}", red_is_fine=True)
    return [_table(now, then)]


def run_tests(tree: Path, *variables: str, red_is_fine: bool = False) -> Run:
    """Run `make test` of a checkout in this environment; raises CommandError that counts and names what is red."""
    environment = ["env", *(f"--unset={name}" for name in _CHANGED), "PY_COLORS=0", *variables]
    ready = ["-o", f"{sys.prefix}/.ready", f"VENV={sys.prefix}"]  # nothing is installed
    cost, said = measure(
        [*environment, "make", "--silent", "--no-print-directory", *ready, "test"], tree, fine=(0, _MAKE_FAILED)
    )
    counts = counted(said)
    red = counts.get("failed", 0) + counts.get("error", 0)
    failed = re.search(r"^make: \*\*\*", said, re.MULTILINE) is not None
    if red and not red_is_fine:
        first = _RED.search(said)
        raise CommandError(f"`make test` is red: {red} of its tests fail" + (f", first {first[1]}" if first else ""))
    if failed and not red:
        raise CommandError(f"`make test` did not come to its end: {_last(said)}")
    ran = sum(counts.get(word, 0) for word in ("passed", "failed", "error", "xfailed", "xpassed"))
    if not ran:
        raise CommandError("`make test` ran no test: all were skipped")
    return Run(cost, ran, counts.get("skipped", 0), red)


def counted(said: str) -> dict[str, int]:
    """How many tests pytest's last line counts under each word; raises CommandError where it wrote none."""
    lines = _LAST_LINE.findall(said)
    if not lines:
        raise CommandError(f"pytest counted no tests: {_last(said)}")
    pairs = (one.split() for one in lines[-1].split(", "))
    return {word.removesuffix("s"): int(number) for number, word in pairs}


def _last(said: str) -> str:
    lines = [line for line in said.strip().splitlines() if not line.startswith("make: ***")]
    return lines[-1][:200] if lines else "it wrote nothing"


def _table(now: Run, then: Run | None) -> Table:
    table = Table("The project's own tests", ("`make test`", "tests", "skipped", "wall s", "CPU s", "CPU ms a test"))
    for name, run in {"today": now, f"at {BEFORE}": then}.items():
        if run is not None:
            each = f"{1000 * run.cost.cpu / run.tests:.0f}"
            table.add(name, str(run.tests), str(run.skipped), f"{run.cost.wall:.0f}", f"{run.cost.cpu:.0f}", each)
    table.notes = [
        "Once each, one after the other, with as many processes as the Makefile of its time starts, and with today's packages. "
        "*Tests* are those that ran."
    ]
    options = os.environ.get("PYTEST_ADDOPTS")
    if options:
        table.notes.append(f"Not all of them: pytest was given `{options}`.")
    if then is None:
        table.notes.append(f"The commit {BEFORE} is not in this copy's history.")
        return table
    wall, cpu, tests = (
        getter(now) / getter(then)
        for getter in (lambda run: run.cost.wall, lambda run: run.cost.cpu, lambda run: run.tests)
    )
    table.add("ratio", f"{tests:.2f}", "–", f"{wall:.2f}", f"{cpu:.2f}", f"{cpu / tests:.2f}")
    table.notes.append(
        f"{wall:.2f} times the wall time and {cpu:.2f} times the CPU of {BEFORE}, wanted ≤ {WANTED}, "
        f"met: {verdict(max(wall, cpu) <= WANTED)}; {cpu / tests:.2f} times the CPU of one test."
    )
    if then.red:
        table.notes.append(f"{then.red} of the tests of {BEFORE} fail with today's packages; they are counted.")
    return table
