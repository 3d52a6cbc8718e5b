"""The blind corpus: every edit changes its answer, and the answer that it spoils is a right one."""

import pytest

from autograder.exercises import exercise_for, exercises_of
from autograder.judging.examine import Examination
from autograder.proving.blind.edits import run, spoiled
from autograder.proving.corpus import modules_of, written

MODULES = {module.__name__.rpartition(".")[2]: module for number in written() for module in modules_of(number)}
QUESTIONS = [(name, question) for name, module in MODULES.items() for question in module.RIGHT]


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_the_right_answer_that_the_edits_spoil_is_accepted(name, question):
    module = MODULES[name]
    before = "\n".join(module.RIGHT[need] for need in getattr(module, "NEEDS", {}).get(question, ()))
    targets = run(module.RIGHT[question], before)
    examination = Examination(exercise_for(question), targets)
    reports = [examination.verdict(test) for test in exercise_for(question).tests]
    assert [str(report) for report in reports if report] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_question_has_eight_wrong_answers(name):
    module = MODULES[name]
    questions = {exercise.question for exercise in exercises_of(name[-2:])}
    assert set(module.WRONG) == (set(module.RIGHT) & questions if name.startswith("further") else questions)
    assert all(len(wrong) >= 8 for wrong in module.WRONG.values())


def test_an_edit_that_changes_nothing_is_refused():
    with pytest.raises(ValueError, match="not in the right answer"):
        spoiled("return 1", ("2", "3"))
