"""One fork server in its sandbox, seen from the grader: starts workers and learns how they ended."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from autograder.grading.sandbox import choice, installation
from autograder.grading.sandbox.inside import wire
from autograder.grading.sandbox.inside.isolate import WORK
from autograder.grading.sandbox.inside.limits import Limits

FIRST_USER, USERS = 61_000, 4_000
_MESSAGE = 2**17
_END_SECONDS = 30.0


class InfrastructureError(Exception):
    """The grader's own machinery failed; the submission is not to blame and is to be graded again."""


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
    """Owns the sandbox, the staged files and every worker; to be closed."""

    def __init__(self, sandbox: choice.Sandbox, limits: Limits) -> None:
        self.sandbox = sandbox
        self.limits = limits
        self._numbers = itertools.count(1)
        self._running: set[int] = set()
        self._ended: dict[int, Ending] = {}
        self._closing = contextlib.ExitStack()
        try:
            self._start()
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
            "search": self._search,
        }
        with theirs:
            self._order(order, theirs.fileno())
        self._running.add(number)
        descriptor = ours.detach()
        worker = Worker(number, wire.Channel(descriptor, descriptor), folder)
        try:
            hello = worker.channel.receive(time.monotonic() + self.limits.start_seconds)
            fault = "" if (hello.kind, hello.ticket) == ("hello", str(number)) else str(hello.body)
        except (wire.WireError, wire.WireTimeout, wire.WireClosed) as error:
            fault = str(error)
        if fault:
            ending = self.end_worker(worker)
            raise InfrastructureError(f"a worker did not start: {fault} (exit status {ending.status})")
        return worker

    def end_worker(self, worker: Worker) -> Ending:
        """Kill a worker and wait until it and its files are gone."""
        worker.channel.close()
        self._order({"do": "kill", "number": worker.number})
        ending = self._wait_for_end(worker.number)
        if worker.folder is not None:
            _remove(worker.folder)
        return ending

    def close(self) -> None:
        """End the server and its workers and remove every file."""
        self._closing.close()

    def _start(self) -> None:
        course = self._make_folders()
        found = installation.find_installation()
        root = os.geteuid() == 0
        self._search = root and self.sandbox.kind == "landlock" and installation.needs_search(found.roots)
        self._readable = [*found.roots, *installation.settings(), str(course)]
        self._first_user = self._closing.enter_context(_reserved_users()) if root and self.sandbox.kind != "none" else None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = self._closing.enter_context(ours)
        variables = choice.environment(self.sandbox, self._folder / "home")
        with theirs, _pipe_holding(choice.bubblewrap_arguments(found, course, variables)) as arguments:
            command = choice.start_command(self.sandbox, found, course, theirs.fileno(), arguments)
            self._errors = self._closing.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                command,
                env={} if self.sandbox.kind == "bubblewrap" else variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(), arguments),
                start_new_session=True,
            )
        self._closing.callback(self._end)
        self._send({"mode": self.sandbox.kind, "limits": dataclasses.asdict(self.limits)})
        if "ready" not in self._message(self.limits.start_seconds):
            raise InfrastructureError("the server did not get ready")

    def _make_folders(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix="autograder-"))
        self._closing.callback(_remove, self._folder)
        self._folder.chmod(0o711)
        (self._folder / "home").mkdir(mode=0o700)
        course = self._folder / "course"
        installation.stage(course)
        return course

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

    def _order(self, order: dict[str, Any], *descriptors: int) -> None:
        self._send(order, *descriptors)

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
        self._running.discard(number)
        return self._ended.pop(number)

    def _gone(self) -> InfrastructureError:
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        return InfrastructureError(f"the sandbox's server is gone: {said[-1] if said else 'it said nothing'}")

    def _end(self) -> None:
        """The server ends when its socket closes; what does not end in time is killed."""
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_USERS_EACH = 8


@contextlib.contextmanager
def _reserved_users():  # type: ignore[no-untyped-def]
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


@contextlib.contextmanager
def _pipe_holding(content: bytes):  # type: ignore[no-untyped-def]
    """A descriptor from which `content` can be read once."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _remove(folder: Path) -> None:
    """Remove a folder whatever a submission left in it; links are not followed."""

    def unlock(function: Any, path: str, error: Any) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700, follow_symlinks=False) if not os.path.islink(path) else None
            function(path)

    shutil.rmtree(folder, onerror=unlock)
