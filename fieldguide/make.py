"""Make the field guide: an environment of its own, every probe run in it, one page and one JSON beside it.

    python3.11 -m fieldguide.make                 # what `make field-guide` runs
    python3.11 -m fieldguide.make --page-only     # write the page again from the JSON, run nothing
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import venv
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE, NUMBERS = ROOT / "docs" / "field-guide.md", ROOT / "docs" / "field-guide.json"
COMMAND = "make field-guide"
PROBES = ("torch_", "jax_", "flax_", "keras_", "transformers_", "x_transformers_", "onnx_", "meetings")

Guide = dict


def load(name: str) -> dict:
    """One of the two tables that lie beside this file: `table` or `guesses`."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def pinned() -> dict[str, str]:
    """The version of every package in requirements.txt."""
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").split()
    return dict(line.split("==") for line in lines)


def environment() -> Path:
    """The Python of the guide's own environment, made if it is not there; torch comes first, so that nothing else chooses it."""
    room = HERE / ".venv"
    python = room / "bin" / "python"
    if not (room / ".ready").exists():
        venv.create(room, with_pip=True, clear=True)
        for packages in ([f"torch=={pinned()['torch']}"], ["-r", str(HERE / "requirements.txt")]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (room / ".ready").touch()
    return python


def ask(python: Path, probe: str) -> dict[str, str]:
    """Every answer of one probe module, run in a process of its own."""
    done = subprocess.run(
        [python, "-m", "fieldguide.probing", probe], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    if done.returncode:
        sys.exit(f"the probe {probe} failed; see why with: {python} -m fieldguide.probing {probe}")
    return json.loads(done.stdout.splitlines()[-1])


def versions(python: Path) -> dict[str, str]:
    """What is installed in that environment, of what requirements.txt pins."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    found = subprocess.run([python, "-c", code, *pinned()], check=True, capture_output=True, text=True)
    return {name: version.partition("+")[0] for name, version in json.loads(found.stdout).items()}


def gather(python: Path) -> Guide:
    """Run all probes and set their answers beside the guesses."""
    found = {key: answer for probe in PROBES for key, answer in ask(python, probe).items()}
    table, guesses = load("table"), load("guesses")
    cells: dict[str, dict] = {row: {} for row in table["rows"]}
    meetings = {}
    for key, answer in sorted(found.items()):
        column, row = key.split("/")
        if column == "meetings":
            meetings[row] = {"found": answer, "guessed": guesses["meetings"].get(row)}
        else:
            cells[row][column] = {"found": answer, "guessed": guesses[row].get(column)}
    date = datetime.now(UTC).date().isoformat()
    return {"date": date, "command": COMMAND, "versions": versions(python), "cells": cells, "meetings": meetings}


def missed(cell: dict) -> bool:
    """Whether a guess was made and was wrong."""
    return cell["guessed"] is not None and cell["guessed"] != cell["found"]


def rows_missed(guide: Guide) -> list[str]:
    """The rows, meetings among them, in which at least one guess was wrong."""
    rows = [row for row, cells in guide["cells"].items() if any(map(missed, cells.values()))]
    return rows + [row for row, cell in guide["meetings"].items() if missed(cell)]


def shown(cell: dict | None) -> str:
    """A cell as the page prints it: what was found, and the guess where it was wrong."""
    if cell is None:
        return "n/a"
    return f"**{cell['found']}** (guessed: {cell['guessed']})" if missed(cell) else cell["found"]


def page(guide: Guide) -> str:
    """The field guide as Markdown."""
    table = load("table")
    columns, rows = table["columns"], table["rows"]
    pins = ", ".join(f"{name} {version}" for name, version in guide["versions"].items())
    lines = [
        "# The field guide: what attention does in other libraries",
        "",
        f"Every cell was computed by running the library, on a CPU, on {guide['date']}, with `{guide['command']}`: {pins}.",
        "The same is in [field-guide.json](field-guide.json). This page is generated; the probes are in `fieldguide/probes/`.",
        "",
        "A guess for each cell was written down, and committed, before the first run (`fieldguide/guesses.json`).",
        "A cell in **bold** is one in which the guess was wrong: "
        f"{len(rows_missed(guide))} of {len(rows) + len(guide['meetings'])} rows have one. "
        "`n/a`: not asked of this library; why stands under the row.",
        "",
        "## At a glance",
        "",
    ]
    for row, title in rows.items():
        cells = guide["cells"][row]
        by_answer: dict[str, list[str]] = {}
        for column, (_, name) in columns.items():
            if column in cells:
                by_answer.setdefault(cells[column]["found"], []).append(name)
        lines += [f"### {title}", "", "| answer | where |", "|---|---|"]
        lines += [f"| {answer} | {'; '.join(names)} |" for answer, names in by_answer.items()]
        absent = [name for column, (_, name) in columns.items() if column not in cells]
        lines += ["", f"n/a, {table['absent'][row]}: {'; '.join(absent)}." if absent else "", ""]
    lines += ["## Where two of them meet", "", "| what | found |", "|---|---|"]
    lines += [f"| {title} | {shown(guide['meetings'][row])} |" for row, title in table["meetings"].items()]
    lines += ["", "## The whole table", "", "| | " + " | ".join(name for _, name in columns.values()) + " |"]
    lines += ["|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {title} | " + " | ".join(shown(guide["cells"][row].get(column)) for column in columns) + " |"
        for row, title in rows.items()
    ]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> None:
    """Write docs/field-guide.json and docs/field-guide.md."""
    parser = argparse.ArgumentParser(description="Make the field guide.")
    parser.add_argument("--page-only", action="store_true", help="write the page again from the JSON, run nothing")
    if not parser.parse_args().page_only:
        guide = gather(environment())
        NUMBERS.write_text(json.dumps(guide, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    guide = json.loads(NUMBERS.read_text(encoding="utf-8"))
    PAGE.write_text(page(guide), encoding="utf-8")
    cells = sum(map(len, guide["cells"].values()))
    print(f"{PAGE.relative_to(ROOT)}: {cells} cells; a wrong guess in {len(rows_missed(guide))} rows")


if __name__ == "__main__":
    main()
