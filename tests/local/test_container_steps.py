"""Steps with `@container` on the local engine: failures, attempts, timeouts, resumed runs, and what replaces them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.testing import RunFlow
from tests.support import flowc_process

pytestmark = pytest.mark.process

FLOW = '''
from flowc import FlowSpec, Parameter, container, retry, step, timeout


class Boxes(FlowSpec):
    mark = Parameter("mark", default="")

    @step
    def start(self):
        self.next(self.box)

    @retry(times=1, minutes_between_retries=0)
    @timeout(seconds={seconds})
    @container(
        image="box:1", command=["sh", "-c", """{script} """],
        env={{"MARK": "{{values.mark}}", "OUT": "{{outputs.found}}"}}, outputs={{"found": "found.txt"}},
    )
    @step
    def box(self):
        self.next(self.end)

    @step
    def end(self):
        print("found", self.found)
'''


def run(folder: Path, script: str, *arguments: str, seconds: int = 60) -> tuple[int, str]:
    (folder / "flow.py").write_text(FLOW.format(script=script, seconds=seconds))
    done = flowc_process(folder, "run", "flow.py", "--container", "local", "--root", "store", *arguments)
    return done.returncode, done.stdout + done.stderr


def error_of(folder: Path, attempt: int) -> dict[str, Any]:
    (path,) = (folder / "store" / "Boxes").glob(f"*/box/-/{attempt}/error.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_failed_command_is_tried_again(tmp_path: Path) -> None:
    script = 'if [ -e "$MARK" ]; then printf ok > "$OUT"; else touch "$MARK"; echo first; exit 7; fi'
    code, said = run(tmp_path, script, "--mark", str(tmp_path / "mark"))
    assert (code, "found ok" in said, "first" in said) == (0, True, True), said
    assert error_of(tmp_path, 0)["exit_code"] == 7


def test_fatal_is_not_tried_again(tmp_path: Path) -> None:
    code, said = run(tmp_path, "exit 79")
    assert code == 1
    assert "exit code 79" in said
    assert not list((tmp_path / "store" / "Boxes").glob("*/box/-/1"))


def test_a_timeout_ends_the_command(tmp_path: Path) -> None:
    began = time.monotonic()
    code, said = run(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600", seconds=1)
    assert (code, "TimeoutException" in said, "subprocess.py" in said) == (1, True, False), said
    assert time.monotonic() - began < 60
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_resumed_run_takes_the_container_step_over(tmp_path: Path) -> None:
    script = f'echo x >> {tmp_path}/runs; printf once > "$OUT"'
    assert run(tmp_path, script)[0] == 0
    done = flowc_process(tmp_path, "resume", "flow.py", "end", "--container", "local", "--root", "store")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found once" in done.stdout
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_step_is_tried_alone(tmp_path: Path) -> None:
    assert run(tmp_path, 'printf one > "$OUT"')[0] == 0
    done = flowc_process(tmp_path, "try", "flow.py", "box", "--root", "store", FLOWC_CONTAINER="local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'one'" in done.stdout


@pytest.mark.parametrize("how", ["values", "function"])
def test_a_test_replaces_it(how: str, tmp_path: Path, run_flow: RunFlow) -> None:
    path = tmp_path / "flow.py"
    path.write_text(FLOW.format(script="exit 1", seconds=60))

    def instead(self: Any) -> None:
        self.found = "replaced"

    found: Run = run_flow(path, replace={"box": instead if how == "function" else {"found": "replaced"}})
    assert found["end"].task.data.found == "replaced"
