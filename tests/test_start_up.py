"""What a notebook's first cell and the commands import, and what they leave for later."""

import json
import subprocess
import sys

import pytest

from attnkit import otter_parts
from attnkit.grader import Grader

HEAVY = ("otter.check", "pandas", "nbconvert", "bs4", "rfc3987_syntax", "lark")
TORCH = "torch._C"  # a grader has `torch` in name from the start: see `late_torch`
SET_UP = """
import math
import matplotlib.pyplot as plt
import torch
import attnkit
from attnkit import plots
from attnkit.data import load_en_es
from attnkit.training import train
grader = attnkit.start("02_keys_queries_values.ipynb")
"""


def imported_by(code, names):
    """Which of `names` a fresh Python has imported after `code`."""
    asked = f"{code}\nimport sys, json\nprint(json.dumps([name for name in {names!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_set_up_cell_and_a_first_check_import_nothing_heavy():
    assert imported_by(SET_UP + "grader.check('q2_3')", HEAVY) == []


def test_the_way_to_a_hidden_check_imports_neither_torch_nor_what_is_heavy():
    assert imported_by("import autograder.grading.score.grade, autograder.judging.examine", (TORCH, *HEAVY)) == []


def test_the_command_that_grades_a_class_leaves_torch_to_its_processes():
    assert imported_by("import autograder.grading.check\nfrom autograder.grading.command import grade", (TORCH, *HEAVY)) == []


def test_otter_itself_can_be_imported_after_its_parts():
    code = "from attnkit.otter_parts import test_files\nfiles = test_files()\nimport otter, otter.test_files\n"
    code += "assert otter.test_files is files and 'otter.check' not in sys.modules\n"
    code += "assert otter.Notebook and otter.__version__ and otter.test_files is files"
    assert imported_by("import sys\n" + code, ("otter.check", "rfc3987_syntax")) == ["otter.check"]


def test_otters_own_methods_come_with_all_of_otter():
    code = "import attnkit\nexport = attnkit.Grader('a.ipynb').to_pdf"
    assert imported_by(code, ("otter.check", "rfc3987_syntax")) == ["otter.check"]


def test_the_grammar_is_given_back(monkeypatch):
    monkeypatch.delitem(sys.modules, "rfc3987_syntax", raising=False)
    with otter_parts.without_the_grammar():
        assert sys.modules["rfc3987_syntax"] is None
    assert "rfc3987_syntax" not in sys.modules


def test_a_question_of_ones_own_has_an_otter_test_file(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    test = "from otter.test_files import test_case\nOK_FORMAT = False\nname = 'q9_1'\npoints = None\n"
    test += "@test_case(points=1)\ndef test_own(env):\n    assert env['x'] == 3, 'x should be 3'\n"
    (tmp_path / "tests" / "q9_1.py").write_text(test)
    monkeypatch.chdir(tmp_path)
    code = SET_UP + "x = 3\nassert grader.check('q9_1').passed\nx = 4\nassert not grader.check('q9_1').passed"
    assert imported_by(code, HEAVY) == []


@pytest.mark.parametrize("question", ["q2_99", "2.3", "../q2_3", ""])
def test_a_check_that_does_not_exist_is_one_sentence(question):
    with pytest.raises(FileNotFoundError) as caught:
        Grader("02.ipynb").check(question, {})
    assert "\n" not in str(caught.value)


def test_check_all_and_export_are_of_use(capsys):
    results = Grader("02_keys_queries_values.ipynb").check_all({"permutation_gap": None})
    assert [result.question for result in results] == [f"q2_{number}" for number in range(1, 10)]
    assert not any(result.passed for result in results)
    assert repr(results).count("\n") == 8
    Grader("02_keys_queries_values.ipynb").export()
    assert "hand in the file itself (02_keys_queries_values.ipynb)" in capsys.readouterr().out
    assert Grader("renamed.ipynb").check_all({}) == []


def test_checks_read_the_cell_that_calls_them():
    code = SET_UP + "def softmax(z, axis=-1):\n    import numpy as np\n    z = np.asarray(z)\n"
    code += "    z = z.astype(z.dtype if z.dtype.kind == 'f' else float)\n"
    code += "    e = np.exp(z - z.max(axis=axis, keepdims=True))\n    return e / e.sum(axis=axis, keepdims=True)\n"
    code += "assert grader.check('q2_1').passed, grader.check('q2_1')\nassert grader.check_all()[0].passed"
    assert imported_by(code, HEAVY) == []
