"""How the sample variance of two scores is spread from seed to seed: in the right way, and in the ways it is mistaken.

No two right answers draw the same numbers, but all of them are spread alike. Which way an answer takes is told from
the answers to many seeds, by how likely each way makes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OfTwoPairs:
    """How the answer for two pairs is spread: `scale` · d_k times a χ² with `freedom` degrees of freedom, over `freedom`.

    `found` says so in words, and `mistake` is the name of the known mistake that does it, if there is one.
    """

    found: str
    scale: float = 1.0
    freedom: int = 1
    mistake: str = ""

    def log_likelihood(self, ratios: np.ndarray | Sequence[float]) -> float:
        """Of answers (n,) divided by d_k."""
        half = self.freedom / 2
        x = np.maximum(np.asarray(ratios, dtype=np.float64), 1e-300) * self.freedom / self.scale
        constant = half * math.log(2.0) + math.lgamma(half) - math.log(self.freedom / self.scale)
        return float(((half - 1) * np.log(x) - x / 2 - constant).sum())


RIGHT = OfTwoPairs("the squared deviations divided by 1")
WAYS = (
    RIGHT,
    OfTwoPairs("about half of that", 0.5, 1, "divides-by-n"),
    OfTwoPairs("squares whose mean was not taken off", 1.0, 2, "mean-of-squares"),
    OfTwoPairs("twice as much, as without taking the mean off", 2.0, 2, "squares-over-n-minus-one"),
    OfTwoPairs("numbers spread as those of four scores are", 1.0, 3, "every-query-with-every-key"),
    OfTwoPairs("about a third of that", 1 / 3, 1),
    OfTwoPairs("about twice that", 2.0, 1),
    OfTwoPairs("far less than that", 0.1, 1),
)


def ways_by_likelihood(ratios: np.ndarray | Sequence[float]) -> tuple[list[OfTwoPairs], Mapping[OfTwoPairs, float]]:
    """The ways, likeliest first, and the log-likelihood of each."""
    evidence = {way: way.log_likelihood(ratios) for way in WAYS}
    return sorted(evidence, key=evidence.__getitem__, reverse=True), evidence
