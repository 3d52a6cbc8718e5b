"""`autograder grade` as root and as an ordinary user, in every sandbox, wherever its environment lies.

Needs root, because it becomes another user and writes to /opt. EVERY_PLACE=1 tries every place and both users; without it
the hardest of them: an ordinary user with the environment below /tmp.
"""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from handins import FILE, handin, write

from autograder.grading.errors import GradingError
from autograder.grading.run.sandbox.choice import choose_sandbox
from autograder.paths import ROOT

EVERYWHERE = bool(os.environ.get("EVERY_PLACE"))
PLACES = {"/tmp": "/tmp", "/opt": "/opt", "home": "/home"} if EVERYWHERE else {"/tmp": "/tmp"}
SOMEBODY = 64_321  # a user id that nobody has
USERS = {"an ordinary user": SOMEBODY} | ({"root": 0} if EVERYWHERE else {})
FILLS = """
try:
    with open('/tmp/large', 'wb') as file:
        for _ in range(100): file.write(bytes(2**20))
except OSError: pass
"""
RENAMES = """
import os
for root, folders, files in os.walk('/tmp'):
    for name in folders + files:
        try: os.rename(os.path.join(root, name), os.path.join(root, name + '-gone'))
        except OSError: pass
open('/tmp/left', 'w').close()
"""
LOOKS = "import os\nassert not os.path.exists('/tmp/left') and not os.path.exists('/tmp/large')"


def python_for_everybody(minor: str) -> Path:
    """An interpreter of this version that an ordinary user can run."""
    for python in (Path(os.path.realpath(sys.executable)), Path("/usr/bin") / minor):
        with contextlib.suppress(OSError):
            looks = "import ctypes, lzma, sqlite3, sys; sys.exit(sys.prefix not in sys.executable)"
            if not subprocess.run([python, "-c", looks], user=SOMEBODY, check=False).returncode:
                return python
    pytest.skip(f"no {minor} that an ordinary user can run")


@pytest.fixture(scope="module", params=PLACES.values(), ids=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An environment below a folder, which an ordinary user can use: this one, linked file by file, and the project."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    folder = Path(tempfile.mkdtemp(prefix="autograder-place-", dir=request.param))
    folder.chmod(0o755)
    try:
        environment = folder / "environment"
        minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = environment / "lib" / minor / "site-packages"
        (environment / "bin").mkdir(parents=True)
        packages.parent.mkdir(parents=True)
        python = python_for_everybody(minor)
        (environment / "bin" / "python").symlink_to(python)
        (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n", encoding="utf-8")
        own = Path(sys.prefix, *packages.relative_to(environment).parts)
        if subprocess.run(["cp", "-al", own, packages], check=False).returncode:
            pytest.skip("files cannot be linked there")
        for finder in packages.glob("__editable__*"):
            finder.unlink()
        for name in ("autograder", "notebooks", "data"):
            shutil.copytree(ROOT / name, folder / "project" / name, ignore=shutil.ignore_patterns("__pycache__"))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock"])
@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_a_class_is_graded_and_nobody_reaches_the_next(place, tmp_path, user, sandbox):
    try:
        choose_sandbox(sandbox)
    except GradingError as reason:
        pytest.skip(str(reason))
    cells = {"a1_fills": FILLS, "a2_looks": LOOKS, "a3_renames": RENAMES, "a4_looks": LOOKS, "a5_calm": "kept = 1"}
    files = {f"{name}/{FILE}": handin("einsum", after={"q2_1": cell}) for name, cell in cells.items()}
    home = Path(tempfile.mkdtemp(prefix="autograder-home-"))
    try:
        write(home / "class", files)
        for path in (home, *home.rglob("*")):
            os.chown(path, user, user)
        python = place / "environment" / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "autograder", "grade", home / "class", "-o", home / "out", "--sandbox", sandbox, "-j", "1"],
            user=user, group=user, extra_groups=[], cwd=home, capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "OMP_NUM_THREADS": "1",
                 "PYTHONPATH": f"{place}/project:{place}/project/notebooks"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "Traceback" not in done.stdout + done.stderr
        with (home / "out" / "grades.csv").open(encoding="utf-8", newline="") as stream:
            table = {row["student"]: row for row in csv.DictReader(stream)}
        assert len(table) == len(files)
        for name, row in table.items():
            assert row["score"] == row["possible"], (name, row)
        for name in ("a2_looks", "a4_looks", "a5_calm"):
            assert table[name]["status"] == "graded", table[name]
    finally:
        shutil.rmtree(home, ignore_errors=True)
