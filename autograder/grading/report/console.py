"""What a person at the terminal sees while a class is graded and when it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.grading.batch import GRADEBOOK, Summary
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.people import apart
from autograder.grading.record.result import Result, Status
from autograder.grading.report.exports import percent
from autograder.grading.report.numbers import number
from autograder.grading.report.outputs import GRADES, REPORT

ROWS_SHOWN = 40
NOTICES_SHOWN = 12
LAYOUTS_SHOWN = 6


class ConsoleWatcher:
    """A progress bar while submissions are graded; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("grading", total=None, visible=False, name="")

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Draw the bar during the block."""
        with self._progress:
            yield

    def found(self, intake: Intake, to_grade: int) -> None:
        """Say what was found, and begin to count."""
        for layout in intake.layouts[:LAYOUTS_SHOWN]:
            self.console.print(Text(layout, style="dim"))
        if len(intake.layouts) > LAYOUTS_SHOWN:
            self.console.print(Text(f"and {len(intake.layouts) - LAYOUTS_SHOWN} more paths", style="dim"))
        for notice in intake.notices[:NOTICES_SHOWN]:
            self.console.print(Text(f"note: {notice}", style="yellow"))
        if len(intake.notices) > NOTICES_SHOWN:
            self.console.print(
                Text(f"and {len(intake.notices) - NOTICES_SHOWN} more notes in the report", style="yellow")
            )
        total = len(intake.submissions)
        if not total:
            return
        self.console.print(f"{total} submission{'' if total == 1 else 's'}, {to_grade} to grade")
        self._progress.update(self._task, total=to_grade, visible=bool(to_grade))

    def graded(self, submission: Submission, result: Result) -> None:
        """Move the bar on."""
        self._progress.update(self._task, advance=1, name=escape(submission.student.name[:24]))

    def writing(self) -> None:
        """Take the bar away."""
        self._progress.update(self._task, visible=False)


def show_class(console: Console, out: Path, summary: Summary) -> None:
    """The table of the class, what needs a look, and where everything lies."""
    keys = {(submission.student.key, submission.notebook) for submission in summary.intake.submissions}
    shown = min(len(keys), ROWS_SHOWN)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("student", overflow="ellipsis", no_wrap=True, max_width=28)
    table.add_column("notebook", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("status", overflow="fold")
    with Gradebook(out / GRADEBOOK) as book:
        shared = book.shared_names()
        for record in _shown_first(book.record_of(*key) for key in sorted(keys, key=_by_notebook)):
            key = record.student.key
            table.add_row(*_row(record, apart(book.name_of(key), key, shared)))
    for line in summary.told[:NOTICES_SHOWN]:
        console.print(Text(f"note: {line}", style="yellow"))
    if len(summary.told) > NOTICES_SHOWN:
        console.print(Text(f"and {len(summary.told) - NOTICES_SHOWN} more notes in the report", style="yellow"))
    if not keys:
        console.print("nothing was graded: the marks are those of today's policies and roster")
        _show_place(console, "report", out / REPORT)
        _show_place(console, "grades", out / GRADES)
        return
    console.print()
    console.print(table)
    if len(keys) > shown:
        console.print(f"… and {len(keys) - shown} more in {GRADES}")
    console.print()
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
    unchanged = f" ({summary.skipped} unchanged since the last run)" if summary.skipped else ""
    console.print(Text(f"{counts}{unchanged}"))
    if summary.statuses.get(Status.INFRASTRUCTURE):
        console.print(
            Text("some could not be graded through no fault of the student: run the command again", style="red")
        )
    if summary.sandboxes:
        console.print(Text(f"sandbox {', '.join(sorted(summary.sandboxes))}"))
    _show_place(console, "report", out / REPORT)
    _show_place(console, "grades", out / GRADES)


def _shown_first(records: Iterable[Record | None]) -> list[Record]:
    """As many records as are shown: first those that need a look, and no more than these are kept."""
    looks: list[Record] = []
    others: list[Record] = []
    for record in records:
        if record is not None:
            kept = others if record.result.status is Status.GRADED else looks
            if len(kept) < ROWS_SHOWN:
                kept.append(record)
    return [*looks, *others][:ROWS_SHOWN]


def _row(record: Record, name: str) -> tuple[Text, Text, Text, Text, Text]:
    result = record.result
    style = {Status.GRADED: "green", Status.PROBLEMS: "yellow"}.get(result.status, "red")
    details = [*result.problems()] if result.status.has_score else [*result.reasons()]
    status = Text(result.status.value, style=style)
    if details:
        more = f" (+{len(details) - 1})" if len(details) > 1 else ""
        status.append(f": {details[0]}{more}", style="dim")
    score = f"{number(record.points)}/{number(record.possible)}" if record.points is not None else "–"
    return Text(name), Text(record.notebook[:2] or "?"), Text(score), Text(percent(record)), status


def _show_place(console: Console, label: str, path: Path) -> None:
    console.print(Text(f"{label:<8}{path}"), soft_wrap=True)


def _by_notebook(key: tuple[str, str]) -> tuple[str, str]:
    return key[1], key[0].casefold()
