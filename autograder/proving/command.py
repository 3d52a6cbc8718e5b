"""`autograder prove`: show that every known mistake is caught and named, and that every right answer passes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from autograder.building.chosen import chosen_notebooks, need_masters
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.grading.record.files import replacing
from autograder.judging.secret import SecretError, read_secret
from autograder.proving.corpus import STATES, Told, corpus, rates, told_of, written
from autograder.proving.page import blind_section, proof_page, with_blind, with_matrix
from autograder.proving.prove import PUBLIC, Proof, prove_exercise
from autograder.proving.seeds import under_seed


@click.command()
@click.argument("numbers", nargs=-1, metavar="[NN]...")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the matrix, or with --blind the rates, into this Markdown page.",
)
@click.option(
    "--mutants", type=int, metavar="N", help="Instead: change one token of the right answers, N times a notebook."
)
@click.option("--seeds", type=int, metavar="N", help="Instead: draw the tests' cases anew under N other seeds.")
@click.option(
    "--seed-file", type=click.Path(path_type=Path), help="Instead: draw them anew from the secret that a course will use."
)
@click.option("--blind", is_flag=True, help="Instead: run the wrong answers that were written blind, and print rates.")
@click.option("--pairs", is_flag=True, help="Also make every two mistakes at once that can be, and count where both are named.")
@click.option("--quiet", is_flag=True, help="Show one line per exercise instead of the whole matrix.")
def prove(
    numbers: tuple[str, ...], page: Path | None, mutants: int | None, seeds: int | None, seed_file: Path | None,
    blind: bool, pairs: bool, quiet: bool
) -> None:
    """Run every known mistake and every accepted variant through the public checks and the hidden tests."""
    import torch

    torch.set_num_threads(1)
    console = Console(highlight=False)
    if mutants is not None:
        need_masters()
        for number in chosen_notebooks(numbers):
            _show_mutants(number, mutants, console)
        return
    if seeds is not None:
        others = {f"seed {seed}": seed for seed in range(1, seeds + 1)}
        sys.exit(_show_seeds(chosen_notebooks(numbers), others, f"{seeds} other seeds", console))
    if seed_file is not None:
        try:
            secret = read_secret(seed_file)
        except SecretError as error:
            click.echo(f"autograder: {error}", err=True)
            sys.exit(1)
        secrets = {f"secret {secret.fingerprint}": secret.key}
        sys.exit(_show_seeds(chosen_notebooks(numbers), secrets, f"the secret {secret.fingerprint}", console))
    if blind:
        sys.exit(_show_blind(chosen_notebooks(numbers), console, quiet, page))
    proofs: list[Proof] = []
    for number in chosen_notebooks(numbers):
        for exercise in exercises_of(number):
            proof = prove_exercise(exercise, combined=pairs)
            proofs.append(proof)
            show(proof, console, quiet)
    if page is not None:
        _rewrite(page, with_matrix(_text_of(page), proof_page(proofs)))
    console.print(summary(proofs))
    sys.exit(1 if any(proof.problems for proof in proofs) else 0)


def _show_mutants(number: str, count: int, console: Console) -> None:
    """Print how many changed answers the hidden tests catch, and every survivor."""
    from autograder.proving.mutants import examine_mutants, sample_mutants  # needs what only a checkout has

    verdicts = list(examine_mutants(number, sample_mutants(number, count)))
    survivors = [verdict.mutant for verdict in verdicts if not verdict.caught_by]
    console.print(f"{NOTEBOOKS[number]}: {len(verdicts) - len(survivors)} of {len(verdicts)} changed answers caught")
    for mutant in survivors:
        console.print(f"  survives in {mutant.question}, line {mutant.line} ({mutant.operator})", markup=False)
        console.print(f"    - {mutant.before}\n    + {mutant.after}", markup=False)


def _show_seeds(numbers: Sequence[str], seeds: Mapping[str, int | bytes], words: str, console: Console) -> int:
    """Print every right answer that fails and every mistake that survives under another seed; returns an exit status."""
    alarms = survivors = runs = 0
    for number in numbers:
        for exercise in exercises_of(number):
            for name, found in ((name, under_seed(exercise, seed)) for name, seed in seeds.items()):
                runs += len(exercise.variants)
                alarms += len(found.false_alarms)
                survivors += len(found.survivors)
                for variant, test, problem in found.false_alarms:
                    console.print(
                        f"{exercise.heading}, {name}: {variant!r} fails {test!r}: {problem}", markup=False
                    )
                for mistake in found.survivors:
                    console.print(f"{exercise.heading}, {name}: {mistake} survives", markup=False)
        console.print(f"{NOTEBOOKS[number]}: {words} done")
    console.print(f"{alarms} of {runs} right answers refused, {survivors} mistakes survive under {words}")
    return 1 if alarms or survivors else 0


def _text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def _rewrite(page: Path, text: str) -> None:
    with replacing(page) as file:
        file.write(text.encode())


def _show_blind(numbers: Sequence[str], console: Console, quiet: bool, page: Path | None) -> int:
    """Print what the tests say of the wrong answers written blind; the status is 1 where a name is false."""
    by_notebook: dict[str, list[Told]] = {}
    table = Table("notebook", "answers", "caught", *STATES[1:], "false names", "public", box=None)
    for number in (number for number in numbers if number in written()):
        told = by_notebook[number] = [told_of(*entry) for entry in corpus(number)]
        table.add_row(NOTEBOOKS[number], *_rates_row(told))
        for one in told:
            if one.false_name or one.public_false_name:
                console.print(
                    f"false name: {one.question} {one.says}: {one.false_name or one.public_false_name}", markup=False
                )
            elif not quiet and one.state in ("survives", "other numbers", "remark"):
                console.print(f"{one.state}: {one.question} {one.says}", markup=False)
    everything = [one for told in by_notebook.values() for one in told]
    table.add_row("all", *_rates_row(everything))
    console.print(table)
    if page is not None:
        _rewrite(page, with_blind(_text_of(page), blind_section(by_notebook)))
    return 1 if any(one.false_name or one.public_false_name for one in everything) else 0


def _rates_row(told: list[Told]) -> list[str]:
    counts = rates(told)
    return [str(counts[name]) for name in ("answers", "caught", *STATES[1:], "false names", "public false names")]


def show(proof: Proof, console: Console, quiet: bool) -> None:
    """Print one exercise: its matrix (mistake × test), what is wrong with it, and its tests that catch nothing alone."""
    exercise = proof.exercise
    mark = "[red]✗[/]" if proof.problems else "[green]✓[/]"
    both = f", {proof.pairs_named}/{proof.pairs} pairs named" if proof.pairs else ""
    console.print(
        f"{mark} {exercise.heading}: {len(proof.rows)} mistakes, {len(exercise.variants)} variants, "
        f"{len(exercise.tests)} hidden tests{both}"
    )
    if not quiet:
        console.print(_matrix(proof))
    for problem in proof.problems:
        console.print(f"  [red]problem[/] {problem}")
    if not quiet and proof.idle_tests:
        console.print(f"  catch nothing that another test does not: {', '.join(proof.idle_tests)}")


def summary(proofs: list[Proof]) -> str:
    """One line with the counts of everything that was run."""
    mistakes = sum(len(proof.rows) for proof in proofs)
    named = sum(row.hidden_name == row.mistake for proof in proofs for row in proof.rows)
    public = sum(row.public_name == row.mistake for proof in proofs for row in proof.rows)
    variants = sum(len(proof.exercise.variants) for proof in proofs)
    pairs, pairs_named = sum(proof.pairs for proof in proofs), sum(proof.pairs_named for proof in proofs)
    problems = sum(len(proof.problems) for proof in proofs)
    both = f", {pairs_named} of {pairs} combined mistakes named" if pairs else ""
    return (
        f"{len(proofs)} exercises: {mistakes} mistakes ({named} named by the hidden tests, {public} by the public checks), "
        f"{variants} right answers{both}; {problems} problems"
    )


def _matrix(proof: Proof) -> Table:
    tests = [PUBLIC, *(test.name for test in proof.exercise.tests)]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 2))
    table.add_column("mistake", no_wrap=True)
    for test in tests:
        table.add_column(test, justify="center", max_width=14)
    for row in proof.rows:
        hidden = [name for name in row.caught_by if name != PUBLIC]
        cells = ["●" if [test] == hidden else "•" if test in row.caught_by else "" for test in tests]
        table.add_row(row.mistake, *cells)
    table.add_row("caught by this test alone", "", *(str(proof.caught_alone(test)) for test in tests[1:]), style="dim")
    return table
