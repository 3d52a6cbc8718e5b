"""Collect the attention weights of every attention module while a model runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


@contextlib.contextmanager
def collected_weights(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """A dict that fills with weights (B, H, T, S) by module name, such as `decoder.0.cross_attention`, as `model` runs.

    A module counts when it returns (output, weights) with weights of four axes. Later calls replace earlier ones.
    """
    found: dict[str, Tensor] = {}

    def listen(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, tuple) and len(output) == 2 and isinstance(output[1], Tensor) and output[1].ndim == 4:
                found[name] = output[1].detach()

        return hook

    handles = [module.register_forward_hook(listen(name)) for name, module in model.named_modules() if name]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
