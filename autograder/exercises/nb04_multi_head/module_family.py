"""What exercises 4.3 and 4.4 share: the cases and right answers of attention as a module with heads."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.heads_family import FourMaps
from autograder.judging.declare import Rng, normal

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
