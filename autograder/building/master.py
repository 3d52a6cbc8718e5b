"""Read a master: one notebook as percent text, with answers, and what the tags of its cells mean.

`setup` and `exercise` cells run while grading; every other code cell is an experiment and does not. `claim` cells
(assertions about what the prose says) and `explanation` cells exist in the solved notebook only.
"""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass

import jupytext
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.building.first_cell import first_cell
from autograder.building.roads import lay
from autograder.building.wild import fill
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.judging.declare import Exercise
from autograder.paths import SOLUTIONS

BEGIN = re.compile(r"^(\s*)# BEGIN SOLUTION\s*$")
END = re.compile(r"^\s*# END SOLUTION\s*$")
INLINE = re.compile(r"\s*# SOLUTION\s*$")
SOLVED_ONLY = {"claim", "explanation"}
COLUMNS = 88  # what a notebook's code cell shows without a scroll bar
CONTROL = re.compile(r"^# control: .+\n(?!\s*#)(?:.*\n)*?\s*assert ", re.MULTILINE)


class MasterError(ValueError):
    """A master does not follow the form; the message says where and what to do."""


@dataclass(frozen=True)
class Master:
    """One master notebook with its exercises, its cells carrying stable ids."""

    number: str
    notebook: NotebookNode
    exercises: tuple[Exercise, ...]

    @property
    def name(self) -> str:
        """The notebook's name without ending, such as `02_keys_queries_values`."""
        return NOTEBOOKS[self.number]

    @property
    def title(self) -> str:
        """The notebook's first heading, such as `2 · Keys, queries, values`."""
        return self.notebook.cells[0].source.splitlines()[0].lstrip("# ")

    def exercise_cells(self) -> dict[str, NotebookNode]:
        """The answer cell of every question, in order."""
        return {question: cell for cell in self.notebook.cells if (question := question_of(cell))}


def read_master(number: str) -> Master:
    """Read `solutions/NN_topic.py`; raises MasterError when it is not there or does not follow the form."""
    path = SOLUTIONS / f"{NOTEBOOKS[number]}.py"
    if not path.is_file():
        raise MasterError(f"{path.name}: there is no such master in {SOLUTIONS.name}/")
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = lay(fill(cell.source))
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    master = Master(number, notebook, exercises_of(number))
    _check_form(master)
    _name_cells(notebook)
    first = next((i for i, cell in enumerate(notebook.cells) if "setup" in tags_of(cell)), 0)
    notebook.cells.insert(first, first_cell())
    return master


def tags_of(cell: NotebookNode) -> set[str]:
    """The tags in a cell's metadata."""
    return set(cell.metadata.get("tags", []))


def question_of(cell: NotebookNode) -> str | None:
    """The question an answer cell belongs to, or None for any other cell."""
    tags = tags_of(cell)
    return next((tag for tag in tags if re.fullmatch(r"q\d+_\d+", tag)), None) if "exercise" in tags else None


def is_experiment(cell: NotebookNode) -> bool:
    """Whether a code cell stays out of grading."""
    return cell.cell_type == "code" and not tags_of(cell) & {"setup", "exercise"}


def solved_notebook(master: Master) -> NotebookNode:
    """The notebook with its answers, without markers, and with the check after each exercise's hints."""
    notebook = copy.deepcopy(master.notebook)
    cells: list[NotebookNode] = []
    waiting: str | None = None
    for cell in notebook.cells:
        if waiting and "hints" not in tags_of(cell):
            cells.append(check_cell(waiting))
            waiting = None
        if question := question_of(cell):
            cell.source = without_markers(cell.source)
            waiting = question
        cells.append(cell)
    if waiting:
        cells.append(check_cell(waiting))
    notebook.cells = cells
    return notebook


def check_cell(question: str) -> NotebookNode:
    """The cell that checks one question."""
    return new_code_cell(f'grader.check("{question}")', id=f"{question}-check", metadata={"tags": ["check"]})


def without_markers(source: str) -> str:
    """The answer as a reader sees it."""
    lines = [line for line in source.splitlines() if not BEGIN.match(line) and not END.match(line)]
    return "\n".join(INLINE.sub("", line) for line in lines)


def with_prompts(source: str, exercise: Exercise) -> str:
    """The answer cell in Otter Assign's notation: each block of the answer gives way to a NotImplementedError."""
    lines = []
    for line in source.splitlines():
        begin = BEGIN.match(line)
        if begin:
            lines.append(f"{begin[1]}# BEGIN SOLUTION NO PROMPT")
            continue
        lines.append(line)
        if END.match(line):
            indent = line[: len(line) - len(line.lstrip())]
            text = f'raise NotImplementedError("Exercise {exercise.number}: {exercise.title} is not written yet")'
            lines += [f'{indent}""" # BEGIN PROMPT', f"{indent}{text}", f'{indent}""" # END PROMPT']
    return "\n".join(lines)


def _check_form(master: Master) -> None:
    declared = [exercise.question for exercise in master.exercises]
    written = list(master.exercise_cells())
    if declared != written:
        raise MasterError(f"{master.name}: the exercises declared are {declared}, the answer cells are {written}")
    for exercise in master.exercises:
        source = master.exercise_cells()[exercise.question].source
        if "# BEGIN SOLUTION" not in source and "# SOLUTION" not in source:
            raise MasterError(f"{master.name}: the cell of {exercise.question} marks no solution")
        for name in exercise.names:
            if not re.search(rf"^(def|class) {name}\b|^{name}\s*=", source, flags=re.MULTILINE):
                raise MasterError(f"{master.name}: the cell of {exercise.question} does not define {name}")
        _check_heading(master, exercise)
    _check_code(master)
    total = sum(exercise.points for exercise in master.exercises)
    if f"· {total:g} points." not in master.notebook.cells[0].source:
        raise MasterError(f"{master.name}: the first cell should state {total:g} points, as the tests give")


def _check_heading(master: Master, exercise: Exercise) -> None:
    """The lesson opens with what is declared: number, ★, minutes, points, and whether a first reading leaves it out."""
    texts = [cell.source for cell in master.notebook.cells if cell.cell_type == "markdown"]
    text = next((text for text in texts if text.startswith(f"## {exercise.number} ")), "")
    heading = text.partition("\n")[0]
    if ("★" in heading) != exercise.starred:
        wanted = "needs a ★" if exercise.starred else "has a ★ and needs none"
        raise MasterError(f"{master.name}: the heading of {exercise.number} {wanted}, as declared")
    stated = f"· {exercise.minutes} min · {exercise.points:g} points{' · further' if exercise.further else ''}\n"
    if stated not in text:
        raise MasterError(
            f"{master.name}: the lesson of {exercise.number} should state '{stated.strip()}', as declared"
        )


def _check_code(master: Master) -> None:
    """No line of code is wider than a reader's screen, and every claim says what would make it false."""
    for cell in master.notebook.cells:
        if cell.cell_type != "code":
            continue
        wide = next((line for line in cell.source.splitlines() if len(line) > COLUMNS), None)
        if wide:
            raise MasterError(
                f"{master.name}: a line of {len(wide)} columns, at most {COLUMNS} are shown: {wide.strip()}"
            )
        if "claim" in tags_of(cell) and not CONTROL.search(cell.source):
            first = cell.source.partition("\n")[0]
            raise MasterError(
                f"{master.name}: the claim that begins '{first}' has no '# control: …' with an assertion below it"
            )


def _name_cells(notebook: NotebookNode) -> None:
    """Give every cell an id that depends on its place in the lesson or its text, and on nothing else."""
    seen: set[str] = set()
    for cell in notebook.cells:
        question = question_of(cell)
        name = question or f"c-{hashlib.sha256(cell.source.encode()).hexdigest()[:10]}"
        while name in seen:
            name += "x"
        seen.add(name)
        cell.id = name
