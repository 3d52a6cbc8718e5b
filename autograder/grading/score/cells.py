"""Which cells of a hand-in run, in what form, and what to say about it.

Everything a student wrote counts. Handed-out experiments and checks are left out; of an experiment that was changed the
definitions run; a blank copy of an exercise below an answered one does not; and where the set-up of the hand-out was
changed or is missing, it is given before the first cell, so that one broken import does not cost everything below it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.grading.course import CourseNotebook
from autograder.grading.find.notebook import CodeCell, Notebook, source_digest
from autograder.grading.run.parts import Definitions

GIVEN = 0
_DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_ASSIGNED = re.compile(r"^([A-Za-z_]\w*)[ \t]*(?::[^=\n]{1,200})?=(?!=)", re.MULTILINE)
_NAMES_SHOWN = 4


@dataclass(frozen=True)
class PlannedCell:
    """A cell that runs: its number among the notebook's code cells from 1, or GIVEN, and the exercise it answers.

    `handed_out` is one that the student left as it was, `setup` a set-up cell that was changed.
    """

    number: int
    source: str
    exercise: str = ""
    handed_out: bool = False
    setup: bool = False


@dataclass(frozen=True)
class Plan:
    """The cells that run, what to tell about those that do not, and where a name stands that is left out."""

    cells: tuple[PlannedCell, ...]
    notes: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def sources(self) -> list[str]:
        """What to hand to a session, in order."""
        return [cell.source for cell in self.cells]


def plan_cells(notebook: Notebook, master: CourseNotebook) -> Plan:
    """What of a notebook is run; ids and sources are those of the hand-out, and tags in the notebook count for nothing."""
    planned: list[PlannedCell] = []
    changed: list[int] = []
    left_out: dict[str, int] = {}
    blank = _blank_copies(notebook, master)
    ids = Counter(cell.id for cell in notebook.cells)  # one that stands twice says nothing about a cell
    for number, cell in enumerate(notebook.cells, start=1):
        if not cell.source.strip() or number in blank or source_digest(cell.source) in master.claims:
            continue
        known = master.digests.get(source_digest(cell.source))
        if known is not None and (known.id in master.experiments or known.kind == "check"):
            left_out |= dict.fromkeys(_names_in(cell.source), number)
        elif known is None and cell.id in master.experiments and ids[cell.id] == 1:
            changed.append(number)
            left_out |= dict.fromkeys(_ASSIGNED.findall(cell.source), number)
            planned.append(PlannedCell(number, Definitions(cell.source)))
        else:
            own = master.cell_by_id.get(cell.id) if known is None else None
            setup = own is not None and own.kind == "setup"
            planned.append(PlannedCell(number, cell.source, _exercise_of(cell, master), known is not None, setup))
    given, told = _given(notebook, master)
    notes = [*told, *_told_about_copies(notebook, master, blank)]
    if changed:
        what = "an experiment that was" if len(changed) == 1 else "experiments that were"
        notes.append(f"{_listed(changed)}: {what} changed, of which only the definitions were run")
    return Plan((*given, *planned), tuple(notes), left_out)


def _given(notebook: Notebook, master: CourseNotebook) -> tuple[list[PlannedCell], list[str]]:
    """The set-up cells of the hand-out, when one of them is not in the notebook as it was; and a remark if it is missing."""
    setup = [cell for cell in master.cells if cell.kind == "setup" and cell.source]
    there = {source_digest(cell.source) for cell in notebook.cells}
    ids = {cell.id for cell in notebook.cells}
    gone = [cell for cell in setup if cell.source_sha256 not in there]
    if not gone:
        return [], []
    missing = [cell for cell in gone if cell.id not in ids]
    notes = ["the set-up cell of the hand-out is not in the notebook: its names were given"] if missing else []
    return [PlannedCell(GIVEN, cell.source, handed_out=True) for cell in setup], notes


def _blank_copies(notebook: Notebook, master: CourseNotebook) -> dict[int, str]:
    """Cells that are an exercise's blank, below a cell that answers it: the number of each, and the question's name."""
    answered: set[str] = set()
    blank: dict[int, str] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        known = master.digests.get(source_digest(cell.source))
        if known is not None and known.kind == "stub" and known.question:
            if known.question in answered:
                blank[number] = known.question
        elif known is None:
            answered |= _answers(cell, master)
    return blank


def _told_about_copies(notebook: Notebook, master: CourseNotebook, blank: Mapping[int, str]) -> Iterator[str]:
    """A remark for every exercise that stands in the notebook more than once."""
    places: dict[str, list[int]] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        if source_digest(cell.source) not in master.digests and cell.id not in master.experiments:
            for name in _answers(cell, master):
                places.setdefault(name, []).append(number)
    for question in master.questions:
        copies = [number for number, name in blank.items() if name == question.name]
        own = places.get(question.name, [])
        if copies:
            yield f"exercise {question.title} stands twice: the answer counts, and not the blank in {_listed(copies)}"
        elif len(own) > 1 and len(question.functions) == 1:
            yield f"exercise {question.title} is defined in {_listed(own)}: the last one counts"


def _answers(cell: CodeCell, master: CourseNotebook) -> set[str]:
    """The questions of which a cell defines a name."""
    names = set(_names_in(cell.source))
    return {question.name for question in master.questions if names & set(question.functions)}


def _exercise_of(cell: CodeCell, master: CourseNotebook) -> str:
    """The heading of the one exercise that a cell answers, by its id or by what it defines; empty when it is not one."""
    known = master.cell_by_id.get(cell.id)
    names = {known.question} if known is not None and known.question else _answers(cell, master)
    titles = [question.title for question in master.questions if question.name in names]
    return titles[0] if len(titles) == 1 else ""


def _names_in(source: str) -> list[str]:
    """The names that a cell's text defines or assigns at its left edge."""
    return [*_DEFINED.findall(source), *_ASSIGNED.findall(source)]


def _listed(numbers: Sequence[int]) -> str:
    """`code cell 3`, or `code cells 3, 5 and 9`, and no more than a few."""
    shown = [str(number) for number in numbers[:_NAMES_SHOWN]]
    if len(numbers) > _NAMES_SHOWN:
        shown.append(f"{len(numbers) - _NAMES_SHOWN} more")
    if len(shown) == 1:
        return f"code cell {shown[0]}"
    return f"code cells {', '.join(shown[:-1])} and {shown[-1]}"
