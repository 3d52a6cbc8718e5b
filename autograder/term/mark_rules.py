"""From a result to a mark: changes by hand, follow-through, waived questions, lateness, each a step that can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from autograder.grading.find.platforms import Student
from autograder.grading.record.attempt import Attempt, Choice, latest
from autograder.grading.record.gradebook import Record
from autograder.grading.record.mark import Mark, Override, Step
from autograder.grading.record.result import QuestionResult
from autograder.grading.report.numbers import number
from autograder.term.policy import Policy

DIGITS = 4
_SHARES = {"all": 1.0, "half": 0.5, "none": 0.0}
_WORDS = {"all": "all of its points", "half": "at least half of its points", "none": "no points for that"}


def mark_of(record: Record, policy: Policy, overrides: Sequence[Override] = ()) -> Mark:
    """The mark of one row; `overrides` are those of this student and notebook that stand."""
    result = record.result
    by_hand = {override.question: override for override in overrides}
    notices = [*_disagreements(result.questions, by_hand), *_unused(result.questions, by_hand)]
    if result.score is None:
        return Mark(None, result.possible, None, result.possible, (), tuple(notices))
    sums = _Sums(result.score, result.possible)
    counted = [_followed_through(question, policy, sums) for question in result.questions]
    counted = [_changed_by_hand(question, by_hand.get(question.name), sums) for question in counted]
    for question in counted:
        if question.name in policy.of(record.notebook).waive:
            _waive(question, policy, sums)
    notices += _lateness(record, policy, sums)
    return Mark(
        *(round(result.score, DIGITS), result.possible, round(sums.points, DIGITS), sums.possible),
        *(tuple(sums.steps), tuple(notices)),
    )


def choice_of(policy: Policy, who: Callable[[str], Student]) -> Choice:
    """Which of a student's files counts under a policy; of equal ones, the last. `who` finds a student by the key."""

    def deadline(student: str, notebook: str) -> datetime | None:
        return policy.deadline(notebook, who(student))

    def best(student: str, notebook: str, attempts: Sequence[Attempt]) -> Attempt:
        due = deadline(student, notebook)
        return max(attempts, key=lambda one: (_worth(one, policy, due), one.order))

    def in_time(student: str, notebook: str, attempts: Sequence[Attempt]) -> Attempt:
        due = deadline(student, notebook)
        before = [one for one in attempts if due is None or not _came_late(one, policy, due)]
        return latest(student, notebook, before or attempts)

    return {"last": latest, "best": best, "last before the deadline": in_time}[policy.attempts]


class _Sums:
    """The points so far and how they came about."""

    def __init__(self, points: float, possible: float) -> None:
        self.points, self.possible = points, possible
        self.steps = [Step("the tests gave", round(points, DIGITS), possible)]

    def to(self, points: float, possible: float, says: str) -> None:
        self.points, self.possible = points, possible
        self.steps.append(Step(says, round(points, DIGITS), possible))


def _followed_through(question: QuestionResult, policy: Policy, sums: _Sums) -> QuestionResult:
    if not question.apart_from:
        return question
    score = max(question.score, _SHARES[policy.follow_through] * question.possible)
    others = " and ".join(question.apart_from)
    sums.to(
        sums.points + score - question.score,
        sums.possible,
        f"{question.title} is right, apart from {others}, whose mistake costs once: {_WORDS[policy.follow_through]}",
    )
    return replace(question, score=score)


def _changed_by_hand(question: QuestionResult, override: Override | None, sums: _Sums) -> QuestionResult:
    if override is None:
        return question
    sums.to(
        sums.points + override.points - question.score,
        sums.possible,
        f"{question.title} was set to {number(override.points)} of {number(question.possible)} points by hand "
        f"({override.who}, {override.made_at[:10]}): {override.reason}",
    )
    return replace(question, score=override.points)


def _waive(question: QuestionResult, policy: Policy, sums: _Sums) -> None:
    if policy.waived == "left out":
        points, possible = sums.points - question.score, sums.possible - question.possible
        sums.to(points, possible, f"{question.title} does not count for anybody")
    else:
        points = sums.points + question.possible - question.score
        sums.to(points, sums.possible, f"{question.title} gives everybody full points")


def _lateness(record: Record, policy: Policy, sums: _Sums) -> list[str]:
    """Take off what lateness costs; what the instructor should know about it."""
    due = policy.deadline(record.notebook, record.student)
    if due is None or policy.late is None:
        return []
    if not record.handed_in:
        if record.late:
            return ["late, as the platform says, but not by how much: nothing was taken off"]
        return []  # told once for all, see `Marker.notices`
    lateness = datetime.fromisoformat(record.handed_in).astimezone(UTC) - due
    units = policy.late.units(lateness)
    if not units:
        return []
    points = policy.late.left(sums.points, sums.possible, units)
    floor = f", and at least {number(policy.late.floor_percent)} % stay" if policy.late.floor_percent else ""
    sums.to(
        points,
        sums.possible,
        f"handed in {_duration(lateness)} after {due:%Y-%m-%d %H:%M} UTC: {number(policy.late.percent)} % of the points "
        f"{policy.late.of} for each {policy.late.per} begun ({units}){floor}",
    )
    return []


def _duration(lateness: timedelta) -> str:
    minutes = max(1, int(lateness.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count)


def _disagreements(questions: Sequence[QuestionResult], by_hand: Mapping[str, Override]) -> list[str]:
    """Where the tests say something else today than when a mark was set by hand."""
    return [
        f"{question.title}: {number(override.points)} points were set by hand ({override.who}) when the tests gave "
        f"{number(override.score_then)}; they give {number(question.score)} now, and the mark by hand stands"
        for question in questions
        if (override := by_hand.get(question.name)) is not None and question.score != override.score_then
    ]


def _unused(questions: Sequence[QuestionResult], by_hand: Mapping[str, Override]) -> list[str]:
    there = {question.name for question in questions}
    return [
        f"{name}: {number(override.points)} points were set by hand ({override.who}), but what counts now has no such question"
        for name, override in by_hand.items()
        if name not in there
    ]


def _came_late(attempt: Attempt, policy: Policy, due: datetime) -> bool:
    grace = timedelta(minutes=policy.late.grace_minutes if policy.late else 0)
    return datetime.fromisoformat(attempt.handed_in) > due + grace if attempt.handed_in else attempt.late


def _worth(attempt: Attempt, policy: Policy, due: datetime | None) -> float:
    """The share of the points of an attempt after lateness; below 0 without a score."""
    if attempt.score is None or not attempt.possible:
        return attempt.share
    if due is None or policy.late is None or not attempt.handed_in:
        return attempt.share
    units = policy.late.units(datetime.fromisoformat(attempt.handed_in) - due)
    return policy.late.left(attempt.score, attempt.possible, units) / attempt.possible
