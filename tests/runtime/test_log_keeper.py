"""What a task prints is stored by the shim, whatever becomes of the task, and costs a short task one request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowc.client.log_records import read_log, stream_bytes
from flowc.shim import kept_output
from flowc.shim.stall_watch import STALL_LOOKS, StallWatch
from flowc.store.s3 import S3Store
from tests.runtime.faultserver import FaultServer, Handler, refuses
from tests.runtime.shim import Shim

pytestmark = pytest.mark.process

FLOW = """
import atexit, os, signal, subprocess, sys, threading, time
from flowc import FlowSpec, step

class Prints(FlowSpec):
    @step
    def start(self):
        {code}
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def shim(folder: Path, code: str, root: str | None = None) -> Shim:
    """A flow whose first step has this code."""
    found = Shim(folder, FLOW.format(code=code.replace("\n", "\n        ")), root=root)
    found.env["PYTHONUNBUFFERED"] = ""
    return found


def stored(task: Shim, stream: str) -> bytes:
    """What the store has of the first attempt of the first step."""
    layout = task.layout
    found = read_log(layout.store, layout.folder("start", (), 0))
    if isinstance(layout.store, S3Store):
        layout.store.close()
    return b"" if found is None else stream_bytes(found.records(), stream)


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def begun(task: Shim, *, container: bool = False) -> Generator[subprocess.Popen[bytes]]:
    """The first task as a process of its own: the first of its session, as in a container, or of its group."""
    command = [task.python, "-m", "flowc", "task", "--step", "start"]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, env=task.variables(), cwd=task.folder, stdout=pipe, stderr=nothing,
        process_group=None if container else 0, start_new_session=container,
    ) as process:  # fmt: skip
        yield process


@contextmanager
def waiting(task: Shim, *, container: bool = False) -> Generator[subprocess.Popen[bytes]]:
    """The same, once it has printed `ready`."""
    with begun(task, container=container) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process


@pytest.mark.parametrize(
    ("code", "exit_code", "out", "err"),
    [
        ("print('hello')\nprint('oops', file=sys.stderr)", 0, b"hello\n", b"oops\n"),
        ("pass", 0, b"", b""),
        ("os.system('echo from a child')", 0, b"from a child\n", b""),
        ("os.write(1, bytes(range(256)) * 300)", 0, bytes(range(256)) * 300, b""),
        ("os.write(1, b'\\x1b[2J no end')", 0, b"\x1b[2J no end", b""),
        ("os.close(1)\nos.write(2, b'still here')", 0, b"", b"still here"),
        ("sys.stdout.close()\nos.system('echo still here')", 0, b"still here\n", b""),
        ("atexit.register(print, 'at exit')\nprint('before')", 0, b"before\nat exit\n", b""),
        ("threading.Timer(0.5, print, ['from a thread']).start()", 0, b"from a thread\n", b""),
        ("print('last words')\nos._exit(7)", 7, b"last words\n", b""),
        ("print('last words', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)", -11, b"last words\n", b""),
        ("print('last words', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)", -9, b"last words\n", b""),
        ("os.closerange(3, 100)\nprint('still stored')", 0, b"still stored\n", b""),
        ("if not os.fork():\n    print('of a fork')\n    sys.stdout.flush()\n    os._exit(0)\nos.wait()", 0,
         b"of a fork\n", b""),
        ("subprocess.Popen(['sleep', '20'])\nprint('not held up')", 0, b"not held up\n", b""),
        ("raise ValueError('no')", 1, b"", None),
    ],
)  # fmt: skip
def test_what_is_printed_is_stored_and_passed_on(
    tmp_path: Path, code: str, exit_code: int, out: bytes, err: bytes | None
) -> None:
    task = shim(tmp_path, code)
    with begun(task) as process:
        assert process.stdout is not None
        since = time.monotonic()
        passed_on = process.stdout.read(len(out))  # a process that is left behind may hold the other end
        assert process.wait(30) == exit_code
        assert time.monotonic() - since < 15
        assert (passed_on, stored(task, "stdout")) == (out, out)
        if err is not None:
            assert stored(task, "stderr") == err
        if code.startswith("raise"):
            assert b"ValueError: no" in stored(task, "stderr")
        os.killpg(process.pid, signal.SIGKILL) if "sleep" in code else None


def test_much_output_has_a_bound(tmp_path: Path) -> None:
    task = shim(tmp_path, "for n in range(300):\n    os.write(1, b'x' * 100_000 + (b'' if n % 2 else b'\\n'))")
    task.env["FLOWC_LOG_LIMIT"] = "1000000"
    done = task.attempt("start")
    assert (done.returncode, len(done.stdout)) == (0, 30_000_150)
    folder = Path(task.layout.store.url) / task.layout.folder("start", (), 0)
    assert sum(path.stat().st_size for path in folder.glob("output*")) < 1_300_000
    assert b"bytes of output are not kept here" in stored(task, "stdout")


@pytest.mark.parametrize("variables", [{"FLOWC_LOG_LIMIT": "0"}, {"FLOWC_LOG_KEEPER": "engine"}])
def test_nothing_is_kept_where_it_is_not_wanted(tmp_path: Path, variables: dict[str, str]) -> None:
    task = shim(tmp_path, "print(os.getppid())")
    task.env.update(variables)
    done = task.attempt("start")
    assert done.stdout == f"{os.getpid()}\n"
    assert read_log(task.layout.store, task.layout.folder("start", (), 0)) is None


WAITS = """
def stop(*_):
    os.write(1, b'stopped\\n')
    raise SystemExit(5)
signal.signal(signal.SIGTERM, stop)
print('ready', flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("container", [True, False])
def test_a_signal_reaches_the_task_once(tmp_path: Path, container: bool) -> None:
    """One for a container goes to its first process only, one for a group to each in it."""
    task = shim(tmp_path, WAITS.strip())
    with waiting(task, container=container) as process:
        process.terminate() if container else os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == 1
    assert stored(task, "stdout") == b"ready\nstopped\n"


def test_a_task_does_not_outlive_its_keeper(tmp_path: Path) -> None:
    task = shim(tmp_path, "open('pid', 'w').write(str(os.getpid()))\nprint('ready', flush=True)\ntime.sleep(60)")
    with waiting(task) as process:
        stat = Path("/proc", (tmp_path / "pid").read_text(), "stat")
        process.kill()
        process.wait()
        wait_for(lambda: not stat.exists() or ") Z " in stat.read_text(), 10)


def test_what_was_printed_until_a_group_is_killed_is_there(tmp_path: Path) -> None:
    task = shim(tmp_path, "print('ready', flush=True)\ntime.sleep(60)")
    with waiting(task) as process:
        wait_for(lambda: stored(task, "stdout") == b"ready\n", kept_output.FIRST_WRITE + 10)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(20) == -9
    assert stored(task, "stdout") == b"ready\n"


STALLS = "import os, threading; lock = threading.Lock(); lock.acquire(); os.fork() and os.wait(); lock.acquire()"


@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="Linux says what a thread waits for")
@pytest.mark.parametrize("behind_keeper", [True, False])
def test_a_task_that_waits_forever_is_found_behind_its_keeper(behind_keeper: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", STALLS], process_group=0) as process:
        watch = StallWatch(behind_keeper=behind_keeper)
        found = list[bool]()
        for _ in range(STALL_LOOKS + 3):
            time.sleep(0.3)
            found.append(watch.is_stalled(process.pid))
        os.killpg(process.pid, signal.SIGKILL)
    assert any(found) == behind_keeper


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A bucket, for the standard library's client."""
    found = FaultServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    yield found
    found.stop()


@pytest.mark.parametrize(("code", "more"), [("pass", 0), ("print('one')\nprint('two', file=sys.stderr)", 1)])
def test_a_short_task_costs_one_request_if_it_prints(server: FaultServer, tmp_path: Path, code: str, more: int) -> None:
    task = shim(tmp_path, code, root="s3://bucket/prefix")
    task.task("start", FLOWC_LOG_LIMIT="0")
    without = list(server.requests)
    server.requests.clear()
    task.task("start")
    logs = [request for request in server.requests if "output" in request]
    assert len(server.requests) == len(without) + more
    assert len(logs) == more
    if more:
        assert (stored(task, "stdout"), stored(task, "stderr")) == (b"one\n", b"two\n")


def test_a_store_that_refuses_logs_does_not_fail_the_task(server: FaultServer, tmp_path: Path) -> None:
    task = shim(tmp_path, "print('hello')", root="s3://bucket/prefix")

    def refusing(handler: Handler) -> bool:
        server.faults.append(refusing)
        return "output" in handler.path and refuses(403, "AccessDenied")(handler)

    server.faults.append(refusing)
    done = task.attempt("start")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "flowc: what the task has printed is not in the store: " in done.stderr
