"""The wrong answers written blind: how many are caught, named, explained, and how many names are false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from attnkit.checking.message import CheckFailed, Report
from attnkit.checking.public import check
from autograder.exercises import exercise_for
from autograder.judging.declare import Exercise
from autograder.judging.examine import Examination, as_targets
from autograder.proving import blind
from autograder.proving.seeds import behaves_as

VAGUE = ("other numbers", "another derivative")
STATES = ("survives", "named", "explained", "remark", "other numbers")


@dataclass(frozen=True)
class Told:
    """What the tests said of one wrong answer; `reports` holds the message of every hidden test that it fails."""

    question: str
    says: str
    reports: tuple[Report, ...]
    public: Report | None
    false_name: str = ""
    public_false_name: str = ""

    @cached_property
    def state(self) -> str:
        """One of STATES: whether it is caught, and the best that is said of it.

        A *remark* says which cases are wrong and what is still true of their numbers.
        """
        if not self.reports:
            return "survives"
        if any(report.mistake for report in self.reports):
            return "named"
        if any(report.looks_like or not report.found.startswith(VAGUE) for report in self.reports):
            return "explained"
        return "other numbers" if any(report.found in VAGUE for report in self.reports) else "remark"


def corpus(number: str) -> Iterator[tuple[Exercise, str, Mapping[str, Any]]]:
    """The wrong answers to one notebook, each as (exercise, what is wrong, what it defines)."""
    if number not in written():
        return
    for question, entries in (item for module in modules_of(number) for item in module.WRONG.items()):
        exercise = exercise_for(question)
        for says, defined in entries:
            several = len(exercise.names) > 1
            yield (
                exercise,
                says,
                as_targets(exercise, defined) if several else {exercise.names[0]: defined.get(exercise.names[0])},
            )


def modules_of(number: str) -> list[ModuleType]:
    """The modules with the wrong answers to one notebook: one for each hand that wrote some."""
    names = sorted(found.name for found in iter_modules(blind.__path__) if found.name.endswith(f"nb{number}"))
    return [import_module(f"{blind.__name__}.{name}") for name in names]


def written() -> tuple[str, ...]:
    """The notebooks, such as "02", to which wrong answers were written."""
    return tuple(sorted(found.name[2:] for found in iter_modules(blind.__path__) if found.name.startswith("nb")))


def told_of(exercise: Exercise, says: str, targets: Mapping[str, Any]) -> Told:
    """Run one wrong answer through all tests of its exercise, and hold its names against inputs that no test has drawn."""
    examination = Examination(exercise, targets)
    reports = tuple(report for test in exercise.tests if (report := examination.verdict(test)))
    public = _public(exercise, targets)
    names = {report.mistake for report in reports if report.mistake}
    false = next((name for name in sorted(names) if not _holds(exercise, targets, name, True)), "")
    name = public.mistake if public else ""
    public_false = "" if not name or any(_holds(exercise, targets, part, True) for part in name.split(" or ")) else name
    return Told(exercise.question, says, reports, public, false, public_false)


def rates(told: list[Told]) -> Counter[str]:
    """How many answers are in each state, how many are caught, and how many names are false."""
    counts = Counter(one.state for one in told)
    counts["answers"] = len(told)
    counts["caught"] = len(told) - counts["survives"]
    counts["false names"] = sum(bool(one.false_name) for one in told)
    counts["public false names"] = sum(bool(one.public_false_name) for one in told)
    return counts


def _holds(exercise: Exercise, targets: Mapping[str, Any], name: str, values_alone: bool = False) -> bool:
    known = {mistake.name: mistake for mistake in exercise.mistakes}
    return behaves_as(exercise, targets, tuple(known[part] for part in name.split(" + ")), values_alone=values_alone)


def _public(exercise: Exercise, targets: Mapping[str, Any]) -> Report | None:
    try:
        check(exercise.question, targets)
    except CheckFailed as failed:
        return failed.report
    return None
