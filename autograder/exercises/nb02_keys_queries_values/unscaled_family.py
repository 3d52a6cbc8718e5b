"""What exercises 2.3, 2.5 and 2.6 share: attention whose scores are not divided, flawed and right, and where their stubs do what."""

from __future__ import annotations

from typing import Any

import torch

from autograder.exercises.attention_family import flawed_attention, steps

IN_THE_HELPER = {**steps(maps=1), **dict.fromkeys(("scores", "weights"), "your `attention` from 2.3")}
RESULTS = ("scores-returned", "output-alone", "always-float32", "causal-already")


def flawed_unscaled(Q: Any, K: Any, V: Any, *, scale: str = "none", **switches: Any) -> Any:
    """The attention of this notebook with switches that break it."""
    return flawed_attention(Q, K, V, scale=scale, **switches)


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
