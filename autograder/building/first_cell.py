"""The first code cell of every notebook: it finds attnkit, gets it, or says in one sentence what to do.

`find_attnkit.py` is its text; the release, and the course's place for attnkit, are filled in here. The cell does not run
while grading: there attnkit is installed.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attnkit import __version__
from autograder.paths import PROJECT

FIND = "find-attnkit"
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab, and JupyterLab with Notebook 7
SIZE = "about 2 MB"  # of the wheel, as it is said before it is fetched; a test holds it
_TEXT = Path(__file__).with_name("find_attnkit.py")


@dataclass(frozen=True)
class Setting:
    """What `[tool.attention-course]` in pyproject.toml says: where attnkit is got from, what it imports, and the repository."""

    place: str
    learner: tuple[str, ...]
    repository: str


@cache
def setting() -> Setting:
    """The course's setting."""
    found = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["attention-course"]
    return Setting(str(found["attnkit-from"]).rstrip("/"), tuple(found["learner"]), str(found["repository"]))


def first_cell_source(place: str | None = None) -> str:
    """The text of the cell, for the course's place or another."""
    text = _TEXT.read_text(encoding="utf-8").strip()
    filled = {"RELEASE": __version__, "COURSE": setting().place if place is None else place, "SIZE": SIZE}
    for name, value in filled.items():
        text = text.replace(f'\n{name} = ""', f"\n{name} = {json.dumps(value)}", 1)
    return text


def first_cell() -> NotebookNode:
    """The cell, folded: there is nothing in it to read for a lesson."""
    return new_code_cell(first_cell_source(), id=FIND, metadata={"tags": [FIND], **FOLDED})
