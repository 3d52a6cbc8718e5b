"""Probes inside the sandbox look for tests, references, other submissions, secrets and ways out, and find nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnkit.checking.case import Case
from autograder.grading.run.sandbox.inside import linux, seccomp
from autograder.grading.run.session import Workshop
from hostile import probes

ROOT = Path(__file__).resolve().parents[2]
SETUP = "import numpy as np\n"


def found_by(workshop: Workshop, *cells: str) -> list[str]:
    """What a probe leaves in the name `found`."""
    with workshop.open() as session:
        results = session.run_cells([SETUP, *cells])
        assert [result.status for result in results] == ["ok"] * len(results), results
        outcome = session.environment["found"].run(Case(value=True))
    assert outcome.failure is None, outcome.failure
    return list(outcome.value)


def test_a_probe_can_find_something(workshop):
    assert found_by(workshop, "PLACES = [np.__file__]", probes.PATHS)


def test_no_test_text_and_no_reference_and_no_notebook(workshop):
    assert found_by(workshop, probes.FILES) == []


def test_no_place_of_the_project_the_home_or_the_machine_can_be_read(workshop, tmp_path):
    other = tmp_path / "other_student.ipynb"
    other.write_text("a-secret-of-another-student", encoding="utf-8")
    python = [Path(path).resolve() for path in (sys.prefix, sys.base_prefix)]
    around = [*ROOT.iterdir(), *Path.home().iterdir()]
    places = [path for path in around if not any(root.is_relative_to(path) for root in python)]
    places += [
        ROOT / "autograder/exercises/nb02_keys_queries_values/q2_1_softmax.py",
        other,
        tmp_path,
        Path("/etc/shadow"),
        Path("/etc/passwd"),
        Path("/var"),
        Path("/sys"),
        Path("/proc/1"),
        Path("/run"),
    ]
    places += [Path("/proc/self/environ"), Path("/proc/self/maps"), Path("/proc/1/root"), Path("/proc/1/environ")]
    assert found_by(workshop, f"PLACES = {[str(place) for place in places]!r}", probes.PATHS) == []


def test_nothing_is_writable_but_the_work_folder(workshop):
    assert found_by(workshop, probes.WRITABLE) == []


def test_no_environment_of_the_caller(workshop, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_CALLER", "secret")
    with Workshop(workshop.sandbox.split()[0], workshop.limits) as fresh:
        assert found_by(fresh, probes.ENVIRONMENT) == []


def test_no_network(workshop):
    assert found_by(workshop, probes.NETWORK) == []


def test_no_other_process(workshop):
    assert found_by(workshop, probes.PROCESSES) == []


def test_nothing_of_the_grader_in_memory(workshop):
    assert found_by(workshop, probes.MEMORY) == []


def test_the_calls_of_the_deny_list_are_refused(workshop):
    numbers = dict(seccomp._MACHINES[linux.machine()][1])
    for name in ("clone", "fork", "vfork", "prctl", "fcntl", "kill", "tgkill", "prlimit64", "sched_setaffinity"):
        numbers.pop(name, None)
    arguments = {"tkill": (1, 0), "rt_sigqueueinfo": (1, 0, 0)}
    cell = f"NUMBERS = {numbers!r}\nARGUMENTS = {arguments!r}\n"
    assert found_by(workshop, cell, probes.CALLS) == []


def test_two_submissions_leave_nothing_for_each_other(workshop):
    places = ["kept", "/tmp/kept", "/dev/shm/kept"]
    write = (
        f"for place in {places!r}:\n    try: open(place, 'w').write('x')\n    except OSError: pass\nfound = ['written']"
    )
    assert found_by(workshop, write) == ["written"]
    assert found_by(workshop, "np.kept = 1\nimport builtins\nbuiltins.kept = 1\nfound = []") == []
    look = f"import os, builtins\nfound = [place for place in {places!r} if os.path.exists(place)]"
    look += "\nfound += [str(module) for module in (np, builtins) if hasattr(module, 'kept')]"
    assert found_by(workshop, look) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give every submission its own user")
def test_every_submission_has_its_own_user(workshop):
    cell = "import os\nfound = [os.getuid(), os.geteuid(), os.getgid(), len(os.getgroups())]"
    first, second = found_by(workshop, cell), found_by(workshop, cell)
    assert first[0] == first[1] == first[2] >= 61_000
    assert first[3] == 0
    assert first[0] != second[0]


def test_nothing_shows_in_the_list_of_processes(workshop):
    command = [
        sys.executable,
        "-c",
        f"""
import sys, pathlib
from autograder.grading.run.session import Workshop
with Workshop({workshop.sandbox.split()[0]!r}) as w:
    own = w.server().trunk.process.pid
    print(*(pathlib.Path(f"/proc/{{own}}/{{part}}").read_bytes().decode() for part in ("environ", "cmdline")))
""",
    ]
    environment = {**os.environ, "A_SECRET_OF_THE_CALLER": "secret", "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "start.py" in shown
    assert "secret" not in shown
