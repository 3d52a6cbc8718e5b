"""5.4 relative_bias: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb05 as reference


def bias_case(rng: Rng, T: int, S: int, K: int, draw: Any = normal, **options: Any) -> Case:
    return Case(args=(T, S, draw(rng, 2 * K + 1)), sizes={"T": T, "S": S}, **options)


def flawed_bias(T: int, S: int, table: Any, *, sign: int = 1, far: str = "clip", centre: bool = True, distance: str = "signed",
                size: str = "T S", graph: str = "kept", align: str = "left", width: str = "kept") -> Any:
    """The relative bias with switches that break it."""
    K = (len(table) - 1) // 2
    if graph == "cut":
        table = table.detach()
    if width == "float32":
        table = table.float()
    rows, columns = {"T S": (T, S), "T T": (T, T), "S T": (S, T)}[size]
    offset = sign * (torch.arange(rows)[:, None] - torch.arange(columns)[None, :] + (columns - rows if align == "right" else 0))
    if distance == "absolute":
        offset = offset.abs()
    if far == "index error":
        return table[offset + K]
    low, high = {"short": (min(0, 1 - K), max(0, K - 1)), "causal": (0, K), "off by one": (-K, K)}.get(far, (-K, K))
    index = (offset.clamp(low, high) if far != "wrap" else offset) + (K if centre else 0)
    if far == "off by one":
        index = (offset.clamp(-K, K) + K + 1).clamp(max=2 * K)
    bias = table[index % len(table)]
    return torch.where(offset.abs() <= K, bias, torch.zeros_like(bias)) if far == "zero" else bias


def bias_by_entries(T: int, S: int, table: Any) -> Any:
    K = len(table) // 2
    return torch.stack([torch.stack([table[min(max(t - s, -K), K) + K] for s in range(S)]) for t in range(T)])


def bias_one_hot(T: int, S: int, table: Any) -> Any:
    K = (table.shape[0] - 1) // 2
    offset = torch.clip(torch.arange(T).view(-1, 1) - torch.arange(S), -K, K)
    chosen = offset[..., None] == torch.arange(-K, K + 1)
    return torch.einsum("tsk,k->ts", chosen.to(table.dtype), table)


def bias_gathered(T: int, S: int, table: Any, *, far: int | None = None) -> Any:
    K = (len(table) - 1) // 2 if far is None else far
    index = [max(0, min(2 * K, t - s + K)) for t in range(T) for s in range(S)]
    return table.gather(0, torch.tensor(index)).reshape(T, S)


def bias_from_one_line(T: int, S: int, table: Any) -> Any:
    K = (len(table) - 1) // 2
    line = table[torch.arange(-(S - 1), T).clamp(min=-K, max=K) + K]
    return torch.stack([line[t : t + S].flip(0) for t in range(T)])


EXERCISE = Exercise(
    number="5.4",
    title="relative_bias",
    names=("relative_bias",),
    minutes=10,
    starred=True,
    reference=reference.relative_bias,
    outputs=(Output("bias", ("T", "S")),),
    public=lambda rng: [
        bias_case(rng, 3, 3, 2, draw=rounded),
        bias_case(rng, 2, 4, 1, draw=rounded, gradient=True),
        bias_case(rng, 4, 2, 1, draw=rounded, dtype="float32"),
        bias_case(rng, 5, 6, 2, draw=rounded),
    ],
    tests=(
        Test(
            "within the table", "entry (t, s) is the table's entry for t − s, which is at index t − s + K",
            lambda rng: [bias_case(rng, 3, 3, 4), bias_case(rng, 1, 1, 0), bias_case(rng, 4, 4, 3)],
        ),
        Test(
            "unequal sizes", "T rows and S columns, also when T and S differ",
            lambda rng: [bias_case(rng, 2, 5, 6), bias_case(rng, 5, 3, 4)],
        ),
        Test(
            "far away", "distances beyond K share the outermost entry on their side",
            lambda rng: [bias_case(rng, 7, 5, 2), bias_case(rng, 4, 6, 0), bias_case(rng, 3, 8, 1), bias_case(rng, 600, 2, 3)],
        ),
        Test(
            "gradients and number types", "gradients reach the table; float32 stays float32",
            lambda rng: [bias_case(rng, 4, 5, 2, gradient=True), bias_case(rng, 3, 4, 2, dtype="float32")],
        ),
    ),
    flawed=flawed_bias,
    mistakes=(
        Mistake(
            "key-minus-query", "the distance s − t in place of t − s", "A distance has no direction.",
            "Key 0 lies behind query 2: is its distance +2 or −2 here?", "step 1 of the stub", switches={"sign": -1},
        ),
        Mistake(
            "absolute-distance", "|t − s|, so that before and after look alike", "Only how far matters.",
            "Which half of the table is never used?", "step 1 of the stub", switches={"distance": "absolute"},
        ),
        Mistake(
            "not-centred", "no + K in the index, so that distance 0 meets the table's first entry", "Index = distance.",
            "Where in a table of length 2K + 1 does distance 0 live? What does a negative index do in Python?", "step 3 of the stub",
            switches={"centre": False},
        ),
        Mistake(
            "not-clipped", "distances beyond K that wrap around the table", "The table is long enough.", "What is the index for t − s = K + 1?",
            "step 2 of the stub", switches={"far": "wrap"},
        ),
        Mistake(
            "index-not-clipped", "distances beyond K that fall out of the table", "The table is long enough.",
            "What is the index for t − s = K + 1? And which entry is a negative index?", "step 2 of the stub", switches={"far": "index error"},
        ),
        Mistake(
            "clipped-too-soon", "distances clipped at K − 1, so that the outermost entries are never used", "Index K is out of range.",
            "The table has 2K + 1 entries. What is the last index?", "step 2 of the stub", switches={"far": "short"},
        ),
        Mistake(
            "nothing-ahead", "every key ahead given the entry of distance 0", "A causal model has no keys ahead.",
            "Which distances does the left half of the table stand for?", "step 2 of the stub", switches={"far": "causal"},
        ),
        Mistake(
            "one-entry-too-far", "every index one too large", "Tables count from 1.",
            "Where in a table of length 2K + 1 does distance −K live?", "step 3 of the stub", switches={"far": "off by one"},
        ),
        Mistake(
            "zero-when-far", "no bias at all beyond K", "The table ends at K, so nothing is added further out.",
            "clip(5, −2, 2) is …?", "step 2 of the stub", switches={"far": "zero"},
        ),
        Mistake(
            "square", "a (T, T) bias whatever S is", "Queries and keys are the same tokens.", "How many keys are there?", "the shape in the docstring",
            switches={"size": "T T"},
        ),
        Mistake(
            "rows-and-columns-swapped", "a bias (S, T)", "Keys come first.", "Which axis of the scores counts queries?", "the shape in the docstring",
            switches={"size": "S T"},
        ),
        Mistake(
            "aligned-at-the-end", "queries placed at the last T of the S positions", "With a cache, queries are the newest positions.",
            "Here query t stands at position t.", "step 1 of the stub", switches={"align": "right"},
        ),
        Mistake(
            "detached", "a table cut off from its gradient", "The bias is a constant.", "Who learns the numbers of the table?", "step 3 of the stub",
            switches={"graph": "cut"},
        ),
        Mistake(
            "always-float32", "a result in float32 whatever the table is", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", switches={"width": "float32"},
        ),
    ),
    variants=(
        Variant("entry by entry", bias_by_entries),
        Variant("one-hot einsum", bias_one_hot),
        Variant("gather, extra keyword", bias_gathered),
        Variant("a window on one line", bias_from_one_line),
    ),
)
