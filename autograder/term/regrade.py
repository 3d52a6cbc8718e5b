"""The command `autograder regrade`: one question of everybody again, to be looked at before it is taken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.grading.batch import GRADEBOOK, SEED, alone_in
from autograder.grading.command import fail
from autograder.grading.course import Course, CourseNotebook
from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.result import QuestionResult, Result
from autograder.grading.report.numbers import number
from autograder.grading.report.outputs import Outputs
from autograder.grading.run.job import Job, Setting
from autograder.grading.run.pool import Pool, Processes, processor_count
from autograder.grading.run.sandbox.choice import KINDS, choose_sandbox
from autograder.judging.library_parts import USES
from autograder.judging.secret import SecretError, read_secret
from autograder.term.command import existing
from autograder.term.gradebook_marks import Marker
from autograder.term.mark_rules import mark_of
from autograder.term.policy import find_notebook, find_question, number_of_notebook


@dataclass(frozen=True)
class Change:
    """One student's question before and after, the marks that follow, and the whole result to take over.

    `as_today` when every other question gives today what is recorded, so that the whole notebook counts as graded today.
    """

    record: Record
    before: QuestionResult
    after: QuestionResult
    mark_before: float | None
    mark_after: float | None
    result: Result
    as_today: bool

    @property
    def differs(self) -> bool:
        """Whether anything about the question changed, its words included."""
        return self.record.result != self.result

    @property
    def fell(self) -> bool:
        """Whether the mark is lower afterwards."""
        return self.mark_before is not None and (self.mark_after is None or self.mark_after < self.mark_before)


@dataclass(frozen=True)
class Regraded:
    """What a question would give today: the changes in the order of the students, and who could not be looked at."""

    notebook: str
    question: str
    changes: tuple[Change, ...]
    left_out: tuple[str, ...]


def regrade_question(question: str, book: Gradebook, marker: Marker, pool: Callable[[int], Pool]) -> Regraded:
    """Grade one question of everybody from the code that the gradebook keeps, and write nothing.

    What is judged again apart from it (see `USES`) is taken along: a 2.5 may be right now that 2.3 is.
    """
    master = notebook_of(question, marker.course)
    records: list[Record] = []
    jobs: list[Job] = []
    left_out: list[str] = []
    for record in book.records(master.name):
        kept = book.stored(record.student.key, master.name, record.sha256)
        if record.result.score is None:
            continue
        if kept is None:
            left_out.append(f"{record.student.key}: graded before code was kept; `autograder grade --again` keeps it")
            continue
        jobs.append(Job(len(records), master.name, kept[1], master.tests_version))
        records.append(record)
    results: dict[int, Result] = {}
    if jobs:
        for job, result in pool(len(jobs)).run(iter(jobs)):
            results[job.number] = result
    changes = []
    for place, record in enumerate(records):
        result = results[place]
        if result.score is None or result.faults:
            left_out.append(f"{record.student.key}: it could not be graded through a fault of ours: run the command again")
        else:
            changes.append(_change(question, record, result, book, marker))
    return Regraded(master.name, question, tuple(changes), tuple(left_out))


def take_over(regraded: Regraded, book: Gradebook, marker: Marker) -> int:
    """Write what changed; returns how many rows that were."""
    master = marker.course.notebooks[regraded.notebook]
    written = 0
    for change in regraded.changes:
        key, sha256 = change.record.student.key, change.record.sha256
        kept, standing = book.stored(key, regraded.notebook, sha256), book.standing(key, regraded.notebook, sha256)
        if not change.differs or kept is None or standing is None:
            continue
        version = master.tests_version if change.as_today else standing.tests_version
        book.record(kept[0], version, change.result, code=kept[1], seed=standing.seed, choice=marker.choice)
        marker.mark(key, regraded.notebook)
        written += 1
    return written


def notebook_of(question: str, course: Course) -> CourseNotebook:
    """The notebook that a question such as `q4_3` or `4.3` is in; raises GradingError when there is none."""
    name = find_notebook(number_of_notebook(question), course)
    find_question(question, name, course)
    return course.notebooks[name]


def _change(question: str, record: Record, today: Result, book: Gradebook, marker: Marker) -> Change:
    taken = {question, *(name for name, used in USES.items() if question in used)}
    new = {one.name: one for one in today.questions}
    merged = tuple(new[one.name] if one.name in taken and one.name in new else one for one in record.result.questions)
    if question not in {one.name for one in merged}:
        merged = (*merged, new[question])
    result = replace(record.result, questions=merged, possible=sum(one.possible for one in merged))
    overrides = book.overrides(record.student.key, record.notebook)
    before = mark_of(record, marker.policy, overrides)
    after = mark_of(replace(record, result=result), marker.policy, overrides)
    old = {one.name: one for one in record.result.questions}
    nothing = QuestionResult(question, new[question].title, 0.0, 0.0, ())
    return Change(
        *(record, old.get(question, nothing), new[question], before.points, after.points, result),
        as_today=merged == today.questions,
    )


@click.command()
@click.option("--question", required=True, metavar="Q", help="The question, such as q4_3.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder with the gradebook.")
@click.option("--apply", "applied", is_flag=True, help="Take it over.  [default: only show it]")
@click.option("--seed-file", type=click.Path(path_type=Path), help="The course's secret, where one was used for grading.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes to grade in.  [default: one per processor]")
@click.option("--sandbox", type=click.Choice(KINDS), default="auto", show_default=True, help="Where submitted code runs.")
def regrade(question: str, out: Path, applied: bool, seed_file: Path | None, jobs: int | None, sandbox: str) -> None:
    """Grade one question of everybody again, after its test was mended, and show what would change, student by student.

    Nothing is written before you say --apply. Hand-ins are not needed: the gradebook keeps their code.
    """
    console = Console(highlight=False)
    try:
        setting = Setting(sandbox, secret=read_secret(seed_file) if seed_file else None)
        with alone_in(existing(out)), Gradebook(out / GRADEBOOK) as book:
            if book.setting(SEED) != setting.seed:
                raise GradingError(
                    f"{out} was graded with {_inputs(book.setting(SEED))}, and this would be {_inputs(setting.seed)}: "
                    "give the --seed-file that was used, and none where none was"
                )
            course = Course.load()
            outputs = Outputs(out, book, course)
            marker = Marker.of(book, course, outputs)
            name = find_question(question, notebook_of(question, course).name, course)
            choose_sandbox(sandbox)
            with console.status(f"grading {name} of everybody"):
                found = regrade_question(
                    name, book, marker, lambda count: Processes(setting, jobs or processor_count(), count)
                )
            show(found, console)
            if applied:
                written = take_over(found, book, marker)
                marker.mark_all()
                outputs.write_class(outputs.kept_intake(marker.notices()))
                console.print(f"taken over: {written} rows")
            else:
                console.print("nothing was written: run the same command with --apply to take it over")
    except (GradingError, SecretError) as error:
        fail(str(error))


def show(found: Regraded, console: Console) -> None:
    """The difference student by student, and whose mark fell."""
    moved = [change for change in found.changes if change.before.score != change.after.score or change.fell]
    title = found.changes[0].after.title if found.changes else found.question
    console.print(Text(f"{title}: {len(found.changes)} graded again, {len(moved)} with other points"))
    if moved:
        table = Table("student", "before", "after", "mark before", "mark after", box=None, pad_edge=False)
        for change in moved:
            points = (number(change.before.score), number(change.after.score))
            marks = (number(change.mark_before), number(change.mark_after))
            table.add_row(*(Text(text) for text in (change.record.student.name, *points, *marks)))
        console.print(table)
    fell = [change.record.student.name for change in moved if change.fell]
    console.print(Text(f"marks that fell: {', '.join(fell) if fell else 'none'}"))
    elsewhere = sum(not change.as_today for change in found.changes)
    if elsewhere:
        console.print(
            Text(f"{elsewhere} would change in other questions, too, which stay as they are until `autograder grade` runs")
        )
    for line in found.left_out:
        console.print(Text(f"left out: {line}", style="yellow"))


def _inputs(seed: str) -> str:
    return f"the secret inputs {seed}" if seed else "the inputs of the repository"
