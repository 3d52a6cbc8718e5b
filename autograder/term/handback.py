"""The commands `autograder export` and `autograder feedback`: what goes back to the platform."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from autograder.grading.batch import GRADEBOOK, alone_in
from autograder.grading.command import fail
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook
from autograder.term.command import existing
from autograder.term.export import Filled
from autograder.term.export import export as fill
from autograder.term.forms import KINDS
from autograder.term.pages import KINDS as ZIPS
from autograder.term.pages import pages_zip
from autograder.term.policy import find_notebook

_out = click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder that `grade` wrote.")
_notebook = click.option("--notebook", default="", metavar="NN", help="This notebook only, such as 02.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "kind", type=click.Choice(KINDS), required=True, help="Which platform FILE is from.")
@_out
@_notebook
@click.option("--column", default="", help="The column that takes the marks, where its name does not say so.")
@click.option("--assignment", default="", help="nbgrader's name of the assignment, where it is not the notebook's.")
@click.option("--as", "target", type=click.Path(path_type=Path), help="Write a new file instead of filling FILE itself.")
def export(
    file: Path, kind: str, out: Path, notebook: str, column: str, assignment: str, target: Path | None
) -> None:
    """Fill FILE, as you downloaded it from the platform, with the marks.

    Columns, order, delimiters and rows of others stay as they are, byte for byte.
    """
    try:
        course = Course.load()
        with alone_in(existing(out)), Gradebook(out / GRADEBOOK) as book:
            filled = fill(book, kind, file, notebook and find_notebook(notebook, course), column, assignment, target)
    except GradingError as error:
        fail(str(error))
    _tell(filled, f"{filled.marks} marks changed in {target or file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--zip", "kind", type=click.Choice(ZIPS), required=True, help="Which platform takes the zip.")
@_out
@_notebook
def feedback(file: Path, kind: str, out: Path, notebook: str) -> None:
    """Write the students' pages to FILE, the zip that the platform's bulk upload takes."""
    try:
        course = Course.load()
        with alone_in(existing(out)), Gradebook(out / GRADEBOOK) as book:
            graded = [name for name in book.notebooks() if name]
            if not graded:
                raise GradingError("nothing is graded in this folder yet: grade first, then make the zip")
            wanted = find_notebook(notebook, course) if notebook else graded[0] if len(graded) == 1 else ""
            if not wanted:
                raise GradingError(f"a zip is for one assignment: say which notebook with --notebook ({', '.join(graded)})")
            filled = pages_zip(book, out, kind, wanted, file)
    except GradingError as error:
        fail(str(error))
    _tell(filled, f"{filled.marks} pages in {file}")


def _tell(filled: Filled, done: str) -> None:
    console = Console(highlight=False)
    for line in filled.told:
        console.print(Text(f"note: {line}", style="yellow"), soft_wrap=True)
    console.print(Text(done), soft_wrap=True)
