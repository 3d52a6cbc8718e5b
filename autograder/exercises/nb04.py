"""Notebook 4, many heads: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb04 as reference

Rng = np.random.Generator
SHORTCUTS = ("scaled_dot_product_attention", "multi_head_attention_forward", "_native_multi_head_attention")


def numbered(*shape: int) -> np.ndarray:
    """The numbers 0, 1, 2, … in the order in which memory holds them."""
    return np.arange(math.prod(shape), dtype=np.float64).reshape(shape)


# 4.1 split_heads -----------------------------------------------------------------------------------------------------


def split_case(X: np.ndarray, H: int, **options: Any) -> Case:
    B, T, d_model = X.shape
    return Case(args=(X, H), sizes={"B": B, "T": T, "H": H, "d_k": d_model // H, "d_model": d_model}, **options)


def flawed_split(X: Any, H: int, *, layout: str = "heads", check: str = "raise", graph: str = "kept", width: str = "kept") -> Any:
    """Split into heads with switches that break it."""
    if width == "double":
        X = X.double()
    B, T, d_model = X.shape
    if check == "raise" and d_model % H:
        raise ValueError("H must divide d_model")
    if check == "drop":
        X = X[..., : d_model // H * H]
    if graph == "cut":
        X = X.detach()
    d = d_model // H
    if layout == "memory":
        return X.reshape(B, H, T, d)
    if layout == "every H-th":
        return X.reshape(B, T, d, H).permute(0, 3, 1, 2)
    if layout == "positions first":
        return X.reshape(B, T, H, d)
    if layout == "features before positions":
        return X.reshape(B, T, H, d).permute(0, 2, 3, 1)
    if layout == "width H":
        return X.reshape(B, T, d, H).transpose(1, 2)
    if layout == "heads before batch":
        return torch.stack(X.reshape(B, T, H, d).unbind(2))
    return X.reshape(B, T, H, d).transpose(1, 2)


def split_unflatten(X: Any, H: int) -> Any:
    if X.size(-1) % H != 0:
        raise ValueError(f"{X.size(-1)} features cannot be shared by {H} heads")
    return X.unflatten(-1, (H, -1)).movedim(-2, 1)


def split_chunks(X: Any, H: int) -> Any:
    width, rest = divmod(X.shape[2], H)
    if rest:
        raise ValueError("the heads would not be equally wide")
    return torch.stack([X[:, :, h * width : (h + 1) * width] for h in range(H)], dim=1)


def split_einsum(X: Any, H: int, *, axis: int = 1) -> Any:
    if X.shape[-1] % H:
        raise ValueError("no")
    eye = torch.eye(X.shape[-1], dtype=X.dtype).reshape(X.shape[-1], H, -1)
    return torch.einsum("btm,mhd->bhtd", X, eye) if axis == 1 else None


def split_copy(X: Any, H: int) -> Any:
    B, T, d_model = X.shape
    if d_model / H != d_model // H:
        raise ValueError("H does not divide d_model")
    return X.view(B, T, H, -1).permute(0, 2, 1, 3).contiguous()


SPLIT_HEADS = Exercise(
    number="4.1",
    title="split_heads",
    names=("split_heads",),
    minutes=10,
    reference=reference.split_heads,
    outputs=(Output("heads", ("B", "H", "T", "d_k")),),
    public=lambda rng: [
        split_case(numbered(1, 2, 4), 2),
        split_case(numbered(2, 3, 6), 2),
        split_case(rounded(rng, 1, 2, 3), 3, gradient=True),
        split_case(numbered(1, 2, 4), 3, raises="ValueError"),
    ],
    tests=(
        Test("one head", "one head gets every feature of every position", lambda rng: [split_case(normal(rng, 2, 3, 5), 1)]),
        Test(
            "several heads", "head h holds the features h·d to (h+1)·d − 1 of every position, for any B, T, H and d",
            lambda rng: [split_case(normal(rng, B, T, H * d), H) for B, T, H, d in ((3, 5, 2, 3), (1, 4, 3, 5), (2, 3, 4, 1), (3, 1, 5, 2))],
        ),
        Test("number types", "the number type of X is kept", lambda rng: [split_case(normal(rng, 2, 3, 4), 2, dtype="float32")]),
        Test("gradients", "a gradient reaches every number of X", lambda rng: [split_case(normal(rng, 2, 3, 6), 3, gradient=True)]),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model",
            lambda rng: [split_case(normal(rng, 1, H, d), H, raises="ValueError") for d, H in ((6, 4), (3, 5), (5, 2))],
        ),
    ),
    flawed=flawed_split,
    mistakes=(
        Mistake(
            "view-instead-of-transpose", "memory cut up into (B, H, T, d) without a transpose: a head gets whole positions, not a share of each",
            "The numbers fit, so view(B, H, T, d) gives the right shape.",
            "A view never moves a number. Which positions do the first numbers of memory belong to?", "step 3 of the stub", switches={"layout": "memory"},
        ),
        Mistake(
            "every-H-th-feature", "head h holding every H-th feature instead of a block of neighbours", "The last axis can be cut as (d, H) or (H, d), it is the same.",
            "Which of the two new axes must change fastest when we walk along the features?", "step 2 of the stub", switches={"layout": "every H-th"},
        ),
        Mistake(
            "heads-not-moved", "the head axis left behind the positions: (B, T, H, d)", "There is a head axis now, so we are done.",
            "In what order does the docstring name the four axes?", "step 3 of the stub", switches={"layout": "positions first"},
        ),
        Mistake(
            "features-before-positions", "positions and features exchanged: (B, H, d, T)", "The head goes in front, the rest follows.",
            "Each head should look like a short sequence: positions down, features across.", "step 3 of the stub", switches={"layout": "features before positions"},
        ),
        Mistake(
            "H-taken-for-the-width", "heads of width H instead of H heads", "H is the size of a head.",
            "For d_model = 6 and H = 2, how many features does one head get?", "step 2 of the stub", switches={"layout": "width H"},
        ),
        Mistake(
            "heads-before-batch", "the heads stacked in front of the batch: (H, B, T, d)", "stack puts the heads first, as wanted.",
            "Batch first, then head, then position, then feature.", "step 3 of the stub", switches={"layout": "heads before batch"},
        ),
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "view raises an error anyway.",
            "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": "none"},
        ),
        Mistake(
            "drops-features", "the features that are left over thrown away", "Integer division makes it fit.",
            "Nobody would notice the lost features. What does the docstring ask for instead?", "step 1 of the stub", switches={"check": "drop"},
        ),
        Mistake(
            "graph-cut", "X detached, so that nothing can be learned", "Rearranging needs no gradient.",
            "Which call takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("contiguous copy", split_copy),
        Variant("unflatten and movedim", split_unflatten),
        Variant("slices, stacked", split_chunks),
        Variant("a product with the identity, extra keyword", split_einsum),
    ),
)


# 4.2 merge_heads -----------------------------------------------------------------------------------------------------


def merge_case(X: np.ndarray, **options: Any) -> Case:
    return Case(args=(X,), sizes=dict(zip(("B", "H", "T", "d"), X.shape, strict=True)), **options)


def flawed_merge(X: Any, *, layout: str = "heads side by side", graph: str = "kept", width: str = "kept") -> Any:
    """Merge the heads with switches that break it."""
    B, H, T, d = X.shape
    if graph == "cut":
        X = X.detach()
    if width == "double":
        X = X.double()
    if layout == "memory":
        return X.reshape(B, T, H * d)
    if layout == "features first":
        return X.permute(0, 2, 3, 1).reshape(B, T, H * d)
    if layout == "features and positions":
        return X.permute(0, 1, 3, 2).reshape(B, T, H * d)
    if layout == "mean":
        return X.mean(dim=1)
    if layout == "sum":
        return X.sum(dim=1)
    if layout == "one after the other":
        return X.reshape(B, H * T, d)
    if layout == "view":
        return X.transpose(1, 2).view(B, T, H * d)
    return X.transpose(1, 2).reshape(B, T, H * d)


def merge_flatten(X: Any) -> Any:
    return X.permute(0, 2, 1, 3).flatten(2)


def merge_cat(X: Any) -> Any:
    return torch.cat(list(X.unbind(dim=1)), dim=-1)


def merge_slices(X: Any, *, start: int = 0) -> Any:
    B, H, T, d = X.shape
    merged = X.new_zeros(B, T, H * d)
    for h in range(start, H):
        merged[:, :, h * d : (h + 1) * d] = X[:, h]
    return merged


def merge_contiguous(X: Any) -> Any:
    B, H, T, d = X.size()
    return X.transpose(1, 2).contiguous().view(B, T, H * d)


MERGE_HEADS = Exercise(
    number="4.2",
    title="merge_heads",
    names=("merge_heads",),
    minutes=5,
    reference=reference.merge_heads,
    outputs=(Output("features", ("B", "T", "H·d")),),
    public=lambda rng: [
        merge_case(numbered(1, 2, 2, 2)),
        merge_case(numbered(2, 2, 3, 2)),
        merge_case(rounded(rng, 1, 3, 2, 1), gradient=True),
    ],
    tests=(
        Test("one head", "one head comes back as it is", lambda rng: [merge_case(normal(rng, 2, 1, 3, 5))]),
        Test(
            "several heads", "the heads of one position side by side, head 0 first, for any B, H, T and d",
            lambda rng: [merge_case(normal(rng, *shape)) for shape in ((3, 2, 5, 3), (1, 3, 4, 5), (2, 3, 3, 3), (2, 5, 1, 2))],
        ),
        Test("number types", "the number type of X is kept", lambda rng: [merge_case(normal(rng, 2, 3, 2, 4), dtype=width) for width in ("float32", "float64")]),
        Test("gradients", "a gradient reaches every number of X", lambda rng: [merge_case(normal(rng, 2, 3, 2, 2), gradient=True)]),
    ),
    flawed=flawed_merge,
    mistakes=(
        Mistake(
            "merged-without-transposing-back", "memory cut up into (B, T, H·d) without transposing back: positions are mixed", "The shape is what was asked for.",
            "Which number comes second in memory: the next feature, the next position or the next head?", "step 1 of the stub", switches={"layout": "memory"},
        ),
        Mistake(
            "view-after-transpose", "`view` on a transposed tensor, which PyTorch refuses", "view and reshape are the same.",
            "A transposed tensor is walked through in a new order, and view cannot copy. What can?", "step 2 of the stub", switches={"layout": "view"},
        ),
        Mistake(
            "heads-interleaved", "the first feature of every head, then the second of every head", "Heads and features are both merged, the order does not matter.",
            "Undo 4.1 exactly: merge_heads(split_heads(X, H)) is X.", "step 1 of the stub", switches={"layout": "features first"},
        ),
        Mistake(
            "positions-and-features-exchanged", "positions and features exchanged before merging", "The last two axes are transposed, as in K Kᵀ.",
            "Which axis has to stand beside the features before the two become one?", "step 1 of the stub", switches={"layout": "features and positions"},
        ),
        Mistake(
            "heads-averaged", "the heads averaged instead of put side by side", "The heads vote.",
            "How wide should the result be?", "the equation above the stub", switches={"layout": "mean"},
        ),
        Mistake(
            "heads-added", "the heads added instead of put side by side", "The reports are added up.",
            "How wide should the result be? Adding comes later, inside W_o.", "the equation above the stub", switches={"layout": "sum"},
        ),
        Mistake(
            "heads-along-time", "the heads put one after the other along the positions", "Concatenating means one after the other.",
            "There should be T positions again.", "the equation above the stub", switches={"layout": "one after the other"},
        ),
        Mistake(
            "graph-cut", "X detached, so that nothing can be learned", "Rearranging needs no gradient.",
            "Which call takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("contiguous, then view", merge_contiguous),
        Variant("flatten", merge_flatten),
        Variant("concatenated", merge_cat),
        Variant("slice by slice, extra keyword", merge_slices),
    ),
)


# 4.3 MultiHeadAttention and 4.4 GroupedQueryAttention -----------------------------------------------------------------


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
                 exponential: str = "shifted") -> None:
        super().__init__()
        if check and (d_model % H or H % G):
            raise ValueError("H must divide d_model and G must divide H")
        self.H, self.G, self.d_model, self.d_k = H, G, d_model, d_model // H
        self.split, self.merge, self.scale, self.axis, self.masked = split, merge, scale, axis, masked
        self.source, self.out, self.weights, self.share, self.graph, self.library = source, out, weights, share, graph, library
        self.lengths, self.exponential = lengths, exponential
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, G * self.d_k, bias=False)
        self.W_v = nn.Linear(d_model, G * self.d_k, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        if X_kv is None or self.source == "queries only":
            X_kv = X_q
        if self.graph == "cut":
            X_kv = X_kv.detach()
        T = X_q.shape[1]
        Q = self._heads(self.W_q(X_q), self.H, T)
        K = self._shared(self._heads(self.W_k(X_kv), self.G, T), "K")
        V = self._shared(self._heads(self.W_v(X_q if self.source == "values from queries" else X_kv), self.G, T), "V")
        weights = self._weigh(Q @ K.transpose(-2, -1) * self._factor(), mask)
        mixed = nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask) if self.library else weights @ V
        merged = (mixed if self.merge == "memory" else mixed.transpose(1, 2)).reshape(X_q.shape[0], X_q.shape[1], -1)
        output = merged if self.out == "none" else self.W_o(merged)
        return output, weights.mean(dim=1) if self.weights == "averaged" else weights

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
        widths = {"d_k": self.d_k, "d_model": self.d_model, "none": 1, "square": self.d_k**2, "groups": self.G * self.d_k}
        return float(widths[self.scale] ** -0.5)

    def _weigh(self, scores: Any, mask: Any) -> Any:
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
        weights = scores.masked_fill(~mask, -1e30).softmax(self.axis)
        return weights if self.masked == "uniform" else weights.masked_fill(~mask, 0.0)


def flawed_multi_head(d_model: int, H: int, **switches: Any) -> nn.Module:
    """Multi-head attention with switches that break it."""
    return FlawedAttention(d_model, H, H, **switches)


class _FourMaps(nn.Module):
    """The four linear maps that every right answer has."""

    def __init__(self, d_model: int, H: int, G: int) -> None:
        super().__init__()
        if d_model % H != 0 or H % G != 0:
            raise ValueError(f"{d_model} features, {H} heads and {G} groups do not fit")
        self.H, self.G = H, G
        self.W_q, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(2))
        self.W_k, self.W_v = (nn.Linear(d_model, d_model // H * G, bias=False) for _ in range(2))


class AttentionEinsum(_FourMaps):
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


class AttentionHeadByHead(_FourMaps):
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


class AttentionNanToNum(_FourMaps):
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


class AttentionExpanded(_FourMaps):
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


def as_multi_head(module: type[_FourMaps]) -> Any:
    """The same module with as many groups as heads."""

    class MultiHead(module):  # type: ignore[misc, valid-type]
        def __init__(self, d_model: int, H: int) -> None:
            super().__init__(d_model, H, H)

    return MultiHead


def multi_head_mistakes(names: set[str]) -> tuple[Mistake, ...]:
    """Those of the mistakes in any attention over heads whose names are given."""
    return tuple(mistake for mistake in _ATTENTION_MISTAKES if mistake.name in names)


_ATTENTION_MISTAKES = (
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

ATTENTION_OUTPUTS = (
    Output("output", ("B", "T", "d_model")),
    Output("weights", ("B", "H", "T", "S"), properties=("not negative", "rows sum to 1")),
)

MULTI_HEAD_ATTENTION = Exercise(
    number="4.3",
    title="MultiHeadAttention",
    names=("MultiHeadAttention",),
    minutes=25,
    reference=reference.multi_head_attention,
    outputs=ATTENTION_OUTPUTS,
    public=lambda rng: [
        module_case(rng, (4, 2), 1, 3, draw=rounded, watch=SHORTCUTS),
        module_case(rng, (4, 2), 2, 2, 3, draw=rounded),
        module_case(rng, (6, 3), 1, 2, 3, draw=rounded, mask=np.array([[True, False, True], [False, False, False]]), gradient=True),
        module_case(rng, (4, 2), 1, 2, 2, draw=rounded),
        module_case(rng, (4, 2), 1, 2, 2, draw=rounded, scale=90.0),
        impossible(rng, 4, 3),
    ],
    tests=(
        Test("one head", "with one head: attention over all features, scaled by 1/√d_model, through W_o", lambda rng: [module_case(rng, (5, 1), 2, 3)]),
        Test(
            "several heads", "head h attends with its own d_k features of W_q X, W_k X and W_v X; merged, then through W_o; no ready-made attention is called",
            lambda rng: [module_case(rng, (6, 2), 3, 5, watch=SHORTCUTS), module_case(rng, (12, 3), 1, 4), module_case(rng, (4, 4), 2, 2)],
        ),
        Test(
            "another sequence", "keys and values from X_kv, which may be longer or shorter than X_q",
            lambda rng: [module_case(rng, (6, 3), 2, 3, 5), module_case(rng, (6, 2), 3, 4, 1), module_case(rng, (8, 2), 2, 3, 3)],
        ),
        Test(
            "masks", "only allowed keys get weight, shared out to 1; a query that may see nothing gets zero weights and a zero output",
            lambda rng: [
                module_case(rng, (6, 2), 2, 3, 4, mask=some_mask(rng, 3, 4, blind=(1,))),
                module_case(rng, (6, 3), 3, 2, 5, mask=some_mask(rng, 3, 1, 1, 5), watch=SHORTCUTS),
                module_case(rng, (4, 2), 2, 3, mask=some_mask(rng, 2, 2, 3, 3, blind=(1, 0, 2))),
            ],
        ),
        Test(
            "large scores and number types", "finite weights for scores in the thousands; float32 stays float32",
            lambda rng: [
                module_case(rng, (6, 2), 2, 3, 4, scale=60.0),
                module_case(rng, (6, 2), 2, 3, 4, dtype="float32", mask=some_mask(rng, 3, 4, blind=(0,))),
            ],
        ),
        Test(
            "gradients", "gradients reach both sequences and all four maps, and stay finite where nothing may be seen",
            lambda rng: [module_case(rng, (4, 2), 2, 3, gradient=True), module_case(rng, (6, 3), 1, 2, 3, mask=some_mask(rng, 2, 3, blind=(1,)), gradient=True)],
        ),
        Test("impossible sizes", "a ValueError when H does not divide d_model", lambda rng: [impossible(rng, 6, 4), impossible(rng, 9, 2)]),
    ),
    flawed=flawed_multi_head,
    mistakes=(
        *_ATTENTION_MISTAKES,
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "reshape raises an error anyway.",
            "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": False},
        ),
        Mistake(
            "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
            "torch.softmax takes off the largest score first. Do you?", "step 4 of the stub", code=partial(flawed_multi_head, exponential="raw"),
        ),
        Mistake(
            "ready-made-attention", "PyTorch's own attention called instead of written", "There is a function for this.",
            "The point is to write it once: scores, softmax, average.", "the docstring", code=partial(flawed_multi_head, library=True),
        ),
    ),
    variants=tuple(
        Variant(name, as_multi_head(module))
        for name, module in (
            ("einsum", AttentionEinsum),
            ("head by head, exponentials written out", AttentionHeadByHead),
            ("−∞ and blind rows, extra arguments", AttentionNanToNum),
            ("chunks, additive mask, list returned", AttentionExpanded),
        )
    ),
)

GROUPED_QUERY_ATTENTION = Exercise(
    number="4.4",
    title="GroupedQueryAttention",
    names=("GroupedQueryAttention",),
    minutes=15,
    starred=True,
    reference=reference.grouped_query_attention,
    outputs=ATTENTION_OUTPUTS,
    public=lambda rng: [
        module_case(rng, (4, 4, 2), 1, 2, draw=rounded, watch=SHORTCUTS),
        module_case(rng, (6, 6, 3), 1, 2, 3, draw=rounded),
        module_case(rng, (4, 2, 1), 2, 2, 3, draw=rounded, mask=np.array([[True, False, True], [False, False, False]]), gradient=True),
        module_case(rng, (8, 4, 2), 1, 2, draw=rounded),
        impossible(rng, 6, 6, 4),
        impossible(rng, 6, 4, 2),
    ],
    tests=(
        Test(
            "as many groups as heads", "G = H is multi-head attention; no ready-made attention is called",
            lambda rng: [module_case(rng, (6, 3, 3), 2, 3, 4, watch=SHORTCUTS)],
        ),
        Test(
            "multi-query", "G = 1: one key head and one value head for all query heads",
            lambda rng: [module_case(rng, (6, 3, 1), 3, 4), module_case(rng, (8, 2, 1), 1, 3, 5)],
        ),
        Test(
            "groups", "query head h uses the keys and values of group h // (H/G)",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 5, watch=SHORTCUTS),
                module_case(rng, (12, 6, 2), 1, 4),
                module_case(rng, (12, 6, 3), 3, 2, 3),
            ],
        ),
        Test(
            "masks", "only allowed keys get weight; a query that may see nothing gets zero weights and a zero output",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 4, mask=some_mask(rng, 3, 4, blind=(1,))),
                module_case(rng, (8, 4, 2), 2, 3, mask=some_mask(rng, 2, 4, 3, 3, blind=(1, 2, 0))),
            ],
        ),
        Test(
            "number types and gradients", "float32 stays float32; gradients reach both sequences and all four maps",
            lambda rng: [
                module_case(rng, (8, 4, 2), 2, 3, 4, dtype="float32"),
                module_case(rng, (6, 6, 3), 1, 2, 3, mask=some_mask(rng, 2, 3, blind=(1,)), gradient=True),
                module_case(rng, (4, 4, 2), 2, 2, gradient=True),
            ],
        ),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model, or G does not divide H",
            lambda rng: [impossible(rng, 8, 4, 3), impossible(rng, 6, 3, 2), impossible(rng, 6, 4, 2), impossible(rng, 8, 2, 4)],
        ),
    ),
    flawed=FlawedAttention,
    mistakes=(
        Mistake(
            "repeat-for-repeat_interleave", "the groups dealt out in turn (0, 1, 0, 1) instead of in blocks (0, 0, 1, 1)", "Repeat the keys until there are H of them.",
            "Write down which group each query head uses, for H = 4 and G = 2.", "step 3 of the stub", switches={"share": "in turn"},
        ),
        Mistake(
            "values-dealt-in-turn", "keys shared in blocks but values dealt out in turn", "Either order gives H heads.",
            "A query head that reads the keys of one group should take the values of the same group.", "step 3 of the stub", switches={"share": "values in turn"},
        ),
        Mistake(
            "G-taken-for-the-group-size", "blocks of G query heads instead of G blocks", "G is the size of a group.",
            "With H = 6 and G = 3, how many query heads share one key head?", "step 3 of the stub", switches={"share": "blocks of G"},
        ),
        Mistake(
            "first-group-for-all", "group 0 used by every query head", "Keys are shared, so one is enough.",
            "That is multi-query attention, right only for G = 1.", "step 3 of the stub", switches={"share": "first for all"},
        ),
        Mistake(
            "scaled-by-the-width-of-W_k", "scores divided by √(G·d_k), the width of all key heads together", "d_k is the last size of W_k.",
            "How many products does one head add up in a score?", "step 4 of the stub", switches={"scale": "groups"},
        ),
        *multi_head_mistakes({
            "view-instead-of-transpose", "merged-without-transposing-back", "scaled-by-d_model", "no-W_o", "nan-where-nothing-is-allowed",
            "uniform-where-nothing-is-allowed", "mask-ignored", "X_kv-ignored", "weights-averaged",
        }),
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "repeat_interleave raises an error anyway.",
            "Which type of error does the docstring promise, and for which two conditions?", "step 1 of the stub", switches={"check": False},
        ),
        Mistake(
            "ready-made-attention", "PyTorch's own attention called instead of written", "It has enable_gqa.",
            "The point is to write it once: scores, softmax, average.", "the docstring", code=partial(FlawedAttention, library=True),
        ),
    ),
    variants=(
        Variant("einsum with a group axis", AttentionEinsum),
        Variant("head by head, exponentials written out", AttentionHeadByHead),
        Variant("indexed groups, extra arguments", AttentionNanToNum),
        Variant("expanded copies, list returned", AttentionExpanded),
    ),
)


# 4.5 kv_cache_bytes --------------------------------------------------------------------------------------------------


def cache_case(*sizes: int) -> Case:
    return Case(args=sizes)


def flawed_cache(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int, *, tensors: int = 2, batched: bool = True,
                 layered: bool = True, unit: str = "bytes", positions: str = "seq_len", width: str = "given", groups: bool = True) -> Any:
    """The bytes of a cache with switches that break it."""
    numbers = tensors * d_k * seq_len
    if positions == "pairs":
        numbers *= seq_len
    if groups:
        numbers *= G
    if batched:
        numbers *= batch
    if layered:
        numbers *= layers
    each = 2 if width == "always 2" else bytes_per_number
    total = numbers if unit == "numbers" else numbers * each
    return {"bits": total * 8, "GiB": total / 2**30}.get(unit, total)


def cache_by_layer(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> int:
    keys = values = batch * G * seq_len * d_k
    return sum((keys + values) * bytes_per_number for _ in range(layers))


def cache_product(*sizes: int) -> int:
    return 2 * math.prod(sizes)


def cache_of_tensors(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int, *, kinds: tuple[str, ...] = ("K", "V")) -> int:
    one = torch.empty((batch, G, seq_len, d_k), dtype=torch.uint8, device="meta")
    return layers * len(kinds) * one.numel() * bytes_per_number


def cache_numpy(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> Any:
    return np.prod([2, layers, G, d_k, seq_len, batch, bytes_per_number], dtype=np.int64)


KV_CACHE_BYTES = Exercise(
    number="4.5",
    title="kv_cache_bytes",
    names=("kv_cache_bytes",),
    minutes=10,
    starred=True,
    reference=reference.kv_cache_bytes,
    outputs=(Output("number of bytes", (), dtype=""),),
    public=lambda rng: [cache_case(3, 2, 4, 5, 1, 2), cache_case(1, 1, 1, 1, 7, 4), cache_case(2, 5, 3, 7, 2, 1)],
    tests=(
        Test("one of everything", "one key and one value of d_k numbers, in bytes", lambda rng: [cache_case(1, 1, 5, 1, 1, 4), cache_case(1, 1, 1, 1, 1, 1)]),
        Test(
            "every size counts", "all layers, groups, positions and sequences of the batch are counted, once each",
            lambda rng: [cache_case(*map(int, rng.integers(2, 9, size=5)), width) for width in (1, 2, 4)],
        ),
        Test(
            "published shapes", "exact bytes, also for the largest models",
            lambda rng: [cache_case(32, 32, 128, 4096, 1, 2), cache_case(80, 8, 128, 4096, 16, 2), cache_case(126, 8, 128, 131072, 3, 1)],
        ),
    ),
    flawed=flawed_cache,
    mistakes=(
        Mistake(
            "keys-or-values-only", "keys or values counted, not both", "One vector per position is kept.",
            "What does a query need from an old position: only its key?", "step 1 of the stub", switches={"tensors": 1},
        ),
        Mistake(
            "queries-counted", "queries counted too", "Q, K and V are kept.",
            "Does a later position ever ask for an earlier position's query?", "step 1 of the stub", switches={"tensors": 3},
        ),
        Mistake("batch-forgotten", "one sequence counted instead of the batch", "The cache belongs to the model.",
                "Do two users share their sentences?", "step 2 of the stub", switches={"batched": False}),
        Mistake("layers-forgotten", "one layer counted", "There is one cache.", "Every layer has keys of its own.", "step 2 of the stub", switches={"layered": False}),
        Mistake("groups-forgotten", "one key/value head counted, whatever G is", "d_k is the width of a key.",
                "How many keys are there at one position?", "step 1 of the stub", switches={"groups": False}),
        Mistake("bits", "bits instead of bytes", "Memory is measured in bits.", "The last argument counts bytes already.", "step 3 of the stub", switches={"unit": "bits"}),
        Mistake("numbers-not-bytes", "how many numbers there are, not their bytes", "The numbers are what is stored.",
                "How many bytes does one number take?", "step 3 of the stub", switches={"unit": "numbers"}),
        Mistake("in-GiB", "the answer in GiB", "Memory is given in GiB.", "The unit asked for is bytes.", "the docstring", switches={"unit": "GiB"}),
        Mistake("two-bytes-always", "two bytes per number whatever is said", "Models are stored in 16 bits.",
                "Caches are also kept in 8 or 32 bits.", "step 3 of the stub", switches={"width": "always 2"}),
        Mistake("weights-counted", "T × T numbers, as for the attention weights", "Attention is quadratic.",
                "Keys are kept once per position, not once per pair.", "step 2 of the stub", switches={"positions": "pairs"}),
    ),
    variants=(
        Variant("layer by layer", cache_by_layer),
        Variant("one product", cache_product),
        Variant("counted on tensors, extra keyword", cache_of_tensors),
        Variant("NumPy integer", cache_numpy),
    ),
)


# 4.6 mha_to_gqa ------------------------------------------------------------------------------------------------------


def pool_case(rng: Rng, H: int, G: int, d_k: int, d_model: int, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, H * d_k, d_model), draw(rng, H * d_k, d_model), H, G)
    return Case(args=args, sizes={"H·d_k": H * d_k, "G·d_k": G * d_k, "d_model": d_model}, **options)


def flawed_pool(W_k: Any, W_v: Any, H: int, G: int, *, members: str = "neighbours", reduce: str = "mean", rows: str = "heads", groups: str = "G",
                values: str = "own", check: bool = True, width: str = "kept") -> Any:
    """Pooled key and value maps with switches that break them."""
    if check and (H % G or W_k.shape[0] % H):
        raise ValueError("sizes do not fit")
    if groups == "H/G":
        G = H // G
    if width == "double":
        W_k, W_v = W_k.double(), W_v.double()

    def pooled(W: Any) -> Any:
        d_model, d_k = W.shape[1], W.shape[0] // H
        if rows == "neighbours":
            blocks = W.reshape(G * d_k, H // G, d_model).unsqueeze(0).permute(2, 0, 1, 3)
        elif members == "every G-th":
            blocks = W.reshape(H // G, G, d_k, d_model)
        else:
            blocks = W.reshape(G, H // G, d_k, d_model).transpose(0, 1)
        one = {"mean": lambda: blocks.mean(0), "sum": lambda: blocks.sum(0), "first": lambda: blocks[0], "last": lambda: blocks[-1]}[reduce]()
        return one.reshape(G * d_k, d_model)

    new_k = pooled(W_k)
    return new_k, {"own": lambda: pooled(W_v), "keys": lambda: new_k, "left": lambda: W_v.clone()}[values]()


def pool_plain(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    if H % G or len(W_k) % H:
        raise ValueError("no")
    return tuple(W.reshape(G, H // G, -1, W.shape[-1]).mean(dim=1).flatten(0, 1) for W in (W_k, W_v))


def pool_loops(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    d_k, rest = divmod(W_k.shape[0], H)
    size, left = divmod(H, G)
    if rest or left:
        raise ValueError("H·d_k rows, H heads and G groups do not fit")
    results = []
    for W in (W_k, W_v):
        heads = [W[h * d_k : (h + 1) * d_k] for h in range(H)]
        results.append(torch.cat([sum(heads[g * size : (g + 1) * size], torch.zeros_like(heads[0])) / size for g in range(G)]))
    return results[0], results[1]


def pool_matrix(W_k: Any, W_v: Any, H: int, G: int, *, dtype: Any = None) -> Any:
    if H % G != 0 or W_k.shape[0] % H != 0:
        raise ValueError("sizes")
    d_k = W_k.shape[0] // H
    mean = torch.kron(torch.eye(G, dtype=W_k.dtype), torch.full((1, H // G), G / H, dtype=W_k.dtype))
    P = torch.kron(mean, torch.eye(d_k, dtype=W_k.dtype))
    return P @ W_k, P @ W_v


def pool_numpy(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    if H % G or W_k.shape[0] % H:
        raise ValueError("sizes")
    blocks = [np.split(W.numpy(), H) for W in (W_k, W_v)]
    means = [np.concatenate([np.mean(heads[i : i + H // G], axis=0) for i in range(0, H, H // G)]) for heads in blocks]
    return [torch.from_numpy(mean) for mean in means]


MHA_TO_GQA = Exercise(
    number="4.6",
    title="mha_to_gqa",
    names=("mha_to_gqa",),
    minutes=10,
    starred=True,
    reference=reference.mha_to_gqa,
    outputs=(Output("pooled W_k", ("G·d_k", "d_model")), Output("pooled W_v", ("G·d_k", "d_model"))),
    public=lambda rng: [
        pool_case(rng, 4, 2, 1, 2, draw=rounded),
        pool_case(rng, 6, 3, 2, 2, draw=rounded),
        pool_case(rng, 6, 2, 1, 3, draw=rounded),
        pool_case(rng, 4, 3, 1, 2, draw=rounded, raises="ValueError"),
    ],
    tests=(
        Test(
            "nothing to pool, all to pool", "G = H changes nothing; G = 1 is the mean of all heads",
            lambda rng: [pool_case(rng, 3, 3, 2, 6), pool_case(rng, 3, 1, 2, 5)],
        ),
        Test(
            "groups", "row i of group g is the mean of row i of the H/G heads next to each other, for keys and for values",
            lambda rng: [pool_case(rng, 4, 2, 3, 12), pool_case(rng, 6, 3, 2, 5), pool_case(rng, 6, 2, 1, 6)],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [pool_case(rng, 4, 2, 2, 8, dtype="float32")]),
        Test(
            "impossible sizes", "a ValueError when G does not divide H, or H does not divide the rows",
            lambda rng: [
                pool_case(rng, 6, 4, 2, 4, raises="ValueError"),
                Case(args=(normal(rng, 6, 4), normal(rng, 6, 4), 4, 2), raises="ValueError"),
            ],
        ),
    ),
    flawed=flawed_pool,
    mistakes=(
        Mistake("every-G-th-head", "heads g, g + G, g + 2G, … pooled instead of neighbours", "Any H/G heads make a group.",
                "Which heads share group 0 in exercise 4.4?", "step 2 of the stub", switches={"members": "every G-th"}),
        Mistake("neighbouring-rows", "neighbouring rows pooled inside a head, instead of the same row of neighbouring heads", "The mean over H/G rows at a time.",
                "Row 0 and row 1 of one head are different features. Which rows mean the same?", "step 1 of the stub", switches={"rows": "neighbours"}),
        Mistake("sum-for-mean", "the sum of the heads instead of their mean", "Add the heads of a group.",
                "Pool two equal heads: the result should be the same head.", "step 2 of the stub", switches={"reduce": "sum"}),
        Mistake("first-head-kept", "the first head of each group kept, the others dropped", "One head can stand for its group.",
                "That works too, and worse. What does the exercise ask for?", "step 2 of the stub", switches={"reduce": "first"}),
        Mistake("last-head-kept", "the last head of each group kept", "The later one overwrites the earlier.",
                "Does your loop add up, or replace?", "step 2 of the stub", switches={"reduce": "last"}),
        Mistake("G-taken-for-the-group-size", "groups of G heads instead of G groups", "G is the size of a group.",
                "How many rows should the result have?", "step 1 of the stub", switches={"groups": "H/G"}),
        Mistake("keys-pooled-twice", "the pooled keys returned as values too", "Keys and values are pooled alike.",
                "Which of the two arguments never appears?", "the return line", switches={"values": "keys"}),
        Mistake("values-not-pooled", "W_v returned as it was", "Only the keys are shared.",
                "A group shares its key head and its value head.", "the return line", switches={"values": "left"}),
        Mistake("always-float64", "everything turned into float64", "Means should be exact.",
                "Return the number type you were given.", "the whole function", switches={"width": "double"}),
        Mistake("no-size-check", "sizes that do not fit not refused as asked", "reshape raises an error anyway.",
                "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": False}),
    ),
    variants=(
        Variant("reshape and mean", pool_plain),
        Variant("head by head", pool_loops),
        Variant("a pooling matrix, extra keyword", pool_matrix),
        Variant("NumPy there and back", pool_numpy),
    ),
)


# 4.7 head_gold_mass --------------------------------------------------------------------------------------------------


def mass_case(rng: Rng, B: int, H: int, T: int, S: int, unaligned: float = 0.4, digits: int | None = None, **options: Any) -> Case:
    """Random weights whose rows sum to 1, and gold positions, some of them −1 and unevenly over the batch."""
    shares = rng.random((B, H, T, S)) ** 2 + 0.02
    weights = shares / shares.sum(axis=-1, keepdims=True)
    weights = np.round(weights, digits) if digits else weights
    gold = rng.integers(0, S, size=(B, T))
    gold[rng.random((B, T)) < unaligned] = -1
    if B > 1 and 0 < unaligned < 1:
        gold[0, 0], gold[1, 1:] = S - 1, -1
        gold[1, 0] = 0
    return Case(args=(weights, gold), sizes={"B": B, "H": H, "T": T, "S": S}, **options)


def flawed_mass(weights: Any, gold: Any, *, unaligned: str = "left out", divide: str = "aligned", measure: str = "mass", batch: str = "together",
                empty: str = "zero", over: str = "each head") -> Any:
    """The mass on gold positions with switches that break it."""
    real = gold >= 0
    index = gold.clamp(min=0) if unaligned != "last key" else torch.where(real, gold, weights.shape[-1] - 1)
    if unaligned in ("last key", "key 0"):
        real = torch.ones_like(real)
    place = index[:, None, :, None].expand(*weights.shape[:3], 1)
    mass = weights.gather(-1, place).squeeze(-1)
    if measure == "argmax":
        mass = (weights.argmax(-1) == index[:, None]).to(weights.dtype)
    elif measure == "largest":
        mass = weights.amax(dim=-1)
    mass = mass * real[:, None]
    if batch == "per example":
        counts = real.sum(-1).clamp(min=1)
        return (mass.sum(-1) / counts[:, None]).mean(0)
    total = mass.sum(dim=(0, 2))
    if over == "all heads":
        total = total.mean(0, keepdim=True)
    count = real.sum() if divide == "aligned" else torch.tensor(real.numel())
    if divide == "nothing":
        return total
    return total / (count.clamp(min=1) if empty == "zero" else count)


def mass_loops(weights: Any, gold: Any) -> Any:
    rows = [weights[b, :, t, gold[b, t]] for b in range(gold.shape[0]) for t in range(gold.shape[1]) if gold[b, t] >= 0]
    return torch.stack(rows).mean(dim=0) if rows else torch.zeros(weights.shape[1], dtype=weights.dtype)


def mass_one_hot(weights: Any, gold: Any) -> Any:
    on_gold = gold[:, :, None] == torch.arange(weights.shape[-1])
    return torch.einsum("bhts,bts->h", weights, on_gold.to(weights.dtype)) / max(1, int((gold != -1).sum()))


def mass_indexed(weights: Any, gold: Any, *, none: int = -1) -> Any:
    b, t = torch.nonzero(gold != none, as_tuple=True)
    if not len(b):
        return weights.new_zeros(weights.shape[1])
    return weights[b, :, t, gold[b, t]].mean(0)


def mass_by_numpy(weights: Any, gold: Any) -> Any:
    W, g = weights.numpy(), gold.numpy()
    taken = np.take_along_axis(W, np.maximum(g, 0)[:, None, :, None], axis=-1)[..., 0]
    real = (g >= 0)[:, None, :]
    return torch.from_numpy((taken * real).sum(axis=(0, 2)) / max(real.sum(), 1)).to(weights.dtype)


HEAD_GOLD_MASS = Exercise(
    number="4.7",
    title="head_gold_mass",
    names=("head_gold_mass",),
    minutes=15,
    starred=True,
    reference=reference.head_gold_mass,
    outputs=(Output("masses", ("H",), properties=("not negative",)),),
    public=lambda rng: [
        mass_case(rng, 1, 2, 3, 3, unaligned=0.0, digits=2),
        mass_case(rng, 2, 2, 3, 4, digits=2),
        mass_case(rng, 1, 2, 2, 3, unaligned=1.0, digits=2),
    ],
    tests=(
        Test(
            "every position has gold", "for each head the mean weight on the gold key",
            lambda rng: [mass_case(rng, 1, 1, 4, 3, unaligned=0.0), mass_case(rng, 3, 2, 3, 5, unaligned=0.0)],
        ),
        Test(
            "some positions have none", "positions with −1 are left out of the sum and of the count, over the whole batch",
            lambda rng: [mass_case(rng, 2, 3, 5, 4), mass_case(rng, 3, 2, 4, 7), mass_case(rng, 4, 5, 3, 3, dtype="float32")],
        ),
        Test("no position has gold", "0 for every head, not NaN", lambda rng: [mass_case(rng, 2, 3, 2, 4, unaligned=1.0)]),
    ),
    flawed=flawed_mass,
    mistakes=(
        Mistake("minus-one-read-as-last-key", "−1 read as the last key, and counted", "Indexing with the gold position gives the weight.",
                "What does index −1 mean in Python?", "step 1 of the stub", switches={"unaligned": "last key"}),
        Mistake("minus-one-read-as-key-0", "positions without gold counted as if their gold were key 0", "clamp(min=0) makes the index safe.",
                "Safe for the look-up. Should such a position be in the mean?", "step 1 of the stub", switches={"unaligned": "key 0"}),
        Mistake("divided-by-all-positions", "divided by all positions instead of those with gold", "A mean divides by B · T.",
                "How many numbers were added up?", "step 3 of the stub", switches={"divide": "all"}),
        Mistake("sum-for-mean", "the sum instead of the mean", "Mass adds up.", "Can the mean of weights be above 1?", "step 3 of the stub", switches={"divide": "nothing"}),
        Mistake("hits-counted", "how often the largest weight is on gold, instead of how much weight is there", "The head looks where its maximum is.",
                "That is an accuracy (exercise 1.7). Mass also counts what is nearly there.", "step 2 of the stub", switches={"measure": "argmax"}),
        Mistake("largest-weight", "the mean of the largest weight, wherever it is", "A sharp head is a good head.",
                "A head can be sharp and wrong. Where does gold come in?", "step 2 of the stub", switches={"measure": "largest"}),
        Mistake("mean-of-means", "a mean per example, then the mean of those", "The batch is averaged last.",
                "An example with one aligned word would count as much as one with ten.", "step 3 of the stub", switches={"batch": "per example"}),
        Mistake("nan-when-none", "0/0 when no position has gold", "There is always some gold.",
                "What does the docstring ask for then?", "step 3 of the stub", switches={"empty": "nan"}),
        Mistake("heads-averaged", "one number for all heads together", "The model has one attention.",
                "One number per head is asked for: that is what tells them apart.", "the docstring", switches={"over": "all heads"}),
    ),
    variants=(
        Variant("one by one", mass_loops),
        Variant("one-hot gold", mass_one_hot),
        Variant("fancy indexing, extra keyword", mass_indexed),
        Variant("NumPy there and back", mass_by_numpy),
    ),
)


# 4.8 count_parameters ------------------------------------------------------------------------------------------------


def count_case(d_model: int, H: int, G: int, **options: Any) -> Case:
    return Case(args=(d_model, H, G), **options)


def flawed_count(d_model: int, H: int, G: int, *, shared: str = "both", output: bool = True, bias: bool = False, width: str = "d_k",
                 check: bool = True, narrow: int = 2) -> Any:
    """The number of parameters with switches that break it."""
    if check and (d_model % H or H % G):
        raise ValueError("sizes do not fit")
    rows = {"d_k": G * (d_model // H), "d_model": G * d_model, "H/G": (H // G) * (d_model // H), "G": G}[width]
    if shared == "none":
        rows = d_model
    keys_and_values = narrow * d_model * rows if shared != "keys only" else d_model * rows + d_model * d_model
    square = d_model * d_model
    biases = d_model + narrow * rows + (d_model if output else 0) if bias else 0
    return square + keys_and_values + (square if output else 0) + biases


def count_formula(d_model: int, H: int, G: int) -> int:
    if d_model % H or H % G:
        raise ValueError("sizes")
    return 2 * d_model**2 * (H + G) // H


def count_by_building(d_model: int, H: int, G: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in _FourMaps(d_model, H, G).parameters())


def count_by_shapes(d_model: int, H: int, G: int, *, maps: str = "qkvo") -> int:
    d_k, rest = divmod(d_model, H)
    if rest != 0 or H % G != 0:
        raise ValueError("sizes")
    heads = {"q": H, "k": G, "v": G, "o": H}
    return sum(heads[name] * d_k * d_model for name in maps)


COUNT_PARAMETERS = Exercise(
    number="4.8",
    title="count_parameters",
    names=("count_parameters",),
    minutes=5,
    reference=reference.count_parameters,
    outputs=(Output("number of parameters", (), dtype=""),),
    public=lambda rng: [count_case(6, 3, 3), count_case(12, 4, 2), count_case(12, 6, 1), count_case(24, 6, 3), count_case(6, 4, 2, raises="ValueError")],
    tests=(
        Test("multi-head", "four square maps without biases when G = H", lambda rng: [count_case(10, 5, 5), count_case(3, 1, 1)]),
        Test(
            "grouped", "W_k and W_v have G·d_k rows instead of H·d_k",
            lambda rng: [count_case(12, 6, 1), count_case(20, 10, 5), count_case(8, 8, 2), count_case(4096, 32, 8)],
        ),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model, or G does not divide H",
            lambda rng: [count_case(10, 4, 2, raises="ValueError"), count_case(12, 6, 4, raises="ValueError"), count_case(8, 2, 4, raises="ValueError")],
        ),
    ),
    flawed=flawed_count,
    mistakes=(
        Mistake("query-heads-counted", "key and value maps counted for every query head", "Each head has its Q, K and V.",
                "How many key heads are there when G < H?", "step 2 of the stub", switches={"shared": "none"}),
        Mistake("only-keys-shared", "only the key map made narrower, W_v counted with H heads", "The groups share their keys.",
                "What else does a group share?", "step 2 of the stub", switches={"shared": "keys only"}),
        Mistake("no-W_o", "W_o forgotten", "Attention is Q, K and V.", "Name the four maps of 4.4.", "step 1 of the stub", switches={"output": False}),
        Mistake("biases-counted", "biases counted too", "A linear layer has a bias.", "What did 4.3 say about the biases?", "step 1 of the stub", switches={"bias": True}),
        Mistake("d_k-taken-for-d_model", "key heads as wide as d_model", "Every key has d_model numbers.", "How wide is one head?", "step 2 of the stub", switches={"width": "d_model"}),
        Mistake("G-taken-for-the-group-size", "H/G key heads instead of G", "G is the size of a group.", "With G = 1, how many key heads are there?", "step 2 of the stub", switches={"width": "H/G"}),
        Mistake("width-of-a-head-forgotten", "G rows in W_k and W_v instead of G·d_k", "There are G keys.", "How wide is one key?", "step 2 of the stub", switches={"width": "G"}),
        Mistake("one-narrow-map", "one narrow map counted, not two", "K and V share a map.", "Which four maps does the module hold?", "step 2 of the stub", switches={"narrow": 1}),
        Mistake("no-size-check", "sizes that do not fit not refused", "The formula gives a number anyway.", "Could 4.4 be built with these sizes?", "the docstring", switches={"check": False}),
    ),
    variants=(
        Variant("closed formula", count_formula),
        Variant("counted on the module", count_by_building),
        Variant("map by map, extra keyword", count_by_shapes),
    ),
)

EXERCISES = (
    SPLIT_HEADS,
    MERGE_HEADS,
    MULTI_HEAD_ATTENTION,
    GROUPED_QUERY_ATTENTION,
    KV_CACHE_BYTES,
    MHA_TO_GQA,
    HEAD_GOLD_MASS,
    COUNT_PARAMETERS,
)
