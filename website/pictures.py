"""The pictures of the README: a named mistake in a real notebook, and the report on the sample class; light and dark.

`python -m website.pictures FOLDER` needs chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from autograder.paths import EXAMPLES, NOTEBOOKS, ROOT

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SCHEMES = ("light", "dark")
WIDTH = 900
QUESTION = "q2_3"
WRONG = """def attention(Q, K, V):
    scores = Q @ K.transpose(-1, -2)
    weights = torch.softmax(scores, dim=-2)
    return weights @ V, weights"""


def main() -> None:
    """Make the four pictures."""
    from playwright.sync_api import sync_playwright

    if len(sys.argv) != 2:
        sys.exit("usage: python -m website.pictures FOLDER")
    os.environ["ATTNKIT_PROGRESS"] = "off"
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        notebook, report = _notebook_with_a_mistake(), _class_report(Path(made))
        for scheme in SCHEMES:
            _photograph_mistake(browser, _page(notebook, scheme, Path(made)), scheme, folder / f"mistake-{scheme}.png")
            _photograph_report(browser, report, scheme, folder / f"report-{scheme}.png")


def _notebook_with_a_mistake() -> Any:
    """Notebook 2's exercise 2.3 as a learner left it, with the answer's cell and its check executed."""
    notebook = nbformat.read(NOTEBOOKS / "02_keys_queries_values.ipynb", as_version=4)
    (answer,) = [cell for cell in notebook.cells if cell.id == QUESTION]
    (check,) = [cell for cell in notebook.cells if cell.id == f"{QUESTION}-check"]
    answer.source = WRONG
    setup = [cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", ())]
    notebook.cells = [*setup, answer, check]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    notebook.cells = [answer, check]
    return notebook


def _page(notebook: Any, scheme: str, made: Path) -> str:
    """The notebook as JupyterLab shows it."""
    html, _ = HTMLExporter(theme=scheme, exclude_anchor_links=True).from_notebook_node(notebook)
    path = made / f"notebook-{scheme}.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


def _class_report(made: Path) -> str:
    """Grade the sample class and return the address of its report."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "autograder",
        "grade",
        EXAMPLES / "class",
        "-o",
        made / "graded",
        "--cell-seconds",
        "10",
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return (made / "graded" / "report.html").as_uri()


def _photograph_mistake(browser: Any, address: str, scheme: str, path: Path) -> None:
    tab = _tab(browser, scheme, 620)
    tab.goto(address)
    tab.add_style_tag(content="main, body { padding: 8px !important }")
    tab.locator("main").screenshot(path=path)
    tab.context.close()


def _photograph_report(browser: Any, address: str, scheme: str, path: Path) -> None:
    tab = _tab(browser, scheme, 720)
    tab.goto(address)
    tab.screenshot(path=path)
    tab.context.close()


def _tab(browser: Any, scheme: str, height: int) -> Any:
    """A window that reads files and asks no host for anything."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme=scheme, device_scale_factor=2
    )
    context.route("**/*", _only_files)
    return context.new_page()


def _only_files(route: Any) -> None:
    if route.request.url.startswith(("file:", "data:")):
        route.continue_()
    else:
        route.abort()


if __name__ == "__main__":
    main()
