"""The benchmarks measure what they say: tiny classes, made-up costs, and no assertion about a time."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from fakes import FakeWorkshop
from nbformat.v4 import new_code_cell

from attnkit.checking import public
from attnkit.checking.relations import explain
from autograder.building.master import tags_of
from autograder.grading.course import Course
from autograder.grading.find.notebook import identify
from autograder.grading.run.job import Job, Setting
from autograder.paths import ROOT
from benchmarks import compare as comparison
from benchmarks import coordinator, scale, training
from benchmarks.__main__ import main
from benchmarks.checks import checks
from benchmarks.finale import finale_cells, with_seed
from benchmarks.graders import FLOOR, OTTER, OURS, Grader, _test_cells
from benchmarks.growth import Taken, _summary
from benchmarks.hand_ins import NOTEBOOK, STUDENTS, course_notebook, graded_cells, make_class
from benchmarks.measure import CommandError, Cost, measure
from benchmarks.replayed import Replayed
from benchmarks.table import Table


def test_every_hand_in_is_a_file_of_its_own_and_is_recognised(tmp_path):
    hand_ins = make_class(tmp_path, 2 * len(STUDENTS) + 1)
    contents = [hand_in.path.read_bytes() for hand_in in hand_ins]
    assert len(set(contents)) == len(hand_ins) == len({hand_in.student for hand_in in hand_ins})
    assert {identify(content, Course.load()).notebook for content in contents} == {NOTEBOOK}


def test_a_copy_differs_from_its_sample_in_one_comment(tmp_path):
    first, *_, again = make_class(tmp_path, len(STUDENTS) + 1)
    pairs = zip(graded_cells(first.path), graded_cells(again.path), strict=True)
    (changed,) = [(one, other) for one, other in pairs if one != other]
    assert [text.rpartition("\n")[2] for text in changed] == ["# hand-in 0", f"# hand-in {len(STUDENTS)}"]


def test_grandchildren_are_counted(tmp_path):
    busy = "import time\nwhile time.process_time() < .3: pass"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    cost, _ = measure([sys.executable, "-c", program], tmp_path)
    assert cost.cpu >= 0.3


def test_what_stays_from_before_a_command_is_not_waited_for(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        _, said = measure([sys.executable, "-c", "print('done')"], tmp_path)
        assert (said, other.poll()) == ("done\n", None)
        other.communicate()


def test_what_a_command_leaves_behind_is_waited_for_and_counted(tmp_path):
    busy = "import time\nwhile time.process_time() < .3: pass"
    leaves = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}])"
    measured = (
        "import sys; from pathlib import Path; from benchmarks.measure import adopt_orphans, measure\n"
        f"adopt_orphans(); print(measure([sys.executable, '-c', {leaves!r}], Path('.'))[0].cpu)"
    )
    _, said = measure([sys.executable, "-c", measured], ROOT)
    assert float(said) >= 0.3


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(CommandError, match="no such thing"):
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


def test_memory_is_the_most_there_was(tmp_path):
    block = "block = bytearray(b'x') * (150 * 2**20); del block"
    program = f"{block}\nfrom benchmarks.measure import peak_megabytes\nprint(peak_megabytes())"
    _, said = measure([sys.executable, "-c", program], ROOT)
    assert 150 <= float(said) < 300


def test_nbgrader_gets_every_point_of_the_course():
    points = sum(cell.metadata["nbgrader"]["points"] for cell in _test_cells())
    assert points == course_notebook().points


def contender(name, few, many, start, each, score=1.0):
    """A grader that costs exactly what it is told to."""

    def run(hand_ins, folder):
        cpu = start + each * len(hand_ins)
        return Cost(cpu, 2 * cpu), {hand_in.student: score for hand_in in hand_ins}

    return Grader(name, run, few, many)


def tables(*contenders):
    cost, ratios = comparison.compare(2, 8, lambda text: None, list(contenders))
    return {row[0]: row[1:] for row in cost.rows}, {row[0]: row[1:] for row in ratios.rows}, cost.notes[-1]


def test_start_and_work_are_told_apart():
    cost, ratios, notes = tables(
        contender(OTTER, 0, 4, 0.0, 6.0), contender(OURS, 4, 8, 5.0, 0.15), contender(FLOOR, 4, 8, 3.0, 0.1)
    )
    assert cost[OURS][:4] == ("0.150", "0.300", "5.0", "10.0")
    assert cost[OURS][4] == f"{5.0 / 8 + 0.15:.3f}"
    assert ratios["otter run ÷ this grader"] == ("40.0", "≥ 110", "not yet")
    assert ratios["otter run ÷ this grader, start counted"] == (f"{6.0 / (5.0 / 8 + 0.15):.1f}", "≥ 85", "not yet")
    assert ratios["this grader ÷ the floor"] == ("1.50", "≤ 0.9", "not yet")
    assert "the same scores" in notes
    assert "NOT" not in notes


def test_different_scores_are_not_hidden():
    _, _, notes = tables(contender(OURS, 4, 8, 5.0, 0.15), contender(FLOOR, 4, 8, 3.0, 0.1, score=2.0))
    assert "do NOT give the same scores" in notes


def test_a_grader_that_cannot_run_is_named_and_not_guessed():
    def broken(hand_ins, folder):
        raise CommandError("no kernel")

    cost, ratios, _ = tables(Grader("nbgrader", broken, 1, 4), contender(OURS, 4, 8, 5.0, 0.15))
    assert cost["nbgrader"] == ("–", "–", "–", "–", "–", "–", "failed: no kernel")
    assert ratios == {}


def test_growth_is_held_against_what_was_wanted():
    small, large = (
        Taken(size, Cost(1, 1), each, 1, 1, peak) for size, each, peak in ((100, 0.1, 60), (5000, 0.12, 80))
    )
    rows = {row[0]: row[1:] for row in _summary([small, large], Taken(5000, Cost(1, 11), 0, 1, 1, 1)).rows}
    assert rows["time per submission"] == ("+20.0%", "within 10%", "not yet")
    assert rows["memory of the coordinator"] == ("+20.0 MB", "within 30 MB", "yes")
    assert rows["5,000 unchanged, again"][2] == "not yet"


def test_a_replayed_class_has_the_results_of_the_few_that_were_graded(tmp_path):
    hand_ins = make_class(tmp_path, len(STUDENTS) + 2)
    pool = Replayed(Setting(workshop=FakeWorkshop))
    jobs = [Job(number, NOTEBOOK, hand_in.path.read_bytes()) for number, hand_in in enumerate(hand_ins)]
    results = [result for _, result in pool.run(jobs)]
    assert len(pool.known) == len(STUDENTS)
    assert results[4:] == results[:2]
    assert results[0].score == course_notebook().points > results[2].score
    spent = pool.grading
    assert spent > 0
    assert [result for _, result in pool.run(jobs)] == results
    assert pool.grading == spent, "nothing was graded again"


def test_what_real_gradings_take_is_not_the_coordinators_own(monkeypatch):
    clock, aside = iter(range(0, 1000, 10)), iter([0] * 10 + [50] * 10)
    monkeypatch.setattr(coordinator.time, "process_time", lambda: next(clock) + (50 if watch.recorded[10:] else 0))
    watch = coordinator.Stopwatch(lambda: next(aside))
    for _ in range(20):
        watch.graded(None, None)
    assert watch.own_each() == 10


def test_a_very_large_class_is_held_against_what_was_wanted():
    table = scale._alone([scale.Coordinated(100, 0.002, 40.0, 1.0), scale.Coordinated(20_000, 0.0022, 60.0, 50.0)])
    assert "+10.0% each, wanted within 5%, met: not yet; +20.0 MB, wanted within 30 MB, met: yes" in table.notes[-1]
    table = scale._with_workers([scale.OnWorkers(1, 0.004, 0.006)], [scale.Killed(2, 0, 0), scale.Killed(4, 1, 0)])
    assert "2 and one of 4 workers killed" in table.notes[1]
    assert "1 hand-ins lost, 0 there twice" in table.notes[1]
    assert "pass on 100 hand-ins a second" in table.notes[2]


def test_training_is_held_against_before_and_against_the_library():
    costs = {training.TODAY: (2000, 0.03), training.LIBRARY: (2000, 0.04), training.THEN: (2400, 0.04)}
    table = training._table({name: {"steps": steps, "each": each} for name, (steps, each) in costs.items()}, 1)
    assert table.rows[2][1:] == ("2400", "40.0", "96", "1.60")
    assert table.notes[1:] == [
        "Of `nn.Transformer`: 0.75, wanted ≤ 1.0, met: yes.",
        f"Of {training.BEFORE}: 0.62, wanted ≤ 0.6, met: not yet.",
    ]


def test_checks_cover_every_built_question():
    table, wrong = checks(1, lambda text: None, every=40)
    counted = {row[0]: int(row[1]) for row in table.rows}
    assert counted == {name: len(notebook.questions) for name, notebook in Course.load().notebooks.items()}
    assert [row[0] for row in wrong.rows] == list(counted)
    assert all(0 <= int(row[4]) <= int(row[1]) for row in wrong.rows)
    assert sum(int(row[4]) for row in wrong.rows) > 5
    assert public.explain is explain  # put back


def test_the_page_holds_tables_machine_and_command(tmp_path, monkeypatch):
    shown = Table("Made up", ("thing", "s"), [("a | b", "1.0")], ["A note."])
    monkeypatch.setattr("benchmarks.__main__.checks", lambda rounds, tell: [shown])
    page = tmp_path / "page.md"
    result = CliRunner().invoke(main, ["checks", "--page", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert "| thing | s |\n| :-- | --: |\n| a \\| b | 1.0 |\n\nA note." in text
    assert all(fact in text for fact in ("* processor: ", "* command: python -m benchmarks", "* date: 20"))


@pytest.mark.slow
def test_the_floor_gives_the_scores_of_the_sample_class(tmp_path):
    hand_ins = make_class(tmp_path, len(STUDENTS))
    _, said = measure([sys.executable, "-m", "benchmarks.floor", *(one.path for one in hand_ins)], ROOT)
    scores = json.loads(said.strip().splitlines()[-1])
    points = course_notebook().points
    right, wrong = list(scores.values())[:2], list(scores.values())[2:]
    assert right == [points, points]
    assert all(0 < score < points for score in wrong)


def test_the_finale_with_another_seed_runs_on_behind_a_claim_that_fails():
    assert any("\nSEED = 0" in cell.source for cell in finale_cells())
    assert sum("claim" in tags_of(cell) for cell in finale_cells()) > 5
    claim = new_code_cell("assert SEED == 0\nafter = SEED", metadata={"tags": ["claim"]})
    names, failed = with_seed(3, [new_code_cell("SEED = 0\nfound = SEED"), claim])
    assert (names["found"], names["after"], failed) == (3, 3, ["SEED == 0"])
