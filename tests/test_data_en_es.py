"""The English–Spanish corpus: what the shipped files promise, and that the grammar keeps it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from attnkit.data import Pair, load_en_es

FOLDER = Path(__file__).resolve().parents[1] / "data" / "en_es"
SPLITS = ("train", "validation", "test", "test_combinations")
UNALIGNED = {"a", "al", "la", "le", "les", "el", "las", "los", "en", "de", "del"}


@pytest.fixture(scope="module")
def source() -> Iterator[dict[str, ModuleType]]:
    """The generator's own modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        names = ("lexicon", "conjugation", "phrase", "noun_phrases", "dice", "generate")
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Pair]]:
    return {split: load_en_es(split) for split in SPLITS}


@pytest.fixture(scope="module")
def pairs(corpus: dict[str, list[Pair]]) -> list[Pair]:
    return [pair for split in SPLITS for pair in corpus[split]]


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_generator_reproduces_the_shipped_files(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "generate.py"), "--folder", str(tmp_path)]
    subprocess.run(command, check=True, timeout=120)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), f"{path.name} differs from the shipped file"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.glob("*.tsv")}


def test_sizes(corpus: dict[str, list[Pair]]) -> None:
    assert {split: len(lines) for split, lines in corpus.items()} == {
        "train": 26_000,
        "validation": 1_000,
        "test": 1_000,
        "test_combinations": 1_000,
    }


def test_no_english_sentence_comes_twice(pairs: list[Pair]) -> None:
    assert [source for source, count in Counter(pair.source for pair in pairs).items() if count > 1] == []


def test_sentences_are_of_3_to_24_words(pairs: list[Pair]) -> None:
    lengths = [len(words) for pair in pairs for words in (pair.source, pair.target)]
    assert min(lengths) == 3
    assert 20 <= max(lengths) <= 24


def test_every_word_is_seen_in_training(corpus: dict[str, list[Pair]]) -> None:
    for side in (0, 1):
        known = {word for pair in corpus["train"] for word in pair[side]}
        for split in SPLITS[1:]:
            assert {word for pair in corpus[split] for word in pair[side]} <= known


def test_text_is_lower_case_tokens(pairs: list[Pair]) -> None:
    words = {word for pair in pairs for side in pair[:2] for word in side}
    assert all(word == word.lower() for word in words)
    assert all(word.isalpha() or word in {"?", "¿", ",", "'s"} for word in words)


def test_the_notebooks_example_is_held_out(corpus: dict[str, list[Pair]]) -> None:
    example = corpus["test"][0]
    assert " ".join(example.source) == "the cat sat on the mat"
    assert " ".join(example.target) == "el gato se sentó en la alfombra"
    assert example.alignment == (0, 1, 2, 2, 3, 4, 5)
    assert all(pair.source != example.source for pair in corpus["train"])


def test_held_out_combinations_are_never_trained(corpus: dict[str, list[Pair]], source: dict[str, ModuleType]) -> None:
    """Read from the text alone: an adjective right before its noun, a verb right before its object (not an owner)."""
    forms: set[tuple[str, ...]] = set()
    for line in (FOLDER / "held_out.tsv").read_text("utf-8").splitlines():
        forms |= written(source["lexicon"], *line.split("\t"))

    def found(split: str) -> int:
        return sum(
            pair.source[begin : begin + length] in forms and pair.source[begin + length :][:1] != ("'s",)
            for pair in corpus[split]
            for begin in range(len(pair.source) - 1)
            for length in range(2, 6)
        )

    assert found("train") == found("validation") == found("test") == 0
    assert found("test_combinations") >= 500


def written(lexicon: ModuleType, kind: str, first: str, second: str) -> set[tuple[str, ...]]:
    """All ways to write an adjective and its noun, or a verb, a determiner and its object, as words."""
    nouns = {form for noun in lexicon.NOUNS if noun.english == second for form in (noun.english, noun.plural)}
    if kind == "adjective":
        return {(first, noun) for noun in nouns}
    verbs = [verb for verb in (*lexicon.TRANSITIVE, *lexicon.GIVING) if verb.base == first]
    heads = {form for verb in verbs for form in (verb.base, verb.third, verb.past, verb.ing)}
    return {
        (*head.split(), *determiner.split(), noun)
        for head in heads
        for determiner in (*lexicon.DETERMINERS, "an", "")
        for noun in nouns
    }


# ── the alignments ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_unaligned_words_are_the_declared_ones(pairs: list[Pair]) -> None:
    unaligned = {word for pair in pairs for word, place in zip(pair.target, pair.alignment, strict=True) if place < 0}
    assert unaligned <= UNALIGNED
    assert {"a", "le", "les"} <= unaligned


def test_most_words_are_aligned_and_many_links_cross(pairs: list[Pair]) -> None:
    places = [place for pair in pairs for place in pair.alignment]
    assert sum(place >= 0 for place in places) / len(places) > 0.95
    linked = [[place for place in pair.alignment if place >= 0] for pair in pairs]
    assert sum(sorted(places) != places for places in linked) / len(linked) > 0.3


def test_nouns_and_adjectives_are_aligned_with_their_translation(
    pairs: list[Pair], source: dict[str, ModuleType]
) -> None:
    """Whatever Spanish noun or adjective a link ends at, the dictionary has it for the English word at its start."""
    lexicon = source["lexicon"]
    meanings: dict[str, set[str]] = {}
    for noun in lexicon.NOUNS:
        meanings.setdefault(noun.spanish, set()).add(noun.english)
        meanings.setdefault(noun.spanish_plural, set()).add(noun.plural)
    for adjective in lexicon.ADJECTIVES:
        for form in adjective.spanish:
            meanings.setdefault(form, set()).update({adjective.english, adjective.comparative})
    unique = {word for word in meanings if word not in verb_forms(source) | occupations(lexicon)}
    checked = 0
    for pair in pairs:
        for word, place in zip(pair.target, pair.alignment, strict=True):
            if word in unique and word not in {"mañana", "semana"}:
                assert pair.source[place] in meanings[word], " ".join(pair.source)
                checked += 1
    assert checked > 20_000


def occupations(lexicon: ModuleType) -> set[str]:
    return {form for job in lexicon.OCCUPATIONS for form in job.spanish}


def verb_forms(source: dict[str, ModuleType]) -> set[str]:
    conjugation, lexicon = source["conjugation"], source["lexicon"]
    verbs = {verb.spanish.split()[0].removesuffix("se") for verb in (*lexicon.TRANSITIVE, *lexicon.INTRANSITIVE)}
    tenses = ("present", "preterite", "future")
    return {form for verb in verbs for tense in tenses for form in conjugation.forms(verb, tense)} | verbs


# ── the Spanish ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_articles_agree_with_the_noun_after_them(pairs: list[Pair], source: dict[str, ModuleType]) -> None:
    lexicon = source["lexicon"]
    right: dict[str, set[str]] = {}
    for noun in lexicon.NOUNS:
        stressed = noun.spanish in {"agua", "águila"}
        singular = {"el", "un", "al", "del"} if noun.gender == "m" or stressed else {"la", "una"}
        right.setdefault(noun.spanish, set()).update(singular)
        right.setdefault(noun.spanish_plural, set()).update({"los", "unos"} if noun.gender == "m" else {"las", "unas"})
    for job in lexicon.OCCUPATIONS:
        right.setdefault(job.spanish[0], set()).update({"el", "un", "al", "del"})
    articles = {"el", "la", "los", "las", "un", "una", "al", "del"}
    clitic_positions = 0
    for pair in pairs:
        for article, noun, place in zip(pair.target, pair.target[1:], pair.alignment, strict=False):
            if article in articles and noun in right and (place < 0 or pair.source[place] not in {"it", "them", "her"}):
                assert article in right[noun], " ".join(pair.target)
                clitic_positions += 1
    assert clitic_positions > 10_000


def test_adjectives_after_a_noun_agree_with_it(pairs: list[Pair], source: dict[str, ModuleType]) -> None:
    lexicon = source["lexicon"]
    nouns: dict[str, set[tuple[str, int]]] = {}
    for noun in lexicon.NOUNS:
        nouns.setdefault(noun.spanish, set()).add((noun.gender, 0))
        nouns.setdefault(noun.spanish_plural, set()).add((noun.gender, 1))
    adjectives: dict[str, set[tuple[str, int]]] = {}
    for adjective in lexicon.ADJECTIVES:
        for form, key in zip(adjective.spanish, (("m", 0), ("f", 0), ("m", 1), ("f", 1)), strict=True):
            adjectives.setdefault(form, set()).add(key)
    checked = 0
    for pair in pairs:
        for noun, place, adjective, origin in zip(
            pair.target, pair.alignment, pair.target[1:], pair.alignment[1:], strict=False
        ):
            attributive = 0 <= origin < place and place - origin <= 2
            if attributive and noun in nouns and adjective in adjectives:
                assert nouns[noun] & adjectives[adjective], " ".join(pair.target)
                checked += 1
    assert checked > 2_000


def test_contractions_and_sound_changes(pairs: list[Pair]) -> None:
    for pair in pairs:
        text = f" {' '.join(pair.target)} "
        assert " a el " not in text
        assert " de el " not in text
        for word, following in zip(pair.target, pair.target[1:], strict=False):
            assert not (word == "y" and following[:2] in ("in", "ig", "is", "ir", "hi")), text
            assert not (word == "o" and following.removeprefix("h")[0] in "oó"), text
    words = Counter(word for pair in pairs for word in pair.target)
    assert all(words[word] for word in ("al", "del", "e", "u"))


def test_conjunctions_before_every_sound(source: dict[str, ModuleType]) -> None:
    conjunction = source["phrase"].conjunction
    assert [conjunction("y", word) for word in ("isabel", "hijo", "hielo", "yo", "gato")] == ["e", "e", "y", "y", "y"]
    assert [conjunction("o", word) for word in ("otro", "hombre", "óscar", "ocho", "gato")] == ["u", "u", "u", "u", "o"]


def test_questions_have_both_marks(pairs: list[Pair]) -> None:
    for pair in pairs:
        asked = pair.source[-1] == "?"
        assert (pair.target[0] == "¿") == asked == (pair.target[-1] == "?")
        if asked:
            assert pair.alignment[0] == pair.alignment[-1] == len(pair.source) - 1


def test_negation_needs_do_in_english_and_not_in_spanish(pairs: list[Pair]) -> None:
    for pair in pairs:
        negated = sum(word in {"not", "cannot"} for word in pair.source)
        assert negated == pair.target.count("no")
    texts = [" ".join(pair.source) for pair in pairs]
    assert sum(" does not " in text or " did not " in text for text in texts) > 300


@pytest.mark.parametrize(
    ("infinitive", "tense", "expected"),
    [
        ("comer", "present", "como come comemos comen"),
        ("buscar", "preterite", "busqué buscó buscamos buscaron"),
        ("jugar", "preterite", "jugué jugó jugamos jugaron"),
        ("empezar", "preterite", "empecé empezó empezamos empezaron"),
        ("dormir", "preterite", "dormí durmió dormimos durmieron"),
        ("traer", "preterite", "traje trajo trajimos trajeron"),
        ("oír", "future", "oiré oirá oiremos oirán"),
        ("venir", "future", "vendré vendrá vendremos vendrán"),
        ("estar", "imperfect", "estaba estaba estábamos estaban"),
        ("ser", "imperfect", "era era éramos eran"),
    ],
)
def test_conjugation(source: dict[str, ModuleType], infinitive: str, tense: str, expected: str) -> None:
    assert source["conjugation"].forms(infinitive, tense) == expected.split()


# ── the grammar ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_least_200_lemmas(source: dict[str, ModuleType]) -> None:
    parts = Counter(part for part, _ in source["lexicon"].lemmas())
    assert parts["noun"] + parts["adjective"] + parts["verb"] >= 200


def test_more_than_50_000_pairs_are_possible(source: dict[str, ModuleType]) -> None:
    """Counted, not drawn: "the NOUN VERB the NOUN" in the past, without adjectives, is enough."""
    lexicon, nouns_of = source["lexicon"], source["noun_phrases"].nouns_of
    count = 0
    for verb in lexicon.TRANSITIVE:
        subjects = len(nouns_of(*sorted(verb.subjects))) * 2
        objects = {noun for kinds in verb.objects for noun in nouns_of(*kinds.split())}
        count += subjects * sum(1 if noun.plural == "-" else 2 for noun in objects)
    assert count > 50_000


def test_an_english_sentence_has_one_translation(source: dict[str, ModuleType]) -> None:
    """Among sentences of another seed, and against the shipped ones: `lines` raises on a second translation."""
    generate = source["generate"]
    shipped = {" ".join(pair.source): " ".join(pair.target) for split in SPLITS for pair in load_en_es(split)}
    stream = generate.lines(source["dice"].Dice(1))
    for _ in range(5_000):
        line = next(stream)
        assert shipped.get(line.english, line.spanish) == line.spanish


def test_two_translations_are_an_error(source: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    generate, phrase = source["generate"], source["phrase"]
    spanish = iter(["uno dos tres", "uno dos cuatro"])
    monkeypatch.setattr(generate, "sentence", lambda dice: phrase.expression("one two three", next(spanish)))
    with pytest.raises(ValueError, match="two translations"):
        list(generate.lines(None))


def lengths(pairs: list[Pair]) -> tuple[list[int], list[int]]:
    return [len(pair.source) for pair in pairs], [len(pair.target) for pair in pairs]


def test_the_data_sheets_readings_are_those_of_the_corpus(pairs: list[Pair], source: dict[str, ModuleType]) -> None:
    """*poor*, *old* and *big* always stand after their noun, and a walk is always *en* a place."""
    sheet = (FOLDER / "DATASHEET.md").read_text("utf-8")
    assert "*my poor mother* is *mi madre pobre*" in sheet
    assert "*walk in the forest* is *caminar en el bosque*" in sheet
    assert "*old* and *big* stand after their nouns" in sheet
    nouns = {form for noun in source["lexicon"].NOUNS for form in (noun.english, noun.plural)}
    order: dict[str, set[bool]] = {"poor": set(), "old": set(), "big": set(), "good": set()}
    for pair in pairs:
        for place, (adjective, noun) in enumerate(pairwise(pair.source)):
            if adjective in order and noun in nouns:
                order[adjective].add(pair.alignment.index(place) > pair.alignment.index(place + 1))
    assert order == {"poor": {True}, "old": {True}, "big": {True}, "good": {False}}  # *buen* is the one before
    walks = [pair.target for pair in pairs if "walk" in pair.source and "in" in pair.source]
    assert any("en" in target for target in walks)
    assert not any({"por", "bosque"} <= set(target) for target in walks)


def test_the_data_sheet_tells_what_is_shipped(corpus: dict[str, list[Pair]], source: dict[str, ModuleType]) -> None:
    sheet = (FOLDER / "DATASHEET.md").read_text("utf-8")
    pairs = [pair for lines in corpus.values() for pair in lines]
    english, spanish = ({word for pair in corpus["train"] for word in pair[side]} for side in (0, 1))
    assert all(f"| `{split}` | {len(lines):,} |" in sheet for split, lines in corpus.items())
    assert f"{len(english)} different English and {len(spanish):,} different Spanish words" in sheet
    assert f"{sum(len(pair.source) for pair in pairs) / len(pairs):.1f} English words on average" in sheet
    (low, high), (least, most) = ((min(counts), max(counts)) for counts in lengths(pairs))
    assert f"English sentences have {low} to {high} words, Spanish ones {least} to {most}" in sheet
    linked = [[place for place in pair.alignment if place >= 0] for pair in pairs]
    assert (
        f"Links cross in {sum(sorted(places) != places for places in linked) / len(linked):.0%}".replace("%", " %")
        in sheet
    )
    assert f"lists the {len((FOLDER / 'held_out.tsv').read_text('utf-8').splitlines())} combinations" in sheet
    assert f"{len(source['lexicon'].lemmas())} dictionary entries" in sheet
    assert "CC BY 4.0" in sheet
    assert "BSD-3-Clause" in sheet
