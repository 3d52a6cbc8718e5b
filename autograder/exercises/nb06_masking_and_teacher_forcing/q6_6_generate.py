"""6.6 generate: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import NextTokenTable
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import BOS, EOS, PAD_ID, with_long_sources
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, numbered_rng
from autograder.reference import nb06 as reference


def path_case(rng: Rng, V: int, max_len: int, path: Sequence[int], B: int = 1) -> Case:
    """A model whose greedy answer is `path`, whatever the source; every other step is random."""
    token, time = rng.standard_normal((V, V)), 0.5 * rng.standard_normal((max_len + 2, V))
    for t, (previous, wanted) in enumerate(zip((BOS, *path), path, strict=False)):
        logits = token[previous] + time[t]
        token[previous, wanted] += logits.max() - logits[wanted] + 1.0
    model = NextTokenTable(token, np.zeros((1, V)), time)
    return Case(args=(model, np.zeros((B, B + 1), dtype=int), BOS, EOS, PAD_ID, max_len), sizes={"B": B})


def wandering_case(rng: Rng, B: int, V: int, max_len: int, *, boost: float = 0.0, bos: int = BOS, eos: int = EOS, pad: int = PAD_ID, padded: bool = False) -> Case:
    """Random tables: rows go their own ways and end at different times, if at all; where it is `padded`, one row ends early."""
    while True:
        token, source, time = rng.standard_normal((V, V)), 1.5 * rng.standard_normal((B, V)), rng.standard_normal((max_len + 2, V))
        token[:, eos] += boost
        args = (*with_long_sources(NextTokenTable(token, source, time), B), bos, eos, pad, max_len)
        rows = [row.tolist() for row in reference.generate(*args)] if padded else []
        if not padded or any(eos in row[:-1] for row in rows):
            return Case(args=args, sizes={"B": B})


def flawed_generate(model: Any, src: Any, bos: int, eos: int, pad: int, max_len: int, *, keep_bos: bool = False, after_eos: str = "pad",
                    stop: str = "all", read: str = "prefix", position: int = -1, eos_kept: bool = True, extra: int = 0, ends_with: str = "eos", rows: str = "each", remembers: bool = True) -> Any:
    """Greedy generation with switches that break it."""
    prefix = torch.full((len(src), 1), bos, dtype=torch.int64)
    ended = torch.zeros(len(src), dtype=torch.bool)
    for _ in range(max_len + extra):
        logits = model(src, prefix if read == "prefix" else prefix[:, -1:])
        token = logits[:, position].argmax(dim=-1)
        if rows == "first":
            token = token[:1].expand(len(src))
        if after_eos == "pad":
            token = torch.where(ended, pad, token)
        elif after_eos == "eos":
            token = torch.where(ended, eos, token)
        elif after_eos == "zero":
            token = torch.where(ended, 0, token)
        now = token == (eos if ends_with == "eos" else EOS)
        ended = ended | now if remembers else now
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


EXERCISE = Exercise(
    number="6.6",
    title="generate",
    names=("generate",),
    minutes=20,
    reference=reference.generate,
    outputs=(Output("tokens", ("B", "L"), dtype="int64"),),
    public=lambda rng: [
        path_case(rng, 7, 6, (4, 5, 6, 2)),
        path_case(rng, 8, 6, (3, 4, 2), B=2),
        wandering_case(numbered_rng(14), 3, 8, 6, boost=1.2),
        wandering_case(numbered_rng(15), 2, 8, 4, boost=-9.0),
        wandering_case(numbered_rng(35), 3, 8, 6, boost=1.5, bos=6, eos=4, pad=7, padded=True),
    ],
    tests=(
        Test("one sentence", "the likeliest token at every step, up to and with eos", lambda rng: [path_case(rng, 9, 8, (5, 3, 7, 4, 2)), path_case(rng, 6, 5, (2,))]),
        Test(
            "rows of unequal length", "after a row's eos there is only pad, and generation stops when the last row has ended",
            lambda rng: [wandering_case(numbered_rng(seed), 4, 9, 9, boost=1.0, padded=True) for seed in (3, 5, 8)],
        ),
        Test(
            "max_len", "at most max_len tokens, bos not among them",
            lambda rng: [wandering_case(numbered_rng(31), 3, 7, 5, boost=-9.0), wandering_case(numbered_rng(32), 2, 6, 1), wandering_case(numbered_rng(34), 1, 6, 70, boost=-9.0), wandering_case(numbered_rng(33), 3, 8, 3, boost=0.5)],
        ),
        Test(
            "other special tokens", "bos, eos and pad are the ones that are given",
            lambda rng: [wandering_case(numbered_rng(seed), 3, 9, 7, boost=1.0, bos=6, eos=4, pad=8, padded=True) for seed in (41, 43)],
        ),
    ),
    flawed=flawed_generate,
    mistakes=(
        Mistake("bos-kept", "bos left at the front of the answer", "The sentence begins with bos.", "The docstring says which tokens are returned.", "the docstring", switches={"keep_bos": True}),
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
        Mistake("one-token-short", "one token less than max_len", "bos is one of them.", "How often does range(1, 4) run?", "step 1 of the stub", switches={"extra": -1}),
        Mistake("zero-for-pad", "0 after a row's eos, whatever pad is", "Padding is 0.", "pad is an argument.", "step 3 of the stub", switches={"after_eos": "zero"}),
        Mistake("eos-is-2", "rows that end at token 2, whatever eos is", "eos is 2 in this course's data.", "eos is an argument.", "step 3 of the stub", switches={"ends_with": "2"}),
        Mistake("first-rows-words", "the first row's word for every row", "argmax gives the word.", "How many words does argmax give for logits (B, V), and over which axis?", "step 2 of the stub", switches={"rows": "first"}),
        Mistake("end-forgotten", "one pad after a row's eos, and then the sentence goes on", "A row has ended if its newest token is eos.", "Two steps after its eos: what is the newest token, and has the row ended?", "step 3 of the stub", switches={"remembers": False}),
        Mistake("one-too-many", "one token more than max_len", "bos counts as the first.", "Count the tokens without bos.", "step 1 of the stub", switches={"extra": 1}),
    ),
    variants=(
        Variant("row by row", generate_row_by_row),
        Variant("a filled table", generate_filled),
        Variant("cut afterwards, extra keyword", generate_then_cut),
        Variant("with flags", flawed_generate),
    ),
)
