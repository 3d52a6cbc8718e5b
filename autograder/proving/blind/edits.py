"""How a blind corpus is written: the right answer to each question as a learner would write it, and edits that spoil it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

Edit = tuple[str, ...]
"""What to replace and what with, in turns: (old, new) or (old, new, old, new, …)."""


def spoiled(right: str, edit: Edit) -> str:
    """The source `right` after the edit; raises ValueError where an edit changes nothing."""
    source = right
    for old, new in zip(edit[::2], edit[1::2], strict=True):
        if old not in source:
            raise ValueError(f"{old!r} is not in the right answer")
        source = source.replace(old, new)
    return source


def run(source: str, before: str = "") -> dict[str, Any]:
    """What the source defines, after the parts that it builds on."""
    room: dict[str, Any] = {"math": math, "np": np, "torch": torch, "nn": nn, "F": F, "__name__": "blind"}
    exec(compile(before, "<before>", "exec"), room)  # the corpus is our own text
    known = set(room)
    fresh: dict[str, Any] = {}
    exec(compile(source, "<blind>", "exec"), room)
    for name, value in room.items():
        if f"def {name}(" in source or f"class {name}(" in source or f"\n{name} =" in "\n" + source:
            fresh[name] = value
    return fresh or {name: room[name] for name in room if name not in known}


def answers(
    right: Mapping[str, str], wrong: Mapping[str, Mapping[str, Edit]], needs: Mapping[str, tuple[str, ...]]
) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Every wrong answer as (what is wrong, what it defines by name), by question."""
    return {
        question: [
            (says, run(spoiled(right[question], edit), "\n".join(right[need] for need in needs.get(question, ()))))
            for says, edit in edits.items()
        ]
        for question, edits in wrong.items()
    }
