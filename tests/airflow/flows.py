"""Flows that hold what the examples do not: hostile strings, every spec, names that a DAG file uses itself."""

from __future__ import annotations

HOSTILE = "a {{ b }} {% raw %} {# $(HOME) $$ %} '\" \\ \n\ttab ü \u2028 .md"

VALUES = f"""\
class ValuesFlow(FlowSpec):
    count = Parameter("n-items", type=int, default=0)
    text = Parameter("text", default={HOSTILE!r}, help={HOSTILE!r})
    tree = Parameter("tree", type=JSONType, default='{{"a": [1, "{{{{ x }}}}"]}}')
    empty = Parameter("empty", default=None)
    flag = Parameter("flag", default=True)
    ratio = Parameter("ratio", type=float, default=1)

    @environment(vars={{"HOSTILE": {HOSTILE!r}}})
    @step
    def start(self):
        import os

        self.variable = os.environ["HOSTILE"]
        self.items = list(range(self.count))
        self.values = [self.text, self.tree, self.empty, self.flag, self.ratio]
        self.next(self.list, self.task)

    @step
    def list(self):
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.next(self.tail)

    @step
    def tail(self):
        self.next(self.none)

    @step
    def none(self, inputs):
        self.found = len(inputs)
        self.next(self.both)

    @retry(times=1, minutes_between_retries=0)
    @step
    def task(self):
        if current.retry_count == 0:
            raise ValueError("the first attempt")
        self.attempt = current.retry_count
        self.letters = ["p", "q"]
        self.next(self.each, foreach="letters")

    @step
    def each(self):
        self.letter = self.input
        self.next(self.upper, self.lower)

    @step
    def upper(self):
        self.letter = self.letter.upper()
        self.next(self.pair)

    @step
    def lower(self):
        self.next(self.pair)

    @step
    def pair(self, inputs):
        self.letters = inputs.upper.letter + inputs.lower.letter
        self.next(self.pairs)

    @step
    def pairs(self, inputs):
        self.pairs_found = [item.letters for item in inputs]
        self.next(self.both)

    @step
    def both(self, inputs):
        self.result = (inputs.none.found, inputs.pairs.pairs_found)
        self.next(self.end)

    @step
    def end(self):
        print(self.result)
"""
"""A branch of two foreach, one over nothing, one with a branch in its body; a retry; every type of parameter."""

SPECS = """\
class SpecsFlow(FlowSpec):
    @resources(cpu=2, memory=1000, disk=3000, shared_memory=64)
    @kubernetes(
        image="example/image:1",
        image_pull_policy="Always",
        image_pull_secrets=["pull-step"],
        service_account="runner",
        namespace="elsewhere",
        secrets=["step-secret"],
        labels={"team": "blue"},
        port=8080,
        executable="python3.12",
        qos="guaranteed",
        extended_resources={"example.com/dongle": 1},
        security_context={"run_as_user": 1000, "privileged": False},
        tmpfs_size=32,
        annotations={"note": "$(x) {{ blue }}"},
        persistent_volume_claims={"claim": "/data"},
        gpu=2,
        gpu_type="t4",
        node_selector={"pool": "gpu"},
        tolerations=[{"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoExecute"}],
    )
    @environment(vars={"NAME": "value"})
    @secrets(sources=[{"type": "kubernetes", "id": "more"}])
    @catch(var="failure")
    @retry(times=4, minutes_between_retries=3)
    @timeout(seconds=50)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""Every spec of the IR, at values that are found again in the output."""

CAUGHT = """\
import os


@project(name="shop", production=True)
@schedule(cron="0/15 9-17 ? * MON-FRI *", timezone="Europe/Berlin")
class CaughtFlow(FlowSpec):
    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        os._exit(3)
        self.next(self.fan)

    @step
    def fan(self):
        self.items = [0, 1]
        self.next(self.each, foreach="items")

    @catch(var="failure")
    @secrets(sources=[{"type": "inline", "id": "a", "options": {"env_vars": {"TOKEN": "7"}}}])
    @step
    def each(self):
        self.value = 1 / self.input
        self.token = os.environ["TOKEN"]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.kinds = [each.failure and each.failure.type for each in inputs]
        self.branch = current.branch_name
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""Failures that `@catch` takes, on a schedule in a time zone."""

NESTED = """\
class NestedFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [[1], [], [2, 3]]
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.cells = self.input
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.cell, foreach="cells")

    @step
    def cell(self):
        self.parts = list(range(self.input))
        self.next(self.part, foreach="parts")

    @step
    def part(self):
        self.value = 10 * self.input
        self.next(self.part_done)

    @step
    def part_done(self):
        self.next(self.parts_joined)

    @step
    def parts_joined(self, inputs):
        self.value = [item.value for item in inputs]
        self.next(self.cells_joined)

    @step
    def cells_joined(self, inputs):
        self.found = [item.value for item in inputs]
        self.next(self.between)

    @step
    def between(self):
        self.again = self.found
        self.next(self.once_more, foreach="again")

    @step
    def once_more(self):
        self.size = len(self.input)
        self.next(self.sizes)

    @step
    def sizes(self, inputs):
        self.sizes_found = [item.size for item in inputs]
        self.next(self.row_joined)

    @step
    def right(self):
        self.label = "row %s" % self.index
        self.next(self.row_joined)

    @step
    def row_joined(self, inputs):
        self.result = (inputs.right.label, inputs.sizes.sizes_found)
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.results = [item.result for item in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""Foreach three deep, one after another, and in one arm of a branch."""

ARMS = [f"quite_a_long_name_of_a_step_that_is_one_of_many_arms_{number}" for number in range(9)]
WIDE = f"""\
class WideFlow(FlowSpec):
    @step
    def start(self):
        self.next({", ".join(f"self.{arm}" for arm in ARMS)})

    @step
    def join_of_all_the_many_arms_of_the_one_branch(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
""" + "".join(
    f"""
    @step
    def {arm}(self):
        self.next(self.join_of_all_the_many_arms_of_the_one_branch)
"""
    for arm in ARMS
)
"""Edges that fit on no line."""

PLAIN = """\
class PlainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

LATE = """\
from flowc import FlowSpec, deadline, notify, step


@deadline(hours=1)
@notify({notify})
class LateFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""A flow with a deadline, and what `@notify` is to get."""
