"""Grade a whole class: take in, skip what is known, grade the rest in parallel, record, report."""

from __future__ import annotations

import fcntl
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Intake, Submission, take_in
from autograder.grading.long_list import LongList
from autograder.grading.record.files import remove_half_written, usable_folder
from autograder.grading.record.gradebook import Gradebook, Record, Standing
from autograder.grading.record.result import Result, Status
from autograder.grading.report.outputs import Outputs
from autograder.grading.run.job import Job, Setting
from autograder.grading.run.pool import Pool
from autograder.grading.run.scratch import scratch_folder
from autograder.term.gradebook_marks import POLICY, Marker
from autograder.term.policy import ASSUMED_ZONE, Policy, find_notebook, kept_policy
from autograder.term.register import ABOUT_ROSTERS, Register

GRADEBOOK = "gradebook.sqlite"
SEED = "seed"  # of the gradebook's settings: a fingerprint, never a seed
SCRATCH = "autograder-scratch-"


class Watcher(Protocol):
    """Is told how a run goes on."""

    def found(self, intake: Intake, to_grade: int) -> None:
        """Everything has been found; `to_grade` of it is new or changed."""

    def graded(self, submission: Submission, result: Result) -> None:
        """One submission is recorded."""

    def writing(self) -> None:
        """The reports are being written."""


@dataclass(frozen=True)
class Plan:
    """What to grade, where to put it and how."""

    paths: Sequence[Path]
    out: Path
    course: Course
    setting: Setting
    layout: str = "auto"
    again: bool = False
    notebook: str = ""
    rosters: Sequence[Path] = ()
    policy: Policy | None = None  # None for the one that the gradebook keeps
    public_inputs: bool = False  # leave a gradebook's secret inputs for those of the repository


@dataclass
class Summary:
    """What a run came to."""

    intake: Intake
    graded: int = 0
    skipped: int = 0
    statuses: dict[Status, int] = field(default_factory=dict)
    sandboxes: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)  # of the marks, known only at the end

    def count(self, status: Status, sandbox: str) -> None:
        """Add one submission."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.sandboxes |= {sandbox} - {""}

    @property
    def has_grades(self) -> bool:
        """Whether at least one submission of this run has a score."""
        return any(status.has_score and count for status, count in self.statuses.items())


def grade_class(plan: Plan, pool: Callable[[int], Pool], watcher: Watcher) -> Summary:
    """Carry out `plan`; `pool(count)` makes the pool when there is something to grade.

    Without paths nothing is graded: what the gradebook holds is marked by the policies and the rosters of `plan`.

    Every result is recorded as soon as it is there, so that a run that was stopped goes on where it was.
    Raises GradingError when nothing can be done.
    """
    out = usable_folder(plan.out)
    with (
        alone_in(out),
        scratch_folder(SCRATCH) as scratch,
        Gradebook(out / GRADEBOOK) as book,
    ):
        remove_half_written(out)
        _same_inputs(plan, book)
        notebook = plan.notebook and find_notebook(plan.notebook, plan.course)
        register = Register(book, plan.rosters)
        outputs = Outputs(out, book, plan.course)
        if plan.paths:
            intake = take_in(plan.paths, plan.course, scratch, plan.layout, who=register, notebook=notebook)
        else:
            intake = outputs.kept_intake()
            if plan.rosters:
                intake.notices = [line for line in intake.notices if not line.startswith(ABOUT_ROSTERS)]
        moved = register.keep()
        if plan.paths or plan.rosters:
            intake.notices += register.notices(intake)
        summary = Summary(intake)
        outputs.forget(moved)
        policy = plan.policy or kept_policy(book.setting(POLICY))
        intake.notices += _times_in_utc(intake, policy)
        everybody = _Everybody(intake.submissions)
        marker = Marker(book, plan.course, outputs, policy)
        if moved:
            book.settle(marker.choice)
        book.expect(everybody)
        book.keep_setting(SEED, plan.setting.seed)
        run = book.start_run([str(path) for path in plan.paths], plan.setting.sandbox)
        to_grade = _sort_out(plan, everybody, marker, summary)
        to_grade.extend(_stale(plan, everybody, marker))
        watcher.found(intake, len(to_grade))
        if to_grade:
            _grade(plan, to_grade, pool, marker, summary, watcher)
        watcher.writing()
        marker.mark_all()
        summary.told = [*book.to_tell(), *marker.notices()]
        intake.notices += book.to_tell()
        outputs.keep_intake(intake)
        intake.notices += marker.notices()
        outputs.write_class(intake)
        book.finish_run(run)
    return summary


class _Everybody:
    """Every file that is to be recorded, earlier attempts before the last of each student."""

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions

    def __iter__(self) -> Iterator[Submission]:
        for submission in self.submissions:
            yield from (*submission.earlier, submission)


def _times_in_utc(intake: Intake, policy: Policy) -> list[str]:
    """Give the platforms' times in UTC; what is to be said when one has no zone and the course none either."""
    times = [one.handed_in for one in _Everybody(intake.submissions) if one.handed_in]
    if not times:
        return []

    def zoned(one: Submission) -> Submission:
        moment = policy.in_utc(datetime.fromisoformat(one.handed_in)).isoformat() if one.handed_in else ""
        return replace(one, handed_in=moment, earlier=tuple(zoned(earlier) for earlier in one.earlier))

    intake.submissions = LongList(map(zoned, intake.submissions))
    if policy.timezone or all(datetime.fromisoformat(time).tzinfo for time in times):
        return []
    return [
        f"the times of the hand-ins have no time zone: they are taken as {ASSUMED_ZONE}; "
        'say timezone = "Europe/Madrid" (or yours) in course.toml'
    ]


def _same_inputs(plan: Plan, book: Gradebook) -> None:
    """Refuse to grade with the repository's inputs, without being told to, where a secret's were used before."""
    before = book.setting(SEED)
    if before and not plan.setting.secret and not plan.public_inputs:
        raise GradingError(
            f"{book.path} was graded with a course's own inputs (fingerprint {before}): give --seed-file again, "
            "or --public-inputs to grade everything with the inputs of the public repository"
        )


def _sort_out(plan: Plan, everybody: Iterable[Submission], marker: Marker, summary: Summary) -> LongList[Submission]:
    """Record what cannot be graded, skip what is graded already; the rest."""
    book = marker.book
    to_grade: LongList[Submission] = LongList()
    for submission in everybody:
        student, notebook = submission.student.key, submission.notebook
        standing = book.standing(student, notebook, submission.sha256)
        if submission.problem:
            result = _ungradable(submission, plan.course)
            if standing is None or standing.status != result.status:
                _record(submission, "", result, marker)
            summary.count(result.status, result.sandbox)
            continue
        if not plan.again and standing is not None and _is_known(standing, submission.notebook, plan):
            book.update_origin(submission)
            summary.skipped += 1
            summary.count(standing.status, standing.sandbox)
        else:
            to_grade.append(submission)
    return to_grade


def _stale(plan: Plan, everybody: Iterable[Submission], marker: Marker) -> Iterator[Submission]:
    """Earlier files, graded with other tests, that may count by the policy: they are graded again from what was kept."""
    if marker.policy.attempts == "last":
        return
    book = marker.book
    given: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in everybody:
        if one.notebook:
            given[one.student.key, one.notebook].add(one.sha256)
    for key, here in sorted(given.items()):
        for attempt in book.attempts(*key):
            standing = book.standing(*key, attempt.sha256)
            kept = book.stored(*key, attempt.sha256)
            if attempt.sha256 not in here and kept and standing and not _is_known(standing, key[1], plan):
                yield kept[0]


def _is_known(standing: Standing, notebook: str, plan: Plan) -> bool:
    """Whether the same file has been graded with the same tests, in the sandbox that is asked for."""
    wanted = plan.setting.sandbox
    safe_enough = standing.sandbox != "none" if wanted == "auto" else standing.sandbox.startswith(wanted)
    return (
        standing.status.has_score
        and standing.sound
        and standing.seed == plan.setting.seed
        and standing.tests_version == plan.course.notebooks[notebook].tests_version
        and safe_enough
    )


def _record(
    submission: Submission, tests_version: str, result: Result, marker: Marker, code: bytes = b"", seed: str = ""
) -> None:
    """Write a result, what is to be told about it, and what it counts for."""
    book, key = marker.book, (submission.student.key, submission.notebook)
    with book.together():
        before = book.record_of(*key)
        book.record(submission, tests_version, result, code=code, seed=seed, choice=marker.choice)
        book.tell(_told(submission, before, book.record_of(*key)))
    marker.mark(*key)


def _told(submission: Submission, before: Record | None, after: Record | None) -> list[str]:
    """One line when an older file does not count, or when another mark went without a known order."""
    key = submission.student.key
    if before is None or after is None or not submission.sha256 or before.sha256 == submission.sha256:
        return []
    if after.sha256 != submission.sha256:
        return [f"{key}: {submission.shown} is older than {after.file}, which still counts"]
    was, now = before.result.score, after.result.score
    if was is not None and was != now and not (before.handed_in and after.handed_in):
        told = "no score" if now is None else f"{now:g} points"
        return [f"{key}: {submission.shown} took the place of {before.file}: {told} instead of {was:g}"]
    return []


def _grade(
    plan: Plan,
    to_grade: Sequence[Submission],
    pool: Callable[[int], Pool],
    marker: Marker,
    summary: Summary,
    watcher: Watcher,
) -> None:
    for job, result in pool(len(to_grade)).run(_jobs(plan, to_grade, marker.book)):
        submission = to_grade[job.number]
        master = plan.course.notebooks[submission.notebook]
        _record(submission, master.tests_version, result, marker, job.raw, plan.setting.seed)
        summary.graded += 1
        summary.count(result.status, result.sandbox)
        watcher.graded(submission, result)


def _jobs(plan: Plan, to_grade: Sequence[Submission], book: Gradebook) -> Iterator[Job]:
    """Read each submission only when it is its turn."""
    for number, submission in enumerate(to_grade):
        version = plan.course.notebooks[submission.notebook].tests_version
        try:
            yield Job(number, submission.notebook, _bytes(submission, book), version)
        except OSError as error:
            raise GradingError(f"{submission.shown} cannot be read any more ({error.strerror}): run again") from None


def _bytes(submission: Submission, book: Gradebook) -> bytes:
    if submission.path is not None:
        return submission.read()
    kept = book.stored(submission.student.key, submission.notebook, submission.sha256)
    assert kept is not None, "only what was kept is graded without a file"
    return kept[1]


def _ungradable(submission: Submission, course: Course) -> Result:
    status = Status.UNREADABLE if submission.unreadable else Status.WRONG_NOTEBOOK
    master = course.notebooks.get(submission.notebook)
    return Result(status, notes=(submission.problem,), possible=master.points if master else 0.0)


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Keep a second run away from the same folder."""
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GradingError(
                f"another run is writing to {out}: wait for it, or choose another folder with -o"
            ) from None
        yield
