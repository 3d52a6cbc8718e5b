"""The search: the first relation that holds in every wrong case, with what those cases have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from attnkit.checking.case import BY_ITS_WORDS, Case, Outcome
from attnkit.checking.compare import Difference, Expected, Output, argument_at, close, direction
from attnkit.checking.message import Report
from attnkit.checking.relations import numbers, order
from attnkit.checking.relations.cases import in_common
from attnkit.checking.relations.facts import facts
from attnkit.checking.relations.numbers import Sentences
from attnkit.checking.relations.pair import Pair, plain
from attnkit.checking.relations.places import everywhere_but

GRADIENT_SLACK = {"float32": 2e-3}
ENDED = ("unfinished", "missing", "timeout", "died", "state", "forbidden", "loops", "judge")


@dataclass(frozen=True, eq=False)
class Step:
    """One case, the right answer, what came of it, and the difference, if there is one."""

    case: Case
    expected: Expected
    outcome: Outcome
    outputs: tuple[Output, ...]
    difference: Difference | None


@dataclass(frozen=True)
class Relation:
    """How an answer differs from the right one: `says` completes "this looks like …", `hint` says where to think.

    `telling` is False for what is only a general remark.
    """

    says: str
    hint: str
    telling: bool = True


def described(report: Report, relation: Relation | None) -> Report:
    """`report` with the relation: what it looks like, or a remark on what was found."""
    if relation is None:
        return report
    if not relation.telling:
        return replace(report, found=f"{report.found}; {relation.says}", hint=relation.hint)
    return replace(report, looks_like=relation.says, hint=relation.hint)


_HINTS: tuple[tuple[Callable[[Pair], Sentences | None], str], ...] = (
    (order.shape, "Write the shape behind every line: which one adds, drops or moves an axis?"),
    (numbers.constant_output, "What does the result depend on at all? Print it before the last line."),
    (numbers.negated, "Which of the two does True stand for here?"),
    (numbers.an_input, "Is what you computed also what you return?"),
    (numbers.factor, "Where is this factor multiplied or divided by, and does the equation ask for it?"),
    (numbers.normalisation, "What has to sum to 1, over which axis, and what goes into the exponential?"),
    (order.axes_swapped, "Which axis is which? Write the shape behind every line."),
    (order.read_in_another_order, "A reshape never moves a number; which axes have to change places first?"),
    (order.other_order, "Follow one position from the input to the output: where does it end up?"),
    (numbers.addend, "What is added or left over, and where in the equation would it stand?"),
    (numbers.function, "Which step of the equation is done twice, left out, or done too early?"),
    (order.moved_and_scaled, "Two things differ: mend the axes first, then look for the factor."),
    (numbers.own_factor, "Each of them has a number of its own, multiplied or added: which line makes that number?"),
    (order.shuffled, "The numbers are right and their places are not: follow one of them through your lines."),
    (numbers.precision, "Something small is left out, put elsewhere or rounded: an eps, or a number type on the way?"),
)
_PLACES = "What is different about these places in the equation or in the stub?"
_COMMON = "Work through the smallest such case by hand, line by line."
PARTIAL = (_PLACES, _COMMON)  # the hints of relations that say where an answer is wrong, and not how


def explain(steps: Sequence[Step]) -> Relation | None:
    """The first relation that holds in every wrong case; None when no case was wrong or nothing was returned."""
    wrong = [step for step in steps if step.difference is not None and not step.case.raises and not step.case.verify]
    if not wrong or any(step.difference and step.difference.kind in ENDED for step in wrong):
        return None
    if any(step.difference is not None and step.case.verify in BY_ITS_WORDS for step in steps):
        return None  # what is said of the drawn cases is the cause; the others are too few to tell where it is wrong
    right = [step for step in steps if step.difference is None and not step.case.raises]
    valued = [step for step in wrong if step.outcome.failure is None]
    relation = _of_values(valued, right) if valued else None
    if relation is not None and len(valued) < len(wrong):
        return replace(relation, says=f"{relation.says}, where it raises no error")
    return relation or _of_cases(wrong, right)


def _of_values(wrong: Sequence[Step], right: Sequence[Step]) -> Relation | None:
    kinds = {step.difference.kind for step in wrong if step.difference}
    if kinds == {"gradient"}:
        return _of_gradients(wrong, right)
    if kinds <= {"dtype", "type", "mutated"}:
        return _right_values(wrong, right)
    relation = _structure(wrong)
    if relation is not None:
        return relation
    for prefix, pairs in _by_output(wrong):
        found = _first(pairs)
        if found is not None:
            common = in_common([step.case for step in wrong], [step.case for step in right])
            everywhere = not right or bool(common) or _also_right(found[0], right, pairs)
            where = (
                f", {common}" if common and common not in found[0] else "" if everywhere else ", wherever it is wrong"
            )
            return Relation(prefix + found[0] + where, found[1])
    return None


def _first(pairs: Sequence[Pair]) -> tuple[str, str] | None:
    """The first sentence that holds for all pairs, with its hint."""
    for relation, hint in _HINTS[:-1]:
        sentence = _shared(relation, pairs)
        if sentence:
            return sentence, hint
    places = everywhere_but(pairs)
    if places:
        return places, _PLACES
    sentence = _shared(numbers.precision, pairs)
    return (sentence, _HINTS[-1][1]) if sentence else None


def _shared(relation: Callable[[Pair], Sentences | None], pairs: Sequence[Pair]) -> str:
    """The first sentence that holds for every pair, and for which there is evidence; "" when there is none.

    Evidence is a pair of several numbers, or several pairs of different numbers.
    """
    held: Sentences | None = None
    seen: set[float] = set()
    for pair in pairs:
        told = relation(pair)
        if told is None:
            if pair.one.shape != pair.other.shape or pair.one.size > 1:
                return ""
            continue
        seen.add(round(float(np.nan_to_num(pair.one.astype(np.float64)).sum()), 9))
        held = told if held is None else {text: _stronger(held[text], told[text]) for text in held if text in told}
        if not held:
            return ""
    several = len(seen) > 1
    return next((text for text, evident in (held or {}).items() if evident or (several and evident is False)), "")


def _stronger(one: bool | None, other: bool | None) -> bool | None:
    return other if one is None else one if other is None else one or other


def _also_right(sentence: str, right: Sequence[Step], wrong: Sequence[Pair]) -> bool:
    """Whether the sentence is true of the right cases, too, such as a factor of 1; then it needs no condition."""
    places = (
        {i for i, output in enumerate(right[0].outputs) if any(output is pair.output for pair in wrong)}
        if right
        else set()
    )
    for step in right:
        for index, pair in pairs_of(step):
            if index in places and not any(sentence in (relation(pair) or {}) for relation, _ in _HINTS):
                return False
    return True


def _by_output(wrong: Sequence[Step]) -> Iterator[tuple[str, list[Pair]]]:
    """For every output that is wrong in each of these cases: words that say what is right beside it, and its pairs."""
    tables = [dict(pairs_of(step)) for step in wrong]
    if not all(tables):
        return
    shared = [index for index in tables[0] if all(index in table for table in tables)]
    states = {index: [table[index].right for table in tables] for index in shared}
    several = len(tables[0]) > 1
    right = [tables[0][index].output.name for index in shared if all(states[index])]
    beside = f"{_words(right)} right, and " if right else ""
    for index in shared:
        if not any(states[index]):
            name = tables[0][index].output.name
            yield (f"{beside}the {name}: " if several else ""), [table[index] for table in tables]


def _words(names: Sequence[str]) -> str:
    verb = "are" if len(names) > 1 or names[0].endswith("s") else "is"
    return f"the {' and the '.join(names)} {verb}"


def pairs_of(step: Step) -> Iterator[tuple[int, Pair]]:
    """Every output of a case as right and found arrays; none when another number of results came back."""
    expected, found = step.expected.value, step.outcome.value
    if not isinstance(expected, tuple):
        expected, found = (expected,), (found,)
    if not isinstance(found, tuple | list) or len(found) != len(expected):
        return
    for index, (one, other) in enumerate(zip(expected, found, strict=True)):
        first, second = plain(one), plain(other)
        if first is not None and second is not None:
            output = step.outputs[index] if index < len(step.outputs) else Output(f"value {index + 1}")
            yield index, Pair(first, second, _without_counts(step.case), output)


def _without_counts(case: Case) -> Case:
    return replace(case, counts=()) if case.counts else case


def _structure(wrong: Sequence[Step]) -> Relation | None:
    """The right results in another order, one of them alone, or with others beside it."""
    held: set[str] | None = None
    for step in wrong:
        told = set(_structures(step))
        held = told if held is None else held & told
        if not held:
            return None
    hint = "Read the return line of the docstring: what is returned, in which order?"
    return Relation(min(held, key=len), hint) if held else None


def _structures(step: Step) -> Iterator[str]:
    expected, found = step.expected.value, step.outcome.value
    names = [output.name for output in step.outputs]
    if isinstance(expected, tuple):
        names += [f"value {i + 1}" for i in range(len(names), len(expected))]
        if isinstance(found, tuple | list) and len(found) == len(expected) > 1:
            for shift in range(1, len(expected)):
                turned = tuple(expected[(i + shift) % len(expected)] for i in range(len(expected)))
                if close(turned, tuple(found), _without_counts(step.case)):
                    order_ = ", ".join(names[(i + shift) % len(expected)] for i in range(len(expected)))
                    yield f"the right results in another order: {order_}"
        if (
            isinstance(found, tuple | list)
            and len(found) > len(expected)
            and close(expected, tuple(found[: len(expected)]), step.case)
        ):
            yield "the right results and more behind them"
        for i, one in enumerate(expected):
            if close(one, found, step.case):
                yield f"the right {names[i]} alone, without the rest"
    elif isinstance(found, tuple | list) and _is_array(expected):
        name = names[0] if names else "result"
        for i, one in enumerate(found):
            if close(expected, one, step.case):
                yield f"the right {name} together with other results"
                if i == 0:
                    yield f"the right {name} first, with other results behind"


def _right_values(wrong: Sequence[Step], right: Sequence[Step]) -> Relation | None:
    """Right numbers of another type, or right numbers and a changed input."""
    if not all(
        close(_listed(step.expected.value), _listed(step.outcome.value), _as_coarse(step.case)) for step in wrong
    ):
        return None
    kinds = {step.difference.kind for step in wrong if step.difference}
    common = in_common([step.case for step in wrong], [step.case for step in right])
    where = f", {common}" if common else ""
    if kinds == {"mutated"}:
        return Relation(
            f"the right answer, with an input overwritten{where}", "Which of your lines write into an argument?"
        )
    return Relation(f"the right numbers in another type{where}", "Look at the type of everything you make yourself.")


def _as_coarse(case: Case) -> Case:
    """The case with the tolerance of float32, in which right numbers may have been computed."""
    return replace(case, dtype="float32")


def _listed(value: Any) -> Any:
    """A list of several results as the tuple it stands for; a list of plain numbers stays one array."""
    return tuple(value) if isinstance(value, list) and any(_is_array(item) for item in value) else value


def _is_array(value: Any) -> bool:
    array = plain(value)
    return array is not None and array.ndim > 0


def _of_gradients(wrong: Sequence[Step], right: Sequence[Step]) -> Relation | None:
    """Right values, and at which arguments the gradient is missing or wrong."""
    tables = [_gradient_states(step) for step in wrong]
    common = in_common([step.case for step in wrong], [step.case for step in right])
    where = f", {common}" if common else ""
    for state, words in (("missing", "no gradient arrives at"), ("wrong", "another gradient arrives at")):
        named = [{path for path, found in table.items() if found == state} for table in tables]
        other = [{path for path, found in table.items() if found not in (state, "right")} for table in tables]
        if not all(named) or any(other):
            continue
        if all(len(paths) == len(table) for paths, table in zip(named, tables, strict=True)):
            scale = _gradient_factor(wrong) if state == "wrong" else ""
            says = (
                f"the right numbers, but {words} any argument"
                if state == "missing"
                else f"the right numbers, but another gradient everywhere{scale}"
            )
            return Relation(
                says + where, "Which line leaves the graph, or computes something that only equals the right numbers?"
            )
        if len({frozenset(paths) for paths in named}) == 1:
            places = " and ".join(argument_at(path, wrong[0].case) for path in sorted(named[0]))
            return Relation(
                f"the right numbers, but {words} {places} alone{where}",
                f"Follow {places} to the result: which line cuts the graph?",
            )
    return (
        Relation(
            "the right numbers, but the gradient is missing at some arguments and wrong at others" + where,
            "Which lines leave the graph?",
        )
        if all(tables)
        else None
    )


def _gradient_states(step: Step) -> dict[str, str]:
    states = {}
    for path, slope in step.expected.slopes.items():
        gradient = step.outcome.gradients.get(path)
        if gradient is None:
            states[path] = "missing"
            continue
        found = float((gradient * direction(gradient.shape)).sum())
        scale = max(1.0, abs(slope), float(np.abs(gradient).sum()))
        good = np.isfinite(gradient).all() and abs(found - slope) <= GRADIENT_SLACK.get(step.case.dtype, 2e-5) * scale
        states[path] = "right" if good else "wrong"
    return states


def _gradient_factor(wrong: Sequence[Step]) -> str:
    ratios = [
        float((gradient * direction(gradient.shape)).sum()) / slope
        for step in wrong
        for path, slope in step.expected.slopes.items()
        if abs(slope) > 1e-3 and (gradient := step.outcome.gradients.get(path)) is not None
    ]
    if len(ratios) < 2 or not np.isfinite(ratios).all() or np.ptp(ratios) > 1e-3 * max(map(abs, ratios)):
        return ""
    return ": minus the right one" if abs(ratios[0] + 1) < 1e-3 else ": the right one times a constant"


def _of_cases(wrong: Sequence[Step], right: Sequence[Step]) -> Relation | None:
    """A general remark: which cases are wrong, and what is still true of the numbers."""
    common = in_common([step.case for step in wrong], [step.case for step in right])
    valued = [step for step in wrong if step.outcome.failure is None]
    remarks = facts([pair for step in valued for _, pair in pairs_of(step) if not pair.right]) if valued else ""
    if common:
        raised = "an error" if not valued else "wrong" if len(valued) == len(wrong) else "wrong or an error"
        return Relation(
            f"{raised} {common}, and right in all other cases" + (f"; there, {remarks}" if remarks else ""), _COMMON
        )
    if not remarks:
        return None
    total = len(wrong) + len(right)
    count = (
        f"wrong in all {total} cases"
        if not right and total > 1
        else f"wrong in {len(wrong)} of {total} cases"
        if total > 1
        else "wrong in the one case"
    )
    return Relation(f"{count}; {remarks}", _COMMON, telling=False)
