"""The answers of a student who makes a small function of everything."""

import numpy as np
import torch


# %% q2_1
def as_floats(z):
    z = np.asarray(z)
    return z if z.dtype.kind == "f" else z.astype(np.float64)


def exponentials(z, axis):
    return np.exp(z - np.max(z, axis=axis, keepdims=True))


def softmax(z, axis=-1):
    e = exponentials(as_floats(z), axis)
    return e / np.sum(e, axis=axis, keepdims=True)


# %% q2_2
def match(q, K):
    return K @ q


def attend(q, K, V):
    weights = softmax(match(q, K))
    return weights @ V, weights


# %% q2_3
def scores_of(Q, K):
    return Q @ K.transpose(-2, -1)


def shares(scores):
    e = (scores - scores.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def attention(Q, K, V):
    weights = shares(scores_of(Q, K))
    return weights @ V, weights


# %% q2_4
def project(X, W_q, W_k, W_v):
    return X @ W_q, X @ W_k, X @ W_v


# %% q2_5
def cross_attention(X_dec, X_enc, W_q, W_k, W_v):
    queries, _, _ = project(X_dec, W_q, W_q, W_q)
    _, keys, values = project(X_enc, W_k, W_k, W_v)
    return attention(queries, keys, values)


# %% q2_6
def self_attention(X, W_q, W_k, W_v):
    return cross_attention(X, X, W_q, W_k, W_v)


# %% q2_7
def one_hot(index, size, like):
    return torch.eye(size, dtype=like.dtype, device=like.device)[index]


def find_query(K, target):
    return torch.linalg.lstsq(K, 15 * one_hot(target, K.shape[0], like=K)).solution


# %% q2_8
def by_hand(key, query=(1, 2)):
    return key[0] * query[0] + key[1] * query[1]


worksheet_scores = [by_hand(key) for key in ((1, 0), (0, 1), (1, 1))]
worksheet_weights = [0.09, 0.24, 0.67]
worksheet_output = [0.09 * 10 + 0.665 * 5, 0.245 * 10 + 0.665 * 5]


# %% q2_9
def largest(difference):
    return float(difference.abs().max())


def permutation_gap(f, X, perm):
    return largest(f(X)[perm] - f(X[perm]))
