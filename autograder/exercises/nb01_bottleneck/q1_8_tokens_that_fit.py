"""1.8 tokens_that_fit: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb01 as reference


def fit_case(d_h: int, bits_per_number: int, V: int) -> Case:
    return Case(args=(d_h, bits_per_number, V))


def flawed_fit(
    d_h: int,
    bits_per_number: int,
    V: int,
    *,
    logarithm: str = "of 2",
    rounding: str = "down",
    bits: str = "all",
    boundary: str = "included",
) -> Any:
    """The number of tokens that fit, with switches that break it."""
    total = {
        "all": d_h * bits_per_number,
        "bytes": 8 * d_h * bits_per_number,
        "numbers": d_h,
        "one number": bits_per_number,
        "squared": d_h * d_h * bits_per_number,
    }[bits]
    per_token = {
        "of 2": math.log2(V),
        "natural": math.log(V),
        "of 10": math.log10(V),
        "whole bits": max(1, (V - 1).bit_length()),
        "bits of V": V.bit_length(),
        "the vocabulary": V,
    }[logarithm]
    roundings: dict[str, Any] = {"down": math.floor, "up": math.ceil, "nearest": round}
    n = roundings[rounding](total / per_token)
    if (logarithm, rounding) == ("of 2", "down") and V**n > 2**total:
        n -= 1  # a logarithm that was rounded
    if boundary == "excluded" and V**n == 2**total:
        n -= 1
    return n


def fit_by_natural_logarithms(d_h: int, bits_per_number: int, V: int) -> Any:
    return int(d_h * bits_per_number * math.log(2) / math.log(V))


def fit_by_counting(d_h: int, bits_per_number: int, V: int) -> Any:
    states, n = 2 ** (d_h * bits_per_number), 0
    while V ** (n + 1) <= states:
        n += 1
    return n


def fit_by_dividing(d_h: int, bits_per_number: int, V: int) -> Any:
    states, n = 1 << (d_h * bits_per_number), 0
    while states >= V:
        states //= V
        n += 1
    return n


def fit_by_halving(d_h: int, bits_per_number: int, V: int) -> Any:
    low, high = 0, d_h * bits_per_number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if V**middle <= 2 ** (d_h * bits_per_number) else (low, middle - 1)
    return low


def fit_by_logarithm_of_2(d_h: int, bits_per_number: int, V: int, *, exact: bool = True) -> Any:
    n = math.floor(d_h * bits_per_number / math.log2(V))
    return n - 1 if exact and V**n > 2 ** (d_h * bits_per_number) else n


def fit_nudged(d_h: int, bits_per_number: int, V: int) -> int:
    """A little is added, so that an exact fit is not rounded away: and what all but fits is let in."""
    return int(d_h * bits_per_number / math.log2(V) + 1e-9)


def fit_as_a_float(d_h: int, bits_per_number: int, V: int) -> Any:
    return float(fit_by_dividing(d_h, bits_per_number, V))


def fit_one_more(d_h: int, bits_per_number: int, V: int) -> Any:
    return fit_by_dividing(d_h, bits_per_number, V) + 1


def fit_one_fewer(d_h: int, bits_per_number: int, V: int) -> Any:
    return fit_by_dividing(d_h, bits_per_number, V) - 1


def fit_at_least_one(d_h: int, bits_per_number: int, V: int) -> Any:
    return max(1, fit_by_dividing(d_h, bits_per_number, V))


def fit_powers_added(d_h: int, bits_per_number: int, V: int) -> Any:
    """All sequences of up to n tokens, where those of exactly n are counted."""
    n, sequences = 0, V
    while sequences <= 2 ** (d_h * bits_per_number):
        n += 1
        sequences += V ** (n + 1)
    return n


EXERCISE = Exercise(
    number="1.8",
    title="tokens_that_fit",
    names=("tokens_that_fit",),
    minutes=10,
    starred=True,
    reference=reference.tokens_that_fit,
    outputs=(Output("number of tokens", (), dtype="whole"),),
    public=lambda rng: [
        fit_case(2, 3, 2),
        fit_case(2, 3, 10),
        fit_case(6, 5, 10),
        fit_case(3, 5, 8),
        fit_case(4, 8, 100),
        fit_case(3, 17, 2),
        fit_case(60, 1, 2**60 + 1),
        fit_case(1, 6, 8),
        fit_case(1, 2, 9),
    ],
    tests=(
        Test(
            "small sizes",
            "the largest n with V^n ≤ 2^(d_h · bits)",
            lambda rng: [fit_case(2, 4, 3), fit_case(5, 3, 10), fit_case(7, 2, 29), fit_case(2, 9, 6), fit_case(*drawn(rng, (2, 9), (2, 9), (3, 30)))],
        ),
        Test(
            "it fits exactly",
            "n tokens fit when V^n is exactly 2^(d_h · bits)",
            lambda rng: [
                fit_case(3, 7, 8),
                fit_case(29, 1, 2),
                fit_case(6, 5, 64),
                fit_case(5, 11, 2),
                fit_case(5, 7, 32),
                fit_case(4, 16, 16),
                fit_case(5, 22, 4),
                *(fit_case(n, bits, 2**bits) for n, bits in [drawn(rng, (2, 9), (2, 6))]),
            ],
        ),
        Test(
            "nothing fits",
            "0 when there are fewer states than tokens",
            lambda rng: [fit_case(1, 3, 9), fit_case(2, 2, 1000), fit_case(60, 1, 2**60 + 1), *(fit_case(1, bits, 2**bits + more) for bits, more in [drawn(rng, (3, 10), (1, 50))])],
        ),
        Test(
            "real sizes",
            "the same for the widths and vocabularies of real models",
            lambda rng: [fit_case(512, 32, 30_000), fit_case(1000, 16, 50_257), fit_case(120, 1, 2**60 + 1), fit_case(60, 3, 2**60 - 1), fit_case(*drawn(rng, (64, 1025), (8, 33), (8000, 100_000)))],
        ),
    ),
    flawed=flawed_fit,
    mistakes=(
        Mistake(
            "natural-logarithm",
            "natural logarithms against bits",
            "log is log.",
            "A bit is a choice between 2. Which logarithm counts those?",
            "step 2 of the stub",
            switches={"logarithm": "natural"},
        ),
        Mistake(
            "logarithm-of-10",
            "logarithms of base 10 against bits",
            "log means base 10.",
            "A bit is a choice between 2. Which logarithm counts those?",
            "step 2 of the stub",
            switches={"logarithm": "of 10"},
        ),
        Mistake(
            "whole-bits-per-token",
            "a whole number of bits for each token",
            "A token out of 10 needs 4 bits.",
            "Together, tokens can share a bit: 3 tokens out of 10 are 1000 cases, and 10 bits are enough.",
            "step 2 of the stub",
            switches={"logarithm": "whole bits"},
        ),
        Mistake(
            "bits-of-V-itself",
            "as many bits for each token as it takes to write V",
            "V.bit_length() are the bits of a token.",
            "With V = 8 the tokens are 0 to 7: how many bits does the largest of them take? And can tokens share a bit?",
            "step 2 of the stub",
            switches={"logarithm": "bits of V"},
        ),
        Mistake(
            "vocabulary-as-bits",
            "V bits for each token",
            "A token is a one-hot vector of V numbers.",
            "How many questions with yes or no single out one of V?",
            "step 2 of the stub",
            switches={"logarithm": "the vocabulary"},
        ),
        Mistake(
            "rounded-up",
            "the number rounded up",
            "The last token fits nearly.",
            "Check your n in the inequality.",
            "step 3 of the stub",
            switches={"rounding": "up"},
        ),
        Mistake(
            "rounded-to-nearest",
            "the number rounded to the nearest",
            "Rounding is fair.",
            "Check your n in the inequality.",
            "step 3 of the stub",
            switches={"rounding": "nearest"},
        ),
        Mistake(
            "precision-ignored",
            "one bit for each number of the vector",
            "A vector of d_h numbers holds d_h bits.",
            "How many bits has one number?",
            "step 1 of the stub",
            switches={"bits": "numbers"},
        ),
        Mistake(
            "width-ignored",
            "the bits of one number only",
            "bits_per_number are the bits there are.",
            "How many numbers are there?",
            "step 1 of the stub",
            switches={"bits": "one number"},
        ),
        Mistake(
            "less-than",
            "an exact fit left out",
            "Fewer sequences than states.",
            "≤ allows both sides to be equal.",
            "the equation above the stub",
            switches={"boundary": "excluded"},
        ),
        Mistake(
            "rounding-errors",
            "logarithms whose rounding loses an exact fit",
            "Logarithms are exact enough.",
            "Try V = 2 with many numbers of bits, or stay with whole numbers.",
            "step 3 of the stub",
            code=fit_by_natural_logarithms,
        ),
        Mistake(
            "nudged-logarithm",
            "logarithms in floats, with a little added against rounding",
            "A tiny number repairs a rounding error.",
            "How large is V = 2⁶⁰ + 1 beside 2⁶⁰, and what does a float make of its logarithm? Compare whole numbers.",
            "step 3 of the stub",
            code=fit_nudged,
        ),
        Mistake(
            "a-float", "96.0 instead of 96", "A number is a number.",
            "n counts tokens: which kind of number is that?", "the return line", code=fit_as_a_float,
        ),
        Mistake(
            "one-more", "one token too many", "The loop stops at the first n that fails.",
            "Check your n in the inequality.", "step 3 of the stub", code=fit_one_more,
        ),
        Mistake(
            "one-fewer", "one token too few", "The loop starts at 1.",
            "Check n + 1 in the inequality, too.", "step 3 of the stub", code=fit_one_fewer,
        ),
        Mistake(
            "at-least-one", "1 where nothing fits", "One token always fits.",
            "How many states has a vector of 2 bits, and how many tokens are there?", "step 3 of the stub", code=fit_at_least_one,
        ),
        Mistake(
            "shorter-ones-counted-too", "all sequences of up to n tokens counted", "The vector has to hold shorter ones, too.",
            "The inequality counts sequences of exactly n tokens.", "the equation above the stub", code=fit_powers_added,
        ),
        Mistake(
            "bytes-for-bits", "8 bits counted for each bit", "A number has bytes.",
            "bits_per_number are bits already.", "step 1 of the stub", switches={"bits": "bytes"},
        ),
    ),
    variants=(
        Variant("counting up", fit_by_counting),
        Variant("dividing down", fit_by_dividing),
        Variant("halving the interval", fit_by_halving),
        Variant("logarithm of 2, checked, extra keyword", fit_by_logarithm_of_2),
    ),
)
