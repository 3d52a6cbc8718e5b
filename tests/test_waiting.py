"""A notebook with blanks runs from top to bottom: a cell that needs a blank says so in one line and nothing breaks."""

import asyncio
import os
from types import SimpleNamespace

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from attnkit.waiting import _Watcher, names_made_by
from autograder.exercises import NOTEBOOKS
from autograder.paths import NOTEBOOKS as STUDENT

START = 'import attnkit\ngrader = attnkit.start("01_bottleneck.ipynb")'
OLDER_MATPLOTLIB = """
from matplotlib.patches import Patch
def draw_as_3_10(self, renderer, paths, draw=Patch._draw_paths_with_artist_properties):
    dashes = self._dash_pattern[1]
    if dashes is not None and not any(dashes):  # a dashed line of width 0
        raise ValueError("At least one value in the dash list must be positive")
    draw(self, renderer, paths)
Patch._draw_paths_with_artist_properties = draw_as_3_10
"""
BLANK = 'def half(x):\n    raise NotImplementedError("Exercise 1.1: half is not written yet")'


def run(notebook, **options):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = {"metadata": {"path": str(STUDENT)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=folder, **options)
    asyncio.run(client.async_execute())
    return notebook


def outcomes(*sources):
    """What each cell prints, or the name of its error, after a cell with a blank; all in one kernel."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in (START, BLANK, *sources)])
    run(notebook, allow_errors=True)
    found = [[output.get("text", output.get("ename")) for output in cell.outputs] for cell in notebook.cells[2:]]
    return ["".join(texts) for texts in found]


def test_what_needs_a_blank_waits_until_it_is_written_and_the_rest_runs():
    used = "ready = 1\nready = half(2)\ndef double(x): return 2 * x"
    written = ("def half(x): return x / 2", used, "print(ready, double(3))")
    found = outcomes(used, "print(ready)", "print(double(3))", "print('alone')", *written)
    assert found[:3] == ["This cell waits for exercise 1.1. Write that, run its cell, then run this one again.\n"] * 3
    assert found[3:] == ["alone\n", "", "", "1.0 6\n"]


def test_every_other_error_stays_an_error():
    wrong = ("print(no_such_name)", "raise NotImplementedError('mine')", "1 / 0")
    assert outcomes("ready = half(2)", *wrong)[1:] == ["NameError", "NotImplementedError", "ZeroDivisionError"]


def test_names_inside_functions_and_comprehensions_are_not_the_cells():
    source = "a, (b, *c) = 1, (2, 3)\nfor d in []:\n    e = 0\ndef f(x):\n    g = [h for h in x]\nclass I:\n    j = 1"
    assert names_made_by(source) == {"a", "b", "c", "d", "e", "f", "I"}


def test_a_cell_is_read_under_an_ipython_that_says_only_its_raw_text():
    watcher = object.__new__(_Watcher)
    watcher.shell = SimpleNamespace(transform_cell=TransformerManager().transform_cell)
    watcher.begin(SimpleNamespace(raw_cell="%matplotlib inline\nx = 1"))
    assert names_made_by(watcher.source) == {"x"}


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05"])
def test_a_blank_notebook_runs_to_its_end(number):
    notebook = nbformat.read(STUDENT / f"{NOTEBOOKS[number]}.ipynb", as_version=4)
    notebook.cells.insert(0, new_code_cell(OLDER_MATPLOTLIB))
    run(notebook)
