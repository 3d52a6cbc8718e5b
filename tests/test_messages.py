"""The words of a difference: never the same line twice, axes under their own names, one thing in the singular."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attnkit.checking import Case, Outcome, TensorValue, execute
from attnkit.checking.compare import Expected, Output, compare

SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)
NUMBERS = st.floats(-1e3, 1e3, allow_nan=False) | st.sampled_from([np.nan, np.inf, 1.0, 1.0 + 1e-5])


def found_in(value):
    return TensorValue(value, "float64") if isinstance(value, np.ndarray) else value


@settings(max_examples=400, deadline=None)
@given(
    arrays.arrays(np.float64, SHAPES, elements=st.floats(-1e3, 1e3)),
    arrays.arrays(np.float64, SHAPES, elements=NUMBERS)
    | st.none()
    | st.text(max_size=3)
    | st.lists(st.integers(0, 3), max_size=3),
    st.permutations(["B", "T", "S", "d"]),
)
def test_expected_and_found_are_never_the_same_words(one, other, names):
    case = Case(args=(one,), sizes=dict(zip(names, (2, 2, 3, 4), strict=True)))
    for axes in ((), tuple(names[: one.ndim]), ("...", "d")):
        difference = compare(Expected(one), Outcome(value=found_in(other)), case, (Output("result", axes),))
        if difference is not None:
            assert difference.expected != difference.found
            assert (difference.right or difference.expected) != (difference.numbers or difference.found)


@pytest.mark.parametrize(("one", "other"), [([1, 2], [1, 3]), ("ab", "ba"), ({"a": 1}, {"a": 2})])
def test_two_values_of_one_kind_are_told_apart(one, other):
    difference = compare(Expected(one), Outcome(value=other), Case(), (Output("tokens"),))
    assert difference.expected != difference.found
    assert difference.right != difference.numbers


def test_an_axis_of_the_right_length_bears_its_right_name():
    case = Case(args=(np.ones((3, 5)),), sizes={"B": 3, "T": 5, "S": 3})
    difference = compare(
        Expected(np.ones((3, 5))),
        Outcome(value=TensorValue(np.ones((3, 4)), "float64")),
        case,
        (Output("mask", ("S", "T")),),
    )
    assert (difference.expected, difference.found) == ("(S, T)", "(S, not T)")


@pytest.mark.parametrize(
    ("name", "verb"), [("bias", "is"), ("loss", "is"), ("weights", "are"), ("output", "is"), ("logits", "are")]
)
def test_one_thing_is_and_several_are(name, verb):
    difference = compare(
        Expected(np.ones(3)), Outcome(value=TensorValue(np.arange(3.0), "float64")), Case(), (Output(name),)
    )
    assert difference.problem == f"the {name} {verb} wrong"


class Projections(torch.nn.Module):
    def __init__(self, width, bias, name="W_q"):
        super().__init__()
        self.add_module(name, torch.nn.Linear(width, width + 1, bias=bias))

    def forward(self, x):
        return self.W_q(x)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda width: Projections(width, True), "W_q.bias as well"),
        (lambda width: Projections(width, False, "leak_0_123"), "no W_q.weight; other names"),
        (lambda width: Projections(width + 1, False), "W_q.weight in another shape (it must be (3, 2))"),
    ],
)
def test_weights_that_cannot_be_loaded_are_listed_in_hidden_tests_too(module, words):
    case = Case(args=(np.ones((1, 2)),), init=(2,), state={"W_q.weight": np.ones((3, 2))})
    difference = compare(Expected(np.ones((1, 3))), execute(module, case), case, (Output("output"),))
    assert difference.found == words


def test_the_found_names_cannot_carry_data():
    case = Case(args=(np.ones((1, 2)),), init=(2,), state={"W_q.weight": np.ones((3, 2))})
    difference = compare(
        Expected(np.ones((1, 3))),
        execute(lambda width: Projections(width, False, "leak_0_123"), case),
        case,
        (Output("output"),),
    )
    assert "leak" not in difference.expected + difference.found
