#!/usr/bin/env bash
# pytest-xdist's groups: with pytest 9.2 tests of one xdist_group run in any process, and nothing says so.
# Guess, before the run: with --dist loadgroup six tests of one group run in one of the two workers, as with pytest 9.1.
# Seen (pytest-xdist 3.8.0): in one worker with pytest 9.1.1, in both with 9.2.0, and green either time: what a group's tests
# share is made in every process. The group is written behind a test's id, where pytest 9.2 no longer looks (pytest-xdist
# #1386 foresaw it). --dist loadfile and loadscope, which need no such note, go on grouping.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
cd "$room"
cat > test_group.py <<'PY'
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("n", range(6))
def test(n, worker_id):
    Path(f"ran-in-{worker_id}").touch()
    time.sleep(0.3)
PY
cat > see.py <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path


def workers(how: str) -> int:
    for left in Path().glob("ran-in-*"):
        left.unlink()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--dist", how, "test_group.py"]
    subprocess.run(command, check=True, capture_output=True)
    return len([*Path().glob("ran-in-*")])


grouped, by_file = workers("loadgroup"), workers("loadfile")
print(f"pytest {version('pytest')}: a group's tests ran in {grouped} of 2 workers, a file's in {by_file}")
assert (grouped, by_file) == (int(sys.argv[1]), 1)
PY
"$room/venv/bin/pip" install --quiet pytest==9.1.1 pytest-xdist==3.8.0
"$room/venv/bin/python" see.py 1
"$room/venv/bin/pip" install --quiet pytest==9.2.0 pytest-xdist==3.8.0
"$room/venv/bin/python" see.py 2
