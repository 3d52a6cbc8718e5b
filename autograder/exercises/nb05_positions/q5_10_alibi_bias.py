"""5.10 alibi_bias: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb05 as reference


def alibi_case(H: int, T: int, S: int, **options: Any) -> Case:
    return Case(args=(H, T, S), dtype="float32", sizes={"H": H, "T": T, "S": S}, **options)


def powers(n: int, first: int = 1) -> Any:
    """The slopes of n heads by the one formula, counted from `first`."""
    return 2.0 ** (-8.0 * torch.arange(first, n + first, dtype=torch.float64) / n)


def flawed_slopes(H: int, kind: str) -> Any:
    below = 2 ** int(math.log2(H))
    if kind == "one formula":
        return powers(H)
    if kind == "from 0":
        return torch.cat([powers(below, 0), powers(2 * below, 0)[0::2][: H - below]])
    if kind == "halves":
        return 2.0 ** -torch.arange(1.0, H + 1, dtype=torch.float64)
    if kind == "above, cut":
        return powers(below if below == H else 2 * below)[:H]
    if kind == "nearest power":
        near = 2 ** round(math.log2(H))
        return torch.cat([powers(near)[:H], powers(2 * near)[0::2][: max(0, H - near)]])
    if kind == "strictly below":
        small = below // 2 if below == H and H > 1 else below
        return torch.cat([powers(small), powers(2 * small)[0::2][: H - small]])
    if kind == "no 8":
        return torch.cat([powers(below) ** 0.125, (powers(2 * below) ** 0.125)[0::2][: H - below]])
    if kind == "base e":
        return torch.cat([powers(below), powers(2 * below)[0::2][: H - below]]) ** (1 / math.log(2))
    if kind == "over h":
        return torch.cat([powers(n)[0] / torch.arange(1, n + 1)[:: 1 if n == below else 2] for n in (below, 2 * below)])[:H]
    if kind == "equal":
        return torch.full((H,), 2.0**-8 if H == 1 else 0.5, dtype=torch.float64)
    rest = {
        "in a row": powers(2 * below)[: H - below], "even": powers(2 * below)[1::2][: H - below],
        "the last again": powers(below)[-1:].expand(H - below), "zeros": torch.zeros(H - below, dtype=torch.float64),
    }
    more = rest.get(kind, powers(2 * below)[0::2][: H - below])
    slopes = torch.cat([more, powers(below)] if kind == "new ones first" else [powers(below), more])
    if kind == "sorted":
        return slopes.sort(descending=True).values
    return slopes.flip(0) if kind == "reversed" else slopes


def flawed_alibi(H: int, T: int, S: int, *, slopes: str = "paper", sign: int = -1, align: str = "end", ahead: str = "far", axes: str = "H T S",
                 width: str = "float32", grows: str = "linear", check: bool = True, powers_only: bool = False, result: str = "bias") -> Any:
    """The ALiBi bias with switches that break it."""
    if check and S < T:
        raise ValueError("S is smaller than T")
    if powers_only and H & (H - 1):
        raise ValueError("H is no power of two")
    at = {"end": torch.arange(S - T, S), "start": torch.arange(T), "one further": torch.arange(S - T + 1, S + 1), "the last": torch.full((T,), S - 1)}[align]
    back = at[:, None] - torch.arange(S)
    distance = {"far": back.abs(), "rewarded": back, "near": back.clamp(min=0), "blocked": back.abs()}[ahead].double()
    distance = distance.square() if grows == "square" else (distance + 1).log() if grows == "logarithm" else distance
    bias = sign * flawed_slopes(H, slopes)[:, None, None] * distance
    if ahead == "blocked":
        bias = bias.masked_fill(back < 0, -math.inf)
    bias = bias.exp() if result == "factors" else bias
    bias = {"H T S": bias, "H S T": bias.transpose(1, 2), "T S H": bias.permute(1, 2, 0)}[axes]
    return bias.to(getattr(torch, width))


def alibi_longer_list(H: int, T: int, S: int) -> Any:
    """All slopes of the power of two at or above H: every second one first, then the others."""
    if T > S:
        raise ValueError("queries without a place")
    above = 1 << (H - 1).bit_length()
    slopes = 2.0 ** (torch.arange(1, above + 1) * (-8.0 / above))
    if above != H:
        slopes = torch.cat([slopes[1::2], slopes[::2]])[:H]
    places = torch.arange(S)
    return -slopes.view(H, 1, 1) * (places[S - T :, None] - places).abs()


def alibi_slopes_again(n: int) -> list[float]:
    if n & (n - 1) == 0:
        return [2 ** (-8 * (i + 1) / n) for i in range(n)]
    closest = 2 ** (n.bit_length() - 1)
    return alibi_slopes_again(closest) + alibi_slopes_again(2 * closest)[::2][: n - closest]


def alibi_recursive(H: int, T: int, S: int) -> Any:
    if S - T < 0:
        raise ValueError("S < T")
    grid = torch.stack([torch.arange(S - T + t, S - T + t - S, -1) for t in range(T)]).abs()
    return torch.tensor(alibi_slopes_again(H))[:, None, None] * -grid


def alibi_numpy(H: int, T: int, S: int, *, most: float = 8.0) -> Any:
    if S < T:
        raise ValueError("too few keys")
    n = 2 ** math.floor(math.log2(H))
    exponents = np.concatenate([np.arange(1, n + 1) / n, np.arange(1, 2 * (H - n), 2) / (2 * n)])
    t, s = np.mgrid[S - T : S, 0:S]
    return torch.from_numpy(-np.multiply.outer(2.0 ** (-most * exponents), np.abs(t - s)).astype(np.float32))


def alibi_by_steps(H: int, T: int, S: int) -> Any:
    if S < T:
        raise ValueError("no")
    bias = torch.zeros(H, T, S)
    for h, slope in enumerate(alibi_slopes_again(H)):
        for t in range(T):
            for s in range(S):
                bias[h, t, s] = -slope * abs(S - T + t - s)
    return bias


def alibi_of_512(H: int, T: int, S: int) -> Any:
    """Cut out of a table for 512 positions: whoever is further away gets the last number."""
    if S < T:
        raise ValueError("S < T")
    back = (torch.arange(S - T, S)[:, None] - torch.arange(S)).abs().clamp(max=511)
    return -torch.tensor(alibi_slopes_again(H))[:, None, None] * back


EXERCISE = Exercise(
    number="5.10",
    title="alibi_bias",
    names=("alibi_bias",),
    minutes=15,
    starred=True,
    further=True,
    reference=reference.alibi_bias,
    outputs=(Output("bias", ("H", "T", "S"), dtype="float32"),),
    public=lambda rng: [
        alibi_case(2, 3, 3),
        alibi_case(3, 2, 4),
        alibi_case(6, 1, 3),
        alibi_case(5, 1, 3),
        alibi_case(4, 2, 5),
        alibi_case(2, 1, 515),
        alibi_case(2, 3, 2, raises="ValueError"),
    ],
    tests=(
        Test(
            "a power of two", "with H heads, a power of two, head h has the slope 2^(−8(h+1)/H), and the bias is −slope · distance",
            lambda rng: [alibi_case(1, 3, 3), alibi_case(4, 5, 5), alibi_case(8, 3, 3), alibi_case(16, 2, 2), *(alibi_case(2**power, T, T) for power, T in [drawn(rng, (1, 6), (3, 9))])],
        ),
        Test(
            "any number of heads", "the slopes of the power of two below H, then the first, third, fifth … of the next power's",
            lambda rng: [alibi_case(3, 4, 4), alibi_case(5, 2, 2), alibi_case(6, 3, 3), alibi_case(12, 2, 2), alibi_case(7, 2, 2), alibi_case(4, 2, 2), *(alibi_case(2**power + more, T, T) for power, more, T in [drawn(rng, (3, 5), (1, 8), (2, 6))])],
        ),
        Test(
            "beside a cache", "query t stands at position S − T + t",
            lambda rng: [alibi_case(2, 1, 7), alibi_case(4, 2, 5), alibi_case(3, 2, 6), alibi_case(2, 1, 700), *(alibi_case(H, T, T + more) for H, T, more in [drawn(rng, (2, 9), (1, 5), (1, 9))])],
        ),
        Test("impossible sizes", "a ValueError when S is smaller than T", lambda rng: [alibi_case(2, 4, 3, raises="ValueError"), alibi_case(3, 2, 1, raises="ValueError"), *(alibi_case(2, S + more, S, raises="ValueError") for S, more in [drawn(rng, (1, 6), (1, 6))])]),
    ),
    flawed=flawed_alibi,
    mistakes=(
        Mistake(
            "one-formula-for-all", "2^(−8(h+1)/H) also where H is no power of two", "The formula has H in it.",
            "For H = 3 the first two slopes are those of two heads. Which two?", "step 2 of the stub", switches={"slopes": "one formula"},
        ),
        Mistake(
            "slopes-from-0", "exponents counted from 0, so that the first head has the slope 1", "Heads count from 0.",
            "What is the slope of the only head for H = 1?", "step 1 of the stub", switches={"slopes": "from 0"},
        ),
        Mistake(
            "halved-from-head-to-head", "slopes ½, ¼, ⅛ …, however many heads there are", "Each head looks twice as far.",
            "That is so for eight heads. What changes with H in the exponent?", "step 1 of the stub", switches={"slopes": "halves"},
        ),
        Mistake(
            "next-power-cut-off", "the slopes of the power of two above H, cut off", "Round up and take the first H.",
            "Then the flattest slopes are lost. Which list does the rule begin with?", "step 2 of the stub", switches={"slopes": "above, cut"},
        ),
        Mistake(
            "the-next-ones-in-a-row", "the missing slopes taken in a row, not every second one", "Fill up from the longer list.",
            "Every other slope of the longer list is one you have already. Which ones are new?", "step 2 of the stub", switches={"slopes": "in a row"},
        ),
        Mistake(
            "second-fourth-sixth", "the second, fourth … of the longer list, which are there already", "Every second one is [1::2].",
            "Compare the slopes you add with those you have.", "step 2 of the stub", switches={"slopes": "even"},
        ),
        Mistake(
            "last-slope-again", "the flattest slope for every missing head", "The list ends, so its last slope goes on.",
            "Then several heads have one slope. Which longer list has new ones?", "step 2 of the stub", switches={"slopes": "the last again"},
        ),
        Mistake(
            "missing-slopes-0", "no bias in the heads beyond the power of two", "There are no slopes for them.",
            "Which longer list has slopes for them?", "step 2 of the stub", switches={"slopes": "zeros"},
        ),
        Mistake(
            "new-slopes-first", "the added slopes in front of those of the power of two", "Steep slopes come first.",
            "Which list does the rule begin with?", "step 2 of the stub", switches={"slopes": "new ones first"},
        ),
        Mistake(
            "nearest-power", "the power of two that is nearest to H, which may lie above it", "round(log2(H)) gives the power.",
            "What is round(log₂ 3)? Which power of two is the largest in 3?", "step 2 of the stub", switches={"slopes": "nearest power"},
        ),
        Mistake(
            "power-strictly-below", "the power of two strictly below H, also where H is one itself", "The power below H.",
            "Which list does the rule take for H = 4?", "step 1 of the stub", switches={"slopes": "strictly below"},
        ),
        Mistake(
            "no-eight-in-the-exponent", "slopes without the 8 in the exponent, which are far too steep", "The exponent is −(h + 1)/H.",
            "What is the last slope of the rule: 2^(−1) or 2^(−8)?", "the equation above the stub", switches={"slopes": "no 8"},
        ),
        Mistake(
            "powers-of-e", "powers of e in place of powers of 2", "exp is the power.", "What is the base of the slopes in the equation?", "the equation above the stub",
            switches={"slopes": "base e"},
        ),
        Mistake(
            "divided-by-the-head", "the first slope divided by 1, 2, 3 …", "Slopes fall from head to head.", "A geometric row is *multiplied* by the same number from head to head.",
            "the equation above the stub", switches={"slopes": "over h"},
        ),
        Mistake(
            "other-numbers-of-heads-refused", "a ValueError where H is no power of two", "The formula is for powers of two.",
            "The docstring says what the slopes are for any other H.", "step 2 of the stub", switches={"powers_only": True},
        ),
        Mistake(
            "queries-one-further", "every query placed one position too far", "Positions end at S.", "At which position does the last of S keys stand, if the first stands at 0?",
            "step 3 of the stub", switches={"align": "one further"},
        ),
        Mistake(
            "all-queries-last", "every query placed at the last position", "A query is the newest token.", "With T = 3, where do the two queries before the last one stand?",
            "step 3 of the stub", switches={"align": "the last"},
        ),
        Mistake(
            "factors", "the exponentials of the bias, which would be factors", "A bias makes weights smaller.",
            "What is the bias at distance 0: 0 or 1? It is *added* to the scores.", "step 4 of the stub", switches={"result": "factors"},
        ),
        Mistake(
            "sorted", "the slopes sorted, so that the added ones stand between the others", "Slopes fall from head to head.",
            "Weights of a trained model go with the order of the rule. Where does it put the new slopes?", "step 2 of the stub", switches={"slopes": "sorted"},
        ),
        Mistake(
            "flattest-first", "the slopes in reverse order", "The first head looks furthest.",
            "Is 2^(−8/H) the first or the last slope of the rule?", "step 1 of the stub", switches={"slopes": "reversed"},
        ),
        Mistake(
            "one-slope-for-all", "the same slope for every head", "A distance is a distance.",
            "What makes one head look near and another one far?", "step 1 of the stub", switches={"slopes": "equal"},
        ),
        Mistake(
            "far-is-louder", "a bias that grows with the distance", "Slope times distance.",
            "After the softmax, should a far key get more or less?", "step 4 of the stub", switches={"sign": 1},
        ),
        Mistake(
            "cache-forgotten", "query t placed at position t, though keys stand before it in a cache", "Query 0 is the first position.",
            "With T = 1 and S = 7: at which position does the one query stand?", "step 3 of the stub", switches={"align": "start"},
        ),
        Mistake(
            "ahead-is-rewarded", "keys ahead of the query made louder the further they are", "Distance is position minus position.",
            "What sign has the difference for a key ahead?", "step 3 of the stub", switches={"ahead": "rewarded"},
        ),
        Mistake(
            "no-bias-ahead", "no bias for keys ahead of the query", "A causal model never looks ahead.",
            "Then the mask takes them out. The docstring says what the bias is for them.", "step 3 of the stub", switches={"ahead": "near"},
        ),
        Mistake(
            "causal-mask-inside", "−∞ for keys ahead of the query", "ALiBi is for causal models.",
            "The mask comes on top. What does the docstring say of keys ahead?", "step 4 of the stub", switches={"ahead": "blocked"},
        ),
        Mistake(
            "squared-distance", "the square of the distance", "Far is much further.", "What does *linear* bias mean?", "step 4 of the stub", switches={"grows": "square"},
        ),
        Mistake(
            "logarithm-of-the-distance", "the logarithm of the distance", "Far distances hardly differ.", "What does *linear* bias mean?", "step 4 of the stub", switches={"grows": "logarithm"},
        ),
        Mistake(
            "rows-and-columns-swapped", "a bias (H, S, T)", "Keys come first.", "Which axis of the scores counts queries?", "the shape in the docstring", switches={"axes": "H S T"},
        ),
        Mistake(
            "heads-last", "the heads on the last axis", "A number for each pair and head.", "The bias is added to scores (B, H, T, S).", "the shape in the docstring", switches={"axes": "T S H"},
        ),
        Mistake(
            "always-float64", "a result in float64", "More digits never hurt.", "Which number type does the docstring promise?", "the docstring", switches={"width": "float64"},
        ),
        Mistake(
            "more-queries-than-keys", "more queries than keys accepted", "The formula gives a number anyway.", "Where would the first query stand?", "the docstring", switches={"check": False},
        ),
        Mistake(
            "table-of-512", "distances beyond 511 that all count as 511", "No text is longer than that.",
            "How far is the first key from the last query when S = 700?", "step 3 of the stub", code=alibi_of_512,
        ),
    ),
    variants=(
        Variant("the longer list, reordered", alibi_longer_list),
        Variant("recursive slopes", alibi_recursive),
        Variant("NumPy, extra keyword", alibi_numpy),
        Variant("entry by entry", alibi_by_steps),
    ),
)
