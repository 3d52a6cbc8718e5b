"""6.1 causal_mask: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import INFINITE, mask_by_rows
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb06 as reference


def mask_case(T: int, S: int | None = None, **options: Any) -> Case:
    return Case(args=(T,) if S is None else (T, S), sizes={"T": T, "S": S or T}, **options)


def flawed_causal_mask(T: int, S: int | None = None, *, edge: int = 0, align: str = "right", polarity: str = "allowed",
                       kind: str = "bool", refuse: bool = True, width: str = "S", axes: str = "queries first") -> Any:
    """The causal mask with switches that break it."""
    S = T if S is None or width == "T" else S
    if refuse and S < T:
        raise ValueError("S must be at least T")
    offset = (S - T if align == "right" else 0) + edge
    mask = torch.ones(T, S).tril(offset).bool()
    if polarity == "blocked":
        mask = ~mask
    elif polarity == "upper":
        mask = torch.ones(T, S).triu(offset).bool()
    if kind == "additive":
        return torch.zeros(T, S).masked_fill(~mask, -INFINITE)
    if axes == "keys first":
        mask = mask.T
    return mask.float() if kind == "float" else mask.long() if kind == "int" else mask


def mask_with_assertion(T: int, S: int | None = None) -> Any:
    """Right, but sizes that cannot be are an AssertionError."""
    assert S is None or S >= T, "S must be at least T"
    return mask_by_rows(T, S)


def mask_by_comparison(T: int, S: int | None = None, *, device: Any = None) -> Any:
    S = S or T
    if not S >= T:
        raise ValueError
    return torch.arange(S, device=device)[None, :] <= torch.arange(S - T, S, device=device)[:, None]


def mask_from_torch(T: int, S: int | None = None) -> Any:
    S = T if S is None else S
    if S < T:
        raise ValueError("S < T")
    return nn.Transformer.generate_square_subsequent_mask(S)[S - T :] == 0


def mask_without_ones(T: int, S: int | None = None) -> Any:
    S = S if S is not None else T
    if T > S:
        raise ValueError("more queries than positions")
    return torch.triu(torch.ones(T, S, dtype=torch.bool), diagonal=S - T + 1).logical_not()


def mask_of_512(T: int, S: int | None = None) -> Any:
    """A triangle made once for 512 positions, and cut."""
    S = T if S is None else S
    if S < T:
        raise ValueError("there are more queries than positions")
    return torch.ones(512, 512).tril().bool()[S - T : S, :S]


EXERCISE = Exercise(
    number="6.1",
    title="causal_mask",
    names=("causal_mask",),
    minutes=5,
    reference=reference.causal_mask,
    outputs=(Output("mask", ("T", "S"), dtype="bool"),),
    public=lambda rng: [mask_case(3), mask_case(2, 5), mask_case(4, 2, raises="ValueError"), mask_case(1, 520)],
    tests=(
        Test("square", "True at (t, s) exactly where s ≤ t", lambda rng: [mask_case(5), mask_case(4, 4), mask_case(1), mask_case(*drawn(rng, (6, 30)))]),
        Test(
            "more keys than queries", "the T queries stand at the last T of the S positions",
            lambda rng: [mask_case(3, 5), mask_case(1, 4), mask_case(4, 7), mask_case(2, 1030), mask_case(1, 5003), mask_case(3, 6, earlier=(mask_case(3), mask_case(3, 4))), *(mask_case(T, T + more) for T, more in [drawn(rng, (2, 9), (1, 20))])],
        ),
        Test(
            "impossible sizes", "a ValueError when there are more queries than positions",
            lambda rng: [mask_case(3, 2, raises="ValueError"), mask_case(5, 1, raises="ValueError"), *(mask_case(S + more, S, raises="ValueError") for S, more in [drawn(rng, (1, 9), (1, 9))])],
        ),
    ),
    flawed=flawed_causal_mask,
    mistakes=(
        Mistake(
            "blocks-itself", "a diagonal that is blocked, which leaves the first query nothing at all", "A token must not see itself.",
            "What can query 0 attend to, if not to position 0?", "step 2 of the stub", switches={"edge": -1},
        ),
        Mistake(
            "one-too-many", "a mask that shows one later token", "The diagonal starts at 1.", "Write the first row for T = 3 by hand.",
            "step 2 of the stub", switches={"edge": 1},
        ),
        Mistake(
            "blocked-is-true", "True for blocked, as in nn.MultiheadAttention", "A mask marks what is masked out.",
            "In this course True means: may attend.", "the docstring", switches={"polarity": "blocked"},
        ),
        Mistake(
            "sees-only-the-future", "the upper triangle in place of the lower one", "Causal masks are triangles.",
            "Rows are queries. Which positions come before query 2?", "step 2 of the stub", switches={"polarity": "upper"},
        ),
        Mistake(
            "aligned-left", "queries placed at the first T positions when S > T", "Query t is position t.",
            "With a cache, the T queries are the newest positions. What does tril() do with a table that is wider than high?", "step 2 of the stub", switches={"align": "left"},
        ),
        Mistake(
            "ignores-S", "a square mask whatever S is", "The mask is T × T.", "How many keys are there?", "the shape in the docstring", switches={"width": "T"},
        ),
        Mistake(
            "additive-mask", "0 and −∞ in place of True and False", "The mask is added to the scores.", "What does the docstring say the mask is made of?",
            "the docstring", switches={"kind": "additive"},
        ),
        Mistake(
            "float-mask", "ones and zeros as floating numbers", "1 and True are the same.", "Look at the mask's dtype.", "the docstring", switches={"kind": "float"},
        ),
        Mistake(
            "whole-number-mask", "ones and zeros as whole numbers", "1 and True are the same.", "Look at the mask's dtype. What does ~ do to a 1?", "the docstring", switches={"kind": "int"},
        ),
        Mistake(
            "keys-first", "keys along the rows and queries along the columns", "The mask is (S, T).", "Which axis of the scores belongs to the queries?", "the shape in the docstring", switches={"axes": "keys first"},
        ),
        Mistake(
            "assertion", "an AssertionError in place of a ValueError", "assert checks arguments.", "The docstring names the error. With python -O, what is left of an assert?", "step 1 of the stub", code=mask_with_assertion,
        ),
        Mistake(
            "nothing-refused", "sizes that cannot be, accepted", "Nobody will call it with S < T.", "Where would query 0 stand if T = 3 and S = 2?",
            "step 1 of the stub", switches={"refuse": False},
        ),
        Mistake(
            "triangle-of-512",
            "a triangle of 512 positions, too small for longer sequences",
            "No sentence is longer than that.",
            "What is left of rows 1000 … of a table with 512 of them?",
            "step 2 of the stub",
            code=mask_of_512,
        ),
    ),
    variants=(
        Variant("row by row", mask_by_rows),
        Variant("comparison, extra keyword", mask_by_comparison),
        Variant("torch's square mask", mask_from_torch),
        Variant("upper triangle negated", mask_without_ones),
    ),
)
