"""When a test was wrong, and what has no name yet: a question again for everybody, and answers that behave alike."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fakes import FakeWorkshop
from handins import FILE, NAME, handin, write
from rich.console import Console
from test_grade_cli import Quiet

from autograder.cli import main
from autograder.exercises import exercise_for
from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.report.outputs import Outputs
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.grading.score import grade as grading
from autograder.grading.score.grade import grade_notebook
from autograder.judging.behaviour_alike import alike
from autograder.judging.declare import Mistake
from autograder.term.gradebook_marks import Marker
from autograder.term.new_mistake import declaration
from autograder.term.regrade import regrade_question, show, take_over

ODD = (
    "def attention(Q, K, V):\n    extra = 0.1 * Q.sum(-1, keepdim=True) * K.sum(-1)[..., None, :]\n"
    "    w = torch.softmax(Q @ K.mT + extra, -1)\n    return w @ V, w\n"
)
SAME = ODD.replace("0.1 * Q.sum", "Q.sum").replace("None, :]", "None, :] / 10").replace("w", "weights")
UNLIKE = ODD.replace("0.1", "0.2")
SCALED = "def attention(Q, K, V):\n    w = torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1)\n    return w @ V, w\n"


@pytest.fixture(scope="module")
def course() -> Course:
    whole = Course.load().notebooks[NAME]
    wanted = tuple(one for one in whole.questions if one.name in ("q2_3", "q2_4", "q2_5"))
    return Course({NAME: replace(whole, questions=wanted)})


def grade(course, root, out):
    setting = Setting(workshop=FakeWorkshop)
    grade_class(Plan([root], out, course, setting), lambda count: InProcess(setting), Quiet())
    return setting


@pytest.fixture
def graded(tmp_path, course):
    wrong = handin(answers={"q2_4": "def project(*X):\n    return X[:3]"})
    files = {"ana": handin(), "bo": handin(answers={"q2_3": SCALED}), "cy": wrong}
    root, out = write(tmp_path / "class", {f"{who}/{FILE}": raw for who, raw in files.items()}), tmp_path / "out"
    return out, grade(course, root, out)


def scores(book):
    return {
        record.student.key: {one.name: (one.score, bool(one.apart_from)) for one in record.result.questions}
        for record in book.records()
    }


def test_a_question_is_looked_at_before_it_is_taken_over(graded, course, monkeypatch):
    out, setting = graded
    with Gradebook(out / "gradebook.sqlite") as book:
        marker = Marker.of(book, course, Outputs(out, book, course))
        before = scores(book)
        real = grading._examine

        def mended(master, question, environment):
            examined = real(master, question, environment)
            if question.name != "q2_3":
                return examined
            cases = tuple(replace(case, passed=case.name != "gradients reach Q, K and V") for case in examined.result.cases)
            return replace(examined, result=replace(examined.result, cases=cases, score=float(sum(c.passed for c in cases))))

        monkeypatch.setattr(grading, "_examine", mended)
        found = regrade_question("q2_3", book, marker, lambda count: InProcess(setting))
        changes = {change.record.student.key: (change.before.score, change.after.score, change.fell) for change in found.changes}
        assert changes == {"ana": (6, 5, True), "bo": (before["bo"]["q2_3"][0], 5, False), "cy": (6, 5, True)}
        assert scores(book) == before
        console = Console(width=120, record=True)
        show(found, console)
        told = console.export_text()
        assert "2.3 attention: 3 graded again, 3 with other points" in told
        assert "marks that fell: ana, cy" in told
        assert take_over(found, book, marker) == 3
        after = scores(book)
        assert {who: points["q2_3"][0] for who, points in after.items()} == {"ana": 5, "bo": 5, "cy": 5}
        assert after["cy"]["q2_4"] == before["cy"]["q2_4"]
        ana = book.record_of("ana", NAME)
        assert ana.mark.points == ana.mark.possible - 1


def test_what_does_not_change_is_not_written(graded, course):
    out, setting = graded
    with Gradebook(out / "gradebook.sqlite") as book:
        marker = Marker.of(book, course, Outputs(out, book, course))
        found = regrade_question("q2_3", book, marker, lambda count: InProcess(setting))
        assert not any(change.differs for change in found.changes)
        assert all(change.as_today for change in found.changes)
        assert take_over(found, book, marker) == 0
        book._base.execute("UPDATE attempts SET code = x'' WHERE student = 'bo'")
        found = regrade_question("q2_3", book, marker, lambda count: InProcess(setting))
        assert [line.partition(":")[0] for line in found.left_out] == ["bo"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["regrade", "--question", "q9_1"], "there is no notebook '09'"),
        (["regrade", "--question", "q2_99"], "has no question 'q2_99'"),
        (["regrade", "--question", "q2_3", "--seed-file", "{secret}"], "was graded with the inputs of the repository"),
        (["new-mistake", "q2_3", "--student", "zoe"], "nobody in the gradebook is called 'zoe'"),
        (["new-mistake", "q2_99", "--student", "ana"], "has no question 'q2_99'"),
        (["new-mistake", "q2_3", "--student", "ana", "--to", "{secret}"], "is there already"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(graded, tmp_path, words, says):
    out, _ = graded
    secret = tmp_path / "secret.txt"
    secret.write_text("sixteen characters and more")
    done = CliRunner().invoke(main, [*(word.format(secret=secret) for word in words), "-o", str(out)])
    assert done.exit_code == 1
    assert says in done.output.replace("\n", " ")


# What has no name yet


def behaviour(course, answer: str) -> str:
    result = grade_notebook(handin(answers={"q2_3": answer}), course.notebooks[NAME], FakeWorkshop())
    return result.questions[0].behaviour


def test_wrong_answers_that_behave_alike_are_known_by_it(course):
    odd, same, unlike = (behaviour(course, answer) for answer in (ODD, SAME, UNLIKE))
    assert odd
    assert alike(odd, same)
    assert not alike(odd, unlike)
    assert behaviour(course, SCALED) == ""  # it has a name
    right = grade_notebook(handin(), course.notebooks[NAME], FakeWorkshop())
    assert {question.behaviour for question in right.questions} == {""}


def test_a_declaration_is_started_from_one_answer(course, tmp_path):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin(answers={"q2_3": "# by Ana Perez\n" + ODD})}), tmp_path / "out"
    grade(course, root, out)
    target = tmp_path / "start.py"
    done = CliRunner().invoke(main, ["new-mistake", "2.3", "--student", "ana", "-o", str(out), "--to", str(target)])
    assert done.exit_code == 0, done.output
    text = target.read_text()
    assert "Ana" not in text
    there: dict[str, object] = {}
    exec(compile(text, "start", "exec"), there)
    mistake = there["MISTAKE"]
    assert isinstance(mistake, Mistake)
    assert mistake.code is there["unnamed_attention"]
    assert "attention" not in there
    shown = CliRunner().invoke(main, ["new-mistake", "2.3", "--student", "ana", "-o", str(out)])
    assert ast.dump(ast.parse(shown.output)) == ast.dump(ast.parse(text))


@pytest.mark.parametrize(("code", "says"), [("def attention(:", "no Python"), ("attention = None", "defines none of attention")])
def test_an_answer_of_which_nothing_can_be_made_is_one_sentence(code, says):
    with pytest.raises(GradingError, match=says):
        declaration(exercise_for("q2_3"), code)
