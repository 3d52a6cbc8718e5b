"""What every exercise on attention shares: attention with switches that break it, and its mistakes under their names.

2.3, 2.5, 2.6, 3.4, 3.8, 4.3, 4.4, 6.11 and 6.12 draw from it. What is the exercise's own stays in its file or its notebook's
family: its arguments, its cases, its right answers, the order of its mistakes, and where in *its* stub each of them is met.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

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


def flaw(name: str) -> Mapping[str, Any]:
    """What breaks `FlawedHeads` in the mistake of that name."""
    return next(mistake.switches for mistake in (*HEADS, *HEADS_ALONE) if mistake.name == name)


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


_MASKED: dict[str, dict[str, Any]] = {  # how a module treats its mask, in the switches of `flawed_weights`
    "ignored": {"masking": "never"},
    "after": {"masking": "after"},
    "NaN": {"empty": "nan"},
    "uniform": {"empty": "left"},
    "scores at 0": {"fill": 0.0, "empty": "left"},
    "-100": {"fill": -100.0},
    "-1e4": {"fill": -1e4},
    "-1e4, left there": {"fill": -1e4, "empty": "left"},
}


class FlawedHeads(nn.Module):
    """Grouped-query attention as a module with switches that break it; multi-head attention is the case G = H."""

    def __init__(self, d_model: int, H: int, G: int, *, check: bool = True, split: str = "heads", merge: str = "heads",
                 scale: str = "d_k", axis: int = -1, masked: str = "before", source: str = "given", out: str = "W_o",
                 weights: str = "per head", share: str = "blocks", graph: str = "kept", library: bool = False,
                 lengths: str = "own", weigh: str = "softmax", bias: bool = False, narrow: str = "groups", drop: float = 0.0, memory: str = "none",
                 order: str = "output first", added: str = "nothing", swapped: str = "none") -> None:
        super().__init__()
        if check and (d_model % H or H % G):
            raise ValueError("H must divide d_model and G must divide H")
        self.H, self.G, self.d_model, self.d_k = H, G, d_model, d_model // H
        self.split, self.merge, self.scale, self.axis, self.masked = split, merge, scale, axis, masked
        self.source, self.out, self.weights, self.share, self.graph, self.library = source, out, weights, share, graph, library
        self.lengths, self.weigh = lengths, weigh
        self.drop, self.memory, self.order, self.added, self.swapped = drop, memory, order, added, swapped
        self.kept: dict[str, Any] = {}
        width = {"groups": G * self.d_k, "all heads": d_model, "one head": self.d_k}[narrow]
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, width, bias=bias)
        self.W_v = nn.Linear(d_model, width, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        if X_kv is None or self.source == "queries only":
            X_kv = X_q
        if self.graph == "cut":
            X_kv = X_kv.detach()
        X_kv = self.kept.setdefault("memory", X_kv) if self.memory == "first sequence" else X_kv
        if self.memory == "last mask":
            mask = self.kept["mask"] = self.kept.get("mask") if mask is None else mask
        T = X_q.shape[1]
        Q = self._heads(self.W_q(X_kv if self.source == "queries from X_kv" else X_q), self.H, T)
        K = self._shared(self._heads(self.W_k(X_q if self.source == "keys from queries" else X_kv), self.G, T), "K")
        W_v = self.W_k if self.swapped == "W_k for W_v" else self.W_v
        V = self._shared(self._heads(W_v(X_q if self.source == "values from queries" else X_kv), self.G, T), "V")
        if self.swapped == "roles of K and V":
            K, V = V, K
        scores = Q @ K.transpose(-2, -1) * (1.0 if self.scale == "after" else self._factor())
        weights = self._weigh(scores, mask)
        if self.scale == "after":
            weights = weights * self.d_k**-0.5
        weights = nn.functional.dropout(weights, self.drop, self.training)
        mixed = nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask) if self.library else weights @ V
        merged = self._merged(mixed if self.merge == "memory" else mixed.transpose(1, 2), X_q)
        output = merged if self.out == "none" else self.W_o(merged)
        if self.added == "residual":
            output = output + X_q
        if self.order == "scores":
            weights = scores
        if self.order == "squeezed":
            output, weights = output.squeeze(), weights.squeeze()
        if self.weights != "per head":
            weights = weights.mean(dim=1) if self.weights == "averaged" else weights[:, 0]
        return {"weights first": (weights, output), "output alone": output}.get(self.order, (output, weights))

    def _heads(self, X: Any, count: int, queries: int) -> Any:
        B, T = X.shape[0], queries if self.lengths == "queries'" else X.shape[1]
        if self.split == "memory":
            return X.reshape(B, count, T, self.d_k)
        if self.split == "every H-th":
            return X.reshape(B, T, self.d_k, count).permute(0, 3, 1, 2)
        return X.reshape(B, T, count, self.d_k).transpose(1, 2)

    def _shared(self, X: Any, name: str) -> Any:
        times = self.H // self.G
        if self.share == "in turn" or (self.share == "values in turn" and name == "V"):
            return X.repeat(1, times, 1, 1)
        if self.share == "first for all":
            return X[:, :1].expand(-1, self.H, -1, -1)
        if self.share == "blocks of G":
            return X[:, torch.arange(self.H) // self.G]
        return X.repeat_interleave(times, dim=1)

    def _merged(self, heads: Any, X_q: Any) -> Any:
        return heads.reshape(X_q.shape[0], X_q.shape[1], -1)

    def _factor(self) -> float:
        widths = {"d_model": self.d_model, "none": 1, "square": self.d_k**2, "groups": self.G * self.d_k}
        return float(widths.get(self.scale, self.d_k) ** -0.5)

    def _weigh(self, scores: Any, mask: Any) -> Any:
        if self.masked == "causal too":
            behind = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
            mask = behind if mask is None else mask & behind
        if mask is None:
            return flawed_weights(scores, axis=self.axis, weigh=self.weigh)
        if self.masked == "per example":
            mask = mask[:, None]
        if self.masked == "inverted":
            mask = ~mask
        weigh = self.weigh if self.masked == "ignored" else "softmax"  # written out, it is written out without a mask
        return flawed_weights(scores, mask, axis=self.axis, weigh=weigh, **_MASKED.get(self.masked, {}))


class FourMaps(nn.Module):
    """The four linear maps that every right answer has."""

    def __init__(self, d_model: int, H: int, G: int) -> None:
        super().__init__()
        if d_model % H != 0 or H % G != 0:
            raise ValueError(f"{d_model} features, {H} heads and {G} groups do not fit")
        self.H, self.G = H, G
        self.W_q, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(2))
        self.W_k, self.W_v = (nn.Linear(d_model, d_model // H * G, bias=False) for _ in range(2))


class AttentionEinsum(FourMaps):
    """Einsum with a group axis and a member axis; nothing is copied."""

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        X_kv = X_q if X_kv is None else X_kv
        Q = self.W_q(X_q).unflatten(-1, (self.G, self.H // self.G, -1))
        K, V = (W(X_kv).unflatten(-1, (self.G, -1)) for W in (self.W_k, self.W_v))
        scores = torch.einsum("btgmd,bsgd->bgmts", Q, K).flatten(1, 2) / math.sqrt(Q.shape[-1])
        if mask is None:
            weights = torch.softmax(scores, dim=-1)
        else:
            weights = torch.where(mask, torch.softmax(torch.where(mask, scores, torch.finfo(scores.dtype).min), dim=-1), 0.0)
        mixed = torch.einsum("bgmts,bsgd->btgmd", weights.reshape(weights.shape[0], self.G, -1, *weights.shape[2:]), V)
        return self.W_o(mixed.flatten(2)), weights


def as_multi_head(module: type[FourMaps]) -> Any:
    """The same module with as many groups as heads."""

    class MultiHead(module):  # type: ignore[misc, valid-type]
        def __init__(self, d_model: int, H: int) -> None:
            super().__init__(d_model, H, H)

    return MultiHead


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

# Of attention as a module with heads: 4.3 and 4.4 know all by these names; some break the attention in a block of 6.11.
HEADS = (
    Mistake(
        "view-instead-of-transpose", "queries, keys and values cut up by `view` alone, so that heads mix positions", "The shape is (B, H, T, d_k), as it should be.",
        "Does your split_heads pass its check, and do you use it here?", "split", switches={"split": "memory"},
    ),
    Mistake(
        "every-H-th-feature", "heads made of every H-th feature instead of neighbours", "The axis can be cut as (d_k, H) too.",
        "Does your split_heads pass its check, and do you use it here?", "split", switches={"split": "every H-th"},
    ),
    Mistake(
        "merged-without-transposing-back", "the heads merged without transposing back", "reshape puts everything in its place.",
        "Does your merge_heads pass its check, and do you use it here?", "output", switches={"merge": "memory"},
    ),
    Mistake(
        "scaled-by-d_model", "scores divided by √d_model instead of √d_k", "The vectors have d_model features.",
        "How many products does one head add up in a score?", "scores", switches={"scale": "d_model"},
    ),
    Mistake(
        "not-scaled", "scores that are not divided by √d_k", "Attention is softmax(Q Kᵀ) V.",
        "Notebook 3's factor belongs here, with the width of one head.", "scores", switches={"scale": "none"},
    ),
    Mistake(
        "divided-by-d_k", "scores divided by d_k instead of its root", "The scale is the width.",
        "Which power of d_k makes the variance of a score 1?", "scores", switches={"scale": "square"},
    ),
    Mistake(
        "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the positions.",
        "One query shares out one unit of attention, over the keys.", "weights", switches={"axis": -2},
    ),
    Mistake(
        "no-W_o", "the heads returned without W_o", "Concatenating is the last step.",
        "Four linear maps were built. Which one has not been used?", "output", switches={"out": "none"},
    ),
    Mistake(
        "mask-after-softmax", "the mask applied after the softmax, so that rows no longer sum to 1", "A blocked weight is set to 0.",
        "What becomes of the share that the blocked keys had taken?", "weights", switches={"masked": "after"},
    ),
    Mistake(
        "mask-inverted", "the mask read the other way round", "True means masked.",
        "In this course True means: may attend.", "the docstring", switches={"masked": "inverted"},
    ),
    Mistake(
        "nan-where-nothing-is-allowed", "a row of −∞ in the softmax, which gives NaN", "Minus infinity becomes weight 0.",
        "What is 0/0? A query that may see nothing should get all-zero weights.", "weights", switches={"masked": "NaN"},
    ),
    Mistake(
        "uniform-where-nothing-is-allowed", "equal weights for a query that may attend to nothing", "A large negative number hides every blocked key.",
        "When all scores of a row are equally low, what does the softmax give?", "weights", switches={"masked": "uniform"},
    ),
    Mistake(
        "mask-ignored", "the mask not used at all", "The mask is optional.",
        "Where do the scores learn what is allowed?", "weights", switches={"masked": "ignored"},
    ),
    Mistake(
        "X_kv-ignored", "keys and values made from X_q even when X_kv is given", "Self-attention has one sequence.",
        "When another sequence is given, whom do the queries ask?", "split", switches={"source": "queries only"},
    ),
    Mistake(
        "values-from-the-queries", "values made from X_q instead of X_kv", "Only the keys belong to the other side.",
        "A key and its value describe the same position. Of which sequence?", "split", switches={"source": "values from queries"},
    ),
    Mistake(
        "weights-averaged", "the weights averaged over the heads", "nn.MultiheadAttention returns one map.",
        "The docstring asks for one map per head.", "the return line", switches={"weights": "averaged"},
    ),
    Mistake(
        "mask-taken-per-example", "a head axis put into the mask, whatever its shape", "Masks are (B, T, S).",
        "The docstring says that the mask broadcasts to (B, H, T, S) as it is. What does (T, S) become?", "weights", switches={"masked": "per example"},
    ),
    Mistake(
        "T-for-S", "keys and values given the length of X_q", "All sequences in the batch have T positions.",
        "Print the shapes of X_q and X_kv in the failing case.", "split", switches={"lengths": "queries'"},
    ),
    Mistake(
        "graph-cut", "X_kv detached, so that the other sequence learns nothing", "The encoder is finished.",
        "Which call takes a tensor out of the graph?", "split", switches={"graph": "cut"},
    ),
)
HEADS_ALONE = (
    Mistake(
        "linear-maps-with-a-bias", "linear maps that have a bias, as `nn.Linear` makes them", "nn.Linear(d_model, d_model) is a linear map.",
        "What does the docstring say about the bias of the four maps?", "maps", switches={"bias": True},
    ),
    Mistake(
        "dropout-left-in", "weights with dropout on them in training mode", "Attention has dropout.",
        "The docstring asks for none: a call depends on its arguments alone.", "weights", switches={"drop": 0.1},
    ),
    Mistake(
        "mask-of-the-last-call", "the mask of an earlier call used where none is given", "The mask stays the same.",
        "What is written to `self` in forward, and who reads it the next time?", "weights", switches={"memory": "last mask"},
    ),
    Mistake(
        "sequence-of-the-first-call", "keys and values of the first call used again", "The encoder's output never changes.",
        "What is written to `self` in forward, and who reads it the next time?", "split", switches={"memory": "first sequence"},
    ),
    Mistake(
        "causal-although-nobody-asked", "a causal mask although none was given", "A transformer is causal.",
        "Which positions may a query see when the mask is None?", "weights", switches={"masked": "causal too"},
    ),
    Mistake(
        "fill-of-minus-100", "a fill of −100 for blocked scores, which real scores can lie below", "exp(−100) is next to nothing.",
        "Next to what? The docstring says how large scores may be.", "weights", switches={"masked": "-100"},
    ),
    Mistake(
        "fill-of-minus-10000", "a fill of −10⁴ for blocked scores, which real scores can lie below", "No score is as low as that.",
        "The docstring says how large scores may be. Which number is certainly below them?", "weights", switches={"masked": "-1e4"},
    ),
    Mistake(
        "fill-of-minus-10000-left-there", "a fill of −10⁴ and nothing after it, so that a blocked key can have weight", "After the softmax it is 0 anyway.",
        "What if all allowed scores are lower? And if nothing is allowed?", "weights", switches={"masked": "-1e4, left there"},
    ),
    Mistake(
        "blocked-scores-at-0", "blocked scores set to 0, which is not a low score", "0 means nothing.",
        "What is exp(0)? Which score gives a weight of 0?", "weights", switches={"masked": "scores at 0"},
    ),
    Mistake(
        "keys-from-X_q", "keys made from X_q instead of X_kv", "Queries and keys belong together.",
        "A query asks the *other* sequence. Which of the two holds the keys?", "split", switches={"source": "keys from queries"},
    ),
    Mistake(
        "queries-from-X_kv", "queries made from X_kv instead of X_q", "All three come from one sequence.",
        "Who asks, and who is asked?", "split", switches={"source": "queries from X_kv"},
    ),
    Mistake(
        "W_k-for-the-values", "values made with W_k", "I copied the line of the keys.",
        "Which of the four maps has not been used?", "split", switches={"swapped": "W_k for W_v"},
    ),
    Mistake(
        "keys-and-values-swapped", "keys and values in each other's place", "Both come from X_kv.",
        "With whom are queries compared, and what is averaged?", "scores", switches={"swapped": "roles of K and V"},
    ),
    Mistake(
        "divided-after-the-softmax", "the weights divided by √d_k, not the scores", "The factor can be put in later.",
        "Do your rows still sum to 1?", "scores", switches={"scale": "after"},
    ),
    Mistake(
        "softmax-over-heads", "softmax over the heads", "The heads compete.",
        "One query shares out one unit of attention, over the keys.", "weights", switches={"axis": 1},
    ),
    Mistake(
        "weights-first", "the weights returned before the output", "The weights are made first.",
        "In which order does the docstring name the two?", "the return line", switches={"order": "weights first"},
    ),
    Mistake(
        "output-alone", "the output returned without the weights", "The output is what counts.",
        "The docstring asks for two results.", "the return line", switches={"order": "output alone"},
    ),
    Mistake(
        "scores-returned", "scores returned as weights", "Scores and weights are the same.",
        "What comes between the scores and the weights?", "the return line", switches={"order": "scores"},
    ),
    Mistake(
        "axes-of-length-1-removed", "results from which all axes of length 1 are gone", "squeeze() tidies up.",
        "How many axes should come back when B is 1?", "the return line", switches={"order": "squeezed"},
    ),
    Mistake(
        "weights-of-head-0", "the weights of head 0 alone", "One map is enough to look at.",
        "The docstring asks for one map per head.", "the return line", switches={"weights": "first"},
    ),
    Mistake(
        "a-residual-added", "X_q added to the output", "There is a residual around attention.",
        "That comes in a transformer block (6.11). What does the equation here say?", "output", switches={"added": "residual"},
    ),
)
