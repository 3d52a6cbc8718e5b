"""Keras 3 on JAX: the operation and the layers."""

from __future__ import annotations

import inspect
import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np

from fieldguide import probing as p


def heads_last(x):
    return jnp.asarray(x).swapaxes(1, 2)


def operation(q, k, v, mask=None, bias=None, causal=False):
    mask = None if mask is None else jnp.asarray(mask)
    out = keras.ops.dot_product_attention(heads_last(q), heads_last(k), heads_last(v), bias=bias, mask=mask, is_causal=causal)
    return np.asarray(out.swapaxes(1, 2))


def identity_layer():
    layer = keras.layers.MultiHeadAttention(num_heads=1, key_dim=16, use_bias=False)
    layer.build((1, 1, 16), (1, 5, 16), (1, 5, 16))
    layer.set_weights([np.eye(16, dtype=np.float32).reshape(w.shape) for w in layer.get_weights()])
    return layer


def layer(q, k, v, mask=None, causal=False):
    mask = None if mask is None else jnp.asarray(mask[0])
    return np.asarray(identity_layer()(q[0], v[0], key=k[0], attention_mask=mask, use_causal_mask=causal))[None]


def grouped() -> str:
    module = keras.layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2, use_bias=False)
    module.build((1, 1, 16), (1, 5, 16))
    query, key, value, output = module.get_weights()
    value = np.zeros_like(value)  # (16, 2, 4): head 1 writes the constant feature, head 0 nothing
    value[0, 1] = 1
    output = np.eye(16, dtype=np.float32).reshape(output.shape)
    module.set_weights([query, key, value, output])
    x = np.ones((1, 5, 16), np.float32)
    seen = np.asarray(module(x[:, :1], x)).reshape(4, 4)[:, 0].round().astype(int).tolist()
    return {(0, 0, 1, 1): "blocks: 0 0 1 1", (0, 1, 0, 1): "cyclic: 0 1 0 1"}.get(tuple(seen), str(seen))


def gradient(run) -> str:
    return p.kind(jax.grad(lambda q: run(q).sum())(jnp.asarray(p.draw(0))))


def op_gradient(q):
    k, v = heads_last(p.draw(1, length=5)), heads_last(p.VALUES)
    return keras.ops.dot_product_attention(q.swapaxes(1, 2), k, v, mask=jnp.zeros((1, 1, 1, 5), bool))


def weights(training: bool) -> np.ndarray:
    module = keras.layers.MultiHeadAttention(num_heads=2, key_dim=8, dropout=0.4)
    x = np.random.default_rng(0).standard_normal((1, 5, 16)).astype(np.float32)
    return np.asarray(module(x, x, return_attention_scores=True, training=training)[1])


def padded(tokens: list[int], where: slice) -> str:
    x = keras.layers.Embedding(9, 16, mask_zero=True)(np.array([tokens]))
    return p.kind(np.asarray(keras.layers.MultiHeadAttention(num_heads=2, key_dim=8)(x, x))[0, where])


def ignore() -> str:
    default = inspect.signature(keras.losses.SparseCategoricalCrossentropy).parameters["ignore_class"].default
    return "none" if default is None else str(default)


MASKED = identity_layer()
CELLS: p.Cells = (
    p.standard("keras_ops", operation)
    | p.standard("keras_mha", layer, without="empty_inf gqa")
    | {
        ("keras_mha", "gqa"): grouped,
        ("keras_ops", "empty_grad"): lambda: gradient(op_gradient),
        ("keras_mha", "empty_grad"): lambda: gradient(
            lambda q: MASKED(q[0], p.VALUES[0], key=p.draw(1, length=5)[0], attention_mask=jnp.zeros((1, 1, 5), bool))
        ),
        ("keras_mha", "dropout"): lambda: p.sums(weights(True)),
        ("keras_mha", "heads"): lambda: "each head" if weights(False).shape == (1, 2, 5, 5) else "averaged",
        ("keras_mha", "pad_right"): lambda: padded([1, 2, 3, 0, 0], slice(3, 5)),
        ("keras_mha", "pad_left"): lambda: padded([0, 0, 1, 2, 3], slice(0, 2)),
        ("keras_mha", "all_pad"): lambda: padded([0, 0, 0, 0, 0], slice(0, 5)),
        ("keras_ops", "ignore"): ignore,
    }
)
