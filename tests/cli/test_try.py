"""`flowc try`: one step alone, on the inputs of an earlier run or on given values, with nothing stored."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowc.client import Run
from flowc.store import open_store
from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_targets.local import ResumeOptions, RunOptions, run_flow
from flowc_targets.local.tried_inputs import TryOptions
from flowc_targets.local.tried_step import try_step
from tests.local.flows import Recorder
from tests.support import flowc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

SHOPS = """
from flowc import FlowSpec, Parameter, catch, current, resources, retry, step, timeout

class Price:
    def __init__(self, amount):
        self.amount = amount

class ShopsFlow(FlowSpec):
    SEED = 7
    scale = Parameter("scale", default=1)

    @step
    def start(self):
        self.shops = ["north", "south", "east"]
        self.rows = list(range(3000))
        self.next(self.read, foreach="shops")

    @retry(times=2)
    @catch(var="problem")
    @timeout(hours=1)
    @step
    def read(self):
        self.shop = self.input
        self.price = self.scale * len(self.rows)
        if self.shop == "south" and current.retry_count >= 0:
            raise ValueError("no price in " + self.shop)
        self.next(self.total)

    @step
    def total(self, inputs):
        self.sum = sum(getattr(one, "price", 0) for one in inputs)
        self.next(self.choose)

    @step
    def choose(self):
        self.big = "yes" if self.sum > 10 else "no"
        self.next({"yes": self.large, "no": self.small}, condition="big")

    @step
    def large(self):
        self.label = "large"
        self.next(self.end)

    @step
    def small(self):
        self.label = "small"
        self.next(self.fork)

    @step
    def fork(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.score = 1
        self.next(self.both)

    @step
    def right(self):
        self.score = 2
        self.next(self.both)

    @step
    def both(self, inputs):
        self.scores = [inputs.left.score, inputs.right.score]
        self.label = "both"
        self.next(self.end)

    @step
    def end(self):
        self.done = self.label

if __name__ == "__main__":
    ShopsFlow()
"""

LOOPS = """
from flowc import FlowSpec, parallel, step

class LoopsFlow(FlowSpec):
    @step
    def start(self):
        self.items = [2, 1]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.count, self.log = self.input, []
        self.next(self.again)

    @step
    def again(self):
        self.count -= 1
        self.log = self.log + [self.count]
        self.state = "more" if self.count > 0 else "done"
        self.next({"more": self.again, "done": self.ready}, condition="state")

    @step
    def ready(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.logs = [one.log for one in inputs]
        self.next(self.split)

    @step
    def split(self):
        self.next(self.gang, num_parallel=2)

    @parallel
    @step
    def gang(self):
        self.next(self.end)

    @step
    def end(self, inputs):
        pass

if __name__ == "__main__":
    LoopsFlow()
"""

NESTED = """
from flowc import FlowSpec, step

class NestedFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [1, 2]
        self.next(self.outer, foreach="xs")

    @step
    def outer(self):
        self.ys = [self.input]
        self.next(self.inner, foreach="ys")

    @step
    def inner(self):
        print(self.input, self.foreach_stack())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end_join)

    @step
    def end_join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    NestedFlow()
"""

PIPELINE = """
from flowc import pipeline, step

@step
def load(count: int) -> list[int]:
    return list(range(count))

@step
def double(number: int) -> int:
    if number == 2:
        raise ValueError("two")
    return 2 * number

@step
def total(numbers: list[int], extra: int) -> int:
    return sum(numbers) + extra

@pipeline
def sums(count: int = 3, extra: int = 5):
    total(double.map(load(count)), extra)

if __name__ == "__main__":
    sums()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both flows and a run of each; the class flow's is whole, the pipeline's has failed."""
    folder = tmp_path_factory.mktemp("tried")
    (folder / "shops.py").write_text(SHOPS)
    (folder / "sums.py").write_text(PIPELINE)
    (folder / "nested.py").write_text(NESTED)
    assert flowc(folder, "run", "shops.py", "--root", "store").returncode == 0
    assert flowc(folder, "run", "sums.py", "--root", "store").returncode == 1
    return folder


def tried(folder: Path, *arguments: str, fails: bool = False) -> str:
    """What a trial prints to both streams; it must store nothing."""
    store = open_store(str(folder / "store"))
    before = sorted(store.keys(""))
    done = flowc(folder, "try", *arguments, "--root", "store")
    assert (done.returncode != 0) is fails, done.stderr
    assert sorted(store.keys("")) == before
    return done.stdout + done.stderr


TRIALS = [
    (("shops.py", "start"), ["rows = [0, 1, 2", "next: read for each of 3 items of shops", "without a run"]),
    (("shops.py", "read/0"), ["shop = 'north'", "price = 3000", "next: total", "with the inputs of run 2"]),
    (("shops.py", "read/2", "-p", "scale=2"), ["price = 6000"]),
    (("shops.py", "read/2", "--scale", "3"), ["price = 9000"]),
    (("shops.py", "read/1", "--input", "west"), ["shop = 'west'"]),
    (("shops.py", "read/1", "--artifact", "rows=[1, 2]", "--input", "x"), ["price = 2\n"]),
    (("shops.py", "total"), ["sum = 9000", "next: choose"]),
    (("shops.py", "total", "--artifact", "price=1"), ["sum = 3\n"]),
    (("shops.py", "choose"), ["big = 'yes'", "next: large, which the switch has chosen"]),
    (("shops.py", "choose", "--artifact", "sum=4"), ["big = 'no'", "next: small"]),
    (("shops.py", "total", "--artifact", "2.price=1", "--artifact", "1.price=4"), ["sum = 3005\n"]),
    (("shops.py", "total", "--no-run", "--artifact", "0.price=3", "--artifact", "1.price=4"), ["sum = 7\n"]),
    (("shops.py", "both", "--no-run", "--artifact", "left.score=3", "--artifact", "right.score=8"), ["[3, 8]"]),
    (("shops.py", "read", "--no-run", "--input", "a", "--artifact", "rows=[1]"), ["price = 1\n"]),
    (("shops.py", "end", "--no-run", "--artifact", "label=text"), ["done = 'text'", "the flow ends here"]),
    (("shops.py", "end", "--no-run", "--artifact", 'label="1"'), ["done = '1'"]),
    (
        ("shops.py", "end", "--no-run", "--artifact", "label=x", "--artifact", "lable=1"),
        ["flowc: --artifact: shops.py has the name lable nowhere\n"],
    ),
    (("shops.py", "end"), ["done = 'large'"]),
    (("shops.py", "end", "--run", "latest"), ["done = 'large'"]),
    (("shops.py", "end", "--run", "ShopsFlow/latest"), ["done = 'large'"]),
    (("sums.py", "load"), ["= [0, 1, 2]"]),
    (("sums.py", "load", "-p", "count=4"), ["= [0, 1, 2, 3]"]),
    (("sums.py", "double/1"), ["= 2\n", "with the inputs of run 2"]),
    (("sums.py", "double/2", "--artifact", "number=6"), ["= 12\n"]),
    (("sums.py", "total", "--no-run", "--artifact", "numbers=[4, 5]", "-p", "extra=1"), ["= 10\n"]),
    (("sums.py", "total", "--artifact", "numbers=[4, 5]"), ["= 14\n", "with the inputs of run 2"]),
]


@pytest.mark.parametrize(("arguments", "shown"), TRIALS, ids=lambda item: " ".join(item)[:40])
def test_a_step_runs_alone(ran: Path, arguments: tuple[str, ...], shown: list[str]) -> None:
    """Each kind of step, with the inputs of the run, with given values, and with both."""
    said = tried(ran, *arguments)
    assert [text for text in shown if text not in said] == [], said
    assert "nothing was stored" in said


FAILURES = [
    (("shops.py", "read/1"), ["set, when it failed:", "shop = 'south'", "@retry and @catch and @timeout do nothing"]),
    (("sums.py", "double"), ["double/2 failed: ValueError: two"]),
    (("sums.py", "total"), ["error[FC614]", "double-2"]),
    (("shops.py", "both"), ["error[FC614]", "fork"]),
    (("shops.py", "read/3"), ["error[FC614]", "has 3 items"]),
    (("shops.py", "read/x"), ["error[FC614]", "one number"]),
    (("shops.py", "end/0"), ["error[FC614]", "no index"]),
    (("shops.py", "raed"), ["error[FC608]"]),
    (("shops.py", "end", "--run", "none-such"), ["error[FC602]"]),
    (("shops.py", "end", "--run", "x", "--no-run"), ["error[FC504]"]),
    (("shops.py", "end", "--artifact", "label"), ["error[FC505]"]),
    (("shops.py", "end", "--artifact", "label=@none.json"), ["error[FC505]", "No such file"]),
    (("shops.py", "end", "--artifact", "0.label=1"), ["error[FC505]"]),
    (("shops.py", "end", "--artifact", "label=" + "[" * 5000), ["error[FC505]", "too deep"]),
    (("shops.py", "end", "--artifact", "nowhere.label=1"), ["error[FC608]"]),
    (("shops.py", "end", "--input", "1"), ["error[FC505]"]),
    (("shops.py", "read", "--no-run"), ["error[FC614]", "--input"]),
    (("sums.py", "double", "--no-run"), ["error[FC614]", "--artifact number=VALUE"]),
    (("sums.py", "total", "--no-run"), ["error[FC614]", "`numbers`"]),
    (("nested.py", "inner", "--no-run", "--input", "1"), ["MissingInput", "item of the foreach of step 'start'"]),
    (("sums.py", "total", "--artifact", "nothing=1"), ["error[FC505]", "numbers"]),
    (("sums.py", "double", "--input", "1"), ["error[FC505]", "--artifact"]),
    (("shops.py", "end", "-p", "nope=1"), ["error[FC302]"]),
]


@pytest.mark.parametrize(("arguments", "shown"), FAILURES, ids=lambda item: " ".join(item)[:40])
def test_what_cannot_run_says_why(ran: Path, arguments: tuple[str, ...], shown: list[str]) -> None:
    """A step that fails, and what is no step, run, index or value."""
    said = tried(ran, *arguments, fails=True)
    assert [text for text in shown if text not in said] == [], said


def test_values_of_files(ran: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """JSON, pickles of the flow's own classes, text, and Metaflow's module of artifacts; the user's prints are seen."""
    (ran / "rows.json").write_text("[1, 2, 3, 4]")
    (ran / "rows.pickle").write_bytes(pickle.dumps(list(range(5000))))
    (ran / "label.txt").write_text("from a file")
    (ran / "given.py").write_text(
        "import math\nARTIFACTS = {'rows': list(range(int(math.sqrt(49)))), 'other': math.sqrt}\n"
    )
    (ran / "broken.py").write_text("ARTIFACTS = 1 / 0\n")
    assert "price = 4\n" in tried(ran, "shops.py", "read/0", "--artifact", "rows=rows.json")
    assert "price = 5000\n" in tried(ran, "shops.py", "read/0", "--artifact", "rows=@rows.pickle")
    assert "price = 7\n" in tried(ran, "shops.py", "read/0", "--artifacts-module", "given.py")
    assert "done = 'from a file'" in tried(ran, "shops.py", "end", "--artifact", "label=label.txt")
    assert "division by zero" in tried(ran, "shops.py", "end", "--artifacts-module", "broken.py", fails=True)
    tried(ran, "shops.py", "read/1", fails=True)
    assert "ValueError: no price in south" in capfd.readouterr().err


def test_each_task_of_a_run_sets_again_what_it_has_set(tmp_path: Path) -> None:
    """Iterations of a recursive switch, items and joins: artifacts, choices and widths are those of the run."""
    (tmp_path / "loops.py").write_text(LOOPS)
    found = compile_file(tmp_path / "loops.py")
    options = RunOptions(root=str(tmp_path / "store"))
    result = run_flow(found.flow, found.source, options, Recorder())
    run = Run(f"LoopsFlow/{result.run_id}", root=options.root)
    tasks = [task for step in run for task in step if step.name != "gang"]
    assert len(tasks) == 11
    for task in tasks:
        index = ".".join(map(str, task.path)) or None
        with try_step(found.flow, found.source, options, TryOptions(task.step, index), lambda line: None) as tried:
            assert tried.manifest is not None
            for entry in ("artifacts", "choice", "foreach"):
                assert tried.manifest.get(entry) == task.manifest.get(entry), (task.id, entry)
    member = try_step(found.flow, found.source, options, TryOptions("gang", "0"), lambda line: None)
    with pytest.raises(FlowcError, match="FC614"), member:
        pass


def test_a_kept_step_is_a_run_to_resume(ran: Path) -> None:
    """`--keep` stores a run that has taken over what comes before; `flowc resume` continues it."""
    done = flowc(ran, "try", "sums.py", "double/2", "--artifact", "number=6", "--keep", "--root", "store")
    assert done.returncode == 0
    run = Run.latest("sums", root=str(ran / "store"))
    assert f"stored as run {run.pathspec}" in done.stderr
    assert (run.status, run["double"]["2"].artifact_names) == ("interrupted", ["output"])
    assert run.origin_pathspec is not None
    resumed = flowc(ran, "resume", "sums.py", "--origin-run-id", run.id, "--root", "store")
    assert resumed.returncode == 0, resumed.stderr
    assert Run.latest("sums", root=str(ran / "store"))["total"].task.data.output == 0 + 2 + 12 + 5


STOPS = """
from flowc import FlowSpec, current, retry, step

class StopsFlow(FlowSpec):
    @retry(times=1)
    @step
    def start(self):
        if current.retry_count == 0:
            raise ValueError("first")
        raise KeyError("later")
        self.next(self.end)

    @step
    def end(self):
        breakpoint()

if __name__ == "__main__":
    StopsFlow()
"""


def test_the_attempt_of_a_step(tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    done = flowc(tmp_path, "run", "stops.py", "--root", "store")
    assert "flowc try stops.py start --run " in done.stderr
    assert " --attempt 1 --root store\n" in done.stderr
    assert "failed: ValueError: first" in flowc(tmp_path, "try", "stops.py", "start").stderr
    done = flowc(tmp_path, "try", "stops.py", "start", "--attempt", "1", "--keep", "--root", "store")
    assert "failed: KeyError: 'later'" in done.stderr
    assert [one.number for one in Run.latest("StopsFlow", root=str(tmp_path / "store"))["start"].task.attempts] == [1]


@pytest.mark.parametrize(
    ("given", "options", "said", "unsaid"),
    [
        (None, ["--pdb"], "error[FC504]: --pdb needs a terminal or a pipe", "took"),
        (None, [], "this task has none: run it in a terminal, or give a pipe", "flowc try"),
        ("q\n", [], "end failed: the debugger has ended it\n", "Traceback"),
        ("c\n", [], "end took", "Traceback"),
    ],
)
def test_who_answers_the_debugger(
    tmp_path: Path, given: str | None, options: list[str], said: str, unsaid: str
) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    command = [sys.executable, "-m", "flowc_cli", "try", "stops.py", "end", "--no-run", *options]
    stdin = subprocess.DEVNULL
    if given is not None:
        (tmp_path / "given").write_text(given)
        stdin = os.open(tmp_path / "given", os.O_RDONLY)
    done = subprocess.run(command, cwd=tmp_path, stdin=stdin, capture_output=True, text=True, check=False)
    assert said in done.stderr
    assert unsaid not in done.stderr
    if given is not None:
        os.close(stdin)


SIBLINGS = """
from flowc import FlowSpec, step

class SiblingsFlow(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.work, self.other)

    @step
    def other(self):
        self.next(self.both)

    @step
    def work(self):
        self.next(self.one, foreach="items")

    @step
    def one(self):
        if self.input == 2 and "broken" in "BROKEN":
            raise ValueError("no")
        self.next(self.after)

    @step
    def after(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SiblingsFlow()
"""


def test_a_kept_step_takes_over_what_its_siblings_have_finished(tmp_path: Path) -> None:
    file = tmp_path / "siblings.py"
    file.write_text(SIBLINGS.replace("BROKEN", "broken"))
    options = RunOptions(root=str(tmp_path / "store"), max_workers=1)
    found = compile_file(file)
    first = run_flow(found.flow, found.source, options, Recorder())
    assert not first.ok
    before = Run(f"SiblingsFlow/{first.run_id}", root=options.root)
    done = {task.pathspec.split("/", 2)[2] for step in before for task in step if task.successful}
    file.write_text(SIBLINGS)
    found = compile_file(file)
    with try_step(found.flow, found.source, options, TryOptions("one", "2", keep=True), lambda line: None) as tried:
        assert tried.kept is not None
    kept = Run(tried.kept, root=options.root)
    assert {task.pathspec.split("/", 2)[2] for step in kept for task in step} == {*done, "one/one-2"}
    resumed = run_flow(found.flow, found.source, replace(options, resume=ResumeOptions(kept.id)), Recorder())
    assert (resumed.ok, resumed.reused) == (True, len(done) + 1)


FAN = """
from flowc import pipeline, step

@step
def make(number: int) -> int:
    return number

@step
def combine(numbers: list[int]) -> int:
    return len(numbers)

@pipeline
def fan(count: int = 5):
    combine([make(number) for number in range(count)])

if __name__ == "__main__":
    fan()
"""


def test_a_pipeline_has_the_graph_of_the_run(tmp_path: Path) -> None:
    """A parameter that shapes the graph is that of the run, unless another value is given."""
    (tmp_path / "fan.py").write_text(FAN)
    assert flowc(tmp_path, "run", "fan.py", "-p", "count=2", "--root", "store").returncode == 0
    assert "output = 2\n" in tried(tmp_path, "fan.py", "combine")
    assert "output = 1\n" in tried(tmp_path, "fan.py", "make_2")
    assert "has not finished" in tried(tmp_path, "fan.py", "combine", "-p", "count=5", fails=True)
