"""`--with`: a decorator for every step that doesn't have it, as in Metaflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.frontend.decorators.cli_decorators import read_cli_decorators
from tests.support import flowc, write_files

FLOW = """
    from flowc import FlowSpec, current, retry, step


    class Flaky(FlowSpec):
        @step
        def start(self):
            self.attempts = [current.retry_count]
            self.fail(1)
            self.next(self.end)

        @retry(times=2, minutes_between_retries=0)
        @step
        def end(self):
            self.attempts = [*self.attempts, current.retry_count]
            self.fail(2)
            print("attempts", self.attempts)

        def fail(self, times):
            if current.retry_count < times:
                raise RuntimeError("not yet")
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    write_files(tmp_path, {"flaky.py": FLOW})
    return tmp_path / "flaky.py"


@pytest.mark.process
def test_a_run_retries_steps_that_do_not_say_so(flow: Path) -> None:
    assert flowc(flow.parent, "run", flow.name).returncode == 1
    result = flowc(flow.parent, "run", flow.name, "--with", "retry:times=1,minutes_between_retries=0")
    assert result.returncode == 0, result.stderr
    assert "attempts [1, 2]" in result.stdout, "what the step says itself counts more"


def test_specs_of_the_command_line(flow: Path) -> None:
    attached = ["retry", 'environment:vars={"A": "1, b=2"}', "resources:cpu=2, memory=16Gi,gpu=a100:2"]
    steps = compile_file(flow, attached=attached).flow.by_name
    assert [step.specs.retry and step.specs.retry.limit for step in steps.values()] == [3, 2]
    for step in steps.values():
        assert step.specs.environment is not None
        assert step.specs.environment.variables == {"A": "1, b=2"}
        assert step.specs.resources is not None
        assert step.specs.resources.memory_mb == 16384
        assert step.specs.accelerator is not None
        assert step.specs.accelerator.type == "a100"
        assert step.specs.resources.span == step.span


def test_targets_and_checks_see_them(flow: Path) -> None:
    result = flowc(flow.parent, "compile", flow.name, "--root", "s3://b/p", "--with", "kubernetes:image=team/ml:1")
    assert result.stdout.count("image: team/ml:1") == 2, result.stderr
    result = flowc(flow.parent, "check", flow.name, "--target", "argo", "--with", "resources:gpu=h7:1")
    assert result.returncode == 2
    assert "FC501" in result.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [("nope", "FC401"), ("step", "FC401"), ("schedule", "FC401"), ("retry:tims=1", "FC403"), ("retry:3", "FC403"),
     ("retry:times=many", "FC404"), ("parallel:x=1", "FC403")],
)  # fmt: skip
def test_mistakes(flow: Path, text: str, code: str) -> None:
    with pytest.raises(FlowcError) as caught:
        compile_file(flow, attached=[text])
    assert [item.code for item in caught.value.diagnostics] == [code]
    assert text in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].help


def test_given_twice() -> None:
    sink = DiagnosticSink()
    read_cli_decorators(["retry", "retry:times=1"], sink)
    assert [item.code for item in sink.diagnostics] == ["FC405"]
    sink = DiagnosticSink()
    assert len(read_cli_decorators(["card", "card"], sink)) == 2
    assert not sink.diagnostics


def test_values_are_json_where_they_can_be() -> None:
    sink = DiagnosticSink()
    text = 'kubernetes:image=team/ml:1.2,annotations={"a": "b,c=d"}, cpu=0.5,node_selector=a=b,secrets=["s"]'
    [item] = read_cli_decorators([text], sink)
    assert [diagnostic.message for diagnostic in sink.diagnostics] == []
    given = item.arguments.model_dump(exclude_unset=True)
    assert given["image"] == "team/ml:1.2"
    assert given["annotations"] == {"a": "b,c=d"}
    assert given["node_selector"] == {"a": "b"}
    assert given["cpu"] == 0.5
    assert given["secrets"] in (("s",), ["s"])
