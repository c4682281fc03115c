"""What Argo Server's client sends, and what it makes of each answer: against a server that replays recorded ones."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowc_targets.argo.manifest_text import encode_value
from flowc_targets.argo.server.argo_client import ArgoClient
from flowc_targets.argo.server.argo_server import read_access
from flowc_targets.argo.server.workflow_status import run_state
from flowc_targets.base.engine import Address, EngineError
from tests.argoserver import ENDED, FINISHED, Replay, replaying
from tests.support import flowc, write_files

FLOW = """
from flowc import FlowSpec, IncludeFile, Parameter, step

class GivenFlow(FlowSpec):
    text = Parameter("text", default="x")
    count = Parameter("count", type=int, required=True)
    file = IncludeFile("file")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
HOSTILE = "{{workflow.name}} $(HOME) $$ \"q\" 'r'\n😀"
RUNS = "/api/v1/workflows/default"
CREATE = f"POST {RUNS}"
ROOT = ("--root", "s3://bucket/prefix")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SERVER", "SECURE", "TOKEN", "NAMESPACE", "BASE_HREF", "INSECURE_SKIP_VERIFY"):
        monkeypatch.delenv(f"ARGO_{name}", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))


@pytest.fixture
def replay() -> Iterator[Replay]:
    with replaying({**ENDED, CREATE: (200, FINISHED)}) as found:
        yield found


def at(replay: Replay) -> dict[str, str]:
    return {"ARGO_SERVER": replay.address, "ARGO_SECURE": "false", "ARGO_NAMESPACE": "default"}


@pytest.mark.parametrize(
    ("server", "variables", "url"),
    [
        (None, {"ARGO_SERVER": "argo:2746"}, "https://argo:2746"),
        (None, {"ARGO_SERVER": "argo:2746", "ARGO_SECURE": "false"}, "http://argo:2746"),
        (None, {"ARGO_SERVER": "argo:2746", "ARGO_SECURE": "no"}, "https://argo:2746"),
        ("other:80", {"ARGO_SERVER": "argo:2746"}, "https://other:80"),
        ("http://other/base/", {"ARGO_BASE_HREF": "/argo/"}, "http://other/base/argo"),
        (None, {"ARGO_SERVER": "[::1]:2746", "ARGO_BASE_HREF": "/"}, "https://[::1]:2746"),
    ],
)
def test_where_the_server_is(server: str | None, variables: dict[str, str], url: str) -> None:
    assert read_access(Address(server), variables).url == url


@pytest.mark.parametrize("server", ["ftp://argo", "http://", "argo:port", "http://me:secret@argo", "http://argo?x=1"])
def test_what_is_no_address(server: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_access(Address(server), {})
    assert caught.value.code == "FC505"


def test_the_namespace(tmp_path: Path) -> None:
    config = {
        "current-context": "here",
        "contexts": [
            {"name": "there", "context": {"namespace": "b"}},
            {"name": "here", "context": {"namespace": "a"}},
        ],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    kube = {"ARGO_SERVER": "argo:1", "KUBECONFIG": f"{tmp_path / 'none'}:{tmp_path / 'config'}"}
    assert read_access(Address(None), kube).namespace == "a"
    assert read_access(Address(None), {**kube, "ARGO_NAMESPACE": "env"}).namespace == "env"
    assert read_access(Address(None, "given"), {**kube, "ARGO_NAMESPACE": "env"}).namespace == "given"
    assert read_access(Address("argo:1"), {"KUBECONFIG": str(tmp_path / "none")}).namespace == "default"


def test_the_token_is_sent_and_never_shown(replay: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "status", **at(replay), ARGO_TOKEN="Bearer s3cret")
    assert done.returncode == 0
    assert replay.asked[0][1]["Authorization"] == "Bearer s3cret"
    replay.answers["*"] = replay.answers[f"GET {RUNS}"] = (401, {"code": 16, "message": "token not valid"})
    refused = flowc(tmp_path, "status", **at(replay), ARGO_TOKEN="Bearer s3cret")
    assert refused.returncode == 3
    assert "s3cret" not in refused.stdout + refused.stderr
    assert "token not valid" in refused.stderr
    assert "s3cret" not in repr(read_access(Address("argo:1"), {"ARGO_TOKEN": "s3cret"}))


REFUSALS = [
    (401, {"code": 16, "message": "token not valid"}, 3, "FC610", "ARGO_TOKEN"),
    (403, {"code": 7, "message": "Permission denied"}, 3, "FC610", "namespace default"),
    (404, {"code": 5, "message": 'namespaces "default" not found'}, 2, "FC611", 'namespaces "default" not found'),
    (404, "404 page not found", 3, "FC610", "not Argo Server: it answers '404 page not found'"),
    (200, "<html>a login page</html>", 3, "FC610", "not Argo Server"),
    (400, {"code": 3, "message": "templates.main: bad"}, 2, "FC611", "templates.main: bad"),
    (500, {"code": 13, "message": 'admission webhook "x" denied the request: spec.y'}, 2, "FC611", "spec.y"),
    (500, {"code": 13, "message": 'Workflow "x" is invalid: spec.z: Too long'}, 2, "FC611", "spec.z"),
    (503, "upstream connect error", 3, "FC610", "503 upstream connect error"),
    (400, "Client sent an HTTP request to an HTTPS server.", 3, "FC610", "unset ARGO_SECURE"),
]


@pytest.mark.parametrize(("status", "body", "exit_code", "code", "says"), REFUSALS)
def test_refusals(
    status: int, body: object, exit_code: int, code: str, says: str, replay: Replay, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    replay.answers[CREATE] = (status, body)
    done = flowc(tmp_path, "submit", "flow.py", "-p", "count=1", *ROOT, **at(replay))
    assert done.returncode == exit_code
    assert f"error[{code}]" in done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = flowc(tmp_path, "status", ARGO_SERVER=address, ARGO_SECURE="false")
    assert done.returncode == 3
    assert "error[FC610]" in done.stderr
    nothing = flowc(tmp_path, "status")
    assert nothing.returncode == 2
    assert "error[FC502]" in nothing.stderr


def test_https_to_a_server_of_plain_http(replay: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "status", **{**at(replay), "ARGO_SECURE": "true"})
    assert done.returncode == 3
    assert "set ARGO_SECURE=false" in done.stderr


def test_without_the_library(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "argo_workflows"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "argo_workflows", None)
    done = flowc(tmp_path, "status", **at(replay))
    assert done.returncode == 3
    assert "pip install 'flowc[argo]'" in done.stderr


def test_a_file_is_submitted_with_its_values(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "words.txt").write_text("one two")
    given = ("-p", f"text={HOSTILE}", "-p", "count=3", "-p", "file=words.txt")
    done = flowc(tmp_path, "submit", "flow.py", *given, *ROOT, **at(replay))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "MyFlow/argo-3d1a143d-947b-40d7-a7d9-db5106f4d4fd\n"
    ((key, _, body),) = replay.asked
    workflow = body["workflow"]
    assert (key, body["namespace"]) == (CREATE, "default")
    assert workflow["metadata"]["generateName"] == "given-flow-"
    values = {item["name"]: item["value"] for item in workflow["spec"]["arguments"]["parameters"]}
    assert (values["text"], values["count"]) == (encode_value(HOSTILE), "3")
    assert "flowc/code" in workflow["spec"]["podMetadata"]["annotations"]


def test_a_file_is_submitted_with_its_images(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.replace("    @step", '    @pypi(packages={"six": ""})\n    @step', 1)
                                      .replace("Parameter, step", "Parameter, pypi, step"))  # fmt: skip
    (tmp_path / "words.txt").write_text("one two")
    given = ("-p", "count=3", "-p", "file=words.txt", *ROOT)
    bare = flowc(tmp_path, "submit", "flow.py", *given, **at(replay))
    assert "warning[FC501]: step `start`: flowc installs no packages" in bare.stderr
    assert flowc(tmp_path, "image", "flow.py", "--no-lock").returncode == 0  # a lock needs uv, and packages
    done = flowc(tmp_path, "submit", "flow.py", *given, "--images", "images/images.json", **at(replay))
    assert (done.returncode, done.stderr) == (0, "submitted as my-flow-x7k2p in namespace default\n")
    (entry,) = json.loads((tmp_path / "images" / "images.json").read_text())["images"]
    assert json.dumps(replay.asked[-1][2]).count(entry["image"]) == 1


def test_messages_name_the_namespace_that_was_looked_in(replay: Replay, tmp_path: Path) -> None:
    replay.answers[f"GET {RUNS}"] = (200, {"metadata": {}, "items": None})
    none = flowc(tmp_path, "status", **at(replay))
    assert (none.returncode, none.stderr) == (0, "there are no runs of flowc in namespace default; -n names another\n")
    nowhere = flowc(tmp_path, "submit", "--from", "nope", **at(replay))
    assert nowhere.returncode == 2
    assert "in namespace default\n" in nowhere.stderr
    assert "-n names another namespace" in nowhere.stderr


def test_commands_without_a_file_look_into_the_namespace_of_the_project(replay: Replay, tmp_path: Path) -> None:
    """As for the flows that are submitted from its folder; for a target the table of the target counts more."""
    settings = '[tool.flowc]\nnamespace = "all"\n[tool.flowc.{}]\nnamespace = "own"\n'
    for target, options, namespace in (
        ("argo", (), "own"),
        ("airflow", (), "all"),
        ("argo", ("-n", "given"), "given"),
    ):
        write_files(tmp_path, {"pyproject.toml": settings.format(target)})
        for command in ("status", "status my-flow-x7k2p", "stop x", "logs x --target argo", "submit --from nope"):
            replay.asked.clear()
            flowc(tmp_path, *command.split(), *options, **at(replay))
            assert {key.split("?")[0].split("/")[4] for key, _, _ in replay.asked} == {namespace}, command


def test_what_has_ended_is_not_stopped(replay: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "stop", "my-flow-x7k2p", **at(replay))
    assert done.returncode == 2
    assert "error[FC611]: run my-flow-x7k2p has already succeeded" in done.stderr
    assert not any(key.startswith("PUT") for key, _, _ in replay.asked)


def test_an_interrupt_says_that_the_run_goes_on(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {**FINISHED, "status": {"phase": "Running", "progress": "0/1"}}
    replay.answers[f"GET {RUNS}/my-flow-x7k2p"] = (200, running)

    def interrupted(_client: ArgoClient, _name: str) -> Iterator[dict[str, Any]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(ArgoClient, "_watch", interrupted)
    done = flowc(tmp_path, "status", "my-flow-x7k2p", "--wait", **at(replay))
    assert done.returncode == 130
    assert "the run continues: `flowc status my-flow-x7k2p -n default` shows it" in done.stderr
    assert "`flowc stop my-flow-x7k2p -n default` ends it" in done.stderr


def test_nothing_is_sent_that_is_wrong(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    wrong = flowc(tmp_path, "submit", "flow.py", "-p", "nope=1", "-p", "count=three", *ROOT, **at(replay))
    assert wrong.returncode == 2
    assert "error[FC302]" in wrong.stderr
    assert "error[FC303]" in wrong.stderr
    missing = flowc(tmp_path, "submit", "flow.py", *ROOT, **at(replay))
    assert missing.returncode == 2
    assert "error[FC304]" in missing.stderr
    both = flowc(tmp_path, "submit", "--from", "x", "--set", "a=b", **at(replay))
    assert both.returncode == 2
    assert "error[FC504]" in both.stderr
    assert flowc(tmp_path, "submit", **at(replay)).returncode == 2
    assert replay.asked == []


TEMPLATE = {
    "metadata": {"name": "given", "annotations": {"workflows.argoproj.io/title": "GivenFlow"}},
    "spec": {
        "arguments": {
            "parameters": [
                {"name": "text", "value": "x"},
                {"name": "count"},
                {"name": "mode", "value": "slow", "enum": ["slow", "fast"]},
                {"name": "flowc-origin-run", "value": ""},
            ]
        }
    },
}


@pytest.fixture
def deployed(replay: Replay) -> Replay:
    replay.answers["GET /api/v1/workflow-templates/default/given"] = (200, TEMPLATE)
    replay.answers[f"POST {RUNS}/submit"] = (200, FINISHED)
    return replay


def options_sent(replay: Replay) -> dict[str, Any]:
    found: dict[str, Any] = next(body for key, _, body in replay.asked if key.endswith("/submit"))["submitOptions"]
    return found


def test_a_template_is_submitted_with_its_values(deployed: Replay, tmp_path: Path) -> None:
    given = ("-p", f"Text={HOSTILE}", "-p", "count=3", "-p", "mode=fast")
    done = flowc(tmp_path, "submit", "--from", "given", *given, "--json", **at(deployed))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == "argo-3d1a143d-947b-40d7-a7d9-db5106f4d4fd"
    sent = options_sent(deployed)
    assert sent["parameters"] == [f"text={encode_value(HOSTILE)}", "count=3", "mode=fast"]
    assert sent["labels"] == "app.kubernetes.io/managed-by=flowc"
    assert sent["annotations"] == "workflows.argoproj.io/title=GivenFlow"


def test_values_of_a_template_are_checked_first(deployed: Replay, tmp_path: Path) -> None:
    given = ("-p", "nope=1", "-p", "mode=other", "-p", "flowc-origin-run=argo-1")
    done = flowc(tmp_path, "submit", "--from", "workflowtemplate/given", *given, **at(deployed))
    assert done.returncode == 2
    for code in ("FC302", "FC303", "FC304"):
        assert f"error[{code}]" in done.stderr
    assert "its parameters are text, count, mode\n" in done.stderr
    nowhere = flowc(tmp_path, "submit", "--from", "cronwf/given", **at(deployed))
    assert nowhere.returncode == 2
    assert "no CronWorkflow 'given'" in nowhere.stderr
    strange = flowc(tmp_path, "submit", "--from", "pod/given", **at(deployed))
    assert "error[FC505]" in strange.stderr
    assert not any(key.endswith("/submit") for key, _, _ in deployed.asked)


def test_going_on_from_a_run(deployed: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "submit", "--from", "given", "--resume", "argo-1/start", **at(deployed))
    assert done.returncode == 0, done.stderr
    assert "flowc-origin-run=argo-1/start" in options_sent(deployed)["parameters"]
    (tmp_path / "flow.py").write_text(FLOW)
    again = flowc(tmp_path, "submit", "flow.py", "--resume", "argo-1", *ROOT, **at(deployed))
    assert again.returncode == 0, again.stderr
    sent = json.dumps(next(body for key, _, body in deployed.asked if key == CREATE))
    assert '{"name": "FLOWC_ORIGIN_RUN_ID", "value": "argo-1"}' in sent
    kept = flowc(tmp_path, "submit", "flow.py", "--resume", "argo-1", "-p", "count=1", *ROOT, **at(deployed))
    assert kept.returncode == 2
    assert "error[FC609]" in kept.stderr
    bad = flowc(tmp_path, "submit", "flow.py", "--resume", "{{x}}", *ROOT, **at(deployed))
    assert "error[FC505]" in bad.stderr
    spec = {"arguments": {"parameters": [{"name": "text", "value": "x"}]}}
    deployed.answers["GET /api/v1/workflow-templates/default/given"] = (200, {**TEMPLATE, "spec": spec})
    old = flowc(tmp_path, "submit", "--from", "given", "--resume", "argo-1", **at(deployed))
    assert "error[FC611]" in old.stderr


def test_a_config_map_needs_kubectl(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    done = flowc(
        tmp_path, "submit", "flow.py", "-p", "count=1", "--set", "code=configmap", *ROOT, **at(replay), PATH="/nowhere"
    )
    assert done.returncode == 2
    assert "there is no kubectl" in done.stderr
    assert replay.asked == []


def node(name: str, kind: str, phase: str, **more: Any) -> dict[str, Any]:
    template = more.pop("template", "item")
    return {
        "id": f"w-{name}",
        "name": name,
        "displayName": name,
        "type": kind,
        "phase": phase,
        "templateName": template,
        **more,
    }


def inputs(**values: str) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}


NODES: dict[str, dict[str, Any]] = {
    item["id"]: item
    for item in (
        node("1", "Pod", "Succeeded", template="s-start", startedAt="2026-01-01T00:00:01Z"),
        node("2", "TaskGroup", "Running"),
        node(
            "3",
            "Retry",
            "Failed",
            inputs=inputs(step="work", index="10"),
            startedAt="2026-01-01T00:00:02Z",
            children=["w-4", "w-5"],
        ),
        node("4", "Pod", "Failed", inputs=inputs(step="work", index="10"), outputs={"exitCode": "1"}),
        node(
            "5",
            "Pod",
            "Failed",
            inputs=inputs(step="work", index="10"),
            outputs={"exitCode": "137"},
            message="OOMKilled",
        ),
        node("6", "Pod", "Running", inputs=inputs(step="work", index="9"), startedAt="2026-01-01T00:00:03Z"),
        node("7", "Skipped", "Skipped"),
        node("8", "Pod", "Error", template="other"),
    )
}
TEMPLATES = [
    {
        "name": "s-start",
        "container": {
            "command": ["python3", "/flowc/flow.pyz", "task"],
            "args": ["--step", "start", "--index", "-", "--attempt", "0"],
            "env": [{"name": "FLOWC_ROOT", "value": "s3://a$$b"}],
        },
    },
    {
        "name": "item",
        "container": {
            "command": ["python3", "/flowc/boot.py", "task"],
            "args": ["--step", "{{inputs.parameters.step}}", "--index", "{{inputs.parameters.index}}"],
        },
    },
    {"name": "other", "container": {"command": ["sh"]}},
]


@pytest.mark.parametrize("packed", [False, True], ids=["nodes", "compressed"])
@pytest.mark.parametrize("stored", [False, True], ids=["spec", "stored"])
def test_nodes_are_tasks_of_steps(packed: bool, stored: bool) -> None:
    text = base64.b64encode(gzip.compress(json.dumps(NODES).encode())).decode()
    status: dict[str, Any] = {"phase": "Running", "compressedNodes": text} if packed else {"nodes": NODES}
    spec: dict[str, Any] = {"templates": TEMPLATES}
    if stored:
        status["storedWorkflowTemplateSpec"], spec = spec, {}
    state = run_state({**FINISHED, "spec": spec, "status": status})
    found = [(task.id, task.phase, task.attempts, task.exit_code, task.message) for task in state.tasks]
    assert found == [
        ("start", "succeeded", 1, None, ""),
        ("work/9", "running", 1, None, ""),
        ("work/10", "failed", 2, 137, "OOMKilled"),
        ("8", "failed", 1, None, ""),
    ]
    assert state.tasks[2].name == "my-flow-x7k2p-item-5"
    assert (state.root, state.done, state.total) == ("s3://a$b", 1, 4)


def log_answer(*lines: tuple[str, str]) -> str:
    return "".join(json.dumps({"result": {"podName": pod, "content": text}}) + "\n" for pod, text in lines)


def test_logs_name_their_tasks(replay: Replay, tmp_path: Path) -> None:
    workflow = {**FINISHED, "spec": {"templates": TEMPLATES}, "status": {"phase": "Succeeded", "nodes": NODES}}
    replay.answers[f"GET {RUNS}/my-flow-x7k2p"] = (200, workflow)
    executor = 'time=2026-11-21T14:58:46.174Z level=INFO msg="waiting for signals" argo=true'
    lines = [("w-s-start-1", "hello"), ("w-item-5", executor), ("w-item-5", "again"), ("w-item-6", "ü {}")]
    replay.answers[f"GET {RUNS}/my-flow-x7k2p/log"] = (200, log_answer(*lines))
    done = flowc(tmp_path, "logs", "my-flow-x7k2p", "-t", "argo", **at(replay))
    assert done.stdout == "[start] hello\n[work/10] again\n[work/9] ü {}\n"
    by_id = flowc(
        tmp_path, "logs", "MyFlow/argo-3d1a143d-947b-40d7-a7d9-db5106f4d4fd", "work/9", "-t", "argo", **at(replay)
    )
    assert by_id.stdout == "[work/9] ü {}\n"
    last = flowc(tmp_path, "logs", "my-flow-x7k2p", "-t", "argo", "--tail", "1", **at(replay))
    assert last.stdout == "[work/9] ü {}\n"
    mixed = flowc(tmp_path, "logs", "my-flow-x7k2p", "-t", "argo", "--timestamps", **at(replay))
    assert mixed.returncode == 2
    assert "error[FC504]" in mixed.stderr
    mixed = flowc(tmp_path, "logs", "my-flow-x7k2p", "-n", "flows", **at(replay))
    assert mixed.returncode == 2
    assert "error[FC504]" in mixed.stderr


def test_a_stream_that_breaks_off_is_begun_again(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowc_targets.argo.server.argo_client.PAUSE_SECONDS", 0.0)
    for name, value in at(replay).items():
        monkeypatch.setenv(name, value)
    spec = {"templates": TEMPLATES}
    running = {**FINISHED, "spec": spec, "status": {"phase": "Running", "nodes": NODES}}
    replay.answers[f"GET {RUNS}/my-flow-x7k2p"] = (200, running)
    first = log_answer(("w-s-start-1", "one"), ("w-item-6", "a"))
    replay.answers[f"GET {RUNS}/my-flow-x7k2p/log"] = (200, first + '{"error": {"message": "reset"}}\n')
    found = ArgoClient(Address()).logs("my-flow-x7k2p", None, follow=True)
    assert [next(found).text, next(found).text] == ["one", "a"]
    ended = {**running, "status": {"phase": "Succeeded", "nodes": NODES}}
    replay.answers[f"GET {RUNS}/my-flow-x7k2p"] = (200, ended)
    replay.answers[f"GET {RUNS}/my-flow-x7k2p/log"] = (200, first + log_answer(("w-s-start-1", "two")))
    assert [line.text for line in found] == ["two"]


def test_the_commands_of_a_target_without_a_client(tmp_path: Path) -> None:
    done = flowc(tmp_path, "status", "--target", "nothing")
    assert done.returncode == 2
    assert "error[FC504]" in done.stderr
