"""4.2 merge_heads: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb04_multi_head.heads_family import numbered
from autograder.judging.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb04 as reference


def merge_case(X: np.ndarray, **options: Any) -> Case:
    return Case(args=(X,), sizes=dict(zip(("B", "H", "T", "d"), X.shape, strict=True)), **options)


def flawed_merge(X: Any, *, layout: str = "heads side by side", graph: str = "kept", width: str = "kept") -> Any:
    """Merge the heads with switches that break it."""
    B, H, T, d = X.shape
    if graph == "cut":
        X = X.detach()
    if width == "double":
        X = X.double()
    if layout == "reverse":
        return X.flip(1).transpose(1, 2).reshape(B, T, H * d)
    if layout == "head 0":
        return X[:, 0]
    if layout == "positions first":
        return X.permute(2, 0, 1, 3).reshape(T, B, H * d)
    if layout == "memory":
        return X.reshape(B, T, H * d)
    if layout == "features first":
        return X.permute(0, 2, 3, 1).reshape(B, T, H * d)
    if layout == "features and positions":
        return X.permute(0, 1, 3, 2).reshape(B, T, H * d)
    if layout == "mean":
        return X.mean(dim=1)
    if layout == "sum":
        return X.sum(dim=1)
    if layout == "one after the other":
        return X.reshape(B, H * T, d)
    if layout == "view":
        return X.transpose(1, 2).view(B, T, H * d)
    return X.transpose(1, 2).reshape(B, T, H * d)


def merge_flatten(X: Any) -> Any:
    return X.permute(0, 2, 1, 3).flatten(2)


def merge_cat(X: Any) -> Any:
    return torch.cat(list(X.unbind(dim=1)), dim=-1)


def merge_slices(X: Any, *, start: int = 0) -> Any:
    B, H, T, d = X.shape
    merged = X.new_zeros(B, T, H * d)
    for h in range(start, H):
        merged[:, :, h * d : (h + 1) * d] = X[:, h]
    return merged


def merge_contiguous(X: Any) -> Any:
    B, H, T, d = X.size()
    return X.transpose(1, 2).contiguous().view(B, T, H * d)


EXERCISE = Exercise(
    number="4.2",
    title="merge_heads",
    names=("merge_heads",),
    minutes=5,
    reference=reference.merge_heads,
    outputs=(Output("features", ("B", "T", "H·d")),),
    public=lambda rng: [
        merge_case(numbered(1, 2, 2, 2)),
        merge_case(numbered(2, 2, 3, 2)),
        merge_case(rounded(rng, 1, 3, 2, 1), gradient=True),
        merge_case(numbered(1, 2, 2, 2), dtype="float32"),
    ],
    tests=(
        Test("one head", "one head comes back as it is", lambda rng: [merge_case(normal(rng, 2, 1, 3, 5))]),
        Test(
            "several heads", "the heads of one position side by side, head 0 first, for any B, H, T and d",
            lambda rng: [merge_case(normal(rng, *shape)) for shape in ((3, 2, 5, 3), (1, 3, 4, 5), (2, 3, 3, 3), (2, 5, 1, 2))],
        ),
        Test("number types", "the number type of X is kept", lambda rng: [merge_case(normal(rng, 2, 3, 2, 4), dtype=width) for width in ("float32", "float64")]),
        Test("gradients", "a gradient reaches every number of X", lambda rng: [merge_case(normal(rng, 2, 3, 2, 2), gradient=True)]),
    ),
    flawed=flawed_merge,
    mistakes=(
        Mistake(
            "merged-without-transposing-back", "memory cut up into (B, T, H·d) without transposing back: positions are mixed", "The shape is what was asked for.",
            "Which number comes second in memory: the next feature, the next position or the next head?", "step 1 of the stub", switches={"layout": "memory"},
        ),
        Mistake(
            "view-after-transpose", "`view` on a transposed tensor, which PyTorch refuses", "view and reshape are the same.",
            "A transposed tensor is walked through in a new order, and view cannot copy. What can?", "step 2 of the stub", switches={"layout": "view"},
        ),
        Mistake(
            "heads-interleaved", "the first feature of every head, then the second of every head", "Heads and features are both merged, the order does not matter.",
            "Undo 4.1 exactly: merge_heads(split_heads(X, H)) is X.", "step 1 of the stub", switches={"layout": "features first"},
        ),
        Mistake(
            "positions-and-features-exchanged", "positions and features exchanged before merging", "The last two axes are transposed, as in K Kᵀ.",
            "Which axis has to stand beside the features before the two become one?", "step 1 of the stub", switches={"layout": "features and positions"},
        ),
        Mistake(
            "heads-averaged", "the heads averaged instead of put side by side", "The heads vote.",
            "How wide should the result be?", "the equation above the stub", switches={"layout": "mean"},
        ),
        Mistake(
            "heads-added", "the heads added instead of put side by side", "The reports are added up.",
            "How wide should the result be? Adding comes later, inside W_o.", "the equation above the stub", switches={"layout": "sum"},
        ),
        Mistake(
            "heads-along-time", "the heads put one after the other along the positions", "Concatenating means one after the other.",
            "There should be T positions again.", "the equation above the stub", switches={"layout": "one after the other"},
        ),
        Mistake(
            "heads-in-reverse", "the last head in front", "The order of heads makes no difference.",
            "W_o learns one order. Which one does the equation give?", "step 2 of the stub", switches={"layout": "reverse"},
        ),
        Mistake(
            "head-0-alone", "head 0 alone", "One head is returned.", "Where do the numbers of the other heads go?", "step 2 of the stub", switches={"layout": "head 0"},
        ),
        Mistake(
            "positions-before-the-batch", "positions in front of the batch: (T, B, H·d)", "Sequences come first.",
            "Batch first, then position, then feature.", "step 2 of the stub", switches={"layout": "positions first"},
        ),
        Mistake(
            "graph-cut", "X detached, so that nothing can be learned", "Rearranging needs no gradient.",
            "Which call takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("contiguous, then view", merge_contiguous),
        Variant("flatten", merge_flatten),
        Variant("concatenated", merge_cat),
        Variant("slice by slice, extra keyword", merge_slices),
    ),
)
