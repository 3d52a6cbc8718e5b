"""The ONNX operators Attention and RotaryEmbedding (opset 23), by the reference evaluator and by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from fieldguide import probing as p


def run_node(runtime: str, operator: str, inputs: dict[str, np.ndarray], **attributes) -> np.ndarray:
    node = helper.make_node(operator, list(inputs), ["out"], **attributes)
    given = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()]
    graph = helper.make_graph([node], "probe", given, [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    if runtime == "onnx_ref":
        return ReferenceEvaluator(model).run(None, inputs)[0]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


def attend_with(runtime: str):
    def attend(q, k, v, mask=None, bias=None, causal=False, **attributes):
        inputs = {"q": q, "k": k, "v": v}
        m = mask if mask is not None else bias
        if m is not None:
            inputs["m"] = m
        return run_node(runtime, "Attention", inputs, is_causal=int(causal), **attributes)

    return attend


def softcap(runtime: str) -> str:
    bias = np.where(p.only_first(), 0, -np.inf).astype(np.float32)
    out = attend_with(runtime)(p.zeros(), p.zeros(length=5), p.VALUES, bias=bias, softcap=1.0)
    return "softcap first" if float(out[0, 0, 0, 0]) == 0 else "mask first: a masked key is seen"


def turn(runtime: str):
    def rotate(x: np.ndarray) -> np.ndarray:
        angle = np.ones((1, 1, len(x) // 2), np.float32)
        inputs = {"x": x[None, None, None].copy(), "cos": np.cos(angle), "sin": np.sin(angle)}
        return run_node(runtime, "RotaryEmbedding", inputs).reshape(-1)

    return rotate


CELLS: p.Cells = {}
for name in ("onnx_ref", "ort"):
    CELLS |= p.standard(name, attend_with(name))
    CELLS[name, "softcap"] = lambda n=name: softcap(n)
    CELLS[name, "rope_layout"] = lambda n=name: p.pairs(turn(n))
