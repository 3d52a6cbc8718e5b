"""Which notebooks a command line means."""

from __future__ import annotations

import click

from autograder.exercises import NOTEBOOKS
from autograder.paths import SOLUTIONS


def chosen_notebooks(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """The two-digit numbers given, or those of every master there is; raises UsageError for a number of no notebook."""
    for number in numbers:
        if number not in NOTEBOOKS:
            raise click.UsageError(f"there is no notebook {number}; there are {', '.join(NOTEBOOKS)}")
    return numbers or tuple(number for number, name in NOTEBOOKS.items() if (SOLUTIONS / f"{name}.py").is_file())
