"""The IPython shell that runs a submission's cells: quiet, without a terminal, a history or other programs."""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import threading
import traceback
from types import CodeType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from attnkit.checking.case import Failure
from attnkit.checking.execute import describe_error

_IGNORED_LINES = ("matplotlib", "pip", "conda", "mamba", "uv", "system", "sx", "autoreload")
_LISTS = ("input_transformers_cleanup", "input_transformers_post", "ast_transformers")
_PROMPTS = (">>>", "In [", "...:")  # IPython takes them out of pasted text, also where the text is Python as it stands
_TRANSFORMERS: dict[str, list[Any]] = {}
_INSTALLED: set[str] = set()  # folders that no cell can write to
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
    _TRANSFORMERS.update({name: list(getattr(shell, name)) for name in _LISTS})
    run_cell(shell, "pass")
    _INSTALLED.update(sys.path_importer_cache)
    return shell


def run_cell(shell: Any, source: str) -> Failure | None:
    """Run one cell; what it raised, or None."""
    sys.stdout, sys.stderr = Silence(), Silence()
    _restore(shell)
    _look_again()
    code = _plain_python(shell, source)
    if code is None:
        result = shell.run_cell(source, store_history=False)
        raised, error = result.error_in_exec, result.error_before_exec or result.error_in_exec
    else:
        raised = error = _run_code(shell, code)
    if isinstance(raised, Exception):
        _run_rest(shell, source, raised)
    _close_figures()
    if error is None:
        return None
    return describe_error(error)


def _plain_python(shell: Any, source: str) -> CodeType | None:
    """The code of a cell that IPython would leave as it is; None where it has magics, prompts, an indent or an error.

    Whoever has nothing to rewrite is spared IPython's own reading of the text, which takes longer than most cells.
    """
    if not source or source[0].isspace() or any(prompt in source for prompt in _PROMPTS):
        return None
    if len(source.splitlines()) == 1:  # may be a magic without its sign, such as `pwd` or `time f(x)`
        return None
    try:
        name = shell.compile.cache(source)
        code: CodeType = shell.compile(shell.compile.ast_parse(source, name), name, "exec")
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None
    return code


def _run_code(shell: Any, code: CodeType) -> BaseException | None:
    """Run a cell's code among the submission's names; what it raised, or None."""
    try:
        with shell.builtin_trap, shell.display_trap:
            exec(code, shell.user_global_ns, shell.user_ns)
    except BaseException as error:
        return error
    return None


def _restore(shell: Any) -> None:
    """Take out what a cell has hung into the shell: it would run around every cell below."""
    shell.events.callbacks = {event: [] for event in shell.events.callbacks}
    for name, kept in _TRANSFORMERS.items():
        getattr(shell, name)[:] = kept


def _look_again() -> None:
    """Let imports see the modules that a cell above has written; what is installed does not change."""
    with contextlib.suppress(Exception):  # it is the learner's to spoil
        for path in sys.path_importer_cache.keys() - _INSTALLED:
            forget = getattr(sys.path_importer_cache[path], "invalidate_caches", None)
            if forget is not None:
                forget()


def run_definitions(shell: Any, source: str) -> Failure | None:
    """Run what a cell imports, defines and sets to plain values, and nothing that takes time; what it raised, or None."""
    try:
        tree = ast.parse(shell.transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return describe_error(error)
    return run_cell(shell, _only(shell.transform_cell(source), [node for node in tree.body if _is_definition(node)]))


def _run_rest(shell: Any, source: str, error: Exception) -> None:
    """Run what stands below the statement that failed and gives names: imports, definitions, assignments.

    A line that works on the learner's machine only, such as one of Colab's, must not cost what was written below it.
    """
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_globals is shell.user_ns and frame.f_code.co_name == "<module>"]
    if not lines:
        return
    code = shell.transform_cell(source)
    for node in ast.parse(code).body:
        if node.lineno > lines[0] and (_is_definition(node) or isinstance(node, ast.Assign | ast.AnnAssign)):
            shell.run_cell(_only(code, [node]), store_history=False)


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(part, ast.Call | ast.Await | ast.comprehension) for part in ast.walk(node))
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _only(code: str, nodes: list[ast.stmt]) -> str:
    """The lines of the code that some of its statements stand in."""
    kept = {line for node in nodes for line in range(_first_line(node), (node.end_lineno or node.lineno) + 1)}
    return "\n".join(text for line, text in enumerate(code.split("\n"), start=1) if line in kept)


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def threads_left() -> int:
    """How many threads are running beside the main one."""
    return threading.active_count() - 1


def most_memory() -> int:
    """The most bytes that this process has used so far."""
    import resource  # not on every system, and asked for in the sandbox only

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
