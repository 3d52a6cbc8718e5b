"""Drawings of how the parts of a model hang together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attnkit.plots import BLUE, VERMILION

_BOX = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "0.35"}


def encoder_decoder(reading: Sequence[str], writing: Sequence[str], weights: Sequence[float], step: int) -> Figure:
    """An RNN encoder, an RNN decoder, and the look that the decoder takes before it writes `writing[step]`.

    `weights` has one number for each word read; a line is the thicker the larger its weight.
    """
    figure, axes = plt.subplots(figsize=(8.0, 4.3))
    S, begin = len(reading), len(reading) + 1.0
    decoder = [begin + t for t in range(len(writing))]
    for s, word in enumerate(reading):
        _box(axes, s, 0, f"h{s}")
        axes.annotate(word, (s, -1.0), ha="center")
        _arrow(axes, (s, -0.78), (s, -0.27))
        if s:
            _arrow(axes, (s - 0.75, 0), (s - 0.27, 0))
    for t, (x, word) in enumerate(zip(decoder, writing, strict=True)):
        _box(axes, x, 0, f"s{t}")
        axes.annotate(writing[t - 1] if t else "bos", (x, -1.0), ha="center")
        axes.annotate(word, (x, 0.95), ha="center", weight="bold" if t == step else "normal")
        _arrow(axes, (x, -0.78), (x, -0.27))
        _arrow(axes, (x, 0.27), (x, 0.88))
        if t:
            _arrow(axes, (x - 0.75, 0), (x - 0.27, 0))
            _arrow(axes, (x - 0.9, 0.85), (x - 0.1, -0.8), color="0.6", linestyle=":")
    _arrow(axes, (S - 0.73, 0), (begin - 0.27, 0), linestyle="--")
    axes.annotate("fixed vector:\nthis arrow only", ((S - 1 + begin) / 2, -0.45), ha="center", va="center", fontsize=9)
    look = (S - 1) / 2
    for s, weight in enumerate(weights):
        axes.plot([s, look], [0.27, 1.75], **_line(BLUE, 0.5 + 7 * weight), alpha=0.6)
        axes.annotate(f"{weight:.2f}", (s + (look - s) * 0.4 - 0.22, 0.8), ha="right", fontsize=8)
    _box(axes, look, 2.15, "1.4 scores → 1.5 weights\n→ 1.6 their sum: the context", BLUE)
    asking, told = (decoder[step] - 1 if step else S - 1), decoder[step] + 0.75
    _arrow(axes, (asking - 0.5, 1.55), (look + 1.15, 1.95), color=VERMILION)
    axes.plot([asking - 0.25, asking - 0.5, asking - 0.5], [0.27, 0.45, 1.55], **_line(VERMILION))
    axes.annotate("the query", (asking - 0.6, 1.35), color=VERMILION, ha="right", va="center", fontsize=9)
    axes.plot([look + 1.15, told, told], [2.3, 2.3, 0.0], **_line(BLUE))
    _arrow(axes, (told, 0.0), (decoder[step] + 0.27, 0.0), color=BLUE)
    axes.annotate("encoder (1.2): one rnn_step (1.1) for each word", (look, -1.55), ha="center", color="0.3")
    middle = (decoder[0] + decoder[-1]) / 2
    axes.annotate("decoder (1.3): what was written goes in", (middle, -1.55), ha="center", color="0.3")
    axes.set(xlim=(-0.8, decoder[-1] + 0.9), ylim=(-1.75, 2.6))
    axes.axis("off")
    return figure


def _box(axes: Axes, x: float, y: float, text: str, colour: str = "0.35") -> None:
    axes.annotate(text, (x, y), ha="center", va="center", bbox=_BOX | {"edgecolor": colour}, zorder=3)


def _line(colour: str, width: float = 1.5) -> dict[str, Any]:
    return {"color": colour, "linestyle": "-", "marker": "", "linewidth": width}


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
    axes.annotate("", end, begin, arrowprops={"arrowstyle": "-|>", "color": "k", "shrinkA": 0, "shrinkB": 0} | look)
