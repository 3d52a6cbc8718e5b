"""Exercise 3.8, blind, by another hand than `nb03`."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q3_8": """
def online_softmax_attention(q, K, V, block):
    S, d_k = K.shape
    m = torch.full((), -math.inf, dtype=q.dtype)
    total = torch.zeros((), dtype=q.dtype)
    out = torch.zeros(V.shape[1], dtype=q.dtype)
    for first in range(0, S, block):
        z = K[first:first + block] @ q / math.sqrt(d_k)
        m_new = torch.maximum(m, z.max())
        e = torch.exp(z - m_new)
        shrink = torch.exp(m - m_new)
        total = total * shrink + e.sum()
        out = out * shrink + e @ V[first:first + block]
        m = m_new
    return out / total
""",
}

WRONG = answers(
    RIGHT,
    {
        "q3_8": {
            "the factor upside down": ("exp(m - m_new)", "exp(m_new - m)"),
            "the factor upside down, the first block apart": (
                "shrink = torch.exp(m - m_new)", "shrink = torch.exp(m_new - m) if first else 0.0",
            ),
            "the sum is not shrunk": ("total * shrink", "total"),
            "the values are not shrunk": ("out * shrink", "out"),
            "neither is shrunk": (" * shrink", ""),
            "m never moves": ("        m = m_new\n", ""),
            "a last short block is left out": ("range(0, S, block)", "range(0, S - block + 1, block)"),
            "the last block is left out": ("range(0, S, block)", "range(0, S - block, block)"),
            "as many blocks as divide evenly": ("range(0, S, block)", "range(0, S // block * block, block)"),
            "a short block is filled up with zero keys": (
                "        z = K[first:first + block] @ q / math.sqrt(d_k)\n",
                "        short = max(first + block - S, 0)\n"
                "        z = F.pad(K[first:first + block] @ q / math.sqrt(d_k), (0, short))\n",
                "V[first:first + block]", "F.pad(V[first:first + block], (0, 0, 0, short))",
            ),
            "a short block is taken from the end": (
                "    for first in range(0, S, block):\n",
                "    for first in range(0, S, block):\n        first = max(min(first, S - block), 0)\n",
            ),
            "neighbouring blocks share a key": ("first + block]", "first + block + 1]"),
            "a key between blocks is skipped": ("first + block]", "first + max(block - 1, 1)]"),
            "not divided by the root of d_k": (" / math.sqrt(d_k)", ""),
            "divided by d_k": ("math.sqrt(d_k)", "d_k"),
            "divided by the root of the block": ("math.sqrt(d_k)", "math.sqrt(block)"),
            "divided by the root of d_v": ("math.sqrt(d_k)", "math.sqrt(V.shape[1])"),
            "each block has a softmax of its own": (
                "e = torch.exp(z - m_new)", "e = torch.softmax(z, 0)", "shrink = torch.exp(m - m_new)", "shrink = 1.0",
            ),
            "divided in every block": ("        m = m_new\n", "        m = m_new\n        out = out / total\n"),
            "never divided": ("out / total", "out"),
            "divided by S": ("out / total", "out / S"),
            "no maximum": ("z - m_new", "z", "exp(m - m_new)", "ones(())"),
            "m begins at 0": ("-math.inf", "0.0"),
            "the maximum of the block alone": ("torch.maximum(m, z.max())", "z.max()"),
            "the new shares against the old m": ("exp(z - m_new)", "exp(z - m)"),
            "always the values of the first block": ("V[first:first + block]", "V[:len(e)]"),
            "the largest absolute score": ("z.max()", "z.abs().max()"),
            "the smallest score": ("torch.maximum(m, z.max())", "torch.maximum(m, z.min())"),
            "the smaller maximum": ("torch.maximum(m, z.max())", "torch.minimum(m, z.max())"),
            "the shrink on the new shares too": ("e.sum()", "shrink * e.sum()", "e @ V", "shrink * e @ V"),
            "a scaled copy of K": (
                "    m = torch.full", "    K = K / math.sqrt(d_k)\n    m = torch.full", "q / math.sqrt(d_k)", "q",
            ),
            "all scores first": (
                "    m = torch.full", "    scores = K @ q / math.sqrt(d_k)\n    m = torch.full",
                "z = K[first:first + block] @ q / math.sqrt(d_k)", "z = scores[first:first + block]",
            ),
            "the output and the sum": ("return out / total", "return out / total, total"),
            "always float32": ("dtype=q.dtype", "dtype=torch.float32", "return out / total", "return (out / total).float()"),
        },
    },
    {},
)  # fmt: skip
