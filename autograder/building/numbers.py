"""The public numbers: for fixed inputs, the right outputs and what each known mistake gives, as a JSON file a question."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from attnkit.checking import codec
from attnkit.checking.agree import stored
from attnkit.checking.ambient import same_randomness
from attnkit.checking.case import BY_ITS_WORDS, Case, Outcome, TensorValue
from attnkit.checking.compare import Expected, close, compare, compare_watched, first_of
from attnkit.checking.execute import execute
from autograder.judging.declare import Exercise, Mistake
from autograder.judging.examine import targets_of
from autograder.judging.expected import expected_answer

DIGITS = 7
_NEAR = {"float32": (1e-5, 1e-7)}  # relative and absolute: below what a check of such numbers can tell apart
_USUALLY_NEAR = (1e-6, 1e-9)


def public_numbers(exercise: Exercise) -> str:
    """The JSON text for one exercise; it holds numbers and sentences, and no code."""
    cases = exercise.draw_public()
    expected = [_shipped(expected_answer(exercise, case), case) for case in cases]
    record: dict[str, Any] = {
        "heading": exercise.heading,
        "names": list(exercise.names),
        "cases": [
            {"case": case, "expected": answer, "outputs": list(exercise.outputs_of(case))}
            for case, answer in zip(cases, expected, strict=True)
        ],
        "mistakes": [
            entry
            for mistake in exercise.mistakes
            if (entry := _mistake_entry(exercise, mistake, cases, expected)) is not None
        ],
    }
    return codec.dumps(record) + "\n"


def kept(path: Path, new: str) -> str:
    """The text of the file at `path` where its numbers are those of `new`, and otherwise `new`.

    Processors round the last bit differently: without this, a build on another machine would change files for nothing.
    """
    if not path.is_file():
        return new
    old = path.read_text(encoding="utf-8")
    return old if _agree(json.loads(old), json.loads(new)) else new


def _agree(old: Any, new: Any, near: tuple[float, float] = _USUALLY_NEAR) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=near[0], abs_tol=near[1])
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_agree(one, other, near) for one, other in zip(old, new, strict=True))
    if isinstance(old, dict) and isinstance(new, dict):
        near = _NEAR.get(old.get("dtype", ""), near)
        return list(old) == list(new) and all(_agree(old[key], new[key], near) for key in old)
    return type(old) is type(new) and bool(old == new)


def _shipped(expected: Expected, case: Case) -> Expected:
    """Where a verifier decides, the right numbers stay behind; only their shape is shipped."""
    if case.verify == "looks complete":
        return Expected(np.zeros(np.shape(expected.value)))
    return Expected(_short(expected.value), {path: float(_short(slope)) for path, slope in expected.slopes.items()})


def _mistake_entry(
    exercise: Exercise, mistake: Mistake, cases: tuple[Case, ...], expected: list[Expected]
) -> dict[str, Any] | None:
    """What one mistake gives in every public case and how it fails, or None when these cases do not show it."""
    targets = targets_of(exercise, (mistake,))
    with same_randomness():  # as in the check
        steps = [(case, execute(targets[case.function or exercise.names[0]], case)) for case in cases]
    differences = [
        compare(answer, outcome, case, exercise.outputs_of(case))
        for (case, outcome), answer in zip(steps, expected, strict=True)
    ]
    first = first_of(differences) or compare_watched(steps)
    if first is None and not all(case.verify for case in cases):
        return None
    outcomes = [_mistaken_outcome(exercise, case, outcome) for case, outcome in steps]
    said = [difference and replace(difference, numbers="", right="") for difference in differences]
    return {
        "name": mistake.name,
        "title": mistake.title,
        "hint": mistake.hint,
        "see": mistake.see,
        "kind": first.kind if first else "",
        **({"told": first.mistake} if first and first.mistake else {}),
        "outcomes": outcomes,
    } | ({"said": said} if any(case.verify in BY_ITS_WORDS for case in cases) else {})


def _mistaken_outcome(exercise: Exercise, case: Case, outcome: Outcome) -> Outcome | None:
    """What the mistake does; None, which agrees with anything, where it is right and its numbers stay behind or are drawn."""
    if case.verify == "looks complete" and close(expected_answer(exercise, case).value, outcome.value, case):
        return None
    if case.verify == "sample variance":
        return None
    right = expected_answer(exercise, case) if case.verify == "drawn evenly" else None
    if right and compare(right, outcome, case, exercise.outputs_of(case)) is None:
        return None
    kept = stored(outcome)
    gradients = {path: _short(gradient) for path, gradient in kept.gradients.items()}
    reached = tuple(_short(gradient) for gradient in kept.callback_gradients)
    return replace(kept, value=_short(kept.value), gradients=gradients, callback_gradients=reached)


def _short(value: Any) -> Any:
    """Numbers to seven significant digits: enough to tell answers apart, short enough to read."""
    if isinstance(value, TensorValue):
        return TensorValue(_short(value.data), value.dtype)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return np.array([_short_number(x) for x in value.ravel()], dtype=value.dtype).reshape(value.shape)
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        return (_short(value.real) + 1j * _short(value.imag)).astype(value.dtype)
    if isinstance(value, float | np.floating):
        return _short_number(value)
    if isinstance(value, tuple | list):
        return type(value)(_short(item) for item in value)
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return value


def _short_number(number: Any) -> float:
    return float(f"{float(number):.{DIGITS}g}")
