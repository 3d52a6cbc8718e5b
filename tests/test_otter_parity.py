"""Honest submissions get the same score, question by question, from our grader and from plain `otter run`."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_both_graders_agree(name, ours, tmp_path):
    (submission,) = Path(EXAMPLES / "class" / name).glob("*.ipynb")
    otter = Path(sys.executable).with_name("otter")
    command = [str(otter), "run", str(submission), "-a", str(ARCHIVE), "-o", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=600, cwd=tmp_path)
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    theirs = {test["name"].strip(): test["score"] for test in tests if test["name"].strip().startswith("q2_")}
    assert len(theirs) == 9
    assert theirs == ours[name]
