"""Relations between numbers at the same places: factors, constants, signs, functions, roundings, inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from attnkit.checking.relations.pair import Pair
from attnkit.checking.relations.places import regions

Sentences = dict[str, bool | None]
"""The sentences that hold for one pair, the plainest first.

False where one holds but is no evidence alone, as for one number; None where it could not fail, as of an order of one.
"""

ENOUGH = 3  # numbers that an unnamed constant must explain before it is called one
_FIXED = {
    "−1": -1.0,
    "2": 2.0,
    "½": 0.5,
    "ln 2": math.log(2),
    "1/ln 2": 1 / math.log(2),
    "√2": math.sqrt(2),
    "1/√2": 1 / math.sqrt(2),
    "−½": -0.5,
    "−2": -2.0,
    "π": math.pi,
    "1/π": 1 / math.pi,
    "2π": 2 * math.pi,
    "10": 10.0,
    "100": 100.0,
    "1/100": 0.01,
}


def said(*sentences: str, evident: bool | None = True) -> Sentences:
    """The sentences in order."""
    return dict.fromkeys(sentences, evident)


def constants(pair: Pair) -> Iterator[tuple[str, float]]:
    """Constants that have a name in this case: fixed ones, and what is made of its sizes."""
    yield from _FIXED.items()
    sizes = [(name, size) for name, size in pair.case.sizes.items() if size > 1]
    for name, n in sizes:
        yield f"√{name}", math.sqrt(n)
        yield f"1/√{name}", 1 / math.sqrt(n)
        yield name, float(n)
        yield f"1/{name}", 1 / n
        yield f"{name}/({name} − 1)", n / (n - 1)
        yield f"({name} − 1)/{name}", (n - 1) / n
        yield f"{name}²", float(n * n)
        yield f"1/{name}²", 1 / (n * n)
    for i, (name, n) in enumerate(sizes):
        for other, m in sizes[i + 1 :]:
            yield f"{name}·{other}", float(n * m)
            yield f"1/({name}·{other})", 1 / (n * m)
            yield f"{name}/{other}", n / m
            yield f"{other}/{name}", m / n


def factor_of(one: np.ndarray, other: np.ndarray) -> float | None:
    """The factor by which all of `other` is `one`, roughly; None where there is none."""
    square = float((one * one).sum())
    return float((one * other).sum() / square) if square > 0 else None


def constant_output(pair: Pair) -> Sentences | None:
    """The same number everywhere, which the right answer is not."""
    if pair.one.shape != pair.other.shape or pair.other.size < 2 or pair.varied < 2:
        return None
    other = pair.other.astype(np.float64)
    if np.isnan(other).all():
        return said("NaN everywhere")
    if not np.isfinite(other).all() or np.ptp(other) > 1e-12 * max(1.0, float(np.abs(other).max())):
        return {}
    word = {0.0: "0", 1.0: "1", -1.0: "−1"}.get(float(other.flat[0]))
    if pair.other.dtype.kind == "b":
        return said(f"{bool(other.flat[0])} everywhere", "the same answer everywhere")
    return said(*([f"{word} everywhere"] if word else []), "the same number everywhere")


def factor(pair: Pair) -> Sentences | None:
    """The right numbers times a constant, named where it has a name."""
    if not _comparable(pair) or not np.abs(pair.one).max(initial=0.0) > 0:
        return None
    one, other = pair.one.astype(np.float64), pair.other.astype(np.float64)
    found = factor_of(one, other)
    if found is None or abs(found) < 1e-9 or abs(found - 1) < 1e-9 or not pair.fits(one * found):
        return {}
    names = [f"the right numbers times {name}" for name, value in constants(pair) if pair.fits(one * value)]
    names = ["minus the right numbers" if name.endswith("times −1") else name for name in names]
    several = bool(np.count_nonzero(np.abs(one) > 1e-12) > 1)
    told = said(*names, evident=several)
    if np.count_nonzero(one) >= ENOUGH and pair.varied > 1:
        told |= said(*([f"the right numbers times {found:.3g}"] if _short(found) else []))
        told |= said("the right numbers times a factor, the same for all numbers of a call")
    return told


def addend(pair: Pair) -> Sentences | None:
    """The right numbers plus a constant, or plus or minus one of the inputs."""
    if not _comparable(pair):
        return None
    gap = pair.other.astype(np.float64) - pair.one
    told: Sentences = {}
    middle = float(np.median(gap)) if gap.size else 0.0
    if abs(middle) > 1e-9 and pair.fits(pair.one + middle):
        several = pair.one.size > 1
        size = {1.0: "1 too much", -1.0: "1 too little", 2.0: "2 too much", -2.0: "2 too little"}
        told |= said(
            *(f"{text} everywhere" for value, text in size.items() if pair.fits(pair.one + value)), evident=several
        )
        made = [
            (f"{sign} {name}", factor * value)
            for name, value in constants(pair)
            for sign, factor in (("plus", 1), ("minus", -1))
        ]
        told |= said(
            *(f"the right numbers {text}" for text, value in made if pair.fits(pair.one + value)), evident=several
        )
        told |= said(*(["the right numbers plus a constant"] if pair.one.size >= ENOUGH else []))
    for name, array in pair.inputs:
        if array.dtype.kind == "f" and array.shape == pair.one.shape and np.abs(array).max(initial=0.0) > 0:
            told |= said(*([f"the right numbers plus {name}"] if pair.fits(pair.one + array) else []))
            told |= said(*([f"the right numbers minus {name}"] if pair.fits(pair.one - array) else []))
    return told


def an_input(pair: Pair) -> Sentences | None:
    """One of the inputs as it came."""
    if pair.one.size < 2:
        return None
    return said(*(f"{name} as it came" for name, array in pair.inputs if array.size > 1 and pair.fits(array)))


def _functions(pair: Pair) -> Iterator[tuple[str, Callable[[np.ndarray], Any]]]:
    yield "the absolute values of", np.abs
    yield "1 minus each of", lambda x: 1.0 - x
    yield "1 divided by each of", lambda x: 1.0 / x
    yield "the squares of", np.square
    yield "the square roots of", np.sqrt
    yield "the exponentials of", np.exp
    yield "the logarithms of", np.log
    yield "the logarithms to base 2 of", np.log2
    yield "minus the logarithms of", lambda x: -np.log(x)
    yield "the tanh of", np.tanh
    yield "the sigmoid of", lambda x: 1 / (1 + np.exp(-x))
    yield "where they are above 0, and 0 elsewhere", lambda x: np.maximum(x, 0)
    yield "rounded to whole ones", np.round
    yield "cut to whole ones", np.trunc
    yield "cut down to whole ones", np.floor
    yield "rounded to 1 decimal", partial(np.round, decimals=1)
    for digits in (2, 3, 4):
        yield f"rounded to {digits} decimals", partial(np.round, decimals=digits)
    for axis, name in enumerate(pair.axes):
        if pair.one.shape[axis] > 1:
            yield f"after a softmax over {name}", partial(_softmax, axis=axis)
            yield f"summed up step by step along {name}", partial(np.cumsum, axis=axis)
            yield f"divided by their sum over {name}", partial(_shares, axis=axis)
            yield f"less their mean over {name}", partial(_centred, axis=axis)
            yield f"divided by their length over {name}", partial(_unit, axis=axis)


def _last_steps(pair: Pair) -> Iterator[tuple[str, Callable[[np.ndarray], Any]]]:
    """Functions that may be the last step of an exercise, so that what stands before it may have been returned."""
    for axis, name in reversed(list(enumerate(pair.axes))):
        if pair.one.shape[axis] > 1:
            yield f"after a softmax over {name},", partial(_softmax, axis=axis)
            yield f"divided by their sum over {name},", partial(_shares, axis=axis)
    yield "after a tanh,", np.tanh
    yield "after an exponential,", np.exp
    yield "after a logarithm,", np.log
    yield "after a sigmoid,", lambda x: 1 / (1 + np.exp(-x))
    yield "after a square root,", np.sqrt
    yield "squared,", np.square


def _shares(x: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(x / x.sum(axis, keepdims=True))


def _centred(x: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(x - x.mean(axis, keepdims=True))


def _unit(x: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(x / np.sqrt((x * x).sum(axis, keepdims=True)))


def function(pair: Pair) -> Sentences | None:
    """A function of the right numbers in place of them, or numbers of which the right ones are a function."""
    if not _comparable(pair):
        return None
    names = []
    one, other = pair.one.astype(np.float64), pair.other.astype(np.float64)
    with np.errstate(all="ignore"):
        for name, made in _functions(pair):
            value = made(one)
            if np.isfinite(value).all() and pair.fits(value):
                names.append(f"{name} the right numbers" if name.endswith(" of") else f"the right numbers {name}")
        for name, made in _last_steps(pair):
            value = made(other)
            if np.isfinite(value).all() and Pair(pair.one, value, pair.case, pair.output).right:
                names.append(f"the last step missing: {name} these are the right numbers")
    return said(*names, evident=pair.varied > 1 and pair.one.size > 1)


def negated(pair: Pair) -> Sentences | None:
    """True where False is right, everywhere."""
    if pair.one.dtype.kind != "b" or pair.other.shape != pair.one.shape or pair.other.dtype.kind not in "biu":
        return None
    return said("True and False the wrong way round") if (pair.other.astype(bool) == ~pair.one).all() else {}


def normalisation(pair: Pair) -> Sentences | None:
    """Weights whose rows are right but for their sum, that sum to 1 along another axis, or that are too flat or too sharp."""
    if not _comparable(pair) or pair.one.ndim < 1 or pair.one.shape[-1] < 2 or not _are_weights(pair.one):
        return None
    one, other = pair.one.astype(np.float64), pair.other.astype(np.float64)
    names: list[str] = []
    totals = other.sum(-1, keepdims=True)
    if np.abs(totals - 1).max() > 1e-2 and Pair(one, _of_one(other), pair.case, pair.output).right:
        names.append("the right weights but for their sum: the rows do not sum to 1")
    for axis in range(one.ndim - 1):
        if one.shape[axis] > 1 and np.abs(totals - 1).max() > 1e-2 and np.abs(other.sum(axis) - 1).max() < 1e-4:
            names.append(f"weights that sum to 1 over {pair.axes[axis]} and not over {pair.axes[-1]}")
    for text, region in regions(pair):
        kept = np.where(region, 0.0, one)
        if region.any() and (kept.sum(-1) > 1e-9).all() and pair.fits(_of_one(kept)):
            names.append(f"the right weights as if nothing were allowed {text}")
        seen = region.any() and (one[region] == 0).all() and (other[region] > 0).all()
        if seen and Pair(one, _of_one(np.where(region, 0.0, other)), pair.case, pair.output).right:
            names.append(f"the right weights as if everything were allowed {text}")
    return said(*names) | _temperature(pair, one, other)


def _are_weights(one: np.ndarray) -> bool:
    sums = one.astype(np.float64).sum(-1)
    return bool(
        ((np.abs(sums - 1) < 1e-3) | (np.abs(sums) < 1e-9)).all() and not (one < -1e-9).any() and (sums > 0.5).any()
    )


def _of_one(weights: np.ndarray) -> np.ndarray:
    """Rows divided by their sums; rows that sum to 0 stay."""
    sums = weights.sum(-1, keepdims=True)
    return np.asarray(np.where(np.abs(sums) > 1e-12, weights / np.where(np.abs(sums) > 1e-12, sums, 1.0), 0.0))


def _temperature(pair: Pair, one: np.ndarray, other: np.ndarray) -> Sentences:
    """What the scores were multiplied by before the softmax, when that alone explains the weights."""
    counted = (one > 1e-12) & (other > 1e-12)
    if ((one > 1e-4) & ~counted).any() or counted.sum() < ENOUGH:
        return {}
    with np.errstate(all="ignore"):
        logs, found = np.where(counted, np.log(one), 0.0), np.where(counted, np.log(other), 0.0)
        number = np.maximum(counted.sum(-1, keepdims=True), 1)
        logs = np.where(counted, logs - logs.sum(-1, keepdims=True) / number, 0.0)
        found = np.where(counted, found - found.sum(-1, keepdims=True) / number, 0.0)
    if np.count_nonzero(np.abs(logs) > 1e-6) < ENOUGH:
        return {}
    scale = factor_of(logs, found)
    if scale is None or abs(scale - 1) < 1e-6 or not pair.fits(_powered(one, scale)):
        return {}
    named = [name for name, value in constants(pair) if pair.fits(_powered(one, value))]
    flat = ["the softmax of the right scores times a factor below 1: weights too flat"]
    sharp = ["the softmax of the right scores times a factor above 1: weights too sharp"]
    rest = (
        flat if 0 <= scale < 1 else sharp if scale > 1 else ["the softmax of the right scores with their sign turned"]
    )
    return said(*(f"the softmax of the right scores times {name}" for name in named), *rest)


def _powered(one: np.ndarray, scale: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        raised = np.where(one > 0, np.exp(scale * np.log(np.where(one > 0, one, 1.0))), 0.0)
        sums = raised.sum(-1, keepdims=True)
        return np.asarray(np.where(sums > 0, raised / np.where(sums > 0, sums, 1.0), 0.0))


def own_factor(pair: Pair) -> Sentences | None:
    """Every slice along an axis times a factor, or plus a constant, of its own."""
    if not _comparable(pair) or pair.one.ndim < 1:
        return None
    one, other = pair.one.astype(np.float64), pair.other.astype(np.float64)
    names = []
    for axes, name in _slices(pair):
        if min(one.shape[axis] for axis in axes) < ENOUGH:
            continue
        square = (one * one).sum(axes, keepdims=True)
        with np.errstate(all="ignore"):
            scale = np.where(square > 0, (one * other).sum(axes, keepdims=True) / square, 0.0)
        if np.abs(scale).min() > 1e-9 and pair.fits(one * scale):
            names.append(f"the right numbers, each {name} times a factor of its own")
        if pair.fits(one + (other - one).mean(axes, keepdims=True)):
            names.append(f"the right numbers, each {name} plus a constant of its own")
    return said(*names)


def _slices(pair: Pair) -> Iterator[tuple[tuple[int, ...], str]]:
    last = pair.one.ndim - 1
    if last >= 1:
        yield (last,), "row"
        yield (last - 1,), "column"
    if last >= 2:
        yield tuple(range(1, last + 1)), "example"


def precision(pair: Pair) -> Sentences | None:
    """Right to fewer digits than asked for."""
    if not _comparable(pair) or pair.one.dtype.kind != "f" or pair.varied < 2:
        return None
    scale = float(np.abs(pair.one).max(initial=0.0))
    gap = float(np.abs(pair.other.astype(np.float64) - pair.one).max(initial=0.0)) / scale if scale > 0 else np.inf
    if gap < 3e-6 and pair.case.dtype == "float64":
        return said(
            "right to about seven digits: something is computed in float32", "almost right: within one in a thousand"
        )
    if gap < 1e-3:
        return said("almost right: within one in a thousand", "almost right: within one in a hundred")
    return said("almost right: within one in a hundred") if gap < 1e-2 else {}


def _comparable(pair: Pair) -> bool:
    return pair.one.shape == pair.other.shape and pair.numeric and pair.one.size > 0


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    shares = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(shares / shares.sum(axis, keepdims=True))


def _short(value: float) -> bool:
    """Whether a factor is a round number, which is no datum of the case."""
    return any(abs(value * whole - round(value * whole)) < 1e-6 for whole in (1, 10)) and 0 < abs(value) <= 1000
