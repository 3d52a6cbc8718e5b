"""What exercises 1.1 and 1.2 share: numbers drawn for a recurrent step."""

from __future__ import annotations

import numpy as np

from autograder.judging.declare import Rng, rounded


def small(rng: Rng, *shape: int) -> np.ndarray:
    """Rounded numbers that leave the tanh away from its flat ends."""
    return rounded(rng, *shape, scale=0.5)
