"""Who takes the course: the lists that Canvas, Moodle, Gradescope and others export, read into people.

Ids win over names. People of several lists are one where the lists share an id, an email address or a user name; an equal
full name joins two lists only where it is unique in both and nothing else contradicts; a name that is alike joins nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from autograder.grading.errors import GradingError
from autograder.grading.safe_text import printable
from autograder.term.sheet import Row, Sheet, read_sheet
from autograder.term.worksheet import modified, moment

Token = tuple[str, str]
# What a column says, by its name in any of the exports (and in the languages of Moodle's that say it).
_NAMES = {
    "canvas": ("canvas_user_id", "canvas user id", "canvas id"),
    "sis": (
        *("sis user id", "sis id", "user_id", "sid", "student id", "student number", "id number", "idnumber"),
        *("orgdefinedid", "org defined id", "student_id", "matriculation number", "matrikelnummer", "id-nummer"),
    ),
    "login": (
        *("sis login id", "login_id", "login id", "username", "user name", "anmeldename", "nom d'utilisateur"),
        *("nombre de usuario", "nome de usuário", "nome utente", "gebruikersnaam", "login"),
    ),
    "github": ("github_username", "github username", "github"),
    "email": (
        *("email", "email address", "e-mail", "e-mail address", "e-mail-adresse", "mail", "adresse de courriel"),
        *("dirección de correo", "dirección email", "endereço de email", "indirizzo email", "e-mailadres"),
    ),
    "name": (
        *("student", "student name", "full name", "name", "vollständiger name", "nom complet", "nombre completo"),
        *("nome completo", "volledige naam", "nome"),
    ),
    "first": ("first name", "firstname", "first_name", "vorname", "prénom", "given name", "voornaam"),
    "last": ("last name", "lastname", "last_name", "surname", "nachname", "nom de famille", "apellido(s)", "achternaam"),
    "section": ("section", "sections", "section_name", "section name"),
    "team": ("group", "groups", "group_name", "group name", "team", "gruppe", "groupe", "grupo", "gruppo", "groep"),
    "role": ("role", "roles"),
    "moodle": ("identifier", "identifikator", "identifiant", "identificador", "identificativo", "identificatie", "id"),
}
IN_TEAMS = "moodle, in teams"  # the kind of a participant's number in a worksheet that has a column of groups
HIDDEN = ("participant", "teilnehmerin", "participante", "partecipante", "deelnemer")  # for a name
_STAFF = ("instructor", "teacher", "ta", "teaching assistant", "reader", "designer", "observer", "non-editing teacher")
_CLEANED = frozenset("&<>\"`|':\\/")
_IDS = ("canvas", "moodle", "sis", "login", "github", "email")
_PARTICIPANT = re.compile(r"(\D*?)\s*(\d{1,18})\Z")


@dataclass
class Person:
    """One person of the rosters, with all that they are known by.

    `times` says when a Moodle participant handed in, by their number, as the worksheet has it; `unread` are times that no one
    can read for certain.
    """

    name: str
    tokens: set[Token] = field(default_factory=set)
    section: str = ""
    teams: set[str] = field(default_factory=set)
    places: list[str] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def one(self, kind: str) -> str:
        """The id of a kind, the newest of several, or nothing."""
        found = [value for known, value in self.tokens if known == kind]
        return max(found, key=lambda value: (len(value), value), default="")


def read_rosters(paths: Sequence[Path]) -> list[Person]:
    """Everybody of several rosters, each person once; raises GradingError with one sentence."""
    return _joined([read_roster(path) for path in paths])


def read_roster(path: Path) -> list[Person]:
    """Everybody of one roster in order; raises GradingError when an id stands twice or nothing says who is who."""
    sheet = read_sheet(path)
    columns = roster_columns(sheet)
    if not {*_IDS, "name", "last"} & columns.keys():
        known = ", ".join(printable(name, 30) for name in sheet.columns[:8])
        raise GradingError(
            f"{printable(path.name, 80)} has no column that says who is who (ID, SIS User ID, Email, Username or "
            f"Full name): its columns are {known}"
        )
    people: list[Person] = []
    seen: dict[Token, tuple[Person, int]] = {}
    for row in sheet.body:
        person = person_of(sheet, row, columns)
        if person is None:
            continue
        twin = next((seen[token] for token in sorted(person.tokens) if token in seen), None)
        if twin is None:
            people.append(person)
            twin = (person, row.line)
        elif plain_name(twin[0].name) == plain_name(person.name):
            _merge(twin[0], person)
        else:
            kind, value = next(token for token in sorted(person.tokens) if token in seen)
            raise GradingError(
                f"{printable(path.name, 80)}: lines {twin[1]} and {row.line} have the same {_WORDS[kind]} "
                f"{printable(value, 60)} but other names: mend the one that is wrong"
            )
        for token in person.tokens:
            seen.setdefault(token, twin)
    if not people:
        raise GradingError(f"{printable(path.name, 80)} lists nobody")
    return people


_WORDS = {
    "canvas": "Canvas ID",
    "moodle": "Moodle participant",
    IN_TEAMS: "Moodle participant",
    "sis": "student number",
    "login": "user name",
    "github": "GitHub name",
    "email": "email address",
}


def roster_columns(sheet: Sheet) -> dict[str, int]:
    """Which column says what; each kind has the first column of its names."""
    names = [unicodedata.normalize("NFC", name).casefold() for name in sheet.columns]
    found: dict[str, int] = {}
    for kind, known in _NAMES.items():
        at = next((number for name in known for number, column in enumerate(names) if column == name), None)
        if at is not None:
            found[kind] = at
    is_canvas = "id" in names and ("sis login id" in names or "section" in names) and {"student", "lastname"} & {*names}
    if is_canvas:
        found["canvas"] = names.index("id")
    if "moodle" in found and not _are_participants(sheet, found["moodle"]):
        at = found.pop("moodle")
        if names[at] == "id" and not is_canvas:
            found.setdefault("sis", at)
    _, handed_in = modified(sheet.columns) if "moodle" in found else (None, None)
    if handed_in is not None:
        found["handed in"] = handed_in
    return found


def plain_name(name: str) -> str:
    """A full name made comparable, and no more than that: case, accents' form, blanks, `Last, First` turned, and without
    what Moodle takes out of the names in its downloads."""
    kept = "".join(" " if character == "_" else character for character in name if character not in _CLEANED)
    text = " ".join(unicodedata.normalize("NFC", kept).casefold().split())
    last, comma, first = text.partition(", ")
    return f"{first} {last}" if comma and first else text


def canvas_name(name: str) -> str:
    """A name as Canvas writes it before the number in a file's name: lower case, letters and digits only."""
    return re.sub(r"[^\w]", "", unicodedata.normalize("NFC", name).casefold())


def _are_participants(sheet: Sheet, column: int) -> bool:
    """Whether a column holds Moodle's `Participant 4711`, in whatever language."""
    cells = [sheet.get(row, column) for row in sheet.body[:50]]
    return bool(cells) and all(re.fullmatch(r"\D*[^\W\d]\D*?\s*\d+", cell) for cell in cells if cell)


def person_of(sheet: Sheet, row: Row, columns: dict[str, int]) -> Person | None:
    """The person of a row; None for the rows that Canvas adds (possible points, posting, its test student)."""

    def cell(kind: str) -> str:
        return sheet.get(row, columns.get(kind))

    name = cell("name") or " ".join(part for part in (cell("first"), cell("last")) if part)
    last, comma, first = name.partition(", ")
    shown = printable(f"{first} {last}" if comma and first else name)
    if cell("role").casefold() in _STAFF:
        return None
    if shown.casefold() == "points possible" or (shown == "Test Student" and not cell("sis")):
        return None
    tokens = set()
    for kind in _IDS:
        value = cell(kind)
        if kind == "moodle" and value:
            match = _PARTICIPANT.fullmatch(value)
            value = match[2] if match else ""
        if value:
            tokens.add((kind, value.casefold() if kind in ("login", "email", "github") else value))
    if not shown and not tokens:
        return None
    if "team" in columns:
        tokens |= {(IN_TEAMS, value) for kind, value in tokens if kind == "moodle"}
    teams = {printable(part) for part in re.split(r"\s*;\s*", cell("team")) if part}
    place = f"{printable(sheet.path.name, 40)}, line {row.line}"
    person = Person(shown or next(iter(sorted(tokens)))[1], tokens, printable(cell("section")), teams, [place])
    number, said = person.one("moodle"), cell("handed in")
    if number and any(character.isdigit() for character in said):  # a dash stands for nothing handed in
        read = moment(said)
        if read:
            person.times[number] = read
        else:
            person.unread.append(f"{printable(sheet.path.name, 40)}: the time {printable(said, 60)!r}")
    return person


def _merge(into: Person, other: Person) -> None:
    into.tokens |= other.tokens
    into.teams |= other.teams
    into.places += other.places
    into.times |= other.times
    into.unread += other.unread
    if other.section and other.section not in into.section:
        into.section = f"{into.section}, {other.section}" if into.section else other.section


def _joined(lists: list[list[Person]]) -> list[Person]:
    """The people of all lists; two of different lists are one by an id, or by a name that is unique in both."""
    known: list[Person] = []
    for people in lists:
        by_token = {token: person for person in known for token in _reach(person)}
        by_name = _unique(known)
        own = _unique(people)
        added = []
        for person in people:
            twins = list({id(one): one for token in sorted(_reach(person)) if (one := by_token.get(token))}.values())
            for first, second in combinations(twins, 2):
                if _contradict(first, second) or files_of(first) & files_of(second):
                    raise GradingError(
                        f"the rosters disagree: {person.places[0]} belongs to {first.places[0]} by one id and to "
                        f"{second.places[0]} by another"
                    )
            for other in twins[1:]:  # a list with the ids of both says that two of earlier lists are one
                _merge(twins[0], other)
                known = [one for one in known if one is not other]
                by_token |= dict.fromkeys(_reach(other), twins[0])
                by_name = _unique(known)
            twin = twins[0] if twins else None
            name = plain_name(person.name)
            if twin is None and own.get(name) is person and name in by_name and not _contradict(by_name[name], person):
                twin = by_name[name]
            if twin is None:
                added.append(person)
                continue
            wrong = _contradict(twin, person)
            if wrong:
                raise GradingError(
                    f"the rosters disagree: {twin.places[0]} and {person.places[0]} share an id but have another "
                    f"{_WORDS[wrong]}"
                )
            _merge(twin, person)
        known += added
    return known


def files_of(person: Person) -> set[str]:
    """The rosters on which a person stands."""
    return {place.rpartition(", ")[0] for place in person.places}


def _reach(person: Person) -> Iterator[Token]:
    """The tokens by which another list may know the person: a user name may be an email address there."""
    for kind, value in person.tokens:
        yield ("login", value) if kind == "email" else (kind, value)


def _contradict(one: Person, other: Person) -> str:
    """The kind of id in which two people differ, if any; Moodle's participant number is another in each assignment."""
    for kind in ("sis", "canvas", "email"):
        first, second = one.one(kind), other.one(kind)
        if first and second and first != second:
            return kind
    return ""


def _unique(people: Iterable[Person]) -> dict[str, Person]:
    by_name: dict[str, list[Person]] = defaultdict(list)
    for person in people:
        by_name[plain_name(person.name)].append(person)
    return {name: same[0] for name, same in by_name.items() if len(same) == 1}
