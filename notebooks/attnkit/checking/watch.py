"""What is watched while a learner's function runs: what it calls, how many steps it takes, how much it holds at once.

A step is a line of Python or an operation of torch, so that a loop counts wherever it is written: in Python, in a `map`,
or in TorchScript. Torch's functions are noted twice, by name where Python calls them and again where torch carries
them out: an operation that comes from no function that was noted has been called behind the watch's back.

What is held are the bytes of the tensors that torch's operations made and that are still alive; views and inputs are
not counted, nor is what a kernel of torch's takes and gives back within one operation.

Threads and a switched-off trace are seen only where `strictly` was called, in the grader's worker: a notebook has
threads and debuggers of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnkit.checking.case import LEFT

_FAMILIES = {  # how the names begin, underscores aside, that mean the same shortcut
    "scaled_dot_product_attention": ("scaled_dot_product", "fused_sdp_choice", "safe_softmax"),
    "multi_head_attention_forward": ("multi_head_attention", "transformer_encoder_layer_fwd"),
    "_native_multi_head_attention": ("native_multi_head_attention",),
    "cross_entropy": ("cross_entropy",),
    "nll_loss": ("nll_loss",),
    "layer_norm": ("layer_norm", "native_layer_norm", "fused_layer_norm", "math_native_layer_norm"),
}
_TELLING = (
    *("mm", "bmm", "addmm", "baddbmm", "softmax", "log_softmax", "safe_softmax"),
    *("nll_loss", "scaled_dot_product", "native_layer_norm"),
)
_OTHER_THREADS = 100_000  # ns; the thread that measures has none of it


class Watch:
    """Watches one call: `called` are those of `names` that were called, or LEFT; `steps` and `most_held` if asked for."""

    def __init__(self, names: tuple[str, ...], count_steps: bool, count_held: bool = False) -> None:
        self.names = names
        self.count_steps = count_steps
        self.count_held = count_held
        self.called: list[str] = []
        self.steps = 0
        self.depth = 0
        self.most_held = 0
        self.held = 0
        self.alive: dict[weakref.ref[torch.UntypedStorage], int] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch during the block; nothing is done where there is nothing to watch for."""
        if not self.names and not self.count_steps and not self.count_held:
            yield
            return
        with contextlib.ExitStack() as stack:
            stack.enter_context(_Operations(self))
            stack.enter_context(_Functions(self))
            _WATCHES.append(self)
            stack.callback(_WATCHES.remove, self)
            stack.callback(self.alive.clear)
            before = _time_of_other_threads()
            if self.count_steps:
                stack.callback(set_trace, sys.gettrace())
                set_trace(self._count)
            yield
            if _STRICT and _time_of_other_threads()[0] - before[1] > _OTHER_THREADS:
                self.note(LEFT)

    def note(self, name: str) -> None:
        """Write down what was called, once."""
        if name not in self.called:
            self.called.append(name)

    def note_function(self, name: str) -> None:
        """Write down those of the watched names that a function's name stands for."""
        for watched in _watched_by(name, self.names):
            self.note(watched)

    def note_operation(self, name: str) -> None:
        """Count an operation of torch, and look at its name as at a function's."""
        self.steps += 1
        self.note_function(name)
        if not self.depth and name.partition("::")[2].lstrip("_").startswith(_TELLING):
            self.note(LEFT)

    def hold(self, made: Any, given: Any) -> None:
        """Add up what is alive once an operation has made its tensors; `given` are its arguments."""
        known = {tensor.untyped_storage()._cdata for tensor in _tensors(given)}
        for tensor in _tensors(made):
            storage = tensor.untyped_storage()
            if storage._cdata not in known:
                known.add(storage._cdata)
                self.alive[weakref.ref(storage, self._let_go)] = storage.nbytes()
                self.held += storage.nbytes()
        self.most_held = max(self.most_held, self.held)

    def _let_go(self, gone: weakref.ref[torch.UntypedStorage]) -> None:
        self.held -= self.alive.pop(gone, 0)

    def _count(self, frame: Any, event: str, argument: Any) -> Any:
        if not _is_counted(frame.f_code.co_filename):
            return None
        self.steps += 1
        return self._count


@lru_cache(maxsize=4096)
def _watched_by(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the watched names that a function's name stands for; few functions are called, and each many times."""
    parts = [part.lstrip("_") for part in name.replace("::", ".").split(".")]
    found = []
    for watched in names:
        family = _FAMILIES.get(watched)
        if any(part.startswith(family) if family else part == watched.lstrip("_") for part in parts):
            found.append(watched)
    return tuple(found)


class _Functions(TorchFunctionMode):
    """Sees every function of torch that Python calls."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.watch.note_function(resolve_name(func) or getattr(func, "__name__", ""))
        self.watch.depth += 1
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.watch.depth -= 1


class _Operations(TorchDispatchMode):
    """Sees every operation that torch carries out, wherever it was called from."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to be left alone by torch's compiler would cost seconds of imports."""
        return False

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.watch.note_operation(func.name())
        result = func(*args, **(kwargs or {}))
        if self.watch.count_held:
            self.watch.hold(result, (args, kwargs))
        return result


def most_held(function: Callable[..., Any], *args: Any) -> int:
    """The largest number of bytes that tensors made by `function(*args)` take at once, its result among them."""
    watch = Watch((), count_steps=False, count_held=True)
    with watch.watching():
        function(*args)
    return watch.most_held


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def strictly() -> None:
    """From now on, and for good, notice work in other threads, and whoever changes Python's tracing during a call."""
    global _STRICT
    if not _STRICT:
        _STRICT = True
        sys.addaudithook(_heard)


def set_trace(function: Callable[..., Any] | None) -> None:
    """`sys.settrace` as the watch itself uses it."""
    _OURS.append(True)
    try:
        sys.settrace(function)
    finally:
        _OURS.pop()


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("sys.settrace", "sys.setprofile") and not _OURS:
        for watch in _WATCHES:
            watch.note(LEFT)


@cache
def _is_counted(filename: str) -> bool:
    """Lines of libraries are not: how many there are depends on their version, and on what they do at first use."""
    if filename.startswith(_PACKAGE):  # wherever a grader has unpacked it
        return False
    if f"{os.sep}autograder{os.sep}" in filename:  # our own wrong answers, wherever the project is installed
        return True
    return not filename.startswith(_LIBRARIES) and not any(
        name in filename for name in ("site-packages", "dist-packages")
    )


def _time_of_other_threads() -> tuple[int, int]:
    """The processor time, in ns, that all threads of this process but this one have used: at least, and at most.

    The two clocks cannot be read at once, and what this thread does in between must not count as another's.
    """
    earlier, whole, later = time.thread_time_ns(), time.process_time_ns(), time.thread_time_ns()
    return whole - later, whole - earlier


_PACKAGE = str(Path(__file__).resolve().parents[1])
_LIBRARIES = (str(Path(contextlib.__file__).parent), "<frozen ")
_STRICT = False
_WATCHES: list[Watch] = []
_OURS: list[bool] = []
