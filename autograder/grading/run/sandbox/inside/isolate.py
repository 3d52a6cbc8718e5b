"""Turn a fresh fork of the server into a worker that can reach nothing but its own folder and its wire."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import landlock, linux, seccomp
from .limits import Limits, apply_limits

PLACE = "/grading"
WORK = f"{PLACE}/home"
_PRIVATE = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Confinement:
    """How a worker is shut in.

    `mode` is bubblewrap, landlock or none; `user` its own user id, where the server is root; `folder` its work
    folder; `readable` the paths it may read and `listable` the folders whose names it may see (for Landlock; bubblewrap
    shows it no others); `search` keeps the one
    capability that reading a Python installation below a closed folder needs.
    """

    mode: str
    folder: str
    user: int | None = None
    readable: tuple[str, ...] = ()
    listable: tuple[str, ...] = ()
    search: bool = False


def new_process_namespace(origin: int) -> None:
    """Let the next fork be alone among its process ids; `origin` is a descriptor of the server's own namespace."""
    linux.enter_namespace(origin, linux.CLONE_NEWPID)
    linux.unshare(linux.CLONE_NEWPID)


def confine(confinement: Confinement, limits: Limits) -> None:
    """Shut this process in, for good; raises OSError when the kernel refuses any part of it."""
    linux.die_with_parent()
    os.setsid()
    apply_limits(limits, confinement.user is not None)
    if confinement.mode == "bubblewrap":
        _private_mounts(confinement, limits)
    _move_home(confinement.folder)
    if confinement.mode == "none":
        return
    keep = frozenset((linux.CAP_DAC_READ_SEARCH,)) if confinement.search else frozenset()
    if confinement.user is not None:
        if keep:
            linux.keep_capabilities_over_setuid()
        os.setgroups([])
        os.setresgid(confinement.user, confinement.user, confinement.user)
        os.setresuid(confinement.user, confinement.user, confinement.user)
    linux.give_up_privileges(keep)
    linux.die_with_parent()
    linux.hide_from_debuggers()
    if confinement.mode == "landlock":
        landlock.restrict((*confinement.readable, *DEVICES), confinement.listable, (confinement.folder, "/dev/null"))
    seccomp.install_filter(os.getpid())


def volunteer_for_memory_shortage() -> None:
    """When the machine runs out of memory, let the kernel take this process and its children first."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")


def silence_descriptors(wire: int) -> int:
    """Point 0, 1 and 2 to nothing, move the wire to a high number, close all others; returns the wire's new number."""
    moved = fcntl.fcntl(wire, fcntl.F_DUPFD_CLOEXEC, random.SystemRandom().randrange(300, 900))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, moved)
    os.closerange(moved + 1, 1024)
    return moved


def _move_home(folder: str) -> None:
    """Make a folder the one that programs write to when they are not told where."""
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": folder, "IPYTHONDIR": f"{folder}/.ipython"}
    tempfile.tempdir = None


def _private_mounts(confinement: Confinement, limits: Limits) -> None:
    """A private, bounded folder to write in; no /proc; nothing else that another worker could have touched."""
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET)
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    owner = f",uid={confinement.user},gid={confinement.user}" if confinement.user is not None else ""
    options = f"size={limits.folder},nr_inodes={limits.files_in_folder},mode=0700{owner}"
    linux.mount("tmpfs", confinement.folder, "tmpfs", _PRIVATE, options)
    for installed in linux.mounts_below("/tmp"):  # such as a Python that is installed there
        place = confinement.folder + installed.removeprefix("/tmp")
        os.makedirs(place, mode=0o755, exist_ok=True)
        linux.mount(installed, place, "", linux.MS_BIND | linux.MS_REC)
    linux.mount(confinement.folder, "/tmp", "", linux.MS_BIND | linux.MS_REC)
    linux.mount("tmpfs", "/dev/shm", "tmpfs", _PRIVATE | linux.MS_RDONLY, "size=4k,mode=0755")
    linux.mount("tmpfs", "/proc", "tmpfs", _PRIVATE | linux.MS_RDONLY, "size=4k,mode=0555")
