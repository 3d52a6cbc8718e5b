#!/usr/bin/env bash
# A Keras padding mask handed to JAX: sentence 2's mask is read as query 2's mask.
# Guess, before the run: JAX refuses a mask of shape (batch, keys).
# Seen (keras 3.15.1, jax 0.10.2): it is broadcast from the right, so its batch axis becomes the query axis: with a batch of one it is
# right, and with as many sentences as queries it is wrong without an error.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 keras==3.15.1 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'PY'
import os
os.environ["KERAS_BACKEND"] = "jax"
import jax
import jax.numpy as jnp
import keras
import numpy as np

mask = jnp.asarray(keras.layers.Embedding(9, 16, mask_zero=True).compute_mask(np.array([[1, 2], [3, 0]])))  # (2 sentences, 2 keys)
q = jnp.zeros((2, 2, 1, 16))  # batch, position, head, feature
v = jnp.broadcast_to(jnp.arange(2.0)[None, :, None, None], (2, 2, 1, 16))
handed = jax.nn.dot_product_attention(q, q, v, mask=mask)[..., 0, 0].tolist()
meant = jax.nn.dot_product_attention(q, q, v, mask=mask[:, None, None])[..., 0, 0].tolist()
print("keras", keras.__version__, "jax", jax.__version__, "handed as it is:", handed, "meant:", meant)
assert meant == [[0.5, 0.5], [0.0, 0.0]] and handed == [[0.5, 0.0], [0.5, 0.0]]
PY
