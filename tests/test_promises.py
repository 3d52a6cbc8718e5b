"""Nothing is tested that a learner was not told: each kind of promise that a case tests stands in the stub or the opening."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from attnkit.checking.case import Case
from autograder.building.master import question_of, read_master
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.judging.declare import Exercise

INSIDE = dict.fromkeys(("multi_head_attention_forward", "_native_multi_head_attention"), "MultiheadAttention")
INSIDE["cross_entropy_loss"] = "torch's cross_entropy"
FAR = 300.0  # what exp cannot hold lies beyond 709, and a product of two such numbers does


class Asked(Exception):
    """Ends a judge at its first question."""


def cases_of(exercise: Exercise) -> Iterator[Case]:
    """Every case of the public check and the hidden tests; those of a judge as far as it comes with no answer."""
    yield from exercise.draw_public()
    for test in exercise.tests:
        yield from exercise.draw(test)
        if test.judge is not None:
            yield from asked_by(test.judge)


def asked_by(judge: Callable[[object], None]) -> list[Case]:
    asked: list[Case] = []

    def run(case: Case) -> object:
        asked.append(case)
        raise Asked

    with pytest.raises(Asked):
        judge(run)
    return asked


def arrays(value: object) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from arrays(item)
    elif isinstance(value, dict):
        yield from arrays(list(value.values()))


def floats(case: Case) -> list[np.ndarray]:
    return [array for array in arrays([*case.args, *case.kwargs.values()]) if array.dtype.kind == "f" and array.size]


def keeps_the_width(exercise: Exercise, case: Case) -> bool:
    return case.dtype == "float32" and any(output.dtype == "same" for output in exercise.outputs_of(case))


def is_far(case: Case) -> bool:
    return any(np.abs(array).max() > FAR for array in floats(case))


def has_an_empty_row(case: Case) -> bool:
    masks = [array for array in arrays([*case.args, *case.kwargs.values()]) if array.dtype.kind == "b"]
    return any(mask.ndim and not mask.any(axis=-1).all() for mask in masks)


PROMISES: dict[str, tuple[Callable[[Exercise, Case], bool], str]] = {
    "arguments left alone": (lambda _, case: bool(floats(case)) and not case.value, r"as they are|not change|unchanged"),
    "number type": (keeps_the_width, r"float32|floating type|number type"),
    "gradients": (lambda _, case: case.gradient, r"[Gg]radient"),
    "no loop": (lambda _, case: case.count_lines, r"[Nn]o Python loop|loop"),
    "nothing held": (lambda _, case: case.count_held, r"at once"),
    "calls apart": (lambda _, case: bool(case.earlier), r"from call to call"),
    "whole numbers": (lambda one, case: any(o.dtype == "whole" for o in one.outputs_of(case)), r"\bint\b|whole number"),
    "Python number": (lambda one, case: any(o.dtype == "python" for o in one.outputs_of(case)), r"Python (float|number)"),
    "large numbers": (lambda _, case: is_far(case), r"thousand|any size|large|far|represented|[Vv]ery negative"),
    "nothing to attend to": (lambda _, case: has_an_empty_row(case), r"nothing|all-?False|no position|all False|zeros"),
}


@dataclass(frozen=True)
class Needs:
    """What the cases of an exercise test: kinds of promises, and names that have to be said as they are."""

    promises: tuple[str, ...]
    names: tuple[str, ...]


def looked_at(exercise: Exercise) -> Needs:
    """Looks at each case once and keeps none."""
    promises: dict[str, None] = {}
    names: dict[str, None] = {}
    for case in cases_of(exercise):
        promises |= dict.fromkeys(name for name, (tests, _) in PROMISES.items() if name not in promises and tests(exercise, case))
        names |= dict.fromkeys(name for name in (*case.watch, case.raises or "") if name)
    return Needs(tuple(promises), tuple(names))


@pytest.fixture(scope="module")
def tested() -> dict[str, Needs]:
    """What is tested, by question."""
    return {one.question: looked_at(one) for number in NOTEBOOKS for one in exercises_of(number)}


def untold(tested: Needs, text: str) -> list[str]:
    """The promises that some case tests and no word of `text` makes."""
    missing = [name for name in tested.promises if not re.search(PROMISES[name][1], text)]
    return missing + [name for name in tested.names if INSIDE.get(name, name) not in text]


def told(number: str) -> dict[str, str]:
    """For each question, the opening of its notebook and its own stub without the answer."""
    master = read_master(number)
    first = next(i for i, cell in enumerate(master.notebook.cells) if question_of(cell))
    opening = "\n".join(cell.source for cell in master.notebook.cells[:first] if cell.cell_type == "markdown")
    stubs = {question: re.sub(r"# BEGIN SOLUTION.*?# END SOLUTION", "", cell.source, flags=re.DOTALL)
             for question, cell in master.exercise_cells().items()}
    return {question: f"{opening}\n{stub}" for question, stub in stubs.items()}


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_what_is_tested_is_told(tested, number):
    texts = told(number)
    found = {
        one.heading: missing
        for one in exercises_of(number)
        if (missing := untold(tested[one.question], texts[one.question]))
    }
    assert found == {}


@pytest.mark.parametrize("name", PROMISES)
def test_every_kind_of_promise_is_missed_when_nobody_makes_it(tested, name):
    missed = [question for question, one in tested.items() if name in untold(one, "")]
    assert missed, f"no case of any exercise tests this: {name}"
