"""A pool that really grades the first hand-in of each kind, and gives its result to all that differ in the mark alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from autograder.grading.record.result import Result
from autograder.grading.run.job import Job, Setting
from autograder.grading.run.pool import Processes
from benchmarks.hand_ins import MARK

_MARK = re.compile(rf"{MARK} \d+".encode())


@dataclass
class Replayed:
    """What a coordinator does for a class can be measured with it, as if the grading itself took no time.

    `grading` is the CPU seconds of this process that real gradings have taken: what grades is started anew for each.
    """

    setting: Setting
    known: dict[bytes, Result] = field(default_factory=dict)
    grading: float = 0.0

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in order."""
        for job in jobs:
            kind = sha256(_MARK.sub(b"", job.raw)).digest()
            if kind not in self.known:
                before = time.process_time()
                ((_, self.known[kind]),) = Processes(self.setting, 1, 1).run([job])
                self.grading += time.process_time() - before
            yield job, self.known[kind]
