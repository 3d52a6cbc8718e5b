"""4.9 attention_dropout: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, Seed
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb04 as reference

DROPPED = "dropped out"


def dropout_case(rng: Rng, B: int, H: int, T: int, S: int, p: float, training: bool = True, seed: int = 1, digits: int | None = None, **options: Any) -> Case:
    """Weights whose rows sum to 1. In training a verifier decides, unless nothing is dropped: any draw is right."""
    shares = rng.random((B, H, T, S)) + 0.05
    weights = shares / shares.sum(axis=-1, keepdims=True)
    weights = np.round(weights, digits) if digits else weights
    if training and p and not options.get("raises"):
        options["verify"] = DROPPED
    return Case(args=(weights, p, Seed(seed), training), sizes={"B": B, "H": H, "T": T, "S": S}, **options)


def draw(shape: Any, p: float, generator: Any) -> Any:
    """True with probability p at each place."""
    return torch.rand(shape, generator=generator) < p


def flawed_dropout(weights: Any, p: float, generator: Any, training: bool, *, scale: str = "1/(1-p)", when: str = "training", which: str = "p",
                   shape: str = "every weight", after: str = "nothing", source: str = "generator", change: str = "new", graph: str = "kept",
                   width: str = "kept", check: str = "always") -> Any:
    """Dropout on attention weights with switches that break it."""
    low, high = check not in ("never", "above 1", "1 or more"), check not in ("never", "below 0")
    if (check != "in training" or training) and ((low and p < 0) or (high and (p > 1 if check == "above 1" or check == "1 allowed" else p >= 1))):
        raise ValueError("p must be at least 0 and below 1")
    if check == "0 refused" and p == 0:
        raise ValueError("p must be above 0")
    weights = weights.detach() if graph == "cut" else weights
    weights = weights.double() if width == "double" else weights.float() if width == "float32" else weights
    active = {"training": training, "always": True, "evaluation": not training}[when]
    if not active or (source == "p is 0" and p == 0):
        return weights * (1 - p) if scale == "at the end" else weights / (1 - p) if scale == "always" and p < 1 else torch.zeros_like(weights) if scale == "0 when used" else weights
    if source == "global":
        generator = None
    elif source == "seeded inside":
        generator.manual_seed(0)
    elif source == "its seed":
        generator = torch.Generator().manual_seed(generator.initial_seed())
    drawn = {
        "every weight": weights.shape, "every row": (*weights.shape[:-1], 1), "every key": (*weights.shape[:-2], 1, weights.shape[-1]),
        "every map": (*weights.shape[:-2], 1, 1), "once for all": weights.shape[-2:],
        "every head alike": (weights.shape[0], 1, *weights.shape[2:]), "every example alike": weights.shape[1:], "one": (),
    }[shape]
    gone = draw(drawn, p if which == "p" else 1 - p, generator) if which != "small" else weights < p
    if change == "overwritten":
        weights.detach().masked_fill_(gone, 0.0)
    left = weights.masked_fill_(gone, 0.0) if change == "in place" else weights.masked_fill(gone, 0.0)
    left = left.detach() if graph == "cut in training" else left
    if after == "infinite":
        return weights.masked_fill(gone, -torch.inf) / (1 - p)
    if after == "ones":
        return (~gone).expand(weights.shape).to(weights.dtype)
    if after == "dropped ones scaled":
        return torch.where(gone, weights / (1 - p), weights)
    if after == "normalised":
        return left / left.sum(-1, keepdim=True).clamp(min=1e-9)
    if after == "softmax":
        return weights.masked_fill(gone, -1e9).softmax(-1)
    factor = {"1/(1-p)": 1 / (1 - p) if p < 1 else 0.0, "none": 1.0, "at the end": 1.0, "times (1-p)": 1 - p, "1/p": 1 / p if p else torch.inf, "1/p but for 0": 1 / p if p else 1.0}.get(scale, 1 / (1 - p) if p < 1 else 0.0)
    return left * factor


def drop_where(weights: Any, p: float, generator: Any, training: bool) -> Any:
    if p < 0 or p >= 1:
        raise ValueError(f"p is {p}")
    if not training:
        return weights
    return torch.where(torch.rand(weights.shape, generator=generator) >= p, weights / (1 - p), 0.0)


def drop_bernoulli(weights: Any, p: float, generator: Any, training: bool, *, inplace: bool = False) -> Any:
    if not 0 <= p < 1:
        raise ValueError("0 ≤ p < 1")
    keep = torch.empty_like(weights, requires_grad=False).bernoulli_(1 - p, generator=generator) if training else torch.ones_like(weights)
    return weights * keep / (1 - p if training else 1)


def drop_by_choice(weights: Any, p: float, generator: Any, training: bool) -> Any:
    if p >= 1.0 or p < 0.0:
        raise ValueError("not a probability below 1")
    if training and p > 0:
        scale = torch.tensor([0.0, 1 / (1 - p)], dtype=weights.dtype)
        drawn = torch.multinomial(torch.tensor([p, 1 - p], dtype=torch.float64), weights.numel(), replacement=True, generator=generator)
        return weights * scale[drawn].view_as(weights)
    return weights.clone()


def drop_row_by_row(weights: Any, p: float, generator: Any, training: bool) -> Any:
    if not (p >= 0 and p < 1):
        raise ValueError("p")
    if not training:
        return weights
    rows = weights.reshape(-1, weights.shape[-1])
    kept = [row * torch.empty(len(row)).uniform_(generator=generator).ge(p).to(row.dtype) for row in rows]
    return torch.stack(kept).reshape(weights.shape).div(1 - p)


def seeds_case(rng: Rng) -> Case:
    """Calls before the last one: with the same seed, with another one, and with a generator from which was drawn before."""
    case = dropout_case(rng, 2, 3, 8, 9, 0.5, seed=5, digits=2)
    weights, p, seed, training = case.args
    return replace(case, earlier=tuple(Case(args=(weights, p, one, training)) for one in (seed, Seed(6), Seed(5, used=100))))


EXERCISE = Exercise(
    number="4.9",
    title="attention_dropout",
    names=("attention_dropout",),
    minutes=10,
    further=True,
    reference=reference.attention_dropout,
    outputs=(Output("weights", ("B", "H", "T", "S")),),
    public=lambda rng: [
        dropout_case(rng, 2, 2, 4, 6, 0.25, digits=2),
        dropout_case(rng, 1, 2, 8, 8, 0.5, digits=2, dtype="float32", gradient=True, seed=2),
        seeds_case(rng),
        dropout_case(rng, 2, 3, 4, 6, 0.25, training=False, digits=2, gradient=True),
        dropout_case(rng, 2, 3, 4, 6, 0.0, digits=2),
        dropout_case(rng, 1, 1, 1, 2, 1.0, digits=2, raises="ValueError"),
        dropout_case(rng, 1, 1, 1, 2, 1.5, digits=2, raises="ValueError"),
        dropout_case(rng, 1, 1, 1, 2, -0.1, digits=2, training=False, raises="ValueError"),
        dropout_case(rng, 1, 1, 1, 2, -0.1, digits=2, raises="ValueError"),
    ],
    tests=(
        Test(
            "kept or dropped", "in training each weight is 0 with probability p, drawn for itself, and divided by 1 − p otherwise",
            lambda rng: [dropout_case(rng, 3, 2, 12, 10, 0.2), dropout_case(rng, 2, 4, 9, 11, 0.7, seed=4), dropout_case(rng, 1, 2, 30, 7, 0.5, seed=8, dtype="float32")],
        ),
        Test(
            "switched off", "out of training, and with p = 0, the weights are as they were",
            lambda rng: [dropout_case(rng, 2, 3, 9, 8, 0.4, training=False), dropout_case(rng, 2, 3, 9, 8, 0.0), dropout_case(rng, 1, 2, 3, 2, 0.9, training=False, dtype="float32")],
        ),
        Test("the generator", "all randomness comes from `generator`: the same seed drops the same weights, another seed others, and so does a generator that has gone on", lambda rng: [seeds_case(rng)]),
        Test(
            "gradients", "where a weight is kept its gradient is divided by 1 − p, and 0 where it is dropped",
            lambda rng: [dropout_case(rng, 2, 2, 8, 9, 0.3, gradient=True), dropout_case(rng, 1, 2, 2, 3, 0.3, training=False, gradient=True)],
        ),
        Test(
            "impossible probabilities", "a ValueError when p is below 0, or 1 or more, in training or not",
            lambda rng: [dropout_case(rng, 1, 1, 2, 2, p, training=training, raises="ValueError") for p, training in ((1.0, True), (1.5, True), (-0.2, False), (1.0, False), (-0.2, True))],
        ),
    ),
    flawed=flawed_dropout,
    mistakes=(
        Mistake(
            "not-scaled-up", "the weights that are kept left as they were", "Dropout sets some numbers to 0.",
            "How large is the mean of a weight over many draws, and how large should it be?", "step 3 of the stub", switches={"scale": "none"},
        ),
        Mistake(
            "scaled-at-the-end", "nothing divided in training, and everything multiplied by 1 − p afterwards", "The mean is put right at test time.",
            "That is how the first paper did it. The docstring asks for the other way: what happens out of training?", "step 3 of the stub", switches={"scale": "at the end"},
        ),
        Mistake(
            "scaled-down", "the kept weights multiplied by 1 − p", "1 − p of the weights are left.",
            "Fewer weights are left. Must each become larger or smaller, if the mean is to stay?", "step 3 of the stub", switches={"scale": "times (1-p)"},
        ),
        Mistake(
            "divided-by-p", "the kept weights divided by p", "The factor is 1/p.",
            "With p = .1 nearly all weights are kept. By how much should they grow?", "step 3 of the stub", switches={"scale": "1/p"},
        ),
        Mistake(
            "divided-by-p-but-for-0", "the kept weights divided by p, but where p is 0", "The factor is 1/p.",
            "With p = .1 nearly all weights are kept. By how much should they grow?", "step 3 of the stub", switches={"scale": "1/p but for 0"},
        ),
        Mistake(
            "scaled-out-of-training", "the weights divided by 1 − p out of training as well", "The factor belongs to dropout.",
            "Out of training nothing is dropped. What would the factor make up for?", "step 1 of the stub", switches={"scale": "always"},
        ),
        Mistake(
            "zeros-out-of-training", "zeros out of training", "No dropout, no weights.", "The docstring says what comes back out of training.", "step 1 of the stub",
            switches={"scale": "0 when used"},
        ),
        Mistake(
            "mask-returned", "ones where a weight is kept, and not the weight", "Dropout is a mask.", "What is to be 0 or larger: the mask or the weights?", "step 3 of the stub",
            switches={"after": "ones"},
        ),
        Mistake(
            "infinities", "−∞ where a weight is dropped", "A dropped key gets −∞.", "These are weights and not scores: the softmax is over. Which number takes a weight away?", "step 3 of the stub",
            switches={"after": "infinite"},
        ),
        Mistake(
            "dropped-and-kept-exchanged", "the dropped weights divided, and the others as they were", "where takes the condition first.",
            "Which of the two values does torch.where take where its condition is True?", "step 3 of the stub", switches={"after": "dropped ones scaled"},
        ),
        Mistake(
            "small-weights-dropped", "every weight below p dropped, with no draw at all", "p is a threshold.", "What has to lie below p: the weight or a random number?", "step 2 of the stub",
            switches={"which": "small"},
        ),
        Mistake(
            "rows-normalised-again", "rows divided by their sum after dropping, so that they sum to 1 again", "Attention weights have to sum to 1.",
            "Here they need not, and the docstring says so: what holds is their mean over many draws.", "step 3 of the stub", switches={"after": "normalised"},
        ),
        Mistake(
            "dropped-before-the-softmax", "a softmax taken once more, over the weights that are left", "A dropped key gets −∞, and the softmax makes it right.",
            "These are weights already: what does a softmax of weights give? Dropout leaves the others of the row alone, but for one factor.", "step 3 of the stub", switches={"after": "softmax"},
        ),
        Mistake(
            "also-out-of-training", "weights dropped whether in training or not", "Dropout belongs to the model.",
            "Which argument says that the model is being trained?", "step 1 of the stub", switches={"when": "always"},
        ),
        Mistake(
            "only-out-of-training", "weights dropped out of training, and none in it", "training means that the weights are still needed.",
            "When is a model to be made robust: while it learns, or while it is used?", "step 1 of the stub", switches={"when": "evaluation"},
        ),
        Mistake(
            "p-is-what-is-kept", "a share p kept, and the rest dropped", "p is the probability of keeping.",
            "In some first papers it was. The docstring says which one p is here.", "step 2 of the stub", switches={"which": "1-p"},
        ),
        Mistake(
            "whole-rows", "whole rows dropped: a query that sees nothing at all, or everything", "A query is dropped.",
            "How many draws does one row of S weights need?", "step 2 of the stub", switches={"shape": "every row"},
        ),
        Mistake(
            "the-same-keys-for-all-queries", "the same keys dropped for every query", "A key is dropped.",
            "Which shape does your draw have, and which do the weights have?", "step 2 of the stub", switches={"shape": "every key"},
        ),
        Mistake(
            "whole-heads", "whole heads dropped or kept", "Dropping a head makes the others work.",
            "That is another method. Here every weight has a draw of its own.", "step 2 of the stub", switches={"shape": "every map"},
        ),
        Mistake(
            "one-draw-for-all", "one (T, S) draw for all heads and examples", "The map is (T, S).",
            "Which shape does your draw have, and which do the weights have?", "step 2 of the stub", switches={"shape": "once for all"},
        ),
        Mistake(
            "one-draw-for-all-heads", "the same draw for every head", "The heads look at the same keys.",
            "Which shape does your draw have, and which do the weights have?", "step 2 of the stub", switches={"shape": "every head alike"},
        ),
        Mistake(
            "one-draw-for-all-examples", "the same draw for every example of the batch", "The batch is only a batch.",
            "Which shape does your draw have, and which do the weights have?", "step 2 of the stub", switches={"shape": "every example alike"},
        ),
        Mistake(
            "all-or-nothing", "one draw for everything: all weights dropped or none", "p is the chance that dropout happens.",
            "How many draws do B · H · T · S weights need?", "step 2 of the stub", switches={"shape": "one"},
        ),
        Mistake(
            "seed-read-off", "the generator's seed read off and set anew, so that it never goes on", "A generator is a seed.",
            "A generator goes on from draw to draw. What does the second call with the same one drop?", "step 2 of the stub", switches={"source": "its seed"},
        ),
        Mistake(
            "global-randomness", "torch's global randomness in place of the generator, as `nn.functional.dropout` and `nn.Dropout` use it", "torch.rand is random enough.",
            "Which argument makes a draw repeatable? torch's own dropout does not take it.", "step 2 of the stub", switches={"source": "global"},
        ),
        Mistake(
            "seeded-inside", "a generator that is set to the same seed in every call", "Seeds make things repeatable.",
            "Would two calls in a row drop the same weights? They should not.", "step 2 of the stub", switches={"source": "seeded inside"},
        ),
        Mistake(
            "changes-its-input", "the dropped weights set to 0 in the tensor that came in", "The old weights are not needed any more.",
            "A reader may still want to look at them. Which call makes a new tensor?", "step 3 of the stub", switches={"change": "overwritten"},
        ),
        Mistake(
            "overwritten", "the dropped weights set to 0 in the tensor that came in, which autograd refuses", "The old weights are not needed any more.",
            "A name that ends in an underscore writes into its tensor. Which call makes a new one?", "step 3 of the stub", switches={"change": "in place"},
        ),
        Mistake(
            "graph-cut-in-training", "what is dropped and kept in training cut off from its gradient", "What is random has no derivative.",
            "The draw is a constant; the weights are not. What is d(w·c)/dw?", "step 3 of the stub", switches={"graph": "cut in training"},
        ),
        Mistake(
            "graph-cut", "weights cut off from their gradient", "What is random has no derivative.",
            "The draw is a constant; the weights are not. What is d(w·c)/dw?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float32", "a result in float32 whatever the weights are", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", switches={"width": "float32"},
        ),
        Mistake(
            "p-not-checked", "a p of 1 or more, or below 0, accepted", "Nobody drops everything.",
            "What would be divided by what, for p = 1?", "the docstring", switches={"check": "never"},
        ),
        Mistake(
            "checked-in-training-only", "an impossible p refused in training alone", "Out of training p is not used.",
            "The docstring says when. In which order do your first lines stand?", "step 1 of the stub", switches={"check": "in training"},
        ),
        Mistake(
            "negative-p-accepted", "a p below 0 accepted", "A probability is never negative.", "The docstring names both ends.", "the docstring", switches={"check": "1 or more"},
        ),
        Mistake(
            "large-p-accepted", "a p of 1 or more accepted", "Nobody drops everything.", "What would be divided by what, for p = 1?", "the docstring", switches={"check": "below 0"},
        ),
        Mistake(
            "p-of-1-accepted", "a p of exactly 1 accepted", "1 is a probability.", "What would be divided by what, for p = 1?", "the docstring", switches={"check": "1 allowed"},
        ),
        Mistake(
            "p-of-0-refused", "a p of 0 refused", "Dropout without dropping makes no sense.", "The docstring names both ends. Is 0 below 0?", "the docstring", switches={"check": "0 refused"},
        ),
    ),
    variants=(
        Variant("where", drop_where),
        Variant("bernoulli, extra keyword", drop_bernoulli),
        Variant("a choice of two factors", drop_by_choice),
        Variant("row by row", drop_row_by_row),
    ),
)
