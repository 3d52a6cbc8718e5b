"""Finding submissions: the layouts of real platforms, hostile archives, duplicates, files that are no notebooks."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import nbformat
import pytest
from handins import FILE, NAME, blank, handin, marked, student_notebook, tarred, write, zipped

from autograder.grading.course import Course
from autograder.grading.errors import GradingError
from autograder.grading.find import archive
from autograder.grading.find.intake import Intake, take_in
from autograder.grading.find.notebook import (
    MAX_BYTES,
    UnreadableError,
    identify,
    read_notebook,
    source_digest,
)
from autograder.grading.safe_text import file_slug, printable, spreadsheet_safe, student_key
from autograder.grading.score.cells import plan_cells


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture
def find(tmp_path: Path, course: Course):
    def found(*paths: Path, layout: str = "auto") -> Intake:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return take_in(paths, course, scratch, layout)

    return found


def students(intake: Intake) -> list[str]:
    return [submission.student.key for submission in intake.submissions if not submission.problem]


def problems(intake: Intake) -> dict[str, str]:
    return {one.student.key: one.problem for one in intake.submissions if one.problem}


# Layouts


def test_one_folder_a_student(tmp_path, find):
    root = write(tmp_path / "class", {f"ana/{FILE}": blank(), "bo/week 2/deep/my homework.ipynb": handin("loops")})
    intake = find(root)
    assert students(intake) == ["ana", "bo"]
    assert {one.notebook for one in intake.submissions} == {NAME}


def test_a_flat_folder_names_students_after_the_files(tmp_path, find):
    root = write(tmp_path / "class", {f"ana_{FILE}": blank(), f"{NAME}-bo.ipynb": blank(), "cy_02.ipynb": blank()})
    assert students(find(root)) == ["ana", "bo", "cy_02"]


def test_canvas(tmp_path, find):
    root = write(
        tmp_path / "class",
        {
            f"lovelaceada_12345_67890_{FILE}": marked("ada"),
            f"noetheremmy_LATE_222_333_{NAME}-2.ipynb": marked("emmy, late"),
            f"noetheremmy_222_331_{NAME}-1.ipynb": marked("emmy, early"),
            "hoppergrace_77_88_homework.zip": zipped({f"work/{FILE}": marked("grace")}),
        },
    )
    intake = find(root)
    assert students(intake) == ["hoppergrace_77", "lovelaceada_12345", "noetheremmy_222"]
    emmy = intake.submissions[2]
    assert (emmy.student.name, emmy.student.platform, emmy.student.id) == ("noetheremmy", "canvas", "222")
    assert emmy.shown.endswith("-2.ipynb")
    assert any("2 different files" in notice for notice in intake.notices)


def test_moodle_in_folders_and_flat(tmp_path, find):
    root = write(
        tmp_path / "class",
        {
            f"Ana María Núñez_4711_assignsubmission_file_/{FILE}": blank(),
            f"Bo_4712_assignsubmission_file_{FILE}": blank(),
        },
    )
    intake = find(root)
    assert [(one.student.name, one.student.id) for one in intake.submissions] == [
        ("Ana María Núñez", "4711"),
        ("Bo", "4712"),
    ]


def test_gradescope_with_its_metadata(tmp_path, find):
    metadata = """\
submission_12345:
  :submitters:
  - :name: Ana
    :sid: '31'
    :email: ana@example.org
  - :name: Bo
    :sid: '32'
    :email: bo@example.org
  :created_at: 2026-01-01 10:00:00.0 Z
submission_12346:
  :submitters:
  - :name: Ana
    :sid: '31'
    :email: ana@example.org
  :created_at: 2026-01-02 10:00:00.0 Z
"""
    files = {
        "assignment_1_export/submission_metadata.yml": metadata.encode(),
        f"assignment_1_export/submission_12345/{FILE}": marked("together"),
        f"assignment_1_export/submission_12346/{FILE}": marked("ana alone, a day later"),
    }
    path = tmp_path / "export.zip"
    path.write_bytes(zipped(files))
    intake = find(path)
    assert students(intake) == ["ana@example.org", "bo@example.org"]
    ana, bo = intake.submissions
    assert (ana.shown.split("/")[1], bo.shown.split("/")[1]) == ("submission_12346", "submission_12345")
    assert (ana.student.name, ana.student.id) == ("Ana", "31")


def test_nbgrader(tmp_path, find):
    root = write(tmp_path / "course", {f"submitted/ana/hw2/{FILE}": blank(), f"submitted/bo/hw2/{FILE}": blank()})
    assert students(find(root)) == ["ana", "bo"]


def test_otter_export_zip(tmp_path, find):
    export = zipped({FILE: blank(), ".OTTER_LOG": b"x", "__zip_filename__": b"x"})
    root = write(tmp_path / "class", {f"ana/{NAME}_2026_11_24T02_15_00_123456.zip": export})
    assert students(find(root)) == ["ana"]


def test_a_wrapper_folder_in_a_download_is_not_a_student(tmp_path, find):
    path = tmp_path / "download.zip"
    path.write_bytes(zipped({f"submissions/ana/{FILE}": blank(), f"submissions/bo/{FILE}": blank()}))
    intake = find(path)
    assert students(intake) == ["ana", "bo"]
    assert "inside submissions" in intake.layouts[0]


def test_single_files_and_several_paths(tmp_path, find):
    root = write(tmp_path, {f"ana_{FILE}": blank(), f"late/bo/{FILE}": blank()})
    assert students(find(root / f"ana_{FILE}", root / "late")) == ["ana", "bo"]


def test_folders_of_students_one_by_one(tmp_path, find):
    files = {f"ana/{FILE}": blank(), "bo/deep/my homework.ipynb": blank(), "cy.zip": zipped({FILE: blank()})}
    root = write(tmp_path, {**files, "lovelaceada_12_34_all.zip": zipped({FILE: blank()})})
    intake = find(*(root / name for name in ("ana", "bo", "cy.zip", "lovelaceada_12_34_all.zip")))
    assert students(intake) == ["ana", "bo", "cy", "lovelaceada_12"]


def test_a_class_of_one(tmp_path, find):
    assert students(find(write(tmp_path / "class", {f"ana/{FILE}": blank()}))) == ["ana"]
    assert students(find(write(tmp_path / "bo", {FILE: blank()}))) == ["bo"]


def test_the_layout_can_be_forced(tmp_path, find):
    root = write(tmp_path / "class", {f"group/ana_{FILE}": blank(), f"group/bo_{FILE}": blank()})
    assert students(find(root, layout="folders")) == ["group"]
    assert students(find(root, layout="files")) == ["ana", "bo"]


def test_checkpoints_and_rubbish_are_ignored(tmp_path, find):
    junk = {
        ".ipynb_checkpoints/02-checkpoint.ipynb": marked("old"),
        "__MACOSX/._x.ipynb": b"\0",
        ".hidden.ipynb": b"no",
    }
    root = write(tmp_path / "class", {f"ana/{name}": content for name, content in {**junk, FILE: blank()}.items()})
    intake = find(root)
    assert [one.shown for one in intake.submissions] == [f"ana/{FILE}"]
    assert intake.notices == []


def test_files_without_a_notebook_are_told_in_one_line(tmp_path, find):
    root = write(tmp_path / "class", {f"ana/{FILE}": blank(), "bo/report.pdf": b"%PDF", "README.md": b"read"})
    assert find(root).notices == ["no notebook from bo", "left out, no notebook: README.md"]


# Duplicates


def test_identical_copies_collapse_without_a_word(tmp_path, find):
    root = write(tmp_path / "class", {f"ana/{FILE}": blank(), f"ana/copy/{FILE}": blank()})
    intake = find(root)
    assert students(intake) == ["ana"]
    assert (intake.notices, intake.submissions[0].notes) == ([], ())


def test_of_several_the_newest_that_was_worked_on_counts(tmp_path, find):
    files = {"02 (2).ipynb": handin("einsum"), "02 (10).ipynb": handin("loops"), "zz untouched.ipynb": blank()}
    root = write(tmp_path / "class", {f"ana/{name}": content for name, content in files.items()})
    (submission,) = find(root).submissions
    assert submission.shown == "ana/02 (10).ipynb"
    assert submission.notes == (f"handed in 3 different files for {NAME}; graded the newest, ana/02 (10).ipynb",)


def test_a_second_notebook_that_is_not_of_the_course_does_not_matter(tmp_path, find):
    scratch = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    root = write(tmp_path / "class", {f"ana/{FILE}": blank(), "ana/scratch.ipynb": scratch})
    intake = find(root)
    assert students(intake) == ["ana"]
    assert "scratch.ipynb was left out: not a notebook of this course" in intake.notices[0]


# Paths and archives that cannot be used


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "there is no file or folder"),
        ("notes.txt", b"x", "is not a notebook"),
        ("broken.zip", b"no zip", "cannot be opened"),
        ("empty.zip", zipped({}), "holds no notebook"),
    ],
)
def test_a_path_that_cannot_be_used(tmp_path, find, name, content, message):
    if content is not None:
        write(tmp_path, {name: content})
    with pytest.raises(GradingError, match=message):
        find(tmp_path / name)


def test_a_folder_without_notebooks(tmp_path, find):
    (tmp_path / "class").mkdir()
    with pytest.raises(GradingError, match="no notebook"):
        find(tmp_path / "class")


@pytest.mark.parametrize(
    "name", ["../evil.ipynb", "/etc/evil.ipynb", "a/../../evil.ipynb", "..\\evil.ipynb", "C:/evil.ipynb"]
)
def test_a_name_that_leaves_the_archive_is_refused_and_the_rest_counts(tmp_path, find, name):
    root = write(tmp_path / "class", {"ana/hand-in.zip": zipped({name: marked("evil"), FILE: blank()})})
    intake = find(root)
    assert [one.shown for one in intake.submissions] == [f"ana/hand-in/{FILE}"]
    assert "leads out of the archive" in " ".join(intake.notices)
    assert not list(tmp_path.rglob("evil*"))


def test_tar_slip_and_links_in_archives(tmp_path, find):
    attack = tarred({"../../evil.ipynb": blank()}, {"link.ipynb": "/etc/passwd"})
    root = write(tmp_path / "class", {"ana/hand-in.tar.gz": attack, f"bo/{FILE}": blank()})
    intake = find(root)
    assert students(intake) == ["bo"]
    assert set(problems(intake)) == {"ana"}


def test_a_link_in_a_zip(tmp_path, find):
    path = tmp_path / "class" / "ana" / "hand-in.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as made:
        info = zipfile.ZipInfo("link.ipynb")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    assert "link" in problems(find(tmp_path / "class"))["ana"]


def test_links_and_pipes_on_the_disk(tmp_path, find):
    root = write(tmp_path / "class", {f"bo/{FILE}": blank(), "ana/x.txt": b"", "cy/x.txt": b""})
    (root / "ana" / "link.ipynb").symlink_to(root / "bo" / FILE)
    os.mkfifo(root / "cy" / "pipe.ipynb")
    intake = find(root)
    assert students(intake) == ["bo"]
    assert {key: text.split(",")[0] for key, text in problems(intake).items()} == {
        "ana": "it is a link",
        "cy": "it is a pipe or device",
    }


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, find):
    bomb = zipped({FILE: b" " * (64 * 2**20)})
    root = write(tmp_path / "class", {"ana/hand-in.zip": bomb, f"bo/{FILE}": blank()})
    intake = find(root)
    assert students(intake) == ["bo"]
    assert "zip bomb" in problems(intake)["ana"]


def test_what_really_comes_out_is_counted(tmp_path):
    path = tmp_path / "big.zip"
    path.write_bytes(zipped({"a.ipynb": os.urandom(3000)}))
    targets = iter([tmp_path / "one"])
    result = archive.unpack(path, lambda: next(targets), lambda parts: True, archive.Budget(bytes=2000))
    assert result.files == []
    assert "too large" in result.refused[0]
    assert not (tmp_path / "one").exists()


def test_archives_in_archives_have_an_end(tmp_path, find):
    content = zipped({FILE: blank()})
    for _ in range(archive.MAX_DEPTH + 1):
        content = zipped({"inner.zip": content})
    root = write(tmp_path / "class", {"ana/hand-in.zip": content})
    assert "nested too deeply" in problems(find(root))["ana"]


def test_a_foreign_archive(tmp_path, find):
    root = write(tmp_path / "class", {"ana/hand-in.rar": b"Rar!", f"bo/{FILE}": blank()})
    assert "hand in the .ipynb or a .zip" in problems(find(root))["ana"]


def test_a_password(tmp_path, find):
    content = bytearray(zipped({FILE: blank()}))
    content[6] |= 1
    content[content.rindex(b"PK\1\2") + 8] |= 1
    root = write(tmp_path / "class", {"ana/hand-in.zip": bytes(content)})
    assert "password" in problems(find(root))["ana"]


# Which notebook a file is


def test_metadata_names_the_notebook_and_its_version(course):
    identity = identify(blank(), course)
    assert (identity.notebook, identity.version, identity.untouched) == (NAME, course.notebooks[NAME].version, True)
    assert identify(handin(), course).untouched is False


def test_without_metadata_the_ids_of_the_cells_tell(course):
    notebook = student_notebook()
    notebook["metadata"] = {}
    assert identify(json.dumps(notebook).encode(), course).notebook == NAME


def test_without_ids_the_names_that_are_defined_tell(course):
    notebook = json.loads(handin())
    notebook["metadata"], notebook["nbformat_minor"] = {}, 4
    for cell in notebook["cells"]:
        del cell["id"]
    assert identify(json.dumps(notebook).encode(), course).notebook == NAME


def test_an_older_version_is_graded_with_a_note(tmp_path, find):
    notebook = student_notebook()
    notebook["metadata"]["attention_course"]["version"] = "0123456789ab"
    root = write(tmp_path / "class", {f"ana/{FILE}": json.dumps(notebook).encode()})
    (submission,) = find(root).submissions
    assert submission.notes == (f"an older version of {NAME}; graded with today's tests",)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"not json", "no valid JSON"),
        (handin()[:5000], "no valid JSON"),
        (b"null", "not an object"),
        (b"[]", "not an object"),
        (b"{}", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b"[" * 100_000, "too deeply"),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "no text"),
        (b'{"cells": [' + b'{"cell_type": "raw"},' * 3000 + b"{}]}", "more than 2000 cells"),
        (b"\xff\xfe\x00", "no valid JSON"),
        (b"\x80\x81", "no valid JSON"),
        (b'{"worksheets": 3}', "old format"),
    ],
)
def test_what_is_no_notebook_says_why(raw, reason):
    with pytest.raises(UnreadableError, match=reason):
        read_notebook(raw)


def test_a_huge_file_says_what_to_do():
    with pytest.raises(UnreadableError, match="clear all outputs"):
        read_notebook(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_understood(course, encoding):
    assert identify(blank().decode().encode(encoding), course).notebook == NAME


def test_a_notebook_of_format_3(course):
    old = nbformat.convert(nbformat.from_dict(json.loads(handin())), 3)
    raw = nbformat.writes(old, version=3).encode()
    assert b"worksheets" in raw
    assert identify(raw, course).notebook == NAME


def test_lone_surrogates_do_no_harm(course):
    raw = json.dumps({"cells": [{"cell_type": "code", "source": "x = '\ud800'"}], "metadata": {}}).encode()
    (cell,) = read_notebook(raw).cells
    assert cell.source.encode() == b"x = '?'"


# Which cells run


def test_experiments_and_checks_stay_out_and_own_cells_run(course):
    master = course.notebooks[NAME]
    notebook = read_notebook(handin(after={"q2_3": "mine = 1"}))
    sources = plan_cells(notebook, master).sources
    assert "mine = 1" in sources
    assert not any("draw_searchlight" in source or source.startswith("grader.check") for source in sources)
    assert len(sources) == 1 + len(master.questions) + 1


def test_tags_of_the_submission_count_for_nothing(course):
    master = course.notebooks[NAME]
    notebook = json.loads(handin())
    for cell in notebook["cells"]:
        cell["metadata"] = {"tags": ["otter_ignore"]}
    tagged = read_notebook(json.dumps(notebook).encode())
    assert plan_cells(tagged, master) == plan_cells(read_notebook(handin()), master)


def test_an_experiment_is_known_by_its_source_when_ids_are_gone(course):
    master = course.notebooks[NAME]
    notebook = json.loads(handin())
    for cell in notebook["cells"]:
        cell["id"] = ""
    anonymous = read_notebook(json.dumps(notebook).encode())
    assert len(plan_cells(anonymous, master).cells) == 1 + len(master.questions)


def test_saving_a_cell_does_not_change_its_digest():
    assert source_digest("a = 1\r\nb = 2  \n\n") == source_digest("a = 1\nb = 2") != source_digest("a = 1\nb = 3")


# Names


def test_names_are_made_safe_and_stay_different():
    bidi, plain = "ana\u202egnp", "anagnp"
    assert printable(bidi) == "ana�gnp"
    assert student_key(bidi) != student_key(plain) == plain
    assert student_key("a\nb").startswith("a b ")
    assert file_slug("../../etc") not in ("..", "../../etc")
    assert file_slug("a b") != file_slug("a/b")
    assert file_slug("ana") == "ana"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "=HYPERLINK(1)"])
def test_a_spreadsheet_takes_no_name_for_a_formula(name):
    assert spreadsheet_safe(name).startswith("'")
