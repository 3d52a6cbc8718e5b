"""6.16 beam_search: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import NextTokenTable
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import BOS, EOS, PAD_ID
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb06 as reference

NEVER = -20.0  # a logit whose token does not come
NAMES = ("model", "src", "bos", "eos", "pad", "width", "max_len", "length_penalty")


def beam_case(rng: Rng, B: int, V: int, width: int, max_len: int, penalty: float | None = None, *, boost: float = 0.0, unlike: tuple[Mapping[str, Any], ...] = (),
              flaws: tuple[Mapping[str, Any], ...] = (), bos: int = BOS, eos: int = EOS, pad: int = PAD_ID, digits: int | None = None) -> Case:
    """Random tables, drawn again until the right answer is another one when an argument is changed as each of `unlike` says.

    It is also another one than the searches with each of `flaws` give.
    """
    while True:
        token, source, time = 1.5 * rng.standard_normal((V, V)), 1.5 * rng.standard_normal((B, V)), rng.standard_normal((max_len + 2, V))
        token[:, eos] += boost
        token[:, [bos, pad]] = NEVER
        tables = (token, source, time) if digits is None else (np.round(table, digits) for table in (token, source, time))
        args: tuple[Any, ...] = (NextTokenTable(*tables), np.arange(B)[:, None], bos, eos, pad, width, max_len)
        args += () if penalty is None else (penalty,)
        right = reference.beam_search(*args)
        others = [reference.beam_search(**{**dict(zip(NAMES, args, strict=False)), **change}) for change in unlike]
        others += [flawed_beam(args[0], torch.from_numpy(args[1]), *args[2:], **flaw).numpy() for flaw in flaws]
        if all(_differ(right, other) for other in others):
            return Case(args=args, sizes={"B": B})


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape != other.shape or bool((one != other).any())


def garden_path(width: int, penalty: float | None = None) -> Case:
    """The table of the lesson: the likelier first word leads to the unlikelier sentence."""
    token = np.full((6, 6), NEVER)
    for word, after in {BOS: {3: 0.6, 4: 0.4}, 3: {EOS: 0.4, 3: 0.3, 4: 0.3}, 4: {EOS: 0.9, 5: 0.1}, 5: {EOS: 1.0}}.items():
        for next_word, share in after.items():
            token[word, next_word] = np.log(share)
    model = NextTokenTable(token, np.zeros((1, 6)), np.zeros((8, 6)))
    args = (model, np.zeros((1, 1), dtype=int), BOS, EOS, PAD_ID, width, 5)
    return Case(args=args if penalty is None else (*args, penalty), sizes={"B": 1})


GREEDY = {"width": 1}
PLAIN = {"length_penalty": 0.0}
LATE, WITH_BOS, GNMT = {"compare": "at the end"}, {"length": "with bos"}, {"length": "GNMT"}


def flawed_beam(model: Any, src: Any, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0, *, start: str = "one", ended: str = "stay", score: str = "log-softmax",
                penalty: str = "divides", length: str = "own", compare: str = "always", parents: str = "followed", split: str = "by V", compete: str = "all", rows: str = "interleaved", pick: str = "best",
                keep_bos: bool = False, eos_kept: bool = True, extra: int = 0, cut: bool = True, used: int = 0) -> Any:
    """Beam search with switches that break it; all rows and beams in one batch."""
    B, K = src.shape[0], max(1, width + used)
    many = src.repeat_interleave(K, dim=0) if rows == "interleaved" else src.repeat(K, 1)
    prefix = torch.full((B, K, 1), bos)
    sums = torch.full((B, K), -torch.inf, dtype=torch.float64)
    sums[:, 0] = 0.0
    if start == "copies":
        sums[:] = 0.0
    lengths, done = torch.zeros(B, K, dtype=torch.int64), torch.zeros(B, K, dtype=torch.bool)
    scores = sums
    for t in range(max_len + extra):
        logits = model(many, prefix.flatten(0, 1))[:, -1].unflatten(0, (B, K)).double()
        V = logits.shape[-1]
        step = {"log-softmax": logits.log_softmax(-1), "logits": logits, "probabilities": logits.softmax(-1)}[score]
        stay = torch.where(torch.arange(V) == pad, 0.0 if ended != "pays" else step[..., pad, None], -torch.inf)
        if ended in ("stay", "pays"):
            step = torch.where(done[..., None], stay, step)
        elif ended == "dropped":
            step = step.masked_fill(done[..., None], -torch.inf)
        total = sums[..., None] + step
        longer = lengths + (~done if ended in ("stay", "pays") else torch.ones_like(done))
        divisor = {"own": longer, "with bos": longer + 1, "GNMT": (5 + longer) / 6}[length].double()
        power = {"divides": length_penalty, "ignored": 0.0, "always 1": 1.0, "multiplies": -length_penalty}[penalty]
        scored = total / divisor[..., None] ** power
        searched = scored if compare == "always" else total
        if compete == "all" or t == 0:
            best = searched.flatten(1).topk(K, dim=1).indices
        else:
            best = searched.argmax(-1) + torch.arange(K) * V
        parent, token = (best // V, best % V) if split == "by V" else (best % K, best // K)
        sums, scores = (x.flatten(1).gather(1, best) for x in (total, scored))
        lengths, was_done = longer.gather(1, parent), done.gather(1, parent)
        old = prefix.gather(1, parent[..., None].expand(-1, -1, prefix.shape[-1])) if parents == "followed" else prefix
        prefix = torch.cat([old, token[..., None]], dim=-1)
        done = (was_done if ended in ("stay", "pays") else False) | (token == eos)
        if ended in ("stay", "pays") and done.all():
            break
    if pick == "ended":
        scores = torch.where(done.any(1, keepdim=True) & ~done, -torch.inf, scores)
    chosen = {"best": scores.argmax(1), "ended": scores.argmax(1), "last": scores.masked_fill(scores.isinf(), torch.inf).argmin(1)}[pick]
    answer = prefix[torch.arange(B), chosen]
    answer = answer if keep_bos else answer[:, 1:]
    if cut:
        answer = answer[:, : int(lengths[torch.arange(B), chosen].max()) + keep_bos]
    return answer if eos_kept else answer.masked_fill(answer == eos, pad)


def stops_at_the_first_end(model: Any, src: Any, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0) -> Any:
    """The search of a row ends as soon as one of its kept sentences has ended, and that one is returned."""
    rows = []
    for b in range(len(src)):
        kept = [(0.0, [bos])]
        for _ in range(max_len):
            grown = []
            for total, prefix in kept:
                log_p = model(src[b : b + 1], torch.tensor([prefix]))[0, -1].log_softmax(-1)
                grown += [(total + log_p[v].item(), [*prefix, v]) for v in range(len(log_p))]
            kept = sorted(grown, key=lambda one: -one[0])[:width]
            first = next((one for one in kept if one[1][-1] == eos), None)
            if first:
                kept = [first]
                break
        rows.append(torch.tensor(kept[0][1][1:]))
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)


def beam_with_lists(model: Any, src: Any, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0) -> Any:
    answers = []
    for b in range(src.shape[0]):
        beams: list[tuple[float, list[int], bool]] = [(0.0, [], False)]
        while len(beams[0][1]) < max_len and not all(ended for _, _, ended in beams):
            found = [beam for beam in beams if beam[2]]
            for log_p, words, ended in beams:
                if not ended and len(words) < max_len:
                    shares = torch.log_softmax(model(src[[b]], torch.tensor([[bos, *words]]))[0, -1], dim=-1)
                    found += [(log_p + share, [*words, v], v == eos) for v, share in enumerate(shares.tolist())]
            found.sort(key=lambda beam: beam[0] * len(beam[1]) ** -length_penalty, reverse=True)
            beams = found[:width]
            if all(ended or len(words) == max_len for _, words, ended in beams):
                break
        answers.append(beams[0][1])
    longest = max(map(len, answers))
    return torch.tensor([words + [pad] * (longest - len(words)) for words in answers])


def beam_row_by_row(model: Any, src: Any, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0, *, verbose: bool = False) -> Any:
    """Open and ended sentences of a row in tensors of their own; only the open ones are shown to the model."""
    winners = []
    for row in src:
        open_words, open_sum = torch.full((1, 1), bos), torch.zeros(1, dtype=torch.float64)
        ended: list[tuple[float, torch.Tensor]] = []
        for t in range(1, max_len + 1):
            if not len(open_words):
                break
            log_p = model(row.expand(len(open_words), -1), open_words)[:, -1].double().log_softmax(-1)
            V = log_p.shape[-1]
            grown = (open_sum[:, None] + log_p).flatten()
            scored = torch.cat([grown / t**length_penalty, torch.tensor([score for score, _ in ended], dtype=torch.float64)])
            best = scored.topk(min(width, len(scored))).indices
            old, new = best[best >= len(grown)] - len(grown), best[best < len(grown)]
            ended = [ended[i] for i in old.tolist()]
            words = torch.cat([open_words[new // V], (new % V)[:, None]], dim=1)
            stops = new % V == eos
            ended += [(float(grown[i]) / t**length_penalty, one) for i, one in zip(new[stops].tolist(), words[stops], strict=True)]
            open_words, open_sum = words[~stops], grown[new[~stops]]
        candidates = ended + [(float(s) / max_len**length_penalty, one) for s, one in zip(open_sum, open_words, strict=True)]
        winners.append(max(candidates, key=lambda one: one[0])[1][1:])
    return torch.nn.utils.rnn.pad_sequence(winners, batch_first=True, padding_value=pad)


EXERCISE = Exercise(
    number="6.16",
    title="beam_search",
    names=("beam_search",),
    minutes=30,
    further=True,
    reference=reference.beam_search,
    outputs=(Output("tokens", ("B", "L"), dtype="int64"),),
    public=lambda rng: [
        garden_path(1),
        garden_path(2),
        beam_case(rng, 2, 6, 3, 5, boost=1.0, unlike=(GREEDY,), digits=1),
        beam_case(rng, 2, 6, 3, 6, 2.0, boost=1.5, unlike=(GREEDY, PLAIN), flaws=(LATE, WITH_BOS), digits=1),
        beam_case(rng, 2, 6, 2, 3, boost=-1.0, unlike=(GREEDY,), digits=1),
        beam_case(rng, 3, 7, 4, 7, 1.0, boost=1.5, unlike=(PLAIN,), digits=1),
    ],
    tests=(
        Test("width 1", "with width 1 the answer is that of `generate`", lambda rng: [beam_case(rng, 3, 7, 1, 6, boost=1.0), beam_case(rng, 2, 6, 1, 4, boost=-9.0), garden_path(1)]),
        Test(
            "wider beams", "of all continuations of the kept sentences the best `width` are kept, and no sentence twice",
            lambda rng: [garden_path(2), beam_case(rng, 1, 7, 2, 5, boost=0.5, unlike=(GREEDY,)), beam_case(rng, 3, 8, 4, 6, boost=0.5, unlike=(GREEDY, {"width": 2})), beam_case(rng, 2, 5, 9, 4, boost=0.5, unlike=(GREEDY,))],
        ),
        Test(
            "ended sentences", "an ended sentence keeps its place and its score while others go on, also one that is eos alone",
            lambda rng: [beam_case(rng, 3, 7, 3, 7, boost=boost, unlike=(GREEDY,)) for boost in (1.0, 1.5, 2.0)],
        ),
        Test(
            "length penalty", "sums of ln p are divided by length to the power of length_penalty, the length counting eos but not bos, at every comparison",
            lambda rng: [beam_case(rng, 3, 7, 3, 7, penalty, boost=1.5, unlike=(PLAIN,), flaws=flaws) for penalty, flaws in ((0.6, ()), (1.0, (WITH_BOS,)), (2.0, (LATE, GNMT)))],
        ),
        Test(
            "max_len", "at most max_len tokens; a sentence that has not ended by then takes part with its score",
            lambda rng: [beam_case(rng, 2, 7, 3, 3, boost=-1.0, unlike=(GREEDY, {"max_len": 4})), beam_case(rng, 3, 6, 3, 4, 1.0, boost=0.5, unlike=({"max_len": 3},)), beam_case(rng, 3, 7, 2, 1)],
        ),
        Test(
            "other special tokens", "bos, eos and pad are the ones that are given",
            lambda rng: [beam_case(rng, 3, 9, 3, 6, boost=1.0, bos=6, eos=4, pad=8, unlike=(GREEDY,)), beam_case(rng, 4, 8, 2, 5, 0.5, boost=1.0, bos=2, eos=0, pad=5, unlike=(GREEDY,))],
        ),
    ),
    flawed=flawed_beam,
    mistakes=(
        Mistake("copies-of-one-beam", "beams that are copies of one another, so that the answer is the greedy one", "All beams begin with bos.", "After the first step, how do two beams that both began with bos differ? How many should there be before the first step?", "step 1 of the stub", switches={"start": "copies"}),
        Mistake("each-beam-by-itself", "beams that never compete: each takes its own likeliest word", "A beam is extended by its best word.", "May both best continuations come from the same beam?", "step 3 of the stub", switches={"compete": "each"}),
        Mistake("beams-not-followed", "words appended to the sentence that stood in that place, not to the one they continue", "Beam 0 stays beam 0.", "The best continuation may come from beam 2. Which prefix does its word belong to?", "step 4 of the stub", switches={"parents": "forgotten"}),
        Mistake("place-split-by-width", "a place among width · V candidates divided by the width to find its beam", "There are width beams.", "Candidates lie beam after beam, V of them each. Which beam has number 7 if V = 5?", "step 4 of the stub", switches={"split": "by width"}),
        Mistake("sources-out-of-order", "sources repeated in another order than the beams", "repeat makes enough copies.", "With B = 2 and width 2 the beams stand as 0 0 1 1. In which order does repeat(2, 1) put the sources?", "step 2 of the stub", switches={"rows": "repeated"}),
        Mistake("ended-sentences-lost", "sentences that leave the beam when they end", "An ended beam is removed.", "What may the winner be, if not one that has ended?", "step 3 of the stub", switches={"ended": "dropped"}),
        Mistake("goes-on-after-eos", "sentences that go on after their eos", "A beam is extended at every step.", "What is the only continuation of an ended sentence, and what does it cost?", "step 3 of the stub", switches={"ended": "extended"}),
        Mistake("pays-after-the-end", "a cost for the pads after eos", "Every step has its ln p.", "The sentence has ended: what can a pad cost?", "step 3 of the stub", switches={"ended": "pays"}),
        Mistake("stops-at-the-first-end", "an end as soon as one of the kept sentences has ended", "eos means stop.", "May a sentence that is still open have the better score?", "step 5 of the stub", code=stops_at_the_first_end),
        Mistake("logits-added", "logits added up in place of log-probabilities", "Logits say how good a word is.", "Logits of different steps have no common zero. What has?", "step 3 of the stub", switches={"score": "logits"}),
        Mistake("probabilities-added", "probabilities added up", "The score of a sentence is the sum.", "The probability of a sentence is a product. What becomes of a product under the logarithm?", "step 3 of the stub", switches={"score": "probabilities"}),
        Mistake("penalty-ignored", "a length penalty without effect", "All prefixes are equally long, so it changes nothing.", "How long is a sentence that ended two steps ago? Only its own length tells it from the others.", "step 3 of the stub", switches={"penalty": "ignored"}),
        Mistake("penalty-multiplied", "scores multiplied by the length", "A penalty is multiplied.", "Sums of ln p are negative. What does a larger factor do to them?", "step 3 of the stub", switches={"penalty": "multiplies"}),
        Mistake("mean-always", "a mean over the words whatever length_penalty is", "Scores are always per word.", "With length_penalty = 0, by what is the sum divided?", "step 3 of the stub", switches={"penalty": "always 1"}),
        Mistake("length-with-bos", "bos counted in the length", "The prefix has that many tokens.", "The docstring says which tokens count.", "the docstring", switches={"length": "with bos"}),
        Mistake("length-of-gnmt", "((5 + length) / 6) in place of the length", "The length penalty is the one of the GNMT paper.", "Libraries differ here. Which one does the equation state?", "the equation above the stub", switches={"length": "GNMT"}),
        Mistake("penalty-at-the-end-only", "sums compared during the search, and the penalty only at its end", "Normalise once, at the end.", "Ended and open sentences meet at every step, and they differ in length.", "step 3 of the stub", switches={"compare": "at the end"}),
        Mistake("worst-returned", "the last of the kept sentences", "topk ends with the best.", "In which order does topk give its values?", "step 5 of the stub", switches={"pick": "last"}),
        Mistake("ended-first", "an ended sentence, although an open one has the better score at max_len", "Only ended sentences count.", "The docstring says what takes part at max_len.", "step 5 of the stub", switches={"pick": "ended"}),
        Mistake("one-beam-too-many", "width + 1 sentences kept", "Width counts the others.", "With width 1 the answer is the greedy one.", "step 3 of the stub", switches={"used": 1}),
        Mistake("bos-kept", "bos left at the front of the answer", "The sentence begins with bos.", "The docstring says which tokens are returned.", "step 5 of the stub", switches={"keep_bos": True}),
        Mistake("eos-dropped", "eos replaced by padding", "eos is not a word.", "The docstring says whether eos is kept.", "step 5 of the stub", switches={"eos_kept": False}),
        Mistake("one-token-too-many", "one token more than max_len", "bos counts as the first.", "Count the tokens without bos.", "step 2 of the stub", switches={"extra": 1}),
        Mistake("one-token-short", "one token less than max_len", "range(1, max_len) begins after bos.", "How often does range(1, 4) run?", "step 2 of the stub", switches={"extra": -1}),
        Mistake("padded-to-the-longest-beam", "an answer as long as the longest beam that was looked at", "The table is that wide.", "L is the length of the longest sentence that is returned.", "step 5 of the stub", switches={"cut": False}),
    ),
    variants=(
        Variant("lists", beam_with_lists),
        Variant("row by row, open and ended apart, extra keyword", beam_row_by_row),
        Variant("one batch, with flags", flawed_beam),
    ),
)
