"""A notebook that was opened alone: its first cell finds attnkit, gets it, or says in one sentence what to do."""

import ast
import builtins
import contextlib
import importlib.util
import shutil
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

import attnkit
from attnkit import readiness
from attnkit.places import NotFoundError
from autograder.building.first_cell import FIND, FOLDED, SIZE, first_cell_source, setting
from autograder.building.master import COLUMNS
from autograder.exercises import NOTEBOOKS
from autograder.paths import NOTEBOOKS as STUDENT
from autograder.paths import SOLUTIONS
from autograder.releasing.packing import write_zip
from autograder.releasing.wheels import learners_wheel

LATER = "9.0.0"
SHOWN = "sys.excepthook = lambda kind, error, trace: print(*error._render_traceback_(), sep='\\n')\n"
ONE_OF_OUR_OWN = f'__version__ = "{attnkit.__version__}"\ndef ready_for(release): print("ready", __file__)\n'


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Run a first cell in a folder, in a Python that has no attnkit; gives what it prints and how it ends."""
    (tmp_path / "at" / "the" / "notebook").mkdir(parents=True)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def run(source="", before="", folder=None, answers=""):
        text = "import sys\nFIRST = sys.path[0]\nclass Hidden:\n    def find_spec(self, name, path=None, target=None):\n"
        text += "        if name == 'attnkit' and sys.path[0] == FIRST:\n"
        text += "            raise ModuleNotFoundError('none', name='attnkit')\n"
        text += "sys.meta_path.insert(0, Hidden())\n" + before + "\n" + (source or first_cell_source())
        script = tmp_path / "cell.py"
        script.write_text(text, encoding="utf-8")
        command = [sys.executable, "-I", "-X", "utf8", str(script)]
        place = folder or tmp_path / "at" / "the" / "notebook"
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, input=answers, encoding="utf-8")
        return done.stdout, (done.stderr.strip().splitlines() or [""])[-1]

    return run


def a_kit(folder, text=ONE_OF_OUR_OWN):
    """A small package that stands for attnkit."""
    (folder / "attnkit").mkdir(parents=True)
    (folder / "attnkit" / "__init__.py").write_text(text)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return learners_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_it_is_the_first_code_cell_of_every_notebook_and_folded(number):
    for folder in (STUDENT, SOLUTIONS):
        notebook = nbformat.read(folder / f"{NOTEBOOKS[number]}.ipynb", as_version=4)
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        assert (first.id, first.source) == (FIND, first_cell_source())
        assert FOLDED.items() <= first.metadata.items()


def test_it_is_no_wider_than_a_page_and_filled_in():
    source = first_cell_source("the/place")
    assert max(map(len, source.splitlines())) <= COLUMNS + 6  # the title that Colab shows is one line
    assert f'RELEASE = "{attnkit.__version__}"' in source
    assert 'COURSE = "the/place"' in source
    assert setting().place == "" or "://" in setting().place or Path(setting().place).is_absolute()


@pytest.mark.parametrize("place", ["at/the/notebook", "at/the", "at", "at/the/notebooks", "at/notebooks"])
def test_attnkit_beside_or_above_is_found(alone, tmp_path, place):
    a_kit(tmp_path / place)
    said, error = alone()
    assert error == ""
    assert said.startswith("ready")
    assert str(Path(place)) in said


def test_nothing_to_be_found_is_one_sentence_that_says_what_to_do(alone):
    said, error = alone()
    assert said == ""
    assert error.endswith(f"or put attnkit-{attnkit.__version__}-py3-none-any.whl or the course's zip beside it "
                          "and run this cell again.")


def test_jupyter_shows_a_sentence_in_lines_that_break_no_word(alone):
    shown = first_cell_source().replace("attnkit = imported()\nif", SHOWN + "attnkit = imported()\nif")
    lines = alone(shown)[0].splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= COLUMNS
    for error in (readiness.NotReadyError, NotFoundError):
        lines = error(readiness.what_is_missing(readiness.LIBRARIES))._render_traceback_()
        assert " ".join(lines) == readiness.what_is_missing(readiness.LIBRARIES)
        assert max(map(len, lines)) <= COLUMNS
        assert any("`%pip install" in line and line.count("`") == 2 for line in lines), "a command that can be copied"


def test_a_wheel_beside_is_used_and_leaves_nothing_behind(alone, tmp_path, wheel):
    place = tmp_path / "at" / "the" / "notebook"
    shutil.copy(wheel, place)
    more = "\nimport attnkit.places\nprint(attnkit.places.public_test('q2_3').name, attnkit.places.en_es().name)"
    said, error = alone(first_cell_source() + more)
    assert (said, error) == ("q2_3.py en_es\n", "")
    assert [path.name for path in place.iterdir()] == [wheel.name]


def test_a_students_bundle_beside_is_used(alone, tmp_path, wheel):
    place = tmp_path / "at" / "the" / "notebook"
    write_zip(place / "attention-course-1-students.zip", {f"attention-course-1/{wheel.name}": wheel.read_bytes()})
    more = "\nimport attnkit.places\nprint(attnkit.places.public_test('q2_3').name)"
    assert alone(first_cell_source() + more) == ("q2_3.py\n", "")


def test_a_damaged_wheel_is_said(alone, tmp_path):
    (tmp_path / "at" / f"attnkit-{attnkit.__version__}-py3-none-any.whl").write_bytes(b"half of it")
    assert "is damaged" in alone()[1]


@pytest.mark.parametrize(("answer", "ready"), [("y\n", True), ("yes\n", True), ("n\n", False), ("", False)])
def test_it_is_fetched_only_where_the_learner_says_yes(alone, tmp_path, wheel, answer, ready):
    said, error = alone(first_cell_source(str(wheel.parent)), answers=answer)
    assert said.startswith(f"Fetch attnkit ({SIZE}) from ")
    assert (error == "") is ready
    assert ready or "was not fetched: put attnkit-" in error


def test_on_colab_it_is_fetched_without_a_question(alone, wheel):
    said, error = alone(first_cell_source(wheel.parent.as_uri()), before="sys.modules['google.colab'] = sys")
    assert (said, error) == ("", "")


@pytest.mark.parametrize("place", ["http://127.0.0.1:9", "nowhere://x", "/no/such/folder"])
def test_a_place_that_cannot_be_reached_is_one_sentence(alone, place):
    _said, error = alone(first_cell_source(place), before="sys.modules['google.colab'] = sys")
    assert "could not be fetched" in error
    assert "beside it and run this cell again" in error


def test_an_older_attnkit_beside_is_said(alone, tmp_path):
    a_kit(tmp_path / "at", '"""As in release 0.1.0."""\n')
    assert alone()[1].endswith(f"attnkit, in {tmp_path / 'at' / 'attnkit'}, of an older one: take both from the same release.")


def test_another_release_is_a_note_and_the_right_one_beside_wins(alone, tmp_path, wheel):
    source = first_cell_source().replace(attnkit.__version__, LATER)
    place = tmp_path / "at" / "the" / "notebook"
    shutil.copy(wheel, place)
    said, error = alone(source)
    assert error == ""
    assert said.startswith(f"note: this notebook is of release {LATER}")
    assert said.count(". ") == 0
    assert max(map(len, said.splitlines())) < 100  # JupyterLab would break a longer line in the middle of a word
    a_kit(place, ONE_OF_OUR_OWN.replace(attnkit.__version__, LATER))
    assert alone(source)[0].startswith("ready")


def test_the_size_that_is_said_is_that_of_the_wheel(wheel):
    assert f"about {round(wheel.stat().st_size / 1e6)} MB" == SIZE


# What attnkit itself finds missing.


def test_missing_libraries_are_one_sentence(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("torch", "babel") else real(name))
    with pytest.raises(ImportError, match=r"has no babel and no torch: .*`%pip install babel torch`.*0\.2 GB") as caught:
        readiness.ready_for(attnkit.__version__)
    assert "\n" not in str(caught.value)


def test_on_colab_only_what_is_missing_is_installed_and_torch_stays(monkeypatch):
    ran = []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    there = set(readiness.LIBRARIES) - {"sacrebleu"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in there or ran else None)

    def pip(command, check):
        kept = Path(command[command.index("--constraint") + 1]).read_text()
        ran.append((command[command.index("--constraint") + 2 :], kept))

    monkeypatch.setattr(readiness.subprocess, "run", pip)
    readiness.ready_for(attnkit.__version__)
    torch, numpy = (metadata.version(name) for name in ("torch", "numpy"))  # pip's, which may lack torch's "+cu130"
    assert ran == [(["sacrebleu"], f"torch=={torch}\nnumpy=={numpy}\n")]


@pytest.mark.parametrize("lost", ["attnkit.plots", "attnkit.checking.compare", "attnkit.data.tasks"])
def test_a_half_copied_attnkit_is_one_sentence(monkeypatch, lost):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == lost:
            raise ModuleNotFoundError(f"No module named {lost!r}", name=lost)
        return real(name, *rest, **more)

    for name in [name for name in sys.modules if name.split(".")[0] == "attnkit" and name.count(".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(readiness.importlib, "import_module", lambda name: without(name, {}, {}, ["x"]))
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf"lacks {lost}, as if it had been copied only in part"):
        readiness.ready_for(attnkit.__version__)


def test_a_read_only_folder_is_said(monkeypatch, capsys):
    monkeypatch.setattr(readiness.os, "access", lambda path, mode: False)
    readiness.ready_for(attnkit.__version__)
    assert capsys.readouterr().out.startswith("note: this folder is read-only")


def test_what_notebooks_import_of_attnkit_is_looked_for():
    used = set()
    for name in NOTEBOOKS.values():
        for cell in nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4).cells:
            for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" and cell.id != FIND else ():
                if isinstance(node, ast.ImportFrom) and node.module == "attnkit":
                    used |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("attnkit."):
                    used.add(node.module.split(".")[1])
    assert used <= set(readiness.PARTS)


def test_the_libraries_are_those_of_the_learners_wheel():
    assert sorted(readiness.LIBRARIES.values()) == sorted(setting().learner)


@pytest.fixture(scope="module")
def learners_python(tmp_path_factory, wheel):
    """A Python of its own with the learner's wheel installed in it; its other libraries are this environment's."""
    home = tmp_path_factory.mktemp("learner")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    (libraries,) = {path for path in sys.path if path.endswith("site-packages") and Path(path, "torch").is_dir()}
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--force-reinstall", str(wheel)], check=True)
    return python


RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("import attnkit; print(attnkit.__file__)"))
NotebookClient(notebook, timeout=300).execute()
said = [output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells for output in cell.get("outputs", ())]
print(sum("all checks passed" in text for text in said), said[-1])
"""


@pytest.mark.slow
def test_an_empty_folder_with_one_notebook_works_from_the_first_cell_to_the_last(learners_python, tmp_path):
    notebook = tmp_path / "mine.ipynb"
    shutil.copy(SOLUTIONS / f"{NOTEBOOKS['02']}.ipynb", notebook)
    done = subprocess.run([str(learners_python), "-c", RUN, str(notebook)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    passed, place = done.stdout.strip().splitlines()[-1].split(maxsplit=1)
    assert int(passed) == 9
    assert Path(place).is_relative_to(learners_python.parents[1])
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(tmp_path / ".ipynb_checkpoints")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]


def test_the_learners_python_knows_no_grader(learners_python):
    asked = "import importlib.util as u; print(u.find_spec('autograder'), u.find_spec('attnkit') is not None)"
    done = subprocess.run([str(learners_python), "-c", asked], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "True"]
