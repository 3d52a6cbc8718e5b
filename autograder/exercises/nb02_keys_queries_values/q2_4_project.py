"""2.4 project: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb02 as reference


def project_case(rng: Rng, batch: tuple[int, ...], T: int, d_model: int, d_k: int, d_v: int, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_model), draw(rng, d_model, d_k), draw(rng, d_model, d_k), draw(rng, d_model, d_v))
    return Case(args=args, sizes={"T": T, "d_model": d_model, "d_k": d_k, "d_v": d_v}, **options)


def flawed_project(X: Any, W_q: Any, W_k: Any, W_v: Any, *, shared: str = "none", side: str = "X W", order: str = "QKV",
                   chained: bool = False, graph: str = "kept", width: str = "kept") -> Any:
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
    if width != "kept":
        Q, K, V = (A.float() if width == "float" else A.double() for A in (Q, K, V))
    return {"QKV": (Q, K, V), "QVK": (Q, V, K), "Q": Q}.get(order, (K, Q, V))


def project_at_once(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    widths = [W.shape[1] for W in (W_q, W_k, W_v)]
    return torch.split(X @ torch.cat([W_q, W_k, W_v], dim=1), widths, dim=-1)


def project_linear(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return tuple(torch.nn.functional.linear(X, W.T) for W in (W_q, W_k, W_v))


def project_einsum(X: Any, W_q: Any, W_k: Any, W_v: Any, *, equation: str = "...tm,md->...td") -> Any:
    return torch.einsum(equation, X, W_q), torch.einsum(equation, X, W_k), torch.einsum(equation, X, W_v)


def project_plain(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return X @ W_q, X @ W_k, X @ W_v


def project_squeezed(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    """Right, but for axes of length 1, which are lost."""
    return tuple(part.squeeze() for part in project_plain(X, W_q, W_k, W_v))


def project_first_example(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    first = X.reshape(-1, *X.shape[-2:])[0]
    return project_plain(first.expand_as(X), W_q, W_k, W_v)


def project_and_scale(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    Q, K, V = project_plain(X, W_q, W_k, W_v)
    return Q / W_q.shape[1] ** 0.5, K, V


def project_without_values(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return X @ W_q, X @ W_k, X


def project_with_relu(X: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
    return tuple(torch.relu(part) for part in project_plain(X, W_q, W_k, W_v))


EXERCISE = Exercise(
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
        project_case(rng, (2,), 1, 2, 3, 1, draw=rounded, dtype="float32"),
    ],
    tests=(
        Test("square", "Q, K and V are X times three different matrices", lambda rng: [project_case(rng, (), 4, 4, 4, 4)]),
        Test(
            "unequal sizes", "each projection may have its own width, and leading dimensions pass through",
            lambda rng: [project_case(rng, (), 3, 5, 2, 7), project_case(rng, (3, 2), 2, 4, 3, 5), project_case(rng, (1, 2), 1, 3, 2, 1), project_case(rng, (3,), 4, 5, 3, 3, dtype="float32")],
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
        Mistake(
            "values-before-keys", "values returned before keys", "The order does not matter.",
            "Read the return line of the docstring.", "the return line", switches={"order": "QVK"},
        ),
        Mistake(
            "queries-alone", "the queries without keys and values", "One projection is like the other.",
            "Three results are asked for.", "the return line", switches={"order": "Q"},
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the whole function", switches={"width": "float"},
        ),
        Mistake(
            "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
            "What does squeeze() do to a batch of one, or to one position?", "your use of squeeze", code=project_squeezed,
        ),
        Mistake(
            "first-example-for-all", "the first example's projections for the whole batch", "One X, three matrices.",
            "Each example of the batch has words of its own.", "step 1 of the stub", code=project_first_example,
        ),
        Mistake(
            "scaled-already", "queries divided by √d_k, which belongs to the scores of notebook 3", "The scale can sit in the queries.",
            "A projection is a matrix product and nothing else.", "step 1 of the stub", code=project_and_scale,
        ),
        Mistake(
            "relu", "a ReLU after each projection", "A layer has an activation.",
            "Can a query of yours be negative?", "the equation above the stub", code=project_with_relu,
        ),
        Mistake(
            "values-not-projected", "X itself as the values, without W_v", "Values are the content itself.",
            "Which matrix did you not use?", "step 3 of the stub", code=project_without_values,
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("plain", project_plain),
        Variant("one product, split", project_at_once),
        Variant("functional linear", project_linear),
        Variant("einsum", project_einsum),
    ),
)
