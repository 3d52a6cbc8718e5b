"""A small term on six platforms, from downloads to each platform's own file, against what its generator knows."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
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
import os, random, signal, sys, time
from pathlib import Path
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from benchmarks.term import Term, grade_term
LOCKED = 3  # what was killed may hold its lock for a moment
course, place, size = Course.load(), Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))

def begun(name):
    child = os.fork()
    os.setpgid(child, child)  # a group of its own: on both sides, for whoever comes first
    if child == 0:
        code = 1
        try:
            grade_term(Term(place / name / "downloads", course, *size), place / name / "graded")
            code = 0
        except GradingError as error:
            code = LOCKED if "another run is writing" in str(error) else 1
        finally:
            os._exit(code)
    return child

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

started = time.monotonic()
assert ended(begun("calm")) == 0
whole = time.monotonic() - started
chooser = random.Random(30)
killed = 0
for _ in range(int(sys.argv[4])):
    child = begun("killed")
    time.sleep(chooser.uniform(0, whole))
    os.killpg(child, signal.SIGKILL)
    code = ended(child)
    assert code in (-signal.SIGKILL, 0, LOCKED), code
    killed += code == -signal.SIGKILL
while (code := ended(begun("killed"))) == LOCKED:
    time.sleep(0.1)
assert code == 0
print(killed)
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
    """Each run branches off a process that has imported all there is, so that it is killed at its work."""
    command = [sys.executable, "-c", RUN, tmp_path, "10", "3", "30"]
    done = subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert int(done.stdout) > 10
    books = [contents(tmp_path / name / "graded" / "gradebook.sqlite") for name in ("calm", "killed")]
    assert books[0] == books[1]
