"""The build: what is in the repository is fresh, holds no answer where none may be, and its own checks can fail."""

import copy
from functools import cache, partial

import nbformat
import pytest
from clean import check_clean

from autograder.building import BuildError
from autograder.building import build as building
from autograder.building.assign import Assigned
from autograder.building.build import answer_lines, make, score_in_process, stale_files
from autograder.building.first_cell import FIND, first_cell_source
from autograder.building.grader_zip import canonical_zip
from autograder.building.master import (
    COLUMNS,
    MasterError,
    is_experiment,
    read_master,
    solved_notebook,
    with_prompts,
    without_markers,
)
from autograder.building.numbers import kept
from autograder.exercises import NOTEBOOKS
from autograder.paths import GENERATED, PUBLIC_TESTS, ROOT, SOLUTIONS
from autograder.paths import NOTEBOOKS as STUDENT

WRITTEN = [number for number, name in NOTEBOOKS.items() if (SOLUTIONS / f"{name}.py").is_file()]


@pytest.fixture(scope="module")
def made():
    """Every notebook's files as they are built now, each made once."""
    return cache(make)


def hidden_tests(number):
    folder = GENERATED / NOTEBOOKS[number] / "tests"
    return {path.stem: path.read_text() for path in sorted(folder.glob("q*.py"))}


@pytest.mark.parametrize("number", WRITTEN)
def test_nothing_generated_is_stale(made, number):
    assert [str(path.relative_to(ROOT)) for path in stale_files(made(number))] == []


def test_a_stale_file_is_named(made):
    target = STUDENT / f"{NOTEBOOKS['02']}.ipynb"
    fresh = made("02")
    other = building.Made({target: b"{}"}, fresh.solved, fresh.solved_path)
    assert target in stale_files(other)


def test_outputs_are_kept_where_nothing_but_text_has_changed(made):
    fresh = made("02")
    ran = [cell.get("outputs") for cell in nbformat.read(fresh.solved_path, as_version=4).cells]
    solved = copy.deepcopy(fresh.solved)
    solved.cells[0].source += "\nA sentence."
    (answer,) = [cell for cell in solved.cells if cell.id == "q2_3"]
    answer.source = answer.source.replace("Unscaled dot-product attention", "Dot-product attention, unscaled,")
    (first,) = [cell for cell in solved.cells if cell.id == FIND]
    first.source = first_cell_source("https://course.example/another/place")
    result = building.with_kept_outputs(fresh.solved_path, solved)
    assert [cell.source for cell in result.cells] == [cell.source for cell in solved.cells]
    assert [cell.get("outputs") for cell in result.cells] == ran
    answer.source = answer.source.replace("dim=-1", "dim=-2")
    assert building.with_kept_outputs(fresh.solved_path, solved) is None


def test_two_builds_are_byte_identical(made):
    assert make("02").files == made("02").files


def test_numbers_are_written_anew_when_they_say_something_else_and_not_for_a_last_bit(tmp_path):
    path, text = tmp_path / "q0_1.json", '{"value":{"array":[0.38,5e-17,-2.0],"dtype":"float32"},"gap":0.5,"name":"a"}'
    assert kept(path, text) == text
    path.write_text(text)
    assert kept(path, text.replace("0.38", "0.38000002").replace("5e-17", "0.0")) == text
    changes = {"0.38": "0.3801", "-2.0": "2.0", "2.0]": "2]", '"a"': '"b"', "5e-17,": "", "name": "n", "0.5": "0.500002"}
    for old, new in changes.items():
        assert kept(path, text.replace(old, new)) == text.replace(old, new)


@pytest.mark.parametrize("number", WRITTEN)
def test_nothing_for_students_holds_an_answer(number):
    master = read_master(number)
    student = nbformat.read(STUDENT / f"{master.name}.ipynb", as_version=4)
    stubs = {cell.id: {line.strip() for line in cell.source.splitlines()} for cell in student.cells}
    for question, cell in master.exercise_cells().items():
        lines = list(answer_lines(cell.source))
        assert lines or "# SOLUTION" in cell.source
        assert not set(lines) & stubs[question]
    assert all(not cell.get("outputs") for cell in student.cells)
    assert not any({"claim", "explanation"} & set(cell.metadata.get("tags", [])) for cell in student.cells)


def test_the_students_folder_knows_nothing_of_the_grader():
    assert check_clean(STUDENT) > 100


@pytest.mark.parametrize("number", WRITTEN)
def test_points_and_cases_are_as_declared(number):
    master = read_master(number)
    hidden = hidden_tests(number)
    for exercise in master.exercises:
        assert hidden[exercise.question].count("@test_case(") == 1 + len(exercise.tests)
        public = (PUBLIC_TESTS / f"{exercise.question}.py").read_text()
        assert public.count("@test_case(") == 1


@pytest.fixture(scope="module")
def assigned_of(made):
    """What came of assigning a notebook, with changes."""
    return partial(assigned, made)


def assigned(made, number, **changes):
    tests = hidden_tests(number)
    public = {name: (PUBLIC_TESTS / f"{name}.py").read_text() for name in tests}
    values = {"student": made(number).solved, "tests": tests, "public_tests": public, "archive": b""} | changes
    return Assigned(**values)


def test_a_dropped_test_is_noticed(assigned_of):
    tests = hidden_tests("02")
    cut = tests["q2_3"].rpartition("@test_case(")[0]
    with pytest.raises(BuildError, match="test cases"):
        building._check_tests(read_master("02"), assigned_of("02", tests={**tests, "q2_3": cut}))


def test_a_test_that_does_not_compile_is_noticed(assigned_of):
    tests = hidden_tests("02")
    with pytest.raises(BuildError, match="compile"):
        building._check_tests(read_master("02"), assigned_of("02", tests={**tests, "q2_3": tests["q2_3"] + 'x = "'}))


def test_a_missing_test_file_is_noticed(assigned_of):
    tests = {name: text for name, text in hidden_tests("02").items() if name != "q2_3"}
    with pytest.raises(BuildError, match="no all tests"):
        building._check_tests(read_master("02"), assigned_of("02", tests=tests))


def test_a_wrong_solution_is_noticed(assigned_of):
    master = read_master("02")
    wrong = solved_notebook(master)
    for cell in wrong.cells:
        if cell.id == "q2_3":
            cell.source = cell.source.replace("dim=-1", "dim=-2")
    blank = nbformat.read(STUDENT / f"{master.name}.ipynb", as_version=4)
    with pytest.raises(BuildError, match="q2_3"):
        building._check_scores(master, blank, wrong, assigned_of("02"))


def test_a_blank_notebook_that_scores_is_noticed(assigned_of):
    master = read_master("02")
    solved = solved_notebook(master)
    with pytest.raises(BuildError, match="blank"):
        building._check_scores(master, solved, copy.deepcopy(solved), assigned_of("02"))


def test_a_leaked_answer_is_noticed():
    master = read_master("02")
    with pytest.raises(BuildError, match="answer"):
        building._check_leaks(master, solved_notebook(master))


def test_scores_in_process_count_every_question():
    scores = score_in_process(solved_notebook(read_master("02")), hidden_tests("02"))
    assert sum(score for score, _, _ in scores.values()) == sum(possible for _, possible, _ in scores.values()) == 40


def test_markers_go_and_prompts_come():
    exercise = read_master("02").exercises[0]
    source = "def softmax(z):\n    # 1. do\n    # BEGIN SOLUTION\n    return z\n    # END SOLUTION"
    assert without_markers(source) == "def softmax(z):\n    # 1. do\n    return z"
    prompted = with_prompts(source, exercise)
    assert '    """ # BEGIN PROMPT\n    raise NotImplementedError("Exercise 2.1: softmax' in prompted
    assert without_markers("x = [1]  # SOLUTION") == "x = [1]"


def test_a_master_that_is_not_there_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.building.master.SOLUTIONS", tmp_path)
    with pytest.raises(MasterError, match="no such master"):
        read_master("02")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## 2.7 ★ The", "## 2.7 The", "needs a ★"),
        ("## 2.3 Att", "## 2.3 ★ Att", "needs none"),
        ("· 5 min · 4 points", "· 6 min · 4 points", "5 min"),
        ("· 15 min · 6 points", "· 15 min · 7 points", "6 points"),
        ("· 40 points.", "· 41 points.", "40 points"),
    ],
)
def test_a_lesson_states_what_is_declared(old, new, message, monkeypatch, tmp_path):
    name = f"{NOTEBOOKS['02']}.py"
    text = (SOLUTIONS / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr("autograder.building.master.SOLUTIONS", tmp_path)
    with pytest.raises(MasterError, match=message):
        read_master("02")


def test_no_solved_notebook_shows_a_widget_that_is_not_there():
    for path in sorted(SOLUTIONS.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        assert "widget-view" not in text, path.name
        assert "Run this cell to get the sliders." in text, path.name


def test_no_printed_line_of_a_solved_notebook_is_broken_in_the_middle_of_a_word():
    wide = COLUMNS + 8  # outputs have a little more room than code; JupyterLab breaks a longer line wherever it ends
    for path in sorted(SOLUTIONS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        texts = [output["text"] for cell in cells for output in cell.get("outputs", ()) if output.output_type == "stream"]
        assert [line for text in texts for line in text.splitlines() if len(line) > wide] == [], path.name
        assert texts, path.name


def test_only_setup_and_exercises_run_while_grading():
    graded = [cell for cell in read_master("02").notebook.cells if cell.cell_type == "code" and not is_experiment(cell)]
    assert len(graded) == 10


def test_a_canonical_zip_does_not_depend_on_time():
    content = (GENERATED / NOTEBOOKS["02"] / "autograder.zip").read_bytes()
    assert canonical_zip(content) == content
