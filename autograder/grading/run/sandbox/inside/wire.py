"""The wire between grader and worker: frames of a JSON head and raw numbers, read as if a stranger had written them.

A frame is a fixed prefix (length of head, length of payload), the head (kind, ticket, packed body, buffer sizes) and
the payload (all arrays, one after another). Nothing is ever unpickled. Whatever the other side sends, reading gives
plain data or raises `WireError`; silence raises `WireTimeoutError`, and the end of the stream `WireClosedError`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnkit.checking import codec

MAX_HEAD = 4 * 2**20
MAX_PAYLOAD = 64 * 2**20
MAX_BUFFERS = 5_000
_PREFIX = struct.Struct("!4sIQ")
_MAGIC = b"attn"
_CHUNK = 2**16
_MEANWHILE = 0.25
_ROOM = 64 * 2**10  # of a head, for what is not the body


def _refuse(name: str) -> Any:
    raise ValueError(name)


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse)


class WireError(Exception):
    """The other side sent something that is not a frame, or the frame to send is too large."""


class BodyError(WireError):
    """The frame is whole, but what is in it is not what it should be."""


class WireTimeoutError(Exception):
    """The other side did not answer in time."""


class WireClosedError(Exception):
    """The other side is gone."""


@dataclass(frozen=True)
class Frame:
    """One message: `kind` says what it is, `ticket` repeats what the request carried, `body` is plain data."""

    kind: str
    ticket: str
    body: Any = None


@dataclass(frozen=True)
class Parcel:
    """A body in the form in which it is sent, made once for a body that is sent often."""

    packed: bytes
    sizes: bytes
    payload: bytes


def wrap(body: Any) -> Parcel:
    """Pack plain data; raises WireError when it is larger than the other side accepts, or cannot be packed."""
    buffers: list[bytes] = []

    def put(array: np.ndarray) -> int:
        buffers.append(array.tobytes())
        return len(buffers) - 1

    try:
        packed = _ENCODER.encode(codec.pack(body, put)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"it cannot be sent: {type(error).__name__}") from error
    sizes = [len(buffer) for buffer in buffers]
    if len(packed) > MAX_HEAD - _ROOM or sum(sizes) > MAX_PAYLOAD or len(sizes) > MAX_BUFFERS:
        raise WireError("it is too large to be sent")
    return Parcel(packed, _ENCODER.encode(sizes).encode(), b"".join(buffers))


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, whose body may be wrapped already; raises WireError."""
    parcel = frame.body if isinstance(frame.body, Parcel) else wrap(frame.body)
    label = _ENCODER.encode([frame.kind, frame.ticket]).encode()
    head = b"".join((label[:-1], b",", parcel.packed, b",", parcel.sizes, b"]"))
    return b"".join((_PREFIX.pack(_MAGIC, len(head), len(parcel.payload)), head, parcel.payload))


def decode_prefix(prefix: bytes) -> tuple[int, int]:
    """The lengths of head and payload that a prefix announces; raises WireError."""
    if len(prefix) != _PREFIX.size:
        raise WireError("a frame that ends early")
    magic, head, payload = _PREFIX.unpack(prefix)
    if magic != _MAGIC or head > MAX_HEAD or payload > MAX_PAYLOAD:
        raise WireError("not a frame")
    return head, payload


def decode(head: bytes, payload: bytes) -> Frame:
    """A frame from its head and payload; raises BodyError, and nothing else, when they do not fit together."""
    try:
        parts = _DECODER.decode(head.decode())
    except (ValueError, RecursionError):
        raise BodyError("the head is not JSON") from None
    if not isinstance(parts, list) or len(parts) != 4:
        raise BodyError("the head has another form")
    kind, ticket, packed, sizes = parts
    if not _is_short_text(kind) or not _is_short_text(ticket):
        raise BodyError("the head has another form")
    get = _Buffers(sizes, payload)
    try:
        body = codec.unpack(packed, get)
    except (codec.CodecError, RecursionError):
        raise BodyError("the body is not packed data") from None
    return Frame(kind, ticket, body)


class Channel:
    """Frames over two file descriptors, which may be one; time limits are deadlines of `time.monotonic`.

    `meanwhile` is called several times a second while waiting, and may raise WireError to end it.
    """

    def __init__(self, reading: int, writing: int, meanwhile: Callable[[], None] | None = None) -> None:
        self._reading = reading
        self._writing = writing
        self._meanwhile = meanwhile
        self._arrived = bytearray()
        self._ahead = bytearray()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)

    def send(self, frame: Frame, deadline: float = math.inf) -> None:
        """Write one frame; raises WireError, WireTimeoutError or WireClosedError."""
        self.write(encode(frame), deadline)

    def write(self, frames: bytes, deadline: float = math.inf, ahead: bytes = b"") -> None:
        """Write frames that are encoded already; raises WireTimeoutError or WireClosedError.

        What is sent `ahead` is not waited for: it goes out where there is room, now or while something is received. So two
        that write to each other never wait for each other.
        """
        rest = memoryview(bytes(self._ahead) + frames + ahead)
        while len(rest) > len(ahead):
            try:
                rest = rest[os.write(self._writing, rest[:_CHUNK]) :]
            except BlockingIOError:
                self._wait(self._writing, select.POLLOUT, deadline)
            except OSError as error:
                raise WireClosedError(str(error)) from None
        self._ahead = bytearray(rest)

    def receive(self, deadline: float = math.inf) -> Frame:
        """Read one frame; raises WireError, WireTimeoutError or WireClosedError."""
        head, payload = decode_prefix(self._take(_PREFIX.size, deadline))
        return decode(self._take(head, deadline), self._take(payload, deadline))

    def look(self) -> None:
        """Read what is there and do not wait; fails where this process can neither ask for that any more nor read it."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        poll.poll(0)
        with contextlib.suppress(BlockingIOError):
            self._arrived += os.read(self._reading, _CHUNK)

    def close(self) -> None:
        """Close both descriptors."""
        for descriptor in {self._reading, self._writing}:
            os.close(descriptor)

    def _take(self, count: int, deadline: float) -> bytes:
        """The next `count` bytes; what arrives beyond them is kept for the next time."""
        while len(self._arrived) < count:
            self._wait(self._reading, select.POLLIN, deadline)
            if self._ahead:
                self._write_ahead()
            try:
                part = os.read(self._reading, _CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise WireClosedError(str(error)) from None
            if not part:
                raise WireClosedError("the other side is gone")
            self._arrived += part
        taken = bytes(memoryview(self._arrived)[:count])
        del self._arrived[:count]
        return taken

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        """Return when the descriptor is ready, or raise WireTimeoutError."""
        poll = select.poll()
        if self._ahead:
            poll.register(self._writing, select.POLLOUT)
        poll.register(descriptor, event | select.POLLOUT if self._ahead and descriptor == self._writing else event)
        while True:
            left = min(deadline - time.monotonic(), math.inf if self._meanwhile is None else _MEANWHILE)
            if poll.poll(None if left == math.inf else max(0, math.ceil(left * 1000))):
                return
            if time.monotonic() >= deadline:
                raise WireTimeoutError("no answer in time")
            if self._meanwhile is not None:
                self._meanwhile()

    def _write_ahead(self) -> None:
        try:
            del self._ahead[: os.write(self._writing, self._ahead[:_CHUNK])]
        except BlockingIOError:
            return
        except OSError:
            self._ahead.clear()  # whoever does not read any more may have answered before: reading tells


class _Buffers:
    """Hands out the arrays of one payload, each once and only with the size it was sent with."""

    def __init__(self, sizes: Any, payload: bytes) -> None:
        if not isinstance(sizes, list) or len(sizes) > MAX_BUFFERS:
            raise BodyError("too many buffers")
        if not all(type(size) is int and 0 <= size <= MAX_PAYLOAD for size in sizes) or sum(sizes) != len(payload):
            raise BodyError("the buffers do not fill the payload")
        self._slices: dict[int, tuple[int, int]] = dict(enumerate(_spans(sizes)))
        self._payload = payload

    def __call__(self, token: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        span = self._slices.pop(token, None) if type(token) is int else None
        kind = np.dtype(dtype)
        if span is None or math.prod(shape) * kind.itemsize != span[1] - span[0]:
            raise codec.CodecError("a buffer that is not there")
        return np.frombuffer(self._payload, kind, math.prod(shape), span[0]).reshape(shape).copy()


def _spans(sizes: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for size in sizes:
        yield start, start + size
        start += size


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 64
