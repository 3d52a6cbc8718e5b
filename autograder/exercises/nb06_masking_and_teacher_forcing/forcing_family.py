"""What exercises 6.3 to 6.6 share: special tokens, and right answers that 6.5 builds on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from attnkit.checking.probes import NextTokenTable


def shift_cat(y: Any, bos: int) -> Any:
    return torch.cat([torch.full_like(y[:, :1], bos), y[:, :-1]], dim=1)


def shift_pad(y: Any, bos: int, *, keep: int = -1) -> Any:
    return torch.nn.functional.pad(y[:, :keep], (1, 0), value=bos)


def entropy_one_hot(logits: Any, y: Any, ignore_index: int) -> Any:
    V = logits.shape[-1]
    one_hot = (y.unsqueeze(-1) == torch.arange(V)) & (y != ignore_index).unsqueeze(-1)
    return -(one_hot * logits.log_softmax(dim=-1)).sum() / one_hot.sum().clamp(min=1)


BOS, EOS, PAD_ID = 1, 2, 0


def with_long_sources(model: NextTokenTable, B: int) -> tuple[NextTokenTable, np.ndarray]:
    """The model with one more source token, which adds nothing, and sources (B, B + 1) that begin with 0 to B − 1 and have it behind."""
    src = np.full((B, B + 1), len(model.source))
    src[:, 0] = np.arange(B)
    return replace(model, source=np.concatenate([model.source, np.zeros_like(model.source[:1])])), src
