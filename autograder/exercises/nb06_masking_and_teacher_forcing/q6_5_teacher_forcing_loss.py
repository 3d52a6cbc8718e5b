"""6.5 teacher_forcing_loss: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, TensorValue
from attnkit.checking.compare import Output
from attnkit.checking.execute import cotangent
from attnkit.checking.probes import NextTokenTable
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import (
    BOS,
    EOS,
    PAD_ID,
    entropy_one_hot,
    shift_cat,
    shift_pad,
)
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Rng, Run, Test, Variant, numbered_rng
from autograder.reference import nb06 as reference


def table_model(rng: Rng, V: int, S_tokens: int, T: int, digits: int | None = None, scale: float = 1.0) -> NextTokenTable:
    tables = [rng.standard_normal(shape) * scale for shape in ((V, V), (S_tokens, V), (T, V))]
    return NextTokenTable(*(np.round(table, digits) if digits is not None else table for table in tables))


def targets(rng: Rng, B: int, T: int, V: int, *, bos: int = BOS, eos: int = EOS, pad: int = PAD_ID, lengths: Sequence[int]) -> np.ndarray:
    """(B, T): words, eos as the last real one, then pad; a word is any token but bos, eos and pad."""
    y = rng.choice([word for word in range(V) if word not in (bos, eos, pad)], size=(B, T))
    for b, length in enumerate(np.resize(lengths, B)):
        y[b, length - 1] = eos
        y[b, length:] = pad
    return y


def forcing_case(rng: Rng, B: int, T: int, V: int, S: int = 2, *, lengths: Sequence[int], bos: int = BOS, eos: int = EOS, pad: int = PAD_ID,
                 digits: int | None = None, gradient: bool = False) -> Case:
    y = targets(rng, B, T, V, bos=bos, eos=eos, pad=pad, lengths=lengths)
    args = (table_model(rng, V, 4, T, digits), rng.integers(1, 4, size=(B, S)), y, bos, pad)
    return Case(args=args, gradient=gradient, sizes={"B": B, "T": T, "V": V, "S": S})


def token_costs(logits: Any, y: Any) -> Any:
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), y.clamp(min=0), reduction="none")


def flawed_forcing(model: Any, src: Any, tgt: Any, bos: int, pad: int, *, shift: int = 1, mean: str = "real", compare: str = "tgt",
                   start: str = "bos", graph: str = "kept", order: str = "src first", ignore: str = "pad", positions: str = "all") -> Any:
    """The teacher-forced loss with switches that break it."""
    first = torch.full_like(tgt[:, :1], bos if start == "bos" else pad)
    tgt_in = torch.cat([first] * shift + [tgt], dim=1)[:, : tgt.shape[1]]
    logits = model(src, tgt_in) if order == "src first" else model(tgt_in, src)
    if graph == "cut":
        logits = logits.detach()
    y = tgt if compare == "tgt" else tgt_in
    real = y != (pad if ignore == "pad" else 0)
    costs = token_costs(logits, y)
    if positions == "last":
        real, costs = real[:, -1:], costs[:, -1:]
    elif positions == "not the first":
        real, costs = real[:, 1:], costs[:, 1:]
    if mean == "everything":
        return costs.mean()
    if mean == "sentences":
        return ((costs * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()
    total = (costs * real).sum()
    return total if mean == "none" else total / real.sum().clamp(min=1)


def forcing_by_cutting(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    """Without bos: the first token is never predicted."""
    logits = model(src, tgt)[:, :-1]
    real = tgt[:, 1:] != pad
    return (token_costs(logits, tgt[:, 1:]) * real).sum() / real.sum().clamp(min=1)


def forcing_free_running(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    """The model's own tokens fed back: no teacher."""
    prefix = torch.full_like(tgt[:, :1], bos)
    for _ in range(tgt.shape[1] - 1):
        prefix = torch.cat([prefix, model(src, prefix)[:, -1:].argmax(dim=-1)], dim=1)
    real = tgt != pad
    return (token_costs(model(src, prefix), tgt) * real).sum() / real.sum().clamp(min=1)


def forcing_plain(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    logits = model(src, shift_cat(tgt, bos))
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tgt.flatten(), ignore_index=pad)


def forcing_appended(model: Any, src: Any, tgt: Any, bos: int, pad: int) -> Any:
    whole = torch.cat([torch.full((len(tgt), 1), bos), tgt], dim=1)
    logs = torch.log_softmax(model(src, whole[:, :-1]), dim=-1)
    real = whole[:, 1:] != pad
    return -logs.gather(2, tgt.unsqueeze(2)).squeeze(2)[real].mean()


def forcing_own_entropy(model: Any, src: Any, tgt: Any, bos: int, pad: int, *, cross_entropy: Any = entropy_one_hot) -> Any:
    return cross_entropy(model(src, shift_pad(tgt, bos)), tgt, pad)


READS = {
    "the target itself, unshifted": "no-shift",
    "the target shifted twice": "double-shift",
    "another token than bos at the front": "starts-with-pad",
    "the target before the source": "target-first",
}


def judge_input(run: Run) -> None:
    """One call of the model, with the source and the target shifted by one behind bos."""
    rng = numbered_rng(65)
    for case in (forcing_case(rng, 3, 4, 7, lengths=[4, 2, 3]), forcing_case(rng, 2, 3, 6, lengths=[3, 1], bos=5, pad=0), forcing_case(rng, 2, 4, 7, lengths=[4, 2], bos=0, eos=4, pad=6)):
        calls = run(case).callback_calls
        _, src, tgt, bos, pad = case.args
        wanted = "one call of the model, which reads the source and the target shifted right behind bos"
        if len(calls) != 1:
            raise JudgeFailure(wanted, "more than one call" if calls else "no call")
        read = [argument.data if isinstance(argument, TensorValue) else np.asarray(argument) for argument in calls[0]]
        right = reference.shift_right(tgt, bos)
        if len(read) != 2 or not np.array_equal(read[0], src) or not np.array_equal(read[1], right):
            found = _what_is_read(read, src, tgt, bos, pad)
            raise JudgeFailure(wanted, found, READS.get(found, ""))


def _what_is_read(read: list[np.ndarray], src: np.ndarray, tgt: np.ndarray, bos: int, pad: int) -> str:
    if len(read) != 2:
        return "another number of arguments"
    if np.array_equal(read[1], src):
        return "the target before the source"
    if not np.array_equal(read[0], src):
        return "another source"
    if np.array_equal(read[1], tgt):
        return "the target itself, unshifted"
    if np.array_equal(read[1], reference.shift_right(reference.shift_right(tgt, bos), bos)):
        return "the target shifted twice"
    if read[1].shape == tgt.shape and np.array_equal(read[1][:, 1:], tgt[:, :-1]):
        return "another token than bos at the front"
    return "another decoder input"


def judge_gradient(run: Run) -> None:
    """The gradient at the model's logits is that of the loss: (softmax − one-hot) / n, and 0 at padding."""
    rng = numbered_rng(66)
    for lengths in ([4, 2, 1], [3]):
        special = {"bos": 3, "eos": 0, "pad": 5} if len(lengths) == 1 else {}
        case = forcing_case(rng, 3, 4, 6, lengths=lengths, gradient=True, **special)
        outcome = run(case)
        gradients = [gradient for gradient in outcome.callback_gradients if gradient is not None]
        wanted = "the loss sends its gradient back into the model's logits, real tokens only"
        if not gradients:
            raise JudgeFailure(wanted, "no gradient reaches the logits", "graph-cut")
        right = float(cotangent(())) * reference.teacher_forcing_gradient(*case.args)
        if gradients[0].shape != right.shape or not np.allclose(gradients[0], right, atol=1e-7):
            raise JudgeFailure(wanted, "another gradient")


EXERCISE = Exercise(
    number="6.5",
    title="teacher_forcing_loss",
    names=("teacher_forcing_loss",),
    minutes=10,
    reference=reference.teacher_forcing_loss,
    outputs=(Output("mean cost", ()),),
    public=lambda rng: [
        forcing_case(rng, 1, 3, 5, lengths=[3], digits=1),
        forcing_case(rng, 2, 4, 6, lengths=[4, 2], digits=1),
        forcing_case(rng, 2, 3, 6, lengths=[3, 1], bos=4, digits=1),
        forcing_case(rng, 2, 4, 7, lengths=[4, 2], bos=0, eos=3, pad=6, digits=1),
        forcing_case(rng, 2, 2, 5, lengths=[2, 1], digits=1, gradient=True),
    ],
    tests=(
        Test("what the model reads", "the model reads the source, and the target shifted right behind bos, once", judge=judge_input),
        Test(
            "the loss", "the mean of −ln p(tgt) over the real tokens, each predicted from the right tokens before it",
            lambda rng: [forcing_case(rng, 3, 5, 7, 3, lengths=[5, 2, 3]), forcing_case(rng, 1, 1, 5, 1, lengths=[1])],
        ),
        Test(
            "no padding in the loss", "padding counts neither in the sum nor in the number of tokens",
            lambda rng: [forcing_case(rng, 3, 6, 6, lengths=[6, 1, 1]), forcing_case(rng, 2, 4, 7, lengths=[1, 2], bos=3), forcing_case(rng, 3, 4, 7, lengths=[4, 1, 2], bos=2, eos=0, pad=5)],
        ),
        Test("gradients", "the gradient reaches the model's logits at real tokens", judge=judge_gradient),
    ),
    flawed=flawed_forcing,
    mistakes=(
        Mistake(
            "no-shift", "the target given to the decoder as it is", "The decoder reads the target.", "Which token would position t read while it has to write token t?",
            "step 1 of the stub", switches={"shift": 0},
        ),
        Mistake(
            "double-shift", "a target shifted twice", "One shift for the input and one for the output.", "The model predicts token t at position t. How many shifts does that take?",
            "step 1 of the stub", switches={"shift": 2},
        ),
        Mistake(
            "starts-with-pad", "pad at the front in place of bos", "The first input is empty.", "bos is the token that says: begin.", "step 1 of the stub", switches={"start": "pad"},
        ),
        Mistake(
            "padding-in-the-mean", "padding counted in the loss", "The mean is over all positions.", "Your cross_entropy can leave padding out.", "step 3 of the stub",
            switches={"mean": "everything"},
        ),
        Mistake(
            "mean-of-sentence-means", "a mean over sentences of each one's mean", "Every sentence counts the same.", "Here every token counts the same.", "step 3 of the stub",
            switches={"mean": "sentences"},
        ),
        Mistake("sum-for-mean", "the sum over the tokens", "The loss adds up.", "A long batch would weigh more than a short one.", "step 3 of the stub", switches={"mean": "none"}),
        Mistake(
            "compared-with-the-input", "logits compared with what the decoder read", "Input and output belong together.", "What is position t to write: what it read, or what comes next?",
            "step 3 of the stub", switches={"compare": "tgt_in"},
        ),
        Mistake("target-first", "the target given in the source's place", "The decoder comes first.", "The model is called as model(src, tgt_in).", "step 2 of the stub", switches={"order": "tgt first"}),
        Mistake("graph-cut", "logits without a graph (detached, or made under no_grad), so that the model cannot learn", "The loss is only measured.", "Which line cuts the graph?", "the whole function", switches={"graph": "cut"}),
        Mistake("only-zero-is-padding", "0 left out of the loss, whatever pad is", "Padding is 0.", "pad is an argument. What if 0 is a word?", "step 3 of the stub", switches={"ignore": "0"}),
        Mistake("last-position-alone", "the loss of the last position alone", "logits[:, -1] is the prediction.", "That is how one generates. Here every position has a word to write.", "step 3 of the stub", switches={"positions": "last"}),
        Mistake("first-position-left-out", "a loss that begins at position 1", "Position 0 is bos.", "bos is what position 0 *reads*. What does it write?", "step 3 of the stub", switches={"positions": "not the first"}),
        Mistake(
            "first-token-left-out", "target and logits cut by one on opposite sides, and no bos", "logits[:, :-1] against tgt[:, 1:] is how it is done.",
            "That fits sequences that begin with bos; here tgt does not. Who predicts its first token?", "the docstring", code=forcing_by_cutting,
        ),
        Mistake(
            "free-running", "the model's own words fed back in place of the teacher's", "The decoder reads what it has written.", "Whose words does the decoder read while it is being taught?",
            "step 1 of the stub", code=forcing_free_running,
        ),
    ),
    variants=(
        Variant("torch's cross-entropy", forcing_plain),
        Variant("bos put in front, gather", forcing_appended),
        Variant("own helpers, extra keyword", forcing_own_entropy),
        Variant("token by token costs", flawed_forcing),
    ),
)
