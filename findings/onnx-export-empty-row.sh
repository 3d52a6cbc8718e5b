#!/usr/bin/env bash
# torch to ONNX: a query that may see nothing gives 0 in torch and the mean of the forbidden values in the exported model.
# Guess, before the run: NaN in the exported model (a softmax over -inf).
# Seen (torch 2.13.0, onnx 1.23.2, onnxruntime 1.32.0): torch 0, the exported model 2, the mean of the values 0 to 4.
# The ONNX operator Attention itself gives 0 in onnxruntime; the exporter wrote opset 20, which does not have it.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$room/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'PY'
import torch
import torch.nn.functional as F
import onnxruntime

class Attend(torch.nn.Module):
    def forward(self, q, k, v, mask):
        return F.scaled_dot_product_attention(q, k, v, mask)

torch.manual_seed(0)
q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 5, 16)
v = torch.arange(5.0)[None, None, :, None].expand(1, 1, 5, 16).contiguous()
inputs = (q, k, v, torch.zeros(1, 1, 1, 5, dtype=torch.bool))
program = torch.onnx.export(Attend().eval(), inputs, dynamo=True, verbose=False)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
names = [x.name for x in session.get_inputs()]
theirs = session.run(None, dict(zip(names, (x.numpy() for x in inputs))))[0]
ours = Attend()(*inputs)
opset = program.model_proto.opset_import[0].version
print("torch", torch.__version__, "onnxruntime", onnxruntime.__version__, "opset", opset, "torch gives", ours.mean().item(), "exported gives", theirs.mean())
assert ours.abs().max() == 0 and abs(theirs - 2).max() < 1e-5
PY
