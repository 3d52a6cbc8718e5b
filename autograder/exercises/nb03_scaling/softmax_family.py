"""What exercises 3.2 and 3.3 share: rows of shares, and a gradient held against the reference."""

from __future__ import annotations

import numpy as np

from attnkit.checking.case import Outcome
from autograder.judging.declare import JudgeFailure, Rng


def shares(rng: Rng, *shape: int, scale: float = 1.0, digits: int | None = None) -> np.ndarray:
    """Rows (…, S) that sum to 1, all numbers positive."""
    numbers = np.exp(scale * rng.standard_normal(shape))
    numbers /= numbers.sum(axis=-1, keepdims=True)
    if digits is None:
        return numbers
    numbers = np.round(numbers, digits)
    numbers[..., -1] = np.round(1.0 - numbers[..., :-1].sum(axis=-1), digits)
    return numbers


def with_zeros(rng: Rng, T: int, S: int) -> np.ndarray:
    """Rows (T, S) in which at least one weight is 0, and the last of which is all zero; the others sum to 1."""
    rows = np.zeros((T, S))
    rows[:-1, 1:] = shares(rng, T - 1, S - 1)
    return rng.permuted(rows, axis=-1)


def gradient_at(outcome: Outcome) -> np.ndarray:
    """The gradient at the first argument; a judge fails when there is none or it is not finite."""
    gradient = outcome.gradients.get("args.0")
    if gradient is None:
        raise JudgeFailure("a gradient at the argument", "none reaches it: was it detached?")
    if not np.isfinite(gradient).all():
        raise JudgeFailure("a finite gradient", "NaN" if np.isnan(gradient).any() else "infinity")
    return gradient
