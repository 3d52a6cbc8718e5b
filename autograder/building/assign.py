"""Let Otter Assign strip the answers and write the tests, in a scratch folder, and read back what it made."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell

from autograder.building import BuildError
from autograder.building.grader_zip import grader_files, requirements_text
from autograder.building.master import SOLVED_ONLY, Master, is_experiment, question_of, tags_of, with_prompts
from autograder.judging.declare import Exercise

IGNORE_TAG = "otter_ignore"
OTTER_TAGS = {"otter_answer_cell", "otter_assign_solution_cell"}


@dataclass(frozen=True)
class Assigned:
    """What Otter Assign made of one master: the student notebook, all tests, the public tests, and the zip's bytes."""

    student: NotebookNode
    tests: dict[str, str]
    public_tests: dict[str, str]
    archive: bytes


def assign(master: Master) -> Assigned:
    """Run Otter Assign on a master in a scratch folder; raises BuildError with what it printed."""
    with tempfile.TemporaryDirectory(prefix="assign-") as scratch:
        folder = Path(scratch)
        source = folder / f"{master.name}.ipynb"
        nbformat.write(_assign_notebook(master), source)
        for name, content in grader_files(master.number).items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (folder / "requirements.txt").write_text(requirements_text())
        command = [sys.executable, "-m", "otter", "assign", source.name, "made", "--no-run-tests", "--no-pdfs"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"{master.name}: otter assign failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        made = folder / "made"
        archive = next((made / "autograder").glob("*.zip"))
        return Assigned(
            nbformat.read(made / "student" / source.name, as_version=4),
            _texts(made / "autograder" / "tests"),
            _texts(made / "student" / "tests"),
            archive.read_bytes(),
        )


def _texts(folder: Path) -> dict[str, str]:
    return {path.stem: tidy_test(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("q*.py"))}


def tidy_test(text: str) -> str:
    """Otter's template leaves trailing blanks; everything else stays as it wrote it."""
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip() + "\n"


def _assign_notebook(master: Master) -> NotebookNode:
    notebook = copy.deepcopy(master.notebook)
    by_question = {exercise.question: exercise for exercise in master.exercises}
    cells: list[NotebookNode] = [_raw(_configuration(master))]
    open_exercise: Exercise | None = None
    for cell in notebook.cells:
        tags = tags_of(cell)
        if open_exercise and "hints" not in tags:
            cells += _tests_and_end(open_exercise)
            open_exercise = None
        if tags & SOLVED_ONLY:
            continue
        question = question_of(cell)
        if question:
            open_exercise = by_question[question]
            cell.source = with_prompts(cell.source, open_exercise)
            cell.metadata = {"tags": ["exercise", question]}
            begin = f"# BEGIN QUESTION\nname: {question}"
            cells += [_raw(begin), _raw("# BEGIN SOLUTION"), cell, _raw("# END SOLUTION")]
            continue
        if is_experiment(cell):
            cell.metadata["tags"] = sorted(tags | {"experiment", IGNORE_TAG})
        cells.append(cell)
    if open_exercise:
        cells += _tests_and_end(open_exercise)
    notebook.cells = cells
    return notebook


def _configuration(master: Master) -> str:
    files = "\n".join(f"  - {name}" for name in sorted({name.split("/")[0] for name in grader_files(master.number)}))
    return f"""# ASSIGNMENT CONFIG
init_cell: false
export_cell: false
check_all_cell: false
run_tests: false
requirements: requirements.txt
tests:
  files: true
  ok_format: false
generate:
  show_stdout: false
  show_hidden: true
autograder_files:
{files}
"""


def _tests_and_end(exercise: Exercise) -> list[NotebookNode]:
    cells = [_raw("# BEGIN TESTS"), new_code_cell(_public_test(exercise))]
    cells += [new_code_cell(_hidden_test(exercise, index)) for index in range(len(exercise.tests))]
    return [*cells, _raw("# END TESTS"), _raw("# END QUESTION")]


def _public_test(exercise: Exercise) -> str:
    return f'''""" # BEGIN TEST CONFIG
points: {exercise.public_points:g}
""" # END TEST CONFIG
def test_{exercise.question}_public(env):
    from attnkit.checking import check
    check("{exercise.question}", env)
'''


def _hidden_test(exercise: Exercise, index: int) -> str:
    test = exercise.tests[index]
    return f'''""" # BEGIN TEST CONFIG
hidden: true
points: {test.points:g}
""" # END TEST CONFIG
def test_{exercise.question}_{index + 1}(env):
    from autograder.judging.examine import check_hidden
    check_hidden("{exercise.question}", "{test.name}", env)
'''


def _raw(source: str) -> NotebookNode:
    return new_raw_cell(source)
