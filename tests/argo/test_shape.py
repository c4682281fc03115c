"""The graph as DAG templates: tasks, what they depend on, how indices and parameters travel."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from flowc_targets.argo.manifest_text import encode_value, object_name, unique_names
from tests.argo.manifests import NESTED, diamond, emit, env, objects, tasks, templates


def test_branch_is_inlined_and_joined(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond())
    main = tasks(templates(workflow)["main"])
    assert {name: task.get("depends") for name, task in main.items()} == {
        "s-start": None,
        "s-left": "s-start",
        "s-right": "s-start",
        "s-join": "s-left && s-right",
        "s-end": "s-join",
    }


def test_steps_of_the_same_needs_share_a_template(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond("@resources(cpu=2)"))
    assert list(templates(workflow)) == ["main", "task", "s-left"]
    main = tasks(templates(workflow)["main"])
    assert main["s-right"]["arguments"]["parameters"] == [{"name": "step", "value": "right"}]
    assert "arguments" not in main["s-left"]
    assert templates(workflow)["s-left"]["container"]["args"][:2] == ["--step", "left"]
    assert templates(workflow)["task"]["container"]["args"][:2] == ["--step", "{{inputs.parameters.step}}"]


def test_foreach_counts_and_indices(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, NESTED)
    outer = tasks(templates(workflow)["main"])
    assert outer["each-start"]["withSequence"] == {"count": "{{tasks.s-start.outputs.parameters.count}}"}
    assert outer["each-start"]["arguments"]["parameters"] == [{"name": "index", "value": "{{item}}"}]
    assert outer["s-outer-join"]["depends"] == "(each-start.Succeeded || each-start.Skipped)"
    inner = tasks(templates(workflow)["each-start"])
    assert "depends" not in inner["s-outer"]
    assert inner["s-inner"]["withSequence"] == {"count": "{{tasks.s-outer.outputs.parameters.count}}"}
    assert {"name": "index", "value": "{{inputs.parameters.index}}.{{item}}"} in inner["s-inner"]["arguments"][
        "parameters"
    ]
    assert inner["s-inner-join"]["depends"] == "(s-inner.Succeeded || s-inner.Skipped)"
    assert inner["s-arms"]["depends"] == "s-a && s-b"
    count = templates(workflow)["s-outer"]["outputs"]["parameters"][0]
    assert count == {"name": "count", "valueFrom": {"path": "/tmp/flowc/count", "default": "0"}}


def test_every_template_that_is_called_exists(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, NESTED)
    known = templates(workflow)
    for template in known.values():
        for task in template.get("dag", {}).get("tasks", []):
            declared = {p["name"] for p in known[task["template"]].get("inputs", {}).get("parameters", [])}
            assert declared == {p["name"] for p in task.get("arguments", {}).get("parameters", [])}


def test_names_follow_content(tmp_path: Path) -> None:
    config_map, workflow = objects(tmp_path, diamond())
    assert config_map["immutable"] is True
    assert re.fullmatch(r"diamond-flow-[0-9a-f]{10}", config_map["metadata"]["name"])
    sources = workflow["spec"]["volumes"][0]["projected"]["sources"]
    assert sources[-1]["configMap"]["name"] == config_map["metadata"]["name"]
    again = objects(tmp_path, diamond())
    other_image = objects(tmp_path, diamond(), image="other:1")
    other_code = objects(tmp_path, diamond() + "\n# changed\n")
    assert again == (config_map, workflow)
    assert other_image[0]["metadata"] == config_map["metadata"]
    names = {item[1]["metadata"]["name"] for item in ((config_map, workflow), other_image, other_code)}
    assert len(names) == 3


def test_template_is_named_after_the_flow(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond(), kind="template", namespace="flows")
    assert workflow["kind"] == "WorkflowTemplate"
    assert workflow["metadata"]["name"] == "diamond-flow"
    assert workflow["metadata"]["namespace"] == "flows"


def test_two_compilations_give_the_same_bytes(tmp_path: Path) -> None:
    assert emit(tmp_path, NESTED) == emit(tmp_path, NESTED)


def test_options_of_the_workflow(tmp_path: Path) -> None:
    given = {
        "service_account": "runner",
        "parallelism": 7,
        "pod_gc": "OnPodSuccess",
        "pod_gc_delay": "1h",
        "ttl_seconds": 60,
        "image_pull_secrets": ("registry",),
        "name": "mine",
    }
    _, workflow = objects(tmp_path, diamond(), **given)
    spec = workflow["spec"]
    assert workflow["metadata"]["name"] == "mine"
    assert spec["serviceAccountName"] == "runner"
    assert spec["parallelism"] == 7
    assert spec["podGC"] == {"strategy": "OnPodSuccess", "deleteDelayDuration": "1h"}
    assert spec["ttlStrategy"] == {"secondsAfterCompletion": 60}
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_the_run_id_differs_when_applied_again(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond())
    assert env(templates(workflow)["task"])["FLOWC_RUN_ID"] == "argo-{{workflow.uid}}"


PARAMETERS = """
    rate = Parameter("learning-rate", default=0.5, help="between {{0}} and 1")
    on = Parameter("on", default=True)
    text = Parameter("text", default="{{workflow.name}} $(HOME)")
    none = Parameter("none", default=None)
    words = Parameter("words", default="a 'quoted' \\n word")
    now = Parameter("now", default=lambda: 3)
    five = Parameter("five", type=float, default=5)
"""


def test_parameters(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond(parameters=PARAMETERS.strip()))
    arguments = {item["name"]: item for item in workflow["spec"]["arguments"]["parameters"]}
    encoded = "b64:" + base64.urlsafe_b64encode(b"{{workflow.name}} $(HOME)").decode()
    assert {name: item["value"] for name, item in arguments.items()} == {
        "learning-rate": "0.5",
        "on": "true",
        "text": encoded,
        "none": "flowc:default",
        "words": "a 'quoted' \n word",
        "now": "flowc:default",
        "five": "5.0",
    }
    assert arguments["learning-rate"]["description"] == "between { {0}} and 1"
    start = env(templates(workflow)["s-start"])
    sent = "flowc:sent:{{=sprig.b64enc(workflow.parameters['learning-rate'])}}"
    assert start["FLOWC_PARAM_LEARNING_RATE"] == sent
    assert not [name for name in env(templates(workflow)["task"]) if name.startswith("FLOWC_PARAM_")]


def test_a_given_value_replaces_the_default(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond(parameters="n = Parameter('n', default='1')"), parameters={"n": "{{"})
    assert workflow["spec"]["arguments"]["parameters"][0]["value"] == "b64:e3s="


@pytest.mark.parametrize("text", ["b64:x", "flowc:default", "$HOME", "a{{b", "\x00", "bell\x07"])
def test_values_that_would_change_are_encoded(text: str) -> None:
    encoded = encode_value(text)
    assert base64.urlsafe_b64decode(encoded.removeprefix("b64:")).decode() == text


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        ("ParallelTreesFlow", "parallel-trees-flow"),
        ("HTTPServer", "http-server"),
        ("_Private", "private"),
        ("Été", "t"),
        ("x" * 80, None),
    ],
)
def test_object_names(flow: str, name: str | None) -> None:
    result = object_name(flow, "0123456789abcdef")
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", result)
    assert len(result) <= 63
    assert name is None or result == f"{name}-0123456789"


def test_task_names_never_collide() -> None:
    names = unique_names("s-", ["a_b", "A_b", "é", "è", "x" * 200, "x" * 201])
    assert len(set(names.values())) == 6
    assert names["a_b"] == "s-a-b"
    assert all(re.fullmatch(r"[a-z0-9-]{1,128}", name) for name in names.values())
