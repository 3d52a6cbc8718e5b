"""A cell gives the same whether Python reads it or IPython: what it leaves, what it raises, and at which line."""

import json

import pytest

from autograder.exercises import NOTEBOOKS
from autograder.grading.run.plain import PlainWorkshop
from autograder.grading.run.sandbox.inside import shell as inside
from autograder.paths import SOLUTIONS

CELLS = {
    "values": "x = [1, 2]\ny: int = sum(x)\nx",
    "a function and its text": "import inspect\ndef f(a):\n    return a + 1\ntext = inspect.getsource(f)",
    "a blank": "def f(x):\n    raise NotImplementedError('Exercise 2.1: f')\nf(1)",
    "an error in the middle": "a = 1\nb = a / 0\nc = 3\ndef later(): return 4",
    "an error within a function": "def f(x):\n    return x / 0\n\nf(2)\nd = 5",
    "an error of syntax": "a = 1\nb = = 2",
    "an error found when compiling": "a = 1\nreturn a",
    "a name that is not there": "a = 1\nb = nothing + 1\nc = 2",
    "the end of the process, asked for": "a = 1\nraise SystemExit(3)\nb = 2",
    "an interrupt": "a = 1\nraise KeyboardInterrupt\nb = 2",
    "a comment alone": "# nothing",
    "nothing": "",
    "blank lines above": "\n\nx = 1 / 0",
    "an indent": "    x = 1\n    y = 2",
    "an indented comment above a function": "    # says\ndef f():\n    return 1",
    "a magic": "%time x = 3",
    "a magic of the whole cell": "%%time\nx = 3",
    "a program": "!ls\nx = 3",
    "a magic without its sign": "pwd",
    "a magic without its sign, and code": "time (3)",
    "a name that is no magic": "nothing",
    "a name that IPython calls": "exit",
    "a name that IPython adds": "import builtins\nhas = hasattr(builtins, 'get_ipython')",
    "what shows a value": "import sys\nshown = sys.displayhook.__name__",
    "a question": "x = 1\nx?",
    "a prompt": ">>> x = 1\n>>> y = 2",
    "a prompt in a text": 'def f():\n    """\n    >>> f()\n    """\n    return 1\ntext = f.__doc__',
    "a numbered prompt that is Python, too": "In [1]: x = 1",
    "waiting": "import asyncio\nawait asyncio.sleep(0)\nx = 1",
    "from the future": "from __future__ import annotations\ndef f(x: nothing): return 1\nkept = f.__annotations__",
    "a text that looks like a magic": 'text = """\n%time\n!ls\n"""',
    "a long line, continued": "x = 5 \\\n  % 3",
    "carriage returns": "x = 1\r\ny = 2\r\n",
    "a form feed": "x = 1\n\x0cy = 2",
    "a null byte": "x = 1\x00",
    "half of a character": "x = '\ud800'",
    "a last value": "1 + 1",
    "the name of the module": "name = __name__",
}


def outcome(source: str) -> tuple[object, dict[str, str]]:
    """How a cell ended, and what it leaves; objects by what they are called."""
    with PlainWorkshop().open() as session:
        before = dict(session.environment)
        (ran,) = session.run_cells([source])
        left = {name: value for name, value in session.environment.items() if before.get(name) is not value and name[0] != "_"}
        return (ran.status, ran.failure), {name: repr(value).partition(" at 0x")[0] for name, value in left.items()}


@pytest.mark.parametrize("source", CELLS.values(), ids=CELLS)
def test_python_and_ipython_give_the_same(source, monkeypatch):
    by_python = outcome(source)
    monkeypatch.setattr(inside, "_plain_python", lambda shell, text: None)
    assert by_python == outcome(source)


def test_what_a_cell_imports_from_the_future_holds_for_the_next():
    with PlainWorkshop().open() as session:
        session.run_cells(["from __future__ import annotations", "def f(x: nothing): return 1"])
        assert session.environment["f"].__annotations__ == {"x": "nothing"}


def test_python_reads_every_cell_of_the_course():
    with PlainWorkshop().open() as session:
        for name in NOTEBOOKS.values():
            cells = json.loads((SOLUTIONS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
            for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
                if len(source.splitlines()) > 1:  # only `grader.check` is shorter
                    assert inside._plain_python(session._shell, source) is not None, source
