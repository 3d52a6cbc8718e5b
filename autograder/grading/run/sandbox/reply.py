"""Check that what a worker sent has the form it claims: plain data comes in, only the right plain data goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from attnkit.checking import codec
from attnkit.checking.case import LEFT, Case, Failure, Outcome, TensorValue
from autograder.grading.run.sandbox.inside.wire import BodyError

FAILURES = frozenset(("raised", "unfinished", "missing", "state", "refused"))
DTYPES = codec.DTYPES | {"bfloat16"}
MAX_TEXT = 1_000


def checked_outcome(outcome: Any, case: Case) -> Outcome:
    """An outcome of `case` with nothing in it but what `execute` makes; raises BodyError."""
    if not isinstance(outcome, Outcome):
        raise BodyError("not an outcome")
    lines = _count(outcome.lines, "lines")
    held = _count(outcome.held, "bytes")
    failure = checked_failure(outcome.failure)
    if case.count_lines and failure is None and lines is None:
        raise BodyError("no count of lines")
    if case.count_held and failure is None and held is None:
        raise BodyError("no count of bytes")
    inputs = dict(_inputs(case))
    changed = [_one_of(path, inputs) for path in _tuple(outcome.mutated)]
    gradients = _mapping(outcome.gradients)
    return Outcome(
        value=checked_value(outcome.value),
        failure=failure,
        gradients={_one_of(path, inputs): _gradient(array, inputs[path]) for path, array in gradients.items()},
        callback_gradients=tuple(_gradient(array) for array in _tuple(outcome.callback_gradients)),
        earlier=tuple(checked_value(value) for value in _tuple(outcome.earlier)[: len(case.earlier)]),
        mutated=tuple(path for path in inputs if path in changed),
        lines=lines if case.count_lines else None,
        held=held if case.count_held else None,
        called=tuple(_one_of(name, (*case.watch, LEFT)) for name in _tuple(outcome.called)[: len(case.watch) + 1]),
    )


def _count(number: Any, what: str) -> int | None:
    if number is not None and (type(number) is not int or not 0 <= number < 2**53):
        raise BodyError(f"not a count of {what}")
    return number


def checked_failure(failure: Any) -> Failure | None:
    """A failure that a worker may report, its texts short and printable; raises BodyError."""
    if failure is None:
        return None
    if not isinstance(failure, Failure):
        raise BodyError("not a failure")
    kind = _one_of(failure.kind, FAILURES)
    return Failure(kind, _text(failure.type, 100), _text(failure.message), _text(failure.line))


def checked_value(value: Any) -> Any:
    """Numbers, texts and arrays in tuples, lists and dicts; raises BodyError for anything else."""
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        return _text(value)
    if type(value) is np.ndarray:
        return value
    if isinstance(value, TensorValue):
        if type(value.data) is not np.ndarray:
            raise BodyError("not a tensor")
        return TensorValue(value.data, _one_of(value.dtype, DTYPES))
    if type(value) in (tuple, list):
        return type(value)(checked_value(item) for item in value)
    if type(value) is dict:
        return {_text(key): checked_value(item) for key, item in value.items()}
    if isinstance(value, Failure):
        return checked_failure(value)
    raise BodyError("not a value")


def _inputs(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Every array that a case hands over, by its path: what can be changed, and what can have a gradient."""
    for i, value in enumerate(case.args):
        yield from _arrays(f"args.{i}", value)
    for name, value in case.kwargs.items():
        yield from _arrays(f"kwargs.{name}", value)
    for name, value in (case.state or {}).items():
        yield from _arrays(f"state.{name}", value)


def _arrays(path: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, tuple | list):
        for i, item in enumerate(value):
            yield from _arrays(f"{path}.{i}", item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _arrays(f"{path}.{name}", item)


def _gradient(array: Any, of: np.ndarray | None = None) -> np.ndarray | None:
    if array is None:
        return None
    if type(array) is not np.ndarray or array.dtype != np.float64 or (of is not None and array.shape != of.shape):
        raise BodyError("not a gradient")
    return array


def _mapping(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise BodyError("not a mapping")
    return value


def _tuple(value: Any) -> tuple[Any, ...]:
    if type(value) is not tuple:
        raise BodyError("not a tuple")
    return value


def _one_of(name: Any, names: Any) -> str:
    if type(name) is not str or name not in names:
        raise BodyError("not a known name")
    return name


def _text(text: Any, longest: int = MAX_TEXT) -> str:
    """The text, cut, without halves of characters that no file could hold."""
    if type(text) is not str:
        raise BodyError("not a text")
    return text[:longest].encode("utf-8", "replace").decode("utf-8")
