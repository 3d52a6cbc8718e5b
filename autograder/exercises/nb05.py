"""Notebook 5, positions: what each exercise asks, and the wrong answers it knows by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.declare import Exercise, Mistake, Test, Variant, normal, rounded
from autograder.reference import nb05 as reference

Rng = np.random.Generator

BASE = 10000.0
ANGLES_IN_FLOAT32 = 2e-5  # what is lost when the angles are computed in float32, as torch does with whole positions


def refuse_odd(width: int) -> None:
    """Raise ValueError for a width that cannot be cut into pairs."""
    if width % 2:
        raise ValueError(f"{width} features cannot be cut into pairs")


# 5.1 sinusoidal_encoding ---------------------------------------------------------------------------------------------


def encoding_case(T: int, d_model: int, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    return Case(args=(T, d_model), kwargs=kwargs, dtype="float32", sizes={"T": T, "d_model": d_model}, **options)


def flawed_encoding(T: int, d_model: int, base: float = BASE, *, first: int = 0, exponent: str = "2i", order: str = "sin cos",
                    layout: str = "interleaved", known_base: bool = True, turn: str = "divide", width: str = "float32",
                    refuse: bool = True) -> Any:
    """The sinusoidal table with switches that break it."""
    if refuse:
        refuse_odd(d_model)
    base = base if known_base else BASE
    pairs = (d_model + 1) // 2
    i = torch.arange(pairs, dtype=torch.float64)
    frequency = base ** (-(2 * i if exponent == "2i" else i) / d_model)
    if turn == "multiply":
        frequency = 1 / frequency
    position = torch.arange(first, first + T, dtype=torch.float64)[:, None]
    one, other = (position * frequency).sin(), (position * frequency).cos()
    if exponent == "own":
        feature = torch.arange(0, 2 * pairs, dtype=torch.float64)
        angles = position * base ** (-feature / d_model)
        one, other = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    if order == "cos sin":
        one, other = other, one
    table = torch.stack([one, other], -1).flatten(-2) if layout == "interleaved" else torch.cat([one, other], -1)
    return table[:, :d_model].to(getattr(torch, width))


def encoding_number_by_number(T: int, d_model: int, base: float = BASE) -> Any:
    if d_model % 2 == 1:
        raise ValueError("d_model must be even")
    table = torch.zeros(T, d_model)
    for t in range(T):
        for feature in range(0, d_model, 2):
            angle = t / base ** (feature / d_model)
            table[t, feature] = math.sin(angle)
            table[t, feature + 1] = math.cos(angle)
    return table


def encoding_with_logarithm(T: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    frequency = torch.exp(torch.arange(0, d_model, 2) * (-math.log(base) / d_model))
    angles = torch.arange(T).unsqueeze(1) * frequency
    table = torch.empty(T, d_model)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles)
    return table


def encoding_from_numpy(T: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    angles = np.outer(np.arange(T), 1 / np.power(base, np.arange(0, d_model, 2) / d_model))
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, d_model)
    return torch.from_numpy(table).float()


def encoding_as_shifted_sine(T: int, d_model: int, base: float = BASE, *, start: int = 0) -> Any:
    refuse_odd(d_model)
    feature = torch.arange(d_model)
    angles = torch.outer(torch.arange(start, start + T).double(), base ** (-(feature // 2 * 2).double() / d_model))
    return torch.sin(angles + math.pi / 2 * (feature % 2)).to(torch.float32)


SINUSOIDAL = Exercise(
    number="5.1",
    title="sinusoidal_encoding",
    names=("sinusoidal_encoding",),
    minutes=10,
    reference=reference.sinusoidal_encoding,
    outputs=(Output("table", ("T", "d_model"), dtype="float32"),),
    public=lambda rng: [
        encoding_case(3, 4),
        encoding_case(5, 6, base=100.0),
        encoding_case(2, 3, raises="ValueError"),
    ],
    tests=(
        Test(
            "one pair of features", "feature 0 is sin(t) and feature 1 is cos(t), with t counted from 0",
            lambda rng: [encoding_case(4, 2), encoding_case(1, 2)],
        ),
        Test(
            "every pair", "sine on even and cosine on odd features; both of a pair share the frequency base^(−2i/d_model)",
            lambda rng: [encoding_case(7, 6), encoding_case(3, 10), encoding_case(6, 6), encoding_case(60, 4)],
        ),
        Test(
            "other bases", "the frequencies follow from `base`",
            lambda rng: [encoding_case(5, 4, base=100.0), encoding_case(4, 8, base=2.0)],
        ),
        Test(
            "impossible sizes", "a ValueError when d_model is odd",
            lambda rng: [encoding_case(4, 5, raises="ValueError"), encoding_case(3, 1, raises="ValueError")],
        ),
    ),
    flawed=flawed_encoding,
    mistakes=(
        Mistake(
            "exponent-i", "the exponent i/d_model where 2i/d_model is asked for", "The pair number is what stands in the exponent.",
            "For d_model = 4, which two exponents does the equation give?", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "frequency-for-every-feature", "cosines with a frequency of their own, not that of their sine",
            "Every feature has its own frequency.", "How many different frequencies are there for d_model features?",
            "step 1 of the stub", switches={"exponent": "own"},
        ),
        Mistake(
            "halves", "all sines first and then all cosines", "The order of features makes no difference.",
            "Which feature stands beside feature 0, and is it a sine or a cosine?", "step 3 of the stub", switches={"layout": "halves"},
        ),
        Mistake(
            "cosine-first", "cosine on even and sine on odd features", "Cosine comes first, as for points on a circle.",
            "Position 0 has sin 0 = 0. In which feature?", "step 3 of the stub", switches={"order": "cos sin"},
        ),
        Mistake(
            "counted-from-1", "positions counted from 1", "The first position is number 1.",
            "What is the first row when t = 0?", "step 2 of the stub", switches={"first": 1},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
            "step 1 of the stub", switches={"known_base": False},
        ),
        Mistake(
            "multiplied-by-the-power", "angles that grow from pair to pair, because the exponent lost its minus sign",
            "The later features turn faster.", "Which pair should turn fastest, the first or the last?", "step 1 of the stub",
            switches={"turn": "multiply"},
        ),
        Mistake(
            "float64-table", "a table in float64", "More digits never hurt.", "Which number type does the docstring promise?",
            "the docstring", switches={"width": "float64"},
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "One feature more does no harm.", "With whom would the last feature make a pair?",
            "step 1 of the stub", switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("number by number", encoding_number_by_number),
        Variant("logarithm of the base", encoding_with_logarithm),
        Variant("through NumPy", encoding_from_numpy),
        Variant("cosine as a shifted sine, extra keyword", encoding_as_shifted_sine),
    ),
)


# 5.2 shift_matrix ----------------------------------------------------------------------------------------------------


def shift_case(k: int, d_model: int, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    return Case(args=(k, d_model), kwargs=kwargs, dtype="float32", sizes={"d_model": d_model}, **options)


def flawed_shift(k: int, d_model: int, base: float = BASE, *, turned: bool = False, size: str = "signed", exponent: str = "2i",
                 layout: str = "interleaved", known_base: bool = True, minus: bool = True, order: str = "sin cos",
                 refuse: bool = True) -> Any:
    """The shift matrix with switches that break it."""
    if refuse:
        refuse_odd(d_model)
    base = base if known_base else BASE
    k = abs(k) if size == "absolute" else k
    half = d_model // 2
    M = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(half):
        power = {"2i": 2 * i, "i": i, "none": 0}[exponent]
        angle = k * base ** (-power / d_model)
        a, b = (2 * i, 2 * i + 1) if layout == "interleaved" else (i, i + half)
        same, across = math.cos(angle), math.sin(angle)
        if order == "cos sin":
            same, across = across, same
        M[a, a] = M[b, b] = same
        M[a, b], M[b, a] = across, -across if minus else across
    return (M.T if turned else M).float()


def shift_by_blocks(k: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    blocks = []
    for i in range(d_model // 2):
        c, s = math.cos(k / base ** (2 * i / d_model)), math.sin(k / base ** (2 * i / d_model))
        blocks.append(torch.tensor([[c, s], [-s, c]]))
    return torch.block_diag(*blocks)


def shift_by_slices(k: int, d_model: int, base: float = BASE) -> Any:
    refuse_odd(d_model)
    angles = k * base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    M = torch.diag(angles.cos().repeat_interleave(2))
    even = torch.arange(0, d_model, 2)
    M[even, even + 1] = angles.sin()
    M[even + 1, even] = -angles.sin()
    return M.to(torch.float32)


def shift_by_exponential(k: int, d_model: int, base: float = BASE, *, steps: int = 1) -> Any:
    refuse_odd(d_model)
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    speed = torch.diag(torch.tensor([base ** (-2 * i / d_model) for i in range(d_model // 2)], dtype=torch.float64))
    return torch.linalg.matrix_power(torch.matrix_exp(k / steps * torch.kron(speed, turn)), steps).float()


SHIFT = Exercise(
    number="5.2",
    title="shift_matrix",
    names=("shift_matrix",),
    minutes=15,
    starred=True,
    reference=reference.shift_matrix,
    outputs=(Output("matrix", ("d_model", "d_model"), dtype="float32"),),
    public=lambda rng: [
        shift_case(1, 2),
        shift_case(-2, 6),
        shift_case(2, 4, base=100.0),
        shift_case(1, 3, raises="ValueError"),
    ],
    tests=(
        Test("one pair", "for two features, the 2 × 2 matrix of the addition theorems", lambda rng: [shift_case(1, 2), shift_case(5, 2)]),
        Test(
            "every pair", "one 2 × 2 block for each pair of features, and zeros elsewhere",
            lambda rng: [shift_case(2, 6), shift_case(11, 4), shift_case(0, 4)],
        ),
        Test("backwards", "a negative k leads back", lambda rng: [shift_case(-1, 4), shift_case(-6, 2)]),
        Test("other bases", "the angles follow from `base`", lambda rng: [shift_case(3, 4, base=100.0), shift_case(-2, 6, base=10.0)]),
        Test("impossible sizes", "a ValueError when d_model is odd", lambda rng: [shift_case(2, 5, raises="ValueError")]),
    ),
    flawed=flawed_shift,
    mistakes=(
        Mistake(
            "transposed", "the transpose, which leads k steps back", "PE[t] @ M and M @ PE[t] are the same.",
            "Multiply by hand: which of sin and cos stands in the first row of M @ PE[t]?", "step 2 of the stub", switches={"turned": True},
        ),
        Mistake(
            "minus-forgotten", "two plus signs, where the addition theorem of the cosine has a minus", "Both theorems look alike.",
            "cos(a + b) = …?", "step 2 of the stub", switches={"minus": False},
        ),
        Mistake(
            "absolute-shift", "|k| in place of k", "A distance has no sign.", "Where does k = −1 lead?", "step 1 of the stub",
            switches={"size": "absolute"},
        ),
        Mistake(
            "exponent-i", "the exponent i/d_model where 2i/d_model is asked for", "The pair number is what stands in the exponent.",
            "The frequencies are those of exercise 5.1.", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "one-frequency", "the same angle in every block", "A shift by k turns everything by k.",
            "The hands of the dials turn at different speeds.", "step 1 of the stub", switches={"exponent": "none"},
        ),
        Mistake(
            "halves", "feature i paired with feature i + d_model/2", "Sines are in the first half.",
            "Which features make a pair in your table of 5.1?", "step 2 of the stub", switches={"layout": "halves"},
        ),
        Mistake(
            "sine-on-the-diagonal", "sines on the diagonal and cosines beside it", "Sine comes first.",
            "What should the matrix be for k = 0?", "step 2 of the stub", switches={"order": "cos sin"},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
            "step 1 of the stub", switches={"known_base": False},
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "One feature more does no harm.", "With whom would the last feature make a pair?",
            "the docstring", switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("block by block", shift_by_blocks),
        Variant("slices of one matrix", shift_by_slices),
        Variant("matrix exponential, extra keyword", shift_by_exponential),
    ),
)


# 5.3 causal_mean, positions_from_causal_mean -------------------------------------------------------------------------

MEAN_AND_POSITIONS = ("causal_mean", "positions_from_causal_mean")


def mean_case(rng: Rng, *shape: int, draw: Any = normal, **options: Any) -> Case:
    return Case(function="causal_mean", args=(draw(rng, *shape),), sizes={"T": shape[-2], "d": shape[-1]}, **options)


def counting_case(T: int, **options: Any) -> Case:
    return Case(function="positions_from_causal_mean", args=(np.eye(T)[0],), sizes={"T": T}, **options)


def mean_running(X: Any) -> Any:
    count = torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)
    return X.cumsum(dim=-2) / count[:, None]


def positions_plain(is_first: Any) -> Any:
    return 1 / mean_running(is_first[:, None])[:, 0] - 1


def mean_by_weights(X: Any) -> Any:
    T = X.shape[-2]
    scores = torch.zeros(T, T, dtype=X.dtype).masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
    return torch.softmax(scores, dim=-1) @ X


def positions_from_weights(is_first: Any) -> Any:
    share = mean_by_weights(is_first.unsqueeze(-1)).squeeze(-1)
    return share.reciprocal() - 1.0


def mean_by_slices(X: Any) -> Any:
    return torch.stack([X[..., : t + 1, :].mean(dim=-2) for t in range(X.shape[-2])], dim=-2)


def positions_by_odds(is_first: Any) -> Any:
    share = mean_by_slices(torch.stack([is_first, 1 - is_first], dim=-1))
    return share[:, 1] / share[:, 0]


def mean_einsum(X: Any, *, start: int = 0) -> Any:
    T = X.shape[-2]
    weights = torch.ones(T, T, dtype=X.dtype).tril()
    return torch.einsum("ts,...sd->...td", weights / weights.sum(-1, keepdim=True), X[..., start:, :])


def positions_as_list(is_first: Any) -> Any:
    return torch.stack([(1 - share) / share for share in mean_einsum(is_first.reshape(-1, 1)).flatten()])


def mean_over_everything(X: Any) -> Any:
    return X.mean(dim=-2, keepdim=True).expand_as(X)


def mean_without_itself(X: Any) -> Any:
    before = X.cumsum(-2) - X
    return before / torch.arange(X.shape[-2], dtype=X.dtype).clamp(min=1)[:, None]


def mean_of_the_future(X: Any) -> Any:
    return mean_running(X.flip(-2)).flip(-2)


def mean_along_axis_0(X: Any) -> Any:
    if X.ndim == 2:
        return mean_running(X)
    count = torch.arange(1, len(X) + 1, dtype=X.dtype)
    return X.cumsum(0) / count.view(-1, *[1] * (X.ndim - 1))


def mean_in_float32(X: Any) -> Any:
    return mean_running(X.float())


def mean_in_place(X: Any) -> Any:
    return X.cumsum_(-2).div_(torch.arange(1, X.shape[-2] + 1, dtype=X.dtype)[:, None])


CAUSAL_MEAN = Exercise(
    number="5.3",
    title="causal_mean, positions_from_causal_mean",
    names=MEAN_AND_POSITIONS,
    minutes=10,
    starred=True,
    reference={"causal_mean": reference.causal_mean, "positions_from_causal_mean": reference.positions_from_causal_mean},
    outputs_by_name={
        "causal_mean": (Output("means", ("...", "T", "d")),),
        "positions_from_causal_mean": (Output("positions", ("T",)),),
    },
    public=lambda rng: [
        mean_case(rng, 3, 2, draw=rounded),
        mean_case(rng, 2, 4, 3, draw=rounded),
        mean_case(rng, 3, 2, dtype="float32", draw=rounded),
        counting_case(4),
    ],
    tests=(
        Test("one sequence", "at each t the mean of the rows 0…t", lambda rng: [mean_case(rng, 5, 3), mean_case(rng, 1, 2), mean_case(rng, 4, 4)]),
        Test(
            "leading dimensions and number types", "the same for a batch and a batch of heads; float32 stays float32",
            lambda rng: [mean_case(rng, 3, 5, 2), mean_case(rng, 2, 3, 4, 5), mean_case(rng, 2, 3, 3, dtype="float32")],
        ),
        Test("positions", "the positions 0…T − 1", lambda rng: [counting_case(6), counting_case(1), counting_case(150)]),
        Test("positions in both widths", "positions in the floating type of is_first", lambda rng: [counting_case(5, dtype="float32"), counting_case(4)]),
    ),
    mistakes=(
        Mistake(
            "divided-by-T", "the running sum divided by T at every position", "A mean over T positions divides by T.",
            "How many positions does query 0 see?", "step 1 of the stub", code={"causal_mean": lambda X: X.cumsum(-2) / X.shape[-2]},
        ),
        Mistake(
            "running-sum", "the running sum, not divided at all", "Equal scores mean equal weights of 1.",
            "Weights are shares of 1. How large is each of t + 1 equal ones?", "step 1 of the stub", code={"causal_mean": lambda X: X.cumsum(-2)},
        ),
        Mistake(
            "sees-everything", "the mean of the whole sequence at every position", "All scores are equal, so all weights are 1/T.",
            "Which positions may query t attend to?", "step 1 of the stub", code={"causal_mean": mean_over_everything},
        ),
        Mistake(
            "without-itself", "a mean that leaves the position itself out", "Causal means: only what came before.",
            "What would query 0 attend to?", "step 1 of the stub", code={"causal_mean": mean_without_itself},
        ),
        Mistake(
            "looks-ahead", "the mean of t and everything after it", "The triangle is the upper one.",
            "Which row of the result should equal the mean of all rows?", "step 1 of the stub", code={"causal_mean": mean_of_the_future},
        ),
        Mistake(
            "axis-0", "a mean along axis 0, which is the position only without a batch", "Positions are the first axis.",
            "Count the axes from the end.", "step 1 of the stub", code={"causal_mean": mean_along_axis_0},
        ),
        Mistake(
            "number-type-changed", "a number type that is not the input's", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", code={"causal_mean": mean_in_float32},
        ),
        Mistake(
            "changes-its-input", "X changed in place", "An underscore saves memory.", "What does the caller's tensor hold afterwards?",
            "step 1 of the stub", code={"causal_mean": mean_in_place},
        ),
        Mistake(
            "counted-from-1", "positions counted from 1", "The mean is 1 over the position.", "What does the first token's position have to be?",
            "step 2 of the stub", code={"positions_from_causal_mean": lambda first: 1 / mean_running(first[:, None])[:, 0]},
        ),
        Mistake(
            "share-returned", "the head's output itself, which shrinks from left to right", "The head's output is the position.",
            "The head gives 1, 1/2, 1/3, …: which function of these is 0, 1, 2, …?", "step 2 of the stub",
            code={"positions_from_causal_mean": lambda first: mean_running(first[:, None])[:, 0]},
        ),
    ),
    variants=(
        Variant("running sum over counts", {"causal_mean": mean_running, "positions_from_causal_mean": positions_plain}),
        Variant("softmax of equal scores", {"causal_mean": mean_by_weights, "positions_from_causal_mean": positions_from_weights}),
        Variant("slice by slice, odds", {"causal_mean": mean_by_slices, "positions_from_causal_mean": positions_by_odds}),
        Variant("einsum, extra keyword", {"causal_mean": mean_einsum, "positions_from_causal_mean": positions_as_list}),
    ),
)


# 5.4 relative_bias ---------------------------------------------------------------------------------------------------


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
    index = (offset.clamp(-K, K) if far != "wrap" else offset) + (K if centre else 0)
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


RELATIVE = Exercise(
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
            lambda rng: [bias_case(rng, 7, 5, 2), bias_case(rng, 4, 6, 0), bias_case(rng, 3, 8, 1)],
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


# 5.5 rope_rotate, 5.6 rope_complex -----------------------------------------------------------------------------------


def rope_case(rng: Rng, *shape: int, positions: Any = None, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    at = np.arange(shape[-2]) if positions is None else np.array(positions)
    sizes = {"T": shape[-2], "d": shape[-1]}
    return Case(args=(draw(rng, *shape), at), kwargs=kwargs, sizes=sizes, tolerance=ANGLES_IN_FLOAT32, **options)


def flawed_rope(x: Any, positions: Any, base: float = BASE, *, pairs: str = "interleaved", sign: int = 1, exponent: str = "2i",
                at: str = "given", known_base: bool = True, cross: str = "both", write: str = "as read", graph: str = "kept",
                width: str = "kept", order: str = "cos sin", refuse: bool = True) -> Any:
    """Rotary position embedding with switches that break it."""
    d = x.shape[-1]
    if refuse:
        refuse_odd(d)
    elif d % 2:
        return torch.cat([flawed_rope(x[..., :-1], positions, base), x[..., -1:]], -1)
    x = x.detach() if graph == "cut" else x
    base = base if known_base else BASE
    i = torch.arange(d // 2, dtype=torch.float64)
    frequency = base ** (-{"2i": 2 * i, "i": i, "none": 0 * i}[exponent] / d)
    t = {"given": positions, "plus 1": positions + 1, "counted": torch.arange(x.shape[-2])}[at]
    angles = sign * t.double()[:, None] * frequency
    if width == "kept":
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    else:
        cos, sin = angles.cos(), angles.sin()
    if order == "sin cos":
        cos, sin = sin, cos
    if pairs == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
    else:
        a, b = x[..., : d // 2], x[..., d // 2 :]
    if cross == "none":
        one, other = a * cos, b * sin
    elif cross == "updated":
        one = a * cos - b * sin
        other = one * sin + b * cos
    elif cross == "plus":
        one, other = a * cos + b * sin, a * sin + b * cos
    else:
        one, other = a * cos - b * sin, a * sin + b * cos
    if pairs == "half" or write == "halves":
        return torch.cat([one, other], -1)
    return torch.stack([one, other], -1).flatten(-2)


def angles_of(x: Any, positions: Any, base: float) -> Any:
    refuse_odd(x.shape[-1])
    frequency = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    return torch.outer(positions.double(), frequency)


def rope_by_slices(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turned = torch.empty_like(x)
    turned[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    turned[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return turned


def rope_by_pairs(x: Any, positions: Any, base: float = BASE) -> Any:
    d = x.shape[-1]
    if d % 2 != 0:
        raise ValueError("d must be even")
    parts = []
    for i in range(d // 2):
        angle = positions * base ** (-2 * i / d)
        c, s = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
        parts += [x[..., 2 * i] * c - x[..., 2 * i + 1] * s, x[..., 2 * i] * s + x[..., 2 * i + 1] * c]
    return torch.stack(parts, dim=-1)


def rope_by_matrices(x: Any, positions: Any, base: float = BASE, *, offset: int = 0) -> Any:
    angles = angles_of(x, positions + offset, base)
    R = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1).unflatten(-1, (2, 2)).to(x.dtype)
    return torch.einsum("tpij,...tpj->...tpi", R, x.unflatten(-1, (-1, 2))).flatten(-2)


def rope_with_quarter_turn(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base).repeat_interleave(2, dim=-1).to(x.dtype)
    quarter = torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).reshape(x.shape)
    return x * angles.cos() + quarter * angles.sin()


def rope_polar(x: Any, positions: Any, base: float = BASE) -> Any:
    angles = angles_of(x, positions, base).to(x.dtype)
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(z).flatten(-2)


def rope_complex_exponential(x: Any, positions: Any, base: float = BASE) -> Any:
    turn = torch.exp(1j * angles_of(x, positions, base))
    z = torch.complex(x[..., 0::2], x[..., 1::2]) * turn
    return torch.stack((z.real, z.imag), dim=-1).reshape(x.shape).to(x.dtype)


ROPE_TESTS = (
    Test(
        "one pair", "two features are turned by an angle of `positions`, from the first towards the second",
        lambda rng: [rope_case(rng, 4, 2), rope_case(rng, 1, 2, positions=[3])],
    ),
    Test(
        "every pair", "the pair (2i, 2i + 1) is turned by position · base^(−2i/d)",
        lambda rng: [rope_case(rng, 5, 6), rope_case(rng, 3, 8), rope_case(rng, 4, 4, base=100.0)],
    ),
    Test(
        "the positions that are given", "row t is turned to positions[t], wherever these begin and in whatever order",
        lambda rng: [rope_case(rng, 3, 4, positions=[7, 8, 9]), rope_case(rng, 4, 6, positions=[5, 0, 40, -2])],
    ),
    Test(
        "leading dimensions and number types", "the same for a batch and a batch of heads; float32 stays float32",
        lambda rng: [
            rope_case(rng, 3, 5, 4),
            rope_case(rng, 2, 3, 4, 6),
            rope_case(rng, 2, 3, 3, 2, positions=[4, 1, 2]),
            rope_case(rng, 2, 3, 4, dtype="float32"),
        ],
    ),
    Test(
        "gradients", "gradients reach x",
        lambda rng: [rope_case(rng, 3, 4, gradient=True), rope_case(rng, 2, 2, 6, positions=[3, 9], gradient=True)],
    ),
    Test("impossible sizes", "a ValueError when d is odd", lambda rng: [rope_case(rng, 3, 5, raises="ValueError")]),
)


def rope_public(rng: Rng) -> list[Case]:
    return [
        rope_case(rng, 2, 2, draw=rounded),
        rope_case(rng, 2, 2, 6, positions=[3, 5], draw=rounded),
        rope_case(rng, 2, 4, base=100.0, draw=rounded, dtype="float32"),
        rope_case(rng, 2, 4, draw=rounded, gradient=True),
        rope_case(rng, 2, 3, draw=rounded, raises="ValueError"),
    ]


HALVES = Mistake(
    "half-split", "feature i paired with feature i + d/2, as in the Llama layout", "Every rotary code I have seen cuts x in halves.",
    "This course pairs (0, 1), (2, 3), …. Exercise 5.7 converts.", "step 2 of the stub", switches={"pairs": "half"},
)
BACKWARDS = Mistake(
    "turned-backwards", "a rotation the other way round", "The minus sign can stand in either line.",
    "Turn (1, 0) by a quarter: does it become (0, 1) or (0, −1)?", "step 3 of the stub", switches={"sign": -1},
)
EXPONENT = Mistake(
    "exponent-i", "the exponent i/d where 2i/d is asked for", "The pair number is what stands in the exponent.",
    "For d = 4, which two exponents does the equation give?", "step 1 of the stub", switches={"exponent": "i"},
)
POSITIONS_IGNORED = Mistake(
    "positions-ignored", "positions 0, 1, 2, … whatever `positions` says", "Row t stands at position t.",
    "What if the first rows are already in a cache?", "step 1 of the stub", switches={"at": "counted"},
)
FROM_1 = Mistake(
    "counted-from-1", "every position one too large", "The first position is number 1.", "By how much is position 0 turned?",
    "step 1 of the stub", switches={"at": "plus 1"},
)
BASE_IGNORED = Mistake(
    "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is the argument `base` used?",
    "step 1 of the stub", switches={"known_base": False},
)
DETACHED = Mistake(
    "detached", "x cut off from its gradient", "A rotation has nothing to learn.", "Who learns the numbers that make x?",
    "step 2 of the stub", switches={"graph": "cut"},
)
WIDENED = Mistake(
    "widened", "angles in float64, which make the result float64 too", "More digits never hurt.",
    "Look at the number type of what goes in and what comes out.", "step 3 of the stub", switches={"width": "wide"},
)
ODD_ACCEPTED = Mistake(
    "odd-accepted", "an odd width accepted", "The last feature can stay as it is.", "What does the docstring say about odd d?",
    "the docstring", switches={"refuse": False},
)


ROPE = Exercise(
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


def flawed_complex(x: Any, positions: Any, base: float = BASE, *, pairs: str = "interleaved", sign: int = 1, exponent: str = "2i",
                   at: str = "given", known_base: bool = True, join: str = "multiply", back: str = "real", graph: str = "kept",
                   width: str = "kept", refuse: bool = True) -> Any:
    """The complex form of RoPE with switches that break it."""
    d = x.shape[-1]
    if refuse:
        refuse_odd(d)
    elif d % 2:
        return torch.cat([flawed_complex(x[..., :-1], positions, base), x[..., -1:]], -1)
    x = x.detach() if graph == "cut" else x
    base = base if known_base else BASE
    power = {"2i": torch.arange(0, d, 2), "i": torch.arange(d // 2)}[exponent].double()
    t = {"given": positions, "plus 1": positions + 1, "counted": torch.arange(x.shape[-2])}[at].double()
    angles = sign * t.outer(base ** (-power / d))
    turn = torch.polar(torch.ones_like(angles), angles)
    if join == "angle":
        turn = angles.to(turn.dtype)
    elif join == "stretch":
        turn = torch.polar(angles, angles)
    z = torch.complex(x[..., ::2], x[..., 1::2]) if pairs == "interleaved" else torch.complex(x[..., : d // 2], x[..., d // 2 :])
    if width == "kept":
        turn = turn.to(z.dtype)
    z = z + turn if join == "add" else z * turn
    if back == "complex":
        return z
    if back == "pairs":
        return torch.view_as_real(z)
    if back == "real part":
        return z.real.repeat_interleave(2, -1)
    return torch.view_as_real(z).flatten(-2) if pairs == "interleaved" else torch.cat([z.real, z.imag], -1)


ROPE_COMPLEX = Exercise(
    number="5.6",
    title="rope_complex",
    names=("rope_complex",),
    minutes=10,
    starred=True,
    reference=reference.rope_rotate,
    outputs=(Output("turned features", ("...", "T", "d")),),
    public=rope_public,
    tests=ROPE_TESTS,
    flawed=flawed_complex,
    mistakes=(
        HALVES,
        BACKWARDS,
        EXPONENT,
        POSITIONS_IGNORED,
        FROM_1,
        Mistake(
            "angle-as-factor", "the angle itself as the factor, which stretches and does not turn", "Multiplying by the angle turns by the angle.",
            "Which complex number of length 1 points in the direction of an angle?", "step 1 of the stub", switches={"join": "angle"},
        ),
        Mistake(
            "length-is-not-1", "turning numbers that are not of length 1", "torch.polar takes the angle twice.", "What are the two arguments of torch.polar?",
            "step 1 of the stub", switches={"join": "stretch"},
        ),
        Mistake(
            "added", "the turning number added, not multiplied", "Positions are added to the features.",
            "In 5.1 a position is added. What does RoPE do?", "step 3 of the stub", switches={"join": "add"},
        ),
        Mistake(
            "complex-returned", "complex numbers, not turned back into pairs", "The numbers are right.", "Which shape and number type does x have?",
            "step 4 of the stub", switches={"back": "complex"},
        ),
        Mistake(
            "pairs-not-joined", "a last axis of length 2 that is still there", "view_as_real undoes view_as_complex.", "Print the shape of what you return.",
            "step 4 of the stub", switches={"back": "pairs"},
        ),
        Mistake(
            "real-part-only", "the real part in both features of a pair", "Features are real, so the real part is enough.",
            "Where has the imaginary part gone?", "step 4 of the stub", switches={"back": "real part"},
        ),
        BASE_IGNORED,
        DETACHED,
        WIDENED,
        ODD_ACCEPTED,
    ),
    variants=(
        Variant("polar", rope_polar),
        Variant("complex exponential", rope_complex_exponential),
        Variant("no complex numbers", rope_with_quarter_turn),
    ),
)


# 5.7 interleaved_to_half ---------------------------------------------------------------------------------------------


def layout_case(rng: Rng, *shape: int, draw: Any = normal, **options: Any) -> Case:
    return Case(args=(draw(rng, *shape),), sizes={"d": shape[-1]}, **options)


def flawed_layout(x: Any, *, direction: str = "to half", first: str = "even", axis: int = -1, sign: int = 1, order: str = "as is",
                  width: str = "kept", refuse: bool = True) -> Any:
    """The change of layout with switches that break it."""
    d = x.shape[axis]
    if refuse:
        refuse_odd(x.shape[-1])
    x = x.float() if width == "float32" else x
    y = x.movedim(axis, -1)
    if direction == "to half":
        even, odd = y[..., 0::2], y[..., 1::2]
        if order == "reversed":
            odd = odd.flip(-1)
        parts = (even, sign * odd) if first == "even" else (sign * odd, even)
        y = torch.cat(parts, -1)
    elif direction == "to interleaved":
        y = torch.stack([y[..., : d // 2], sign * y[..., d // 2 :]], -1).flatten(-2)
    elif direction == "swap":
        y = y.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return y.movedim(-1, axis)


def layout_in_place(x: Any) -> Any:
    refuse_odd(x.shape[-1])
    half = x.shape[-1] // 2
    even, odd = x[..., 0::2].clone(), x[..., 1::2].clone()
    x[..., :half], x[..., half:] = even, odd
    return x


def layout_by_transpose(x: Any) -> Any:
    refuse_odd(x.shape[-1])
    return x.reshape(*x.shape[:-1], -1, 2).transpose(-1, -2).flatten(-2)


def layout_by_index(x: Any) -> Any:
    d = x.shape[-1]
    if d % 2:
        raise ValueError("an odd number of features")
    return x[..., list(range(0, d, 2)) + list(range(1, d, 2))]


def layout_by_cat(x: Any, *, dim: int = -1) -> Any:
    if x.size(-1) & 1:
        raise ValueError
    return torch.cat((x[..., ::2], x[..., 1::2]), dim=dim)


def layout_by_permutation_matrix(x: Any) -> Any:
    d = x.shape[-1]
    refuse_odd(d)
    P = torch.zeros(d, d, dtype=x.dtype)
    for j in range(d):
        P[j, j // 2 + (d // 2) * (j % 2)] = 1
    return x @ P


LAYOUT = Exercise(
    number="5.7",
    title="interleaved_to_half",
    names=("interleaved_to_half",),
    minutes=5,
    starred=True,
    reference=reference.interleaved_to_half,
    outputs=(Output("features", ("...", "d")),),
    public=lambda rng: [
        Case(args=(np.arange(6.0),), sizes={"d": 6}),
        layout_case(rng, 2, 8, draw=rounded),
        layout_case(rng, 2, 4, draw=rounded, dtype="float32"),
        layout_case(rng, 3, draw=rounded, raises="ValueError"),
    ],
    tests=(
        Test(
            "one vector", "feature 2i moves to place i and feature 2i + 1 to place d/2 + i",
            lambda rng: [layout_case(rng, 6), layout_case(rng, 2), layout_case(rng, 10)],
        ),
        Test("leading dimensions", "the last axis is reordered, and only that", lambda rng: [layout_case(rng, 4, 6), layout_case(rng, 2, 3, 4, 8)]),
        Test("number types", "float32 stays float32 and float64 stays float64", lambda rng: [layout_case(rng, 3, 6, dtype="float32"), layout_case(rng, 2, 4)]),
        Test("impossible sizes", "a ValueError when d is odd", lambda rng: [layout_case(rng, 5, raises="ValueError"), layout_case(rng, 2, 3, raises="ValueError")]),
    ),
    flawed=flawed_layout,
    mistakes=(
        Mistake(
            "the-way-back", "the change from half-split to interleaved", "It is a shuffle, so it is its own inverse.",
            "Where does feature 1 of an interleaved vector belong?", "the equation above the stub", switches={"direction": "to interleaved"},
        ),
        Mistake(
            "pairs-swapped", "the two features of each pair swapped", "Changing the layout swaps neighbours.", "All first features of the pairs come first.",
            "the equation above the stub", switches={"direction": "swap"},
        ),
        Mistake(
            "nothing-moved", "x as it was", "A reshape to (d/2, 2) and back reorders.", "A reshape alone never moves a number. What is missing between the two?",
            "the equation above the stub", switches={"direction": "none"},
        ),
        Mistake(
            "odd-first", "odd features in the first half", "The order of the halves makes no difference.",
            "In the half-split layout, which half plays the cosine part?", "the equation above the stub", switches={"first": "odd"},
        ),
        Mistake(
            "wrong-axis", "the positions reordered, not the features", "The axis before the last one is meant.", "Which axis counts features?",
            "the docstring", switches={"axis": -2},
        ),
        Mistake(
            "rotate-half", "a minus sign in the second half, as in rotate_half", "Changing layouts needs a minus.", "Features are moved, not changed.",
            "the docstring", switches={"sign": -1},
        ),
        Mistake(
            "second-half-reversed", "the odd features in reverse order", "The halves mirror each other.", "Feature 1 belongs to feature 0: where do both stand?",
            "the equation above the stub", switches={"order": "reversed"},
        ),
        Mistake(
            "always-float32", "a result in float32 whatever the input is", "Torch computes in float32.",
            "Look at the number type of what goes in and what comes out.", "the docstring", switches={"width": "float32"},
        ),
        Mistake(
            "changes-its-input", "x changed in place", "Moving numbers around in x saves memory.", "What does the caller's tensor hold afterwards?",
            "the docstring", code=layout_in_place,
        ),
        Mistake(
            "odd-accepted", "an odd width accepted", "Slices never complain.", "What does the docstring say about odd d?", "the docstring",
            switches={"refuse": False},
        ),
    ),
    variants=(
        Variant("transpose of pairs", layout_by_transpose),
        Variant("list of indices", layout_by_index),
        Variant("two slices, extra keyword", layout_by_cat),
        Variant("permutation matrix", layout_by_permutation_matrix),
    ),
)


# 5.8 rotated_score ---------------------------------------------------------------------------------------------------


def score_case(rng: Rng, d: int, m: int, n: int, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    args = (draw(rng, d), draw(rng, d), m, n)
    return Case(args=args, kwargs=kwargs, sizes={"d": d}, tolerance=2 * ANGLES_IN_FLOAT32, **options)


def flawed_score(q: Any, k: Any, m: int, n: int, base: float = BASE, *, places: str = "m n", pairs: str = "interleaved",
                 exponent: str = "2i", known_base: bool = True, scale: str = "none", reduce: str = "sum") -> Any:
    """The score of a rotated query and key with switches that break it."""
    first, second = {
        "m n": (m, n), "n m": (n, m), "m m": (m, m), "m 0": (m, 0), "0 n": (0, n), "m -n": (m, -n), "distance": (abs(m - n), 0),
    }[places]

    def turn(x: Any, t: int) -> Any:
        return flawed_rope(x[None], torch.tensor([t]), base, pairs=pairs, exponent=exponent, known_base=known_base)[0]

    product = turn(q, first) * turn(k, second)
    if reduce == "none":
        return product
    return product.sum() / (math.sqrt(len(q)) if scale == "sqrt" else 1)


def score_by_dot(q: Any, k: Any, m: int, n: int, base: float = BASE) -> Any:
    at = torch.tensor([m, n])
    turned = rope_by_slices(torch.stack([q, k]), at, base)
    return turned[0].dot(turned[1])


def score_by_difference(q: Any, k: Any, m: int, n: int, base: float = BASE) -> float:
    turned = rope_by_pairs(q[None], torch.tensor([m - n]), base)
    return (turned @ k).item()


def score_complex(q: Any, k: Any, m: int, n: int, base: float = BASE, *, digits: Any = None) -> Any:
    a, b = torch.complex(q[::2], q[1::2]), torch.complex(k[::2], k[1::2])
    turn = torch.exp(1j * (m - n) * base ** (-torch.arange(0, len(q), 2, dtype=torch.float64) / len(q)))
    return (a * b.conj() * turn).real.sum()


def score_by_matrix(q: Any, k: Any, m: int, n: int, base: float = BASE) -> float:
    return float(q.double() @ shift_by_slices(m - n, len(q), base).double() @ k.double())


SCORE = Exercise(
    number="5.8",
    title="rotated_score",
    names=("rotated_score",),
    minutes=5,
    starred=True,
    reference=reference.rotated_score,
    outputs=(Output("score", (), dtype=""),),
    public=lambda rng: [
        Case(args=(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 2, 1), sizes={"d": 2}, tolerance=2 * ANGLES_IN_FLOAT32),
        score_case(rng, 6, 3, 5, draw=rounded),
        score_case(rng, 4, 7, 2, draw=rounded, base=100.0),
    ],
    tests=(
        Test("same place", "at equal positions the score is q · k", lambda rng: [score_case(rng, 4, 0, 0), score_case(rng, 6, 9, 9)]),
        Test(
            "different places", "the dot product of q turned to m with k turned to n",
            lambda rng: [score_case(rng, 2, 1, 0), score_case(rng, 6, 2, 7), score_case(rng, 8, 5, 1)],
        ),
        Test(
            "bases and number types", "the angles follow from `base`; float32 is welcome too",
            lambda rng: [score_case(rng, 4, 4, 1, base=100.0), score_case(rng, 6, 3, 8, dtype="float32")],
        ),
    ),
    flawed=flawed_score,
    mistakes=(
        Mistake(
            "key-not-turned", "the query turned and the key left as it is", "The query carries the position.", "Which position does k stand at?",
            "step 1 of the stub", switches={"places": "m 0"},
        ),
        Mistake(
            "query-not-turned", "the key turned and the query left as it is", "Keys carry positions.", "Which position does q stand at?",
            "step 1 of the stub", switches={"places": "0 n"},
        ),
        Mistake(
            "same-position", "both turned to m", "Both are turned alike.", "The key stands at n.", "step 1 of the stub", switches={"places": "m m"},
        ),
        Mistake(
            "positions-swapped", "q turned to n and k to m", "The order makes no difference.", "Try q = (1, 0), k = (0, 1), m = 1, n = 0.", "step 1 of the stub",
            switches={"places": "n m"},
        ),
        Mistake(
            "sum-of-positions", "a score that depends on m + n, because one of the two is turned backwards", "One goes forwards, the other one back.",
            "Give both the same angle: is the score q · k?", "step 1 of the stub", switches={"places": "m -n"},
        ),
        Mistake(
            "distance-without-sign", "the distance |m − n| in place of the difference", "Only the distance matters.",
            "Is a key behind the same as a key ahead?", "step 1 of the stub", switches={"places": "distance"},
        ),
        Mistake(
            "half-split", "feature i paired with feature i + d/2, as in the Llama layout", "Every rotary code I have seen cuts x in halves.",
            "This course pairs (0, 1), (2, 3), ….", "step 1 of the stub", switches={"pairs": "half"},
        ),
        Mistake(
            "exponent-i", "the exponent i/d where 2i/d is asked for", "The pair number is what stands in the exponent.",
            "Your rope_rotate has the right angles: can you use it?", "step 1 of the stub", switches={"exponent": "i"},
        ),
        Mistake(
            "scaled", "a score divided by √d", "Attention always divides by √d.", "The docstring asks for the plain dot product.", "step 2 of the stub",
            switches={"scale": "sqrt"},
        ),
        Mistake(
            "not-summed", "the d products, not their sum", "q * k is the dot product.", "A score is one number.", "step 2 of the stub",
            switches={"reduce": "none"},
        ),
        Mistake(
            "base-ignored", "10000 whatever `base` says", "The base is 10000 in the paper.", "Is `base` passed on?", "step 1 of the stub",
            switches={"known_base": False},
        ),
    ),
    variants=(
        Variant("two rows at once", score_by_dot),
        Variant("turned by the difference only", score_by_difference),
        Variant("complex, extra keyword", score_complex),
        Variant("the shift matrix", score_by_matrix),
    ),
)


# 5.9 append_rotated --------------------------------------------------------------------------------------------------


def append_case(rng: Rng, B: int, H: int, n: int, d: int, draw: Any = normal, **options: Any) -> Case:
    kwargs = {"base": options.pop("base")} if "base" in options else {}
    args = (draw(rng, B, H, n, d), draw(rng, B, H, 1, d))
    sizes = {"B": B, "H": H, "n": n, "n+1": n + 1, "d": d}
    return Case(args=args, kwargs=kwargs, sizes=sizes, tolerance=ANGLES_IN_FLOAT32, **options)


def flawed_append(cache: Any, k_t: Any, base: float = BASE, *, at: str = "n", again: str = "no", side: str = "after",
                  pairs: str = "interleaved", known_base: bool = True, graph: str = "kept", sign: int = 1) -> Any:
    """Appending a rotated key to the cache with switches that break it."""
    n = cache.shape[2]
    place = {"n": n, "0": 0, "n + 1": n + 1, "n - 1": n - 1, "H": cache.shape[1]}[at]
    options = {"pairs": pairs, "known_base": known_base, "sign": sign}
    cache = cache.detach() if graph == "cut" else cache
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


APPEND = Exercise(
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
    ],
    tests=(
        Test("an empty cache", "the first key stands at position 0", lambda rng: [append_case(rng, 2, 3, 0, 4), append_case(rng, 1, 1, 0, 2)]),
        Test(
            "a filled cache", "the keys in the cache stay as they are, and after them comes the new one, turned to position n",
            lambda rng: [append_case(rng, 2, 3, 5, 4), append_case(rng, 3, 2, 1, 6), append_case(rng, 1, 2, 9, 2)],
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
            "half-split", "feature i paired with feature i + d/2, as in the Llama layout", "Every rotary code I have seen cuts x in halves.",
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
    ),
    variants=(
        Variant("cat", append_cat),
        Variant("padding and a sum", append_padded),
        Variant("written into new memory, extra keyword", append_written),
        Variant("a matrix where it is exact enough", append_by_matrix),
    ),
)

EXERCISES = (SINUSOIDAL, SHIFT, CAUSAL_MEAN, RELATIVE, ROPE, ROPE_COMPLEX, LAYOUT, SCORE, APPEND)
