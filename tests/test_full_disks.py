"""A grader that is killed at any moment, on a disk that is full, nearly full or read-only, ends in the same gradebook.

KILLS=100 in the environment kills so often for each kind of disk; without it a few times.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import FakeWorkshop
from handins import FILE, handin, marked, write, zipped

from autograder.grading.batch import GRADEBOOK, SCRATCH
from autograder.grading.command import grade
from autograder.grading.course import Course
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.run import scratch
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.grading.score.grade import warm_up

KILLS = int(os.environ.get("KILLS", "4"))
STUDENTS = 6
MEGABYTE = 2**20
_MS_RDONLY, _MS_REMOUNT, _MNT_DETACH = 1, 32, 2
_libc = ctypes.CDLL(None, use_errno=True)


def mount(place: Path, flags: int) -> None:
    if _libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", ctypes.c_ulong(flags), b"size=3m"):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount(place, 0)
    except OSError as reason:
        pytest.skip(f"mounting a small disk needs root: {reason.strerror}")
    yield place
    _libc.umount2(str(place).encode(), _MNT_DETACH)


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """All that a grader imports and computes before its first hand-in, for every run that branches off this process."""
    for notebook in Course.load().notebooks.values():
        warm_up(notebook)
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    files = {
        f"s{i}/{FILE}": handin("loops" if i % 2 else "einsum", after={"q2_9": f"note = {i}"}) for i in range(STUDENTS)
    }
    return write(tmp_path / "class", {**files, "s_zip/all.zip": zipped({FILE: marked("zip")}), f"s_bad/{FILE}": b"{"})


def run_in_child(paths: Path, out: Path, errors: Path, kill_after: float | None) -> int | None:
    """Grade in a forked process, which has imported everything already; its exit code, or None when it was killed."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with errors.open("ab", buffering=0) as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            grade.main(["-o", str(out), str(paths)], standalone_mode=False)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            errors.open("a").write(f"Traceback {traceback.format_exc()}")
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if not os.WIFSIGNALED(status) else None


def recorded(out: Path) -> dict[tuple[str, str], tuple[str, float | None]]:
    if not (out / GRADEBOOK).is_file() or not (out / GRADEBOOK).stat().st_size:
        return {}
    with Gradebook(out / GRADEBOOK) as book:
        return {(one.student.key, one.notebook): (str(one.result.status), one.result.score) for one in book.records()}


def filling(disk: Path, left: int) -> Callable[[], None]:
    def fill() -> None:
        (disk / "filler").unlink(missing_ok=True)
        space = os.statvfs(disk)
        with (disk / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(1, space.f_bavail * space.f_frsize - left))

    return fill


@pytest.mark.slow
@pytest.mark.parametrize("state", ["full", "nearly full", "read-only", "with room"])
def test_killed_at_any_moment_on_any_disk_nothing_is_lost_or_twice(tmp_path, disk, class_folder, monkeypatch, warm, state):
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    setting = Setting(workshop=FakeWorkshop)
    monkeypatch.setattr("autograder.grading.command.Processes", lambda _, jobs, hand_ins: InProcess(setting))
    monkeypatch.setattr("autograder.grading.command.choose_sandbox", lambda kind: None)
    errors = tmp_path / "said"
    assert run_in_child(class_folder, tmp_path / "calm", errors, None) == 0, errors.read_text()
    calm = recorded(tmp_path / "calm")
    assert len(calm) == STUDENTS + 2
    started = time.monotonic()
    run_in_child(class_folder, tmp_path / "calm2", errors, None)
    whole = time.monotonic() - started
    out = disk / "out"
    spoil = {
        "full": filling(disk, 0),
        "nearly full": filling(disk, 200_000),
        "read-only": lambda: mount(disk, _MS_REMOUNT | _MS_RDONLY),
        "with room": lambda: None,
    }[state]
    rng = random.Random(KILLS)
    seen: dict[tuple[str, str], tuple[str, float | None]] = {}
    for number in range(KILLS):
        if rng.random() < 0.5:
            spoil()
        run_in_child(class_folder, out, errors, rng.uniform(0, 1.2 * whole))
        if rng.random() < 0.3:
            spoil()
            code = run_in_child(class_folder, out, errors, None)
            assert code in (0, 1), errors.read_text()
        mount(disk, _MS_REMOUNT) if state == "read-only" else (disk / "filler").unlink(missing_ok=True)
        now = recorded(out)
        assert seen.items() <= now.items(), f"lost at kill {number}"
        assert now.items() <= calm.items(), f"changed at kill {number}"
        seen = now
        if number % 8 == 7:  # everything is graded by now: from the beginning again
            shutil.rmtree(out)
            seen = {}
    monkeypatch.setattr(scratch, "YOUNG_SECONDS", 0.0)
    assert run_in_child(class_folder, out, errors, None) == 0, errors.read_text()
    assert recorded(out) == calm
    base = sqlite3.connect(out / GRADEBOOK)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    assert "Traceback" not in errors.read_text()
    pages = [path.relative_to(out) for path in (out / "feedback").rglob("*.html")]
    assert sorted(pages) == sorted(
        path.relative_to(tmp_path / "calm") for path in (tmp_path / "calm" / "feedback").rglob("*.html")
    )
    assert [path.name for path in out.rglob(".*.*") if path.name != ".lock"] == [], "no half-written file stays"
    assert list(place.glob(f"{SCRATCH}*")) == []
