"""6.17 warm_up_then_decay: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn
from autograder.reference import nb06 as reference


def rate_case(step: int, d_model: int = 512, warm_up: int = 4000) -> Case:
    return Case(args=(step, d_model, warm_up), tolerance=1e-13)


def rate_cases(*steps: int, d_model: int = 512, warm_up: int = 4000) -> list[Case]:
    return [rate_case(step, d_model, warm_up) for step in steps]


def drawn_rates(rng: Rng, steps: Callable[[int], Sequence[int]]) -> list[Case]:
    """The steps that belong to a drawn warm_up."""
    half, warm_up = drawn(rng, (4, 200), (20, 500))
    return rate_cases(*steps(warm_up), d_model=2 * half, warm_up=warm_up)


def flawed_rate(step: int, d_model: int, warm_up: int, *, first: str = "0", which: str = "smaller", width: float | str = -0.5, rise: float | str = -1.5, fall: str = "root", count: int | str = 0, turn: str = "warm_up",
                result: str = "number") -> Any:
    """The schedule with switches that break it."""
    step = step + count if count != "but at 0" else step + 1 if step else 0
    if step == 0:
        if first == "error":
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        if first == "as 1":
            step = 1
    rising = step * warm_up ** (rise if isinstance(rise, float) else -1.5)
    if fall == "root":
        falling = step**-0.5 if step else math.inf
    elif fall == "flat":
        falling = warm_up**-0.5
    elif fall == "reciprocal":
        falling = warm_up**0.5 / step if step else math.inf
    elif fall == "1/step":
        falling = 1 / step if step else math.inf
    elif fall == "from the turn":
        falling = max(step - warm_up, 1) ** -0.5 if step > warm_up else math.inf
    else:
        falling = max(0.0, 2 * warm_up - step) * warm_up**-1.5 if step > warm_up else math.inf
    rates = {
        "smaller": min(rising, falling), "larger": max(rising, falling) if step else 0.0, "falling": falling if step else 0.0,
        "rising": rising, "sum": rising + falling if step else 0.0, "product": rising * falling if step else 0.0,
    }
    rate = rates[which]
    if turn == "a step early" and step:
        rate = rising if step < warm_up - 1 else falling
    if rise == "in whole numbers":
        rate = min(step // warm_up * warm_up**-0.5, falling)
    if turn == "half":
        rate = min(step * (warm_up / 2) ** -1.5, falling)
    if width in ("rise only", "fall only"):
        rate = min(rising * (d_model**-0.5 if width == "rise only" else 1.0), falling * (d_model**-0.5 if width == "fall only" else 1.0))
    else:
        rate *= d_model ** float(width)
    if step == 0 and first in ("top", "infinite"):
        rate = (d_model * warm_up) ** -0.5 if first == "top" else math.inf
    return rate if result == "number" else torch.tensor(rate, dtype=torch.float32)


def rate_by_cases(step: int, d_model: int, warm_up: int) -> Any:
    if step < warm_up:
        return step / (warm_up * math.sqrt(warm_up * d_model))
    return 1 / math.sqrt(step * d_model)


def rate_by_paper(step: int, d_model: int, warm_up: int) -> Any:
    return d_model**-0.5 * min(max(step, 1e-9) ** -0.5, step * warm_up**-1.5)


def rate_in_tensors(step: int, d_model: int, warm_up: int, *, factor: float = 1.0) -> Any:
    s, d, w = (torch.tensor(float(x), dtype=torch.float64) for x in (step, d_model, warm_up))
    return (factor * d.rsqrt() * torch.minimum(s.rsqrt(), s / w**1.5)).item()


EXERCISE = Exercise(
    number="6.17",
    title="warm_up_then_decay",
    names=("warm_up_then_decay",),
    minutes=10,
    starred=True,
    further=True,
    reference=reference.warm_up_then_decay,
    outputs=(Output("rate", (), dtype="python"),),
    public=lambda rng: rate_cases(1, 4000, 16000, 10_000_000) + rate_cases(0, 3, 7, 8, 9, d_model=16, warm_up=8),
    tests=(
        Test("the rise", "in equal steps from 0 up to step warm_up", lambda rng: rate_cases(1, 2, 1999, 3999) + rate_cases(1, 7, 50, 99, d_model=64, warm_up=100) + drawn_rates(rng, lambda warm_up: drawn(rng, (2, warm_up)))),
        Test("step 0", "a rate of 0 at step 0, and no error", lambda rng: rate_cases(0) + rate_cases(0, d_model=8, warm_up=3) + drawn_rates(rng, lambda warm_up: (0,))),
        Test("the turning point", "both branches meet at step warm_up, where the rate is highest", lambda rng: rate_cases(3999, 4000, 4001) + rate_cases(9, 10, 11, d_model=32, warm_up=10) + rate_cases(1, 2, d_model=16, warm_up=1) + drawn_rates(rng, lambda warm_up: (warm_up - 1, warm_up, warm_up + 1))),
        Test("the fall", "after step warm_up with the root of the step, never to 0", lambda rng: rate_cases(5000, 16000, 100_000, 1_000_000) + rate_cases(20, 30, 1000, d_model=128, warm_up=10) + drawn_rates(rng, lambda warm_up: drawn(rng, (warm_up + 2, 40 * warm_up)))),
    ),
    flawed=flawed_rate,
    mistakes=(
        Mistake("error-at-step-0", "an error at step 0, where 0 is raised to a negative power", "Steps count from 1.", "Schedulers of torch ask for step 0 first. Which of the two branches is the smaller one there?", "step 1 of the stub", switches={"first": "error"}),
        Mistake("step-0-as-1", "at step 0 the rate of step 1", "0 cannot be right, so take 1.", "The Annotated Transformer does this. What does the docstring say of step 0?", "the docstring", switches={"first": "as 1"}),
        Mistake("counts-from-1", "the rate of the step after", "Step 0 is the first step, so add 1.", "At which step is the rate highest in your version?", "the docstring", switches={"count": 1}),
        Mistake("counts-from-1-but-at-0", "the rate of the step after, and 0 at step 0", "Step 0 is 0, and the first step is step 1.", "At which step is the rate highest in your version?", "the docstring", switches={"count": "but at 0"}),
        Mistake("larger-branch", "the larger of the two branches", "The rate is the maximum.", "At step 1, which branch is tiny and which is huge? Which one should rule at the start?", "step 2 of the stub", switches={"which": "larger"}),
        Mistake("branches-added", "the sum of the two branches", "Both parts of the formula count.", "The equation takes one of the two. Which one at step 1?", "step 2 of the stub", switches={"which": "sum"}),
        Mistake("branches-multiplied", "the product of the two branches", "Two factors make the rate.", "The equation takes one of the two. Which one at step 1?", "step 2 of the stub", switches={"which": "product"}),
        Mistake("no-fall", "the rising branch alone, which never turns", "Warm-up is what matters.", "What is the rate at step 100 · warm_up, and what should it be?", "step 2 of the stub", switches={"which": "rising"}),
        Mistake("no-warm-up", "the falling branch alone, highest at the first step", "Decay is what matters.", "What is the rate at step 1, and what at step warm_up?", "step 2 of the stub", switches={"which": "falling"}),
        Mistake("no-decay", "a rate that stays at its highest after the warm-up", "Warm up, then go.", "After the turning point the other branch is the smaller one.", "step 2 of the stub", switches={"fall": "flat"}),
        Mistake("one-over-the-step", "1 / step in place of 1 / √step in the falling branch", "A rate falls with the step.", "Which power of the step is in the equation? At which step do your branches meet?", "the equation above the stub", switches={"fall": "1/step"}),
        Mistake("falls-with-the-step", "a fall from the turning point with 1 / step in place of 1 / √step", "Decay means divided by the step.", "Which power of the step is in the equation? By how much does the rate fall from step n to 4 n?", "the equation above the stub", switches={"fall": "reciprocal"}),
        Mistake("falls-linearly", "a straight fall to 0 at twice the warm-up", "Up in a line, down in a line.", "Which power of the step is in the equation?", "the equation above the stub", switches={"fall": "linear"}),
        Mistake("decay-counted-from-the-turn", "a fall that counts its steps from the turning point", "The decay begins at warm_up.", "Do the two branches meet at the turning point?", "step 2 of the stub", switches={"fall": "from the turn"}),
        Mistake("warm-up-to-the-minus-half", "a rise with warm_up^(−1/2), far too steep", "Everything is to the power of −1/2.", "At step = warm_up both branches must be equal. Which power does that take?", "the equation above the stub", switches={"rise": -0.5}),
        Mistake("rise-divided-by-warm-up", "a rise to 1: step / warm_up without the root of warm_up", "The warm-up is a share of the steps.", "At step = warm_up both branches must be equal. What is 1/√warm_up there, and what is yours?", "the equation above the stub", switches={"rise": -1.0}),
        Mistake("top-at-step-0", "at step 0 the highest rate of all", "0 cannot be right, so take the top.", "Warm-up begins low. What does the docstring say of step 0?", "the docstring", switches={"first": "top"}),
        Mistake("infinite-at-step-0", "an infinite rate at step 0", "0^(−1/2) is infinite.", "The equation takes the *smaller* of its two branches. What is the other one at step 0?", "step 1 of the stub", switches={"first": "infinite"}),
        Mistake("width-in-the-fall-only", "the factor of d_model in the falling branch alone", "It stands before the step.", "Does the factor stand inside the minimum or before it?", "the equation above the stub", switches={"width": "fall only"}),
        Mistake("width-in-the-rise-only", "the factor of d_model in the rising branch alone", "It belongs to the warm-up.", "Does the factor stand inside the minimum or before it?", "the equation above the stub", switches={"width": "rise only"}),
        Mistake("rise-too-early", "a turning point before step warm_up", "Warm-up ends half-way.", "At which step do the branches meet?", "step 2 of the stub", switches={"turn": "half"}),
        Mistake("turns-a-step-early", "the falling branch one step too early, where it is still the larger one", "if step < warm_up − 1.", "At step warm_up − 1, which branch is the smaller one?", "step 2 of the stub", switches={"turn": "a step early"}),
        Mistake("whole-division", "step // warm_up: a rate of 0 all through the warm-up", "// divides.", "What is 3 // 8?", "step 2 of the stub", switches={"rise": "in whole numbers"}),
        Mistake("wider-is-faster", "a rate that grows with √d_model", "Larger models need larger steps.", "With which sign is the exponent of d_model in the equation?", "the equation above the stub", switches={"width": 0.5}),
        Mistake("width-forgotten", "no factor for d_model", "The width has nothing to do with time.", "Which line uses d_model?", "step 2 of the stub", switches={"width": 0.0}),
        Mistake("width-without-a-root", "1 / d_model in place of 1 / √d_model", "Divide by the width.", "Which power of d_model is in the equation?", "the equation above the stub", switches={"width": -1.0}),
        Mistake("tensor-returned", "a float32 tensor in place of a Python number", "Everything is a tensor.", "What does the docstring say is returned?", "the docstring", switches={"result": "tensor"}),
    ),
    variants=(
        Variant("case by case", rate_by_cases),
        Variant("the paper's minimum", rate_by_paper),
        Variant("tensors inside, extra keyword", rate_in_tensors),
    ),
)
