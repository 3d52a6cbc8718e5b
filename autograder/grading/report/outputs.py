"""The files of an output folder: a page and a Gradescope result for each student, and the tables of the class."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from autograder.grading.course import Course
from autograder.grading.find.intake import Intake
from autograder.grading.record.files import written
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.people import Listed, apart
from autograder.grading.report import exports
from autograder.grading.report.course_view import Standing
from autograder.grading.report.feedback import FeedbackPage
from autograder.grading.report.pages import write_page
from autograder.grading.report.report import ClassReport
from autograder.grading.safe_text import file_slug

REPORT = "report.html"
GRADES = "grades.csv"
UNKNOWN = "unknown"


class Outputs:
    """Writes what a gradebook says into the folder that it lies in; every file appears whole or not at all."""

    def __init__(self, out: Path, book: Gradebook, course: Course) -> None:
        self.out = out
        self.book = book
        self.course = course
        self._page = FeedbackPage(course)

    def keep_intake(self, intake: Intake) -> None:
        """Keep what the last run found, for a report that is written without one."""
        self.book.keep_setting("intake", json.dumps([intake.layouts, intake.notices]))

    def kept_intake(self, notices: Iterable[str] = ()) -> Intake:
        """What the last run found, without its submissions, and what there is to say today."""
        kept = json.loads(self.book.setting("intake") or "[[], []]")
        return Intake((), kept[0], [*kept[1], *notices])

    def write_class(self, intake: Intake) -> None:
        """Student pages that are missing, then the tables and the report of the whole gradebook, in one pass."""
        notebooks = self.book.notebooks()
        with ExitStack() as files:
            grades = files.enter_context(written(self.out / GRADES, newline=""))
            canvas = files.enter_context(written(self.out / "canvas.csv", newline=""))
            page = files.enter_context(written(self.out / REPORT))
            worksheets = {name: files.enter_context(written(self._moodle_path(name), newline="")) for name in notebooks}
            moodle = {name: exports.Moodle(stream) for name, stream in worksheets.items()}
            people = {one.student: one for one in self.book.people()}
            shared = self.book.shared_names()
            table = exports.Grades(grades, self.course, notebooks, people)
            report = ClassReport(self.course, intake, people, [name for name in notebooks if name])
            for record in self.book.records():
                key, link = record.student.key, feedback_path(record.student.key, record.notebook)
                if not (self.out / link).is_file():
                    self.write_record(record)
                table.add(record)
                moodle[record.notebook].add(record)
                shown = replace(record.student, name=apart(self.book.name_of(key), key, shared))
                report.add(replace(record, student=shown), link.as_posix())
            for name in filter(None, notebooks if people else ()):
                table.missing(name, self.book.who_has(name))
            exports.write_canvas(canvas, notebooks, self.book.by_student)
            for key, standing in self._standings(people, shared):
                report.add_student(key, standing)
            report.write(page)
        for standing in report.view.standings:
            if standing.link:
                with written(self.out / standing.link) as own:
                    write_page(own, "student.html", standing=standing, view=report.view, titles=report.titles)

    def _standings(self, people: Mapping[str, Listed], shared: Collection[str]) -> Iterator[tuple[str, Standing]]:
        """Everybody over the term, by key: who has handed in, then who is on a roster and has not, who has no page."""
        waiting = {key: one.name for key, one in people.items() if one.listed}
        for student, own in self.book.by_student():
            key, rows = student.key, {name: row for name, row in own.items() if name}
            waiting.pop(key, None)
            yield key, Standing(
                apart(student.name, key, shared),
                feedback_path(key, "index").as_posix(),
                {name: row.percent for name, row in rows.items()},
                {name: feedback_path(key, name).as_posix() for name in rows},
                self.book.total(key),
            )
        for key, name in waiting.items():
            yield key, Standing(apart(name, key, shared), "", total=self.book.total(key))

    def forget(self, students: Iterable[str]) -> None:
        """Take away the pages of keys that are no student's any more; they are written anew under the other key."""
        for key in students:
            for folder in ("feedback", "gradescope"):
                shutil.rmtree(self.out / folder / file_slug(key), ignore_errors=True)

    def _moodle_path(self, notebook: str) -> Path:
        return self.out / "moodle" / f"{notebook or UNKNOWN}.csv"

    def write_record(self, record: Record) -> None:
        """The feedback page and the Gradescope result of one row."""
        path = self.out / feedback_path(record.student.key, record.notebook)
        if record.notebook:
            path.with_name(f"{UNKNOWN}.html").unlink(missing_ok=True)
        with written(path) as page:
            self._page.write(page, record)
        with written(gradescope_path(self.out, record)) as results:
            results.write(exports.gradescope_json(record))


def feedback_path(student: str, notebook: str) -> Path:
    """Where a row's feedback page lies, below the output folder."""
    return Path("feedback") / file_slug(student) / f"{notebook or UNKNOWN}.html"


def gradescope_path(out: Path, record: Record) -> Path:
    """Where a row's Gradescope result lies."""
    return out / "gradescope" / file_slug(record.student.key) / (record.notebook or UNKNOWN) / "results.json"
