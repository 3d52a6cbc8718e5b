"""The learners' environment names the same pinned packages as the project."""

import re
import tomllib

import yaml

from autograder.paths import ENVIRONMENT, PINS, ROOT

PINNED = dict(line.split("==") for line in PINS.read_text().splitlines() if line and not line.startswith("#"))


def test_every_pin_is_exact():
    assert all(re.fullmatch(r"[\w.!+-]+", version) for version in PINNED.values())
    assert PINNED["torch"] == "2.13.0"


def test_conda_brings_only_python_and_pip():
    environment = yaml.safe_load(ENVIRONMENT.read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert conda == ["python=3.11", "pip"]


def test_pip_brings_the_pinned_packages():
    environment = yaml.safe_load(ENVIRONMENT.read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    found = dict(entry.split("==") for entry in pip)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(found) == set(project["dependencies"])
    assert all(PINNED[name] == version for name, version in found.items())


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    pinned = {name.lower() for name in PINNED}
    missing = [name for name in names if not name.startswith("attention-course") and name.lower() not in pinned]
    assert missing == []
