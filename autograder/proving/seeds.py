"""The same proof under other seeds of the input generators: a test that is right by luck fails here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from attnkit.checking.agree import same_behaviour, same_values
from attnkit.checking.case import Case, Failure, Outcome, Seed
from attnkit.checking.execute import execute
from autograder.judging.declare import Exercise, Mistake, other_draws
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
            mistake.name
            for mistake in exercise.mistakes
            if all(
                trace(exercise, targets_of(exercise, (mistake,)), test.name).problem is None for test in exercise.tests
            )
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
    return all(
        _alike(_outcomes(exercise, targets, cases), _outcomes(exercise, wrong, cases), values_alone)
        for seed in range(1, seeds + 1)
        for cases in _cases(exercise, seed)
    )


@cache
def _cases(exercise: Exercise, seed: int) -> tuple[tuple[Case, ...], ...]:
    """The cases of every test without a judge, drawn under another seed."""
    with other_draws(seed):
        return tuple(exercise.draw(test) for test in exercise.tests if test.judge is None)


def _outcomes(exercise: Exercise, targets: Mapping[str, Any], cases: tuple[Case, ...]) -> list[tuple[Case, Outcome]]:
    """What an answer gives in these cases; nothing more once it has taken too long."""
    steps: list[tuple[Case, Outcome]] = []
    for case in cases:
        target = targets.get(case.function or exercise.names[0])
        steps.append((case, Outcome(failure=Failure("missing")) if target is None else execute(target, case)))
        if (failure := steps[-1][1].failure) is not None and failure.kind in ("missing", "timeout", "died"):
            break
    return steps


def _alike(one: list[tuple[Case, Outcome]], other: list[tuple[Case, Outcome]], values_alone: bool) -> bool:
    steps = [
        (case, first, second)
        for (case, first), (_, second) in zip(one, other, strict=False)
        if not case.raises and not _any_draw_is_right(case)
    ]
    return same_values(steps) if values_alone else same_behaviour(steps)


def _any_draw_is_right(case: Case) -> bool:
    """Whether the numbers are drawn, so that two answers which do the same need not agree in them."""
    return bool(case.verify or case.tolerance) and any(isinstance(value, Seed) for value in case.args)


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
