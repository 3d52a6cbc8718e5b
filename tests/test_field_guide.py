"""The field guide: page, JSON, guesses and boxes say the same, and a real state dict is turned as notebook 5 says."""

import json
import re
import stat

import pytest
import torch

from autograder.building import wild
from autograder.exercises import NOTEBOOKS
from autograder.paths import ROOT, SOLUTIONS
from autograder.reference import nb05
from fieldguide import make

GUIDE = json.loads(make.NUMBERS.read_text(encoding="utf-8"))
FINDINGS = sorted((ROOT / "findings").glob("*.sh"))


def test_the_page_is_the_one_made_from_the_json():
    assert make.PAGE.read_text(encoding="utf-8") == make.page(GUIDE)


def test_versions_are_those_pinned():
    assert GUIDE["versions"] == make.pinned()


def test_the_table_is_as_large_as_promised_and_every_cell_has_its_row_and_column():
    table = make.load("table")
    assert set(GUIDE["cells"]) == set(table["rows"]) == set(table["absent"])
    used = {column for cells in GUIDE["cells"].values() for column in cells}
    assert used == set(table["columns"])
    assert len(GUIDE["cells"]) >= 12
    assert len(used) >= 10


def test_at_least_ten_rows_missed_and_the_guesses_are_those_of_the_file():
    guesses = make.load("guesses")
    for row, cells in GUIDE["cells"].items():
        assert {column: cell["guessed"] for column, cell in cells.items()} == {c: guesses[row].get(c) for c in cells}
    assert len(make.rows_missed(GUIDE)) >= 10


def test_a_right_guess_is_no_miss_and_no_guess_is_none():
    assert not make.missed({"found": "0", "guessed": "0"})
    assert not make.missed({"found": "0", "guessed": None})
    assert make.missed({"found": "0", "guessed": "NaN"})


@pytest.mark.parametrize("number", ["02", "03", "04", "05", "06"])
def test_every_box_is_short_and_filled_from_the_json(number):
    text = (SOLUTIONS / f"{NOTEBOOKS[number]}.py").read_text(encoding="utf-8")
    boxes = re.findall(r"(?:^# > .*\n)+", text, flags=re.M)
    wanted = [box for box in boxes if "Out in the wild" in box]
    assert wanted
    for box in wanted:
        assert box.count("\n") <= 5
        assert "{{guide:" in box
        assert "{{" not in wild.fill(box)


def test_a_box_that_asks_for_a_cell_that_is_not_there_is_told_so():
    with pytest.raises(wild.UnknownCellError, match="no cell jax/weather"):
        wild.fill("It is {{guide:jax/weather}}.")


def test_no_version_is_typed_in_a_box():
    for number in ("02", "03", "04", "05", "06"):
        for line in (SOLUTIONS / f"{NOTEBOOKS[number]}.py").read_text(encoding="utf-8").splitlines():
            if line.startswith("# >"):
                assert not re.search(r"\d+\.\d+\.\d+", line)


def test_the_two_lines_of_notebook_5_turn_half_split_projections_into_neighbours():
    torch.manual_seed(0)
    H, d, T = 3, 8, 5
    weight, x = torch.randn(H * d, 12, dtype=torch.float64), torch.randn(T, 12, dtype=torch.float64)
    W = weight.unflatten(0, (H, 2, d // 2))
    W_q = W.transpose(1, 2).flatten(0, 2)
    angle = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    half = (x @ weight.T).unflatten(-1, (H, d)).transpose(0, 1)
    first, second = half.chunk(2, -1)
    theirs = torch.cat((first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()), -1)
    ours = (x @ W_q.T).unflatten(-1, (H, d)).transpose(0, 1).numpy()
    turned = torch.as_tensor(nb05.rope_rotate(ours, torch.arange(T).numpy()))
    assert torch.allclose(turned @ turned.mT, theirs @ theirs.mT, atol=1e-10)
    assert not torch.allclose(turned, theirs)


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_states_its_guess_pins_what_it_installs_and_cleans_up(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash")
    assert text.index("# Guess") < text.index("pip")
    assert "trap 'rm -rf" in text
    assert "\nassert " in text
    for line in text.splitlines():
        if "pip" in line and "install" in line:
            assert all("==" in word for word in line.split("--quiet ")[1].split())
    assert path.stat().st_mode & stat.S_IXUSR
