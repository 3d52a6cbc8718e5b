"""3.7 correlated_score_moments: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn
from autograder.reference import nb03 as reference


def moments_cases(*arguments: tuple[int, float]) -> Sequence[Case]:
    return [Case(args=two) for two in arguments]


def drawn_moments(rng: Rng, low: float, high: float) -> tuple[int, float]:
    """A width, and a correlation between `low` and `high`."""
    return drawn(rng, (2, 40))[0], float(rng.uniform(low, high))


def flawed_moments(d_k: int, rho: float, *, mean: str = "d rho", spread: str = "1 + rho^2", root: bool = False,
                   order: str = "mean first", size: str = "summed", scaled: bool = False) -> Any:
    """Mean and variance of q · k under correlation, with switches that break them."""
    count = d_k if size == "summed" else 1
    first = {"d rho": count * rho, "zero": 0.0, "rho": rho, "absolute": count * abs(rho),
    "squared": count * rho**2}[mean]
    each = {
        "1 + rho^2": 1 + rho**2, "1 - rho^2": 1 - rho**2, "1": 1.0, "1 + 2 rho^2": 1 + 2 * rho**2, "1 + rho": 1 + rho,
    }[spread]
    second = math.sqrt(count * each) if root else count * each
    if scaled:
        first, second = first / math.sqrt(d_k), second / d_k
    return (first, second) if order == "mean first" else (second, first)


def moments_plain(d_k: int, rho: float) -> Any:
    return d_k * rho, d_k * (1 + rho * rho)


def moments_from_second_moment(d_k: int, rho: float) -> Any:
    mean_of_one = rho
    mean_of_square = 1 + 2 * rho**2
    return [mean_of_one * d_k, (mean_of_square - mean_of_one**2) * d_k]


def moments_from_parts(d_k: int, rho: float, *, steps: int = 1) -> Any:
    own, other = rho, math.sqrt(1 - rho**2)
    variance_of_square = 2.0
    variances = [own**2 * variance_of_square + other**2 for _ in range(d_k)]
    return float(np.sum([own] * d_k)) * steps, float(np.sum(variances)) * steps


def moments_with_numpy(d_k: int, rho: float) -> Any:
    each = np.array([rho, 1.0 + np.square(rho)])
    mean, variance = d_k * each
    return mean, variance


EXERCISE = Exercise(
    number="3.7",
    title="correlated_score_moments",
    names=("correlated_score_moments",),
    minutes=15,
    starred=True,
    reference=reference.correlated_score_moments,
    outputs=(Output("mean", dtype=""), Output("variance", dtype="")),
    public=lambda rng: moments_cases((4, 0.5), (1, 0.2), (9, -0.4)),
    tests=(
        Test("no correlation", "mean 0 and variance d_k when rho is 0", lambda rng: moments_cases((1, 0.0), (7, 0.0), drawn_moments(rng, 0.0, 0.0))),
        Test(
            "some correlation", "the mean and the variance of the sum of d_k correlated products",
            lambda rng: moments_cases((5, 0.3), (16, 0.8), (1, 0.6), drawn_moments(rng, 0.1, 0.9)),
        ),
        Test("negative correlation", "the same when rho is below 0", lambda rng: moments_cases((6, -0.7), (3, -0.2), drawn_moments(rng, -0.9, -0.1))),
        Test(
            "q is k, or −k", "the mean and the variance of ± the squared length",
            lambda rng: moments_cases((8, 1.0), (3, -1.0), drawn_moments(rng, 1.0, 1.0), drawn_moments(rng, -1.0, -1.0)),
        ),
    ),
    flawed=flawed_moments,
    mistakes=(
        Mistake(
            "mean-stays-zero", "a mean of 0, as for independent entries",
            "Each entry has mean 0, so the product has too.",
            "The mean of a product of two numbers of mean 0 is their covariance.", "step 1 of the stub",
            switches={"mean": "zero"},
        ),
        Mistake(
            "mean-of-one-product", "the mean of one product, not of the sum of d_k", "The correlation is the mean.",
            "How many products are added up?", "step 1 of the stub", switches={"mean": "rho"},
        ),
        Mistake(
            "sign-lost", "a mean that does not know the sign of rho", "A correlation is a size.",
            "When rho is −1, k is −q. What is the sign of q · k?", "step 1 of the stub", switches={"mean": "absolute"},
        ),
        Mistake(
            "variance-unchanged", "a variance of d_k whatever rho is", "Correlation moves the mean only.",
            "For rho = 1 the score is a squared length: a sum of d_k squares of standard normals, each of variance 2.",
            "step 2 of the stub", switches={"spread": "1"},
        ),
        Mistake(
            "residual-variance", "1 − rho², the variance of k_i that q_i does not explain",
            "The rest of the variance is 1 − rho².",
            "That is the variance of k_i for a given q_i. For rho = 1 it says that q · q never varies.",
            "step 2 of the stub", switches={"spread": "1 - rho^2"},
        ),
        Mistake(
            "second-moment", "the mean of the square, without the square of the mean taken off",
            "Variance is the mean square.",
            "The mean is not 0 any more.", "step 2 of the stub", switches={"spread": "1 + 2 rho^2"},
        ),
        Mistake(
            "rho-not-squared", "1 + rho instead of 1 + rho²", "The correlation adds to the variance.",
            "Can the variance for rho and for −rho differ? Replace k by −k.", "step 2 of the stub",
            switches={"spread": "1 + rho"},
        ),
        Mistake(
            "deviation-for-variance", "the standard deviation as the second number", "The spread is the std.",
            "The variance is asked for.", "step 2 of the stub", switches={"root": True},
        ),
        Mistake(
            "variance-first", "the variance returned before the mean", "The variance is the interesting one.",
            "Read the docstring's return line.", "the return line", switches={"order": "variance first"},
        ),
        Mistake(
            "one-feature", "both moments of a single product, without d_k", "Every pair is the same.",
            "The score adds up d_k independent products.", "steps 1 and 2 of the stub", switches={"size": "one"},
        ),
        Mistake(
            "mean-squared", "rho² in the mean", "A correlation enters squared.",
            "What is the mean of q_i · (rho q_i)? The mean of q_i² is 1.", "step 1 of the stub", switches={"mean": "squared"},
        ),
        Mistake(
            "scaled-already", "the moments of q · k / √d_k", "Scores are always divided.",
            "The moments of q · k itself are asked for.", "the docstring", switches={"scaled": True},
        ),
    ),
    variants=(
        Variant("plain", moments_plain),
        Variant("from the second moment, as a list", moments_from_second_moment),
        Variant("feature by feature, extra keyword", moments_from_parts),
        Variant("NumPy", moments_with_numpy),
    ),
)
