"""Exercises 5.10 and 5.11, blind, by another hand than `nb05`."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q5_10": """
def alibi_bias(H, T, S):
    if S < T:
        raise ValueError("S is smaller than T")

    def slopes(n):
        return [2 ** (-8 * (h + 1) / n) for h in range(n)]

    n = 1
    while 2 * n <= H:
        n = 2 * n
    m = (slopes(n) + slopes(2 * n)[0::2])[:H]
    m = torch.tensor(m)
    p = torch.arange(S - T, S)[:, None]
    s = torch.arange(S)[None, :]
    return -m[:, None, None] * (p - s).abs()
""",
    "q5_11": """
def sliding_window_mask(T, S, window):
    if S < T or window < 1:
        raise ValueError("S below T, or a window below 1")
    back = torch.arange(S - T, S)[:, None] - torch.arange(S)[None, :]
    return (back >= 0) & (back < window)
""",
}

WRONG = answers(
    RIGHT,
    {
        "q5_10": {
            "slopes counted from 0": ("(h + 1)", "h"),
            "one formula for every H": ("    n = 1\n    while 2 * n <= H:\n        n = 2 * n\n", "    n = H\n"),
            "filled up from the second on": ("[0::2]", "[1::2]"),
            "filled up with all slopes of the next power": ("[0::2]", ""),
            "filled up with slopes of the same power": ("slopes(2 * n)[0::2]", "slopes(n)"),
            "filled up with zeros": ("slopes(2 * n)[0::2]", "[0.0] * n"),
            "filled up with the last slope": ("slopes(2 * n)[0::2]", "slopes(n)[-1:] * n"),
            "the next power's first H": ("(slopes(n) + slopes(2 * n)[0::2])[:H]", "slopes(n if n == H else 2 * n)[:H]"),
            "a power strictly below": ("2 * n <= H", "2 * n < H"),
            "the nearest power": (
                "    n = 1\n    while 2 * n <= H:\n        n = 2 * n\n", "    n = 2 ** round(math.log2(H))\n",
            ),
            "slopes sorted": ("m = torch.tensor(m)", "m = torch.tensor(sorted(m, reverse=True))"),
            "slopes from flat to steep": ("m = torch.tensor(m)", "m = torch.tensor(m[::-1])"),
            "the extra slopes in front": ("(slopes(n) + slopes(2 * n)[0::2])[:H]", "slopes(2 * n)[0::2][:H - n] + slopes(n)"),
            "base e": ("2 ** (-8 * (h + 1) / n)", "math.exp(-8 * (h + 1) / n)"),
            "no 8": ("-8 * (h + 1)", "-(h + 1)"),
            "a slope falls with 1 / h": ("2 ** (-8 * (h + 1) / n)", "2 ** (-8 / n) / (h + 1)"),
            "one slope for all": ("m = torch.tensor(m)", "m = torch.tensor([m[0]] * H)"),
            "queries stand at the first positions": ("torch.arange(S - T, S)[:, None]", "torch.arange(T)[:, None]"),
            "queries one further on": ("torch.arange(S - T, S)", "torch.arange(S - T + 1, S + 1)"),
            "all queries at the last position": ("torch.arange(S - T, S)[:, None]", "torch.full((T, 1), S - 1)"),
            "the nearest is punished least, but as a reward": ("-m[:, None, None]", "m[:, None, None]"),
            "the sign of the distance": ("(p - s).abs()", "(p - s)"),
            "s minus p": ("-m[:, None, None] * (p - s).abs()", "m[:, None, None] * (s - p)"),
            "keys ahead cost nothing": ("(p - s).abs()", "(p - s).clamp(min=0)"),
            "squared distance": ("(p - s).abs()", "(p - s) ** 2"),
            "the log of the distance": ("(p - s).abs()", "torch.log1p((p - s).abs().float())"),
            "keys ahead masked": (
                "-m[:, None, None] * (p - s).abs()", "(-m[:, None, None] * (p - s).abs()).masked_fill(s > p, -math.inf)",
            ),
            "as factors": ("return -m[:, None, None] * (p - s).abs()", "return torch.exp(-m[:, None, None] * (p - s).abs())"),
            "heads last": ("(p - s).abs()", "(p - s).abs()\n    return bias.permute(1, 2, 0)", "return -m", "bias = -m"),
            "a batch axis in front": ("-m[:, None, None] * (p - s).abs()", "(-m[:, None, None] * (p - s).abs())[None]"),
            "keys and queries exchanged": ("(p - s).abs()", "(p - s).abs().transpose(0, 1)"),
            "float64": ("torch.tensor(m)", "torch.tensor(m, dtype=torch.float64)"),
            "S below T is not refused": ('    if S < T:\n        raise ValueError("S is smaller than T")\n', ""),
            "S equal to T is refused": ("S < T", "S <= T"),
            "S above T is refused": ("S < T", "S != T"),
            "a None for S below T": ('raise ValueError("S is smaller than T")', "return None"),
            "another H is refused": (
                "    if S < T:\n", "    if H & (H - 1):\n        raise ValueError('H')\n    if S < T:\n",
            ),
        },
        "q5_11": {
            "one too many": ("back < window", "back <= window"),
            "one too few": ("back < window", "back < window - 1"),
            "at least itself, and one too few": ("back < window", "back < max(window - 1, 1)"),
            "both sides": ("(back >= 0) & (back < window)", "back.abs() < window"),
            "half on each side": ("(back >= 0) & (back < window)", "back.abs() <= window // 2"),
            "nothing is too far": (" & (back < window)", ""),
            "what is ahead is seen": ("(back >= 0) & ", ""),
            "not its own place": ("back >= 0", "back > 0"),
            "not its own place, and one further back": ("(back >= 0) & (back < window)", "(back > 0) & (back <= window)"),
            "its own place and what is ahead": ("(back >= 0) & (back < window)", "(back <= 0) & (back > -window)"),
            "its own place and all that is ahead": ("(back >= 0) & (back < window)", "back <= 0"),
            "or for and": ("&", "|"),
            "True is hidden": ("(back >= 0) & (back < window)", "~((back >= 0) & (back < window))"),
            "what is too far and not ahead": ("back < window", "back >= window"),
            "queries at the first positions": ("torch.arange(S - T, S)", "torch.arange(T)"),
            "queries one further on": ("torch.arange(S - T, S)", "torch.arange(S - T + 1, S + 1)"),
            "queries one too early": ("torch.arange(S - T, S)", "torch.arange(S - T - 1, S - 1)"),
            "blocks": (
                "(back >= 0) & (back < window)",
                "(back >= 0) & (torch.arange(S - T, S)[:, None] // window == torch.arange(S)[None, :] // window)",
            ),
            "the first key is always seen": ("& (back < window)", "& ((back < window) | (torch.arange(S) == 0))"),
            "the first queries get a full window": (
                "(back >= 0) & (back < window)",
                "(torch.arange(S) <= torch.arange(S - T, S)[:, None].clamp(min=window - 1)) & (back < window)",
            ),
            "every window-th key": ("(back < window)", "(back % window == 0)"),
            "transposed": ("(back >= 0) & (back < window)", "((back >= 0) & (back < window)).T"),
            "an additive mask": (
                "return (back >= 0) & (back < window)",
                "return torch.where((back >= 0) & (back < window), 0.0, -math.inf)",
            ),
            "whole numbers": ("return (back >= 0) & (back < window)", "return ((back >= 0) & (back < window)).int()"),
            "two axes in front": ("return (back >= 0) & (back < window)", "return ((back >= 0) & (back < window))[None, None]"),
            "a window of S is refused": ("window < 1", "not 1 <= window < S"),
            "a window above S is refused": ("window < 1", "not 1 <= window <= S"),
            "a window above T is refused": ("window < 1", "not 1 <= window <= T"),
            "a window is cut to S - 1": ("    back =", "    window = max(1, min(window, S - 1))\n    back ="),
            "a window of S or more sees all": ("    back =", "    if window >= S:\n        return torch.ones(T, S, dtype=torch.bool)\n    back ="),
            "a window of 1 is refused": ("window < 1", "window <= 1"),
            "a window of 0 is let through": ("window < 1", "window < 0"),
            "windows are never refused": (" or window < 1", ""),
            "S below T is let through": ("S < T or ", ""),
            "S equal to T is refused": ("S < T", "S <= T"),
            "an IndexError": ("ValueError", "IndexError"),
        },
    },
    {},
)  # fmt: skip
