"""submit, status, logs and stop on the real Argo Server, by the commands as a user types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.cluster.cluster import NAMESPACE, Cluster, flowc, run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.conftest import REPOSITORY
from tests.support import yaml_documents
from tests.trials import strings

pytestmark = pytest.mark.cluster

FLOWS = Path(__file__).parent / "flows"
SERVED = FLOWS / "served.py"
HOSTILE = "{{workflow.name}} {{=1+1}} {{ $(HOME) $$ $ 'one' \"two\" \\ \r\n\tü 😀 - !!python/object"
LONG = "".join(f"{{{{item {number}}}}} costs ${number}\n" for number in range(4300))[:100_000]

REFUSED = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: flowc-test-refused}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [argoproj.io], apiVersions: ["*"], operations: [CREATE], resources: [workflows]}
  matchConditions:
  - name: one
    expression: "has(object.spec.serviceAccountName) && object.spec.serviceAccountName == 'refused-by-test'"
  validations:
  - {expression: "has(object.spec.parallelism)", message: "spec.parallelism is required here"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: flowc-test-refused}
spec: {policyName: flowc-test-refused, validationActions: [Deny]}
"""
"""A rule of a cluster's administrator, for one service account."""


class Server:
    """The commands, with what they started to be deleted afterwards."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.started: list[str] = []

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [flowc(), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    def submit(self, *arguments: str, compiled: bool = True) -> tuple[str, subprocess.CompletedProcess[str]]:
        """Submit a flow: the Workflow's name, empty where there is none, and what the command printed."""
        done = self.command("submit", *arguments, *(self.cluster.options() if compiled else ()))
        found = re.search(r"submitted as (\S+) in", done.stderr)
        if found is not None:
            self.started.append(found[1])
        return found[1] if found is not None else "", done

    def start(self, *arguments: str, compiled: bool = True) -> str:
        name, done = self.submit(*arguments, compiled=compiled)
        assert done.returncode == 0, done.stderr
        return name

    def run(self, done: subprocess.CompletedProcess[str]) -> Run:
        return Run(done.stdout.splitlines()[0], root=self.cluster.root)

    def status(self, name: str, *arguments: str) -> dict[str, Any]:
        done = self.command("status", name, "--json", *arguments)
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def until(self, name: str, good: Callable[[dict[str, Any]], bool], seconds: float = 240) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not good(state := self.status(name)):
            assert time.monotonic() < deadline, state
            time.sleep(1)
        return state


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    if "ARGO_SERVER" not in os.environ:
        pytest.skip("ARGO_SERVER names no Argo Server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARGO_SECURE", os.environ.get("ARGO_SECURE", "false"))
        patch.setenv("ARGO_NAMESPACE", NAMESPACE)
        handle = Server(cluster)
        yield handle
        if handle.started and "FLOWC_TEST_KEEP" not in os.environ:
            cluster.kubectl("delete", "workflow", "--ignore-not-found", "--wait=false", *handle.started)


def test_submit_and_wait_to_the_same_artifacts(server: Server, tmp_path: Path) -> None:
    values = ["-p", f"text={HOSTILE}", "-p", f"long_text={LONG}", "-p", "count=3"]
    name, done = server.submit(str(SERVED), *values, "--wait")
    assert done.returncode == 0, done.stderr
    assert f"({name}) succeeded, 6 of 6 tasks done" in done.stderr
    run = server.run(done)
    assert run["start"].task.data.seen == [HOSTILE, LONG, 3]
    assert_same_artifacts(run_locally(SERVED, tmp_path / "store", *values), run)
    shown = server.command("show", done.stdout.strip(), "--root", server.cluster.root)
    assert "work  3 of 3 tasks" in shown.stdout
    assert server.cluster.get("workflow", name)["spec"]["podMetadata"], "the Workflow carries its code"
    state = server.status(done.stdout.strip())
    assert state["name"] == name
    assert [task["task"] for task in state["tasks"]] == ["start", "work/0", "work/1", "work/2", "join", "end"]
    listed = server.command("status", "--json", "--last", "50")
    assert name in {item["name"] for item in json.loads(listed.stdout)}
    assert name in server.command("status").stdout


@pytest.mark.parametrize("part", [0, 1])
def test_random_strings_arrive_exactly(server: Server, tmp_path: Path, part: int) -> None:
    """Those of the trial `strings`, half a hundred of them."""
    hostile = list(dict.fromkeys(strings.hostile(17, number) for number in range(60)))[part * 25 :][:25]
    options = strings.run_options(hostile)
    arguments = [part for name, text in strings.given(hostile).items() for part in ("-p", f"{name}={text}")]
    tags = json.dumps(options["tags"], ensure_ascii=False).replace("\x7f", "\\u007f")  # as TOML has them
    arguments += ["--set", f"tags={tags}", "--batch", "fan=9"]  # a pod for each takes the machine of the tests minutes
    arguments += [part for name, text in options["env"].items() for part in ("--env", f"{name}={text}")]
    name, done = server.submit(str(strings.written(tmp_path, hostile, mapped=True)), *arguments, "--wait")
    assert done.returncode == 0, done.stderr
    wrong = strings.changed_in(server.run(done), "Argo", hostile)
    assert {text: found for text, found in wrong.items() if found} == {}, name


def test_a_run_that_fails(server: Server) -> None:
    name, done = server.submit(str(SERVED), "-p", "dies=true", "--watch", "--json")
    assert done.returncode == 1, done.stderr
    assert "start succeeded" in done.stderr
    assert "work/1 failed with exit code 7 after 2 attempts" in done.stderr
    state = json.loads(done.stdout)
    assert state["phase"] == "failed"
    task = next(item for item in state["tasks"] if item["task"] == "work/1")
    assert (task["exit_code"], task["attempts"], task["phase"]) == (7, 2, "failed")
    text = server.command("status", name)
    assert text.returncode == 0
    assert "work  1 of 2 tasks, 1 failed, 1 retried" in text.stdout
    assert server.command("status", name, "--wait").returncode == 1
    printed = server.command("logs", name, "work", "--target", "argo")
    lines = [line for line in printed.stdout.splitlines() if "exit status" not in line]  # Argo's last word of a pod
    assert sorted(lines) == ["[work/0] item 0", *["[work/1] item 1"] * 2, *["[work/1] this is the end"] * 2]
    one = server.command("logs", name, "work/0", "--target", "argo", "--follow")
    assert one.stdout == "[work/0] item 0\n"
    nowhere = server.command("logs", name, "nothing", "--target", "argo")
    assert nowhere.returncode == 2
    assert "its steps are start, work" in nowhere.stderr


def test_from_a_template_and_from_a_cron_workflow(server: Server, cluster: Cluster) -> None:
    for kind in ("template", "cron"):
        extra = ("--set", "name=served-template") if kind == "template" else ("--set", "name=served-cron")
        schedule = ("--set", "schedule=0 0 1 1 *") if kind == "cron" else ()
        manifest = cluster.compile(SERVED, "--kind", kind, *extra, *schedule)
        cluster.kubectl("apply", "--server-side", "-f", "-", text=manifest)
        cluster.applied.append(manifest)
    values = ("-p", f"Text={HOSTILE}", "-p", "long-text=" + LONG, "-p", "count=1", "--wait")
    name, done = server.submit("--from", "served-template", *values, compiled=False)
    assert done.returncode == 0, done.stderr
    assert server.run(done)["start"].task.data.seen == [HOSTILE, LONG, 1]
    assert server.status(name)["total"] == 4
    name, done = server.submit("--from", "cronwf/served-cron", *values, compiled=False)
    assert done.returncode == 0, done.stderr
    assert server.run(done)["start"].task.data.seen == [HOSTILE, LONG, 1]
    before = len(json.loads(server.command("status", "--json", "--last", "500").stdout))
    wrong = server.command("submit", "--from", "served-template", "-p", "nope=1", "-p", "count")
    assert wrong.returncode == 2
    assert "WorkflowTemplate served-template has no parameter `nope`" in wrong.stderr
    assert "`-p count` is not name=value" in wrong.stderr
    assert len(json.loads(server.command("status", "--json", "--last", "500").stdout)) == before


def test_logs_are_followed_and_a_run_is_stopped(server: Server) -> None:
    first = server.start(str(SERVED), "-p", "seconds=15", "-p", "count=1")
    second = server.start(str(SERVED), "-p", "seconds=600", "-p", "count=1")
    follow = subprocess.Popen([flowc(), "logs", first, "-t", "argo", "-f"], stdout=subprocess.PIPE, text=True)
    server.until(
        second, lambda state: any(task["task"] == "work/0" and task["phase"] == "running" for task in state["tasks"])
    )
    stopped = server.command("stop", second)
    assert stopped.returncode == 0, stopped.stderr
    state = server.until(second, lambda state: state["phase"] == "failed")
    assert "Stop" in state["message"]
    again = server.command("stop", second, "--terminate")
    assert again.returncode == 2
    assert "error[FC611]" in again.stderr
    assert "has already failed" in again.stderr
    printed, _ = follow.communicate(timeout=240)
    assert follow.returncode == 0
    assert printed.splitlines() == ["[start] there are 1 items", "[work/0] item 0", "[end] done"]
    assert server.status(first)["phase"] == "succeeded"


def test_code_in_a_config_map_goes_through_kubectl(server: Server, cluster: Cluster) -> None:
    name, done = server.submit(str(REPOSITORY / "examples" / "empty_foreach.py"), "--set", "code=configmap", "--wait")
    assert done.returncode == 0, done.stderr
    spec = cluster.get("workflow", name)["spec"]
    assert "podMetadata" not in spec
    mounted = next(item["projected"]["sources"] for item in spec["volumes"] if item["name"] == "flowc")
    runtime, code = (source["configMap"]["name"] for source in mounted)
    assert cluster.get("configmap", runtime)["immutable"]
    assert cluster.get("configmap", code)["immutable"]
    cluster.kubectl("delete", "configmap", code)  # other flows of the release need the runtime


def test_the_cluster_refuses_by_a_rule_of_its_own(server: Server, cluster: Cluster) -> None:
    account = ("--service-account", "refused-by-test")
    options = [*cluster.options(), *account]
    cluster.kubectl("apply", "-f", "-", text=REFUSED)
    try:
        deadline = time.monotonic() + 60
        while True:  # Kubernetes takes its time until a new policy holds
            checked = server.command("compile", str(SERVED), *options, "--set", "through=server", "--check-server")
            if checked.returncode != 0 or time.monotonic() > deadline:
                break
            time.sleep(1)
        assert checked.returncode == 2
        assert "spec.parallelism is required here" in checked.stderr
        assert checked.stdout == ""
        name, refused = server.submit(str(SERVED), *account)
        assert (name, refused.returncode) == ("", 2)
        assert "error[FC611]" in refused.stderr
        assert "spec.parallelism is required here" in refused.stderr
        good = server.command("compile", str(SERVED), *options, "--check-server", "--set", "parallelism=3")
        assert good.returncode == 0, good.stderr
    finally:
        cluster.kubectl("delete", "-f", "-", text=REFUSED)


def test_the_server_takes_what_is_emitted_for_every_kind(server: Server, cluster: Cluster) -> None:
    for kind in ("workflow", "template", "cron"):
        schedule = ("--set", "schedule=0 0 1 1 *") if kind == "cron" else ()
        done = server.command("compile", str(SERVED), *cluster.options(), "--kind", kind, *schedule, "--check-server")
        assert done.returncode == 0, done.stderr
        assert yaml_documents(done.stdout)
