"""The commonest policies as options of `autograder grade`; they are said on top of what `course.toml` says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.term.policy import ATTEMPTS, FOLLOW_THROUGH, Policy, number_of_notebook, read_policy

Command = TypeVar("Command", bound=Callable[..., Any])


def policy_options(command: Command) -> Command:
    """Add the options; the command gets them in this order's names, for `policy_of`."""
    for option in reversed(
        (
            click.option("--course", "course_file", type=click.Path(path_type=Path), metavar="FILE",
                         help="The course's policies, such as course.toml; kept in the gradebook for later runs."),
            click.option("--deadline", "deadlines", multiple=True, metavar="NN=TIME",
                         help="When a notebook is due: 02=2026-10-12T23:59+02:00 (may be given several times)."),
            click.option("--late", metavar="PERCENT/day", help="Taken off for each day (or /hour) begun after the deadline."),
            click.option("--attempts", type=click.Choice(ATTEMPTS), help="Which of several hand-ins counts."),
            click.option("--drop-lowest", type=click.IntRange(min=0), metavar="N", help="Leave N notebooks out of the term."),
            click.option("--waive", "waived", multiple=True, metavar="QUESTION", help="A question that counts for nobody."),
            click.option("--follow-through", type=click.Choice(FOLLOW_THROUGH),
                         help="Points for an answer that is right apart from an earlier exercise.  [default: all]"),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def policy_of(
    course: Course,
    course_file: Path | None,
    deadlines: tuple[str, ...],
    late: str | None,
    attempts: str | None,
    drop_lowest: int | None,
    waived: tuple[str, ...],
    follow_through: str | None,
) -> Policy | None:
    """What the options say, or None when none was given; raises GradingError with one sentence."""
    said: dict[str, Any] = {}
    notebooks: dict[str, dict[str, Any]] = {}
    for text in deadlines:
        name, equals, moment = text.partition("=")
        if not equals:
            raise GradingError(f"--deadline {text}: write a notebook and a time, such as 02=2026-10-12T23:59+02:00")
        notebooks.setdefault(name, {})["deadline"] = moment
    for question in waived:
        notebooks.setdefault(number_of_notebook(question), {}).setdefault("waive", []).append(question)
    if late is not None:
        percent, _, per = late.partition("/")
        try:
            said["late"] = {"percent": float(percent.strip(" %")), "per": per or "day"}
        except ValueError:
            raise GradingError(f"--late {late}: write percent and unit, such as 10/day or 2/hour") from None
    given = {"attempts": attempts, "drop_lowest": drop_lowest, "follow_through": follow_through}
    said |= {name: value for name, value in given.items() if value is not None}
    if course_file is None and not said and not notebooks:
        return None
    return read_policy(course_file, course, {**said, **({"notebooks": notebooks} if notebooks else {})})
