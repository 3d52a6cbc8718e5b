"""What a command costs: CPU and wall seconds of its whole tree of processes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_BECOME_REAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
_PACKAGES = ("torch", "numpy", "otter-grader", "nbgrader")


class CommandError(Exception):
    """A measured command failed; the message is the last line that it wrote."""


@dataclass(frozen=True)
class Cost:
    """CPU (user and system) and wall time, in seconds."""

    cpu: float
    wall: float

    def per(self, count: int) -> Cost:
        """The share of one of `count`."""
        return Cost(self.cpu / count, self.wall / count)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.cpu - other.cpu, self.wall - other.wall)


def measure(command: Sequence[str | Path], folder: Path, fine: Container[int] = (0,)) -> tuple[Cost, str]:
    """Run `command` in `folder` until it and every process that it started have ended; their cost and the output.

    Raises CommandError when it ends with another status than those that are `fine`.
    """
    with tempfile.TemporaryFile("w+") as log:
        others = _children()
        before, started = seconds_of_children(), time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment())
        status = process.wait()
        _wait_for_orphans(others)
        cost = Cost(seconds_of_children() - before, time.monotonic() - started)
        log.seek(0)
        said = log.read()
    if status not in fine:
        raise CommandError((said.strip().splitlines() or [f"exit status {status}"])[-1][:200])
    return cost, said


def adopt_orphans() -> None:
    """Let processes whose parent has ended become children of this one, so that none escapes the count."""
    ctypes.CDLL(None).prctl(_BECOME_REAPER, 1, 0, 0, 0)


def environment() -> dict[str, str]:
    """What every measured command sees: one thread, one hash seed, and the commands of this environment."""
    path = f"{beside('')}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads | {"PYTHONHASHSEED": "0", "MPLBACKEND": "agg", "PATH": path}


def seconds_of_children() -> float:
    """CPU seconds of all processes that this one has started and seen end, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_megabytes() -> float:
    """The largest resident memory that this process has had so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{processor or platform.machine()}, {len(os.sched_getaffinity(0))} in use",
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    }


def beside(program: str) -> Path:
    """A command of the environment that this Python belongs to."""
    return Path(sys.executable).parent / program


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:
        return "not installed"


def _children() -> set[int]:
    """The processes that this one, in whichever thread, has started or adopted."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for one in lists for pid in one.read_text(encoding="ascii").split()}


def _wait_for_orphans(others: Container[int]) -> None:
    """Wait for all that the command has left behind; children from before it, as a pool's helpers, may stay for ever."""
    while left := [pid for pid in _children() if pid not in others]:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
