"""`python -m benchmarks.devices`: the checks of all solved answers, and the finale, where answers run on a GPU.

Without a GPU it says so, and finds what can be found there: where tensors lie, on a device that is pretended
(`benchmarks.elsewhere`), and what an answer's own autocast does on the CPU.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from attnkit.checking.case import Case, Outcome, Remote
from attnkit.checking.execute import execute
from attnkit.checking.message import CheckFailed
from attnkit.checking.public import check
from autograder.building.master import is_experiment, read_master, solved_notebook
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.judging.examine import check_hidden
from autograder.paths import DOCS
from benchmarks import elsewhere

PAGE = DOCS / "devices.md"
NO_GPU = "There is no GPU here: tensors lie on a pretended device, which shows where they lie and not how a GPU rounds."
ROUNDING = "these numbers were computed in"  # how the public check begins to say it
STEPS, TRIAL = 60, 5  # of the finale's model: on a GPU, and on a pretended device
Names = dict[str, Any]
Around = Callable[[str], AbstractContextManager[Any]]


def nothing(device: str) -> AbstractContextManager[Any]:
    """Nothing is set."""
    return nullcontext()


@dataclass(frozen=True)
class Way:
    """One way in which answers meet a device: what is set in the notebook, and what an answer itself does.

    `moves`: the answer moves its arguments to the device, and its results stay there. `inside`: what it switches on.
    """

    name: str
    moves: bool = True
    around: Around = nothing
    inside: Around = nothing


@dataclass
class Tally:
    """What came of one notebook in one way: checks that passed, public and hidden; who failed, and who was said to round."""

    public: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    rounded: list[str] = field(default_factory=list)

    def row(self) -> str:
        """The counts as they stand in the table."""
        said = f"; {len(self.rounded)} said to round" if self.rounded else ""
        return f"{sum(self.public)} of {len(self.public)}, {sum(self.hidden)} of {len(self.hidden)}{said}"


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


DEFAULT = Way("set_default_device", moves=False, around=default_device)
MOVED = Way("moved by the answer")
ITS_AUTOCAST = Way("bfloat16 autocast in the answer", inside=autocast)
ON_A_GPU = (
    DEFAULT,
    MOVED,
    Way("moved, TF32 in the notebook", around=tf32),
    Way("moved, bfloat16 autocast in the notebook", around=autocast),
    Way("moved, TF32 in the answer", inside=tf32),
    replace(ITS_AUTOCAST, name="moved, bfloat16 autocast in the answer"),
)


@cache
def solved_names(number: str) -> Mapping[str, Any]:
    """What the cells of a solved notebook define, experiments and claims left out."""
    names: Names = {"__name__": "__main__"}
    for cell in solved_notebook(read_master(number)).cells:
        if cell.cell_type == "code" and not is_experiment(cell):
            exec(compile(cell.source, cell.id, "exec"), names)
    return names


def moved(answer: Any, device: str, inside: Around = nothing) -> Any:
    """The answer as a learner would write it who moves everything to the device, and leaves the results there.

    Where a generator is among the arguments, everything moves to the generator's device: it draws nowhere else.
    """
    if isinstance(answer, type) and issubclass(answer, nn.Module):
        methods = {
            name: _method(getattr(answer, name), device, inside)
            for name in ("forward", "encode", "decode")
            if hasattr(answer, name)
        }
        return type(answer.__name__, (answer,), {**methods, "__init__": _init(answer, device)})
    if not callable(answer):
        return answer

    def call(*args: Any, **kwargs: Any) -> Any:
        place = _place((*args, *kwargs.values()), device)
        with inside(place):
            return answer(*_to(args, place), **_to(kwargs, place))

    return call


def _init(answer: type[nn.Module], device: str) -> Callable[..., None]:
    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        answer.__init__(self, *args, **kwargs)
        self.to(device)

    return init


def _method(method: Callable[..., Any], device: str, inside: Around) -> Callable[..., Any]:
    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with inside(device):
            return method(self, *_to(args, device), **_to(kwargs, device))

    return call


def _place(values: Sequence[Any], device: str) -> str:
    generators = [value for value in values if isinstance(value, torch.Generator)]
    return generators[0].device.type if generators else device


def _to(value: Any, device: str) -> Any:
    """`value` with every tensor in it on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, tuple | list):
        return type(value)(_to(item, device) for item in value)
    if isinstance(value, dict):
        return {name: _to(item, device) for name, item in value.items()}
    return value


class Away(Remote):
    """An answer on the pretended device: only its results are looked at, since what pretends would be watched, too."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name = name
        self.answer = answer

    @property
    def may_be_shown(self) -> bool:
        """Its numbers hide nothing."""
        return True

    def run(self, case: Case) -> Outcome:
        """Carry out `case` without counting lines, bytes or calls."""
        return execute(self.answer, replace(case, watch=(), count_lines=False, count_held=False))


def answers_of(names: Sequence[str], solved: Mapping[str, Any], way: Way, device: str) -> Names:
    """The answers of one exercise by name, as `way` has them meet the device."""
    answers = {name: moved(solved[name], device, way.inside) if way.moves else solved[name] for name in names}
    return {name: Away(name, answer) for name, answer in answers.items()} if _pretends(way, device) else answers


def _pretends(way: Way, device: str) -> bool:
    """A default device is set back before an answer runs: nothing has to be pretended for it."""
    return way.moves and device == elsewhere.NAME


def tally(number: str, way: Way, device: str) -> Tally:
    """Every public and hidden check of one notebook's solved answers, in one way."""
    found, solved = Tally(), solved_names(number)
    with elsewhere.elsewhere() if _pretends(way, device) else nullcontext():
        for exercise in exercises_of(number):
            answers = answers_of(exercise.names, solved, way, device)
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
        if report.looks_like.startswith(ROUNDING):
            found.rounded.append(question)
        elif question not in found.rounded:
            found.failed.setdefault(question, f"{report.problem}: {report.looks_like or report.found}")
        return False
    return True


def finale(device: str, steps: int) -> str:
    """Train the solved transformer of notebook 6, moved to the device with its batches; says the loss and the time."""
    names = solved_names("06")
    torch.manual_seed(0)
    started = time.monotonic()
    with elsewhere.elsewhere() if device == elsewhere.NAME else nullcontext():
        model = names["Seq2SeqTransformer"](40, 40, 64, 4, 2, 128).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        losses = []
        for _ in range(steps):
            words = torch.randint(4, 40, (32, 12)).to(device)
            loss = names["teacher_forcing_loss"](model, words, words.flip(1), 1, 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    seconds = "" if device == elsewhere.NAME else f" in {time.monotonic() - started:.1f} s"
    return f"{steps} steps of reversing 12 words, a batch of 32: loss {losses[0]:.3f} → {losses[-1]:.3f}{seconds}"


def page(device: str, numbers: Sequence[str], steps: int) -> str:
    """Everything as a Markdown page; without a GPU `device` is the pretended one."""
    pretended = device == elsewhere.NAME
    named = f"a {torch.cuda.get_device_name()}" if device.startswith("cuda") else platform.machine()
    columns = [(way, device, way.name) for way in ON_A_GPU]
    if pretended:
        columns = [(DEFAULT, device, f"{DEFAULT.name}(\"{device}\")"), (MOVED, device, f"{MOVED.name}, pretended")]
        columns.append((ITS_AUTOCAST, "cpu", f"{ITS_AUTOCAST.name}, on the CPU"))
    lines = [
        "# Checks on other devices",
        "",
        f"Made by `python -m benchmarks.devices` on {named}, with PyTorch {torch.__version__}.",
    ]
    lines += ["The solved answers of each notebook: public checks that pass, then hidden tests that pass.", ""]
    if pretended:
        lines += [
            f"**{NO_GPU}** Nobody has run this on a GPU yet. The same command there fills in six columns.",
            "",
        ]
    lines += ["| notebook | " + " | ".join(name for _, _, name in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    failed: list[str] = []
    for number in numbers:
        tallies = [tally(number, way, place) for way, place, _ in columns]
        lines.append(f"| {NOTEBOOKS[number]} | " + " | ".join(one.row() for one in tallies) + " |")
        for (way, _, name), one in zip(columns, tallies, strict=True):
            if way.inside is nothing:  # what rounds by its own wish has to fail
                failed += [f"* {question}, {name}: {what}" for question, what in one.failed.items()]
    lines += ["", *(["What fails:", "", *failed, ""] if failed else [])]
    if "06" in numbers:
        lines += [f"The finale's model, moved there with its batches: {finale(device, steps)}."]
        if pretended:
            lines += [f"The same on the CPU: {finale('cpu', steps)}."]
    return "\n".join(lines).rstrip() + "\n"


@click.command()
@click.option("--device", default=None, help="Where answers run: the GPU if there is one, else a pretended device.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the page here and not into docs/.")
@click.argument("numbers", nargs=-1)
def main(device: str | None, out: Path | None, numbers: tuple[str, ...]) -> None:
    """Check the solved answers of all notebooks, or of those named by two digits, on a device."""
    import matplotlib

    matplotlib.use("agg")
    torch.set_num_threads(1)
    device = device or ("cuda" if torch.cuda.is_available() else elsewhere.NAME)
    if device == elsewhere.NAME:
        click.echo(NO_GPU)
    text = page(device, numbers or tuple(NOTEBOOKS), TRIAL if device == elsewhere.NAME else STEPS)
    (out or PAGE).write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
