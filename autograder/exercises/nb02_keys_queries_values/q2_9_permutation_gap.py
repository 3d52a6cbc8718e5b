"""2.9 permutation_gap: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import MixAndMap
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def gap_case(rng: Rng, T: int, d: int, e: int, *, equivariant: bool, dtype: str = "float64", draw: Any = normal, size: float = 1.0) -> Case:
    """A map that does (`equivariant`) or does not treat all positions alike, and a permutation that is not its own inverse."""
    mix = 0.4 * np.eye(T) + 0.1 if equivariant else np.round(rng.standard_normal((T, T)), 1)
    perm = np.roll(np.arange(T), 1) if T > 1 else np.arange(1)
    perm = perm if T < 5 else np.concatenate([np.roll(perm[:3], 1), perm[3:][::-1]])
    return Case(args=(MixAndMap(mix, draw(rng, d, e)), draw(rng, T, d) * size, perm), dtype=dtype, sizes={"T": T, "d": d})


def gap_behind_the_first(rng: Rng, T: int, d: int, e: int) -> Case:
    """Drawn again until the largest difference is in neither the first row nor the first feature."""
    while True:
        case = gap_case(rng, T, d, e, equivariant=False)
        f, X, perm = case.args
        row, feature = np.unravel_index(np.abs(f(X)[perm] - f(X[perm])).argmax(), (T, e))
        if row and feature:
            return case


def flawed_gap(f: Any, X: Any, perm: Any, *, permute_output: str = "perm", reduce: str = "max", sign: str = "abs", permute_input: bool = True) -> Any:
    """The permutation gap with switches that break it."""
    left = f(X)
    if permute_output == "perm":
        left = left[perm]
    elif permute_output == "inverse":
        left = left[torch.argsort(perm)]
    right = f(X[perm]) if permute_input else f(X)
    gap = left - right
    gap = gap.abs() if sign == "abs" else gap
    return {"max": gap.max, "mean": gap.mean, "sum": gap.sum, "min": gap.min, "norm": gap.norm}[reduce]().item()


def gap_of_rows(f: Any, X: Any, perm: Any) -> Any:
    before, after = f(X), f(X[perm])
    return max(float((before[p] - after[t]).abs().max()) for t, p in enumerate(perm.tolist()))


def gap_with_matrix(f: Any, X: Any, perm: Any) -> Any:
    P = torch.eye(len(perm), dtype=X.dtype)[perm]
    return torch.linalg.vector_norm(P @ f(X) - f(P @ X), ord=torch.inf).item()


def gap_without_gradient(f: Any, X: Any, perm: Any, *, relative: bool = False) -> Any:
    with torch.no_grad():
        gap = (f(X)[perm] - f(X[perm])).abs().max()
    return gap / f(X).abs().max() if relative else gap


def gap_undone(f: Any, X: Any, perm: Any) -> Any:
    return float((f(X) - f(X[perm])[torch.argsort(perm)]).abs().amax())


def gap_rounded(f: Any, X: Any, perm: Any) -> Any:
    return round(gap_of_rows(f, X, perm), 3)


def gap_relative(f: Any, X: Any, perm: Any) -> Any:
    return gap_of_rows(f, X, perm) / f(X).abs().max().item()


def gap_as_a_verdict(f: Any, X: Any, perm: Any) -> Any:
    return torch.allclose(f(X)[perm], f(X[perm]))


def gap_as_zero_or_one(f: Any, X: Any, perm: Any) -> Any:
    return float(not torch.allclose(f(X)[perm], f(X[perm])))


def gap_of_squares(f: Any, X: Any, perm: Any) -> Any:
    return (f(X)[perm] - f(X[perm])).square().max().item()


def gap_permuting_in_place(f: Any, X: Any, perm: Any) -> Any:
    before = f(X)
    X[:] = X[perm]
    return (before[perm] - f(X)).abs().max().item()


def gap_of_features(f: Any, X: Any, perm: Any) -> Any:
    """The first row alone."""
    return (f(X)[perm] - f(X[perm]))[0].abs().max().item()


def gap_of_first_feature(f: Any, X: Any, perm: Any) -> Any:
    return (f(X)[perm] - f(X[perm]))[:, 0].abs().max().item()


def gap_above_a_threshold(f: Any, X: Any, perm: Any) -> Any:
    gap = gap_of_rows(f, X, perm)
    return gap if gap > 1e-3 else 0.0


EXERCISE = Exercise(
    number="2.9",
    title="permutation_gap",
    names=("permutation_gap",),
    minutes=10,
    starred=True,
    reference=reference.permutation_gap,
    outputs=(Output("gap", (), dtype=""),),
    public=lambda rng: [
        gap_case(rng, 3, 2, 2, equivariant=False, draw=rounded),
        gap_case(rng, 4, 3, 2, equivariant=True, draw=rounded),
        gap_case(rng, 5, 2, 2, equivariant=False, draw=rounded),
        gap_case(rng, 4, 2, 2, equivariant=False, draw=rounded, size=1e-4),
    ],
    tests=(
        Test(
            "zero where order does not matter", "0 for a map that treats every position alike",
            lambda rng: [gap_case(rng, 5, 3, 2, equivariant=True), gap_case(rng, 1, 2, 2, equivariant=False)],
        ),
        Test(
            "the largest difference", "the largest absolute difference, where order does matter",
            lambda rng: [gap_case(rng, T, 3, e, equivariant=False) for T, e in ((3, 2), (7, 4), (4, 1), (6, 3))]
            + [gap_case(rng, 5, 3, 2, equivariant=False, size=1e-5), gap_behind_the_first(rng, 6, 3, 4)],
        ),
        Test("number types", "the same in float32", lambda rng: [gap_case(rng, 5, 3, 2, equivariant=False, dtype="float32")]),
    ),
    flawed=flawed_gap,
    mistakes=(
        Mistake(
            "output-not-permuted", "f(X) not permuted", "If order does not matter, the outputs are equal.",
            "Row t of f(X[perm]) belongs to word perm[t].", "step 1 of the stub", switches={"permute_output": "none"},
        ),
        Mistake(
            "inverse-permutation", "f(X) permuted the other way round", "Undo the permutation and compare.",
            "Try a permutation that is not its own inverse, on three rows.", "step 1 of the stub", switches={"permute_output": "inverse"},
        ),
        Mistake(
            "mean-difference", "the mean difference instead of the largest", "The average is a fair summary.", "One large difference is enough to break the property.",
            "step 2 of the stub", switches={"reduce": "mean"},
        ),
        Mistake(
            "signed-difference", "the largest signed difference", "The largest difference is the maximum.", "A difference of −3 is larger than one of 1.",
            "step 2 of the stub", switches={"sign": "kept"}, excludes=("mean-difference", "sum-of-differences"),
        ),
        Mistake(
            "sum-of-differences", "the sum of the differences", "Add up everything that differs.", "The largest one is asked for.", "step 2 of the stub",
            switches={"reduce": "sum"},
        ),
        Mistake(
            "input-not-permuted", "X never permuted", "Permuting the output is the test.", "Which of the two calls should see X[perm]?",
            "step 1 of the stub", switches={"permute_input": False}, excludes=("output-not-permuted",),
        ),
        Mistake(
            "small-gaps-rounded-away", "a small gap rounded to 0", "Anything that small is rounding.",
            "What gap do numbers of the size of 0.0001 have?", "step 2 of the stub", code=gap_rounded,
        ),
        Mistake(
            "relative-gap", "the gap divided by the largest output", "A difference has to be compared with something.",
            "The largest difference itself is asked for.", "step 2 of the stub", code=gap_relative,
        ),
        Mistake(
            "a-verdict", "True or False instead of a number", "The question is whether order matters.",
            "How far is asked for, not whether.", "step 2 of the stub", code=gap_as_a_verdict,
        ),
        Mistake(
            "X-overwritten", "X permuted in place, so that the caller's X changes", "X[:] = X[perm] is only a permutation.",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=gap_permuting_in_place,
        ),
        Mistake(
            "first-row-only", "the gap of the first row alone", "All rows are alike.",
            "The largest over all rows and features is asked for.", "step 2 of the stub", code=gap_of_features,
        ),
        Mistake(
            "first-feature-only", "the gap of the first feature alone", "One column shows it.",
            "The largest over all rows and features is asked for.", "step 2 of the stub", code=gap_of_first_feature,
        ),
        Mistake(
            "small-gaps-taken-for-0", "0 where the gap is small, and the gap itself elsewhere", "Below a tolerance it is rounding.",
            "What gap do numbers of the size of 0.0001 have?", "step 2 of the stub", code=gap_above_a_threshold,
        ),
        Mistake(
            "smallest-difference", "the smallest difference", "All of them differ by at least that much.", "One large difference is enough to break the property.",
            "step 2 of the stub", switches={"reduce": "min"}, excludes=("signed-difference",),
        ),
        Mistake(
            "norm-of-the-difference", "the root of the sum of squares", "The distance of two tables is a norm.", "The largest difference is asked for.",
            "step 2 of the stub", switches={"reduce": "norm"}, excludes=("signed-difference",),
        ),
        Mistake(
            "squared-difference", "the largest squared difference", "Squares have no sign.", "In which units is your gap?",
            "step 2 of the stub", code=gap_of_squares,
        ),
        Mistake(
            "a-verdict-as-a-number", "1 where order matters and 0 where not", "The question is whether order matters.",
            "How far is asked for, not whether.", "step 2 of the stub", code=gap_as_zero_or_one,
        ),
    ),
    variants=(
        Variant("row by row", gap_of_rows),
        Variant("permutation matrix", gap_with_matrix),
        Variant("no gradient, extra keyword, tensor returned", gap_without_gradient),
        Variant("permuted back", gap_undone),
    ),
)
