"""1.1 rnn_step: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from dataclasses import replace
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


def after_another(rng: Rng, B: int, d_in: int, d_h: int, **options: Any) -> Case:
    """A call after another one of other inputs and the same weights."""
    first, case = (step_case(rng, B, d_in, d_h, **options) for _ in range(2))
    return replace(case, earlier=(replace(first, args=(*first.args[:2], *case.args[2:])),))


def by_raw_exponentials(z: Any) -> Any:
    return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp())


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
    width: str = "kept",
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
    if width == "float":
        total, offset = total.float(), offset.float()
    curves = {"all": torch.tanh, "by hand": by_raw_exponentials, "none": lambda z: z, "sigmoid": torch.sigmoid, "relu": torch.relu}
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


def step_row_by_row(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any, *, curve: str = "tanh") -> Any:
    return torch.stack([getattr(torch, curve)(W_x.T @ x + W_h.T @ state + b) for x, state in zip(x_t, h, strict=True)])


class FirstStateKept:
    """The state of the first call with some weights, used in every later call with them."""

    def __init__(self) -> None:
        self.seen: Any = None

    def __call__(self, x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
        if self.seen is not None and torch.equal(W_h, self.seen[0]) and not torch.equal(x_t, self.seen[1]):
            return step_plain(x_t, self.seen[2], W_x, W_h, b)
        self.seen = tuple(tensor.detach().clone() for tensor in (W_h, x_t, h))
        return step_plain(x_t, h, W_x, W_h, b)


def step_matrices_exchanged(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    return torch.tanh(x_t @ W_h + h @ W_x + b)


def step_in_place(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    with torch.no_grad():
        h.copy_(step_plain(x_t, h, W_x, W_h, b))
    return h


def step_of_first_example(x_t: Any, h: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    return step_plain(x_t, h[:1], W_x, W_h, b)


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
        after_another(rng, 1, 3, 2, draw=small),
        step_case(rng, 1, 2, 2, draw=lambda rng, *shape: 90 * small(rng, *shape)),
    ],
    tests=(
        Test(
            "one example",
            "tanh(x W_x + h W_h + b) for a batch of one",
            lambda rng: [step_case(rng, 1, 2, 2), step_case(rng, 1, 1, 1)],
        ),
        Test(
            "unequal sizes and number types",
            "the same for any B, d_in and d_h, for sums of any size and call after call; float32 stays float32",
            lambda rng: [
                step_case(rng, 3, 5, 2),
                step_case(rng, 2, 1, 4),
                step_case(rng, 4, 3, 5, dtype="float32"),
                after_another(rng, 3, 2, 5),
                step_case(rng, 2, 4, 3, draw=lambda rng, *shape: 40 * normal(rng, *shape)),
            ],
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
        Mistake(
            "first-state-kept", "the state of an earlier call, kept in a global", "The network remembers its state.",
            "The state comes in as an argument and goes out as a result. Who carries it from step to step?", "the argument `h`", code=FirstStateKept(),
        ),
        Mistake(
            "tanh-from-exponentials", "a tanh made of raw exponentials, which overflow", "tanh is (e^z − e^−z) / (e^z + e^−z).",
            "What is e^1000, and what is one infinity over another?", "step 2 of the stub", switches={"squash": "by hand"},
        ),
        Mistake(
            "matrices-exchanged", "the token through W_h and the state through W_x", "Two matrices, two vectors.",
            "Which matrix has d_in rows?", "step 1 of the stub", code=step_matrices_exchanged,
        ),
        Mistake(
            "state-overwritten", "the new state written into the caller's h", "The state is updated.",
            "The caller may still need the old state: a function returns something new.", "the return line", code=step_in_place,
        ),
        Mistake(
            "first-state-for-all", "the first example's state for the whole batch", "There is one state.",
            "Each example of the batch has a state of its own.", "step 1 of the stub", code=step_of_first_example,
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the docstring", switches={"width": "float"},
        ),
    ),
    variants=(
        Variant("as in the equation", step_plain),
        Variant("stacked matrices", step_stacked),
        Variant("einsum and a stretched sigmoid", step_by_exponentials),
        Variant("row by row, extra keyword", step_row_by_row),
    ),
)
