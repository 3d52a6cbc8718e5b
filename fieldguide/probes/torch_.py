"""torch: the function, two of its kernels, the modules, FlexAttention."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from fieldguide import probing as p

warnings.filterwarnings("ignore")
t = torch.from_numpy


def sdpa(q, k, v, mask=None, bias=None, causal=False):
    m = mask if mask is not None else bias
    return F.scaled_dot_product_attention(
        t(q), t(k), t(v), None if m is None else t(m), is_causal=causal, enable_gqa=q.shape[1] != k.shape[1]
    ).numpy()


def sdpa_math(*args, **kwargs):
    with sdpa_kernel(SDPBackend.MATH):
        return sdpa(*args, **kwargs)


def identity_mha(**kwargs) -> nn.MultiheadAttention:
    module = nn.MultiheadAttention(16, 1, bias=False, batch_first=True, **kwargs)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(16).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(16))
    return module


def mha(q, k, v, mask=None, bias=None):
    m = mask if mask is not None else bias
    with torch.no_grad():
        return identity_mha().eval()(t(q[0]), t(k[0]), t(v[0]), attn_mask=None if m is None else t(m[0, 0]))[0][None].numpy()


def flex(q, k, v, mask=None):
    block = None
    if mask is not None:
        seen = t(mask)
        block = create_block_mask(lambda b, h, i, j: seen[0, 0, i, j], 1, 1, q.shape[2], k.shape[2], device="cpu")
    return flex_attention(t(q), t(k), t(v), block_mask=block, enable_gqa=q.shape[1] != k.shape[1]).numpy()


def gradient(run) -> str:
    q = t(p.draw(0)).requires_grad_()
    run(q, t(p.draw(1, length=5)), t(p.VALUES)).sum().backward()
    return p.kind(q.grad.numpy())


NOTHING = torch.zeros(1, 1, 1, 5, dtype=torch.bool)


def grad_math() -> str:
    with sdpa_kernel(SDPBackend.MATH):
        return gradient(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, NOTHING))


def grad_flex() -> str:
    block = create_block_mask(lambda b, h, i, j: i < 0, 1, 1, 1, 5, device="cpu")
    return gradient(lambda q, k, v: flex_attention(q, k, v, block_mask=block))


def mha_weights(training: bool) -> np.ndarray:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(16, 2, dropout=0.4, batch_first=True).train(training)
    x = torch.randn(1, 5, 16)
    return module(x, x, x)[1].detach().numpy()


def encoder(blocked: list[bool], training: bool = False) -> np.ndarray:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    module = nn.TransformerEncoder(layer, 1).train(training)
    x, mask = torch.randn(2, 5, 16), torch.tensor([[False] * 5, blocked])
    with torch.no_grad():
        return module(x, src_key_padding_mask=mask)[1].numpy()


def encoder_polarity() -> str:
    torch.manual_seed(0)
    module = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True), 1).train()
    x = torch.randn(1, 5, 16)
    moved = x.clone()
    moved[0, 1] += 1
    mask = torch.tensor([[False, True, False, False, False]])
    same = torch.equal(module(x, src_key_padding_mask=mask)[0, 0], module(moved, src_key_padding_mask=mask)[0, 0])
    return "blocked" if same else "may attend"


def shift() -> str:
    logits, y = torch.randn(1, 5, 7), torch.tensor([[1, 2, 3, 4, 5]])
    loss = F.cross_entropy(logits[0], y[0])
    return "no" if torch.isclose(loss, -logits[0].log_softmax(-1)[range(5), y[0]].mean()) else "yes"


def ignore() -> str:
    logits = torch.randn(2, 7)
    both, one = F.cross_entropy(logits, torch.tensor([1, -100])), F.cross_entropy(logits[:1], torch.tensor([1]))
    return "-100" if torch.equal(both, one) else "none"


def all_padded() -> str:
    x, module = torch.randn(1, 5, 16), nn.MultiheadAttention(16, 2, batch_first=True).eval()
    with torch.no_grad():
        return p.kind(module(x, x, x, key_padding_mask=torch.ones(1, 5, dtype=torch.bool), need_weights=False)[0])


CELLS: p.Cells = (
    p.standard("sdpa", sdpa)
    | p.standard("sdpa_math", sdpa_math)
    | p.standard("mha", mha, without="causal gqa empty_bool")
    | p.standard("flex", flex, without="empty_inf causal")
    | {
        ("sdpa", "empty_grad"): lambda: gradient(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, NOTHING)),
        ("sdpa_math", "empty_grad"): grad_math,
        ("mha", "empty_bool"): lambda: p.empty_bool(mha, allowed=False),
        ("mha", "empty_grad"): lambda: gradient(
            lambda q, k, v: identity_mha()(q[0], k[0], v[0], attn_mask=~NOTHING[0, 0])[0]
        ),
        ("flex", "empty_grad"): grad_flex,
        ("mha", "dropout"): lambda: p.sums(mha_weights(True)),
        ("mha", "heads"): lambda: "averaged" if mha_weights(False).shape == (1, 5, 5) else "each head",
        ("mha", "all_pad"): all_padded,
        ("encoder", "polarity"): encoder_polarity,
        ("encoder", "pad_right"): lambda: p.kind(encoder([False] * 3 + [True] * 2)[3:]),
        ("encoder", "pad_left"): lambda: p.kind(encoder([True] * 2 + [False] * 3)[:2]),
        ("encoder", "all_pad"): lambda: p.kind(encoder([True] * 5)),
        ("sdpa", "shift"): shift,
        ("sdpa", "ignore"): ignore,
    }
)
