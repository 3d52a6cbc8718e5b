"""6.14 label_smoothed_loss: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.q6_4_cross_entropy import entropy_case
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, rounded
from autograder.reference import nb06 as reference


def smoothed_case(rng: Rng, B: int, T: int, V: int, epsilon: float, *, ignore: int = 0, real: Sequence[int] | None = None, **options: Any) -> Case:
    """The case of 6.4 with an epsilon before `ignore_index`."""
    case = entropy_case(rng, B, T, V, ignore=ignore, real=real, **options)
    logits, y, ignore_index = case.args
    return Case(args=(logits, y, epsilon, ignore_index), watch=("cross_entropy", "nll_loss"), sizes=case.sizes, dtype=case.dtype, gradient=case.gradient)


def flawed_smoothed(logits: Any, y: Any, epsilon: float, ignore_index: int, *, share: str = "of V", smooth: str = "real", count: str = "real", logs: str = "stable",
                    role: str = "smoothing", skip: str = "ignore_index", empty: str = "zero", mix: str = "logs", base: str = "cross-entropy", over: str = "tokens", graph: str = "kept") -> Any:
    """The label-smoothed loss with switches that break it."""
    V = logits.shape[-1]
    if graph == "cut":
        logits = logits.detach()
    if role == "swapped":
        epsilon = 1 - epsilon
    elif role == "ignored":
        epsilon = 0.0
    if mix == "logits":
        logits = (1 - epsilon) * logits + epsilon * logits.mean(-1, keepdim=True)
    log_p = {"stable": logits.log_softmax(-1), "softmax": logits.softmax(-1).log(), "positions": logits.log_softmax(1), "probabilities": logits.softmax(-1)}[logs]
    real = {"ignore_index": y != ignore_index, "zero": y != 0, "nothing": torch.ones_like(y).bool()}[skip]
    index = torch.where(y == ignore_index, 0, y)[..., None]
    right, total = -log_p.gather(-1, index)[..., 0], -log_p.sum(-1)
    if share == "of V":
        cost, even = (1 - epsilon) * right, epsilon / V * total
    elif share == "of the others":
        cost, even = (1 - epsilon) * right, epsilon / (V - 1) * (total - right)
    elif share == "of V, not the right one":
        cost, even = (1 - epsilon) * right, epsilon / V * (total - right)
    elif share == "of V - 1":
        cost, even = (1 - epsilon) * right, epsilon / (V - 1) * total
    elif share == "right alone":
        cost, even = (1 - epsilon) * right, 0.0 * total
    elif share == "sum":
        cost, even = (1 - epsilon) * right, epsilon * total
    elif share == "without the pad":
        pad_cost = -log_p[..., 0]
        cost, even = (1 - epsilon) * right, epsilon / (V - 2) * (total - right - pad_cost)
    else:
        cost, even = right, epsilon / V * total
    if mix == "logits":
        cost, even = right, 0.0 * total
    if mix == "probabilities":
        cost, even = -((1 - epsilon) * (-right).exp() + epsilon / V).log(), torch.zeros_like(total)
    if base in ("minus", "bits", "one minus"):
        cost, even = {"minus": (-cost, -even), "bits": (cost / math.log(2), even / math.log(2)), "one minus": (cost, -even)}[base]
    if base == "divergence":
        high, low = 1 - epsilon + epsilon / V, epsilon / V
        cost = cost + high * math.log(high) + (V - 1) * (low * math.log(low) if low > 0 else 0.0)
    costs = (cost if smooth in ("right at padding", "everything at padding") else torch.where(real, cost, 0.0)) + (even if smooth in ("all", "everything at padding") else torch.where(real, even, 0.0))
    if over == "sentences":
        return (costs.sum(1) / real.sum(1).clamp(min=1)).mean()
    if over == "none":
        return costs.sum()
    n = costs.numel() if count == "all" else len(y) if count == "sentences" else real.sum().clamp(min=1) if empty == "zero" else real.sum()
    return costs.sum() / n


def smoothed_with_targets(logits: Any, y: Any, epsilon: float, ignore_index: int) -> Any:
    """A whole distribution for each real token, against its log-probabilities."""
    real = y != ignore_index
    log_p = torch.log_softmax(logits[real], dim=-1)
    target = torch.full_like(log_p, epsilon / logits.shape[-1])
    target[torch.arange(len(target)), y[real]] += 1 - epsilon
    return -(target * log_p).sum() / max(len(target), 1)


def smoothed_as_mixture(logits: Any, y: Any, epsilon: float, ignore_index: int) -> Any:
    """(1 − ε) times the surprise at y plus ε times the mean surprise over the vocabulary: lse − (1 − ε) z_y − ε mean(z)."""
    real = (y != ignore_index).to(logits.dtype)
    z_y = logits.gather(2, (y * (y != ignore_index)).unsqueeze(2)).squeeze(2)
    costs = torch.logsumexp(logits, dim=2) - (1 - epsilon) * z_y - epsilon * logits.mean(dim=2)
    return (costs * real).sum() / torch.clamp(real.sum(), min=1.0)


def smoothed_token_by_token(logits: Any, y: Any, epsilon: float, ignore_index: int, *, base: float = math.e) -> Any:
    V, total, n = logits.shape[-1], 0.0 * logits.sum(), 0
    for line, token in zip(logits.flatten(0, 1), y.flatten().tolist(), strict=True):
        if token == ignore_index:
            continue
        surprise = line.logsumexp(0) - line
        total = total + sum((epsilon / V + (1 - epsilon) * (v == token)) * surprise[v] for v in range(V)) / math.log(base)
        n += 1
    return total / max(n, 1)


EXERCISE = Exercise(
    number="6.14",
    title="label_smoothed_loss",
    names=("label_smoothed_loss",),
    minutes=15,
    further=True,
    reference=reference.label_smoothed_loss,
    outputs=(Output("mean cost", ()),),
    public=lambda rng: [
        smoothed_case(rng, 1, 3, 3, 0.3, real=[3], draw=rounded),
        smoothed_case(rng, 2, 3, 4, 0.2, real=[3, 1], draw=rounded, gradient=True),
        smoothed_case(rng, 2, 3, 5, 0.1, ignore=-100, real=[3, 2], draw=rounded),
        smoothed_case(rng, 2, 2, 3, 0.1, draw=rounded, scale=400.0, hard=True, dtype="float32"),
        smoothed_case(rng, 2, 2, 3, 0.1, real=[0], draw=rounded),
        smoothed_case(rng, 2, 3, 4, 0.25, ignore=3, real=[3, 2], draw=rounded),
    ],
    tests=(
        Test(
            "the definition", "the right token weighs 1 − epsilon and its share epsilon / V, every other one epsilon / V",
            lambda rng: [smoothed_case(rng, 3, 4, 5, 0.1, real=[4]), smoothed_case(rng, 2, 5, 5, 0.4, ignore=-1, real=[5]), smoothed_case(rng, 1, 1, 7, 0.9, real=[1])],
        ),
        Test("no smoothing, nothing but smoothing", "epsilon = 0 gives the plain cross-entropy, epsilon = 1 treats all tokens alike", lambda rng: [smoothed_case(rng, 2, 4, 5, 0.0, real=[4, 2]), smoothed_case(rng, 2, 3, 6, 1.0, real=[3, 1])]),
        Test(
            "padding", "tokens equal to ignore_index count neither with their own share nor with the even one, whatever ignore_index is",
            lambda rng: [smoothed_case(rng, 3, 5, 6, 0.2, real=[5, 1, 3]), smoothed_case(rng, 2, 4, 5, 0.1, ignore=3, real=[1, 4]), smoothed_case(rng, 2, 4, 3, 0.3, ignore=-100, real=[4, 2])],
        ),
        Test(
            "large logits", "a finite loss for logits in the hundreds, and float32 stays float32",
            lambda rng: [smoothed_case(rng, 2, 4, 5, 0.1, scale=300.0, hard=True), smoothed_case(rng, 2, 3, 4, 0.2, scale=300.0, hard=True, dtype="float32")],
        ),
        Test(
            "nothing real", "0 when no token is real, with a gradient of 0",
            lambda rng: [smoothed_case(rng, 2, 3, 4, 0.1, real=[0]), smoothed_case(rng, 2, 3, 4, 0.2, ignore=-100, real=[0], gradient=True)],
        ),
        Test("gradients", "the gradient reaches the logits of real tokens", lambda rng: [smoothed_case(rng, 2, 3, 4, 0.1, gradient=True), smoothed_case(rng, 3, 2, 5, 0.3, ignore=-1, gradient=True)]),
    ),
    flawed=flawed_smoothed,
    mistakes=(
        Mistake("right-token-without-a-share", "epsilon shared by the V − 1 other tokens alone", "Epsilon is what the others get.", "fairseq 0.12 does it this way, torch does not. In the equation: what does the even part give to y itself?", "the equation above the stub", switches={"share": "of the others"}),
        Mistake("shares-that-do-not-sum-to-1", "epsilon / V for every other token and 1 − epsilon for the right one, which is less than 1 in all", "V tokens share epsilon.", "Add up the weights of all V tokens.", "step 2 of the stub", switches={"share": "of V, not the right one"}),
        Mistake("even-part-forgotten", "the right token's part alone, weighed by 1 − epsilon", "Smoothing means less weight.", "What becomes of the share epsilon that is taken from the right token?", "step 2 of the stub", switches={"share": "right alone"}),
        Mistake("shares-above-1", "epsilon / (V − 1) for every token, the right one too, which is more than 1 in all", "V − 1 tokens are wrong.", "Add up the weights of all V tokens.", "step 2 of the stub", switches={"share": "of V - 1"}),
        Mistake("minus-forgotten", "a loss below 0: the minus is missing", "ln p is the cost.", "What is the sign of the logarithm of a probability?", "step 2 of the stub", switches={"base": "minus"}),
        Mistake("minus-in-one-part", "the even part taken off, not added", "One minus is enough.", "Both parts are costs. What is the sign of the mean of ln p?", "step 2 of the stub", switches={"base": "one minus"}),
        Mistake("bits", "bits in place of nats", "A loss is in bits.", "To which base does the docstring take the logarithm?", "the docstring", switches={"base": "bits"}),
        Mistake("softmax-over-positions", "log-probabilities over the positions, not over the vocabulary", "Axis 1 comes after the batch.", "Which axis of (B, T, V) must sum to 1?", "step 1 of the stub", switches={"logs": "positions"}),
        Mistake("right-part-at-padding", "the right token's part counted at padding as well", "The mask belongs to the even part.", "A pad is left out. With both of its parts?", "step 3 of the stub", switches={"smooth": "right at padding"}),
        Mistake("mean-over-sentences", "the sum divided by the number of sentences", "The batch is what is averaged.", "Divide by the number of real tokens.", "step 3 of the stub", switches={"count": "sentences"}),
        Mistake("logits-smoothed", "logits drawn towards their mean, and then the plain cross-entropy", "Smoothing makes the prediction softer.", "What is smoothed: the target or the prediction?", "step 2 of the stub", switches={"mix": "logits"}),
        Mistake("even-part-summed", "epsilon for every token in place of epsilon / V", "The even part is the sum over the vocabulary.", "How much weight have V tokens together if each has epsilon?", "step 2 of the stub", switches={"share": "sum"}),
        Mistake("pad-without-a-share", "no share for token 0, and V − 2 tokens to share epsilon", "The pad never comes, so it gets nothing.", "The Annotated Transformer does it this way, torch does not. Over how many tokens does the equation run?", "the equation above the stub", switches={"share": "without the pad"}),
        Mistake("weights-above-1", "the even part added to a right token that keeps its whole weight", "Smoothing adds a little everywhere.", "Add up the weights of all V tokens.", "step 2 of the stub", switches={"share": "added"}),
        Mistake("even-part-at-padding", "the even part counted at padding as well", "The mask belongs to the look-up.", "A pad is left out. With both of its parts?", "step 3 of the stub", switches={"smooth": "all"}),
        Mistake("padding-in-the-mean", "padding counted in the number of tokens", "The mean is over everything.", "Padding adds nothing to the sum. By what number must you divide?", "step 3 of the stub", switches={"count": "all"}),
        Mistake("padding-in-the-sum", "padding treated as tokens to be predicted", "A pad is a token like any other.", "Should the model be taught to write padding?", "step 3 of the stub", switches={"skip": "nothing"}),
        Mistake("padding-left-in-the-sum", "padding left out of the number of tokens, and not out of the sum", "The mask says how many tokens are real.", "What is looked up at a pad, and does it belong to the sum?", "step 3 of the stub", switches={"smooth": "everything at padding"}),
        Mistake("only-zero-is-padding", "0 left out, whatever ignore_index is", "Padding is 0.", "ignore_index is an argument, and may be −100.", "step 3 of the stub", switches={"skip": "zero"}),
        Mistake("epsilon-for-the-right-token", "epsilon as the weight of the right token, 1 − epsilon spread evenly", "Epsilon is how sure we are.", "With epsilon = 0, what should come out?", "the docstring", switches={"role": "swapped"}),
        Mistake("epsilon-ignored", "no smoothing: the plain cross-entropy", "The model smooths by itself.", "Which line uses epsilon?", "step 2 of the stub", switches={"role": "ignored"}),
        Mistake("probabilities-mixed", "the model's probability mixed with 1/V before the logarithm", "Smoothing makes the prediction softer.", "What is smoothed: the target or the prediction?", "step 2 of the stub", switches={"mix": "probabilities"}),
        Mistake("divergence", "the Kullback–Leibler divergence, which is smaller by the target's own entropy", "KLDivLoss takes a distribution.", "What does a perfect model pay in your version, and what in the equation?", "the equation above the stub", switches={"base": "divergence"}),
        Mistake("log-of-softmax", "the logarithm of a softmax that has underflowed", "log(softmax) is log-softmax.", "What is the logarithm of a probability that was rounded to 0?", "step 1 of the stub", switches={"logs": "softmax"}),
        Mistake("probabilities-for-logarithms", "probabilities in place of their logarithms", "The probability of the right token is to grow.", "What does the equation take of p before it weighs the tokens?", "step 1 of the stub", switches={"logs": "probabilities"}),
        Mistake("nothing-over-nothing", "0 divided by 0 when no token is real", "There is always a token.", "What does a batch of padding alone give?", "step 3 of the stub", switches={"empty": "nan"}),
        Mistake("mean-of-sentence-means", "a mean over sentences of each one's mean", "Every sentence counts the same.", "Here every token counts the same.", "step 3 of the stub", switches={"over": "sentences"}),
        Mistake("sum-for-mean", "the sum over the tokens", "The loss of a sentence is the sum.", "Divide by the number of real tokens.", "step 3 of the stub", switches={"over": "none"}),
        Mistake("graph-cut", "logits detached, so that nothing can be learned", "A loss is only a number.", "Which line takes the logits out of the graph?", "the whole function", switches={"graph": "cut"}),
    ),
    variants=(
        Variant("targets as distributions", smoothed_with_targets),
        Variant("a mixture of two surprises", smoothed_as_mixture),
        Variant("token by token, extra keyword", smoothed_token_by_token),
        Variant("with flags", flawed_smoothed),
    ),
)
