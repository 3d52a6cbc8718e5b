"""1.4 additive_scores: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb01 as reference


def scores_case(rng: Rng, B: int, S: int, d_s: int, d_h: int, d_a: int, *, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, B, d_s), draw(rng, B, S, d_h), draw(rng, d_s, d_a), draw(rng, d_h, d_a), draw(rng, d_a))
    return Case(args=args, sizes={"B": B, "S": S, "d_s": d_s, "d_h": d_h, "d_a": d_a}, **options)


def by_raw_exponentials(z: Any) -> Any:
    return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp())


def large_case(rng: Rng, B: int, S: int) -> Case:
    """Sums in the hundreds and thousands inside the tanh, and some near 0."""
    case = scores_case(rng, B, S, 2, 2, 3, draw=rounded)
    s, H, W_q, W_k, v = case.args
    return Case(args=(900 * s + 1200, 900 * H, W_q + 0.5, W_k, v), sizes=case.sizes)


def flawed_scores(
    s: Any,
    H: Any,
    W_q: Any,
    W_k: Any,
    v: Any,
    *,
    squash: str = "tanh",
    where: str = "sum",
    line_up: str = "batch",
    scale: bool = False,
    weigh: bool = False,
    reduce: str = "v",
    turn: bool = False,
    graph: str = "kept",
    width: str = "kept",
) -> Any:
    """Additive scores with switches that break them."""
    if graph == "cut":
        s = s.detach()
    query = (s @ W_q)[:, None] if line_up == "batch" else s @ W_q
    keys = H @ W_k
    if width == "float":
        query, keys, v = query.float(), keys.float(), v.float()
    curve = {"tanh": torch.tanh, "by hand": by_raw_exponentials, "none": lambda z: z, "relu": torch.relu, "sigmoid": torch.sigmoid}[squash]
    hidden = {
        "sum": lambda: curve(query + keys),
        "each": lambda: curve(query) + curve(keys),
        "product": lambda: curve(query * keys),
    }[where]()
    scores = hidden @ v if reduce == "v" else (hidden * v).mean(dim=-1)
    scores = scores.T if turn else scores
    if scale:
        scores = scores / math.sqrt(len(v))
    return torch.softmax(scores, dim=1) if weigh else scores


def scores_tanh_last(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return torch.tanh(((s @ W_q)[:, None] + H @ W_k) @ v)


def scores_without_v(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return torch.tanh((s @ W_q)[:, None] + H @ W_k).sum(dim=-1)


def scores_plain(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return torch.tanh((s @ W_q).unsqueeze(1) + H @ W_k) @ v


def scores_position_by_position(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return torch.stack([torch.tanh(s @ W_q + H[:, j] @ W_k).mv(v) for j in range(H.shape[1])], dim=1)


def scores_concatenated(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    both = torch.cat([s[:, None].expand(-1, H.shape[1], -1), H], dim=-1)
    return torch.einsum("bsa,a->bs", torch.einsum("bsi,ia->bsa", both, torch.cat([W_q, W_k])).tanh(), v)


def scores_by_sigmoid(s: Any, H: Any, W_q: Any, W_k: Any, v: Any, *, factor: float = 2.0) -> Any:
    z = torch.matmul(s, W_q)[:, None, :] + torch.matmul(H, W_k)
    return ((factor * torch.sigmoid(2 * z) - 1) * v).sum(-1)


def scores_matrices_exchanged(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return scores_plain(s, H, W_k, W_q, v)


def scores_of_first_query(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return scores_plain(s[:1], H, W_q, W_k, v)


def scores_axis_left(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    return scores_plain(s, H, W_q, W_k, v)[..., None]


def scores_squeezed(s: Any, H: Any, W_q: Any, W_k: Any, v: Any) -> Any:
    """Right, but for axes of length 1, which are lost."""
    return scores_plain(s, H, W_q, W_k, v).squeeze()


EXERCISE = Exercise(
    number="1.4",
    title="additive_scores",
    names=("additive_scores",),
    minutes=10,
    reference=reference.additive_scores,
    outputs=(Output("scores", ("B", "S")),),
    public=lambda rng: [
        scores_case(rng, 1, 3, 2, 2, 2, draw=rounded),
        scores_case(rng, 2, 2, 3, 2, 4, draw=rounded),
        scores_case(rng, 2, 3, 1, 2, 2, gradient=True, draw=rounded),
        scores_case(rng, 3, 1, 2, 2, 2, draw=rounded),
        large_case(rng, 2, 2),
    ],
    tests=(
        Test(
            "unequal sizes",
            "tanh(s W_q + H W_k) · v for every position of every example, for any B, S, d_s, d_h and d_a, sums of any size",
            lambda rng: [
                large_case(rng, 2, 3),
                scores_case(rng, 3, 5, 2, 4, 6),
                scores_case(rng, 1, 4, 3, 2, 1),
                scores_case(rng, 2, 1, 1, 3, 5),
            ],
        ),
        Test(
            "batch as long as the sequences",
            "each example is scored against its own sequence",
            lambda rng: [scores_case(rng, 3, 3, 2, 2, 4), scores_case(rng, 4, 4, 4, 4, 4)],
        ),
        Test("number types", "float32 stays float32", lambda rng: [scores_case(rng, 2, 3, 4, 3, 2, dtype="float32")]),
        Test(
            "gradients",
            "gradients reach s, H, both matrices and v",
            lambda rng: [scores_case(rng, 2, 3, 2, 4, 3, gradient=True)],
        ),
    ),
    flawed=flawed_scores,
    mistakes=(
        Mistake(
            "no-tanh",
            "the sum without the tanh",
            "Query and key are added and multiplied with v.",
            "Without the tanh the query adds the same number to every score. What would the softmax make of that?",
            "step 2 of the stub",
            switches={"squash": "none"},
        ),
        Mistake(
            "relu",
            "a ReLU where the tanh belongs",
            "A hidden layer uses ReLU.",
            "Bahdanau's hidden layer uses the tanh.",
            "step 2 of the stub",
            switches={"squash": "relu"},
        ),
        Mistake(
            "sigmoid",
            "a sigmoid where the tanh belongs",
            "Any curve that saturates will do.",
            "Which curve is in the equation?",
            "step 2 of the stub",
            switches={"squash": "sigmoid"},
        ),
        Mistake(
            "tanh-of-each",
            "a tanh of the query and a tanh of the key, added",
            "Each side has its own layer.",
            "One tanh, around the sum: only there do the two meet.",
            "the equation above the stub",
            switches={"where": "each"},
        ),
        Mistake(
            "product",
            "query and key multiplied instead of added",
            "Attention multiplies queries and keys.",
            "That comes in notebook 2. This score is additive.",
            "the equation above the stub",
            switches={"where": "product"},
        ),
        Mistake(
            "query-along-positions",
            "query i added to position i instead of example i",
            "Broadcasting lines the two up.",
            "s W_q is (B, d_a) and H W_k is (B, S, d_a). Where does s W_q need an axis of length 1?",
            "step 1 of the stub",
            switches={"line_up": "positions"},
        ),
        Mistake(
            "scaled",
            "scores divided by the root of a width",
            "Attention scores are scaled.",
            "Nothing is divided here; notebook 3 is about scaling.",
            "step 3 of the stub",
            switches={"scale": True},
        ),
        Mistake(
            "weights-already",
            "weights instead of scores",
            "Scores go through a softmax.",
            "That is the next exercise.",
            "the docstring",
            switches={"weigh": True},
        ),
        Mistake(
            "state-detached",
            "the decoder's state detached",
            "The query only looks.",
            "How is a query to learn what to look for?",
            "your use of detach, item or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "tanh-last",
            "the tanh taken after the product with v",
            "The score is squashed.",
            "What is inside the tanh in the equation, and what is outside?",
            "the equation above the stub",
            code=scores_tanh_last,
        ),
        Mistake(
            "v-left-out",
            "the hidden numbers added up without v",
            "The sum over features is the score.",
            "v says how much each feature counts.",
            "step 3 of the stub",
            code=scores_without_v,
        ),
        Mistake(
            "tanh-from-exponentials", "a tanh made of raw exponentials, which overflow", "tanh is (e^z − e^−z) / (e^z + e^−z).",
            "What is e^1000, and what is one infinity over another?", "step 2 of the stub", switches={"squash": "by hand"},
        ),
        Mistake(
            "mean-over-features", "the mean over the features instead of the sum", "v averages the hidden numbers.",
            "A product with v adds up. How does a mean depend on d_a?", "step 3 of the stub", switches={"reduce": "mean"},
        ),
        Mistake(
            "positions-first", "the scores transposed, positions first", "Positions come before examples.",
            "Which axis of the result is the batch?", "the return line", switches={"turn": True},
        ),
        Mistake(
            "matrices-exchanged", "s through W_k and H through W_q", "Two matrices, two sides.",
            "Which matrix belongs to the query?", "step 1 of the stub", code=scores_matrices_exchanged,
        ),
        Mistake(
            "first-query-for-all", "the first example's query for the whole batch", "There is one query.",
            "Each example of the batch asks for itself.", "step 1 of the stub", code=scores_of_first_query,
        ),
        Mistake(
            "axis-left", "an axis of length 1 left where the features were", "A product with a column keeps the axis.",
            "One number for each position: which shape is that?", "step 3 of the stub", code=scores_axis_left,
        ),
        Mistake(
            "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
            "What does squeeze() do to a batch of one, or to one position?", "your use of squeeze", code=scores_squeezed,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the docstring", switches={"width": "float"},
        ),
    ),
    variants=(
        Variant("as in the equation", scores_plain),
        Variant("position by position", scores_position_by_position),
        Variant("one concatenated layer", scores_concatenated),
        Variant("tanh from a sigmoid, extra keyword", scores_by_sigmoid),
    ),
)
