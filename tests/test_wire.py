"""The wire reads whatever a worker sends: it gives plain data of the right form, or its own error, and nothing else."""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from attnkit.checking.case import Case, Failure, Outcome, Seed, TensorValue
from autograder.grading.run.sandbox.inside import wire
from autograder.grading.run.sandbox.inside.wire import Channel, Frame, WireClosedError, WireError, WireTimeoutError
from autograder.grading.run.sandbox.reply import checked_failure, checked_outcome, checked_value

PREFIX = struct.Struct("!4sIQ")
TAGS = ("tuple", "dict", "array", "dtype", "shape", "int", "float", "record", "callback", "fields", "value", "failure")
NAMES = (
    "Case",
    "Outcome",
    "Failure",
    "Seed",
    "TensorValue",
    "Expected",
    "Output",
    "RemoteCallback",
    "MixAndMap",
    "object",
)
DTYPES = ("float64", "bool", "int8", "object", "V8", "complex128", "<f4", "float64, float64", "O")

scalars = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=8)
    | some.sampled_from(NAMES + DTYPES)
)
FIELDS = (
    "value",
    "failure",
    "gradients",
    "lines",
    "data",
    "dtype",
    "kind",
    "mutated",
    "called",
    "callback_calls",
    "args",
)


def containers(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    """Lists, dicts, records and arrays in packed form, made of anything."""
    return (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(TAGS) | some.text(max_size=4), inner, max_size=4)
        | some.fixed_dictionaries(
            {
                "record": some.sampled_from(NAMES),
                "fields": some.dictionaries(some.sampled_from(FIELDS), inner, max_size=4),
            }
        )
        | some.fixed_dictionaries(
            {
                "array": some.integers(-1, 3) | inner,
                "dtype": some.sampled_from(DTYPES) | inner,
                "shape": some.lists(some.integers(-1, 2**33) | inner, max_size=3) | inner,
            }
        )
    )


json_like = some.recursive(scalars, containers, max_leaves=20)


def parts_of(frame: Frame) -> tuple[bytes, bytes]:
    """Head and payload of an encoded frame."""
    encoded = wire.encode(frame)
    head, payload = wire.decode_prefix(encoded[: PREFIX.size])
    assert len(encoded) == PREFIX.size + head + payload
    return encoded[PREFIX.size : PREFIX.size + head], encoded[PREFIX.size + head :]


def read(head: bytes, payload: bytes) -> Frame | None:
    """What the grader makes of a frame: plain data of the right form, or None when it is refused."""
    try:
        frame = wire.decode(head, payload)
        if isinstance(frame.body, dict) and "outcome" in frame.body:
            checked_outcome(frame.body["outcome"], Case(watch=("softmax",)))
        checked_value(frame.body)
        checked_failure(frame.body if isinstance(frame.body, Failure) else None)
        return frame
    except WireError:
        return None


VALUES = (
    None, True, 3, -2.5, math.inf, 2**200, "text", (), [1, (2, "x")], {"a": [1.5], "b": None},
    np.arange(6, dtype=np.int64).reshape(2, 3), np.zeros((0, 4), dtype=np.float32), np.array(1.5),
    TensorValue(np.ones((2, 2), dtype=np.float32), "bfloat16"), Failure("raised", "ValueError", "why", "x = 1"),
    Case(args=(np.ones(2), Seed(3)), kwargs={"axis": -1}, gradient=True),
    Outcome(value=(np.ones(2),), gradients={"args.0": np.ones(2), "args.1": None}, mutated=("args.0",), lines=7),
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_sent_arrives(value):
    frame = wire.decode(*parts_of(Frame("run", "ticket", value)))
    assert (frame.kind, frame.ticket) == ("run", "ticket")
    assert wire.encode(frame) == wire.encode(Frame("run", "ticket", value))


def test_arrays_that_arrive_can_be_changed_and_belong_to_no_one_else():
    first, second = wire.decode(*parts_of(Frame("run", "", [np.zeros(3), np.zeros(3)]))).body
    first += 1.0
    assert second.sum() == 0.0


@settings(max_examples=400, deadline=None)
@given(some.binary(max_size=200), some.binary(max_size=64))
def test_any_bytes_give_a_frame_or_a_wire_error(head, payload):
    read(head, payload)


@settings(max_examples=800, deadline=None)
@given(json_like, some.lists(some.integers(-1, 40), max_size=3), some.binary(max_size=40))
def test_any_json_gives_a_frame_or_a_wire_error(body, sizes, payload):
    read(json.dumps(["run", "ticket", body, sizes]).encode(), payload)
    read(json.dumps(["run", "ticket", {"dict": {"outcome": body}}, sizes]).encode(), payload)
    read(json.dumps(body).encode(), payload)


@settings(max_examples=400, deadline=None)
@given(some.sampled_from(VALUES), some.data())
def test_a_damaged_frame_gives_a_frame_or_a_wire_error(value, data):
    head, payload = map(bytearray, parts_of(Frame("run", "ticket", {"outcome": value})))
    for _ in range(data.draw(some.integers(1, 4))):
        place = data.draw(some.integers(0, len(head) - 1))
        head[place : place + data.draw(some.integers(0, 3))] = data.draw(some.binary(max_size=3))
        if not head:
            break
    read(bytes(head), bytes(payload))


@settings(max_examples=300, deadline=None)
@given(some.binary(min_size=0, max_size=20))
def test_any_prefix_gives_bounded_lengths_or_a_wire_error(prefix):
    try:
        head, payload = wire.decode_prefix(prefix)
    except WireError:
        return
    assert head <= wire.MAX_HEAD
    assert payload <= wire.MAX_PAYLOAD


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


HEADS = (
    '["run", "t", NaN, []]',
    '["run", "t", Infinity, []]',
    f'["run", "t", {nested(40)}, []]',
    f'["run", "t", {nested(100_000)}, []]',
    f'["run", "t", {"9" * 5000}, []]',
    f'["run", "t", {{"int": "{"9" * 5000}"}}, []]',
    '["run", "t", {"float": "1"}, []]',
    '["run", "t", {"record": "object", "fields": {}}, []]',
    '["run", "t", {"record": "Outcome", "fields": {"nothing": 1}}, []]',
    '["run", "t", {"callback": "Callback", "fields": {}}, []]',
    '["run", "t", {"callback": "RemoteCallback", "fields": {"id": 1}}, []]',
    '["run", "t", {"record": "Case", "fields": {}}, []]',
    '["run", "t", {"array": 0, "dtype": "float64", "shape": [1]}, []]',
    '["run", "t", {"array": 0, "dtype": "object", "shape": [1]}, [8]]',
    '["run", "t", {"array": 0, "dtype": "float64", "shape": [2]}, [8]]',
    '["run", "t", {"array": 0, "dtype": "float64", "shape": [0, 4294967295, 4294967295, 4294967295]}, [8]]',
    '["run", "t", [{"array": 0, "dtype": "int64", "shape": [1]}, {"array": 0, "dtype": "int64", "shape": [1]}], [8]]',
    '["run", "t", {"array": true, "dtype": "float64", "shape": [1]}, [0, 8]]',
    '["run", "t", null, [4294967296]]',
    '["run", "t", null, [-8, 16]]',
    '["run", 7, null, [8]]',
    '{"kind": "run"}',
    "null",
    "",
)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head[:60])
def test_frames_that_are_refused(head):
    assert read(head.encode(), bytes(8)) is None


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        Failure("raised"),
        Outcome(value=Seed(1)),
        Outcome(value=Case()),
        Outcome(value=TensorValue("text", "float32")),  # type: ignore[arg-type]
        Outcome(value=TensorValue(np.ones(1), "object")),
        Outcome(failure=Failure("timeout")),
        Outcome(failure=Failure("died")),
        Outcome(failure=Failure("raised", type=3)),  # type: ignore[arg-type]
        Outcome(gradients={"args.0": np.ones(2, dtype=np.complex128)}),
        Outcome(gradients={"args.0": 3.0}),  # type: ignore[dict-item]
        Outcome(gradients={"the hidden input was 0.37": None}),
        Outcome(mutated=("the hidden input was 0.37",)),
        Outcome(mutated="args.0"),  # type: ignore[arg-type]
        Outcome(called=("print",)),
        Outcome(lines=-1),
        Outcome(lines=True),
        Outcome(held=-1),
        Outcome(held=True),
        Outcome(callback_gradients=(3.0,)),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_outcomes_that_are_refused(outcome):
    with pytest.raises(WireError):
        checked_outcome(outcome, Case(watch=("softmax",)))


def test_a_worker_cannot_claim_what_its_function_asked_a_callback():
    claimed = Outcome(value=1.0, callback_calls=((1.0,),))
    assert checked_outcome(claimed, Case()).callback_calls == ()


def test_lines_count_only_when_they_were_asked_for():
    assert checked_outcome(Outcome(lines=5), Case()).lines is None
    assert checked_outcome(Outcome(lines=5), Case(count_lines=True)).lines == 5


def test_bytes_count_only_when_they_were_asked_for():
    assert checked_outcome(Outcome(held=5), Case()).held is None
    assert checked_outcome(Outcome(held=5), Case(count_held=True)).held == 5


def test_texts_are_cut_and_can_be_written_to_a_file():
    failure = checked_failure(Failure("raised", "E" * 5000, "\ud800" * 5000))
    assert failure is not None
    assert len(failure.type) == 100
    assert failure.message.encode("utf-8")


@pytest.mark.parametrize(
    "body",
    [np.zeros(wire.MAX_PAYLOAD // 8 + 1), [np.zeros(1)] * (wire.MAX_BUFFERS + 1), "x" * wire.MAX_HEAD, object()],
    ids=type,
)
def test_what_is_too_large_is_not_sent(body: Any):
    with pytest.raises(WireError):
        wire.encode(Frame("run", "", body))


@pytest.fixture
def ends() -> Any:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours.fileno(), ours.fileno()), theirs


def soon() -> float:
    return time.monotonic() + 0.05


def test_silence_is_a_timeout(ends):
    with pytest.raises(WireTimeoutError):
        ends[0].receive(soon())


def test_a_frame_that_never_ends_is_a_timeout(ends):
    ends[1].sendall(PREFIX.pack(b"attn", 100, 0) + b"[")
    with pytest.raises(WireTimeoutError):
        ends[0].receive(soon())


def test_a_reader_that_does_not_read_is_a_timeout(ends):
    with pytest.raises(WireTimeoutError):
        ends[0].send(Frame("run", "", np.zeros(2**20)), soon())


def test_an_early_end_is_the_end(ends):
    ends[1].sendall(PREFIX.pack(b"attn", 100, 0) + b"[")
    ends[1].close()
    with pytest.raises(WireClosedError):
        ends[0].receive(soon())


def test_writing_to_no_one_is_the_end(ends):
    ends[1].close()
    with pytest.raises(WireClosedError):
        ends[0].send(Frame("run", ""), soon())


def read_to_the_end(channel: Channel) -> None:
    while True:
        channel.receive(soon())


@settings(max_examples=60, deadline=None)
@given(some.binary(min_size=1, max_size=400))
def test_any_stream_ends_in_a_wire_error(stream):
    ours, theirs = socket.socketpair()
    channel = Channel(ours.detach(), os.open(os.devnull, os.O_WRONLY))
    try:
        with theirs:
            theirs.sendall(stream)
        with pytest.raises((WireError, WireClosedError)):
            read_to_the_end(channel)
    finally:
        channel.close()
