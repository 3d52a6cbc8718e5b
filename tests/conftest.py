"""What holds for all tests."""

import os
import shutil

import pytest

os.environ["ATTNKIT_PROGRESS"] = "off"  # no test writes into a developer's own logbook

# The files that take longest come first, so that none is left over when the other processes have nothing to do any more.
LONG = (
    *("test_corpus", "test_guides", "test_sandbox", "test_browser", "test_otter_parity", "test_build", "test_exercises"),
    *("test_proving_more", "test_nb06", "test_files", "test_term_course", "test_grade_cli", "test_full_disks", "test_door"),
    *("test_places", "test_environment", "test_waiting", "test_release", "test_pages", "test_sample_class", "test_site"),
    *("test_start_up", "test_late_torch", "test_one_file", "test_kills", "test_promises"),
)


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-xdist keep this order, and not take the files with most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadfile` one process runs all tests of a file, and makes what they share once."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


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
