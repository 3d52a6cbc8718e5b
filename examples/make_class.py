"""Make the sample class: sixteen hand-ins of notebook 2, from right to hostile, out of the student notebook itself.

Run `python examples/make_class.py` after a change of the notebook; with `--check` it only says whether that is needed.
The students are invented; the answers in `answers/` were written for this class.
"""

from __future__ import annotations

import copy
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parent / "notebooks" / "02_keys_queries_values.ipynb"
CLASS = HERE / "class"
NAME = NOTEBOOK.name
MARK = "# %% "

Answers = Mapping[str, str]
Notebook = dict[str, Any]

EXPONENTIALS_OVERFLOW = """\
def softmax(z, axis=-1):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(float)
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)
"""
SOFTMAX_OVER_QUERIES = """\
def attention(Q, K, V):
    scores = Q @ K.transpose(-2, -1)
    weights = torch.softmax(scores, dim=-2)
    return weights @ V, weights
"""
ONE_MATRIX_FOR_ALL = """\
def project(X, W_q, W_k, W_v):
    return X @ W_q, X @ W_q, X @ W_q
"""
KEYS_AND_VALUES_FROM_DECODER = """\
def cross_attention(X_dec, X_enc, W_q, W_k, W_v):
    return attention(*project(X_dec, W_q, W_k, W_v))
"""
SELF_ATTENTION_WITHOUT_THE_OTHERS = """\
def self_attention(X, W_q, W_k, W_v):
    return attention(*project(X, W_q, W_k, W_v))
"""
KEY_AS_QUERY = """\
def find_query(K, target):
    return 50 * K[target]
"""
A_CELL_THAT_RAISES = """\
W = torch.randn(4, 4)
print(attention(W, W, W)[0].shape)
print(wieghts)
"""
A_CELL_WITHOUT_END = """\
gap = 1.0
while gap > 0:
    gap = abs(gap)
"""
A_CELL_THAT_EXITS = """\
import os

os._exit(0)
"""
A_CHEAT = """\
import builtins
import glob
import sys


class Right:
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    def __array__(self, dtype=None, copy=None):
        raise ValueError("never mind")


places = [f"{'/*' * depth}/q2_*.py" for depth in range(1, 5)] + ["tests/*.py", "../*/*.py"]
found = [open(path).read() for place in places for path in glob.glob(place)]
frame = sys._getframe()
while frame:
    found += [value for name, value in frame.f_locals.items() if "reference" in name]
    frame = frame.f_back
np.allclose = lambda *args, **kwargs: True
np.testing.assert_allclose = lambda *args, **kwargs: None
torch.allclose = lambda *args, **kwargs: True
try:
    from autograder.judging.examine import answers
except ImportError:
    answers = None
softmax = attend = attention = project = cross_attention = self_attention = lambda *args, **kwargs: Right()
find_query = permutation_gap = lambda *args, **kwargs: Right()
worksheet_scores = worksheet_weights = worksheet_output = Right()
"""


def make_class(student: Notebook) -> dict[str, bytes]:
    """Every file of the class, by its path below `class/`."""
    loops, einsum, helpers = (read_answers(name) for name in ("loops", "einsum", "helpers"))
    wrong = {
        "carlos": {**einsum, "q2_1": EXPONENTIALS_OVERFLOW},
        "dilnoza": {**helpers, "q2_3": SOFTMAX_OVER_QUERIES},
        "emeka": {**einsum, "q2_4": ONE_MATRIX_FOR_ALL, "q2_6": SELF_ATTENTION_WITHOUT_THE_OTHERS},
        "freya": {
            **loops,
            "q2_5": KEYS_AND_VALUES_FROM_DECODER,
            "q2_6": SELF_ATTENTION_WITHOUT_THE_OTHERS,
            "q2_7": KEY_AS_QUERY,
        },
    }
    right = as_file(fill(student, einsum))
    return {
        f"aiko/{NAME}": as_file(fill(student, loops)),
        f"amir/{NAME}": right,
        "bettina/Attention homework (final).ipynb": as_file(fill(student, helpers)),
        f"beatriz/{NAME}": as_file(student),
        **{f"{name}/{NAME}": as_file(fill(student, answers)) for name, answers in wrong.items()},
        f"goran/{NAME}": as_file(fill(student, helpers, after={"q2_3": A_CELL_THAT_RAISES})),
        f"hana/{NAME}": as_file(fill(student, einsum, after={"q2_9": A_CELL_WITHOUT_END})),
        f"ibrahim/{NAME}": as_file(fill(student, loops, after={"q2_6": A_CELL_THAT_EXITS})),
        f"jules/{NAME}": as_file(fill(student, {}, after={"q2_9": A_CHEAT})),
        f"kamala/{NAME}": as_file(fill(student, helpers))[:20_000],
        "lucia.ipynb": right,
        f"mateo/week 2/attention/{NAME}": as_file(fill(student, loops)),
        "nadia/nadia.zip": zipped(
            {
                f"homework/{NAME}": as_file(fill(student, helpers)),
                f"homework/.ipynb_checkpoints/{Path(NAME).stem}-checkpoint.ipynb": as_file(student),
                f"__MACOSX/homework/._{NAME}": b"\0\5\26\7",
            }
        ),
    }


def read_answers(style: str) -> Answers:
    """The answers in `answers/STYLE.py`, by question."""
    _, *blocks = (HERE / "answers" / f"{style}.py").read_text(encoding="utf-8").split(MARK)
    return {question: code.strip() + "\n" for question, _, code in (block.partition("\n") for block in blocks)}


def fill(student: Notebook, answers: Answers, after: Answers | None = None) -> Notebook:
    """A copy of the student notebook with answers in place of the stubs, and cells of the student's own after some."""
    notebook = copy.deepcopy(student)
    cells = []
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]].rstrip("\n")
        cells.append(cell)
        extra = (after or {}).get(cell["id"])
        if extra is not None:
            cells.append(own_cell(f"own-{cell['id']}", extra))
    missing = (answers.keys() | (after or {}).keys()) - {cell["id"] for cell in cells}
    if missing:
        raise ValueError(f"the notebook has no cell for {', '.join(sorted(missing))}")
    return {**notebook, "cells": cells}


def own_cell(name: str, source: str) -> dict[str, Any]:
    """A code cell that the student added."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": source.rstrip("\n"),
    }


def as_file(notebook: Notebook) -> bytes:
    """The notebook as Jupyter saves it."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive that is the same whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def stale(files: Mapping[str, bytes], folder: Path = CLASS) -> list[str]:
    """The files that are missing, different or no longer made."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    changed = {
        name for name, content in files.items() if name not in there or (folder / name).read_bytes() != content
    }
    return sorted(changed | (there - files.keys()))


def write(files: Mapping[str, bytes], folder: Path = CLASS) -> None:
    """Bring the folder up to date: write what changed, remove what is no longer made."""
    for name in stale(files, folder):
        path = folder / name
        if name not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(files[name])
        temporary.replace(path)


def main(arguments: list[str]) -> int:
    """Write the class, or with `--check` name what is stale."""
    files = make_class(json.loads(NOTEBOOK.read_text(encoding="utf-8")))
    if "--check" not in arguments:
        write(files)
        print(f"{len(files)} hand-ins in {CLASS.relative_to(HERE.parent)}")
        return 0
    for name in stale(files):
        print(f"stale  examples/class/{name}")
    return 1 if stale(files) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
