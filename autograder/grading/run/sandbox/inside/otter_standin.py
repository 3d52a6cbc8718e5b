"""A stand-in for the `otter` package: checks and exports in a submission cost nothing and do nothing while grading."""

from __future__ import annotations

import sys
import types
from typing import Any


class Passed:
    """What a check gives; looks like Otter's result of a test file that passed."""

    name = ""
    passed_all = True
    test_case_results: tuple[Any, ...] = ()
    grade = 1.0
    _generate_error_message = staticmethod(lambda *arguments: "")


class Notebook:
    """Accepts everything that a notebook asks of `otter.Notebook`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def check(self, question: str, *arguments: Any, **options: Any) -> Passed:
        """Pretend that the question was checked."""
        return Passed()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None


def install() -> None:
    """Let `import otter` find this module instead of Otter."""
    names = ("otter", "otter.test_files", "otter.test_files.exception_test")
    package, files, exceptions = map(types.ModuleType, names)
    package.__path__ = []
    package.Notebook = Notebook  # type: ignore[attr-defined]
    package.__version__ = "7.0.0"  # type: ignore[attr-defined]
    files.__path__ = []
    files.TestFile = Passed  # type: ignore[attr-defined]
    exceptions.ExceptionTestFile = Passed  # type: ignore[attr-defined]
    package.test_files = files  # type: ignore[attr-defined]
    sys.modules |= dict(zip(names, (package, files, exceptions), strict=True))
