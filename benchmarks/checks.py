"""How long a learner waits for a public check, and what the hidden tests of a question cost."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from attnkit.checking import public as checking
from attnkit.checking.message import CheckFailed
from attnkit.checking.relations import Relation, Step, explain
from attnkit.grader import Grader
from autograder.exercises import NOTEBOOKS, exercise_for
from autograder.grading.course import Course
from autograder.judging import examine
from autograder.judging.declare import Exercise
from autograder.paths import PUBLIC_TESTS
from autograder.proving.corpus import corpus, written
from benchmarks.table import Table, verdict

WANTED_MILLISECONDS = 100.0
WANTED_SEARCH = 300.0


def checks(rounds: int, tell: Callable[[str], None], every: int = 1) -> list[Table]:
    """Check a right answer to every question of every built notebook, and every so many wrong ones, in this process."""
    torch.set_num_threads(1)
    table = Table(
        "Checks of right answers",
        ("notebook", "questions", "public ms", "slowest", "ms", "hidden CPU ms", "costliest", "CPU ms"),
    )
    everything: list[float] = []
    for notebook in Course.load().notebooks.values():
        tell(f"checks of {notebook.name}")
        with _a_learners_folder():
            public = {question.name: _public(question.name, rounds) for question in notebook.questions}
        hidden = {question.name: _hidden(question.name, rounds) for question in notebook.questions}
        slowest, costliest = max(public, key=public.__getitem__), max(hidden, key=hidden.__getitem__)
        everything += public.values()
        table.add(
            notebook.name,
            str(len(public)),
            *(f"{median(public.values()):.1f}", slowest, f"{public[slowest]:.1f}"),
            *(f"{median(hidden.values()):.1f}", costliest, f"{hidden[costliest]:.1f}"),
        )
    whole = median(everything)
    table.notes = [
        f"Each number is the median of {rounds} calls after a first one; a column's first number is the median over the "
        "questions. *Public* is the wall time of `grader.check(...)`, as a learner waits for it, Otter and its log "
        "included; *hidden* the CPU of all hidden tests of a question, in the same process, right answers known.",
        f"Median of all public checks: {whole:.1f} ms, wanted < {WANTED_MILLISECONDS:.0f} ms, "
        f"met: {verdict(whole < WANTED_MILLISECONDS)}.",
    ]
    return [table, _of_wrong_answers(every, tell)]


def _of_wrong_answers(every: int, tell: Callable[[str], None]) -> Table:
    """Public checks of the wrong answers written blind, with what the search for an explanation takes of them."""
    table = Table(
        "Checks of wrong answers",
        ("notebook", "wrong answers", "public ms", "slowest ms", "searched", "search ms", "slowest", "ms"),
    )
    everything: list[float] = []
    for number in written():
        tell(f"wrong answers of {NOTEBOOKS[number]}")
        whole, searched, seen = [], {}, set()
        for exercise, says, targets in list(corpus(number))[::every]:
            if exercise.question not in seen:
                seen.add(exercise.question)
                _failing(exercise.question, targets)  # the stored numbers are read once
            taken, search = _failing(exercise.question, targets)
            whole.append(taken)
            if search:
                searched[f"{exercise.number}: {says}"] = search
        slowest = max(searched, key=searched.__getitem__, default="")
        everything += searched.values()
        table.add(
            NOTEBOOKS[number],
            *(str(len(whole)), f"{median(whole):.1f}", f"{max(whole):.1f}"),
            *(str(len(searched)), f"{median(searched.values()):.1f}" if searched else "–", slowest),
            f"{searched[slowest]:.1f}" if searched else "–",
        )
    most = max(everything, default=0.0)
    table.notes = [
        "CPU of one public check each, Otter left out. An explanation is searched for where no known mistake behaves as the "
        "answer does; the answers are those that the proof runs, written from the stubs alone.",
        f"Slowest search: {most:.1f} ms, wanted < {WANTED_SEARCH:.0f} ms, met: {verdict(most < WANTED_SEARCH)}.",
    ]
    return table


def _failing(question: str, targets: Mapping[str, Any]) -> tuple[float, float]:
    """Milliseconds of a public check of a wrong answer, and of the search in it; the second is 0 where there was none."""
    spent = 0.0

    def timed(steps: Sequence[Step]) -> Relation | None:
        nonlocal spent
        started = time.process_time()
        found = explain(steps)
        spent += 1000 * (time.process_time() - started)
        return found

    started = time.process_time()
    with patch.object(checking, "explain", timed), contextlib.suppress(CheckFailed):
        checking.check(question, targets)
    return 1000 * (time.process_time() - started), spent


@contextlib.contextmanager
def _a_learners_folder() -> Iterator[None]:
    """Work where the public tests lie beside the notebook and Otter may write its log."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, contextlib.chdir(folder):
        Path("tests").symlink_to(PUBLIC_TESTS)
        yield


def _public(question: str, rounds: int) -> float:
    grader, right = Grader("notebook.ipynb"), dict(_right(exercise_for(question)))

    def run() -> None:
        result = grader.check(question, right)
        if not result.passed:
            raise AssertionError(f"{question}: a right answer fails: {result.message}")

    return _repeated(run, rounds, time.perf_counter)


def _hidden(question: str, rounds: int) -> float:
    """All hidden tests of a question, each time on an examination of its own."""
    exercise = exercise_for(question)
    right = _right(exercise)

    def run() -> None:
        examine._RECENT.clear()
        for test in exercise.tests:
            examine.check_hidden(question, test.name, right)

    return _repeated(run, rounds, time.process_time)


def _right(exercise: Exercise) -> Any:
    return examine.as_targets(exercise, exercise.variants[0].code)


def _repeated(run: Callable[[], None], rounds: int, clock: Callable[[], float]) -> float:
    """Median milliseconds of a call, after a first one that is not counted."""
    run()
    taken = []
    for _ in range(rounds):
        started = clock()
        run()
        taken.append(1000 * (clock() - started))
    return median(taken)
