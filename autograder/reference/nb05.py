"""Notebook 5, positions: each formula as loops over single numbers, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray


def angle(position: float, pair: int, width: int, base: float) -> float:
    """How far the hand of dial number `pair` has turned at `position`, in radians."""
    return float(position) / base ** (2 * pair / width)


def sinusoidal_encoding(T: int, d_model: int, base: float = 10000.0) -> Array:
    """Sine on even and cosine on odd features, one angle for each pair of them."""
    table = np.zeros((T, d_model))
    for t in range(T):
        for j in range(d_model):
            turned = angle(t, j // 2, d_model, base)
            table[t, j] = math.sin(turned) if j % 2 == 0 else math.cos(turned)
    return table


def shift_matrix(k: int, d_model: int, base: float = 10000.0) -> Array:
    """From sin(a + b) = sin a cos b + cos a sin b and cos(a + b) = cos a cos b − sin a sin b, pair by pair."""
    matrix = np.zeros((d_model, d_model))
    for pair in range(d_model // 2):
        turned = angle(k, pair, d_model, base)
        sine, cosine = 2 * pair, 2 * pair + 1
        matrix[sine, sine] = matrix[cosine, cosine] = math.cos(turned)
        matrix[sine, cosine] = math.sin(turned)
        matrix[cosine, sine] = -math.sin(turned)
    return matrix


def causal_mean(X: Array) -> Array:
    """The mean of the rows 0…t at each t."""
    result = np.zeros(X.shape)
    for place in np.ndindex(X.shape):
        *example, t, j = place
        result[place] = math.fsum(float(X[(*example, s, j)]) for s in range(t + 1)) / (t + 1)
    return result


def positions_from_causal_mean(is_first: Array) -> Array:
    """0…T − 1, by counting."""
    return np.array([float(t) for t in range(len(is_first))])


def relative_bias(T: int, S: int, table: Array) -> Array:
    """One entry of the table for each distance t − s, the outermost for all that are further."""
    furthest = (len(table) - 1) // 2
    bias = np.zeros((T, S))
    for t in range(T):
        for s in range(S):
            distance = max(-furthest, min(furthest, t - s))
            bias[t, s] = table[distance + furthest]
    return bias


def rope_rotate(x: Array, positions: Any, base: float = 10000.0) -> Array:
    """Each pair of features turned, one pair at a time, by the angle of its position."""
    width = x.shape[-1]
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        for pair in range(width // 2):
            turned = angle(positions[place[-1]], pair, width, base)
            a, b = float(x[(*place, 2 * pair)]), float(x[(*place, 2 * pair + 1)])
            result[(*place, 2 * pair)] = a * math.cos(turned) - b * math.sin(turned)
            result[(*place, 2 * pair + 1)] = a * math.sin(turned) + b * math.cos(turned)
    return result


def interleaved_to_half(x: Array) -> Array:
    """Feature 2i goes to place i, feature 2i + 1 to place d/2 + i."""
    half = x.shape[-1] // 2
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        *front, j = place
        result[(*front, j // 2 + half * (j % 2))] = x[place]
    return result


def rotated_score(q: Array, k: Array, m: int, n: int, base: float = 10000.0) -> float:
    """The dot product of q turned to position m and k turned to position n."""
    turned_q = rope_rotate(q[None], [m], base)[0]
    turned_k = rope_rotate(k[None], [n], base)[0]
    return math.fsum(float(a) * float(b) for a, b in zip(turned_q, turned_k, strict=True))


def append_rotated(cache: Array, k_t: Array, base: float = 10000.0) -> Array:
    """The cached keys as they are, and after them the new one turned to the next free position."""
    B, H, n, d = cache.shape
    result = np.zeros((B, H, n + 1, d))
    for b in range(B):
        for h in range(H):
            for s in range(n):
                result[b, h, s] = cache[b, h, s]
            result[b, h, n] = rope_rotate(k_t[b, h], [n], base)[0]
    return result


def alibi_slopes(H: int) -> list[float]:
    """A geometric row where H is a power of two; else the row of the power below, then every second of the next power's."""
    power = 1
    while 2 * power <= H:
        power *= 2
    slopes = [2.0 ** (-8.0 * (h + 1) / power) for h in range(power)]
    return slopes + [2.0 ** (-8.0 * (2 * h + 1) / (2 * power)) for h in range(H - power)]


def alibi_bias(H: int, T: int, S: int) -> Array:
    """Minus slope times distance, for queries that stand at the last T of S positions."""
    bias = np.zeros((H, T, S))
    for h, slope in enumerate(alibi_slopes(H)):
        for t in range(T):
            for s in range(S):
                bias[h, t, s] = -slope * abs((S - T + t) - s)
    return bias


def sliding_window_mask(T: int, S: int, window: int) -> Array:
    """True for the query's own position and the window − 1 before it."""
    mask = np.zeros((T, S), dtype=bool)
    for t in range(T):
        own = S - T + t
        for s in range(max(0, own - window + 1), own + 1):
            mask[t, s] = True
    return mask
