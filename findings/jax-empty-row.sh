#!/usr/bin/env bash
# jax.nn.dot_product_attention: a query with nothing to see averages what it may not see, or is NaN.
# Guess, before the run: 2 with a boolean mask, NaN with -inf; and a gradient that is finite and not 0 with the boolean mask.
# Seen (jax 0.10.2): 2, the mean of the forbidden values 0 to 4, with a boolean mask, NaN with a bias of -inf; the gradient
# with the boolean mask is exactly 0 although the output is not: the loss sees the row, and cannot teach it anything.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
cd "$room"
"$room/venv/bin/python" - <<'PY'
import jax
import jax.numpy as jnp

q, k = jax.random.normal(jax.random.key(0), (1, 1, 1, 16)), jax.random.normal(jax.random.key(1), (1, 5, 1, 16))
v = jnp.broadcast_to(jnp.arange(5.0)[None, :, None, None], (1, 5, 1, 16))
nothing = jnp.zeros((1, 1, 1, 5), bool)
attend = jax.nn.dot_product_attention
masked, biased = attend(q, k, v, mask=nothing), attend(q, k, v, bias=jnp.full((1, 1, 1, 5), -jnp.inf))
slope = jax.grad(lambda q: attend(q, k, v, mask=nothing).sum())(q)
print("jax", jax.__version__, "boolean:", masked.mean(), "-inf:", biased.mean(), "gradient:", jnp.abs(slope).max())
assert jnp.allclose(masked, 2) and jnp.isnan(biased).all() and (slope == 0).all()
PY
