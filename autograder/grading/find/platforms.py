"""The names that platforms write: whose a hand-in is, which attempt it is and when it came, from one name alone.

Every rule reads what the platform put *before* what the student chose, so that no file name of a student's can change it.
Where each rule is published stands in docs/instructors.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder.grading.safe_text import printable, student_key

MAX_DIGITS = 18
INBOUND = "inbound"  # the folder of nbgrader's exchange
CLONES = "-submissions"  # the end of the folder into which GitHub Classroom clones
_BLACKBOARD = re.compile(r"_attempt_(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?=[_.]|\Z)")
_BRIGHTSPACE = re.compile(r"(\d{1,12})-(\d{1,12}) - (.{1,200}?) - ([^-\n]{8,40}?)(?: - |\Z)")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?: ([A-Za-z_/+-]{1,40}|[+-]\d{4}))?\Z")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Student:
    """One person: a key that is the same in every run, the name to show, and how the platform knows them."""

    key: str
    name: str
    platform: str = ""
    id: str = ""
    email: str = ""
    sis: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Everybody to whom one outermost entry belongs, the layout that says so, and what the platform says of it.

    `handed_in` is the platform's time (ISO, with a zone only where the platform gives one), `attempt` a number that
    grows with each hand-in, `late` what the platform says, and None when it says nothing. `team` is the group's name
    where the entry may be a group's; `logins` are all readings of a user name that the entry's name allows.
    """

    students: tuple[Student, ...]
    kind: str
    handed_in: str = ""
    attempt: int = 0
    late: bool | None = None
    team: str = ""
    origin: str = ""
    logins: tuple[str, ...] = field(default=())


def is_number(text: str) -> bool:
    """Whether a text is a number of ASCII digits, not too long to be one of a platform's."""
    return 0 < len(text) <= MAX_DIGITS and text.isascii() and text.isdigit()


def canvas(name: str, stem: str) -> Owner | None:
    """`lastfirst[_LATE]_12345_67890_file.ipynb`, `[LATE_]anon_aB3x9_67890_file.ipynb`, `lastfirst_12345_text.html`.

    Canvas writes the student's or the group's name (in which `_` may be), the user's number and the file's.
    """
    parts = stem.split("_")
    late = False
    start = 1 if parts[0] == "LATE" else 0
    if parts[start : start + 1] == ["anon"]:
        rest = parts[start + 1 :]
        if len(rest) < 3 or not _is_word(rest[0]) or not is_number(rest[1]) or not rest[2]:
            return None
        person = Student(f"anon {rest[0]}", f"anon {rest[0]}", "canvas", rest[0])
        return Owner((person,), "canvas", attempt=int(rest[1]), late=start == 1)
    for at in range(1, len(parts) - 1):
        if not is_number(parts[at]):
            continue
        file = parts[at + 1] if is_number(parts[at + 1]) else ""
        written = not file and at + 2 == len(parts) and name.endswith(("_text.html", "_link.html"))
        if not written and (not file or not any(parts[at + 2 :])):
            continue
        before = parts[:at]
        if len(before) > 1 and before[-1].upper() == "LATE":
            late, before = True, before[:-1]
        shown = printable("_".join(before))
        if not before[0] or not shown:
            return None
        person = Student(f"{shown}_{parts[at]}", shown, "canvas", parts[at])
        return Owner((person,), "canvas", attempt=int(file or 0), late=late, team=shown)
    return None


def moodle(name: str, stem: str) -> Owner | None:
    """`Full Name_4711_assignsubmission_file[_]`, as a folder or before a file's name; a team's has the team's number.

    The students without a team hand in under the translated "Default group", without a number.
    """
    before, found, kind = stem.partition("_assignsubmission_")
    if not found or not kind.startswith(("file", "onlinetext")) or not before:
        return None
    person, _, number = before.rpartition("_")
    if not person or not is_number(number):
        person, number = before, ""
    shown = printable(person)
    key = f"{shown} {number}" if number else f"{shown} (without a number)"
    return Owner((Student(student_key(key), shown, "moodle", number),), "moodle", team=shown)


def blackboard(name: str, stem: str) -> Owner | None:
    """`Assignment_username_attempt_2026-11-27-23-59-30_file.ipynb`: all before the first attempt's time is Blackboard's.

    An assignment's name and a user name may both hold `_`: without a roster everything behind the first one is taken.
    """
    found = _BLACKBOARD.search(stem)
    if found is None:
        return None
    assignment, _, user = stem[: found.start()].partition("_")
    if not assignment or not user:
        return None
    moment = _time(found[1], "%Y-%m-%d-%H-%M-%S")
    pieces = user.split("_")
    logins = tuple("_".join(pieces[at:]) for at in range(min(len(pieces), 8)))
    shown = printable(user)
    person = Student(student_key(user), shown, "blackboard", shown)
    return Owner((person,), "blackboard", moment, team=shown, logins=logins)


def brightspace(name: str, stem: str) -> Owner | None:
    """`12345-67890 - Full Name - Nov 27, 2026 1159 PM[ - file.ipynb]`, as a folder or as a file's name."""
    found = _BRIGHTSPACE.match(name if " - " in name else "")
    if found is None:
        return None
    moment = _brightspace_time(found[4])
    if not moment and not re.search(r"\d{4}", found[4]):
        return None
    shown = printable(found[3])
    person = Student(student_key(f"{shown} {found[1]}"), shown, "brightspace", found[1])
    return Owner((person,), "brightspace", moment, team=shown)


def exchange(name: str, stem: str) -> Owner | None:
    """`user+assignment+2026-11-27 23:59:30.123456 UTC[+random]`: a folder of nbgrader's `inbound`."""
    for cuts in (3, 2):
        parts = name.rsplit("+", cuts)
        when = stamp(parts[2]) if len(parts) == cuts + 1 else ""
        if when and parts[0]:
            person = Student(student_key(parts[0]), printable(parts[0]), "nbgrader", printable(parts[0]))
            return Owner((person,), "exchange", when, logins=(parts[0],))
    return None


def stamp(text: str) -> str:
    """nbgrader's `2026-11-27 23:59:30.123456 UTC` as ISO; without a zone it is UTC, and a zone that is not known leaves none."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        return ""
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return ""
    name = found[3] or "UTC"
    if name[1:].isdigit():
        return moment.isoformat() + f"{name[:3]}:{name[3:]}"
    try:
        return moment.replace(tzinfo=ZoneInfo("UTC" if name == "Z" else name)).isoformat()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment.isoformat()


def classroom(name: str, root: str) -> Owner | None:
    """`assignment-username` in a folder `assignment-submissions`, as GitHub Classroom's clone makes them."""
    assignment = root.removesuffix(CLONES)
    user = name.removeprefix(f"{assignment}-")
    if assignment == root or not assignment or user in (name, ""):
        return None
    person = Student(student_key(user), printable(user), "github", printable(user))
    return Owner((person,), "github", team=printable(user), logins=(user,))


RULES: dict[str, Callable[[str, str], Owner | None]] = {
    "moodle": moodle,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "exchange": exchange,
    "canvas": canvas,
}


def iso_time(text: str) -> str:
    """Gradescope's `2026-01-01 10:00:00.0 Z` as ISO; nothing for anything else."""
    plain = text.strip().replace(" Z", "+00:00").replace(" UTC", "+00:00").replace(" +0000", "+00:00")
    try:
        return datetime.fromisoformat(re.sub(r"\.\d{1,9}", "", plain[:60])).isoformat()
    except ValueError:
        return ""


def _is_word(text: str) -> bool:
    return 0 < len(text) <= MAX_DIGITS and text.isascii() and text.isalnum()


def _time(text: str, form: str) -> str:
    try:
        return datetime.strptime(text, form).isoformat()
    except ValueError:
        return ""


def _brightspace_time(text: str) -> str:
    """`Nov 27, 2026 1159 PM` or `27 November, 2026 23:59`; nothing for a month in another language."""
    found = re.search(r"([A-Za-z]{3})[a-z]*\.?", text)
    month = found[1].lower() if found else ""
    numbers = re.findall(r"\d+", text[:40])
    if month not in _MONTHS or len(numbers) < 3:
        return ""
    day, year, *clock = numbers
    hour, minute = (clock[0][:-2] or "0", clock[0][-2:]) if len(clock) == 1 else (clock[0], clock[1])
    twelve = re.search(r"\b([AaPp])\.?[Mm]", text)
    try:
        hours = int(hour) % 12 + (12 if twelve[1] in "Pp" else 0) if twelve else int(hour)
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), hours, int(minute)).isoformat()
    except ValueError:
        return ""
