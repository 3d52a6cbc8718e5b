"""Every notebook in a real browser: JupyterLab 4 and Notebook 7, in light and dark, without a word to any other machine.

One server and one browser for all. `--pictures FOLDER` keeps a picture of each page, to be looked at.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

import nbformat
import pytest

from autograder.exercises import NOTEBOOKS
from autograder.paths import NOTEBOOKS as STUDENT
from autograder.paths import SOLUTIONS

pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here"),
]
HARMLESS = (  # Notebook 7.6 says the last two of an empty notebook, too: a setting and a command of its own that it lacks
    "ERR_ABORTED",
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
    # jupyter_server remembers the place of a static file by its name alone: a font that JupyterLab was given is refused to
    # Notebook 7 of the same server, which has a file of the same name, and its formulas stand in another font
    ".woff",
    "status of 403",
    "Could not restore the debugger state",  # a kernel that is shut down while JupyterLab still asks about its debugger
    "Canceled future for",  # and while it waits for any other answer: for a subshell, say
)
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
WIDE, NARROW, HIGH = 1000, 620, 1400


@dataclass(frozen=True)
class Lesson:
    """What is done in one notebook: the exercise, a wrong answer and its name, and what its slider needs to be there."""

    question: str
    right: str
    wrong: str
    mistake: str
    needs: tuple[str, ...] = ()
    before: str = ""


LESSONS = {
    "01": Lesson("q1_1", "torch.tanh(", "(", "the sum without the tanh", before="copiers, SYMBOLS = {}, 8\n"),
    "02": Lesson("q2_3", "dim=-1", "dim=-2", "softmax over the query axis instead of the key axis", ("q2_1", "q2_2")),
    "03": Lesson("q3_4", "math.sqrt(Q.shape[-1])", "Q.shape[-1]", "scores divided by d_k instead of √d_k", ("q3_3",)),
    "04": Lesson("q4_1", "T, H, d_model // H).transpose(1, 2)", "H, T, d_model // H)", "without a transpose", ("draw_grid",)),
    "05": Lesson("q5_1", "angles.sin(), angles.cos()", "angles.cos(), angles.sin()", "cosine on even and sine on odd", ("q5_5",)),
    "06": Lesson("q6_1", ".tril(S - T)", ".triu(S - T + 1)", "True for blocked, as in nn.MultiheadAttention", ("q6_7",)),
}
SOLVED = {number: nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4) for number, name in NOTEBOOKS.items()}


def show_all_cells(settings):
    """Have JupyterLab, with this folder of settings, show all cells at once: those that nobody has scrolled to as well."""
    tracker = settings / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab of its own, which serves Notebook 7, too; gives its address."""
    home = tmp_path_factory.mktemp("jupyter")
    for name in NOTEBOOKS.values():
        shutil.copy(STUDENT / f"{name}.ipynb", home)
        shutil.copy(SOLUTIONS / f"{name}.ipynb", home / f"solved_{name}.ipynb")
    (home / "attnkit").symlink_to(STUDENT / "attnkit")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    show_all_cells(home / "settings")
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    places = {name: str(home / name.lower()) for name in own}
    environment = {**os.environ, **places, "ATTNKIT_PROGRESS": "off", "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.token=", "--ServerApp.password=", f"--ServerApp.root_dir={home}", "--LabApp.news_url="]
    command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
    command += ["--LabApp.extension_manager=readonly"]
    log = (home / "log").open("w")
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api/status", timeout=5)
                break
            assert process.poll() is None, (home / "log").read_text()[-2000:]
            time.sleep(0.25)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        log.close()


class Seen:
    """A page, and what went wrong on it: errors of the console, and whatever was asked of another machine."""

    def __init__(self, browser):
        self.wrong = []
        self.page = browser.new_context(viewport={"width": WIDE, "height": HIGH}).new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: self.note(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.on("response", self.refused)
        self.page.on("request", self.local_only)

    def note(self, text):
        if not any(known in text for known in HARMLESS):
            self.wrong.append(text)

    def refused(self, answer):
        if answer.status >= 400:
            self.note(f"{answer.status} for {answer.request.method} {answer.url}")

    def local_only(self, request):
        here = urlsplit(request.url)
        if here.scheme not in ("data", "blob") and here.hostname != "127.0.0.1":
            self.note(f"asks for {request.url}")


@pytest.fixture(scope="module")
def lab(server, browser):
    """JupyterLab, loaded once."""
    seen = Seen(browser)
    seen.page.goto(f"{server}/lab")
    seen.page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
    seen.page.evaluate("() => window.jupyterapp.restored.then(() => window.jupyterapp.shell.collapseLeft())")
    yield seen
    seen.page.context.close()


@pytest.fixture
def opened(lab):
    """Open a notebook in JupyterLab, hold that nothing goes wrong, and close it whatever came of the test."""
    before = len(lab.wrong)

    def open_file(path):
        lab.page.evaluate(OPEN, path)
        return lab.page

    yield open_file
    lab.page.evaluate(CLOSE)
    assert lab.wrong[before:] == []


OPEN = """async path => {
  const app = window.jupyterapp;
  const panel = await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});
  await panel.revealed;
  await panel.sessionContext.ready;
}"""
CLOSE = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.shutdown();
  panel.context.model.dirty = false;
  panel.dispose();
}"""
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === 'idle';
}"""
RUN = """async ([id, source]) => {
  const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
  const place = notebook.widgets.findIndex(cell => cell.model.id === id);
  if (place < 0) throw Error(`no cell ${id}`);
  const cell = notebook.widgets[place];
  if (source) cell.model.sharedModel.setSource(source);
  notebook.activeCellIndex = place;
  notebook.deselectAll();
  await notebook.scrollToItem(place);
  await app.commands.execute('notebook:run-cell');
  return [...cell.node.querySelectorAll('.jp-OutputArea-output')].map(part => part.innerText).join('\\n');
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell =>
  [cell.model.id, cell.model.type, cell.inputHidden ?? false])"""
BROKEN_WORDS = """() => {
  const broken = [];
  for (const pre of document.querySelectorAll('pre[role=status]')) {
    const walker = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      for (const match of node.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        const tops = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
        if (tops.size > 1) broken.push(match[0]);
      }
    }
  }
  return broken;
}"""
INDENTS = """() => [...document.querySelectorAll('pre[role=status] span')].flatMap(line => {
  const label = line.textContent.match(/^ +[a-z ]+? {2,}/);
  if (!label) return [];
  const node = line.firstChild, range = document.createRange();
  range.setStart(node, label[0].length); range.setEnd(node, node.length);
  const lines = new Map();  // the leftmost of each line: a blank at its end is a box of its own
  for (const box of range.getClientRects()) {
    const top = Math.round(box.top);
    lines.set(top, Math.min(Math.round(box.left), lines.get(top) ?? Infinity));
  }
  return [[...lines.values()]];
})"""
ILLEGIBLE = """() => {  // texts of outputs that stand out from what lies behind them by less than 4.5 to 1 (WCAG 1.4.3)
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const laid = ([r, g, b, a], ground) => [r, g, b].map((c, i) => ground[i] + a * (c - ground[i]));
  const behind = node => node === null ? [255, 255, 255]
    : laid(colour(getComputedStyle(node).backgroundColor), behind(node.parentElement));
  const low = [], notebook = window.jupyterapp.shell.currentWidget.node;
  let seen = 0;
  for (const area of notebook.querySelectorAll('.jp-OutputArea-output')) {
    const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.data.trim(), node = walker.currentNode.parentElement;
      if (!text || node.getClientRects().length === 0) continue;
      const ground = behind(node);
      const both = [light(laid(colour(getComputedStyle(node).color), ground)), light(ground)];
      const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      seen += 1;
      if (contrast < 4.5) low.push(`${contrast.toFixed(2)} to 1: ${text.slice(0, 60)}`);
    }
  }
  if (seen < 5) throw Error(`only ${seen} texts of outputs`);
  return low;
}"""
THEME = """async theme => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme});
}"""
TO_THE_END = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content, found = [];
  for (const [place, cell] of notebook.widgets.entries()) {
    await cell.ready;
    const node = cell.node, bad = text => found.push(`cell ${place} ${cell.model.id}: ${text}`);
    if (node.querySelector('mjx-merror, [data-mjx-error]')) bad('a formula that cannot be read');
    const text = node.querySelector('.jp-RenderedMarkdown')?.innerText ?? '';
    if (/\\$\\$|\\\\(frac|sum|sqrt)/.test(text)) bad('a formula in raw text');
    for (const output of cell.model.outputs?.toJSON() ?? []) {
      if (output.output_type === 'error') bad(`an error: ${output.evalue}`);
      if (output.name === 'stderr') bad(`a warning: ${output.text}`);
    }
    for (const image of node.querySelectorAll('img')) {
      await image.decode().catch(() => bad('an image that cannot be shown'));
      if (!image.alt) bad('an image without a description');
      const canvas = new OffscreenCanvas(1, 1).getContext('2d');
      canvas.drawImage(image, 0, 0);
      if (canvas.getImageData(0, 0, 1, 1).data[3] < 255) bad('an image that shows the page behind its labels');
    }
    if (/Loading widget|Error displaying widget/.test(node.innerText)) bad('a widget that never comes');
  }
  await notebook.scrollToItem(notebook.widgets.length - 1);
  return found;
}"""


def by_id(number):
    return {cell.id: cell.source for cell in SOLVED[number].cells if cell.cell_type == "code"}


def the_cell(number, text):
    """The id of the solved notebook's first code cell that holds a text."""
    return next(name for name, source in by_id(number).items() if text in source)


def study(page, number):
    """As a learner does: the set-up, the blank's check, a wrong answer, the right one; gives what the last three said."""
    lesson, solved = LESSONS[number], by_id(number)
    setup = next(cell.id for cell in SOLVED[number].cells if "setup" in cell.metadata.get("tags", []))
    said = [page.evaluate(RUN, [name, None]) for name in ("find-attnkit", setup)]
    assert said == ["", ""], "the first cells say nothing where all is well"
    right = solved[lesson.question]
    assert lesson.right in right
    said = []
    for source in (None, right.replace(lesson.right, lesson.wrong), right):
        page.evaluate(RUN, [lesson.question, source])
        said.append(page.evaluate(RUN, [f"{lesson.question}-check", None]))
    return said


def slide(page, number):
    """Move the notebook's first slider by mouse and by keyboard; each time another picture has to come."""
    lesson, solved = LESSONS[number], by_id(number)
    for name in lesson.needs:
        cell = name if name in solved else the_cell(number, f"def {name}(")
        page.evaluate(RUN, [cell, solved[cell]])
    slider = the_cell(number, "plots.turn_by_hand(")
    page.evaluate(RUN, [slider, lesson.before + solved[slider]])
    area = page.locator(".jp-CodeCell:has(.widget-slider)")
    handle = area.locator(".noUi-handle").first
    handle.wait_for(timeout=60_000)
    handle.scroll_into_view_if_needed()
    alts = [area.locator("img").first.get_attribute("alt")]
    page.wait_for_selector(".noUi-handle[data-lm-suppress-shortcuts]", state="attached")
    for move in ("keyboard", "mouse"):
        if move == "keyboard":
            handle.focus()
            handle.press("ArrowRight")
        else:
            box = area.locator(".noUi-target").first.bounding_box()
            page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
        area.locator(f"img:not([alt={_quoted(alts[-1])}])").first.wait_for(state="attached", timeout=60_000)
        alts.append(area.locator("img").first.get_attribute("alt"))
    assert len(set(alts)) == 3, alts


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def experiment(page):
    """Notebook 2's look-up trained, with its bar; and the figure of what it has learned."""
    solved = by_id("02")
    page.evaluate(RUN, ["q2_5", solved["q2_5"]])
    training = the_cell("02", "class SoftDictionary")
    shorter, found = re.subn(r"recall_loss, \d+", "recall_loss, 60", solved[training])
    assert found == 1
    page.evaluate(RUN, [training, shorter])
    page.locator("code[role=status]", has_text="60/60").wait_for()
    shown = the_cell("02", "test = recall_task(")
    before = list(solved)[: list(solved).index(shown)]
    page.evaluate(RUN, [next(name for name in reversed(before) if "predicted =" in solved[name]), None])
    page.evaluate(RUN, [shown, None])
    page.locator("img[alt^='Eight memories']").wait_for(state="attached")


def check_messages(page, number, said):
    """The three checks say what they should, no word is broken, and what goes on below a row begins below its text."""
    question = LESSONS[number].question
    blank, wrong, right = (" ".join(text.split()) for text in said)
    assert f"the blank of exercise {question[1:].replace('_', '.')} is still there" in blank
    assert LESSONS[number].mistake in wrong
    assert f"{question}: all checks passed" in right


def check_shape(page):
    """Set in a wide and in a narrow window; needs a message of a wrong answer on the page. Gives how many rows go on."""
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": HIGH})
        assert page.evaluate(BROKEN_WORDS) == []
        rows = page.evaluate(INDENTS)
        assert rows
        assert all(max(lefts) - min(lefts) <= 2 for lefts in rows), rows
    page.set_viewport_size({"width": WIDE, "height": HIGH})
    return sum(len(lefts) > 1 for lefts in rows)


def in_both_themes(page, picture, name):
    """Every text of the outputs is legible, light and dark."""
    now = page.evaluate("() => document.body.dataset.jpThemeName")  # as the notebook before it was left
    for theme in (now, LIGHT if now == DARK else DARK):
        if theme != now:
            page.evaluate(THEME, theme)
            page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
        assert page.evaluate(ILLEGIBLE) == [], theme
        picture(page, f"{name}-{theme.split()[-1].lower()}")


def check_order(page, number):
    """All cells of the file are there in their order, and the first code cell is folded."""
    cells = page.evaluate(CELLS)
    name = f"{NOTEBOOKS[number]}.ipynb"
    assert [cell[0] for cell in cells] == [cell.id for cell in nbformat.read(STUDENT / name, as_version=4).cells]
    first = next(cell for cell in cells if cell[1] == "code")
    assert first[0] == "find-attnkit"
    assert first[2] is True


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_learner_in_jupyterlab(opened, number, picture):
    page = opened(f"{NOTEBOOKS[number]}.ipynb")
    page.wait_for_function(READY, timeout=60_000)
    check_order(page, number)
    said = study(page, number)
    check_messages(page, number, said)
    wrong = by_id(number)[LESSONS[number].question].replace(LESSONS[number].right, LESSONS[number].wrong)
    page.evaluate(RUN, [LESSONS[number].question, wrong])
    page.evaluate(RUN, [f"{LESSONS[number].question}-check", None])
    assert check_shape(page) or number != "02", "nothing goes on below a row: the window is too wide to see it"
    picture(page, f"lab-{number}-message")
    slide(page, number)
    in_both_themes(page, picture, f"lab-{number}-slider")
    if number == "02":
        page.evaluate(RUN, [LESSONS[number].question, by_id(number)[LESSONS[number].question]])
        experiment(page)
        picture(page, "lab-02-experiment")


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_solved_notebook_is_shown_to_its_end(opened, number, picture):
    page = opened(f"solved_{NOTEBOOKS[number]}.ipynb")
    assert page.evaluate(TO_THE_END) == []
    in_both_themes(page, picture, f"solved-{number}-end")


def test_a_learner_in_notebook_7(server, browser, picture):
    seen = Seen(browser)
    page = seen.page
    page.goto(f"{server}/notebooks/{NOTEBOOKS['02']}.ipynb")
    page.wait_for_function(READY, timeout=60_000)
    check_order(page, "02")
    check_messages(page, "02", study(page, "02"))
    slide(page, "02")
    picture(page, "notebook7-02-slider")
    experiment(page)
    picture(page, "notebook7-02-experiment")
    page.evaluate(CLOSE)
    page.context.close()
    assert seen.wrong == []
