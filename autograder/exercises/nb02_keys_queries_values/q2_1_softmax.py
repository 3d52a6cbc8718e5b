"""2.1 softmax: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb02_keys_queries_values.softmax_family import softmax_plain
from autograder.judging.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def softmax_case(z: Any, dtype: str = "float64", **kwargs: Any) -> Case:
    return Case(args=(z,), kwargs=kwargs, framework="numpy", dtype=dtype)


def flawed_softmax(z: Any, axis: int = -1, *, over: str = "axis", shift: str = "line", exponential: bool = True,
                   convert: str = "keep", keepdims: bool = True, base: float = math.e) -> Any:
    """Softmax with switches that break it."""
    if convert == "keep":
        z = np.array(z) if np.asarray(z).dtype.kind == "f" else np.array(z, dtype=np.float64)
    elif convert in ("float64", "float32"):
        z = np.array(z, dtype=convert)
    chosen = {"axis": axis, "everything": None, "last": -1, "first": 0}[over]
    if shift == "line":
        z = z - np.max(z, axis=chosen, keepdims=True)
    elif shift == "array":
        z = z - np.max(z)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shares = np.power(base, z) if exponential else z
        return shares / np.sum(shares, axis=chosen, keepdims=keepdims)


def softmax_in_place(z: Any, axis: int = -1) -> Any:
    if not (isinstance(z, np.ndarray) and z.dtype.kind == "f"):
        z = np.array(z, dtype=np.float64)
    z -= z.max(axis=axis, keepdims=True)
    shares = np.exp(z)
    return shares / shares.sum(axis=axis, keepdims=True)


def softmax_by_lines(z: Any, axis: int = -1) -> Any:
    def one_line(line: Any) -> Any:
        top = max(line)
        shares = [math.exp(x - top) for x in line]
        return [share / sum(shares) for share in shares]

    z = np.asarray(z)
    width = z.dtype if z.dtype.kind == "f" else np.float64
    return np.apply_along_axis(one_line, axis, z.astype(np.float64)).astype(width)


def softmax_through_logs(z: Any, axis: int = -1, *, base: float = math.e) -> Any:
    z = np.asarray(z)
    width = z.dtype if z.dtype.kind == "f" else np.dtype(np.float64)
    z = z.astype(np.float64)
    top = np.max(z, axis=axis, keepdims=True)
    logs = z - top - np.log(np.sum(np.power(base, z - top), axis=axis, keepdims=True))
    return np.exp(logs).astype(width)


def softmax_from_torch(z: Any, axis: int = -1) -> Any:
    z = np.asarray(z)
    return torch.softmax(torch.from_numpy(z if z.dtype.kind == "f" else z.astype(np.float64)), dim=axis).numpy()


def softmax_less_mean(z: Any, axis: int = -1) -> Any:
    """The mean is no bound: what stands far above it overflows."""
    z = np.array(z) if np.asarray(z).dtype.kind == "f" else np.array(z, dtype=np.float64)
    e = np.exp(z - z.mean(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_less_minimum(z: Any, axis: int = -1) -> Any:
    """Everything is above the minimum: the largest overflows."""
    z = np.array(z) if np.asarray(z).dtype.kind == "f" else np.array(z, dtype=np.float64)
    e = np.exp(z - z.min(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_in_torch(z: Any, axis: int = -1) -> Any:
    return torch.from_numpy(softmax_from_torch(z, axis))


def softmax_log(z: Any, axis: int = -1) -> Any:
    return np.log(softmax_through_logs(z, axis))


EXERCISE = Exercise(
    number="2.1",
    title="softmax",
    names=("softmax",),
    minutes=10,
    reference=reference.softmax,
    outputs=(Output("result", properties=("not negative",)),),
    public=lambda rng: [
        softmax_case(np.array([1.0, 2.0, 4.0])),
        softmax_case(rounded(rng, 2, 3), axis=0),
        softmax_case(np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -998.0]])),
        softmax_case(rounded(rng, 3), dtype="float32"),
        softmax_case([1, 2, 3]),
        softmax_case(np.array([[0.0, -1500.0, -1501.0], [-2500.0, -2.0, -2500.0]])),
        softmax_case(np.array([-900.0, 0.0, -1.0, 1.0])),
    ],
    tests=(
        Test("one row", "one row of scores becomes shares of 1", lambda rng: [softmax_case(normal(rng, 5)), softmax_case(normal(rng, 1))]),
        Test(
            "any axis",
            "each line along `axis` sums to 1, whichever axis is named",
            lambda rng: [softmax_case(normal(rng, 3, 4, 5), axis=axis) for axis in (0, 1, 2, -1, -2)] + [softmax_case(normal(rng, 4, 4), axis=0)],
        ),
        Test(
            "large numbers",
            "numbers far above or below 0 give the same shares as their differences do, line by line",
            lambda rng: [softmax_case(normal(rng, 3, 4) + np.array([[900.0], [-2000.0], [0.0]])), softmax_case(normal(rng, 4, scale=300.0)), softmax_case(normal(rng, 2, 4) + np.array([[0.0, -1500.0, -1500.0, -1500.0], [-2500.0, 0.0, -2500.0, -1500.0]]))],
        ),
        Test(
            "number types",
            "float32 stays float32; ints and lists become float64",
            lambda rng: [
                softmax_case(normal(rng, 2, 3), dtype="float32"),
                softmax_case(rng.integers(-3, 4, size=(2, 3))),
                softmax_case([[1, 0, 2], [0, 3, 1]]),
            ],
        ),
    ),
    flawed=flawed_softmax,
    mistakes=(
        Mistake(
            "no-shift", "exponentials of the raw numbers, which overflow", "The formula has no maximum in it, so I left it out.",
            "What is exp(1000) in floating point? Adding one number to a whole line changes nothing: choose it well.",
            "step 2 of the stub", switches={"shift": "none"},
        ),
        Mistake(
            "shift-by-global-maximum", "the maximum of the whole array taken off every line",
            "One maximum is enough for everything.", "Which line would underflow to zeros when another is 2000 higher?",
            "step 2 of the stub", switches={"shift": "array"},
        ),
        Mistake(
            "sum-over-everything", "one sum over the whole array, not one per line", "All shares together make 1.",
            "How many sums does a 2 × 3 table with axis=-1 need?", "step 3 of the stub", switches={"over": "everything"},
        ),
        Mistake(
            "axis-ignored", "the last axis whatever `axis` says", "Softmax is over the last axis.",
            "Try axis=0 on a table of two rows: do the columns sum to 1?", "the argument `axis`", switches={"over": "last"},
        ),
        Mistake(
            "no-keepdims", "a sum without keepdims=True, which lines up with the wrong axis", "NumPy will line the sums up.",
            "Print the shapes of the two things you divide.", "step 3 of the stub", switches={"keepdims": False},
        ),
        Mistake(
            "no-exponential", "the numbers divided by their sum, without the exponential", "Shares are parts of a sum.",
            "Can a share of 1 be negative?", "the equation above the stub", switches={"exponential": False, "shift": "none"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "More digits never hurt.",
            "Look at the number type of what goes in and what comes out.", "step 1 of the stub", switches={"convert": "float64"},
        ),
        Mistake(
            "changes-its-input", "the maximum taken off in place", "z -= … is the same as z = z - ….",
            "What does the caller's array hold afterwards?", "step 2 of the stub", code=softmax_in_place,
        ),
        Mistake(
            "shift-by-mean",
            "the mean of a line taken off, which leaves its largest number large",
            "Centred numbers are small numbers.",
            "How far above the mean can one number of a line be?",
            "step 2 of the stub",
            code=softmax_less_mean,
        ),
        Mistake(
            "shift-by-minimum",
            "the minimum of a line taken off, which leaves all the others above 0",
            "Starting from 0 keeps them small.",
            "Which side does exp overflow on?",
            "step 2 of the stub",
            code=softmax_less_minimum,
        ),
        Mistake(
            "base-two", "powers of 2 instead of e", "Any base will do.",
            "The equation has e in it.", "step 3 of the stub", switches={"base": 2.0},
        ),
        Mistake(
            "always-float32", "everything turned into float32", "float32 is what networks use.",
            "Look at the number type of what goes in and what comes out.", "step 1 of the stub", switches={"convert": "float32"},
        ),
        Mistake(
            "tensor-returned", "a torch tensor instead of a NumPy array", "Torch has a softmax.",
            "This exercise works in NumPy: what should come back?", "the return line", code=softmax_in_torch,
        ),
        Mistake(
            "logs-returned", "the logarithms of the shares", "The shift is easiest in logs.",
            "Shares lie between 0 and 1.", "step 3 of the stub", code=softmax_log,
        ),
        Mistake(
            "first-axis-always", "the first axis whatever `axis` says", "A column is a list of scores.",
            "Which lines of a 2 × 3 table sum to 1 with axis=-1?", "the argument `axis`", switches={"over": "first"},
        ),
    ),
    variants=(
        Variant("plain", softmax_plain),
        Variant("line by line", softmax_by_lines),
        Variant("through logarithms, extra keyword", softmax_through_logs),
        Variant("torch's softmax", softmax_from_torch),
    ),
)
