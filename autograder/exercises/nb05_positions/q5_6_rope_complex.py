"""5.6 rope_complex: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import BASE, refuse_odd
from autograder.exercises.nb05_positions.rope_family import (
    BACKWARDS,
    BASE_IGNORED,
    DETACHED,
    EXPONENT,
    FROM_1,
    GROWING,
    HALVES,
    ODD_ACCEPTED,
    POSITIONS_IGNORED,
    ROPE_TESTS,
    TABLE_OF_2048,
    WIDENED,
    angles_of,
    rope_polar,
    rope_public,
    rope_with_quarter_turn,
)
from autograder.judging.declare import Exercise, Mistake, Variant
from autograder.reference import nb05 as reference


def rope_complex_exponential(x: Any, positions: Any, base: float = BASE) -> Any:
    turn = torch.exp(1j * angles_of(x, positions, base))
    z = torch.complex(x[..., 0::2], x[..., 1::2]) * turn
    return torch.stack((z.real, z.imag), dim=-1).reshape(x.shape).to(x.dtype)


def flawed_complex(x: Any, positions: Any, base: float = BASE, *, pairs: str = "interleaved", sign: int = 1, exponent: str = "2i",
                   at: str = "given", known_base: bool = True, join: str = "multiply", back: str = "real", graph: str = "kept",
                   width: str = "kept", refuse: bool = True) -> Any:
    """The complex form of RoPE with switches that break it."""
    d = x.shape[-1]
    if refuse:
        refuse_odd(d)
    elif d % 2:
        return torch.cat([flawed_complex(x[..., :-1], positions, base), x[..., -1:]], -1)
    x = x.detach() if graph == "cut" else x
    base = base if known_base else BASE
    power = {"2i": torch.arange(0, d, 2), "i": torch.arange(d // 2), "grows": -torch.arange(0, d, 2)}[exponent].double()
    t = {"given": positions, "plus 1": positions + 1, "counted": torch.arange(x.shape[-2]), "table": torch.arange(2048)}[at].double()
    t = t[positions] if at == "table" else t
    angles = sign * t.outer(base ** (-power / d))
    turn = torch.polar(torch.ones_like(angles), angles)
    if join == "angle":
        turn = angles.to(turn.dtype)
    elif join == "stretch":
        turn = torch.polar(angles, angles)
    z = torch.complex(x[..., ::2], x[..., 1::2]) if pairs == "interleaved" else torch.complex(x[..., : d // 2], x[..., d // 2 :])
    if width == "kept":
        turn = turn.to(z.dtype)
    if join == "arguments swapped":
        turn = torch.polar(angles.abs(), torch.ones_like(angles)).to(z.dtype)
    z = z + turn if join == "add" else z.conj() * turn if join == "conjugate" else z * turn
    if back == "complex":
        return z
    if back == "pairs":
        return torch.view_as_real(z)
    if back == "real part":
        return z.real.repeat_interleave(2, -1)
    return torch.view_as_real(z).flatten(-2) if pairs == "interleaved" else torch.cat([z.real, z.imag], -1)


EXERCISE = Exercise(
    number="5.6",
    title="rope_complex",
    names=("rope_complex",),
    minutes=10,
    starred=True,
    reference=reference.rope_rotate,
    outputs=(Output("turned features", ("...", "T", "d")),),
    public=rope_public,
    tests=ROPE_TESTS,
    flawed=flawed_complex,
    mistakes=(
        HALVES,
        BACKWARDS,
        EXPONENT,
        GROWING,
        TABLE_OF_2048,
        POSITIONS_IGNORED,
        FROM_1,
        Mistake(
            "angle-as-factor", "the angle itself as the factor, which stretches and does not turn", "Multiplying by the angle turns by the angle.",
            "Which complex number of length 1 points in the direction of an angle?", "step 1 of the stub", switches={"join": "angle"},
        ),
        Mistake(
            "length-is-not-1", "turning numbers that are not of length 1", "torch.polar takes the angle twice.", "What are the two arguments of torch.polar?",
            "step 1 of the stub", switches={"join": "stretch"},
        ),
        Mistake(
            "length-and-angle-exchanged", "numbers as long as the angle, all in the direction of one radian", "torch.polar takes the angle first.",
            "What are the two arguments of torch.polar, in order?", "step 1 of the stub", switches={"join": "arguments swapped"},
        ),
        Mistake(
            "conjugated", "the conjugate of x turned, so that every second feature has the wrong sign", "Attention conjugates one side.",
            "At position 0 nothing moves. What does your function give there?", "step 2 of the stub", switches={"join": "conjugate"},
        ),
        Mistake(
            "added", "the turning number added, not multiplied", "Positions are added to the features.",
            "In 5.1 a position is added. What does RoPE do?", "step 3 of the stub", switches={"join": "add"},
        ),
        Mistake(
            "complex-returned", "complex numbers, not turned back into pairs", "The numbers are right.", "Which shape and number type does x have?",
            "step 4 of the stub", switches={"back": "complex"},
        ),
        Mistake(
            "pairs-not-joined", "a last axis of length 2 that is still there", "view_as_real undoes view_as_complex.", "Print the shape of what you return.",
            "step 4 of the stub", switches={"back": "pairs"},
        ),
        Mistake(
            "real-part-only", "the real part in both features of a pair", "Features are real, so the real part is enough.",
            "Where has the imaginary part gone?", "step 4 of the stub", switches={"back": "real part"},
        ),
        BASE_IGNORED,
        DETACHED,
        WIDENED,
        ODD_ACCEPTED,
    ),
    variants=(
        Variant("polar", rope_polar),
        Variant("complex exponential", rope_complex_exponential),
        Variant("no complex numbers", rope_with_quarter_turn),
    ),
)
