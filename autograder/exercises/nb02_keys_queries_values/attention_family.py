"""What exercises 2.3, 2.5 and 2.6 share: the flaws, mistakes and right answers of attention."""

from __future__ import annotations

import math
from typing import Any

import torch

from attnkit.checking.compare import Output
from autograder.judging.declare import Mistake

OUTPUT_AND_WEIGHTS = (
    Output("output", ("...", "T", "d_v")),
    Output("weights", ("...", "T", "S"), properties=("not negative", "rows sum to 1")),
)


def flawed_attention(Q: Any, K: Any, V: Any, *, axis: int = -1, scale: str = "none", values: str = "V", order: str = "output first",
                     turn: str = "last two", weigh: str = "softmax", ahead: bool = True, graph: str = "kept", width: str = "kept") -> Any:
    """Batched attention with switches that break it."""
    if graph == "cut":
        Q, K, V = Q.detach(), K.detach(), V.detach()
    if width != "kept":
        Q, K, V = (x.double() if width == "double" else x.float() for x in (Q, K, V))
    K_T = K.transpose(-2, -1) if turn == "last two" else K.permute(*range(K.ndim - 1, -1, -1))
    scores = Q @ K_T
    if scale == "sqrt":
        scores = scores / math.sqrt(Q.shape[-1])
    elif scale == "d_k":
        scores = scores / Q.shape[-1]
    if not ahead:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
    weights = torch.softmax(scores, dim=axis) if weigh == "softmax" else scores.exp() / scores.exp().sum(dim=axis, keepdim=True)
    output = weights @ (V if values == "V" else K)
    results = {"output first": (output, weights), "output alone": output, "scores": (output, scores)}
    return results.get(order, (weights, output))


def attention_one_by_one(Q: Any, K: Any, V: Any) -> Any:
    T = Q.shape[-2]
    weights = torch.stack([torch.softmax((K * Q[..., t : t + 1, :]).sum(-1), dim=-1) for t in range(T)], dim=-2)
    return weights @ V, weights


def attention_matmul(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(torch.matmul(Q, K.mT), dim=-1)
    return torch.matmul(weights, V), weights


def cross_einsum(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    scores = torch.einsum("...tm,mk,nk,...sn->...ts", X_dec, W_q, W_k, X_enc)
    weights = torch.softmax(scores, dim=-1)
    return torch.einsum("...ts,...sn,nv->...tv", weights, X_enc, W_v), weights


def cross_with_helper(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any, *, attend: Any = attention_matmul) -> Any:
    return attend(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)


COMMON_ATTENTION_MISTAKES = (
    Mistake(
        "scaled-already", "scores divided by √d_k, which this notebook does not do yet", "Attention always divides by √d_k.",
        "The scores here are plain dot products; notebook 3 says why and when to divide.", "your `attention` from 2.3", switches={"scale": "sqrt"},
    ),
    Mistake(
        "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the first of the two positions.",
        "Each row of (T, S) belongs to one query and sums to 1.", "your `attention` from 2.3", switches={"axis": -2},
    ),
    Mistake(
        "values-not-projected", "the values taken as they are, without W_v", "Values are the content itself.",
        "Which matrix did you not use?", "step 1 of the stub", switches={"project_values": False},
    ),
)


def of_results(see: str = "the return line") -> tuple[Mistake, ...]:
    """What is returned in another form: known wherever attention has two results."""
    return (
        Mistake(
            "scores-returned", "the scores returned in place of the weights", "The scores show what matches.",
            "Which of your tables has rows that sum to 1?", see, switches={"order": "scores"},
        ),
        Mistake(
            "output-alone", "the output without the weights", "The output is the result.",
            "Read the docstring's return line.", see, switches={"order": "output alone"},
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the whole function", switches={"width": "float"},
        ),
        Mistake(
            "causal-already", "later positions hidden, which is a mask of notebook 6", "A model must not see the future.",
            "Here every query may look at every key.", "the text above the stub", switches={"ahead": False},
        ),
    )


WEIGHTS_FIRST = Mistake(
    "weights-first", "the weights returned before the output", "The weights are computed first.",
    "Read the docstring's return line.", "the return line", switches={"order": "weights first"},
)
OVERFLOW = Mistake(
    "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
    "A shift of all scores changes no weight; torch.softmax knows that.", "your `attention` from 2.3", switches={"weigh": "raw"},
)
