"""The library's part in an earlier exercise's place earns that exercise nothing, and the later one only what is its own."""

# ruff: noqa: E501 (answers are programs in strings)

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from handins import NAME, handin

from autograder.grading.course import GENERATED, read_course_notebook
from autograder.grading.record.result import Status
from autograder.grading.score.grade import grade_notebook

BLANK = 'def attention(Q, K, V):\n    raise NotImplementedError("Exercise 2.3: attention")\n'
CALLS = "return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)"


def cross(*lines: str, before: str = "") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"{before}\ndef cross_attention(X_dec, X_enc, W_q, W_k, W_v):\n{body}\n"


@dataclass(frozen=True)
class Follower:
    """A notebook without a right 2.3: what it answers, and which later ones are right apart from it."""

    name: str
    answers: dict[str, str] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    after: dict[str, str] = field(default_factory=dict)


FOLLOWERS = (
    Follower("an honest one", {"q2_3": BLANK, "q2_5": cross(CALLS)}, ("q2_5", "q2_6")),
    Follower(
        "a later answer that stumbles over what an earlier one leaves",
        {"q2_3": BLANK, "q2_5": cross("left.append(X_dec)", CALLS, before="left = []"),
         "q2_6": "def self_attention(X, W_q, W_k, W_v): return None if left else attention(X @ W_q, X @ W_k, X @ W_v)"},
        ("q2_5", "q2_6"),
    ),
    Follower("hands the part on as its answer", {"q2_3": BLANK, "q2_5": "cross_attention = attention", "q2_6": "self_attention = attention"}),
    Follower(
        "hands the part on in a wrapper",
        {"q2_3": BLANK, "q2_5": "def cross_attention(*X): return attention(*X[:3])", "q2_6": "def self_attention(*X): return attention(*X[:3])"},
    ),
    Follower(
        "a blank that another blank is made of",
        {"q2_3": BLANK, "q2_5": cross("raise NotImplementedError('Exercise 2.5: cross_attention')"),
         "q2_6": "def self_attention(X, W_q, W_k, W_v):\n    return cross_attention(X, X, W_q, W_k, W_v)"},
    ),
    Follower(
        "keeps the part for its own 2.3",
        {"q2_3": "def attention(Q, K, V):\n    return globals()['kept'](Q, K, V)", "q2_5": cross("globals().setdefault('kept', attention)", CALLS),
         "q2_6": "self_attention = None"},
        ("q2_5",),
    ),
    Follower(
        "writes the part down for the next worker",
        {"q2_3": "def attention(Q, K, V):\n    exec(open('part.py').read(), globals())\n    return attention(Q, K, V)",
         "q2_5": cross("import marshal", "open('part.bin', 'wb').write(marshal.dumps(attention.__code__))", CALLS), "q2_6": "self_attention = None"},
        ("q2_5",),
    ),
    Follower(
        "does not let its name be taken",
        {"q2_3": BLANK, "q2_5": cross(CALLS), "q2_6": "self_attention = None"},
        after={"q2_9": "wrong = lambda Q, K, V: (V, V)\ncross_attention.__globals__['attention'] = wrong\n"
               "import threading, time\ndef hold():\n    while True:\n        globals()['attention'] = wrong\n"
               "threading.Thread(target=hold, daemon=True).start()"},
    ),
    Follower(
        "ends the process when the part works",
        {"q2_3": BLANK, "q2_5": cross(CALLS.replace("return", "out ="), "import os; os._exit(0)"), "q2_6": "self_attention = None"},
    ),
    Follower(
        "reads the part's source for the next worker's messages",
        {"q2_3": BLANK, "q2_5": cross("raise ValueError('LEAK' + repr(attention.__code__.co_names))"), "q2_6": "self_attention = None"},
    ),
)  # fmt: skip


@pytest.mark.parametrize("follower", FOLLOWERS, ids=lambda follower: follower.name)
def test_only_what_is_its_own_is_right(follower, workshop):
    whole = read_course_notebook(GENERATED / NAME / "course.json")
    master = replace(whole, questions=tuple(one for one in whole.questions if one.name in ("q2_3", "q2_5", "q2_6")))
    result = grade_notebook(handin("einsum", follower.answers, follower.after), master, workshop)
    assert result.status in (Status.GRADED, Status.PROBLEMS)
    earlier, *later = result.questions
    assert (earlier.score, earlier.apart_from) == (0.0, ())
    assert tuple(question.name for question in later if question.apart_from) == follower.apart
    assert all(question.score < question.possible for question in later)
    assert "LEAK" not in repr([case for question in later for case in question.cases if case.hidden])
    honest = grade_notebook(handin("einsum"), master, workshop)
    assert all(question.score == question.possible for question in honest.questions)
