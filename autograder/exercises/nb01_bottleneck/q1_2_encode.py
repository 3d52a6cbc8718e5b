"""1.2 encode: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb01_bottleneck.recurrent_family import small
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal
from autograder.reference import nb01 as reference


def encode_case(
    rng: Rng, lengths: list[int], S: int, d_in: int, d_h: int, *, draw: Any = normal, **options: Any
) -> Case:
    """Sequences with the given lengths; what stands at padding is as large as anything else."""
    B = len(lengths)
    args = (
        draw(rng, B, S, d_in),
        np.array(lengths),
        draw(rng, B, d_h),
        draw(rng, d_in, d_h),
        draw(rng, d_h, d_h),
        draw(rng, d_h),
    )
    real = np.arange(S)[:, None] < np.array(lengths)[:, None, None]
    return Case(
        args=args,
        counts=(np.broadcast_to(real, (B, S, d_h)).copy(), None),
        sizes={"B": B, "S": S, "d_in": d_in, "d_h": d_h},
        **options,
    )


def encode_all(X: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    h, states = h0, []
    for s in range(X.shape[1]):
        h = torch.tanh(X[:, s] @ W_x + h @ W_h + b)
        states.append(h)
    return torch.stack(states, dim=1)


def flawed_encode(
    X: Any,
    lengths: Any,
    h0: Any,
    W_x: Any,
    W_h: Any,
    b: Any,
    *,
    last: str = "real",
    start: str = "h0",
    collect: str = "after",
    order: str = "states first",
    graph: str = "kept",
) -> Any:
    """The encoder with switches that break it."""
    if start == "zeros":
        h0 = torch.zeros_like(h0)
    states = encode_all(X, h0, W_x, W_h, b)
    if graph == "cut":
        states = states.detach()
    rows, S = torch.arange(len(X)), X.shape[1]
    real = (torch.arange(S) < lengths[:, None]).to(states.dtype)[..., None]
    final = {
        "real": lambda: states[rows, lengths - 1],
        "padded": lambda: states[:, -1],
        "one too late": lambda: states[rows, lengths.clamp(max=S - 1)],
        "mean": lambda: states.mean(dim=1),
        "mean of real": lambda: (states * real).sum(dim=1) / lengths[:, None],
        "first length": lambda: states[:, lengths[0] - 1],
    }[last]()
    if collect == "before":
        states = torch.cat([h0[:, None], states[:, :-1]], dim=1)
    elif collect == "h0 as well":
        states = torch.cat([h0[:, None], states], dim=1)
    elif collect == "time first":
        states = states.transpose(0, 1)
    elif collect == "float32":
        states, final = states.float(), final.float()
    if order in ("states alone", "last alone"):
        return states if order == "states alone" else final
    return (states, final) if order == "states first" else (final, states)


def encode_with_zeroed_padding(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    real = torch.arange(X.shape[1]) < lengths[:, None]
    states = encode_all(X * real[..., None], h0, W_x, W_h, b)
    return states, states[:, -1]


def encode_without_chain(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    states = torch.tanh(X @ W_x + (h0 @ W_h)[:, None] + b)
    return states, states[torch.arange(len(X)), lengths - 1]


def encode_holding(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    h, states = h0, []
    for s in range(X.shape[1]):
        h = torch.where((s < lengths)[:, None], torch.tanh(X[:, s] @ W_x + h @ W_h + b), h)
        states.append(h)
    return torch.stack(states, dim=1), h


def encode_one_by_one(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    rows, finals = [], []
    for x, length, h in zip(X, lengths.tolist(), h0, strict=True):
        states = []
        for s in range(length):
            h = torch.tanh(x[s] @ W_x + h @ W_h + b)
            states.append(h)
        finals.append(h)
        rows.append(torch.stack([*states, *[torch.zeros_like(h)] * (len(x) - length)]))
    return torch.stack(rows), torch.stack(finals)


def encode_gathering(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any, *, batch_first: bool = True) -> Any:
    projected = torch.einsum("bsi,ij->sbj", X, W_x) + b
    states = [h0]
    for x in projected:
        states.append(torch.tanh(x + states[-1] @ W_h))
    every = torch.stack(states[1:], dim=1)
    place = (lengths - 1)[:, None, None].expand(-1, 1, every.shape[2])
    return [every, every.gather(1, place).squeeze(1)]


def encode_from_torch(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    states, _ = torch.rnn_tanh(
        X, h0[None], [W_x.T.contiguous(), W_h.T.contiguous(), b, torch.zeros_like(b)], True, 1, 0.0, False, False, True
    )
    chosen = torch.nn.functional.one_hot(lengths - 1, X.shape[1]).to(X.dtype)
    return states, torch.einsum("bs,bsh->bh", chosen, states)


def encode_squeezed(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    """Right, but for axes of length 1, which are lost."""
    states, h = [], h0
    for s in range(X.shape[1]):
        h = torch.tanh(X[:, s] @ W_x + h @ W_h + b)
        states.append(h)
    every = torch.stack(states, dim=1)
    return every.squeeze(), every[torch.arange(len(X)), lengths - 1].squeeze()


def encode_backwards(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    states = encode_all(X.flip(1), h0, W_x, W_h, b).flip(1)
    return states, states[torch.arange(len(X)), lengths - 1]


def encode_restarting(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    """The second example goes on where the first one ended."""
    states, finals, h = [], [], h0[:1]
    for x, length in zip(X, lengths.tolist(), strict=True):
        row = encode_all(x[None], h, W_x, W_h, b)[0]
        states.append(row)
        h = row[length - 1][None]
        finals.append(h[0])
    return torch.stack(states), torch.stack(finals)


def encode_overwriting_h0(X: Any, lengths: Any, h0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
    states = encode_all(X, h0, W_x, W_h, b)
    last = states[torch.arange(len(X)), lengths - 1]
    with torch.no_grad():
        h0.copy_(last)
    return states, last


EXERCISE = Exercise(
    number="1.2",
    title="encode",
    names=("encode",),
    minutes=15,
    reference=reference.encode,
    outputs=(Output("states", ("B", "S", "d_h")), Output("last state", ("B", "d_h"))),
    public=lambda rng: [
        encode_case(rng, [3, 1], 3, 2, 2, draw=small),
        encode_case(rng, [2, 4, 3], 5, 2, 3, draw=small),
        encode_case(rng, [2, 1], 2, 1, 2, gradient=True, draw=small),
        encode_case(rng, [2], 3, 2, 2, draw=small),
        encode_case(rng, [3, 3], 3, 2, 2, draw=small),
    ],
    tests=(
        Test(
            "no padding",
            "each state is made from the one before, starting at h0, and all of them are returned",
            lambda rng: [encode_case(rng, [3, 3], 3, 2, 4), encode_case(rng, [2], 2, 1, 3), encode_case(rng, [1, 1], 1, 2, 1)],
        ),
        Test(
            "padding",
            "the state after the last real token, whatever stands at padding",
            lambda rng: [encode_case(rng, [2, 5, 1], 6, 3, 4), encode_case(rng, [1, 4], 4, 2, 2)],
        ),
        Test("number types", "float32 stays float32", lambda rng: [encode_case(rng, [2, 3], 4, 3, 2, dtype="float32")]),
        Test(
            "gradients",
            "gradients reach X, h0, both matrices and the bias",
            lambda rng: [encode_case(rng, [3, 1, 2], 4, 2, 3, gradient=True)],
        ),
    ),
    flawed=flawed_encode,
    mistakes=(
        Mistake(
            "last-padded-state",
            "the state after the last padded position",
            "The last state is at the end of the array.",
            "A short sequence ends before the array does. After which step has it read its last real token?",
            "step 3 of the stub",
            switches={"last": "padded"},
        ),
        Mistake(
            "one-too-late",
            "the state one position after the last real token",
            "A sequence of length 3 ends at 3.",
            "Positions count from 0.",
            "step 3 of the stub",
            switches={"last": "one too late"},
        ),
        Mistake(
            "mean-over-padding",
            "the mean of all states, padding included",
            "The context should summarise every state.",
            "The context is one state, not an average.",
            "the equation above the stub",
            switches={"last": "mean"},
        ),
        Mistake(
            "mean-over-real-tokens",
            "the mean of the real states",
            "The context should summarise every real state.",
            "The context is one state, not an average.",
            "the equation above the stub",
            switches={"last": "mean of real"},
        ),
        Mistake(
            "one-length-for-all",
            "the first example's length used for the whole batch",
            "All sequences in a batch are equally long.",
            "Each row has a length of its own.",
            "step 3 of the stub",
            switches={"last": "first length"},
        ),
        Mistake(
            "h0-ignored",
            "a start from zeros instead of h0",
            "An RNN starts at zero.",
            "What is the argument h0 for?",
            "step 1 of the stub",
            switches={"start": "zeros"},
        ),
        Mistake(
            "states-before-the-step",
            "the states before each step, with h0 in front",
            "The state at s is what was there when token s arrived.",
            "State s has read token s.",
            "step 2 of the stub",
            switches={"collect": "before"},
        ),
        Mistake(
            "results-swapped",
            "the last state returned before all states",
            "The last state is the result, the others are extra.",
            "Read the last lines of the docstring.",
            "the return line",
            switches={"order": "last first"},
        ),
        Mistake(
            "states-detached",
            "states cut off from the graph",
            "Old states are only stored.",
            "Training needs the way back through every step.",
            "your use of detach, tolist or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "padding-set-to-zero",
            "padding set to zero and read as if it were words",
            "A zero input changes nothing.",
            "tanh(0 · W_x + h W_h + b) is not h.",
            "step 3 of the stub",
            code=encode_with_zeroed_padding,
        ),
        Mistake(
            "no-chain",
            "every step started from h0 again",
            "The state is updated by each token.",
            "Which state does step s = 1 start from?",
            "step 2 of the stub",
            code=encode_without_chain,
        ),
        Mistake(
            "squeezed",
            "every axis of length 1 squeezed away",
            "squeeze() tidies the shape up.",
            "What does squeeze() do to a batch of one, or a sentence of one token?",
            "your use of squeeze",
            code=encode_squeezed,
        ),
        Mistake(
            "h0-among-the-states", "h0 returned as one of the states, in front", "The chain begins with h0.",
            "How many states do S tokens make? State 0 has read token 0.", "step 2 of the stub", switches={"collect": "h0 as well"},
        ),
        Mistake(
            "time-first", "states stacked time first", "The list of states is stacked as it is.",
            "Which axis of the result is the batch?", "step 2 of the stub", switches={"collect": "time first"},
        ),
        Mistake(
            "always-float32", "everything turned into float32, as torch.zeros makes it", "torch.zeros makes numbers like mine.",
            "torch.zeros has an argument dtype.", "your use of torch.zeros", switches={"collect": "float32"},
        ),
        Mistake(
            "states-alone", "all states without the last one", "The last state is among the states.",
            "Read the docstring's return line.", "the return line", switches={"order": "states alone"},
        ),
        Mistake(
            "last-state-alone", "the last state without the others", "The context is the result.",
            "Read the docstring's return line.", "the return line", switches={"order": "last alone"},
        ),
        Mistake(
            "read-backwards", "the sequence read from right to left", "Reversed sources are easier.",
            "State s has read the tokens 0 … s.", "step 2 of the stub", code=encode_backwards,
        ),
        Mistake(
            "state-carried-across-examples", "each example starting from the state where the last one ended", "The state is carried on.",
            "Which argument says where example b starts?", "step 1 of the stub", code=encode_restarting,
        ),
        Mistake(
            "h0-overwritten", "the last state written into the caller's h0", "The state is updated.",
            "The caller may still need h0.", "the return line", code=encode_overwriting_h0,
        ),
    ),
    variants=(
        Variant("states held at padding", encode_holding),
        Variant("one example at a time, zeros at padding", encode_one_by_one),
        Variant("gathered, list returned, extra keyword", encode_gathering),
        Variant("torch's RNN, picked by one-hot", encode_from_torch),
    ),
)
