"""CPU and wall seconds per submission of every grader, on the same hand-ins, in interleaved rounds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.graders import FLOOR, OTTER, OURS, SAMPLES, Grader, Scores, graders
from benchmarks.hand_ins import HandIn, make_class
from benchmarks.measure import CommandError, Cost
from benchmarks.table import Table, verdict


@dataclass
class Measured:
    """What one grader cost in each round, and the scores it gave the sample students."""

    grader: Grader
    few: list[Cost] = field(default_factory=list)
    many: list[Cost] = field(default_factory=list)
    scores: Scores = field(default_factory=dict)
    missing: str = ""

    @property
    def each(self) -> Cost:
        """One more submission: the median over the rounds."""
        grader = self.grader
        return _median(
            [(many - few).per(grader.many - grader.few) for few, many in zip(self.few, self.many, strict=True)]
        )

    @property
    def start(self) -> Cost:
        """What is paid once, however many submissions there are."""
        return _median(self.few) - Cost(self.each.cpu * self.grader.few, self.each.wall * self.grader.few)

    @property
    def in_class(self) -> Cost:
        """One submission's share of the larger run, its start included."""
        return _median(self.many).per(self.grader.many)


def compare(rounds: int, size: int, tell: Callable[[str], None], contenders: list[Grader] | None = None) -> list[Table]:
    """Run every grader `rounds` times, in turns, and lay the numbers side by side."""
    measured = [Measured(grader, missing=grader.missing) for grader in contenders or graders(size)]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        sizes = {count for one in measured for count in (one.grader.few, one.grader.many)}
        classes = {count: make_class(Path(scratch) / str(count), count) for count in sizes}
        for number in range(rounds):
            for one in measured:
                tell(f"round {number + 1} of {rounds}: {one.grader.name}")
                _measure_round(one, classes, Path(scratch))
    return [_table(measured, rounds), _ratios({one.grader.name: one for one in measured})]


def _measure_round(one: Measured, classes: dict[int, list[HandIn]], scratch: Path) -> None:
    if one.missing:
        return
    try:
        few, many = (_run(one, classes[count], scratch) for count in (one.grader.few, one.grader.many))
    except CommandError as error:
        one.missing = f"failed: {error}"
        return
    one.few.append(few)
    one.many.append(many)


def _run(one: Measured, hand_ins: list[HandIn], scratch: Path) -> Cost:
    if not hand_ins:
        return Cost(0, 0)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        cost, scores = one.grader.run(hand_ins, Path(folder))
    one.scores |= {hand_in.student: scores[hand_in.student] for hand_in in hand_ins[:SAMPLES]}
    return cost


def _table(measured: list[Measured], rounds: int) -> Table:
    table = Table(
        "Cost of one submission",
        ("grader", "CPU s", "wall s", "start CPU s", "start wall s", "CPU s with start", "of", "scores"),
    )
    for one in measured:
        if one.missing:
            table.add(one.grader.name, *["–"] * 6, one.missing)
            continue
        cells = [f"{one.each.cpu:.3f}", f"{one.each.wall:.3f}", f"{one.start.cpu:.1f}", f"{one.start.wall:.1f}"]
        scores = ", ".join(f"{score:g}" for score in one.scores.values())
        table.add(one.grader.name, *cells, f"{one.in_class.cpu:.3f}", str(one.grader.many), scores)
    table.notes = [
        f"Medians of {rounds} rounds, all graders in turns. CPU is user and system time of the whole tree of processes. "
        "*CPU s* and *wall s* are those of one more submission: the difference between a run on many and a run on few, "
        "divided by how many more there were. *Start* is what is paid once a run; *CPU s with start* is a run on that "
        "many submissions, divided by their number. `otter run` is started anew for each submission, so it has no start.",
        "The hand-ins are two right and two wrong answers of the sample class, copied with a comment of their own. "
        "nbgrader gets the same cells, without the experiments that its kernel would run, and each Otter test case as a "
        "locked cell. *The floor* is one warm process that forks for every submission, without a sandbox, a wire, a "
        "gradebook or reports, with every right answer and every known mistake worked out before the first fork.",
        f"All graders {'give' if _agree(measured) else 'do NOT give'} the same scores.",
    ]
    return table


def _ratios(measured: dict[str, Measured]) -> Table:
    table = Table("Ratios", ("CPU of one submission", "measured", "wanted", "met"))
    otter, ours, floor = (measured.get(name) for name in (OTTER, OURS, FLOOR))
    if otter and ours and otter.each.cpu and ours.each.cpu:
        each, whole = otter.each.cpu / ours.each.cpu, otter.in_class.cpu / ours.in_class.cpu
        table.add("otter run ÷ this grader", f"{each:.1f}", "≥ 110", verdict(each >= 110))
        table.add("otter run ÷ this grader, start counted", f"{whole:.1f}", "≥ 85", verdict(whole >= 85))
    if ours and floor and floor.many and ours.many:
        each, whole = ours.each.cpu / floor.each.cpu, ours.in_class.cpu / floor.in_class.cpu
        table.add("this grader ÷ the floor", f"{each:.2f}", "≤ 0.9", verdict(each <= 0.9))
        table.add("this grader ÷ the floor, start counted", f"{whole:.2f}", "–", "–")
    table.notes = ["*Start counted* compares whole runs of the size in the table above, imports and sandbox included."]
    return table


def _agree(measured: list[Measured]) -> bool:
    """Whether every grader that ran gave every sample student the same score."""
    given = [one.scores for one in measured if one.scores]
    return all(scores == given[0] for scores in given)


def _median(costs: list[Cost]) -> Cost:
    return Cost(median(cost.cpu for cost in costs), median(cost.wall for cost in costs)) if costs else Cost(0, 0)
