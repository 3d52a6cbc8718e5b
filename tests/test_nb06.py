"""Notebook 6's references held against torch's own operators, and its stand-ins against the checks they must not pass."""

from __future__ import annotations

import itertools
import math
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from attnkit import plots, standins, training
from attnkit.maps import collected_weights
from autograder.building.execute import execute_notebook
from autograder.building.master import question_of, read_master, tags_of, without_markers
from autograder.exercises import exercise_for
from autograder.exercises.nb06_masking_and_teacher_forcing.block_family import Heads, block_state
from autograder.exercises.nb06_masking_and_teacher_forcing.q6_5_teacher_forcing_loss import table_model
from autograder.exercises.nb06_masking_and_teacher_forcing.q6_8_step_with_cache import step_grouped
from autograder.exercises.nb06_masking_and_teacher_forcing.q6_9_loss_floor import chain, two_camps
from autograder.judging.examine import Examination, as_targets
from autograder.paths import NOTEBOOKS
from autograder.reference import nb06 as reference


@pytest.mark.parametrize(("T", "S"), [(4, 4), (1, 3), (3, 5)])
def test_causal_mask_is_the_end_of_torchs_square_one(T: int, S: int) -> None:
    square = nn.Transformer.generate_square_subsequent_mask(S)
    assert np.array_equal(reference.causal_mask(T, S), reference.from_additive(square[S - T :].numpy()))


def test_cross_entropy_is_torchs_own() -> None:
    rng = np.random.default_rng(1)
    logits, y = 5 * rng.standard_normal((3, 4, 6)), rng.integers(0, 6, size=(3, 4))
    y[0, 2:] = y[2, 1:] = -100
    wanted = nn.functional.cross_entropy(torch.tensor(logits).flatten(0, 1), torch.tensor(y).flatten())
    assert float(reference.cross_entropy(logits, y, -100)) == pytest.approx(wanted.item())


def test_teacher_forcing_gradient_is_autograds() -> None:
    rng = np.random.default_rng(2)
    logits, tgt = rng.standard_normal((2, 3, 5)), np.array([[3, 4, 2], [3, 2, 0]])
    leaf = torch.tensor(logits, requires_grad=True)
    nn.functional.cross_entropy(leaf.flatten(0, 1), torch.tensor(tgt).flatten(), ignore_index=0).backward()
    found = reference.teacher_forcing_gradient(lambda src, tgt_in: logits, np.zeros((2, 1)), tgt, 1, 0)
    assert leaf.grad is not None
    np.testing.assert_allclose(found, leaf.grad.numpy(), atol=1e-12)


def test_cached_steps_are_torchs_causal_attention() -> None:
    rng = np.random.default_rng(3)
    X, W_q, W_k, W_v = (rng.standard_normal(shape) for shape in ((2, 5, 4), (4, 3), (4, 3), (4, 2)))
    Q, K, V = (torch.tensor(X @ W) for W in (W_q, W_k, W_v))
    wanted = nn.functional.scaled_dot_product_attention(Q, K, V, is_causal=True).numpy()
    cache = None
    for t in range(5):
        output, cache = reference.step_with_cache(X[:, t : t + 1], cache, W_q, W_k, W_v)
        np.testing.assert_allclose(output[:, 0], wanted[:, t], atol=1e-12)


@pytest.mark.parametrize("P", [chain(np.random.default_rng(4), 6), two_camps(np.random.default_rng(5), 2, 3)])
def test_loss_floor_is_what_long_walks_cost(P: np.ndarray) -> None:
    values, vectors = np.linalg.eig(P.T)
    pi = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    entropies = -np.sum(P * np.log(np.where(P > 0, P, 1.0)), axis=1)
    assert reference.loss_floor(P) == pytest.approx(float(pi / pi.sum() @ entropies))
    assert standins.counted_floor(torch.tensor(P)) == pytest.approx(reference.loss_floor(P), abs=0.02)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 5), (2, 1, 1)])
def test_layer_norm_is_torchs_own(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(8)
    x, gain, bias = 3 * rng.standard_normal(shape) + 2, rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])
    wanted = nn.functional.layer_norm(*(torch.tensor(x), shape[-1:], torch.tensor(gain), torch.tensor(bias)), eps=0.01)
    np.testing.assert_allclose(reference.normed(x, gain, bias, 0.01), wanted.numpy(), atol=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_label_smoothed_loss_is_torchs_own(epsilon: float) -> None:
    rng = np.random.default_rng(9)
    logits, y = 5 * rng.standard_normal((3, 4, 6)), rng.integers(0, 6, size=(3, 4))
    y[0, 2:] = y[2, 1:] = -100
    flat = torch.tensor(logits).flatten(0, 1), torch.tensor(y).flatten()
    wanted = nn.functional.cross_entropy(*flat, ignore_index=-100, label_smoothing=epsilon)
    assert float(reference.label_smoothed_loss(logits, y, epsilon, -100)) == pytest.approx(wanted.item())


def test_a_beam_of_width_1_is_greedy_and_a_wide_one_finds_the_best_sentence_of_all() -> None:
    model = table_model(np.random.default_rng(10), 6, 3, 5, scale=1.5)
    model.token[:, [0, 1]] = -50.0  # neither pad nor bos comes
    src = np.array([[0], [1], [2]])
    np.testing.assert_array_equal(
        reference.beam_search(model, src, 1, 2, 0, 1, 5), reference.generate(model, src, 1, 2, 0, 5)
    )
    found = reference.beam_search(model, src, 1, 2, 0, 10_000, 4, 0.7)
    for b in range(3):
        best = max(sentences_up_to(4), key=lambda words: mean_log_p(model, src[b : b + 1], words, 0.7))
        assert tuple(word for word in found[b] if word) == best


def sentences_up_to(longest: int) -> list[tuple[int, ...]]:
    """Every sentence of the words 3, 4 and 5 with eos, and those of the greatest length without it."""
    opened = [words for n in range(longest) for words in itertools.product((3, 4, 5), repeat=n)]
    return [(*words, 2) for words in opened] + list(itertools.product((3, 4, 5), repeat=longest))


def mean_log_p(model: Any, src: np.ndarray, words: tuple[int, ...], penalty: float) -> float:
    logits = torch.from_numpy(model(src, np.array([[1, *words[:-1]]]))[0])
    return float(logits.log_softmax(-1)[torch.arange(len(words)), list(words)].sum()) / len(words) ** penalty


def test_block_is_torchs_pre_norm_encoder_layer() -> None:
    state = block_state(np.random.default_rng(6), 6, 5, False)
    layer = nn.TransformerEncoderLayer(6, 2, 5, 0.0, batch_first=True, norm_first=True, dtype=torch.float64).eval()
    own = {name: torch.tensor(array) for name, array in state.items()}
    projections = torch.cat([own[f"self_attention.{W}.weight"] for W in ("W_q", "W_k", "W_v")])
    layer.load_state_dict({
        "self_attn.in_proj_weight": projections, "self_attn.in_proj_bias": torch.zeros(18),
        "self_attn.out_proj.weight": own["self_attention.W_o.weight"], "self_attn.out_proj.bias": torch.zeros(6),
        "linear1.weight": own["feed_forward.0.weight"], "linear1.bias": own["feed_forward.0.bias"],
        "linear2.weight": own["feed_forward.2.weight"], "linear2.bias": own["feed_forward.2.bias"],
        "norm1.weight": own["norm_self.weight"], "norm1.bias": own["norm_self.bias"],
        "norm2.weight": own["norm_feed_forward.weight"], "norm2.bias": own["norm_feed_forward.bias"],
    })  # fmt: skip
    x = np.random.default_rng(7).standard_normal((2, 4, 6))
    later = nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
    wanted = layer(torch.tensor(x), src_mask=later).detach().numpy()
    found = reference.transformer_block(state, (6, 2, 5), x, self_mask=reference.causal_mask(4))
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_library_attention_agrees_with_heads_and_gives_zeros_where_nothing_is_allowed() -> None:
    torch.manual_seed(0)
    library, heads = standins.LibraryAttention(6, 3).double().eval(), Heads(6, 3).double()
    heads.load_state_dict(library.state_dict())
    mask = torch.rand(2, 1, 4, 5) > 0.5
    mask[0, 0, 1] = False
    x, memory = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True), torch.randn(2, 5, 6, dtype=torch.float64)
    (output, weights), (wanted, wanted_weights) = library(x, memory, mask), heads(x, memory, mask)
    torch.testing.assert_close(output, wanted)
    torch.testing.assert_close(weights, wanted_weights)
    output.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    assert not output[0, 1].any()


def to_the_left(y: torch.Tensor, bos: int) -> torch.Tensor:
    return torch.cat([y[:, 1:], torch.full_like(y[:, :1], bos)], 1)


@pytest.mark.parametrize(
    ("question", "code", "name", "where"),
    [
        ("q6_1", lambda T, S=None: tril(T, S), "aligned-left", "step 2 of the stub"),
        ("q6_3", to_the_left, "shifted-left", "the table above the stub"),
        ("q6_9", lambda P: float(torch.special.entr(P).sum(1).mean()), "all-states-alike", "step 2 of the stub"),
    ],
)
def test_a_hint_leads_to_the_place_of_the_mistake(question: str, code: Any, name: str, where: str) -> None:
    exercise = exercise_for(question)
    examination = Examination(exercise, as_targets(exercise, code))
    reports = [report for test in exercise.tests if (report := examination.verdict(test))]
    assert {(report.mistake, report.look_at) for report in reports} == {(name, where)}


def tril(T: int, S: int | None = None) -> torch.Tensor:
    """A lower triangle at the upper left, as tril() without its second argument gives."""
    if S is not None and S < T:
        raise ValueError("too few positions")
    return torch.ones(T, S or T).tril().bool()


def test_a_cache_of_the_wrong_shape_is_told_by_its_part() -> None:
    def keys_without_their_batch(x_t: Any, cache: Any, W_q: Any, W_k: Any, W_v: Any) -> Any:
        output, (K, V) = step_grouped(x_t, cache, W_q, W_k, W_v)
        return output, (K[0], V)

    exercise = exercise_for("q6_8")
    examination = Examination(exercise, as_targets(exercise, keys_without_their_batch))
    report = examination.verdict(exercise.tests[1])
    assert report is not None
    assert report.problem == "the K of the cache has the wrong shape"
    assert report.expected == "(B, n+1, d_k)" != report.found


@pytest.mark.parametrize("question", ["q6_6", "q6_16"])
def test_sources_are_longer_than_the_batch(question: str) -> None:
    """One of length 1 would hide a size that is read off the wrong axis of src."""
    exercise = exercise_for(question)
    drawn = [case for test in exercise.tests for case in exercise.draw(test) if not case.raises and case.sizes["B"] > 1]
    assert len(drawn) > 3
    assert all(case.args[1].shape[1] > len(case.args[1]) for case in drawn)


def test_a_batch_that_is_read_off_the_length_of_the_sources_is_caught() -> None:
    exercise = exercise_for("q6_6")
    right = exercise.variants[-1].code
    assert callable(right)

    def by_the_length(model: Any, src: Any, *rest: Any) -> Any:
        ended = torch.zeros(src.shape[-1], dtype=torch.bool) | torch.zeros(len(src), dtype=torch.bool)
        return right(model, src, *rest) if len(ended) else None

    examination = Examination(exercise, as_targets(exercise, by_the_length))
    assert any(examination.verdict(test) for test in exercise.tests)


STAND_INS = {
    "q6_1": nn.Transformer.generate_square_subsequent_mask,
    "q6_4": standins.library_cross_entropy,
    "q6_5": standins.library_loss,
    "q6_6": standins.library_generate,
    "q6_7": standins.library_sample,
    "q6_8": standins.library_step,
    "q6_9": standins.counted_floor,
    "q6_12": standins.LibraryTransformer,
    "q4_3": standins.LibraryAttention,
}


@pytest.mark.parametrize("question", STAND_INS)
def test_no_stand_in_answers_an_exercise(question: str) -> None:
    exercise = exercise_for(question)
    examination = Examination(exercise, as_targets(exercise, STAND_INS[question]))
    assert any(examination.verdict(test) for test in exercise.tests)


def test_instead_of_notices_a_blank(capsys: pytest.CaptureFixture[str]) -> None:
    def blank() -> Any:
        raise NotImplementedError("Exercise 6.1: causal_mask is not written yet")

    def finished() -> int:
        return 1

    class Half(nn.Module):
        def forward(self) -> Any:
            raise NotImplementedError("Exercise 6.11: TransformerBlock is not written yet")

    assert standins.unfinished(blank, finished, Half) == ["blank", "Half"]
    assert standins.instead_of(finished, use=blank, says="nothing") is finished
    assert standins.finished(finished)
    assert not standins.finished(finished, blank)
    assert standins.instead_of(finished, Half, use=len, says="torch's own") is len
    assert "Half: not finished yet, so torch's own stands in" in capsys.readouterr().out


def test_collected_weights_finds_every_attention_module() -> None:
    model = nn.ModuleDict({"one": Heads(4, 2), "other": nn.Linear(4, 4)})
    with collected_weights(model) as weights:
        model["one"](torch.randn(1, 3, 4))
        model["other"](torch.randn(1, 3, 4))
    assert {name: tuple(found.shape) for name, found in weights.items()} == {"one": (1, 2, 3, 3)}
    model["one"](torch.randn(2, 3, 4))
    assert weights["one"].shape[0] == 1


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """The answers of the solved notebook 6, by name."""
    env: dict[str, Any] = {"math": math, "torch": torch, "nn": nn, "F": nn.functional}
    for cell in read_master("06").notebook.cells:
        pasted = {"setup", "explanation"} <= tags_of(cell) and cell.cell_type == "code"
        if question_of(cell) or pasted:
            exec(without_markers(cell.source), env)
    return env


def on_meta(*sizes: int, whole: bool = False) -> torch.Tensor:
    """A tensor on torch's meta device, where an operation with a tensor from elsewhere is an error."""
    return torch.ones(*sizes, dtype=torch.int64 if whole else torch.float32, device="meta")


def test_every_answer_follows_its_inputs_to_their_device(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: False)  # meta tensors hold no values to ask for
    monkeypatch.setattr(torch.Tensor, "__index__", lambda self: 3)
    X, (W_q, W_k, W_v) = on_meta(2, 1, 8), [on_meta(8, 8) for _ in range(3)]
    ids, logits = on_meta(2, 5, whole=True), on_meta(2, 5, 9)
    model = answers["Seq2SeqTransformer"](9, 9, 8, 2, 1, 16).to("meta")
    found = {
        "combine_masks": answers["combine_masks"](answers["causal_mask"](5), ids == 1),
        "shift_right": answers["shift_right"](ids, 1),
        "cross_entropy": answers["cross_entropy"](logits, ids, 0),
        "sample": answers["sample"](logits[:, 0], 0.5, 3),
        "step_with_cache": answers["step_with_cache"](X, (X, X), W_q, W_k, W_v)[1][0],
        "layer_norm": answers["layer_norm"](X, X[0, 0], X[0, 0]),
        "llama_attention": answers["llama_attention"](on_meta(2, 5, 8), W_q, W_k, W_v, on_meta(8, 8), 2, 2, 3),
        "label_smoothed_loss": answers["label_smoothed_loss"](logits, ids, 0.1, 0),
        "nucleus": answers["nucleus"](logits, 0.9),
        "training": answers["teacher_forcing_loss"](model.train(), ids, ids, 1, 0),
        "evaluation": answers["teacher_forcing_loss"](model.eval(), ids, ids, 1, 0),
        "generate": answers["generate"](model, ids, 1, 2, 0, 3),
        "beam_search": answers["beam_search"](model, ids, 1, 2, 0, 2, 3),
    }
    assert {name: value.device.type for name, value in found.items()} == dict.fromkeys(found, "meta")
    with pytest.raises(NotImplementedError, match="lstsq"):  # the solver has no meta form; what it is given is there
        answers["loss_floor"](on_meta(3, 3))


def test_the_pasted_attention_gives_the_same_outputs_while_it_trains(answers: dict[str, Any]) -> None:
    torch.manual_seed(0)
    attention, x = answers["MultiHeadAttention"](8, 2), torch.randn(2, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    (fused, nothing), (output, weights) = attention.train()(x, mask=mask), attention.eval()(x, mask=mask)
    torch.testing.assert_close(fused, output)
    assert nothing is None
    assert weights.shape == (2, 2, 4, 4)


def test_exact_probabilities_are_those_that_torch_draws_from() -> None:
    logits = torch.tensor([0.5, 2.0, -1.0, 1.0])
    torch.testing.assert_close(standins.exact_probabilities(logits, 2.0, 4), (logits / 2).softmax(0))
    cut = standins.exact_probabilities(logits, 1.0, 2)
    torch.testing.assert_close(cut[[1, 3]], logits[[1, 3]].softmax(0))
    assert cut[[0, 2]].tolist() == [0, 0]
    assert standins.exact_probabilities(logits, 0.0, 4).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("fused", [False, True])
def test_a_schedule_sets_every_rate_and_counts_from_one(fused: bool) -> None:
    torch.manual_seed(0)
    model, steps = nn.Linear(2, 1), []

    def schedule(step: int) -> float:
        steps.append(step)
        return 0.1 if step == 2 else 0.0

    before = model.weight.detach().clone()
    history = training.train(model, lambda: model(torch.ones(1, 2)).sum(), 3, schedule=schedule, fused=fused, quiet=True)
    assert steps == [1, 2, 3]
    assert history[0] == history[1] > history[2]  # only step 2 moved anything
    torch.testing.assert_close(model.weight, before - 0.1, atol=1e-4, rtol=0)


def test_maps_of_different_sizes_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(plots, "show", lambda figure, description: shown.append(figure))
    maps = [(np.eye(2), ["a", "b"], ["c", "d"]), (np.ones((3, 2)), ["a", "b", "c"], ["d", "e"])]
    plots.show_maps(maps, "two maps", ["left", "right"], query_label="written", key_label="read")
    panels = shown[0].axes[:2]
    assert [panel.get_title(loc="left") or panel.get_title() for panel in panels] == ["left", "right"]
    words = [[tick.get_text() for tick in panel.get_yticklabels()] for panel in panels]
    assert words == [["a", "b"], ["a", "b", "c"]]


TWO_STEPS = """
def train(model, loss, steps, **options):
    return attnkit.training.train(model, loss, 2, quiet=True) * (steps // 2)
"""


@pytest.mark.slow
def test_the_blank_notebook_runs_to_its_end_and_says_what_stands_in() -> None:
    notebook = nbformat.read(NOTEBOOKS / "06_masking_and_teacher_forcing.ipynb", as_version=4)
    setup = next(place for place, cell in enumerate(notebook.cells) if "setup" in cell.metadata.get("tags", ()))
    notebook.cells.insert(setup + 1, nbformat.v4.new_code_cell(TWO_STEPS))  # trained models are for the solved notebook
    notebook, _ = execute_notebook(notebook)
    streams = [o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "stream"]
    said = "".join(streams)
    assert "causal_mask: not finished yet. Run this cell again when it is." in said
    assert "not finished yet, so torch's nn.Transformer stands in here." in said
    assert "Finish 6.11 and 6.12 to see where your heads look in these sentences." in said
    assert "beam_search, nucleus: not finished yet." in said
    assert "warm_up_then_decay, TransformerBlock, causal_mask: not finished yet." in said
    assert "llama_attention: not finished yet." in said
