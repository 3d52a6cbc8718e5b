"""Notebook 1, the bottleneck: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import StepTable
from autograder.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb01 as reference

Rng = np.random.Generator


# 1.1 rnn_step --------------------------------------------------------------------------------------------------------


def small(rng: Rng, *shape: int) -> np.ndarray:
    """Rounded numbers that leave the tanh away from its flat ends."""
    return rounded(rng, *shape, scale=0.5)


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


RNN_STEP = Exercise(
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


# 1.2 encode ----------------------------------------------------------------------------------------------------------


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


ENCODE = Exercise(
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
    ],
    tests=(
        Test(
            "no padding",
            "each state is made from the one before, starting at h0, and all of them are returned",
            lambda rng: [encode_case(rng, [3, 3], 3, 2, 4)],
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
    ),
    variants=(
        Variant("states held at padding", encode_holding),
        Variant("one example at a time, zeros at padding", encode_one_by_one),
        Variant("gathered, list returned, extra keyword", encode_gathering),
        Variant("torch's RNN, picked by one-hot", encode_from_torch),
    ),
)


# 1.3 decode_greedy ---------------------------------------------------------------------------------------------------


def decode_case(rng: Rng, B: int, V: int, d: int, max_len: int, bos: int = 1, **options: Any) -> Case:
    """A decoder whose choices hang on its token and its state, with clear winners at every step."""
    step = StepTable(
        np.round(normal(rng, d, d, scale=1.2), 1),
        np.round(normal(rng, V, d), 1),
        np.round(normal(rng, d, V, scale=2.0), 1),
    )
    return Case(args=(rounded(rng, B, d), step, bos, max_len), sizes={"B": B, "max_len": max_len}, **options)


def flawed_decode(
    context: Any,
    step: Any,
    bos: int,
    max_len: int,
    *,
    state: str = "new",
    token: str = "fed back",
    pick: str = "largest",
    start: str = "context",
    keep: str = "chosen",
    layout: str = "batch first",
) -> Any:
    """Greedy decoding with switches that break it."""
    tokens = torch.full((len(context),), bos)
    h = context if start == "context" else torch.zeros_like(context)
    written = [tokens] if keep == "with bos" else []
    while len(written) < max_len:
        logits, after = step(tokens, h)
        h = after if state == "new" else h
        chosen = {
            "largest": lambda scores: scores.argmax(dim=1),
            "smallest": lambda scores: scores.argmin(dim=1),
            "largest size": lambda scores: scores.abs().argmax(dim=1),
            "first row": lambda scores: scores.argmax(dim=1)[:1].expand(len(context)),
        }[pick](logits)
        tokens = chosen if token == "fed back" else tokens
        written.append(chosen)
    return torch.stack(written, dim=1 if layout == "batch first" else 0)


def decode_one_short(context: Any, step: Any, bos: int, max_len: int) -> Any:
    return (
        flawed_decode(context, step, bos, max_len - 1)
        if max_len > 1
        else torch.zeros(len(context), 0, dtype=torch.int64)
    )


def decode_as_floats(context: Any, step: Any, bos: int, max_len: int) -> Any:
    written = torch.zeros(len(context), max_len)
    written[:] = flawed_decode(context, step, bos, max_len)
    return written


def decode_filling(context: Any, step: Any, bos: int, max_len: int) -> Any:
    written = torch.zeros(context.shape[0], max_len, dtype=torch.long)
    tokens, h = torch.tensor([bos] * context.shape[0]), context.clone()
    for t in range(max_len):
        logits, h = step(tokens, h)
        tokens = written[:, t] = torch.softmax(logits, dim=-1).max(dim=-1).indices
    return written


def decode_rows_apart(context: Any, step: Any, bos: int, max_len: int) -> Any:
    rows = []
    for h in context.split(1):
        tokens = [torch.tensor([bos])]
        for _ in range(max_len):
            logits, h = step(tokens[-1], h)
            tokens.append(logits.topk(1, dim=-1).indices[:, 0])
        rows.append(torch.cat(tokens[1:]))
    return torch.stack(rows)


def decode_recursively(context: Any, step: Any, bos: int, max_len: int, *, written: Any = ()) -> Any:
    if len(written) == max_len:
        return torch.stack(written, dim=1)
    tokens = written[-1] if written else torch.full((len(context),), bos, dtype=torch.int64)
    logits, h = step(tokens, context)
    return decode_recursively(h, step, bos, max_len, written=(*written, logits.argsort(dim=-1, descending=True)[:, 0]))


DECODE_GREEDY = Exercise(
    number="1.3",
    title="decode_greedy",
    names=("decode_greedy",),
    minutes=10,
    reference=reference.decode_greedy,
    outputs=(Output("tokens", ("B", "max_len")),),
    public=lambda rng: [decode_case(rng, 2, 5, 3, 5), decode_case(rng, 3, 6, 4, 7, bos=2)],
    tests=(
        Test(
            "first token",
            "the token with the largest logit after bos, with h starting as the context",
            lambda rng: [decode_case(rng, 5, 7, 3, 1), decode_case(rng, 4, 5, 2, 1, bos=3)],
        ),
        Test(
            "fed back",
            "each step gets the token just chosen and the state just returned",
            lambda rng: [decode_case(rng, 3, 7, 4, 9), decode_case(rng, 6, 5, 3, 6, bos=0)],
        ),
        Test(
            "one example and number types",
            "int64 tokens (B, max_len), also for a batch of one and for float32",
            lambda rng: [decode_case(rng, 1, 6, 3, 5), decode_case(rng, 4, 6, 3, 4, dtype="float32")],
        ),
    ),
    flawed=flawed_decode,
    mistakes=(
        Mistake(
            "stale-state",
            "the context handed to every step, and the new state dropped",
            "The decoder reads the context.",
            "What does `step` return besides the logits?",
            "step 2 of the stub",
            switches={"state": "stale"},
        ),
        Mistake(
            "bos-every-time",
            "bos handed to every step",
            "Each step starts a token.",
            "Which token did the decoder write last?",
            "step 2 of the stub",
            switches={"token": "bos"},
        ),
        Mistake(
            "bos-kept",
            "bos kept as the first token",
            "A sequence begins with bos.",
            "max_len tokens, and bos is not one of them.",
            "the docstring",
            switches={"keep": "with bos"},
        ),
        Mistake(
            "smallest-logit",
            "the smallest logit chosen",
            "Less is more likely, as with a loss.",
            "Logits grow with probability.",
            "step 3 of the stub",
            switches={"pick": "smallest"},
        ),
        Mistake(
            "largest-absolute-logit",
            "the logit furthest from zero chosen",
            "A strong logit is a likely one.",
            "A very negative logit is a very unlikely token.",
            "step 3 of the stub",
            switches={"pick": "largest size"},
        ),
        Mistake(
            "first-row-for-all",
            "the first example's token written for the whole batch",
            "The largest logit decides.",
            "Each row of the batch has a largest logit of its own.",
            "step 3 of the stub",
            switches={"pick": "first row"},
        ),
        Mistake(
            "context-not-used",
            "a start from zeros instead of the context",
            "A decoder starts empty.",
            "How else could the decoder know what was read?",
            "step 1 of the stub",
            switches={"start": "zeros"},
        ),
        Mistake(
            "time-first",
            "tokens stacked time first",
            "The list of tokens is stacked as it is.",
            "Which axis of the result is the batch?",
            "step 4 of the stub",
            switches={"layout": "time first"},
        ),
        Mistake(
            "one-short",
            "one token too few",
            "bos counts as a token.",
            "bos is not included in max_len.",
            "the docstring",
            code=decode_one_short,
        ),
        Mistake(
            "tokens-as-floats",
            "tokens as floating-point numbers",
            "Numbers are numbers.",
            "Tokens are used as indices afterwards.",
            "step 4 of the stub",
            code=decode_as_floats,
        ),
    ),
    variants=(
        Variant("filled into an array", decode_filling),
        Variant("rows apart", decode_rows_apart),
        Variant("recursive, extra keyword", decode_recursively),
    ),
)


# 1.4 additive_scores -------------------------------------------------------------------------------------------------


def scores_case(rng: Rng, B: int, S: int, d_s: int, d_h: int, d_a: int, *, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, B, d_s), draw(rng, B, S, d_h), draw(rng, d_s, d_a), draw(rng, d_h, d_a), draw(rng, d_a))
    return Case(args=args, sizes={"B": B, "S": S, "d_s": d_s, "d_h": d_h, "d_a": d_a}, **options)


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
    graph: str = "kept",
) -> Any:
    """Additive scores with switches that break them."""
    if graph == "cut":
        s = s.detach()
    query = (s @ W_q)[:, None] if line_up == "batch" else s @ W_q
    keys = H @ W_k
    curve = {"tanh": torch.tanh, "none": lambda z: z, "relu": torch.relu, "sigmoid": torch.sigmoid}[squash]
    hidden = {
        "sum": lambda: curve(query + keys),
        "each": lambda: curve(query) + curve(keys),
        "product": lambda: curve(query * keys),
    }[where]()
    scores = hidden @ v
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


ADDITIVE_SCORES = Exercise(
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
    ],
    tests=(
        Test(
            "unequal sizes",
            "tanh(s W_q + H W_k) · v for every position of every example, for any B, S, d_s, d_h and d_a",
            lambda rng: [
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
    ),
    variants=(
        Variant("as in the equation", scores_plain),
        Variant("position by position", scores_position_by_position),
        Variant("one concatenated layer", scores_concatenated),
        Variant("tanh from a sigmoid, extra keyword", scores_by_sigmoid),
    ),
)


# 1.5 masked_softmax --------------------------------------------------------------------------------------------------


def masked_case(scores: Any, mask: Any, **options: Any) -> Case:
    sizes = {"B": scores.shape[0], "S": scores.shape[-1]} if scores.ndim == 2 else {}
    return Case(args=(scores, np.asarray(mask, dtype=bool)), sizes=sizes, **options)


def some_mask(rng: Rng, *shape: int) -> np.ndarray:
    """A random mask (shape) with at least one True in every row."""
    mask = rng.random(shape) < 0.5
    mask[..., int(rng.integers(shape[-1]))] = True
    return mask


def few_allowed(rows: int, S: int, empty: int) -> np.ndarray:
    """A mask (rows, S) that allows one position less in each row, and nothing in row `empty`."""
    mask = np.arange(S) < S - np.arange(rows)[:, None]
    mask[empty] = False
    return mask


def flawed_masked_softmax(
    scores: Any,
    mask: Any,
    *,
    axis: str = "last",
    hide: str = "before",
    polarity: str = "may",
    empty: str = "zeros",
    shift: str = "allowed",
    graph: str = "kept",
    width: str = "kept",
) -> Any:
    """A masked softmax with switches that break it."""
    if graph == "cut":
        scores = scores.detach()
    if width == "double":
        scores = scores.double()
    allowed = (mask if polarity == "may" else ~mask).expand(scores.shape)
    dim = -1 if axis == "last" else 0
    finite = {
        "before": torch.finfo(scores.dtype).min,
        "minus ten": -10.0,
        "zero": 0.0,
        "after": None,
        "after, shared again": None,
        "not at all": None,
    }[hide]
    hidden = scores if finite is None else torch.where(allowed, scores, finite)
    shifted = hidden - hidden.amax(dim=dim, keepdim=True) if shift == "allowed" else hidden
    shares = shifted.exp()
    if hide == "before":
        shares = shares * allowed
    total = shares.sum(dim=dim, keepdim=True)
    if empty == "zeros" and hide == "before":
        total = total.where(total > 0, 1.0)
    weights = shares / total
    if hide in ("after", "after, shared again"):
        weights = weights * allowed
    if hide == "after, shared again":
        weights = weights / weights.sum(dim=dim, keepdim=True)
    if empty == "uniform":
        weights = weights.where(allowed.any(dim=dim, keepdim=True), 1 / scores.shape[dim])
    return weights


def masked_in_place(scores: Any, mask: Any) -> Any:
    with torch.no_grad():
        scores.masked_fill_(~mask, -1e30)
    return torch.softmax(scores, dim=-1) * mask


def masked_by_filling(scores: Any, mask: Any) -> Any:
    filled = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(filled, dim=-1).masked_fill(~mask, 0.0)


def masked_by_sums(scores: Any, mask: Any) -> Any:
    mask = mask.expand_as(scores)
    top = torch.where(mask, scores, -math.inf).amax(-1, keepdim=True)
    shares = torch.where(mask, scores - torch.where(top.isinf(), 0.0, top), -math.inf).exp()
    return shares / shares.sum(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)


def masked_with_nan_replaced(scores: Any, mask: Any) -> Any:
    weights = torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1)
    return torch.where(torch.isnan(weights), torch.zeros_like(weights), weights)


def masked_row_by_row(scores: Any, mask: Any) -> Any:
    flat, allowed = scores.reshape(-1, scores.shape[-1]), mask.expand(scores.shape).reshape(-1, scores.shape[-1])
    rows = []
    for row, kept in zip(flat, allowed, strict=True):
        weights = torch.zeros_like(row)
        rows.append(weights.index_put((kept.nonzero()[:, 0],), row[kept].softmax(0)) if kept.any() else weights)
    return torch.stack(rows).reshape(scores.shape)


def masked_with_safe_rows(scores: Any, mask: Any, *, dim: int = -1) -> Any:
    empty = ~mask.any(dim=dim, keepdim=True)
    weights = torch.where(mask | empty, scores, -math.inf).softmax(dim)
    return weights * (~empty)


MASKED_SOFTMAX = Exercise(
    number="1.5",
    title="masked_softmax",
    names=("masked_softmax",),
    minutes=15,
    reference=reference.masked_softmax,
    outputs=(Output("weights", ("...", "S"), properties=("not negative", "rows sum to 1")),),
    public=lambda rng: [
        masked_case(rounded(rng, 2, 3), [[True, True, True], [True, False, True]]),
        masked_case(rounded(rng, 2, 3), [[False, False, False], [False, True, True]]),
        masked_case(
            np.array([[800.0, 801.0, 3000.0, 799.0], [-900.0, -902.0, -901.0, -1000.0]]), [True, True, False, True]
        ),
        masked_case(rounded(rng, 2, 3), [[False, False, False], [True, False, True]], gradient=True, dtype="float32"),
    ],
    tests=(
        Test(
            "nothing masked",
            "an ordinary softmax over the last axis when everything is allowed",
            lambda rng: [masked_case(normal(rng, 3, 5), np.ones((3, 5)))],
        ),
        Test(
            "padding",
            "no weight on masked positions, and the others sum to 1",
            lambda rng: [
                masked_case(normal(rng, 4, 4), few_allowed(4, 4, 0)[::-1] | np.eye(4, dtype=bool)),
                masked_case(normal(rng, 3, 6), some_mask(rng, 3, 6)),
            ],
        ),
        Test(
            "broadcast masks",
            "the mask broadcasts to the shape of the scores, which may have any leading dimensions",
            lambda rng: [
                masked_case(normal(rng, 2, 3, 5), some_mask(rng, 2, 1, 5)),
                masked_case(normal(rng, 3, 4), some_mask(rng, 4)),
                masked_case(normal(rng, 5), some_mask(rng, 5)),
            ],
        ),
        Test(
            "large scores",
            "finite and right weights for scores in the thousands, masked ones above or below the others",
            lambda rng: [
                masked_case(normal(rng, 3, 5, scale=2000.0), some_mask(rng, 3, 5)),
                masked_case(normal(rng, 2, 4) + np.array([0.0, 0.0, 0.0, 3000.0]), [True, True, True, False]),
                masked_case(normal(rng, 2, 4) - 3000.0, [True, False, True, True]),
            ],
        ),
        Test(
            "nothing allowed",
            "all zeros in a row that is masked everywhere",
            lambda rng: [masked_case(normal(rng, 4, 3), few_allowed(4, 3, 1))],
        ),
        Test(
            "gradients and number types",
            "finite, right gradients, also beside a row with nothing allowed; float32 stays float32",
            lambda rng: [
                masked_case(normal(rng, 3, 4), few_allowed(3, 4, 1), gradient=True),
                masked_case(normal(rng, 3, 4), few_allowed(3, 4, 2), gradient=True, dtype="float32"),
            ],
        ),
    ),
    flawed=flawed_masked_softmax,
    mistakes=(
        Mistake(
            "softmax-over-batch",
            "softmax over the first axis instead of the last",
            "Softmax goes over axis 0.",
            "Which axis holds the positions that share one unit of attention?",
            "step 2 of the stub",
            switches={"axis": "first"},
        ),
        Mistake(
            "padding-not-masked",
            "the mask not used",
            "Padding is zero, so it does no harm.",
            "A score of 0 has the share e⁰ = 1 before dividing.",
            "step 1 of the stub",
            switches={"hide": "not at all"},
        ),
        Mistake(
            "masked-after-softmax",
            "the mask applied after the softmax",
            "Weights at padding are set to zero.",
            "Do the rows still sum to 1?",
            "step 1 of the stub",
            switches={"hide": "after"},
        ),
        Mistake(
            "shared-again-after-masking",
            "the mask applied after the softmax, and the rest divided by its sum",
            "Masking can be repaired by dividing again.",
            "What if a masked score is 3000 higher than the others: what is left to divide?",
            "step 1 of the stub",
            switches={"hide": "after, shared again"},
        ),
        Mistake(
            "filled-with-zero",
            "masked scores set to 0",
            "Zero means nothing.",
            "exp(0) is 1, not 0.",
            "step 1 of the stub",
            switches={"hide": "zero"},
        ),
        Mistake(
            "filled-with-minus-ten",
            "masked scores set to a number that is not low enough",
            "A clearly negative number is enough.",
            "What if all real scores are around −3000?",
            "step 1 of the stub",
            switches={"hide": "minus ten"},
        ),
        Mistake(
            "mask-inverted",
            "True taken as masked",
            "A mask says what to hide.",
            "In this course True means: may attend.",
            "the docstring",
            switches={"polarity": "blocked"},
        ),
        Mistake(
            "nan-without-anything-allowed",
            "NaN in a row with nothing allowed",
            "Every row has something to look at.",
            "0 divided by 0 is NaN. What should such a row be?",
            "step 3 of the stub",
            switches={"empty": "nan"},
        ),
        Mistake(
            "uniform-without-anything-allowed",
            "equal weights in a row with nothing allowed",
            "With no information, look everywhere.",
            "Nothing may be attended to, so no weight may go anywhere.",
            "step 3 of the stub",
            switches={"empty": "uniform"},
        ),
        Mistake(
            "overflow",
            "exponentials of the raw scores, which overflow",
            "The softmax is exp over sum.",
            "Take off the largest allowed score of each row first.",
            "step 2 of the stub",
            switches={"shift": "none"},
        ),
        Mistake(
            "scores-detached",
            "scores cut off from the graph",
            "Weights are only numbers.",
            "How would the scores learn?",
            "your use of detach, item or NumPy",
            switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64",
            "everything turned into float64",
            "More digits never hurt.",
            "Look at the number type of what goes in and what comes out.",
            "the docstring",
            switches={"width": "double"},
        ),
        Mistake(
            "changes-its-input",
            "the scores overwritten",
            "masked_fill_ saves memory.",
            "What does the caller's tensor hold afterwards?",
            "step 1 of the stub",
            code=masked_in_place,
        ),
    ),
    variants=(
        Variant("filled with the lowest number", masked_by_filling),
        Variant("exponentials and sums", masked_by_sums),
        Variant("NaN replaced by zeros", masked_with_nan_replaced),
        Variant("row by row over the allowed", masked_row_by_row),
        Variant("empty rows made safe first, extra keyword", masked_with_safe_rows),
    ),
)


# 1.6 context_vector --------------------------------------------------------------------------------------------------


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
) -> Any:
    """The context vector with switches that break it."""
    if graph == "cut":
        weights = weights.detach()
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


CONTEXT_VECTOR = Exercise(
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
    ),
    variants=(
        Variant("einsum", context_einsum),
        Variant("multiplied and summed", context_summed),
        Variant("example by example", context_example_by_example),
        Variant("matrix times column, extra keyword", context_matmul),
    ),
)


# 1.7 alignment_accuracy ----------------------------------------------------------------------------------------------


def alignment_case(weights: Any, gold: Any, **options: Any) -> Case:
    weights = np.asarray(weights, dtype=np.float64)
    B, T, S = weights.shape
    return Case(args=(weights, np.asarray(gold)), sizes={"B": B, "T": T, "S": S}, **options)


def drawn_alignment(
    rng: Rng, B: int, T: int, S: int, unaligned: float = 0.3, right: float = 0.4, **options: Any
) -> Case:
    """Random weights, with gold on the largest one in about the share `right` of the targets."""
    weights = rng.dirichlet(np.ones(S), size=(B, T))
    gold = rng.integers(0, S, size=(B, T))
    gold = np.where(rng.random((B, T)) < right, weights.argmax(axis=2), gold)
    return alignment_case(weights, np.where(rng.random((B, T)) < unaligned, -1, gold), **options)


TIES = [[[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.25, 0.5, 0.25], [0.0, 0.0, 0.0]]]


def flawed_alignment(
    weights: Any,
    gold: Any,
    *,
    count: str = "aligned",
    empty: str = "zero",
    over: str = "keys",
    ties: str = "first",
    measure: str = "largest",
    mean: str = "tokens",
    shift: int = 0,
) -> Any:
    """The alignment accuracy with switches that break it."""
    real = gold >= 0
    if ties == "first":
        chosen = weights.argmax(dim=-1 if over == "keys" else -2)
    else:
        chosen = weights.shape[-1] - 1 - weights.flip(-1).argmax(dim=-1 if over == "keys" else -2)
    hits = (chosen + shift == gold[..., : chosen.shape[-1]]).to(weights.dtype)
    if measure == "weight on gold":
        hits = weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0]
    elif measure == "above a half":
        hits = (weights.gather(-1, gold.clamp(min=0)[..., None])[..., 0] > 0.5).to(weights.dtype)
    if count == "padding wraps around":
        hits, real = (chosen == gold % weights.shape[-1]).to(weights.dtype), torch.ones_like(real)
    elif count == "all":
        hits, real = hits * real, torch.ones_like(real)
    if empty == "zero" and not real.any():
        return 0.0
    if mean == "sentences":
        return ((hits * real).sum(-1) / real.sum(-1).clamp(min=1)).mean().item()
    right = (hits * real).sum().item()
    if mean == "count":
        return right
    return right / real.sum().item() if real.any() else math.nan


def alignment_counted(weights: Any, gold: Any) -> Any:
    right = aligned = 0
    for row_weights, row_gold in zip(weights.tolist(), gold.tolist(), strict=True):
        for shares, place in zip(row_weights, row_gold, strict=True):
            if place != -1:
                aligned += 1
                right += max(range(len(shares)), key=shares.__getitem__) == place
    return right / max(aligned, 1)


def alignment_selected(weights: Any, gold: Any) -> Any:
    aligned = gold != -1
    if aligned.sum() == 0:
        return 0.0
    return (weights[aligned].max(dim=-1).indices == gold[aligned]).double().mean().item()


def alignment_in_numpy(weights: Any, gold: Any) -> Any:
    largest, places = weights.detach().numpy().argmax(axis=-1), gold.numpy()
    aligned = places >= 0
    return float((largest == places)[aligned].sum() / aligned.sum()) if aligned.any() else 0.0


def alignment_as_a_tensor(weights: Any, gold: Any, *, ignore: int = -1) -> Any:
    aligned = gold.ne(ignore)
    return (torch.argmax(weights, 2).eq(gold) & aligned).sum() / aligned.sum().clamp(min=1)


ALIGNMENT_ACCURACY = Exercise(
    number="1.7",
    title="alignment_accuracy",
    names=("alignment_accuracy",),
    minutes=10,
    starred=True,
    reference=reference.alignment_accuracy,
    outputs=(Output("accuracy", (), dtype=""),),
    public=lambda rng: [
        alignment_case([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.6, 0.1, 0.3], [0.2, 0.3, 0.5]]], [[0, 1, -1, -1]]),
        alignment_case([[[0.1, 0.9], [0.8, 0.2]], [[0.3, 0.7], [0.6, 0.4]]], [[1, -1], [0, 0]]),
        alignment_case(TIES, [[0, 1, 1, -1]]),
        alignment_case([[[0.5, 0.5]]], [[-1]]),
    ],
    tests=(
        Test(
            "unequal sizes",
            "the share of targets whose largest weight is on gold, over the keys",
            lambda rng: [
                drawn_alignment(rng, 3, 4, 6, unaligned=0.0),
                drawn_alignment(rng, 2, 7, 3, unaligned=0.0),
                drawn_alignment(rng, 3, 5, 5, unaligned=0.0),
            ],
        ),
        Test(
            "unaligned targets",
            "targets without a gold position do not count at all, whatever the sentence they are in",
            lambda rng: [
                drawn_alignment(rng, 4, 5, 4, unaligned=0.5),
                alignment_case([[[0.1, 0.9], [0.2, 0.8]], [[0.9, 0.1], [0.8, 0.2]]], [[1, 1], [1, -1]]),
            ],
        ),
        Test(
            "ties",
            "the first of several largest weights",
            lambda rng: [alignment_case(TIES, [[0, 1, 1, 0]]), alignment_case(TIES, [[1, 2, -1, 2]])],
        ),
        Test(
            "none aligned",
            "0 when no target has a gold position",
            lambda rng: [drawn_alignment(rng, 2, 3, 4, unaligned=1.0)],
        ),
        Test(
            "number types", "the same for float32 weights", lambda rng: [drawn_alignment(rng, 2, 6, 4, dtype="float32")]
        ),
    ),
    flawed=flawed_alignment,
    mistakes=(
        Mistake(
            "divided-by-all-targets",
            "unaligned targets counted as wrong",
            "Accuracy divides by the number of targets.",
            "Which targets can be right at all?",
            "step 1 of the stub",
            switches={"count": "all"},
        ),
        Mistake(
            "minus-one-is-the-last-position",
            "−1 taken as the last position",
            "An index of −1 is fine in Python.",
            "Here −1 means: aligned with nothing.",
            "step 1 of the stub",
            switches={"count": "padding wraps around"},
        ),
        Mistake(
            "nan-when-none-is-aligned",
            "NaN when nothing is aligned",
            "There is always something aligned.",
            "0 divided by 0: what does the stub ask for?",
            "step 3 of the stub",
            switches={"empty": "nan"},
        ),
        Mistake(
            "largest-over-targets",
            "the largest weight over the target positions",
            "The largest weight of each column.",
            "Each target has one row of weights. Which axis runs along it?",
            "step 2 of the stub",
            switches={"over": "targets"},
        ),
        Mistake(
            "last-on-a-tie",
            "the last of equal weights",
            "≥ while searching for the largest.",
            "The stub names the first one.",
            "step 2 of the stub",
            switches={"ties": "last"},
        ),
        Mistake(
            "weight-on-gold",
            "the mean weight on gold",
            "How much of the weight is on gold?",
            "Only the place of the largest weight counts here.",
            "step 2 of the stub",
            switches={"measure": "weight on gold"},
        ),
        Mistake(
            "more-than-half",
            "gold counted as found when it has more than half of the weight",
            "Looking at a word means giving it most of the weight.",
            "The largest weight can be well below a half.",
            "step 2 of the stub",
            switches={"measure": "above a half"},
        ),
        Mistake(
            "mean-of-sentences",
            "the mean of the sentences' accuracies",
            "Each sentence counts the same.",
            "Each aligned target counts the same.",
            "step 3 of the stub",
            switches={"mean": "sentences"},
        ),
        Mistake(
            "a-count",
            "how many are right, not their share",
            "Count the hits.",
            "A share lies between 0 and 1.",
            "step 3 of the stub",
            switches={"mean": "count"},
        ),
        Mistake(
            "positions-from-one",
            "positions counted from 1",
            "Gold positions count as people do.",
            "Positions count from 0 on both sides.",
            "step 2 of the stub",
            switches={"shift": 1},
        ),
    ),
    variants=(
        Variant("counted in loops", alignment_counted),
        Variant("aligned rows selected", alignment_selected),
        Variant("NumPy", alignment_in_numpy),
        Variant("a tensor returned, extra keyword", alignment_as_a_tensor),
    ),
)


# 1.8 tokens_that_fit -------------------------------------------------------------------------------------------------


def fit_case(d_h: int, bits_per_number: int, V: int) -> Case:
    return Case(args=(d_h, bits_per_number, V))


def flawed_fit(
    d_h: int,
    bits_per_number: int,
    V: int,
    *,
    logarithm: str = "of 2",
    rounding: str = "down",
    bits: str = "all",
    boundary: str = "included",
) -> Any:
    """The number of tokens that fit, with switches that break it."""
    total = {
        "all": d_h * bits_per_number,
        "numbers": d_h,
        "one number": bits_per_number,
        "squared": d_h * d_h * bits_per_number,
    }[bits]
    per_token = {
        "of 2": math.log2(V),
        "natural": math.log(V),
        "of 10": math.log10(V),
        "whole bits": max(1, (V - 1).bit_length()),
        "the vocabulary": V,
    }[logarithm]
    roundings: dict[str, Any] = {"down": math.floor, "up": math.ceil, "nearest": round}
    n = roundings[rounding](total / per_token)
    if boundary == "excluded" and V**n == 2**total:
        n -= 1
    return n


def fit_by_natural_logarithms(d_h: int, bits_per_number: int, V: int) -> Any:
    return int(d_h * bits_per_number * math.log(2) / math.log(V))


def fit_by_counting(d_h: int, bits_per_number: int, V: int) -> Any:
    states, n = 2 ** (d_h * bits_per_number), 0
    while V ** (n + 1) <= states:
        n += 1
    return n


def fit_by_dividing(d_h: int, bits_per_number: int, V: int) -> Any:
    states, n = 1 << (d_h * bits_per_number), 0
    while states >= V:
        states //= V
        n += 1
    return n


def fit_by_halving(d_h: int, bits_per_number: int, V: int) -> Any:
    low, high = 0, d_h * bits_per_number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if V**middle <= 2 ** (d_h * bits_per_number) else (low, middle - 1)
    return low


def fit_by_logarithm_of_2(d_h: int, bits_per_number: int, V: int, *, exact: bool = True) -> Any:
    n = math.floor(d_h * bits_per_number / math.log2(V))
    return n - 1 if exact and V**n > 2 ** (d_h * bits_per_number) else n


TOKENS_THAT_FIT = Exercise(
    number="1.8",
    title="tokens_that_fit",
    names=("tokens_that_fit",),
    minutes=10,
    starred=True,
    reference=reference.tokens_that_fit,
    outputs=(Output("number of tokens", (), dtype=""),),
    public=lambda rng: [
        fit_case(2, 3, 2),
        fit_case(2, 3, 10),
        fit_case(6, 5, 10),
        fit_case(3, 5, 8),
        fit_case(4, 8, 100),
        fit_case(3, 17, 2),
    ],
    tests=(
        Test(
            "small sizes",
            "the largest n with V^n ≤ 2^(d_h · bits)",
            lambda rng: [fit_case(2, 4, 3), fit_case(5, 3, 10), fit_case(7, 2, 29), fit_case(2, 9, 6)],
        ),
        Test(
            "it fits exactly",
            "n tokens fit when V^n is exactly 2^(d_h · bits)",
            lambda rng: [
                fit_case(3, 7, 8),
                fit_case(29, 1, 2),
                fit_case(6, 5, 64),
                fit_case(5, 11, 2),
                fit_case(5, 7, 32),
                fit_case(4, 16, 16),
                fit_case(5, 22, 4),
            ],
        ),
        Test(
            "nothing fits",
            "0 when there are fewer states than tokens",
            lambda rng: [fit_case(1, 3, 9), fit_case(2, 2, 1000)],
        ),
        Test(
            "real sizes",
            "the same for the widths and vocabularies of real models",
            lambda rng: [fit_case(512, 32, 30_000), fit_case(1000, 16, 50_257)],
        ),
    ),
    flawed=flawed_fit,
    mistakes=(
        Mistake(
            "natural-logarithm",
            "natural logarithms against bits",
            "log is log.",
            "A bit is a choice between 2. Which logarithm counts those?",
            "step 2 of the stub",
            switches={"logarithm": "natural"},
        ),
        Mistake(
            "logarithm-of-10",
            "logarithms of base 10 against bits",
            "log means base 10.",
            "A bit is a choice between 2. Which logarithm counts those?",
            "step 2 of the stub",
            switches={"logarithm": "of 10"},
        ),
        Mistake(
            "whole-bits-per-token",
            "a whole number of bits for each token",
            "A token out of 10 needs 4 bits.",
            "Together, tokens can share a bit: 3 tokens out of 10 are 1000 cases, and 10 bits are enough.",
            "step 2 of the stub",
            switches={"logarithm": "whole bits"},
        ),
        Mistake(
            "vocabulary-as-bits",
            "V bits for each token",
            "A token is a one-hot vector of V numbers.",
            "How many questions with yes or no single out one of V?",
            "step 2 of the stub",
            switches={"logarithm": "the vocabulary"},
        ),
        Mistake(
            "rounded-up",
            "the number rounded up",
            "The last token fits nearly.",
            "Check your n in the inequality.",
            "step 3 of the stub",
            switches={"rounding": "up"},
        ),
        Mistake(
            "rounded-to-nearest",
            "the number rounded to the nearest",
            "Rounding is fair.",
            "Check your n in the inequality.",
            "step 3 of the stub",
            switches={"rounding": "nearest"},
        ),
        Mistake(
            "precision-ignored",
            "one bit for each number of the vector",
            "A vector of d_h numbers holds d_h bits.",
            "How many bits has one number?",
            "step 1 of the stub",
            switches={"bits": "numbers"},
        ),
        Mistake(
            "width-ignored",
            "the bits of one number only",
            "bits_per_number are the bits there are.",
            "How many numbers are there?",
            "step 1 of the stub",
            switches={"bits": "one number"},
        ),
        Mistake(
            "less-than",
            "an exact fit left out",
            "Fewer sequences than states.",
            "≤ allows both sides to be equal.",
            "the equation above the stub",
            switches={"boundary": "excluded"},
        ),
        Mistake(
            "rounding-errors",
            "logarithms whose rounding loses an exact fit",
            "Logarithms are exact enough.",
            "Try V = 2 with many numbers of bits, or stay with whole numbers.",
            "step 3 of the stub",
            code=fit_by_natural_logarithms,
        ),
    ),
    variants=(
        Variant("counting up", fit_by_counting),
        Variant("dividing down", fit_by_dividing),
        Variant("halving the interval", fit_by_halving),
        Variant("logarithm of 2, checked, extra keyword", fit_by_logarithm_of_2),
    ),
)

EXERCISES = (
    RNN_STEP,
    ENCODE,
    DECODE_GREEDY,
    ADDITIVE_SCORES,
    MASKED_SOFTMAX,
    CONTEXT_VECTOR,
    ALIGNMENT_ACCURACY,
    TOKENS_THAT_FIT,
)
