"""The one-line errors that end a command."""

from __future__ import annotations


class GradingError(Exception):
    """What is wrong and what to do about it, in one line for the person at the terminal."""
