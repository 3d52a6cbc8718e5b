"""The gradebook and what is made of it: nothing is lost, graded twice, half written or executed."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.find.layout import Student
from autograder.grading.record import schema
from autograder.grading.record.files import usable_folder, written
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.mark import Mark
from autograder.grading.record.result import (
    CaseResult,
    CellProblem,
    Finding,
    QuestionResult,
    QuestionStatus,
    Result,
    Status,
)
from autograder.grading.report import exports
from autograder.grading.report.feedback import FeedbackPage
from autograder.grading.report.report import ClassReport, histogram
from autograder.grading.report.statistics import NotebookStatistics

NAME = "02_keys_queries_values"
EVIL = "<script>alert(1)</script>"
OVERFLOW = Finding("the result is wrong", "shares", "nan", "an overflow", "subtract", "step 2", "overflow")


def question(name: str, *passed: bool, finding: Finding = OVERFLOW) -> QuestionResult:
    cases = tuple(CaseResult(f"case {i}", i > 0, 1.0, good, None if good else finding) for i, good in enumerate(passed))
    return QuestionResult(name, f"{name} title", float(sum(passed)), float(len(passed)), cases)


def result_of(*questions: QuestionResult, status: Status = Status.GRADED, **more) -> Result:
    return Result(status, questions, possible=sum(one.possible for one in questions), sandbox="fake", **more)


def submission(key: str, notebook: str = NAME, sha256: str = "a", **more) -> Submission:
    student = Student(key, f"Name {key}", "canvas", "12", f"{key}@example.org")
    return Submission(student, notebook, None, f"{key}/x.ipynb", sha256, **more)


def record(result: Result, key: str = "ana", name: str = "Ana") -> Record:
    return Record(Student(key, name, "moodle", "4711"), NAME, "ana/x.ipynb", "a", "2026-11-24T02:00:00+00:00", result)


@pytest.fixture
def book(tmp_path: Path):
    with Gradebook(tmp_path / "gradebook.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


# The gradebook


def test_what_is_recorded_comes_back(book):
    result = result_of(
        question("q2_1", True, False),
        status=Status.PROBLEMS,
        cells=(CellProblem(3, "timeout", "took too long"),),
        notes=("a note",),
        faults=("a fault",),
        seconds=1.5,
    )
    book.record(submission("ana", notes=("older",)), "v1", result)
    found = book.record_of("ana", NAME)
    assert found is not None
    assert found.result == replace(result, notes=("older", "a note"))
    assert found.result.seconds == 1.5
    assert found.student == submission("ana").student


def test_a_missing_score_is_not_a_zero(book):
    book.record(submission("ana"), "", Result(Status.INFRASTRUCTURE, possible=5.0, faults=("no sandbox",)))
    found = book.record_of("ana", NAME)
    assert found is not None
    assert found.result.score is None
    stored = sqlite3.connect(book.path).execute("SELECT score FROM submissions").fetchone()
    assert stored == (None,)


def test_a_new_result_replaces_the_old_one_and_history_keeps_both(book):
    book.record(submission("ana", sha256="a"), "v1", result_of(question("q2_1", False, False)))
    book.record(submission("ana", sha256="b"), "v1", result_of(question("q2_1", True, True)))
    assert [one.result.score for one in book.records()] == [2.0]
    rows = sqlite3.connect(book.path).execute("SELECT sha256, score FROM history").fetchall()
    assert rows == [("a", 0.0), ("b", 2.0)]


def test_a_row_for_an_unknown_notebook_goes_when_a_known_one_comes(book):
    book.record(submission("ana", notebook=""), "", Result(Status.WRONG_NOTEBOOK))
    book.record(submission("ana"), "v1", result_of(question("q2_1", True)))
    assert [one.notebook for one in book.records()] == [NAME]


def test_a_result_is_recorded_whole_or_not_at_all(book, monkeypatch):
    book.record(submission("ana"), "v1", result_of(question("q2_1", True)))
    broken = result_of(question("q2_1", False))
    monkeypatch.setattr("autograder.grading.record.gradebook._case_rows", lambda key, result: [("too", "short")])
    with pytest.raises(sqlite3.Error):
        book.record(submission("ana"), "v1", broken)
    monkeypatch.undo()
    assert [one.result.score for one in book.records()] == [1.0]


def test_standing_and_identity_are_remembered(book):
    book.record(submission("ana"), "v1", result_of(question("q2_1", True)))
    standing = book.standing("ana", NAME)
    assert (standing.sha256, standing.tests_version, standing.sandbox, standing.status) == (
        "a",
        "v1",
        "fake",
        Status.GRADED,
    )
    assert standing.sound


def test_a_gradebook_of_another_format_is_left_alone(tmp_path):
    path = tmp_path / "gradebook.sqlite"
    sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close()
    with pytest.raises(GradingError, match="another version"):
        Gradebook(path)


def test_a_file_that_is_no_gradebook(tmp_path):
    path = tmp_path / "gradebook.sqlite"
    path.write_text("this is a diary, not a data base, and it is longer than one line")
    with pytest.raises(GradingError, match="cannot be used as a gradebook"):
        Gradebook(path)


# Files


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    stopped = written(path)
    stopped.__enter__().write("half of the new")
    stopped.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_an_output_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(GradingError, match="is a file"):
        usable_folder(tmp_path / "out")


# Questions


def test_a_cell_without_an_exercise_is_told_by_its_number():
    assert str(CellProblem(3, "error", "raised x")) == "code cell 3 raised x"


def test_question_status():
    blank = Finding("not written yet")
    assert question("q", True, True).status is QuestionStatus.RIGHT
    assert question("q", True, False).status is QuestionStatus.PARTLY
    assert question("q", False, False).status is QuestionStatus.WRONG
    assert question("q", False, False, finding=blank).status is QuestionStatus.BLANK


def test_cases_of_one_mistake_are_one_finding_with_the_numbers_of_the_public_one():
    public = Finding("the result is wrong", "3", "4")
    cases = (
        CaseResult("public", False, 1.0, False, public),
        CaseResult("large", True, 1.0, False, OVERFLOW),
        CaseResult("types", True, 1.0, False, Finding("another type", "float32", "float64")),
    )
    findings = QuestionResult("q", "q", 0.0, 3.0, cases).findings()
    assert [[case.name for case in group] for _, group in findings] == [["public", "large"], ["types"]]
    shown = findings[0][0]
    assert (shown.expected, shown.found, shown.looks_like) == ("3", "4", "an overflow")


# Tables


def rows_of(book: Gradebook, course: Course) -> list[dict[str, str]]:
    stream = io.StringIO()
    table = exports.Grades(stream, course, book.notebooks())
    for one in book.records():
        table.add(one)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


def test_grades_have_one_row_a_notebook_and_no_formulas(book, course):
    book.record(submission("=cmd|' /C calc'!A0"), "v1", result_of(question("q2_1", True, False), notes=("=1+1",)))
    book.record(submission("bo"), "", Result(Status.UNREADABLE, notes=("no valid JSON",), possible=40.0))
    first, second = rows_of(book, course)
    assert (first["score"], first["possible"], first["percent"], first["q2_1"], first["q2_2"]) == (
        "1",
        "2",
        "50.0",
        "1",
        "",
    )
    assert (second["status"], second["score"], second["percent"]) == ("unreadable", "", "")
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in (first, second) for cell in row.values())


def test_canvas_has_one_row_a_student_and_the_points(book):
    book.record(submission("ana"), "v1", result_of(question("q2_1", True, False)))
    book.record(submission("ana", notebook="03_scaling"), "v1", result_of(question("q3_1", True)))
    stream = io.StringIO()
    exports.write_canvas(stream, book.notebooks(), book.by_student)
    head, possible, ana = csv.reader(io.StringIO(stream.getvalue()))
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME, "03_scaling"]
    assert possible == ["    Points Possible", "", "", "", "", "2", "1"]
    assert ana == ["Name ana", "12", "", "ana@example.org", "", "1", "1"]


def test_everybody_with_what_counts_one_after_another(book):
    book.record(submission("bo"), "v1", result_of(question("q2_1", True, True)))
    book.record(submission("Ana", notebook="03_scaling"), "v1", result_of(question("q3_1", True)))
    book.record(submission("Ana"), "v1", result_of(question("q2_1", True, False)))
    book.record(submission("cy", notebook=""), "", Result(Status.UNREADABLE))
    book.write_mark("Ana", NAME, Mark(1.0, 2.0, 0.5, 2.0))
    found = {student.key: {name: (row.points, row.possible) for name, row in own.items()} for student, own in book.by_student()}
    assert list(found) == ["Ana", "bo", "cy"]
    assert found == {"Ana": {NAME: (0.5, 2.0), "03_scaling": (1.0, 1.0)}, "bo": {NAME: (2.0, 2.0)}, "cy": {"": (None, 0.0)}}
    joined = replace(submission("bo", notebook="03_scaling"), student=Student("bo", "Bo", "moodle", "7", ""))
    book.record(joined, "v1", result_of(question("q3_1", True)))
    assert {one.key: one for one in book.students()}["bo"] == Student("bo", "Name bo", "moodle", "7", "bo@example.org")


def test_moodle_knows_the_participant():
    stream = io.StringIO()
    table = exports.Moodle(stream)
    table.add(record(result_of(question("q2_1", True, False))))
    (row,) = csv.DictReader(io.StringIO(stream.getvalue()))
    assert (row["Identifier"], row["Grade"], row["Maximum grade"]) == ("Participant 4711", "1", "2")
    assert row["Feedback comments"] == "q2_1: an overflow"


def test_gradescope_form():
    data = json.loads(exports.gradescope_json(record(result_of(question("q2_1", True, False), question("q2_2", True)))))
    assert data["score"] == 2.0
    assert [(test["name"], test["score"], test["max_score"], test["status"]) for test in data["tests"]] == [
        ("q2_1", 1.0, 2.0, "failed"),
        ("q2_2", 1.0, 1.0, "passed"),
    ]
    assert "looks like an overflow" in data["tests"][0]["output"]


def test_gradescope_gets_no_zero_for_our_own_fault():
    assert "score" not in json.loads(exports.gradescope_json(record(Result(Status.INFRASTRUCTURE))))
    assert json.loads(exports.gradescope_json(record(Result(Status.UNREADABLE))))["score"] == 0.0


# Pages


def feedback_page(course: Course, of: Record) -> str:
    stream = io.StringIO()
    FeedbackPage(course).write(stream, of)
    return stream.getvalue()


def report_page(report: ClassReport) -> str:
    stream = io.StringIO()
    report.write(stream)
    return stream.getvalue()


def assert_self_contained(page: str) -> None:
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "style=" not in page.replace("style-src=", "")
    assert re.search(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'", page)


def test_a_feedback_page_escapes_everything(course):
    finding = replace(OVERFLOW, found=EVIL, hint="look at `axis`")
    result = result_of(
        question("q2_1", True, False, finding=finding), cells=(CellProblem(1, "error", EVIL),), notes=(EVIL,)
    )
    page = feedback_page(course, record(result, name=EVIL))
    assert_self_contained(page)
    assert "&lt;script&gt;" in page
    assert "look at <code>axis</code>" in page
    assert "an overflow" in page


@pytest.mark.parametrize("status", [status for status in Status if not status.has_score])
def test_a_page_without_a_score_says_why(course, status):
    page = feedback_page(course, record(Result(status, notes=("no valid JSON",), possible=40.0)))
    assert_self_contained(page)
    assert "no score" in page
    assert "of 40 points" not in page


def test_the_report(course):
    report = ClassReport(course, Intake(notices=[EVIL]))
    report.add(record(result_of(question("q2_1", True, False)), "ana"), "feedback/ana/x.html")
    report.add(record(result_of(question("q2_1", True, True)), "bo"), "feedback/bo/x.html")
    report.add(record(Result(Status.UNREADABLE, notes=(EVIL,)), "cy", EVIL), "feedback/cy/x.html")
    page = report_page(report)
    assert_self_contained(page)
    assert "an overflow" in page
    assert "without a sandbox" not in page


def test_the_report_says_when_there_was_no_sandbox(course):
    report = ClassReport(course, Intake())
    report.add(record(replace(result_of(question("q2_1", True)), sandbox="none")), "x.html")
    assert "without a sandbox" in report_page(report)


# Statistics


def test_statistics_of_a_small_class():
    statistics = NotebookStatistics()
    scores = [(0, 0), (1, 0), (1, 1), (2, 2)]
    for first, second in scores:
        one = question("one", *(i < first for i in range(2)))
        two = question("two", *(i < second for i in range(2)))
        statistics.add(result_of(one, two))
    statistics.add(Result(Status.UNREADABLE))
    assert statistics.graded == 4
    assert statistics.bins == [1, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    assert statistics.mean == pytest.approx(43.75)
    assert statistics.median == pytest.approx(37.5)
    one = statistics.questions["one"]
    assert (one.mean, one.full_share) == (0.5, 0.25)
    assert one.discrimination == pytest.approx(0.8528, abs=1e-4)  # correlation of (0, 1, 1, 2) with (0, 0, 1, 2)
    assert statistics.mistakes == {("one", "an overflow"): 3, ("two", "an overflow"): 3}


def test_discrimination_needs_variation():
    statistics = NotebookStatistics()
    for _ in range(5):
        statistics.add(result_of(question("one", True), question("two", True, False)))
    assert statistics.questions["one"].discrimination is None


def test_the_tallest_bar_fills_the_histogram():
    bars = histogram([0, 2, 4, 0, 0, 0, 0, 0, 0, 0])
    assert [bar.height for bar in bars[:3]] == [0, 70, 140]
    assert bars[2].y == 30


# A file that cannot be used: one sentence, and nothing lost


@pytest.fixture
def kept(tmp_path):
    """A gradebook with one result, closed."""
    path = tmp_path / "kept.sqlite"
    with Gradebook(path) as book:
        book.record(submission("ana"), "1", result_of(question("q2_1", True, False)))
    return path


def changed(path: Path, statement: str) -> None:
    base = sqlite3.connect(path)
    base.execute(statement)
    base.commit()
    base.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE submissions SET status = 'excellent'",
        "UPDATE submissions SET notes = 'not JSON'",
        "DROP TABLE cells",
        "ALTER TABLE submissions DROP COLUMN faults",
    ],
)
def test_what_no_gradebook_holds_is_one_sentence(kept, statement):
    changed(kept, statement)
    with Gradebook(kept) as book, pytest.raises(GradingError, match=f"{re.escape(str(kept))} cannot be used.*another -o folder"):
        list(book.records())


def test_damage_in_the_middle_is_one_sentence(kept):
    content = bytearray(kept.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    kept.write_bytes(content)
    with pytest.raises(GradingError, match="damaged or none"), Gradebook(kept) as book:
        list(book.records())


def test_a_gradebook_that_another_program_holds_is_one_sentence(kept, monkeypatch):
    monkeypatch.setattr("autograder.grading.record.gradebook.PATIENCE_SECONDS", 0.1)
    other = sqlite3.connect(kept, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GradingError, match="another program is using it"), Gradebook(kept) as book:
        book.record(submission("ben"), "1", result_of(question("q2_1", True)))
    other.close()
    with Gradebook(kept) as book:
        assert [one.student.key for one in book.records()] == ["ana"]


def test_a_full_disk_loses_nothing_that_was_recorded(kept):
    many = result_of(*(question(f"q{number}", *[False] * 40) for number in range(60)))
    with Gradebook(kept) as book:
        pages = book._base.execute("PRAGMA page_count").fetchone()[0]
        book._base.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(GradingError, match="the disk is full"):
            book.record(submission("ben"), "1", many)
        assert [one.student.key for one in book.records()] == ["ana"]


def test_our_own_fault_is_the_reason_and_the_hand_ins_remarks_come_after_it():
    result = Result(Status.INFRASTRUCTURE, notes=("handed in twice",), faults=("the server is gone",), possible=5.0)
    assert result.reasons() == ("the server is gone", "handed in twice")
    assert "handed in twice" not in exports.comment(record(result))
    page = io.StringIO()
    FeedbackPage(Course.load()).write(page, record(result))
    assert "anded in twice" not in page.getvalue()
    assert "server is gone" not in page.getvalue()


# What a term needs


def test_a_gradebook_of_the_first_version_is_brought_to_todays_with_all_it_holds(tmp_path):
    path = tmp_path / "old.sqlite"
    base = sqlite3.connect(path)
    base.executescript(schema._FIRST.replace("place TEXT NOT NULL DEFAULT '',", ""))
    base.execute("PRAGMA user_version = 1")
    row = ("ana", NAME, "Ana", "canvas", "12", "", "x.ipynb", "a", "v", "t", "graded", 1.0, 2.0, "fake", 0.1)
    row = (*row, "[]", "[]", "2026-11-01")
    base.execute(f"INSERT INTO submissions VALUES ({', '.join('?' * 18)})", row)
    base.execute("INSERT INTO questions VALUES ('ana', ?, 0, 'q2_1', '2.1 softmax', 1.0, 2.0)", (NAME,))
    base.commit()
    base.close()
    for _ in range(2):
        with Gradebook(path) as book:
            found = book.record_of("ana", NAME)
            assert found is not None
            assert (found.result.score, found.handed_in, found.mark) == (1.0, "", None)
    with Gradebook(path) as book:
        book.record(submission("ana", sha256="b"), "v1", result_of(question("q2_1", True, True)))
        assert [one.result.score for one in book.records()] == [2.0]


def test_every_attempt_is_kept_whole_and_another_choice_brings_it_back(book):
    first = result_of(question("q2_1", True, True), notes=("first",))
    book.record(submission("ana", sha256="a"), "v1", first, code=b"code of a")
    book.record(submission("ana", sha256="b"), "v1", result_of(question("q2_1", True, False)))
    assert [one.sha256 for one in book.records()] == ["b"]
    assert book.settle(lambda student, notebook, attempts: max(attempts, key=lambda one: one.share)) == [("ana", NAME)]
    (found,) = book.records()
    assert (found.sha256, found.result) == ("a", first)
    stored = book.stored("ana", NAME, "a")
    assert stored is not None
    assert stored[1] == b"code of a"
    assert book.stored("ana", NAME, "b") is None


def test_an_older_file_graded_again_does_not_come_back(book):
    for sha256 in ("a", "b", "a"):
        book.record(submission("ana", sha256=sha256), "v1", result_of(question("q2_1", True)))
    assert [one.sha256 for one in book.records()] == ["b"]


def test_the_platforms_times_decide_which_file_is_the_last(book):
    for sha256, time in (("a", "2026-10-05T10:00:00+00:00"), ("b", "2026-10-02T10:00:00+00:00")):
        book.record(submission("ana", sha256=sha256, handed_in=time), "v1", result_of(question("q2_1", True)))
    assert [one.sha256 for one in book.records()] == ["a"]
