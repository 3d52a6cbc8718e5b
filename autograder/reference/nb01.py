"""Notebook 1, the bottleneck: each formula as loops over single numbers, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.reference.nb02 import dot, softmax_line

Array = np.ndarray


def rnn_step(x_t: Array, h: Array, W_x: Array, W_h: Array, b: Array) -> Array:
    """(B, d_in), (B, d_h), (d_in, d_h), (d_h, d_h), (d_h,) → (B, d_h): tanh(x W_x + h W_h + b), entry by entry."""
    after = np.zeros_like(h)
    for i, j in np.ndindex(h.shape):
        after[i, j] = math.tanh(dot(x_t[i], W_x[:, j]) + dot(h[i], W_h[:, j]) + float(b[j]))
    return after


def encode(X: Array, lengths: Array, h0: Array, W_x: Array, W_h: Array, b: Array) -> tuple[Array, Array]:
    """Every example read alone up to its own length: states (B, S, d_h), 0 after it, and the last ones (B, d_h)."""
    states = np.zeros((*X.shape[:2], h0.shape[1]))
    last = np.zeros_like(h0)
    for i, length in enumerate(lengths):
        h = h0[i : i + 1]
        for s in range(int(length)):
            h = rnn_step(X[i, s : s + 1], h, W_x, W_h, b)
            states[i, s] = h[0]
        last[i] = h[0]
    return states, last


def decode_greedy(context: Array, step: Any, bos: int, max_len: int) -> Array:
    """The token with the largest logit at every step, fed back with the state: int64 (B, max_len)."""
    written = np.zeros((len(context), max_len), dtype=np.int64)
    token, h = np.full(len(context), bos), context
    for t in range(max_len):
        logits, h = step(token, h)
        token = np.array([list(row).index(max(row)) for row in logits])
        written[:, t] = token
    return written


def additive_scores(s: Array, H: Array, W_q: Array, W_k: Array, v: Array) -> Array:
    """(B, d_s), (B, S, d_h), (d_s, d_a), (d_h, d_a), (d_a,) → (B, S): Σ_a v_a tanh((s W_q)_a + (H W_k)_a)."""
    scores = np.zeros(H.shape[:2])
    for i, j in np.ndindex(scores.shape):
        hidden = [math.tanh(dot(s[i], W_q[:, a]) + dot(H[i, j], W_k[:, a])) for a in range(len(v))]
        scores[i, j] = dot(hidden, v)
    return scores


def masked_softmax(scores: Array, mask: Array) -> Array:
    """(…, S): the softmax over the allowed entries of each row, 0 elsewhere; a row with none allowed is all 0."""
    weights = np.zeros_like(scores)
    allowed = np.broadcast_to(mask, scores.shape)
    for place in np.ndindex(scores.shape[:-1]):
        kept = [s for s in range(scores.shape[-1]) if allowed[(*place, s)]]
        if kept:
            for s, share in zip(kept, softmax_line([float(scores[(*place, s)]) for s in kept]), strict=True):
                weights[(*place, s)] = share
    return weights


def context_vector(weights: Array, H: Array) -> Array:
    """(B, S), (B, S, d) → (B, d): Σ_s weights_s H_s."""
    context = np.zeros((H.shape[0], H.shape[2]))
    for i, j in np.ndindex(context.shape):
        context[i, j] = dot(weights[i], H[i, :, j])
    return context


def alignment_accuracy(weights: Array, gold: Array) -> float:
    """The share of targets with a gold position (B, T), −1 for none, whose first largest weight (B, T, S) is there."""
    right = aligned = 0
    for i, t in np.ndindex(gold.shape):
        if gold[i, t] >= 0:
            row = list(weights[i, t])
            aligned += 1
            right += row.index(max(row)) == gold[i, t]
    return right / aligned if aligned else 0.0


def tokens_that_fit(d_h: int, bits_per_number: int, V: int) -> int:
    """The largest n with V^n ≤ 2^(d_h · bits_per_number), by counting up in whole numbers."""
    states, sequences, n = 2 ** (d_h * bits_per_number), V, 0
    while sequences <= states:
        sequences *= V
        n += 1
    return n
