"""Flows that befall something while they run on a live Airflow."""

from __future__ import annotations

from tests.conftest import REPOSITORY

VALUES = """\
from flowc import FlowSpec, JSONType, Parameter, step


class Values(FlowSpec):
    text = Parameter("text", default="plain")
    empty = Parameter("empty-text", default="not empty")
    tree = Parameter("tree", type=JSONType, default="{}")
    count = Parameter("count", default=1)
    ratio = Parameter("ratio", default=0.5)
    flag = Parameter("flag", default=False)
    kept = Parameter("kept", default="{{ dag_run }} $(HOME)")

    @step
    def start(self):
        self.seen = [self.text, self.empty, self.tree, self.count, self.ratio, self.flag, self.kept]
        self.next(self.end)

    @step
    def end(self):
        print(self.text)
"""
"""A parameter of each type, and one that keeps its default."""

STOPPED = """\
import os
import time
from pathlib import Path

from flowc import FlowSpec, exit_hook, retry, step


def told(run):
    Path(os.environ["HOOKS_FOLDER"], f"{run.id} {run.successful}").write_text("")


@exit_hook(on_error=[told])
class Stopped(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        for second in range(600):
            print("second", second, flush=True)
            time.sleep(1)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""Works until it is stopped."""

FAILING = """\
from flowc import FlowSpec, current, retry, step


class Failing(FlowSpec):
    @step
    def start(self):
        self.items = ["good", "bad"]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print("attempt", current.retry_count, "of", self.input)
        if self.input == "bad":
            raise ValueError("this one is bad")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""One of two items fails, twice."""

MENDED = (
    FAILING.replace("class Failing", "class Mended")
    .replace('if self.input == "bad":', 'if self.input == "bad" and not os.path.exists(os.environ["MENDED"]):')
    .replace("from flowc", "import os\n\nfrom flowc", 1)
)
"""The same, until there is a file."""

FIRST = """\
from flowc import FlowSpec, step


class First(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""The flow that another waits for."""

SECOND = """\
from flowc import FlowSpec, Parameter, current, step, trigger_on_finish


@trigger_on_finish(flow="First")
class Second(FlowSpec):
    word = Parameter("word", default="by default")

    @step
    def start(self):
        self.said = self.word
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""The flow that waits for it."""

EXAMPLE = (REPOSITORY / "examples" / "parallel_sum.py").read_text()
_LINE = "        who = current.parallel\n"
GANG = EXAMPLE.replace(_LINE, f"{_LINE}        time.sleep(0 if current.retry_count else 120)\n")
"""The example of a gang, whose members sleep in their first attempt, once they have met."""
