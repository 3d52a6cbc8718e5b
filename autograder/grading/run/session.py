"""Run one submission's cells and calls in a sandboxed worker, and start over after whatever it does to itself.

A `Workshop` owns a fork server inside a sandbox; `Workshop.open` gives a `Session` with a fresh worker for one
submission. Nothing that comes back is trusted beyond being plain data.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from attnkit.checking.case import Callback, Case, Failure, Outcome, Remote, TensorValue
from attnkit.checking.execute import MAX_CALLBACK_CALLS, to_value
from autograder.grading.errors import InfrastructureError
from autograder.grading.run.parts import CellResult, Definitions
from autograder.grading.run.sandbox.choice import Sandbox, choose_sandbox
from autograder.grading.run.sandbox.fork_server import ForkServer, Worker
from autograder.grading.run.sandbox.inside.callback import RemoteCallback, from_value
from autograder.grading.run.sandbox.inside.limits import Limits
from autograder.grading.run.sandbox.inside.wire import (
    BodyError,
    Frame,
    WireClosedError,
    WireError,
    WireTimeoutError,
    encode,
    wrap,
)
from autograder.grading.run.sandbox.reply import checked_failure, checked_outcome, checked_value
from autograder.grading.run.sandbox.trunk import Branch

__all__ = ["CellResult", "Definitions", "Limits", "Session", "Workshop"]

STRIKES = 2
MAX_AHEAD = 2**15  # bytes of requests that are sent ahead of their turn: they fit into most wires' buffers
MAX_CALLBACK_WORK = 2**20  # numbers of one call's arguments, multiplied: no callback makes more than a few for each
MAX_CALLBACK_NUMBERS = 2**22  # of all calls of one case together: they are kept for the judge

Answer = TypeVar("Answer")


class Workshop:
    """Where submissions run; used as a context manager, by one thread, one session at a time."""

    def __init__(self, sandbox: str = "auto", limits: Limits | None = None, branch: Branch | None = None) -> None:
        self.limits = limits or Limits()
        self._branch = branch
        self._kind: Sandbox = choose_sandbox(sandbox)
        self._server: ForkServer | None = None

    @property
    def sandbox(self) -> str:
        """The sandbox that is really in use, such as "bubblewrap 0.8.0"."""
        return self._kind.name

    def open(self) -> Session:
        """A session for one submission, to be used as a context manager."""
        return Session(self)

    def server(self) -> ForkServer:
        """The running server; starts it when there is none. Raises InfrastructureError.

        The first one is the branch that this workshop was given, if it was; every later one has a trunk of its own.
        """
        if self._server is None:
            branch, self._branch = self._branch, None
            self._server = ForkServer(self._kind, self.limits, branch)
        return self._server

    def replace_server(self) -> None:
        """Give up a server that failed; the next session gets another."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Workshop:
        self.server()
        return self

    def __exit__(self, *exception: object) -> None:
        self.replace_server()


class _EndedError(Exception):
    """The worker ended, or had to be ended, before it answered; `kind` is timeout, died or refused."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _GivenUpError(Exception):
    """This submission has used up its time."""


@dataclass
class _Asked:
    """The callbacks of one case, what they were asked so far, and how many numbers that was."""

    callbacks: Sequence[Callback]
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    numbers: int = 0


@dataclass(frozen=True, eq=False)
class _Request:
    """What is asked of a worker; `alone` says that none may be sent behind it."""

    kind: str
    body: Any
    alone: bool = False


class Session:
    """One submission: its cells, and the names they define.

    Requests that come next are sent with the one before them, as far as they are known: both sides are spared a wait for
    each other. Each is still answered by itself and has its own time.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.limits = workshop.limits
        self.environment: Mapping[str, RemoteName] = Environment(self)
        self._workshop = workshop
        self._worker: Worker | None = None
        self.cpu_seconds = 0.0
        self._opened = time.monotonic()
        self._cells: list[_Request] = []
        self._ran: list[int] = []
        self._suspects: set[int] = set()
        self._restarted = False
        self._strikes: dict[str, list[Failure]] = {}
        self._hidden = True
        self._told_hidden = False
        self._results: dict[int, CellResult] = {}
        self._expected: deque[tuple[str, Case]] = deque()
        self._sent: deque[tuple[_Request, str]] = deque()  # what the worker has not answered yet, with its ticket

    def __enter__(self) -> Session:
        self._ready()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end_worker()

    def run_cells(self, cells: Sequence[str]) -> list[CellResult]:
        """Run these cells in order, after earlier ones; one that hangs or ends the worker is left out, and the next still run."""
        new = range(len(self._cells), len(self._cells) + len(cells))
        self._cells += map(_cell, cells)
        for index in new:
            self._results[index] = self._run_cell(index)
        return [self._results[index] for index in new]

    @contextmanager
    def in_public(self) -> Iterator[None]:
        """While this lasts, inputs are those of the notebook's own checks, and what comes back may be shown.

        It has to come first: a worker that has been told a hidden input could send it with any later answer.
        """
        if self._told_hidden:
            raise RuntimeError("hidden inputs have been sent already")
        self._hidden = False
        try:
            yield
        finally:
            self._hidden = True

    @property
    def hidden(self) -> bool:
        """Whether what comes back must not be shown."""
        return self._hidden

    def has(self, name: str) -> bool:
        """Whether the submission defines a name."""
        for _ in range(2):
            try:
                request = _Request("has", {"name": name})
                has = self._ask(self._ready(request), request, self.limits.call_seconds, lambda body: body.get("has"))
                return has is True
            except _EndedError as ended:
                self._after(ended)
            except _GivenUpError:
                break
        return False

    def expect(self, calls: Sequence[tuple[str, Case]]) -> None:
        """Take note of the calls of `run` that come next."""
        self._expected = deque(calls)

    def run(self, name: str, case: Case) -> Outcome:
        """Carry out one case on the name.

        The first time that the worker ends by itself, the call is tried again in a fresh one: what another cell left
        behind may have been to blame. A name that has cost several workers is not called again.
        """
        self._told_hidden = self._told_hidden or self._hidden
        if self._expected and _key(*self._expected[0]) == _key(name, case):
            self._expected.popleft()
        else:
            self._expected.clear()
        while True:
            strikes = self._strikes.setdefault(name, [])
            if len(strikes) >= STRIKES:
                return Outcome(failure=strikes[-1])
            try:
                return self._run_case(name, case)
            except _GivenUpError as given_up:
                return Outcome(failure=Failure("timeout", message=str(given_up)))
            except _EndedError as ended:
                self._after(ended)
                strikes.append(Failure(ended.kind, message=str(ended)))
                if ended.kind != "died" or len(strikes) >= STRIKES:
                    return Outcome(failure=strikes[-1])

    def _run_cell(self, index: int) -> CellResult:
        started = time.monotonic()
        ended: _EndedError | None = None
        for _ in range(2):
            try:
                worker = self._ready(self._cells[index])
                failure = self._send_cell(worker, index, range(index + 1, len(self._cells)))
            except _GivenUpError as given_up:
                return CellResult(index, "skipped", Failure("skipped", message=str(given_up)))
            except _EndedError as error:
                ended = error
                self._after(error)
                if error.kind != "died":
                    break
            else:
                return CellResult(index, "error" if failure else "ok", failure, time.monotonic() - started)
        assert ended is not None
        status = "timeout" if ended.kind == "timeout" else "died"
        return CellResult(index, status, Failure(status, message=str(ended)), time.monotonic() - started)

    def _send_cell(self, worker: Worker, index: int, then: Iterable[int]) -> Failure | None:
        """Run a cell; what it raised, or None. `then` are the cells that come next if it ends well."""
        following = (self._cells[later] for later in then)
        seconds = self.limits.cell_seconds
        leaves_much, failure = self._ask(worker, self._cells[index], seconds, self._read_cell, following=following)
        if index not in self._ran:
            self._ran.append(index)
        if leaves_much and not self._suspects:
            self._suspects.add(index)
        return failure

    def _read_cell(self, body: dict[str, Any]) -> tuple[bool, Failure | None]:
        return _leaves_much(body, self.limits), checked_failure(body.get("failure"))

    def _ready(self, request: _Request | None = None) -> Worker:
        """The worker, with every cell that ran before and free for a request; after a restart the cells run again."""
        if self._worker is not None:
            self._clear_the_way(self._worker, request)
        while self._worker is None:
            if time.monotonic() > self._opened + self.limits.session_seconds:
                raise _GivenUpError("the submission as a whole took too long")
            self._worker = self._workshop.server().start_worker()
            again = list(self._ran)
            for position, index in enumerate(again, start=1):
                try:
                    self._send_cell(self._worker, index, again[position:])
                except _EndedError as ended:
                    self._ran.remove(index)
                    status = "timeout" if ended.kind == "timeout" else "died"
                    self._results[index] = replace(
                        self._results[index], status=status, failure=Failure(status, message=str(ended))
                    )
                    self._end_worker()
                    break
            else:
                self._try_out()
        return self._worker

    def _try_out(self) -> None:
        """Ask a worker that follows one that ended a question of ours; if it cannot answer, its last cell is left out.

        So a cell that leaves the process unable to go on is to blame itself, and not everything that is asked after it.
        """
        if self._worker is None or not self._ran or not self._restarted:
            return
        try:
            self._ask(self._worker, _Request("has", {"name": "_"}), self.limits.call_seconds, lambda body: body)
        except _EndedError as ended:
            self._end_worker()
            index = self._ran.pop()
            status = "timeout" if ended.kind == "timeout" else "died"
            failure = Failure(status, message="what it left behind ended the process")
            self._results[index] = CellResult(index, status, failure)

    def _after(self, ended: _EndedError) -> None:
        """End the worker; when it ended by itself, a cell that left threads or took most of the memory is left out."""
        self._end_worker()
        self._restarted = True
        if ended.kind == "died":
            for index in self._suspects & set(self._ran):
                self._ran.remove(index)
                message = "what it left running or in memory ended the process"
                self._results[index] = CellResult(index, "died", Failure("died", message=message))
            self._suspects.clear()

    def _clear_the_way(self, worker: Worker, request: _Request | None) -> None:
        """Take in the answers to what was sent before a request and is not asked any more.

        A worker that does not give them is ended without blame: what was not asked costs nothing.
        """
        deadline = min(time.monotonic() + self.limits.call_seconds, self._opened + self.limits.session_seconds)
        try:
            while self._sent and self._sent[0][0] is not request:
                unasked, ticket = self._sent.popleft()
                reply = worker.channel.receive(deadline)
                if (reply.kind, reply.ticket) != (unasked.kind, ticket):
                    raise WireError("not an answer")
        except (WireError, WireTimeoutError, WireClosedError):
            self._end_worker()
            self._restarted = True

    def _run_case(self, name: str, case: Case) -> Outcome:
        try:
            request, callbacks = _call(name, case)
        except WireError as error:  # a case may hold what an earlier call returned
            return Outcome(failure=Failure("refused", message=str(error)))
        asked = _Asked(callbacks)

        def read(body: dict[str, Any]) -> Outcome:
            if "failure" in body:
                return Outcome(failure=checked_failure(body["failure"]) or Failure("refused"))
            return replace(checked_outcome(body.get("outcome"), case), callback_calls=tuple(asked.calls))

        following = (_call(*call)[0] for call in self._expected)
        return self._ask(self._ready(request), request, self.limits.call_seconds, read, asked, following)

    def _ask(
        self,
        worker: Worker,
        request: _Request,
        seconds: float,
        read: Callable[[dict[str, Any]], Answer],
        asked: _Asked | None = None,
        following: Iterable[_Request] = (),
    ) -> Answer:
        """Send one request, unless it has been sent already, and what follows it; answer the callbacks that come back.

        Gives what `read` makes of the reply's body. A worker that spoke out of turn counts as one that ended: it cannot be
        told whose doing that was. Raises _EndedError or _GivenUpError.
        """
        now = time.monotonic()
        deadline = min(now + seconds, self._opened + self.limits.session_seconds)
        if deadline <= now:
            raise _GivenUpError("the submission as a whole took too long")
        try:
            ticket = self._ticket(worker, request, following, deadline)
            while True:
                reply = worker.channel.receive(deadline)
                if reply.ticket != ticket:
                    raise WireError("an answer to no question")
                if reply.kind != "callback" or asked is None:
                    break
                worker.channel.send(_answer_callback(reply.body, ticket, asked), deadline)
            if reply.kind != request.kind or not isinstance(reply.body, dict):
                raise BodyError("an answer of another kind")
            return read(reply.body)
        except WireTimeoutError:
            raise _EndedError("timeout", "no answer in time") from None
        except BodyError as error:
            raise _EndedError("refused", str(error)) from None
        except WireClosedError:
            raise _EndedError("died", "the process ended") from None
        except WireError as error:
            raise _EndedError("died", str(error)) from None

    def _ticket(self, worker: Worker, request: _Request, following: Iterable[_Request], deadline: float) -> str:
        """The ticket of a request that the worker has, or now gets with those that follow."""
        if self._sent:
            return self._sent.popleft()[1]
        frames = [self._framed(request)]
        with contextlib.suppress(WireError):  # one that cannot be sent says so when its turn comes
            for one in () if request.alone else following:
                frame = self._framed(one)
                if sum(map(len, frames[1:])) + len(frame) > MAX_AHEAD:
                    self._sent.pop()
                    break
                frames.append(frame)
                if one.alone:
                    break
        worker.channel.write(frames[0], deadline, ahead=b"".join(frames[1:]))
        return self._sent.popleft()[1]

    def _framed(self, request: _Request) -> bytes:
        ticket = secrets.token_hex(8)
        frame = encode(Frame(request.kind, ticket, request.body))
        self._sent.append((request, ticket))
        return frame

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        self._sent.clear()
        if worker is not None:
            try:
                self.cpu_seconds += self._workshop.server().end_worker(worker).seconds
            except InfrastructureError:
                self._workshop.replace_server()
                raise


class RemoteName(Remote):
    """A name that a submission defines, in its worker."""

    def __init__(self, session: Session, name: str) -> None:
        self.name = name
        self._session = session

    @property
    def may_be_shown(self) -> bool:
        """Whether the submission knows no input yet but those of the notebook's own checks."""
        return not self._session.hidden

    def expect(self, calls: Sequence[tuple[Remote, Case]]) -> None:
        """Send these calls to the worker together with the first of them, when that comes."""
        self._session.expect([(remote.name, case) for remote, case in calls])

    def run(self, case: Case) -> Outcome:
        """Carry out `case` in the worker; a worker that hangs or ends gives a failure of kind timeout or died."""
        return self._session.run(self.name, case)


class Environment(Mapping[str, RemoteName]):
    """The names a submission defines, looked up in its worker when asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, RemoteName] = {}

    def __getitem__(self, name: str) -> RemoteName:
        if name not in self._known:
            if not self._session.has(name):
                raise KeyError(name)
            self._known[name] = RemoteName(self._session, name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _cell(source: str) -> _Request:
    array = np.frombuffer(source.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return _Request("cell", {"source": array, "definitions": isinstance(source, Definitions)})


def _leaves_much(body: dict[str, Any], limits: Limits) -> bool:
    """Whether a worker says that threads go on after a cell, or that most of the memory is used."""
    threads, memory = body.get("threads"), body.get("memory")
    return (type(threads) is int and threads > 0) or (type(memory) is int and memory > limits.memory // 2)


def case_to_send(case: Case) -> tuple[Case, list[Callback]]:
    """The case without what decides about its result, and with stand-ins for the callbacks, which stay here."""
    callbacks: list[Callback] = []
    sent = replace(
        case,
        args=_without_callbacks(case.args, callbacks),
        kwargs=_without_callbacks(dict(case.kwargs), callbacks),
        verify="",
        sizes={},
        tolerance=None,
        label="",
        raises=None,
    )
    return sent, callbacks


def _call(name: str, case: Case) -> tuple[_Request, list[Callback]]:
    """The request to run a case, packed; the cases of a test are the same for every submission, and packed once.

    Raises WireError when it is too large. One with callbacks is followed by our answers to them, and by no other request.
    """
    key = _key(name, case)
    known = _PACKED.get(key)
    if known is None:
        sent, callbacks = case_to_send(case)
        known = _PACKED[key] = _Request("run", wrap({"name": name, "case": sent}), bool(callbacks)), callbacks
        weakref.finalize(case, _PACKED.pop, key, None).atexit = False
    return known


def _key(name: str, case: Case) -> tuple[str, int]:
    return name, id(case)


_PACKED: dict[tuple[str, int], tuple[_Request, list[Callback]]] = {}  # until the case with that id is gone


def _without_callbacks(value: Any, callbacks: list[Callback]) -> Any:
    """`value` with every callback replaced by a stand-in with its number in `callbacks`."""
    if isinstance(value, Callback):
        callbacks.append(value)
        return RemoteCallback(len(callbacks) - 1)
    if isinstance(value, tuple | list):
        return type(value)(_without_callbacks(item, callbacks) for item in value)
    if isinstance(value, dict):
        return {name: _without_callbacks(item, callbacks) for name, item in value.items()}
    return value


def _answer_callback(body: Any, ticket: str, asked: _Asked) -> Frame:
    """Call the callback that a worker asks for, note the call, and make the frame with its result or its error.

    It runs on the grader's side, so how much work it may be is settled by the sizes of its arguments, before it runs.
    """
    if not isinstance(body, dict) or type(body.get("id")) is not int or not 0 <= body["id"] < len(asked.callbacks):
        raise BodyError("a callback that is not there")
    arguments = checked_value(body.get("args"))
    if not isinstance(arguments, tuple):
        raise BodyError("a callback without arguments")
    if len(asked.calls) >= MAX_CALLBACK_CALLS:
        return _raised(ticket, RuntimeError("the function that was passed in has been called too often"))
    sizes = [_numbers_in(argument) for argument in arguments]
    asked.numbers += sum(sizes)
    if math.prod(sizes) > MAX_CALLBACK_WORK or asked.numbers > MAX_CALLBACK_NUMBERS:
        return _raised(ticket, ValueError("the function that was passed in is not made for inputs of this size"))
    asked.calls.append(arguments)
    try:
        callback = asked.callbacks[body["id"]]
        value = callback.in_numpy(*arguments)
        if value is NotImplemented:
            value = to_value(callback(*from_value(arguments)))
        reply = Frame("answer", ticket, {"value": value})
        encode(reply)
    except Exception as error:
        return _raised(ticket, error)
    return reply


def _numbers_in(value: Any) -> int:
    """How many numbers a callback may have to look at; an axis of length 0 hides none of the others."""
    if isinstance(value, TensorValue):
        value = value.data
    if isinstance(value, np.ndarray):
        return math.prod(max(1, size) for size in value.shape)
    if isinstance(value, tuple | list | dict):
        return 1 + sum(_numbers_in(item) for item in (value.values() if isinstance(value, dict) else value))
    return len(value) + 1 if isinstance(value, str) else 1


def _raised(ticket: str, error: Exception) -> Frame:
    return Frame("raised", ticket, {"type": type(error).__name__, "message": str(error)[:300]})
