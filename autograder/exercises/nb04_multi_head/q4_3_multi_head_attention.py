"""4.3 MultiHeadAttention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from torch import nn

from autograder.exercises.attention_family import alone, in_stub, steps
from autograder.exercises.heads_family import HEADS, HEADS_ALONE, AttentionEinsum, FlawedHeads, as_multi_head
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


def flawed_multi_head(d_model: int, H: int, **switches: Any) -> nn.Module:
    """Multi-head attention with switches that break it."""
    return FlawedHeads(d_model, H, H, **switches)


WHERE = steps(maps=1, split=2, scores=3, weights=4, output=5)

EXERCISE = Exercise(
    number="4.3",
    title="MultiHeadAttention",
    names=("MultiHeadAttention",),
    minutes=25,
    reference=reference.multi_head_attention,
    outputs=ATTENTION_OUTPUTS,
    public=lambda rng: [
        module_case(rng, (4, 2), 1, 3, draw=rounded, watch=SHORTCUTS),
        module_case(rng, (4, 2), 2, 2, 3, draw=rounded),
        module_case(rng, (6, 3), 1, 2, 3, draw=rounded, mask=np.array([[True, False, True], [False, False, False]]), gradient=True),
        module_case(rng, (4, 2), 1, 2, 2, draw=rounded),
        module_case(rng, (4, 2), 1, 2, 2, draw=rounded, scale=90.0),
        large_and_masked(rng, (4, 2), draw=rounded),
        called_twice(rng, (4, 2), 1, 2, 3, draw=rounded),
        module_case(rng, (4, 2), 2, 3, 4, draw=rounded, training=True),
        impossible(rng, 4, 3),
    ],
    tests=(
        Test("one head", "with one head: attention over all features, scaled by 1/√d_model, through W_o", lambda rng: [module_case(rng, (5, 1), 2, 3)]),
        Test(
            "several heads", "head h attends with its own d_k features of W_q X, W_k X and W_v X; merged, then through W_o; no ready-made attention is called",
            lambda rng: [module_case(rng, (6, 2), 3, 5, watch=SHORTCUTS), module_case(rng, (12, 3), 1, 4), module_case(rng, (4, 4), 2, 2)],
        ),
        Test(
            "another sequence", "keys and values from X_kv, which may be longer or shorter than X_q",
            lambda rng: [module_case(rng, (6, 3), 2, 3, 5), module_case(rng, (6, 2), 3, 4, 1), module_case(rng, (8, 2), 2, 3, 3)],
        ),
        Test(
            "masks", "only allowed keys get weight, shared out to 1; a query that may see nothing gets zero weights and a zero output",
            lambda rng: [
                module_case(rng, (6, 2), 2, 3, 4, mask=some_mask(rng, 3, 4, blind=(1,))),
                module_case(rng, (6, 3), 3, 2, 5, mask=some_mask(rng, 3, 1, 1, 5), watch=SHORTCUTS),
                module_case(rng, (4, 2), 2, 3, mask=some_mask(rng, 2, 2, 3, 3, blind=(1, 0, 2))),
            ],
        ),
        Test(
            "large scores and number types", "right and finite for scores in the thousands, with a mask, too; float32 stays float32",
            lambda rng: [
                module_case(rng, (6, 2), 2, 3, 4, scale=60.0),
                large_and_masked(rng, (6, 2)),
                large_and_masked(rng, (4, 2)),
                module_case(rng, (6, 2), 2, 3, 4, dtype="float32", mask=some_mask(rng, 3, 4, blind=(0,))),
            ],
        ),
        Test(
            "gradients", "gradients reach both sequences and all four maps, and stay finite where nothing may be seen",
            lambda rng: [module_case(rng, (4, 2), 2, 3, gradient=True), module_case(rng, (6, 3), 1, 2, 3, mask=some_mask(rng, 2, 3, blind=(1,)), gradient=True)],
        ),
        Test(
            "call after call", "a call depends on its arguments alone: not on earlier calls, and not on training mode",
            lambda rng: [called_twice(rng, (6, 2), 2, 3, 4), called_twice(rng, (4, 4), 1, 2, 5), module_case(rng, (6, 3), 2, 4, 5, training=True)],
        ),
        Test("impossible sizes", "a ValueError when H does not divide d_model", lambda rng: [impossible(rng, 6, 4), impossible(rng, 9, 2)]),
    ),
    flawed=flawed_multi_head,
    mistakes=(
        *in_stub(WHERE, HEADS),
        *alone(flawed_multi_head, in_stub(WHERE, HEADS_ALONE)),
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "reshape raises an error anyway.",
            "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": False},
        ),
        Mistake(
            "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
            "torch.softmax takes off the largest score first. Do you?", "step 4 of the stub", code=partial(flawed_multi_head, weigh="raw"),
        ),
        Mistake(
            "ready-made-attention", "PyTorch's own attention called instead of written", "There is a function for this.",
            "The point is to write it once: scores, softmax, average.", "the docstring", code=partial(flawed_multi_head, library=True),
        ),
    ),
    variants=tuple(
        Variant(name, as_multi_head(module))
        for name, module in (
            ("einsum", AttentionEinsum),
            ("head by head, exponentials written out", AttentionHeadByHead),
            ("−∞ and blind rows, extra arguments", AttentionNanToNum),
            ("chunks, additive mask, list returned", AttentionExpanded),
        )
    ),
)
