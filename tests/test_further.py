"""What readers of the further exercises found: cases that a wrong answer passed, and messages that named nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from attnkit.checking import Case, CheckFailed, Seed, check, execute
from attnkit.checking.agree import same_behaviour, same_verdict
from attnkit.checking.case import Failure, Outcome
from attnkit.checking.compare import Output, compare
from attnkit.checking.probes import NextTokenTable
from attnkit.checking.public import advice
from autograder.exercises import NOTEBOOKS, exercise_for, exercises_of
from autograder.exercises.nb06_masking_and_teacher_forcing.q6_16_beam_search import PUT_AWAY, beam_of_lists
from autograder.judging.examine import Examination, targets_of
from autograder.judging.expected import expected_answer
from autograder.reference import nb06


def names_of(question: str, answer: Any) -> set[str]:
    """What the hidden tests call an answer; "" where one that fails names nothing."""
    exercise = exercise_for(question)
    examination = Examination(exercise, {exercise.names[0]: answer})
    return {report.mistake for test in exercise.tests if (report := examination.verdict(test))}


def message(question: str, answer: Any) -> str:
    with pytest.raises(CheckFailed) as failed:
        check(question, {exercise_for(question).names[0]: answer})
    return str(failed.value)


def window(T: int, S: int, size: int, refused: Any = lambda size, T, S: False) -> Any:
    if S < T or size < 1 or refused(size, T, S):
        raise ValueError("it cannot be")
    back = torch.arange(S - T, S)[:, None] - torch.arange(S)
    return (back >= 0) & (back < size)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("large-window-refused", lambda size, T, S: size >= S),
        ("larger-window-refused", lambda size, T, S: size > S),
        ("window-above-t-refused", lambda size, T, S: size > T),
    ],
)
def test_a_window_that_reaches_beyond_the_keys_is_asked_for(name, refused):
    def answer(T: int, S: int, size: int) -> Any:
        return window(T, S, size, refused)

    assert names_of("q5_11", answer) == {name}
    assert exercise_for("q5_11").parameters() == ("T", "S", "window")


def test_a_sentence_that_was_pushed_out_is_gone():
    token = torch.randn(5, 5, generator=torch.Generator().manual_seed(118)) * 1.5
    model = NextTokenTable(token.double().numpy(), np.zeros((1, 5)), np.zeros((6, 5)))
    given = (torch.zeros(1, 1, dtype=torch.int64), 1, 2, 0, 2, 4)
    assert nb06.beam_search(model, given[0].numpy(), *given[1:]).tolist() == [[3, 1, 3, 4]]
    assert beam_of_lists(model, *given).tolist() == [[3, 1, 3, 4]]
    assert beam_of_lists(model, *given, **PUT_AWAY[0]).tolist() == [[2]]


def test_a_width_above_the_vocabulary_is_asked_for():
    cases = [case for test in exercise_for("q6_16").tests for case in exercise_for("q6_16").draw(test)]
    assert any(case.args[5] > case.args[0].token.shape[1] for case in cases)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("p-is-what-is-kept", lambda w, p, g: torch.empty_like(w).bernoulli_(p, generator=g) * w / (1 - p)),
        ("p-is-what-is-kept", lambda w, p, g: w.masked_fill(torch.rand(w.shape, generator=g) >= p, 0.0) / (1 - p)),
        ("not-scaled-up", lambda w, p, g: torch.empty_like(w).bernoulli_(1 - p, generator=g) * w),
        ("whole-rows", lambda w, p, g: torch.empty_like(w[..., :1]).bernoulli_(1 - p, generator=g) * w / (1 - p)),
        ("global-randomness", lambda w, p, g: torch.nn.functional.dropout(w, p)),
    ],
)
def test_dropout_is_named_however_it_is_drawn(name, draw):
    def answer(weights: Any, p: float, generator: Any, training: bool) -> Any:
        if not 0 <= p < 1:
            raise ValueError("no probability")
        return draw(weights, p, generator) if training else weights

    assert names_of("q4_9", answer) == {name}


def test_half_is_no_share_that_p_says():
    def answer(weights: Any, p: float, generator: Any, training: bool) -> Any:
        if not 0 <= p < 1:
            raise ValueError("no probability")
        kept = torch.rand(weights.shape, generator=generator) < 0.5
        return weights * kept / (1 - p) if training and p else weights

    assert names_of("q4_9", answer) == {""}


def test_a_verdict_counts_for_drawn_cases_alone_and_only_if_it_says_something():
    exercise = exercise_for("q4_9")
    case = exercise.draw(exercise.tests[0])[0]
    thrice = execute(lambda weights, *_: weights * (torch.rand(weights.shape) < 0.8) * torch.rand(weights.shape), case)
    vague = compare(expected_answer(exercise, case), thrice, case, exercise.outputs_of(case))
    assert vague is not None
    assert not same_verdict(case, vague, vague)
    assert not same_verdict(Case(), vague, vague)


def test_a_refusal_counts_whatever_its_words():
    def failed(kind: str, text: str) -> Outcome:
        return Outcome(failure=Failure("raised", kind, text))

    asked, plain, right = Case(raises="ValueError"), Case(), Outcome(value=1.0)
    assert same_behaviour([(asked, failed("ValueError", "no"), failed("ValueError", "never"))])
    assert not same_behaviour([(asked, failed("ValueError", "no"), failed("TypeError", "no"))])
    assert not same_behaviour([(asked, failed("ValueError", "no"), right)])
    refused = (plain, failed("ValueError", "no"), failed("ValueError", "never"))
    assert same_behaviour([refused, (plain, right, right)])
    assert not same_behaviour([refused])
    unpacked = (plain, failed("ValueError", "no"), failed("ValueError", "not enough values to unpack"))
    assert not same_behaviour([unpacked, (plain, right, right)])


def test_a_refusal_is_told_without_sizes():
    case = Case(args=(1.5,), raises="ValueError")
    wanted = expected_answer(exercise_for("q4_9"), case)
    found = [compare(wanted, execute(answer, case), case, (Output(),)) for answer in (float, len)]
    assert [difference.problem for difference in found if difference] == [
        "what cannot work is not refused",
        "what cannot work is refused by another error",
    ]


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_every_argument_has_its_name(number):
    for exercise in exercises_of(number):
        if exercise.number == "6.16":
            continue  # its cases are drawn often enough
        for case in exercise.draw_public():
            assert case.value or len(case.names) >= len(case.args), (exercise.heading, case.function)


def test_a_check_of_plain_numbers_shows_the_call():
    said = message("q6_17", lambda step, d_model, warm_up: d_model**-0.5 * max(max(step, 1) ** -0.5, step * warm_up**-1.5))
    assert "step = 1, d_model = 512, warm_up = 4000" in said
    assert "argument 1" not in said


def test_a_draw_is_to_be_made_where_its_generator_lives():
    def answer(weights: Any, p: float, generator: Any, training: bool) -> Any:
        return weights.masked_fill(torch.rand(weights.shape, generator=generator) < p, 0.0)

    def follows(weights: Any, p: float, generator: Any, training: bool) -> Any:
        drawn = torch.rand(weights.shape, generator=generator, device=generator.device)
        return weights.masked_fill(drawn.to(weights.device) < p, 0.0)

    assert "device=generator.device" in advice("q4_9", {"attention_dropout": answer})
    assert advice("q4_9", {"attention_dropout": follows}) == ""
    assert Seed(5) != Seed(5, used=100)


@pytest.mark.parametrize("name", ["threshold-of-the-first-row", "threshold-of-the-batch"])
def test_a_threshold_that_rows_share_is_caught_and_named(name):
    exercise = exercise_for("q6_7")
    mistake = next(one for one in exercise.mistakes if one.name == name)
    assert names_of("q6_7", targets_of(exercise, (mistake,))["sample"]) == {name}
