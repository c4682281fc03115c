"""Events on real Argo Events: published by tasks and commands, filtered by Sensors, and read from `current.trigger`."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import pytest

from flowc import ArgoEvent
from flowc.argo_events import ArgoEventException
from tests.cluster.cluster import Cluster, Submitted, flowc

pytestmark = pytest.mark.cluster

Found = TypeVar("Found")
TEXT = "{{workflow.name}} $(HOME) ü 'x' \"y\"\n"
"""What the controller, Kubernetes or the shim could take for their own."""
SETUP = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: NAME}
rules: [{apiGroups: [argoproj.io], resources: [workflows], verbs: [create, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: NAME}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: NAME}
subjects: [{kind: ServiceAccount, name: NAME, namespace: SPACE}]
---
apiVersion: v1
kind: Secret
metadata: {name: NAME}
stringData: {token: "TOKEN"}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: NAME}
spec:
  webhook:
    all: {port: "12000", endpoint: /all, method: POST}
    plain: {port: "12000", endpoint: /plain, method: POST, authSecret: {name: NAME, key: token}}
"""
FLOWS = """
from flowc import ArgoEvent, FlowSpec, JSONType, Parameter, current, schedule, step, trigger, trigger_on_finish


def started():
    found = current.trigger
    if found is None:
        return None
    return [(event.name, event.type, event.id, event.timestamp.isoformat()) for event in found.events]


class SellID(FlowSpec):
    text = Parameter("text", required=True)

    @step
    def start(self):
        self.few = ArgoEvent("soldID").publish({"shop": "south", "count": 3})
        event = ArgoEvent("soldID", payload={"shop": self.text})
        event.add_to_payload("count", 12)
        self.many = event.safe_publish({"goods": ["nuts", {"kilos": 1.5}]})
        self.next(self.end)

    @step
    def end(self):
        pass


@schedule(cron="* * * * *")
@trigger(event={"name": "soldID", "filter": {"count": {">=": 10}},
                "parameters": {"shop": "shop", "pieces": "count", "goods": "goods", "note": "note"}})
class RestockID(FlowSpec):
    shop = Parameter("shop", default="north")
    pieces = Parameter("pieces", default=1)
    goods = Parameter("goods", type=JSONType, default="[]")
    note = Parameter("note", default="none")

    @step
    def start(self):
        self.started = started()
        self.next(self.end)

    @step
    def end(self):
        pass


@trigger(events=[{"name": "leftID", "parameters": {"a": "value"}},
                 {"name": "rightID", "parameters": {"b": "value"}, "filter": {"shop": ["a.b", "c"]}}])
class BothID(FlowSpec):
    a = Parameter("a", type=int, required=True)
    b = Parameter("b", type=float, required=True)

    @step
    def start(self):
        self.started = started()
        self.sum = self.a + self.b
        self.next(self.end)

    @step
    def end(self):
        pass


@trigger_on_finish(flow="BothID")
class AfterID(FlowSpec):
    @step
    def start(self):
        self.started = started()
        self.upstream = current.trigger.run.pathspec
        self.sum = current.trigger["BothID"].data.sum
        self.next(self.end)

    @step
    def end(self):
        pass


@trigger(event="plain")
class PlainID(FlowSpec):
    size = Parameter("size", default=0.5)
    who = Parameter("who", required=True)

    @step
    def start(self):
        self.started = started()
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@dataclass
class Events:
    """An EventSource with a webhook, and what is deployed to wait for its events."""

    cluster: Cluster
    token: str
    file: Path
    outside: str = ""
    """The webhook as this machine reaches it."""
    inside: str = ""
    deployed: list[str] = field(default_factory=list[str])

    @property
    def name(self) -> str:
        """Of the EventSource, and of the service account of it and the Sensors."""
        return f"hooks-{self.token}"

    def command(self, *arguments: str) -> str:
        """What a command prints."""
        done = subprocess.run([flowc(), *arguments], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deploy(self, flow: str, *arguments: str) -> None:
        """Deploy a flow, and wait until its Sensor has subscribed: it gets no event from before."""
        where = ["--set", f"event_source={self.name}", "--set", f"event_service_account={self.name}", *arguments]
        self.command("deploy", str(self.file), "--flow", flow, *self.cluster.options(), *where)
        self.deployed.append(flow.lower())
        self.logged("sensor-name", flow.lower(), "started subscribing to events")
        if flow.startswith("After"):
            self.logged("eventsource-name", f"{flow.lower()}-finished", "running informer")

    def logged(self, label: str, name: str, text: str) -> None:
        """Wait until a pod of Argo Events has said so."""
        wait_for(lambda: self._said(label, name, text), f"{name}: {text!r} is not in its log")

    def _said(self, label: str, name: str, text: str) -> bool:
        pods = self.cluster.get("pods", "-l", f"{label}={name}", "--field-selector=status.phase=Running")["items"]
        return any(text in self.cluster.kubectl("logs", pod["metadata"]["name"]) for pod in pods)

    def publish(self, event: str, **payload: str) -> str:
        """Publish an event by the command. Returns its id."""
        fields = [part for name, value in payload.items() for part in ("--payload", f"{name}={value}")]
        return self.command("publish", f"{event}{self.token}", *fields, "--url", f"{self.outside}/all").strip()

    def created(self, flow: str, count: int = 1) -> list[Submitted]:
        """The Workflows that the Sensor of a flow has created, once there are so many."""
        selector = f"events.argoproj.io/sensor={flow.lower()}{self.token}"

        def found() -> list[Submitted] | None:
            items = self.cluster.get("workflows", "-l", selector)["items"]
            names = sorted((item["metadata"]["creationTimestamp"], item["metadata"]["name"]) for item in items)
            title = {"workflows.argoproj.io/title": f"{flow}{self.token}"}
            return [self.cluster.submitted(name, title) for _, name in names] if len(names) >= count else None

        created = wait_for(found, f"no Workflow of {flow}")
        assert len(created) == count
        return created

    def clean_up(self) -> None:
        """Delete all of it."""
        for name in self.deployed:
            self.command("undeploy", name, "-n", self.cluster.namespace)
            label = f"workflows.argoproj.io/workflow-template={name}"
            self.cluster.kubectl("delete", "workflow", "-l", label, "--wait=false")


def wait_for(look: Callable[[], Found | None], problem: str, seconds: float = 240) -> Found:
    """What `look` finds, as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, problem
        time.sleep(1)
    return found


@contextmanager
def forwarded(cluster: Cluster, pod: str, port: int) -> Generator[str]:
    """The URL by which this machine reaches a pod."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        own: int = free.getsockname()[1]
    command = ["kubectl", "-n", cluster.namespace, "port-forward", f"pod/{pod}", f"{own}:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "Forwarding" in process.stdout.readline()
            yield f"http://127.0.0.1:{own}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def events(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[Events]:
    """All flows deployed, or a skip that says what is missing."""
    missing = not_installed(cluster)
    if missing is not None:
        pytest.skip(missing)
    token = uuid.uuid4().hex[:6]
    file = tmp_path_factory.mktemp("events") / "flows.py"
    file.write_text(FLOWS.replace("ID", token))
    found = Events(cluster, token, file)
    setup = SETUP.replace("NAME", found.name).replace("SPACE", cluster.namespace).replace("TOKEN", token)
    cluster.kubectl("apply", "-f", "-", text=setup)
    cluster.applied.append(setup)
    try:
        found.logged("eventsource-name", found.name, "route is activated")
        (pod,) = cluster.get("pods", "-l", f"eventsource-name={found.name}")["items"]
        found.inside = f"http://{pod['status']['podIP']}:12000"
        with forwarded(cluster, pod["metadata"]["name"], 12000) as found.outside:
            carried = ("--set", "event_name=all")
            found.deploy(f"Restock{token}", *carried, "--set", "suspend=true")
            for flow in ("Both", "After"):
                found.deploy(f"{flow}{token}", *carried)
            found.deploy(f"Plain{token}")
            yield found
    finally:
        found.clean_up()


def not_installed(cluster: Cluster) -> str | None:
    """Why no event can start a flow here."""
    crd = "sensors.argoproj.io"
    found = subprocess.run(["kubectl", "get", "crd", crd], capture_output=True, text=True, check=False)
    if found.returncode:
        return f"Argo Events is not installed: there is no CRD {crd}"
    buses = {item["metadata"]["name"]: item for item in cluster.get("eventbus")["items"]}
    if "default" not in buses:
        return f"Argo Events has no EventBus `default` in namespace {cluster.namespace}"
    states = buses["default"].get("status", {}).get("conditions", [])
    if not states or any(item["status"] != "True" for item in states):
        return f"the EventBus `default` is not ready: {states or 'no controller of Argo Events has taken it'}"
    return None


def test_a_task_publishes_what_a_sensor_filters_and_passes_on(events: Events) -> None:
    cluster = events.cluster
    webhook = ("--env", f"METAFLOW_ARGO_EVENTS_WEBHOOK_URL={events.inside}/all")
    given = f"{{text = {json.dumps(TEXT)}}}"
    manifest = cluster.compile(events.file, "--flow", f"Sell{events.token}", *webhook, "--set", f"parameters={given}")
    sold = cluster.apply(manifest).wait().data
    (restocked,) = events.created("Restock")  # and none for the event that the filter rejects, which was first
    data = restocked.wait().data
    assert (data.shop, data.pieces, data.goods, data.note) == (TEXT, 12, ["nuts", {"kilos": 1.5}], "none")
    ((name, kind, identifier, _),) = data.started
    assert (name, kind, identifier) == (f"sold{events.token}", "event", sold.many)
    assert sold.few != sold.many


def test_a_schedule_beside_it(events: Events) -> None:
    """The CronWorkflow and the Sensor start runs of one template."""
    name = f"restock{events.token}"
    selector = f"workflows.argoproj.io/cron-workflow={name}"
    events.command("unsuspend", name, "-n", events.cluster.namespace)
    (item, *_) = wait_for(lambda: events.cluster.get("workflows", "-l", selector)["items"], "no scheduled run")
    events.command("suspend", name, "-n", events.cluster.namespace)
    title = {"workflows.argoproj.io/title": f"Restock{events.token}"}
    data = events.cluster.submitted(item["metadata"]["name"], title).wait().data
    assert (data.shop, data.pieces, data.started) == ("north", 1, None)


def test_all_events_of_a_trigger_and_the_flow_after_it(events: Events) -> None:
    left = events.publish("left", value="2")
    events.publish("right", value="9.5", shop="axb")  # the filter is no regular expression
    events.publish("right", shop="c")  # a required parameter has no field
    right = events.publish("right", value="0.25", shop="a.b")
    (both,) = events.created("Both")
    run = both.wait()
    assert (run.data.a, run.data.b, run.data.sum) == (2, 0.25, 2.25)
    expected = [(f"right{events.token}", "event", right), (f"left{events.token}", "event", left)]
    assert sorted(item[:3] for item in run.data.started) == sorted(expected)
    assert run.data.started[0][3] >= run.data.started[1][3]
    (after,) = events.created("After")
    data = after.wait().data
    assert (data.upstream, data.sum) == (f"Both{events.token}/argo-{both.uid}", 2.25)
    ((name, kind, identifier, _),) = data.started
    assert (name, kind, identifier) == (
        f"metaflow.Both{events.token}.end", "run", f"Both{events.token}/argo-{both.uid}"
    )  # fmt: skip


def test_fields_of_any_program(events: Events) -> None:
    """An event of its own in the EventSource, whose webhook wants a token."""
    url = f"{events.outside}/plain"
    with pytest.raises(ArgoEventException, match="the server answers 401 Unauthorized: Invalid Auth token"):
        ArgoEvent("plain", url, access_token="wrong").publish(ignore_errors=False)
    for body in ({"size": 3}, {"who": None}, {"who": "a", "size": 12.75}):
        post(url, body, events.token)
    (plain,) = events.created("Plain")
    data = plain.wait().data
    assert (data.size, data.who) == (12.75, "a")
    assert data.started[0][:2] == ("plain", "event")


def post(url: str, body: dict[str, Any], token: str) -> None:
    """Post JSON, as any program would."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = Request(url, json.dumps(body).encode(), headers)
    with urlopen(request, timeout=30):
        pass
