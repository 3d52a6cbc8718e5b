"""Hold a learner's answer against an exercise: run its cases, find the first difference, name the mistake, word it.

Right answers and the behaviour of every known mistake are computed once per process and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations
from typing import Any

from attnkit.checking.case import Case, Failure, Outcome
from attnkit.checking.compare import Difference, Expected, close, compare, compare_watched
from attnkit.checking.execute import execute
from attnkit.checking.message import CheckFailed, Report
from autograder.exercises import exercise_for
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Test
from autograder.judging.expected import expected_answer

Targets = Mapping[str, Any]


def check_hidden(question: str, test_name: str, environment: Any) -> None:
    """The body of every hidden Otter test; raises `CheckFailed` with a message that holds no data of the test."""
    exercise = exercise_for(question)
    examination = _examination(question, environment)
    verdict = examination.verdict(exercise.test(test_name))
    if verdict is not None:
        raise CheckFailed(verdict)


def _examination(question: str, environment: Any) -> Examination:
    """One examination per environment and function, so that tests of one question share what they learn."""
    exercise = exercise_for(question)
    targets = {name: environment.get(name) for name in exercise.names}
    recent = _RECENT.get(question)
    if recent is None or any(recent.targets[name] is not targets[name] for name in exercise.names):
        recent = _RECENT[question] = Examination(exercise, targets)
    return recent


_RECENT: dict[str, Examination] = {}


class Examination:
    """One learner's answer to one exercise, and everything it did in the tests so far."""

    def __init__(self, exercise: Exercise, targets: Targets) -> None:
        self.exercise = exercise
        self.targets = targets
        self._traces: dict[str, Trace] = {}
        self._stopped: Failure | None = None

    def trace(self, test: Test) -> Trace:
        """What the answer did in one test; each test is run once."""
        if test.name not in self._traces:
            self._traces[test.name] = run_test(self.exercise, test, self._run)
        return self._traces[test.name]

    def verdict(self, test: Test) -> Report | None:
        """The message for one test, or None when it passes."""
        trace = self.trace(test)
        if trace.problem is None:
            return None
        return self._report(test, trace.problem)

    def diagnosis(self) -> tuple[Mistake, ...]:
        """The known mistakes, one or two combined, that behave as this answer does in every test; empty when none does."""
        traces = {test.name: self.trace(test) for test in self.exercise.tests}
        told = [trace.problem.mistake for trace in traces.values() if trace.problem and trace.problem.mistake]
        for candidate in candidates(self.exercise):
            if all(
                candidate_trace_fits(self.exercise, candidate, test, traces[test.name]) for test in self.exercise.tests
            ):
                return candidate
        return tuple(mistake for mistake in self.exercise.mistakes if mistake.name in told[:1])

    def _run(self, case: Case) -> Outcome:
        if self._stopped is not None:
            return Outcome(failure=self._stopped)
        target = self.targets[case.function or self.exercise.names[0]]
        outcome = Outcome(failure=Failure("missing")) if target is None else execute(target, case)
        if outcome.failure is not None and outcome.failure.kind in ("timeout", "died"):
            self._stopped = outcome.failure
        return outcome

    def _report(self, test: Test, problem: Problem) -> Report:
        exercise, difference = self.exercise, problem.difference
        base = Report(exercise.heading, difference.problem, expected=difference.expected, found=difference.found)
        if difference.kind in ("unfinished", "missing", "timeout", "died", "state"):
            return base
        return named(replace(base, tested=test.says), self.diagnosis())


def named(report: Report, mistakes: tuple[Mistake, ...]) -> Report:
    """`report` with the name, hint and place of the mistakes it looks like, if any."""
    if not mistakes:
        return report
    return replace(
        report,
        looks_like=", and ".join(mistake.title for mistake in mistakes),
        hint=mistakes[0].hint,
        look_at=mistakes[0].see,
        mistake=" + ".join(mistake.name for mistake in mistakes),
    )


@dataclass(frozen=True)
class Problem:
    """Why a test does not pass."""

    difference: Difference
    mistake: str = ""


@dataclass(frozen=True)
class Trace:
    """Every case a test ran, with what came of it, and the first problem."""

    steps: tuple[tuple[Case, Outcome], ...]
    problem: Problem | None


def run_test(exercise: Exercise, test: Test, run: Any) -> Trace:
    """Run one test through `run(case) -> Outcome` and say what, if anything, is wrong."""
    steps: list[tuple[Case, Outcome]] = []

    def recorded(case: Case) -> Outcome:
        outcome = run(case)
        steps.append((case, outcome))
        return outcome

    problem = None
    if test.judge is not None:
        problem = _judged(test, recorded)
    else:
        for case, expected in answers(exercise.question, test.name):
            difference = compare(expected, recorded(case), case, exercise.outputs_of(case))
            if difference is not None and problem is None:
                problem = Problem(difference)
            if difference is not None and difference.kind in ("missing", "timeout", "died"):
                break
        watched = compare_watched(steps)
        problem = problem or (Problem(watched) if watched else None)
    return Trace(tuple(steps), problem)


def _judged(test: Test, run: Any) -> Problem | None:
    """Let a judge decide; a call that gave no value is described as everywhere else."""

    def successful(case: Case) -> Outcome:
        outcome = run(case)
        if outcome.failure is not None and not case.raises:
            difference = compare(Expected(None), outcome, case, ())
            assert difference is not None
            raise _NoValue(difference)
        return outcome

    try:
        assert test.judge is not None
        test.judge(successful)
    except _NoValue as stop:
        return Problem(stop.difference)
    except JudgeFailure as failure:
        difference = Difference("judge", "it does not behave as asked", failure.expected, failure.found)
        return Problem(difference, failure.mistake)
    return None


class _NoValue(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.problem)
        self.difference = difference


@cache
def answers(question: str, test_name: str) -> tuple[tuple[Case, Expected], ...]:
    """The cases of a test with their right answers."""
    exercise = exercise_for(question)
    return tuple((case, expected_answer(exercise, case)) for case in exercise.draw(exercise.test(test_name)))


@cache
def candidates(exercise: Exercise) -> tuple[tuple[Mistake, ...], ...]:
    """What a wrong answer may be: every known mistake alone, then every two that can be combined."""
    singles: list[tuple[Mistake, ...]] = [(mistake,) for mistake in exercise.mistakes]
    pairs: list[tuple[Mistake, ...]] = [
        (one, other)
        for one, other in combinations(exercise.mistakes, 2)
        if one.switches and other.switches and not set(one.switches) & set(other.switches)
    ]
    return tuple(singles + pairs)


def targets_of(exercise: Exercise, mistakes: tuple[Mistake, ...]) -> Targets:
    """The names of the exercise bound to the wrong behaviour; names a mistake does not touch get the right one."""
    switches = {key: value for mistake in mistakes for key, value in mistake.switches.items()}
    if switches:
        assert exercise.flawed is not None, f"exercise {exercise.number} has switches but no flawed function"
        return {exercise.names[0]: partial(exercise.flawed, **switches)}
    return as_targets(exercise, mistakes[0].code)


def as_targets(exercise: Exercise, code: Any) -> Targets:
    """`code` as a mapping from every name of the exercise to its function; missing names come from the first variant."""
    if not isinstance(code, Mapping):
        return {exercise.names[0]: code}
    right = exercise.variants[0].code
    return {**(right if isinstance(right, Mapping) else {}), **code}


@cache
def known_trace(exercise: Exercise, mistakes: tuple[Mistake, ...], test: Test) -> Trace:
    """What one or two combined mistakes do in a test."""
    targets = targets_of(exercise, mistakes)
    return run_test(exercise, test, lambda case: execute(targets[case.function or exercise.names[0]], case))


def candidate_trace_fits(exercise: Exercise, candidate: tuple[Mistake, ...], test: Test, trace: Trace) -> bool:
    """Whether a candidate passes and fails the test as the answer does, with the same values in every case."""
    known = known_trace(exercise, candidate, test)
    if (known.problem is None) != (trace.problem is None):
        return False
    if known.problem is None or trace.problem is None:
        return True
    if test.judge is not None and known.problem.difference.found == trace.problem.difference.found:
        return True
    return same_steps(known, trace)


def same_steps(one: Trace, other: Trace) -> bool:
    """Whether two traces show the same behaviour, case by case."""
    return len(one.steps) == len(other.steps) and all(
        same_outcome(first, second, case) for (case, first), (_, second) in zip(one.steps, other.steps, strict=True)
    )


def same_outcome(one: Outcome, other: Outcome, case: Case) -> bool:
    """Whether two outcomes agree: the same values, or an error of the same type; gradients where they were asked for."""
    if one.failure is not None or other.failure is not None:
        return (
            one.failure is not None
            and other.failure is not None
            and (one.failure.kind, one.failure.type) == (other.failure.kind, other.failure.type)
        )
    if one.called != other.called or bool(one.mutated) != bool(other.mutated):
        return False
    if case.gradient and not _same_gradients(one, other, case):
        return False
    return _number_types(one.value) == _number_types(other.value) and close(one.value, other.value, case)


def _number_types(value: Any) -> list[str]:
    if isinstance(value, tuple | list):
        return [name for item in value for name in _number_types(item)]
    return [str(getattr(value, "dtype", type(value).__name__))]


def _same_gradients(one: Outcome, other: Outcome, case: Case) -> bool:
    return one.gradients.keys() == other.gradients.keys() and all(
        close(one.gradients[path], other.gradients[path], case) for path in one.gradients
    )
