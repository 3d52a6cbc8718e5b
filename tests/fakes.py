"""A workshop without a sandbox or a second process, for tests of everything around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

from attnkit.checking.case import Failure


@dataclass(frozen=True)
class FakeCell:
    """How one cell ended."""

    index: int
    status: str
    failure: Failure | None = None
    seconds: float = 0.0


class FakeSession:
    """Runs cells in this process; `# timeout`, `# died` or `# skipped` in a cell pretends that it had to be stopped."""

    def __init__(self) -> None:
        self.environment: dict[str, Any] = {}

    def run_cells(self, cells: list[str]) -> list[FakeCell]:
        """Run the cells in order."""
        return [self._run(index, source) for index, source in enumerate(cells)]

    def in_public(self) -> AbstractContextManager[None]:
        """Nothing is sent anywhere."""
        return nullcontext()

    def _run(self, index: int, source: str) -> FakeCell:
        for status in ("timeout", "died", "skipped"):
            if f"# {status}" in source:
                return FakeCell(index, status)
        try:
            exec(compile(source, "cell", "exec"), self.environment)
        except NotImplementedError as error:
            return FakeCell(index, "error", Failure("unfinished", "NotImplementedError", str(error)))
        except Exception as error:
            return FakeCell(index, "error", Failure("raised", type(error).__name__, str(error)))
        return FakeCell(index, "ok")


class FakeWorkshop:
    """Opens fake sessions; `failures` of them break first, as a sandbox that cannot be started does."""

    sandbox = "fake"

    def __init__(self, setting: object = None, failures: int = 0) -> None:
        self.failures = failures
        self.opened = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    @contextmanager
    def open(self) -> Iterator[FakeSession]:
        """Start a session, or fail as often as asked."""
        from autograder.grading.errors import InfrastructureError

        self.opened += 1
        if self.opened <= self.failures:
            raise InfrastructureError("the sandbox did not start")
        yield FakeSession()
