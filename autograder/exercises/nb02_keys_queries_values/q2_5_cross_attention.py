"""2.5 cross_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from autograder.exercises.attention_family import OUTPUT_AND_WEIGHTS, known
from autograder.exercises.nb02_keys_queries_values.unscaled_family import (
    IN_THE_HELPER,
    RESULTS,
    attention_one_by_one,
    cross_einsum,
    cross_with_helper,
    flawed_unscaled,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def cross_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_dec: int, d_enc: int, d_k: int, d_v: int, draw: Any = normal, scale: float = 1.0, **options: Any) -> Case:
    args = (
        draw(rng, *batch, T, d_dec, scale=scale), draw(rng, *batch, S, d_enc, scale=scale),
        draw(rng, d_dec, d_k, scale=0.7), draw(rng, d_enc, d_k, scale=0.7), draw(rng, d_enc, d_v),
    )
    return Case(args=args, sizes={"T": T, "S": S, "d_dec": d_dec, "d_enc": d_enc, "d_k": d_k, "d_v": d_v}, **options)


def far_case(rng: Rng) -> Case:
    """Scores near 2,000 in every draw."""
    case = cross_case(rng, (), 3, 4, 2, 3, 2, 2)
    X_dec, X_enc, W_q, W_k, W_v = case.args
    X_dec[:, 0], X_enc[:, 0] = 60.0, 70.0
    W_q[0], W_k[0] = (0.7, 0.0), (0.7, 0.0)
    return Case(args=(X_dec, X_enc, W_q, W_k, W_v), sizes=case.sizes)


def flawed_cross(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any, *, queries: str = "dec", keys: str = "enc", values: str = "enc",
                 project_values: bool = True, matrices: str = "own", **attention: Any) -> Any:
    """Cross-attention with switches that mix up where Q, K and V come from."""
    source = {"dec": X_dec, "enc": X_enc}
    if matrices == "exchanged":
        W_q, W_k = W_k, W_q
    elif matrices == "transposed":
        W_q, W_k, W_v = W_q.T, W_k.T, W_v.T
    elif matrices == "shared":
        W_k = W_q
    elif matrices == "keys and values":
        W_k, W_v = W_v, W_k
    V = source[values] @ W_v if project_values else source[values]
    return flawed_unscaled(source[queries] @ W_q, source[keys] @ W_k, V, **attention)


def cross_average_first(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    weights = torch.softmax((X_dec @ W_q) @ (X_enc @ W_k).transpose(-2, -1), dim=-1)
    return (weights @ X_enc) @ W_v, weights


def cross_with_loops(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return attention_one_by_one(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)


EXERCISE = Exercise(
    number="2.5",
    title="cross_attention",
    names=("cross_attention",),
    minutes=10,
    reference=reference.cross_attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        cross_case(rng, (), 2, 3, 2, 2, 2, 2, draw=rounded),
        cross_case(rng, (), 3, 3, 3, 3, 3, 3, draw=rounded),
        cross_case(rng, (2,), 2, 4, 3, 2, 2, 3, draw=rounded, gradient=True),
        cross_case(rng, (), 2, 3, 2, 2, 2, 2, scale=40.0),
    ],
    tests=(
        Test(
            "same sizes", "queries come from the decoder, keys and values from the encoder",
            lambda rng: [cross_case(rng, (), 4, 4, 3, 3, 3, 3), cross_case(rng, (), 3, 3, 3, 3, 3, 3)],
        ),
        Test(
            "two lengths and two widths", "the two sequences may differ in length and, with their projections, in width",
            lambda rng: [cross_case(rng, (), 3, 5, 4, 6, 2, 7), cross_case(rng, (3,), 5, 2, 3, 3, 4, 2), cross_case(rng, (3, 2), 2, 3, 5, 4, 3, 1, dtype="float32"), far_case(rng)],
        ),
        Test("gradients", "gradients reach both sequences and all three matrices", lambda rng: [cross_case(rng, (2,), 2, 3, 3, 2, 2, 3, gradient=True)]),
    ),
    flawed=flawed_cross,
    mistakes=(
        Mistake(
            "keys-and-values-from-decoder", "keys and values made from the decoder: that is self-attention", "Everything comes from the sequence being written.",
            "The translation asks; who answers?", "step 1 of the stub", switches={"keys": "dec", "values": "dec"},
        ),
        Mistake(
            "roles-swapped", "queries from the encoder, keys and values from the decoder", "The encoder comes first, so it asks.",
            "How many rows of output do you need: one per word read, or one per word written?", "step 1 of the stub",
            switches={"queries": "enc", "keys": "dec", "values": "dec"},
        ),
        Mistake(
            "values-from-decoder", "keys from the encoder but values from the decoder", "The values are what the decoder is made of.",
            "Key s and value s describe the same word.", "step 1 of the stub", switches={"values": "dec"},
        ),
        *known(IN_THE_HELPER, "scaled-already", "softmax-over-queries", "values-not-projected", "weights-first", *RESULTS, "overflow"),
        Mistake(
            "query-and-key-matrices-exchanged", "W_q used for the keys and W_k for the queries", "Both make scores.",
            "Which matrix has as many rows as the decoder is wide?", "step 1 of the stub", switches={"matrices": "exchanged"},
        ),
        Mistake(
            "weights-transposed", "X Wᵀ, as inside nn.Linear", "nn.Linear multiplies by the transpose.",
            "Here W is (width, d): which product needs no transpose?", "step 1 of the stub", switches={"matrices": "transposed"},
        ),
        Mistake(
            "keys-from-W_q", "the keys made with W_q", "Queries and keys live in one space.",
            "One space, two maps into it.", "step 1 of the stub", switches={"matrices": "shared"},
        ),
        Mistake(
            "keys-from-decoder", "keys from the decoder, values from the encoder", "Queries and keys have to match.",
            "Key s and value s describe the same word.", "step 1 of the stub", switches={"keys": "dec"},
        ),
        Mistake(
            "key-and-value-matrices-exchanged", "W_v used for the keys and W_k for the values", "Both belong to what is read.",
            "Which of the two has to have the width of the queries?", "step 1 of the stub", switches={"matrices": "keys and values"},
        ),
    ),
    variants=(
        Variant("helper", cross_with_helper),
        Variant("einsum from end to end", cross_einsum),
        Variant("average first, project after", cross_average_first),
        Variant("loop over queries", cross_with_loops),
    ),
)
