"""Find the first difference between what an exercise asks for and what the learner's function gave.

The order is the order in which a learner should mend things: it ran, it is the right kind of object, the right
shape, finite, the right numbers, differentiable, and it left its inputs alone.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attnkit.checking.case import LEFT, Case, Failure, Outcome, Seed, TensorValue, argument_name, bounded
from attnkit.checking.complaint import complaint
from attnkit.checking.spread import RIGHT, ways_by_likelihood

RELATIVE = {"float32": 2e-4, "float64": 1e-6}
HELD_SLACK = 2_000  # bytes; the counted cases differ by twice as much in the scores alone
LINES_SLACK = 15  # a loop runs at least one line more per position; the counted cases are 20 positions apart or more
NUMBER_TYPES = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
ABSOLUTE = {"float32": 2e-5, "float64": 1e-8}
_SINGULAR = ("bias", "loss", "axis", "basis", "class")  # end in s and are one thing
VAGUE = "other numbers"  # says no more than that something is wrong
ERRORS = frozenset(  # the errors that a message may name
    """AssertionError AttributeError FloatingPointError ImportError IndexError KeyError MemoryError ModuleNotFoundError
    NameError NotImplementedError OverflowError PermissionError RecursionError RuntimeError SyntaxError SystemExit
    TypeError UnboundLocalError ValueError ZeroDivisionError""".split()
)


@dataclass(frozen=True)
class Output:
    """What one returned value is called, the names of its axes (`...` stands for any) and the properties it has.

    `dtype` is "same" when the floating width of the inputs must be kept, a name when fixed, "python" for a plain
    Python number, "whole" for an integer of any kind, or "" when free. `parts` are the values inside it, where it is a tuple.
    """

    name: str = "result"
    axes: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    dtype: str = "same"
    parts: tuple[Output, ...] = ()


@dataclass(frozen=True)
class Expected:
    """The right answer of one case: `value` in float64 NumPy, scalars and tuples; `slopes` per differentiated path.

    A slope is the derivative of the weighted sum of all outputs (see `execute.cotangent`) along `direction(shape)`.
    """

    value: Any
    slopes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """The first thing that is wrong. `expected` and `found` hold no data of the case.

    `numbers` (what was found) and `right` (what was expected) may, and are for public checks only. `mistake` names the
    known mistake where a verifier tells it by itself, as of draws that no two answers make alike.
    """

    kind: str
    problem: str
    expected: str
    found: str
    numbers: str = ""
    right: str = ""
    mistake: str = ""


def direction(shape: tuple[int, ...]) -> np.ndarray:
    """The fixed direction (shape) along which gradients are compared."""
    return np.sin(0.5 + 1.3 * np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape)


def slope_along(gradient: np.ndarray) -> float:
    """The slope that a gradient has along the fixed direction."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float((gradient * direction(gradient.shape)).sum())


def compare(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """The first difference of `outcome` from `expected`, or None when the answer is right."""
    if case.raises:
        return _compare_error(case, outcome)
    if outcome.failure is not None:
        return _described(outcome.failure, case)
    if case.verify:
        return VERIFIERS[case.verify](expected, outcome, case, outputs)
    difference = _compare_values(_counted(expected.value, case), _counted(outcome.value, case), case, outputs)
    if difference is not None:
        return difference
    if case.gradient:
        difference = _compare_gradients(expected.slopes, outcome, case)
        if difference is not None:
            return difference
    return _mutation(outcome, case)


def first_of(differences: Iterable[Difference | None]) -> Difference | None:
    """The first difference; one in which a verifier names the mistake comes before all others."""
    found = [difference for difference in differences if difference is not None]
    return next((difference for difference in found if difference.mistake), found[0] if found else None)


def _mutation(outcome: Outcome, case: Case) -> Difference | None:
    if not outcome.mutated:
        return None
    return Difference(
        "mutated",
        "an input was changed",
        "the function leaves its arguments as they were",
        f"{argument_at(outcome.mutated[0], case)} is different after the call",
    )


def close(expected: Any, found: Any, case: Case) -> bool:
    """Whether two plain values agree in structure, shape and the numbers that count, within the case's tolerance."""
    return _close(_counted(expected, case), _counted(found, case), case)


def _counted(value: Any, case: Case) -> Any:
    """Several results with 0 wherever the case says that a number does not count."""
    if not case.counts or not isinstance(value, tuple | list) or len(value) != len(case.counts):
        return value
    return tuple(_kept(result, counts) for result, counts in zip(value, case.counts, strict=True))


def _kept(result: Any, counts: np.ndarray | None) -> Any:
    if isinstance(result, TensorValue):
        return TensorValue(_kept(result.data, counts), result.dtype)
    if counts is None or not isinstance(result, np.ndarray) or result.shape != counts.shape:
        return result
    return np.where(counts, result, np.zeros((), dtype=result.dtype))


def _close(expected: Any, found: Any, case: Case) -> bool:
    if isinstance(expected, tuple | list):
        return (
            isinstance(found, tuple | list)
            and len(expected) == len(found)
            and all(_close(one, other, case) for one, other in zip(expected, found, strict=True))
        )
    if isinstance(expected, Mapping):
        return (
            isinstance(found, Mapping)
            and expected.keys() == found.keys()
            and all(_close(expected[key], found[key], case) for key in expected)
        )
    if any(value is None or isinstance(value, str | Failure) for value in (expected, found)):
        return type(expected) is type(found) and bool(expected == found)
    one, other = _array(expected), _array(found)
    if one is None or other is None or one.shape != other.shape:
        return False
    return not differing(one, other, case).any()


def compare_watched(steps: Sequence[tuple[Case, Outcome]]) -> Difference | None:
    """What was watched over all cases of a test: no forbidden call, no more steps and no more memory for longer inputs."""
    for _, outcome in steps:
        if outcome.called[:1] == (LEFT,):
            return Difference(
                "forbidden",
                "a part of it cannot be watched",
                "one thread, and Python's tracing and torch's functions left as they are",
                "work that the check could not see",
            )
        if outcome.called:
            name = outcome.called[0]
            return Difference("forbidden", "a shortcut is used", f"written without {name}", f"{name} is called")
    counted = [outcome.lines for case, outcome in steps if case.count_lines and outcome.lines is not None]
    if len(counted) > 1 and max(counted) - min(counted) > LINES_SLACK:
        return Difference(
            "loops",
            "it loops in Python",
            "the same few lines run however long the sequences are",
            "more lines run for longer sequences",
        )
    held = [outcome.held for case, outcome in steps if case.count_held and outcome.held is not None]
    if len(held) > 1 and max(held) - min(held) > HELD_SLACK:
        return Difference(
            "held",
            "it holds too many numbers at once",
            "as many numbers at once for a long sequence as for a short one",
            "more of them, the longer the sequence is",
            f"at most {min(held) // 8} numbers at once for the shortest and {max(held) // 8} for the longest",
        )
    return None


def _compare_error(case: Case, outcome: Outcome) -> Difference | None:
    failure = outcome.failure
    if failure is not None and failure.kind == "raised" and failure.type == case.raises:
        return None
    if failure is not None and failure.kind != "raised":
        return _describe_failure(failure)
    wanted = f"{_a(case.raises or '')} is raised"
    if failure is None:
        return Difference("error", "what cannot work is not refused", wanted, "no error")
    return Difference("error", "what cannot work is refused by another error", wanted, _error_name(failure.type))


def _described(failure: Failure, case: Case) -> Difference:
    difference = _describe_failure(failure)
    return (
        replace(difference, found=_state_text(case.state or {}, failure.line))
        if failure.kind == "state"
        else difference
    )


def _describe_failure(failure: Failure) -> Difference:
    kind = failure.kind
    if kind == "unfinished":
        blank = re.match(r"Exercise [1-6]\.[1-9]\d?(?!\d)", failure.message)
        where = f"the blank of {blank[0][0].lower()}{blank[0][1:]}" if blank else "the blank"
        return Difference(kind, "not written yet", "your code in place of the blank", f"{where} is still there")
    if kind == "missing":
        return Difference(
            kind,
            "it is not there",
            "a definition under the name the exercise gives",
            "no such function in the notebook: was its cell run, and is it spelled as in the stub?",
        )
    if kind == "state":
        return Difference(
            kind,
            "the weights cannot be loaded",
            "the parameter names and shapes in the stub",
            "other names or shapes",
            failure.message,
        )
    if kind == "timeout":
        return Difference(kind, "it takes too long", "an answer within the time limit", "no answer in time")
    if kind == "died":
        return Difference(kind, "the process ended", "the function returns", "it ended the whole process")
    where = f" at `{failure.line}`" if failure.line else ""
    says = complaint(failure.message)
    return Difference(
        "raised",
        "it raises an error",
        "the function returns a value",
        _error_name(failure.type) + (f": {says}" if says else ""),
        f"{failure.type}: {failure.message}{where}",
    )


def _state_text(wanted: Mapping[str, np.ndarray], found: str) -> str:
    """What is wrong with a module's parameters, in names that the exercise states or that follow from them."""
    try:
        shapes = dict(json.loads(found))
    except (ValueError, TypeError, RecursionError):
        return "other names or shapes"
    missing = [name for name in wanted if name not in shapes]
    biases = [name for name in _biases_of(wanted) if name in shapes]
    parts = [f"no {', '.join(missing)}"] if missing else []
    parts += [f"{', '.join(biases)} as well"] if biases else []
    parts += ["other names"] if set(shapes) - set(wanted) - set(biases) else []
    for name, array in wanted.items():
        shape = shapes.get(name, list(array.shape))
        if shape != list(array.shape) and isinstance(shape, list) and all(type(size) is int for size in shape):
            text = "turned round" if shape == list(array.shape)[::-1] else "in another shape"
            parts.append(f"{name} {text} (it must be {tuple(array.shape)})")
    return "; ".join(parts) or "other names or shapes"


def _biases_of(wanted: Mapping[str, np.ndarray]) -> list[str]:
    names = [name.removesuffix("weight") + "bias" for name in wanted if name.endswith("weight")]
    return [name for name in names if name not in wanted]


def _axis_count(number: int) -> str:
    return "1 axis" if number == 1 else f"{number} axes"


def _compare_values(expected: Any, found: Any, case: Case, outputs: Sequence[Output]) -> Difference | None:
    if not isinstance(expected, tuple):
        return _compare_one(expected, found, case, outputs[0] if outputs else Output())
    if not isinstance(found, tuple | list) or len(found) != len(expected):
        names = ", ".join(output.name for output in outputs)
        several = isinstance(found, tuple | list)
        return Difference(
            "structure",
            "it returns something else",
            f"{len(expected)} values: {names}",
            "another number of values" if several else f"one {_kind(found)}",
            f"{len(found)} values" if several else "",
        )
    differences = [
        difference
        for i, (one, other) in enumerate(zip(expected, found, strict=True))
        if (difference := _compare_one(one, other, case, outputs[i] if i < len(outputs) else Output(f"value {i}")))
    ]
    telling = [difference for difference in differences if difference.kind == "property"]
    first = differences[0] if differences else None
    return telling[0] if first is not None and first.kind == "values" and telling else first


def _compare_one(expected: Any, found: Any, case: Case, output: Output) -> Difference | None:
    wrong = f"the {output.name} {'are' if _plural(output.name) else 'is'} wrong"
    if isinstance(found, Failure):
        if found.kind == "unfinished":
            return _describe_failure(found)
        return Difference("type", wrong, _kind_wanted(expected, case), "another kind of object", _a(found.type))
    if isinstance(expected, tuple) and isinstance(found, tuple | list) and len(expected) == len(found):
        numbered = [Output(f"{output.name}, part {i + 1},", dtype=output.dtype) for i in range(len(expected))]
        parts = output.parts if len(output.parts) == len(expected) else numbered
        differences = (
            _compare_one(one, other, case, part) for one, other, part in zip(expected, found, parts, strict=True)
        )
        return next((difference for difference in differences if difference), None)
    if isinstance(expected, tuple | list | Mapping) or expected is None or isinstance(expected, str):
        if close(expected, found, case):
            return None
        if _kind(expected) == _kind(found):
            kind = _kind(found)
            return Difference("values", wrong, f"the right {kind}", f"another {kind}", f"{found}", f"{expected}")
        return Difference("values", wrong, _a(_kind(expected)), _a(_kind(found)), f"{found}", f"{expected}")
    one, other = _array(expected), _array(found)
    if other is None:
        return Difference("type", wrong, _kind_wanted(expected, case), _a(_kind(found)))
    assert one is not None
    if one.ndim and not _right_kind(found, case):
        return Difference("type", wrong, _kind_wanted(expected, case), _a(_kind(found)))
    if one.shape != other.shape:
        right_shape, wrong_shape = _shape_texts(one.shape, other.shape, case, output.axes)
        return Difference(
            "shape",
            f"the {output.name} {'have' if _plural(output.name) else 'has'} the wrong shape",
            right_shape,
            wrong_shape,
            f"{other.shape}; {one.shape} for these inputs",
        )
    return _dtype_difference(one, other, found, case, output) or _number_difference(one, other, case, output, wrong)


def _dtype_difference(one: np.ndarray, other: np.ndarray, found: Any, case: Case, output: Output) -> Difference | None:
    wanted = output.dtype
    if wanted == "python" and not isinstance(found, int | float):
        return Difference("type", f"the {output.name} is of the wrong kind", "a Python number", _a(_kind(found)))
    if wanted == "whole":
        whole = other.dtype.kind in "iu" or (
            not isinstance(found, float | complex) and other.dtype.kind != "c" and abs(float(other)) >= 2**62
        )
        kind = "type", f"the {output.name} is of the wrong kind"
        return None if whole else Difference(*kind, "a whole number (int)", "a number that is not an int")
    if case.value or (not one.ndim and not isinstance(found, TensorValue)):
        return None
    if wanted == "same":
        wanted = case.dtype if one.dtype.kind == "f" else one.dtype.name
    have = found.dtype if isinstance(found, TensorValue) else other.dtype.name
    if not wanted or have == wanted or (wanted == "int64" and have in ("int32", "int64")):
        return None
    known = have if have in NUMBER_TYPES else "another number type"
    return Difference(
        "dtype",
        f"the {output.name} changed {'their' if _plural(output.name) else 'its'} number type",
        wanted,
        known,
    )


def _number_difference(one: np.ndarray, other: np.ndarray, case: Case, output: Output, wrong: str) -> Difference | None:
    mask = differing(one, other, case)
    if not mask.any():
        return None
    if one.dtype.kind == "f" and np.isfinite(one).all() and not np.isfinite(other).all():
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(other))[0])
        return Difference("finite", wrong, "only finite numbers", "NaN or infinity", f"{other[bad]} at index {bad}")
    for name in output.properties:
        difference = PROPERTIES[name](other, wrong)
        if difference is not None:
            return difference
    bad = tuple(int(i) for i in np.argwhere(mask)[0])
    place = f"at index {bad}: " if bad else ""
    right_number, wrong_number = _numbers(one[bad], other[bad])
    return Difference(
        "values",
        wrong,
        "the numbers that the definition gives",
        "other numbers",
        wrong_number + (f" ({int(mask.sum())} of {mask.size} numbers differ)" if mask.size > 1 else ""),
        f"{place}{right_number}",
    )


def _compare_gradients(slopes: Mapping[str, float], outcome: Outcome, case: Case) -> Difference | None:
    problem = "the gradient is wrong"
    if outcome.callback_calls and not any(gradient is not None for gradient in outcome.callback_gradients):
        reason = "none reaches it: was it detached, or made under no_grad?"
        return Difference("gradient", "no gradient arrives", "the model's answer receives a gradient", reason)
    for path, slope in slopes.items():
        gradient = outcome.gradients.get(path)
        where = argument_at(path, case)
        if gradient is None:
            return _no_gradient(where)
        if not np.isfinite(gradient).all():
            return Difference("gradient", problem, f"a finite gradient at {where}", "NaN or infinity")
        found = slope_along(gradient)
        scale = max(1.0, abs(slope))  # of the right answer alone: what was found must not widen its own tolerance
        if not abs(found - slope) <= (2e-3 if case.dtype == "float32" else 2e-5) * scale:
            return Difference("gradient", problem, f"the derivative of the definition at {where}", "another derivative")
    return None


def _no_gradient(where: str) -> Difference:
    return Difference(
        "gradient", "no gradient arrives", f"{where} receives a gradient", f"none reaches {where}: was it detached?"
    )


def differing(one: np.ndarray, other: np.ndarray, case: Case) -> np.ndarray:
    """Where the numbers differ by more than the tolerance; equal infinities agree."""
    if one.dtype.kind in "biu" and other.dtype.kind in "biu":
        return np.asarray(one != other)
    wide = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
    one, other = one.astype(wide, copy=False), other.astype(wide, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):
        finite, size = np.isfinite(one), np.abs(one)
        scale = float(size.max(initial=0.0, where=finite))
        absolute = case.tolerance or ABSOLUTE.get(case.dtype, 1e-8) * max(1.0, scale)
        near = np.abs(one - other) <= absolute + RELATIVE.get(case.dtype, 1e-6) * size
        if finite.all():
            return np.asarray(~near)
        near &= finite  # infinity is near to infinity alone
    return np.asarray(~(near | (one == other) | (np.isnan(one) & np.isnan(other))))


def _array(value: Any) -> np.ndarray | None:
    if isinstance(value, TensorValue):
        value = value.data
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    if isinstance(value, bool | int | float):
        return np.asarray(bounded(value), dtype=None if abs(value) < 2**62 else np.float64)
    if isinstance(value, list | tuple):
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):
            return None
        return array if array.dtype.kind in "biuf" else None
    return None


def _right_kind(found: Any, case: Case) -> bool:
    return isinstance(found, TensorValue if case.framework == "torch" else np.ndarray) or case.value


def _kind_wanted(expected: Any, case: Case) -> str:
    array = _array(expected)
    if array is None or not array.ndim:
        return "a number"
    return "a torch tensor" if case.framework == "torch" else "a NumPy array"


def _kind(value: Any) -> str:
    if isinstance(value, TensorValue):
        return "torch tensor"
    if isinstance(value, np.ndarray):
        return "NumPy array"
    return "None" if value is None else type(value).__name__


def _a(name: str) -> str:
    return name if name == "None" else f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def _shape_text(shape: tuple[int, ...], case: Case, axes: tuple[str, ...] = ()) -> str:
    """The shape in the names of its axes where they are known, and in numbers."""
    if axes and ("..." in axes or len(axes) == len(shape)):
        return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    return f"({', '.join(_axis_names(shape, case))}{',' if len(shape) == 1 else ''})"


def _shape_texts(
    right: tuple[int, ...], wrong: tuple[int, ...], case: Case, axes: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Both shapes in the names of their axes, never the same text: an axis of the right length bears its right name."""
    wanted = _shape_text(right, case, axes)
    names = axes if len(axes) == len(right) and "..." not in axes else _axis_names(right, case)
    more = len(wrong) - len(right)
    if not _one_step(right, wrong):
        return wanted, "more axes" if more > 0 else "fewer axes" if more < 0 else "other lengths of the axes"
    if more:
        found = _shape_text(wrong, case)
        return wanted, found if found != wanted else f"{_axis_count(len(wrong))}, not {len(right)}"
    known = {size: name for name, size in case.sizes.items() if list(case.sizes.values()).count(size) == 1 and size > 1}
    parts = [
        name if one == other else "1" if other == 1 else known.get(other, f"not {name}" if name != "?" else "another")
        for name, one, other in zip(names, right, wrong, strict=True)
    ]
    found = f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    return wanted, found if found != wanted else "another length along an axis"


def _one_step(right: tuple[int, ...], wrong: tuple[int, ...]) -> bool:
    """Whether a wrong shape is the right one with its axes in another order, one length changed, or one axis more or less.

    Only such a shape is spelled out: any other could carry a number that the learner's code chose.
    """
    if len(wrong) == len(right):
        changed = sum(one != other for one, other in zip(right, wrong, strict=True))
        return changed == 1 or sorted(wrong) == sorted(right)
    longer, shorter = (wrong, right) if len(wrong) > len(right) else (right, wrong)
    if len(longer) != len(shorter) + 1:
        return False
    left_out = [axis for axis in range(len(longer)) if longer[:axis] + longer[axis + 1 :] == shorter]
    return any(longer is right or wrong[axis] == 1 for axis in left_out)


def _axis_names(shape: tuple[int, ...], case: Case) -> tuple[str, ...]:
    names = {size: name for name, size in reversed(list(case.sizes.items())) if size > 1}
    return tuple(names.get(size, "?") for size in shape)


def _plural(name: str) -> bool:
    head = name.split(",")[0].split(" of ")[0].split()
    last = head[-1] if head else ""
    return last.endswith("s") and not last.endswith(_SINGULAR)


def _error_name(name: str) -> str:
    """The name of an error that learners meet; any other could be a word that the learner's code chose."""
    return _a(name) if name in ERRORS else "an error"


def argument_at(path: str, case: Case) -> str:
    """The argument that a path leads into, by its name in the stub: nothing below it is named."""
    kind, _, rest = path.partition(".")
    first = rest.partition(".")[0]
    if kind == "args" and first.isdigit():
        return argument_name(int(first), case.names)
    return f"`{first if kind == 'kwargs' else rest or kind}`"


def _numbers(one: Any, other: Any) -> tuple[str, str]:
    """Both numbers, in as many digits as it takes to tell them apart."""
    for digits in range(4, 18):
        texts = [f"{value:.{digits}g}" if np.asarray(value).dtype.kind == "f" else str(value) for value in (one, other)]
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]


# Properties that an output keeps whatever its exact numbers are; each says in what way it does not hold.


def _rows_sum_to_one(array: np.ndarray, wrong: str) -> Difference | None:
    sums = array.sum(axis=-1)
    bad = np.argwhere((np.abs(sums - 1.0) > 0.015) & (np.abs(sums) > 1e-12))
    if not len(bad):
        return None
    row = tuple(int(i) for i in bad[0])
    return Difference(
        "property",
        wrong,
        "every row sums to 1 over the keys (axis -1)",
        "a row that does not sum to 1",
        f"row {row[0] if len(row) == 1 else row} sums to {sums[row]:.3g}" if row else f"it sums to {float(sums):.3g}",
    )


def _not_negative(array: np.ndarray, wrong: str) -> Difference | None:
    if (array >= -1e-12).all():
        return None
    return Difference(
        "property", wrong, "no weight is below 0", "a negative weight", f"the smallest is {array.min():.3g}"
    )


def _no_look_ahead(array: np.ndarray, wrong: str) -> Difference | None:
    rows, columns = array.shape[-2:]
    ahead = np.abs(array) * np.triu(np.ones((rows, columns)), k=1 + columns - rows)
    if not (ahead > 1e-12).any():
        return None
    return Difference("property", wrong, "no position looks at a later one", "weight on a later position")


PROPERTIES: dict[str, Callable[[np.ndarray, str], Difference | None]] = {
    "rows sum to 1": _rows_sum_to_one,
    "not negative": _not_negative,
    "no look-ahead": _no_look_ahead,
}


# Verifiers decide where more than one answer is right, or where the right numbers must not be shipped.


def _peaks_at(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """The query (d,) must leave all keys but row `target` of K (S, d) less than a hundredth of the weight."""
    keys, target = np.asarray(case.args[0], dtype=np.float64), int(case.args[1])
    query = _array(outcome.value)
    if query is None or query.shape != keys.shape[1:]:
        found = _kind(outcome.value) if query is None else _shape_texts(keys.shape[1:], query.shape, case)[1]
        return Difference("shape", "the query has the wrong shape", "one query (d_k,)", found)
    scores = keys @ query.astype(np.float64)
    if not np.isfinite(scores).all():
        return Difference("finite", "the query is wrong", "finite scores", "NaN or infinity")
    other_type = _dtype_difference(keys, query, outcome.value, case, outputs[0])
    if other_type is not None:
        return other_type
    behind = np.delete(scores - scores[target], target)
    rest = float(np.exp(np.minimum(behind, 50.0)).sum())
    if rest < 1 / 0.99 - 1:
        return None
    share = f"the target gets {1 / (1 + rest):.2f} of the weight"
    return Difference(
        "values", "the query is wrong", "more than .99 of the weight on the target", "less than that", share
    )


def _looks_complete(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """Only the shape and the properties are held against the answer; `expected` is any array of the right shape."""
    output = outputs[0]
    if isinstance(outcome.value, Failure):
        return _describe_failure(outcome.value)
    one, other = _array(expected.value), _array(outcome.value)
    assert one is not None
    if other is None or one.shape != other.shape:
        found = _kind(outcome.value) if other is None else "another number of numbers"
        count = "" if other is None else f"{other.size} numbers"
        return Difference("shape", f"the {output.name} are not complete", f"{one.size} numbers", found, count)
    for name in output.properties:
        difference = PROPERTIES[name](other.astype(np.float64), f"the {output.name} are wrong")
        if difference is not None:
            return difference
    return None


def _dropped_out(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """Each number must be 0 or the expected one, 0 at about a share `case.args[1]` of the places, each drawn for itself."""
    output, p = outputs[0], float(case.args[1])
    difference = _compare_one(expected.value, outcome.value, case, output)
    if difference is not None and difference.kind not in ("values", "property"):
        return difference
    one, other = _array(expected.value), _array(outcome.value)
    assert one is not None
    assert other is not None
    kept = other != 0
    found = (
        _all_or_nothing(one, other, kept, p, case)
        or _how_kept(one, other, kept, p, case)
        or _how_dropped(kept, p, output.axes)
        or _how_drawn(kept, case, outcome)
    )
    if found:
        wanted = "every number 0 with probability p, each drawn for itself, and divided by 1 − p otherwise"
        return Difference("values", f"the {output.name} are wrong", wanted, found)
    for path, gradient in outcome.gradients.items():
        if gradient is None:
            return _no_gradient(argument_at(path, case))
        weights = np.cos(1.0 + 0.7 * np.arange(one.size)).reshape(one.shape)  # as `execute.cotangent` has them
        if differing(weights * kept / (1 - p), gradient, case).any():
            where = argument_at(path, case)
            right = f"the derivative of the definition at {where}"
            return Difference("gradient", "the gradient is wrong", right, "another derivative")
    return _mutation(outcome, case)


def _all_or_nothing(one: np.ndarray, other: np.ndarray, kept: np.ndarray, p: float, case: Case) -> str:
    """Where all numbers are 0 or none is."""
    if not kept.any():
        return "everything dropped: every number is 0"
    if not kept.all():
        return ""
    whole = [factor for factor in (1.0, 1 - p) if not differing(one * factor, other, case).any()]
    return "nothing dropped: every number is there" if whole else "nothing dropped, though numbers are changed: no number is 0"


def _how_kept(one: np.ndarray, other: np.ndarray, kept: np.ndarray, p: float, case: Case) -> str:
    """What is wrong with the numbers that are not 0; nothing where they are those expected."""
    if np.ptp(other[kept]) < 1e-6 < np.ptp(one[kept]):
        return "the same number wherever something is kept, and not the weights"
    before = one * (1 - p)
    factors = {"": 1 / (1 - p), "kept as they were, and not divided": 1.0, "multiplied by 1 − p": 1 - p, "divided by p": 1 / p}
    for said, factor in factors.items():
        if not differing(np.where(kept, before * factor, 0.0), other, case).any():
            return said and f"numbers that are {said}, where something is kept"
    factor = float((other * before)[kept].sum() / (before * before)[kept].sum())
    if not differing(np.where(kept, before * factor, 0.0), other, case).any():
        return "numbers with another factor than 1/(1 − p), the same for all of a call, where something is kept"
    if np.allclose(other.sum(axis=-1), before.sum(axis=-1), rtol=1e-4):
        return "rows whose sum is what it was before anything was dropped"
    return f"{VAGUE} where something is kept"


def _how_dropped(kept: np.ndarray, p: float, axes: tuple[str, ...]) -> str:
    """What is wrong with the places that are 0; nothing where they are about as many as they should be, and independent."""
    alike = [axes[i] for i, n in enumerate(kept.shape) if n > 1 and (kept == kept.take([0], axis=i)).all()]
    if alike:
        return f"the same draw all along the {'axis' if len(alike) == 1 else 'axes'} {' and '.join(alike)}"
    slack = 6 * float(np.sqrt(p * (1 - p) / kept.size)) + 1 / kept.size
    dropped = 1 - float(kept.mean())
    if abs(dropped - p) <= slack:
        return ""
    if abs(dropped - (1 - p)) <= slack:
        return "a share p kept, and the rest dropped"
    return f"{'more' if dropped > p else 'fewer'} numbers dropped than p says"


def _how_drawn(kept: np.ndarray, case: Case, outcome: Outcome) -> str:
    """What is wrong with the draws of earlier calls: the same seed must give the same one, and another seed another."""
    for before, value in zip(case.earlier, outcome.earlier, strict=False):
        array, same_seed = _array(value), before.args[2] == case.args[2]
        if array is None or array.shape != kept.shape or ((array != 0) == kept).all() != same_seed:
            if same_seed:
                return "the same seed drops other numbers"
            used = isinstance(before.args[2], Seed) and before.args[2].used
            return f"{'a generator that has gone on' if used else 'another seed'} drops the same numbers"
    return ""


def _finite_gradients(
    expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]
) -> Difference | None:
    """The right values, and gradients that arrive and are finite, of whatever size: where a slope is a convention."""
    difference = _compare_values(expected.value, outcome.value, case, outputs)
    if difference is None:
        as_found = {path: 0.0 if g is None else slope_along(g) for path, g in outcome.gradients.items()}
        difference = _compare_gradients(as_found, outcome, case)
    return difference


def _drawn_evenly(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """Tokens (B,), each of the V equally likely and each row drawn for itself, from the seeds that the calls were given."""
    difference = _compare_one(expected.value, outcome.value, case, outputs[0])
    if difference is not None and difference.kind != "values":
        return difference
    V, tokens = np.asarray(case.args[0]).shape[-1], _array(outcome.value)
    assert tokens is not None
    found = _how_even(tokens, V) or _how_seeded(tokens, case, outcome)
    if not found:
        return _mutation(outcome, case)
    wanted = "each row drawn for itself with the generator that is given, and here every token equally often"
    return Difference("values", f"the {outputs[0].name} are wrong", wanted, found)


def _how_even(tokens: np.ndarray, V: int) -> str:
    shares = np.array([float((tokens == token).mean()) for token in range(V)])
    if shares.max() == 1.0:
        return "the same token in every row"
    return "some tokens far more often" if abs(shares - 1 / V).max() > 6 * float(np.sqrt(1 / V / len(tokens))) else ""


def _how_seeded(tokens: np.ndarray, case: Case, outcome: Outcome) -> str:
    for before, value in zip(case.earlier, outcome.earlier, strict=False):
        array, same_seed = _array(value), before.kwargs["generator"] == case.kwargs["generator"]
        if array is None or array.shape != tokens.shape or bool((array == tokens).all()) != same_seed:
            return "the same seed gives other tokens" if same_seed else "another seed gives the same tokens"
    return ""


def _sample_variance(expected: Expected, outcome: Outcome, case: Case, outputs: Sequence[Output]) -> Difference | None:
    """A sample variance that follows its generator, by the divisor n − 1.

    `case` and its first three earlier calls have equal numbers of pairs and generators that are the same, the same,
    another, and the same in a later state; the other earlier calls have two pairs each, and a seed of their own.
    """
    difference = _dtype_difference(np.asarray(expected.value), np.asarray(0.0), outcome.value, case, outputs[0])
    if difference is not None:
        return difference
    numbers = [_array(value) for value in (outcome.value, *outcome.earlier)]
    if any(number is None or number.size != 1 or not np.isfinite(number).all() for number in numbers):
        return Difference("finite", "the variance is wrong", "a finite number from every generator", "NaN or infinity")
    found = [float(number.item()) for number in numbers if number is not None]
    asked, answer, mistake = _how_variance_is_seeded(found[:4], float(case.args[0])) or _how_variance_is_spread(
        np.array(found[4:]) / [float(before.args[0]) for before in case.earlier[3:]]
    )
    return Difference("values", "the variance is wrong", asked, answer, mistake=mistake) if answer else None


def _how_variance_is_seeded(found: Sequence[float], d_k: float) -> tuple[str, str, str] | None:
    """What is wrong with the numbers of four generators, as (wanted, found, mistake)."""
    first, again, other, later = found
    if first == other == d_k:
        return "a number measured on pairs that were drawn", "d_k itself", "d_k-returned"
    if first != again:
        return "the same number from equal generators", "two different numbers", "global-generator"
    if first == other:
        return "other numbers from another generator", "the same number again", "seeds-itself"
    if first == later:
        words = "the number of its seed, whatever was drawn from it before"
        return "numbers that the generator gives next", words, "only-the-seed-used"
    return None


_SURE = math.log(1e5)
_NAMED = math.log(1e3)


def _how_variance_is_spread(ratios: np.ndarray) -> tuple[str, str, str]:
    """What is wrong with the variances of two scores, each divided by d_k; nothing found where they are spread as they should."""
    if len({*ratios}) == 1:
        return "other numbers from another generator", "the same number again", "seeds-itself"
    if ((ratios > 0.5) & (ratios < 2.0)).all():
        return "numbers for two pairs that differ from seed to seed", "hardly a difference", "n-ignored"
    ways, evidence = ways_by_likelihood(ratios)
    wanted, likely = "for two pairs, the squared deviations of two scores divided by 1", ways[0]
    if evidence[likely] - evidence[RIGHT] < _SURE:
        return wanted, "", ""
    certain = evidence[likely] - evidence[ways[1]] > _NAMED
    return wanted, likely.found if certain else "numbers that are spread otherwise", likely.mistake if certain else ""


VERIFIERS: dict[str, Callable[[Expected, Outcome, Case, Sequence[Output]], Difference | None]] = {
    "peaks at the target": _peaks_at,
    "looks complete": _looks_complete,
    "dropped out": _dropped_out,
    "finite gradients": _finite_gradients,
    "drawn evenly": _drawn_evenly,
    "sample variance": _sample_variance,
}
