"""Notebook 4's references against torch's own operators."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.exercises import exercises_of
from autograder.exercises.heads_family import FlawedHeads
from autograder.exercises.nb04_multi_head.module_family import some_mask, weights_of
from autograder.judging.expected import expected_answer
from autograder.reference import nb04 as reference

torch.set_num_threads(1)
RNG = np.random.default_rng(4)


def tensors(*arrays):
    return tuple(torch.from_numpy(array) for array in arrays)


def heads(X, count):
    """(B, T, count · d) → (B, count, T, d), for torch's operators."""
    return X.unflatten(-1, (count, -1)).movedim(2, 1)


def attention_inputs(d_model, H, G, B=2, T=3, S=5):
    state = weights_of(RNG, d_model, H, G)
    return state, RNG.standard_normal((B, T, d_model)), RNG.standard_normal((B, S, d_model))


def test_split_and_merge_against_unflatten():
    X = RNG.standard_normal((3, 5, 6))
    split = reference.split_heads(X, 2)
    np.testing.assert_array_equal(split, heads(torch.from_numpy(X), 2).numpy())
    np.testing.assert_array_equal(reference.merge_heads(split), X)


@pytest.mark.parametrize(("d_model", "H"), [(5, 1), (6, 2), (12, 4)])
def test_multi_head_against_nn_multihead_attention(d_model, H):
    state, X_q, X_kv = attention_inputs(d_model, H, H)
    theirs = nn.MultiheadAttention(d_model, H, bias=False, batch_first=True, dtype=torch.float64).eval()
    W_q, W_k, W_v, W_o = tensors(*(state[f"W_{name}.weight"] for name in "qkvo"))
    theirs.load_state_dict({"in_proj_weight": torch.cat([W_q, W_k, W_v]), "out_proj.weight": W_o})
    mask = some_mask(RNG, 3, 5)
    queries, keys, blocked = tensors(X_q, X_kv, ~mask)
    with torch.no_grad():
        output, weights = theirs(queries, keys, keys, attn_mask=blocked, average_attn_weights=False)
    ours = reference.multi_head_attention(state, (d_model, H), X_q, X_kv, mask)
    np.testing.assert_allclose(ours[0], output.numpy(), atol=1e-10)
    np.testing.assert_allclose(ours[1], weights.numpy(), atol=1e-10)


@pytest.mark.parametrize(("d_model", "H", "G"), [(8, 4, 2), (6, 6, 3), (12, 6, 1), (6, 3, 3)])
def test_grouped_against_enable_gqa(d_model, H, G):
    state, X_q, X_kv = attention_inputs(d_model, H, G)
    mask = some_mask(RNG, 2, 1, 3, 5)
    queries, keys, allowed = tensors(X_q, X_kv, mask)
    W_q, W_k, W_v, W_o = tensors(*(state[f"W_{name}.weight"] for name in "qkvo"))
    Q, K, V = heads(queries @ W_q.T, H), heads(keys @ W_k.T, G), heads(keys @ W_v.T, G)
    mixed = F.scaled_dot_product_attention(Q, K, V, attn_mask=allowed, enable_gqa=True)
    output, weights = reference.grouped_query_attention(state, (d_model, H, G), X_q, X_kv, mask)
    np.testing.assert_allclose(output, (mixed.transpose(1, 2).flatten(2) @ W_o.T).numpy(), atol=1e-10)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0)
    assert (weights[~np.broadcast_to(mask, weights.shape)] == 0).all()


def test_a_query_that_sees_nothing_gets_zeros():
    state, X_q, X_kv = attention_inputs(6, 3, 3)
    mask = some_mask(RNG, 3, 5, blind=(1,))
    output, weights = reference.multi_head_attention(state, (6, 3), X_q, X_kv, mask)
    assert not output[:, 1].any()
    assert not weights[:, :, 1].any()
    assert weights[:, :, 0].sum(axis=-1) == pytest.approx(1.0)


def test_slopes_of_the_grouped_reference_against_autograd():
    exercise = exercises_of("04")[3]
    case = next(case for case in exercise.draw(exercise.test("number types and gradients")) if case.gradient)
    slopes = expected_answer(exercise, case).slopes
    assert set(slopes) == {"args.0", "args.1", *(f"state.W_{name}.weight" for name in "qkvo")}
    module = FlawedHeads(*case.init).double()
    module.load_state_dict(dict(zip(case.state, tensors(*case.state.values()), strict=True)))
    from attnkit.checking.compare import direction
    from attnkit.checking.execute import cotangent

    X_q, X_kv = (torch.from_numpy(array).requires_grad_() for array in case.args)
    outputs = module(X_q, X_kv, mask=torch.from_numpy(case.kwargs["mask"]))
    total = sum((torch.from_numpy(cotangent(tuple(out.shape), i)) * out).sum() for i, out in enumerate(outputs))
    total.backward()
    leaves = {"args.0": X_q, "args.1": X_kv, **{f"state.{name}": p for name, p in module.named_parameters()}}
    for path, leaf in leaves.items():
        slope = float((leaf.grad.numpy() * direction(tuple(leaf.shape))).sum())
        assert slopes[path] == pytest.approx(slope, rel=1e-5, abs=1e-7), path


@pytest.mark.parametrize(("H", "G"), [(4, 2), (6, 3), (6, 1), (3, 3)])
def test_pooling_equal_heads_changes_nothing(H, G):
    d_k, d_model = 2, 5
    shared = [RNG.standard_normal((G, d_k, d_model)) for _ in range(2)]
    W_k, W_v = (W.repeat(H // G, axis=0).reshape(H * d_k, d_model) for W in shared)
    pooled = reference.mha_to_gqa(W_k, W_v, H, G)
    for found, wanted in zip(pooled, shared, strict=True):
        np.testing.assert_allclose(found, wanted.reshape(G * d_k, d_model))


def test_pooling_against_avg_pool():
    W = RNG.standard_normal((6 * 2, 5))
    rows = torch.from_numpy(W).reshape(6, 2 * 5).T[None]  # (1, d_k · d_model, H): pool along the heads
    wanted = F.avg_pool1d(rows, 3)[0].T.reshape(2 * 2, 5)
    np.testing.assert_allclose(reference.mha_to_gqa(W, W, 6, 2)[0], wanted.numpy())


def test_the_cache_is_what_its_tensors_take():
    layers, G, d_k, seq_len, batch = 3, 2, 4, 5, 7
    tensor = torch.empty(batch, G, seq_len, d_k, dtype=torch.float16)
    wanted = 2 * layers * tensor.numel() * tensor.element_size()
    assert reference.kv_cache_bytes(layers, G, d_k, seq_len, batch, 2) == wanted


def test_gold_mass_against_fancy_indexing():
    weights = torch.softmax(torch.from_numpy(RNG.standard_normal((3, 2, 4, 5))), dim=-1).numpy()
    gold = RNG.integers(-1, 5, size=(3, 4))
    b, t = np.nonzero(gold >= 0)
    np.testing.assert_allclose(reference.head_gold_mass(weights, gold), weights[b, :, t, gold[b, t]].mean(axis=0))
    assert reference.head_gold_mass(weights, np.full((3, 4), -1)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("d_model", "H", "G"), [(12, 6, 2), (8, 4, 1), (6, 3, 3)])
def test_parameters_are_those_of_the_state(d_model, H, G):
    state = weights_of(RNG, d_model, H, G)
    assert reference.count_parameters(d_model, H, G) == sum(array.size for array in state.values())


def test_a_split_by_view_alone_is_named_also_without_its_size_check():
    from attnkit.checking.message import CheckFailed
    from attnkit.checking.public import check

    with pytest.raises(CheckFailed, match="without a transpose"):
        check("q4_1", {"split_heads": lambda X, H: X.view(X.shape[0], H, X.shape[1], -1)})


# Dropout: the convention is torch's, and the verifier accepts nothing else


def dropped(weights, found, p=0.5):
    from attnkit.checking import Case, Seed, execute
    from attnkit.checking.compare import Expected, Output, compare

    case = Case(args=(weights, p, Seed(0), True), verify="dropped out")
    right = Expected(reference.attention_dropout(weights, p, None, True))
    return compare(right, execute(lambda *args: found, case), case, (Output("weights", ("B", "H", "T", "S")),))


@pytest.fixture
def some_weights():
    return torch.softmax(torch.from_numpy(RNG.standard_normal((3, 2, 9, 8))), dim=-1)


def test_torchs_dropout_is_what_the_exercise_asks_for(some_weights):
    torch.manual_seed(1)
    assert dropped(some_weights.numpy(), F.dropout(some_weights, 0.5)) is None


def test_torchs_module_returns_its_weights_after_dropout():
    torch.manual_seed(2)
    module = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True, dtype=torch.float64)
    X = torch.randn(3, 12, 8, dtype=torch.float64)
    options = {"average_attn_weights": False}
    before, after = (module.train(on)(X, X, X, **options)[1].detach() for on in (False, True))
    assert dropped(before.numpy(), after) is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda w: w, "nothing dropped"),
        (lambda w: F.dropout(w, 0.5) / 2, "kept as they were"),
        (lambda w: F.dropout(w, 0.1) * 0.9 * 2, "fewer"),
        (lambda w: F.dropout(torch.ones(3, 2, 9, 1), 0.5).double() * w, "the axis S"),
        (lambda w: F.dropout(torch.ones(1, 1, 9, 8), 0.5).double() * w, "the axes B and H"),
    ],
)
def test_other_draws_are_told_apart(some_weights, spoil, says):
    torch.manual_seed(3)
    assert says in dropped(some_weights.numpy(), spoil(some_weights)).found


@pytest.mark.parametrize("question", ["q4_3", "q4_4"])
@pytest.mark.parametrize(
    "name", ["mask-of-the-last-call", "sequence-of-the-first-call", "dropout-left-in", "fill-of-minus-100"]
)
def test_what_one_call_cannot_show_is_caught_and_named(question, name):
    from autograder.exercises import exercise_for
    from autograder.judging.examine import Examination, targets_of

    exercise = exercise_for(question)
    mistake = next(one for one in exercise.mistakes if one.name == name)
    examination = Examination(exercise, targets_of(exercise, (mistake,)))
    reports = [report for test in exercise.tests if (report := examination.verdict(test))]
    assert {report.mistake for report in reports} == {name}


@pytest.mark.parametrize(
    ("question", "answer"),
    [("q4_5", lambda *sizes: 2.0 * math.prod(sizes)), ("q4_8", lambda d, H, G: 2 * d * d * (1 + G / H))],
)
def test_a_float_is_no_whole_number(question, answer):
    from autograder.exercises import exercise_for
    from autograder.judging.examine import Examination

    exercise = exercise_for(question)
    examination = Examination(exercise, {exercise.names[0]: answer})
    assert any(examination.verdict(test) for test in exercise.tests)
