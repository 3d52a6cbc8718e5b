"""Folders for a while: held as long as their owner lives, and removed whatever a stranger left in them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MOST_STEPS = 2_000_000  # renames and removals, for all that one folder holds
YOUNG_SECONDS = 60.0  # a folder this new may not be held yet
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextlib.contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A new folder of the system's place for such; what an earlier owner with this prefix left there is removed first."""
    remove_stale(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with held(folder):
            yield folder
    finally:
        remove(folder)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Mark a folder as in use for as long as this process lives; raises OSError when another one holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def remove_stale(prefix: str) -> None:
    """Remove what owners left that were killed before they could clean up; what cannot be removed is left alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            young = time.time() - about.st_mtime < YOUNG_SECONDS
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or young:
                continue
            with held(folder):
                remove(folder)


def remove(folder: Path, most_steps: int = MOST_STEPS) -> bool:
    """Remove a folder whatever is in it; True when nothing is left of it. Never raises for what it holds.

    Links are not followed. Folders are moved up to the top before they are emptied, so that no depth of them makes a
    name too long or the stack too deep; permissions that were taken away are given back first.
    """
    try:
        top = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return True
    except OSError:
        if not _opened(folder):
            return False
        with contextlib.suppress(OSError):
            return remove(folder, most_steps)
        return False
    try:
        with contextlib.suppress(OSError):
            os.fchmod(top, 0o700)
            _empty(top, most_steps)
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
    return not os.path.lexists(folder)


def _opened(folder: Path) -> bool:
    """Give a closed folder its permissions back; False when it is none, or had them already."""
    with contextlib.suppress(OSError):
        about = folder.lstat()
        if stat.S_ISDIR(about.st_mode) and about.st_mode & 0o700 != 0o700:
            folder.chmod(0o700)
            return True
    return False


def _empty(top: int, steps: int) -> None:
    """Remove what the folder `top` holds, in at most so many steps; what cannot be removed stays."""
    number, stuck = 0, set[str]()
    while steps > 0:
        names = [name for name in os.listdir(top) if name not in stuck]
        if not names:
            return
        for name in names:
            steps -= 1
            if steps <= 0:
                return
            try:
                if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                os.chmod(name, 0o700, dir_fd=top)
                inner = os.open(name, _FOLDER, dir_fd=top)
            except OSError:
                stuck.add(name)
                continue
            try:
                for child in os.listdir(inner):
                    steps -= 1
                    if steps <= 0:
                        return
                    number += 1
                    _lift(child, inner, top, number)
            finally:
                os.close(inner)
            try:
                os.rmdir(name, dir_fd=top)
            except OSError:
                stuck.add(name)


def _lift(child: str, inner: int, top: int, number: int) -> None:
    """Remove a file of a folder, or move a folder of it to the top, under a name that nothing there has."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(os.stat(child, dir_fd=inner, follow_symlinks=False).st_mode):
            os.chmod(child, 0o700, dir_fd=inner)
            os.rename(child, f".lifted-{os.getpid()}-{number}", src_dir_fd=inner, dst_dir_fd=top)
        else:
            os.unlink(child, dir_fd=inner)
