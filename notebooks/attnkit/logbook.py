"""What a learner has done so far: one small file on their own computer, written by the checks of a notebook.

It is never sent anywhere. Deleting it forgets everything; without it, or where it cannot be written, all else works as before.
`ATTNKIT_PROGRESS` names another file, or "off".
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

LESSONS = Path(__file__).parent / "lessons"
_VARIABLE = "ATTNKIT_PROGRESS"
_LONGEST = 1_000_000
_SHOWN = 5


@dataclass(frozen=True)
class Lesson:
    """One notebook: its file's name without ending, its title, and of each exercise question, heading and minutes."""

    name: str
    title: str
    exercises: tuple[tuple[str, str, int], ...]


@cache
def lessons() -> tuple[Lesson, ...]:
    """The notebooks of the course, in order."""
    found = []
    for path in sorted(LESSONS.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        exercises = tuple((item["question"], item["heading"], item["minutes"]) for item in record["exercises"])
        found.append(Lesson(path.stem, record["title"], exercises))
    return tuple(found)


def place() -> Path | None:
    """The file that is kept; None where nothing is to be kept."""
    named = os.environ.get(_VARIABLE, "")
    if named.lower() == "off":
        return None
    try:
        return Path(named) if named else Path.home() / ".attnkit" / "progress.json"
    except RuntimeError:  # nobody knows where home is
        return None


def read() -> dict[str, dict[str, Any]]:
    """What is kept of each question, or nothing where there is no file, or one that cannot be read."""
    path = place()
    try:
        if path is None or path.stat().st_size > _LONGEST:
            return {}
        kept = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        return {str(question): _entry(entry) for question, entry in kept.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def note(question: str, passed: bool, mistake: str = "") -> None:
    """Keep what a check said: that it passed, or which known mistake it found."""
    path = place()
    if path is None:
        return
    kept = read()
    entry = kept.setdefault(question, _entry({}))
    entry["checks"] += 1
    if passed:
        entry["done"] = entry["done"] or date.today().isoformat()
    if mistake and mistake not in entry["mistakes"]:
        entry["mistakes"].append(mistake)
    _write(path, json.dumps({"exercises": kept}, indent=1, ensure_ascii=False) + "\n")


def forget() -> None:
    """Delete the file, if there is one."""
    path = place()
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def _write(path: Path, text: str) -> None:
    """Write the whole file or nothing; where that cannot be, nothing is kept and nothing is said."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False, encoding="utf-8") as new:
            try:
                new.write(text)
                new.close()
                os.replace(new.name, path)
            except OSError:
                os.unlink(new.name)


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    mistakes = entry.get("mistakes", [])
    return {
        "done": str(entry.get("done", "")),
        "checks": int(entry.get("checks", 0)),
        "mistakes": [str(mistake) for mistake in mistakes] if isinstance(mistakes, list) else [],
    }


class Progress:
    """What has been done, as text and as a table; made by `attnkit.progress()`."""

    def __init__(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        self.kept = kept

    @property
    def done(self) -> list[str]:
        """The questions whose checks have passed once, in the order of the course."""
        return [question for lesson in lessons() for question, _, _ in lesson.exercises if self._is_done(question)]

    def rows(self) -> list[tuple[str, str, str]]:
        """A row a notebook: its title, how many exercises are done, how many minutes the others take."""
        return [self._row(lesson) for lesson in lessons()]

    def remarks(self) -> list[str]:
        """What is next, and the mistakes that were met, those overcome first."""
        said = [self._next()]
        met = [
            (question, heading, mistake)
            for lesson in lessons()
            for question, heading, _ in lesson.exercises
            for mistake in self.kept.get(question, {}).get("mistakes", ())
        ]
        for label, over in (("mistakes overcome", True), ("mistakes met, and still there", False)):
            named = [
                f"{mistake} ({heading.split()[0]})"
                for question, heading, mistake in met
                if self._is_done(question) is over
            ]
            if named:
                more = f"; and {len(named) - _SHOWN} earlier" if len(named) > _SHOWN else ""
                said.append(f"{label}: {'; '.join(named[-_SHOWN:])}{more}")
        path = place()
        where = f"kept in {path} and sent nowhere; delete the file to forget it" if path else "nothing is kept"
        return [*said, where]

    def __repr__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(2)] if rows else [0, 0]
        lines = [f"{title:<{widths[0]}}  {done:>{widths[1]}}  {left}".rstrip() for title, done, left in rows]
        return "\n".join([*lines, "", *self.remarks()])

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><td style="text-align:left">{html.escape(title)}</td><td>{done}</td><td>{left}</td></tr>'
            for title, done, left in self.rows()
        )
        head = "<tr><th>notebook</th><th>done</th><th>to do</th></tr>"
        said = "".join(f"<p>{html.escape(text)}</p>" for text in self.remarks())
        return f'<div role="status"><table>{head}{cells}</table>{said}</div>'

    def _is_done(self, question: str) -> bool:
        return bool(self.kept.get(question, {}).get("done"))

    def _row(self, lesson: Lesson) -> tuple[str, str, str]:
        left = [minutes for question, _, minutes in lesson.exercises if not self._is_done(question)]
        done = len(lesson.exercises) - len(left)
        return lesson.title, f"{done} of {len(lesson.exercises)}", f"about {sum(left)} minutes" if left else "done"

    def _next(self) -> str:
        """The first exercise that is not done after the last one that is, or before it."""
        course = [(lesson, *exercise) for lesson in lessons() for exercise in lesson.exercises]
        reached = max((place for place, entry in enumerate(course) if self._is_done(entry[1])), default=-1)
        for lesson, question, heading, minutes in [*course[reached + 1 :], *course[: reached + 1]]:
            if not self._is_done(question):
                return f"next: {heading}, in {lesson.name}.ipynb, about {minutes} minutes"
        return "everything is done"
