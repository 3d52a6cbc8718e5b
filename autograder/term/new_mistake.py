"""The command `autograder new-mistake`: a start for declaring a wrong answer that a class gives and that has no name yet."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import click

from autograder.exercises import exercise_for
from autograder.grading.batch import GRADEBOOK
from autograder.grading.command import fail
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook
from autograder.judging.declare import Exercise
from autograder.term.command import existing, find_student
from autograder.term.policy import find_question
from autograder.term.regrade import notebook_of

_HEAD = '''"""A wrong answer to {heading} that a class gave, and that has no name yet: a start for its declaration.

1. Read the code: it is a learner's program, and `autograder prove` will run it with your rights.
2. Say what it does wrong in five short texts, and simplify it until it does that and nothing else.
3. Move both into {file}, the mistake among `mistakes`.
4. Run `autograder prove {number} --quiet`: is it caught, named, and told apart from the others?
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.judging.declare import Mistake

'''
_TAIL = '''

MISTAKE = Mistake(
    "give-it-a-name",
    "what the answer looks like, after the words `this looks like`",
    "What the learner was thinking, in their words.",
    "A hint that does not give the answer.",
    "step 1 of the stub",
    code={code},
)
'''


@click.command("new-mistake")
@click.argument("question")
@click.option("--student", required=True, help="Whose answer is the example.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder with the gradebook.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="A file to write it to.  [default: the terminal]")
def new_mistake(question: str, student: str, out: Path, target: Path | None) -> None:
    """Start the declaration of a mistake from one student's answer to QUESTION; their name is not in it.

    Nothing of the answer is run.
    """
    try:
        with Gradebook(existing(out) / GRADEBOOK) as book:
            course = Course.load()
            notebook = notebook_of(question, course)
            name = find_question(question, notebook.name, course)
            person = find_student(student, book)
            record = book.record_of(person.key, notebook.name)
        found = [one for one in record.result.questions if one.name == name] if record else []
        if not found or not found[0].code:
            raise GradingError(f"the gradebook keeps no answer of {person.key} to {name}")
        text = declaration(exercise_for(name), found[0].code)
        if target is None:
            click.echo(text)
            return
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
        click.echo(f"wrote {target}: its first lines say how to go on")
    except FileExistsError:
        fail(f"{target} is there already: choose another file with --to")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    except GradingError as error:
        fail(str(error))


def declaration(exercise: Exercise, code: str) -> str:
    """A Python file with the answer under new names and a mistake around it; comments of the learner's are left out.

    Raises GradingError when the answer is no Python, or defines nothing of what the exercise asks for.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        raise GradingError("the answer is no Python that can be read") from None
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names = [name for name in exercise.names if name in defined]
    if not names:
        raise GradingError(f"the answer defines none of {', '.join(exercise.names)}")
    tree = _Renamed(names).visit(tree)
    digits = exercise.number.partition(".")[0].zfill(2)
    folder = f"autograder/exercises/nb{digits}_…/{exercise.question}_….py"
    head = _HEAD.format(heading=exercise.heading, file=folder, number=digits)
    mapping = ", ".join(f'"{name}": {_renamed(name)}' for name in names)
    tail = _TAIL.format(code=_renamed(names[0]) if len(exercise.names) == 1 else f"{{{mapping}}}")
    return head + "\n" + ast.unparse(ast.fix_missing_locations(tree)) + "\n" + tail


class _Renamed(ast.NodeTransformer):
    """Gives the exercise's own names another, and leaves imports to the head of the file."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = set(names)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.names:
            node.id = _renamed(node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in self.names:
            node.name = _renamed(node.name)
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        if node.name in self.names:
            node.name = _renamed(node.name)
        self.generic_visit(node)
        return node


def _renamed(name: str) -> str:
    return f"unnamed_{name}" if name[0].islower() else f"Unnamed{name}"
