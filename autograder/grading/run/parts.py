"""What a session and everything around it share, and what needs no sandbox: so that it can be used on every system."""

from __future__ import annotations

from dataclasses import dataclass

from attnkit.checking.case import Failure


class Definitions(str):
    """The source of a cell of which only the definitions are to run: what takes time is left out."""


@dataclass(frozen=True)
class CellResult:
    """How one cell ended: `status` is ok, error, timeout, died or skipped; `seconds` of wall time."""

    index: int
    status: str
    failure: Failure | None = None
    seconds: float = 0.0
