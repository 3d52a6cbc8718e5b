"""Run a solved notebook from top to bottom, with its claims, as a learner's Jupyter would."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from autograder.building import BuildError
from autograder.paths import NOTEBOOKS

CELL_SECONDS = 600
SCRIPT = "application/javascript"
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute_notebook(notebook: NotebookNode, folder: Path = NOTEBOOKS) -> tuple[NotebookNode, float]:
    """The notebook with its outputs, run in `folder`, and the seconds that its cells took.

    Raises BuildError, whose first line names the failing cell and its error.
    """
    notebook = nbformat.from_dict(notebook)
    begun: list[str] = []
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["ATTNKIT_PROGRESS"] = "off"  # the build is no learner
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        on_cell_start=lambda cell, cell_index: begun.append(cell.id),
    )
    started = time.monotonic()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        what = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
        raise BuildError(f"cell {begun[-1]} does not run, or its claim does not hold: {what}\n{error}") from error
    _replace_widgets(notebook)
    return notebook, time.monotonic() - started


def _replace_widgets(notebook: NotebookNode) -> None:
    """A widget lives in its kernel: where the notebook is only read, say in words what will be there."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if SCRIPT not in output.get("data", {})]
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                output.data = {"text/plain": "Run this cell to get the sliders."}
