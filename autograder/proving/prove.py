"""Run every known mistake and accepted variant of an exercise through its public check and its hidden tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from attnkit.checking.message import CheckFailed, Report
from attnkit.checking.public import check
from autograder.judging.declare import Exercise
from autograder.judging.examine import (
    Examination,
    as_targets,
    candidates,
    fits,
    known_trace,
    targets_of,
)

PUBLIC = "public"


@dataclass(frozen=True)
class Row:
    """One wrong answer: the tests that catch it, and what the public check and the hidden tests call it."""

    mistake: str
    caught_by: tuple[str, ...]
    public_name: str
    hidden_name: str


@dataclass(frozen=True)
class Proof:
    """What one exercise showed. `problems` is empty when its tests are right; `pairs` is 0 where none were looked at."""

    exercise: Exercise
    rows: tuple[Row, ...]
    false_alarms: tuple[tuple[str, str, str], ...]
    twins: tuple[tuple[str, str], ...]
    pairs: int = 0
    pairs_named: int = 0
    problems: tuple[str, ...] = field(default=())

    @property
    def idle_tests(self) -> tuple[str, ...]:
        """Hidden tests that catch nothing that no other hidden test catches."""
        hidden = [test.name for test in self.exercise.tests]
        alone = {row.caught_by[0] for row in self._hidden_only() if len(row.caught_by) == 1}
        return tuple(name for name in hidden if name not in alone)

    def caught_alone(self, test: str) -> int:
        """How many mistakes only this hidden test catches."""
        return sum(row.caught_by == (test,) for row in self._hidden_only())

    def _hidden_only(self) -> list[Row]:
        return [
            Row(row.mistake, tuple(name for name in row.caught_by if name != PUBLIC), row.public_name, row.hidden_name)
            for row in self.rows
        ]


def prove_exercise(exercise: Exercise, combined: bool = False) -> Proof:
    """The proof of one exercise; with `combined`, how often two mistakes made at once are both named, which takes far longer."""
    rows = tuple(_row(exercise, mistake.name, targets_of(exercise, (mistake,))) for mistake in exercise.mistakes)
    false_alarms = tuple(
        (variant.name, test, message)
        for variant in exercise.variants
        for test, message in _verdicts(exercise, as_targets(exercise, variant.code)).items()
        if message
    )
    twins = tuple(
        (one.name, other.name)
        for one, other in combinations(exercise.mistakes, 2)
        if fits(exercise, (one,), {test.name: known_trace(exercise, (other,), test) for test in exercise.tests})
    )
    pairs = [candidate for candidate in candidates(exercise) if combined and len(candidate) == 2]
    named = sum(Examination(exercise, targets_of(exercise, pair)).diagnosis() == pair for pair in pairs)
    proof = Proof(exercise, rows, false_alarms, twins, len(pairs), named)
    return Proof(exercise, rows, false_alarms, twins, len(pairs), named, tuple(_problems(proof)))


def _row(exercise: Exercise, mistake: str, targets: Mapping[str, Any]) -> Row:
    examination = Examination(exercise, targets)
    public = _public_report(exercise, targets)
    caught_by = (PUBLIC,) * (public is not None)
    caught_by += tuple(test.name for test in exercise.tests if examination.verdict(test))
    found = "+".join(one.name for one in examination.diagnosis())
    return Row(mistake, caught_by, (public.mistake or "?") if public else "", found)


def _verdicts(exercise: Exercise, targets: Mapping[str, Any]) -> dict[str, str]:
    """The message of the public check and of every hidden test, empty where it passes."""
    examination = Examination(exercise, targets)
    reports = {PUBLIC: _public_report(exercise, targets)}
    reports |= {test.name: examination.verdict(test) for test in exercise.tests}
    return {name: str(report or "") for name, report in reports.items()}


def _public_report(exercise: Exercise, targets: Mapping[str, Any]) -> Report | None:
    try:
        check(exercise.question, targets)
    except CheckFailed as failed:
        return failed.report
    return None


def _problems(proof: Proof) -> list[str]:
    problems = []
    for row in proof.rows:
        if not set(row.caught_by) - {PUBLIC}:
            problems.append(f"the mistake {row.mistake} survives every hidden test")
        elif row.hidden_name != row.mistake:
            problems.append(f"the mistake {row.mistake} is diagnosed as {row.hidden_name or 'nothing'}")
        if row.public_name != row.mistake:
            problems.append(f"the public check calls the mistake {row.mistake} {row.public_name or 'right'}")
    for variant, test, message in proof.false_alarms:
        problems.append(f"the right answer {variant!r} fails the test {test!r}:\n{message}")
    for one, other in proof.twins:
        problems.append(f"no test input tells the mistakes {one} and {other} apart")
    if len(proof.exercise.variants) < 3:
        problems.append(f"only {len(proof.exercise.variants)} accepted variants are declared; three are asked for")
    return problems
