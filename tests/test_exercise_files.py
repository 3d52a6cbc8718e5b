"""The exercises' files are found by their names; a file whose name and content differ is one sentence, not a surprise."""

import importlib
import re
import subprocess
import sys

import pytest

from autograder import exercises
from autograder.building.master import read_master
from autograder.exercises import (
    NOTEBOOKS,
    MisplacedExerciseError,
    exercise_for,
    exercises_of,
    modules_of,
    title_in_file_names,
)
from autograder.paths import ROOT

ONE = """from autograder.judging.declare import Exercise
EXERCISE = Exercise("9.{place}", "{title}", ("f",), 1, None, (), None, (), ())
"""
FOLDER = "nb09_elsewhere"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of a notebook 9, beside the real ones."""
    made = tmp_path / FOLDER
    made.mkdir()
    monkeypatch.setattr(exercises, "_HERE", tmp_path)
    monkeypatch.setattr(exercises, "NOTEBOOKS", {**NOTEBOOKS, "09": FOLDER.removeprefix("nb")})
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    _forget()
    yield made
    _forget()


def _forget():
    exercises._files.cache_clear()
    exercise_for.cache_clear()
    for name in [name for name in sys.modules if FOLDER in name]:
        del sys.modules[name]


def write(folder, name, place, title):
    (folder / name).write_text(ONE.format(place=place, title=title))


def test_exercises_come_in_the_order_of_their_numbers(folder):
    for place, title in ((10, "SmallBlock"), (2, "the worksheet"), (1, "mean, its_spread")):
        write(folder, f"q9_{place}_{title_in_file_names(title)}.py", place, title)
    (folder / "means_family.py").write_text("")
    assert [path.stem for path in sorted(folder.glob("q*"))] == [
        "q9_10_small_block",
        "q9_1_mean_its_spread",
        "q9_2_worksheet",
    ]
    assert [exercise.number for exercise in exercises_of("09")] == ["9.1", "9.2", "9.10"]
    assert exercise_for("q9_10") is exercises_of("09")[2]


@pytest.mark.parametrize(
    "name", ["mean.py", "q9_mean.py", "q8_1_mean.py", "q9_01_mean.py", "q9_1_Mean.py", "q9_1.py", "Q9_1_mean.py"]
)
def test_a_misnamed_file_is_an_error_that_says_the_right_form(folder, name):
    write(folder, name, 1, "mean")
    with pytest.raises(MisplacedExerciseError, match=rf"{FOLDER}/{name} is no name .* q9_<place>_<title>\.py"):
        exercises_of("09")


@pytest.mark.parametrize(
    ("name", "place", "title", "sentence"),
    [
        ("q9_1_mean.py", 2, "mean", "declares exercise 9.2, and its name says 9.1"),
        ("q9_1_mean.py", 1, "median", "declares 'median': its name should be q9_1_median.py"),
    ],
)
def test_a_file_that_declares_something_else_is_an_error(folder, name, place, title, sentence):
    write(folder, name, place, title)
    with pytest.raises(MisplacedExerciseError, match=sentence):
        exercise_for("q9_1")


def test_a_file_that_declares_nothing_is_an_error(folder):
    (folder / "q9_1_mean.py").write_text("EXERCISES = ()")
    with pytest.raises(MisplacedExerciseError, match=r"q9_1_mean\.py declares no exercise"):
        exercise_for("q9_1")


def test_one_exercise_in_two_files_is_an_error(folder):
    write(folder, "q9_1_mean.py", 1, "mean")
    write(folder, "q9_1_median.py", 1, "median")
    with pytest.raises(MisplacedExerciseError, match="declares q9_1 twice"):
        exercise_for("q9_1")


@pytest.mark.parametrize("question", ["q9_1", "q3_99", "nonsense", ""])
def test_what_is_no_exercise_is_a_key_error(question):
    with pytest.raises(KeyError, match="there is no"):
        exercise_for(question)


def test_one_exercise_is_imported_without_the_others():
    code = (
        "import sys; from autograder.exercises import exercise_for; exercise_for('q3_4'); "
        "print(*[name.rpartition('.')[2] for name in sys.modules if name.startswith('autograder.exercises.nb')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["nb03_scaling", "q3_4_scaled_dot_product_attention"]


def test_no_family_declares_an_exercise():
    families = list(exercises._HERE.rglob("*_family.py"))
    assert len(families) > 5
    for path in families:
        assert "Exercise(" not in path.read_text(), path.name


WORDS = {"scores": "scores", "weights": "weights", "average": "average", "maps": "maps", "split": "heads", "output": "W_o"}


@pytest.mark.parametrize("question", ["q2_3", "q3_4", "q4_3", "q4_4"])
def test_a_shared_mistake_is_met_in_the_right_step_of_each_stub(question):
    exercise = exercise_for(question)
    number = f"{int(question[1]):02d}"
    file = next(name for name in modules_of(number) if f".{question}_" in name)
    stub = read_master(number).exercise_cells()[question].source
    where = importlib.import_module(file).WHERE
    assert set(where.values()) <= {mistake.see for mistake in exercise.mistakes}
    for what, place in where.items():
        steps = re.findall(rf"# {place.split()[1]}\. .*", stub)
        assert any(WORDS[what] in step for step in steps), (what, steps)
