"""Notebook 5, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q5_1": """
def sinusoidal_encoding(T, d_model, base=10000.0):
    if d_model % 2:
        raise ValueError('d_model is odd')
    i = torch.arange(0, d_model, 2)
    angles = torch.arange(T)[:, None] * base ** (-i / d_model)
    pe = torch.zeros(T, d_model)
    pe[:, 0::2] = torch.sin(angles)
    pe[:, 1::2] = torch.cos(angles)
    return pe
""",
    "q5_2": """
def shift_matrix(k, d_model, base=10000.0):
    if d_model % 2:
        raise ValueError('d_model is odd')
    M = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = k * base ** (-i / d_model)
        M[i, i], M[i, i + 1] = math.cos(a), math.sin(a)
        M[i + 1, i], M[i + 1, i + 1] = -math.sin(a), math.cos(a)
    return M
""",
    "q5_4": """
def relative_bias(T, S, table):
    K = (len(table) - 1) // 2
    distance = torch.arange(T)[:, None] - torch.arange(S)[None, :]
    return table[distance.clamp(-K, K) + K]
""",
    "q5_5": """
def rope_rotate(x, positions, base=10000.0):
    if x.shape[-1] % 2:
        raise ValueError('d is odd')
    d = x.shape[-1]
    theta = base ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
    angles = positions[:, None].to(x.dtype) * theta
    a, b = x[..., 0::2], x[..., 1::2]
    c, s = angles.cos(), angles.sin()
    return torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)
""",
    "q5_3": """
def causal_mean(X):
    counts = torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)[:, None]
    return X.cumsum(dim=-2) / counts


def positions_from_causal_mean(is_first):
    mean = causal_mean(is_first[:, None])[:, 0]
    return 1.0 / mean - 1.0
""",
    "q5_6": """
def rope_complex(x, positions, base=10000.0):
    d = x.shape[-1]
    if d % 2:
        raise ValueError('d is odd')
    theta = base ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
    angles = positions[:, None].to(x.dtype) * theta
    turn = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], d // 2, 2).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2)
""",
    "q5_7": """
def interleaved_to_half(x):
    if x.shape[-1] % 2:
        raise ValueError('d is odd')
    return torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)
""",
    "q5_8": """
def rotated_score(q, k, m, n, base=10000.0):
    turned_q = rope_rotate(q[None], torch.tensor([m]), base)[0]
    turned_k = rope_rotate(k[None], torch.tensor([n]), base)[0]
    return (turned_q * turned_k).sum()
""",
    "q5_9": """
def append_rotated(cache, k_t, base=10000.0):
    n = cache.shape[2]
    new = rope_rotate(k_t, torch.tensor([n]), base)
    return torch.cat([cache, new], dim=2)
""",
}

RIGHT["q5_10"] = """
def alibi_bias(H, T, S):
    if S < T:
        raise ValueError("more queries than keys")
    n = 2 ** math.floor(math.log2(H))
    slopes = [2 ** (-8 * (h + 1) / n) for h in range(n)]
    slopes += [2 ** (-8 * (h + 1) / (2 * n)) for h in range(2 * n)][0::2][: H - n]
    p = torch.arange(S - T, S)[:, None]
    distance = (p - torch.arange(S)).abs()
    return -torch.tensor(slopes)[:, None, None] * distance
"""
RIGHT["q5_11"] = """
def sliding_window_mask(T, S, window):
    if S < T or window < 1:
        raise ValueError("no such window")
    p = torch.arange(S - T, S)[:, None]
    s = torch.arange(S)[None, :]
    return (s <= p) & (s > p - window)
"""

NEEDS = {"q5_8": ("q5_5",), "q5_9": ("q5_5",)}

WRONG = answers(
    RIGHT,
    {
        "q5_1": {
            "positions from 1": ("torch.arange(T)", "torch.arange(1, T + 1)"),
            "i/d for 2i/d": ("-i / d_model", "-i / 2 / d_model"),
            "a positive exponent": ("-i / d_model", "i / d_model"),
            "sine and cosine swapped": ("sin(", "COS(", "torch.cos(", "torch.sin(", "COS(", "cos("),
            "halves": ("[:, 0::2]", "[:, : d_model // 2]", "[:, 1::2]", "[:, d_model // 2 :]"),
            "base ignored": ("* base **", "* 10000.0 **"),
            "a buffer of 512": ("torch.arange(T)", "torch.arange(512)[:T]"),
            "every feature its own frequency": (
                "torch.cos(angles)",
                "torch.cos(torch.arange(T)[:, None] * base ** (-(i + 1) / d_model))",
            ),
        },
        "q5_2": {
            "the sign": (
                "= -math.sin(a)",
                "= math.sin(a)",
                "math.cos(a), math.sin(a)\n        M[i + 1",
                "math.cos(a), -math.sin(a)\n        M[i + 1",
            ),
            "no minus": ("-math.sin", "math.sin"),
            "a positive exponent": ("-i / d_model", "i / d_model"),
            "i/d": ("-i / d_model", "-i / 2 / d_model"),
            "base ignored": ("k * base", "k * 10000.0"),
            "one angle": ("base ** (-i / d_model)", "1.0"),
            "forwards only": ("a = k", "a = abs(k)"),
            "one step": ("a = k *", "a ="),
        },
        "q5_4": {
            "s - t": ("distance = ", "distance = -1 * (", "[None, :]", "[None, :])"),
            "not clipped": ("distance.clamp(-K, K) + K", "(distance + K) % len(table)"),
            "not shifted": ("clamp(-K, K) + K", "clamp(-K, K)"),
            "the distance alone": ("distance.clamp", "distance.abs().clamp"),
            "clipped at K - 1": ("clamp(-K, K)", "clamp(-K + 1, K - 1)"),
            "causal": ("clamp(-K, K)", "clamp(0, K)"),
            "detached": ("table[", "table.detach()["),
            "T and S exchanged": (
                "torch.arange(T)",
                "torch.arange(S)",
                "- torch.arange(S)[None",
                "- torch.arange(T)[None",
            ),
        },
        "q5_5": {
            "turned the other way": ("a * c - b * s, a * s + b * c", "a * c + b * s, b * c - a * s"),
            "half-split pairs": (
                "x[..., 0::2], x[..., 1::2]",
                "x[..., : d // 2], x[..., d // 2 :]",
                "torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)",
                "torch.cat([a * c - b * s, a * s + b * c], dim=-1)",
            ),
            "halves behind": (
                "torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)",
                "torch.cat([a * c - b * s, a * s + b * c], dim=-1)",
            ),
            "a positive exponent": ("-torch.arange", "torch.arange"),
            "i/d": ("/ d)", "/ d / 2)"),
            "base ignored": ("= base", "= 10000.0"),
            "positions ignored": ("positions[:, None]", "torch.arange(len(positions))[:, None]"),
            "positions from 1": ("positions[:, None]", "(positions + 1)[:, None]"),
            "old and new mixed": ("    return", "    a = a * c - b * s\n    return", "[a * c - b * s, a", "[a, a"),
            "in float32": ("flatten(-2)", "flatten(-2).float()"),
        },
        "q5_3": {
            "not divided": (" / counts", ""),
            "divided by T": (" / counts", " / X.shape[-2]"),
            "counts from 0": (
                "torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)",
                "torch.arange(X.shape[-2], dtype=X.dtype)",
            ),
            "the mean of all": ("X.cumsum(dim=-2) / counts", "X.mean(dim=-2, keepdim=True).expand_as(X)"),
            "over the features": ("X.cumsum(dim=-2)", "X.cumsum(dim=-1)"),
            "along the first axis": ("X.cumsum(dim=-2)", "X.cumsum(dim=0)"),
            "the future": ("X.cumsum(dim=-2) / counts", "X.flip(-2).cumsum(dim=-2).flip(-2) / counts.flip(0)"),
            "itself left out": ("X.cumsum(dim=-2) / counts", "(X.cumsum(dim=-2) - X) / (counts - 1).clamp(min=1)"),
            "positions from 1": ("1.0 / mean - 1.0", "1.0 / mean"),
            "the mean itself": ("1.0 / mean - 1.0", "mean"),
            "counted, not recovered": ("1.0 / mean - 1.0", "torch.arange(1, len(is_first) + 1).to(is_first.dtype)"),
            "a logarithm": ("1.0 / mean - 1.0", "-torch.log(mean)"),
            "a minus": ("1.0 / mean - 1.0", "1.0 - mean"),
            "rounded to ints": ("1.0 / mean - 1.0", "(1.0 / mean - 1.0).round().long()"),
            "in float32": ("X.cumsum(dim=-2) / counts", "(X.cumsum(dim=-2) / counts).float()"),
            "in place": ("X.cumsum(dim=-2) / counts", "X.cumsum_(dim=-2).div_(counts)"),
            "a running average of two": (
                "X.cumsum(dim=-2) / counts",
                "torch.cat([X[..., :1, :], (X[..., 1:, :] + X[..., :-1, :]) / 2], dim=-2)",
            ),
        },
        "q5_6": {
            "turned backwards": ("torch.ones_like(angles), angles)", "torch.ones_like(angles), -angles)"),
            "halves": (
                "x.reshape(*x.shape[:-1], d // 2, 2).contiguous()",
                "torch.stack([x[..., : d // 2], x[..., d // 2 :]], dim=-1)",
            ),
            "halves, and back": (
                "x.reshape(*x.shape[:-1], d // 2, 2).contiguous()",
                "torch.stack([x[..., : d // 2], x[..., d // 2 :]], dim=-1)",
                "torch.view_as_real(pairs * turn).flatten(-2)",
                "torch.cat([(pairs * turn).real, (pairs * turn).imag], dim=-1)",
            ),
            "real parts first": (
                "torch.view_as_real(pairs * turn).flatten(-2)",
                "torch.cat([(pairs * turn).real, (pairs * turn).imag], dim=-1)",
            ),
            "exponent i/d": (
                "torch.arange(0, d, 2, dtype=x.dtype) / d",
                "torch.arange(0, d, 2, dtype=x.dtype) / d / 2",
            ),
            "a positive exponent": ("(-torch.arange", "(torch.arange"),
            "positions from 1": ("positions[:, None]", "(positions[:, None] + 1)"),
            "positions counted anew": ("positions[:, None]", "torch.arange(len(positions))[:, None]"),
            "base ignored": ("base **", "10000.0 **"),
            "no error": ("    if d % 2:\n        raise ValueError('d is odd')\n", ""),
            "lengths are the angles": ("torch.ones_like(angles), angles)", "angles, torch.ones_like(angles))"),
            "the real part": ("torch.view_as_real(pairs * turn).flatten(-2)", "(pairs * turn).real"),
            "complex returned": ("torch.view_as_real(pairs * turn).flatten(-2)", "pairs * turn"),
            "added": ("pairs * turn", "pairs + turn"),
            "pairs not joined": (".flatten(-2)", ""),
            "conjugated": ("pairs * turn", "pairs.conj() * turn"),
            "float32": ("torch.view_as_complex(x.reshape", "torch.view_as_complex(x.float().reshape"),
            "detached": ("x.reshape(*x", "x.detach().reshape(*x"),
        },
        "q5_7": {
            "odd features first": ("x[..., 0::2], x[..., 1::2]", "x[..., 1::2], x[..., 0::2]"),
            "the way back": (
                "torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)",
                "torch.stack(x.chunk(2, dim=-1), dim=-1).flatten(-2)",
            ),
            "unchanged": ("torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)", "x.clone()"),
            "halves exchanged": (
                "torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)",
                "torch.cat(x.chunk(2, dim=-1)[::-1], dim=-1)",
            ),
            "the first axis": ("x[..., 0::2], x[..., 1::2]], dim=-1", "x[0::2], x[1::2]], dim=0"),
            "a minus, as in rotate_half": ("x[..., 1::2]]", "-x[..., 1::2]]"),
            "reversed": ("x[..., 1::2]]", "x[..., 1::2].flip(-1)]"),
            "in float32": ("dim=-1)", "dim=-1).float()"),
        },
        "q5_8": {
            "both turned to m": ("[n]", "[m]"),
            "both turned to n": ("[m]", "[n]"),
            "exchanged": ("[m]", "[X]", "[n]", "[m]", "[X]", "[n]"),
            "only the query": ("turned_q * turned_k", "turned_q * k"),
            "base ignored": (", base)", ")"),
            "scaled": (".sum()", ".sum() / math.sqrt(len(q))"),
            "a mean": (".sum()", ".mean()"),
            "the sum": ("[m]", "[m + n]", "[n]", "[0]"),
        },
        "q5_9": {
            "one place on": ("[n]", "[n + 1]"),
            "one place back": ("[n]", "[max(n - 1, 0)]"),
            "position 0": ("[n]", "[0]"),
            "the cache turned again": ("[cache, new]", "[rope_rotate(cache, torch.arange(n), base), new]"),
            "not turned": ("[cache, new]", "[cache, k_t]"),
            "in front": ("[cache, new]", "[new, cache]"),
            "the wrong axis for n": ("cache.shape[2]", "cache.shape[1]"),
            "base ignored": (", base)", ")"),
            "a window": ("dim=2)", "dim=2)[:, :, -32:]"),
            "cache detached": ("[cache,", "[cache.detach(),"),
        },
        "q5_10": {
            "from 0": ("(h + 1) / n)", "h / n)"),
            "one formula": ("    n = 2 ** math.floor(math.log2(H))", "    n = H"),
            "rounded up": (
                "math.floor(math.log2(H))",
                "math.ceil(math.log2(H))",
                "    p =",
                "    slopes = slopes[:H]\n    p =",
            ),
            "in a row": ("[0::2]", ""),
            "every other from the second": ("[0::2]", "[1::2]"),
            "positive": ("return -torch", "return torch"),
            "no cache": ("torch.arange(S - T, S)[:, None]", "torch.arange(T)[:, None]"),
            "not absolute": (".abs()", ""),
            "keys minus queries": ("(p - torch.arange(S)).abs()", "torch.arange(S) - p"),
            "log base e": ("2 **", "math.e **"),
            "halves": ("-8 * (h + 1) / n", "-(h + 1)"),
            "clamped": (".abs()", ".clamp(min=0)"),
            "masked": ("* distance", "* distance.float().masked_fill(p < torch.arange(S), math.inf)"),
            "a list of maps": (
                "return -torch.tensor(slopes)[:, None, None] * distance",
                "return [-slope * distance for slope in slopes]",
            ),
            "heads last": ("[:, None, None] * distance", "* distance[..., None]"),
            "in float64": ("torch.tensor(slopes)", "torch.tensor(slopes, dtype=torch.float64)"),
            "distance plus one": (".abs()", ".abs() + 1"),
            "no error": ('    if S < T:\n        raise ValueError("more queries than keys")\n', ""),
            "a sequence of 2048": (
                "distance = (p - torch.arange(S)).abs()",
                "distance = (p - torch.arange(2048)[:S]).abs().clamp(max=255)",
            ),
            "divided by S": ("* distance", "* distance / S"),
        },
        "q5_11": {
            "one more": ("s > p", "s >= p"),
            "not itself": ("s <= p", "s < p"),
            "both sides": ("(s <= p)", "(s < p + window)"),
            "only the window": ("(s <= p) & ", ""),
            "only causal": (" & (s > p - window)", ""),
            "no cache": ("torch.arange(S - T, S)", "torch.arange(T)"),
            "inverted": ("(s <= p) & (s > p - window)", "~((s <= p) & (s > p - window))"),
            "or": (" & (s > p", " | (s > p"),
            "blocks": ("(s > p - window)", "(s // window == p // window)"),
            "additive": (
                "return (s <= p) & (s > p - window)",
                "return torch.zeros(T, S).masked_fill(~((s <= p) & (s > p - window)), -math.inf)",
            ),
            "floats": ("return (s <= p) & (s > p - window)", "return ((s <= p) & (s > p - window)).float()"),
            "half": ("p - window", "p - window // 2 - 1"),
            "square": ("torch.arange(S)[None, :]", "torch.arange(T)[None, :]"),
            "keys and queries exchanged": (
                "return (s <= p) & (s > p - window)",
                "return ((s <= p) & (s > p - window)).T",
            ),
            "window in steps of the cache": ("p - window", "p - window - (S - T)"),
            "assertion": ('        raise ValueError("no such window")', "        assert False"),
            "an empty window": (" or window < 1", ""),
            "the first key, too": ("(s > p - window)", "((s > p - window) | (s == 0))"),
            "window clipped to T": ("    p =", "    window = min(window, T)\n    p ="),
            "a window of at least two": ("    p =", "    window = max(window, 2)\n    p ="),
        },
    },
    NEEDS,
)
