"""Who takes the course: rosters of every platform, ids before names, and one student over the term."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fakes import FakeWorkshop
from handins import FILE, NAME, handin, marked, write
from test_grade_cli import Quiet, grades

from autograder.grading.batch import Plan, Summary, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.record import schema
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.term.policy import Policy
from autograder.term.roster import read_roster, read_rosters
from autograder.term.worksheet import modified, moment

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,HW 2 (991),Final Score
,,,,,Manual Posting,
    Points Possible,,,,,100,(read only)
"Lovelace, Ada",101,s-1,ada@example.org,Morning,,
"Noether, Emmy",102,s-2,emmy@example.org,Evening,,
"Turing, Alan",103,s-3,alan@example.org,Morning,,
"Student, Test",199,,,Morning,,
"""
MOODLE = """\
Identifier,Full name,Email address,Status,Group,Grade,Maximum grade,Last modified (grade),Feedback comments
Participant 4711,Ada Lovelace,ada@example.org,Submitted,Team Blue,,100.00,-,
Participant 4712,Emmy Noether,emmy@example.org,Submitted,Team Blue,,100.00,-,
Participant 4713,Alan Turing,alan@example.org,No submission,,,100.00,-,
"""
GRADESCOPE = """\
First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status
Ada,Lovelace,s-1,ada@example.org,Morning,,100,Missing
Emmy,Noether,s-2,emmy@example.org,Evening,,100,Missing
"""


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture
def roster(tmp_path):
    def written(text: str | bytes, name: str = "roster.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def run(course: Course, paths: list[Path], out: Path, rosters: list[Path], **more) -> Summary:
    setting = Setting(workshop=FakeWorkshop)
    return grade_class(Plan(paths, out, course, setting, rosters=rosters, **more), lambda n: InProcess(setting), Quiet())


def scored(out: Path) -> dict[str, str]:
    return {key: row["score"] for key, row in grades(out).items() if row["status"] != "missing"}


def ids(path: Path) -> dict[str, set[tuple[str, str]]]:
    return {person.name: person.tokens for person in read_roster(path)}


# Reading


def test_canvas_moodle_and_gradescope_columns(roster):
    assert ids(roster(CANVAS)) == {
        "Ada Lovelace": {("canvas", "101"), ("sis", "s-1"), ("login", "ada@example.org")},
        "Emmy Noether": {("canvas", "102"), ("sis", "s-2"), ("login", "emmy@example.org")},
        "Alan Turing": {("canvas", "103"), ("sis", "s-3"), ("login", "alan@example.org")},
    }
    moodle = {("moodle", "4711"), ("moodle, in teams", "4711"), ("email", "ada@example.org")}
    assert ids(roster(MOODLE))["Ada Lovelace"] == moodle
    assert ids(roster(GRADESCOPE))["Emmy Noether"] == {("sis", "s-2"), ("email", "emmy@example.org")}
    assert [person.section for person in read_roster(roster(CANVAS))] == ["Morning", "Evening", "Morning"]
    assert [person.teams for person in read_roster(roster(MOODLE))] == [{"Team Blue"}, {"Team Blue"}, set()]


def test_plain_ids_and_roles(roster):
    text = "ID,Name,Role\n17,Ada Lovelace,Student\n18,Grace Hopper,Instructor\n"
    assert ids(roster(text)) == {"Ada Lovelace": {("sis", "17")}}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(roster, encoding, delimiter):
    text = delimiter.join(["Vollständiger Name", "E-Mail-Adresse"]) + "\r\n"
    text += delimiter.join(["Zoë Müller", "zoe@example.org"]) + "\r\n"
    assert ids(roster(text.encode(encoding))) == {"Zoë Müller": {("email", "zoe@example.org")}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Email,Name\na@x,Ana\nA@X,Bo\n", "lines 2 and 3 have the same email address a@x"),
        ("ID,Student,Section\n7,Ana,\n7,Bo,\n", "lines 2 and 3 have the same Canvas ID 7"),
        ("Colour,Size\nred,3\n", "no column that says who is who"),
        ("", "is empty"),
        ("Email\n", "lists nobody"),
        ('Email,Name\n"a@x,Ana\n', "a quote is never closed"),
        (b"PK\x03\x04rest", "not a CSV file"),
        (b"Email\n\x81\n", "neither UTF-8 nor Windows-1252"),
        (b"E\0m\0a\0i\0l\0\n\0", "no CSV file in UTF-8"),
    ],
)
def test_a_roster_that_cannot_be_used_is_one_sentence(roster, text, message):
    with pytest.raises(GradingError, match=message) as refused:
        read_roster(roster(text))
    assert "\n" not in str(refused.value)


def test_a_roster_that_is_not_there(tmp_path):
    with pytest.raises(GradingError, match=r"there is no file nobody\.csv"):
        read_roster(tmp_path / "nobody.csv")


def test_rosters_are_joined_by_ids_and_not_by_names_alike(roster):
    people = read_rosters([roster(CANVAS, "c.csv"), roster(MOODLE, "m.csv"), roster(GRADESCOPE, "g.csv")])
    assert len(people) == 3
    assert {("canvas", "101"), ("moodle", "4711"), ("sis", "s-1")} <= people[0].tokens
    alike = "Full name,Email address\nAda Lovelace-King,other@example.org\nAda  LOVELACE,\n"
    people = read_rosters([roster(CANVAS, "c.csv"), roster(alike, "m.csv")])
    assert [person.name for person in people] == ["Ada Lovelace", "Emmy Noether", "Alan Turing", "Ada Lovelace-King"]


def test_rosters_that_disagree_are_one_sentence(roster):
    other = CANVAS.replace("s-1", "s-9")
    with pytest.raises(GradingError, match=r"the rosters disagree: c\.csv, line 4 and d\.csv, line 4"):
        read_rosters([roster(CANVAS, "c.csv"), roster(other, "d.csv")])
    crossed = "Email,SIS User ID\nada@example.org,s-2\n"
    with pytest.raises(GradingError, match="the rosters disagree"):
        read_rosters([roster(CANVAS, "c.csv"), roster(crossed, "x.csv")])


TWO_ADAS = MOODLE + "Participant 4750,Ada Lovelace,other@example.org,No submission,,,100.00,-,\n"
LOGINS = CANVAS.replace("@example.org", "")  # no id that Moodle has, too


def test_a_list_with_the_ids_of_both_joins_two_whichever_comes_first(roster):
    lists = {"c": roster(LOGINS, "c.csv"), "m": roster(TWO_ADAS, "m.csv"), "g": roster(GRADESCOPE, "g.csv")}
    assert len(read_rosters([lists["c"], lists["m"]])) == 5, "two Adas on Moodle, of which nothing says which is Canvas's"
    for order in ("cmg", "gcm", "mgc"):
        people = read_rosters([lists[one] for one in order])
        assert len(people) == 4
        (ada,) = [one for one in people if ("canvas", "101") in one.tokens]
        assert ("moodle", "4711") in ada.tokens


def test_the_same_name_on_lists_that_share_no_id_is_told(tmp_path, course, roster):
    rosters = [roster(LOGINS, "c.csv"), roster(TWO_ADAS, "m.csv")]
    root = write(tmp_path / "canvas", {f"noetheremmy_102_9_{FILE}": marked("emmy")})
    told = run(course, [root], tmp_path / "out", rosters).intake.notices
    (line,) = [one for one in told if one.startswith("the same name on several rosters")]
    assert line.endswith(": Ada Lovelace")
    (missing,) = [one for one in told if one.startswith("missing")]
    assert "Ada Lovelace (ada@example.org), Ada Lovelace (other@example.org), Ada Lovelace (s-1), Alan Turing" in missing
    alone = run(course, [root], tmp_path / "new", [roster(CANVAS, "c.csv")])
    assert not any("several rosters" in one for one in alone.intake.notices)


def test_two_students_of_one_name_are_told_apart_in_the_report(tmp_path, course, roster):
    two = roster(CANVAS.replace("Noether, Emmy", "Lovelace, Ada"))
    files = {f"{who}_9_{FILE}": marked(who) for who in ("lovelaceada_101", "lovelaceada_102", "turingalan_103")}
    run(course, [write(tmp_path / "canvas", files)], tmp_path / "out", [two])
    page = (tmp_path / "out" / "report.html").read_text()
    assert [page.count(f">{name}</a></th>") for name in ("Ada Lovelace (s-1)", "Ada Lovelace (s-2)", "Alan Turing")] == [1, 1, 1]


def test_the_same_name_twice_joins_nothing(roster):
    twice = "Full name\nAda Lovelace\n"
    both = CANVAS.replace('"Noether, Emmy"', '"Lovelace, Ada"')
    assert len(read_rosters([roster(both, "c.csv"), roster(twice, "m.csv")])) == 4


# Grading with a roster


def test_canvas_and_moodle_hand_ins_of_one_person_are_one_student(tmp_path, course, roster):
    rosters = [roster(CANVAS, "c.csv"), roster(MOODLE, "m.csv")]
    canvas = write(tmp_path / "canvas", {f"lovelaceada_101_9_{FILE}": marked("first")})
    moodle = write(tmp_path / "moodle", {f"Ada Lovelace_4711_assignsubmission_file/{FILE}": handin()})
    out = tmp_path / "out"
    run(course, [canvas], out, rosters)
    assert scored(out) == {"ada@example.org": "0"}
    summary = run(course, [moodle], out, rosters)
    assert scored(out) == {"ada@example.org": "40"}
    assert any("took the place of" in notice and "40 points instead of 0" in notice for notice in summary.intake.notices)


def test_the_missing_and_the_unknown_are_listed(tmp_path, course, roster):
    files = {f"lovelaceada_101_9_{FILE}": handin(), f"lovelaceadah_777_9_{FILE}": marked("stranger")}
    summary = run(course, [write(tmp_path / "canvas", files)], tmp_path / "out", [roster(CANVAS)])
    told = summary.intake.notices
    assert f"missing, no {NAME} from 2 of 3 on the roster: Alan Turing, Emmy Noether" in told
    assert "on no roster, graded under their own name: lovelaceadah" in told
    rows = {key: (row["status"], row["score"], row["section"]) for key, row in grades(tmp_path / "out").items()}
    assert rows == {
        "s-1": ("graded", "40", "Morning"),
        "lovelaceadah_777": ("graded", "0", ""),
        "s-2": ("missing", "", "Evening"),
        "s-3": ("missing", "", "Morning"),
    }


def test_lateness_and_time_of_the_platform_are_kept(tmp_path, course):
    files = {
        f"lovelaceada_LATE_101_9_{FILE}": marked("a"),
        f"HW_bo_attempt_2026-11-26-10-00-00_{FILE}": marked("b1"),
        f"HW_bo_attempt_2026-11-27-10-00-00_{FILE}": handin(),
    }
    out = tmp_path / "out"
    run(course, [write(tmp_path / "class", files)], out, [])
    rows = grades(out)
    assert (rows["lovelaceada_101"]["late"], rows["bo"]["late"]) == ("late", "")
    assert (rows["bo"]["handed_in"], rows["bo"]["score"]) == ("2026-11-27T10:00:00+00:00", "40")
    with Gradebook(out / "gradebook.sqlite") as book:
        times = [(one.handed_in, one.score) for one in book.attempts("bo", NAME)]
    assert times == [("2026-11-26T10:00:00+00:00", 0.0), ("2026-11-27T10:00:00+00:00", 40.0)]


def test_a_platforms_time_without_a_zone_is_the_courses(tmp_path, course):
    root = write(tmp_path / "class", {f"HW_bo_attempt_2026-11-27-10-00-00_{FILE}": handin()})
    summary = run(course, [root], tmp_path / "bare", [])
    assert any("hand-ins have no time zone: they are taken as UTC" in notice for notice in summary.intake.notices)
    policy = Policy.model_validate(
        {
            "timezone": "Europe/Madrid",
            "attempts": "last before the deadline",
            "late": {"percent": 10, "per": "day"},
            "notebooks": {NAME: {"deadline": "2026-11-27T09:30:00"}},
        }
    )
    summary = run(course, [root], tmp_path / "zoned", [], policy=policy)
    row = grades(tmp_path / "zoned")["bo"]
    assert row["handed_in"] == "2026-11-27T09:00:00+00:00"
    with Gradebook(tmp_path / "zoned" / "gradebook.sqlite") as book:
        record = book.record_of("bo", NAME)
    assert record is not None
    assert record.points == 36.0, "half an hour late in Madrid is a day begun"


def test_a_group_has_one_hand_in_and_a_score_for_each_member(tmp_path, course, roster):
    moodle = write(tmp_path / "moodle", {f"Team Blue_4713_assignsubmission_file/{FILE}": handin()})
    out = tmp_path / "out"
    run(course, [moodle], out, [roster(MOODLE)])
    assert scored(out) == {"ada@example.org": "40", "emmy@example.org": "40"}
    assert grades(out)["ada@example.org"]["id"] == "4711", "not the group's number, which is Alan's by chance"


def test_a_canvas_group_is_known_by_its_groups_file(tmp_path, course, roster):
    groups = "name,canvas_user_id,user_id,login_id,sections,group_name\n"
    groups += "Ada Lovelace,101,s-1,ada@example.org,Morning,Team_7\nAlan Turing,103,s-3,alan@example.org,Morning,Team_7\n"
    canvas = write(tmp_path / "canvas", {f"team_7x_103_9_{FILE}": handin(), f"noetheremmy_102_8_{FILE}": marked("emmy")})
    out = tmp_path / "out"
    run(course, [canvas], out, [roster(CANVAS, "c.csv"), roster(groups.replace("Team_7", "Team_7x"), "g.csv")])
    assert {row["name"]: row["score"] for row in grades(out).values()} == {
        "Ada Lovelace": "40",
        "Alan Turing": "40",
        "Emmy Noether": "0",
    }


def test_a_canvas_group_whose_name_ends_in_a_number(tmp_path, course, roster):
    groups = "name,canvas_user_id,group_name\nAda Lovelace,101,Team_7\nAlan Turing,103,Team_7\nEmmy Noether,102,\n"
    canvas = write(tmp_path / "canvas", {f"team_7_LATE_103_9_{FILE}": handin(), f"noetheremmy_102_8_{FILE}": marked("e")})
    out = tmp_path / "out"
    run(course, [canvas], out, [roster(CANVAS, "c.csv"), roster(groups, "g.csv")])
    rows = {row["name"]: (row["score"], row["late"]) for row in grades(out).values()}
    assert rows == {"Ada Lovelace": ("40", "late"), "Alan Turing": ("40", "late"), "Emmy Noether": ("0", "")}


def test_a_groups_number_reaches_no_stranger(tmp_path, course, roster):
    without = MOODLE.replace(",Group,", ",").replace(",Team Blue,", ",").replace("submission,,", "submission,")
    moodle = write(tmp_path / "moodle", {f"Team Blue_4713_assignsubmission_file/{FILE}": handin()})
    out = tmp_path / "out"
    summary = run(course, [moodle], out, [roster(without)])
    assert scored(out) == {"Team Blue 4713 (in doubt)": "40"}
    assert any("has the number 4713 of Alan Turing: it may be a group's" in notice for notice in summary.intake.notices)
    again = tmp_path / "again"
    run(course, [moodle], again, [])
    person = write(tmp_path / "person", {f"Alan Turing_4713_assignsubmission_file/{FILE}": marked("alan")})
    run(course, [person], again, [])
    assert scored(again) == {"Team Blue 4713": "40", "Alan Turing 4713": "0"}


def test_a_name_that_is_a_groups_does_not_make_a_group(tmp_path, course, roster):
    other = "Full name,Email address,Group\nAda Lovelace,ada@example.org,Team Blue\nEmmy Noether,emmy@example.org,Team Blue\n"
    without = MOODLE.replace(",Group,", ",").replace(",Team Blue,", ",").replace("submission,,", "submission,")
    moodle = write(tmp_path / "moodle", {f"Team Blue_4713_assignsubmission_file/{FILE}": handin()})
    out = tmp_path / "out"
    run(course, [moodle], out, [roster(without, "w.csv"), roster(other, "p.csv")])
    assert scored(out) == {"Team Blue 4713 (in doubt)": "40"}


TIMES = (
    "Identifier,Full name,Email address,Group,Grade,Maximum grade,Last modified (submission),Last modified (grade)\n"
    'Participant 4711,Ada Lovelace,ada@example.org,,,100.00,"Friday, 27 November 2026, 11:59 PM",-\n'
    'Participant 4712,Emmy Noether,emmy@example.org,Team Blue,,100.00,"Saturday, 28 November 2026, 12:05 AM",-\n'
    'Participant 4713,Alan Turing,alan@example.org,Team Blue,,100.00,"Saturday, 28 November 2026, 12:05 AM",-\n'
    "Participant 4714,Una Late,una@example.org,,,100.00,11/28/26 later,-\n"
    "Participant 4715,Bo Absent,bo@example.org,,,100.00,-,-\n"
)


def test_a_moodle_worksheet_says_when_it_was_handed_in(tmp_path, course, roster):
    files = {f"{who}_assignsubmission_file/{FILE}": marked(who) for who in ("Ada Lovelace_4711", "Una Late_4714")}
    files[f"Team Blue_4711_assignsubmission_file/{FILE}"] = marked("team")
    policy = Policy.model_validate(
        {"timezone": "Europe/Madrid", "late": {"percent": 10}, "notebooks": {NAME: {"deadline": "2026-11-28T00:00:00"}}}
    )
    root, out = write(tmp_path / "moodle", files), tmp_path / "out"
    summary = run(course, [root], out, [roster(TIMES)], policy=policy)
    assert {key: row["handed_in"] for key, row in grades(out).items()} == {
        "ada@example.org": "2026-11-27T22:59:00+00:00",
        "emmy@example.org": "2026-11-27T23:05:00+00:00",
        "alan@example.org": "2026-11-27T23:05:00+00:00",
        "una@example.org": "",
        "bo@example.org": "",
    }
    with Gradebook(out / "gradebook.sqlite") as book:
        steps = {one.student.key: len(one.mark.steps) for one in book.records(NAME) if one.mark}
    assert steps == {"ada@example.org": 1, "emmy@example.org": 2, "alan@example.org": 2, "una@example.org": 1}
    assert any("'11/28/26 later' cannot be read" in notice for notice in summary.intake.notices)
    assert any("when 1 of the hand-ins came is not known" in notice for notice in summary.intake.notices)
    run(course, [root], out, [])
    assert grades(out)["ada@example.org"]["handed_in"] == "2026-11-27T22:59:00+00:00", "the gradebook keeps the time"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Friday, 27 November 2026, 11:59 PM", "2026-11-27T23:59:00"),
        ("Friday, 27 November 2026, 12:05\u202fAM", "2026-11-27T00:05:00"),
        ("Freitag, 6. März 2026, 23:59", "2026-03-06T23:59:00"),
        ("viernes, 27 de noviembre de 2026, 23:59", "2026-11-27T23:59:00"),
        ("vendredi 6 février 2026, 08:05", "2026-02-06T08:05:00"),
        ("vrijdag, 27 november 2026, 23:59", "2026-11-27T23:59:00"),
        ("divendres, 2 d’abril 2026, 23:59", "2026-04-02T23:59:00"),
        ("27.11.2026 23:59", "2026-11-27T23:59:00"),
        ("2026-11-27 23:59:10", "2026-11-27T23:59:00"),
        ("27 listopada 2026, 23:59", "2026-11-27T23:59:00"),
        ("11/12/2026 23:59", ""),
        ("31 February 2026, 10:00", ""),
        ("27 Brumaire 2026, 10:00", ""),
        ("27 November 2026", ""),
        ("27 November 2026, 13:00 PM", ""),
    ],
)
def test_the_moments_of_a_worksheet(text, when):
    assert moment(text) == when


def test_the_two_columns_of_times_are_known_in_any_language():
    for columns in (
        ["Grade", "Last modified (submission)", "Online text", "Last modified (grade)"],
        ["Bewertung", "Zuletzt geändert (Abgabe)", "x", "Zuletzt geändert (Bewertung)"],
        ["Note", "Dernière modification (travail remis)", "x", "Dernière modification (note)"],
    ):
        assert modified(columns) == (3, 1)
    assert modified(["Grade", "Last modified (grade)"]) == (1, None)
    assert modified(["Grade", "Points (submission)"]) == (None, None)


def test_a_file_graded_without_a_time_does_not_outlast_a_later_one(tmp_path, course, roster):
    """Monday's download was graded on Friday without the worksheet; Thursday's, graded after it, is the newer one."""
    out = tmp_path / "out"
    entry = f"Ada Lovelace_4711_assignsubmission_file/{FILE}"
    run(course, [write(tmp_path / "monday", {entry: marked("early")})], out, [])
    old = TIMES.replace("27 November 2026", "27 November 2020")
    run(course, [write(tmp_path / "thursday", {entry: handin()})], out, [roster(old)])
    assert scored(out) == {"Ada Lovelace 4711": "40"}


def test_names_that_moodle_cleaned_and_names_that_are_hidden(tmp_path, course, roster):
    text = "Identifier,Full name\nParticipant 1,Cat O'Neil\nParticipant 2,Bo/Li\n"
    files = {f"Cat ONeil_1_assignsubmission_file/{FILE}": handin(), f"Participant_2_assignsubmission_file/{FILE}": marked("b")}
    run(course, [write(tmp_path / "moodle", files)], tmp_path / "out", [roster(text)])
    assert {row["name"]: row["score"] for row in grades(tmp_path / "out").values()} == {"Cat O'Neil": "40", "Bo/Li": "0"}


def test_a_files_name_joins_by_id_alone(tmp_path, course, roster):
    files = {f"Ada Lovelace_{FILE}": handin(), f"s-2_{FILE}": marked("emmy")}
    flat, folders = tmp_path / "flat", tmp_path / "folders"
    run(course, [write(tmp_path / "files", files)], flat, [roster(CANVAS)])
    assert scored(flat) == {"Ada Lovelace": "40", "s-2": "0"}
    files = {name.replace(f"_{FILE}", f"/{FILE}"): raw for name, raw in files.items()}
    run(course, [write(tmp_path / "class", files)], folders, [roster(CANVAS)])
    assert scored(folders) == {"s-1": "40", "s-2": "0"}


def test_ids_of_two_people_join_neither(tmp_path, course, roster):
    metadata = (
        "submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: s-2\n    :email: ada@example.org\n"
        "  :created_at: 2026-01-01 10:00:00.0 Z\n"
    )
    files = {"submission_metadata.yml": metadata.encode(), f"submission_1/{FILE}": handin()}
    out = tmp_path / "out"
    summary = run(course, [write(tmp_path / "export", files)], out, [roster(GRADESCOPE)])
    assert scored(out) == {"ada@example.org (in doubt)": "40"}
    assert any("has the ids of two people" in notice for notice in summary.intake.notices)


def test_moodles_default_group_is_everybody_without_a_group(tmp_path, course, roster):
    text = MOODLE.replace("No submission,,", "No submission,Default group,")
    moodle = write(tmp_path / "moodle", {f"Default group_assignsubmission_file/{FILE}": handin()})
    out = tmp_path / "out"
    run(course, [moodle], out, [roster(text)])
    assert scored(out) == {"alan@example.org": "40"}


def test_the_roster_of_an_earlier_run_is_remembered(tmp_path, course, roster):
    out = tmp_path / "out"
    run(course, [write(tmp_path / "one", {f"lovelaceada_101_9_{FILE}": marked("a")})], out, [roster(CANVAS, "c.csv")])
    moodle = {
        f"Ada Lovelace_8000_assignsubmission_file/{FILE}": handin(),
        f"Ada L_8001_assignsubmission_file/{FILE}": marked("l"),
    }
    run(course, [write(tmp_path / "two", moodle)], out, [])
    assert scored(out) == {"s-1": "40", "Ada L 8001": "0"}
    run(course, [write(tmp_path / "two", moodle)], out, [roster(MOODLE.replace("4711", "8000"), "m.csv"), roster(GRADESCOPE)])
    with Gradebook(out / "gradebook.sqlite") as book:
        ada = next(one for one in book.people() if one.sis == "s-1")
    assert (ada.section, ada.email, ada.teams) == ("Morning", "ada@example.org", ("Team Blue",))


def test_a_name_that_two_ids_claim_joins_nobody(tmp_path, course, roster):
    plain = "Full name,Email address\nAda Lovelace,ada@example.org\nEmmy Noether,emmy@example.org\n"
    files = {
        f"Ada Lovelace_1_assignsubmission_file/{FILE}": handin(),
        f"Ada Lovelace_2_assignsubmission_file/{FILE}": marked("another"),
        f"Emmy Noether_3_assignsubmission_file/{FILE}": marked("emmy"),
    }
    out = tmp_path / "out"
    summary = run(course, [write(tmp_path / "moodle", files)], out, [roster(plain)])
    assert set(scored(out)) == {"Ada Lovelace 1", "Ada Lovelace 2", "emmy@example.org"}
    assert any("under several ids" in notice for notice in summary.intake.notices)


def test_a_new_spelling_of_a_name_is_no_new_student(tmp_path, course):
    out = tmp_path / "out"
    run(course, [write(tmp_path / "monday", {f"lovelaceada_101_9_{FILE}": marked("a")})], out, [])
    run(course, [write(tmp_path / "friday", {f"kingada_101_12_{FILE}": handin()})], out, [])
    assert {key: row["score"] for key, row in grades(out).items()} == {"lovelaceada_101": "40"}


def test_a_gradebook_of_an_earlier_version_knows_its_students(tmp_path, course):
    out = tmp_path / "out"
    out.mkdir()
    base = sqlite3.connect(out / "gradebook.sqlite")
    base.executescript(f"{schema._FIRST} PRAGMA user_version = 1;")
    values = (NAME, "Ada", "canvas", "101", "", "x.ipynb", "old", "v", "t", "graded", 3, 40, "s", 1, "[]", "[]", "2026-01-01")
    base.execute("INSERT INTO submissions VALUES ('lovelaceada_101'" + ", ?" * len(values) + ")", values)
    base.commit()
    base.close()
    run(course, [write(tmp_path / "friday", {f"kingada_101_12_{FILE}": handin()})], out, [])
    assert scored(out) == {"lovelaceada_101": "40"}


def test_an_older_download_does_not_put_an_older_mark_back(tmp_path, course):
    out = tmp_path / "out"
    monday = write(tmp_path / "monday", {f"lovelaceada_101_12_{FILE}": handin()})
    friday = write(tmp_path / "friday", {f"lovelaceada_101_9_{FILE}": marked("early")})
    run(course, [monday], out, [])
    for _ in range(2):
        summary = run(course, [friday], out, [])
        assert grades(out)["lovelaceada_101"]["score"] == "40"
    first = run(course, [friday], tmp_path / "other", [])
    assert first.graded == 1
    folders = tmp_path / "folders"
    run(course, [write(tmp_path / "later", {f"ana/{FILE}": handin()})], folders, [])
    summary = run(course, [write(tmp_path / "earlier", {f"ana/{FILE}": marked("early")})], folders, [])
    assert any("took the place of" in notice and "0 points instead of 40" in notice for notice in summary.intake.notices)


def test_a_roster_that_comes_later_keeps_the_keys_and_joins_two(tmp_path, course, roster):
    out = tmp_path / "out"
    canvas = write(tmp_path / "canvas", {f"lovelaceada_101_9_{FILE}": marked("canvas")})
    moodle = write(tmp_path / "moodle", {f"Ada Lovelace_4711_assignsubmission_file/{FILE}": handin()})
    run(course, [canvas], out, [])
    run(course, [moodle], out, [])
    assert set(grades(out)) == {"lovelaceada_101", "Ada Lovelace 4711"}
    run(course, [moodle], out, [roster(CANVAS, "c.csv"), roster(MOODLE, "m.csv")])
    (key,) = scored(out)
    assert key in ("lovelaceada_101", "Ada Lovelace 4711")
    assert grades(out)[key]["score"] == "40"
    assert [one.name for one in (out / "feedback").iterdir()] == [one.name for one in (out / "gradescope").iterdir()]
    assert len(list((out / "feedback").iterdir())) == 1
    with Gradebook(out / "gradebook.sqlite") as book:
        assert len(book.attempts(key, NAME)) == 2


def test_a_roster_that_cannot_be_used_leaves_the_gradebook_alone(tmp_path, course, roster):
    out = tmp_path / "out"
    root = write(tmp_path / "class", {f"lovelaceada_101_9_{FILE}": handin()})
    run(course, [root], out, [])
    before = grades(out)
    with pytest.raises(GradingError):
        run(course, [root], out, [roster("Email,Name\na@x,Ana\na@x,Bo\n")])
    assert grades(out) == before
