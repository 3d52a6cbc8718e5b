"""How much one submission may use."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Seconds are of wall time and kept by the grader; the rest is kept by the kernel.

    `memory` counts what a worker may allocate beyond what it starts with; `folder` is all it may write.
    Restarts are bounded by what causes them: a cell or a name that ended two workers is left out.
    `open_files` is what each cell and each call may open beyond what others left open, `all_files` the end of that.
    """

    cell_seconds: float = 60.0
    call_seconds: float = 20.0
    session_seconds: float = 900.0
    start_seconds: float = 60.0
    memory: int = 2048 * MEGABYTE
    folder: int = 64 * MEGABYTE
    file: int = 32 * MEGABYTE
    files_in_folder: int = 2_000
    open_files: int = 128
    all_files: int = 4_096
    threads: int = 256


def apply_limits(limits: Limits, own_user: bool) -> None:
    """Bound this process for good; it cannot raise any of these again.

    The kernel counts threads per user, so they are bounded only when the worker is alone under its user.
    """
    space = _address_space() + limits.memory
    seconds = int(limits.session_seconds) + 10
    bounds = [
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_DATA, space),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NOFILE, limits.all_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ]
    if own_user:
        bounds.append((resource.RLIMIT_NPROC, limits.threads))
    for kind, value in bounds:
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def allow_files(more: int, open_one: int) -> None:
    """Let this process open so many files beyond those it has open, as far as its bound for all of them goes.

    So a cell that keeps files open takes from itself, not from what runs after it, which may still have to import.
    `open_one` is any descriptor that is open: a copy of it shows where the next one would go.
    """
    try:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        lowest = os.dup(open_one)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(lowest + more, most), most))
    except Exception:
        return  # all are open, or the code in this process gave up the right to more, or forbade it


def _address_space() -> int:
    """Bytes of address space in use now."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
