"""JAX: jax.nn.dot_product_attention."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fieldguide import probing as p


def heads_last(x):
    return jnp.asarray(x).swapaxes(1, 2)


def attend(q, k, v, mask=None, bias=None, causal=False):
    mask = None if mask is None else jnp.asarray(mask)
    out = jax.nn.dot_product_attention(heads_last(q), heads_last(k), heads_last(v), bias=bias, mask=mask, is_causal=causal)
    return np.asarray(out.swapaxes(1, 2))


def gradient() -> str:
    k, v, nothing = heads_last(p.draw(1, length=5)), heads_last(p.VALUES), jnp.zeros((1, 1, 1, 5), bool)
    return p.kind(jax.grad(lambda q: jax.nn.dot_product_attention(q, k, v, mask=nothing).sum())(heads_last(p.draw(0))))


CELLS: p.Cells = p.standard("jax", attend) | {("jax", "empty_grad"): gradient}
