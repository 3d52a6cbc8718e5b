"""The files of an output folder: a page and a Gradescope result for each student, and the tables of the class."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from autograder.grading.course import Course
from autograder.grading.find.intake import Intake
from autograder.grading.record.files import written
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.people import told_apart
from autograder.grading.report import exports
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
        return Intake([], kept[0], [*kept[1], *notices])

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
            tables = (exports.Grades(grades, self.course, notebooks, people), exports.Canvas(canvas, notebooks))
            names = {one.key: one.name for one in self.book.students()}
            names = told_apart({key: one.name for key, one in people.items() if one.listed} | names)
            report = ClassReport(self.course, intake, people)
            for record in self.book.records():
                link = feedback_path(record)
                if not (self.out / link).is_file():
                    self.write_record(record)
                for table in (*tables, moodle[record.notebook]):
                    table.add(record)
                shown = replace(record.student, name=names[record.student.key])
                report.add(replace(record, student=shown), link.as_posix())
            for name in filter(None, notebooks):
                tables[0].missing(name, self.book.who_has(name))
            tables[1].finish()
            report.view.absent({key: names[key] for key, one in people.items() if one.listed})
            report.view.finish(self.book.totals())
            report.write(page)
        for standing in report.view.standings.values():
            if standing.link:
                with written(self.out / standing.link) as own:
                    write_page(own, "student.html", standing=standing, view=report.view, titles=report.titles)

    def forget(self, students: Iterable[str]) -> None:
        """Take away the pages of keys that are no student's any more; they are written anew under the other key."""
        for key in students:
            for folder in ("feedback", "gradescope"):
                shutil.rmtree(self.out / folder / file_slug(key), ignore_errors=True)

    def _moodle_path(self, notebook: str) -> Path:
        return self.out / "moodle" / f"{notebook or UNKNOWN}.csv"

    def write_record(self, record: Record) -> None:
        """The feedback page and the Gradescope result of one row."""
        if record.notebook:
            (self.out / feedback_path(record)).with_name(f"{UNKNOWN}.html").unlink(missing_ok=True)
        with written(self.out / feedback_path(record)) as page:
            self._page.write(page, record)
        with written(gradescope_path(self.out, record)) as results:
            results.write(exports.gradescope_json(record))


def feedback_path(record: Record) -> Path:
    """Where a row's feedback page lies, below the output folder."""
    return Path("feedback") / file_slug(record.student.key) / f"{record.notebook or UNKNOWN}.html"


def gradescope_path(out: Path, record: Record) -> Path:
    """Where a row's Gradescope result lies."""
    return out / "gradescope" / file_slug(record.student.key) / (record.notebook or UNKNOWN) / "results.json"
