"""3.2 softmax_jacobian: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output, close
from attnkit.checking.execute import cotangent
from autograder.exercises.nb03_scaling.softmax_family import gradient_at, shares, with_zeros
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Run, Test, Variant, numbered_rng
from autograder.reference import nb03 as reference


def jacobian_case(p: np.ndarray, **options: Any) -> Case:
    return Case(args=(p,), sizes={"S": p.shape[-1]}, **options)


def judge_jacobian_gradient(run: Run) -> None:
    """The derivative along directions in which p stays a distribution, and a finite gradient where p has zeros."""
    rng = numbered_rng(32)
    for shape in ((4,), (2, 3)):
        p, along = shares(rng, *shape), rng.standard_normal(shape)
        along -= along.mean(axis=-1, keepdims=True)
        outcome = run(jacobian_case(p, gradient=True))
        gradient = gradient_at(outcome)
        above, below = (reference.softmax_jacobian(p + step * along) for step in (1e-6, -1e-6))
        slope = float((cotangent(above.shape) * (above - below)).sum() / 2e-6)
        if abs(float((gradient * along).sum()) - slope) > 1e-5 * max(1.0, abs(slope)):
            right = close(reference.softmax_jacobian(p), outcome.value, jacobian_case(p))
            found = "the right numbers, but another derivative" if right else "the derivative of other numbers"
            raise JudgeFailure("the derivative of the formula at p", found)
    gradient_at(run(jacobian_case(np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]), gradient=True)))


def flawed_jacobian(p: Any, *, diagonal: str = "p", outer: str = "minus", again: bool = False, only: str = "all",
                    batch: str = "each", sign: int = 1, graph: str = "kept", width: str = "kept") -> Any:
    """The Jacobian of the softmax with switches that break it."""
    if graph == "cut":
        p = p.detach()
    if width != "kept":
        p = p.double() if width == "double" else p.float()
    if again:
        p = torch.softmax(p, dim=-1)
    S = p.shape[-1]
    eye = torch.eye(S, dtype=p.dtype)
    if only != "all":
        return torch.diag_embed(p * (1 - p) if only == "diagonal" else p)
    if diagonal == "every entry":
        return p.unsqueeze(-1) * (1 - p.unsqueeze(-2))
    here = {"p": p.unsqueeze(-1) * eye, "ones": eye.expand(*p.shape, S), "missing": 0 * p.unsqueeze(-1) * eye}[diagonal]
    product = p.unsqueeze(-1) * p.unsqueeze(-2)
    if batch == "summed":
        product = product.reshape(-1, S, S).sum(dim=0).expand_as(product)
    return sign * (here - product if outer == "minus" else here + product)


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


def jacobian_with_a_detached_factor(p: Any) -> Any:
    """The right numbers; one of the two factors of p_i p_j is a constant for autograd."""
    return torch.diag_embed(p) - p.detach().unsqueeze(-1) * p.unsqueeze(-2)


def jacobian_of_the_log(p: Any) -> Any:
    return torch.eye(p.shape[-1], dtype=p.dtype) - p.unsqueeze(-2)


def jacobian_squeezed(p: Any) -> Any:
    """Right, but for axes of length 1, which are lost."""
    return jacobian_diag_embed(p).squeeze()


def jacobian_first_row_for_all(p: Any) -> Any:
    first = p.reshape(-1, p.shape[-1])[0]
    return jacobian_of_one_row(first).expand(*p.shape, p.shape[-1]).clone()


EXERCISE = Exercise(
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
        jacobian_case(shares(rng, 2, 1, 2, digits=1)),
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
            lambda rng: [jacobian_case(np.eye(3)), jacobian_case(np.array([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])), jacobian_case(with_zeros(rng, 3, 4))],
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
        Mistake(
            "jacobian-of-the-log", "the slopes of log p, 1[i = j] − p_j", "The softmax is used through its log.",
            "Which factor stands in front of the bracket?", "the equation above the stub", code=jacobian_of_the_log,
        ),
        Mistake(
            "signs-turned", "both terms with the opposite sign", "The product comes first.",
            "Does a weight rise or fall when its own score rises?", "step 2 of the stub", switches={"sign": -1},
        ),
        Mistake(
            "always-float32", "everything turned into float32", "Torch works in float32.",
            "Return the number type you were given.", "the whole function", switches={"width": "float"},
        ),
        Mistake(
            "squeezed", "every axis of length 1 squeezed away", "squeeze() tidies the shape up.",
            "What does squeeze() do to a batch of one?", "your use of squeeze", code=jacobian_squeezed,
        ),
        Mistake(
            "first-row-for-all", "the first distribution's table for all of them", "One p, one table.",
            "Do two queries with different weights have the same slopes?", "step 1 of the stub", code=jacobian_first_row_for_all,
        ),
        Mistake(
            "outer-product-forgotten", "p on the diagonal and nothing else", "Each share depends on its own score.",
            "Raise one score: what happens to the other shares?", "step 2 of the stub", switches={"only": "p"},
        ),
        Mistake(
            "one-factor-detached", "one of the two factors p_i p_j detached", "The Jacobian is a table of numbers.",
            "The product has two factors, and the gradient has to reach p through both.", "step 2 of the stub", code=jacobian_with_a_detached_factor,
        ),
    ),
    variants=(
        Variant("diag_embed", jacobian_diag_embed),
        Variant("einsum, extra keyword", jacobian_einsum),
        Variant("factored", jacobian_factored),
        Variant("row by row, column by column", jacobian_by_rows),
    ),
)
