"""What a lesson says of itself is so: its minutes, its ★, its code's width, places to predict, a control for every claim."""

import ast
import re
from dataclasses import replace

import pytest

from autograder.building.master import MasterError, read_master
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.paths import SOLUTIONS

WORDS_A_MINUTE = 150  # of a text with formulas
MINUTES = re.compile(r"About (\d+) minutes to write, (\d+) to read, (\d+) to wait")


def words(text):
    prose = re.sub(r"```.*?```|<[^>]+>|\$\$?[^$]*\$\$?", " ", text, flags=re.DOTALL)
    return len(re.findall(r"\w+", prose))


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_the_minutes_count_writing_and_reading(number):
    master = read_master(number)
    stated = MINUTES.search(master.notebook.cells[0].source)
    assert stated, "the first cell states the minutes"
    write, read, _ = map(int, stated.groups())
    assert write == sum(exercise.minutes for exercise in master.exercises if not exercise.further)
    texts = [cell for cell in master.notebook.cells if cell.cell_type == "markdown"]
    shown = [cell.source for cell in texts if "explanation" not in cell.metadata.get("tags", [])]
    assert read == pytest.approx(sum(map(words, shown)) / WORDS_A_MINUTE, rel=0.15)


@pytest.mark.parametrize("beyond", ["starred", "further"])
def test_no_exercise_on_the_road_uses_the_code_of_one_beside_it(beyond):
    beside = {
        name
        for number in NOTEBOOKS
        for exercise in exercises_of(number)
        if getattr(exercise, beyond)
        for name in exercise.names
    }
    for number in NOTEBOOKS:
        master = read_master(number)
        for exercise in master.exercises:
            if not getattr(exercise, beyond):
                tree = ast.parse(master.exercise_cells()[exercise.question].source)
                used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
                assert not used & beside, exercise.heading


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_further_exercises_come_after_the_required_ones(number):
    marks = [exercise.further for exercise in exercises_of(number)]
    assert marks == sorted(marks)


def test_a_heading_that_does_not_say_further_is_refused(monkeypatch):
    exercises = [*exercises_of("01")[:-1], replace(exercises_of("01")[-1], further=True)]
    monkeypatch.setattr("autograder.building.master.exercises_of", lambda number: tuple(exercises))
    with pytest.raises(MasterError, match="points · further"):
        read_master("01")


@pytest.fixture
def changed(monkeypatch, tmp_path):
    """Read notebook 01 with one piece of its text changed."""

    def read(old, new):
        name = f"{NOTEBOOKS['01']}.py"
        text = (SOLUTIONS / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        monkeypatch.setattr("autograder.building.master.SOLUTIONS", tmp_path)
        return read_master("01")

    return read


def test_a_line_too_wide_for_the_page_is_refused(changed):
    with pytest.raises(MasterError, match="a line of 92 columns"):
        changed("sentence = ", f"{'wide':<87} = ''\nsentence = ")


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_what_a_reader_predicts_has_a_place_and_is_shown_beside_what_is_measured(number):
    cells = [cell.source for cell in read_master(number).notebook.cells]
    steps = [
        step for cell in cells for step in re.findall(r"^predicted = |^ *plots\.show_predictions\(", cell, re.MULTILINE)
    ]
    asked, shown = steps[::2], steps[1::2]
    assert asked
    assert len(asked) == len(shown)
    assert all(step.startswith("predicted") for step in asked)
    assert all("show" in step for step in shown)
    for cell, before in zip(cells[1:], cells, strict=False):
        if cell.startswith("predicted = "):
            assert "**Predict" in before


@pytest.mark.parametrize("instead", ["# nothing", "# control: nothing below\n#", "# control: no assertion\nx = 1\n#"])
def test_a_claim_without_a_control_is_refused(changed, instead):
    with pytest.raises(MasterError, match="control"):
        changed("# control: without the tanh it is another number\n", f"{instead}\n#")
