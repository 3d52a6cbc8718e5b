"""What every probe shares: one small input for each question, and a word for each answer."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable

import numpy as np

Cells = dict[tuple[str, str], Callable[[], str]]
Attend = Callable[..., np.ndarray]  # q, k, v (B, H, T, d) and mask=, bias=, causal= → (B, H, T, d)

VALUES = np.repeat(np.arange(5.0, dtype=np.float32)[None, None, :, None], 16, axis=-1)  # mean 2, d = 16


def zeros(heads: int = 1, length: int = 1) -> np.ndarray:
    """Queries or keys that match everything equally."""
    return np.zeros((1, heads, length, 16), np.float32)


def draw(seed: int, heads: int = 1, length: int = 1) -> np.ndarray:
    """Standard normal queries or keys."""
    return np.random.default_rng(seed).standard_normal((1, heads, length, 16)).astype(np.float32)


def only_first() -> np.ndarray:
    """A mask that is True at the first of five keys."""
    return np.array([[[[True, False, False, False, False]]]])


def word(x: np.ndarray) -> str:
    """A number as a word: `0`, `2`, `NaN`, or what it is rounded to two places."""
    x = np.asarray(x, np.float32)
    if np.isnan(x).any():
        return "NaN"
    return f"{float(x.reshape(-1)[0]) + 0.0:.3g}"


def kind(x: np.ndarray) -> str:
    """`0`, `NaN`, or `finite, not 0`."""
    x = np.asarray(x, np.float32)
    if np.isnan(x).any():
        return "NaN"
    return "0" if np.abs(x).max() == 0 else "finite, not 0"


def polarity(attend: Attend) -> str:
    """Which keys a query averages when only the first is True."""
    seen = float(attend(zeros(), zeros(length=5), VALUES, mask=only_first())[0, 0, 0, 0])
    return {0.0: "may attend", 2.5: "blocked"}.get(round(seen, 4), "neither: True is added to the score as 1")


def empty_bool(attend: Attend, allowed: bool = True) -> str:
    """The output of a query that a boolean mask lets see nothing; `allowed` is the library's word for may attend."""
    return word(attend(draw(0), draw(1, length=5), VALUES, mask=np.full((1, 1, 1, 5), not allowed)))


def empty_inf(attend: Attend) -> str:
    """The output of a query with −inf on every score."""
    return word(attend(draw(0), draw(1, length=5), VALUES, bias=np.full((1, 1, 1, 5), -np.inf, np.float32)))


def causal(attend: Attend) -> str:
    """Where the first of three queries stands among five keys."""
    seen = attend(zeros(length=3), zeros(length=5), VALUES, causal=True)[0, 0, :, 0]
    return {(0.0, 0.5, 1.0): "top left", (1.0, 1.5, 2.0): "bottom right"}.get(
        tuple(float(round(float(x), 4)) for x in seen), f"neither: the means seen are {seen.round(2).tolist()}"
    )


def grouped(attend: Attend) -> str:
    """Which key/value head each of four query heads reads, when there are two."""
    v = np.zeros((1, 2, 5, 16), np.float32)
    v[:, 1] = 1
    heads = [round(float(x)) for x in attend(zeros(4, 1), zeros(2, 5), v)[0, :, 0, 0]]
    return {(0, 0, 1, 1): "blocks: 0 0 1 1", (0, 1, 0, 1): "cyclic: 0 1 0 1"}.get(tuple(heads), str(heads))


def scale(attend: Attend) -> str:
    """The factor on q·k, read off the weight on one of two keys."""
    q, k, v = zeros(), zeros(length=2), np.zeros((1, 1, 2, 16), np.float32)
    q[..., 0], k[0, 0, 0, 0], v[0, 0, 0] = 1, 2, 1
    p = float(attend(q, k, v)[0, 0, 0, 0])
    return scale_word(np.log(p / (1 - p)) / 2)


def scale_word(factor: float) -> str:
    """The factor as a formula, for d = 16."""
    return {0.25: "1/√d", 1.0: "1"}.get(round(float(factor), 3), f"{factor:.3g}")


def sums(weights: np.ndarray) -> str:
    """Whether weights that were returned in training still sum to 1."""
    return "yes: before dropout" if np.allclose(np.asarray(weights).sum(-1), 1, atol=1e-4) else "no: after dropout"


def pairs(rotate: Callable[[np.ndarray], np.ndarray], width: int = 16) -> str:
    """Which feature the first one is turned into: x (width,) → x rotated to some position that is not 0."""
    x = np.zeros(width, np.float32)
    x[0] = 1
    partner = [i for i in np.flatnonzero(np.abs(rotate(x)) > 1e-6).tolist() if i]
    return {1: "neighbours: (2i, 2i + 1)", width // 2: "half: (i, i + d/2)"}.get(partner[0], str(partner))


def standard(name: str, attend: Attend, without: str = "") -> Cells:
    """The six questions that any attention function answers, less those it has no notion for."""
    asked = {
        "polarity": polarity, "empty_bool": empty_bool, "empty_inf": empty_inf,
        "causal": causal, "gqa": grouped, "scale": scale,
    }  # fmt: skip
    return {(name, row): (lambda ask=ask: ask(attend)) for row, ask in asked.items() if row not in without.split()}


def answers(cells: Cells) -> dict[str, str]:
    """Run every cell; an error that the library raises is an answer."""
    found = {}
    for (column, row), probe in cells.items():
        try:
            found[f"{column}/{row}"] = probe()
        except Exception as error:  # a library's refusal is what is measured
            found[f"{column}/{row}"] = f"refuses ({type(error).__name__})"
            print(f"{column}/{row}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
    return found


if __name__ == "__main__":
    print(json.dumps(answers(importlib.import_module(f"fieldguide.probes.{sys.argv[1]}").CELLS)))
