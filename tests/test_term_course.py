"""A small term on six platforms, from downloads to each platform's own file, against what its generator knows."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.grading.course import Course
from autograder.grading.record.gradebook import Gradebook
from autograder.paths import ROOT
from benchmarks.term import Silent, Term, differences, exported, grade_term


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture(scope="module")
def graded(tmp_path_factory, course) -> tuple[Term, Path]:
    place = tmp_path_factory.mktemp("term")
    term = Term(place / "downloads", course, students=16)
    grade_term(term, place / "graded")
    return term, place / "graded"


def test_every_mark_is_the_expected_one(graded):
    term, out = graded
    assert differences(term, out) == []
    kinds = {expected.status for week in term.weeks for expected in week.expected.values()}
    assert {"graded", "unreadable"} <= kinds, "the small term has broken hand-ins, too"
    assert any(expected.late for expected in term.weeks[0].expected.values())


def test_every_platforms_file_has_every_mark(graded):
    term, out = graded
    assert exported(term, out) == []


def test_students_are_those_of_the_registry_and_have_sections(graded):
    term, out = graded
    with Gradebook(out / "gradebook.sqlite") as book:
        people = book.people()
        students = {record.student.key for record in book.records()}
    assert {one.sis: (one.name, one.section) for one in people} == {one.sis: (one.name, one.section) for one in term.members}
    assert students <= {one.student for one in people}


def test_what_is_graded_is_not_graded_again(graded):
    term, out = graded
    counted = []

    class Counting(Silent):
        def found(self, intake, to_grade):
            counted.append(to_grade)

    grade_term(term, out, watcher=Counting())
    assert sum(counted) == 0
    assert differences(term, out) == []


RUN = """
import sys
from pathlib import Path
from autograder.grading.course import Course
from benchmarks.term import Term, grade_term
place = Path(sys.argv[1])
grade_term(Term(place / "downloads", Course.load(), int(sys.argv[2]), int(sys.argv[3])), place / "graded")
"""


def contents(path: Path) -> dict[str, list[tuple]]:
    """Everything in a gradebook that is no time, no run number and no order of arrival."""
    left = {"started", "finished", "graded_at", "first_seen", "number", "seconds", "id", "result"}
    with sqlite3.connect(path) as base:
        tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in sorted({*tables} - {"runs", "history", "sqlite_stat1"}):
            columns = [row[1] for row in base.execute(f"PRAGMA table_info({table})") if row[1] not in left]
            found[table] = sorted(map(repr, base.execute(f"SELECT {', '.join(columns)} FROM {table}")))
    return found


@pytest.mark.slow
def test_a_term_that_was_killed_thirty_times_is_the_same(tmp_path):
    size = ("10", "3")
    command = [sys.executable, "-c", RUN]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, tmp_path / "calm", *size], check=True, env=environment)
    chooser = random.Random(30)
    for _ in range(30):
        process = subprocess.Popen([*command, tmp_path / "killed", *size], env=environment, start_new_session=True)
        time.sleep(chooser.uniform(1.0, 4.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*command, tmp_path / "killed", *size], check=True, env=environment)
    books = [contents(tmp_path / name / "graded" / "gradebook.sqlite") for name in ("calm", "killed")]
    assert books[0] == books[1]
