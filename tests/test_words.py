"""What a worker sends can choose among our words and nothing else, and no number of its breaks the judging."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from attnkit.checking.case import Callback, Case, Failure, Outcome, TensorValue
from attnkit.checking.codec import CodecError, pack, unpack
from attnkit.checking.compare import Expected, Output, close, compare
from attnkit.checking.execute import execute, to_value
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.grading.run import session
from autograder.grading.run.sandbox.inside.wire import BodyError
from autograder.grading.run.sandbox.reply import checked_outcome
from autograder.judging.declare import Exercise
from autograder.judging.examine import run_test

EXERCISES = [exercise for number in NOTEBOOKS for exercise in exercises_of(number)]
SECRETS = (101, 207)  # sizes that no case has


def received(outcome: Outcome, case: Case) -> Outcome:
    """An outcome as the session makes it of what a worker sent."""
    try:
        return checked_outcome(outcome, case)
    except BodyError as error:
        return Outcome(failure=Failure("refused", message=str(error)))


# Hidden messages: whatever number a worker puts wherever it can, the words are the same


def tensor(shape: tuple[int, ...], dtype: str = "float64") -> TensorValue:
    return TensorValue(np.zeros(shape, dtype), dtype)


def state_of(shapes: dict[str, tuple[int, ...]]) -> Outcome:
    """What a module gives whose parameters have these names and shapes."""
    return Outcome(failure=Failure("state", message=f"{shapes}", line=json.dumps(shapes)))


TELLING = {
    "a count of values": lambda n, case: Outcome(value=tuple([1.0] * n)),
    "a count of axes": lambda n, case: Outcome(value=tensor((2,) * (9 + n % 7))),
    "the sizes of axes": lambda n, case: Outcome(value=(tensor((n, n + 2)), tensor((n + 2, n)))),
    "a length": lambda n, case: Outcome(value=[1.0] * n),
    "the name of an error": lambda n, case: Outcome(failure=Failure("raised", f"Error{n}", f"{n}", f"x = {n}")),
    "a rare error": lambda n, case: Outcome(failure=Failure("raised", sorted(RARE)[n % len(RARE)], "")),
    "a kind of object": lambda n, case: Outcome(value=Failure("refused", type=f"Kind{n}")),
    "changed arguments": lambda n, case: Outcome(value=1.0, mutated=(f"args.{n}", f"kwargs.n{n}")),
    "names in a dict": lambda n, case: Outcome(value={f"n{n}": 1.0}),
    "a text": lambda n, case: Outcome(value=f"n{n}"),
    "weights of other shapes": lambda n, case: state_of(dict.fromkeys(case.state or (), (n,))),
    "weights of other names": lambda n, case: state_of({f"n{i}": (n,) for i in range(n)}),
    "weights in no form": lambda n, case: Outcome(failure=Failure("state", line="[" * n)),
    "a blank": lambda n, case: Outcome(failure=Failure("unfinished", "NotImplementedError", f"Exercise 1.{n}")),
    "the text of an error": lambda n, case: Outcome(failure=Failure("raised", "RuntimeError", f"size mismatch {n}")),
    "a refusal": lambda n, case: Outcome(failure=Failure("refused", f"{n}", f"{n}")),
    "gradients at other names": lambda n, case: Outcome(value=1.0, gradients={f"args.{n}": np.zeros(n)}),
    "lines and calls": lambda n, case: Outcome(value=1.0, lines=n, held=n, called=(f"f{n}",)),
}
RARE = {"BrokenPipeError", "BufferError", "ChildProcessError", "ConnectionError", "EOFError", "FileExistsError"} | {
    f"{kind}Warning" for kind in ("Bytes", "Deprecation", "Future", "Import", "Pending", "Resource", "Runtime", "User")
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.question)
def test_hidden_messages_hold_no_number_of_the_workers(exercise: Exercise):
    for what, outcome_of in TELLING.items():
        for test in exercise.tests:
            one, other = (run_test(exercise, test, telling(outcome_of, n)).problem for n in SECRETS)
            assert one is not None, (what, test.name)
            assert one == _without_numbers(one, other), (what, test.name)


def telling(outcome_of: Any, n: int) -> Any:
    """A worker that answers every case with an outcome that holds `n`."""
    return lambda case: received(outcome_of(n, case), case)


def _without_numbers(one: Any, other: Any) -> Any:
    """`other` with the numbers of `one`, which only a check whose inputs are known may show."""
    kept = replace(other.difference, numbers=one.difference.numbers, right=one.difference.right)
    return replace(other, difference=kept)


def test_an_argument_that_was_changed_is_one_of_the_case(monkeypatch):
    case = Case(args=(np.zeros(2), {"a": np.zeros(2)}), kwargs={"mask": np.ones(2)})
    told = checked_outcome(Outcome(value=0.0, mutated=("kwargs.mask", "args.1.a", "kwargs.mask")), case)
    assert told.mutated == ("args.1.a", "kwargs.mask"), "in the order of the case, each once"
    difference = compare(Expected(0.0), told, case, (Output(dtype=""),))
    assert difference is not None
    assert difference.found == "argument 2 is different after the call"
    for path in ("args.7", "kwargs.n4711", "args.1.4711", "state.W"):
        with pytest.raises(BodyError):
            checked_outcome(Outcome(value=0.0, mutated=(path,)), case)


@pytest.mark.parametrize("count", ["count_lines", "count_held"])
def test_a_count_cannot_be_kept_back(count):
    with pytest.raises(BodyError):
        checked_outcome(Outcome(value=0.0), Case(**{count: True}))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((2, 3, 5), "(B, T, not d)"),
        ((2, 4, 3), "(B, d, T)"),
        ((2, 3), "(B, T)"),
        ((2, 3, 4, 1), "(B, T, d, ?)"),
        ((2, 3, 4, 7), "more axes"),
        ((2,), "fewer axes"),
        ((5, 6, 4), "other lengths of the axes"),
        ((2,) * 9, "more axes"),
    ],
)
def test_a_shape_is_spelled_out_when_it_is_one_step_from_the_right_one(found, words):
    case = Case(sizes={"B": 2, "T": 3, "d": 4})
    difference = compare(Expected(np.zeros((2, 3, 4))), Outcome(value=tensor(found)), case, (Output(),))
    assert difference is not None
    assert difference.found == words


# Numbers: none of them is an error of ours

NASTY: tuple[Any, ...] = (
    10**400,
    -(10**400),
    2**63,
    math.nan,
    -math.inf,
    True,
    None,
    "",
    (),
    [],
    {},
    [10**400],
    [10**400, 1.5],
    [2**63, -1],
    [[1.0], [2.0, 3.0]],
    ({"a": [10**400]}, (None, "x")),
    [np.zeros(2), np.zeros(3)],
    [tensor(()), 1.0],
    np.array(3 + 4j),
    np.full((2, 3), np.inf),
    np.zeros((0, 4)),
    np.zeros((1,) * 16),
    np.array([True, False]),
    np.array([2**64 - 1], np.uint64),
    tensor((3,), "bool"),
    tensor((2, 2), "complex64"),
    TensorValue(np.full((), 1e308), "float64"),
    TensorValue(np.full((4,), 60000, np.float16), "float16"),
    Failure("refused", type="object"),
)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.question)
def test_no_value_breaks_the_judging(exercise: Exercise):
    for value in NASTY:
        for sent in (value, (value, value)):
            outcome = Outcome(value=unpack(pack(sent, list_of_arrays(kept := [])), lambda i, *_: kept[i]))
            for test in exercise.tests:
                run_test(exercise, test, lambda case, outcome=outcome: received(_counting(outcome, case), case))


def list_of_arrays(kept: list[np.ndarray]) -> Any:
    """A `put` for the codec that keeps arrays in a list."""

    def put(array: np.ndarray) -> int:
        kept.append(array)
        return len(kept) - 1

    return put


def _counting(outcome: Outcome, case: Case) -> Outcome:
    return replace(outcome, lines=1 if case.count_lines else None, held=1 if case.count_held else None)


def test_values_are_compared_whatever_they_are():
    case = Case()
    for one in NASTY:
        for other in NASTY:
            assert close(one, other, case) in (True, False)


def test_an_int_beyond_every_float_is_a_wrong_answer_and_no_error():
    outcome = execute(lambda: 10**400, Case(framework="numpy"))
    assert outcome.value == math.inf
    difference = compare(Expected(3), outcome, Case(), (Output(dtype="python"),))
    assert difference is not None
    assert difference.kind == "values"
    for packed in (10**400, {"int": "-1" + "0" * 400}):
        assert abs(unpack(packed, lambda *_: np.zeros(0))) == math.inf
    assert unpack({"int": str(2**200)}, lambda *_: np.zeros(0)) == 2**200
    with pytest.raises(CodecError):
        unpack({"int": "1" * 5000}, lambda *_: np.zeros(0))


@pytest.mark.parametrize("size", [1e3, 1e12, 5e307])
def test_a_large_gradient_does_not_widen_its_own_tolerance(size):
    case = Case(args=(np.zeros(3),), gradient=True)
    right = Outcome(value=TensorValue(np.zeros(()), "float64"), gradients={"args.0": np.zeros(3)})
    wrong = Outcome(value=right.value, gradients={"args.0": np.array([size, 0.0, 0.0])})
    expected = Expected(np.float64(0.0), {"args.0": 0.0})
    assert compare(expected, right, case, (Output(),)) is None
    difference = compare(expected, wrong, case, (Output(),))
    assert difference is not None
    assert difference.kind == "gradient"


def test_a_gradient_has_the_shape_of_its_argument():
    case = Case(args=(np.zeros(3),), gradient=True)
    with pytest.raises(BodyError):
        checked_outcome(Outcome(value=0.0, gradients={"args.0": np.zeros(4)}), case)


# Right numbers in an unusual form


@pytest.mark.parametrize(
    "result",
    [
        np.array([1.0, 2.0, 3.0], dtype=">f8"),
        np.array([1.0, 2.0, 3.0])[::-1][::-1],
        np.asfortranarray(np.array([[1.0, 2.0], [3.0, 4.0]])).T.ravel()[:3] * 0 + [1.0, 2.0, 3.0],
        torch._neg_view(torch.tensor([-1.0, -2.0, -3.0], dtype=torch.float64)),
        torch.tensor([-1j, -2j, -3j], dtype=torch.complex128).conj().imag,
        torch.tensor([1.0, 9.0, 2.0, 9.0, 3.0], dtype=torch.float64)[::2],
    ],
    ids=["big-endian", "negative strides", "columns first", "negative bit", "conjugate", "strided"],
)
def test_right_numbers_are_right_in_every_form(result):
    kept: list[bytes] = []

    def put(array: np.ndarray) -> int:
        kept.append(array.tobytes())
        return len(kept) - 1

    packed = pack(to_value(result), put)
    value = unpack(packed, lambda i, dtype, shape: np.frombuffer(kept[i], dtype).reshape(shape))
    data = value.data if isinstance(value, TensorValue) else value
    assert data.tolist() == [1.0, 2.0, 3.0]
    raw = pack(np.array([1, 2], dtype=">i4"), put)
    assert np.frombuffer(kept[raw["array"]], raw["dtype"]).tolist() == [1, 2]


# Callbacks are answered on the grader's side


@dataclass(frozen=True)
class Noted(Callback):
    """Answers with its first argument, and fails when it is called at all if `refuses`."""

    refuses: bool = False

    def __call__(self, *args: Any) -> Any:
        assert not self.refuses, "it was called"
        return args[0]


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((2**31, 0)),),
        (np.zeros((0, 2**20 + 1)),),
        (np.zeros(2000), np.zeros(2000)),
        (TensorValue(np.zeros((2**21,), np.int8), "int8"),),
        ([np.zeros((2**15, 0))] * 40,),
    ],
    ids=["an empty giant", "another", "a product", "one large", "many in a list"],
)
def test_a_callback_is_not_asked_for_more_than_a_test_needs(arguments):
    asked = session._Asked([Noted(refuses=True)])
    frame = session._answer_callback({"id": 0, "args": arguments}, "t", asked)
    assert frame.kind == "raised"
    assert "not made for inputs of this size" in frame.body["message"]
    assert asked.calls == []


def test_all_calls_of_a_callback_together_are_bounded(monkeypatch):
    monkeypatch.setattr(session, "MAX_CALLBACK_NUMBERS", 1000)
    asked = session._Asked([Noted()])
    kinds = [session._answer_callback({"id": 0, "args": (np.zeros(300),)}, "t", asked).kind for _ in range(5)]
    assert kinds == ["answer"] * 3 + ["raised"] * 2
