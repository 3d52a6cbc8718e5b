"""What the "Out in the wild" boxes say of other libraries, taken from docs/field-guide.json when a notebook is built."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from autograder.paths import ROOT

_PLACE = re.compile(r"\{\{guide:(?P<column>[a-z0-9_-]+)/(?P<row>[a-z0-9_-]+)\}\}")


class UnknownCellError(ValueError):
    """A box asks for a cell that the field guide does not have."""


@cache
def _guide() -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "field-guide.json").read_text(encoding="utf-8"))


def fill(text: str) -> str:
    """Put what was found in place of every `{{guide:column/row}}`; `version/PACKAGE` and `meetings/ROW` are columns too."""
    return _PLACE.sub(lambda match: _cell(match["column"], match["row"]), text)


def _cell(column: str, row: str) -> str:
    guide = _guide()
    try:
        if column == "version":
            return guide["versions"][row]
        if column == "meetings":
            return guide["meetings"][row]["found"]
        return guide["cells"][row][column]["found"]
    except KeyError:
        raise UnknownCellError(f"docs/field-guide.json has no cell {column}/{row}: make field-guide, or mend the box") from None
