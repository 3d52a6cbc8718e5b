#!/usr/bin/env bash
# torch.view_as_complex: a slice that starts at an odd feature is refused, and so is bfloat16, while float16 is taken.
# Guess, before the run: any tensor whose last axis is 2 wide and dense can be viewed, in every floating dtype.
# Seen (torch 2.13.0): a storage offset that is odd raises RuntimeError (a copy of the slice is fine); float16 works, bfloat16 raises.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'PY'
import torch

def tried(x):
    try:
        return str(torch.view_as_complex(x).dtype)
    except RuntimeError as error:
        return f"RuntimeError: {str(error).splitlines()[0][:90]}"

flat = torch.randn(9)
odd = flat[1:].unflatten(-1, (4, 2))
seen = {"odd offset": tried(odd), "its copy": tried(odd.clone()), "float16": tried(odd.clone().half()), "bfloat16": tried(odd.clone().bfloat16())}
print("torch", torch.__version__, seen)
assert seen["odd offset"].startswith("RuntimeError") and seen["bfloat16"].startswith("RuntimeError")
assert seen["its copy"] == "torch.complex64" and seen["float16"] == "torch.complex32"
PY
