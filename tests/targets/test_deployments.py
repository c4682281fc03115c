"""`flowc deploy`, `deployments`, `undeploy` and `suspend`, with a kubectl that keeps its objects in a file."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.support import flowc, write_files

pytestmark = pytest.mark.process
KUBECTL = """#!{python}
import json, sys
import yaml

PATH = {path!r}
KINDS = {{"cronworkflows": "CronWorkflow", "workflowtemplates": "WorkflowTemplate", "sensors": "Sensor",
         "eventsources": "EventSource"}}

def kind(text):
    return KINDS[text.partition(".")[0]]

def merge(into, patch):
    for key, value in patch.items():
        into[key] = merge(dict(into.get(key) or {{}}), value) if isinstance(value, dict) else value
    return into

words = sys.argv[1:]
if words[:1] == ["--namespace"]:
    words = words[2:]
with open(PATH) as file:
    state = json.load(file)
command = words[0]
state["calls"].append(command)
problem = None
objects = state["objects"]
if command == "get" and words[1].startswith(tuple(state["missing"])):
    sys.exit(f"error: the server doesn't have a resource type {{words[1]!r}}")
if command == "get":
    print(json.dumps({{"items": [item for item in objects if item["kind"] == kind(words[1])]}}))
elif command == "apply":
    tries = "--dry-run=server" in words
    problem = "admission webhook x does not support dry run" if tries and state.get("untried") else None
    for item in yaml.safe_load_all(sys.stdin.read()):
        if item["kind"] in state["missing"]:  # the others are applied
            problem = f"no matches for kind {{item['kind']!r}}: ensure CRDs are installed first"
            continue
        if tries:
            continue
        same = [other for other in objects if (other["kind"], other["metadata"]["name"]) ==
                (item["kind"], item["metadata"]["name"])]
        if same:
            merge(same[0], item)
        else:
            objects.append(item)
elif command == "patch":
    found = [item for item in objects if item["kind"] == kind(words[1]) and item["metadata"]["name"] == words[2]]
    merge(found[0], json.loads(words[words.index("--patch") + 1]))
elif command == "delete":
    names = [word for word in words[2:] if not word.startswith("--")]
    objects[:] = [item for item in objects if item["kind"] != kind(words[1]) or item["metadata"]["name"] not in names]
with open(PATH, "w") as file:
    json.dump(state, file, default=str)
sys.exit(problem)
"""
FLOW = """
    from flowc import FlowSpec, {imports}step

    {decorator}
    class Nightly(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""
OPTIONS = ("--root", "s3://bucket/flows", "-n", "flows")


class Kubernetes:
    """The objects of a namespace."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._path = folder / "cluster.json"
        self._path.write_text(json.dumps({"objects": [], "calls": [], "missing": []}))
        program = folder / "bin" / "kubectl"
        program.parent.mkdir(parents=True)
        program.write_text(KUBECTL.format(python=sys.executable, path=str(self._path)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        patch.setenv("PATH", str(program.parent))
        self.folder = folder

    def __getitem__(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in json.loads(self._path.read_text())["objects"] if item["kind"] == kind]

    def lacks(self, *kinds: str, untried: bool = False) -> None:
        state = json.loads(self._path.read_text())
        self._path.write_text(json.dumps({**state, "missing": kinds, "untried": untried}))

    def says(self, *words: str | Path) -> tuple[int, str, str]:
        done = flowc(self.folder, *words)
        return done.returncode, done.stdout, done.stderr

    def deployed(self, name: str, decorator: str = "", imports: str = "", *options: str) -> dict[str, Any]:
        write_files(self.folder, {name: FLOW.format(decorator=decorator, imports=imports)})
        code, out, said = self.says("deploy", name, *OPTIONS, "--json", *options)
        assert code == 0, said
        document: dict[str, Any] = json.loads(out)
        return {**document, "said": said}


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    return Kubernetes(tmp_path, monkeypatch)


def test_a_schedule_is_deployed_suspended_and_removed(kubernetes: Kubernetes) -> None:
    found = kubernetes.deployed("nightly.py", '@schedule(cron="0 3 * * *")', "schedule, ")
    assert (found["name"], found["flow"], found["kinds"]) == ("nightly", "Nightly", ["CronWorkflow"])
    assert (found["schedule"], found["suspended"]) == ("0 3 * * * (UTC)", False)
    assert len(found["version"]) == 10
    assert len(kubernetes["ConfigMap"]) == 3  # two of the runtime and one of code
    code, out, _ = kubernetes.says("deployments", "-n", "flows")
    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["nightly", "Nightly"]
    assert kubernetes.says("suspend", "nightly", "-n", "flows") == (
        0, "nightly\n", "CronWorkflow nightly suspended in namespace flows\n"
    )  # fmt: skip
    assert kubernetes["CronWorkflow"][0]["spec"]["suspend"] is True
    again = kubernetes.deployed("nightly.py", '@schedule(cron="0 4 * * *")', "schedule, ")
    assert (again["schedule"], again["suspended"]) == ("0 4 * * * (UTC)", True)  # a new version does not wake it
    assert kubernetes.says("unsuspend", "nightly", "-n", "flows")[0] == 0
    assert kubernetes["CronWorkflow"][0]["spec"]["suspend"] is False
    code, out, said = kubernetes.says("undeploy", "nightly", "-n", "flows")
    assert (code, out, said) == (0, "nightly\n", "CronWorkflow nightly removed in namespace flows\n")
    assert not kubernetes["CronWorkflow"]
    assert len(kubernetes["ConfigMap"]) == 4  # runs under way may need them: `flowc prune` removes them
    assert kubernetes.says("deployments", "-n", "flows") == (0, "", "there are no deployments\n")


def test_what_a_version_no_longer_has_is_removed(kubernetes: Kubernetes) -> None:
    kubernetes.deployed("nightly.py", '@schedule(cron="0 3 * * *")', "schedule, ")
    found = kubernetes.deployed("nightly.py")
    assert (found["kinds"], found["suspended"]) == (["WorkflowTemplate"], None)
    assert "note: removed the CronWorkflow of the version before\n" in found["said"]
    assert not kubernetes["CronWorkflow"]


def test_events_cannot_be_suspended(kubernetes: Kubernetes) -> None:
    found = kubernetes.deployed(
        "nightly.py", '@trigger_on_finish(flow="Other")', "trigger_on_finish, ",
        "--set", "event_service_account=events",
    )  # fmt: skip
    assert (found["kinds"], found["suspended"]) == (["Sensor", "EventSource", "WorkflowTemplate"], False)
    code, _, said = kubernetes.says("suspend", "nightly", "-n", "flows")
    assert code == 2
    assert "error[FC501]" in said
    assert "Argo Events cannot suspend a Sensor" in said
    assert kubernetes.says("undeploy", "nightly", "-n", "flows")[0] == 0
    assert not kubernetes["Sensor"] + kubernetes["EventSource"] + kubernetes["WorkflowTemplate"]


def test_a_schedule_beside_events(kubernetes: Kubernetes) -> None:
    file = REPOSITORY / "examples" / "daily_report.py"
    code, _, said = kubernetes.says("deploy", file, *OPTIONS, "--set", "event_source=shops")
    assert code == 0, said
    code, out, said = kubernetes.says("suspend", "daily-report-flow", "-n", "flows", "--json")
    assert code == 0, said
    assert "note: its Sensor still starts runs of DailyReportFlow on events\n" in said
    assert json.loads(out)["kinds"] == ["CronWorkflow", "Sensor", "WorkflowTemplate"]


def test_a_cluster_without_argo_events(kubernetes: Kubernetes) -> None:
    kubernetes.lacks("sensors", "eventsources")
    assert kubernetes.deployed("nightly.py")["kinds"] == ["WorkflowTemplate"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("undeploy", "other"), "FC602", "flowc has deployed nothing named 'other'"),
        (("suspend", "nightly"), "FC501", "has neither schedule nor events"),
        (("suspend", "other"), "FC602", "nothing named 'other'"),
        (("undeploy", "nightly", "--dags-folder", "dags"), "FC506", "--dags-folder has no effect on Argo"),
        (("deployments", "--server", "host:2746"), "FC506", "--server has no effect on deployments"),
        (("deployments", "--target", "nothing"), "FC504", "there is no target `nothing`"),
        (("deploy", "nightly.py", "--root", "s3://b/f", "--kind", "workflow"), "FC506", "which is no deployment"),
        (("deploy", "none.py", "--root", "s3://b/f"), "FC104", "none.py"),
    ],
)
def test_what_is_refused(kubernetes: Kubernetes, words: tuple[str, ...], code: str, said: str) -> None:
    kubernetes.deployed("nightly.py")
    status, _, text = kubernetes.says(*words)
    assert status != 0
    assert f"error[{code}]" in text
    assert said in text
    assert kubernetes["WorkflowTemplate"]


def test_a_trigger_needs_argo_events(kubernetes: Kubernetes) -> None:
    kubernetes.lacks("Sensor", "EventSource")
    text = FLOW.format(imports="trigger_on_finish, ", decorator='@trigger_on_finish(flow="Other")')
    write_files(kubernetes.folder, {"nightly.py": text})
    code, _, said = kubernetes.says("deploy", "nightly.py", *OPTIONS)
    assert code == 2
    assert "install what has that kind: Argo Events for a Sensor" in said
    assert not kubernetes["WorkflowTemplate"] + kubernetes["ConfigMap"]


def test_a_cluster_that_tries_nothing(kubernetes: Kubernetes) -> None:
    kubernetes.lacks(untried=True)
    assert kubernetes.deployed("nightly.py")["kinds"] == ["WorkflowTemplate"]


def test_without_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = flowc(tmp_path, "deployments")
    assert done.returncode == 3
    assert "there is no kubectl on the PATH" in done.stderr
