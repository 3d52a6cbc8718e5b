"""`autograder build`: make every generated file, or say which is stale."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from autograder.building import BuildError
from autograder.building.build import (
    make,
    notebook_bytes,
    sources_match,
    stale_files,
    with_kept_outputs,
    write_if_changed,
)
from autograder.building.chosen import chosen_notebooks, need_masters
from autograder.building.execute import execute_notebook
from autograder.building.grader_zip import with_key
from autograder.building.master import MasterError
from autograder.exercises import NOTEBOOKS, MisplacedExerciseError
from autograder.judging.secret import SecretError, read_secret
from autograder.paths import EXAMPLES, GENERATED, ROOT

EXAMPLE_NOTEBOOK = "02"


@click.command()
@click.argument("numbers", nargs=-1, metavar="[NN]...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 and name every generated file that is stale.")
@click.option("--execute", is_flag=True, help="Run the solved notebooks again even if their code has not changed.")
@click.option(
    "--seed-file", type=click.Path(path_type=Path),
    help="Instead: write zips for Gradescope whose hidden inputs are drawn from the secret in this file.",
)
@click.option("--zips", type=click.Path(path_type=Path), help="The folder for these zips.")
@click.option("--no-execute", is_flag=True, help="Leave the solved notebooks as they are.")
def build(
    numbers: tuple[str, ...], check: bool, execute: bool, seed_file: Path | None, zips: Path | None, no_execute: bool
) -> None:
    """Build notebooks, tests and zips from the masters in solutions/ (all of them, or those named by two digits)."""
    need_masters()
    console = Console(stderr=False, highlight=False)
    if seed_file is not None or zips is not None:
        sys.exit(_secret_zips(chosen_notebooks(numbers), seed_file, zips))
    failed = False
    for number in chosen_notebooks(numbers):
        try:
            failed |= _check(number, console) if check else _build(number, console, execute, no_execute)
        except (BuildError, MasterError, MisplacedExerciseError) as error:
            console.print(f"[red]error[/] {error}", markup=True)
            failed = True
    sys.exit(1 if failed else 0)


def _secret_zips(numbers: Sequence[str], seed_file: Path | None, folder: Path | None) -> int:
    """Write the zips that are built, each with a key of its own made from the secret; returns an exit status."""
    if seed_file is None or folder is None:
        click.echo("autograder: --seed-file and --zips go together: the secret, and the folder for the zips", err=True)
        return 1
    try:
        secret = read_secret(seed_file)
        if folder.resolve().is_relative_to(ROOT):
            raise SecretError(f"{folder} lies in the repository, which is public: choose another folder with --zips")
        folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            built = (GENERATED / NOTEBOOKS[number] / "autograder.zip").read_bytes()
            target = folder / f"{NOTEBOOKS[number]}.zip"
            write_if_changed(target, with_key(built, secret.for_zip(NOTEBOOKS[number])))
            click.echo(f"wrote  {target}, inputs drawn from the secret {secret.fingerprint}")
    except SecretError as error:
        click.echo(f"autograder: {error}", err=True)
        return 1
    except OSError as error:
        click.echo(f"autograder: {error.filename}: {error.strerror}", err=True)
        return 1
    return 0


def _check(number: str, console: Console) -> bool:
    stale = stale_files(make(number))
    if (
        number == EXAMPLE_NOTEBOOK
        and subprocess.run([sys.executable, EXAMPLES / "make_class.py", "--check"]).returncode
    ):
        stale.append(EXAMPLES / "class")
    for path in stale:
        console.print(f"stale  {_shown(path)}")
    if not stale:
        console.print(f"fresh  {NOTEBOOKS[number]}")
    return bool(stale)


def _build(number: str, console: Console, execute: bool, no_execute: bool) -> bool:
    made = make(number)
    written = [path for path, content in made.files.items() if write_if_changed(path, content)]
    console.print(f"built  {NOTEBOOKS[number]}: {len(made.files)} files, {len(written)} changed")
    if number == EXAMPLE_NOTEBOOK:
        subprocess.run([sys.executable, EXAMPLES / "make_class.py"], check=True)
    if no_execute or (not execute and sources_match(made.solved_path, made.solved)):
        return False
    kept = None if execute else with_kept_outputs(made.solved_path, made.solved)
    if kept is not None:
        write_if_changed(made.solved_path, notebook_bytes(kept))
        console.print(f"kept   the outputs of {_shown(made.solved_path)}: nothing but text has changed")
        return False
    executed, seconds = execute_notebook(made.solved)
    write_if_changed(made.solved_path, notebook_bytes(executed))
    console.print(f"ran    {_shown(made.solved_path)} in {seconds:.0f} s")
    return False


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))
