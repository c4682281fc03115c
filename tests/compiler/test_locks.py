"""Locks that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import refused

FLOW = """
from flowc import *

{flow}
class Locked(FlowSpec):
    @step
    def start(self):
        self.next(self.work, num_parallel=2)

    {member}
    @parallel
    @step
    def work(self):
        self.next(self.join)

    {join}
    @step
    def join(self, inputs):
        self.next(self.end)

    {end}
    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"member": "@concurrency('a')"}, "FC406"),
        ({"flow": "@concurrency('a')", "end": "@concurrency('a')"}, "FC406"),
        ({"join": "@concurrency('a', limit=2)", "end": "@concurrency('a')"}, "FC404"),
        ({"end": "@concurrency('a')\n    @concurrency('a')"}, "FC405"),
        ({"flow": "@concurrency(runs=1)\n@concurrency(runs=2)"}, "FC405"),
        ({"end": "@concurrency('a')\n    @fuse"}, "FC413"),
    ],
)
def test_what_is_refused(tmp_path: Path, parts: dict[str, str], code: str) -> None:
    text = FLOW.format(**{name: parts.get(name, "") for name in ("flow", "member", "join", "end")})
    assert {item.code for item in refused(tmp_path, text) if item.severity == "error"} == {code}


def test_items_with_a_lock_do_not_share_a_pod(tmp_path: Path) -> None:
    text = FLOW.format(flow="", member="@concurrency('a')", join="", end="")
    text = text.replace("num_parallel=2", "foreach='items'").replace("    @parallel\n", "")
    start = "    @step\n    def start(self):\n"
    text = text.replace(start, f"    @foreach_options(items_per_task=2)\n{start}        self.items = [1]\n")
    [found] = [item for item in refused(tmp_path, text) if item.severity == "error"]
    assert found.code == "FC413"
    assert "holds the lock `a`" in found.message
