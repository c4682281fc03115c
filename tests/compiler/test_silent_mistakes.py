"""What is written and does nothing, where one would not notice: a warning that says so, in both ways of writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import compiled, diagnostics

CLASS = """
    from flowc import *

    {flow}
    class F(FlowSpec):
        {opens}
        @step
        def start(self):
            self.items = [1, 2]
            self.next(self.work, foreach="items")

        {work}
        @step
        def work(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            {join}
            self.next(self.end)

        @step
        def end(self):
            pass
"""
PIPELINE = """
    from flowc import *

    {opens}
    @step
    def load() -> list[int]:
        return [1, 2]

    {work}
    @step
    def work(x: int) -> None:
        ...

    @step
    def join() -> None:
        {join}

    {flow}
    @pipeline
    def f():
        work.map(load())
        join(after="work")
"""
PLACES = ("flow", "opens", "work", "join")


@pytest.mark.parametrize("shape", [CLASS, PIPELINE])
@pytest.mark.parametrize(
    ("parts", "code", "message"),
    [
        ({"join": "print(current.failed_items)"}, "FC106", "is always empty: no foreach of the flow has `min_success`"),
        ({"join": "print(current.failed_items)", "opens": "@foreach_options(min_success=0.5)"}, "", ""),
        ({"work": "@retry(never=[ValueError])\n{indent}@container(image='a', command=['b'])"}, "FC410", "`never` of"),
        ({"work": "@retry(on=['oom'])\n{indent}@container(image='a', command=['b'])"}, "", ""),
        ({"work": "@retry(on='timeout')"}, "FC410", "tries nothing again on the step `work`: it has no `@timeout`"),
        ({"work": "@retry(on='timeout')\n{indent}@timeout(seconds=9)"}, "", ""),
        ({"work": "@wait_for('/a', every='1d', timeout='1h')"}, "FC410", "`every` of `@wait_for` is longer than"),
        ({"work": "@wait_for('/a', timeout=1)"}, "", ""),
        ({"flow": "@schedule(cron='')"}, "FC410", "`cron` of `@schedule` is empty, and so the flow runs daily"),
        ({"flow": "@schedule(cron=[], hourly=True)"}, "FC410", "is empty, and so the flow runs hourly"),
        ({"flow": "@schedule(cron='', daily=False)"}, "", ""),
        ({"flow": "@schedule(cron=None)"}, "", ""),
    ],
)
def test_what_does_nothing_is_said(tmp_path: Path, shape: str, parts: dict[str, str], code: str, message: str) -> None:
    indent = "        " if shape is CLASS else "    "
    given = {name: parts.get(name, "pass" if name == "join" else "").format(indent=indent) for name in PLACES}
    found = diagnostics(tmp_path, shape.format(**given))
    assert [item.code for item in found] == ([code] if code else []), found
    assert all(message in item.message and item.help and item.span is not None for item in found)


@pytest.mark.parametrize(
    "imports", ["from flowc import *", "from flowc import FlowMutator, FlowSpec, Flow, retry, step"]
)
def test_what_a_file_defines_itself_is_not_that_of_flowc(tmp_path: Path, imports: str) -> None:
    text = f"""
        {imports}

        def retry(function):
            return function

        class Flow(FlowMutator):
            def mutate(self, mutable_flow):
                for name, each in mutable_flow.steps:
                    if name == "end":
                        each.add_decorator("timeout", deco_kwargs={{"seconds": 7}})

        @Flow
        class F(FlowSpec):
            @retry
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    steps = compiled(tmp_path, text).flow.by_name
    assert steps["start"].specs.retry is None
    assert (found := steps["end"].specs.timeout) is not None
    assert found.seconds == 7


@pytest.mark.parametrize("imports", ["from flowc import *", "from flowc import FlowSpec, retry, step"])
def test_a_decorator_with_arguments_under_its_own_name(tmp_path: Path, imports: str) -> None:
    text = f"""
        from functools import partial
        {imports}

        retry = partial(retry, times=7)

        class F(FlowSpec):
            @retry
            @step
            def start(self):
                self.next(self.end)

            @retry(minutes_between_retries=0)
            @step
            def end(self):
                pass
    """
    found = [step.specs.retry for step in compiled(tmp_path, text).flow.steps]
    assert [(item.limit, item.backoff_seconds) for item in found if item is not None] == [(7, 120.0), (7, 0.0)]


def test_a_stand_in_for_what_cannot_be_imported_is_no_other_meaning(tmp_path: Path) -> None:
    text = """
        try:
            from metaflow import FlowSpec, retry, step
        except ImportError:
            def retry(function):
                return function

        class F(FlowSpec):
            @retry
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    assert compiled(tmp_path, text).flow.by_name["start"].specs.retry is not None


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({}, ["`@retry` of step `start`", "`@timeout` of step `start`"]),
        ({"code": "self.n = 5"}, []),
        ({"deployed": ", deployed=True"}, []),
    ],
)
def test_retries_of_a_calling_step_are_for_its_own_code(
    tmp_path: Path, parts: dict[str, str], found: list[str]
) -> None:
    text = """
        from flowc import *

        class Sub(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass

        class F(FlowSpec):
            @retry(times=2)
            @timeout(hours=1)
            @call_flow(Sub{deployed})
            @step
            def start(self):
                {code}
                self.next(self.end)

            @step
            def end(self):
                pass
    """.format(deployed=parts.get("deployed", ""), code=parts.get("code", "pass"))
    messages = [item.message for item in diagnostics(tmp_path, text)]
    assert [message.partition(" is for")[0] for message in messages] == found


@pytest.mark.parametrize(
    ("test", "codes"),
    [
        ("asked", ["FC225"]),
        ("not asked", ["FC225"]),
        ("asked == 'go'", []),
        ("one()", []),
    ],
)
def test_a_choice_is_no_yes_or_no(tmp_path: Path, test: str, codes: list[str]) -> None:
    text = f"""
        from flowc import *

        @step
        def one() -> int:
            return 1

        @pipeline
        def f():
            asked = approve(choices=["go", "stop"])
            if {test}:
                one()
    """
    assert [item.code for item in diagnostics(tmp_path, text)] == codes
