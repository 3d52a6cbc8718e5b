"""`attnkit.data`: dates, numbers in words, and the small tasks."""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest
import torch

from attnkit.data import (
    DATE_LOCALES,
    EOS,
    FIRST_SYMBOL,
    PAD,
    copy_back_task,
    copy_task,
    dates,
    markov_sequences,
    number_words,
    recall_task,
    reverse_task,
)
from attnkit.data.numbers import spell


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── dates ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dates_are_the_same_every_time() -> None:
    assert dates(50, seed=3) == dates(50, seed=3) != dates(50, seed=4)


def test_dates_are_unambiguous_and_real() -> None:
    meaning: dict[str, str] = {}
    for pair in dates(6_000):
        text, iso = "".join(pair.source), "".join(pair.target)
        assert datetime.date.fromisoformat(iso).year in range(1950, 2050)
        assert iso[:4] in text
        assert meaning.setdefault(text, iso) == iso


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "Monday, May 3, 2021"),
        ("en", "May 3, 2021"),
        ("es", "lunes, 3 de mayo de 2021"),
        ("fr", "lundi 3 mai 2021"),
        ("de", "Montag, 3. Mai 2021"),
        ("ca", "3 de maig del 2021"),
    ],
)
def test_dates_as_people_write_them(locale: str, text: str) -> None:
    """May 3 of 2021 is written in this way among the dates of that year in that language."""
    written = {"".join(pair.source): "".join(pair.target) for pair in dates(6_000, 0, [locale], (2021, 2021))}
    assert written[text] == "2021-05-03"


def test_every_language_has_several_formats() -> None:
    assert len(DATE_LOCALES) >= 8
    for locale in DATE_LOCALES:
        shapes = {"".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in pair.source)
                  for pair in dates(100, 0, [locale])}  # fmt: skip
        assert len(shapes) >= 3


def test_no_month_is_a_number_and_names_mean_one_month() -> None:
    months: dict[str, str] = {}
    for pair in dates(6_000, 1):
        month = "".join(pair.target[5:7])
        begin = pair.alignment[5]
        assert pair.alignment[6] == begin
        name = "".join(pair.source[begin:]).split()[0].strip(".,").lower()
        assert name[:3].isalpha()
        assert months.setdefault(name, month) == month
    assert len(months) > 100


def test_a_month_begins_after_its_preposition() -> None:
    for pair in dates(100, 0, ["ca"]):
        month = "".join(pair.source[pair.alignment[5] :])
        assert month.startswith(("gen", "febr", "març", "abr", "maig", "juny", "jul", "ag", "set", "oct", "nov", "des"))


def test_date_digits_are_aligned_with_the_digits_they_copy() -> None:
    for pair in dates(500, 2, [*DATE_LOCALES, "ca"]):
        year, day = pair.alignment[:4], pair.alignment[8:]
        assert [pair.source[i] for i in year] == list(pair.target[:4])
        assert pair.source[day[1]] == pair.target[9]
        assert (day[0] == -1 and pair.target[8] == "0") or pair.source[day[0]] == pair.target[8]
        assert pair.alignment[4] == pair.alignment[7] == -1


def test_locales_that_cannot_be_used_are_named() -> None:
    with pytest.raises(ValueError, match="no locale 'klingon'"):
        dates(1, locales=["klingon"])
    with pytest.raises(ValueError, match="'ja' writes months as numbers"):
        dates(1, locales=["ja"])


def test_babel_is_not_imported_with_the_package() -> None:
    code = "import sys, attnkit.data; sys.exit('babel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "words", "alignment"),
    [
        (0, "zero", (0,)),
        (7, "seven", (0,)),
        (12, "twelve", (0, 0)),
        (20, "twenty", (0, -1)),
        (45, "forty five", (0, 1)),
        (300, "three hundred", (0, -1, -1)),
        (1_000, "one thousand", (0, -1, -1, -1)),
        (406_012, "four hundred six thousand twelve", (0, -1, 2, -1, 4, 4)),
        (999_999, "nine hundred ninety nine thousand nine hundred ninety nine", (0, 2, 3, 5, 7, 8)),
    ],
)
def test_spelling(number: int, words: str, alignment: tuple[int, ...]) -> None:
    assert spell(number) == (tuple(words.split()), tuple(str(number)), alignment)


def test_no_two_numbers_are_spelled_alike() -> None:
    assert len({spell(number).source for number in range(0, 1_000_000, 97)}) == len(range(0, 1_000_000, 97))


def test_numbers_of_every_width_are_drawn() -> None:
    pairs = number_words(600, seed=1)
    assert pairs == number_words(600, seed=1)
    assert {len(pair.target) for pair in pairs} == {1, 2, 3, 4, 5, 6}
    assert max(int("".join(pair.target)) for pair in number_words(300, largest=120)) <= 120
    with pytest.raises(ValueError, match="from 0 to 999999"):
        number_words(1, largest=1_000_000)


# ── small tasks ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("eos", [False, True])
def test_copy_and_reverse(eos: bool) -> None:
    for task, step in ((copy_task, 1), (reverse_task, -1)):
        made = task(40, (2, 6), 9, generator(), eos=eos)
        assert made.source.shape == (40, 6)
        assert made.target.shape == made.gold.shape == (40, 6 + eos)
        assert {int(length) for length in made.lengths} == {2, 3, 4, 5, 6}
        for source, length, target, gold in zip(*made, strict=True):
            real = source[:length].tolist()
            assert all(FIRST_SYMBOL <= symbol < FIRST_SYMBOL + 9 for symbol in real)
            assert (source[length:] == PAD).all()
            assert target[:length].tolist() == real[::step]
            assert target[length:].tolist() == ([EOS] if eos else []) + [PAD] * (6 - int(length))
            assert source[gold[:length]].tolist() == target[:length].tolist()
            assert (gold[length:] == -1).all()


def test_copy_back() -> None:
    made = copy_back_task(5, 7, 4, 3, generator())
    assert (made.target[:, :3] == PAD).all()
    assert torch.equal(made.target[:, 3:], made.source[:, :4])
    assert made.gold.tolist() == [[-1, -1, -1, 0, 1, 2, 3]] * 5
    with pytest.raises(ValueError, match="k is 7"):
        copy_back_task(5, 7, 4, 7, generator())


def test_recall() -> None:
    made = recall_task(30, slots=4, keys=9, values=5, generator=generator())
    assert made.keys.shape == made.values.shape == (30, 4)
    rows = torch.arange(30)
    assert all(len(set(row.tolist())) == 4 for row in made.keys)
    assert torch.equal(made.keys[rows, made.slot], made.query)
    assert torch.equal(made.values[rows, made.slot], made.answer)
    assert set(made.slot.tolist()) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="5 slots"):
        recall_task(1, slots=5, keys=4, values=2, generator=generator())


def test_markov_walks_follow_their_matrix() -> None:
    P = torch.tensor([[0.0, 1.0, 0.0], [0.3, 0.0, 0.7], [0.5, 0.5, 0.0]])
    walks = markov_sequences(P, 300, 40, generator())
    assert walks.shape == (300, 40)
    counts = torch.zeros(3, 3).index_put((walks[:, :-1].flatten(), walks[:, 1:].flatten()), torch.tensor(1.0), True)
    assert torch.allclose(counts / counts.sum(1, keepdim=True), P, atol=0.03)
    with pytest.raises(ValueError, match="square"):
        markov_sequences(P[:2], 1, 5, generator())
    with pytest.raises(ValueError, match="sum to 1"):
        markov_sequences(P * 0.9, 1, 5, generator())


def test_tasks_take_all_randomness_from_the_generator() -> None:
    first = [copy_task(9, (1, 9), 5, generator(7)).source, recall_task(9, 3, 5, 5, generator(7)).keys]
    torch.manual_seed(1)
    again = [copy_task(9, (1, 9), 5, generator(7)).source, recall_task(9, 3, 5, 5, generator(7)).keys]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], copy_task(9, (1, 9), 5, generator(8)).source)
