"""For a wrong answer without a name: how it differs from the right one, searched over the cases of its hidden tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnkit.checking.case import Case, Outcome
from attnkit.checking.compare import Expected, compare
from attnkit.checking.relations import Relation, Step, explain
from attnkit.checking.relations.search import PARTIAL
from autograder.judging.as_if import right_for_other_arguments
from autograder.judging.declare import Exercise

Ran = Sequence[tuple[Case, Expected, Outcome]]
"""The cases of one test with the right answers and what came of them."""


def relation_in(exercise: Exercise, ran: Mapping[str, Ran], test: str) -> Relation | None:
    """What holds in every wrong case of all tests; for which other arguments all is right; or what holds in one test."""
    every = {name: _steps(exercise, cases) for name, cases in ran.items()}
    here = every.get(test, [])
    functions = {step.case.function for step in here if step.difference}
    alike = [step for steps in every.values() for step in steps if step.case.function in functions]
    whole = explain(alike)
    if whole is not None and whole.telling and whole.hint not in PARTIAL:
        return whole
    other = right_for_other_arguments(exercise, next(iter(functions)), ran) if len(functions) == 1 else None
    if other is not None or (whole is not None and whole.telling):
        return other or whole
    return explain([step for step in here if step.case.function in functions])


def _steps(exercise: Exercise, ran: Ran) -> list[Step]:
    steps = []
    for case, expected, outcome in ran:
        outputs = exercise.outputs_of(case)
        steps.append(Step(case, expected, outcome, outputs, compare(expected, outcome, case, outputs)))
    return steps
