"""The names that platforms write, as their own source and pages say, and the students they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest
from handins import FILE, NAME, blank, handin, marked, write, zipped

from autograder.grading.course import Course
from autograder.grading.find.intake import Intake, take_in
from autograder.grading.find.layout import Item, Layout
from autograder.grading.find.platforms import stamp


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture
def find(tmp_path: Path, course: Course):
    def found(*paths: Path, **more) -> Intake:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return take_in(paths, course, scratch, **more)

    return found


def owner_of(name: str, folder: bool = False, root: str = "class", kind: str = "auto"):
    return Layout((NAME,), root, kind).owner(Item(name, folder))


def who(intake: Intake) -> dict[str, str]:
    return {one.student.key: one.shown for one in intake.submissions}


@pytest.mark.parametrize(
    ("name", "key", "identifier", "late", "number"),
    [
        (f"lovelaceada_12345_67890_{FILE}", "lovelaceada_12345", "12345", False, 67890),
        (f"lovelaceada_LATE_12345_67890_{FILE}", "lovelaceada_12345", "12345", True, 67890),
        (f"team_a_LATE_12345_67890_{FILE}", "team_a_12345", "12345", True, 67890),
        (f"team_a_12345_67890_{NAME}-2.ipynb", "team_a_12345", "12345", False, 67890),
        ("o_neil_2nd_12345_67890_homework.zip", "o_neil_2nd_12345", "12345", False, 67890),
        (f"anon_aB3x9_67890_{FILE}", "anon aB3x9", "aB3x9", False, 67890),
        (f"LATE_anon_aB3x9_67890_{FILE}", "anon aB3x9", "aB3x9", True, 67890),
        ("lovelaceada_12345_text.html", "lovelaceada_12345", "12345", False, 0),
        ("lovelaceada_LATE_12345_link.html", "lovelaceada_12345", "12345", True, 0),
    ],
)
def test_canvas_names(name, key, identifier, late, number):
    owner = owner_of(name)
    assert (owner.kind, owner.late, owner.attempt, owner.origin) == ("canvas", late, number, name)
    assert [(one.key, one.id) for one in owner.students] == [(key, identifier)]


@pytest.mark.parametrize(
    ("name", "shown", "identifier"),
    [
        ("Ana María Núñez_4711_assignsubmission_file_", "Ana María Núñez", "4711"),
        ("Ana María Núñez_4711_assignsubmission_file", "Ana María Núñez", "4711"),
        ("Participant_4711_assignsubmission_file", "Participant", "4711"),
        ("Team Blue_12_assignsubmission_file", "Team Blue", "12"),
        ("Default group_assignsubmission_file", "Default group", ""),
        ("Bo_4712_assignsubmission_onlinetext", "Bo", "4712"),
    ],
)
def test_moodle_names(name, shown, identifier):
    owner = owner_of(name, folder=True)
    assert (owner.kind, owner.late) == ("moodle", None)
    assert [(one.name, one.id) for one in owner.students] == [(shown, identifier)]


def test_blackboard_names_and_times():
    owner = owner_of(f"Homework 2_jdoe_attempt_2026-11-27-23-59-30_{FILE}")
    assert (owner.kind, owner.handed_in, owner.students[0].key) == ("blackboard", "2026-11-27T23:59:30", "jdoe")
    owner = owner_of(f"HW_2_john_doe_attempt_2026-11-27-23-59-30_{FILE}")
    assert owner.students[0].key == "2_john_doe"
    assert {"john_doe", "doe"} <= set(owner.logins)
    theirs = owner_of("Homework 2_jdoe_attempt_2026-11-27-23-59-30_x_eve_attempt_2026-11-28-00-00-00_y.ipynb")
    assert theirs.students[0].key == "jdoe", "a student's file name names nobody else"


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("155323-266379 - Ada Lovelace - Nov 27, 2026 1159 PM", "2026-11-27T23:59:00"),
        (f"155323-266379 - Ada Lovelace - Nov 27, 2026 105 AM - {FILE}", "2026-11-27T01:05:00"),
        ("155323-266379 - Ada Lovelace - 27 November, 2026 12:01 AM", "2026-11-27T00:01:00"),
        ("155323-266379 - Ada Lovelace - 27 Décembre, 2026 23:59", ""),
    ],
)
def test_brightspace_names_and_times(name, when):
    owner = owner_of(name, folder=not name.endswith("ipynb"))
    assert (owner.kind, owner.handed_in, owner.students[0].name) == ("brightspace", when, "Ada Lovelace")


def test_nbgraders_inbound_names():
    owner = owner_of("ada+lovelace+hw2+2026-11-27 23:59:30.123456 UTC+0a1B2c3D4e5F", folder=True)
    assert (owner.kind, owner.handed_in) == ("exchange", "2026-11-27T23:59:30+00:00")
    assert owner.students[0].key == "ada+lovelace"
    assert owner_of("ada+hw2+2026-11-27 23:59:30 UTC", folder=True).students[0].key == "ada"


@pytest.mark.parametrize(
    "name", ["Copy of ana_02_keys_queries_values.ipynb", "Copy of Copy of ana_02_keys_queries_values (1).ipynb",
             "Kopie von ana_02_keys_queries_values.ipynb", "ana_02_keys_queries_values.ipynb"]
)  # fmt: skip
def test_a_copy_of_google_drive_is_the_same_student(name):
    assert owner_of(name).students[0].key == "ana"


def test_an_otter_export_or_a_date_is_no_canvas_name():
    assert owner_of(f"{NAME}_2026_11_24T02_15_00_123456.zip").kind == "student"
    assert owner_of(f"ana_{NAME}_2026_11_24T02_15_00_123456.zip").students[0].key == "ana"


# Whole downloads


def test_attempts_of_a_platform_are_one_student_with_earlier_attempts(tmp_path, find):
    first, last = "2026-11-26-10-00-00", "2026-11-27-10-00-00"
    files = {
        f"HW_ana_attempt_{last}_{FILE}": marked("second"),
        f"HW_ana_attempt_{first}_{FILE}": marked("first"),
        f"HW_ana_attempt_{first}.txt": b"Name: Ana",
        f"HW_bo_attempt_{first}_{FILE}": marked("bo"),
    }
    ana, bo = find(write(tmp_path / "class", files)).submissions
    assert (ana.student.key, ana.handed_in) == ("ana", "2026-11-27T10:00:00")
    assert [(one.handed_in, one.notebook) for one in ana.earlier] == [("2026-11-26T10:00:00", NAME)]
    assert bo.earlier == ()


def test_attempts_of_nbgraders_inbound_and_brightspace(tmp_path, find):
    inbound = {f"ana+hw2+2026-11-2{day} 10:00:00.0 UTC+secret{day}/{FILE}": marked(str(day)) for day in (5, 6, 7)}
    (ana,) = find(write(tmp_path / "inbound", inbound)).submissions
    assert (ana.student.key, ana.handed_in[:10], len(ana.earlier)) == ("ana", "2026-11-27", 2)
    folders = {f"1-2 - Ana - Nov {day}, 2026 1000 AM/{FILE}": marked(str(day)) for day in (5, 6)}
    (ana,) = find(write(tmp_path / "bright", {**folders, "index.html": b"<html>"})).submissions
    assert (ana.handed_in, [one.handed_in for one in ana.earlier]) == ("2026-11-06T10:00:00", ["2026-11-05T10:00:00"])


def test_github_classrooms_clones_and_the_notebook_that_is_meant(tmp_path, find, course):
    others = [name for name in course.notebooks if name != NAME]
    untouched = {f"{name}.ipynb": (Path("notebooks") / f"{name}.ipynb").read_bytes() for name in others[:2]}
    files = {f"hw2-{user}/notebooks/{FILE}": handin(style) for user, style in (("ada-l", "loops"), ("bo", "einsum"))}
    files |= {f"hw2-{user}/notebooks/{name}": raw for user in ("ada-l", "bo") for name, raw in untouched.items()}
    root = write(tmp_path / "hw2-submissions", files)
    intake = find(root)
    assert {one.student.key for one in intake.submissions} == {"ada-l", "bo"}
    assert len(intake.submissions) == 6
    assert any("--notebook" in notice for notice in intake.notices)
    meant = find(root, notebook=NAME)
    assert [(one.student.key, one.notebook) for one in meant.submissions] == [("ada-l", NAME), ("bo", NAME)]
    packed = tmp_path / "download.zip"
    packed.write_bytes(zipped({f"hw2-submissions/{name}": raw for name, raw in files.items()}))
    assert {one.student.key for one in find(packed).submissions} == {"ada-l", "bo"}


def test_who_has_only_other_notebooks_is_told(tmp_path, find, course):
    other = next(name for name in course.notebooks if name != NAME)
    files = {f"ana/{FILE}": blank(), f"bo/{other}.ipynb": (Path("notebooks") / f"{other}.ipynb").read_bytes()}
    intake = find(write(tmp_path / "class", files), notebook=NAME)
    assert list(who(intake)) == ["ana"]
    assert f"no {NAME} from bo" in intake.notices


@pytest.mark.parametrize("kind", ["auto", "nbgrader"])
@pytest.mark.parametrize("packed", [False, True])
def test_of_an_nbgrader_course_folder_only_submitted_is_read(tmp_path, find, kind, packed):
    folders = ("autograded/ana/hw2", "feedback/ana/hw2", "release/hw2", "source/hw2", "submitted/ana/hw2", "submitted/bo/hw2")
    files = {f"{folder}/{FILE}": blank() for folder in folders}
    if packed:
        root = tmp_path / "course.zip"
        root.write_bytes(zipped({f"course/{name}": raw for name, raw in files.items()}))
    else:
        root = write(tmp_path / "course", files)
    assert set(who(find(root, layout=kind))) == {"ana", "bo"}


@pytest.mark.parametrize("packed", [False, True])
def test_nbgraders_timestamp_is_read_where_nbgrader_puts_it(tmp_path, find, packed):
    files = {f"submitted/{who}/hw2/{FILE}": marked(who) for who in ("ana", "bo", "cy")}
    files[f"source/hw2/{FILE}"] = blank()
    files["submitted/ana/hw2/timestamp.txt"] = b"2026-11-27 23:59:30.123456 UTC\n"
    files["submitted/bo/hw2/timestamp.txt"] = b"2026-11-27 23:59:30 Europe/Madrid"
    files["submitted/bo/hw2/mine/timestamp.txt"] = b"2020-01-01 00:00:00 UTC"
    files["submitted/cy/hw2/mine/timestamp.txt"] = b"2020-01-01 00:00:00 UTC"
    files["submitted/di/hw2/timestamp.txt"] = b"2026-11-27 23:59:30 UTC"
    if packed:
        root = tmp_path / "course.zip"
        root.write_bytes(zipped({f"course/{name}": raw for name, raw in files.items()}))
    else:
        root = write(tmp_path / "course", files)
    intake = find(root)
    assert {one.student.key: one.handed_in for one in intake.submissions} == {
        "ana": "2026-11-27T23:59:30+00:00",
        "bo": "2026-11-27T23:59:30+01:00",
        "cy": "",
    }
    alone = write(tmp_path / "plain", {name: raw for name, raw in files.items() if not name.startswith("submitted/di")})
    assert {one.handed_in[:10] for one in find(alone / "submitted").submissions} == {"2026-11-27", ""}
    folders = write(tmp_path / "folders", {f"{who}/hw2/{name}": raw for who in ("ana", "bo") for name, raw in
                                           ((FILE, marked(who)), ("timestamp.txt", b"2020-01-01 00:00:00 UTC"))})
    assert {one.handed_in for one in find(folders).submissions} == {""}, "only nbgrader's own folder has nbgrader's file"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2015-02-02 15:58:23.948203 America/Los_Angeles", "2015-02-02T15:58:23-08:00"),
        ("2015-02-02 15:58:23 +0530", "2015-02-02T15:58:23+05:30"),
        ("2015-02-02 15:58:23", "2015-02-02T15:58:23+00:00"),
        ("2015-02-02 15:58:23 XYZ", "2015-02-02T15:58:23"),
        ("2015-02-31 15:58:23 UTC", ""),
        ("2015-02-02 15:58:23 ../../etc", ""),
        ("yesterday", ""),
    ],
)
def test_a_timestamp_of_nbgrader(text, when):
    assert stamp(text) == when


def test_a_folder_that_google_drive_zipped(tmp_path, find):
    root = tmp_path / "Homework 2-20261127T215930Z-1-001.zip"
    root.write_bytes(zipped({f"Homework 2/Copy of {name}_{FILE}": marked(name) for name in ("ana", "bo")}))
    assert set(who(find(root))) == {"ana", "bo"}


def test_a_canvas_text_entry_has_a_row(tmp_path, find):
    files = {f"ana_1_2_{FILE}": blank(), "bo_3_text.html": b"<p>done</p>"}
    rows = {one.student.key: one.problem for one in find(write(tmp_path / "class", files)).submissions}
    assert rows == {"ana_1": "", "bo_3": "no notebook (.ipynb) was handed in, but bo_3_text.html"}


def test_a_folder_of_the_exchange_that_another_account_made_is_told(tmp_path, find, monkeypatch):
    files = {f"{name}+hw2+2026-11-27 10:00:00.0 UTC+secret/{FILE}": marked(name) for name in ("ana", "bo")}
    root = write(tmp_path / "inbound", files)
    monkeypatch.setattr("autograder.grading.find.intake.account_of", lambda path: "bo")
    (told,) = [notice for notice in find(root).notices if "was made by" in notice]
    assert told.startswith("ana+hw2")


@pytest.mark.parametrize("packed", [False, True])
def test_of_an_exchange_only_inbound_is_read(tmp_path, find, packed):
    files = {f"inbound/{name}+hw2+2026-11-27 10:00:00.0 UTC+secret/{FILE}": marked(name) for name in ("ana", "bo")}
    files |= {f"outbound/hw2/{FILE}": blank(), "feedback/ab12.html": b"<html>"}
    if packed:
        root = tmp_path / "course101.zip"
        root.write_bytes(zipped(files))
    else:
        root = write(tmp_path / "course101", files)
    assert set(who(find(root))) == {"ana", "bo"}
