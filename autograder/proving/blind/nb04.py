"""Notebook 4, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q4_1": """
def split_heads(X, H):
    B, T, d_model = X.shape
    if d_model % H != 0:
        raise ValueError("H does not divide d_model")
    return X.reshape(B, T, H, d_model // H).transpose(1, 2)
""",
    "q4_2": """
def merge_heads(X):
    B, H, T, d = X.shape
    return X.transpose(1, 2).reshape(B, T, H * d)
""",
    "q4_3": """
def masked_weights(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    filled = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(filled, dim=-1).masked_fill(~mask, 0.0)


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, H):
        super().__init__()
        if d_model % H != 0:
            raise ValueError("H does not divide d_model")
        self.H = H
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X_q, X_kv=None, mask=None):
        if X_kv is None:
            X_kv = X_q
        Q = split_heads(self.W_q(X_q), self.H)
        K = split_heads(self.W_k(X_kv), self.H)
        V = split_heads(self.W_v(X_kv), self.H)
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
        weights = masked_weights(scores, mask)
        return self.W_o(merge_heads(weights @ V)), weights
""",
    "q4_4": """
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, H, G):
        super().__init__()
        if d_model % H != 0 or H % G != 0:
            raise ValueError("the sizes do not divide")
        self.H, self.G = H, G
        d_k = d_model // H
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, G * d_k, bias=False)
        self.W_v = nn.Linear(d_model, G * d_k, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X_q, X_kv=None, mask=None):
        if X_kv is None:
            X_kv = X_q
        Q = split_heads(self.W_q(X_q), self.H)
        K = split_heads(self.W_k(X_kv), self.G).repeat_interleave(self.H // self.G, dim=1)
        V = split_heads(self.W_v(X_kv), self.G).repeat_interleave(self.H // self.G, dim=1)
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
        weights = masked_weights(scores, mask)
        return self.W_o(merge_heads(weights @ V)), weights
""",
    "q4_5": """
def kv_cache_bytes(layers, G, d_k, seq_len, batch, bytes_per_number):
    return 2 * layers * G * d_k * seq_len * batch * bytes_per_number
""",
    "q4_6": """
def mha_to_gqa(W_k, W_v, H, G):
    rows, d_model = W_k.shape
    if H % G != 0 or rows % H != 0:
        raise ValueError("the sizes do not divide")
    def pool(W):
        return W.reshape(G, H // G, W.shape[0] // H, d_model).mean(dim=1).reshape(-1, d_model)
    return pool(W_k), pool(W_v)
""",
    "q4_7": """
def head_gold_mass(weights, gold):
    real = gold >= 0
    index = gold.clamp(min=0)[:, None, :, None].expand(-1, weights.shape[1], -1, 1)
    mass = weights.gather(-1, index)[..., 0] * real[:, None, :]
    return mass.sum(dim=(0, 2)) / real.sum().clamp(min=1)
""",
    "q4_8": """
def count_parameters(d_model, H, G):
    if d_model % H != 0 or H % G != 0:
        raise ValueError("the sizes do not divide")
    d_k = d_model // H
    return 2 * d_model * d_model + 2 * d_model * G * d_k
""",
}

RIGHT["q4_9"] = """
def attention_dropout(weights, p, generator, training):
    if p < 0 or p >= 1:
        raise ValueError("p must be in [0, 1)")
    if not training:
        return weights
    keep = torch.rand(weights.shape, generator=generator) >= p
    return weights * keep / (1 - p)
"""

NEEDS = {"q4_3": ("q4_1", "q4_2"), "q4_4": ("q4_1", "q4_2", "q4_3")}

_HEADS = {
    "unscaled": (" / math.sqrt(Q.shape[-1])", ""),
    "scaled by the root of d_model": ("math.sqrt(Q.shape[-1])", "math.sqrt(X_q.shape[-1])"),
    "divided by d_k": ("math.sqrt(Q.shape[-1])", "Q.shape[-1]"),
    "no W_o": ("self.W_o(merge_heads(weights @ V))", "merge_heads(weights @ V)"),
    "bias": (", bias=False", ""),
    "mask ignored": ("masked_weights(scores, mask)", "masked_weights(scores)"),
    "polarity": ("masked_weights(scores, mask)", "masked_weights(scores, None if mask is None else ~mask)"),
    "X_kv ignored": ("        if X_kv is None:\n            X_kv = X_q", "        X_kv = X_q"),
    "causal": (
        "masked_weights(scores, mask)",
        "masked_weights(scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf), mask)",
    ),
    "scores returned": ("weights @ V)), weights", "weights @ V)), scores"),
    "weights first": (
        "return self.W_o(merge_heads(weights @ V)), weights",
        "return weights, self.W_o(merge_heads(weights @ V))",
    ),
    "output alone": ("weights @ V)), weights", "weights @ V))"),
    "weights averaged over heads": ("weights @ V)), weights", "weights @ V)), weights.mean(dim=1)"),
    "merged by view": ("merge_heads(weights @ V)", "(weights @ V).reshape(X_q.shape)"),
    "dropout left in": (
        "weights = masked_weights(scores, mask)",
        "weights = F.dropout(masked_weights(scores, mask), 0.2, self.training)",
    ),
    "a residual": ("return self.W_o(", "return X_q + self.W_o("),
    "softmax over queries": (
        "weights = masked_weights(scores, mask)",
        "weights = masked_weights(scores.mT, None).mT if mask is None else masked_weights(scores, mask)",
    ),
    "first mask kept": (
        "        weights = ",
        "        self.kept = getattr(self, 'kept', mask)\n        mask = self.kept if self.kept is not None and self.kept.ndim == scores.ndim else mask\n        weights = ",
    ),
    "-1e4 fill": (
        "masked_weights(scores, mask)",
        "(scores if mask is None else scores.masked_fill(~mask, -1e4)).softmax(-1)",
    ),
}

WRONG = answers(
    RIGHT,
    {
        "q4_1": {
            "view alone": ("reshape(B, T, H, d_model // H).transpose(1, 2)", "reshape(B, H, T, d_model // H)"),
            "not transposed": (".transpose(1, 2)", ""),
            "features and heads swapped": (
                "reshape(B, T, H, d_model // H).transpose(1, 2)",
                "reshape(B, T, d_model // H, H).permute(0, 3, 1, 2)",
            ),
            "no ValueError": (
                '    if d_model % H != 0:\n        raise ValueError("H does not divide d_model")\n',
                "    X = X[..., : d_model // H * H]\n    d_model = X.shape[-1]\n",
            ),
            "an assertion": (
                '    if d_model % H != 0:\n        raise ValueError("H does not divide d_model")\n',
                "    assert d_model % H == 0\n",
            ),
            "every head all features": (
                "X.reshape(B, T, H, d_model // H).transpose(1, 2)",
                "X.unsqueeze(1).repeat(1, H, 1, 1)",
            ),
            "d_k and H exchanged": (
                "reshape(B, T, H, d_model // H).transpose(1, 2)",
                "reshape(B, T, d_model // H, H).transpose(1, 2)",
            ),
            "split along positions": (
                "reshape(B, T, H, d_model // H).transpose(1, 2)",
                "transpose(1, 2).reshape(B, H, T, d_model // H)",
            ),
            "squeezed": (".transpose(1, 2)", ".transpose(1, 2).squeeze(1)"),
            "a list of heads": ("X.reshape(B, T, H, d_model // H).transpose(1, 2)", "list(X.chunk(H, dim=-1))"),
        },
        "q4_2": {
            "no transpose": (".transpose(1, 2)", ""),
            "features and heads swapped": ("transpose(1, 2).reshape", "permute(0, 2, 3, 1).reshape"),
            "added": ("X.transpose(1, 2).reshape(B, T, H * d)", "X.sum(dim=1)"),
            "a mean": ("X.transpose(1, 2).reshape(B, T, H * d)", "X.mean(dim=1)"),
            "one head": ("X.transpose(1, 2).reshape(B, T, H * d)", "X[:, 0]"),
            "T first": ("reshape(B, T, H * d)", "reshape(T, B, H * d)"),
            "last axes exchanged": ("transpose(1, 2)", "transpose(2, 3)"),
            "squeezed": ("reshape(B, T, H * d)", "reshape(B, T, H * d).squeeze()"),
            "detached": ("X.transpose", "X.detach().transpose"),
            "heads in reverse": ("X.transpose", "X.flip(1).transpose"),
        },
        "q4_3": _HEADS
        | {
            "no ValueError": (
                '        if d_model % H != 0:\n            raise ValueError("H does not divide d_model")\n        self',
                "        self",
            ),
            "W_k for the values": ("self.W_v(X_kv)", "self.W_k(X_kv)"),
            "queries from X_kv": ("self.W_q(X_q)", "self.W_q(X_kv if X_kv.shape == X_q.shape else X_q)"),
            "keys from X_q": ("self.W_k(X_kv)", "self.W_k(X_q if X_kv.shape == X_q.shape else X_kv)"),
        },
        "q4_4": _HEADS
        | {
            "repeat": (".repeat_interleave(self.H // self.G, dim=1)", ".repeat(1, self.H // self.G, 1, 1)"),
            "group size for groups": (
                "self.H, self.G = H, G",
                "self.H, self.G = H, H // G",
                "G * d_k",
                "(H // G) * d_k",
            ),
            "only the first group": (".repeat_interleave(self.H // self.G, dim=1)", "[:, :1]"),
        },
        "q4_5": {
            "the 2 forgotten": ("return 2 * ", "return "),
            "a float": ("return 2", "return 2.0"),
            "the batch forgotten": (" * batch", ""),
            "bits": ("* bytes_per_number", "* bytes_per_number * 8"),
            "layers forgotten": (" * layers", ""),
            "seq_len squared": ("seq_len", "seq_len ** 2", "d_k, seq_len ** 2, batch", "d_k, seq_len, batch"),
            "one head": (" * G", ""),
            "bytes taken as 2": ("* bytes_per_number", "* 2"),
            "as float and back": (
                "return 2 * layers * G",
                "return int(2.0 * layers * G",
                "* bytes_per_number",
                "* bytes_per_number)",
            ),
            "in kilobytes": ("* bytes_per_number", "* bytes_per_number // 1024"),
        },
        "q4_6": {
            "the first head": (".mean(dim=1)", "[:, 0]"),
            "the sum": (".mean(dim=1)", ".sum(dim=1)"),
            "interleaved heads": (
                "reshape(G, H // G, W.shape[0] // H, d_model).mean(dim=1)",
                "reshape(H // G, G, W.shape[0] // H, d_model).mean(dim=0)",
            ),
            "the keys twice": ("pool(W_k), pool(W_v)", "pool(W_k), pool(W_k)"),
            "order": ("pool(W_k), pool(W_v)", "pool(W_v), pool(W_k)"),
            "values kept": ("pool(W_k), pool(W_v)", "pool(W_k), W_v"),
            "mean over rows": (
                "reshape(G, H // G, W.shape[0] // H, d_model).mean(dim=1)",
                "reshape(G, W.shape[0] // H, H // G, d_model).mean(dim=2)",
            ),
            "no ValueError": (
                '    if H % G != 0 or rows % H != 0:\n        raise ValueError("the sizes do not divide")\n',
                "    if H % G != 0:\n        return W_k, W_v\n",
            ),
            "float32": ("pool(W_k), pool(W_v)", "pool(W_k).float(), pool(W_v).float()"),
            "columns": ("return pool(W_k), pool(W_v)", "return pool(W_k.flip(1)), pool(W_v.flip(1))"),
            "columns pooled": (
                "return pool(W_k), pool(W_v)",
                "return W_k[:, :].mean(1, keepdim=True), W_v.mean(1, keepdim=True)",
            ),
            "overwritten": ("    return pool", "    W_k.mul_(1.5)\n    return pool"),
        },
        "q4_7": {
            "unaligned counted": ("real.sum().clamp(min=1)", "real.numel()"),
            "-1 as the last": ("gold.clamp(min=0)", "(gold % weights.shape[-1])", "* real[:, None, :]", ""),
            "0 treated as none": ("gold >= 0", "gold > 0"),
            "mean of sentence means": (
                "mass.sum(dim=(0, 2)) / real.sum().clamp(min=1)",
                "(mass.sum(2) / real.sum(1).clamp(min=1)[:, None]).mean(0)",
            ),
            "NaN": (".clamp(min=1)", ""),
            "all heads together": (
                "mass.sum(dim=(0, 2)) / real.sum().clamp(min=1)",
                "mass.sum(dim=(0, 2)).mean().expand(weights.shape[1]) / real.sum().clamp(min=1)",
            ),
            "hits": ("weights.gather(-1, index)[..., 0]", "(weights.argmax(-1) == gold[:, None, :]).to(weights.dtype)"),
            "the sum": (" / real.sum().clamp(min=1)", ""),
            "by batch": ("dim=(0, 2)", "dim=(1, 2)"),
            "first sentence": ("    real", "    weights, gold = weights[:1], gold[:1]\n    real"),
            "zero weights not counted": ("real.sum().clamp(min=1)", "(mass > 0).sum(dim=(0, 2)).clamp(min=1)"),
            "-1 clamped and counted": (" * real[:, None, :]", "", "real.sum().clamp(min=1)", "real.numel()"),
        },
        "q4_8": {
            "MHA": ("2 * d_model * d_model + 2 * d_model * G * d_k", "4 * d_model * d_model"),
            "biases": ("2 * d_model * G * d_k", "2 * d_model * G * d_k + 2 * d_model + 2 * G * d_k"),
            "W_o forgotten": ("return 2 * d_model * d_model", "return d_model * d_model"),
            "group size": ("* G * d_k", "* (H // G) * d_k"),
            "V forgotten": ("+ 2 * d_model * G", "+ d_model * G"),
            "a float": ("d_model // H", "d_model / H"),
            "no ValueError": (
                '    if d_model % H != 0 or H % G != 0:\n        raise ValueError("the sizes do not divide")\n',
                "",
            ),
            "only one check": (" or H % G != 0", ""),
            "times H": ("2 * d_model * d_model", "2 * d_model * d_model * H"),
            "d_k alone": ("2 * d_model * G * d_k", "2 * d_model * d_k"),
        },
        "q4_9": {
            "not scaled": (" / (1 - p)", ""),
            "divided by p": ("/ (1 - p)", "/ max(p, 0.1)"),
            "p is kept": (">= p", "< p"),
            "in evaluation too": ("    if not training:\n        return weights\n", ""),
            "in evaluation only": ("if not training", "if training"),
            "global randomness": (", generator=generator", ""),
            "the same seed always": ("    keep", "    generator.manual_seed(1)\n    keep"),
            "rows normalised": (
                "weights * keep / (1 - p)",
                "weights * keep / (weights * keep).sum(-1, keepdim=True).clamp(min=1e-9)",
            ),
            "one draw per row": ("weights.shape, ", "(*weights.shape[:-1], 1), "),
            "one draw per key": ("weights.shape, ", "weights.shape[-1:], "),
            "one map for the batch": ("weights.shape, ", "weights.shape[1:], "),
            "F.dropout": ("weights * keep / (1 - p)", "F.dropout(weights, p)"),
            "in place": ("weights * keep / (1 - p)", "weights.data.mul_(keep) / (1 - p)"),
            "dropped by rounding": (">= p", ".round() >= p"),
            "a mask of minus infinity": (
                "weights * keep / (1 - p)",
                "weights.masked_fill(~keep, -math.inf).softmax(-1)",
            ),
            "p of 1 accepted": ("p >= 1", "p > 1"),
            "assertion": ('        raise ValueError("p must be in [0, 1)")', "        assert False"),
            "scaled in evaluation": ("        return weights\n", "        return weights * (1 - p)\n"),
            "smallest dropped": (
                "torch.rand(weights.shape, generator=generator) >= p",
                "weights >= weights.quantile(p, dim=-1, keepdim=True)",
            ),
            "float16": ("weights * keep / (1 - p)", "(weights * keep / (1 - p)).half()"),
        },
    },
    NEEDS,
)
