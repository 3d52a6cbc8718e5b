"""Notebook 1: its references agree with torch's own operators, and its tests are fair to right answers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from attnkit.checking import codec
from attnkit.checking.compare import Expected, close, compare
from attnkit.checking.execute import execute
from attnkit.checking.probes import StepTable
from attnkit.data import date_words, dates
from autograder.exercises import exercise_for
from autograder.exercises.nb01_bottleneck.q1_1_rnn_step import step_case
from autograder.exercises.nb01_bottleneck.q1_2_encode import (
    encode_case,
    encode_from_torch,
    encode_holding,
    encode_one_by_one,
)
from autograder.exercises.nb01_bottleneck.q1_4_additive_scores import scores_case
from autograder.exercises.nb01_bottleneck.q1_5_masked_softmax import some_mask
from autograder.judging.declare import rng_for
from autograder.judging.expected import expected_answer
from autograder.reference import nb01 as reference

torch.set_num_threads(1)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_a_step_is_torchs_rnn_cell(rng):
    x_t, h, W_x, W_h, b = step_case(rng, 3, 5, 4).args
    cell = nn.RNNCell(5, 4).double()
    state = {"weight_ih": W_x.T, "weight_hh": W_h.T, "bias_ih": b, "bias_hh": np.zeros(4)}
    cell.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()})
    theirs = cell(torch.from_numpy(x_t), torch.from_numpy(h)).detach().numpy()
    assert np.allclose(reference.rnn_step(x_t, h, W_x, W_h, b), theirs)


def test_encoding_is_torchs_packed_rnn(rng):
    X, lengths, h0, W_x, W_h, b = encode_case(rng, [2, 5, 1], 6, 3, 4).args
    states, last = reference.encode(X, lengths, h0, W_x, W_h, b)
    rnn = nn.RNN(3, 4, batch_first=True).double()
    state = {"weight_ih_l0": W_x.T, "weight_hh_l0": W_h.T, "bias_ih_l0": b, "bias_hh_l0": np.zeros(4)}
    rnn.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()})
    packed = nn.utils.rnn.pack_padded_sequence(
        torch.from_numpy(X), torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
    )
    theirs, their_last = rnn(packed, torch.from_numpy(h0)[None])
    unpacked, _ = nn.utils.rnn.pad_packed_sequence(theirs, batch_first=True)
    assert np.allclose(states[:, :5], unpacked.detach().numpy())
    assert np.allclose(last, their_last[0].detach().numpy())


def test_masked_softmax_is_torchs_softmax_over_what_is_allowed(rng):
    scores, mask = rng.standard_normal((4, 5)), some_mask(rng, 4, 5)
    theirs = torch.softmax(torch.from_numpy(scores).masked_fill(~torch.from_numpy(mask), -math.inf), dim=-1)
    assert np.allclose(reference.masked_softmax(scores, mask), theirs.numpy())
    assert (reference.masked_softmax(scores, np.zeros(5, dtype=bool)) == 0).all()


def test_context_is_torchs_batched_product(rng):
    weights, H = rng.standard_normal((3, 5)), rng.standard_normal((3, 5, 2))
    theirs = torch.bmm(torch.from_numpy(weights)[:, None], torch.from_numpy(H))[:, 0]
    assert np.allclose(reference.context_vector(weights, H), theirs.numpy())


def test_additive_scores_are_a_two_layer_network(rng):
    s, H, W_q, W_k, v = scores_case(rng, 2, 3, 4, 5, 6).args
    both = np.concatenate([np.repeat(s[:, None], 3, axis=1), H], axis=2)
    network = nn.Sequential(nn.Linear(9, 6, bias=False), nn.Tanh(), nn.Linear(6, 1, bias=False)).double()
    layers = {"0.weight": np.concatenate([W_q, W_k]).T, "2.weight": v[None]}
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in layers.items()})
    theirs = network(torch.from_numpy(both))[..., 0].detach().numpy()
    assert np.allclose(reference.additive_scores(s, H, W_q, W_k, v), theirs)


SIZES = [(1, 1, 2), (1, 1, 3), (3, 17, 2), (5, 7, 32), (2, 9, 6), (50, 16, 30_000)]


@pytest.mark.parametrize(("d_h", "bits", "V"), SIZES)
def test_the_largest_n_satisfies_the_inequality_and_the_next_does_not(d_h, bits, V):
    n = reference.tokens_that_fit(d_h, bits, V)
    assert V**n <= 2 ** (d_h * bits) < V ** (n + 1)


def test_alignment_counts_first_places_of_aligned_targets_only():
    weights = np.array([[[0.4, 0.4, 0.2], [0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]])
    assert reference.alignment_accuracy(weights, np.array([[0, 1, -1]])) == 0.5
    assert reference.alignment_accuracy(weights, np.array([[1, 2, 2]])) == pytest.approx(1 / 3)
    assert reference.alignment_accuracy(weights, np.full((1, 3), -1)) == 0


def test_the_toy_decoder_answers_numpy_and_torch_alike(rng):
    step = StepTable(rng.standard_normal((3, 3)), rng.standard_normal((5, 3)), rng.standard_normal((3, 5)))
    tokens, h = np.array([1, 4]), rng.standard_normal((2, 3))
    for ours, theirs in zip(step(tokens, h), step(torch.from_numpy(tokens), torch.from_numpy(h)), strict=True):
        assert np.allclose(ours, theirs.numpy())


def test_every_greedy_choice_has_a_clear_winner():
    """Rounding must never decide a hidden test of the decoder."""
    for test in exercise_for("q1_3").tests:
        for case in exercise_for("q1_3").draw(test):
            context, step, bos, max_len = case.args
            token, h = np.full(len(context), bos), context
            for _ in range(max_len):
                logits, h = step(token, h)
                best = np.sort(logits, axis=1)
                assert (best[:, -1] - best[:, -2]).min() > 1e-3, test.name
                token = logits.argmax(axis=1)


def encode_outcomes(code, **options):
    case = encode_case(rng_for("padding"), [2, 1, 3], 3, 2, 2, **options)
    return case, expected_answer(exercise_for("q1_2"), case), execute(code, case)


@pytest.mark.parametrize("code", [encode_holding, encode_one_by_one, encode_from_torch])
def test_states_at_padding_are_free_and_so_are_their_gradients(code):
    case, expected, outcome = encode_outcomes(code, gradient=True)
    assert compare(expected, outcome, case, exercise_for("q1_2").outputs) is None


def test_states_that_count_are_not_free():
    def scaled(*arguments):
        states, last = encode_holding(*arguments)
        return states * 1.01, last

    case, expected, outcome = encode_outcomes(scaled)
    difference = compare(expected, outcome, case, exercise_for("q1_2").outputs)
    assert difference is not None
    assert difference.kind == "values"


def test_what_counts_travels_with_the_case():
    case, expected, outcome = encode_outcomes(encode_one_by_one)
    other = execute(encode_holding, case)
    again = codec.loads(codec.dumps(case))
    assert close(outcome.value, other.value, again)
    assert not close(outcome.value, other.value, dataclasses.replace(case, counts=()))
    assert isinstance(expected, Expected)


def test_date_words_say_what_dates_say():
    for words, characters in zip(date_words(300, seed=4), dates(300, seed=4), strict=True):
        assert "".join(words.target) == "".join(characters.target)
        assert "".join(words.source) == "".join(characters.source).replace(" ", "").replace("\u00a0", "")
        year, first_hyphen, month, second_hyphen, day = words.alignment
        assert words.source[year] == words.target[0]
        assert words.source[day].zfill(2) == words.target[4]
        assert words.source[month].isalpha()
        assert first_hyphen == second_hyphen == -1
