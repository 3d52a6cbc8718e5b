"""Names are given on evidence: an answer that does something else than a known mistake is never called by its name."""

import numpy as np
import pytest
import torch

from attnkit.checking import Case, CheckFailed, Failure, Outcome, TensorValue, check, execute
from attnkit.checking.agree import same_behaviour, stored
from attnkit.checking.complaint import complaint
from autograder.exercises import exercise_for
from autograder.judging.examine import Examination, candidates


def hidden(question, answer):
    """The names that the hidden tests give to an answer, and their messages."""
    exercise = exercise_for(question)
    examination = Examination(exercise, {exercise.names[0]: answer})
    reports = [report for test in exercise.tests if (report := examination.verdict(test))]
    return {report.mistake for report in reports}, [str(report) for report in reports]


def public(question, answer):
    """What the public check says of an answer."""
    with pytest.raises(CheckFailed) as failed:
        check(question, {exercise_for(question).names[0]: answer})
    return failed.value.report


def test_a_sampler_with_frequencies_of_its_own_has_no_name():
    def sharpened(logits, temperature=1.0, top_k=None, generator=None):
        if temperature == 0:
            return logits.argmax(dim=-1)
        shares = torch.softmax(logits / temperature, dim=-1) ** 2
        if top_k is not None and top_k < logits.shape[-1]:
            shares = shares * (logits >= logits.topk(top_k, dim=-1).values[:, -1:])
        return torch.multinomial(shares, 1, generator=generator).squeeze(-1)

    names, messages = hidden("q6_7", sharpened)
    assert messages
    assert names == {""}


def test_a_variance_that_is_far_too_small_is_not_said_to_be_divided_by_n():
    def nothing_for_two(d_k, n, generator):
        scores = (torch.randn(n, d_k, generator=generator) * torch.randn(n, d_k, generator=generator)).sum(dim=-1)
        return scores.var().item() if n > 2 else 0.01 * scores.var().item()

    names, messages = hidden("q3_1", nothing_for_two)
    assert len(messages) == 1
    assert names == {""}


def test_a_float32_result_is_called_float32_and_not_float64():
    def narrow(z, axis=-1):
        shares = np.exp(np.asarray(z) - np.max(z, axis=axis, keepdims=True)).astype(np.float32)
        return shares / shares.sum(axis=axis, keepdims=True)

    report = public("q2_1", narrow)
    assert report.found == "float32"
    assert report.mistake == "always-float32"


def test_a_graph_cut_elsewhere_is_not_called_by_the_name_of_another_cut():
    def inputs_cut(x_t, h, W_x, W_h, b):
        return torch.tanh(x_t.detach() @ W_x + h @ W_h + b)

    assert public("q1_1", inputs_cut).mistake == ""
    assert hidden("q1_1", inputs_cut)[0] == {""}


def test_an_error_of_another_origin_has_no_name():
    def elsewhere(d_k, n, generator):
        raise AttributeError("'float' object has no attribute 'cuda_stream'")

    for report in (public("q3_1", elsewhere), public("q1_1", lambda *inputs: torch.ones(2, 3) @ torch.ones(2, 3))):
        assert report.problem == "it raises an error"
        assert report.mistake == ""


def test_only_a_stubs_own_error_counts_as_its_blank():
    def by_torch(x):
        raise NotImplementedError("Could not run 'aten::foo' with arguments from the 'Meta' backend")

    def blank(x):
        raise NotImplementedError("Exercise 2.3: attention is not written yet")

    case = Case(args=(np.ones(2),))
    assert execute(by_torch, case).failure.kind == "raised"
    assert execute(blank, case).failure.kind == "unfinished"
    with pytest.raises(CheckFailed, match=r"the blank of exercise 2\.3 is still there"):
        check("q2_6", {"self_attention": lambda X, W_q, W_k, W_v: blank(X)})


CASE = Case(args=(np.ones(2),))


@pytest.mark.parametrize(
    "other",
    [
        Outcome(TensorValue(np.ones(2), "float64")),
        Outcome(np.ones(2, np.float32)),
        Outcome(TensorValue(np.ones(2, np.float32), "float32"), mutated=("args.0",)),
        Outcome(TensorValue(np.ones(2, np.float32), "float32"), called=("softmax",)),
        Outcome(failure=Failure("raised", "ValueError")),
    ],
)
def test_behaviour_is_all_that_was_looked_at(other):
    one = Outcome(TensorValue(np.ones(2, np.float32), "float32"))
    assert same_behaviour([(CASE, one, one)])
    assert not same_behaviour([(CASE, one, other)])


def test_gradients_are_part_of_behaviour_also_when_they_are_stored():
    case = Case(args=(np.array([1.0, 2.0]),), gradient=True)
    one, other = execute(lambda x: x * x, case), execute(lambda x: x * x.detach(), case)
    assert same_behaviour([(case, stored(one), one)])
    assert not same_behaviour([(case, stored(one), other)])
    assert not same_behaviour([(case, one, other)])
    assert stored(execute(lambda x: 1 / 0, case)).failure.line == ""


def test_errors_agree_in_type_and_text_or_beside_an_agreeing_value_in_kind():
    product, other_product = (
        Outcome(failure=Failure("raised", "RuntimeError", message))
        for message in ("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", "einsum(): subscript k has size 3")
    )
    resized = Outcome(
        failure=Failure("raised", "RuntimeError", "mat1 and mat2 shapes cannot be multiplied (4x5 and 4x5)")
    )
    device = Outcome(failure=Failure("raised", "RuntimeError", "Expected all tensors to be on the same device"))
    value = Outcome(1.0)
    assert same_behaviour([(CASE, product, resized)])
    assert not same_behaviour([(CASE, product, other_product)])
    assert same_behaviour([(CASE, product, other_product), (CASE, value, value)])
    assert not same_behaviour([(CASE, product, device), (CASE, value, value)])


def test_an_errors_kind_is_told_without_its_text():
    def product(X, W_q, W_k, W_v):
        return X @ X, X

    messages = hidden("q2_6", product)[1]
    assert any("a RuntimeError: the sizes of a product do not fit" in message for message in messages)
    assert complaint("something else") == ""


def test_two_mistakes_that_exclude_each_other_are_no_pair():
    for question in ("q2_9", "q3_3"):
        exercise = exercise_for(question)
        pairs = [{mistake.name for mistake in pair} for pair in candidates(exercise) if len(pair) == 2]
        assert pairs
        for mistake in exercise.mistakes:
            for other in mistake.excludes:
                assert other in {one.name for one in exercise.mistakes}
                assert {mistake.name, other} not in pairs
        assert not any("right values" in mistake.title for mistake in exercise.mistakes)


def test_a_known_mistake_with_a_second_fault_beside_it_keeps_its_name_where_the_numbers_show_it():
    def hard_choice_in_float32(q, K, V):
        weights = (np.arange(len(K)) == np.argmax(K @ q)).astype(np.float32)
        return (weights @ V).astype(np.float32), weights

    names, messages = hidden("q2_2", hard_choice_in_float32)
    assert "hard-choice" in names
    assert all("hard" not in message for message in messages if "number type" in message)


def test_what_no_numbers_show_is_not_named():
    def ten_times_the_key(K, target):
        return 10 * K[target]

    names, messages = hidden("q2_7", ten_times_the_key)
    assert messages
    assert names == {""}
