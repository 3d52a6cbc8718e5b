"""attnkit: what the six notebooks on attention share, so that their cells can be about attention.

Checks (`Grader`), pictures (`plots`), data (`data`), a training loop (`training`). Nothing in it answers an exercise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnkit.grader import Grader
    from attnkit.logbook import Progress

__all__ = ["Grader", "progress", "ready_for", "start"]
__version__ = "0.2.0"  # the release of the course: the only place that says it


def start(notebook: str) -> Grader:
    """Set up a notebook: one torch thread, the figure style, a fixed seed; returns its `grader`."""
    import torch

    from attnkit import plots, waiting
    from attnkit.grader import Grader

    torch.set_num_threads(1)
    if torch.accelerator.is_available():
        torch.manual_seed(0)
    else:  # the same without what makes it slow: three texts of the whole stack, for devices that are not there
        torch.default_generator.manual_seed(0)
    plots.use_style()
    waiting.watch()
    return Grader(notebook)


def ready_for(release: str) -> None:
    """Say in one sentence each what does not fit a notebook of this release; raises ImportError where it cannot run."""
    from attnkit.readiness import ready_for

    ready_for(release)


def progress(forget: bool = False) -> Progress:
    """Which exercises are done in which notebook, what is next and how long it takes, and the mistakes met on the way.

    With `forget` the file in which this is kept is deleted first.
    """
    from attnkit import logbook

    if forget:
        logbook.forget()
    return logbook.Progress(logbook.read())


def __getattr__(name: str) -> Any:
    if name == "Grader":
        from attnkit.grader import Grader

        return Grader
    raise AttributeError(f"module 'attnkit' has no attribute {name!r}")
