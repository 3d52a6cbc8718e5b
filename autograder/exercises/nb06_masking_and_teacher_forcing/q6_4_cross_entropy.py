"""6.4 cross_entropy: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import entropy_one_hot
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb06 as reference

NOT_THE_LIBRARY = ("cross_entropy", "nll_loss", "cross_entropy_loss")


def entropy_case(rng: Rng, B: int, T: int, V: int, *, ignore: int = 0, real: Sequence[int] | None = None, scale: float = 1.0,
                 draw: Any = normal, shift: float = 0.0, hard: bool = False, **options: Any) -> Case:
    """Logits (B, T, V) and targets whose row b has `real[b]` real tokens before `ignore`.

    Where it is `hard`, the first target lies 1200 behind another token: its probability is 0 in either width. So does
    token 0 at padding, where a look-up that must not count may fall.
    """
    y = rng.integers(0, V, size=(B, T))
    y[y == ignore] = (ignore + 1) % V
    lengths = np.resize(real if real is not None else [T, max(1, T - 2)], B)
    y[np.arange(T)[None, :] >= lengths[:, None]] = ignore
    logits = draw(rng, B, T, V, scale=scale) + shift
    if hard:
        right = int(y[0, 0])
        logits[0, 0, right], logits[0, 0, (right + 1) % V] = -600.0, 600.0
        logits[y == ignore, :2] = -600.0, 600.0
    args = (logits, y, ignore)
    return Case(args=args, watch=NOT_THE_LIBRARY, sizes={"B": B, "T": T, "V": V}, **options)


def flawed_cross_entropy(logits: Any, y: Any, ignore_index: int, *, over: str = "tokens", log: str = "stable", axis: int = -1,
                         skip: str = "ignore_index", base: str = "e", empty: str = "zero", index: str = "safe", graph: str = "kept", sign: int = -1, result: str = "mean") -> Any:
    """Cross-entropy with switches that break it."""
    if graph == "cut":
        logits = logits.detach()
    if result == "float32":
        logits = logits.float()
    real = {"ignore_index": y != ignore_index, "zero": y != 0}.get(skip, torch.ones_like(y, dtype=torch.bool))
    if log == "stable":
        logs = logits - torch.logsumexp(logits, dim=axis, keepdim=True)
    elif log.startswith("softmax"):
        logs = torch.log(torch.softmax(logits, dim=axis))
    else:
        logs = logits
    counted, safe = real, y.clamp(min=0) if index == "safe" else y
    if skip == "in the number alone":
        counted, safe = y != ignore_index, torch.where(y == ignore_index, 0, y)
    cost = sign * logs.gather(-1, safe.unsqueeze(-1)).squeeze(-1)
    if result == "probability":
        cost = -torch.exp(-cost)
    cost = torch.where(real, cost, torch.zeros_like(cost)) if log != "softmax, times the mask" else cost * real
    if base == "2":
        cost = cost / math.log(2)
    count = counted.sum().clamp(min=1) if empty == "zero" else counted.sum()
    if over == "everything":
        return cost.mean()
    if over == "sentences":
        return (cost.sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()
    if result == "perplexity":
        return torch.exp(cost.sum() / count)
    if result == "Python":
        return (cost.sum() / count).item()
    return cost.sum() if over == "none" else cost.sum() / count


def zero_out_of_nothing(logits: Any, y: Any, ignore_index: int) -> Any:
    if not bool((y != ignore_index).any()):
        return torch.zeros((), dtype=logits.dtype)
    return flawed_cross_entropy(logits, y, ignore_index)


def entropy_selected(logits: Any, y: Any, ignore_index: int) -> Any:
    real = y != ignore_index
    logs = torch.log_softmax(logits[real], dim=-1)
    return -logs[torch.arange(len(logs)), y[real]].sum() / max(1, int(real.sum()))


def entropy_loops(logits: Any, y: Any, ignore_index: int) -> Any:
    total, count = 0.0 * logits.sum(), 0
    for b in range(y.shape[0]):
        for t in range(y.shape[1]):
            if int(y[b, t]) != ignore_index:
                total = total + torch.logsumexp(logits[b, t], dim=0) - logits[b, t, int(y[b, t])]
                count += 1
    return total / max(count, 1)


EXERCISE = Exercise(
    number="6.4",
    title="cross_entropy",
    names=("cross_entropy",),
    minutes=15,
    reference=reference.cross_entropy,
    outputs=(Output("mean cost", ()),),
    public=lambda rng: [
        entropy_case(rng, 1, 3, 3, real=[3], draw=rounded),
        entropy_case(rng, 2, 3, 4, ignore=2, draw=rounded, gradient=True),
        entropy_case(rng, 2, 3, 3, ignore=-100, draw=rounded),
        entropy_case(rng, 2, 2, 3, scale=400.0, draw=rounded, hard=True, dtype="float32"),
        entropy_case(rng, 2, 2, 3, real=[0], draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "every token real", "the mean of −ln p(y) over all tokens, in nats",
            lambda rng: [entropy_case(rng, 3, 4, 5, real=[4]), entropy_case(rng, 2, 5, 5, real=[5], ignore=-1), entropy_case(rng, 1, 1, 7, real=[1])],
        ),
        Test(
            "padding", "tokens equal to ignore_index count neither in the sum nor in the number of tokens, whatever ignore_index is",
            lambda rng: [entropy_case(rng, 3, 5, 6, real=[5, 1, 3]), entropy_case(rng, 2, 4, 5, ignore=3, real=[1, 4]), entropy_case(rng, 2, 4, 3, ignore=-100, real=[4, 2])],
        ),
        Test(
            "large logits", "a finite loss for logits in the hundreds, and float32 stays float32",
            lambda rng: [entropy_case(rng, 2, 4, 5, scale=300.0, hard=True), entropy_case(rng, 2, 3, 4, shift=1000.0, dtype="float32"), entropy_case(rng, 2, 3, 4, scale=300.0, hard=True, dtype="float32")],
        ),
        Test(
            "nothing real", "0 when no token is real, with a gradient of 0",
            lambda rng: [entropy_case(rng, 2, 3, 4, real=[0]), entropy_case(rng, 2, 3, 4, ignore=-100, real=[0], gradient=True)],
        ),
        Test(
            "gradients", "the gradient reaches the logits of real tokens",
            lambda rng: [entropy_case(rng, 2, 3, 4, gradient=True), entropy_case(rng, 3, 2, 5, ignore=-1, scale=100.0, gradient=True)],
        ),
    ),
    flawed=flawed_cross_entropy,
    mistakes=(
        Mistake(
            "padding-in-the-mean", "padding counted in the number of tokens", "The mean is over everything.", "Padding adds nothing to the sum. By what number must you divide?",
            "step 3 of the stub", switches={"over": "everything"},
        ),
        Mistake(
            "padding-in-the-sum", "padding treated as tokens to be predicted", "A pad is a token like any other.", "Should the model be taught to write padding?",
            "step 3 of the stub", switches={"skip": "nothing"},
        ),
        Mistake(
            "padding-left-in-the-sum", "padding left out of the number of tokens, and not out of the sum", "The mask says how many tokens are real.", "What is looked up at a pad, and does it belong to the sum?",
            "step 3 of the stub", switches={"skip": "in the number alone"},
        ),
        Mistake(
            "mean-of-sentence-means", "a mean over sentences of each one's mean", "Every sentence counts the same.", "Here every token counts the same.",
            "the equation above the stub", switches={"over": "sentences"},
        ),
        Mistake(
            "sum-for-mean", "the sum over the tokens", "The loss of a sentence is the sum.", "Divide by the number of real tokens.", "step 3 of the stub", switches={"over": "none"},
        ),
        Mistake(
            "log-of-softmax", "the logarithm of a softmax that has underflowed", "log(softmax) is log-softmax.", "What is the logarithm of a probability that was rounded to 0?",
            "step 1 of the stub", switches={"log": "softmax"},
        ),
        Mistake(
            "logits-as-logs", "logits used as if they were log-probabilities", "The model returns log-probabilities.", "Do the exponentials of the logits sum to 1?",
            "step 1 of the stub", switches={"log": "none"},
        ),
        Mistake(
            "softmax-over-time", "log-softmax over the positions, not over the vocabulary", "Axis 1 is the class axis.", "Of which axis must the probabilities sum to 1?",
            "step 1 of the stub", switches={"axis": 1},
        ),
        Mistake(
            "only-zero-is-padding", "0 left out, whatever ignore_index is", "Padding is 0.", "ignore_index is an argument, and may be −100.", "step 3 of the stub", switches={"skip": "zero"},
        ),
        Mistake(
            "bits-for-nats", "bits in place of nats", "Entropy is measured in bits.", "Nats use the natural logarithm.", "the docstring", switches={"base": "2"},
        ),
        Mistake(
            "nothing-over-nothing", "0 divided by 0 when no token is real", "There is always a token.", "What does a batch of padding alone give?", "step 3 of the stub", switches={"empty": "nan"},
        ),
        Mistake(
            "looks-up-the-padding", "a look-up at a negative ignore_index", "gather takes any index.", "Where in the vocabulary is token −100?", "step 2 of the stub", switches={"index": "raw"},
        ),
        Mistake(
            "graph-cut", "logits detached, so that nothing can be learned", "A loss is only a number.", "Which line takes the logits out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake("sign-forgotten", "the mean of ln p(y), which is below 0", "The loss is the log-probability.", "Is a logarithm of a probability ever above 0? And a surprise?", "step 3 of the stub", switches={"sign": 1}),
        Mistake("probability-for-logarithm", "the mean of −p(y), without a logarithm", "The probability of the right token is to grow.", "What does the equation take of p(y) before it takes the mean?", "step 1 of the stub", switches={"result": "probability"}),
        Mistake("perplexity", "the exponential of the loss, which is the perplexity", "Language models are measured in perplexity.", "Nats are what stands in the exponent.", "the docstring", switches={"result": "perplexity"}),
        Mistake("in-float32", "a loss in float32 whatever the logits are", "Losses are float32.", "Which line changes the number type?", "the docstring", switches={"result": "float32"}),
        Mistake("python-number", "a Python number, through which no gradient can pass", "A loss is a number, so .item().", "Call backward() on it: what happens?", "the docstring", switches={"result": "Python"}),
        Mistake(
            "constant-zero", "a constant 0 when no token is real, which no gradient can pass", "The loss is 0, so I return 0.", "Call backward() on it: what happens?",
            "step 3 of the stub", code=zero_out_of_nothing,
        ),
        Mistake(
            "infinity-times-zero", "the logarithm of a softmax that has underflowed, times 0 at padding, which is NaN", "0 times anything is 0.",
            "What is −∞ · 0? And which function gives log-probabilities that stay finite?", "step 1 of the stub", switches={"log": "softmax, times the mask"},
        ),
    ),
    variants=(
        Variant("real tokens selected", entropy_selected),
        Variant("one-hot", entropy_one_hot),
        Variant("loops", entropy_loops),
        Variant("gather, extra keyword", flawed_cross_entropy),
    ),
)
