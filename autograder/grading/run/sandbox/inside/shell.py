"""The IPython shell that runs a submission's cells: quiet, without a terminal, a history or other programs."""

from __future__ import annotations

import contextlib
import importlib
import io
import resource
import sys
import threading
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from attnkit.checking.case import Failure
from attnkit.checking.execute import describe_error

_IGNORED_LINES = ("matplotlib", "pip", "conda", "mamba", "uv", "system", "sx", "autoreload")
_IGNORED_CELLS = ("bash", "sh", "script", "system", "sx", "perl", "ruby")


class Silence(io.TextIOBase):
    """Takes any text and keeps none."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False


def make_shell() -> InteractiveShell:
    """The one shell of this process, with everything that would show or start something taken out."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.separate_in = ""
    config.InteractiveShell.banner1 = ""
    shell = InteractiveShell.instance(config=config)
    shell.display_trap.hook = _ignore
    for name in ("showtraceback", "showsyntaxerror", "_showtraceback", "system", "system_raw", "system_piped"):
        setattr(shell, name, _ignore)
    setattr(shell, "getoutput", _no_output)  # noqa: B010 (the type checker knows it as a method)
    magics: Any = shell.magics_manager
    for kind, names in (("line", _IGNORED_LINES), ("cell", _IGNORED_CELLS)):
        for name in names:
            magics.register_function(_ignore, kind, name)
    run_cell(shell, "pass")
    return shell


def run_cell(shell: Any, source: str) -> Failure | None:
    """Run one cell; what it raised, or None."""
    sys.stdout, sys.stderr = Silence(), Silence()
    importlib.invalidate_caches()  # a cell above may have written a module
    result = shell.run_cell(source, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    _close_figures()
    if error is None:
        return None
    return describe_error(error)


def threads_left() -> int:
    """How many threads are running beside the main one."""
    return threading.active_count() - 1


def most_memory() -> int:
    """The most bytes that this process has used so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        with contextlib.suppress(Exception):
            pyplot.close("all")


def _ignore(*arguments: Any, **options: Any) -> None:
    return None


def _no_output(*arguments: Any, **options: Any) -> list[str]:
    return []
