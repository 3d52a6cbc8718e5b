"""The site: every link leads somewhere, nothing is asked of another host, and every page can be read by anyone."""

import functools
import http.server
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from autograder.exercises import NOTEBOOKS, exercises_of
from website.__main__ import make_site
from website.mathematics import FormulaError, put_back, set_aside, typeset

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
CHROMIUM = Path("/usr/bin/chromium")


class Page(HTMLParser):
    """The links, the anchors and the addresses of everything that a page loads."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") != "canonical" and found.get("href"):
            self.loads.append(found["href"])
        elif found.get("src"):
            self.loads.append(found["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    make_site(folder)
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def target_of(site, page, link):
    """The file a link leads to: addresses are as a server at the site's root serves them."""
    path = unquote(urlsplit(link).path)
    found = site / path.lstrip("/") if path.startswith("/") else page.parent / path
    return (found / "index.html" if found.is_dir() else found).resolve()


def test_every_link_and_anchor_leads_somewhere(site, pages):
    broken = []
    for page, parsed in pages.items():
        for link in [*parsed.links, *parsed.loads]:
            address, anchor = urldefrag(link)
            if urlsplit(link).scheme in ("http", "https", "mailto", "data"):
                continue
            target = target_of(site, page, address) if address else page
            if not target.is_file() or (anchor and target.suffix == ".html" and anchor not in pages[target].anchors):
                broken.append((page.relative_to(site).as_posix(), link))
    assert broken == []


def test_pages_load_nothing_from_another_host(site, pages):
    loads = [(page.name, link) for page, parsed in pages.items() for link in parsed.loads]
    assert [pair for pair in loads if urlsplit(pair[1]).netloc] == []
    assert [path for path in site.rglob("*.css") if "url(http" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(("number", "name"), NOTEBOOKS.items())
def test_a_notebooks_page_says_what_it_costs_and_how_to_open_the_blank_one(site, number, name):
    text = (site / "notebooks" / name / "index.html").read_text(encoding="utf-8")
    assert f"about {sum(one.minutes for one in exercises_of(number) if not one.further)} minutes" in text
    assert "Afterwards you have written" in text
    assert "make lab" in text
    assert (site / "notebooks" / "blank" / f"{name}.ipynb").is_file()
    assert "NotImplementedError" in (site / "notebooks" / "blank" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert all(f"{exercise.number} " in text for exercise in exercises_of(number))


def test_no_formula_is_left_untypeset(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "-of-this-page" not in text, page
        assert "\\frac" not in text.replace("\\\\frac", ""), page


def test_formulas_in_code_stay_and_others_become_mathml():
    text = "a `$x$` b $x_1$ and $5 or $6\n\n```\n$$y$$\n```\n\n$$\n\\frac{1}{2}\n$$\n"
    aside, formulas = set_aside(text)
    assert len(formulas) == 2
    assert "`$x$`" in aside
    assert "$$y$$" in aside
    assert "$5 or $6" in aside
    assert put_back(aside, formulas).count("<math") == 2
    assert 'display="block"' in formulas[1]


@pytest.mark.parametrize("formula", [r"\frac{1}{", r"\fracture_v x"])
def test_a_formula_that_cannot_be_typeset_is_named(formula):
    with pytest.raises(FormulaError, match="frac"):
        typeset(formula, block=False)
    assert ">argmax<" in typeset(r"\arg\max_v x", block=True)


def test_a_list_goes_on_counting_behind_what_interrupts_it(site):
    page = (site / "notebooks" / "01_bottleneck" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<ol start="4">\s*<li>\s*(<p>)?Cells without an exercise', page)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_every_page_is_readable_and_asks_no_other_host(site, pages, address, browser, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab, elsewhere, found = context.new_page(), [], []
    tab.on(
        "request",
        lambda request: elsewhere.append(request.url) if not request.url.startswith((address, "data:")) else None,
    )
    for page in pages:
        name = page.relative_to(site).as_posix().removesuffix("index.html")
        tab.goto(f"{address}/{name}")
        if tab.evaluate("document.documentElement.scrollWidth") > width:
            found.append((name, "scrolls sideways"))
        violations = Axe().run(tab).response["violations"]
        found += [
            (name, item["id"], item["nodes"][0]["html"][:200])
            for item in violations
            if item["impact"] in ("serious", "critical")
        ]
    context.close()
    assert elsewhere == []
    assert found == []


@pytest.mark.slow
def test_the_keyboard_finds_a_page_by_its_words(address, browser):
    tab = browser.new_page()
    tab.goto(address)
    tab.keyboard.press("/")
    tab.keyboard.type("rope_rotate")
    tab.locator(".md-search-result__link").first.wait_for()
    hrefs = tab.locator(".md-search-result__link").evaluate_all("links => links.map(link => link.href)")
    assert any("notebooks/05_positions" in href for href in hrefs)
