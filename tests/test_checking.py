"""The checking core: running a case, finding the first difference, wording it, writing it down."""

import contextlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnkit.checking import Case, CheckFailed, Failure, Outcome, Remote, Report, Seed, TensorValue, codec, execute
from attnkit.checking.compare import Expected, Output, close, compare, direction
from attnkit.checking.execute import cotangent
from attnkit.checking.probes import NextTokenTable

OUTPUTS = (Output("weights", ("T", "S"), properties=("rows sum to 1",)),)


def difference(function, expected, case, outputs=OUTPUTS):
    return compare(Expected(expected), execute(function, case), case, outputs)


def test_a_right_answer_has_no_difference():
    case = Case(args=(np.ones((2, 3)),))
    assert difference(lambda x: x / 3, np.ones((2, 3)) / 3, case) is None


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: x.float(), "dtype"),
        (lambda x: x.T, "shape"),
        (lambda x: x / 0 - x / 0, "finite"),
        (lambda x: x + 1, "property"),
        (lambda x: x.roll(1, 1), "values"),
        (lambda x: x.numpy(), "type"),
        (lambda x: (x, x), "type"),
        (lambda x: x.mul_(1.5).div(1.5), "mutated"),
        (lambda x: 1 / 0, "raised"),
        (lambda x: (_ for _ in ()).throw(NotImplementedError("Exercise 0.0")), "unfinished"),
        (lambda: 1, "raised"),
    ],
)
def test_each_wrong_answer_is_called_what_it_is(function, kind):
    x = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    found = difference(function, x, Case(args=(x,), sizes={"T": 2, "S": 3}))
    assert found is not None
    assert found.kind == kind


def test_an_error_of_the_learner_never_escapes():
    for error in (ValueError, SystemExit, RecursionError):

        def fails(x, error=error):
            raise error("no")

        assert execute(fails, Case(args=(np.ones(2),))).failure.type == error.__name__


def test_a_poisoned_message_is_survived():
    class Poisoned(Exception):
        def __str__(self):
            raise RuntimeError("again")

    def fails(x):
        raise Poisoned

    assert execute(fails, Case(args=(np.ones(2),))).failure.message == "(its message could not be read)"


def test_hidden_wording_holds_no_numbers_of_the_case():
    x = np.array([[0.123456, 0.876544]])
    for function in (lambda x: x * 2, lambda x: x + torch.nan, lambda x: x.roll(1, 1)):
        found = difference(function, x, Case(args=(x,), sizes={"T": 1, "S": 2}))
        assert "0.123" not in found.expected + found.found
        assert "0.876" not in found.expected + found.found


def test_a_type_name_of_the_learners_own_is_not_repeated():
    leak = type("secret_0_123", (Exception,), {})

    def fails(x):
        raise leak("secret")

    x = np.ones((1, 2))
    found = difference(fails, x, Case(args=(x,)))
    assert "secret" not in found.expected + found.found


def test_gradients_are_compared_along_a_direction():
    case = Case(args=(np.array([1.0, 2.0]),), gradient=True)
    slope = float((2 * case.args[0] * cotangent((2,)) * direction((2,))).sum())
    expected = Expected(case.args[0] ** 2, {"args.0": slope})
    outputs = (Output("squares"),)
    assert compare(expected, execute(lambda x: x * x, case), case, outputs) is None
    detached = compare(expected, execute(lambda x: (x * x).detach(), case), case, outputs)
    assert detached.problem == "no gradient arrives"
    doubled = compare(expected, execute(lambda x: x * x.detach() * 1.0, case), case, outputs)
    assert doubled.problem == "the gradient is wrong"


def test_a_module_with_other_parameter_names_is_told_so():
    class Other(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.weights = torch.nn.Linear(width, width, bias=False)

        def forward(self, x):
            return self.weights(x)

    case = Case(args=(np.ones((1, 2)),), init=(2,), state={"W.weight": np.eye(2)})
    failure = execute(Other, case).failure
    assert failure.kind == "state"
    assert "missing W.weight" in failure.message
    assert "weights.weight" in failure.message


def test_loops_are_counted_and_shortcuts_are_seen():
    def looped(x):
        return sum(row for row in x)

    lines = [execute(looped, Case(args=(np.ones((n, 2)),), count_lines=True)).lines for n in (2, 40)]
    assert lines[1] - lines[0] >= 38
    straight = [execute(lambda x: x.sum(0), Case(args=(np.ones((n, 2)),), count_lines=True)).lines for n in (2, 40)]
    assert straight[0] == straight[1]
    watched = Case(args=(np.ones((1, 2, 2)),), watch=("scaled_dot_product_attention",))
    attention = torch.nn.functional.scaled_dot_product_attention
    assert execute(lambda x: attention(x, x, x), watched).called
    assert not execute(lambda x: x @ x, watched).called


def test_what_a_call_left_behind_is_seen_where_calls_come_before():
    class Remembers(torch.nn.Module):
        first = None

        def forward(self, x):
            self.first = x if self.first is None else self.first
            return self.first

    alone = Case(init=(), args=(np.ones(2),))
    after = Case(init=(), args=(np.ones(2),), earlier=(Case(args=(np.zeros(3),)),))
    wide = (Output("x", ("d",)),)
    assert difference(Remembers, np.ones(2), alone, wide) is None
    assert difference(Remembers, np.ones(2), after, wide).kind == "shape"


def test_a_module_is_run_in_training_where_the_case_says_so():
    evaluated, trained = (Case(init=(0.999,), args=(np.ones(400),), training=training) for training in (False, True))
    wide = (Output("x", ("d",)),)
    assert difference(torch.nn.Dropout, np.ones(400), evaluated, wide) is None
    assert difference(torch.nn.Dropout, np.ones(400), trained, wide).kind == "values"


@pytest.mark.parametrize(
    ("value", "whole"), [(96, True), (np.int64(96), True), (torch.tensor(96), True), (96.0, False)]
)
def test_a_whole_number_is_asked_for_by_its_kind(value, whole):
    found = difference(lambda: value, 96, Case(), (Output("bytes", (), dtype="whole"),))
    assert (found is None) == whole


def test_the_parts_of_a_result_are_called_by_their_names():
    cache = Output("cache", parts=(Output("K", ("B", "n+1")), Output("V", ("n+1",))))
    right = (np.ones((2, 3)), np.ones(3))  # the shape (n+1,) of one axis has its comma
    case = Case(args=(np.ones(3),), sizes={"B": 2, "n": 2, "n+1": 3})
    found = difference(lambda x: (x.expand(2, 3), x[:2]), (right,), case, (cache,))
    assert found.kind == "structure"
    found = difference(lambda x: ((x.expand(2, 3), x[:2]),), (right,), case, (cache,))
    assert (found.problem, found.expected, found.found) == ("the V has the wrong shape", "(n+1,)", "(not n+1,)")


def test_a_model_that_is_called_without_gradients_gets_none():
    case = Case(args=(NextTokenTable(*np.ones((3, 4, 4))), np.ones((1, 2), dtype=int)), gradient=True)

    def with_gradients(model, ids):
        return model(ids, ids).sum()

    expected = Expected(np.array(32.0))
    one = (Output("loss"),)
    assert compare(expected, execute(with_gradients, case), case, one) is None
    for function in (torch.no_grad()(with_gradients), lambda model, ids: with_gradients(model, ids).detach()):
        found = compare(expected, execute(function, case), case, one)
        assert found is not None
        assert found.kind == "gradient"


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda z, generator: torch.randint(4, (len(z),), generator=generator), None),
        (lambda z, generator: torch.randint(4, (len(z),)), "the same seed gives other tokens"),
        (lambda z, generator: torch.arange(len(z)) % 4, "another seed gives the same tokens"),
        (lambda z, generator: z.argmax(-1), "the same token in every row"),
        (lambda z, generator: torch.randint(2, (len(z),), generator=generator), "some tokens far more often"),
    ],
)
def test_draws_are_judged_without_their_numbers(draw, says):
    z = np.zeros((300, 4))
    earlier = tuple(Case(args=(z,), kwargs={"generator": Seed(seed)}) for seed in (5, 6))
    case = Case(args=(z,), kwargs={"generator": Seed(5)}, verify="drawn evenly", earlier=earlier)
    found = difference(draw, np.zeros(300, dtype=int), case, (Output("tokens", ("B",), dtype="int64"),))
    assert (found and found.found) == says


def test_a_remote_object_takes_part_in_nothing():
    class Far(Remote):
        name = "far"

        def run(self, case):
            return Outcome(value=1.0)

    far = Far()
    for attempt in (lambda: far == 1, lambda: bool(far), lambda: np.asarray(far), lambda: torch.add(far, 1)):
        with pytest.raises(TypeError):
            attempt()
    assert execute(far, Case()).value == 1.0


def test_the_message_reads_as_in_the_style_guide():
    report = Report(
        "2.3 attention", "the weights are wrong", expected="every row sums to 1", found="row 0 sums to 2.71"
    )
    assert str(CheckFailed(report)) == (
        "Exercise 2.3 attention: the weights are wrong\n  expected   every row sums to 1\n  found      row 0 sums to 2.71"
    )


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.lists(st.floats(-10, 10), max_size=4).map(np.array)
    | st.lists(st.floats(-10, 10, width=32), max_size=4).map(lambda x: TensorValue(np.array(x, np.float32), "float32"))
    | st.integers(0, 99).map(Seed),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_what_is_written_down_comes_back(value):
    back = codec.loads(codec.dumps(value))
    assert codec.dumps(back) == codec.dumps(value)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["tuple", "dict", "array", "dtype", "shape", "int", "float", "record", "callback", "fields", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_anything_else_is_refused_with_one_error(packed):
    with contextlib.suppress(codec.CodecError):
        codec.loads(json.dumps(packed))


def test_values_are_close_in_structure_and_number():
    case = Case()
    assert close((1.0, np.ones(2)), (1.0, TensorValue(np.ones(2), "float64")), case)
    assert not close((1.0, np.ones(2)), (1.0, np.ones(3)), case)
    assert not close(1.0, Failure("unfinished"), case)
    assert not close(None, 1.0, case)


def test_the_public_check_shows_numbers_only_to_its_own_process():
    from attnkit.checking import check

    def leaks(z, axis=-1):
        raise RuntimeError("hidden 0.123")

    class Far(Remote):
        name = "softmax"

        def run(self, case):
            return execute(leaks, case)

    with pytest.raises(CheckFailed, match=r"hidden 0\.123"):
        check("q2_1", {"softmax": leaks})
    with pytest.raises(CheckFailed) as failed:
        check("q2_1", {"softmax": Far()})
    assert "hidden" not in str(failed.value)


def test_infinity_is_near_to_infinity_alone():
    case = Case()
    assert not close(np.array([-np.inf, 1.0]), np.array([-3.0, 1.0]), case)
    assert not close(np.array([-3.0, 1.0]), np.array([-np.inf, 1.0]), case)
    assert close(np.array([-np.inf, 1.0]), np.array([-np.inf, 1.0]), case)
