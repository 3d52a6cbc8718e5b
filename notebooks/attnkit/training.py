"""A training loop with a progress bar, and the few things every experiment repeats."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from IPython.display import display
from torch import nn


class _Progress:
    """A progress bar as HTML where there is a browser and as text elsewhere; redrawn at most five times a second."""

    def __init__(self, total: int, label: str) -> None:
        self.total, self.label = total, label
        self.done = 0
        self.note = ""
        self.drawn = 0.0
        self.started = time.monotonic()
        self.handle = display(self, display_id=True)

    def advance(self, note: str = "") -> None:
        self.done += 1
        self.note = note or self.note
        if self.handle and (self.done == self.total or time.monotonic() - self.drawn > 0.2):
            self.drawn = time.monotonic()
            self.handle.update(self)

    def __repr__(self) -> str:
        filled = int(24 * self.done / max(1, self.total))
        spent = time.monotonic() - self.started
        return (
            f"{self.label} [{'█' * filled}{'·' * (24 - filled)}] {self.done}/{self.total}  {spent:.0f} s  {self.note}"
        )

    def _repr_html_(self) -> str:
        return f'<code role="status">{self!r}</code>'


def progress(items: Iterable[Any], label: str = "", total: int | None = None) -> Iterator[Any]:
    """Go through `items` under a progress bar."""
    sequence = items if total is not None else list(items)
    bar = _Progress(total if total is not None else len(sequence), label)  # type: ignore[arg-type]
    for item in sequence:
        yield item
        bar.advance()


def _all_at_once(parameters: list[nn.Parameter]) -> bool | None:
    """True on the CPU, where torch can and does not by itself; None leaves it to torch, which refuses on some devices."""
    return True if all(parameter.device.type == "cpu" for parameter in parameters) else None


def train(
    model: nn.Module,
    loss: Callable[[], torch.Tensor],
    steps: int,
    *,
    lr: float = 3e-3,
    label: str = "training",
    warm_up: int = 0,
    decay: bool = False,
    clip: float | None = 1.0,
    quiet: bool = False,
    schedule: Callable[[int], float] | None = None,
    fused: bool = True,
) -> list[float]:
    """Minimise `loss()` over the model's parameters with Adam; returns the loss at every step.

    `loss` draws its own batch and returns a scalar tensor. The learning rate rises linearly over `warm_up` steps and,
    with `decay`, falls linearly to a tenth; gradients are clipped to norm `clip`. `schedule(step)`, with steps counted
    from 1, gives the rate in place of all that. `fused` updates all parameters in one kernel: small models wait for little
    else; turn it off on a device without that kernel.
    """
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=lr, fused=fused)
    history = []
    model.train()
    steps_shown = range(steps) if quiet else progress(range(steps), label)
    for step in steps_shown:
        rising = min(1.0, (step + 1) / warm_up) if warm_up else 1.0
        rate = schedule(step + 1) if schedule else lr * rising * (1 - 0.9 * step / steps if decay else 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate
        value = loss()
        optimizer.zero_grad()
        value.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip, foreach=_all_at_once(parameters))
        optimizer.step()
        history.append(value.item())
    model.eval()
    return history


class ParallelLinear(nn.Module):
    """One linear map for each of several runs that are trained side by side: (runs, …, d_in) → (runs, …, d_out).

    The runs share nothing but the time it takes: an experiment over three seeds costs little more than over one.
    """

    def __init__(self, runs: int, d_in: int, d_out: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(runs, d_in, d_out) / d_in**0.5)
        self.bias = nn.Parameter(torch.zeros(runs, 1, d_out)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1, -2)
        out = flat @ self.weight if self.bias is None else torch.baddbmm(self.bias, flat, self.weight)
        return out.unflatten(1, x.shape[1:-1])
