"""The graders that are compared: each grades the same hand-ins and says what that cost and what it gave."""

from __future__ import annotations

import ast
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from autograder.paths import GENERATED, NOTEBOOKS, ROOT
from benchmarks.hand_ins import FILE, NOTEBOOK, STUDENTS, HandIn, course_notebook, graded_cells
from benchmarks.measure import Cost, beside, measure

Scores = dict[str, float]
Run = Callable[[Sequence[HandIn], Path], tuple[Cost, Scores]]
OTTER, OURS, FLOOR = "otter run", "this grader, one job", "the floor"
SAMPLES = len(STUDENTS)
_ASSIGNMENT = "notebook"


@dataclass(frozen=True)
class Grader:
    """A way to grade, run on `few` and on `many` hand-ins to tell its start from its work.

    `missing` says why it cannot be run here.
    """

    name: str
    run: Run
    few: int
    many: int
    missing: str = ""


def graders(size: int) -> list[Grader]:
    """All that are compared; the fast ones on a class of `size`."""
    few = min(3 * SAMPLES, size // 2)  # enough that torch is imported once, for however many jobs, as for many hand-ins
    missing = "" if find_spec("nbgrader") else "not installed: `pip install -e '.[bench]'`"
    return [
        Grader(OTTER, otter_run, 0, SAMPLES),
        Grader("nbgrader autograde", nbgrader_autograde, 1, SAMPLES, missing),
        Grader(OURS, this_grader(1), few, size),
        Grader("this grader, two jobs", this_grader(2), few, size),
        Grader(FLOOR, floor, SAMPLES, size),
    ]


def otter_run(hand_ins: Sequence[HandIn], folder: Path) -> tuple[Cost, Scores]:
    """`otter run` with the built zip, one command for each hand-in."""
    archive = GENERATED / NOTEBOOK / "autograder.zip"
    total, scores = Cost(0, 0), {}
    for hand_in in hand_ins:
        cost, _ = measure([beside("otter"), "run", hand_in.path, "-a", archive, "-o", folder], folder)
        tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
        scores[hand_in.student] = sum(float(test.get("score", 0)) for test in tests)
        total = Cost(total.cpu + cost.cpu, total.wall + cost.wall)
    return total, scores


def this_grader(jobs: int) -> Run:
    """`autograder grade`, whole: intake, sandbox, gradebook and reports."""

    def run(hand_ins: Sequence[HandIn], folder: Path) -> tuple[Cost, Scores]:
        out, whole_class = folder / "out", hand_ins[0].path.parents[1]
        cost, _ = measure([beside("autograder"), "grade", whole_class, "-o", out, "--jobs", str(jobs)], folder)
        with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
            return cost, {row["student"]: float(row["score"]) for row in csv.DictReader(file)}

    return run


def floor(hand_ins: Sequence[HandIn], folder: Path) -> tuple[Cost, Scores]:
    """One warm process and a fork for each hand-in: see `benchmarks.floor`."""
    cost, said = measure([sys.executable, "-m", "benchmarks.floor", *(one.path for one in hand_ins)], ROOT)
    scores = json.loads(said.strip().splitlines()[-1])
    return cost, {hand_in.student: scores[str(hand_in.path)] for hand_in in hand_ins}


def nbgrader_autograde(hand_ins: Sequence[HandIn], folder: Path) -> tuple[Cost, Scores]:
    """nbgrader's autograde on the same cells, each Otter test case a locked cell with its points at the end.

    Making the assignment is not counted.
    """
    course = folder / "course"
    tests = _test_cells()
    for path, cells in [(course / "source" / _ASSIGNMENT / FILE, graded_cells(NOTEBOOKS / FILE))] + [
        (course / "submitted" / one.student / _ASSIGNMENT / FILE, graded_cells(one.path)) for one in hand_ins
    ]:
        path.parent.mkdir(parents=True)
        nbformat.write(_notebook([*map(new_code_cell, cells), *tests]), path)
    where = f"--CourseDirectory.root={course}"
    program = beside("nbgrader")
    measure([program, "generate_assignment", _ASSIGNMENT, where], folder)
    cost, _ = measure([program, "autograde", _ASSIGNMENT, where], folder)
    measure([program, "export", where, f"--to={folder / 'scores.csv'}"], folder)
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        return cost, {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}


def _test_cells() -> list[nbformat.NotebookNode]:
    """Every case of the Otter test files as a cell that nbgrader grades."""
    master = course_notebook()
    cells = []
    for question in master.questions:
        tree = ast.parse(master.test_path(question).read_text(encoding="utf-8"))
        for case in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            (decorator,) = case.decorator_list
            assert isinstance(decorator, ast.Call)
            options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords if keyword.arg}
            cells.append(_test_cell(case, options["points"]))
    return cells


def _test_cell(case: ast.FunctionDef, points: float) -> nbformat.NotebookNode:
    source = "\n".join(["env = globals()", *map(ast.unparse, case.body)])
    details = {
        "schema_version": 3,
        "grade": True,
        "grade_id": case.name,
        "locked": True,
        "points": points,
        "solution": False,
        "task": False,
    }
    return new_code_cell(source, metadata={"nbgrader": details})


def _notebook(cells: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})
