"""Hooks of ZenML's steps: when they are called, and with what; the same file on ZenML itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support import flowc, write_files

ZENML = REPOSITORY / "tests" / "bench" / "env-zenml"
HOOKS = """
    from typing import Optional

    def ended(error: Optional[BaseException] = None):
        print("RESULT ended", error)
"""
FLOW = """
    from zenml import pipeline, step
    from zenml.config.retry_config import StepRetryConfig

    import hooks
    from hooks import ended

    def started():
        print("RESULT started")

    def failed(error: BaseException):
        print("RESULT failed", type(error).__name__, error)

    def quiet_failed():
        print("RESULT quiet")

    def succeeded():
        print("RESULT succeeded")
        raise KeyError("what a hook raises is ignored")

    @step(on_start=started, on_end=ended, on_failure=failed, on_success=succeeded, enable_cache=False)
    def one() -> int:
        print("RESULT one")
        return 1

    @step(on_end=hooks.ended, on_failure="hooks.ended", enable_cache=False)
    def two(x: int) -> int:
        return x + 1

    @step(
        on_failure=failed, on_end=ended, enable_cache=False, retry=StepRetryConfig(max_retries=1, delay=0, backoff=1)
    )
    def three(x: int) -> int:
        raise ValueError("three")

    @pipeline
    def hooked():
        value = two(one())
        three.with_options(on_start=quiet_failed)(value)

    if __name__ == "__main__":
        hooked()
"""
EXPECTED = [
    "RESULT started", "RESULT one", "RESULT ended None", "RESULT succeeded", "RESULT ended None", "RESULT quiet",
    "RESULT ended three", "RESULT quiet", "RESULT ended three", "RESULT failed ValueError three",
]  # fmt: skip
"""What ZenML 0.98 prints."""


def results(text: str) -> list[str]:
    """What the hooks have printed."""
    return [line[line.index("RESULT") :].rstrip() for line in text.splitlines() if "RESULT" in line]


@pytest.mark.process
def test_a_task_calls_the_hooks_of_its_step(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "hooks.py": HOOKS})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 1
    assert results(done.stdout) == EXPECTED
    assert "the hook on_success (succeeded) failed: KeyError" in done.stderr
    root = f"file://{tmp_path}/store"
    assert flowc(tmp_path, "compile", "flow.py", "--root", root, "-o", "flow.yaml").returncode == 0
    done = flowc(tmp_path, "simulate", "flow.yaml", "--show-output", "--backoff", "0")
    assert results(done.stdout + done.stderr) == EXPECTED


@pytest.mark.oracle
@pytest.mark.skipif(not (ZENML / "ready").exists(), reason="ZenML is not installed")
def test_zenml_calls_them_in_this_way(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "hooks.py": HOOKS})
    variables = {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "zen"), "ZENML_ANALYTICS_OPT_IN": "false"}
    command = [str(ZENML / "bin" / "python"), "flow.py"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert results(done.stdout + done.stderr) == EXPECTED
