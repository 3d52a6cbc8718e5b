"""Grade one notebook: its cells run in a sandbox, Otter's unmodified test files run here, over proxies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cache, wraps
from inspect import signature
from typing import Any, Protocol

from attnkit.checking.message import CheckFailed
from attnkit.otter_parts import test_files
from autograder.grading.course import CourseNotebook, Question
from autograder.grading.errors import InfrastructureError
from autograder.grading.find.notebook import UnreadableError, read_notebook
from autograder.grading.record.result import (
    CaseResult,
    CellProblem,
    Finding,
    QuestionResult,
    QuestionStatus,
    Result,
    Status,
)
from autograder.grading.run.parts import Definitions
from autograder.grading.safe_text import printable, printable_text
from autograder.grading.score.cells import GIVEN, Plan, PlannedCell, plan_cells
from autograder.grading.score.follow import roots_of
from autograder.grading.score.times import minutes_by_exercise
from autograder.judging.behaviour import behaviour_of
from autograder.judging.examine import forget_answer, traces_of
from autograder.judging.library_parts import cell_of

_OTTER = test_files()  # here, so that the processes forked for the jobs have it from their parent
CODE_LINES, CODE_WIDTH, CODE_LENGTH = 120, 200, 8_000
_UNDEFINED = re.compile(r"name '([A-Za-z_]\w{0,60})' is not defined")
WITHHELD = Finding(
    "the test could not be completed", found="an error of the grader itself: your instructor has been told"
)


class RanCell(Protocol):
    """How one cell ended."""

    index: int
    status: str
    failure: Any
    seconds: float


class OpenWorkshop(Protocol):
    """A place where submissions run, one session each."""

    @property
    def sandbox(self) -> str:
        """The sandbox that is really in use."""

    def open(self) -> AbstractContextManager[Any]:
        """Start a session."""


def grade_notebook(raw: bytes, master: CourseNotebook, workshop: OpenWorkshop) -> Result:
    """Run the notebook's cells in a fresh session and examine every question; may raise InfrastructureError.

    The same bytes, master and tests give the same result, wherever this is called.
    """
    started = time.monotonic()
    try:
        notebook = read_notebook(raw)
        plan = plan_cells(notebook, master)
    except UnreadableError as error:
        return Result(Status.UNREADABLE, notes=(str(error),), possible=master.points, sandbox=workshop.sandbox)
    with workshop.open() as session:
        ran = session.run_cells(plan.sources)
        with session.in_public():
            for question in master.questions:
                _test_file(str(master.test_path(question))).run_public(session.environment)
        examined = [_examine(master, question, session.environment) for question in master.questions]
        code = code_by_exercise(plan)
        minutes = minutes_by_exercise(notebook, master)
        questions = tuple(
            replace(one, code=code.get(one.title, ""), minutes=minutes.get(one.name))
            for one in (item.result for item in examined)
        )
        questions = followed_through(questions, plan, master, workshop, session)
    cells = _cell_problems(ran, plan)
    faults = tuple(fault for item in examined for fault in item.faults)
    return Result(
        Status.PROBLEMS if cells or faults or any(question.stopped for question in questions) else Status.GRADED,
        questions,
        cells,
        notes=(*plan.notes, *_told_about_names(questions, plan)),
        faults=faults,
        possible=sum(question.possible for question in questions),
        sandbox=workshop.sandbox,
        seconds=time.monotonic() - started,
    )


def code_by_exercise(plan: Plan) -> dict[str, str]:
    """What was handed in for each exercise, by its heading; what is longer than a page is cut."""
    found: dict[str, list[str]] = {}
    for cell in plan.cells:
        if cell.exercise and not cell.handed_out:
            found.setdefault(cell.exercise, []).append(cell.source.strip("\n"))
    return {title: printable_code("\n\n".join(sources)) for title, sources in found.items()}


def printable_code(source: str) -> str:
    """Source text that cannot hide or reorder anything, no longer than a page shows."""
    lines = [_plain(line) for line in source.expandtabs(4).split("\n")[:CODE_LINES]]
    return "\n".join(lines)[:CODE_LENGTH]


def _plain(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line[:CODE_WIDTH]
    indent = len(line) - len(line.lstrip(" "))
    return line[:indent] + "".join(printable(character) or " " for character in line[indent:CODE_WIDTH])


@dataclass(frozen=True)
class _Examined:
    result: QuestionResult
    faults: tuple[str, ...]


def _examine(master: CourseNotebook, question: Question, environment: Mapping[str, Any]) -> _Examined:
    """Run one Otter test file on the proxies and read off its points and messages."""
    file = _test_file(str(master.test_path(question)))
    labels = case_labels(question, [bool(case.hidden) for case in file.otter.test_cases])
    raised = file.run_recorded(environment)
    cases, faults = [], []
    for position, outcome in enumerate(file.otter.test_case_results):
        error = raised.get(position)
        finding = None if outcome.passed else _finding(error)
        if finding is WITHHELD:
            faults.append(f"{question.name}, case {position + 1}: {printable(repr(error), 200)}")
        case = outcome.test_case
        cases.append(CaseResult(labels[position], bool(case.hidden), float(case.points), bool(outcome.passed), finding))
    score, possible = float(file.otter.score), float(file.otter.possible)
    result = QuestionResult(question.name, question.title, score, possible, tuple(cases))
    if result.status in (QuestionStatus.WRONG, QuestionStatus.PARTLY) and not faults and _has_no_name(result):
        result = replace(result, behaviour=behaviour_of(traces_of(question.name)))
    return _Examined(result, tuple(faults))


def followed_through(
    questions: tuple[QuestionResult, ...], plan: Plan, master: CourseNotebook, workshop: OpenWorkshop, session: Any
) -> tuple[QuestionResult, ...]:
    """Judge what failed once more where an earlier exercise that it uses failed, too, with the library's part in its place.

    In the `session` in which all questions have been judged, or in a fresh one; nothing is told of it but whether all passed,
    and nothing is judged there any more that may not use all of the library's parts that are there.
    """
    done: dict[str, QuestionResult] = {}
    roots: dict[str, tuple[str, ...]] = {}
    by_name = {question.name: question for question in master.questions}
    with _Again(plan, master, workshop, session) as again:
        for question in questions:
            parts = roots_of(question, done, roots)
            if parts and again.passes_with(parts, by_name[question.name]):
                roots[question.name] = parts
                question = replace(question, apart_from=tuple(done[name].title for name in parts))
            done[question.name] = question
    return tuple(done.values())


class _Again(ExitStack):
    """Asks a hand-in again, with the library's parts in the place of earlier exercises."""

    def __init__(self, plan: Plan, master: CourseNotebook, workshop: OpenWorkshop, session: Any) -> None:
        super().__init__()
        self.plan = plan
        self.master = master
        self.workshop = workshop
        self._session = session
        self._given: tuple[str, ...] = ()

    def passes_with(self, parts: Sequence[str], question: Question) -> bool:
        """Whether every case of a question passes with these parts.

        A session that has no others is given what it lacks. Where there is none, or where the question fails in it, a fresh one
        decides: what was asked before may have left something that it stumbles over.
        """
        if set(self._given) <= set(parts):
            missing = [name for name in parts if name not in self._given]
            self._given = tuple(parts)
            if self._passes(self._session, missing, question):
                return True
        with ExitStack() as fresh:
            session = fresh.enter_context(self.workshop.open())
            session.run_cells(self.plan.sources)
            if not self._passes(session, parts, question):
                return False
            self.close()
            self.push(fresh.pop_all())
        self._session, self._given = session, tuple(parts)
        return True

    def _passes(self, session: Any, missing: Sequence[str], question: Question) -> bool:
        """Whether every case of a question passes in a session that is given the parts that it lacks."""
        if missing:
            session.run_cells([cell_of(missing)])
        forget_answer(question.name)
        again = _examine(self.master, question, session.environment)
        return bool(again.result.cases) and all(case.passed for case in again.result.cases)


def _has_no_name(result: QuestionResult) -> bool:
    """Whether hidden tests fail and none of them names a mistake."""
    hidden = [case.finding for case in result.cases if case.hidden and case.finding is not None]
    return bool(hidden) and not any(finding.mistake for finding in hidden)


class _RecordedFile:
    """An Otter test file whose cases keep the exception they raised; what Otter makes of it is unchanged."""

    def __init__(self, otter: Any) -> None:
        self.otter = otter
        self.raised: dict[int, BaseException] = {}
        self._only_public = False
        self._known: dict[int, BaseException | None] = {}
        for position, case in enumerate(otter.test_cases):
            case.body.test_func = self._recording(position, case.body.test_func)

    def run_public(self, environment: Mapping[str, Any]) -> None:
        """Run the notebook's own checks, before any hidden test; what came of them is kept for `run_recorded`."""
        self._known.clear()
        self._only_public = True
        try:
            self.run_recorded(environment)
        finally:
            self._only_public = False
        self._known = {
            position: self.raised.get(position)
            for position, case in enumerate(self.otter.test_cases)
            if not case.hidden
        }

    def run_recorded(self, environment: Mapping[str, Any]) -> dict[int, BaseException]:
        """Run every case; the exceptions by position. A fault of the sandbox is raised, never scored."""
        self.raised.clear()
        self.otter.run(environment)
        for error in self.raised.values():
            if isinstance(error, InfrastructureError):
                raise error
        if not self._only_public:
            self._known.clear()
        return dict(self.raised)

    def _recording(self, position: int, function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def recorded(**arguments: Any) -> None:
            if self._only_public and self.otter.test_cases[position].hidden:
                return
            try:
                if position not in self._known:
                    function(**arguments)
                elif (known := self._known[position]) is not None:
                    raise known
            except Exception as error:
                self.raised[position] = error
                raise

        recorded.__signature__ = signature(function)  # type: ignore[attr-defined]  # Otter asks for it at every run
        return recorded


@cache
def _test_file(path: str) -> _RecordedFile:
    return _RecordedFile(_OTTER.create_test_file(path, _OTTER.NBMetadataConfig()))


def warm_up(master: CourseNotebook) -> None:
    """Load every test file of a notebook, so that the first submission is as fast as the others."""
    for question in master.questions:
        _test_file(str(master.test_path(question)))


def case_labels(question: Question, hidden: Sequence[bool]) -> list[str]:
    """What each case checks: the notebook's own check, then what the hidden tests say in the order of the build."""
    says = iter(question.tests)
    return [
        next(says, f"hidden check {position}") if is_hidden else "the check in the notebook"
        for position, is_hidden in enumerate(hidden)
    ]


def _finding(error: BaseException | None) -> Finding:
    """The words of a failed check; anything else that went wrong is withheld, since it could carry hidden inputs."""
    if not isinstance(error, CheckFailed):
        return WITHHELD
    report = error.report
    texts = (
        report.problem,
        report.expected,
        report.found,
        report.looks_like,
        report.hint,
        report.look_at,
        report.mistake,
    )
    return Finding(*(printable_text(text) for text in texts))


def _told_about_names(questions: Sequence[QuestionResult], plan: Plan) -> list[str]:
    """A remark for every name that a public check missed and that is set in a cell which is not run."""
    missed = [
        name
        for question in questions
        for case in question.cases
        if case.finding is not None and not case.hidden
        for name in _UNDEFINED.findall(case.finding.found)
    ]
    return [
        f"`{name}` is not defined: it is set in code cell {plan.left_out[name]}, an experiment, which is not run"
        for name in dict.fromkeys(missed)
        if name in plan.left_out
    ]


def _cell_problems(ran: Sequence[RanCell], plan: Plan) -> tuple[CellProblem, ...]:
    """What to tell about the cells; those that were not run any more are one problem."""
    found = [problem for cell in ran if (problem := _cell_problem(cell, plan.cells[cell.index])) is not None]
    skipped = [problem for problem in found if problem.status == "skipped"]
    return tuple(problem for problem in found if problem not in skipped[1:])


def _cell_problem(cell: RanCell, planned: PlannedCell) -> CellProblem | None:
    """What to tell about a cell that did not end well.

    A handed-out cell that fails because an answer above it is wrong or missing is no problem of its own.
    """
    if cell.status == "ok" or planned.number == GIVEN:
        return None
    number, place = planned.number, planned.exercise
    if cell.status == "skipped":
        reason = printable(getattr(cell.failure, "message", "") or "the worker was stopped too often", 160)
        return CellProblem(number, cell.status, f"and later ones were not run: {reason}", place)
    if cell.status == "timeout":
        return CellProblem(number, cell.status, "took too long and was stopped", place)
    if cell.status == "died":
        return CellProblem(number, cell.status, "ended the whole process", place)
    if cell.failure is not None and cell.failure.kind == "unfinished":
        return None
    if planned.handed_out or isinstance(planned.source, Definitions):
        return None
    name = printable(getattr(cell.failure, "type", "") or "an error", 60)
    message = printable(getattr(cell.failure, "message", ""), 160)
    given = "; what the set-up cell of the hand-out defines was given" if planned.setup else ""
    return CellProblem(number, "error", f"raised {name}" + (f": {message}" if message else "") + given, place)
