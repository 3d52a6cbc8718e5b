"""Small callables, made of arrays, that a case hands to a learner's function in place of a model.

They answer by table look-up, so that what a function does with a model can be checked without one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Callback, TensorValue


def _like(table: np.ndarray, other: torch.Tensor) -> torch.Tensor:
    dtype = other.dtype if other.is_floating_point() else torch.get_default_dtype()
    return torch.from_numpy(table).to(other.device, dtype)


def _rounded(callback: Callback, dtype: np.dtype) -> Callback:
    """The same with its tables in another number type."""
    return type(callback)(*(getattr(callback, table.name).astype(dtype) for table in fields(callback)))  # type: ignore[arg-type]


def _is_floating(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, TensorValue) and value.dtype in ("float32", "float64") and value.data.shape == shape


def _is_tokens(value: Any, count: int) -> bool:
    """Whether these are tokens (B,) from 0 to `count` - 1."""
    if not isinstance(value, TensorValue) or value.dtype != "int64" or value.data.ndim != 1:
        return False
    return bool(((value.data >= 0) & (value.data < count)).all())


@dataclass(frozen=True)
class MixAndMap(Callback):
    """X (T, d) → tanh(mix X map): `mix` (T, T) decides which positions meet, `map` (d, e) is the same at every position."""

    mix: np.ndarray
    map: np.ndarray

    def __call__(self, X: Any) -> Any:
        if isinstance(X, np.ndarray):
            return np.tanh(self.mix @ X @ self.map)
        return torch.tanh(_like(self.mix, X) @ X @ _like(self.map, X))

    def in_numpy(self, *args: Any) -> Any:
        """The answer to one sequence of floating numbers."""
        if len(args) != 1 or not _is_floating(args[0], (len(self.mix), len(self.map))):
            return NotImplemented
        X = args[0]
        return TensorValue(_rounded(self, X.data.dtype)(X.data), X.dtype)


@dataclass(frozen=True)
class NextTokenTable(Callback):
    """A sequence-to-sequence model made of tables: (src (B, S), tgt_in (B, T)) → logits (B, T, V).

    The logits at t are `token` (V, V) at the token read there, plus `source` (V_src, V) summed over the source tokens,
    plus `time` (T_max, V) at t; so the answer depends on the source, on the last token and on how long the prefix is.
    """

    token: np.ndarray
    source: np.ndarray
    time: np.ndarray

    def __call__(self, src: Any, tgt_in: Any) -> Any:
        if isinstance(tgt_in, np.ndarray):
            return self.token[tgt_in] + self.source[src].sum(axis=1)[:, None] + self.time[: tgt_in.shape[1]]
        token, source, time = (torch.from_numpy(table).to(tgt_in.device) for table in (self.token, self.source, self.time))
        return token[tgt_in] + source[src].sum(dim=1)[:, None] + time[: tgt_in.shape[1]]


@dataclass(frozen=True)
class StepTable(Callback):
    """One step of a decoder made of tables: (tokens (B,), h (B, d)) → (logits (B, V), next h (B, d)).

    The next h is tanh(h `turn` + `read` at the token), `turn` (d, d) and `read` (V, d); the logits are the next h times
    `write` (d, V). So the answer depends on the token and on everything that was read before.
    """

    turn: np.ndarray
    read: np.ndarray
    write: np.ndarray

    def __call__(self, tokens: Any, h: Any) -> Any:
        if isinstance(h, np.ndarray):
            after = np.tanh(h @ self.turn + self.read[tokens])
            return after @ self.write, after
        after = torch.tanh(h @ _like(self.turn, h) + _like(self.read, h)[tokens])
        return after @ _like(self.write, h), after

    def in_numpy(self, *args: Any) -> Any:
        """The answer to known tokens and a floating state."""
        if len(args) != 2 or not _is_tokens(args[0], len(self.read)):
            return NotImplemented
        tokens, h = args
        if not _is_floating(h, (len(tokens.data), len(self.turn))):
            return NotImplemented
        return tuple(TensorValue(part, h.dtype) for part in _rounded(self, h.data.dtype)(tokens.data, h.data))
