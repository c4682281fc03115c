"""Emitted DAGs on real Airflow: `airflow dags test` with the local operator leaves what `flowc run` leaves.

Needs the environments of `tests/airflow/setup`; a test without its environment is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.airflow.emitting import emit, write
from tests.airflow.flows import HOSTILE, NESTED, VALUES
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.airflow

HERE = Path(__file__).parent
SERIES = ["3.3", "2.11"]
EXAMPLES = {path.stem: path for path in sorted((REPOSITORY / "examples").glob("*.py"))}
FAILING = """\
class FailingFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        print("it ran")
        raise ValueError("always")
        self.next(self.end)

    @step
    def end(self):
        pass
"""
REQUIRED = """\
class RequiredFlow(FlowSpec):
    limit = Parameter("limit", type=int, required=True)
    text = Parameter("text", default="x")

    @step
    def start(self):
        self.values = [self.limit, self.text]
        self.next(self.end)

    @step
    def end(self):
        pass
"""
SLOW = """\
class SlowFlow(FlowSpec):
    @timeout(seconds=2)
    @step
    def start(self):
        import time

        time.sleep(120)
        self.next(self.end)

    @step
    def end(self):
        pass
"""

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", params=SERIES)
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Launch:
    """A function that runs one DAG file by `airflow dags test`, each with a metadata database of its own."""
    series: str = request.param
    environment = HERE / f"env-{series}"
    if not (environment / "ready").exists():
        pytest.skip(f"{environment.relative_to(REPOSITORY)} is not there: run tests/airflow/setup {series}")
    template = tmp_path_factory.mktemp("airflow")
    _airflow(environment, template, template, "db", "migrate")

    def launch(text: str, folder: Path, conf: str = "{}") -> subprocess.CompletedProcess[str]:
        home, dags = folder / "home", folder / "dags"
        home.mkdir()
        dags.mkdir()
        shutil.copy(template / "airflow.db", home)
        (dags / "flow.py").write_text(text)
        dag_id = text.split('dag_id="', 1)[1].split('"', 1)[0]
        return _airflow(environment, home, dags, "dags", "test", dag_id, "-c", conf, check=False)

    return launch


def _airflow(
    environment: Path, home: Path, dags: Path, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    variables = {
        **os.environ,
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        # The steps run in the environment of these tests, so that both engines have the same libraries.
        "FLOWC_PYTHON": sys.executable,
    }
    # Airflow's handler of SIGTERM waits for its tasks: -k ends what is left.
    command = ["timeout", "-k", "5", "180", str(environment / "bin" / "airflow"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=check)


def only_run(root: Path, flow: str) -> Run:
    """The run in a store that has one."""
    (name,) = (path.name for path in (root / flow).iterdir() if path.name != "data")
    return Run(f"{flow}/{name}", root=str(root))


def contents(run: Run) -> dict[str, dict[str, Any]]:
    """Task id to the artifacts, as (hash, size) or as the value that stands in the manifest."""
    return {
        task.id: {
            "index": task.index,
            "attempt": task.attempt,
            **{name: task.manifest["artifacts"].get(name) for name in task.artifacts},
        }
        for step in run
        for task in step
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leaves_the_artifacts_of_the_local_engine(name: str, airflow: Launch, tmp_path: Path) -> None:
    if name == "two_models":
        pytest.importorskip("sklearn")
    expected = run_locally(EXAMPLES[name], tmp_path)
    root = tmp_path / "store"
    text, _ = emit(EXAMPLES[name], operator="local", root=str(root))
    result = airflow(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = only_run(root, expected.flow)
    assert run.successful
    assert contents(run) == contents(expected)


def run_locally(path: Path, folder: Path) -> Run:
    """The same flow by `flowc run`."""
    store, id_file = folder / "local", folder / "run-id"
    command = [sys.executable, "-m", "flowc_cli", "run", str(path), "--root", str(store), "--run-id-file", str(id_file)]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    (flow,) = (item.name for item in store.iterdir())
    return Run(f"{flow}/{id_file.read_text().strip()}", root=str(store))


def test_hostile_values_a_retry_and_nothing_to_do(airflow: Launch, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, VALUES), operator="local", root=str(root), tags=("tag",))
    result = airflow(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = only_run(root, "ValuesFlow")
    assert run["end"].task.data.result == (0, ["Pp", "Qq"])
    assert run["task"].task.attempt == 1
    assert run["start"].task.data.variable == HOSTILE
    assert run["start"].task.data.values == [HOSTILE, {"a": [1, "{{ x }}"]}, None, True, 1.0]


def test_foreach_three_deep(airflow: Launch, tmp_path: Path) -> None:
    path = write(tmp_path, NESTED)
    expected = run_locally(path, tmp_path)
    root = tmp_path / "store"
    result = airflow(emit(path, operator="local", root=str(root))[0], tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert contents(only_run(root, "NestedFlow")) == contents(expected)


def test_parameters_of_a_run(airflow: Launch, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, REQUIRED), operator="local", root=str(root))
    result = airflow(text, tmp_path, '{"limit": 4, "text": "{{ run_id }} $(x)"}')
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert only_run(root, "RequiredFlow")["start"].task.data.values == [4, "{{ run_id }} $(x)"]


def test_a_failing_step_fails_the_run(airflow: Launch, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, FAILING), operator="local", root=str(root))
    result = airflow(text, tmp_path)
    output = result.stdout + result.stderr
    assert "ValueError: always" in output
    assert "step start ended with exit code 1" in output
    run = only_run(root, "FailingFlow")
    assert not run.successful
    assert run["start"].task.attempt == 1
    assert [step.name for step in run] == ["start"]


def test_a_step_that_takes_too_long_is_stopped(airflow: Launch, tmp_path: Path) -> None:
    text, _ = emit(write(tmp_path, SLOW), operator="local", root=str(tmp_path / "store"))
    result = airflow(text, tmp_path)
    assert "imeout" in result.stdout + result.stderr
    assert not list((tmp_path / "store").glob("SlowFlow/*/start/*/*/manifest.json"))
