"""Small made-up tasks whose right answer, and right place to look, are known.

Symbols are the integers FIRST_SYMBOL … FIRST_SYMBOL + symbols − 1, above the special ids of `Vocabulary`; padding is 0
and a gold position of −1 means that there is nothing to look at.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from attnkit.data.batching import EOS, PAD, UNK
from attnkit.data.pairs import UNALIGNED

FIRST_SYMBOL = UNK + 1


class Task(NamedTuple):
    """Sequences and what to make of them, all int64: source (B, S), its lengths (B,), target and gold (B, T)."""

    source: Tensor
    lengths: Tensor
    target: Tensor
    gold: Tensor


class Recall(NamedTuple):
    """Key → value memories, all int64: keys and values (B, S), and query, answer and slot (B,).

    `query` is one of the keys, `slot` its position and `answer` the value there.
    """

    keys: Tensor
    values: Tensor
    query: Tensor
    answer: Tensor
    slot: Tensor


def copy_task(n: int, lengths: tuple[int, int], symbols: int, generator: Generator, eos: bool = False) -> Task:
    """Write the source again: n sequences, each of a random length from lengths[0] to lengths[1] (both included).

    S is lengths[1]; T is the same, or one more when the target ends with EOS.
    Raises ValueError when the lengths are not 1 ≤ shortest ≤ longest.
    """
    source, length = _sequences(n, lengths, symbols, generator)
    place = torch.arange(source.shape[1]).expand_as(source)
    return _rearranged(source, length, torch.where(source != PAD, place, UNALIGNED), eos)


def reverse_task(n: int, lengths: tuple[int, int], symbols: int, generator: Generator, eos: bool = False) -> Task:
    """Write the source from its last real symbol to its first; everything else as in `copy_task`."""
    source, length = _sequences(n, lengths, symbols, generator)
    place = length[:, None] - 1 - torch.arange(source.shape[1])
    return _rearranged(source, length, torch.where(source != PAD, place, UNALIGNED), eos)


def copy_back_task(n: int, length: int, symbols: int, k: int, generator: Generator) -> Task:
    """At each position t write the symbol of position t − k; the first k targets are PAD and their gold −1.

    Source, target and gold are (n, length). Raises ValueError when k is not within 0…length − 1.
    """
    if not 0 <= k < length:
        raise ValueError(f"k is {k}, and should be from 0 to {length - 1}")
    source, lengths = _sequences(n, (length, length), symbols, generator)
    place = torch.arange(length) - k
    gold = torch.where(place >= 0, place, UNALIGNED).expand_as(source).contiguous()
    return _rearranged(source, lengths, gold, eos=False)


def recall_task(n: int, slots: int, keys: int, values: int, generator: Generator) -> Recall:
    """n memories of `slots` different keys out of 0…keys − 1, each with a value out of 0…values − 1, and one query.

    Raises ValueError when there are fewer keys than slots.
    """
    if keys < slots:
        raise ValueError(f"{slots} slots need as many different keys, and there are {keys}")
    key = torch.rand(n, keys, generator=generator).argsort(dim=1)[:, :slots]
    value = torch.randint(values, (n, slots), generator=generator)
    slot = torch.randint(slots, (n,), generator=generator)
    row = torch.arange(n)
    return Recall(key, value, key[row, slot], value[row, slot], slot)


def markov_sequences(P: Tensor, n: int, length: int, generator: Generator, burn_in: int = 100) -> Tensor:
    """n walks (n, length), int64, of the Markov chain whose row i of P (V, V) is the distribution after state i.

    Each walk starts anywhere and its first `burn_in` steps are thrown away, so that it begins where the chain lives.
    Raises ValueError when P is not square, or a row is not a distribution.
    """
    if P.ndim != 2 or P.shape[0] != P.shape[1]:
        raise ValueError(f"P has the shape {tuple(P.shape)}, and should be square")
    if bool((P < 0).any()) or not torch.allclose(P.sum(dim=1), torch.ones_like(P[0]), atol=1e-4):
        raise ValueError("every row of P should be non-negative and sum to 1")
    state = torch.randint(len(P), (n,), generator=generator)
    walk = []
    for _ in range(burn_in + length):
        state = torch.multinomial(P[state], 1, generator=generator).squeeze(1)
        walk.append(state)
    return torch.stack(walk[burn_in:], dim=1)


def _sequences(n: int, lengths: tuple[int, int], symbols: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Random symbols (n, longest) with PAD after each sequence's own length, and the lengths (n,)."""
    shortest, longest = lengths
    if not 1 <= shortest <= longest:
        raise ValueError(f"lengths are {lengths}, and should be 1 ≤ shortest ≤ longest")
    length = torch.randint(shortest, longest + 1, (n,), generator=generator)
    source = torch.randint(FIRST_SYMBOL, FIRST_SYMBOL + symbols, (n, longest), generator=generator)
    return source.masked_fill(torch.arange(longest) >= length[:, None], PAD), length


def _rearranged(source: Tensor, lengths: Tensor, gold: Tensor, eos: bool) -> Task:
    """The task whose target at t is the source symbol at gold[t], PAD where gold is −1, and perhaps EOS at the end."""
    target = source.gather(1, gold.clamp(min=0)).masked_fill(gold == UNALIGNED, PAD)
    if eos:
        target = torch.nn.functional.pad(target, (0, 1), value=PAD)
        target[torch.arange(len(target)), lengths] = EOS
        gold = torch.nn.functional.pad(gold, (0, 1), value=UNALIGNED)
    return Task(source, lengths, target, gold)
