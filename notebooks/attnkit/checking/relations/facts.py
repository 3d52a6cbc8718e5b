"""What is still true of numbers that stand in no simple relation to the right ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from attnkit.checking.relations.pair import Pair


def facts(pairs: Sequence[Pair]) -> str:
    """The remarks that hold for all pairs, two at most, such as "the order within each row is right"."""
    pairs = [pair for pair in pairs if pair.one.shape == pair.other.shape and pair.one.size > 0]
    if not pairs:
        return ""
    few = sum(pair.one.size for pair in pairs) < _SEVERAL
    held = [text for text, holds in _FACTS if all(holds(pair) for pair in pairs) and not (few and holds in _OF_SEVERAL)]
    return ", ".join([*held[:2], _share(pairs)])


def _share(pairs: Sequence[Pair]) -> str:
    shares = [1 - float(pair.wrong.mean()) for pair in pairs]
    if max(shares) == 0:
        return "no number is right"
    if min(shares) >= 0.5:
        return "most numbers are right"
    return "a few numbers are right" if max(shares) < 0.5 else "some numbers are right"


def _same_order(pair: Pair) -> bool:
    if not _rows(pair) or pair.one.shape[-1] < 3:
        return False
    return bool((np.argsort(pair.one, -1, kind="stable") == np.argsort(pair.other, -1, kind="stable")).all())


def _same_largest(pair: Pair) -> bool:
    return _rows(pair) and pair.one.shape[-1] >= 3 and bool((pair.one.argmax(-1) == pair.other.argmax(-1)).all())


def _same_signs(pair: Pair) -> bool:
    mixed = pair.numeric and bool((pair.one < 0).any()) and bool((pair.one > 0).any()) and pair.one.size >= 3
    return mixed and bool((np.sign(pair.one) == np.sign(pair.other)).all())


def _rows_sum_to_one(pair: Pair) -> bool:
    sums = [array.sum(-1) for array in (pair.one, pair.other)] if _rows(pair) else []
    return bool(sums) and all(bool((np.abs(total - 1) < 1e-3).all()) for total in sums)


def _too_small(pair: Pair) -> bool:
    return pair.numeric and bool((pair.other[pair.wrong] < pair.one[pair.wrong]).all())


def _too_large(pair: Pair) -> bool:
    return pair.numeric and bool((pair.other[pair.wrong] > pair.one[pair.wrong]).all())


def _first_right(pair: Pair) -> bool:
    return pair.one.size >= 3 and not pair.wrong.flat[0]


def _not_finite(pair: Pair) -> bool:
    return pair.other.dtype.kind == "f" and not np.isfinite(pair.other).all() and bool(np.isfinite(pair.one).all())


def _rows(pair: Pair) -> bool:
    return pair.numeric and pair.one.ndim >= 1 and pair.one.shape[-1] > 1


_SEVERAL = 3  # numbers, of one case or of several, that a statement on their size needs
_OF_SEVERAL = (_too_small, _too_large)
_FACTS: tuple[tuple[str, Callable[[Pair], bool]], ...] = (
    ("NaN or infinity appears", _not_finite),
    ("the order within each row is right", _same_order),
    ("the largest number of each row stands in its right place", _same_largest),
    ("every wrong number is too small", _too_small),
    ("every wrong number is too large", _too_large),
    ("all signs are right", _same_signs),
    ("every row sums to 1, as it should", _rows_sum_to_one),
    ("the very first number is right", _first_right),
)
