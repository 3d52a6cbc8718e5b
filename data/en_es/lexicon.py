"""The words of the bilingual grammar, read from the tables beside this file.

Nouns, adjectives and verbs carry *kinds*: a verb says which kinds of subject and object it takes and an adjective which
kinds of noun it describes, so that nobody eats a table. The first lines of each table explain its columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).resolve().parent / "tables"


def table(text: str) -> list[list[str]]:
    """The cells of a table: rows are lines, columns are two or more spaces apart, # begins a remark."""
    lines = [line.strip() for line in text.splitlines()]
    return [re.split(r"\s{2,}", line) for line in lines if line and not line.startswith("#")]


def rows(name: str) -> list[list[str]]:
    """The cells of the table in `tables/{name}.txt`."""
    return table((TABLES / f"{name}.txt").read_text(encoding="utf-8"))


def listed(cell: str) -> frozenset[str]:
    """The words of a cell that lists words; a dash lists none."""
    return frozenset(cell.split()) - {"-"}


@dataclass(frozen=True)
class Noun:
    """A noun in both languages; `plural` is "-" for one without a plural."""

    english: str
    plural: str
    spanish: str
    spanish_plural: str
    gender: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class Adjective:
    """An adjective; `spanish` has the forms masculine, feminine, masculine plural, feminine plural."""

    english: str
    comparative: str
    spanish: tuple[str, ...]
    copula: str
    kinds: frozenset[str]
    notes: frozenset[str]


@dataclass(frozen=True)
class Verb:
    """A verb: four English forms, the Spanish infinitive, and the kinds of subject and object it takes."""

    base: str
    third: str
    past: str
    ing: str
    spanish: str
    subjects: frozenset[str]
    objects: tuple[str, ...]
    adverbs: frozenset[str]
    notes: frozenset[str]


@dataclass(frozen=True)
class Occupation:
    """What a person is; `spanish` has the forms masculine, feminine, masculine plural, feminine plural."""

    english: str
    plural: str
    spanish: tuple[str, ...]


def _noun(row: list[str]) -> Noun:
    english, plural, spanish, spanish_plural, gender, kinds = row
    return Noun(english, plural, spanish, spanish_plural, gender, listed(kinds))


def _adjective(row: list[str]) -> Adjective:
    english, comparative, spanish, copula, kinds, notes = row
    return Adjective(english, comparative, tuple(spanish.split()), copula, listed(kinds), listed(notes))


def _verb(row: list[str]) -> Verb:
    base, third, past, ing, spanish, subjects, objects, adverbs, notes = row
    objects_ = tuple(objects.split("; "))
    return Verb(base, third, past, ing, spanish, listed(subjects), objects_, listed(adverbs), listed(notes))


NOUNS = [_noun(row) for row in rows("nouns")]
STRESSED_A = {"agua", "águila"}  # feminine, but with el and un, because they begin with a stressed a
ADJECTIVES = [_adjective(row) for row in rows("adjectives")]
TRANSITIVE = [_verb(row) for row in rows("transitive")]
INTRANSITIVE = [_verb(row) for row in rows("intransitive")]
GIVING = [_verb(row) for row in rows("giving")]
LINKING = [_verb(row) for row in rows("linking")]
SAYING = [_verb(row) for row in rows("saying")]
NAMES = [(row[0], row[1], row[2]) for row in rows("names")]
OCCUPATIONS = [Occupation(row[0], row[1], tuple(row[2:])) for row in rows("occupations")]
FEELINGS = [(row[0], row[1], row[2]) for row in rows("feelings")]
DETERMINERS = {row[0]: tuple(row[1].split()) for row in rows("determiners")}
EXPRESSIONS = {row[0]: row[1] for row in rows("expressions")}
OPPOSITES = [set(row) for row in rows("opposites")]
WHEREABOUTS = [(row[0], row[1], row[2], listed(row[3])) for row in rows("whereabouts")]
AFTERWARDS = {row[0]: row[1].split("; ") for row in rows("afterwards")}
REASONS = {row[0]: row[1].split("; ") for row in rows("reasons")}

# When things happen, by tense, and how often.
TIMES = {
    "present": ["every day", "every week", "in the morning", "in the afternoon", "at night", "in summer", "in winter"],
    "progressive": ["now"],
    "past": ["yesterday", "last week", "last month", "last year"],
    "future": ["tomorrow", "soon", "next week", "next month", "next year"],
}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
HABITS = ["always", "never", "often", "sometimes", "also"]


def lemmas() -> set[tuple[str, str]]:
    """Every word of the dictionary once, as its part of speech and its English base form."""
    verbs = (*TRANSITIVE, *INTRANSITIVE, *GIVING, *LINKING, *SAYING)
    return (
        {("noun", noun.english) for noun in NOUNS}
        | {("noun", job.english) for job in OCCUPATIONS}
        | {("noun", english) for english, *_ in FEELINGS}
        | {("name", english) for english, *_ in NAMES}
        | {("adjective", adjective.english) for adjective in ADJECTIVES}
        | {("verb", verb.base) for verb in verbs}
        | {("determiner", english) for english in DETERMINERS}
        | {("expression", english) for english in EXPRESSIONS}
    )
