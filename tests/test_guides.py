"""Every command that README, CONTRIBUTING and docs/ name is run in order in a fresh copy, or is named here with its reason."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.paths import ROOT

_WORD = r"(?:make|autograder|conda|jupyter|otter|pip|python|git|sudo|sh|\.venv/bin/\w+)"
_IN_BLOCK = re.compile(rf"(?: {{4}})?(?P<command>{_WORD} .+?)(?:\s+#.*)?$")
_IN_LINE = re.compile(rf"`(?P<command>{_WORD} [^`]+)`")

RUN = (
    "make demo",
    ".venv/bin/autograder check notebooks/02_keys_queries_values.ipynb",
    ".venv/bin/autograder grade submissions/ -o graded/",
    "autograder grade submissions/ -o graded/",
    "autograder grade submissions/ -o graded/ --course examples/course.toml",
    "autograder grade -o graded/ --course examples/course.toml",
    'autograder override aiko 02 q2_1 --points 5 --reason "shown at the board" -o graded/',
    "autograder override aiko 02 q2_1 --take-back -o graded/",
    "autograder override -o graded/",
    "autograder regrade --question q2_3 -o graded/",
    "autograder regrade --question q2_3 -o graded/ --apply",
    "autograder new-mistake q2_3 --student aiko -o graded/",
    "python -c 'import secrets; print(secrets.token_hex())' > secret.txt",
    "autograder prove 03 --seed-file secret.txt",
    "autograder grade submissions/ -o graded/ --seed-file secret.txt",
    "autograder build 02 --seed-file secret.txt --zips ../zips",
    ".venv/bin/autograder prove 03",
    "autograder check my_notebook.ipynb",
    "autograder progress",
)
SOMETHING_IS_WRONG = {".venv/bin/autograder check notebooks/02_keys_queries_values.ipynb": "the notebook is blank there"}
_STAYS, _NAME = "opens a server that stays", "the name of a program, not a command line"
_DOWNLOAD = "needs a file that a platform made; {} has them"
NOT_RUN = {
    "make lab": _STAYS,
    "jupyter lab": _STAYS,
    "make test": "this test is part of it",
    "make build": "runs six solved notebooks, several minutes; test_build.py holds that its result is what is here",
    "make check": "its parts are the linters and what test_build.py tests",
    ".venv/bin/autograder build 03": "runs a solved notebook, minutes; test_build.py holds that its result is what is here",
    "autograder build --check": "test_build.py tests the same",
    "make hub": "changes the environment of the other tests; without it test_hub.py says so",
    "make site": "test_site.py makes the site and looks at it",
    "make pictures": "needs chromium and writes over the README's pictures",
    "make field-guide": "needs an environment for each of the libraries it asks",
    "conda env create -f environment.yml": "needs conda and a network; test_environment.py holds the file",
    "conda activate attention-course": "needs the environment of the line before",
    "pip install distributed": "changes the environment of the other tests",
    "autograder grade submissions/ -o graded/ --scheduler tcp://SCHEDULER:8786": "needs a cluster; test_grade_cli.py has one",
    "autograder prove NN --mutants 200": "ten minutes",
    ".venv/bin/autograder prove 03 --seeds 10": "minutes; test_proving_more.py holds every exercise to it",
    ".venv/bin/autograder prove 03 --blind": "minutes; test_blind_corpus.py has the same answers",
    "autograder prove --page docs/proof.md": "test_exercises.py proves the same exercises",
    "autograder prove --blind --page docs/proof.md": "minutes; test_proving_more.py has the same page",
    "autograder grade canvas.zip -o graded/ --course course.toml --roster gradebook.csv --roster worksheet.csv": _DOWNLOAD.format(
        "test_roster.py"
    ),
    "autograder grade moodle.zip -o graded/ --roster gradebook.csv --roster worksheet.csv": _DOWNLOAD.format("test_roster.py"),
    "autograder export --to moodle -o graded/ --notebook 03 worksheet.csv": _DOWNLOAD.format("test_export.py"),
    "autograder grade submissions/ -o graded/ --roster gradebook.csv --roster worksheet.csv": _DOWNLOAD.format("test_roster.py"),
    "autograder export --to canvas -o graded/ gradebook.csv": _DOWNLOAD.format("test_export.py"),
    "autograder export --to moodle -o graded/ --notebook 02 worksheet.csv": _DOWNLOAD.format("test_export.py"),
    "autograder feedback --zip moodle -o graded/ --notebook 02 pages.zip": _DOWNLOAD.format("test_export.py"),
    "autograder feedback --zip moodle": _NAME,
    "pip install -e '.[bench]'": "installs a second grader, for the benchmark alone",
    "make bench": "measures for longer than an hour; test_benchmarks.py and test_benchmarks_own.py run its parts",
    "python -m benchmarks": "many minutes; test_benchmarks.py and test_benchmarks_own.py run its parts",
    "python -m benchmarks notebooks": "some eight minutes a round; test_benchmarks_own.py measures a made-up notebook",
    "python -m benchmarks suite": "runs all tests, and then those of an older commit; test_benchmarks_own.py has a few",
    "python -m benchmarks scale": "a quarter of an hour; test_benchmarks.py runs its parts",
    "python -m benchmarks.devices": "minutes; test_where.py runs it on one notebook",
    "python -m benchmarks.finale": "some minutes; test_benchmarks.py runs its parts",
    "python -m benchmarks.term": "some minutes; test_term_course.py does the same in small",
    "autograder release -o dist": "test_release.py makes a release and looks into it",
    "autograder prove": _NAME,
    "autograder grade": _NAME,
    "autograder check": _NAME,
    "otter run": _NAME,
}


def commands():
    """Every command of the guides, once each, in the order in which a reader meets them."""
    found = {}
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        fenced = False
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("```"):
                fenced = not fenced
            elif match := _IN_BLOCK.match(line) if fenced or line.startswith("    ") else None:
                found.setdefault(match["command"], path.relative_to(ROOT).as_posix())
            else:
                for match in _IN_LINE.finditer(line):
                    found.setdefault(match["command"], path.relative_to(ROOT).as_posix())
    return found


def test_every_command_is_run_or_has_a_reason():
    assert {command: place for command, place in commands().items() if command not in {*RUN, *NOT_RUN}} == {}


def test_no_command_is_listed_that_no_guide_names():
    assert {*RUN, *NOT_RUN} - set(commands()) == set()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A fresh copy of the project, with this environment and two hand-ins."""
    folder = tmp_path_factory.mktemp("fresh") / "attention-course"
    left = shutil.ignore_patterns(
        ".git", ".venv", "out", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
    )
    shutil.copytree(ROOT, folder, ignore=left)
    (folder / ".venv").symlink_to(sys.prefix)
    for student in ("aiko", "amir"):
        shutil.copytree(ROOT / "examples" / "class" / student, folder / "submissions" / student)
    shutil.copy(ROOT / "solutions" / "02_keys_queries_values.ipynb", folder / "my_notebook.ipynb")
    return folder


@pytest.mark.slow
def test_the_commands_run_in_order_in_a_fresh_copy(copy):
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "notebooks")]),
    }
    wrong = []
    for command in [command for command in commands() if command in RUN]:
        line = command.replace("make ", "make -o .venv/.ready ", 1) if command.startswith("make ") else command
        done = subprocess.run(["sh", "-c", line], cwd=copy, env=environment, capture_output=True, text=True)
        if done.returncode != (1 if command in SOMETHING_IS_WRONG else 0):
            wrong.append((command, done.returncode, done.stdout[-600:], done.stderr[-600:]))
    assert wrong == []
    assert (copy / "out" / "demo" / "report.html").is_file()
    assert (copy / "graded" / "grades.csv").is_file()


def test_every_promise_of_the_threat_model_names_tests_that_exist():
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    promises = re.findall(r"^\*\*([PD]\d+)\. .*?(?=^\*\*[PD]\d+\. |^## |^What remains)", text, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^\*Shown by\* (.*?)(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert len(promises) == len(shown) > 20
    for words in shown:
        names = re.findall(r"\btest_\w+\b(?!\.py)", words)
        places = re.findall(r"tests/[\w/]+(?:\.py)?", words)
        assert names or places, words
        assert [name for name in names if f"def {name}(" not in tests] == []
        assert [place for place in places if not (ROOT / place).exists()] == []
        assert [title for title in re.findall(r'section "([^"]+)"', words) if f"\n# {title}\n" not in tests] == []
