"""Where the rooms of the project are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
NOTEBOOKS = ROOT / "notebooks"
GENERATED = ROOT / "autograder" / "generated"
ATTNKIT = NOTEBOOKS / "attnkit"
PUBLIC_TESTS = NOTEBOOKS / "tests"
LESSONS = ATTNKIT / "lessons"
NUMBERS = ATTNKIT / "checking" / "numbers"
EXAMPLES = ROOT / "examples"
PINS = ROOT / "pins.txt"
ENVIRONMENT = ROOT / "environment.yml"
PROJECT = ROOT / "pyproject.toml"
DOCS = ROOT / "docs"
