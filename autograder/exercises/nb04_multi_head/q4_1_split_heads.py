"""4.1 split_heads: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb04_multi_head.heads_family import numbered
from autograder.judging.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb04 as reference


def split_case(X: np.ndarray, H: int, **options: Any) -> Case:
    B, T, d_model = X.shape
    return Case(args=(X, H), sizes={"B": B, "T": T, "H": H, "d_k": d_model // H, "d_model": d_model}, **options)


def flawed_split(X: Any, H: int, *, layout: str = "heads", check: str = "raise", graph: str = "kept", width: str = "kept") -> Any:
    """Split into heads with switches that break it."""
    if width == "double":
        X = X.double()
    B, T, d_model = X.shape
    if check == "raise" and d_model % H:
        raise ValueError("H must divide d_model")
    if check == "assert":
        assert d_model % H == 0
    if check == "drop":
        X = X[..., : d_model // H * H]
    if graph == "cut":
        X = X.detach()
    d = d_model // H
    if layout == "all features":
        return X[:, None].expand(B, H, T, d_model)
    if layout == "list":
        return list(X.split(d, dim=-1))
    if layout == "backwards":
        return X.reshape(B, T, H, d).transpose(1, 2).flip(1)
    if layout == "memory":
        return X.reshape(B, H, T, d)
    if layout == "every H-th":
        return X.reshape(B, T, d, H).permute(0, 3, 1, 2)
    if layout == "positions first":
        return X.reshape(B, T, H, d)
    if layout == "features before positions":
        return X.reshape(B, T, H, d).permute(0, 2, 3, 1)
    if layout == "width H":
        return X.reshape(B, T, d, H).transpose(1, 2)
    if layout == "heads before batch":
        return torch.stack(X.reshape(B, T, H, d).unbind(2))
    return X.reshape(B, T, H, d).transpose(1, 2)


def split_unflatten(X: Any, H: int) -> Any:
    if X.size(-1) % H != 0:
        raise ValueError(f"{X.size(-1)} features cannot be shared by {H} heads")
    return X.unflatten(-1, (H, -1)).movedim(-2, 1)


def split_chunks(X: Any, H: int) -> Any:
    width, rest = divmod(X.shape[2], H)
    if rest:
        raise ValueError("the heads would not be equally wide")
    return torch.stack([X[:, :, h * width : (h + 1) * width] for h in range(H)], dim=1)


def split_einsum(X: Any, H: int, *, axis: int = 1) -> Any:
    if X.shape[-1] % H:
        raise ValueError("no")
    eye = torch.eye(X.shape[-1], dtype=X.dtype).reshape(X.shape[-1], H, -1)
    return torch.einsum("btm,mhd->bhtd", X, eye) if axis == 1 else None


def split_copy(X: Any, H: int) -> Any:
    B, T, d_model = X.shape
    if d_model / H != d_model // H:
        raise ValueError("H does not divide d_model")
    return X.view(B, T, H, -1).permute(0, 2, 1, 3).contiguous()


EXERCISE = Exercise(
    number="4.1",
    title="split_heads",
    names=("split_heads",),
    minutes=10,
    reference=reference.split_heads,
    outputs=(Output("heads", ("B", "H", "T", "d_k")),),
    public=lambda rng: [
        split_case(numbered(1, 2, 4), 2),
        split_case(numbered(2, 3, 6), 2),
        split_case(rounded(rng, 1, 2, 3), 3, gradient=True),
        split_case(numbered(1, 2, 4), 2, dtype="float32"),
        split_case(numbered(1, 2, 4), 3, raises="ValueError"),
    ],
    tests=(
        Test("one head", "one head gets every feature of every position", lambda rng: [split_case(normal(rng, 2, 3, 5), 1)]),
        Test(
            "several heads", "head h holds the features h·d to (h+1)·d − 1 of every position, for any B, T, H and d",
            lambda rng: [split_case(normal(rng, B, T, H * d), H) for B, T, H, d in ((3, 5, 2, 3), (1, 4, 3, 5), (2, 3, 4, 1), (3, 1, 5, 2))],
        ),
        Test("number types", "the number type of X is kept", lambda rng: [split_case(normal(rng, 2, 3, 4), 2, dtype="float32")]),
        Test("gradients", "a gradient reaches every number of X", lambda rng: [split_case(normal(rng, 2, 3, 6), 3, gradient=True)]),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model",
            lambda rng: [split_case(normal(rng, 1, H, d), H, raises="ValueError") for d, H in ((6, 4), (3, 5), (5, 2))],
        ),
    ),
    flawed=flawed_split,
    mistakes=(
        Mistake(
            "view-instead-of-transpose", "memory cut up into (B, H, T, d) without a transpose: a head gets whole positions, not a share of each",
            "The numbers fit, so view(B, H, T, d) gives the right shape.",
            "A view never moves a number. Which positions do the first numbers of memory belong to?", "step 3 of the stub", switches={"layout": "memory"},
        ),
        Mistake(
            "every-H-th-feature", "head h holding every H-th feature instead of a block of neighbours", "The last axis can be cut as (d, H) or (H, d), it is the same.",
            "Which of the two new axes must change fastest when we walk along the features?", "step 2 of the stub", switches={"layout": "every H-th"},
        ),
        Mistake(
            "heads-not-moved", "the head axis left behind the positions: (B, T, H, d)", "There is a head axis now, so we are done.",
            "In what order does the docstring name the four axes?", "step 3 of the stub", switches={"layout": "positions first"},
        ),
        Mistake(
            "features-before-positions", "positions and features exchanged: (B, H, d, T)", "The head goes in front, the rest follows.",
            "Each head should look like a short sequence: positions down, features across.", "step 3 of the stub", switches={"layout": "features before positions"},
        ),
        Mistake(
            "H-taken-for-the-width", "heads of width H instead of H heads", "H is the size of a head.",
            "For d_model = 6 and H = 2, how many features does one head get?", "step 2 of the stub", switches={"layout": "width H"},
        ),
        Mistake(
            "heads-before-batch", "the heads stacked in front of the batch: (H, B, T, d)", "stack puts the heads first, as wanted.",
            "Batch first, then head, then position, then feature.", "step 3 of the stub", switches={"layout": "heads before batch"},
        ),
        Mistake(
            "all-features-for-every-head", "every head given all features of a position", "Each head sees the whole word.",
            "It does, through its own rows of W_q. What is cut *here*, and into how many pieces?", "step 2 of the stub", switches={"layout": "all features"},
        ),
        Mistake(
            "a-list-of-heads", "a list of heads instead of one tensor", "There are H heads, so H tensors.",
            "Which four axes does the docstring name?", "step 3 of the stub", switches={"layout": "list"},
        ),
        Mistake(
            "heads-in-reverse", "the heads in reverse order", "The order of heads makes no difference.",
            "Which features does the docstring give to head 0?", "step 2 of the stub", switches={"layout": "backwards"},
        ),
        Mistake(
            "assertion-for-ValueError", "an assertion where a ValueError is asked for", "assert is made for checks.",
            "Assertions can be switched off. Which error does the docstring name?", "step 1 of the stub", switches={"check": "assert"},
        ),
        Mistake(
            "no-size-check", "sizes that do not fit left to PyTorch to complain about", "view raises an error anyway.",
            "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": "none"},
        ),
        Mistake(
            "drops-features", "the features that are left over thrown away", "Integer division makes it fit.",
            "Nobody would notice the lost features. What does the docstring ask for instead?", "step 1 of the stub", switches={"check": "drop"},
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
        Variant("contiguous copy", split_copy),
        Variant("unflatten and movedim", split_unflatten),
        Variant("slices, stacked", split_chunks),
        Variant("a product with the identity, extra keyword", split_einsum),
    ),
)
