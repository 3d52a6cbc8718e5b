"""Notebook 2, keys, queries and values: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import MixAndMap
from autograder.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference

Rng = np.random.Generator
OUTPUT_AND_WEIGHTS = (
    Output("output", ("...", "T", "d_v")),
    Output("weights", ("...", "T", "S"), properties=("not negative", "rows sum to 1")),
)


# 2.1 softmax ---------------------------------------------------------------------------------------------------------


def softmax_case(z: Any, dtype: str = "float64", **kwargs: Any) -> Case:
    return Case(args=(z,), kwargs=kwargs, framework="numpy", dtype=dtype)


def flawed_softmax(z: Any, axis: int = -1, *, over: str = "axis", shift: str = "line", exponential: bool = True,
                   convert: str = "keep", keepdims: bool = True) -> Any:
    """Softmax with switches that break it."""
    if convert == "keep":
        z = np.array(z) if np.asarray(z).dtype.kind == "f" else np.array(z, dtype=np.float64)
    elif convert == "double":
        z = np.array(z, dtype=np.float64)
    chosen = {"axis": axis, "everything": None, "last": -1}[over]
    if shift == "line":
        z = z - np.max(z, axis=chosen, keepdims=True)
    elif shift == "array":
        z = z - np.max(z)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shares = np.exp(z) if exponential else z
        return shares / np.sum(shares, axis=chosen, keepdims=keepdims)


def softmax_in_place(z: Any, axis: int = -1) -> Any:
    if not (isinstance(z, np.ndarray) and z.dtype.kind == "f"):
        z = np.array(z, dtype=np.float64)
    z -= z.max(axis=axis, keepdims=True)
    shares = np.exp(z)
    return shares / shares.sum(axis=axis, keepdims=True)


def softmax_plain(z: Any, axis: int = -1) -> Any:
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    shares = np.exp(z - z.max(axis=axis, keepdims=True))
    return shares / shares.sum(axis=axis, keepdims=True)


def softmax_by_lines(z: Any, axis: int = -1) -> Any:
    def one_line(line: Any) -> Any:
        top = max(line)
        shares = [math.exp(x - top) for x in line]
        return [share / sum(shares) for share in shares]

    z = np.asarray(z)
    width = z.dtype if z.dtype.kind == "f" else np.float64
    return np.apply_along_axis(one_line, axis, z.astype(np.float64)).astype(width)


def softmax_through_logs(z: Any, axis: int = -1, *, base: float = math.e) -> Any:
    z = np.asarray(z)
    width = z.dtype if z.dtype.kind == "f" else np.dtype(np.float64)
    z = z.astype(np.float64)
    top = np.max(z, axis=axis, keepdims=True)
    logs = z - top - np.log(np.sum(np.power(base, z - top), axis=axis, keepdims=True))
    return np.exp(logs).astype(width)


def softmax_from_torch(z: Any, axis: int = -1) -> Any:
    z = np.asarray(z)
    return torch.softmax(torch.from_numpy(z if z.dtype.kind == "f" else z.astype(np.float64)), dim=axis).numpy()


SOFTMAX = Exercise(
    number="2.1",
    title="softmax",
    names=("softmax",),
    minutes=10,
    reference=reference.softmax,
    outputs=(Output("result", properties=("not negative",)),),
    public=lambda rng: [
        softmax_case(np.array([1.0, 2.0, 4.0])),
        softmax_case(rounded(rng, 2, 3), axis=0),
        softmax_case(np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -998.0]])),
        softmax_case(rounded(rng, 3), dtype="float32"),
        softmax_case([1, 2, 3]),
    ],
    tests=(
        Test("one row", "one row of scores becomes shares of 1", lambda rng: [softmax_case(normal(rng, 5)), softmax_case(normal(rng, 1))]),
        Test(
            "any axis",
            "each line along `axis` sums to 1, whichever axis is named",
            lambda rng: [softmax_case(normal(rng, 3, 4, 5), axis=axis) for axis in (0, 1, 2, -1, -2)] + [softmax_case(normal(rng, 4, 4), axis=0)],
        ),
        Test(
            "large numbers",
            "numbers far above or below 0 give the same shares as their differences do, line by line",
            lambda rng: [softmax_case(normal(rng, 3, 4) + np.array([[900.0], [-2000.0], [0.0]])), softmax_case(normal(rng, 4, scale=300.0))],
        ),
        Test(
            "number types",
            "float32 stays float32; ints and lists become float64",
            lambda rng: [
                softmax_case(normal(rng, 2, 3), dtype="float32"),
                softmax_case(rng.integers(-3, 4, size=(2, 3))),
                softmax_case([[1, 0, 2], [0, 3, 1]]),
            ],
        ),
    ),
    flawed=flawed_softmax,
    mistakes=(
        Mistake(
            "no-shift", "exponentials of the raw numbers, which overflow", "The formula has no maximum in it, so I left it out.",
            "What is exp(1000) in floating point? Adding one number to a whole line changes nothing: choose it well.",
            "step 2 of the stub", switches={"shift": "none"},
        ),
        Mistake(
            "shift-by-global-maximum", "the maximum of the whole array taken off every line",
            "One maximum is enough for everything.", "Which line would underflow to zeros when another is 2000 higher?",
            "step 2 of the stub", switches={"shift": "array"},
        ),
        Mistake(
            "sum-over-everything", "one sum over the whole array, not one per line", "All shares together make 1.",
            "How many sums does a 2 × 3 table with axis=-1 need?", "step 3 of the stub", switches={"over": "everything"},
        ),
        Mistake(
            "axis-ignored", "the last axis whatever `axis` says", "Softmax is over the last axis.",
            "Try axis=0 on a table of two rows: do the columns sum to 1?", "the argument `axis`", switches={"over": "last"},
        ),
        Mistake(
            "no-keepdims", "a sum without keepdims=True, which lines up with the wrong axis", "NumPy will line the sums up.",
            "Print the shapes of the two things you divide.", "step 3 of the stub", switches={"keepdims": False},
        ),
        Mistake(
            "no-exponential", "the numbers divided by their sum, without the exponential", "Shares are parts of a sum.",
            "Can a share of 1 be negative?", "the equation above the stub", switches={"exponential": False, "shift": "none"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "More digits never hurt.",
            "Look at the number type of what goes in and what comes out.", "step 1 of the stub", switches={"convert": "double"},
        ),
        Mistake(
            "changes-its-input", "the maximum taken off in place", "z -= … is the same as z = z - ….",
            "What does the caller's array hold afterwards?", "step 2 of the stub", code=softmax_in_place,
        ),
    ),
    variants=(
        Variant("plain", softmax_plain),
        Variant("line by line", softmax_by_lines),
        Variant("through logarithms, extra keyword", softmax_through_logs),
        Variant("torch's softmax", softmax_from_torch),
    ),
)


# 2.2 attend ----------------------------------------------------------------------------------------------------------


def attend_case(rng: Rng, S: int, d_k: int, d_v: int, scale: float = 1.0, dtype: str = "float64", draw: Any = normal) -> Case:
    args = (draw(rng, d_k, scale=scale), draw(rng, S, d_k, scale=scale), draw(rng, S, d_v))
    return Case(args=args, framework="numpy", dtype=dtype, sizes={"S": S, "d_k": d_k, "d_v": d_v})


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
    output = weights @ (V if values == "V" else K)
    return (output, weights) if order == "output first" else (weights, output)


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


ATTEND = Exercise(
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
    ],
    tests=(
        Test("one key", "a single key gets all the weight", lambda rng: [attend_case(rng, 1, 3, 2)]),
        Test(
            "unequal sizes", "weights (S,) from softmax(K q), and their average of V, for any S, d_k and d_v",
            lambda rng: [attend_case(rng, 5, 3, 4), attend_case(rng, 2, 6, 3), attend_case(rng, 4, 4, 4)],
        ),
        Test("large scores", "finite weights also when scores are in the thousands", lambda rng: [attend_case(rng, 5, 4, 3, scale=40.0)]),
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
    ),
    variants=(
        Variant("loops", attend_with_loops),
        Variant("einsum", attend_einsum),
        Variant("differences of scores", attend_by_differences),
        Variant("list returned, helper as keyword", attend_list),
    ),
)


# 2.3 attention, 2.5 cross-attention, 2.6 self-attention ---------------------------------------------------------------


def attention_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_k: int, d_v: int, *, scale: float = 1.0,
                   draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_k, scale=scale), draw(rng, *batch, S, d_k, scale=scale), draw(rng, *batch, S, d_v))
    return Case(args=args, sizes={"T": T, "S": S, "d_k": d_k, "d_v": d_v}, **options)


def flawed_attention(Q: Any, K: Any, V: Any, *, axis: int = -1, scale: str = "none", values: str = "V", order: str = "output first",
                     turn: str = "last two", weigh: str = "softmax", graph: str = "kept", width: str = "kept") -> Any:
    """Batched attention with switches that break it."""
    if graph == "cut":
        Q, K, V = Q.detach(), K.detach(), V.detach()
    if width == "double":
        Q, K, V = Q.double(), K.double(), V.double()
    K_T = K.transpose(-2, -1) if turn == "last two" else K.permute(*range(K.ndim - 1, -1, -1))
    scores = Q @ K_T
    if scale == "sqrt":
        scores = scores / math.sqrt(Q.shape[-1])
    elif scale == "d_k":
        scores = scores / Q.shape[-1]
    weights = torch.softmax(scores, dim=axis) if weigh == "softmax" else scores.exp() / scores.exp().sum(dim=axis, keepdim=True)
    output = weights @ (V if values == "V" else K)
    return (output, weights) if order == "output first" else (weights, output)


def attention_one_by_one(Q: Any, K: Any, V: Any) -> Any:
    T = Q.shape[-2]
    weights = torch.stack([torch.softmax((K * Q[..., t : t + 1, :]).sum(-1), dim=-1) for t in range(T)], dim=-2)
    return weights @ V, weights


def transposed_scores(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(K @ Q.transpose(-2, -1), dim=-2)
    return weights.transpose(-2, -1) @ V, weights


def features_against_features(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(Q.transpose(-2, -1) @ K, dim=-1)
    return V @ weights, weights


def attention_matmul(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.softmax(torch.matmul(Q, K.mT), dim=-1)
    return torch.matmul(weights, V), weights


def attention_einsum(Q: Any, K: Any, V: Any) -> Any:
    weights = torch.einsum("...tk,...sk->...ts", Q, K).softmax(-1)
    return torch.einsum("...ts,...sv->...tv", weights, V), weights


def attention_broadcast(Q: Any, K: Any, V: Any, *, eps: float = 0.0) -> Any:
    scores = (Q.unsqueeze(-2) * K.unsqueeze(-3)).sum(dim=-1)
    shares = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = shares / (shares.sum(dim=-1, keepdim=True) + eps)
    return (weights.unsqueeze(-1) * V.unsqueeze(-3)).sum(dim=-2), weights


def _log_weights(Q: Any, K: Any) -> Any:
    scores = Q @ K.transpose(-1, -2)
    return scores - torch.logsumexp(scores, dim=-1, keepdim=True)


def attention_logs(Q: Any, K: Any, V: Any) -> Any:
    weights = _log_weights(Q, K).exp()
    return weights @ V, weights


ATTENTION = Exercise(
    number="2.3",
    title="attention",
    names=("attention",),
    minutes=15,
    reference=reference.attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        attention_case(rng, (), 2, 3, 2, 2, draw=rounded),
        attention_case(rng, (2,), 3, 4, 2, 3, draw=rounded),
        attention_case(rng, (2, 3), 2, 3, 4, 1, dtype="float32"),
        attention_case(rng, (), 3, 4, 3, 1, scale=40.0),
        attention_case(rng, (), 3, 2, 2, 2, gradient=True),
        *(attention_case(rng, (), T, 2, 1, 1, count_lines=True) for T in (2, 25)),
    ],
    tests=(
        Test(
            "unequal sizes", "each query's weights are the softmax of its scores over the keys, for any T, S, d_k and d_v",
            lambda rng: [attention_case(rng, (), 3, 5, 4, 7), attention_case(rng, (), 5, 2, 3, 1), attention_case(rng, (), 4, 4, 4, 4)],
        ),
        Test(
            "leading dimensions", "the same for one example, a batch, and a batch of heads",
            lambda rng: [attention_case(rng, (3,), 4, 5, 3, 2), attention_case(rng, (3, 2), 2, 3, 5, 4), attention_case(rng, (1,), 1, 1, 1, 1), attention_case(rng, (4,), 4, 4, 4, 4)],
        ),
        Test(
            "large scores and number types", "finite weights for scores in the thousands; float32 stays float32",
            lambda rng: [attention_case(rng, (2,), 3, 4, 5, 2, scale=40.0), attention_case(rng, (2,), 3, 4, 5, 2, dtype="float32")],
        ),
        Test(
            "gradients", "gradients reach Q, K and V",
            lambda rng: [attention_case(rng, (), 3, 4, 2, 3, gradient=True), attention_case(rng, (2,), 2, 3, 3, 2, gradient=True)],
        ),
        Test(
            "no loop", "no Python loop over positions",
            lambda rng: [attention_case(rng, (2,), T, S, 3, 2, count_lines=True) for T, S in ((3, 4), (30, 4), (3, 30))],
        ),
    ),
    flawed=flawed_attention,
    mistakes=(
        Mistake(
            "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the first of the two positions.",
            "One query shares out one unit of attention. Over which axis of (T, S) must the weights sum to 1?", "step 2 of the stub", switches={"axis": -2},
        ),
        Mistake(
            "softmax-over-axis-1", "softmax over axis 1, which is the key axis only without a batch", "The scores are (T, S), so the keys are axis 1.",
            "Count the axes from the end: a batch comes in front.", "step 2 of the stub", switches={"axis": 1},
        ),
        Mistake(
            "scaled-already", "scores divided by √d_k, which this notebook does not do yet", "Attention always divides by √d_k.",
            "The scores here are plain dot products; notebook 3 says why and when to divide.", "step 1 of the stub", switches={"scale": "sqrt"},
        ),
        Mistake(
            "scaled-by-d_k", "scores divided by d_k", "A mean product is a fair score.",
            "This notebook does not divide the scores at all.", "step 1 of the stub", switches={"scale": "d_k"},
        ),
        Mistake(
            "averages-the-keys", "the keys averaged instead of the values", "The weights belong to the keys, so they average the keys.",
            "Which of K and V has the width of the output?", "step 3 of the stub", switches={"values": "K"},
        ),
        Mistake(
            "weights-first", "the weights returned before the output", "The weights are computed first.",
            "Read the last line of the docstring.", "the return line", switches={"order": "weights first"},
        ),
        Mistake(
            "transposes-everything", "all axes of K reversed, the batch too", "K.T is the transpose.",
            "For a batch only two of the axes may change places.", "step 1 of the stub", switches={"turn": "all"},
        ),
        Mistake(
            "overflow", "exponentials of raw scores, which overflow", "Softmax is exp divided by the sum of exp.",
            "A shift of all scores changes no weight; torch.softmax knows that.", "step 2 of the stub", switches={"weigh": "raw"},
        ),
        Mistake(
            "graph-cut", "inputs detached, so that nothing can be learned", "Detaching avoids trouble with gradients.",
            "Which line takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
        Mistake(
            "loop-over-queries", "a Python loop over the queries", "Each query is its own look-up.",
            "One matrix product computes every q · k at once.", "step 1 of the stub", code=attention_one_by_one,
        ),
        Mistake(
            "transposed-weights", "K Qᵀ: rows are keys and columns are queries", "Keys meet queries.",
            "Row t of the weights belongs to query t.", "step 1 of the stub", code=transposed_scores,
        ),
        Mistake(
            "features-against-features", "Qᵀ K, which compares features and not positions", "The inner sizes did not fit, so I transposed Q.",
            "The scores have one number for each query and each key: (T, S).", "step 1 of the stub", code=features_against_features,
        ),
    ),
    variants=(
        Variant("matmul", attention_matmul),
        Variant("einsum", attention_einsum),
        Variant("broadcast product, extra keyword", attention_broadcast),
        Variant("log weights from a helper", attention_logs),
    ),
)


# 2.4 project ---------------------------------------------------------------------------------------------------------


def project_case(rng: Rng, batch: tuple[int, ...], T: int, d_model: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_model), draw(rng, d_model, d_k), draw(rng, d_model, d_k), draw(rng, d_model, d_v))
    return Case(args=args, sizes={"T": T, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_project(X: Any, W_q: Any, W_k: Any, W_v: Any, *, shared: str = "none", side: str = "X W", order: str = "QKV",
                   chained: bool = False, graph: str = "kept") -> Any:
    """The three projections with switches that break them."""
    if graph == "cut":
        W_q, W_k, W_v = W_q.detach(), W_k.detach(), W_v.detach()
    if shared == "all":
        W_k = W_v = W_q
    elif shared == "K and V":
        W_v = W_k
    elif shared == "Q and K":
        W_k = W_q
    times = (lambda A, W: A @ W) if side == "X W" else (lambda A, W: A @ W.T)
    Q, K = times(X, W_q), times(X, W_k)
    V = times(K if chained else X, W_v)
    return (Q, K, V) if order == "QKV" else (K, Q, V)


def project_at_once(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    widths = [W.shape[1] for W in (W_q, W_k, W_v)]
    return torch.split(X @ torch.cat([W_q, W_k, W_v], dim=1), widths, dim=-1)


def project_linear(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return tuple(torch.nn.functional.linear(X, W.T) for W in (W_q, W_k, W_v))


def project_einsum(X: Any, W_q: Any, W_k: Any, W_v: Any, *, equation: str = "...tm,md->...td") -> Any:
    return torch.einsum(equation, X, W_q), torch.einsum(equation, X, W_k), torch.einsum(equation, X, W_v)


def project_plain(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return X @ W_q, X @ W_k, X @ W_v


PROJECT = Exercise(
    number="2.4",
    title="project",
    names=("project",),
    minutes=5,
    reference=reference.project,
    outputs=(Output("queries", ("...", "T", "d_k")), Output("keys", ("...", "T", "d_k")), Output("values", ("...", "T", "d_v"))),
    public=lambda rng: [
        project_case(rng, (), 2, 3, 2, 4, draw=rounded),
        project_case(rng, (), 2, 2, 2, 2, draw=rounded),
        project_case(rng, (2,), 2, 3, 2, 2, draw=rounded, gradient=True),
    ],
    tests=(
        Test("square", "Q, K and V are X times three different matrices", lambda rng: [project_case(rng, (), 4, 4, 4, 4)]),
        Test(
            "unequal sizes", "each projection may have its own width, and leading dimensions pass through",
            lambda rng: [project_case(rng, (), 3, 5, 2, 7), project_case(rng, (3, 2), 2, 4, 3, 5), project_case(rng, (3,), 4, 5, 3, 3, dtype="float32")],
        ),
        Test("gradients", "gradients reach X and the three matrices", lambda rng: [project_case(rng, (2,), 3, 4, 2, 3, gradient=True)]),
    ),
    flawed=flawed_project,
    mistakes=(
        Mistake(
            "one-matrix-for-all", "one matrix used for queries, keys and values", "They all come from the same X.",
            "The same word plays three roles; what lets the roles differ?", "the equation above the stub", switches={"shared": "all"},
        ),
        Mistake(
            "values-from-W_k", "the values made with W_k", "Keys and values belong together.", "There is a third matrix.",
            "step 3 of the stub", switches={"shared": "K and V"},
        ),
        Mistake(
            "keys-from-W_q", "the keys made with W_q", "Queries and keys live in one space.", "One space, two maps into it.",
            "step 2 of the stub", switches={"shared": "Q and K"},
        ),
        Mistake(
            "weights-transposed", "X Wᵀ, as inside nn.Linear", "nn.Linear multiplies by the transpose.",
            "Here W is (d_model, d): which product needs no transpose?", "step 1 of the stub", switches={"side": "X W^T"},
        ),
        Mistake(
            "keys-first", "keys returned before queries", "The title says keys, queries, values.", "Read the return line of the docstring.",
            "the return line", switches={"order": "KQV"},
        ),
        Mistake(
            "values-from-keys", "the values made from the keys and not from X", "First the key, then its value.",
            "All three start from X.", "step 3 of the stub", switches={"chained": True},
        ),
        Mistake(
            "graph-cut", "weights detached, so that they cannot learn", "Weights are constants here.", "The matrices are what training moves.",
            "the whole function", switches={"graph": "cut"},
        ),
    ),
    variants=(
        Variant("plain", project_plain),
        Variant("one product, split", project_at_once),
        Variant("functional linear", project_linear),
        Variant("einsum", project_einsum),
    ),
)


# 2.5 and 2.6: attention over projections ------------------------------------------------------------------------------


def cross_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_dec: int, d_enc: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (
        draw(rng, *batch, T, d_dec), draw(rng, *batch, S, d_enc),
        draw(rng, d_dec, d_k, scale=0.7), draw(rng, d_enc, d_k, scale=0.7), draw(rng, d_enc, d_v),
    )
    return Case(args=args, sizes={"T": T, "S": S, "d_dec": d_dec, "d_enc": d_enc, "d_k": d_k, "d_v": d_v}, **options)


def flawed_cross(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any, *, queries: str = "dec", keys: str = "enc", values: str = "enc",
                 project_values: bool = True, **attention: Any) -> Any:
    """Cross-attention with switches that mix up where Q, K and V come from."""
    source = {"dec": X_dec, "enc": X_enc}
    V = source[values] @ W_v if project_values else source[values]
    return flawed_attention(source[queries] @ W_q, source[keys] @ W_k, V, **attention)


def cross_einsum(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    scores = torch.einsum("...tm,mk,nk,...sn->...ts", X_dec, W_q, W_k, X_enc)
    weights = torch.softmax(scores, dim=-1)
    return torch.einsum("...ts,...sn,nv->...tv", weights, X_enc, W_v), weights


def cross_average_first(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    weights = torch.softmax((X_dec @ W_q) @ (X_enc @ W_k).transpose(-2, -1), dim=-1)
    return (weights @ X_enc) @ W_v, weights


def cross_with_helper(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any, *, attend: Any = attention_matmul) -> Any:
    return attend(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)


def cross_with_loops(X_dec: Any, X_enc: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return attention_one_by_one(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)


COMMON_ATTENTION_MISTAKES = (
    Mistake(
        "scaled-already", "scores divided by √d_k, which this notebook does not do yet", "Attention always divides by √d_k.",
        "The scores here are plain dot products; notebook 3 says why and when to divide.", "your `attention` from 2.3", switches={"scale": "sqrt"},
    ),
    Mistake(
        "softmax-over-queries", "softmax over the query axis instead of the key axis", "Softmax goes over the first of the two positions.",
        "Each row of (T, S) belongs to one query and sums to 1.", "your `attention` from 2.3", switches={"axis": -2},
    ),
    Mistake(
        "values-not-projected", "the values taken as they are, without W_v", "Values are the content itself.",
        "Which matrix did you not use?", "step 1 of the stub", switches={"project_values": False},
    ),
)

CROSS_ATTENTION = Exercise(
    number="2.5",
    title="cross_attention",
    names=("cross_attention",),
    minutes=10,
    reference=reference.cross_attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        cross_case(rng, (), 2, 3, 2, 2, 2, 2, draw=rounded),
        cross_case(rng, (), 3, 3, 3, 3, 3, 3, draw=rounded),
        cross_case(rng, (2,), 2, 4, 3, 2, 2, 3, draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "same sizes", "queries come from the decoder, keys and values from the encoder",
            lambda rng: [cross_case(rng, (), 4, 4, 3, 3, 3, 3), cross_case(rng, (), 3, 3, 3, 3, 3, 3)],
        ),
        Test(
            "two lengths and two widths", "the two sequences may differ in length and, with their projections, in width",
            lambda rng: [cross_case(rng, (), 3, 5, 4, 6, 2, 7), cross_case(rng, (3,), 5, 2, 3, 3, 4, 2), cross_case(rng, (3, 2), 2, 3, 5, 4, 3, 1, dtype="float32")],
        ),
        Test("gradients", "gradients reach both sequences and all three matrices", lambda rng: [cross_case(rng, (2,), 2, 3, 3, 2, 2, 3, gradient=True)]),
    ),
    flawed=flawed_cross,
    mistakes=(
        Mistake(
            "keys-and-values-from-decoder", "keys and values made from the decoder: that is self-attention", "Everything comes from the sequence being written.",
            "The translation asks; who answers?", "step 1 of the stub", switches={"keys": "dec", "values": "dec"},
        ),
        Mistake(
            "roles-swapped", "queries from the encoder, keys and values from the decoder", "The encoder comes first, so it asks.",
            "How many rows of output do you need: one per word read, or one per word written?", "step 1 of the stub",
            switches={"queries": "enc", "keys": "dec", "values": "dec"},
        ),
        Mistake(
            "values-from-decoder", "keys from the encoder but values from the decoder", "The values are what the decoder is made of.",
            "Key s and value s describe the same word.", "step 1 of the stub", switches={"values": "dec"},
        ),
        *COMMON_ATTENTION_MISTAKES,
    ),
    variants=(
        Variant("helper", cross_with_helper),
        Variant("einsum from end to end", cross_einsum),
        Variant("average first, project after", cross_average_first),
        Variant("loop over queries", cross_with_loops),
    ),
)


def self_case(rng: Rng, batch: tuple[int, ...], T: int, d_model: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (
        draw(rng, *batch, T, d_model),
        draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_k, scale=0.7), draw(rng, d_model, d_v),
    )
    return Case(args=args, sizes={"T": T, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_self(X: Any, W_q: Any, W_k: Any, W_v: Any, *, shared: str = "none", project_values: bool = True, look_ahead: bool = True,
                residual: bool = False, **attention: Any) -> Any:
    """Self-attention with switches that break it."""
    if shared == "all":
        W_k = W_v = W_q
    elif shared == "Q and K":
        W_k = W_q
    Q, K, V = X @ W_q, X @ W_k, (X @ W_v if project_values else X)
    if not look_ahead:
        T = X.shape[-2]
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        weights = torch.softmax((Q @ K.transpose(-2, -1)).masked_fill(later, -torch.inf), dim=-1)
        return weights @ V, weights
    output, weights = flawed_attention(Q, K, V, **attention)
    return (X + output if residual else output), weights


def self_from_cross(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return cross_with_helper(X, X, W_q, W_k, W_v)


def self_einsum(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return cross_einsum(X, X, W_q, W_k, W_v)


def self_bilinear(X: Any, W_q: Any, W_k: Any, W_v: Any, *, dim: int = -1) -> Any:
    scores = X @ (W_q @ W_k.T) @ X.transpose(-2, -1)
    weights = torch.softmax(scores, dim=dim)
    return weights @ X @ W_v, weights


SELF_ATTENTION = Exercise(
    number="2.6",
    title="self_attention",
    names=("self_attention",),
    minutes=5,
    reference=reference.self_attention,
    outputs=(Output("output", ("...", "T", "d_v")), Output("weights", ("...", "T", "T"), properties=("not negative", "rows sum to 1"))),
    public=lambda rng: [
        self_case(rng, (), 3, 2, 2, 2, draw=rounded),
        self_case(rng, (2,), 2, 3, 3, 3, draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "one sequence in three roles", "every position attends to every position of the same sequence",
            lambda rng: [self_case(rng, (), 4, 3, 3, 3), self_case(rng, (), 1, 3, 2, 4)],
        ),
        Test(
            "sizes and batches", "any widths, leading dimensions and number types",
            lambda rng: [self_case(rng, (3,), 5, 4, 2, 7), self_case(rng, (3, 2), 2, 3, 4, 3, dtype="float32")],
        ),
        Test("gradients", "gradients reach X, along all three roads, and the matrices", lambda rng: [self_case(rng, (2,), 3, 2, 3, 2, gradient=True)]),
    ),
    flawed=flawed_self,
    mistakes=(
        *COMMON_ATTENTION_MISTAKES,
        Mistake(
            "one-matrix-for-all", "one matrix used for queries, keys and values", "There is one sequence, so there is one matrix.",
            "Should a word always match itself best?", "your `project` from 2.4", switches={"shared": "all"},
        ),
        Mistake(
            "keys-from-W_q", "the keys made with W_q, so that the scores are symmetric", "Queries and keys are the same words.",
            "With one matrix, does 'cat' attend to 'the' exactly as much as the other way round?", "your `project` from 2.4", switches={"shared": "Q and K"},
        ),
        Mistake(
            "causal-already", "later positions hidden, which is a mask of notebook 6", "A model must not see the future.",
            "Here every position may look at every other.", "the text above the stub", switches={"look_ahead": False},
        ),
        Mistake(
            "residual-added", "X added to the output", "Transformers add the input back.",
            "That sum belongs to the block around attention (notebook 6).", "the return line", switches={"residual": True},
        ),
    ),
    variants=(
        Variant("cross-attention with itself", self_from_cross),
        Variant("einsum from end to end", self_einsum),
        Variant("one bilinear form", self_bilinear),
    ),
)


# 2.7 find_query ------------------------------------------------------------------------------------------------------


def puzzle(rng: Rng, S: int, d_k: int, target: int, overlap: float = 0.3, digits: int | None = None, dtype: str = "float64") -> Case:
    """Independent rows; every other key holds `overlap` times the target key, so that for > 1 it beats the target at its own query."""
    basis, _ = np.linalg.qr(rng.standard_normal((d_k, d_k)))
    K = basis[:S] * np.linspace(1.0, 2.0, S)[:, None]
    K = K + overlap * K[target] * (np.arange(S)[:, None] != target)
    K = np.round(K, digits) if digits else K
    return Case(args=(K, target), dtype=dtype, verify="peaks at the target", sizes={"S": S, "d_k": d_k})


def query_by_pinv(K: Any, target: int) -> Any:
    wanted = torch.zeros(K.shape[0], dtype=K.dtype)
    wanted[target] = 30.0
    return torch.linalg.pinv(K) @ wanted


def query_by_lstsq(K: Any, target: int, *, margin: float = 25.0) -> Any:
    wanted = margin * torch.eye(K.shape[0], dtype=K.dtype)[:, [target]]
    return torch.linalg.lstsq(K.double(), wanted.double()).solution[:, 0].to(K.dtype)


def query_by_gram(K: Any, target: int) -> Any:
    return K.T @ torch.linalg.solve(K @ K.T, 20.0 * torch.nn.functional.one_hot(torch.tensor(target), len(K)).to(K.dtype))


def query_by_projection(K: Any, target: int) -> Any:
    others = torch.cat([K[:target], K[target + 1 :]])
    key = K[target]
    if len(others):
        span, _ = torch.linalg.qr(others.T)
        key = key - span @ (span.T @ key)
    return 40.0 * key / (key @ key)


FIND_QUERY = Exercise(
    number="2.7",
    title="find_query",
    names=("find_query",),
    minutes=15,
    starred=True,
    reference=lambda K, target: None,
    outputs=(Output("query", ("d_k",)),),
    public=lambda rng: [puzzle(rng, 3, 3, 1, digits=2), puzzle(rng, 3, 4, 0, overlap=1.3, digits=2)],
    tests=(
        Test("as many keys as features", "more than .99 of the weight on the target, whichever row it is", lambda rng: [puzzle(rng, 4, 4, t) for t in (0, 2, 3)]),
        Test(
            "keys of unequal length", "the target wins also against keys that are longer and point almost the same way",
            lambda rng: [puzzle(rng, 4, 4, 0, overlap=1.5), puzzle(rng, 5, 5, 1, overlap=1.2, dtype="float32")],
        ),
        Test("fewer keys than features", "the same when S is smaller than d_k", lambda rng: [puzzle(rng, 3, 6, t) for t in (0, 1)] + [puzzle(rng, 1, 3, 0)]),
    ),
    mistakes=(
        Mistake(
            "the-key-itself", "the target key itself as the query", "A key matches itself best.",
            "Its score must beat the others by a margin; how large is e^margin to be? And a longer key may score higher.",
            "the text above the stub", code=lambda K, target: K[target].clone(),
        ),
        Mistake(
            "a-long-key", "the target key made longer", "Longer queries give sharper weights.",
            "Sharper, yes, but which key wins when another is longer in almost the same direction?", "hint 1",
            code=lambda K, target: 50.0 * K[target],
        ),
        Mistake(
            "score-of-one", "a query whose scores are 1 for the target and 0 elsewhere", "A score of 1 is all of it.",
            "Softmax of (1, 0, 0) is far from (1, 0, 0).", "hint 2",
            code=lambda K, target: torch.linalg.pinv(K) @ torch.eye(len(K), dtype=K.dtype)[target],
        ),
        Mistake(
            "one-hot-feature", "a query that is 1 at feature `target`", "The query points at the row number.",
            "Row `target` of K is a direction, not an axis of the features.", "the text above the stub",
            code=lambda K, target: 50.0 * torch.eye(max(K.shape), dtype=K.dtype)[target][: K.shape[1]],
        ),
        Mistake(
            "column-of-the-inverse-missed", "a row of the inverse where its column is needed", "The inverse undoes K.",
            "K q = wanted: is the answer a row or a column of K⁻¹?", "hint 2",
            code=lambda K, target: 30.0 * torch.linalg.pinv(K).T[:, : K.shape[1]].T[:, 0] if K.shape[0] != K.shape[1] else 30.0 * torch.linalg.inv(K)[target],
        ),
    ),
    variants=(
        Variant("pseudo-inverse", query_by_pinv),
        Variant("least squares", query_by_lstsq),
        Variant("Gram matrix", query_by_gram),
        Variant("what the other keys do not have", query_by_projection),
    ),
)


# 2.8 the worksheet ---------------------------------------------------------------------------------------------------

ROUNDED = 0.006


def sheet(name: str, verify: str = "") -> Case:
    return Case(function=name, value=True, verify=verify, tolerance=ROUNDED)


def on_paper(weigh: Any = None, scale: float = 1.0, values: Any = None) -> dict[str, Any]:
    """The three answers of somebody who works the sheet with one thing wrong."""
    scores = reference.WORKSHEET_KEYS @ reference.WORKSHEET_QUERY / scale
    weights = (weigh or softmax_plain)(scores)
    output = weights @ (reference.WORKSHEET_VALUES if values is None else values)
    names = ("worksheet_scores", "worksheet_weights", "worksheet_output")
    return {name: np.round(answer, 3).tolist() for name, answer in zip(names, (scores, weights, output), strict=True)}


WORKSHEET = Exercise(
    number="2.8",
    title="the worksheet",
    names=("worksheet_scores", "worksheet_weights", "worksheet_output"),
    minutes=10,
    reference={
        "worksheet_scores": reference.worksheet_scores,
        "worksheet_weights": reference.worksheet_weights,
        "worksheet_output": reference.worksheet_output,
    },
    outputs_by_name={
        "worksheet_scores": (Output("scores", ("S",)),),
        "worksheet_weights": (Output("weights", ("S",), properties=("not negative", "rows sum to 1")),),
        "worksheet_output": (Output("numbers of the output", ("d_v",)),),
    },
    public=lambda rng: [sheet(name, "looks complete") for name in ("worksheet_scores", "worksheet_weights", "worksheet_output")],
    tests=(
        Test("scores", "each score is the dot product of the query with one key", lambda rng: [sheet("worksheet_scores")]),
        Test("weights", "the weights are the softmax of the scores, to two decimals", lambda rng: [sheet("worksheet_weights")]),
        Test("output", "the output is the average of the values under the weights", lambda rng: [sheet("worksheet_output")]),
    ),
    mistakes=(
        Mistake(
            "scaled-already", "scores divided by √2", "Attention always divides by √d_k.", "Scaling comes in notebook 3.", "the first line of the sheet",
            code=on_paper(scale=math.sqrt(2)),
        ),
        Mistake(
            "shares-without-exponential", "scores divided by their sum", "Weights are shares.", "e to the score, then divide.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: scores / scores.sum()),
        ),
        Mistake(
            "hard-choice", "all the weight on the best key", "The best match wins.", "A soft look-up gives every key something.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: np.eye(3)[int(np.argmax(scores))]),
        ),
        Mistake(
            "base-two", "2 to the score instead of e to the score", "Any base will do.", "The softmax uses e ≈ 2.718.", "the second line of the sheet",
            code=on_paper(weigh=lambda scores: 2.0**scores / (2.0**scores).sum()),
        ),
        Mistake(
            "averages-the-keys", "the keys averaged instead of the values", "The weights belong to the keys.", "What is handed over is the value.", "the third line of the sheet",
            code=on_paper(values=reference.WORKSHEET_KEYS),
        ),
    ),
    variants=(
        Variant("lists to three decimals", on_paper()),
        Variant("arrays", {name: np.array(answer) for name, answer in on_paper().items()}),
        Variant("tensors", {name: torch.tensor(answer) for name, answer in on_paper().items()}),
        Variant("two decimals", {name: tuple(np.round(answer, 2).tolist()) for name, answer in on_paper().items()}),
    ),
)


# 2.9 permutation_gap -------------------------------------------------------------------------------------------------


def gap_case(rng: Rng, T: int, d: int, e: int, *, equivariant: bool, dtype: str = "float64", draw: Any = normal, shift: float = 0.0) -> Case:
    """A map that does (`equivariant`) or does not treat all positions alike, and a permutation that is not its own inverse."""
    mix = 0.4 * np.eye(T) + 0.1 if equivariant else np.round(rng.standard_normal((T, T)), 1)
    perm = np.roll(np.arange(T), 1) if T > 1 else np.arange(1)
    perm = perm if T < 5 else np.concatenate([np.roll(perm[:3], 1), perm[3:][::-1]])
    return Case(args=(MixAndMap(mix, draw(rng, d, e)), draw(rng, T, d) + shift, perm), dtype=dtype, sizes={"T": T, "d": d})


def flawed_gap(f: Any, X: Any, perm: Any, *, permute_output: str = "perm", reduce: str = "max", sign: str = "abs", permute_input: bool = True) -> Any:
    """The permutation gap with switches that break it."""
    left = f(X)
    if permute_output == "perm":
        left = left[perm]
    elif permute_output == "inverse":
        left = left[torch.argsort(perm)]
    right = f(X[perm]) if permute_input else f(X)
    gap = left - right
    gap = gap.abs() if sign == "abs" else gap
    return {"max": gap.max, "mean": gap.mean, "sum": gap.sum}[reduce]().item()


def gap_of_rows(f: Any, X: Any, perm: Any) -> Any:
    before, after = f(X), f(X[perm])
    return max(float((before[p] - after[t]).abs().max()) for t, p in enumerate(perm.tolist()))


def gap_with_matrix(f: Any, X: Any, perm: Any) -> Any:
    P = torch.eye(len(perm), dtype=X.dtype)[perm]
    return torch.linalg.vector_norm(P @ f(X) - f(P @ X), ord=torch.inf).item()


def gap_without_gradient(f: Any, X: Any, perm: Any, *, relative: bool = False) -> Any:
    with torch.no_grad():
        gap = (f(X)[perm] - f(X[perm])).abs().max()
    return gap / f(X).abs().max() if relative else gap


def gap_undone(f: Any, X: Any, perm: Any) -> Any:
    return float((f(X) - f(X[perm])[torch.argsort(perm)]).abs().amax())


PERMUTATION_GAP = Exercise(
    number="2.9",
    title="permutation_gap",
    names=("permutation_gap",),
    minutes=10,
    starred=True,
    reference=reference.permutation_gap,
    outputs=(Output("gap", (), dtype=""),),
    public=lambda rng: [
        gap_case(rng, 3, 2, 2, equivariant=False, draw=rounded),
        gap_case(rng, 4, 3, 2, equivariant=True, draw=rounded),
        gap_case(rng, 5, 2, 2, equivariant=False, draw=rounded),
    ],
    tests=(
        Test(
            "zero where order does not matter", "0 for a map that treats every position alike",
            lambda rng: [gap_case(rng, 5, 3, 2, equivariant=True), gap_case(rng, 1, 2, 2, equivariant=False)],
        ),
        Test(
            "the largest difference", "the largest absolute difference, where order does matter",
            lambda rng: [gap_case(rng, T, 3, e, equivariant=False) for T, e in ((3, 2), (7, 4), (4, 1), (6, 3))],
        ),
        Test("number types", "the same in float32", lambda rng: [gap_case(rng, 5, 3, 2, equivariant=False, dtype="float32")]),
    ),
    flawed=flawed_gap,
    mistakes=(
        Mistake(
            "output-not-permuted", "f(X) compared with f(X[perm]), without permuting f(X)", "If order does not matter, the outputs are equal.",
            "Row t of f(X[perm]) belongs to word perm[t].", "step 1 of the stub", switches={"permute_output": "none"},
        ),
        Mistake(
            "inverse-permutation", "f(X) permuted the other way round", "Undo the permutation and compare.",
            "Try a permutation that is not its own inverse, on three rows.", "step 1 of the stub", switches={"permute_output": "inverse"},
        ),
        Mistake(
            "mean-difference", "the mean difference instead of the largest", "The average is a fair summary.", "One large difference is enough to break the property.",
            "step 2 of the stub", switches={"reduce": "mean"},
        ),
        Mistake(
            "signed-difference", "the largest signed difference", "The largest difference is the maximum.", "A difference of −3 is larger than one of 1.",
            "step 2 of the stub", switches={"sign": "kept"},
        ),
        Mistake(
            "sum-of-differences", "the sum of the differences", "Add up everything that differs.", "The largest one is asked for.", "step 2 of the stub",
            switches={"reduce": "sum"},
        ),
        Mistake(
            "input-not-permuted", "f(X) on both sides: X is never permuted", "Permuting the output is the test.", "Which of the two calls should see X[perm]?",
            "step 1 of the stub", switches={"permute_input": False},
        ),
    ),
    variants=(
        Variant("row by row", gap_of_rows),
        Variant("permutation matrix", gap_with_matrix),
        Variant("no gradient, extra keyword, tensor returned", gap_without_gradient),
        Variant("permuted back", gap_undone),
    ),
)

EXERCISES = (SOFTMAX, ATTEND, ATTENTION, PROJECT, CROSS_ATTENTION, SELF_ATTENTION, FIND_QUERY, WORKSHEET, PERMUTATION_GAP)
