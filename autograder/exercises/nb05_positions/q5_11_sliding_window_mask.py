"""5.11 sliding_window_mask: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb05 as reference


def window_case(T: int, S: int, window: int, **options: Any) -> Case:
    return Case(args=(T, S, window), sizes={"T": T, "S": S, "window": window}, **options)


def flawed_window(T: int, S: int, window: int, *, near: str = "window", ahead: str = "blocked", align: str = "end", kind: str = "bool",
                  polarity: str = "may", size: str = "T S", refuse: str = "both", either: bool = False) -> Any:
    """The sliding-window mask with switches that break it."""
    if refuse != "window" and S < T:
        raise ValueError("S is smaller than T")
    if refuse != "queries" and window < (0 if refuse == "negative" else 1):
        raise ValueError("a window holds at least one key")
    if (refuse == "S or more" and window >= S) or (refuse == "more than S" and window > S) or (refuse == "more than T" and window > T):
        raise ValueError("the window is too large")
    if refuse == "cut":
        window = max(1, min(window, S - 1))
    rows, columns = {"T S": (T, S), "T T": (T, T), "S T": (S, T)}[size]
    at = torch.arange(rows)[:, None] + {"end": columns - rows, "start": 0, "one further": columns - rows + 1}[align]
    back = at - torch.arange(columns)
    far = {
        "window": back < window, "one more": back <= window, "not itself": (back <= window) & (back != 0), "one less": back < max(1, window - 1), "one less, or none": back < window - 1,
        "everything": back >= -columns, "blocks": at // max(1, window) == torch.arange(columns) // max(1, window),
        "the last": (torch.arange(columns) >= columns - window).expand(rows, columns), "half": back <= window // 2,
        "the first too": (back < window) | (torch.arange(columns) == 0), "every other": (back < window) & (back % 2 == 0), "far": back >= window,
    }[near]
    seen = {
        "blocked": back >= 0, "both sides": back > -window, "open": back >= -columns, "strictly": back > 0, "from itself on": back <= 0,
        "a window ahead": (back <= 0) & (back > -window), "half": back >= -(window // 2), "unless missing": torch.arange(columns) <= at.clamp(min=window - 1),
    }[ahead]
    mask = far | seen if either else far & seen
    if polarity == "blocked":
        mask = ~mask
    if kind == "additive":
        return torch.where(mask, 0.0, -torch.inf)
    return {"bool": mask, "float": mask.float(), "int": mask.long()}[kind]


def refuse_window(T: int, S: int, window: int) -> None:
    if S < T or window < 1:
        raise ValueError("S is smaller than T, or the window is empty")


def window_two_triangles(T: int, S: int, window: int) -> Any:
    refuse_window(T, S, window)
    ones = torch.ones(T, S, dtype=torch.bool)
    return ones.tril(S - T) & ones.triu(S - T - window + 1)


def window_row_by_row(T: int, S: int, window: int) -> Any:
    if T > S:
        raise ValueError("more queries than keys")
    if window <= 0:
        raise ValueError("window must be positive")
    mask = torch.zeros((T, S), dtype=torch.bool)
    for t in range(T):
        end = S - T + t + 1
        mask[t, max(0, end - window) : end] = True
    return mask


def window_numpy(T: int, S: int, window: int, *, k: int = 0) -> Any:
    if S < T or window < 1:
        raise ValueError("sizes")
    return torch.from_numpy(np.tri(T, S, S - T + k, dtype=bool) ^ np.tri(T, S, S - T - window + k, dtype=bool))


def window_of_last_rows(T: int, S: int, window: int) -> Any:
    refuse_window(T, S, window)
    places = torch.arange(S)
    back = places.unsqueeze(1) - places
    return ((back >= 0) * (back < window))[S - T :]


EXERCISE = Exercise(
    number="5.11",
    title="sliding_window_mask",
    names=("sliding_window_mask",),
    minutes=10,
    starred=True,
    further=True,
    reference=reference.sliding_window_mask,
    outputs=(Output("mask", ("T", "S"), dtype="bool"),),
    public=lambda rng: [
        window_case(5, 5, 2),
        window_case(2, 7, 3),
        window_case(3, 3, 1),
        window_case(6, 6, 4),
        window_case(4, 4, 4),
        window_case(2, 5, 9),
        window_case(3, 2, 2, raises="ValueError"),
        window_case(2, 3, 0, raises="ValueError"),
        window_case(2, 3, -1, raises="ValueError"),
    ],
    tests=(
        Test(
            "within the window", "a query sees itself and the window − 1 keys before it, and nothing ahead",
            lambda rng: [window_case(6, 6, 3), window_case(9, 9, 2), window_case(7, 7, 4), window_case(600, 600, 130), *(window_case(window + more, window + more, window) for window, more in [drawn(rng, (2, 7), (2, 9))])],
        ),
        Test("the smallest and the largest", "a window of one is the key at the query's own place; a window of S or more is the causal mask",
             lambda rng: [window_case(4, 4, 1), window_case(1, 1, 1), window_case(4, 4, 4), window_case(2, 6, 6), window_case(2, 6, 5), window_case(3, 5, 6), window_case(3, 5, 50), *(window_case(T, T, window) for T, more in [drawn(rng, (5, 12), (0, 9))] for window in (1, T + more))]),
        Test("beside a cache", "query t stands at position S − T + t", lambda rng: [window_case(1, 9, 3), window_case(2, 6, 4), window_case(3, 8, 2), window_case(1, 700, 5), *(window_case(T, T + more, window) for T, more, window in [drawn(rng, (2, 6), (3, 9), (2, 6))])]),
        Test(
            "impossible sizes", "a ValueError when S is smaller than T, or the window smaller than 1",
            lambda rng: [window_case(4, 3, 2, raises="ValueError"), window_case(3, 3, 0, raises="ValueError"), window_case(2, 5, -1, raises="ValueError"), *(window_case(S + more, S, 2, raises="ValueError") for S, more in [drawn(rng, (1, 6), (1, 6))])],
        ),
    ),
    flawed=flawed_window,
    mistakes=(
        Mistake(
            "one-key-too-many", "window keys before the query, and itself as well", "The window looks `window` places back.",
            "With a window of one, how many keys may a query see?", "step 2 of the stub", switches={"near": "one more"},
        ),
        Mistake(
            "one-key-too-few", "a window that holds one key less", "It ends before the last one.",
            "Count the True in the last row.", "step 2 of the stub", switches={"near": "one less"},
        ),
        Mistake(
            "window-less-one", "window − 1 keys, and none at all for a window of 1", "s > p − window + 1 leaves the window.",
            "With a window of one, how many keys may a query see?", "step 2 of the stub", switches={"near": "one less, or none"},
        ),
        Mistake(
            "either-limit", "every key: one of the two limits is enough where both must hold", "Not too far back, or not ahead.",
            "A key far back is not ahead. May it be seen?", "step 3 of the stub", switches={"either": True},
        ),
        Mistake(
            "queries-one-further", "every query placed one position too far", "Positions end at S.", "At which position does the last of S keys stand, if the first stands at 0?",
            "step 1 of the stub", switches={"align": "one further"},
        ),
        Mistake(
            "window-above-t-refused", "a window of more than T refused", "A window holds queries.", "Along which axis does the window run: queries or keys?", "the docstring",
            switches={"refuse": "more than T"},
        ),
        Mistake(
            "window-of-0-accepted", "a negative window refused, and a window of 0 accepted", "Less than nothing cannot be.", "The docstring says which window is the smallest.", "the docstring",
            switches={"refuse": "negative"},
        ),
        Mistake(
            "itself-left-out", "the window keys before the query, without its own place, as if it stood one position earlier", "A position knows itself already.",
            "What would a window of one hold for query 0? And at which position does the last of S keys stand?", "step 2 of the stub", switches={"near": "not itself"},
        ),
        Mistake(
            "own-place-hidden", "the window − 1 keys before the query, and its own place hidden", "s < p: only what came before.",
            "Is a query's own position among those that it may see? Look at the two signs of the inequality.", "step 3 of the stub", switches={"ahead": "strictly"},
        ),
        Mistake(
            "looks-ahead", "the query's own place and all that is ahead, in place of what is behind", "s ≥ p, so that nothing is missed.",
            "Is a key at s > p before the query or after it?", "step 3 of the stub", switches={"ahead": "from itself on"},
        ),
        Mistake(
            "window-ahead", "a window that begins at the query and runs ahead", "The window starts at p.",
            "Is a key at s > p before the query or after it?", "step 3 of the stub", switches={"ahead": "a window ahead"},
        ),
        Mistake(
            "centred-window", "half of the window before the query and half of it after", "A window is centred.",
            "May a position see what comes after it here?", "step 2 of the stub", switches={"near": "half", "ahead": "half"},
        ),
        Mistake(
            "first-queries-filled-up", "keys ahead for the first queries, which have fewer than window keys behind them", "Every query sees `window` keys.",
            "How many keys may query 0 see in the example on paper?", "the example above the stub", switches={"ahead": "unless missing"},
        ),
        Mistake(
            "large-window-refused", "a window of S or more refused", "A window is smaller than what it slides over.",
            "The docstring says what such a window is.", "the docstring", switches={"refuse": "S or more"},
        ),
        Mistake(
            "larger-window-refused", "a window of more than S refused", "There are only S keys.",
            "The docstring says what such a window is.", "the docstring", switches={"refuse": "more than S"},
        ),
        Mistake(
            "large-window-cut", "a window of S or more cut down to S − 1", "A window slides, so it must be smaller than S.",
            "How many keys does the last query see if nothing is too far back?", "step 2 of the stub", switches={"refuse": "cut"},
        ),
        Mistake(
            "both-sides", "the window on both sides of the query", "Near is near.",
            "May a position see what comes after it here?", "step 3 of the stub", switches={"ahead": "both sides"},
        ),
        Mistake(
            "ahead-left-open", "no limit ahead of the query", "The causal mask comes from elsewhere.",
            "The docstring asks for both limits: how far back, and none ahead.", "step 3 of the stub", switches={"ahead": "open"},
        ),
        Mistake(
            "window-ignored", "the causal mask, whatever the window is", "A window only saves time.",
            "How many True does the last row have, and how many should it have?", "step 2 of the stub", switches={"near": "everything"},
        ),
        Mistake(
            "half-the-window", "half of the window before the query", "The window is centred on the query.",
            "Nothing ahead counts, so where is the other half?", "step 2 of the stub", switches={"near": "half"},
        ),
        Mistake(
            "blocks", "blocks of positions that see each other, in place of a window that slides", "Attention in pieces of `window`.",
            "Does the first key of a block see the last one of the block before?", "step 2 of the stub", switches={"near": "blocks"},
        ),
        Mistake(
            "the-last-keys-for-all", "the last keys of the sequence for every query", "The window is at the end.",
            "The window slides: where does it end for query 0?", "step 2 of the stub", switches={"near": "the last"},
        ),
        Mistake(
            "first-key-kept", "the first key open to every query as well", "The start symbol is always needed.",
            "Some models do so. The docstring does not ask for it.", "step 2 of the stub", switches={"near": "the first too"},
        ),
        Mistake(
            "every-other-key", "every second key of the window", "A dilated window reaches further.",
            "That is another pattern. Which keys stand between?", "step 2 of the stub", switches={"near": "every other"},
        ),
        Mistake(
            "outside-the-window", "the keys behind the window, and not those in it", "The window is what is cut off.",
            "Which keys does the last query see?", "step 2 of the stub", switches={"near": "far"},
        ),
        Mistake(
            "cache-forgotten", "query t placed at position t, though keys stand before it in a cache", "Query 0 is the first position.",
            "With T = 1 and S = 9: at which position does the one query stand?", "step 1 of the stub", switches={"align": "start"},
        ),
        Mistake(
            "inverted", "True where attention is blocked", "True means masked.", "In this course True means: may attend.", "the docstring", switches={"polarity": "blocked"},
        ),
        Mistake(
            "additive", "0 and −∞ instead of True and False", "A mask is added to the scores.", "Which number type does the docstring promise?", "the docstring", switches={"kind": "additive"},
        ),
        Mistake(
            "ones-and-zeros", "whole numbers instead of True and False", "1 means yes.", "`~mask` of 1 is −2. Which number type does the docstring promise?", "the docstring", switches={"kind": "int"},
        ),
        Mistake(
            "floats", "floating numbers instead of True and False", "tril keeps the ones.", "Which number type does the docstring promise?", "the docstring", switches={"kind": "float"},
        ),
        Mistake(
            "square", "a (T, T) mask whatever S is", "Queries and keys are the same tokens.", "How many keys are there?", "the shape in the docstring", switches={"size": "T T"},
        ),
        Mistake(
            "rows-and-columns-swapped", "a mask (S, T)", "Keys come first.", "Which axis of the scores counts queries?", "the shape in the docstring", switches={"size": "S T"},
        ),
        Mistake(
            "empty-window-accepted", "a window of 0 accepted, which blocks everything", "Nobody asks for 0.", "What would every row hold?", "the docstring", switches={"refuse": "queries"},
        ),
        Mistake(
            "more-queries-than-keys", "more queries than keys accepted", "The formula gives an answer anyway.", "Where would the first query stand?", "the docstring", switches={"refuse": "window"},
        ),
    ),
    variants=(
        Variant("two triangles", window_two_triangles),
        Variant("row by row", window_row_by_row),
        Variant("NumPy, extra keyword", window_numpy),
        Variant("the last rows of a square", window_of_last_rows),
    ),
)
