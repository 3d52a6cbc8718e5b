"""Rules that are checked by watching: a loop or a shortcut is seen wherever it is done, and honest code never accused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from attnkit.checking import watch
from attnkit.checking.case import LEFT, Case, Outcome
from attnkit.checking.compare import compare_watched
from attnkit.checking.execute import execute
from attnkit.checking.watch import Watch, most_held
from autograder.exercises import exercise_for
from autograder.grading.run.session import Limits, Workshop
from autograder.judging.examine import answers, as_targets

QUICK = Limits(cell_seconds=20.0, call_seconds=20.0, session_seconds=120.0)
LOOP = """
import sys, threading, _thread, queue, torch
def loop(Q, K, V):
    rows = [torch.softmax(Q[..., t : t + 1, :] @ K.mT, -1) for t in range(Q.shape[-2])]
    weights = torch.cat(rows, -2)
    return weights @ V, weights
def in_thread(start, Q, K, V):
    found = queue.Queue()
    start(lambda: found.put(loop(Q, K, V)))
    return found.get()
"""
LOOPS = {
    "in plain sight": "attention = loop",
    "in a thread": "attention = lambda *a: in_thread(lambda f: threading.Thread(target=f).start(), *a)",
    "in a thread below threading": "attention = lambda *a: in_thread(lambda f: _thread.start_new_thread(f, ()), *a)",
    "in a thread that waits": """
waiting = queue.Queue()
def work():
    while True:
        waiting.get()()
threading.Thread(target=work, daemon=True).start()
attention = lambda *a: in_thread(waiting.put, *a)""",
    "with the trace off": """
def attention(*a):
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        return loop(*a)
    finally:
        sys.settrace(trace)""",
    "in TorchScript": """
@torch.jit.script
def scripted(Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor):
    rows = []
    for t in range(Q.shape[-2]):
        rows.append(torch.softmax(Q[..., t : t + 1, :] @ K.mT, -1))
    weights = torch.cat(rows, -2)
    return weights @ V, weights
attention = scripted""",
    "in a map": """
import functools
def attention(Q, K, V):
    scores = torch.stack(list(map(functools.partial(torch.matmul, K), Q.unbind(-2))), -2)
    weights = torch.softmax(scores, -1)
    return weights @ V, weights""",
}
HONEST = """
import torch
def attention(Q, K, V):
    weights = torch.softmax(Q @ K.mT, -1)
    return weights @ V, weights"""


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop("none", QUICK) as opened:
        yield opened


def case(T: int, **options: object) -> Case:
    return Case(args=(np.ones((T, 3)), np.ones((4, 3)), np.ones((4, 2))), **options)


def steps_of(session, cases: list[Case]) -> list[tuple[Case, Outcome]]:
    steps = [(one, session.environment["attention"].run(one)) for one in cases]
    assert [outcome.failure for _, outcome in steps] == [None] * len(steps)
    return steps


@pytest.mark.parametrize("code", LOOPS.values(), ids=LOOPS)
def test_a_loop_is_seen_wherever_it_is_done(workshop, code):
    with workshop.open() as session:
        assert [cell.status for cell in session.run_cells([LOOP, code])] == ["ok", "ok"]
        steps = steps_of(session, [case(T, count_lines=True) for T in (3, 40)])
    difference = compare_watched(steps)
    assert difference is not None
    assert difference.kind in ("loops", "forbidden")


def test_honest_code_is_not_accused(workshop):
    cells = [
        HONEST,
        "import warnings, threading\nidle = threading.Event()\nthreading.Thread(target=idle.wait, daemon=True).start()",
    ]
    watched = ("scaled_dot_product_attention", "cross_entropy")
    with workshop.open() as session:
        session.run_cells(cells)
        for _ in range(30):
            steps = steps_of(session, [case(T, count_lines=True, watch=watched) for T in (3, 40)])
            assert compare_watched(steps) is None


@pytest.mark.parametrize("question", ["q2_3", "q3_4", "q3_8", "q4_3", "q4_4", "q6_4"])
def test_every_right_variant_takes_the_same_steps_and_no_shortcut(question):
    exercise = exercise_for(question)
    for variant in exercise.variants:
        targets = as_targets(exercise, variant.code)
        for test in exercise.tests:
            cases = [one for one, _ in answers(question, test.name)]
            steps = [(one, execute(targets[one.function or exercise.names[0]], one)) for one in cases]
            assert compare_watched(steps) is None, (variant.name, test.name)


Q = torch.ones(1, 1, 3, 4, requires_grad=True)
MHA = torch.nn.MultiheadAttention(4, 2, bias=False, batch_first=True).eval()
LOGITS, TOKENS = torch.zeros(3, 5), torch.tensor([0, 1, 2])


def behind(function):
    """The function, called where torch's own functions see no mode."""

    def called():
        with torch._C.DisableTorchFunction():
            return function()

    return called


ATTENTION = {
    "the function": lambda: torch.nn.functional.scaled_dot_product_attention(Q, Q, Q),
    "the packet": lambda: torch.ops.aten.scaled_dot_product_attention(Q, Q, Q),
    "the overload": lambda: torch.ops.aten.scaled_dot_product_attention.default(Q, Q, Q),
    "its arithmetic": lambda: torch.ops.aten._scaled_dot_product_attention_math(Q, Q, Q),
    "its arithmetic, by another door": lambda: torch._scaled_dot_product_attention_math(Q, Q, Q),
    "its kernel": lambda: torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(Q, Q, Q),
}
ENTROPY = {
    "the function": lambda: torch.nn.functional.cross_entropy(LOGITS, TOKENS),
    "the module": lambda: torch.nn.CrossEntropyLoss()(LOGITS, TOKENS),
    "the operator": lambda: torch.ops.aten.cross_entropy_loss(LOGITS, TOKENS),
    "its second half": lambda: torch.ops.aten.nll_loss_forward(LOGITS, TOKENS, None, 1, -100),
    "its second half, with axes, as an operator": lambda: torch.ops.aten.nll_loss_nd.default(LOGITS, TOKENS),
    "its second half, with axes": lambda: torch.nn.functional.nll_loss(LOGITS[None].mT, TOKENS[None]),
}


ONES = torch.ones(5)
NORM = {
    "the function": lambda: torch.nn.functional.layer_norm(LOGITS, (5,), ONES, ONES),
    "the module": lambda: torch.nn.LayerNorm(5)(LOGITS),
    "torch's name": lambda: torch.layer_norm(LOGITS, (5,)),
    "the operator": lambda: torch.ops.aten.layer_norm.default(LOGITS, [5]),
    "its kernel": lambda: torch.ops.aten.native_layer_norm.default(LOGITS, [5], ONES, ONES, 1e-5),
    "its kernel, by another door": lambda: torch.native_layer_norm(LOGITS, [5], ONES, ONES, 1e-5),
}


@pytest.mark.parametrize("function", NORM.values(), ids=NORM)
def test_layer_norm_ready_made_is_seen_by_every_name(function):
    for way in (function, behind(function)):
        watch = Watch(("layer_norm",), False)
        with watch.watching():
            way()
        assert watch.called[:1] == ["layer_norm"]


@pytest.mark.parametrize("function", ATTENTION.values(), ids=ATTENTION)
def test_attention_ready_made_is_seen_by_every_name(function):
    for way in (function, behind(function)):
        watch = Watch(("scaled_dot_product_attention",), False)
        with watch.watching():
            way()
        assert watch.called[:1] == ["scaled_dot_product_attention"] or LEFT in watch.called


@pytest.mark.parametrize("function", ENTROPY.values(), ids=ENTROPY)
def test_cross_entropy_ready_made_is_seen_by_every_name(function):
    for way in (function, behind(function)):
        watch = Watch(("cross_entropy", "nll_loss"), False)
        with watch.watching():
            way()
        assert watch.called


def test_the_whole_module_is_seen_with_torchs_functions_switched_off():
    for way in (lambda: MHA(Q[0], Q[0], Q[0]), behind(lambda: MHA(Q[0], Q[0], Q[0]))):
        watch = Watch(("multi_head_attention_forward",), False)
        with watch.watching():
            way()
        assert watch.called


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.nn.functional.binary_cross_entropy(LOGITS.sigmoid(), LOGITS),
        lambda: torch.softmax(Q @ Q.mT, -1) @ Q,
        lambda: torch.vmap(lambda q: torch.softmax(q @ q.T, -1) @ q)(Q[0]),
        lambda: torch.log_softmax(LOGITS, -1).gather(1, TOKENS[:, None]).mean(),
        lambda: torch.einsum("bhtd,bhsd->bhts", Q, Q).logsumexp(-1),
        lambda: torch.baddbmm(Q[0], Q[0] @ Q[0].mT, Q[0]),
        lambda: torch.nn.Linear(4, 4)(Q),
        lambda: torch.nn.functional.rms_norm(LOGITS - LOGITS.mean(-1, keepdim=True), (5,)),
        lambda: torch.autograd.grad((Q @ Q.mT).softmax(-1).sum(), Q),
    ],
)
def test_what_only_looks_like_a_shortcut_is_none(function):
    names = ("scaled_dot_product_attention", "multi_head_attention_forward", "cross_entropy", "nll_loss", "layer_norm")
    watch = Watch(names, True)
    with watch.watching():
        function()
    assert watch.called == []
    assert watch.steps > 0


def chunked(x: torch.Tensor, size: int) -> torch.Tensor:
    total = torch.zeros(())
    for part in x.split(size):
        total = total + part.exp().sum()
    return total


@pytest.mark.parametrize(
    ("function", "numbers"),
    [
        (lambda x: x.exp().sum(), 1001),
        (lambda x: chunked(x, 10), 12),  # ten exponentials, their sum, the total
        (lambda x: x[::2].view(50, 10).T.sum(), 1),  # views are not made
        (lambda x: torch.stack([part.sum() for part in x.split(10)]).sum(), 200),  # the list and the stack
        (lambda x: x.clone().exp_().sqrt_().sum(), 1001),  # in place
        (lambda x: torch.empty(300).fill_(1.0)[:2].sum(), 301),
    ],
    ids=["at once", "in parts", "views", "a list", "in place", "room that is not used"],
)
def test_what_is_held_at_once_is_counted(function, numbers):
    assert most_held(function, torch.ones(1000)) <= 4 * numbers
    assert most_held(function, torch.ones(1000)) >= 4 * (numbers - 1)


def test_lines_of_the_checks_themselves_are_not_counted_wherever_a_grader_unpacks_them(monkeypatch):
    """Otter unpacks them below a folder of the name of our package, whose wrong answers are counted."""
    monkeypatch.setattr(watch, "_PACKAGE", "/somewhere/autograder/notebooks/attnkit")
    counted = watch._is_counted.__wrapped__
    assert not counted("/somewhere/autograder/notebooks/attnkit/checking/watch.py")
    assert counted("/somewhere/autograder/exercises/nb02_keys_queries_values/q2_3_attention.py")
