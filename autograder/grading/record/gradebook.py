"""The gradebook: one SQLite file that keeps every result, survives a crash and knows what need not be graded again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Self

from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Submission
from autograder.grading.find.layout import Student
from autograder.grading.record.result import CaseResult, CellProblem, Finding, QuestionResult, Result, Status

SCHEMA_VERSION = 1
PATIENCE_SECONDS = 10.0
_ELSEWHERE = "choose another -o folder, and keep this file if its marks are wanted"
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program is using it: close that program and run the same command again",
    sqlite3.SQLITE_LOCKED: "another program is using it: close that program and run the same command again",
    sqlite3.SQLITE_FULL: "the disk is full: free some space and run the same command again, nothing graded is lost",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written: run the same command again when it can, nothing graded is lost",
    sqlite3.SQLITE_READONLY: "it cannot be written to: give it write permission, or choose another -o folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: give it read and write permission, or choose another -o folder",
}
_SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, paths TEXT NOT NULL, sandbox TEXT NOT NULL
);
CREATE TABLE submissions (
    student TEXT NOT NULL, notebook TEXT NOT NULL,
    name TEXT NOT NULL, platform TEXT NOT NULL, platform_id TEXT NOT NULL, email TEXT NOT NULL,
    file TEXT NOT NULL, sha256 TEXT NOT NULL, notebook_version TEXT NOT NULL, tests_version TEXT NOT NULL,
    status TEXT NOT NULL, score REAL, possible REAL NOT NULL, sandbox TEXT NOT NULL, seconds REAL NOT NULL,
    notes TEXT NOT NULL, faults TEXT NOT NULL, graded_at TEXT NOT NULL,
    PRIMARY KEY (student, notebook)
) WITHOUT ROWID;
CREATE TABLE questions (
    student TEXT NOT NULL, notebook TEXT NOT NULL, position INTEGER NOT NULL,
    name TEXT NOT NULL, title TEXT NOT NULL, score REAL NOT NULL, possible REAL NOT NULL,
    PRIMARY KEY (student, notebook, position),
    FOREIGN KEY (student, notebook) REFERENCES submissions ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE cases (
    student TEXT NOT NULL, notebook TEXT NOT NULL, question INTEGER NOT NULL, position INTEGER NOT NULL,
    name TEXT NOT NULL, hidden INTEGER NOT NULL, points REAL NOT NULL, passed INTEGER NOT NULL,
    problem TEXT, expected TEXT, found TEXT, looks_like TEXT, hint TEXT, look_at TEXT, mistake TEXT,
    PRIMARY KEY (student, notebook, question, position),
    FOREIGN KEY (student, notebook) REFERENCES submissions ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE cells (
    student TEXT NOT NULL, notebook TEXT NOT NULL, number INTEGER NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL,
    place TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (student, notebook, number),
    FOREIGN KEY (student, notebook) REFERENCES submissions ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE history (
    student TEXT NOT NULL, notebook TEXT NOT NULL, sha256 TEXT NOT NULL, tests_version TEXT NOT NULL,
    status TEXT NOT NULL, score REAL, graded_at TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Record:
    """One row of the gradebook: who handed in what, and what came of it."""

    student: Student
    notebook: str
    file: str
    sha256: str
    graded_at: str
    result: Result


@dataclass(frozen=True)
class Standing:
    """What decides whether a submission must be graded again; `sound` when no fault of ours touched its result."""

    sha256: str
    tests_version: str
    sandbox: str
    status: Status
    sound: bool


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of the gradebook whose every failure is one sentence about the file."""

    @wraps(method)
    def telling(self: Gradebook, *arguments: Any, **options: Any) -> Any:
        with self._telling():
            return method(self, *arguments, **options)

    return telling


class Gradebook:
    """An open gradebook; every result is one transaction. A file that cannot be used raises GradingError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._telling():
            self._base = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_SECONDS)
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute("PRAGMA foreign_keys = ON")
            if version == 0:
                self._create()
        if version not in (0, SCHEMA_VERSION):
            raise GradingError(
                f"{path} was written by another version of autograder (format {version}, not {SCHEMA_VERSION}): "
                "choose another -o folder"
            )
        self._upgrade()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(sqlite3.Error):
            self._base.execute("PRAGMA optimize")
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._base.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what goes wrong in the file into one sentence that says what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0
            raise GradingError(
                f"{self.path} cannot be used as a gradebook: {_ADVICE.get(code, f'{error}: choose another -o folder')}"
            ) from None
        except sqlite3.ProgrammingError:
            raise  # a fault of this program, not of the file
        except sqlite3.Error as error:
            raise GradingError(
                f"{self.path} cannot be used as a gradebook: it is damaged or none ({error}): {_ELSEWHERE}"
            ) from None
        except (ValueError, TypeError) as error:
            raise GradingError(
                f"{self.path} cannot be used as a gradebook: it holds what none holds ({error}): {_ELSEWHERE}"
            ) from None

    def _create(self) -> None:
        self._base.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def _upgrade(self) -> None:
        """Add what a gradebook of an earlier version lacks."""
        with self._telling():
            columns = {column[1] for column in self._base.execute("PRAGMA table_info(cells)")}
            if columns and "place" not in columns:
                self._base.execute("ALTER TABLE cells ADD COLUMN place TEXT NOT NULL DEFAULT ''")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield self._base
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled it back already
                self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @_told
    def start_run(self, paths: list[str], sandbox: str) -> int:
        """Note that a run began; returns its number."""
        cursor = self._base.execute(
            "INSERT INTO runs (started, paths, sandbox) VALUES (?, ?, ?)", (_now(), json.dumps(paths), sandbox)
        )
        return int(cursor.lastrowid or 0)

    @_told
    def finish_run(self, run: int) -> None:
        """Note that a run came to its end."""
        self._base.execute("UPDATE runs SET finished = ? WHERE id = ?", (_now(), run))

    @_told
    def standing(self, student: str, notebook: str) -> Standing | None:
        """What is recorded for this student and notebook, if anything."""
        row = self._base.execute(
            "SELECT sha256, tests_version, sandbox, status, faults FROM submissions WHERE student = ? AND notebook = ?",
            (student, notebook),
        ).fetchone()
        return Standing(row[0], row[1], row[2], Status(row[3]), row[4] == "[]") if row else None

    @_told
    def record(self, submission: Submission, tests_version: str, result: Result) -> None:
        """Write one result, replacing an earlier one, in one transaction."""
        student, key = submission.student, (submission.student.key, submission.notebook)
        now = _now()
        with self._transaction() as base:
            base.execute("DELETE FROM submissions WHERE student = ? AND notebook IN (?, '')", key)
            base.execute(
                f"INSERT INTO submissions VALUES ({_places(18)})",
                (
                    *key,
                    *(student.name, student.platform, student.id, student.email),
                    *(submission.shown, submission.sha256, submission.version, tests_version),
                    *(result.status.value, result.score, result.possible, result.sandbox, round(result.seconds, 3)),
                    *(json.dumps([*submission.notes, *result.notes]), json.dumps(result.faults), now),
                ),
            )
            base.executemany(f"INSERT INTO questions VALUES ({_places(7)})", _question_rows(key, result))
            base.executemany(f"INSERT INTO cases VALUES ({_places(15)})", _case_rows(key, result))
            base.executemany(
                f"INSERT INTO cells VALUES ({_places(6)})",
                [(*key, cell.number, cell.status, cell.message, cell.place) for cell in result.cells],
            )
            base.execute(
                f"INSERT INTO history VALUES ({_places(7)})",
                (*key, submission.sha256, tests_version, result.status.value, result.score, now),
            )

    @_told
    def update_origin(self, submission: Submission) -> None:
        """Keep name, file and platform of an unchanged submission up to date."""
        student = submission.student
        self._base.execute(
            "UPDATE submissions SET name = ?, platform = ?, platform_id = ?, email = ?, file = ? "
            "WHERE student = ? AND notebook = ?",
            (
                *(student.name, student.platform, student.id, student.email, submission.shown),
                student.key,
                submission.notebook,
            ),
        )

    @_told
    def notebooks(self) -> list[str]:
        """The notebooks that have a row, in order."""
        return [row[0] for row in self._base.execute("SELECT DISTINCT notebook FROM submissions ORDER BY notebook")]

    def records(self, notebook: str | None = None) -> Iterator[Record]:
        """Every row, students in order, one at a time, so that memory does not grow with the class."""
        where, values = ("WHERE notebook = ?", (notebook,)) if notebook is not None else ("", ())
        with self._telling():
            keys = self._base.execute(
                f"SELECT student, notebook FROM submissions {where} ORDER BY notebook, student COLLATE NOCASE", values
            )
        while True:
            with self._telling():
                key = keys.fetchone()
            if key is None:
                return
            record = self.record_of(*key)
            if record is not None:
                yield record

    @_told
    def record_of(self, student: str, notebook: str) -> Record | None:
        """One row with everything in it."""
        key = (student, notebook)
        row = self._base.execute(
            "SELECT name, platform, platform_id, email, file, sha256, graded_at, status, notes, faults, possible, "
            "sandbox, seconds FROM submissions WHERE student = ? AND notebook = ?",
            key,
        ).fetchone()
        if row is None:
            return None
        (
            name,
            platform,
            identifier,
            email,
            file,
            sha256,
            graded_at,
            status,
            notes,
            faults,
            possible,
            sandbox,
            seconds,
        ) = row
        cells = self._base.execute(
            "SELECT number, status, message, place FROM cells WHERE student = ? AND notebook = ? ORDER BY number", key
        )
        result = Result(
            Status(status),
            self._questions(key),
            tuple(CellProblem(*cell) for cell in cells),
            tuple(json.loads(notes)),
            tuple(json.loads(faults)),
            possible,
            sandbox,
            seconds,
        )
        return Record(Student(student, name, platform, identifier, email), notebook, file, sha256, graded_at, result)

    def _questions(self, key: tuple[str, str]) -> tuple[QuestionResult, ...]:
        cases: dict[int, list[CaseResult]] = {}
        for row in self._base.execute(
            "SELECT question, name, hidden, points, passed, problem, expected, found, looks_like, hint, look_at, "
            "mistake FROM cases WHERE student = ? AND notebook = ? ORDER BY question, position",
            key,
        ):
            finding = None if row[5] is None else Finding(*row[5:])
            cases.setdefault(row[0], []).append(CaseResult(row[1], bool(row[2]), row[3], bool(row[4]), finding))
        questions = self._base.execute(
            "SELECT position, name, title, score, possible FROM questions "
            "WHERE student = ? AND notebook = ? ORDER BY position",
            key,
        )
        return tuple(
            QuestionResult(name, title, score, possible, tuple(cases.get(position, ())))
            for position, name, title, score, possible in questions
        )


def _question_rows(key: tuple[str, str], result: Result) -> Iterator[tuple[Any, ...]]:
    for position, question in enumerate(result.questions):
        yield (*key, position, question.name, question.title, question.score, question.possible)


def _case_rows(key: tuple[str, str], result: Result) -> Iterator[tuple[Any, ...]]:
    for number, question in enumerate(result.questions):
        for position, case in enumerate(question.cases):
            finding = (None,) * 7 if case.finding is None else tuple(asdict(case.finding).values())
            yield (*key, number, position, case.name, int(case.hidden), case.points, int(case.passed), *finding)


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
