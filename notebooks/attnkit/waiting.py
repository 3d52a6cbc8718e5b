"""A cell that needs an exercise not written yet says so in one line, and the cells below it still run."""

from __future__ import annotations

import ast
from types import TracebackType
from typing import Any


def watch() -> None:
    """Explain blanks from now on, in a notebook with a kernel; everywhere else errors stay as they are."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if getattr(shell, "kernel", None) is None or getattr(shell, "attnkit_watcher", None):
        return
    shell.attnkit_watcher = _Watcher(shell)


class _Watcher:
    """Knows which names are missing because a cell above met a blank, and which exercise that was."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.missing: dict[str, str] = {}
        self.source = ""
        self.waited = False
        shell.set_custom_exc((NotImplementedError, NameError), self.explain)
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, info: Any) -> None:
        transformed = getattr(info, "transformed_cell", None)  # Colab's IPython 7 does not say it
        self.source, self.waited = transformed or self.shell.transform_cell(info.raw_cell), False

    def explain(
        self, shell: Any, kind: type[Exception], error: Exception, trace: TracebackType, tb_offset: int | None = None
    ) -> None:
        """One line for a blank and for what is missing because of one; the usual traceback for all else."""
        exercise = self.exercise_behind(error)
        if not exercise:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        self.waited = True
        for name in names_made_by(self.source):
            self.missing[name] = exercise
            shell.user_ns.pop(name, None)  # half of what a cell makes would mislead the cells below
        print(f"This cell waits for exercise {exercise}. Write that, run its cell, then run this one again.")

    def exercise_behind(self, error: Exception) -> str:
        """The number of the exercise that has to be written first, such as "1.2", or nothing."""
        if isinstance(error, NotImplementedError):
            head, _, rest = str(error).partition("Exercise ")
            return rest.partition(":")[0] if rest and not head else ""
        return self.missing.get(str(getattr(error, "name", "")), "")

    def end(self, result: Any) -> None:
        if self.waited:
            result.error_in_exec = None  # so that "Run all" goes on


def names_made_by(source: str) -> set[str]:
    """The names that the code of a cell gives a value to, those inside its functions and classes left out."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            waiting += ast.iter_child_nodes(node)
    return names
