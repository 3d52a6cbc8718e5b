"""How a wrong answer differs: every relation is stated where it holds, and not where it does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnkit.checking import Case, Failure, Outcome, TensorValue
from attnkit.checking.compare import Expected, Output, compare, direction
from attnkit.checking.relations import Step, explain

RNG = np.random.default_rng(0)
PLAIN = (Output("output", ("T", "d")),)
BOTH = (Output("output", ("B", "T", "d_v")), Output("weights", ("B", "T", "S")))
SIZES = ((4, 3), (5, 6), (3, 4))


def softmax(x, axis=-1):
    shares = np.exp(x - x.max(axis, keepdims=True))
    return shares / shares.sum(axis, keepdims=True)


def step(right, found, outputs=PLAIN, **options):
    case = Case(**{"args": (), **options})
    expected = Expected(right)
    if isinstance(found, Failure):
        outcome = Outcome(failure=found)
    else:
        outcome = Outcome(value=tuple(map(tensor, found)) if isinstance(found, tuple) else tensor(found))
    return Step(case, expected, outcome, outputs, compare(expected, outcome, case, outputs))


def tensor(value):
    return TensorValue(value, value.dtype.name) if isinstance(value, np.ndarray) else value


def plain_cases(change, draw=lambda n, d: RNG.standard_normal((n, d)), **options):
    """Three cases of different sizes in which `change(right)` came back."""
    rights = [draw(n, d) for n, d in SIZES]
    return [
        step(right, change(right), sizes={"T": n, "d": d}, **options)
        for right, (n, d) in zip(rights, SIZES, strict=True)
    ]


def says(steps):
    relation = explain(steps)
    return relation.says if relation else ""


def one_wrong(x, *place):
    x = x.copy()
    x[place] += 1
    return x


SIMPLE = {
    "the right numbers times √d": lambda x: x * np.sqrt(x.shape[1]),
    "the right numbers times 1/√d": lambda x: x / np.sqrt(x.shape[1]),
    "the right numbers times T": lambda x: x * len(x),
    "the right numbers times ln 2": lambda x: x * np.log(2),
    "minus the right numbers": lambda x: -x,
    "the right numbers times a factor, the same for all numbers of a call": lambda x: x * (1.2345 + x[0, 0] ** 2),
    "the right numbers plus a constant": lambda x: x + 0.3217,
    "the right numbers the absolute values of": None,
    "the exponentials of the right numbers": np.exp,
    "the tanh of the right numbers": np.tanh,
    "the squares of the right numbers": np.square,
    "1 minus each of the right numbers": lambda x: 1 - x,
    "the right numbers rounded to 1 decimal": lambda x: np.round(x, 1),
    "the right numbers rounded to whole ones": np.round,
    "the right numbers after a softmax over d": softmax,
    "the right numbers less their mean over d": lambda x: x - x.mean(1, keepdims=True),
    "the right numbers summed up step by step along T": lambda x: np.cumsum(x, 0),
    "0 everywhere": np.zeros_like,
    "1 everywhere": np.ones_like,
    "NaN everywhere": lambda x: np.full_like(x, np.nan),
    "the right numbers in reversed order along T": lambda x: x[::-1],
    "the right numbers in reversed order along d": lambda x: x[:, ::-1],
    "the right numbers one place too late along T": lambda x: np.concatenate([np.zeros_like(x[:1]), x[:-1]]),
    "the right numbers one place too early along T": lambda x: np.concatenate([x[1:], np.zeros_like(x[:1])]),
    "the right numbers moved by one towards the end of T, the last one now first": lambda x: np.roll(x, 1, 0),
    "the first right answer along T, for every place along T": lambda x: np.repeat(x[:1], len(x), 0),
    "the mean over T in every place along T": lambda x: np.repeat(x.mean(0, keepdims=True), len(x), 0),
    "the right numbers with the axes T and d swapped (a transpose)": lambda x: x.T,
    "the right numbers with an axis of length 1 too many": lambda x: x[None],
    "the right numbers in another shape": lambda x: x.ravel(),
    "the sum of the right numbers over T": lambda x: x.sum(0),
    "the right numbers, one too short along T, at the end": lambda x: x[:-1],
    "the right numbers, one too short along T, at the front": lambda x: x[1:],
    "the right numbers, one too long along T, at the end": lambda x: np.concatenate([x, x[:1] + 1]),
    "only the last along T": lambda x: x[-1],
    "the right numbers read in another order: a reshape where axes have to be moved": lambda x: x.T.reshape(x.shape),
    "the right numbers with the axes T and d swapped (a transpose), and times 2": None,
    "right everywhere but in the first place along T": lambda x: np.concatenate(
        [x[:1] + np.array([[1.0, 2, 5, 4, 8, 3]])[:, : x.shape[1]], x[1:]]
    ),
    "right everywhere but in the last place along T, where it gives 0": lambda x: np.concatenate([x[:-1], 0 * x[:1]]),
    "right in the first place along T alone": lambda x: np.concatenate([x[:1], np.sin(7 * x[1:] + 1)]),
    "right to about seven digits: something is computed in float32": lambda x: (
        x.astype(np.float32).astype(np.float64) * (1 + 1.2e-6 * np.sin(9 * x))
    ),
    "the right numbers in another type": lambda x: x.astype(np.float32),
    "the right numbers, each row times a factor of its own": lambda x: (
        x * np.abs(np.sin(1 + np.arange(len(x)) ** 2))[:, None] if x.shape[1] > 2 else x
    ),
    "the right numbers in another order along T": lambda x: x[[1, 2, 0, *range(len(x) - 1, 2, -1)]],
}
SIMPLE = {text: change for text, change in SIMPLE.items() if change}


@pytest.mark.parametrize("text", SIMPLE)
def test_a_relation_is_stated_where_it_holds(text):
    assert says(plain_cases(SIMPLE[text])) == text


@pytest.mark.parametrize("text", SIMPLE)
def test_a_relation_is_not_stated_where_one_case_contradicts_it(text):
    steps = plain_cases(SIMPLE[text])
    right = RNG.standard_normal((4, 7))
    other = step(right, np.sin(9 * right + 2), sizes={"T": 4, "d": 7})
    assert not says([*steps, other]).startswith(text)


@pytest.mark.parametrize("text", SIMPLE)
def test_a_relation_is_not_stated_for_one_number_more(text):
    def spoilt(x):
        found = np.array(SIMPLE[text](x), dtype=np.float64)
        found.flat[[0, -1]] = 3.21, 4.32
        return found

    assert says(plain_cases(spoilt)) != text


def test_an_order_of_one_place_is_no_evidence():
    steps = []
    for B, S in ((2, 3), (3, 4), (4, 3)):
        right = RNG.random((B, 1, S)) > 0.5
        right[0, 0, :2] = True, False
        steps.append(step(right, right ^ (np.arange(S) == 0), (Output("mask", ("B", "1", "S"), dtype="bool"),)))
    assert "one place too" not in says(steps)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_random_numbers_stand_in_no_relation(seed):
    rng = np.random.default_rng(seed)
    relation = explain(plain_cases(lambda x: rng.standard_normal(x.shape), lambda n, d: rng.standard_normal((n, d))))
    assert relation is None or not relation.telling


def test_a_factor_that_sizes_do_not_explain_in_every_case_is_not_named_after_them():
    steps = plain_cases(lambda x: x * 2.0)  # 2 = √4 = √T in the first case only
    assert says(steps) == "the right numbers times 2"


def attention_cases(change, T=4, sizes=((2, 4, 4), (3, 4, 5), (2, 3, 3))):
    steps = []
    for B, rows, S in sizes:
        scores, V = RNG.standard_normal((B, rows, S)), RNG.standard_normal((B, S, 6))
        mask = RNG.random((B, rows, S)) > 0.4
        mask[:, :, 0], mask[0, 1] = True, False
        weights = np.where(mask.any(-1, keepdims=True), softmax(np.where(mask, scores, -1e9)), 0.0)
        right = (weights @ V, weights)
        found = change(right, scores, V, mask)
        named = {"B": B, "T": rows, "S": S, "d_v": 6, "d_k": 9}
        steps.append(step(right, found, BOTH, args=(mask,), sizes=named))
    return steps


def uniform_where_empty(right, scores, V, mask):
    weights = softmax(np.where(mask, scores, -1e9))
    return weights @ V, weights


def nan_where_empty(right, scores, V, mask):
    with np.errstate(all="ignore"):
        weights = softmax(np.where(mask, scores, -np.inf))
    return weights @ V, weights


ATTENTION = {
    "the right results in another order: weights, output": lambda right, scores, V, mask: right[::-1],
    "the right output alone, without the rest": lambda right, scores, V, mask: right[0],
    "the right weights alone, without the rest": lambda right, scores, V, mask: right[1],
    "the right results and more behind them": lambda right, scores, V, mask: (*right, scores),
    "the weights are right, and the output: the right numbers times 1/S": lambda right, scores, V, mask: (
        right[0] / scores.shape[-1],
        right[1],
    ),
    "the output is right, and the weights: the right weights as if everything were allowed "
    "in the rows where argument 1 is False throughout": lambda right, scores, V, mask: (
        right[0],
        uniform_where_empty(right, scores, V, mask)[1],
    ),
    "the output: right everywhere but in the rows where argument 1 is False throughout": uniform_where_empty,
    "the output: right everywhere but in the rows where argument 1 is False throughout, where it gives NaN": nan_where_empty,
    "the output is right, and the weights: the right weights as if everything were allowed where argument 1 is False": None,
    "the output: the answer to the first example for every example of the batch": lambda right, scores, V, mask: tuple(
        np.repeat(x[:1], len(x), 0) for x in right
    ),
    "the weights are right, and the output: right in the first example of the batch alone": lambda right, scores, V, mask: (
        np.concatenate([right[0][:1], np.sin(9 * right[0][1:] + 1)]),
        right[1],
    ),
}
ATTENTION = {text: change for text, change in ATTENTION.items() if change}


@pytest.mark.parametrize("text", ATTENTION)
def test_relations_of_results_rows_and_examples(text):
    assert says(attention_cases(ATTENTION[text])) == text


def weight_cases(change):
    steps = []
    for T, S, d in ((4, 5, 3), (3, 6, 5), (5, 4, 7)):
        scores = RNG.standard_normal((T, S))
        steps.append(
            step(softmax(scores), change(scores, d), (Output("weights", ("T", "S")),), sizes={"T": T, "S": S, "d_k": d})
        )
    return steps


WEIGHTS = {
    "the softmax of the right scores times √d_k": lambda scores, d: softmax(scores * np.sqrt(d)),
    "the softmax of the right scores times 1/d_k": lambda scores, d: softmax(scores / d),
    "the softmax of the right scores times −1": lambda scores, d: softmax(-scores),
    "the softmax of the right scores times a factor above 1: weights too sharp": lambda scores, d: softmax(
        scores * (1.7 + scores[0, 0] ** 2)
    ),
    "weights that sum to 1 over T and not over S": lambda scores, d: softmax(scores, 0),
    "the right weights but for their sum: the rows do not sum to 1": lambda scores, d: (
        softmax(scores) * (2 + np.sin(np.arange(len(scores)) ** 2))[:, None]
    ),
    "the last step missing: after a softmax over S, these are the right numbers": lambda scores, d: scores,
    "the right weights as if nothing were allowed above the diagonal (S after T)": lambda scores, d: softmax(
        np.where(np.tri(*scores.shape) > 0, scores, -1e9)
    ),
}


@pytest.mark.parametrize("text", WEIGHTS)
def test_relations_of_weights(text):
    assert says(weight_cases(WEIGHTS[text])) == text


@pytest.mark.parametrize(
    ("text", "slopes", "gradients"),
    [
        ("no gradient arrives at argument 2 alone", (1, 1), (1, None)),
        ("no gradient arrives at any argument", (1, 1), (None, None)),
        ("another gradient arrives at argument 1 alone", (1, 1), (3, 1)),
        ("another gradient everywhere: minus the right one", (1, 2), (-1, -2)),
        ("missing at some arguments and wrong at others", (1, 1), (None, 2)),
    ],
)
def test_gradients_are_missing_or_wrong_where_it_is_said(text, slopes, gradients):
    value = np.array([1.0, 2.0, 3.0])
    unit = direction((3,)) / (direction((3,)) ** 2).sum()
    steps = []
    for scale in (1.0, 2.0):
        case = Case(args=(value, value), gradient=True)
        expected = Expected(value, {f"args.{i}": scale * slope for i, slope in enumerate(slopes)})
        found = {f"args.{i}": None if g is None else scale * g * unit for i, g in enumerate(gradients)}
        outcome = Outcome(value=tensor(value), gradients=found)
        steps.append(Step(case, expected, outcome, PLAIN, compare(expected, outcome, case, PLAIN)))
    assert text in says(steps)
    assert says(steps).startswith("the right numbers, but ")


def test_what_the_wrong_cases_have_in_common_is_told():
    steps = []
    for T, S in ((3, 3), (4, 4), (3, 5), (4, 6)):
        right = RNG.standard_normal((T, S))
        steps.append(
            step(right, np.sin(9 * right) if T == S else right, (Output("scores", ("T", "S")),), sizes={"T": T, "S": S})
        )
    assert says(steps).startswith("wrong where T = S, and right in all other cases")


@pytest.mark.parametrize(
    ("text", "change"),
    {
        "the right numbers times 1/V": lambda x, V: x / V,
        "the right numbers times ln 2": lambda x, V: x * np.log(2),
        "minus the right numbers": lambda x, V: -x,
        "1 too much everywhere": lambda x, V: x + 1,
        "the squares of the right numbers": lambda x, V: x * x,
    }.items(),
)
def test_relations_of_single_numbers_need_several_of_them(text, change):
    made = [(RNG.random() + 1.5, V) for V in (4, 7, 5)]
    steps = [step(np.asarray(x), np.asarray(change(x, V)), (Output("cost", ()),), sizes={"V": V}) for x, V in made]
    assert says(steps) == text
    assert says(steps[:1]) != text


def test_wrong_single_numbers_are_told_to_be_too_small_where_all_are():
    made = [(2.0, 1.1), (3.0, 2.6), (5.0, 4.9), (7.0, 1.3)]
    steps = [step(np.asarray(x), np.asarray(y), (Output("cost", ()),)) for x, y in made]
    assert "every wrong number is too small" in says(steps)
    assert "too small" not in says([*steps, step(np.asarray(1.0), np.asarray(1.7), (Output("cost", ()),))])
    assert "too small" not in says(steps[:2])


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"encode"}, "wrong in calls of `encode`"),
        ({"encode", None}, "wrong in all calls but those of `decode` alone"),
    ],
)
def test_a_method_that_all_wrong_calls_go_through_is_told(wrong, text):
    steps = []
    for method in ("encode", "decode", None, "decode", "encode"):
        right = RNG.standard_normal((4, 3))
        steps.append(step(right, np.sin(9 * right) if method in wrong else right, method=method))
    assert says(steps).startswith(text + ", and right in all other cases")


def test_that_only_the_largest_numbers_go_wrong_is_told():
    def steps_of(*sizes):
        made = []
        for size in sizes:
            right = RNG.standard_normal((4, 3))
            wrong = size > 500
            made.append(step(right, np.sin(9 * right) if wrong else right, args=(np.array([30.0 * size, 25.0]),)))
        return made

    assert says(steps_of(1, 700, 3, 900)).startswith("wrong for the largest numbers, and right in all other cases")
    assert "largest numbers" not in says(steps_of(1, 501, 3, 499))


def test_errors_in_some_cases_are_told_by_what_those_have_in_common():
    steps = []
    for T in (1, 3, 4):
        right = RNG.standard_normal((T, 2))
        steps.append(
            step(right, Failure("raised", "IndexError", "out of range") if T == 1 else right, sizes={"T": T, "d": 2})
        )
    assert says(steps) == "an error where T = 1, and right in all other cases"


@pytest.mark.parametrize("kind", ["unfinished", "missing", "timeout", "died", "state"])
def test_what_gave_no_answer_stands_in_no_relation(kind):
    right = RNG.standard_normal((3, 2))
    assert explain([step(right, Failure(kind)), step(right, right * 2)]) is None


def test_right_answers_stand_in_no_relation():
    assert explain(plain_cases(lambda x: x)) is None


def test_a_sentence_holds_no_number_of_the_case():
    for change in (*SIMPLE.values(), lambda x: x * 0.123456, lambda x: x + 0.987654):
        relation = explain(plain_cases(change))
        assert relation is None or not any(text in relation.says + relation.hint for text in ("123", "987", "0."))
