"""`attnkit.data`: files, vocabularies, batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attnkit.data import (
    BOS,
    EOS,
    PAD,
    UNK,
    DataError,
    Pair,
    Vocabulary,
    batches,
    gold_matrix,
    load_en_es,
    load_tab_separated,
    pad_batch,
)

EXAMPLE = Path(__file__).resolve().parents[1] / "data" / "tab_separated_example.tsv"


def test_the_example_of_a_downloaded_file() -> None:
    pairs = load_tab_separated(EXAMPLE)
    assert len(pairs) == 6
    assert pairs[0] == Pair(("the", "door", "is", "open", "."), ("la", "puerta", "está", "abierta", "."), (-1,) * 5)
    assert pairs[1].source == ("don't", "run", "!")
    assert pairs[1].target == ("¡", "no", "corras", "!")
    assert load_tab_separated(EXAMPLE, reverse=True)[0].source == pairs[0].target


@pytest.mark.parametrize("content", ["a\tb\n", "a\tb\tCC BY\n", "\ufeffa\tb\r\n", "a\tb", "\n\na\tb\n"])
def test_what_a_pair_file_may_look_like(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_bytes(content.encode())
    assert load_tab_separated(path) == [Pair(("a",), ("b",), (-1,))]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"hello\thola\njust english\n", r"line 2: 1 column instead of 2 or 3"),
        (b"a\tb\tc\td\n", r"line 1: 4 columns instead of 2 or 3"),
        (b"hello\thola\n\tnada\n", r"line 2: an empty sentence"),
        ("hello\thola\nchild\tniño\n".encode("latin-1"), r"line 2: not UTF-8 text \(byte 0xf1\)"),
        ("hello\thola\n".encode("utf-16"), r"line 1: not UTF-8 text"),
    ],
)
def test_what_is_wrong_with_a_pair_file(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        load_tab_separated(path)
    assert str(path) in str(caught.value)


def test_a_missing_pair_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is missing: download .*manythings"):
        load_tab_separated(tmp_path / "spa.txt")


def test_en_es_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text("he sees her\tla ve\t2-0 1-1\nthe cat sat\tel gato se\t0-0 1-1\n", "utf-8")
    assert load_en_es("test", tmp_path) == [
        Pair(("he", "sees", "her"), ("la", "ve"), (2, 1)),
        Pair(("the", "cat", "sat"), ("el", "gato", "se"), (0, 1, -1)),
    ]


@pytest.mark.parametrize("link", ["3-0", "0-9", "0", "a-b", "-1-0"])
def test_a_wrong_alignment_is_named(tmp_path: Path, link: str) -> None:
    (tmp_path / "test.tsv").write_text(f"he sees her\tla ve\t{link}\n", "utf-8")
    with pytest.raises(DataError, match=f"line 1: '{link}' is not an alignment link"):
        load_en_es("test", tmp_path)


def test_a_missing_corpus_or_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.tsv is missing: copy"):
        load_en_es("train", tmp_path)
    with pytest.raises(ValueError, match="'dev', and should be one of train"):
        load_en_es("dev")


def test_a_vocabulary_is_built_in_one_order() -> None:
    vocabulary = Vocabulary.of([("b", "a", "c"), ("c", "a")])
    assert vocabulary.tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "a", "c", "b")
    assert len(vocabulary) == 7
    assert "c" in vocabulary
    assert "d" not in vocabulary
    with pytest.raises(ValueError, match="'a' comes twice"):
        Vocabulary(["a", "b", "a"])


def test_encode_and_decode() -> None:
    vocabulary = Vocabulary("abc")
    assert vocabulary.encode("cab") == [6, 4, 5]
    assert vocabulary.encode("cx", eos=True) == [6, UNK, EOS]
    assert vocabulary.decode([BOS, 6, PAD, 4, UNK, EOS, 5]) == ["c", "a", "<unk>"]
    assert vocabulary.decode(torch.tensor([5, EOS, 5])) == ["b"]


def test_pad_batch() -> None:
    batch, lengths = pad_batch([[5, 6], [7, 8, 9], [4]])
    assert batch.tolist() == [[5, 6, PAD], [7, 8, 9], [4, PAD, PAD]]
    assert batch.dtype == lengths.dtype == torch.int64
    assert lengths.tolist() == [2, 3, 1]
    assert pad_batch([[5], [6, 7]], pad=-1)[0].tolist() == [[5, -1], [6, 7]]
    with pytest.raises(ValueError, match="at least one sequence"):
        pad_batch([])


def test_gold_matrix_counts_eos_and_padding_as_unaligned() -> None:
    pairs = [Pair(("a", "b"), ("x", "y", "z"), (1, -1, 0)), Pair(("a",), ("x",), (0,))]
    assert gold_matrix(pairs).tolist() == [[1, -1, 0], [0, -1, -1]]
    assert gold_matrix(pairs, T=4).tolist() == [[1, -1, 0, -1], [0, -1, -1, -1]]
    with pytest.raises(ValueError, match="3 tokens does not fit into T = 2"):
        gold_matrix(pairs, T=2)


def test_batches_use_every_number_once_and_only_the_generator() -> None:
    def draw(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in batches(10, 4, torch.Generator().manual_seed(seed))]

    first = draw(0)
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert sorted(i for batch in first for i in batch) == list(range(10))
    assert draw(0) == first != draw(1)
    with pytest.raises(ValueError, match="should be at least 1"):
        next(batches(10, 0, torch.Generator()))
