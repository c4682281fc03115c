"""Rows about the graph, joins and artifacts."""

from __future__ import annotations

from tests.docs.rows.base import END, NEXT, PARAMETER, Row, graph, steps

GRAPH = [
    Row("`self.next(self.a)`", "file", steps(start="self.next(self.a)", a=NEXT, end=END)),
    Row("`self.next(self.a, self.b)`", "file", steps(
        start="self.next(self.a, self.b)", a="self.next(self.join)", b="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("`self.next(self.a, foreach='items')`", "body", "pass"),
    Row("foreach over a list, tuple, dict, set, range, str, generator", "file", steps(
        start="self.items = (x for x in {3, 1}); self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("foreach over nothing (an error in Metaflow)", "file", steps(
        start="self.items = []; self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("foreach within a foreach, branches and longer bodies within a foreach", "file", steps(
        start="self.xs = [1, 2]; self.next(self.a, foreach='xs')",
        a="self.ys = [3]; self.next(self.b, foreach='ys')", b="self.next(self.c, self.d)",
        c="self.next(self.cd)", d="self.next(self.cd)", cd="inputs;self.next(self.inner)",
        inner="inputs;self.next(self.outer)", outer=f"inputs;{NEXT}", end=END)),
    Row("`self.next(self.a, num_parallel=2)` to a `@parallel` step", "file", graph("""
        @step
        def start(self):
            self.next(self.a, num_parallel=2)

        @parallel
        @step
        def a(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("`self.next({'x': self.a, 'y': self.b}, condition='v')`", "file", steps(
        start="self.v = 'x'; self.next({'x': self.a, 'y': self.b}, condition='v')", a=NEXT, b=NEXT, end=END)),
    Row("a switch within a foreach and within a branch", "file", steps(
        start="self.xs = [0, 1]; self.next(self.pick, foreach='xs')",
        pick="self.v = self.input; self.next({0: self.a, 1: self.b}, condition='v')",
        a="self.next(self.both)", b="self.next(self.both)", both="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("recursion: a switch that leads to itself", "file", steps(
        start="self.n = 0; self.next(self.a)",
        a="self.n += 1; self.go = self.n < 3; self.next({True: self.a, False: self.end}, condition='go')", end=END)),
    Row("a value of the condition that is no case: the task fails", "file", steps(
        start="self.v = 'z'; self.next({'x': self.a, 'y': self.b}, condition='v')", a=NEXT, b=NEXT, end=END),
        fails=True),
    Row("foreach over what cannot be iterated over: the task fails", "file", steps(
        start="self.items = 3; self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END), fails=True),
    Row("`@step(start=True)`, `@step(end=True)`", "file", graph("""
        @step(start=True)
        def first(self):
            self.next(self.last)

        @step(end=True)
        def last(self):
            pass
    """)),
    Row("a step that is alone: start and end at once", "file", steps(only="pass")),
    Row("two arms of a switch that fan out into one step", "file", steps(
        start="self.v = 'x'; self.next({'x': self.a, 'y': self.b}, condition='v')",
        a="self.xs = [1]; self.next(self.one, foreach='xs')", b="self.xs = [2]; self.next(self.one, foreach='xs')",
        one="self.next(self.join)", join=f"inputs;{NEXT}", end=END)),
    Row("steps inherited from a base class", "file", """
        from metaflow import *

        class Base(FlowSpec):
            @step
            def end(self):
                pass

        class RowFlow(Base):
            @step
            def start(self):
                self.next(self.end)
    """),
]  # fmt: skip

LINT = [
    Row("a reserved step name", "file", steps(start="self.next(self.foreach_stack)", foreach_stack=NEXT, end=END)),
    Row("two start or two end steps", "file", graph("""
        @step(start=True)
        def one(self):
            self.next(self.end)

        @step(start=True)
        def two(self):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("no start or no end step", "file", steps(start="self.next(self.a)", a="pass")),
    Row("a step that leads to start", "file", steps(start="self.next(self.a)", a="self.next(self.start)", end=END)),
    Row("an end step that goes on", "file", steps(start=NEXT, end="self.next(self.start)")),
    Row("a step name with other than `[a-z0-9_]`", "file", steps(start="self.next(self.Aa)", Aa=NEXT, end=END)),
    Row("a step with wrong arguments", "file", graph("""
        @step
        def start(self, one, two):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("a step that does not end in `self.next`", "file", steps(start="self.x = 1", end=END)),
    Row("`self.next` that is not a transition", "file", steps(start="self.next('end')", end=END)),
    Row("an unknown step in `self.next`", "file", steps(start="self.next(self.nope)", end=END)),
    Row("a loop", "file", steps(start="self.next(self.a)", a="self.next(self.b)", b="self.next(self.a)", end=END)),
    Row("a step that is never reached", "file", steps(start=NEXT, a=NEXT, end=END)),
    Row("a split that is not joined", "file", steps(
        start="self.xs = [1]; self.next(self.a, foreach='xs')", a=NEXT, end=END)),
    Row("a join of steps of different splits", "file", steps(
        start="self.next(self.a, self.b)", a="self.next(self.c, self.d)", b="self.next(self.e)",
        c="self.next(self.e)", d="self.next(self.f)", e="inputs;self.next(self.f)", f=f"inputs;{NEXT}", end=END)),
    Row("a join without a split", "file", steps(start="self.next(self.a)", a=f"inputs;{NEXT}", end=END)),
    Row("a switch that is not a dict of constants to steps", "file", steps(
        start="self.v = 1; self.next({1: 'end'}, condition='v')", end=END)),
    Row("a foreach straight into a join", "file", steps(
        start="self.xs = [1]; self.next(self.join, foreach='xs')", join=f"inputs;{NEXT}", end=END)),
    Row("`num_parallel` without `@parallel`, or the reverse", "file", steps(
        start="self.next(self.a, num_parallel=2)", a="self.next(self.join)", join=f"inputs;{NEXT}", end=END)),
    Row("a switch arm straight into a join", "file", steps(
        start="self.xs = [1]; self.next(self.a, foreach='xs')",
        a="self.v = 1; self.next({1: self.join, 2: self.b}, condition='v')", b="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
]  # fmt: skip

JOINS = [
    Row("`inputs[i]`, `len(inputs)`", "join", "assert [inputs[i].x for i in range(len(inputs))] == [1, 2]"),
    Row("`for one in inputs`, in the order of the split", "join", "assert [one.x for one in inputs] == [1, 2]"),
    Row("`inputs.name` of a step", "join", "assert inputs.work.x in (1, 2)"),
    Row("parameters and constants of a join, nothing else", "join", "assert not hasattr(self, 'items')"),
    Row("`merge_artifacts(inputs)`", "join", "self.x = 0; self.merge_artifacts(inputs); assert self.items == [1, 2]"),
    Row("`merge_artifacts(inputs, include=[...])`", "join",
        "self.merge_artifacts(inputs, include=['items']); assert not hasattr(self, 'x')"),
    Row("`merge_artifacts(inputs, exclude=[...])`", "join",
        "self.merge_artifacts(inputs, exclude=['x']); assert self.items == [1, 2]"),
    Row("include and exclude together: an error", "join", """
        from metaflow.exception import MetaflowException
        try:
            self.merge_artifacts(inputs, include=['items'], exclude=['x'])
            raise AssertionError
        except MetaflowException:
            pass
    """),
    Row("differing values: `UnhandledInMergeArtifactsException`", "join", """
        from metaflow.exception import UnhandledInMergeArtifactsException
        try:
            self.merge_artifacts(inputs)
            raise AssertionError
        except UnhandledInMergeArtifactsException as error:
            assert error.artifact_names == ['x']
    """),
    Row("an included name that is nowhere: `MissingInMergeArtifactsException`", "join", """
        from metaflow.exception import MissingInMergeArtifactsException
        try:
            self.merge_artifacts(inputs, include=['nope'])
            raise AssertionError
        except MissingInMergeArtifactsException as error:
            assert error.artifact_names == ['nope']
    """),
    Row("`merge_artifacts` outside of a join: an error", "body", """
        from metaflow.exception import MetaflowException
        try:
            self.merge_artifacts([])
            raise AssertionError
        except MetaflowException:
            pass
    """),
    Row("attributes are stored, except `__names`, methods, properties and parameters", "body", "self.kept = print"),
    Row("a value that cannot be pickled: the task fails, naming artifact and type", "file", steps(
        start="self.f = [lambda: 1]; self.next(self.end)", end=END), fails=True),
    Row("parameters are read-only", "file", PARAMETER.format(given="default=1", body="self.p = 2"), fails=True),
    Row("class constants are read-only", "file", steps(start="self.limit = 2; self.next(self.end)", end=END).replace(
        "(FlowSpec):\n", "(FlowSpec):\n    limit = 1\n"), fails=True),
]  # fmt: skip
