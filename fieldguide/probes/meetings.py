"""Where two libraries meet."""

from __future__ import annotations

import io
import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"

import flax.linen as linen
import jax
import jax.numpy as jnp
import keras
import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F

from fieldguide import probing as p

warnings.filterwarnings("ignore")
t = torch.from_numpy


class Attend(torch.nn.Module):
    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v, mask=None):
        return F.scaled_dot_product_attention(q, k, v, mask, is_causal=self.causal)


def exported(causal: bool, *inputs: torch.Tensor) -> np.ndarray:
    program = torch.onnx.export(Attend(causal).eval(), inputs, dynamo=True, verbose=False)
    file = io.BytesIO(program.model_proto.SerializeToString())
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    return session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True)))[0]


def onnx_export() -> str:
    return p.word(exported(False, t(p.draw(0)), t(p.draw(1, length=5)), t(p.VALUES), torch.zeros(1, 1, 1, 5, dtype=torch.bool)))


def onnx_causal() -> str:
    inputs = t(p.draw(0, length=3)), t(p.draw(1, length=5)), t(p.VALUES)
    return "same" if np.allclose(exported(True, *inputs), Attend(True)(*inputs).numpy(), atol=1e-5) else "different"


def flax_to_torch() -> str:
    x = np.random.default_rng(0).standard_normal((1, 5, 16)).astype(np.float32)
    module = linen.MultiHeadDotProductAttention(num_heads=2, use_bias=False)
    params = module.init(jax.random.key(0), jnp.asarray(x))["params"]
    theirs = torch.nn.MultiheadAttention(16, 2, bias=False, batch_first=True)
    kernels = [np.array(params[name]["kernel"]).reshape(16, 16).T for name in ("query", "key", "value", "out")]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(t(np.concatenate(kernels[:3])))
        theirs.out_proj.weight.copy_(t(kernels[3].copy()))
        out = theirs(t(x), t(x), t(x))[0].numpy()
    same = np.allclose(out, np.asarray(module.apply({"params": params}, jnp.asarray(x))), atol=1e-5)
    return "same" if same else "different"


def keras_to_jax() -> str:
    mask = keras.layers.Embedding(9, 16, mask_zero=True).compute_mask(np.array([[1, 2, 3, 4, 0]]))  # (B, S)
    q, v = jnp.zeros((1, 5, 1, 16)), jnp.asarray(p.VALUES).swapaxes(1, 2)
    out = jax.nn.dot_product_attention(q, q, v, mask=jnp.asarray(mask))
    return f"mean of keys seen is {float(out[0, 0, 0, 0]):.3g}"


def torch_pad_to_sdpa() -> str:
    padding = torch.tensor([[False, False, False, True, True]])
    out = F.scaled_dot_product_attention(t(p.zeros()), t(p.zeros(length=5)), t(p.VALUES), padding[:, None, None])
    return "the mean over the padding" if float(out[0, 0, 0, 0]) == 3.5 else p.word(out)


CELLS: p.Cells = {("meetings", f.__name__): f for f in (onnx_export, onnx_causal, flax_to_torch, keras_to_jax, torch_pad_to_sdpa)}
