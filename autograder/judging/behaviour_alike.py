"""Whether two wrong answers behave alike; apart from `behaviour`, because a report needs no torch."""

from __future__ import annotations

import json
import math
from typing import Any

NEAR = 1e-3  # relative: float32 rounds far below it


def alike(one: str, other: str) -> bool:
    """Whether two texts of `behaviour_of` tell of the same behaviour, but for rounding."""
    first, second = json.loads(one), json.loads(other)
    return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=NEAR, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
