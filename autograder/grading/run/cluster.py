"""Grade jobs on the workers of a Dask cluster; the package `distributed` is needed only here."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from autograder.grading.errors import GradingError
from autograder.grading.record.result import Result
from autograder.grading.run.job import Job, Setting, failed, grade_anywhere

_JOBS_AHEAD = 2
_CONNECT_SECONDS = 20


class Cluster:
    """Grades on the cluster behind a scheduler's address, such as `tcp://10.0.0.5:8786`."""

    def __init__(self, setting: Setting, address: str) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise GradingError("--scheduler needs Dask: run `pip install distributed`") from None
        self.setting = setting
        try:
            self._client: Any = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise GradingError(f"no Dask scheduler answers at {address} ({type(error).__name__})") from None
        self._completed = distributed.as_completed
        self.workers = len(self._client.nthreads())
        if not self.workers:
            self._client.close()
            raise GradingError(
                f"the scheduler at {address} has no workers: start one with `dask worker {address} --nthreads 1`"
            )

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result; only a few jobs a worker are on the way at any time."""
        waiting = iter(jobs)
        on_the_way: dict[str, Job] = {}
        try:
            results = self._completed([], loop=self._client.loop)
            for job in self._first(waiting):
                results.add(self._submit(job, on_the_way))
            while on_the_way:
                future = next(results)
                job = on_the_way.pop(future.key)
                following = next(waiting, None)
                if following is not None:
                    results.add(self._submit(following, on_the_way))
                yield job, self._result(job, future)
        finally:
            self._client.close()

    def _first(self, waiting: Iterator[Job]) -> Iterator[Job]:
        for _ in range(_JOBS_AHEAD * self.workers):
            job = next(waiting, None)
            if job is None:
                return
            yield job

    def _submit(self, job: Job, on_the_way: dict[str, Job]) -> Any:
        future = self._client.submit(grade_anywhere, job, self.setting, pure=False, retries=2)
        on_the_way[future.key] = job
        return future

    def _result(self, job: Job, future: Any) -> Result:
        error = future.exception()
        if error is not None:
            return failed(
                f"the cluster could not grade it ({type(error).__name__}: {error})"[:300],
                self.setting.master(job.notebook).points,
            )
        result: Result = future.result()
        return result
