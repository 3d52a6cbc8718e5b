"""Read a notebook that a stranger wrote, and tell which notebook of the course it is; nothing in it is trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autograder.grading.course import Course, CourseNotebook

MAX_BYTES = 32 * 2**20
MAX_CELLS = 2_000
MAX_CODE = 2 * 2**20
METADATA_KEY = "attention_course"
_BEGAN = "iopub.execute_input"  # JupyterLab's word for the moment at which a cell began to run
_DEFINITION = re.compile(r"^[ \t]*(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_SAME_CELLS = 3


class UnreadableError(Exception):
    """The file is no notebook; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One code cell: its id (may be empty), its source, and when it was last run (ISO, UTC), where the file says so."""

    id: str
    source: str
    ran: str = ""


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook, in order, and what its metadata says about its origin."""

    cells: tuple[CodeCell, ...]
    origin: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file turned out to be: a notebook of the course by name, or a problem in one line."""

    notebook: str = ""
    version: str = ""
    untouched: bool = False
    problem: str = ""
    unreadable: bool = False


def read_notebook(raw: bytes) -> Notebook:
    """Parse the bytes of an .ipynb file; raises UnreadableError, and nothing else, when they are none."""
    if len(raw) > MAX_BYTES:
        raise UnreadableError(
            f"it is larger than {MAX_BYTES // 2**20} MB: clear all outputs in Jupyter and save it again"
        )
    if not raw.strip():
        raise UnreadableError("the file is empty")
    try:
        data = json.loads(_decode(raw))
    except RecursionError:
        raise UnreadableError("it is nested too deeply to be a notebook") from None
    except ValueError as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableError(f"no valid JSON{where}: save it from Jupyter and hand it in again") from None
    if not isinstance(data, dict):
        raise UnreadableError("it is not a notebook: the JSON in it is not an object")
    if "worksheets" in data:
        data = _upgraded(data)
    return _checked(data)


def write_notebook(notebook: Notebook) -> bytes:
    """The code of a notebook as a small file of our own, which `read_notebook` reads back as the same notebook."""
    cells = [
        {"cell_type": "code", "id": cell.id, "source": cell.source, "metadata": {"execution": {_BEGAN: cell.ran}}}
        for cell in notebook.cells
    ]
    origin = {METADATA_KEY: {"notebook": notebook.origin, "version": notebook.version}}
    return json.dumps({"cells": cells, "metadata": origin, "nbformat": 4, "nbformat_minor": 5}).encode()


def source_digest(source: str) -> str:
    """The SHA-256 of a cell's source without trailing spaces and outer blank lines, so that saving changes nothing."""
    lines = [line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return hashlib.sha256("\n".join(lines).strip().encode("utf-8", "replace")).hexdigest()


def identify(raw: bytes, course: Course) -> Identity:
    """Which notebook of the course a file is: by its metadata, else its cells' ids, else the names it defines."""
    try:
        notebook = read_notebook(raw)
    except UnreadableError as error:
        return Identity(problem=str(error), unreadable=True)
    return identify_notebook(notebook, course)


def identify_notebook(notebook: Notebook, course: Course) -> Identity:
    """Which notebook of the course it is, or that it is none of them."""
    known = _named(notebook, course) or _by_cells(notebook, course) or _by_definitions(notebook, course)
    if known is None:
        return Identity(problem="not a notebook of this course, or none that the grader knows")
    return Identity(known.name, notebook.version, _untouched(notebook, known))


def _named(notebook: Notebook, course: Course) -> CourseNotebook | None:
    return course.notebooks.get(notebook.origin)


def _by_cells(notebook: Notebook, course: Course) -> CourseNotebook | None:
    ids = {cell.id for cell in notebook.cells}
    shared = {name: len(ids & known.cell_by_id.keys()) for name, known in course.notebooks.items()}
    return _clear_winner(shared, course, _SAME_CELLS)


def _by_definitions(notebook: Notebook, course: Course) -> CourseNotebook | None:
    code = "\n".join(cell.source for cell in notebook.cells)
    defined = set(_DEFINITION.findall(code)) | set(_ASSIGNMENT.findall(code))
    shared = {}
    for name, known in course.notebooks.items():
        wanted = {function for question in known.questions for function in question.functions}
        found = len(wanted & defined)
        shared[name] = found if 2 * found >= len(wanted) else 0
    return _clear_winner(shared, course, 1)


def _clear_winner(shared: Mapping[str, int], course: Course, least: int) -> CourseNotebook | None:
    ranking = sorted(shared, key=lambda name: -shared[name])
    if not ranking or shared[ranking[0]] < least:
        return None
    if len(ranking) > 1 and shared[ranking[1]] == shared[ranking[0]]:
        return None
    return course.notebooks[ranking[0]]


def _untouched(notebook: Notebook, master: CourseNotebook) -> bool:
    """Whether every stub is still as it was handed out."""
    stubs = {cell.source_sha256 for cell in master.cells if cell.kind == "stub"}
    return bool(stubs) and stubs <= {source_digest(cell.source) for cell in notebook.cells}


def _decode(raw: bytes) -> str:
    """UTF-8, with or without a byte order mark, or UTF-16 or UTF-32 with one."""
    if raw.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return raw.decode("utf-32")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


def _upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """A notebook of format 3 or older in today's format."""
    import nbformat

    tools: Any = nbformat  # it has no types
    try:
        old = tools.from_dict({"nbformat": 3, "metadata": {}, **data})
        return dict(tools.convert(old, 4))
    except (Exception, RecursionError):
        raise UnreadableError(
            "it is a notebook of an old format that cannot be converted: save it from Jupyter again"
        ) from None


def _checked(data: Mapping[str, Any]) -> Notebook:
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise UnreadableError("it is not a notebook: the JSON in it has no cells")
    if len(cells) > MAX_CELLS:
        raise UnreadableError(f"it has more than {MAX_CELLS} cells")
    code = tuple(_code_cell(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code")
    if sum(len(cell.source) for cell in code) > MAX_CODE:
        raise UnreadableError(f"its code is longer than {MAX_CODE // 2**20} MB")
    metadata = data.get("metadata")
    course = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    origin = course if isinstance(course, dict) else {}
    return Notebook(code, _text(origin.get("notebook")), _text(origin.get("version")))


def _code_cell(cell: Mapping[str, Any]) -> CodeCell:
    source = cell.get("source", "")
    if isinstance(source, Sequence) and not isinstance(source, str):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        raise UnreadableError("it is not a notebook: a cell in it has no text")
    return CodeCell(_text(cell.get("id")), source.encode("utf-8", "replace").decode("utf-8"), _ran(cell.get("metadata")))


def _ran(metadata: Any) -> str:
    """When a cell was last run: JupyterLab keeps it where a learner turned that on, Colab always."""
    if not isinstance(metadata, dict):
        return ""
    lab, colab = metadata.get("execution"), metadata.get("executionInfo")
    try:
        if isinstance(lab, dict) and isinstance(said := lab.get(_BEGAN), str):
            moment = datetime.fromisoformat(said[:40])
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")
        if isinstance(colab, dict) and isinstance(stamp := colab.get("timestamp"), int):
            return datetime.fromtimestamp(stamp / 1000, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""
    return ""


def _text(value: Any) -> str:
    return value[:200].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
