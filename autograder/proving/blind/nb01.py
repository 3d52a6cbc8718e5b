"""Notebook 1, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q1_1": """
def rnn_step(x_t, h, W_x, W_h, b):
    return torch.tanh(x_t @ W_x + h @ W_h + b)
""",
    "q1_2": """
def encode(X, lengths, h0, W_x, W_h, b):
    B, S, d_in = X.shape
    h = h0
    states = []
    for s in range(S):
        h = rnn_step(X[:, s], h, W_x, W_h, b)
        states.append(h)
    states = torch.stack(states, dim=1)
    last = states[torch.arange(B), lengths - 1]
    return states, last
""",
    "q1_3": """
def decode_greedy(context, step, bos, max_len):
    B = context.shape[0]
    token = torch.full((B,), bos, dtype=torch.int64)
    h = context
    out = []
    for _ in range(max_len):
        logits, h = step(token, h)
        token = logits.argmax(dim=-1)
        out.append(token)
    return torch.stack(out, dim=1)
""",
    "q1_4": """
def additive_scores(s, H, W_q, W_k, v):
    query = (s @ W_q).unsqueeze(1)
    keys = H @ W_k
    return torch.tanh(query + keys) @ v
""",
    "q1_5": """
def masked_softmax(scores, mask):
    mask = mask.expand(scores.shape)
    low = torch.finfo(scores.dtype).min
    filled = scores.masked_fill(~mask, low)
    e = torch.exp(filled - filled.max(dim=-1, keepdim=True).values)
    weights = e / e.sum(dim=-1, keepdim=True)
    return weights.masked_fill(~mask, 0.0)
""",
    "q1_6": """
def context_vector(weights, H):
    return (weights.unsqueeze(-1) * H).sum(dim=1)
""",
    "q1_7": """
def alignment_accuracy(weights, gold):
    aligned = gold >= 0
    best = weights.argmax(dim=-1)
    hits = (best == gold) & aligned
    if aligned.sum() == 0:
        return 0.0
    return hits.sum().item() / aligned.sum().item()
""",
    "q1_8": """
def tokens_that_fit(d_h, bits_per_number, V):
    states = 2 ** (d_h * bits_per_number)
    n = int(d_h * bits_per_number / math.log2(V))
    while V ** (n + 1) <= states:
        n += 1
    while n > 0 and V ** n > states:
        n -= 1
    return n
""",
}

NEEDS = {"q1_2": ("q1_1",)}

_LOW = "torch.finfo(scores.dtype).min"
_FIT = "    while V ** (n + 1) <= states:\n        n += 1\n    while n > 0 and V ** n > states:\n        n -= 1\n"
_SOFT = "    e = torch.exp(filled - filled.max(dim=-1, keepdim=True).values)\n    weights = e / e.sum(dim=-1, keepdim=True)\n"

WRONG = answers(
    RIGHT,
    {
        "q1_1": {
            "no tanh": ("torch.tanh(x_t @ W_x + h @ W_h + b)", "x_t @ W_x + h @ W_h + b"),
            "sigmoid": ("torch.tanh", "torch.sigmoid"),
            "the bias outside": ("h @ W_h + b)", "h @ W_h) + b"),
            "the bias left out": (" + b)", ")"),
            "W_h transposed": ("h @ W_h", "h @ W_h.T"),
            "only the token": (" + h @ W_h", ""),
            "minus the bias": ("+ b", "- b"),
            "the old state carried past the tanh": ("return torch", "return h + torch"),
            "tanh twice": ("return torch.tanh(", "return torch.tanh(torch.tanh(", " + b)", " + b))"),
            "made float64": ("return torch.tanh(", "return torch.tanh(1.0 * ", "+ b)", "+ b).double()"),
            "inputs detached": ("x_t @ W_x", "x_t.detach() @ W_x"),
        },
        "q1_2": {
            "the state after the last place, padding too": ("states[torch.arange(B), lengths - 1]", "h"),
            "one off": ("lengths - 1", "(lengths - 2).clamp(min=0)"),
            "the length as an index": ("lengths - 1", "lengths.clamp(max=S - 1)"),
            "starts from zeros": ("h = h0", "h = torch.zeros_like(h0)"),
            "h0 counted among the states": (
                "states.append(h)\n    states",
                "states.append(h)\n    states = [h0] + states[:-1]\n    states",
            ),
            "every step from h0": ("X[:, s], h,", "X[:, s], h0,"),
            "the length of the first for all": ("lengths - 1]", "lengths[0] - 1]"),
            "stacked in front": (
                "dim=1)",
                "dim=0)",
                "states[torch.arange(B), lengths - 1]",
                "states[lengths - 1, torch.arange(B)]",
            ),
            "read from right to left": ("range(S)", "reversed(range(S))"),
            "the mean of all states": ("states[torch.arange(B), lengths - 1]", "states.mean(dim=1)"),
            "the longest for all": ("lengths - 1]", "lengths.max() - 1]"),
            "squeezed": ("return states, last", "return states.squeeze(), last.squeeze()"),
            "only the last state": ("return states, last", "return last, last"),
            "the other order": ("return states, last", "return last, states"),
        },
        "q1_3": {
            "the state never updated": ("logits, h =", "logits, _ ="),
            "bos every time": ("step(token, h)", "step(torch.full((B,), bos, dtype=torch.int64), h)"),
            "bos among the tokens": ("out = []", "out = [token]", "range(max_len)", "range(max_len - 1)"),
            "one token short": ("range(max_len)", "range(max_len - 1 if max_len > 1 else 1)"),
            "one token more": ("range(max_len)", "range(max_len + 1)"),
            "argmax over the batch": ("logits.argmax(dim=-1)", "logits.argmax(dim=0)[:1].expand(B)"),
            "the smallest logit": ("argmax", "argmin"),
            "the first row for all": ("logits.argmax(dim=-1)", "logits[0].argmax().expand(B)"),
            "time first": ("dim=1)", "dim=0)"),
            "floats": ("torch.stack(out, dim=1)", "torch.stack(out, dim=1).float()"),
            "starts from zeros": ("h = context", "h = torch.zeros_like(context)"),
            "the context at every step": ("step(token, h)", "step(token, context)"),
            "stops when a row writes bos": (
                "out.append(token)",
                "out.append(token)\n        if (token == bos).any():\n            break",
            ),
            "starts with token 0": ("bos, dtype", "0, dtype"),
            "the context added at every step": ("step(token, h)", "step(token, h + context)"),
            "sampled": ("logits.argmax(dim=-1)", "torch.multinomial(logits.softmax(-1), 1)[:, 0]"),
        },
        "q1_4": {
            "no tanh": ("torch.tanh(query + keys)", "(query + keys)"),
            "tanh of each": ("torch.tanh(query + keys)", "(torch.tanh(query) + torch.tanh(keys))"),
            "a product and no sum": ("query + keys", "query * keys"),
            "normalised": ("@ v", "@ v).softmax(dim=-1)", "return torch", "return (torch"),
            "scaled": ("@ v", "@ v / math.sqrt(v.shape[0])"),
            "the first query for all": ("(s @ W_q).unsqueeze(1)", "(s @ W_q)[:1].unsqueeze(1)"),
            "no query": ("query + keys", "keys"),
            "v left out": ("@ v", ".sum(dim=-1) * 1.0"),
            "squeezed": ("return torch.tanh(query + keys) @ v", "return (torch.tanh(query + keys) @ v).squeeze()"),
            "sigmoid": ("torch.tanh", "torch.sigmoid"),
            "relu": ("torch.tanh", "torch.relu"),
            "v inside": ("torch.tanh(query + keys) @ v", "torch.tanh((query + keys) @ v)"),
            "lined up along the batch": ("unsqueeze(1)", "unsqueeze(0)[:, :1]"),
            "v normalised": ("@ v", "@ (v / v.norm())"),
        },
        "q1_5": {
            "mask ignored": (
                "scores.masked_fill(~mask, low)",
                "scores",
                "return weights.masked_fill(~mask, 0.0)",
                "return weights",
            ),
            "masked after the softmax": ("scores.masked_fill(~mask, low)", "scores"),
            "polarity": ("mask = mask.expand(scores.shape)", "mask = ~mask.expand(scores.shape)"),
            "fill with 0": (_LOW, "0.0"),
            "fill with -100": (_LOW, "-100.0"),
            "fill with -1e4": (_LOW, "-1e4"),
            "fill with -1e9 and left as it is": (
                _LOW,
                "-1e9",
                "return weights.masked_fill(~mask, 0.0)",
                "return weights",
            ),
            "minus infinity and NaN": (_LOW, "-math.inf", "return weights.masked_fill(~mask, 0.0)", "return weights"),
            "softmax over the first axis": ("dim=-1", "dim=0"),
            "no shift": ("filled - filled.max(dim=-1, keepdim=True).values", "filled"),
            "shift by the maximum of all": ("filled.max(dim=-1, keepdim=True).values", "filled.max()"),
            "shift by the mean": ("filled.max(dim=-1, keepdim=True).values", "scores.mean(dim=-1, keepdim=True)"),
            "shift by the maximum of masked scores too": ("filled.max(dim=-1", "scores.max(dim=-1"),
            "scores overwritten": ("scores.masked_fill(", "scores.masked_fill_("),
            "uniform row": ("return weights.masked_fill(~mask, 0.0)", "return weights"),
            "epsilon in the denominator": ("e.sum(dim=-1, keepdim=True)", "(e.sum(dim=-1, keepdim=True) + 1e-3)"),
            "float64": ("return weights.masked_fill(~mask, 0.0)", "return weights.masked_fill(~mask, 0.0).double()"),
        },
        "q1_6": {
            "a mean": (".sum(dim=1)", ".mean(dim=1)"),
            "weights normalised again": ("weights.unsqueeze(-1)", "weights.softmax(dim=-1).unsqueeze(-1)"),
            "divided by their sum": (
                "weights.unsqueeze(-1)",
                "(weights / weights.sum(dim=-1, keepdim=True)).unsqueeze(-1)",
            ),
            "the sum over the batch": ("sum(dim=1)", "sum(dim=0)"),
            "the sum over features": ("sum(dim=1)", "sum(dim=2)"),
            "squeezed": ("sum(dim=1)", "sum(dim=1).squeeze()"),
            "the best state alone": (
                "(weights.unsqueeze(-1) * H).sum(dim=1)",
                "H[torch.arange(len(H)), weights.argmax(dim=-1)]",
            ),
            "the first example's weights": ("weights.unsqueeze(-1)", "weights[:1].unsqueeze(-1)"),
            "not added up": (".sum(dim=1)", ""),
            "weights detached": ("weights.unsq", "weights.detach().unsq"),
            "one axis kept": ("sum(dim=1)", "sum(dim=1, keepdim=True)"),
        },
        "q1_7": {
            "unaligned counted as misses": ("aligned.sum().item()", "gold.numel()"),
            "unaligned counted as hits": (
                "(best == gold) & aligned",
                "(best == gold) | ~aligned",
                "aligned.sum().item()",
                "gold.numel()",
            ),
            "a mean over sentences": (
                "hits.sum().item() / aligned.sum().item()",
                "(hits.sum(1) / aligned.sum(1).clamp(min=1)).mean().item()",
            ),
            "the last on a tie": ("weights.argmax(dim=-1)", "weights.shape[-1] - 1 - weights.flip(-1).argmax(dim=-1)"),
            "argmax over the target": ("weights.argmax(dim=-1)", "weights.argmax(dim=1)[:, :1].expand(gold.shape)"),
            "position 0 not counted": ("gold >= 0", "gold > 0"),
            "one if none is aligned": ("return 0.0", "return 1.0"),
            "NaN if none is aligned": ("return 0.0", "return math.nan"),
            "in per cent": ("return hits", "return 100 * hits"),
            "the number of hits": (" / aligned.sum().item()", ""),
            "gold overwritten": ("best = ", "gold[gold < 0] = 0\n    best = "),
            "any tie counts": (
                "(best == gold) & aligned",
                "(weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0] == weights.max(-1).values) & aligned",
            ),
            "weight mass": (
                "(best == gold) & aligned",
                "weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0] * aligned",
            ),
            "the first sentence": (
                "aligned = gold >= 0",
                "weights, gold = weights[:1], gold[:1]\n    aligned = gold >= 0",
            ),
        },
        "q1_8": {
            "float logarithms": (_FIT, ""),
            "rounded": (
                _FIT,
                "",
                "int(d_h * bits_per_number / math.log2(V))",
                "round(d_h * bits_per_number / math.log2(V))",
            ),
            "up and not down": (
                _FIT,
                "",
                "int(d_h * bits_per_number / math.log2(V))",
                "math.ceil(d_h * bits_per_number / math.log2(V))",
            ),
            "strictly less": ("V ** (n + 1) <= states", "V ** (n + 1) < states", "V ** n > states", "V ** n >= states"),
            "one off": ("return n", "return n + 1"),
            "natural logarithm": (_FIT, "", "math.log2(V)", "math.log(V)"),
            "whole bits a token": (
                _FIT,
                "",
                "int(d_h * bits_per_number / math.log2(V))",
                "d_h * bits_per_number // (V - 1).bit_length()",
            ),
            "bits by V": (_FIT, "", "int(d_h * bits_per_number / math.log2(V))", "d_h * bits_per_number // V"),
            "bits ignored": ("d_h * bits_per_number", "d_h"),
            "bit_length of V": (
                _FIT,
                "",
                "int(d_h * bits_per_number / math.log2(V))",
                "d_h * bits_per_number // V.bit_length()",
            ),
            "a float": ("return n", "return float(n)"),
            "at least one": ("return n", "return max(n, 1)"),
            "a little added": (_FIT, "", "math.log2(V))", "math.log2(V) + 1e-9)"),
        },
    },
    NEEDS,
)
