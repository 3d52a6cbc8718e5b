"""The gradebook as tables and results that other programs read: CSV, Canvas, Moodle, Gradescope."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TextIO

from autograder.grading.course import Course
from autograder.grading.record.gradebook import OfStudent, Record
from autograder.grading.record.people import Listed
from autograder.grading.record.result import QuestionResult, Status
from autograder.grading.report.numbers import number
from autograder.grading.safe_text import spreadsheet_safe

_GRADE_COLUMNS = (
    *("student", "name", "id", "email", "section", "notebook", "status", "score", "possible", "mark", "mark_possible", "percent"),
    *("handed_in", "late"),
    *("sandbox", "file", "remarks"),
)
_MOODLE_COLUMNS = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed"),
    *("Last modified (submission)", "Last modified (grade)", "Feedback comments"),
)


class Grades:
    """`grades.csv`: one row for each student and notebook, one column for each question that occurs.

    `people` are those of the roster, by student.
    """

    def __init__(
        self, stream: TextIO, course: Course, notebooks: Sequence[str], people: Mapping[str, Listed] | None = None
    ) -> None:
        self.people = people or {}
        present = [course.notebooks[name] for name in notebooks if name in course.notebooks]
        self.questions = [question.name for notebook in present for question in notebook.questions]
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow([*_GRADE_COLUMNS, *self.questions])

    def add(self, record: Record) -> None:
        """One row; without a score the cells for points stay empty."""
        result, student = record.result, record.student
        points = {question.name: number(question.score) for question in result.questions}
        remarks = "; ".join((*result.notes, *result.problems()))
        self._rows.writerow(
            [
                *(spreadsheet_safe(text) for text in (student.key, student.name, student.id, student.email)),
                spreadsheet_safe(self.people[student.key].section if student.key in self.people else ""),
                *(
                    record.notebook,
                    result.status.value,
                    number(result.score),
                    number(result.possible),
                    number(record.points),
                    number(record.possible),
                    percent(record),
                ),
                *(record.handed_in, "late" if record.late else ""),
                *(result.sandbox, spreadsheet_safe(record.file), spreadsheet_safe(remarks)),
                *(points.get(name, "") for name in self.questions),
            ]
        )

    def missing(self, notebook: str, there: Collection[str]) -> None:
        """A row without a score for everybody on the roster who is not `there`."""
        for key, one in self.people.items():
            if one.listed and key not in there:
                who = (spreadsheet_safe(text) for text in (key, one.name, one.sis, one.email, one.section))
                self._rows.writerow([*who, notebook, "missing"] + [""] * (len(_GRADE_COLUMNS) - 7 + len(self.questions)))


def write_canvas(stream: TextIO, notebooks: Sequence[str], everybody: Callable[[], Iterable[OfStudent]]) -> None:
    """`canvas.csv`: Canvas's gradebook import, one row a student and one column a notebook.

    `everybody()` gives each student with what counts of each notebook; it is asked twice.
    """
    names = [name for name in notebooks if name]
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names])
    possible: dict[str, float] = {}
    for _, own in everybody():
        for name, row in own.items():
            possible[name] = max(row.possible, possible.get(name, 0.0))
    rows.writerow(["    Points Possible", "", "", "", "", *(number(possible.get(name, 0.0)) for name in names)])
    for _, own in everybody():
        student = next(iter(own.values())).student
        identifier = student.id if student.platform == "canvas" else ""
        who = [spreadsheet_safe(student.name), identifier, "", spreadsheet_safe(student.email), ""]
        rows.writerow([*who, *(number(own[name].points) if name in own else "" for name in names)])


class Moodle:
    """`moodle/NOTEBOOK.csv`: Moodle's offline grading worksheet for one assignment."""

    def __init__(self, stream: TextIO) -> None:
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow(_MOODLE_COLUMNS)

    def add(self, record: Record) -> None:
        """One participant."""
        student = record.student
        identifier = f"Participant {student.id}" if student.platform == "moodle" else ""
        self._rows.writerow(
            [
                *(
                    identifier,
                    spreadsheet_safe(student.name),
                    spreadsheet_safe(student.email),
                    "Submitted for grading",
                ),
                *(number(record.points), number(record.possible), "Yes", "", "", spreadsheet_safe(comment(record))),
            ]
        )


def gradescope_json(record: Record) -> str:
    """One result in the form of Gradescope's `results.json`, as Otter writes it: one test a question.

    A notebook that cannot be read has the score 0, which the form requires, and says why; a fault of the grader has no
    score, so that Gradescope reports an error instead of a zero.
    """
    result = record.result
    data: dict[str, Any] = {
        "output": "\n".join(
            (f"{record.notebook or 'notebook'}: {result.status}", *result.notes, *map(str, result.cells))
        ),
        "output_format": "text",
        "visibility": "visible",
        "tests": [_gradescope_test(question) for question in result.questions],
        "extra_data": {"status": result.status.value, "sandbox": result.sandbox, "file": record.file},
    }
    if result.status is not Status.INFRASTRUCTURE:
        data["score"] = round(record.points or 0.0, 5)
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _gradescope_test(question: QuestionResult) -> dict[str, Any]:
    return {
        "name": question.name,
        "score": round(question.score, 5),
        "max_score": round(question.possible, 5),
        "status": "passed" if all(case.passed for case in question.cases) else "failed",
        "visibility": "visible",
        "output": _question_text(question),
    }


def _question_text(question: QuestionResult) -> str:
    """The findings of a question as plain text."""
    blocks = [f"{question.title}: {question.status}"]
    for finding, cases in question.findings():
        rows = "".join(f"\n  {label:<11}{text}" for label, text in finding.rows())
        blocks.append(f"{', '.join(case.name for case in cases)}: {finding.problem}{rows}")
    return "\n\n".join(blocks)


def comment(record: Record) -> str:
    """One line for the platform's comment box."""
    result = record.result
    if not result.status.has_score:
        told = () if result.status is Status.INFRASTRUCTURE else result.notes  # a fault of ours is for the instructor
        return "; ".join((result.status.value, *told))
    return "; ".join((*result.notes, *_short_findings(result.questions))) or "all checks passed"


def _short_findings(questions: Sequence[QuestionResult]) -> list[str]:
    lines = []
    for question in questions:
        findings = question.findings()
        if findings:
            mistakes = question.mistakes()
            lines.append(f"{question.name}: {mistakes[0] if mistakes else findings[0][0].problem}")
    return lines


def percent(record: Record) -> str:
    """The share of the possible points in percent, after the policies, or nothing."""
    score, possible = record.points, record.possible
    return "" if score is None or not possible else f"{100 * score / possible:.1f}"
