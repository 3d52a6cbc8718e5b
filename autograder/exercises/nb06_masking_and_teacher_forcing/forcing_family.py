"""What exercises 6.3 to 6.6 share: special tokens, and right answers that 6.5 builds on."""

from __future__ import annotations

from typing import Any

import torch


def shift_cat(y: Any, bos: int) -> Any:
    return torch.cat([torch.full_like(y[:, :1], bos), y[:, :-1]], dim=1)


def shift_pad(y: Any, bos: int, *, keep: int = -1) -> Any:
    return torch.nn.functional.pad(y[:, :keep], (1, 0), value=bos)


def entropy_one_hot(logits: Any, y: Any, ignore_index: int) -> Any:
    V = logits.shape[-1]
    one_hot = (y.unsqueeze(-1) == torch.arange(V)) & (y != ignore_index).unsqueeze(-1)
    return -(one_hot * logits.log_softmax(dim=-1)).sum() / one_hot.sum().clamp(min=1)


BOS, EOS, PAD_ID = 1, 2, 0
