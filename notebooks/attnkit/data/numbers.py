"""English numbers in words → digits."""

from __future__ import annotations

import random

from attnkit.data.pairs import UNALIGNED, Pair

SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_words(n: int, seed: int = 0, largest: int = 999_999) -> list[Pair]:
    """n random whole numbers from 0 to `largest`: source e.g. four hundred six thousand twelve, target 4 0 6 0 1 2.

    Target tokens are single digits. Every number of digits is equally likely, so that short numbers are seen too.
    The alignment gives a digit the word that names it (both digits of "twelve" the same word); a zero that no word
    names is −1.
    Raises ValueError when `largest` is not within 0…999,999.
    """
    if not 0 <= largest <= 999_999:
        raise ValueError(f"largest is {largest}, and should be from 0 to 999999")
    chooser = random.Random(seed)
    pairs = []
    for _ in range(n):
        width = 1 + int(chooser.random() * len(str(largest)))
        begin, end = 0 if width == 1 else 10 ** (width - 1), min(10**width - 1, largest)
        pairs.append(spell(begin + int(chooser.random() * (end - begin + 1))))
    return pairs


def spell(number: int) -> Pair:
    """The words of a number 0…999,999, its digits, and the word each digit comes from."""
    digits = str(number)
    words: list[str] = []
    alignment = [UNALIGNED] * len(digits)
    if number == 0:
        return Pair(("zero",), ("0",), (0,))
    for power, name in ((3, "thousand"), (0, "")):
        group = number // 10**power % 1000
        _spell_group(group, len(digits) - power, words, alignment)
        if group and name:
            words.append(name)
    return Pair(tuple(words), tuple(digits), tuple(alignment))


def _spell_group(group: int, end: int, words: list[str], alignment: list[int]) -> None:
    """Add the words of three digits that end before position `end`, and align the digits with them."""
    hundreds, rest = divmod(group, 100)
    if hundreds:
        alignment[end - 3] = len(words)
        words += [SMALL[hundreds], "hundred"]
    if rest >= 20:
        alignment[end - 2] = len(words)
        words.append(TENS[rest // 10])
        rest %= 10
    if rest:
        alignment[end - 1] = len(words)
        if rest >= 10:
            alignment[end - 2] = len(words)
        words.append(SMALL[rest])
