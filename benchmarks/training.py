"""What training the finale of notebook 6 costs: today, before, and with torch's own transformer in the same sizes."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autograder.paths import ROOT
from benchmarks.measure import measure
from benchmarks.start import BEFORE, older
from benchmarks.table import Table, verdict

TODAY, LIBRARY, THEN = "today", "the same with torch's `nn.Transformer`", f"at {BEFORE}"
WANTED_OF_BEFORE, WANTED_OF_LIBRARY = 0.6, 1.0
_STEPS, _EACH = "steps", "each"


def training(rounds: int, tell: Callable[[str], None]) -> list[Table]:
    """CPU seconds of the whole training, from a few steps of each in turns."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        folder = Path(scratch)
        before = older(folder / "before")
        works = {TODAY: (ROOT, "own"), LIBRARY: (ROOT, "torch")} | ({THEN: (before, "own")} if before else {})
        found: dict[str, list[dict[str, float]]] = {name: [] for name in works}
        for number in range(rounds):
            for name, (tree, model) in works.items():
                tell(f"training, {name}, round {number + 1}")
                found[name].append(_one(folder, tree, model))
    return [_table({name: _median(costs) for name, costs in found.items()}, rounds)]


def _one(folder: Path, tree: Path, model: str) -> dict[str, float]:
    script = Path(__file__).with_name("one_training.py")
    paths = f"PYTHONPATH={tree}{os.pathsep}{tree / 'notebooks'}"
    _, said = measure(["env", paths, sys.executable, script, tree, model], folder)
    found: dict[str, float] = json.loads(said.strip().splitlines()[-1])
    return found


def _median(costs: list[dict[str, float]]) -> dict[str, float]:
    return {_STEPS: costs[0][_STEPS], _EACH: median(cost[_EACH] for cost in costs)}


def _table(found: dict[str, dict[str, float]], rounds: int) -> Table:
    table = Table("The finale's training", ("", "steps", "CPU ms a step", "CPU s together", "ratio to today's"))
    whole = {name: cost[_STEPS] * cost[_EACH] for name, cost in found.items()}
    for name, cost in found.items():
        each, together = f"{1000 * cost[_EACH]:.1f}", f"{whole[name]:.0f}"
        table.add(name, f"{cost[_STEPS]:.0f}", each, together, f"{whole[name] / whole[TODAY]:.2f}")
    table.notes = [
        f"Median of {rounds} rounds of 150 steps after 50 others, times the steps that the notebook takes. Each is given its own "
        "notebook's batches; both trainings end above .90 exact match on `test`, which the notebook's claims assert.",
        f"Of `nn.Transformer`: {whole[TODAY] / whole[LIBRARY]:.2f}, wanted ≤ {WANTED_OF_LIBRARY:.1f}, "
        f"met: {verdict(whole[TODAY] <= WANTED_OF_LIBRARY * whole[LIBRARY])}.",
    ]
    if THEN in whole:
        ratio = whole[TODAY] / whole[THEN]
        table.notes.append(
            f"Of {THEN.removeprefix('at ')}: {ratio:.2f}, wanted ≤ {WANTED_OF_BEFORE}, "
            f"met: {verdict(ratio <= WANTED_OF_BEFORE)}."
        )
    return table
