"""The words of a failed check: what was expected, what was found, what it looks like, where to look."""

from __future__ import annotations

from dataclasses import dataclass

ROWS = ("tested", "expected", "found", "looks like", "hint", "look at")
_WIDTH = max(len(row) for row in ROWS) + 1


@dataclass(frozen=True)
class Report:
    """One failed check in words. `mistake` is the name of the known mistake it looks like, if one fits."""

    exercise: str
    problem: str
    tested: str = ""
    expected: str = ""
    found: str = ""
    looks_like: str = ""
    hint: str = ""
    look_at: str = ""
    mistake: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """The filled rows in the order they are read, as (label, text)."""
        texts = (self.tested, self.expected, self.found, self.looks_like, self.hint, self.look_at)
        return [(label, text) for label, text in zip(ROWS, texts, strict=True) if text]

    def __str__(self) -> str:
        lines = [f"Exercise {self.exercise}: {self.problem}"]
        lines += [f"  {label:<{_WIDTH}}{text}" for label, text in self.rows()]
        return "\n".join(lines)


class CheckFailed(AssertionError):
    """Raised by a test whose learner's answer is wrong; its text is the whole message."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report
