"""The pages of a small class over a term: what they say, that every link leads somewhere, and that anyone can read them."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from fakes import FakeWorkshop
from handins import FILE, NAME, handin, write
from test_grade_cli import Quiet
from test_gradebook import question, record, result_of, submission
from test_regrade import ODD, SAME, SCALED, UNLIKE
from test_site import CHROMIUM, FLAGS, Page

from autograder.grading.batch import Plan, grade_class
from autograder.grading.course import Course
from autograder.grading.find.intake import Intake
from autograder.grading.find.notebook import CodeCell, Notebook, read_notebook, write_notebook
from autograder.grading.find.platforms import Student
from autograder.grading.record.gradebook import Gradebook
from autograder.grading.record.mark import Total
from autograder.grading.record.people import Listed
from autograder.grading.report.course_view import CourseView, Standing, to_change
from autograder.grading.report.outputs import Outputs
from autograder.grading.report.report import ClassReport
from autograder.grading.report.statistics import NotebookStatistics
from autograder.grading.run.job import Setting
from autograder.grading.run.pool import InProcess
from autograder.grading.score.times import minutes_by_exercise
from autograder.term.gradebook_marks import Marker
from autograder.term.policy import ForNotebook, Policy

ANSWERS = {"ana": ODD, "bo": SAME, "cy": SCALED, "di": SCALED, "eve": UNLIKE, "o'neil": None}
OTHERS = ("03_scaling", "04_multi_head")


SECTIONS = {"ana": "Morning", "bo": "Morning, Lab 2", "cy": "Evening", "di": "Evening", "eve": "Evening"}


def timed(raw: bytes, pace: int) -> bytes:
    """The notebook as JupyterLab keeps it with times: each exercise was last run `pace` minutes after the one before."""
    notebook = json.loads(raw)
    moment = datetime(2026, 11, 27, 10, tzinfo=UTC)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            moment += timedelta(minutes=pace) if re.fullmatch(r"q\d_\d+", cell["id"]) else timedelta(seconds=1)
            cell["metadata"]["execution"] = {"iopub.execute_input": moment.isoformat().replace("+00:00", "Z")}
    return json.dumps(notebook).encode()


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("term")
    files = {
        f"{who}/{FILE}": timed(handin(answers={"q2_3": answer} if answer else {}), 5 + place)
        for place, (who, answer) in enumerate(ANSWERS.items())
    }
    root, out, course = write(folder / "class", files), folder / "out", Course.load()
    setting = Setting(workshop=FakeWorkshop)
    plan = Plan([root], out, course, setting, policy=Policy(notebooks={NAME: ForNotebook(waive=("q2_9",))}))
    grade_class(plan, lambda count: InProcess(setting), Quiet())
    with Gradebook(out / "gradebook.sqlite") as book:
        for place, notebook in enumerate(OTHERS):
            for number, who in enumerate(ANSWERS):
                if who != "bo":
                    marks = [i < 9 - 2 * place * (number == 0) - 4 * (number == 0) for i in range(10)]
                    handed = replace(submission(who, notebook), student=Student(who, who))
                    book.record(handed, "v1", result_of(question(course.notebooks[notebook].questions[0].name, *marks)))
        people = [Listed(who, who, section=section) for who, section in SECTIONS.items()]
        book.keep_people([*people, Listed("zoe", "Zoë Absent", section="Lab 10")], {}, {})
        outputs = Outputs(out, book, course)
        Marker.of(book, course, outputs).mark_all()
        outputs.write_class(Intake())
    return out


def text_of(out: Path, name: str) -> str:
    return (out / name).read_text(encoding="utf-8")


def test_a_page_shows_the_students_own_code_beside_the_message(out):
    page = text_of(out, f"feedback/cy/{NAME}.html")
    assert "Your code" in page
    assert "torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1)" in page
    assert "right, apart from 2.3 attention" in page
    assert page.index("K.shape[-1] ** 0.5") < page.index("scores divided by √d_k")


def test_the_report_names_who_makes_a_mistake_once(out):
    page = text_of(out, "report.html")
    table = page[page.index("Mistakes the class makes") : page.index("What has no name yet")]
    assert table.count("scores divided by") == 1
    assert table.count(f'href="feedback/cy/{NAME}.html#q2_3"') == 1
    assert table.count(f'href="feedback/di/{NAME}.html#q2_3"') == 1


def test_what_has_no_name_is_grouped_by_what_it_does(out):
    page = text_of(out, "report.html")
    part = page[page.index("What has no name yet") :]
    assert "2.3 attention: 2 students" in part
    assert "1 other is like no other" in part
    assert "autograder new-mistake q2_3 --student ana -o" in part
    assert "extra = 0.1 * Q.sum" in part


def test_the_term_tells_who_fell_behind(out):
    page = text_of(out, "report.html")
    behind = page[page.index("Who fell behind") : page.index("<h3>Time needed</h3>")]
    assert ">bo</a>: handed in neither of the last two" in behind
    assert ">ana</a>: fell in each of the last two" in behind
    assert "Zoë Absent: handed in neither of the last two" in behind
    assert behind.count("<li>") == 3
    own = text_of(out, "feedback/bo/index.html")
    assert own.count("not handed in</td>") == 2
    assert "How the total came about" in own


def test_a_class_with_sections_is_shown_section_by_section(out):
    page = text_of(out, "report.html")
    first = page[page.index("<h3>Students</h3>") : page.index('id="n2"')]
    rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th><td class="number">(\d+)</td>', first))
    assert rows == {"Evening": "3", "Lab 2": "1", "Morning": "2"}, "Lab 10 has handed in nothing"
    folded = dict(re.findall(r'<details class="part"><summary>([^:<]+): (\d+) student', first))
    assert folded == {**rows, "In no section": "1"}
    evening = first[first.index("<summary>Evening") :]
    evening = evening[: evening.index("</details>")]
    assert re.findall(r">(\w+)</a></th>", evening) == ["cy", "di", "eve"]
    term = page[page.index("<h3>Everybody</h3>") :]
    folded = dict(re.findall(r'<details class="part"><summary>([^:<]+): (\d+) student', term))
    assert folded == {"Evening": "3", "Lab 2": "1", "Lab 10": "1", "Morning": "2", "In no section": "1"}
    assert "<details" not in section_free_report(), "without sections nothing is folded"


def section_free_report() -> str:
    stream, report = io.StringIO(), ClassReport(Course.load(), Intake())
    report.add(record(result_of(question("q2_1", True))), "feedback/ana/x.html")
    report.write(stream)
    return stream.getvalue()


def test_the_time_that_exercises_took_where_notebooks_tell_it(out):
    page = text_of(out, "report.html")
    table = page[page.index("<h3>Time needed</h3>") : page.index("<h3>Everybody</h3>")]
    rows = re.findall(r'scope="row">([\d.]+) [^<]*</th><td class="number">(\d+) min</td><td class="number">(\d+) min</td>', table)
    assert len(rows) == len(Course.load().notebooks[NAME].questions)
    assert {median for _, _, median in rows} == {"8"}, "the paces are 5 to 10 minutes"
    assert {number: said for number, said, _ in rows}["2.3"] == "15", "as its heading says"


def minutes(*seconds: int | None) -> dict[str, float]:
    """What is told when the set-up and the first exercises were last run at these seconds."""
    master = Course.load().notebooks[NAME]
    setup = next(cell.id for cell in master.cells if cell.kind == "setup")
    start = datetime(2026, 11, 27, 10, tzinfo=UTC)
    places = zip((setup, "q2_1", "q2_2", "q2_3"), seconds, strict=False)
    cells = [CodeCell(place, "x = 1", "" if at is None else (start + timedelta(seconds=at)).isoformat()) for place, at in places]
    return minutes_by_exercise(Notebook(tuple(cells)), master)


def test_pauses_and_cells_that_were_run_in_one_go_tell_no_time():
    assert minutes(0, 600, 1500, 1560) == {"q2_1": 10.0, "q2_2": 15.0, "q2_3": 1.0}
    assert minutes(0, 1, 2, 3) == {}
    assert minutes(0, 600, 600 + 3601, 4800) == {"q2_1": 10.0, "q2_3": 10.0}
    assert minutes(5000, 600, None, 1500) == {}


@pytest.mark.parametrize(
    ("metadata", "ran"),
    [
        ({"execution": {"iopub.execute_input": "2026-11-27T10:00:00.904252Z"}}, "2026-11-27T10:00:00+00:00"),
        ({"execution": {"iopub.execute_input": "2026-11-27T10:00:00+02:00"}}, "2026-11-27T08:00:00+00:00"),
        ({"executionInfo": {"timestamp": 1722608125960, "user_tz": -330}}, "2024-08-02T14:15:25+00:00"),
        ({"execution": {"iopub.execute_input": "now"}}, ""),
        ({"executionInfo": {"timestamp": 10**30}}, ""),
        ({"executionInfo": {"timestamp": "1722608125960"}}, ""),
        ({"execution": []}, ""),
        ([], ""),
    ],
)
def test_when_a_cell_was_last_run(metadata, ran):
    cell = {"cell_type": "code", "id": "a", "source": "x = 1", "metadata": metadata}
    read = read_notebook(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode())
    assert [one.ran for one in read.cells] == [ran]
    assert read_notebook(write_notebook(read)) == read


@pytest.mark.parametrize(
    ("percents", "why"),
    [
        ({"1": 90, "2": 80, "3": 70}, "fell in each of the last two"),
        ({"1": 90, "2": 80, "3": 76}, ""),
        ({"1": 90, "2": 95, "3": 70}, ""),
        ({"1": 90}, "handed in neither of the last two"),
        ({"1": 90, "2": 50}, ""),
        ({"1": 90, "2": None, "3": 50}, ""),
    ],
)
def test_falling_behind_is_two_notebooks_and_not_one(percents, why):
    assert Standing("ana", "", dict(percents)).behind(["1", "2", "3"]) == why


def test_one_notebook_tells_of_nobody():
    assert Standing("ana", "").behind(["1"]) == ""
    view = CourseView(["1"])
    view.add(Standing("Zoë", "", total=Total(0.0, True)))
    assert len(view.standings) == 1
    assert not view.behind


def test_an_exercise_to_change_is_hard_and_not_telling():
    statistics = NotebookStatistics()
    for number in range(20):
        good = number % 2 == 0
        hard = question("hard", number % 4 < 1, False)
        telling = question("telling", good, False)
        easy = question("easy", True, True)
        statistics.add(result_of(hard, telling, easy, question("rest", good, good, good)))
    found = to_change(statistics.questions.values())
    assert [one.name for one in found] == []
    statistics = NotebookStatistics()
    for number in range(20):
        good = number % 2 == 0
        statistics.add(result_of(question("hard", number % 4 in (1, 2), False), question("rest", good, good, good)))
    assert [one.name for one in to_change(statistics.questions.values())] == ["hard"]


def test_every_link_leads_to_a_page_and_a_place_in_it(out):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in out.rglob("*.html")}
    assert len(pages) == 1 + len(ANSWERS) + len(ANSWERS) + 2 * (len(ANSWERS) - 1)
    lost = []
    for path, page in pages.items():
        assert page.loads == []
        for link in page.links:
            place, fragment = urldefrag(link)
            target = (path.parent / unquote(place)).resolve() if place else path
            if not target.is_file() or (fragment and fragment not in pages[target].anchors):
                lost.append((path.name, link))
    assert lost == []


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())


@pytest.mark.slow
@pytest.mark.parametrize("width", [380, 1200])
@pytest.mark.parametrize("name", ["report.html", f"feedback/cy/{NAME}.html", "feedback/ana/index.html"])
def test_anyone_can_read_it(out, browser, name, width):
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.goto((out / name).as_uri())
        for folded in page.locator("details").all():
            folded.evaluate("one => one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")] == []
        page.close()


@pytest.mark.slow
def test_a_wide_table_scrolls_by_keyboard_at_380_pixels(out, browser):
    page = browser.new_page(viewport={"width": 380, "height": 800})
    page.goto((out / "report.html").as_uri())
    table = page.locator(".scroll", has=page.locator(".matrix")).first
    table.focus()
    before = table.evaluate("one => one.scrollLeft")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert table.evaluate("one => one.scrollWidth > one.clientWidth")
    assert table.evaluate("one => one.scrollLeft") > before


@pytest.mark.slow
def test_what_is_folded_is_printed(out, browser):
    page = browser.new_page()
    page.goto((out / "report.html").as_uri())
    table = page.locator("details.part table").first
    assert not table.is_visible()
    page.emulate_media(media="print")
    assert table.is_visible()
