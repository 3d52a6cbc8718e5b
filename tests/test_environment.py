"""Where the project runs: pins, bounds, one index, every import declared, nothing that one system lacks in a learner's path."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from autograder.building.first_cell import setting
from autograder.paths import ENVIRONMENT, PINS, PROJECT, ROOT

PINNED = dict(line.split("==") for line in PINS.read_text().splitlines() if line and not line.startswith("#"))
BY_NAME = {canonicalize_name(name): version for name, version in PINNED.items()}
FILE = tomllib.loads(PROJECT.read_text())
NEEDED = {requirement.name: requirement for requirement in map(Requirement, FILE["project"]["dependencies"])}
INDEX = "--extra-index-url"
IMPORTED_AS = {"yaml": "pyyaml", "otter": "otter-grader", "IPython": "ipython"}
ONLY_POSIX = ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog", "spwd", "crypt", "readline")


def pip_entries():
    environment = yaml.safe_load(ENVIRONMENT.read_text())
    (entries,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    return entries


def test_every_pin_is_exact():
    assert all(re.fullmatch(r"[\w.!+-]+", version) for version in PINNED.values())
    assert PINNED["torch"] == "2.13.0"


def test_conda_brings_only_python_and_pip():
    environment = yaml.safe_load(ENVIRONMENT.read_text())
    python, pip = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert pip == "pip"
    assert python.removeprefix("python=") in SpecifierSet(FILE["project"]["requires-python"])


def test_pip_brings_what_attnkit_imports_pinned_and_the_course_itself():
    first, *pinned, last = pip_entries()
    assert first.startswith(INDEX)
    assert last == "-e ."
    found = dict(entry.split("==") for entry in pinned)
    assert set(found) == {*setting().learner, "jupyter"}
    assert all(PINNED[name] == version for name, version in found.items())


def test_the_index_for_processors_alone_is_named_in_one_place_and_can_be_left_out():
    tracked = subprocess.run(["git", "grep", "-lI", "whl/cpu"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode not in (0, 1):
        pytest.skip("no git here")
    assert tracked.stdout.split() in ([ENVIRONMENT.name], [ENVIRONMENT.name, "tests/test_environment.py"])
    makefile = (ROOT / "Makefile").read_text()
    assert f"{INDEX} $(TORCH_INDEX)" in makefile
    assert "TORCH_INDEX ?= $(shell sed" in makefile


def test_every_dependency_has_bounds_that_its_pin_keeps():
    free = {"einops", "jaxtyping", "pandas", "scipy"}  # promised to hand-ins, whatever the version
    for name, requirement in NEEDED.items():
        pinned = BY_NAME[canonicalize_name(name)]
        assert pinned in requirement.specifier, name
        assert name in free or any(part.operator == ">=" for part in requirement.specifier), name
        open_above = free | {"ipython"}  # Colab's and Jupyter's own decide that one
        assert name in open_above or any(part.operator == "<" for part in requirement.specifier), name


def test_every_extra_is_pinned():
    extras = FILE["project"]["optional-dependencies"].values()
    names = [canonicalize_name(Requirement(entry).name) for extra in extras for entry in extra]
    assert [name for name in names if name != "attention-course" and name not in BY_NAME] == []


def imports_of(folder):
    """The top-level names that the Python files of a folder import, each with one of the files."""
    found = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            found |= {name.split(".")[0]: path for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    return found


def test_everything_that_is_imported_is_declared():
    build = {Requirement(entry).name for entry in FILE["project"]["optional-dependencies"]["build"]}
    apart = {"autograder", "attnkit", "google", "cosmic_ray", "distributed", "dask", "inside"}
    for folder, declared in (("notebooks/attnkit", set(setting().learner) | {"otter-grader"}), ("autograder", {*NEEDED, *build})):
        names = {IMPORTED_AS.get(name, name): path for name, path in imports_of(folder).items() if name not in apart}
        assert {name: path for name, path in names.items() if name not in declared} == {}


BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {ONLY_POSIX!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
for name in {ONLY_POSIX!r}:
    sys.modules.pop(name, None)
import torch, numpy, matplotlib.pyplot
for name in [name for name in sys.modules if name in {ONLY_POSIX!r}]:
    del sys.modules[name]
"""


def run_without_posix(code, *arguments):
    return subprocess.run([sys.executable, "-c", BLOCKED + code, *arguments], capture_output=True, text=True)


def test_attnkit_needs_nothing_that_only_posix_has():
    code = "import pkgutil, importlib, attnkit\n"
    code += "for module in pkgutil.walk_packages(attnkit.__path__, 'attnkit.'): importlib.import_module(module.name)\n"
    code += "grader = attnkit.start('02_keys_queries_values.ipynb')\nprint(grader.check('q2_3', {}))"
    done = run_without_posix(code)
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.startswith("Exercise 2.3 attention: it is not there")


OTHERS = ("win32", "darwin")


@pytest.fixture(scope="module")
def checked():
    """What `autograder check` says on other systems, one after the other in one process."""
    code = "import contextlib, io, json, types, autograder.grading.check as command\nfrom autograder.cli import main\nsaid = {}\n"
    code += f"for platform in {OTHERS!r}:\n"
    code += "    command.sys = types.SimpleNamespace(platform=platform, exit=sys.exit)\n"
    code += "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
    code += "        try:\n            main(['check', sys.argv[1]])\n"
    code += "        except SystemExit as end:\n            code = end.code\n"
    code += "    said[platform] = (code, out.getvalue())\n"
    code += "print(json.dumps(said))"
    done = run_without_posix(code, str(ROOT / "solutions" / "02_keys_queries_values.ipynb"))
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("platform", OTHERS)
@pytest.mark.slow
def test_check_works_where_there_is_no_sandbox_and_says_so(checked, platform):
    code, said = checked[platform]
    said = " ".join(said.split())
    assert code == 0, said[-1000:]
    assert said.startswith("note: this system has no sandbox that the course knows")
    assert "40 of 40 points" in said
    assert "NameError" not in said


def test_the_plain_process_itself_needs_nothing_that_only_posix_has():
    code = "from autograder.grading.course import Course\nfrom autograder.grading.score.grade import grade_notebook\n"
    code += "from autograder.grading.run.plain import PlainWorkshop\nout = sys.stdout\nraw = open(sys.argv[1], 'rb').read()\n"
    code += "result = grade_notebook(raw, Course.load().notebooks['02_keys_queries_values'], PlainWorkshop())\n"
    code += "print(result.score, result.possible, result.cells, file=out)"
    done = run_without_posix(code, str(ROOT / "notebooks" / "02_keys_queries_values.ipynb"))
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.split("\n")[0] == "0.0 40.0 ()"


def test_the_development_container_and_binder_find_what_they_read():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    version = container["image"].rpartition(":")[2]
    assert version in SpecifierSet(FILE["project"]["requires-python"])
    target = container["postCreateCommand"].split()[1]
    assert f"\n{target}: " in (ROOT / "Makefile").read_text()
    assert ENVIRONMENT.parent == ROOT  # where Binder looks for it


def test_no_code_needs_a_newer_python_than_the_lowest():
    lowest = re.search(r">=([\d.]+)", FILE["project"]["requires-python"])[1]
    vermin = str(Path(sys.executable).with_name("vermin"))
    command = [vermin, f"--target={lowest}-", "--violations", "--no-tips", "--quiet"]
    done = subprocess.run([*command, "autograder", "notebooks/attnkit", "website"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-800:]
