"""What lies on the disk, as far as a bounded look can tell: nothing is opened here."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from autograder.grading.find.archive import FOREIGN_ARCHIVES
from autograder.grading.find.layout import Item, Parts
from autograder.grading.find.opening import is_ignored, may_be_submission
from autograder.grading.safe_text import natural_key

LOOKED_AT = 2_000  # entries of a folder that are looked at to learn whether a notebook is in it
DEEPEST = 40


def is_hand_in(name: str) -> bool:
    """Whether a file of that name may be a notebook or an archive."""
    return may_be_submission(name) or name.lower().endswith(FOREIGN_ARCHIVES)


def files_below(parts: Parts, disk: Path) -> Iterator[tuple[Parts, Path]]:
    """Every file that may be a hand-in, at most so deep and so many as anybody looks."""
    waiting = [(parts, disk)]
    for _ in range(10 * LOOKED_AT):
        if not waiting:
            return
        here, path = waiting.pop()
        if path.is_dir() and not path.is_symlink() and len(here) < DEEPEST:
            try:
                with os.scandir(path) as entries:
                    waiting += [
                        ((*here, entry.name), Path(entry.path))
                        for entry in islice(entries, 10 * LOOKED_AT)
                        if not is_ignored((entry.name,))
                    ]
            except OSError:
                yield here, path  # it is told where it is opened
        elif is_hand_in(here[-1]):
            yield here, path


def holds_any(path: Path) -> bool:
    """Whether a path is a hand-in, or a folder with one in it."""
    return holds(path) if path.is_dir() and not path.is_symlink() else is_hand_in(path.name)


def holds(folder: Path) -> bool:
    """Whether a notebook or archive is in a folder, as far as a bounded look can tell."""
    return _look(folder, LOOKED_AT)[1]


def _look(folder: Path, most: int) -> tuple[int, bool]:
    """How many entries were looked at, and whether a notebook or archive is among them or may be beyond them."""
    waiting, looked = [(folder, 0)], 0
    most = min(most, LOOKED_AT)
    while waiting and looked < most:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    looked += 1
                    if looked > most:
                        return looked, True
                    if is_ignored((entry.name,)):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if depth < DEEPEST:
                            waiting.append((Path(entry.path), depth + 1))
                    elif is_hand_in(entry.name):
                        return looked, True
        except OSError:
            return looked, True  # what cannot be read is told where it is opened
    return looked, bool(waiting)


def items_in(folder: Path) -> list[Item]:
    """The entries of a folder, as far as they are needed to tell a class from a person; none where it cannot be read."""
    left = 20 * LOOKED_AT
    items = []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, LOOKED_AT):
                if not is_ignored((entry.name,)):
                    is_folder = entry.is_dir(follow_symlinks=False)
                    looked, held = _look(folder / entry.name, left) if is_folder else (0, is_hand_in(entry.name))
                    left -= looked
                    items.append(Item(entry.name, is_folder, held))
    except OSError:
        return []
    return sorted(items, key=lambda item: natural_key(item.name))


def account_of(path: Path) -> str:
    """The user who owns a path, when it is a known one and neither root nor oneself; else nothing."""
    try:
        number = path.lstat().st_uid
        return "" if number in (0, os.getuid()) else pwd.getpwuid(number).pw_name
    except (OSError, KeyError):
        return ""
