"""What every exercise on attention shares: attention with switches that break it, and its mistakes under their names.

2.3, 2.5, 2.6, 3.4, 3.8, 4.3, 4.4, 6.11 and 6.12 draw from it, the last four by way of `heads_family`. What is the exercise's
own stays in its file or its notebook's family: its arguments, its cases, its right answers, the order of its mistakes, and
where in *its* stub each of them is met.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from attnkit.checking.compare import Output
from autograder.judging.declare import Mistake

Where = Mapping[str, str]
"""Where a stub does what a mistake concerns: `scores`, `weights`, `average`, `maps`, `split` or `output`."""

OUTPUT_AND_WEIGHTS = (
    Output("output", ("...", "T", "d_v")),
    Output("weights", ("...", "T", "S"), properties=("not negative", "rows sum to 1")),
)
LOW = -1e30  # below every score, and finite in float32
RETURN = "the return line"
WHOLE = "the whole function"


def steps(**numbers: int) -> dict[str, str]:
    """Where a stub with numbered steps does what: `steps(scores=1)`."""
    return {what: f"step {number} of the stub" for what, number in numbers.items()}


def in_stub(where: Where, mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes with the places of one stub to look at."""
    return tuple(replace(mistake, see=where.get(mistake.see, mistake.see)) for mistake in mistakes)


def known(where: Where, *names: str, **own: Any) -> tuple[Mistake, ...]:
    """The mistakes of `ATTENTION` with these names, met in a stub's places, with what an exercise says in words of its `own`."""
    return in_stub(where, (replace(ATTENTION[name], **own) for name in names))


def alone(flawed: Any, mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes as answers of their own, which are not looked for together with another one."""
    return tuple(replace(mistake, code=partial(flawed, **mistake.switches), switches={}) for mistake in mistakes)


def flawed_weights(scores: Any, allowed: Any = None, *, axis: int = -1, weigh: str = "softmax", masking: str = "before",
                   fill: float | None = None, empty: str = "zeros") -> Any:
    """Shares (…, T, S) of the scores over the keys, zeros where `allowed` (…, T, S) is False, with switches that break them.

    `fill` is what a blocked score becomes, and `empty` how a row with nothing to attend to comes to its zeros: "zeros" in the place of all
    blocked weights, or "spared", a row that is not filled and multiplied by 0. Wrong are "left", "nan" and "mended afterwards".
    """
    def shares(scores: Any) -> Any:
        return torch.softmax(scores, dim=axis) if weigh == "softmax" else scores.exp() / scores.exp().sum(dim=axis, keepdim=True)

    if allowed is None or masking == "never":
        return shares(scores)
    if masking == "added":
        return shares(scores + allowed.to(scores.dtype))
    if masking.startswith("after"):
        rest = shares(scores) * allowed
        return rest if masking == "after" else rest / rest.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(rest.dtype).tiny)
    low = (LOW if empty in ("zeros", "left") else -math.inf) if fill is None else fill
    if empty == "mended afterwards":
        return torch.nan_to_num(shares(scores + torch.zeros_like(scores).masked_fill(~allowed, low)))
    filled = scores.masked_fill(~allowed, low)
    if empty == "spared":
        some = allowed.any(dim=-1, keepdim=True)
        return shares(filled.masked_fill(~some, 0.0)) * some
    return shares(filled).masked_fill(~allowed, 0.0) if empty == "zeros" else shares(filled)


def flawed_attention(Q: Any, K: Any, V: Any, mask: Any = None, *, scale: str = "sqrt", values: str = "V", turn: str = "last two",
                     polarity: str = "may attend", ahead: bool = True, order: str = "output first", graph: str = "kept",
                     width: str = "kept", examples: str = "own", **weighing: Any) -> Any:
    """softmax(Q Kᵀ / √d_k) V for Q (…, T, d_k), K (…, S, d_k), V (…, S, d_v), with switches that break it; also those of `flawed_weights`."""
    if graph == "cut":
        Q, K, V = Q.detach(), K.detach(), V.detach()
    if width != "kept":
        Q, K, V = (x.double() if width == "double" else x.float() for x in (Q, K, V))
    if examples == "first for all":
        K, V = (x.reshape(-1, *x.shape[-2:])[0].expand_as(x) for x in (K, V))
    root = math.sqrt(Q.shape[-1])
    roots = {"sqrt": root, "d_k": root**2, "multiplied": 1 / root, "T": math.sqrt(Q.shape[-2]), "d_v": math.sqrt(V.shape[-1])}
    K_T = K.transpose(-2, -1) if turn == "last two" else K.permute(*range(K.ndim - 1, -1, -1))
    scores = Q @ K_T / roots.get(scale, 1.0)
    allowed = torch.ones_like(scores, dtype=torch.bool) if mask is None else torch.broadcast_to(mask, scores.shape)
    allowed = ~allowed if polarity == "blocked" and mask is not None else allowed
    allowed = allowed if ahead else allowed & torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    weights = flawed_weights(scores, allowed, **weighing)
    weights = weights / root if scale == "weights" else weights
    V = V / root if scale == "values" else V
    output = weights @ (V if values == "V" else K)
    results = {"weights first": (weights, output), "output alone": output, "scores": (output, scores)}
    return (output.squeeze(), weights.squeeze()) if order == "squeezed" else results.get(order, (output, weights))


_ATTENTION = (
    Mistake(
        "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the first of the two positions.",
        "Each row of (T, S) belongs to one query and sums to 1.", "weights", switches={"axis": -2},
    ),
    Mistake(
        "scaled-already", "scores divided by √d_k, which this notebook does not do yet", "Attention always divides by √d_k.",
        "The scores here are plain dot products; notebook 3 says why and when to divide.", "scores", switches={"scale": "sqrt"},
    ),
    Mistake(
        "divided-by-d_k", "scores divided by d_k instead of √d_k", "The variance is d_k, so divide by d_k.",
        "Dividing by c divides the variance by c².", "scores", switches={"scale": "d_k"},
    ),
    Mistake(
        "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
        "A shift of all scores changes no weight; torch.softmax knows that.", "weights", switches={"weigh": "raw"},
    ),
    Mistake(
        "averages-the-keys", "the keys averaged instead of the values", "The weights belong to the keys.",
        "Which of K and V has the width of the output?", "average", switches={"values": "K"},
    ),
    Mistake(
        "values-not-projected", "the values taken as they are, without W_v", "Values are the content itself.",
        "Which matrix did you not use?", "maps", switches={"project_values": False},
    ),
    Mistake(
        "causal-already", "later positions hidden, which is a mask of notebook 6", "A model must not see the future.",
        "Here every query may look at every key.", "the text above the stub", switches={"ahead": False},
    ),
    Mistake(
        "first-example-for-all", "the first example's keys and values for the whole batch", "All examples share their keys.",
        "Each example has its own K and V.", "scores", switches={"examples": "first for all"},
    ),
    Mistake(
        "weights-first", "the weights returned before the output", "The weights are computed first.",
        "Read the docstring's return line.", RETURN, switches={"order": "weights first"},
    ),
    Mistake(
        "scores-returned", "the scores returned in place of the weights", "The scores show what matches.",
        "Which of your tables has rows that sum to 1?", RETURN, switches={"order": "scores"},
    ),
    Mistake(
        "output-alone", "the output without the weights", "The output is the result.",
        "Read the docstring's return line.", RETURN, switches={"order": "output alone"},
    ),
    Mistake(
        "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
        "What does squeeze() do to a batch of one, or to one query?", "your use of squeeze", switches={"order": "squeezed"},
    ),
    Mistake(
        "graph-cut", "inputs detached, so that nothing can be learned", "Detaching avoids trouble with gradients.",
        "Which line takes the tensor out of the graph?", WHOLE, switches={"graph": "cut"},
    ),
    Mistake(
        "always-float32", "everything turned into float32", "Torch works in float32.",
        "Return the number type you were given.", WHOLE, switches={"width": "float"},
    ),
    Mistake(
        "always-float64", "everything turned into float64", "Double precision is safer.",
        "Return the number type you were given.", WHOLE, switches={"width": "double"},
    ),
)
ATTENTION = {mistake.name: mistake for mistake in _ATTENTION}
