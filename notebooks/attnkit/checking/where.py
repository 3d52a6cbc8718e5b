"""Where a function makes its tensors, and how exactly it computes: found on any machine, with a GPU or without.

A tensor that is made without a device lies on the CPU. On a CPU nobody notices; on a GPU it meets the arguments, which
lie there, and torch refuses. `Track` follows every tensor from where it is made to where it meets an argument, so that
this is seen without a GPU. Moving is allowed, 0-dimensional tensors mix with all, and an index may lie on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from attnkit.checking.ambient import ROUNDED, kinds_of_device, matmul_precision

MADE_BY = frozenset(
    """arange as_tensor bartlett_window blackman_window empty empty_permuted empty_strided eye full hamming_window
    hann_window kaiser_window linspace logspace normal ones rand randint randn randperm range scalar_tensor tensor
    tril_indices triu_indices zeros""".split()
)
_TAKES_THE_FIRST = ("__getitem__", "__setitem__", "copy_", "__get__", "set_")
_MOVES = ("to", "cuda", "cpu", "type_as")


class Track(TorchFunctionMode):
    """While it is entered: `met` is the function whose tensor, made without a device, met an argument; "" if none did.

    `rounded` says what numbers are rounded to inside: "TF32", or "bfloat16" or "float16" by autocast, or "".
    """

    def __init__(self) -> None:
        super().__init__()
        self.met = ""
        self.rounded = ""
        self._made: Any = WeakTensorKeyDictionary()

    def moved(self, module: torch.nn.Module) -> None:
        """The parameters and buffers of a module go where the module goes."""
        for tensor in (*module.parameters(), *module.buffers()):
            self._made.pop(tensor, None)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        self.rounded = self.rounded or _rounded_here()
        given = list(_tensors((args, kwargs)))
        origin = self._origin(name, args, kwargs, given)
        result = func(*args, **kwargs)
        for tensor in _tensors(result):
            if origin:
                self._made[tensor] = origin
            elif name in _MOVES or not any(tensor is other for other in given):
                self._made.pop(tensor, None)  # a move to where it lies already returns the tensor itself
        return result

    def _origin(self, name: str, args: Any, kwargs: Mapping[str, Any], given: list[torch.Tensor]) -> str:
        """The function that made the result without a device, or "" for one that lies where the arguments do."""
        if not given:
            return name if name in MADE_BY and kwargs.get("device") in (None, "cpu") else ""
        if name in _MOVES and _names_a_place(args[1:], kwargs):
            return ""
        if name in _TAKES_THE_FIRST:
            return str(self._made.get(given[0], ""))
        counted = [tensor for tensor in given if tensor.dim()] or given
        made = [self._made[tensor] for tensor in counted if tensor in self._made]
        if made and len(made) < len(counted):
            self.met = self.met or made[0]
        return str(made[0]) if made and len(made) == len(counted) else ""


def _rounded_here() -> str:
    """What numbers are rounded to at this moment."""
    for kind in kinds_of_device():
        if torch.is_autocast_enabled(kind):
            return str(torch.get_autocast_dtype(kind)).removeprefix("torch.")
    return ROUNDED.get(matmul_precision(), "")


def _names_a_place(args: Any, kwargs: Mapping[str, Any]) -> bool:
    places = (*args, kwargs.get("device"), kwargs.get("other"))
    return any(isinstance(place, str | torch.device | torch.Tensor) for place in places) or not (args or kwargs)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
