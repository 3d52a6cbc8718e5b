"""`python -m benchmarks.one_notebook FILE` runs a solved notebook as the build does, claims included; JSON of the cost.

FILE lies in `solutions/` of a checkout of the project, of whatever age, and its kernel finds that checkout's attnkit.
The start of this program is not counted, the kernel's is.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import nbformat

from autograder.building import BuildError
from autograder.building.execute import execute_notebook
from benchmarks.measure import seconds_of_children


def main(path: Path) -> None:
    """Run the notebook; ends with one line that names the cell where it does not run."""
    tree = path.resolve().parents[1]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tree), str(tree / "notebooks")])
    os.environ.pop("MPLBACKEND", None)  # figures are drawn, as in a learner's Jupyter
    before = seconds_of_children()
    try:
        _, wall = execute_notebook(nbformat.read(path, as_version=4), tree / "notebooks")
    except BuildError as error:
        sys.exit(f"{path.stem}: {str(error).splitlines()[0]}")
    print(json.dumps({"cpu": seconds_of_children() - before, "wall": wall}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
