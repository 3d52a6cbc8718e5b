#!/usr/bin/env bash
# x-transformers repeats key/value heads in the other order: query head h reads head h mod G, not h // (H/G).
# Guess, before the run: cyclic in x-transformers and blocks in torch, Flax nnx and Keras; the last two refuse grouped heads.
# Seen (x-transformers 2.31.10, torch 2.13.0): 0 1 0 1 in x-transformers, 0 0 1 1 in torch. Weights copied from one to the other
# run without an error and give other outputs. (Flax nnx and Keras take grouped heads, in blocks: there the guess was wrong.)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$room/venv/bin/pip" install --quiet x-transformers==2.31.10 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'PY'
import importlib.metadata
import torch
import torch.nn.functional as F
from x_transformers.attend import Attend

q, k = torch.zeros(1, 4, 1, 16), torch.zeros(1, 2, 5, 16)
v = torch.arange(2.0)[None, :, None, None].expand(1, 2, 5, 16).contiguous()
theirs = Attend(heads=4)(q, k, v)[0][0, :, 0, 0].tolist()
torchs = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)[0, :, 0, 0].tolist()
print("x-transformers", importlib.metadata.version("x-transformers"), theirs, "torch", torch.__version__, torchs)
assert theirs == [0, 1, 0, 1] and torchs == [0, 0, 1, 1]
PY
