"""6.9 loss_floor: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb06 as reference


def chain(rng: Rng, V: int, followers: int | None = None, digits: int | None = None) -> np.ndarray:
    """A transition matrix in which every state reaches every other (a ring runs through it); `followers` per row."""
    P = np.zeros((V, V))
    for i in range(V):
        others = rng.permutation(V)[: (followers or V)]
        P[i, others] = rng.dirichlet(np.full(len(others), 0.6))
        P[i] = 0.8 * P[i]
        P[i, (i + 1) % V] += 0.2
    return P / P.sum(axis=1, keepdims=True) if digits is None else tidy(P, digits)


def tidy(P: np.ndarray, digits: int) -> np.ndarray:
    """Rounded rows that still sum to 1."""
    P = np.round(P, digits)
    P[np.arange(len(P)), P.argmax(axis=1)] += 1.0 - P.sum(axis=1)
    return np.round(P, digits)


def two_camps(rng: Rng, a: int, b: int) -> np.ndarray:
    """A chain of period 2: from the first a states always to the other b, and back."""
    P = np.zeros((a + b, a + b))
    P[:a, a:] = rng.dirichlet(np.ones(b), size=a)
    P[a:, :a] = rng.dirichlet(np.ones(a), size=b)
    return P


def floor_case(P: np.ndarray, dtype: str = "float64") -> Case:
    return Case(args=(P,), dtype=dtype, sizes={"V": len(P)}, tolerance=1e-4 if dtype == "float32" else 1e-7)


def stationary(P: Any) -> Any:
    V = len(P)
    A = torch.cat([P.T - torch.eye(V, dtype=P.dtype), torch.ones(1, V, dtype=P.dtype)])
    b = torch.zeros(V + 1, dtype=P.dtype)
    b[-1] = 1.0
    return torch.linalg.lstsq(A.double(), b.double()[:, None]).solution[:, 0].to(P.dtype)


def flawed_floor(P: Any, *, weigh: str = "stationary", zero: str = "0", base: str = "e", of: str = "rows") -> Any:
    """The entropy rate with switches that break it."""
    rows = P if of == "rows" else P.T
    logs = torch.where(rows > 0, torch.log(rows), torch.zeros_like(rows)) if zero == "0" else torch.log(rows + 1e-3) if zero == "shifted" else torch.log(rows)
    entropies = -(rows * logs).sum(dim=1)
    if weigh in ("smallest", "largest"):
        return float(entropies.min() if weigh == "smallest" else entropies.max())
    if weigh == "stationary":
        pi = stationary(P)
    elif weigh == "uniform":
        pi = torch.full_like(P[0], 1 / len(P))
    elif weigh == "power":
        pi = torch.eye(len(P), dtype=P.dtype)[0]
        for _ in range(2000):
            pi = pi @ P
    elif weigh == "power from everywhere":
        pi = torch.full_like(P[0], 1 / len(P))
        for _ in range(2000):
            pi = pi @ P
    elif weigh == "sum":
        pi = torch.ones_like(P[0])
    elif weigh == "two steps":
        pi = torch.full_like(P[0], 1 / len(P)) @ P @ P
    else:
        pi = stationary(P)
        return float(-(pi * pi.clamp(min=1e-30).log()).sum())
    if base == "perplexity":
        return math.exp(float((pi * entropies).sum()))
    return float((pi * entropies).sum()) / (math.log(2) if base == "2" else -1.0 if base == "negative" else 1.0)


def floor_by_eigenvectors(P: Any) -> Any:
    values, vectors = torch.linalg.eig(P.double().T)
    pi = vectors[:, (values - 1).abs().argmin()].real
    pi = pi / pi.sum()
    return (pi * torch.special.entr(P.double()).sum(dim=1)).sum().item()


def floor_by_averages(P: Any, *, steps: int = 20000) -> Any:
    lazy = (P.double() + torch.eye(len(P), dtype=torch.float64)) / 2
    pi = torch.linalg.matrix_power(lazy, steps)[0]
    return float(pi @ torch.special.entr(P.double()).sum(dim=1))


def floor_in_numpy(P: Any) -> Any:
    Q = P.double().numpy()
    A = np.eye(len(Q)) - Q.T
    A[-1] = 1.0
    pi = np.linalg.solve(A, np.eye(len(Q))[-1])
    logs = np.log(Q, out=np.zeros_like(Q), where=Q > 0)
    return -float(np.einsum("i,ij,ij->", pi, Q, logs))


EXERCISE = Exercise(
    number="6.9",
    title="loss_floor",
    names=("loss_floor",),
    minutes=15,
    starred=True,
    reference=reference.loss_floor,
    outputs=(Output("entropy rate", (), dtype=""),),
    public=lambda rng: [
        floor_case(np.full((2, 2), 0.5)),
        floor_case(np.array([[0.9, 0.1], [0.5, 0.5]])),
        floor_case(chain(rng, 4, 2, digits=2)),
        floor_case(np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])),
    ],
    tests=(
        Test("all rows alike", "when every row is the same distribution, the rate is its entropy in nats", lambda rng: [floor_case(np.tile(rng.dirichlet(np.ones(5)), (5, 1))), floor_case(np.ones((1, 1)))]),
        Test(
            "unequal states", "each row's entropy counts as often as its state is visited", lambda rng: [floor_case(chain(rng, 6)), floor_case(chain(rng, 3)), floor_case(chain(rng, 5), "float32")],
        ),
        Test("impossible steps", "0 · ln 0 counts as 0", lambda rng: [floor_case(chain(rng, 7, 2)), floor_case(np.roll(np.eye(4), 1, axis=1))]),
        Test("periodic chains", "the rate also of a chain that goes back and forth", lambda rng: [floor_case(two_camps(rng, 3, 2)), floor_case(two_camps(rng, 1, 4))]),
    ),
    flawed=flawed_floor,
    mistakes=(
        Mistake("all-states-alike", "every state counted alike", "Each row counts once.", "How often is each state visited? If you solved an equation for π: π P = π is not P π = π, which every constant vector fulfils.", "step 2 of the stub", switches={"weigh": "uniform"}),
        Mistake(
            "power-iteration-alone", "a distribution followed step by step, which never settles for a periodic chain", "After many steps every chain settles.",
            "Try P = [[0, 1], [1, 0]] from state 0. Which equation does π fulfil?", "step 1 of the stub", switches={"weigh": "power"},
        ),
        Mistake("power-iteration-from-everywhere", "a distribution followed from equal shares, which a periodic chain throws back and forth", "From all states at once it must settle.", "Two camps of three and two states change places: do the shares of the camps ever change, or only swap?", "step 1 of the stub", switches={"weigh": "power from everywhere"}),
        Mistake("sign-forgotten", "the sum of P ln P, which is below 0", "Entropy is the sum of p ln p.", "With which sign does the equation begin?", "step 2 of the stub", switches={"base": "negative"}),
        Mistake("perplexity", "the exponential of the rate, which is a perplexity", "The floor is a number of choices.", "Nats are what stands in the exponent.", "the docstring", switches={"base": "perplexity"}),
        Mistake("sum-of-the-rows", "the sum of all rows' entropies", "Every state adds its surprise.", "Only one of the states is visited at a time. What do the shares π sum to?", "step 2 of the stub", switches={"weigh": "sum"}),
        Mistake("smallest-row", "the smallest of the rows' entropies", "A floor is the lowest value.", "The model has to predict after every state, not only after the surest one. How often is each visited?", "step 2 of the stub", switches={"weigh": "smallest"}),
        Mistake("largest-row", "the largest of the rows' entropies", "The hardest state decides.", "How often is the hardest state visited?", "step 2 of the stub", switches={"weigh": "largest"}),
        Mistake("shifted-logarithm", "a number added inside every logarithm, large enough to be seen", "A small number keeps ln away from 0.", "Does the rate of a fair coin still come out as ln 2?", "step 2 of the stub", switches={"zero": "shifted"}),
        Mistake("too-few-steps", "a distribution that has not settled yet", "A few steps are enough.", "π P must be π.", "step 1 of the stub", switches={"weigh": "two steps"}),
        Mistake(
            "entropy-of-the-visits", "the entropy of how often each state is visited", "Uncertainty is about the next token.", "Given the present token, how uncertain is the next?", "step 2 of the stub",
            switches={"weigh": "marginal"},
        ),
        Mistake("log-of-zero", "0 · ln 0, which is NaN in floating point", "Zero times anything is zero.", "What is 0 · (−∞)?", "step 2 of the stub", switches={"zero": "nan"}),
        Mistake("bits-for-nats", "bits in place of nats", "Entropy is measured in bits.", "The loss is in nats.", "the docstring", switches={"base": "2"}),
        Mistake("columns-for-rows", "entropies of the columns", "Either axis will do.", "Row i is the distribution after state i.", "the docstring", switches={"of": "columns"}),
    ),
    variants=(
        Variant("eigenvectors", floor_by_eigenvectors),
        Variant("a lazy chain, extra keyword", floor_by_averages),
        Variant("NumPy", floor_in_numpy),
        Variant("least squares", flawed_floor),
    ),
)
