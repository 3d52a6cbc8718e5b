"""2.8 the worksheet: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections import UserDict
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb02_keys_queries_values.softmax_family import softmax_plain
from autograder.judging.declare import Exercise, Mistake, Test, Variant
from autograder.reference import nb02 as reference

ROUNDED = 0.006


def sheet(name: str, verify: str = "") -> Case:
    return Case(function=name, value=True, verify=verify, tolerance=ROUNDED)


def on_paper(weigh: Any = None, scale: float = 1.0, values: Any = None) -> dict[str, Any]:
    """The three answers of somebody who works the sheet with one thing wrong."""
    scores = reference.WORKSHEET_KEYS @ reference.WORKSHEET_QUERY / scale
    weights = (weigh or softmax_plain)(scores)
    output = weights @ (reference.WORKSHEET_VALUES if values is None else values)
    names = ("worksheet_scores", "worksheet_weights", "worksheet_output")
    return {name: np.round(answer, 3).tolist() for name, answer in zip(names, (scores, weights, output), strict=True)}


class AsTensors(UserDict[str, Any]):
    """Answers that are made tensors when somebody asks for them: the exercise is declared without torch."""

    def __getitem__(self, name: str) -> Any:
        return torch.tensor(super().__getitem__(name))


EXERCISE = Exercise(
    number="2.8",
    title="the worksheet",
    names=("worksheet_scores", "worksheet_weights", "worksheet_output"),
    minutes=10,
    reference={
        "worksheet_scores": reference.worksheet_scores,
        "worksheet_weights": reference.worksheet_weights,
        "worksheet_output": reference.worksheet_output,
    },
    outputs_by_name={
        "worksheet_scores": (Output("scores", ("S",)),),
        "worksheet_weights": (Output("weights", ("S",), properties=("not negative", "rows sum to 1")),),
        "worksheet_output": (Output("numbers of the output", ("d_v",)),),
    },
    public=lambda rng: [sheet(name, "looks complete") for name in ("worksheet_scores", "worksheet_weights", "worksheet_output")],
    tests=(
        Test("scores", "each score is the dot product of the query with one key", lambda rng: [sheet("worksheet_scores")]),
        Test("weights", "the weights are the softmax of the scores, to two decimals", lambda rng: [sheet("worksheet_weights")]),
        Test("output", "the output is the average of the values under the weights", lambda rng: [sheet("worksheet_output")]),
    ),
    mistakes=(
        Mistake(
            "scaled-already", "scores divided by √2", "Attention always divides by √d_k.", "Scaling comes in notebook 3.", "the first line of the sheet",
            code=on_paper(scale=math.sqrt(2)),
        ),
        Mistake(
            "shares-without-exponential", "scores divided by their sum", "Weights are shares.", "e to the score, then divide.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: scores / scores.sum()),
        ),
        Mistake(
            "hard-choice", "all the weight on the best key", "The best match wins.", "A soft look-up gives every key something.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: np.eye(3)[int(np.argmax(scores))]),
        ),
        Mistake(
            "base-two", "2 to the score instead of e to the score", "Any base will do.", "The softmax uses e ≈ 2.718.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: 2.0**scores / (2.0**scores).sum()),
        ),
        Mistake(
            "averages-the-keys", "the keys averaged instead of the values", "The weights belong to the keys.", "What is handed over is the value.", "the third line of the sheet",
            code=on_paper(values=reference.WORKSHEET_KEYS),
        ),
        Mistake(
            "divided-by-two", "scores divided by d_k = 2", "A mean product is a fair score.",
            "Scaling comes in notebook 3.", "the first line of the sheet", code=on_paper(scale=2.0),
        ),
        Mistake(
            "plain-mean", "equal weights for all tokens", "Three tokens, a third each.",
            "Does the query match all keys equally well?", "the second line of the sheet", code=on_paper(weigh=lambda scores: np.full(3, 1 / 3)),
        ),
    ),
    variants=(
        Variant("lists to three decimals", on_paper()),
        Variant("arrays", {name: np.array(answer) for name, answer in on_paper().items()}),
        Variant("tensors", AsTensors(on_paper())),
        Variant("two decimals", {name: tuple(np.round(answer, 2).tolist()) for name, answer in on_paper().items()}),
    ),
)
