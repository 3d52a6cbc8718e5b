"""The Markdown pages of the site: solved notebooks, and the guides with their links."""

from __future__ import annotations

import base64
import posixpath
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import nbformat

from autograder.building.first_cell import FIND
from autograder.exercises import NOTEBOOKS, exercises_of
from autograder.paths import NOTEBOOKS as BLANK
from autograder.paths import ROOT, SOLUTIONS

_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_PICTURE = re.compile(r'<img alt="[^"]*" src="data:image/png;base64,(?P<data>[^"]+)">')
_DECISIONS = "docs/decisions/README.md"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FOLDED = re.compile(r"what the figure shows</small></summary>(?P<words>[^<]+)<")
_GOAL = re.compile(r"^## (?P<number>\d+\.\d+) .*\n\*Goal: (?P<goal>.+?)\*", re.MULTILINE)


def write_pages(folder: Path) -> list[dict[str, Any]]:
    """Write every page below `folder` and return MkDocs' navigation."""
    guides = _write_guides(folder)
    notebooks: list[dict[str, Any]] = []
    (folder / "notebooks" / "blank").mkdir(parents=True)
    for number, name in NOTEBOOKS.items():
        shutil.copy(BLANK / f"{name}.ipynb", folder / "notebooks" / "blank")
        text = notebook_page(number, folder / "notebooks")
        (folder / "notebooks" / f"{name}.md").write_text(text, encoding="utf-8")
        notebooks.append({text.splitlines()[0].removeprefix("# "): f"notebooks/{name}.md"})
    return [{"Start": "index.md"}, {"Notebooks": notebooks}, *guides]


def notebook_page(number: str, folder: Path) -> str:
    """A solved notebook as Markdown, with its pictures beside it in `folder`."""
    name = NOTEBOOKS[number]
    notebook = nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4)
    title, _, introduction = notebook.cells[0].source.partition("\n")
    parts = [title, _what_it_costs(number, notebook), introduction.strip()]
    for index, cell in enumerate(notebook.cells[1:]):
        if cell.id == FIND:
            continue  # it finds attnkit, and teaches nothing
        if cell.cell_type == "markdown":
            parts.append(_folded_as_markdown(cell.source))
        else:
            parts.append(f"```python\n{cell.source}\n```")
            shown = _in_words(cell.outputs)
            parts += [
                _output(output, folder, f"{name}_{index}_{place}", shown) for place, output in enumerate(cell.outputs)
            ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what_it_costs(number: str, notebook: Any) -> str:
    """The box at the top: time, what one can do afterwards, and how to open the blank notebook."""
    exercises, name = exercises_of(number), NOTEBOOKS[number]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    goals = {match["number"]: match["goal"] for match in _GOAL.finditer(text)}
    starred = sum(exercise.starred for exercise in exercises)
    required = [exercise for exercise in exercises if not exercise.further]
    minutes, points = sum(exercise.minutes for exercise in required), sum(exercise.points for exercise in exercises)
    beyond = len(exercises) - len(required)
    further = (
        f", and {sum(one.minutes for one in exercises if one.further)} more for {beyond} further" if beyond else ""
    )
    lines = [
        '!!! info "This is the solved notebook"',
        f"    **It costs** about {minutes} minutes for {len(required)} exercises{further}"
        f" ({starred} of them starred, for those who want more), worth {points:g} points.",
        "",
        "    **Afterwards you have written, each for a reason,**",
        "",
        *(f"    * {exercise.heading}: {goals[exercise.number]}" for exercise in exercises),
        "",
        f"    **To open the blank one**, get the project, say `make lab` and open `{name}.ipynb`; or take"
        f" [this file](blank/{name}.ipynb) alone: its first cell finds attnkit or says what is missing.",
    ]
    return "\n".join(lines)


def _folded_as_markdown(source: str) -> str:
    """Hints keep being Markdown inside their fold."""
    return source.replace("<details>", '<details markdown="1">')


def _in_words(outputs: Any) -> str:
    """What a cell's figure shows, as `plots.show` says it below the figure."""
    folded = (_FOLDED.search(output.get("data", {}).get("text/html", "")) for output in outputs)
    return next((match["words"] for match in folded if match), "The figure that the cell above draws")


def _output(output: Any, folder: Path, name: str, shown: str) -> str:
    """One output of a cell as a block of HTML."""
    if output.output_type == "stream":
        return _text(output.text)
    data = output.get("data", {})
    if picture := _PICTURE.match(str(data.get("text/html", ""))):
        (folder / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))
        return f"![{shown}]({name}.png){{ .output }}"
    if "text/html" in data:
        return f'<div class="output" markdown="0">\n{_reachable(str(data["text/html"]))}\n</div>'
    if "image/png" in data:
        (folder / f"{name}.png").write_bytes(base64.b64decode(data["image/png"]))
        return f"![{shown}]({name}.png){{ .output }}"
    return _text(str(data.get("text/plain", "")))


def _text(text: str) -> str:
    return f'<div class="output" markdown="0"><pre tabindex="0">{escape(_ANSI.sub("", text))}</pre></div>'


def _reachable(html: str) -> str:
    """Tables that scroll sideways can be reached by the keyboard."""
    return html.replace("<table", '<div class="scrolls" tabindex="0"><table').replace("</table>", "</table></div>")


def _write_guides(folder: Path) -> list[dict[str, Any]]:
    """Copy README, CONTRIBUTING, CHANGELOG and docs/, with links that stay inside the site or lead to no page."""
    sources = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
    sources |= {
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")
    }
    for path in (ROOT / "docs").rglob("*"):
        if path.suffix in (".png", ".svg", ".json"):
            (folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(ROOT))
    titles: dict[str, str] = {}
    for source, target in sorted(sources.items()):
        text = _with_links((ROOT / source).read_text(encoding="utf-8"), source, sources)
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_text(text, encoding="utf-8")
        titles[target] = next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")
    decisions = [target for target in titles if target.startswith("docs/decisions/")]
    guides = [target for target in titles if target.startswith("docs/") and target not in decisions]
    return [
        {"Guides": [{titles[target]: target} for target in guides]},
        {
            "Decisions": [
                {titles[target]: target} for target in sorted(decisions, key=lambda name: (name != _DECISIONS, name))
            ]
        },
        {"The project": [{titles[target]: target} for target in ("CONTRIBUTING.md", "CHANGELOG.md")]},
    ]


def _with_links(text: str, source: str, pages: dict[str, str]) -> str:
    """Links between pages follow them; a link to a file that is no page of the site becomes its name."""

    def followed(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["target"]))
        if f"{path}/README.md" in pages:
            path = f"{path}/README.md"
        if path not in pages:
            return "NOWHERE" if not (ROOT / path).is_file() or not path.startswith("docs/") else match[0]
        home = posixpath.dirname(pages[source]) or "."
        return posixpath.relpath(pages[path], home) + (match["anchor"] or "")

    return re.sub(r"(?<!!)\[([^\]]*)\]\(NOWHERE\)", r"\1", _LINK.sub(followed, text))
