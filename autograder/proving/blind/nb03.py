"""Notebook 3, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q3_8": """
def online_softmax_attention(q, K, V, block):
    top = torch.tensor(float("-inf"), dtype=q.dtype)
    below = torch.zeros((), dtype=q.dtype)
    above = torch.zeros(V.shape[-1], dtype=q.dtype)
    start = 0
    while start < K.shape[0]:
        part = K[start:start + block] @ q / q.shape[0] ** 0.5
        new_top = torch.maximum(top, part.max())
        old = torch.exp(top - new_top)
        e = torch.exp(part - new_top)
        below = below * old + e.sum()
        above = above * old + e @ V[start:start + block]
        top = new_top
        start += block
    return above / below
""",
    "q3_1": """
def score_variance(d_k, n, generator):
    q = torch.randn(n, d_k, generator=generator)
    k = torch.randn(n, d_k, generator=generator)
    return (q * k).sum(dim=-1).var().item()
""",
    "q3_2": """
def softmax_jacobian(p):
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
""",
    "q3_3": """
def attention_entropy(weights):
    logs = torch.log(torch.where(weights > 0, weights, torch.ones_like(weights)))
    return -(weights * logs).sum(dim=-1)
""",
    "q3_4": """
def scaled_dot_product_attention(Q, K, V, mask=None):
    scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ V, weights
""",
    "q3_5": """
def choose_scale(var_q, var_k, d_k):
    return 1 / math.sqrt(d_k * var_q * var_k)
""",
    "q3_6": """
def log_softmax(z, axis=-1):
    shifted = z - z.max(dim=axis, keepdim=True).values
    return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()
""",
    "q3_7": """
def correlated_score_moments(d_k, rho):
    return d_k * rho, d_k * (1 + rho ** 2)
""",
}

_SECOND = "    if mask is not None:\n        weights = weights.masked_fill(~mask, 0.0)\n"
_LOW = "torch.finfo(scores.dtype).min"

WRONG = answers(
    RIGHT,
    {
        "q3_1": {
            "the standard deviation": (".var()", ".std()"),
            "divided by n": (".var()", ".var(correction=0)"),
            "global randomness": (", generator=generator", ""),
            "seeded globally": ("    q = ", "    torch.manual_seed(0)\n    q = ", ", generator=generator", ""),
            "the theory": ("return (q * k).sum(dim=-1).var().item()", "return float(d_k)"),
            "n ignored": ("(n, d_k", "(1000, d_k"),
            "one query for all": ("q = torch.randn(n", "q = torch.randn(1"),
            "the same vector twice": ("k = torch.randn(n, d_k, generator=generator)", "k = q"),
            "all pairs": ("(q * k).sum(dim=-1)", "(q @ k.T)"),
            "uniform entries": ("torch.randn(", "torch.rand("),
            "scaled": (".sum(dim=-1)", ".sum(dim=-1) / math.sqrt(d_k)"),
            "a tensor": (".item()", ""),
            "the mean and no sum": (".sum(dim=-1)", ".mean(dim=-1)"),
            "over features": (".sum(dim=-1)", ".sum(dim=0)"),
            "products, not scores": (".sum(dim=-1)", ""),
            "one seed for both": ("    k = ", "    generator.manual_seed(generator.initial_seed())\n    k = "),
            "mean of squares": (".var()", ".pow(2).mean()"),
        },
        "q3_2": {
            "the diagonal alone": (" - p.unsqueeze(-1) * p.unsqueeze(-2)", ""),
            "p(1-p) everywhere": (
                "torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)",
                "torch.diag_embed(p * (1 - p))",
            ),
            "the identity": ("torch.diag_embed(p)", "torch.eye(p.shape[-1], dtype=p.dtype)"),
            "plus": ("torch.diag_embed(p) -", "torch.diag_embed(p) +"),
            "the sign": ("return torch.diag_embed(p) - p", "return -torch.diag_embed(p) + p"),
            "softmax again": ("return", "p = torch.softmax(p, dim=-1)\n    return"),
            "1-D only": (
                "torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)",
                "torch.diag(p) - torch.outer(p, p)",
            ),
            "the first row for the batch": (
                "p.unsqueeze(-1) * p.unsqueeze(-2)",
                "(p * 0 + p.reshape(-1, p.shape[-1])[0]).unsqueeze(-1) * p.unsqueeze(-2)",
            ),
            "detached": ("p.unsqueeze(-1)", "p.detach().unsqueeze(-1)"),
            "row i times 1 - p_j everywhere": (
                "torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)",
                "p.unsqueeze(-1) * (1 - p.unsqueeze(-2))",
            ),
            "float64": ("return ", "p = p.double()\n    return "),
            "normalised first": ("return ", "p = p / p.sum(-1, keepdim=True)\n    return "),
        },
        "q3_3": {
            "no minus": ("return -(", "return ("),
            "bits": ("torch.log(", "torch.log2("),
            "NaN at zero": (
                "torch.log(torch.where(weights > 0, weights, torch.ones_like(weights)))",
                "torch.log(weights)",
            ),
            "nan_to_num": (
                "logs = torch.log(torch.where(weights > 0, weights, torch.ones_like(weights)))\n    return -(weights * logs)",
                "logs = torch.log(weights)\n    return -torch.nan_to_num(weights * logs)",
            ),
            "a large epsilon": ("torch.where(weights > 0, weights, torch.ones_like(weights))", "weights + 1e-3"),
            "clamped": ("torch.where(weights > 0, weights, torch.ones_like(weights))", "weights.clamp(min=1e-3)"),
            "mean": (".sum(", ".mean("),
            "the sum over everything": (".sum(dim=-1)", ".sum()"),
            "over queries": (".sum(dim=-1)", ".sum(dim=0)"),
            "normalised to 1": (
                "return -(weights * logs).sum(dim=-1)",
                "return -(weights * logs).sum(dim=-1) / math.log(max(weights.shape[-1], 2))",
            ),
            "perplexity": ("return -(weights * logs).sum(dim=-1)", "return (-(weights * logs).sum(dim=-1)).exp()"),
            "softmax first": ("    logs", "    weights = torch.softmax(weights, dim=-1)\n    logs"),
            "small weights dropped": ("weights > 0", "weights > 1e-4"),
            "axis kept": ("dim=-1)", "dim=-1, keepdim=True)"),
            "weights missing": ("weights * logs", "logs"),
            "detached": ("weights > 0, weights,", "weights > 0, weights.detach(),"),
        },
        "q3_4": {
            "divided by d_k": ("math.sqrt(Q.shape[-1])", "Q.shape[-1]"),
            "unscaled": (" / math.sqrt(Q.shape[-1])", ""),
            "by the root of d_v": ("math.sqrt(Q.shape[-1])", "math.sqrt(V.shape[-1])"),
            "by the root of S": ("math.sqrt(Q.shape[-1])", "math.sqrt(K.shape[-2])"),
            "scaled after the softmax": (
                " / math.sqrt(Q.shape[-1])",
                "",
                "torch.softmax(scores, dim=-1)",
                "torch.softmax(scores, dim=-1) / math.sqrt(Q.shape[-1])",
            ),
            "softmax over the queries": ("dim=-1)", "dim=-2)"),
            "NaN": (_LOW, "-math.inf", _SECOND, ""),
            "uniform empty rows": (_SECOND, ""),
            "-1e9": (_LOW, "-1e9", _SECOND, ""),
            "-1e4": (_LOW, "-1e4"),
            "-100": (_LOW, "-100.0"),
            "fill with 0": (_LOW, "0.0"),
            "after the softmax": (
                "        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)",
                "        pass",
            ),
            "polarity": ("~mask", "mask"),
            "mask ignored": (
                _SECOND,
                "",
                "        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)",
                "        pass",
            ),
            "causal": (
                "    weights = torch",
                "    scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf)\n    weights = torch",
            ),
            "weights first": ("weights @ V, weights", "weights, weights @ V"),
            "output alone": ("weights @ V, weights", "weights @ V"),
            "mask with V alone": (
                "return weights @ V, weights",
                "return weights @ V, torch.softmax(Q @ K.mT / math.sqrt(Q.shape[-1]), dim=-1)",
            ),
            "squeezed": ("weights @ V, weights", "(weights @ V).squeeze(), weights.squeeze()"),
            "unstable": (
                "torch.softmax(scores, dim=-1)",
                "scores.exp() / scores.exp().sum(-1, keepdim=True).clamp(min=1e-30)",
            ),
        },
        "q3_5": {
            "d_k alone": ("d_k * var_q * var_k", "d_k"),
            "no root": ("1 / math.sqrt(d_k * var_q * var_k)", "1 / (d_k * var_q * var_k)"),
            "the standard deviation itself": ("1 / math.sqrt(", "math.sqrt("),
            "variances added": ("d_k * var_q * var_k", "d_k * (var_q + var_k)"),
            "taken for deviations": ("math.sqrt(d_k * var_q * var_k)", "(math.sqrt(d_k) * var_q * var_k)"),
            "var_k forgotten": (" * var_k", ""),
            "var_q forgotten": (" * var_q", ""),
            "the variance": ("1 / math.sqrt(d_k * var_q * var_k)", "d_k * var_q * var_k"),
            "d_k squared": ("math.sqrt(d_k", "math.sqrt(d_k ** 2"),
            "d_k forgotten": ("d_k * var_q", "var_q"),
        },
        "q3_6": {
            "log of softmax": (
                "    shifted = z - z.max(dim=axis, keepdim=True).values\n    return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()",
                "    return torch.softmax(z, dim=axis).log()",
            ),
            "no shift": (" - z.max(dim=axis, keepdim=True).values", ""),
            "the maximum of all": ("z.max(dim=axis, keepdim=True).values", "z.max()"),
            "the mean": ("z.max(dim=axis, keepdim=True).values", "z.mean(dim=axis, keepdim=True)"),
            "axis ignored": ("dim=axis", "dim=-1"),
            "first axis": ("dim=axis", "dim=0"),
            "the shift added back": ("return shifted", "return z"),
            "softmax": (
                "return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()",
                "return (shifted - shifted.exp().sum(dim=axis, keepdim=True).log()).exp()",
            ),
            "log base 2": (".log()", ".log2()"),
            "an epsilon": (
                "    shifted = z - z.max(dim=axis, keepdim=True).values\n    return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()",
                "    return (torch.softmax(z, dim=axis) + 1e-9).log()",
            ),
            "the sign": (
                "return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()",
                "return shifted.exp().sum(dim=axis, keepdim=True).log() - shifted",
            ),
            "mean for sum": (".exp().sum(", ".exp().mean("),
            "detached": ("shifted.exp()", "shifted.detach().exp()"),
            "overwritten": (
                "    shifted",
                "    z = z.detach().sub_(1.0).requires_grad_(z.requires_grad) if not z.requires_grad else z\n    shifted",
            ),
        },
        "q3_7": {
            "variance d_k": ("d_k * (1 + rho ** 2)", "d_k"),
            "mean 0": ("d_k * rho,", "0.0,"),
            "minus": ("1 + rho", "1 - rho"),
            "rho not squared": ("rho ** 2", "rho"),
            "mean without d_k": ("d_k * rho,", "rho,"),
            "variance without d_k": ("d_k * (1 + rho ** 2)", "1 + rho ** 2"),
            "the deviation": ("d_k * (1 + rho ** 2)", "math.sqrt(d_k * (1 + rho ** 2))"),
            "order": ("d_k * rho, d_k * (1 + rho ** 2)", "d_k * (1 + rho ** 2), d_k * rho"),
            "twice rho squared": ("(1 + rho ** 2)", "(1 + 2 * rho ** 2)"),
            "the second moment": ("d_k * (1 + rho ** 2)", "d_k * (1 + rho ** 2) + (d_k * rho) ** 2"),
            "d_k squared": ("d_k * (1", "d_k ** 2 * (1"),
        },
        "q3_8": {
            "no scale": (" / q.shape[0] ** 0.5", ""),
            "divided by d_k": ("q.shape[0] ** 0.5", "q.shape[0]"),
            "the sum not rescaled": ("below * old + e.sum()", "below + e.sum()"),
            "the values not rescaled": ("above * old + e @", "above + e @"),
            "nothing rescaled": ("old = torch.exp(top - new_top)", "old = 1.0"),
            "each block's own maximum": ("torch.maximum(top, part.max())", "part.max()"),
            "the maximum never moves": ("        top = new_top\n", ""),
            "rescaled upside down": ("torch.exp(top - new_top)", "torch.exp(new_top - top)"),
            "the last short block left out": ("while start < K.shape[0]", "while start + block <= K.shape[0]"),
            "not divided at the end": ("return above / below", "return above"),
            "a mean of blocks": ("return above / below", "return above / below / -(-K.shape[0] // block)"),
            "the keys' values": ("e @ V[start:start + block]", "e @ V[:len(e)]"),
        },
    },
    {},
)
