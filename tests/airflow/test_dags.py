"""Emitted DAGs on real Airflow: `airflow dags test` with the local operator leaves what `flowc run` leaves.

Needs the environments of `tests/airflow/setup`; a test without its environment is skipped.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.emitting import emit, write
from tests.airflow.engine import Airflow, contents
from tests.airflow.flows import CAUGHT, HOSTILE, LATE, NESTED, VALUES
from tests.cluster.cluster import run_locally
from tests.conftest import REPOSITORY, runs_on
from tests.runtime.noticeserver import served
from tests.trials import strings

pytestmark = pytest.mark.airflow

SERIES = ["3.3", "2.11"]
FLOWS = REPOSITORY / "tests" / "cluster" / "flows"
EXAMPLES = {
    # `dags test` runs one task at a time, and the members of a gang wait for each other: test_live.py has that one.
    **{name: path for name, path in runs_on("airflow-local.py").items() if name != "parallel_sum"},
    **{name: FLOWS / f"{name}.py" for name in ("crossing", "hooked", "recursion", "switches", "wrapped")},
}
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


@pytest.fixture(scope="module", params=SERIES)
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Each Airflow that is installed."""
    return Airflow.of_series(request.param, tmp_path_factory.mktemp("airflow"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leaves_the_artifacts_of_the_local_engine(name: str, airflow: Airflow, tmp_path: Path) -> None:
    if name == "two_models":
        pytest.importorskip("sklearn")
    expected = run_locally(EXAMPLES[name], tmp_path / "local")
    root = tmp_path / "store"
    text, _ = emit(EXAMPLES[name], operator="local", root=str(root))
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest(expected.parent.id, root=str(root))
    assert run.successful
    assert contents(run) == contents(expected)


def test_hostile_values_a_retry_and_nothing_to_do(airflow: Airflow, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, VALUES), operator="local", root=str(root), tags=("tag",))
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("ValuesFlow", root=str(root))
    assert run["end"].task.data.result == (0, ["Pp", "Qq"])
    assert run["task"].task.attempt == 1
    assert run["start"].task.data.variable == HOSTILE
    assert run["start"].task.data.values == [HOSTILE, {"a": [1, "{{ x }}"]}, None, True, 1.0]


def test_random_strings_arrive_exactly(airflow: Airflow, tmp_path: Path) -> None:
    """Those of the trial `strings`, half a hundred of them."""
    hostile = list(dict.fromkeys(strings.hostile(17, number) for number in range(60)))[:50]
    file = strings.written(tmp_path, hostile, mapped=True)
    text = strings.emitted_text(file, hostile, "airflow", operator="local")
    result = airflow.run(text, tmp_path, json.dumps(strings.given(hostile)))
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("StringsFlow", root=str(tmp_path / "airflow"))
    assert {text: wrong for text, wrong in strings.changed_in(run, "Airflow", hostile).items() if wrong} == {}


def test_foreach_three_deep(airflow: Airflow, tmp_path: Path) -> None:
    path = write(tmp_path, NESTED)
    expected = run_locally(path, tmp_path / "local")
    root = tmp_path / "store"
    result = airflow.run(emit(path, operator="local", root=str(root))[0], tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert contents(Run.latest("NestedFlow", root=str(root))) == contents(expected)


def test_parameters_of_a_run(airflow: Airflow, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, REQUIRED), operator="local", root=str(root))
    result = airflow.run(text, tmp_path, '{"limit": 4, "text": "{{ run_id }} $(x)"}')
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert Run.latest("RequiredFlow", root=str(root))["start"].task.data.values == [4, "{{ run_id }} $(x)"]


def test_what_catch_takes_on_a_schedule_in_a_time_zone(airflow: Airflow, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, CAUGHT), operator="local", root=str(root))
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("CaughtFlow", root=str(root))
    assert run["start"].task.data.failure.type.endswith("FailureHandledByCatch")
    assert run["start"].task.attempt == 2
    assert run["join"].task.data.kinds == ["builtins.ZeroDivisionError", None]
    assert run["join"].task.data.branch == "prod"
    assert {task.data.token for task in run["each"] if task.successful} == {"7"}


SCHEDULED = """\
@schedule(cron=["0 5 * * *", "{second}"], timezone="Europe/Berlin")
class ScheduledFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_several_crons(airflow: Airflow, tmp_path: Path) -> None:
    """Airflow 2 takes those that one expression has."""
    of_2 = airflow.environment.name.endswith("-2.11")
    file = write(tmp_path, SCHEDULED.format(second="0 17 * * *" if of_2 else "30 17 * * *"))
    text, _ = emit(file, operator="local", root=str(tmp_path / "store"))
    assert ("schedule=several_crons(" in text) != of_2
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]


@pytest.mark.parametrize("fails", [False, True])
def test_exit_hooks(airflow: Airflow, tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind of them runs; that a hook fails changes nothing, and neither does that one succeeds."""
    hook_calls = tmp_path / "hook_calls"
    hook_calls.mkdir()
    monkeypatch.setenv("HOOKS_FOLDER", str(hook_calls))
    flow = FLOWS / "hooks.py"
    text, _ = emit(flow, operator="local", root=str(tmp_path / "store"))
    result = airflow.run(text, tmp_path, conf='{"fail": true}' if fails else "{}")
    assert result.returncode == fails, result.stdout[-2000:] + result.stderr[-2000:]
    assert [path.name for path in hook_calls.iterdir()] == (["error"] if fails else ["success-True"])


def test_a_hook_for_errors_alone_makes_no_success(airflow: Airflow, tmp_path: Path) -> None:
    flow = (FLOWS / "hooks.py").read_text()
    path = write(tmp_path, flow.replace("on_success=[thank, broken], ", ""))
    text, _ = emit(path, operator="local", root=str(tmp_path / "store"))
    assert airflow.run(text, tmp_path, conf='{"fail": true}').returncode == 1


CACHED = """\
class CachedFlow(FlowSpec):
    rows = Parameter("rows", default=2)

    @cache
    @step
    def start(self):
        self.items = list(range(self.rows))
        self.next(self.work, foreach="items")

    @cache
    @step
    def work(self):
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(item.square for item in inputs)
        self.next(self.end)

    @cache
    @step
    def end(self):
        self.told = f"total {self.total}"
"""


def test_a_second_run_takes_tasks_from_the_cache(airflow: Airflow, tmp_path: Path) -> None:
    """Of three items two are known; what reads another total runs again."""
    text, _ = emit(write(tmp_path, CACHED), operator="local", root=str(tmp_path / "store"))
    taken: list[list[str]] = []
    for number, rows in enumerate((2, 2, 3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        result = airflow.run(text, folder, f'{{"rows": {rows}}}')
        assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
        run = Run.latest("CachedFlow", root=str(tmp_path / "store"))
        assert run["end"].task.data.told == f"total {sum(item**2 for item in range(rows))}"
        taken.append(sorted(task.id for step in run for task in step if task.origin_pathspec is not None))
    assert taken == [[], ["end", "start", "work-0", "work-1"], ["work-0", "work-1"]]


def test_a_share_of_the_items_fails(airflow: Airflow, tmp_path: Path) -> None:
    path, root = FLOWS / "failed_items.py", tmp_path / "store"
    for options in ({}, {"batch": {"start": "4x2"}}):
        folder = tmp_path / f"run{len(options)}"
        folder.mkdir()
        result = airflow.run(emit(path, operator="local", root=str(root), **options)[0], folder)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
        data = Run.latest("FailedItemsFlow", root=str(root))["end"].task.data
        assert data.good == [0, 3]
        assert data.bad == [[1, "first", "ValueError"], [2, "first", "TaskKilled"]]


FINAL = """\
class FinalFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0, on=["lost", "oom"], never=[ValueError])
    @step
    def start(self):
        import os

        from flowc import current

        if not current.retry_count:
            os.kill(os.getpid(), 9)
        print("it ran")
        raise KeyError("always")
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_a_failure_that_retry_is_not_for_is_the_end(airflow: Airflow, tmp_path: Path) -> None:
    text, _ = emit(write(tmp_path, FINAL), operator="local", root=str(tmp_path / "store"))
    result = airflow.run(text, tmp_path)
    assert result.returncode != 0
    assert "it ran" in result.stdout + result.stderr
    assert Run.latest("FinalFlow", root=str(tmp_path / "store"))["start"].task.current_attempt == 1


def test_a_failing_step_fails_the_run(airflow: Airflow, tmp_path: Path) -> None:
    root = tmp_path / "store"
    text, _ = emit(write(tmp_path, FAILING), operator="local", root=str(root))
    result = airflow.run(text, tmp_path)
    output = result.stdout + result.stderr
    assert "ValueError: always" in output
    assert "step start ended with exit code 1" in output
    run = Run.latest("FailingFlow", root=str(root))
    assert not run.successful
    assert run["start"].task.attempt == 1
    assert [step.name for step in run] == ["start"]


def test_a_step_that_takes_too_long_is_stopped(airflow: Airflow, tmp_path: Path) -> None:
    text, _ = emit(write(tmp_path, SLOW), operator="local", root=str(tmp_path / "store"))
    result = airflow.run(text, tmp_path)
    assert "imeout" in result.stdout + result.stderr
    assert not list((tmp_path / "store").glob("SlowFlow/*/start/*/*/manifest.json"))


def test_a_file_that_stands_alone_waits_for_a_deadline(airflow: Airflow, tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(LATE.format(notify='on="late", webhook="http://127.0.0.1:9/told"'))
    text, _ = emit(path, operator="local", root=str(tmp_path / "store"))
    assert "on_failure_callback=late_notice(" in text
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]


CALLED_BACK = """\
import sys
import structlog
from airflow.sdk.execution_time.callback_supervisor import execute_callback

for seconds, ended in ((9, "2026-01-31T00:00:09Z"), (None, None)):
    run = {"dag_run_id": f"manual:{seconds}", "duration": seconds, "end_date": ended}
    context = {"context": {"dag_run": run, "deadline": {}}}
    print(execute_callback("unusual_prefix_0_flow.LATE", context, "flow.py", sys.argv[1], structlog.get_logger()))
"""


@pytest.mark.parametrize("operator", ["local", "kubernetes"])
def test_a_deadline_alert_finds_its_callback_in_the_dag_file(airflow: Airflow, tmp_path: Path, operator: str) -> None:
    """Airflow's executors execute the file anew for it. A run that has failed in time is not late."""
    if airflow.environment.name == "env-2.11":
        pytest.skip("Airflow 2 has no deadline alerts")
    path = tmp_path / "late.py"
    with served() as server:
        path.write_text(LATE.format(notify=f'on="late", webhook="{server.url}/told"'))
        text, _ = emit(path, operator=operator, root=str(tmp_path / "store"), deadline_alerts=True)
        (tmp_path / "flow.py").write_text(text)
        command = [str(airflow.environment / "bin" / "python"), "-c", CALLED_BACK, str(tmp_path)]
        variables = airflow.variables(airflow.new_home(tmp_path), tmp_path)
        result = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        assert result.stdout.count("(True, None)") == 2, result.stdout + result.stderr
        assert [(path, body["event"], body["run"]) for path, _, body in server.posts] == [
            ("/told", "late", "manual=3ANone")
        ]
