"""From tokens to the integer tensors a model reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from attnkit.data.pairs import UNALIGNED, Pair

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")


class Vocabulary:
    """The tokens a model knows, each with its id; 0–3 are padding, begin, end and unknown."""

    def __init__(self, tokens: Iterable[str]) -> None:
        """Number `tokens` from 4 in the order given; ValueError when one comes twice or is a special token."""
        self.tokens: tuple[str, ...] = (*SPECIAL, *tokens)
        self.ids: dict[str, int] = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"the token {twice!r} comes twice; give every token once")

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]]) -> Vocabulary:
        """The tokens of all sequences, most frequent first, equally frequent ones in alphabetical order."""
        counts = Counter(token for sequence in sequences for token in sequence)
        return cls(sorted(counts, key=lambda token: (-counts[token], token)))

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.ids

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self)} tokens"

    def encode(self, tokens: Iterable[str], eos: bool = False) -> list[int]:
        """The ids of `tokens`, UNK for those not known, with EOS at the end if `eos`."""
        return [self.ids.get(token, UNK) for token in tokens] + [EOS] * eos

    def decode(self, ids: Iterable[int] | Tensor) -> list[str]:
        """The tokens of `ids` (list or 1-d tensor) up to the first EOS, without PAD and BOS."""
        tokens = []
        for i in map(int, ids):
            if i == EOS:
                break
            if i not in (PAD, BOS):
                tokens.append(self.tokens[i])
        return tokens


def pad_batch(sequences: Sequence[Sequence[int]], pad: int = PAD) -> tuple[Tensor, Tensor]:
    """Put id lists of unequal length into one int64 tensor (B, T) filled up with `pad`; also their lengths (B,).

    T is the longest length. Raises ValueError when there is no sequence.
    """
    if not sequences:
        raise ValueError("a batch needs at least one sequence, and this one has none")
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    batch = torch.full((len(sequences), int(lengths.max())), pad, dtype=torch.int64)
    for row, sequence in zip(batch, sequences, strict=True):
        row[: len(sequence)] = torch.tensor(list(sequence), dtype=torch.int64)
    return batch, lengths


def gold_matrix(pairs: Sequence[Pair], T: int | None = None) -> Tensor:
    """The gold alignments as int64 (B, T): entry [b, t] is the source position of target token t, or −1.

    −1 stands where a token has no source, and at every position after the target's last token, so EOS and padding
    count as unaligned. T defaults to the longest target; give the width of the padded targets when they end with EOS.
    Positions count from 0 at the first word on both sides: shift them yourself if the source begins with BOS.
    Raises ValueError when a target is longer than T.
    """
    longest = max((len(pair.alignment) for pair in pairs), default=0)
    T = longest if T is None else T
    if longest > T:
        raise ValueError(f"a target of {longest} tokens does not fit into T = {T} positions")
    gold = torch.full((len(pairs), T), UNALIGNED, dtype=torch.int64)
    for row, pair in zip(gold, pairs, strict=True):
        row[: len(pair.alignment)] = torch.tensor(pair.alignment, dtype=torch.int64)
    return gold


def batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The numbers 0…n−1 in random order, `size` at a time, as int64 (size,); the last batch may be shorter.

    Raises ValueError when `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"the batch size is {size}, and should be at least 1")
    order = torch.randperm(n, generator=generator)
    for begin in range(0, n, size):
        yield order[begin : begin + size]
