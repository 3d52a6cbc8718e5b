"""Notebook 3, scaling: moments, slopes and entropies from their definitions, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray


def score_variance(d_k: int, n: int, generator: Any) -> float:
    """What the sample variance estimates: each of the d_k independent products q_i k_i has mean 0 and variance 1."""
    return float(sum(1.0 for _ in range(d_k)))


def softmax_jacobian(p: Array) -> Array:
    """∂p_i/∂z_j = p_i (1[i = j] − p_j), number by number: (…, S) → (…, S, S)."""
    S = p.shape[-1]
    result = np.zeros((*p.shape, S))
    for place in np.ndindex(p.shape[:-1]):
        for i in range(S):
            for j in range(S):
                result[(*place, i, j)] = p[place][i] * ((1.0 if i == j else 0.0) - p[place][j])
    return result


def attention_entropy(weights: Array) -> Array:
    """−Σ_s p_s log p_s in nats over the keys, where a weight of 0 adds nothing: (…, S) → (…)."""
    result = np.zeros(weights.shape[:-1])
    for place in np.ndindex(result.shape):
        result[place] = -math.fsum(float(p) * math.log(p) for p in weights[place] if p > 0.0)
    return result


def scaled_dot_product_attention(Q: Array, K: Array, V: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Each query in turn: scores q · k / √d_k with the keys it may attend to, their softmax, the average of V."""
    weights = np.zeros((*Q.shape[:-1], K.shape[-2]))
    outputs = np.zeros((*Q.shape[:-1], V.shape[-1]))
    allowed = np.broadcast_to(np.ones((), dtype=bool) if mask is None else mask, weights.shape)
    for place in np.ndindex(Q.shape[:-1]):
        keys, values = K[place[:-1]], V[place[:-1]]
        open_keys = [s for s in range(len(keys)) if allowed[place][s]]
        scores = {s: math.fsum(Q[place] * keys[s]) / math.sqrt(len(keys[s])) for s in open_keys}
        highest = max(scores.values(), default=0.0)
        total = math.fsum(math.exp(score - highest) for score in scores.values())
        for s in open_keys:
            weights[place][s] = math.exp(scores[s] - highest) / total
            outputs[place] += weights[place][s] * values[s]
    return outputs, weights


def choose_scale(var_q: float, var_k: float, d_k: int) -> float:
    """One over the standard deviation of a sum of d_k independent products, each of variance var_q · var_k."""
    variance = math.fsum(float(var_q) * float(var_k) for _ in range(int(d_k)))
    return 1.0 / math.sqrt(variance)


def log_softmax(z: Array, axis: int = -1) -> Array:
    """z_i − log Σ_j exp(z_j) along `axis`: minus the log of Σ_j exp(z_j − z_i), one line of numbers at a time."""
    result = np.zeros_like(z)
    lines, out = np.moveaxis(z, axis, -1), np.moveaxis(result, axis, -1)
    for place in np.ndindex(lines.shape[:-1]):
        for i, own in enumerate(lines[place]):
            highest = float(max(lines[place]) - own)
            out[place][i] = -highest - math.log(math.fsum(math.exp(z_j - own - highest) for z_j in lines[place]))
    return result


def correlated_score_moments(d_k: int, rho: float) -> tuple[float, float]:
    """Mean and variance of Σ_i q_i k_i, exact by Gauss-Hermite quadrature over one pair (q_i, k_i)."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(8)
    shares = shares / shares.sum()
    q, other = nodes[:, None], nodes[None, :]
    product = q * (rho * q + math.sqrt(max(0.0, 1.0 - rho * rho)) * other)
    probability = shares[:, None] * shares[None, :]
    mean = float((probability * product).sum())
    variance = float((probability * (product - mean) ** 2).sum())
    return d_k * mean, d_k * variance


def online_softmax_attention(q: Array, K: Array, V: Array, block: int) -> Array:
    """Σ_s e^{z_s} v_s / Σ_s e^{z_s} with z_s = q · k_s / √d_k, over all keys at once: blocks change nothing."""
    scores = [math.fsum(float(a) * float(b) for a, b in zip(q, key, strict=True)) / math.sqrt(len(q)) for key in K]
    highest = max(scores)
    shares = [math.exp(score - highest) for score in scores]
    total = math.fsum(shares)
    return np.array([math.fsum(a * float(v[j]) for a, v in zip(shares, V, strict=True)) / total for j in range(V.shape[1])])
