"""6.10 layer_norm: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb06 as reference

NOT_THE_LIBRARY = ("layer_norm",)


def norm_case(rng: Rng, *shape: int, eps: float | None = None, mean: float = 0.5, scale: float = 2.0, draw: Any = normal, **options: Any) -> Case:
    """Vectors (…, d) around `mean` with a gain and a bias that are not 1 and 0; without `eps` the default is used."""
    d = shape[-1]
    args = (mean + draw(rng, *shape, scale=scale), 1.0 + draw(rng, d, scale=0.5), draw(rng, d))
    names = ("B", "T", "d") if len(shape) == 3 else ("T", "d") if len(shape) == 2 else ("d",)
    sizes = dict(zip(names, shape[-len(names) :], strict=True))
    return Case(args=args if eps is None else (*args, eps), watch=NOT_THE_LIBRARY, sizes=sizes, **options)


def all_alike(rng: Rng, *shape: int, **options: Any) -> Case:
    """In the first vector all features are equal: its variance is 0."""
    case = norm_case(rng, *shape, **options)
    case.args[0][(0,) * (len(shape) - 1)] = 1.5
    return case


def small_spread(rng: Rng, *shape: int, **options: Any) -> Case:
    """Features that differ by thousandths: eps is a good part of what is under the root."""
    return norm_case(rng, *shape, scale=0.003, **options)


def flawed_norm(x: Any, gain: Any, bias: Any, eps: float = 1e-5, *, divide: str = "d", place: str = "inside", over: str = "features", centred: str = "both",
                root: bool = True, order: str = "gain first", scale: str = "gain", shift: str = "bias", graph: str = "kept", variance: str = "two passes", default: bool = False, measure: str = "variance") -> Any:
    """Layer norm with switches that break it."""
    axes = {"features": (-1,), "positions": (-2,), "example": tuple(range(1 if x.dim() > 1 else 0, x.dim())), "everything": tuple(range(x.dim())), "batch": (0,)}[over]
    mean = x.mean(dim=axes, keepdim=True)
    spread = ((x - mean) ** 2).mean(dim=axes, keepdim=True)
    if variance == "one pass":
        spread = (x * x).mean(dim=axes, keepdim=True) - mean * mean
    if divide == "d - 1":
        n = x.shape[-1]
        spread = spread * n / (n - 1) if n > 1 else spread * torch.nan
    if centred == "neither":
        spread, mean = (x**2).mean(dim=axes, keepdim=True), torch.zeros_like(mean)
    if centred == "mean only":
        spread = (x**2).mean(dim=axes, keepdim=True)
    if measure in ("distance", "sum"):
        spread = (x - mean).abs().mean(dim=axes, keepdim=True) if measure == "distance" else spread * x.shape[-1]
    if centred == "variance only":
        mean = torch.zeros_like(mean)
    if graph == "cut":
        mean, spread = mean.detach(), spread.detach()
    if default:
        eps = 1e-5
    if place == "squared":
        eps, place = eps**2, "inside"
    if place == "floor":
        below = spread.clamp(min=eps).sqrt()
    elif place == "inside":
        below = (spread + eps).sqrt() if root else spread + eps
    elif place == "outside":
        below = spread.sqrt() + eps
    else:
        below = spread.sqrt()
    y = (x - mean) / below
    factor = {"gain": gain, "1 + gain": 1 + gain, "none": torch.ones_like(gain)}.get(scale, gain)
    factor = bias if scale == "bias" else factor
    moved = {"bias": bias, "gain": gain, "minus": -bias, "none": torch.zeros_like(bias)}[shift]
    return y * factor + moved if order == "gain first" else (y + moved) * factor


def annotated_norm(x: Any, gain: Any, bias: Any, eps: float = 1e-5) -> Any:
    """The unbiased deviation, and eps beside it, as a well-known annotated implementation has them."""
    return gain * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + bias


def norm_by_library(x: Any, gain: Any, bias: Any, eps: float = 1e-5) -> Any:
    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)


def norm_by_library_variance(x: Any, gain: Any, bias: Any, eps: float = 1e-5) -> Any:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, gain, (x - mean) * torch.rsqrt(variance + eps))


def norm_of_the_centred(x: Any, gain: Any, bias: Any, eps: float = 1e-5) -> Any:
    centred = x - x.sum(dim=-1, keepdim=True) / x.shape[-1]
    return torch.nn.functional.rms_norm(centred, (x.shape[-1],), gain, eps) + bias


def norm_vector_by_vector(x: Any, gain: Any, bias: Any, eps: float = 1e-5, *, dim: int = -1) -> Any:
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        centred = row - row.mean()
        rows.append(centred / ((centred @ centred) / len(row) + eps) ** 0.5 * gain + bias)
    return torch.stack(rows).reshape(x.shape)


EXERCISE = Exercise(
    number="6.10",
    title="layer_norm",
    names=("layer_norm",),
    minutes=10,
    reference=reference.normed,
    outputs=(Output("result", ("...", "d")),),
    public=lambda rng: [
        Case(args=(np.array([[1.0, 2.0, 6.0], [4.0, 0.0, -1.0]]), np.ones(3), np.zeros(3), 0.5), watch=NOT_THE_LIBRARY, sizes={"T": 2, "d": 3}),
        norm_case(rng, 2, 3, 4, draw=rounded, gradient=True),
        all_alike(rng, 2, 2, 3, draw=rounded, eps=0.01),
        norm_case(rng, 1, 3, 6, draw=rounded, mean=3000.0, dtype="float32", tolerance=3e-3),
        norm_case(rng, 4, draw=rounded),
    ],
    tests=(
        Test(
            "the definition", "every vector by itself has mean 0 and variance 1 (divided by d), then comes gain, then bias, for any leading axes",
            lambda rng: [norm_case(rng, 3, 4, 5), norm_case(rng, 4, 4), norm_case(rng, 6), norm_case(rng, 2, 3, 2, 4), norm_case(rng, 3, 1, 7, dtype="float32")],
        ),
        Test(
            "eps", "eps is added to the variance, under the root, and is what the caller gives",
            lambda rng: [norm_case(rng, 2, 3, 4, eps=0.3), small_spread(rng, 2, 3, 5), small_spread(rng, 3, 4, eps=1e-6), norm_case(rng, 2, 1, 1, eps=0.01)],
        ),
        Test(
            "far from 0", "the right digits where all features lie in the thousands, and float32 stays float32",
            lambda rng: [norm_case(rng, 2, 4, 6, mean=3000.0, dtype="float32", tolerance=3e-3), norm_case(rng, 3, 5, mean=-4000.0, dtype="float32", tolerance=3e-3)],
        ),
        Test(
            "gradients", "gradients reach x, gain and bias and are finite, also where all features are equal",
            lambda rng: [norm_case(rng, 2, 3, 4, gradient=True), all_alike(rng, 2, 2, 3, eps=0.1, gradient=True), all_alike(rng, 3, 4, gradient=True)],
        ),
    ),
    flawed=flawed_norm,
    mistakes=(
        Mistake("divided-by-d-minus-1", "a variance divided by d − 1", "var() is the variance.", "torch's var and std divide by d − 1 unless told otherwise. By what does the equation divide?", "step 1 of the stub", switches={"divide": "d - 1"}),
        Mistake("eps-outside-the-root", "eps added to the standard deviation, outside the root", "eps only keeps the divisor from being 0.", "What is added to what in the equation, and on which side of the root?", "the equation above the stub", switches={"place": "outside"}),
        Mistake("deviation-of-d-minus-1", "std() with eps added to it: divided by d − 1, and eps outside the root", "std is the spread.", "Two things differ from the equation: by what does std divide, and on which side of the root is eps?", "the equation above the stub", code=annotated_norm),
        Mistake("eps-squared", "eps squared under the root", "eps is a deviation.", "What is added to the variance in the equation?", "the equation above the stub", switches={"place": "squared"}),
        Mistake("eps-as-a-floor", "eps as the smallest variance, and not added to it", "eps only keeps the divisor from being 0.", "What is added to what in the equation, also where the variance is large?", "the equation above the stub", switches={"place": "floor"}),
        Mistake("variance-about-0", "a variance about 0: the mean of the squares", "The variance is the mean of the squares.", "Of what are the squares in the equation: of x or of what is left of it?", "step 1 of the stub", switches={"centred": "mean only"}),
        Mistake("mean-distance", "the mean distance from the mean in place of the mean square", "Spread is distance.", "What is done to x − μ before the mean is taken?", "step 1 of the stub", switches={"measure": "distance"}),
        Mistake("sum-of-squares", "the sum of the squares, not divided by d", "The sum is the spread.", "By what does the equation divide the sum?", "step 1 of the stub", switches={"measure": "sum"}),
        Mistake("gain-and-bias-exchanged", "bias as the factor and gain added", "The order does not matter.", "Which of the two multiplies in the equation?", "step 3 of the stub", switches={"scale": "bias", "shift": "gain"}),
        Mistake("bias-subtracted", "bias taken off", "The mean is taken off, and so is the bias.", "With which sign does bias enter?", "step 3 of the stub", switches={"shift": "minus"}),
        Mistake("library-call", "a call of PyTorch's own layer norm", "Torch does this already.", "It does, and the point here is to see how.", "the docstring", code=norm_by_library),
        Mistake("no-eps", "no eps at all, so that equal features give 0/0", "The variance is never 0.", "What happens to a vector whose features are all equal?", "step 2 of the stub", switches={"place": "nowhere"}),
        Mistake("eps-fixed", "an eps of 10⁻⁵ whatever the caller gives", "eps is always 10⁻⁵.", "eps is an argument.", "the docstring", switches={"default": True}),
        Mistake("no-root", "a division by the variance and not by its root", "Divide by the variance.", "In which unit is a variance, if x is in metres?", "step 2 of the stub", switches={"root": False}),
        Mistake("root-mean-square", "a root mean square: no mean is taken off", "The mean is 0 anyway.", "This is RMSNorm, which Llama uses. What does the equation take off first?", "step 1 of the stub", switches={"centred": "neither"}),
        Mistake("mean-left-in", "a mean that is used for the variance and never taken off x", "Dividing makes it normal.", "What is the mean of your result, before gain and bias?", "step 2 of the stub", switches={"centred": "variance only"}),
        Mistake("over-the-positions", "statistics over the positions, not over the features", "Axis 1 comes after the batch.", "Does what one position gets depend on the others?", "step 1 of the stub", switches={"over": "positions"}),
        Mistake("over-the-example", "one mean and one variance for all positions of an example", "An example is one thing.", "The last axis alone. How many means are there for x (B, T, d)?", "step 1 of the stub", switches={"over": "example"}),
        Mistake("over-everything", "one mean and one variance for the whole tensor", "mean() is the mean.", "Without an axis, mean() runs over the batch as well.", "step 1 of the stub", switches={"over": "everything"}),
        Mistake("over-the-batch", "statistics over the batch, as batch norm takes them", "A norm looks at the batch.", "Would the result for one sentence change with its neighbours in the batch?", "step 1 of the stub", switches={"over": "batch"}),
        Mistake("bias-before-gain", "bias added before gain multiplies", "Shift, then stretch.", "Which of the two comes last in the equation?", "step 3 of the stub", switches={"order": "bias first"}),
        Mistake("gain-from-0", "1 + gain in place of gain", "A gain of 0 leaves x alone.", "Gemma stores its gains in this way. What does a gain of 1 do in the equation?", "step 3 of the stub", switches={"scale": "1 + gain"}),
        Mistake("gain-forgotten", "no gain", "The norm makes it 1.", "Three things are done in order; count yours.", "step 3 of the stub", switches={"scale": "none"}),
        Mistake("bias-forgotten", "no bias", "The norm makes it 0.", "Three things are done in order; count yours.", "step 3 of the stub", switches={"shift": "none"}),
        Mistake("gain-and-bias-forgotten", "mean 0 and variance 1, and neither gain nor bias", "The norm is done.", "Three things are done in order; count yours. Which arguments does your code not use?", "step 3 of the stub", switches={"scale": "none", "shift": "none"}),
        Mistake("statistics-detached", "mean and variance taken out of the graph", "Statistics are constants.", "If x₀ grows, do the mean and the variance stay as they are?", "the line on gradients", switches={"graph": "cut"}),
        Mistake("one-pass-variance", "the mean of the squares minus the square of the mean, which loses its digits far from 0", "The two formulas for the variance are the same.", "In float32, how many digits are left of 9 000 004 − 9 000 000?", "the line on features in the thousands", switches={"variance": "one pass"}),
    ),
    variants=(
        Variant("torch's variance", norm_by_library_variance),
        Variant("torch's RMS norm of the centred vectors", norm_of_the_centred),
        Variant("vector by vector, extra keyword", norm_vector_by_vector),
        Variant("with flags", flawed_norm),
    ),
)
