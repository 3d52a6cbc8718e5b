"""The same proof under other seeds of the input generators: a test that is right by luck fails here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attnkit.checking.agree import same_behaviour, same_values
from attnkit.checking.case import Case, Seed
from attnkit.checking.execute import execute
from autograder.judging.declare import Exercise, Mistake
from autograder.judging.examine import Trace, as_targets, drawn_from, forget, run_test, targets_of


@dataclass(frozen=True)
class UnderSeed:
    """What went wrong with one exercise under one seed: right answers that fail, and mistakes that pass everything."""

    seed: int | bytes
    false_alarms: tuple[tuple[str, str, str], ...]
    survivors: tuple[str, ...]


@contextlib.contextmanager
def seeded(seed: int | bytes) -> Iterator[None]:
    """Draw every case under another seed, and forget what was computed for the cases before and after."""
    try:
        with drawn_from(seed):
            yield
    finally:
        forget()


def under_seed(exercise: Exercise, seed: int | bytes) -> UnderSeed:
    """Run every right answer and every mistake of one exercise through its hidden tests, their cases drawn anew."""
    with seeded(seed):
        false_alarms = [
            (variant.name, test, problem)
            for variant in exercise.variants
            for test, problem in _problems(exercise, as_targets(exercise, variant.code)).items()
        ]
        survivors = [
            mistake.name for mistake in exercise.mistakes if not _problems(exercise, targets_of(exercise, (mistake,)))
        ]
    return UnderSeed(seed, tuple(false_alarms), tuple(survivors))


def behaves_as(
    exercise: Exercise,
    targets: Mapping[str, Any],
    mistakes: tuple[Mistake, ...],
    seeds: int = 2,
    values_alone: bool = False,
) -> bool:
    """Whether an answer does what mistakes do on inputs that no test has drawn: the evidence that a name is not false.

    With `values_alone`, number types, gradients and changed inputs do not count. Tests with a judge draw nothing from
    these generators, and are left out; so are calls in which any draw is right.
    """
    wrong = targets_of(exercise, mistakes)
    for seed in range(1, seeds + 1):
        with seeded(seed):
            for test in exercise.tests:
                if test.judge is None and not _alike(exercise, targets, wrong, test.name, values_alone):
                    return False
    return True


def _alike(exercise: Exercise, one: Mapping[str, Any], other: Mapping[str, Any], test: str, values_alone: bool) -> bool:
    traces = [trace(exercise, targets, test) for targets in (one, other)]
    steps = [
        (case, first, second)
        for (case, first), (_, second) in zip(traces[0].steps, traces[1].steps, strict=False)
        if not case.raises and not _any_draw_is_right(case)
    ]
    return same_values(steps) if values_alone else same_behaviour(steps)


def _any_draw_is_right(case: Case) -> bool:
    return bool(case.verify) and any(isinstance(value, Seed) for value in case.args)


def trace(exercise: Exercise, targets: Mapping[str, Any], test: str) -> Trace:
    """What an answer does in one test."""
    return run_test(
        exercise, exercise.test(test), lambda case: execute(targets[case.function or exercise.names[0]], case)
    )


def _problems(exercise: Exercise, targets: Mapping[str, Any]) -> dict[str, str]:
    """The tests that an answer fails, each with what was expected and found."""
    problems = {}
    for test in exercise.tests:
        problem = trace(exercise, targets, test.name).problem
        if problem is not None:
            difference = problem.difference
            problems[test.name] = f"{difference.problem}: expected {difference.expected}, found {difference.found}"
    return problems
