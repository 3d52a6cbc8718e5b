"""5.5 rope_rotate: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from attnkit.checking.compare import Output
from autograder.exercises.nb05_positions.rope_family import (
    BACKWARDS,
    BASE_IGNORED,
    DETACHED,
    EXPONENT,
    FROM_1,
    GROWING,
    HALVES,
    ODD_ACCEPTED,
    POSITIONS_IGNORED,
    ROPE_TESTS,
    TABLE_OF_2048,
    WIDENED,
    flawed_rope,
    rope_by_matrices,
    rope_by_pairs,
    rope_by_slices,
    rope_polar,
    rope_public,
    rope_with_quarter_turn,
)
from autograder.judging.declare import Exercise, Mistake, Variant
from autograder.reference import nb05 as reference

EXERCISE = Exercise(
    number="5.5",
    title="rope_rotate",
    names=("rope_rotate",),
    minutes=15,
    reference=reference.rope_rotate,
    outputs=(Output("turned features", ("...", "T", "d")),),
    public=rope_public,
    tests=ROPE_TESTS,
    flawed=flawed_rope,
    mistakes=(
        HALVES,
        BACKWARDS,
        EXPONENT,
        GROWING,
        TABLE_OF_2048,
        Mistake(
            "one-speed", "the same angle for every pair", "Position t turns everything by t.", "The equation has an i in it.", "step 1 of the stub",
            switches={"exponent": "none"},
        ),
        POSITIONS_IGNORED,
        FROM_1,
        Mistake(
            "stretched", "each feature multiplied by a cosine or a sine, which stretches and does not turn", "Rotating means multiplying by cos and sin.",
            "A rotation mixes the two features of a pair and keeps its length. Does yours?", "step 3 of the stub", switches={"cross": "none"},
        ),
        Mistake(
            "second-from-new-first", "the second feature computed from the new first one", "I write the results back as I go.",
            "Which value of the first feature does the second line need?", "step 3 of the stub", switches={"cross": "updated"},
        ),
        Mistake(
            "minus-forgotten", "two plus signs, where a rotation has a minus", "Both lines look alike.", "Turn (0, 1) by a quarter.", "step 3 of the stub",
            switches={"cross": "plus"},
        ),
        Mistake(
            "written-in-halves", "pairs read side by side and written back as halves", "torch.cat puts things together.",
            "Where has feature 1 gone when all angles are 0?", "step 4 of the stub", switches={"write": "halves"},
        ),
        Mistake(
            "pairs-exchanged-and-not-turned-back", "first and second features in each other's place in the result", "The order in a pair makes no difference.",
            "At position 0 nothing moves. Where is feature 0 then?", "step 4 of the stub", switches={"write": "exchanged"},
        ),
        Mistake(
            "turned-by-half", "half of every angle", "The circle has 2π.", "Turn (1, 0) to position 1: the docstring says by how many radians.", "step 1 of the stub", switches={"angle": 0.5},
        ),
        Mistake(
            "in-degrees", "angles taken for degrees", "Sine wants degrees.", "torch.sin takes radians, and so does the docstring.", "step 1 of the stub", switches={"angle": 0.017453292519943295},
        ),
        BASE_IGNORED,
        DETACHED,
        WIDENED,
        ODD_ACCEPTED,
    ),
    variants=(
        Variant("slices written into a new tensor", rope_by_slices),
        Variant("pair by pair", rope_by_pairs),
        Variant("2 × 2 matrices, extra keyword", rope_by_matrices),
        Variant("a quarter turn and two factors", rope_with_quarter_turn),
        Variant("complex numbers", rope_polar),
    ),
)
