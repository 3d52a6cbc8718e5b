"""Whether two outcomes of one case are the same behaviour: the evidence on which a mistake is given its name.

Everything that was looked at has to agree: values and their kinds of number, gradients, what was changed, what was called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attnkit.checking.case import BY_ITS_WORDS, Case, Failure, Outcome, TensorValue
from attnkit.checking.compare import VAGUE, Difference, close, slope_along
from attnkit.checking.complaint import complaint

Steps = Sequence[tuple[Case, Outcome, Outcome]]
"""The cases of a test, each with what two answers made of it."""


def same_behaviour(steps: Steps) -> bool:
    """Whether two answers did the same in every case.

    Two errors are the same when their type and text are, sizes aside. One that says the same thing in other words, or with
    which both refuse the call in words of their own, is accepted only beside a case in which both gave a value and the
    values agree: alone, it could have any cause.
    """
    pairs = [_agreement(one, other, case) for case, one, other in steps]
    valued = any(one.failure is None for _, one, _ in steps)
    return all(pair == "same" or (pair == "alike" and valued) for pair in pairs)


def same_verdict(case: Case, one: Difference | None, other: Difference | None) -> bool:
    """Whether the verifier of a drawn case said the same of two answers: of what is random no two give the same numbers."""
    if case.verify not in BY_ITS_WORDS:
        return False
    if one is None or other is None:
        return one is other
    return (one.kind, one.found) == (other.kind, other.found) and not one.found.startswith(VAGUE)


def same_values(steps: Steps) -> bool:
    """Whether two answers gave the same numbers in every case, whatever their number types and all else that is looked at."""
    return same_behaviour(
        [(replace(case, dtype="float32", gradient=False), _bare(one), _bare(other)) for case, one, other in steps]
    )


def _bare(outcome: Outcome) -> Outcome:
    return Outcome(value=_in_float64(outcome.value), failure=outcome.failure)


def _in_float64(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_in_float64(item) for item in value)
    if isinstance(value, TensorValue):
        value = value.data
    if isinstance(value, bool | int | float | np.ndarray) and np.asarray(value).dtype.kind in "biuf":
        return np.asarray(value, dtype=np.float64)
    return value


def stored(outcome: Outcome) -> Outcome:
    """An outcome with no more in it than `same_behaviour` needs: gradients as slopes, and no line of code."""
    failure = replace(outcome.failure, line="") if outcome.failure else None
    return replace(
        outcome,
        failure=failure,
        gradients={path: _slope(gradient) for path, gradient in outcome.gradients.items()},
        callback_calls=(),
        earlier=(),
        callback_gradients=tuple(_slope(gradient) for gradient in outcome.callback_gradients),
        lines=None,
        held=None,
    )


def _agreement(one: Outcome, other: Outcome, case: Case) -> str:
    """How far two outcomes agree: "same", "alike" for errors of the same kind in other words, or "".

    Of a call that is to be refused it counts alone whether it was, and by which error.
    """
    if case.raises:
        return "same" if _error(one) == _error(other) else ""
    if one.failure is not None or other.failure is not None:
        return _same_failure(one.failure, other.failure)
    same = (
        one.called == other.called
        and one.mutated == other.mutated
        and number_types(one.value) == number_types(other.value)
        and (not case.gradient or _same_gradients(one, other, case))
        and close(one.value, other.value, case)
    )
    return "same" if same else ""


def _error(outcome: Outcome) -> tuple[str, str]:
    return (outcome.failure.kind, outcome.failure.type) if outcome.failure else ("", "")


def _same_failure(one: Failure | None, other: Failure | None) -> str:
    if one is None or other is None or (one.kind, one.type) != (other.kind, other.type):
        return ""
    if _without_numbers(one.message) == _without_numbers(other.message):
        return "same"
    kinds = complaint(one.message), complaint(other.message)
    refused = one.type == "ValueError" and kinds == ("", "") and "unpack" not in one.message + other.message
    return "alike" if refused or (kinds[0] and kinds[0] == kinds[1]) else ""


def _without_numbers(message: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", message)


def number_types(value: Any) -> list[str]:
    """The kinds of everything in a value, such as `tensor float32`, in order."""
    if isinstance(value, tuple | list):
        return [name for item in value for name in number_types(item)]
    if isinstance(value, Mapping):
        return [name for item in value.values() for name in number_types(item)]
    if isinstance(value, TensorValue):
        return [f"tensor {value.dtype}"]
    return [f"array {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__]


def _same_gradients(one: Outcome, other: Outcome, case: Case) -> bool:
    if one.gradients.keys() != other.gradients.keys():
        return False
    if len(one.callback_gradients) != len(other.callback_gradients):
        return False
    pairs = [(one.gradients[path], other.gradients[path]) for path in one.gradients]
    pairs += list(zip(one.callback_gradients, other.callback_gradients, strict=True))
    return all(_close_gradients(first, second, case) for first, second in pairs)


def _close_gradients(one: np.ndarray | None, other: np.ndarray | None, case: Case) -> bool:
    """Where one of the two is stored as its slope, the slopes are compared."""
    if one is not None and other is not None and one.shape != other.shape:
        one, other = _slope(one), _slope(other)
    return close(one, other, case)


def _slope(gradient: np.ndarray | None) -> np.ndarray | None:
    return None if gradient is None else np.asarray(slope_along(gradient) if gradient.ndim else gradient)
