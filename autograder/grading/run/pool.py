"""Grade jobs in several processes of this machine; a process that dies costs one attempt, not the class."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from autograder.grading.errors import GradingError, InfrastructureError
from autograder.grading.record.result import Result
from autograder.grading.run.job import ATTEMPTS, Bench, Job, Setting, failed
from autograder.grading.run.sandbox.choice import choose_sandbox
from autograder.grading.run.sandbox.trunk import Branch, Trunk

_PRELOAD = ["autograder.grading.score.grade", "autograder.judging.examine"]
_TORCH = "torch.nn"  # a part, since the whole would only be there in name: see `late_torch`
_MANY = 4  # hand-ins for each process, of which some will be wrong
_PATIENCE = 10.0


class Pool(Protocol):
    """Something that grades jobs and yields each with its result, in any order."""

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Take jobs as they are needed, never more than a few ahead."""


@dataclass
class InProcess:
    """Grades one job after another in this process."""

    setting: Setting

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in order."""
        branches = _Branches(self.setting)
        bench = Bench(self.setting, branches.one())
        try:
            for job in jobs:
                yield job, bench.grade(job)
        finally:
            bench.close()
            branches.close()


class _Branches:
    """Fork servers off one trunk, which imports for all of them, beside the imports of whoever grades."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._trunk: Trunk | None = None

    def one(self) -> Branch | None:
        """One more; None where that fails: whoever asks then starts a trunk of its own, and says what is wrong."""
        if self.setting.workshop is not None:
            return None
        try:
            if self._trunk is None:
                self._trunk = Trunk(choose_sandbox(self.setting.sandbox), self.setting.limits)
            return self._trunk.branch()
        except (GradingError, InfrastructureError, OSError):
            return None

    def close(self) -> None:
        """End the trunk, when every branch has been closed."""
        trunk, self._trunk = self._trunk, None
        if trunk is not None:
            trunk.close()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None


class Processes:
    """Grades `hand_ins` in `jobs` processes or fewer, each with its own workshop.

    What is wrong takes torch to explain: where there are many hand-ins it is imported once, for all processes.
    """

    def __init__(self, setting: Setting, jobs: int, hand_ins: int) -> None:
        self.setting = setting
        self.count = min(jobs, hand_ins)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*_PRELOAD, _TORCH] if hand_ins > _MANY * jobs else _PRELOAD)
        self._workers: list[_Worker] = []
        self._again: deque[Job] = deque()
        self._tries: dict[int, int] = {}
        self._branches = _Branches(setting)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result as soon as it is there; every process is gone when the iterator ends."""
        waiting = iter(jobs)
        try:
            while True:
                self._hand_out(waiting)
                busy = [worker for worker in self._workers if worker.job is not None]
                if not busy:
                    return
                for ready in wait([worker.pipe for worker in busy]):
                    worker = next(worker for worker in busy if worker.pipe is ready)
                    finished = self._collect(worker)
                    if finished is not None:
                        yield finished
        finally:
            self._dismiss()

    def _hand_out(self, waiting: Iterator[Job]) -> None:
        """Give every idle worker a job; start workers only as long as there is one for them."""
        for worker in self._workers:
            if worker.job is None and not self._give(worker, waiting):
                return
        while len(self._workers) < self.count:
            job = self._next(waiting)
            if job is None:
                return
            worker = self._hire()
            self._send(worker, job)

    def _give(self, worker: _Worker, waiting: Iterator[Job]) -> bool:
        job = self._next(waiting)
        if job is not None:
            self._send(worker, job)
        return job is not None

    def _next(self, waiting: Iterator[Job]) -> Job | None:
        return self._again.popleft() if self._again else next(waiting, None)

    def _send(self, worker: _Worker, job: Job) -> None:
        worker.job = job
        try:
            worker.pipe.send(job)
        except OSError:
            return  # it has just died; reading from it will say so

    def _collect(self, worker: _Worker) -> tuple[Job, Result] | None:
        job, worker.job = worker.job, None
        assert job is not None
        try:
            result = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker, job)
        self._tries.pop(job.number, None)
        return job, result

    def _bury(self, worker: _Worker, job: Job) -> tuple[Job, Result] | None:
        """Replace a dead worker; its job is tried again, and after the last attempt reported."""
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join(_PATIENCE)
        self._tries[job.number] = self._tries.get(job.number, 0) + 1
        if self._tries[job.number] < ATTEMPTS:
            self._again.append(job)
            return None
        fault = f"the grading process ended {ATTEMPTS} times (exit code {worker.process.exitcode})"
        return job, failed(fault, self.setting.master(job.notebook).points)

    def _hire(self) -> _Worker:
        branch = self._branches.one()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self.setting, branch), daemon=False)
        process.start()
        theirs.close()
        if branch is not None:
            branch.control.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _dismiss(self) -> None:
        """Close the pipes, which ends idle workers; a worker in the middle of a job is asked to stop, then made to."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.job is not None:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()
        self._branches.close()


def processor_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(pipe: Connection, setting: Setting, branch: Branch | None) -> None:
    """Grade what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    bench = Bench(setting, branch)
    try:
        while True:
            pipe.send(bench.grade(pipe.recv()))
    except EOFError:
        return
    finally:
        bench.close()


def _leave(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)
