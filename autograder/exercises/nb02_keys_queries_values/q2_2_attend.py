"""2.2 attend: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb02_keys_queries_values.softmax_family import softmax_plain
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def attend_case(rng: Rng, S: int, d_k: int, d_v: int, scale: float = 1.0, dtype: str = "float64", draw: Any = normal) -> Case:
    args = (draw(rng, d_k, scale=scale), draw(rng, S, d_k, scale=scale), draw(rng, S, d_v))
    return Case(args=args, framework="numpy", dtype=dtype, sizes={"S": S, "d_k": d_k, "d_v": d_v})


def far_case(rng: Rng, S: int, d_k: int, d_v: int, middle: float) -> Case:
    """Scores within a few units of each other and `middle` away from 0, whatever the draw."""
    q, K, V = attend_case(rng, S, d_k, d_v).args
    wanted = middle + normal(rng, S)
    K = K + np.outer(wanted - K @ q, q) / (q @ q)
    return Case(args=(q, K, V), framework="numpy", sizes={"S": S, "d_k": d_k, "d_v": d_v})


def flawed_attend(q: Any, K: Any, V: Any, *, scale: bool = False, weigh: str = "softmax", values: str = "V",
                  order: str = "output first", keys: str = "rows") -> Any:
    """One query's attention with switches that break it."""
    scores = K @ q if keys == "rows" else K.T @ q
    if scale:
        scores = scores / np.sqrt(len(q)).astype(scores.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        if weigh == "softmax":
            weights = softmax_plain(scores)
        elif weigh == "unshifted":
            weights = np.exp(scores) / np.exp(scores).sum()
        elif weigh == "hard":
            weights = (np.arange(len(scores)) == np.argmax(scores)).astype(scores.dtype)
        elif weigh == "shares":
            weights = scores / scores.sum()
        else:
            weights = scores
    output = weights @ (V if values == "V" else K) if values != "plain mean" else V.mean(axis=0)
    results = {"output first": (output, weights), "output alone": output, "scores": (output, scores)}
    return results.get(order, (weights, output))


def attend_with_loops(q: Any, K: Any, V: Any) -> Any:
    scores = []
    for key in K:
        score = 0.0
        for a, b in zip(q, key, strict=True):
            score += float(a) * float(b)
        scores.append(score)
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    weights = np.array([share / sum(shares) for share in shares], dtype=K.dtype)
    output = np.zeros(V.shape[1], dtype=V.dtype)
    for weight, value in zip(weights, V, strict=True):
        output = output + weight * value
    return output, weights


def attend_einsum(q: Any, K: Any, V: Any) -> Any:
    weights = softmax_plain(np.einsum("k,sk->s", q, K))
    return np.einsum("s,sv->v", weights, V), weights


def attend_by_differences(q: Any, K: Any, V: Any) -> Any:
    scores = np.dot(K, q)
    weights = np.stack([1 / np.exp(np.clip(scores - score, None, 700)).sum() for score in scores]).astype(K.dtype)
    return (weights[:, None] * V).sum(axis=0), weights


def attend_list(q: Any, K: Any, V: Any, *, softmax: Any = softmax_plain) -> Any:
    weights = softmax(np.inner(K, q))
    return [np.tensordot(weights, V, axes=1), weights]


def attend_by_distance(q: Any, K: Any, V: Any) -> Any:
    weights = softmax_plain(-((K - q) ** 2).sum(axis=1))
    return weights @ V, weights


def attend_by_angle(q: Any, K: Any, V: Any) -> Any:
    weights = softmax_plain(K @ q / np.sqrt((K * K).sum(axis=1) * (q @ q)))
    return weights @ V, weights


def attend_handing_over_one(q: Any, K: Any, V: Any) -> Any:
    weights = softmax_plain(K @ q)
    return V[weights.argmax()], weights


def attend_values_on_the_left(q: Any, K: Any, V: Any) -> Any:
    weights = softmax_plain(K @ q)
    return V @ weights, weights


def attend_in_float64(q: Any, K: Any, V: Any) -> Any:
    """np.zeros makes float64, whatever comes in."""
    scores, output = np.zeros(len(K)), np.zeros(V.shape[1])
    for s, key in enumerate(K):
        scores[s] = key @ q
    weights = softmax_plain(scores)
    for weight, value in zip(weights, V, strict=True):
        output += weight * value
    return output, weights


def attend_multiplying_in_place(q: Any, K: Any, V: Any) -> Any:
    K *= q
    weights = softmax_plain(K.sum(axis=1))
    return weights @ V, weights


EXERCISE = Exercise(
    number="2.2",
    title="attend",
    names=("attend",),
    minutes=10,
    reference=reference.attend,
    outputs=(Output("output", ("d_v",)), Output("weights", ("S",), properties=("not negative", "rows sum to 1"))),
    public=lambda rng: [
        attend_case(rng, 3, 2, 2, draw=rounded),
        attend_case(rng, 4, 3, 2, draw=rounded),
        attend_case(rng, 4, 3, 2, scale=40.0),
        attend_case(rng, 3, 3, 3, draw=rounded),
        attend_case(rng, 3, 2, 2, draw=rounded, dtype="float32"),
    ],
    tests=(
        Test("one key", "a single key gets all the weight", lambda rng: [attend_case(rng, 1, 3, 2)]),
        Test(
            "unequal sizes", "weights (S,) from softmax(K q), and their average of V, for any S, d_k and d_v",
            lambda rng: [attend_case(rng, 5, 3, 4), attend_case(rng, 2, 6, 3), attend_case(rng, 4, 4, 4)],
        ),
        Test("large scores", "finite weights also when scores are in the thousands", lambda rng: [attend_case(rng, 5, 4, 3, scale=40.0), far_case(rng, 5, 4, 3, 3000.0), far_case(rng, 4, 3, 5, -3000.0)]),
        Test("number types", "float32 in, float32 out", lambda rng: [attend_case(rng, 4, 3, 5, dtype="float32")]),
    ),
    flawed=flawed_attend,
    mistakes=(
        Mistake(
            "scaled-already", "scores divided by √d_k, which this notebook does not do yet", "Attention always divides by √d_k.",
            "The scores here are plain dot products; notebook 3 says why and when to divide.", "step 1 of the stub", switches={"scale": True},
        ),
        Mistake(
            "scores-as-weights", "the scores used as weights, without the softmax", "The score says how much to take.",
            "Do your weights sum to 1?", "step 2 of the stub", switches={"weigh": "none"},
        ),
        Mistake(
            "shares-without-exponential", "the scores divided by their sum", "Weights are shares of the scores.",
            "What happens to a negative score?", "step 2 of the stub", switches={"weigh": "shares"},
        ),
        Mistake(
            "hard-choice", "all the weight on the best key", "A query finds its key, as in a dictionary.",
            "A soft look-up takes a little of every value.", "step 2 of the stub", switches={"weigh": "hard"},
        ),
        Mistake(
            "overflow", "exponentials of raw scores, which overflow", "np.exp can take any number.",
            "You have a stable softmax from exercise 2.1.", "step 2 of the stub", switches={"weigh": "unshifted"},
        ),
        Mistake(
            "averages-the-keys", "the keys averaged instead of the values", "The keys hold the content.",
            "Keys are for matching. What is handed over afterwards?", "step 3 of the stub", switches={"values": "K"},
        ),
        Mistake(
            "weights-first", "the weights returned before the output", "The weights come first in the computation.",
            "Read the last line of the docstring.", "the return line", switches={"order": "weights first"},
        ),
        Mistake(
            "keys-transposed", "Kᵀ q instead of K q", "Somewhere there has to be a transpose.",
            "Which axis of K has the length of q?", "step 1 of the stub", switches={"keys": "columns"},
        ),
        Mistake(
            "values-on-the-left", "V times the weights instead of the weights times V", "A matrix times a vector, as for the scores.",
            "Which axis of V counts the keys? That is the one to sum over.", "step 3 of the stub", code=attend_values_on_the_left,
        ),
        Mistake(
            "scores-returned", "the scores returned in place of the weights", "The scores show what matches.",
            "Which of your two vectors sums to 1?", "the return line", switches={"order": "scores"},
        ),
        Mistake(
            "output-alone", "the output without the weights", "The output is the result.",
            "Read the last line of the docstring.", "the return line", switches={"order": "output alone"},
        ),
        Mistake(
            "plain-mean", "the plain mean of the values", "An average is an average.",
            "Where do the weights come in?", "step 3 of the stub", switches={"values": "plain mean"},
        ),
        Mistake(
            "always-float64", "float64 whatever comes in, as np.zeros makes it", "np.zeros makes numbers like mine.",
            "np.zeros has an argument dtype.", "your use of np.zeros", code=attend_in_float64,
        ),
        Mistake(
            "keys-overwritten", "the keys multiplied in place, so that the caller's K changes", "K *= q saves memory.",
            "What does the caller's array hold afterwards?", "step 1 of the stub", code=attend_multiplying_in_place,
        ),
        Mistake(
            "distance", "minus the squared distance of query and key as the score", "Near means alike.",
            "The score here is a product: what does a longer key do to it?", "step 1 of the stub", code=attend_by_distance,
        ),
        Mistake(
            "cosine", "the cosine of query and key as the score", "Only the direction counts.",
            "Nothing is divided by a length here: what is a score, number by number?", "step 1 of the stub", code=attend_by_angle,
        ),
        Mistake(
            "best-value-alone", "the value of the best key as the output, beside soft weights", "The best match is what is meant.",
            "You have weights for all values; how many of them does the output use?", "step 3 of the stub", code=attend_handing_over_one,
        ),
    ),
    variants=(
        Variant("loops", attend_with_loops),
        Variant("einsum", attend_einsum),
        Variant("differences of scores", attend_by_differences),
        Variant("list returned, helper as keyword", attend_list),
    ),
)
