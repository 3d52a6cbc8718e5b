"""3.4 scaled_dot_product_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from autograder.exercises.attention_family import OUTPUT_AND_WEIGHTS, alone, flawed_attention, known, steps
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb03 as reference

LIBRARY = ("scaled_dot_product_attention",)


def attention_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_k: int, d_v: int, *,
                   mask: np.ndarray | None = None,
                   scale: float = 1.0, draw: Callable[..., np.ndarray] = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_k, scale=scale), draw(rng, *batch, S, d_k, scale=scale), draw(rng, *batch, S, d_v))
    kwargs = {} if mask is None else {"mask": mask}
    return Case(args=args, kwargs=kwargs, sizes={"T": T, "S": S, "d_k": d_k, "d_v": d_v}, watch=LIBRARY, **options)


def open_somewhere(rng: Rng, *shape: int) -> np.ndarray:
    """A mask (…, S), about half of it open, at least one key open and one blocked in every row."""
    mask = rng.random(shape) < 0.5
    rows = mask.reshape(-1, shape[-1])
    places = rng.integers(0, shape[-1], size=len(rows))
    rows[np.arange(len(rows)), places] = True
    rows[np.arange(len(rows)), (places + 1) % shape[-1]] = False
    return rows.reshape(shape)


def without_rows(mask: np.ndarray, *rows: int) -> np.ndarray:
    """The mask with nothing to attend to in these query rows."""
    closed = mask.copy()
    closed[..., list(rows), :] = False
    return closed


def blocked_key_scores_highest(rng: Rng) -> Case:
    """The blocked key matches every query far better than the open ones, by hundreds after scaling."""
    Q, K, V = normal(rng, 2, 3, 4), normal(rng, 2, 5, 4), normal(rng, 2, 5, 3)
    Q[..., 0] = 40.0
    K[..., 0] = np.array([0.0, 60.0, 0.0, 0.0, 60.0])
    mask = np.array([True, False, True, True, False])
    return Case(args=(Q, K, V, mask), sizes={"T": 3, "S": 5, "d_k": 4, "d_v": 3}, watch=LIBRARY)


def very_low_scores(rng: Rng) -> Case:
    """All open scores lie below −10⁴, so a fill of −10⁴ would win."""
    Q, K, V = normal(rng, 3, 4), normal(rng, 4, 4), normal(rng, 4, 2)
    Q[:, 0], K[:, 0] = 300.0, -300.0
    return Case(args=(Q, K, V, open_somewhere(rng, 3, 4)), sizes={"T": 3, "S": 4, "d_k": 4, "d_v": 2}, watch=LIBRARY)


def far_below(mask: np.ndarray, above: bool = False) -> Case:
    """Open scores below −10⁴, or a blocked one 2,000 above the others; few enough numbers to be read."""
    Q = np.array([[100.0, 1.0], [100.0, -2.0]])
    K = np.array([[-300.0, 0.5], [-300.0, 1.5], [-270.0 if above else -301.0, 1.0]])
    V = np.array([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]])
    return Case(args=(Q, K, V, mask), sizes={"T": 2, "S": 3, "d_k": 2, "d_v": 2}, watch=LIBRARY)


def flawed_scaled(Q: Any, K: Any, V: Any, mask: Any = None, *, fill: float | None = None, empty: str = "spared", **switches: Any) -> Any:
    """Scaled dot-product attention with switches that break it; who fills with another number leaves what that gives."""
    empty = "left" if fill is not None and empty == "spared" else empty
    return flawed_attention(Q, K, V, mask, fill=fill, empty=empty, **switches)


def attention_from_library(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    weights = attention_with_exponentials(Q, K, V, mask)[1]
    empty = weights.sum(dim=-1, keepdim=True) == 0
    wide = None if mask is None else torch.broadcast_to(mask, weights.shape) | empty
    output = torch.nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=wide)
    return output.masked_fill(empty, 0.0), weights


def attention_with_exponentials(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    scores = torch.einsum("...tk,...sk->...ts", Q, K) / K.shape[-1] ** 0.5
    if mask is not None:
        scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    exponentials = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    if mask is not None:
        exponentials = exponentials * mask
    weights = exponentials / exponentials.sum(dim=-1, keepdim=True).clamp_min(1e-30)
    return torch.einsum("...ts,...sv->...tv", weights, V), weights


def attention_large_negative(Q: Any, K: Any, V: Any, mask: Any = None, *, very_low: float = -1e30) -> Any:
    scores = torch.matmul(Q * Q.shape[-1] ** -0.5, K.mT)
    if mask is None:
        weights = scores.softmax(-1)
    else:
        weights = scores.masked_fill(torch.logical_not(mask), very_low).softmax(-1).masked_fill(~mask, 0)
    return weights @ V, weights


def attention_split_scale(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    root = math.sqrt(math.sqrt(Q.shape[-1]))
    scores = (Q / root) @ (K / root).transpose(-1, -2)
    mask = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
    empty = ~mask.any(dim=-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(~(mask | empty), float("-inf")), dim=-1)
    weights = torch.where(empty, torch.zeros_like(weights), weights)
    return torch.matmul(weights, V), weights


def attention_nan_to_num(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    scores = torch.matmul(Q, K.transpose(-2, -1)).div(K.size(-1) ** 0.5)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1).nan_to_num(0.0)
    return torch.matmul(weights, V), weights


def attention_query_by_query(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    mask = None if mask is None else torch.broadcast_to(mask, (*Q.shape[:-1], K.shape[-2]))
    rows = []
    for t in range(Q.shape[-2]):
        scores = (Q[..., t, None, :] * K).sum(-1) / math.sqrt(K.shape[-1])
        open_keys = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask[..., t, :]
        scores = scores.masked_fill(~open_keys, -1e9 * max(1.0, float(scores.detach().abs().max())))
        rows.append(torch.softmax(scores, dim=-1) * open_keys)
    weights = torch.stack(rows, dim=-2)
    return weights @ V, weights


def attention_scaling_in_place(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    with torch.no_grad():
        Q /= math.sqrt(Q.shape[-1])
    scores = Q @ K.mT
    scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1)
    weights = weights if mask is None else weights.masked_fill(~mask, 0.0)
    return weights @ V, weights


WHERE = steps(scores=1, weights=3, average=4)

EXERCISE = Exercise(
    number="3.4",
    title="scaled_dot_product_attention",
    names=("scaled_dot_product_attention",),
    minutes=20,
    reference=reference.scaled_dot_product_attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        attention_case(rng, (), 2, 3, 4, 2, draw=rounded),
        attention_case(rng, (), 2, 3, 4, 3, mask=np.array([[True, True, False], [False, True, True]]), draw=rounded),
        attention_case(rng, (2,), 2, 3, 4, 4, mask=np.array([[True, False, True], [False, False, False]]),
        draw=rounded),
        attention_case(rng, (), 2, 3, 4, 2, mask=np.array([[True, False, True], [False, False, False]]),
        draw=rounded, gradient=True),
        attention_case(rng, (), 2, 3, 4, 2, draw=rounded, dtype="float32"),
        attention_case(rng, (2, 1), 2, 1, 4, 2, draw=rounded),
        attention_case(rng, (2,), 3, 3, 3, 2, draw=rounded),
        far_below(np.array([True, True, False])),
        far_below(np.array([True, False, False]), above=True),
    ],
    tests=(
        Test(
            "unequal sizes", "softmax over the keys of q · k / √d_k, for any T, S, d_k and d_v",
            lambda rng: [
                attention_case(rng, (), 3, 5, 4, 7), attention_case(rng, (), 5, 2, 9, 3), attention_case(rng, (),
                3, 3, 3, 3),
                attention_case(rng, (), 2, 4, 1, 2),
            ],
        ),
        Test(
            "leading dimensions", "the same for one example, a batch, and a batch of heads",
            lambda rng: [
                attention_case(rng, (3,), 4, 5, 2, 3), attention_case(rng, (1,), 1, 4, 3, 2), attention_case(rng, (2, 1), 3, 1, 2, 1), attention_case(rng, (3, 2), 2, 3, 5, 4, dtype="float32"),
            ],
        ),
        Test(
            "masks",
            "no weight where the mask is False and shares of 1 where it is True, for every shape that broadcasts",
            lambda rng: [
                attention_case(rng, (), 4, 5, 3, 2, mask=open_somewhere(rng, 4, 5)),
                attention_case(rng, (3, 2), 4, 5, 3, 2, mask=open_somewhere(rng, 3, 1, 1, 5)),
                attention_case(rng, (3, 2), 2, 4, 5, 3, mask=open_somewhere(rng, 3, 2, 2, 4), dtype="float32"),
                attention_case(rng, (2,), 3, 4, 6, 3, mask=open_somewhere(rng, 4)),
            ],
        ),
        Test(
            "nothing to attend to", "zero weights and a zero output for a query that may attend to nothing",
            lambda rng: [
                attention_case(rng, (), 4, 5, 3, 2, mask=without_rows(open_somewhere(rng, 4, 5), 1, 3)),
                attention_case(rng, (2, 3), 3, 4, 5, 2, mask=without_rows(open_somewhere(rng, 2, 1, 3, 4), 0),
                dtype="float32"),
                attention_case(rng, (2,), 3, 2, 4, 3, mask=np.zeros((3, 2), dtype=bool)),
            ],
        ),
        Test(
            "large scores",
            "finite weights for scores in the tens of thousands, also when a blocked key scores highest",
            lambda rng: [
                attention_case(rng, (2,), 3, 4, 5, 2, scale=40.0), blocked_key_scores_highest(rng),
                very_low_scores(rng),
            ],
        ),
        Test(
            "gradients", "finite gradients at Q, K and V, also in rows with nothing to attend to",
            lambda rng: [
                attention_case(rng, (2,), 3, 4, 5, 2, gradient=True),
                attention_case(rng, (), 3, 4, 2, 3, mask=without_rows(open_somewhere(rng, 3, 4), 1), gradient=True),
            ],
        ),
    ),
    flawed=flawed_scaled,
    mistakes=(
        Mistake(
            "unscaled", "the scores of notebook 2, not divided at all", "The softmax takes care of large scores.",
            "What is the standard deviation of q · k after 3.1?", "step 1 of the stub", switches={"scale": "none"},
        ),
        *known(WHERE, "divided-by-d_k"),
        Mistake(
            "multiplied-by-root", "scores multiplied by √d_k", "The scale factor is √d_k.",
            "Should the scores spread more than before, or less?", "step 1 of the stub",
            switches={"scale": "multiplied"},
        ),
        Mistake(
            "root-of-positions", "√T instead of √d_k: the size of the wrong axis", "The size is in Q.shape.",
            "Which axis of Q holds the features?", "step 1 of the stub", switches={"scale": "T"},
        ),
        Mistake(
            "root-of-d_v", "√d_v instead of √d_k", "The width is the width.",
            "The values take no part in the scores.", "step 1 of the stub", switches={"scale": "d_v"},
        ),
        Mistake(
            "scaled-after-softmax", "the weights divided by √d_k after the softmax", "Divide whatever comes out.",
            "What must the weights of one query sum to?", "step 3 of the stub", switches={"scale": "weights"},
        ),
        Mistake(
            "values-scaled", "the values divided by √d_k, and the scores not", "The scale belongs to the output.",
            "Which numbers had the variance d_k?", "step 1 of the stub", switches={"scale": "values"},
        ),
        *known(WHERE, "softmax-over-queries", "averages-the-keys"),
        Mistake(
            "mask-ignored", "the mask not used", "The mask is optional.",
            "Optional for the caller: what if it is there?", "step 2 of the stub", switches={"masking": "never"},
        ),
        Mistake(
            "mask-inverted", "the mask read the other way round: True as blocked", "A mask masks: True means hidden.",
            "In this course True = may attend.", "the word mask in the docstring", switches={"polarity": "blocked"},
        ),
        Mistake(
            "mask-after-softmax", "weights set to 0 after the softmax, so that the row no longer sums to 1",
            "A blocked key gets the weight 0.",
            "What do the other keys' weights sum to then?", "step 2 of the stub", switches={"masking": "after"},
        ),
        Mistake(
            "shared-out-again",
            "masked after the softmax and shared out again, which breaks down when a blocked key has all the weight",
            "Dividing by what is left repairs the sum.",
            "What is left when a blocked key scores 1000 higher than the others?",
            "step 2 of the stub", switches={"masking": "after, shared out again"},
        ),
        Mistake(
            "filled-with-zero", "blocked scores filled with 0", "0 means nothing.",
            "exp(0) is 1. Which score has the exponential 0?", "step 2 of the stub", switches={"fill": 0.0},
        ),
        Mistake(
            "finite-fill", "blocked scores filled with −10⁴, which open scores may lie below",
            "−10000 is as good as −∞.",
            "The stub says how low scores may be. And what does the softmax make of a row of nothing but −10000?",
            "step 2 of the stub",
            switches={"fill": -1e4},
        ),
        Mistake(
            "nan-on-empty-rows", "NaN for a query that may attend to nothing", "The softmax will handle it.",
            "A softmax over nothing but −∞ is 0/0.", "step 3 of the stub", switches={"empty": "nan"},
        ),
        Mistake(
            "nan-mended-afterwards",
            "−∞ added to a whole row and NaN replaced by 0 afterwards, which mends the value and not the gradient",
            "nan_to_num removes the NaN.",
            "The backward pass still goes through the NaN. Give the softmax of such a row finite scores.",
            "step 3 of the stub", switches={"empty": "mended afterwards"},
        ),
        Mistake(
            "library-call", "a call of PyTorch's own scaled_dot_product_attention", "Why write it again?",
            "The stub asks for the four steps themselves; compare with the library afterwards.",
            "the docstring", code=attention_from_library,
        ),
        *known(WHERE, "graph-cut", "always-float64"),
        *alone(flawed_scaled, known(WHERE, "squeezed")),
        Mistake(
            "minus-a-billion", "blocked scores filled with −10⁹: a row with nothing to attend to gets equal weights", "A billion is as good as infinity.",
            "What does the softmax make of a row in which every score is −10⁹?", "step 3 of the stub", switches={"fill": -1e9},
        ),
        Mistake(
            "mask-added", "the mask added to the scores, 1 where a key may be looked at", "A mask is added before the softmax.",
            "What is added is −∞ where a key is blocked; this mask holds True and False.", "step 2 of the stub", switches={"masking": "added"},
        ),
        *known(
            {"the text above the stub": "step 2 of the stub"}, "causal-already", title="later keys hidden, though no mask says so",
            belief="A transformer must not see the future.", hint="Which keys may be looked at is what `mask` says, and nothing else.",
        ),
        *known(WHERE, "weights-first", "scores-returned", "output-alone", "always-float32"),
        *alone(flawed_scaled, known(WHERE, "first-example-for-all")),
        Mistake(
            "query-scaled-in-place", "Q divided in place, so that the caller's queries change", "Q /= … is the same as Q = Q / ….",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=attention_scaling_in_place,
        ),
    ),
    variants=(
        Variant("exponentials by hand", attention_with_exponentials),
        Variant("very low fill, then zeros, extra keyword", attention_large_negative),
        Variant("scale split between Q and K", attention_split_scale),
        Variant("query by query", attention_query_by_query),
        Variant("filled with −∞, NaN to 0", attention_nan_to_num),
    ),
)
