"""What exercises 5.5, 5.6, 5.8 and 5.9 share: the cases, flaws, mistakes and right answers of rotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from autograder.exercises.nb05_positions.pairs_family import BASE, refuse_odd
from autograder.judging.declare import Mistake, Rng, Test, normal, rounded

ANGLES_IN_FLOAT32 = 2e-5  # what is lost when the angles are computed in float32, as torch does with whole positions


def rope_case(rng: Rng, *shape: int, positions: Any = None, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    at = np.arange(shape[-2]) if positions is None else np.array(positions)
    sizes = {"T": shape[-2], "d": shape[-1]}
    return Case(args=(draw(rng, *shape), at), kwargs=kwargs, sizes=sizes, **{"tolerance": ANGLES_IN_FLOAT32, **options})


def far_away(rng: Rng) -> Case:
    """Positions beyond any table made beforehand; angles in float32 are off by more there."""
    return rope_case(rng, 2, 4, positions=[9001, 3], tolerance=3e-3)


def flawed_rope(x: Any, positions: Any, base: float = BASE, *, pairs: str = "interleaved", sign: int = 1, exponent: str = "2i",
                at: str = "given", known_base: bool = True, cross: str = "both", write: str = "as read", graph: str = "kept",
                width: str = "kept", order: str = "cos sin", refuse: bool = True, angle: float = 1.0) -> Any:
    """Rotary position embedding with switches that break it."""
    d = x.shape[-1]
    if refuse:
        refuse_odd(d)
    elif d % 2:
        return torch.cat([flawed_rope(x[..., :-1], positions, base), x[..., -1:]], -1)
    x = x.detach() if graph == "cut" else x
    base = base if known_base else BASE
    i = torch.arange(d // 2, dtype=torch.float64)
    frequency = base ** (-{"2i": 2 * i, "i": i, "none": 0 * i, "grows": -2 * i}[exponent] / d)
    t = {"given": positions, "plus 1": positions + 1, "counted": torch.arange(x.shape[-2]), "table": torch.arange(2048)}[at]
    t = t[positions] if at == "table" else t
    angles = sign * angle * t.double()[:, None] * frequency
    if width == "kept":
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    else:
        cos, sin = angles.cos(), angles.sin()
    if order == "sin cos":
        cos, sin = sin, cos
    if pairs == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
    else:
        a, b = x[..., : d // 2], x[..., d // 2 :]
    if cross == "none":
        one, other = a * cos, b * sin
    elif cross == "updated":
        one = a * cos - b * sin
        other = one * sin + b * cos
    elif cross == "plus":
        one, other = a * cos + b * sin, a * sin + b * cos
    else:
        one, other = a * cos - b * sin, a * sin + b * cos
    if write == "exchanged":
        one, other = other, one
    if pairs == "half" or write == "halves":
        return torch.cat([one, other], -1)
    return torch.stack([one, other], -1).flatten(-2)


def angles_of(x: Any, positions: Any, base: float) -> Any:
    refuse_odd(x.shape[-1])
    frequency = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    return torch.outer(positions.double(), frequency)


def rope_by_slices(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turned = torch.empty_like(x)
    turned[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    turned[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return turned


def rope_by_pairs(x: Any, positions: Any, base: float = BASE) -> Any:
    d = x.shape[-1]
    if d % 2 != 0:
        raise ValueError("d must be even")
    parts = []
    for i in range(d // 2):
        angle = positions * base ** (-2 * i / d)
        c, s = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
        parts += [x[..., 2 * i] * c - x[..., 2 * i + 1] * s, x[..., 2 * i] * s + x[..., 2 * i + 1] * c]
    return torch.stack(parts, dim=-1)


def rope_by_matrices(x: Any, positions: Any, base: float = BASE, *, offset: int = 0) -> Any:
    angles = angles_of(x, positions + offset, base)
    R = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1).unflatten(-1, (2, 2)).to(x.dtype)
    return torch.einsum("tpij,...tpj->...tpi", R, x.unflatten(-1, (-1, 2))).flatten(-2)


def rope_with_quarter_turn(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base).repeat_interleave(2, dim=-1).to(x.dtype)
    quarter = torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).reshape(x.shape)
    return x * angles.cos() + quarter * angles.sin()


def rope_polar(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base).to(x.dtype)
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(z).flatten(-2)


ROPE_TESTS = (
    Test(
        "one pair", "two features are turned by an angle of `positions`, from the first towards the second",
        lambda rng: [rope_case(rng, 4, 2), rope_case(rng, 1, 2, positions=[3])],
    ),
    Test(
        "every pair", "the pair (2i, 2i + 1) is turned by position · base^(−2i/d)",
        lambda rng: [rope_case(rng, 5, 6), rope_case(rng, 3, 8), rope_case(rng, 4, 4, base=100.0)],
    ),
    Test(
        "the positions that are given", "row t is turned to positions[t], wherever these begin and in whatever order",
        lambda rng: [rope_case(rng, 3, 4, positions=[7, 8, 9]), rope_case(rng, 4, 6, positions=[5, 0, 40, -2]), far_away(rng)],
    ),
    Test(
        "leading dimensions and number types", "the same for a batch and a batch of heads; float32 stays float32",
        lambda rng: [
            rope_case(rng, 3, 5, 4),
            rope_case(rng, 2, 3, 4, 6),
            rope_case(rng, 2, 3, 3, 2, positions=[4, 1, 2]),
            rope_case(rng, 2, 3, 4, dtype="float32"),
        ],
    ),
    Test(
        "gradients", "gradients reach x",
        lambda rng: [rope_case(rng, 3, 4, gradient=True), rope_case(rng, 2, 2, 6, positions=[3, 9], gradient=True)],
    ),
    Test("impossible sizes", "a ValueError when d is odd", lambda rng: [rope_case(rng, 3, 5, raises="ValueError")]),
)


def rope_public(rng: Rng) -> list[Case]:
    return [
        rope_case(rng, 2, 2, draw=rounded),
        rope_case(rng, 2, 2, 6, positions=[3, 5], draw=rounded),
        rope_case(rng, 2, 4, base=100.0, draw=rounded, dtype="float32"),
        rope_case(rng, 2, 4, draw=rounded, gradient=True),
        rope_case(rng, 3, 4, positions=[-1, 0, 2], draw=rounded),
        rope_case(rng, 2, 3, draw=rounded, raises="ValueError"),
    ]


HALVES = Mistake(
    "half-split", "feature i paired with feature i + d/2, the half-split layout", "Every rotary code I have seen cuts x in halves.",
    "This course pairs (0, 1), (2, 3), …. Exercise 5.7 converts.", "step 2 of the stub", switches={"pairs": "half"},
)


BACKWARDS = Mistake(
    "turned-backwards", "a rotation the other way round", "The minus sign can stand in either line.",
    "Turn (1, 0) by a quarter: does it become (0, 1) or (0, −1)?", "step 3 of the stub", switches={"sign": -1},
)


EXPONENT = Mistake(
    "exponent-i", "the exponent i/d where 2i/d is asked for", "The pair number is what stands in the exponent.",
    "For d = 4, which two exponents does the equation give?", "step 1 of the stub", switches={"exponent": "i"},
)


GROWING = Mistake(
    "multiplied-by-the-power", "angles that grow from pair to pair, because the exponent lost its minus sign", "The later pairs turn faster.",
    "Which pair should turn fastest, the first or the last?", "step 1 of the stub", switches={"exponent": "grows"},
)


TABLE_OF_2048 = Mistake(
    "table-of-2048", "angles looked up in a table of 2048 positions", "No text is longer than that.",
    "What do positions −1 and 9000 find in your table?", "step 1 of the stub", switches={"at": "table"},
)


POSITIONS_IGNORED = Mistake(
    "positions-ignored", "positions 0, 1, 2, … whatever `positions` says", "Row t stands at position t.",
    "What if the first rows are already in a cache?", "step 1 of the stub", switches={"at": "counted"},
)


FROM_1 = Mistake(
    "counted-from-1", "every position one too large", "The first position is number 1.", "By how much is position 0 turned?",
    "step 1 of the stub", switches={"at": "plus 1"},
)


BASE_IGNORED = Mistake(
    "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
    "step 1 of the stub", switches={"known_base": False},
)


DETACHED = Mistake(
    "detached", "x cut off from its gradient", "A rotation has nothing to learn.", "Who learns the numbers that make x?",
    "step 2 of the stub", switches={"graph": "cut"},
)


WIDENED = Mistake(
    "widened", "angles in float64, which make the result float64 too", "More digits never hurt.",
    "Look at the number type of what goes in and what comes out.", "step 3 of the stub", switches={"width": "wide"},
)


ODD_ACCEPTED = Mistake(
    "odd-accepted", "an odd width accepted", "The last feature can stay as it is.", "What does the docstring say about odd d?",
    "the docstring", switches={"refuse": False},
)
