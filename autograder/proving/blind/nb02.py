"""Notebook 2, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q2_1": """
def softmax(z, axis=-1):
    z = np.asarray(z)
    if not np.issubdtype(z.dtype, np.floating):
        z = z.astype(np.float64)
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
""",
    "q2_2": """
def attend(q, K, V):
    scores = K @ q
    weights = softmax(scores)
    output = weights @ V
    return output, weights
""",
    "q2_3": """
def attention(Q, K, V):
    scores = Q @ K.transpose(-2, -1)
    weights = torch.softmax(scores, dim=-1)
    return weights @ V, weights
""",
    "q2_4": """
def project(X, W_q, W_k, W_v):
    return X @ W_q, X @ W_k, X @ W_v
""",
    "q2_5": """
def cross_attention(X_dec, X_enc, W_q, W_k, W_v):
    return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)
""",
    "q2_6": """
def self_attention(X, W_q, W_k, W_v):
    return attention(X @ W_q, X @ W_k, X @ W_v)
""",
    "q2_7": """
def find_query(K, target):
    wanted = torch.zeros(K.shape[0], dtype=K.dtype)
    wanted[target] = 50.0
    return torch.linalg.pinv(K) @ wanted
""",
    "q2_8": """
worksheet_scores = [1, 2, 3]
worksheet_weights = [0.090, 0.245, 0.665]
worksheet_output = [4.226, 5.774]
""",
    "q2_9": """
def permutation_gap(f, X, perm):
    return (f(X)[perm] - f(X[perm])).abs().max().item()
""",
}

NEEDS = {"q2_2": ("q2_1",), "q2_5": ("q2_3",), "q2_6": ("q2_3",)}

_SHIFT = "z - z.max(axis=axis, keepdims=True)"
_CAUSAL = "scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf), dim=-1)"
_ATTEND = "attention(X @ W_q, X @ W_k, X @ W_v)"

WRONG = answers(
    RIGHT,
    {
        "q2_1": {
            "no shift": (_SHIFT, "z"),
            "shift by the maximum of all": (_SHIFT, "z - z.max()"),
            "shift by the mean": (_SHIFT, "z - z.mean(axis=axis, keepdims=True)"),
            "shift by the minimum": (_SHIFT, "z - z.min(axis=axis, keepdims=True)"),
            "the axis ignored": ("axis=axis", "axis=-1"),
            "always the first axis": ("axis=axis", "axis=0"),
            "sum of everything": ("e.sum(axis=axis, keepdims=True)", "e.sum()"),
            "float64 always": ("    if not np.issubdtype(z.dtype, np.floating):\n        z = z", "    z = z"),
            "float32 always": (
                "    if not np.issubdtype(z.dtype, np.floating):\n        z = z.astype(np.float64)",
                "    z = z.astype(np.float32)",
            ),
            "clipped": (_SHIFT, "np.clip(z, -50, 50)"),
            "overwritten": ("    e = np", "    z -= z.max(axis=axis, keepdims=True)\n    e = np"),
            "lists refused": ("z = np.asarray(z)", "z = z.copy()"),
            "powers of 2": ("np.exp(", "np.exp2("),
            "no exponential": ("np.exp(z - z.max(axis=axis, keepdims=True))", "z + 0.0"),
            "absolute numbers": ("z - z.max(", "abs(z) - abs(z).max("),
            "rounded": (
                "return e / e.sum(axis=axis, keepdims=True)",
                "return np.round(e / e.sum(axis=axis, keepdims=True), 4)",
            ),
        },
        "q2_2": {
            "transposed keys": ("K @ q", "(K.T @ q if K.shape[0] == K.shape[1] else K @ q)"),
            "divided by the root of d_k": ("K @ q", "K @ q / np.sqrt(len(q))"),
            "no softmax": ("softmax(scores)", "scores"),
            "divided by the sum": ("softmax(scores)", "scores / scores.sum()"),
            "keys averaged": ("weights @ V", "weights @ K"),
            "the scores returned": ("return output, weights", "return output, scores"),
            "weights first": ("return output, weights", "return weights, output"),
            "output alone": ("return output, weights", "return output"),
            "the best alone": ("weights @ V", "V[weights.argmax()]"),
            "a mean": ("weights @ V", "(weights[:, None] * V).mean(axis=0)"),
            "V @ w": ("weights @ V", "(V @ weights if V.shape[0] == V.shape[1] else weights @ V)"),
            "cosine": ("K @ q", "K @ q / np.linalg.norm(K, axis=1) / np.linalg.norm(q)"),
            "distance": ("K @ q", "-((K - q) ** 2).sum(axis=1)"),
            "unstable": ("softmax(scores)", "np.exp(scores) / np.exp(scores).sum()"),
            "minus": ("K @ q", "-(K @ q)"),
            "values as scores": ("K @ q", "(V @ q if V.shape == K.shape else K @ q)"),
        },
        "q2_3": {
            "softmax over the queries": ("dim=-1)", "dim=-2)"),
            "scaled by the root of d_k": ("K.transpose(-2, -1)", "K.transpose(-2, -1) / math.sqrt(Q.shape[-1])"),
            "causal": ("scores, dim=-1)", _CAUSAL),
            "no softmax": ("torch.softmax(scores, dim=-1)", "scores"),
            "the scores returned": ("weights @ V, weights", "weights @ V, scores"),
            "weights first": ("weights @ V, weights", "weights, weights @ V"),
            "output alone": ("weights @ V, weights", "weights @ V"),
            "keys averaged": ("weights @ V", "weights @ K"),
            "the first example's keys": ("K.transpose(-2, -1)", "K.reshape(-1, *K.shape[-2:])[0].T"),
            "unstable": ("torch.softmax(scores, dim=-1)", "scores.exp() / scores.exp().sum(-1, keepdim=True)"),
            "dropout": ("torch.softmax(scores, dim=-1)", "F.dropout(torch.softmax(scores, dim=-1), 0.1)"),
            "detached weights": ("weights @ V, weights", "weights.detach() @ V, weights"),
            "float64": ("weights @ V, weights", "(weights @ V).double(), weights.double()"),
            "squeezed": ("weights @ V, weights", "(weights @ V).squeeze(), weights.squeeze()"),
            "softmax twice": ("torch.softmax(scores, dim=-1)", "torch.softmax(torch.softmax(scores, dim=-1), dim=-1)"),
            "rows one by one": (
                "scores = Q @ K.transpose(-2, -1)",
                "rows = []\n    for t in range(Q.shape[-2]):\n        rows.append(Q[..., t:t + 1, :] @ K.transpose(-2, -1))\n    scores = torch.cat(rows, dim=-2)",
            ),
        },
        "q2_4": {
            "K and V swapped": ("X @ W_k, X @ W_v", "X @ W_v, X @ W_k"),
            "Q and K swapped": ("X @ W_q, X @ W_k", "X @ W_k, X @ W_q"),
            "one projection for all": ("X @ W_q, X @ W_k, X @ W_v", "X @ W_q, X @ W_q, X @ W_v"),
            "values not projected": ("X @ W_v", "X"),
            "X transposed weights": ("X @ W_q", "X @ (W_q.T if W_q.shape[0] == W_q.shape[1] else W_q)"),
            "keys from the queries": ("X @ W_k", "X @ W_k + X @ W_q"),
            "float64": ("X @ W_q, X @ W_k, X @ W_v", "(X @ W_q).double(), (X @ W_k).double(), (X @ W_v).double()"),
            "keys detached": ("X @ W_k", "X.detach() @ W_k"),
            "only the first example": ("X @ W_q", "X.reshape(-1, *X.shape[-2:])[0] @ W_q"),
            "scaled": ("X @ W_q", "X @ W_q / math.sqrt(W_q.shape[1])"),
            "a tanh": ("X @ W_v", "torch.tanh(X @ W_v)"),
        },
        "q2_5": {
            "queries from the encoder": (
                "X_dec @ W_q",
                "(X_enc @ W_q if X_enc.shape[-1] == W_q.shape[0] else X_dec @ W_q)",
            ),
            "sequences swapped": ("X_dec @ W_q, X_enc @ W_k, X_enc @ W_v", "X_enc @ W_q, X_dec @ W_k, X_dec @ W_v"),
            "values from the decoder": ("X_enc @ W_v", "(X_dec @ W_v if X_dec.shape == X_enc.shape else X_enc @ W_v)"),
            "W_k and W_v swapped": ("X_enc @ W_k, X_enc @ W_v", "X_enc @ W_v, X_enc @ W_k"),
            "W_q and W_k swapped": ("X_dec @ W_q, X_enc @ W_k", "X_dec @ W_k, X_enc @ W_q"),
            "values not projected": ("X_enc @ W_v", "X_enc"),
            "scaled": ("X_dec @ W_q", "X_dec @ W_q / math.sqrt(W_q.shape[1])"),
            "output alone": ("X_enc @ W_v)", "X_enc @ W_v)[0]"),
            "weights first": (
                "return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)",
                "return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)[::-1]",
            ),
            "encoder detached": ("X_enc @ W_k", "X_enc.detach() @ W_k"),
            "concatenated": (
                "X_enc @ W_k, X_enc @ W_v",
                "torch.cat([X_enc, X_enc], -2) @ W_k, torch.cat([X_enc, X_enc], -2) @ W_v",
            ),
            "unstable": (
                "return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)",
                "e = (X_dec @ W_q @ (X_enc @ W_k).mT).exp()\n    w = e / e.sum(-1, keepdim=True)\n    return w @ (X_enc @ W_v), w",
            ),
        },
        "q2_6": {
            "attention(X, X, X)": (_ATTEND, "attention(X, X, X)"),
            "one projection": ("X @ W_k", "X @ W_q"),
            "values not projected": ("X @ W_v", "X"),
            "W_k and W_v swapped": ("X @ W_k, X @ W_v", "X @ W_v, X @ W_k"),
            "W_q and W_k swapped": ("X @ W_q, X @ W_k", "X @ W_k, X @ W_q"),
            "scaled": ("X @ W_q", "X @ W_q / math.sqrt(W_q.shape[1])"),
            "causal": (
                "return " + _ATTEND,
                "scores = X @ W_q @ (X @ W_k).mT\n    w = torch.softmax(" + _CAUSAL + "\n    return w @ (X @ W_v), w",
            ),
            "output alone": (_ATTEND, _ATTEND + "[0]"),
            "weights first": (_ATTEND, _ATTEND + "[::-1]"),
            "X added": (
                "return " + _ATTEND,
                "o, w = " + _ATTEND + "\n    return (o + X if o.shape == X.shape else o), w",
            ),
            "itself left out": (
                "return " + _ATTEND,
                "s = X @ W_q @ (X @ W_k).mT\n    if s.shape[-1] > 1:\n        s = s.masked_fill(torch.eye(s.shape[-1], dtype=torch.bool), -math.inf)\n    w = s.softmax(-1)\n    return w @ (X @ W_v), w",
            ),
            "keys detached": ("X @ W_k", "X.detach() @ W_k"),
        },
        "q2_7": {
            "the key itself": ("torch.linalg.pinv(K) @ wanted", "K[target]"),
            "ten times the key": ("torch.linalg.pinv(K) @ wanted", "10 * K[target]"),
            "a huge key": ("torch.linalg.pinv(K) @ wanted", "1000 * K[target]"),
            "a score too small": ("50.0", "1.0"),
            "almost enough": ("50.0", "4.0"),
            "the column of K": ("torch.linalg.pinv(K) @ wanted", "K.T @ wanted"),
            "float32": ("torch.linalg.pinv(K) @ wanted", "(torch.linalg.pinv(K) @ wanted).float()"),
            "row 0 always": ("wanted[target]", "wanted[0]"),
            "normalised": ("torch.linalg.pinv(K) @ wanted", "F.normalize(torch.linalg.pinv(K) @ wanted, dim=0)"),
            "square only": ("torch.linalg.pinv(K) @ wanted", "torch.linalg.inv(K) @ wanted"),
            "minus": ("50.0", "-50.0"),
            "K overwritten": ("return", "K[target] = 0\n    return"),
            "direction away from the mean": ("torch.linalg.pinv(K) @ wanted", "20 * (K[target] - K.mean(0))"),
        },
        "q2_8": {
            "scores scaled": ("[1, 2, 3]", "[0.707, 1.414, 2.121]"),
            "scores in reverse": ("[1, 2, 3]", "[3, 2, 1]"),
            "weights linear": ("[0.090, 0.245, 0.665]", "[0.167, 0.333, 0.5]"),
            "weights rounded": ("[0.090, 0.245, 0.665]", "[0.1, 0.2, 0.7]"),
            "weights in reverse": ("[0.090, 0.245, 0.665]", "[0.665, 0.245, 0.090]"),
            "output swapped": ("[4.226, 5.774]", "[5.774, 4.226]"),
            "a mean": ("[4.226, 5.774]", "[5.0, 5.0]"),
            "weights as powers of 2": ("[0.090, 0.245, 0.665]", "[0.143, 0.286, 0.571]"),
        },
        "q2_9": {
            "no absolute value": (".abs().max()", ".max()"),
            "the mean": (".abs().max()", ".abs().mean()"),
            "the sum": (".abs().max()", ".abs().sum()"),
            "not permuted after": ("f(X)[perm]", "f(X)"),
            "not permuted before": ("f(X[perm])", "f(X)"),
            "permuted twice": ("f(X)[perm]", "f(X)[perm][perm]"),
            "the inverse permutation": ("f(X)[perm]", "f(X)[torch.argsort(perm)]"),
            "features permuted": ("f(X[perm])", "f(X[perm].flip(-1))"),
            "the norm": (".abs().max()", ".norm()"),
            "the square": (".abs().max()", ".pow(2).max()"),
            "true or false": (
                "(f(X)[perm] - f(X[perm])).abs().max().item()",
                "float(not torch.allclose(f(X)[perm], f(X[perm])))",
            ),
            "rounded": (
                "return (f(X)[perm] - f(X[perm])).abs().max().item()",
                "return round((f(X)[perm] - f(X[perm])).abs().max().item(), 3)",
            ),
            "a tolerance": (
                "return (f(X)[perm] - f(X[perm])).abs().max().item()",
                "gap = (f(X)[perm] - f(X[perm])).abs().max().item()\n    return gap if gap > 1e-2 else 0.0",
            ),
            "the smallest": (".max()", ".min()"),
            "X overwritten": ("return", "X = X.copy_(X[perm])\n    return"),
            "only the first feature": ("f(X[perm])).abs", "f(X[perm]))[:, :1].abs"),
        },
    },
    NEEDS,
)
