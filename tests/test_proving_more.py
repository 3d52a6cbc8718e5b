"""The proof beyond the known mistakes: other seeds of the inputs, and the wrong answers that were written blind."""

import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from attnkit.checking import codec
from autograder.exercises import NOTEBOOKS, exercise_for, exercises_of
from autograder.judging.declare import other_draws
from autograder.judging.examine import targets_of
from autograder.proving.command import prove
from autograder.proving.corpus import STATES, corpus, rates, told_of, written
from autograder.proving.page import blind_section, with_blind, with_matrix
from autograder.proving.seeds import behaves_as, under_seed

torch.set_num_threads(1)
SEEDS = 50 if os.environ.get("EVERY_SEED") else 4  # fifty take some forty minutes; `autograder prove --seeds 50` is the same


def drawn(exercise):
    return [codec.dumps(list(exercise.draw(test))) for test in exercise.tests if test.judge is None]


def test_another_seed_draws_other_cases_and_gives_the_old_ones_back():
    exercise = exercise_for("q2_3")
    before = drawn(exercise)
    with other_draws(1):
        first = drawn(exercise)
    with other_draws(2):
        second = drawn(exercise)
    assert all(len({*three}) == 3 for three in zip(before, first, second, strict=True))
    assert drawn(exercise) == before


def test_a_right_answer_that_is_refused_under_another_seed_is_reported():
    exercise = exercise_for("q2_2")
    lucky = replace(exercise.variants[0], name="lucky", code=lambda q, K, V: (V[0], K[:, 0]))
    found = under_seed(replace(exercise, variants=(lucky,), mistakes=()), 1)
    assert {name for name, *_ in found.false_alarms} == {"lucky"}


def test_a_mistake_that_survives_another_seed_is_reported():
    exercise = exercise_for("q2_2")
    harmless = replace(exercise.mistakes[0], name="harmless", code=exercise.variants[0].code, switches={})
    assert under_seed(replace(exercise, mistakes=(harmless,)), 1).survivors == ("harmless",)


@pytest.mark.parametrize("question", ["q1_4", "q2_3", "q3_4", "q4_1", "q5_5", "q6_3"])
def test_a_few_exercises_hold_under_another_seed(question):
    found = under_seed(exercise_for(question), 1)
    assert (found.false_alarms, found.survivors) == ((), ())


@pytest.mark.slow
@pytest.mark.parametrize("number", NOTEBOOKS)
def test_every_exercise_holds_under_many_other_seeds(number):
    for exercise in exercises_of(number):
        for seed in range(1, SEEDS + 1):
            found = under_seed(exercise, seed)
            assert (exercise.number, seed, found.false_alarms, found.survivors) == (exercise.number, seed, (), ())


def test_behaviour_on_new_inputs_tells_a_mistake_from_its_look_alike():
    exercise = exercise_for("q2_2")
    scaled = next(mistake for mistake in exercise.mistakes if mistake.name == "scaled-already")

    def halved_where_d_k_is_4(q, K, V):
        scores = K @ q / (2 if len(q) == 4 else 1)
        weights = np.exp(scores - scores.max())
        return weights / weights.sum() @ V, weights / weights.sum()

    assert behaves_as(exercise, targets_of(exercise, (scaled,)), (scaled,))
    assert not behaves_as(exercise, {"attend": halved_where_d_k_is_4}, (scaled,))


def test_the_blind_corpus_is_judged_and_no_hidden_name_is_false():
    told = [told_of(*entry) for entry in islice(corpus("02"), 40)]
    counts = rates(told)
    assert counts["answers"] == 40 == sum(counts[state] for state in STATES)
    assert counts["false names"] == counts["public false names"] == 0
    assert counts["other numbers"] == 0
    page = with_blind("# matrix\n", blind_section({"02": told}))
    assert page.startswith("# matrix\n\n## Wrong answers written blind\n")
    assert f"| all | 40 | {counts['caught']} | {counts['named']} (" in page
    assert with_blind(page, blind_section({"02": told})) == page
    assert with_matrix(page, "# another\n") == page.replace("# matrix", "# another")


def test_every_blind_notebook_is_found():
    assert set(written()) <= set(NOTEBOOKS)
    assert "02" in written()


def test_the_command_prints_seeds():
    result = CliRunner().invoke(prove, ["02", "--seeds", "1"])
    assert result.exit_code == 0
    assert "0 of 35 right answers refused" in result.output or "right answers refused, 0 mistakes" in result.output
