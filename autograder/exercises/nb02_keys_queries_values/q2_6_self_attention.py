"""2.6 self_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb02_keys_queries_values.attention_family import (
    COMMON_ATTENTION_MISTAKES,
    cross_einsum,
    cross_with_helper,
    flawed_attention,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def self_case(rng: Rng, batch: tuple[int, ...], T: int, d_model: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (
        draw(rng, *batch, T, d_model),
        draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_v),
    )
    return Case(args=args, sizes={"T": T, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_self(X: Any, W_q: Any, W_k: Any, W_v: Any, *, shared: str = "none", project_values: bool = True, look_ahead: bool = True,
                residual: bool = False, **attention: Any) -> Any:
    """Self-attention with switches that break it."""
    if shared == "all":
        W_k = W_v = W_q
    elif shared == "Q and K":
        W_k = W_q
    Q, K, V = X @ W_q, X @ W_k, (X @ W_v if project_values else X)
    if not look_ahead:
        T = X.shape[-2]
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        weights = torch.softmax((Q @ K.transpose(-2, -1)).masked_fill(later, -torch.inf), dim=-1)
        return weights @ V, weights
    output, weights = flawed_attention(Q, K, V, **attention)
    return (X + output if residual else output), weights


def self_from_cross(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return cross_with_helper(X, X, W_q, W_k, W_v)


def self_einsum(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return cross_einsum(X, X, W_q, W_k, W_v)


def self_bilinear(X: Any, W_q: Any, W_k: Any, W_v: Any, *, dim: int = -1) -> Any:
    scores = X @ (W_q @ W_k.T) @ X.transpose(-2, -1)
    weights = torch.softmax(scores, dim=dim)
    return weights @ X @ W_v, weights


EXERCISE = Exercise(
    number="2.6",
    title="self_attention",
    names=("self_attention",),
    minutes=5,
    reference=reference.self_attention,
    outputs=(Output("output", ("...", "T", "d_v")), Output("weights", ("...", "T", "T"), properties=("not negative", "rows sum to 1"))),
    public=lambda rng: [
        self_case(rng, (), 3, 2, 2, 2, draw=rounded),
        self_case(rng, (2,), 2, 3, 3, 3, draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "one sequence in three roles", "every position attends to every position of the same sequence",
            lambda rng: [self_case(rng, (), 4, 3, 3, 3), self_case(rng, (), 1, 3, 2, 4)],
        ),
        Test(
            "sizes and batches", "any widths, leading dimensions and number types",
            lambda rng: [self_case(rng, (3,), 5, 4, 2, 7), self_case(rng, (3, 2), 2, 3, 4, 3, dtype="float32")],
        ),
        Test("gradients", "gradients reach X, along all three roads, and the matrices", lambda rng: [self_case(rng, (2,), 3, 2, 3, 2, gradient=True)]),
    ),
    flawed=flawed_self,
    mistakes=(
        *COMMON_ATTENTION_MISTAKES,
        Mistake(
            "one-matrix-for-all", "one matrix used for queries, keys and values", "There is one sequence, so there is one matrix.",
            "Should a word always match itself best?", "your `project` from 2.4", switches={"shared": "all"},
        ),
        Mistake(
            "keys-from-W_q", "the keys made with W_q, so that the scores are symmetric", "Queries and keys are the same words.",
            "With one matrix, does 'cat' attend to 'the' exactly as much as the other way round?", "your `project` from 2.4", switches={"shared": "Q and K"},
        ),
        Mistake(
            "causal-already", "later positions hidden, which is a mask of notebook 6", "A model must not see the future.",
            "Here every position may look at every other.", "the text above the stub", switches={"look_ahead": False},
        ),
        Mistake(
            "residual-added", "X added to the output", "Transformers add the input back.",
            "That sum belongs to the block around attention (notebook 6).", "the return line", switches={"residual": True},
        ),
    ),
    variants=(
        Variant("cross-attention with itself", self_from_cross),
        Variant("einsum from end to end", self_einsum),
        Variant("one bilinear form", self_bilinear),
    ),
)
