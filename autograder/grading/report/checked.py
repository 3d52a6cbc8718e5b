"""What a person at the terminal sees of one notebook of their own."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.grading.record.result import QuestionResult, QuestionStatus, Result
from autograder.grading.report.numbers import number

WIDTH = 92
_STYLES = {
    QuestionStatus.RIGHT: ("✓", "green"),
    QuestionStatus.APART: ("✓", "cyan"),
    QuestionStatus.PARTLY: ("◐", "yellow"),
    QuestionStatus.WRONG: ("✗", "red"),
    QuestionStatus.BLANK: ("○", "dim"),
}


def show_check(console: Console, result: Result, title: str) -> None:
    """Every question of one notebook, with what is wrong in words."""
    console.print()
    console.print(Text(f"Notebook {title}", style="bold"))
    for note in result.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    for cell in result.cells:
        console.print(Text(f"note: {cell}", style="yellow"))
    for question in result.questions:
        _show_question(console, question)
    console.print()
    score = result.score
    if score is not None:
        share = f" ({100 * score / result.possible:.0f} %)" if result.possible else ""
        console.print(Text(f"{number(score)} of {number(result.possible)} points{share}", style="bold"))
    for fault in result.faults:
        console.print(Text(f"the grader could not complete a check: {fault}", style="red"))


def _show_question(console: Console, question: QuestionResult) -> None:
    mark, style = _STYLES[question.status]
    head = Table.grid(padding=(0, 1))
    head.width = min(console.width, WIDTH)
    head.add_column(width=1)
    head.add_column(ratio=1)
    head.add_column(justify="right", no_wrap=True)
    points = f"{number(question.score)} / {number(question.possible)}"
    head.add_row(Text(mark, style=style), Text(question.title, style="bold"), Text(points, style=style))
    console.print()
    console.print(head)
    for finding, cases in question.findings():
        body = Table.grid(padding=(0, 2, 0, 0))
        body.add_column(style="dim", no_wrap=True, min_width=10)
        body.add_column(overflow="fold")
        for label, text in finding.rows():
            body.add_row(label, Text(text, style="bold" if label == "looks like" else ""))
        seen = "every check" if len(cases) == len(question.cases) else "; ".join(case.name for case in cases)
        body.add_row("seen in", Text(seen, style="dim"))
        console.print(Padding(Text(finding.problem, style=style), (0, 0, 0, 2)))
        console.print(Padding(body, (0, 0, 0, 4)))
