"""What is written and does nothing, where one would not notice: a warning that says so, in both ways of writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import diagnostics

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
