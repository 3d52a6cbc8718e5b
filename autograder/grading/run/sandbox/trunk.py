"""The process in the sandbox that has imported everything once; each job's fork server branches off it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.grading.errors import InfrastructureError
from autograder.grading.run.sandbox import choice, installation
from autograder.grading.run.sandbox.inside.limits import Limits
from autograder.grading.run.scratch import scratch_folder

PREFIX = "autograder-work-"


@dataclasses.dataclass(frozen=True)
class Branch:
    """A fork server that is starting: its control socket, and the folder with the course as submissions see it."""

    control: socket.socket
    course: Path


class Trunk:
    """Owns the sandbox, its first process and the staged files; to be closed. It knows no test and runs no submission."""

    def __init__(self, sandbox: choice.Sandbox, limits: Limits) -> None:
        self._closing = contextlib.ExitStack()
        try:
            self._start(sandbox, limits)
        except BaseException:
            self.close()
            raise

    def branch(self) -> Branch:
        """Order one more fork server, without waiting for it; raises InfrastructureError when the trunk is gone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._control, [json.dumps({"do": "branch"}).encode()], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise self.gone() from error
        return Branch(ours, self.course)

    def gone(self) -> InfrastructureError:
        """The error that tells what the process last said."""
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        return gone(said[-1] if said else "it said nothing")

    def close(self) -> None:
        """End the process, and with it every branch that nobody holds any more, and remove every file."""
        self._closing.close()

    def _start(self, sandbox: choice.Sandbox, limits: Limits) -> None:
        folder = self._closing.enter_context(scratch_folder(PREFIX))
        folder.chmod(0o711)
        (folder / "home").mkdir(mode=0o700)
        self.course = folder / "course"
        installation.stage(self.course)
        found = installation.find_installation()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = self._closing.enter_context(ours)
        self._errors = self._closing.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (closed with the trunk)
        variables = choice.environment(sandbox, folder / "home")
        with theirs, _file_holding(choice.bubblewrap_arguments(found, self.course, variables)) as arguments:
            command = choice.start_command(sandbox, found, self.course, theirs.fileno(), arguments)
            self.process = subprocess.Popen(
                command,
                env={} if sandbox.kind == "bubblewrap" else variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(), arguments),
                start_new_session=True,
            )
        self._closing.callback(self._end)
        order = {"mode": sandbox.kind, "limits": dataclasses.asdict(limits)}
        with contextlib.suppress(OSError):  # whoever waits for a branch will learn that it is gone
            self._control.send(json.dumps(order).encode())

    def _end(self) -> None:
        """The process ends when its socket closes; when it does not in time, it is killed."""
        self._control.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def gone(said: str) -> InfrastructureError:
    """The error for a server that ended."""
    return InfrastructureError(f"the sandbox's server is gone: {said}")


@contextlib.contextmanager
def _file_holding(content: bytes) -> Iterator[int]:
    """A descriptor from which `content` can be read once, of a file without a name."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()
