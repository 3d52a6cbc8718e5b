"""Whether a notebook can begin here: the package complete and of the same release, the libraries there, the folder writable.

What is missing is said in one sentence, before the first import of a notebook fails with a trace.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from attnkit.places import OneSentence, in_lines, numbers

PARTS = ("checking", "data", "diagrams", "grader", "maps", "plots", "standins", "training")  # what notebooks import
LIBRARIES = {  # by the name they are imported by: the name to install
    "IPython": "ipython",
    "babel": "babel",
    "ipywidgets": "ipywidgets",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "sacrebleu": "sacrebleu",
    "torch": "torch",
}
KEPT = ("torch", "numpy")  # never replaced: where they are there, they fit each other and the machine
TORCH_SIZE = "about 0.2 GB; on Linux some 3 GB, with what a GPU needs, unless the course's environment.yml brings it"


class NotReadyError(OneSentence, ImportError):
    """The notebook cannot begin; its one sentence says what is wrong and what to do."""


def ready_for(release: str) -> None:
    """Say in one sentence each what does not fit a notebook of this release; raises NotReadyError where it cannot run.

    On Colab a missing library is installed, and those that are there are left as they are.
    """
    from attnkit import __version__

    if __version__ != release:
        _note(
            f"this notebook is of release {release} of the course and attnkit, in {Path(__file__).parent}, of "
            f"{__version__}: take both from the same release, or a check may ask for something else than the notebook."
        )
    missing = [library for library in LIBRARIES if importlib.util.find_spec(library) is None]
    if missing and "google.colab" in sys.modules:
        missing = install(missing)
    if missing:
        raise NotReadyError(what_is_missing(missing))
    try:
        for part in PARTS:
            importlib.import_module(f"attnkit.{part}")
    except ModuleNotFoundError as error:
        raise NotReadyError(_absent(error)) from None
    except ImportError as error:
        raise NotReadyError(
            f"attnkit cannot be loaded ({error}): restart the kernel, or get the course's folder again."
        ) from None
    if not numbers().is_dir():
        raise NotReadyError(_half_copied("its numbers"))
    if not os.access(Path.cwd(), os.W_OK):
        _note(
            "this folder is read-only: save the notebook somewhere else now (File > Save Notebook As), "
            "or your answers are lost."
        )


def _note(sentence: str) -> None:
    print("\n".join(in_lines(f"note: {sentence}")))


def what_is_missing(libraries: Iterable[str]) -> str:
    """The sentence about libraries that this kernel's Python lacks, and how they are got."""
    names = [LIBRARIES.get(library, library) for library in libraries]
    size = f" (to download PyTorch: {TORCH_SIZE})" if "torch" in names else ""
    return (
        f"This kernel's Python ({sys.executable}) has no {' and no '.join(names)}: choose the kernel in which the course "
        f"was set up, or run `%pip install {' '.join(names)}` in a cell of its own{size}, and restart the kernel."
    )


def install(libraries: Iterable[str]) -> list[str]:
    """Install what is missing and leave what is there as it is; returns what is missing still."""
    wanted = list(libraries)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.txt"
        kept.write_text("".join(f"{name}=={version}\n" for name, version in _installed(KEPT)), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(kept)]
        subprocess.run([*command, *(LIBRARIES[library] for library in wanted)], check=False)
    importlib.invalidate_caches()
    return [library for library in wanted if importlib.util.find_spec(library) is None]


def _installed(names: Iterable[str]) -> list[tuple[str, str]]:
    found = []
    for name in names:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _absent(error: ModuleNotFoundError) -> str:
    name = error.name or "a part of it"
    return _half_copied(name) if name.split(".")[0] == "attnkit" else what_is_missing([name])


def _half_copied(what: str) -> str:
    return f"attnkit, in {Path(__file__).parent}, lacks {what}, as if it had been copied only in part: copy the whole folder."
