"""The command `autograder check`: notebooks of one's own, with every test, on every system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.text import Text

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.notebook import identify
from autograder.grading.find.opening import read_bounded
from autograder.grading.record.result import Result, Status
from autograder.grading.report.checked import show_check
from autograder.grading.safe_text import printable

SANDBOXES = ("auto", "bubblewrap", "landlock", "none")
_OPENLY = "this system has no sandbox that the course knows: the notebook's cells run with all your rights"
_ASKED = "without a sandbox: the notebook's cells run with all your rights"


@click.command()
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="NOTEBOOK...")
@click.option(
    "--sandbox",
    type=click.Choice(SANDBOXES),
    default="auto",
    show_default=True,
    help="Where the cells run; 'none' is a plain process, and what there is on Windows and macOS.",
)
def check(notebooks: tuple[Path, ...], sandbox: str) -> None:
    """Examine NOTEBOOKs of your own with every test, hidden ones too, and say what is wrong; exits with 1 if anything is."""
    console = Console(highlight=False)
    if sandbox == "auto" and sys.platform != "linux":
        sandbox = "none"
        console.print(Text(f"note: {_OPENLY}", style="yellow"))
    elif sandbox == "none":
        console.print(Text(f"note: {_ASKED}", style="yellow"))
    right = True
    for path in notebooks:
        if len(notebooks) > 1:
            console.print(Text(printable(str(path)), style="bold"))
        try:
            right &= _checked(path, sandbox, console)
        except GradingError as error:
            if len(notebooks) == 1:
                _fail(str(error))
            click.echo(f"autograder: {error}", err=True)
            right = False
    sys.exit(0 if right else 1)


def _checked(path: Path, sandbox: str, console: Console) -> bool:
    """Examine one notebook and show what was found; says whether all of it is right."""
    raw = _read_one(path)
    course = Course.load()
    identity = identify(raw, course)
    if identity.problem:
        raise GradingError(f"{printable(path.name)}: {identity.problem}")
    master = course.notebooks[identity.notebook]
    if identity.version != master.version:
        console.print(
            Text(f"note: this is another version of {identity.notebook} than today's tests expect", style="yellow")
        )
    if sandbox == "none":
        from autograder.grading.run.plain import examine_plainly

        with console.status(f"checking {identity.notebook}"):
            result = examine_plainly(raw, master)
    else:
        result = _examined_in_a_sandbox(raw, identity.notebook, sandbox, console)
    if result.status is Status.INFRASTRUCTURE:
        raise GradingError(f"the check did not work: {'; '.join(result.faults)}")
    show_check(console, result, course.title(identity.notebook))
    return result.score == result.possible and not result.cells


def _examined_in_a_sandbox(raw: bytes, name: str, sandbox: str, console: Console) -> Result:
    from autograder.grading.run.job import Job, Setting
    from autograder.grading.run.pool import InProcess
    from autograder.grading.run.sandbox.choice import choose_sandbox

    choose_sandbox(sandbox)
    with console.status(f"checking {name}"):
        ((_, result),) = InProcess(Setting(sandbox)).run([Job(0, name, raw)])
    return result


def _fail(message: str) -> NoReturn:
    click.echo(f"autograder: {message}", err=True)
    sys.exit(1)


def _read_one(path: Path) -> bytes:
    if not path.exists():
        raise GradingError(f"there is no file {printable(str(path))}")
    if path.is_dir() or path.suffix.lower() != ".ipynb":
        raise GradingError(
            f"{printable(str(path))} is not a notebook (.ipynb); for many of them use `autograder grade`"
        )
    try:
        return read_bounded(path.resolve())
    except OSError as error:
        raise GradingError(f"{printable(str(path))} cannot be read ({error.strerror or error})") from None
