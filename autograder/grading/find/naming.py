"""Names that strangers chose, made fit for a screen, a file name or a spreadsheet."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_NAME = 100
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def printable(text: str, limit: int = MAX_NAME) -> str:
    """One line of `text` that cannot move the cursor, reorder its neighbours or hide."""
    clean = "".join("�" if _is_dangerous(character) else character for character in unicodedata.normalize("NFC", text))
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def printable_text(text: str, limit: int = 2_000) -> str:
    """As `printable`, but line breaks stay."""
    return "\n".join(printable(line, limit) for line in text[:limit].splitlines())


def student_key(raw: str) -> str:
    """A printable name that is different for different `raw` names."""
    clean = printable(raw)
    return clean if clean == unicodedata.normalize("NFC", raw) and clean else f"{clean or 'nameless'} {_tag(raw)}"


def file_slug(name: str) -> str:
    """A file name made of letters, digits, dot, dash and underscore, different for different names."""
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60]
    return slug if slug == name else f"{slug or 'student'}-{_tag(name)}"


def spreadsheet_safe(text: str) -> str:
    """`text` such that no spreadsheet takes it for a formula (a leading quote is added where one could)."""
    clean = printable(text, 500)
    return "'" + clean if clean.lstrip().startswith(_FORMULA) else clean


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts `file 2` before `file 10`."""
    parts = re.findall(r"\d+|\D+", text.casefold())
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def _is_dangerous(character: str) -> bool:
    return character not in "\t\n\r" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
