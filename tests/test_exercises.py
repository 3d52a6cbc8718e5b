"""The declarations: every mistake is caught and named, every right answer passes, and the counts are what we promise."""

import pytest
import torch

from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.paths import SOLUTIONS
from autograder.proving.prove import prove_exercise

torch.set_num_threads(1)
WRITTEN = [number for number, name in NOTEBOOKS.items() if (SOLUTIONS / f"{name}.py").is_file()]
EXERCISES = [pytest.param(exercise, id=exercise.question) for number in WRITTEN for exercise in exercises_of(number)]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_proof_holds(exercise):
    assert prove_exercise(exercise).problems == ()


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_declaration_is_complete(exercise):
    assert len(exercise.mistakes) >= 4
    assert len(exercise.variants) >= 3
    assert len({mistake.name for mistake in exercise.mistakes}) == len(exercise.mistakes)
    for mistake in exercise.mistakes:
        assert all((mistake.title, mistake.belief, mistake.hint, mistake.see)), mistake.name
        assert "\n" not in mistake.title + mistake.hint + mistake.see
    for test in exercise.tests:
        assert (test.cases is None) != (test.judge is None), test.name
        assert '"' not in test.name


@pytest.mark.parametrize("exercise", EXERCISES)
def test_draws_are_the_same_every_time(exercise):
    from attnkit.checking import codec

    for test in exercise.tests:
        assert codec.dumps(list(exercise.draw(test))) == codec.dumps(list(exercise.draw(test)))


def test_a_surviving_mistake_is_reported():
    from dataclasses import replace

    exercise = exercises_of("02")[1]
    harmless = replace(exercise.mistakes[0], name="harmless", code=exercise.variants[0].code, switches={})
    proof = prove_exercise(replace(exercise, mistakes=(harmless,)))
    assert any("survives" in problem for problem in proof.problems)


def test_a_false_alarm_is_reported():
    from dataclasses import replace

    exercise = exercises_of("02")[1]
    wrong = replace(exercise.variants[0], name="wrong", code=lambda q, K, V: (V[0], K[:, 0]))
    proof = prove_exercise(replace(exercise, variants=(wrong, *exercise.variants)))
    assert any("'wrong' fails" in problem for problem in proof.problems)


def test_twins_are_reported():
    from dataclasses import replace

    exercise = exercises_of("02")[1]
    twin = replace(exercise.mistakes[0], name="twin")
    proof = prove_exercise(replace(exercise, mistakes=(exercise.mistakes[0], twin)))
    assert any("apart" in problem for problem in proof.problems)
