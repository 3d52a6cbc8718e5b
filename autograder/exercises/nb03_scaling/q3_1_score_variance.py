"""3.1 score_variance: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, Seed, TensorValue
from attnkit.checking.compare import Output
from attnkit.checking.spread import RIGHT, ways_by_likelihood
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Run, Test, Variant, drawn
from autograder.reference import nb03 as reference

SIX_DEVIATIONS = 6.0


SURE = math.log(1e6)
SPREAD = 24  # answers for two pairs: the chance that all lie between half and twice d_k is below 1e-11


def variance_case(d_k: int, n: int, seed: int) -> Case:
    """Many pairs, so that any right way of drawing them is within six standard deviations of d_k.

    A product of two standard normal numbers has excess kurtosis 6, so the sum of d_k of them has 6 / d_k.
    """
    deviation = d_k * math.sqrt((2 + 6 / d_k) / n)
    return Case(args=(d_k, n, Seed(seed)), tolerance=SIX_DEVIATIONS * deviation, sizes={"d_k": d_k, "n": n})


def variance_of(run: Run, d_k: int, n: int, seed: int | Seed) -> float:
    """The learner's number for one seed."""
    value = run(Case(args=(d_k, n, seed if isinstance(seed, Seed) else Seed(seed)))).value
    if isinstance(value, TensorValue | np.ndarray):
        value = (value.data if isinstance(value, TensorValue) else value).astype(np.float64)
        value = value.item() if value.size == 1 else math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def judge_generator(run: Run) -> None:
    """Equal seeds must give equal numbers, and other seeds others."""
    first, again, other, later = (variance_of(run, 5, 6, seed) for seed in (Seed(31), Seed(31), Seed(32), Seed(31, used=3)))
    if first == other == 5.0:
        raise JudgeFailure("a number measured on pairs that were drawn", "d_k itself", "d_k-returned")
    if first != again:
        raise JudgeFailure("the same number from equal generators", "two different numbers", "global-generator")
    if first == other:
        raise JudgeFailure("other numbers from another generator", "the same number again", "seeds-itself")
    if first == later:
        found = "the number of its seed, whatever was drawn from it before"
        raise JudgeFailure("numbers that the generator gives next", found, "only-the-seed-used")


def judge_n_minus_one(run: Run) -> None:
    """The variance of two scores is d_k times a χ² with one degree of freedom; other ways to take it are spread otherwise.

    Two pairs a call, and seeds are drawn until one way is e^SURE times likelier than every other one.
    """
    d_k, ratios = 64, list[float]()
    likely = RIGHT
    for seed in range(300):
        ratios.append(variance_of(run, d_k, 2, seed) / d_k)
        if not math.isfinite(ratios[-1]):
            raise JudgeFailure("a finite number for two pairs", "NaN or infinity")
        if len(ratios) == SPREAD and len({*ratios}) == 1:
            raise JudgeFailure("other numbers from another generator", "the same number again", "seeds-itself")
        if len(ratios) == SPREAD and all(0.5 < ratio < 2.0 for ratio in ratios):
            raise JudgeFailure("numbers for two pairs that differ from seed to seed", "hardly a difference", "n-ignored")
        if len(ratios) % SPREAD == 0:
            (likely, second, *_), evidence = ways_by_likelihood(ratios)
            if evidence[likely] - evidence[second] > SURE:
                break
    if likely is not RIGHT:
        raise JudgeFailure("the squared deviations of two scores divided by 1", likely.found, likely.mistake)


def seeded_case(seeds: int = 300) -> Case:
    """One number, that of an equal generator, of another and of one in a later state, and then many for two pairs."""
    generators = Seed(31), Seed(32), Seed(31, used=3)
    earlier = [Case(args=(5, 6, generator)) for generator in generators]
    earlier += [Case(args=(64, 2, Seed(seed))) for seed in range(seeds)]
    return Case(args=(5, 6, Seed(31)), earlier=tuple(earlier), verify="sample variance", sizes={"d_k": 5, "n": 6})


def flawed_variance(d_k: int, n: int, generator: Any, *, source: str = "argument", entries: str = "normal",
                    keys: str = "own", pairs: str = "n", over: str = "sum", spread: str = "n-1", kind: str = "float") -> Any:
    """The variance of a dot product, with switches that break it."""
    if source == "global":
        generator = None
    elif source == "seed only":
        generator = torch.Generator().manual_seed(generator.initial_seed())
    elif source == "fixed":
        generator = torch.Generator().manual_seed(0)
    draw = torch.randn if entries == "normal" else torch.rand
    n = n if pairs == "n" else 500
    q = draw(n if keys != "one query" else 1, d_k, generator=generator)
    k = q if keys == "the queries" else draw(n, d_k, generator=generator)
    products = (q[:300, None] * k[:300]).reshape(-1, d_k) if keys == "every key" else q * k
    scores = {"sum": products.sum(dim=1), "mean": products.mean(dim=1), "none": products.flatten()}[over]
    correction = 0 if spread == "n" else 1
    value = scores.std(correction=correction) if spread == "deviation" else scores.var(correction=correction)
    if spread.startswith("squares"):
        value = scores.square().sum() / (len(scores) - (spread == "squares, n-1"))
    return value if kind == "tensor" else value.item()


def variance_with_einsum(d_k: int, n: int, generator: torch.Generator) -> float:
    q, k = torch.randn(2, n, d_k, generator=generator, dtype=torch.float64)
    scores = torch.einsum("nd,nd->n", q, k)
    return float(scores.var())


def variance_with_statistics(d_k: int, n: int, generator: torch.Generator, *, mean: float = 0.0) -> float:
    scores = []
    for _ in range(n):
        q = torch.randn(d_k, generator=generator) + mean
        k = torch.randn(d_k, generator=generator) + mean
        scores.append(torch.dot(q, k).item())
    return statistics.variance(scores)


def variance_from_sums(d_k: int, n: int, generator: torch.Generator) -> float:
    k = torch.empty(n, d_k).normal_(generator=generator)
    q = torch.empty(n, d_k).normal_(generator=generator)
    scores = (q.unsqueeze(1) @ k.unsqueeze(2)).flatten()
    return ((scores - scores.mean()).square().sum() / (n - 1)).item()


def variance_with_numpy(d_k: int, n: int, generator: torch.Generator) -> Any:
    q = torch.randn((d_k, n), generator=generator).numpy()
    k = torch.randn((d_k, n), generator=generator).numpy()
    return np.var((q * k).sum(axis=0), ddof=1)


def variance_by_formula(d_k: int, n: int, generator: Any) -> float:
    return float(d_k)


EXERCISE = Exercise(
    number="3.1",
    title="score_variance",
    names=("score_variance",),
    minutes=10,
    reference=reference.score_variance,
    outputs=(Output("variance", dtype="python"),),
    public=lambda rng: [variance_case(2, 8000, 0), variance_case(64, 4000, 1), seeded_case()],
    tests=(
        Test(
            "grows with d_k", "a variance of about d_k when there are many pairs",
            lambda rng: [variance_case(1, 8000, 11), variance_case(9, 20_000, 12), variance_case(100, 8000, 13), variance_case(*drawn(rng, (20, 60), (8000, 9000), (100, 100_000)))],
        ),
        Test("all randomness from the generator", "equal generators give equal numbers", judge=judge_generator),
        Test("n − 1", "the squared deviations divided by n − 1, also when n is 2", judge=judge_n_minus_one),
    ),
    flawed=flawed_variance,
    mistakes=(
        Mistake(
            "standard-deviation", "the standard deviation instead of the variance",
            "The spread of the scores is their std.",
            "The variance is the square of the standard deviation: which of the two grows like d_k?",
            "step 3 of the stub", switches={"spread": "deviation"},
        ),
        Mistake(
            "divides-by-n", "squared deviations divided by n instead of n − 1", "A mean divides by n.",
            "The mean was estimated from the same n scores; what does that cost?",
            "step 3 of the stub", switches={"spread": "n"},
        ),
        Mistake(
            "query-is-the-key", "one vector used as both query and key",
            "Both are standard normal, so one draw will do.",
            "q · q is a squared length and is never negative. Are your q and k independent?",
            "step 1 of the stub", switches={"keys": "the queries"},
        ),
        Mistake(
            "uniform-entries", "entries from torch.rand, which lie between 0 and 1", "rand and randn are the same.",
            "What are the mean and the variance of a number drawn evenly from 0 to 1?",
            "step 1 of the stub", switches={"entries": "uniform"},
        ),
        Mistake(
            "mean-over-features", "the mean of the d_k products instead of their sum", "A mean is a fair score.",
            "A dot product adds. Does a mean of more numbers spread more, or less?",
            "step 2 of the stub", switches={"over": "mean"},
        ),
        Mistake(
            "variance-of-products", "the variance over all single products, before they are added up",
            "Everything that q · k is made of is in q * k.",
            "How many scores do n pairs have? Count the numbers you take the variance of.",
            "step 2 of the stub", switches={"over": "none"},
        ),
        Mistake(
            "global-generator", "random numbers that do not come from `generator`", "torch.randn is random enough.",
            "Call it twice with equally seeded generators: is the number the same?",
            "step 1 of the stub", switches={"source": "global"},
        ),
        Mistake(
            "seeds-itself", "a generator made inside the function, with a seed of its own",
            "A fixed seed makes it repeatable.",
            "The caller chose a generator: what happens to it?",
            "step 1 of the stub", switches={"source": "fixed"},
        ),
        Mistake(
            "tensor-returned", "a tensor instead of a Python number", "A tensor with one number is a number.",
            "Which method turns a tensor with one number into a Python float?",
            "step 3 of the stub", switches={"kind": "tensor"},
        ),
        Mistake(
            "only-the-seed-used", "a generator of its own, seeded with the caller's seed: what was drawn before does not count", "initial_seed() says where the generator stands.",
            "The caller's generator may have been used already. Which argument of torch.randn takes it as it is?", "step 1 of the stub", switches={"source": "seed only"},
        ),
        Mistake(
            "n-ignored", "a fixed number of pairs, whatever n says", "Many pairs make a better estimate.",
            "How many scores are there when n is 2?", "step 1 of the stub", switches={"pairs": "many"},
        ),
        Mistake(
            "one-query-for-all", "one query for all keys", "A query looks at many keys.",
            "The n pairs are independent: how many queries are there?", "step 1 of the stub", switches={"keys": "one query"},
        ),
        Mistake(
            "every-query-with-every-key", "the scores of every query with every key, n² of them", "q @ k.T gives all the scores.",
            "Each query meets its own key only: n scores.", "step 2 of the stub", switches={"keys": "every key"},
        ),
        Mistake(
            "mean-of-squares", "the mean of the squared scores, without the mean taken off", "Scores have mean 0, so a variance is a mean square.",
            "The n scores you drew have a mean of their own.", "step 3 of the stub", switches={"spread": "squares"},
        ),
        Mistake(
            "squares-over-n-minus-one", "the squared scores over n − 1, without the mean taken off", "Scores have mean 0, and samples divide by n − 1.",
            "What is the divisor n − 1 the price of?", "step 3 of the stub", switches={"spread": "squares, n-1"},
        ),
        Mistake(
            "d_k-returned", "d_k itself, with nothing drawn", "The variance is d_k, as the text says.",
            "The text says what many pairs come near to. Measure it.", "step 1 of the stub", code=variance_by_formula,
        ),
    ),
    variants=(
        Variant("einsum in float64", variance_with_einsum),
        Variant("pair by pair, statistics.variance, extra keyword", variance_with_statistics),
        Variant("from sums, keys drawn first", variance_from_sums),
        Variant("NumPy after drawing", variance_with_numpy),
    ),
)
