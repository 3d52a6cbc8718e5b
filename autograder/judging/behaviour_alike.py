"""Whether two wrong answers behave alike; apart from `behaviour`, because a report needs no torch."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

NEAR = 1e-3  # relative: float32 rounds far below it


def alike(one: str, other: str) -> bool:
    """Whether two texts of `behaviour_of` tell of the same behaviour, but for rounding."""
    if one == other:
        return True
    first, second = _read(one), _read(other)
    return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))


@lru_cache(maxsize=1024)
def _read(text: str) -> Any:
    return json.loads(text)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=NEAR, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
