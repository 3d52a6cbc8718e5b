"""6.3 shift_right: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import shift_cat, shift_pad
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb06 as reference


def shift_case(rng: Rng, B: int, T: int, bos: int = 1) -> Case:
    return Case(args=(rng.integers(4, 20, size=(B, T)), bos), sizes={"B": B, "T": T})


def any_token_case(rng: Rng, B: int, T: int, bos: int = 1) -> Case:
    """Sentences of every length from 0 on, padded with 0; the tokens 1 and 2 may stand anywhere."""
    y = rng.integers(1, 6, size=(B, T))
    y[np.arange(T)[None, :] >= np.arange(B)[:, None] % (T + 1)] = 0
    return Case(args=(y, bos), sizes={"B": B, "T": T})


def flawed_shift(y: Any, bos: int, *, keep_last: bool = False, times: int = 1, first: str = "bos", way: str = "right", dim: int = 1, pads: str = "moved", kind: str = "kept") -> Any:
    """The shift with switches that break it."""
    if way == "none":
        result = y.clone()
        result[:, 0] = bos
        return result
    if way == "left":
        return torch.cat([y[:, 1:], torch.full_like(y[:, :1], bos)], dim=1)
    result = torch.roll(y, times, dims=dim)
    if first == "bos":
        result[:, :times] = bos
    elif first == "zero":
        result[:, :times] = 0
    elif first == "1":
        result[:, :times] = 1
    elif first == "before a word":
        result[:, :times] = torch.where(y[:, :1] == 0, 0, bos)
    if pads == "stay":
        result = torch.where(y == 0, 0, result)
    if kind == "float":
        result = result.float()
    return torch.cat([result, y[:, -1:]], dim=1) if keep_last else result


def shift_in_place(y: Any, bos: int) -> Any:
    y[:, 1:] = y[:, :-1].clone()
    y[:, 0] = bos
    return y


def shift_by_two_tokens(y: Any, bos: int) -> Any:
    """Two tokens put in front, however short the target is."""
    first = torch.full_like(y[:, :1], bos)
    return torch.cat([first, first, y[:, :-2]], dim=1)


def shift_empty(y: Any, bos: int) -> Any:
    shifted = torch.empty_like(y)
    shifted[:, 0], shifted[:, 1:] = bos, y[:, :-1]
    return shifted


def shift_lists(y: Any, bos: int) -> Any:
    return torch.tensor([[bos, *row[:-1]] for row in y.tolist()], dtype=y.dtype)


EXERCISE = Exercise(
    number="6.3",
    title="shift_right",
    names=("shift_right",),
    minutes=5,
    reference=reference.shift_right,
    outputs=(Output("decoder input", ("B", "T")),),
    public=lambda rng: [shift_case(rng, 2, 4), shift_case(rng, 1, 3, bos=2), any_token_case(rng, 3, 3, bos=7), shift_case(rng, 2, 1, bos=3)],
    tests=(
        Test("one place to the right", "bos first, then every token but the last", lambda rng: [shift_case(rng, 3, 5), shift_case(rng, 4, 4), shift_case(rng, 2, 7, bos=0), any_token_case(rng, 5, 4), any_token_case(rng, 7, 6, bos=9)]),
        Test("one token", "a target of one token gives bos alone", lambda rng: [shift_case(rng, 3, 1), shift_case(rng, 1, 1, bos=3), any_token_case(rng, 2, 1)]),
        Test("the target is kept", "a new tensor, with the target left as it was", lambda rng: [shift_case(rng, 2, 3, bos=21)]),
    ),
    flawed=flawed_shift,
    mistakes=(
        Mistake(
            "one-longer", "bos put in front and nothing dropped", "The input is bos and the sentence.", "Inputs and targets must have the same T.",
            "the shapes above the stub", switches={"keep_last": True},
        ),
        Mistake(
            "no-shift", "the first token overwritten, nothing moved", "bos replaces the first token.", "At step 0 the model reads bos. What may it read at step 1?",
            "step 1 of the stub", switches={"way": "none"},
        ),
        Mistake(
            "shifted-left", "a shift to the left", "The target is one step ahead, so move it forward.", "Which token does the decoder read when it has to write token t?",
            "the table above the stub", switches={"way": "left"},
        ),
        Mistake(
            "double-shift", "a shift by two places", "One place for bos and one for causality.", "The mask lets position t see itself. How far must the token move, then?",
            "step 1 of the stub", switches={"times": 2},
        ),
        Mistake(
            "bos-twice", "bos put in front twice: a shift by two places, and a token too many for a target of one", "One bos for the decoder and one for causality.", "The mask lets position t see itself. How many bos does the first position need?",
            "step 1 of the stub", code=shift_by_two_tokens,
        ),
        Mistake(
            "wraps-around", "the last token carried round to the front", "torch.roll shifts.", "What stands at position 0 after the roll?", "step 2 of the stub", switches={"first": "kept"},
        ),
        Mistake(
            "zero-for-bos", "0 at the front, whatever bos is", "The first input is empty.", "bos is an argument.", "step 2 of the stub", switches={"first": "zero"},
        ),
        Mistake(
            "bos-is-1", "1 at the front, whatever bos is", "bos is 1 in this course's data.", "bos is an argument.", "step 2 of the stub", switches={"first": "1"},
        ),
        Mistake(
            "no-bos-before-padding", "no bos where the target begins with 0", "An empty sentence has nothing to begin.", "What does the decoder read at position 0, whatever it has to write there?", "step 2 of the stub", switches={"first": "before a word"},
        ),
        Mistake(
            "pads-stay-pads", "0 wherever the target is 0", "Padding stays padding.", "At the first pad of the target, what came just before it?", "step 1 of the stub", switches={"pads": "stay"},
        ),
        Mistake(
            "floating-tokens", "tokens as floating numbers", "zeros() makes a tensor.", "An embedding is looked up by whole numbers. Look at the dtype.", "the docstring", switches={"kind": "float"},
        ),
        Mistake(
            "shifts-the-batch", "a shift along the batch", "roll moves the first axis.", "Which axis is time?", "step 1 of the stub", switches={"dim": 0},
        ),
        Mistake(
            "changes-its-input", "the target itself overwritten", "There is no need for a copy.", "The loss still needs the target.", "step 1 of the stub", code=shift_in_place,
        ),
    ),
    variants=(Variant("cat", shift_cat), Variant("pad, extra keyword", shift_pad), Variant("empty and filled", shift_empty), Variant("lists", shift_lists)),
)
