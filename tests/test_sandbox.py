"""Sessions in every sandbox of this machine: honest code runs as in a notebook, and our own faults are told as such."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from attnkit.checking.case import Callback, Case, Outcome, Remote, Seed, TensorValue
from attnkit.checking.execute import execute
from autograder.cli import main
from autograder.grading.errors import GradingError, InfrastructureError
from autograder.grading.run import scratch
from autograder.grading.run.sandbox import choice, fork_server, installation
from autograder.grading.run.sandbox.choice import Sandbox
from autograder.grading.run.sandbox.inside import landlock, seccomp
from autograder.grading.run.sandbox.trunk import Trunk
from autograder.grading.run.session import Limits, Session, Workshop, case_to_send

ROOT = Path(__file__).resolve().parents[1]
QUICK = Limits(cell_seconds=10.0, call_seconds=10.0, session_seconds=120.0)


@dataclass(frozen=True)
class Shifted(Callback):
    """x → x + by, in torch."""

    by: np.ndarray

    def __call__(self, x: Any) -> Any:
        return x + torch.from_numpy(self.by).to(x.dtype)


@pytest.fixture(scope="module", params=["bubblewrap", "landlock", "none"])
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    try:
        opened = Workshop(request.param, QUICK)
    except GradingError as reason:
        pytest.skip(str(reason))
    with opened:
        yield opened


@pytest.fixture(scope="module")
def trunk() -> Iterator[Trunk]:
    """What has imported everything, outside of any sandbox: workshops with limits of their own branch off it."""
    with closing(Trunk(choice.choose_sandbox("none"), QUICK)) as started:
        yield started


@pytest.fixture(scope="module")
def confined(workshop: Workshop) -> Workshop:
    """A workshop that really shuts submissions in."""
    if workshop.sandbox == "none":
        pytest.skip("there is no sandbox")
    return workshop


def statuses(session: Session, *cells: str) -> list[str]:
    return [result.status for result in session.run_cells(list(cells))]


# Cells


def test_the_sandbox_is_named(workshop):
    assert workshop.sandbox.split()[0] in ("bubblewrap", "landlock", "none")


def test_cells_run_in_order_and_share_their_names(workshop):
    with workshop.open() as session:
        assert statuses(session, "x = 1", "x += 1", "assert x == 2") == ["ok", "ok", "ok"]


def test_an_error_is_the_cells_own(workshop):
    with workshop.open() as session:
        results = session.run_cells(["x = 1", "x / 0", "raise NotImplementedError('Exercise 2.1')", "x = ", "y = x"])
        assert [result.status for result in results] == ["ok", "error", "error", "error", "ok"]
        kinds = [result.failure and (result.failure.kind, result.failure.type) for result in results[1:4]]
        assert kinds == [
            ("raised", "ZeroDivisionError"),
            ("unfinished", "NotImplementedError"),
            ("raised", "SyntaxError"),
        ]
        assert results[1].failure is not None
        assert results[1].failure.line == "x / 0"


def test_what_notebooks_do_works(workshop):
    cells = (
        "%matplotlib inline\nimport matplotlib.pyplot as plt, numpy as np, torch",
        "plt.plot([1, 2]); plt.show()",
        "%time x = 3\n%timeit -n 1 -r 1 x + 1",
        "%%time\ny = x",
        "!pip install something\n%pip install something",
        "import attnkit, otter\ngrader = attnkit.start('02_keys_queries_values.ipynb')",
        "grader.check('q2_1')\ngrader.export()",
        "import asyncio\nawait asyncio.sleep(0)",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))",
        "torch.linalg.solve(torch.eye(3), torch.ones(3)).sum().item()",
        "import inspect\ndef f(): return 1\nassert 'return 1' in inspect.getsource(f)",
        "open('own.txt', 'w').write('x')\nimport tempfile\ntempfile.TemporaryFile().close()",
        "from attnkit.data import load_en_es\nassert load_en_es('validation')",
        "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
        "torch.set_num_threads(8)\n(torch.ones(600, 600) @ torch.ones(600, 600)).sum()",
    )
    with workshop.open() as session:
        results = session.run_cells(list(cells))
    assert [(cells[result.index], result.failure) for result in results if result.status != "ok"] == []


def test_the_same_submission_meets_the_same_random_numbers(workshop):
    cells = [
        "import random, numpy as np, torch\nx = [random.random(), np.random.rand(), torch.rand(1).item(), hash('x')]"
    ]
    drawn = []
    for _ in range(2):
        with workshop.open() as session:
            session.run_cells(cells)
            drawn.append(session.environment["x"].run(Case(value=True)).value)
    assert drawn[0] == drawn[1]


# Names and calls


def test_a_missing_name_is_none_and_does_not_raise(workshop):
    with workshop.open() as session:
        session.run_cells(["f = 1"])
        assert session.environment.get("g") is None
        assert session.environment.get("f") is session.environment["f"]
        with pytest.raises(KeyError):
            session.environment["g"]
        assert "f" in session.environment


@pytest.mark.parametrize(
    "use", [lambda f: f == f, bool, np.asarray, lambda f: torch.add(f, 1), lambda f: f.__reduce__()]
)
def test_a_remote_name_takes_no_part_in_decisions(workshop, use: Callable[[Any], Any]):
    with workshop.open() as session:
        session.run_cells(["f = 1"])
        name = session.environment["f"]
        assert isinstance(name, Remote)
        with pytest.raises(TypeError):
            use(name)


CALLS = {
    "a tensor with its gradient": ("f = lambda x: torch.softmax(x, -1)", Case(args=(np.eye(3),), gradient=True)),
    "two outputs": ("f = lambda x: (x.sum(), [x, 1, 'a', None])", Case(args=(np.ones(3),))),
    "numpy": ("f = lambda x, axis: x.mean(axis)", Case(args=(np.eye(3),), kwargs={"axis": 0}, framework="numpy")),
    "float32": ("f = lambda x: x * 2", Case(args=(np.eye(3),), dtype="float32")),
    "bfloat16": ("f = lambda x: x.bfloat16()", Case(args=(np.eye(3),))),
    "complex": ("f = lambda x: torch.fft.fft(x)", Case(args=(np.eye(3),))),
    "empty": ("f = lambda x: x[:0]", Case(args=(np.eye(3),))),
    "a seed": ("f = lambda g: torch.rand(3, generator=g)", Case(args=(Seed(3),))),
    "a module": (
        "class f(torch.nn.Linear):\n    def twice(self, x): return 2 * self(x)",
        Case(
            args=(np.ones((2, 3)),), init=(3, 2), method="twice", gradient=True,
            state={"weight": np.ones((2, 3)), "bias": np.zeros(2)},
        ),
    ),
    "a module with other parameters": (
        "class f(torch.nn.Linear): pass", Case(args=(np.ones((2, 3)),), init=(3, 2), state={"weight": np.ones((2, 3))})
    ),
    "a value": ("f = (1, [2.5, True], {'a': 'b'})", Case(value=True)),
    "a changed argument": ("def f(x):\n    x += 1\n    return x", Case(args=(np.ones(3),))),
    "an error": ("def f(x):\n    raise ValueError('no')", Case(args=(np.ones(3),))),
    "a blank": ("def f(x):\n    raise NotImplementedError('Exercise')", Case(args=(np.ones(3),))),
    "no function": ("f = 3", Case(args=(np.ones(3),))),
    "something else": ("f = lambda x: (object(), ...)", Case(args=(np.ones(3),))),
    "a callback": ("f = lambda g, x: g(g(x)) * 2", Case(args=(Shifted(np.ones(3)), np.ones(3)))),
    "a callback by name": ("f = lambda x, g: g(x)", Case(args=(np.ones(3),), kwargs={"g": Shifted(np.ones(3))})),
    "a callback with its gradient": (
        "f = lambda g, x: g(x) * x", Case(args=(Shifted(np.ones(3)), np.ones(3)), gradient=True)
    ),
    "a callback that raises": ("f = lambda g, x: g(x)", Case(args=(Shifted(np.ones(4)), np.ones(3)))),
    "a callback called wrongly": ("f = lambda g, x: g()", Case(args=(Shifted(np.ones(4)), np.ones(3)))),
    "watched": ("f = lambda x: torch.softmax(x, 0)", Case(args=(np.ones(3),), watch=("softmax",))),
    "counted lines": (
        "def f(x):\n    for _ in range(50): x = x + 1\n    return x",
        Case(args=(np.ones(3),), count_lines=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_call_gives_what_it_gives_in_this_process(workshop, name):
    source, case = CALLS[name]
    here: dict[str, Any] = {"torch": torch}
    exec(compile(source, "<cell>", "exec"), here)
    with workshop.open() as session:
        assert statuses(session, "import torch", source) == ["ok", "ok"]
        there = session.environment["f"].run(case)
    assert same(there, execute(here["f"], case)), there


def same(one: Outcome, other: Outcome) -> bool:
    if one.failure is not None or other.failure is not None:
        return (one.failure and (one.failure.kind, one.failure.type, one.failure.message)) == (
            other.failure and (other.failure.kind, other.failure.type, other.failure.message)
        )
    return (one.mutated, one.lines, one.called) == (other.mutated, other.lines, other.called) and all(
        same_value(getattr(one, field), getattr(other, field))
        for field in ("value", "gradients", "callback_calls", "callback_gradients")
    )


def same_value(one: Any, other: Any) -> bool:
    if isinstance(one, TensorValue) and isinstance(other, TensorValue):
        return one.dtype == other.dtype and same_value(one.data, other.data)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return type(one) is type(other) and len(one) == len(other) and all(map(same_value, one, other))
    return type(one) is type(other) and bool(one == other)


def test_what_decides_about_a_result_is_not_sent():
    callback = Shifted(np.ones(3))
    case = Case(
        args=([callback],), verify="peaks at the target", tolerance=0.5, label="x", sizes={"T": 1}, raises="ValueError"
    )
    sent, callbacks = case_to_send(case)
    assert callbacks == [callback]
    assert (sent.verify, sent.tolerance, sent.label, dict(sent.sizes), sent.raises) == ("", None, "", {}, None)
    assert "Shifted" not in repr(sent)


def test_the_calls_of_a_callback_are_those_that_the_grader_saw(confined):
    lie = "f = lambda g, x: (g(x), __import__('attnkit').checking.execute.__globals__.clear())[0]"
    with confined.open() as session:
        session.run_cells([lie])
        outcome = session.environment["f"].run(Case(args=(Shifted(np.ones(3)), np.ones(3))))
    assert outcome.callback_calls == () or len(outcome.callback_calls) == 1


# Requests that are sent ahead


COUNTING = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen) * x.sum()"
ENDING = "import os\ndef f(x): return os._exit(3) if x[0] == 2 else x.sum()\ndef g(x): return x.sum()"


def together(session: Session, cases: list[Case]) -> list[Any]:
    """Announce calls of `f` and ask for them; the number that each gives, or how it failed."""
    f = session.environment["f"]
    f.expect([(f, case) for case in cases])
    outcomes = [f.run(case) for case in cases]
    return [one.failure.kind if one.failure else one.value.data.item() for one in outcomes]


def ones(*numbers: float, size: int = 1) -> list[Case]:
    return [Case(args=(np.full(size, float(number)),)) for number in numbers]


def test_calls_that_are_sent_together_are_answered_one_by_one_and_in_order(workshop):
    with workshop.open() as session:
        session.run_cells([COUNTING])
        assert together(session, ones(1, 2, 3, 4)) == [1, 4, 9, 16]
        assert together(session, ones(1)) == [5]


def test_a_call_that_ends_the_process_costs_another_name_nothing(workshop):
    with workshop.open() as session:
        session.run_cells([ENDING])
        assert together(session, ones(1, 2, 3)) == [1, "died", "died"], "a name that cost two workers is not called again"
        assert session.environment["g"].run(*ones(4)).value.data.item() == 4


def test_what_was_announced_and_is_not_asked_stands_in_nobodys_way(workshop):
    with workshop.open() as session:
        session.run_cells([COUNTING])
        f, cases = session.environment["f"], ones(1, 2, 3)
        f.expect([(f, case) for case in cases])
        assert f.run(cases[0]).value.data.item() == 1
        assert session.environment.get("missing") is None
        assert together(session, ones(9)) == [4 * 9], "two and three had been sent with one"


def test_requests_and_answers_that_fill_the_wire_from_both_ends_pass_each_other(workshop):
    with workshop.open() as session:
        session.run_cells(["def f(x): return x.repeat(20)"])
        f, cases = session.environment["f"], [*ones(1, size=20_000), *ones(2, 3, size=1_900)]
        assert session._worker is not None
        with socket.socket(fileno=os.dup(session._worker.channel._writing)) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # as little as the system allows
        f.expect([(f, case) for case in cases])
        assert [f.run(case).value.data.sum() for case in cases] == [400_000, 76_000, 114_000]


def test_what_is_not_asked_costs_nobody_else_anything(trunk):
    cells = ["def hangs(x):\n    while True: pass", "def ends(x): __import__('os')._exit(3)", "def f(x): return x.sum()"]
    with Workshop("none", Limits(call_seconds=1.5), trunk.branch()) as workshop, workshop.open() as session:
        session.run_cells(cells)
        f = session.environment["f"]
        for name in ("hangs", "ends"):
            one, other, third = ones(1, 2, 3)
            f.expect([(f, one), (session.environment[name], other)])
            assert f.run(one).value.data.item() == 1
            assert f.run(third).value.data.item() == 3, name


def test_the_callbacks_of_what_is_not_asked_are_not_taken_for_answers(workshop):
    with workshop.open() as session:
        session.run_cells(["def f(g, x): return g(x).sum()\ndef h(x): return x.sum()"])
        f, h = session.environment["f"], session.environment["h"]
        for _ in range(2):
            one, other = ones(1, 2)
            h.expect([(h, one), (f, Case(args=(Shifted(np.ones(2)), np.ones(2))))])
            assert [h.run(case).value.data.item() for case in (one, other)] == [1, 2]
        assert session._strikes == {"h": []}


def test_an_answer_is_for_its_own_case_and_not_for_one_that_lies_where_it_lay(workshop):
    with workshop.open() as session:
        session.run_cells([COUNTING])
        f, (one, other) = session.environment["f"], ones(1, 2)
        f.expect([(f, one), (f, other)])
        assert f.run(one).value.data.item() == 1
        place = id(other)
        f.expect([])
        del other
        others = [ones(9)[0] for _ in range(1_000)]
        again = next((case for case in others if id(case) == place), others[0])
        assert f.run(again).value.data.item() == 3 * 9, "the second had been sent with the first"


def test_nothing_is_sent_behind_a_call_whose_function_asks_back(workshop):
    with workshop.open() as session:
        session.run_cells(["def f(g, x): return (g(x) + g(x)).sum()"])
        cases = [Case(args=(Shifted(np.full(2, float(number))), np.ones(2))) for number in (1, 2, 3)]
        assert together(session, cases) == [8, 12, 16]


def test_large_requests_wait_for_their_turn(workshop):
    with workshop.open() as session:
        session.run_cells(["def f(x): return x.sum()"])
        assert together(session, ones(1, 2, 3, size=2**20)) == [2**20, 2**21, 3 * 2**20]


# Restarts


def test_a_cell_that_ends_the_worker_is_left_out_and_the_others_run_again(workshop):
    with workshop.open() as session:
        assert statuses(session, "x = 1", "import os; os._exit(1)", "y = x + 1") == ["ok", "died", "ok"]
        assert session.environment["y"].run(Case(value=True)).value == 2


def test_a_cell_that_hangs_is_stopped_and_the_next_runs(trunk):
    with Workshop("none", Limits(cell_seconds=1.5), trunk.branch()) as workshop, workshop.open() as session:
        assert statuses(session, "x = 1", "while True: pass", "y = x") == ["ok", "timeout", "ok"]


def test_a_call_that_hangs_or_dies_costs_that_name_only(trunk):
    cells = (
        "def stuck(x):\n    while True: pass",
        "def dead(x):\n    __import__('os')._exit(3)",
        "def fine(x):\n    return x",
    )
    case = Case(args=(np.ones(2),))
    with Workshop("none", Limits(call_seconds=1.5), trunk.branch()) as workshop, workshop.open() as session:
        session.run_cells(list(cells))
        kinds = []
        for name in ("stuck", "fine", "dead", "fine"):
            failure = session.environment[name].run(case).failure
            kinds.append(failure and failure.kind)
    assert kinds == ["timeout", None, "died", None]


def test_sixty_cells_that_end_the_worker_cost_themselves_and_nothing_else(workshop):
    ending = ["import os; os._exit(1)"] * 30
    with workshop.open() as session:
        found = statuses(session, *ending, "x = 1", *ending, "y = x + 1")
        assert found == ["died"] * 30 + ["ok"] + ["died"] * 30 + ["ok"]
        assert session.environment["y"].run(Case(value=True)).value == 2


def test_a_cell_that_leaves_the_process_unable_to_go_on_is_left_out_itself(workshop):
    """Forbidding itself every open file is a way to do so, no wire can be waited for any more; taking `os.read` is another."""
    files, reading = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))", "import os\nos.read = None"
    with workshop.open() as session:
        found = statuses(session, "x = 1", files, "y = x + 1", reading, "z = y + 1", "'last'")
        assert found == ["ok", "died", "ok", "died", "ok", "ok"]
        assert session.environment["z"].run(Case(value=True)).value == 3


def test_a_submission_that_never_stops_dying_is_given_up_when_its_time_is_over(trunk):
    with Workshop("none", Limits(session_seconds=2.0), trunk.branch()) as short, short.open() as session:
        assert statuses(session, "x = 1", *["import os; os._exit(1)"] * 400)[-1] == "skipped"
        assert session.environment.get("x") is None


# Faults of our own


def test_a_server_that_dies_is_an_infrastructure_error_and_the_next_session_works(workshop):
    with pytest.raises(InfrastructureError):
        outlive_the_server(workshop)
    workshop.replace_server()
    with workshop.open() as session:
        assert statuses(session, "x = 1") == ["ok"]


def test_the_jobs_of_a_run_branch_off_one_trunk_and_share_nothing_else(workshop):
    kind = choice.choose_sandbox(workshop.sandbox.split()[0])
    with closing(Trunk(kind, QUICK)) as trunk:
        ones, twos = (Workshop(kind.kind, QUICK, trunk.branch()) for _ in range(2))
        with twos, twos.open() as two:
            with ones, ones.open() as one:
                assert one._worker is not None
                assert two._worker is not None
                assert statuses(one, "import os\nopen('mine', 'w').close()\nx = 1") == ["ok"]
                assert statuses(two, "import os\nassert 'mine' not in os.listdir('.')", "x") == ["ok", "error"]
                if kind.kind != "none" and os.geteuid() == 0:
                    assert ones.server()._user(1) != twos.server()._user(1)
                assert ones.server().trunk is None
            assert statuses(two, "y = 2") == ["ok"]
    assert trunk.process.poll() is not None


def test_a_job_whose_trunk_is_gone_has_one_of_its_own_next_time(workshop):
    kind = choice.choose_sandbox(workshop.sandbox.split()[0])
    with closing(Trunk(kind, QUICK)) as trunk:
        orphan = Workshop(kind.kind, QUICK, trunk.branch())
        for process in reversed(descendants(trunk.process.pid)):
            os.kill(process, signal.SIGKILL)
        trunk.process.wait()
        with pytest.raises(InfrastructureError, match="gone"):
            orphan.server()
        with pytest.raises(InfrastructureError, match="gone"):
            trunk.branch()
        with orphan, orphan.open() as session:
            assert statuses(session, "x = 1") == ["ok"]
            assert orphan.server().trunk is not None


def outlive_the_server(workshop: Workshop) -> None:
    """Go on with a session after every process of its server was ended."""
    with workshop.open() as session:
        started = descendants(workshop.server().trunk.process.pid)
        for process in reversed(started):
            os.kill(process, signal.SIGKILL)
        session.run_cells(["x = 1"])


def test_a_worker_that_cannot_be_shut_in_is_an_infrastructure_error(monkeypatch):
    if choice.landlock.version() == 0:
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(fork_server.ForkServer, "_work_folder", lambda self, number, user: Path("/nowhere/at/all"))
    with Workshop("landlock", QUICK) as broken, pytest.raises(InfrastructureError, match="did not start"):
        broken.open().__enter__()


def test_a_server_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(
        choice, "start_command", lambda *arguments: [sys.executable, "-c", "raise SystemExit('no room')"]
    )
    with pytest.raises(InfrastructureError, match="no room"), Workshop("none", QUICK):
        pass


def test_a_check_whose_sandbox_does_not_start_says_why_in_one_sentence(confined, monkeypatch, tmp_path):
    monkeypatch.setattr(choice, "start_command", lambda *arguments: [sys.executable, "-c", "raise SystemExit('no room')"])
    notebook = tmp_path / "mine.ipynb"
    shutil.copy(ROOT / "notebooks" / "02_keys_queries_values.ipynb", notebook)
    done = CliRunner().invoke(main, ["check", str(notebook), "--sandbox", confined.sandbox.split()[0]])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "the check did not work" in done.output
    assert "no room" in done.output


def test_nothing_is_left_behind(workshop):
    with Workshop(workshop.sandbox.split()[0], QUICK) as fresh:
        process, folder = fresh.server().trunk.process, fresh.server()._folder
        with fresh.open() as session:
            session.run_cells(["import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.chmod('a', 0)"])
        assert folder.is_dir()
        assert not list(folder.glob("work-*"))
    assert process.poll() is not None
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_workers_end_with_the_grader(workshop, number):
    program = f"""
import sys
from autograder.grading.run.session import Workshop
with Workshop({workshop.sandbox.split()[0]!r}) as workshop, workshop.open() as session:
    print(workshop.server().trunk.process.pid, flush=True)
    session.run_cells(["while True: pass"])
"""
    grader = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # it may be ignored where tests run
    )
    assert grader.stdout is not None
    server = int(grader.stdout.readline())
    started = descendants(server)
    grader.send_signal(number)
    assert grader.wait() == -number, "it ended by itself: its cell had run out of time"
    grader.stdout.close()
    for _ in range(300):
        if not any(is_alive(process) for process in started):
            break
        time.sleep(0.1)
    assert [process for process in started if is_alive(process)] == []


def descendants(process: int) -> list[int]:
    """A process and all that came of it."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [process, *(one for child in children for one in descendants(int(child)))]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_folders_of_a_killed_grader_are_removed_later(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stale, held, young = (tmp_path / f"autograder-work-{name}" for name in ("stale", "held", "young"))
    for folder in (stale, held, young):
        folder.mkdir()
        if folder is not young:
            os.utime(folder, (1, 1))
    with scratch.held(held):
        scratch.remove_stale("autograder-work-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["autograder-work-held", "autograder-work-young"]


def test_a_deep_folder_without_permissions_costs_nobody_anything(confined):
    deep = "import os\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')"
    trunk = confined.server().trunk
    assert trunk is not None
    with Workshop(confined.sandbox.split()[0], QUICK, trunk.branch()) as fresh:
        for _ in range(2):
            with fresh.open() as session:
                assert statuses(session, deep, "os.chmod('.', 0)")[0] == "ok"
        folder = fresh.server()._folder
        assert not list(folder.glob("work-*"))
    assert not folder.exists()


def test_each_submission_has_a_bounded_tmp_of_its_own_although_something_is_installed_below_it(monkeypatch):
    found = installation.find_installation()
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        Path(place, "library.txt").write_text("installed")
        monkeypatch.setattr(installation, "find_installation", lambda: replace(found, roots=(*found.roots, place)))
        try:
            workshop = Workshop("bubblewrap", replace(QUICK, folder=2 * 2**20))
        except GradingError as reason:
            pytest.skip(str(reason))
        reading = f"import os\nassert open({place!r} + '/library.txt').read() == 'installed'"
        with workshop:
            with workshop.open() as session:
                cells = (reading, "open('/tmp/mine', 'w').close()", "open('/tmp/large', 'wb').write(bytes(3 * 2**20))")
                assert statuses(session, *cells) == ["ok", "ok", "error"]
                assert statuses(session, f"open({place!r} + '/own', 'w')", f"os.rename({place!r}, '/tmp/gone')") == [
                    "error",
                    "error",
                ]
            with workshop.open() as session:
                assert statuses(session, reading, "assert not os.path.exists('/tmp/mine')") == ["ok", "ok"]


def test_a_module_that_a_cell_writes_can_be_imported(workshop):
    with workshop.open() as session:
        cells = ("%%writefile helper.py\nanswer = 42", "import helper\nassert helper.answer == 42")
        assert statuses(session, *cells) == ["ok", "ok"]


# The choice of a sandbox


def test_auto_takes_bubblewrap_and_then_landlock(monkeypatch):
    monkeypatch.setattr(choice, "_bubblewrap", lambda: Sandbox("bubblewrap", "b"))
    monkeypatch.setattr(choice, "_landlock", lambda: Sandbox("landlock", "l"))
    assert choice.choose_sandbox("auto").kind == "bubblewrap"
    monkeypatch.setattr(choice, "_bubblewrap", lambda: "it is not installed")
    assert choice.choose_sandbox("auto").kind == "landlock"


def test_without_a_sandbox_it_says_how_to_get_one_and_never_goes_on(monkeypatch):
    monkeypatch.setattr(choice, "_bubblewrap", lambda: "it is not installed")
    monkeypatch.setattr(choice, "_landlock", lambda: "this kernel does not have it")
    with pytest.raises(GradingError, match=r"apt-get install bubblewrap.*--sandbox none"):
        choice.choose_sandbox("auto")
    assert choice.choose_sandbox("none").name == "none"


def test_an_unknown_sandbox_is_one_line():
    with pytest.raises(GradingError, match="there is no sandbox 'docker'"):
        choice.choose_sandbox("docker")


def test_bubblewrap_that_does_not_work_says_why(monkeypatch, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    with pytest.raises(GradingError, match="No permissions to create new namespace"):
        choice.choose_sandbox("bubblewrap")


def test_the_sandbox_is_shown_the_installation_and_not_the_project():
    found = installation.find_installation()
    arguments = choice.bubblewrap_arguments(found, Path("/staged"), {}).split(b"\0")
    sources = [Path(os.fsdecode(arguments[i + 1])) for i, word in enumerate(arguments) if word == b"--ro-bind"]
    assert all(path not in (ROOT, *ROOT.parents) and ROOT / "autograder" not in path.parents for path in sources)


def test_a_package_that_is_installed_among_the_libraries_is_hidden(monkeypatch):
    libraries = "/opt/python/lib/site-packages"
    monkeypatch.setattr(installation, "_PROJECT", Path(libraries) / "autograder")
    found = installation.Installation("/opt/python/bin/python", ("/opt/python",), (libraries,))
    assert found.hidden == (f"{libraries}/autograder",)


def test_landlock_shows_the_libraries_around_what_is_hidden(monkeypatch, tmp_path):
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    libraries = tmp_path / "lib" / "site-packages"
    for name in ("numpy/core.py", "autograder/exercises/nb02_keys_queries_values/q2_1_softmax.py", "single.py"):
        (libraries / name).parent.mkdir(parents=True, exist_ok=True)
        (libraries / name).write_text("x = 1", encoding="utf-8")
    monkeypatch.setattr(installation, "_PROJECT", libraries / "autograder")
    found = installation.Installation(sys.executable, (str(tmp_path),), (str(libraries),))
    program = f"""
import os
from autograder.grading.run.sandbox.inside import landlock, linux
linux.give_up_privileges()
landlock.restrict({found.readable()!r}, {list(found.roots)!r}, ())
os.chdir({str(libraries)!r})
for name in ("numpy/core.py", "single.py", "autograder/exercises/nb02_keys_queries_values/q2_1_softmax.py"):
    try:
        print(open(name).read())
    except PermissionError:
        print("refused")
print(len(os.listdir(".")))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["x = 1", "x = 1", "refused", "3"], done.stderr


def test_what_is_staged_is_attnkit_and_the_workers_own_modules(tmp_path):
    installation.stage(tmp_path / "course")
    names = {path.relative_to(tmp_path / "course").parts[0] for path in (tmp_path / "course").rglob("*")}
    assert names <= {"notebooks", "lib", "data", "cache"}
    assert [path.name for path in (tmp_path / "course" / "notebooks").iterdir()] == ["attnkit"]
    for path in (tmp_path / "course").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from autograder" not in text
        assert "import autograder" not in text


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_that_the_kernel_can_take(machine):
    code = seccomp.compile_filter(machine, 7)
    instructions = [code[i : i + 8] for i in range(0, len(code), 8)]
    assert len(instructions) < 4096
    for place, instruction in enumerate(instructions):
        kind, if_true, if_false = int.from_bytes(instruction[:2], "little"), instruction[2], instruction[3]
        if kind & 0x07 == 0x05:
            assert place + 1 + max(if_true, if_false) < len(instructions)
    assert instructions[-1][:2] == b"\x06\x00"


def test_landlock_has_a_version():
    assert landlock.version() >= 0
