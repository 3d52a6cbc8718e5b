"""What the wrong cases have in common and the right ones have not: sizes, number types, masks, magnitudes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from attnkit.checking.case import Case, TensorValue, argument_name, named_arguments
from attnkit.checking.relations.pair import plain

LARGE = 20.0
FEWEST = 3  # with fewer cases, too much tells them apart


def in_common(wrong: Sequence[Case], right: Sequence[Case]) -> str:
    """A feature that every wrong case has and no right one, in words such as "where T = S"; "" when there is none."""
    if not wrong or not right:
        return ""
    if len(wrong) + len(right) < FEWEST:
        return ""
    cases = [*wrong, *right]
    told = [dict(features(case)) | dict(_of_methods(case, cases)) for case in cases]
    names = dict.fromkeys(name for table in told for name in table)
    for name in names:
        values = [table.get(name) for table in told]
        if all(value is True for value in values[: len(wrong)]) and all(
            value is False for value in values[len(wrong) :]
        ):
            return name
    return _longer(wrong, right) or _larger(wrong, right)


def _longer(wrong: Sequence[Case], right: Sequence[Case]) -> str:
    """A size by which wrong and right cases are told apart."""
    for name in wrong[0].sizes:
        if not all(name in case.sizes for case in [*wrong, *right]):
            continue
        bad, good = [case.sizes[name] for case in wrong], [case.sizes[name] for case in right]
        if min(bad) > max(good):
            return f"for the larger {name}"
        if max(bad) < min(good):
            return f"for the smaller {name}"
    return ""


def _larger(wrong: Sequence[Case], right: Sequence[Case]) -> str:
    """Whether the largest number of every wrong case lies above those of all right ones."""
    bad, good = [_largest(case) for case in wrong], [_largest(case) for case in right]
    return "for the largest numbers" if min(good) > 0 and min(bad) > 2 * max(good) else ""


def _largest(case: Case) -> float:
    floats = [array for _, value in named_arguments(case) if (array := plain(value)) is not None and array.dtype.kind == "f"]
    return max((float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in floats), default=0.0)


def _of_methods(case: Case, cases: Sequence[Case]) -> Iterator[tuple[str, bool]]:
    """Through which method of its class an answer is called, where the cases use several."""
    methods = dict.fromkeys(one.method or "forward" for one in cases)
    for method in methods if len(methods) > 1 else ():
        called = (case.method or "forward") == method
        yield f"in calls of `{method}`", called
        yield f"in all calls but those of `{method}` alone", not called


def features(case: Case) -> Iterator[tuple[str, bool]]:
    """What can be said of a case without its numbers; each feature is True or False of it."""
    yield "in float32", case.dtype == "float32"
    yield "in float64", case.dtype == "float64"
    yield from _of_sizes(case.sizes)
    yield from _of_inputs(case)
    yield "when it is built with other options", bool(case.init_kwargs)
    yield "in training mode", case.training
    yield "when it has been called before with other arguments", bool(case.earlier)
    for name in ("torch", "numpy"):
        yield f"for {'torch tensors' if name == 'torch' else 'NumPy arrays'}", case.framework == name


def _of_sizes(sizes: Mapping[str, int]) -> Iterator[tuple[str, bool]]:
    for name, size in sizes.items():
        yield f"where {name} = 1", size == 1
        yield f"where {name} > 1", size > 1
    for (one, n), (other, m) in combinations(sizes.items(), 2):
        yield f"where {one} = {other}", n == m
        if {one, other} <= {"T", "S", "n"} or one[0] == other[0] == "d":
            yield f"where {one} ≠ {other}", n != m
            yield f"where {one} > {other}", n > m
            yield f"where {one} < {other}", n < m


def _of_inputs(case: Case) -> Iterator[tuple[str, bool]]:
    named = named_arguments(case)
    arrays = [(name, array) for name, value in named if (array := plain(value)) is not None and array.ndim]
    masks = [array for _, array in arrays if array.dtype.kind == "b"]
    yield "with a mask", bool(masks)
    yield "without a mask", not masks
    yield "where a row of the mask allows nothing", any(not mask.any(-1).all() for mask in masks)
    yield "where the mask allows everything", bool(masks) and all(mask.all() for mask in masks)
    yield "where the mask blocks something", any(not mask.all() for mask in masks)
    largest = _largest(case)
    yield "for large numbers", largest > LARGE
    yield "for numbers of ordinary size", 0 < largest <= LARGE
    yield (
        "for integers or lists",
        any(isinstance(value, list) or array.dtype.kind in "iu" for (_, value), array in _arrays(named)),
    )
    for name, array in arrays:
        for count in (1, 2, 3, 4):
            yield f"where {name} has {count} {'axis' if count == 1 else 'axes'}", array.ndim == count
        if array.ndim >= 2:
            yield f"where the last axis of {name} has length 1", array.shape[-1] == 1
            yield f"where the first axis of {name} has length 1", array.shape[0] == 1
        if array.dtype.kind in "iu" and array.size:
            yield f"where {name} holds a 0", bool((array == 0).any())
            yield f"where all of {name} is the same", bool((array == array.flat[0]).all())
        if array.dtype.kind == "f" and array.size:
            yield f"where {name} holds an exact 0", bool((array == 0).any())
            yield f"where {name} holds an infinity", bool(np.isinf(array).any())
    for name, value in named:
        yield f"where {name} is None", value is None
    yield from _of_scalars(
        named + [(f"{argument_name(i, case.init_names)} of the class", value) for i, value in enumerate(case.init or ())]
    )
    for name in case.kwargs:
        yield f"when `{name}` is given", True
    yield "when nothing is given by name", not case.kwargs


def _arrays(named: Sequence[tuple[str, Any]]) -> Iterator[tuple[tuple[str, Any], np.ndarray]]:
    for name, value in named:
        array = plain(value)
        if array is not None and array.ndim and not isinstance(value, TensorValue):
            yield (name, value), array


def _of_scalars(named: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, bool]]:
    for name, value in named:
        if isinstance(value, bool):
            yield f"where {name} is {value}", True
            yield f"where {name} is {not value}", False
        elif isinstance(value, int | float):
            yield f"where {name} is 0", value == 0
            yield f"where {name} is not 0", value != 0
            yield f"where {name} is negative", value < 0
            yield f"where {name} is not negative", value >= 0
            yield f"where {name} is 1", value == 1
            yield f"where {name} is above 1", value > 1
