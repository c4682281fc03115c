"""What a task starts from: state that a module makes when it is executed, observed by several tasks of every shape.

Each kind of state is a few statements of a module, and an expression that tasks evaluate. The flow prints how many
different values there were, or the values.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

from tests.variants.variant import Variant

Verdict = Literal["distinct", "values"]


@dataclass(frozen=True)
class State:
    """A kind of state."""

    name: str
    module: str
    """Statements of the module."""
    observed: str
    """An expression, or the body of a function that returns one."""
    verdict: Verdict = "values"
    """What is compared: how many values there are, or the values themselves."""


HEAD = """\
import asyncio, atexit, builtins, collections, contextvars, decimal, functools, gc, itertools, logging, math, os, queue
import random, secrets, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time, uuid, warnings, weakref
from concurrent.futures import ThreadPoolExecutor
from metaflow import FlowSpec, environment, step
"""
SHAPES = {
    "foreach": """\
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.seen = [observe()]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [value for item in inputs for value in item.seen]
        self.next(self.end)
""",
    "linear": """\
    @step
    def start(self):
        self.seen = [observe()]
        self.next(self.second)

    @step
    def second(self):
        self.seen = [*self.seen, observe()]
        self.next(self.third)

    @step
    def third(self):
        self.seen = [*self.seen, observe()]
        self.next(self.end)
""",
    "branch": """\
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.seen = [observe()]
        self.next(self.join)

    @step
    def right(self):
        self.seen = [observe()]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [*inputs.left.seen, *inputs.right.seen, observe()]
        self.next(self.end)
""",
    "nested": """\
    @step
    def start(self):
        self.outer = [0, 1]
        self.next(self.open, foreach="outer")

    @step
    def open(self):
        self.inner = [0, 1]
        self.next(self.work, foreach="inner")

    @step
    def work(self):
        self.seen = [observe()]
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.seen = [value for item in inputs for value in item.seen]
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.seen = [value for item in inputs for value in item.seen]
        self.next(self.end)
""",
}
END = """
    @step
    def end(self):
        print("RESULT", {verdict})


if __name__ == "__main__":
    F()
"""
VERDICTS = {"distinct": "len(set(self.seen)), 'of', len(self.seen)", "values": "sorted(self.seen)"}

STATES = (
    State("generator", "RNG = random.Random()", "RNG.random()", "distinct"),
    State("subclass_of_generator", "class Mine(random.Random): pass\nRNG = Mine()", "RNG.random()", "distinct"),
    State("seeded_generator", "RNG = random.Random(7)", "RNG.random()", "distinct"),
    State("global_generator", "", "random.random()", "distinct"),
    State("seeded_global_generator", "random.seed(3)", "random.random()", "distinct"),
    State("drawn_number", "DRAWN = random.random()", "DRAWN", "distinct"),
    State("sampled_order", "ORDER = random.sample(range(10 ** 9), 3)", "tuple(ORDER)", "distinct"),
    State("uuid", "ID = uuid.uuid4()", "ID.hex", "distinct"),
    State("token", "TOKEN = secrets.token_hex()", "TOKEN", "distinct"),
    State("clock", "BEGUN = time.time_ns()", "BEGUN", "distinct"),
    State("process_id", "PID = os.getpid()", "PID == os.getpid()"),
    State("counter", "COUNTER = itertools.count()", "next(COUNTER)"),
    State("iterator", "LINES = iter(['first', 'second', 'third'])", "next(LINES)"),
    State("list", "CACHE = []", "CACHE.append(1)\nreturn len(CACHE)"),
    State("dict", "SEEN = collections.Counter()", "SEEN['x'] += 1\nreturn SEEN['x']"),
    State("global_variable", "CALLS = 0", "global CALLS\nCALLS += 1\nreturn CALLS"),
    State("lru_cache", "@functools.lru_cache\ndef cached(n):\n    return n",
          "cached(1)\nreturn cached.cache_info().misses"),
    State("class_attribute", "class Box:\n    made = 0", "Box.made += 1\nreturn Box.made"),
    State("temporary_folder", "TMP = tempfile.TemporaryDirectory()",
          "open(os.path.join(TMP.name, 'x'), 'w').close()\nreturn tuple(os.listdir(TMP.name))"),
    State("temporary_folder_name", "TMP = tempfile.TemporaryDirectory()", "TMP.name", "distinct"),
    State("temporary_file", "FILE = tempfile.TemporaryFile()", "FILE.write(b'abc')\nreturn FILE.tell()"),
    State("folder_removed_at_exit",
          "import shutil\nTMP = tempfile.mkdtemp()\natexit.register(shutil.rmtree, TMP)", "os.path.isdir(TMP)"),
    State("event_loop", "LOOP = asyncio.new_event_loop()\nasync def answer():\n    return 42",
          "LOOP.run_until_complete(answer())"),
    State("lock", "LOCK = threading.Lock()", "LOCK.acquire(blocking=False)"),
    State("taken_lock", "LOCK = threading.Lock()\nLOCK.acquire()", "LOCK.locked()"),
    State("thread", "IN, OUT = queue.Queue(), queue.Queue()\n"
          "threading.Thread(target=lambda: OUT.put(IN.get() * 2), daemon=True).start()",
          "IN.put(21)\nreturn OUT.get(timeout=20)"),
    State("thread_pool", "POOL = ThreadPoolExecutor(2)\nPOOL.submit(int).result()",
          "POOL.submit(sum, [1, 2]).result()"),
    State("thread_local", "LOCAL = threading.local()\nLOCAL.x = 5", "LOCAL.x += 1\nreturn LOCAL.x"),
    State("queue", "QUEUE = queue.Queue()\nQUEUE.put('only')", "QUEUE.get(timeout=20)"),
    State("child_process", "CAT = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
          "atexit.register(CAT.kill)",
          "CAT.stdin.write(b'hello\\n'); CAT.stdin.flush()\nreturn CAT.stdout.readline()"),
    State("database", "DB = sqlite3.connect(':memory:')\nDB.execute('create table t (x)')",
          "DB.execute('insert into t values (1)')\nreturn DB.execute('select count(*) from t').fetchone()[0]"),
    State("socket_pair", "A, B = socket.socketpair()", "A.send(b'ping')\nreturn B.recv(100)"),
    State("pipe", "READ, WRITE = os.pipe()", "os.write(WRITE, b'x')\nreturn os.read(READ, 100)"),
    State("environment_variable", "os.environ['MODE'] = os.environ.get('MODE', '') + 'x'", "os.environ['MODE']"),
    State("import_path", "sys.path.append('/nowhere')", "sys.path.count('/nowhere')"),
    State("working_folder", "NAME = tempfile.mkdtemp(prefix='own')\nos.chdir(NAME)",
          "os.path.samefile(os.getcwd(), NAME)"),
    State("recursion_limit", "sys.setrecursionlimit(sys.getrecursionlimit() + 7)", "sys.getrecursionlimit() % 1000"),
    State("signal_handler", "HITS = []\nsignal.signal(signal.SIGUSR1, lambda *_: HITS.append(1))",
          "os.kill(os.getpid(), signal.SIGUSR1)\nreturn len(HITS)"),
    State("warnings_filter", "warnings.simplefilter('error')", "warnings.filters[0][0]"),
    State("decimal_context", "decimal.getcontext().prec = 5", "str(decimal.Decimal(1) / 3)"),
    State("socket_timeout", "socket.setdefaulttimeout(3)", "socket.getdefaulttimeout()"),
    State("context_variable", "VAR = contextvars.ContextVar('v', default=0)\nVAR.set(VAR.get() + 1)",
          "VAR.set(VAR.get() + 1)\nreturn VAR.get()"),
    State("builtin_name", "builtins.ANSWER = getattr(builtins, 'ANSWER', 0) + 1", "ANSWER"),
    State("patched_library", "math.tau = math.tau + 1", "round(math.tau, 2)"),
    State("log_handler", "LOG = logging.getLogger('shop')\nLOG.addHandler(logging.NullHandler())", "len(LOG.handlers)"),
    State("garbage_collector", "gc.disable()", "gc.isenabled()"),
    State("weak_reference", "class Thing: pass\nTHING = Thing()\nREF = weakref.ref(THING)", "REF() is THING"),
    State("process_title_of_main", "", "len(sys.argv) > 0"),
)  # fmt: skip
UNASKED = {"working_folder": ("RESULT [True, True, True]",)}
"""Right answers where Metaflow has none: it looks for its own files in the working directory."""
IN_EVERY_SHAPE = ("generator", "drawn_number", "counter", "temporary_folder", "thread", "environment_variable")
AT_THE_END = {
    "atexit": "atexit.register(print, 'RESULT end of', self.input)",
    "finalizer": "weakref.finalize(FlowSpec, print, 'RESULT end of', self.input)",
    "object_of_the_module": "global KEEP\n        KEEP = Late(self.input)",
    "object_of_a_cycle": "global KEEP\n        KEEP = Late(self.input)\n        KEEP.me = KEEP",
    "thread_that_goes_on": "threading.Thread(target=Late(self.input).later).start()",
}
"""Statements of a step that print when its process ends."""
LATE = """
class Late:
    def __init__(self, item):
        self.text = "RESULT end of %s" % item

    def __del__(self):
        print(self.text, flush=True)

    def later(self):
        time.sleep(0.2)
"""
READS = {
    "constant": ("MODE = os.environ.get('MODE', 'unset')", "", "MODE"),
    "default_argument": ("def mode(x=os.environ.get('MODE', 'unset')):\n    return x", "", "mode()"),
    "class_attribute": ("", "mode = os.environ.get('MODE', 'unset')", "self.mode"),
    "branch": ("if 'MODE' in os.environ:\n    MODE = 'set'\nelse:\n    MODE = 'unset'", "", "MODE"),
    "module": ("import settings", "", "settings.MODE"),
    "late": ("", "", "os.environ.get('MODE', 'unset')"),
    "child_process": ("MODE = subprocess.check_output('echo $MODE', shell=True, text=True).strip()", "", "MODE"),
    "time_zone": (
        "import time\nZONE = time.strftime('%Z', time.localtime(0))",
        "",
        "ZONE if ZONE == 'XYZ' else 'other'",
    ),
    "hash_seed": ("", "", "hash('text') if 'PYTHONHASHSEED' in os.environ else 'random'"),
}
"""Statements of the module and of the class, and an expression of steps: how @environment's variables are read."""


def _observing(state: State) -> str:
    lines = state.observed.split("\n")
    if len(lines) == 1:
        lines[0] = f"return {lines[0]}"
    body = textwrap.indent("\n".join(lines), "    ")
    return f"{HEAD}\n{state.module}\n\n\ndef observe():\n{body}\n\n\nclass F(FlowSpec):\n"


def _flow(state: State, shape: str) -> str:
    return _observing(state) + SHAPES[shape] + END.format(verdict=VERDICTS[state.verdict])


def _of_states() -> list[Variant]:
    chosen = [(state, "foreach") for state in STATES]
    chosen += [
        (state, shape) for state in STATES if state.name in IN_EVERY_SHAPE for shape in SHAPES if shape != "foreach"
    ]
    return [
        Variant(f"{state.name}_{shape}", {"flow.py": _flow(state, shape)}, expected=UNASKED.get(state.name))
        for state, shape in chosen
    ]


def _of_local_modules() -> list[Variant]:
    """The same in a module beside the flow, and in a package."""
    found: list[Variant] = []
    for state in (item for item in STATES if item.name in ("generator", "drawn_number", "temporary_folder_name")):
        module = f"{HEAD}\n{state.module}\n\n\ndef observe():\n    return {state.observed}\n"
        for name, file in (("beside", "beside.py"), ("package", "package/__init__.py"), ("inner", "inner/deep.py")):
            source = {"beside": "beside", "package": "package", "inner": "inner.deep"}[name]
            flow = f"{HEAD}from {source} import observe\n\n\nclass F(FlowSpec):\n{SHAPES['foreach']}"
            files = {file: module, "flow.py": flow + END.format(verdict=VERDICTS[state.verdict])}
            if name == "inner":
                files["inner/__init__.py"] = ""
            found.append(Variant(f"{state.name}_in_{name}", files))
    return found


def _of_ends() -> list[Variant]:
    return [
        Variant(f"end_by_{name}", {"flow.py": f"""{HEAD}{LATE}

class F(FlowSpec):
    @step
    def start(self):
        self.items = ["a", "b"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        {statement}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    F()
"""}, expected=expected)
        # What an object prints when Python ends, Metaflow does not keep.
        for name, statement in AT_THE_END.items()
        for expected in [("RESULT end of a", "RESULT end of b") if name.startswith("object") else None]
    ]  # fmt: skip


def _of_environments() -> list[Variant]:
    """Variables of @environment, in two steps with other values, a foreach, and a step without."""
    variables = {"MODE": "fast", "TZ": "XYZ-3", "PYTHONHASHSEED": "0"}
    found: list[Variant] = []
    for name, (module, of_class, read) in READS.items():
        flow = f"""{HEAD}
{module}


class F(FlowSpec):
    {of_class or "pass"}

    @environment(vars={variables})
    @step
    def start(self):
        print("RESULT start", {read})
        self.next(self.plain)

    @step
    def plain(self):
        print("RESULT plain", {read})
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @environment(vars={ {**variables, "MODE": "slow"} })
    @step
    def work(self):
        print("RESULT work", self.input, {read})
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", {read})


if __name__ == "__main__":
    F()
"""
        found.append(
            Variant(f"environment_{name}", {"flow.py": flow, "settings.py": f"import os\n{READS['constant'][0]}\n"})
        )
    return found


VARIANTS = (*_of_states(), *_of_local_modules(), *_of_ends(), *_of_environments())
