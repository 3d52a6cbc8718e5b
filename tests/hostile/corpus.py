"""Submissions that attack the grader, each with what it may earn: the honest part of the notebook and nothing else.

A submission is the answered notebook 2 with some answers replaced and some cells added after the set-up cell (`first`)
or at the end (`last`). `loses` names the questions whose hidden points it must not get; all others it must get in full.
"""

# ruff: noqa: E501 (attacks are programs in strings)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANYTHING = ("anything",)
QUESTIONS = ("q2_1", "q2_3", "q2_8", "q2_9")


@dataclass(frozen=True)
class Hostile:
    """One submission: what it tries, and what it must not earn; ANYTHING when it may ruin its own notebook.

    `problem` says whether the instructor must be told that something had to be stopped. `slow` runs into a time limit.
    With `partly`, some hidden cases of the questions it loses are honestly right. With `watched`, a case in which a call is
    watched may fail, and with the words of that alone.
    """

    name: str
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    loses: tuple[str, ...] = ()
    problem: bool = False
    slow: bool = False
    partly: bool = False
    watched: bool = False


def softmax(*lines: str, before: str = "") -> Mapping[str, str]:
    """An answer to 2.1 that does these lines."""
    body = "\n".join(f"    {line}" for line in lines)
    return {"q2_1": f"{before}\ndef softmax(z, axis=-1):\n{body}\n"}


def honest(*lines: str, before: str = "") -> Mapping[str, str]:
    """A right answer to 2.1 that does these lines first."""
    right = (
        "z = np.array(z)",
        "z = z if z.dtype.kind == 'f' else z.astype(float)",
        "e = np.exp(z - z.max(axis=axis, keepdims=True))",
        "return e / e.sum(axis=axis, keepdims=True)",
    )
    return softmax(*lines, *right, before=before)


def attention(*lines: str, before: str = "") -> Mapping[str, str]:
    """An answer to 2.3 that does these lines."""
    body = "\n".join(f"    {line}" for line in lines)
    return {"q2_3": f"{before}\ndef attention(Q, K, V):\n{body}\n"}


WRONG = "return np.asarray(z) * 0.0"
WRONG_ATTENTION = "return Q @ K.transpose(-2, -1) @ V, Q @ K.transpose(-2, -1)"

ENDING = (
    Hostile("sys.exit in a cell", last=("import sys\nsys.exit()",)),
    Hostile("os._exit in a cell", first=("import os\nos._exit(0)",), problem=True),
    Hostile("os._exit in a cell near the end", last=("import os\nos._exit(1)",), problem=True),
    Hostile("SystemExit in a function", answers=softmax("raise SystemExit"), loses=("q2_1",)),
    Hostile("os._exit in a function", answers=softmax("import os", "os._exit(0)"), loses=("q2_1",), problem=True),
    Hostile(
        "os._exit at the second call",
        answers=honest("global calls", "calls += 1", "if calls > 1: __import__('os')._exit(0)", before="calls = 0"),
        loses=("q2_1",),
        problem=True,
    ),
    Hostile("SIGKILL to itself", first=("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",)),
    Hostile("SIGSTOP to itself", first=("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",), slow=True),
    Hostile("segmentation fault", first=("import ctypes\nctypes.string_at(0)",), problem=True),
    Hostile("abort in a function", answers=softmax("import os", "os.abort()"), loses=("q2_1",), problem=True),
    Hostile("kills its parent", first=("import os\nos.kill(os.getppid(), 9)",)),
    Hostile(
        "kills every process",
        first=("import os\nfor pid in (-1, 0, *range(1, 4000)):\n    try: os.kill(pid, 9)\n    except OSError: pass",),
    ),
    Hostile("kills its process group", first=("import os\nos.killpg(0, 9)",)),
    Hostile("alarm clock", first=("import signal\nsignal.alarm(1)",)),
    Hostile("KeyboardInterrupt in a function", answers=softmax("raise KeyboardInterrupt"), loses=("q2_1",)),
    Hostile("GeneratorExit in a function", answers=softmax("raise GeneratorExit"), loses=("q2_1",)),
    Hostile("an exit handler that ends everything", first=("import atexit, os\natexit.register(os._exit, 3)",)),
    Hostile("asks the shell to exit", last=("get_ipython().ask_exit()\nexit()\nquit()",)),
)

HANGING = (
    Hostile("endless loop in a cell", first=("while True:\n    pass",), problem=True, slow=True),
    Hostile(
        "endless loop in a function", answers=softmax("while True: pass"), loses=("q2_1",), problem=True, slow=True
    ),
    Hostile("a long sleep", first=("import time\ntime.sleep(1e6)",), problem=True, slow=True),
    Hostile(
        "a loop that catches everything",
        first=("while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass",),
        problem=True,
        slow=True,
    ),
    Hostile(
        "a deadlock",
        first=("import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",),
        problem=True,
        slow=True,
    ),
    Hostile(
        "a pattern that backtracks for ever",
        first=("import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",),
        problem=True,
        slow=True,
    ),
    Hostile("waits for input", first=("name = input('name? ')",)),
    Hostile("hangs when shown", first=("class Slow:\n    def __repr__(self):\n        while True: pass\nSlow()",)),
    Hostile(
        "hangs when counted",
        answers=softmax(
            "return Endless([1.0])",
            before="class Endless(list):\n    def __iter__(self):\n        while True: yield 1.0",
        ),
        loses=("q2_1",),
        slow=True,
    ),
    Hostile(
        "hangs when its error is read",
        answers=softmax(
            "raise Slow()", before="class Slow(Exception):\n    def __str__(self):\n        while True: pass"
        ),
        loses=("q2_1",),
        problem=True,
        slow=True,
    ),
)

FLOODING = (
    Hostile("prints without end", first=("for _ in range(200_000):\n    print('x' * 1000)",)),
    Hostile(
        "writes to the descriptors",
        first=("import os\nfor _ in range(2000):\n    os.write(1, b'x' * 65536)\n    os.write(2, b'x' * 65536)",),
    ),
    Hostile(
        "displays without end",
        first=("from IPython.display import display, HTML\nfor _ in range(2000):\n    display(HTML('x' * 1000))",),
    ),
    Hostile("a huge result", answers=softmax("return np.zeros(30_000_000)"), loses=("q2_1",)),
    Hostile(
        "a result nested deeply",
        answers=softmax("x = []", "for _ in range(100_000): x = [x]", "return x"),
        loses=("q2_1",),
    ),
    Hostile("a result that holds itself", answers=softmax("x = []", "x.append(x)", "return x"), loses=("q2_1",)),
    Hostile("a million things in a list", answers=softmax("return [0.0] * 1_000_000"), loses=("q2_1",)),
    Hostile("a number of a million digits", answers=softmax("return 7 ** 1_000_000"), loses=("q2_1",)),
    Hostile("a text of 100 MB", answers=softmax("return 'x' * 100_000_000"), loses=("q2_1",)),
    Hostile("an error of 100 MB", answers=softmax("raise ValueError('x' * 100_000_000)"), loses=("q2_1",)),
    Hostile("half a million names", first=("globals().update({f'name_{i}': i for i in range(500_000)})",)),
    Hostile("a thousand figures", first=("import matplotlib.pyplot as plt\nfor _ in range(60):\n    plt.figure()",)),
)

TAKING = (
    Hostile("fork bomb", first=("import os\nwhile True:\n    os.fork()",)),
    Hostile(
        "fork bomb that goes on",
        first=("import os\nfor _ in range(1000):\n    try: os.fork()\n    except OSError: pass",),
    ),
    Hostile("other programs", first=("import subprocess\nsubprocess.run(['sleep', '1000'])",)),
    Hostile("a detached program", first=("import os\nos.execv('/bin/sh', ['sh', '-c', 'sleep 1000 &'])",)),
    Hostile("multiprocessing", first=("import multiprocessing\nmultiprocessing.Pool(4).map(abs, range(4))",)),
    Hostile("shell lines and cells", first=("!sleep 1000\n%pip install nothing\nfiles = !ls /", "%%bash\nsleep 1000")),
    Hostile(
        "ten thousand threads",
        first=(
            "import threading, time\nfor _ in range(10_000):\n    threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()",
        ),
    ),
    Hostile("all the memory", first=("blocks = []\nwhile True:\n    blocks.append(np.ones(10_000_000))",)),
    Hostile(
        "all the memory, shared",
        first=(
            "import mmap\nblocks = []\nwhile True:\n    block = mmap.mmap(-1, 2**28)\n    block[:] = bytes(2**28)\n    blocks.append(block)",
        ),
    ),
    Hostile("all the memory in a function", answers=softmax("x = [0]", "while True: x += x"), loses=("q2_1",)),
    Hostile(
        "all the memory in a memory file",
        first=("import os\nwhile True:\n    os.write(os.memfd_create('x'), bytes(2**26))",),
    ),
    Hostile("fills the disk", first=("for i in range(1000):\n    open(f'file{i}', 'wb').write(bytes(2**24))",)),
    Hostile(
        "fills the disk with one file", first=("file = open('file', 'wb')\nwhile True:\n    file.write(bytes(2**24))",)
    ),
    Hostile("a hundred thousand files", first=("for i in range(100_000):\n    open(f'file{i}', 'w').close()",)),
    Hostile("fills the shared memory", first=("open('/dev/shm/x', 'wb').write(bytes(2**26))",)),
    Hostile("opens files without end", first=("kept = []\nwhile True:\n    kept.append(open('/dev/null'))",)),
    Hostile(
        "ten cells that keep files open",
        first=("kept = []", *("while True:\n    kept.append(open('/dev/null'))",) * 10),
        answers=honest("import wave, colorsys"),
    ),
    Hostile("recursion without end", answers=softmax("return softmax(z, axis)"), loses=("q2_1",)),
    Hostile(
        "recursion through the stack",
        first=("import sys\nsys.setrecursionlimit(10**8)\ndef down(n):\n    return down(n + 1) + 1\ndown(0)",),
    ),
    Hostile("recursion limit of next to nothing", first=("import sys\nsys.setrecursionlimit(60)",)),
    Hostile("many torch threads", first=("torch.set_num_threads(64)",)),
    Hostile("a bomb of brackets", first=("eval('[' * 100_000)", "(" * 5000 + ")" * 5000)),
)

DESCRIPTORS_AND_THREADS = (
    Hostile("closes all descriptors", first=("import os\nos.closerange(0, 65536)",), problem=True),
    Hostile(
        "closes the standard descriptors",
        first=("import os, sys\nfor fd in (0, 1, 2): os.close(fd)\nprint('x')\nsys.stdout.close()",),
    ),
    Hostile(
        "points all descriptors to nothing",
        first=(
            "import os\nnull = os.open('/dev/null', os.O_RDWR)\nfor fd in range(1024):\n    try:\n        os.fstat(fd)\n        os.dup2(null, fd)\n    except OSError: pass",
        ),
    ),
    Hostile(
        "leaves a busy thread",
        first=(
            "import threading\ndef busy():\n    while True: pass\nthreading.Thread(target=busy, daemon=True).start()",
        ),
        watched=True,  # work in another thread may be the learner's: it cannot be told apart
    ),
    Hostile(
        "leaves a thread that ends the process",
        first=("import threading, os\nthreading.Timer(0.3, os._exit, (0,)).start()",),
    ),
    Hostile(
        "leaves a thread that writes to the wire",
        first=(
            "import os, stat, threading, time\n"
            "def noise():\n"
            "    while True:\n"
            "        for fd in range(3, 1024):\n"
            "            try:\n"
            "                if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b'noise' * 100)\n"
            "            except OSError: pass\n"
            "        time.sleep(0.01)\n"
            "threading.Thread(target=noise, daemon=True).start()",
        ),
    ),
    Hostile(
        "a timer that interrupts everything",
        first=(
            "import signal\ndef interrupt(*_):\n    raise RuntimeError('again')\nsignal.signal(signal.SIGALRM, interrupt)\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)",
        ),
    ),
    Hostile(
        "a tracer that interrupts everything",
        first=("import sys\ndef trace(*_):\n    raise RuntimeError('no')\nsys.settrace(trace)",),
    ),
    Hostile("clears its modules", last=("import sys\nsys.modules.clear()",), loses=ANYTHING),
    Hostile("starts the notebook over", first=("kept = 1", "%reset -f\nimport numpy as np, torch")),
)

PATCHING = (
    Hostile(
        "patches numpy's comparisons",
        answers=softmax(
            WRONG,
            before=(
                "for name in ('allclose', 'isclose', 'array_equal', 'array_equiv', 'all', 'any', 'abs', 'isfinite'):\n"
                "    setattr(np, name, lambda *a, **k: True)\n"
                "np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None"
            ),
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "patches torch's comparisons",
        answers=attention(
            WRONG_ATTENTION,
            before=(
                "for name in ('allclose', 'equal', 'isclose', 'all', 'eq'):\n"
                "    setattr(torch, name, lambda *a, **k: True)\n"
                "torch.testing.assert_close = lambda *a, **k: None"
            ),
        ),
        loses=("q2_3",),
    ),
    Hostile(
        "patches Otter",
        answers=softmax(
            WRONG,
            before=(
                "import otter, sys\n"
                "otter.Notebook.check = lambda *a, **k: None\n"
                "for name in ('otter.test_files', 'otter.test_files.abstract_test', 'otter.test_files.exception_test'):\n"
                "    sys.modules[name] = type(sys)('fake')\n"
                "    sys.modules[name].passed_all = True"
            ),
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "patches the comparison",
        answers=softmax(
            WRONG,
            before=(
                "import attnkit.checking.compare, attnkit.checking.public\n"
                "for module in (attnkit.checking.compare, attnkit.checking.public):\n"
                "    module.compare = module.close = lambda *a, **k: None\n"
                "    module.compare_watched = lambda *a, **k: None"
            ),
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "patches what a test calls",
        answers=softmax(
            WRONG,
            before=(
                "import sys, types\n"
                "for name in ('autograder', 'autograder.judging.examine'):\n"
                "    sys.modules[name] = types.ModuleType(name)\n"
                "sys.modules['autograder.judging.examine'].check_hidden = lambda *a, **k: None"
            ),
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "patches the worker's report",
        answers=softmax(
            WRONG,
            before=(
                "import inside.worker as worker\n"
                "from attnkit.checking.case import Outcome\n"
                "worker.execute = lambda target, case: Outcome(value=case.args[0])"
            ),
        ),
        loses=ANYTHING,
    ),
    Hostile(
        "patches built-ins",
        answers=softmax(WRONG, before=("import builtins\nbuiltins.all = builtins.any = lambda *a: True")),
        loses=("q2_1",),
    ),
    Hostile(
        "patches assertions",
        answers=softmax(WRONG, before="import builtins\nbuiltins.AssertionError = Warning"),
        loses=("q2_1",),
    ),
    Hostile(
        "overwrites the course's files",
        first=("import attnkit.checking.compare as c\nopen(c.__file__, 'w').write('compare = lambda *a: None')",),
    ),
    Hostile(
        "leaves a module for others to import",
        first=(
            "import sys\nfor folder in (*sys.path, '.', '/tmp'):\n    try: open(folder + '/sitecustomize.py', 'w').write('raise SystemExit')\n    except OSError: pass",
        ),
    ),
    Hostile(
        "changes small numbers in memory",
        last=("import ctypes\nctypes.memmove(id(7) + 24, id(8) + 24, 4)",),
        loses=ANYTHING,
    ),
)

EQUAL = (
    "__eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __bool__ = lambda self, *other: True\n    __hash__ = None"
)
PRETENDING = (
    Hostile("always equal", answers=softmax("return Equal()", before=f"class Equal:\n    {EQUAL}"), loses=("q2_1",)),
    Hostile(
        "an array that is always equal",
        answers=softmax(
            "return np.asarray(z, dtype=float).view(Equal)",
            before=f"class Equal(np.ndarray):\n    {EQUAL}\n    __array_ufunc__ = lambda self, *a, **k: True\n    __array_function__ = lambda self, *a, **k: True",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "a tensor that is always equal",
        answers=attention(
            "return (Q @ K.transpose(-2, -1) @ V).as_subclass(Equal), V.as_subclass(Equal)",
            before=f"class Equal(torch.Tensor):\n    {EQUAL}\n    @classmethod\n    def __torch_function__(cls, *a, **k): return True",
        ),
        loses=("q2_3",),
    ),
    Hostile(
        "a number that is always equal",
        answers={
            "q2_9": f"class Equal(float):\n    {EQUAL}\n    __abs__ = __sub__ = __rsub__ = lambda self, *other: Equal(0)\ndef permutation_gap(f, X, perm):\n    return Equal(3.0)"
        },
        loses=("q2_9",),
    ),
    Hostile(
        "an object of every class",
        answers=softmax(
            "return Chameleon()",
            before="class Chameleon:\n    __class__ = np.ndarray\n    dtype = np.dtype(float)\n    shape = (3,)\n    def __getattr__(self, name): return lambda *a, **k: True",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "a tuple that lies about itself",
        answers=attention(
            "return Pair((V, V))",
            before="class Pair(tuple):\n    __len__ = lambda self: 2\n    __iter__ = lambda self: iter(())",
        ),
        loses=("q2_3",),
    ),
    Hostile(
        "a structured array", answers=softmax("return np.zeros(3, dtype=[('a', 'f8'), ('b', 'O')])"), loses=("q2_1",)
    ),
    Hostile(
        "an array of objects",
        answers=softmax("return np.array([Equal(), Equal()], dtype=object)", before=f"class Equal:\n    {EQUAL}"),
        loses=("q2_1",),
    ),
    Hostile("not a number", answers=softmax("return np.full(np.shape(z), np.nan)"), loses=("q2_1",)),
    Hostile("a function, a module, a class", answers=softmax("return [np, softmax, type, iter([])]"), loses=("q2_1",)),
    Hostile(
        "a callable that answers every question",
        answers={
            "q2_1": f"class Answer:\n    {EQUAL}\n    def __call__(self, *a, **k): return self\nsoftmax = Answer()"
        },
        loses=("q2_1",),
    ),
    Hostile(
        "values that are always equal",
        answers={
            "q2_8": f"class Equal(list):\n    {EQUAL}\nworksheet_scores = worksheet_weights = worksheet_output = Equal([9.0, 9.0, 9.0])"
        },
        loses=("q2_8",),
    ),
    Hostile("nothing at all", answers={"q2_1": "softmax = None"}, loses=("q2_1",)),
    Hostile("deletes its answers", last=("del softmax, attention",), loses=("q2_1", "q2_3")),
    Hostile("half a character", answers=softmax("return '\\ud800'"), loses=("q2_1",)),
    Hostile(
        "an error in half a character", answers=softmax("raise ValueError('\\ud800\\u202e\\n\\x00')"), loses=("q2_1",)
    ),
    Hostile(
        "an error that cannot be read",
        answers=softmax(
            "raise Poison()",
            before="class Poison(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "an error without a name",
        answers=softmax(
            "raise Poison()",
            before="class Meta(type):\n    @property\n    def __name__(cls): raise KeyboardInterrupt\nclass Poison(Exception, metaclass=Meta): pass",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "the blank's own error, by another name",
        answers=softmax("raise type('E', (NotImplementedError,), {})('x')"),
        loses=("q2_1",),
    ),
)

CHEATING = (
    Hostile(
        "the reference itself",
        answers=softmax(
            "return reference(z, axis)",
            before="try:\n    from autograder.reference.nb02 import softmax as reference\nexcept Exception:\n    reference = lambda z, axis: z",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "walks the stack for the answer",
        answers=softmax(
            "import sys",
            "frame = sys._getframe()",
            "while frame is not None:",
            "    for name, value in frame.f_locals.items():",
            "        if name in ('expected', 'answer', 'reference', 'want'): return value",
            "        found = getattr(value, 'expected', None)",
            "        if isinstance(found, np.ndarray): return found",
            "    frame = frame.f_back",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "searches the memory for the answer",
        answers=softmax(
            "import gc",
            "for thing in gc.get_objects():",
            "    if type(thing).__name__ == 'Expected': return thing.value",
            "    if type(thing) is dict and 'expected' in thing and isinstance(thing['expected'], np.ndarray): return thing['expected']",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "knows the public cases by heart",
        answers=softmax(
            "from attnkit.checking.public import load_numbers",
            "for entry in load_numbers('q2_1')['cases']:",
            "    given = entry['case'].args[0]",
            "    if np.shape(given) == np.shape(z) and np.allclose(given, z): return np.array(entry['expected'].value)",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "recognises large inputs",
        answers=honest("if np.abs(z).max() > 50: return np.asarray(z)"),
        loses=("q2_1",),
        partly=True,
    ),
    Hostile(
        "gives its first answer for ever",
        answers=honest(
            "global kept", "if kept is not None: return kept", "kept = np.ones(3) / 3", before="kept = None"
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "changes its arguments",
        answers=softmax(
            "z -= z.max(axis=axis, keepdims=True)",
            "np.exp(z, out=z)",
            "z /= z.sum(axis=axis, keepdims=True)",
            "return z",
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "forges answers before they are asked for",
        answers=softmax(
            "import os, stat, json, struct",
            "head = json.dumps(['run', '', {'dict': {'outcome': {'record': 'Outcome', 'fields': {}}}}, []]).encode()",
            "for fd in range(3, 1024):",
            "    try:",
            "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, struct.pack('!4sIQ', b'attn', len(head), 0) + head)",
            "    except OSError: pass",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "forges an answer with the right ticket",
        answers=softmax(
            "import gc",
            "from attnkit.checking.case import Outcome",
            "from inside.wire import Frame",
            "for thing in gc.get_objects():",
            "    if type(thing).__name__ == '_Worker':",
            "        thing.channel.send(Frame('run', thing.ticket, {'outcome': Outcome(value=True)}))",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "forges a frame that never ends",
        answers=softmax(
            "import os, stat, struct",
            "for fd in range(3, 1024):",
            "    try:",
            "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, struct.pack('!4sIQ', b'attn', 2**32 - 1, 2**63))",
            "    except OSError: pass",
            WRONG,
        ),
        loses=("q2_1",),
    ),
    Hostile(
        "asks for callbacks that are not there",
        answers={
            "q2_9": (
                "def permutation_gap(f, X, perm):\n"
                "    from inside.callback import RemoteCallback\n"
                "    return float(RemoteCallback(10**6)(X).sum())"
            )
        },
        loses=("q2_9",),
    ),
    Hostile(
        "calls the function it is given without end",
        answers={"q2_9": ("def permutation_gap(f, X, perm):\n    while True: f(X)")},
        loses=("q2_9",),
        slow=True,
    ),
    Hostile(
        "gives rubbish to the function it is given",
        answers={
            "q2_9": (
                "def permutation_gap(f, X, perm):\n"
                "    for rubbish in (None, 'x', [X], torch.zeros(0, 5), np.zeros((2, 2), dtype=complex), {'a': X}, torch.zeros(1000, 1000)):\n"
                "        try: f(rubbish)\n"
                "        except Exception: pass\n"
                "    return f()"
            )
        },
        loses=("q2_9",),
    ),
    Hostile(
        "reads what the function it is given is made of",
        answers={
            "q2_9": (
                "def permutation_gap(f, X, perm):\n"
                "    inner = [cell.cell_contents for cell in f.__closure__ if hasattr(cell.cell_contents, 'id')]\n"
                "    return float(np.abs(inner[0].mix).max())"
            )
        },
        loses=("q2_9",),
    ),
    Hostile(
        "prints what it is given",
        answers=honest(
            "print('LEAK', z)",
            "import sys",
            "sys.stderr.write(f'LEAK {z}')",
            "__import__('warnings').warn(f'LEAK {z}')",
        ),
    ),
    Hostile(
        "tells how many it was given by how many it returns",
        answers=softmax("return (np.zeros(2),) * (11 + np.size(z))"),
        loses=("q2_1",),
    ),
    Hostile("raises what it is given", answers=softmax("raise ValueError(f'LEAK {z}')"), loses=("q2_1",)),
    Hostile(
        "names its error after what it is given",
        answers=softmax("raise type(f'LEAK_{np.sum(z)}', (Exception,), {})()"),
        loses=("q2_1",),
    ),
    Hostile(
        "names its result after what it is given",
        answers=softmax("return type(f'LEAK_{np.sum(z)}', (), {})()"),
        loses=("q2_1",),
    ),
    Hostile(
        "keeps what it is given for the next submission",
        answers=honest(
            "try: open('/tmp/LEAK', 'a').write(str(z))",
            "except OSError: pass",
            "try: open('/dev/shm/LEAK', 'a').write(str(z))",
            "except OSError: pass",
        ),
    ),
)

LOOP = (
    "rows = [torch.softmax(Q[..., t : t + 1, :] @ K.mT, -1) for t in range(Q.shape[-2])]",
    "weights = torch.cat(rows, -2)",
    "return weights @ V, weights",
)
HIDING = (
    Hostile(
        "loops in a thread",
        answers=attention(
            "import threading",
            "found = []",
            "thread = threading.Thread(target=lambda: found.append(loop(Q, K, V)))",
            "thread.start()",
            "thread.join()",
            "return found[0]",
            before="\n    ".join(("def loop(Q, K, V):", *LOOP)),
        ),
        loses=("q2_3",),
        partly=True,
    ),
    Hostile(
        "loops with the trace switched off",
        answers=attention("import sys", "sys.settrace(None)", *LOOP),
        loses=("q2_3",),
        partly=True,
    ),
    Hostile(
        "loops in TorchScript",
        answers=attention(
            "return scripted(Q, K, V)",
            before="\n".join(
                (
                    "@torch.jit.script",
                    "def scripted(Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor):",
                    "    rows = []",
                    "    for t in range(Q.shape[-2]):",
                    "        rows.append(torch.softmax(Q[..., t : t + 1, :] @ K.mT, -1))",
                    "    weights = torch.cat(rows, -2)",
                    "    return weights @ V, weights",
                )
            ),
        ),
        loses=("q2_3",),
        partly=True,
    ),
)
ENDLESSLY_ENDING = (
    Hostile("sixty cells that end the process", first=("import os\nos._exit(1)",) * 60, problem=True, slow=True),
)

BREAKING_OUT = (
    Hostile("becomes root", first=("import os\nos.setuid(0)", "import ctypes\nctypes.CDLL(None).setresuid(0, 0, 0)")),
    Hostile(
        "traces its server",
        first=(
            "import ctypes\nlibc = ctypes.CDLL(None)\nfor pid in range(1, 50):\n    libc.ptrace(16, pid, 0, 0)\nassert libc.ptrace(16, 1, 0, 0) == 0",
        ),
    ),
    Hostile(
        "mounts and unshares",
        first=(
            "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.unshare(0x10000000)\nlibc.mount(b'none', b'/', b'tmpfs', 0, b'')\nlibc.umount2(b'/proc', 2)",
        ),
    ),
    Hostile("changes its root", first=("import os\nos.chroot('/')",)),
    Hostile(
        "links to everywhere",
        first=(
            "import os\nfor i, path in enumerate(('/', '/etc/shadow', '/root', '/proc/1/root', '..', '/tmp')):\n    try: os.symlink(path, f'link{i}')\n    except OSError: pass\n    try: os.link(path, f'hard{i}')\n    except OSError: pass",
        ),
    ),
    Hostile(
        "locks its folder",
        first=("import os\nos.makedirs('a/b/c')\nopen('a/b/c/d', 'w').close()\nos.chmod('a/b', 0)\nos.chmod('.', 0)",),
    ),
    Hostile(
        "talks to the network",
        first=(
            "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)",
            "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')",
        ),
    ),
    Hostile("listens for others", first=("import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0grader')",)),
    Hostile(
        "raises its limits",
        first=(
            "import resource\nfor kind in range(16):\n    try: resource.setrlimit(kind, (-1, -1))\n    except (OSError, ValueError): pass\nblocks = [np.ones(10_000_000) for _ in range(200)]",
        ),
    ),
)

LEFT_BEHIND = (
    Hostile("removes the folder it works in", first=("import os\nos.mkdir('x')\nos.chdir('x')\nos.rmdir('../x')",)),
    Hostile(
        "writes modules that hide installed ones",
        first=(
            "for name in ('numpy', 'torch', 'attnkit', 'json', 'wave', 'inside'):\n    open(f'{name}.py', 'w').write('raise SystemExit')",
            "try:\n    import wave\nexcept SystemExit: pass",
        ),
    ),
    Hostile(
        "clears the environment", first=("import os, sys\nos.environ.clear()\nsys.path.clear()\nsys.meta_path.clear()",)
    ),
    Hostile("spoils the cache of imports", first=("import sys\nsys.path_importer_cache = None",)),
    Hostile(
        "stops the clocks",
        first=(
            "import time\nfor name in ('time', 'monotonic', 'perf_counter', 'thread_time_ns', 'process_time_ns'):\n    setattr(time, name, lambda: 0)",
        ),
    ),
    Hostile(
        "lowers its own limits",
        first=(
            "import resource\nfor kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):\n    resource.setrlimit(kind, (0, 0))",
        ),
    ),
    Hostile(
        "a hook that refuses everything",
        last=("import sys\ndef refuse(*_):\n    raise RuntimeError('no')\nsys.addaudithook(refuse)",),
        loses=ANYTHING,
    ),
    Hostile(
        "waits at every collection",
        first=(
            "import gc, time\ngc.callbacks.append(lambda *_: time.sleep(0.001))\ngc.set_threshold(1)\ngc.set_threshold(700)",
        ),
    ),
    Hostile("another device by default", first=("torch.set_default_device('meta')",)),
    Hostile(
        "other numbers of digits",
        first=(
            "import sys, locale\nsys.set_int_max_str_digits(640)\nlocale.setlocale(locale.LC_ALL, 'C')\nnp.set_printoptions(threshold=0)",
        ),
    ),
    Hostile(
        "asks for a hundred megabytes of paper",
        first=("import matplotlib.pyplot as plt\nplt.figure(figsize=(1000, 1000))\nplt.plot([1])",),
    ),
    Hostile(
        "a transformer of cells that refuses",
        first=(
            "def refuse(lines):\n    raise RuntimeError('no')\nget_ipython().input_transformers_cleanup.append(refuse)",
        ),
    ),
    Hostile(
        "a hook around every cell",
        first=(
            "def raising(*_):\n    raise SystemExit\nfor name in ('pre_run_cell', 'post_run_cell', 'pre_execute', 'post_execute'):\n    get_ipython().events.register(name, raising)",
        ),
    ),
    Hostile(
        "builtins that lie",
        last=("import builtins\nbuiltins.len = builtins.isinstance = lambda *_: True",),
        loses=ANYTHING,
    ),
    Hostile(
        "an answer that is a thousand names deep",
        answers=softmax("x = {}", "for _ in range(1000): x = {'a' * 100: x}", "return x"),
        loses=("q2_1",),
    ),
    Hostile(
        "a dictionary whose keys change",
        answers=softmax(
            "return Odd({'a': 1})",
            before="class Odd(dict):\n    def items(self):\n        n = 0\n        while True:\n            n += 1\n            yield f'k{n}', 1.0",
        ),
        loses=("q2_1",),
        slow=True,
    ),
)

CORPUS = (
    *ENDING,
    *HANGING,
    *FLOODING,
    *TAKING,
    *DESCRIPTORS_AND_THREADS,
    *PATCHING,
    *PRETENDING,
    *CHEATING,
    *HIDING,
    *ENDLESSLY_ENDING,
    *BREAKING_OUT,
    *LEFT_BEHIND,
)
