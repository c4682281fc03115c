"""A live Airflow by the commands that a user types: submit, status, logs, stop.

    pytest -m live tests/airflow

Needs the environments of `tests/airflow/setup`; a test without its environment is skipped.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.engine import contents
from tests.airflow.live import Live, processes
from tests.airflow.liveflows import FAILING, FIRST, GANG, MENDED, SECOND, STOPPED, VALUES
from tests.cluster.cluster import run_locally
from tests.conftest import REPOSITORY, runs_on

pytestmark = pytest.mark.live

FLOWS = REPOSITORY / "tests" / "cluster" / "flows"
RUNNABLE = {
    # Airflow refuses a lock whose pool nobody has made: test_live_notices.py has one.
    **{name: path for name, path in runs_on("airflow-local.py").items() if name != "shared_warehouse"},
    "switches": FLOWS / "switches.py",
    "recursion": FLOWS / "recursion.py",
}
HOSTILE = "{{ dag_run.conf }} {% raw %} {# $(HOME) $$ $ 'one' \"two\" \\ \r\n\tü 😀 \u2028 - !!python/object .md"
LONG = "".join(f"{{{{item {number}}}}} costs ${number}\n" for number in range(4000))[:80_000]


def written(folder: Path, source: str) -> Path:
    """A file with the flow."""
    path = folder / "flow_file.py"
    path.write_text(source)
    return path


def run_of(live: Live, done: subprocess.CompletedProcess[str]) -> Run:
    """The run that a command has printed, as the store has it."""
    return Run(done.stdout.splitlines()[0], root=str(live.root))


def name_of(done: subprocess.CompletedProcess[str]) -> str:
    """Airflow's name of the run that was submitted."""
    found = re.search(r"^submitted as (\S+)$", done.stderr, re.MULTILINE)
    assert found is not None, done.stderr
    return found[1]


@pytest.mark.parametrize("name", RUNNABLE)
def test_an_example_leaves_the_artifacts_of_the_local_engine(name: str, live: Live, tmp_path: Path) -> None:
    if name == "two_models":
        pytest.importorskip("sklearn")
    expected = run_locally(RUNNABLE[name], tmp_path / "local")
    done = live.submit(RUNNABLE[name], "--watch")
    assert done.returncode == 0, done.stderr + live.said()
    assert contents(run_of(live, done)) == contents(expected)
    lines = done.stderr.splitlines()
    assert lines[-1].startswith(f"{done.stdout.strip()} ({name_of(done)}) succeeded, ")
    state = live.status(name_of(done))
    ran = {task["task"] for task in state["tasks"] if task["phase"] == "succeeded"}
    assert ran == {task.id.replace("-", "/", 1) for step in expected for task in step}
    # Each behind its time.
    assert {f"{task} succeeded" for task in ran} <= {line.partition(" ")[2].partition(",")[0] for line in lines}
    last = state["tasks"][-1]["step"]
    local = live.flowc("logs", f"{expected.pathspec}/{last}", "--root", str(tmp_path / "local"))
    assert live.logs(name_of(done), last) == local.stdout.splitlines()


def test_values_arrive_as_they_are_typed(live: Live, tmp_path: Path) -> None:
    tree = {"a": [1, HOSTILE, None], "ü": {"": 1.5}}
    given = {
        "text": HOSTILE,
        "empty-text": "",
        "tree": json.dumps(tree),
        "count": "-3",
        "ratio": "1e-9",
        "flag": "true",
    }
    options = [part for name, value in given.items() for part in ("-p", f"{name}={value}")]
    done = live.submit(written(tmp_path, VALUES), *options, "--wait")
    assert done.returncode == 0, done.stderr
    run = run_of(live, done)
    assert run["start"].task.data.seen == [HOSTILE, "", tree, -3, 1e-9, True, "{{ dag_run }} $(HOME)"]
    # Of what is deployed, too; and as long as it may be.
    again = live.flowc("submit", "--target", "airflow", "--from", "Values", "-p", f"text={LONG}", "--wait", "--json")
    assert again.returncode == 0, again.stderr
    run = Run(json.loads(again.stdout)["run"], root=str(live.root))
    assert run["start"].task.data.seen == [LONG, "not empty", {}, 1, 0.5, False, "{{ dag_run }} $(HOME)"]
    wrong = live.flowc("submit", "--target", "airflow", "--from", "Values", "-p", "count=many")
    assert wrong.returncode == 2
    assert "error[FC303]" in wrong.stderr
    longer = live.flowc("submit", "--target", "airflow", "--from", "Values", "-p", f"text={LONG}{LONG[:20_000]}")
    assert longer.returncode == 2
    assert "error[FC503]: the value of parameter 'text' is longer than 90,000 bytes" in longer.stderr


def test_a_run_that_fails(live: Live, tmp_path: Path) -> None:
    done = live.submit(written(tmp_path, FAILING), "--watch", "--json")
    assert done.returncode == 1, done.stderr
    assert "work/1 failed after 2 attempts" in done.stderr
    state = json.loads(done.stdout)
    assert {task["task"]: task["phase"] for task in state["tasks"]} == {
        "start": "succeeded", "work/0": "succeeded", "work/1": "failed", "join": "skipped", "end": "skipped",
    }  # fmt: skip
    shown = live.flowc("status", state["name"], "--target", "airflow")
    assert shown.returncode == 0
    assert "work  1 of 2 tasks, 1 failed, 1 retried" in shown.stdout
    assert live.flowc("status", state["name"], "--target", "airflow", "--wait").returncode == 1
    lines = live.logs(state["name"], "work")
    assert lines[0] == "[work/0] attempt 0 of good"
    assert "[work/1] attempt 0 of bad" in lines
    assert "[work/1 attempt 1] attempt 1 of bad" in lines
    assert "[work/1 attempt 1] ValueError: this one is bad" in lines
    assert live.logs(state["name"], "work/0") == lines[:1]
    nowhere = live.flowc("logs", state["name"], "nothing", "--target", "airflow")
    assert nowhere.returncode == 2
    assert "its steps are start, work" in nowhere.stderr


def test_failed_tasks_are_cleared(live: Live, tmp_path: Path) -> None:
    """Airflow's own way to resume: the run goes on, and what had succeeded does not run again."""
    mended = tmp_path / "mended"
    done = live.submit(written(tmp_path, MENDED), "--env", f"MENDED={mended}", "--wait")
    assert done.returncode == 1, done.stderr
    mended.touch()
    live.airflow("tasks", "clear", "--only-failed", "--yes", "Mended")
    live.until(name_of(done), "succeeded")
    run = Run(done.stdout.strip(), root=str(live.root))
    assert run.successful
    assert {task.id: task.attempt for step in run for task in step} == {
        "start": 0, "work-0": 0, "work-1": 2, "join": 0, "end": 0,
    }  # fmt: skip
    assert "[work/1 attempt 2] attempt 2 of bad" in live.logs(name_of(done), "work/1")


@pytest.mark.parametrize("how", [(), ("--terminate",)], ids=["stop", "terminate"])
def test_a_run_is_stopped(how: tuple[str, ...], live: Live, tmp_path: Path) -> None:
    hook_calls = tmp_path / "hook_calls"
    hook_calls.mkdir()
    options = ["--env", f"HOOKS_FOLDER={hook_calls}", "--set", f"dag_id=stopped-{len(how)}"]
    done = live.submit(written(tmp_path, STOPPED), *options)
    assert done.returncode == 0, done.stderr
    name = name_of(done)
    live.until(name, "running", "work")
    followed = live.start("logs", name, "work/1", "--target", "airflow", "--follow")
    assert followed.stdout is not None
    assert followed.stdout.readline() == "[work/1] second 0\n"
    stopped = live.flowc("stop", name, "--target", "airflow", *how)
    assert stopped.returncode == 0, stopped.stderr
    state = live.until(name, "failed")
    assert followed.wait(60) == 0
    followed.stdout.close()
    assert {task["task"]: task["attempts"] for task in state["tasks"] if task["step"] == "work"} == {
        "work/0": 1, "work/1": 1,
    }  # fmt: skip
    wait_for(lambda: not steps_of(state["root"], "work"), live)
    run = Run(done.stdout.strip(), root=str(live.root))
    wait_for(lambda: bool(how) or len(list(hook_calls.iterdir())) == 1, live)
    assert [path.name for path in hook_calls.iterdir()] == ([] if how else [f"{run.id} False"])
    again = live.flowc("stop", name, "--target", "airflow")
    assert again.returncode == 2
    assert "has already failed" in again.stderr


@pytest.mark.parametrize("killed", ["the step", "the worker"])
def test_a_member_of_a_gang_is_killed(killed: str, live: Live, tmp_path: Path) -> None:
    """All begin again, and their answer is right; also where a worker that is gone leaves its step's process behind."""
    done = live.submit(written(tmp_path, GANG), "--set", f"dag_id=gang-{killed.split()[1]}")
    assert done.returncode == 0, done.stderr
    state = live.until(name_of(done), "running", "add")
    main = Path(state["root"], *done.stdout.strip().split("/"), "add", "0", "0", "member.json")
    wait_for(lambda: main.exists() and "roll" in main.read_text(), live)
    time.sleep(2)  # they have met: each sleeps in the step's code now
    found = steps_of(state["root"], "add", "2")  # the keeper of its output, and the task that is the keeper's child
    (keeper,) = (process for process in found if parent(process) not in found)
    (member,) = (process for process in found if process != keeper)
    os.kill(member if killed == "the step" else parent(keeper), signal.SIGKILL)
    ended = live.flowc("status", name_of(done), "--target", "airflow", "--wait")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = Run(done.stdout.strip(), root=str(live.root))
    assert run["join"].task.data.totals == {500500}
    assert {task.attempt for task in run["add"]} == {1}, "the whole gang started over, once"
    assert not steps_of(state["root"], "add")


@pytest.mark.parametrize("fails", [False, True])
def test_exit_hooks(fails: bool, live: Live, tmp_path: Path) -> None:
    hook_calls = tmp_path / "hook_calls"
    hook_calls.mkdir()
    options = ["--env", f"HOOKS_FOLDER={hook_calls}", "--set", f"dag_id=hooks-{fails}", "-p", f"fail={fails}"]
    done = live.submit(FLOWS / "hooks.py", *options, "--wait")
    assert done.returncode == fails, done.stderr
    assert [path.name for path in hook_calls.iterdir()] == (["error"] if fails else ["success-True"])


def test_a_flow_starts_when_another_has_finished(live: Live, tmp_path: Path) -> None:
    compiled = live.dags / "second.py"
    options = ["--target", "airflow", "--operator", "local", "--root", str(live.root), "-o", str(compiled)]
    assert live.flowc("compile", str(written(tmp_path, SECOND)), *options).returncode == 0
    start = ("submit", "--target", "airflow", "--from", "Second")
    # As is Airflow's default for what starts by itself.
    wait_for(lambda: "DAG Second is paused" in live.flowc(*start).stderr, live)
    live.airflow("dags", "unpause", "Second")
    wait_for(lambda: live.flowc(*start).returncode == 0, live)
    wait_for(lambda: [run["phase"] for run in live.runs("Second")] == ["succeeded"], live)
    assert live.submit(written(tmp_path, FIRST), "--wait").returncode == 0
    wait_for(lambda: [run["phase"] for run in live.runs("Second")] == ["succeeded"] * 2, live)
    newest = live.runs("Second")[0]
    assert newest["name"].startswith(("Second/asset_triggered__", "Second/dataset_triggered__"))
    assert Run(newest["run"], root=str(live.root))["start"].task.data.said == "by default"


def test_what_airflow_does_not_take(live: Live, tmp_path: Path) -> None:
    file = written(tmp_path, FIRST.replace("First", "Elsewhere"))
    options = ["--target", "airflow", "--operator", "local", "--root", str(live.root)]
    absent = live.flowc("submit", str(file), *options)
    assert (absent.returncode, "error[FC611]: Airflow has no DAG Elsewhere" in absent.stderr) == (2, True)
    pool = live.submit(file, "--set", "pool=puddle")
    assert (pool.returncode, "error[FC611]: Airflow has no pool 'puddle'" in pool.stderr) == (2, True)
    resumed = live.submit(file, "--resume", "some-run")
    assert (resumed.returncode, "error[FC501]" in resumed.stderr) == (2, True)
    unknown = live.flowc("status", "No/such", "--target", "airflow")
    assert (unknown.returncode, "error[FC602]: Airflow has no run 'No/such'" in unknown.stderr) == (2, True)
    checked = live.flowc("compile", str(file), *options, "--check-server", "--set", "pool=puddle")
    assert (checked.returncode, "error[FC611]: Airflow has no pool 'puddle'" in checked.stderr) == (2, True)


@pytest.mark.parametrize(
    ("variables", "said", "help_"),
    [
        ({"AIRFLOW_API_PASSWORD": "wrong"}, "error[FC610]", "AIRFLOW_API_PASSWORD"),
        (
            {"AIRFLOW_API_USER": "", "AIRFLOW_API_PASSWORD": ""},
            "Airflow requires a login",
            "AIRFLOW_API_PASSWORD",
        ),
        ({"AIRFLOW_API_TOKEN": "nonsense"}, "error[FC610]", "AIRFLOW_API_TOKEN"),
        ({"AIRFLOW_API_URL": "http://127.0.0.1:1"}, "does not answer", "AIRFLOW_API_URL"),
        ({"AIRFLOW_API_URL": "{url}/api"}, "does not have Airflow's API", "AIRFLOW_API_URL"),
        ({"AIRFLOW_API_URL": "https://{place}"}, "does not answer", "write http://"),
    ],
)
def test_access_that_is_none(variables: dict[str, str], said: str, help_: str, live: Live) -> None:
    place = live.url.removeprefix("http://")
    own = {name: value.format(url=live.url, place=place) for name, value in variables.items()}
    done = live.flowc("status", "--target", "airflow", **own)
    assert done.returncode == (2 if "requires a login" in said else 3), done.stderr
    assert said in done.stderr
    assert help_ in done.stderr.partition("= help: ")[2]
    assert live.password not in done.stderr


def wait_for(good: Callable[[], bool], live: Live, seconds: float = 180) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline, live.said()
        time.sleep(1)


def steps_of(root: str, step: str, index: str | None = None) -> list[int]:
    """The processes of a step's tasks whose store is that one, or of one task."""
    found: list[int] = []
    for process in processes():
        try:
            words = Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")
            variables = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
        except OSError:
            continue
        place = " ".join(words)
        if f"FLOWC_ROOT={root}" in variables and f" task --step {step} --index {index or ''}" in place:
            found.append(process)
    return found


def parent(process: int) -> int:
    """The process that has started another."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
