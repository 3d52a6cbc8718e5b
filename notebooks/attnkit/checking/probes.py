"""Small callables, made of arrays, that a case hands to a learner's function in place of a model.

They answer by table look-up, so that what a function does with a model can be checked without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Callback


def _like(table: np.ndarray, other: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(table).to(other.dtype if other.is_floating_point() else torch.get_default_dtype())


@dataclass(frozen=True)
class MixAndMap(Callback):
    """X (T, d) → tanh(mix X map): `mix` (T, T) decides which positions meet, `map` (d, e) is the same at every position."""

    mix: np.ndarray
    map: np.ndarray

    def __call__(self, X: Any) -> Any:
        if isinstance(X, np.ndarray):
            return np.tanh(self.mix @ X @ self.map)
        return torch.tanh(_like(self.mix, X) @ X @ _like(self.map, X))
