"""Notebook 6, masks and teacher forcing: each definition as loops over positions, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.reference.nb02 import dot, softmax_line

Array = np.ndarray
State = Mapping[str, Array]
PAD = 0
EPSILON = 1e-5  # inside the square root of nn.LayerNorm


def causal_mask(T: int, S: int | None = None) -> Array:
    """(T, S): query t stands at position S − T + t and may attend to every position up to its own."""
    S = T if S is None else S
    mask = np.zeros((T, S), dtype=bool)
    for t in range(T):
        for s in range(S):
            mask[t, s] = s <= S - T + t
    return mask


def combine_masks(causal: Array, key_is_real: Array) -> Array:
    """(T, S) and (B, S) → (B, 1, T, S): allowed by both."""
    (T, S), B = causal.shape, key_is_real.shape[0]
    mask = np.zeros((B, 1, T, S), dtype=bool)
    for b, t, s in np.ndindex(B, T, S):
        mask[b, 0, t, s] = bool(causal[t, s]) and bool(key_is_real[b, s])
    return mask


def from_key_padding(key_padding_mask: Array) -> Array:
    """True = padding → True = real."""
    return np.array([[not padding for padding in row] for row in key_padding_mask.tolist()], dtype=bool).reshape(
        key_padding_mask.shape
    )


def from_additive(mask: Array) -> Array:
    """0 → True, −∞ or very negative → False, whatever the shape."""
    result = np.zeros(mask.shape, dtype=bool)
    for place in np.ndindex(mask.shape):
        result[place] = float(mask[place]) == 0.0
    return result


def shift_right(y: Array, bos: int) -> Array:
    """(B, T): bos first, then every token but the last."""
    result = np.full_like(y, bos)
    for b, t in np.ndindex(y.shape):
        if t:
            result[b, t] = y[b, t - 1]
    return result


def cross_entropy(logits: Array, y: Array, ignore_index: int) -> Array:
    """−(1/n) Σ ln p(y) over the n tokens that are not `ignore_index`; 0 when there is none."""
    costs = []
    for place in np.ndindex(y.shape):
        if int(y[place]) != ignore_index:
            line = [float(z) for z in logits[place]]
            largest = max(line)
            log_sum = largest + math.log(math.fsum(math.exp(z - largest) for z in line))
            costs.append(log_sum - line[int(y[place])])
    return np.array(math.fsum(costs) / len(costs) if costs else 0.0)


def teacher_forcing_loss(model: Callable[..., Array], src: Array, tgt: Array, bos: int, pad: int) -> Array:
    """The cross-entropy of the model's answer to the shifted target."""
    return cross_entropy(model(src, shift_right(tgt, bos)), tgt, pad)


def teacher_forcing_gradient(model: Callable[..., Array], src: Array, tgt: Array, bos: int, pad: int) -> Array:
    """∂ loss / ∂ logits (B, T, V): (softmax − one-hot) / n at real tokens, 0 at padding."""
    logits = model(src, shift_right(tgt, bos))
    gradient = np.zeros_like(logits)
    count = max(1, sum(int(token) != pad for token in tgt.ravel()))
    for place in np.ndindex(tgt.shape):
        if int(tgt[place]) != pad:
            gradient[place] = np.array(softmax_line(list(logits[place]))) / count
            gradient[place][int(tgt[place])] -= 1 / count
    return gradient


def generate(model: Callable[..., Array], src: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Every row by itself: its likeliest next token again and again up to eos or max_len; then pad to the longest row."""
    rows = []
    for b in range(len(src)):
        prefix = [bos]
        while len(prefix) <= max_len and prefix[-1] != eos:
            logits = model(src[b : b + 1], np.array([prefix]))
            prefix.append(int(np.argmax(logits[0, -1])))
        rows.append(prefix[1:])
    result = np.full((len(rows), max(len(row) for row in rows)), pad)
    for b, row in enumerate(rows):
        result[b, : len(row)] = row
    return result


def sample(logits: Array, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Array:
    """The only token that can come: for cases in which one has all the probability."""
    return np.array([int(np.argmax(row)) for row in logits])


def sampling_probabilities(logits: Array, temperature: float, top_k: int | None) -> Array:
    """softmax(z / temperature) over the `top_k` largest of one row of logits (V,), 0 elsewhere."""
    largest = sorted(range(len(logits)), key=lambda token: -float(logits[token]))[:top_k]
    shares = softmax_line([float(logits[token]) / temperature for token in largest])
    probabilities = np.zeros(len(logits))
    for token, share in zip(largest, shares, strict=True):
        probabilities[token] = share
    return probabilities


def step_with_cache(
    x_t: Array, cache: tuple[Array, Array] | None, W_q: Array, W_k: Array, W_v: Array
) -> tuple[Array, tuple[Array, Array]]:
    """The last row of scaled attention over all positions so far, each example by itself."""
    B = x_t.shape[0]
    past = 0 if cache is None else cache[0].shape[1]
    keys, values = np.zeros((B, past + 1, W_k.shape[1])), np.zeros((B, past + 1, W_v.shape[1]))
    output = np.zeros((B, 1, W_v.shape[1]))
    for b in range(B):
        if cache is not None:
            keys[b, :past], values[b, :past] = cache[0][b], cache[1][b]
        token = x_t[b, 0]
        query = [dot(token, W_q[:, j]) for j in range(W_q.shape[1])]
        keys[b, past] = [dot(token, W_k[:, j]) for j in range(W_k.shape[1])]
        values[b, past] = [dot(token, W_v[:, j]) for j in range(W_v.shape[1])]
        weights = softmax_line([dot(query, key) / math.sqrt(len(query)) for key in keys[b]])
        output[b, 0] = [dot(weights, values[b, :, j]) for j in range(W_v.shape[1])]
    return output, (keys, values)


def loss_floor(P: Array) -> float:
    """Σ_i π_i H(P_i) in nats, with π from the Markov chain tree theorem: π_i ∝ the i-th principal minor of 1 − P."""
    V = len(P)
    minors = []
    for i in range(V):
        others = [j for j in range(V) if j != i]
        minors.append(float(np.linalg.det((np.eye(V) - P)[np.ix_(others, others)])) if others else 1.0)
    total = math.fsum(minors)
    return math.fsum(
        minor / total * -math.fsum(float(p) * math.log(float(p)) for p in row if p > 0)
        for minor, row in zip(minors, P, strict=True)
    )


# The transformer: one position at a time, with the weights under the names that the stubs fix -------------------------


def layer_norm(x: Array, state: State, name: str) -> Array:
    """One vector (d,) to mean 0 and variance 1, times weight, plus bias."""
    centred = x - math.fsum(x) / len(x)
    variance = math.fsum(value * value for value in centred) / len(x)
    return centred / math.sqrt(variance + EPSILON) * state[f"{name}.weight"] + state[f"{name}.bias"]


def multi_head(queries: Array, keys: Array, state: State, name: str, H: int, mask: Array | None) -> Array:
    """Scaled attention of one example, queries (T, d_model) over keys (S, d_model), mask (H, T, S); a blocked row gives 0."""
    d_model = queries.shape[1]
    width = d_model // H
    Q, K, V = (
        np.array([state[f"{name}.{W}.weight"] @ x for x in rows])
        for W, rows in (("W_q", queries), ("W_k", keys), ("W_v", keys))
    )
    heads = np.zeros((len(queries), d_model))
    for h in range(H):
        part = slice(h * width, (h + 1) * width)
        for t in range(len(queries)):
            seen = [s for s in range(len(keys)) if mask is None or mask[h, t, s]]
            if seen:
                weights = softmax_line([float(Q[t, part] @ K[s, part]) / math.sqrt(width) for s in seen])
                heads[t, part] = sum(weight * V[s, part] for weight, s in zip(weights, seen, strict=True))
    return np.array([state[f"{name}.W_o.weight"] @ x for x in heads])


def feed_forward(x: Array, state: State, name: str) -> Array:
    """W_2 max(0, W_1 x + b_1) + b_2 for one vector (d_model,)."""
    hidden = np.maximum(0.0, state[f"{name}.0.weight"] @ x + state[f"{name}.0.bias"])
    return np.asarray(state[f"{name}.2.weight"] @ hidden + state[f"{name}.2.bias"])


def each(function: Callable[[Array], Array], rows: Array) -> Array:
    """The function of every position."""
    return np.array([function(row) for row in rows])


def spread(mask: Array | None, b: int, shape: tuple[int, int, int, int]) -> Array | None:
    """The mask (H, T, S) of example b out of any mask that broadcasts to (B, H, T, S)."""
    return None if mask is None else np.broadcast_to(mask, shape)[b]


def block(
    state: State, prefix: str, H: int, x: Array, memory: Array | None, self_mask: Array | None, memory_mask: Array | None
) -> Array:
    """One pre-norm block for x (B, T, d_model); with a memory (B, S, d_model) it has cross-attention too."""
    B, T, _ = x.shape
    result = np.zeros_like(x)
    for b in range(B):
        rows = x[b]
        normed = each(lambda row: layer_norm(row, state, f"{prefix}norm_self"), rows)
        rows = rows + multi_head(normed, normed, state, f"{prefix}self_attention", H, spread(self_mask, b, (B, H, T, T)))
        if memory is not None:
            normed = each(lambda row: layer_norm(row, state, f"{prefix}norm_cross"), rows)
            mask = spread(memory_mask, b, (B, H, T, memory.shape[1]))
            rows = rows + multi_head(normed, memory[b], state, f"{prefix}cross_attention", H, mask)
        normed = each(lambda row: layer_norm(row, state, f"{prefix}norm_feed_forward"), rows)
        result[b] = rows + each(lambda row: feed_forward(row, state, f"{prefix}feed_forward"), normed)
    return result


def transformer_block(
    state: State,
    init: tuple[Any, ...],
    x: Array,
    memory: Array | None = None,
    self_mask: Array | None = None,
    memory_mask: Array | None = None,
    cross: bool = False,
) -> Array:
    """`block` with the sizes (d_model, H, d_ff, cross) of its constructor; without `cross` the memory is not looked at."""
    crossing = cross or (len(init) > 3 and init[3])
    return block(state, "", init[1], x, memory if crossing else None, self_mask, memory_mask)


def seq2seq(state: State, init: tuple[Any, ...], *args: Array, method: str = "forward") -> Array:
    """The encoder–decoder transformer: `forward(src, tgt_in)`, `encode(src)` or `decode(memory, src, tgt_in)`."""
    H, layers = init[3], init[4]
    if method == "encode":
        return encode(state, H, layers, *args)
    if method == "decode":
        return decode(state, H, layers, *args)
    src, tgt_in = args
    return decode(state, H, layers, encode(state, H, layers, src), src, tgt_in)


def embed(state: State, name: str, ids: Array) -> Array:
    """(B, T) → (B, T, d_model): each token's vector plus its position's."""
    table, positions = state[f"{name}.weight"], state["positions.weight"]
    return np.array([[table[token] + positions[t] for t, token in enumerate(row)] for row in ids])


def encode(state: State, H: int, layers: int, src: Array) -> Array:
    """src (B, S) → memory (B, S, d_model); every real token sees every real token."""
    x = embed(state, "src_embedding", src)
    for layer in range(layers):
        x = block(state, f"encoder.{layer}.", H, x, None, (src != PAD)[:, None, None, :], None)
    return np.array([each(lambda row: layer_norm(row, state, "encoder_norm"), rows) for rows in x])


def decode(state: State, H: int, layers: int, memory: Array, src: Array, tgt_in: Array) -> Array:
    """memory (B, S, d_model), src (B, S), tgt_in (B, T) → logits (B, T, V_tgt)."""
    x = embed(state, "tgt_embedding", tgt_in)
    self_mask = combine_masks(causal_mask(tgt_in.shape[1]), tgt_in != PAD)
    memory_mask = (src != PAD)[:, None, None, :]
    for layer in range(layers):
        x = block(state, f"decoder.{layer}.", H, x, memory, self_mask, memory_mask)
    weight, bias = state["output.weight"], state["output.bias"]
    return np.array([each(lambda row: weight @ layer_norm(row, state, "decoder_norm") + bias, rows) for rows in x])


def llama_attention(
    x: Array, W_q: Array, W_k: Array, W_v: Array, W_o: Array, H: int, G: int, last: int
) -> Array:
    """Every query of the last positions by itself: half-split rotation, head h reads key/value head h // (H/G)."""
    B, S, d_model = x.shape
    d = W_q.shape[0] // H
    output = np.zeros((B, last, d_model))

    def turned(line: list[float], place: int) -> list[float]:
        result = list(line)
        for i in range(d // 2):
            by = place * 10000.0 ** (-2 * i / d)
            a, b = line[i], line[i + d // 2]
            result[i], result[i + d // 2] = a * math.cos(by) - b * math.sin(by), a * math.sin(by) + b * math.cos(by)
        return result

    for b in range(B):
        for t in range(last):
            place, joined = S - last + t, []
            for h in range(H):
                g = h // (H // G)
                query = turned([dot(W_q[h * d + j], x[b, place]) for j in range(d)], place)
                keys = [turned([dot(W_k[g * d + j], x[b, s]) for j in range(d)], s) for s in range(place + 1)]
                weights = softmax_line([dot(query, key) / math.sqrt(d) for key in keys])
                for j in range(d):
                    joined.append(sum(weights[s] * dot(W_v[g * d + j], x[b, s]) for s in range(place + 1)))
            output[b, t] = [dot(row, np.array(joined)) for row in W_o]
    return output


# Beside the main road ------------------------------------------------------------------------------------------------


def normed(x: Array, gain: Array, bias: Array, eps: float = 1e-5) -> Array:
    """(…, d): (x − mean) / √(variance + eps) · gain + bias, each vector by itself, the variance divided by d."""
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape[:-1]):
        line = [float(value) for value in x[place]]
        mean = math.fsum(line) / len(line)
        variance = math.fsum((value - mean) ** 2 for value in line) / len(line)
        for j, value in enumerate(line):
            result[(*place, j)] = (value - mean) / math.sqrt(variance + eps) * gain[j] + bias[j]
    return result


def label_smoothed_loss(logits: Array, y: Array, epsilon: float, ignore_index: int) -> Array:
    """The mean over real tokens of −Σ_v q(v) ln p(v), with q(v) = epsilon / V, and 1 − epsilon more at y; 0 when none is real."""
    costs = []
    for place in np.ndindex(y.shape):
        if int(y[place]) != ignore_index:
            line = [float(z) for z in logits[place]]
            largest = max(line)
            log_sum = largest + math.log(math.fsum(math.exp(z - largest) for z in line))
            shares = [epsilon / len(line) + (1.0 - epsilon if v == int(y[place]) else 0.0) for v in range(len(line))]
            costs.append(math.fsum(share * (log_sum - z) for share, z in zip(shares, line, strict=True)))
    return np.array(math.fsum(costs) / len(costs) if costs else 0.0)


def nucleus(logits: Array, top_p: float, temperature: float = 1.0) -> Array:
    """(…, V): tokens taken from the likeliest on until their sum is top_p or more; their probabilities over that sum, else 0."""
    result = np.zeros_like(logits)
    for place in np.ndindex(logits.shape[:-1]):
        shares = softmax_line([float(z) / temperature for z in logits[place]])
        kept: list[int] = []
        for token in sorted(range(len(shares)), key=lambda token: -shares[token]):
            kept.append(token)
            if math.fsum(shares[one] for one in kept) >= top_p:
                break
        whole = math.fsum(shares[token] for token in kept)
        for token in kept:
            result[(*place, token)] = shares[token] / whole
    return result


def beam_search(
    model: Callable[..., Array], src: Array, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0
) -> Array:
    """Row by row: of all continuations of the `width` kept sentences the best `width` are kept; ended ones stay as they are."""
    rows = []
    for b in range(len(src)):
        kept: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]  # ln p of a sentence, and its tokens
        for _ in range(max_len):
            candidates = []
            for log_p, tokens in kept:
                if tokens and tokens[-1] == eos:
                    candidates.append((log_p, tokens))
                    continue
                logits = model(src[b : b + 1], np.array([[bos, *tokens]]))[0, -1]
                shares = softmax_line([float(z) for z in logits])
                candidates += [(log_p + math.log(share), (*tokens, v)) for v, share in enumerate(shares) if share > 0]
            candidates.sort(key=lambda one: -one[0] / len(one[1]) ** length_penalty)
            kept = candidates[:width]
        rows.append(kept[0][1])
    result = np.full((len(rows), max(len(row) for row in rows)), pad)
    for b, row in enumerate(rows):
        result[b, : len(row)] = row
    return result


def warm_up_then_decay(step: int, d_model: int, warm_up: int) -> float:
    """d_model^−½ · min(step^−½, step · warm_up^−1½), as a rise in equal steps up to `warm_up` and a fall after it."""
    highest = 1 / math.sqrt(d_model * warm_up)
    return highest * step / warm_up if step <= warm_up else highest * math.sqrt(warm_up / step)
