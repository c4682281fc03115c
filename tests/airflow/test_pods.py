"""Emitted DAGs with the KubernetesPodOperator, on the cluster that KUBECONFIG names: artifacts as the local engine's.

Needs the environments of `tests/airflow/setup` (a test without its environment is skipped), and of the cluster a
namespace, a bucket and images, as the cluster tests do.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.emitting import emit_both, write
from tests.airflow.engine import Airflow
from tests.airflow.flows import HOSTILE, VALUES
from tests.airflow.test_specs import LAB
from tests.cluster.cluster import (
    EXAMPLE_IMAGE,
    ML_IMAGE,
    NAMESPACE,
    OLD_PYTHON_IMAGE,
    PYTHON_IMAGE,
    SECRET,
    Cluster,
    run_locally,
    store_inside,
)
from tests.cluster.compare import assert_same_artifacts
from tests.cluster.managers import check_fetched, fetching_flow
from tests.cluster.test_specs import FLOW, OBJECTS, check_found
from tests.conftest import REPOSITORY, runs_on

pytestmark = [pytest.mark.airflow, pytest.mark.cluster]

IMAGES = {
    "awk_totals": PYTHON_IMAGE,
    "calling_flows": PYTHON_IMAGE,
    "choose_model": PYTHON_IMAGE,
    "daily_partitions": PYTHON_IMAGE,
    "daily_report": PYTHON_IMAGE,
    "empty_foreach": PYTHON_IMAGE,
    "fan_in_direct": OLD_PYTHON_IMAGE,
    "fan_out_fan_in": PYTHON_IMAGE,
    "fan_out_map": PYTHON_IMAGE,
    "gpu_pipeline": PYTHON_IMAGE,
    "gpu_training": PYTHON_IMAGE,
    "nested_foreach": OLD_PYTHON_IMAGE,
    "nested_map": PYTHON_IMAGE,
    "pick_model": PYTHON_IMAGE,
    "retry_once": PYTHON_IMAGE,
    "shared_warehouse": PYTHON_IMAGE,
    "two_models": ML_IMAGE,
}


@pytest.fixture(scope="module", params=["3.3", "2.11"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Each Airflow that is installed."""
    return Airflow.of_series(request.param, tmp_path_factory.mktemp("airflow"))


def dag_text(path: Path, root: str, image: str, **options: object) -> str:
    """The DAG of a file, for pods of the cluster."""
    return both_texts(path, root, image, **options)[0]


def both_texts(path: Path, root: str, image: str, **options: object) -> tuple[str, str]:
    """The same, with the manifest beside it."""
    given: dict[str, object] = {
        "root": root,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "namespace": NAMESPACE,
        "env": store_inside(os.environ.get("FLOWC_S3_INSIDE")),
        "env_from_secrets": (SECRET,),
        "config_file": os.environ["KUBECONFIG"],
        "in_cluster": False,
    }
    text, manifest, diagnostics = emit_both(path, **{**given, **options})
    assert not [item for item in diagnostics if item.severity == "error"]
    return text.replace(EXAMPLE_IMAGE, PYTHON_IMAGE), manifest


@pytest.mark.parametrize("name", IMAGES)
def test_an_example_leaves_the_artifacts_of_the_local_engine(
    name: str, airflow: Airflow, root: str, tmp_path: Path
) -> None:
    path = REPOSITORY / "examples" / f"{name}.py"
    expected = run_locally(path, tmp_path / "local")
    result = airflow.run(dag_text(path, root, IMAGES[name]), tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert_same_artifacts(Run.latest(expected.parent.id, root=root), expected)
    if name in {"gpu_training", "gpu_pipeline"}:
        assert re.search(r"Successfully assigned \S+/train-\S+ to gpu-", result.stdout + result.stderr)


def test_timeouts_end_steps_as_they_do_here(airflow: Airflow, root: str, tmp_path: Path) -> None:
    """`finally`, `@catch`, `@retry`; the flow itself checks what came of each."""
    path = REPOSITORY / "tests" / "cluster" / "flows" / "timeouts.py"
    expected = run_locally(path, tmp_path / "local", "--timeout-grace", "40")
    result = airflow.run(dag_text(path, root, PYTHON_IMAGE, timeout_grace=40), tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert_same_artifacts(Run.latest(expected.parent.id, root=root), expected)


def test_every_example_has_an_image() -> None:
    """But for the gang, whose pods a live Airflow starts: see test_live_pods.py."""
    assert {*IMAGES, "parallel_sum"} == set(runs_on("airflow.py"))


def test_hostile_values_arrive_exactly(airflow: Airflow, root: str, tmp_path: Path) -> None:
    result = airflow.run(dag_text(write(tmp_path, VALUES), root, PYTHON_IMAGE), tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("ValuesFlow", root=root)
    assert run["end"].task.data.result == (0, ["Pp", "Qq"])
    assert run["start"].task.data.variable == HOSTILE
    assert run["start"].task.data.values == [HOSTILE, {"a": [1, "{{ x }}"]}, None, True, 1.0]


def test_code_in_a_config_map(airflow: Airflow, root: str, tmp_path: Path) -> None:
    path = REPOSITORY / "examples" / "nested_foreach.py"
    expected = run_locally(path, tmp_path / "local")
    text, manifest = both_texts(path, root, OLD_PYTHON_IMAGE, code="configmap")
    cluster = Cluster(root)
    cluster.kubectl("apply", "--server-side", "-f", "-", text=manifest)
    try:
        result = airflow.run(text, tmp_path)
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", text=manifest)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert_same_artifacts(Run.latest(expected.parent.id, root=root), expected)


def test_steps_find_what_they_ask_for(airflow: Airflow, root: str, tmp_path: Path) -> None:
    cluster = Cluster(root)
    cluster.kubectl("apply", "-f", "-", text=OBJECTS)
    try:
        result = airflow.run(dag_text(FLOW, root, PYTHON_IMAGE, gpu=LAB), tmp_path)
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", text=OBJECTS)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    check_found(Run.latest("SpecsFlow", root=root)["end"].task.data)


def test_containers_get_exact_values_and_their_output_is_logged(airflow: Airflow, root: str, tmp_path: Path) -> None:
    """The flow itself checks what arrives."""
    path = REPOSITORY / "tests" / "cluster" / "flows" / "containers.py"
    result = airflow.run(dag_text(path, root, PYTHON_IMAGE), tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert Run.latest("ContainersFlow", root=root)["end"].task.data.way == "left"
    assert "$(HOME) $x" in result.stdout + result.stderr


def test_a_failed_container_fails_its_task(airflow: Airflow, root: str, tmp_path: Path) -> None:
    path = REPOSITORY / "tests" / "cluster" / "flows" / "failing_container.py"
    result = airflow.run(dag_text(path, root, PYTHON_IMAGE, timeout_grace=15), tmp_path)
    said = result.stdout + result.stderr
    assert result.returncode != 0, said[-5000:]
    assert "container main has ended with 42 (Error)" in said
    assert "before" in said
    assert "step gives_up has failed for good (exit code 79)" in said
    assert "step fails has failed for good" not in said


def test_init_containers_and_sidecars_run_beside_steps(airflow: Airflow, root: str, tmp_path: Path) -> None:
    path = REPOSITORY / "tests" / "cluster" / "flows" / "sidecars.py"
    result = airflow.run(dag_text(path, root, PYTHON_IMAGE), tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert Run.latest("SidecarsFlow", root=root)["end"].task.data.copied == "made\n"


def test_four_managers_know_the_pod(airflow: Airflow, root: str, tmp_path: Path) -> None:
    with fetching_flow(Cluster(root), tmp_path) as file:
        text = dag_text(file, root, PYTHON_IMAGE)
        result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    check_fetched(Run.latest("FetchedFlow", root=root), text + result.stdout + result.stderr)
