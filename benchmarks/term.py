"""A whole term, made up: students, two sections, groups, six notebooks on six platforms, late, resubmitted, broken, hostile.

    python -m benchmarks.term --students 300              # everything but the running of code: some minutes
    python -m benchmarks.term --students 24 --sandbox     # the code runs, too

It makes the platforms' downloads and their own files, grades week by week with the rosters, exports to each platform's
file, reads those back with pandas, and compares every mark with what the generator knows. `tests/test_term_course.py` does
the same in small.
"""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click
import pandas

from autograder.grading.batch import GRADEBOOK, Plan, grade_class
from autograder.grading.course import Course, CourseNotebook
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.find.notebook import read_notebook, source_digest
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.result import CaseResult, Finding, QuestionResult, Result, Status
from autograder.grading.run.job import Job, Setting
from autograder.grading.run.pool import Pool, Processes, processor_count
from autograder.paths import ROOT
from autograder.term.export import export

FIRST = ("Ada", "Zoë", "Emmy", "Nguyễn", "Alan", "Jürgen", "Søren", "Mary-Ann", "李", "Ólafur", "Grace", "Chidi")
LAST = (
    *("Lovelace", "Müller", "Noether", "Văn An", "Turing", "O'Neil", "Kierkegaard", "de la Cruz", "小龙", "=Formula"),
    *("Hopper", "Obi"),
)
PLATFORMS = ("canvas and moodle", "moodle teams", "gradescope", "blackboard", "github", "exchange")
DAY = 27


@dataclass(frozen=True)
class Member:
    """One student as the registry knows them; platforms number them otherwise."""

    number: int
    first: str
    last: str

    @property
    def name(self) -> str:
        """The full name; it need not be theirs alone."""
        return f"{self.first} {self.last}"

    @property
    def sis(self) -> str:
        """The student number."""
        return f"s{self.number:05d}"

    @property
    def email(self) -> str:
        """The address."""
        return f"student{self.number}@example.org"

    @property
    def login(self) -> str:
        """The user name; every seventh has an underscore."""
        return f"st_{self.number}" if self.number % 7 == 0 else f"st{self.number}"

    @property
    def canvas(self) -> int:
        """Canvas's number."""
        return 40_000 + self.number

    @property
    def section(self) -> str:
        """Morning or evening."""
        return "Morning" if self.number % 2 else "Evening"

    def participant(self, week: int) -> int:
        """Moodle's number, another one in each assignment."""
        return 100_000 * (week + 1) + 3 * self.number


@dataclass(frozen=True)
class Expected:
    """What a student's mark in a notebook must be: points (None for no score) and whether the platform says that it came late."""

    status: str
    points: float | None
    late: bool = False


@dataclass
class Week:
    """One notebook: the downloads in the order in which they come, the rosters, and what must come of them."""

    notebook: str
    platform: str
    downloads: list[Path] = field(default_factory=list)
    rosters: list[Path] = field(default_factory=list)
    expected: dict[str, Expected] = field(default_factory=dict)  # by student number


class Term:
    """Makes the files of a term below `root`; the same seed gives the same term."""

    def __init__(self, root: Path, course: Course, students: int, notebooks: int = 6, seed: int = 14) -> None:
        self.root = root
        self.course = course
        self.random = random.Random(seed)
        self.members = [
            Member(number, FIRST[number % len(FIRST)], LAST[(number // len(FIRST) + number) % len(LAST)])
            for number in range(1, students + 1)
        ]
        self.members[-1] = Member(students, self.members[0].first, self.members[0].last)  # two of one name
        self.names = list(course.notebooks)[:notebooks]
        self.weeks = [self._week(at, name) for at, name in enumerate(self.names)]

    def _week(self, at: int, notebook: str) -> Week:
        platform = PLATFORMS[at % len(PLATFORMS)]
        week = Week(notebook, platform)
        week.rosters = [self._canvas_roster(), self._gradescope_file(notebook)]
        makers: dict[str, Callable[[int, Week], None]] = {
            "canvas and moodle": self._canvas_and_moodle,
            "moodle teams": self._moodle_teams,
            "gradescope": self._gradescope,
            "blackboard": self._blackboard,
            "github": self._github,
            "exchange": self._exchange,
        }
        makers[platform](at, week)
        return week

    # What is handed in

    def _hand_in(self, member: Member, notebook: str) -> tuple[dict[str, bytes], Expected]:
        """The files of one hand-in below its outermost name, and what they are worth: one in ten is broken or hostile."""
        master = self.course.notebooks[notebook]
        kind = self.random.random()
        if kind < 0.03:
            return {f"{notebook}.ipynb": b'{"cells": ['}, Expected("unreadable", None)
        if kind < 0.05:
            return {"report.pdf": b"%PDF-1.7"}, Expected("wrong notebook", None)
        solved = self.random.randint(0, _answerable(notebook))
        raw = answered(notebook, solved, f"{member.sis} {self.random.random()}")
        points = sum(question.points for question in master.questions[:solved])
        worth = Expected("graded", points)
        if kind < 0.10:
            other = self.random.choice(self.members)
            hostile = {
                f"submitted/{other.login}/hw/{notebook}.ipynb": raw,
                f"{other.name}_{other.participant(0)}_assignsubmission_file_/{notebook}.ipynb": raw,
                f"x_{other.canvas}_1_{notebook}.ipynb": raw,
                "submission_metadata.yml": b"submission_1: {':submitters': []}",
                "../../outside.ipynb": raw,
            }
            return {"all.zip": zipped(hostile)}, worth
        return {f"{notebook}.ipynb": raw}, worth

    def _flat(self, member: Member, notebook: str, before: str) -> tuple[dict[str, bytes], Expected]:
        files, worth = self._hand_in(member, notebook)
        return {f"{before}{name}": raw for name, raw in files.items()}, worth

    def _absent(self) -> bool:
        return self.random.random() < 0.04

    def _late(self) -> bool:
        return self.random.random() < 0.05

    # The platforms' downloads

    def _canvas_and_moodle(self, at: int, week: Week) -> None:
        first: dict[str, bytes] = {}
        last: dict[str, bytes] = {}
        moodle: dict[str, bytes] = {}
        for member in self.members:
            if self._absent():
                continue
            if member.section == "Evening":
                files, worth = self._hand_in(member, week.notebook)
                name = "".join(letter for letter in member.name if letter not in "&<>\"`|':\\/")  # as Moodle cleans names
                folder = f"{name}_{member.participant(at)}_assignsubmission_file"
                moodle |= {f"{folder}/{name}": raw for name, raw in files.items()}
                week.expected[member.sis] = worth
                continue
            late = self._late()
            name = "".join(letter for letter in f"{member.last}{member.first}".lower() if letter.isalnum())
            who = f"{name}_{'LATE_' if late else ''}{member.canvas}"
            files, worth = self._flat(member, week.notebook, f"{who}_{9_000 + member.number}_")
            again = self.random.random() < 0.1
            if again:
                newer, worth = self._flat(member, week.notebook, f"{who}_{90_000 + member.number}_")
                last |= newer
            else:
                last |= files
            first |= files
            week.expected[member.sis] = Expected(worth.status, worth.points, late)
        week.downloads = [self._zip("canvas-monday", last), self._zip("moodle", moodle), self._zip("canvas-friday", first)]
        week.rosters.append(self._worksheet(at, week.notebook))

    def _moodle_teams(self, at: int, week: Week) -> None:
        files: dict[str, bytes] = {}
        for team, members in self.teams().items():
            if self._absent():
                continue
            handed, worth = self._hand_in(members[0], week.notebook)
            number = self.random.choice(self.members).participant(at)  # a group's number may be somebody's
            files |= {f"{team}_{number}_assignsubmission_file/{name}": raw for name, raw in handed.items()}
            week.expected |= {member.sis: worth for member in members}
        week.downloads = [self._zip("teams", files)]
        week.rosters.append(self._worksheet(at, week.notebook, teams=True))

    def _gradescope(self, at: int, week: Week) -> None:
        files: dict[str, bytes] = {}
        metadata = []
        for number, (_, members) in enumerate(self.teams().items()):
            if self._absent():
                continue
            handed, worth = self._hand_in(members[0], week.notebook)
            files |= {f"assignment_7_export/submission_{number}/{name}": raw for name, raw in handed.items()}
            people = "".join(
                f"  - :name: {json.dumps(one.name)}\n    :sid: {one.sis}\n    :email: {one.email}\n" for one in members
            )
            metadata.append(f"submission_{number}:\n  :submitters:\n{people}  :created_at: 2026-11-{DAY} 10:00:00.0 Z\n")
            week.expected |= {member.sis: worth for member in members}
        files["assignment_7_export/submission_metadata.yml"] = "".join(metadata).encode()
        week.downloads = [self._zip("gradescope", files)]

    def _blackboard(self, at: int, week: Week) -> None:
        self._attempts(week, lambda member, day: f"HW 4_{member.login}_attempt_2026-11-{day}-10-00-00_", flat=True)

    def _exchange(self, at: int, week: Week) -> None:
        self._attempts(week, lambda member, day: f"{member.login}+hw6+2026-11-{day} 10:00:00.000001 UTC+AbC{day}/", flat=False)

    def _attempts(self, week: Week, name: Callable[[Member, int], str], flat: bool) -> None:
        """One to three attempts of each, of which the last counts; of several every one can be graded."""
        files: dict[str, bytes] = {}
        for member in self.members:
            if self._absent():
                continue
            days = range(DAY - self.random.choice((0, 0, 0, 1, 2)), DAY + 1)
            for day in days:
                handed, worth = self._flat(member, week.notebook, name(member, day))
                while worth.points is None and len(days) > 1:
                    handed, worth = self._flat(member, week.notebook, name(member, day))
                files |= handed
                week.expected[member.sis] = worth
        week.downloads = [self._folder("blackboard" if flat else "inbound", files)]

    def _github(self, at: int, week: Week) -> None:
        files: dict[str, bytes] = {}
        for member in self.members:
            if self._absent():
                continue
            handed, worth = self._hand_in(member, week.notebook)
            folder = f"hw5-git-{member.number}"
            files |= {f"{folder}/{name}": raw for name, raw in handed.items()}
            files |= {f"{folder}/{name}.ipynb": blank(name) for name in self.names[:2] if name != week.notebook}
            if worth.status != "wrong notebook":  # the other notebooks of the clone are no hand-in of this one
                week.expected[member.sis] = worth
        week.downloads = [self._folder("hw5-submissions", files)]
        rows = [["identifier", "github_username", "github_id", "name", "email"]]
        rows += [[one.sis, f"git-{one.number}", "", one.name, one.email] for one in self.members]
        week.rosters.append(self._csv("classroom_roster.csv", rows))

    def teams(self) -> dict[str, list[Member]]:
        """Groups of one to three, the same all term."""
        chooser = random.Random(3)
        teams: dict[str, list[Member]] = {}
        left = list(self.members)
        while left:
            size = min(chooser.choice((1, 2, 3)), len(left))
            teams[f"Team {len(teams) + 1}"] = [left.pop(0) for _ in range(size)]
        return teams

    # The platforms' own files

    def _canvas_roster(self) -> Path:
        path = self.root / "canvas.csv"
        return path if path.exists() else self.canvas_file(path)

    def canvas_file(self, path: Path) -> Path:
        """Canvas's gradebook, with a column for each notebook and other people in it."""
        columns = [f"{name} ({700 + at})" for at, name in enumerate(self.names)]
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns, "Final Score"]]
        rows.append(["    Points Possible", "", "", "", "", *["100"] * len(columns), "(read only)"])
        for one in self.members:
            rows.append([f"{one.last}, {one.first}", str(one.canvas), one.sis, one.login, one.section, *[""] * len(columns), ""])
        rows.append(["Student, Test", "99999", "", "", "Morning", *[""] * len(columns), ""])
        return self._csv(path.name, rows, delimiter=";", mark=True, quote=False)

    def _worksheet(self, at: int, notebook: str, teams: bool = False) -> Path:
        """Moodle's grading worksheet in German."""
        of = {member.sis: team for team, members in self.teams().items() for member in members}
        head = ["ID", "Vollständiger Name", "E-Mail-Adresse", "Status", *(["Gruppe"] if teams else []), "Bewertung"]
        head += ["Bestwertung", "Bewertung kann geändert werden", "Zuletzt geändert (Bewertung)", "Feedback als Kommentar"]
        rows = [head]
        for one in self.members:
            team = [of[one.sis]] if teams else []
            who = [f"Teilnehmer/in{one.participant(at)}", one.name, one.email, "Zur Bewertung abgegeben", *team]
            rows.append([*who, "", "50,00", "Ja", "-", ""])
        return self._csv(f"worksheet-{notebook}.csv", rows)

    def _gradescope_file(self, notebook: str) -> Path:
        rows = [["First Name", "Last Name", "SID", "Email", "Sections", "Total Score", "Max Points", "Status"]]
        rows += [[one.first, one.last, one.sis, one.email, one.section, "", "80.0", "Missing"] for one in self.members]
        return self._csv(f"gradescope-{notebook}.csv", rows)

    def nbgrader_file(self, notebook: str) -> Path:
        """What `nbgrader export` writes for one assignment."""
        rows = [["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"]]
        rows[0] += ["raw_score", "late_submission_penalty", "score", "max_score"]
        for one in self.members:
            rows.append([notebook, "", "", one.login, one.last, one.first, "", "0.0", "0.0", "0.0", "20.0"])
        return self._csv(f"nbgrader-{notebook}.csv", rows)

    def _csv(self, name: str, rows: list[list[str]], delimiter: str = ",", mark: bool = False, quote: bool = True) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            text = "".join(
                delimiter.join(_quoted(cell, delimiter, quote) for cell in row) + "\r\n" for row in rows
            )
            path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode())
        return path

    def _zip(self, name: str, files: Mapping[str, bytes]) -> Path:
        path = self.root / f"{name}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zipped(files))
        return path

    def _folder(self, name: str, files: Mapping[str, bytes]) -> Path:
        folder = self.root / name
        for inner, raw in files.items():
            path = folder / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        return folder


def _quoted(cell: str, delimiter: str, always: bool) -> str:
    needs = any(character in cell for character in (delimiter, '"', "\n"))
    return '"' + cell.replace('"', '""') + '"' if needs or (always and " " in cell) else cell


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip with the names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, DAY, 0, 0, 0)), raw, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@cache
def blank(notebook: str) -> bytes:
    """The notebook as it is handed out."""
    return (ROOT / "notebooks" / f"{notebook}.ipynb").read_bytes()


@cache
def _solved(notebook: str) -> dict[str, Any]:
    cells = json.loads((ROOT / "solutions" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: cell["source"] for cell in cells}


@cache
def _answerable(notebook: str) -> int:
    """How many of the first questions the solved notebook answers; all of them once it is built anew."""
    stubs = [cell.id for cell in Course.load().notebooks[notebook].cells if cell.kind == "stub"]
    return next((at for at, one in enumerate(stubs) if one not in _solved(notebook)), len(stubs))


@cache
def _handed_out(notebook: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(blank(notebook))
    return loaded


def answered(notebook: str, solved: int, signature: str) -> bytes:
    """The notebook with its first `solved` questions answered, and a cell of its own, as no two students write the same."""
    made = copy.copy(_handed_out(notebook))
    stubs = [cell.id for cell in Course.load().notebooks[notebook].cells if cell.kind == "stub"] if solved else []
    answers = {one: _solved(notebook)[one] for one in stubs[:solved]}
    cells = [{**cell, "source": answers.get(cell.get("id"), cell["source"])} for cell in made["cells"]]
    own: dict[str, Any] = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
    own["source"] = f"own = {signature!r}"
    return json.dumps({**made, "cells": [*cells, own]}, ensure_ascii=False).encode()


@dataclass
class Scripted:
    """A pool that runs nothing: a question whose cell was changed has all its points, another none."""

    course: Course

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in order."""
        for job in jobs:
            yield job, self._result(job.raw, self.course.notebooks[job.notebook])

    def _result(self, raw: bytes, master: CourseNotebook) -> Result:
        sources = {source_digest(cell.source) for cell in read_notebook(raw).cells}
        stubs = {cell.question: cell.source_sha256 for cell in master.cells if cell.kind == "stub"}
        questions = []
        for question in master.questions:
            right = stubs[question.name] not in sources
            case = CaseResult("scripted", True, question.points, right, None if right else Finding("not written yet"))
            questions.append(
                QuestionResult(question.name, question.title, question.points if right else 0.0, question.points, (case,))
            )
        return Result(Status.GRADED, tuple(questions), possible=master.points, sandbox="scripted")


class Silent:
    """A watcher that says nothing."""

    def found(self, intake: Intake, to_grade: int) -> None:
        """Nothing."""

    def graded(self, submission: Submission, result: Result) -> None:
        """Nothing."""

    def writing(self) -> None:
        """Nothing."""


def grade_term(term: Term, out: Path, sandbox: bool = False, watcher: Silent | None = None) -> None:
    """Grade week by week, each download in a run of its own."""
    setting = Setting("auto" if sandbox else "scripted")

    def pool(count: int) -> Pool:
        return Processes(setting, processor_count(), count) if sandbox else Scripted(term.course)

    for week in term.weeks:
        for download in week.downloads:
            plan = Plan([download], out, term.course, setting, notebook=week.notebook, rosters=week.rosters)
            grade_class(plan, pool, watcher or Silent())


def differences(term: Term, out: Path) -> list[str]:
    """Every mark in the gradebook that is not the expected one, and everybody who is too many or too few."""
    wrong = []
    with Gradebook(out / GRADEBOOK) as book:
        sis = {one.student: one.sis for one in book.people()}
        for week in term.weeks:
            found: dict[str, Expected] = {}
            for record in book.records(week.notebook):
                who = sis.get(record.student.key, record.student.key)
                found[who] = Expected(record.result.status.value, record.result.score, record.late)
            for who in sorted({*found, *week.expected}):
                if found.get(who) != week.expected.get(who):
                    wrong.append(f"{week.notebook} {who}: {found.get(who)} instead of {week.expected.get(who)}")
    return wrong


def exported(term: Term, out: Path) -> list[str]:
    """Export to every platform's file, read each with pandas, and name every cell that is not what it must be."""
    wrong = []
    with Gradebook(out / GRADEBOOK) as book:
        canvas = term.root / "canvas.csv"
        before = canvas.read_bytes()
        export(book, "canvas", canvas)
        all_weeks = _read(canvas, sep=";")
        wrong += _other_cells(before, canvas.read_bytes(), len(term.members))
        for at, week in enumerate(term.weeks):
            column = f"{week.notebook} ({700 + at})"
            wrong += _compared(term, week, dict(zip(all_weeks["SIS User ID"], all_weeks[column], strict=True)), 100, "canvas")
            forms = [("gradescope", term.root / f"gradescope-{week.notebook}.csv", "SID", "Total Score", 80.0)]
            forms.append(("nbgrader", term.nbgrader_file(week.notebook), "student_id", "score", 20.0))
            worksheet = term.root / f"worksheet-{week.notebook}.csv"
            if worksheet.exists():
                forms.append(("moodle", worksheet, "E-Mail-Adresse", "Bewertung", 50.0))
            for kind, path, who, marks, most in forms:
                export(book, kind, path, week.notebook)
                table = _read(path)
                by = {getattr(one, {"SID": "sis", "student_id": "login"}.get(who, "email")): one.sis for one in term.members}
                found = {by[key]: value for key, value in zip(table[who], table[marks], strict=True)}
                wrong += _compared(term, week, found, most, kind)
    return wrong


def _read(path: Path, **more: Any) -> pandas.DataFrame:
    return pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", **more)


def _compared(term: Term, week: Week, found: Mapping[str, str], most: float, kind: str) -> list[str]:
    possible = term.course.notebooks[week.notebook].points
    wrong = []
    for member in term.members:
        expected = week.expected.get(member.sis)
        text = found.get(member.sis, "")
        value = float(text.replace(",", ".")) if text else None
        points = None if expected is None or expected.points is None else expected.points * most / possible
        same = (value in (None, 0.0)) if points is None else value is not None and abs(value - points) < 1e-3
        if not same:
            wrong.append(f"{kind} {week.notebook} {member.sis}: {text!r} instead of {points}")
    return wrong


def _other_cells(before: bytes, after: bytes, members: int) -> list[str]:
    """Whether anything but marks changed in Canvas's file: lines, their order, their first five cells, and the last."""
    pairs = list(zip(before.decode().split("\r\n"), after.decode().split("\r\n"), strict=True))
    same = [(one.split(";")[:5], one.split(";")[-1:]) == (two.split(";")[:5], two.split(";")[-1:]) for one, two in pairs]
    return [f"canvas line {at + 1} changed" for at, fine in enumerate(same) if not fine]


@click.command()
@click.option("--students", default=300, show_default=True, type=click.IntRange(2))
@click.option("--notebooks", default=6, show_default=True, type=click.IntRange(1, 6))
@click.option("--seed", default=14, show_default=True)
@click.option("--sandbox", is_flag=True, help="Run the code, too.")
def main(students: int, notebooks: int, seed: int, sandbox: bool) -> None:
    """Make a term, grade it, export it, and compare every mark."""
    with tempfile.TemporaryDirectory(prefix="term-") as place:
        started = time.monotonic()
        term = Term(Path(place) / "downloads", Course.load(), students, notebooks, seed)
        made = time.monotonic()
        out = Path(place) / "graded"
        grade_term(term, out, sandbox)
        graded = time.monotonic()
        wrong = differences(term, out) + exported(term, out)
        done = time.monotonic()
    marks = sum(len(week.expected) for week in term.weeks)
    print(f"{students} students, {notebooks} notebooks, {marks} marks: {len(wrong)} differences")
    print(f"made in {made - started:.0f} s, graded in {graded - made:.0f} s, exported and read back in {done - graded:.0f} s")
    for line in wrong[:20]:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
