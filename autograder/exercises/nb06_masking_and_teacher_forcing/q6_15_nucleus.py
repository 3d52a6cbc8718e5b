"""6.15 nucleus: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import INFINITE
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb06 as reference

MARGIN = 0.01  # no sum of probabilities comes nearer to top_p than this: there both answers would be right


def nucleus_case(rng: Rng, *shape: int, top_p: float, temperature: float | None = None, scale: float = 1.5, digits: int = 2, shift: float = 0.0, **options: Any) -> Case:
    """Logits (…, V), drawn again until no token stands on the edge of its row's nucleus and none are equal."""
    heat = 1.0 if temperature is None else temperature
    while True:
        logits = np.round(rng.standard_normal(shape) * scale * heat, digits)
        shares = np.sort(np.exp(logits / heat) / np.exp(logits / heat).sum(-1, keepdims=True), axis=-1)[..., ::-1]
        gaps = -np.diff(np.sort(logits, axis=-1)[..., ::-1], axis=-1)
        near = np.abs(np.cumsum(shares, axis=-1)[..., :-1] - top_p) < MARGIN
        if not near.any() and (gaps > 0).all():
            break
    kwargs = {} if temperature is None else {"temperature": temperature}
    return Case(args=(logits + shift, top_p), kwargs=kwargs, sizes=dict(zip(("B", "V") if len(shape) == 2 else ("...", "B", "V"), shape, strict=False)), **options)


def unlike_rows(rng: Rng, B: int, V: int, top_p: float) -> Case:
    """From row to row flatter: the nuclei have one token, then more and more."""
    while True:
        case = nucleus_case(rng, B, V, top_p=top_p, scale=1.0)
        logits = case.args[0] * np.geomspace(8.0, 0.2, B)[:, None]
        shares = np.sort(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), axis=-1)[:, ::-1]
        sums = np.cumsum(shares, axis=-1)
        sizes = (sums < top_p).sum(-1) + 1
        if not (np.abs(sums[:, :-1] - top_p) < MARGIN).any() and sizes[0] == 1 and sizes[-1] >= V // 2:
            return Case(args=(logits, top_p), sizes=case.sizes)


def flawed_nucleus(logits: Any, top_p: float, temperature: float = 1.0, *, crossing: str = "kept", heat: str = "first", start: str = "likeliest", norm: str = "again", fill: float = -INFINITE,
                   rows: str = "each", back: str = "scattered", rule: str = "sum", keep: int = 0, stable: bool = True, axis: int = -1, graph: str = "probabilities",
                   cut_at: str = "top_p", fewest: int = 0, turned: bool = False) -> Any:
    """The nucleus with switches that break it."""
    z = logits / temperature if heat in ("first", "twice") else logits * temperature if heat == "multiplied" else logits
    V = z.shape[-1]
    shares = z.softmax(axis) if stable else z.exp() / z.exp().sum(axis, keepdim=True)
    if heat == "of the shares":
        shares = shares / temperature
    ordered, order = (shares if start in ("likeliest", "unlikeliest") else shares * 0.0).sort(dim=axis, descending=start == "likeliest", stable=True)
    if start == "own order":
        ordered = shares
    sums = ordered.cumsum(axis)
    before = sums - ordered
    share = {"top_p": top_p, "1 - top_p": 1 - top_p, "0 for 1": top_p % 1}[cut_at]
    out = (before >= share) if crossing == "kept" else (sums >= share) if crossing.startswith("reaching") else (sums > share)
    if crossing.endswith("but the first"):
        out = out & (torch.arange(V) > 0)
    out = out & (torch.arange(V) >= fewest)
    if keep:
        out = (before - torch.roll(ordered, 1, axis) >= top_p) & (torch.arange(V) > 1)
    if rule == "each":
        out = ordered < 1 - top_p
        out = out & (torch.arange(V) > 0)
    elif rule == "share of V":
        out = torch.arange(V).expand_as(ordered) >= max(1, math.ceil(top_p * V))
    elif rule == "of the best":
        out = ordered < top_p * ordered[..., :1]
    elif rule == "top_p each":
        out = ordered < top_p
    elif rule in ("one", "all"):
        out = (torch.arange(V) > 0 if rule == "one" else torch.zeros(V, dtype=torch.bool)).expand_as(ordered)
    if rows == "first":
        out = out.reshape(-1, V)[:1].expand(out.reshape(-1, V).shape).reshape(out.shape)
    elif rows == "longest":
        out = out.reshape(-1, V).all(0).expand_as(out)
    outside = torch.zeros_like(out).scatter(axis, order, out) if back == "scattered" else out.gather(axis, order) if back == "gathered" else out
    outside = ~outside if turned else outside
    if back == "left sorted":
        z = z.gather(axis, order)
        outside = out
    if norm != "again":
        base = shares.gather(axis, order) if back == "left sorted" else shares
        left = base.masked_fill(outside, 0.0)
        return {"no": left, "top_p": left / top_p, "softmax": left.masked_fill(outside, fill).softmax(axis), "log": (left / left.sum(axis, keepdim=True)).log()}[norm]
    z = z / temperature if heat in ("last", "twice") else z
    kept = z.masked_fill(outside, fill)
    if graph == "logits":
        return kept
    return kept.softmax(axis)


def nucleus_by_threshold(logits: Any, top_p: float, temperature: float = 1.0) -> Any:
    """The least likely token that is kept gives each row its threshold."""
    p = torch.softmax(logits / temperature, dim=-1)
    ordered = p.sort(dim=-1, descending=True).values
    count = (ordered.cumsum(-1) < top_p).sum(-1, keepdim=True).clamp(max=p.shape[-1] - 1)
    p = p * (p >= ordered.gather(-1, count))
    return p / p.sum(-1, keepdim=True)


def nucleus_row_by_row(logits: Any, top_p: float, temperature: float = 1.0, *, least: int = 1) -> Any:
    result = torch.zeros_like(logits)
    flat, out = logits.reshape(-1, logits.shape[-1]), result.view(-1, logits.shape[-1])
    for row, place in zip(flat, out, strict=True):
        shares = (row / temperature).softmax(0)
        total = 0.0
        for n, token in enumerate(torch.argsort(shares, descending=True).tolist()):
            if total >= top_p and n >= least:
                break
            place[token] = shares[token]
            total += float(shares[token])
        place /= place.sum()
    return result


def nucleus_from_below(logits: Any, top_p: float, temperature: float = 1.0) -> Any:
    """From the unlikeliest on: out is whatever, with all below it, sums to no more than 1 − top_p."""
    z = logits / temperature
    shares, order = torch.softmax(z, -1).sort(-1)
    out = shares.cumsum(-1) <= 1 - top_p
    out[..., -1] = False
    kept = z.gather(-1, order).masked_fill(out, -torch.inf).softmax(-1)
    return torch.empty_like(kept).scatter_(-1, order, kept)


EXERCISE = Exercise(
    number="6.15",
    title="nucleus",
    names=("nucleus",),
    minutes=15,
    further=True,
    reference=reference.nucleus,
    outputs=(Output("probabilities", ("...", "V"), ("not negative", "rows sum to 1")),),
    public=lambda rng: [
        Case(args=(np.array([[2.0, 0.5, 1.0, -1.0], [0.0, 0.6, 0.4, 1.1]]), 0.75), sizes={"B": 2, "V": 4}),
        nucleus_case(rng, 3, 5, top_p=0.6, digits=1, temperature=2.0),
        nucleus_case(rng, 3, 4, top_p=0.05, digits=1),
        unlike_rows(rng, 4, 6, 0.8),
        nucleus_case(rng, 2, 4, top_p=1.0, digits=1),
        nucleus_case(rng, 2, 4, top_p=0.8, digits=1, shift=500.0, dtype="float32"),
        nucleus_case(rng, 2, 5, top_p=0.85, digits=1, temperature=0.5),
        nucleus_case(rng, 5, top_p=0.6, digits=1),
    ],
    tests=(
        Test(
            "the crossing token", "the likeliest tokens up to and with the one whose probability lifts the sum to top_p or above, in the tokens' own order",
            lambda rng: [nucleus_case(rng, 4, 7, top_p=0.7), nucleus_case(rng, 1, 9, top_p=0.9, scale=1.0), nucleus_case(rng, 5, 5, top_p=0.5)],
        ),
        Test("never empty", "the likeliest token stays however small top_p is, and top_p = 1 keeps every token", lambda rng: [nucleus_case(rng, 3, 6, top_p=0.02), nucleus_case(rng, 4, 5, top_p=1.0), nucleus_case(rng, 2, 1, top_p=0.3)]),
        Test("temperature", "the temperature divides the logits before anything is cut", lambda rng: [nucleus_case(rng, 4, 6, top_p=0.7, temperature=2.5), nucleus_case(rng, 3, 7, top_p=0.8, temperature=0.4)]),
        Test("each row by itself", "every row has its own nucleus, for any leading axes", lambda rng: [unlike_rows(rng, 5, 8, 0.8), nucleus_case(rng, 2, 3, 5, top_p=0.75), nucleus_case(rng, 6, top_p=0.6)]),
        Test("large logits and number types", "finite for logits in the hundreds; float32 stays float32", lambda rng: [nucleus_case(rng, 3, 5, top_p=0.8, shift=900.0), nucleus_case(rng, 3, 6, top_p=0.7, shift=300.0, dtype="float32")]),
    ),
    flawed=flawed_nucleus,
    mistakes=(
        Mistake("crossing-token-dropped", "the token that crosses top_p left out, and nothing at all where the first one crosses", "The sum must stay below top_p.", "With probabilities .5, .3, .2 and top_p = .6: which tokens does it take to reach .6?", "step 2 of the stub", switches={"crossing": "dropped"}),
        Mistake("crossing-token-dropped-but-the-first", "the token that crosses top_p left out, unless it is the only one", "The sum must stay below top_p, but something must be left.", "With probabilities .5, .3, .2 and top_p = .6: is .5 enough?", "step 2 of the stub", switches={"crossing": "dropped but the first"}),
        Mistake("reaching-token-dropped", "every token out at which the running sum has reached top_p, the one that gets it there too", "Stop when the sum has reached top_p.", "With probabilities .5, .3, .2 and top_p = .6: which tokens does it take to reach .6? And for top_p = 1?", "step 2 of the stub", switches={"crossing": "reaching dropped"}),
        Mistake("reaching-token-dropped-but-the-first", "every token but the first out at which the running sum has reached top_p", "Stop when the sum has reached top_p, but keep something.", "With probabilities .5, .3, .2 and top_p = .6: is .5 enough? And which are left for top_p = 1?", "step 2 of the stub", switches={"crossing": "reaching dropped but the first"}),
        Mistake("two-at-least", "two tokens at the least", "One word would be greedy.", "How many tokens does it take where the first one has .9 and top_p is .5?", "step 2 of the stub", switches={"fewest": 2}),
        Mistake("one-token-alone", "the likeliest token alone, whatever top_p is", "The sum before the first is 0, and all others are out.", "With what is the sum before each token to be compared?", "step 2 of the stub", switches={"rule": "one"}),
        Mistake("nothing-cut", "nothing cut: the probabilities at this temperature", "The softmax makes the tail small.", "Which line uses top_p? How many numbers of your result are exactly 0?", "step 2 of the stub", switches={"rule": "all"}),
        Mistake("nucleus-cut-out", "the nucleus set to 0, and the tail kept", "True means keep.", "Which tokens does your mask hold, those that stay or those that go?", "step 3 of the stub", switches={"turned": True}),
        Mistake("tail-of-top-p-cut", "a nucleus that reaches 1 − top_p", "The tail has the share top_p.", "Of which part is top_p the share, of what is kept or of what is cut?", "step 2 of the stub", switches={"cut_at": "1 - top_p"}),
        Mistake("top-p-of-1-is-0", "top_p = 1 taken for 0, which leaves the likeliest token alone", "1 is a full turn.", "How many tokens does it take to reach a sum of 1?", "step 2 of the stub", switches={"cut_at": "0 for 1"}),
        Mistake("own-order-summed", "probabilities summed in the order of the vocabulary, not from the likeliest on", "cumsum goes through the row.", "Which token must come first in the sum?", "step 1 of the stub", switches={"start": "own order"}),
        Mistake("gathered", "the mask brought back by gather, which takes from the places that it should write to", "gather along the order brings it back.", "`order[i]` is the token at sorted place i. Must the mask at i go *to* that place or come *from* it?", "step 2 of the stub", switches={"back": "gathered"}),
        Mistake("divided-by-top-p", "the kept probabilities divided by top_p", "Together they have top_p.", "With .5, .3, .2 and top_p = .6: what is the sum of the kept ones?", "step 3 of the stub", switches={"norm": "top_p"}),
        Mistake("softmax-of-probabilities", "a softmax of the kept probabilities", "A softmax makes them sum to 1.", "These are probabilities already. By what are they to be divided?", "step 3 of the stub", switches={"norm": "softmax"}),
        Mistake("logarithms-returned", "the logarithms of the probabilities", "Log-probabilities are safer.", "What does the docstring say is returned?", "step 3 of the stub", switches={"norm": "log"}),
        Mistake("threshold-of-top-p", "tokens kept whose own probability is top_p or more", "top_p is a threshold.", "The *sum* is to reach top_p. How many tokens have more than .8 each?", "step 2 of the stub", switches={"rule": "top_p each"}),
        Mistake("probabilities-over-temperature", "probabilities divided by the temperature, and not logits", "The temperature divides what is sampled from.", "Do your probabilities still sum to 1 before you cut? What does the temperature divide?", "step 1 of the stub", switches={"heat": "of the shares"}),
        Mistake("one-too-many", "one token more than it takes", "The token after the crossing stays.", "Count the tokens whose sum *before* them is still below top_p.", "step 2 of the stub", switches={"keep": 1}),
        Mistake("temperature-after-the-cut", "tokens cut at temperature 1, and only then the temperature", "The cut looks at the model's own probabilities.", "Which probabilities does the docstring sum up?", "step 1 of the stub", switches={"heat": "last"}),
        Mistake("temperature-twice", "a temperature that divides twice, before the cut and after it", "The logits are divided before each softmax.", "How often do you divide z?", "step 3 of the stub", switches={"heat": "twice"}),
        Mistake("temperature-multiplied", "logits multiplied by the temperature", "Heat makes numbers larger.", "A high temperature is to flatten. Does 2 · z lie nearer together than z?", "step 1 of the stub", switches={"heat": "multiplied"}),
        Mistake("temperature-ignored", "a temperature that does nothing", "The cut is what matters.", "Which line uses temperature?", "step 1 of the stub", switches={"heat": "none"}),
        Mistake("tail-kept", "the unlikeliest tokens kept, up to a sum of top_p", "sort puts the best first.", "In which order does torch.sort give its values?", "step 2 of the stub", switches={"start": "unlikeliest"}),
        Mistake("not-normed-again", "probabilities that are cut and no longer sum to 1", "What is cut is 0, the rest stays.", "What do the kept ones sum to?", "step 3 of the stub", switches={"norm": "no"}),
        Mistake("cut-tokens-at-zero", "tokens outside the nucleus set to a logit of 0", "0 means no probability.", "exp(0) is 1. Which logit has a probability of 0?", "step 3 of the stub", switches={"fill": 0.0}),
        Mistake("first-rows-nucleus", "as many tokens in every row as in the first", "The nucleus has one size.", "A row that is sure needs one token, a row that is not needs many.", "step 2 of the stub", switches={"rows": "first"}),
        Mistake("largest-nucleus-for-all", "as many tokens in every row as the flattest row needs", "A column is dropped when all rows can do without it.", "Does a row's nucleus depend on the other rows?", "step 2 of the stub", switches={"rows": "longest"}),
        Mistake("mask-in-sorted-order", "a mask in sorted order laid over tokens in their own order", "Place 0 is the likeliest.", "After sorting, place 0 is which token? Bring the mask back before you use it.", "step 2 of the stub", switches={"back": "not"}),
        Mistake("left-sorted", "probabilities in sorted order", "The best come first.", "Entry v of the answer belongs to token v.", "step 3 of the stub", switches={"back": "left sorted"}),
        Mistake("threshold-on-each", "tokens kept by their own probability, 1 − top_p or more", "top_p is a threshold.", "The *sum* is to reach top_p. Take ten tokens of .1 each: how many does .95 keep?", "step 2 of the stub", switches={"rule": "each"}),
        Mistake("share-of-the-vocabulary", "a share top_p of the tokens, whatever their probabilities", "The top 80 % are kept.", "Of what is top_p a share: of the tokens, or of their probability?", "step 2 of the stub", switches={"rule": "share of V"}),
        Mistake("share-of-the-best", "tokens with at least top_p of the best one's probability, as min-p sampling keeps them", "The threshold follows the best token.", "The *sum* is to reach top_p.", "step 2 of the stub", switches={"rule": "of the best"}),
        Mistake("raw-exponentials", "exponentials of the raw logits, which overflow", "softmax is exp over the sum.", "What is exp(900)?", "the docstring", switches={"stable": False}),
        Mistake("softmax-over-the-batch", "a softmax along another axis than the vocabulary", "Axis 0 is the first.", "Of which axis must the probabilities sum to 1?", "step 1 of the stub", code=lambda logits, top_p, temperature=1.0: flawed_nucleus(logits.movedim(-1, 0), top_p, temperature).movedim(0, -1)),
        Mistake("logits-returned", "logits with −∞ in them, not probabilities", "The softmax comes later.", "What does the docstring say is returned?", "step 3 of the stub", switches={"graph": "logits"}),
    ),
    variants=(
        Variant("a threshold for each row", nucleus_by_threshold),
        Variant("row by row, extra keyword", nucleus_row_by_row),
        Variant("from below", nucleus_from_below),
        Variant("with flags", flawed_nucleus),
    ),
)
