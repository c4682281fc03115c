"""`flowc run` as a user types it: whole processes, their output and exit codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support import flowc_process

FAILING = """\
from flowc import FlowSpec, Parameter, step


class Failing(FlowSpec):
    limit = Parameter("limit", type=int, required=True)

    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        raise ValueError(f"no more than {self.limit}")
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.process
def test_the_seed(seed_flow: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("xgboost")
    result = flowc_process(tmp_path, "run", seed_flow)
    assert result.returncode == 0, result.stderr
    assert "Random Forest Model Accuracy: 0.96 ± 0.025%" in result.stdout
    assert re.search(r"XGBoost Model Accuracy: 0\.9\d* ± 0\.0\d+%", result.stdout)


@pytest.mark.process
def test_parameters_both_ways_and_the_run_id_file(tmp_path: Path) -> None:
    example = REPOSITORY / "examples" / "empty_foreach.py"
    assert "joined 3: [0, 1, 4]" in flowc_process(tmp_path, "run", example, "-p", "count=3").stdout
    assert "joined 2: [0, 1]" in flowc_process(tmp_path, "run", example, "--count", "2").stdout
    result = flowc_process(
        tmp_path, "run", example, "--count=1", "--run-id-file", "id", "--tag", "nightly", "--root", "s"
    )
    assert "joined 1: [0]" in result.stdout
    assert (tmp_path / "s" / "EmptyForeachFlow" / (tmp_path / "id").read_text().strip() / "run.json").is_file()


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["-p", "limit=many"], "FC303", "flow.py:5:13"),
        (["-p", "limmit=1"], "FC302", "flow.py:4:7"),
        (["--limmit", "1"], "FC302", "flow.py:4:7"),
        (["-p", "limit"], "FC302", ""),
        ([], "FC304", "flow.py:5:13"),
    ],
)
def test_wrong_parameters(tmp_path: Path, arguments: list[str], code: str, line: str) -> None:
    (tmp_path / "flow.py").write_text(FAILING)
    result = flowc_process(tmp_path, "run", "flow.py", *arguments)
    assert result.returncode == 2
    assert f"error[{code}]" in result.stderr
    assert line in result.stderr
    assert "help: " in result.stderr
    assert not (tmp_path / ".flowc").exists()


@pytest.mark.process
def test_a_failing_step(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FAILING)
    result = flowc_process(tmp_path, "run", "flow.py", "--limit", "3")
    assert result.returncode == 1
    assert "ValueError: no more than 3" in result.stderr
    [log] = [Path(match) for match in re.findall(r"\S+output\.log", result.stderr)]
    assert "ValueError: no more than 3" in (tmp_path / log).read_text()


@pytest.mark.process
def test_a_local_module_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("from metaflow import inspect_spin\ninspect_spin('flow.py')\n")
    flow = tmp_path / "flow.py"
    flow.write_text(FAILING.replace("from flowc", "import helpers\nfrom flowc", 1))
    result = flowc_process(tmp_path, "run", flow, "--limit", "1")
    assert result.returncode == 2
    assert "error[FC106]" in result.stderr
    assert "helpers.py:1:" in result.stderr
    assert "run Failing/" not in result.stderr


@pytest.mark.process
def test_an_unwritable_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = flowc_process(tmp_path, "run", REPOSITORY / "examples" / "empty_foreach.py", "--root", "file/store")
    assert result.returncode == 1
    assert "error[FC601]" in result.stderr


@pytest.mark.process
def test_a_foreach_wider_than_allowed(tmp_path: Path) -> None:
    example = REPOSITORY / "examples" / "empty_foreach.py"
    result = flowc_process(tmp_path, "run", example, "--count", "11", "--max-num-splits", "10")
    assert result.returncode == 1
    assert "--max-num-splits" in result.stderr


@pytest.mark.process
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_interrupt(tmp_path: Path, start_method: str) -> None:
    (tmp_path / "flow.py").write_text(
        "import time\nfrom flowc import FlowSpec, step\n\n\nclass Slow(FlowSpec):\n    @step\n    def start(self):\n"
        "        print('begun', flush=True)\n        time.sleep(60)\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        pass\n"
    )
    command = [sys.executable, "-m", "flowc_cli", "run", "flow.py", "--start-method", start_method]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert "begun" in process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        assert process.wait(30) == 130
        assert time.monotonic() - began < 20
