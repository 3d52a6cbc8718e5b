"""Relations between the places of numbers: swapped axes, other orders, shifts, repetitions, axes too many, ends too short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations

import numpy as np

from attnkit.checking.relations.numbers import Sentences, constants, factor_of, said
from attnkit.checking.relations.pair import Pair

MOST_SLICES = 64


def shape(pair: Pair) -> Sentences | None:
    """The right numbers in another shape: axes too many, an axis summed away, an end missing."""
    if pair.one.shape == pair.other.shape:
        return None
    return said(*_shapes(pair))


def _shapes(pair: Pair) -> Iterator[str]:
    one, other = pair.one, pair.other
    squeezed = tuple(size for size in one.shape if size != 1) == tuple(size for size in other.shape if size != 1)
    if squeezed and one.size > 0 and pair.fits(one.reshape(other.shape)):
        more = other.ndim > one.ndim
        yield f"the right numbers with {'an axis of length 1 too many' if more else 'an axis of length 1 gone'}"
    yield from _moved_axes(pair)
    if one.size == other.size and one.size > 1 and pair.fits(one.reshape(other.shape)):
        yield "the right numbers in another shape"
    for axis, name in enumerate(pair.axes):
        if one.shape[axis] > 1:
            for word, made in (("sum", one.sum), ("mean", one.mean), ("largest", one.max)):
                for keep in (False, True):
                    if one.dtype.kind != "b" and pair.fits(made(axis=axis, keepdims=keep)):
                        yield f"the {word} of the right numbers over {name}"
        yield from _ends(pair, axis, name)
    if other.ndim == one.ndim + 1:
        for axis in range(other.ndim):
            if other.shape[axis] > 1 and pair.fits(np.repeat(np.expand_dims(one, axis), other.shape[axis], axis)):
                yield "the right numbers, repeated along an axis too many"


def _ends(pair: Pair, axis: int, name: str) -> Iterator[str]:
    one, other = pair.one, pair.other
    length = one.shape[axis]
    if length > 1:
        for place, word in ((0, "first"), (length - 1, "last")):
            if pair.fits(np.take(one, place, axis)) or pair.fits(np.take(one, [place], axis)):
                yield f"only the {word} along {name}"
    if other.ndim != one.ndim or any(
        a != b for i, (a, b) in enumerate(zip(one.shape, other.shape, strict=True)) if i != axis
    ):
        return
    shorter, longer = sorted((length, other.shape[axis]))
    short, long, word = (other, one, "short") if other.shape[axis] < length else (one, other, "long")
    by = {1: "one", 2: "two"}.get(longer - shorter, "some")
    for start, end in ((0, "at the end"), (longer - shorter, "at the front")):
        if (
            shorter > 0
            and Pair(short, np.take(long, range(start, start + shorter), axis), pair.case, pair.output).right
        ):
            yield f"the right numbers, {by} too {word} along {name}, {end}"


def axes_swapped(pair: Pair) -> Sentences | None:
    """The right numbers with their axes in another order."""
    if pair.one.shape != pair.other.shape or pair.one.ndim < 2 or pair.varied < 2:
        return None
    return said(*_moved_axes(pair))


def _moved_axes(pair: Pair) -> Iterator[str]:
    one, other = pair.one, pair.other
    if one.ndim != other.ndim or not 2 <= one.ndim <= 4:
        return
    for order in permutations(range(one.ndim)):
        if order == tuple(range(one.ndim)) or tuple(one.shape[i] for i in order) != other.shape:
            continue
        if not np.array_equal(one.transpose(order), one) and pair.fits(one.transpose(order)):
            yield f"the right numbers with {_axes_words(pair, order)}"


def _axes_words(pair: Pair, order: tuple[int, ...]) -> str:
    moved = [i for i, j in enumerate(order) if i != j]
    if len(moved) == 2:
        return f"the axes {pair.axes[moved[0]]} and {pair.axes[moved[1]]} swapped (a transpose)"
    return f"their axes in another order: ({', '.join(pair.axes[i] for i in order)})"


def read_in_another_order(pair: Pair) -> Sentences | None:
    """A reshape where axes had to be moved, or the other way round."""
    one = pair.one
    if one.shape != pair.other.shape or not 2 <= one.ndim <= 4 or pair.varied < 3:
        return None
    names = []
    for order in permutations(range(one.ndim)):
        made = one.transpose(order)
        if order != tuple(range(one.ndim)) and made.shape != one.shape and pair.fits(made.reshape(one.shape)):
            names.append("the right numbers read in another order: a reshape where axes have to be moved")
    return said(*names)


def other_order(pair: Pair) -> Sentences | None:
    """The slices along one axis in another order, repeated, or moved by one."""
    if pair.one.shape != pair.other.shape or pair.one.size == 0:
        return None
    names: list[str] = []
    weak: Sentences = {}
    for axis, name in enumerate(pair.axes):
        if 2 <= pair.one.shape[axis] <= MOST_SLICES:
            names += _along(pair, axis, name)
        if pair.one.shape[axis] <= 2:  # too short to show which way, and no witness against it
            weak |= said(*_moved_by_one(pair, axis, name, 1), evident=False if pair.one.shape[axis] == 2 else None)
    told = said(*names)
    return told | {text: evident for text, evident in weak.items() if text not in told}


def _long_axes(pair: Pair) -> list[tuple[int, str]]:
    return [(axis, name) for axis, name in enumerate(pair.axes) if 2 <= pair.one.shape[axis] <= MOST_SLICES]


def _along(pair: Pair, axis: int, name: str) -> Iterator[str]:
    one, other = np.moveaxis(pair.one, axis, 0), np.moveaxis(pair.other, axis, 0)
    length = len(one)
    if all(_same(pair, one[i], one[0]) for i in range(1, length)):
        return

    def fits(places: list[int]) -> bool:
        return all(_same(pair, one[place], other[i]) for i, place in enumerate(places))

    if length > 2 and fits([*range(1, length), 0]):
        yield f"the right numbers moved by one towards the front of {name}, the first one now last"
    if length > 2 and fits([length - 1, *range(length - 1)]):
        yield f"the right numbers moved by one towards the end of {name}, the last one now first"
    if fits(list(range(length))[::-1]):
        yield f"the right numbers in reversed order along {name}"
    yield from _moved_by_one(pair, axis, name, 3)
    for place, word in ((0, "first"), (length - 1, "last")):
        if fits([place] * length):
            yield _for_all(word, name)
    if all(_same(pair, other[i], other[0]) for i in range(1, length)):
        if one.dtype.kind == "f" and _same(pair, one.mean(0), other[0]):
            yield f"the mean over {name} in every place along {name}"
        yield f"the same answer in every place along {name}"
    order = _permutation(pair, one, other)
    if order is not None and order != list(range(length)):
        half = length // 2
        if order == [*range(0, length, 2), *range(1, length, 2)]:
            yield f"the right numbers with the even places along {name} before the odd ones"
        if length % 2 == 0 and order == [half * (i % 2) + i // 2 for i in range(length)]:
            yield f"the right numbers with the two halves of {name} interleaved"
        if length % 2 == 0 and order == [i + 1 if i % 2 == 0 else i - 1 for i in range(length)]:
            yield f"the right numbers with neighbours along {name} swapped"
        if length % 2 == 0 and order == [(i + half) % length for i in range(length)]:
            yield f"the right numbers with the two halves of {name} swapped"
        yield f"the right numbers in another order along {name}"


def _moved_by_one(pair: Pair, axis: int, name: str, least: int) -> Iterator[str]:
    one, other = np.moveaxis(pair.one, axis, 0), np.moveaxis(pair.other, axis, 0)
    if len(one) < least:
        return
    if all(_same(pair, before, after) for before, after in zip(one[:-1], other[1:], strict=True)):
        yield f"the right numbers one place too late along {name}"
    if all(_same(pair, after, before) for after, before in zip(one[1:], other[:-1], strict=True)):
        yield f"the right numbers one place too early along {name}"


def _for_all(word: str, name: str) -> str:
    if name == "B":
        return f"the answer to the {word} example for every example of the batch"
    return f"the {word} right answer along {name}, for every place along {name}"


def _permutation(pair: Pair, one: np.ndarray, other: np.ndarray) -> list[int] | None:
    """Which slice of `one` stands in each place of `other`, each used once; None when that is not so."""
    free, order = list(range(len(one))), []
    for slice_ in other:
        place = next((i for i in free if _same(pair, one[i], slice_)), None)
        if place is None:
            return None
        free.remove(place)
        order.append(place)
    return order


def shuffled(pair: Pair) -> Sentences | None:
    """The right numbers, each in some other place."""
    if pair.one.shape != pair.other.shape or pair.varied < 3 or not pair.numeric:
        return None
    same = (
        pair.fits(pair.other)
        and Pair(np.sort(pair.one.ravel()), np.sort(pair.other.ravel()), pair.case, pair.output).right
    )
    return said("the right numbers in other places") if same and pair.wrong.any() else {}


def moved_and_scaled(pair: Pair) -> Sentences | None:
    """Two at once: axes swapped or an order turned, and a factor that has a name."""
    if pair.one.shape != pair.other.shape or not pair.numeric or pair.varied < 3:
        return None
    names = []
    other = pair.other.astype(np.float64)
    for text, made in _movements(pair):
        moved = made(pair.one.astype(np.float64))
        found = factor_of(moved, other) if moved.shape == other.shape else None
        if found is None or np.array_equal(moved, pair.one) or not pair.fits(moved * found):
            continue
        names += [f"{text}, and times {name}" for name, value in constants(pair) if pair.fits(moved * value)]
    return said(*names)


def _movements(pair: Pair) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    if pair.one.ndim >= 2:
        text = f"the right numbers with the axes {pair.axes[-2]} and {pair.axes[-1]} swapped (a transpose)"
        yield text, lambda x: np.swapaxes(x, -2, -1)
    for axis, name in _long_axes(pair):
        yield f"the right numbers in reversed order along {name}", partial(np.flip, axis=axis)


def _same(pair: Pair, one: np.ndarray, other: np.ndarray) -> bool:
    return Pair(one, other, pair.case, pair.output).right
