"""What `@catch` makes of gangs, and members that return before `self.next`, as Metaflow has both."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.local.flows import Local
from tests.support import flowc

pytestmark = pytest.mark.process

CAUGHT = """
    import os, signal, socket, time
    from flowc import FlowSpec, Parameter, catch, current, parallel, retry, step

    OPEN = []

    class Caught(FlowSpec):
        mode = Parameter("mode", default="")

        @step
        def start(self):
            self.next(self.work, num_parallel=3)

        @catch(var="failure", print_exception=False)
        @retry(times=1, minutes_between_retries=0)
        @parallel
        @step
        def work(self):
            self.me = current.parallel.node_index
            self.tried = current.retry_count
            if self.mode == "return" and self.me:
                return
            if self.mode == "raise" and self.me == 1 or self.mode == "main" and not self.me:
                raise ValueError("boom")
            if self.mode == "kill" and self.me == 1:
                time.sleep(1)  # the others have finished
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "hang" and self.me == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "hang":
                time.sleep(600)
            if self.mode == "connected":
                self.talk()
            self.next(self.join)

        def talk(self):
            place = (current.parallel.main_ip, int(os.environ["MASTER_PORT"]))
            if self.me == 0:
                with socket.create_server(place) as server:
                    peers = [server.accept()[0] for _ in range(2)]
                    time.sleep(0.3)
                    OPEN.extend(peers)  # as a library keeps its connections, whatever the code raises
                    raise ValueError("boom")
            while True:
                try:
                    peer = socket.create_connection(place)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.02)
            if not peer.recv(1):
                raise EOFError("the peer is gone")

        @step
        def join(self, inputs):
            self.got = [(getattr(i, "me", None), getattr(i, "tried", None), self.kind(i.failure)) for i in inputs]
            self.next(self.end)

        def kind(self, failure):
            return None if failure is None else failure.type.rpartition(".")[2]

        @step
        def end(self):
            print(self.got)
"""


LAST_ATTEMPT = pytest.mark.parametrize(
    ("mode", "got"),
    [
        ("return", [(0, 0, None), (1, 0, None), (2, 0, None)]),
        ("raise", [(0, 1, None), (1, 1, "ValueError"), (2, 1, None)]),
        ("main", [(0, 1, "ValueError"), (1, 1, None), (2, 1, None)]),
        ("kill", [(0, 1, None), (None, None, "FailureHandledByCatch"), (2, 1, None)]),
        ("hang", [(None, None, "FailureHandledByCatch")] * 3),
        ("connected", [(0, 1, "ValueError"), (1, 1, "EOFError"), (2, 1, "EOFError")]),
    ],
)


@LAST_ATTEMPT
def test_each_member_that_failed_in_the_last_attempt_gets_the_failure(
    tmp_path: Path, mode: str, got: list[object]
) -> None:
    """The first three are what Metaflow gives; there, nothing catches a process that is killed."""
    local = Local(tmp_path, CAUGHT)
    result = local.run(params={"mode": mode})
    assert result.ok, (local.says.err, local.says.notes)
    assert local.says.out == [f"end] {got}"]


@LAST_ATTEMPT
def test_the_pods_of_argo_do_the_same(tmp_path: Path, mode: str, got: list[object]) -> None:
    (tmp_path / "caught.py").write_text(textwrap.dedent(CAUGHT), encoding="utf-8")
    compiled = flowc(tmp_path, "compile", "caught.py", "--root", "s3://bucket/flows", "-o", "caught.yaml")
    assert compiled.returncode == 0, compiled.stderr
    options = ["--root", f"file://{tmp_path}/store", "--show-output", "--backoff", "0", "-p", f"mode={mode}"]
    done = flowc(tmp_path, "simulate", "caught.yaml", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(got) in done.stderr
