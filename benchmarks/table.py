"""A table of results that can be shown in a terminal and written into a page."""

from __future__ import annotations

from dataclasses import dataclass, field

import rich.table


@dataclass
class Table:
    """Rows of text under a title; `notes` say how they were measured and what they do not show."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add one row."""
        assert len(cells) == len(self.columns)
        self.rows.append(cells)

    def __rich__(self) -> rich.table.Table:
        shown = rich.table.Table(title=self.title, title_justify="left", title_style="bold")
        for position, column in enumerate(self.columns):
            shown.add_column(column, justify="right" if position else "left")
        for row in self.rows:
            shown.add_row(*row)
        return shown

    def markdown(self) -> str:
        """The section of a page."""
        alignment = [":--", *("--:" for _ in self.columns[1:])]
        lines = [self.columns, alignment, *self.rows]
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        return "\n\n".join([f"## {self.title}", table, *self.notes])


def verdict(met: bool) -> str:
    """Whether a number is what was wanted."""
    return "yes" if met else "not yet"
