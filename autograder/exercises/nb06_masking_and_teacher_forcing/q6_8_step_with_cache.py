"""6.8 step_with_cache: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, TensorValue
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import INFINITE
from autograder.judging.declare import (
    Exercise,
    JudgeFailure,
    Mistake,
    Rng,
    Run,
    Test,
    Variant,
    normal,
    numbered_rng,
    rounded,
)
from autograder.reference import nb06 as reference


def cache_case(rng: Rng, B: int, past: int, d_model: int, d_k: int, d_v: int, *, draw: Any = normal, scale: float = 1.0, **options: Any) -> Case:
    cache = (draw(rng, B, past, d_k), draw(rng, B, past, d_v)) if past else None
    args = (draw(rng, B, 1, d_model, scale=scale), cache, draw(rng, d_model, d_k), draw(rng, d_model, d_k), draw(rng, d_model, d_v))
    return Case(args=args, sizes={"B": B, "n": past, "n+1": past + 1, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_step(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any, *, order: str = "append", sees: str = "all", scale: str = "d_k", store: str = "K and V",
                axis: int = -1, mask: str = "none", graph: str = "kept", returned: str = "output first", weigh: str = "softmax") -> Any:
    """One cached step with switches that break it."""
    q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
    if graph == "cut" and cache is not None:
        cache = tuple(part.detach() for part in cache)
    if store == "V, K" and cache is not None:
        cache = cache[::-1]
    K, V = (k, v) if cache is None else (torch.cat([old, new] if order == "append" or (order == "keys in front" and new is v) else [new, old], dim=1) for old, new in zip(cache, (k, v), strict=True))
    seen_K, seen_V = (cache if cache is not None else (K, V)) if sees == "past" else (k, v) if sees == "itself" else (K, V)
    divisor = {"d_k": math.sqrt(q.shape[-1]), "d_model": math.sqrt(x_t.shape[-1]), "none": 1.0, "all of d_k": q.shape[-1]}[scale]
    scores = q @ seen_K.transpose(1, 2) / divisor
    if mask == "top left":
        scores = scores.masked_fill(~torch.ones(scores.shape[1:]).tril().bool(), -INFINITE)
    weights = torch.softmax(scores, dim=axis) if weigh == "softmax" else scores.exp() / scores.exp().sum(dim=axis, keepdim=True)
    output = weights @ seen_V
    new_cache = {"K and V": (K, V), "V, K": (V, K), "newest only": (k, v), "old only": cache if cache is not None else (K, V)}[store]
    if returned == "output alone":
        return output
    if returned == "squeezed":
        return output.squeeze(1), new_cache
    return (output, new_cache) if returned == "output first" else (new_cache, output)


def step_in_place(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    """The newest key written over the oldest one: the cache does not grow."""
    q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
    if cache is None:
        cache = (k, v)
    else:
        cache[0][:, :1], cache[1][:, :1] = k, v
    weights = torch.softmax(q @ cache[0].mT / math.sqrt(q.shape[-1]), dim=-1)
    return weights @ cache[1], cache


def step_grouped(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    new = torch.matmul(x_t, W_k), torch.matmul(x_t, W_v)
    cache = new if cache is None else tuple(torch.cat(pair, dim=1) for pair in zip(cache, new, strict=True))
    scores = torch.einsum("bok,bsk->bos", x_t @ W_q, cache[0]) * W_q.shape[1] ** -0.5
    return torch.einsum("bos,bsv->bov", scores.softmax(-1), cache[1]), cache


def step_by_library(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    K, V = x_t @ W_k, x_t @ W_v
    if cache is not None:
        K, V = torch.cat((cache[0], K), 1), torch.cat((cache[1], V), 1)
    return torch.nn.functional.scaled_dot_product_attention(x_t @ W_q, K, V), (K, V)


def step_empty_start(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any, *, window: int | None = None) -> Any:
    if cache is None:
        cache = (x_t.new_zeros(len(x_t), 0, W_k.shape[1]), x_t.new_zeros(len(x_t), 0, W_v.shape[1]))
    K = torch.hstack([cache[0], x_t @ W_k])
    V = torch.hstack([cache[1], x_t @ W_v])
    scores = ((x_t @ W_q) * K).sum(dim=-1) / math.sqrt(K.shape[-1])
    weights = torch.softmax(scores, dim=1).unsqueeze(1)
    return weights @ V, [K, V]


def judge_many_steps(run: Run) -> None:
    """Token after token through the cache: the outputs of causal attention over all of them at once."""
    rng = numbered_rng(68)
    X, W_q, W_k, W_v = (np.round(rng.standard_normal(shape), 2) for shape in ((2, 5, 4), (4, 3), (4, 3), (4, 2)))
    wanted = "step after step the cached outputs equal those of causal attention over the whole sequence"
    cache: Any = None
    for t in range(X.shape[1]):
        value = run(Case(args=(X[:, t : t + 1], cache, W_q, W_k, W_v))).value
        past = tuple(np.stack([x @ W for x in X[:, : t + 1].transpose(1, 0, 2)], axis=1)[:, :t] for W in (W_k, W_v)) if t else None
        right, _ = reference.step_with_cache(X[:, t : t + 1], past, W_q, W_k, W_v)
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise JudgeFailure(wanted, "something else than (output, cache)")
        output, cache = value
        cache = tuple(cache) if isinstance(cache, list) else cache
        if not isinstance(cache, tuple) or len(cache) != 2:
            raise JudgeFailure(wanted, "a cache that is not a pair (K, V)")
        if not isinstance(output, TensorValue) or output.data.shape != right.shape or not np.allclose(output.data, right, atol=1e-6):
            raise JudgeFailure(wanted, f"another output at step {t}")


def cached_in_window(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    """Right, but only the last 128 positions are kept."""
    K, V = x_t @ W_k, x_t @ W_v
    if cache is not None:
        K, V = torch.cat([cache[0], K], dim=1)[:, -128:], torch.cat([cache[1], V], dim=1)[:, -128:]
    weights = torch.softmax(x_t @ W_q @ K.mT / W_q.shape[1] ** 0.5, dim=-1)
    return weights @ V, (K, V)


EXERCISE = Exercise(
    number="6.8",
    title="step_with_cache",
    names=("step_with_cache",),
    minutes=15,
    starred=True,
    reference=reference.step_with_cache,
    outputs=(
        Output("output", ("B", "1", "d_v")),
        Output("cache", parts=(Output("K of the cache", ("B", "n+1", "d_k")), Output("V of the cache", ("B", "n+1", "d_v")))),
    ),
    public=lambda rng: [
        cache_case(rng, 1, 0, 2, 2, 2, draw=rounded),
        cache_case(rng, 1, 2, 3, 2, 3, draw=rounded),
        cache_case(rng, 2, 3, 2, 3, 1, draw=rounded, gradient=True),
        cache_case(rng, 1, 129, 1, 1, 1, draw=rounded),
        cache_case(rng, 1, 3, 2, 2, 2, scale=3000.0),
    ],
    tests=(
        Test(
            "the first token", "without a cache the token sees itself, and the cache begins with its key and value",
            lambda rng: [cache_case(rng, 3, 0, 5, 3, 4), cache_case(rng, 1, 0, 2, 2, 2), cache_case(rng, 2, 0, 3, 2, 4, earlier=(cache_case(rng, 2, 0, 3, 2, 4),))],
        ),
        Test(
            "a longer cache", "the token sees every cached position and itself; its key and value come last in the new cache",
            lambda rng: [cache_case(rng, 2, 1, 5, 3, 4), cache_case(rng, 3, 6, 4, 5, 2), cache_case(rng, 1, 4, 3, 3, 3), cache_case(rng, 1, 130, 2, 3, 2), cache_case(rng, 1, 1050, 1, 2, 1), cache_case(rng, 2, 2, 3, 2, 4, earlier=(cache_case(rng, 1, 3, 2, 3, 2),))],
        ),
        Test("step after step", "token after token the outputs equal those of causal attention over the whole sequence", judge=judge_many_steps),
        Test(
            "large scores and number types", "finite outputs for large scores; float32 stays float32",
            lambda rng: [cache_case(rng, 2, 3, 4, 3, 2, scale=30.0), cache_case(rng, 3, 4, 4, 3, 2, scale=3000.0), cache_case(rng, 2, 3, 4, 3, 5, dtype="float32")],
        ),
        Test(
            "gradients", "gradients reach the token, the cache and the three matrices",
            lambda rng: [cache_case(rng, 2, 3, 3, 2, 4, gradient=True), cache_case(rng, 2, 2, 3, 3, 3, gradient=True)],
        ),
    ),
    flawed=flawed_step,
    mistakes=(
        Mistake("put-in-front", "new keys and values put in front of the cache", "The newest comes first.", "In order of time: where does the newest stand?", "step 2 of the stub", switches={"order": "prepend"}),
        Mistake("keys-in-front", "the new key in front of the cache, and the new value at its end", "It comes first in one of the two.", "Key s and value s belong to the same token. Do they stand at the same place?", "step 2 of the stub", switches={"order": "keys in front"}),
        Mistake("output-alone", "the output alone, without a cache", "The output is the answer.", "What does the next step need from this one?", "the docstring", switches={"returned": "output alone"}),
        Mistake("time-axis-dropped", "an output (B, d_v) without its axis of length 1", "There is only one position.", "Look at the shape in the docstring.", "the docstring", switches={"returned": "squeezed"}),
        Mistake("sees-only-the-past", "a token that does not see itself", "The cache is what may be attended to.", "In causal attention, may position t attend to t?", "step 3 of the stub", switches={"sees": "past"}),
        Mistake("sees-only-itself", "a token that sees itself alone", "One query, one key.", "What is the cache for?", "step 3 of the stub", switches={"sees": "itself"}),
        Mistake("no-scale", "scores that are not divided by √d_k", "The plain dot product of notebook 2.", "The equation above the stub has a factor.", "step 3 of the stub", switches={"scale": "none"}),
        Mistake("scaled-by-d_model", "scores divided by √d_model", "d is the width of the model.", "Which width does the dot product q · k run over?", "step 3 of the stub", switches={"scale": "d_model"}),
        Mistake("scaled-by-d_k", "scores divided by d_k", "A mean product.", "Notebook 3: which power of d_k keeps the variance at 1?", "step 3 of the stub", switches={"scale": "all of d_k"}),
        Mistake("forgets-the-past", "a cache of the newest key and value alone", "The next step needs the last one.", "How many positions must the next token see?", "step 2 of the stub", switches={"store": "newest only"}),
        Mistake("cache-never-grows", "the old cache returned as it came", "The cache is updated by itself.", "Which tensors does the next step receive?", "step 2 of the stub", switches={"store": "old only"}),
        Mistake("values-first", "values before keys in the cache", "Both are in it.", "The docstring says (K, V).", "the docstring", switches={"store": "V, K"}),
        Mistake("softmax-over-queries", "softmax over the query axis, which has one entry", "Axis 1 is time.", "Scores are (B, 1, n+1): which axis are the keys?", "step 3 of the stub", switches={"axis": 1}),
        Mistake(
            "masked-top-left", "a causal mask aligned with the first position", "Attention in a decoder needs its mask.", "The token is the newest: where in (1, n+1) does its row stand?",
            "exercise 6.1, more keys than queries", switches={"mask": "top left"},
        ),
        Mistake("cache-detached", "a cached past that no gradient reaches", "The past is done.", "Which line takes the cache out of the graph?", "step 2 of the stub", switches={"graph": "cut"}),
        Mistake("cache-first", "the cache returned before the output", "The cache is ready first.", "Read the last line of the docstring.", "the docstring", switches={"returned": "cache first"}),
        Mistake("writes-into-the-cache", "the newest key written over the oldest", "A cache has a fixed size.", "Does the caller still have the past after your call?", "step 2 of the stub", code=step_in_place),
        Mistake(
            "window-of-128",
            "only the last 128 positions kept",
            "A cache has a size.",
            "How many positions come back when 130 were there? None may be lost.",
            "step 2 of the stub",
            code=cached_in_window,
        ),
        Mistake(
            "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
            "A shift of all scores changes no weight; torch.softmax knows that.", "step 3 of the stub", switches={"weigh": "raw"},
        ),
    ),
    variants=(
        Variant("concatenated in pairs, einsum", step_grouped),
        Variant("torch's attention", step_by_library),
        Variant("empty start, list returned, extra keyword", step_empty_start),
        Variant("with flags", flawed_step),
    ),
)
