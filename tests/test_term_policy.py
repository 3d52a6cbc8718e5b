"""Policies: what a course.toml may say, what becomes of the points, and that nothing done by hand is lost."""

from __future__ import annotations

import csv
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from fakes import FakeWorkshop
from handins import FILE, NAME, handin, write
from test_grade_cli import Quiet
from test_gradebook import question, result_of, submission

from autograder.cli import main
from autograder.grading.batch import Plan, _stale, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find.platforms import Student
from autograder.grading.record.attempt import Attempt
from autograder.grading.record.gradebook import Gradebook, Record
from autograder.grading.record.mark import Mark, Override
from autograder.grading.record.people import Listed
from autograder.grading.record.result import Result, Status
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.paths import EXAMPLES
from autograder.term.command import find_student
from autograder.term.gradebook_marks import Marker
from autograder.term.mark_rules import choice_of, mark_of
from autograder.term.policy import ForNotebook, Late, Policy, kept_policy, read_policy
from autograder.term.total import total_of

ANA = Student("ana", "Ana", "canvas", "12345", "ana@example.org")
DUE = datetime(2026, 10, 12, 22, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


def policy(late: Late | None = None, deadline: object = DUE, **more: object) -> Policy:
    return Policy(late=late, notebooks={NAME: ForNotebook(deadline=deadline, **more)})


def row(handed_in: str = "", *questions, late: bool = False, student: Student = ANA) -> Record:
    result = result_of(*(questions or (question("q2_1", True, True, True, False), question("q2_2", True, False))))
    return Record(student, NAME, "x.ipynb", "a", "2026-10-13T00:00:00+00:00", result, handed_in, late)


# The file


def test_the_annotated_example_is_read(course):
    read = read_policy(EXAMPLES / "course.toml", course)
    assert read.deadline(NAME, Student("bo", "Bo")) == datetime(2026, 10, 12, 21, 59, tzinfo=UTC)
    assert read.deadline(NAME, ANA) == datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
    assert read.deadline(NAME, replace(ANA, id="")) == datetime(2026, 10, 15, 21, 59, tzinfo=UTC)
    assert read.deadline("03_scaling", ANA) == datetime(2026, 10, 26, 22, 59, 59, tzinfo=UTC)
    assert read.of(NAME).waive == ("q2_9",)
    assert read.notices({}) == [
        f"{NAME}: the extension for {name} fits nobody who has handed in" for name in ("ana@example.org", "12345")
    ]


def test_a_gradebook_gives_the_policy_back_as_it_was(course):
    read = read_policy(EXAMPLES / "course.toml", course)
    assert kept_policy(read.model_dump_json()) == read
    assert kept_policy("") == Policy()
    with pytest.raises(GradingError, match="give --course again"):
        kept_policy('{"attempts": "first"}')


def test_a_deadline_without_a_zone_says_which_is_assumed(course, tmp_path):
    path = tmp_path / "course.toml"
    path.write_text("[notebooks.02]\ndeadline = 2026-10-12T22:00:00\n")
    read = read_policy(path, course)
    assert read.deadline(NAME, ANA) == DUE
    assert "have no time zone: they are taken as UTC" in read.notices({})[0]
    path.write_text('timezone = "Asia/Tokyo"\n[notebooks.02]\ndeadline = 2026-10-13T07:00:00\n')
    read = read_policy(path, course)
    assert (read.deadline(NAME, ANA), read.notices({})) == (DUE, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("deadline", "is no TOML file"),
        ("[notebooks.02]\ndeadline = 2026-10-12T23:59", "a time needs its seconds there, such as 2026-10-12T23:59:00"),
        ("dropp_lowest = 1", "dropp_lowest: there is no such setting"),
        ("drop_lowest = -1", "drop_lowest: input should be greater than or equal to 0"),
        ("timezone = 'Moon/Base'", "'Moon/Base' is no time zone"),
        ("attempts = 'first'", "attempts: input should be 'last', 'best' or 'last before the deadline'"),
        ("[late]\npercent = 200", "late.percent: input should be less than or equal to 100"),
        ("[late]\npercent = 10\nper = 'week'", "late.per: input should be 'day' or 'hour'"),
        ("[notebooks.09]\nweight = 1", "there is no notebook '09': there are 01, 02"),
        ("[notebooks.02]\ndeadline = 'tomorrow'", "'tomorrow' is no time"),
        ("[notebooks.02]\ndeadline = 5", "it is no time"),
        ("[notebooks.02]\nwaive = ['3.1']", "has no question '3.1'"),
        ("[notebooks.02.extensions]\nana = 'soon'", "'soon' is no time"),
        ("notebooks = 3", "notebooks has to be a table"),
    ],
)
def test_a_wrong_file_is_one_sentence(course, tmp_path, text, says):
    path = tmp_path / "course.toml"
    path.write_text(text)
    with pytest.raises(GradingError) as told:
        read_policy(path, course)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_or_no_text_is_one_sentence(course, tmp_path):
    with pytest.raises(GradingError, match="cannot be read"):
        read_policy(tmp_path / "none.toml", course)
    (tmp_path / "latin.toml").write_bytes(b"timezone = '\xff'")
    with pytest.raises(GradingError, match="not UTF-8"):
        read_policy(tmp_path / "latin.toml", course)


# One mark


@pytest.mark.parametrize(
    ("handed_in", "late", "points"),
    [
        ("2026-10-12T22:00:00+00:00", Late(percent=10), 4.0),
        ("2026-10-12T22:00:01+00:00", Late(percent=10), 3.6),
        ("2026-10-12T22:15:00+00:00", Late(percent=10, grace_minutes=15), 4.0),
        ("2026-10-12T22:15:01+00:00", Late(percent=10, grace_minutes=15), 3.6),
        ("2026-10-13T22:00:00+00:00", Late(percent=10), 3.6),
        ("2026-10-13T22:00:01+00:00", Late(percent=10), 3.2),
        ("2026-10-13T00:59:00+00:00", Late(percent=5, per="hour"), 3.4),
        ("2026-10-30T00:00:00+00:00", Late(percent=10), 0.0),
        ("2026-10-30T00:00:00+00:00", Late(percent=10, floor_percent=50), 2.0),
        ("2026-10-13T00:00:00+00:00", Late(percent=10, of="possible"), 3.4),
        ("2026-10-30T00:00:00+00:00", Late(percent=10, of="possible", floor_percent=90), 4.0),
        ("2026-10-12T23:30:00+02:00", Late(percent=10), 4.0),
    ],
)
def test_lateness(handed_in, late, points):
    mark = mark_of(row(handed_in), policy(late))
    assert (mark.earned, mark.points, mark.possible) == (4.0, points, 6.0)
    assert len(mark.steps) == (1 if points == 4.0 and late.floor_percent == 0 else 2)


def test_lateness_that_is_not_known_takes_nothing_and_is_told():
    late = Late(percent=10)
    assert (mark_of(row(), policy(late)).points, mark_of(row(), policy(late)).notices) == (4.0, ())
    told = mark_of(row(late=True), policy(late))
    assert told.points == 4.0
    assert "late, as the platform says, but not by how much" in told.notices[0]


def test_the_steps_lead_from_what_was_earned_to_the_mark():
    apart = replace(question("q2_5", True, False), title="2.5 cross_attention", apart_from=("2.3 attention",))
    questions = (question("q2_3", True, False), apart, question("q2_8", True, True), question("q2_9", True, False))
    by_hand = Override(1, "ana", NAME, "q2_3", 2.0, "a typo of ours", "kim", "2026-10-14T00:00:00+00:00", 1.0)
    rules = policy(Late(percent=50), waive=("q2_8",))
    mark = mark_of(row("2026-10-13T00:00:00+00:00", *questions), rules, [by_hand])
    assert [(step.points, step.possible) for step in mark.steps] == [(5, 8), (6, 8), (7, 8), (5, 6), (2.5, 6)]
    says = [step.says for step in mark.steps]
    assert says[1] == "2.5 cross_attention is right, apart from 2.3 attention, whose mistake costs once: all of its points"
    assert says[2] == "q2_3 title was set to 2 of 2 points by hand (kim, 2026-10-14): a typo of ours"
    assert says[3] == "q2_8 title does not count for anybody"
    assert says[4].startswith("handed in 2 hours after 2026-10-12 22:00 UTC: 50 % of the points earned for each day begun (1)")
    assert (mark.earned, mark.points, mark.possible, mark.notices) == (5, 2.5, 6, ())


@pytest.mark.parametrize(("share", "points"), [("all", 4.0), ("half", 2.0), ("none", 1.0)])
def test_what_an_answer_gets_that_is_right_apart_from_an_earlier_one(share, points):
    apart = replace(question("q2_5", True, False, False, False), apart_from=("2.3 attention",))
    assert mark_of(row("", apart), Policy(follow_through=share)).points == points


def test_half_of_the_points_takes_nothing_from_who_has_more():
    apart = replace(question("q2_5", True, True, True, False), apart_from=("2.3 attention",))
    assert mark_of(row("", apart), Policy(follow_through="half")).points == 3.0


def test_a_waived_question_may_give_everybody_its_points():
    rules = policy(waive=("q2_2",)).model_copy(update={"waived": "full points"})
    mark = mark_of(row(), rules)
    assert (mark.points, mark.possible) == (5.0, 6.0)


def test_a_mark_by_hand_stands_and_says_where_the_tests_disagree_now():
    by_hand = Override(1, "ana", NAME, "q2_1", 4.0, "seen on paper", "kim", "2026-10-14T00:00:00+00:00", 1.0)
    mark = mark_of(row(), Policy(), [by_hand])
    assert mark.points == 5.0
    assert mark.notices == (
        "q2_1 title: 4 points were set by hand (kim) when the tests gave 1; they give 3 now, and the mark by hand stands",
    )


def test_no_score_is_no_mark():
    none = replace(row(), result=Result(Status.UNREADABLE, possible=6.0))
    mark = mark_of(none, policy(Late(percent=10)))
    assert (mark.earned, mark.points, mark.percent) == (None, None, None)


# Which attempt counts


def _somebody(key: str) -> Student:
    return Student(key, key)


def attempt(number: int, handed_in: str, score: float | None, late: bool = False) -> Attempt:
    seen = "2026-11-01T00:00:00+00:00"
    return Attempt(
        *(number, str(number), "x.ipynb", handed_in, late, seen),
        *(Status.GRADED if score is not None else Status.UNREADABLE, score, 10.0, "t", "", "fake", True),
    )


@pytest.mark.parametrize(
    ("counts", "wanted"), [("last", 3), ("best", 2), ("last before the deadline", 2)]
)
def test_which_attempt_counts(counts, wanted):
    attempts = [
        attempt(1, "2026-10-11T00:00:00+00:00", 7.0),
        attempt(2, "2026-10-12T00:00:00+00:00", 8.0),
        attempt(3, "2026-10-14T00:00:00+00:00", 9.0),
    ]
    rules = policy(Late(percent=20)).model_copy(update={"attempts": counts})
    assert choice_of(rules, {"ana": ANA}.__getitem__)("ana", NAME, attempts).number == wanted


def test_an_extension_makes_a_late_attempt_one_in_time_and_a_broken_one_is_never_the_best():
    attempts = [attempt(1, "2026-10-11T00:00:00+00:00", 7.0), attempt(2, "2026-10-14T00:00:00+00:00", None)]
    rules = policy(extensions={"12345": "3 days"}).model_copy(update={"attempts": "last before the deadline"})
    assert choice_of(rules, {"ana": ANA}.__getitem__)("ana", NAME, attempts).number == 2
    assert choice_of(rules, _somebody)("bo", NAME, attempts).number == 1
    assert choice_of(rules.model_copy(update={"attempts": "best"}), {"ana": ANA}.__getitem__)("ana", NAME, attempts).number == 1


def test_without_an_attempt_in_time_the_last_counts():
    late = [attempt(1, "2026-10-20T00:00:00+00:00", 7.0), attempt(2, "2026-10-21T00:00:00+00:00", 1.0)]
    rules = policy().model_copy(update={"attempts": "last before the deadline"})
    assert choice_of(rules, _somebody)("ana", NAME, late).number == 2


# The term


def test_the_total_weighs_leaves_the_lowest_out_and_counts_what_is_missing(course):
    names = list(course.notebooks)[:4]
    marks = {names[0]: Mark(8, 10, 8, 10), names[1]: Mark(5, 10, 5, 10), names[2]: Mark(None, 10, None, 10)}
    rules = Policy(drop_lowest=1, notebooks={names[0]: ForNotebook(weight=3), names[3]: ForNotebook(deadline=DUE)})
    early, late = (datetime(2026, 10, day, tzinfo=UTC) for day in (1, 20))
    total = total_of(ANA, marks, names, rules, course, early)
    assert (total.percent, total.final) == (80.0, False)
    assert total.steps[2:] == (
        f"{course.title(names[2])}: no score yet",
        f"{course.title(names[3])}: not handed in, due 2026-10-12 22:00 UTC",
        f"the lowest is left out: {course.title(names[1])} (50.0 %)",
    )
    marks[names[2]] = Mark(10, 10, 10, 10)
    total = total_of(ANA, marks, names, rules, course, late)
    assert (total.percent, total.final) == (round((3 * 80 + 50 + 100) / 5, 4), True)
    assert total.steps[-1] == f"the lowest is left out: {course.title(names[3])} (0.0 %)"


def test_the_only_notebook_is_never_left_out(course):
    total = total_of(ANA, {NAME: Mark(8, 10, 8, 10)}, [NAME], Policy(drop_lowest=1), course, DUE)
    assert total.percent == 80.0


# A class


def grade(course, root, out, **more):
    setting = Setting(workshop=FakeWorkshop)
    watcher = Quiet()
    grade_class(Plan([root], out, course, setting, **more), lambda count: InProcess(setting), watcher)
    return watcher.seen


def marks_of(out):
    with Gradebook(out / "gradebook.sqlite") as book:
        return {record.student.key: record.mark for record in book.records()}


def command(out, *words):
    return CliRunner().invoke(main, ["override", *words, "-o", str(out)])


def test_hand_ins_without_a_time_are_told_once_for_all(tmp_path, course):
    root, out = write(tmp_path / "class", {f"{who}/{FILE}": handin() for who in ("ana", "bo")}), tmp_path / "out"
    grade(course, root, out, policy=policy(Late(percent=10)))
    page = (out / "report.html").read_text()
    assert page.count(f"{NAME}: when 2 of the hand-ins came is not known; they count as in time") == 1


def test_policies_stay_with_the_gradebook_and_pages_show_the_steps(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    rules = Policy(notebooks={NAME: ForNotebook(waive=("q2_9",))})
    whole = course.notebooks[NAME].points
    grade(course, root, out, policy=rules)
    assert marks_of(out)["ana"].possible < whole
    assert grade(course, root, out) == []
    assert marks_of(out)["ana"].possible < whole
    page = (out / "feedback" / "ana" / f"{NAME}.html").read_text()
    assert "How the points came about" in page
    assert "does not count for anybody" in page
    with (out / "grades.csv").open(encoding="utf-8", newline="") as stream:
        (line,) = csv.DictReader(stream)
    assert (line["score"], line["possible"]) == (f"{whole:g}", f"{whole:g}")
    assert float(line["mark"]) == float(line["mark_possible"]) == whole - 4
    canvas = (out / "canvas.csv").read_text()
    assert canvas.count(f"{whole - 4:g}\n") == 2
    assert grade(course, root, out, policy=Policy()) == []
    assert marks_of(out)["ana"].possible == whole
    assert "How the points came about" not in (out / "feedback" / "ana" / f"{NAME}.html").read_text()


def test_another_policy_needs_no_hand_ins(tmp_path, course):
    root = write(tmp_path / "class", {f"HW_{who}_attempt_2026-10-13-10-00-00_{FILE}": handin() for who in ("ana", "bo")})
    out, rules = tmp_path / "out", tmp_path / "course.toml"
    grade(course, root, out)
    rules.write_text("[late]\npercent = 10\n[notebooks.02]\ndeadline = 2026-10-12T12:00:00Z\nextensions = {anna = '3 days'}\n")
    done = CliRunner().invoke(main, ["grade", "-o", str(out), "--course", str(rules)])
    assert done.exit_code == 0
    told = " ".join(done.output.split())
    assert f"note: {NAME}: the extension for anna fits nobody" in told
    assert "nothing was graded: the marks are those of today's policies and roster" in told
    assert {who: mark.points for who, mark in marks_of(out).items()} == {"ana": 36.0, "bo": 36.0}
    rules.write_text(rules.read_text().replace("anna", "ana"))
    assert CliRunner().invoke(main, ["grade", "-o", str(out), "--course", str(rules)]).exit_code == 0
    assert {who: mark.points for who, mark in marks_of(out).items()} == {"ana": 40.0, "bo": 36.0}
    page = (out / "report.html").read_text()
    assert "fits nobody" not in page
    assert "Blackboard download" in page, "what the last run found stays in the report"
    none = CliRunner().invoke(main, ["grade", "-o", str(tmp_path / "new")])
    assert none.output.startswith("autograder: say what to grade")
    assert not (tmp_path / "new").exists()


def test_a_student_is_found_by_a_name_that_nobody_else_has(tmp_path):
    with Gradebook(tmp_path / "gradebook.sqlite") as book:
        for key, name in (("s-1", "Zoë Müller"), ("s-2", "Zoë Müller"), ("s-3", "Alan Turing")):
            handed = replace(submission(key), student=Student(key, name, email=f"{key}@example.org"))
            book.record(handed, "v1", result_of(question("q2_1", True)))
        assert {find_student(text, book).key for text in ("s-3", "s-3@example.org", "alan turing", "Turing, Alan")} == {"s-3"}
        with pytest.raises(GradingError, match="Zoë Müller may be s-1, s-2: write one of these"):
            find_student("Zoë Müller", book)


def test_a_mark_by_hand_outlives_grading_again_and_can_be_taken_back(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin("")}), tmp_path / "out"
    grade(course, root, out)
    done = command(out, "ana", "02", "2.1", "--points", "3", "--reason", "shown at the <board>", "--by", "kim")
    assert (done.exit_code, done.output) == (0, "ana, 2.1 softmax: 3 of 5 points by hand; the tests gave 0\n")
    assert marks_of(out)["ana"].points == 3.0
    assert "shown at the &lt;board&gt;" in (out / "feedback" / "ana" / f"{NAME}.html").read_text()
    write(root, {f"ana/{FILE}": handin()})
    assert grade(course, root, out) == ["ana"]
    whole = course.notebooks[NAME].points
    assert (marks_of(out)["ana"].earned, marks_of(out)["ana"].points) == (whole, whole - 2)
    assert "they give 5 now, and the mark by hand stands" in (out / "report.html").read_text()
    listed = command(out)
    assert "kim" in listed.output
    assert command(out, "ana", NAME, "q2_1", "--take-back", "--by", "lee").exit_code == 0
    assert marks_of(out)["ana"].points == whole
    kept = sqlite3.connect(out / "gradebook.sqlite").execute("SELECT who, reason, points, taken_back_by FROM overrides")
    assert kept.fetchall() == [("kim", "shown at the <board>", 3.0, "lee")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bo", "02", "q2_1", "--points", "1", "--reason", "x"), "nobody in the gradebook is called 'bo'"),
        (("ana", "09", "q2_1", "--points", "1", "--reason", "x"), "there is no notebook '09'"),
        (("ana", "03", "q3_1", "--points", "1", "--reason", "x"), "has no score for q3_1"),
        (("ana", "02", "q3_1", "--points", "1", "--reason", "x"), "has no question 'q3_1'"),
        (("ana", "02", "q2_1", "--points", "6", "--reason", "x"), "2.1 softmax has 5 points: --points 6"),
        (("ana", "02", "q2_1", "--points", "1"), "say --points and --reason"),
        (("ana", "02", "q2_1", "--take-back"), "nothing was set by hand for ana"),
        (("ana",), "say whose mark it is"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(tmp_path, course, words, says):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin("")}), tmp_path / "out"
    grade(course, root, out)
    done = command(out, *words)
    assert done.exit_code == 1
    assert says in done.output
    assert done.output.count("\n") == 1


def test_where_there_is_no_gradebook_is_one_sentence(tmp_path):
    done = command(tmp_path, "ana", "02", "q2_1", "--points", "1", "--reason", "x")
    assert done.output.startswith("autograder: there is no gradebook.sqlite in")


def test_one_students_best_file_comes_back_when_the_policy_says_so(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    grade(course, root, out)
    write(root, {f"ana/{FILE}": handin(answers={"q2_1": "def softmax(z, axis=-1):\n    return z\n"})})
    grade(course, root, out)
    whole = course.notebooks[NAME].points
    assert marks_of(out)["ana"].points < whole
    assert grade(course, root, out, policy=Policy(attempts="best")) == []
    assert marks_of(out)["ana"].points == whole
    with Gradebook(out / "gradebook.sqlite") as book:
        book._base.execute("UPDATE attempts SET tests_version = 'old'")
    assert grade(course, root, out) == ["ana", "ana"]  # the file that is there, and the earlier one from what was kept


def test_looking_for_earlier_files_goes_through_the_class_once(tmp_path, course):
    class Counted(list):
        rounds = 0

        def __iter__(self):
            self.rounds += 1
            return super().__iter__()

    everybody = Counted(replace(submission("ana"), student=replace(ANA, key=f"ana-{n}")) for n in range(9))
    with Gradebook(tmp_path / "gradebook.sqlite") as book:
        marker = Marker(book, course, None, Policy(attempts="best"))
        assert list(_stale(Plan([], tmp_path, course, Setting()), everybody, marker)) == []
    assert everybody.rounds == 1


def test_an_extension_by_the_rosters_number_moves_the_mark_too(tmp_path):
    rules = policy(Late(percent=50), extensions={"S-1": "3 days"})
    late = replace(submission("ana"), handed_in="2026-10-13T00:00:00+00:00")
    with Gradebook(tmp_path / "gradebook.sqlite") as book:
        book.keep_people([Listed("ana", "Ana", sis="S-1")], {}, {})
        book.record(late, "v1", result_of(question("q2_1", True, True)))
        record = book.record_of("ana", NAME)
        assert (record.student.sis, book.student("ana").sis, book.students()[0].sis) == ("S-1", "S-1", "S-1")
        assert (mark_of(record, rules).points, mark_of(record, policy(Late(percent=50))).points) == (2, 1)
        assert rules.notices(book.students()) == []
        assert book.student("nobody") == Student("nobody", "nobody")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--deadline", "02"], "--deadline 02: write a notebook and a time"),
        (["--deadline", "02=soon"], "'soon' is no time"),
        (["--late", "much"], "--late much: write percent and unit"),
        (["--late", "10/week"], "late.per: input should be 'day' or 'hour'"),
        (["--waive", "q9_9"], "there is no notebook '09'"),
    ],
)
def test_an_option_that_says_nothing_is_one_sentence(tmp_path, options, says):
    done = CliRunner().invoke(main, ["grade", str(tmp_path), "-o", str(tmp_path / "out"), *options])
    assert done.exit_code == 1
    assert says in done.output


def test_options_say_what_a_file_may_say(course):
    from autograder.term.options import policy_of

    read = policy_of(course, None, ("02=2026-10-12T22:00+00:00",), "10/hour", "best", 1, ("q2_9", "2.8"), "half")
    assert read == Policy(
        attempts="best",
        follow_through="half",
        drop_lowest=1,
        late=Late(percent=10, per="hour"),
        notebooks={NAME: ForNotebook(deadline=DUE, waive=("q2_9", "q2_8"))},
    )
    assert policy_of(course, None, (), None, None, None, (), None) is None
    assert submission("ana").late is False
