"""Thirty kills at random moments leave the gradebook, the tables and the pages that an undisturbed term leaves."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from handins import marked, opened_here, write
from test_grade_cli import Quiet

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course, CourseNotebook
from autograder.grading.errors import GradingError
from autograder.grading.find import intake
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.result import CaseResult, Finding, QuestionResult, Result, Status
from autograder.grading.report.outputs import Outputs
from autograder.grading.run.job import Job, Setting
from autograder.term.gradebook_marks import Marker
from autograder.term.policy import ForNotebook, Late, Policy

KILLS = 30
STUDENTS = [f"s{number:02d}" for number in range(6)]
NAME = "02_keys_queries_values"
POLICY = Policy(attempts="best", late=Late(percent=10), notebooks={NAME: ForNotebook(waive=("q2_9",))})
TIMES = {"first_seen", "graded_at", "made_at", "seconds"}
LEFT_OUT = {"runs"}  # how often a run began is what differs


class Canned:
    """A pool whose results follow from the bytes; with what is opened here, a run is all recording and writing."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        for job in jobs:
            yield job, result_of(job.raw, self.course.notebooks[job.notebook])


def result_of(raw: bytes, master: CourseNotebook) -> Result:
    """Points and findings drawn from the hand-in's own bytes."""
    rng = random.Random(hashlib.sha256(raw).digest())
    questions = []
    for question in master.questions:
        cases = []
        for place in range(int(question.points)):
            good = rng.random() < 0.6
            finding = None if good else Finding("the result is wrong", "this", "that", "a mistake", mistake="one")
            cases.append(CaseResult(f"case {place}", place > 0, 1.0, good, finding))
        score = float(sum(case.passed for case in cases))
        apart = ("2.3 attention",) if question.name == "q2_5" and rng.random() < 0.5 else ()
        questions.append(QuestionResult(question.name, question.title, score, question.points, tuple(cases), apart, "x = 1"))
    return Result(Status.GRADED, tuple(questions), possible=master.points, sandbox="fake", seconds=rng.random())


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


def hand_in(root: Path, stage: int) -> Path:
    """Everybody's hand-ins of one week: most are new, some are as they were, one is broken."""
    files = {f"{who}/x.ipynb": marked(f"{who} {max(0, stage - place % 3)}") for place, who in enumerate(STUDENTS)}
    files[f"{STUDENTS[0]}/x.ipynb"] = b"{}" if stage % 2 else marked(f"mended {stage}")
    return write(root, files)


def grade(root: Path, out: Path, course: Course) -> None:
    setting = Setting()
    grade_class(Plan([root], out, course, setting, policy=POLICY), lambda count: Canned(course), Quiet())


def by_hand(out: Path, course: Course) -> None:
    """What a person sets after the first week."""
    with Gradebook(out / "gradebook.sqlite") as book:
        if not book.overrides():
            book.add_override((STUDENTS[3], NAME, "q2_1"), 5.0, "seen", "kim", 1.0)
        outputs = Outputs(out, book, course)
        Marker.of(book, course, outputs).mark_all()
        outputs.write_class(outputs.kept_intake())


def killed_after(seconds: float, root: Path, out: Path, course: Course) -> str:
    """Run in a process of its own and kill it after a while; says whether it was killed, done, or could not begin."""
    before = finished_runs(out)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            grade(root, out, course)
            os._exit(0)
        except GradingError as error:  # a child of the killed run may hold its lock for a moment
            os._exit(3 if "another run is writing" in str(error) else 1)
        except BaseException:
            os._exit(1)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) in (0, 3), "a run failed by itself"
    if os.WIFSIGNALED(status):
        return "done" if finished_runs(out) > before else "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "could not begin"


def finished_runs(out: Path) -> int:
    """How many runs came to their end: had told and written everything."""
    if not (out / "gradebook.sqlite").is_file():
        return 0
    with contextlib.closing(sqlite3.connect(out / "gradebook.sqlite")) as base:
        if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
            return 0
        return int(base.execute("SELECT COUNT(finished) FROM runs").fetchone()[0])


def content(out: Path) -> dict[str, object]:
    """All that a gradebook and its folder hold, apart from times."""
    base = sqlite3.connect(out / "gradebook.sqlite")
    found: dict[str, object] = {}
    for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = [row[1] for row in base.execute(f"PRAGMA table_info({table})") if row[1] not in TIMES]
        if table not in LEFT_OUT:
            found[table] = sorted(base.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)
    base.close()
    for path in sorted(out.rglob("*")):
        if path.suffix in (".html", ".csv", ".json"):
            text = path.read_text(encoding="utf-8")
            found[path.relative_to(out).as_posix()] = re.sub(r"20\d\d-\d\d-\d\d( \d\d:\d\d UTC)?", "TIME", text)
    return found


@pytest.mark.slow
def test_thirty_kills_leave_an_equal_gradebook(tmp_path, course, monkeypatch):
    monkeypatch.setattr(intake, "behind_the_door", opened_here)
    rng = random.Random(14)
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    rehearsal, whole = hand_in(tmp_path / "rehearsal", 0), 0.0
    for out in ("first", "second"):  # the first loads what each run after it finds there
        started = time.monotonic()
        grade(rehearsal, tmp_path / out, course)
        whole = time.monotonic() - started
    kills = stage = 0
    while kills < KILLS or stage < 2:
        root = hand_in(tmp_path / f"week{stage}", stage)
        ends: list[str] = []
        while "done" not in ends and len(ends) < 8:  # a run that is done has told what there is to tell
            ends.append(killed_after(rng.uniform(0.05, 0.6) * whole, root, disturbed, course))
            whole *= 0.8 if ends[-1] == "done" else 1.05  # other programs come and go, and a run takes its time
        kills += ends.count("killed")
        if "done" not in ends:
            time.sleep(0.5)
            grade(root, disturbed, course)
        by_hand(disturbed, course)
        stage += 1
        assert stage < 30, f"hardly any run was killed in its middle: {kills}"
    for week in range(stage):
        grade(tmp_path / f"week{week}", calm, course)
        by_hand(calm, course)
    one, other = content(disturbed), content(calm)
    assert one.keys() == other.keys()
    for name in other:
        assert one[name] == other[name], name
    assert not list(disturbed.rglob("*.half"))
