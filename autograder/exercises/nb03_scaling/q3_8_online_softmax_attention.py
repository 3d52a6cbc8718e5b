"""3.8 online_softmax_attention: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.attention_family import known, steps
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb03 as reference

SHORTCUTS = ("scaled_dot_product_attention", "numpy", "tolist")


def online_case(rng: Rng, S: int, d_k: int, d_v: int, block: int, *, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, d_k), draw(rng, S, d_k), draw(rng, S, d_v), block)
    return Case(args=args, sizes={"S": S, "d_k": d_k, "d_v": d_v}, watch=SHORTCUTS, **options)


def steep_case(rng: Rng, S: int, d_k: int, d_v: int, block: int, first: float, last: float, **options: Any) -> Case:
    """Scores that go from `first` to `last`, with a little noise, so that the largest lies in the last or the first block."""
    q, K, V = rounded(rng, d_k) + 1.0, rounded(rng, S, d_k), rounded(rng, S, d_v)
    wanted = np.linspace(first, last, S) + rounded(rng, S, digits=2)
    K = K + np.outer(wanted * math.sqrt(d_k) - K @ q, q) / (q @ q)
    return Case(args=(q, K, V, block), sizes={"S": S, "d_k": d_k, "d_v": d_v}, watch=SHORTCUTS, **options)


def held_cases(rng: Rng, short: int, long: int, block: int) -> list[Case]:
    return [online_case(rng, S, 1, 1, block, draw=rounded, count_held=True) for S in (short, long)]


def flawed_online(q: Any, K: Any, V: Any, block: int, *, shrink: str = "both", carry: str = "running", start: float = -math.inf,
                  cut: str = "all", finish: str = "once", scale: str = "sqrt", values: str = "V", width: str = "kept") -> Any:
    """One query's attention, block by block, with switches that break it."""
    if width == "double":
        q, K, V = q.double(), K.double(), V.double()
    V = V if values == "V" else K
    root = {"sqrt": math.sqrt(len(q)), "none": 1.0, "d_k": len(q), "d_v": math.sqrt(V.shape[1]), "block": math.sqrt(block)}[scale]
    highest = torch.tensor(start, dtype=q.dtype)
    total, mixed = torch.zeros((), dtype=q.dtype), torch.zeros(V.shape[1], dtype=q.dtype)
    for begin in _begins(len(K), block, cut):
        begin = max(0, min(begin, len(K) - block)) if cut == "from the end" else begin
        end = begin + block + (cut == "one key shared")
        scores = K[begin:end] @ q / root
        values_here = V[begin:end]
        if cut == "padded" and len(scores) < block:
            missing = block - len(scores)
            scores = torch.cat([scores, scores.new_zeros(missing)])
            values_here = torch.cat([values_here, values_here.new_zeros(missing, V.shape[1])])
        new = _carried(carry, highest, scores)
        factor = torch.exp(new - highest) if shrink in ("upwards", "upside down") else torch.exp(highest - new)
        factor = torch.ones_like(factor) if (begin == 0 and shrink != "upside down") or shrink == "none" else factor
        shares = torch.exp(scores - new)
        total = total * (1.0 if shrink == "output only" else factor) + shares.sum()
        mixed = mixed * (1.0 if shrink == "sum only" else factor) + shares @ values_here
        mixed = mixed / total if finish in ("every block", "every block and last") else mixed
        highest = new
    return mixed / (len(K) if finish == "by S" else total) if finish in ("once", "every block and last", "by S") else mixed


def _begins(S: int, block: int, cut: str) -> range:
    if cut in ("whole blocks", "whole blocks or none", "without the last"):
        last = {"whole blocks": max(1, S // block) * block, "whole blocks or none": S // block * block, "without the last": S - block}[cut]
        return range(0, last, block)
    return range(max(1, S - block + 1)) if cut == "one key further" else range(0, S, block)


def _carried(carry: str, highest: Any, scores: Any) -> Any:
    if carry == "first block":
        return highest if torch.isfinite(highest) else scores.max()
    if carry == "none":
        return torch.zeros_like(highest)
    return scores.max() if carry == "this block" else torch.maximum(highest, scores.max())


def online_average_of_blocks(q: Any, K: Any, V: Any, block: int) -> Any:
    """A softmax in every block, and the mean of what they give."""
    parts = [torch.softmax(k @ q / math.sqrt(len(q)), 0) @ v for k, v in zip(K.split(block), V.split(block), strict=True)]
    return torch.stack(parts).mean(dim=0)


def online_all_at_once(q: Any, K: Any, V: Any, block: int) -> Any:
    """Right, but every score is there at the same time."""
    return torch.softmax(K @ q / math.sqrt(len(q)), dim=0) @ V


def online_from_library(q: Any, K: Any, V: Any, block: int) -> Any:
    return torch.nn.functional.scaled_dot_product_attention(q[None, None], K[None], V[None])[0, 0]


def online_last_block_alone(q: Any, K: Any, V: Any, block: int) -> Any:
    """What an assignment instead of a sum leaves: the last block's own attention."""
    begin = (len(K) - 1) // block * block
    return torch.softmax(K[begin:] @ q / math.sqrt(len(q)), dim=0) @ V[begin:]


def online_with_weights(q: Any, K: Any, V: Any, block: int) -> Any:
    return flawed_online(q, K, V, block), torch.softmax(K @ q / math.sqrt(len(q)), dim=0)


def online_running_mean(q: Any, K: Any, V: Any, block: int) -> Any:
    """The output itself is carried, as a mean that each block moves."""
    root = math.sqrt(q.shape[0])
    output: Any = torch.zeros_like(V[0])
    weight: Any = 0.0
    top: Any = None
    for begin in range(0, K.shape[0], block):
        scores = torch.mv(K[begin : begin + block], q).div(root)
        peak = scores.max() if top is None else torch.max(scores.max(), top)
        old = 0.0 if top is None else weight * torch.exp(top - peak)
        shares = (scores - peak).exp()
        weight = old + shares.sum()
        output = output * (old / weight) + (shares / weight) @ V[begin : begin + block]
        top = peak
    return output


def online_log_weights(q: Any, K: Any, V: Any, block: int, *, dim: int = 0) -> Any:
    """The logarithm of the sum is carried."""
    log_total, output = None, None
    for keys, values in zip(torch.split(K, block), torch.split(V, block), strict=True):
        scores = torch.einsum("sk,k->s", keys, q / len(q) ** 0.5)
        here = torch.logsumexp(scores, dim=dim)
        own = torch.einsum("s,sv->v", (scores - here).exp(), values)
        if log_total is None:
            log_total, output = here, own
            continue
        both = torch.logaddexp(log_total, here)
        output = (log_total - both).exp() * output + (here - both).exp() * own
        log_total = both
    return output


def online_merged_at_the_end(q: Any, K: Any, V: Any, block: int) -> Any:
    """Every block leaves its maximum, its sum and its average; they are put together last."""
    tops, sums, means = [], [], []
    for begin in range(0, len(K), block):
        scores = (K[begin : begin + block] * q).sum(-1) / math.sqrt(len(q))
        tops.append(scores.max())
        shares = torch.exp(scores - tops[-1])
        sums.append(shares.sum())
        means.append(shares @ V[begin : begin + block] / sums[-1])
    weights = torch.stack(sums) * torch.exp(torch.stack(tops) - max(tops))
    return weights @ torch.stack(means) / weights.sum()


def online_in_place(q: Any, K: Any, V: Any, block: int) -> Any:
    state = torch.zeros(V.shape[1] + 1, dtype=V.dtype)
    top = -math.inf
    for begin in range(0, len(K), block):
        scores = K[begin : begin + block] @ q
        scores /= math.sqrt(len(q))
        peak = max(top, scores.max().item())
        state *= math.exp(top - peak)
        shares = scores.sub_(peak).exp_()
        state[0] += shares.sum()
        state[1:] += shares @ V[begin : begin + block]
        top = peak
    return state[1:] / state[0]


WHERE = steps(scores=2, average=3)

EXERCISE = Exercise(
    number="3.8",
    title="online_softmax_attention",
    names=("online_softmax_attention",),
    minutes=20,
    starred=True,
    further=True,
    reference=reference.online_softmax_attention,
    outputs=(Output("output", ("d_v",)),),
    public=lambda rng: [
        Case(args=(np.array([1.0]), np.array([[0.0], [1.0986123]]), np.array([[10.0], [20.0]]), 1), sizes={"S": 2}, watch=SHORTCUTS),
        online_case(rng, 5, 2, 3, 2, draw=rounded),
        online_case(rng, 4, 3, 2, 9, draw=rounded),
        steep_case(rng, 6, 2, 2, 2, -1900.0, 1900.0),
        steep_case(rng, 6, 2, 2, 2, 1900.0, -1900.0),
        steep_case(rng, 5, 2, 2, 2, -1900.0, -1904.0),
        online_case(rng, 5, 4, 2, 3, draw=rounded, dtype="float32"),
        *held_cases(rng, 32, 512, 32),
    ],
    tests=(
        Test(
            "one block", "a block that holds all keys gives the attention of 3.4",
            lambda rng: [online_case(rng, 5, 3, 4, 5), online_case(rng, 1, 2, 3, 1), online_case(rng, 4, 4, 4, 50)],
        ),
        Test(
            "any block", "the same output for every block size, also when the last block is shorter",
            lambda rng: [online_case(rng, S, d_k, d_v, block) for S, d_k, d_v, block in
                         ((7, 3, 2, 1), (7, 3, 2, 2), (7, 2, 5, 3), (8, 4, 4, 4), (9, 5, 1, 4), (6, 1, 3, 5))],
        ),
        Test(
            "the maximum moves", "scores in the thousands, rising or falling from block to block, above or below 0",
            lambda rng: [
                steep_case(rng, 7, 3, 2, 2, -2500.0, 2500.0), steep_case(rng, 7, 3, 4, 3, 2500.0, -2500.0),
                steep_case(rng, 6, 2, 3, 2, -3000.0, -3004.0), steep_case(rng, 6, 2, 3, 2, 3000.0, 3004.0),
            ],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [online_case(rng, 7, 3, 2, 3, dtype="float32")]),
        Test(
            "never all scores", "no more numbers at once for many keys than for few",
            lambda rng: held_cases(rng, 32, 560, 32),
        ),
    ),
    flawed=flawed_online,
    mistakes=(
        Mistake(
            "not-rescaled", "nothing rescaled when a higher score is found", "What has been added up stays added up.",
            "The earlier shares were exponentials of z − m with the old m. Which factor turns them into those with the new one?",
            "step 3 of the stub", switches={"shrink": "none"},
        ),
        Mistake(
            "output-not-rescaled", "the sum rescaled, and the collected values not", "The sum is what we divide by.",
            "Both have been added up from the same shares.", "step 3 of the stub", switches={"shrink": "sum only"},
        ),
        Mistake(
            "sum-not-rescaled", "the collected values rescaled, and the sum not", "The output is what we want.",
            "Both have been added up from the same shares.", "step 3 of the stub", switches={"shrink": "output only"},
        ),
        Mistake(
            "rescaled-upwards", "the earlier part multiplied by e^(new − old) instead of e^(old − new)",
            "A higher maximum makes larger numbers.",
            "e^(z − old) times what is e^(z − new)? The exponents add.", "step 3 of the stub", switches={"shrink": "upwards"},
        ),
        Mistake(
            "infinite-from-the-first-block", "an exponential of something minus −∞ in the first block, which is infinite and makes everything NaN",
            "The factor is e^(new − old).",
            "At the first block the old maximum is −∞. Which of your exponents holds it, and with which sign?",
            "step 3 of the stub", switches={"shrink": "upside down"},
        ),
        Mistake(
            "first-maximum-kept", "the first block's maximum used for all the others, which may lie far above it",
            "One shift is enough.", "What is the exponential of a score that lies 2000 above the shift?",
            "step 2 of the stub", switches={"carry": "first block"},
        ),
        Mistake(
            "maximum-not-carried", "each block shifted by its own maximum, also where an earlier one was higher",
            "Every block has its maximum.",
            "When the scores fall from block to block, how large does the factor for the earlier part become?",
            "step 2 of the stub", switches={"carry": "this block"},
        ),
        Mistake(
            "no-maximum", "exponentials of the raw scores, which overflow", "The sum works block by block without any maximum.",
            "What is exp(2000)?", "step 2 of the stub", switches={"carry": "none", "start": 0.0}, excludes=("maximum-from-zero",),
        ),
        Mistake(
            "maximum-from-zero", "a running maximum that starts at 0", "Zero is a neutral start.",
            "What becomes of all exponentials when every score lies below −1000?", "step 1 of the stub", switches={"start": 0.0},
        ),
        Mistake(
            "last-block-dropped", "the last block left out when it is shorter than the others", "There are S // block blocks.",
            "How many keys of 7 do blocks of 3 reach?", "step 2 of the stub", switches={"cut": "whole blocks"},
        ),
        Mistake(
            "whole-blocks-or-none", "whole blocks alone: a shorter last one is left out, and a block larger than S leaves nothing",
            "range(0, S − block + 1, block) visits all blocks.",
            "Which keys does the loop reach for S = 7 and blocks of 3? And for blocks of 50?", "step 2 of the stub", switches={"cut": "whole blocks or none"},
        ),
        Mistake(
            "without-the-last-block", "the last block left out, whole or not", "range ends before its last number.",
            "With S = 8 and blocks of 4, where must the last block begin?", "step 2 of the stub", switches={"cut": "without the last"},
        ),
        Mistake(
            "last-block-from-the-end", "a last block taken from the end, so that some keys count twice", "Every block has the same length.",
            "S = 7, blocks of 3: which keys has the last block, and which of them were there before?", "step 2 of the stub", switches={"cut": "from the end"},
        ),
        Mistake(
            "neighbours-share-a-key", "blocks one key too long, so that neighbours share a key", "The slice ends at first + block.",
            "How many keys has K[0 : 3]?", "step 2 of the stub", switches={"cut": "one key shared"},
        ),
        Mistake(
            "last-block-padded", "the last block filled up with keys that score 0 and are counted",
            "Zeros add nothing.", "What is the exponential of a score of 0?", "step 2 of the stub", switches={"cut": "padded"},
        ),
        Mistake(
            "blocks-overlap", "blocks that begin at every key", "range(S − block + 1) visits all blocks.",
            "By how many keys does the next block begin later?", "step 2 of the stub", switches={"cut": "one key further"},
        ),
        Mistake(
            "divided-in-every-block", "a division by the sum in every block", "Weights are divided by their sum.",
            "The sum so far is not the sum yet. When is it complete?", "step 4 of the stub", switches={"finish": "every block"},
        ),
        Mistake(
            "divided-in-every-block-and-last", "a division by the sum in every block, and one more at the end", "Weights are divided by their sum.",
            "How often is the output divided in the equation?", "step 4 of the stub", switches={"finish": "every block and last"},
        ),
        Mistake(
            "divided-by-s", "a division by S in place of the sum", "The output is a mean over the keys.", "Do the shares of all keys sum to S?", "step 4 of the stub",
            switches={"finish": "by S"},
        ),
        Mistake(
            "not-divided", "never divided by the sum", "The shares are weights already.",
            "Do the shares of all keys sum to 1?", "step 4 of the stub", switches={"finish": "never"},
        ),
        Mistake(
            "average-of-blocks", "a softmax in every block and the mean of the results", "Every block counts the same.",
            "How much of the weight belongs to a block whose scores are all low?", "the equations above the stub",
            code=online_average_of_blocks,
        ),
        Mistake(
            "last-block-alone", "the last block's attention, what came before it lost", "The loop puts it together.",
            "Does your loop add to what it had, or replace it?", "step 3 of the stub", code=online_last_block_alone,
        ),
        Mistake(
            "unscaled", "scores that are not divided by √d_k", "Blocks are about memory, not about scale.",
            "The output must be that of 3.4.", "step 2 of the stub", switches={"scale": "none"},
        ),
        *known(WHERE, "divided-by-d_k", hint="The output must be that of 3.4."),
        Mistake(
            "divided-by-root-of-d_v", "scores divided by √d_v", "d is the width.", "Which width has the sum over which a score runs?", "step 2 of the stub",
            switches={"scale": "d_v"},
        ),
        Mistake(
            "divided-by-root-of-block", "scores divided by the root of the block", "The block is the length of the sum.", "Over what does the sum of one score run?", "step 2 of the stub",
            switches={"scale": "block"},
        ),
        *known(WHERE, "averages-the-keys", "always-float64"),
        Mistake(
            "all-scores-at-once", "all scores, or something as long, in memory at once", "Only the result is compared.",
            "Which of your tensors has S numbers? A list of blocks counts, too.", "the docstring", code=online_all_at_once,
        ),
        Mistake(
            "library-call", "a call of PyTorch's own scaled_dot_product_attention", "Torch does this already.",
            "It does, and the point here is to see how.", "the docstring", code=online_from_library,
        ),
        Mistake(
            "weights-too", "the weights returned as well, which hold a number for every key", "Attention returns two things.",
            "Only the output is asked for: how long are the weights?", "the docstring", code=online_with_weights,
        ),
    ),
    variants=(
        Variant("the output carried as a running mean", online_running_mean),
        Variant("the log of the sum carried, extra keyword", online_log_weights),
        Variant("blocks merged at the end", online_merged_at_the_end),
        Variant("in place, with Python numbers", online_in_place),
    ),
)
