"""5.9 append_rotated: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.pairs_family import BASE, shift_by_slices
from autograder.exercises.nb05_positions.rope_family import (
    ANGLES_IN_FLOAT32,
    flawed_rope,
    rope_by_matrices,
    rope_by_slices,
    rope_polar,
    rope_with_quarter_turn,
)
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, rounded
from autograder.reference import nb05 as reference


def append_case(rng: Rng, B: int, H: int, n: int, d: int, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    args = (draw(rng, B, H, n, d), draw(rng, B, H, 1, d))
    sizes = {"B": B, "H": H, "n": n, "n+1": n + 1, "d": d}
    return Case(args=args, kwargs=kwargs, sizes=sizes, tolerance=ANGLES_IN_FLOAT32, **options)


def flawed_append(cache: Any, k_t: Any, base: float = BASE, *, at: str = "n", again: str = "no", side: str = "after",
                  pairs: str = "interleaved", known_base: bool = True, graph: str = "kept", sign: int = 1) -> Any:
    """Appending a rotated key to the cache with switches that break it."""
    n = cache.shape[2]
    place = {"n": n, "0": 0, "n + 1": n + 1, "n - 1": max(n - 1, 0), "H": cache.shape[1], "B": cache.shape[0]}[at]
    options = {"pairs": pairs, "known_base": known_base, "sign": sign}
    cache = cache.detach() if graph == "cut" else cache
    if side == "new alone":
        return flawed_rope(k_t, torch.tensor([place]), base, **options)
    if side == "last replaced":
        return torch.cat([cache[:, :, :-1], flawed_rope(k_t, torch.tensor([place]), base, **options)], dim=2)
    if again == "everything":
        return flawed_rope(torch.cat([cache, k_t], 2), torch.arange(n + 1), base, **options)
    new = flawed_rope(k_t, torch.tensor([place]), base, **options)
    return torch.cat([cache, new] if side == "after" else [new, cache], dim=2)


def append_cat(cache: Any, k_t: Any, base: float = BASE) -> Any:
    return torch.cat((cache, rope_by_slices(k_t, torch.tensor([cache.size(-2)]), base)), dim=-2)


def append_padded(cache: Any, k_t: Any, base: float = BASE) -> Any:
    n = cache.shape[-2]
    padded = torch.nn.functional.pad(k_t, (0, 0, n, 0))
    turned = rope_by_matrices(padded, torch.arange(n + 1), base)
    return torch.nn.functional.pad(cache, (0, 0, 0, 1)) + turned


def append_written(cache: Any, k_t: Any, base: float = BASE, *, offset: int = 0) -> Any:
    B, H, n, d = cache.shape
    keys = cache.new_empty(B, H, n + 1, d)
    keys[:, :, :n] = cache
    keys[:, :, n:] = rope_polar(k_t, torch.full((1,), n + offset), base)
    return keys


def append_by_matrix(cache: Any, k_t: Any, base: float = BASE) -> Any:
    back = shift_by_slices(-cache.shape[2], k_t.shape[-1], base).to(k_t.dtype) if k_t.dtype == torch.float32 else None
    turned = k_t @ back.T if back is not None else rope_with_quarter_turn(k_t, torch.tensor([cache.shape[2]]), base)
    return torch.concat([cache, turned], 2)


def append_in_window(cache: Any, k_t: Any, base: float = 10000.0) -> Any:
    """Right, but only the last 128 keys are kept."""
    d = k_t.shape[-1]
    angles = cache.shape[2] * base ** (-torch.arange(0, d, 2, dtype=k_t.dtype) / d)
    first, second = k_t[..., 0::2], k_t[..., 1::2]
    turned = torch.stack([first * angles.cos() - second * angles.sin(), first * angles.sin() + second * angles.cos()], dim=-1)
    return torch.cat([cache, turned.flatten(-2)], dim=2)[:, :, -128:]


EXERCISE = Exercise(
    number="5.9",
    title="append_rotated",
    names=("append_rotated",),
    minutes=10,
    starred=True,
    reference=reference.append_rotated,
    outputs=(Output("keys", ("B", "H", "n+1", "d")),),
    public=lambda rng: [
        append_case(rng, 1, 1, 2, 2, draw=rounded),
        append_case(rng, 2, 1, 3, 4, draw=rounded, dtype="float32", base=100.0),
        append_case(rng, 1, 2, 1, 4, draw=rounded, gradient=True),
        append_case(rng, 1, 2, 0, 2, draw=rounded),
        append_case(rng, 1, 1, 129, 2, draw=rounded),
    ],
    tests=(
        Test("an empty cache", "the first key stands at position 0", lambda rng: [append_case(rng, 2, 3, 0, 4), append_case(rng, 1, 1, 0, 2)]),
        Test(
            "a filled cache", "the keys in the cache stay as they are, and after them comes the new one, turned to position n",
            lambda rng: [append_case(rng, 2, 3, 5, 4), append_case(rng, 3, 2, 1, 6), append_case(rng, 1, 2, 9, 2), append_case(rng, 1, 1, 130, 2)],
        ),
        Test(
            "bases and number types", "the angles follow from `base`; float32 stays float32",
            lambda rng: [append_case(rng, 1, 2, 3, 4, base=100.0), append_case(rng, 2, 1, 3, 6, dtype="float32")],
        ),
        Test("gradients", "gradients reach the cache and the new key", lambda rng: [append_case(rng, 2, 2, 3, 4, gradient=True)]),
    ),
    flawed=flawed_append,
    mistakes=(
        Mistake(
            "offset-ignored", "the new key appended as it came, at position 0", "There is one new key, so its position is 0.", "How many keys came before it?",
            "step 1 of the stub", switches={"at": "0"},
        ),
        Mistake(
            "one-too-far", "the new key turned to position n + 1", "The new length is the new position.", "Positions count from 0. Where does the first key stand?",
            "step 1 of the stub", switches={"at": "n + 1"},
        ),
        Mistake(
            "one-too-near", "the new key turned to the position of the last cached one", "The last index is n − 1.", "Is position n − 1 still free?",
            "step 1 of the stub", switches={"at": "n - 1"},
        ),
        Mistake(
            "heads-counted", "a position taken from the axis of the heads", "Axis 1 is the sequence.", "Which axis of (B, H, n, d) counts positions?",
            "step 1 of the stub", switches={"at": "H"},
        ),
        Mistake(
            "turned-twice", "the cached keys turned once more", "Every step turns all keys to their positions.", "In which state are the keys in the cache?",
            "step 2 of the stub", switches={"again": "everything"},
        ),
        Mistake(
            "put-in-front", "the new key put in front", "The order of keys makes no difference.", "Which row of the cache has position 0?", "step 3 of the stub",
            switches={"side": "before"},
        ),
        Mistake(
            "new-key-alone", "the new key alone, without the cache", "The cache is kept elsewhere.", "How many keys should come back?", "step 3 of the stub", switches={"side": "new alone"},
        ),
        Mistake(
            "last-key-replaced", "the last key of the cache replaced by the new one", "The cache has n places.", "How many keys should come back?", "step 3 of the stub",
            switches={"side": "last replaced"},
        ),
        Mistake(
            "half-split", "feature i paired with feature i + d/2, the half-split layout", "Every rotary code I have seen cuts x in halves.",
            "This course pairs (0, 1), (2, 3), ….", "step 2 of the stub", switches={"pairs": "half"},
        ),
        Mistake(
            "turned-backwards", "the new key turned the other way round", "Keys are turned against the queries.", "Queries and keys are turned alike.",
            "step 2 of the stub", switches={"sign": -1},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is `base` passed on?", "step 2 of the stub",
            switches={"known_base": False},
        ),
        Mistake(
            "cache-detached", "a cache cut off from its gradient", "What is cached is done.", "The docstring promises gradients to both.", "step 3 of the stub",
            switches={"graph": "cut"},
        ),
        Mistake(
            "window-of-128",
            "only the last 128 keys kept",
            "A cache has a size.",
            "How many keys come back when 130 were there? None may be lost.",
            "step 3 of the stub",
            code=append_in_window,
        ),
    ),
    variants=(
        Variant("cat", append_cat),
        Variant("padding and a sum", append_padded),
        Variant("written into new memory, extra keyword", append_written),
        Variant("a matrix where it is exact enough", append_by_matrix),
    ),
)
