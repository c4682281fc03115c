"""Manifests run by the simulator, to the same artifacts as the local engine's."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from flowc import Run
from tests.cluster.cluster import run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.conftest import EXAMPLES, REPOSITORY, SEEDS, runs_on
from tests.flowgen.blocks import Block, flows
from tests.flowgen.plain import Program
from tests.support import flowc

pytestmark = pytest.mark.process

EXAMPLE_FLOWS = {path.stem: path for path in runs_on("argo.yaml").values()}
ON_THE_CLUSTER = ("crossing", "hooked", "hostile", "recursion", "switches", "timeouts", "wrapped")
"""Of the flows of the cluster's tests, those that ask for nothing that only a cluster has."""
FLOWS = {
    **EXAMPLE_FLOWS,
    **{name: REPOSITORY / "tests" / "cluster" / "flows" / f"{name}.py" for name in ON_THE_CLUSTER},
    "parallel_trees": SEEDS / "flows" / "parallel_trees.py",
}
GIVEN = {"hostile": "{{workflow.uid}} $(HOME)"}
"""The value of the parameter `given`."""

WIDE = """
from flowc import FlowSpec, Parameter, step

class WideFlow(FlowSpec):
    width = Parameter("width", default=12)

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.square = self.input ** 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(item.square for item in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass
"""
LOSING = """
import os, signal, time
from pathlib import Path

def lose_pod(number):
    process = os.getpid()
    for _ in range(2):  # the fork server, and what runs the batch
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(process, number)
    time.sleep(60)

"""
"""One of a pod's tasks sends it SIGTERM, or kills it."""
COLLIDING = "wide-gig5p"
"""A Workflow of this name has the same id for s-work(0:0) and s-work(11:11)."""


def write_manifest(file: Path, root: Path, *arguments: str) -> Path:
    """The manifest of a flow."""
    manifest = root / f"{file.stem}.yaml"
    root.mkdir(parents=True, exist_ok=True)
    command = ("compile", str(file), "--target", "argo", "--root", str(root / "store"), "--image", "python")
    done = flowc(root, *command, "-o", str(manifest), *arguments)
    assert done.returncode == 0, done.stderr
    return manifest


def simulated(manifest: Path, root: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What `flowc simulate` says of the nodes."""
    nodes = root / "nodes.json"
    command = ("simulate", str(manifest), "--backoff", "0", "--nodes", str(nodes), *arguments)
    done = flowc(root, *command)
    assert done.returncode == code, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(nodes.read_text())
    return result


def the_run(result: dict[str, Any], root: Path) -> Run:
    """The run of a simulation."""
    store = root / "store"
    flow = next(item.parent.name for item in store.glob(f"*/argo-{result['uid']}"))
    return Run(f"{flow}/argo-{result['uid']}", root=str(store))


@pytest.mark.parametrize("flow", FLOWS)
def test_same_artifacts_as_the_local_engine(flow: str, tmp_path: Path) -> None:
    file = FLOWS[flow]
    if not file.is_file():
        pytest.skip(f"the seed {file} is not here")
    given = GIVEN.get(flow)
    options = ("--set", f"parameters={{given = {json.dumps(given)}}}") if given else ()
    grace = ("--timeout-grace", "5") if flow == "timeouts" else ()
    local = run_locally(file, tmp_path / "local", *(("-p", f"given={given}") if given else ()), *grace)
    result = simulated(write_manifest(file, tmp_path, *options), tmp_path, *grace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same_artifacts(local, the_run(result, tmp_path))
    assert {node["phase"] for node in result["nodes"].values()} <= {"Succeeded", "Skipped", "Omitted", "Failed"}
    assert result["lost"] == {}


@settings(deadline=None, max_examples=EXAMPLES)
@given(flows())
def test_random_run(blocks: tuple[Block, ...]) -> None:
    program = Program(blocks)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "random_flow.py").write_text(program.source)
        result = simulated(write_manifest(root / "random_flow.py", root), root)
        assert the_run(result, root).data.v == program.expected


def test_a_new_python_for_every_pod(tmp_path: Path) -> None:
    """The plain way: as a container runs it. The folders of pods can be kept."""
    manifest = write_manifest(FLOWS["nested_foreach"], tmp_path)
    result = simulated(manifest, tmp_path, "--fresh", "--keep", str(tmp_path / "kept"))
    logs = sorted((tmp_path / "kept").glob("*/pods/*/log"))
    assert len(logs) == sum(node["type"] == "Pod" for node in result["nodes"].values())


def test_only_what_a_lost_pod_has_not_committed_runs_again(tmp_path: Path) -> None:
    """Of two pods with six items each, one gets SIGTERM at its fifth item, the other one is killed at its fourth."""
    flow = WIDE.replace(
        "import FlowSpec, Parameter, step\n", f"import FlowSpec, Parameter, current, retry, step\n{LOSING}"
    )
    body = """\
        with open(os.environ["BEGUN"], "a") as file:
            file.write(f"{self.index} ")
        number = {4: signal.SIGTERM, 9: signal.SIGKILL}.get(self.index)
        if number and not current.retry_count:
            lose_pod(number)
        self.square"""
    flow = flow.replace("        self.square", body).replace(
        "    @step\n    def work", "    @retry(times=1)\n    @step\n    def work"
    )
    (tmp_path / "wide.py").write_text(flow)
    manifest = write_manifest(tmp_path / "wide.py", tmp_path, "--batch", "work=6")
    result = simulated(manifest, tmp_path, "--env", f"BEGUN={tmp_path / 'begun'}")
    run = the_run(result, tmp_path)
    assert run["join"].task.data.total == sum(number**2 for number in range(12))
    begun = [int(item) for item in (tmp_path / "begun").read_text().split()]
    assert sorted(begun) == sorted([*range(12), 4, 9])
    assert {task.path[0]: task.attempt for task in run["work"]} == {item: int(item in {4, 9}) for item in range(12)}
    pods = [node for node in result["nodes"].values() if node["type"] == "Pod" and "s-work" in node["name"]]
    assert sorted(node["phase"] for node in pods) == ["Failed"] * 2 + ["Succeeded"] * 2


@pytest.mark.parametrize("kind", ["template", "workflow"])
def test_arguments_given_at_submission(kind: str, tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(WIDE)
    manifest = write_manifest(tmp_path / "wide.py", tmp_path, "--kind", kind)
    result = simulated(manifest, tmp_path, "-p", "width=3")
    assert the_run(result, tmp_path)["join"].task.data.total == 5
    none = simulated(manifest, tmp_path, "-p", "width=0")
    assert the_run(none, tmp_path)["join"].task.data.total == 0
    assert the_run(none, tmp_path).id != the_run(result, tmp_path).id


def test_a_missing_argument_is_reported(tmp_path: Path) -> None:
    """Argo takes it in silence; a slip of the pen should not pass for a value."""
    (tmp_path / "wide.py").write_text(WIDE.replace("12", "0"))
    manifest = write_manifest(tmp_path / "wide.py", tmp_path)
    done = flowc(tmp_path, "simulate", str(manifest), "-p", "widht=3")
    assert done.returncode == 2, done.stderr
    assert "error[FC302]: the manifest has no argument 'widht'\n = help: did you mean `width`?" in done.stderr


def test_a_manifest_that_carries_its_code(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(WIDE)
    manifest = write_manifest(tmp_path / "wide.py", tmp_path, "--set", "code=workflow")
    result = simulated(manifest, tmp_path)
    assert the_run(result, tmp_path)["join"].task.data.total == sum(i * i for i in range(12))


@pytest.mark.parametrize("options", [(), ("--batch", "start=2")])
def test_logs_of_cached_tasks_are_those_of_the_tasks_that_ran(options: tuple[str, ...], tmp_path: Path) -> None:
    """The pod of a cached task says only that: the store has what the one before had printed."""
    (tmp_path / "wide.py").write_text(WIDE.replace("self.square =", "print(f'item {self.input}'); self.square ="))
    manifest = write_manifest(tmp_path / "wide.py", tmp_path, "--cache", *options)
    first, second = (the_run(simulated(manifest, tmp_path, "-p", "width=3"), tmp_path) for _ in range(2))
    assert [task.origin_run_id for task in second["work"]] == [first.id] * 3
    assert sorted(task.stdout for task in second["work"]) == [f"item {number}\n" for number in range(3)]
    for more in ((), ("--follow",)):
        logs = flowc(tmp_path, "logs", second.pathspec, "work/1", "--root", str(tmp_path / "store"), *more).stdout
        lines = [line.partition("] ")[2].partition(";")[0] for line in logs.splitlines()]
        assert lines == ["flowc: taken from the cache", "item 1"]


def test_a_sibling_that_is_lost_to_a_colliding_id_is_named_by_the_join(tmp_path: Path) -> None:
    """Argo tells nobody: in its books all items have succeeded."""
    (tmp_path / "wide.py").write_text(WIDE)
    manifest = write_manifest(tmp_path / "wide.py", tmp_path, "--set", f"name={COLLIDING}")
    result = simulated(manifest, tmp_path, "-p", "width=11")
    assert (result["lost"], result["phase"]) == ({}, "Succeeded")
    done = flowc(tmp_path, "simulate", str(manifest), "--nodes", str(tmp_path / "nodes.json"), "--report")
    assert done.returncode == 1
    lost = json.loads((tmp_path / "nodes.json").read_text())
    assert lost["lost"] == {f"{COLLIDING}.s-work(11:11)": f"{COLLIDING}.s-work(0:0)"}
    phases = {node["name"].removeprefix(f"{COLLIDING}."): node["phase"] for node in lost["nodes"].values()}
    assert phases["s-work"] == "Succeeded"
    assert phases["s-join"] == "Failed"
    assert "1 of the join's 12 inputs have not finished: work-11" in done.stderr
    assert "16 nodes, 1 lost to colliding ids" in done.stdout
    assert f"lost: {COLLIDING}.s-work(11:11) has the id of {COLLIDING}.s-work(0:0), and never ran" in done.stdout
    again = simulated(manifest, tmp_path, "--name", "wide-other")
    assert (again["lost"], again["phase"]) == ({}, "Succeeded")


def test_a_gang_needs_no_more_workers_than_there_are(tmp_path: Path) -> None:
    """Its members wait for each other: they get places together."""
    result = simulated(write_manifest(FLOWS["parallel_sum"], tmp_path), tmp_path, "--max-workers", "1")
    assert result["phase"] == "Succeeded"


def test_a_flow_that_fails(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(WIDE.replace("self.input ** 2", "1 / (self.input - 3)"))
    done = flowc(tmp_path, "simulate", str(write_manifest(tmp_path / "wide.py", tmp_path)), "--max-workers", "2")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "x s-work  Failed  12 items: 1 Failed, 11 Succeeded" in done.stdout
    assert "x (3:3)  Failed" in done.stdout
    assert "o s-join  Omitted" in done.stdout


SHARING = """
from flowc import FlowSpec, current, environment, fuse, retry, step
import os

class SharingFlow(FlowSpec):
    @step
    def start(self):
        self.seen = [os.environ.get("A")]
        self.next(self.flaky)

    @environment(vars={"A": "one"})
    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        if current.retry_count < 1:
            raise ValueError("not yet")
        self.seen += [os.environ.get("A"), current.retry_count, current.step_name]
        print("flaky says so")
        self.next(self.left, self.right)

    @step
    def left(self):
        self.way = "l"
        self.next(self.both)

    @step
    def right(self):
        self.way = "r"
        self.next(self.both)

    @fuse
    @step
    def both(self, inputs):
        self.ways = [each.way for each in inputs]
        self.merge_artifacts(inputs, exclude=["way"])
        self.n = 0
        self.next(self.again)

    @step
    def again(self):
        self.n += 1
        self.more = self.n < 3
        self.items = list(range(self.n))
        self.next({True: self.again, False: self.fan}, condition="more")

    @step
    def fan(self):
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.square = self.input ** 2
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.squares = [each.square for each in inputs]
        self.merge_artifacts(inputs, exclude=["square"])
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_steps_that_share_pods(tmp_path: Path) -> None:
    (tmp_path / "sharing.py").write_text(SHARING)
    result = simulated(write_manifest(tmp_path / "sharing.py", tmp_path, "--fuse"), tmp_path)
    pods = [node["templateName"] for node in result["nodes"].values() if node["type"] == "Pod"]
    assert sorted(pods) == ["s-each", "s-each", "s-each", "s-gather", "s-start"]
    run = the_run(result, tmp_path)
    assert run.data.seen == [None, "one", 1, "flaky"]
    assert (run.data.ways, run.data.n, run.data.squares) == (["l", "r"], 3, [0, 1, 4])
    assert [task.attempt for task in run["flaky"]] == [1]
    assert "flaky says so" in run["flaky"].task.stdout
    assert sorted(task.path for task in run["again"]) == [(0,), (1,), (2,)]
