"""`python -m benchmarks`: measure everything in one run, show it, and write it to a page on request."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from autograder.grading.record.files import written
from benchmarks.checks import checks
from benchmarks.compare import compare
from benchmarks.growth import growth
from benchmarks.measure import CommandError, adopt_orphans, machine
from benchmarks.notebooks import notebooks
from benchmarks.scale import scale
from benchmarks.start import start
from benchmarks.suite import suite
from benchmarks.table import Table
from benchmarks.training import training

SHORT, LONG = ("compare", "growth", "checks", "start", "training"), ("scale", "notebooks")
PARTS = (*SHORT, *LONG, "suite")
_CALM, _BUSY = 0.5, " (other programs were running: times are high, CPU too, and ratios uncertain)"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1), help="How often everything is measured."
)
@click.option("--size", default=100, show_default=True, type=click.IntRange(8), help="Class for the fast graders.")
@click.option("--full", is_flag=True, help="Let the class grow to 5,000 instead of 500; the long parts, too.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Processes, for the growing class.")
@click.option("--page", type=click.Path(path_type=Path), help="Write the tables to this Markdown file, too.")
def main(parts: tuple[str, ...], rounds: int, size: int, full: bool, jobs: int, page: Path | None) -> None:
    """Measure PARTS.

    When none is named: all but `scale` and `notebooks` (these two with --full) and `suite`. `notebooks` takes some eight
    minutes a round; `suite` runs all tests of the project, and then those of an older commit.
    """
    console = Console(highlight=False)
    load, started = os.getloadavg()[0], datetime.now(UTC)
    adopt_orphans()
    facts = machine() | {
        "date": f"{started:%Y-%m-%d}",
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "load before": f"{load:.1f}" + ("" if load <= _CALM else _BUSY),
    }
    chosen = parts or (SHORT + LONG if full else SHORT)
    tables: list[Table] = []
    try:
        with console.status("measuring") as status:
            tell = status.update
            measured: dict[str, Callable[[], list[Table]]] = {
                "compare": lambda: compare(rounds, size, tell),
                "growth": lambda: growth((100, 1000, 5000) if full else (100, 500), jobs, tell),
                "checks": lambda: checks(rounds, tell),
                "start": lambda: start(rounds, tell),
                "training": lambda: training(rounds, tell),
                "scale": lambda: scale(tell),
                "notebooks": lambda: notebooks(rounds, tell),
                "suite": lambda: suite(tell),
            }
            for part in (part for part in PARTS if part in chosen):
                tables += measured[part]()
    except CommandError as error:
        _show(console, tables, facts)  # an hour's measurements are not lost
        raise click.ClickException(f"a measured command failed: {error}") from None
    _show(console, tables, facts)
    if page is not None:
        with written(page) as file:
            file.write(_markdown(tables, facts))


def _show(console: Console, tables: list[Table], facts: dict[str, str]) -> None:
    for name, fact in facts.items():
        console.print(f"{name}: {fact}", markup=False)
    for table in tables:
        console.print()
        console.print(table)
        for note in table.notes:
            console.print(note, markup=False)


def _markdown(tables: list[Table], facts: dict[str, str]) -> str:
    """The whole page."""
    listed = "\n".join(f"* {name}: {fact}" for name, fact in facts.items())
    opening = "Measured in one run and written by the command below; times depend on the machine, ratios much less."
    return "\n\n".join(["# Benchmarks", opening, listed, *(table.markdown() for table in tables)]) + "\n"


if __name__ == "__main__":
    main()
