"""Notebooks as honest students leave them: what they earned is counted, and what was done for them is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from handins import handin

from attnkit.checking.case import Case
from autograder.building.grader_zip import PROVIDED
from autograder.grading.course import GENERATED, CourseNotebook, read_course_notebook
from autograder.grading.record.result import QuestionStatus, Result, Status
from autograder.grading.report import console
from autograder.grading.run.session import Definitions, Limits, Workshop
from autograder.grading.score.grade import grade_notebook
from autograder.paths import ROOT

LIMITS = Limits(cell_seconds=20.0, call_seconds=20.0, session_seconds=120.0)
WORKSHEET = {
    "q2_8": "worksheet_scores = [1, 2, 3]\nworksheet_weights = [0.090, 0.245, 0.665]\nworksheet_output = [4.226, 5.774]"
}
Cells = list[dict[str, Any]]


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop("none", LIMITS) as opened:
        yield opened


@pytest.fixture(scope="module")
def master() -> CourseNotebook:
    return read_course_notebook(GENERATED / "02_keys_queries_values" / "course.json")


@pytest.fixture
def grade(workshop, master) -> Callable[..., Result]:
    """Grades the answered notebook 2 after its cells were changed."""

    def graded(change: Callable[[Cells], None] = lambda cells: None, **answers: str) -> Result:
        notebook = json.loads(handin("einsum", {**WORKSHEET, **answers}))
        change(notebook["cells"])
        return grade_notebook(json.dumps(notebook).encode(), master, workshop)

    return graded


def earned(result: Result) -> dict[str, float]:
    """The points missed, by question."""
    return {
        question.name: question.possible - question.score
        for question in result.questions
        if question.score != question.possible
    }


def place(cells: Cells, text: str) -> int:
    return next(i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and text in "".join(cell["source"]))


def rewrite(text: str, new: Callable[[str], str]) -> Callable[[Cells], None]:
    """Changes the source of the first code cell that holds `text`."""

    def change(cells: Cells) -> None:
        cell = cells[place(cells, text)]
        cell["source"] = new("".join(cell["source"]))

    return change


def insert(text: str, source: str, after: bool = True) -> Callable[[Cells], None]:
    """Adds a code cell beside the first one that holds `text`."""

    def change(cells: Cells) -> None:
        cells.insert(place(cells, text) + after, code(source))

    return change


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source, "id": "own"}


# Set-up


SETUP = "attnkit.start("
BROKEN = {
    "a line of Colab's": lambda source: f"from google.colab import drive\ndrive.mount('/content/drive')\n{source}",
    "a package that is not there": lambda source: f"import a_package_of_mine\n{source}",
    "a package in the middle": lambda source: source.replace(
        "import torch\n", "import a_package_of_mine\nimport torch\n"
    ),
    "no sentence of Python": lambda source: f"{source}\nimport numpy as",
    "a name misspelt": lambda source: source.replace("import numpy as np", "import numpy as numpi"),
}


@pytest.mark.parametrize("new", BROKEN.values(), ids=BROKEN)
def test_a_broken_set_up_cell_costs_nothing(grade, new):
    result = grade(rewrite(SETUP, new))
    assert earned(result) == {}
    if "misspelt" not in str(new) and result.cells:
        assert "what the set-up cell of the hand-out defines was given" in str(result.cells[0])
        assert result.status is Status.PROBLEMS


@pytest.mark.parametrize("ids", [True, False], ids=["ids kept", "ids lost"])
def test_a_set_up_cell_that_is_gone_is_given_and_named(grade, ids):
    def change(cells: Cells) -> None:
        del cells[place(cells, SETUP)]
        for cell in [] if ids else cells:
            cell["id"] = ""

    result = grade(change)
    assert earned(result) == {}
    assert result.status is Status.GRADED
    assert result.notes == ("the set-up cell of the hand-out is not in the notebook: its names were given",)


def test_what_the_students_set_up_defines_comes_after_what_is_given(grade):
    result = grade(rewrite(SETUP, lambda source: f"{source}\nfactor = 2.0"), q2_9="permutation_gap = None\nfactor")
    assert result.cells == ()


def test_a_cell_that_fails_keeps_what_it_defines_below(workshop):
    cell = """import math
from google.colab import files
uploaded = files.upload()
import numpy as np
from a_package_of_mine import thing
WIDTH = max(2, 3)
def helper(x):
    return np.asarray(x) * WIDTH
print("below")
raise ValueError("again")
late = 1"""
    with workshop.open() as session:
        (ran,) = session.run_cells([cell])
        assert (ran.status, ran.failure.type) == ("error", "ModuleNotFoundError")
        found = session.environment["helper"].run(Case(args=(np.ones(2),), framework="numpy")).value
        assert found.tolist() == [3.0, 3.0]
        assert session.environment["late"].run(Case(value=True)).value == 1
        assert session.environment.get("uploaded") is None


def test_the_packages_that_are_promised_are_there_and_in_both_guides(workshop):
    with workshop.open() as session:
        ran = session.run_cells([f"import {name}" for name in PROVIDED])
    assert [cell.failure for cell in ran] == [None] * len(PROVIDED)
    for guide in ("students.md", "instructors.md"):
        text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
        *names, last = (f"`{name}`" for name in PROVIDED)
        assert re.search(rf"(?<!, ){', '.join(names)} and {last}[.;]", text), "the guide's list is another one"


# Experiments


USES_HELPER = "def attention(Q, K, V):\n    weights = shares(Q @ K.mT)\n    return weights @ V, weights"
HELPER = "\n\ndef shares(scores):\n    return torch.softmax(scores, -1)\n"


def test_a_helper_in_a_changed_experiment_counts_and_the_rest_is_not_run(grade):
    result = grade(
        rewrite("def draw_searchlight", lambda source: f"{source}\nraise SystemExit('not run')\n{HELPER}"),
        q2_3=USES_HELPER,
    )
    assert earned(result) == {}
    assert result.cells == ()
    assert result.notes == ("code cell 3: an experiment that was changed, of which only the definitions were run",)


def test_only_definitions_of_a_changed_experiment_run(workshop):
    cell = """
import math
@staticmethod
def plain(): return 1
class Kept: pass
SIZE: int = 3
pair = (1, [2])
made = math.sqrt(4)
plots = [x for x in range(3)]
for i in range(3): pass
math.floor(2)
async def later(): return 1
"""
    with workshop.open() as session:
        session.run_cells([Definitions(cell)])
        there = [
            name
            for name in ("math", "plain", "Kept", "SIZE", "pair", "made", "plots", "i", "later")
            if session.has(name)
        ]
    assert there == ["math", "plain", "Kept", "SIZE", "pair", "later"]


def test_a_name_that_only_an_experiment_sets_is_named_in_a_remark(grade):
    answer = USES_HELPER.replace("shares(Q @ K.mT)", "torch.softmax(Q @ K.mT * len(KEY_ANGLES), -1)")
    result = grade(q2_3=answer)
    assert [note for note in result.notes if "KEY_ANGLES" in note and "which is not run" in note]


def test_broken_experiments_are_no_problem_of_the_hand_in(grade):
    result = grade(rewrite("def draw_searchlight", lambda source: f"{source}\nthis is no Python"))
    assert earned(result) == {}
    assert (result.cells, result.status) == ((), Status.GRADED)


# Copies


def test_a_blank_copy_below_the_answer_does_not_win(grade, master):
    blank = json.loads(handin(""))["cells"]
    stub = "".join(blank[place(blank, "Exercise 2.3")]["source"])
    result = grade(insert("def cross_attention", stub))
    assert earned(result) == {}
    assert [note for note in result.notes if "2.3 attention stands twice: the answer counts" in note]


def test_of_two_answers_the_last_counts_and_it_is_said(grade):
    result = grade(insert("def cross_attention", "def attention(Q, K, V):\n    return V"))
    assert "q2_3" in earned(result)
    assert [note for note in result.notes if "2.3 attention is defined in code cells" in note]


# Words


def test_a_public_message_names_what_is_not_defined_and_hidden_ones_do_not(grade):
    result = grade(q2_1="def softmax(z, axis=-1):\n    return helper_of_mine(z)")
    (question,) = [question for question in result.questions if question.name == "q2_1"]
    public, *hidden = question.cases
    assert "name 'helper_of_mine' is not defined" in public.finding.found
    assert question.status is QuestionStatus.WRONG
    assert not any("helper_of_mine" in repr(case) for case in hidden)


def test_public_messages_are_asked_for_before_any_hidden_input(workshop):
    with workshop.open() as session:
        session.run_cells(["def f(x): return x"])
        assert not session.environment["f"].may_be_shown
        with session.in_public():
            assert session.environment["f"].may_be_shown
            session.environment["f"].run(Case(args=(np.ones(1),)))
        session.environment["f"].run(Case(args=(np.ones(1),)))
        with pytest.raises(RuntimeError, match="already"), session.in_public():
            pass


def test_a_problem_is_told_by_its_exercise_and_without_a_cells_inner_name(grade):
    result = grade(q2_4="def project(X, W_q, W_k, W_v):\n    return X @ W_q,, X @ W_k", q2_5="1 / 0")
    one, two = result.cells
    assert str(one).startswith("exercise 2.4 project (code cell ")
    assert str(one).endswith("raised SyntaxError: invalid syntax, line 2")
    assert str(two).startswith("exercise 2.5 cross_attention (code cell ")
    assert "ipython-input" not in repr(result)


def test_the_table_begins_with_the_rows_that_need_a_look(monkeypatch):
    class Row:
        def __init__(self, number: int, status: Status) -> None:
            self.number, self.result = number, Result(status)

    monkeypatch.setattr(console, "ROWS_SHOWN", 4)
    rows = [Row(i, Status.PROBLEMS if i in (6, 9) else Status.GRADED) for i in range(10)]
    assert [row.number for row in console._shown_first([None, *rows])] == [6, 9, 0, 1]


# State of the process


@pytest.mark.parametrize(
    "line",
    [
        "torch.set_grad_enabled(False)",
        "np.seterr(all='raise')",
        "torch.set_default_dtype(torch.float64)",
        "import warnings; warnings.simplefilter('error')",
        "torch.set_num_threads(4)",
    ],
)
def test_what_a_cell_sets_for_the_whole_process_costs_nothing(grade, line):
    assert earned(grade(insert("def attend(", line))) == {}
