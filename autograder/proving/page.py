"""The proof as a Markdown page for `docs/`: every mistake by name, and which tests catch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.exercises import NOTEBOOKS
from autograder.proving.corpus import STATES, Told, rates
from autograder.proving.prove import PUBLIC, Proof

_HEAD = """# What the tests catch

Made by `autograder prove --page docs/proof.md`. Each known mistake of the course is run through the public check and the
hidden tests of its exercise. ● marks the only hidden test that catches a mistake, • one of several. Every mistake is
caught by a hidden test and named by it; every accepted variant of a right answer passes all tests.
"""


def proof_page(proofs: list[Proof]) -> str:
    """The whole page."""
    mistakes = sum(len(proof.rows) for proof in proofs)
    variants = sum(len(proof.exercise.variants) for proof in proofs)
    named = sum(row.public_name == row.mistake for proof in proofs for row in proof.rows)
    pairs, pairs_named = sum(proof.pairs for proof in proofs), sum(proof.pairs_named for proof in proofs)
    both = f" Of {pairs} combinations of two mistakes, {pairs_named} are named as both." if pairs else ""
    counts = (
        f"\n{len(proofs)} exercises, {mistakes} mistakes, {variants} accepted right answers. The public checks name {named} of "
        f"the mistakes.{both}\n"
    )
    return _HEAD + counts + "".join(_section(proof) for proof in proofs)


_BLIND = "\n## Wrong answers written blind\n"
_BLIND_HEAD = """
Made by `autograder prove --blind --page docs/proof.md`. These wrong answers were written from the stubs alone, without a look
at the tests or at the known mistakes. *Named*: a hidden test gives the name of a known mistake. *Explained*: no name, but how
all of the answer differs from the right one, which cases are wrong, or a fault other than wrong numbers (a shape, a type, an
error, a gradient). *Remark*: how many cases are wrong, and what is still true of their numbers. *False*: a name whose mistake
does something else on inputs that no test has drawn, in the hidden tests and in the public check.

| notebook | answers | caught | named | explained | remark | other numbers | false, hidden | false, public |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""
_COLUMNS = ("answers", "caught", *STATES[1:], "false names", "public false names")


def blind_section(told: Mapping[str, Sequence[Told]]) -> str:
    """The rates of the wrong answers to each notebook, and what survives."""
    everything = [one for answers in told.values() for one in answers]
    rows = [*((NOTEBOOKS[number], answers) for number, answers in told.items()), ("all", everything)]
    lines = [f"| {name} | " + " | ".join(_cell(answers, column) for column in _COLUMNS) + " |" for name, answers in rows]
    survivors = [f"* {one.question}: {one.says}" for one in everything if one.state == "survives"]
    text = _BLIND + _BLIND_HEAD + "\n".join(lines) + "\n"
    return text + ("\nNot caught:\n\n" + "\n".join(survivors) + "\n" if survivors else "")


def _cell(answers: Sequence[Told], column: str) -> str:
    counts = rates(list(answers))
    share = column in STATES and counts["caught"] > 0
    return f"{counts[column]} ({100 * counts[column] / counts['caught']:.0f} %)" if share else str(counts[column])


def with_matrix(page: str, matrix: str) -> str:
    """The page with a new matrix, and the wrong answers written blind as they stand on it."""
    return matrix + page[page.index(_BLIND) :] if _BLIND in page else matrix


def with_blind(page: str, section: str) -> str:
    """The page with new rates of the wrong answers written blind, and its matrix as it stands."""
    return page.split(_BLIND)[0] + section


def _section(proof: Proof) -> str:
    exercise = proof.exercise
    tests = [PUBLIC, *(test.name for test in exercise.tests)]
    titles = {mistake.name: mistake.title for mistake in exercise.mistakes}
    lines = [
        f"\n## {exercise.heading}\n",
        "| mistake | looks like | " + " | ".join(tests) + " |",
        "|---|---|" + ":-:|" * len(tests),
    ]
    for row in proof.rows:
        hidden = [name for name in row.caught_by if name != PUBLIC]
        marks = ["●" if [test] == hidden else "•" if test in row.caught_by else "" for test in tests]
        lines.append(f"| `{row.mistake}` | {_escaped(titles[row.mistake])} | " + " | ".join(marks) + " |")
    lines.append("")
    lines.append("Right answers that pass: " + ", ".join(variant.name for variant in exercise.variants) + ".")
    if proof.idle_tests:
        lines.append(f"\nHidden tests that catch nothing another does not: {', '.join(proof.idle_tests)}.")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
