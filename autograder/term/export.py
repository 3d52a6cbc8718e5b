"""Fill the file that an instructor downloaded from a platform with the marks of a gradebook, and change nothing else."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.people import told_apart
from autograder.grading.report.exports import comment
from autograder.grading.report.numbers import number
from autograder.grading.safe_text import in_lines, printable
from autograder.term.forms import Form, Place, has_decimal_comma, read_form
from autograder.term.roster import HIDDEN, Person, Token, person_of, plain_name
from autograder.term.sheet import Row, as_csv, harmless, read_sheet, write_whole

OURS = "autograder: "
_KEPT = ("ex", "excused", "n/a")


@dataclass
class Filled:
    """What filling a file came to, for the person at the terminal."""

    marks: int = 0
    comments: int = 0
    told: list[str] = field(default_factory=list)


class People:
    """Leads from the ids of a platform's row to a student of the gradebook."""

    def __init__(self, book: Gradebook) -> None:
        self.names: dict[str, str] = {}
        self._listed = {one.student for one in book.people()}
        self._by_token: dict[Token, set[str]] = defaultdict(set)
        for token, key in book.aliases().items():
            self._by_token[token].add(key)
        for one in book.people():
            self.names[one.student] = one.name
            for token in one.ids:
                self._by_token[token] |= {one.student}
        for student in book.students():
            self.names.setdefault(student.key, student.name)
            kind = {"nbgrader": "login", "blackboard": "login", "gradescope": "sis"}.get(student.platform, student.platform)
            tokens = [(kind, student.id), ("email", student.email)]
            if not student.platform or kind == "login":
                tokens += [(kind, student.key) for kind in ("email", "login", "sis", "github", "canvas")]
            for kind, value in tokens:
                if kind and value:
                    self._by_token[kind, value.casefold() if kind in ("email", "login", "github") else value].add(student.key)

        self.by_name = {plain_name(name): key for key, name in self.names.items() if key not in self._listed}

    def is_listed(self, key: str | None) -> bool:
        """Whether a roster said who it is."""
        return key in self._listed

    def key_of(self, tokens: Iterable[Token]) -> str | None:
        """The student whom a row names; None for nobody. Raises LookupError when its ids are two students'."""
        found = {key for token in tokens for key in self._by_token.get(token, ())}
        found |= {key for kind, value in tokens if kind == "login" for key in self._by_token.get(("email", value), ())}
        if len(found) > 1:
            raise LookupError
        return next(iter(found), None)


def export(
    book: Gradebook,
    kind: str,
    file: Path,
    notebook: str = "",
    column: str = "",
    assignment: str = "",
    target: Path | None = None,
) -> Filled:
    """Fill `file`, a download of the platform `kind`, in its place or as `target`; raises GradingError, nothing half written."""
    graded = [name for name in book.notebooks() if name]
    wanted = [name for name in graded if not notebook or notebook == name]
    if not wanted:
        said = f"{notebook} is not graded" if notebook else "nothing is graded"
        raise GradingError(f"{said} in this folder yet: grade first, then export")
    if kind == "csv" and not file.exists():
        return _new_table(book, wanted, target or file)
    sheet = read_sheet(file)
    form = read_form(sheet, kind, wanted, column, assignment)
    filled = _fill(form, book)
    sheet.write(target or file)
    return filled


def _fill(form: Form, book: Gradebook) -> Filled:
    filled, people = Filled(), People(book)
    comma = has_decimal_comma(form.sheet, _numeric_columns(form))
    rows = {id(row): _key(form, row, people, filled) for row in form.rows}
    there = {key for key in rows.values() if key}
    for place in form.places:
        records = {record.student.key: record for record in book.records(place.notebook)}
        _Filling(form, place, records, filled, comma).fill(rows)
        shown = told_apart(people.names)
        lost = [shown[key] for key, one in records.items() if key not in there and one.points is not None]
        filled.told += in_lines(f"not in {printable(form.sheet.path.name, 60)}, so without a mark there:", lost)
    people_there = [(row, person_of(form.sheet, row, form.people)) for row in form.rows]
    nobody = [person.name for row, person in people_there if person is not None and not rows[id(row)]]
    filled.told += in_lines("not in the gradebook, left as they are:", nobody)
    return filled


@dataclass
class _Filling:
    """One notebook's marks on their way into a file."""

    form: Form
    place: Place
    records: dict[str, Record]
    filled: Filled
    comma: bool

    def fill(self, rows: dict[int, str | None]) -> None:
        """Write the marks of all rows whose student has one, and say what was scaled, cut or left alone."""
        scales: dict[tuple[str, str], int] = defaultdict(int)
        kept, above, without, own = [], [], [], 0
        for row in self.form.rows:
            record = self.records.get(rows[id(row)] or "")
            if record is None or not self._is_meant(row):
                continue
            mark = record.points
            if mark is None or not record.possible:
                without.append(record.student.name)
                continue
            if self.place.column >= len(row.cells):
                self.filled.told.append(f"line {row.line} ({record.student.name}) ends before the column of marks: left alone")
                continue
            if self.form.sheet.get(row, self.place.column).casefold() in _KEPT:
                kept.append(record.student.name)
                continue
            most = self.place.maximum(row)
            factor = most / record.possible if most else 1.0
            if most and most != record.possible:
                scales[number(record.possible), number(most)] += 1
            value = mark * factor
            if most is not None and value > most > 0 and self.form.kind == "moodle":
                above.append(record.student.name)
                value = most
            self.filled.marks += self._put(row, self.place.column, value)
            self._more(row, record, factor)
            own += self._comment(row, record)
        name = self.place.notebook
        for (before, after), count in scales.items():
            self.filled.told.append(f"{name}: {before} points are written as {after}, the file's maximum ({count} marks)")
        self.filled.told += in_lines(f"{name}: excused or not assigned, left alone:", kept)
        self.filled.told += in_lines(f"{name}: above the maximum (Moodle would skip it), written as the maximum:", above)
        self.filled.told += in_lines(f"{name}: handed in but without a mark, left alone:", without)
        if own:
            self.filled.told.append(f"{name}: {own} comments that somebody wrote were left alone")

    def _is_meant(self, row: Row) -> bool:
        return not self.place.only or self.form.sheet.get(row, 0) == self.place.only

    def _put(self, row: Row, column: int, value: float) -> bool:
        text = number(round(value, 4))
        return self.form.sheet.put(row, column, text.replace(".", ",") if self.comma else text)

    def _more(self, row: Row, record: Record, factor: float) -> None:
        """nbgrader's score before the penalty, and the penalty."""
        if self.place.earned is None or self.place.penalty is None or record.points is None:
            return
        earned = record.result.score or 0.0
        before = earned * record.possible / record.result.possible if record.result.possible else 0.0
        self._put(row, self.place.earned, before * factor)
        self._put(row, self.place.penalty, max(before - record.points, 0.0) * factor)

    def _comment(self, row: Row, record: Record) -> bool:
        """Write the comment where none, or an older one of ours, stands; whether somebody else's was met."""
        if self.place.comments is None:
            return False
        there = self.form.sheet.get(row, self.place.comments)
        if there and not there.startswith(OURS):
            return True
        text = harmless(OURS + html.escape(comment(record), quote=False))
        self.filled.comments += self.form.sheet.put(row, self.place.comments, text)
        return False


def _key(form: Form, row: Row, people: People, filled: Filled) -> str | None:
    person = person_of(form.sheet, row, form.people)
    if person is None:
        return None
    tokens = set(person.tokens)
    if form.kind == "nbgrader":  # its student_id is whatever the course chose
        value = form.sheet.get(row, form.sheet.columns.index("student_id"))
        tokens |= {("sis", value), *((kind, value.casefold()) for kind in ("login", "email", "github"))}
    try:
        key = people.key_of(sorted(tokens))
        surely = people.key_of(sorted(token for token in tokens if token[0] != "moodle"))
    except LookupError:
        filled.told.append(f"line {row.line} ({printable(person.name, 60)}) has the ids of two students: left alone")
        return None
    if form.kind == "moodle" and not surely and not people.is_listed(key):
        return _moodle_key(key, person, row, people, filled)
    return key


def _moodle_key(key: str | None, person: Person, row: Row, people: People, filled: Filled) -> str | None:
    """Whose hand-in a worksheet's row has when no roster said so: a group's number may be a participant's, so names count."""
    of_team = [people.by_name[plain_name(team)] for team in person.teams if plain_name(team) in people.by_name]
    if of_team:
        return of_team[0]
    if key is None or plain_name(people.names[key]) in (plain_name(person.name), *HIDDEN) or person.name.isdigit():
        return key
    shown = f"line {row.line} ({printable(person.name, 60)}) has the number of {printable(people.names[key], 60)}"
    filled.told.append(f"{shown}, which may be a group's: left alone")
    return None


def _numeric_columns(form: Form) -> list[int]:
    places = [place.column for place in form.places]
    return [*places, *(at + 1 for at in places if at + 1 < len(form.sheet.columns))]


def _new_table(book: Gradebook, notebooks: Sequence[str], target: Path) -> Filled:
    """A new table of everybody: ids, section, and the marks of each notebook."""
    people = {one.student: one for one in book.people()}
    students = {student.key: student for student in book.students()}
    marks: dict[str, dict[str, Record]] = {
        name: {record.student.key: record for record in book.records(name)} for name in notebooks
    }
    head = ["student", "name", "email", "section"]
    rows = [[*head, *(part for name in notebooks for part in (name, f"{name} of"))]]
    filled = Filled()
    for key in sorted({*people, *students}, key=str.casefold):
        one, student = people.get(key), students.get(key)
        name = one.name if one else student.name if student else key
        email = (one.email if one else "") or (student.email if student else "")
        row = [key, name, email, one.section if one else ""]
        for notebook in notebooks:
            record = marks[notebook].get(key)
            points = record.points if record else None
            filled.marks += points is not None
            row += [number(points), number(record.possible) if record and points is not None else ""]
        rows.append(row)
    write_whole(target, as_csv(rows).encode())
    filled.told.append(f"{printable(target.name, 60)} is new: {len(rows) - 1} students")
    return filled
