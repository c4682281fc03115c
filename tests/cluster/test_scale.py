"""Wide foreach and many steps on the real controller, and a join one of whose inputs is lost before it starts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowc.store.run_layout import RunLayout
from flowc.store.s3 import S3Store
from tests.cluster.cluster import Cluster, run_locally
from tests.cluster.compare import assert_same_artifacts

pytestmark = pytest.mark.cluster

WIDE = Path(__file__).parent / "flows" / "wide.py"
WIDTH = 300
DEADLINE_SECONDS = 600.0


@pytest.mark.slow
def test_a_foreach_of_300(cluster: Cluster) -> None:
    """About a pod a second: a node and its pod for each item, none of them lost."""
    began = time.monotonic()
    submitted = cluster.apply(cluster.compile(WIDE, "--set", f'parameters={{width="{WIDTH}"}}'))
    run = submitted.wait()
    print(f"{WIDTH} items in {time.monotonic() - began:.0f} s")
    assert run["join"].task.data.all == list(range(WIDTH))
    assert len(list(run["each"])) == WIDTH
    nodes = cluster.get("workflow", submitted.name)["status"]["nodes"].values()
    assert sum(node["type"] == "Pod" for node in nodes) == WIDTH + 3


def many_steps(arms: int, length: int) -> str:
    """A flow whose start forks to chains, all of which meet in a join."""
    names = [[f"arm_{arm}_{place}" for place in range(length)] for arm in range(arms)]
    steps = [("start", f"self.next({', '.join(f'self.{chain[0]}' for chain in names)})")]
    for arm, chain in enumerate(names):
        for name, after in zip(chain, [*chain[1:], "join"], strict=True):
            steps.append((name, f"self.n = getattr(self, 'n', {arm}) * 2\n        self.next(self.{after})"))
    bodies = "".join(f"\n    @step\n    def {name}(self):\n        {body}\n" for name, body in steps)
    end = """
    @step
    def join(self, inputs):
        self.total = sum(each.n for each in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    return f"from flowc import FlowSpec, step\n\n\nclass ManyStepsFlow(FlowSpec):\n{bodies}{end}"


@pytest.mark.slow
def test_more_steps_than_a_dag_takes(cluster: Cluster, tmp_path: Path) -> None:
    """The CRDs of 4.x take 200 tasks in a DAG: these are DAGs in a DAG."""
    file = tmp_path / "many_steps.py"
    file.write_text(many_steps(70, 3), encoding="utf-8")
    began = time.monotonic()
    submitted = cluster.apply(cluster.compile(file))
    run = submitted.wait()
    print(f"{70 * 3 + 3} steps in {time.monotonic() - began:.0f} s")
    assert_same_artifacts(run_locally(file, tmp_path / "store"), run)
    assert run["join"].task.data.total == sum(8 * arm for arm in range(70))


def test_the_join_names_a_sibling_that_is_lost(cluster: Cluster) -> None:
    """As after a node whose id collides with another's (argo-workflows #16376): Argo goes on, and the join must not."""
    submitted = cluster.apply(cluster.compile(WIDE, "--set", 'parameters={waits="true"}'))
    store = S3Store(cluster.root)
    layout = RunLayout(store, "WideFlow", f"argo-{submitted.uid}")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while layout.latest("each", (0,)) is None:
        assert time.monotonic() < deadline, "item 0 has not finished"
        time.sleep(1)
    delete(store, f"{layout.folder('each', (0,), 0)}/manifest.json")
    store.write(f"words/{layout.run}", [b"go on"])
    with pytest.raises(AssertionError, match="Failed") as failed:
        submitted.wait()
    assert "1 of the join's 3 inputs have not finished: each-0" in str(failed.value)


def delete(store: S3Store, key: str) -> None:
    """What flowc itself never does."""
    store._request("DELETE", store._path(key))  # pyright: ignore[reportPrivateUsage]
