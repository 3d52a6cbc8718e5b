"""2.7 find_query: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant


def puzzle(rng: Rng, S: int, d_k: int, target: int, overlap: float = 0.3, digits: int | None = None, dtype: str = "float64") -> Case:
    """Independent rows; every other key holds `overlap` times the target key, so that for > 1 it beats the target at its own query."""
    basis, _ = np.linalg.qr(rng.standard_normal((d_k, d_k)))
    K = basis[:S] * np.linspace(1.0, 2.0, S)[:, None]
    K = K + overlap * K[target] * (np.arange(S)[:, None] != target)
    K = np.round(K, digits) if digits else K
    return Case(args=(K, target), dtype=dtype, verify="peaks at the target", sizes={"S": S, "d_k": d_k})


def query_by_pinv(K: Any, target: int) -> Any:
    wanted = torch.zeros(K.shape[0], dtype=K.dtype)
    wanted[target] = 30.0
    return torch.linalg.pinv(K) @ wanted


def query_by_lstsq(K: Any, target: int, *, margin: float = 25.0) -> Any:
    wanted = margin * torch.eye(K.shape[0], dtype=K.dtype)[:, [target]]
    return torch.linalg.lstsq(K.double(), wanted.double()).solution[:, 0].to(K.dtype)


def query_by_gram(K: Any, target: int) -> Any:
    return K.T @ torch.linalg.solve(K @ K.T, 20.0 * torch.nn.functional.one_hot(torch.tensor(target), len(K)).to(K.dtype))


def query_by_projection(K: Any, target: int) -> Any:
    others = torch.cat([K[:target], K[target + 1 :]])
    key = K[target]
    if len(others):
        span, _ = torch.linalg.qr(others.T)
        key = key - span @ (span.T @ key)
    return 40.0 * key / (key @ key)


def ahead_and_behind(dtype: str = "float64") -> Case:
    """One key lies a little beyond the target, two far behind it, so that the mean of the others misleads."""
    K = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.5, 0.0, 0.0], [1.0, -3.0, 1.0, 0.0], [1.0, -3.0, 0.0, 1.0]])
    return Case(args=(K, 0), dtype=dtype, verify="peaks at the target", sizes={"S": 4, "d_k": 4})


def away_from_the_others(K: Any, target: int) -> Any:
    others = torch.cat([K[:target], K[target + 1 :]])
    return 1000.0 * (K[target] - (others.mean(dim=0) if len(others) else 0.0))


def in_float32(K: Any, target: int) -> Any:
    return query_by_pinv(K.float(), target)


def wanted_scores(K: Any, target: int) -> Any:
    wanted = torch.zeros(K.shape[0], dtype=K.dtype)
    wanted[target] = 30.0
    return wanted


EXERCISE = Exercise(
    number="2.7",
    title="find_query",
    names=("find_query",),
    minutes=15,
    starred=True,
    reference=lambda K, target: None,
    outputs=(Output("query", ("d_k",)),),
    public=lambda rng: [puzzle(rng, 3, 3, 1, digits=2), puzzle(rng, 3, 4, 0, overlap=1.3, digits=2), ahead_and_behind()],
    tests=(
        Test("as many keys as features", "more than .99 of the weight on the target, whichever row it is", lambda rng: [puzzle(rng, 4, 4, t) for t in (0, 2, 3)]),
        Test(
            "keys of unequal length", "the target wins also against keys that are longer and point almost the same way",
            lambda rng: [puzzle(rng, 4, 4, 0, overlap=1.5), puzzle(rng, 5, 5, 1, overlap=1.2, dtype="float32"), ahead_and_behind()],
        ),
        Test("fewer keys than features", "the same when S is smaller than d_k", lambda rng: [puzzle(rng, 3, 6, t) for t in (0, 1)] + [puzzle(rng, 1, 3, 0)]),
    ),
    mistakes=(
        Mistake(
            "the-key-itself", "the target key itself as the query", "A key matches itself best.",
            "Its score must beat the others by a margin; how large is e^margin to be? And a longer key may score higher.",
            "the text above the stub", code=lambda K, target: K[target].clone(),
        ),
        Mistake(
            "a-long-key", "the target key made longer", "Longer queries give sharper weights.",
            "Sharper, yes, but which key wins when another is longer in almost the same direction?", "hint 1",
            code=lambda K, target: 50.0 * K[target],
        ),
        Mistake(
            "score-of-one", "a query whose scores are 1 for the target and 0 elsewhere", "A score of 1 is all of it.",
            "Softmax of (1, 0, 0) is far from (1, 0, 0).", "hint 2",
            code=lambda K, target: torch.linalg.pinv(K) @ torch.eye(len(K), dtype=K.dtype)[target],
        ),
        Mistake(
            "one-hot-feature", "a query that is 1 at feature `target`", "The query points at the row number.",
            "Row `target` of K is a direction, not an axis of the features.", "the text above the stub",
            code=lambda K, target: 50.0 * torch.eye(max(K.shape), dtype=K.dtype)[target][: K.shape[1]],
        ),
        Mistake(
            "column-of-the-inverse-missed", "a row of the inverse where its column is needed", "The inverse undoes K.",
            "K q = wanted: is the answer a row or a column of K⁻¹?", "hint 2",
            code=lambda K, target: 30.0 * torch.linalg.pinv(K).T[:, : K.shape[1]].T[:, 0] if K.shape[0] != K.shape[1] else 30.0 * torch.linalg.inv(K)[target],
        ),
        Mistake(
            "away-from-the-others", "a long query away from the mean of the other keys", "What the others have in common is what to avoid.",
            "The mean is far from each of them: which single key could still score higher?", "hint 1", code=away_from_the_others,
        ),
        Mistake(
            "always-float32", "a query in float32, whatever K is", "Torch works in float32.",
            "Return the number type of K.", "step 1 of the stub", code=in_float32,
        ),
        Mistake(
            "wanted-scores-returned", "the scores that one would like to see, in place of the query", "The answer is 20 at the target.",
            "K times the query gives these scores: what is the query?", "step 2 of the stub", code=wanted_scores,
        ),
    ),
    variants=(
        Variant("pseudo-inverse", query_by_pinv),
        Variant("least squares", query_by_lstsq),
        Variant("Gram matrix", query_by_gram),
        Variant("what the other keys do not have", query_by_projection),
    ),
)
