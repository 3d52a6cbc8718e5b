#!/usr/bin/env bash
# torch nn.MultiheadAttention: a wholly padded sequence is NaN or finite depending on mode and on need_weights.
# Guess, before the run: NaN always, since the softmax of a row of -inf is NaN.
# Seen (torch 2.13.0, CPU): NaN with need_weights=True; with need_weights=False finite in train mode and in eval mode with
# gradients on, NaN in eval mode under no_grad (the fast path). So a model may be finite while it learns and NaN when it is used.
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
module, x = nn.MultiheadAttention(16, 2, batch_first=True), torch.randn(1, 5, 16)
mask = torch.ones(1, 5, dtype=torch.bool)
seen = {}
for weights in (True, False):
    for training in (True, False):
        for gradients in (True, False):
            with torch.set_grad_enabled(gradients):
                out = module.train(training)(x, x, x, key_padding_mask=mask, need_weights=weights)[0]
            seen[weights, training, gradients] = bool(out.isnan().any())
print("torch", torch.__version__, "(need_weights, training, gradients): NaN?", seen)
assert seen == {(w, t, g): w or (not t and not g) for w in (True, False) for t in (True, False) for g in (True, False)}
PY
