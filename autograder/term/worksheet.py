"""What only Moodle's grading worksheet says: its two columns of times, in whatever language, and the moments in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from babel.dates import get_month_names

GRADE = ("grade", "bewertung", "note", "calificación", "nota", "valutazione", "cijfer", "beoordeling")
_MODIFIED = re.compile(r"(.+?)\s*\(([^)]+)\)\Z")
# Languages whose names of months contradict each other nowhere: listopad is October in one and November in another.
_LANGUAGES = ("en", "de", "fr", "es", "ca", "gl", "pt", "it", "nl", "da", "sv", "nb", "pl")
_NUMERIC = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:h.](\d\d)(?!\d)(?:[:.]\d\d)?\s*([ap])?\.?\s?m?", re.IGNORECASE)


def modified(columns: Sequence[str]) -> tuple[int | None, int | None]:
    """Where a grade and a hand-in were last changed: `Last modified (grade)` and `Last modified (submission)`.

    The first is known by what stands in its brackets, the second by the words that both begin with.
    """
    names = [unicodedata.normalize("NFC", name).casefold().strip() for name in columns]
    split = {at: (found[1], found[2]) for at, name in enumerate(names) if (found := _MODIFIED.fullmatch(name))}
    grade = next((at for at, (_, of) in split.items() if of in names or of in GRADE), None)
    if grade is None:
        return None, None
    others = [at for at, (words, _) in split.items() if at != grade and words == split[grade][0]]
    return grade, others[0] if len(others) == 1 else None


def moment(text: str) -> str:
    """A time as Moodle writes it for people, as ISO without a zone; nothing for what cannot be read for certain.

    `Friday, 27 November 2026, 11:59 PM`, `Freitag, 27. November 2026, 23:59`, `27.11.2026 23:59`.
    """
    plain = unicodedata.normalize("NFC", text[:120]).casefold()
    day = _day(plain)
    if day is None:
        return ""
    (year, month, number), rest = day
    clock = _CLOCK.search(rest)
    if clock is None:
        return ""
    hour = int(clock[1])
    if clock[3]:
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + (12 if clock[3] == "p" else 0)
    try:
        return datetime(year, month, number, hour, int(clock[2])).isoformat()
    except ValueError:
        return ""


def _day(text: str) -> tuple[tuple[int, int, int], str] | None:
    """Year, month and day, and what stands behind them."""
    for form, order in ((_ISO, (1, 2, 3)), (_NUMERIC, (3, 2, 1))):
        found = form.search(text)
        if found:
            year, month, day = (int(found[at]) for at in order)
            return (year, month, day), text[found.end() :]
    words = re.search(r"(?<!\d)(\d{1,2})\.?\s+(?:de\s+|d['’]\s*)?([^\W\d]+)\.?,?\s+(?:de[l]?\s+)?(\d{4})(?!\d)", text)
    named = months().get(words[2]) if words else None
    if words is None or named is None:
        return None
    return (int(words[3]), named, int(words[1])), text[words.end() :]


@cache
def months() -> dict[str, int]:
    """The number of a month by its name, written out or short, in the languages that are read."""
    known: dict[str, int] = {}
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    known[name.casefold().strip(".").removeprefix("de ").removeprefix("d’")] = number
    return known
