"""3.6 log_softmax: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb03 as reference


def logs_case(z: np.ndarray, *axis: int, **options: Any) -> Case:
    """A tolerance that grows with the largest |z|, because z − max loses that many digits."""
    precision = 2e-6 if options.get("dtype") == "float32" else 1e-12
    floor = 2e-5 if options.get("dtype") == "float32" else 1e-8
    tolerance = max(floor, precision * float(np.abs(z).max()))
    return Case(args=(z, *axis), tolerance=tolerance, **options)


def flawed_log_softmax(z: Any, axis: int = -1, *, way: str = "shifted", shift: str = "line", undo: bool = True,
                       over: str = "axis",
                       reduce: str = "sum", keepdim: bool = True, base: float = math.e, graph: str = "kept",
                       width: str = "kept", sign: int = 1, logs_off: bool = True) -> Any:
    """Log-softmax with switches that break it."""
    if graph == "cut":
        z = z.detach()
    if width != "kept":
        z = z.double() if width == "double" else z.float()
    axis = -1 if over == "last" else axis
    if way == "log of softmax":
        return torch.softmax(z, dim=axis).log()
    if way == "log of softmax plus epsilon":
        return (torch.softmax(z, dim=axis) + 1e-9).log()
    top = {"line": z.amax(dim=axis, keepdim=True), "array": z.max(), "none": torch.zeros_like(z)}[shift]
    exponentials = (z - top).exp()
    if over == "everything":
        total = exponentials.sum()
    else:
        total = (exponentials.mean if reduce == "mean" else exponentials.sum)(dim=axis, keepdim=keepdim)
    logs = total.log() / math.log(base)
    logs = logs if logs_off else torch.zeros_like(logs)
    return sign * (z - top - logs if undo else z - logs)


def log_softmax_library(z: Any, axis: int = -1) -> Any:
    return torch.log_softmax(z, dim=axis)


def log_softmax_logsumexp(z: Any, axis: int = -1) -> Any:
    return z - torch.logsumexp(z, dim=axis, keepdim=True)


def log_softmax_shifted(z: Any, axis: int = -1) -> Any:
    shifted = z - z.max(dim=axis, keepdim=True).values.detach()
    return shifted - torch.log(torch.sum(torch.exp(shifted), dim=axis, keepdim=True))


def log_softmax_line_by_line(z: Any, axis: int = -1, *, longest: int = 10_000) -> Any:
    def one_line(line: Any) -> Any:
        differences = line - line.max()
        return differences - differences.exp().sum().log()

    moved = z.movedim(axis, -1)
    lines = [one_line(line) for line in moved.reshape(-1, moved.shape[-1])[:longest]]
    return torch.stack(lines).reshape(moved.shape).movedim(-1, axis)


def log_softmax_in_float64(z: Any, axis: int = -1) -> Any:
    wide = z.double()
    wide = wide - wide.amax(axis, keepdim=True)
    return (wide - wide.exp().sum(axis, keepdim=True).log()).to(z.dtype)


def log_softmax_without_log(z: Any, axis: int = -1) -> Any:
    return torch.softmax(z, dim=axis)


def log_softmax_in_place(z: Any, axis: int = -1) -> Any:
    with torch.no_grad():
        z -= z.amax(dim=axis, keepdim=True)
    return z - z.exp().sum(dim=axis, keepdim=True).log()


def log_softmax_squeezed(z: Any, axis: int = -1) -> Any:
    """Right, but for axes of length 1, which are lost."""
    return log_softmax_logsumexp(z, axis).squeeze()


EXERCISE = Exercise(
    number="3.6",
    title="log_softmax",
    names=("log_softmax",),
    minutes=10,
    reference=reference.log_softmax,
    outputs=(Output("logs"),),
    public=lambda rng: [
        logs_case(np.array([1.0, 2.0, 4.0])),
        logs_case(rounded(rng, 2, 3), 0),
        logs_case(np.array([[1000.0, 1001.0, 0.0], [-1000.0, -1001.0, -3000.0]])),
        logs_case(rounded(rng, 3), dtype="float32"),
        logs_case(rounded(rng, 2, 1, 3), 0),
        logs_case(np.array([[1.0, 0.0, -900.0]]), gradient=True),
    ],
    tests=(
        Test("one row", "z − log Σ exp z", lambda rng: [logs_case(normal(rng, 5)), logs_case(normal(rng, 1))]),
        Test(
            "any axis", "each line along `axis` on its own, whichever axis is named",
            lambda rng: [logs_case(normal(rng, 3, 4, 5), axis) for axis in (0, 1, 2, -2)]
            + [logs_case(normal(rng, 4, 4), 0), logs_case(normal(rng, 3, 1, 2), 0)],
        ),
        Test(
            "large numbers", "finite wherever the true value can be represented, line by line",
            lambda rng: [
                logs_case(normal(rng, 3, 4) + np.array([[900.0], [-2000.0], [0.0]])),
                logs_case(normal(rng, 2, 5, scale=1000.0)),
                logs_case(normal(rng, 2, 5, scale=400.0), dtype="float32"),
                logs_case(np.array([0.0, -1e300, 3.0])),
            ],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [logs_case(normal(rng, 2, 3), dtype="float32")]),
        Test(
            "gradients", "finite gradients, also where a weight is as good as 0",
            lambda rng: [
                logs_case(normal(rng, 3, 4), gradient=True),
                logs_case(normal(rng, 2, 3, scale=900.0), 0, gradient=True),
            ],
        ),
    ),
    flawed=flawed_log_softmax,
    mistakes=(
        Mistake(
            "log-of-softmax", "the log of a finished softmax, which has underflowed to 0",
            "log(softmax(z)) is the definition.",
            "What is exp(−1000) in floating point, and what is its log?", "step 3 of the stub",
            switches={"way": "log of softmax"},
        ),
        Mistake(
            "epsilon-in-the-log", "a small number added so that the log stays finite, but wrong",
            "An epsilon avoids −∞.",
            "The true value may be −1000. How low can log(p + 1e-9) go?", "step 3 of the stub",
            switches={"way": "log of softmax plus epsilon"},
        ),
        Mistake(
            "no-shift", "exponentials of the raw numbers, which overflow", "The formula has no maximum in it.",
            "What is exp(1000)? Taking one number off a whole line changes nothing: choose it well.",
            "step 1 of the stub", switches={"shift": "none"},
        ),
        Mistake(
            "shift-inside-only", "the maximum taken off inside the sum but not outside",
            "The shift is only for the exponential.",
            "A shift changes nothing when it is made on both sides of the minus sign.", "step 3 of the stub",
            switches={"undo": False},
        ),
        Mistake(
            "shift-by-global-maximum", "the maximum of the whole array taken off every line",
            "One maximum is enough for everything.",
            "Which line would underflow to zeros when another is 2000 higher?", "step 1 of the stub",
            switches={"shift": "array"},
        ),
        Mistake(
            "axis-ignored", "the last axis whatever `axis` says", "Softmax is over the last axis.",
            "Try axis=0 on a table of two rows.", "the argument `axis`", switches={"over": "last"},
        ),
        Mistake(
            "sum-over-everything", "one sum over the whole tensor, not one per line", "All shares together make 1.",
            "How many sums does a 2 × 3 table with axis=-1 need?", "step 2 of the stub",
            switches={"over": "everything"},
        ),
        Mistake(
            "no-keepdim", "a sum without keepdim=True, which lines up with the wrong axis",
            "Torch will line the sums up.",
            "Print the shapes on both sides of the minus sign.", "step 2 of the stub", switches={"keepdim": False},
        ),
        Mistake(
            "mean-for-sum", "the mean of the exponentials instead of their sum", "The average is the normaliser.",
            "Do the exponentials of your result sum to 1?", "step 2 of the stub", switches={"reduce": "mean"},
        ),
        Mistake(
            "base-two", "log base 2 of the sum", "Information is in bits.",
            "z is already a natural logarithm.", "step 2 of the stub", switches={"base": 2.0},
        ),
        Mistake(
            "graph-cut", "z detached, so that nothing can be learned", "Detaching avoids trouble with gradients.",
            "Only the maximum may be taken out of the graph.", "step 1 of the stub", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
        Mistake(
            "no-log", "the softmax itself, without a log", "The weights are the answer.",
            "Can a logarithm of a weight be above 0?", "step 2 of the stub", code=log_softmax_without_log,
        ),
        Mistake(
            "signs-turned", "minus the logs, as in a loss", "A log-likelihood is made positive.",
            "The loss takes the minus later. Is the log of a weight below 1 positive?", "step 3 of the stub", switches={"sign": -1},
        ),
        Mistake(
            "only-the-maximum", "the maximum taken off and nothing else", "The largest dominates the sum.",
            "Do the exponentials of your result sum to 1?", "step 2 of the stub", switches={"logs_off": False},
        ),
        Mistake(
            "z-overwritten", "the maximum taken off in place", "z -= … is the same as z = z - ….",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=log_softmax_in_place,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the whole function", switches={"width": "float"},
        ),
        Mistake(
            "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
            "The shape of z stays as it is.", "your use of squeeze", code=log_softmax_squeezed,
        ),
    ),
    variants=(
        Variant("logsumexp", log_softmax_logsumexp),
        Variant("shifted by a detached maximum", log_softmax_shifted),
        Variant("line by line, extra keyword", log_softmax_line_by_line),
        Variant("float64 inside", log_softmax_in_float64),
        Variant("torch's log_softmax", log_softmax_library),
    ),
)
