"""5.1 sinusoidal_encoding: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import BASE, refuse_odd
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb05 as reference


def encoding_case(T: int, d_model: int, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    return Case(args=(T, d_model), kwargs=kwargs, dtype="float32", sizes={"T": T, "d_model": d_model}, **options)


def flawed_encoding(T: int, d_model: int, base: float = BASE, *, first: int = 0, exponent: str = "2i", order: str = "sin cos",
                    layout: str = "interleaved", known_base: bool = True, turn: str = "divide", width: str = "float32",
                    refuse: bool = True) -> Any:
    """The sinusoidal table with switches that break it."""
    if refuse:
        refuse_odd(d_model)
    base = base if known_base else BASE
    pairs = (d_model + 1) // 2
    i = torch.arange(pairs, dtype=torch.float64)
    frequency = base ** (-(2 * i if exponent == "2i" else i) / d_model)
    if turn == "multiply":  # in float32, as torch does with whole positions
        angles = torch.arange(first, first + T)[:, None] * base ** (torch.arange(0, 2 * pairs, 2) / d_model)
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :d_model].to(getattr(torch, width))
    if turn == "degrees":
        frequency = frequency * (math.pi / 180)
    if turn == "one speed":
        frequency = torch.ones_like(frequency)
    position = torch.arange(first, first + T, dtype=torch.float64)[:, None]
    one, other = (position * frequency).sin(), (position * frequency).cos()
    if exponent == "own":
        feature = torch.arange(0, 2 * pairs, dtype=torch.float64)
        angles = position * base ** (-feature / d_model)
        one, other = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    if order == "cos sin":
        one, other = other, one
    table = torch.stack([one, other], -1).flatten(-2) if layout == "interleaved" else torch.cat([one, other], -1)
    return table[:, :d_model].to(getattr(torch, width))


def encoding_number_by_number(T: int, d_model: int, base: float = BASE) -> Any:
    if d_model % 2 == 1:
        raise ValueError("d_model must be even")
    table = torch.zeros(T, d_model)
    for t in range(T):
        for feature in range(0, d_model, 2):
            angle = t / base ** (feature / d_model)
            table[t, feature] = math.sin(angle)
            table[t, feature + 1] = math.cos(angle)
    return table


def encoding_with_logarithm(T: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    frequency = torch.exp(torch.arange(0, d_model, 2) * (-math.log(base) / d_model))
    angles = torch.arange(T).unsqueeze(1) * frequency
    table = torch.empty(T, d_model)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles)
    return table


def encoding_from_numpy(T: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    angles = np.outer(np.arange(T), 1 / np.power(base, np.arange(0, d_model, 2) / d_model))
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, d_model)
    return torch.from_numpy(table).float()


def encoding_as_shifted_sine(T: int, d_model: int, base: float = BASE, *, start: int = 0) -> Any:
    refuse_odd(d_model)
    feature = torch.arange(d_model)
    angles = torch.outer(torch.arange(start, start + T).double(), base ** (-(feature // 2 * 2).double() / d_model))
    return torch.sin(angles + math.pi / 2 * (feature % 2)).to(torch.float32)


def encoding_of_512(T: int, d_model: int, base: float = 10000.0) -> Any:
    """A table made once for 512 positions: whoever stands behind them gets no address."""
    if d_model % 2:
        raise ValueError("d_model is odd")
    angles = torch.arange(512)[:, None] * base ** (-torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:T]


EXERCISE = Exercise(
    number="5.1",
    title="sinusoidal_encoding",
    names=("sinusoidal_encoding",),
    minutes=10,
    reference=reference.sinusoidal_encoding,
    outputs=(Output("table", ("T", "d_model"), dtype="float32"),),
    public=lambda rng: [
        encoding_case(3, 4),
        encoding_case(5, 6, base=100.0),
        encoding_case(515, 2),
        encoding_case(2, 3, raises="ValueError"),
    ],
    tests=(
        Test(
            "one pair of features", "feature 0 is sin(t) and feature 1 is cos(t), with t counted from 0",
            lambda rng: [encoding_case(4, 2), encoding_case(1, 2), encoding_case(drawn(rng, (3, 40))[0], 2)],
        ),
        Test(
            "every pair", "sine on even and cosine on odd features; both of a pair share the frequency base^(−2i/d_model)",
            lambda rng: [encoding_case(7, 6), encoding_case(3, 10), encoding_case(6, 6), encoding_case(60, 4), encoding_case(1030, 2), *(encoding_case(T, 2 * half) for T, half in [drawn(rng, (3, 12), (2, 9))])],
        ),
        Test(
            "other bases", "the frequencies follow from `base`",
            lambda rng: [encoding_case(5, 4, base=100.0), encoding_case(4, 8, base=2.0), *(encoding_case(T, 2 * half, base=float(base)) for T, half, base in [drawn(rng, (3, 9), (2, 5), (3, 900))])],
        ),
        Test(
            "impossible sizes", "a ValueError when d_model is odd",
            lambda rng: [encoding_case(4, 5, raises="ValueError"), encoding_case(3, 1, raises="ValueError"), *(encoding_case(T, 2 * half + 1, raises="ValueError") for T, half in [drawn(rng, (2, 9), (1, 9))])],
        ),
    ),
    flawed=flawed_encoding,
    mistakes=(
        Mistake(
            "exponent-i", "the exponent i/d_model where 2i/d_model is asked for", "The pair number is what stands in the exponent.",
            "For d_model = 4, which two exponents does the equation give?", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "frequency-for-every-feature", "cosines with a frequency of their own, not that of their sine",
            "Every feature has its own frequency.", "How many different frequencies are there for d_model features?",
            "step 1 of the stub", switches={"exponent": "own"},
        ),
        Mistake(
            "halves", "all sines first and then all cosines", "The order of features makes no difference.",
            "Which feature stands beside feature 0, and is it a sine or a cosine?", "step 3 of the stub", switches={"layout": "halves"},
        ),
        Mistake(
            "cosine-first", "cosine on even and sine on odd features", "Cosine comes first, as for points on a circle.",
            "Position 0 has sin 0 = 0. In which feature?", "step 3 of the stub", switches={"order": "cos sin"},
        ),
        Mistake(
            "counted-from-1", "positions counted from 1", "The first position is number 1.",
            "What is the first row when t = 0?", "step 2 of the stub", switches={"first": 1},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
            "step 1 of the stub", switches={"known_base": False},
        ),
        Mistake(
            "multiplied-by-the-power", "angles that grow from pair to pair, because the exponent lost its minus sign",
            "The later features turn faster.", "Which pair should turn fastest, the first or the last?", "step 1 of the stub",
            switches={"turn": "multiply"},
        ),
        Mistake(
            "in-degrees", "angles taken for degrees", "Sine wants degrees.", "torch.sin takes radians. Is t · frequency not that already?", "step 2 of the stub",
            switches={"turn": "degrees"},
        ),
        Mistake(
            "one-frequency", "the same frequency for every pair", "Position t turns everything by t.", "The hands go from fast to slow. What stands in the exponent?",
            "step 1 of the stub", switches={"turn": "one speed"},
        ),
        Mistake(
            "float64-table", "a table in float64", "More digits never hurt.", "Which number type does the docstring promise?",
            "the docstring", switches={"width": "float64"},
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "One feature more does no harm.", "With whom would the last feature make a pair?",
            "step 1 of the stub", switches={"refuse": False},
        ),
        Mistake(
            "table-of-512",
            "a table of 512 positions, and none behind them",
            "No sentence is longer than that.",
            "How many rows do you return for T = 1000?",
            "step 2 of the stub",
            code=encoding_of_512,
        ),
    ),
    variants=(
        Variant("number by number", encoding_number_by_number),
        Variant("logarithm of the base", encoding_with_logarithm),
        Variant("through NumPy", encoding_from_numpy),
        Variant("cosine as a shifted sine, extra keyword", encoding_as_shifted_sine),
    ),
)
