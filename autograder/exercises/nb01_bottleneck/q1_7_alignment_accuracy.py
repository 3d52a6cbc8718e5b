"""1.7 alignment_accuracy: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb01 as reference


def alignment_case(weights: Any, gold: Any, **options: Any) -> Case:
    weights = np.asarray(weights, dtype=np.float64)
    B, T, S = weights.shape
    return Case(args=(weights, np.asarray(gold)), sizes={"B": B, "T": T, "S": S}, **options)


def drawn_alignment(
    rng: Rng, B: int, T: int, S: int, unaligned: float = 0.3, right: float = 0.4, **options: Any
) -> Case:
    """Random weights, with gold on the largest one in about the share `right` of the targets."""
    weights = rng.dirichlet(np.ones(S), size=(B, T))
    gold = rng.integers(0, S, size=(B, T))
    gold = np.where(rng.random((B, T)) < right, weights.argmax(axis=2), gold)
    return alignment_case(weights, np.where(rng.random((B, T)) < unaligned, -1, gold), **options)


def tied_alignment(rng: Rng, T: int) -> Case:
    """Four keys, of which two share the largest weight; gold stands on the first of these, and in each third row on the second."""
    weights, gold = np.full((1, T, 4), 0.1), np.empty((1, T), dtype=np.int64)
    for t in range(T):
        both = np.sort(rng.choice(4, 2, replace=False))
        weights[0, t, both], gold[0, t] = 0.4, both[int(t % 3 == 1)]
    return alignment_case(weights, gold)


TIES = [[[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.25, 0.5, 0.25], [0.0, 0.0, 0.0]]]


def flawed_alignment(
    weights: Any,
    gold: Any,
    *,
    count: str = "aligned",
    empty: str = "zero",
    over: str = "keys",
    ties: str = "first",
    measure: str = "largest",
    mean: str = "tokens",
    shift: int = 0,
) -> Any:
    """The alignment accuracy with switches that break it."""
    real = gold >= 0
    if ties == "first":
        chosen = weights.argmax(dim=-1 if over == "keys" else -2)
    else:
        chosen = weights.shape[-1] - 1 - weights.flip(-1).argmax(dim=-1 if over == "keys" else -2)
    hits = (chosen + shift == gold[..., : chosen.shape[-1]]).to(weights.dtype)
    if measure == "weight on gold":
        hits = weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0]
    elif measure == "above a half":
        hits = (weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0] > 0.5).to(weights.dtype)
    if count == "padding wraps around":
        hits, real = (chosen == gold % weights.shape[-1]).to(weights.dtype), torch.ones_like(real)
    elif count == "all":
        hits, real = hits * real, torch.ones_like(real)
    if empty == "zero" and not real.any():
        return 0.0
    if mean == "sentences":
        return ((hits * real).sum(-1) / real.sum(-1).clamp(min=1)).mean().item()
    right = (hits * real).sum().item()
    if mean == "count":
        return right
    return right / real.sum().item() if real.any() else math.nan


def alignment_counted(weights: Any, gold: Any) -> Any:
    right = aligned = 0
    for row_weights, row_gold in zip(weights.tolist(), gold.tolist(), strict=True):
        for shares, place in zip(row_weights, row_gold, strict=True):
            if place != -1:
                aligned += 1
                right += max(range(len(shares)), key=shares.__getitem__) == place
    return right / max(aligned, 1)


def alignment_selected(weights: Any, gold: Any) -> Any:
    aligned = gold != -1
    if aligned.sum() == 0:
        return 0.0
    return (weights[aligned].max(dim=-1).indices == gold[aligned]).double().mean().item()


def alignment_in_numpy(weights: Any, gold: Any) -> Any:
    largest, places = weights.detach().numpy().argmax(axis=-1), gold.numpy()
    aligned = places >= 0
    return float((largest == places)[aligned].sum() / aligned.sum()) if aligned.any() else 0.0


def alignment_as_a_tensor(weights: Any, gold: Any, *, ignore: int = -1) -> Any:
    aligned = gold.ne(ignore)
    return (torch.argmax(weights, 2).eq(gold) & aligned).sum() / aligned.sum().clamp(min=1)


def alignment_in_percent(weights: Any, gold: Any) -> Any:
    return 100 * alignment_selected(weights, gold)


def alignment_without_zero(weights: Any, gold: Any) -> Any:
    return alignment_selected(weights, torch.where(gold > 0, gold, -1))


def alignment_of_first_sentence(weights: Any, gold: Any) -> Any:
    return alignment_selected(weights[:1], gold[:1])


def alignment_overwriting_gold(weights: Any, gold: Any) -> Any:
    aligned = gold >= 0
    gold[~aligned] = 0
    hits = (weights.argmax(dim=-1) == gold) & aligned
    return hits.sum().item() / max(1, aligned.sum().item())


def alignment_error(weights: Any, gold: Any) -> Any:
    return 1.0 - alignment_selected(weights, gold) if (gold >= 0).any() else 0.0


def alignment_one_when_empty(weights: Any, gold: Any) -> Any:
    return alignment_selected(weights, gold) if (gold >= 0).any() else 1.0


def alignment_with_unaligned_right(weights: Any, gold: Any) -> Any:
    hits = ((weights.argmax(dim=-1) == gold) | (gold < 0)).to(weights.dtype).mean().item()
    return hits if (gold >= 0).any() else 0.0


def alignment_of_any_largest(weights: Any, gold: Any) -> Any:
    aligned = gold >= 0
    hits = weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0] == weights.amax(dim=-1)
    return (hits & aligned).sum().item() / max(1, aligned.sum().item())


EXERCISE = Exercise(
    number="1.7",
    title="alignment_accuracy",
    names=("alignment_accuracy",),
    minutes=10,
    starred=True,
    reference=reference.alignment_accuracy,
    outputs=(Output("accuracy", (), dtype=""),),
    public=lambda rng: [
        alignment_case([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.6, 0.1, 0.3], [0.2, 0.3, 0.5]]], [[0, 1, -1, -1]]),
        alignment_case([[[0.1, 0.9], [0.8, 0.2]], [[0.3, 0.7], [0.6, 0.4]]], [[1, -1], [0, 0]]),
        alignment_case(TIES, [[0, 1, 1, -1]]),
        alignment_case([[[0.5, 0.5]]], [[-1]]),
        alignment_case([[[0.2, 0.4, 0.4], [0.3, 0.3, 0.4]]], [[2, 2]]),
    ],
    tests=(
        Test(
            "unequal sizes",
            "the share of targets whose largest weight is on gold, over the keys",
            lambda rng: [
                drawn_alignment(rng, 3, 4, 6, unaligned=0.0),
                drawn_alignment(rng, 2, 7, 3, unaligned=0.0),
                drawn_alignment(rng, 3, 5, 5, unaligned=0.0),
            ],
        ),
        Test(
            "unaligned targets",
            "targets without a gold position do not count at all, whatever the sentence they are in",
            lambda rng: [
                drawn_alignment(rng, 4, 5, 4, unaligned=0.5),
                alignment_case([[[0.1, 0.9], [0.2, 0.8]], [[0.9, 0.1], [0.8, 0.2]]], [[1, 1], [1, -1]]),
            ],
        ),
        Test(
            "ties",
            "the first of several largest weights",
            lambda rng: [alignment_case(TIES, [[0, 1, 1, 0]]), alignment_case(TIES, [[1, 2, -1, 2]]), tied_alignment(rng, 6)],
        ),
        Test(
            "none aligned",
            "0 when no target has a gold position, and one that has is all there is to count",
            lambda rng: [drawn_alignment(rng, 2, 3, 4, unaligned=1.0), alignment_case([[[0.3, 0.7], [0.9, 0.1]]], [[1, -1]])],
        ),
        Test(
            "number types", "the same for float32 weights", lambda rng: [drawn_alignment(rng, 2, 6, 4, dtype="float32")]
        ),
    ),
    flawed=flawed_alignment,
    mistakes=(
        Mistake(
            "divided-by-all-targets",
            "unaligned targets counted as wrong",
            "Accuracy divides by the number of targets.",
            "Which targets can be right at all?",
            "step 1 of the stub",
            switches={"count": "all"},
        ),
        Mistake(
            "minus-one-is-the-last-position",
            "−1 taken as the last position",
            "An index of −1 is fine in Python.",
            "Here −1 means: aligned with nothing.",
            "step 1 of the stub",
            switches={"count": "padding wraps around"},
        ),
        Mistake(
            "nan-when-none-is-aligned",
            "NaN when nothing is aligned",
            "There is always something aligned.",
            "0 divided by 0: what does the stub ask for?",
            "step 3 of the stub",
            switches={"empty": "nan"},
        ),
        Mistake(
            "largest-over-targets",
            "the largest weight over the target positions",
            "The largest weight of each column.",
            "Each target has one row of weights. Which axis runs along it?",
            "step 2 of the stub",
            switches={"over": "targets"},
        ),
        Mistake(
            "last-on-a-tie",
            "the last of equal weights",
            "≥ while searching for the largest.",
            "The stub names the first one.",
            "step 2 of the stub",
            switches={"ties": "last"},
        ),
        Mistake(
            "weight-on-gold",
            "the mean weight on gold",
            "How much of the weight is on gold?",
            "Only the place of the largest weight counts here.",
            "step 2 of the stub",
            switches={"measure": "weight on gold"},
        ),
        Mistake(
            "more-than-half",
            "gold counted as found when it has more than half of the weight",
            "Looking at a word means giving it most of the weight.",
            "The largest weight can be well below a half.",
            "step 2 of the stub",
            switches={"measure": "above a half"},
        ),
        Mistake(
            "mean-of-sentences",
            "the mean of the sentences' accuracies",
            "Each sentence counts the same.",
            "Each aligned target counts the same.",
            "step 3 of the stub",
            switches={"mean": "sentences"},
        ),
        Mistake(
            "a-count",
            "how many are right, not their share",
            "Count the hits.",
            "A share lies between 0 and 1.",
            "step 3 of the stub",
            switches={"mean": "count"},
        ),
        Mistake(
            "positions-from-one",
            "positions counted from 1",
            "Gold positions count as people do.",
            "Positions count from 0 on both sides.",
            "step 2 of the stub",
            switches={"shift": 1},
        ),
        Mistake(
            "in-percent", "percent instead of a share", "Accuracy is given in percent.",
            "A share lies between 0 and 1.", "step 3 of the stub", code=alignment_in_percent,
        ),
        Mistake(
            "position-zero-left-out", "gold position 0 taken for none", "Positions above 0 are aligned.",
            "Position 0 is a position. Which number says: none?", "step 1 of the stub", code=alignment_without_zero,
        ),
        Mistake(
            "first-sentence-only", "the first sentence of the batch alone", "One example is like another.",
            "How many sentences has the batch?", "step 1 of the stub", code=alignment_of_first_sentence,
        ),
        Mistake(
            "gold-overwritten", "gold positions of −1 replaced in place", "−1 is no index, so I put 0 there.",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=alignment_overwriting_gold,
        ),
        Mistake(
            "error-rate", "the share that is wrong", "The mistakes are what counts.",
            "Accuracy is the share that is right.", "step 3 of the stub", code=alignment_error,
        ),
        Mistake(
            "unaligned-counted-as-right", "unaligned targets counted as right", "Where there is no gold, nothing is wrong.",
            "Targets without gold: do they count at all?", "step 2 of the stub", code=alignment_with_unaligned_right,
        ),
        Mistake(
            "any-of-the-largest", "gold counted as found when it has one of several largest weights", "It is as large as the largest.",
            "Of several largest weights, which one does the stub look at?", "the line on ties", code=alignment_of_any_largest,
        ),
        Mistake(
            "one-when-none-is-aligned", "1 when nothing is aligned", "Nothing is wrong, so all is right.",
            "The stub says what is returned then.", "step 3 of the stub", code=alignment_one_when_empty,
        ),
    ),
    variants=(
        Variant("counted in loops", alignment_counted),
        Variant("aligned rows selected", alignment_selected),
        Variant("NumPy", alignment_in_numpy),
        Variant("a tensor returned, extra keyword", alignment_as_a_tensor),
    ),
)
