"""The sample class in `examples/`, graded for real: command, processes, sandbox and gradebook together."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from handins import NAME, ROOT, sample_class, student_notebook

from autograder.grading.course import Course
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.result import Result, Status

CLASS = ROOT / "examples" / "class"
RIGHT = {"aiko", "amir", "bettina", "lucia", "mateo", "nadia"}
NAMED = {
    "carlos": {
        "q2_1": "exponentials of the raw numbers, which overflow",
    },
    "dilnoza": dict.fromkeys(("q2_3",), "softmax over the query axis instead of the key axis"),
    "emeka": dict.fromkeys(("q2_4",), "one matrix used for queries, keys and values"),
    "freya": {
        "q2_5": "keys and values made from the decoder: that is self-attention",
        "q2_7": "the target key made longer",
    },
}
# right, apart from the mistake in an earlier exercise that they call
APART = {"carlos": {"q2_2"}, "dilnoza": {"q2_5", "q2_6"}, "emeka": {"q2_6"}}


def test_the_class_is_fresh():
    assert sample_class().stale(sample_class().make_class(student_notebook())) == []


def test_the_class_has_what_it_needs():
    names = {path.relative_to(CLASS).parts[0].removesuffix(".ipynb") for path in CLASS.rglob("*") if path.is_file()}
    assert len(names) >= 12
    assert RIGHT | NAMED.keys() <= names


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    code = "from autograder.cli import main; main()"
    command = [sys.executable, "-c", code, "grade", str(CLASS), "-o", str(out), "--cell-seconds", "6", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert max(len(line) for line in done.stdout.splitlines() if str(out) not in line) <= 80
    return out


@pytest.fixture(scope="module")
def results(graded) -> dict[str, Result]:
    with Gradebook(graded / "gradebook.sqlite") as book:
        return {record.student.key: record.result for record in book.records()}


@pytest.fixture(scope="module")
def points() -> float:
    return Course.load().notebooks[NAME].points


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_right_answers_get_full_marks_however_they_are_written_or_filed(results, points, name):
    assert (results[name].status, results[name].score) == (Status.GRADED, points)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_known_mistake_is_named_and_costs_only_its_questions(results, graded, name):
    result = results[name]
    named = {question.name: question.mistakes()[0] for question in result.questions if question.mistakes()}
    assert named == NAMED[name]
    apart = {question.name for question in result.questions if question.apart_from}
    assert apart == APART.get(name, set())
    assert {question.name for question in result.questions if question.score < question.possible} == named.keys() | apart
    page = (graded / "feedback" / name / f"{NAME}.html").read_text(encoding="utf-8")
    assert all(mistake in page for mistake in named.values())


def test_a_blank_notebook_is_graded_with_nothing(results):
    assert (results["beatriz"].status, results["beatriz"].score) == (Status.GRADED, 0.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("goran", "raised NameError: name 'wieghts' is not defined"),
        ("hana", "took too long and was stopped"),
        ("ibrahim", "ended the whole process"),
    ],
)
def test_a_cell_that_raises_hangs_or_exits_costs_nothing_else(results, points, name, words):
    result = results[name]
    assert (result.status, result.score) == (Status.PROBLEMS, points)
    assert [cell.message for cell in result.cells] == [words]


def test_reading_the_tests_earns_nothing(results):
    assert results["jules"].score == 0.0


def test_a_broken_file_has_no_score(results, graded):
    assert (results["kamala"].status, results["kamala"].score) == (Status.UNREADABLE, None)
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["student"]: row for row in csv.DictReader(stream)}
    assert rows["kamala"]["score"] == ""
    assert len(rows) == len(results) == 16


def test_no_page_shows_a_hidden_input_or_an_answer(graded):
    for page in graded.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "autograder.judging.examine" not in text
        assert "Traceback" not in text
