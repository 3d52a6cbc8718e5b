"""Every hostile submission earns its honest part and nothing else, and does nothing to the one that follows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from handins import handin

from autograder.grading.record.result import Result, Status
from autograder.grading.score.grade import grade_notebook
from hostile.corpus import ANYTHING, CORPUS, QUESTIONS, Hostile

STYLE = "einsum"
PATIENCE = 2.0  # seconds for one cell or call of what runs into a time limit
WORKSHEET = {  # by hand, so that it does not depend on the other answers
    "q2_8": "worksheet_scores = [1, 2, 3]\nworksheet_weights = [0.090, 0.245, 0.665]\nworksheet_output = [4.226, 5.774]"
}


def submission(hostile: Hostile) -> bytes:
    """The notebook with the hostile answers and cells in it."""
    notebook = json.loads(handin(STYLE, {**WORKSHEET, **hostile.answers}))
    cells = notebook["cells"]
    start = 1 + next(i for i, cell in enumerate(cells) if "attnkit.start(" in "".join(cell["source"]))
    first, last = (
        [_cell(f"{name}-{i}", source) for i, source in enumerate(sources)] for name, sources in _added(hostile)
    )
    notebook["cells"] = [*cells[:start], *first, *cells[start:], *last]
    return json.dumps(notebook).encode()


def _added(hostile: Hostile) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("first", hostile.first), ("last", hostile.last)


def _cell(name: str, source: str) -> dict[str, object]:
    return {"cell_type": "code", "id": name, "metadata": {}, "execution_count": None, "outputs": [], "source": source}


def hidden_points(result: Result, question: str) -> tuple[float, float]:
    """Earned and possible points of the hidden cases of a question."""
    cases = [case for one in result.questions if one.name == question for case in one.cases if case.hidden]
    return sum(case.points for case in cases if case.passed), sum(case.points for case in cases)


def unwatchable_points(result: Result, question: str) -> float:
    """Points of the hidden cases that failed because something else worked while they were watched."""
    cases = [case for one in result.questions if one.name == question for case in one.cases if case.hidden and not case.passed]
    return sum(case.points for case in cases if case.finding and case.finding.problem == "a part of it cannot be watched")


ATTACKS = [
    pytest.param(hostile, id=hostile.name, marks=[pytest.mark.slow] if hostile.slow else []) for hostile in CORPUS
]


@pytest.mark.parametrize("hostile", ATTACKS)
def test_it_earns_its_honest_part_and_nothing_else(hostile, workshop, master, monkeypatch):
    with monkeypatch.context() as while_it_runs:
        if hostile.slow:
            while_it_runs.setattr(workshop, "limits", replace(workshop.limits, cell_seconds=PATIENCE, call_seconds=PATIENCE))
        result = grade_notebook(submission(hostile), master, workshop)
    assert result.status in (Status.GRADED, Status.PROBLEMS)
    for question in QUESTIONS:
        earned, possible = hidden_points(result, question)
        if question in hostile.loses:
            assert earned < possible if hostile.partly else earned == 0, question
        elif hostile.loses != ANYTHING:
            excused = unwatchable_points(result, question) if hostile.watched else 0.0
            assert earned + excused == possible, (question, result)
    if hostile.problem:
        assert result.status is Status.PROBLEMS
    for question in result.questions:
        assert "LEAK" not in repr([case for case in question.cases if case.hidden]), (
            "hidden inputs reached the feedback"
        )
    assert is_honest(grade_notebook(handin(STYLE, WORKSHEET), master, workshop)), "the next submission was harmed"


def is_honest(result: Result) -> bool:
    return result.status is Status.GRADED and all(question.score == question.possible for question in result.questions)
