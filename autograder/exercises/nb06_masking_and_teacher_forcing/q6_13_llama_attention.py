"""6.13 llama_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb06 as reference


def llama_case(rng: Rng, B: int, S: int, d_model: int, d: int, H: int, G: int, last: int, *, draw: Any = normal, **options: Any) -> Case:
    args = (
        draw(rng, B, S, d_model), draw(rng, H * d, d_model), draw(rng, G * d, d_model), draw(rng, G * d, d_model), draw(rng, d_model, H * d), H, G, last,
    )
    return Case(args=args, sizes={"B": B, "last": last, "d_model": d_model}, **options)


def turn_half(x: Any, positions: Any, *, layout: str = "half", numbers: str = "kept") -> Any:
    d = x.shape[-1]
    angle = positions[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
    cos, sin = angle.cos(), angle.sin()
    if numbers == "bfloat16":
        cos, sin = cos.bfloat16().to(x.dtype), sin.bfloat16().to(x.dtype)
    if layout == "half":
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def flawed_llama(x: Any, W_q: Any, W_k: Any, W_v: Any, W_o: Any, H: int, G: int, last: int, *, layout: str = "half", heads: str = "blocks",
                 mask: str = "bottom right", numbers: str = "kept", start: str = "S - last", values: str = "kept", scale: str = "√d", keys: str = "turned", merge: str = "moved back", out: str = "transposed", split: str = "moved") -> Any:
    """Llama's attention with switches that break it."""
    S = x.shape[1]
    place = torch.arange(S)
    cut = (lambda t, n: t.unflatten(-1, (n, -1)).transpose(1, 2)) if split == "moved" else (lambda t, n: t.reshape(t.shape[0], n, t.shape[1], -1))
    q, k, v = cut(x[:, S - last :] @ W_q.mT, H), cut(x @ W_k.mT, G), cut(x @ W_v.mT, G)
    q = turn_half(q, place[S - last :] if start == "S - last" else place[:last], layout=layout, numbers=numbers)
    k = turn_half(k, place, layout=layout, numbers=numbers) if keys == "turned" else k
    if values == "turned":
        v = turn_half(v, place, layout=layout)
    repeat = (lambda t: t.repeat_interleave(H // G, 1)) if heads == "blocks" else (lambda t: t.repeat(1, H // G, 1, 1))
    k, v = repeat(k), repeat(v)
    scores = q @ k.mT / (math.sqrt(q.shape[-1]) if scale == "√d" else 1.0)
    seen = torch.ones(last, S).tril({"bottom right": S - last, "top left": 0, "none": S}[mask]).bool()
    weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
    each = weights @ v
    joined = each.transpose(1, 2).flatten(2) if merge == "moved back" else each.reshape(x.shape[0], last, -1)
    return joined @ (W_o.mT if out == "transposed" else W_o)


def llama_by_neighbours(x: Any, W_q: Any, W_k: Any, W_v: Any, W_o: Any, H: int, G: int, last: int) -> Any:
    def neighbours(W: Any, heads: int) -> Any:
        return W.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)

    S = x.shape[1]
    q = torch.einsum("bsm,am->bsa", x, neighbours(W_q, H)).unflatten(-1, (G, H // G, -1))
    k = torch.einsum("bsm,am->bsa", x, neighbours(W_k, G)).unflatten(-1, (G, -1))
    v = torch.einsum("bsm,am->bsa", x, W_v).unflatten(-1, (G, -1))
    d = k.shape[-1]
    angle = torch.outer(torch.arange(S, dtype=x.dtype), 10000.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d))
    dial = torch.polar(torch.ones_like(angle), angle)

    def turn(t: Any, by: Any) -> Any:
        return torch.view_as_real(torch.view_as_complex(t.unflatten(-1, (-1, 2)).contiguous()) * by).flatten(-2)

    q, k = turn(q, dial[:, None, None]), turn(k, dial[:, None])
    scores = torch.einsum("btgrd,bsgd->bgrts", q, k) / d**0.5
    scores = scores.masked_fill(torch.ones(S, S).triu(1).bool(), -torch.inf)
    out = torch.einsum("bgrts,bsgd->btgrd", scores.softmax(-1), v).flatten(2)
    return (out @ W_o.T)[:, S - last :]


def llama_by_library(x: Any, W_q: Any, W_k: Any, W_v: Any, W_o: Any, H: int, G: int, last: int) -> Any:
    B, S, _ = x.shape
    q, k, v = ((x @ W.T).view(B, S, n, -1).transpose(1, 2) for W, n in ((W_q, H), (W_k, G), (W_v, G)))
    q, k = turn_half(q, torch.arange(S)), turn_half(k, torch.arange(S))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    return torch.nn.functional.linear(out.transpose(1, 2).reshape(B, S, -1), W_o)[:, S - last :]


EXERCISE = Exercise(
    number="6.13",
    title="llama_attention",
    names=("llama_attention",),
    minutes=25,
    starred=True,
    further=True,
    reference=reference.llama_attention,
    outputs=(Output("output", ("B", "last", "d_model")),),
    public=lambda rng: [
        llama_case(rng, 1, 2, 2, 4, 1, 1, 2, draw=rounded),
        llama_case(rng, 1, 4, 3, 4, 4, 2, 4, draw=rounded),
        llama_case(rng, 2, 5, 3, 4, 4, 2, 2, draw=rounded),
    ],
    tests=(
        Test("one head", "features i and i + d/2 are turned together, in queries and keys", lambda rng: [llama_case(rng, 2, 4, 5, 6, 1, 1, 4), llama_case(rng, 1, 5, 3, 4, 1, 1, 5)]),
        Test("grouped heads", "query head h reads key/value head h // (H/G)", lambda rng: [llama_case(rng, 2, 4, 5, 4, 4, 2, 4), llama_case(rng, 1, 3, 4, 2, 6, 3, 3)]),
        Test("the last positions", "query t of the last ones stands at position S − last + t", lambda rng: [llama_case(rng, 2, 6, 5, 4, 4, 2, 2), llama_case(rng, 1, 5, 4, 4, 2, 1, 1)]),
        Test("gradients", "gradients reach x and the four matrices", lambda rng: [llama_case(rng, 1, 3, 3, 4, 2, 1, 2, gradient=True)]),
    ),
    flawed=flawed_llama,
    mistakes=(
        Mistake("layout-not-converted", "neighbours turned together, in weights made for halves", "RoPE is RoPE.", "Which feature is the partner of feature 0 in Llama's layout?", "step 2 of the stub", switches={"layout": "neighbours"}),
        Mistake("heads-in-turn", "key/value heads repeated in the wrong order", "repeat makes H of G.", "With H = 4 and G = 2: which key/value head does query head 1 read?", "step 3 of the stub", switches={"heads": "cyclic"}),
        Mistake("causal-top-left", "a causal mask aligned with the first key", "Query 0 sees key 0.", "At which position does the first of the last queries stand?", "step 4 of the stub", switches={"mask": "top left"}),
        Mistake("no-mask", "queries that see what comes after them", "The weights know.", "Llama writes from left to right: what may position t see?", "step 4 of the stub", switches={"mask": "none"}),
        Mistake("coarse-angles", "cos and sin taken in bfloat16", "The model runs in bfloat16.", "How many digits of cos and sin are left?", "step 2 of the stub", switches={"numbers": "bfloat16"}),
        Mistake("queries-from-0", "queries turned as if they stood at the start", "arange(T).", "Where do the last positions stand?", "step 2 of the stub", switches={"start": "0"}),
        Mistake("output-matrix-untransposed", "W_o multiplied as it is, without the transpose", "The file holds the matrix.", "nn.Linear keeps its weights outputs first. Which shape must stand to the right of x?", "step 5 of the stub", switches={"out": "as it is"}),
        Mistake("keys-not-turned", "queries turned and keys as they are", "The query carries the position.", "What does the score depend on if only one of the two is turned?", "step 2 of the stub", switches={"keys": "plain"}),
        Mistake("heads-not-moved-back", "heads merged without being moved back beside their position", "reshape joins the heads.", "Which axes must change places before (B, H, last, d) becomes (B, last, H·d)?", "step 5 of the stub", switches={"merge": "as they lie"}),
        Mistake("heads-cut-by-reshape", "heads cut by a reshape alone, so that they mix positions", "reshape gives the shape (B, H, S, d).", "Which numbers of position 0 end up in head 1? Look at the order in which reshape reads.", "step 1 of the stub", switches={"split": "reshape"}),
        Mistake("turned-values", "values turned, too", "All three have positions.", "Which of the three take part in the score?", "step 2 of the stub", switches={"values": "turned"}),
        Mistake("no-scale", "scores that are not divided by √d", "RoPE has scaled them.", "A rotation changes no length: what divides the scores?", "step 4 of the stub", switches={"scale": "none"}),
    ),
    variants=(
        Variant("weights turned into neighbours, complex numbers, einsum", llama_by_neighbours),
        Variant("torch's attention over all positions", llama_by_library),
        Variant("with flags", flawed_llama),
    ),
)
