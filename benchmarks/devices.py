"""`python -m benchmarks.devices`: every public and hidden check of the solved answers on a GPU, in four ways, and the finale.

On a machine without a GPU it runs the same on the CPU (`--device cpu`), which is how a test keeps it in order.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from attnkit.checking.message import CheckFailed
from attnkit.checking.public import check
from autograder.building.master import is_experiment, read_master, solved_notebook
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.judging.examine import check_hidden
from autograder.paths import DOCS

PAGE = DOCS / "devices.md"
STEPS = 60  # of the finale's model, in small
Names = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way in which answers meet a device: its name, what is set around the checks, and how a name is wrapped."""

    name: str
    around: Callable[[str], AbstractContextManager[Any]]
    moves: bool


@dataclass
class Tally:
    """What came of one notebook in one way: checks that passed and that were made, public and hidden, and who failed."""

    public: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def row(self) -> str:
        """The counts as they stand in the table."""
        return f"{sum(self.public)} of {len(self.public)}, {sum(self.hidden)} of {len(self.hidden)}"


@contextmanager
def default_device(device: str) -> Iterator[None]:
    """New tensors are made on the device, also those of the answers."""
    before = torch.get_default_device()
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(before)


@contextmanager
def tf32(device: str) -> Iterator[None]:
    """Products of float32 matrices are rounded to TF32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def autocast(device: str) -> AbstractContextManager[Any]:
    """What autocast thinks fit is computed in bfloat16."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


WAYS = (
    Way("set_default_device", default_device, moves=False),
    Way("moved by the answer", lambda device: nullcontext(), moves=True),
    Way("moved, TF32", tf32, moves=True),
    Way("moved, bfloat16 autocast", autocast, moves=True),
)


@cache
def solved_names(number: str) -> Mapping[str, Any]:
    """What the cells of a solved notebook define, experiments and claims left out."""
    names: Names = {"__name__": "__main__"}
    for cell in solved_notebook(read_master(number)).cells:
        if cell.cell_type == "code" and not is_experiment(cell):
            exec(compile(cell.source, cell.id, "exec"), names)
    return names


def to_device(value: Any, device: str) -> Any:
    """`value` with every tensor in it on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, tuple | list):
        return type(value)(to_device(item, device) for item in value)
    return value


def moved(answer: Any, device: str) -> Any:
    """The answer as a learner would write it who moves everything to the device, and leaves the results there."""
    if isinstance(answer, type) and issubclass(answer, nn.Module):
        methods = {
            name: _moving(getattr(answer, name), device)
            for name in ("forward", "encode", "decode")
            if hasattr(answer, name)
        }
        return type(answer.__name__, (answer,), methods)
    if not callable(answer):
        return answer

    def call(*args: Any, **kwargs: Any) -> Any:
        return answer(*to_device(args, device), **{name: to_device(value, device) for name, value in kwargs.items()})

    return call


def _moving(method: Callable[..., Any], device: str) -> Callable[..., Any]:
    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        self.to(device)
        return method(
            self, *to_device(args, device), **{name: to_device(value, device) for name, value in kwargs.items()}
        )

    return call


def tally(number: str, way: Way, device: str) -> Tally:
    """Every public and hidden check of one notebook's solved answers, in one way."""
    found, names = Tally(), solved_names(number)
    for exercise in exercises_of(number):
        answers = {name: moved(names[name], device) if way.moves else names[name] for name in exercise.names}
        with way.around(device):
            found.public.append(_passes(found, exercise.question, partial(check, exercise.question, answers)))
            for test in exercise.tests:
                run = partial(check_hidden, exercise.question, test.name, answers)
                found.hidden.append(_passes(found, exercise.question, run))
    return found


def _passes(found: Tally, question: str, run: Callable[[], None]) -> bool:
    try:
        run()
    except CheckFailed as failed:
        report = failed.report
        found.failed.setdefault(question, f"{report.problem}: {report.looks_like or report.found}")
        return False
    return True


def finale(device: str, steps: int = STEPS) -> str:
    """Train the solved transformer of notebook 6, moved to the device with its batches; says the loss and the time."""
    names = solved_names("06")
    torch.manual_seed(0)
    model = names["Seq2SeqTransformer"](40, 40, 64, 4, 2, 128).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses, started = [], time.monotonic()
    for _ in range(steps):
        words = torch.randint(4, 40, (32, 12)).to(device)
        loss = names["teacher_forcing_loss"](model, words, words.flip(1), 1, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    seconds = time.monotonic() - started
    return f"{steps} steps of reversing 12 words, a batch of 32: loss {losses[0]:.2f} → {losses[-1]:.2f} in {seconds:.1f} s"


def page(device: str, numbers: tuple[str, ...], steps: int = STEPS) -> str:
    """Everything as a Markdown page."""
    named = torch.cuda.get_device_name() if device.startswith("cuda") else f"{device} ({platform.machine()})"
    lines = [
        "# Checks on other devices",
        "",
        f"Made by `python -m benchmarks.devices --device {device}` on {named}, with PyTorch {torch.__version__}.",
        "The solved answers of each notebook: public checks that pass, then hidden tests that pass.",
        "",
    ]
    if device == "cpu":
        lines += [
            "**No GPU was at hand: this table shows that the script works, and not how a GPU fares.** The same command with"
            " `--device cuda` makes it on one; it takes a few minutes.",
            "",
        ]
    lines += ["| notebook | " + " | ".join(way.name for way in WAYS) + " |", "|---" * (len(WAYS) + 1) + "|"]
    failed: list[str] = []
    for number in numbers:
        tallies = [tally(number, way, device) for way in WAYS]
        lines.append(f"| {NOTEBOOKS[number]} | " + " | ".join(one.row() for one in tallies) + " |")
        for way, one in zip(WAYS, tallies, strict=True):
            failed += [f"* {question}, {way.name}: {what}" for question, what in one.failed.items()]
    lines += ["", *(["What fails:", "", *failed, ""] if failed else [])]
    if "06" in numbers:
        try:
            lines += [f"The finale's model: {finale(device, steps)}."]
        except RuntimeError as error:
            lines += [f"The finale's model cannot be trained there: {str(error).splitlines()[0]}."]
    return "\n".join(lines).rstrip() + "\n"


@click.command()
@click.option("--device", default=lambda: "cuda" if torch.cuda.is_available() else "cpu", help="Where answers run.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the page here and not into docs/.")
@click.argument("numbers", nargs=-1)
def main(device: str, out: Path | None, numbers: tuple[str, ...]) -> None:
    """Check the solved answers of all notebooks, or of those named by two digits, on a device."""
    torch.set_num_threads(1)
    with contextlib.suppress(ImportError):
        import matplotlib

        matplotlib.use("agg")
    text = page(device, numbers or tuple(NOTEBOOKS))
    (out or PAGE).write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
