"""What stands in an earlier exercise's place when a later one that uses it is judged once more: the library's parts.

`USES` says which earlier exercises of a notebook the hand-out lets an answer use. `PARTS` holds torch's own operators
behind the interface of each of those, as the source of a function that returns them. They are no references, are written
independently of the masters, and are sent to a worker only when the exercise they stand for has been judged.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

USES: dict[str, tuple[str, ...]] = {
    "q1_2": ("q1_1",),
    "q2_2": ("q2_1",),
    "q2_5": ("q2_3",),
    "q2_6": ("q2_3", "q2_4"),
    "q4_3": ("q4_1", "q4_2"),
    "q4_4": ("q4_1", "q4_2"),
    "q5_8": ("q5_5",),
    "q5_9": ("q5_5",),
    "q6_5": ("q6_3", "q6_4"),
    "q6_12": ("q6_1", "q6_2", "q6_11"),
}

PARTS: dict[str, tuple[tuple[str, ...], str]] = {
    "q1_1": (
        ("rnn_step",),
        """
        def rnn_step(x_t, h, W_x, W_h, b):
            return torch.rnn_tanh_cell(x_t, h, W_x.T, W_h.T, b, torch.zeros_like(b))
        """,
    ),
    "q2_1": (
        ("softmax",),
        """
        import numpy as np
        def softmax(z, axis=-1):
            z = np.asarray(z)
            z = z if z.dtype.kind == "f" else z.astype(float)
            return torch.softmax(torch.from_numpy(np.array(z)), dim=axis).numpy()
        """,
    ),
    "q2_3": (
        ("attention",),
        """
        def attention(Q, K, V):
            S = K.shape[-2]
            one_hot = torch.eye(S, dtype=K.dtype).expand(*K.shape[:-2], S, S)
            library = torch.nn.functional.scaled_dot_product_attention
            return library(Q, K, V, scale=1.0), library(Q, K, one_hot, scale=1.0)
        """,
    ),
    "q2_4": (
        ("project",),
        """
        def project(X, W_q, W_k, W_v):
            linear = torch.nn.functional.linear
            return linear(X, W_q.mT), linear(X, W_k.mT), linear(X, W_v.mT)
        """,
    ),
    "q4_1": (
        ("split_heads",),
        """
        def split_heads(X, H):
            if X.shape[-1] % H:
                raise ValueError("H does not divide d_model")
            return torch.stack(X.chunk(H, dim=-1), dim=1)
        """,
    ),
    "q4_2": (
        ("merge_heads",),
        """
        def merge_heads(X):
            return torch.cat(X.unbind(1), dim=-1)
        """,
    ),
    "q5_5": (
        ("rope_rotate",),
        """
        def rope_rotate(x, positions, base=10000.0):
            if x.shape[-1] % 2:
                raise ValueError("d is odd")
            speeds = torch.pow(base, -torch.linspace(0, 1, x.shape[-1] // 2 + 1, dtype=x.dtype)[:-1])
            angles = torch.outer(positions.to(x.dtype), speeds)
            turned = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) * torch.polar(torch.ones_like(angles), angles)
            return torch.view_as_real(turned).flatten(-2)
        """,
    ),
    "q6_1": (
        ("causal_mask",),
        """
        def causal_mask(T, S=None):
            S = T if S is None else S
            if S < T:
                raise ValueError("S is smaller than T")
            return torch.arange(S)[None, :].le(torch.arange(S - T, S)[:, None])
        """,
    ),
    "q6_2": (
        ("combine_masks", "from_key_padding", "from_additive"),
        """
        def combine_masks(causal, key_is_real):
            return torch.logical_and(causal, key_is_real.unsqueeze(1).unsqueeze(1))
        def from_key_padding(key_padding_mask):
            return torch.logical_not(key_padding_mask)
        def from_additive(mask):
            return mask.eq(0)
        """,
    ),
    "q6_3": (
        ("shift_right",),
        """
        def shift_right(y, bos):
            return torch.nn.functional.pad(y, (1, -1), value=bos)
        """,
    ),
    "q6_4": (
        ("cross_entropy",),
        """
        def cross_entropy(logits, y, ignore_index):
            real = y.ne(ignore_index)
            tokens = torch.distributions.Categorical(logits=logits[real], validate_args=False)
            return -tokens.log_prob(y[real]).sum() / max(int(real.sum()), 1)
        """,
    ),
    "q6_11": (
        ("TransformerBlock",),
        """
        from attnkit.standins import LibraryAttention
        class TransformerBlock(torch.nn.Module):
            def __init__(self, d_model, H, d_ff, cross=False):
                super().__init__()
                norm, linear = torch.nn.LayerNorm, torch.nn.Linear
                parts = {"norm_self": norm(d_model), "self_attention": LibraryAttention(d_model, H)}
                if cross:
                    parts |= {"norm_cross": norm(d_model), "cross_attention": LibraryAttention(d_model, H)}
                thinking = torch.nn.Sequential(linear(d_model, d_ff), torch.nn.ReLU(), linear(d_ff, d_model))
                parts |= {"norm_feed_forward": norm(d_model), "feed_forward": thinking}
                for name, part in parts.items():
                    self.add_module(name, part)
            def forward(self, x, memory=None, self_mask=None, memory_mask=None):
                x = torch.add(x, self.self_attention(self.norm_self(x), mask=self_mask)[0])
                if hasattr(self, "norm_cross"):
                    if memory is None:
                        raise ValueError("there is no memory")
                    x = torch.add(x, self.cross_attention(self.norm_cross(x), memory, mask=memory_mask)[0])
                return torch.add(x, self.feed_forward(self.norm_feed_forward(x)))
        """,
    ),
}


def cell_of(questions: Sequence[str]) -> str:
    """A cell that puts the library's parts in the place of what these exercises define, and leaves no other name."""
    names = [name for question in questions for name in PARTS[question][0]]
    body = "\n".join(textwrap.dedent(PARTS[question][1]).strip() for question in questions)
    listed = ", ".join(names)
    return (
        f"def _library_parts():\n    import torch\n{textwrap.indent(body, '    ')}\n    return ({listed},)\n"
        f"({listed},) = _library_parts()\ndel _library_parts"
    )
