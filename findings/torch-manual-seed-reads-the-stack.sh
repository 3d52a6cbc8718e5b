#!/usr/bin/env bash
# torch.manual_seed without any accelerator writes down the whole call stack, three times, at every call.
# Guess, before the run: it sets one number in the CPU's generator and costs what torch.default_generator.manual_seed costs.
# Seen (torch 2.13.0, no accelerator): both give the same random numbers, but the usual one formats three stack traces, kept
# for devices that are not there, so that its cost grows with how deep the caller stands: tens of times the generator's own
# at the top of a script, hundreds of times below a deep stack such as a notebook kernel's.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet torch==2.13.0
"$room/venv/bin/pip" install --quiet numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'PY'
import time
import traceback

import torch

assert not torch.accelerator.is_available(), "to be run where there is none"


def at_depth(depth, call):
    return call() if depth == 0 else at_depth(depth - 1, call)


def microseconds(call, times=300):
    started = time.process_time()
    for _ in range(times):
        call()
    return 1e6 * (time.process_time() - started) / times


usual, own = lambda: torch.manual_seed(0), lambda: torch.default_generator.manual_seed(0)
usual()
drawn = torch.rand(5)
own()
assert torch.equal(drawn, torch.rand(5))
for depth in (0, 40, 160):
    times = [at_depth(depth, lambda call=call: microseconds(call)) for call in (usual, own)]
    print(f"torch {torch.__version__}, {depth} calls deep: {times[0]:.0f} µs and {times[1]:.1f} µs")

depths, format_stack = [], traceback.format_stack


def counted(*arguments, **options):
    lines = format_stack(*arguments, **options)
    depths.append(len(lines))
    return lines


traceback.format_stack = counted
at_depth(40, usual)
print("stack traces at one call:", len(depths))
assert len(depths) == 3
depths.clear()
at_depth(40, own)
assert not depths
PY
