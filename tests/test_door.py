"""What students write at the door (names, archives, metadata) harms nobody: not the run, not the machine, not each other."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import json
import os
import random
import resource
import shutil
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from fakes import FakeWorkshop
from handins import FILE, NAME, blank, handin, marked, opened_here, tarred, write, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find import archive as archives
from autograder.grading.find import intake as intake_module
from autograder.grading.find import layout as layouts
from autograder.grading.find import looking, opening
from autograder.grading.find.door import Bounds, DoorError, behind_the_door
from autograder.grading.find.intake import Intake, take_in
from autograder.grading.record.result import Result
from autograder.grading.report import console
from autograder.grading.report.console import show_class
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.grading.safe_text import file_slug, natural_key, printable, spreadsheet_safe

MEGABYTE = 2**20
METADATA = """\
submission_1:
  :submitters:
  - :name: Ana
    :sid: '31'
    :email: ana@example.org
  :created_at: 2026-01-01 10:00:00.0 Z
submission_2:
  :submitters:
  - :name: Bo
    :sid: '32'
    :email: bo@example.org
  :created_at: 2026-01-02 10:00:00.0 Z
"""
SWAPPED = METADATA.replace("submission_1", "submission_x").replace("submission_2", "submission_1")
SWAPPED = SWAPPED.replace("submission_x", "submission_2")


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture
def find(tmp_path: Path, course: Course) -> Callable[..., Intake]:
    def found(*paths: Path, layout: str = "auto", bounds: Bounds | None = None) -> Intake:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return take_in(paths, course, scratch, layout, bounds)

    return found


def rows(intake: Intake) -> dict[str, str]:
    """Every student's file, or what is wrong with it."""
    return {one.student.key: one.problem or one.shown for one in intake.submissions}


# A student's file is not the platform's


@pytest.mark.parametrize("where", ["submission_1/submission_metadata.yml", "submission_1/a/submission_metadata.yml"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_metadata_in_a_hand_in_names_nobody(tmp_path, find, where, packed, first):
    files = {f"submission_1/{FILE}": marked("ana"), f"submission_2/{FILE}": marked("bo")}
    own = {"submission_metadata.yml": METADATA.encode()}
    theirs = {where: SWAPPED.encode(), "submission_1/own.zip": zipped({"submission_metadata.yml": SWAPPED.encode()})}
    files = {**theirs, **own, **files} if first else {**files, **own, **theirs}
    if packed:
        root = tmp_path / "export.zip"
        root.write_bytes(zipped(files))
    else:
        root = write(tmp_path / "export", files)
    found = rows(find(root))
    assert found["ana@example.org"].startswith("submission_1/")
    assert found["bo@example.org"].startswith("submission_2/")


ATTACKS = {
    "many nbgrader folders": {f"submitted/bo/hw{i}/{FILE}": blank() for i in range(9)},
    "many Canvas names": {f"bo_1_{i}_{FILE}": blank() for i in range(9)},
    "many Moodle names": {f"Bo_4712_assignsubmission_file_/{i}/{FILE}": blank() for i in range(9)},
    "many Gradescope folders": {f"submission_{i}/{FILE}": blank() for i in range(9)},
    "the other's folder": {f"../bo/{FILE}": blank(), f"bo/{FILE}": blank()},
    "metadata": {"submission_metadata.yml": SWAPPED.encode(), FILE: blank()},
}
CLASSES = {
    "folders": ("{}/", "ana", "bo"),
    "Canvas": ("{}_", "ana_11_22", "bo_12_23"),
    "Moodle": ("{}/", "Ana_4711_assignsubmission_file_", "Bo_4712_assignsubmission_file_"),
    "Gradescope": ("{}/", "submission_1", "submission_2"),
    "nbgrader": ("submitted/{}/hw2/", "ana", "bo"),
    "Blackboard": ("HW_{}_attempt_2026-01-01-10-00-00_", "ana", "bo"),
    "Brightspace": ("{} - Jan 1, 2026 1000 AM/", "21-9 - Ana", "22-9 - Bo"),
    "exchange": ("{}+hw2+2026-01-01 10:00:00.0 UTC+a1/", "ana", "bo"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("packed", [False, True])
def test_one_students_archive_changes_nobody_else(tmp_path, find, monkeypatch, attack, kind, packed):
    place, ana, bo = CLASSES[kind]

    def students(name: str, with_attack: bool) -> Intake:
        mine = {"hand-in.zip": zipped(ATTACKS[attack])} if with_attack else {FILE: handin("loops")}
        files = {place.format(ana) + key: value for key, value in mine.items()}
        files[place.format(bo) + FILE] = handin("einsum")
        if not packed:
            return find(write(tmp_path / name, files))
        (tmp_path / f"{name}.zip").write_bytes(zipped(files))
        return find(tmp_path / f"{name}.zip")

    with monkeypatch.context() as patched:
        patched.setattr(intake_module, "behind_the_door", opened_here)
        calm = students("calm", False)
    attacked = students("attacked", True)
    others = [
        {key: row for key, row in rows(one).items() if not key.lower().startswith(("ana", "submission_1"))}
        for one in (calm, attacked)
    ]
    assert len(others[0]) == 1
    assert others[0] == others[1]
    assert set(rows(calm)) == set(rows(attacked)), "nobody is invented, and the sender has a row"


def test_a_folder_above_the_class_is_asked_about(tmp_path, find):
    files = {f"class/s{i}/{FILE}": marked(str(i)) for i in range(3)}
    root = write(tmp_path / "above", {**files, "README.md": b"read"})
    with pytest.raises(GradingError, match="if that is the class, give above/class") as refused:
        find(root)
    assert "\n" not in str(refused.value)
    assert set(rows(find(root, layout="folders"))) == {"class"}
    assert set(rows(find(root / "class"))) == {"s0", "s1", "s2"}


def test_several_paths_that_may_each_be_a_class_are_asked_about(tmp_path, find):
    root = write(tmp_path, {f"ana/{FILE}": blank(), f"cy/bo/{FILE}": blank(), f"cy/di/{FILE}": blank()})
    with pytest.raises(GradingError, match="--layout student"):
        find(root / "ana", root / "cy")
    assert set(rows(find(root / "ana", root / "cy", layout="student"))) == {"ana", "cy"}
    assert set(rows(find(root / "ana", root / "cy", layout="folders"))) == {"ana", "bo", "di"}


# One name or file ends no run


ODD_NAMES = {
    "many digits": "9" * 200 + ".ipynb",
    "a long attempt number": f"{NAME} ({'7' * 180}).ipynb",
    "a number in other digits": f"{NAME}-٣٣.ipynb",
    "many blanks": f"{NAME}{' ' * 150}x.ipynb",
    "no text": os.fsdecode(b"bo\xff_1_2_x.ipynb"),
    "many underscores": "_1" * 100 + "_assignsubmission_file_.ipynb",
    "newlines": f"a\n\n\n{FILE}",
}


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("place", ["{}", "ana_1_2_{}", "ana/{}", "submission_3/{}"])
def test_a_name_costs_its_own_row_at_most(tmp_path, find, name, place):
    files = {f"bo_5_6_{FILE}": handin("einsum"), f"cy_7_8_{FILE}": handin("loops")}
    intake = find(write(tmp_path / "class", {**files, place.format(ODD_NAMES[name]): blank()}))
    assert {"bo_5", "cy_7"} <= set(rows(intake))
    assert len(intake.submissions) == 3


@pytest.mark.parametrize("digits", ["9" * 5_000, f"x ({'9' * 5_000})", f"bo_{'9' * 5_000}_1_x"])
@pytest.mark.parametrize("own", [True, False], ids=["in a hand-in's archive", "in the class's archive"])
def test_a_number_that_no_int_holds_costs_its_own_row_at_most(tmp_path, find, digits, own):
    odd = {f"{digits}.ipynb": blank()}
    files = {"ana/hand-in.zip": zipped(odd)} if own else {f"ana/{name}": content for name, content in odd.items()}
    (tmp_path / "class.zip").write_bytes(zipped({**files, f"bo/{FILE}": handin("loops")}))
    found = rows(find(tmp_path / "class.zip"))
    assert set(found) == {"ana", "bo"}
    assert "too long" in found["ana"]
    assert found["bo"] == f"bo/{FILE}"


@pytest.mark.parametrize(
    "text",
    [
        "- 1",
        "submission_1: 3",
        "submission_1: {':submitters': 7}",
        "submission_1: {':submitters': [[]]}",
        "? [a]\n: b",
        "!!python/object/apply:os.getcwd []",
        "submission_1: {':submitters': [{':name': [1]}]}",
        "a: &a [*a]",
        "\x00",
        "[" * 500,
        "submission_1: {':created_at': 10000000000000000000000000000000000000000}",
    ],
)
def test_metadata_of_any_form_ends_no_run(tmp_path, find, text):
    files = {"submission_metadata.yml": text.encode(), f"submission_1/{FILE}": blank(), f"submission_2/{FILE}": blank()}
    assert len(find(write(tmp_path / "class", files)).submissions) == 2


def test_folders_nested_too_deeply_cost_one_row(tmp_path, find):
    deep = "/".join(["d"] * 60)
    intake = find(write(tmp_path / "class", {f"ana/{deep}/{FILE}": blank(), f"bo/{FILE}": blank()}))
    assert rows(intake)["ana"] == "folders are nested too deeply"
    assert rows(intake)["bo"] == f"bo/{FILE}"
    packed = zipped({f"{deep}/{FILE}": blank(), "x" * 300 + ".ipynb": blank()})
    intake = find(write(tmp_path / "other", {"ana/a.zip": packed, f"bo/{FILE}": blank()}))
    assert "too long" in rows(intake)["ana"]


# Reading is bounded before it begins


def test_memory_and_time_of_reading_are_bounded_by_the_kernel():
    bounds = Bounds(memory=32 * MEGABYTE, cpu_seconds=1, seconds=2.0, reply=1000)
    with pytest.raises(DoorError, match="memory"):
        behind_the_door(lambda: len(bytearray(64 * MEGABYTE)), bounds)
    with pytest.raises(DoorError, match="too long"):
        behind_the_door(lambda: [None for _ in iter(int, 1)] and None, Bounds(cpu_seconds=1, seconds=1.0))
    with pytest.raises(DoorError, match="too many names"):
        behind_the_door(lambda: "x" * 2000, bounds)
    with pytest.raises(DoorError, match="ZeroDivisionError"):
        behind_the_door(lambda: 1 // 0, bounds)
    with pytest.raises(DoorError, match="cannot be opened"):
        behind_the_door(lambda: os._exit(3), bounds)
    assert behind_the_door(lambda: {"a": [1]}, bounds) == {"a": [1]}


def test_what_is_read_behind_the_door_is_all_that_can_be_read(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "theirs").write_text("theirs")
    paths = [tmp_path / "mine"]
    assert behind_the_door(lambda: paths[0].read_text(), Bounds(), paths) == "mine"
    from autograder.grading.run.sandbox.inside import landlock

    if landlock.version():
        with pytest.raises(DoorError, match="PermissionError"):
            behind_the_door((tmp_path / "theirs").read_text, Bounds(), paths)
        with pytest.raises(DoorError, match="PermissionError"):
            behind_the_door(lambda: (tmp_path / "new").write_text("x"), Bounds(), paths)


def long_header() -> bytes:
    """A tar archive with some megabytes of header for one member: a small likeness of what costs gigabytes when it is large."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as made:
        info = tarfile.TarInfo(FILE)
        info.pax_headers = {"comment": "x" * 80 * MEGABYTE}
        info.size = 2
        made.addfile(info, io.BytesIO(b"{}"))
    return buffer.getvalue()


def test_an_archive_that_needs_more_than_its_bound_costs_its_own_row(tmp_path, find):
    files = {"ana/hand-in.tar.gz": long_header(), f"bo/{FILE}": blank()}
    write(tmp_path / "class", files)
    gc.collect()  # what earlier tests have left would be given back in the child, to be used there beyond its bound
    found = rows(find(tmp_path / "class", bounds=Bounds(memory=48 * MEGABYTE)))
    assert "too much memory" in found["ana"]
    assert found["bo"] == f"bo/{FILE}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    find(write(tmp_path / "class", files))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "the coordinator read it itself"


def test_a_hand_in_that_takes_too_long_to_read_costs_its_own_row(tmp_path, find, monkeypatch):
    real = opening.read_notebook

    def slow(raw: bytes) -> object:
        while b"endless" in raw:
            pass
        return real(raw)

    monkeypatch.setattr(opening, "read_notebook", slow)
    files = {f"ana/{FILE}": marked("endless"), f"bo/{FILE}": blank()}
    found = rows(find(write(tmp_path / "class", files), bounds=Bounds(cpu_seconds=1)))
    assert found == {"ana": "the hand-in is refused: it takes too long to open", "bo": f"bo/{FILE}"}


LONG = 200_000
LONG_NAMES = {
    "blanks": " " * LONG,
    "newlines": "\n" * LONG,
    "underscores and digits": "_1" * LONG,
    "digits": "9" * LONG,
    "brackets": "(1" * LONG,
    "dashes": "-1" * LONG,
    "attempts and blanks": f"(1){' ' * LONG}",
}


@pytest.mark.parametrize("text", LONG_NAMES.values(), ids=LONG_NAMES)
def test_reading_a_name_takes_time_in_proportion_to_its_length(text):
    """Ten times and more what it takes; a pattern that is tried again at every character takes minutes."""

    def work() -> list[str]:
        place = layouts.Layout((NAME,))
        layouts.order(text)
        natural_key(text)
        return [place.owner(layouts.Item(f"{before}{text}{after}")).kind for before in ("", "x") for after in ("", "x")]

    assert behind_the_door(work, Bounds(cpu_seconds=3, seconds=600.0))


def test_many_files_in_one_hand_in_stop_at_a_bound(tmp_path, find, monkeypatch):
    monkeypatch.setattr(opening, "MAX_ENTRIES", 20)
    monkeypatch.setattr(opening, "MAX_NOTEBOOKS", 4)
    many = {f"ana/x{i}.txt": b"" for i in range(30)}
    notebooks = {f"cy/{i}.ipynb": b"null" for i in range(9)}
    intake = find(write(tmp_path / "class", {**many, **notebooks, f"bo/{FILE}": blank()}))
    assert set(rows(intake)) == {"ana", "bo", "cy"}
    assert "more than 20 files" in rows(intake)["ana"]


FILLED = {
    "bytes": {f"ana/{FILE}": blank(), "ana/x.zip": bytes(3 * MEGABYTE)},
    "files": {f"ana/{i}.ipynb": b"null" for i in range(40)},
    "names": {f"ana/{'d' * 200}/{i}.ipynb": b"null" for i in range(15)},
    "names that lead out": {f"ana/../{i}.ipynb": b"null" for i in range(15)},
}


@pytest.mark.parametrize("kind", FILLED)
@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar.gz"])
def test_one_student_fills_a_class_archive_and_the_others_are_all_there(tmp_path, find, monkeypatch, kind, pack):
    monkeypatch.setattr(archives, "RATIO_MATTERS_ABOVE", MEGABYTE)
    monkeypatch.setattr(archives.Budget, "nested", lambda self: archives.Budget(2 * MEGABYTE, 20, 2 * MEGABYTE, 3))
    monkeypatch.setattr(opening, "MAX_NAMES", 2_000)
    (tmp_path / "class.zip").write_bytes(pack({**FILLED[kind], f"bo/{FILE}": marked("bo"), f"cy/{FILE}": marked("cy")}))
    intake = find(tmp_path / "class.zip")
    found = rows(intake)
    assert set(found) == {"ana", "bo", "cy"}
    assert (found["bo"], found["cy"]) == (f"bo/{FILE}", f"cy/{FILE}")
    assert all(one.notebook == NAME for one in intake.submissions if one.student.key != "ana")


def test_what_is_looked_at_on_the_disk_is_bounded(tmp_path, find, monkeypatch):
    monkeypatch.setattr(looking, "LOOKED_AT", 10)
    looked = []
    real = os.scandir

    def counted(place):  # type: ignore[no-untyped-def]
        looked.append(place)
        return real(place)

    monkeypatch.setattr(os, "scandir", counted)
    files = {f"ana/{i}/{k}.txt": b"" for i in range(30) for k in range(12)}
    find(write(tmp_path / "class", {**files, f"bo/{FILE}": blank()}))
    before_opening = len(looked)
    assert before_opening < 30, "only as many folders as the bound allows, and not those of every student twice"


def peak_growth(work: Callable[[], object]) -> int:
    """By how many bytes this process grew at most while `work` ran; the kernel keeps the mark."""

    def bytes_of(field: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith(field)))

    Path("/proc/self/clear_refs").write_text("5")
    before = bytes_of("VmRSS")
    work()
    return bytes_of("VmHWM") - before


LARGE = {
    "a notebook of blanks": {FILE: b" " * (40 * MEGABYTE)},
    "outputs": {
        FILE: b'{"cells": [{"cell_type": "code", "source": "", "outputs": ["' + b"x" * (20 * MEGABYTE) + b'"]}]}'
    },
    "brackets": {FILE: b'{"cells": ' + b"[" * 500_000},
    "many names": {f"{'n' * 150}-{i}.txt": b"" for i in range(4_000)},
    "many notebooks": {f"{i}.ipynb": b"{}" for i in range(500)},
    "a list of people": {"submission_metadata.yml": b"- [a, b, c]\n" * 200_000, FILE: b"null"},
    "a bomb in a bomb": {"x.zip": zipped({"y.zip": zipped({FILE: b" " * (40 * MEGABYTE)})})},
}


@cache
def packed(kind: str, form: str) -> bytes:
    """What is large, in an archive of its own."""
    return tarred(LARGE[kind]) if form == "tar.gz" else zipped(LARGE[kind])


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(sorted(LARGE)), min_size=1, max_size=3, unique=True),
    form=st.sampled_from(["folder", "zip", "tar.gz", "class.zip"]),
    name=st.text(st.characters(exclude_characters="/\x00"), min_size=1, max_size=30),
)
def test_the_coordinator_stays_small(tmp_path_factory, course, kinds, form, name):
    folder = tmp_path_factory.mktemp("large")
    (folder / "scratch").mkdir()
    files = {f"bo/{FILE}": _SMALL}
    for number, kind in enumerate(kinds):
        student = f"ana {number} {name}".encode("utf-8", "replace").decode()[:60]
        if form in ("folder", "class.zip"):
            files |= {f"{student}/{inner}": content for inner, content in LARGE[kind].items()}
        else:
            files[f"{student}/all.{form}"] = packed(kind, form)
    root = folder / "class.zip"
    if form == "class.zip":
        root.write_bytes(zipped(files))
    else:
        root = write(folder / "class", files)
    del files
    kept: list[Intake] = []
    assert peak_growth(lambda: kept.append(take_in([root], course, folder / "scratch"))) < 100 * MEGABYTE
    assert len({one.student.key for one in kept[0].submissions}) + len(kept[0].notices) > len(kinds)
    shutil.rmtree(folder)


# Nobody is lost


def test_every_file_has_a_row_or_a_line(tmp_path, find):
    files = {
        f"ana_1_2_{FILE}": blank(),
        "bo_3_4_report.pdf": b"%PDF",
        f"cy_5_6_{FILE}.txt": blank(),
        f"di_7_8_{FILE}.json": blank(),
        "notes.txt": b"x",
        "di/report.pdf": b"%PDF",
    }
    root = write(tmp_path / "class", files)
    (root / "nobody").mkdir()
    intake = find(root)
    assert rows(intake) == {
        "ana_1": f"ana_1_2_{FILE}",
        "bo_3": "no notebook (.ipynb) was handed in, but bo_3_4_report.pdf",
        "cy_5": f"cy_5_6_{FILE}.txt",
        "di_7": f"di_7_8_{FILE}.json",
    }
    told = "\n".join(intake.notices)
    assert "notes.txt" in told
    assert "no notebook from di" in told
    assert "nobody" in told


@pytest.mark.parametrize("packed", [False, True])
def test_a_hidden_name_is_told_and_what_programs_leave_is_not(tmp_path, find, packed):
    files = {
        f"{name}/{FILE}": blank() for name in ("ana", "bo", "..cy", ".di", ".git", ".ipynb_checkpoints", "__MACOSX")
    }
    files |= {f".eve_1_2_{FILE}": blank(), f"._ana_1_2_{FILE}": b"x"}
    root = write(tmp_path / "class", files)
    if packed:
        root = tmp_path / "all.zip"
        root.write_bytes(zipped(files))
    intake = find(root)
    assert set(rows(intake)) == {"ana", "bo"}
    (told,) = [line for line in intake.notices if "hidden" in line]
    assert told == f"left out, a hidden name: ..cy, .di, .eve_1_2_{FILE}"


def test_an_unreadable_notebook_beside_a_good_one_has_its_own_row(tmp_path, find):
    names = list(Course.load().notebooks)
    other = next(name for name in names if name != NAME)
    files = {f"ana/{FILE}": handin("loops"), f"ana/{other}.ipynb": b"{", "ana/scratch.ipynb": b"null"}
    intake = find(write(tmp_path / "class", {**files, f"bo/{FILE}": blank()}))
    ana = {one.notebook: one for one in intake.submissions if one.student.key == "ana"}
    assert set(ana) == {NAME, other}
    assert "no valid JSON" in ana[other].problem
    assert any("scratch.ipynb was left out" in note for note in ana[NAME].notes)


# What student A hands in changes nothing of student B's


def innards(rng: random.Random, depth: int = 0) -> dict[str, bytes]:
    """Anything that a student may put into their own folder or archive."""
    names = ["submitted", "bo", "ana", "submission_2", "Bo_12_assignsubmission_file_", "class", "..", "week 1", "data"]
    files: dict[str, bytes] = {}
    for _ in range(rng.randrange(1, 4)):
        folder = "".join(f"{rng.choice(names)}/" for _ in range(rng.randrange(3)))
        name = rng.choice([FILE, f"bo_12_13_{FILE}", "x (9).ipynb", f"{FILE}.txt", "a.pdf", "submission_metadata.yml"])
        content = rng.choice([b"", b"null", b"{", SWAPPED.encode(), _SMALL])
        if rng.random() < 0.3 and depth < 2:
            name, content = rng.choice(["a.zip", "bo_12_13_all.zip", "x.tar.gz"]), b""
            packed = innards(rng, depth + 1)
            content = tarred(packed) if name.endswith("gz") else zipped(packed)
        files[folder + name] = content
    return files


SENDERS = {"ana", "ana_11", "Ana 4711", "Ana 21", "ana@example.org"}
_SMALL = json.dumps({"cells": [], "metadata": {"attention_course": {"notebook": NAME, "version": "x"}}}).encode()


def test_a_thousand_mixtures_of_layouts_keep_students_apart(tmp_path, course, monkeypatch):
    """Nearly all are opened in this process, which is where it is decided whose a file is; each 25th behind the door, too."""

    def seen(number: int, files: dict[str, bytes], door: Callable[..., object]) -> Intake:
        monkeypatch.setattr(intake_module, "behind_the_door", door)
        names = list(files)
        rng.shuffle(names)
        root, scratch = tmp_path / f"{number}.zip", tmp_path / f"scratch-{number}"
        root.write_bytes(zipped({name: files[name] for name in names}))
        scratch.mkdir()
        found = take_in([root], course, scratch)
        shutil.rmtree(scratch)
        return found

    def rows_of(intake: Intake) -> set[tuple[object, ...]]:
        return {(one.student, one.notebook, one.shown, one.sha256, one.problem) for one in intake.submissions}

    rng = random.Random(17)
    changed = 0
    calm: dict[str, set[tuple[object, ...]]] = {}
    for number in range(1000):
        kind = rng.choice(list(CLASSES))
        place, ana, bo = CLASSES[kind]
        honest = {
            place.format(bo) + FILE: _SMALL,
            place.format(ana.replace("1", "3").replace("ana", "cy")) + FILE: _SMALL,
        }
        if kind == "Gradescope":
            honest["submission_metadata.yml"] = METADATA.encode()
        mine = innards(rng)
        if kind in ("Canvas", "Blackboard"):
            mine = {rng.choice(["all.zip", "x.zip"]): zipped(mine)}
        sent = {place.format(ana) + name: content for name, content in mine.items()}
        if kind not in calm:
            calm[kind] = rows_of(seen(number, honest, behind_the_door))
            assert len(calm[kind]) == 2
        intake = seen(number, honest | sent, opened_here)
        others = {row for row in rows_of(intake) if row[0].key not in SENDERS}  # type: ignore[attr-defined]
        assert others == calm[kind], (kind, sorted(mine))
        changed += len(intake.submissions) > len(others)
        if number % 25 == 0:
            assert rows_of(seen(number, honest | sent, behind_the_door)) == rows_of(intake), (kind, sorted(mine))
    assert changed > 900, "nearly every sender has a row of their own"


TEXT = st.text(st.characters(exclude_characters="/\x00"), min_size=1, max_size=40).filter(
    lambda text: text not in (".", "..")
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.lists(TEXT, min_size=1, max_size=4).map("/".join), min_size=1, max_size=6),
    contents=st.binary(max_size=60),
    layout=st.sampled_from(layouts.LAYOUTS),
    metadata=st.none() | st.binary(max_size=200) | st.just(METADATA.encode()),
)
def test_only_our_own_error_comes_out(tmp_path_factory, course, names, contents, layout, metadata):
    folder = tmp_path_factory.mktemp("any")
    files = {f"{name}.ipynb".encode("utf-8", "replace").decode(): contents for name in names}
    if metadata is not None:
        files["submission_metadata.yml"] = metadata
    (folder / "class.zip").write_bytes(zipped(files))
    (folder / "scratch").mkdir()
    found: list[object] = []
    with contextlib.suppress(GradingError):
        found += take_in([folder / "class.zip"], course, folder / "scratch", layout).submissions
        assert found


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_names_are_read_in_one_pass(text):
    place = layouts.Layout((NAME,))
    owner = place.owner(layouts.Item(text))
    assert owner.students[0].key
    layouts.order(text)
    assert natural_key(text) <= natural_key(text + "1")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400), st.sampled_from(["a.zip", "a.tar", "a.tar.gz", FILE]))
def test_any_bytes_under_any_name_are_a_row(tmp_path_factory, course, content, name):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "scratch").mkdir()
    root = write(folder / "class", {f"ana/{name}": content, f"bo/{FILE}": _SMALL})
    intake = take_in([root], course, folder / "scratch")
    assert set(rows(intake)) == {"ana", "bo"}


# Names


def test_one_name_in_two_forms_is_one_student_and_two_names_are_two_pages(tmp_path, find):
    one, other = "Jos\u00e9_12_13_", "Jose\u0301_12_14_"
    intake = find(write(tmp_path / "class", {f"{one}{FILE}": blank(), f"{other}{FILE}": handin("loops")}))
    assert [submission.student.key for submission in intake.submissions] == ["Jos\u00e9_12"]
    twin = file_slug("a b")
    assert file_slug(twin) != twin
    assert len({file_slug(name) for name in ("a b", twin, "a-b", "a/b", file_slug(twin))}) == 5


def test_direction_marks_reach_neither_terminal_nor_page(tmp_path, find):
    intake = find(write(tmp_path / "class", {f"a\u202ena\u200f_12_13_{FILE}": blank()}))
    (submission,) = intake.submissions
    for text in (submission.student.key, submission.student.name, submission.shown, *intake.layouts):
        assert printable(text) == text
        assert not {"\u202e", "\u200f"} & set(text)


@pytest.mark.parametrize("text", ["x;=1+1", "x; =1", "a;b;@c", ";+1"])
def test_no_formula_begins_behind_a_semicolon(text):
    assert not any(part.lstrip().startswith(("=", "+", "@")) for part in spreadsheet_safe(text).split(";"))


# From the door to the pages


ODD_STUDENTS = (
    "[bold]ana", "ana\\", "{name} %s {{ 7 * 7 }}", "[link=x]ana", "-rf", "unknown", "con", "a b", "a-b", "A B",
    "ana\u2028bo", "ana\u200dbo", "=1+1", "ana;=1", '"ana', "<b>ana", "&amp;", "ana,bo", "ana\tbo", "\u0301", "'ana", "a\nb",
    os.fsdecode(b"ana\xff"), "\ufeffana", "ana ", " ana",
)  # fmt: skip


class Watching:
    """A watcher that says nothing."""

    def found(self, intake: Intake, to_grade: int) -> None:
        pass

    def graded(self, submission: object, result: Result) -> None:
        pass

    def writing(self) -> None:
        pass


@pytest.mark.parametrize("place", ["{}/" + FILE, "{}_{}_13_" + FILE, "{}_{}_assignsubmission_file_/" + FILE])
def test_names_of_every_kind_have_a_row_and_a_page_each(tmp_path, course, monkeypatch, place):
    names = ODD_STUDENTS
    answered = handin("loops")
    for number, name in enumerate(names):
        path = tmp_path / "class" / place.format(name, 100 + number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(marked("odd"))
    write(tmp_path / "class", {place.format("zoe", 999): answered})
    setting = Setting(workshop=FakeWorkshop)
    summary = grade_class(
        Plan([tmp_path / "class"], tmp_path / "out", course, setting), lambda count: InProcess(setting), Watching()
    )
    with (tmp_path / "out" / "grades.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == len(names) + 1
    assert {row["status"] for row in table} == {"graded"}
    pages = [path for path in (tmp_path / "out" / "feedback").iterdir() if path.is_dir()]
    assert len(pages) == len(names) + 1
    (zoe,) = [row for row in table if row["student"].startswith("zoe")]
    assert float(zoe["score"]) == float(zoe["possible"])
    shown = io.StringIO()
    show_class(Console(file=shown, width=200, force_terminal=False), tmp_path / "out", summary)
    assert printable(shown.getvalue().replace("\n", " "), 100_000).count("\ufffd") == shown.getvalue().count("\ufffd")
    if place.startswith("{}/"):
        assert "[bold]ana" in shown.getvalue()


def test_the_terminal_shows_the_rows_that_need_a_look_first(tmp_path, course, monkeypatch):
    monkeypatch.setattr(console, "ROWS_SHOWN", 3)
    files = {f"s{i}/{FILE}": marked(str(i)) for i in range(6)}
    write(tmp_path / "class", {**files, f"zoe/{FILE}": b"{", f"yan/{FILE}": handin(after={"q2_9": "print(wieghts)"})})
    setting = Setting(workshop=FakeWorkshop)
    summary = grade_class(
        Plan([tmp_path / "class"], tmp_path / "out", course, setting), lambda count: InProcess(setting), Watching()
    )
    shown = io.StringIO()
    show_class(Console(file=shown, width=200), tmp_path / "out", summary)
    order = [line.split()[0] for line in shown.getvalue().splitlines() if line[:2] in ("s0", "zo", "ya", "s1")]
    assert sorted(order[:2]) == ["yan", "zoe"]
    assert order[2:] == ["s0"]
    assert "and 5 more in grades.csv" in shown.getvalue()
