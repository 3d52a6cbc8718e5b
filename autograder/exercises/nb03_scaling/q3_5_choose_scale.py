"""3.5 choose_scale: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn
from autograder.reference import nb03 as reference


def scale_cases(*arguments: tuple[float, float, int]) -> Sequence[Case]:
    return [Case(args=three) for three in arguments]


def drawn_scale(rng: Rng, low: float, high: float) -> tuple[float, float, int]:
    """Variances between 10^low and 10^high, and a width."""
    var_q, var_k = 10 ** rng.uniform(low, high, size=2)
    return float(var_q), float(var_k), drawn(rng, (2, 100))[0]


def flawed_scale(var_q: float, var_k: float, d_k: int, *, taken: str = "both", root: str = "root", way: str = "factor",
                 together: str = "product") -> float:
    """The scale for unit variance, with switches that break it."""
    each = {"both": (var_q, var_k), "neither": (1.0, 1.0), "q only": (var_q, 1.0),
    "squared": (var_q**2, var_k**2)}[taken]
    size = each[0] * each[1] if together == "product" else each[0] + each[1]
    variance = size if root == "no d_k" else size * d_k
    divisor = variance if root == "none" else math.sqrt(variance)
    if root == "not of d_k":
        divisor = math.sqrt(size) * d_k
    return 1 / divisor if way == "factor" else divisor


def scale_by_powers(var_q: float, var_k: float, d_k: int) -> Any:
    return (var_q * var_k * d_k) ** -0.5


def scale_by_deviations(var_q: float, var_k: float, d_k: int) -> float:
    deviation_of_one_product = math.sqrt(var_q) * math.sqrt(var_k)
    return 1 / (deviation_of_one_product * math.sqrt(d_k))


def scale_with_numpy(var_q: float, var_k: float, d_k: int) -> Any:
    return np.reciprocal(np.sqrt(float(var_q) * float(var_k) * d_k))


def scale_with_torch(var_q: float, var_k: float, d_k: int, *, target: float = 1.0) -> float:
    return torch.rsqrt(torch.tensor(var_q * var_k * d_k / target, dtype=torch.float64)).item()


EXERCISE = Exercise(
    number="3.5",
    title="choose_scale",
    names=("choose_scale",),
    minutes=5,
    starred=True,
    reference=reference.choose_scale,
    outputs=(Output("factor", dtype=""),),
    public=lambda rng: scale_cases((1.0, 1.0, 64), (4.0, 9.0, 16), (0.25, 2.0, 3)),
    tests=(
        Test(
            "unit variances", "1/√d_k when both variances are 1",
            lambda rng: scale_cases((1.0, 1.0, 10), (1.0, 1.0, 1), (1.0, 1.0, drawn(rng, (2, 200))[0])),
        ),
        Test(
            "any variances", "a factor that makes the variance of the score 1",
            lambda rng: scale_cases((0.3, 5.0, 7), (2.5, 0.1, 48), (6.0, 6.0, 5), drawn_scale(rng, -0.7, 0.9)),
        ),
        Test(
            "very small and very large variances", "the same for variances far from 1",
            lambda rng: scale_cases((1e-4, 3.0, 12), (2e5, 40.0, 3), drawn_scale(rng, -5, -3), drawn_scale(rng, 3, 5)),
        ),
    ),
    flawed=flawed_scale,
    mistakes=(
        Mistake(
            "always-root-d_k", "1/√d_k whatever the variances are", "The scale is 1/√d_k.",
            "1/√d_k is right for entries of variance 1. What is the variance of one product q_i k_i here?",
            "the equation above the stub", switches={"taken": "neither"},
        ),
        Mistake(
            "variances-as-deviations", "the variances treated as standard deviations",
            "Divide by the spread of q, of k, and √d_k.",
            "Is var_q a variance or a standard deviation?", "step 1 of the stub", switches={"taken": "squared"},
        ),
        Mistake(
            "no-root", "one over the variance instead of one over its square root", "Divide by what is too large.",
            "Multiplying by c multiplies a variance by c².", "step 2 of the stub", switches={"root": "none"},
        ),
        Mistake(
            "divisor-returned", "the number to divide by instead of the factor to multiply with", "The scale is √(…).",
            "The factor is multiplied with q · k.", "the docstring", switches={"way": "divisor"},
        ),
        Mistake(
            "variances-added", "the two variances added instead of multiplied", "Variances add up.",
            "They add for a sum. Here q_i and k_i are multiplied.", "step 1 of the stub", switches={"together": "sum"},
        ),
        Mistake(
            "keys-forgotten", "the variance of the keys left out", "The query decides.",
            "Twice as large keys make twice as large scores.", "step 1 of the stub", switches={"taken": "q only"},
        ),
        Mistake(
            "d_k-forgotten", "the number of features left out", "The variances say it all.",
            "The score adds up d_k products.", "step 1 of the stub", switches={"root": "no d_k"},
        ),
        Mistake(
            "d_k-without-root", "the standard deviations times d_k instead of √d_k", "Every feature makes the score larger.",
            "Variances add over features; deviations do not.", "step 2 of the stub", switches={"root": "not of d_k"},
        ),
    ),
    variants=(
        Variant("power of −½", scale_by_powers),
        Variant("through standard deviations", scale_by_deviations),
        Variant("NumPy", scale_with_numpy),
        Variant("torch, extra keyword", scale_with_torch),
    ),
)
