"""5.7 interleaved_to_half: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import refuse_odd
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb05 as reference


def layout_case(rng: Rng, *shape: int, draw: Any = normal, **options: Any) -> Case:
    return Case(args=(draw(rng, *shape),), sizes={"d": shape[-1]}, **options)


def flawed_layout(x: Any, *, direction: str = "to half", first: str = "even", axis: int = -1, sign: int = 1, order: str = "as is",
                  width: str = "kept", refuse: bool = True) -> Any:
    """The change of layout with switches that break it."""
    d = x.shape[axis]
    if refuse:
        refuse_odd(x.shape[-1])
    x = x.float() if width == "float32" else x
    y = x.movedim(axis, -1)
    if direction == "to half":
        even, odd = y[..., 0::2], y[..., 1::2]
        if order == "reversed":
            odd = odd.flip(-1)
        parts = (even, sign * odd) if first == "even" else (sign * odd, even)
        y = torch.cat(parts, -1)
    elif direction == "to interleaved":
        y = torch.stack([y[..., : d // 2], sign * y[..., d // 2 :]], -1).flatten(-2)
    elif direction == "halves swapped":
        y = torch.cat(y.chunk(2, -1)[::-1], -1)
    elif direction == "swap":
        y = y.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return y.movedim(-1, axis)


def layout_in_place(x: Any) -> Any:
    refuse_odd(x.shape[-1])
    half = x.shape[-1] // 2
    even, odd = x[..., 0::2].clone(), x[..., 1::2].clone()
    x[..., :half], x[..., half:] = even, odd
    return x


def layout_of_64(x: Any) -> Any:
    """Right for heads of up to 64 features; what is behind them stays where it is."""
    refuse_odd(x.shape[-1])
    front, rest = x[..., :64], x[..., 64:]
    return torch.cat([front[..., 0::2], front[..., 1::2], rest], -1)


def layout_by_transpose(x: Any) -> Any:
    refuse_odd(x.shape[-1])
    return x.reshape(*x.shape[:-1], -1, 2).transpose(-1, -2).flatten(-2)


def layout_by_index(x: Any) -> Any:
    d = x.shape[-1]
    if d % 2:
        raise ValueError("an odd number of features")
    return x[..., list(range(0, d, 2)) + list(range(1, d, 2))]


def layout_by_cat(x: Any, *, dim: int = -1) -> Any:
    if x.size(-1) & 1:
        raise ValueError
    return torch.cat((x[..., ::2], x[..., 1::2]), dim=dim)


def layout_by_permutation_matrix(x: Any) -> Any:
    d = x.shape[-1]
    refuse_odd(d)
    P = torch.zeros(d, d, dtype=x.dtype)
    for j in range(d):
        P[j, j // 2 + (d // 2) * (j % 2)] = 1
    return x @ P


EXERCISE = Exercise(
    number="5.7",
    title="interleaved_to_half",
    names=("interleaved_to_half",),
    minutes=5,
    starred=True,
    reference=reference.interleaved_to_half,
    outputs=(Output("features", ("...", "d")),),
    public=lambda rng: [
        Case(args=(np.arange(6.0),), sizes={"d": 6}),
        layout_case(rng, 2, 8, draw=rounded),
        layout_case(rng, 2, 4, draw=rounded, dtype="float32"),
        layout_case(rng, 66, draw=rounded),
        layout_case(rng, 3, draw=rounded, raises="ValueError"),
    ],
    tests=(
        Test(
            "one vector", "feature 2i moves to place i and feature 2i + 1 to place d/2 + i",
            lambda rng: [layout_case(rng, 6), layout_case(rng, 2), layout_case(rng, 10), layout_case(rng, 130)],
        ),
        Test("leading dimensions", "the last axis is reordered, and only that", lambda rng: [layout_case(rng, 4, 6), layout_case(rng, 2, 3, 4, 8)]),
        Test("number types", "float32 stays float32 and float64 stays float64", lambda rng: [layout_case(rng, 3, 6, dtype="float32"), layout_case(rng, 2, 4)]),
        Test("impossible sizes", "a ValueError when d is odd", lambda rng: [layout_case(rng, 5, raises="ValueError"), layout_case(rng, 2, 3, raises="ValueError")]),
    ),
    flawed=flawed_layout,
    mistakes=(
        Mistake(
            "the-way-back", "the change from half-split to interleaved", "It is a shuffle, so it is its own inverse.",
            "Where does feature 1 of an interleaved vector belong?", "the equation above the stub", switches={"direction": "to interleaved"},
        ),
        Mistake(
            "pairs-swapped", "the two features of each pair swapped", "Changing the layout swaps neighbours.", "All first features of the pairs come first.",
            "the equation above the stub", switches={"direction": "swap"},
        ),
        Mistake(
            "nothing-moved", "x as it was", "A reshape to (d/2, 2) and back reorders.", "A reshape alone never moves a number. What is missing between the two?",
            "the equation above the stub", switches={"direction": "none"},
        ),
        Mistake(
            "odd-first", "odd features in the first half", "The order of the halves makes no difference.",
            "The equation begins with x₀: where does feature 0 go?", "the equation above the stub", switches={"first": "odd"},
        ),
        Mistake(
            "halves-exchanged", "the two halves exchanged", "Half-split means swapping halves.", "Where does feature 1 go, and where feature d/2?",
            "the equation above the stub", switches={"direction": "halves swapped"},
        ),
        Mistake(
            "width-of-64", "only the first 64 features reordered", "Heads are 64 wide.", "What does your index do for d = 130?", "the docstring", code=layout_of_64,
        ),
        Mistake(
            "wrong-axis", "the positions reordered, not the features", "The axis before the last one is meant.", "Which axis counts features?",
            "the docstring", switches={"axis": -2},
        ),
        Mistake(
            "rotate-half", "a minus sign in the second half, as in rotate_half", "Changing layouts needs a minus.", "Features are moved, not changed.",
            "the docstring", switches={"sign": -1},
        ),
        Mistake(
            "second-half-reversed", "the odd features in reverse order", "The halves mirror each other.", "Feature 1 belongs to feature 0: where do both stand?",
            "the equation above the stub", switches={"order": "reversed"},
        ),
        Mistake(
            "always-float32", "a result in float32 whatever the input is", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", switches={"width": "float32"},
        ),
        Mistake(
            "changes-its-input", "x changed in place", "Moving numbers around in x saves memory.", "What does the caller's tensor hold afterwards?",
            "the docstring", code=layout_in_place,
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "Slices never complain.", "What does the docstring say about odd d?", "the docstring",
            switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("transpose of pairs", layout_by_transpose),
        Variant("list of indices", layout_by_index),
        Variant("two slices, extra keyword", layout_by_cat),
        Variant("permutation matrix", layout_by_permutation_matrix),
    ),
)
