"""1.6 context_vector: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb01 as reference


def context_case(rng: Rng, B: int, S: int, d: int, *, draw: Any = normal, **options: Any) -> Case:
    return Case(args=(draw(rng, B, S), draw(rng, B, S, d)), sizes={"B": B, "S": S, "d": d}, **options)


def shares_case(rng: Rng, B: int, S: int, d: int, **options: Any) -> Case:
    """Weights that sum to 1, as they come from a softmax, to two digits."""
    weights = np.round(rng.dirichlet(np.ones(S), size=B), 2)
    weights[:, 0] += 1 - weights.sum(axis=1)
    return Case(args=(np.round(weights, 2), rounded(rng, B, S, d)), sizes={"B": B, "S": S, "d": d}, **options)


def flawed_context(
    weights: Any,
    H: Any,
    *,
    average: str = "weighted",
    share: str = "as given",
    squeeze: str = "one axis",
    graph: str = "kept",
    width: str = "kept",
) -> Any:
    """The context vector with switches that break it."""
    if graph == "cut":
        weights = weights.detach()
    if width == "float":
        weights, H = weights.float(), H.float()
    if share == "softmax":
        weights = torch.softmax(weights, dim=1)
    elif share == "divided by their sum":
        weights = weights / weights.sum(dim=1, keepdim=True)
    elif share == "divided by S":
        weights = weights / weights.shape[1]
    if average == "plain":
        return H.mean(dim=1)
    if average == "hard":
        return H[torch.arange(len(H)), weights.argmax(dim=1)]
    context = torch.bmm(weights[:, None], H)
    return context.squeeze(1) if squeeze == "one axis" else context.squeeze()


def context_across_examples(weights: Any, H: Any) -> Any:
    return (weights.T[:, :, None] * H).sum(dim=1)


def context_over_features(weights: Any, H: Any) -> Any:
    return (weights[:, :, None] * H).sum(dim=2)


def context_not_summed(weights: Any, H: Any) -> Any:
    return weights[:, :, None] * H


def context_einsum(weights: Any, H: Any) -> Any:
    return torch.einsum("bs,bsd->bd", weights, H)


def context_summed(weights: Any, H: Any) -> Any:
    return (weights.unsqueeze(-1) * H).sum(1)


def context_example_by_example(weights: Any, H: Any) -> Any:
    return torch.stack([H[i].T @ weights[i] for i in range(len(H))])


def context_matmul(weights: Any, H: Any, *, keepdim: bool = False) -> Any:
    context = H.transpose(1, 2) @ weights[..., None]
    return context if keepdim else context[..., 0]


def context_of_first_weights(weights: Any, H: Any) -> Any:
    return context_summed(weights[:1], H)


def context_with_the_axis(weights: Any, H: Any) -> Any:
    return torch.bmm(weights[:, None], H)


def context_of_maxima(weights: Any, H: Any) -> Any:
    return (weights[:, :, None] * H).amax(dim=1)


def context_of_first_states(weights: Any, H: Any) -> Any:
    return weights @ H[0]


def context_weighing_in_place(weights: Any, H: Any) -> Any:
    with torch.no_grad():
        H *= weights[:, :, None]
    return H.sum(dim=1)


EXERCISE = Exercise(
    number="1.6",
    title="context_vector",
    names=("context_vector",),
    minutes=5,
    reference=reference.context_vector,
    outputs=(Output("context", ("B", "d")),),
    public=lambda rng: [
        shares_case(rng, 1, 3, 2),
        shares_case(rng, 2, 2, 3),
        context_case(rng, 2, 3, 2, draw=rounded, gradient=True),
    ],
    tests=(
        Test(
            "unequal sizes",
            "the states added up, each times its weight, for any B, S and d",
            lambda rng: [context_case(rng, 3, 5, 2), context_case(rng, 2, 1, 4)],
        ),
        Test(
            "equal sizes",
            "each example averages its own states",
            lambda rng: [context_case(rng, 3, 3, 3), context_case(rng, 2, 2, 5)],
        ),
        Test(
            "batch of one",
            "(1, d) for a batch of one, and (B, 1) for one feature",
            lambda rng: [context_case(rng, 1, 4, 3), context_case(rng, 2, 4, 1)],
        ),
        Test(
            "gradients and number types",
            "gradients reach weights and states; float32 stays float32",
            lambda rng: [context_case(rng, 2, 3, 4, gradient=True), context_case(rng, 3, 2, 2, dtype="float32")],
        ),
    ),
    flawed=flawed_context,
    mistakes=(
        Mistake(
            "plain-mean",
            "the plain mean of all states",
            "A context is an average.",
            "Where do the weights come in?",
            "step 1 of the stub",
            switches={"average": "plain"},
        ),
        Mistake(
            "hard-choice",
            "the one state with the largest weight",
            "Attention picks a state.",
            "Every state contributes, by its share.",
            "step 1 of the stub",
            switches={"average": "hard"},
        ),
        Mistake(
            "softmax-again",
            "a softmax of the weights",
            "Weights come from a softmax.",
            "They have been through it already.",
            "step 1 of the stub",
            switches={"share": "softmax"},
        ),
        Mistake(
            "weights-divided-by-their-sum",
            "the weights divided by their sum again",
            "An average divides by the sum of the weights.",
            "Use the weights as they are: a row of zeros should give a context of zeros.",
            "the docstring",
            switches={"share": "divided by their sum"},
        ),
        Mistake(
            "divided-by-S",
            "the sum divided by S",
            "An average divides by how many there are.",
            "The weights hold the division already.",
            "step 2 of the stub",
            switches={"share": "divided by S"},
        ),
        Mistake(
            "squeezed-too-much",
            "every axis of length 1 removed, the batch too",
            "squeeze() removes the axis I added.",
            "What does squeeze() do to a batch of one?",
            "step 2 of the stub",
            switches={"squeeze": "all axes"},
        ),
        Mistake(
            "weights-detached",
            "the weights cut off from the graph",
            "Weights are only numbers.",
            "How would the scores learn?",
            "your use of detach, item or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "across-examples",
            "the weights transposed",
            "Broadcasting needs a transpose.",
            "Which axis of the weights is the batch?",
            "step 1 of the stub",
            code=context_across_examples,
        ),
        Mistake(
            "summed-over-features",
            "the sum taken over the features",
            "The last axis is summed.",
            "d should be left, and S should be gone.",
            "step 2 of the stub",
            code=context_over_features,
        ),
        Mistake(
            "not-summed",
            "weighted states that are not added up",
            "Each state is multiplied with its weight.",
            "One vector per example is asked for.",
            "step 2 of the stub",
            code=context_not_summed,
        ),
        Mistake(
            "first-weights-for-all", "the first example's weights for the whole batch", "Weights are shared.",
            "Each example of the batch looks for itself.", "step 1 of the stub", code=context_of_first_weights,
        ),
        Mistake(
            "first-states-for-all", "the first example's states for the whole batch", "A matrix product does the rest.",
            "Each example of the batch has states of its own.", "step 1 of the stub", code=context_of_first_states,
        ),
        Mistake(
            "axis-left", "an axis of length 1 left where the positions were", "bmm gives (B, 1, d).",
            "One vector for each example: which shape is that?", "step 2 of the stub", code=context_with_the_axis,
        ),
        Mistake(
            "largest-of-each-feature", "the largest weighted number of each feature", "Pooling takes the maximum.",
            "The weighted states are added up.", "step 2 of the stub", code=context_of_maxima,
        ),
        Mistake(
            "states-overwritten", "the states multiplied in place, so that the caller's H changes", "H *= … saves memory.",
            "What does the caller's tensor hold afterwards?", "step 1 of the stub", code=context_weighing_in_place,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the docstring", switches={"width": "float"},
        ),
    ),
    variants=(
        Variant("einsum", context_einsum),
        Variant("multiplied and summed", context_summed),
        Variant("example by example", context_example_by_example),
        Variant("matrix times column, extra keyword", context_matmul),
    ),
)
