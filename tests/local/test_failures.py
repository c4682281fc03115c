"""What goes wrong on the local engine: errors, retries, timeouts, kills, signals, bad roots and parameters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_targets.local import RunOptions, run_flow
from flowc_targets.local.console_report import ConsoleReporter
from flowc_targets.local.run_report import FailedTask, RunResult
from tests.local.flows import Local, Recorder

if TYPE_CHECKING:
    from flowc_targets.local.run_report import Stream

METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])
TROUBLE = """
    import os, signal, subprocess, sys, time
    from flowc import FlowSpec, Parameter, current, environment, retry, step, timeout

    print("imported")

    class Trouble(FlowSpec):
        mode = Parameter("mode", required=True)

        @environment(vars={"GREETING": "hello world"})
        @step
        def start(self):
            self.greeting = os.environ["GREETING"]
            self.items = "abc"
            self.next(self.body, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @timeout(seconds=3)
        @step
        def body(self):
            assert "GREETING" not in os.environ
            self.tried = current.retry_count
            first = current.retry_count == 0
            if self.mode == "raise" and self.input == "b" and first:
                raise ValueError("boom")
            if self.mode == "kill" and first:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "vanish" and self.input == "c":
                os._exit(0)
            if self.mode == "exit":
                sys.exit(3)
            if self.mode == "sleep" and self.input == "a":
                time.sleep(60)
            if self.mode == "children":
                subprocess.Popen(["sleep", "60"])
            if self.mode == "always":
                print("some output")
                raise KeyError("never")
            self.next(self.join)

        @step
        def join(self, inputs):
            self.tries = [i.tried for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            if self.mode == "wait":
                print("waiting", flush=True)
                time.sleep(60)
            print(self.tries, end="")
"""


@pytest.mark.process
@METHODS
@pytest.mark.parametrize(("mode", "tries"), [("raise", [0, 1, 0]), ("kill", [1, 1, 1]), ("children", [0, 0, 0])])
def test_a_failed_attempt_is_retried_and_the_join_reads_the_second(
    tmp_path: Path, method: str, mode: str, tries: list[int]
) -> None:
    local = Local(tmp_path, TROUBLE)
    begun = time.monotonic()
    result = local.run(params={"mode": mode}, start_method=method)
    assert result.ok, local.says.err
    assert f"end] {tries}" in local.says.out
    assert time.monotonic() - begun < 30, "what tasks leave running ends with them"
    client = local.client(result)
    assert [task.attempt for task in client["body"]][::-1] == tries
    assert client["end"].task.stdout.endswith(str(tries))
    if mode == "raise":
        assert "ValueError: boom" in client["body"]["1"].log("stderr", attempt=0)


@pytest.mark.process
@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("always", "KeyError: 'never'"),
        ("vanish", "the task's process ended before the step did"),
        ("exit", "SystemExit: 3"),
        ("sleep", "TimeoutException: the task ran longer than its timeout of 3 s"),
    ],
)
@METHODS
def test_the_first_failure_stops_the_run(tmp_path: Path, method: str, mode: str, message: str) -> None:
    local = Local(tmp_path, TROUBLE)
    result = local.run(params={"mode": mode}, start_method=method)
    assert (result.status, result.exit_code) == ("failed", 1)
    assert result.failed is not None
    assert result.failed.attempt == 1
    assert result.failed.message == message
    client = local.client(result)
    assert (client.status, client.successful, client.finished) == ("failed", False, True)
    task = client["body"][result.failed.index]
    assert task.exception is not None
    if mode == "always":
        assert 'raise KeyError("never")' in result.failed.traceback
        assert "KeyError: 'never'" in Path(result.failed.log).read_text(encoding="utf-8")
        assert task.stdout.endswith("some output\n")
        assert any("attempt 1 begins" in note for note in local.says.notes)


@pytest.mark.process
@METHODS
def test_ctrl_c_ends_everything(tmp_path: Path, method: str) -> None:
    file = tmp_path / "flow.py"
    file.write_text(textwrap.dedent(TROUBLE), encoding="utf-8")
    code = """if True:
        import pathlib, sys
        from flowc_compiler.driver import compile_file
        from flowc_targets.local import RunOptions, run_flow
        compilation = compile_file(pathlib.Path("flow.py"))
        options = RunOptions(params={"mode": "wait"}, start_method=sys.argv[1], run_id_file=pathlib.Path("id"))
        sys.exit(run_flow(compilation.flow, compilation.source, options).exit_code)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code, method], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as lines:
        assert any("waiting" in line for line in lines), "the user's output comes at once"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
    run_id = (tmp_path / "id").read_text(encoding="utf-8")
    end = json.loads((tmp_path / ".flowc" / "Trouble" / run_id / "run-end.json").read_text(encoding="utf-8"))
    assert end["status"] == "interrupted"
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


@pytest.mark.process
def test_a_dead_fork_server_is_reported(tmp_path: Path) -> None:
    local = Local(
        tmp_path,
        """
        import os, signal, time
        from flowc import FlowSpec, step

        class Patricide(FlowSpec):
            @step
            def start(self):
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    begun = time.monotonic()
    result = local.run()
    assert result.status == "failed"
    assert "the process that starts tasks was killed by SIGKILL" in result.error
    assert time.monotonic() - begun < 20


@pytest.mark.process
@METHODS
def test_a_file_that_cannot_be_imported_is_reported(tmp_path: Path, method: str) -> None:
    local = Local(tmp_path, TROUBLE.replace('print("imported")', "import no_such_module"))
    result = local.run(params={"mode": ""}, start_method=method)
    assert result.status == "failed"
    assert result.failed is not None
    assert result.failed.step == "start"
    assert "No module named 'no_such_module'" in result.failed.message
    assert "import no_such_module" in result.failed.traceback
    assert sum("no_such_module" in line for line in local.says.err) == 2  # the line and the error, once


@pytest.mark.process
def test_libraries_with_threads_lead_to_fresh_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "site-packages" / "pooled.py"
    library.parent.mkdir()
    library.write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True, name='pool').start()\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(library.parent))
    local = Local(tmp_path, TROUBLE.replace('print("imported")', "import pooled"))
    assert local.run(params={"mode": ""}).ok, local.says.err
    assert any("imports libraries that start threads (pool)" in note for note in local.says.notes)


def test_an_unwritable_root_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    local = Local(tmp_path, TROUBLE)
    for root in [str(tmp_path / "file" / "root"), "ftp://nowhere"]:
        with pytest.raises(FlowcError) as caught:
            local.run(params={"mode": ""}, root=root)
        assert [item.code for item in caught.value.diagnostics] == ["FC601"]


@pytest.mark.parametrize(
    ("params", "codes"),
    [({}, ["FC304"]), ({"mode": "x", "mod": "y"}, ["FC302"]), ({"mod": "y"}, ["FC302", "FC304"])],
)
def test_wrong_parameters_are_diagnostics(tmp_path: Path, params: dict[str, str], codes: list[str]) -> None:
    with pytest.raises(FlowcError) as caught:
        Local(tmp_path, TROUBLE).run(params=params)
    assert [item.code for item in caught.value.diagnostics] == codes


@pytest.mark.process
def test_random_states_differ_between_tasks_unless_the_file_seeds_them(tmp_path: Path) -> None:
    source = """
        import random
        SEED

        from flowc import FlowSpec, step

        class Chance(FlowSpec):
            @step
            def start(self):
                self.items = range(3)
                self.next(self.body, foreach="items")

            @step
            def body(self):
                self.drawn = random.random()
                self.next(self.join)

            @step
            def join(self, inputs):
                print(len({i.drawn for i in inputs}))
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    free = Local(tmp_path, source.replace("SEED", "random.random()"))
    assert free.run().ok
    assert free.says.out == ["join] 3"]
    seeded = Local(tmp_path, source.replace("SEED", "random.seed(1)"))
    assert seeded.run().ok
    assert seeded.says.out == ["join] 1"]


class SlowReporter(Recorder):
    """Takes its time to show a line, so that much happens between two turns of the engine."""

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        time.sleep(0.02)


@pytest.mark.process
def test_tasks_that_end_together_while_the_run_stops(tmp_path: Path) -> None:
    """An exit and the end of an output that arrive at once: the output is read before the exit closes it."""
    local = Local(
        tmp_path,
        """
        import time

        from flowc import FlowSpec, step

        class Stopped(FlowSpec):
            @step
            def start(self):
                self.items = range(12)
                self.next(self.child, foreach="items")

            @step
            def child(self):
                if self.index == 0:
                    raise ValueError("the first")
                while True:
                    print("x", flush=True)
                    time.sleep(0.01)
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    for _ in range(4):
        options = RunOptions(root=local.root)
        result = run_flow(local.compilation.flow, local.compilation.source, options, SlowReporter())
        assert result.failed is not None
        assert result.failed.message == "ValueError: the first"


@pytest.mark.parametrize(
    ("traceback", "shown"),
    [
        ("flowc: Unpicklable: x\n", False),
        ("flowc: Unpicklable: x\nflowc: more\n", True),
        ("", False),
        ("Trace\n", True),
    ],
)
def test_an_error_is_printed_once(traceback: str, shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    failed = FailedTask("start", "-", 0, "Unpicklable: x", traceback, "")
    ConsoleReporter().finished(RunResult("1", "failed", "root", 0, 0.1, failed))
    printed = capsys.readouterr().err
    assert "task start failed: Unpicklable: x\n" in printed
    assert (traceback.strip() in printed.split("\n", 1)[1].split("task start", 1)[0]) is (shown or not traceback)
    assert printed.count("Unpicklable: x") == 1 + traceback.count("Unpicklable: x") * shown
