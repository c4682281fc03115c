"""The flow whose tasks are odd: one step of a branch, or one task of a foreach, does what a row says."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.trials.odd_rows import Row

FLOW = "Odd"
PLACES = ("step", "retry", "catch", "child")
"""Where the odd code is: in a step, in the first attempt of one with `@retry`, in one with `@catch`, in a foreach."""
_HELPERS = """
import asyncio, atexit, gc, io, os, resource, shutil, signal, subprocess, sys, tempfile, threading, time
from flowc import FlowSpec, catch, current, retry, step, timeout
from flowc.errors import FlowError

TRUE = shutil.which("true")
Group = getattr(__builtins__, "ExceptionGroup", None) or type("Group", (Exception,), {})

def wanted():
    return os.environ.get("ODD") != "no" and current.retry_count == 0

def fails(*_, **__):
    raise ZeroDivisionError("odd part")

def endless(*_, **__):
    while True:
        time.sleep(0.01)

def leaves(*_, **__):
    sys.exit(3)

def end_by(number):
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)  # a job in the background ignores some
    os.kill(os.getpid(), number)
    time.sleep(9)

def print_for_ever():
    while True:
        print("x" * 70)
        time.sleep(0.001)

def set_late(flow):
    while True:
        flow.late = threading.Lock()
        time.sleep(0.001)

def name_late(flow):
    for number in range(10**9):
        setattr(flow, f"late{number % 5000}", number)
        if number > 5000:
            delattr(flow, f"late{(number + 1) % 5000}")

def limit_memory(megabytes):
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + (megabytes << 20), resource.RLIM_INFINITY))

async def agen():
    yield 1

async def coroutine():
    await asyncio.sleep(9)

async def failing():
    raise ValueError("odd one")

def left_open():
    try:
        yield 1
    finally:
        fails()

def exceptional(name, base=Exception, **members):
    return type(name, (base,), {"__module__": __name__, **members})

def value(name, **members):
    return type(name, (), {"__module__": __name__, **members})

class OwnBase(BaseException): pass
class OddName(BaseException): pass
OddName.__name__ = "Odd\\x1b[31m\\nName"
BadRepr = value("BadRepr", __repr__=fails, __str__=fails)
BadStr = exceptional("BadStr", __str__=fails, __repr__=fails)
StrNumber = exceptional("StrNumber", __str__=lambda self: 3)
StrExits = exceptional("StrExits", __str__=leaves)
StrEndless = exceptional("StrEndless", __str__=endless)
BadArgs = exceptional("BadArgs", args=property(fails))
BadReduce = exceptional("BadReduce", __reduce__=fails, __reduce_ex__=fails)
class ModuleNumber(Exception): __module__ = 7
BadDir = value("BadDir", __dir__=fails, __getattr__=fails)
BadEqual = exceptional("BadEqual", __eq__=fails, __hash__=object.__hash__)
BadHash = exceptional("BadHash", __hash__=fails)
BadGetattr = exceptional("BadGetattr", __getattr__=fails)
BadStream = value("BadStream", write=fails, flush=fails)
EndlessFlush = value("EndlessFlush", write=lambda self, text: len(text), flush=endless)
ExitingFlush = value("ExitingFlush", write=leaves, flush=leaves)
BadPickle = value("BadPickle", __reduce__=fails)
JunkReduce = value("JunkReduce", __reduce__=lambda self: (1, 2, 3))
ExitPickle = value("ExitPickle", __reduce__=leaves)
EndlessPickle = value("EndlessPickle", __reduce__=endless)
def interrupts(self): raise KeyboardInterrupt
InterruptPickle = value("InterruptPickle", __reduce__=interrupts)
def exhausts(self): raise MemoryError
MemoryPickle = value("MemoryPickle", __reduce__=exhausts)
BadUnpickle = value("BadUnpickle", __reduce__=lambda self: (fails, ()))
ExitUnpickle = value("ExitUnpickle", __reduce__=lambda self: (os._exit, (9,)))
BadEqualValue = value("BadEqualValue", __eq__=fails, __ne__=fails, __hash__=None, __bool__=fails)
ClassLies = value("ClassLies", __class__=property(lambda self: int))
BadGetattrValue = value("BadGetattrValue", __getattr__=lambda self, name: getattr(self, name + "x"))
BadLen = value("BadLen", __len__=fails, __iter__=fails, __sizeof__=fails, __contains__=fails)
Changing = value("Changing", __getstate__=lambda self: {"at": time.time_ns()})
BadHashLater = value("BadHashLater", __repr__=fails, __str__=fails)
DelRaises = value("DelRaises", __del__=fails)
DelExits = value("DelExits", __del__=leaves)
"""
_FLOW = """
class Odd(FlowSpec):
    @step
    def start(self):
        self.base = 41
        self.next(self.left, self.odd)

    @step
    def left(self):
        self.value = self.base + 1
        self.items = [1, 2, 3]
        self.next(self.child, foreach="items")

    {of_child}@step
    def child(self):
        self.double = self.input * 2
        {in_child}
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.doubles = [each.double for each in inputs]
        self.value = inputs[0].value
        self.next(self.both)

    {of_odd}@step
    def odd(self):
        self.before = 7
        {in_odd}
        self.after = 8
        self.next(self.both)

    @step
    def both(self, inputs):
        odd = [getattr(inputs.odd, name, 0) for name in ("before", "after")]
        self.merged = [inputs.collect.doubles, inputs.collect.value, *odd]
        self.next(self.end)

    @step
    def end(self):
        self.last = self.merged + [9]

    def misbehave(self):
"""
_MAIN = """
if __name__ == "__main__":
    Odd()
"""
LAST = ([2, 4, 6], 42, 7, 8, 9)
"""The artifact `last` of a run without failures."""


def source(row: Row, place: str) -> str:
    """The flow's file."""
    decorators = {
        "retry": "@retry(times=1, minutes_between_retries=0)",
        "catch": "@catch(var='failure', print_exception=False)",
    }
    lines = ([decorators[place]] if place in decorators else []) + (["@timeout(seconds=1)"] if row.timeout else [])
    own = "".join(f"{line}\n    " for line in lines)
    in_child = place == "child"
    text = _FLOW.format(
        of_child=own if in_child else "", of_odd="" if in_child else own,
        in_child="if self.index == 1 and wanted(): self.misbehave()" if in_child else "pass",
        in_odd="pass" if in_child else "if wanted(): self.misbehave()",
    )  # fmt: skip
    return _HELPERS + text + textwrap.indent(row.body, " " * 8) + "\n" + _MAIN


def write_flow(folder: Path, row: Row, place: str) -> None:
    """Put the flow's file into a folder."""
    (folder / "flow.py").write_text(source(row, place), encoding="utf-8", errors="surrogatepass")
