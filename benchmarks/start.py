"""What people wait for before anything happens: a notebook's set-up cell, the first check, the commands' start."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autograder.paths import ROOT
from benchmarks.measure import CommandError, measure
from benchmarks.table import Table, verdict

BEFORE = "917f0d7"  # the commit before start-up was looked at
BLANK = "02_keys_queries_values.ipynb"
_KERNEL = "import ipykernel.kernelapp\n"  # a notebook's cells run where all of Jupyter's kernel is imported already
_BARE = _KERNEL + "import math, numpy, torch, matplotlib.pyplot\n"
_SET_UP = _BARE + (
    "import attnkit\nfrom attnkit import plots\nfrom attnkit.data import load_en_es\n"
    "from attnkit.training import train\ngrader = attnkit.start('02_keys_queries_values.ipynb')\n"
)
_CHECK = _SET_UP + "grader.check('q2_3')\n"


def start(rounds: int, tell: Callable[[str], None]) -> list[Table]:
    """CPU seconds of every start, now and before, in turns."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        folder = Path(scratch)
        before = older(folder / "before")
        works = {
            "an empty kernel": _python(_KERNEL),
            "the same with `import matplotlib.pyplot`": _python(_KERNEL + "import matplotlib.pyplot"),
            "the bare imports of a set-up cell": _python(_BARE),
            "a set-up cell": _python(_SET_UP),
            "a set-up cell and the first check": _python(_CHECK),
            "`autograder check` of the blank notebook 2": _check,
            "`autograder grade` of two notebooks, two jobs": _grade,
        }
        seconds = {name: _in_turns(name, work, folder, before, rounds, tell) for name, work in works.items()}
    return [_table(seconds, before is not None, rounds)]


def _in_turns(
    name: str,
    work: Callable[[Path, Path], list[str]],
    folder: Path,
    before: Path | None,
    rounds: int,
    tell: Callable[[str], None],
) -> tuple[float, float | None]:
    """Median CPU seconds now, and of the older commit where there is one."""
    now, then = [], []
    for number in range(rounds):
        tell(f"{name}, round {number + 1}")
        now.append(_cost(work, folder, ROOT))
        if before is not None:
            with contextlib.suppress(CommandError):
                then.append(_cost(work, folder, before))
    return median(now), median(then) if then else None


def _cost(work: Callable[[Path, Path], list[str]], folder: Path, tree: Path) -> float:
    """CPU seconds of a command whose modules come from `tree`; `check` ends with 1, since nothing is right yet.

    Raises CommandError for a class that was not graded, as by the older commit where it does not run from a folder.
    """
    place = folder / "here"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    paths = f"PYTHONPATH={tree}{os.pathsep}{tree / 'notebooks'}"
    cost, said = measure(["env", paths, sys.executable, *work(place, tree)], place, fine=(0, 1))
    if work is _grade and "2 graded" not in said:
        raise CommandError(f"nothing was graded with {tree}")
    return cost.cpu


def _python(code: str) -> Callable[[Path, Path], list[str]]:
    def command(place: Path, tree: Path) -> list[str]:
        if not (place / "tests").exists():
            (place / "tests").symlink_to(tree / "notebooks" / "tests")
        return ["-c", code]

    return command


def _check(place: Path, tree: Path) -> list[str]:
    shutil.copy(tree / "notebooks" / BLANK, place / BLANK)
    return ["-m", "autograder", "check", BLANK]


def _grade(place: Path, tree: Path) -> list[str]:
    for student in ("aiko", "amir"):
        (place / "class" / student).mkdir(parents=True)
        shutil.copy(tree / "examples" / "class" / student / BLANK, place / "class" / student / BLANK)
    return ["-m", "autograder", "grade", "class", "-o", "graded", "-j", "2"]


def older(folder: Path) -> Path | None:
    """The project as it was before, where its history is at hand."""
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _table(seconds: dict[str, tuple[float, float | None]], paired: bool, rounds: int) -> Table:
    table = Table("Start-up", ("what", "CPU s", f"at {BEFORE}", "ratio"))
    for name, (now, then) in seconds.items():
        table.add(name, f"{now:.2f}", "–" if then is None else f"{then:.2f}", "–" if not then else f"{now / then:.2f}")
    kernel, pyplot, bare, set_up, check, *_ = (now for now, _ in seconds.values())
    table.notes = [
        f"Median of {rounds} rounds of the whole tree of processes; "
        + ("both commits in turns." if paired else f"the commit {BEFORE} is not in this copy's history."),
        f"A set-up cell takes {set_up / bare:.2f} times its bare imports, wanted ≤ 1.2, "
        f"met: {verdict(set_up <= 1.2 * bare)}; the first check adds {max(check - set_up, 0):.2f} s, wanted ≤ the "
        f"{pyplot - kernel:.2f} s of `import matplotlib.pyplot`, met: {verdict(check - set_up <= pyplot - kernel)}.",
    ]
    for name, wanted in (("check", 0.5), ("grade", 0.45)):
        now, then = next(pair for what, pair in seconds.items() if what.startswith(f"`autograder {name}`"))
        if then:
            met = verdict(now <= wanted * then)
            table.notes.append(
                f"`autograder {name}`: {now / then:.2f} times what it was, wanted ≤ {wanted}, met: {met}."
            )
    return table
