"""4.6 mha_to_gqa: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb04 as reference


def pool_case(rng: Rng, H: int, G: int, d_k: int, d_model: int, draw: Any = normal, **options: Any) -> Case:
    args = (draw(rng, H * d_k, d_model), draw(rng, H * d_k, d_model), H, G)
    return Case(args=args, sizes={"H·d_k": H * d_k, "G·d_k": G * d_k, "d_model": d_model}, **options)


def flawed_pool(W_k: Any, W_v: Any, H: int, G: int, *, members: str = "neighbours", reduce: str = "mean", rows: str = "heads", groups: str = "G",
                values: str = "own", check: bool = True, width: str = "kept", change: str = "new") -> Any:
    """Pooled key and value maps with switches that break them."""
    if check and (H % G or W_k.shape[0] % H):
        raise ValueError("sizes do not fit")
    if groups == "H/G":
        G = H // G
    if width == "double":
        W_k, W_v = W_k.double(), W_v.double()

    def pooled(W: Any) -> Any:
        d_model, d_k = W.shape[1], W.shape[0] // H
        if rows == "neighbours":
            blocks = W.reshape(G * d_k, H // G, d_model).unsqueeze(0).permute(2, 0, 1, 3)
        elif members == "every G-th":
            blocks = W.reshape(H // G, G, d_k, d_model)
        else:
            blocks = W.reshape(G, H // G, d_k, d_model).transpose(0, 1)
        one = {"mean": lambda: blocks.mean(0), "sum": lambda: blocks.sum(0), "first": lambda: blocks[0], "last": lambda: blocks[-1]}[reduce]()
        return one.reshape(G * d_k, d_model)

    if change == "overwritten":
        W_k.detach().mul_(G / H)
        W_k = W_k / (G / H)
    new_k = pooled(W_k)
    if values == "exchanged":
        return pooled(W_v), new_k
    return new_k, {"own": lambda: pooled(W_v), "keys": lambda: new_k, "left": lambda: W_v.clone()}[values]()


def pool_plain(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    if H % G or len(W_k) % H:
        raise ValueError("no")
    return tuple(W.reshape(G, H // G, -1, W.shape[-1]).mean(dim=1).flatten(0, 1) for W in (W_k, W_v))


def pool_loops(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    d_k, rest = divmod(W_k.shape[0], H)
    size, left = divmod(H, G)
    if rest or left:
        raise ValueError("H·d_k rows, H heads and G groups do not fit")
    results = []
    for W in (W_k, W_v):
        heads = [W[h * d_k : (h + 1) * d_k] for h in range(H)]
        results.append(torch.cat([sum(heads[g * size : (g + 1) * size], torch.zeros_like(heads[0])) / size for g in range(G)]))
    return results[0], results[1]


def pool_matrix(W_k: Any, W_v: Any, H: int, G: int, *, dtype: Any = None) -> Any:
    if H % G != 0 or W_k.shape[0] % H != 0:
        raise ValueError("sizes")
    d_k = W_k.shape[0] // H
    mean = torch.kron(torch.eye(G, dtype=W_k.dtype), torch.full((1, H // G), G / H, dtype=W_k.dtype))
    P = torch.kron(mean, torch.eye(d_k, dtype=W_k.dtype))
    return P @ W_k, P @ W_v


def pool_numpy(W_k: Any, W_v: Any, H: int, G: int) -> Any:
    if H % G or W_k.shape[0] % H:
        raise ValueError("sizes")
    blocks = [np.split(W.numpy(), H) for W in (W_k, W_v)]
    means = [np.concatenate([np.mean(heads[i : i + H // G], axis=0) for i in range(0, H, H // G)]) for heads in blocks]
    return [torch.from_numpy(mean) for mean in means]


EXERCISE = Exercise(
    number="4.6",
    title="mha_to_gqa",
    names=("mha_to_gqa",),
    minutes=10,
    starred=True,
    reference=reference.mha_to_gqa,
    outputs=(Output("pooled W_k", ("G·d_k", "d_model")), Output("pooled W_v", ("G·d_k", "d_model"))),
    public=lambda rng: [
        pool_case(rng, 4, 2, 1, 2, draw=rounded),
        pool_case(rng, 6, 3, 2, 2, draw=rounded),
        pool_case(rng, 6, 2, 1, 3, draw=rounded),
        pool_case(rng, 4, 2, 1, 3, draw=rounded, dtype="float32"),
        pool_case(rng, 4, 3, 1, 2, draw=rounded, raises="ValueError"),
    ],
    tests=(
        Test(
            "nothing to pool, all to pool", "G = H changes nothing; G = 1 is the mean of all heads",
            lambda rng: [pool_case(rng, 3, 3, 2, 6), pool_case(rng, 3, 1, 2, 5)],
        ),
        Test(
            "groups", "row i of group g is the mean of row i of the H/G heads next to each other, for keys and for values",
            lambda rng: [pool_case(rng, 4, 2, 3, 12), pool_case(rng, 6, 3, 2, 5), pool_case(rng, 6, 2, 1, 6)],
        ),
        Test("number types", "float32 in, float32 out", lambda rng: [pool_case(rng, 4, 2, 2, 8, dtype="float32")]),
        Test(
            "impossible sizes", "a ValueError when G does not divide H, or H does not divide the rows",
            lambda rng: [
                pool_case(rng, 6, 4, 2, 4, raises="ValueError"),
                Case(args=(normal(rng, 6, 4), normal(rng, 6, 4), 4, 2), raises="ValueError"),
            ],
        ),
    ),
    flawed=flawed_pool,
    mistakes=(
        Mistake("every-G-th-head", "heads g, g + G, g + 2G, … pooled instead of neighbours", "Any H/G heads make a group.",
                "Which heads share group 0 in exercise 4.4?", "step 2 of the stub", switches={"members": "every G-th"}),
        Mistake("neighbouring-rows", "neighbouring rows pooled inside a head, instead of the same row of neighbouring heads", "The mean over H/G rows at a time.",
                "Row 0 and row 1 of one head are different features. Which rows mean the same?", "step 1 of the stub", switches={"rows": "neighbours"}),
        Mistake("sum-for-mean", "the sum of the heads instead of their mean", "Add the heads of a group.",
                "Pool two equal heads: the result should be the same head.", "step 2 of the stub", switches={"reduce": "sum"}),
        Mistake("first-head-kept", "the first head of each group kept, the others dropped", "One head can stand for its group.",
                "That works too, and worse. What does the exercise ask for?", "step 2 of the stub", switches={"reduce": "first"}),
        Mistake("last-head-kept", "the last head of each group kept", "The later one overwrites the earlier.",
                "Does your loop add up, or replace?", "step 2 of the stub", switches={"reduce": "last"}),
        Mistake("G-taken-for-the-group-size", "groups of G heads instead of G groups", "G is the size of a group.",
                "How many rows should the result have?", "step 1 of the stub", switches={"groups": "H/G"}),
        Mistake("keys-pooled-twice", "the pooled keys returned as values too", "Keys and values are pooled alike.",
                "Which of the two arguments never appears?", "the return line", switches={"values": "keys"}),
        Mistake("values-not-pooled", "W_v returned as it was", "Only the keys are shared.",
                "A group shares its key head and its value head.", "the return line", switches={"values": "left"}),
        Mistake("keys-and-values-exchanged", "the pooled values returned as keys, and the keys as values", "Two maps go in, two come out.",
                "In which order does the docstring name the two results?", "the return line", switches={"values": "exchanged"}),
        Mistake("changes-its-input", "W_k changed in place", "The old weights are not needed any more.",
                "The old model may still be in use. What does the caller's tensor hold afterwards?", "the whole function", switches={"change": "overwritten"}),
        Mistake("always-float64", "everything turned into float64", "Means should be exact.",
                "Return the number type you were given.", "the whole function", switches={"width": "double"}),
        Mistake("no-size-check", "sizes that do not fit not refused as asked", "reshape raises an error anyway.",
                "Which type of error does the docstring promise?", "step 1 of the stub", switches={"check": False}),
    ),
    variants=(
        Variant("reshape and mean", pool_plain),
        Variant("head by head", pool_loops),
        Variant("a pooling matrix, extra keyword", pool_matrix),
        Variant("NumPy there and back", pool_numpy),
    ),
)
