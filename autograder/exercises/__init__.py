"""The exercises of the course, one module per notebook; each module's `EXERCISES` is its declaration."""

from __future__ import annotations

import importlib
from functools import cache

from autograder.declare import Exercise

NOTEBOOKS = {
    "01": "01_bottleneck",
    "02": "02_keys_queries_values",
    "03": "03_scaling",
    "04": "04_multi_head",
    "05": "05_positions",
    "06": "06_masking_and_teacher_forcing",
}


@cache
def exercises_of(number: str) -> tuple[Exercise, ...]:
    """The exercises of one notebook, named by its two digits; raises KeyError for any other number."""
    if number not in NOTEBOOKS:
        raise KeyError(f"there is no notebook {number}; there are {', '.join(NOTEBOOKS)}")
    return tuple(importlib.import_module(f"autograder.exercises.nb{number}").EXERCISES)


def exercise_for(question: str) -> Exercise:
    """The exercise behind an Otter question name such as `q2_3`; raises KeyError when there is none."""
    digits = question.removeprefix("q").partition("_")[0]
    for exercise in exercises_of(f"{int(digits):02d}"):
        if exercise.question == question:
            return exercise
    raise KeyError(f"there is no exercise for question {question!r}")
