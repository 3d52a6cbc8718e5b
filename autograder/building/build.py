"""Make every generated file of one notebook, in memory first, and check it before anything is written."""

from __future__ import annotations

import ast
import contextlib
import copy
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from attnkit.checking.public import load_numbers
from autograder.building import BuildError
from autograder.building.assign import OTTER_TAGS, Assigned, assign
from autograder.building.first_cell import FIND, FOLDED
from autograder.building.grader_zip import canonical_zip
from autograder.building.master import (
    BEGIN,
    END,
    Master,
    is_experiment,
    question_of,
    read_master,
    solved_notebook,
    tags_of,
)
from autograder.building.numbers import kept, public_numbers
from autograder.paths import GENERATED, LESSONS, NOTEBOOKS, NUMBERS, PUBLIC_TESTS, SOLUTIONS

METADATA_KEY = "attention_course"


@dataclass(frozen=True)
class Made:
    """Everything one build makes: files by path, and the solved notebook, which still has to be executed."""

    files: dict[Path, bytes]
    solved: NotebookNode
    solved_path: Path


def make(number: str) -> Made:
    """Build one notebook without writing the results; raises BuildError or MasterError when something is not right.

    The public numbers are written first: the zip and the checks below need them.
    """
    master = read_master(number)
    files: dict[Path, bytes] = {}
    for exercise in master.exercises:
        path = NUMBERS / f"{exercise.question}.json"
        files[path] = kept(path, public_numbers(exercise)).encode()
        write_if_changed(path, files[path])
    load_numbers.cache_clear()
    assigned = assign(master)
    _check_tests(master, assigned)
    student = _student_notebook(master, assigned)
    version = _version(master, student, assigned)
    student.metadata[METADATA_KEY] = {"notebook": master.name, "version": version}
    solved = solved_notebook(master)
    solved.metadata[METADATA_KEY] = {"notebook": master.name, "version": version}
    _check_leaks(master, student)
    _check_scores(master, student, solved, assigned)
    home = GENERATED / master.name
    files[NOTEBOOKS / f"{master.name}.ipynb"] = notebook_bytes(student)
    files[home / "autograder.zip"] = canonical_zip(assigned.archive)
    files[home / "course.json"] = _course(master, student, version)
    files[LESSONS / f"{master.name}.json"] = _lesson(master)
    files |= {home / "tests" / f"{name}.py": text.encode() for name, text in assigned.tests.items()}
    files |= {PUBLIC_TESTS / f"{name}.py": text.encode() for name, text in assigned.public_tests.items()}
    return Made(files, solved, SOLUTIONS / f"{master.name}.ipynb")


def stale_files(made: Made) -> list[Path]:
    """The generated files on disk that are missing or differ from what was made; outputs of executed cells do not count."""
    stale = [path for path, content in made.files.items() if not path.is_file() or path.read_bytes() != content]
    if not sources_match(made.solved_path, made.solved):
        stale.append(made.solved_path)
    return sorted(stale)


def sources_match(path: Path, notebook: NotebookNode) -> bool:
    """Whether the notebook on disk is `notebook`, outputs and execution counts aside, and has been executed."""
    if not path.is_file():
        return False
    try:
        old = nbformat.read(path, as_version=4)
    except Exception:
        return False
    executed = all(cell.execution_count for cell in old.cells if cell.cell_type == "code")
    return executed and notebook_bytes(_without_outputs(old)) == notebook_bytes(notebook)


def with_kept_outputs(path: Path, notebook: NotebookNode) -> NotebookNode | None:
    """`notebook` with the outputs of the one on disk where nothing but text has changed; None where it has to be run."""
    try:
        old = nbformat.read(path, as_version=4)
    except Exception:
        return None
    result = copy.deepcopy(notebook)
    before, after = ([cell for cell in one.cells if cell.cell_type == "code"] for one in (old, result))
    same = [_what_it_does(cell) for cell in before] == [_what_it_does(cell) for cell in after]
    if not same or not all(cell.execution_count for cell in before):
        return None
    for run, cell in zip(before, after, strict=True):
        cell.outputs, cell.execution_count = run.outputs, run.execution_count
    result.metadata = nbformat.from_dict({**old.metadata, METADATA_KEY: result.metadata[METADATA_KEY]})
    return result


def _what_it_does(cell: NotebookNode) -> str:
    """A cell's code without its comments and docstrings; where attnkit comes from changes no output."""
    if cell.id == FIND:
        return FIND
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return str(cell.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write `content` under a temporary name and rename it; says whether anything changed."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, prefix=".") as temporary:
        temporary.write(content)
    Path(temporary.name).chmod(0o644)
    Path(temporary.name).replace(path)
    return True


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """The notebook as Jupyter writes it, with keys in a fixed order."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _without_outputs(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _student_notebook(master: Master, assigned: Assigned) -> NotebookNode:
    """Otter's student notebook with stable ids and only our own metadata."""
    student = assigned.student
    ids = {cell.source: cell.id for cell in master.notebook.cells}
    last = ""
    for cell in student.cells:
        tags = tags_of(cell) - OTTER_TAGS
        question = question_of(cell)
        if question:
            cell.id = last = question
        elif cell.source.startswith("grader.check("):
            cell.id, tags = f"{last}-check", {"check"}
        else:
            cell.id = ids[cell.source]
        cell.metadata = {"tags": sorted(tags)} if tags else {}
        if FIND in tags:
            cell.metadata |= FOLDED
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    student.metadata = dict(master.notebook.metadata)
    student.nbformat, student.nbformat_minor = 4, 5
    return student


def _version(master: Master, student: NotebookNode, assigned: Assigned) -> str:
    """A short hash of what the student gets and what is tested: it changes when either does."""
    digest = hashlib.sha256(notebook_bytes(student))
    for name, text in sorted(assigned.tests.items()):
        digest.update(f"{name}\n{text}".encode())
    return digest.hexdigest()[:12]


def _course(master: Master, student: NotebookNode, version: str) -> bytes:
    """What the batch grader knows of the notebook: its questions, and which of its cells stay out of grading."""
    record: dict[str, Any] = {
        "notebook": master.name,
        "title": master.title,
        "version": version,
        "questions": [
            {
                "name": exercise.question,
                "title": exercise.title,
                "exercise": exercise.heading,
                "points": exercise.points,
                "functions": list(exercise.names),
                "tests": [test.says for test in exercise.tests],
            }
            for exercise in master.exercises
        ],
        "cells": [
            {
                "id": cell.id,
                "kind": _kind(cell),
                "question": question_of(cell),
                "source_sha256": hashlib.sha256(cell.source.strip().encode()).hexdigest(),
                **({"source": cell.source} if _kind(cell) == "setup" else {}),
            }
            for cell in student.cells
            if cell.cell_type == "code"
        ],
    }
    record["claim_cells"] = [  # in the solved notebook only, which a learner may have checked, too
        hashlib.sha256(cell.source.strip().encode()).hexdigest()
        for cell in master.notebook.cells
        if cell.cell_type == "code" and "claim" in tags_of(cell)
    ]
    record["experiment_cells"] = [cell["id"] for cell in record["cells"] if cell["kind"] == "experiment"]
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _lesson(master: Master) -> bytes:
    """What a learner's logbook knows of the notebook."""
    exercises = [
        {"question": exercise.question, "heading": exercise.heading, "minutes": exercise.minutes}
        for exercise in master.exercises
    ]
    return (json.dumps({"title": master.title, "exercises": exercises}, indent=1, ensure_ascii=False) + "\n").encode()


def _kind(cell: NotebookNode) -> str:
    tags = tags_of(cell)
    if "exercise" in tags:
        return "stub"
    return "setup" if "setup" in tags else "check" if "check" in tags else "experiment"


def _check_tests(master: Master, assigned: Assigned) -> None:
    """Otter Assign reports success also when a test was dropped or does not compile: count and compile every one."""
    for exercise in master.exercises:
        for kind, tests, count in (
            ("all", assigned.tests, 1 + len(exercise.tests)),
            ("public", assigned.public_tests, 1),
        ):
            text = tests.get(exercise.question)
            if text is None:
                raise BuildError(f"{master.name}: otter assign wrote no {kind} tests for {exercise.question}")
            try:
                compile(text, exercise.question, "exec")
            except SyntaxError as error:
                raise BuildError(
                    f"{master.name}: the {kind} tests of {exercise.question} do not compile: {error}"
                ) from error
            found = text.count("@test_case(")
            if found != count:
                raise BuildError(
                    f"{master.name}: {exercise.question} has {found} {kind} test cases, {count} are declared"
                )
        if "hidden=True" in assigned.public_tests[exercise.question]:
            raise BuildError(f"{master.name}: a hidden test of {exercise.question} is among the public ones")


def _check_leaks(master: Master, student: NotebookNode) -> None:
    """No line of an answer may be left in the student's copy of its cell."""
    stubs = {question_of(cell): cell.source for cell in student.cells if question_of(cell)}
    for question, cell in master.exercise_cells().items():
        stub_lines = {line.strip() for line in stubs[question].splitlines()}
        leaked = [line for line in answer_lines(cell.source) if line in stub_lines]
        if leaked or (not _blank(stubs[question])):
            raise BuildError(f"{master.name}: the stub of {question} still holds its answer: {leaked[:1]}")


def answer_lines(source: str) -> Iterator[str]:
    """The lines between the solution markers, stripped; lines too short to tell anything are left out."""
    inside = False
    for line in source.splitlines():
        if END.match(line):
            inside = False
        if inside and len(line.strip()) > 8 and not line.strip().startswith("#"):
            yield line.strip()
        if BEGIN.match(line):
            inside = True


def _blank(stub: str) -> bool:
    return "raise NotImplementedError(" in stub or "= ..." in stub


def _check_scores(master: Master, student: NotebookNode, solved: NotebookNode, assigned: Assigned) -> None:
    """The solved notebook earns exactly the declared points, the blank one none, and points add up."""
    declared = {exercise.question: exercise.points for exercise in master.exercises}
    for notebook, wanted in ((solved, declared), (student, dict.fromkeys(declared, 0.0))):
        scores = score_in_process(notebook, assigned.tests)
        for question, (score, possible, message) in scores.items():
            if possible != declared[question]:
                raise BuildError(
                    f"{master.name}: {question} is worth {possible} points, declared are {declared[question]}"
                )
            if score != wanted[question]:
                raise BuildError(
                    f"{master.name}: {'the solution' if notebook is solved else 'the blank notebook'} earns {score:g} of "
                    f"{possible:g} points in {question}, not {wanted[question]:g}:\n{message}"
                )


def score_in_process(notebook: NotebookNode, tests: dict[str, str]) -> dict[str, tuple[float, float, str]]:
    """Run the graded cells of a trusted notebook here and Otter's test files over them: score, possible, summary."""
    from otter.test_files.exception_test import ExceptionTestFile

    environment: dict[str, Any] = {"__name__": "__main__"}
    scores = {}
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch), contextlib.redirect_stdout(None):
        for cell in notebook.cells:
            if cell.cell_type == "code" and not is_experiment(cell):
                with contextlib.suppress(NotImplementedError):
                    exec(compile(cell.source, f"<{cell.id}>", "exec"), environment)
        for name, text in tests.items():
            file = ExceptionTestFile.from_string(text, name)
            file.run(environment)
            scores[name] = (float(file.score), float(file.possible), file.summary())
    return scores


__all__ = ["BuildError", "Made", "make", "stale_files", "write_if_changed"]
