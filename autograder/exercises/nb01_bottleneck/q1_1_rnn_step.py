"""1.1 rnn_step: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb01_bottleneck.recurrent_family import small
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal
from autograder.reference import nb01 as reference


def step_case(rng: Rng, B: int, d_in: int, d_h: int, *, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, B, d_in), draw(rng, B, d_h), draw(rng, d_in, d_h), draw(rng, d_h, d_h), draw(rng, d_h))
    return Case(args=args, sizes={"B": B, "d_in": d_in, "d_h": d_h}, **options)


def flawed_step(
    x_t: Any,
    h: Any,
    W_x: Any,
    W_h: Any,
    b: Any,
    *,
    squash: str = "all",
    turn: bool = False,
    bias: bool = True,
    memory: bool = True,
    graph: str = "kept",
) -> Any:
    """One RNN step with switches that break it."""
    if graph == "cut":
        h = h.detach()
    total = x_t @ W_x
    if memory:
        total = total + h @ (W_h.T if turn else W_h)
    offset = b if bias else torch.zeros_like(b)
    if squash == "before the bias":
        return torch.tanh(total) + offset
    curves = {"all": torch.tanh, "none": lambda z: z, "sigmoid": torch.sigmoid, "relu": torch.relu}
    return curves[squash](total + offset)


def step_tanh_of_each(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    return torch.tanh(x_t @ W_x) + torch.tanh(h @ W_h + b)


def step_plain(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    return torch.tanh(x_t @ W_x + h @ W_h + b)


def step_stacked(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    return torch.cat([x_t, h], dim=1).matmul(torch.cat([W_x, W_h], dim=0)).add(b).tanh()


def step_by_exponentials(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    z = torch.einsum("bi,ij->bj", x_t, W_x) + torch.einsum("bi,ij->bj", h, W_h) + b
    return 2 * torch.sigmoid(2 * z) - 1


def step_row_by_row(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any, *, curve: Any = torch.tanh) -> Any:
    return torch.stack([curve(W_x.T @ x + W_h.T @ state + b) for x, state in zip(x_t, h, strict=True)])


EXERCISE = Exercise(
    number="1.1",
    title="rnn_step",
    names=("rnn_step",),
    minutes=5,
    reference=reference.rnn_step,
    outputs=(Output("new state", ("B", "d_h")),),
    public=lambda rng: [
        step_case(rng, 1, 2, 2, draw=small),
        step_case(rng, 2, 3, 2, draw=small),
        step_case(rng, 2, 2, 3, dtype="float32", draw=small),
        step_case(rng, 2, 3, 2, gradient=True, draw=small),
    ],
    tests=(
        Test(
            "one example",
            "tanh(x W_x + h W_h + b) for a batch of one",
            lambda rng: [step_case(rng, 1, 2, 2), step_case(rng, 1, 1, 1)],
        ),
        Test(
            "unequal sizes and number types",
            "the same for any B, d_in and d_h; float32 stays float32",
            lambda rng: [step_case(rng, 3, 5, 2), step_case(rng, 2, 1, 4), step_case(rng, 4, 3, 5, dtype="float32")],
        ),
        Test(
            "gradients",
            "gradients reach the input, the state, both matrices and the bias",
            lambda rng: [step_case(rng, 2, 3, 4, gradient=True)],
        ),
    ),
    flawed=flawed_step,
    mistakes=(
        Mistake(
            "no-tanh",
            "the sum without the tanh",
            "A state is a sum of what came in.",
            "Can a state of yours be larger than 1?",
            "step 2 of the stub",
            switches={"squash": "none"},
        ),
        Mistake(
            "sigmoid",
            "a sigmoid where the tanh belongs",
            "Any curve that saturates will do.",
            "A state should be able to be negative.",
            "step 2 of the stub",
            switches={"squash": "sigmoid"},
        ),
        Mistake(
            "relu",
            "a ReLU where the tanh belongs",
            "Networks use ReLU.",
            "A state should be able to be negative, and never beyond 1.",
            "step 2 of the stub",
            switches={"squash": "relu"},
        ),
        Mistake(
            "bias-after-tanh",
            "the bias added after the tanh",
            "A bias comes last.",
            "Everything that is added goes inside the tanh.",
            "the equation above the stub",
            switches={"squash": "before the bias"},
        ),
        Mistake(
            "no-bias",
            "b left out",
            "The bias hardly matters.",
            "How many things are added in the equation?",
            "step 1 of the stub",
            switches={"bias": False},
        ),
        Mistake(
            "state-matrix-transposed",
            "W_h transposed",
            "Weights are stored the other way round, as in nn.Linear.",
            "Here both matrices stand on the right as they are. W_h is square, so its shape cannot warn you.",
            "step 1 of the stub",
            switches={"turn": True},
        ),
        Mistake(
            "memory-forgotten",
            "the old state left out",
            "The step is about the new token.",
            "Where does h enter the equation?",
            "step 1 of the stub",
            switches={"memory": False},
        ),
        Mistake(
            "state-detached",
            "the old state detached, so that no gradient reaches it",
            "The past is over.",
            "Training has to tell earlier steps what they should have kept.",
            "your use of detach, item or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "tanh-of-each",
            "a tanh of the input and a tanh of the state, added",
            "Both parts are squashed.",
            "One tanh, around the whole sum.",
            "the equation above the stub",
            code=step_tanh_of_each,
        ),
    ),
    variants=(
        Variant("as in the equation", step_plain),
        Variant("stacked matrices", step_stacked),
        Variant("einsum and a stretched sigmoid", step_by_exponentials),
        Variant("row by row, extra keyword", step_row_by_row),
    ),
)
