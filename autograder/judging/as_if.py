"""Right answers to other arguments: two exchanged, one left out, one in the place of another.

An answer that gives them explains itself: it is right, but for inputs that it was not given. They are computed by the
reference when a wrong answer is examined, and kept for the rest of the class.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from attnkit.checking.case import Case, Outcome, argument_name
from attnkit.checking.compare import Expected, close
from attnkit.checking.relations import Relation
from autograder.judging.declare import Exercise
from autograder.judging.expected import expected_answer

Ran = Sequence[tuple[Case, Expected, Outcome]]
_BOUNDS = (10, 20, 30, 50, 80, 88, 100, 500, 600, 700, 709)  # at which learners clip what goes into an exponential
_NOT_CUT = "What keeps the exponential of a large number finite, and changes no share?"
_UNABLE = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    ZeroDivisionError,
    ArithmeticError,
    AssertionError,
    AttributeError,
)


@dataclass(frozen=True)
class Change:
    """Other arguments in words, with a hint, and how a case is changed; None where it cannot be.

    `told` is what a learner reads, where several changes may do the same to all cases.
    """

    says: str
    hint: str
    make: Callable[[Case], Case | None]
    told: str = ""


def right_for_other_arguments(exercise: Exercise, function: str | None, ran: Mapping[str, Ran]) -> Relation | None:
    """Which change of the arguments makes every result of an answer right, in all calls of one function; None for none.

    The smallest wrong call is looked at first: nearly every change ends there.
    """
    calls = [
        (not close(expected.value, outcome.value, case), _amount(case), test, place, case, outcome)
        for test, cases in ran.items()
        for place, (case, expected, outcome) in enumerate(cases)
        if case.function == function and not case.raises and not case.verify
    ]
    if not any(wrong and outcome.failure is None for wrong, *_, outcome in calls):
        return None
    calls.sort(key=lambda call: (not call[0], call[-1].failure is not None, call[1]))
    names = exercise.parameters(function)
    changes = {
        says: change
        for _, _, test, place, *_ in calls
        for says, change in _changes_of(exercise, names, test, place).items()
    }
    for says, change in changes.items():
        if all(
            _gives(_answer(exercise, names, says, test, place), outcome, case)
            for _, _, test, place, case, outcome in calls
        ):
            return Relation(change.told or says, change.hint)
    return None


def _gives(value: Any, outcome: Outcome, case: Case) -> bool:
    """Whether a call gave that value; an error where there is none, since arguments changed in that way do not fit."""
    if outcome.failure is not None:
        return value is None and outcome.failure.kind == "raised"
    return value is not None and close(value, outcome.value, replace(case, counts=()))


def _amount(case: Case) -> int:
    return sum(value.size for value in (*case.args, *case.kwargs.values()) if isinstance(value, np.ndarray))


@cache
def _answer(exercise: Exercise, names: tuple[str, ...], says: str, test: str, place: int) -> Any:
    """The right answer to the changed case, or to the case itself where the change does not apply; None where there is none."""
    case = _case(exercise, test, place)
    change = _changes_of(exercise, names, test, place).get(says)
    try:
        with np.errstate(all="ignore"):
            changed = change.make(case) if change else case
            return None if changed is None else expected_answer(exercise, changed).value
    except _UNABLE:
        return None


@cache
def _case(exercise: Exercise, test: str, place: int) -> Case:
    return replace(exercise.draw(exercise.test(test))[place], gradient=False)


@cache
def _changes_of(exercise: Exercise, names: tuple[str, ...], test: str, place: int) -> dict[str, Change]:
    """The changes of one case by what is said of them; none for functions of numbers alone, which may never end with others."""
    case = _case(exercise, test, place)
    if case.raises or case.value or not any(isinstance(value, np.ndarray) for value in _arguments(case).values()):
        return {}
    return {change.says: change for change in _changes(case, names)}


def _changes(case: Case, names: tuple[str, ...]) -> Iterator[Change]:
    """Every change of this case's arguments that may be a learner's, the likeliest first."""
    arrays = {path: value for path, value in _arguments(case).items() if isinstance(value, np.ndarray)}
    floats = {path: value for path, value in arrays.items() if value.dtype.kind == "f"}
    for one, other in itertools.combinations(floats, 2):
        a, b = _called(one, names), _called(other, names)
        yield Change(
            f"the right answer if {a} and {b} were exchanged",
            f"Where does the equation use {a}, and where {b}?",
            partial(_swapped, one=one, other=other),
        )
    for one, other in itertools.permutations(floats, 2):
        a, b = _called(one, names), _called(other, names)
        yield Change(
            f"the right answer if {b} stood in the place of {a}",
            f"Where does the equation use {a}?",
            partial(_copied, to=one, source=other),
        )
    for one, other in itertools.permutations(floats, 2):
        if floats[one].shape == floats[other].shape:
            a, b = _called(one, names), _called(other, names)
            yield Change(
                f"the right answer if {b} were added to {a}",
                f"Does the equation ask for {a} alone?",
                partial(_added, to=one, source=other),
            )
    for path, value in arrays.items():
        name = _called(path, names)
        yield from _array_changes(path, value, name)
    for path, value in _arguments(case).items():
        name = _called(path, names)
        if path.startswith("kwargs."):
            yield Change(
                f"the right answer if {name} were left out", f"Which line uses {name}?", partial(_dropped, path=path)
            )
        if type(value) is int:
            for step, says in ((1, "one more"), (-1, "one less")):
                yield Change(
                    f"the right answer if {name} were {says}",
                    f"Count {name} by hand in the smallest example.",
                    partial(_mapped, path=path, function=lambda x, step=step: x + step),
                )


def _array_changes(path: str, value: np.ndarray, name: str) -> Iterator[Change]:
    uses = f"Which line uses {name}, and how?"

    def change(says: str, hint: str, function: Callable[..., Any]) -> Change:
        return Change(f"the right answer if {name} {says}", hint, partial(_mapped, path=path, function=function))

    if value.dtype.kind == "b":
        yield change(
            "were turned round: True for False", "What does True mean in a mask of this course?", np.logical_not
        )
        yield change("allowed everything", uses, np.ones_like)
    if value.ndim >= 2:
        yield change("held its first example everywhere", "Follow the batch through your code.", _first_everywhere)
        yield change(
            "were transposed",
            f"What is the shape of {name}, and which axis of it meets what?",
            lambda x: np.swapaxes(x, -1, -2),
        )
    for axis in range(-min(value.ndim, 3), 0):
        words = {-1: "last", -2: "last but one", -3: "third last"}[axis]
        yield change(
            f"ran backwards along its {words} axis",
            f"In which order does your code go through {name}?",
            lambda x, axis=axis: np.flip(x, axis),
        )
        for step, says in ((1, "one further"), (-1, "one earlier")):
            yield change(
                f"stood {says} along its {words} axis",
                "Where does counting begin?",
                lambda x, axis=axis, step=step: np.roll(x, step, axis),
            )
    if value.dtype.kind in "fi":
        yield change("had the opposite sign", f"With which sign does {name} enter?", np.negative)
        yield change("were taken without its signs", uses, np.abs)
    if value.dtype.kind == "f":
        for bound in _BOUNDS:
            if np.abs(value).max(initial=0.0) > bound:
                yield replace(
                    change(f"were cut off at ±{bound}", _NOT_CUT, lambda x, bound=bound: np.clip(x, -bound, bound)),
                    told=f"the right answer if the large numbers of {name} were cut off at a bound",
                )
        yield change("were 0", uses, np.zeros_like)
        yield change("were 1 everywhere", uses, np.ones_like)
        yield change("were twice as large", f"How often does {name} enter?", lambda x: 2 * x)
        yield change("had been through a softmax", "Are these weights already?", _shares)
        yield change("had been through a tanh", "How often does the equation have a tanh?", np.tanh)
        yield change("had rows of length 1", "Does the definition divide by a length?", _unit_rows)
    if value.dtype.kind in "iu":
        yield change("were one larger", "Where does counting begin?", lambda x: x + 1)
        yield change("were one smaller", "Where does counting begin?", lambda x: x - 1)
        yield change(
            "were the same for all, its largest number",
            "Which of the numbers does your code use?",
            lambda x: np.full_like(x, x.max()),
        )
        yield change(
            "were the same for all, its first number",
            "Which of the numbers does your code use?",
            lambda x: np.full_like(x, x.flat[0]),
        )
        yield change("were 0 everywhere", uses, np.zeros_like)


def _arguments(case: Case) -> dict[str, Any]:
    """Everything that is handed over, weights included, by path."""
    return {
        **{f"args.{i}": value for i, value in enumerate(case.args)},
        **{f"kwargs.{name}": value for name, value in case.kwargs.items()},
        **{f"state.{name}": value for name, value in (case.state or {}).items()},
    }


def _called(path: str, names: Sequence[str]) -> str:
    kind, _, rest = path.partition(".")
    if kind == "args":
        return argument_name(int(rest), tuple(names))
    return f"`{rest.removesuffix('.weight')}`"


def _with(case: Case, values: Mapping[str, Any]) -> Case:
    args = tuple(values.get(f"args.{i}", value) for i, value in enumerate(case.args))
    kwargs = {name: values.get(f"kwargs.{name}", value) for name, value in case.kwargs.items()}
    if case.state is None:
        return replace(case, args=args, kwargs=kwargs)
    state = {name: values.get(f"state.{name}", value) for name, value in case.state.items()}
    return replace(case, args=args, kwargs=kwargs, state=state)


def _swapped(case: Case, one: str, other: str) -> Case | None:
    given = _arguments(case)
    return _with(case, {one: given[other], other: given[one]}) if one in given and other in given else None


def _copied(case: Case, to: str, source: str) -> Case | None:
    given = _arguments(case)
    return _with(case, {to: given[source]}) if to in given and source in given else None


def _added(case: Case, to: str, source: str) -> Case | None:
    given = _arguments(case)
    alike = to in given and source in given and np.shape(given[to]) == np.shape(given[source])
    return _with(case, {to: given[to] + given[source]}) if alike else None


def _mapped(case: Case, path: str, function: Callable[..., Any]) -> Case:
    return _with(case, {path: function(_arguments(case)[path])})


def _dropped(case: Case, path: str) -> Case:
    return replace(case, kwargs={name: value for name, value in case.kwargs.items() if f"kwargs.{name}" != path})


def _first_everywhere(x: np.ndarray) -> np.ndarray:
    return np.broadcast_to(x[:1], x.shape).copy()


def _shares(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        shares = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _unit_rows(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True))


COMPUTED = (_answer, _case, _changes_of)  # what is kept of inputs that were drawn
