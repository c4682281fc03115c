"""A run that takes longer than its deadline, on this machine and in the simulator, and what people learn of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.runtime.noticeserver import served
from tests.support import flowc_process

pytestmark = pytest.mark.process
FLOW = """
import os
import time
from flowc import FlowSpec, deadline, notify, step


@deadline(seconds=4)
@notify(on=["late", "error"], webhook="{url}/told")
class Late(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        time.sleep(float(os.environ.get("SECONDS", "0")))
"""


def test_it_ends_the_run_which_can_be_resumed(tmp_path: Path) -> None:
    with served() as server:
        (tmp_path / "flow.py").write_text(FLOW.format(url=server.url))
        arguments = ("flow.py", "--root", "store", "--run-id-file", "id")
        begun = time.monotonic()
        done = flowc_process(tmp_path, "run", *arguments, SECONDS="60")
        assert time.monotonic() - begun < 40
        assert done.returncode == 1
        assert "it has taken longer than its deadline of 4 s" in done.stderr
        [(_, _, body)] = server.posts
        assert (body["event"], body["run"]) == ("late", (tmp_path / "id").read_text())
        resumed = flowc_process(tmp_path, "resume", "flow.py", "--root", "store", "--origin-run-id", body["run"])
        assert resumed.returncode == 0, resumed.stderr
        assert "1 task of run" in resumed.stderr


def test_the_simulator_ends_it_as_argo_does(tmp_path: Path) -> None:
    with served() as server:
        (tmp_path / "flow.py").write_text(FLOW.format(url=server.url).replace("seconds=4", "seconds=10"))
        (tmp_path / "flow.yaml").write_text(
            flowc_process(tmp_path, "compile", "flow.py", "--root", str(tmp_path / "store")).stdout
        )
        done = flowc_process(tmp_path, "simulate", "flow.yaml", SECONDS="90")
        assert done.returncode == 1, done.stderr
        [(_, _, body)] = server.posts
        assert body["event"] == "late"


def test_a_pod_that_cannot_tell_anybody_fails_no_run(tmp_path: Path) -> None:
    """As on Argo: what the pod's end means stands in the manifest."""
    (tmp_path / "flow.py").write_text(FLOW.format(url="http://127.0.0.1:1").replace('["late", "error"]', '"success"'))
    manifest = flowc_process(tmp_path, "compile", "flow.py", "--root", str(tmp_path / "store")).stdout
    shim = "command: [python3, /flowc/flowc.pyz, hook]"
    assert manifest.count(shim) == 1
    text = manifest.replace(shim, 'command: ["false"]').replace("activeDeadlineSeconds: 4", "activeDeadlineSeconds: 90")
    (tmp_path / "flow.yaml").write_text(text)
    done = flowc_process(tmp_path, "simulate", "flow.yaml")
    assert done.returncode == 0, done.stderr
    assert "notify" in done.stdout or "hook-0" in done.stdout
