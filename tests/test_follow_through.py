"""A mistake costs once: what is judged again with the library's part, and the marks that a person would give."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from fakes import FakeWorkshop
from handins import NAME, handin

from autograder.building.master import read_master, solved_notebook
from autograder.exercises import NOTEBOOKS
from autograder.grading.course import GENERATED, CourseNotebook, read_course_notebook
from autograder.grading.find.platforms import Student
from autograder.grading.record.gradebook import Record
from autograder.grading.record.result import Result
from autograder.grading.score.grade import grade_notebook
from autograder.judging.library_parts import PARTS, USES, cell_of
from autograder.term.mark_rules import mark_of
from autograder.term.policy import Policy

SCALED = "def attention(Q, K, V):\n    w = torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1)\n    return w @ V, w\n"
BLANK = 'def attention(Q, K, V):\n    raise NotImplementedError("Exercise 2.3: attention")\n'
CROSSED = "def cross_attention(X_dec, X_enc, W_q, W_k, W_v):\n    return attention(X_enc @ W_q, X_dec @ W_k, X_dec @ W_v)\n"
ITS_OWN = (
    "def cross_attention(X_dec, X_enc, W_q, W_k, W_v):\n    w = torch.softmax((X_dec @ W_q) @ (X_enc @ W_k).mT, -1)\n"
    "    return w @ (X_enc @ W_v), w\n"
)
BY_CROSS = "def self_attention(X, W_q, W_k, W_v):\n    return cross_attention(X, X, W_q, W_k, W_v)\n"
SWAPPED = "def project(X, W_q, W_k, W_v):\n    return X @ W_q, X @ W_v, X @ W_k\n"
RAW = "def softmax(z, axis=-1):\n    e = np.exp(np.asarray(z, float))\n    return e / e.sum(axis=axis, keepdims=True)\n"
ALIAS = "cross_attention = attention\n"
ALIAS_TOO = "self_attention = attention\n"


def master_of(name: str, *questions: str) -> CourseNotebook:
    whole = read_course_notebook(GENERATED / name / "course.json")
    return replace(whole, questions=tuple(one for one in whole.questions if not questions or one.name in questions))


def test_what_may_be_used_is_what_the_masters_use():
    used: dict[str, tuple[str, ...]] = {}
    for number in NOTEBOOKS:
        master = read_master(number)
        owner = {name: exercise.question for exercise in master.exercises for name in exercise.names}
        for question, cell in master.exercise_cells().items():
            names = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            found = {owner[name] for name in names & owner.keys()} - {question}
            if found:
                used[question] = tuple(exercise.question for exercise in master.exercises if exercise.question in found)
    assert used == USES
    assert {name for names in USES.values() for name in names} == set(PARTS)


def solved(name: str, broken: str) -> bytes:
    """The solved notebook with one answer that gives nothing of use."""
    notebook = solved_notebook(read_master(name[:2]))
    function = "def {}(*args, **kwargs):\n    return None\n"
    module = "class {}(nn.Module):\n    def __init__(self, *args, **kwargs):\n        super().__init__()\n"
    for cell in notebook["cells"]:
        if cell["id"] == broken:
            names = PARTS[broken][0]
            cell["source"] = "\n".join((module if one[0].isupper() else function).format(one) for one in names)
    return json.dumps(notebook).encode()


@pytest.mark.parametrize("part", PARTS)
def test_with_the_librarys_part_in_its_place_all_that_use_it_are_right(part):
    number = f"{int(part[1]):02d}"
    using = [question for question, names in USES.items() if part in names]
    master = master_of(NOTEBOOKS[number], part, *using)
    result = grade_notebook(solved(NOTEBOOKS[number], part), master, FakeWorkshop())
    title = {question.name: question.title for question in result.questions}[part]
    for question in result.questions:
        if question.name == part:
            assert question.score < question.possible
            assert question.apart_from == ()
        else:
            assert question.score < question.possible
            assert question.apart_from == (title,), question.findings()
            assert question.mistakes() == []


LEAVES = (
    "left = []\ndef cross_attention(X_dec, X_enc, W_q, W_k, W_v):\n    left.append(1)\n"
    "    return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)\n"
)
STUMBLES = "def self_attention(X, W_q, W_k, W_v):\n    return None if left else attention(X @ W_q, X @ W_k, X @ W_v)\n"


@pytest.mark.parametrize(
    ("answers", "sessions"),
    [
        ({}, 1),
        ({"q2_3": SCALED}, 1),
        ({"q2_3": SCALED, "q2_5": LEAVES, "q2_6": STUMBLES}, 2),
        ({"q2_3": SCALED, "q2_5": CROSSED}, 2),
    ],
)
def test_a_fresh_worker_is_started_only_where_the_one_that_is_there_says_no(answers, sessions):
    workshop = FakeWorkshop()
    result = grade_notebook(handin("einsum", answers), master_of(NAME, "q2_3", "q2_5", "q2_6"), workshop)
    assert workshop.opened == sessions
    crossed = answers.get("q2_5") == CROSSED
    wrong = [question for question in result.questions[1:] if question.score < question.possible]
    assert [question.name for question in wrong if not question.apart_from] == ["q2_5"] * crossed


def test_a_stand_in_leaves_no_other_name():
    there: dict[str, object] = {}
    exec(cell_of(["q2_3", "q2_4"]), there)
    assert set(there) - {"__builtins__"} == {"attention", "project"}


# Ten students, and the marks that a person would give: what is followed through counts in full


TEN: dict[str, tuple[Mapping[str, str], Mapping[str, str], tuple[str, ...]]] = {
    # who: (answers, what is right apart from what, the exercises that lose points)
    "all right": ({}, {}, ()),
    "attention scaled": ({"q2_3": SCALED}, {"q2_5": "2.3", "q2_6": "2.3"}, ("q2_3",)),
    "attention left blank": ({"q2_3": BLANK}, {"q2_5": "2.3", "q2_6": "2.3"}, ("q2_3",)),
    "a mistake of its own": ({"q2_3": SCALED, "q2_5": CROSSED}, {"q2_6": "2.3"}, ("q2_3", "q2_5")),
    "does without": ({"q2_3": SCALED, "q2_5": ITS_OWN}, {"q2_6": "2.3"}, ("q2_3",)),
    "project swapped": ({"q2_4": SWAPPED}, {"q2_6": "2.4"}, ("q2_4",)),
    "two mistakes": ({"q2_3": SCALED, "q2_4": SWAPPED}, {"q2_5": "2.3", "q2_6": "2.3 2.4"}, ("q2_3", "q2_4")),
    "lazy": ({"q2_3": BLANK, "q2_5": ALIAS, "q2_6": ALIAS_TOO}, {}, ("q2_3", "q2_5", "q2_6")),
    "through another": ({"q2_3": SCALED, "q2_6": BY_CROSS}, {"q2_5": "2.3", "q2_6": "2.3"}, ("q2_3",)),
    "softmax overflows": ({"q2_1": RAW}, {"q2_2": "2.1"}, ("q2_1",)),
}


@pytest.fixture(scope="module")
def ten() -> dict[str, Result]:
    master = master_of(NAME, "q2_1", "q2_2", "q2_3", "q2_4", "q2_5", "q2_6")
    return {who: grade_notebook(handin("einsum", answers), master, FakeWorkshop()) for who, (answers, _, _) in TEN.items()}


@pytest.mark.parametrize("who", TEN)
def test_the_mark_that_a_person_would_give(ten, who):
    _, apart, loses = TEN[who]
    questions = ten[who].questions
    assert {
        question.name: " ".join(title.split()[0] for title in question.apart_from)
        for question in questions
        if question.apart_from
    } == apart
    record = Record(Student("ana", "Ana"), NAME, "x", "a", "2026-10-13T00:00:00+00:00", ten[who])
    lost = sum(question.possible - question.score for question in questions if question.name in loses)
    assert mark_of(record, Policy()).points == ten[who].possible - lost
    assert all(question.score < question.possible for question in questions if question.name in loses)
    assert sum(bool(question.mistakes()) for question in questions) <= len(loses)


@pytest.mark.parametrize(("share", "kept"), [("half", 0.5), ("none", 0.0)])
def test_a_policy_gives_less(ten, share, kept):
    result = ten["attention left blank"]
    record = Record(Student("ana", "Ana"), NAME, "x", "a", "2026-10-13T00:00:00+00:00", result)
    lost = sum(
        question.possible - max(question.score, kept * question.possible)
        for question in result.questions
        if question.name in ("q2_5", "q2_6")
    )
    whole = sum(question.possible - question.score for question in result.questions if question.name == "q2_3")
    assert mark_of(record, Policy(follow_through=share)).points == result.possible - whole - lost


def test_what_was_handed_in_is_kept_beside_the_points(ten):
    code = {question.name: question.code for question in ten["attention scaled"].questions}
    assert code["q2_3"] == SCALED.strip()
    blank = grade_notebook(handin(""), master_of(NAME, "q2_1"), FakeWorkshop())
    assert blank.questions[0].code == ""
    hidden = handin("", {"q2_1": "def softmax(z):\n\treturn '\u202e\x1b[2J'"})
    odd = grade_notebook(hidden, master_of(NAME, "q2_1"), FakeWorkshop())
    assert odd.questions[0].code == "def softmax(z):\n    return '\ufffd\ufffd[2J'"
