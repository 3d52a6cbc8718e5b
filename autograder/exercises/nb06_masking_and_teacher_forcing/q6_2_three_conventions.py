"""6.2 three conventions: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import INFINITE, combine_by_example, lower
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn
from autograder.reference import nb06 as reference

CONVERTERS = ("combine_masks", "from_key_padding", "from_additive")


def combine_case(rng: Rng, B: int, T: int, S: int, first_is_full: bool = True) -> Case:
    lengths = np.resize([S, S - 1, 1] if first_is_full else [S - 1, S, 1], B) if S > 1 else np.ones(B, dtype=int)
    real = np.arange(S)[None, :] < lengths[:, None]
    return Case(function="combine_masks", args=(lower(T, S), real), sizes={"B": B, "T": T, "S": S})


def scattered_combine_case(rng: Rng, B: int, T: int, S: int) -> Case:
    args = (rng.random((T, S)) < 0.6, rng.random((B, S)) < 0.6)
    return Case(function="combine_masks", args=args, sizes={"B": B, "T": T, "S": S})


def padding_case(rng: Rng, B: int, S: int) -> Case:
    padding = np.arange(S)[None, :] >= np.resize([S, S - 1, 1, 0], B)[:, None]
    return Case(function="from_key_padding", args=(padding,), sizes={"B": B, "S": S})


def additive_case(rng: Rng, *shape: int, low: float = -INFINITE, dtype: str = "float64") -> Case:
    mask = np.where(rng.random(shape) < 0.5, 0.0, low)
    mask.flat[0], mask.flat[-1] = 0.0, low
    return Case(function="from_additive", args=(mask,), dtype=dtype)


def combine_plain(causal: Any, key_is_real: Any) -> Any:
    return causal & key_is_real[:, None, None, :]


def padding_plain(key_padding_mask: Any) -> Any:
    return ~key_padding_mask


def additive_plain(mask: Any) -> Any:
    return mask == 0


def combine_einsum(causal: Any, key_is_real: Any) -> Any:
    return torch.einsum("ts,bs->bts", causal.float(), key_is_real.float()).unsqueeze(1) > 0.5


def combine_filled(causal: Any, key_is_real: Any, *, heads: int = 1) -> Any:
    (T, S), B = causal.shape, len(key_is_real)
    return causal.expand(B, heads, T, S).masked_fill(~key_is_real.view(B, 1, 1, S), False)


EXERCISE = Exercise(
    number="6.2",
    title="three conventions",
    names=CONVERTERS,
    minutes=10,
    reference={
        "combine_masks": reference.combine_masks,
        "from_key_padding": reference.from_key_padding,
        "from_additive": reference.from_additive,
    },
    outputs_by_name={
        "combine_masks": (Output("combined mask", ("B", "1", "T", "S"), dtype="bool"),),
        "from_key_padding": (Output("mask", ("B", "S"), dtype="bool"),),
        "from_additive": (Output("mask", (), dtype="bool"),),
    },
    public=lambda rng: [
        combine_case(rng, 2, 3, 3),
        combine_case(rng, 2, 2, 4, first_is_full=False),
        scattered_combine_case(rng, 2, 4, 3),
        padding_case(rng, 2, 3),
        additive_case(rng, 2, 3),
        additive_case(rng, 3, low=-1e4, dtype="float32"),
        additive_case(rng, 2, 2, low=-1e9),
    ],
    tests=(
        Test(
            "combine_masks", "a query may attend to a key when the (T, S) mask allows it and the key is real; the result is (B, 1, T, S)",
            lambda rng: [combine_case(rng, 3, 4, 4), combine_case(rng, 4, 4, 4), combine_case(rng, 1, 1, 1), *(combine_case(rng, B, T, T) for B, T in [drawn(rng, (3, 7), (5, 12))])],
        ),
        Test(
            "unequal sizes", "the same when T and S differ and padding stands anywhere, also where a query is left with nothing",
            lambda rng: [combine_case(rng, 3, 2, 5), scattered_combine_case(rng, 2, 3, 5), scattered_combine_case(rng, 5, 4, 3)],
        ),
        Test("from_key_padding", "True where the key is real", lambda rng: [padding_case(rng, 4, 5), padding_case(rng, 1, 3), padding_case(rng, *drawn(rng, (4, 9), (6, 12)))]),
        Test(
            "from_additive", "True where 0 is added, False where −∞ is, in any shape and either width",
            lambda rng: [additive_case(rng, 4, 5), additive_case(rng, 2, 3, 4, 5, dtype="float32"), additive_case(rng, 6)],
        ),
        Test(
            "very negative", "very negative numbers block just as −∞ does",
            lambda rng: [
                additive_case(rng, 3, 4, low=-1e4),
                additive_case(rng, 2, 1, 3, 3, low=float(np.finfo(np.float32).min), dtype="float32"),
                additive_case(rng, 5, low=-1e9),
            ],
        ),
    ),
    mistakes=(
        Mistake(
            "or-for-and", "either mask is enough", "The masks are put together with |.", "A padded key that lies in the past: may it be seen?",
            "step 1 of combine_masks", code={"combine_masks": lambda causal, real: causal | real[:, None, None, :]},
        ),
        Mistake(
            "padding-on-the-queries", "padding laid along the query axis", "Padded tokens are rows.", "key_is_real speaks of keys: which axis of (T, S) is that?",
            "step 1 of combine_masks",
            code={"combine_masks": lambda causal, real: causal & (real[:, None, :, None] if causal.shape[0] == real.shape[1] else real[:, None, : causal.shape[0], None])},
        ),
        Mistake(
            "padding-as-rows", "padding laid along the query axis, which fits only when T = S", "key_is_real[:, None, :, None] has the axes it needs.", "key_is_real speaks of keys: which axis of (B, 1, T, S) is that?",
            "step 1 of combine_masks", code={"combine_masks": lambda causal, real: causal & real[:, None, :, None]},
        ),
        Mistake(
            "rows-blocked-too", "padded queries blocked as well as padded keys", "Nothing may happen at padding.",
            "A blocked row gives zeros that nobody reads. Only keys are asked for.", "the docstring of combine_masks",
            code={"combine_masks": lambda causal, real: causal & real[:, None, None, :] & real[:, None, -causal.shape[0] :, None]
                  if causal.shape[0] <= real.shape[1] else causal & real[:, None, None, :]},
        ),
        Mistake(
            "no-head-axis", "a mask (B, T, S) without the axis for the heads", "Broadcasting will add it.", "(B, T, S) against (B, H, T, S): which axis meets which?",
            "the shape in the docstring", code={"combine_masks": lambda causal, real: causal & real[:, None, :]},
        ),
        Mistake(
            "padding-ignored", "the causal mask alone", "Padding comes last, so causality hides it.", "In row b, who attends to the padding of row b?",
            "step 1 of combine_masks", code={"combine_masks": lambda causal, real: causal.expand(len(real), 1, *causal.shape)},
        ),
        Mistake(
            "padding-passed-on", "the padding mask passed on as it is", "A mask is a mask.", "There True is padding; here True may be attended to.",
            "from_key_padding", code={"from_key_padding": lambda key_padding_mask: key_padding_mask.clone()},
        ),
        Mistake(
            "turned-in-place", "the given mask itself turned round", "There is no need for a copy.", "Which mask does the caller have after your call?",
            "from_key_padding", code={"from_key_padding": lambda key_padding_mask: key_padding_mask.logical_not_()},
        ),
        Mistake(
            "ones-and-zeros", "ones and zeros in place of True and False", "1 and True are the same.", "Look at the mask's dtype.",
            "the docstrings", code={"from_additive": lambda mask: (mask == 0).to(mask.dtype)},
        ),
        Mistake(
            "padding-subtracted", "whole numbers, 1 minus the padding mask", "1 − 0 is 1.", "Look at the mask's dtype. Which operator turns a bool round?",
            "from_key_padding", code={"from_key_padding": lambda key_padding_mask: 1 - key_padding_mask.long()},
        ),
        Mistake(
            "additive-as-bool", "True where something is added, and False where 0 is", "mask.bool() makes a mask bool.", "What is bool(0)? And bool(−∞)?",
            "from_additive", code={"from_additive": lambda mask: mask.bool()},
        ),
        Mistake(
            "only-infinity-blocks", "only −∞ blocks, very negative numbers do not", "Blocked means −∞.", "Some libraries write −10⁹ or the smallest float.",
            "the docstring of from_additive", code={"from_additive": lambda mask: ~torch.isinf(mask)},
        ),
        Mistake(
            "only-a-billion-blocks", "a threshold that −10⁴ does not reach", "Very negative is below a million.", "Half precision cannot hold −10⁹, so there −10⁴ is written. What is the only number that allows?",
            "the docstring of from_additive", code={"from_additive": lambda mask: mask > -1e5},
        ),
    ),
    variants=(
        Variant("broadcasting", {"combine_masks": combine_plain, "from_key_padding": padding_plain, "from_additive": additive_plain}),
        Variant(
            "example by example",
            {"combine_masks": combine_by_example, "from_key_padding": torch.logical_not, "from_additive": lambda mask: mask > -1.0},
        ),
        Variant(
            "einsum, exponentials",
            {"combine_masks": combine_einsum, "from_key_padding": lambda key_padding_mask: key_padding_mask == False, "from_additive": lambda mask: torch.exp(mask) > 0.5},  # noqa: E712
        ),
        Variant(
            "filled, extra keyword",
            {"combine_masks": combine_filled, "from_key_padding": lambda key_padding_mask: key_padding_mask ^ True, "from_additive": lambda mask: ~(mask < 0)},
        ),
    ),
)
