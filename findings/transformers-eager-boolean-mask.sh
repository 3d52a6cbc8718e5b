#!/usr/bin/env bash
# Transformers: the eager attention function of Llama takes a boolean mask, and adds it to the scores.
# Guess, before the run: it refuses a boolean mask with an error.
# Seen (transformers 5.24.0): True is added as 1 and False as 0, so no key is hidden; the sdpa function hides the key.
# (A whole model makes an additive mask by itself; this meets whoever calls or registers an attention function.)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$room/venv/bin/pip" install --quiet transformers==5.24.0 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'PY'
from types import SimpleNamespace
import torch
import transformers
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import eager_attention_forward

module = SimpleNamespace(num_key_value_groups=1, training=False, is_causal=False)
q, k = torch.zeros(1, 1, 1, 16), torch.zeros(1, 1, 5, 16)
v = torch.arange(5.0)[None, None, :, None].expand(1, 1, 5, 16).contiguous()
mask = torch.tensor([[[[True, False, False, False, False]]]])
weights = eager_attention_forward(module, q, k, v, mask, scaling=0.25)[1].flatten()
hidden = sdpa_attention_forward(module, q, k, v, mask)[0].flatten()[0].item()
print("transformers", transformers.__version__, "eager weights:", [round(w, 3) for w in weights.tolist()], "sdpa output:", hidden)
assert hidden == 0 and torch.allclose(weights, torch.softmax(torch.tensor([1.0, 0, 0, 0, 0]), -1))
PY
