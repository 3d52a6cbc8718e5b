"""One right array beside what was found in its place, with the names that its axes and sizes have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from attnkit.checking.case import Case, TensorValue, named_arguments
from attnkit.checking.compare import Output, close, differing


@dataclass(frozen=True, eq=False)
class Pair:
    """The right array `one` and the found array `other` of one case and output."""

    one: np.ndarray
    other: np.ndarray
    case: Case
    output: Output

    def fits(self, made: Any) -> bool:
        """Whether `made`, computed from the right array, is what was found."""
        made = np.asarray(made)  # what is computed from one number is no array
        return made.shape == self.other.shape and close(made, self.other, self.case)

    @cached_property
    def right(self) -> bool:
        """Whether the numbers are right."""
        return self.one.shape == self.other.shape and not self.wrong.any()

    @cached_property
    def wrong(self) -> np.ndarray:
        """Where the numbers differ; for arrays of one shape."""
        return differing(self.one, self.other, self.case)

    @cached_property
    def numeric(self) -> bool:
        """Whether both hold finite numbers and not truth values."""
        return (
            self.one.dtype.kind in "iuf"
            and self.other.dtype.kind in "iuf"
            and bool(np.isfinite(self.one).all())
            and bool(np.isfinite(self.other).all())
        )

    @cached_property
    def varied(self) -> int:
        """How many different numbers the right array holds."""
        return len(np.unique(np.round(self.one.astype(np.float64), 9))) if self.one.dtype.kind in "iufb" else 0

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """A name for every axis of the right array: as declared, else by its length, else by its place."""
        count, declared = self.one.ndim, self.output.axes
        names: list[str] = [f"axis {i}" for i in range(count)]
        sizes = list(self.case.sizes.values())
        known = {size: name for name, size in self.case.sizes.items() if size > 1 and sizes.count(size) == 1}
        names = [known.get(size, name) for name, size in zip(names, self.one.shape, strict=True)]
        tail = declared[declared.index("...") + 1 :] if "..." in declared else declared
        if "..." in declared or len(declared) == count:
            for i, name in enumerate(reversed(tail), start=1):
                if i <= count:
                    names[count - i] = name
        return tuple(names)

    @cached_property
    def inputs(self) -> list[tuple[str, np.ndarray]]:
        """The arrays of the call, as the learner's function sees them, under the names by which a message may call them."""
        found = named_arguments(self.case)
        return [(name, array) for name, value in found if (array := plain(value)) is not None and array.ndim]

    def masks(self) -> Iterator[tuple[str, np.ndarray]]:
        """The boolean inputs that can be laid over the right array or over its rows."""
        for name, array in self.inputs:
            if array.dtype.kind != "b":
                continue
            for laid in (array, array[..., None], array[:, None, None, :] if array.ndim == 2 else array):
                try:
                    yield name, np.broadcast_to(laid, self.one.shape)
                except ValueError:
                    continue


def plain(value: Any) -> np.ndarray | None:
    """A returned value as an array of numbers or truth values; None when it is none."""
    if isinstance(value, TensorValue):
        value = value.data
    if isinstance(value, bool | int | float | np.generic | list):
        try:
            value = np.asarray(value)
        except (ValueError, OverflowError):
            return None
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else None
