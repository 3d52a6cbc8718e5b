"""The files that platforms export and take back: which one a file is, and where its marks, maxima and comments stand.

Every rule is read from the platform's own source or pages; docs/instructors.md names the place and the date of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograder.grading.errors import GradingError
from autograder.grading.safe_text import printable
from autograder.term.roster import roster_columns
from autograder.term.sheet import Row, Sheet
from autograder.term.worksheet import GRADE, modified

KINDS = ("canvas", "moodle", "gradescope", "nbgrader", "csv")
_IS = {
    "canvas": "a Canvas gradebook (Gradebook › Export)",
    "moodle": "a Moodle grading worksheet (View all submissions › Download grading worksheet)",
    "gradescope": "a Gradescope grade file (Review Grades › Download Grades)",
    "nbgrader": "a file of `nbgrader export`",
    "csv": "a plain table",
}
_MOODLE_MAXIMUM = (
    *("maximum grade", "beste bewertung", "bestwertung", "note maximale", "calificación máxima", "nota máxima"),
    *("valutazione massima", "maximumcijfer", "maximale cijfer"),
)
_MOODLE_COMMENTS = (
    *("feedback comments", "feedback als kommentar", "feedback-kommentare", "commentaires", "feedback par commentaires"),
    *("comentarios de retroalimentación", "comentarios", "comentários", "commenti", "feedbackcommentaar"),
)
_NBGRADER = ("assignment", "student_id", "raw_score", "late_submission_penalty", "score", "max_score")
_READ_ONLY = re.compile(r"read only", re.IGNORECASE)
_CANVAS_TOTALS = re.compile(r"\b(?:Current|Final) (?:Score|Points|Grade)\b|\bOverride (?:Score|Grade|Status)\b")


@dataclass(frozen=True)
class Place:
    """Where one notebook's marks go: the column, the maximum of a row (None when it has none), and other columns."""

    notebook: str
    column: int
    maximum: Callable[[Row], float | None]
    comments: int | None = None
    earned: int | None = None
    penalty: int | None = None
    only: str = ""  # nbgrader: the assignment whose rows are meant


@dataclass(frozen=True)
class Form:
    """A file of one platform, understood."""

    kind: str
    sheet: Sheet
    people: dict[str, int]
    places: tuple[Place, ...]
    rows: tuple[Row, ...]


def kind_of(sheet: Sheet) -> str:
    """Which platform a file is from, by its columns."""
    names = [name.casefold() for name in sheet.columns]
    people = roster_columns(sheet)
    if all(name in names for name in _NBGRADER):
        return "nbgrader"
    if "canvas" in people and "id" in names and "section" in names:
        return "canvas"
    if "moodle" in people and modified(sheet.columns)[0] is not None:
        return "moodle"
    if "total score" in names and "max points" in names:
        return "gradescope"
    return "csv"


def read_form(sheet: Sheet, kind: str, notebooks: Sequence[str], column: str = "", assignment: str = "") -> Form:
    """Understand a file as one of `kind`; raises GradingError when it is another platform's, or a column is not clear."""
    found, shown = kind_of(sheet), printable(sheet.path.name, 80)
    if found != kind and not (kind == "csv" and found == "csv"):
        if kind != "csv" and found != "csv":
            raise GradingError(f"{shown} is {_IS[found]}, not {_IS[kind]}: use --to {found}, or give the other file")
        if kind != "csv":
            raise GradingError(f"{shown} is not {_IS[kind]}: give the file as the platform made it")
    people = roster_columns(sheet)
    if not people.keys() & {"canvas", "moodle", "sis", "login", "email", "github"} and "student" not in _names(sheet):
        raise GradingError(f"{shown} has no column of ids, user names or email addresses: nobody in it can be known")
    places = {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope, "nbgrader": _nbgrader, "csv": _plain}
    rows = [row for row in sheet.body if kind != "canvas" or not _is_added(sheet, row)]
    wanted = _Wanted(tuple(notebooks), column, assignment)
    return Form(kind, sheet, people, tuple(places[kind](sheet, wanted)), tuple(rows))


@dataclass(frozen=True)
class _Wanted:
    notebooks: tuple[str, ...]
    column: str
    assignment: str

    def only(self, sheet: Sheet) -> str:
        """The one notebook that a file of a single assignment is for."""
        if len(self.notebooks) == 1:
            return self.notebooks[0]
        named = [name for name in self.notebooks if _names_it(sheet.path.stem, name)]
        if len(named) == 1:
            return named[0]
        raise GradingError(
            f"{printable(sheet.path.name, 80)} is for one assignment and several notebooks are graded "
            f"({', '.join(self.notebooks)}): say which with --notebook"
        )


def _canvas(sheet: Sheet, wanted: _Wanted) -> Iterator[Place]:
    possible = next((row for row in sheet.body if sheet.get(row, 0).casefold() == "points possible"), None)
    after = _names(sheet).index("section") + 1

    def is_open(at: int) -> bool:
        if possible is not None and _READ_ONLY.search(sheet.get(possible, at)):
            return False
        return not _CANVAS_TOTALS.search(sheet.columns[at])

    columns = [at for at in range(after, len(sheet.columns)) if is_open(at)]
    for notebook, at in _columns(sheet, wanted, columns):
        most = number_of(sheet.get(possible, at)) if possible is not None else None
        yield Place(notebook, at, lambda row, most=most: most)  # type: ignore[misc]


def _moodle(sheet: Sheet, wanted: _Wanted) -> Iterator[Place]:
    names = _names(sheet)
    maximum = next((names.index(name) for name in _MOODLE_MAXIMUM if name in names), None)
    grade = next((names.index(name) for name in GRADE if name in names), None)
    if wanted.column:
        grade = _named(sheet, wanted.column)
    if maximum is None:
        maximum = _constant_column(sheet, grade)
    if grade is None and maximum is not None:
        grade = maximum - 1  # Moodle puts the maximum right behind the grade, whatever both are called
    if grade is None or maximum is None:
        raise GradingError(
            f"{printable(sheet.path.name, 80)} has no column of grades and maximum grades that is known in this "
            "language: say which is the grade's with --column (a scale instead of points cannot be filled)"
        )
    changed, _ = modified(sheet.columns)
    comments = next((names.index(name) for name in _MOODLE_COMMENTS if name in names), None)
    if comments is None and changed is not None and changed == len(names) - 2:
        comments = changed + 1
    most = maximum
    yield Place(wanted.only(sheet), grade, lambda row: number_of(sheet.get(row, most)), comments)


def _gradescope(sheet: Sheet, wanted: _Wanted) -> Iterator[Place]:
    names = _names(sheet)
    most = names.index("max points")
    yield Place(wanted.only(sheet), names.index("total score"), lambda row: number_of(sheet.get(row, most)))


def _nbgrader(sheet: Sheet, wanted: _Wanted) -> Iterator[Place]:
    names = _names(sheet)
    at = {name: names.index(name) for name in _NBGRADER}
    assignments = list(dict.fromkeys(sheet.get(row, at["assignment"]) for row in sheet.body))
    for notebook in wanted.notebooks:
        asked = wanted.assignment
        named = [name for name in assignments if (name == asked if asked else _names_it(name, notebook))]
        if not named and len(wanted.notebooks) == len(assignments) == 1:
            named = assignments
        if len(named) != 1:
            known = ", ".join(printable(name, 40) for name in assignments[:8])
            raise GradingError(f"which assignment is {notebook}? say it with --assignment (and --notebook): there are {known}")
        yield Place(
            *(notebook, at["score"], lambda row: number_of(sheet.get(row, at["max_score"]))),
            earned=at["raw_score"],
            penalty=at["late_submission_penalty"],
            only=named[0],
        )


def _plain(sheet: Sheet, wanted: _Wanted) -> Iterator[Place]:
    people = set(roster_columns(sheet).values())
    for notebook, at in _columns(sheet, wanted, [at for at in range(len(sheet.columns)) if at not in people], alone=False):
        yield Place(notebook, at, lambda row: None)


def _columns(sheet: Sheet, wanted: _Wanted, columns: list[int], alone: bool = True) -> Iterator[tuple[str, int]]:
    """The column of each notebook: the one that is named, that has its name, or the only one."""
    shown = printable(sheet.path.name, 80)
    if wanted.column:
        if len(wanted.notebooks) != 1:
            raise GradingError(f"--column is for one notebook, and {len(wanted.notebooks)} are graded: add --notebook")
        at = _named(sheet, wanted.column)
        if at not in columns:
            raise GradingError(f"the column {printable(wanted.column, 60)} of {shown} takes no marks: it is the platform's own")
        yield wanted.notebooks[0], at
        return
    for notebook in wanted.notebooks:
        named = [at for at in columns if _names_it(sheet.columns[at], notebook)]
        if not named and alone and len(columns) == len(wanted.notebooks) == 1:
            named = columns
        if len(named) != 1:
            known = ", ".join(printable(sheet.columns[at], 40) for at in columns[:8])
            many = "several columns" if named else "no column"
            raise GradingError(
                f"{shown} has {many} for {notebook}: say which with --notebook {notebook.partition('_')[0]} --column NAME "
                f"({known or 'there is none that takes marks'})"
            )
        yield notebook, named[0]


def _named(sheet: Sheet, column: str) -> int:
    wanted = column.strip().casefold()
    at = [number for number, name in enumerate(_names(sheet)) if name == wanted or _without_id(name) == wanted]
    if len(at) != 1:
        many = "several columns" if at else "no column"
        raise GradingError(f"{printable(sheet.path.name, 80)} has {many} {printable(column, 60)}")
    return at[0]


def _names(sheet: Sheet) -> list[str]:
    return [name.casefold() for name in sheet.columns]


def _without_id(name: str) -> str:
    """Canvas's `Title (123)` without the number."""
    return re.sub(r"\s*\(\d{1,18}\)\Z", "", name)


def _names_it(title: str, notebook: str) -> bool:
    """Whether a title holds a notebook's whole name, with blanks or dashes for its underscores."""
    plain, name = (re.sub(r"[\W_]+", " ", text).strip().casefold() for text in (title, notebook))
    return f" {name} " in f" {plain} "


def _is_added(sheet: Sheet, row: Row) -> bool:
    """Whether Canvas added the row: the possible points, or which assignments are posted by hand."""
    if sheet.get(row, 0).casefold() == "points possible":
        return True
    told = [value.strip() for value in row.values() if value.strip()]
    return all(re.fullmatch(r"Muted|Manual Posting.*", value) for value in told)


def _constant_column(sheet: Sheet, grade: int | None) -> int | None:
    """The one column that holds the same number in every row: the maximum grade."""
    found = []
    for at in range(1, len(sheet.columns)):
        values = {sheet.get(row, at) for row in sheet.body}
        if len(values) == 1 and (number_of(next(iter(values))) or 0) > 0 and (grade is None or at == grade + 1):
            found.append(at)
    return found[0] if len(found) == 1 else None


def number_of(text: str) -> float | None:
    """A number with a decimal point or comma, or None."""
    plain = text.strip().replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def has_decimal_comma(sheet: Sheet, columns: Sequence[int]) -> bool:
    """Whether the file writes its numbers with a decimal comma, by those that stand in it, or else by its semicolons."""
    values = [sheet.get(row, at) for row in sheet.body for at in columns]
    commas = sum(re.fullmatch(r"\d+,\d+", value) is not None for value in values)
    points = sum(re.fullmatch(r"\d+\.\d+", value) is not None for value in values)
    return commas > points or (sheet.delimiter == ";" and commas == points)
