"""5.8 rotated_score: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import BASE, shift_by_slices
from autograder.exercises.nb05_positions.rope_family import (
    ANGLES_IN_FLOAT32,
    flawed_rope,
    rope_by_pairs,
    rope_by_slices,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb05 as reference


def score_case(rng: Rng, d: int, m: int, n: int, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    args = (draw(rng, d), draw(rng, d), m, n)
    return Case(args=args, kwargs=kwargs, sizes={"d": d}, tolerance=2 * ANGLES_IN_FLOAT32, **options)


def flawed_score(q: Any, k: Any, m: int, n: int, base: float = BASE, *, places: str = "m n", pairs: str = "interleaved",
                 exponent: str = "2i", known_base: bool = True, scale: str = "none", reduce: str = "sum") -> Any:
    """The score of a rotated query and key with switches that break it."""
    first, second = {
        "m n": (m, n), "n m": (n, m), "m m": (m, m), "n n": (n, n), "sum": (m + n, 0), "m 0": (m, 0), "0 n": (0, n), "m -n": (m, -n), "distance": (abs(m - n), 0),
    }[places]

    def turn(x: Any, t: int) -> Any:
        return flawed_rope(x[None], torch.tensor([t]), base, pairs=pairs, exponent=exponent, known_base=known_base)[0]

    product = turn(q, first) * turn(k, second)
    if reduce == "none":
        return product
    if reduce == "mean":
        return product.mean()
    if reduce == "cosine":
        return product.sum() / (q.norm() * k.norm())
    return product.sum() / (math.sqrt(len(q)) if scale == "sqrt" else 1)


def score_by_dot(q: Any, k: Any, m: int, n: int, base: float = BASE) -> Any:
    at = torch.tensor([m, n])
    turned = rope_by_slices(torch.stack([q, k]), at, base)
    return turned[0].dot(turned[1])


def score_by_difference(q: Any, k: Any, m: int, n: int, base: float = BASE) -> float:
    turned = rope_by_pairs(q[None], torch.tensor([m - n]), base)
    return (turned @ k).item()


def score_complex(q: Any, k: Any, m: int, n: int, base: float = BASE, *, digits: Any = None) -> Any:
    a, b = torch.complex(q[::2], q[1::2]), torch.complex(k[::2], k[1::2])
    turn = torch.exp(1j * (m - n) * base ** (-torch.arange(0, len(q), 2, dtype=torch.float64) / len(q)))
    return (a * b.conj() * turn).real.sum()


def score_by_matrix(q: Any, k: Any, m: int, n: int, base: float = BASE) -> float:
    return float(q.double() @ shift_by_slices(m - n, len(q), base).double() @ k.double())


EXERCISE = Exercise(
    number="5.8",
    title="rotated_score",
    names=("rotated_score",),
    minutes=5,
    starred=True,
    reference=reference.rotated_score,
    outputs=(Output("score", (), dtype=""),),
    public=lambda rng: [
        Case(args=(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 2, 1), sizes={"d": 2}, tolerance=2 * ANGLES_IN_FLOAT32),
        score_case(rng, 6, 3, 5, draw=rounded),
        score_case(rng, 4, 7, 2, draw=rounded, base=100.0),
    ],
    tests=(
        Test("same place", "at equal positions the score is q · k", lambda rng: [score_case(rng, 4, 0, 0), score_case(rng, 6, 9, 9)]),
        Test(
            "different places", "the dot product of q turned to m with k turned to n",
            lambda rng: [score_case(rng, 2, 1, 0), score_case(rng, 6, 2, 7), score_case(rng, 8, 5, 1)],
        ),
        Test(
            "bases and number types", "the angles follow from `base`; float32 is welcome too",
            lambda rng: [score_case(rng, 4, 4, 1, base=100.0), score_case(rng, 6, 3, 8, dtype="float32")],
        ),
    ),
    flawed=flawed_score,
    mistakes=(
        Mistake(
            "key-not-turned", "the query turned and the key left as it is", "The query carries the position.", "Which position does k stand at?",
            "step 1 of the stub", switches={"places": "m 0"},
        ),
        Mistake(
            "query-not-turned", "the key turned and the query left as it is", "Keys carry positions.", "Which position does q stand at?",
            "step 1 of the stub", switches={"places": "0 n"},
        ),
        Mistake(
            "same-position", "both turned to one position, the query's or the key's", "Both are turned alike.", "The query stands at m, and the key at n. Turned alike, what is left of both?", "step 1 of the stub", switches={"places": "m m"},
        ),
        Mistake(
            "positions-swapped", "q turned to n and k to m", "The order makes no difference.", "Try q = (1, 0), k = (0, 1), m = 1, n = 0.", "step 1 of the stub",
            switches={"places": "n m"},
        ),
        Mistake(
            "sum-of-positions", "a score that depends on m + n, because one of the two is turned backwards", "One goes forwards, the other one back.",
            "Give both the same angle: is the score q · k?", "step 1 of the stub", switches={"places": "m -n"},
        ),
        Mistake(
            "distance-without-sign", "the distance |m − n| in place of the difference", "Only the distance matters.",
            "Is a key behind the same as a key ahead?", "step 1 of the stub", switches={"places": "distance"},
        ),
        Mistake(
            "half-split", "feature i paired with feature i + d/2, the half-split layout", "Every rotary code I have seen cuts x in halves.",
            "This course pairs (0, 1), (2, 3), ….", "step 1 of the stub", switches={"pairs": "half"},
        ),
        Mistake(
            "exponent-i", "the exponent i/d where 2i/d is asked for", "The pair number is what stands in the exponent.",
            "Your rope_rotate has the right angles: can you use it?", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "scaled", "a score divided by √d", "Attention always divides by √d.", "The docstring asks for the plain dot product.", "step 2 of the stub",
            switches={"scale": "sqrt"},
        ),
        Mistake(
            "mean-of-the-products", "the mean of the d products, not their sum", "A mean does not depend on d.", "The docstring asks for the plain dot product.", "step 2 of the stub",
            switches={"reduce": "mean"},
        ),
        Mistake(
            "cosine", "the cosine of the angle between the two", "A score says how alike they are.", "A dot product keeps the lengths. What do you divide by?", "step 2 of the stub",
            switches={"reduce": "cosine"},
        ),
        Mistake(
            "not-summed", "the d products, not their sum", "q * k is the dot product.", "A score is one number.", "step 2 of the stub",
            switches={"reduce": "none"},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is `base` passed on?", "step 1 of the stub",
            switches={"known_base": False},
        ),
    ),
    variants=(
        Variant("two rows at once", score_by_dot),
        Variant("turned by the difference only", score_by_difference),
        Variant("complex, extra keyword", score_complex),
        Variant("the shift matrix", score_by_matrix),
    ),
)
