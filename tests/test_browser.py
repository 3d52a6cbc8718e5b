"""Notebooks in a real browser: JupyterLab 4 and Notebook 7, in light and dark, without a word to any other machine.

One server and one browser for all tests; the cells are those that students get.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import nbformat
import pytest

from autograder.paths import NOTEBOOKS as STUDENT
from website.pictures import FLAGS

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")]
NAME = "02_keys_queries_values.ipynb"
BLANK, WRONG, RIGHT = "blank", "wrong", "right"
ANSWER = """def attention(Q, K, V):
    weights = torch.softmax(Q @ K.transpose(-2, -1), dim={axis})
    return weights @ V, weights"""
EXPERIMENT = """from attnkit.training import progress
for _ in progress(range(3), "an experiment"):
    pass
figure, axes = plt.subplots(figsize=(2, 1))
axes.plot([1, 2])
plots.show(figure, "A line that rises from 1 to 2.")"""
SLIDER = """def draw(number):
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([number, 0])
    return figure, f"The number is {number}."


plots.turn_by_hand(draw, number=[1, 2, 3])"""
HARMLESS = (  # Notebook 7.6 says the last two of an empty notebook, too: a setting and a command of its own that it lacks
    "ERR_ABORTED",
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
)


def cells():
    """A short notebook of the student's own cells: set-up, a blank, a mistake, the right answer, an experiment, a slider."""
    notebook = nbformat.read(STUDENT / NAME, as_version=4)
    by_id = {cell.id: cell for cell in notebook.cells}
    first = [cell for cell in notebook.cells if {"find-attnkit", "setup"} & set(cell.metadata.get("tags", []))]
    chosen = [*first, by_id["q2_3"], (by_id["q2_3-check"], BLANK)]
    for axis, name in ((-2, WRONG), (-1, RIGHT)):
        chosen += [nbformat.v4.new_code_cell(ANSWER.format(axis=axis)), (by_id["q2_3-check"], name)]
    chosen += [nbformat.v4.new_code_cell(EXPERIMENT), nbformat.v4.new_code_cell(SLIDER)]
    notebook.cells = []
    for place, cell in enumerate(chosen):
        cell = cell[0] if isinstance(cell, tuple) else cell
        notebook.cells.append(nbformat.from_dict({**cell, "id": f"c{place}"}))
    return notebook


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab of its own, which serves Notebook 7, too; gives its address."""
    home = tmp_path_factory.mktemp("jupyter")
    nbformat.write(cells(), home / "lesson.ipynb")
    (home / "attnkit").symlink_to(STUDENT / "attnkit")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def opened(server, browser, tmp_path):
    """Open the notebook in one of the two, run all its cells, and hold that nothing went wrong on the way."""
    wrong = []
    context = browser.new_context(viewport={"width": 1000, "height": 5000})

    def local_only(route):
        here = urlsplit(route.request.url)
        if here.scheme in ("data", "blob") or here.hostname == "127.0.0.1":
            route.continue_()
        else:
            wrong.append(f"asks for {route.request.url}")
            route.abort()

    context.route("**/*", local_only)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    def open_in(path):
        page.goto(f"{server}/{path}/lesson.ipynb")
        page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_function(READY, timeout=60_000)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.wait_for_selector(".widget-slider", timeout=60_000)
        return page

    yield open_in
    context.close()
    left = [text for text in wrong if not any(known in text for known in HARMLESS)]
    assert left == [], "\n".join(left)


READY = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === 'idle';
}"""
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


def check_messages(page):
    """The three checks say what they should, no word is broken, and what goes on below a row begins below its text."""
    messages = page.locator("pre[role=status]").all_inner_texts()
    assert "the blank of exercise 2.3 is still there" in messages[0]
    assert "softmax over the query axis instead of the key axis" in messages[1]
    assert "q2_3: all checks passed" in messages[2]
    assert page.evaluate(BROKEN_WORDS) == []
    rows = page.evaluate(INDENTS)
    assert len(rows) >= 5
    assert all(max(lefts) - min(lefts) <= 2 for lefts in rows), rows
    page.set_viewport_size({"width": 620, "height": 5000})
    assert page.evaluate(BROKEN_WORDS) == []
    rows = page.evaluate(INDENTS)
    assert any(len(lefts) > 1 for lefts in rows), "nothing goes on below a row: the window is too wide to see it"
    assert all(max(lefts) - min(lefts) <= 2 for lefts in rows), rows
    page.set_viewport_size({"width": 1000, "height": 5000})


CONTRAST = """() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const pre = document.querySelector('pre[role=status]');
  let behind = pre;
  while (/rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const both = [getComputedStyle(pre).color, getComputedStyle(behind).backgroundColor].map(light);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


def test_jupyterlab_in_light_and_dark(opened):
    page = opened("lab/tree")
    check_messages(page)
    assert page.locator("code[role=status]", has_text="3/3").count() == 1
    figure = page.locator(".jp-OutputArea img").first
    assert figure.get_attribute("alt") == "A line that rises from 1 to 2."
    light = page.evaluate(CONTRAST)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    assert min(light, page.evaluate(CONTRAST)) >= 4.5


def test_notebook_7_with_the_slider_by_keyboard(opened):
    page = opened("notebooks")
    check_messages(page)
    handle = page.locator(".noUi-handle").first
    handle.focus()
    before = page.locator(".widget-readout").first.inner_text()
    handle.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('.widget-readout').innerText !== old", arg=before)
    page.wait_for_selector("img[alt='The number is 2.']", state="attached")
