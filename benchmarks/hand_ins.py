"""The submissions that are measured: honest ones of the sample class, and as many more as wanted made from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.course import Course, CourseNotebook
from autograder.grading.find.notebook import read_notebook
from autograder.grading.score.cells import plan_cells
from autograder.paths import EXAMPLES

NOTEBOOK = "02_keys_queries_values"
RIGHT, WRONG = ("aiko", "amir"), ("carlos", "dilnoza")
STUDENTS = RIGHT + WRONG
FILE = f"{NOTEBOOK}.ipynb"
MARK = "# hand-in"  # and a number: what tells one copy from the next


@dataclass(frozen=True)
class HandIn:
    """A student and the notebook file."""

    student: str
    path: Path


def course_notebook() -> CourseNotebook:
    """What the course knows about the notebook that is measured."""
    return Course.load().notebooks[NOTEBOOK]


def graded_cells(path: Path) -> list[str]:
    """The cells of a submission that count: experiments and the notebook's own checks left out."""
    return plan_cells(read_notebook(path.read_bytes()), course_notebook()).sources


def make_class(folder: Path, size: int) -> list[HandIn]:
    """Write `size` hand-ins, one folder a student, each the answers of a sample student and a file of its own."""
    samples = [json.loads((EXAMPLES / "class" / name / FILE).read_text(encoding="utf-8")) for name in STUDENTS]
    hand_ins = []
    for number in range(size):
        name, sample = STUDENTS[number % len(STUDENTS)], samples[number % len(STUDENTS)]
        path = folder / f"{name}-{number:05d}" / FILE
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(_signed(sample, number), ensure_ascii=False), encoding="utf-8")
        hand_ins.append(HandIn(path.parent.name, path))
    return hand_ins


def _signed(notebook: dict[str, object], number: int) -> dict[str, object]:
    """The notebook with a number in one answer, as no two students write the same file."""
    cells = notebook["cells"]
    assert isinstance(cells, list)
    signed = [
        {**cell, "source": "".join(cell["source"]) + f"\n{MARK} {number}"} if cell.get("id") == "q2_1" else cell
        for cell in cells
    ]
    return {**notebook, "cells": signed}
