"""Dates as people write them in many languages → ISO 8601, character by character."""

from __future__ import annotations

import datetime
import random
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal

from attnkit.data.pairs import UNALIGNED, Pair

DATE_LOCALES = ("en", "es", "fr", "de", "it", "pt", "nl", "sv", "pl", "fi", "tr", "da")
FORMATS: tuple[Literal["full", "long", "medium"], ...] = ("full", "long", "medium")
SKELETONS = ("yMMMd", "yMMMEd")

Span = tuple[str, int, int]  # field letter of CLDR (y, M, d, E, or "" for text between fields), begin, end


def dates(
    n: int,
    seed: int = 0,
    locales: Sequence[str] = DATE_LOCALES,
    years: tuple[int, int] = (1950, 2049),
) -> list[Pair]:
    """n random dates: source the characters of e.g. "lunes, 3 de mayo de 2021", target those of "2021-05-03".

    The wording is the Unicode CLDR's, through Babel: day and month names, order and punctuation of each locale, in
    its full, long, medium and two shorter formats. Formats whose month is a number are left out and years have four
    digits, so every text means one date. `years` are the first and the last.
    The alignment gives a year or day digit the digit it copies and both month digits the month's first letter; the
    leading 0 of a day and the hyphens are −1.
    Raises ValueError for a locale that CLDR does not know, or that writes every date in numbers.
    """
    chooser = random.Random(seed)
    first = datetime.date(years[0], 1, 1).toordinal()
    last = datetime.date(years[1], 12, 31).toordinal()
    pairs = []
    for _ in range(n):
        date = datetime.date.fromordinal(first + int(chooser.random() * (last - first + 1)))
        locale = locales[int(chooser.random() * len(locales))]
        patterns = _patterns(locale)
        text, spans = _write(date, patterns[int(chooser.random() * len(patterns))], locale)
        pairs.append(Pair(tuple(text), tuple(date.isoformat()), _alignment(date, spans)))
    return pairs


def date_words(
    n: int,
    seed: int = 0,
    locales: Sequence[str] = DATE_LOCALES,
    years: tuple[int, int] = (1950, 2049),
) -> list[Pair]:
    """The pairs of `dates` with longer tokens: lunes , 3 de mayo de 2021 → 2021 - 05 - 03.

    Source tokens are words, numbers and punctuation marks. The alignment gives year, month and day the token they come
    from; the hyphens are −1. Raises ValueError as `dates` does.
    """
    return [_in_words(pair) for pair in dates(n, seed, locales, years)]


def _in_words(pair: Pair) -> Pair:
    spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", "".join(pair.source))]
    token_at = {place: token for token, span in enumerate(spans) for place in range(*span)}
    parts = ((0, 4), (4, 5), (5, 7), (7, 8), (8, 10))  # yyyy - mm - dd
    return Pair(
        tuple("".join(pair.source[begin:end]) for begin, end in spans),
        tuple("".join(pair.target[begin:end]) for begin, end in parts),
        tuple(token_at.get(pair.alignment[end - 1], UNALIGNED) for _, end in parts),
    )


@cache
def _patterns(locale: str) -> tuple[str, ...]:
    """The CLDR patterns of `locale` that name the month, each once."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import get_date_format

    try:
        known = Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"CLDR has no locale {locale!r}; use one like {', '.join(DATE_LOCALES[:4])}") from None
    written = {get_date_format(name, known).pattern for name in FORMATS}
    written |= {known.datetime_skeletons[name].pattern for name in SKELETONS if name in known.datetime_skeletons}
    named = tuple(sorted(pattern for pattern in written if "MMM" in pattern or "LLL" in pattern))
    if not named:
        raise ValueError(f"the locale {locale!r} writes months as numbers; leave it out")
    return named


def _write(date: datetime.date, pattern: str, locale: str) -> tuple[str, list[Span]]:
    """The date in words, and where each field of the pattern stands in it."""
    from babel.dates import DateTimeFormat, tokenize_pattern

    fields = DateTimeFormat(date, locale)
    text, spans = "", []
    for _, token in tokenize_pattern(pattern):  # a string, or a field: its letter and how often it stands there
        letter, piece = ("", token) if isinstance(token, str) else (token[0], fields[token[0] * token[1]])
        piece = unicodedata.normalize("NFKC", piece)  # CLDR's narrow and unbreakable spaces become plain ones
        preposition = len(piece) - len(re.split("[ ’']", piece)[-1]) if letter in ("M", "L") else 0  # d’agost
        spans.append((letter, len(text) + preposition, len(text) + len(piece)))
        text += piece
    return text, spans


def _alignment(date: datetime.date, spans: list[Span]) -> tuple[int, ...]:
    """For each character of yyyy-mm-dd the position it comes from."""
    at = {"M" if letter == "L" else letter: (begin, end) for letter, begin, end in spans}
    year, month, day = at["y"][0], at["M"][0], at["d"]
    tens = day[0] if day[1] - day[0] == 2 else UNALIGNED
    return (*range(year, year + 4), UNALIGNED, month, month, UNALIGNED, tens, day[1] - 1)
