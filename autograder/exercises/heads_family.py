"""Attention as a module with heads: what 4.3, 4.4, 6.11 and 6.12 share beside attention itself.

It stands apart from `attention_family` because its classes need torch as soon as it is imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autograder.exercises.attention_family import flawed_weights
from autograder.judging.declare import Mistake

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


def flaw(name: str) -> Mapping[str, Any]:
    """What breaks `FlawedHeads` in the mistake of that name."""
    return next(mistake.switches for mistake in (*HEADS, *HEADS_ALONE) if mistake.name == name)
