"""torch in a process that grades: not imported before it is used, and then as everywhere."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from attnkit.checking.case import TensorValue
from attnkit.checking.execute import to_value
from attnkit.checking.probes import MixAndMap, NextTokenTable, StepTable
from autograder.paths import SOLUTIONS

RNG = np.random.default_rng(0)
MIX = MixAndMap(RNG.standard_normal((4, 4)), RNG.standard_normal((3, 2)))
STEP = StepTable(RNG.standard_normal((3, 3)), RNG.standard_normal((5, 3)), RNG.standard_normal((3, 5)))
TABLE = NextTokenTable(np.ones((3, 3)), np.ones((2, 3)), np.ones((4, 3)))


def said(code):
    """What a Python of its own prints, as JSON."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.strip().splitlines()[-1])


GRADED = ("01_bottleneck", "02_keys_queries_values", "03_scaling", "05_positions")


@pytest.fixture(scope="module")
def graded():
    """The solved notebooks, graded one after the other in one process: their points, and whether torch is there then."""
    paths = {notebook: str(SOLUTIONS / f"{notebook}.ipynb") for notebook in GRADED}
    return said(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from autograder.grading.run.job import Job, Setting\n"
        "from autograder.grading.run.pool import InProcess\n"
        f"jobs = [Job(i, name, Path(path).read_bytes()) for i, (name, path) in enumerate({paths!r}.items())]\n"
        "found = {job.notebook: [result.score, result.possible, 'torch._C' in sys.modules]\n"
        "         for job, result in InProcess(Setting()).run(jobs)}\n"
        "print(json.dumps(found))"
    )


@pytest.mark.parametrize("notebook", GRADED)
def test_right_answers_are_graded_without_it(notebook, graded):
    score, possible, there = graded[notebook]
    assert score == possible > 0
    assert not there


LATE = "import json, sys\nfrom autograder import late_torch\nlate_torch.install()\nimport torch\n"


@pytest.mark.parametrize(
    "use", ["torch.ones(1)", "from torch import nn", "import torch.nn.functional", "from torch.nn import functional"]
)
def test_it_is_the_real_one_when_it_is_used(use):
    late, kind, same, threads, first = said(
        f"{LATE}late = type(torch).__name__\n{use}\n"
        "import torch.nn.functional as F\n"
        "same = torch is sys.modules['torch'] and F is torch.nn.functional and F.__spec__.name == 'torch.nn.functional'\n"
        "print(json.dumps([late, type(torch).__name__, same, torch.get_num_threads(), torch.rand(1).item()]))"
    )
    torch.manual_seed(0)
    assert (late, kind, same, threads, first) == ("_Late", "module", True, 1, torch.rand(1).item())


STANDING_IN = {
    "torch/__init__.py": "RAN = ['torch']\nfrom torch import nn\ndef set_num_threads(count): pass\n"
    "class default_generator:\n    manual_seed = int\n",
    "torch/nn/__init__.py": "import torch\ntorch.RAN.append('nn')\nfrom . import functional\n",
    "torch/nn/functional.py": "import torch\ntorch.RAN.append('functional')\n",
    "torch/later.py": "import torch\ntorch.RAN.append('later')\n",
}


@pytest.mark.parametrize("first", ["torch.nn", "import torch.nn", "import torch.nn.functional", "import torch.later, torch.nn"])
def test_no_part_of_it_runs_twice(tmp_path, first):
    for name, text in STANDING_IN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = said(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{LATE}{first}\n"
        "import torch.nn.functional as F, torch.later\n"
        "names = [module.__spec__.name for module in (torch, torch.nn, F, torch.later)]\n"
        "print(json.dumps([torch.RAN, names, F is torch.nn.functional]))"
    )
    assert found == [
        ["torch", "nn", "functional", "later"],
        ["torch", "torch.nn", "torch.nn.functional", "torch.later"],
        True,
    ]


def test_one_that_is_there_is_left_alone():
    code = "import json, torch\nfrom autograder import late_torch\nlate_torch.install()\nprint(json.dumps(type(torch).__name__))"
    assert said(code) == "module"


def test_seeding_does_not_import_it():
    assert said(f"{LATE}late_torch.reseed()\nprint(json.dumps(type(torch).__name__))") == "_Late"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tables_answer_the_same_in_numpy(dtype):
    X = RNG.standard_normal((4, 3)).astype(dtype)
    tokens, h = np.array([0, 4]), RNG.standard_normal((2, 3)).astype(dtype)
    for callback, arguments in ((MIX, (X,)), (STEP, (tokens, h))):
        wanted = to_value(callback(*(torch.from_numpy(argument) for argument in arguments)))
        found = callback.in_numpy(*(TensorValue(argument, str(argument.dtype)) for argument in arguments))
        pair = zip(*(answer if isinstance(answer, tuple) else (answer,) for answer in (wanted, found)), strict=True)
        for one, other in pair:
            assert (one.dtype, one.data.dtype) == (other.dtype, other.data.dtype) == (dtype, np.dtype(dtype))
            np.testing.assert_allclose(one.data, other.data, rtol=1e-5 if dtype == "float32" else 1e-12)


def tensor(*shape, dtype="float32"):
    return TensorValue(np.ones(shape, dtype), dtype)


@pytest.mark.parametrize(
    ("callback", "arguments"),
    [
        (MIX, ()),
        (MIX, (tensor(4, 3), tensor(4, 3))),
        (MIX, (tensor(2, 4, 3),)),
        (MIX, (tensor(4, 3, dtype="int64"),)),
        (MIX, (np.ones((4, 3)),)),
        (STEP, (tensor(2, dtype="int64"),)),
        (STEP, (TensorValue(np.array([0, 5]), "int64"), tensor(2, 3))),
        (STEP, (TensorValue(np.array([0, -1]), "int64"), tensor(2, 3))),
        (STEP, (tensor(2), tensor(2, 3))),
        (STEP, (tensor(2, dtype="int64"), tensor(1, 3))),
        (TABLE, (tensor(1, 1, dtype="int64"), tensor(1, 1, dtype="int64"))),
    ],
)
def test_what_only_torch_can_say_is_left_to_it(callback, arguments):
    assert callback.in_numpy(*arguments) is NotImplemented
