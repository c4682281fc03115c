"""The worst of steps and machines: odd exceptions and signals, daemons, full disks, a fork server that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from flowc_targets.local import RunOptions, run_flow
from tests.local.flows import Local, Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_targets.local.run_report import Stream

pytestmark = pytest.mark.process

METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])
FLOW = """
    import asyncio, os, signal, subprocess, sys, time
    from flowc import FlowSpec, catch, step

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("says nothing")

    class Hostile(FlowSpec):
        {decorators}
        @step
        def start(self):
            self.before = 1
            {code}
            self.next(self.end)

        @step
        def end(self):
            print("end", getattr(self, "err", None))
"""


class Slow(Recorder):
    """A console that is slower than who writes."""

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """Show them in a while."""
        time.sleep(0.05)


def _hostile(folder: Path, code: str, decorators: str = "") -> Local:
    return Local(folder, FLOW.format(code=code, decorators=decorators))


@METHODS
def test_what_is_no_exception_is_reported_as_one(tmp_path: Path, method: str) -> None:
    local = _hostile(tmp_path, "raise asyncio.CancelledError('no more')")
    result = local.run(start_method=method)
    assert result.failed is not None
    assert result.failed.message == "CancelledError: no more"
    assert "raise asyncio.CancelledError" in result.failed.traceback


@METHODS
def test_an_interrupt_that_the_step_raises_is_reported(tmp_path: Path, method: str) -> None:
    result = _hostile(tmp_path, "raise KeyboardInterrupt('stop')").run(start_method=method)
    assert result.failed is not None
    assert result.failed.message == "KeyboardInterrupt: stop"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_error_is_recorded_though_a_stream_is_closed(tmp_path: Path, stream: str) -> None:
    result = _hostile(tmp_path, f"sys.{stream}.close(); raise ValueError('so')").run()
    assert result.failed is not None
    assert result.failed.message == "ValueError: so"


def test_an_error_without_a_message_is_its_type(tmp_path: Path) -> None:
    result = _hostile(tmp_path, "assert False").run()
    assert result.failed is not None
    assert result.failed.message == "AssertionError"


def test_an_exception_without_a_text_is_recorded(tmp_path: Path) -> None:
    result = _hostile(tmp_path, "raise Mute()").run()
    assert result.failed is not None
    assert result.failed.message == "Mute: <no text: str() raises RuntimeError>"


def test_an_exception_without_a_text_is_caught(tmp_path: Path) -> None:
    local = _hostile(tmp_path, "raise Mute()", "@catch(var='err')")
    result = local.run()
    assert result.status == "successful"
    err = local.client(result)["start"].task["err"].data
    assert (err.type, err.exception) == ("local_flow.Mute", "<no text: str() raises RuntimeError>")


def test_a_signal_without_a_name(tmp_path: Path) -> None:
    result = _hostile(tmp_path, "os.kill(os.getpid(), 40)").run()
    assert result.failed is not None
    assert result.failed.message == "the task was killed by signal 40"


def test_a_daemon_that_goes_on_writing_holds_nothing_up(tmp_path: Path) -> None:
    code = "subprocess.Popen(['setsid', 'timeout', '20', 'yes']); time.sleep(0.3)"
    local = _hostile(tmp_path, code)
    result = run_flow(local.compilation.flow, local.compilation.source, RunOptions(root=local.root), Slow())
    assert result.status == "successful"
    assert result.seconds < 15


def test_a_log_that_cannot_be_written_is_reported_once(tmp_path: Path) -> None:
    """A limit on the size of files is as good as a full disk."""
    script = """
        import resource, sys
        from pathlib import Path
        from tests.local.flows import Local
        local = Local(Path(sys.argv[1]), Path(sys.argv[2]).read_text())
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        result = local.run()
        print(result.status, len(local.says.out), local.says.notes)
    """
    (tmp_path / "flow.txt").write_text(FLOW.format(code="print('x' * 200_000)", decorators=""), encoding="utf-8")
    command = [sys.executable, "-c", "import textwrap; exec(textwrap.dedent('''" + script + "'''))"]
    done = subprocess.run(
        [*command, str(tmp_path), str(tmp_path / "flow.txt")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("successful 2 ")
    assert done.stdout.count("cannot be written") == 1


def test_a_fork_server_that_dies_while_it_forks_ends_nobody_else(tmp_path: Path) -> None:
    """No task of it has a process yet: what is killed then must not be the group of the engine itself."""
    local = _hostile(tmp_path, "pass")
    text = local.file.read_text(encoding="utf-8")
    dies = "import os, signal\nos.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
    library = tmp_path / "site-packages" / "fatal.py"
    library.parent.mkdir()
    library.write_text(dies, encoding="utf-8")
    local.file.write_text(f"import fatal\n{text}", encoding="utf-8")
    command = [sys.executable, "-m", "flowc_cli", "run", str(local.file), "--root", local.root]
    env = {**os.environ, "PYTHONPATH": str(library.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True, env=env)
    assert done.returncode == 1
    assert "the process that starts tasks was killed by SIGKILL" in done.stderr


def test_an_error_inside_of_a_generator_is_its_own(tmp_path: Path) -> None:
    local = Local(
        tmp_path,
        """
        from flowc import FlowSpec, step

        def numbers():
            yield 1
            raise TypeError("inside of it")

        class Broken(FlowSpec):
            @step
            def start(self):
                self.items = numbers()
                self.next(self.body, foreach="items")

            @step
            def body(self):
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    result = local.run()
    assert result.failed is not None
    assert result.failed.message == "TypeError: inside of it"
    assert 'raise TypeError("inside of it")' in result.failed.traceback
