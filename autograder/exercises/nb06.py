"""Notebook 6, masks and teacher forcing: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case, Outcome, Seed, TensorValue
from attnkit.checking.compare import Output
from attnkit.checking.execute import cotangent
from attnkit.checking.probes import NextTokenTable
from autograder.declare import Exercise, JudgeFailure, Mistake, Run, Test, Variant, normal, rounded
from autograder.reference import nb06 as reference

Rng = np.random.Generator
INFINITE = float("inf")


# 6.1 causal_mask -----------------------------------------------------------------------------------------------------


def mask_case(T: int, S: int | None = None, **options: Any) -> Case:
    return Case(args=(T,) if S is None else (T, S), sizes={"T": T, "S": S or T}, **options)


def flawed_causal_mask(T: int, S: int | None = None, *, edge: int = 0, align: str = "right", polarity: str = "allowed",
                       kind: str = "bool", refuse: bool = True, width: str = "S") -> Any:
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
    return mask.float() if kind == "float" else mask


def mask_by_rows(T: int, S: int | None = None) -> Any:
    S = T if S is None else S
    if S < T:
        raise ValueError(f"{T} queries do not fit into {S} positions")
    return torch.tensor([[s <= S - T + t for s in range(S)] for t in range(T)])


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


CAUSAL_MASK = Exercise(
    number="6.1",
    title="causal_mask",
    names=("causal_mask",),
    minutes=5,
    reference=reference.causal_mask,
    outputs=(Output("mask", ("T", "S"), dtype="bool"),),
    public=lambda rng: [mask_case(3), mask_case(2, 5), mask_case(4, 2, raises="ValueError")],
    tests=(
        Test("square", "True at (t, s) exactly where s ≤ t", lambda rng: [mask_case(5), mask_case(4, 4), mask_case(1)]),
        Test(
            "more keys than queries", "the T queries stand at the last T of the S positions",
            lambda rng: [mask_case(3, 5), mask_case(1, 4), mask_case(4, 7)],
        ),
        Test(
            "impossible sizes", "a ValueError when there are more queries than positions",
            lambda rng: [mask_case(3, 2, raises="ValueError"), mask_case(5, 1, raises="ValueError")],
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
            "With a cache, the T queries are the newest positions.", "step 1 of the stub", switches={"align": "left"},
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
            "nothing-refused", "sizes that cannot be, accepted", "Nobody will call it with S < T.", "Where would query 0 stand if T = 3 and S = 2?",
            "step 1 of the stub", switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("row by row", mask_by_rows),
        Variant("comparison, extra keyword", mask_by_comparison),
        Variant("torch's square mask", mask_from_torch),
        Variant("upper triangle negated", mask_without_ones),
    ),
)


# 6.2 combine_masks, from_key_padding, from_additive ------------------------------------------------------------------

CONVERTERS = ("combine_masks", "from_key_padding", "from_additive")


def lower(T: int, S: int) -> np.ndarray:
    return np.tril(np.ones((T, S), dtype=bool), S - T)


def combine_case(rng: Rng, B: int, T: int, S: int) -> Case:
    lengths = np.resize([S, S - 1, 1], B) if S > 1 else np.ones(B, dtype=int)
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


def combine_by_example(causal: Any, key_is_real: Any) -> Any:
    return torch.stack([(causal & row).unsqueeze(0) for row in key_is_real])


def combine_einsum(causal: Any, key_is_real: Any) -> Any:
    return torch.einsum("ts,bs->bts", causal.float(), key_is_real.float()).unsqueeze(1) > 0.5


def combine_filled(causal: Any, key_is_real: Any, *, heads: int = 1) -> Any:
    (T, S), B = causal.shape, len(key_is_real)
    return causal.expand(B, heads, T, S).masked_fill(~key_is_real.view(B, 1, 1, S), False)


CONVERT = Exercise(
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
        combine_case(rng, 2, 2, 4),
        padding_case(rng, 2, 3),
        additive_case(rng, 2, 3),
        additive_case(rng, 3, low=-1e4, dtype="float32"),
    ],
    tests=(
        Test(
            "combine_masks", "a query may attend to a key when the (T, S) mask allows it and the key is real; the result is (B, 1, T, S)",
            lambda rng: [combine_case(rng, 3, 4, 4), combine_case(rng, 4, 4, 4), combine_case(rng, 1, 1, 1)],
        ),
        Test(
            "unequal sizes", "the same when T and S differ and padding stands anywhere, also where a query is left with nothing",
            lambda rng: [combine_case(rng, 3, 2, 5), scattered_combine_case(rng, 2, 3, 5), scattered_combine_case(rng, 5, 4, 3)],
        ),
        Test("from_key_padding", "True where the key is real", lambda rng: [padding_case(rng, 4, 5), padding_case(rng, 1, 3)]),
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
            "additive-as-bool", "the additive mask turned into bool as it is", "mask.bool() makes a mask bool.", "What is bool(0)? And bool(−∞)?",
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


# 6.3 shift_right -----------------------------------------------------------------------------------------------------


def shift_case(rng: Rng, B: int, T: int, bos: int = 1) -> Case:
    return Case(args=(rng.integers(4, 20, size=(B, T)), bos), sizes={"B": B, "T": T})


def flawed_shift(y: Any, bos: int, *, keep_last: bool = False, times: int = 1, first: str = "bos", way: str = "right", dim: int = 1) -> Any:
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
    return torch.cat([result, y[:, -1:]], dim=1) if keep_last else result


def shift_in_place(y: Any, bos: int) -> Any:
    y[:, 1:] = y[:, :-1].clone()
    y[:, 0] = bos
    return y


def shift_cat(y: Any, bos: int) -> Any:
    return torch.cat([torch.full_like(y[:, :1], bos), y[:, :-1]], dim=1)


def shift_pad(y: Any, bos: int, *, keep: int = -1) -> Any:
    return torch.nn.functional.pad(y[:, :keep], (1, 0), value=bos)


def shift_empty(y: Any, bos: int) -> Any:
    shifted = torch.empty_like(y)
    shifted[:, 0], shifted[:, 1:] = bos, y[:, :-1]
    return shifted


def shift_lists(y: Any, bos: int) -> Any:
    return torch.tensor([[bos, *row[:-1]] for row in y.tolist()], dtype=y.dtype)


SHIFT = Exercise(
    number="6.3",
    title="shift_right",
    names=("shift_right",),
    minutes=5,
    reference=reference.shift_right,
    outputs=(Output("decoder input", ("B", "T")),),
    public=lambda rng: [shift_case(rng, 2, 4), shift_case(rng, 1, 3, bos=2)],
    tests=(
        Test("one place to the right", "bos first, then every token but the last", lambda rng: [shift_case(rng, 3, 5), shift_case(rng, 4, 4), shift_case(rng, 2, 7, bos=0)]),
        Test("one token", "a target of one token gives bos alone", lambda rng: [shift_case(rng, 3, 1), shift_case(rng, 1, 1, bos=3)]),
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
            "the picture above the stub", switches={"way": "left"},
        ),
        Mistake(
            "double-shift", "a shift by two places", "One place for bos and one for causality.", "The mask lets position t see itself. How far must the token move, then?",
            "step 1 of the stub", switches={"times": 2},
        ),
        Mistake(
            "wraps-around", "the last token carried round to the front", "torch.roll shifts.", "What stands at position 0 after the roll?", "step 2 of the stub", switches={"first": "kept"},
        ),
        Mistake(
            "zero-for-bos", "0 at the front, whatever bos is", "The first input is empty.", "bos is an argument.", "step 2 of the stub", switches={"first": "zero"},
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


# 6.4 cross_entropy ---------------------------------------------------------------------------------------------------

NOT_THE_LIBRARY = ("cross_entropy", "nll_loss", "cross_entropy_loss")


def entropy_case(rng: Rng, B: int, T: int, V: int, *, ignore: int = 0, real: Sequence[int] | None = None, scale: float = 1.0,
                 draw: Any = normal, shift: float = 0.0, **options: Any) -> Case:
    """Logits (B, T, V) and targets whose row b has `real[b]` real tokens before `ignore`."""
    y = rng.integers(0, V, size=(B, T))
    y[y == ignore] = (ignore + 1) % V
    lengths = np.resize(real if real is not None else [T, max(1, T - 2)], B)
    y[np.arange(T)[None, :] >= lengths[:, None]] = ignore
    args = (draw(rng, B, T, V, scale=scale) + shift, y, ignore)
    return Case(args=args, watch=NOT_THE_LIBRARY, sizes={"B": B, "T": T, "V": V}, **options)


def flawed_cross_entropy(logits: Any, y: Any, ignore_index: int, *, over: str = "tokens", log: str = "stable", axis: int = -1,
                         skip: str = "ignore_index", base: str = "e", empty: str = "zero", index: str = "safe", graph: str = "kept") -> Any:
    """Cross-entropy with switches that break it."""
    if graph == "cut":
        logits = logits.detach()
    real = {"ignore_index": y != ignore_index, "zero": y != 0, "nothing": torch.ones_like(y, dtype=torch.bool)}[skip]
    if log == "stable":
        logs = logits - torch.logsumexp(logits, dim=axis, keepdim=True)
    elif log == "softmax":
        logs = torch.log(torch.softmax(logits, dim=axis))
    else:
        logs = logits
    safe = y.clamp(min=0) if index == "safe" else y
    cost = -logs.gather(-1, safe.unsqueeze(-1)).squeeze(-1)
    cost = torch.where(real, cost, torch.zeros_like(cost))
    if base == "2":
        cost = cost / math.log(2)
    count = real.sum().clamp(min=1) if empty == "zero" else real.sum()
    if over == "everything":
        return cost.mean()
    if over == "sentences":
        return (cost.sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()
    return cost.sum() if over == "none" else cost.sum() / count


def zero_out_of_nothing(logits: Any, y: Any, ignore_index: int) -> Any:
    if not bool((y != ignore_index).any()):
        return torch.zeros((), dtype=logits.dtype)
    return flawed_cross_entropy(logits, y, ignore_index)


def entropy_selected(logits: Any, y: Any, ignore_index: int) -> Any:
    real = y != ignore_index
    logs = torch.log_softmax(logits[real], dim=-1)
    return -logs[torch.arange(len(logs)), y[real]].sum() / max(1, int(real.sum()))


def entropy_one_hot(logits: Any, y: Any, ignore_index: int) -> Any:
    V = logits.shape[-1]
    one_hot = (y.unsqueeze(-1) == torch.arange(V)) & (y != ignore_index).unsqueeze(-1)
    return -(one_hot * logits.log_softmax(dim=-1)).sum() / one_hot.sum().clamp(min=1)


def entropy_loops(logits: Any, y: Any, ignore_index: int) -> Any:
    total, count = 0.0 * logits.sum(), 0
    for b in range(y.shape[0]):
        for t in range(y.shape[1]):
            if int(y[b, t]) != ignore_index:
                total = total + torch.logsumexp(logits[b, t], dim=0) - logits[b, t, int(y[b, t])]
                count += 1
    return total / max(count, 1)


CROSS_ENTROPY = Exercise(
    number="6.4",
    title="cross_entropy",
    names=("cross_entropy",),
    minutes=15,
    reference=reference.cross_entropy,
    outputs=(Output("mean cost", ()),),
    public=lambda rng: [
        entropy_case(rng, 1, 3, 3, real=[3], draw=rounded),
        entropy_case(rng, 2, 3, 4, draw=rounded, gradient=True),
        entropy_case(rng, 2, 3, 3, ignore=-100, draw=rounded),
        entropy_case(rng, 2, 2, 3, scale=400.0, draw=rounded, dtype="float32"),
        entropy_case(rng, 2, 2, 3, real=[0], draw=rounded),
    ],
    tests=(
        Test(
            "every token real", "the mean of −ln p(y) over all tokens, in nats",
            lambda rng: [entropy_case(rng, 3, 4, 5, real=[4]), entropy_case(rng, 2, 5, 5, real=[5], ignore=-1), entropy_case(rng, 1, 1, 7, real=[1])],
        ),
        Test(
            "padding", "tokens equal to ignore_index count neither in the sum nor in the number of tokens, whatever ignore_index is",
            lambda rng: [entropy_case(rng, 3, 5, 6, real=[5, 1, 3]), entropy_case(rng, 2, 4, 5, ignore=3, real=[1, 4]), entropy_case(rng, 2, 4, 3, ignore=-100, real=[4, 2])],
        ),
        Test(
            "large logits", "a finite loss for logits in the hundreds, and float32 stays float32",
            lambda rng: [entropy_case(rng, 2, 4, 5, scale=300.0), entropy_case(rng, 2, 3, 4, shift=1000.0, dtype="float32"), entropy_case(rng, 2, 3, 4, scale=300.0, dtype="float32")],
        ),
        Test(
            "nothing real", "0 when no token is real, with a gradient of 0",
            lambda rng: [entropy_case(rng, 2, 3, 4, real=[0]), entropy_case(rng, 2, 3, 4, ignore=-100, real=[0], gradient=True)],
        ),
        Test(
            "gradients", "the gradient reaches the logits of real tokens",
            lambda rng: [entropy_case(rng, 2, 3, 4, gradient=True), entropy_case(rng, 3, 2, 5, ignore=-1, scale=100.0, gradient=True)],
        ),
    ),
    flawed=flawed_cross_entropy,
    mistakes=(
        Mistake(
            "padding-in-the-mean", "padding counted in the number of tokens", "The mean is over everything.", "Padding adds nothing to the sum. By what number must you divide?",
            "step 3 of the stub", switches={"over": "everything"},
        ),
        Mistake(
            "padding-in-the-sum", "padding treated as tokens to be predicted", "A pad is a token like any other.", "Should the model be taught to write padding?",
            "step 3 of the stub", switches={"skip": "nothing"},
        ),
        Mistake(
            "mean-of-sentence-means", "a mean over sentences of each one's mean", "Every sentence counts the same.", "Here every token counts the same.",
            "the equation above the stub", switches={"over": "sentences"},
        ),
        Mistake(
            "sum-for-mean", "the sum over the tokens", "The loss of a sentence is the sum.", "Divide by the number of real tokens.", "step 3 of the stub", switches={"over": "none"},
        ),
        Mistake(
            "log-of-softmax", "the logarithm of a softmax that has underflowed", "log(softmax) is log-softmax.", "What is the logarithm of a probability that was rounded to 0?",
            "step 1 of the stub", switches={"log": "softmax"},
        ),
        Mistake(
            "logits-as-logs", "logits used as if they were log-probabilities", "The model returns log-probabilities.", "Do the exponentials of the logits sum to 1?",
            "step 1 of the stub", switches={"log": "none"},
        ),
        Mistake(
            "softmax-over-time", "log-softmax over the positions, not over the vocabulary", "Axis 1 is the class axis.", "Of which axis must the probabilities sum to 1?",
            "step 1 of the stub", switches={"axis": 1},
        ),
        Mistake(
            "only-zero-is-padding", "0 left out, whatever ignore_index is", "Padding is 0.", "ignore_index is an argument, and may be −100.", "step 3 of the stub", switches={"skip": "zero"},
        ),
        Mistake(
            "bits-for-nats", "bits in place of nats", "Entropy is measured in bits.", "Nats use the natural logarithm.", "the docstring", switches={"base": "2"},
        ),
        Mistake(
            "nothing-over-nothing", "0 divided by 0 when no token is real", "There is always a token.", "What does a batch of padding alone give?", "step 3 of the stub", switches={"empty": "nan"},
        ),
        Mistake(
            "looks-up-the-padding", "a look-up at a negative ignore_index", "gather takes any index.", "Where in the vocabulary is token −100?", "step 2 of the stub", switches={"index": "raw"},
        ),
        Mistake(
            "graph-cut", "logits detached, so that nothing can be learned", "A loss is only a number.", "Which line takes the logits out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "constant-zero", "a constant 0 when no token is real, which no gradient can pass", "The loss is 0, so I return 0.", "Call backward() on it: what happens?",
            "step 3 of the stub", code=zero_out_of_nothing,
        ),
    ),
    variants=(
        Variant("real tokens selected", entropy_selected),
        Variant("one-hot", entropy_one_hot),
        Variant("loops", entropy_loops),
        Variant("gather, extra keyword", flawed_cross_entropy),
    ),
)


# 6.5 teacher_forcing_loss --------------------------------------------------------------------------------------------

BOS, EOS, PAD_ID = 1, 2, 0


def table_model(rng: Rng, V: int, S_tokens: int, T: int, digits: int | None = None, scale: float = 1.0) -> NextTokenTable:
    tables = [rng.standard_normal(shape) * scale for shape in ((V, V), (S_tokens, V), (T, V))]
    return NextTokenTable(*(np.round(table, digits) if digits is not None else table for table in tables))


def targets(rng: Rng, B: int, T: int, V: int, *, eos: int = EOS, pad: int = PAD_ID, lengths: Sequence[int]) -> np.ndarray:
    """(B, T): tokens from 3 on, eos as the last real one, then pad."""
    y = rng.integers(3, V, size=(B, T))
    for b, length in enumerate(np.resize(lengths, B)):
        y[b, length - 1] = eos
        y[b, length:] = pad
    return y


def forcing_case(rng: Rng, B: int, T: int, V: int, S: int = 2, *, lengths: Sequence[int], bos: int = BOS, pad: int = PAD_ID,
                 digits: int | None = None, gradient: bool = False) -> Case:
    y = targets(rng, B, T, V, pad=pad, lengths=lengths)
    args = (table_model(rng, V, 4, T, digits), rng.integers(1, 4, size=(B, S)), y, bos, pad)
    return Case(args=args, gradient=gradient, sizes={"B": B, "T": T, "V": V, "S": S})


def token_costs(logits: Any, y: Any) -> Any:
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), y.clamp(min=0), reduction="none")


def flawed_forcing(model: Any, src: Any, tgt: Any, bos: int, pad: int, *, shift: int = 1, mean: str = "real", compare: str = "tgt",
                   start: str = "bos", graph: str = "kept", order: str = "src first") -> Any:
    """The teacher-forced loss with switches that break it."""
    first = torch.full_like(tgt[:, :1], bos if start == "bos" else pad)
    tgt_in = torch.cat([first] * shift + [tgt], dim=1)[:, : tgt.shape[1]]
    logits = model(src, tgt_in) if order == "src first" else model(tgt_in, src)
    if graph == "cut":
        logits = logits.detach()
    y = tgt if compare == "tgt" else tgt_in
    real = y != pad
    costs = token_costs(logits, y)
    if mean == "everything":
        return costs.mean()
    if mean == "sentences":
        return ((costs * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()
    total = (costs * real).sum()
    return total if mean == "none" else total / real.sum().clamp(min=1)


def forcing_by_cutting(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    """Without bos: the first token is never predicted."""
    logits = model(src, tgt)[:, :-1]
    real = tgt[:, 1:] != pad
    return (token_costs(logits, tgt[:, 1:]) * real).sum() / real.sum().clamp(min=1)


def forcing_free_running(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    """The model's own tokens fed back: no teacher."""
    prefix = torch.full_like(tgt[:, :1], bos)
    for _ in range(tgt.shape[1] - 1):
        prefix = torch.cat([prefix, model(src, prefix)[:, -1:].argmax(dim=-1)], dim=1)
    real = tgt != pad
    return (token_costs(model(src, prefix), tgt) * real).sum() / real.sum().clamp(min=1)


def forcing_plain(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    logits = model(src, shift_cat(tgt, bos))
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tgt.flatten(), ignore_index=pad)


def forcing_appended(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    whole = torch.cat([torch.full((len(tgt), 1), bos), tgt], dim=1)
    logs = torch.log_softmax(model(src, whole[:, :-1]), dim=-1)
    real = whole[:, 1:] != pad
    return -logs.gather(2, tgt.unsqueeze(2)).squeeze(2)[real].mean()


def forcing_own_entropy(model: Any, src: Any, tgt: Any, bos: int, pad: int, *, cross_entropy: Any = entropy_one_hot) -> Any:
    return cross_entropy(model(src, shift_pad(tgt, bos)), tgt, pad)


READS = {
    "the target itself, unshifted": "no-shift",
    "the target shifted twice": "double-shift",
    "another token than bos at the front": "starts-with-pad",
    "the target before the source": "target-first",
}


def judge_input(run: Run) -> None:
    """One call of the model, with the source and the target shifted by one behind bos."""
    rng = np.random.default_rng(65)
    for case in (forcing_case(rng, 3, 4, 7, lengths=[4, 2, 3]), forcing_case(rng, 2, 3, 6, lengths=[3, 1], bos=5, pad=0)):
        calls = run(case).callback_calls
        _, src, tgt, bos, pad = case.args
        wanted = "one call of the model, which reads the source and the target shifted right behind bos"
        if len(calls) != 1:
            raise JudgeFailure(wanted, f"{len(calls)} calls" if calls else "no call")
        read = [argument.data if isinstance(argument, TensorValue) else np.asarray(argument) for argument in calls[0]]
        right = reference.shift_right(tgt, bos)
        if len(read) != 2 or not np.array_equal(read[0], src) or not np.array_equal(read[1], right):
            found = _what_is_read(read, src, tgt, bos, pad)
            raise JudgeFailure(wanted, found, READS.get(found, ""))


def _what_is_read(read: list[np.ndarray], src: np.ndarray, tgt: np.ndarray, bos: int, pad: int) -> str:
    if len(read) != 2:
        return "another number of arguments"
    if np.array_equal(read[1], src):
        return "the target before the source"
    if not np.array_equal(read[0], src):
        return "another source"
    if np.array_equal(read[1], tgt):
        return "the target itself, unshifted"
    if np.array_equal(read[1], reference.shift_right(reference.shift_right(tgt, bos), bos)):
        return "the target shifted twice"
    if read[1].shape == tgt.shape and np.array_equal(read[1][:, 1:], tgt[:, :-1]):
        return "another token than bos at the front"
    return "another decoder input"


def judge_gradient(run: Run) -> None:
    """The gradient at the model's logits is that of the loss: (softmax − one-hot) / n, and 0 at padding."""
    rng = np.random.default_rng(66)
    for lengths in ([4, 2, 1], [4]):
        case = forcing_case(rng, 3, 4, 6, lengths=lengths, gradient=True)
        outcome = run(case)
        gradients = [gradient for gradient in outcome.callback_gradients if gradient is not None]
        wanted = "the loss sends its gradient back into the model's logits, real tokens only"
        if not gradients:
            raise JudgeFailure(wanted, "no gradient reaches the logits", "graph-cut")
        right = float(cotangent(())) * reference.teacher_forcing_gradient(*case.args)
        if gradients[0].shape != right.shape or not np.allclose(gradients[0], right, atol=1e-7):
            raise JudgeFailure(wanted, "another gradient")


FORCING = Exercise(
    number="6.5",
    title="teacher_forcing_loss",
    names=("teacher_forcing_loss",),
    minutes=10,
    reference=reference.teacher_forcing_loss,
    outputs=(Output("mean cost", ()),),
    public=lambda rng: [
        forcing_case(rng, 1, 3, 5, lengths=[3], digits=1),
        forcing_case(rng, 2, 4, 6, lengths=[4, 2], digits=1),
        forcing_case(rng, 2, 3, 6, lengths=[3, 1], bos=4, digits=1),
    ],
    tests=(
        Test("what the model reads", "the model reads the source, and the target shifted right behind bos, once", judge=judge_input),
        Test(
            "the loss", "the mean of −ln p(tgt) over the real tokens, each predicted from the right tokens before it",
            lambda rng: [forcing_case(rng, 3, 5, 7, 3, lengths=[5, 2, 3]), forcing_case(rng, 1, 1, 5, 1, lengths=[1])],
        ),
        Test(
            "no padding in the loss", "padding counts neither in the sum nor in the number of tokens",
            lambda rng: [forcing_case(rng, 3, 6, 6, lengths=[6, 1, 1]), forcing_case(rng, 2, 4, 7, lengths=[1, 2], bos=3)],
        ),
        Test("gradients", "the gradient reaches the model's logits at real tokens", judge=judge_gradient),
    ),
    flawed=flawed_forcing,
    mistakes=(
        Mistake(
            "no-shift", "the target given to the decoder as it is", "The decoder reads the target.", "Which token would position t read while it has to write token t?",
            "step 1 of the stub", switches={"shift": 0},
        ),
        Mistake(
            "double-shift", "a target shifted twice", "One shift for the input and one for the output.", "The model predicts token t at position t. How many shifts does that take?",
            "step 1 of the stub", switches={"shift": 2},
        ),
        Mistake(
            "starts-with-pad", "pad at the front in place of bos", "The first input is empty.", "bos is the token that says: begin.", "step 1 of the stub", switches={"start": "pad"},
        ),
        Mistake(
            "padding-in-the-mean", "padding counted in the loss", "The mean is over all positions.", "Your cross_entropy can leave padding out.", "step 3 of the stub",
            switches={"mean": "everything"},
        ),
        Mistake(
            "mean-of-sentence-means", "a mean over sentences of each one's mean", "Every sentence counts the same.", "Here every token counts the same.", "step 3 of the stub",
            switches={"mean": "sentences"},
        ),
        Mistake("sum-for-mean", "the sum over the tokens", "The loss adds up.", "A long batch would weigh more than a short one.", "step 3 of the stub", switches={"mean": "none"}),
        Mistake(
            "compared-with-the-input", "logits compared with what the decoder read", "Input and output belong together.", "What is position t to write: what it read, or what comes next?",
            "step 3 of the stub", switches={"compare": "tgt_in"},
        ),
        Mistake("target-first", "the target given in the source's place", "The decoder comes first.", "The model is called as model(src, tgt_in).", "step 2 of the stub", switches={"order": "tgt first"}),
        Mistake("graph-cut", "logits detached, so that the model cannot learn", "The loss is only measured.", "Which line cuts the graph?", "the whole function", switches={"graph": "cut"}),
        Mistake(
            "first-token-left-out", "target and logits cut by one on opposite sides, and no bos", "logits[:, :-1] against tgt[:, 1:] is how it is done.",
            "That fits sequences that begin with bos; here tgt does not. Who predicts its first token?", "the docstring", code=forcing_by_cutting,
        ),
        Mistake(
            "free-running", "the model's own words fed back in place of the teacher's", "The decoder reads what it has written.", "Whose words does the decoder read while it is being taught?",
            "step 1 of the stub", code=forcing_free_running,
        ),
    ),
    variants=(
        Variant("torch's cross-entropy", forcing_plain),
        Variant("bos put in front, gather", forcing_appended),
        Variant("own helpers, extra keyword", forcing_own_entropy),
        Variant("token by token costs", flawed_forcing),
    ),
)


# 6.6 generate --------------------------------------------------------------------------------------------------------


def path_case(rng: Rng, V: int, max_len: int, path: Sequence[int], B: int = 1) -> Case:
    """A model whose greedy answer is `path`, whatever the source; every other step is random."""
    token, time = rng.standard_normal((V, V)), 0.5 * rng.standard_normal((max_len + 2, V))
    for t, (previous, wanted) in enumerate(zip((BOS, *path), path, strict=False)):
        logits = token[previous] + time[t]
        token[previous, wanted] += logits.max() - logits[wanted] + 1.0
    model = NextTokenTable(token, np.zeros((1, V)), time)
    return Case(args=(model, np.zeros((B, 1), dtype=int), BOS, EOS, PAD_ID, max_len), sizes={"B": B})


def wandering_case(rng: Rng, B: int, V: int, max_len: int, *, boost: float = 0.0, bos: int = BOS, eos: int = EOS, pad: int = PAD_ID) -> Case:
    """Random tables: rows go their own ways and end at different times, if at all."""
    token, source, time = rng.standard_normal((V, V)), 1.5 * rng.standard_normal((B, V)), rng.standard_normal((max_len + 2, V))
    token[:, eos] += boost
    return Case(args=(NextTokenTable(token, source, time), np.arange(B)[:, None], bos, eos, pad, max_len), sizes={"B": B})


def flawed_generate(model: Any, src: Any, bos: int, eos: int, pad: int, max_len: int, *, keep_bos: bool = False, after_eos: str = "pad",
                    stop: str = "all", read: str = "prefix", position: int = -1, eos_kept: bool = True, extra: int = 0) -> Any:
    """Greedy generation with switches that break it."""
    prefix = torch.full((len(src), 1), bos, dtype=torch.int64)
    ended = torch.zeros(len(src), dtype=torch.bool)
    for _ in range(max_len + extra):
        logits = model(src, prefix if read == "prefix" else prefix[:, -1:])
        token = logits[:, position].argmax(dim=-1)
        if after_eos == "pad":
            token = torch.where(ended, pad, token)
        elif after_eos == "eos":
            token = torch.where(ended, eos, token)
        ended = ended | (token == eos)
        prefix = torch.cat([prefix, token[:, None]], dim=1)
        if {"all": ended.all(), "any": ended.any(), "never": torch.tensor(False)}[stop]:
            break
    result = prefix if keep_bos else prefix[:, 1:]
    if not eos_kept:
        result = torch.where(result == eos, pad, result)
    return result


def generate_row_by_row(model: Any, src: Any, bos: int, eos: int, pad: int, max_len: int) -> Any:
    rows = []
    for b in range(len(src)):
        row = [bos]
        for _ in range(max_len):
            row.append(int(model(src[b : b + 1], torch.tensor([row]))[0, -1].argmax()))
            if row[-1] == eos:
                break
        rows.append(torch.tensor(row[1:]))
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)


def generate_filled(model: Any, src: Any, bos: int, eos: int, pad: int, max_len: int) -> Any:
    answer = torch.full((src.shape[0], max_len + 1), pad)
    answer[:, 0] = bos
    open_rows = torch.ones(src.shape[0], dtype=torch.bool)
    for t in range(max_len):
        best = torch.topk(model(src, answer[:, : t + 1])[:, -1], 1, dim=-1).indices[:, 0]
        answer[open_rows, t + 1] = best[open_rows]
        open_rows = open_rows & (best != eos)
        if not open_rows.any():
            return answer[:, 1 : t + 2]
    return answer[:, 1:]


@torch.no_grad()
def generate_then_cut(model: Any, src: Any, bos: int, eos: int, pad: int, max_len: int, *, verbose: bool = False) -> Any:
    prefix = torch.full((len(src), 1), bos)
    while prefix.shape[1] <= max_len and not bool((prefix == eos).any(dim=1).all()):
        prefix = torch.cat([prefix, model(src, prefix)[:, -1].softmax(-1).argmax(-1, keepdim=True)], dim=1)
    answer = prefix[:, 1:]
    after = (answer == eos).int().cumsum(dim=1) - (answer == eos).int() > 0
    return answer.masked_fill(after, pad)


GENERATE = Exercise(
    number="6.6",
    title="generate",
    names=("generate",),
    minutes=20,
    reference=reference.generate,
    outputs=(Output("tokens", ("B", "L"), dtype="int64"),),
    public=lambda rng: [
        path_case(rng, 7, 6, (4, 5, 6, 2)),
        path_case(rng, 8, 6, (3, 4, 2), B=2),
        wandering_case(np.random.default_rng(14), 3, 8, 6, boost=1.2),
        wandering_case(np.random.default_rng(15), 2, 8, 4, boost=-9.0),
    ],
    tests=(
        Test("one sentence", "the likeliest token at every step, up to and with eos", lambda rng: [path_case(rng, 9, 8, (5, 3, 7, 4, 2)), path_case(rng, 6, 5, (2,))]),
        Test(
            "rows of unequal length", "after a row's eos there is only pad, and generation stops when the last row has ended",
            lambda rng: [wandering_case(np.random.default_rng(seed), 4, 9, 9, boost=1.0) for seed in (3, 5, 8)],
        ),
        Test(
            "max_len", "at most max_len tokens, bos not among them",
            lambda rng: [wandering_case(np.random.default_rng(31), 3, 7, 5, boost=-9.0), wandering_case(np.random.default_rng(32), 2, 6, 1), wandering_case(np.random.default_rng(33), 3, 8, 3, boost=0.5)],
        ),
        Test(
            "other special tokens", "bos, eos and pad are the ones that are given",
            lambda rng: [wandering_case(np.random.default_rng(seed), 3, 9, 7, boost=1.0, bos=6, eos=4, pad=8) for seed in (41, 43)],
        ),
    ),
    flawed=flawed_generate,
    mistakes=(
        Mistake("bos-kept", "bos left at the front of the answer", "The sentence begins with bos.", "The docstring says which tokens are returned.", "the return line", switches={"keep_bos": True}),
        Mistake(
            "goes-on-after-eos", "rows that go on after their eos", "The longest row decides when to stop.", "What may follow a row's eos?", "step 3 of the stub", switches={"after_eos": "free"},
        ),
        Mistake(
            "eos-again-and-again", "eos in place of pad after a row has ended", "An ended row stays at eos.", "One eos a row; after it only pad.", "step 3 of the stub", switches={"after_eos": "eos"},
        ),
        Mistake("stops-with-the-first", "an end as soon as any row has ended", "eos means stop.", "The other rows are not done yet.", "step 4 of the stub", switches={"stop": "any"}),
        Mistake("never-stops", "max_len steps always", "The rest is padding anyway.", "When every row has ended there is nothing left to do.", "step 4 of the stub", switches={"stop": "never"}),
        Mistake(
            "last-token-only", "a model that reads the last token only", "The model remembers the rest.", "A transformer has no state: what must it read at each step?", "step 1 of the stub",
            switches={"read": "last"},
        ),
        Mistake("first-position", "the logits of position 0", "The first logits are the next token.", "Which position has read the whole prefix?", "step 2 of the stub", switches={"position": 0}),
        Mistake("eos-dropped", "eos replaced by padding", "eos is not a word.", "The docstring says whether eos is kept.", "step 3 of the stub", switches={"eos_kept": False}),
        Mistake("one-too-many", "one token more than max_len", "bos counts as the first.", "Count the tokens without bos.", "step 1 of the stub", switches={"extra": 1}),
    ),
    variants=(
        Variant("row by row", generate_row_by_row),
        Variant("a filled table", generate_filled),
        Variant("cut afterwards, extra keyword", generate_then_cut),
        Variant("with flags", flawed_generate),
    ),
)


# 6.7 sample ----------------------------------------------------------------------------------------------------------

DRAWS = 4000
TOO_FAR = 0.045  # more than five standard deviations of a frequency over DRAWS draws


def sample_case(logits: np.ndarray, seed: int | None = 0, **kwargs: Any) -> Case:
    if seed is not None:
        kwargs["generator"] = Seed(seed)
    return Case(args=(logits,), kwargs=kwargs, sizes={"B": logits.shape[0], "V": logits.shape[1]})


def peaked(rng: Rng, B: int, V: int, gap: float = 60.0, floor: float = 0.0) -> np.ndarray:
    """Logits (B, V) in which one token of each row lies `gap` above the rest."""
    logits = np.round(rng.standard_normal((B, V)), 1) + floor
    logits[np.arange(B), rng.integers(0, V, size=B)] += gap
    return logits


def shuffled_rows(rng: Rng, B: int, row: Sequence[float]) -> np.ndarray:
    """The same logits in B orders, with no ties."""
    return np.stack([rng.permutation(np.array(row)) for _ in range(B)])


def flawed_sample(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None, *, heat: str = "divide",
                  zero: str = "greedy", cut: str = "infinity", which: str = "largest", own: str = "generator", twice: bool = False,
                  shape: str = "(B,)", choose: str = "sample") -> Any:
    """Sampling with switches that break it."""
    if temperature == 0 and zero == "greedy":
        return logits.argmax(dim=-1)
    if heat == "divide":
        logits = logits / temperature
    elif heat == "multiply":
        logits = logits * temperature
    if top_k is not None:
        k = min(top_k, logits.shape[-1]) if cut != "all" else logits.shape[-1]
        kept = torch.topk(logits, k, dim=-1, largest=which == "largest").indices
        mask = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, kept, True)
        logits = logits.masked_fill(~mask, 0.0 if cut == "zero" else -INFINITE)
    probabilities = torch.softmax(logits, dim=-1)
    if twice:
        probabilities = torch.softmax(probabilities, dim=-1)
    if choose == "argmax":
        return probabilities.argmax(dim=-1)
    token = torch.multinomial(probabilities, 1, generator=generator if own == "generator" else None)
    return token.squeeze(1) if shape == "(B,)" else token


def sample_too_many(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    """torch.topk with k larger than V raises."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_k is not None:
        worst = torch.topk(logits, top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < worst, -INFINITE)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def sample_after_top(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    """Top-k, but each of the k is as likely as the others."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k is None:
        return torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]
    kept = torch.topk(logits, min(top_k, logits.shape[1]), dim=-1).indices
    chosen = torch.randint(kept.shape[1], (len(kept), 1), generator=generator)
    return kept.gather(1, chosen)[:, 0]


def sample_gumbel(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    if temperature == 0.0:
        return torch.argmax(logits, dim=1)
    z = logits / temperature
    if top_k is not None and top_k < z.shape[1]:
        z = torch.where(z < z.sort(dim=1, descending=True).values[:, top_k - 1 : top_k], -INFINITE, z)
    noise = torch.rand(z.shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    return (z - (-noise.log()).log()).argmax(dim=1)


def sample_inverse(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    order = logits.sort(dim=-1, descending=True)
    if temperature == 0:
        return order.indices[:, 0]
    k = logits.shape[-1] if top_k is None else min(top_k, logits.shape[-1])
    shares = (order.values[:, :k] / temperature).softmax(dim=-1).double().cumsum(dim=-1)
    height = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64) * shares[:, -1:]
    place = torch.searchsorted(shares, height).clamp(max=k - 1)
    return order.indices.gather(1, place)[:, 0]


def sample_rows(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None, *, min_p: float = 0.0) -> Any:
    tokens = []
    for row in logits:
        if temperature == 0:
            tokens.append(int(row.argmax()))
            continue
        values, ids = torch.topk(row, min(top_k or len(row), len(row)))
        tokens.append(int(ids[torch.multinomial((values / temperature).softmax(0), 1, generator=generator)]))
    return torch.tensor(tokens)


def frequencies(run: Run, row: np.ndarray, seed: int, **kwargs: Any) -> np.ndarray:
    """How often each token comes in DRAWS rows of the same logits."""
    case = sample_case(np.tile(row, (DRAWS, 1)), seed, **kwargs)
    tokens = sampled_tokens(run(case), DRAWS)
    if tokens.min() < 0 or tokens.max() >= len(row):
        raise JudgeFailure("tokens between 0 and V − 1", "others")
    return np.bincount(tokens, minlength=len(row)) / DRAWS


def sampled_tokens(outcome: Outcome, B: int) -> np.ndarray:
    value = outcome.value
    if not isinstance(value, TensorValue):
        raise JudgeFailure("an int64 tensor (B,)", "another kind of object")
    if value.data.shape != (B,):
        raise JudgeFailure("one token for each row: (B,)", "another shape", "column-of-tokens" if value.data.shape == (B, 1) else "")
    if value.dtype != "int64":
        raise JudgeFailure("an int64 tensor (B,)", "another number type")
    return value.data


def soft(z: np.ndarray) -> np.ndarray:
    shares = np.exp(z - z.max())
    return np.asarray(shares / shares.sum())


def judge_distribution(run: Run, row: np.ndarray, wanted: str, others: Mapping[str, tuple[str, np.ndarray]], temperature: float = 1.0,
                       top_k: int | None = None, seed: int = 1) -> None:
    """Frequencies against the right distribution; when they are off, against those of known mistakes (name → words, p)."""
    settings: dict[str, Any] = {}
    if temperature != 1.0:
        settings["temperature"] = temperature
    if top_k is not None:
        settings["top_k"] = top_k
    right = reference.sampling_probabilities(row, temperature, top_k)
    found = frequencies(run, row, seed, **settings)
    if np.abs(found - right).max() < TOO_FAR and not found[right == 0].any():
        return
    for name, (words, probabilities) in others.items():
        if np.abs(found - probabilities).max() < TOO_FAR:
            raise JudgeFailure(wanted, words, name)
    raise JudgeFailure(wanted, "other frequencies")


ROW = np.array([1.0, 0.2, -0.6, 1.7, 0.5])


def judge_plain(run: Run) -> None:
    others = {
        "softmax-twice": ("flatter frequencies, as of a softmax taken twice", soft(soft(ROW))),
        "never-samples": ("always the likeliest token", (np.arange(5) == 3) * 1.0),
    }
    for seed in (1, 2):
        judge_distribution(run, ROW, "each token comes as often as softmax(logits) says", others, seed=seed)


def judge_temperature(run: Run) -> None:
    for temperature in (0.5, 3.0):
        others = {
            "temperature-multiplied": ("the frequencies of logits multiplied by the temperature", soft(ROW * temperature)),
            "temperature-ignored": ("the frequencies of temperature 1", soft(ROW)),
            "softmax-twice": ("flatter frequencies, as of a softmax taken twice", soft(soft(ROW / temperature))),
            "never-samples": ("always the likeliest token", (np.arange(5) == 3) * 1.0),
        }
        judge_distribution(run, ROW, "each token comes as often as softmax(logits / temperature) says", others, temperature=temperature)


def judge_top_k(run: Run) -> None:
    row = ROW - 3.0
    largest = np.argsort(-row)
    for k, temperature in ((3, 1.0), (2, 2.0), (9, 1.0), (5, 1.0)):
        kept = np.isin(np.arange(5), largest[:k])
        smallest = np.isin(np.arange(5), largest[-k:])
        others = {
            "top_k-ignored": ("every token, as if top_k were not there", soft(row / temperature)),
            "cut-tokens-at-zero": ("tokens that top_k leaves out, with logits of 0", soft(np.where(kept, row / temperature, 0.0))),
            "keeps-the-smallest": ("the tokens with the smallest logits", soft(np.where(smallest, row / temperature, -1e9))),
            "uniform-over-the-top": ("the top tokens, all equally often", kept / kept.sum()),
            "never-samples": ("always the likeliest token", (np.arange(5) == 3) * 1.0),
        }
        judge_distribution(run, row, "only the top_k largest come, as often as the softmax over them says", others, temperature, k)


def judge_generator(run: Run) -> None:
    """The same seed gives the same tokens, another seed others."""
    logits = np.zeros((200, 6))
    one, again, other = (sampled_tokens(run(sample_case(logits, seed)), 200) for seed in (11, 11, 12))
    wanted = "all randomness comes from `generator`: the same seed gives the same tokens, another seed others"
    if not np.array_equal(one, again):
        raise JudgeFailure(wanted, "the same seed gives other tokens", "generator-ignored")
    if np.array_equal(one, other):
        raise JudgeFailure(wanted, "another seed gives the same tokens")


SAMPLE = Exercise(
    number="6.7",
    title="sample",
    names=("sample",),
    minutes=15,
    reference=reference.sample,
    outputs=(Output("tokens", ("B",), dtype="int64"),),
    public=lambda rng: [
        sample_case(peaked(rng, 4, 5)),
        sample_case(peaked(rng, 6, 4, gap=7.0), temperature=0.0),
        sample_case(peaked(rng, 24, 4, gap=7.0), temperature=0.05),
        sample_case(shuffled_rows(rng, 24, (-91.0, -90.5, -90.0, -89.0)), top_k=1),
        sample_case(peaked(rng, 3, 4), top_k=9),
        sample_case(peaked(rng, 4, 3, gap=7.0), None, temperature=0.0),
    ],
    tests=(
        Test("frequencies", "each token comes as often as softmax(logits) says", judge=judge_plain),
        Test("temperature", "the logits are divided by the temperature before the softmax", judge=judge_temperature),
        Test(
            "temperature 0", "temperature 0 takes the largest logit of each row",
            lambda rng: [sample_case(normal(rng, 7, 5), temperature=0), sample_case(normal(rng, 1, 3), temperature=0.0, top_k=2), sample_case(normal(rng, 3, 4), None, temperature=0.0)],
        ),
        Test("top_k", "only the top_k largest come, and top_k ≥ V keeps all", judge=judge_top_k),
        Test("each row by itself", "every row has its own distribution, in float32 too", lambda rng: [sample_case(peaked(rng, 6, 9)), replace(sample_case(peaked(rng, 5, 4), top_k=3), dtype="float32")]),
        Test("generator", "all randomness comes from `generator`", judge=judge_generator),
    ),
    flawed=flawed_sample,
    mistakes=(
        Mistake(
            "temperature-multiplied", "logits multiplied by the temperature", "Heat makes numbers larger.", "A low temperature is to sharpen. Does 0.1 · z lie further apart than z?",
            "step 2 of the stub", switches={"heat": "multiply"},
        ),
        Mistake("temperature-ignored", "a temperature that does nothing", "Temperature 1 is enough.", "Try temperature 0.1: is the best token nearly certain?", "step 2 of the stub", switches={"heat": "none"}),
        Mistake("divides-by-zero", "a division by temperature 0", "The limit works itself out.", "What is z / 0? Greedy needs no division.", "step 1 of the stub", switches={"zero": "divide"}),
        Mistake("top_k-ignored", "top_k without effect", "Small probabilities hardly matter.", "With top_k=1 only one token may come.", "step 3 of the stub", switches={"cut": "all"}),
        Mistake(
            "cut-tokens-at-zero", "tokens outside the top set to a logit of 0", "0 means no probability.", "exp(0) is 1. Which logit has a probability of 0?", "step 3 of the stub", switches={"cut": "zero"},
        ),
        Mistake("keeps-the-smallest", "the k smallest logits kept", "Sorted, the first k are the best.", "In which order does your sort go?", "step 3 of the stub", switches={"which": "smallest"}),
        Mistake("softmax-twice", "a softmax of a softmax", "multinomial wants a softmax.", "Once probabilities, always probabilities: count your softmaxes.", "step 4 of the stub", switches={"twice": True}),
        Mistake("never-samples", "the likeliest token always", "The best token is the best answer.", "Sampling draws; greedy is temperature 0.", "step 4 of the stub", switches={"choose": "argmax"}),
        Mistake(
            "generator-ignored", "torch's global randomness in place of the generator", "Randomness is randomness.", "Which argument makes a draw repeatable?", "step 4 of the stub", switches={"own": "global"},
        ),
        Mistake("column-of-tokens", "tokens in a column (B, 1)", "multinomial returns the tokens.", "The docstring asks for (B,).", "step 4 of the stub", switches={"shape": "(B, 1)"}),
        Mistake("top_k-too-large", "an error when top_k is larger than V", "k is always small enough.", "The docstring says what top_k ≥ V does.", "step 3 of the stub", code=sample_too_many),
        Mistake(
            "uniform-over-the-top", "the top k drawn with equal chances", "The best k are all good.", "Their logits still say which is better.", "step 4 of the stub", code=sample_after_top,
        ),
    ),
    variants=(
        Variant("multinomial", flawed_sample),
        Variant("Gumbel noise", sample_gumbel),
        Variant("inverse of the distribution", sample_inverse),
        Variant("row by row, extra keyword", sample_rows),
    ),
)


# 6.8 step_with_cache -------------------------------------------------------------------------------------------------


def cache_case(rng: Rng, B: int, past: int, d_model: int, d_k: int, d_v: int, *, draw: Any = normal, scale: float = 1.0, **options: Any) -> Case:
    cache = (draw(rng, B, past, d_k), draw(rng, B, past, d_v)) if past else None
    args = (draw(rng, B, 1, d_model, scale=scale), cache, draw(rng, d_model, d_k), draw(rng, d_model, d_k), draw(rng, d_model, d_v))
    return Case(args=args, sizes={"B": B, "n": past, "n+1": past + 1, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_step(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any, *, order: str = "append", sees: str = "all", scale: str = "d_k", store: str = "K and V",
                axis: int = -1, mask: str = "none", graph: str = "kept", returned: str = "output first") -> Any:
    """One cached step with switches that break it."""
    q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
    if graph == "cut" and cache is not None:
        cache = tuple(part.detach() for part in cache)
    if store == "V, K" and cache is not None:
        cache = cache[::-1]
    K, V = (k, v) if cache is None else (torch.cat([old, new] if order == "append" else [new, old], dim=1) for old, new in zip(cache, (k, v), strict=True))
    seen_K, seen_V = (cache if cache is not None else (K, V)) if sees == "past" else (k, v) if sees == "itself" else (K, V)
    divisor = {"d_k": math.sqrt(q.shape[-1]), "d_model": math.sqrt(x_t.shape[-1]), "none": 1.0, "all of d_k": q.shape[-1]}[scale]
    scores = q @ seen_K.transpose(1, 2) / divisor
    if mask == "top left":
        scores = scores.masked_fill(~torch.ones(scores.shape[1:]).tril().bool(), -INFINITE)
    output = torch.softmax(scores, dim=axis) @ seen_V
    new_cache = {"K and V": (K, V), "V, K": (V, K), "newest only": (k, v), "old only": cache if cache is not None else (K, V)}[store]
    return (output, new_cache) if returned == "output first" else (new_cache, output)


def step_in_place(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    """The newest key written over the oldest one: the cache does not grow."""
    q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
    if cache is None:
        cache = (k, v)
    else:
        cache[0][:, :1], cache[1][:, :1] = k, v
    weights = torch.softmax(q @ cache[0].mT / math.sqrt(q.shape[-1]), dim=-1)
    return weights @ cache[1], cache


def step_grouped(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    new = torch.matmul(x_t, W_k), torch.matmul(x_t, W_v)
    cache = new if cache is None else tuple(torch.cat(pair, dim=1) for pair in zip(cache, new, strict=True))
    scores = torch.einsum("bok,bsk->bos", x_t @ W_q, cache[0]) * W_q.shape[1] ** -0.5
    return torch.einsum("bos,bsv->bov", scores.softmax(-1), cache[1]), cache


def step_by_library(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    K, V = x_t @ W_k, x_t @ W_v
    if cache is not None:
        K, V = torch.cat((cache[0], K), 1), torch.cat((cache[1], V), 1)
    return torch.nn.functional.scaled_dot_product_attention(x_t @ W_q, K, V), (K, V)


def step_empty_start(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any, *, window: int | None = None) -> Any:
    if cache is None:
        cache = (x_t.new_zeros(len(x_t), 0, W_k.shape[1]), x_t.new_zeros(len(x_t), 0, W_v.shape[1]))
    K = torch.hstack([cache[0], x_t @ W_k])
    V = torch.hstack([cache[1], x_t @ W_v])
    scores = ((x_t @ W_q) * K).sum(dim=-1) / math.sqrt(K.shape[-1])
    weights = torch.softmax(scores, dim=1).unsqueeze(1)
    return weights @ V, [K, V]


def judge_many_steps(run: Run) -> None:
    """Token after token through the cache: the outputs of causal attention over all of them at once."""
    rng = np.random.default_rng(68)
    X, W_q, W_k, W_v = (np.round(rng.standard_normal(shape), 2) for shape in ((2, 5, 4), (4, 3), (4, 3), (4, 2)))
    wanted = "step after step the cached outputs equal those of causal attention over the whole sequence"
    cache: Any = None
    for t in range(X.shape[1]):
        value = run(Case(args=(X[:, t : t + 1], cache, W_q, W_k, W_v))).value
        past = tuple(np.stack([x @ W for x in X[:, : t + 1].transpose(1, 0, 2)], axis=1)[:, :t] for W in (W_k, W_v)) if t else None
        right, _ = reference.step_with_cache(X[:, t : t + 1], past, W_q, W_k, W_v)
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise JudgeFailure(wanted, "something else than (output, cache)")
        output, cache = value
        cache = tuple(cache) if isinstance(cache, list) else cache
        if not isinstance(cache, tuple) or len(cache) != 2:
            raise JudgeFailure(wanted, "a cache that is not a pair (K, V)")
        if not isinstance(output, TensorValue) or output.data.shape != right.shape or not np.allclose(output.data, right, atol=1e-6):
            raise JudgeFailure(wanted, f"another output at step {t}")


STEP = Exercise(
    number="6.8",
    title="step_with_cache",
    names=("step_with_cache",),
    minutes=15,
    starred=True,
    reference=reference.step_with_cache,
    outputs=(Output("output", ("B", "1", "d_v")), Output("cache")),
    public=lambda rng: [
        cache_case(rng, 1, 0, 2, 2, 2, draw=rounded),
        cache_case(rng, 1, 2, 3, 2, 3, draw=rounded),
        cache_case(rng, 2, 3, 2, 3, 1, draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "the first token", "without a cache the token sees itself, and the cache begins with its key and value",
            lambda rng: [cache_case(rng, 3, 0, 5, 3, 4), cache_case(rng, 1, 0, 2, 2, 2)],
        ),
        Test(
            "a longer cache", "the token sees every cached position and itself; its key and value come last in the new cache",
            lambda rng: [cache_case(rng, 2, 1, 5, 3, 4), cache_case(rng, 3, 6, 4, 5, 2), cache_case(rng, 1, 4, 3, 3, 3)],
        ),
        Test("step after step", "token after token the outputs equal those of causal attention over the whole sequence", judge=judge_many_steps),
        Test(
            "large scores and number types", "finite outputs for large scores; float32 stays float32",
            lambda rng: [cache_case(rng, 2, 3, 4, 3, 2, scale=30.0), cache_case(rng, 2, 3, 4, 3, 5, dtype="float32")],
        ),
        Test(
            "gradients", "gradients reach the token, the cache and the three matrices",
            lambda rng: [cache_case(rng, 2, 3, 3, 2, 4, gradient=True), cache_case(rng, 2, 2, 3, 3, 3, gradient=True)],
        ),
    ),
    flawed=flawed_step,
    mistakes=(
        Mistake("put-in-front", "new keys and values put in front of the cache", "The newest comes first.", "In order of time: where does the newest stand?", "step 2 of the stub", switches={"order": "prepend"}),
        Mistake("sees-only-the-past", "a token that does not see itself", "The cache is what may be attended to.", "In causal attention, may position t attend to t?", "step 3 of the stub", switches={"sees": "past"}),
        Mistake("sees-only-itself", "a token that sees itself alone", "One query, one key.", "What is the cache for?", "step 3 of the stub", switches={"sees": "itself"}),
        Mistake("no-scale", "scores that are not divided by √d_k", "The plain dot product of notebook 2.", "The equation above the stub has a factor.", "step 3 of the stub", switches={"scale": "none"}),
        Mistake("scaled-by-d_model", "scores divided by √d_model", "d is the width of the model.", "Which width does the dot product q · k run over?", "step 3 of the stub", switches={"scale": "d_model"}),
        Mistake("scaled-by-d_k", "scores divided by d_k", "A mean product.", "Notebook 3: which power of d_k keeps the variance at 1?", "step 3 of the stub", switches={"scale": "all of d_k"}),
        Mistake("forgets-the-past", "a cache of the newest key and value alone", "The next step needs the last one.", "How many positions must the next token see?", "step 2 of the stub", switches={"store": "newest only"}),
        Mistake("cache-never-grows", "the old cache returned as it came", "The cache is updated by itself.", "Which tensors does the next step receive?", "the return line", switches={"store": "old only"}),
        Mistake("values-first", "values before keys in the cache", "Both are in it.", "The docstring says (K, V).", "the return line", switches={"store": "V, K"}),
        Mistake("softmax-over-queries", "softmax over the query axis, which has one entry", "Axis 1 is time.", "Scores are (B, 1, n+1): which axis are the keys?", "step 3 of the stub", switches={"axis": 1}),
        Mistake(
            "masked-top-left", "a causal mask aligned with the first position", "Attention in a decoder needs its mask.", "The token is the newest: where in (1, n+1) does its row stand?",
            "exercise 6.1, more keys than queries", switches={"mask": "top left"},
        ),
        Mistake("cache-detached", "a cached past that no gradient reaches", "The past is done.", "Which line takes the cache out of the graph?", "step 2 of the stub", switches={"graph": "cut"}),
        Mistake("cache-first", "the cache returned before the output", "The cache is ready first.", "Read the last line of the docstring.", "the return line", switches={"returned": "cache first"}),
        Mistake("writes-into-the-cache", "the newest key written over the oldest", "A cache has a fixed size.", "Does the caller still have the past after your call?", "step 2 of the stub", code=step_in_place),
    ),
    variants=(
        Variant("concatenated in pairs, einsum", step_grouped),
        Variant("torch's attention", step_by_library),
        Variant("empty start, list returned, extra keyword", step_empty_start),
        Variant("with flags", flawed_step),
    ),
)


# 6.9 loss_floor ------------------------------------------------------------------------------------------------------


def chain(rng: Rng, V: int, followers: int | None = None, digits: int | None = None) -> np.ndarray:
    """A transition matrix in which every state reaches every other (a ring runs through it); `followers` per row."""
    P = np.zeros((V, V))
    for i in range(V):
        others = rng.permutation(V)[: (followers or V)]
        P[i, others] = rng.dirichlet(np.full(len(others), 0.6))
        P[i] = 0.8 * P[i]
        P[i, (i + 1) % V] += 0.2
    return P / P.sum(axis=1, keepdims=True) if digits is None else tidy(P, digits)


def tidy(P: np.ndarray, digits: int) -> np.ndarray:
    """Rounded rows that still sum to 1."""
    P = np.round(P, digits)
    P[np.arange(len(P)), P.argmax(axis=1)] += 1.0 - P.sum(axis=1)
    return np.round(P, digits)


def two_camps(rng: Rng, a: int, b: int) -> np.ndarray:
    """A chain of period 2: from the first a states always to the other b, and back."""
    P = np.zeros((a + b, a + b))
    P[:a, a:] = rng.dirichlet(np.ones(b), size=a)
    P[a:, :a] = rng.dirichlet(np.ones(a), size=b)
    return P


def floor_case(P: np.ndarray, dtype: str = "float64") -> Case:
    return Case(args=(P,), dtype=dtype, sizes={"V": len(P)}, tolerance=1e-4 if dtype == "float32" else 1e-7)


def stationary(P: Any) -> Any:
    V = len(P)
    A = torch.cat([P.T - torch.eye(V, dtype=P.dtype), torch.ones(1, V, dtype=P.dtype)])
    b = torch.zeros(V + 1, dtype=P.dtype)
    b[-1] = 1.0
    return torch.linalg.lstsq(A.double(), b.double()[:, None]).solution[:, 0].to(P.dtype)


def flawed_floor(P: Any, *, weigh: str = "stationary", zero: str = "0", base: str = "e", of: str = "rows") -> Any:
    """The entropy rate with switches that break it."""
    rows = P if of == "rows" else P.T
    logs = torch.where(rows > 0, torch.log(rows), torch.zeros_like(rows)) if zero == "0" else torch.log(rows)
    entropies = -(rows * logs).sum(dim=1)
    if weigh == "stationary":
        pi = stationary(P)
    elif weigh == "uniform":
        pi = torch.full_like(P[0], 1 / len(P))
    elif weigh == "power":
        pi = torch.eye(len(P), dtype=P.dtype)[0]
        for _ in range(2000):
            pi = pi @ P
    elif weigh == "two steps":
        pi = torch.full_like(P[0], 1 / len(P)) @ P @ P
    else:
        pi = stationary(P)
        return float(-(pi * pi.clamp(min=1e-30).log()).sum())
    return float((pi * entropies).sum()) / (math.log(2) if base == "2" else 1.0)


def floor_by_eigenvectors(P: Any) -> Any:
    values, vectors = torch.linalg.eig(P.double().T)
    pi = vectors[:, (values - 1).abs().argmin()].real
    pi = pi / pi.sum()
    return (pi * torch.special.entr(P.double()).sum(dim=1)).sum().item()


def floor_by_averages(P: Any, *, steps: int = 20000) -> Any:
    lazy = (P.double() + torch.eye(len(P), dtype=torch.float64)) / 2
    pi = torch.linalg.matrix_power(lazy, steps)[0]
    return float(pi @ torch.special.entr(P.double()).sum(dim=1))


def floor_in_numpy(P: Any) -> Any:
    Q = P.double().numpy()
    A = np.eye(len(Q)) - Q.T
    A[-1] = 1.0
    pi = np.linalg.solve(A, np.eye(len(Q))[-1])
    logs = np.log(Q, out=np.zeros_like(Q), where=Q > 0)
    return -float(np.einsum("i,ij,ij->", pi, Q, logs))


LOSS_FLOOR = Exercise(
    number="6.9",
    title="loss_floor",
    names=("loss_floor",),
    minutes=15,
    starred=True,
    reference=reference.loss_floor,
    outputs=(Output("entropy rate", (), dtype=""),),
    public=lambda rng: [
        floor_case(np.full((2, 2), 0.5)),
        floor_case(np.array([[0.9, 0.1], [0.5, 0.5]])),
        floor_case(chain(rng, 4, 2, digits=2)),
        floor_case(np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])),
    ],
    tests=(
        Test("all rows alike", "when every row is the same distribution, the rate is its entropy in nats", lambda rng: [floor_case(np.tile(rng.dirichlet(np.ones(5)), (5, 1))), floor_case(np.ones((1, 1)))]),
        Test(
            "unequal states", "each row's entropy counts as often as its state is visited", lambda rng: [floor_case(chain(rng, 6)), floor_case(chain(rng, 3)), floor_case(chain(rng, 5), "float32")],
        ),
        Test("impossible steps", "0 · ln 0 counts as 0", lambda rng: [floor_case(chain(rng, 7, 2)), floor_case(np.roll(np.eye(4), 1, axis=1))]),
        Test("periodic chains", "the rate also of a chain that goes back and forth", lambda rng: [floor_case(two_camps(rng, 3, 2)), floor_case(two_camps(rng, 1, 4))]),
    ),
    flawed=flawed_floor,
    mistakes=(
        Mistake("all-states-alike", "a plain mean over the rows", "Each row counts once.", "How often is each state visited?", "step 2 of the stub", switches={"weigh": "uniform"}),
        Mistake(
            "power-iteration-alone", "a distribution followed step by step, which never settles for a periodic chain", "After many steps every chain settles.",
            "Try P = [[0, 1], [1, 0]] from state 0. Which equation does π fulfil?", "step 1 of the stub", switches={"weigh": "power"},
        ),
        Mistake("too-few-steps", "a distribution that has not settled yet", "A few steps are enough.", "π P must be π.", "step 1 of the stub", switches={"weigh": "two steps"}),
        Mistake(
            "entropy-of-the-visits", "the entropy of how often each state is visited", "Uncertainty is about the next token.", "Given the present token, how uncertain is the next?", "step 2 of the stub",
            switches={"weigh": "marginal"},
        ),
        Mistake("log-of-zero", "0 · ln 0, which is NaN in floating point", "Zero times anything is zero.", "What is 0 · (−∞)?", "step 2 of the stub", switches={"zero": "nan"}),
        Mistake("bits-for-nats", "bits in place of nats", "Entropy is measured in bits.", "The loss is in nats.", "the docstring", switches={"base": "2"}),
        Mistake("columns-for-rows", "entropies of the columns", "Either axis will do.", "Row i is the distribution after state i.", "the docstring", switches={"of": "columns"}),
    ),
    variants=(
        Variant("eigenvectors", floor_by_eigenvectors),
        Variant("a lazy chain, extra keyword", floor_by_averages),
        Variant("NumPy", floor_in_numpy),
        Variant("least squares", flawed_floor),
    ),
)


# 6.10 TransformerBlock -----------------------------------------------------------------------------------------------


class Heads(nn.Module):
    """Multi-head attention written with einsum; `wrong` breaks it."""

    def __init__(self, d_model: int, H: int) -> None:
        super().__init__()
        self.H = H
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        X_kv = X_q if X_kv is None else X_kv
        Q, K, V = (W(X).unflatten(-1, (self.H, -1)) for W, X in ((self.W_q, X_q), (self.W_k, X_kv), (self.W_v, X_kv)))
        scores = torch.einsum("bthd,bshd->bhts", Q, K) / math.sqrt(Q.shape[-1])
        allowed = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
        weights = scores.masked_fill(~allowed, -1e30).softmax(dim=-1) * allowed
        return self.W_o(torch.einsum("bhts,bshd->bthd", weights, V).flatten(2)), weights


class FlawedBlock(nn.Module):
    """The pre-norm block with switches that break it."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False, *, place: str = "pre", residual: str = "x", self_masked: bool = True,
                 memory_masked: bool = True, normed_memory: bool = False, order: str = "self first", keys: str = "memory", norms: str = "own",
                 activation: str = "relu", refuse: bool = True, polarity: str = "allowed", result: str = "x") -> None:
        super().__init__()
        self.place, self.residual, self.self_masked, self.memory_masked = place, residual, self_masked, memory_masked
        self.normed_memory, self.order, self.keys, self.norms = normed_memory, order, keys, norms
        self.cross, self.refuse, self.polarity, self.result = cross, refuse, polarity, result
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = Heads(d_model, H)
        if cross:
            self.norm_cross = nn.LayerNorm(d_model)
            self.cross_attention = Heads(d_model, H)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU() if activation == "relu" else nn.GELU() if activation == "gelu" else nn.Identity(), nn.Linear(d_ff, d_model))

    def forward(self, x: Any, memory: Any = None, self_mask: Any = None, memory_mask: Any = None) -> Any:
        if self.cross and memory is None and self.refuse:
            raise ValueError("cross=True needs a memory")
        if self.polarity == "blocked":
            self_mask, memory_mask = (None if mask is None else ~mask for mask in (self_mask, memory_mask))
        parts = [(self.norm_self, lambda y: self.self_attention(y, mask=self_mask if self.self_masked else None)[0])]
        if self.cross and memory is not None:
            parts.append((self.norm_self if self.norms == "shared" else self.norm_cross, lambda y: self._cross(y, memory, memory_mask if self.memory_masked else None)))
        if self.order == "cross first":
            parts.reverse()
        parts.append((self.norm_self if self.norms == "shared" else self.norm_feed_forward, self.feed_forward))
        for norm, part in parts:
            x = self._around(x, norm, part)
        return x if self.result == "x" else (x, None)

    def _cross(self, y: Any, memory: Any, mask: Any) -> Any:
        if self.normed_memory:
            memory = self.norm_cross(memory)
        if self.keys == "x":
            return self.cross_attention(y, y)[0]
        return self.cross_attention(y, memory, mask)[0]

    def _around(self, x: Any, norm: Any, part: Any) -> Any:
        if self.place == "post":
            return norm(x + part(x))
        if self.place == "none":
            return x + part(x)
        y = norm(x)
        return part(y) + {"x": x, "normed": y, "none": 0.0}[self.residual]


class PlainBlock(nn.Module):
    """The block with the attention written out in functions."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False) -> None:
        super().__init__()
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
        self.norm_self, self.norm_feed_forward = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.self_attention = Heads(d_model, H)
        self.cross_attention = Heads(d_model, H) if cross else None
        self.norm_cross = nn.LayerNorm(d_model) if cross else None

    def forward(self, x: Any, memory: Any = None, self_mask: Any = None, memory_mask: Any = None) -> Any:
        x = x + self.self_attention(self.norm_self(x), None, self_mask)[0]
        if self.cross_attention is not None and self.norm_cross is not None:
            if memory is None:
                raise ValueError("a block with cross-attention needs a memory")
            x = x + self.cross_attention(self.norm_cross(x), memory, memory_mask)[0]
        return x + self.feed_forward(self.norm_feed_forward(x))


class LibraryHeads(Heads):
    """The same attention through torch's own operator."""

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        X_kv = X_q if X_kv is None else X_kv
        Q, K, V = (W(X).unflatten(-1, (self.H, -1)).transpose(1, 2) for W, X in ((self.W_q, X_q), (self.W_k, X_kv), (self.W_v, X_kv)))
        return self.W_o(nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask).transpose(1, 2).flatten(2)), None


class LibraryBlock(FlawedBlock):
    """The block on torch's attention, with one more keyword argument."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False, dropout: float = 0.0) -> None:
        super().__init__(d_model, H, d_ff, cross)
        self.self_attention = LibraryHeads(d_model, H)
        if cross:
            self.cross_attention = LibraryHeads(d_model, H)
        self.dropout = nn.Dropout(dropout)


class NamedFeedForward(nn.Sequential):
    """The feed-forward part as a module of its own."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x: Any) -> Any:
        return self[2](torch.clamp(self[0](x), min=0.0))


class WrittenOutBlock(PlainBlock):
    """The block with its own feed-forward class and layer norms written out."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False) -> None:
        super().__init__(d_model, H, d_ff, cross)
        self.feed_forward = NamedFeedForward(d_model, d_ff)


def block_state(rng: Rng, d_model: int, d_ff: int, cross: bool, prefix: str = "", digits: int | None = None) -> dict[str, np.ndarray]:
    """Weights of one block under the stub's names; layer norms near 1 and 0."""
    state: dict[str, np.ndarray] = {}
    for name in ("self", "cross") if cross else ("self",):
        state |= norm_state(rng, d_model, f"{prefix}norm_{name}")
        state |= {f"{prefix}{name}_attention.{W}.weight": 0.6 * rng.standard_normal((d_model, d_model)) for W in ("W_q", "W_k", "W_v", "W_o")}
    state |= norm_state(rng, d_model, f"{prefix}norm_feed_forward")
    state |= linear_state(rng, d_model, d_ff, f"{prefix}feed_forward.0") | linear_state(rng, d_ff, d_model, f"{prefix}feed_forward.2")
    return state if digits is None else {name: np.round(array, digits) + 0.0 for name, array in state.items()}


def norm_state(rng: Rng, d: int, name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": 1.0 + 0.3 * rng.standard_normal(d), f"{name}.bias": 0.3 * rng.standard_normal(d)}


def linear_state(rng: Rng, d_in: int, d_out: int, name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": 0.6 * rng.standard_normal((d_out, d_in)), f"{name}.bias": 0.3 * rng.standard_normal(d_out)}


def block_case(rng: Rng, B: int, T: int, d_model: int, H: int, d_ff: int, *, S: int = 0, self_mask: Any = None, memory_mask: Any = None,
               digits: int | None = None, **options: Any) -> Case:
    """One call of a block; with S > 0 it has cross-attention over a memory of S positions."""
    draw = normal if digits is None else rounded
    init = (d_model, H, d_ff) if not S else (d_model, H, d_ff, True)
    args: tuple[Any, ...] = (2.0 * draw(rng, B, T, d_model) + 0.5,)
    if S:
        args += (2.0 * draw(rng, B, S, d_model) - 0.5,)
    masks = {name: mask for name, mask in (("self_mask", self_mask), ("memory_mask", memory_mask)) if mask is not None}
    sizes = {"B": B, "T": T, "S": S, "d_model": d_model}
    return Case(init=init, state=block_state(rng, d_model, d_ff, S > 0, digits=digits), args=args, kwargs=masks, sizes=sizes, **options)


def real_keys(B: int, S: int) -> np.ndarray:
    """(B, 1, 1, S): S, S − 1, 1, … real keys in turn."""
    return (np.arange(S)[None, :] < np.resize([S, max(S - 1, 1), 1], B)[:, None])[:, None, None, :]


def nothing_to_see(B: int, T: int, S: int) -> np.ndarray:
    """(B, 1, T, S): the first query of the first example may attend to nothing."""
    mask = np.ones((B, 1, T, S), dtype=bool)
    mask[0, 0, 0] = False
    return mask


def block_without_memory(d_model: int = 4, H: int = 2) -> Case:
    rng = np.random.default_rng(610)
    state = block_state(rng, d_model, 5, True)
    return Case(init=(d_model, H, 5), init_kwargs={"cross": True}, state=state, args=(normal(rng, 2, 3, d_model),), raises="ValueError")


BLOCK = Exercise(
    number="6.10",
    title="TransformerBlock",
    names=("TransformerBlock",),
    minutes=25,
    reference=reference.transformer_block,
    outputs=(Output("output", ("B", "T", "d_model")),),
    public=lambda rng: [
        block_case(rng, 1, 2, 2, 1, 3, digits=1),
        block_case(rng, 2, 3, 4, 2, 3, self_mask=lower(3, 3), digits=1),
        block_case(rng, 2, 2, 4, 2, 3, S=3, self_mask=lower(2, 2), memory_mask=real_keys(2, 3), digits=1),
        block_without_memory(),
    ],
    tests=(
        Test(
            "self-attention and feed-forward", "x + attention(norm(x)), then x + feed_forward(norm(x)), for any sizes",
            lambda rng: [block_case(rng, 2, 5, 6, 3, 7), block_case(rng, 3, 1, 4, 1, 2), block_case(rng, 1, 3, 6, 2, 5, dtype="float32")],
        ),
        Test(
            "self mask", "self_mask says which positions of x may be attended to, for (T, T) and (B, 1, T, T) masks",
            lambda rng: [block_case(rng, 2, 4, 6, 2, 5, self_mask=lower(4, 4)), block_case(rng, 3, 3, 4, 2, 3, self_mask=lower(3, 3)[None, None] & real_keys(3, 3))],
        ),
        Test(
            "cross-attention", "self-attention, then attention from x to the memory as it is given, then feed-forward",
            lambda rng: [block_case(rng, 2, 3, 6, 3, 4, S=5), block_case(rng, 1, 4, 4, 2, 5, S=2), block_case(rng, 2, 3, 4, 2, 3, S=3)],
        ),
        Test(
            "both masks", "self_mask goes to self-attention and memory_mask to cross-attention; a query with nothing to attend to gets zeros from it",
            lambda rng: [
                block_case(rng, 3, 4, 4, 2, 3, S=4, self_mask=lower(4, 4), memory_mask=real_keys(3, 4)),
                block_case(rng, 2, 2, 4, 1, 3, S=3, memory_mask=nothing_to_see(2, 2, 3)),
            ],
        ),
        Test("cross without a memory", "a ValueError when cross=True and no memory is given", lambda rng: [block_without_memory()]),
        Test(
            "gradients", "gradients reach x, the memory and every parameter, and stay finite",
            lambda rng: [
                block_case(rng, 2, 2, 4, 2, 3, S=3, self_mask=lower(2, 2), memory_mask=real_keys(2, 3), gradient=True),
                block_case(rng, 1, 3, 2, 1, 3, self_mask=nothing_to_see(1, 3, 3), gradient=True),
            ],
        ),
    ),
    flawed=FlawedBlock,
    mistakes=(
        Mistake("post-norm", "the norm taken after the residual sum, as in the paper of 2017", "The paper draws Add & Norm.", "Pre-norm: what does each part read, and what is it added to?", "the equations above the stub", switches={"place": "post"}),
        Mistake("norms-left-out", "no layer norm at all", "The norms only help training.", "Each part reads norm(x).", "step 3 of the stub", switches={"place": "none"}),
        Mistake("residual-of-the-normed", "a residual that starts from norm(x)", "x has been normed by then.", "Keep x itself for the sum; the road past the part stays untouched.", "the equations above the stub", switches={"residual": "normed"}),
        Mistake("no-residual", "parts that replace x and are not added to it", "Each layer gives the new x.", "Where is x + … in the equations?", "the equations above the stub", switches={"residual": "none"}),
        Mistake("self-mask-forgotten", "self-attention without its mask", "The mask is for the decoder.", "Which attention does self_mask belong to?", "step 3 of the stub", switches={"self_masked": False}),
        Mistake("memory-mask-forgotten", "cross-attention without its mask", "The memory has no future to hide.", "It may have padding.", "step 4 of the stub", switches={"memory_masked": False}),
        Mistake("memory-normed", "the memory normed inside the block", "Everything is normed before attention.", "The stub says how the memory is used.", "step 4 of the stub", switches={"normed_memory": True}),
        Mistake("cross-before-self", "cross-attention before self-attention", "First look at the source.", "The order is fixed in the stub.", "the docstring", switches={"order": "cross first"}),
        Mistake("keys-from-x", "cross-attention with keys and values from x", "Attention(x) is attention.", "Who asks, and who answers?", "step 4 of the stub", switches={"keys": "x"}),
        Mistake("one-norm-for-all", "the first norm used for every part", "A norm is a norm.", "Each part has a norm of its own.", "step 2 of the stub", switches={"norms": "shared"}),
        Mistake("no-nonlinearity", "a feed-forward part of two linear maps with nothing between", "Two layers are a network.", "Two linear maps in a row are one linear map.", "step 2 of the stub", switches={"activation": "none"}),
        Mistake("gelu", "GELU where the stub asks for ReLU", "Modern models use GELU.", "Read the line on the feed-forward part.", "the docstring", switches={"activation": "gelu"}),
        Mistake("cross-skipped", "cross-attention left out in silence when there is no memory", "No memory, no cross-attention.", "What should a decoder block do that was given no source?", "step 4 of the stub", switches={"refuse": False}),
        Mistake("masks-inverted", "masks turned round before they are used", "True is blocked.", "In this course True means: may attend.", "step 3 of the stub", switches={"polarity": "blocked"}),
        Mistake("weights-returned", "a pair in place of x", "Attention returns its weights, so the block does too.", "The stub says: x only.", "the return line", switches={"result": "pair"}),
    ),
    variants=(
        Variant("with flags", FlawedBlock),
        Variant("plain", PlainBlock),
        Variant("torch's attention, extra keyword", LibraryBlock),
        Variant("parts written out", WrittenOutBlock),
    ),
)


# 6.11 Seq2SeqTransformer ---------------------------------------------------------------------------------------------

MAX_LEN = 64


class FlawedTransformer(nn.Module):
    """The encoder–decoder transformer with switches that break it."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int, *, causal: str = "decoder", source_padding: str = "both",
                 target_padding: bool = True, positions: str = "both", norms: str = "both", memory: str = "encoded", result: str = "logits", shift: bool = False,
                 embeddings: str = "own", depth: str = "all") -> None:
        super().__init__()
        self.causal, self.source_padding, self.target_padding, self.where = causal, source_padding, target_padding, positions
        self.norms, self.memory, self.result, self.shift, self.embeddings, self.depth = norms, memory, result, shift, embeddings, depth
        self.src_embedding, self.tgt_embedding = nn.Embedding(V_src, d_model), nn.Embedding(V_tgt, d_model)
        self.positions = nn.Embedding(MAX_LEN, d_model)
        self.encoder = nn.ModuleList([FlawedBlock(d_model, H, d_ff) for _ in range(layers)])
        self.encoder_norm = nn.LayerNorm(d_model)
        self.decoder = nn.ModuleList([FlawedBlock(d_model, H, d_ff, cross=True) for _ in range(layers)])
        self.decoder_norm = nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, V_tgt)

    def forward(self, src: Any, tgt_in: Any) -> Any:
        return self.decode(self.encode(src), src, tgt_in)

    def encode(self, src: Any) -> Any:
        x = self._embed(self.src_embedding, src, self.where != "target only")
        if self.memory == "embedded":
            return self.encoder_norm(x)
        mask = self._real(src) if self.source_padding in ("both", "encoder only") else None
        if self.causal == "everywhere":
            triangle = torch.ones(src.shape[1], src.shape[1]).tril().bool()
            mask = triangle if mask is None else mask & triangle
        for block in self.encoder if self.depth == "all" else self.encoder[:1]:
            x = block(x, self_mask=mask)
        return self.encoder_norm(x) if self.norms in ("both", "encoder only") else x

    def decode(self, memory: Any, src: Any, tgt_in: Any) -> Any:
        if self.shift:
            tgt_in = torch.cat([tgt_in[:, :1], tgt_in[:, :-1]], dim=1)
        x = self._embed(self.tgt_embedding, tgt_in, self.where != "source only")
        T = tgt_in.shape[1]
        mask = torch.ones(T, T).tril().bool() if self.causal != "nowhere" else torch.ones(T, T).bool()
        if self.target_padding:
            mask = mask & self._real(tgt_in)
        memory_mask = self._real(src) if self.source_padding in ("both", "decoder only") else None
        for block in self.decoder if self.depth == "all" else self.decoder[:1]:
            x = block(x, memory, self_mask=mask, memory_mask=memory_mask)
        logits = self.output(self.decoder_norm(x) if self.norms in ("both", "decoder only") else x)
        return logits.softmax(dim=-1) if self.result == "probabilities" else logits

    def _embed(self, table: Any, ids: Any, placed: bool) -> Any:
        x = table(ids)
        if self.embeddings == "scaled":
            x = x * math.sqrt(x.shape[-1])
        if not placed or self.where == "none":
            return x
        first = 1 if self.where == "from 1" else 0
        return x + self.positions(torch.arange(first, first + ids.shape[1]))

    def _real(self, ids: Any) -> Any:
        return (ids != PAD_ID)[:, None, None, :]


class PlainTransformer(nn.Module):
    """The same on plain blocks, with masks spelled out row by row."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int) -> None:
        super().__init__()
        self.output = nn.Linear(d_model, V_tgt)
        self.positions = nn.Embedding(MAX_LEN, d_model)
        self.src_embedding, self.tgt_embedding = nn.Embedding(V_src, d_model), nn.Embedding(V_tgt, d_model)
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.encoder = nn.ModuleList(PlainBlock(d_model, H, d_ff) for _ in range(layers))
        self.decoder = nn.ModuleList(PlainBlock(d_model, H, d_ff, True) for _ in range(layers))

    def encode(self, src: Any) -> Any:
        x = self.src_embedding(src) + self.positions.weight[: src.shape[1]]
        visible = (src > 0).view(len(src), 1, 1, -1)
        for layer in self.encoder:
            x = layer(x, None, visible)
        return self.encoder_norm(x)

    def decode(self, memory: Any, src: Any, tgt_in: Any) -> Any:
        x = self.tgt_embedding(tgt_in) + self.positions.weight[: tgt_in.shape[1]]
        visible = combine_by_example(mask_by_rows(tgt_in.shape[1]), tgt_in > 0)
        for layer in self.decoder:
            x = layer(x, memory, visible, (src > 0).view(len(src), 1, 1, -1))
        return self.output(self.decoder_norm(x))

    def forward(self, src: Any, tgt_in: Any) -> Any:
        memory = self.encode(src)
        return self.decode(memory, src, tgt_in)


class LibraryBlockTransformer(FlawedTransformer):
    """The same on torch's attention, with more keyword arguments and a padding index."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int, max_len: int = MAX_LEN, dropout: float = 0.0) -> None:
        super().__init__(V_src, V_tgt, d_model, H, layers, d_ff)
        self.src_embedding = nn.Embedding(V_src, d_model, padding_idx=PAD_ID)
        self.tgt_embedding = nn.Embedding(V_tgt, d_model, padding_idx=PAD_ID)
        self.positions = nn.Embedding(max_len, d_model)
        self.encoder = nn.ModuleList([LibraryBlock(d_model, H, d_ff, dropout=dropout) for _ in range(layers)])
        self.decoder = nn.ModuleList([LibraryBlock(d_model, H, d_ff, True, dropout) for _ in range(layers)])


def transformer_state(rng: Rng, V_src: int, V_tgt: int, d_model: int, layers: int, d_ff: int) -> dict[str, np.ndarray]:
    """All weights under the stub's names."""
    state = {"src_embedding.weight": normal(rng, V_src, d_model), "tgt_embedding.weight": normal(rng, V_tgt, d_model)}
    state["positions.weight"] = normal(rng, MAX_LEN, d_model)
    for layer in range(layers):
        state |= block_state(rng, d_model, d_ff, False, f"encoder.{layer}.") | block_state(rng, d_model, d_ff, True, f"decoder.{layer}.")
    state |= norm_state(rng, d_model, "encoder_norm") | norm_state(rng, d_model, "decoder_norm")
    return state | linear_state(rng, d_model, V_tgt, "output")


def sentences(rng: Rng, B: int, T: int, V: int, lengths: Sequence[int], bos: bool) -> np.ndarray:
    """Ids (B, T): real ones from 3 on, pads after each length; a decoder input begins with bos."""
    ids = rng.integers(3, V, size=(B, T))
    if bos:
        ids[:, 0] = BOS
    ids[np.arange(T)[None, :] >= np.resize(lengths, B)[:, None]] = PAD_ID
    return ids


def transformer_case(rng: Rng, B: int, S: int, T: int, *, layers: int = 1, d_model: int = 4, H: int = 2, d_ff: int = 3, V_src: int = 7, V_tgt: int = 6,
                     src_lengths: Sequence[int] | None = None, tgt_lengths: Sequence[int] | None = None, method: str | None = None, **options: Any) -> Case:
    src = sentences(rng, B, S, V_src, src_lengths or [S], bos=False)
    tgt_in = sentences(rng, B, T, V_tgt, tgt_lengths or [T], bos=True)
    args: tuple[Any, ...] = {"encode": (src,), "decode": (normal(rng, B, S, d_model), src, tgt_in)}.get(method or "", (src, tgt_in))
    return Case(
        init=(V_src, V_tgt, d_model, H, layers, d_ff), state=transformer_state(rng, V_src, V_tgt, d_model, layers, d_ff), args=args, method=method,
        sizes={"B": B, "S": S, "T": T, "d_model": d_model, "V_tgt": V_tgt}, **options,
    )


TRANSFORMER = Exercise(
    number="6.11",
    title="Seq2SeqTransformer",
    names=("Seq2SeqTransformer",),
    minutes=30,
    reference=reference.seq2seq,
    outputs=(Output("logits", ("...",)),),
    public=lambda rng: [
        transformer_case(rng, 1, 3, 2, d_model=4, H=2, V_src=5, V_tgt=5),
        transformer_case(rng, 2, 3, 4, d_model=4, H=2, V_src=6, V_tgt=5, src_lengths=[3, 2], tgt_lengths=[4, 2], layers=2),
        transformer_case(rng, 2, 3, 2, d_model=4, H=2, V_src=5, V_tgt=5, src_lengths=[1, 3], method="encode"),
    ],
    tests=(
        Test("encode", "the memory: every source token sees every other one, in both directions, through all layers and the last norm", lambda rng: [transformer_case(rng, 2, 4, 2, layers=2, method="encode"), transformer_case(rng, 1, 1, 1, method="encode")]),
        Test("decode", "logits for every position, each from the target tokens up to it and the whole memory", lambda rng: [transformer_case(rng, 2, 3, 4, layers=2, method="decode"), transformer_case(rng, 1, 5, 2, d_model=6, H=3, method="decode")]),
        Test(
            "source padding", "source pads change nothing, neither for the encoder nor for the decoder",
            lambda rng: [transformer_case(rng, 3, 4, 2, src_lengths=[4, 1, 3], method="encode"), transformer_case(rng, 3, 4, 3, src_lengths=[2, 4, 1], method="decode")],
        ),
        Test("target padding", "target pads are never attended to", lambda rng: [transformer_case(rng, 3, 2, 5, src_lengths=[2, 1], tgt_lengths=[5, 2, 3])]),
        Test(
            "end to end", "forward is decode after encode, in either width, for unequal sizes",
            lambda rng: [transformer_case(rng, 2, 5, 3, layers=2, d_model=6, H=3, d_ff=5, src_lengths=[5, 3], tgt_lengths=[2, 3]), transformer_case(rng, 2, 3, 4, layers=2, dtype="float32")],
        ),
        Test("gradients", "gradients reach every parameter", lambda rng: [transformer_case(rng, 2, 3, 2, d_model=2, H=1, V_src=5, V_tgt=5, gradient=True)]),
    ),
    flawed=FlawedTransformer,
    mistakes=(
        Mistake("no-causal-mask", "a decoder that sees the tokens it has to write", "The loss shifts the target, so nothing leaks.", "Position t reads token t − 1. What keeps it from reading token t at position t + 1?", "step 3 of decode", switches={"causal": "nowhere"}),
        Mistake("causal-encoder", "a causal mask in the encoder as well", "Transformers are causal.", "The whole source is there before the first word is written.", "step 2 of encode", switches={"causal": "everywhere"}),
        Mistake("source-padding-seen", "source pads attended to everywhere", "Padding embeddings are harmless.", "Would the translation change if the batch were padded further?", "the line on pads", switches={"source_padding": "nowhere"}),
        Mistake("padding-seen-by-the-decoder", "source pads hidden from the encoder but not from the decoder", "The encoder has dealt with the padding.", "The memory still has a vector at every pad.", "step 3 of decode", switches={"source_padding": "encoder only"}),
        Mistake("padding-seen-by-the-encoder", "source pads hidden from the decoder but not from the encoder", "What the decoder does not see does not matter.", "The real tokens' memories have read the pads.", "step 2 of encode", switches={"source_padding": "decoder only"}),
        Mistake("target-padding-seen", "target pads attended to", "Pads come last, so the causal mask hides them.", "From whom? A pad's own row reads the pads before it.", "step 2 of decode", switches={"target_padding": False}),
        Mistake("no-positions", "no positions at all", "The mask gives the order.", "Notebook 2: without positions the encoder reads a bag of words.", "step 1 of encode", switches={"positions": "none"}),
        Mistake("positions-in-the-encoder-only", "positions for the source only", "The decoder is causal, it knows the order.", "Both embeddings get positions.", "step 1 of decode", switches={"positions": "source only"}),
        Mistake("positions-from-one", "positions counted from 1", "The first position is 1.", "Positions count from 0 in this course.", "step 1 of encode", switches={"positions": "from 1"}),
        Mistake("no-last-norms", "blocks without the last norm behind them", "Every block has its norms.", "In pre-norm nothing norms the last block's sum.", "step 4 of encode and decode", switches={"norms": "nowhere"}),
        Mistake("decoder-norm-missing", "the memory normed, but not what the output map reads", "One last norm is enough.", "Two stacks, two last norms.", "step 4 of decode", switches={"norms": "encoder only"}),
        Mistake("encoder-norm-missing", "a memory that is not normed", "The decoder norms its input.", "The blocks use the memory as it is given.", "step 4 of encode", switches={"norms": "decoder only"}),
        Mistake("embeddings-as-memory", "a memory of embeddings, without the encoder's blocks", "Cross-attention looks at the words.", "Where do the encoder's blocks come in?", "step 3 of encode", switches={"memory": "embedded"}),
        Mistake("probabilities-returned", "probabilities in place of logits", "A model returns probabilities.", "The loss takes the log-softmax itself.", "step 5 of decode", switches={"result": "probabilities"}),
        Mistake("shifts-again", "a decoder input that is shifted once more inside the model", "The decoder shifts its input.", "tgt_in has been shifted by whoever calls the model.", "the docstring", switches={"shift": True}),
        Mistake("scaled-embeddings", "embeddings multiplied by √d_model", "The paper scales them.", "The stub states the sum and no factor.", "step 1 of encode", switches={"embeddings": "scaled"}),
        Mistake("first-layer-only", "the first block of each list alone", "One call runs the stack.", "A ModuleList is a list: each of its blocks has to be called.", "step 3 of encode and decode", switches={"depth": "one"}),
    ),
    variants=(
        Variant("with flags", FlawedTransformer),
        Variant("plain blocks", PlainTransformer),
        Variant("torch's attention, extra keywords", LibraryBlockTransformer),
    ),
)

EXERCISES = (
    CAUSAL_MASK,
    CONVERT,
    SHIFT,
    CROSS_ENTROPY,
    FORCING,
    GENERATE,
    SAMPLE,
    STEP,
    LOSS_FLOOR,
    BLOCK,
    TRANSFORMER,
)
