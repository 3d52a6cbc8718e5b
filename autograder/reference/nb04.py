"""Notebook 4, many heads: each formula as loops over single numbers, in float64."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

Array = np.ndarray
State = Mapping[str, Array]


def split_heads(X: Array, H: int) -> Array:
    """(B, T, d_model) → (B, H, T, d_model/H): number j of head h is feature h · d + j."""
    B, T, d_model = X.shape
    d = d_model // H
    heads = np.zeros((B, H, T, d))
    for b, h, t, j in np.ndindex(heads.shape):
        heads[b, h, t, j] = X[b, t, h * d + j]
    return heads


def merge_heads(X: Array) -> Array:
    """(B, H, T, d) → (B, T, H · d): the heads of one position side by side."""
    B, H, T, d = X.shape
    merged = np.zeros((B, T, H * d))
    for b, h, t, j in np.ndindex(X.shape):
        merged[b, t, h * d + j] = X[b, h, t, j]
    return merged


def linear(X: Array, W: Array) -> Array:
    """X (B, T, d_in) through an `nn.Linear` weight W (d_out, d_in), one number at a time."""
    B, T, _ = X.shape
    result = np.zeros((B, T, W.shape[0]))
    for b, t, i in np.ndindex(result.shape):
        result[b, t, i] = math.fsum(W[i] * X[b, t])
    return result


def masked_softmax(scores: list[float], allowed: list[bool]) -> list[float]:
    """Shares of 1 among the allowed scores; nothing at all when none is allowed."""
    if not any(allowed):
        return [0.0] * len(scores)
    largest = max(score for score, may in zip(scores, allowed, strict=True) if may)
    shares = [math.exp(score - largest) if may else 0.0 for score, may in zip(scores, allowed, strict=True)]
    total = math.fsum(shares)
    return [share / total for share in shares]


def grouped_query_attention(
    state: State, init: tuple[int, int, int], X_q: Array, X_kv: Array | None = None, mask: Array | None = None
) -> tuple[Array, Array]:
    """H query heads over G key/value heads: query head h reads the keys and values of group h // (H/G)."""
    d_model, H, G = init
    d_k = d_model // H
    source = X_q if X_kv is None else X_kv
    Q, K, V = linear(X_q, state["W_q.weight"]), linear(source, state["W_k.weight"]), linear(source, state["W_v.weight"])
    B, T, S = X_q.shape[0], X_q.shape[1], source.shape[1]
    allowed = np.ones((B, H, T, S), dtype=bool) if mask is None else np.broadcast_to(mask, (B, H, T, S))
    weights, mixed = np.zeros((B, H, T, S)), np.zeros((B, T, d_model))
    for b, h, t in np.ndindex(B, H, T):
        own = slice(h * d_k, (h + 1) * d_k)
        group = h // (H // G)
        shared = slice(group * d_k, (group + 1) * d_k)
        scores = [math.fsum(Q[b, t, own] * K[b, s, shared]) / math.sqrt(d_k) for s in range(S)]
        weights[b, h, t] = masked_softmax(scores, list(allowed[b, h, t]))
        for s in range(S):
            mixed[b, t, own] += weights[b, h, t, s] * V[b, s, shared]
    return linear(mixed, state["W_o.weight"]), weights


def multi_head_attention(
    state: State, init: tuple[int, int], X_q: Array, X_kv: Array | None = None, mask: Array | None = None
) -> tuple[Array, Array]:
    """Every query head has keys and values of its own: as many groups as heads."""
    d_model, H = init
    return grouped_query_attention(state, (d_model, H, H), X_q, X_kv, mask)


def kv_cache_bytes(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> int:
    """One key and one value of d_k numbers for every layer, group, position and sequence."""
    numbers_per_position = d_k + d_k
    return sum(numbers_per_position * seq_len * bytes_per_number for _ in range(layers * G)) * batch


def mha_to_gqa(W_k: Array, W_v: Array, H: int, G: int) -> tuple[Array, Array]:
    """Row i of group g is the mean of row i of the heads g · H/G … (g + 1) · H/G − 1."""
    return _pooled(W_k, H, G), _pooled(W_v, H, G)


def _pooled(W: Array, H: int, G: int) -> Array:
    d_k, members = W.shape[0] // H, H // G
    result = np.zeros((G * d_k, W.shape[1]))
    for g in range(G):
        for i in range(d_k):
            heads = range(g * members, (g + 1) * members)
            result[g * d_k + i] = sum(W[h * d_k + i] for h in heads) / members
    return result


def head_gold_mass(weights: Array, gold: Array) -> Array:
    """For each head the mean of its weight on the gold position, over the positions that have one."""
    B, H, T, _ = weights.shape
    found: list[list[float]] = [[] for _ in range(H)]
    for b, h, t in np.ndindex(B, H, T):
        if gold[b, t] >= 0:
            found[h].append(float(weights[b, h, t, gold[b, t]]))
    return np.array([math.fsum(masses) / len(masses) if masses else 0.0 for masses in found])


def count_parameters(d_model: int, H: int, G: int) -> int:
    """The entries of W_q and W_o (one block of d_k rows a query head), and of W_k and W_v (one a group)."""
    shapes = {"W_q": (H, d_model), "W_k": (G, d_model), "W_v": (G, d_model), "W_o": (H, d_model)}
    return sum(blocks * (d_model // H) * width for blocks, width in shapes.values())




def attention_dropout(weights: Array, p: float, generator: object, training: bool) -> Array:
    """What each weight becomes where it is kept; which ones are dropped is chance."""
    result = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        result[place] = float(weights[place]) / (1.0 - p) if training else float(weights[place])
    return result
