"""Notebook 2, keys, queries and values: each formula as loops over single numbers, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray

WORKSHEET_QUERY = np.array([1.0, 2.0])
WORKSHEET_KEYS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
WORKSHEET_VALUES = np.array([[10.0, 0.0], [0.0, 10.0], [5.0, 5.0]])


def softmax(z: Any, axis: int = -1) -> Array:
    """exp(z_i) / Σ_j exp(z_j) along `axis`, one line of numbers at a time."""
    array = np.asarray(z, dtype=np.float64)
    result = np.zeros_like(array)
    lines, out = np.moveaxis(array, axis, -1), np.moveaxis(result, axis, -1)
    for place in np.ndindex(lines.shape[:-1]):
        out[place] = softmax_line(list(lines[place]))
    return result


def softmax_line(numbers: list[float]) -> list[float]:
    """The softmax of one list of numbers, shifted by its largest so that no exponential overflows."""
    largest = max(numbers)
    shares = [math.exp(number - largest) for number in numbers]
    total = math.fsum(shares)
    return [share / total for share in shares]


def dot(a: Any, b: Any) -> float:
    """Σ_i a_i b_i."""
    return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def attend(q: Array, K: Array, V: Array) -> tuple[Array, Array]:
    """One query (d_k,) over keys (S, d_k) and values (S, d_v): the values averaged by the softmax of the scores."""
    weights = softmax_line([dot(q, key) for key in K])
    output = [math.fsum(weight * value[j] for weight, value in zip(weights, V, strict=True)) for j in range(V.shape[1])]
    return np.array(output), np.array(weights)


def attention(Q: Array, K: Array, V: Array) -> tuple[Array, Array]:
    """`attend` for every query of every example: (…, T, d_k), (…, S, d_k), (…, S, d_v) → (…, T, d_v), (…, T, S)."""
    outputs = np.zeros((*Q.shape[:-1], V.shape[-1]))
    weights = np.zeros((*Q.shape[:-1], K.shape[-2]))
    for place in np.ndindex(Q.shape[:-1]):
        example = place[:-1]
        outputs[place], weights[place] = attend(Q[place], K[example], V[example])
    return outputs, weights


def linear(X: Array, W: Array) -> Array:
    """X (…, d_in) times W (d_in, d_out), entry by entry."""
    result = np.zeros((*X.shape[:-1], W.shape[1]))
    for place in np.ndindex(X.shape[:-1]):
        for j in range(W.shape[1]):
            result[(*place, j)] = dot(X[place], W[:, j])
    return result


def project(X: Array, W_q: Array, W_k: Array, W_v: Array) -> tuple[Array, Array, Array]:
    """Three linear maps of the same X."""
    return linear(X, W_q), linear(X, W_k), linear(X, W_v)


def cross_attention(X_dec: Array, X_enc: Array, W_q: Array, W_k: Array, W_v: Array) -> tuple[Array, Array]:
    """Queries from the decoder, keys and values from the encoder."""
    return attention(linear(X_dec, W_q), linear(X_enc, W_k), linear(X_enc, W_v))


def self_attention(X: Array, W_q: Array, W_k: Array, W_v: Array) -> tuple[Array, Array]:
    """Queries, keys and values from the same sequence."""
    return cross_attention(X, X, W_q, W_k, W_v)


def permutation_gap(f: Any, X: Array, perm: Array) -> float:
    """The largest |f(X)[perm[t], j] − f(X[perm])[t, j]|."""
    before = f(X)
    after = f(np.stack([X[p] for p in perm]))
    return max(
        abs(float(before[perm[t], j]) - float(after[t, j])) for t in range(len(perm)) for j in range(before.shape[1])
    )


def worksheet_scores() -> Array:
    """The pencil example's scores (3,)."""
    return np.array([dot(WORKSHEET_QUERY, key) for key in WORKSHEET_KEYS])


def worksheet_weights() -> Array:
    """The pencil example's weights (3,)."""
    return attend(WORKSHEET_QUERY, WORKSHEET_KEYS, WORKSHEET_VALUES)[1]


def worksheet_output() -> Array:
    """The pencil example's output (2,)."""
    return attend(WORKSHEET_QUERY, WORKSHEET_KEYS, WORKSHEET_VALUES)[0]
