"""Notebook 3: its references agree with torch's own operators, its judges are certain, and its tolerances are meant."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch
from torch.nn import functional

from attnkit.checking.case import Case, Outcome, Seed
from attnkit.checking.execute import execute
from attnkit.checking.message import CheckFailed
from attnkit.checking.public import check
from autograder.exercises import exercise_for
from autograder.exercises.nb03_scaling.q3_1_score_variance import (
    SIX_DEVIATIONS,
    flawed_variance,
    judge_generator,
    judge_n_minus_one,
    variance_case,
    variance_with_einsum,
)
from autograder.exercises.nb03_scaling.q3_3_attention_entropy import entropy_epsilon
from autograder.exercises.nb03_scaling.q3_4_scaled_dot_product_attention import attention_from_library, open_somewhere
from autograder.judging.declare import JudgeFailure
from autograder.judging.examine import Examination, as_targets
from autograder.reference import nb03 as reference


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def public_name(question, environment):
    """The name that the public check gives, "?" where it fails without one, "" where it passes."""
    try:
        check(question, environment)
    except CheckFailed as failed:
        return failed.report.mistake or "?"
    return ""


def verdicts(exercise, code):
    """The names of the hidden tests that `code` fails."""
    examination = Examination(exercise, as_targets(exercise, code))
    return {test.name for test in exercise.tests if examination.verdict(test) is not None}


@pytest.mark.parametrize("d_k", [1, 6, 50])
def test_score_variance_is_what_many_pairs_show(d_k, rng):
    scores = (rng.standard_normal((40_000, d_k)) * rng.standard_normal((40_000, d_k))).sum(axis=1)
    assert scores.var(ddof=1) == pytest.approx(reference.score_variance(d_k, 40_000, None), rel=0.1)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 1, 5)])
def test_softmax_jacobian_against_autograd(shape, rng):
    z = torch.from_numpy(rng.standard_normal(shape))
    found = reference.softmax_jacobian(torch.softmax(z, dim=-1).numpy())
    for place in np.ndindex(shape[:-1]):
        wanted = torch.autograd.functional.jacobian(lambda row: torch.softmax(row, dim=0), z[place])
        np.testing.assert_allclose(found[place], wanted.numpy(), atol=1e-12)


def test_entropy_against_torch_distributions(rng):
    weights = torch.softmax(torch.from_numpy(rng.standard_normal((3, 2, 5))), dim=-1)
    wanted = torch.distributions.Categorical(probs=weights).entropy()
    np.testing.assert_allclose(reference.attention_entropy(weights.numpy()), wanted.numpy(), atol=1e-12)
    assert reference.attention_entropy(np.array([[0.0, 0.0], [0.0, 1.0]])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("masked", [False, True])
def test_scaled_attention_against_torch(masked, rng):
    Q, K, V = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((2, 3, 6, 7))
    mask = open_somewhere(rng, 2, 1, 4, 6) if masked else None
    output, weights = reference.scaled_dot_product_attention(Q, K, V, mask)
    tensors = [torch.from_numpy(array) for array in (Q, K, V)]
    wanted = functional.scaled_dot_product_attention(
        *tensors, attn_mask=None if mask is None else torch.from_numpy(mask).expand(2, 3, 4, 6)
    )
    np.testing.assert_allclose(output, wanted.numpy(), atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-12)
    if mask is not None:
        assert np.abs(weights[~np.broadcast_to(mask, weights.shape)]).max() == 0.0


def test_scaled_attention_of_nothing_is_zero(rng):
    Q, K, V = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal((4, 5))
    output, weights = reference.scaled_dot_product_attention(Q, K, V, np.array([[True], [False], [True]]))
    assert not output[1].any()
    assert not weights[1].any()
    assert output[0].any()


def test_choose_scale_gives_unit_variance(rng):
    q, k = 0.7 * rng.standard_normal((20_000, 12)), 3.0 * rng.standard_normal((20_000, 12))
    scores = reference.choose_scale(0.49, 9.0, 12) * (q * k).sum(axis=1)
    assert scores.var() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("scale", [1.0, 2000.0])
def test_log_softmax_against_torch(axis, scale, rng):
    z = scale * rng.standard_normal((3, 4, 5))
    wanted = torch.log_softmax(torch.from_numpy(z), dim=axis).numpy()
    np.testing.assert_allclose(reference.log_softmax(z, axis), wanted, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("rho", [-1.0, -0.3, 0.0, 0.8, 1.0])
def test_correlated_moments_against_many_pairs(rho, rng):
    q = rng.standard_normal((60_000, 3))
    k = rho * q + math.sqrt(1 - rho**2) * rng.standard_normal((60_000, 3))
    scores = (q * k).sum(axis=1)
    mean, variance = reference.correlated_score_moments(3, rho)
    assert scores.mean() == pytest.approx(mean, abs=0.06)
    assert scores.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("first_seed", [0, 1, 2, 3, 4])
def test_the_n_minus_one_judge_is_certain_for_any_way_of_drawing(first_seed):
    def variance(d_k, n, generator):
        generator.manual_seed(7919 * generator.initial_seed() + first_seed)
        return flawed_variance(d_k, n, generator)

    def biased(d_k, n, generator):
        return variance(d_k, n, generator) * (n - 1) / n

    judge_n_minus_one(lambda case: execute(variance, case))
    with pytest.raises(JudgeFailure, match="divided by 1"):
        judge_n_minus_one(lambda case: execute(biased, case))


@pytest.mark.parametrize(
    ("switches", "name"),
    [
        ({}, ""),
        ({"spread": "n"}, "divides-by-n"),
        ({"spread": "squares"}, "mean-of-squares"),
        ({"spread": "squares, n-1"}, "squares-over-n-minus-one"),
        ({"source": "global"}, "global-generator"),
        ({"source": "fixed"}, "seeds-itself"),
        ({"source": "seed only"}, "only-the-seed-used"),
        ({"pairs": "many"}, "n-ignored"),
    ],
)
def test_the_public_check_names_what_is_random_whatever_is_drawn_first(switches, name):
    def in_another_order(d_k, n, generator):
        torch.rand(3, generator=generator)
        return flawed_variance(d_k, n, generator, **switches)

    assert public_name("q3_1", {"score_variance": in_another_order}) == name


def test_a_spread_that_no_known_way_has_is_given_no_name():
    def divided_by_n_plus_one(d_k, n, generator):
        return flawed_variance(d_k, n, generator) * (n - 1) / (n + 1)

    with pytest.raises(CheckFailed) as failed:
        check("q3_1", {"score_variance": divided_by_n_plus_one})
    assert (failed.value.report.mistake, failed.value.report.found) == ("", "about a third of that")


def test_the_generator_judge_sees_both_ways_to_ignore_a_generator():
    def judged(**switches):
        judge_generator(lambda case: execute(lambda *args: flawed_variance(*args, **switches), case))

    judged()
    with pytest.raises(JudgeFailure, match="two different"):
        judged(source="global")
    with pytest.raises(JudgeFailure, match="the same number again"):
        judged(source="fixed")


def test_a_number_that_is_not_finite_is_told_from_a_biased_one():
    def nan(case):
        return Outcome(value=math.nan)

    with pytest.raises(JudgeFailure, match="NaN"):
        judge_n_minus_one(nan)


def test_variance_tolerance_covers_the_scatter_of_right_answers():
    case = variance_case(9, 2000, 0)
    values = [execute(variance_with_einsum, Case(args=(9, 2000, Seed(seed)))).value for seed in range(60)]
    assert max(abs(value - 9) for value in values) < case.tolerance
    assert case.tolerance == pytest.approx(SIX_DEVIATIONS * statistics.stdev(values), rel=0.35)


@pytest.mark.parametrize(
    ("epsilon", "fails"), [(0.0, True), (1e-12, False), (1e-8, False), (1e-6, False), (1e-3, True)]
)
def test_entropy_accepts_a_tiny_epsilon_only(epsilon, fails):
    failed = verdicts(exercise_for("q3_3"), lambda weights: entropy_epsilon(weights, epsilon=epsilon))
    assert bool(failed) == fails


def test_a_jacobian_through_scores_passes_where_p_is_positive():
    def through_scores(p):
        z = p.clamp_min(1e-30).log()
        rows = z.reshape(-1, z.shape[-1])
        tables = torch.func.vmap(torch.func.jacrev(lambda row: torch.softmax(row, dim=0)))(rows)
        return tables.reshape(*p.shape, p.shape[-1])

    failed = verdicts(exercise_for("q3_2"), through_scores)
    assert "gradients" not in failed
    assert failed <= {"zeros in p"}


def test_the_library_call_is_refused_and_named():
    examination = Examination(exercise_for("q3_4"), as_targets(exercise_for("q3_4"), attention_from_library))
    report = examination.verdict(exercise_for("q3_4").test("unequal sizes"))
    assert report is not None
    assert report.mistake == "library-call"


def test_masks_drawn_for_the_tests_block_and_open_something_in_every_row(rng):
    mask = open_somewhere(rng, 50, 4)
    assert mask.any(axis=-1).all()
    assert (~mask).any(axis=-1).all()


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_blocks_give_what_torch_gives(block, rng):
    q, K, V = rng.standard_normal(4), 3 * rng.standard_normal((7, 4)), rng.standard_normal((7, 5))
    whole = functional.scaled_dot_product_attention(*(torch.from_numpy(x)[None] for x in (q[None], K, V)))[0, 0]
    np.testing.assert_allclose(reference.online_softmax_attention(q, K, V, block), whole.numpy(), atol=1e-12)


def test_scores_of_all_blocks_are_seen_however_they_are_kept():
    def in_a_list(q, K, V, block):
        scores = [keys @ q / math.sqrt(len(q)) for keys in K.split(block)]
        highest = max(part.max() for part in scores)
        shares = [(part - highest).exp() for part in scores]
        total = sum(part.sum() for part in shares)
        return sum(part @ values for part, values in zip(shares, V.split(block), strict=True)) / total

    def in_numpy(q, K, V, block):
        shares = np.exp((K.numpy() @ q.numpy()) / math.sqrt(len(q)))
        return torch.from_numpy(shares @ V.numpy() / shares.sum())

    assert "never all scores" in verdicts(exercise_for("q3_8"), in_a_list)
    assert "never all scores" in verdicts(exercise_for("q3_8"), in_numpy)
