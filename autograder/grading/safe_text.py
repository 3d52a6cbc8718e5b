"""Names that strangers chose, made fit for a screen, a file name or a spreadsheet."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

MAX_NAME = 100
_TAGGED = re.compile(r"-[0-9a-f]{12}\Z")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet takes for the start of one


def printable(text: str, limit: int = MAX_NAME) -> str:
    """One line of `text` that cannot move the cursor, reorder its neighbours or hide; work is bounded by `limit`."""
    short = unicodedata.normalize("NFC", text[: 8 * limit + 8])
    clean = "".join("�" if _is_dangerous(character) else character for character in short)
    clean = " ".join(clean.split())
    clean = clean if len(clean) <= limit else clean[: limit - 1] + "…"
    return text if clean == text else clean  # where it may stay, it stays itself and no copy is kept


def printable_text(text: str, limit: int = 2_000) -> str:
    """As `printable`, but line breaks stay."""
    return "\n".join(printable(line, limit) for line in text[:limit].splitlines())


def student_key(raw: str) -> str:
    """A printable name that is different for different `raw` names."""
    clean = printable(raw)
    whole = unicodedata.normalize("NFC", raw) if len(raw) <= 4 * MAX_NAME else raw
    return clean if clean == whole and clean else f"{clean or 'nameless'} {_tag(raw)}"


def file_slug(name: str) -> str:
    """A file name made of letters, digits, dot, dash and underscore, different for different names.

    A name that is changed gets a tag at its end, and so does one that could be taken for a tagged one.
    """
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60]
    return slug if slug == name and not _TAGGED.search(name) else f"{slug or 'student'}-{_tag(name)}"


def spreadsheet_safe(text: str) -> str:
    """`text` such that no spreadsheet takes it for a formula (a quote is added where one could).

    A program that cuts at semicolons finds none behind a semicolon either.
    """
    return ";".join(_no_formula(part) for part in printable(text, 500).split(";"))


def in_lines(words: str, names: Iterable[str], each: int = 10) -> list[str]:
    """Lines that begin with `words` and name everybody, a few in each; none for nobody."""
    listed = [printable(name, 60) for name in names]
    return [f"{words} {', '.join(listed[start : start + each])}" for start in range(0, len(listed), each)]


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts `file 2` before `file 10`."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text.casefold())
    numbers = (part.lstrip("0") for part in parts)
    return tuple(
        (0, len(number), number) if part.isdecimal() and part.isascii() else (1, 0, part)
        for part, number in zip(parts, numbers, strict=True)
    )


def _no_formula(text: str) -> str:
    bare = text.lstrip()
    return text[: len(text) - len(bare)] + "'" + bare if bare.startswith(FORMULA) else text


def _is_dangerous(character: str) -> bool:
    return character not in "\t\n\r" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
