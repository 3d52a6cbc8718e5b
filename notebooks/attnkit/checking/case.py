"""One call of a learner's function (`Case`) and what came of it (`Outcome`): plain data, no behaviour.

Everything here can be written down as JSON and raw numbers (see `codec`), so that a case can be stored beside a
notebook or sent to a worker that runs the learner's code in another process.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Seed:
    """Stands for a `torch.Generator` seeded with `value` from which `used` numbers have been drawn, in a case's arguments."""

    value: int
    used: int = 0


@dataclass(frozen=True)
class TensorValue:
    """A torch tensor as plain numbers; `dtype` is torch's name without the prefix, such as `float32`."""

    data: np.ndarray
    dtype: str


def bounded(number: float) -> float:
    """The number itself, or infinity with its sign where it is beyond every float: nothing is compared further out."""
    try:
        float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return number


class Callback(ABC):
    """A function handed to the learner's function, such as a toy model; made of arrays only.

    Subclasses are dataclasses whose fields are arrays and scalars. `__call__` takes and returns torch tensors.
    """

    registry: ClassVar[dict[str, type[Callback]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Callback.registry[cls.__name__] = cls

    @abstractmethod
    def __call__(self, *args: Any) -> Any:
        """Answer one call of the learner's code, as the function this stands for would."""

    def in_numpy(self, *args: Any) -> Any:
        """The same for arguments as plain data, and its answer as plain data, where NumPy gives what torch would give.

        NotImplemented where only `__call__` can say what comes of these arguments.
        """
        return NotImplemented


@dataclass(frozen=True)
class Case:
    """One call: what is called, with which inputs, and what is watched while it runs.

    NumPy arrays in `args`, `kwargs` and `state` become torch tensors when `framework` is "torch"; floating ones are
    cast to `dtype` first. `init` (with `state`, a `load_state_dict` mapping) makes the target a module class:
    it is built with `init`, loaded, and then called (or its `method` is), in evaluation mode unless `training` is set.
    `earlier` are calls of the same function or module that come first: of these cases only the arguments are used.
    `value` asks for the name's value instead of a call. `verify` names one of `compare.VERIFIERS`, which then decides in
    place of the comparison with the right answer. `counts` holds, for functions with several results, one bool array per
    result (or None): numbers where it is False, such as states at padding, may be anything. `names` and `init_names` are
    what the parameters of the function and of the class are called in the stub, for messages.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    function: str | None = None
    init: tuple[Any, ...] | None = None
    init_kwargs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, np.ndarray] | None = None
    method: str | None = None
    training: bool = False
    earlier: tuple[Case, ...] = ()
    framework: str = "torch"
    dtype: str = "float64"
    gradient: bool = False
    count_lines: bool = False
    count_held: bool = False
    watch: tuple[str, ...] = ()
    value: bool = False
    raises: str | None = None
    verify: str = ""
    counts: tuple[np.ndarray | None, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    tolerance: float | None = None
    label: str = ""
    names: tuple[str, ...] = ()
    init_names: tuple[str, ...] = ()


BY_ITS_WORDS = frozenset({"dropped out"})
"""Verifiers that say what is wrong with a draw: two answers are alike by what is said of them, since no two draw the same."""


def argument_name(place: int, names: tuple[str, ...]) -> str:
    """What a message calls the argument at a place: its name in the stub, and its number where that is not known."""
    return f"`{names[place]}`" if place < len(names) else f"argument {place + 1}"


def named_arguments(case: Case) -> list[tuple[str, Any]]:
    """The arguments of a case, each with what a message calls it."""
    named = [(argument_name(place, case.names), value) for place, value in enumerate(case.args)]
    return named + [(f"`{name}`", value) for name, value in case.kwargs.items()]


@dataclass(frozen=True)
class Failure:
    """Why there is no value: `kind` is raised, unfinished, missing, state, timeout, died or refused."""

    kind: str
    type: str = ""
    message: str = ""
    line: str = ""


LEFT = "something that the check cannot watch"  # in the place of a name that a call kept from the watch


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    `value` nests tuples, lists and dicts of TensorValue, ndarray and Python scalars. `gradients` maps a path such as
    `args.0` or `state.W_q.weight` to the gradient there, or None where none arrived. `callback_calls` holds, call by
    call, the arguments the learner's code passed to a callback, and `callback_gradients` the gradients that reached
    its results. `earlier` holds what the case's earlier calls gave. `mutated` lists inputs that were changed, `lines`
    counts the steps (see `watch`) and `held` the largest number of bytes that tensors made by the call took at once,
    both when asked for, and `called` lists the watched functions that were called, or `LEFT`.
    """

    value: Any = None
    failure: Failure | None = None
    gradients: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    callback_calls: tuple[tuple[Any, ...], ...] = ()
    callback_gradients: tuple[np.ndarray | None, ...] = ()
    earlier: tuple[Any, ...] = ()
    mutated: tuple[str, ...] = ()
    lines: int | None = None
    held: int | None = None
    called: tuple[str, ...] = ()


class Remote(ABC):
    """A function or value that lives in another process; only `run` can be done with it.

    Comparing it, testing its truth or turning it into an array is refused, so that the code on the other side can
    never take part in a decision.
    """

    name: str

    @property
    def may_be_shown(self) -> bool:
        """Whether what `run` gives may be shown: not once the other side has been told inputs that are to stay hidden."""
        return False

    @abstractmethod
    def run(self, case: Case) -> Outcome:
        """Carry out `case` where the object lives."""

    def expect(self, calls: Sequence[tuple[Remote, Case]]) -> None:  # noqa: B027 (nothing need be done about it)
        """Take note that these calls, on objects of the same process, come next and in this order, if nothing goes wrong."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("a remote object cannot be compared")

    def __bool__(self) -> bool:
        raise TypeError("a remote object has no truth value")

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("a remote object is not an array")

    def __reduce__(self) -> Any:
        raise TypeError("a remote object cannot be pickled")

    @classmethod
    def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a remote object is not a tensor")

    __hash__ = object.__hash__
