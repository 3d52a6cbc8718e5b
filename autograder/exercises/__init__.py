"""The exercises of the course: one folder per notebook, one file per exercise, found by their names.

`nb03_scaling/q3_4_scaled_dot_product_attention.py` declares exercise 3.4 as `EXERCISE`; what several exercises of a
notebook share is in a file of its folder whose name ends in `_family`, and what those of several notebooks share is in one here.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path

from autograder.judging.declare import Exercise

NOTEBOOKS = {
    "01": "01_bottleneck",
    "02": "02_keys_queries_values",
    "03": "03_scaling",
    "04": "04_multi_head",
    "05": "05_positions",
    "06": "06_masking_and_teacher_forcing",
}
_HERE = Path(__file__).parent
_EXERCISE = re.compile(r"(?P<question>q(?P<notebook>[1-9]\d*)_(?P<place>[1-9]\d*))_(?P<title>[a-z][a-z0-9_]*)")
_SHARED = re.compile(r"__init__|[a-z][a-z0-9_]*_family")


class MisplacedExerciseError(Exception):
    """A file among the exercises whose name, or whose content, is not what the other says."""


def exercises_of(number: str) -> tuple[Exercise, ...]:
    """The exercises of one notebook, named by its two digits; raises KeyError for any other number."""
    return tuple(exercise_for(question) for question in _files(number))


@cache
def exercise_for(question: str) -> Exercise:
    """The exercise behind an Otter question name such as `q2_3`; raises KeyError when there is none."""
    digits = question.removeprefix("q").partition("_")[0]
    found = _files(f"{int(digits):02d}").get(question) if digits.isdecimal() else None
    if found is None:
        raise KeyError(f"there is no exercise for question {question!r}")
    return _declared(question, found)


def modules_of(number: str) -> tuple[str, ...]:
    """The dotted names of the modules that declare one notebook's exercises."""
    return tuple(_module(number, file) for file in _files(number).values())


def title_in_file_names(title: str) -> str:
    """An exercise's title as its file's name has it: `MultiHeadAttention` as `multi_head_attention`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", title.removeprefix("the ")).lower()
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")


@cache
def _files(number: str) -> dict[str, str]:
    """The file name (without `.py`) of every exercise of one notebook, by question, in the notebook's order."""
    if number not in NOTEBOOKS:
        raise KeyError(f"there is no notebook {number}; there are {', '.join(NOTEBOOKS)}")
    folder = _HERE / f"nb{NOTEBOOKS[number]}"
    files: dict[int, str] = {}
    for path in sorted(folder.glob("*.py")):
        match = _EXERCISE.fullmatch(path.stem)
        if match is None and _SHARED.fullmatch(path.stem):
            continue
        if match is None or int(match["notebook"]) != int(number):
            raise MisplacedExerciseError(
                f"{folder.name}/{path.name} is no name for a file of notebook {int(number)}: an exercise is in "
                f"q{int(number)}_<place>_<title>.py, and what several share in <name>_family.py"
            )
        place = int(match["place"])
        if place in files:
            twice = f"{files[place]}.py and {path.name}"
            raise MisplacedExerciseError(f"{folder.name} declares {match['question']} twice: {twice}")
        files[place] = path.stem
    return {f"q{int(number)}_{place}": files[place] for place in sorted(files)}


def _module(number: str, file: str) -> str:
    return f"{__name__}.nb{NOTEBOOKS[number]}.{file}"


def _declared(question: str, file: str) -> Exercise:
    """What one file declares, when that is the exercise its name promises."""
    notebook, place = question.removeprefix("q").split("_")
    found = getattr(importlib.import_module(_module(f"{int(notebook):02d}", file)), "EXERCISE", None)
    if not isinstance(found, Exercise):
        raise MisplacedExerciseError(f"{file}.py declares no exercise: it needs EXERCISE = Exercise(...)")
    if found.question != question:
        raise MisplacedExerciseError(
            f"{file}.py declares exercise {found.number}, and its name says {notebook}.{place}"
        )
    wanted = f"{question}_{title_in_file_names(found.title)}"
    if file != wanted:
        raise MisplacedExerciseError(f"{file}.py declares {found.title!r}: its name should be {wanted}.py")
    return found
