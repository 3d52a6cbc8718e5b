"""Grading from one notebook to a whole class and the command around it; the sandbox is a fake here."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import FakeWorkshop
from handins import FILE, NAME, blank, handin, write, zipped
from rich.console import Console

from attnkit.checking import CheckFailed, Report
from autograder.cli import main
from autograder.grading.batch import Plan, Summary, grade_class
from autograder.grading.course import Course
from autograder.grading.errors import GradingError, InfrastructureError
from autograder.grading.find.intake import Intake, Submission
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.result import Result, Status
from autograder.grading.report.console import show_class
from autograder.grading.run.cluster import Cluster
from autograder.grading.run.job import Bench, Job, Setting
from autograder.grading.run.pool import InProcess, Processes
from autograder.grading.score import grade as grading
from autograder.grading.score.grade import grade_notebook

LATER = "def softmax(z, axis=-1):\n    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)\n"


class Quiet:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def found(self, intake: Intake, to_grade: int) -> None:
        self.to_grade = to_grade

    def graded(self, submission: Submission, result: Result) -> None:
        self.seen.append(submission.student.key)

    def writing(self) -> None:
        pass


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load()


@pytest.fixture
def master(course):
    return course.notebooks[NAME]


def run(
    course: Course, paths: Path, out: Path, watcher: Quiet | None = None, setting: Setting | None = None, **more
) -> Summary:
    setting = setting or Setting(workshop=FakeWorkshop)
    return grade_class(
        Plan([paths], out, course, setting, **more), lambda count: InProcess(setting), watcher or Quiet()
    )


def grades(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as stream:
        return {row["student"]: row for row in csv.DictReader(stream)}


# One notebook


@pytest.mark.parametrize("style", ["loops", "einsum", "helpers"])
def test_three_styles_of_right_answers_get_full_marks(master, style):
    result = grade_notebook(handin(style), master, FakeWorkshop())
    assert (result.status, result.score) == (Status.GRADED, master.points), result.questions


def test_a_blank_notebook_gets_nothing_and_is_no_problem(master):
    result = grade_notebook(blank(), master, FakeWorkshop())
    assert (result.status, result.score, list(result.problems())) == (Status.GRADED, 0.0, [])
    assert {question.status.value for question in result.questions} == {"not written yet"}


def test_a_known_mistake_is_named(master):
    result = grade_notebook(handin("einsum", {"q2_1": LATER}), master, FakeWorkshop())
    softmax = result.questions[0]
    assert 0 < softmax.score < softmax.possible
    assert softmax.mistakes() == ["exponentials of the raw numbers, which overflow"]


def test_a_cell_that_raises_costs_nothing_else(master):
    result = grade_notebook(handin(after={"q2_3": "print(wieghts)"}), master, FakeWorkshop())
    assert (result.status, result.score) == (Status.PROBLEMS, master.points)
    assert [str(cell) for cell in result.cells] == [
        f"code cell {result.cells[0].number} raised NameError: name 'wieghts' is not defined"
    ]


@pytest.mark.parametrize(("status", "words"), [("timeout", "took too long"), ("died", "ended the whole process")])
def test_a_cell_that_had_to_be_stopped_is_a_problem(master, status, words):
    result = grade_notebook(handin(after={"q2_9": f"# {status}"}), master, FakeWorkshop())
    assert (result.status, result.score) == (Status.PROBLEMS, master.points)
    assert words in str(result.cells[0])


def test_cells_that_were_given_up_are_one_problem(master):
    result = grade_notebook(handin(after={"q2_8": "# skipped", "q2_9": "# skipped"}), master, FakeWorkshop())
    assert [cell.status for cell in result.cells] == ["skipped"]
    assert "and later ones were not run" in str(result.cells[0])


def test_a_handed_out_cell_that_fails_is_not_told_twice(master):
    result = grade_notebook(handin().replace(b"import numpy as np", b"import numpyy as np"), master, FakeWorkshop())
    assert [cell.message.split(":")[0] for cell in result.cells] == ["raised ModuleNotFoundError"] + [
        "raised NameError"
    ] * (len(result.cells) - 1)


def test_otter_decides_the_points(master, monkeypatch):
    question = master.questions[0]
    file = grading._test_file(str(master.test_path(question)))
    session = FakeWorkshop()
    with session.open() as opened:
        opened.run_cells(["import numpy as np", LATER])
        file.run_recorded(opened.environment)
    result = grade_notebook(handin("", {"q2_1": LATER}), master, FakeWorkshop())
    assert (result.questions[0].score, result.questions[0].possible) == (file.otter.score, file.otter.possible)


def test_an_error_of_a_test_is_withheld_and_told_to_the_instructor(master, monkeypatch):
    def broken(question: str, test: str, environment: object) -> None:
        raise ValueError("secret 42")

    monkeypatch.setattr("autograder.judging.examine.check_hidden", broken)
    result = grade_notebook(handin(), master, FakeWorkshop())
    assert result.status is Status.PROBLEMS
    shown = " ".join(str(finding) for question in result.questions for finding, _ in question.findings())
    assert "could not be completed" in shown
    assert "42" not in shown
    assert "secret 42" in result.faults[0]


def test_control_characters_of_a_message_do_not_get_through(master, monkeypatch):
    def rude(question: str, environment: object) -> None:
        raise CheckFailed(Report("2.1", "wrong\x1b[2J", found="\u202egnorw"))

    monkeypatch.setattr("attnkit.checking.check", rude)
    finding, _ = grade_notebook(handin(), master, FakeWorkshop()).questions[0].findings()[0]
    assert (finding.problem, finding.found) == ("wrong�[2J", "�gnorw")


def test_our_own_fault_is_tried_again_and_never_a_zero(master):
    job = Job(0, NAME, handin())
    assert Bench(Setting(workshop=partial(FakeWorkshop, failures=1))).grade(job).status is Status.INFRASTRUCTURE
    healed = FakeWorkshop(failures=2)
    assert Bench(Setting(workshop=lambda setting: healed)).grade(job).score == master.points
    failed = Bench(Setting(workshop=partial(FakeWorkshop, failures=9))).grade(job)
    assert (failed.status, failed.score, failed.possible) == (Status.INFRASTRUCTURE, None, master.points)
    assert "did not start" in failed.faults[0]


def test_a_fault_of_the_sandbox_during_a_test_is_no_wrong_answer(master):
    class Gone(dict):
        def get(self, name, default=None):
            raise InfrastructureError("gone")

    with pytest.raises(InfrastructureError):
        grading._examine(master, master.questions[0], Gone())


def test_other_tests_on_another_machine_are_refused(master):
    result = Bench(Setting(workshop=FakeWorkshop)).grade(Job(0, NAME, handin(), "another version"))
    assert (result.status, result.score) == (Status.INFRASTRUCTURE, None)


# A class


def test_a_class_from_folder_to_reports(tmp_path, course):
    files = {f"ana/{FILE}": handin(), f"bo/{FILE}": blank(), f"cy/{FILE}": b"{"}
    out = tmp_path / "out"
    summary = run(course, write(tmp_path / "class", files), out)
    assert summary.statuses == {Status.GRADED: 2, Status.UNREADABLE: 1}
    rows = grades(out)
    assert [rows[name]["score"] for name in ("ana", "bo", "cy")] == ["40", "0", ""]
    for name in ("report.html", "canvas.csv", f"moodle/{NAME}.csv", f"feedback/ana/{NAME}.html"):
        assert (out / name).is_file(), name
    results = json.loads((out / "gradescope" / "ana" / NAME / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 40


def test_what_is_unchanged_is_not_graded_again(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin(), f"bo/{FILE}": blank()}), tmp_path / "out"
    run(course, root, out)
    again = Quiet()
    summary = run(course, root, out, again)
    assert (summary.graded, summary.skipped, again.seen) == (0, 2, [])
    write(root, {f"bo/{FILE}": handin("loops")})
    changed = Quiet()
    run(course, root, out, changed)
    assert changed.seen == ["bo"]
    assert grades(out)["bo"]["score"] == "40"
    forced = Quiet()
    run(course, root, out, forced, again=True)
    assert forced.seen == ["ana", "bo"]


def test_a_later_broken_file_replaces_row_and_page(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    run(course, root, out)
    write(root, {f"ana/{FILE}": b"{"})
    run(course, root, out)
    assert (grades(out)["ana"]["status"], grades(out)["ana"]["score"]) == ("unreadable", "")
    assert "could not be read" in (out / "feedback" / "ana" / f"{NAME}.html").read_text(encoding="utf-8")


def test_a_result_that_a_fault_of_ours_touched_is_graded_again(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    run(course, root, out)
    with Gradebook(out / "gradebook.sqlite") as book:
        book._base.execute("UPDATE attempts SET sound = 0")
    assert run(course, root, out).graded == 1


def test_a_page_that_went_missing_is_written_again(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    run(course, root, out)
    page = out / "feedback" / "ana" / f"{NAME}.html"
    page.unlink()
    run(course, root, out)
    assert page.is_file()


def test_other_tests_or_a_safer_sandbox_grade_again(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    run(course, root, out)
    with Gradebook(out / "gradebook.sqlite") as book:
        book._base.execute("UPDATE attempts SET sandbox = 'none'")
    watcher = Quiet()
    run(course, root, out, watcher)
    assert watcher.seen == ["ana"]
    with Gradebook(out / "gradebook.sqlite") as book:
        book._base.execute("UPDATE attempts SET tests_version = 'old'")
    watcher = Quiet()
    run(course, root, out, watcher)
    assert watcher.seen == ["ana"]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, course):
    root = write(tmp_path / "class", {f"s{i}/{FILE}": handin(after={"q2_9": f"i = {i}"}) for i in range(4)})
    out = tmp_path / "out"

    class Stopped(Quiet):
        def graded(self, submission: Submission, result: Result) -> None:
            super().graded(submission, result)
            if len(self.seen) == 2:
                raise KeyboardInterrupt

    first = Stopped()
    with pytest.raises(KeyboardInterrupt):
        run(course, root, out, first)
    second = Quiet()
    summary = run(course, root, out, second)
    assert sorted(first.seen + second.seen) == ["s0", "s1", "s2", "s3"]
    assert (summary.graded, summary.skipped) == (2, 2)
    assert len(grades(out)) == 4


def test_a_failed_sandbox_is_tried_in_the_next_run(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"
    summary = run(course, root, out, setting=Setting(workshop=partial(FakeWorkshop, failures=9)))
    assert not summary.has_grades
    assert grades(out)["ana"]["score"] == ""
    assert run(course, root, out).graded == 1
    assert grades(out)["ana"]["score"] == "40"


def test_renaming_nesting_and_copies_change_no_score(tmp_path, course):
    answer = handin("helpers", {"q2_1": LATER})
    files = {
        f"plain/{FILE}": answer,
        "renamed/Homework (final).ipynb": answer,
        f"nested/a/b/c/{FILE}": answer,
        f"copied/{FILE}": answer,
        f"copied/.ipynb_checkpoints/{NAME}-checkpoint.ipynb": blank(),
        f"copied/{NAME}-checkpoint.ipynb": blank(),
        "packed/all.zip": zipped({f"homework/{FILE}": answer, f"__MACOSX/homework/._{FILE}": b"\0"}),
    }
    out = tmp_path / "out"
    run(course, write(tmp_path / "class", files), out)
    rows = grades(out)
    assert set(rows) == {"plain", "renamed", "nested", "copied", "packed"}
    assert len({tuple(row[f"q2_{i}"] for i in range(1, 10)) for row in rows.values()}) == 1


def test_names_that_want_to_do_harm(tmp_path, course):
    names = ["=1+1", "ana\nbo", "ana\u202egnp", "[red]cy", "<b>dee", "e" * 250, "'; DROP TABLE x; --", "ünï"]
    files = {f"{name}/{FILE}": handin(after={"q2_9": f"n = {i}"}) for i, name in enumerate(names)}
    out = tmp_path / "out"
    summary = run(course, write(tmp_path / "class", files), out)
    assert summary.statuses == {Status.GRADED: len(names)}
    stream = StringIO()
    show_class(Console(file=stream, width=80), out, summary)
    lines = stream.getvalue().replace(str(out), "").splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("\u202e" in line or "\x1b" in line for line in lines)
    assert any("[red]cy" in line for line in lines)
    assert len(list((out / "feedback").glob(f"*/{NAME}.html"))) == len(names)
    assert not any(cell.startswith("=") for row in grades(out).values() for cell in row.values())


def test_two_runs_do_not_share_a_folder(tmp_path, course):
    root, out = write(tmp_path / "class", {f"ana/{FILE}": handin()}), tmp_path / "out"

    class Second(Quiet):
        def graded(self, submission: Submission, result: Result) -> None:
            with pytest.raises(GradingError, match="another run"):
                run(course, root, out)

    run(course, root, out, Second())


# Several processes


class Deadly(FakeWorkshop):
    """Ends the grading process itself at the first job of a process."""

    def __enter__(self):
        os._exit(3)


def test_processes_give_the_same_as_one(tmp_path, course):
    setting = Setting(workshop=FakeWorkshop)
    jobs = [Job(i, NAME, raw) for i, raw in enumerate([handin(), blank(), handin("loops", {"q2_1": LATER})])]
    alone = {job.number: result for job, result in InProcess(setting).run(jobs)}
    together = {job.number: result for job, result in Processes(setting, 2, len(jobs)).run(jobs)}
    assert together == alone


def test_a_grading_process_that_dies_is_an_infrastructure_error(course):
    ((_, result),) = Processes(Setting(workshop=Deadly), 1, 1).run([Job(0, NAME, handin())])
    assert (result.status, result.score) == (Status.INFRASTRUCTURE, None)
    assert "ended 3 times (exit code 3)" in result.faults[0]


# The command


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_help_imports_neither_torch_nor_otter():
    code = "import sys; from autograder.cli import main; main(['--help'], standalone_mode=False); "
    code += "print(sorted({'torch', 'otter', 'numpy', 'nbformat'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in ("build", "grade", "check", "prove"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "there is no file or folder"),
        ("empty/readme.txt", b"", "no notebook (.ipynb) found"),
        ("notes.txt", b"", "is not a notebook"),
    ],
)
def test_a_bad_path_is_one_line_and_exit_code_1(tmp_path, name, content, message):
    if content is not None:
        write(tmp_path, {name: content})
    code, output = invoke("grade", tmp_path / name.split("/")[0], "-o", tmp_path / "out")
    assert code == 1
    assert output.startswith("autograder: ")
    assert message in output
    assert len(output.splitlines()) == 1


def test_an_output_folder_that_cannot_be_written(tmp_path):
    root = write(tmp_path, {f"class/ana/{FILE}": handin(), "out": b"a file"})
    code, output = invoke("grade", root / "class", "-o", root / "out")
    assert (code, len(output.splitlines())) == (1, 1)
    assert "choose a folder with -o" in output


@pytest.mark.parametrize(("content", "status"), [(b"{", "unreadable"), (b'{"cells": []}', "wrong notebook")])
def test_nothing_that_could_be_graded(tmp_path, content, status):
    code, output = invoke("grade", write(tmp_path, {"class/ana/x.ipynb": content}) / "class", "-o", tmp_path / "out")
    assert code == 1
    assert status in output
    assert "nothing could be graded" in output.splitlines()[-1]


@pytest.mark.parametrize(("names", "said"), [(["a.ipynb"], ""), (["a.ipynb", "b.ipynb"], "a.ipynb\nb.ipynb\n")])
def test_several_notebooks_are_checked_each_below_its_name(monkeypatch, names, said):
    monkeypatch.setattr("autograder.grading.check._checked", lambda path, sandbox, console: True)
    done = CliRunner().invoke(main, ["check", "--sandbox", "bubblewrap", *names])
    assert (done.exit_code, done.output) == (0, said)


@pytest.mark.parametrize("command", ["grade", "check"])
def test_without_a_sandbox_the_command_says_how_to_get_one(tmp_path, monkeypatch, command):
    def nowhere(wanted: str) -> None:
        raise GradingError("install bubblewrap, or pass `--sandbox none`")

    monkeypatch.setattr("autograder.grading.command.choose_sandbox", nowhere)
    monkeypatch.setattr("autograder.grading.run.sandbox.choice.choose_sandbox", nowhere)
    path = write(tmp_path, {f"class/ana/{FILE}": handin()}) / "class" / "ana" / FILE
    code, output = invoke(command, path, *(["-o", tmp_path / "out"] if command == "grade" else []))
    assert code == 1
    assert "install bubblewrap" in output.splitlines()[-1]


def test_a_scheduler_without_dask_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    root = write(tmp_path / "class", {f"ana/{FILE}": handin()})
    code, output = invoke("grade", root, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 1
    assert "pip install distributed" in output


def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("autograder.grading.run.cluster._CONNECT_SECONDS", 1)
    root = write(tmp_path / "class", {f"ana/{FILE}": handin()})
    code, output = invoke("grade", root, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 1
    assert "no Dask scheduler answers" in output


def test_a_cluster_gives_the_same_as_one_process(course):
    distributed = pytest.importorskip("distributed")
    setting = Setting(workshop=FakeWorkshop)
    jobs = [Job(i, NAME, raw) for i, raw in enumerate([handin(), blank(), handin("loops", {"q2_1": LATER}), b"{"])]
    local = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)
    with local as cluster:
        far = {job.number: result for job, result in Cluster(setting, cluster.scheduler_address).run(jobs)}
    assert far == {job.number: result for job, result in InProcess(setting).run(jobs)}
    assert far[3].status is Status.UNREADABLE


def test_check_refuses_what_is_not_a_notebook_of_the_course(tmp_path):
    root = write(tmp_path, {"other.ipynb": b'{"cells": []}', "x.txt": b""})
    for name, message in (
        ("other.ipynb", "not a notebook of this course"),
        ("x.txt", "is not a notebook"),
        ("no", "no file"),
    ):
        code, output = invoke("check", root / name)
        assert (code, len(output.splitlines())) == (1, 1)
        assert message in output


def test_an_interrupted_command_leaves_a_gradebook_to_go_on_with(tmp_path):
    endless = handin(after={"q2_9": "while True:\n    pass"})
    root = write(tmp_path / "class", {f"ana/{FILE}": handin(), f"bo/{FILE}": endless})
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "grade", root, "-o", out, "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # it may be ignored where tests run
    )
    try:
        book = out / "gradebook.sqlite"
        for _ in range(1200):
            if process.poll() is not None or (book.is_file() and _graded(book) == ["ana"]):
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert "run the same command again" in output
    assert _graded(book) == ["ana"]


def _graded(path: Path) -> list[str]:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as base:
            return [row[0] for row in base.execute("SELECT student FROM submissions ORDER BY student")]
    except sqlite3.OperationalError:
        return []
