"""What exercises 6.1, 6.2, 6.11 and 6.12 share: masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

INFINITE = float("inf")


def mask_by_rows(T: int, S: int | None = None) -> Any:
    S = T if S is None else S
    if S < T:
        raise ValueError(f"{T} queries do not fit into {S} positions")
    return torch.tensor([[s <= S - T + t for s in range(S)] for t in range(T)])


def lower(T: int, S: int) -> np.ndarray:
    return np.tril(np.ones((T, S), dtype=bool), S - T)


def combine_by_example(causal: Any, key_is_real: Any) -> Any:
    return torch.stack([(causal & row).unsqueeze(0) for row in key_is_real])
