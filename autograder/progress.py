"""The command `autograder progress`: what `attnkit.progress()` says in a notebook."""

from __future__ import annotations

import click

import attnkit


@click.command()
@click.option("--forget", is_flag=True, help="Delete the file in which it is kept first.")
def progress(forget: bool) -> None:
    """Say which exercises are done in which notebook, what is next, and which mistakes were met and overcome."""
    click.echo(repr(attnkit.progress(forget)))
