"""Phrases in two languages at once, whose Spanish words remember the English word they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Combination = tuple[str, str, str]  # "adjective" or "object", the adjective or verb, the noun

CONTRACTIONS = {("a", "el"): "al", ("de", "el"): "del"}


class Source:
    """One English word of one sentence: two of the same spelling are still two."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True)
class Target:
    """One Spanish word and the English word it translates, or None."""

    text: str
    source: Source | None = None


@dataclass(frozen=True)
class Phrase:
    """What is said in both languages, and which adjective–noun and verb–object combinations are in it."""

    english: tuple[Source, ...] = ()
    spanish: tuple[Target, ...] = ()
    combinations: frozenset[Combination] = frozenset()

    def __add__(self, other: Phrase) -> Phrase:
        return Phrase(
            self.english + other.english,
            self.spanish + other.spanish,
            self.combinations | other.combinations,
        )


EMPTY = Phrase()


def word(english: str, *spanish: str) -> Phrase:
    """One English word and the Spanish words that all translate it."""
    source = Source(english)
    return Phrase((source,), tuple(Target(text, source) for text in spanish))


def expression(english: str, spanish: str) -> Phrase:
    """A fixed expression, written as in the lexicon: "last week", "la semana<week pasada<last"."""
    sources = [Source(text) for text in english.split()]
    by_text = {source.text: source for source in sources}
    targets = []
    for text in spanish.split():
        text, _, origin = text.partition("<")
        targets.append(Target(text, by_text[origin] if origin else None))
    return Phrase(tuple(sources), tuple(targets))


def finish(phrase: Phrase) -> tuple[list[str], list[str], list[int]]:
    """The English words, the Spanish words, and for each Spanish word the place of its English word, or −1.

    Writes an before a vowel, *al* and *del*, *e* before the sound i and *u* before the sound o. A contraction comes
    from the preposition's word, or from the article's when the preposition has none.
    """
    targets: list[Target] = []
    for target in phrase.spanish:
        contraction = CONTRACTIONS.get((targets[-1].text, target.text)) if targets else None
        if contraction:
            targets[-1] = Target(contraction, targets[-1].source or target.source)
        else:
            targets.append(target)
    english = [source.text for source in phrase.english]
    spanish = [target.text for target in targets]
    place = {source: i for i, source in enumerate(phrase.english)}
    alignment = [-1 if target.source is None else place[target.source] for target in targets]
    return _with_an(english), _with_e_and_u(spanish), alignment


def _with_an(words: Iterable[str]) -> list[str]:
    words = list(words)
    following = [*words[1:], ""]
    return ["an" if now == "a" and after[:1] in "aeiou" else now for now, after in zip(words, following, strict=True)]


def _with_e_and_u(words: list[str]) -> list[str]:
    following = [*words[1:], ""]
    return [conjunction(now, after) for now, after in zip(words, following, strict=True)]


def conjunction(text: str, following: str) -> str:
    """*y* and *o* as they are said before the following word; every other word as it is."""
    sound = following.removeprefix("h")
    if text == "y" and sound[:1] in ("i", "í") and sound[:2] not in ("ia", "ie", "io"):
        return "e"
    if text == "o" and sound[:1] in ("o", "ó"):
        return "u"
    return text
