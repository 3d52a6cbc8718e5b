"""A course's own secret: every hidden input drawn anew, and nothing of the secret anywhere but in its file."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes import FakeWorkshop
from handins import FILE, NAME, handin, write
from test_grade_cli import Quiet

from autograder.building.grader_zip import with_key
from autograder.cli import main
from autograder.exercises import NOTEBOOKS, exercise_for, exercises_of
from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.run.job import Bench, Job, Setting, open_workshop
from autograder.grading.run.pool import InProcess
from autograder.judging.declare import ZIPPED_KEY, Exercise, Test, other_draws
from autograder.judging.examine import as_targets
from autograder.judging.secret import Secret, SecretError, read_secret
from autograder.paths import GENERATED, ROOT
from autograder.proving.seeds import seeded, trace

TEXT = "of this course alone: 91 ducks"
ONE, OTHER = b"1" * 32, b"2" * 32


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture(scope="module")
def secret(tmp_path_factory) -> Secret:
    return read_secret(written(tmp_path_factory.mktemp("secret"), TEXT))


def written(folder: Path, text: str, name: str = "secret.txt") -> Path:
    path = folder / name
    path.write_text(text + "\n")
    return path


# The file


def test_a_secret_shows_its_fingerprint_and_nothing_else(secret, tmp_path):
    assert re.fullmatch("[0-9a-f]{12}", secret.fingerprint)
    assert repr(secret) == f"Secret(fingerprint='{secret.fingerprint}')"
    assert repr(Setting(secret=secret)).count("key") == 0
    again, other = read_secret(written(tmp_path, TEXT)), read_secret(written(tmp_path, TEXT + "!"))
    assert (again, again.key) == (secret, secret.key)
    assert other != secret
    assert secret.fingerprint not in secret.key.hex()


@pytest.mark.parametrize(
    ("text", "says"), [(None, "cannot be read"), ("too short", "fewer than 16 characters"), ("", "fewer than 16")]
)
def test_a_file_that_is_no_secret_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "secret.txt" if text is None else written(tmp_path, text)
    with pytest.raises(SecretError, match=says) as told:
        read_secret(path)
    assert text is None or text == "" or text not in str(told.value)
    where = str(tmp_path / "out")
    for words in (["grade", str(tmp_path), "-o", where], ["build", "--zips", where], ["prove", "02"]):
        done = CliRunner().invoke(main, [*words, "--seed-file", str(path)])
        assert done.exit_code == 1
        assert says in done.output
        assert done.output.count("\n") == 1


# The draws


def plain(value: object) -> object:
    """An input as something that can be compared: arrays by their bytes, functions by nothing."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return type(value).__name__, [plain(getattr(value, one.name)) for one in fields(value)]
    if isinstance(value, Mapping):
        return [(name, plain(item)) for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return "a function" if callable(value) else repr(value)


def inputs(exercise: Exercise, test: Test, draw: int | bytes) -> list[object]:
    """What a hidden test gives to an answer: its cases, or what its judge asks a right one."""
    with seeded(draw):
        if test.judge is None:
            return [plain(case) for case in exercise.draw(test)]
        right = as_targets(exercise, exercise.variants[0].code)
        return [plain(case) for case, _ in trace(exercise, right, test.name).steps]


# Where nothing is left to draw: three answers worked on paper; seeds of a generator, of which only the spread of what they
# give counts; zeros, at which a gradient has to be finite; equal logits
STAYS = {
    "2.8": {"scores", "weights", "output"},
    "3.1": {"all randomness from the generator", "n − 1"},
    "3.3": {"gradients at zero"},
    "6.7": {"generator"},
}


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_secret_draws_the_inputs_of_every_hidden_test_anew(number):
    stays: dict[str, set[str]] = {}
    for exercise in exercises_of(number):
        for test in exercise.tests:
            public, one, again, other = (inputs(exercise, test, draw) for draw in (0, ONE, ONE, OTHER))
            assert one == again
            if public == one == other:
                stays.setdefault(exercise.number, set()).add(test.name)
            else:
                assert public != one
                assert one != other
    assert stays == {name: tests for name, tests in STAYS.items() if name.startswith(f"{int(number)}.")}


def test_the_guide_names_what_stays_under_a_secret():
    guide = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    told = guide[guide.index("What a secret does not draw anew") :]
    assert set(re.findall(r"\b[1-6]\.\d+\b", told[: told.index("\n\n")])) == set(STAYS)


def test_public_numbers_stay_what_is_shipped():
    exercise = exercise_for("q2_3")
    usual = plain(exercise.draw_public())
    with other_draws(ONE):
        assert plain(exercise.draw_public()) == usual


# From end to end


def grade(course: Course, root: Path, out: Path, secret: Secret | None, **more) -> list[str]:
    setting, watcher = Setting(workshop=FakeWorkshop, secret=secret), Quiet()
    grade_class(Plan([root], out, course, setting, **more), lambda count: InProcess(setting), watcher)
    return watcher.seen


def test_a_class_graded_with_a_secret(tmp_path, course, secret):
    by_heart = "def attention(Q, K, V):\n    w = torch.softmax(Q @ K.mT, -1)\n    return w @ V * (1 + (Q.shape[-1] == 4)), w\n"
    files = {f"ana/{FILE}": handin(), f"bo/{FILE}": handin(answers={"q2_3": by_heart})}
    root, out = write(tmp_path / "class", files), tmp_path / "out"
    assert grade(course, root, out, secret) == ["ana", "bo"]
    assert grade(course, root, out, secret) == []
    with Gradebook(out / "gradebook.sqlite") as book:
        assert {one.seed for key in ("ana", "bo") for one in book.attempts(key, NAME)} == {secret.fingerprint}
        assert [record.result.score == record.result.possible for record in book.records()] == [True, False]
    with pytest.raises(GradingError, match=f"fingerprint {secret.fingerprint}.*--seed-file again, or --public-inputs"):
        grade(course, root, out, None)
    held = [TEXT.encode(), secret.key, secret.key.hex().encode()]
    for path in out.rglob("*"):
        assert not path.is_file() or not any(word in path.read_bytes() for word in held), path
    other = read_secret(written(tmp_path, TEXT + " and a goose"))
    assert grade(course, root, out, other) == ["ana", "bo"]
    assert grade(course, root, out, None, public_inputs=True) == ["ana", "bo"]
    assert grade(course, root, out, None) == []


def test_the_process_that_runs_submissions_never_holds_the_secret(secret, course):
    try:
        opened = open_workshop(Setting())
    except GradingError as reason:
        pytest.skip(str(reason))
    with opened as workshop:
        bench = Bench(Setting(secret=secret, workshop=lambda setting: opened))
        bench._context, bench._workshop = opened, workshop
        result = bench.grade(Job(0, NAME, handin()))
        assert result.score == course.notebooks[NAME].points
        pids = family(workshop.server().trunk.process.pid)
        assert len(pids) > 1
        for pid in pids:
            for name in ("environ", "cmdline"):
                assert secret.key not in Path(f"/proc/{pid}/{name}").read_bytes()
            assert not holds(pid, secret.key)
        assert holds(os.getpid(), secret.key)  # the search would find it


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def holds(pid: int, word: bytes) -> bool:
    """Whether the memory of a process that may be written holds some bytes."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                place, rights, *_ = line.split()
                start, end = (int(number, 16) for number in place.split("-"))
                if rights.startswith("rw") and end - start < 2**28:
                    memory.seek(start)
                    try:
                        if word in memory.read(end - start):
                            return True
                    except OSError:
                        continue
    except PermissionError as reason:
        pytest.skip(f"this user may not look into the memory of another process ({reason.strerror})")
    return False


# The zip for Gradescope


def test_a_zip_with_a_key_of_its_own_draws_other_inputs(tmp_path, secret):
    built = (GENERATED / NAME / "autograder.zip").read_bytes()
    keyed = zipfile.ZipFile(io.BytesIO(with_key(built, secret.for_zip(NAME))))
    keyed.extractall(tmp_path)
    plain = zipfile.ZipFile(io.BytesIO(built))
    assert {*keyed.namelist()} - {*plain.namelist()} == {f"files/autograder/judging/{ZIPPED_KEY}"}
    assert all(keyed.read(name) == plain.read(name) for name in plain.namelist())
    assert secret.key.hex() not in keyed.read(f"files/autograder/judging/{ZIPPED_KEY}").decode()
    assert len({secret.key, *(secret.for_zip(name) for name in NOTEBOOKS.values())}) == 1 + len(NOTEBOOKS)
    show = (
        "from autograder.exercises import exercise_for\nx = exercise_for('q2_3')\n"
        "print(x.draw(x.tests[0])[0].args[0][0, 0], x.draw_public()[1].args[0][0, 0, 0])"
    )
    run = [sys.executable, "-c", show]
    there = subprocess.run(run, cwd=tmp_path / "files", capture_output=True, text=True, check=True).stdout.split()
    exercise = exercise_for("q2_3")
    here = [str(exercise.draw(exercise.tests[0])[0].args[0][0, 0]), str(exercise.draw_public()[1].args[0][0, 0, 0])]
    assert there[0] != here[0]
    assert there[1] == here[1]


def test_build_writes_such_zips_outside_the_repository(tmp_path):
    path = written(tmp_path, TEXT)
    done = CliRunner().invoke(main, ["build", "02", "--seed-file", str(path), "--zips", str(tmp_path / "zips")])
    assert done.exit_code == 0, done.output
    assert [one.name for one in (tmp_path / "zips").iterdir()] == [f"{NAME}.zip"]
    assert TEXT not in done.output
    inside = CliRunner().invoke(main, ["build", "02", "--seed-file", str(path), "--zips", str(GENERATED / "zips")])
    assert "lies in the repository, which is public" in inside.output
    alone = CliRunner().invoke(main, ["build", "02", "--seed-file", str(path)])
    assert "go together" in alone.output
    assert not (GENERATED / "zips").exists()


def test_prove_tells_of_the_secret_that_a_course_will_use(tmp_path, monkeypatch):
    from autograder.proving import command

    monkeypatch.setattr(command, "exercises_of", lambda number: (exercise_for("q2_4"),))
    done = CliRunner().invoke(main, ["prove", "02", "--seed-file", str(written(tmp_path, TEXT))])
    fingerprint = read_secret(tmp_path / "secret.txt").fingerprint
    assert done.exit_code == 0, done.output
    assert "right answers refused, 0 mistakes survive under the secret" in done.output.replace("\n", " ")
    assert fingerprint in done.output
