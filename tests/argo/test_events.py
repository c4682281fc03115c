"""`@trigger` and `@trigger_on_finish` as a Sensor and an EventSource of Argo Events."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.argo.deploying import NAMESPACE, SOURCE, deployed, flow
from tests.argo.manifests import codes

MAPPED = '@trigger(event={"name": "orders", "parameters": {"n": "count"}})'
PARAMETERS = """n = Parameter("n", default=3)
    who = Parameter("who", required=True)"""

META = {"name": None, "namespace": None, "labels": None, "annotations": None}
FILTERS = {
    "exprs": [{"expr": None, "fields": [{"name": None, "path": None}]}],
    "data": [{"path": None, "type": None, "value": None, "comparator": None, "template": None}],
}
PARAMETER = {
    "src": {"dependencyName": None, "contextTemplate": None, "dataKey": None, "dataTemplate": None, "value": None},
    "dest": None,
    "operation": None,
}
WORKFLOW = {
    "apiVersion": None,
    "kind": None,
    "metadata": META,
    "spec": {"arguments": {"parameters": [{"name": None, "value": None}]}, "workflowTemplateRef": {"name": None}},
}
TRIGGER = {
    "template": {
        "name": None,
        "conditions": None,
        "conditionsReset": [{"byTime": {"cron": None, "timezone": None}}],
        "k8s": {"operation": None, "source": {"resource": WORKFLOW}, "parameters": [PARAMETER]},
    },
    "atLeastOnce": None,
    "retryStrategy": {"steps": None, "duration": None, "factor": None},
}
WATCH = {
    "namespace": None, "group": None, "version": None, "resource": None, "eventTypes": None,
    "filter": {"labels": [{"key": None, "operation": None, "value": None}]},
}  # fmt: skip
POD = {"serviceAccountName": None}
DEPENDENCY = {"name": None, "eventSourceName": None, "eventName": None, "filters": FILTERS}
SHAPES: dict[str, Any] = {
    "Sensor": {"eventBusName": None, "template": POD, "dependencies": [DEPENDENCY], "triggers": [TRIGGER]},
    "EventSource": {"eventBusName": None, "template": POD, "resource": WATCH},
}
"""The fields that flowc may write, as Argo Events documents them (docs/APIs.md): maps, lists of one entry, leaves."""


def unknown(value: Any, shape: Any, path: str) -> list[str]:
    """Where an object has what the documented shape does not."""
    match shape, value:
        case {}, {}:
            found = [f"{path}.{key}" for key in value if key not in shape]
            for key in set(value) & set(shape):
                found += unknown(value[key], shape[key], f"{path}.{key}")
            return found
        case [entry_shape], [*_]:
            return [item for entry in value for item in unknown(entry, entry_shape, f"{path}[]")]
        case _:
            return [] if shape is None else [path]


def sensor(tmp_path: Path, decorators: str, parameters: str = "pass", **options: Any) -> dict[str, Any]:
    """The spec of the Sensor of a template."""
    found = deployed(tmp_path, flow(decorators, parameters), kind="template", **{**SOURCE, **options})
    spec: dict[str, Any] = found["Sensor"]["spec"]
    return spec


def resource(spec: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """The Workflow that a trigger creates."""
    made: dict[str, Any] = spec["triggers"][number]["template"]["k8s"]["source"]["resource"]
    return made


def test_fields_are_those_of_argo_events(tmp_path: Path) -> None:
    text = flow(
        f'{MAPPED}\n@trigger_on_finish(flow="Up", options={{"reset_at": {{"cron": "0 0 * * *", "timezone": "UTC"}}}})',
        'n = Parameter("n", required=True)\n    m = Parameter("m", default=1)',
    )
    options = {**SOURCE, "event_bus": "bus", "event_service_account": "events", "event_name": "all"}
    found = deployed(tmp_path, text.replace('n = Parameter("n", required=True)', 'n = Parameter("n", default=1)'),
                     kind="template", **options)  # fmt: skip
    assert list(found) == ["ConfigMap", "WorkflowTemplate", "EventSource", "Sensor"]
    assert unknown(found["Sensor"]["spec"], SHAPES["Sensor"], "Sensor") == []
    watches = found["EventSource"]["spec"].pop("resource")
    assert unknown(found["EventSource"]["spec"], SHAPES["EventSource"], "EventSource") == []
    for watch in watches.values():
        assert unknown(watch, WATCH, "resource") == []
    for kind in ("EventSource", "Sensor"):
        assert found[kind]["spec"]["eventBusName"] == "bus"
        assert found[kind]["spec"]["template"] == {"serviceAccountName": "events"}
        assert "." not in found[kind]["metadata"]["name"]


def test_a_workflow_of_the_template_with_values_from_the_event(tmp_path: Path) -> None:
    spec = sensor(tmp_path, MAPPED, 'm = Parameter("m", default=1)\n    n = Parameter("n", default=3)')
    assert spec["dependencies"] == [{"name": "event_1", "eventSourceName": "hooks", "eventName": "orders"}]
    made = resource(spec)
    assert made["spec"]["workflowTemplateRef"] == {"name": "deployed-flow"}
    assert made["spec"]["arguments"]["parameters"] == [
        {"name": "n", "value": "3"},
        {"name": "flowc-trigger", "value": ""},
    ]
    first, value, *_ = spec["triggers"][0]["template"]["k8s"]["parameters"]
    assert (first["dest"], first["operation"]) == ("metadata.name", "append")
    assert made["metadata"]["name"].endswith("-")
    assert value["dest"] == "spec.arguments.parameters.0.value"
    assert value["src"]["dataKey"] == "body.count"
    assert value["src"]["value"] == "3"


def test_an_event_alone_fills_in_parameters_of_its_fields_names(tmp_path: Path) -> None:
    spec = sensor(tmp_path, '@trigger(event="orders")', PARAMETERS)
    names = [item["name"] for item in resource(spec)["spec"]["arguments"]["parameters"]]
    assert names == ["n", "who", "flowc-trigger"]
    (filters,) = spec["dependencies"][0]["filters"]["exprs"]
    fields = [{"name": "field", "path": "body.who"}]
    assert filters == {"expr": "(field ?? 'null of flowc') != 'null of flowc'", "fields": fields}


def test_filters(tmp_path: Path) -> None:
    """Argo Events takes texts for regular expressions, and what is no number for 0."""
    spec = sensor(
        tmp_path, '@trigger(event={"name": "orders", "filter": {"shop": ["a.b", "c"], "n": {">=": 5, "<": 9.5}}})'
    )
    number, *others = spec["dependencies"][0]["filters"]["data"]
    assert (number["path"], number["type"]) == ("body.n", "string")
    for text in ("5", "-5", "0.5", "5.", ".5", "1e6", "12345678901234567890", "-1.5E-7"):
        assert re.match(number["value"][0], text), text
    for text in ("", "abc", "true", "null", "5 ", ".", "1e", "{}", "[5]", "nan", "0x10"):
        assert not re.match(number["value"][0], text), text
    assert others == [
        {"path": "body.shop", "type": "string", "comparator": "=", "value": ["^a\\.b$", "^c$"]},
        {"path": "body.n", "type": "number", "comparator": ">=", "value": ["5"]},
        {"path": "body.n", "type": "number", "comparator": "<", "value": ["9.5"]},
    ]


def test_events_are_distinguished_by_name_where_one_carries_all(tmp_path: Path) -> None:
    decorators = '@project(name="shop", branch="two")\n@trigger(events=[namespaced_event_name("a"), "b.c"])'
    first, second = sensor(tmp_path, decorators, event_name="metaflow")["dependencies"]
    assert first["eventName"] == second["eventName"] == "metaflow"
    path = [{"name": "name", "path": "body.payload.name"}]
    assert first["filters"]["exprs"] == [{"expr": "name == 'mfns.shop.test.two.a'", "fields": path}]
    assert second["filters"]["exprs"] == [{"expr": "name == 'b.c'", "fields": path}]


def test_all_events_of_a_decorator_and_either_decorator(tmp_path: Path) -> None:
    reset = '{"reset_at": {"cron": "0 0 ? * SUN *", "timezone": "Europe/Berlin"}}'
    decorators = f'@trigger(events=["a", "b"], options={reset})\n@trigger_on_finish(flows=["Up", "p.prod.Over"])'
    spec = sensor(tmp_path, decorators)
    events, finished = (item["template"] for item in spec["triggers"])
    assert events["conditions"] == "event_1 && event_2"
    assert events["conditionsReset"] == [{"byTime": {"cron": "0 0 * * 0", "timezone": "Europe/Berlin"}}]
    assert finished["conditions"] == "run_1 && run_2"
    assert "conditionsReset" not in finished


@pytest.mark.parametrize("count", [1, 2, 4, 9, 19])
def test_names_of_workflows_fit(tmp_path: Path, count: int) -> None:
    events = [f"event-{number}" for number in range(count)]
    text = flow(f"@trigger(events={events})", name="Long" * 20)
    spec = deployed(tmp_path, text, kind="template", **SOURCE)["Sensor"]["spec"]
    added = [item for item in spec["triggers"][0]["template"]["k8s"]["parameters"] if item["dest"] == "metadata.name"]
    digits = sum(int(item["src"]["contextTemplate"].split("trunc ")[1].split()[0]) for item in added)
    assert len(added) == count
    assert 10 <= digits <= 40
    assert len(resource(spec)["metadata"]["name"]) + digits <= 63


def test_a_watch_of_the_runs_of_a_deployment(tmp_path: Path) -> None:
    decorators = '@project(name="shop", production=True)\n@trigger_on_finish(flows=["Up", "other.test.x.Over"])'
    found = deployed(tmp_path, flow(decorators), kind="template", **NAMESPACE)
    watches = found["EventSource"]["spec"]["resource"]
    assert list(watches) == ["run_1", "run_2"]
    for watch, deployment in zip(watches.values(), ("shop.prod.Up", "other.test.x.Over"), strict=True):
        assert watch["eventTypes"] == ["ADD"]
        assert watch["filter"]["labels"] == [
            {"key": "flowc/deployment", "operation": "==", "value": deployment},
            {"key": "workflows.argoproj.io/phase", "operation": "==", "value": "Succeeded"},
        ]
    labels = found["WorkflowTemplate"]["spec"]["workflowMetadata"]["labels"]
    assert labels["flowc/deployment"] == "shop.prod.DeployedFlow"
    names = {item["eventSourceName"] for item in found["Sensor"]["spec"]["dependencies"]}
    assert names == {found["EventSource"]["metadata"]["name"]}


def test_a_schedule_and_events_share_a_template(tmp_path: Path) -> None:
    found = deployed(tmp_path, flow(f"@schedule(daily=True)\n{MAPPED}", 'n = Parameter("n", default=3)'),
                     kind="cron", **SOURCE)  # fmt: skip
    assert list(found) == ["ConfigMap", "WorkflowTemplate", "CronWorkflow", "Sensor"]
    assert found["CronWorkflow"]["spec"]["workflowSpec"] == {"workflowTemplateRef": {"name": "deployed-flow"}}


@pytest.mark.parametrize(
    ("decorators", "parameters", "options", "expected"),
    [
        ('@trigger(event="a")', "pass", {"event_source": None}, ["FC502"]),
        ('@trigger(event="a.b")', "pass", {}, ["FC501"]),
        ('@trigger(event=namespaced_event_name("a"))', "pass", {}, ["FC501"]),
        ('@trigger(event="a b")', "pass", {"event_name": "all"}, ["FC501"]),
        ('@trigger(event="a\'b")', "pass", {"event_name": "all"}, ["FC501"]),
        ('@trigger(event="a", options={"other": 1})', "pass", {}, ["FC501"]),
        ('@trigger(event="a", options={"reset_at": {"cron": "x"}})', "pass", {}, ["FC404"]),
        ('@trigger(event="a", options={"reset_at": {}})', "pass", {}, ["FC404"]),
        ('@trigger(event="a")', "pass", {"event_payload": "body[0]"}, ["FC505"]),
        ('@trigger(event={"name": "a", "parameters": {"n": "x.y"}})', 'n = Parameter("n", default=1)', {}, ["FC501"]),
        ('@trigger(event={"name": "a", "parameters": {"n": "n"}})', PARAMETERS, {}, ["FC304"]),
        ('@trigger(event="a")\n@trigger_on_finish(flow="Up")', PARAMETERS, {}, ["FC304"]),
        (
            '@trigger(events=[{"name": "a", "parameters": {"n": "n"}}, {"name": "b", "parameters": {"n": "n"}}])',
            'n = Parameter("n", default=1)', {}, ["FC404"],
        ),
        ('@trigger_on_finish(flow="Up")', "pass", {"namespace": None}, ["FC502"]),
        ('@trigger_on_finish(flow={"name": "Up", "project": "p"})', "pass", {}, ["FC501"]),
    ],
)  # fmt: skip
def test_what_events_cannot_do(
    tmp_path: Path, decorators: str, parameters: str, options: dict[str, Any], expected: list[str]
) -> None:
    found = codes(tmp_path, flow(decorators, parameters), **{"kind": "template", **SOURCE, **options})
    assert [code for code, _, _ in found] == expected


def test_a_workflow_leaves_them_out(tmp_path: Path) -> None:
    text = flow('@schedule(hourly=True)\n@trigger(event="a")\n@trigger_on_finish(flow="Up")')
    found = codes(tmp_path, text)
    assert [(code, severity) for code, severity, _ in found] == [("FC501", "warning")] * 3
