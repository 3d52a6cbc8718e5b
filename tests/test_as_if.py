"""An answer that is right for other arguments is told for which; nothing is claimed of one that is wrong for those, too."""

import numpy as np
import pytest
import torch

from attnkit.checking.case import Case
from autograder.exercises import NOTEBOOKS, exercise_for, exercises_of
from autograder.judging.as_if import _arguments, _changes_of
from autograder.judging.examine import Examination


def looks(question, answer):
    exercise = exercise_for(question)
    examination = Examination(exercise, {exercise.names[0]: answer})
    reports = [report for test in exercise.tests if (report := examination.verdict(test))]
    assert reports
    return {report.looks_like for report in reports}, {report.hint for report in reports}


def attend(Q, K, V):
    weights = torch.softmax(Q @ K.transpose(-2, -1), dim=-1)
    return weights @ V, weights


def softmax(z, axis):
    width = z.dtype if isinstance(z, np.ndarray) and z.dtype.kind == "f" else np.float64
    e = np.exp(np.asarray(z, dtype=width) - np.max(z, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores(s, H, W_q, W_k, v):
    return torch.tanh((s @ W_q).unsqueeze(1) + H @ W_k) @ v


TOLD = {
    "the right answer if `s` were 0": ("q1_4", lambda s, H, W_q, W_k, v: scores(0 * s, H, W_q, W_k, v)),
    "the right answer if `H` held its first example everywhere": (
        "q1_4", lambda s, H, W_q, W_k, v: scores(s, H[:1].expand_as(H), W_q, W_k, v),
    ),
    "the right answer if `h` had the opposite sign": (
        "q1_1", lambda x_t, h, W_x, W_h, b: torch.tanh(x_t @ W_x - h @ W_h + b),
    ),
    "the right answer if the large numbers of `z` were cut off at a bound": (
        "q2_1", lambda z, axis=-1: softmax(np.clip(z, -50, 50), axis),
    ),
    "the right answer if `z` were taken without its signs": ("q2_1", lambda z, axis=-1: softmax(np.abs(z), axis)),
    "the right answer if `W_q` were added to `W_k`": (
        "q2_4", lambda X, W_q, W_k, W_v: (X @ W_q, X @ (W_k + W_q), X @ W_v),
    ),
    "the right answer if `W_q` and `W_v` were exchanged": (
        "q2_5",
        lambda X_dec, X_enc, W_q, W_k, W_v: attend(X_dec @ W_v, X_enc @ W_k, X_enc @ W_q),
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", TOLD)
def test_the_change_of_the_arguments_is_told(words):
    question, answer = TOLD[words]
    said, hints = looks(question, answer)
    assert words in said
    assert all(hints)


@pytest.mark.parametrize("words", TOLD)
def test_it_is_not_told_where_something_else_is_wrong_as_well(words):
    question, answer = TOLD[words]

    def scaled(*args):
        value = answer(*args)
        one = value[0] if isinstance(value, tuple) else value
        one = 1.1 * one + 0.01 * len(args[0])
        return (one, *value[1:]) if isinstance(value, tuple) else one

    assert words not in looks(question, scaled)[0]


def test_every_change_hands_over_arguments_of_its_own():
    """No change touches the arrays of the case itself, which all answers share."""
    for number in NOTEBOOKS:
        for exercise in exercises_of(number):
            for test in exercise.tests:
                for place, case in enumerate(exercise.draw(test)[:2]):
                    before = {
                        path: value.copy() for path, value in _arguments(case).items() if isinstance(value, np.ndarray)
                    }
                    for change in _changes_of(
                        exercise, exercise.parameters(case.function), test.name, place
                    ).values():
                        changed = change.make(case)
                        assert changed is None or isinstance(changed, Case)
                    for path, value in before.items():
                        assert np.array_equal(value, _arguments(case)[path], equal_nan=value.dtype.kind == "f")


def test_functions_of_numbers_alone_are_left_alone():
    """Their loops may never end for other numbers."""
    exercise = exercise_for("q1_8")
    assert all(
        not _changes_of(exercise, exercise.parameters(), test.name, place)
        for test in exercise.tests
        for place in range(len(exercise.draw(test)))
    )
