"""The floor: the same cells and Otter test files in forks of one warm process, with no sandbox and no wire.

`python -m benchmarks.floor NOTEBOOK.ipynb…` prints the scores as JSON. Nothing protects the tests here, or the grader:
this is only what the work itself costs.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import torch
from IPython.core.interactiveshell import InteractiveShell

import attnkit.grader
import attnkit.plots  # noqa: F401 (preloaded, as in the grader)
from attnkit import otter_parts
from autograder.exercises import exercise_for
from autograder.grading.course import CourseNotebook
from autograder.grading.run.sandbox.inside.shell import make_shell, run_cell
from autograder.judging.examine import answers, candidates, known_trace
from benchmarks.hand_ins import course_notebook, graded_cells


def main(paths: list[Path]) -> None:
    """Grade each notebook in its own fork."""
    torch.set_num_threads(1)
    matplotlib.pyplot.switch_backend("agg")
    master, shell, otter = course_notebook(), make_shell(), otter_parts.test_files()
    test_files = [
        otter.create_test_file(str(master.test_path(question)), otter.NBMetadataConfig())
        for question in master.questions
    ]
    _work_out_answers(master)
    gc.collect()
    gc.freeze()
    scores = {str(path): _forked(path, shell, test_files) for path in paths}
    print(json.dumps(scores), file=sys.__stdout__)  # the shell has taken the other


def _work_out_answers(master: CourseNotebook) -> None:
    """Compute every right answer and every known mistake once, so that no fork has to."""
    for question in master.questions:
        exercise = exercise_for(question.name)
        for test in exercise.tests:
            answers(question.name, test.name)
            for mistakes in candidates(exercise):
                known_trace(exercise, mistakes, test)


def _forked(path: Path, shell: InteractiveShell, test_files: list[Any]) -> float:
    """The score of one notebook, from a child that is gone afterwards."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(_score(path, shell, test_files)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        score = pipe.read()
    os.waitpid(child, 0)
    return float(score)


def _score(path: Path, shell: InteractiveShell, test_files: list[Any]) -> float:
    for source in graded_cells(path):
        run_cell(shell, source)
    for file in test_files:
        file.run(shell.user_ns)
    return sum(float(file.score) for file in test_files)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
