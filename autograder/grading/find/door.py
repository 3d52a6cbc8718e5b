"""The boundary behind which what strangers handed in is opened: a forked process with limits that the kernel keeps.

Whatever a hand-in does to the program that reads it (memory, time, an error nobody thought of) ends that process, and
costs the one who handed it in a line. What comes back is JSON of a bounded length.
"""

from __future__ import annotations

import contextlib
import encodings.cp437
import encodings.utf_8_sig
import encodings.utf_16
import encodings.utf_32  # noqa: F401 (what every hand-in needs is there before the fork)
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from autograder.grading.run.sandbox.inside import landlock, linux

MEGABYTE = 2**20
_CHUNK = 2**16


@dataclass(frozen=True)
class Bounds:
    """How much reading one hand-in may take: bytes of memory, CPU and wall seconds, bytes of a file and of the reply."""

    memory: int = 384 * MEGABYTE
    cpu_seconds: int = 20
    seconds: float = 60.0
    file: int = 256 * MEGABYTE
    reply: int = 8 * MEGABYTE


class DoorError(Exception):
    """What was handed in could not be read within the bounds; the text says why, in one line."""


def behind_the_door(
    work: Callable[[], Any], bounds: Bounds, readable: Sequence[Path] = (), writable: Sequence[Path] = ()
) -> Any:
    """What `work()` returns, plain data, from a process of its own that can reach only these paths.

    Raises DoorError when it needs too much, ends, or says anything that is not JSON.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_leave(work, bounds, writing, readable, writable)
    os.close(writing)
    try:
        return _reply(reading, child, bounds)
    finally:
        os.close(reading)


def _reply(reading: int, child: int, bounds: Bounds) -> Any:
    """The child's answer; the child is gone when this returns."""
    deadline = time.monotonic() + bounds.seconds
    said, fault = bytearray(), ""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while not fault:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            fault = "it takes too long to open"
            break
        chunk = os.read(reading, _CHUNK)
        if not chunk:
            break
        said += chunk
        if len(said) > bounds.reply:
            fault = "it holds too many names"
    if fault:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if fault:
        raise DoorError(fault)
    ended = os.waitstatus_to_exitcode(status)
    try:
        outcome = json.loads(said)
    except (ValueError, RecursionError):
        raise DoorError("it takes too long to open" if ended == -signal.SIGXCPU else "it cannot be opened") from None
    if "fault" in outcome:
        raise DoorError(str(outcome["fault"])[:200])
    return outcome["done"]


def _work_and_leave(
    work: Callable[[], Any], bounds: Bounds, writing: int, readable: Sequence[Path], writable: Sequence[Path]
) -> NoReturn:
    """In the new process: shut it in, work, answer, end."""
    try:
        _shut_in(bounds, writing, readable, writable)
        try:
            outcome = json.dumps({"done": work()})
        except MemoryError:
            outcome = json.dumps({"fault": "it takes too much memory to open"})
        except Exception as error:
            outcome = json.dumps({"fault": f"it cannot be opened ({type(error).__name__})"})
        rest = memoryview(outcome.encode())
        while rest:
            rest = rest[os.write(writing, rest[:_CHUNK]) :]
    finally:
        os._exit(0)


def _shut_in(bounds: Bounds, writing: int, readable: Sequence[Path], writable: Sequence[Path]) -> None:
    """Limits first; then, where the kernel has Landlock, only the paths that the work needs."""
    linux.die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(3, writing)
    os.closerange(writing + 1, 4096)
    with open("/proc/self/statm", encoding="ascii") as statm:
        space = int(statm.read().split()[0]) * resource.getpagesize() + bounds.memory
    limits = (
        (resource.RLIMIT_AS, space, 0),
        (resource.RLIMIT_CPU, bounds.cpu_seconds, 1),  # the first signal says why, the last one cannot be put off
        (resource.RLIMIT_FSIZE, bounds.file, 0),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for kind, value, more in limits:
        hard = resource.getrlimit(kind)[1]
        wanted = value + more if hard == resource.RLIM_INFINITY else min(value + more, hard)
        resource.setrlimit(kind, (min(value, wanted), wanted))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if landlock.version():
        with contextlib.suppress(OSError):
            linux.prctl(_NO_NEW_PRIVILEGES, 1)
            libraries = [path for path in (sys.prefix, sys.base_prefix, *sys.path) if path]
            landlock.restrict([*map(str, readable), *libraries], (), [str(path) for path in writable])


_NO_NEW_PRIVILEGES = 38
