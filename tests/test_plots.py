"""`attnkit.plots`: what a reader must be able to tell apart in a figure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from IPython.core.display import HTML
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from attnkit import plots


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures that are shown, kept open."""
    figures: list[Figure] = []
    monkeypatch.setattr(plots, "show", lambda figure, description: figures.append(figure))
    plots.use_style()
    yield figures
    plt.close("all")


def test_a_logarithmic_axis_has_its_ticks_where_something_was_measured(shown: list[Figure]) -> None:
    plots.show_curves([64, 1, 8], {"a": [1, 2, 3]}, "", x_label="x", y_label="y", log_x=True)
    axes = shown[0].axes[0]
    assert sorted(axes.get_xticks()) == [1, 8, 64]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["64", "1", "8"]


def test_a_curve_that_lies_on_another_is_drawn_around_it(shown: list[Figure]) -> None:
    plots.show_curves(range(3), {"a": [1, 2, 3], "b": [1, 2, 3.00001], "c": [1, 2, 4]}, "", x_label="x", y_label="y")
    first, second, third = shown[0].axes[0].lines
    assert second.get_fillstyle() == "none"
    assert second.get_markersize() > first.get_markersize() == third.get_markersize()


def test_masks_are_two_colours_and_a_legend(shown: list[Figure]) -> None:
    plots.show_masks([np.tri(3, dtype=bool), np.ones((2, 3), dtype=bool)], "", ["a", "b"])
    texts = [text.get_text() for text in shown[0].legends[0].get_texts()]
    assert texts == ["True: may attend", "False: blocked"]
    assert len(shown[0].axes) == 2  # no colour bar
    first = shown[0].axes[0].collections[0]
    np.testing.assert_array_equal(first.get_array(), np.tri(3))


@pytest.mark.parametrize("words", [["<bos>", "el", "gato", "se", "sentó", "en", "la", "alfombra"]])
def test_words_below_the_maps_of_heads_do_not_overlap(shown: list[Figure], words: list[str]) -> None:
    plots.show_heads(np.zeros((8, 8, 8)), "", queries=words, keys=words)
    shown[0].draw_without_rendering()
    ends = [
        (label.get_rotation(), label.get_ha(), label.get_rotation_mode())
        for axes in shown[0].axes[4:8]
        for label in axes.get_xticklabels()
    ]
    assert set(ends) == {(45.0, "right", "anchor")}
    maps = [axes.get_window_extent() for axes in shown[0].axes[:8]]
    band = maps[0].y0 - maps[4].y1  # room between the two rows of maps: for a title, and for no more
    assert 0 < band < 0.4 * maps[0].height


def test_a_table_has_no_minus_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[HTML] = []
    monkeypatch.setattr(plots, "display", tables.append)
    plots.show_table([{"value": -0.001}, {"value": -0.006}])
    assert "<td>0.00</td>" in tables[0].data
    assert "<td>-0.01</td>" in tables[0].data
