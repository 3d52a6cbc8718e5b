"""The policies of a course, from `course.toml` and the command line: deadlines, lateness, weights, what counts.

A policy says how a result becomes a mark; the marking itself is in `mark_rules` and `total`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.platforms import Student
from autograder.grading.safe_text import printable

ASSUMED_ZONE = "UTC"
_DURATION = re.compile(r"(\d{1,4}) ?(day|hour)s?")
_QUESTION = re.compile(r"q?(\d+)[._](\d+)")
_SHORT = re.compile(r"\d[T ]\d\d:\d\d(?!\d|:)")
ATTEMPTS = ("last", "best", "last before the deadline")
FOLLOW_THROUGH = ("all", "half", "none")


def _moment(value: Any) -> Any:
    """A time as TOML or a command line gives it; a bare date means its last second."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time: write it as 2026-10-12T23:59+02:00") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(23, 59, 59))
    if not isinstance(value, datetime):
        raise ValueError("it is no time: write it as 2026-10-12T23:59+02:00")
    return value


def _moment_or_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value.startswith("P"):  # as a gradebook keeps it
        return _KEPT_DURATION.validate_python(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match else _moment(value)


_KEPT_DURATION = TypeAdapter(timedelta)
Moment = Annotated[datetime, BeforeValidator(_moment)]
Percent = Annotated[float, Field(ge=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Late(_Strict):
    """What lateness costs: `percent` for every `per` begun, of the points `earned` or of those `possible`.

    Within `grace_minutes` nothing is taken; after them lateness counts from the deadline. At least `floor_percent` of
    the same points stay, unless less was earned.
    """

    percent: Percent
    per: Literal["day", "hour"] = "day"
    of: Literal["earned", "possible"] = "earned"
    grace_minutes: Annotated[float, Field(ge=0)] = 0
    floor_percent: Percent = 0

    def units(self, lateness: timedelta) -> int:
        """How many days or hours have begun; 0 within the grace."""
        if lateness <= timedelta(minutes=self.grace_minutes):
            return 0
        return -(-lateness // timedelta(**{f"{self.per}s": 1}))

    def left(self, points: float, possible: float, units: int) -> float:
        """What is left of `points` when so many days or hours have begun."""
        whole = points if self.of == "earned" else possible
        floor = min(points, whole * self.floor_percent / 100)
        return max(floor, points - whole * self.percent / 100 * units)


class ForNotebook(_Strict):
    """What is different from notebook to notebook; the extensions are each student's own, by key, id or e-mail."""

    deadline: Moment | None = None
    weight: Annotated[float, Field(ge=0)] = 1
    waive: tuple[str, ...] = ()
    extensions: Mapping[str, Annotated[datetime | timedelta, BeforeValidator(_moment_or_duration)]] = {}


class Policy(_Strict):
    """All of a course's policies; without any, a mark is what was earned, follow-through included."""

    timezone: str = ""
    attempts: Literal["last", "best", "last before the deadline"] = "last"
    follow_through: Literal["all", "half", "none"] = "all"
    waived: Literal["left out", "full points"] = "left out"
    drop_lowest: Annotated[int, Field(ge=0)] = 0
    late: Late | None = None
    notebooks: Mapping[str, ForNotebook] = {}

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name or ASSUMED_ZONE)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone: write one such as Europe/Madrid") from None
        return name

    def of(self, notebook: str) -> ForNotebook:
        """What holds for one notebook."""
        return self.notebooks.get(notebook, ForNotebook())

    def deadline(self, notebook: str, student: Student) -> datetime | None:
        """When this student's notebook is due, in UTC; None when nothing was said."""
        said = self.of(notebook)
        own = next((said.extensions[name] for name in names_of(student) if name in said.extensions), None)
        if isinstance(own, datetime):
            return self.in_utc(own)
        if said.deadline is None:
            return None
        return self.in_utc(said.deadline) + (own or timedelta())

    def in_utc(self, moment: datetime) -> datetime:
        """A moment in UTC; one without a zone is meant in the course's."""
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.timezone or ASSUMED_ZONE))
        return zoned.astimezone(UTC)

    def notices(self, students: Iterable[Student]) -> list[str]:
        """What an instructor should know: times without a zone, and extensions for people who are not there."""
        told = []
        bare = [name for name, said in self.notebooks.items() if any(_bare(moment) for moment in _moments(said))]
        if bare and not self.timezone:
            told.append(
                f"the deadlines of {', '.join(bare)} have no time zone: they are taken as {ASSUMED_ZONE}; "
                'say timezone = "Europe/Madrid" (or yours) in course.toml'
            )
        extended = {name for said in self.notebooks.values() for name in said.extensions}
        if extended:
            extended -= {name for student in students for name in names_of(student) if name in extended}
        for notebook, said in self.notebooks.items():
            told += [
                f"{notebook}: the extension for {printable(name, 60)} fits nobody who has handed in"
                for name in said.extensions
                if name in extended
            ]
        return told


def names_of(student: Student) -> tuple[str, ...]:
    """Everything that names one student for certain: key, the platform's id, e-mail."""
    return tuple(name for name in (student.key, student.id, student.sis, student.email) if name)


def read_policy(path: Path | None, course: Course, said: Mapping[str, Any] | None = None) -> Policy:
    """The policies of a file, with what the command line said on top; raises GradingError with one sentence."""
    data: dict[str, Any] = {}
    where = str(path) if path else "the command line"
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise GradingError(f"{path} cannot be read ({getattr(error, 'strerror', '') or 'it is not UTF-8'})") from None
        except tomllib.TOMLDecodeError as error:
            short = _SHORT.search(_line_of(path, error))
            more = ": a time needs its seconds there, such as 2026-10-12T23:59:00" if short else ""
            raise GradingError(f"{path} is no TOML file: {error}{more}") from None
    try:
        notebooks = {_notebook(name, course): dict(_table(value)) for name, value in _table(data.get("notebooks", {})).items()}
        for name, changes in (said or {}).get("notebooks", {}).items():
            notebooks.setdefault(_notebook(name, course), {}).update(changes)
        for name, value in notebooks.items():
            if "waive" in value:
                value["waive"] = tuple(_question(one, name, course) for one in value["waive"])
        return Policy.model_validate({**data, **(said or {}), "notebooks": notebooks})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if not str(part).startswith("function-"))
        text = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            text = "there is no such setting"
        raise GradingError(f"{where}: {place}: {text[:1].lower()}{text[1:]}") from None
    except ValueError as error:
        raise GradingError(f"{where}: {error}") from None


def _line_of(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """The line of which an error speaks."""
    found = re.search(r"at line (\d+)", str(error))
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return lines[int(found[1]) - 1] if found and int(found[1]) <= len(lines) else ""


def kept_policy(text: str) -> Policy:
    """The policy that a gradebook keeps; the empty one for an empty text. Raises GradingError for what is none."""
    try:
        return Policy.model_validate_json(text) if text else Policy()
    except ValidationError:
        raise GradingError("the gradebook keeps policies that this version cannot read: give --course again") from None


def find_notebook(name: str, course: Course) -> str:
    """The whole name of a notebook from it or its number; raises GradingError with those there are."""
    try:
        return _notebook(name, course)
    except ValueError as error:
        raise GradingError(str(error)) from None


def number_of_notebook(question: str) -> str:
    """The number, such as `04`, of the notebook that `q4_3` or `4.3` would be in, whether there is one or not."""
    return question.removeprefix("q").replace("_", ".").partition(".")[0].zfill(2)


def find_question(name: str, notebook: str, course: Course) -> str:
    """Otter's name of a question from `q2_3` or `2.3`; raises GradingError with those there are."""
    try:
        return _question(name, notebook, course)
    except ValueError as error:
        raise GradingError(str(error)) from None


def _notebook(name: str, course: Course) -> str:
    for known in course.notebooks.values():
        if name in (known.name, known.number, known.number.lstrip("0")):
            return known.name
    there = ", ".join(known.number for known in course.notebooks.values())
    raise ValueError(f"there is no notebook {printable(str(name), 40)!r}: there are {there}")


def _question(name: Any, notebook: str, course: Course) -> str:
    match = _QUESTION.fullmatch(name) if isinstance(name, str) else None
    wanted = f"q{match[1]}_{match[2]}" if match else ""
    questions = [question.name for question in course.notebooks[notebook].questions]
    if wanted not in questions:
        raise ValueError(
            f"notebook {notebook} has no question {printable(str(name), 40)!r}: it has {', '.join(questions)}"
        )
    return wanted


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("notebooks has to be a table such as [notebooks.02]")
    return value


def _moments(said: ForNotebook) -> list[Any]:
    return [said.deadline, *said.extensions.values()]


def _bare(moment: Any) -> bool:
    return isinstance(moment, datetime) and moment.tzinfo is None
