"""Flax: the functions of linen and of nnx, and what their modules return."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from fieldguide import probing as p


def heads_last(x):
    return jnp.asarray(x).swapaxes(1, 2)


def attend_with(function):
    def attend(q, k, v, mask=None, bias=None):
        mask = None if mask is None else jnp.asarray(mask)
        return np.asarray(function(heads_last(q), heads_last(k), heads_last(v), bias=bias, mask=mask).swapaxes(1, 2))

    return attend


def gradient(function) -> str:
    k, v, nothing = heads_last(p.draw(1, length=5)), heads_last(p.VALUES), jnp.zeros((1, 1, 1, 5), bool)
    return p.kind(jax.grad(lambda q: function(q, k, v, mask=nothing).sum())(heads_last(p.draw(0))))


def linen_weights() -> np.ndarray:
    module = nn.MultiHeadDotProductAttention(num_heads=2, dropout_rate=0.4, deterministic=False)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 5, 16)), jnp.float32)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    _, kept = module.apply(module.init(keys, x), x, rngs={"dropout": jax.random.key(1)}, sow_weights=True, mutable=["intermediates"])
    return np.asarray(jax.tree.leaves(kept)[0])


def nnx_weights() -> np.ndarray:
    module = nnx.MultiHeadAttention(
        num_heads=2, in_features=16, dropout_rate=0.4, deterministic=False, decode=False, rngs=nnx.Rngs(params=0, dropout=1)
    )
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 5, 16)), jnp.float32)
    module(x, sow_weights=True)
    found = [leaf for leaf in jax.tree.leaves(nnx.state(module, nnx.Intermediate)) if getattr(leaf, "ndim", 0) >= 3]
    return np.asarray(found[0])


def each(weights: np.ndarray) -> str:
    return "each head" if weights.shape == (1, 2, 5, 5) else f"shape {weights.shape}"


CELLS: p.Cells = (
    p.standard("linen", attend_with(nn.dot_product_attention), without="causal")
    | p.standard("nnx", attend_with(nnx.dot_product_attention), without="causal")
    | {
        ("linen", "empty_grad"): lambda: gradient(nn.dot_product_attention),
        ("nnx", "empty_grad"): lambda: gradient(nnx.dot_product_attention),
        ("linen", "dropout"): lambda: p.sums(linen_weights()),
        ("nnx", "dropout"): lambda: p.sums(nnx_weights()),
        ("linen", "heads"): lambda: each(linen_weights()),
        ("nnx", "heads"): lambda: each(nnx_weights()),
    }
)
