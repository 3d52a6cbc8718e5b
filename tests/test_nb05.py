"""The references of notebook 5, held against torch's own complex numbers, attention and automatic differentiation."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from autograder.reference import nb05 as reference

torch.set_num_threads(1)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def frequencies(width, base):
    return base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def test_a_row_of_the_encoding_is_a_row_of_complex_powers():
    table = reference.sinusoidal_encoding(9, 6, base=50.0)
    angles = torch.outer(torch.arange(9.0, dtype=torch.float64), frequencies(6, base=50.0))
    hands = torch.view_as_real(torch.polar(torch.ones_like(angles), angles)).flip(-1).flatten(-2)
    np.testing.assert_allclose(table, hands.numpy(), atol=1e-12)


@pytest.mark.parametrize("k", [-3, 0, 1, 12])
def test_the_shift_matrix_walks_k_steps_from_everywhere(k):
    table = reference.sinusoidal_encoding(40, 8, base=100.0)
    M = reference.shift_matrix(k, 8, base=100.0)
    for t in range(max(0, -k), 40 - max(0, k)):
        np.testing.assert_allclose(M @ table[t], table[t + k], atol=1e-12)


def test_shift_matrices_multiply_and_their_transpose_leads_back():
    one, other = reference.shift_matrix(2, 6), reference.shift_matrix(5, 6)
    np.testing.assert_allclose(one @ other, reference.shift_matrix(7, 6), atol=1e-12)
    np.testing.assert_allclose(one.T, reference.shift_matrix(-2, 6), atol=1e-12)


def test_the_causal_mean_is_torchs_causal_attention_with_equal_scores(rng):
    X = torch.from_numpy(rng.standard_normal((2, 3, 6, 4)))
    equal = torch.zeros_like(X)
    attended = functional.scaled_dot_product_attention(equal, equal, X, is_causal=True)
    np.testing.assert_allclose(reference.causal_mean(X.numpy()), attended.numpy(), atol=1e-12)


def test_the_bias_gives_the_lectures_weights_when_torch_adds_it(rng):
    T, S, d, K = 4, 6, 3, 2
    Q, keys, table = rng.standard_normal((T, d)), rng.standard_normal((S, d)), rng.standard_normal(2 * K + 1)
    bias = reference.relative_bias(T, S, table)
    parts = [torch.from_numpy(part)[None] for part in (Q, keys, np.eye(S))]
    weights = functional.scaled_dot_product_attention(*parts, attn_mask=torch.from_numpy(bias))[0].numpy()
    for t in range(T):
        shares = [math.exp(Q[t] @ keys[i] / math.sqrt(d) + table[max(-K, min(K, t - i)) + K]) for i in range(S)]
        np.testing.assert_allclose(weights[t], np.array(shares) / sum(shares), atol=1e-12)


def test_rope_is_complex_multiplication_and_keeps_lengths(rng):
    x, positions = rng.standard_normal((2, 5, 8)), np.array([0, 3, 100, 7, -2])
    turned = reference.rope_rotate(x, positions, base=30.0)
    angles = torch.outer(torch.from_numpy(positions).double(), frequencies(8, base=30.0))
    z = torch.view_as_complex(torch.from_numpy(x).unflatten(-1, (4, 2)))
    by_torch = torch.view_as_real(z * torch.polar(torch.ones_like(angles), angles)).flatten(-2)
    np.testing.assert_allclose(turned, by_torch.numpy(), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1))


def test_the_jacobian_of_rope_is_the_transposed_shift_matrix(rng):
    """A row turned to t is x @ M_t: the addresses of 5.2 and the dials of 5.5 are the same rotations."""
    x = rng.standard_normal((1, 6))
    columns = [reference.rope_rotate(np.eye(6)[j : j + 1], [4])[0] for j in range(6)]
    np.testing.assert_allclose(np.array(columns), reference.shift_matrix(4, 6), atol=1e-12)
    np.testing.assert_allclose(reference.rope_rotate(x, [4])[0], x[0] @ reference.shift_matrix(4, 6), atol=1e-12)


def test_half_split_rope_agrees_after_conversion(rng):
    x, position, d = rng.standard_normal(8), 5, 8
    half = reference.interleaved_to_half(x)
    angles = position * 10000.0 ** (-np.arange(0, d, 2) / d)
    cos, sin = np.tile(np.cos(angles), 2), np.tile(np.sin(angles), 2)
    rotated_half = np.concatenate([-half[d // 2 :], half[: d // 2]])
    turned = reference.rope_rotate(x[None], [position])[0]
    np.testing.assert_allclose(half * cos + rotated_half * sin, reference.interleaved_to_half(turned), atol=1e-12)


def test_only_the_difference_of_positions_matters(rng):
    q, k = rng.standard_normal((2, 6))
    scores = [reference.rotated_score(q, k, m, m - 3) for m in (0, 3, 50)]
    np.testing.assert_allclose(scores, scores[0])
    assert abs(reference.rotated_score(q, k, 0, 3) - scores[0]) > 1e-3


def test_appending_one_by_one_is_turning_all_at_once(rng):
    keys = rng.standard_normal((2, 3, 5, 4))
    cache = keys[:, :, :0]
    for t in range(5):
        cache = reference.append_rotated(cache, keys[:, :, t : t + 1])
    np.testing.assert_allclose(cache, reference.rope_rotate(keys, np.arange(5)))


# Further: ALiBi and the window


@pytest.mark.parametrize(
    ("H", "exponents"),
    [
        (1, [8]),
        (2, [4, 8]),
        (3, [4, 8, 2]),
        (8, range(1, 9)),
        (12, [*range(1, 9), 0.5, 1.5, 2.5, 3.5]),
        (5, [2, 4, 6, 8, 1]),
    ],
)
def test_the_slopes_are_the_published_ones(H, exponents):
    np.testing.assert_allclose(reference.alibi_slopes(H), [2.0**-exponent for exponent in exponents])


def test_under_a_causal_mask_alibi_is_a_bias_that_knows_the_keys_alone(rng):
    """BLOOM adds slope · s to every row; a softmax does not see what is the same for a whole row."""
    H, T, S = 6, 3, 7
    Q, keys = torch.from_numpy(rng.standard_normal((H, T, 4))), torch.from_numpy(rng.standard_normal((H, S, 4)))
    causal = torch.from_numpy(reference.sliding_window_mask(T, S, S))
    slopes = torch.tensor(reference.alibi_slopes(H), dtype=torch.float64)
    biases = torch.from_numpy(reference.alibi_bias(H, T, S)), slopes[:, None, None] * torch.arange(S)
    ours, theirs = ((Q @ keys.mT + bias).masked_fill(~causal, -math.inf).softmax(-1) for bias in biases)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("T", "S", "window"), [(6, 6, 2), (1, 9, 4), (3, 8, 20), (5, 7, 1)])
def test_the_window_is_the_one_of_torchs_flex_attention(T, S, window):
    from torch.nn.attention.flex_attention import create_mask

    def mask_mod(b, h, q, k):
        return (k <= q + S - T) & (q + S - T - k < window)

    theirs = create_mask(mask_mod, 1, 1, T, S, device="cpu")[0, 0]
    np.testing.assert_array_equal(reference.sliding_window_mask(T, S, window), theirs.numpy())


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("q5_1", "table-of-512"),
        ("q5_5", "table-of-2048"),
        ("q5_7", "width-of-64"),
        ("q5_9", "window-of-128"),
        ("q5_10", "table-of-512"),
    ],
)
def test_sizes_beyond_a_constant_are_looked_at_in_public_and_hidden(question, name):
    from attnkit.checking.message import CheckFailed
    from attnkit.checking.public import check
    from autograder.exercises import exercise_for
    from autograder.judging.examine import Examination, targets_of

    exercise = exercise_for(question)
    mistake = next(one for one in exercise.mistakes if one.name == name)
    targets = targets_of(exercise, (mistake,))
    examination = Examination(exercise, targets)
    assert {report.mistake for test in exercise.tests if (report := examination.verdict(test))} == {name}
    with pytest.raises(CheckFailed) as failed:
        check(question, targets)
    assert failed.value.report.mistake == name
