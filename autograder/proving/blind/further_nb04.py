"""Exercise 4.9, blind, by another hand than `nb04`."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q4_9": """
def attention_dropout(weights, p, generator, training):
    if p < 0 or p >= 1:
        raise ValueError("p has to be at least 0 and below 1")
    if not training:
        return weights
    drop = torch.rand(weights.shape, generator=generator) < p
    return torch.where(drop, 0.0, weights) / (1 - p)
""",
}

DRAW = "torch.rand(weights.shape, generator=generator)"
REFUSE = """    if p < 0 or p >= 1:
        raise ValueError("p has to be at least 0 and below 1")
"""

WRONG = answers(
    RIGHT,
    {
        "q4_9": {
            "kept with probability p": ("< p\n", ">= p\n"),
            "kept with probability p, and divided by p": ("< p\n", ">= p\n", "/ (1 - p)", "/ max(p, 1e-9)"),
            "not scaled": (" / (1 - p)", ""),
            "times 1 - p in training": ("/ (1 - p)", "* (1 - p)"),
            "classic dropout: 1 - p when it is used": (" / (1 - p)", "", "return weights\n", "return weights * (1 - p)\n"),
            "divided by p": ("/ (1 - p)", "/ max(p, 1e-9)"),
            "times 1 + p": ("/ (1 - p)", "* (1 + p)"),
            "rows made to sum to 1": (
                "    return torch.where(drop, 0.0, weights) / (1 - p)",
                "    w = torch.where(drop, 0.0, weights)\n    return w / w.sum(-1, keepdim=True).clamp(min=1e-9)",
            ),
            "scaled by the share that was kept": ("/ (1 - p)", "/ (~drop).double().mean().clamp(min=1e-9).to(weights.dtype)"),
            "one draw a query": ("torch.rand(weights.shape,", "torch.rand(weights.shape[:-1] + (1,),"),
            "one draw a key for all queries": (
                "torch.rand(weights.shape,", "torch.rand(weights.shape[:2] + (1, weights.shape[3]),",
            ),
            "whole heads": ("torch.rand(weights.shape,", "torch.rand(weights.shape[:2] + (1, 1),"),
            "the same for every sentence": ("torch.rand(weights.shape,", "torch.rand(weights.shape[1:],"),
            "the same for every head": (
                "torch.rand(weights.shape,", "torch.rand((weights.shape[0], 1) + weights.shape[2:],",
            ),
            "one draw for everything": ("torch.rand(weights.shape,", "torch.rand((),"),
            "the generator is not used": (", generator=generator", ""),
            "a generator of its own": ("generator=generator", "generator=torch.Generator().manual_seed(0)"),
            "the seed is taken anew": ("generator=generator", "generator=generator.manual_seed(0)"),
            "the global seed is set": (
                "    drop =", "    torch.manual_seed(generator.initial_seed())\n    drop =", ", generator=generator", "",
            ),
            "training and use exchanged": ("if not training", "if training"),
            "dropped when it is used, too": ("    if not training:\n        return weights\n", ""),
            "scaled when it is used": ("return weights\n", "return weights / (1 - p)\n"),
            "zeros when it is used": ("return weights\n", "return torch.zeros_like(weights)\n"),
            "torch's own dropout": (
                "    drop = torch.rand(weights.shape, generator=generator) < p\n"
                "    return torch.where(drop, 0.0, weights) / (1 - p)",
                "    return F.dropout(weights, p, training)",
            ),
            "torch's module": (
                "    drop = torch.rand(weights.shape, generator=generator) < p\n"
                "    return torch.where(drop, 0.0, weights) / (1 - p)",
                "    return nn.Dropout(p)(weights)",
            ),
            "p is never refused": (REFUSE, ""),
            "p refused in training alone": (REFUSE, "", "    drop =", REFUSE + "    drop ="),
            "p of 0 refused": ("p < 0 or", "p <= 0 or"),
            "p of 1 allowed": ("p >= 1", "p > 1"),
            "p below 0 allowed": ("p < 0 or ", ""),
            "an assertion": (REFUSE, "    assert 0 <= p < 1\n"),
            "normal numbers": ("torch.rand(", "torch.randn("),
            "the weights below p": (DRAW, "weights"),
            "dropped ones become -inf": ("torch.where(drop, 0.0, weights)", "torch.where(drop, -math.inf, weights)"),
            "in place": ("torch.where(drop, 0.0, weights)", "weights.masked_fill_(drop, 0.0)"),
            "no gradient": ("torch.where(drop, 0.0, weights)", "torch.where(drop, 0.0, weights).detach()"),
            "just the mask": ("torch.where(drop, 0.0, weights)", "(~drop).to(weights.dtype)"),
            "dropped ones scaled, kept ones left": (
                "torch.where(drop, 0.0, weights) / (1 - p)", "torch.where(drop, weights / (1 - p), weights)",
            ),
        },
    },
    {},
)  # fmt: skip
