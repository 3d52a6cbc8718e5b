"""6.7 sample: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case, Outcome, Seed, TensorValue
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import INFINITE
from autograder.judging.declare import Exercise, JudgeFailure, Mistake, Rng, Run, Test, Variant, normal, numbered_rng
from autograder.reference import nb06 as reference

DRAWS = 4000


TOO_FAR = 0.045  # more than five standard deviations of a frequency over DRAWS draws


def sample_case(logits: np.ndarray, seed: int | None = 0, **kwargs: Any) -> Case:
    if seed is not None:
        kwargs["generator"] = Seed(seed)
    return Case(args=(logits,), kwargs=kwargs, sizes={"B": logits.shape[0], "V": logits.shape[1]})


def peaked(rng: Rng, B: int, V: int, gap: float = 60.0, floor: float = 0.0) -> np.ndarray:
    """Logits (B, V) in which one token of each row lies `gap` above the rest."""
    logits = np.round(rng.standard_normal((B, V)), 1) + floor
    logits[np.arange(B), rng.integers(0, V, size=B)] += gap
    return logits


def shuffled_rows(rng: Rng, B: int, row: Sequence[float]) -> np.ndarray:
    """The same logits in B orders, with no ties."""
    return np.stack([rng.permutation(np.array(row)) for _ in range(B)])


def flawed_sample(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None, *, heat: str = "divide",
                  zero: str = "greedy", cut: str = "infinity", which: str = "largest", own: str = "generator", twice: bool = False,
                  shape: str = "(B,)", choose: str = "sample", off: int = 0, threshold: str = "own", draw: str = "each", axis: int = -1, stable: bool = True) -> Any:
    """Sampling with switches that break it."""
    if temperature == 0 and zero == "greedy":
        return logits.argmax(dim=-1)
    if heat == "divide":
        logits = logits / temperature
    elif heat == "multiply":
        logits = logits * temperature
    if top_k is not None:
        k = min(max(top_k + off, 0), logits.shape[-1]) if cut != "all" else logits.shape[-1]
        best = torch.topk(logits, k, dim=-1, largest=which == "largest")
        mask = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, best.indices, True)
        if threshold == "first row":
            mask = logits >= best.values[:1, -1:]
        elif threshold == "smallest":
            mask = logits >= best.values.min()
        logits = logits.masked_fill(~mask, 0.0 if cut == "zero" else -INFINITE)
    probabilities = torch.softmax(logits, dim=axis) if stable else logits.exp() / logits.exp().sum(dim=-1, keepdim=True)
    if draw == "first row":
        probabilities = probabilities[:1].expand(len(probabilities), -1)
    if draw == "seeded" and generator is not None:
        generator.manual_seed(0)
    if draw == "one for all":
        height = torch.rand(1, generator=generator, dtype=torch.float64)
        sums = probabilities.double().cumsum(-1)
        return torch.searchsorted(sums, height * sums[:, -1:]).clamp(max=sums.shape[-1] - 1)[:, 0]
    if twice:
        probabilities = torch.softmax(probabilities, dim=-1)
    if choose == "argmax":
        return probabilities.argmax(dim=-1)
    token = torch.multinomial(probabilities, 1, generator=generator if own == "generator" else None)
    return token.squeeze(1) if shape == "(B,)" else token


def sample_too_many(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    """torch.topk with k larger than V raises."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_k is not None:
        worst = torch.topk(logits, top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < worst, -INFINITE)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def sample_after_top(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    """Top-k, but each of the k is as likely as the others."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k is None:
        return torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]
    kept = torch.topk(logits, min(top_k, logits.shape[1]), dim=-1).indices
    chosen = torch.randint(kept.shape[1], (len(kept), 1), generator=generator)
    return kept.gather(1, chosen)[:, 0]


def sample_gumbel(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    if temperature == 0.0:
        return torch.argmax(logits, dim=1)
    z = logits / temperature
    if top_k is not None and top_k < z.shape[1]:
        z = torch.where(z < z.sort(dim=1, descending=True).values[:, top_k - 1 : top_k], -INFINITE, z)
    noise = torch.rand(z.shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    return (z - (-noise.log()).log()).argmax(dim=1)


def sample_inverse(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Any:
    order = logits.sort(dim=-1, descending=True)
    if temperature == 0:
        return order.indices[:, 0]
    k = logits.shape[-1] if top_k is None else min(top_k, logits.shape[-1])
    shares = (order.values[:, :k] / temperature).softmax(dim=-1).double().cumsum(dim=-1)
    height = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64) * shares[:, -1:]
    place = torch.searchsorted(shares, height).clamp(max=k - 1)
    return order.indices.gather(1, place)[:, 0]


def sample_rows(logits: Any, temperature: float = 1.0, top_k: int | None = None, generator: Any = None, *, min_p: float = 0.0) -> Any:
    tokens = []
    for row in logits:
        if temperature == 0:
            tokens.append(int(row.argmax()))
            continue
        values, ids = torch.topk(row, min(top_k or len(row), len(row)))
        tokens.append(int(ids[torch.multinomial((values / temperature).softmax(0), 1, generator=generator)]))
    return torch.tensor(tokens)


def frequencies(run: Run, row: np.ndarray, seed: int, **kwargs: Any) -> np.ndarray:
    """How often each token comes in DRAWS rows of the same logits."""
    case = sample_case(np.tile(row, (DRAWS, 1)), seed, **kwargs)
    tokens = sampled_tokens(run(case), DRAWS)
    if tokens.min() < 0 or tokens.max() >= len(row):
        raise JudgeFailure("tokens between 0 and V − 1", "others")
    return np.bincount(tokens, minlength=len(row)) / DRAWS


def sampled_tokens(outcome: Outcome, B: int) -> np.ndarray:
    value = outcome.value
    if not isinstance(value, TensorValue):
        raise JudgeFailure("an int64 tensor (B,)", "another kind of object")
    if value.data.shape != (B,):
        raise JudgeFailure("one token for each row: (B,)", "another shape", "column-of-tokens" if value.data.shape == (B, 1) else "")
    if value.dtype != "int64":
        raise JudgeFailure("an int64 tensor (B,)", "another number type")
    return value.data


def soft(z: np.ndarray) -> np.ndarray:
    shares = np.exp(z - z.max())
    return np.asarray(shares / shares.sum())


def judge_distribution(run: Run, row: np.ndarray, wanted: str, others: Mapping[str, tuple[str, np.ndarray]], temperature: float = 1.0,
                       top_k: int | None = None, seed: int = 1) -> None:
    """Frequencies against the right distribution; when they are off, against those of known mistakes (name → words, p)."""
    settings: dict[str, Any] = {}
    if temperature != 1.0:
        settings["temperature"] = temperature
    if top_k is not None:
        settings["top_k"] = top_k
    right = reference.sampling_probabilities(row, temperature, top_k)
    found = frequencies(run, row, seed, **settings)
    if np.abs(found - right).max() < TOO_FAR and not found[right == 0].any():
        return
    if found.max() == 1.0 and _another_token_with_another_seed(run, row, int(found.argmax()), settings):
        raise JudgeFailure(wanted, "one and the same token in every row", "one-draw-for-all")
    for name, (words, probabilities) in others.items():
        if np.abs(found - probabilities).max() < TOO_FAR:
            raise JudgeFailure(wanted, words, name)
    raise JudgeFailure(wanted, "other frequencies")


def _another_token_with_another_seed(run: Run, row: np.ndarray, token: int, settings: Mapping[str, Any]) -> bool:
    return any(frequencies(run, row, seed, **settings)[token] < 1.0 for seed in range(50, 58))


ROW = np.array([1.0, 0.2, -0.6, 1.7, 0.5])


def drawn_row(number: int) -> np.ndarray:
    """The logits in another order."""
    return numbered_rng(number).permutation(ROW)


def judge_plain(run: Run) -> None:
    row = drawn_row(671)
    others = {
        "softmax-twice": ("flatter frequencies, as of a softmax taken twice", soft(soft(row))),
        "never-samples": ("always the likeliest token", (row == row.max()) * 1.0),
    }
    for seed in (1, 2):
        judge_distribution(run, row, "each token comes as often as softmax(logits) says", others, seed=seed)


def judge_temperature(run: Run) -> None:
    row = drawn_row(672)
    for temperature in (0.5, 3.0):
        others = {
            "temperature-multiplied": ("the frequencies of logits multiplied by the temperature", soft(row * temperature)),
            "temperature-ignored": ("the frequencies of temperature 1", soft(row)),
            "softmax-twice": ("flatter frequencies, as of a softmax taken twice", soft(soft(row / temperature))),
            "never-samples": ("always the likeliest token", (row == row.max()) * 1.0),
        }
        judge_distribution(run, row, "each token comes as often as softmax(logits / temperature) says", others, temperature=temperature)


def judge_top_k(run: Run) -> None:
    row = drawn_row(673) - 3.0
    largest = np.argsort(-row)
    for k, temperature in ((3, 1.0), (2, 2.0), (9, 1.0), (5, 1.0)):
        kept = np.isin(np.arange(5), largest[:k])
        smallest = np.isin(np.arange(5), largest[-k:])
        others = {
            "top_k-ignored": ("every token, as if top_k were not there", soft(row / temperature)),
            "cut-tokens-at-zero": ("tokens that top_k leaves out, with logits of 0", soft(np.where(kept, row / temperature, 0.0))),
            "keeps-the-smallest": ("the tokens with the smallest logits", soft(np.where(smallest, row / temperature, -1e9))),
            "uniform-over-the-top": ("the top tokens, all equally often", kept / kept.sum()),
            "never-samples": ("always the likeliest token", (row == row.max()) * 1.0),
            "one-more-than-top_k": ("one token more than top_k allows", soft(np.where(np.isin(np.arange(5), largest[: k + 1]), row / temperature, -1e9))),
            "one-less-than-top_k": ("one token less than top_k allows", soft(np.where(np.isin(np.arange(5), largest[: k - 1]), row / temperature, -1e9))),
        }
        judge_distribution(run, row, "only the top_k largest come, as often as the softmax over them says", others, temperature, k)
    judge_own_threshold(run)


def judge_own_threshold(run: Run) -> None:
    """Rows that spread differently below their largest logit: with another row's threshold the near ones keep token 1."""
    near, wide = np.tile([0.0, -0.2, -0.1], (200, 1)), np.tile([-60.0, 0.0, -50.0], (200, 1))

    def keeps_too_much(first: np.ndarray, then: np.ndarray) -> bool:
        logits = np.concatenate([first, then])
        tokens = sampled_tokens(run(sample_case(logits, 3, top_k=2)), len(logits))
        return bool((tokens[logits[:, 0] == 0.0] == 1).any())

    behind, before = keeps_too_much(wide, near), keeps_too_much(near, wide)
    if behind or before:
        mistake = "threshold-of-the-batch" if before else "threshold-of-the-first-row"
        raise JudgeFailure("every row keeps its own top_k", "a row that keeps what another row's threshold allows", mistake)


def judge_generator(run: Run) -> None:
    """The same seed gives the same tokens, another seed others."""
    logits = np.zeros((200, 6))
    one, again, other = (sampled_tokens(run(sample_case(logits, seed)), 200) for seed in (11, 11, 12))
    wanted = "all randomness comes from `generator`: the same seed gives the same tokens, another seed others"
    if not np.array_equal(one, again):
        raise JudgeFailure(wanted, "the same seed gives other tokens", "generator-ignored")
    if np.array_equal(one, other):
        raise JudgeFailure(wanted, "another seed gives the same tokens", "seeded-inside")


def at_other_levels(rng: Rng, B: int, levels: Sequence[float], **kwargs: Any) -> Case:
    """Rows whose logits lie at one level after another: what is small in one is large in the next."""
    logits = shuffled_rows(rng, B, (1.0, 0.6, 0.3, -0.4)) + np.resize(levels, B)[:, None]
    return sample_case(logits, **kwargs)


EXERCISE = Exercise(
    number="6.7",
    title="sample",
    names=("sample",),
    minutes=15,
    reference=reference.sample,
    outputs=(Output("tokens", ("B",), dtype="int64"),),
    public=lambda rng: [
        sample_case(peaked(rng, 4, 5)),
        sample_case(peaked(rng, 6, 4, gap=7.0), temperature=0.0),
        sample_case(peaked(rng, 24, 4, gap=7.0), temperature=0.05),
        sample_case(shuffled_rows(rng, 24, (-91.0, -90.5, -90.0, -89.0)), top_k=1),
        sample_case(peaked(rng, 3, 4), top_k=9),
        sample_case(peaked(rng, 4, 3, gap=7.0), None, temperature=0.0),
        at_other_levels(rng, 24, (0.0, 5.0, 9.0), top_k=1),
        at_other_levels(rng, 24, (4.0, 9.0, 0.0), top_k=1),
        sample_case(peaked(rng, 1, 4)),
        sample_case(peaked(rng, 3, 4, gap=7.0), temperature=0.005),
        replace(sample_case(np.zeros((300, 4)), 5), verify="drawn evenly", earlier=(sample_case(np.zeros((300, 4)), 5), sample_case(np.zeros((300, 4)), 6))),
    ],
    tests=(
        Test("frequencies", "each token comes as often as softmax(logits) says", judge=judge_plain),
        Test("temperature", "the logits are divided by the temperature before the softmax", judge=judge_temperature),
        Test(
            "temperature 0", "temperature 0 takes the largest logit of each row",
            lambda rng: [sample_case(normal(rng, 7, 5), temperature=0), sample_case(normal(rng, 1, 3), temperature=0.0, top_k=2), sample_case(normal(rng, 3, 4), None, temperature=0.0)],
        ),
        Test("top_k", "only the top_k largest come, and top_k ≥ V keeps all", judge=judge_top_k),
        Test("each row by itself", "every row has its own distribution, in float32 too", lambda rng: [sample_case(peaked(rng, 6, 9)), replace(sample_case(peaked(rng, 5, 4), top_k=3), dtype="float32"), at_other_levels(rng, 60, (0.0, 5.0, 9.0), top_k=1), at_other_levels(rng, 60, (4.0, 9.0, 0.0), top_k=1), sample_case(peaked(rng, 1, 5)), sample_case(np.zeros((3, 1))), sample_case(peaked(rng, 4, 5, gap=9.0), temperature=0.004)]),
        Test("generator", "all randomness comes from `generator`", judge=judge_generator),
    ),
    flawed=flawed_sample,
    mistakes=(
        Mistake(
            "temperature-multiplied", "logits multiplied by the temperature", "Heat makes numbers larger.", "A low temperature is to sharpen. Does 0.1 · z lie further apart than z?",
            "step 2 of the stub", switches={"heat": "multiply"},
        ),
        Mistake("temperature-ignored", "a temperature that does nothing", "Temperature 1 is enough.", "Try temperature 0.1: is the best token nearly certain?", "step 2 of the stub", switches={"heat": "none"}),
        Mistake("divides-by-zero", "a division by temperature 0", "The limit works itself out.", "What is z / 0? Greedy needs no division.", "step 1 of the stub", switches={"zero": "divide"}),
        Mistake("top_k-ignored", "top_k without effect", "Small probabilities hardly matter.", "With top_k=1 only one token may come.", "step 3 of the stub", switches={"cut": "all"}),
        Mistake(
            "cut-tokens-at-zero", "tokens outside the top set to a logit of 0", "0 means no probability.", "exp(0) is 1. Which logit has a probability of 0?", "step 3 of the stub", switches={"cut": "zero"},
        ),
        Mistake("keeps-the-smallest", "the k smallest logits kept", "Sorted, the first k are the best.", "In which order does your sort go?", "step 3 of the stub", switches={"which": "smallest"}),
        Mistake("softmax-twice", "a softmax of a softmax", "multinomial wants a softmax.", "Once probabilities, always probabilities: count your softmaxes.", "step 4 of the stub", switches={"twice": True}),
        Mistake("never-samples", "the likeliest token always", "The best token is the best answer.", "Sampling draws; greedy is temperature 0.", "step 4 of the stub", switches={"choose": "argmax"}),
        Mistake(
            "generator-ignored", "torch's global randomness in place of the generator", "Randomness is randomness.", "Which argument makes a draw repeatable?", "step 4 of the stub", switches={"own": "global"},
        ),
        Mistake("one-more-than-top_k", "one token more than top_k allows", "topk counts from 0.", "With top_k=1 only one token may come.", "step 3 of the stub", switches={"off": 1}),
        Mistake("one-less-than-top_k", "one token less than top_k allows", "What is not above the k-th logit goes.", "Is the k-th largest itself in? Look at your < or ≤.", "step 3 of the stub", switches={"off": -1}),
        Mistake("threshold-of-the-first-row", "the first row's threshold for every row", "topk gives the threshold.", "How many thresholds are there for B rows?", "step 3 of the stub", switches={"threshold": "first row"}),
        Mistake("threshold-of-the-batch", "the smallest threshold of the batch for every row", "min() gives the smallest that is kept.", "Over which axis is your minimum taken?", "step 3 of the stub", switches={"threshold": "smallest"}),
        Mistake("first-rows-distribution", "every row drawn from the first row's distribution", "multinomial draws as many as there are rows.", "Does each row of your probabilities reach multinomial?", "step 4 of the stub", switches={"draw": "first row"}),
        Mistake("one-draw-for-all", "one random number for all rows", "One draw for the call.", "How many random numbers do B rows need?", "step 4 of the stub", switches={"draw": "one for all"}),
        Mistake("seeded-inside", "the generator seeded inside the function", "Seeding makes it repeatable.", "What do two calls in a row give?", "step 4 of the stub", switches={"draw": "seeded"}),
        Mistake("softmax-over-the-batch", "a softmax over the batch", "Axis 0 is the first.", "Of which axis must the probabilities sum to 1?", "step 4 of the stub", switches={"axis": 0}),
        Mistake("raw-exponentials", "exponentials of the raw logits, which overflow at a low temperature", "softmax is exp over the sum.", "What is exp(9 / 0.004)?", "step 4 of the stub", switches={"stable": False}),
        Mistake("column-of-tokens", "tokens in a column (B, 1)", "multinomial returns the tokens.", "The docstring asks for (B,).", "step 4 of the stub", switches={"shape": "(B, 1)"}),
        Mistake("top_k-too-large", "an error when top_k is larger than V", "k is always small enough.", "The docstring says what top_k ≥ V does.", "step 3 of the stub", code=sample_too_many),
        Mistake(
            "uniform-over-the-top", "the top k drawn with equal chances", "The best k are all good.", "Their logits still say which is better.", "step 4 of the stub", code=sample_after_top,
        ),
    ),
    variants=(
        Variant("multinomial", flawed_sample),
        Variant("Gumbel noise", sample_gumbel),
        Variant("inverse of the distribution", sample_inverse),
        Variant("row by row, extra keyword", sample_rows),
    ),
)
