"""The system calls that no worker may make, as a seccomp filter written in the kernel's own small language.

A worker is one process for good: it may start threads and nothing else. It has no use for sockets, for other
processes, for mounts, namespaces, keys, kernel modules, tracing or the raw kernel interfaces, so these are refused
with EPERM, which Python shows as a PermissionError. Source: seccomp(2), linux/filter.h, linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from . import linux

_COMMON = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "clone3": 435,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "process_mrelease": 448,
    "setxattrat": 463,
}
_X86_64 = _COMMON | {
    "shmget": 29, "shmat": 30, "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "clone": 56,
    "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "semget": 64, "msgget": 68, "fcntl": 72, "ptrace": 101,
    "syslog": 103, "rt_sigqueueinfo": 129, "mknod": 133, "personality": 135, "setpriority": 141, "sched_setparam": 142,
    "sched_setscheduler": 144, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155, "prctl": 157, "adjtimex": 159,
    "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
    "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175,
    "delete_module": 176, "quotactl": 179, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "tkill": 200,
    "sched_setaffinity": 203, "clock_settime": 227, "tgkill": 234, "mq_open": 240, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "ioprio_set": 251, "migrate_pages": 256, "mknodat": 259, "unshare": 272,
    "move_pages": 279, "accept4": 288, "rt_tgsigqueueinfo": 297, "perf_event_open": 298, "fanotify_init": 300,
    "prlimit64": 302, "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "sched_setattr": 314,
    "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323,
}  # fmt: skip
_AARCH64 = _COMMON | {
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "fcntl": 25, "ioprio_set": 30, "mknodat": 33, "umount2": 39,
    "mount": 40, "pivot_root": 41, "chroot": 51, "vhangup": 58, "quotactl": 60, "acct": 89, "personality": 92,
    "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116,
    "ptrace": 117, "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122, "kill": 129,
    "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "setpriority": 140, "reboot": 142, "sethostname": 161,
    "setdomainname": 162, "prctl": 167, "settimeofday": 170, "adjtimex": 171, "mq_open": 180, "msgget": 186,
    "semget": 190, "shmget": 194, "shmat": 196, "socket": 198, "bind": 200, "listen": 201, "accept": 202,
    "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "swapon": 224,
    "swapoff": 225, "migrate_pages": 238, "move_pages": 239, "rt_tgsigqueueinfo": 240, "perf_event_open": 241,
    "accept4": 242, "prlimit64": 261, "fanotify_init": 262, "name_to_handle_at": 264, "open_by_handle_at": 265,
    "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
    "finit_module": 273, "sched_setattr": 274, "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282,
    "kexec_file_load": 294,
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000_003E, _X86_64, 317), "aarch64": (0xC000_00B7, _AARCH64, 277)}

_CLONE_THREAD = 0x0001_0000
_X32 = 0x4000_0000
_PRCTL_REFUSED = (1, 4, 0x5961_6D61)  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER
_FCNTL_REFUSED = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to other processes
_CONDITIONAL = frozenset(("clone", "clone3", "kill", "tgkill", "prlimit64", "sched_setaffinity", "prctl", "fcntl"))

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_REFUSE = _ERRNO | errno.EPERM
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_supported() -> bool:
    """Whether there is a table of system calls for this processor."""
    return linux.machine() in _MACHINES


def install_filter(process: int) -> None:
    """Refuse the deny-list from now on in this process, whose own id is `process`; raises OSError."""
    number = _MACHINES[linux.machine()][2]
    code = compile_filter(linux.machine(), process)
    program = _Program(len(code) // 8, code)
    linux.system_call(number, ctypes.c_uint(1), ctypes.c_uint(0), ctypes.byref(program))


def compile_filter(machine: str, process: int) -> bytes:
    """The filter's instructions for a processor; everything that is not refused is allowed."""
    architecture, numbers, _ = _MACHINES[machine]
    code = [_op(_LOAD, _ARCHITECTURE), _op(_EQUAL, architecture, 1, 0), _op(_RETURN, _KILL), _op(_LOAD, _NUMBER)]
    if machine == "x86_64":
        code += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _REFUSE)]
    for name in sorted(numbers.keys() - _CONDITIONAL):
        code += [_op(_EQUAL, numbers[name], 0, 1), _op(_RETURN, _REFUSE)]
    # The C library tries `clone3` first, whose flags a filter cannot see, and turns to `clone` when there is none.
    code += [_op(_EQUAL, numbers["clone3"], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    code += _when(numbers["clone"], 0, [_op(_ANY_BIT, _CLONE_THREAD, 1, 0), _op(_RETURN, _REFUSE)])
    for name in ("kill", "tgkill"):
        code += _when(numbers[name], 0, [_op(_EQUAL, process, 1, 0), _op(_RETURN, _REFUSE)])
    for name in ("prlimit64", "sched_setaffinity"):
        code += _when(numbers[name], 0, [_op(_EQUAL, 0, 1, 0), _op(_RETURN, _REFUSE)])
    code += _when(numbers["prctl"], 0, _refuse_values(_PRCTL_REFUSED))
    code += _when(numbers["fcntl"], 1, _refuse_values(_FCNTL_REFUSED))
    return b"".join((*code, _op(_RETURN, _ALLOW)))


def _when(number: int, argument: int, body: list[bytes]) -> list[bytes]:
    """`body` with the low half of one argument loaded, for one system call; what it lets through is allowed."""
    body = [_op(_LOAD, _ARGUMENTS + 8 * argument), *body, _op(_RETURN, _ALLOW)]
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _refuse_values(values: tuple[int, ...]) -> list[bytes]:
    return [instruction for value in values for instruction in (_op(_EQUAL, value, 0, 1), _op(_RETURN, _REFUSE))]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
