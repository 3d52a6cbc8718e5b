"""The rows of the project's own work: its solved notebooks, and its tests. Tiny stand-ins for both; no time is asserted."""

import json
import os
import sys

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import notebooks, suite
from benchmarks.__main__ import main
from benchmarks.measure import CommandError, Cost
from benchmarks.table import Table

NAME = "01_made_up.ipynb"


def checkout(folder, value, *sources):
    """A checkout with an attnkit of its own and one solved notebook, whose last cell is a claim."""
    (folder / "notebooks" / "attnkit").mkdir(parents=True)
    (folder / "notebooks" / "attnkit" / "__init__.py").write_text(f"VALUE = {value}\n")
    (folder / "solutions").mkdir()
    *cells, claim = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    claim.metadata = {"tags": ["claim"]}
    nbformat.write(new_notebook(cells=[*cells, claim]), folder / "solutions" / NAME)
    return folder


def test_a_notebook_runs_as_for_a_learner_with_the_attnkit_of_its_checkout_and_its_kernel_counts(tmp_path):
    drawn = "import os\nassert os.environ['MPLBACKEND'] != 'agg'\nassert os.environ['OMP_NUM_THREADS'] == '1'"
    tree = checkout(tmp_path, 5, "x = 1", f"import attnkit\nassert attnkit.VALUE == 5\n{drawn}")
    ((cost,),) = notebooks.in_turns([tree], 1, lambda text: None).values()
    assert cost.cpu > 0.1
    assert cost.wall > 0
    assert notebooks._claims(tree) == {"01_made_up": 3}


def test_the_notebooks_of_two_commits_take_turns_and_their_medians_count(tmp_path, monkeypatch):
    trees = [checkout(tmp_path / age, 1, "x = 1", "assert x") for age in ("now", "then")]
    costs, taken = iter([9, 1, 2, 5, 3, 4]), []

    def measured(command, folder):
        taken.append(command[-1].parts[-3])
        return Cost(0, 0), json.dumps({"cpu": next(costs), "wall": 1})

    monkeypatch.setattr(notebooks, "measure", measured)
    found = notebooks.in_turns(trees, 3, lambda text: None)
    assert taken == ["now", "then"] * 3
    assert found == {"01_made_up": [Cost(3, 1), Cost(4, 1)]}


def test_a_claim_that_does_not_hold_is_named_with_its_cell(tmp_path):
    broken = checkout(tmp_path, 1, "x = 1", "assert x == 2, f'x is {x}'")
    with pytest.raises(CommandError, match=r"^01_made_up: cell cell-1 .*claim does not hold: AssertionError: x is 1$"):
        notebooks.in_turns([broken], 1, lambda text: None)


def notebooks_table(*costs, claims=({"01_a": 3, "02_b": 4}, {"01_a": 2, "02_b": 1})):
    found = {name: [Cost(*cost) for cost in each] for name, each in zip(("01_a", "02_b"), costs, strict=True)}
    return notebooks._table(found, list(claims), 1)


def test_notebooks_are_held_against_those_of_before():
    table = notebooks_table([(2, 3), (4, 4)], [(5, 5), (4, 6)])
    assert [row[-1] for row in table.rows] == ["0.50", "1.25", "0.88"]
    assert table.rows[-1] == ("together", "7", "7.0", "8.0", "3", "8.0", "10.0", "0.88")
    assert table.notes[-1] == (
        f"Together: 0.88 times the CPU and 0.80 times the wall time of {notebooks.BEFORE}, wanted ≤ 0.6, met: not yet. "
        "No notebook slower: not yet (02_b is)."
    )
    assert "0.50 times the CPU" in notebooks_table([(2, 3), (4, 4)], [(2, 5), (4, 6)]).notes[-1]
    assert notebooks_table([(2, 3), (4, 4)], [(2, 5), (4, 6)]).notes[-1].endswith("met: yes. No notebook slower: yes.")


def test_without_the_older_commit_there_is_no_ratio():
    table = notebooks_table([(2, 3)], [(5, 5)], claims=[{"01_a": 3, "02_b": 4}])
    assert table.rows[-1] == ("together", "7", "7.0", "8.0", "–", "–", "–", "–")
    assert "not in this copy's history" in table.notes[-1]


TESTS = """
import os, pytest
def test_one(): pass
def test_seen(): assert 'MPLBACKEND' not in os.environ and os.environ['GIVEN'] == '1'
@pytest.mark.skip
def test_skipped(): pass
def test_red(): assert False
"""
RED = "FAILED test_made_up.py::test_red - assert False\n1 failed, 3 passed, 1 skipped in 0.12s"


def project(folder, command, tests=""):
    """A checkout whose Makefile runs `command` for its tests, and fails where something has to be installed."""
    (folder / "test_made_up.py").write_text(tests)
    (folder / "Makefile").write_text(f"test: $(VENV)/.ready\n\t{command}\n$(VENV)/.ready: Makefile\n\tfalse\n")
    return folder


def says(folder, text, status):
    """A checkout whose tests write `text` and end with `status`."""
    (folder / "said").write_text(text + "\n")
    return project(folder, f"cat said; exit {status}")


def test_tests_are_counted_and_what_the_benchmark_sets_is_not_seen(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    made = project(tmp_path, f"{sys.executable} -m pytest -q -p no:cacheprovider", TESTS)
    run = suite.run_tests(made, "GIVEN=1", red_is_fine=True)
    assert (run.tests, run.skipped, run.red) == (3, 1, 1)
    assert run.cost.cpu > 0.1


def test_red_tests_of_today_are_no_result_and_the_first_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"is red: 1 of its tests fail, first test_made_up.py::test_red$"):
        suite.run_tests(says(tmp_path, RED, 1))
    assert suite.run_tests(tmp_path, red_is_fine=True).red == 1


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("..\n2 passed in 0.12s\n", {"passed": 2}),
        (
            "2 passed in 0.12s\n== 1 failed, 3 errors, 2 warnings in 75.10s (0:01:15) ==\n",
            {"failed": 1, "error": 3, "warning": 2},
        ),
    ],
)
def test_the_last_line_of_pytest_is_read(said, counts):
    assert suite.counted(said) == counts


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ("no tests ran in 0.01s", 5, "counted no tests: no tests ran in 0.01s"),
        ("", 0, "counted no tests: it wrote nothing"),
        ("4 skipped in 0.01s", 0, "all were skipped"),
        ("ERROR test_made_up.py\n1 error in 0.05s", 2, "is red: 1 of its tests fail, first test_made_up.py$"),
        ("2 passed in 0.1s\nstopped here", 3, "did not come to its end: stopped here"),
    ],
)
def test_a_run_without_a_test_or_an_end_is_no_result(said, status, why, tmp_path):
    with pytest.raises(CommandError, match=why):
        suite.run_tests(says(tmp_path, said, status))


def test_the_tests_are_held_against_those_of_before_and_one_test_against_one(monkeypatch):
    monkeypatch.setitem(os.environ, "PYTEST_ADDOPTS", "-k wire")
    table = suite._table(suite.Run(Cost(900, 600), 3000, 7, 0), suite.Run(Cost(500, 300), 1000, 4, 2))
    assert table.rows[0][1:] == ("3000", "7", "600", "900", "300")
    assert table.rows[2][1:] == ("3.00", "–", "2.00", "1.80", "0.60")
    assert "2.00 times the wall time and 1.80 times the CPU" in table.notes[2]
    assert "wanted ≤ 0.6, met: not yet; 0.60 times the CPU of one test" in table.notes[2]
    assert table.notes[1] == "Not all of them: pytest was given `-k wire`."
    assert table.notes[3].startswith("2 of the tests")
    assert len(suite._table(suite.Run(Cost(900, 600), 3000, 7, 0), None).rows) == 1


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "compare growth checks start training"),
        (["--full"], "compare growth checks start training scale notebooks"),
        (["suite", "checks"], "checks suite"),
    ],
)
def test_long_parts_are_measured_where_they_are_asked_for(arguments, wanted, monkeypatch):
    measured = []
    for part in "compare growth checks start training scale notebooks suite".split():
        monkeypatch.setattr(f"benchmarks.__main__.{part}", lambda *options, part=part: measured.append(part) or [])
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert measured == wanted.split()


def test_what_was_measured_before_a_failure_is_shown(monkeypatch):
    def fails(*options):
        raise CommandError("01_made_up: cell q1_1 does not run")

    monkeypatch.setattr("benchmarks.__main__.checks", lambda *options: [Table("Made up", ("thing",), [("kept",)])])
    monkeypatch.setattr("benchmarks.__main__.notebooks", fails)
    result = CliRunner().invoke(main, ["checks", "notebooks"])
    assert result.exit_code == 1
    assert "kept" in result.output
    assert "a measured command failed: 01_made_up: cell q1_1 does not run" in result.output
