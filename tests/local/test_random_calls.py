"""Random flows leave, where another flow calls them for each of two items, what they leave alone.

`RANDOM_EXAMPLES=20 pytest -m process tests/local/test_random_calls.py` runs so many of each kind.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.testing import run_flow
from flowc_compiler.driver import flow_names
from tests.cluster.drawing import Drawn, draw
from tests.support import write_files

pytestmark = pytest.mark.process
COUNT = int(os.environ.get("RANDOM_EXAMPLES", "1"))
IN_A_CLASS = """
    from drawn import NAME
    from flowc import FlowSpec, call_flow, step

    class Caller(FlowSpec):
        @step
        def start(self):
            self.two = [1, 2]
            self.next(self.work, foreach="two")

        @call_flow(NAME, params=PARAMS)
        @step
        def work(self):
            self.next(self.end)

        @step
        def end(self, inputs):
            pass
"""
IN_A_PIPELINE = """
    from typing import List

    from drawn import NAME
    from flowc import call_flow, pipeline, step

    @step
    def two() -> List[int]:
        return [1, 2]

    @step
    def last() -> int:
        return 1

    @pipeline
    def caller():
        for _ in two():
            call_flow(NAME, id="work", params=PARAMS)
        last()

    if __name__ == "__main__":
        caller()
"""


@pytest.mark.parametrize(("kind", "caller"), [("pipeline", IN_A_CLASS), ("rich", IN_A_PIPELINE)])
def test_a_random_flow_is_called(kind: str, caller: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (drawn, name, params) in enumerate(islice(_callable(kind, tmp_path), COUNT)):
        folder = tmp_path / str(number)
        text = caller.replace("NAME", name).replace("PARAMS", repr(params))
        write_files(folder, {"drawn.py": drawn.text, "caller.py": text})
        monkeypatch.setenv("MARKS", str(folder / "marks"))
        monkeypatch.chdir(folder)
        (folder / "marks").mkdir()
        alone = run_flow(folder / "drawn.py")
        for mark in (folder / "marks").iterdir():
            mark.unlink()
        called = run_flow(folder / "caller.py")
        assert called.status == alone.status, drawn.name
        if alone.status == "successful":
            _check(alone, called, drawn)


def _callable(kind: str, folder: Path) -> Iterator[tuple[Drawn, str, dict[str, Any]]]:
    """Flows that need no other parameters than those that their own file calls them with, which are known."""
    for drawn in draw(700, [kind]):
        file = folder / "drawn.py"
        file.write_text(drawn.text)
        name = flow_names(file)[-1]
        params: dict[str, Any] | None = {}
        for node in ast.walk(ast.parse(drawn.text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                params = None
                with suppress(ValueError):
                    params = {str(item.arg): ast.literal_eval(item.value) for item in node.keywords}
        needed = {"seed", "width"} if kind == "pipeline" else set[str]()
        if params is not None and all(f"{each}:" not in drawn.text or each in params for each in needed):
            yield drawn, name, params


def _check(alone: Run, called: Run, drawn: Drawn) -> None:
    """Each task is there for both items, with the artifacts that it has alone; the end hands on the caller's."""
    end = alone.end_task.parent.id if alone.end_task is not None else None  # a pipeline's may be the compiler's own
    for step in alone:
        found = {task.manifest["index"]: _artifacts(task) for task in called[f"work__{step.id}"]}
        for task in step:
            index = task.manifest["index"]
            for item in "01":
                there = found[item if index == "-" else f"{item}.{index}"]
                if drawn.name.startswith("pipeline") or step.id != end:
                    assert there.items() >= _artifacts(task).items(), f"{drawn.name}: {task.id}"


def _artifacts(task: Any) -> dict[str, str]:
    """By name the texts of values, with names of steps as they are alone."""
    return {name: repr(task[name].data).replace("work__", "") for name in task.manifest["artifacts"]}
