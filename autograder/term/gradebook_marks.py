"""Keeps the marks of a gradebook what its results, its overrides and its policy make of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from autograder.grading.course import Course
from autograder.grading.record.attempt import Choice
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.mark import Mark
from autograder.term.mark_rules import choice_of, mark_of
from autograder.term.policy import Policy, kept_policy
from autograder.term.total import total_of

POLICY = "policy"


class Pages(Protocol):
    """Writes what a student gets."""

    def write_record(self, record: Record) -> None:
        """The pages and results of one row."""


class Marker:
    """One policy at work on one gradebook. A page is written before the mark that it shows, so that none is ever behind."""

    def __init__(self, book: Gradebook, course: Course, pages: Pages, policy: Policy) -> None:
        self.book, self.course, self.pages, self.policy = book, course, pages, policy
        self._without_time: Counter[str] = Counter()
        self.choice: Choice = choice_of(policy, book.student)

    @classmethod
    def of(cls, book: Gradebook, course: Course, pages: Pages) -> Marker:
        """With the policy that the gradebook keeps."""
        return cls(book, course, pages, kept_policy(book.setting(POLICY)))

    def mark(self, student: str, notebook: str) -> bool:
        """Mark one row again; says whether anything changed."""
        record = self.book.record_of(student, notebook)
        return record is not None and self._keep(record, self._made(record))

    def mark_all(self, now: datetime | None = None) -> list[tuple[str, str]]:
        """Let the policy say which attempts count, mark every row again, add up the term; the rows that changed."""
        self.book.keep_setting(POLICY, self.policy.model_dump_json())
        self.book.settle(self.choice)
        self._without_time.clear()
        changed = []
        for record in self.book.records():
            mark = self._made(record)
            if self._keep(record, mark):
                changed.append((record.student.key, record.notebook))
            if self._has_no_time(record):
                self._without_time[record.notebook] += 1
        graded = [name for name in self.book.notebooks() if name]
        moment = now or datetime.now(UTC)
        self.book.write_totals(
            (student.key, total_of(student, own, graded, self.policy, self.course, moment))
            for student, own in self.book.by_student()
        )
        return changed

    def notices(self) -> list[str]:
        """What `mark_all` found that concerns many, and what the policies say of times and of people who are not there."""
        told = [
            f"{notebook}: when {count} of the hand-ins came is not known; they count as in time"
            for notebook, count in sorted(self._without_time.items())
        ]
        return told + self.policy.notices(student for student, _ in self.book.by_student())

    def _has_no_time(self, record: Record) -> bool:
        due = self.policy.late and self.policy.deadline(record.notebook, record.student)
        return bool(due) and not record.handed_in and not record.late and record.result.score is not None

    def _made(self, record: Record) -> Mark:
        by_hand = self.book.overrides(record.student.key, record.notebook)
        return mark_of(record, self.policy, by_hand)

    def _keep(self, record: Record, mark: Mark) -> bool:
        if record.mark == mark:
            return False
        self.pages.write_record(replace(record, mark=mark))
        return self.book.write_mark(record.student.key, record.notebook, mark)
