"""Where an answer is wrong: a region of the output outside of which every number is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from attnkit.checking.relations.pair import Pair

_ENOUGH_WRONG = 0.55  # of a region: it is named only where most of it is wrong


def everywhere_but(pairs: Sequence[Pair]) -> str:
    """The smallest region that holds all wrong numbers of every pair, in a sentence; "" when no region does."""
    pairs = [pair for pair in pairs if pair.one.size > 1]
    if not pairs or any(pair.one.shape != pair.other.shape or pair.right or pair.wrong.all() for pair in pairs):
        return ""
    tables = [dict(regions(pair)) for pair in pairs]
    names = [name for name in tables[0] if all(name in table for table in tables)]
    best, share = "", 0.0
    for name in names:
        held = [
            bool(region[name].any()) and not (pair.wrong & ~region[name]).any()
            for pair, region in zip(pairs, tables, strict=True)
        ]
        if not all(held) or all(region[name].all() for region in tables):
            continue
        covered = sum(int(pair.wrong.sum()) for pair in pairs) / sum(int(region[name].sum()) for region in tables)
        if covered > share + 1e-9:
            best, share = name, covered
    if not best or share < _ENOUGH_WRONG or (len(pairs) == 1 and share < 1 and "half" in best):
        return ""
    for word in ("behind the first ", "before the last "):
        if best.startswith(word):
            return f"right in the {word.split()[-1]} {best.removeprefix(word)} alone{_there(pairs)}"
    return f"right everywhere but {best}{_there(pairs)}"


def _there(pairs: Sequence[Pair]) -> str:
    """What stands at the wrong places, when it is one thing."""
    found = np.concatenate([pair.other[pair.wrong].astype(np.float64).ravel() for pair in pairs])
    if np.isnan(found).all():
        return ", where it gives NaN"
    if np.isinf(found).all():
        return ", where it gives infinity"
    return ", where it gives 0" if (found == 0).all() else ""


def regions(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    """Every region that has a name in this pair, as a bool array of its shape."""
    yield from _by_mask(pair)
    yield from _by_lengths(pair)
    yield from _by_value(pair)
    if pair.one.ndim >= 2:
        yield from _by_diagonal(pair)
    for axis, name in enumerate(pair.axes):
        if pair.one.shape[axis] > 1:
            yield from _by_axis(pair, axis, name)


def _by_axis(pair: Pair, axis: int, name: str) -> Iterator[tuple[str, np.ndarray]]:
    length = pair.one.shape[axis]
    place = np.arange(length).reshape([-1 if i == axis else 1 for i in range(pair.one.ndim)])
    one = "example of the batch" if name == "B" else "head" if name == "H" else f"place along {name}"

    def laid(chosen: np.ndarray) -> np.ndarray:
        return np.broadcast_to(chosen, pair.one.shape)

    yield f"in the first {one}", laid(place == 0)
    yield f"in the last {one}", laid(place == length - 1)
    yield f"behind the first {one}", laid(place > 0)
    yield f"before the last {one}", laid(place < length - 1)
    if length > 3:
        yield f"in every second {one}, the first included", laid(place % 2 == 0)
        yield f"in every second {one}, from the second on", laid(place % 2 == 1)
        yield f"in the first half of {name}", laid(place < length // 2)
        yield f"in the second half of {name}", laid(place >= length // 2)


def _by_diagonal(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    rows, columns = pair.one.shape[-2:]
    if min(rows, columns) < 2 or pair.axes[-1].startswith("d") or pair.axes[-1] in ("V", "E"):
        return
    t, s = np.arange(rows)[:, None], np.arange(columns)[None, :]
    across, down = pair.axes[-1], pair.axes[-2]
    for word, shift in (("", 0), (", the ends of both aligned", columns - rows)):
        if word and not shift:
            continue
        gap = s - t - shift
        for text, region in (
            ("on the diagonal", gap == 0),
            (f"above the diagonal ({across} after {down})", gap > 0),
            (f"below the diagonal ({across} before {down})", gap < 0),
            (f"on or above the diagonal ({across} not before {down})", gap >= 0),
            (f"on or below the diagonal ({across} not after {down})", gap <= 0),
            ("off the diagonal", gap != 0),
        ):
            yield text + word, np.broadcast_to(region, pair.one.shape)


def _by_value(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    if pair.one.dtype.kind == "b":
        yield "where True is right", pair.one
        yield "where False is right", ~pair.one
        return
    empty = pair.one == 0
    if empty.any():
        if pair.one.ndim >= 1 and pair.one.shape[-1] > 1:
            yield "in the rows that must be 0", np.broadcast_to(empty.all(-1, keepdims=True), pair.one.shape)
        yield "where 0 is right", empty
        yield "where another number than 0 is right", ~empty
    if (pair.one < 0).any() and (pair.one > 0).any():
        yield "where the right number is negative", pair.one < 0
        yield "where the right number is positive", pair.one > 0
    if pair.one.ndim >= 1 and pair.one.shape[-1] > 2 and pair.one.dtype.kind == "f":
        yield "at the largest of each row", pair.one == pair.one.max(-1, keepdims=True)


def _by_mask(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    for name, mask in pair.masks():
        if pair.one.ndim >= 1 and pair.one.shape[-1] > 1:
            nothing = np.broadcast_to(~mask.any(-1, keepdims=True), pair.one.shape)
            yield f"in the rows where {name} is False throughout", nothing
            some = np.broadcast_to(~mask.all(-1, keepdims=True), pair.one.shape)
            yield f"in the rows where {name} is not True throughout", some
        yield f"where {name} is False", ~mask
        yield f"where {name} is True", mask
    for name, array in pair.inputs:
        if array.dtype.kind == "b" and array.ndim >= 2 and array.shape[-2:-1] == pair.one.shape[-2:-1]:
            rows = np.asarray(~array.any(-1, keepdims=True))
            while rows.ndim > pair.one.ndim and rows.shape[0] == 1:
                rows = np.asarray(rows[0])
            if _fits_over(rows.shape, pair.one.shape):
                yield f"in the rows where {name} is False throughout", np.broadcast_to(rows, pair.one.shape)


def _fits_over(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    return len(small) <= len(large) and all(
        one in (1, other) for one, other in zip(small[::-1], large[::-1], strict=False)
    )


def _by_lengths(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    """Positions behind the lengths that an integer argument gives for every example."""
    for name, array in pair.inputs:
        if array.dtype.kind not in "iu" or array.ndim != 1:
            continue
        for batch, time in ((0, 1), (1, 0)):
            if pair.one.ndim < 2 or pair.one.shape[batch] != len(array) or array.max(initial=0) > pair.one.shape[time]:
                continue
            place = np.expand_dims(np.arange(pair.one.shape[time]), 1 - time)
            behind = place >= np.expand_dims(array, 1 - batch)
            behind = behind.reshape(behind.shape + (1,) * (pair.one.ndim - 2))
            yield f"at padding, behind the lengths in {name}", np.broadcast_to(behind, pair.one.shape)
            yield f"before the lengths in {name} end", np.broadcast_to(~behind, pair.one.shape)
    for name, array in pair.inputs:
        if array.dtype.kind in "iu" and array.ndim == 2 and array.shape == pair.one.shape[:2]:
            for value, text in ((0, "0"), (1, "1")):
                region = (array == value).reshape(array.shape + (1,) * (pair.one.ndim - 2))
                yield f"where {name} is {text}", np.broadcast_to(region, pair.one.shape)
