#!/usr/bin/env bash
# os.closerange(-1, 0) closes every descriptor that the process has, and not none.
# Guess, before the run: nothing, as the documentation's own equivalent says (a loop over range(-1, 0) whose errors are ignored).
# Seen (Python 3.11.7 on Linux with the system call close_range): an open file and standard output are both gone; the
# upper end, less one, is taken as a number without a sign. closerange(n, n + 1) with n = -1 for "there is none" is enough.
set -euo pipefail
python3 - <<'PY'
import os
import subprocess
import sys

CHILD = """
import os
kept = os.open(os.devnull, os.O_RDONLY)
before = [descriptor for descriptor in (1, kept) if os.fstat(descriptor)]
os.closerange(-1, 0)
open_after = 0
for descriptor in before:
    try:
        os.fstat(descriptor)
        open_after += 1
    except OSError:
        pass
os._exit(10 + open_after)
"""
left = subprocess.run([sys.executable, "-c", CHILD], check=False).returncode - 10
print("Python", sys.version.split()[0], "descriptors that are open afterwards, of 2:", left)
assert left == 0
PY
