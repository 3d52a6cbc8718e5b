"""The learner's logbook: one small file, whole or absent, and nobody stumbles over it."""

import json
import stat

import pytest
from click.testing import CliRunner

import attnkit
from attnkit import grader as grading
from attnkit import logbook
from attnkit.grader import Grader
from autograder.cli import main
from autograder.exercises import NOTEBOOKS, exercises_of

NAME = "02_keys_queries_values.ipynb"


def attention(axis):
    def answer(Q, K, V):
        weights = (Q @ K.transpose(-2, -1)).softmax(axis)
        return weights @ V, weights

    return answer


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTNKIT_PROGRESS", str(tmp_path / "new" / "progress.json"))
    monkeypatch.setattr(grading, "_is_in_a_notebook", lambda: True)
    return tmp_path / "new" / "progress.json"


def test_a_mistake_is_met_and_overcome_and_the_next_exercise_is_named(book):
    grader = Grader(NAME)
    grader.check("q2_3", {"attention": attention(-2)})
    assert "mistakes met, and still there: softmax over the query axis instead of the key axis (2.3)" in repr(attnkit.progress())
    grader.check("q2_3", {"attention": attention(-1)})
    said = repr(attnkit.progress())
    assert "mistakes overcome: softmax over the query axis instead of the key axis (2.3)" in said
    assert "still there" not in said
    assert attnkit.progress().done == ["q2_3"]
    line = next(line for line in said.splitlines() if line.startswith("2 ·"))
    left = sum(exercise.minutes for exercise in exercises_of("02") if exercise.question != "q2_3")
    assert line.split()[-6:] == ["1", "of", "9", "about", str(left), "minutes"]
    assert "next: 2.4 project, in 02_keys_queries_values.ipynb" in said
    assert str(book) in said
    assert [path.name for path in book.parent.iterdir()] == [book.name]


def test_what_is_not_written_yet_is_no_try(book):
    Grader(NAME).check("q2_3", {})

    def blank(Q, K, V):
        raise NotImplementedError("Exercise 2.3: attention is not written yet")

    Grader(NAME).check("q2_3", {"attention": blank})
    assert not book.exists()


def test_everything_that_the_course_has_is_in_it(book):
    known = {(question, heading, minutes) for lesson in logbook.lessons() for question, heading, minutes in lesson.exercises}
    declared = {(one.question, one.heading, one.minutes) for number in NOTEBOOKS for one in exercises_of(number)}
    assert known == declared
    for question, _, _ in known:
        logbook.note(question, True)
    assert "everything is done" in repr(attnkit.progress())
    assert "<table>" in attnkit.progress()._repr_html_()


def test_without_a_file_it_says_where_to_begin_and_forgetting_is_easy(book):
    assert "next: 1.1 rnn_step" in repr(attnkit.progress())
    assert not book.exists()
    logbook.note("q1_1", True)
    assert book.exists()
    said = CliRunner().invoke(main, ["progress"]).output
    assert "next: 1.2 encode" in said
    assert "next: 1.1 rnn_step" in CliRunner().invoke(main, ["progress", "--forget"]).output
    assert not book.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"exercises": 3}', '{"exercises": {"q1_1": 3}}', "\udcff"])
def test_a_damaged_file_is_no_file(book, text):
    book.parent.mkdir()
    book.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert logbook.read() == {}
    logbook.note("q1_1", True)
    assert json.loads(book.read_text())["exercises"]["q1_1"]["checks"] == 1


def test_where_nothing_can_be_written_nothing_is_said_and_nothing_is_left(book, monkeypatch, capsys):
    def refuse(*paths):
        raise PermissionError("read-only")

    monkeypatch.setattr(logbook.os, "replace", refuse)
    logbook.note("q1_1", True)
    assert list(book.parent.iterdir()) == []
    book.parent.rmdir()
    book.parent.write_text("a file where the folder should be")
    logbook.note("q1_1", True)
    assert Grader(NAME).check("q2_3", {"attention": attention(-1)}).passed
    assert capsys.readouterr() == ("", "")


def test_off_keeps_nothing_and_only_a_notebook_writes(book, monkeypatch):
    monkeypatch.setattr(grading, "_is_in_a_notebook", lambda: False)
    Grader(NAME).check("q2_3", {"attention": attention(-1)})
    assert not book.exists()
    monkeypatch.setenv("ATTNKIT_PROGRESS", "off")
    assert logbook.place() is None
    logbook.note("q1_1", True)
    assert repr(attnkit.progress()).endswith("nothing is kept")


def test_only_its_owner_may_read_it(book):
    logbook.note("q1_1", True)
    assert stat.S_IMODE(book.stat().st_mode) == 0o600
