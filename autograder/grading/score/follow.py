"""Follow-through: for which earlier exercises the library's part has to stand, so that a mistake costs once."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.grading.record.result import QuestionResult, QuestionStatus
from autograder.judging.library_parts import PARTS, USES


def roots_of(
    question: QuestionResult, done: Mapping[str, QuestionResult], roots: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The earlier exercises whose mistakes may be why this one fails; empty where there are none.

    `done` are the questions before it; `roots` those of them that are right but for others, and these others: where
    2.5 is right apart from 2.3, it is 2.3 that what uses 2.5 is judged without. An answer that calls a blank looks blank itself,
    so it is what was handed in that tells.
    """
    if question.status is QuestionStatus.RIGHT or not question.code:
        return ()
    found: list[str] = []
    for name in USES.get(question.name, ()):
        earlier = done.get(name)
        if earlier is not None and earlier.status is not QuestionStatus.RIGHT:
            found += roots.get(name, (name,))
    return tuple(dict.fromkeys(name for name in found if name in PARTS)) if set(found) <= set(PARTS) else ()
