"""How an exercise is declared: one truth from which the public numbers, hidden tests, diagnosis and proof are made.

A file `autograder/exercises/nbNN_topic/qN_M_title.py` declares one exercise as `EXERCISE`.
"""

from __future__ import annotations

import contextlib
import hmac
import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from attnkit.checking.case import Case, Outcome
from attnkit.checking.compare import Output

Function = Callable[..., Any]
Run = Callable[[Case], Outcome]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer that learners really give.

    `title` completes the sentence "this looks like …"; `belief` is what the learner was thinking, in their words;
    `hint` helps without giving the answer; `see` says where the idea is met. The wrong behaviour is `code` (a function
    or class, or a mapping from name to one where the exercise has several), or a set of `switches` passed as keyword
    arguments to the exercise's `flawed` function; mistakes made of different switches can be combined, except with those
    that `excludes` names because the two contradict each other.
    """

    name: str
    title: str
    belief: str
    hint: str
    see: str
    code: Any = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Variant:
    """A right answer written in another way, which every test must accept."""

    name: str
    code: Any


@dataclass(frozen=True, eq=False)
class Test:
    """One hidden test: a property the stub promises (`says`), and the cases or the judge that check it.

    `cases` draws the cases from a seeded NumPy generator; each is compared with the reference. `judge` is for what no
    single comparison can tell (randomness, several calls in a row): it runs cases and raises `JudgeFailure`.
    """

    __test__ = False  # not a pytest class

    name: str
    says: str
    cases: Callable[[np.random.Generator], Sequence[Case]] | None = None
    judge: Callable[[Run], None] | None = None
    points: float = 1


class JudgeFailure(Exception):
    """Raised by a judge: what it expected, what it found (no data of the case), and the known mistake, if it knows."""

    def __init__(self, expected: str, found: str, mistake: str = "") -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.mistake = mistake


@dataclass(frozen=True, eq=False)
class Exercise:
    """Everything the grader knows about one exercise.

    `reference` takes the case's arguments in float64 NumPy (for a module: `reference(state, init, *args)`) and returns the
    right value; with several `names` it is a mapping. `flawed` is the right formula with switches that break it.
    `public` are the cases whose numbers ship with the notebooks. `further` marks what a first reading leaves out: it
    comes after the required exercises of its notebook, none of which uses its code.
    """

    number: str
    title: str
    names: tuple[str, ...]
    minutes: int
    reference: Any
    tests: tuple[Test, ...]
    public: Callable[[np.random.Generator], Sequence[Case]]
    mistakes: tuple[Mistake, ...]
    variants: tuple[Variant, ...]
    outputs: tuple[Output, ...] = (Output(),)
    outputs_by_name: Mapping[str, tuple[Output, ...]] = field(default_factory=dict)
    flawed: Function | None = None
    public_points: float = 1
    starred: bool = False
    further: bool = False

    @property
    def question(self) -> str:
        """The Otter question name, such as `q2_3`."""
        return "q" + self.number.replace(".", "_")

    @property
    def points(self) -> float:
        """Points of the public check and all hidden tests together."""
        return self.public_points + sum(test.points for test in self.tests)

    @property
    def heading(self) -> str:
        """Number and title as messages show them, such as `2.3 attention`."""
        return f"{self.number} {self.title}"

    def outputs_of(self, case: Case) -> tuple[Output, ...]:
        """The declared outputs of the function that `case` calls."""
        return self.outputs_by_name.get(case.function or "", self.outputs)

    def test(self, name: str) -> Test:
        """The hidden test with that name; raises KeyError when there is none."""
        for test in self.tests:
            if test.name == name:
                return test
        raise KeyError(f"exercise {self.number} has no test called {name!r}")

    def draw(self, test: Test) -> tuple[Case, ...]:
        """The test's cases, the same at every call."""
        return self._named(test.cases(rng_for(self.number, test.name))) if test.cases else ()

    def draw_public(self) -> tuple[Case, ...]:
        """The cases of the public check, the same at every call and under every draw: their numbers are shipped."""
        with other_draws(0):
            return self._named(self.public(rng_for(self.number, "public")))

    def parameters(self, function: str | None = None, method: str | None = None) -> tuple[str, ...]:
        """What the parameters of a function (or of a method of its class, else of `forward`) are called."""
        code = self.variants[0].code
        if isinstance(code, Mapping):
            code = code.get(function or self.names[0])
        if isinstance(code, type):
            code = getattr(code, method or "forward", None)
            return tuple(inspect.signature(code).parameters)[1:] if code else ()
        return tuple(inspect.signature(code).parameters) if callable(code) else ()

    def _named(self, cases: Sequence[Case]) -> tuple[Case, ...]:
        """The cases with the names of their arguments, as messages call them."""
        return tuple(
            replace(
                case,
                names=self.parameters(case.function, case.method),
                init_names=() if case.init is None else self.parameters(case.function, "__init__"),
            )
            for case in cases
        )


def rng_for(*names: str) -> np.random.Generator:
    """A generator seeded by the names alone, so that every draw is the same on every machine.

    Within `other_draws`, it is seeded by the names and the number or secret given there.
    """
    text = "/".join(names).encode()
    return _generator(zlib.crc32(text), text)


def numbered_rng(number: int) -> np.random.Generator:
    """A generator seeded by a number, for inputs that a judge makes itself; other within `other_draws`, as in `rng_for`."""
    return _generator(number, b"number/%d" % number)


def _generator(seed: int, text: bytes) -> np.random.Generator:
    draw = _DRAW.get()
    if isinstance(draw, bytes):
        return np.random.default_rng(int.from_bytes(hmac.digest(draw, text, "sha256")))
    return np.random.default_rng(seed if draw == 0 else [seed, draw])


@contextlib.contextmanager
def other_draws(draw: int | bytes) -> Iterator[None]:
    """Draw other cases than the tests do: under another number, or from a secret; 0 stands for the tests' own."""
    token = _DRAW.set(draw)
    try:
        yield
    finally:
        _DRAW.reset(token)


def _usual_draw() -> int | bytes:
    """The key beside this file that `autograder build --seed-file` puts into a zip; 0 where there is none."""
    key = Path(__file__).with_name(ZIPPED_KEY)
    return bytes.fromhex(key.read_text(encoding="ascii")) if key.is_file() else 0


ZIPPED_KEY = "drawn_from.txt"
_USUAL = _usual_draw()
_DRAW: ContextVar[int | bytes] = ContextVar("draw", default=_USUAL)


def drawn(rng: np.random.Generator, *ranges: tuple[int, int]) -> list[int]:
    """Whole numbers, each from its own range (low, high), high left out: sizes that are not the same under another draw."""
    return [int(rng.integers(low, high)) for low, high in ranges]


def rounded(rng: np.random.Generator, *shape: int, scale: float = 1.0, digits: int = 1) -> np.ndarray:
    """Standard normal numbers (shape) times `scale`, rounded so that a learner can read and retype them."""
    return np.round(rng.standard_normal(shape) * scale, digits) + 0.0


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Standard normal numbers (shape) times `scale`."""
    return rng.standard_normal(shape) * scale
