"""The answers of a student who likes loops: one number, one row, one example at a time."""

import numpy as np
import torch


# %% q2_1
def softmax(z, axis=-1):
    z = np.array(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    lines = np.moveaxis(z, axis, -1)
    shares = np.empty_like(lines)
    for place in np.ndindex(lines.shape[:-1]):
        line = lines[place]
        raised = np.exp(line - line.max())
        shares[place] = raised / raised.sum()
    return np.moveaxis(shares, -1, axis)


# %% q2_2
def attend(q, K, V):
    scores = np.zeros(len(K), dtype=q.dtype)
    for s in range(len(K)):
        for i in range(len(q)):
            scores[s] += q[i] * K[s, i]
    weights = softmax(scores)
    output = np.zeros(V.shape[1], dtype=V.dtype)
    for s in range(len(K)):
        output += weights[s] * V[s]
    return output, weights


# %% q2_3
def attention(Q, K, V):
    if Q.dim() > 2:
        outputs, weights = [], []
        for q, k, v in zip(Q, K, V, strict=True):
            output, weight = attention(q, k, v)
            outputs.append(output)
            weights.append(weight)
        return torch.stack(outputs), torch.stack(weights)
    scores = Q @ K.T
    weights = torch.softmax(scores, dim=1)
    return weights @ V, weights


# %% q2_4
def project(X, W_q, W_k, W_v):
    results = []
    for W in (W_q, W_k, W_v):
        results.append(X @ W)
    return tuple(results)


# %% q2_5
def cross_attention(X_dec, X_enc, W_q, W_k, W_v):
    Q = X_dec @ W_q
    K = X_enc @ W_k
    V = X_enc @ W_v
    return attention(Q, K, V)


# %% q2_6
def self_attention(X, W_q, W_k, W_v):
    return cross_attention(X, X, W_q, W_k, W_v)


# %% q2_7
def find_query(K, target):
    wanted = torch.zeros(len(K), dtype=K.dtype)
    for s in range(len(K)):
        if s == target:
            wanted[s] = 12.0
    return torch.linalg.pinv(K) @ wanted


# %% q2_8
worksheet_scores = [1, 2, 3]
total = 2.72 + 7.39 + 20.09
worksheet_weights = [round(2.72 / total, 3), round(7.39 / total, 3), round(20.09 / total, 3)]
worksheet_output = [0.09 * 10 + 0.665 * 5, 0.245 * 10 + 0.665 * 5]


# %% q2_9
def permutation_gap(f, X, perm):
    after = f(X)[perm]
    before = f(X[perm])
    largest = 0.0
    for one, other in zip(after.flatten(), before.flatten(), strict=True):
        difference = abs(one.item() - other.item())
        if difference > largest:
            largest = difference
    return largest
