"""1.5 masked_softmax: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb01 as reference


def masked_case(scores: Any, mask: Any, **options: Any) -> Case:
    sizes = {"B": scores.shape[0], "S": scores.shape[-1]} if scores.ndim == 2 else {}
    return Case(args=(scores, np.asarray(mask, dtype=bool)), sizes=sizes, **options)


def some_mask(rng: Rng, *shape: int) -> np.ndarray:
    """A random mask (shape) with at least one True in every row."""
    mask = rng.random(shape) < 0.5
    mask[..., int(rng.integers(shape[-1]))] = True
    return mask


def few_allowed(rows: int, S: int, empty: int) -> np.ndarray:
    """A mask (rows, S) that allows one position less in each row, and nothing in row `empty`."""
    mask = np.arange(S) < S - np.arange(rows)[:, None]
    mask[empty] = False
    return mask


def flawed_masked_softmax(
    scores: Any,
    mask: Any,
    *,
    axis: str = "last",
    hide: str = "before",
    polarity: str = "may",
    empty: str = "zeros",
    shift: str = "allowed",
    graph: str = "kept",
    width: str = "kept",
) -> Any:
    """A masked softmax with switches that break it."""
    if graph == "cut":
        scores = scores.detach()
    if width != "kept":
        scores = scores.double() if width == "double" else scores.float()
    allowed = (mask if polarity == "may" else ~mask).expand(scores.shape)
    dim = -1 if axis == "last" else 0
    finite = {
        "before": torch.finfo(scores.dtype).min,
        "minus ten": -10.0,
        "zero": 0.0,
        "after": None,
        "after, shared again": None,
        "not at all": None,
    }[hide]
    hidden = scores if finite is None else torch.where(allowed, scores, finite)
    shifted = hidden - hidden.amax(dim=dim, keepdim=True) if shift == "allowed" else hidden
    shares = shifted.exp()
    if hide == "before":
        shares = shares * allowed
    total = shares.sum(dim=dim, keepdim=True)
    if empty == "zeros" and hide == "before":
        total = total.where(total > 0, 1.0)
    weights = shares / total
    if hide in ("after", "after, shared again"):
        weights = weights * allowed
    if hide == "after, shared again":
        weights = weights / weights.sum(dim=dim, keepdim=True)
    if empty == "uniform":
        weights = weights.where(allowed.any(dim=dim, keepdim=True), 1 / scores.shape[dim])
    return weights


def masked_in_place(scores: Any, mask: Any) -> Any:
    with torch.no_grad():
        scores.masked_fill_(~mask, -1e30)
    return torch.softmax(scores, dim=-1) * mask


def masked_by_filling(scores: Any, mask: Any) -> Any:
    filled = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(filled, dim=-1).masked_fill(~mask, 0.0)


def masked_by_sums(scores: Any, mask: Any) -> Any:
    mask = mask.expand_as(scores)
    top = torch.where(mask, scores, -math.inf).amax(-1, keepdim=True)
    shares = torch.where(mask, scores - torch.where(top.isinf(), 0.0, top), -math.inf).exp()
    return shares / shares.sum(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)


def masked_with_nan_replaced(scores: Any, mask: Any) -> Any:
    weights = torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1)
    return torch.where(torch.isnan(weights), torch.zeros_like(weights), weights)


def masked_row_by_row(scores: Any, mask: Any) -> Any:
    flat, allowed = scores.reshape(-1, scores.shape[-1]), mask.expand(scores.shape).reshape(-1, scores.shape[-1])
    rows = []
    for row, kept in zip(flat, allowed, strict=True):
        weights = torch.zeros_like(row)
        rows.append(weights.index_put((kept.nonzero()[:, 0],), row[kept].softmax(0)) if kept.any() else weights)
    return torch.stack(rows).reshape(scores.shape)


def masked_with_safe_rows(scores: Any, mask: Any, *, dim: int = -1) -> Any:
    empty = ~mask.any(dim=dim, keepdim=True)
    weights = torch.where(mask | empty, scores, -math.inf).softmax(dim)
    return weights * (~empty)


def masked_ten_thousand(scores: Any, mask: Any) -> Any:
    """A fill that is low beside small scores only."""
    weights = torch.softmax(scores.masked_fill(~mask, -1e4), dim=-1)
    return weights.masked_fill(~mask, 0.0)


def masked_squeezed(scores: Any, mask: Any) -> Any:
    """Right, but for axes of length 1, which are lost."""
    return masked_by_filling(scores, mask).squeeze()


def masked_sigmoid(scores: Any, mask: Any) -> Any:
    return torch.sigmoid(scores) * mask


def masked_over_everything(scores: Any, mask: Any) -> Any:
    return masked_by_filling(scores.flatten(), mask.expand(scores.shape).flatten()).reshape(scores.shape)


def masked_first_row(scores: Any, mask: Any) -> Any:
    first = mask.expand(scores.shape).reshape(-1, scores.shape[-1])[0]
    return masked_by_filling(scores, first)


def masked_adding(scores: Any, mask: Any) -> Any:
    return torch.softmax(scores + mask.to(scores.dtype), dim=-1)


def masked_with_indices(scores: Any, mask: Any) -> Any:
    """Right where the rows allow as many positions each: what was masked is cut out."""
    return masked_by_filling(scores, mask).clamp(min=1e-3)


EXERCISE = Exercise(
    number="1.5",
    title="masked_softmax",
    names=("masked_softmax",),
    minutes=15,
    reference=reference.masked_softmax,
    outputs=(Output("weights", ("...", "S"), properties=("not negative", "rows sum to 1")),),
    public=lambda rng: [
        masked_case(rounded(rng, 2, 3), [[True, True, True], [True, False, True]]),
        masked_case(rounded(rng, 2, 3), [[False, False, False], [False, True, True]]),
        masked_case(
            np.array([[800.0, 801.0, 3000.0, 799.0], [-900.0, -902.0, -901.0, -1000.0]]), [True, True, False, True]
        ),
        masked_case(rounded(rng, 2, 3), [[False, False, False], [True, False, True]], gradient=True, dtype="float32"),
        masked_case(rounded(rng, 2, 1, 3), [[[True, False, True]], [[True, True, False]]]),
        masked_case(rounded(rng, 2, 3) - 20_000.0, [True, True, False]),
    ],
    tests=(
        Test(
            "nothing masked",
            "an ordinary softmax over the last axis when everything is allowed",
            lambda rng: [masked_case(normal(rng, 3, 5), np.ones((3, 5)))],
        ),
        Test(
            "padding",
            "no weight on masked positions, and the others sum to 1",
            lambda rng: [
                masked_case(normal(rng, 4, 4), few_allowed(4, 4, 0)[::-1] | np.eye(4, dtype=bool)),
                masked_case(normal(rng, 3, 6), some_mask(rng, 3, 6)),
            ],
        ),
        Test(
            "broadcast masks",
            "the mask broadcasts to the shape of the scores, which may have any leading dimensions",
            lambda rng: [
                masked_case(normal(rng, 2, 3, 5), some_mask(rng, 2, 1, 5)),
                masked_case(normal(rng, 3, 4), some_mask(rng, 4)),
                masked_case(normal(rng, 5), some_mask(rng, 5)),
                masked_case(normal(rng, 1, 4), some_mask(rng, 1, 4)),
                masked_case(normal(rng, 3, 1), np.array([[True], [False], [True]])),
            ],
        ),
        Test(
            "large scores",
            "finite and right weights for scores in the thousands, masked ones above or below the others",
            lambda rng: [
                masked_case(normal(rng, 3, 5, scale=2000.0), some_mask(rng, 3, 5)),
                masked_case(normal(rng, 2, 4) + np.array([0.0, 0.0, 0.0, 3000.0]), [True, True, True, False]),
                masked_case(normal(rng, 2, 4) - 3000.0, [True, False, True, True]),
                masked_case(normal(rng, 2, 4) - 30_000.0, [True, False, True, True]),
                masked_case(normal(rng, 2, 4) + np.array([0.0, -1500.0, -1500.0, -1500.0]), np.ones((2, 4))),
            ],
        ),
        Test(
            "nothing allowed",
            "all zeros in a row that is masked everywhere",
            lambda rng: [masked_case(normal(rng, 4, 3), few_allowed(4, 3, 1))],
        ),
        Test(
            "gradients and number types",
            "finite, right gradients, also beside a row with nothing allowed; float32 stays float32",
            lambda rng: [
                masked_case(normal(rng, 3, 4), few_allowed(3, 4, 1), gradient=True),
                masked_case(normal(rng, 3, 4), few_allowed(3, 4, 2), gradient=True, dtype="float32"),
            ],
        ),
    ),
    flawed=flawed_masked_softmax,
    mistakes=(
        Mistake(
            "softmax-over-batch",
            "softmax over the first axis instead of the last",
            "Softmax goes over axis 0.",
            "Which axis holds the positions that share one unit of attention?",
            "step 2 of the stub",
            switches={"axis": "first"},
        ),
        Mistake(
            "padding-not-masked",
            "the mask not used",
            "Padding is zero, so it does no harm.",
            "A score of 0 has the share e⁰ = 1 before dividing.",
            "step 1 of the stub",
            switches={"hide": "not at all"},
        ),
        Mistake(
            "masked-after-softmax",
            "the mask applied after the softmax",
            "Weights at padding are set to zero.",
            "Do the rows still sum to 1?",
            "step 1 of the stub",
            switches={"hide": "after"},
        ),
        Mistake(
            "shared-again-after-masking",
            "the mask applied after the softmax, and the rest divided by its sum",
            "Masking can be repaired by dividing again.",
            "What if a masked score is 3000 higher than the others: what is left to divide?",
            "step 1 of the stub",
            switches={"hide": "after, shared again"},
        ),
        Mistake(
            "filled-with-zero",
            "masked scores set to 0",
            "Zero means nothing.",
            "exp(0) is 1, not 0.",
            "step 1 of the stub",
            switches={"hide": "zero"},
        ),
        Mistake(
            "filled-with-minus-ten",
            "masked scores set to a number that is not low enough",
            "A clearly negative number is enough.",
            "What if all real scores are around −3000?",
            "step 1 of the stub",
            switches={"hide": "minus ten"},
        ),
        Mistake(
            "mask-inverted",
            "True taken as masked",
            "A mask says what to hide.",
            "In this course True means: may attend.",
            "the docstring",
            switches={"polarity": "blocked"},
        ),
        Mistake(
            "nan-without-anything-allowed",
            "NaN in a row with nothing allowed",
            "Every row has something to look at.",
            "0 divided by 0 is NaN. What should such a row be?",
            "step 3 of the stub",
            switches={"empty": "nan"},
        ),
        Mistake(
            "uniform-without-anything-allowed",
            "equal weights in a row with nothing allowed",
            "With no information, look everywhere.",
            "Nothing may be attended to, so no weight may go anywhere.",
            "step 3 of the stub",
            switches={"empty": "uniform"},
        ),
        Mistake(
            "overflow",
            "exponentials of the raw scores, which overflow",
            "The softmax is exp over sum.",
            "Take off the largest allowed score of each row first.",
            "step 2 of the stub",
            switches={"shift": "none"},
        ),
        Mistake(
            "scores-detached",
            "scores cut off from the graph",
            "Weights are only numbers.",
            "How would the scores learn?",
            "your use of detach, item or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64",
            "everything turned into float64",
            "More digits never hurt.",
            "Look at the number type of what goes in and what comes out.",
            "the docstring",
            switches={"width": "double"},
        ),
        Mistake(
            "changes-its-input",
            "the scores overwritten",
            "masked_fill_ saves memory.",
            "What does the caller's tensor hold afterwards?",
            "step 1 of the stub",
            code=masked_in_place,
        ),
        Mistake(
            "fill-of-minus-ten-thousand",
            "−10 000 in place of masked scores, which is not always the lowest",
            "No score is as low as that.",
            "What if every allowed score is lower still? Which number is the lowest that the type has?",
            "step 1 of the stub",
            code=masked_ten_thousand,
        ),
        Mistake(
            "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
            "What does squeeze() do to a batch of one, or to one position?", "your use of squeeze", code=masked_squeezed,
        ),
        Mistake(
            "sigmoid", "a sigmoid of each score by itself", "A sigmoid gives numbers between 0 and 1.",
            "What must the weights of one row sum to?", "step 2 of the stub", code=masked_sigmoid,
        ),
        Mistake(
            "softmax-over-everything", "one softmax over the whole tensor", "All weights together make 1.",
            "How many rows share out one unit of attention each?", "step 2 of the stub", code=masked_over_everything,
        ),
        Mistake(
            "first-mask-for-all", "the first row's mask for all rows", "Padding is the same everywhere.",
            "Each row of the mask belongs to one row of scores.", "step 1 of the stub", code=masked_first_row,
        ),
        Mistake(
            "mask-added", "the mask added to the scores, 1 where a position may be looked at", "A mask is added before the softmax.",
            "What is added is −∞ where a position is masked; this mask holds True and False.", "step 1 of the stub", code=masked_adding,
        ),
        Mistake(
            "never-quite-zero", "a small weight left on masked positions", "A weight of 0 breaks logarithms.",
            "Masked positions get exactly nothing.", "step 3 of the stub", code=masked_with_indices,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the docstring", switches={"width": "float"},
        ),
    ),
    variants=(
        Variant("filled with the lowest number", masked_by_filling),
        Variant("exponentials and sums", masked_by_sums),
        Variant("NaN replaced by zeros", masked_with_nan_replaced),
        Variant("row by row over the allowed", masked_row_by_row),
        Variant("empty rows made safe first, extra keyword", masked_with_safe_rows),
    ),
)
