"""What the simulator refuses, and by which name: fields, types, references, tags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowc_targets.simulate import ManifestError, Progress, SimulateOptions, prepare_manifest
from flowc_targets.simulate.workflow_nodes import Node
from tests.argo.simulated import task, workflow
from tests.conftest import GOLDENS
from tests.support import flowc

PLAIN = workflow(task("a"))


def problems(text: str, **options: Any) -> tuple[str, ...]:
    """What is wrong with a manifest; nothing where it can be run."""
    try:
        prepare_manifest(text, SimulateOptions(**options))
    except ManifestError as error:
        return error.problems
    return ()


def changed(path: str, value: object) -> str:
    """The plain Workflow with one field set; `0` in a path is an index."""
    document = yaml.safe_load(PLAIN)
    place: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        place = place[part]
    place[last] = value
    return yaml.safe_dump(document)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("status", {}, "status"),
        ("spec.hooks", {}, "spec.hooks"),
        ("spec.templates.0.steps", [], "spec.templates[0].steps"),
        ("spec.templates.0.dag.target", "a", "spec.templates[0].dag.target"),
        ("spec.templates.0.dag.tasks.0.withItems", ["1"], "spec.templates[0].dag.tasks[0].withItems"),
        ("spec.templates.0.dag.tasks.0.dependencies", ["b"], "spec.templates[0].dag.tasks[0].dependencies"),
        ("spec.templates.0.dag.tasks.0.onExit", "x", "spec.templates[0].dag.tasks[0].onExit"),
        ("spec.templates.1.failFast", True, "spec.templates[1].failFast"),
        ("spec.templates.1.synchronization", {"locks": []}, "spec.templates[1].synchronization.locks"),
        ("spec.templates.1.pendingTimeout", "1m", "spec.templates[1].pendingTimeout"),
        ("spec.templates.1.container.lifecycle", {}, "spec.templates[1].container.lifecycle"),
        ("spec.templates.1.container.livenessProbe", {}, "spec.templates[1].container.livenessProbe"),
        ("spec.templates.1.container.startupProbe", {}, "spec.templates[1].container.startupProbe"),
        ("spec.templates.1.container.stdin", True, "spec.templates[1].container.stdin"),
        ("spec.templates.1.container.tty", True, "spec.templates[1].container.tty"),
        ("spec.templates.1.container.workingDir", "/x", "spec.templates[1].container.workingDir"),
        ("spec.templates.1.container.source", "x", "spec.templates[1].container.source"),
        ("spec.templates.1.outputs.parameters.0.globalName", "x", "spec.templates[1].outputs.parameters[0].globalName"),
        ("spec.templates.1.outputs.artifacts", [], "spec.templates[1].outputs.artifacts"),
        ("spec.templates.1.retryStrategy", {"affinity": {}}, "spec.templates[1].retryStrategy.affinity"),
    ],
)
def test_a_field_that_it_does_not_know(path: str, value: object, name: str) -> None:
    assert problems(changed(path, value)) == (f"{name}: the simulator does not know this field",)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.synchronization", {"mutexes": [{"name": "m"}]}),
        ("spec.metrics", {"prometheus": []}),
        ("spec.affinity", {}),
        ("spec.templates.1.metrics", {"prometheus": []}),
        ("spec.templates.1.affinity", {}),
        ("spec.templates.1.container.readinessProbe", {}),
        ("spec.templates.1.container.terminationMessagePath", "/dev/termination-log"),
    ],
)
def test_what_means_something_to_a_cluster_only(path: str, value: object) -> None:
    assert problems(changed(path, value)) == ()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("spec.parallelism", "3", "spec.parallelism: is a string, not an integer"),
        ("spec.nodeSelector", {"pool": 1}, "spec.nodeSelector.pool: is a number, not a string"),
        ("spec.templates.1.container.env", [{"name": "X", "value": 1}], "container.env[0].value: is a number"),
        ("spec.templates.1.container.image", None, "spec.templates[1].container.image: is null, not a string"),
        ("spec.templates.1.container.resources", {"limits": []}, "resources.limits: is a list, not a map"),
        ("spec.templates.1.container.imagePullPolicy", "Sometimes", "is 'Sometimes', not one of Always"),
        ("spec.templates.1.retryStrategy", {"retryPolicy": "x"}, "retryStrategy.retryPolicy: is 'x', not one of"),
        ("spec.templates.1.retryStrategy", {"backoff": {"factor": "2"}}, "backoff.duration: is missing"),
        ("spec.templates.2.suspend", {}, "spec.templates[2].suspend.duration: is missing"),
        ("spec.templates.2.suspend", {"duration": "soon"}, "unable to parse 'soon' as a duration"),
        ("spec.templates.2.suspend", "x", "spec.templates[2].suspend: is a string, not a map"),
        ("spec.entrypoint", "other", "spec.entrypoint: there is no template 'other'"),
        ("spec.templates.1.name", "main", "there are two templates 'main'"),
        ("spec.templates.0.dag.tasks.0.template", "x", "tasks[0].template: there is no template 'x'"),
        ("spec.templates.0.dag.tasks.0.depends", "b", "tasks[0].depends: there is no task 'b'"),
        ("spec.templates.0.dag.tasks.0.depends", "a", "they depend on each other in a circle"),
        ("spec.templates.0.dag.tasks.0.depends", "a.Done", "task result 'Done' for task 'a' is invalid"),
        ("spec.templates.0.dag.tasks.0.depends", "a &", "unexpected '&'"),
        ("spec.templates.0.dag.tasks.0.withSequence", {}, "withSequence: needs one of count and end"),
        ("spec.templates.0.container", {"command": ["x"]}, "must be one of dag, container and suspend"),
        ("spec.templates.1.container.volumeMounts", [{"name": "v", "mountPath": "/v"}], "there is no volume 'v'"),
        ("spec.volumes", [{"name": "v", "configMap": {"name": "c"}}], "there is no ConfigMap 'c' in the manifest"),
        ("spec.arguments", {"parameters": [{"name": "x"}]}, "spec.arguments.x.value: is required; give -p x=VALUE"),
        ("spec.templates.0.dag.tasks.0.when", "{{item}}", "failed to resolve {{item}}"),
        ("spec.templates.0.dag.tasks.0.when", "{{=1}}", "does not evaluate expressions"),
        ("spec.templates.0.dag.tasks.0.when", "{{tasks.b.status}}", "b is not before it"),
        ("spec.templates.0.dag.tasks.0.when", "{{workflow.parameters.x}}", "failed to resolve"),
        ("spec.templates.1.container.args", ["{{"], 'template sh: failed to resolve {{"],"command"'),
        ("kind", "CronJob", "does not know the kind 'CronJob'"),
        ("apiVersion", "v1", "apiVersion: is 'v1', not argoproj.io/v1alpha1"),
    ],
)
def test_what_is_wrong(path: str, value: object, problem: str) -> None:
    (found,) = problems(changed(path, value))
    assert problem in found


def test_tasks_in_a_circle() -> None:
    (found,) = problems(workflow(task("a", depends="b") + task("b", depends="a")))
    assert found.endswith("they depend on each other in a circle")


def test_arguments_that_are_not_supplied() -> None:
    templates = "- {name: t, inputs: {parameters: [{name: i}]}, container: {command: [x]}}\n"
    (found,) = problems(workflow("- {name: a, template: t}", templates=templates))
    assert found.endswith("t needs inputs.parameters.i, which was not supplied")


def test_outputs_of_a_fan_out_are_not_put_together() -> None:
    tasks = task("a", withSequence="{count: 2}") + task("b", "echo {{tasks.a.outputs.parameters.out}}", depends="a")
    (found,) = problems(workflow(tasks))
    assert "a is a fan-out" in found


def test_all_problems_are_reported_at_once() -> None:
    text = PLAIN.replace("template: sh", "template: sh, hooks: {}").replace("entrypoint: main", "entrypoint: 3")
    assert len(problems(text)) == 2


def test_what_is_not_one_workflow() -> None:
    assert problems("") == ("there is nothing to run: no Workflow, CronWorkflow or WorkflowTemplate",)
    assert problems(PLAIN + "---\n" + PLAIN) == ("there are 2 objects of kind Workflow: the simulator runs one",)
    assert "the manifest is not YAML" in "".join(problems("["))
    assert problems("- x\n") == ("document 1: is not an object",)


def test_yaml_is_read_as_kubectl_reads_it() -> None:
    """YAML 1.1, where a bare `n` is a boolean, and strict about keys."""
    for bare, kind in (("n", "a boolean"), ("Y", "a boolean"), ("0o17", "a number"), ("1_0", "a number")):
        found = problems(PLAIN.replace("name: a,", f"name: {bare},"))
        assert found == (f"spec.templates[0].dag.tasks[0].name: is {kind}, not a string",)
    assert problems(PLAIN.replace("name: a,", "name: a, name: b,")) == ("line 10: the key 'name' appears twice",)
    assert problems(PLAIN.replace("{name: wf}", "{name: wf, labels: {day: 2024-01-01}}")) == ()


def test_a_secret_is_a_variable_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    text = changed("spec.templates.1.container.env", [{"name": "TOKEN", "valueFrom": reference}])
    assert problems(text) == (
        "spec.templates[1].container.env[0].valueFrom.secretKeyRef: set TOKEN in the environment for the secret s",
    )
    monkeypatch.setenv("TOKEN", "t")
    assert problems(text) == ()


@pytest.mark.parametrize(
    "golden", sorted(GOLDENS.glob("*/argo*.yaml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_it_knows_every_field_of_the_goldens(golden: Path) -> None:
    text = golden.read_text().replace('"<package>"', "AAAA")
    assert [found for found in problems(text) if not re.search(r"is required; give -p", found)] == []


def test_the_command_exits_with_2_and_names_the_fields(tmp_path: Path) -> None:
    (tmp_path / "wf.yaml").write_text(changed("spec.templates.1.container.lifecycle", {}))
    done = flowc(tmp_path, "simulate", "wf.yaml")
    assert done.returncode == 2
    assert done.stderr == "refused: spec.templates[1].container.lifecycle: the simulator does not know this field\n"
    done = flowc(tmp_path, "simulate", "gone.yaml")
    assert done.returncode == 2
    assert "error[FC104]: gone.yaml cannot be read: No such file or directory\n = help: name a manifest" in done.stderr
    assert flowc(tmp_path, "simulate", "wf.yaml", "-p", "x").returncode == 2


@pytest.mark.parametrize(
    ("name", "text", "message", "help_text"),
    [
        (".", "", "error[FC104]: . is a folder", "name the manifest in it"),
        ("flow.py", "x = [\n", "error[FC104]: flow.py is the file of a flow", "flowc compile flow.py -o"),
        ("x.yaml", "a: [\n", "error[FC104]: the manifest is not YAML: line 2", "flowc compile FILE"),
    ],
)
def test_what_is_no_manifest(name: str, text: str, message: str, help_text: str, tmp_path: Path) -> None:
    if text:
        (tmp_path / name).write_text(text)
    done = flowc(tmp_path, "simulate", name)
    assert done.returncode == 2
    assert message in done.stderr
    assert help_text in done.stderr


def test_an_argument_that_nothing_reads() -> None:
    with pytest.raises(ManifestError) as caught:
        prepare_manifest(PLAIN, SimulateOptions(parameters={"widht": "1"}))
    assert (caught.value.code, caught.value.problems) == ("FC302", ("the manifest has no argument 'widht'",))
    assert not problems(
        changed("spec.templates.1.container.args", ["{{workflow.parameters.widht}}"]), parameters={"widht": "1"}
    )


def test_a_long_wait_for_the_next_attempt_is_announced_once() -> None:
    lines: list[str] = []
    progress = Progress(lines.append, output=False)
    node = Node("id", "train", "Retry", "Running", "t", "", 0)
    progress.rests(node, 1)
    progress.rests(node, 120)
    progress.rests(node, 120)
    progress._last -= 10  # pyright: ignore[reportPrivateUsage]
    progress.tick(0, 2)
    assert lines[0] == "train waits 120 s for its next attempt, as its @retry says: --backoff 0 does not wait"
    assert lines[1].endswith("0 pods done, 0 running, 0 waiting, 2 waiting for a retry")
    assert len(lines) == 2


@pytest.mark.parametrize("key", ["sidecars", "initContainers"])
def test_containers_beside_a_step_are_left_out_where_one_says_so(key: str) -> None:
    text = changed(f"spec.templates.1.{key}", [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}])
    assert problems(text) == (
        f"spec.templates[1].{key}: the simulator starts none; --without-sidecars leaves them out",
    )
    manifest, _ = prepare_manifest(text, SimulateOptions(sidecars=False))
    assert key not in manifest.spec["templates"][1]
    assert manifest.notes == ("sidecars and init containers are left out: sh without",)
