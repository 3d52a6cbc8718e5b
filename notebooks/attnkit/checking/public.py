"""The check a learner runs in the notebook: it compares with stored numbers and names a known mistake from numbers alone.

The numbers of one question are a JSON file made by the build: inputs, right outputs, and what each known mistake gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import attnkit.checking.probes  # noqa: F401  (registers the callbacks that stored cases are made of)
from attnkit.checking import codec
from attnkit.checking.ambient import same_randomness
from attnkit.checking.case import Case, Failure, Outcome, Remote
from attnkit.checking.compare import Difference, close, compare, compare_watched
from attnkit.checking.execute import execute
from attnkit.checking.message import CheckFailed, Report

NUMBERS = Path(__file__).parent / "numbers"


def check(question: str, environment: Any) -> None:
    """Compare the learner's answer to `question` with the stored numbers; raises `CheckFailed` with the message.

    The message shows numbers only when the function lives in this process. One that lives in the grader's worker has
    seen hidden inputs of other questions, and must not be able to send them to its feedback.
    """
    with same_randomness():
        _check(load_numbers(question), environment)


def _check(numbers: Mapping[str, Any], environment: Any) -> None:
    near = not any(isinstance(environment.get(name), Remote) for name in numbers["names"])
    outcomes: list[tuple[Case, Outcome]] = []
    first: Difference | None = None
    for entry in numbers["cases"]:
        case, expected, outputs = entry["case"], entry["expected"], entry["outputs"]
        target = environment.get(case.function or numbers["names"][0])
        outcome = Outcome(failure=Failure("missing")) if target is None else execute(target, case)
        outcomes.append((case, outcome))
        first = first or compare(expected, outcome, case, outputs)
        if outcome.failure is not None and outcome.failure.kind in ("missing", "timeout", "died"):
            break
    first = first or compare_watched(outcomes)
    known = _known_mistake(numbers, outcomes, first.kind if first else "")
    if first is None and known is not None and all(case.verify for case, _ in outcomes):
        first = Difference(
            "values", "the answer is a known wrong one", "the numbers of the definition", "other numbers"
        )
    if first is not None:
        raise CheckFailed(_report(numbers, first, known, near))


@cache
def load_numbers(question: str) -> Mapping[str, Any]:
    """The stored numbers of one question; raises FileNotFoundError with what to do when there are none."""
    path = NUMBERS / f"{question}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"there are no numbers for {question}: is the attnkit folder beside the notebook complete?"
        )
    numbers: Mapping[str, Any] = codec.loads(path.read_text(encoding="utf-8"))
    return numbers


def _report(numbers: Mapping[str, Any], first: Difference, mistake: Mapping[str, Any] | None, near: bool) -> Report:
    expected, found = first.expected, first.found
    if near:
        expected, found = first.right or expected, first.numbers or found
    report = Report(numbers["heading"], first.problem, expected=expected, found=found)
    if mistake is None or first.kind in ("unfinished", "missing", "timeout", "died", "state"):
        return report
    return replace(
        report,
        looks_like=mistake["title"],
        hint=mistake["hint"],
        look_at=mistake["see"],
        mistake=mistake["name"],
    )


def _known_mistake(
    numbers: Mapping[str, Any], outcomes: list[tuple[Case, Outcome]], kind: str
) -> Mapping[str, Any] | None:
    """The first known mistake that fails in the same way and gives what the learner's answer gave in every case.

    An answer that is wrong *and* does not refuse impossible sizes is named by what it gives for possible ones.
    """
    places = list(range(len(outcomes)))
    possible = [i for i in places if not outcomes[i][0].raises] if kind != "error" else []
    for compared in (places, possible):
        for mistake in numbers["mistakes"]:
            values = mistake["values"]
            if (
                compared
                and mistake["kind"] == kind
                and len(values) == len(outcomes)
                and all(_agrees(values[i], outcomes[i][1], outcomes[i][0]) for i in compared)
            ):
                return dict(mistake)
    return None


def _agrees(value: Any, outcome: Outcome, case: Case) -> bool:
    """Whether an outcome is what a mistake gives; None stands for numbers that are not shipped."""
    if value is None and case.verify:
        return True
    if isinstance(value, Failure) or outcome.failure is not None:
        return (
            isinstance(value, Failure)
            and outcome.failure is not None
            and (value.kind, value.type) == (outcome.failure.kind, outcome.failure.type)
        )
    return close(value, outcome.value, case)
