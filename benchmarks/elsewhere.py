"""A second device on a machine that has one: tensors that say they lie elsewhere, and keep their numbers on the CPU.

torch's meta device has shapes and no numbers, so that code that looks at numbers cannot run on it, and half of the
answers do. Here a tensor of the meta device holds one of the CPU, on which every operation is carried out. What a GPU
refuses is refused: operands on two devices (a single number may lie on the CPU, and an index), a generator of another
device, numbers handed to NumPy. What a GPU computes otherwise, such as TF32, cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

NAME = "meta"
_PLACE = torch.device(NAME)
_CPU = torch.device("cpu")
_FROM_NUMBERS = (torch.tensor, torch.as_tensor, torch.asarray, torch.scalar_tensor, torch.Tensor.new_tensor)
_MOVES = ("copy_", "_to_copy")
_BY_INDEX = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")


class Elsewhere(torch.Tensor):
    """A tensor on the pretended device; `held` has its numbers."""

    held: torch.Tensor
    __torch_function__: Any = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Elsewhere:
        layout: dict[str, Any] = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(cls, held.shape, device=_PLACE, **layout)
        made.held = held
        return made

    @property
    def data(self) -> Any:
        """The same numbers, apart from gradients; `Module.to` sets them anew."""
        return self.detach()

    @data.setter
    def data(self, other: Any) -> None:
        torch.Tensor.data.__set__(self, other)  # type: ignore[attr-defined]  # it is a descriptor of C
        self.held = other.held

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return _carried_out(func, args, kwargs or {})

    def tolist(self) -> Any:
        """The numbers, which torch does not give for a subclass."""
        return self.held.tolist()

    def __repr__(self) -> str:  # type: ignore[override]
        return f"{self.held!r}, elsewhere"


class Generator(torch.Generator):
    """A generator that may be of the pretended device; its numbers are those of the CPU."""

    place: torch.device

    def __new__(cls, device: Any = _CPU) -> Generator:
        made: Generator = super().__new__(cls)
        made.place = torch.device(device)
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it says that it is."""
        return self.place


@contextmanager
def elsewhere() -> Iterator[None]:
    """While it lasts, tensors can be made on the device called `NAME` and moved there, with their numbers."""
    with ExitStack() as stack:
        stack.callback(setattr, torch, "Generator", torch.Generator)
        torch.Generator = Generator  # type: ignore[misc]
        stack.enter_context(_Operations())
        stack.enter_context(_Functions())
        yield


class _Operations(TorchDispatchMode):
    """Sees what is made from nothing, and what only has tensors of the CPU."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to be left alone by torch's compiler would cost seconds of imports."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _carried_out(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Two things that no operation shows: the numbers of `torch.tensor` and its like, and whose a generator is."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        place = kwargs.get("device")
        if place is None:
            place = next((item.device for item in args if isinstance(item, torch.Tensor)), None)
        place = torch.get_default_device() if place is None else torch.device(place)
        generator = kwargs.get("generator")
        if generator is not None and generator.device.type != place.type:
            raise RuntimeError(f"a generator of {generator.device} cannot draw numbers that lie on {place}")
        return self._from_numbers(func, args, kwargs, place) if func in _FROM_NUMBERS else func(*args, **kwargs)

    def _from_numbers(self, func: Any, args: Any, kwargs: dict[str, Any], place: torch.device) -> Any:
        kwargs.pop("device", None)
        numbers = args[1] if func is torch.Tensor.new_tensor else args[0]
        if isinstance(numbers, torch.Tensor):
            moved = numbers.to(place, kwargs.get("dtype"))
            return moved.clone() if func in (torch.tensor, torch.Tensor.new_tensor) and moved is numbers else moved
        if func is torch.Tensor.new_tensor:
            func, kwargs = torch.tensor, {"dtype": args[0].dtype, **kwargs}
        return func(numbers, **kwargs, device=_CPU).to(place)


def _carried_out(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Run one operation on the CPU; its result lies where it would lie."""
    name = func._schema.name.removeprefix("aten::")
    given = [item for item in tree_leaves((args, kwargs)) if isinstance(item, torch.Tensor)]
    there = any(isinstance(item, Elsewhere) for item in given)
    asked = kwargs.get("device")
    if asked is not None:
        there = torch.device(asked) == _PLACE
    elif there and name not in _MOVES:
        _check_places(name, given[:1] if name in _BY_INDEX else given)
    result = func(*_held(args), **_held({**kwargs, "device": _CPU} if asked is not None else kwargs))
    if name == "copy_" and not isinstance(args[0], Elsewhere):
        return args[0]
    return return_and_correct_aliasing(func, args, kwargs, _placed(result)) if there else result


def _check_places(name: str, given: list[torch.Tensor]) -> None:
    """A GPU takes a single number of the CPU beside its own tensors, and no other; it writes into none of the CPU's."""
    if any(
        not isinstance(item, Elsewhere) and (item.dim() or (item is given[0] and name.endswith("_"))) for item in given
    ):
        raise RuntimeError(f"{name} has tensors of two devices, {NAME} and cpu: all must lie on the same device")


def _placed(value: Any) -> Any:
    """What a wrapper does not know of its tensor, that it is to be read conjugated or negated, is carried out."""
    return tree_map_only(torch.Tensor, lambda item: Elsewhere(item.resolve_conj().resolve_neg()), value)


def _held(value: Any) -> Any:
    return tree_map_only(Elsewhere, lambda item: item.held, value)
