"""What a large class takes: memory that does not grow with it, and lists that lie on disk."""

from __future__ import annotations

import errno
import gc
import re
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from handins import FILE, marked

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.find.platforms import Student
from autograder.grading.long_list import LongList, Shelf
from autograder.grading.record.result import CaseResult, Finding, QuestionResult, Result, Status
from autograder.grading.report.report import ClassReport
from autograder.grading.run.job import Job, Setting

FEW, MANY = 60, 180
WANTED = 600  # bytes of one more hand-in


@dataclass
class AllWrong:
    """A pool that grades nothing: everybody makes one known mistake and one without a name."""

    result: Result = field(init=False)

    def __post_init__(self) -> None:
        named = Finding("the result is wrong", "1", "2", "softmax over the query axis", mistake="wrong-axis")
        unnamed = Finding("the result is wrong", "1", "2")
        questions = tuple(
            QuestionResult(f"q2_{n}", f"2.{n} title", 1.0, 2.0, (CaseResult("a case", True, 2.0, False, finding),), behaviour=how)
            for n, (finding, how) in enumerate([(named, ""), (unnamed, "1")], 1)
        )
        self.result = Result(Status.GRADED, questions, possible=4.0, sandbox="fake", seconds=0.1)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        for job in jobs:
            yield job, self.result


@dataclass
class Memory:
    """Notes the bytes of Python's objects when the class has been found, when it is graded, and when its report is gathered."""

    noted: dict[str, int] = field(default_factory=dict)

    def note(self, moment: str) -> None:
        gc.collect()
        self.noted[moment] = tracemalloc.get_traced_memory()[0]

    def found(self, intake: Intake, to_grade: int) -> None:
        self.note("found")

    def graded(self, submission: Submission, result: Result) -> None:
        """Nothing to note."""

    def writing(self) -> None:
        self.note("graded")


def memory(folder: Path, count: int, course: Course, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What was noted while a class of so many was graded."""
    raw = marked("the same for all")
    for n in range(count):
        (folder / "class" / f"a student with a name {n:05}").mkdir(parents=True)
        (folder / "class" / f"a student with a name {n:05}" / FILE).write_bytes(raw)
    plan, watcher, write = Plan([folder / "class"], folder / "out", course, Setting()), Memory(), ClassReport.write
    monkeypatch.setattr(ClassReport, "write", lambda report, page: (watcher.note("gathered"), write(report, page)))
    gc.collect()
    tracemalloc.start()
    try:
        summary = grade_class(plan, lambda count: AllWrong(), watcher)
    finally:
        tracemalloc.stop()
    assert summary.graded == count
    with (folder / "out" / "grades.csv").open(encoding="utf-8") as rows:
        assert len(rows.readlines()) == count + 1
    return watcher.noted


def test_memory_does_not_grow_with_the_class(tmp_path, monkeypatch):
    course, noted = Course.load(), []
    for count in (8, FEW, MANY):  # the first makes what is made once
        with monkeypatch.context() as patched:
            noted.append(memory(tmp_path / str(count), count, course, patched))
    _, few, many = noted
    each = {moment: (many[moment] - few[moment]) / (MANY - FEW) for moment in few}
    assert each == {moment: pytest.approx(0, abs=WANTED) for moment in ("found", "graded", "gathered")}


def test_a_list_on_disk_is_a_list():
    people = [Student(str(n), f"Name {n}") for n in range(5)]
    shelf = Shelf()
    kept, other = LongList(people[:3], shelf), LongList([1], shelf)
    kept.extend(people[3:])
    other.append(2)
    assert (list(kept), list(other), len(kept)) == (people, [1, 2], 5)
    assert (kept[1], kept[-1], kept[1:3]) == (people[1], people[-1], people[1:3])
    assert [one for one in kept for _ in kept] == [one for one in people for _ in people], "two may read at once"
    assert not LongList()
    with pytest.raises(IndexError):
        kept[5]


def test_a_full_disk_is_named(monkeypatch):
    kept = LongList(["a"])

    class Full:
        def seek(self, place: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept._shelf, "_file", Full())
    for touch in (lambda: kept.append("b"), lambda: kept[0]):
        with pytest.raises(OSError, match=re.escape(f"No space left on device: {tempfile.gettempdir()!r}")):
            touch()
    assert len(kept) == 1
