"""Resuming on the local engine: what is taken over, what runs again, and that the results are those of one run."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_targets.local import ResumeOptions, RunOptions, RunResult, run_flow
from tests.conftest import EXAMPLES
from tests.flowgen.blocks import Block, flows
from tests.flowgen.plain import Program
from tests.local.flows import Local

if TYPE_CHECKING:
    from flowc.client import Run

pytestmark = pytest.mark.process

WORK = """
    import os, random
    from flowc import FlowSpec, Parameter, current, retry, step

    def ran(flow):
        with open(os.environ["RAN"], "a") as file:
            file.write(current.task_id + "\\n")

    def fails(what):
        return what in os.environ.get("FAILS", "").split()

    class Work(FlowSpec):
        n = Parameter("n", type=int, default=10)
        drawn = Parameter("drawn", default=lambda context: os.urandom(8).hex())

        @step
        def start(self):
            ran(self)
            if fails("start"):
                raise ValueError("start")
            self.items = list(range(self.n))
            self.count = 0
            self.next(self.each, self.loop)

        @step
        def each(self):
            ran(self)
            self.next(self.body, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def body(self):
            ran(self)
            if fails(f"body-{self.input}") or self.input == 0 and not current.retry_count:
                raise ValueError(self.input)
            print("body", self.input)
            self.out = self.input * 2
            self.next(self.after)

        @step
        def after(self):
            ran(self)
            if fails(f"after-{self.input}"):
                raise ValueError(self.input)
            self.out += 1
            self.next(self.gather)

        @step
        def gather(self, inputs):
            ran(self)
            if fails("gather"):
                raise ValueError("gather")
            self.total = sum(i.out for i in inputs)
            self.next(self.both)

        @step
        def loop(self):
            ran(self)
            self.count += 1
            if fails(f"loop-{self.count}"):
                raise ValueError("loop")
            self.go = "again" if self.count < 3 else "on"
            self.next({"again": self.loop, "on": self.choice}, condition="go")

        @step
        def choice(self):
            ran(self)
            self.next({3: self.three, 4: self.four}, condition="count")

        @step
        def three(self):
            ran(self)
            self.way = "three"
            self.next(self.merge)

        @step
        def four(self):
            ran(self)
            self.way = "four"
            self.next(self.merge)

        @step
        def merge(self):
            ran(self)
            if fails("merge"):
                raise ValueError("merge")
            self.next(self.both)

        @step
        def both(self, inputs):
            ran(self)
            self.result = (inputs[0].total, inputs[1].count, inputs[1].way, self.drawn)
            self.next(self.end)

        @step
        def end(self):
            ran(self)
            self.origin = current.origin_run_id
            print(self.result[:3])
"""
RESULT = "end] (100, 3, 'three')"
TASKS = 31
OUTSIDE = {"gather", "both", "end", "loop-0", "loop-1", "loop-2", "choice", "three", "merge"}
"""Tasks that no foreach has made; those of the other arm may or may not have ended when `gather` fails."""


class Working(Local):
    """The flow above, which notes each task that runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, source: str = WORK) -> None:
        super().__init__(folder, source)
        self._notes = folder / "ran"
        self._environment = monkeypatch
        monkeypatch.setenv("RAN", str(self._notes))

    def go(self, fails: str = "", resume: ResumeOptions | None = None, **options: Any) -> tuple[RunResult, list[str]]:
        """Run or resume; returns which tasks were begun, too."""
        self._notes.write_text("", encoding="utf-8")
        self._environment.setenv("FAILS", fails)
        result = self.run(resume=resume, **options)
        return result, sorted(self._notes.read_text(encoding="utf-8").split())

    def resume(self, step: str | None = None, *, fails: str = "", **options: Any) -> tuple[RunResult, list[str]]:
        """Resume the latest run."""
        return self.go(fails, ResumeOptions(step=step), **options)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Working:
    return Working(tmp_path, monkeypatch)


def values(run: Run) -> dict[str, dict[str, str]]:
    """The hashes of all artifacts of all tasks."""
    return {
        task.pathspec.partition(run.id)[2]: {name: ref["hash"] for name, ref in task.references.items()}
        for step in run
        for task in step
        if task.committed
    }


def test_children_of_a_foreach_are_resumed_one_by_one(work: Working) -> None:
    first, begun = work.go("after-3", max_workers=1)
    assert first.status == "failed"
    second, begun_again = work.resume()
    assert second.ok, work.says.err
    assert work.says.out[-1] == RESULT
    assert set(begun) & set(begun_again) == {"after-3"}
    assert (second.tasks, second.reused) == (TASKS, first.tasks)
    assert second.reused + len(begun_again) == TASKS
    run = work.client(second)
    assert run["body"]["2"].origin_run_id == first.run_id
    assert run["body"]["2"].stdout == "body 2\n", "logs are where the task ran"
    assert run["after"]["3"].origin_run_id is None
    assert run["end"].task.data.origin == first.run_id
    assert run.reused["after"] == 3


def test_a_retried_task_is_taken_over_at_its_attempt(work: Working) -> None:
    assert not work.go("gather")[0].ok
    result, begun = work.resume()
    assert "body-0" not in begun
    task = work.client(result)["body"]["0"]
    assert task.attempt == 1
    assert "ValueError: 0" in task.log("stderr", attempt=0)


@pytest.mark.parametrize(
    ("fails", "again"),
    [
        ("gather", {"gather", "both", "end"}),
        ("loop-2", {"loop-1", "loop-2", "choice", "three", "merge", "both", "end"}),
        ("merge", {"merge", "both", "end"}),
    ],
)
def test_only_what_failed_and_what_follows_runs(work: Working, fails: str, again: set[str]) -> None:
    whole, _ = work.go()
    first, _ = work.go(fails, params={"n": "10"})
    assert not first.ok
    done = {task.id for step in work.client(first) for task in step if task.successful}
    assert "start" in done
    second, begun = work.resume()
    assert second.ok, work.says.err
    assert set(begun) <= {task.id for step in work.client(second) for task in step}
    assert again <= set(begun), "what failed and what follows"
    assert not (set(begun) - again) & done, "how far the other arms came before the failure is a matter of luck"
    ours, theirs = values(work.client(second)), values(work.client(whole))
    for task in ours:
        for name in set(ours[task]) - {"drawn", "result", "origin"}:
            assert ours[task][name] == theirs[task][name]
    assert ours.keys() == theirs.keys()


def test_parameters_are_kept_computed_ones_too(work: Working) -> None:
    first, _ = work.go("start", params={"n": "4"})
    assert first.tasks == 0
    second, begun = work.resume(fails="gather")
    assert "start" in begun
    third, begun = work.resume()
    assert third.ok
    assert {"both", "end", "gather"} <= set(begun) <= OUTSIDE
    data = work.client(third)["end"].task.data
    assert data.n == 4
    assert data.result[:3] == (16, 3, "three")
    kept = Path(work.root, "Work", first.run_id, "parameters.json").read_text(encoding="utf-8")
    assert data.drawn == json.loads(kept)["parameters"]["drawn"]["inline"]
    assert data.drawn == data.result[3]
    again, begun = work.resume("start")
    assert len(begun) == 4 + 4 + 11 + 1, "everything ran again"
    assert work.client(again)["end"].task.data.drawn == data.drawn
    assert second.run_id != again.run_id


def test_a_finished_run_is_taken_over_whole(work: Working) -> None:
    first, _ = work.go()
    second, begun = work.resume()
    assert second.ok
    assert begun == []
    assert second.tasks == second.reused == first.tasks
    assert values(work.client(second)) == values(work.client(first))


def test_a_step_is_run_again_with_all_that_follows(work: Working) -> None:
    work.go()
    _, begun = work.resume("choice")
    assert begun == ["both", "choice", "end", "merge", "three"]
    _, begun = work.resume("after")
    assert begun == sorted([*(f"after-{i}" for i in range(10)), "gather", "both", "end"])
    _, begun = work.resume("loop")
    assert begun == ["both", "choice", "end", "loop-0", "loop-1", "loop-2", "merge", "three"]


def test_the_run_to_resume_can_be_named(work: Working) -> None:
    first, _ = work.go("gather", params={"n": "3"})
    work.go(params={"n": "5"})
    result, begun = work.go(resume=ResumeOptions(first.run_id))
    assert {"both", "end", "gather"} <= set(begun) <= OUTSIDE
    assert work.client(result)["end"].task.data.result[0] == 9


EXTRA = """
        @step
        def extra(self):
            ran(self)
            self.next(self.gather)

        @step
        def gather("""


@pytest.mark.parametrize(
    ("changes", "begun"),
    [
        (
            [("self.next(self.gather)", "self.next(self.extra)"), ("\n        @step\n        def gather(", EXTRA)],
            "extra-0 gather",
        ),
        ([('foreach="items"', 'foreach="others"')], "after-0 after-1 body-0 body-1 each gather"),
        ([("self.three", "self.trois"), ("def three", "def trois")], "choice merge trois"),
        ([("3: self.three, 4: self.four", "3: self.four, 4: self.three")], ""),
        ([("self.out += 1", "self.out += 100")], ""),
    ],
    ids=["a new step", "another list", "a renamed step", "other cases", "other code"],
)
def test_a_changed_flow_is_followed_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, str]], begun: str
) -> None:
    """Tasks that went on in a way that the flow still knows are taken over; others run again, with all that follows."""
    source = WORK.replace("self.items =", "self.others = [5, 6]; self.items =")
    assert not Working(tmp_path, monkeypatch, source).go("gather", params={"n": "1"})[0].ok
    first, _ = Working(tmp_path, monkeypatch, source).resume(fails="nothing")
    assert first.ok
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    changed = Working(tmp_path, monkeypatch, source)
    result, ran = changed.resume("both")
    assert result.ok, changed.says.err
    assert ran == sorted([*begun.split(), "both", "end"])
    assert any("has changed since" in note for note in changed.says.notes)


def test_a_new_parameter_has_no_value_unless_start_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Working(tmp_path, monkeypatch).go("gather")
    new = WORK.replace(" n = Param", ' fresh = Parameter("fresh", default="default")\n        n = Param')
    changed = Working(tmp_path, monkeypatch, new)
    with pytest.raises(FlowcError) as caught:
        changed.resume()
    assert [item.code for item in caught.value.diagnostics] == ["FC609"]
    result, _ = changed.resume("start")
    assert changed.client(result)["end"].task.data.fresh == "default"


def test_a_wider_foreach_than_allowed_is_reported_on_resuming(work: Working) -> None:
    work.go("gather")
    result, _ = work.resume(max_num_splits=9)
    assert "--max-num-splits 9" in result.error


@pytest.mark.parametrize(
    ("resume", "code"),
    [(ResumeOptions("no-such-run"), "FC607"), (ResumeOptions(), "FC607"), (ResumeOptions(step="ned"), "FC608")],
)
def test_what_cannot_be_resumed_is_a_diagnostic(work: Working, resume: ResumeOptions, code: str) -> None:
    if resume.origin_run_id:
        work.go()
    with pytest.raises(FlowcError) as caught:
        work.go(resume=resume)
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_a_run_killed_while_it_took_over_is_passed_over(work: Working) -> None:
    """What it lacks is in the run that it resumed; a step that it was to run again still runs again."""
    first, _ = work.go()
    second, _ = work.resume("gather")
    folder = Path(work.root, "Work", second.run_id)
    for name in ("body", "after", "gather", "both", "end", "resumed.json", "run-end.json"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    third, begun = work.resume()
    assert begun == ["both", "end", "gather"]
    assert work.client(third).origin_pathspec == f"Work/{first.run_id}"


def test_exit_hooks_run_where_nothing_else_does(tmp_path: Path) -> None:
    local = Local(
        tmp_path,
        """
        from flowc import FlowSpec, exit_hook, step

        def done():
            print("hooked")

        @exit_hook(on_success=[done])
        class Hooked(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    assert local.run().ok
    resumed = local.run(resume=ResumeOptions())
    assert (resumed.ok, resumed.reused) == (True, 2)
    assert any("hooked" in line for line in local.says.out)


GANG = """
    from flowc import FlowSpec, parallel, step

    class Gang(FlowSpec):
        @step
        def start(self):
            self.items = [2, 3]
            self.next(self.fork, foreach="items")

        @step
        def fork(self):
            self.next(self.train, num_parallel=self.input)

        @parallel
        @step
        def train(self):
            self.rank = self.input
            self.next(self.gather)

        @step
        def gather(self, inputs):
            self.ranks = [i.rank for i in inputs]
            self.next(self.join)

        @step
        def join(self, inputs):
            print([i.ranks for i in inputs])
            self.next(self.end)

        @step
        def end(self):
            pass
"""


def test_a_gang_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    local = Local(tmp_path, GANG)
    first = local.run()
    assert first.ok, local.says.err
    Path(local.root, "Gang", first.run_id, "train", "1.1", "0", "manifest.json").unlink()
    second = local.run(resume=ResumeOptions())
    assert second.ok, local.says.err
    assert local.says.out == ["join] [[0, 1], [0, 1, 2]]"]
    ran = [task.id for step in local.client(second) for task in step if task.origin_run_id is None]
    assert sorted(ran) == ["end", "gather-1", "join", "train-1.0", "train-1.1", "train-1.2"]


@settings(deadline=None, max_examples=EXAMPLES)
@given(flows(), st.integers(0, 2**32))
def test_a_random_run_with_holes_is_completed(blocks: tuple[Block, ...], seed: int) -> None:
    """Take any manifests away from a run: resumed, it comes to the same artifacts in all tasks."""
    program = Program(blocks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random_flow.py"
        path.write_text(program.source, encoding="utf-8")
        compilation = compile_file(path)
        options = RunOptions(root=folder)
        first = run_flow(compilation.flow, compilation.source, options)
        manifests = sorted(Path(folder, "RandomFlow", first.run_id).rglob("manifest.json"))
        whole = {path.parts[-4:]: json.loads(path.read_bytes()) for path in manifests}
        chance = random.Random(seed)
        for manifest in chance.sample(manifests, chance.randint(0, min(4, len(manifests)))):
            manifest.unlink()
        options = RunOptions(root=folder, resume=ResumeOptions(first.run_id))
        second = run_flow(compilation.flow, compilation.source, options)
        assert second.ok, second.error
        assert second.tasks == first.tasks
        again = sorted(Path(folder, "RandomFlow", second.run_id).rglob("manifest.json"))
        resumed = {path.parts[-4:]: json.loads(path.read_bytes()) for path in again}
        assert {key: value["artifacts"] for key, value in resumed.items()} == {
            key: value["artifacts"] for key, value in whole.items()
        }
        assert sum(value["run"] == first.run_id for value in resumed.values()) == second.reused
