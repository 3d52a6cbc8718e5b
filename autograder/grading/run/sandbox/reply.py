"""Check that what a worker sent has the form it claims: plain data comes in, only the right plain data goes on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from attnkit.checking import codec
from attnkit.checking.case import Case, Failure, Outcome, TensorValue
from autograder.grading.run.sandbox.inside.wire import BodyError

FAILURES = frozenset(("raised", "unfinished", "missing", "state", "refused"))
DTYPES = codec.DTYPES | {"bfloat16"}
MAX_TEXT = 1_000
_PATH = re.compile(r"(args|kwargs|state)\.[\w.]{1,80}")


def checked_outcome(outcome: Any, case: Case) -> Outcome:
    """An outcome of `case` with nothing in it but what `execute` makes; raises BodyError."""
    if not isinstance(outcome, Outcome):
        raise BodyError("not an outcome")
    lines = outcome.lines
    if lines is not None and (type(lines) is not int or not 0 <= lines < 2**53):
        raise BodyError("not a count of lines")
    return Outcome(
        value=checked_value(outcome.value),
        failure=checked_failure(outcome.failure),
        gradients={_path(path): _gradient(array) for path, array in _mapping(outcome.gradients).items()},
        callback_gradients=tuple(_gradient(array) for array in _tuple(outcome.callback_gradients)),
        mutated=tuple(_path(path) for path in _tuple(outcome.mutated)),
        lines=lines if case.count_lines else None,
        called=tuple(_one_of(name, case.watch) for name in _tuple(outcome.called)),
    )


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


def _gradient(array: Any) -> np.ndarray | None:
    if array is None:
        return None
    if type(array) is not np.ndarray or array.dtype != np.float64:
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


def _path(path: Any) -> str:
    if type(path) is not str or not _PATH.fullmatch(path):
        raise BodyError("not the path of an argument")
    return path


def _one_of(name: Any, names: Any) -> str:
    if type(name) is not str or name not in names:
        raise BodyError("not a known name")
    return name


def _text(text: Any, longest: int = MAX_TEXT) -> str:
    """The text, cut, without halves of characters that no file could hold."""
    if type(text) is not str:
        raise BodyError("not a text")
    return text[:longest].encode("utf-8", "replace").decode("utf-8")
