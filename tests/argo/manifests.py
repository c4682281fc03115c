"""From the text of a flow to the manifest, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from tests.support import compiled, emitted, yaml_documents

ROOT = "s3://bucket/prefix"

DIAMOND = """
from flowc import FlowSpec, Parameter, catch, environment, kubernetes, resources, retry, secrets, step, timeout

class DiamondFlow(FlowSpec):
    {parameters}

    @step
    def start(self):
        self.next(self.left, self.right)

    {decorators}
    @step
    def left(self):
        self.next(self.join)

    @step
    def right(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

NESTED = """
from flowc import FlowSpec, step

class NestedFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [1]
        self.next(self.outer, foreach="xs")

    @step
    def outer(self):
        self.ys = [1]
        self.next(self.inner, foreach="ys")

    @step
    def inner(self):
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.next(self.fork)

    @step
    def fork(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.arms)

    @step
    def b(self):
        self.next(self.arms)

    @step
    def arms(self, inputs):
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def emit(folder: Path, text: str, sink: DiagnosticSink | None = None, **options: Any) -> str | None:
    """The YAML for a flow, `None` where there are errors, which are then in `sink`."""
    sink = sink if sink is not None else DiagnosticSink()
    files, _ = emitted(compiled(folder, text, sink, name="flow_file.py"), "argo", sink, **options)
    return files[0].text if files else None


def objects(folder: Path, text: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap with the code, and the Workflow, of a flow without problems."""
    output = emit(folder, text, **options)
    assert output is not None
    *runtime, config_map, workflow = yaml_documents(output)
    assert [item["metadata"]["name"][:14] for item in runtime] == ["flowc-runtime-"] * 2
    return config_map, workflow


def codes(folder: Path, text: str, **options: Any) -> list[tuple[str, str, int | None]]:
    """Code, severity and line of every diagnostic of a compilation."""
    sink = DiagnosticSink()
    emit(folder, text, sink, **options)
    return [(item.code, item.severity, item.span.line if item.span else None) for item in sink.diagnostics]


def templates(workflow: dict[str, Any]) -> dict[str, Any]:
    """Templates by name."""
    return {template["name"]: template for template in workflow["spec"]["templates"]}


def tasks(template: dict[str, Any]) -> dict[str, Any]:
    """The tasks of a DAG template by name."""
    return {task["name"]: task for task in template["dag"]["tasks"]}


def diamond(decorators: str = "", parameters: str = "") -> str:
    """A branch of two, with decorators on the left step and parameters on the flow."""
    return DIAMOND.format(decorators=decorators, parameters=parameters or "pass")


def left(folder: Path, decorators: str, **options: Any) -> dict[str, Any]:
    """The leaf template of the decorated step."""
    _, workflow = objects(folder, diamond(decorators), **options)
    template: dict[str, Any] = templates(workflow)["s-left"]
    return template


def env(template: dict[str, Any]) -> dict[str, str]:
    """The literal environment of a leaf."""
    return {item["name"]: item["value"] for item in template["container"]["env"]}
