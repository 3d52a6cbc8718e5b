#!/usr/bin/env bash
# torch: a row with nothing to see, repaired after the softmax: the gradient depends on how -inf came in.
# Guess, before the run: NaN in both cases, since the backward pass of softmax multiplies by its NaN output.
# Seen (torch 2.13.0): with masked_fill(-inf) the gradient is exactly 0 (the fill passes nothing back); with -inf added, NaN.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'PY'
import torch

def gradient(mask_in):
    scores = torch.zeros(1, 4, requires_grad=True)
    weights = torch.softmax(mask_in(scores), -1).nan_to_num(0.0)
    (weights * torch.arange(4.0)).sum().backward()
    return scores.grad

filled = gradient(lambda s: s.masked_fill(torch.ones(1, 4, dtype=torch.bool), -torch.inf))
added = gradient(lambda s: s + torch.full((1, 4), -torch.inf))
print("torch", torch.__version__, "filled:", filled.tolist(), "added:", added.tolist())
assert (filled == 0).all() and added.isnan().all()
PY
