"""Steps with `@container` on the docker and the podman of this machine, where they are and have the image.

FLOWC_TEST_IMAGE names an image with a shell and Python, by default that of the cluster of the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import flowc

pytestmark = pytest.mark.process

IMAGE = os.environ.get("FLOWC_TEST_IMAGE", "flowc.test/python:3.11")

FLOW = f'''
from flowc import FlowSpec, container, step, timeout

WRITE = """import json, os, sys
json.dump([sys.argv[2], os.environ["E"], open(sys.argv[3]).read()], open(sys.argv[1], "w"))"""


class BoxFlow(FlowSpec):
    @step
    def start(self):
        self.texts = ["a b", "\\u00fc'\\"$x\\\\", "{{{{x}}}}\\n"]
        self.next(self.each, foreach="texts")

    @container(
        image="{IMAGE}",
        command=["python3", "-c", WRITE, "{{outputs.got}}", "{{values.input}}", "{{inputs.input}}"],
        env={{"E": "{{values.input}}"}},
        inputs={{"input": "text"}},
        outputs={{"got": "got.json"}},
    )
    @step
    def each(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        assert [each.got for each in inputs] == [[text] * 3 for text in inputs[0].texts]
        self.next(self.end)

    @step
    def end(self):
        print("all is equal")
'''

SLOW = f'''
from flowc import FlowSpec, container, step, timeout


class SlowFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.wait)

    #
    @container(image="{IMAGE}", command=["sh", "-c", "echo has begun; sleep 300; exit 1"])
    @step
    def wait(self):
        self.next(self.end)

    @step
    def end(self):
        pass
'''


@pytest.fixture(params=["docker", "podman"])
def tool(request: pytest.FixtureRequest) -> str:
    """A program that runs containers, and has the image."""
    found = str(request.param)
    look = [found, "image", "inspect", IMAGE]
    if shutil.which(found) is None or subprocess.run(look, capture_output=True, check=False).returncode:
        pytest.skip(f"there is no {found} here, or it has no {IMAGE}")
    return found


def containers(tool: str) -> set[str]:
    """The containers that run."""
    done = subprocess.run([tool, "ps", "--quiet"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_files_and_values_arrive(tool: str, tmp_path: Path) -> None:
    (tmp_path / "box.py").write_text(FLOW)
    done = flowc(tmp_path, "run", "box.py", "--container", tool)
    assert done.returncode == 0, done.stderr
    assert "all is equal" in done.stdout


def test_the_exit_code_is_kept(tool: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW.replace("sleep 300; exit 1", "exit 42"))
    done = flowc(tmp_path, "run", "slow.py", "--container", tool)
    assert done.returncode == 1
    assert "the container's command has ended with exit code 42" in done.stderr


def test_a_timeout_ends_the_container(tool: str, tmp_path: Path) -> None:
    before = containers(tool)
    (tmp_path / "slow.py").write_text(SLOW.replace("#", "@timeout(seconds=5)"))
    done = flowc(tmp_path, "run", "slow.py", "--container", tool)
    assert "the task ran longer than its timeout of 5 s" in done.stderr
    assert containers(tool) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_container(tool: str, tmp_path: Path, number: signal.Signals) -> None:
    before = containers(tool)
    (tmp_path / "slow.py").write_text(SLOW)
    run = [sys.executable, "-m", "flowc_cli", "run", "slow.py", "--container", tool]
    with subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert any("has begun" in line for line in process.stdout)
        process.send_signal(number)
        assert process.wait(30) == (-number if number == signal.SIGKILL else 130)
    deadline = time.monotonic() + 10
    while containers(tool) != before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert containers(tool) == before
