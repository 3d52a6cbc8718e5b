"""5.2 shift_matrix: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import BASE, refuse_odd, shift_by_slices
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb05 as reference


def shift_case(k: int, d_model: int, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    return Case(args=(k, d_model), kwargs=kwargs, dtype="float32", sizes={"d_model": d_model}, **options)


def flawed_shift(k: int, d_model: int, base: float = BASE, *, turned: bool = False, size: str = "signed", exponent: str = "2i",
                 layout: str = "interleaved", known_base: bool = True, minus: bool = True, order: str = "sin cos",
                 refuse: bool = True, grows: bool = False, width: str = "float32") -> Any:
    """The shift matrix with switches that break it."""
    if refuse:
        refuse_odd(d_model)
    base = base if known_base else BASE
    k = abs(k) if size == "absolute" else k
    half = d_model // 2
    M = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(half):
        power = {"2i": 2 * i, "i": i, "none": 0}[exponent]
        angle = (1 if size == "one step" else k) * base ** ((power if grows else -power) / d_model)
        a, b = (2 * i, 2 * i + 1) if layout == "interleaved" else (i, i + half)
        same, across = math.cos(angle), math.sin(angle)
        if order == "cos sin":
            same, across = across, same
        M[a, a] = M[b, b] = same
        M[a, b], M[b, a] = across, -across if minus else across
    return (M.T if turned else M).to(getattr(torch, width))


def shift_by_blocks(k: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    blocks = []
    for i in range(d_model // 2):
        c, s = math.cos(k / base ** (2 * i / d_model)), math.sin(k / base ** (2 * i / d_model))
        blocks.append(torch.tensor([[c, s], [-s, c]]))
    return torch.block_diag(*blocks)


def shift_by_exponential(k: int, d_model: int, base: float = BASE, *, steps: int = 1) -> Any:
    refuse_odd(d_model)
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    speed = torch.diag(torch.tensor([base ** (-2 * i / d_model) for i in range(d_model // 2)], dtype=torch.float64))
    return torch.linalg.matrix_power(torch.matrix_exp(k / steps * torch.kron(speed, turn)), steps).float()


EXERCISE = Exercise(
    number="5.2",
    title="shift_matrix",
    names=("shift_matrix",),
    minutes=15,
    starred=True,
    reference=reference.shift_matrix,
    outputs=(Output("matrix", ("d_model", "d_model"), dtype="float32"),),
    public=lambda rng: [
        shift_case(1, 2),
        shift_case(-2, 6),
        shift_case(2, 4, base=100.0),
        shift_case(1, 3, raises="ValueError"),
    ],
    tests=(
        Test("one pair", "for two features, the 2 × 2 matrix of the addition theorems", lambda rng: [shift_case(1, 2), shift_case(5, 2), shift_case(drawn(rng, (2, 30))[0], 2)]),
        Test(
            "every pair", "one 2 × 2 block for each pair of features, and zeros elsewhere",
            lambda rng: [shift_case(2, 6), shift_case(11, 4), shift_case(0, 4), *(shift_case(k, 2 * half) for k, half in [drawn(rng, (1, 30), (2, 7))])],
        ),
        Test("backwards", "a negative k leads back", lambda rng: [shift_case(-1, 4), shift_case(-6, 2), *(shift_case(-k, 2 * half) for k, half in [drawn(rng, (2, 30), (1, 5))])]),
        Test("other bases", "the angles follow from `base`", lambda rng: [shift_case(3, 4, base=100.0), shift_case(-2, 6, base=10.0), *(shift_case(k, 2 * half, base=float(base)) for k, half, base in [drawn(rng, (1, 9), (2, 5), (3, 900))])]),
        Test("impossible sizes", "a ValueError when d_model is odd", lambda rng: [shift_case(2, 5, raises="ValueError"), *(shift_case(k, 2 * half + 1, raises="ValueError") for k, half in [drawn(rng, (1, 9), (1, 9))])]),
    ),
    flawed=flawed_shift,
    mistakes=(
        Mistake(
            "transposed", "the transpose, which leads k steps back", "PE[t] @ M and M @ PE[t] are the same.",
            "Multiply by hand: which of sin and cos stands in the first row of M @ PE[t]?", "step 2 of the stub", switches={"turned": True},
        ),
        Mistake(
            "minus-forgotten", "two plus signs, where the addition theorem of the cosine has a minus", "Both theorems look alike.",
            "cos(a + b) = …?", "step 2 of the stub", switches={"minus": False},
        ),
        Mistake(
            "absolute-shift", "|k| in place of k", "A distance has no sign.", "Where does k = −1 lead?", "step 1 of the stub",
            switches={"size": "absolute"},
        ),
        Mistake(
            "exponent-i", "the exponent i/d_model where 2i/d_model is asked for", "The pair number is what stands in the exponent.",
            "The frequencies are those of exercise 5.1.", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "one-frequency", "the same angle in every block", "A shift by k turns everything by k.",
            "The hands of the dials turn at different speeds.", "step 1 of the stub", switches={"exponent": "none"},
        ),
        Mistake(
            "halves", "feature i paired with feature i + d_model/2", "Sines are in the first half.",
            "Which features make a pair in your table of 5.1?", "step 2 of the stub", switches={"layout": "halves"},
        ),
        Mistake(
            "sine-on-the-diagonal", "sines on the diagonal and cosines beside it", "Sine comes first.",
            "What should the matrix be for k = 0?", "step 2 of the stub", switches={"order": "cos sin"},
        ),
        Mistake(
            "multiplied-by-the-power", "angles that grow from pair to pair, because the exponent lost its minus sign", "The later features turn faster.",
            "Which pair should turn fastest, the first or the last?", "step 1 of the stub", switches={"grows": True},
        ),
        Mistake(
            "one-step", "one step, whatever k is", "The matrix leads to the next position.", "Where is k in your angle?", "step 1 of the stub", switches={"size": "one step"},
        ),
        Mistake(
            "float64-matrix", "a matrix in float64", "More digits never hurt.", "Which number type does the docstring promise?", "the docstring", switches={"width": "float64"},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
            "step 1 of the stub", switches={"known_base": False},
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "One feature more does no harm.", "With whom would the last feature make a pair?",
            "the docstring", switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("block by block", shift_by_blocks),
        Variant("slices of one matrix", shift_by_slices),
        Variant("matrix exponential, extra keyword", shift_by_exponential),
    ),
)
