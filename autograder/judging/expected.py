"""Right answers from the references: values in float64, and slopes of the outputs by central differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from attnkit.checking.case import Case, TensorValue
from attnkit.checking.compare import Expected, direction
from attnkit.checking.execute import cotangent
from autograder.judging.declare import Exercise

STEP = 1e-5


def expected_answer(exercise: Exercise, case: Case) -> Expected:
    """What `case` must give: the reference's value, and for a differentiated case its slope along every input."""
    if case.raises:
        return Expected(None)
    value = _evaluate(exercise, case, {})
    if not case.gradient:
        return Expected(value)
    return Expected(value, {path: _slope(exercise, case, path, array) for path, array in floating_inputs(case).items()})


def floating_inputs(case: Case) -> dict[str, np.ndarray]:
    """The arrays that a differentiated case asks gradients for, by path, in float64 as the learner's function sees them."""
    found: dict[str, np.ndarray] = {}
    for i, value in enumerate(case.args):
        found |= _floats(f"args.{i}", value)
    for name, value in case.kwargs.items():
        found |= _floats(f"kwargs.{name}", value)
    for name, value in (case.state or {}).items():
        found |= _floats(f"state.{name}", value)
    return {path: array.astype(case.dtype).astype(np.float64) for path, array in found.items()}


def _floats(path: str, value: Any) -> dict[str, np.ndarray]:
    if isinstance(value, np.ndarray):
        return {path: value} if value.dtype.kind == "f" else {}
    if isinstance(value, tuple | list):
        return {key: array for i, item in enumerate(value) for key, array in _floats(f"{path}.{i}", item).items()}
    if isinstance(value, Mapping):
        return {key: array for name, item in value.items() for key, array in _floats(f"{path}.{name}", item).items()}
    return {}


def _evaluate(exercise: Exercise, case: Case, replaced: Mapping[str, np.ndarray]) -> Any:
    """Call the reference on the case's inputs, some of them replaced."""
    reference: Callable[..., Any] = exercise.reference
    if isinstance(reference, Mapping):
        reference = reference[case.function or exercise.names[0]]
    if case.value:
        return reference()
    args = [_as_float64(f"args.{i}", value, case, replaced) for i, value in enumerate(case.args)]
    kwargs = {name: _as_float64(f"kwargs.{name}", value, case, replaced) for name, value in case.kwargs.items()}
    if case.init is None:
        return reference(*args, **kwargs)
    state = {name: _as_float64(f"state.{name}", value, case, replaced) for name, value in (case.state or {}).items()}
    if case.method:
        return reference(state, case.init, *args, method=case.method, **case.init_kwargs, **kwargs)
    return reference(state, case.init, *args, **case.init_kwargs, **kwargs)


def _as_float64(path: str, value: Any, case: Case, replaced: Mapping[str, np.ndarray]) -> Any:
    if path in replaced:
        return replaced[path]
    if isinstance(value, TensorValue):
        return value.data.astype(np.float64) if value.data.dtype.kind == "f" else value.data.copy()
    if isinstance(value, np.ndarray):
        return value.astype(case.dtype).astype(np.float64) if value.dtype.kind == "f" else value.copy()
    if isinstance(value, tuple | list):
        return type(value)(_as_float64(f"{path}.{i}", item, case, replaced) for i, item in enumerate(value))
    if isinstance(value, Mapping):
        return {name: _as_float64(f"{path}.{name}", item, case, replaced) for name, item in value.items()}
    return value


def _slope(exercise: Exercise, case: Case, path: str, array: np.ndarray) -> float:
    """The derivative of the weighted sum of all floating outputs along `direction`, at one input."""
    step = STEP * direction(array.shape)
    above = _weighted_sum(_evaluate(exercise, case, {path: array + step}), case)
    below = _weighted_sum(_evaluate(exercise, case, {path: array - step}), case)
    return (above - below) / (2 * STEP)


def _weighted_sum(value: Any, case: Case) -> float:
    outputs = value if isinstance(value, tuple | list) else (value,)
    total = 0.0
    for index, output in enumerate(outputs):
        if isinstance(output, tuple | list):
            continue  # as in `execute`: what is nested, such as a cache, is compared and not differentiated
        array = np.asarray(output)
        if array.dtype.kind == "f":
            total += float((cotangent(array.shape, index, case.counts) * array).sum())
    return total
