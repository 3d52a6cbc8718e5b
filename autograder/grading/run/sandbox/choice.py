"""Which sandbox there is on this machine, tried out and not guessed, and how its server is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.errors import GradingError
from autograder.grading.run.sandbox.inside import landlock, seccomp
from autograder.grading.run.sandbox.inside.isolate import DEVICES, PLACE
from autograder.grading.run.sandbox.installation import Installation, settings

KINDS = ("auto", "bubblewrap", "landlock", "none")
COURSE, HOME = f"{PLACE}/course", f"{PLACE}/home"
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
}
_HOW = (
    "install bubblewrap (`apt-get install bubblewrap`), or pass `--sandbox none` to run submissions without protection"
)


@dataclass(frozen=True)
class Sandbox:
    """A way to shut submissions in: `kind`, and `name` as it is recorded with every grade."""

    kind: str
    name: str


def choose_sandbox(wanted: str) -> Sandbox:
    """The sandbox asked for, or with "auto" the best one that works here; raises GradingError when there is none."""
    if wanted not in KINDS:
        raise GradingError(f"there is no sandbox {wanted!r}: choose one of {', '.join(KINDS)}")
    if wanted == "none":
        return Sandbox("none", "none")
    reasons = []
    for kind, attempt in (("bubblewrap", _bubblewrap), ("landlock", _landlock)):
        if wanted in ("auto", kind):
            found = attempt()
            if isinstance(found, Sandbox):
                return found
            reasons.append(f"{kind}: {found}")
    raise GradingError(f"submissions cannot be shut in here ({'; '.join(reasons)}): {_HOW}")


def start_command(
    sandbox: Sandbox, installation: Installation, course: Path, control: int, arguments: int
) -> list[str]:
    """The command that starts the server on the socket `control`; bubblewrap reads its own from `arguments`."""
    shown = COURSE if sandbox.kind == "bubblewrap" else str(course)
    python = [installation.python, "-I", "-S", "-B", "-X", "utf8", f"{shown}/lib/python/start.py", str(control)]
    python += [f"{shown}/notebooks", f"{shown}/lib/python", *installation.packages]
    if sandbox.kind == "bubblewrap":
        return [_program(), "--args", str(arguments), "--", *python]
    return python


def environment(sandbox: Sandbox, work: Path) -> dict[str, str]:
    """The whole environment of the server: nothing of the caller's."""
    bubblewrap = sandbox.kind == "bubblewrap"
    home = HOME if bubblewrap else str(work)
    return _ENVIRONMENT | {
        "HOME": home,
        "TMPDIR": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
    }


def bubblewrap_arguments(installation: Installation, course: Path, environment: dict[str, str]) -> bytes:
    """What bubblewrap is told through a descriptor, so that it shows in no list of processes."""
    arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() != 0:
        arguments += ["--unshare-user", "--uid", str(os.getuid()), "--gid", str(os.getgid())]
    for capability in _CAPABILITIES:
        arguments += ["--cap-add", capability]
    arguments += ["--hostname", "grader", "--proc", "/proc"]
    for folder in ("/dev", "/dev/shm", HOME, "/tmp"):
        arguments += ["--tmpfs", folder]
    for device in DEVICES:
        arguments += ["--dev-bind", device, device]
    roots = (*installation.roots, *settings())
    for parent in sorted({str(parent) for root in (*roots, HOME) for parent in Path(root).parents} - {"/"}):
        arguments += ["--dir", parent]
    for root in roots:
        arguments += ["--symlink", os.readlink(root), root] if os.path.islink(root) else ["--ro-bind", root, root]
    for hidden in installation.hidden:
        arguments += ["--tmpfs", hidden, "--remount-ro", hidden]
    arguments += ["--ro-bind", str(course), COURSE, "--chdir", "/"]
    for folder in ("/dev", "/"):
        arguments += ["--remount-ro", folder]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return b"".join(argument.encode() + b"\0" for argument in arguments)


def _program() -> str:
    return shutil.which("bwrap") or "bwrap"


def _bubblewrap() -> Sandbox | str:
    """bubblewrap, if it can make the namespaces that are needed here; otherwise why not."""
    if shutil.which("bwrap") is None:
        return "it is not installed"
    if not seccomp.is_supported():
        return "this processor is not supported"
    probe = [_program(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/", "--proc", "/proc"]
    probe += [*([] if os.geteuid() == 0 else ["--unshare-user"]), "--cap-add", "CAP_SYS_ADMIN", "--", "true"]
    done = _quietly(probe)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["it does not start"])[-1]
    version = _quietly([_program(), "--version"]).stdout.split()
    return Sandbox("bubblewrap", f"bubblewrap {version[-1] if version else '?'}")


def _landlock() -> Sandbox | str:
    known = landlock.version()
    if not known:
        return "this kernel does not have it"
    if not seccomp.is_supported():
        return "this processor is not supported"
    return Sandbox("landlock", f"landlock {known} with seccomp")


def _quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": os.defpath}, timeout=30, check=False)
