"""Notebook 3, scaling: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, Outcome, Seed, TensorValue
from attnkit.checking.compare import Output
from attnkit.checking.execute import cotangent
from autograder.declare import Exercise, JudgeFailure, Mistake, Run, Test, Variant, normal, rounded
from autograder.reference import nb03 as reference

Rng = np.random.Generator


# 3.1 score_variance --------------------------------------------------------------------------------------------------

SIX_DEVIATIONS = 6.0
SURE = math.log(1e5)


def variance_case(d_k: int, n: int, seed: int) -> Case:
    """Many pairs, so that any right way of drawing them is within six standard deviations of d_k.

    A product of two standard normal numbers has excess kurtosis 6, so the sum of d_k of them has 6 / d_k.
    """
    deviation = d_k * math.sqrt((2 + 6 / d_k) / n)
    return Case(args=(d_k, n, Seed(seed)), tolerance=SIX_DEVIATIONS * deviation, sizes={"d_k": d_k, "n": n})


def variance_of(run: Run, d_k: int, n: int, seed: int) -> float:
    """The learner's number for one seed."""
    value = run(Case(args=(d_k, n, Seed(seed)))).value
    if isinstance(value, TensorValue | np.ndarray):
        value = (value.data if isinstance(value, TensorValue) else value).astype(np.float64)
        value = value.item() if value.size == 1 else math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def judge_generator(run: Run) -> None:
    """Equal seeds must give equal numbers, and other seeds others."""
    first, again, other = (variance_of(run, 5, 6, seed) for seed in (31, 31, 32))
    if first != again:
        raise JudgeFailure("the same number from equal generators", "two different numbers", "global-generator")
    if first == other:
        raise JudgeFailure("other numbers from another generator", "the same number again", "seeds-itself")


def judge_n_minus_one(run: Run) -> None:
    """Two pairs a call: dividing by n gives half of what dividing by n − 1 does. Seeds are drawn until one is certain.

    A sequential probability ratio test (Wald 1945) between the scales 1 and 1/2 of a χ² with one degree of freedom.
    """
    d_k, evidence = 64, 0.0
    for seed in range(1000):
        ratio = variance_of(run, d_k, 2, seed) / d_k
        if not math.isfinite(ratio):
            raise JudgeFailure("a finite number for two pairs", "NaN or infinity")
        evidence += 0.5 * math.log(2.0) - 0.5 * ratio
        if abs(evidence) > SURE:
            break
    if evidence > 0:
        raise JudgeFailure(
            "the squared deviations of two scores divided by 1", "about half of that, or less", "divides-by-n"
        )


def flawed_variance(d_k: int, n: int, generator: Any, *, source: str = "argument", entries: str = "normal",
                    keys: str = "own", over: str = "sum", spread: str = "n-1", kind: str = "float") -> Any:
    """The variance of a dot product, with switches that break it."""
    if source == "global":
        generator = None
    elif source == "fixed":
        generator = torch.Generator().manual_seed(0)
    draw = torch.randn if entries == "normal" else torch.rand
    q = draw(n, d_k, generator=generator)
    k = q if keys == "the queries" else draw(n, d_k, generator=generator)
    products = q * k
    scores = {"sum": products.sum(dim=1), "mean": products.mean(dim=1), "none": products.flatten()}[over]
    correction = 0 if spread == "n" else 1
    value = scores.std(correction=correction) if spread == "deviation" else scores.var(correction=correction)
    return value if kind == "tensor" else value.item()


def variance_with_einsum(d_k: int, n: int, generator: torch.Generator) -> float:
    q, k = torch.randn(2, n, d_k, generator=generator, dtype=torch.float64)
    scores = torch.einsum("nd,nd->n", q, k)
    return float(scores.var())


def variance_with_statistics(d_k: int, n: int, generator: torch.Generator, *, mean: float = 0.0) -> float:
    scores = []
    for _ in range(n):
        q = torch.randn(d_k, generator=generator) + mean
        k = torch.randn(d_k, generator=generator) + mean
        scores.append(torch.dot(q, k).item())
    return statistics.variance(scores)


def variance_from_sums(d_k: int, n: int, generator: torch.Generator) -> float:
    k = torch.empty(n, d_k).normal_(generator=generator)
    q = torch.empty(n, d_k).normal_(generator=generator)
    scores = (q.unsqueeze(1) @ k.unsqueeze(2)).flatten()
    return ((scores - scores.mean()).square().sum() / (n - 1)).item()


def variance_with_numpy(d_k: int, n: int, generator: torch.Generator) -> Any:
    q = torch.randn((d_k, n), generator=generator).numpy()
    k = torch.randn((d_k, n), generator=generator).numpy()
    return np.var((q * k).sum(axis=0), ddof=1)


SCORE_VARIANCE = Exercise(
    number="3.1",
    title="score_variance",
    names=("score_variance",),
    minutes=10,
    reference=reference.score_variance,
    outputs=(Output("variance", dtype="python"),),
    public=lambda rng: [variance_case(4, 20_000, 0), variance_case(64, 20_000, 1)],
    tests=(
        Test(
            "grows with d_k", "a variance of about d_k when there are many pairs",
            lambda rng: [variance_case(1, 8000, 11), variance_case(9, 20_000, 12), variance_case(100, 8000, 13)],
        ),
        Test("all randomness from the generator", "equal generators give equal numbers", judge=judge_generator),
        Test("n − 1", "the squared deviations divided by n − 1, also when n is 2", judge=judge_n_minus_one),
    ),
    flawed=flawed_variance,
    mistakes=(
        Mistake(
            "standard-deviation", "the standard deviation instead of the variance",
            "The spread of the scores is their std.",
            "The variance is the square of the standard deviation: which of the two grows like d_k?",
            "step 3 of the stub", switches={"spread": "deviation"},
        ),
        Mistake(
            "divides-by-n", "squared deviations divided by n instead of n − 1", "A mean divides by n.",
            "The mean was estimated from the same n scores; what does that cost?",
            "step 3 of the stub", switches={"spread": "n"},
        ),
        Mistake(
            "query-is-the-key", "one vector used as both query and key",
            "Both are standard normal, so one draw will do.",
            "q · q is a squared length and is never negative. Are your q and k independent?",
            "step 1 of the stub", switches={"keys": "the queries"},
        ),
        Mistake(
            "uniform-entries", "entries from torch.rand, which lie between 0 and 1", "rand and randn are the same.",
            "What are the mean and the variance of a number drawn evenly from 0 to 1?",
            "step 1 of the stub", switches={"entries": "uniform"},
        ),
        Mistake(
            "mean-over-features", "the mean of the d_k products instead of their sum", "A mean is a fair score.",
            "A dot product adds. Does a mean of more numbers spread more, or less?",
            "step 2 of the stub", switches={"over": "mean"},
        ),
        Mistake(
            "variance-of-products", "the variance over all single products, before they are added up",
            "Everything that q · k is made of is in q * k.",
            "How many scores do n pairs have? Count the numbers you take the variance of.",
            "step 2 of the stub", switches={"over": "none"},
        ),
        Mistake(
            "global-generator", "random numbers that do not come from `generator`", "torch.randn is random enough.",
            "Call it twice with equally seeded generators: is the number the same?",
            "step 1 of the stub", switches={"source": "global"},
        ),
        Mistake(
            "seeds-itself", "a generator made inside the function, with a seed of its own",
            "A fixed seed makes it repeatable.",
            "The caller chose a generator: what happens to it?",
            "step 1 of the stub", switches={"source": "fixed"},
        ),
        Mistake(
            "tensor-returned", "a tensor instead of a Python number", "A tensor with one number is a number.",
            "Which method turns a tensor with one number into a Python float?",
            "step 3 of the stub", switches={"kind": "tensor"},
        ),
    ),
    variants=(
        Variant("einsum in float64", variance_with_einsum),
        Variant("pair by pair, statistics.variance, extra keyword", variance_with_statistics),
        Variant("from sums, keys drawn first", variance_from_sums),
        Variant("NumPy after drawing", variance_with_numpy),
    ),
)


# 3.2 softmax_jacobian ------------------------------------------------------------------------------------------------


def shares(rng: Rng, *shape: int, scale: float = 1.0, digits: int | None = None) -> np.ndarray:
    """Rows (…, S) that sum to 1, all numbers positive."""
    numbers = np.exp(scale * rng.standard_normal(shape))
    numbers /= numbers.sum(axis=-1, keepdims=True)
    if digits is None:
        return numbers
    numbers = np.round(numbers, digits)
    numbers[..., -1] = np.round(1.0 - numbers[..., :-1].sum(axis=-1), digits)
    return numbers


def jacobian_case(p: np.ndarray, **options: Any) -> Case:
    return Case(args=(p,), sizes={"S": p.shape[-1]}, **options)


def judge_jacobian_gradient(run: Run) -> None:
    """The derivative along directions in which p stays a distribution, and a finite gradient where p has zeros."""
    rng = np.random.default_rng(32)
    for shape in ((4,), (2, 3)):
        p, along = shares(rng, *shape), rng.standard_normal(shape)
        along -= along.mean(axis=-1, keepdims=True)
        gradient = gradient_at(run(jacobian_case(p, gradient=True)))
        above, below = (reference.softmax_jacobian(p + step * along) for step in (1e-6, -1e-6))
        slope = float((cotangent(above.shape) * (above - below)).sum() / 2e-6)
        if abs(float((gradient * along).sum()) - slope) > 1e-5 * max(1.0, abs(slope)):
            raise JudgeFailure("the derivative of the formula at p", "another derivative")
    gradient_at(run(jacobian_case(np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]), gradient=True)))


def gradient_at(outcome: Outcome) -> np.ndarray:
    """The gradient at the first argument; a judge fails when there is none or it is not finite."""
    gradient = outcome.gradients.get("args.0")
    if gradient is None:
        raise JudgeFailure("a gradient at the argument", "none reaches it: was it detached?")
    if not np.isfinite(gradient).all():
        raise JudgeFailure("a finite gradient", "NaN" if np.isnan(gradient).any() else "infinity")
    return gradient


def flawed_jacobian(p: Any, *, diagonal: str = "p", outer: str = "minus", again: bool = False, only: str = "all",
                    batch: str = "each", graph: str = "kept", width: str = "kept") -> Any:
    """The Jacobian of the softmax with switches that break it."""
    if graph == "cut":
        p = p.detach()
    if width == "double":
        p = p.double()
    if again:
        p = torch.softmax(p, dim=-1)
    S = p.shape[-1]
    eye = torch.eye(S, dtype=p.dtype)
    if only == "diagonal":
        return torch.diag_embed(p * (1 - p))
    if diagonal == "every entry":
        return p.unsqueeze(-1) * (1 - p.unsqueeze(-2))
    here = {"p": p.unsqueeze(-1) * eye, "ones": eye.expand(*p.shape, S), "missing": 0 * p.unsqueeze(-1) * eye}[diagonal]
    product = p.unsqueeze(-1) * p.unsqueeze(-2)
    if batch == "summed":
        product = product.reshape(-1, S, S).sum(dim=0).expand_as(product)
    return here - product if outer == "minus" else here + product


def jacobian_of_one_row(p: Any) -> Any:
    return torch.diag(p) - torch.outer(p, p)


def jacobian_diag_embed(p: Any) -> Any:
    return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]


def jacobian_einsum(p: Any, *, negative: bool = False) -> Any:
    eye = torch.eye(p.shape[-1], dtype=p.dtype)
    jacobian = torch.einsum("...i,ij->...ij", p, eye) - torch.einsum("...i,...j->...ij", p, p)
    return -jacobian if negative else jacobian


def jacobian_factored(p: Any) -> Any:
    eye = torch.eye(p.size(-1)).to(p)
    return p.unsqueeze(-1) * (eye - p.unsqueeze(-2))


def jacobian_by_rows(p: Any) -> Any:
    rows = p.reshape(-1, p.shape[-1])
    tables = []
    for row in rows:
        columns = [row[j] * (torch.nn.functional.one_hot(torch.tensor(j), len(row)) - row) for j in range(len(row))]
        tables.append(torch.stack(columns, dim=-1))
    return torch.stack(tables).reshape(*p.shape, p.shape[-1])


SOFTMAX_JACOBIAN = Exercise(
    number="3.2",
    title="softmax_jacobian",
    names=("softmax_jacobian",),
    minutes=15,
    reference=reference.softmax_jacobian,
    outputs=(Output("Jacobian", ("...", "S", "S")),),
    public=lambda rng: [
        jacobian_case(np.array([0.2, 0.3, 0.5])),
        jacobian_case(shares(rng, 2, 3, digits=1)),
        jacobian_case(shares(rng, 2, digits=2), dtype="float32"),
        jacobian_case(shares(rng, 2, 3, digits=2), gradient=True),
    ],
    tests=(
        Test(
            "one row", "∂p_i/∂z_j at row i and column j, for any S",
            lambda rng: [
                jacobian_case(shares(rng, 4)), jacobian_case(shares(rng, 7, scale=2.0)), jacobian_case(np.ones(1)),
            ],
        ),
        Test(
            "leading dimensions", "one S × S table for each distribution, whatever stands in front of S",
            lambda rng: [
                jacobian_case(shares(rng, 3, 5)), jacobian_case(shares(rng, 2, 3, 4)),
                jacobian_case(shares(rng, 4, 4)),
            ],
        ),
        Test(
            "zeros in p", "zeros where p is one-hot or all zero",
            lambda rng: [jacobian_case(np.eye(3)), jacobian_case(np.array([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]))],
        ),
        Test(
            "number types", "float32 in, float32 out",
            lambda rng: [jacobian_case(shares(rng, 2, 3), dtype="float32")],
        ),
        Test("gradients", "gradients reach p and are finite, also where p is 0", judge=judge_jacobian_gradient),
    ),
    flawed=flawed_jacobian,
    mistakes=(
        Mistake(
            "diagonal-only", "p (1 − p) on the diagonal and nothing beside it",
            "The derivative of a softmax is p (1 − p), as for a sigmoid.",
            "When one score rises, what must the other weights do, since all of them sum to 1?",
            "the equation above the stub", switches={"only": "diagonal"},
        ),
        Mistake(
            "no-diagonal-term", "−p_i p_j everywhere, also on the diagonal", "Every pair gives −p_i p_j.",
            "Does a weight rise or fall when its own score rises?", "step 1 of the stub",
            switches={"diagonal": "missing"},
        ),
        Mistake(
            "identity-for-diagonal", "ones on the diagonal instead of p", "1[i = j] is the identity matrix.",
            "1[i = j] is multiplied by something in the equation.", "step 1 of the stub", switches={"diagonal": "ones"},
        ),
        Mistake(
            "diagonal-everywhere", "p_i (1 − p_j) in every entry", "The factor is 1 − p_j.",
            "1[i = j] is 1 only where i and j are the same.", "step 1 of the stub",
            switches={"diagonal": "every entry"},
        ),
        Mistake(
            "outer-product-added", "p_i p_j added instead of subtracted", "The two parts are put together.",
            "What does each row of the Jacobian sum to, if the weights always sum to 1?",
            "step 2 of the stub", switches={"outer": "plus"},
        ),
        Mistake(
            "softmax-again", "softmax taken of p, which is a softmax already",
            "The function is about the softmax, so it starts with one.",
            "The argument holds weights, not scores.", "the first line of the docstring", switches={"again": True},
        ),
        Mistake(
            "batch-mixed", "the outer products of all rows added together", "A matrix product does the whole batch.",
            "Two distributions of a batch know nothing of each other.", "step 2 of the stub",
            switches={"batch": "summed"},
        ),
        Mistake(
            "one-row-only", "torch.diag and torch.outer, which take a single row",
            "torch.diag makes a diagonal matrix.",
            "What does torch.diag do with a matrix? Another function embeds diagonals behind any leading axes.",
            "step 1 of the stub", code=jacobian_of_one_row,
        ),
        Mistake(
            "graph-cut", "p detached, so that no gradient passes", "A derivative needs no derivative of its own.",
            "Which line takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("diag_embed", jacobian_diag_embed),
        Variant("einsum, extra keyword", jacobian_einsum),
        Variant("factored", jacobian_factored),
        Variant("row by row, column by column", jacobian_by_rows),
    ),
)


# 3.3 attention_entropy -----------------------------------------------------------------------------------------------

TINY_EPSILON = 2e-5


def entropy_case(weights: np.ndarray, **options: Any) -> Case:
    """A tolerance that lets an epsilon up to about 1e-6 inside the logarithm pass."""
    return Case(args=(weights,), tolerance=TINY_EPSILON, sizes={"S": weights.shape[-1]}, **options)


def judge_entropy_gradient(run: Run) -> None:
    """Where a weight is 0 the slope is a matter of convention; it has to be finite."""
    for weights in (np.array([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75]]), np.zeros((2, 3))):
        gradient_at(run(entropy_case(weights, gradient=True)))


def flawed_entropy(weights: Any, *, base: str = "nats", sign: int = -1, zeros: str = "safe", reduce: str = "sum",
                   axis: int | None = -1, again: bool = False, share: bool = False, graph: str = "kept",
                   width: str = "kept") -> Any:
    """Entropy in nats with switches that break it."""
    if graph == "cut":
        weights = weights.detach()
    if width == "double":
        weights = weights.double()
    p = torch.softmax(weights, dim=-1) if again else weights
    if zeros == "safe":
        terms = p * torch.where(p > 0, p, torch.ones_like(p)).log()
    elif zeros == "chosen afterwards":
        terms = torch.where(p > 0, p * p.log(), torch.zeros_like(p))
    elif zeros == "large epsilon":
        terms = p * (p + 1e-2).log()
    elif zeros == "slope":
        terms = -torch.special.entr(p)
    else:
        terms = p * p.log()
    if base == "bits":
        terms = terms / math.log(2.0)
    total = terms.mean(dim=axis) if reduce == "mean" else terms.sum(dim=axis)
    return sign * total / math.log(weights.shape[-1] + 1e-9) if share else sign * total


def entropy_where(weights: Any) -> Any:
    logs = torch.log(torch.where(weights == 0, 1.0, weights))
    return -torch.sum(weights * logs, dim=-1)


def entropy_epsilon(weights: Any, *, epsilon: float = 1e-9) -> Any:
    return -(weights * torch.log(weights + epsilon)).sum(-1)


def entropy_clamped(weights: Any) -> Any:
    surprise = -weights.clamp(min=torch.finfo(weights.dtype).tiny).log()
    return torch.einsum("...s,...s->...", weights, surprise)


def entropy_row_by_row(weights: Any) -> Any:
    rows = weights.reshape(-1, weights.shape[-1])
    results = []
    for row in rows:
        positive = row[row > 0]
        results.append(-(positive * positive.log()).sum())
    return torch.stack(results).reshape(weights.shape[:-1])


def entropy_masked_fill(weights: Any) -> Any:
    return (weights * weights.masked_fill(weights <= 0, 1.0).double().log().to(weights.dtype)).sum(-1).neg()


ATTENTION_ENTROPY = Exercise(
    number="3.3",
    title="attention_entropy",
    names=("attention_entropy",),
    minutes=10,
    starred=True,
    reference=reference.attention_entropy,
    outputs=(Output("entropy", ("...",)),),
    public=lambda rng: [
        entropy_case(np.array([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])),
        entropy_case(shares(rng, 2, 3, digits=1)),
        entropy_case(np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]])),
        entropy_case(shares(rng, 2, 3, digits=2), gradient=True),
        entropy_case(shares(rng, 2, 3, digits=2), dtype="float32"),
    ],
    tests=(
        Test(
            "nats over the keys", "−Σ p log p over the keys, one number for each query",
            lambda rng: [
                entropy_case(shares(rng, 5)), entropy_case(np.full((3, 4), 0.25)), entropy_case(shares(rng, 3, 5)),
            ],
        ),
        Test(
            "leading dimensions", "the same behind any leading dimensions",
            lambda rng: [
                entropy_case(shares(rng, 2, 3, 4)), entropy_case(shares(rng, 2, 1, 3, 2)),
                entropy_case(np.ones((2, 1))),
            ],
        ),
        Test(
            "zero weights", "a weight of 0 adds nothing, and a row of zeros has entropy 0",
            lambda rng: [
                entropy_case(np.eye(3)), entropy_case(np.array([[0.0, 0.3, 0.7], [0.0, 0.0, 0.0], [0.2, 0.8, 0.0]])),
            ],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [entropy_case(shares(rng, 2, 6), dtype="float32")]),
        Test(
            "gradients", "the derivative where all weights are positive",
            lambda rng: [entropy_case(shares(rng, 3, 4), gradient=True)],
        ),
        Test("gradients at zero", "a finite gradient where weights are 0", judge=judge_entropy_gradient),
    ),
    flawed=flawed_entropy,
    mistakes=(
        Mistake(
            "zero-times-log-zero", "0 · log 0, which a computer takes for NaN", "A product with 0 is 0.",
            "log 0 is −∞, and 0 · (−∞) is not a number. What could stand inside the log where p is 0?",
            "step 1 of the stub", switches={"zeros": "raw"},
        ),
        Mistake(
            "chosen-after-the-log",
            "the right values, but log 0 still computed on the way, so that the gradient is NaN",
            "torch.where picks the good branch, so the other does not matter.",
            "The backward pass goes through both branches. Make the *input* of the log harmless.",
            "step 1 of the stub", switches={"zeros": "chosen afterwards"},
        ),
        Mistake(
            "infinite-slope-at-zero", "torch.special.entr or xlogy, whose slope at 0 is infinite or NaN",
            "The library knows 0 log 0.",
            "It knows the value. What is the derivative of −p log p at 0?",
            "step 1 of the stub", switches={"zeros": "slope"},
        ),
        Mistake(
            "large-epsilon", "an epsilon inside the log that is large enough to be seen", "Any small number will do.",
            "Next to a weight of .01, is your epsilon small?", "step 1 of the stub",
            switches={"zeros": "large epsilon"},
        ),
        Mistake(
            "bits", "log base 2: the entropy in bits", "Entropy is measured in bits.",
            "Nats are asked for: what is the entropy of (½, ½) in nats?", "the units in the docstring",
            switches={"base": "bits"},
        ),
        Mistake(
            "sign-forgotten", "no minus sign", "The formula is Σ p log p.",
            "Is the log of a weight below 1 positive?", "step 2 of the stub", switches={"sign": 1},
        ),
        Mistake(
            "mean-over-keys", "the mean over the keys instead of the sum", "Entropy is an average.",
            "An average with the weights p is a sum: the p are in it already.", "step 2 of the stub",
            switches={"reduce": "mean"},
        ),
        Mistake(
            "sum-over-queries", "a sum over the query axis", "The first of the two axes is summed.",
            "One number for each query is wanted: which axis has to go?", "step 2 of the stub", switches={"axis": -2},
        ),
        Mistake(
            "sum-over-everything", "one number for all queries together", "Sum everything up.",
            "One number for each query is wanted.", "step 2 of the stub", switches={"axis": None},
        ),
        Mistake(
            "softmax-again", "softmax taken of weights that are a softmax already",
            "Entropy needs probabilities, so softmax first.",
            "The rows of the argument sum to 1 already.", "the first line of the docstring", switches={"again": True},
        ),
        Mistake(
            "share-of-the-maximum", "the entropy divided by log S", "Entropy lies between 0 and 1.",
            "Nats are asked for, not a share of the largest possible entropy.", "the units in the docstring",
            switches={"share": True},
        ),
        Mistake(
            "graph-cut", "weights detached, so that no gradient passes", "Entropy is only looked at, never trained.",
            "Which line takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("where inside the log", entropy_where),
        Variant("epsilon of 1e-9, extra keyword", entropy_epsilon),
        Variant("clamped, einsum", entropy_clamped),
        Variant("only the positive weights, row by row", entropy_row_by_row),
        Variant("masked_fill, log in float64", entropy_masked_fill),
    ),
)


# 3.4 scaled_dot_product_attention ------------------------------------------------------------------------------------

LIBRARY = ("scaled_dot_product_attention",)


def attention_case(rng: Rng, batch: tuple[int, ...], T: int, S: int, d_k: int, d_v: int, *,
                   mask: np.ndarray | None = None,
                   scale: float = 1.0, draw: Callable[..., np.ndarray] = normal, **options: Any) -> Case:
    args = (draw(rng, *batch, T, d_k, scale=scale), draw(rng, *batch, S, d_k, scale=scale), draw(rng, *batch, S, d_v))
    kwargs = {} if mask is None else {"mask": mask}
    return Case(args=args, kwargs=kwargs, sizes={"T": T, "S": S, "d_k": d_k, "d_v": d_v}, watch=LIBRARY, **options)


def open_somewhere(rng: Rng, *shape: int) -> np.ndarray:
    """A mask (…, S), about half of it open, at least one key open and one blocked in every row."""
    mask = rng.random(shape) < 0.5
    rows = mask.reshape(-1, shape[-1])
    places = rng.integers(0, shape[-1], size=len(rows))
    rows[np.arange(len(rows)), places] = True
    rows[np.arange(len(rows)), (places + 1) % shape[-1]] = False
    return rows.reshape(shape)


def without_rows(mask: np.ndarray, *rows: int) -> np.ndarray:
    """The mask with nothing to attend to in these query rows."""
    closed = mask.copy()
    closed[..., list(rows), :] = False
    return closed


def blocked_key_scores_highest(rng: Rng) -> Case:
    """The blocked key matches every query far better than the open ones, by hundreds after scaling."""
    Q, K, V = normal(rng, 2, 3, 4), normal(rng, 2, 5, 4), normal(rng, 2, 5, 3)
    Q[..., 0] = 40.0
    K[..., 0] = np.array([0.0, 60.0, 0.0, 0.0, 60.0])
    mask = np.array([True, False, True, True, False])
    return Case(args=(Q, K, V, mask), sizes={"T": 3, "S": 5, "d_k": 4, "d_v": 3}, watch=LIBRARY)


def very_low_scores(rng: Rng) -> Case:
    """All open scores lie below −10⁴, so a fill of −10⁴ would win."""
    Q, K, V = normal(rng, 3, 4), normal(rng, 4, 4), normal(rng, 4, 2)
    Q[:, 0], K[:, 0] = 300.0, -300.0
    return Case(args=(Q, K, V, open_somewhere(rng, 3, 4)), sizes={"T": 3, "S": 4, "d_k": 4, "d_v": 2}, watch=LIBRARY)


def flawed_scaled_attention(Q: Any, K: Any, V: Any, mask: Any = None, *, scale: str = "sqrt", axis: int = -1,
                            values: str = "V",
                            polarity: str = "may attend", masking: str = "before", fill: float = -math.inf,
                            empty: str = "zeros", graph: str = "kept", width: str = "kept") -> Any:
    """Scaled dot-product attention with switches that break it."""
    if graph == "cut":
        Q, K, V = Q.detach(), K.detach(), V.detach()
    if width == "double":
        Q, K, V = Q.double(), K.double(), V.double()
    root = math.sqrt(Q.shape[-1])
    factor = {
        "sqrt": 1 / root, "d_k": 1 / root**2, "twice": 1 / root**2, "multiplied": root, "T": 1 / math.sqrt(Q.shape[-2]),
        "d_v": 1 / math.sqrt(V.shape[-1]),
    }.get(scale, 1.0)
    scores = Q @ K.transpose(-2, -1) * factor
    allowed = torch.ones_like(scores, dtype=torch.bool) if mask is None else torch.broadcast_to(mask, scores.shape)
    allowed = ~allowed if polarity == "blocked" and mask is not None else allowed
    weights = masked_weights(scores, allowed, axis, masking, fill, empty)
    if scale == "weights":
        weights = weights / root
    V = V / root if scale == "values" else V
    return weights @ (V if values == "V" else K), weights


def masked_weights(scores: Any, allowed: Any, axis: int, masking: str, fill: float, empty: str) -> Any:
    """The weights, masked before or after the softmax, with one of the ways to treat a row without an open key."""
    if masking == "never":
        return torch.softmax(scores, dim=axis)
    if masking == "after":
        return torch.softmax(scores, dim=axis) * allowed
    if masking == "after, shared out again":
        rest = torch.softmax(scores, dim=axis) * allowed
        return rest / rest.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(rest.dtype).tiny)
    some = allowed.any(dim=-1, keepdim=True)
    filled = scores.masked_fill(~allowed, fill)
    if empty == "zeros" and math.isinf(fill):
        return torch.softmax(filled.masked_fill(~some, 0.0), dim=axis) * some
    if empty == "mended afterwards":
        added = torch.zeros_like(scores).masked_fill(~allowed, fill)
        return torch.nan_to_num(torch.softmax(scores + added, dim=axis))
    return torch.softmax(filled, dim=axis)


def attention_from_library(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    weights = attention_with_exponentials(Q, K, V, mask)[1]
    empty = weights.sum(dim=-1, keepdim=True) == 0
    wide = None if mask is None else torch.broadcast_to(mask, weights.shape) | empty
    output = torch.nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=wide)
    return output.masked_fill(empty, 0.0), weights


def attention_with_exponentials(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    scores = torch.einsum("...tk,...sk->...ts", Q, K) / K.shape[-1] ** 0.5
    if mask is not None:
        scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    exponentials = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    if mask is not None:
        exponentials = exponentials * mask
    weights = exponentials / exponentials.sum(dim=-1, keepdim=True).clamp_min(1e-30)
    return torch.einsum("...ts,...sv->...tv", weights, V), weights


def attention_large_negative(Q: Any, K: Any, V: Any, mask: Any = None, *, very_low: float = -1e30) -> Any:
    scores = torch.matmul(Q * Q.shape[-1] ** -0.5, K.mT)
    if mask is None:
        weights = scores.softmax(-1)
    else:
        weights = scores.masked_fill(torch.logical_not(mask), very_low).softmax(-1).masked_fill(~mask, 0)
    return weights @ V, weights


def attention_split_scale(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    root = math.sqrt(math.sqrt(Q.shape[-1]))
    scores = (Q / root) @ (K / root).transpose(-1, -2)
    mask = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
    empty = ~mask.any(dim=-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(~(mask | empty), float("-inf")), dim=-1)
    weights = torch.where(empty, torch.zeros_like(weights), weights)
    return torch.matmul(weights, V), weights


def attention_nan_to_num(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    scores = torch.matmul(Q, K.transpose(-2, -1)).div(K.size(-1) ** 0.5)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1).nan_to_num(0.0)
    return torch.matmul(weights, V), weights


def attention_query_by_query(Q: Any, K: Any, V: Any, mask: Any = None) -> Any:
    mask = None if mask is None else torch.broadcast_to(mask, (*Q.shape[:-1], K.shape[-2]))
    rows = []
    for t in range(Q.shape[-2]):
        scores = (Q[..., t, None, :] * K).sum(-1) / math.sqrt(K.shape[-1])
        open_keys = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask[..., t, :]
        scores = scores.masked_fill(~open_keys, -1e9 * max(1.0, float(scores.detach().abs().max())))
        rows.append(torch.softmax(scores, dim=-1) * open_keys)
    weights = torch.stack(rows, dim=-2)
    return weights @ V, weights


OUTPUT_AND_WEIGHTS = (
    Output("output", ("...", "T", "d_v")),
    Output("weights", ("...", "T", "S"), properties=("not negative", "rows sum to 1")),
)

SCALED_ATTENTION = Exercise(
    number="3.4",
    title="scaled_dot_product_attention",
    names=("scaled_dot_product_attention",),
    minutes=20,
    reference=reference.scaled_dot_product_attention,
    outputs=OUTPUT_AND_WEIGHTS,
    public=lambda rng: [
        attention_case(rng, (), 2, 3, 4, 2, draw=rounded),
        attention_case(rng, (), 2, 3, 4, 3, mask=np.array([[True, True, False], [False, True, True]]), draw=rounded),
        attention_case(rng, (2,), 2, 3, 4, 4, mask=np.array([[True, False, True], [False, False, False]]),
        draw=rounded),
        attention_case(rng, (), 2, 3, 4, 2, mask=np.array([[True, False, True], [False, False, False]]),
        draw=rounded, gradient=True),
        attention_case(rng, (), 2, 3, 4, 2, draw=rounded, dtype="float32"),
    ],
    tests=(
        Test(
            "unequal sizes", "softmax over the keys of q · k / √d_k, for any T, S, d_k and d_v",
            lambda rng: [
                attention_case(rng, (), 3, 5, 4, 7), attention_case(rng, (), 5, 2, 9, 3), attention_case(rng, (),
                3, 3, 3, 3),
                attention_case(rng, (), 2, 4, 1, 2),
            ],
        ),
        Test(
            "leading dimensions", "the same for one example, a batch, and a batch of heads",
            lambda rng: [
                attention_case(rng, (3,), 4, 5, 2, 3), attention_case(rng, (3, 2), 2, 3, 5, 4, dtype="float32"),
            ],
        ),
        Test(
            "masks",
            "no weight where the mask is False and shares of 1 where it is True, for every shape that broadcasts",
            lambda rng: [
                attention_case(rng, (), 4, 5, 3, 2, mask=open_somewhere(rng, 4, 5)),
                attention_case(rng, (3, 2), 4, 5, 3, 2, mask=open_somewhere(rng, 3, 1, 1, 5)),
                attention_case(rng, (3, 2), 2, 4, 5, 3, mask=open_somewhere(rng, 3, 2, 2, 4), dtype="float32"),
                attention_case(rng, (2,), 3, 4, 6, 3, mask=open_somewhere(rng, 4)),
            ],
        ),
        Test(
            "nothing to attend to", "zero weights and a zero output for a query that may attend to nothing",
            lambda rng: [
                attention_case(rng, (), 4, 5, 3, 2, mask=without_rows(open_somewhere(rng, 4, 5), 1, 3)),
                attention_case(rng, (2, 3), 3, 4, 5, 2, mask=without_rows(open_somewhere(rng, 2, 1, 3, 4), 0),
                dtype="float32"),
                attention_case(rng, (2,), 3, 2, 4, 3, mask=np.zeros((3, 2), dtype=bool)),
            ],
        ),
        Test(
            "large scores",
            "finite weights for scores in the tens of thousands, also when a blocked key scores highest",
            lambda rng: [
                attention_case(rng, (2,), 3, 4, 5, 2, scale=40.0), blocked_key_scores_highest(rng),
                very_low_scores(rng),
            ],
        ),
        Test(
            "gradients", "finite gradients at Q, K and V, also in rows with nothing to attend to",
            lambda rng: [
                attention_case(rng, (2,), 3, 4, 5, 2, gradient=True),
                attention_case(rng, (), 3, 4, 2, 3, mask=without_rows(open_somewhere(rng, 3, 4), 1), gradient=True),
            ],
        ),
    ),
    flawed=flawed_scaled_attention,
    mistakes=(
        Mistake(
            "unscaled", "the scores of notebook 2, not divided at all", "The softmax takes care of large scores.",
            "What is the standard deviation of q · k after 3.1?", "step 1 of the stub", switches={"scale": "none"},
        ),
        Mistake(
            "divided-by-d_k", "scores divided by d_k instead of √d_k", "The variance is d_k, so divide by d_k.",
            "Dividing by c divides the variance by c².", "step 1 of the stub", switches={"scale": "d_k"},
        ),
        Mistake(
            "multiplied-by-root", "scores multiplied by √d_k", "The scale factor is √d_k.",
            "Should the scores spread more than before, or less?", "step 1 of the stub",
            switches={"scale": "multiplied"},
        ),
        Mistake(
            "root-of-positions", "√T instead of √d_k: the size of the wrong axis", "The size is in Q.shape.",
            "Which axis of Q holds the features?", "step 1 of the stub", switches={"scale": "T"},
        ),
        Mistake(
            "root-of-d_v", "√d_v instead of √d_k", "The width is the width.",
            "The values take no part in the scores.", "step 1 of the stub", switches={"scale": "d_v"},
        ),
        Mistake(
            "scaled-after-softmax", "the weights divided by √d_k after the softmax", "Divide whatever comes out.",
            "What must the weights of one query sum to?", "step 3 of the stub", switches={"scale": "weights"},
        ),
        Mistake(
            "values-scaled", "the values divided by √d_k, and the scores not", "The scale belongs to the output.",
            "Which numbers had the variance d_k?", "step 1 of the stub", switches={"scale": "values"},
        ),
        Mistake(
            "softmax-over-queries", "softmax over the query axis instead of the key axis",
            "Softmax goes over the first of the two positions.",
            "Each row of (T, S) belongs to one query and sums to 1.", "step 3 of the stub", switches={"axis": -2},
        ),
        Mistake(
            "averages-the-keys", "the keys averaged instead of the values", "The weights belong to the keys.",
            "Which of K and V has the width of the output?", "step 4 of the stub", switches={"values": "K"},
        ),
        Mistake(
            "mask-ignored", "the mask not used", "The mask is optional.",
            "Optional for the caller: what if it is there?", "step 2 of the stub", switches={"masking": "never"},
        ),
        Mistake(
            "mask-inverted", "the mask read the other way round: True as blocked", "A mask masks: True means hidden.",
            "In this course True = may attend.", "the word mask in the docstring", switches={"polarity": "blocked"},
        ),
        Mistake(
            "mask-after-softmax", "weights set to 0 after the softmax, so that the row no longer sums to 1",
            "A blocked key gets the weight 0.",
            "What do the other keys' weights sum to then?", "step 2 of the stub", switches={"masking": "after"},
        ),
        Mistake(
            "shared-out-again",
            "masked after the softmax and shared out again, which breaks down when a blocked key has all the weight",
            "Dividing by what is left repairs the sum.",
            "What is left when a blocked key scores 1000 higher than the others?",
            "step 2 of the stub", switches={"masking": "after, shared out again"},
        ),
        Mistake(
            "filled-with-zero", "blocked scores filled with 0", "0 means nothing.",
            "exp(0) is 1. Which score has the exponential 0?", "step 2 of the stub", switches={"fill": 0.0},
        ),
        Mistake(
            "finite-fill", "blocked scores filled with −10⁴: a row with nothing to attend to gets equal weights",
            "−10000 is as good as −∞.",
            "What does the softmax make of a row in which every score is −10000?", "step 3 of the stub",
            switches={"fill": -1e4},
        ),
        Mistake(
            "nan-on-empty-rows", "NaN for a query that may attend to nothing", "The softmax will handle it.",
            "A softmax over nothing but −∞ is 0/0.", "step 3 of the stub", switches={"empty": "nan"},
        ),
        Mistake(
            "nan-mended-afterwards",
            "−∞ added to a whole row and NaN replaced by 0 afterwards, which mends the value and not the gradient",
            "nan_to_num removes the NaN.",
            "The backward pass still goes through the NaN. Give the softmax of such a row finite scores.",
            "step 3 of the stub", switches={"empty": "mended afterwards"},
        ),
        Mistake(
            "library-call", "a call of PyTorch's own scaled_dot_product_attention", "Why write it again?",
            "The stub asks for the four steps themselves; compare with the library afterwards.",
            "the docstring", code=attention_from_library,
        ),
        Mistake(
            "graph-cut", "inputs detached, so that nothing can be learned", "Detaching avoids trouble with gradients.",
            "Which line takes the tensor out of the graph?", "the whole function", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("exponentials by hand", attention_with_exponentials),
        Variant("very low fill, then zeros, extra keyword", attention_large_negative),
        Variant("scale split between Q and K", attention_split_scale),
        Variant("query by query", attention_query_by_query),
        Variant("filled with −∞, NaN to 0", attention_nan_to_num),
    ),
)


# 3.5 choose_scale ----------------------------------------------------------------------------------------------------


def scale_cases(*arguments: tuple[float, float, int]) -> Sequence[Case]:
    return [Case(args=three) for three in arguments]


def flawed_scale(var_q: float, var_k: float, d_k: int, *, taken: str = "both", root: str = "root", way: str = "factor",
                 together: str = "product") -> float:
    """The scale for unit variance, with switches that break it."""
    each = {"both": (var_q, var_k), "neither": (1.0, 1.0), "q only": (var_q, 1.0),
    "squared": (var_q**2, var_k**2)}[taken]
    size = each[0] * each[1] if together == "product" else each[0] + each[1]
    variance = size if root == "no d_k" else size * d_k
    divisor = variance if root == "none" else math.sqrt(variance)
    return 1 / divisor if way == "factor" else divisor


def scale_by_powers(var_q: float, var_k: float, d_k: int) -> Any:
    return (var_q * var_k * d_k) ** -0.5


def scale_by_deviations(var_q: float, var_k: float, d_k: int) -> float:
    deviation_of_one_product = math.sqrt(var_q) * math.sqrt(var_k)
    return 1 / (deviation_of_one_product * math.sqrt(d_k))


def scale_with_numpy(var_q: float, var_k: float, d_k: int) -> Any:
    return np.reciprocal(np.sqrt(float(var_q) * float(var_k) * d_k))


def scale_with_torch(var_q: float, var_k: float, d_k: int, *, target: float = 1.0) -> float:
    return torch.rsqrt(torch.tensor(var_q * var_k * d_k / target, dtype=torch.float64)).item()


CHOOSE_SCALE = Exercise(
    number="3.5",
    title="choose_scale",
    names=("choose_scale",),
    minutes=5,
    starred=True,
    reference=reference.choose_scale,
    outputs=(Output("factor", dtype=""),),
    public=lambda rng: scale_cases((1.0, 1.0, 64), (4.0, 9.0, 16), (0.25, 2.0, 3)),
    tests=(
        Test(
            "unit variances", "1/√d_k when both variances are 1",
            lambda rng: scale_cases((1.0, 1.0, 10), (1.0, 1.0, 1)),
        ),
        Test(
            "any variances", "a factor that makes the variance of the score 1",
            lambda rng: scale_cases((0.3, 5.0, 7), (2.5, 0.1, 48), (6.0, 6.0, 5)),
        ),
        Test(
            "very small and very large variances", "the same for variances far from 1",
            lambda rng: scale_cases((1e-4, 3.0, 12), (2e5, 40.0, 3)),
        ),
    ),
    flawed=flawed_scale,
    mistakes=(
        Mistake(
            "always-root-d_k", "1/√d_k whatever the variances are", "The scale is 1/√d_k.",
            "1/√d_k is right for entries of variance 1. What is the variance of one product q_i k_i here?",
            "the equation above the stub", switches={"taken": "neither"},
        ),
        Mistake(
            "variances-as-deviations", "the variances treated as standard deviations",
            "Divide by the spread of q, of k, and √d_k.",
            "Is var_q a variance or a standard deviation?", "step 1 of the stub", switches={"taken": "squared"},
        ),
        Mistake(
            "no-root", "one over the variance instead of one over its square root", "Divide by what is too large.",
            "Multiplying by c multiplies a variance by c².", "step 2 of the stub", switches={"root": "none"},
        ),
        Mistake(
            "divisor-returned", "the number to divide by instead of the factor to multiply with", "The scale is √(…).",
            "The factor is multiplied with q · k.", "the docstring", switches={"way": "divisor"},
        ),
        Mistake(
            "variances-added", "the two variances added instead of multiplied", "Variances add up.",
            "They add for a sum. Here q_i and k_i are multiplied.", "step 1 of the stub", switches={"together": "sum"},
        ),
        Mistake(
            "keys-forgotten", "the variance of the keys left out", "The query decides.",
            "Twice as large keys make twice as large scores.", "step 1 of the stub", switches={"taken": "q only"},
        ),
        Mistake(
            "d_k-forgotten", "the number of features left out", "The variances say it all.",
            "The score adds up d_k products.", "step 1 of the stub", switches={"root": "no d_k"},
        ),
    ),
    variants=(
        Variant("power of −½", scale_by_powers),
        Variant("through standard deviations", scale_by_deviations),
        Variant("NumPy", scale_with_numpy),
        Variant("torch, extra keyword", scale_with_torch),
    ),
)


# 3.6 log_softmax -----------------------------------------------------------------------------------------------------


def logs_case(z: np.ndarray, *axis: int, **options: Any) -> Case:
    """A tolerance that grows with the largest |z|, because z − max loses that many digits."""
    precision = 2e-6 if options.get("dtype") == "float32" else 1e-12
    floor = 2e-5 if options.get("dtype") == "float32" else 1e-8
    tolerance = max(floor, precision * float(np.abs(z).max()))
    return Case(args=(z, *axis), tolerance=tolerance, **options)


def flawed_log_softmax(z: Any, axis: int = -1, *, way: str = "shifted", shift: str = "line", undo: bool = True,
                       over: str = "axis",
                       reduce: str = "sum", keepdim: bool = True, base: float = math.e, graph: str = "kept",
                       width: str = "kept") -> Any:
    """Log-softmax with switches that break it."""
    if graph == "cut":
        z = z.detach()
    if width == "double":
        z = z.double()
    axis = -1 if over == "last" else axis
    if way == "log of softmax":
        return torch.softmax(z, dim=axis).log()
    if way == "log of softmax plus epsilon":
        return (torch.softmax(z, dim=axis) + 1e-9).log()
    top = {"line": z.amax(dim=axis, keepdim=True), "array": z.max(), "none": torch.zeros_like(z)}[shift]
    exponentials = (z - top).exp()
    if over == "everything":
        total = exponentials.sum()
    else:
        total = (exponentials.mean if reduce == "mean" else exponentials.sum)(dim=axis, keepdim=keepdim)
    logs = total.log() / math.log(base)
    return z - top - logs if undo else z - logs


def log_softmax_library(z: Any, axis: int = -1) -> Any:
    return torch.log_softmax(z, dim=axis)


def log_softmax_logsumexp(z: Any, axis: int = -1) -> Any:
    return z - torch.logsumexp(z, dim=axis, keepdim=True)


def log_softmax_shifted(z: Any, axis: int = -1) -> Any:
    shifted = z - z.max(dim=axis, keepdim=True).values.detach()
    return shifted - torch.log(torch.sum(torch.exp(shifted), dim=axis, keepdim=True))


def log_softmax_line_by_line(z: Any, axis: int = -1, *, longest: int = 10_000) -> Any:
    def one_line(line: Any) -> Any:
        differences = line - line.max()
        return differences - differences.exp().sum().log()

    moved = z.movedim(axis, -1)
    lines = [one_line(line) for line in moved.reshape(-1, moved.shape[-1])[:longest]]
    return torch.stack(lines).reshape(moved.shape).movedim(-1, axis)


def log_softmax_in_float64(z: Any, axis: int = -1) -> Any:
    wide = z.double()
    wide = wide - wide.amax(axis, keepdim=True)
    return (wide - wide.exp().sum(axis, keepdim=True).log()).to(z.dtype)


LOG_SOFTMAX = Exercise(
    number="3.6",
    title="log_softmax",
    names=("log_softmax",),
    minutes=10,
    reference=reference.log_softmax,
    outputs=(Output("logs"),),
    public=lambda rng: [
        logs_case(np.array([1.0, 2.0, 4.0])),
        logs_case(rounded(rng, 2, 3), 0),
        logs_case(np.array([[1000.0, 1001.0, 0.0], [-1000.0, -1001.0, -3000.0]])),
        logs_case(rounded(rng, 3), dtype="float32"),
        logs_case(np.array([[1.0, 0.0, -900.0]]), gradient=True),
    ],
    tests=(
        Test("one row", "z − log Σ exp z", lambda rng: [logs_case(normal(rng, 5)), logs_case(normal(rng, 1))]),
        Test(
            "any axis", "each line along `axis` on its own, whichever axis is named",
            lambda rng: [logs_case(normal(rng, 3, 4, 5), axis) for axis in (0, 1, 2, -2)]
            + [logs_case(normal(rng, 4, 4), 0)],
        ),
        Test(
            "large numbers", "finite wherever the true value can be represented, line by line",
            lambda rng: [
                logs_case(normal(rng, 3, 4) + np.array([[900.0], [-2000.0], [0.0]])),
                logs_case(normal(rng, 2, 5, scale=1000.0)),
                logs_case(normal(rng, 2, 5, scale=400.0), dtype="float32"),
                logs_case(np.array([0.0, -1e300, 3.0])),
            ],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [logs_case(normal(rng, 2, 3), dtype="float32")]),
        Test(
            "gradients", "finite gradients, also where a weight is as good as 0",
            lambda rng: [
                logs_case(normal(rng, 3, 4), gradient=True),
                logs_case(normal(rng, 2, 3, scale=900.0), 0, gradient=True),
            ],
        ),
    ),
    flawed=flawed_log_softmax,
    mistakes=(
        Mistake(
            "log-of-softmax", "the log of a finished softmax, which has underflowed to 0",
            "log(softmax(z)) is the definition.",
            "What is exp(−1000) in floating point, and what is its log?", "step 3 of the stub",
            switches={"way": "log of softmax"},
        ),
        Mistake(
            "epsilon-in-the-log", "a small number added so that the log stays finite, but wrong",
            "An epsilon avoids −∞.",
            "The true value may be −1000. How low can log(p + 1e-9) go?", "step 3 of the stub",
            switches={"way": "log of softmax plus epsilon"},
        ),
        Mistake(
            "no-shift", "exponentials of the raw numbers, which overflow", "The formula has no maximum in it.",
            "What is exp(1000)? Taking one number off a whole line changes nothing: choose it well.",
            "step 1 of the stub", switches={"shift": "none"},
        ),
        Mistake(
            "shift-inside-only", "the maximum taken off inside the sum but not outside",
            "The shift is only for the exponential.",
            "A shift changes nothing when it is made on both sides of the minus sign.", "step 3 of the stub",
            switches={"undo": False},
        ),
        Mistake(
            "shift-by-global-maximum", "the maximum of the whole array taken off every line",
            "One maximum is enough for everything.",
            "Which line would underflow to zeros when another is 2000 higher?", "step 1 of the stub",
            switches={"shift": "array"},
        ),
        Mistake(
            "axis-ignored", "the last axis whatever `axis` says", "Softmax is over the last axis.",
            "Try axis=0 on a table of two rows.", "the argument `axis`", switches={"over": "last"},
        ),
        Mistake(
            "sum-over-everything", "one sum over the whole tensor, not one per line", "All shares together make 1.",
            "How many sums does a 2 × 3 table with axis=-1 need?", "step 2 of the stub",
            switches={"over": "everything"},
        ),
        Mistake(
            "no-keepdim", "a sum without keepdim=True, which lines up with the wrong axis",
            "Torch will line the sums up.",
            "Print the shapes on both sides of the minus sign.", "step 2 of the stub", switches={"keepdim": False},
        ),
        Mistake(
            "mean-for-sum", "the mean of the exponentials instead of their sum", "The average is the normaliser.",
            "Do the exponentials of your result sum to 1?", "step 2 of the stub", switches={"reduce": "mean"},
        ),
        Mistake(
            "base-two", "log base 2 of the sum", "Information is in bits.",
            "z is already a natural logarithm.", "step 2 of the stub", switches={"base": 2.0},
        ),
        Mistake(
            "graph-cut", "z detached, so that nothing can be learned", "Detaching avoids trouble with gradients.",
            "Only the maximum may be taken out of the graph.", "step 1 of the stub", switches={"graph": "cut"},
        ),
        Mistake(
            "always-float64", "everything turned into float64", "Double precision is safer.",
            "Return the number type you were given.", "the whole function", switches={"width": "double"},
        ),
    ),
    variants=(
        Variant("logsumexp", log_softmax_logsumexp),
        Variant("shifted by a detached maximum", log_softmax_shifted),
        Variant("line by line, extra keyword", log_softmax_line_by_line),
        Variant("float64 inside", log_softmax_in_float64),
        Variant("torch's log_softmax", log_softmax_library),
    ),
)


# 3.7 correlated_score_moments ----------------------------------------------------------------------------------------


def moments_cases(*arguments: tuple[int, float]) -> Sequence[Case]:
    return [Case(args=two) for two in arguments]


def flawed_moments(d_k: int, rho: float, *, mean: str = "d rho", spread: str = "1 + rho^2", root: bool = False,
                   order: str = "mean first", size: str = "summed") -> Any:
    """Mean and variance of q · k under correlation, with switches that break them."""
    count = d_k if size == "summed" else 1
    first = {"d rho": count * rho, "zero": 0.0, "rho": rho, "absolute": count * abs(rho),
    "squared": count * rho**2}[mean]
    each = {
        "1 + rho^2": 1 + rho**2, "1 - rho^2": 1 - rho**2, "1": 1.0, "1 + 2 rho^2": 1 + 2 * rho**2, "1 + rho": 1 + rho,
    }[spread]
    second = math.sqrt(count * each) if root else count * each
    return (first, second) if order == "mean first" else (second, first)


def moments_plain(d_k: int, rho: float) -> Any:
    return d_k * rho, d_k * (1 + rho * rho)


def moments_from_second_moment(d_k: int, rho: float) -> Any:
    mean_of_one = rho
    mean_of_square = 1 + 2 * rho**2
    return [mean_of_one * d_k, (mean_of_square - mean_of_one**2) * d_k]


def moments_from_parts(d_k: int, rho: float, *, steps: int = 1) -> Any:
    own, other = rho, math.sqrt(1 - rho**2)
    variance_of_square = 2.0
    variances = [own**2 * variance_of_square + other**2 for _ in range(d_k)]
    return float(np.sum([own] * d_k)) * steps, float(np.sum(variances)) * steps


def moments_with_numpy(d_k: int, rho: float) -> Any:
    each = np.array([rho, 1.0 + np.square(rho)])
    mean, variance = d_k * each
    return mean, variance


CORRELATED_MOMENTS = Exercise(
    number="3.7",
    title="correlated_score_moments",
    names=("correlated_score_moments",),
    minutes=15,
    starred=True,
    reference=reference.correlated_score_moments,
    outputs=(Output("mean", dtype=""), Output("variance", dtype="")),
    public=lambda rng: moments_cases((4, 0.5), (1, 0.2), (9, -0.4)),
    tests=(
        Test("no correlation", "mean 0 and variance d_k when rho is 0", lambda rng: moments_cases((1, 0.0), (7, 0.0))),
        Test(
            "some correlation", "the mean and the variance of the sum of d_k correlated products",
            lambda rng: moments_cases((5, 0.3), (16, 0.8), (1, 0.6)),
        ),
        Test("negative correlation", "the same when rho is below 0", lambda rng: moments_cases((6, -0.7), (3, -0.2))),
        Test(
            "q is k, or −k", "the mean and the variance of ± the squared length",
            lambda rng: moments_cases((8, 1.0), (3, -1.0)),
        ),
    ),
    flawed=flawed_moments,
    mistakes=(
        Mistake(
            "mean-stays-zero", "a mean of 0, as for independent entries",
            "Each entry has mean 0, so the product has too.",
            "The mean of a product of two numbers of mean 0 is their covariance.", "step 1 of the stub",
            switches={"mean": "zero"},
        ),
        Mistake(
            "mean-of-one-product", "the mean of one product, not of the sum of d_k", "The correlation is the mean.",
            "How many products are added up?", "step 1 of the stub", switches={"mean": "rho"},
        ),
        Mistake(
            "sign-lost", "a mean that does not know the sign of rho", "A correlation is a size.",
            "When rho is −1, k is −q. What is the sign of q · k?", "step 1 of the stub", switches={"mean": "absolute"},
        ),
        Mistake(
            "variance-unchanged", "a variance of d_k whatever rho is", "Correlation moves the mean only.",
            "For rho = 1 the score is a squared length: a sum of d_k squares of standard normals, each of variance 2.",
            "step 2 of the stub", switches={"spread": "1"},
        ),
        Mistake(
            "residual-variance", "1 − rho², the variance of k_i that q_i does not explain",
            "The rest of the variance is 1 − rho².",
            "That is the variance of k_i for a given q_i. For rho = 1 it says that q · q never varies.",
            "step 2 of the stub", switches={"spread": "1 - rho^2"},
        ),
        Mistake(
            "second-moment", "the mean of the square, without the square of the mean taken off",
            "Variance is the mean square.",
            "The mean is not 0 any more.", "step 2 of the stub", switches={"spread": "1 + 2 rho^2"},
        ),
        Mistake(
            "rho-not-squared", "1 + rho instead of 1 + rho²", "The correlation adds to the variance.",
            "Can the variance for rho and for −rho differ? Replace k by −k.", "step 2 of the stub",
            switches={"spread": "1 + rho"},
        ),
        Mistake(
            "deviation-for-variance", "the standard deviation as the second number", "The spread is the std.",
            "The variance is asked for.", "step 2 of the stub", switches={"root": True},
        ),
        Mistake(
            "variance-first", "the variance returned before the mean", "The variance is the interesting one.",
            "Read the docstring's return line.", "the return line", switches={"order": "variance first"},
        ),
        Mistake(
            "one-feature", "both moments of a single product, without d_k", "Every pair is the same.",
            "The score adds up d_k independent products.", "steps 1 and 2 of the stub", switches={"size": "one"},
        ),
    ),
    variants=(
        Variant("plain", moments_plain),
        Variant("from the second moment, as a list", moments_from_second_moment),
        Variant("feature by feature, extra keyword", moments_from_parts),
        Variant("NumPy", moments_with_numpy),
    ),
)

EXERCISES = (
    SCORE_VARIANCE,
    SOFTMAX_JACOBIAN,
    ATTENTION_ENTROPY,
    SCALED_ATTENTION,
    CHOOSE_SCALE,
    LOG_SOFTMAX,
    CORRELATED_MOMENTS,
)
