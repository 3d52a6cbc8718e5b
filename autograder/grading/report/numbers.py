"""How a score is written everywhere."""

from __future__ import annotations


def number(value: float | None) -> str:
    """A score without needless zeros; nothing for no score."""
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")
