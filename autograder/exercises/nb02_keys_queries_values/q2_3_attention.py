"""2.3 attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from autograder.exercises.attention_family import OUTPUT_AND_WEIGHTS, alone, known, steps
from autograder.exercises.nb02_keys_queries_values.unscaled_family import (
    RESULTS,
    attention_matmul,
    attention_one_by_one,
    flawed_unscaled,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def attention_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_k: int, d_v: int, *, scale: float = 1.0,
                   draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_k, scale=scale), draw(rng, *batch, S, d_k, scale=scale), draw(rng, *batch, S, d_v))
    return Case(args=args, sizes={"T": T, "S": S, "d_k": d_k, "d_v": d_v}, **options)


def transposed_scores(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(K @ Q.transpose(-2, -1), dim=-2)
    return weights.transpose(-2, -1) @ V, weights


def features_against_features(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(Q.transpose(-2, -1) @ K, dim=-1)
    return V @ weights, weights


def attention_einsum(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.einsum("...tk,...sk->...ts", Q, K).softmax(-1)
    return torch.einsum("...ts,...sv->...tv", weights, V), weights


def attention_broadcast(Q: Any, K: Any, V: Any, *, eps: float = 0.0) -> Any:
    scores = (Q.unsqueeze(-2) * K.unsqueeze(-3)).sum(dim=-1)
    shares = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = shares / (shares.sum(dim=-1, keepdim=True) + eps)
    return (weights.unsqueeze(-1) * V.unsqueeze(-3)).sum(dim=-2), weights


def _log_weights(Q: Any, K: Any) -> Any:
    scores = Q @ K.transpose(-1, -2)
    return scores - torch.logsumexp(scores, dim=-1, keepdim=True)


def attention_logs(Q: Any, K: Any, V: Any) -> Any:
    weights = _log_weights(Q, K).exp()
    return weights @ V, weights


def attention_by_scores(Q: Any, K: Any, V: Any) -> Any:
    scores = Q @ K.transpose(-2, -1)
    return scores @ V, scores


def attention_softmax_twice(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(torch.softmax(Q @ K.transpose(-2, -1), dim=-1), dim=-1)
    return weights @ V, weights


def attention_shifting_in_place(Q: Any, K: Any, V: Any) -> Any:
    """A shift of all keys changes no weight, and K is the caller's."""
    with torch.no_grad():
        K -= K.mean(dim=-2, keepdim=True)
    return attention_matmul(Q, K, V)


WHERE = steps(scores=1, weights=2, average=3)

EXERCISE = Exercise(
    number="2.3",
    title="attention",
    names=("attention",),
    minutes=15,
    reference=reference.attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        attention_case(rng, (), 2, 3, 2, 2, draw=rounded),
        attention_case(rng, (2,), 3, 4, 2, 3, draw=rounded),
        attention_case(rng, (2, 3), 2, 3, 4, 1, dtype="float32"),
        attention_case(rng, (), 3, 4, 3, 1, scale=40.0),
        attention_case(rng, (), 3, 2, 2, 2, gradient=True),
        attention_case(rng, (2,), 1, 3, 2, 2, draw=rounded),
        *(attention_case(rng, (), T, 2, 1, 1, count_lines=True) for T in (2, 25)),
    ],
    tests=(
        Test(
            "unequal sizes", "each query's weights are the softmax of its scores over the keys, for any T, S, d_k and d_v",
            lambda rng: [attention_case(rng, (), 3, 5, 4, 7), attention_case(rng, (), 5, 2, 3, 1), attention_case(rng, (), 4, 4, 4, 4)],
        ),
        Test(
            "leading dimensions", "the same for one example, a batch, and a batch of heads",
            lambda rng: [attention_case(rng, (3,), 4, 5, 3, 2), attention_case(rng, (3, 2), 2, 3, 5, 4), attention_case(rng, (1,), 1, 1, 1, 1), attention_case(rng, (4,), 4, 4, 4, 4)],
        ),
        Test(
            "large scores and number types", "finite weights for scores in the thousands; float32 stays float32",
            lambda rng: [attention_case(rng, (2,), 3, 4, 5, 2, scale=40.0), attention_case(rng, (2,), 3, 4, 5, 2, dtype="float32")],
        ),
        Test(
            "gradients", "gradients reach Q, K and V",
            lambda rng: [attention_case(rng, (), 3, 4, 2, 3, gradient=True), attention_case(rng, (2,), 2, 3, 3, 2, gradient=True)],
        ),
        Test(
            "no loop", "no Python loop over positions",
            lambda rng: [attention_case(rng, (2,), T, S, 3, 2, count_lines=True) for T, S in ((3, 4), (30, 4), (3, 30))],
        ),
    ),
    flawed=flawed_unscaled,
    mistakes=(
        *known(WHERE, "softmax-over-queries", hint="One query shares out one unit of attention. Over which axis of (T, S) must the weights sum to 1?"),
        Mistake(
            "softmax-over-axis-1", "softmax over axis 1, which is the key axis only without a batch", "The scores are (T, S), so the keys are axis 1.",
            "Count the axes from the end: a batch comes in front.", "step 2 of the stub", switches={"axis": 1},
        ),
        *known(WHERE, "scaled-already"),
        Mistake(
            "scaled-by-d_k", "scores divided by d_k", "A mean product is a fair score.",
            "This notebook does not divide the scores at all.", "step 1 of the stub", switches={"scale": "d_k"},
        ),
        *known(WHERE, "averages-the-keys", belief="The weights belong to the keys, so they average the keys."),
        *known(WHERE, "weights-first", hint="Read the last line of the docstring."),
        Mistake(
            "transposes-everything", "all axes of K reversed, the batch too", "K.T is the transpose.",
            "For a batch only two of the axes may change places.", "step 1 of the stub", switches={"turn": "all"},
        ),
        *known(WHERE, "overflow"),
        *known(WHERE, "graph-cut", "always-float64"),
        Mistake(
            "loop-over-queries", "a Python loop over the queries", "Each query is its own look-up.",
            "One matrix product computes every q · k at once.", "step 1 of the stub", code=attention_one_by_one,
        ),
        Mistake(
            "transposed-weights", "K Qᵀ: rows are keys and columns are queries", "Keys meet queries.",
            "Row t of the weights belongs to query t.", "step 1 of the stub", code=transposed_scores,
        ),
        Mistake(
            "features-against-features", "Qᵀ K, which compares features and not positions", "The inner sizes did not fit, so I transposed Q.",
            "The scores have one number for each query and each key: (T, S).", "step 1 of the stub", code=features_against_features,
        ),
        *known(WHERE, *RESULTS),
        *alone(flawed_unscaled, known(WHERE, "first-example-for-all", "squeezed")),
        Mistake(
            "keys-overwritten", "the keys shifted in place, so that the caller's K changes", "K −= … is the same as K = K − ….",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=attention_shifting_in_place,
        ),
        Mistake(
            "scores-as-weights", "the scores used as weights, without the softmax", "The score says how much to take.",
            "Do the rows of your weights sum to 1?", "step 2 of the stub", code=attention_by_scores,
        ),
        Mistake(
            "softmax-twice", "a softmax of a softmax", "One softmax makes weights, one makes sure of it.",
            "Weights lie between 0 and 1: how different can their exponentials be?", "step 2 of the stub", code=attention_softmax_twice,
        ),
    ),
    variants=(
        Variant("matmul", attention_matmul),
        Variant("einsum", attention_einsum),
        Variant("broadcast product, extra keyword", attention_broadcast),
        Variant("log weights from a helper", attention_logs),
    ),
)
