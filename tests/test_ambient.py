"""A check sets the state of the process that it needs, puts back what it found, and says when that would have hurt."""

import contextlib
import random
import warnings

import numpy as np
import pytest
import torch

from attnkit.checking import Case, CheckFailed, check, execute
from attnkit.checking.ambient import disturbances, settled
from autograder.exercises import exercise_for
from autograder.judging.examine import Examination, as_targets


@contextlib.contextmanager
def set_and_undone(set_it, undo):
    set_it()
    try:
        yield
    finally:
        undo()


def warnings_as_errors():
    stack = contextlib.ExitStack()
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("error")
    return stack


STATES = {
    "gradients": lambda: set_and_undone(lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64": lambda: set_and_undone(
        lambda: torch.set_default_dtype(torch.float64), lambda: torch.set_default_dtype(torch.float32)
    ),
    "meta": lambda: set_and_undone(lambda: torch.set_default_device("meta"), lambda: torch.set_default_device(None)),
    "NumPy": lambda: np.errstate(all="raise"),
    "warnings": warnings_as_errors,
}
QUESTIONS = ("q1_1", "q2_1", "q2_3", "q3_1", "q4_3", "q5_1", "q5_2", "q6_5")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_right_answers_pass_whatever_the_notebook_has_set(question, state):
    exercise = exercise_for(question)
    for variant in exercise.variants:
        targets = as_targets(exercise, variant.code)
        with STATES[state]():
            check(question, targets)
            examination = Examination(exercise, targets)
            for test in exercise.tests:
                examination.trace(test)
        assert [str(report) for test in exercise.tests if (report := examination.verdict(test))] == []


@pytest.mark.parametrize("state", STATES)
def test_what_was_found_is_put_back_and_told(state):
    assert disturbances() == ()
    with STATES[state]():
        before = disturbances()
        with settled():
            assert disturbances() == ()
        assert disturbances() == before
        assert len(before) == 1
        assert state in before[0].lower() or state in before[0]
    assert disturbances() == ()


def test_what_the_learners_function_sets_does_not_outlive_its_call():
    def sets(x):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        np.seterr(all="raise")
        warnings.simplefilter("error")
        return x

    execute(sets, Case(args=(np.ones(2),)))
    assert disturbances() == ()


def test_a_check_leaves_the_notebooks_random_numbers_alone():
    def draws():
        return [random.random(), np.random.rand(), torch.rand(1).item()]

    def unseeded(z, axis=-1):
        draws()
        return z

    for seed in (1, 2):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        undisturbed = draws()
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        with pytest.raises(CheckFailed):
            check("q2_1", {"softmax": unseeded})
        assert draws() == undisturbed


def test_the_check_of_a_notebook_says_what_would_have_hurt(tmp_path, monkeypatch):
    from attnkit.grader import Grader
    from autograder.paths import PUBLIC_TESTS

    (tmp_path / "tests").symlink_to(PUBLIC_TESTS)
    monkeypatch.chdir(tmp_path)
    softmax = exercise_for("q2_1").variants[0].code
    grader = Grader("02_keys_queries_values.ipynb")
    assert "note" not in repr(grader.check("q2_1", {"softmax": softmax}))
    with STATES["gradients"]():
        shown = repr(grader.check("q2_1", {"softmax": softmax}))
    assert "all checks passed" in shown
    assert "torch.set_grad_enabled(False)" in shown
