"""Cases and outcomes as JSON: arrays are handed to a `put` function and come back through a `get` function.

The public numbers keep arrays as nested lists in the JSON itself (`dumps`, `loads`); the grader's wire sends them as
raw buffers beside it. `unpack` trusts nothing: whatever it is given, it returns plain data or raises `CodecError`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from attnkit.checking.case import Callback, Case, Failure, Outcome, Seed, TensorValue, bounded
from attnkit.checking.compare import Difference, Expected, Output

DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
)
MAX_DEPTH = 24
MAX_ITEMS = 20_000
MAX_TEXT = 4_000

_RECORDS: dict[str, type] = {
    record.__name__: record for record in (Case, Outcome, Failure, Seed, TensorValue, Expected, Output, Difference)
}


class CodecError(ValueError):
    """The packed form is not one that `pack` makes."""


def pack(value: Any, put: Callable[[np.ndarray], Any]) -> Any:
    """Turn plain data into JSON-able objects; `put` stores an array and returns a JSON-able token for it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"int": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        value = value.astype(value.dtype.newbyteorder("="), copy=False)  # the raw bytes do not say their order
        return {
            "array": put(np.ascontiguousarray(value) if value.ndim else value),
            "dtype": _dtype_name(value.dtype),
            "shape": list(value.shape),
        }
    if isinstance(value, tuple):
        return {"tuple": [pack(item, put) for item in value]}
    if isinstance(value, list):
        return [pack(item, put) for item in value]
    if isinstance(value, dict):
        return {"dict": {str(key): pack(item, put) for key, item in value.items()}}
    name = type(value).__name__
    if isinstance(value, Callback):
        return {"callback": name, "fields": _pack_fields(value, put)}
    if name in _RECORDS:
        return {"record": name, "fields": _pack_fields(value, put)}
    raise TypeError(f"{name} cannot be packed")


def unpack(packed: Any, get: Callable[[Any, str, tuple[int, ...]], np.ndarray], depth: int = 0) -> Any:
    """The inverse of `pack`; `get(token, dtype, shape)` returns an array. Raises only `CodecError`."""
    if depth > MAX_DEPTH:
        raise CodecError("nested too deeply")
    if packed is None or isinstance(packed, bool | float):
        return packed
    if isinstance(packed, int):
        return bounded(packed)
    if isinstance(packed, str):
        return packed[:MAX_TEXT]
    if isinstance(packed, list):
        return [unpack(item, get, depth + 1) for item in _bounded(packed)]
    if not isinstance(packed, dict):
        raise CodecError("not a packed value")
    try:
        return _unpack_tagged(packed, get, depth)
    except CodecError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CodecError(f"malformed: {type(error).__name__}") from None


def dumps(value: Any) -> str:
    """Write plain data as JSON text with arrays as nested lists."""
    return json.dumps(pack(value, _to_list), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def loads(text: str) -> Any:
    """Read what `dumps` wrote; raises `CodecError` when it is something else."""
    try:
        return unpack(json.loads(text), _from_list)
    except json.JSONDecodeError as error:
        raise CodecError("not JSON") from error


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name


def _pack_fields(value: Any, put: Callable[[np.ndarray], Any]) -> dict[str, Any]:
    """Only the fields that differ from their default, so that files stay short."""
    packed = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if not isinstance(item, np.ndarray) and _is_default(field, item):
            continue
        packed[field.name] = pack(dict(item) if hasattr(item, "keys") else item, put)
    return packed


def _is_default(field: dataclasses.Field[Any], item: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return type(item) is type(field.default) and item == field.default
    return field.default_factory is dict and item == {}


def _unpack_tagged(packed: dict[str, Any], get: Callable[[Any, str, tuple[int, ...]], np.ndarray], depth: int) -> Any:
    if "tuple" in packed:
        return tuple(unpack(item, get, depth + 1) for item in _bounded(packed["tuple"]))
    if "dict" in packed:
        return {_text(key): unpack(item, get, depth + 1) for key, item in _bounded(packed["dict"]).items()}
    if "array" in packed:
        if packed["dtype"] not in DTYPES:
            raise CodecError("a number type that is not allowed")
        shape = tuple(packed["shape"])
        if len(shape) > 16 or not all(type(size) is int and 0 <= size < 2**32 for size in shape):
            raise CodecError("a shape that cannot be")
        return get(packed["array"], packed["dtype"], shape)
    if "int" in packed:
        return bounded(int(_text(packed["int"])))
    if "float" in packed:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[packed["float"]]
    if "record" in packed or "callback" in packed:
        known = _RECORDS if "record" in packed else Callback.registry
        kind = known[packed.get("record") or packed["callback"]]
        fields = {_text(name): unpack(item, get, depth + 1) for name, item in packed["fields"].items()}
        return kind(**fields)
    raise CodecError("an unknown tag")


def _bounded(items: Any) -> Any:
    if not isinstance(items, list | dict) or len(items) > MAX_ITEMS:
        raise CodecError("too many items")
    return items


def _text(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise CodecError("not a short text")
    return text


def _to_list(array: np.ndarray) -> Any:
    if array.dtype.kind == "f":
        return [float(repr(float(x))) if math.isfinite(x) else repr(float(x)) for x in array.ravel()]
    if array.dtype.kind == "c":
        return [str(complex(x)) for x in array.ravel()]
    return array.ravel().tolist()


def _from_list(token: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    read = complex if dtype.startswith("complex") else float
    numbers = [read(x) if isinstance(x, str) else x for x in token]
    return np.asarray(numbers, dtype=dtype).reshape(shape)
