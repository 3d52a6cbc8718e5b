"""The tables of a gradebook, and how one of an earlier version becomes one of today: every change of form is here."""

from __future__ import annotations

import sqlite3

VERSION = 4

_FIRST = """
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
# handed_in: the platform's time, ISO and UTC, or empty. late: the platform says so. seed: a fingerprint, never a seed.
# apart_from: the earlier exercises without whose mistakes the answer is right. behaviour: see `autograder.judging.behaviour`.
# attempts: every file that was ever graded, with its whole result; the one that counts stands in `submissions`, too.
_TERM = """
ALTER TABLE submissions ADD COLUMN handed_in TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE submissions ADD COLUMN seed TEXT NOT NULL DEFAULT '';
ALTER TABLE questions ADD COLUMN apart_from TEXT NOT NULL DEFAULT '[]';
ALTER TABLE questions ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE questions ADD COLUMN behaviour TEXT NOT NULL DEFAULT '';
CREATE TABLE attempts (
    number INTEGER PRIMARY KEY, student TEXT NOT NULL, notebook TEXT NOT NULL, sha256 TEXT NOT NULL,
    name TEXT NOT NULL, platform TEXT NOT NULL, platform_id TEXT NOT NULL, email TEXT NOT NULL,
    file TEXT NOT NULL, notebook_version TEXT NOT NULL, tests_version TEXT NOT NULL, seed TEXT NOT NULL,
    handed_in TEXT NOT NULL, late INTEGER NOT NULL, first_seen TEXT NOT NULL, graded_at TEXT NOT NULL,
    status TEXT NOT NULL, score REAL, possible REAL NOT NULL, sandbox TEXT NOT NULL, sound INTEGER NOT NULL,
    result BLOB NOT NULL, code BLOB NOT NULL,
    UNIQUE (student, notebook, sha256)
);
CREATE TABLE overrides (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, notebook TEXT NOT NULL, question TEXT NOT NULL,
    points REAL NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, made_at TEXT NOT NULL, score_then REAL NOT NULL,
    taken_back_at TEXT NOT NULL DEFAULT '', taken_back_by TEXT NOT NULL DEFAULT ''
);
CREATE TABLE marks (
    student TEXT NOT NULL, notebook TEXT NOT NULL, earned REAL, earned_of REAL NOT NULL,
    points REAL, possible REAL NOT NULL, steps TEXT NOT NULL, notices TEXT NOT NULL,
    PRIMARY KEY (student, notebook)
) WITHOUT ROWID;
CREATE TABLE totals (
    student TEXT PRIMARY KEY, percent REAL, final INTEGER NOT NULL, steps TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# people: everybody whom a roster listed. aliases: what platforms call them. origins: the outermost name under which the
# platform gave a file, and its number of the file, which grows with time (0 for none).
_PEOPLE = """
CREATE TABLE people (
    student TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, sis TEXT NOT NULL, login TEXT NOT NULL,
    section TEXT NOT NULL, teams TEXT NOT NULL, ids TEXT NOT NULL, listed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE aliases (
    kind TEXT NOT NULL, value TEXT NOT NULL, student TEXT NOT NULL, PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE origins (
    student TEXT NOT NULL, notebook TEXT NOT NULL, sha256 TEXT NOT NULL, origin TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (student, notebook, sha256)
) WITHOUT ROWID;
INSERT OR IGNORE INTO aliases SELECT 'canvas', platform_id, student FROM submissions
    WHERE platform = 'canvas' AND platform_id != '';
INSERT OR IGNORE INTO aliases SELECT 'email', lower(email), student FROM submissions
    WHERE platform = 'gradescope' AND email != '';
INSERT OR IGNORE INTO aliases SELECT 'sis', platform_id, student FROM submissions
    WHERE platform = 'gradescope' AND platform_id != '' AND platform_id NOT LIKE 'submission%';
"""
_TIMES = "ALTER TABLE questions ADD COLUMN minutes REAL;"  # how long it took, where the notebook tells
_MIGRATIONS = {1: _TERM, 2: _PEOPLE, 3: _TIMES}


def create(base: sqlite3.Connection) -> None:
    """Make the tables of an empty gradebook, all of them or none."""
    steps = "".join(_MIGRATIONS[version] for version in range(1, VERSION))
    base.executescript(f"BEGIN IMMEDIATE; {_FIRST} {steps} PRAGMA user_version = {VERSION}; COMMIT;")


def upgrade(base: sqlite3.Connection, version: int) -> None:
    """Bring a gradebook of an earlier version to today's, all of it or nothing; what it holds stays."""
    if version < VERSION:
        columns = {column[1] for column in base.execute("PRAGMA table_info(cells)")}
        place = "" if "place" in columns else "ALTER TABLE cells ADD COLUMN place TEXT NOT NULL DEFAULT '';"
        steps = "".join(_MIGRATIONS[step] for step in range(version, VERSION))
        base.executescript(f"BEGIN IMMEDIATE; {place} {steps} PRAGMA user_version = {VERSION}; COMMIT;")
