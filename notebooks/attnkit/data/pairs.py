"""A pair of sequences that mean the same, and the tab-separated files that hold such pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from attnkit.places import en_es

UNALIGNED = -1
SPLITS = ("train", "validation", "test", "test_combinations")


class DataError(ValueError):
    """A data file that cannot be used; its one sentence says what is wrong, where, and what to do."""


class Pair(NamedTuple):
    """A source, its target, and for each target token the position of the source token it comes from (or −1)."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    alignment: tuple[int, ...]


def load_en_es(split: str = "train", folder: str | Path | None = None) -> list[Pair]:
    """Read one split of the course's English–Spanish corpus, with its gold alignments.

    `split` is one of "train", "validation", "test", "test_combinations"; `folder` is where the .tsv files are when
    they are not in `data/en_es` beside `notebooks/`.
    Raises ValueError for a split that does not exist, DataError for a file that is missing or damaged.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, and should be one of {', '.join(SPLITS)}")
    path = Path(folder if folder is not None else en_es()) / f"{split}.tsv"
    if not path.is_file():
        raise DataError(
            f"{path} is missing: copy the course's data/en_es folder there, or write it with "
            "`python data/en_es/generate.py`"
        )
    return [_aligned_pair(path, number, columns) for number, columns in _rows(path, (3,))]


def load_tab_separated(path: str | Path, reverse: bool = False) -> list[Pair]:
    """Read sentence pairs as Tatoeba and ManyThings publish them: english, other language, perhaps an attribution.

    One pair a line, 2 or 3 columns, UTF-8. Text becomes lower case, words and punctuation marks become tokens of their
    own, the attribution is dropped. `reverse=True` makes English the target. These files have no gold alignment, so
    every position is −1.
    Raises DataError when the file is missing, empty, not UTF-8 text, or has a line with other columns.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"{path} is missing: download a language pair from https://www.manythings.org/anki/, unzip it, and give "
            "the path of its .txt file"
        )
    pairs = []
    for _, columns in _rows(path, (2, 3)):
        english, other = tokenize(columns[0]), tokenize(columns[1])
        source, target = (other, english) if reverse else (english, other)
        pairs.append(Pair(source, target, (UNALIGNED,) * len(target)))
    return pairs


def tokenize(text: str) -> tuple[str, ...]:
    """Lower-case words, each with its inner apostrophes and hyphens, and punctuation marks one by one."""
    return tuple(re.findall(r"\w+(?:['’\-]\w+)*|[^\w\s]", text.lower()))


def _rows(path: Path, widths: tuple[int, ...]) -> Iterator[tuple[int, list[str]]]:
    """Number (from 1) and columns of each line that is not blank; DataError where a line cannot be used."""
    wanted = " or ".join(map(str, widths))
    empty = True
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) not in widths:
            raise DataError(
                f"{path}, line {number}: {_count(len(columns), 'column')} instead of {wanted}; "
                "put exactly one tab between the columns"
            )
        if not (columns[0] and columns[1]):
            raise DataError(f"{path}, line {number}: an empty sentence; fill it in or delete the line")
        empty = False
        yield number, columns
    if empty:
        raise DataError(f"{path} is empty: expected lines of {wanted} columns with a tab between them; get it again")


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: not UTF-8 text (byte 0x{content[error.start]:02x}); "
            "save the file again with the encoding UTF-8"
        ) from None


def _aligned_pair(path: Path, number: int, columns: list[str]) -> Pair:
    source, target = tuple(columns[0].split(" ")), tuple(columns[1].split(" "))
    alignment = [UNALIGNED] * len(target)
    for link in columns[2].split():
        match = re.fullmatch(r"(\d+)-(\d+)", link)
        if match is None or int(match[1]) >= len(source) or int(match[2]) >= len(target):
            raise DataError(
                f"{path}, line {number}: {link!r} is not an alignment link s-t within "
                f"{_count(len(source), 'source word')} and {_count(len(target), 'target word')}; "
                "write the file again with data/en_es/generate.py"
            )
        alignment[int(match[2])] = int(match[1])
    return Pair(source, target, tuple(alignment))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
