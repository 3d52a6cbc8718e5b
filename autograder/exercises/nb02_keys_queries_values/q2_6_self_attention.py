"""2.6 self_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.attention_family import alone, known
from autograder.exercises.nb02_keys_queries_values.unscaled_family import (
    IN_THE_HELPER,
    RESULTS,
    attention_matmul,
    cross_einsum,
    cross_with_helper,
    flawed_unscaled,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def self_case(rng: Rng, batch: tuple[int, ...], T: int, d_model: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (
        draw(rng, *batch, T, d_model),
        draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_v),
    )
    return Case(args=args, sizes={"T": T, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_self(X: Any, W_q: Any, W_k: Any, W_v: Any, *, shared: str = "none", project_values: bool = True,
                residual: bool = False, **attention: Any) -> Any:
    """Self-attention with switches that break it."""
    if shared == "all":
        W_k = W_v = W_q
    elif shared == "Q and K":
        W_k = W_q
    elif shared == "K and V":
        W_v = W_k
    elif shared == "exchanged":
        W_q, W_k = W_k, W_q
    elif shared == "keys and values":
        W_k, W_v = W_v, W_k
    elif shared == "transposed":
        W_q, W_k, W_v = W_q.T, W_k.T, W_v.T
    Q, K, V = X @ W_q, X @ W_k, (X @ W_v if project_values else X)
    if not residual:
        return flawed_unscaled(Q, K, V, **attention)
    output, weights = flawed_unscaled(Q, K, V)
    return X + output, weights


def self_with_residual(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return flawed_self(X, W_q, W_k, W_v, residual=True)


def self_left_out(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    """Nobody attends to itself; alone, there is nobody else."""
    scores = (X @ W_q) @ (X @ W_k).transpose(-2, -1)
    if scores.shape[-1] > 1:
        scores = scores.masked_fill(torch.eye(scores.shape[-1], dtype=torch.bool), -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ (X @ W_v), weights


def self_not_projected(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return attention_matmul(X, X, X)


def far_case(rng: Rng) -> Case:
    """Scores near 2,000 in every draw."""
    case = self_case(rng, (), 3, 2, 2, 2)
    X, W_q, W_k, W_v = case.args
    X[:, 0] = 65.0
    W_q[0], W_k[0] = (0.7, 0.0), (0.7, 0.0)
    return Case(args=(X, W_q, W_k, W_v), sizes=case.sizes)


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
        self_case(rng, (2,), 2, 3, 3, 4, draw=rounded, gradient=True),
        self_case(rng, (1,), 2, 2, 2, 2, draw=rounded),
        far_case(rng),
    ],
    tests=(
        Test(
            "one sequence in three roles", "every position attends to every position of the same sequence",
            lambda rng: [self_case(rng, (), 4, 3, 3, 3), self_case(rng, (), 1, 3, 2, 4)],
        ),
        Test(
            "sizes and batches", "any widths, leading dimensions and number types",
            lambda rng: [self_case(rng, (3,), 5, 4, 2, 7), self_case(rng, (3, 2), 2, 3, 4, 3, dtype="float32"), far_case(rng)],
        ),
        Test("gradients", "gradients reach X, along all three roads, and the matrices", lambda rng: [self_case(rng, (2,), 3, 2, 3, 2, gradient=True)]),
    ),
    flawed=flawed_self,
    mistakes=(
        *known(IN_THE_HELPER, "scaled-already", "softmax-over-queries", "values-not-projected"),
        Mistake(
            "one-matrix-for-all", "one matrix used for queries, keys and values", "There is one sequence, so there is one matrix.",
            "Should a word always match itself best?", "your `project` from 2.4", switches={"shared": "all"},
        ),
        Mistake(
            "keys-from-W_q", "the keys made with W_q, so that the scores are symmetric", "Queries and keys are the same words.",
            "With one matrix, does 'cat' attend to 'the' exactly as much as the other way round?", "your `project` from 2.4", switches={"shared": "Q and K"},
        ),
        Mistake(
            "residual-added", "X added to the output", "Transformers add the input back.",
            "That sum belongs to the block around attention (notebook 6).", "the return line", code=self_with_residual,
        ),
        *known(IN_THE_HELPER, "weights-first", *RESULTS, "overflow"),
        Mistake(
            "not-projected", "X itself as queries, keys and values", "Self-attention is attention(X, X, X).",
            "What are the three matrices for?", "your `project` from 2.4", code=self_not_projected,
        ),
        Mistake(
            "query-and-key-matrices-exchanged", "W_q used for the keys and W_k for the queries", "Both make scores.",
            "Is row t of the weights what word t asks, or who asks word t?", "your `project` from 2.4", switches={"shared": "exchanged"},
        ),
        Mistake(
            "weights-transposed", "X Wᵀ, as inside nn.Linear", "nn.Linear multiplies by the transpose.",
            "Here W is (d_model, d): which product needs no transpose?", "your `project` from 2.4", switches={"shared": "transposed"},
        ),
        Mistake(
            "values-from-W_k", "the values made with W_k", "Keys and values belong together.",
            "There is a third matrix.", "your `project` from 2.4", switches={"shared": "K and V"},
        ),
        *alone(flawed_self, known(IN_THE_HELPER, "squeezed", hint="What does squeeze() do to a batch of one, or to one word?")),
        Mistake(
            "key-and-value-matrices-exchanged", "W_v used for the keys and W_k for the values", "Both belong to what is read.",
            "Which of the two has to have the width of the queries?", "your `project` from 2.4", switches={"shared": "keys and values"},
        ),
        Mistake(
            "itself-left-out", "every position kept from attending to itself", "A word knows itself already.",
            "The equation has no mask: may query t look at key t?", "the equation above the stub", code=self_left_out,
        ),
    ),
    variants=(
        Variant("cross-attention with itself", self_from_cross),
        Variant("einsum from end to end", self_einsum),
        Variant("one bilinear form", self_bilinear),
    ),
)
