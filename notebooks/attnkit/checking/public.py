"""The check a learner runs in the notebook: it compares with stored numbers and names a known mistake from numbers alone.

The numbers of one question are a JSON file made by the build: inputs, right outputs, and what each known mistake gives.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import attnkit.checking.probes  # noqa: F401  (registers the callbacks that stored cases are made of)
from attnkit.checking import codec
from attnkit.checking.agree import same_behaviour, same_verdict
from attnkit.checking.ambient import same_randomness
from attnkit.checking.case import Case, Failure, Outcome, Remote, Seed
from attnkit.checking.compare import Difference, close, compare, compare_watched, first_of
from attnkit.checking.execute import announce, execute
from attnkit.checking.message import CheckFailed, Report
from attnkit.checking.relations import Relation, Step, described, explain

if TYPE_CHECKING:  # as in `execute`
    from attnkit.checking.where import Track

NUMBERS = Path(__file__).parent / "numbers"
_COARSE = 0.03  # of the largest number: several roundings to bfloat16, which keeps 8 bits
_LEAVE_ROUNDING = "Leave autocast and TF32 to the code that calls the function, such as a training loop."


def check(question: str, environment: Any) -> None:
    """Compare the learner's answer to `question` with the stored numbers; raises `CheckFailed` with the message.

    The message shows numbers and the learner's own error unless the function lives in a worker of the grader's that has
    been told hidden inputs: it must not be able to send them to its feedback.
    """
    numbers = load_numbers(question)
    elsewhere = all(isinstance(environment.get(name), Remote) for name in numbers["names"])
    with contextlib.nullcontext() if elsewhere else same_randomness():
        _check(numbers, environment)


def _check(numbers: Mapping[str, Any], environment: Any) -> None:
    near = all(_may_be_shown(environment.get(name)) for name in numbers["names"])
    outcomes: list[tuple[Case, Outcome]] = []
    differences: list[Difference | None] = []
    targets = [environment.get(entry["case"].function or numbers["names"][0]) for entry in numbers["cases"]]
    announce([(target, entry["case"]) for target, entry in zip(targets, numbers["cases"], strict=True)])
    for target, entry in zip(targets, numbers["cases"], strict=True):
        case, expected, outputs = entry["case"], entry["expected"], entry["outputs"]
        outcome = Outcome(failure=Failure("missing")) if target is None else execute(target, case)
        outcomes.append((case, outcome))
        differences.append(compare(expected, outcome, case, outputs))
        if outcome.failure is not None and outcome.failure.kind in ("missing", "timeout", "died"):
            break
    first = first_of(differences) or compare_watched(outcomes)
    failed = next((case for (case, _), one in zip(outcomes, differences, strict=True) if one and one is first), None)
    known = _known_mistakes(numbers, outcomes, differences, first)
    if first is None and known and all(case.verify for case, _ in outcomes):
        first = Difference(
            "values", "the answer is a known wrong one", "the numbers of the definition", "other numbers"
        )
    if first is not None:
        report = _report(numbers, first, known, near)
        if near and failed is not None:
            report = replace(report, tested=_call_of_numbers(failed))
        if not report.mistake and (rounded := _rounded(numbers, outcomes, environment)):
            raise CheckFailed(replace(report, looks_like=rounded, hint=_LEAVE_ROUNDING))
        raise CheckFailed(report if report.mistake else described(report, _relation(numbers, outcomes)))


def advice(question: str, environment: Any) -> str:
    """What a right answer would stumble over on a GPU, found on any machine; "" if nothing is seen. No points depend on it."""
    looked_at = set()
    numbers = load_numbers(question)
    with same_randomness():
        for entry in numbers["cases"]:
            case = entry["case"]
            name = case.function or numbers["names"][0]
            target = environment.get(name)
            if name in looked_at or isinstance(target, Remote) or case.framework != "torch" or case.value or case.raises:
                continue
            looked_at.add(name)
            track = _track()
            execute(target, _unwatched(case), track)
            if track.met and any(isinstance(value, Seed) for value in (*case.args, *case.kwargs.values())):
                return (
                    f"{name} draws on the CPU, by torch.{track.met} without a device, and uses the draw beside an argument: "
                    "draw where the generator lives, with device=generator.device, and move what is drawn with .to(x.device)"
                    " to that argument; then it runs on a GPU, too, whichever of the two the generator is made for"
                )
            if track.met:
                return (
                    f"{name} makes a tensor on the CPU, by torch.{track.met} without a device, and uses it beside an "
                    "argument: give it device=x.device of that argument, and it runs on a GPU, too"
                )
    return ""


def has_numbers(question: str) -> bool:
    """Whether this package holds the stored numbers of a question, called as `q2_3` is."""
    return re.fullmatch(r"q\d+_\d+", question) is not None and (NUMBERS / f"{question}.json").is_file()


def questions_of(notebook: str) -> list[str]:
    """The questions of a notebook, whose name begins with its number, in order."""
    number = re.match(r"\d*", Path(notebook).name)
    names = [path.stem for path in NUMBERS.glob(f"q{int(number[0])}_*.json")] if number and number[0] else []
    return sorted(names, key=lambda name: int(name.partition("_")[2]))


def _call_of_numbers(case: Case) -> str:
    """A call that is made of plain numbers, in words such as "step = 4, warm_up = 8"; "" for any other."""
    given = dict(zip(case.names, case.args, strict=False)) | dict(case.kwargs)
    if case.init is not None or len(given) != len(case.args) + len(case.kwargs):
        return ""
    if not given or not all(isinstance(value, bool | int | float) for value in given.values()):
        return ""
    return ", ".join(f"{name} = {value}" for name, value in given.items())


def _rounded(numbers: Mapping[str, Any], outcomes: list[tuple[Case, Outcome]], environment: Any) -> str:
    """That an answer's numbers are right but for the rounding which it switched on itself; "" where that is not so."""
    said = ""
    for entry, (case, outcome) in zip(numbers["cases"], outcomes, strict=False):
        difference = compare(entry["expected"], outcome, case, entry["outputs"])
        if difference is None:
            continue
        target = environment.get(case.function or numbers["names"][0])
        if isinstance(target, Remote) or difference.kind not in ("values", "property", "dtype", "gradient"):
            return ""
        track = _track()
        execute(target, _unwatched(case), track)
        coarse = replace(case, tolerance=_COARSE * max(1.0, _largest(entry["expected"].value)))
        if not track.rounded or not close(entry["expected"].value, outcome.value, coarse):
            return ""
        said = f"these numbers were computed in {track.rounded}: right to two or three digits, and no mistake in the formula"
    return said


def _track() -> Track:
    from attnkit.checking.where import Track

    return Track()


def _unwatched(case: Case) -> Case:
    return replace(case, watch=(), count_lines=False, count_held=False)


def _largest(value: Any) -> float:
    if isinstance(value, tuple | list):
        return max((_largest(item) for item in value), default=0.0)
    array = np.asarray(value)
    return float(np.abs(array).max(initial=0.0)) if array.dtype.kind in "iuf" else 0.0


def _may_be_shown(target: Any) -> bool:
    return target.may_be_shown if isinstance(target, Remote) else True


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


def _relation(numbers: Mapping[str, Any], outcomes: list[tuple[Case, Outcome]]) -> Relation | None:
    """How an answer without a name differs from the right one, over the cases of the first function that is wrong."""
    steps = []
    for entry, (case, outcome) in zip(numbers["cases"], outcomes, strict=False):
        difference = compare(entry["expected"], outcome, case, entry["outputs"])
        steps.append(Step(case, entry["expected"], outcome, tuple(entry["outputs"]), difference))
    wrong = next((step.case.function for step in steps if step.difference), None)
    return explain([step for step in steps if step.case.function == wrong])


def _report(numbers: Mapping[str, Any], first: Difference, known: list[Mapping[str, Any]], near: bool) -> Report:
    expected, found = first.expected, first.found
    if near:
        expected, found = first.right or expected, first.numbers or found
    report = Report(numbers["heading"], first.problem, expected=expected, found=found)
    if not known or len(known) > 2 or first.kind in ("unfinished", "missing", "timeout", "died"):
        return report
    return replace(
        report,
        looks_like=", or ".join(mistake["title"] for mistake in known),
        hint=known[0]["hint"],
        look_at=known[0]["see"],
        mistake=" or ".join(mistake["name"] for mistake in known),
    )


def _known_mistakes(
    numbers: Mapping[str, Any],
    outcomes: list[tuple[Case, Outcome]],
    differences: list[Difference | None],
    first: Difference | None,
) -> list[Mapping[str, Any]]:
    """The known mistakes that fail in the same way and do what the learner's answer did in every case.

    Two that these cases do not tell apart are both likely. An answer that is wrong *and* does not refuse impossible
    sizes is named by what it gives for possible ones. Where a verifier names a mistake itself, only that one counts.
    """
    kind, told = (first.kind, first.mistake) if first else ("", "")
    places = list(range(len(outcomes)))
    possible = [i for i in places if not outcomes[i][0].raises] if kind != "error" else []
    for compared in (places, possible):
        found = [
            mistake
            for mistake in numbers["mistakes"]
            if (mistake["kind"], mistake.get("told", "")) == (kind, told)
            and compared
            and _agrees(mistake, outcomes, differences, compared)
        ]
        if found:
            return _least_open(found)
    return []


def _least_open(found: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of mistakes that fit, those with the fewest cases in which they are right and their numbers stay behind.

    What agrees with the wrong number of one mistake cannot be right there, as the other mistake is.
    """
    fewest = min(mistake["outcomes"].count(None) for mistake in found)
    return [mistake for mistake in found if mistake["outcomes"].count(None) == fewest]


def _agrees(
    mistake: Mapping[str, Any],
    outcomes: list[tuple[Case, Outcome]],
    differences: list[Difference | None],
    compared: list[int],
) -> bool:
    """Whether an answer does what a mistake does in the cases compared; None stands for numbers that are not shipped."""
    does, said = mistake["outcomes"], mistake.get("said", [])
    if len(does) != len(outcomes):
        return False
    steps = [
        (outcomes[i][0], one, outcomes[i][1])
        for i in compared
        if (one := does[i]) is not None or not outcomes[i][0].verify
        if not (said and same_verdict(outcomes[i][0], said[i], differences[i]))
    ]
    return all(one is not None for _, one, _ in steps) and same_behaviour(
        [(case, one, other) for case, one, other in steps if one is not None]
    )
