"""Which notebooks a command line means."""

from __future__ import annotations

import click

from autograder.exercises import NOTEBOOKS
from autograder.paths import SOLUTIONS


def chosen_notebooks(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """The two-digit numbers given, or all there are; raises UsageError for a number of no notebook."""
    for number in numbers:
        if number not in NOTEBOOKS:
            raise click.UsageError(f"there is no notebook {number}; there are {', '.join(NOTEBOOKS)}")
    return numbers or tuple(NOTEBOOKS)


def need_masters() -> None:
    """Raise ClickException where the masters are not: in an installed copy of the project."""
    if not SOLUTIONS.is_dir():
        raise click.ClickException(
            "this needs a checkout of the project, with its masters in solutions/: here it is installed without them"
        )
