"""Hold a learner's answer against an exercise: run its cases, find the first difference, name the mistake, word it.

Right answers and the behaviour of every known mistake are computed once per process and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations, takewhile
from typing import Any

from attnkit.checking.agree import same_behaviour, same_values, same_verdict
from attnkit.checking.ambient import same_randomness, settled
from attnkit.checking.case import Case, Failure, Outcome, Remote
from attnkit.checking.compare import Difference, Expected, compare, compare_watched
from attnkit.checking.execute import announce, execute
from attnkit.checking.message import CheckFailed, Report
from attnkit.checking.relations import Relation, described
from autograder import late_torch
from autograder.exercises import exercise_for
from autograder.judging import as_if
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Test, other_draws
from autograder.judging.expected import expected_answer
from autograder.judging.relate import relation_in

Targets = Mapping[str, Any]
OF_NUMBERS = ("values", "property", "finite", "shape", "structure")  # differences that lie in what is returned


def check_hidden(question: str, test_name: str, environment: Any) -> None:
    """The body of every hidden Otter test; raises `CheckFailed` with a message that holds no data of the test."""
    exercise = exercise_for(question)
    examination = _examination(question, environment)
    if any(isinstance(target, Remote) for target in examination.targets.values()):
        late_torch.reseed()  # the answer runs elsewhere: nobody here has random numbers to go on with
        verdict = examination.verdict(exercise.test(test_name))
    else:
        with settled(), same_randomness():  # a notebook may have set a default device, and here right answers are worked out
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


@contextmanager
def drawn_from(draw: int | bytes) -> Iterator[None]:
    """Examine with other inputs (see `other_draws`), and forget what was computed for those of another draw."""
    if _LAST[0] != draw:
        forget()
        _LAST[0] = draw
    with other_draws(draw):
        yield


def forget() -> None:
    """Forget all inputs that were drawn and all that was computed from them."""
    _RECENT.clear()
    _LAST[0] = None
    for computed in (answers, known_trace, *as_if.COMPUTED):
        computed.cache_clear()


_LAST: list[int | bytes | None] = [0]  # the draw of which something may be kept


def forget_answer(question: str) -> None:
    """Forget what the answer that was examined last did: what it calls has changed."""
    _RECENT.pop(question, None)


def traces_of(question: str) -> list[Trace]:
    """What the answer that was examined last did in the hidden tests of a question; empty when it was in none."""
    recent = _RECENT.get(question)
    return [recent.trace(test) for test in recent.exercise.tests] if recent else []


class Examination:
    """One learner's answer to one exercise, and everything it did in the tests so far."""

    def __init__(self, exercise: Exercise, targets: Targets) -> None:
        self.exercise = exercise
        self.targets = targets
        self._traces: dict[str, Trace] = {}
        self._stopped: Failure | None = None
        self._numbers_of: tuple[Mistake, ...] | None = None

    def trace(self, test: Test) -> Trace:
        """What the answer did in one test; each test is run once."""
        if test.name not in self._traces:
            self._announce(test)
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
        for candidate in candidates(self.exercise):
            if fits(self.exercise, candidate, traces):
                return candidate
        return ()

    def _announce(self, test: Test) -> None:
        """Say which calls come next: of this test and those below it, as far as no judge decides what is asked."""
        tests = self.exercise.tests[self.exercise.tests.index(test) :]
        without_judge = takewhile(lambda one: one.judge is None and one.name not in self._traces, tests)
        cases = [case for one in without_judge for case, _ in answers(self.exercise.question, one.name)]
        announce([(self._target(case), case) for case in cases])

    def _target(self, case: Case) -> Any:
        return self.targets[case.function or self.exercise.names[0]]

    def _run(self, case: Case) -> Outcome:
        if self._stopped is not None:
            return Outcome(failure=self._stopped)
        target = self._target(case)
        outcome = Outcome(failure=Failure("missing")) if target is None else execute(target, case)
        if outcome.failure is not None and outcome.failure.kind in ("timeout", "died"):
            self._stopped = outcome.failure
        return outcome

    def _report(self, test: Test, problem: Problem) -> Report:
        exercise, difference = self.exercise, problem.difference
        base = Report(exercise.heading, difference.problem, expected=difference.expected, found=difference.found)
        if difference.kind in ("unfinished", "missing", "timeout", "died"):
            return base
        report = named(replace(base, tested=test.says), self.diagnosis() or self._half_of_it(test))
        return report if report.mistake else described(report, self._relation(test))

    def _half_of_it(self, test: Test) -> tuple[Mistake, ...]:
        """A known mistake that gives all the numbers of this answer, which has a second fault beside them.

        The second is one of number types, gradients, changed inputs or sizes not refused; it names no test that it fails alone.
        """
        if self._numbers_of is None:
            traces = {other.name: self.trace(other) for other in self.exercise.tests}
            found = (one for one in self.exercise.mistakes if gives_the_numbers(self.exercise, one, traces))
            self._numbers_of = tuple(next(((mistake,) for mistake in found), ()))
        known = known_trace(self.exercise, self._numbers_of, test).problem if self._numbers_of else None
        problem = self.trace(test).problem
        alike = known is not None and problem is not None and known.difference.kind == problem.difference.kind
        return self._numbers_of if alike and known is not None and known.difference.kind in OF_NUMBERS else ()

    def _relation(self, test: Test) -> Relation | None:
        """How the answer differs from the right one, for tests that compare it with one."""
        ran = {
            other.name: [
                (case, expected, outcome)
                for (case, expected), (_, outcome) in zip(
                    answers(self.exercise.question, other.name), self.trace(other).steps, strict=False
                )
            ]
            for other in self.exercise.tests
            if other.judge is None
        }
        return relation_in(self.exercise, ran, test.name) if test.judge is None else None


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
    """Every case a test ran, with what came of it, what is wrong with each (judges do not say), and the first problem."""

    steps: tuple[tuple[Case, Outcome], ...]
    problem: Problem | None
    differences: tuple[Difference | None, ...] = ()


def run_test(exercise: Exercise, test: Test, run: Any) -> Trace:
    """Run one test through `run(case) -> Outcome` and say what, if anything, is wrong."""
    steps: list[tuple[Case, Outcome]] = []

    def recorded(case: Case) -> Outcome:
        outcome = run(case)
        steps.append((case, outcome))
        return outcome

    problem = None
    differences: list[Difference | None] = []
    if test.judge is not None:
        problem = _judged(test, recorded)
    else:
        for case, expected in answers(exercise.question, test.name):
            difference = compare(expected, recorded(case), case, exercise.outputs_of(case))
            differences.append(difference)
            if difference is not None and problem is None:
                problem = Problem(difference)
            if difference is not None and difference.kind in ("missing", "timeout", "died"):
                break
        watched = compare_watched(steps)
        problem = problem or (Problem(watched) if watched else None)
    return Trace(tuple(steps), problem, tuple(differences))


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
        if other.name not in one.excludes and one.name not in other.excludes
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


def fits(exercise: Exercise, candidate: tuple[Mistake, ...], traces: Mapping[str, Trace]) -> bool:
    """Whether a candidate did in every test (traces by name) what an answer did, with evidence in at least one."""
    evidence = False
    for test in exercise.tests:
        agreement = _agreement(exercise, candidate, test, traces[test.name])
        if agreement == "no":
            return False  # of nearly all candidates one test is enough
        evidence = evidence or agreement == "evidence"
    return evidence


def _agreement(exercise: Exercise, candidate: tuple[Mistake, ...], test: Test, trace: Trace) -> str:
    """What one test says for a candidate: "no", "nothing", or "evidence" when both fail it by the same behaviour.

    Of what is random no two answers give the same values: there a judge's own word is evidence, and being failed
    with the same words only speaks against nothing.
    """
    known = known_trace(exercise, candidate, test)
    if known.problem is None or trace.problem is None:
        return "nothing" if known.problem is trace.problem else "no"
    one, other = known.problem.difference, trace.problem.difference
    if one.kind != other.kind or (test.judge is not None and one.found != other.found):
        return "no"
    if same_steps(known, trace) or trace.problem.mistake in {mistake.name for mistake in candidate}:
        return "evidence"
    return "no" if test.judge is None else "nothing"


def gives_the_numbers(exercise: Exercise, mistake: Mistake, traces: Mapping[str, Trace]) -> bool:
    """Whether a mistake gives the numbers that an answer gave in every possible case, and wrong ones in some."""
    wrong = False
    for test in exercise.tests:
        known, trace = known_trace(exercise, (mistake,), test), traces[test.name]
        if test.judge is not None:
            if _agreement(exercise, (mistake,), test, trace) == "no":
                return False
            continue
        steps = [
            (case, one, other)
            for (case, one), (_, other) in zip(known.steps, trace.steps, strict=False)
            if not case.raises and not case.verify
        ]
        complete = len(known.steps) == len(trace.steps) and not any(case.verify for case, _ in known.steps)
        if not complete or not same_values(steps):
            return False
        wrong = wrong or (known.problem is not None and known.problem.difference.kind in OF_NUMBERS)
    return wrong


def same_steps(one: Trace, other: Trace) -> bool:
    """Whether two traces show the same behaviour, case by case."""
    if len(one.steps) != len(other.steps):
        return False
    said = list(zip(one.differences, other.differences, strict=False))
    return same_behaviour(
        [
            (case, first, second)
            for i, ((case, first), (_, second)) in enumerate(zip(one.steps, other.steps, strict=True))
            if not (i < len(said) and same_verdict(case, *said[i]))
        ]
    )
