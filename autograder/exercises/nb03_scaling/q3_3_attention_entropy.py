"""3.3 attention_entropy: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb03_scaling.softmax_family import gradient_at, shares, with_zeros
from autograder.judging.declare import Exercise, Mistake, Run, Test, Variant
from autograder.reference import nb03 as reference

TINY_EPSILON = 2e-5


def entropy_case(weights: np.ndarray, **options: Any) -> Case:
    """A tolerance that lets an epsilon up to about 1e-6 inside the logarithm pass."""
    return Case(args=(weights,), tolerance=TINY_EPSILON, sizes={"S": weights.shape[-1]}, **options)


def judge_entropy_gradient(run: Run) -> None:
    """Where a weight is 0 the slope is a matter of convention; it has to be finite."""
    for weights in (np.array([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75]]), np.zeros((2, 3))):
        gradient_at(run(entropy_case(weights, gradient=True)))


def flawed_entropy(weights: Any, *, base: str = "nats", sign: int = -1, zeros: str = "safe", reduce: str = "sum",
                   axis: int | None = -1, again: bool = False, share: bool = False, keys: bool = False, graph: str = "kept",
                   width: str = "kept") -> Any:
    """Entropy in nats with switches that break it."""
    if graph == "cut":
        weights = weights.detach()
    if width != "kept":
        weights = weights.double() if width == "double" else weights.float()
    p = torch.softmax(weights, dim=-1) if again else weights
    if zeros == "safe":
        terms = p * torch.where(p > 0, p, torch.ones_like(p)).log()
    elif zeros == "chosen afterwards":
        terms = torch.where(p > 0, p * p.log(), torch.zeros_like(p))
    elif zeros == "large epsilon":
        terms = p * (p + 1e-2).log()
    elif zeros == "slope":
        terms = -torch.special.entr(p)
    else:
        terms = p * p.log()
    if base == "bits":
        terms = terms / math.log(2.0)
    total = terms.mean(dim=axis) if reduce == "mean" else terms.sum(dim=axis)
    total = total.neg().exp().neg() if keys else total
    return sign * total / math.log(weights.shape[-1] + 1e-9) if share else sign * total


def entropy_where(weights: Any) -> Any:
    logs = torch.log(torch.where(weights == 0, 1.0, weights))
    return -torch.sum(weights * logs, dim=-1)


def entropy_epsilon(weights: Any, *, epsilon: float = 1e-9) -> Any:
    return -(weights * torch.log(weights + epsilon)).sum(-1)


def entropy_clamped(weights: Any) -> Any:
    surprise = -weights.clamp(min=torch.finfo(weights.dtype).tiny).log()
    return torch.einsum("...s,...s->...", weights, surprise)


def entropy_row_by_row(weights: Any) -> Any:
    rows = weights.reshape(-1, weights.shape[-1])
    results = []
    for row in rows:
        positive = row[row > 0]
        results.append(-(positive * positive.log()).sum())
    return torch.stack(results).reshape(weights.shape[:-1])


def entropy_masked_fill(weights: Any) -> Any:
    return (weights * weights.masked_fill(weights <= 0, 1.0).double().log().to(weights.dtype)).sum(-1).neg()


def entropy_of_large_weights(weights: Any) -> Any:
    """What is small is taken for nothing, however many of them there are."""
    logs = torch.log(torch.where(weights > 1e-4, weights, torch.ones_like(weights)))
    return -(weights * logs).sum(dim=-1)


def entropy_of_shares(weights: Any) -> Any:
    return entropy_where(weights / weights.sum(dim=-1, keepdim=True))


def entropy_of_the_largest(weights: Any) -> Any:
    return -weights.amax(dim=-1).clamp(min=torch.finfo(weights.dtype).tiny).log() * (weights.sum(dim=-1) > 0)


def entropy_without_weights(weights: Any) -> Any:
    return -torch.where(weights > 0, weights, torch.ones_like(weights)).log().sum(dim=-1)


def entropy_with_the_axis(weights: Any) -> Any:
    return entropy_where(weights)[..., None]


EXERCISE = Exercise(
    number="3.3",
    title="attention_entropy",
    names=("attention_entropy",),
    minutes=10,
    starred=True,
    reference=reference.attention_entropy,
    outputs=(Output("entropy", ("...",)),),
    public=lambda rng: [
        entropy_case(np.array([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])),
        entropy_case(shares(rng, 2, 3, digits=1)),
        entropy_case(np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]])),
        entropy_case(shares(rng, 2, 3, digits=2), gradient=True),
        entropy_case(shares(rng, 2, 3, digits=2), dtype="float32"),
        entropy_case(np.array([1 - 6 * 8e-5, *6 * [8e-5]])),
        entropy_case(np.array([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75]]), gradient=True, verify="finite gradients"),
    ],
    tests=(
        Test(
            "nats over the keys", "−Σ p log p over the keys, one number for each query",
            lambda rng: [
                entropy_case(shares(rng, 5)), entropy_case(np.full((3, 4), 0.25)), entropy_case(shares(rng, 3, 5)),
            ],
        ),
        Test(
            "leading dimensions", "the same behind any leading dimensions",
            lambda rng: [
                entropy_case(shares(rng, 2, 3, 4)), entropy_case(shares(rng, 2, 1, 3, 2)),
                entropy_case(np.ones((2, 1))),
            ],
        ),
        Test(
            "zero weights", "a weight of 0 adds nothing, and a row of zeros has entropy 0",
            lambda rng: [
                entropy_case(np.eye(3)), entropy_case(np.array([1 - 6 * 8e-5, *6 * [8e-5]])), entropy_case(np.array([[0.0, 0.3, 0.7], [0.0, 0.0, 0.0], [0.2, 0.8, 0.0]])), entropy_case(with_zeros(rng, 3, 5)),
            ],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [entropy_case(shares(rng, 2, 6), dtype="float32")]),
        Test(
            "gradients", "the derivative where all weights are positive",
            lambda rng: [entropy_case(shares(rng, 3, 4), gradient=True)],
        ),
        Test("gradients at zero", "a finite gradient where weights are 0", judge=judge_entropy_gradient),
    ),
    flawed=flawed_entropy,
    mistakes=(
        Mistake(
            "zero-times-log-zero", "0 · log 0, which a computer takes for NaN", "A product with 0 is 0.",
            "log 0 is −∞, and 0 · (−∞) is not a number. What could stand inside the log where p is 0?",
            "step 1 of the stub", switches={"zeros": "raw"},
        ),
        Mistake(
            "chosen-after-the-log",
            "log 0 still computed on the way, so that the gradient is NaN",
            "torch.where picks the good branch, so the other does not matter.",
            "The backward pass goes through both branches. Make the *input* of the log harmless.",
            "step 1 of the stub", switches={"zeros": "chosen afterwards"},
        ),
        Mistake(
            "infinite-slope-at-zero", "torch.special.entr or xlogy, whose slope at 0 is infinite or NaN",
            "The library knows 0 log 0.",
            "It knows the value. What is the derivative of −p log p at 0?",
            "step 1 of the stub", switches={"zeros": "slope"},
        ),
        Mistake(
            "large-epsilon", "an epsilon inside the log that is large enough to be seen", "Any small number will do.",
            "Next to a weight of .01, is your epsilon small?", "step 1 of the stub",
            switches={"zeros": "large epsilon"},
        ),
        Mistake(
            "bits", "log base 2: the entropy in bits", "Entropy is measured in bits.",
            "Nats are asked for: what is the entropy of (½, ½) in nats?", "the units in the docstring",
            switches={"base": "bits"},
        ),
        Mistake(
            "sign-forgotten", "no minus sign", "The formula is Σ p log p.",
            "Is the log of a weight below 1 positive?", "step 2 of the stub", switches={"sign": 1},
        ),
        Mistake(
            "mean-over-keys", "the mean over the keys instead of the sum", "Entropy is an average.",
            "An average with the weights p is a sum: the p are in it already.", "step 2 of the stub",
            switches={"reduce": "mean"},
        ),
        Mistake(
            "sum-over-queries", "a sum over the query axis", "The first of the two axes is summed.",
            "One number for each query is wanted: which axis has to go?", "step 2 of the stub", switches={"axis": -2},
        ),
        Mistake(
            "sum-over-everything", "one number for all queries together", "Sum everything up.",
            "One number for each query is wanted.", "step 2 of the stub", switches={"axis": None},
        ),
        Mistake(
            "softmax-again", "softmax taken of weights that are a softmax already",
            "Entropy needs probabilities, so softmax first.",
            "The rows of the argument sum to 1 already.", "the first line of the docstring", switches={"again": True},
        ),
        Mistake(
            "share-of-the-maximum", "the entropy divided by log S", "Entropy lies between 0 and 1.",
            "Nats are asked for, not a share of the largest possible entropy.", "the units in the docstring",
            switches={"share": True},
        ),
        Mistake(
            "graph-cut", "weights detached, so that no gradient passes", "Entropy is only looked at, never trained.",
            "Which line takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
        Mistake(
            "small-weights-dropped",
            "small weights counted as zeros",
            "A weight of a ten-thousandth adds nothing.",
            "How much do six of them add together? Only a weight of exactly 0 adds nothing.",
            "step 1 of the stub",
            code=entropy_of_large_weights,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the whole function", switches={"width": "float"},
        ),
        Mistake(
            "number-of-keys", "e to the entropy, the number of keys that share the light", "It says how many keys there are.",
            "Nats are asked for; e to that is a number of keys.", "the units in the docstring", switches={"keys": True},
        ),
        Mistake(
            "shared-out-again", "weights divided by their sum first, which makes NaN of a row of zeros", "Entropy needs probabilities.",
            "What is the sum of a row that attends to nothing?", "the docstring", code=entropy_of_shares,
        ),
        Mistake(
            "largest-weight-only", "−log of the largest weight", "The brightest key says it all.",
            "Every key adds a term.", "the equation above the stub", code=entropy_of_the_largest,
        ),
        Mistake(
            "axis-kept", "an axis of length 1 left where the keys were", "keepdim is always safer.",
            "One number for each query: which shape is that?", "step 2 of the stub", code=entropy_with_the_axis,
        ),
        Mistake(
            "surprises-summed", "the logarithms summed without their weights", "Entropy is the sum of −ln p.",
            "An average of surprises: with which weights?", "step 1 of the stub", code=entropy_without_weights,
        ),
    ),
    variants=(
        Variant("where inside the log", entropy_where),
        Variant("epsilon of 1e-9, extra keyword", entropy_epsilon),
        Variant("clamped, einsum", entropy_clamped),
        Variant("only the positive weights, row by row", entropy_row_by_row),
        Variant("masked_fill, log in float64", entropy_masked_fill),
    ),
)
