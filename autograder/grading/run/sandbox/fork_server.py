"""One fork server in its sandbox, seen from the grader: starts workers and learns how they ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from autograder.grading.errors import InfrastructureError
from autograder.grading.run.sandbox import choice, installation
from autograder.grading.run.sandbox.inside import wire
from autograder.grading.run.sandbox.inside.isolate import WORK
from autograder.grading.run.sandbox.inside.limits import Limits
from autograder.grading.run.sandbox.trunk import PREFIX, Branch, Trunk, gone
from autograder.grading.run.scratch import remove, scratch_folder

FIRST_USER, USERS = 61_000, 4_000
_USERS_EACH = 8
_MESSAGE = 2**17
_END_SECONDS = 30.0


@dataclass(frozen=True)
class Worker:
    """A process that serves one submission: its number, its wire, and its work folder where that is on our disk."""

    number: int
    channel: wire.Channel
    folder: Path | None


@dataclass(frozen=True)
class Ending:
    """How a worker ended: its exit status (negative: the signal that killed it) and the CPU seconds it used."""

    status: int
    seconds: float


class ForkServer:
    """Owns one fork server and every worker of it; to be closed.

    It is the `branch` that it is given, which is closed with it, or one of a trunk of its own.
    """

    def __init__(self, sandbox: choice.Sandbox, limits: Limits, branch: Branch | None = None) -> None:
        self.sandbox = sandbox
        self.limits = limits
        self._numbers = itertools.count(1)
        self._ended: dict[int, Ending] = {}
        self._closing = contextlib.ExitStack()
        try:
            self._start(branch)
        except BaseException:
            self.close()
            raise

    def start_worker(self) -> Worker:
        """A fresh worker that has said hello; raises InfrastructureError when there is none to be had."""
        number = next(self._numbers)
        user = self._user(number)
        folder = self._work_folder(number, user)
        ours, theirs = socket.socketpair()
        order = {
            "do": "start",
            "number": number,
            "user": user,
            "folder": str(folder or WORK),
            "readable": self._readable,
            "listable": self._listable,
            "search": self._search,
        }
        with theirs:
            self._send(order, theirs.fileno())
        descriptor = ours.detach()
        watch = partial(_refuse_full, folder, self.limits) if folder is not None else None
        worker = Worker(number, wire.Channel(descriptor, descriptor, watch), folder)
        try:
            hello = worker.channel.receive(time.monotonic() + self.limits.start_seconds)
            fault = "" if (hello.kind, hello.ticket) == ("hello", str(number)) else str(hello.body)
        except (wire.WireError, wire.WireTimeoutError, wire.WireClosedError) as error:
            fault = str(error)
        if fault:
            ending = self.end_worker(worker)
            raise InfrastructureError(f"a worker did not start: {fault} (exit status {ending.status})")
        return worker

    def end_worker(self, worker: Worker) -> Ending:
        """Kill a worker and wait until it and its files are gone."""
        worker.channel.close()
        self._send({"do": "kill", "number": worker.number})
        ending = self._wait_for_end(worker.number)
        if worker.folder is not None:
            remove(worker.folder)
        return ending

    def close(self) -> None:
        """End the server and its workers and remove every file."""
        self._closing.close()

    def _start(self, branch: Branch | None) -> None:
        self._folder = self._closing.enter_context(scratch_folder(PREFIX))
        self._folder.chmod(0o711)
        self.trunk: Trunk | None = None
        if branch is None:
            self.trunk = Trunk(self.sandbox, self.limits)
            self._closing.callback(self.trunk.close)
            branch = self.trunk.branch()
        self._control = self._closing.enter_context(branch.control)
        found = installation.find_installation()
        root = os.geteuid() == 0
        self._search = (
            root and self.sandbox.kind == "landlock" and installation.needs_search((*found.roots, str(branch.course)))
        )
        self._readable = [*found.readable(), *installation.settings(), str(branch.course)]
        self._listable = [*found.roots] if found.hidden else []
        self._first_user: int | None = None
        if root and self.sandbox.kind != "none":
            self._first_user = self._closing.enter_context(_reserved_users())
        if "ready" not in self._message(self.limits.start_seconds):
            raise InfrastructureError("the server did not get ready")

    def _user(self, number: int) -> int | None:
        return None if self._first_user is None else self._first_user + number % _USERS_EACH

    def _work_folder(self, number: int, user: int | None) -> Path | None:
        """A private folder on our disk, where the sandbox cannot give the worker one of its own."""
        if self.sandbox.kind == "bubblewrap":
            return None
        folder = self._folder / f"work-{number}"
        folder.mkdir(mode=0o700)
        if user is not None:
            os.chown(folder, user, user)
        return folder

    def _send(self, message: dict[str, Any], *descriptors: int) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))
        except OSError as error:
            raise self._gone() from error

    def _message(self, seconds: float) -> dict[str, Any]:
        """The server's next message."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        try:
            message = self._control.recv(_MESSAGE) if poll.poll(seconds * 1000) else b""
        except OSError:
            message = b""
        if not message:
            raise self._gone()
        read: dict[str, Any] = json.loads(message)
        return read

    def _wait_for_end(self, number: int) -> Ending:
        while number not in self._ended:
            message = self._message(_END_SECONDS)
            self._ended[message["ended"]] = Ending(message["status"], message["seconds"])
        return self._ended.pop(number)

    def _gone(self) -> InfrastructureError:
        return self.trunk.gone() if self.trunk else gone("it was branched off for this job")


@contextlib.contextmanager
def _reserved_users() -> Iterator[int]:
    """A range of user ids that no other server of this machine uses; held by a name that the kernel frees by itself."""
    for first in range(FIRST_USER, FIRST_USER + USERS, _USERS_EACH):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0autograder-users-{first}")
        except OSError:
            holder.close()
            continue
        with holder:
            yield first
        return
    raise InfrastructureError("too many graders are running on this machine")


def _refuse_full(folder: Path, limits: Limits) -> None:
    """Raise WireError when a work folder on our disk holds more than it may, or hides what it holds."""
    files = size = 0
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except FileNotFoundError:
            continue
        except OSError:
            raise wire.WireError("its work folder cannot be read") from None
        for entry in entries:
            with contextlib.suppress(OSError):
                files, size = files + 1, size + entry.stat(follow_symlinks=False).st_size
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
        if size > limits.folder or files > limits.files_in_folder:
            raise wire.WireError("it filled its work folder")
