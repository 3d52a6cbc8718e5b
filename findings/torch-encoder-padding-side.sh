#!/usr/bin/env bash
# torch nn.TransformerEncoder: the output at padded positions depends on the side of the padding.
# Guess, before the run: padded positions hold finite numbers of no meaning, on either side, in any mode.
# Seen (torch 2.13.0, CPU, eval mode without gradients): zeros where the padding is on the right, other numbers where it is
# on the left; in train mode, other numbers on both sides. A mean over all positions changes with the mode of the model.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'PY'
import warnings
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(0)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True), 1)
x = torch.randn(2, 5, 16)
seen = {}
for mode in ("eval", "train"):
    for side, pads in (("right", [0, 0, 0, 1, 1]), ("left", [1, 1, 0, 0, 0])):
        mask = torch.tensor([[0] * 5, pads]).bool()
        with torch.no_grad():
            out = encoder.train(mode == "train")(x, src_key_padding_mask=mask)
        seen[mode, side] = out[1][mask[1]].abs().max().item()
print("torch", torch.__version__, {k: round(v, 3) for k, v in seen.items()})
assert seen["eval", "right"] == 0 and min(seen["eval", "left"], seen["train", "right"], seen["train", "left"]) > 0.1
PY
