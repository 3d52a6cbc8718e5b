"""Who is who over the term: what a platform calls somebody leads to one student, today as in the first week.

A student keeps the key under which they came first. A roster gives names, sections and groups, and says which two are one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from autograder.grading.find.intake import Intake
from autograder.grading.find.layout import stem
from autograder.grading.find.platforms import Owner, Student, canvas
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.people import Listed, told_apart
from autograder.grading.safe_text import in_lines, printable, student_key
from autograder.term.roster import HIDDEN, IN_TEAMS, Person, Token, canvas_name, files_of, plain_name, read_rosters

_STEADY = {"canvas": "canvas", "moodle": "moodle", "blackboard": "login", "exchange": "login", "nbgrader": "login"}
_UNKNOWN = "on no roster, graded under their own name:"
_TWICE = "the same name on several rosters, and no id that both have; not joined until a list with both ids is given:"
_MISSING = "missing, no"
ABOUT_ROSTERS = (_TWICE, _MISSING)  # how the notices begin that another roster makes untrue
_LETTERED = ("login", "email", "github")  # kinds whose values are compared without case


@dataclass(frozen=True)
class _Known:
    """One person of the rosters and their key."""

    person: Person
    key: str


class Register:
    """Resolves owners to students; `keep` writes what was learnt into the gradebook."""

    def __init__(self, book: Gradebook, rosters: Sequence[Path] = ()) -> None:
        self.book = book
        self.aliases: dict[Token, str] = book.aliases()
        self.moved: dict[str, str] = {}
        self.unknown: dict[str, str] = {}
        self.doubtful: list[str] = []
        self._before = {one.student: one for one in book.people()}
        if rosters:
            self.known = [self._known(person) for person in read_rosters(rosters)]
        else:
            self.known = [_kept(one) for one in self._before.values() if one.listed]
        self._by_token = {token: one for one in self.known for token in one.person.tokens}
        self._by_key = {one.key: one for one in self.known}
        self._teams: dict[str, list[_Known]] = defaultdict(list)
        self._names: dict[str, list[_Known]] = defaultdict(list)
        for one in self.known:
            self._names[plain_name(one.person.name)].append(one)
            for team in one.person.teams:
                self._teams[plain_name(team)].append(one)
        self._claims: dict[tuple[str, str], set[str]] = {}

    def meet(self, owners: Sequence[Owner]) -> list[Owner]:
        """Hear of everybody in a path first, so that a name which two ids claim can join neither; the owners with the times
        that a worksheet has for them."""
        self._claims = defaultdict(set)
        for owner in owners if self.known else ():
            for student in owner.students:
                self._claims[plain_name(student.name), owner.kind].add(student.id or student.key)
        return [owner if owner.handed_in else replace(owner, handed_in=self._time_of(owner)) for owner in owners]

    def _time_of(self, owner: Owner) -> str:
        """When a Moodle entry was handed in by the worksheet; a group's time is the one that all of its members have."""
        if owner.kind != "moodle":
            return ""
        (student,) = owner.students
        team = self._team(owner)
        if team:
            people = [one.person for one in team]
            said = {one.times.get(value, "") for one in people for kind, value in one.tokens if kind == IN_TEAMS}
            return said.pop() if len(said) == 1 else ""
        one = self._by_token.get(("moodle", student.id))
        return one.person.times.get(student.id, "") if one is not None and _may_be(one.person, student) else ""

    def __call__(self, owner: Owner) -> Sequence[Student]:
        """The students to whom an entry belongs."""
        owner = self._without_team_name(owner)
        team = self._team(owner)
        if team:
            return [self._student(one, replace(owner.students[0], id="")) for one in team]
        return [self._one(student, owner) for student in owner.students]

    def _one(self, student: Student, owner: Owner) -> Student:
        tokens = list(_tokens(student, owner))
        found = {id(self._by_token[token]): self._by_token[token] for token in tokens if token in self._by_token}
        if len(found) > 1:
            return self._in_doubt(student, "has the ids of two people on the roster")
        for one in found.values():
            if owner.kind == "moodle" and not _may_be(one.person, student):
                return self._in_doubt(student, f"has the number {student.id} of {one.person.name}: it may be a group's")
            return self._student(one, student)
        if self.known:
            named = self._named(student, owner.kind)
            if named is not None:
                return self._student(named, student)
            self.unknown[student.key] = student.name
        # Moodle's number may be a participant's or a group's, so that the name goes with it
        sure = [_entry(token[1], student.name) if token[0] == "moodle" else token for token in tokens]
        if owner.kind == "blackboard":
            sure = sure[:1]  # a shorter reading may be somebody else's user name
        key = next((self.aliases[token] for token in sure if token in self.aliases), student.key)
        key = self.moved.get(key, key)
        for token in sure:
            if owner.kind in (*_STEADY, "gradescope", "github"):
                self.aliases.setdefault(token, key)
        return replace(student, key=key)

    def _in_doubt(self, student: Student, why: str) -> Student:
        """A student of their own, because it is not clear which of the known ones it is."""
        self.doubtful.append(f"{printable(student.name, 60)} {why}; not joined, give a roster that says who it is")
        self.unknown[student.key] = student.name
        return replace(student, key=student_key(f"{student.key} (in doubt)"))

    def _named(self, student: Student, kind: str) -> _Known | None:
        """The one person on the roster with exactly this name, when nobody else hands in under it."""
        name = plain_name(student.name)
        same = self._names.get(name, [])
        if len(same) != 1 or kind in ("files", "student"):  # a file's name is its student's choice
            return None
        if len(self._claims.get((name, kind), ())) > 1:
            self.doubtful.append(
                f"{printable(student.name, 60)} handed in under several ids, none of them on the roster: not joined"
            )
            return None
        return same[0]

    def _team(self, owner: Owner) -> list[_Known]:
        """The members of the group whose hand-in it is, when a roster knows the group and the entry cannot be a person's."""
        if not owner.team or not self._teams:
            return []
        members = self._teams.get(plain_name(owner.team), [])
        if owner.kind == "canvas":
            wanted = canvas_name(owner.team)
            members = next((them for them in self._teams.values() if wanted in _canvas_names(them)), [])
        (student,) = owner.students[:1]
        person = self._by_token.get((_STEADY.get(owner.kind, ""), student.id))
        if person is not None and plain_name(person.person.name) == plain_name(student.name):
            return []
        if owner.kind == "canvas" and person not in members:
            return []
        if owner.kind == "moodle" and person is not None and (IN_TEAMS, student.id) not in person.person.tokens:
            return []  # a person's number in an assignment that has no groups, under a group's name
        return members

    def _without_team_name(self, owner: Owner) -> Owner:
        """Canvas's numbers read behind a group's name that ends in a number itself: `team_7_12345_67890_…`."""
        if owner.kind != "canvas" or not self._teams:
            return owner
        names = {canvas_name(team) for members in self._teams.values() for team in _team_names(members)}
        found = max((name for name in names if owner.origin.casefold().startswith(f"{name}_")), key=len, default="")
        behind = owner.origin[len(found) + 1 :]
        again = canvas(f"x_{behind}", f"x_{stem(behind)}") if found else None
        if again is None:
            return owner
        (person,) = again.students
        students = (replace(person, key=f"{found}_{person.id}", name=found),)
        return replace(owner, students=students, team=found, attempt=again.attempt, late=again.late)

    def _student(self, one: _Known, student: Student) -> Student:
        """A person of the roster as the platform of this hand-in knows them."""
        kind = _STEADY.get(student.platform, student.platform)
        identifier = student.id or one.person.one(kind)
        email = student.email or one.person.one("email")
        return Student(one.key, one.person.name, student.platform, identifier, email, one.person.one("sis"))

    def _known(self, person: Person) -> _Known:
        """A person of the roster with the key that they had, or a new one; two keys of one person become one."""
        entries = [_entry(value, person.name) for kind, value in person.tokens if kind == "moodle"]
        tokens = [*sorted(person.tokens), *sorted(entries)]
        kept = list(dict.fromkeys(self.aliases[token] for token in tokens if token in self.aliases))
        kept = [self.moved.get(key, key) for key in kept]
        key = kept[0] if kept else student_key(_new_key(person))
        for other in kept[1:]:
            if other != key:
                self.moved[other] = key
        for token in person.tokens:
            self.aliases[token] = key
        return _Known(person, key)

    def keep(self) -> dict[str, str]:
        """Write everybody into the gradebook; returns the keys that became others."""
        for token, key in self.aliases.items():
            self.aliases[token] = self.moved.get(key, key)
        listed = [_listed(one, self._before.get(one.key)) for one in self.known]
        self.book.keep_people(listed, self.aliases, self.moved)
        return self.moved

    def notices(self, intake: Intake) -> list[str]:
        """Who is missing, who is on no roster, and what was in doubt, a few names in each line."""
        told = list(dict.fromkeys(self.doubtful))
        unread = [line for one in self.known for line in one.person.unread]
        if unread:
            told.append(f"{unread[0]} cannot be read, and {len(unread) - 1} more: these hand-ins have no time")
        told += [f"{old} and {new} are one student by the roster, called {new} from now on" for old, new in self.moved.items()]
        told += in_lines(_UNKNOWN, self.unknown.values())
        told += self._perhaps_one()
        everyone = told_apart({one.student: one.name for one in self.book.people() if one.listed})
        if not everyone:
            return told
        graded = self.book.notebooks() if not intake.submissions else []
        for notebook in sorted({*graded, *(one.notebook for one in intake.submissions)} - {""}):
            there = {one.student.key for one in intake.submissions if one.notebook in ("", notebook)}
            there |= self.book.who_has(notebook)
            names = sorted(everyone[key] for key in everyone.keys() - there)
            told += in_lines(f"{_MISSING} {notebook} from {len(names)} of {len(everyone)} on the roster:", names)
        return told

    def _perhaps_one(self) -> list[str]:
        """Who has the same name on two rosters that share no id of theirs: they may be one person or two."""
        apart = []
        for same in self._names.values():
            files = [files_of(one.person) for one in same]
            if any(not one & other for one, other in combinations(files, 2)):
                apart.append(same[0].person.name)
        return in_lines(_TWICE, apart)


def _entry(number: str, name: str) -> Token:
    """What stands for a Moodle entry that no roster names."""
    return "moodle entry", f"{number} {plain_name(name)}"


def _may_be(person: Person, student: Student) -> bool:
    """Whether a Moodle entry under a participant's number is that person's: by the name, or when names are hidden."""
    name = plain_name(student.name)
    return name in (plain_name(person.name), *HIDDEN) or person.name == student.id


def _tokens(student: Student, owner: Owner) -> Iterable[Token]:
    """What a student of an entry is known by, the surest first."""
    kind = _STEADY.get(owner.kind, "")
    if owner.kind in ("canvas", "moodle") and student.id:
        yield kind, student.id
    elif owner.kind == "gradescope":
        yield from ((name, value) for name, value in (("email", student.email.casefold()), ("sis", student.id)) if value)
    elif owner.kind in ("blackboard", "exchange", "nbgrader"):
        for login in owner.logins or (student.key,):
            yield "login", login.casefold()
    elif owner.kind == "github":
        for login in owner.logins:
            yield "github", login.casefold()
    else:
        for name in ("email", "login", "sis", "canvas", "github"):
            yield name, student.key.casefold() if name in _LETTERED else student.key


def _listed(one: _Known, before: Listed | None) -> Listed:
    """A person as the gradebook keeps them: what today's roster does not say stays as an earlier one said it."""
    person, was = one.person, before or Listed(one.key, "")
    ids = tuple(sorted({*person.tokens, *was.ids}))
    return Listed(
        *(one.key, person.name, person.one("email") or was.email, person.one("sis") or was.sis),
        *(person.one("login") or was.login, person.section or was.section),
        *(tuple(sorted(person.teams)) or was.teams, ids),
    )


def _kept(one: Listed) -> _Known:
    """A person of an earlier roster, where none is given today."""
    return _Known(Person(one.name, set(one.ids), one.section, set(one.teams)), one.student)


def _new_key(person: Person) -> str:
    return person.one("email") or person.one("sis") or person.one("login") or " ".join(
        part for part in (person.name, person.one("canvas") or person.one("moodle")) if part
    )


def _team_names(members: Sequence[_Known]) -> set[str]:
    return {team for one in members for team in one.person.teams}


def _canvas_names(members: Sequence[_Known]) -> set[str]:
    return {canvas_name(team) for team in _team_names(members)}
