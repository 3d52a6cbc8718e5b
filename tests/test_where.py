"""Checks fail nobody for where a tensor lives; what would fail on a GPU is found without one; rounding is called rounding."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from attnkit import standins, training
from attnkit.checking import Case, TensorValue, execute
from attnkit.checking.ambient import disturbances, kinds_of_device, matmul_precision, settled
from attnkit.checking.compare import compare
from attnkit.checking.message import CheckFailed
from attnkit.checking.public import advice, check, load_numbers
from attnkit.checking.where import Track
from attnkit.grader import Grader
from autograder.exercises import NOTEBOOKS, exercises_of
from benchmarks import devices, elsewhere

X = np.arange(12.0).reshape(4, 3)


class Positions(nn.Module):
    """A table that moves with the module, and one that does not."""

    def __init__(self, moves):
        super().__init__()
        table = torch.arange(12.0).reshape(4, 3)
        if moves:
            self.register_buffer("table", table)
        else:
            self.table = table

    def forward(self, x):
        return x + self.table


MEETS = {
    "positions added": (lambda x: x + torch.arange(x.shape[-1]), "arange"),
    "a mask": (lambda x: x.masked_fill(torch.ones(4, 3, dtype=torch.bool).tril(), 0.0), "ones"),
    "through other functions": (lambda x: x * torch.zeros(3).exp().sqrt()[None], "zeros"),
    "in a list": (lambda x: torch.cat([x, torch.full((1, 3), 2.0)]), "full"),
    "from numbers": (lambda x: x @ torch.tensor([1.0, 2.0, 3.0]).double(), "tensor"),
    "said to be on the CPU": (lambda x: x + torch.rand(3, device="cpu"), "rand"),
    "a change of type is no move": (lambda x: x + torch.arange(3).to(torch.float64), "arange"),
}
FITS = {
    "the argument's device": lambda x: x + torch.arange(3, device=x.device),
    "moved afterwards": lambda x: x + torch.arange(3).to(x.device),
    "moved to another tensor's place": lambda x: x + torch.arange(3).to(x),
    "made like it": lambda x: x + torch.zeros_like(x) + x.new_ones(3),
    "a single number": lambda x: x * torch.tensor(2.0),
    "an index": lambda x: x[torch.arange(2)],
    "never meets it": lambda x: (x.sum(), torch.eye(3).sum(0)),
    "filled in": lambda x: torch.zeros_like(x).copy_(torch.arange(12.0).reshape(4, 3)),
}


def met(target, case=None):
    track = Track()
    outcome = execute(target, case or Case(args=(X,)), track)
    assert outcome.failure is None, outcome.failure
    return track.met


@pytest.mark.parametrize("name", MEETS)
def test_a_tensor_made_without_a_device_that_meets_an_argument_is_found(name):
    function, maker = MEETS[name]
    assert met(function) == maker


@pytest.mark.parametrize("name", FITS)
def test_what_runs_on_a_gpu_is_left_alone(name):
    assert met(FITS[name]) == ""


def test_what_a_generator_draws_lies_where_it_is_told_to():
    generator = torch.Generator()  # without a device the draw lies on the CPU, and a generator of a GPU is refused
    assert met(lambda x: x + torch.rand(3, generator=generator)) == "rand"
    assert met(lambda x: x + torch.rand(3, generator=generator, device=generator.device).to(x.device)) == ""


@pytest.mark.parametrize("moves", [True, False])
def test_a_buffer_goes_where_the_module_goes_and_an_attribute_does_not(moves):
    case = Case(args=(X,), init=(moves,))
    assert met(Positions, case) == ("" if moves else "arange")


def rope(x, positions, base=10000.0, device=None):
    d = x.shape[-1]
    if d % 2:
        raise ValueError("pairs need an even number of features")
    angles = positions[:, None] * base ** (-torch.arange(0, d, 2, device=device) / d)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([even * angles.cos() - odd * angles.sin(), even * angles.sin() + odd * angles.cos()], dim=-1)
    return turned.flatten(-2).to(x.dtype)


def test_it_is_advice_and_no_points_depend_on_it():
    here = Grader("05_positions.ipynb").check("q5_5", {"rope_rotate": rope})
    assert here.passed
    assert "\n  advice, and no points: rope_rotate makes a tensor on the CPU, by torch.arange" in repr(here)
    there = Grader("05_positions.ipynb").check("q5_5", {"rope_rotate": lambda *a, **k: rope(*a, **k, device=a[0].device)})
    assert repr(there) == "q5_5: all checks passed"
    assert advice("q2_1", {"softmax": lambda z, axis=-1: z}) == ""  # NumPy knows no devices


def attention(Q, K, V):
    weights = torch.softmax(Q @ K.transpose(-2, -1), dim=-1)
    return weights @ V, weights


def in_bfloat16(Q, K, V):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, weights = attention(Q, K, V)
    return output.to(Q.dtype), weights.to(Q.dtype)


def wrong_in_bfloat16(Q, K, V):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weights = torch.softmax(Q @ K.transpose(-2, -1) / 3, dim=-1)
        output = weights @ V
    return output.to(Q.dtype), weights.to(Q.dtype)


def test_rounding_that_the_answer_switched_on_is_called_rounding():
    with pytest.raises(CheckFailed) as caught:
        check("q2_3", {"attention": in_bfloat16})
    assert caught.value.report.looks_like.startswith("these numbers were computed in bfloat16: right to two or three")
    with pytest.raises(CheckFailed) as caught:
        check("q2_3", {"attention": wrong_in_bfloat16})
    assert "computed in" not in str(caught.value)


@pytest.mark.parametrize(("precision", "said"), [("high", "TF32"), ("medium", "bfloat16")])
def test_rounding_of_the_whole_notebook_is_set_aside_and_said(precision, said):
    inside = []

    def seen(Q, K, V):
        inside.append(matmul_precision())
        return attention(Q, K, V)

    torch.set_float32_matmul_precision(precision)
    try:
        result = Grader("02_keys_queries_values.ipynb").check("q2_3", {"attention": seen})
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision("highest")
    assert result.passed
    assert set(inside[:1]) == {"highest"}
    note = f"rounded to {said} in this notebook, by torch.set_float32_matmul_precision('{precision}'); the check ran"
    assert note in repr(result)
    assert disturbances() == ()


def test_a_filter_for_a_library_s_own_kind_of_warning_disturbs_nobody():
    import warnings

    class OfALibrary(FutureWarning):
        pass

    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=OfALibrary)
        assert disturbances() == ()
        warnings.filterwarnings("error", category=FutureWarning)
        assert "warnings are errors" in disturbances()[0]


def test_a_torch_that_refuses_to_be_asked_for_an_accelerator_is_not_asked(monkeypatch):
    """torch 2.6 has none to give on a machine without one, and raises."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: pytest.fail("it was asked"))
    assert kinds_of_device() == ("cpu",)


def test_tf32_by_autocast_is_off_inside_a_check():
    with torch.autocast("cpu", dtype=torch.bfloat16), settled():
        assert not torch.is_autocast_enabled("cpu")


def test_results_and_gradients_are_brought_back_from_where_they_lie(monkeypatch):
    """There is no second device here: that every step asks for the CPU is seen by a tensor that says where it was asked to go."""
    asked = []
    real = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self, *rest: asked.append(tuple(self.shape)) or real(self, *rest))
    outcome = execute(lambda x: x * 2, Case(args=(X,), gradient=True))
    assert isinstance(outcome.value, TensorValue)
    assert asked == [(), (4, 3), (4, 3)]  # the scalar that is differentiated, the gradient, the result


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_solved_answers_run_where_their_arguments_lie(number):
    """On the pretended device each answer gives the stored numbers, and leaves its tensors there."""
    solved, wrong = devices.solved_names(number), []
    with elsewhere.elsewhere():
        for exercise in exercises_of(number):
            answers = devices.answers_of(exercise.names, solved, devices.MOVED, elsewhere.NAME)
            for entry in load_numbers(exercise.question)["cases"]:
                case = entry["case"]
                outcome = execute(answers[case.function or exercise.names[0]], case)
                found = compare(entry["expected"], outcome, case, entry["outputs"])
                wrong += [f"{exercise.question}: {found.problem}, {found.found}"] if found else []
    assert wrong == []


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_no_solved_answer_gets_the_advice(number):
    solved = devices.solved_names(number)
    assert [text for exercise in exercises_of(number) if (text := advice(exercise.question, solved))] == []


REFUSED = {
    "an operand of the CPU": lambda x: x + torch.arange(3),
    "a mask of the CPU": lambda x: x.masked_fill(torch.ones(2, 3, dtype=torch.bool), 0.0),
    "written into one of the CPU": lambda x: torch.zeros(2, 3).add_(x),
    "added to a number of the CPU": lambda x: torch.tensor(0.0).add_(x.sum()),
    "indexed from there": lambda x: torch.arange(3)[x[0].long()],
    "NumPy": lambda x: x.numpy(),
    "a generator of the CPU": lambda x: torch.multinomial(x + 1, 1, generator=torch.Generator()),
    "a generator from there": lambda x: torch.rand(3, generator=torch.Generator(x.device)),
}
TAKEN = {
    "made like it": (lambda x: x + torch.zeros_like(x) + x.new_ones(3) + x.new_tensor([1, 2, 3]), 33.0),
    "made there": (lambda x: x * torch.arange(3, device=x.device) @ torch.tensor([1.0, 1, 1], device=x.device), 19.0),
    "a single number": (lambda x: x * torch.tensor(2.0), 30.0),
    "an index": (lambda x: x[torch.tensor([0])] * 2, 6.0),
    "written into": (lambda x: torch.zeros(2, 3, device=x.device).copy_(x), 15.0),
    "a view written into": (lambda x: x.clone().view(-1)[1:].mul_(2), 30.0),
    "a number looked at": (lambda x: x * (2 if bool(x.sum() > 3) else 0) * x.max().item() / x.tolist()[1][2], 30.0),
    "drawn there": (lambda x: x + 0 * torch.rand(3, generator=torch.Generator(x.device), device=x.device), 15.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_pretended_device_refuses_what_a_gpu_refuses(name):
    with elsewhere.elsewhere():
        x = torch.arange(6.0).reshape(2, 3).to(elsewhere.NAME)
        with pytest.raises((RuntimeError, TypeError)):
            REFUSED[name](x)


@pytest.mark.parametrize("name", TAKEN)
def test_the_pretended_device_takes_what_a_gpu_takes_and_has_the_numbers(name):
    function, total = TAKEN[name]
    with elsewhere.elsewhere():
        result = function(torch.arange(6.0).reshape(2, 3).to(elsewhere.NAME))
        assert result.device.type == elsewhere.NAME
        assert result.sum().cpu().item() == total
    assert torch.arange(2).device.type == "cpu"


def test_a_library_model_moves_there_and_learns_the_same_numbers():
    losses = {}
    for device in ("cpu", elsewhere.NAME):
        torch.manual_seed(0)
        with elsewhere.elsewhere():
            model = standins.LibraryTransformer(12, 12, 8, 2, 1, 16).to(device)
            words = torch.arange(4, 12).reshape(2, 4).to(device)
            losses[device] = []
            for _ in range(3):
                loss = standins.library_loss(model, words, words.flip(1))
                model.zero_grad()
                loss.backward()
                with torch.no_grad():
                    for parameter in model.parameters():
                        parameter -= 0.1 * parameter.grad
                losses[device].append(loss.item())
    assert losses["cpu"] == pytest.approx(losses[elsewhere.NAME], rel=1e-5)
    assert losses["cpu"][2] < losses["cpu"][0]


def test_dropout_draws_on_its_generators_device_and_drops_where_the_weights_lie():
    dropout = devices.solved_names("04")["attention_dropout"]
    weights = torch.full((1, 2, 3, 4), 0.25)
    here = dropout(weights, 0.5, torch.Generator().manual_seed(0), True)
    with elsewhere.elsewhere():
        there = dropout(weights.to(elsewhere.NAME), 0.5, torch.Generator().manual_seed(0), True)
        assert there.device.type == elsewhere.NAME
        assert torch.equal(there.cpu(), here)


def test_the_script_for_a_gpu_says_that_there_is_none_and_does_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "devices.md"
    done = CliRunner().invoke(devices.main, ["--out", str(out), "02"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(devices.NO_GPU)
    row = next(line for line in out.read_text().splitlines() if line.startswith("| 02_"))
    default, moved, autocast = [cell.strip() for cell in row.strip("|").split("|")][1:]
    assert default == moved
    passed, made = moved.split(", ")[1].split(" of ")
    assert (moved.startswith("9 of 9, "), passed) == (True, made)
    assert "said to round" in autocast


def test_the_finales_model_learns_the_same_there():
    there, here = (devices.finale(device, steps=2).partition(" in ")[0] for device in (elsewhere.NAME, "cpu"))
    assert there == here


def test_gradients_are_clipped_on_every_device():
    here, elsewhere = nn.Linear(2, 2), nn.Linear(2, 2, device="meta")
    assert training._all_at_once(list(here.parameters())) is True
    assert training._all_at_once([*here.parameters(), *elsewhere.parameters()]) is None
