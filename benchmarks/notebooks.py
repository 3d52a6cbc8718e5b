"""What the solved notebooks take from top to bottom, their claims included: today's, and those of before."""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import nbformat

from autograder.building.master import tags_of
from autograder.paths import ROOT
from benchmarks.measure import Cost, measure
from benchmarks.start import BEFORE, older
from benchmarks.table import Table, verdict

WANTED, TOGETHER = 0.6, "together"
Costs = dict[str, list[Cost]]  # of each notebook, today's first
_WARM = "import matplotlib.pyplot, torch, attnkit.plots, attnkit.training, attnkit.data"


def notebooks(rounds: int, tell: Callable[[str], None]) -> list[Table]:
    """CPU and wall seconds of every notebook and of all, now and before, in turns."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        before = older(Path(scratch) / "before")
        trees = [ROOT, *([before] if before else [])]
        for tree in trees:
            paths = f"PYTHONPATH={tree}{os.pathsep}{tree / 'notebooks'}"
            measure(["env", paths, sys.executable, "-c", _WARM], tree)
        return [_table(in_turns(trees, rounds, tell), [_claims(tree) for tree in trees], rounds)]


def in_turns(trees: Sequence[Path], rounds: int, tell: Callable[[str], None]) -> Costs:
    """The median cost of each solved notebook of the first tree, and of those called the same in the others.

    Raises CommandError, which names the cell, where one does not run or a claim does not hold.
    """
    found: defaultdict[str, list[list[Cost]]] = defaultdict(lambda: [[] for _ in trees])
    for number in range(rounds):
        for name in sorted(path.name for path in (trees[0] / "solutions").glob("*.ipynb")):
            for tree, costs in zip(trees, found[name], strict=True):
                tell(f"{name}, round {number + 1}")
                _, said = measure([sys.executable, "-m", "benchmarks.one_notebook", tree / "solutions" / name], ROOT)
                costs.append(Cost(**json.loads(said.strip().splitlines()[-1])))
    return {name.removesuffix(".ipynb"): [_median(costs) for costs in each] for name, each in found.items()}


def _median(costs: list[Cost]) -> Cost:
    return Cost(median(cost.cpu for cost in costs), median(cost.wall for cost in costs))


def _claims(tree: Path) -> dict[str, int]:
    """How many claims each solved notebook asserts."""
    return {
        path.stem: sum(
            isinstance(node, ast.Assert)
            for cell in nbformat.read(path, as_version=4).cells
            if "claim" in tags_of(cell)
            for node in ast.walk(ast.parse(cell.source))
        )
        for path in (tree / "solutions").glob("*.ipynb")
    }


def _table(found: Costs, claims: list[dict[str, int]], rounds: int) -> Table:
    """Today's columns, those of before where they were measured, and the ratio of CPU."""
    columns = ("claims", "CPU s", "wall s", *(f"{what} at {BEFORE}" for what in ("claims", "CPU s", "wall s")), "ratio")
    table = Table("The solved notebooks, top to bottom", ("notebook", *columns))
    whole = [
        Cost(sum(one.cpu for one in costs), sum(one.wall for one in costs))
        for costs in zip(*found.values(), strict=True)
    ]
    ratios = {}
    for name, costs in {**found, TOGETHER: whole}.items():
        cells = []
        for cost, counted in zip(costs, claims, strict=True):
            count = sum(counted.values()) if name == TOGETHER else counted[name]
            cells += [str(count), f"{cost.cpu:.1f}", f"{cost.wall:.1f}"]
        if len(costs) > 1:
            ratios[name] = costs[0].cpu / costs[1].cpu
        ratio = f"{ratios[name]:.2f}" if name in ratios else "–"
        table.add(name.replace("_", " "), *cells, *["–"] * (6 - len(cells)), ratio)
    table.notes = [
        f"Median of {rounds} rounds, each notebook of both commits in turns, by the program that the build runs them with, "
        "with every claim asserted and one torch thread. CPU is that of the kernel and of all that it starts, the kernel's "
        "own start included; *ratio* is that of CPU."
    ]
    if ratios:
        together, slower = ratios.pop(TOGETHER), [name for name, ratio in ratios.items() if ratio > 1]
        table.notes.append(
            f"Together: {together:.2f} times the CPU and {whole[0].wall / whole[1].wall:.2f} times the wall time of {BEFORE}, "
            f"wanted ≤ {WANTED}, met: {verdict(together <= WANTED)}. No notebook slower: {verdict(not slower)}"
            + (f" ({', '.join(slower)} {'is' if len(slower) == 1 else 'are'})." if slower else ".")
        )
    else:
        table.notes.append(f"The commit {BEFORE} is not in this copy's history.")
    return table
