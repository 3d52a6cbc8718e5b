"""What an error complains of, in words that hold nothing of its text: libraries' messages, sorted into kinds."""

from __future__ import annotations

import re

_KINDS = {
    "the sizes of a product do not fit": (
        "mat1 and mat2",
        "size mismatch",
        r"matmul: ",
        r"batch1|batch2 tensor",
        "inconsistent tensor size",
        "not aligned",
        r"einsum\(\)",
        "tensors used as",
    ),
    "the shapes of two tensors do not fit": (
        "must match the size of tensor",
        "could not be broadcast",
        "must be broadcastable",
        "must match except",
        "expanded size",
        "same number of dimensions",
        "all the input array",
        "stack expects each",
        "must have the same size",
    ),
    "the numbers do not fill the shape that is asked for": (
        "is invalid for input of size",
        "cannot reshape",
        "view size",
    ),
    "an index lies outside of what it looks into": ("out of bounds", "out of range", "Dimension out"),
    "two number types meet that do not mix": (
        "expected scalar type",
        "expected m1 and m2",
        "same dtype",
        "expected .* but (found|got) (Double|Float|Long|Int|Bool)",
        "not implemented for '",
    ),
    "tensors lie on different devices": ("same device", "at least two devices"),
    "a tensor that needs a gradient is overwritten": ("in-place operation", "leaf Variable"),
    "a tensor that needs a gradient is turned into plain numbers": ("requires grad",),
    "something is called with other arguments than it takes": ("unexpected keyword", "positional argument"),
    "an object lacks what is asked of it": ("has no attribute",),
    "many numbers are used as one": (
        "only one element",
        "ambiguous",
        "only length-1",
        "converted to (a )?(Python )?[Ss]calar",
        "elements cannot be converted",
    ),
}


def complaint(message: str) -> str:
    """The kind of an error's text; "" when it is none of those known."""
    for kind, patterns in _KINDS.items():
        if any(re.search(pattern, message) for pattern in patterns):
            return kind
    return ""
