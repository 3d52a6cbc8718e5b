"""The figures of the course: weights as maps, results as curves, bars and tables, each with a text description."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, Javascript, display
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

_BY_HAND = "attnkit-by-hand"
# JupyterLab and Notebook 7 would take the arrow keys for themselves: a slider could not be moved by keyboard
_KEYS_ARE_ITS_OWN = f"""
let left = 100;
const own = setInterval(() => {{
  const handles = document.querySelectorAll('.{_BY_HAND} .noUi-handle:not([data-lm-suppress-shortcuts])');
  handles.forEach((handle) => handle.setAttribute('data-lm-suppress-shortcuts', 'true'));
  if (--left === 0) clearInterval(own);  // they appear when the page gets to them
}}, 100);
"""
STYLE = Path(__file__).parent / "style.mplstyle"
BLUE, VERMILION, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
SIGNED_MAP = "PuOr"
QUERIES, KEYS = "query position t", "key position s"
BLOCKED, OPEN = "#0B2545", "#F4E285"


def use_style() -> None:
    """Use the course's style sheet for every figure that follows."""
    plt.style.use(_style_sheet())


@cache
def _style_sheet() -> dict[str, Any]:
    """The style sheet, read once in a process and whatever is forked from it."""
    return dict(rc_params_from_file(STYLE, use_default_template=False).items())


def show(figure: Figure, description: str) -> None:
    """Display `figure` once, with `description` as a text that unfolds below it and that screen readers reach."""
    display(*_picture(figure, description))


def turn_by_hand(draw: Callable[..., tuple[Figure, str]], **choices: Sequence[Any]) -> None:
    """Show `draw(**values)`, which returns a figure and its description, with one slider per name to turn it.

    The picture for the first value of each name is an ordinary image, and stands alone where widgets do not run.
    """
    import ipywidgets

    whole = {"description_width": "initial"}  # a long name is not cut off
    sliders = {
        name: ipywidgets.SelectionSlider(options=list(values), description=name, style=whole)
        for name, values in choices.items()
    }
    first = _picture(*draw(**{name: values[0] for name, values in choices.items()}))
    shown = [display(part, display_id=True) for part in first]

    def redraw(_: Any) -> None:
        parts = _picture(*draw(**{name: slider.value for name, slider in sliders.items()}))
        for handle, part in zip(shown, parts, strict=True):
            handle.update(part)

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = ipywidgets.VBox(list(sliders.values()))
    box.add_class(_BY_HAND)
    display(box)
    display(Javascript(_KEYS_ARE_ITS_OWN))


def _picture(figure: Figure, description: str) -> tuple[HTML, HTML]:
    """The figure as an image, and its description folded under a line of its own; the figure is closed.

    It is an image in HTML, because JupyterLab and Notebook 7 give no `alt` to one that is a PNG.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    text = html.escape(description)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        HTML(f'<img alt="{text}" src="data:image/png;base64,{data}">'),
        HTML(f"<details><summary><small>what the figure shows</small></summary>{text}</details>"),
    )


def draw_weights(
    axes: Axes,
    weights: Any,
    *,
    queries: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    title: str = "",
    numbers: bool | None = None,
    gold: Sequence[int] | None = None,
    query_label: str = QUERIES,
    key_label: str = KEYS,
) -> Any:
    """Draw one map of attention weights (T, S) on `axes`; returns the image for a colour bar.

    Words label the axes when given. Numbers are written into small maps. `gold` marks one key per query (-1 for none)
    with an open square. `query_label` and `key_label` say what a row and a column stand for.
    """
    grid = np.asarray(weights, dtype=np.float64)
    rows, columns = grid.shape
    image = axes.imshow(grid, vmin=0.0, vmax=1.0, cmap="cividis", aspect="auto" if max(rows, columns) > 16 else "equal")
    axes.set(title=title, xlabel=key_label, ylabel=query_label)
    axes.grid(False)
    _name_places(axes, rows, columns, queries, keys)
    if numbers if numbers is not None else grid.size <= 40:
        for t, s in np.ndindex(rows, columns):
            axes.text(
                s, t, f"{grid[t, s]:.2f}", ha="center", va="center", fontsize=8, color="k" if grid[t, s] > 0.55 else "w"
            )
    for t, s in enumerate(gold or ()):
        if s >= 0:
            axes.plot(
                s, t, marker="s", markersize=13, fillstyle="none", color=VERMILION, markeredgewidth=1.8, linestyle=""
            )
    return image


def _name_places(
    axes: Axes, rows: int, columns: int, queries: Sequence[str] | None, keys: Sequence[str] | None
) -> None:
    """Words or numbers at the rows and columns of a map; words below it end at their column, so that none overlap."""
    if keys is not None:
        axes.xaxis.set_ticks(range(columns), list(keys), rotation=45, ha="right", rotation_mode="anchor")
    elif columns <= 12:
        axes.xaxis.set_ticks(range(columns))
    if queries is not None:
        axes.yaxis.set_ticks(range(rows), list(queries))
    elif rows <= 12:
        axes.yaxis.set_ticks(range(rows))


def show_masks(masks: Any, description: str, titles: Sequence[str]) -> None:
    """Show masks (T, S), True = may attend, side by side in two colours, with a legend that says which is which."""
    colours = ListedColormap([BLOCKED, OPEN])
    figure, grid = plt.subplots(1, len(masks), figsize=(2.7 * len(masks) + 0.4, 3.6), squeeze=False)
    alike = len({np.shape(mask) for mask in masks}) == 1
    for axes, mask, title in zip(grid.flat, masks, titles, strict=True):
        allowed = np.asarray(mask, dtype=bool)
        rows, columns = allowed.shape
        axes.pcolormesh(allowed, cmap=colours, vmin=0, vmax=1, edgecolor="w", linewidth=1.5)
        axes.set(title=title, xlabel=KEYS, ylabel=QUERIES, aspect="equal", anchor="C" if alike else "N")
        axes.xaxis.set_ticks(np.arange(columns) + 0.5, range(columns))
        axes.yaxis.set_ticks(np.arange(rows) + 0.5, range(rows))
        axes.invert_yaxis()
        axes.grid(False)
    handles = [Patch(facecolor=OPEN, label="True: may attend"), Patch(facecolor=BLOCKED, label="False: blocked")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    show(figure, description)


def show_weights(weights: Any, description: str, **options: Any) -> None:
    """Show one map of weights (T, S) with its colour bar; options are those of `draw_weights`."""
    rows, columns = np.asarray(weights).shape
    width = min(7.5, 2.2 + 0.55 * columns)
    title = textwrap.fill(options.pop("title", ""), int(9.5 * width))
    height = min(6.5, 1.5 + 0.45 * rows + 0.2 * title.count("\n"))
    figure, axes = plt.subplots(figsize=(width, height))
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=plt.rcParams["axes.titlesize"])
    image = draw_weights(axes, weights, **options)
    figure.colorbar(image, ax=axes, label="weight", shrink=0.85)
    show(figure, description)


def show_heads(weights: Any, description: str, titles: Sequence[str] | None = None, **options: Any) -> None:
    """Show the maps of several heads (H, T, S) side by side under one colour bar."""
    maps = np.asarray(weights)
    count, T, S = maps.shape
    columns = min(count, 4)
    rows = -(-count // columns)
    height = rows * (min(1.7, 1.7 * T / S) + 0.4) + 0.9  # of the maps with their titles, and of the labels below
    figure, grid = plt.subplots(
        rows, columns, figsize=(2.3 * columns + 0.8, height), squeeze=False, sharex=True, sharey=True
    )
    image: Any = None
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.axis("off")
            continue
        title = titles[index] if titles else f"head {index}"
        image = draw_weights(axes, maps[index], title=title, numbers=False, **options)
        axes.label_outer()
    figure.colorbar(image, ax=grid, label="weight", shrink=0.85)
    show(figure, description)


def show_maps(
    maps: Sequence[tuple[Any, Sequence[str], Sequence[str]]],
    description: str,
    titles: Sequence[str],
    query_label: str = QUERIES,
    key_label: str = KEYS,
) -> None:
    """Show maps of weights, each (weights (T, S), words of its rows, words of its columns), two in a line.

    The two titles stand above the two columns. Sizes and words may differ from map to map.
    """
    lines = [maps[i : i + 2] for i in range(0, len(maps), 2)]
    heights = [max(len(rows) for _, rows, _ in line) + max(map(len, line[0][2])) / 2 for line in lines]
    figure, grid = plt.subplots(
        len(lines), 2, figsize=(8.4, 0.17 * sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    image: Any = None
    for axes, (weights, rows, columns) in zip(grid.flat, maps, strict=True):
        image = draw_weights(
            axes, weights, numbers=False, queries=rows, keys=columns, query_label="", key_label=""
        )
        axes.set_aspect("auto")
        axes.tick_params(axis="x", rotation=90, labelsize=8)
        axes.tick_params(axis="y", labelsize=8)
        plt.setp(axes.get_xticklabels(), ha="right", va="center")
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title)
    figure.supxlabel(f"across: {key_label}; down: {query_label}", fontsize="medium")
    figure.colorbar(image, ax=grid, label="weight", shrink=0.3, aspect=30)
    show(figure, description)


def show_curves(
    x: Sequence[float],
    curves: Mapping[str, Any],
    description: str,
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    y_limits: tuple[float, float] | None = None,
    reference: tuple[float, str] | None = None,
    vertical: tuple[float, str] | None = None,
) -> None:
    """Show named curves over `x`; a curve (seeds, len(x)) is drawn as its mean with the range of the seeds shaded.

    `reference` is a horizontal line (value, label), `vertical` a vertical one. Along a logarithmic x the ticks are the
    places measured. A curve that lies on an earlier one is drawn as open marks around it, so that both can be seen.
    """
    labels = [*curves, *(mark[1] for mark in (reference, vertical) if mark)]
    columns = 2 if max(map(len, labels)) > 18 else 3
    figure, axes = plt.subplots(figsize=(6.4, 3.2 + 0.22 * -(-len(labels) // columns)))
    drawn: list[Any] = []
    for name, values in curves.items():
        array = np.atleast_2d(np.asarray(values, dtype=np.float64))
        hidden = any(np.allclose(array.mean(axis=0), mean, rtol=1e-3, atol=1e-3) for mean in drawn)
        around: Any = {"linestyle": "", "fillstyle": "none", "markersize": 9} if hidden else {}
        (line,) = axes.plot(x, array.mean(axis=0), label=name, **around)
        drawn.append(array.mean(axis=0))
        if len(array) > 1:
            axes.fill_between(x, array.min(axis=0), array.max(axis=0), color=line.get_color(), alpha=0.15, linewidth=0)
    if reference is not None:
        axes.axhline(reference[0], color="0.35", linewidth=1, linestyle=(0, (1, 2)), marker="", label=reference[1])
    if vertical is not None:
        axes.axvline(vertical[0], color="0.55", linewidth=1, linestyle=(0, (4, 3)), marker="", label=vertical[1])
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    if log_x:
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(x), [f"{place:g}" for place in x])
        axes.minorticks_off()
    elif all(float(place).is_integer() for place in x):
        axes.locator_params(axis="x", integer=True)
    if log_y:
        axes.set_yscale("log")
    if y_limits is not None:
        axes.set_ylim(*y_limits)
    figure.legend(loc="outside lower center", ncols=columns)  # below the axes, where it hides nothing
    show(figure, description)


def show_bars(
    values: Mapping[str, float],
    description: str,
    *,
    x_label: str,
    title: str = "",
    format: str = "{:z.2f}",
    log: bool = False,
) -> None:
    """Show one horizontal bar per name, with its value written at the end."""
    figure, axes = plt.subplots(figsize=(6.4, 0.8 + 0.42 * len(values)))
    bars = axes.barh(list(values), list(values.values()), color=BLUE, height=0.6)
    axes.bar_label(bars, labels=[format.format(value) for value in values.values()], padding=4)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.15)
    if log:
        axes.set_xscale("log")
    axes.set(xlabel=x_label, title=title)
    show(figure, description)


def show_table(rows: Sequence[Mapping[str, Any]], caption: str = "") -> None:
    """Show rows (all with the same keys) as a table; floats get two decimals and no −0.00, text is taken as it is."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    display(HTML(f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"))


def show_predictions(predicted: Mapping[str, Any], measured: Sequence[Any], caption: str = "") -> None:
    """Show what the reader predicted beside what was measured, in the same order; `...` counts as not written.

    Raises ValueError when there are not as many measurements as questions.
    """
    if len(predicted) != len(measured):
        raise ValueError(f"{len(predicted)} questions and {len(measured)} measurements: give one for each question")
    rows = [
        {"asked": asked, "predicted": "not written" if answer is ... else answer, "measured": found}
        for (asked, answer), found in zip(predicted.items(), measured, strict=True)
    ]
    show_table(rows, caption)


def _cell(value: Any) -> str:
    return f"{value:z.2f}" if isinstance(value, float) else html.escape(str(value))
