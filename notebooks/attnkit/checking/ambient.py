"""The state of the whole process that a check needs: set for as long as it runs, and put back as it was found."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator

import numpy as np
import torch

_USUAL_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
ROUNDED = {"high": "TF32", "medium": "bfloat16"}  # what products of float32 are rounded to, by torch's words for it


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Gradients on, float32 and the CPU as defaults, no autocast or TF32, warnings and NumPy's errors as in a new Python.

    What the notebook had set is put back at the end, also where the learner's function itself changed it.
    """
    dtype, device, precision = torch.get_default_dtype(), torch.get_default_device(), matmul_precision()
    usual = np.errstate(**_USUAL_ERRORS)  # type: ignore[arg-type]  # a mapping of its own words
    with torch.inference_mode(False), torch.enable_grad(), usual, warnings.catch_warnings(), contextlib.ExitStack() as stack:
        for kind in kinds_of_device():
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        try:
            if precision in ROUNDED:
                torch.set_float32_matmul_precision("highest")
            if dtype != torch.float32:
                torch.set_default_dtype(torch.float32)
            if not _is_cpu(device):
                torch.set_default_device(None)
            yield
        finally:
            _back_to_device(device)
            torch.set_default_dtype(dtype)
            if precision in ROUNDED:
                torch.set_float32_matmul_precision(precision)


def kinds_of_device() -> tuple[str, ...]:
    """The CPU and the accelerator of this machine, if there is one."""
    if not hasattr(torch, "accelerator") or not torch.accelerator.is_available():
        return ("cpu",)  # to be asked for it without one is an error in torch 2.6
    accelerator = torch.accelerator.current_accelerator()
    return ("cpu", accelerator.type) if accelerator is not None else ("cpu",)


def matmul_precision() -> str:
    """How torch multiplies matrices of float32: "highest", or rounded, "high" to TF32 and "medium" to bfloat16."""
    try:
        return str(torch.get_float32_matmul_precision())
    except RuntimeError:  # set for each backend in torch's newer way, which the older one does not read
        return "high" if getattr(torch.backends.cuda.matmul, "fp32_precision", "ieee") == "tf32" else "highest"


def _is_cpu(device: torch.device) -> bool:
    return device == torch.device("cpu")


def _back_to_device(device: torch.device) -> None:
    if torch.get_default_device() != device:
        torch.set_default_device(None if _is_cpu(device) else device)


def reseed() -> None:
    """Let the global generators of the CPU begin as they do at every check."""
    torch.default_generator.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@contextlib.contextmanager
def same_randomness() -> Iterator[None]:
    """The same global random numbers at every check, and afterwards those that the notebook would have had without it."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    reseed()
    if on_gpu is not None:
        torch.cuda.manual_seed_all(0)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        if on_gpu is not None:
            torch.cuda.set_rng_state_all(on_gpu)
        np.random.set_state(states[1])
        random.setstate(states[2])


def _is_common(kind: type[Warning] | tuple[type[Warning], ...]) -> bool:
    """Whether a filter for this kind of warning meets code that computes; IPython has one for a kind of its own."""
    return any(issubclass(common, kind) for common in (UserWarning, RuntimeWarning, DeprecationWarning, FutureWarning))


def disturbances() -> tuple[str, ...]:
    """What is set in this process that would change the answers of right code, in one sentence each."""
    found = []
    if torch.is_inference_mode_enabled():
        found.append("an inference mode is open in this notebook, by torch.inference_mode")
    elif not torch.is_grad_enabled():
        found.append("gradients are switched off in this notebook, by torch.set_grad_enabled(False) or torch.no_grad()")
    if any(torch.is_autocast_enabled(kind) for kind in kinds_of_device()):
        found.append("autocast is on in this notebook, by torch.autocast")
    if (precision := matmul_precision()) in ROUNDED:
        how = f"torch.set_float32_matmul_precision({precision!r})"
        found.append(f"matrix products are rounded to {ROUNDED[precision]} in this notebook, by {how}")
    if torch.get_default_dtype() != torch.float32:
        dtype = str(torch.get_default_dtype()).removeprefix("torch.")
        found.append(f"new tensors are {dtype} in this notebook, by torch.set_default_dtype")
    if not _is_cpu(torch.get_default_device()):
        found.append(f"new tensors are made on {torch.get_default_device()} in this notebook, by torch.set_default_device")
    if np.geterr() != _USUAL_ERRORS:
        found.append("NumPy treats overflow and NaN in another way in this notebook, by np.seterr")
    if any(action == "error" and _is_common(kind) for action, _, kind, *_ in warnings.filters):
        found.append("warnings are errors in this notebook, by warnings.simplefilter or filterwarnings")
    return tuple(found)
