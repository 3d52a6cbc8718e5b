"""What holds for all tests."""

import os
import shutil

import pytest

os.environ["ATTNKIT_PROGRESS"] = "off"  # no test writes into a developer's own logbook

# modules that make something dear for all their tests: a site, a release, a server; one process of the run makes it once
TOGETHER = ("test_browser", "test_one_file", "test_otter_parity", "test_release", "test_site")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep such a module's tests in one process (with `--dist loadgroup`)."""
    for item in items:
        if item.path.stem in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_addoption(parser):
    """What is kept of a run, beside its result."""
    parser.addoption("--pictures", help="keep pictures of the browser's pages in this folder", metavar="FOLDER")


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, under Playwright."""
    from playwright.sync_api import sync_playwright

    from website.pictures import FLAGS  # here, for the tests without a browser: it takes a second

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def picture(request):
    """Keep what the page shows, where `--pictures` asks for it."""
    folder = request.config.getoption("--pictures")

    def keep(page, name):
        if folder:
            page.screenshot(path=f"{folder}/{name}.png")

    return keep
