"""Honest submissions get the same score, question by question, from our grader and from plain `otter run`."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

from autograder.paths import EXAMPLES, GENERATED

ARCHIVE = GENERATED / "02_keys_queries_values" / "autograder.zip"
HONEST = ("aiko", "carlos", "dilnoza", "beatriz")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    out = tmp_path_factory.mktemp("graded")
    for name in HONEST:
        shutil.copytree(EXAMPLES / "class" / name, out / "class" / name)
    command = [sys.executable, "-m", "autograder", "grade", str(out / "class"), "-o", str(out), "--jobs", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    with (out / "grades.csv").open(newline="") as file:
        return {
            row["student"]: {name: float(row[name]) for name in row if name.startswith("q2_")}
            for row in csv.DictReader(file)
        }


RUN = """
import os, sys
from otter.cli import cli
archive, *pairs = sys.argv[1:]
for submission, folder in zip(pairs[::2], pairs[1::2]):
    os.chdir(folder)
    cli(["run", submission, "-a", archive, "-o", folder], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What plain `otter run`, the command as it is, says of each submission: its tests, by name."""
    folders = {name: tmp_path_factory.mktemp(name) for name in HONEST}
    pairs = [str(path) for name in HONEST for path in (*(EXAMPLES / "class" / name).glob("*.ipynb"), folders[name])]
    assert len(pairs) == 2 * len(HONEST)
    subprocess.run([sys.executable, "-c", RUN, str(ARCHIVE), *pairs], check=True, capture_output=True, timeout=900)
    results = {name: json.loads((folders[name] / "results.json").read_text())["tests"] for name in HONEST}
    return {name: {test["name"].strip(): test for test in tests} for name, tests in results.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_both_graders_agree(name, ours, theirs):
    scores = {question: test["score"] for question, test in theirs[name].items() if question.startswith("q2_")}
    assert len(scores) == 9
    assert scores == ours[name]


@pytest.mark.slow
def test_plain_otter_shows_the_message_before_anything_else(theirs):
    public, hidden = theirs["carlos"]["Public Tests"]["output"], theirs["carlos"]["q2_1"]["output"]
    for output in (public, hidden):
        assert "❌ Test case failed\n        Exercise 2.1 softmax: the result is wrong\n" in output
        assert "Error at line" not in output
        assert "check_hidden" not in output
