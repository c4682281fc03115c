"""Hooks of ZenML's pipelines, which its steps have unless it is dynamic; the same file on ZenML itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from flowc_compiler.syntax.local_code import local_code
from flowc_targets.package.cached_steps import code_digests
from tests.pipelines.test_step_hooks import ZENML, results
from tests.support import compiled, flowc, write_files

FLOW = """
    from typing import Optional

    from zenml import get_step_context, pipeline, step
    from zenml.hooks import alerter_failure_hook

    import steps

    def name():
        return get_step_context().step_run.name

    def failed(error: BaseException):
        print("RESULT failed", name(), error)

    def succeeded():
        print("RESULT succeeded", name())

    def started():
        print("RESULT started", name())

    def ended(error: Optional[BaseException] = None):
        print("RESULT ended", name(), error)

    def own():
        print("RESULT own")

    @step(on_success=own, enable_cache=False)
    def one() -> int:
        return 1

    @step(on_failure=alerter_failure_hook, enable_cache=False)
    def three(x: int) -> int:
        raise ValueError("three")

    @pipeline(on_failure=failed, on_success=succeeded, on_start=started, on_end=ended)
    def hooked():
        three(steps.two(one()))

    if __name__ == "__main__":
        hooked()
"""
STEPS = """
    from zenml import step

    def succeeded():
        print("RESULT another function of this name")

    @step(enable_cache=False)
    def two(x: int) -> int:
        return x + 1
"""
EXPECTED = [
    "RESULT started one", "RESULT ended one None", "RESULT own", "RESULT started two", "RESULT ended two None",
    "RESULT succeeded two", "RESULT started three", "RESULT ended three three",
]  # fmt: skip
"""What ZenML 0.98 prints."""


@pytest.mark.process
def test_steps_have_the_hooks_of_their_pipeline(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "steps.py": STEPS})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 1
    assert results(done.stdout) == EXPECTED
    assert "alerter" in done.stdout + done.stderr


def test_a_dynamic_pipeline_has_hooks_of_its_run(tmp_path: Path) -> None:
    text = FLOW.replace("@pipeline(", "@pipeline(dynamic=True, ").replace("on_start=started, on_end", "on_end")
    write_files(tmp_path, {"steps.py": STEPS})
    flow = compiled(tmp_path, text).flow
    assert [hook.on_success for hook in flow.specs.exit_hooks] == [("ended",), (), ("succeeded",)]
    assert flow.by_name["two"].specs.hooks is None


def test_code_of_hooks_counts_for_the_cache(tmp_path: Path) -> None:
    write_files(tmp_path, {"steps.py": STEPS})

    def digests(old: str, new: str) -> dict[str, str]:
        text = FLOW.replace(old, new)
        assert text != FLOW or old == new
        compilation = compiled(tmp_path, text)
        return code_digests(compilation.flow, local_code(compilation.source))

    before = digests("", "")
    for old, changed in (("RESULT own", {"one"}), ("RESULT failed", {"one", "two"}), ("RESULT succeeded", {"two"})):
        after = digests(old, "changed")
        assert changed <= {name for name in before if before[name] != after[name]}, old
    assert digests("RESULT own", "changed")["two"] == before["two"]


@pytest.mark.oracle
@pytest.mark.skipif(not (ZENML / "ready").exists(), reason="ZenML is not installed")
def test_zenml_calls_them_in_this_way(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "steps.py": STEPS})
    variables = {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "zen"), "ZENML_ANALYTICS_OPT_IN": "false"}
    command = [str(ZENML / "bin" / "python"), "flow.py"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert results(done.stdout + done.stderr) == EXPECTED
    assert "no alerter configured" in done.stdout + done.stderr
