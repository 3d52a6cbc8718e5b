"""What exercises 4.3 and 4.4 share: the cases, flaws, mistakes and right answers of attention in several heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Mistake, Rng, normal

SHORTCUTS = ("scaled_dot_product_attention", "multi_head_attention_forward", "_native_multi_head_attention")


def weights_of(rng: Rng, d_model: int, H: int, G: int, draw: Any = normal) -> dict[str, np.ndarray]:
    """A state for the four linear maps, of a size that keeps the scores near 1."""
    narrow = d_model // H * G
    shapes = {"W_q": (d_model, d_model), "W_k": (narrow, d_model), "W_v": (narrow, d_model), "W_o": (d_model, d_model)}
    return {f"{name}.weight": draw(rng, *shape, scale=0.8) for name, shape in shapes.items()}


def module_case(rng: Rng, init: tuple[int, ...], B: int, T: int, S: int | None = None, *, mask: Any = None, scale: float = 1.0,
                draw: Any = normal, **options: Any) -> Case:
    """One call of a module built with `init` = (d_model, H) or (d_model, H, G); S asks for cross-attention."""
    d_model, H, G = (*init, init[1])[:3]
    args = (draw(rng, B, T, d_model, scale=scale),) + (() if S is None else (draw(rng, B, S, d_model, scale=scale),))
    sizes = {"B": B, "H": H, "T": T, "S": S or T, "d_model": d_model}
    kwargs = {} if mask is None else {"mask": mask}
    return Case(init=init, state=weights_of(rng, d_model, H, G, draw), args=args, kwargs=kwargs, sizes=sizes, **options)


def impossible(rng: Rng, *init: int) -> Case:
    return Case(init=init, args=(normal(rng, 1, 2, init[0]),), raises="ValueError")


def some_mask(rng: Rng, *shape: int, blind: tuple[int, ...] = ()) -> np.ndarray:
    """A random mask in which every row has something to see, except the row at index `blind`."""
    mask = rng.random(shape) < 0.5
    mask[..., 0] |= ~mask.any(axis=-1)
    mask[..., 0, :] = np.arange(shape[-1]) % 2 == 0
    if blind:
        mask[blind] = False
    return np.asarray(mask)


class FlawedAttention(nn.Module):
    """Grouped-query attention with switches that break it; multi-head attention is the case G = H."""

    def __init__(self, d_model: int, H: int, G: int, *, check: bool = True, split: str = "heads", merge: str = "heads", scale: str = "d_k",
                 axis: int = -1, masked: str = "before", source: str = "given", out: str = "W_o", weights: str = "per head",
                 share: str = "blocks", graph: str = "kept", library: bool = False, lengths: str = "own",
                 exponential: str = "shifted", bias: bool = False, narrow: str = "groups", drop: float = 0.0, memory: str = "none",
                 returns: str = "output, weights", added: str = "nothing", swapped: str = "none") -> None:
        super().__init__()
        if check and (d_model % H or H % G):
            raise ValueError("H must divide d_model and G must divide H")
        self.H, self.G, self.d_model, self.d_k = H, G, d_model, d_model // H
        self.split, self.merge, self.scale, self.axis, self.masked = split, merge, scale, axis, masked
        self.source, self.out, self.weights, self.share, self.graph, self.library = source, out, weights, share, graph, library
        self.lengths, self.exponential = lengths, exponential
        self.drop, self.memory, self.returns, self.added, self.swapped = drop, memory, returns, added, swapped
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
        merged = (mixed if self.merge == "memory" else mixed.transpose(1, 2)).reshape(X_q.shape[0], X_q.shape[1], -1)
        output = merged if self.out == "none" else self.W_o(merged)
        if self.added == "residual":
            output = output + X_q
        if self.returns == "scores":
            weights = scores
        if self.returns == "squeezed":
            output, weights = output.squeeze(), weights.squeeze()
        if self.weights != "per head":
            weights = weights.mean(dim=1) if self.weights == "averaged" else weights[:, 0]
        return {"weights, output": (weights, output), "output alone": output}.get(self.returns, (output, weights))

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

    def _factor(self) -> float:
        widths = {"d_k": self.d_k, "after": self.d_k, "d_model": self.d_model, "none": 1, "square": self.d_k**2, "groups": self.G * self.d_k}
        return float(widths[self.scale] ** -0.5)

    def _weigh(self, scores: Any, mask: Any) -> Any:
        if self.masked == "causal too":
            behind = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
            mask = behind if mask is None else mask & behind
        if mask is None or self.masked == "ignored":
            return scores.softmax(self.axis) if self.exponential == "shifted" else scores.exp() / scores.exp().sum(self.axis, keepdim=True)
        if self.masked == "per example":
            mask = mask[:, None]
        if self.masked == "inverted":
            mask = ~mask
        if self.masked == "after":
            return scores.softmax(self.axis).masked_fill(~mask, 0.0)
        if self.masked == "NaN":
            return scores.masked_fill(~mask, -math.inf).softmax(self.axis)
        if self.masked == "scores at 0":
            return scores.masked_fill(~mask, 0.0).softmax(self.axis)
        low = {"-100": -100.0, "-1e4": -1e4, "-1e4, left there": -1e4}.get(self.masked, -1e30)
        weights = scores.masked_fill(~mask, low).softmax(self.axis)
        return weights if self.masked in ("uniform", "-1e4, left there") else weights.masked_fill(~mask, 0.0)


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


class AttentionHeadByHead(FourMaps):
    """A Python loop over the heads, slices of the projections, exponentials written out."""

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        X_kv = X_q if X_kv is None else X_kv
        Q, K, V = self.W_q(X_q), self.W_k(X_kv), self.W_v(X_kv)
        d_k = Q.shape[-1] // self.H
        shape = (X_q.shape[0], self.H, X_q.shape[1], X_kv.shape[1])
        allowed = torch.ones(shape, dtype=torch.bool) if mask is None else mask.broadcast_to(shape)
        reports, maps = [], []
        for h in range(self.H):
            own = slice(h * d_k, (h + 1) * d_k)
            group = h // (self.H // self.G)
            shared = slice(group * d_k, (group + 1) * d_k)
            weights = self._shares(Q[..., own] @ K[..., shared].mT * d_k**-0.5, allowed[:, h])
            maps.append(weights)
            reports.append(weights @ V[..., shared])
        return self.W_o(torch.cat(reports, dim=-1)), torch.stack(maps, dim=1)

    @staticmethod
    def _shares(scores: Any, allowed: Any) -> Any:
        top = scores.masked_fill(~allowed, -1e9).amax(dim=-1, keepdim=True).detach()
        shares = torch.exp(torch.where(allowed, scores - top, -60.0)) * allowed
        total = shares.sum(dim=-1, keepdim=True)
        return shares / total.where(total > 0, 1.0)


class AttentionNanToNum(FourMaps):
    """−∞ where attention is not allowed, with rows that see nothing taken out before the softmax."""

    def __init__(self, d_model: int, H: int, G: int, dropout: float = 0.0) -> None:
        super().__init__(d_model, H, G)
        self.dropout = nn.Dropout(dropout)

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None, *, scale: float | None = None) -> tuple[Any, Any]:
        memory = X_kv if X_kv is not None else X_q
        B, T, d_model = X_q.shape
        d_k = d_model // self.H
        Q = self.W_q(X_q).view(B, T, self.H, d_k).transpose(1, 2)
        K = self.W_k(memory).view(B, -1, self.G, d_k).transpose(1, 2)
        V = self.W_v(memory).view(B, -1, self.G, d_k).transpose(1, 2)
        group = torch.arange(self.H) // (self.H // self.G)
        scores = (scale or 1 / math.sqrt(d_k)) * torch.matmul(Q, K[:, group].transpose(2, 3))
        if mask is not None:
            blind = ~mask.any(dim=-1, keepdim=True)
            scores = scores.masked_fill(~(mask | blind), float("-inf"))
            weights = torch.softmax(scores, dim=-1) * (~blind).to(scores.dtype)
        else:
            weights = torch.softmax(scores, dim=-1)
        mixed = torch.matmul(self.dropout(weights), V[:, group])
        return self.W_o(mixed.transpose(1, 2).reshape(B, T, d_model)), weights


class AttentionExpanded(FourMaps):
    """Keys and values expanded over a member axis, scores divided before the mask is added as 0 or a large negative number."""

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> list[Any]:
        X_kv = X_q if X_kv is None else X_kv
        Q = self._split(self.W_q(X_q) / (X_q.shape[-1] // self.H) ** 0.5, self.H)
        K, V = self._copies(self.W_k(X_kv)), self._copies(self.W_v(X_kv))
        scores = Q @ K.mT
        seen = torch.ones((), dtype=scores.dtype) if mask is None else mask.to(scores.dtype)
        weights = torch.softmax(scores + (1 - seen) * -1e12, dim=-1) * seen
        return [self.W_o(torch.cat((weights @ V).unbind(1), dim=-1)), weights]

    def _copies(self, X: Any) -> Any:
        heads = self._split(X, self.G)
        return heads[:, :, None].expand(-1, -1, self.H // self.G, -1, -1).flatten(1, 2)

    @staticmethod
    def _split(X: Any, count: int) -> Any:
        return torch.stack(X.chunk(count, dim=-1), dim=1)


ATTENTION_MISTAKES = (
    Mistake(
        "view-instead-of-transpose", "queries, keys and values cut up by `view` alone, so that heads mix positions", "The shape is (B, H, T, d_k), as it should be.",
        "Does your split_heads pass its check, and do you use it here?", "step 2 of the stub", switches={"split": "memory"},
    ),
    Mistake(
        "every-H-th-feature", "heads made of every H-th feature instead of neighbours", "The axis can be cut as (d_k, H) too.",
        "Does your split_heads pass its check, and do you use it here?", "step 2 of the stub", switches={"split": "every H-th"},
    ),
    Mistake(
        "merged-without-transposing-back", "the heads merged without transposing back", "reshape puts everything in its place.",
        "Does your merge_heads pass its check, and do you use it here?", "step 5 of the stub", switches={"merge": "memory"},
    ),
    Mistake(
        "scaled-by-d_model", "scores divided by √d_model instead of √d_k", "The vectors have d_model features.",
        "How many products does one head add up in a score?", "step 3 of the stub", switches={"scale": "d_model"},
    ),
    Mistake(
        "not-scaled", "scores that are not divided by √d_k", "Attention is softmax(Q Kᵀ) V.",
        "Notebook 3's factor belongs here, with the width of one head.", "step 3 of the stub", switches={"scale": "none"},
    ),
    Mistake(
        "divided-by-d_k", "scores divided by d_k instead of its root", "The scale is the width.",
        "Which power of d_k makes the variance of a score 1?", "step 3 of the stub", switches={"scale": "square"},
    ),
    Mistake(
        "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the positions.",
        "One query shares out one unit of attention, over the keys.", "step 4 of the stub", switches={"axis": -2},
    ),
    Mistake(
        "no-W_o", "the heads returned without W_o", "Concatenating is the last step.",
        "Four linear maps were built. Which one has not been used?", "step 5 of the stub", switches={"out": "none"},
    ),
    Mistake(
        "mask-after-softmax", "the mask applied after the softmax, so that rows no longer sum to 1", "A blocked weight is set to 0.",
        "What becomes of the share that the blocked keys had taken?", "step 4 of the stub", switches={"masked": "after"},
    ),
    Mistake(
        "mask-inverted", "the mask read the other way round", "True means masked.",
        "In this course True means: may attend.", "the docstring", switches={"masked": "inverted"},
    ),
    Mistake(
        "nan-where-nothing-is-allowed", "a row of −∞ in the softmax, which gives NaN", "Minus infinity becomes weight 0.",
        "What is 0/0? A query that may see nothing should get all-zero weights.", "step 4 of the stub", switches={"masked": "NaN"},
    ),
    Mistake(
        "uniform-where-nothing-is-allowed", "equal weights for a query that may attend to nothing", "A large negative number hides every blocked key.",
        "When all scores of a row are equally low, what does the softmax give?", "step 4 of the stub", switches={"masked": "uniform"},
    ),
    Mistake(
        "mask-ignored", "the mask not used at all", "The mask is optional.",
        "Where do the scores learn what is allowed?", "step 4 of the stub", switches={"masked": "ignored"},
    ),
    Mistake(
        "X_kv-ignored", "keys and values made from X_q even when X_kv is given", "Self-attention has one sequence.",
        "When another sequence is given, whom do the queries ask?", "step 2 of the stub", switches={"source": "queries only"},
    ),
    Mistake(
        "values-from-the-queries", "values made from X_q instead of X_kv", "Only the keys belong to the other side.",
        "A key and its value describe the same position. Of which sequence?", "step 2 of the stub", switches={"source": "values from queries"},
    ),
    Mistake(
        "weights-averaged", "the weights averaged over the heads", "nn.MultiheadAttention returns one map.",
        "The docstring asks for one map per head.", "the return line", switches={"weights": "averaged"},
    ),
    Mistake(
        "mask-taken-per-example", "a head axis put into the mask, whatever its shape", "Masks are (B, T, S).",
        "The docstring says that the mask broadcasts to (B, H, T, S) as it is. What does (T, S) become?", "step 4 of the stub", switches={"masked": "per example"},
    ),
    Mistake(
        "T-for-S", "keys and values given the length of X_q", "All sequences in the batch have T positions.",
        "Print the shapes of X_q and X_kv in the failing case.", "step 2 of the stub", switches={"lengths": "queries'"},
    ),
    Mistake(
        "graph-cut", "X_kv detached, so that the other sequence learns nothing", "The encoder is finished.",
        "Which call takes a tensor out of the graph?", "step 2 of the stub", switches={"graph": "cut"},
    ),
)


def alone(module: Any, mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes as answers of their own, which are not looked for together with another one."""
    return tuple(replace(mistake, code=partial(module, **mistake.switches), switches={}) for mistake in mistakes)


SELDOM_WITH_ANOTHER = (
    Mistake(
        "linear-maps-with-a-bias", "linear maps that have a bias, as `nn.Linear` makes them", "nn.Linear(d_model, d_model) is a linear map.",
        "What does the docstring say about the bias of the four maps?", "step 1 of the stub", switches={"bias": True},
    ),
    Mistake(
        "dropout-left-in", "weights with dropout on them in training mode", "Attention has dropout.",
        "The docstring asks for none: a call depends on its arguments alone.", "step 4 of the stub", switches={"drop": 0.1},
    ),
    Mistake(
        "mask-of-the-last-call", "the mask of an earlier call used where none is given", "The mask stays the same.",
        "What is written to `self` in forward, and who reads it the next time?", "step 4 of the stub", switches={"memory": "last mask"},
    ),
    Mistake(
        "sequence-of-the-first-call", "keys and values of the first call used again", "The encoder's output never changes.",
        "What is written to `self` in forward, and who reads it the next time?", "step 2 of the stub", switches={"memory": "first sequence"},
    ),
    Mistake(
        "causal-although-nobody-asked", "a causal mask although none was given", "A transformer is causal.",
        "Which positions may a query see when the mask is None?", "step 4 of the stub", switches={"masked": "causal too"},
    ),
    Mistake(
        "fill-of-minus-100", "a fill of −100 for blocked scores, which real scores can lie below", "exp(−100) is next to nothing.",
        "Next to what? The docstring says how large scores may be.", "step 4 of the stub", switches={"masked": "-100"},
    ),
    Mistake(
        "fill-of-minus-10000", "a fill of −10⁴ for blocked scores, which real scores can lie below", "No score is as low as that.",
        "The docstring says how large scores may be. Which number is certainly below them?", "step 4 of the stub", switches={"masked": "-1e4"},
    ),
    Mistake(
        "fill-of-minus-10000-left-there", "a fill of −10⁴ and nothing after it, so that a blocked key can have weight", "After the softmax it is 0 anyway.",
        "What if all allowed scores are lower? And if nothing is allowed?", "step 4 of the stub", switches={"masked": "-1e4, left there"},
    ),
    Mistake(
        "blocked-scores-at-0", "blocked scores set to 0, which is not a low score", "0 means nothing.",
        "What is exp(0)? Which score gives a weight of 0?", "step 4 of the stub", switches={"masked": "scores at 0"},
    ),
    Mistake(
        "keys-from-X_q", "keys made from X_q instead of X_kv", "Queries and keys belong together.",
        "A query asks the *other* sequence. Which of the two holds the keys?", "step 2 of the stub", switches={"source": "keys from queries"},
    ),
    Mistake(
        "queries-from-X_kv", "queries made from X_kv instead of X_q", "All three come from one sequence.",
        "Who asks, and who is asked?", "step 2 of the stub", switches={"source": "queries from X_kv"},
    ),
    Mistake(
        "W_k-for-the-values", "values made with W_k", "I copied the line of the keys.",
        "Which of the four maps has not been used?", "step 2 of the stub", switches={"swapped": "W_k for W_v"},
    ),
    Mistake(
        "keys-and-values-swapped", "keys and values in each other's place", "Both come from X_kv.",
        "With whom are queries compared, and what is averaged?", "step 3 of the stub", switches={"swapped": "roles of K and V"},
    ),
    Mistake(
        "divided-after-the-softmax", "the weights divided by √d_k, not the scores", "The factor can be put in later.",
        "Do your rows still sum to 1?", "step 3 of the stub", switches={"scale": "after"},
    ),
    Mistake(
        "softmax-over-heads", "softmax over the heads", "The heads compete.",
        "One query shares out one unit of attention, over the keys.", "step 4 of the stub", switches={"axis": 1},
    ),
    Mistake(
        "weights-first", "the weights returned before the output", "The weights are made first.",
        "In which order does the docstring name the two?", "the return line", switches={"returns": "weights, output"},
    ),
    Mistake(
        "output-alone", "the output returned without the weights", "The output is what counts.",
        "The docstring asks for two results.", "the return line", switches={"returns": "output alone"},
    ),
    Mistake(
        "scores-returned", "scores returned as weights", "Scores and weights are the same.",
        "What comes between the scores and the weights?", "the return line", switches={"returns": "scores"},
    ),
    Mistake(
        "axes-of-length-1-removed", "results from which all axes of length 1 are gone", "squeeze() tidies up.",
        "How many axes should come back when B is 1?", "the return line", switches={"returns": "squeezed"},
    ),
    Mistake(
        "weights-of-head-0", "the weights of head 0 alone", "One map is enough to look at.",
        "The docstring asks for one map per head.", "the return line", switches={"weights": "first"},
    ),
    Mistake(
        "a-residual-added", "X_q added to the output", "There is a residual around attention.",
        "That comes in a transformer block (6.10). What does the equation here say?", "step 5 of the stub", switches={"added": "residual"},
    ),
)


def called_twice(rng: Rng, init: tuple[int, ...], B: int, T: int, S: int, draw: Any = normal) -> Case:
    """A call without a mask, after one of the same module with a mask and with other sequences."""
    case = module_case(rng, init, B, T, S, draw=draw)
    others = draw(rng, B, T, init[0]), draw(rng, B, S, init[0])
    return replace(case, earlier=(Case(args=others, kwargs={"mask": some_mask(rng, B, 1, T, S)}),))


def large_and_masked(rng: Rng, init: tuple[int, ...], draw: Any = normal) -> Case:
    """Scores in the tens of thousands, with one key allowed to each query: whatever its score is, it gets all the weight."""
    mask = np.eye(4, dtype=bool)[rng.integers(0, 4, size=6)]
    return module_case(rng, init, 3, 6, 4, scale=60.0, mask=mask, draw=draw)


ATTENTION_OUTPUTS = (
    Output("output", ("B", "T", "d_model")),
    Output("weights", ("B", "H", "T", "S"), properties=("not negative", "rows sum to 1")),
)
