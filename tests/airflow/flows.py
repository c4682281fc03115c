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
        labels={"team": "{{ blue }}"},
        annotations={"note": "$(x)"},
        persistent_volume_claims={"claim": "/data"},
        gpu=2,
        gpu_type="t4",
        node_selector={"pool": "gpu"},
        tolerations=[{"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoExecute"}],
    )
    @environment(vars={"NAME": "value"})
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

NESTED = """\
class NestedFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [[1], [2, 3]]
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.cells = self.input
        self.next(self.cell, foreach="cells")

    @step
    def cell(self):
        self.value = self.input
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

PLAIN = """\
class PlainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
