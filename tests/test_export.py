"""What goes back: the file that was downloaded, filled and otherwise byte for byte the same; pages as a platform's zip."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from pathlib import Path

import pandas
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.cli import main
from autograder.grading.errors import GradingError
from autograder.grading.find.intake import Submission
from autograder.grading.find.platforms import Student
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.people import Listed
from autograder.grading.record.result import CaseResult, Finding, QuestionResult, Result, Status
from autograder.grading.report.outputs import feedback_path
from autograder.term.export import export
from autograder.term.forms import KINDS, read_form
from autograder.term.pages import pages_zip
from autograder.term.roster import read_roster
from autograder.term.sheet import harmless, read_sheet

NAME = "02_keys_queries_values"
CANVAS = '''\
Student,ID,SIS User ID,SIS Login ID,Section,Remarks,"02 Keys, queries, values (991)",Other (992),Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,(read only),100,10,(read only)
"Lovelace, Ada",101,s-1,ada@example.org,Morning,"said ""hi""",,7,70
"Noether, Emmy",102,s-2,emmy@example.org,Evening,,55.5,8,
"Turing, Alan",103,s-3,alan@example.org,Morning,,EX,,
"Unknown, Una",109,s-9,una@example.org,Morning,,12,,

'''
MOODLE = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 4711","Ada Lovelace",ada@example.org,"Submitted for grading",,100.00,Yes,'
    '"Friday, 27 November 2026, 11:59 PM",-,\n'
    '"Participant 4712","Emmy Noether",emmy@example.org,"Submitted for grading",50.00,100.00,Yes,-,'
    '"Saturday, 28 November 2026, 9:00 AM","well done"\n'
    '"Participant 4799","Una Unknown",una@example.org,"No submission",,100.00,Yes,-,-,\n'
)


def result(score: float, possible: float = 40.0) -> Result:
    finding = Finding("wrong <b>", looks_like="=1+1;=cmd")
    cases = (CaseResult("a", False, score, True), CaseResult("b", True, possible - score, False, finding))
    return Result(Status.GRADED, (QuestionResult("q2_1", "2.1", score, possible, cases),), possible=possible, sandbox="fake")


STUDENTS = (
    ("ada", "Ada Lovelace", "canvas", "101", "ada@example.org", 40.0, f"lovelaceada_101_9001_{NAME}-1.ipynb"),
    ("emmy", "Emmy Noether", "moodle", "4712", "emmy@example.org", 30.0, "Emmy Noether_4712_assignsubmission_file"),
    ("alan", "Alan Turing", "canvas", "103", "", 20.0, f"turingalan_LATE_103_9003_{NAME}.ipynb"),
    ("zoe", "Zoe", "", "", "", 10.0, "zoe"),
)


@pytest.fixture
def book(tmp_path):
    out = tmp_path / "graded"
    out.mkdir()
    with Gradebook(out / "gradebook.sqlite") as opened:
        for key, name, platform, number, email, score, origin in STUDENTS:
            student = Student(key, name, platform, number, email)
            one = Submission(student, NAME, None, f"{key}.ipynb", sha256=key, origin=origin)
            opened.record(one, "v1", result(score))
        emmy = (("canvas", "102"), ("email", "emmy@example.org"), ("moodle", "4712"))
        opened.keep_people([Listed("emmy", "Emmy Noether", "emmy@example.org", section="Evening", ids=emmy)], {}, {})
        yield opened


@pytest.fixture
def downloaded(tmp_path):
    def written(text: str | bytes, name: str = "download.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def read_by_others(path: Path, **more) -> list[dict[str, str]]:
    """The rows as pandas reads them, every cell a text."""
    table = pandas.read_csv(path, dtype=str, keep_default_na=False, **more)
    return table.to_dict("records")


# Canvas


def test_canvas_is_filled_and_scaled_and_the_rest_stays(book, downloaded):
    path = downloaded(CANVAS)
    filled = export(book, "canvas", path)
    expected = CANVAS.replace(",,7,70", ",100,7,70").replace(",55.5,8,", ",75,8,")
    assert path.read_bytes() == expected.encode()
    rows = {row["Student"]: row["02 Keys, queries, values (991)"] for row in read_by_others(path)}
    assert (rows["Lovelace, Ada"], rows["Noether, Emmy"], rows["Turing, Alan"], rows["Unknown, Una"]) == ("100", "75", "EX", "12")
    assert f"{NAME}: 40 points are written as 100, the file's maximum (2 marks)" in filled.told
    assert f"{NAME}: excused or not assigned, left alone: Alan Turing" in filled.told
    assert "not in download.csv, so without a mark there: Zoe" in filled.told
    assert "not in the gradebook, left as they are: Una Unknown" in filled.told
    assert filled.marks == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_a_semicolon_file_with_decimal_commas_and_a_mark_keeps_them(book, downloaded, encoding, ending):
    text = "Student;ID;SIS Login ID;Section;02 Keys queries values (9)\n    Points Possible;;;;50,0\n"
    text = (text + "Lovelace, Ada;101;ada@example.org;Früh;\nNoether, Emmy;102;x;Spät;1,5\n").replace("\n", ending)
    path = downloaded(text.encode(encoding))
    export(book, "canvas", path)
    expected = text.replace("Früh;", "Früh;50").replace("Spät;1,5", "Spät;37,5")
    assert path.read_bytes() == expected.encode(encoding)


def test_excels_hint_stays_and_a_short_line_is_told(book, downloaded):
    text = "sep=;\r\nStudent;ID;Section;02 Keys queries values (9)\r\nLovelace, Ada;101;x;\r\nTuring, Alan;103\r\n"
    path = downloaded(text)
    filled = export(book, "canvas", path)
    assert path.read_bytes() == text.replace("101;x;", "101;x;40").encode()
    assert "line 4 (Alan Turing) ends before the column of marks: left alone" in filled.told


def test_filling_twice_changes_nothing_more(book, downloaded):
    path = downloaded(CANVAS)
    export(book, "canvas", path)
    once = path.read_bytes()
    assert export(book, "canvas", path).marks == 0
    assert path.read_bytes() == once


def test_which_column_is_asked_for_when_it_is_not_clear(book, downloaded):
    path = downloaded(CANVAS.replace("02 Keys, queries, values", "Homework two"))
    with pytest.raises(GradingError, match=r"no column for .*--column NAME \(Homework two \(991\), Other \(992\)\)"):
        export(book, "canvas", path)
    assert export(book, "canvas", path, notebook=NAME, column="Homework two").marks == 2
    with pytest.raises(GradingError, match="takes no marks"):
        export(book, "canvas", path, notebook=NAME, column="Final Score")


# Moodle


def test_moodle_is_filled_with_comments_and_a_persons_comment_stays(book, downloaded):
    path = downloaded(MOODLE)
    book.keep_people([Listed("ada", "Ada Lovelace", ids=(("moodle", "4711"),))], {}, {})
    filled = export(book, "moodle", path)
    ada, emmy, una = read_by_others(path)
    assert (ada["Grade"], emmy["Grade"], una["Grade"]) == ("100", "75", "")
    assert ada["Feedback comments"] == "autograder: q2_1: =1+1;'=cmd"
    assert (emmy["Feedback comments"], una["Feedback comments"]) == ("well done", "")
    assert emmy["Last modified (grade)"] == "Saturday, 28 November 2026, 9:00 AM", "without it Moodle skips the row"
    assert filled.comments == 1
    assert any("1 comments that somebody wrote" in line for line in filled.told)
    changed = [pair for pair in zip(MOODLE.splitlines(), path.read_text().splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(changed) == 2


@pytest.mark.parametrize(
    ("identifier", "head"),
    [
        ("Teilnehmer/in", "ID;Vollständiger Name;E-Mail-Adresse;Status;Bewertung;Bestwertung;Bewertung kann geändert werden;"
         "Zuletzt geändert (Bewertung);Feedback als Kommentar"),
        ("Participant", "Identifiant;Nom complet;Adresse de courriel;Statut;Note;Note maximale;La note peut être modifiée;"
         "Dernière modification (note);Commentaires"),
        ("Participante", "Identificador;Nombre completo;Dirección de correo;Estado;Calificación;Puntos como mucho;Se puede;"
         "Última modificación (calificación);Retroalimentación"),
    ],
)  # fmt: skip
def test_moodles_headings_in_other_languages(book, downloaded, identifier, head):
    text = f"{head}\n{identifier} 4712;Emmy Noether;emmy@example.org;x;;20,00;Ja;-;\n"
    path = downloaded(text)
    export(book, "moodle", path)
    (row,) = csv.reader(io.StringIO(path.read_text().partition("\n")[2]), delimiter=";")
    assert (row[4], row[5]) == ("15", "20,00")
    assert row[8].startswith("autograder: ")


def test_a_groups_mark_reaches_its_members_and_no_stranger(book, downloaded):
    team = Submission(Student("Team Blue 4799", "Team Blue", "moodle", "4799"), NAME, None, "x", sha256="team")
    book.record(team, "v1", result(20.0))
    path = downloaded(MOODLE)
    filled = export(book, "moodle", path)
    assert [row["Grade"] for row in read_by_others(path)] == ["100", "75", ""]
    assert any("line 4 (Una Unknown) has the number of Team Blue, which may be a group's" in line for line in filled.told)
    grouped = "Identifier,Full name,Group,Grade,Maximum grade,Last modified (grade)\n"
    grouped += "Participant 4750,Ines,Team Blue,,100.00,-\nParticipant 4799,Una Unknown,,,100.00,-\n"
    path = downloaded(grouped)
    export(book, "moodle", path)
    assert [row["Grade"] for row in read_by_others(path)] == ["50", ""]


def test_a_mark_above_moodles_maximum_is_cut_and_said(book, downloaded):
    bonus = Student("emmy", "Emmy Noether", "moodle", "4712")
    book.record(Submission(bonus, NAME, None, "x", sha256="new"), "v1", result(44.0))
    path = downloaded(MOODLE)
    filled = export(book, "moodle", path)
    assert read_by_others(path)[1]["Grade"] == "100"
    assert any("above the maximum" in line and "Emmy Noether" in line for line in filled.told)


# Gradescope, nbgrader, plain tables


def test_gradescope(book, downloaded):
    text = "First Name,Last Name,SID,Email,Total Score,Max Points,Status\nAda,Lovelace,,ADA@example.org,,80.0,Missing\n"
    path = downloaded(text)
    export(book, "gradescope", path)
    assert path.read_text() == text.replace(",,80.0", ",80,80.0")


def test_nbgrader(book, downloaded):
    head = "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,max_score"
    text = f"{head}\nhw1,,,zoe,,,,0.0,0.0,0.0,9.0\n{NAME},,,zoe,,,,0.0,0.0,0.0,80.0\n"
    path = downloaded(text)
    export(book, "nbgrader", path)
    assert path.read_text() == text.replace("0.0,0.0,0.0,80.0", "20,0,20,80.0")
    with pytest.raises(GradingError, match="which assignment is"):
        export(book, "nbgrader", downloaded(text.replace(NAME, "hw2")))
    assert export(book, "nbgrader", downloaded(text.replace(NAME, "hw2")), assignment="hw2").marks > 0


def test_a_plain_table_and_a_new_one(book, downloaded, tmp_path):
    text = f"Email,{NAME}\nada@example.org,\nnobody@example.org,\n"
    path = downloaded(text)
    export(book, "csv", path)
    assert path.read_text() == text.replace("ada@example.org,", "ada@example.org,40")
    new = tmp_path / "new.csv"
    export(book, "csv", new)
    assert {row["student"]: (row[NAME], row["section"]) for row in read_by_others(new)} == {
        "ada": ("40", ""),
        "alan": ("20", ""),
        "emmy": ("30", "Evening"),
        "zoe": ("10", ""),
    }


# What cannot be filled


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("canvas", MOODLE, "is a Moodle grading worksheet .*, not a Canvas gradebook .*: use --to moodle"),
        ("moodle", CANVAS, "is a Canvas gradebook .*, not a Moodle grading worksheet"),
        ("gradescope", "Email,Total Score\n", "is not a Gradescope grade file"),
        ("moodle", MOODLE.replace("Last modified (grade)", "x"), "is not a Moodle grading worksheet"),
        ("csv", "Colour,Size\nred,1\n", "no column of ids"),
        ("canvas", "", "is empty"),
        ("canvas", CANVAS.replace('"Unknown, Una"', '"Unknown'), "a quote is never closed"),
    ],
)
def test_a_file_that_is_not_the_platforms_is_refused_in_one_sentence(book, downloaded, kind, text, message):
    path = downloaded(text)
    with pytest.raises(GradingError, match=message) as refused:
        export(book, kind, path)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == text.encode()


def test_a_file_that_changed_meanwhile_is_left_alone(book, downloaded, monkeypatch):
    path = downloaded(CANVAS)
    monkeypatch.setattr("autograder.term.export._fill", lambda form, book: path.write_text("someone else's") and None)
    with pytest.raises(GradingError, match="changed while it was being filled"):
        export(book, "canvas", path)
    assert path.read_text() == "someone else's"


def test_a_file_that_cannot_be_written_stays_whole(book, downloaded, monkeypatch, tmp_path):
    path = downloaded(CANVAS)

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(GradingError, match=r"No space left on device\): nothing was changed"):
        export(book, "canvas", path)
    assert path.read_bytes() == CANVAS.encode()


def test_ids_of_two_students_in_one_row_are_left_alone(book, downloaded):
    path = downloaded(CANVAS.replace("101,s-1,ada@example.org", "101,s-1,emmy@example.org"))
    filled = export(book, "canvas", path)
    assert "line 4 (Ada Lovelace) has the ids of two students: left alone" in filled.told
    assert read_by_others(path)[2]["02 Keys, queries, values (991)"] == ""


# The sheet


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab",;\t\n\r é='), max_size=80), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_sheet_that_is_not_changed_is_the_same_bytes(tmp_path_factory, text, encoding):
    path = tmp_path_factory.mktemp("sheet") / "x.csv"
    path.write_bytes(text.encode(encoding))
    try:
        read = read_sheet(path)
    except GradingError:
        return
    assert read.content() == path.read_bytes()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from('ab",;\n é=1.'), max_size=6), min_size=2, max_size=4), min_size=1, max_size=5))
def test_cells_are_what_pythons_own_reader_reads(tmp_path_factory, rows):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["first", "second"], *rows])
    path = tmp_path_factory.mktemp("sheet") / "x.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    read = read_sheet(path)
    assert [row.values() for row in read.rows] == list(csv.reader(io.StringIO(stream.getvalue(), newline="")))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("text", ["=1+1", "a;=1", "a,+b", "a\t@x", " -1", '"=1', "a; =1", "ok\n=1"])
def test_no_program_finds_a_formula_in_a_comment(delimiter, text):
    for line in harmless(text).split("\n"):
        for piece in line.split(delimiter):
            assert not piece.strip(' "').startswith(("=", "+", "-", "@"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text('ID,;"\n\r\tEmailNameStudentSection4711 ', max_size=200).map(str.encode))
def test_of_any_bytes_only_our_own_error_comes_out(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "x.csv"
    path.write_bytes(raw)
    with contextlib.suppress(GradingError):
        read_roster(path)
    for kind in KINDS:
        with contextlib.suppress(GradingError):
            read_form(read_sheet(path), kind, [NAME])


# Pages as zips


@pytest.fixture
def pages(book, tmp_path):
    out = tmp_path / "graded"
    for record in book.records():
        page = out / feedback_path(record.student.key, record.notebook)
        page.parent.mkdir(parents=True)
        page.write_text(f"page of {record.student.name}")
    return out


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def canvas_reads(name: str) -> tuple[str, str]:
    """User and attachment as Canvas's upload reads a file's name: the first two parts that are numbers, LATE left out."""
    numbers = [part for part in name.split("_") if part.isdigit()]
    return numbers[0], numbers[1]


def moodle_reads(path: str) -> tuple[str, str, str, str]:
    """Participant, plugin type and name, and the file as Moodle's upload reads a path: the folder's name cut at `_`."""
    folder, _, file = path.partition("/")
    _, participant, subtype, plugin, *_ = folder.split("_", 4)
    return participant, subtype, plugin, file


def test_canvas_takes_every_page_under_its_hand_ins_name(book, pages, tmp_path):
    filled = pages_zip(book, pages, "canvas", NAME, tmp_path / "back.zip")
    found = {canvas_reads(name): text for name, text in contents(tmp_path / "back.zip").items()}
    assert found == {("101", "9001"): "page of Ada Lovelace", ("103", "9003"): "page of Alan Turing"}
    assert all(name.endswith(".html") for name in contents(tmp_path / "back.zip"))
    assert filled.told == ["without a page in the zip: Emmy Noether, Zoe"]


def test_a_canvas_group_has_one_page_under_the_name_of_its_member(book, pages, tmp_path):
    for key, name, number in (("zoe", "Zoe", "101"), ("ada", "Ada Lovelace", "102")):
        origin = f"team_a_102_9009_{NAME}.ipynb"
        one = Submission(Student(key, name, "canvas", number), NAME, None, "x", sha256="group", origin=origin, attempt=9009)
        book.record(one, "v1", result(40.0))
    filled = pages_zip(book, pages, "canvas", NAME, tmp_path / "back.zip")
    found = {canvas_reads(name): text for name, text in contents(tmp_path / "back.zip").items()}
    assert found == {("102", "9009"): "page of Ada Lovelace", ("103", "9003"): "page of Alan Turing"}
    assert "get the page of their group: Zoe" in filled.told


def test_canvas_takes_a_page_of_anonymous_grading(book, pages, tmp_path):
    origin = f"LATE_anon_aB3x9_9010_{NAME}.ipynb"
    one = Submission(Student("zoe", "Zoe", "canvas", "aB3x9"), NAME, None, "x", sha256="anon", origin=origin)
    book.record(one, "v1", result(40.0))
    pages_zip(book, pages, "canvas", NAME, tmp_path / "back.zip")
    assert f"LATE_anon_aB3x9_9010_{NAME}.html" in contents(tmp_path / "back.zip")


def test_moodle_takes_every_page_of_a_participant(book, pages, tmp_path):
    book.keep_people([Listed("ada", "Ada Lovelace", ids=(("moodle", "4711"),))], {}, {})
    pages_zip(book, pages, "moodle", NAME, tmp_path / "back.zip")
    found = {moodle_reads(name): text for name, text in contents(tmp_path / "back.zip").items()}
    assert found == {
        ("4711", "assignsubmission", "file", f"{NAME}.html"): "page of Ada Lovelace",
        ("4712", "assignsubmission", "file", f"{NAME}.html"): "page of Emmy Noether",
    }


# The commands


def invoke(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome.exit_code, outcome.output


def test_the_commands(book, pages, downloaded, tmp_path):
    path = downloaded(CANVAS)
    code, output = invoke("export", "--to", "canvas", "-o", pages, path)
    assert (code, output.splitlines()[-1]) == (0, f"2 marks changed in {path}")
    code, output = invoke("export", "--to", "canvas", "-o", pages, "--as", tmp_path / "new.csv", downloaded(CANVAS, "b.csv"))
    assert code == 0
    assert (tmp_path / "new.csv").is_file()
    assert (tmp_path / "b.csv").read_bytes() == CANVAS.encode()
    code, output = invoke("feedback", "--zip", "canvas", "-o", pages, tmp_path / "back.zip")
    assert (code, output.splitlines()[-1]) == (0, f"2 pages in {tmp_path / 'back.zip'}")
    empty = tmp_path / "empty"
    empty.mkdir()
    Gradebook(empty / "gradebook.sqlite").__exit__()
    for wrong in (
        ("export", "--to", "canvas", "-o", empty, path),
        ("export", "--to", "canvas", "-o", pages, "--notebook", "03", path),
        ("feedback", "--zip", "canvas", "-o", empty, tmp_path / "back.zip"),
        ("export", "--to", "moodle", "-o", pages, path),
        ("export", "--to", "canvas", "-o", tmp_path, path),
        ("export", "--to", "canvas", "-o", pages, tmp_path / "none.csv"),
        ("export", "--to", "canvas", "-o", pages, "--notebook", "77", path),
        ("feedback", "--zip", "moodle", "-o", pages, tmp_path / "no" / "back.zip"),
    ):
        code, output = invoke(*wrong)
        assert (code, len(output.splitlines())) == (1, 1), output
