"""4.5 kv_cache_bytes: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.judging.declare import Exercise, Mistake, Test, Variant, drawn
from autograder.reference import nb04 as reference


def cache_case(*sizes: int) -> Case:
    return Case(args=sizes)


def flawed_cache(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int, *, tensors: int = 2, batched: bool = True,
                 layered: bool = True, unit: str = "bytes", positions: str = "seq_len", width: str = "given", groups: bool = True) -> Any:
    """The bytes of a cache with switches that break it."""
    numbers = tensors * d_k * seq_len
    if positions == "pairs":
        numbers *= seq_len
    if groups:
        numbers *= G
    if batched:
        numbers *= batch
    if layered:
        numbers *= layers
    each = 2 if width == "always 2" else bytes_per_number
    total = numbers if unit == "numbers" else numbers * each
    return {"bits": total * 8, "GiB": total / 2**30, "float": float(total), "KiB": total // 1024}.get(unit, total)


def cache_by_layer(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> int:
    keys = values = batch * G * seq_len * d_k
    return sum((keys + values) * bytes_per_number for _ in range(layers))


def cache_product(*sizes: int) -> int:
    return 2 * math.prod(sizes)


def cache_of_tensors(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int, *, kinds: tuple[str, ...] = ("K", "V")) -> int:
    one = torch.empty((batch, G, seq_len, d_k), dtype=torch.uint8, device="meta")
    return layers * len(kinds) * one.numel() * bytes_per_number


def cache_numpy(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> Any:
    return np.prod([2, layers, G, d_k, seq_len, batch, bytes_per_number], dtype=np.int64)


def cache_in_float32(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> int:
    """A float32 keeps 24 bits."""
    return int(torch.tensor([2.0, layers, G, d_k, seq_len, batch, bytes_per_number]).prod())


def cache_in_floats(layers: int, G: int, d_k: int, seq_len: int, batch: int, bytes_per_number: int) -> int:
    """A float keeps 53 bits: beyond them the last digits are rounded."""
    return int(2.0 * layers * G * d_k * seq_len * batch * bytes_per_number)


EXERCISE = Exercise(
    number="4.5",
    title="kv_cache_bytes",
    names=("kv_cache_bytes",),
    minutes=10,
    starred=True,
    reference=reference.kv_cache_bytes,
    outputs=(Output("number of bytes", (), dtype="whole"),),
    public=lambda rng: [cache_case(3, 2, 4, 5, 1, 2), cache_case(1, 1, 1, 1, 7, 4), cache_case(2, 5, 3, 7, 2, 1), cache_case(127, 9, 129, 131071, 1000003, 3)],
    tests=(
        Test("one of everything", "one key and one value of d_k numbers, in bytes", lambda rng: [cache_case(1, 1, 5, 1, 1, 4), cache_case(1, 1, 1, 1, 1, 1), *(cache_case(1, 1, d_k, 1, 1, width) for d_k, width in [drawn(rng, (3, 99), (2, 9))])]),
        Test(
            "every size counts", "all layers, groups, positions and sequences of the batch are counted, once each",
            lambda rng: [cache_case(*map(int, rng.integers(2, 9, size=5)), width) for width in (1, 2, 4)],
        ),
        Test(
            "published shapes", "exact bytes, also for the largest models",
            lambda rng: [cache_case(32, 32, 128, 4096, 1, 2), cache_case(80, 8, 128, 4096, 16, 2), cache_case(126, 8, 128, 131072, 3, 1), cache_case(127, 9, 129, 131071, 1000003, 3), cache_case(*drawn(rng, (90, 130), (9, 33), (65, 257), (100_001, 140_000), (10_001, 1_000_000), (2, 9)))],
        ),
    ),
    flawed=flawed_cache,
    mistakes=(
        Mistake(
            "keys-or-values-only", "keys or values counted, not both", "One vector per position is kept.",
            "What does a query need from an old position: only its key?", "step 1 of the stub", switches={"tensors": 1},
        ),
        Mistake(
            "queries-counted", "queries counted too", "Q, K and V are kept.",
            "Does a later position ever ask for an earlier position's query?", "step 1 of the stub", switches={"tensors": 3},
        ),
        Mistake("batch-forgotten", "one sequence counted instead of the batch", "The cache belongs to the model.",
                "Do two users share their sentences?", "step 2 of the stub", switches={"batched": False}),
        Mistake("layers-forgotten", "one layer counted", "There is one cache.", "Every layer has keys of its own.", "step 2 of the stub", switches={"layered": False}),
        Mistake("groups-forgotten", "one key/value head counted, whatever G is", "d_k is the width of a key.",
                "How many keys are there at one position?", "step 1 of the stub", switches={"groups": False}),
        Mistake("bits", "bits instead of bytes", "Memory is measured in bits.", "The last argument counts bytes already.", "step 3 of the stub", switches={"unit": "bits"}),
        Mistake("numbers-not-bytes", "how many numbers there are, not their bytes", "The numbers are what is stored.",
                "How many bytes does one number take?", "step 3 of the stub", switches={"unit": "numbers"}),
        Mistake("in-GiB", "the answer in GiB", "Memory is given in GiB.", "The unit asked for is bytes.", "the docstring", switches={"unit": "GiB"}),
        Mistake("two-bytes-always", "two bytes per number whatever is said", "Models are stored in 16 bits.",
                "Caches are also kept in 8 or 32 bits.", "step 3 of the stub", switches={"width": "always 2"}),
        Mistake("weights-counted", "T × T numbers, as for the attention weights", "Attention is quadratic.",
                "Keys are kept once per position, not once per pair.", "step 2 of the stub", switches={"positions": "pairs"}),
        Mistake(
            "product-in-floats",
            "a product of floats, whose last digits are rounded",
            "int() makes it whole again.",
            "How many digits does a float keep, and how many do Python's whole numbers?",
            "step 3 of the stub",
            code=cache_in_floats,
        ),
        Mistake(
            "product-in-float32", "a product in float32, which keeps seven digits", "A tensor can multiply, too.",
            "How many digits does a float32 keep, and how many do Python's whole numbers?", "step 3 of the stub", code=cache_in_float32,
        ),
        Mistake("a-float", "a float where an int is asked for", "96.0 is 96.", "Which division or factor made a float of it?", "the docstring", switches={"unit": "float"}),
        Mistake("in-KiB", "the answer in KiB", "Memory is given in kilobytes.", "The unit asked for is bytes.", "the docstring", switches={"unit": "KiB"}),
    ),
    variants=(
        Variant("layer by layer", cache_by_layer),
        Variant("one product", cache_product),
        Variant("counted on tensors, extra keyword", cache_of_tensors),
        Variant("NumPy integer", cache_numpy),
    ),
)
