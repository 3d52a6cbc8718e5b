"""A CSV file that somebody else's program wrote, read and changed so that every byte which is not changed stays."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from autograder.grading.errors import GradingError
from autograder.grading.record.files import replacing
from autograder.grading.safe_text import FORMULA, printable

MAX_BYTES = 16 * 2**20
DELIMITERS = (",", ";", "\t")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass
class Row:
    """One record: its cells as they stand in the file, quotes included, what ends it, and the line it begins in."""

    cells: list[str]
    end: str
    line: int

    def values(self) -> list[str]:
        """The cells without their quotes."""
        return [_value(cell) for cell in self.cells]

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return not any(cell.strip() for cell in self.cells)


@dataclass
class Sheet:
    """The whole file; `rows` holds all of it, the head too, and `head` is the number of the row of column names."""

    path: Path
    rows: list[Row]
    delimiter: str
    encoding: str
    mark: bytes
    sha256: str
    head: int = 0
    changed: int = field(default=0, init=False)

    @property
    def columns(self) -> list[str]:
        """The column names, without outer blanks."""
        return [value.strip() for value in self.rows[self.head].values()]

    @property
    def body(self) -> list[Row]:
        """The rows below the head that hold something."""
        return [row for row in self.rows[self.head + 1 :] if not row.is_empty]

    def get(self, row: Row, column: int | None) -> str:
        """A cell's text without outer blanks; nothing where the row is shorter, or for no column."""
        return "" if column is None or column >= len(row.cells) else _value(row.cells[column]).strip()

    def put(self, row: Row, column: int, text: str) -> bool:
        """Write a cell, with quotes where it has or needs them; whether it changed anything."""
        if column >= len(row.cells) or _value(row.cells[column]) == text:
            return False
        needs = any(character in text for character in (self.delimiter, '"', "\n", "\r")) or text != text.strip()
        quoted = row.cells[column].startswith('"') or needs
        row.cells[column] = '"' + text.replace('"', '""') + '"' if quoted else text
        self.changed += 1
        return True

    def content(self) -> bytes:
        """The file as it is to be written."""
        text = "".join(self.delimiter.join(row.cells) + row.end for row in self.rows)
        return self.mark + text.encode(self.encoding, "replace")

    def write(self, target: Path) -> None:
        """Put the file in place whole; raises GradingError when it changed since it was read, or cannot be written."""
        if target.exists() and target.resolve() == self.path.resolve():
            now = hashlib.sha256(_read(self.path)).hexdigest()
            if now != self.sha256:
                raise GradingError(f"{_shown(self.path)} changed while it was being filled: nothing was written, run again")
        write_whole(target, self.content())


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file of any of the usual forms; raises GradingError with one sentence when it is none."""
    raw = _read(path)
    if not raw.strip():
        raise GradingError(f"{_shown(path)} is empty: download it from the platform again")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise GradingError(f"{_shown(path)} is a spreadsheet or an archive, not a CSV file: save it as CSV")
    mark, encoding = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", "utf-8"))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        if mark:
            raise GradingError(f"{_shown(path)} is no text in the encoding that it says: save it as UTF-8") from None
        encoding = "cp1252"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            raise GradingError(f"{_shown(path)} is neither UTF-8 nor Windows-1252: save it as CSV in UTF-8") from None
    if "\0" in text:
        raise GradingError(f"{_shown(path)} is no CSV file in UTF-8: save it as CSV in UTF-8")
    rows, delimiter = _parsed(text, path)
    head = next((number for number, row in enumerate(rows) if not row.is_empty and not _is_hint(row)), None)
    if head is None:
        raise GradingError(f"{_shown(path)} has no line of column names")
    return Sheet(path, rows, delimiter, encoding, mark, hashlib.sha256(raw).hexdigest(), head)


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, whichever of the usual delimiters it cuts at; a quote is added."""
    pieces, start = [], 0
    for at, character in enumerate(text + "\n"):
        if character in ",;\t\n":
            piece = text[start:at]
            bare = piece.lstrip(' "')
            guard = "'" if bare.startswith(FORMULA) else ""
            pieces.append(piece[: len(piece) - len(bare)] + guard + bare + text[at : at + 1])
            start = at + 1
    return "".join(pieces)


def as_csv(rows: list[list[str]], delimiter: str = ",") -> str:
    """Rows as the text of a CSV file, each text made harmless."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return stream.getvalue()


def write_whole(target: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, and keeps the permissions of the one it replaces."""
    target = target.resolve()  # what a link leads to, not the link
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        with replacing(target, mode) as stream:
            stream.write(content)
    except OSError as error:
        raise GradingError(f"{_shown(target)} cannot be written ({error.strerror}): nothing was changed") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise GradingError(f"there is no file {_shown(path)}") from None
    except OSError as error:
        raise GradingError(f"{_shown(path)} cannot be read ({error.strerror})") from None
    if len(raw) > MAX_BYTES:
        raise GradingError(f"{_shown(path)} is larger than {MAX_BYTES // 2**20} MB: it is no list of a class")
    return raw


def _parsed(text: str, path: Path) -> tuple[list[Row], str]:
    """The rows, cut at the delimiter that gives the head the most columns."""
    hint = text[:5]
    if hint.lower().startswith("sep=") and hint[4:] in DELIMITERS:
        return _cut(text, hint[4], path), hint[4]
    first = next((line for line in text.splitlines() if line.strip()), "")
    best = max(DELIMITERS, key=lambda one: len(_cut(first, one, path, careful=False)[0].cells))
    return _cut(text, best, path), best


def _cut(text: str, delimiter: str, path: Path, careful: bool = True) -> list[Row]:
    """Cut a text into rows and cells and lose nothing: joined again, they are the text."""
    rows: list[Row] = []
    cells: list[str] = []
    at, line, begun = 0, 1, 1
    size = len(text)
    while at < size:
        start = at
        if text[at] == '"':
            at = _after_quotes(text, at)
            if at < 0:
                if careful:
                    raise GradingError(f"{_shown(path)}, line {line}: a quote is never closed; download the file again")
                at = size
        while at < size and text[at] != delimiter and text[at] not in "\r\n":
            at += 1
        cells.append(text[start:at])
        line += text.count("\n", start, at)
        if at < size and text[at] == delimiter:
            at += 1
            if at == size or text[at] in "\r\n":
                cells.append("")
            else:
                continue
        end = text[at : at + 2] if text[at : at + 2] == "\r\n" else text[at : at + 1]
        at += len(end)
        line += bool(end)
        rows.append(Row(cells, end, begun))
        cells, begun = [], line
    if cells:
        rows.append(Row(cells, "", begun))
    return rows or [Row([""], "", 1)]


def _after_quotes(text: str, at: int) -> int:
    """The place behind the closing quote, or -1."""
    at += 1
    while True:
        at = text.find('"', at)
        if at < 0:
            return -1
        if text[at + 1 : at + 2] != '"':
            return at + 1
        at += 2


def _value(raw: str) -> str:
    if not raw.startswith('"'):
        return raw
    end = _after_quotes(raw, 0)
    return raw if end < 0 else raw[1 : end - 1].replace('""', '"') + raw[end:]


def _is_hint(row: Row) -> bool:
    """Whether it is Excel's first line, `sep=;`."""
    return row.line == 1 and row.cells[0].lower().startswith("sep=")


def _shown(path: Path) -> str:
    return printable(path.name or str(path), 80)
