"""Resuming runs whose files a crash of the machine has damaged: empty, cut off, gone, or something else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_targets.local import ResumeOptions
from tests.local.flows import Local

if TYPE_CHECKING:
    from flowc_targets.local import RunResult

pytestmark = pytest.mark.process

FLOW = """
    import os
    from flowc import FlowSpec, Parameter, step

    class Damaged(FlowSpec):
        p = Parameter("p", default=3)

        @step
        def start(self):
            self.big = list(range(20_000))
            self.items = [list(range(5000))] * 3
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.sum = sum(self.input)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.merge_artifacts(inputs)
            if "FAIL" in os.environ:
                raise ValueError("not yet")
            self.next(self.end)

        @step
        def end(self):
            assert len(self.big) == 20_000
            assert self.sum == 12_497_500
"""
TEXTS = pytest.mark.parametrize("text", ["", '{"version": 1, "art', "[]"])


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Local, RunResult]:
    """A run that has failed in its join, and will not fail again."""
    local = Local(tmp_path, FLOW)
    with monkeypatch.context() as patch:
        patch.setenv("FAIL", "1")
        return local, local.run()


def _folder(local: Local, run: RunResult) -> Path:
    return Path(local.root, "Damaged", run.run_id)


@TEXTS
@pytest.mark.parametrize(("task", "reused"), [("start/-", 0), ("body/1", 3)])
def test_a_task_with_a_damaged_manifest_runs_again(
    failed: tuple[Local, RunResult], task: str, reused: int, text: str
) -> None:
    local, run = failed
    (_folder(local, run) / task / "0" / "manifest.json").write_text(text, encoding="utf-8")
    result = local.run(resume=ResumeOptions())
    assert (result.status, result.reused) == ("successful", reused)
    assert any(f"task {task.removesuffix('/-').replace('/', '-')} " in note for note in local.says.notes)


@TEXTS
@pytest.mark.parametrize("name", ["run.json", "parameters.json"])
def test_a_run_that_cannot_be_read_is_a_diagnostic(failed: tuple[Local, RunResult], name: str, text: str) -> None:
    local, run = failed
    (_folder(local, run) / name).write_text(text, encoding="utf-8")
    with pytest.raises(FlowcError, match=f"cannot be resumed.*{name}") as raised:
        local.run(resume=ResumeOptions(origin_run_id=run.run_id))
    assert [problem.code for problem in raised.value.diagnostics] == ["FC607"]


@pytest.mark.parametrize("size", [0, 50, None])
def test_values_that_are_damaged_are_stored_again(failed: tuple[Local, RunResult], size: int | None) -> None:
    """What is stored by its content would else stay damaged for good."""
    local, _ = failed
    data = Path(local.root, "Damaged", "data")
    for file in [file for file in data.rglob("*") if file.is_file()]:
        if size is not None:
            with file.open("r+b") as opened:
                opened.truncate(size)
    if size is None:
        shutil.rmtree(data)
    result = local.run(resume=ResumeOptions(step="start"))
    assert result.status == "successful", result
