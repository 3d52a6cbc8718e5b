"""The students' pages as the zip that a platform's bulk upload takes, under the names that the platform gave."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from autograder.grading.errors import GradingError
from autograder.grading.find.layout import stem
from autograder.grading.find.platforms import Owner, canvas, moodle
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.people import Listed
from autograder.grading.report.outputs import feedback_path
from autograder.grading.safe_text import in_lines
from autograder.term.export import Filled
from autograder.term.sheet import write_whole

KINDS = ("moodle", "canvas")
_MOMENT = (2026, 1, 1, 0, 0, 0)  # so that the same pages give the same zip
_RULES: dict[str, Callable[[str, str], Owner | None]] = {"moodle": moodle, "canvas": canvas}


def pages_zip(book: Gradebook, out: Path, kind: str, notebook: str, target: Path) -> Filled:
    """Write the zip of one notebook's pages; raises GradingError when no page has a name that the platform would take."""
    filled = Filled()
    origins = book.origins(notebook)
    people = {one.student: one for one in book.people()}
    content = io.BytesIO()
    lost, shared = [], []
    names = {one.student.key: _name(one, kind, origins.get(one.student.key, []), people) for one in book.records(notebook)}
    own = {name for name, mine in names.values() if mine}
    taken: set[str] = set()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in book.records(notebook):
            page = out / feedback_path(record.student.key, record.notebook)
            name, mine = names[record.student.key]
            if not name or not page.is_file():
                lost.append(record.student.name)
                continue
            if name in taken or (name in own and not mine):
                shared.append(record.student.name)
                continue
            taken.add(name)
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), page.read_bytes(), zipfile.ZIP_DEFLATED)
            filled.marks += 1
    if not filled.marks:
        raise GradingError(
            f"no page of {notebook} has a name that {kind.capitalize()} gave: pages go back to the platform from which the "
            f"hand-ins were downloaded{', or with the worksheet as --roster' if kind == 'moodle' else ''}"
        )
    write_whole(target, content.getvalue())
    if kind == "moodle" and not any(alias == "moodle" for one in people.values() for alias, _ in one.ids):
        filled.told.append(
            "no roster says whose the numbers are: where students handed in as groups, grade with the worksheet as --roster first"
        )
    filled.told += in_lines("without a page in the zip:", lost) + in_lines("get the page of their group:", shared)
    return filled


def _name(record: Record, kind: str, origins: list[str], people: Mapping[str, Listed]) -> tuple[str, bool]:
    """The name under which the platform takes a student's page, and whether it is theirs and not another member's."""
    name = next(_names(record, kind, origins, people), "")
    owner = _RULES[kind](name, stem(name)) if name else None
    return name, owner is not None and owner.students[0].id == record.student.id


def _names(record: Record, kind: str, origins: list[str], people: Mapping[str, Listed]) -> Iterator[str]:
    """The names under which the platform would take a student's page, the best first."""
    file = f"{record.notebook}.html"
    for origin in origins:
        owner = _RULES[kind](origin, stem(origin))
        if owner is None:
            continue
        identifier = owner.students[0].id
        if kind == "canvas":
            if owner.attempt:
                yield re.sub(r"\.[A-Za-z]{1,8}\Z", "", stem(origin)) + ".html"
        elif identifier and identifier == record.student.id:
            before = origin.partition("_assignsubmission_")[0]
            yield f"{before}_assignsubmission_file_/{file}"
    if kind == "moodle":
        ids = dict(people[record.student.key].ids) if record.student.key in people else {}
        number = record.student.id if record.student.platform == "moodle" else ""
        number = number or ids.get("moodle", "")
        if number.isascii() and number.isdigit():
            plain = re.sub(r"[^\w .-]+", " ", record.student.name.replace("_", " ")).strip() or "student"
            yield f"{plain}_{number}_assignsubmission_file_/{file}"
