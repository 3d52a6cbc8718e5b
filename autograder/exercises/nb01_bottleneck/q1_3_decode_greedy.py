"""1.3 decode_greedy: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import StepTable
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb01 as reference


def decode_case(rng: Rng, B: int, V: int, d: int, max_len: int, bos: int = 1, **options: Any) -> Case:
    """A decoder whose choices hang on its token and its state, with clear winners at every step."""
    step = StepTable(
        np.round(normal(rng, d, d, scale=1.2), 1),
        np.round(normal(rng, V, d), 1),
        np.round(normal(rng, d, V, scale=2.0), 1),
    )
    return Case(args=(rounded(rng, B, d), step, bos, max_len), sizes={"B": B, "max_len": max_len}, **options)


def flawed_decode(
    context: Any,
    step: Any,
    bos: int,
    max_len: int,
    *,
    state: str = "new",
    token: str = "fed back",
    pick: str = "largest",
    start: str = "context",
    keep: str = "chosen",
    layout: str = "batch first",
) -> Any:
    """Greedy decoding with switches that break it."""
    tokens = torch.full((len(context),), bos)
    h = context if start == "context" else torch.zeros_like(context)
    written = [tokens] if keep == "with bos" else []
    while len(written) < max_len:
        logits, after = step(tokens, h)
        h = after if state == "new" else h
        chosen = {
            "largest": lambda scores: scores.argmax(dim=1),
            "smallest": lambda scores: scores.argmin(dim=1),
            "largest size": lambda scores: scores.abs().argmax(dim=1),
            "first row": lambda scores: scores.argmax(dim=1)[:1].expand(len(context)),
        }[pick](logits)
        tokens = chosen if token == "fed back" else tokens
        written.append(chosen)
    return torch.stack(written, dim=1 if layout == "batch first" else 0)


def decode_one_short(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return (
        flawed_decode(context, step, bos, max_len - 1)
        if max_len > 1
        else torch.zeros(len(context), 0, dtype=torch.int64)
    )


def decode_as_floats(context: Any, step: Any, bos: int, max_len: int) -> Any:
    written = torch.zeros(len(context), max_len)
    written[:] = flawed_decode(context, step, bos, max_len)
    return written


def decode_filling(context: Any, step: Any, bos: int, max_len: int) -> Any:
    written = torch.zeros(context.shape[0], max_len, dtype=torch.long)
    tokens, h = torch.tensor([bos] * context.shape[0]), context.clone()
    for t in range(max_len):
        logits, h = step(tokens, h)
        tokens = written[:, t] = torch.softmax(logits, dim=-1).max(dim=-1).indices
    return written


def decode_rows_apart(context: Any, step: Any, bos: int, max_len: int) -> Any:
    rows = []
    for h in context.split(1):
        tokens = [torch.tensor([bos])]
        for _ in range(max_len):
            logits, h = step(tokens[-1], h)
            tokens.append(logits.topk(1, dim=-1).indices[:, 0])
        rows.append(torch.cat(tokens[1:]))
    return torch.stack(rows)


def decode_recursively(context: Any, step: Any, bos: int, max_len: int, *, written: Any = ()) -> Any:
    if len(written) == max_len:
        return torch.stack(written, dim=1)
    tokens = written[-1] if written else torch.full((len(context),), bos, dtype=torch.int64)
    logits, h = step(tokens, context)
    return decode_recursively(h, step, bos, max_len, written=(*written, logits.argsort(dim=-1, descending=True)[:, 0]))


def decode_one_long(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return flawed_decode(context, step, bos, max_len + 1)


def decode_as_a_list(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return list(flawed_decode(context, step, bos, max_len).unbind(dim=1))


def decode_overwriting(context: Any, step: Any, bos: int, max_len: int) -> Any:
    tokens, h, written = torch.full((len(context),), bos), context, []
    for _ in range(max_len):
        logits, after = step(tokens, h)
        h.copy_(after)
        tokens = logits.argmax(dim=1)
        written.append(tokens)
    return torch.stack(written, dim=1)


def decode_in_int32(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return flawed_decode(context, step, bos, max_len).to(torch.int16)


def decode_flattened(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return flawed_decode(context, step, bos, max_len).flatten()


def decode_with_context_again(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return flawed_decode(context, lambda token, h: step(token, h + context), bos, max_len)


def decode_bos_fixed(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return flawed_decode(context, step, 1, max_len)


EXERCISE = Exercise(
    number="1.3",
    title="decode_greedy",
    names=("decode_greedy",),
    minutes=10,
    reference=reference.decode_greedy,
    outputs=(Output("tokens", ("B", "max_len")),),
    public=lambda rng: [decode_case(rng, 2, 5, 3, 5), decode_case(rng, 3, 6, 4, 7, bos=2), decode_case(rng, 1, 5, 3, 1), decode_case(rng, 3, 7, 5, 9)],
    tests=(
        Test(
            "first token",
            "the token with the largest logit after bos, with h starting as the context",
            lambda rng: [decode_case(rng, 5, 7, 3, 1), decode_case(rng, 4, 5, 2, 1, bos=3)],
        ),
        Test(
            "fed back",
            "each step gets the token just chosen and the state just returned",
            lambda rng: [decode_case(rng, 3, 7, 4, 9), decode_case(rng, 6, 5, 3, 6, bos=0)],
        ),
        Test(
            "one example and number types",
            "int64 tokens (B, max_len), also for a batch of one and for float32",
            lambda rng: [decode_case(rng, 1, 6, 3, 5), decode_case(rng, 4, 6, 3, 4, dtype="float32")],
        ),
    ),
    flawed=flawed_decode,
    mistakes=(
        Mistake(
            "context-at-every-step", "the context added to the state at every step", "Every word needs the whole sentence.",
            "What does the stub hand to the first step, and what to the next one?", "step 2 of the stub", code=decode_with_context_again,
        ),
        Mistake(
            "stale-state",
            "the context handed to every step, and the new state dropped",
            "The decoder reads the context.",
            "What does `step` return besides the logits?",
            "step 2 of the stub",
            switches={"state": "stale"},
        ),
        Mistake(
            "bos-every-time",
            "bos handed to every step",
            "Each step starts a token.",
            "Which token did the decoder write last?",
            "step 2 of the stub",
            switches={"token": "bos"},
        ),
        Mistake(
            "bos-kept",
            "bos kept as the first token",
            "A sequence begins with bos.",
            "max_len tokens, and bos is not one of them.",
            "the docstring",
            switches={"keep": "with bos"},
        ),
        Mistake(
            "smallest-logit",
            "the smallest logit chosen",
            "Less is more likely, as with a loss.",
            "Logits grow with probability.",
            "step 3 of the stub",
            switches={"pick": "smallest"},
        ),
        Mistake(
            "largest-absolute-logit",
            "the logit furthest from zero chosen",
            "A strong logit is a likely one.",
            "A very negative logit is a very unlikely token.",
            "step 3 of the stub",
            switches={"pick": "largest size"},
        ),
        Mistake(
            "first-row-for-all",
            "the first example's token written for the whole batch",
            "The largest logit decides.",
            "Each row of the batch has a largest logit of its own.",
            "step 3 of the stub",
            switches={"pick": "first row"},
        ),
        Mistake(
            "context-not-used",
            "a start from zeros instead of the context",
            "A decoder starts empty.",
            "How else could the decoder know what was read?",
            "step 1 of the stub",
            switches={"start": "zeros"},
        ),
        Mistake(
            "time-first",
            "tokens stacked time first",
            "The list of tokens is stacked as it is.",
            "Which axis of the result is the batch?",
            "step 4 of the stub",
            switches={"layout": "time first"},
        ),
        Mistake(
            "one-short",
            "one token too few",
            "bos counts as a token.",
            "bos is not included in max_len.",
            "the docstring",
            code=decode_one_short,
        ),
        Mistake(
            "tokens-as-floats",
            "tokens as floating-point numbers",
            "Numbers are numbers.",
            "Tokens are used as indices afterwards.",
            "step 4 of the stub",
            code=decode_as_floats,
        ),
        Mistake(
            "one-long", "one token too many", "The first step only starts the loop.",
            "How many tokens are max_len?", "the docstring", code=decode_one_long,
        ),
        Mistake(
            "not-stacked", "a list with one tensor per step", "The list holds all the tokens.",
            "Which function makes one tensor of a list of tensors?", "step 4 of the stub", code=decode_as_a_list,
        ),
        Mistake(
            "context-overwritten", "the new state written into the caller's context", "The state is updated.",
            "The caller may still need the context.", "step 2 of the stub", code=decode_overwriting,
        ),
        Mistake(
            "small-integers", "int16 tokens", "Small numbers need few bits.",
            "The docstring says which integers.", "step 4 of the stub", code=decode_in_int32,
        ),
        Mistake(
            "one-row", "all tokens in one row, the batch's sequences behind each other", "The tokens are a sequence.",
            "How many sequences does a batch of B make?", "step 4 of the stub", code=decode_flattened,
        ),
        Mistake(
            "bos-is-one", "a first token of 1, whatever bos is", "bos is token 1.",
            "What is the argument bos for?", "step 1 of the stub", code=decode_bos_fixed,
        ),
    ),
    variants=(
        Variant("filled into an array", decode_filling),
        Variant("rows apart", decode_rows_apart),
        Variant("recursive, extra keyword", decode_recursively),
    ),
)
