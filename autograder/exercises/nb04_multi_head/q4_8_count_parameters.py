"""4.8 count_parameters: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.heads_family import FourMaps
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, drawn
from autograder.reference import nb04 as reference


def count_case(d_model: int, H: int, G: int, **options: Any) -> Case:
    return Case(args=(d_model, H, G), **options)


def drawn_count(rng: Rng, groups: tuple[int, int], each: tuple[int, int], left: int = 0, **options: Any) -> Case:
    """Sizes that fit: G groups of some heads of some width; with `left` features too many they do not."""
    G, heads, d_k = drawn(rng, groups, each, (2, 9))
    return count_case(G * heads * d_k + left, G * heads, G, **options)


def flawed_count(d_model: int, H: int, G: int, *, shared: str = "both", output: bool = True, bias: bool = False, width: str = "d_k",
                 check: bool = True, narrow: int = 2, kind: str = "int", heads: str = "in d_model") -> Any:
    """The number of parameters with switches that break it."""
    if check and (d_model % H or H % G):
        raise ValueError("sizes do not fit")
    if heads == "in the square maps":
        return 2 * H * d_model * d_model + narrow * d_model * G * (d_model // H)
    rows = {"d_k": G * (d_model // H), "d_model": G * d_model, "H/G": (H // G) * (d_model // H), "G": G}[width]
    if shared == "none":
        rows = d_model
    keys_and_values = narrow * d_model * rows if shared != "keys only" else d_model * rows + d_model * d_model
    square = d_model * d_model
    biases = d_model + narrow * rows + (d_model if output else 0) if bias else 0
    total = square + keys_and_values + (square if output else 0) + biases
    return total * d_model / d_model if kind == "float" else total // square if kind == "squares" else total


def count_formula(d_model: int, H: int, G: int) -> int:
    if d_model % H or H % G:
        raise ValueError("sizes")
    return 2 * d_model**2 * (H + G) // H


def count_by_building(d_model: int, H: int, G: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in FourMaps(d_model, H, G).parameters())


def count_by_shapes(d_model: int, H: int, G: int, *, maps: str = "qkvo") -> int:
    d_k, rest = divmod(d_model, H)
    if rest != 0 or H % G != 0:
        raise ValueError("sizes")
    heads = {"q": H, "k": G, "v": G, "o": H}
    return sum(heads[name] * d_k * d_model for name in maps)


EXERCISE = Exercise(
    number="4.8",
    title="count_parameters",
    names=("count_parameters",),
    minutes=5,
    reference=reference.count_parameters,
    outputs=(Output("number of parameters", (), dtype="whole"),),
    public=lambda rng: [count_case(6, 3, 3), count_case(12, 4, 2), count_case(12, 6, 1), count_case(24, 6, 3), count_case(6, 4, 2, raises="ValueError")],
    tests=(
        Test("multi-head", "four square maps without biases when G = H", lambda rng: [count_case(10, 5, 5), count_case(3, 1, 1), drawn_count(rng, (2, 9), (1, 2))]),
        Test(
            "grouped", "W_k and W_v have G·d_k rows instead of H·d_k",
            lambda rng: [count_case(12, 6, 1), count_case(20, 10, 5), count_case(8, 8, 2), count_case(4096, 32, 8), drawn_count(rng, (2, 5), (2, 5))],
        ),
        Test(
            "impossible sizes", "a ValueError when H does not divide d_model, or G does not divide H",
            lambda rng: [count_case(10, 4, 2, raises="ValueError"), count_case(12, 6, 4, raises="ValueError"), count_case(8, 2, 4, raises="ValueError"), drawn_count(rng, (2, 5), (2, 5), left=1, raises="ValueError")],
        ),
    ),
    flawed=flawed_count,
    mistakes=(
        Mistake("query-heads-counted", "key and value maps counted for every query head", "Each head has its Q, K and V.",
                "How many key heads are there when G < H?", "step 2 of the stub", switches={"shared": "none"}),
        Mistake("only-keys-shared", "only the key map made narrower, W_v counted with H heads", "The groups share their keys.",
                "What else does a group share?", "step 2 of the stub", switches={"shared": "keys only"}),
        Mistake("no-W_o", "W_o forgotten", "Attention is Q, K and V.", "Name the four maps of 4.4.", "step 1 of the stub", switches={"output": False}),
        Mistake("biases-counted", "biases counted too", "A linear layer has a bias.", "What did 4.3 say about the biases?", "step 1 of the stub", switches={"bias": True}),
        Mistake("d_k-taken-for-d_model", "key heads as wide as d_model", "Every key has d_model numbers.", "How wide is one head?", "step 2 of the stub", switches={"width": "d_model"}),
        Mistake("G-taken-for-the-group-size", "H/G key heads instead of G", "G is the size of a group.", "With G = 1, how many key heads are there?", "step 2 of the stub", switches={"width": "H/G"}),
        Mistake("width-of-a-head-forgotten", "G rows in W_k and W_v instead of G·d_k", "There are G keys.", "How wide is one key?", "step 2 of the stub", switches={"width": "G"}),
        Mistake("one-narrow-map", "one narrow map counted, not two", "K and V share a map.", "Which four maps does the module hold?", "step 2 of the stub", switches={"narrow": 1}),
        Mistake("a-float", "a float where an int is asked for", "84.0 is 84.", "Which division made a float of it? `//` divides whole numbers.", "the docstring", switches={"kind": "float"}),
        Mistake("H-square-maps", "W_q and W_o counted once for every head", "Each head has its own W_q.", "Each head has d_k *rows* of W_q. How many rows are there in all?", "step 1 of the stub", switches={"heads": "in the square maps"}),
        Mistake("no-size-check", "sizes that do not fit not refused", "The formula gives a number anyway.", "Could 4.4 be built with these sizes?", "the docstring", switches={"check": False}),
    ),
    variants=(
        Variant("closed formula", count_formula),
        Variant("counted on the module", count_by_building),
        Variant("map by map, extra keyword", count_by_shapes),
    ),
)
