"""What exercises 4.1 and 4.2 share: numbers that say where in memory they lie."""

from __future__ import annotations

import math

import numpy as np


def numbered(*shape: int) -> np.ndarray:
    """The numbers 0, 1, 2, … in the order in which memory holds them."""
    return np.arange(math.prod(shape), dtype=np.float64).reshape(shape)
