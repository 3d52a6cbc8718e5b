"""x-transformers and rotary-embedding-torch."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from rotary_embedding_torch import RotaryEmbedding
from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper
from x_transformers.attend import Attend
from x_transformers.x_transformers import RotaryEmbedding as OwnRotary
from x_transformers.x_transformers import apply_rotary_pos_emb

from fieldguide import probing as p

t = torch.from_numpy


def attend(q, k, v, mask=None, causal=False):
    return Attend(causal=causal, heads=q.shape[1])(t(q), t(k), t(v), mask=None if mask is None else t(mask))[0].numpy()


def gradient() -> str:
    q = t(p.draw(0)).requires_grad_()
    Attend()(q, t(p.draw(1, length=5)), t(p.VALUES), mask=torch.zeros(1, 1, 1, 5, dtype=torch.bool))[0].sum().backward()
    return p.kind(q.grad.numpy())


def softcap() -> str:
    module = Attend(softclamp_logits=True, logit_softclamp_value=1.0)
    out = module(t(p.zeros()), t(p.zeros(length=5)), t(p.VALUES), mask=t(p.only_first()))[0]
    return "softcap first" if float(out[0, 0, 0, 0]) == 0 else "mask first: a masked key is seen"


def weights(training: bool) -> np.ndarray:
    torch.manual_seed(0)
    q = torch.randn(1, 2, 5, 16)
    return Attend(dropout=0.4).train(training)(q, q, q)[1].post_softmax_attn.detach().numpy()


def language_model() -> AutoregressiveWrapper:
    torch.manual_seed(0)
    return AutoregressiveWrapper(TransformerWrapper(num_tokens=32, max_seq_len=16, attn_layers=Decoder(dim=32, depth=1, heads=2)))


def shift() -> str:
    module, x = language_model().eval(), torch.tensor([[3, 4, 5, 6, 7]])
    with torch.no_grad():
        loss, logits = module(x), module.net(x[:, :-1])
    return "yes" if torch.isclose(loss, F.cross_entropy(logits[0], x[0, 1:])) else "no"


def ignore() -> str:
    return str(language_model().ignore_index)


def turn_own(x: np.ndarray) -> np.ndarray:
    angles, _ = OwnRotary(len(x)).forward_from_seq_len(3)
    return apply_rotary_pos_emb(t(x).expand(1, 1, 3, -1).contiguous(), angles)[0, 0, 2].detach().numpy()


def turn_rotary(x: np.ndarray) -> np.ndarray:
    return RotaryEmbedding(dim=len(x)).rotate_queries_or_keys(t(x).expand(1, 1, 3, -1).contiguous())[0, 0, 2].detach().numpy()


def share() -> str:
    angles = Decoder(dim=128, depth=1, heads=2, attn_dim_head=64, rotary_pos_emb=True).rotary_pos_emb.forward_from_seq_len(3)[0]
    return {64: "all", 32: "1/2", 16: "1/4"}.get(angles.shape[-1], f"{angles.shape[-1]} of 64")


def rotary_share() -> str:
    x = torch.randn(1, 1, 6, 64)
    turned = int(((RotaryEmbedding(dim=64).rotate_queries_or_keys(x) - x).abs() > 0)[0, 0].any(0).sum())
    return {64: "all", 32: "1/2", 16: "1/4"}.get(turned, f"{turned} of 64")


CELLS: p.Cells = p.standard("xtr", attend, without="empty_inf") | {
    ("xtr", "empty_grad"): gradient,
    ("xtr", "softcap"): softcap,
    ("xtr", "dropout"): lambda: p.sums(weights(True)),
    ("xtr", "heads"): lambda: "each head" if weights(False).shape == (1, 2, 5, 5) else "averaged",
    ("xtr", "shift"): shift,
    ("xtr", "ignore"): ignore,
    ("xtr", "rope_layout"): lambda: p.pairs(turn_own),
    ("xtr", "rope_share"): share,
    ("rotary", "rope_layout"): lambda: p.pairs(turn_rotary),
    ("rotary", "rope_share"): rotary_share,
}
