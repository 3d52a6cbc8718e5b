"""What exercises 6.11 and 6.12 share: blocks, flawed and right, and their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.exercises.heads_family import AttentionEinsum, FlawedHeads, FourMaps, as_multi_head
from autograder.judging.declare import Rng

Heads = as_multi_head(AttentionEinsum)


class HeadsInABlock(FlawedHeads):
    """Flawed attention as a part of a block: a mask that does not fit is told before it is used, a batch that does not fit after it."""

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        S = (X_q if X_kv is None else X_kv).shape[1]
        return super().forward(X_q, X_kv, None if mask is None else mask.expand(X_q.shape[0], self.H, X_q.shape[1], S))

    def _merged(self, heads: Any, X_q: Any) -> Any:
        return super()._merged(heads, X_q) if self.merge == "memory" else heads.flatten(2)


class FlawedBlock(nn.Module):
    """The pre-norm block with switches that break it."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False, *, place: str = "pre", residual: str = "x", self_masked: bool = True,
                 memory_masked: bool = True, normed_memory: bool = False, order: str = "self first", keys: str = "memory", norms: str = "own",
                 activation: str = "relu", refuse: bool = True, polarity: str = "allowed", result: str = "x", at: str = "all", heads: Mapping[str, Any] | None = None, causal: bool = False, exchanged: bool = False,
                 asks: str = "x", tuples: bool = False, keys_normed: bool = True, keeps: str = "") -> None:
        super().__init__()
        self.place, self.residual, self.self_masked, self.memory_masked = place, residual, self_masked, memory_masked
        self.normed_memory, self.order, self.keys, self.norms = normed_memory, order, keys, norms
        self.cross, self.refuse, self.polarity, self.result = cross, refuse, polarity, result
        self.at, self.causal, self.exchanged, self.asks, self.tuples, self.keys_normed, self.keeps = at, causal, exchanged, asks, tuples, keys_normed, keeps
        self.kept: dict[str, Any] = {}
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention: nn.Module = HeadsInABlock(d_model, H, H, **(heads or {}))
        if cross:
            self.norm_cross = nn.LayerNorm(d_model)
            self.cross_attention: nn.Module = HeadsInABlock(d_model, H, H, **(heads or {}))
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU() if activation == "relu" else nn.GELU() if activation == "gelu" else nn.Identity(), nn.Linear(d_ff, d_model))

    def forward(self, x: Any, memory: Any = None, self_mask: Any = None, memory_mask: Any = None) -> Any:
        if self.cross and memory is None and self.refuse:
            raise ValueError("cross=True needs a memory")
        if self.polarity == "blocked":
            self_mask, memory_mask = (None if mask is None else ~mask for mask in (self_mask, memory_mask))
        if self.keeps == "mask":
            self_mask = self.kept["mask"] = self.kept.get("mask") if self_mask is None else self_mask
        elif self.keeps == "memory" and memory is not None:
            memory = self.kept.setdefault("memory", memory)
        if self.exchanged:
            self_mask, memory_mask = memory_mask, self_mask
        if self.causal:
            triangle = torch.ones(x.shape[1], x.shape[1]).tril().bool()
            self_mask = triangle if self_mask is None else self_mask & triangle
        parts = [("self", self.norm_self, lambda y: self._self(x, y, self_mask if self.self_masked else None))]
        if self.cross and memory is not None:
            parts.append(("cross", self.norm_self if self.norms in ("shared", "shared at cross") else self.norm_cross, lambda y: self._cross(y, memory, memory_mask if self.memory_masked else None)))
        if self.order == "cross first":
            parts.reverse()
        parts.append(("feed-forward", self.norm_self if self.norms in ("shared", "shared at feed-forward") else self.norm_feed_forward, self.feed_forward))
        if self.order == "feed-forward first":
            parts = parts[-1:] + parts[:-1]
        for name, norm, part in parts:
            x = self._around(x, norm, part) if self.at in ("all", name) else x + part(norm(x))
        return x if self.result == "x" else (x, None)

    def _self(self, x: Any, y: Any, mask: Any) -> Any:
        found = self.self_attention(y, y if self.keys_normed else x, mask)
        return found if self.tuples else found[0]

    def _cross(self, y: Any, memory: Any, mask: Any) -> Any:
        if self.normed_memory:
            memory = self.norm_cross(memory)
        if self.keys == "x":
            return self.cross_attention(y, y)[0]
        if self.asks == "memory":
            return self.cross_attention(memory, y, mask)[0]
        return self.cross_attention(y, memory, mask)[0]

    def _around(self, x: Any, norm: Any, part: Any) -> Any:
        if self.place == "post":
            return norm(x + part(x))
        if self.place == "none":
            return x + part(x)
        y = norm(x)
        kept = {"x": x, "normed": y, "none": 0.0}[self.residual]
        return kept + part(y)


class PlainBlock(nn.Module):
    """The block with the attention written out in functions."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False) -> None:
        super().__init__()
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
        self.norm_self, self.norm_feed_forward = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.self_attention = Heads(d_model, H)
        self.cross_attention = Heads(d_model, H) if cross else None
        self.norm_cross = nn.LayerNorm(d_model) if cross else None

    def forward(self, x: Any, memory: Any = None, self_mask: Any = None, memory_mask: Any = None) -> Any:
        x = x + self.self_attention(self.norm_self(x), None, self_mask)[0]
        if self.cross_attention is not None and self.norm_cross is not None:
            if memory is None:
                raise ValueError("a block with cross-attention needs a memory")
            x = x + self.cross_attention(self.norm_cross(x), memory, memory_mask)[0]
        return x + self.feed_forward(self.norm_feed_forward(x))


class LibraryHeads(FourMaps):
    """The same attention through torch's own operator."""

    def __init__(self, d_model: int, H: int) -> None:
        super().__init__(d_model, H, H)

    def forward(self, X_q: Any, X_kv: Any = None, mask: Any = None) -> Any:
        X_kv = X_q if X_kv is None else X_kv
        Q, K, V = (W(X).unflatten(-1, (self.H, -1)).transpose(1, 2) for W, X in ((self.W_q, X_q), (self.W_k, X_kv), (self.W_v, X_kv)))
        return self.W_o(nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask).transpose(1, 2).flatten(2)), None


class LibraryBlock(FlawedBlock):
    """The block on torch's attention, with one more keyword argument."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False, dropout: float = 0.0) -> None:
        super().__init__(d_model, H, d_ff, cross)
        self.self_attention = LibraryHeads(d_model, H)
        if cross:
            self.cross_attention = LibraryHeads(d_model, H)
        self.dropout = nn.Dropout(dropout)


def block_state(rng: Rng, d_model: int, d_ff: int, cross: bool, prefix: str = "", digits: int | None = None) -> dict[str, np.ndarray]:
    """Weights of one block under the stub's names; layer norms near 1 and 0."""
    state: dict[str, np.ndarray] = {}
    for name in ("self", "cross") if cross else ("self",):
        state |= norm_state(rng, d_model, f"{prefix}norm_{name}")
        state |= {f"{prefix}{name}_attention.{W}.weight": 0.6 * rng.standard_normal((d_model, d_model)) for W in ("W_q", "W_k", "W_v", "W_o")}
    state |= norm_state(rng, d_model, f"{prefix}norm_feed_forward")
    state |= linear_state(rng, d_model, d_ff, f"{prefix}feed_forward.0") | linear_state(rng, d_ff, d_model, f"{prefix}feed_forward.2")
    return state if digits is None else {name: np.round(array, digits) + 0.0 for name, array in state.items()}


def norm_state(rng: Rng, d: int, name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": 1.0 + 0.3 * rng.standard_normal(d), f"{name}.bias": 0.3 * rng.standard_normal(d)}


def linear_state(rng: Rng, d_in: int, d_out: int, name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": 0.6 * rng.standard_normal((d_out, d_in)), f"{name}.bias": 0.3 * rng.standard_normal(d_out)}
