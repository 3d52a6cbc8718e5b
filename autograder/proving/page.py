"""The proof as a Markdown page for `docs/`: every mistake by name, and which tests catch it."""

from __future__ import annotations

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
    counts = (
        f"\n{len(proofs)} exercises, {mistakes} mistakes, {variants} accepted right answers. The public checks name {named} of "
        f"the mistakes. Of {pairs} combinations of two mistakes, {pairs_named} are named as both.\n"
    )
    return _HEAD + counts + "".join(_section(proof) for proof in proofs)


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
