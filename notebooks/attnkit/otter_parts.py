"""The parts of Otter that a check needs, imported without the rest of it.

`import otter` brings pandas, nbconvert and Beautiful Soup, and jsonschema builds a grammar for addresses where it finds
one: several seconds before a learner's first cell. A check needs Otter's test files alone, which need none of that.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any

from attnkit.checking.message import CheckFailed

_GRAMMAR = "rfc3987_syntax"  # jsonschema imports it if it is there, only to check addresses in schemas
_worded_by_otter: Any = None


class _Later(types.ModuleType):
    """The package `otter` before it has run: its modules can be imported, and its first own name runs it."""

    def __getattr__(self, name: str) -> Any:
        loader = self.__spec__.loader if self.__spec__ else None
        if loader is None or (name.startswith("__") and name != "__version__"):
            raise AttributeError(f"module 'otter' has no attribute {name!r}")
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        with without_the_grammar():
            loader.exec_module(self)
        return getattr(self, name)


def whole_otter_is_here() -> bool:
    """Whether this process has imported all of Otter already, as `otter run` does before the first cell."""
    return "otter" in sys.modules and not isinstance(sys.modules["otter"], _Later)


def test_files() -> Any:
    """The module `otter.test_files`, whose failed tests say our messages alone."""
    if "otter" not in sys.modules:
        found = importlib.util.find_spec("otter")
        if found is None:
            raise ModuleNotFoundError("the package otter-grader is not installed", name="otter")
        package = importlib.util.module_from_spec(found)
        package.__class__ = _Later
        sys.modules["otter"] = package
    with without_the_grammar():
        module = importlib.import_module("otter.test_files")
        _say_our_messages(importlib.import_module("otter.test_files.exception_test").ExceptionTestFile)
    return module


def whole_otter() -> Any:
    """The package `otter`, whose failed tests say our messages alone."""
    test_files()
    return sys.modules["otter"]


@contextlib.contextmanager
def without_the_grammar() -> Iterator[None]:
    """Import jsonschema without the optional grammar that takes it a second; who wants it later can import it."""
    if _GRAMMAR in sys.modules:
        yield
        return
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[_GRAMMAR]


def _say_our_messages(kind: Any) -> None:
    """Let Otter say of a failed test our message alone, without the line of the test file that raised it.

    This holds wherever the notebook's first cell has run, so also in `otter run` and on Gradescope.
    """
    global _worded_by_otter
    if kind._generate_error_message is not _worded:
        _worded_by_otter = kind._generate_error_message
        kind._generate_error_message = _worded


def _worded(tests: Any, error: Exception, context: int = 0) -> str:
    return str(error) if isinstance(error, CheckFailed) else _worded_by_otter(tests, error, context)
