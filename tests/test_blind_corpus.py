"""The blind corpus: every edit changes its answer, and the answer that it spoils is a right one."""

import importlib

import pytest

from autograder.exercises import exercise_for, exercises_of
from autograder.judging.examine import Examination
from autograder.proving.blind.edits import run, spoiled
from autograder.proving.corpus import written

NOTEBOOKS = {number: importlib.import_module(f"autograder.proving.blind.nb{number}") for number in written()}
QUESTIONS = [(number, question) for number, module in NOTEBOOKS.items() for question in module.RIGHT]


@pytest.mark.parametrize(("number", "question"), QUESTIONS)
def test_the_right_answer_that_the_edits_spoil_is_accepted(number, question):
    module = NOTEBOOKS[number]
    before = "\n".join(module.RIGHT[need] for need in getattr(module, "NEEDS", {}).get(question, ()))
    targets = run(module.RIGHT[question], before)
    examination = Examination(exercise_for(question), targets)
    reports = [examination.verdict(test) for test in exercise_for(question).tests]
    assert [str(report) for report in reports if report] == []


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_every_question_has_eight_wrong_answers(number):
    module = NOTEBOOKS[number]
    questions = {exercise.question for exercise in exercises_of(number)}
    assert questions - set(module.WRONG) == ({"q5_3", "q5_6"} if number == "05" else set())
    assert all(len(wrong) >= 8 for wrong in module.WRONG.values())


def test_an_edit_that_changes_nothing_is_refused():
    with pytest.raises(ValueError, match="not in the right answer"):
        spoiled("return 1", ("2", "3"))
