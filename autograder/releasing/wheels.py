"""The two wheels: attnkit alone for learners, and the whole project for those who grade.

Hatchling makes both; the dates in them are fixed, so that the same files give the same bytes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from attnkit import __version__
from autograder.building.first_cell import setting
from autograder.paths import ATTNKIT, PROJECT, ROOT

LICENCES = ("LICENSE", "LICENSE-CONTENT")
_NAME = re.compile(r"[\w-]+")


def learners_wheel(folder: Path) -> Path:
    """Write `attnkit-RELEASE-py3-none-any.whl` into `folder`: attnkit with its public tests and the corpus, and no answer."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        stage = Path(scratch)
        shutil.copytree(ATTNKIT, stage / "attnkit", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for source, target in _included().items():
            (stage / target).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, stage / target, **_without_caches(ROOT / source))
        for name in LICENCES:
            shutil.copy(ROOT / name, stage / name)
        (stage / "pyproject.toml").write_text(_learners_project(), encoding="utf-8")
        return _built(stage, folder)


def projects_wheel(folder: Path) -> Path:
    """Write the wheel of the whole project into `folder`: what `pip install .` installs."""
    return _built(ROOT, folder)


def _built(project: Path, folder: Path) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    return Path(next(WheelBuilder(str(project)).build(directory=str(folder), versions=["standard"])))


def _project() -> dict[str, Any]:
    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))


def _included() -> dict[str, str]:
    """What lies elsewhere in a checkout and inside attnkit once it is installed."""
    found: dict[str, str] = _project()["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return found


def _without_caches(source: Path) -> dict[str, Any]:
    return {"ignore": shutil.ignore_patterns("__pycache__", "*.pyc")} if source.is_dir() else {}


def _learners_project() -> str:
    """The pyproject.toml of the learner's wheel, with the bounds that the project states."""
    project = _project()["project"]
    needed = [line for line in project["dependencies"] if _named(line) in setting().learner]
    listed = "".join(f"    {line!r},\n" for line in needed)
    return f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "attnkit"
version = "{__version__}"
description = "What the six notebooks of the attention course share: checks, data, figures, a training loop"
requires-python = "{project["requires-python"]}"
license = "{project["license"]}"
license-files = {list(LICENCES)}
dependencies = [
{listed}]

[tool.hatch.build.targets.wheel]
packages = ["attnkit"]
"""


def _named(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found, requirement
    return found[0]
