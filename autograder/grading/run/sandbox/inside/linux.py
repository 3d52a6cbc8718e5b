"""The few Linux calls that Python does not offer, by name; each raises OSError when the kernel refuses."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x0002_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REC = 0x4000
MS_BIND = 0x1000
MS_PRIVATE = 0x4_0000

CAP_DAC_READ_SEARCH = 2
LAST_CAPABILITY = 63

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x2008_0522
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def machine() -> str:
    """The processor's name as the tables of system calls use it."""
    return os.uname().machine


def system_call(number: int, *arguments: object) -> int:
    """Make one raw system call; raises OSError."""
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` (for pids: the children will)."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def enter_namespace(descriptor: int, flag: int) -> None:
    """Join the namespace that `descriptor` stands for."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(flag)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()))


def mounts_below(folder: str) -> list[str]:
    """The mount points below a folder that lie in no other of them, in order."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        points = sorted({_unescaped(line.split(" ")[4]) for line in table})
    below = [point for point in points if point.startswith(f"{folder}/")]
    return [point for point in below if not any(point.startswith(f"{other}/") for other in below)]


def _unescaped(field: str) -> str:
    """A path as the kernel's tables write it: blanks and backslashes as three octal digits."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    prctl(_PR_SET_PDEATHSIG, 9)


def hide_from_debuggers() -> None:
    """Let no other process of the same user read this one's memory."""
    prctl(_PR_SET_DUMPABLE, 0)


def keep_capabilities_over_setuid() -> None:
    """Let the next change of user keep the permitted capabilities."""
    prctl(_PR_SET_KEEPCAPS, 1)


def give_up_privileges(keep: frozenset[int] = frozenset()) -> None:
    """Drop every capability but `keep`, now and for whatever this process may execute."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    low = sum(1 << capability for capability in keep)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySet * 2)(_CapabilitySet(low, low, 0), _CapabilitySet(0, 0, 0))
    system_call(_SYS_CAPSET[machine()], ctypes.byref(header), ctypes.byref(sets))
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def prctl(option: int, *arguments: int) -> None:
    """prctl(2)."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(ctypes.c_int(option), *padded))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
