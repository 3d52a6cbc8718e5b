"""Carry out one `Case` on a function of this process and record everything a check may want to know."""

from __future__ import annotations

import contextlib
import json
import linecache
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attnkit.checking.ambient import same_randomness, settled
from attnkit.checking.case import Callback, Case, Failure, Outcome, Remote, Seed, TensorValue, bounded

if TYPE_CHECKING:  # as `Watch` below: a grader that asks workers only is spared the import of torch
    from attnkit.checking.where import Track

MAX_CALLBACK_CALLS = 20_000
_MOST_TEXT = 4_000
_BLANK = re.compile(r"Exercise \d+\.\d+")  # how every stub's own error begins; torch raises NotImplementedError, too
_PACKAGE = str(Path(__file__).resolve().parents[1])


def execute(target: Any, case: Case, under: Track | None = None) -> Outcome:
    """Run `case` on `target`, a function, a module class, a value or a `Remote`; never raises for the learner's errors.

    Arguments are made on the CPU; results and gradients may lie on any device and are brought back from there. `under`
    follows where a function of this process makes its tensors.
    """
    if isinstance(target, Remote):
        return target.run(case)
    if case.value:
        return Outcome(value=to_value(target))
    if not callable(target):
        return Outcome(failure=Failure("missing", message="it is not a function"))
    with settled(), same_randomness() if case.training else contextlib.nullcontext():
        return _carried_out(target, case, under)


def announce(calls: Sequence[tuple[Any, Case]]) -> None:
    """Say which calls of `execute` come next, so that a `Remote` can be sent all of them at once."""
    if calls and all(isinstance(target, Remote) for target, _ in calls):
        calls[0][0].expect(calls)


def _carried_out(target: Any, case: Case, under: Track | None) -> Outcome:
    recorder = _Recorder(case)
    try:
        inputs = _Inputs(case, recorder, under)
        with recorder.watch.watching(), under or contextlib.nullcontext():
            result = inputs.call(target)
    except _StateMismatch as error:
        return Outcome(failure=Failure("state", message=str(error), line=error.found))
    except (Exception, SystemExit) as error:
        return Outcome(failure=describe_error(error))
    try:
        return recorder.outcome(result, inputs)
    except (Exception, SystemExit) as error:
        return Outcome(failure=describe_error(error))


def cotangent(shape: tuple[int, ...], index: int = 0, counts: tuple[np.ndarray | None, ...] = ()) -> np.ndarray:
    """The fixed weights (shape) with which output number `index` enters the scalar that is differentiated.

    They are 0 where `counts[index]` says that the output does not count.
    """
    weights = np.cos(1.0 + index + 0.7 * np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape)
    counted = counts[index] if index < len(counts) else None
    return weights if counted is None or counted.shape != shape else weights * counted


def to_value(result: Any) -> Any:
    """Turn what a learner returned into plain data: TensorValue, ndarray, scalars, tuples, lists and dicts."""
    if isinstance(result, torch.Tensor):
        data = result.detach().cpu().resolve_conj().resolve_neg()
        dtype = str(data.dtype).removeprefix("torch.")
        return TensorValue((data.float() if dtype == "bfloat16" else data).numpy().copy(), dtype)
    if isinstance(result, np.ndarray):
        return np.array(result, dtype=result.dtype.newbyteorder("="))
    if isinstance(result, np.longdouble):
        return float(result)
    if isinstance(result, np.generic):
        return to_value(result.item())
    if result is None or isinstance(result, bool | float | str):
        return result
    if isinstance(result, int):
        return bounded(result)
    if isinstance(result, tuple):
        return tuple(to_value(item) for item in result)
    if isinstance(result, list):
        return [to_value(item) for item in result]
    if isinstance(result, Mapping):
        return {str(key): to_value(item) for key, item in result.items()}
    if result is Ellipsis:
        return Failure("unfinished")
    return Failure("refused", type=type(result).__name__)


def describe_error(error: BaseException) -> Failure:
    """The error's type, text and the learner's own line where it arose; or that a stub's blank is still there."""
    line = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if not _is_library(frame.filename):
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    text = _safe_text(error)
    blank = isinstance(error, NotImplementedError) and _BLANK.match(text)
    return Failure("unfinished" if blank else "raised", type(error).__name__, text, line)


def _is_library(filename: str) -> bool:
    return "site-packages" in filename or filename.startswith(_PACKAGE) or "/lib/python" in filename


def _safe_text(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and isinstance(error.msg, str) and isinstance(error.lineno, int):
        return f"{error.msg[:500]}, line {error.lineno}"  # without the name that a notebook gives to a cell
    try:
        return str(error)[:500]
    except Exception:
        return "(its message could not be read)"


class _StateMismatch(Exception):
    """The module's parameters do not have the names and shapes that the exercise states; `found` are its own, as JSON."""

    def __init__(self, message: str, found: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__(message)
        self.found = json.dumps(found)[:_MOST_TEXT]


class _Inputs:
    """The arguments as the learner's function sees them, with what is needed to judge what it did to them."""

    def __init__(self, case: Case, recorder: _Recorder, under: Track | None = None) -> None:
        self.case = case
        self.under = under
        self.recorder = recorder
        self.leaves: dict[str, Any] = {}
        self.args = tuple(self._build(f"args.{i}", value) for i, value in enumerate(case.args))
        self.kwargs = {name: self._build(f"kwargs.{name}", value) for name, value in case.kwargs.items()}
        self.before = {path: _copy(leaf) for path, leaf in self.leaves.items()}

    def call(self, target: Any) -> Any:
        function = target if self.case.init is None else self._module(target)
        for case in self.case.earlier:
            same_kind = replace(case, dtype=self.case.dtype, framework=self.case.framework)
            earlier = _Inputs(same_kind, self.recorder)
            self.recorder.earlier.append(to_value(function(*earlier.args, **earlier.kwargs)))
        return function(*self.args, **self.kwargs)

    def mutated(self) -> tuple[str, ...]:
        return tuple(path for path, leaf in self.leaves.items() if not _same(leaf, self.before[path]))

    def differentiable(self) -> dict[str, torch.Tensor]:
        return {
            path: leaf for path, leaf in self.leaves.items() if isinstance(leaf, torch.Tensor) and leaf.requires_grad
        }

    def _module(self, target: Any) -> Callable[..., Any]:
        case = self.case
        module = target(*(case.init or ()), **case.init_kwargs)
        if isinstance(module, torch.nn.Module):
            module = module.to(getattr(torch, case.dtype)).train(case.training)
            if self.under is not None:
                self.under.moved(module)
            if case.state is not None:
                self._load(module, case.state)
                if case.gradient:
                    self.leaves |= {f"state.{name}": tensor for name, tensor in module.named_parameters()}
                    self.before |= {path: _copy(leaf) for path, leaf in self.leaves.items()}
        return getattr(module, case.method) if case.method else module

    def _load(self, module: torch.nn.Module, state: Mapping[str, np.ndarray]) -> None:
        wanted = {name: tuple(array.shape) for name, array in state.items()}
        found = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        if wanted != found:
            raise _StateMismatch(_state_message(wanted, found), found)
        module.load_state_dict({name: self._tensor(array) for name, array in state.items()})

    def _build(self, path: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            leaf = self._tensor(value) if self.case.framework == "torch" else self._cast(value)
            if self.case.gradient and isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
                leaf.requires_grad_()
            self.leaves[path] = leaf
            return leaf
        if isinstance(value, TensorValue):
            return torch.from_numpy(value.data.copy()).to(getattr(torch, value.dtype))
        if isinstance(value, Seed):
            generator = torch.Generator().manual_seed(value.value)
            torch.rand(value.used, generator=generator)
            return generator
        if isinstance(value, Callback):
            return self.recorder.listen(value)
        if isinstance(value, tuple | list):
            return type(value)(self._build(f"{path}.{i}", item) for i, item in enumerate(value))
        if isinstance(value, dict):
            return {name: self._build(f"{path}.{name}", item) for name, item in value.items()}
        return value

    def _cast(self, array: np.ndarray) -> np.ndarray:
        return array.astype(self.case.dtype) if array.dtype.kind == "f" else array.copy()

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._cast(array)))


class _Recorder:
    """Counts and collects while the learner's function runs."""

    def __init__(self, case: Case) -> None:
        from attnkit.checking.watch import Watch

        self.case = case
        self.calls: list[tuple[Any, ...]] = []
        self.results: list[torch.Tensor] = []
        self.earlier: list[Any] = []
        self.watch = Watch(case.watch, case.count_lines, case.count_held)

    def listen(self, callback: Callback) -> Callable[..., Any]:
        def heard(*args: Any) -> Any:
            if len(self.calls) >= MAX_CALLBACK_CALLS:
                raise RuntimeError("the function that was passed in has been called too often")
            self.calls.append(tuple(to_value(argument) for argument in args))
            result = callback(*args)
            if self.case.gradient and isinstance(result, torch.Tensor) and result.is_floating_point():
                if not torch.is_grad_enabled():
                    return result  # called without gradients, as a model would notice
                result = result.detach().requires_grad_()
                self.results.append(result)
            return result

        return heard

    def outcome(self, result: Any, inputs: _Inputs) -> Outcome:
        gradients: dict[str, np.ndarray | None] = {}
        if self.case.gradient:
            gradients = _gradients(result, {**inputs.differentiable(), **_numbered(self.results)}, self.case)
        callback_gradients = tuple(gradients.pop(path) for path in _numbered(self.results) if path in gradients)
        return Outcome(
            value=to_value(result),
            gradients=gradients,
            callback_calls=tuple(self.calls),
            callback_gradients=callback_gradients,
            earlier=tuple(self.earlier),
            mutated=inputs.mutated(),
            lines=self.watch.steps if self.case.count_lines else None,
            held=self.watch.most_held if self.case.count_held else None,
            called=tuple(self.watch.called),
        )


def _numbered(results: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"callback.{i}": result for i, result in enumerate(results)}


def _gradients(result: Any, leaves: dict[str, torch.Tensor], case: Case) -> dict[str, np.ndarray | None]:
    """Gradients of the sum of all floating outputs that count, each weighted by its `cotangent`, at every leaf."""
    outputs = result if isinstance(result, tuple | list) else (result,)
    scalar: Any = 0.0
    for index, output in enumerate(outputs):
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            weights = torch.from_numpy(cotangent(tuple(output.shape), index, case.counts)).to(output)
            scalar = scalar + (weights * output).sum().cpu()
    if not isinstance(scalar, torch.Tensor) or not scalar.requires_grad:
        return dict.fromkeys(leaves)
    found = torch.autograd.grad(scalar, list(leaves.values()), allow_unused=True)
    return {
        path: None if gradient is None else gradient.detach().cpu().double().numpy().copy()
        for path, gradient in zip(leaves, found, strict=True)
    }


def _copy(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, torch.Tensor) else np.array(leaf)


def _same(leaf: Any, before: Any) -> bool:
    if isinstance(leaf, torch.Tensor):
        now = leaf.detach().to(before.device)  # parameters may have been moved
        return leaf.shape == before.shape and bool(torch.equal(now.nan_to_num(), before.nan_to_num()))
    return leaf.shape == before.shape and bool(np.array_equal(leaf, before, equal_nan=leaf.dtype.kind == "f"))


def _state_message(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    if missing or extra:
        parts = [f"missing {', '.join(missing)}"] if missing else []
        parts += [f"not asked for {', '.join(extra)}"] if extra else []
        return "the parameters have other names than the stub states: " + "; ".join(parts)
    name = next(name for name in wanted if wanted[name] != found[name])
    return f"the parameter {name} has shape {found[name]} and should have {wanted[name]}"
