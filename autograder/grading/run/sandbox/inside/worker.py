"""A worker: serves one submission over the wire until it is told to end or is killed."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from IPython.core.interactiveshell import InteractiveShell

from attnkit.checking import codec
from attnkit.checking.ambient import reseed
from attnkit.checking.case import Case, Failure, Outcome, TensorValue
from attnkit.checking.execute import describe_error, execute
from attnkit.checking.watch import strictly

from .callback import CallbackError, RemoteCallback
from .limits import allow_files
from .shell import most_memory, run_cell, run_definitions, threads_left
from .wire import MAX_PAYLOAD, Channel, Frame, WireError

_RECURSION_LIMIT = sys.getrecursionlimit()


def serve(wire: int, shell: InteractiveShell, greeting: str, open_files: int) -> None:
    """Answer requests on descriptor `wire` until it closes; `greeting` tells the grader that this worker is ready,
    `open_files` is how many files each request may open.

    What goes wrong in here ends the process, as it would if the student's code had ended it.
    """
    reseed()  # the same submission meets the same random numbers each time it is graded; Python seeds anew in every fork
    strictly()
    sys.path.insert(0, os.getcwd())  # where a cell may write a module
    worker = _Worker(Channel(wire, wire), shell)
    worker.channel.send(Frame("hello", greeting))
    try:
        while True:
            worker.channel.look()  # also where a request is here already: a cell that left no way to wait is to blame itself
            request = worker.channel.receive()
            allow_files(open_files, wire)
            worker.answer(request)
    finally:
        os._exit(0)


class _Worker:
    """Holds the submission's names and answers one request after another."""

    def __init__(self, channel: Channel, shell: InteractiveShell) -> None:
        self.channel = channel
        self.shell = shell
        self.ticket = ""
        RemoteCallback.ask = self._ask

    def answer(self, request: Frame) -> None:
        """Carry out one request and send what came of it, whatever it was."""
        self.ticket = request.ticket
        try:
            body = self._carry_out(request)
        except BaseException as error:
            body = {"failure": _described(error)}
        _settle()
        try:
            self.channel.send(Frame(request.kind, request.ticket, body))
        except WireError:
            self.channel.send(Frame(request.kind, request.ticket, {"failure": Failure("refused", message="too large")}))

    def _carry_out(self, request: Frame) -> dict[str, Any]:
        body = request.body
        if request.kind == "cell":
            source = body["source"].tobytes().decode("utf-8", "surrogatepass")
            run = run_definitions if body["definitions"] else run_cell
            failure = run(self.shell, source)
            return {"failure": failure, "threads": threads_left(), "memory": most_memory()}
        if request.kind == "has":
            return {"has": body["name"] in self.shell.user_ns}
        if request.kind == "run":
            return {"outcome": self._run(body["name"], body["case"])}
        raise WireError("an unknown request")

    def _run(self, name: str, case: Case) -> Outcome:
        if name not in self.shell.user_ns:
            return Outcome(failure=Failure("missing"))
        outcome = execute(self.shell.user_ns[name], case)
        if not _can_be_sent(outcome.value):
            return Outcome(failure=Failure("refused", message="what it returns is too large"))
        return replace(outcome, callback_calls=())

    def _ask(self, number: int, arguments: tuple[Any, ...]) -> Any:
        self.channel.send(Frame("callback", self.ticket, {"id": number, "args": arguments}))
        answer = self.channel.receive()
        if answer.kind == "raised":
            raise CallbackError(answer.body["type"], answer.body["message"])
        return answer.body["value"]


def _described(error: BaseException) -> Failure:
    try:
        return describe_error(error)
    except BaseException:
        return Failure("raised", "Exception", "(the error could not be read)")


def _can_be_sent(value: Any) -> bool:
    """Whether plain data is small enough for the wire; found out before time is spent on packing it."""
    left, waiting = codec.MAX_ITEMS, [value]
    space = MAX_PAYLOAD
    while waiting:
        item = waiting.pop()
        left -= 1
        if isinstance(item, list | tuple | dict):
            if len(item) > left:
                return False
            waiting.extend(item.values() if isinstance(item, dict) else item)
        array = item.data if isinstance(item, TensorValue) else item
        space -= array.nbytes if isinstance(array, np.ndarray) else len(item) if isinstance(item, str) else 0
        if left < 0 or space < 0 or (isinstance(item, str) and len(item) > codec.MAX_TEXT):
            return False
    return True


def _settle() -> None:
    """Undo what a cell may have set for the whole process."""
    sys.setrecursionlimit(_RECURSION_LIMIT)
    sys.settrace(None)
    sys.setprofile(None)
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)


def warm_up() -> None:
    """Carry out a watched call of our own, so that no worker has to import what such a call takes."""
    execute(torch.neg, Case(args=(np.ones(2),), watch=("softmax",), count_lines=True))
