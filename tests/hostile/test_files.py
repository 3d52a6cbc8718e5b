"""A class of broken and hostile files is graded from end to end; every honest student among them gets all points."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from handins import FILE, handin

from autograder.grading.batch import GRADEBOOK, Plan, Summary, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.result import Result, Status
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.grading.run.sandbox.choice import choose_sandbox
from autograder.grading.safe_text import student_key
from hostile.files import FILES, HostileFile


class Quiet:
    """A watcher that says nothing."""

    def found(self, intake: Intake, to_grade: int) -> None:
        pass

    def graded(self, submission: Submission, result: Result) -> None:
        pass

    def writing(self) -> None:
        pass


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary, dict[str, Record]]:
    """The class on the disk, the run, and what the gradebook says about each hand-in by the place of its file."""
    try:
        choose_sandbox("auto")
    except GradingError as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("hostile")
    for number, hostile in enumerate(FILES):
        canary = folder / "class" / f"canary-{number}"
        canary.mkdir(parents=True)
        (canary / FILE).write_bytes(handin("einsum"))
        student = folder / "class" / place(number, hostile)
        student.mkdir()
        hostile.write(student)
    setting = Setting()
    plan = Plan([folder / "class"], folder / "out", Course.load(), setting)
    summary = grade_class(plan, lambda count: InProcess(setting), Quiet())
    with Gradebook(folder / "out" / GRADEBOOK) as book:
        records = {record.student.key: record for record in book.records()}
    return folder, summary, records


def place(number: int, hostile: HostileFile) -> str:
    return hostile.student or f"hostile-{number}"


def key(number: int, hostile: HostileFile) -> str:
    return student_key(place(number, hostile))


@pytest.mark.parametrize(("number", "hostile"), enumerate(FILES), ids=[hostile.name for hostile in FILES])
def test_how_it_ends(graded, number, hostile):
    _, _, records = graded
    result = records[key(number, hostile)].result
    assert result.status is hostile.status, result.notes
    if hostile.status.has_score:
        assert (result.score == result.possible) is hostile.points
    else:
        assert result.notes, "the instructor is told why"


def test_every_honest_student_gets_all_points(graded):
    _, _, records = graded
    for number in range(len(FILES)):
        result = records[f"canary-{number}"].result
        assert result.status is Status.GRADED
        assert result.score == result.possible


def test_nothing_was_written_outside(graded):
    folder, _, _ = graded
    assert sorted(path.name for path in folder.iterdir()) == ["class", "out"]
    assert not Path("/tmp/evil.ipynb").exists()
    students = {place(number, hostile) for number, hostile in enumerate(FILES)}
    students |= {f"canary-{number}" for number in range(len(FILES))}
    assert {path.name for path in (folder / "class").iterdir()} == students


def test_no_name_is_a_formula_or_breaks_a_row(graded):
    folder, _, _ = graded
    with (folder / "out" / "grades.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows[1:]:
        assert not row[0].startswith(("=", "+", "-", "@"))
        assert "\u202e" not in "".join(row)


def test_no_page_holds_a_students_markup(graded):
    folder, _, _ = graded
    for page in (folder / "out").rglob("*.html"):
        assert "<script>alert(1)<" not in page.read_text(encoding="utf-8")


def test_the_secrets_of_the_machine_are_nowhere_in_the_output(graded):
    folder, _, _ = graded
    secret = Path("/etc/passwd").read_bytes()[:40]
    for path in (folder / "out").rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
