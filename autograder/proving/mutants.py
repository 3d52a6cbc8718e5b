"""Small random changes to the right answers, made by a mutation tool: does a hidden test notice each of them?

Cosmic Ray's operators change one token of a solution (an operator, a number, a comparison, a variable …). Of all changes it can
make to the answers of one notebook, a fixed seed picks some; each is examined by the hidden tests of its own exercise.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from autograder.building.master import BEGIN, END, Master, read_master, tags_of, without_markers
from autograder.exercises import exercise_for
from autograder.judging.examine import Examination, answers

SECONDS = 30
_PARTS = (
    "core/Number",
    "core/ReplaceBinary",
    "core/ReplaceUnary",
    "core/ReplaceComparison",
    "core/ReplaceTrue",
    "core/ReplaceFalse",
    "core/ReplaceAnd",
    "core/ReplaceOr",
    "core/ReplaceBreak",
    "core/ReplaceContinue",
    "core/AddNot",
    "core/ZeroIteration",
)


@dataclass(frozen=True)
class Mutant:
    """One changed answer: where, the line before and after, and the whole cell."""

    question: str
    operator: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class Verdict:
    """What the hidden tests made of a mutant: the first that failed, "time limit", or "" when it survived."""

    mutant: Mutant
    caught_by: str


def sample_mutants(number: str, count: int, seed: int = 0) -> list[Mutant]:
    """`count` of all mutants of one notebook's answers, picked by a seeded generator, in the order of the exercises."""
    master = read_master(number)
    every = [mutant for question, cell in master.exercise_cells().items() for mutant in _mutants(question, cell.source)]
    chosen = random.Random(f"{number}/{seed}").sample(range(len(every)), min(count, len(every)))
    return [every[index] for index in sorted(chosen)]


def examine_mutants(number: str, mutants: list[Mutant]) -> Iterator[Verdict]:
    """Run each mutant through the hidden tests of its exercise, in a process of its own with a time limit.

    What all of them need, the notebook's right answers and those of the tests' references, is made once, before the fork.
    """
    environment = _right_answers(read_master(number))
    context = multiprocessing.get_context("fork")
    known: set[str] = set()
    for mutant in mutants:
        if mutant.question not in known:
            known.add(mutant.question)
            for test in exercise_for(mutant.question).tests:
                answers(mutant.question, test.name)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_examine, args=(environment, mutant, sender), daemon=True)
        process.start()
        caught = receiver.recv() if receiver.poll(SECONDS) else "time limit"
        process.kill()
        process.join()
        yield Verdict(mutant, caught)


def _mutants(question: str, marked: str) -> Iterator[Mutant]:
    try:
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator, operator_names
    except ImportError:
        raise click.ClickException("the mutation tool is missing: pip install -c pins.txt 'cosmic-ray'") from None

    source = without_markers(marked)
    answer = _answer_lines(marked)
    before = source.splitlines()
    seen = {source}
    for name in sorted(operator_names()):
        if not name.startswith(_PARTS):
            continue
        for occurrence in range(200):
            changed = mutate_code(source, get_operator(name)(), occurrence)
            if changed is None:
                break
            after = changed.splitlines()
            lines = [i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other]
            if changed in seen or len(after) != len(before) or len(lines) != 1 or lines[0] not in answer:
                continue
            seen.add(changed)
            yield Mutant(
                question,
                name.removeprefix("core/"),
                lines[0] + 1,
                before[lines[0]].strip(),
                after[lines[0]].strip(),
                changed,
            )


def _answer_lines(marked: str) -> set[int]:
    """The line numbers, counted without the markers, that belong to the answer."""
    answer, inside, number = set(), False, 0
    for line in marked.splitlines():
        if BEGIN.match(line) or END.match(line):
            inside = bool(BEGIN.match(line))
            continue
        if inside or line.rstrip().endswith("# SOLUTION"):
            answer.add(number)
        number += 1
    return answer


def _right_answers(master: Master) -> dict[str, Any]:
    """Everything that a notebook defines, with the right answers in it."""
    environment: dict[str, Any] = {"__name__": "__main__"}
    with _silence():
        for cell in master.notebook.cells:
            if cell.cell_type == "code" and tags_of(cell) & {"setup", "exercise"}:
                exec(without_markers(cell.source), environment)
    return environment


def _examine(environment: dict[str, Any], mutant: Mutant, sender: Any) -> None:
    with _silence():
        sender.send(_first_failure(environment, mutant))


def _first_failure(environment: dict[str, Any], mutant: Mutant) -> str:
    try:
        exec(mutant.source, environment)
    except Exception as error:
        return f"{type(error).__name__} in its cell"
    exercise = exercise_for(mutant.question)
    examination = Examination(exercise, {name: environment.get(name) for name in exercise.names})
    return next((test.name for test in exercise.tests if examination.trace(test).problem is not None), "")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield
