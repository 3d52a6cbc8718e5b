"""What the exercises on sinusoids and rotations share: the base, and widths that can be cut into pairs."""

from __future__ import annotations

from typing import Any

import torch

BASE = 10000.0


def refuse_odd(width: int) -> None:
    """Raise ValueError for a width that cannot be cut into pairs."""
    if width % 2:
        raise ValueError(f"{width} features cannot be cut into pairs")


def shift_by_slices(k: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    angles = k * base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    M = torch.diag(angles.cos().repeat_interleave(2))
    even = torch.arange(0, d_model, 2)
    M[even, even + 1] = angles.sin()
    M[even + 1, even] = -angles.sin()
    return M.to(torch.float32)
