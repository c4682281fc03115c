"""Small Workflows, written by hand and run by the simulator, for the tests of this folder."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate import Progress, SimulateOptions, prepare_manifest, simulate

if TYPE_CHECKING:
    from flowc_targets.simulate import SimulationResult

HEAD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: wf}
spec:
  entrypoint: main
"""

PODS = """\
  - name: sh
    inputs: {parameters: [{name: script, default: "true"}]}
    outputs: {parameters: [{name: out, valueFrom: {path: /tmp/it/out, default: none}}]}
    container:
      image: x
      command: [sh, -c, 'mkdir -p $(dirname "$1"); eval "$0"', "{{inputs.parameters.script}}", /tmp/it/out]
  - {name: nothing, suspend: {duration: "0"}}
"""
"""A template that runs a script, with the path of its output as `$1`, and one that has no pod."""


def workflow(tasks: str, *, templates: str = "", spec: str = "") -> str:
    """A Workflow whose entrypoint is a DAG of these tasks. The parts are YAML, at whatever depth."""
    return (
        HEAD
        + textwrap.indent(textwrap.dedent(spec), "  ")
        + "  templates:\n  - name: main\n    dag:\n      tasks:\n"
        + textwrap.indent(textwrap.dedent(tasks).strip("\n"), "      ")
        + "\n"
        + PODS
        + textwrap.indent(textwrap.dedent(templates).strip("\n"), "  ")
        + "\n"
    )


def task(name: str, script: str = "true", **fields: str) -> str:
    """One task that runs a script, as a line for `workflow`."""
    rest = "".join(f", {key}: {value}" for key, value in fields.items())
    return f"- {{name: {name}, template: sh, arguments: {{parameters: [{{name: script, value: '{script}'}}]}}{rest}}}\n"


def run(text: str, **options: Any) -> SimulationResult:
    """Run a manifest to its end."""
    given: dict[str, Any] = {"max_workers": 4, **options}
    chosen = SimulateOptions(**given)
    manifest, spec = prepare_manifest(text, chosen)
    return simulate(manifest, spec, chosen, Progress(print, output=True))


def phases(result: SimulationResult) -> dict[str, str]:
    """The phases of all nodes but the first, by name without the Workflow's."""
    prefix = f"{result.spec.name}."
    return {node.name.removeprefix(prefix): node.phase for node in result.nodes.by_id.values() if node.name != "wf"}


def message(result: SimulationResult, name: str) -> str:
    """The message of a node."""
    found = result.nodes.get(f"{result.spec.name}.{name}")
    assert found is not None
    return found.message
