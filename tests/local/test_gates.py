"""Steps that wait for files and persons, on the local engine and in the simulator, with the command that answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowc import Run
from flowc.errors import FlowError
from flowc.testing import simulate_flow
from flowc_cli.waiting_tasks import waiting_tasks
from tests.gatesflow import CHOICES, GATES, RESUMED, check_ended, waits
from tests.local.flows import Local
from tests.support import flowc_process

pytestmark = pytest.mark.process

QUICK = """
    from flowc import FlowSpec, approval, retry, step, wait_for

    class Quick(FlowSpec):
        @wait_for("{url}", every=0.2, timeout={timeout})
        @retry(times=3)
        @step
        def start(self):
            self.next(self.end)

        @approval(choices=["go", "stop"], timeout={time_to_choose})
        @step
        def end(self):
            from flowc import current
            self.answer = [current.approval.choice, current.approval.by is not None]
"""


def quick(folder: Path, **values: object) -> Local:
    """The flow with one file to wait for, and one question."""
    return Local(folder, QUICK.format(**{"url": f"{folder}/go", "timeout": 60, "time_to_choose": None, **values}))


def in_the_background(run: Callable[[], object]) -> threading.Thread:
    """A thread that has begun."""
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_file_and_persons(tmp_path: Path) -> None:
    """The same as on the engines: items of a foreach are asked for one by one, and a default counts in the end."""
    file, root = tmp_path / "gates.py", str(tmp_path / "store")
    file.write_text(GATES.format(url=tmp_path / "go"))
    done: list[int] = []

    def run() -> None:
        arguments: list[str | Path] = ["run", file, "--root", root, "--run-id-file", tmp_path / "id"]
        done.append(flowc_process(tmp_path, *arguments).returncode)

    thread = in_the_background(run)
    while not (tmp_path / "id").exists() or not (tmp_path / "id").read_text():
        time.sleep(0.1)
    name = f"Gates/{(tmp_path / 'id').read_text()}"
    (waiting,) = waits(name, root, bool)
    assert (waiting.step, waiting.question) == ("start", None)
    (tmp_path / "go").touch()
    asked = waits(name, root, lambda found: len(found) == 2)
    assert [task.place for task in asked] == list(CHOICES)
    listed = flowc_process(tmp_path, "runs", "--root", root).stdout
    assert "running, review/0 waits for a person: Promote it? (promote, reject), and 1 more" in listed
    shown = flowc_process(tmp_path, "show", name, "--root", root).stdout
    assert f"flowc approve {name} review/1 --choose ..." in shown
    unclear = flowc_process(tmp_path, "approve", name, "--choose", "promote", "--root", root)
    assert (unclear.returncode, "2 tasks of run" in unclear.stderr) == (2, True)
    for step, choice in CHOICES.items():
        command = ["approve", name, step, "--note", f"the {step}", "--root", root]
        refused = flowc_process(tmp_path, *command, "--choose", "maybe")
        assert refused.returncode == 2
        assert "'maybe' is not one of promote, reject" in refused.stderr
        answered = flowc_process(tmp_path, *command, "--choose", choice, FLOWC_USER="ann")
        assert answered.stdout == f"{name}/{step}: {choice}, by ann: the {step}\n"
        again = flowc_process(tmp_path, *command, "--choose", choice)
        assert (again.returncode, "has its answer" in again.stderr) == (2, True)
    thread.join(100)
    assert done == [0]
    check_ended(Run(name, root=root))
    shown = flowc_process(tmp_path, "show", name, "--root", root).stdout
    assert "review/0: chosen: promote, by ann: the review/0" in shown
    assert "quick: chosen: no, by default, as nobody chose in time" in shown


def test_a_wait_that_takes_too_long_is_one_failure(tmp_path: Path) -> None:
    local = quick(tmp_path, timeout=0.5)
    result = local.run()
    assert result.failed is not None
    assert result.failed.name == "start"
    assert f"waited 1 s for {tmp_path}/go, and it is not there" in result.failed.message
    run = local.client(result)
    assert run.status == "failed"
    assert run["start"].task.exception is not None


def test_a_choice_that_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    local = quick(tmp_path)
    result = local.run(approvals={"end": "stop"})
    assert result.ok
    assert local.client(result)["end"].task.data.answer[0] == "stop"
    wrong = flowc_process(tmp_path, "run", local.file, "--approve", "end=maybe", "--approve", "start=go")
    assert wrong.returncode == 2
    assert "--approve 'end=maybe': 'maybe' cannot be chosen" in wrong.stderr
    assert "no step 'start' with `@approval`" in wrong.stderr
    both = flowc_process(tmp_path, "run", local.file, "--approve", "end=stop", "--approve", "end=go")
    assert both.returncode == 2
    assert "--approve 'end=go': it was 'stop' before" in both.stderr


def test_nobody_chooses_in_time(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    result = quick(tmp_path, time_to_choose=0.5).run()
    assert result.failed is not None
    assert "end: nobody has chosen within 0.5 s, and there is no default" in result.failed.message


def test_a_run_that_waits_is_ended_by_a_failure(tmp_path: Path) -> None:
    """What waits does not keep a run whose other task has failed."""
    local = Local(
        tmp_path,
        """
        import time
        from flowc import FlowSpec, approval, step, wait_for

        class Two(FlowSpec):
            @step
            def start(self):
                self.next(self.a, self.b, self.c)

            @wait_for("/never/there", every=30)
            @step
            def a(self):
                self.next(self.join)

            @approval(choices=["go", "stop"])
            @step
            def c(self):
                self.next(self.join)

            @step
            def b(self):
                time.sleep(3)  # until the person is asked
                1 / 0
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    begun = time.monotonic()
    result = local.run()
    assert result.failed is not None
    assert result.failed.name == "b"
    assert time.monotonic() - begun < 20
    late = flowc_process(tmp_path, "approve", "Two", "c", "--choose", "go", "--root", local.root)
    assert (late.returncode, "is failed: nothing waits for a choice" in late.stderr) == (2, True), late.stderr


def test_a_flow_waits_for_another(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    first = quick(tmp_path)
    assert first.run(approvals={"end": "go"}).ok
    local = Local(
        tmp_path,
        """
        from flowc import FlowSpec, step, wait_for

        @wait_for(flow="Quick", every=0.2, timeout=30)
        class After(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
        "after.py",
    )
    assert local.run().ok


def test_the_simulator_asks(tmp_path: Path) -> None:
    """With an option, or by the store, as for a run of Argo; a wrong choice is refused before anything runs."""
    (tmp_path / "go").touch()
    local, root = quick(tmp_path), str(tmp_path / "store")
    manifest = tmp_path / "flow.yaml"
    assert flowc_process(tmp_path, "compile", local.file, "--root", root, "-o", manifest).returncode == 0
    done = flowc_process(tmp_path, "simulate", manifest, "--approve", "end=go", "--uid", "one")
    assert done.returncode == 0, done.stderr
    assert Run("Quick/argo-one", root=root)["end"].task.data.answer == ["go", True]
    wrong = flowc_process(tmp_path, "simulate", manifest, "--approve", "end=maybe")
    assert (wrong.returncode, "'maybe' cannot be chosen for end" in wrong.stderr) == (2, True)
    codes: list[int] = []
    thread = in_the_background(
        lambda: codes.append(flowc_process(tmp_path, "simulate", manifest, "--uid", "two").returncode)
    )
    waits("Quick/argo-two", root, lambda found: bool(found) and found[0].question is not None)
    answered = flowc_process(tmp_path, "approve", "Quick/argo-two", "--choose", "stop", "--root", root)
    assert answered.returncode == 0, answered.stderr
    thread.join(60)
    assert codes == [0]
    assert Run("Quick/argo-two", root=root)["end"].task.data.answer == ["stop", True]


def test_what_a_resumed_run_has_done_waits_for_nothing(tmp_path: Path) -> None:
    """Nor is anybody asked again."""
    (tmp_path / "go").touch()
    local, root = Local(tmp_path, RESUMED.format(url=tmp_path / "go", mended=tmp_path / "mended")), tmp_path / "store"
    first = simulate_flow(local.file, approvals={"review": "yes"}, root=root)
    assert not first.successful
    (tmp_path / "go").unlink()
    (tmp_path / "mended").touch()
    again = simulate_flow(local.file, options={"origin_run": first.id}, root=root)
    assert again.successful
    assert again["review"].task.manifest["approval"]["choice"] == "yes"
    assert waiting_tasks(again) == []


def test_a_step_that_is_tried_knows_the_choice(tmp_path: Path) -> None:
    """That of the run with its inputs, or another one."""
    (tmp_path / "go").touch()
    local = quick(tmp_path)
    command: list[str | Path] = ["try", local.file, "end", "--root", local.root]
    assert local.run(approvals={"end": "go"}).ok
    for given, answer in ((), "go"), (("--approve", "stop"), "stop"), (("--no-run", "--approve", "stop"), "stop"):
        done = flowc_process(tmp_path, *command, *given)
        assert (done.returncode, f"answer = ['{answer}', True]" in done.stdout) == (0, True), done.stderr
    for wrong, message in (
        (["--no-run"], "give it by --approve: go or stop"),
        (["--approve", "no"], "cannot be chosen"),
    ):
        done = flowc_process(tmp_path, *command, *wrong)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_what_waits_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    local = quick(tmp_path)
    run = local.client(local.run(approvals={"end": "go"}))
    assert waiting_tasks(run) == []
    done = flowc_process(tmp_path, "approve", run.pathspec, "start", "--choose", "go", "--root", local.root)
    assert (done.returncode, "waits for nobody's choice" in done.stderr) == (2, True)


def test_flowc_errors_are_of_flowc() -> None:
    from flowc.pipeline_calls import approve, wait

    for call in (lambda: approve(choices=["a", "b"]), lambda: wait(schema=bool)):
        with pytest.raises(FlowError, match="for the body of a pipeline"):
            call()
