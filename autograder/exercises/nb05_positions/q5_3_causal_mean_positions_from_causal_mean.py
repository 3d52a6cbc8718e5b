"""5.3 causal_mean, positions_from_causal_mean: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn, normal, rounded
from autograder.reference import nb05 as reference

MEAN_AND_POSITIONS = ("causal_mean", "positions_from_causal_mean")


def mean_case(rng: Rng, *shape: int, draw: Any = normal, **options: Any) -> Case:
    return Case(function="causal_mean", args=(draw(rng, *shape),), sizes={"T": shape[-2], "d": shape[-1]}, **options)


def counting_case(T: int, **options: Any) -> Case:
    return Case(function="positions_from_causal_mean", args=(np.eye(T)[0],), sizes={"T": T}, **options)


def mean_running(X: Any) -> Any:
    count = torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)
    return X.cumsum(dim=-2) / count[:, None]


def positions_plain(is_first: Any) -> Any:
    return 1 / mean_running(is_first[:, None])[:, 0] - 1


def mean_by_weights(X: Any) -> Any:
    T = X.shape[-2]
    scores = torch.zeros(T, T, dtype=X.dtype).masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
    return torch.softmax(scores, dim=-1) @ X


def positions_from_weights(is_first: Any) -> Any:
    share = mean_by_weights(is_first.unsqueeze(-1)).squeeze(-1)
    return share.reciprocal() - 1.0


def mean_by_slices(X: Any) -> Any:
    return torch.stack([X[..., : t + 1, :].mean(dim=-2) for t in range(X.shape[-2])], dim=-2)


def positions_by_odds(is_first: Any) -> Any:
    share = mean_by_slices(torch.stack([is_first, 1 - is_first], dim=-1))
    return share[:, 1] / share[:, 0]


def mean_einsum(X: Any, *, start: int = 0) -> Any:
    T = X.shape[-2]
    weights = torch.ones(T, T, dtype=X.dtype).tril()
    return torch.einsum("ts,...sd->...td", weights / weights.sum(-1, keepdim=True), X[..., start:, :])


def positions_as_list(is_first: Any) -> Any:
    return torch.stack([(1 - share) / share for share in mean_einsum(is_first.reshape(-1, 1)).flatten()])


def mean_over_everything(X: Any) -> Any:
    return X.mean(dim=-2, keepdim=True).expand_as(X)


def mean_without_itself(X: Any) -> Any:
    before = X.cumsum(-2) - X
    return before / torch.arange(X.shape[-2], dtype=X.dtype).clamp(min=1)[:, None]


def mean_of_the_future(X: Any) -> Any:
    return mean_running(X.flip(-2)).flip(-2)


def mean_along_axis_0(X: Any) -> Any:
    if X.ndim == 2:
        return mean_running(X)
    count = torch.arange(1, len(X) + 1, dtype=X.dtype)
    return X.cumsum(0) / count.view(-1, *[1] * (X.ndim - 1))


def mean_in_float32(X: Any) -> Any:
    return mean_running(X.float())


def mean_in_place(X: Any) -> Any:
    return X.cumsum_(-2).div_(torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)[:, None])


def mean_along_features(X: Any) -> Any:
    return X.cumsum(-1) / torch.arange(1, X.shape[-1] + 1, dtype=X.dtype)


def mean_counted_from_0(X: Any) -> Any:
    return X.cumsum(-2) / torch.arange(X.shape[-2], dtype=X.dtype)[:, None]


def mean_of_two(X: Any) -> Any:
    return torch.cat([X[..., :1, :], (X[..., 1:, :] + X[..., :-1, :]) / 2], dim=-2)


def mean_in_a_table(X: Any) -> Any:
    """Right for 128 positions, and behind them divided by 128."""
    return X.cumsum(-2) / torch.arange(1, X.shape[-2] + 1, dtype=X.dtype).clamp(max=128)[:, None]


def share_of(first: Any) -> Any:
    return mean_running(first[:, None])[:, 0]


EXERCISE = Exercise(
    number="5.3",
    title="causal_mean, positions_from_causal_mean",
    names=MEAN_AND_POSITIONS,
    minutes=10,
    starred=True,
    reference={"causal_mean": reference.causal_mean, "positions_from_causal_mean": reference.positions_from_causal_mean},
    outputs_by_name={
        "causal_mean": (Output("means", ("...", "T", "d")),),
        "positions_from_causal_mean": (Output("positions", ("T",)),),
    },
    public=lambda rng: [
        mean_case(rng, 3, 2, draw=rounded),
        mean_case(rng, 2, 4, 3, draw=rounded),
        mean_case(rng, 3, 2, dtype="float32", draw=rounded),
        mean_case(rng, 131, 1, draw=rounded),
        counting_case(4),
    ],
    tests=(
        Test("one sequence", "at each t the mean of the rows 0…t", lambda rng: [mean_case(rng, 5, 3), mean_case(rng, 1, 2), mean_case(rng, 4, 4), mean_case(rng, 600, 1)]),
        Test(
            "leading dimensions and number types", "the same for a batch and a batch of heads; float32 stays float32",
            lambda rng: [mean_case(rng, 3, 5, 2), mean_case(rng, 2, 3, 4, 5), mean_case(rng, 2, 3, 3, dtype="float32")],
        ),
        Test("positions", "the positions 0…T − 1", lambda rng: [counting_case(6), counting_case(1), counting_case(600), counting_case(*drawn(rng, (7, 60)))]),
        Test("positions in both widths", "positions in the floating type of is_first", lambda rng: [counting_case(5, dtype="float32"), counting_case(4), counting_case(*drawn(rng, (3, 30)), dtype="float32")]),
    ),
    mistakes=(
        Mistake(
            "divided-by-T", "the running sum divided by T at every position", "A mean over T positions divides by T.",
            "How many positions does query 0 see?", "step 1 of the stub", code={"causal_mean": lambda X: X.cumsum(-2) / X.shape[-2]},
        ),
        Mistake(
            "running-sum", "the running sum, not divided at all", "Equal scores mean equal weights of 1.",
            "Weights are shares of 1. How large is each of t + 1 equal ones?", "step 1 of the stub", code={"causal_mean": lambda X: X.cumsum(-2)},
        ),
        Mistake(
            "sees-everything", "the mean of the whole sequence at every position", "All scores are equal, so all weights are 1/T.",
            "Which positions may query t attend to?", "step 1 of the stub", code={"causal_mean": mean_over_everything},
        ),
        Mistake(
            "without-itself", "a mean that leaves the position itself out", "Causal means: only what came before.",
            "What would query 0 attend to?", "step 1 of the stub", code={"causal_mean": mean_without_itself},
        ),
        Mistake(
            "looks-ahead", "the mean of t and everything after it", "The triangle is the upper one.",
            "Which row of the result should equal the mean of all rows?", "step 1 of the stub", code={"causal_mean": mean_of_the_future},
        ),
        Mistake(
            "axis-0", "a mean along axis 0, which is the position only without a batch", "Positions are the first axis.",
            "Count the axes from the end.", "step 1 of the stub", code={"causal_mean": mean_along_axis_0},
        ),
        Mistake(
            "along-the-features", "a running mean along the features", "The last axis is summed.", "Which axis counts positions in (…, T, d)?", "step 1 of the stub",
            code={"causal_mean": mean_along_features},
        ),
        Mistake(
            "divided-by-t", "the sum of t + 1 rows divided by t", "At position t, t rows have been read.", "How many rows are 0 … t? Try t = 0.", "step 1 of the stub",
            code={"causal_mean": mean_counted_from_0},
        ),
        Mistake(
            "mean-of-two", "the mean of a row and the one before it", "A running mean looks one back.", "Which rows does query 5 see?", "step 1 of the stub",
            code={"causal_mean": mean_of_two},
        ),
        Mistake(
            "counts-end-at-128", "counts that end at 128", "No sentence is longer than that.", "By what is row 200 divided?", "step 1 of the stub",
            code={"causal_mean": mean_in_a_table},
        ),
        Mistake(
            "number-type-changed", "a number type that is not the input's", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", code={"causal_mean": mean_in_float32},
        ),
        Mistake(
            "changes-its-input", "X changed in place", "An underscore saves memory.", "What does the caller's tensor hold afterwards?",
            "step 1 of the stub", code={"causal_mean": mean_in_place},
        ),
        Mistake(
            "counted-from-1", "positions counted from 1", "The mean is 1 over the position.", "What does the first token's position have to be?",
            "step 2 of the stub", code={"positions_from_causal_mean": lambda first: 1 / mean_running(first[:, None])[:, 0]},
        ),
        Mistake(
            "share-returned", "the head's output itself, which shrinks from left to right", "The head's output is the position.",
            "The head gives 1, 1/2, 1/3, …: which function of these is 0, 1, 2, …?", "step 2 of the stub",
            code={"positions_from_causal_mean": lambda first: mean_running(first[:, None])[:, 0]},
        ),
        Mistake(
            "one-minus-the-share", "1 minus the share, which creeps towards 1", "What is not at the first token is the position.",
            "For shares of 1, 1/2, 1/3 the answers are 0, 1, 2. Which function does that?", "step 2 of the stub", code={"positions_from_causal_mean": lambda first: 1 - share_of(first)},
        ),
        Mistake(
            "logarithm-of-the-share", "minus the logarithm of the share", "Shares fall like powers.",
            "For shares of 1, 1/2, 1/3 the answers are 0, 1, 2. Which function does that?", "step 2 of the stub", code={"positions_from_causal_mean": lambda first: -share_of(first).log()},
        ),
        Mistake(
            "rounded-to-whole-numbers", "positions as whole numbers (int64)", "Positions are whole.",
            "Which number type does the docstring ask for?", "the docstring", code={"positions_from_causal_mean": lambda first: (1 / share_of(first) - 1).round().long()},
        ),
    ),
    variants=(
        Variant("running sum over counts", {"causal_mean": mean_running, "positions_from_causal_mean": positions_plain}),
        Variant("softmax of equal scores", {"causal_mean": mean_by_weights, "positions_from_causal_mean": positions_from_weights}),
        Variant("slice by slice, odds", {"causal_mean": mean_by_slices, "positions_from_causal_mean": positions_by_odds}),
        Variant("einsum, extra keyword", {"causal_mean": mean_einsum, "positions_from_causal_mean": positions_as_list}),
    ),
)
