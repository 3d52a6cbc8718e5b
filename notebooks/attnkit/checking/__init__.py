"""Run a learner's function on given inputs and say, in words, what is wrong with the result.

The public checks of the notebooks and the hidden tests of the grader share this package. It holds no answer:
`case` describes one call, `execute` makes it, `compare` finds the first difference, `message` words it,
and `public` knows the numbers that the notebooks' own checks compare with.
"""

from attnkit.checking.case import Callback, Case, Failure, Outcome, Remote, Seed, TensorValue
from attnkit.checking.execute import execute
from attnkit.checking.message import CheckFailed, Report
from attnkit.checking.public import check

__all__ = [
    "Callback",
    "Case",
    "CheckFailed",
    "Failure",
    "Outcome",
    "Remote",
    "Report",
    "Seed",
    "TensorValue",
    "check",
    "execute",
]
