"""`python -m benchmarks.finale`: the finale of notebook 6 with other seeds, and which of its claims hold for them.

The notebook trains one model. This runs the same cells in full for other first numbers and other orders of the batches.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import platform
from pathlib import Path
from typing import Any

import click
import torch

from autograder.building.master import read_master, solved_notebook, tags_of
from autograder.paths import DOCS
from benchmarks.devices import solved_names

PAGE = DOCS / "finale.md"
FIRST, LAST = "## The finale: translate", "## Further"
Names = dict[str, Any]


class Unseen:
    """Stands in for the plots: nobody looks."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def finale_cells() -> list[Any]:
    """The code cells of the finale, claims included, in order."""
    cells = solved_notebook(read_master("06")).cells
    begins, ends = (
        next(i for i, cell in enumerate(cells) if cell.source.startswith(heading)) for heading in (FIRST, LAST)
    )
    return [cell for cell in cells[begins:ends] if cell.cell_type == "code"]


def with_seed(seed: int, cells: list[Any]) -> tuple[Names, list[str]]:
    """What the cells leave behind for one seed, and the claims that do not hold."""
    names: Names = dict(solved_names("06"))
    parts = {"loss_with_teacher": "teacher_forcing_loss", "write": "generate", "draw": "sample"}
    names |= {name: names[answer] for name, answer in parts.items()}
    names["plots"] = Unseen()
    failed: list[str] = []
    for cell in cells:
        for statement in ast.parse(cell.source).body:
            code = compile(ast.Module([statement], []), cell.id, "exec")
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(code, names)
            except AssertionError:
                if "claim" not in tags_of(cell):
                    raise
                failed.append(ast.unparse(statement).removeprefix("assert "))
            if ast.unparse(statement).startswith("SEED ="):
                names["SEED"] = seed
    return names, failed


def row_of(seed: int, names: Names, failed: list[str]) -> dict[str, str]:
    """The figures that the notebook's sentences rest on."""
    exact = {name: values["exact match"] for name, values in names["results"].items()}
    chances = list(names["chances"].values())
    clean, slipped = names["clean"].tolist(), names["slipped"].tolist()
    return {
        "seed": str(seed),
        "exact: test": f"{exact['test, greedy']:.3f}",
        "validation": f"{exact['validation, greedy']:.3f}",
        "new combinations": f"{exact['new combinations, greedy']:.3f}",
        "chance of the right one: all words": f"{chances[0]:.3f}",
        "two": f"{chances[1]:.3f}",
        "greedy": f"{chances[2]:.3f}",
        "alone − teacher, right length": f"{-names['gaps'][2]:.3f}",
        "4th word: after a right word": f"{clean[3]:.3f}",
        "after a slip": f"{slipped[3]:.3f}",
        "best head on gold": f"{max(names['on_gold'].values()):.2f}",
        "articles on the next word's, at most": f"{max(names['on_next'].values()):.2f}",
        "claims that fail": str(len(failed)),
    }


def page(seeds: list[int]) -> str:
    """Everything as a Markdown page."""
    cells = finale_cells()
    found = {seed: with_seed(seed, cells) for seed in seeds}
    rows = [row_of(seed, *of_seed) for seed, of_seed in found.items()]
    lines = [
        "# The finale with other seeds",
        "",
        f"Made by `python -m benchmarks.finale` on {platform.machine()}, one core, with PyTorch {torch.__version__}.",
        "Notebook 6 trains one translator, with seed 0. Here its cells are run in full for other seeds, its claims included.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(row.values()) + " |" for row in rows),
        "",
    ]
    told = "A claim is a line of the notebook with bounds around the numbers of seed 0. Those that do not hold for another seed:"
    failures = [f"* seed {seed}: `{claim}`" for seed, (_, failed) in found.items() for claim in failed]
    lines += [told, "", *failures] if failures else ["Every claim holds for every seed."]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the page here and not into docs/.")
@click.argument("seeds", nargs=-1, type=int)
def main(out: Path | None, seeds: tuple[int, ...]) -> None:
    """Train the finale with SEEDS (0 to 3 when none is named): some minutes."""
    torch.set_num_threads(1)
    os.environ["ATTNKIT_PROGRESS"] = "off"
    text = page(list(seeds or range(4)))
    (out or PAGE).write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
