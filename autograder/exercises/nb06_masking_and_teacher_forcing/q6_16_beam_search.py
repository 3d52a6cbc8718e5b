"""6.16 beam_search: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from attnkit.checking.probes import NextTokenTable
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import BOS, EOS, PAD_ID, with_long_sources
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant
from autograder.reference import nb06 as reference

NEVER = -20.0  # a logit whose token does not come
NAMES = ("model", "src", "bos", "eos", "pad", "width", "max_len", "length_penalty")


def beam_case(rng: Rng, B: int, V: int, width: int, max_len: int, penalty: float | None = None, *, boost: float = 0.0, unlike: tuple[Mapping[str, Any], ...] = (),
              flaws: tuple[Mapping[str, Any], ...] = (), put_away: tuple[Mapping[str, Any], ...] = (), apart: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (), written: str = "", bos: int = BOS, eos: int = EOS, pad: int = PAD_ID, digits: int | None = None) -> Case:
    """Random tables in which no tie decides, drawn again until the right answer is another one when an argument is changed as each of `unlike` says.

    It is also another one than the searches with each of `flaws` give, and those of `beam_of_lists` with each of `put_away`.
    The two searches of each pair in `apart` give different answers, too. The token that `written` names, bos or pad, is a word like any other, and stands in the right answer.
    """
    while True:
        token, source, time = 1.5 * rng.standard_normal((V, V)), 1.5 * rng.standard_normal((B, V)), rng.standard_normal((max_len + 2, V))
        token[:, eos] += boost
        special = {"bos": bos, "pad": pad}
        token[:, [one for name, one in special.items() if name != written]] = NEVER
        tables = (token, source, time) if digits is None else (np.round(table, digits) for table in (token, source, time))
        args: tuple[Any, ...] = (NextTokenTable(*tables), np.arange(B)[:, None], bos, eos, pad, width, max_len)
        args += () if penalty is None else (penalty,)
        right = reference.beam_search(*args)
        others = (reference.beam_search(**{**dict(zip(NAMES, args, strict=False)), **change}) for change in unlike)
        searches: list[Callable[..., Any]] = [*(partial(beam_of_lists, **flaw) for flaw in put_away), *(partial(flawed_beam, **flaw) for flaw in flaws)]
        found = (search(args[0], torch.from_numpy(args[1]), *args[2:]).numpy() for search in searches)
        jittered = (NextTokenTable(*(table + 1e-4 * rng.standard_normal(table.shape) for table in (args[0].token, args[0].source, args[0].time))) for _ in range(12 if digits else 0))
        untied = (not _differ(right, reference.beam_search(model, *args[1:])) for model in jittered)
        told_apart = (_differ(*(made(args[0], torch.from_numpy(args[1]), *args[2:]).numpy() for made in map(_flawed, pair))) for pair in apart)
        if (not written or special[written] in right) and all(_differ(right, other) for other in itertools.chain(others, found)) and all(told_apart) and all(untied):
            return Case(args=(*with_long_sources(args[0], B), *args[2:]), sizes={"B": B})


def _flawed(switches: Mapping[str, Any]) -> Callable[..., Any]:
    return partial(beam_of_lists if {"aside", "over"} & set(switches) else flawed_beam, **switches)


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
NO_PENALTY, TIMES, MINUS = ({"penalty": kind} for kind in ("ignored", "multiplies", "subtracted"))
EARLY, BY_SUM = {"over": "best"}, {"over": "all", "pick": "sum"}
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
        divisor = {"own": longer, "with bos": longer + 1, "without eos": (longer - done.long()).clamp(min=1), "GNMT": (5 + longer) / 6}[length].double()[..., None]
        if length == "without eos":
            divisor = (divisor - ((torch.arange(V) == eos) & ~done[..., None]).double()).clamp(min=1)
        power = {"divides": length_penalty, "ignored": 0.0, "always 1": 1.0, "multiplies": -length_penalty, "subtracted": 0.0}[penalty]
        scored = total / divisor**power - (length_penalty * divisor if penalty == "subtracted" else 0.0)
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


def beam_of_lists(model: Any, src: Any, bos: int, eos: int, pad: int, width: int, max_len: int, length_penalty: float = 0.0, *, aside: str = "no", over: str = "all", pick: str = "best",
                  words: int | None = None, banned: str = "none", total_of: str = "all", rank: str = "best", fill: str = "pad", cut_eos: bool = False) -> Any:
    """Beam search with lists of (sum, tokens), and with other ideas of what happens to a sentence that has ended.

    `aside` says what an ended sentence leaves behind when it is put away: "one place less" until the next step, which is
    filled "at once", or is gone "for good". `over` says what ends the search: that "all", "any" or the "best" have ended.
    """
    def score(one: tuple[float, list[int]]) -> float:
        return one[0] / len(one[1]) ** length_penalty

    def ended(one: tuple[float, list[int]]) -> bool:
        return one[1][-1:] == [eos]

    rows = []
    for b in range(len(src)):
        kept: list[tuple[float, list[int]]] = [(0.0, [])]
        done: list[tuple[float, list[int]]] = []
        for _ in range(max_len):
            if not kept or {"all": all(map(ended, kept)), "any": any(map(ended, kept)), "best": ended(kept[0])}[over]:
                break
            grown = [one for one in kept if ended(one)]
            for total, tokens in kept:
                if tokens[-1:] != [eos]:
                    log_p = model(src[b : b + 1], torch.tensor([[bos, *tokens]]))[0, -1].double().log_softmax(-1)
                    log_p[[one for one, name in ((bos, "bos"), (pad, "pad")) if name == banned]] = -torch.inf
                    before = total if total_of != "last" else 0.0
                    if total_of == "all but eos":
                        log_p[eos] = 0.0
                    grown += [(before + log_p[v].item(), [*tokens, v]) for v in log_p.topk(min(words or len(log_p), len(log_p))).indices.tolist()]
            grown.sort(key=score, reverse=rank == "best")
            kept = grown[: width - len(done) if aside == "for good" else width]
            if aside != "no":
                done += [one for one in kept if ended(one)]
                kept = [one for one in (grown if aside == "at once" else kept) if not ended(one)][:width]
        best = sorted(kept + done, key=score, reverse=rank == "best")
        if pick == "ended":
            best = [one for one in best if ended(one)] or best
        elif pick == "sum":
            best.sort(key=lambda one: -one[0])
        rows.append(torch.tensor([v for v in best[0][1] if v != eos or not cut_eos], dtype=torch.int64))
    answer = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=eos if fill == "eos" else pad)
    return torch.nn.functional.pad(answer, (0, max_len - answer.shape[1] if fill == "max_len" else 0), value=pad)


FOR_GOOD = {"aside": "for good"}
ASIDE, REPLACED, PREFERRED = {"aside": "one place less"}, {"aside": "at once"}, {"aside": "one place less", "pick": "ended"}
PUT_AWAY = tuple({"aside": aside, "pick": pick} for aside in ("one place less", "at once", "for good") for pick in ("best", "ended"))


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
        beam_case(rng, 2, 6, 3, 6, 2.0, boost=1.5, unlike=(GREEDY, PLAIN), flaws=(LATE, WITH_BOS), apart=((LATE, NO_PENALTY), (LATE, TIMES), (NO_PENALTY, TIMES)), digits=1),
        beam_case(rng, 2, 6, 2, 3, boost=-1.0, unlike=(GREEDY,), digits=1),
        beam_case(rng, 3, 7, 4, 7, 1.0, boost=1.5, unlike=(PLAIN,), digits=1),
        beam_case(rng, 1, 5, 7, 4, boost=0.5, unlike=(GREEDY,), digits=1),
        beam_case(rng, 1, 6, 2, 5, 1.0, boost=0.5, apart=((ASIDE, REPLACED),), digits=1),
        beam_case(rng, 1, 6, 2, 5, boost=0.5, put_away=(ASIDE, FOR_GOOD), digits=1),
        beam_case(rng, 1, 6, 2, 4, boost=0.5, put_away=(PREFERRED,), apart=((ASIDE, PREFERRED), (PREFERRED, {"pick": "ended"})), digits=1),
        beam_case(rng, 2, 6, 3, 4, flaws=({"pick": "ended"},), digits=1),
        beam_case(rng, 1, 7, 2, 6, 2.0, boost=1.0, put_away=(EARLY,), apart=tuple((EARLY, other) for other in (GNMT, NO_PENALTY, TIMES)), digits=1),
        beam_case(rng, 1, 7, 2, 6, 2.0, boost=1.0, put_away=(BY_SUM,), apart=((BY_SUM, NO_PENALTY), (BY_SUM, LATE)), digits=1),
        beam_case(rng, 1, 7, 3, 6, 0.4, boost=1.0, apart=((TIMES, MINUS),), digits=1),
        beam_case(rng, 1, 6, 4, 4, put_away=({"words": 2},), digits=1),
        beam_case(rng, 1, 6, 2, 4, written="bos", put_away=({"banned": "bos"},), digits=1),
        beam_case(rng, 1, 6, 2, 4, written="pad", put_away=({"banned": "pad"},), digits=1),
    ],
    tests=(
        Test("width 1", "with width 1 the answer is that of `generate`", lambda rng: [beam_case(rng, 3, 7, 1, 6, boost=1.0), beam_case(rng, 2, 6, 1, 4, boost=-9.0), garden_path(1)]),
        Test(
            "wider beams", "of all continuations of the kept sentences the best `width` are kept, and no sentence twice; all of them where width is above the number of tokens",
            lambda rng: [garden_path(2), beam_case(rng, 1, 7, 2, 5, boost=0.5, unlike=(GREEDY,), put_away=({"words": 1},)), beam_case(rng, 3, 8, 4, 6, boost=0.5, unlike=(GREEDY, {"width": 2}, {"width": 3}), put_away=({"words": 2},)), beam_case(rng, 2, 6, 2, 4, written="bos", unlike=(GREEDY,), put_away=({"banned": "bos"},)), beam_case(rng, 1, 6, 2, 4, written="pad", unlike=(GREEDY,), put_away=({"banned": "pad"},)), beam_case(rng, 2, 5, 9, 4, boost=0.5, unlike=(GREEDY,)), beam_case(rng, 1, 6, 8, 4, boost=-0.5, unlike=(GREEDY, {"width": 2}))],
        ),
        Test(
            "ended sentences", "an ended sentence keeps its place and its score as long as it is among the best, also one that is eos alone, and is gone when it is pushed out",
            lambda rng: [beam_case(rng, 3, 7, 3, 7, boost=boost, unlike=(GREEDY,)) for boost in (1.0, 1.5, 2.0)] + [beam_case(rng, 1, 6, 2, 5, boost=0.5, put_away=PUT_AWAY), beam_case(rng, 1, 6, 2, 4, 1.0, boost=0.5, put_away=PUT_AWAY[:4])],
        ),
        Test(
            "length penalty", "sums of ln p are divided by length to the power of length_penalty, the length counting eos but not bos, at every comparison",
            lambda rng: [beam_case(rng, 3, 7, 3, 7, penalty, boost=1.5, unlike=(PLAIN,), flaws=flaws) for penalty, flaws in ((0.6, ()), (1.0, (WITH_BOS,)), (2.0, (LATE, GNMT)))] + [beam_case(rng, 1, 7, 2, 6, 2.0, boost=1.0, put_away=({"over": "best"},)), beam_case(rng, 2, 7, 3, 6, 1.0, boost=1.0, flaws=({"length": "without eos"},), put_away=({"pick": "sum"},)), beam_case(rng, 2, 7, 3, 6, 0.4, boost=1.0, apart=(({"penalty": "multiplies"}, {"penalty": "subtracted"}),))],
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
        Mistake("copies-of-one-beam", "the greedy answer, as one sentence gives it, or copies of one, or one continuation of each", "All beams begin with bos, and each goes on with its best word.", "Print the sentences that you hold after the first step: how many different ones are there, and how many should there be?", "steps 1 and 3 of the stub", switches={"start": "copies"}),
        Mistake("each-beam-by-itself", "beams that never compete: each takes its own likeliest word", "A beam is extended by its best word.", "May both best continuations come from the same beam?", "step 3 of the stub", switches={"compete": "each"}),
        Mistake("beams-not-followed", "words appended to the sentence that stood in that place, not to the one they continue", "Beam 0 stays beam 0.", "The best continuation may come from beam 2. Which prefix does its word belong to?", "step 4 of the stub", switches={"parents": "forgotten"}),
        Mistake("place-split-by-width", "a place among width · V candidates divided by the width to find its beam", "There are width beams.", "Candidates lie beam after beam, V of them each. Which beam has number 7 if V = 5?", "step 4 of the stub", switches={"split": "by width"}),
        Mistake("sources-out-of-order", "sources repeated in another order than the beams", "repeat makes enough copies.", "With B = 2 and width 2 the beams stand as 0 0 1 1. In which order does repeat(2, 1) put the sources?", "step 2 of the stub", switches={"rows": "repeated"}),
        Mistake("ended-sentences-lost", "sentences that leave the beam when they end", "An ended beam is removed.", "What may the winner be, if not one that has ended?", "step 3 of the stub", switches={"ended": "dropped"}),
        Mistake("goes-on-after-eos", "sentences that go on after their eos", "A beam is extended at every step.", "What is the only continuation of an ended sentence, and what does it cost?", "step 3 of the stub", switches={"ended": "extended"}),
        Mistake("pays-after-the-end", "a cost for the pads after eos", "Every step has its ln p.", "The sentence has ended: what can a pad cost?", "step 3 of the stub", switches={"ended": "pays"}),
        Mistake("stops-at-the-first-end", "an end as soon as one of the kept sentences has ended", "eos means stop.", "May a sentence that is still open have the better score?", "step 5 of the stub", code=partial(beam_of_lists, over="any", pick="ended")),
        Mistake("ends-with-the-first-end", "no further step once one of the kept sentences has ended, and then the best of them", "eos means stop.", "One has ended and others are open. When is the search over, by the docstring?", "step 2 of the stub", code=partial(beam_of_lists, over="any")),
        Mistake("ends-when-the-best-has-ended", "no further step once the best sentence has ended, though an open one may still overtake it", "Nothing can be better than the best.", "Divided by its length, may a score rise with a further word?", "step 2 of the stub", code=partial(beam_of_lists, over="best")),
        Mistake("ended-ones-put-aside", "ended sentences put aside: nothing pushes them out, and their places are filled again in the next step", "A finished sentence is safe.", "An ended sentence takes part in every comparison. What happens to it when `width` others are better?", "the docstring", code=partial(beam_of_lists, aside="one place less")),
        Mistake("ended-ones-put-aside-and-replaced", "ended sentences put aside, and `width` open ones kept beside them", "Width counts the open ones.", "Of all, open and ended together, how many are kept?", "the docstring", code=partial(beam_of_lists, aside="at once")),
        Mistake("ended-ones-take-their-place-along", "ended sentences put aside for good, each with its place in the beam", "A finished sentence is safe and keeps its place.", "What happens to an ended sentence when `width` others are better?", "the docstring", code=partial(beam_of_lists, aside="for good")),
        Mistake("put-aside-and-preferred", "ended sentences put aside, and the best of them returned before any open one", "Only finished sentences count.", "An ended sentence takes part in every comparison, the last one too.", "the docstring", code=partial(beam_of_lists, aside="one place less", pick="ended")),
        Mistake("one-beam-too-few", "width − 1 sentences kept", "The slice ends at width − 1.", "How many sentences should be held after the first step, if width is 3?", "step 4 of the stub", switches={"used": -1}),
        Mistake("two-words-for-each", "two continuations of each sentence", "Two are enough.", "How many continuations has a sentence in all, and how many of them compete?", "step 3 of the stub", code=partial(beam_of_lists, words=2)),
        Mistake("bos-never-written", "bos left out of the continuations", "No sentence contains bos.", "By which tokens is a sentence continued, by the docstring?", "step 3 of the stub", code=partial(beam_of_lists, banned="bos")),
        Mistake("pad-never-written", "pad left out of the continuations", "Padding is no word.", "By which tokens is a sentence continued, by the docstring?", "step 3 of the stub", code=partial(beam_of_lists, banned="pad")),
        Mistake("best-sum-returned", "the best sum returned, though scores were compared on the way", "The likeliest sentence wins.", "By what are the kept ones compared at the end?", "step 5 of the stub", code=partial(beam_of_lists, pick="sum")),
        Mistake("last-word-alone", "the likelihood of the last word alone, with nothing of what came before", "The next word is what counts.", "A sentence's score is a *sum*. What is carried from step to step?", "step 3 of the stub", code=partial(beam_of_lists, total_of="last")),
        Mistake("eos-costs-nothing", "an eos that costs nothing", "Ending is free.", "Is eos a word that the model has to choose, with a probability of its own?", "step 3 of the stub", code=partial(beam_of_lists, total_of="all but eos")),
        Mistake("least-likely-kept", "the worst continuations kept, and not the best", "sort puts the best first.", "In which order does your sort give the scores? Sums of ln p are negative.", "step 4 of the stub", code=partial(beam_of_lists, rank="worst")),
        Mistake("eos-cut-off", "answers without their eos, and shorter by it", "eos is not a word.", "The docstring says whether eos is kept.", "step 5 of the stub", code=partial(beam_of_lists, cut_eos=True)),
        Mistake("padded-to-max-len", "answers padded to max_len", "max_len is the length.", "L is the length of the longest answer.", "step 5 of the stub", code=partial(beam_of_lists, fill="max_len")),
        Mistake("padded-with-eos", "shorter answers filled up with eos", "It has ended.", "What stands after eos, by the docstring?", "step 5 of the stub", code=partial(beam_of_lists, fill="eos")),
        Mistake("penalty-subtracted", "length_penalty times the length taken off the sum", "A penalty is subtracted.", "By what is the sum divided in the equation?", "the equation above the stub", switches={"penalty": "subtracted"}),
        Mistake("length-without-eos", "eos not counted in the length", "eos is not a word.", "The docstring says which tokens count.", "the docstring", switches={"length": "without eos"}),
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
