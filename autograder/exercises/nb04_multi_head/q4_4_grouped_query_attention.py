"""4.4 GroupedQueryAttention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograder.exercises.attention_family import alone, in_stub, steps
from autograder.exercises.heads_family import HEADS, HEADS_ALONE, AttentionEinsum, FlawedHeads
from autograder.exercises.nb04_multi_head.module_family import (
    ATTENTION_OUTPUTS,
    SHORTCUTS,
    AttentionExpanded,
    AttentionHeadByHead,
    AttentionNanToNum,
    called_twice,
    impossible,
    large_and_masked,
    module_case,
    some_mask,
)
from autograder.judging.declare import Exercise, Mistake, Test, Variant, rounded
from autograder.reference import nb04 as reference

WHERE = steps(maps=1, split=2, scores=4, weights=4, output=5)
OFTEN_WITH_ANOTHER = {
    "view-instead-of-transpose", "merged-without-transposing-back", "scaled-by-d_model", "no-W_o", "nan-where-nothing-is-allowed",
    "uniform-where-nothing-is-allowed", "mask-ignored", "X_kv-ignored", "weights-averaged",
}

EXERCISE = Exercise(
    number="4.4",
    title="GroupedQueryAttention",
    names=("GroupedQueryAttention",),
    minutes=15,
    starred=True,
    reference=reference.grouped_query_attention,
    outputs=ATTENTION_OUTPUTS,
    public=lambda rng: [
        module_case(rng, (4, 4, 2), 1, 2, draw=rounded, watch=SHORTCUTS),
        module_case(rng, (6, 6, 3), 1, 2, 3, draw=rounded),
        module_case(rng, (4, 2, 1), 2, 2, 3, draw=rounded, mask=np.array([[True, False, True], [False, False, False]]), gradient=True),
        module_case(rng, (8, 4, 2), 1, 2, draw=rounded),
        module_case(rng, (4, 4, 2), 1, 3, 2, draw=rounded),
        module_case(rng, (6, 6, 3), 2, 3, 3, draw=rounded),
        large_and_masked(rng, (4, 4, 2), draw=rounded),
        called_twice(rng, (4, 4, 2), 1, 2, 3, draw=rounded),
        module_case(rng, (4, 4, 2), 2, 3, 4, draw=rounded, training=True),
        impossible(rng, 6, 6, 4),
        impossible(rng, 6, 4, 2),
    ],
    tests=(
        Test(
            "as many groups as heads", "G = H is multi-head attention; no ready-made attention is called",
            lambda rng: [module_case(rng, (6, 3, 3), 2, 3, 4, watch=SHORTCUTS)],
        ),
        Test(
            "multi-query", "G = 1: one key head and one value head for all query heads",
            lambda rng: [module_case(rng, (6, 3, 1), 3, 4), module_case(rng, (8, 2, 1), 1, 3, 5)],
        ),
        Test(
            "groups", "query head h uses the keys and values of group h // (H/G)",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 5, watch=SHORTCUTS),
                module_case(rng, (12, 6, 2), 1, 4),
                module_case(rng, (12, 6, 3), 3, 2, 3),
            ],
        ),
        Test(
            "masks", "only allowed keys get weight; a query that may see nothing gets zero weights and a zero output",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 4, mask=some_mask(rng, 3, 4, blind=(1,))),
                module_case(rng, (8, 4, 2), 2, 3, mask=some_mask(rng, 2, 4, 3, 3, blind=(1, 2, 0))),
            ],
        ),
        Test(
            "call after call and large scores", "a call depends on its arguments alone, also in training mode; right for scores in the thousands",
            lambda rng: [
                called_twice(rng, (8, 4, 2), 2, 3, 4),
                module_case(rng, (6, 6, 3), 2, 4, 5, training=True),
                large_and_masked(rng, (8, 4, 2)),
                large_and_masked(rng, (4, 4, 2)),
            ],
        ),
        Test(
            "number types and gradients", "float32 stays float32; gradients reach both sequences and all four maps",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 4, dtype="float32"),
                module_case(rng, (6, 6, 3), 1, 2, 3, mask=some_mask(rng, 2, 3, blind=(1,)), gradient=True),
                module_case(rng, (4, 4, 2), 2, 2, gradient=True),
            ],
        ),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model, or G does not divide H",
            lambda rng: [impossible(rng, 8, 4, 3), impossible(rng, 6, 3, 2), impossible(rng, 6, 4, 2), impossible(rng, 8, 2, 4)],
        ),
    ),
    flawed=FlawedHeads,
    mistakes=(
        Mistake(
            "repeat-for-repeat_interleave", "the groups dealt out in turn (0, 1, 0, 1) instead of in blocks (0, 0, 1, 1)", "Repeat the keys until there are H of them.",
            "Write down which group each query head uses, for H = 4 and G = 2.", "step 3 of the stub", switches={"share": "in turn"},
        ),
        Mistake(
            "values-dealt-in-turn", "keys shared in blocks but values dealt out in turn", "Either order gives H heads.",
            "A query head that reads the keys of one group should take the values of the same group.", "step 3 of the stub", switches={"share": "values in turn"},
        ),
        Mistake(
            "G-taken-for-the-group-size", "blocks of G query heads instead of G blocks", "G is the size of a group.",
            "With H = 6 and G = 3, how many query heads share one key head?", "step 3 of the stub", switches={"share": "blocks of G"},
        ),
        Mistake(
            "first-group-for-all", "group 0 used by every query head", "Keys are shared, so one is enough.",
            "That is multi-query attention, right only for G = 1.", "step 3 of the stub", switches={"share": "first for all"},
        ),
        Mistake(
            "scaled-by-the-width-of-W_k", "scores divided by √(G·d_k), the width of all key heads together", "d_k is the last size of W_k.",
            "How many products does one head add up in a score?", "step 4 of the stub", switches={"scale": "groups"},
        ),
        Mistake(
            "keys-as-wide-as-queries", "W_k and W_v as wide as W_q", "All maps go from d_model to d_model.",
            "How many key heads are there, and how wide is each?", "step 1 of the stub", code=partial(FlawedHeads, narrow="all heads"),
        ),
        *in_stub(WHERE, (mistake for mistake in HEADS if mistake.name in OFTEN_WITH_ANOTHER)),
        *alone(FlawedHeads, in_stub(WHERE, (mistake for mistake in HEADS if mistake.name not in OFTEN_WITH_ANOTHER))),
        *alone(FlawedHeads, in_stub(WHERE, HEADS_ALONE)),
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "repeat_interleave raises an error anyway.",
            "Which type of error does the docstring promise, and for which two conditions?", "step 1 of the stub", switches={"check": False},
        ),
        Mistake(
            "ready-made-attention", "PyTorch's own attention called instead of written", "It has enable_gqa.",
            "The point is to write it once: scores, softmax, average.", "the docstring", code=partial(FlawedHeads, library=True),
        ),
    ),
    variants=(
        Variant("einsum with a group axis", AttentionEinsum),
        Variant("head by head, exponentials written out", AttentionHeadByHead),
        Variant("indexed groups, extra arguments", AttentionNanToNum),
        Variant("expanded copies, list returned", AttentionExpanded),
    ),
)
