"""The gradebook: one SQLite file that keeps every result, survives a crash and knows what need not be graded again."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Submission
from autograder.grading.find.platforms import Student
from autograder.grading.record import schema
from autograder.grading.record.attempt import Attempt, Choice, latest
from autograder.grading.record.mark import Mark, Override, Step, Total
from autograder.grading.record.people import Listed
from autograder.grading.record.result import CaseResult, CellProblem, Finding, QuestionResult, Result, Status

PATIENCE_SECONDS = 10.0
_PENDING = "pending"
_TO_TELL = "to tell"
_ELSEWHERE = "choose another -o folder, and keep this file if its marks are wanted"
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program is using it: close that program and run the same command again",
    sqlite3.SQLITE_LOCKED: "another program is using it: close that program and run the same command again",
    sqlite3.SQLITE_FULL: "the disk is full: free some space and run the same command again, nothing graded is lost",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written: run the same command again when it can, nothing graded is lost",
    sqlite3.SQLITE_READONLY: "it cannot be written to: give it write permission, or choose another -o folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: give it read and write permission, or choose another -o folder",
}

@dataclass(frozen=True)
class Record:
    """One row of the gradebook: who handed in what, what came of it, and the mark that the course's policies make of that."""

    student: Student
    notebook: str
    file: str
    sha256: str
    graded_at: str
    result: Result
    handed_in: str = ""
    late: bool = False
    mark: Mark | None = None

    @property
    def points(self) -> float | None:
        """The points that count: those after the policies, or what was earned where none were applied."""
        return self.result.score if self.mark is None else self.mark.points

    @property
    def possible(self) -> float:
        """What the points that count are out of."""
        return self.result.possible if self.mark is None else self.mark.possible


@dataclass(frozen=True, slots=True)
class Row:
    """What counts of one notebook of a student, known as its platform knows them: the points and what they are out of."""

    student: Student
    points: float | None
    possible: float

    @property
    def percent(self) -> float | None:
        """The points in percent of the possible ones."""
        return None if self.points is None or not self.possible else 100 * self.points / self.possible


OfStudent = tuple[Student, Mapping[str, Row]]  # a student as all platforms know them, and what counts of each notebook


@dataclass(frozen=True)
class Standing:
    """What decides whether a submission must be graded again; `sound` when no fault of ours touched its result."""

    sha256: str
    tests_version: str
    sandbox: str
    status: Status
    sound: bool
    seed: str = ""


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
                schema.create(self._base)
        if not 0 <= version <= schema.VERSION:
            raise GradingError(
                f"{path} was written by another version of autograder (format {version}, not {schema.VERSION}): "
                "choose another -o folder"
            )
        if version:
            with self._telling():
                schema.upgrade(self._base, version)

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
        except (sqlite3.Error, zlib.error) as error:
            raise GradingError(
                f"{self.path} cannot be used as a gradebook: it is damaged or none ({error}): {_ELSEWHERE}"
            ) from None
        except (ValueError, TypeError) as error:
            raise GradingError(
                f"{self.path} cannot be used as a gradebook: it holds what none holds ({error}): {_ELSEWHERE}"
            ) from None

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written in the block is written whole or not at all."""
        with self._telling(), self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._base.in_transaction:
            yield self._base  # a part of the one around it
            return
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
        """Note that a run came to its end, and that what it had to tell was told."""
        with self._transaction() as base:
            base.execute("UPDATE runs SET finished = ? WHERE id = ?", (_now(), run))
            base.execute("DELETE FROM settings WHERE name = ?", (_TO_TELL,))

    def to_tell(self) -> list[str]:
        """What this run, and runs before it that were stopped, have to tell about the marks; in an order of its own."""
        return sorted(json.loads(self.setting(_TO_TELL) or "[]"))

    def tell(self, lines: list[str]) -> None:
        """Keep lines to be told when a run comes to its end."""
        if lines:
            self.keep_setting(_TO_TELL, json.dumps([*self.to_tell(), *lines]))

    @_told
    def standing(self, student: str, notebook: str, sha256: str | None = None) -> Standing | None:
        """What is recorded for a file of this student and notebook, or for the one that counts; None for nothing."""
        row = self._base.execute(
            "SELECT sha256, tests_version, sandbox, status, sound, seed FROM attempts "
            "WHERE status != 'pending' AND student = ? AND notebook = ? AND sha256 = coalesce(?, ("
            "SELECT sha256 FROM submissions AS counting "
            "WHERE counting.student = attempts.student AND counting.notebook = attempts.notebook))",
            (student, notebook, sha256),
        ).fetchone()
        return Standing(row[0], row[1], row[2], Status(row[3]), bool(row[4]), row[5]) if row else None

    @_told
    def record(
        self,
        submission: Submission,
        tests_version: str,
        result: Result,
        *,
        code: bytes = b"",
        seed: str = "",
        choice: Choice = latest,
    ) -> None:
        """Write one result, replacing an earlier one of the same file, and let `choice` say which file counts.

        `code` is the notebook's, to be graded again without the hand-in; `seed` the fingerprint of its hidden inputs.
        """
        student, key = submission.student, (submission.student.key, submission.notebook)
        result = replace(result, notes=(*submission.notes, *result.notes))
        now = _now()
        with self._transaction() as base:
            if submission.notebook:
                base.execute("DELETE FROM submissions WHERE student = ? AND notebook = ''", key[:1])
                base.execute("DELETE FROM attempts WHERE student = ? AND notebook = ''", key[:1])
            base.execute(
                f"INSERT INTO attempts VALUES (NULL, {_places(22)}) ON CONFLICT (student, notebook, sha256) DO UPDATE SET "
                "tests_version = excluded.tests_version, seed = excluded.seed, graded_at = excluded.graded_at, "
                "status = excluded.status, score = excluded.score, possible = excluded.possible, "
                "sandbox = excluded.sandbox, sound = excluded.sound, result = excluded.result, "
                "code = CASE length(excluded.code) WHEN 0 THEN code ELSE excluded.code END",
                (
                    *(*key, submission.sha256, student.name, student.platform, student.id, student.email),
                    *(submission.shown, submission.version, tests_version, seed),
                    *(submission.handed_in, int(submission.late), now, now),
                    *(result.status.value, result.score, result.possible, result.sandbox, int(not result.faults)),
                    *(_packed(result), zlib.compress(code) if code else b""),
                ),
            )
            self._keep_origin(base, submission)
            base.execute(
                f"INSERT INTO history VALUES ({_places(7)})",
                (*key, submission.sha256, tests_version, result.status.value, result.score, now),
            )
            self._settle(base, key, choice, written=submission.sha256)

    @_told
    def expect(self, submissions: Iterable[Submission]) -> None:
        """Note files in the order in which they came, before any is graded: that order stands whichever is done first."""
        now = _now()
        with self._transaction() as base:
            base.executemany(
                f"INSERT OR IGNORE INTO attempts VALUES (NULL, {_places(22)})",
                (
                    (
                        *(one.student.key, one.notebook, one.sha256, one.student.name, one.student.platform),
                        *(one.student.id, one.student.email, one.shown, one.version, "", "", one.handed_in, int(one.late)),
                        *(now, now, _PENDING, None, 0.0, "", 0, b"", b""),
                    )
                    for one in submissions
                ),
            )

    @_told
    def settle(self, choice: Choice) -> list[tuple[str, str]]:
        """Let `choice` say again for everyone which file counts; returns the rows that changed."""
        keys = self._base.execute(
            "SELECT DISTINCT student, notebook FROM attempts WHERE status != ? ORDER BY student, notebook", (_PENDING,)
        ).fetchall()
        changed = []
        for key in keys:
            with self._transaction() as base:
                if self._settle(base, key, choice):
                    changed.append((key[0], key[1]))
        return changed

    def _settle(self, base: sqlite3.Connection, key: tuple[str, str], choice: Choice, written: str | None = None) -> bool:
        """Make the row of `submissions` that of the attempt which counts; `written` is one that has just changed."""
        attempts = self._attempts(key)
        chosen = choice(*key, attempts)
        standing = base.execute("SELECT sha256 FROM submissions WHERE student = ? AND notebook = ?", key).fetchone()
        if standing is not None and standing[0] == chosen.sha256 and written != chosen.sha256:
            return False
        row = base.execute(
            "SELECT name, platform, platform_id, email, file, sha256, notebook_version, tests_version, graded_at, "
            "handed_in, late, seed, result FROM attempts WHERE number = ?",
            (chosen.number,),
        ).fetchone()
        result = _unpacked(row[-1])
        base.execute("DELETE FROM submissions WHERE student = ? AND notebook = ?", key)
        base.execute("DELETE FROM marks WHERE student = ? AND notebook IN (?, '')", key)
        base.execute(
            f"INSERT INTO submissions VALUES ({_places(21)})",
            (
                *key,
                *row[:8],
                *(result.status.value, result.score, result.possible, result.sandbox, round(result.seconds, 3)),
                *(json.dumps(result.notes), json.dumps(result.faults)),
                *row[8:-1],
            ),
        )
        base.executemany(f"INSERT INTO questions VALUES ({_places(11)})", _question_rows(key, result))
        base.executemany(f"INSERT INTO cases VALUES ({_places(15)})", _case_rows(key, result))
        base.executemany(
            f"INSERT INTO cells VALUES ({_places(6)})",
            [(*key, cell.number, cell.status, cell.message, cell.place) for cell in result.cells],
        )
        return True

    @_told
    def attempts(self, student: str, notebook: str) -> list[Attempt]:
        """Every file that was graded for this student and notebook, in the order in which they were first seen."""
        return self._attempts((student, notebook))

    def _attempts(self, key: tuple[str, str]) -> list[Attempt]:
        rows = self._base.execute(
            "SELECT number, attempts.sha256, file, handed_in, late, first_seen, status, score, possible, tests_version, "
            "seed, sandbox, sound, platform, coalesce(sequence, 0) FROM attempts LEFT JOIN origins "
            "USING (student, notebook, sha256) WHERE student = ? AND notebook = ? AND status != ? ORDER BY number",
            (*key, _PENDING),
        )
        return [_attempt(*row) for row in rows]

    @_told
    def stored(self, student: str, notebook: str, sha256: str) -> tuple[Submission, bytes] | None:
        """A graded file as it was handed in, and its code, to be graded again; None when the code was not kept."""
        row = self._base.execute(
            "SELECT name, platform, platform_id, email, file, notebook_version, handed_in, late, code FROM attempts "
            "WHERE student = ? AND notebook = ? AND sha256 = ?",
            (student, notebook, sha256),
        ).fetchone()
        if row is None or not row[8]:
            return None
        who = Student(student, *row[:4])
        found = Submission(who, notebook, None, row[4], sha256, row[5], handed_in=row[6], late=bool(row[7]))
        return found, zlib.decompress(row[8])

    @_told
    def update_origin(self, submission: Submission) -> None:
        """Keep name, file and platform of an unchanged submission up to date."""
        with self._transaction() as base:
            self._keep_origin(base, submission)

    def _keep_origin(self, base: sqlite3.Connection, submission: Submission) -> None:
        student = submission.student
        if submission.origin:
            base.execute(
                f"INSERT OR REPLACE INTO origins VALUES ({_places(5)})",
                (student.key, submission.notebook, submission.sha256, _storable(submission.origin), submission.attempt),
            )
        for table in ("attempts", "submissions"):
            base.execute(
                f"UPDATE {table} SET name = ?, platform = ?, platform_id = ?, email = ?, file = ?, "
                "handed_in = max(handed_in, ?), late = max(late, ?) WHERE student = ? AND notebook = ? AND sha256 = ?",
                (
                    *(student.name, student.platform, student.id, student.email, submission.shown),
                    *(submission.handed_in, int(submission.late)),
                    *(student.key, submission.notebook, submission.sha256),
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
        for key in self._rows(keys):
            record = self.record_of(*key)
            if record is not None:
                yield record

    @_told
    def record_of(self, student: str, notebook: str) -> Record | None:
        """One row with everything in it."""
        key = (student, notebook)
        row = self._base.execute(
            "SELECT name, platform, platform_id, email, "
            "coalesce((SELECT sis FROM people WHERE people.student = submissions.student), ''), "
            "file, sha256, graded_at, status, notes, faults, possible, sandbox, seconds, handed_in, late "
            "FROM submissions WHERE student = ? AND notebook = ?",
            key,
        ).fetchone()
        if row is None:
            return None
        (
            name,
            platform,
            identifier,
            email,
            sis,
            file,
            sha256,
            graded_at,
            status,
            notes,
            faults,
            possible,
            sandbox,
            seconds,
            handed_in,
            late,
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
        who = Student(student, name, platform, identifier, email, sis)
        mark = self._mark_of(key)
        return Record(who, notebook, file, sha256, graded_at, result, handed_in, bool(late), mark)

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
            "SELECT position, name, title, score, possible, apart_from, code, behaviour, minutes FROM questions "
            "WHERE student = ? AND notebook = ? ORDER BY position",
            key,
        )
        return tuple(
            QuestionResult(
                *(name, title, score, possible, tuple(cases.get(position, ()))),
                *(tuple(json.loads(apart_from)), *more),
            )
            for position, name, title, score, possible, apart_from, *more in questions
        )

    @_told
    def student(self, key: str) -> Student:
        """Who handed in under a key, with the number that a roster knows; by the key alone where nobody did."""
        row = self._base.execute(
            "SELECT max(name), max(platform), max(platform_id), max(email), "
            "coalesce((SELECT sis FROM people WHERE student = ?), '') FROM attempts WHERE student = ?",
            (key, key),
        ).fetchone()
        return Student(key, *row) if row[0] is not None else Student(key, key)

    def by_student(self) -> Iterator[OfStudent]:
        """Everybody who has a row, in order, with what counts of each notebook; one at a time."""
        with self._telling():
            rows = self._base.execute(
                "SELECT student, notebook, submissions.name, platform, platform_id, submissions.email, "
                "coalesce(people.sis, ''), marks.student IS NOT NULL, marks.points, marks.possible, score, submissions.possible "
                "FROM submissions LEFT JOIN marks USING (student, notebook) LEFT JOIN people USING (student) "
                "ORDER BY student COLLATE NOCASE, student, notebook"
            )
        for key, group in groupby(self._rows(rows), key=itemgetter(0)):
            found = {}
            for _, notebook, name, platform, identifier, email, sis, marked, points, possible, score, out_of in group:
                student = Student(key, name, platform, identifier, email, sis)
                found[notebook] = Row(student, points, possible) if marked else Row(student, score, out_of)
            yield _joined([row.student for row in found.values()]), found

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        """What a cursor gives, one row after another."""
        while True:
            with self._telling():
                row = cursor.fetchone()
            if row is None:
                return
            yield row

    def students(self) -> list[Student]:
        """Everybody who has a row, each as the platforms know them, by key."""
        return [student for student, _ in self.by_student()]

    @_told
    def shared_names(self) -> set[str]:
        """The names that several of those have who have a row or are on the roster."""
        rows = self._base.execute(
            "WITH everybody (student, name) AS ("
            "SELECT student, max(name) FROM submissions GROUP BY student UNION ALL "
            "SELECT student, name FROM people WHERE listed AND student NOT IN (SELECT student FROM submissions)) "
            "SELECT name FROM everybody GROUP BY name HAVING count(*) > 1"
        )
        return {row[0] for row in rows}

    @_told
    def name_of(self, student: str) -> str:
        """The name of a student who has a row; the key where nobody has one."""
        row = self._base.execute("SELECT max(name) FROM submissions WHERE student = ?", (student,)).fetchone()
        return str(row[0]) if row[0] is not None else student

    @_told
    def setting(self, name: str) -> str:
        """What was kept under a name; empty when nothing was."""
        row = self._base.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    @_told
    def keep_setting(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        self._base.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    @_told
    def write_mark(self, student: str, notebook: str, mark: Mark) -> bool:
        """Keep a mark; says whether it differs from the one that was there."""
        if self._mark_of((student, notebook)) == mark:
            return False
        self._base.execute(
            f"INSERT OR REPLACE INTO marks VALUES ({_places(8)})",
            (
                *(student, notebook, mark.earned, mark.earned_of, mark.points, mark.possible),
                *(json.dumps([astuple(step) for step in mark.steps]), json.dumps(mark.notices)),
            ),
        )
        return True

    def _mark_of(self, key: tuple[str, str]) -> Mark | None:
        row = self._base.execute(
            "SELECT earned, earned_of, points, possible, steps, notices FROM marks WHERE student = ? AND notebook = ?", key
        ).fetchone()
        if row is None:
            return None
        earned, earned_of, points, possible, steps, notices = row
        taken = tuple(Step(*step) for step in json.loads(steps))
        return Mark(earned, earned_of, points, possible, taken, tuple(json.loads(notices)))

    @_told
    def write_totals(self, totals: Iterable[tuple[str, Total]]) -> None:
        """Replace what everybody, by student, has over the term."""
        with self._transaction() as base:
            base.execute("DELETE FROM totals")
            base.executemany(
                "INSERT INTO totals VALUES (?, ?, ?, ?)",
                ((key, one.percent, int(one.final), json.dumps(one.steps)) for key, one in totals),
            )

    @_told
    def total(self, student: str) -> Total | None:
        """What a student has over the term; None where nothing was added up."""
        row = self._base.execute("SELECT percent, final, steps FROM totals WHERE student = ?", (student,)).fetchone()
        return Total(row[0], bool(row[1]), tuple(json.loads(row[2]))) if row else None

    @_told
    def overrides(self, student: str | None = None, notebook: str | None = None, standing: bool = True) -> list[Override]:
        """Marks that were changed by hand, the oldest first; with `standing`, only those that count."""
        rows = self._base.execute(
            "SELECT id, student, notebook, question, points, reason, who, made_at, score_then, taken_back_at, taken_back_by "
            "FROM overrides WHERE student = coalesce(?, student) AND notebook = coalesce(?, notebook) ORDER BY id",
            (student, notebook),
        )
        found = [Override(*row) for row in rows]
        last = {(one.student, one.notebook, one.question): one.id for one in found if not one.taken_back_at}
        return [one for one in found if one.id in last.values()] if standing else found

    @_told
    def add_override(self, key: tuple[str, str, str], points: float, reason: str, who: str, score_then: float) -> None:
        """Set the points of (student, notebook, question) by hand; what was set before stays in the table."""
        self._base.execute(
            "INSERT INTO overrides (student, notebook, question, points, reason, who, made_at, score_then) "
            f"VALUES ({_places(8)})",
            (*key, points, reason, who, _now(), score_then),
        )

    @_told
    def take_back_override(self, override: Override, who: str) -> None:
        """Let an override, and those that it replaced, count no more; they stay in the table."""
        self._base.execute(
            "UPDATE overrides SET taken_back_at = ?, taken_back_by = ? "
            "WHERE student = ? AND notebook = ? AND question = ? AND taken_back_at = ''",
            (_now(), who, override.student, override.notebook, override.question),
        )

    @_told
    def origins(self, notebook: str) -> dict[str, list[str]]:
        """For each student the platform's names of what they handed in for a notebook, the one that counts first."""
        rows = self._base.execute(
            "SELECT origins.student, origin FROM origins JOIN submissions ON origins.student = submissions.student "
            "AND origins.notebook = submissions.notebook WHERE origins.notebook = ? "
            "ORDER BY origins.student, origins.sha256 != submissions.sha256, sequence DESC",
            (notebook,),
        )
        found: dict[str, list[str]] = {}
        for student, origin in rows:
            found.setdefault(student, []).append(_as_it_was(origin))
        return found

    @_told
    def who_has(self, notebook: str) -> set[str]:
        """The students who have a row for a notebook."""
        return {row[0] for row in self._base.execute("SELECT student FROM submissions WHERE notebook = ?", (notebook,))}

    @_told
    def people(self) -> list[Listed]:
        """Everybody whom a roster has listed, in order."""
        rows = self._base.execute(
            "SELECT student, name, email, sis, login, section, teams, ids, listed FROM people "
            "ORDER BY student COLLATE NOCASE"
        )
        return [
            Listed(
                *(student, name, email, sis, login, section, tuple(json.loads(teams))),
                tuple((kind, value) for kind, value in json.loads(ids)),
                bool(listed),
            )
            for student, name, email, sis, login, section, teams, ids, listed in rows
        ]

    @_told
    def aliases(self) -> dict[tuple[str, str], str]:
        """By what kind and value each student is known, such as ("canvas", "4711")."""
        return {(kind, value): student for kind, value, student in self._base.execute("SELECT * FROM aliases")}

    @_told
    def keep_people(
        self, people: Sequence[Listed], aliases: Mapping[tuple[str, str], str], moved: Mapping[str, str]
    ) -> None:
        """Write who is who: `people`, when there are any, are the whole roster; all rows of a `moved` key go to the other.

        Where both keys have something for a notebook, their files become attempts of one student.
        """
        with self._transaction() as base:
            for old, new in moved.items():
                self._move(base, old, new)
            if people:
                base.execute("UPDATE people SET listed = 0")
            base.executemany(
                f"INSERT OR REPLACE INTO people VALUES ({_places(9)})",
                [
                    (
                        *(one.student, one.name, one.email, one.sis, one.login, one.section),
                        *(json.dumps(one.teams), json.dumps(one.ids), int(one.listed)),
                    )
                    for one in people
                ],
            )
            base.executemany(
                "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)",
                [(kind, value, student) for (kind, value), student in aliases.items()],
            )

    def _move(self, base: sqlite3.Connection, old: str, new: str) -> None:
        """Give everything of one key to another; every table with a column `student` has a part in it."""
        base.execute("PRAGMA defer_foreign_keys = ON")
        base.execute(
            "DELETE FROM submissions WHERE student = ? "
            "AND notebook IN (SELECT notebook FROM submissions WHERE student = ?)",
            (old, new),
        )
        for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if any(row[1] == "student" for row in base.execute(f"PRAGMA table_info({table})").fetchall()):
                base.execute(f"UPDATE OR IGNORE {table} SET student = ? WHERE student = ?", (new, old))
                base.execute(f"DELETE FROM {table} WHERE student = ?", (old,))


def _joined(same: Sequence[Student]) -> Student:
    """One student as several platforms know them."""
    fields = zip(*(astuple(one) for one in same), strict=True)
    return Student(*(max(values) for values in fields))


def _question_rows(key: tuple[str, str], result: Result) -> Iterator[tuple[Any, ...]]:
    for position, question in enumerate(result.questions):
        yield (
            *(*key, position, question.name, question.title, question.score, question.possible),
            *(json.dumps(question.apart_from), question.code, question.behaviour, question.minutes),
        )


def _case_rows(key: tuple[str, str], result: Result) -> Iterator[tuple[Any, ...]]:
    for number, question in enumerate(result.questions):
        for position, case in enumerate(question.cases):
            finding = (None,) * 7 if case.finding is None else tuple(asdict(case.finding).values())
            yield (*key, number, position, case.name, int(case.hidden), case.points, int(case.passed), *finding)


def _attempt(*row: Any) -> Attempt:
    number, sha256, file, handed_in, late, seen, status, score, possible, tests, seed, sandbox, sound, *of = row
    return Attempt(
        *(number, sha256, file, handed_in, bool(late), seen, Status(status), score, possible),
        *(tests, seed, sandbox, bool(sound), *of),
    )


def _packed(result: Result) -> bytes:
    """A whole result as a compressed JSON text."""
    return zlib.compress(_RESULT.dump_json(result))


def _unpacked(blob: bytes) -> Result:
    return _RESULT.validate_json(zlib.decompress(blob))


_RESULT = TypeAdapter(Result)


def _storable(name: str) -> str | bytes:
    """A name of a file as a base can keep it: names that are no text are kept as bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return name


def _as_it_was(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "surrogatepass")


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
