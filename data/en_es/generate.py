"""Write the English–Spanish corpus: `python data/en_es/generate.py [--folder FOLDER] [--seed SEED]`.

One pair a line, without a header: English, Spanish, and the alignment as links s-t (source position, target position,
from 0), with tabs between. With the default seed the files are those that are shipped, byte for byte.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dice import Dice
from grammar import example, sentence
from lexicon import ADJECTIVES, GIVING, TRANSITIVE
from noun_phrases import nouns_of
from phrase import Combination, Phrase, finish

SEED = 2017  # the year of "Attention Is All You Need"
SIZES = {"train": 26_000, "validation": 1_000, "test": 1_000, "test_combinations": 1_000}
SHORTEST, LONGEST = 3, 24
HELD_OUT_SHARE = 0.05


class Line(NamedTuple):
    """One sentence pair: words joined by spaces, links s-t, and the combinations that are in it."""

    english: str
    spanish: str
    alignment: str
    combinations: frozenset[Combination]

    @property
    def words(self) -> list[str]:
        """The words of both languages, marked so that the two cannot be confused."""
        return [f"en {word}" for word in self.english.split()] + [f"es {word}" for word in self.spanish.split()]

    def __str__(self) -> str:
        return f"{self.english}\t{self.spanish}\t{self.alignment}\n"


def line_of(phrase: Phrase) -> Line:
    """The line that a phrase of the grammar becomes."""
    english, spanish, alignment = finish(phrase)
    links = " ".join(f"{s}-{t}" for t, s in enumerate(alignment) if s >= 0)
    return Line(" ".join(english), " ".join(spanish), links, phrase.combinations)


def lines(dice: Dice) -> Iterator[Line]:
    """Distinct sentences of 3–24 words in both languages, without end.

    Raises ValueError if one English sentence ever comes with two translations.
    """
    known: dict[str, str] = {}
    while True:
        line = line_of(sentence(dice))
        lengths = len(line.english.split()), len(line.spanish.split())
        if min(lengths) < SHORTEST or max(lengths) > LONGEST:
            continue
        if line.english not in known:
            known[line.english] = line.spanish
            yield line
        elif known[line.english] != line.spanish:
            raise ValueError(f"two translations of {line.english!r}: {known[line.english]!r} and {line.spanish!r}")


def possible_combinations() -> list[Combination]:
    """Every adjective–noun and verb–object combination that the grammar can make, in alphabetical order."""
    described = {
        ("adjective", adjective.english, noun.english)
        for adjective in ADJECTIVES
        for noun in nouns_of(*sorted(adjective.kinds))
    }
    done = {
        ("object", verb.base, noun.english)
        for verb in (*TRANSITIVE, *GIVING)
        for kinds in verb.objects
        for noun in nouns_of(*kinds.split())
    }
    return sorted(described | done)


def corpus(seed: int = SEED) -> tuple[dict[str, list[Line]], list[Combination]]:
    """The lines of every split, and the combinations that only `test_combinations` has."""
    dice = Dice(seed)
    held_out = [combination for combination in possible_combinations() if dice.chance(HELD_OUT_SHARE)]
    splits: dict[str, list[Line]] = {name: [] for name in SIZES}
    splits["test"].append(line_of(example()))
    words: set[str] = set()
    for line in lines(dice):
        if all(len(splits[name]) == size for name, size in SIZES.items()):
            return splits, held_out
        if line.english == splits["test"][0].english:
            continue
        plain = line.combinations.isdisjoint(held_out)
        if plain and len(splits["train"]) < SIZES["train"]:
            splits["train"].append(line)
            words.update(line.words)
        elif len(splits["train"]) == SIZES["train"] and words.issuperset(line.words):
            names = ("validation", "test") if plain else ("test_combinations",)
            open_names = [name for name in names if len(splits[name]) < SIZES[name]]
            if open_names:
                splits[open_names[0]].append(line)
    raise AssertionError("the grammar has no end")


def write(folder: Path, seed: int = SEED) -> None:
    """Write every split, and the list of held-out combinations, into `folder`."""
    splits, held_out = corpus(seed)
    for name, chosen in splits.items():
        (folder / f"{name}.tsv").write_text("".join(map(str, chosen)), encoding="utf-8", newline="\n")
    listed = "".join("\t".join(combination) + "\n" for combination in held_out)
    (folder / "held_out.tsv").write_text(listed, encoding="utf-8", newline="\n")


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description="Write the English–Spanish corpus.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent, help="where to write")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed gives another corpus")
    arguments = parser.parse_args()
    write(arguments.folder, arguments.seed)


if __name__ == "__main__":
    main()
