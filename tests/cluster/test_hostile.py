"""Strings that YAML, Argo or Kubernetes would change, on the real cluster: each arrives letter by letter.

What is given at submission is raw, as `argo submit -p` and an edit of `spec.arguments` leave it. Two kinds of value do
not arrive, and docs/argo.md says so: what begins with flowc's own `b64:`, `z64:` or `flowc:`, and what Argo fails to
evaluate in `spec.arguments` itself, where nothing of flowc's is: an expression that is none, such as `{{=foo(}}`, or a
tag that stands for a value with characters that JSON has to escape. Argo 4 then never begins to run the Workflow.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from tests.cluster.cluster import NAMESPACE, Cluster, Submitted, run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.support import yaml_documents

pytestmark = pytest.mark.cluster

STRINGS = Path(__file__).parent / "flows" / "strings.py"
FROM_OPTIONS = "$(y) {{x}} é\n\t" * 6000
RAW = {
    "uid": "{{workflow.uid}} {{workflow.name}}",
    "number": "{{=1+1}}",
    "inputs": "{{inputs.parameters.x}}",
    "tasks": "{{tasks.a.outputs.result}}",
    "nothing": "{{workflow.parameters.nothing}} {{workflow.parameters.no}}",
    "item": "{{item}}",
    "retries": "{{retries}} {{pod.name}}",
    "status": "{{workflow.status}} {{workflow.failures}}",
    "json": '{"json": "{{workflow.parameters.json}}"}',
    "open": "a {{ b",
    "close": "a }} b",
    "dollars": "$(HOME) $$ $$(HOME) $ ${X} $(FLOWC_ROOT)",
    "quotes": "\"double\" 'single' `back` \\ \\n \\u0041",
    "lines": "one\n\ttwo\r\nthree\n",
    "spaces": "  both ends  ",
    "unicode": "é 😀 \u202eleft \u2028 \u2029 \ufeff \x85 \xa0",
    "control": "\x01 \x07 \x1b[31m \x7f",
    "yaml": "!!python/object:os.system [a, b]: {c} # - & * | > % @",
    "html": "<&>",
    "with-dash": "%s %(x)s %d",
    "no": "no",
    "octal": "0o17",
    "empty": "",
    "comma": "a=b,c=d",
    "large": "{{x}} $(y) é" * 6000,
}
"""Values by the names of parameters; some of the names are words of Argo's own."""


def given_flow() -> str:
    """A flow whose first step keeps all of its parameters."""
    lines = [f"    {name.replace('-', '_')} = Parameter({name!r}, default='not this')" for name in RAW]
    seen = ", ".join(f"{name!r}: self.{name.replace('-', '_')}" for name in RAW)
    steps = f"""
    @step
    def start(self):
        self.seen = {{{seen}}}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    head = "from flowc import FlowSpec, Parameter, step\n\n\nclass GivenFlow(FlowSpec):\n"
    return head + "\n".join(lines) + steps


@pytest.fixture(scope="module")
def template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a WorkflowTemplate of `given_flow`."""
    file = tmp_path_factory.mktemp("given") / "given_flow.py"
    file.write_text(given_flow(), encoding="utf-8")
    name = f"given-{uuid.uuid4().hex[:6]}"
    manifest = cluster.compile(file, "--kind", "template", "--set", f"name={name}")
    cluster.kubectl("apply", "-f", "-", text=manifest)
    cluster.applied.append(manifest)
    return name


def submission(template: str, values: dict[str, str]) -> dict[str, object]:
    """A Workflow from the template."""
    parameters = [{"name": name, "value": value} for name, value in values.items()]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-"},
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": parameters}},
    }


def seen(submitted: Submitted) -> dict[str, str]:
    """What arrived; the Workflow is deleted."""
    found: dict[str, str] = submitted.wait()["start"].task.data.seen
    submitted.cluster.kubectl("delete", "--wait=false", "workflow", submitted.name)
    return found


def submitted(cluster: Cluster, name: str) -> Submitted:
    """A Workflow of the flow."""
    return cluster.submitted(name, {"workflows.argoproj.io/title": "GivenFlow"})


def test_arguments_of_a_workflow_that_refers_to_a_template(cluster: Cluster, template: str) -> None:
    made = cluster.kubectl("create", "-o", "name", "-f", "-", text=json.dumps(submission(template, RAW)))
    assert seen(submitted(cluster, made.strip().partition("/")[2])) == RAW


def test_arguments_of_argo_submit(cluster: Cluster, template: str, tmp_path: Path) -> None:
    beside = sorted(Path("~/.cache/flowc-cluster").expanduser().glob("argo-*/argo"))
    program = os.environ.get("ARGO") or shutil.which("argo") or (str(beside[-1]) if beside else None)
    if program is None:
        pytest.skip("no `argo` on the PATH, in $ARGO or in ~/.cache/flowc-cluster")
    values = {name: value for name, value in RAW.items() if len(value) < 10_000}
    given = [part for name, value in values.items() for part in ("-p", f"{name}={value}")]
    command = [program, "submit", "-n", NAMESPACE, "--from", f"workflowtemplate/{template}", "-o", "name", *given]
    without_server = {name: value for name, value in os.environ.items() if name != "ARGO_SERVER"}
    done = subprocess.run(command, env=without_server, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = seen(submitted(cluster, done.stdout.strip()))
    assert found == {**dict.fromkeys(RAW, "not this"), **values}


def test_an_edited_manifest(cluster: Cluster, tmp_path: Path) -> None:
    """What a text editor does to `spec.arguments` of a Workflow, written by another printer of YAML.

    That printer writes 0o17 without quotes, which kubectl reads as a number: that one is left out.
    """
    values = {**RAW, "octal": "17"}
    file = tmp_path / "given_flow.py"
    file.write_text(given_flow(), encoding="utf-8")
    name = f"edited-{uuid.uuid4().hex[:6]}"
    *code, workflow = yaml_documents(cluster.compile(file, "--set", f"name={name}"))
    for parameter in workflow["spec"]["arguments"]["parameters"]:
        if parameter["name"] in values:
            parameter["value"] = values[parameter["name"]]
    text = yaml.safe_dump_all([*code, workflow], allow_unicode=True)  # pyright: ignore[reportUnknownMemberType]
    submitted = cluster.apply(text)
    assert submitted.wait()["start"].task.data.seen == values


def test_strings_in_every_place(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_OPTIONS", FROM_OPTIONS)
    local = run_locally(STRINGS, tmp_path / "store")
    included = "included/mö re {{x}} $(y).txt"
    options = ("--include", included, "--env", f"FROM_OPTIONS={FROM_OPTIONS}", "--set", "tags=['{ ', 'a:b $(X) é']")
    submitted = cluster.apply(cluster.compile(STRINGS, *options), "--server-side")  # as `flowc compile` says
    run = submitted.wait()
    assert_same_artifacts(local, run)
    start = run["start"].task.data
    assert start.environment[:2] == ["{{workflow.name}} {{=1+1}} {{", "$(HOME) $$ $$(HOME) $"]
    assert start.from_options == FROM_OPTIONS
    assert start.included == (STRINGS.parent / "included" / "dä ta $(X) {{y}}.txt").read_text(encoding="utf-8")
    assert run["end"].task.data.way == "right"
    assert "a:b $(X) é" in run.tags
    (pod,) = submitted.pods("s-start")
    assert pod["metadata"]["annotations"]["flowc.test/odd"] == "$(HOME) $$ 'q' \"q\" # : \u2028 é \n!!x %s \\ 😀"
