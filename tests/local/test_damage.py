"""Resuming runs whose files a crash of the machine has damaged: empty, cut off, gone, or something else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowc import Flow, Run
from flowc.errors import CorruptArtifact
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


BLOBS = """
    import os
    from flowc import FlowSpec, step

    class Flipped(FlowSpec):
        @step
        def start(self):
            self.first = list(range(3000))
            self.items = [[number] * 4000 for number in range(3)]
            self.next(self.body, foreach="items")

        @step
        def body(self):
            print("ran body", self.input[0])
            self.own = [self.input[0] + 10] * 5000
            self.next(self.join)

        @step
        def join(self, inputs):
            self.own = sorted(branch.own for branch in inputs)
            self.merge_artifacts(inputs)
            self.next(self.end)

        @step
        def end(self):
            if "FAIL" in os.environ:
                raise ValueError("not yet")
            self.total = sum(map(sum, self.own)) + len(self.first)
"""


@pytest.mark.parametrize("blob", range(7))
def test_a_task_with_a_flipped_bit_in_a_value_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blob: int
) -> None:
    """Whatever is damaged, the resumed run has the right values, and nothing of the damage."""
    local = Local(tmp_path, BLOBS)
    with monkeypatch.context() as patch:
        patch.setenv("FAIL", "1")
        assert local.run().status == "failed"
    blobs = sorted(file for file in Path(local.root, "Flipped", "data").rglob("*") if file.is_file())
    assert len(blobs) == 7  # first, items, the table of them, own of each body, own of join
    data = bytearray(blobs[blob].read_bytes())
    data[len(data) // 2] ^= 1
    blobs[blob].write_bytes(data)
    result = local.run(resume=ResumeOptions())
    assert (result.status, result.reused < 5) == ("successful", True)
    assert any("is run again" in note and blobs[blob].name in note for note in local.says.notes)
    run = Run(f"Flipped/{result.run_id}", root=local.root, _namespace_check=False)
    assert run.data.total == 5000 * 33 + 3000
    for step in run:
        for task in step:
            for artifact in task:
                assert artifact.data is not None
    assert blobs[blob].is_file()
    data[len(data) // 2] ^= 1
    assert blobs[blob].read_bytes() == data


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


@TEXTS
def test_a_damaged_record_of_a_run_is_no_error_of_the_other_runs(failed: tuple[Local, RunResult], text: str) -> None:
    local, first = failed
    second = local.run()
    assert second.ok
    flow = Flow("Damaged", root=local.root)
    for damaged, sound in ((first, second), (second, first)):
        file = Path(local.root) / "Damaged" / damaged.run_id / "run.json"
        before = file.read_bytes()
        file.write_text(text, encoding="utf-8")
        assert [run.id for run in flow.runs()] == [second.run_id, first.run_id]
        assert Run.latest("Damaged", root=local.root).id == second.run_id
        assert flow.latest_successful_run is not None
        assert flow.latest_successful_run.id == second.run_id
        assert flow[sound.run_id].status == sound.status
        with pytest.raises(CorruptArtifact, match=f"{damaged.run_id}/run.json"):
            _ = flow[damaged.run_id].record
        file.write_bytes(before)
