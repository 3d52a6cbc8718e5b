"""The command `autograder override`: a mark that a person sets."""

from __future__ import annotations

import getpass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.grading.batch import GRADEBOOK, alone_in
from autograder.grading.command import fail
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.platforms import Student
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.mark import Override
from autograder.grading.record.result import QuestionResult
from autograder.grading.report.numbers import number
from autograder.grading.report.outputs import Outputs
from autograder.grading.safe_text import printable, printable_text
from autograder.term.gradebook_marks import Marker
from autograder.term.policy import find_notebook, find_question, names_of
from autograder.term.roster import plain_name


@click.command()
@click.argument("student", required=False)
@click.argument("notebook", required=False)
@click.argument("question", required=False)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder with the gradebook.")
@click.option("--points", type=float, help="The points that the question gets.")
@click.option("--reason", help="Why; the student reads it, too.")
@click.option("--by", "who", help="Who decides.  [default: the name you are logged in with]")
@click.option("--take-back", is_flag=True, help="Let the tests decide again.")
def override(
    student: str | None,
    notebook: str | None,
    question: str | None,
    out: Path,
    points: float | None,
    reason: str | None,
    who: str | None,
    take_back: bool,
) -> None:
    """Set the points of STUDENT's QUESTION in NOTEBOOK by hand, or take that back; without arguments, list what was set.

    It keeps who, when and why, and grading again never loses it.
    """
    console = Console(highlight=False)
    try:
        with alone_in(existing(out)), Gradebook(out / GRADEBOOK) as book:
            course = Course.load()
            if student is None:
                _show(console, book.overrides(standing=False))
                return
            if notebook is None or question is None:
                raise GradingError("say whose mark it is: STUDENT NOTEBOOK QUESTION, such as ana 02 q2_3")
            person = find_student(student, book)
            name = find_notebook(notebook, course)
            asked = find_question(question, name, course)
            by = printable(who or getpass.getuser(), 60)
            if take_back:
                told = _take_back(book, person, name, asked, by)
            else:
                told = _set(book, person, name, asked, points, printable_text(reason or "").strip(), by)
            outputs = Outputs(out, book, course)
            marker = Marker.of(book, course, outputs)
            marker.mark_all()
            outputs.write_class(outputs.kept_intake(marker.notices()))
            console.print(Text(told))
    except GradingError as error:
        fail(str(error))


def existing(out: Path) -> Path:
    """A folder that holds a gradebook; raises GradingError when it holds none."""
    if not (out / GRADEBOOK).is_file():
        raise GradingError(f"there is no {GRADEBOOK} in {out}: say with -o where `autograder grade` wrote it")
    return out


def find_student(text: str, book: Gradebook) -> Student:
    """The one student whom a key, a platform's id, an e-mail or a name that only they have names; raises GradingError for
    nobody, or for several."""
    students = book.students()
    exact = [student for student in students if student.key == text]
    found = exact or [student for student in students if text in names_of(student)]
    found = found or [student for student in students if plain_name(student.name) == plain_name(text)]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(student.key for student in found[:5])
        raise GradingError(f"{printable(text, 60)} may be {keys}: write one of these")
    raise GradingError(
        f"nobody in the gradebook is called {printable(text, 60)!r}: write what stands in the column `student` of grades.csv, "
        "an id, an e-mail or the full name"
    )


def _shown(student: Student) -> str:
    return student.name if student.name == student.key else f"{student.name} ({student.key})"


def _set(
    book: Gradebook, student: Student, notebook: str, name: str, points: float | None, reason: str, who: str
) -> str:
    if points is None or not reason:
        raise GradingError("say --points and --reason: both are kept, and the student reads why")
    question = _graded(book, student, notebook, name)
    if not 0 <= points <= question.possible:
        raise GradingError(f"{question.title} has {number(question.possible)} points: --points {points:g} is not among them")
    book.add_override((student.key, notebook, name), points, reason, who, question.score)
    return (
        f"{_shown(student)}, {question.title}: {number(points)} of {number(question.possible)} points by hand; "
        f"the tests gave {number(question.score)}"
    )


def _take_back(book: Gradebook, student: Student, notebook: str, name: str, who: str) -> str:
    standing = [one for one in book.overrides(student.key, notebook) if one.question == name]
    if not standing:
        raise GradingError(f"nothing was set by hand for {student.key}, {notebook}, {name}")
    book.take_back_override(standing[0], who)
    return f"{_shown(student)}, {name}: the {number(standing[0].points)} points by hand are taken back; the tests decide again"


def _graded(book: Gradebook, student: Student, notebook: str, name: str) -> QuestionResult:
    record = book.record_of(student.key, notebook)
    found = [one for one in record.result.questions if one.name == name] if record else []
    if not found:
        raise GradingError(f"{student.key} has no score for {name} of {notebook}, which could be changed")
    return found[0]


def _show(console: Console, overrides: list[Override]) -> None:
    if not overrides:
        console.print("nothing was set by hand")
        return
    table = Table("student", "notebook", "question", "points", "tests gave", "who", "when", "why", "", box=None)
    for one in overrides:
        back = f"taken back by {one.taken_back_by}, {one.taken_back_at[:10]}" if one.taken_back_at else ""
        table.add_row(
            *(Text(text) for text in (one.student, one.notebook[:2], one.question, number(one.points))),
            *(Text(text) for text in (number(one.score_then), one.who, one.made_at[:10], one.reason, back)),
        )
    console.print(table)
