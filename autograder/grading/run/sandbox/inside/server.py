"""The fork server: imports everything once, then forks a shut-in worker for every submission it is asked to serve.

It talks to the grader over one socket: JSON messages, and with each order to start a worker the worker's wire. It
ends when that socket closes, and every worker ends with it. The first one only branches: each of its branches is a
fork server with a socket of its own, for one of the grader's processes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from . import isolate, linux, otter_standin
from .limits import Limits

_PRELOADED = (
    "asyncio",
    "numpy",
    "numpy.random",
    "torch",
    "matplotlib",
    "matplotlib.pyplot",
    "IPython.core.interactiveshell",
    "IPython.display",
    "sacrebleu",
    "attnkit",
    "attnkit.checking.public",
    "attnkit.grader",
    "attnkit.plots",
    "attnkit.training",
    "attnkit.data",
    "attnkit.diagrams",
    "attnkit.maps",
    "attnkit.readiness",
    "attnkit.standins",
    "attnkit.waiting",
)
_MESSAGE = 2**17


class Server:
    """Starts workers, reaps them and reports how they ended."""

    def __init__(self, control: socket.socket, mode: str, limits: Limits) -> None:
        self.control = control
        self.mode = mode
        self.limits = limits
        self.shell: Any = None
        self.serve: Any = None
        self.workers: dict[int, tuple[int, int]] = {}  # descriptor of the process -> (its id, the grader's number)
        self.branches: dict[int, int] = {}  # descriptor of the process -> its id
        self.own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if mode == "bubblewrap" else -1

    def prepare(self) -> None:
        """Import what submissions import, and make the shell they will run in."""
        otter_standin.install()
        fonts = Path(__file__).parents[3] / "cache"
        shutil.copytree(fonts, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
        for name in _PRELOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        import matplotlib.pyplot
        import torch

        from attnkit.plots import use_style

        from .shell import make_shell
        from .worker import serve, warm_up

        matplotlib.pyplot.switch_backend("agg")
        with matplotlib.pyplot.rc_context():
            use_style()  # reads the style sheet, which every set-up cell asks for
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        self.shell, self.serve = make_shell(), serve
        warm_up()
        gc.collect()
        gc.freeze()

    def run(self) -> None:
        """Serve until the grader closes the control socket."""
        while True:
            poll = select.poll()
            poll.register(self.control, select.POLLIN)
            for descriptor in (*self.workers, *self.branches):
                poll.register(descriptor, select.POLLIN)
            for descriptor, _ in poll.poll():
                if descriptor in self.workers:
                    self._reap(descriptor)
                elif descriptor in self.branches:
                    self._forget(descriptor)
                elif not self._obey():
                    return

    def stop(self) -> None:
        """Kill every worker that is left, and wait for the branches: each ends when its own socket closes."""
        for process, _ in self.workers.values():
            self._kill(process)
        for descriptor in list(self.branches):
            self._forget(descriptor)

    def _obey(self) -> bool:
        """Carry out one message of the grader; False when there is none any more."""
        message, descriptors, _, _ = socket.recv_fds(self.control, _MESSAGE, 1)
        if not message:
            return False
        order = json.loads(message)
        if order["do"] == "branch":
            self._branch(descriptors[0])
        elif order["do"] == "start":
            self._start(order, descriptors[0])
        elif order["do"] == "kill":
            for process, number in self.workers.values():
                if number == order["number"]:
                    self._kill(process)
        return True

    def _branch(self, control: int) -> None:
        """Fork another server, which serves the socket `control`."""
        process = os.fork()
        if process:
            os.close(control)
            self.branches[os.pidfd_open(process)] = process
            return
        try:
            linux.die_with_parent()
            self.control.close()
            for descriptor in (*self.workers, *self.branches):
                os.close(descriptor)
            self.control, self.workers, self.branches = socket.socket(fileno=control), {}, {}
            self.serve_grader()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def serve_grader(self) -> None:
        """Say that it is ready, and serve until the grader closes the socket."""
        try:
            self._tell({"ready": sys.version.split()[0]})
            self.run()
        finally:
            self.stop()

    def _forget(self, descriptor: int) -> None:
        os.waitpid(self.branches.pop(descriptor), 0)
        os.close(descriptor)

    def _start(self, order: dict[str, Any], wire: int) -> None:
        if self.mode == "bubblewrap":
            isolate.new_process_namespace(self.own_namespace)
        process = os.fork()
        if process == 0:
            self._become_worker(order, wire)
        os.close(wire)
        self.workers[os.pidfd_open(process)] = (process, order["number"])

    def _become_worker(self, order: dict[str, Any], wire: int) -> None:
        """In the new process: shut it in and serve; never returns."""
        try:
            number = order["number"]
            confinement = isolate.Confinement(
                self.mode,
                order["folder"],
                order["user"],
                tuple(order["readable"]),
                tuple(order["listable"]),
                order["search"],
            )
            wire = isolate.silence_descriptors(wire)
            isolate.confine(confinement, self.limits)
            del self.workers
            self.serve(wire, self.shell, str(number), self.limits.open_files)
        except BaseException as error:
            self._tell_fault(wire, error)
        finally:
            os._exit(70)

    def _tell_fault(self, wire: int, error: BaseException) -> None:
        with contextlib.suppress(Exception):
            from .wire import Channel, Frame

            text = "".join(traceback.format_exception_only(error)).strip()[:300]
            Channel(wire, wire).send(Frame("fault", "", text))

    def _kill(self, process: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.killpg(process, signal.SIGKILL)

    def _reap(self, descriptor: int) -> None:
        process, number = self.workers.pop(descriptor)
        os.close(descriptor)
        _, status, used = os.wait4(process, 0)
        if self.mode == "none":
            self._kill(process)
        seconds = used.ru_utime + used.ru_stime
        self._tell({"ended": number, "status": os.waitstatus_to_exitcode(status), "seconds": seconds})

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.control.send(json.dumps(message).encode())


def main(descriptor: int) -> None:
    """Run the server on the control socket `descriptor`."""
    control = socket.socket(fileno=descriptor)
    order = json.loads(control.recv(_MESSAGE))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = Server(control, order["mode"], Limits(**order["limits"]))
    isolate.volunteer_for_memory_shortage()
    if order["mode"] != "none":
        linux.hide_from_debuggers()
    server.prepare()
    server.serve_grader()
