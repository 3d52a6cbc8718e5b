"""Code that is run inside the sandbox, as a student could, to look for what must not be there."""

# ruff: noqa: E501 (attacks are programs in strings)

FILES = """
import os

LOOKED_FOR = (b"check_hidden", b"Mistake(", b"hidden=True", b"BEGIN SOLUTION", b"a-secret-of-another-student")
OWN = ("/grading", os.path.dirname(os.path.dirname(__import__("attnkit").__file__)))
SKIPPED = ("/proc/", "/sys/", "/usr/", "/lib")

def found_files():
    found = []
    seen = 0
    for folder, folders, files in os.walk("/", onerror=None):
        library = "site-packages" in folder or "/lib/python" in folder or folder.startswith(SKIPPED)
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/usr")]
        if "autograder" in folders and not folder.startswith(OWN):
            found.append(os.path.join(folder, "autograder"))
        found += [os.path.join(folder, name) for name in files if name.endswith(".ipynb") and "site-packages" not in folder]
        if library:
            continue
        for name in files:
            seen += 1
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read(2**20)
            except OSError:
                continue
            found += [f"{folder}/{name}: {word!r}" for word in LOOKED_FOR if word in text]
    return found

found = found_files()
"""

PATHS = """
import os

def readable(path):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
    except OSError:
        return False
    return True

found = [path for path in PLACES if readable(path)]
"""

WRITABLE = """
import os

found = []
HERE = os.getcwd()
for folder in {"/", "/tmp", "/dev/shm", "/var/tmp", "/run", "/dev", "/etc", "/usr", "/home", "/root", os.path.dirname(HERE),
               os.path.dirname(__import__("attnkit").__file__), os.path.dirname(os.__file__), os.path.dirname(np.__file__)}:
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError:
        continue
    if os.path.realpath(os.path.join(folder, "probe")) == os.path.join(HERE, "probe") or os.path.exists(os.path.join(HERE, "probe")):
        continue
    found.append(folder)
"""

ENVIRONMENT = """
import os

KNOWN = {"PATH", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MPLBACKEND", "PYTHONHASHSEED",
         "HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "PWD", "PYTHONDONTWRITEBYTECODE"}
found = sorted(name for name, value in os.environ.items() if "secret" in value or "SECRET" in name)
found += sorted(set(os.environ) - KNOWN - {"LC_CTYPE", "COLUMNS", "LINES", "PYDEVD_USE_FRAME_EVAL", "TORCHINDUCTOR_CACHE_DIR",
                "TERM", "CLICOLOR", "PAGER", "GIT_PAGER", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "CUDA_MODULE_LOADING"})
for pid in ("self", *range(1, 60)):
    try:
        text = open(f"/proc/{pid}/environ", "rb").read() + open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        continue
    found.append(f"/proc/{pid}: {text[:60]!r}")
"""

NETWORK = """
import socket

found = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, getattr(socket, "AF_NETLINK", 16)):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        found.append(f"{family} {kind}")
try:
    found += [str(address) for address in socket.getaddrinfo("localhost", 80)] and []
except OSError:
    pass
"""

PROCESSES = """
import ctypes
import os
import signal

found = []
libc = ctypes.CDLL(None, use_errno=True)
for pid in (*range(2, 200), os.getppid() or 2):
    if pid == os.getpid():
        continue
    try:
        os.kill(pid, 0)
        found.append(f"signal to {pid}")
    except OSError:
        pass
    for name, call in (("ptrace", lambda: libc.ptrace(16, pid, 0, 0)), ("priority", lambda: libc.setpriority(0, pid, 19)),
                       ("limits", lambda: libc.prlimit(pid, 7, ctypes.create_string_buffer(16), None))):
        if call() == 0:
            found.append(f"{name} of {pid}")
for name, call in (("fork", os.fork), ("exec", lambda: os.execv("/bin/true", ["true"])), ("setuid", lambda: os.setuid(0)),
                   ("chroot", lambda: os.chroot("/"))):
    try:
        call()
        found.append(name)
    except OSError:
        pass
"""

MEMORY = """
import gc
import sys

found = sorted(name for name in sys.modules if name.split(".")[0] == "autograder")
for thing in gc.get_objects():
    if type(thing).__name__ in ("Exercise", "Mistake", "Variant", "Expected", "CourseNotebook"):
        found.append(type(thing).__name__)
"""

CALLS = """
import ctypes
import errno

found = []
libc = ctypes.CDLL(None, use_errno=True)
REFUSED = {}
for name, number in NUMBERS.items():
    ctypes.set_errno(0)
    arguments = [ctypes.c_long(value) for value in ARGUMENTS.get(name, (-1, -1, -1, -1, -1))]
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        found.append(f"{name}: {result} {ctypes.get_errno()}")
"""
