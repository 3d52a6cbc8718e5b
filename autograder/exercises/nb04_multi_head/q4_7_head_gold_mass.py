"""4.7 head_gold_mass: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb04 as reference


def mass_case(rng: Rng, B: int, H: int, T: int, S: int, unaligned: float = 0.4, digits: int | None = None, **options: Any) -> Case:
    """Random weights whose rows sum to 1, and gold positions, some of them −1 and unevenly over the batch."""
    shares = rng.random((B, H, T, S)) ** 2 + 0.02
    weights = shares / shares.sum(axis=-1, keepdims=True)
    weights = np.round(weights, digits) if digits else weights
    gold = rng.integers(0, S, size=(B, T))
    gold[rng.random((B, T)) < unaligned] = -1
    if B > 1 and 0 < unaligned < 1:
        gold[0, 0], gold[1, 1:] = S - 1, -1
        gold[1, 0] = 0
    return Case(args=(weights, gold), sizes={"B": B, "H": H, "T": T, "S": S}, **options)


def flawed_mass(weights: Any, gold: Any, *, unaligned: str = "left out", divide: str = "aligned", measure: str = "mass", batch: str = "together",
                empty: str = "zero", over: str = "each head") -> Any:
    """The mass on gold positions with switches that break it."""
    real = gold > 0 if unaligned == "key 0 too" else gold >= 0
    if batch == "first example":
        weights, gold, real = weights[:1], gold[:1], real[:1]
    index = gold.clamp(min=0) if unaligned != "last key" else torch.where(real, gold, weights.shape[-1] - 1)
    if unaligned in ("last key", "key 0"):
        real = torch.ones_like(real)
    place = index[:, None, :, None].expand(*weights.shape[:3], 1)
    mass = weights.gather(-1, place).squeeze(-1)
    if measure == "argmax":
        mass = (weights.argmax(-1) == index[:, None]).to(weights.dtype)
    elif measure == "largest":
        mass = weights.amax(dim=-1)
    mass = mass * real[:, None]
    if batch == "per example":
        counts = real.sum(-1).clamp(min=1)
        return (mass.sum(-1) / counts[:, None]).mean(0)
    if batch == "kept":
        return mass.sum(dim=(1, 2)) / real.sum(-1).clamp(min=1) / weights.shape[1]
    total = mass.sum(dim=(0, 2))
    if over == "all heads":
        total = total.mean(0, keepdim=True)
    count = real.sum() if divide == "aligned" else torch.tensor(real.numel())
    if divide == "nothing":
        return total
    return total / (count.clamp(min=1) if empty == "zero" else count)


def mass_loops(weights: Any, gold: Any) -> Any:
    rows = [weights[b, :, t, gold[b, t]] for b in range(gold.shape[0]) for t in range(gold.shape[1]) if gold[b, t] >= 0]
    return torch.stack(rows).mean(dim=0) if rows else torch.zeros(weights.shape[1], dtype=weights.dtype)


def mass_one_hot(weights: Any, gold: Any) -> Any:
    on_gold = gold[:, :, None] == torch.arange(weights.shape[-1])
    return torch.einsum("bhts,bts->h", weights, on_gold.to(weights.dtype)) / max(1, int((gold != -1).sum()))


def mass_indexed(weights: Any, gold: Any, *, none: int = -1) -> Any:
    b, t = torch.nonzero(gold != none, as_tuple=True)
    if not len(b):
        return weights.new_zeros(weights.shape[1])
    return weights[b, :, t, gold[b, t]].mean(0)


def mass_by_numpy(weights: Any, gold: Any) -> Any:
    W, g = weights.numpy(), gold.numpy()
    taken = np.take_along_axis(W, np.maximum(g, 0)[:, None, :, None], axis=-1)[..., 0]
    real = (g >= 0)[:, None, :]
    return torch.from_numpy((taken * real).sum(axis=(0, 2)) / max(real.sum(), 1)).to(weights.dtype)


def one_key_each(rng: Rng) -> Case:
    """Every query has all its weight on one key, which is gold for some heads only: weights of exactly 0 count, too."""
    weights = np.eye(3)[rng.integers(0, 3, size=(2, 3, 4))]
    gold = np.array([[0, 1, -1, 2], [2, -1, 1, 0]])
    return Case(args=(weights, gold), sizes={"B": 2, "H": 3, "T": 4, "S": 3})


def mass_of_hits(weights: Any, gold: Any) -> Any:
    """Positions whose gold key got nothing are left out of the count."""
    index = gold.clamp(min=0)[:, None, :, None].expand(-1, weights.shape[1], -1, 1)
    mass = weights.gather(-1, index)[..., 0] * (gold >= 0)[:, None, :]
    return mass.sum(dim=(0, 2)) / (mass > 0).sum(dim=(0, 2)).clamp(min=1)


EXERCISE = Exercise(
    number="4.7",
    title="head_gold_mass",
    names=("head_gold_mass",),
    minutes=15,
    starred=True,
    reference=reference.head_gold_mass,
    outputs=(Output("masses", ("H",), properties=("not negative",)),),
    public=lambda rng: [
        mass_case(rng, 1, 2, 3, 3, unaligned=0.0, digits=2),
        mass_case(rng, 2, 2, 3, 4, digits=2),
        mass_case(rng, 1, 2, 2, 3, unaligned=1.0, digits=2),
        one_key_each(rng),
    ],
    tests=(
        Test(
            "every position has gold", "for each head the mean weight on the gold key",
            lambda rng: [mass_case(rng, 1, 1, 4, 3, unaligned=0.0), mass_case(rng, 3, 2, 3, 5, unaligned=0.0)],
        ),
        Test(
            "some positions have none", "positions with −1 are left out of the sum and of the count, over the whole batch",
            lambda rng: [mass_case(rng, 2, 3, 5, 4), mass_case(rng, 3, 2, 4, 7), mass_case(rng, 4, 5, 3, 3, dtype="float32"), one_key_each(rng)],
        ),
        Test("no position has gold", "0 for every head, not NaN", lambda rng: [mass_case(rng, 2, 3, 2, 4, unaligned=1.0)]),
    ),
    flawed=flawed_mass,
    mistakes=(
        Mistake("minus-one-read-as-last-key", "−1 read as the last key, and counted", "Indexing with the gold position gives the weight.",
                "What does index −1 mean in Python?", "step 1 of the stub", switches={"unaligned": "last key"}),
        Mistake("minus-one-read-as-key-0", "positions without gold counted as if their gold were key 0", "clamp(min=0) makes the index safe.",
                "Safe for the look-up. Should such a position be in the mean?", "step 1 of the stub", switches={"unaligned": "key 0"}),
        Mistake("gold-0-left-out", "gold position 0 taken for none", "0 means nothing to look at.",
                "Positions count from 0. Which number stands for none?", "step 1 of the stub", switches={"unaligned": "key 0 too"}),
        Mistake("first-example-only", "the first example of the batch alone", "One example shows it.",
                "Over which axes does the sum in the equation run?", "step 3 of the stub", switches={"batch": "first example"}),
        Mistake("a-number-for-each-example", "one number per example instead of one per head", "The mean runs over heads and positions.",
                "Which axis of (B, H, T, S) should be left in the end?", "step 3 of the stub", switches={"batch": "kept"}),
        Mistake("divided-by-all-positions", "divided by all positions instead of those with gold", "A mean divides by B · T.",
                "How many numbers were added up?", "step 3 of the stub", switches={"divide": "all"}),
        Mistake("sum-for-mean", "the sum instead of the mean", "Mass adds up.", "Can the mean of weights be above 1?", "step 3 of the stub", switches={"divide": "nothing"}),
        Mistake("hits-counted", "how often the largest weight is on gold, instead of how much weight is there", "The head looks where its maximum is.",
                "That is an accuracy (exercise 1.7). Mass also counts what is nearly there.", "step 2 of the stub", switches={"measure": "argmax"}),
        Mistake("largest-weight", "the mean of the largest weight, wherever it is", "A sharp head is a good head.",
                "A head can be sharp and wrong. Where does gold come in?", "step 2 of the stub", switches={"measure": "largest"}),
        Mistake("mean-of-means", "a mean per example, then the mean of those", "The batch is averaged last.",
                "An example with one aligned word would count as much as one with ten.", "step 3 of the stub", switches={"batch": "per example"}),
        Mistake("nan-when-none", "0/0 when no position has gold", "There is always some gold.",
                "What does the docstring ask for then?", "step 3 of the stub", switches={"empty": "nan"}),
        Mistake("heads-averaged", "one number for all heads together", "The model has one attention.",
                "One number per head is asked for: that is what tells them apart.", "the docstring", switches={"over": "all heads"}),
        Mistake(
            "zero-weights-not-counted",
            "positions left out whose gold key got no weight at all",
            "A mean is over what is there.",
            "A head that looks away from gold has 0 there. Is this not part of its mean?",
            "step 3 of the stub",
            code=mass_of_hits,
        ),
    ),
    variants=(
        Variant("one by one", mass_loops),
        Variant("one-hot gold", mass_one_hot),
        Variant("fancy indexing, extra keyword", mass_indexed),
        Variant("NumPy there and back", mass_by_numpy),
    ),
)
