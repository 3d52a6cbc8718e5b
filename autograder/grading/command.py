"""The command `autograder grade`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

from autograder.grading.batch import GRADEBOOK, Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.layout import LAYOUTS
from autograder.grading.report.console import ConsoleWatcher, show_class
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import Pool, Processes, processor_count
from autograder.grading.run.sandbox.choice import KINDS, choose_sandbox
from autograder.judging.secret import SecretError, read_secret
from autograder.term.options import policy_of, policy_options

_sandbox_option = click.option(
    "--sandbox",
    type=click.Choice(KINDS),
    default="auto",
    show_default=True,
    help="Where submitted code runs; 'none' gives it all your rights and has to be asked for.",
)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the gradebook and reports."
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes to grade in.  [default: one per processor]")
@_sandbox_option
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="How PATHS are arranged.")
@click.option("--notebook", default="", metavar="NN", help="Grade this notebook only, such as 02, whatever else is there.")
@click.option(
    "--roster", "rosters", multiple=True, type=click.Path(path_type=Path),
    help="Who takes the course: a CSV file that Canvas, Moodle or Gradescope exported (may be given several times).",
)
@click.option("--cell-seconds", type=click.FloatRange(min=1), help="How long one cell may run.  [default: 60]")
@click.option("--again", is_flag=True, help="Grade what is unchanged since the last run, too.")
@click.option("--scheduler", metavar="ADDRESS", help="Grade on a Dask cluster, such as tcp://10.0.0.5:8786.")
@click.option("--seed-file", type=click.Path(path_type=Path), help="Draw all hidden inputs from the secret in this file.")
@click.option("--public-inputs", is_flag=True, help="Go back to the inputs of the public repository.")
@policy_options
def grade(
    paths: tuple[Path, ...],
    out: Path,
    jobs: int | None,
    sandbox: str,
    layout: str,
    notebook: str,
    rosters: tuple[Path, ...],
    cell_seconds: float | None,
    again: bool,
    scheduler: str | None,
    seed_file: Path | None,
    public_inputs: bool,
    **policies: Any,
) -> None:
    """Grade every submission in PATHS (folders, archives or notebooks) and write the results to a folder.

    A run that was stopped goes on where it was; what has not changed is not graded again. Without PATHS nothing is graded:
    what was graded before is marked anew, by another --course or --roster.
    """
    console = Console(highlight=False)
    try:
        setting = Setting(sandbox, cell_seconds, secret=read_secret(seed_file) if seed_file else None)
    except SecretError as error:
        fail(str(error))

    def pool(count: int) -> Pool:
        if scheduler is not None:
            from autograder.grading.run.cluster import Cluster

            return Cluster(setting, scheduler)
        choose_sandbox(sandbox)
        if sandbox == "none":
            console.print(Text("without a sandbox: submitted code runs with all your rights", style="bold red"))
        return Processes(setting, jobs or processor_count(), count)

    watcher = ConsoleWatcher(console)
    try:
        if not paths and not (out / GRADEBOOK).is_file():
            raise GradingError(f"say what to grade: a folder, an archive or a notebook; nothing was graded into {out} yet")
        course = Course.load()
        plan = Plan(paths, out, course, setting, layout, again, notebook, rosters, policy_of(course, **policies), public_inputs)
        with watcher.showing():
            summary = grade_class(plan, pool, watcher)
    except GradingError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or out}: {error.strerror or error}: mend that and run the same command again; "
             "everything graded so far is kept")
    except KeyboardInterrupt:
        console.print("stopped; everything graded so far is kept: run the same command again to go on")
        sys.exit(130)
    show_class(console, out, summary)
    if paths and not summary.has_grades:
        fail("nothing could be graded: the table says why")


def fail(message: str) -> NoReturn:
    """End the command with one line on the error stream."""
    click.echo(f"autograder: {message}", err=True)
    sys.exit(1)
