"""The runner of several tasks in one pod: their order, their attempts, and what a pod that is lost leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from flowc.client.log_records import read_log, stream_bytes
from flowc.errors import StoreError
from flowc.protocol.plan import Plan
from flowc.shim import pod_group
from flowc.shim.group_records import beginning_with
from flowc.shim.group_schedule import GroupSchedule
from tests.runtime.faultserver import FaultServer
from tests.runtime.shim import Shim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BATCH = """
    import os, signal, time
    from pathlib import Path
    from flowc import FlowSpec, catch, current, environment, retry, step, timeout

    class Batch(FlowSpec):
        @step
        def start(self):
            self.items = list(range(7))
            self.next(self.work, foreach="items")

        @retry(times=2, minutes_between_retries=0)
        @catch(var="caught")
        @environment(vars={"OWN": "1"})
        @step
        def work(self):
            print("work", self.index, self.input, current.retry_count, current.task_id)
            with open(os.environ["RAN"], "a") as file:
                file.write(f"{self.index}\\n")
            self.tries = current.retry_count
            self.own = os.environ["OWN"]
            {body}
            self.next(self.after)

        @step
        def after(self):
            {after}
            self.next(self.join)

        @step
        def join(self, inputs):
            self.tries = [i.tries for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass
"""


class Pods(Shim):
    """Pods of a batch of `work` and `after`, three items each."""

    def __init__(
        self, folder: Path, body: str = "pass", after: str = "pass", workers: int = 1, root: str | None = None
    ) -> None:
        super().__init__(folder, BATCH.replace("{body}", body).replace("{after}", after), root=root)
        plan = json.loads(self.plan.read_text())
        group = {"steps": ["work", "after"], "workers": workers, "opener": "start", "items_per_task": 3}
        self.plan.write_text(json.dumps({**plan, "groups": {"work": group}}))
        self.env["RAN"] = str(folder / "ran")
        self.task("start")

    def pod(self, number: int, attempt: int = 0, first: int = 0) -> subprocess.Popen[str]:
        """Start a pod of a batch."""
        command = [sys.executable, "-m", "flowc", "group", "--group", "work", "--index", str(number)]
        command += ["--attempt", str(attempt), "--first", str(first)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.variables(), cwd=self.folder, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def ends(self, number: int, attempt: int = 0, first: int = 0) -> tuple[int, str, str]:
        """Run a pod of a batch to its end: exit code, stdout, stderr."""
        process = self.pod(number, attempt, first)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def ran(self) -> list[str]:
        """The items whose code has begun, in order."""
        return (self.folder / "ran").read_text().split()

    def printed(self, step: str, item: int, attempt: int = 0) -> list[str]:
        """The lines that the store has of what an attempt has printed."""
        log = read_log(self.layout.store, self.layout.folder(step, (item,), attempt))
        return [] if log is None else stream_bytes(log.records(), "stdout").decode().splitlines()

    def attempts(self, step: str) -> dict[int, dict[int, list[str]]]:
        """Item to attempt to what that has come to."""
        known = {"manifest.json": "done", "error.json": "failed"}
        return {
            item: {
                number: [known[name] for name in sorted(names) if name in known]
                for number, names in self.layout.attempts(step, (item,)).items()
            }
            for item in range(7)
            if self.layout.attempts(step, (item,))
        }


def waits(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + 30
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.process
def test_objects_of_a_task_end_with_it_and_those_of_the_fork_server_are_left_alone(tmp_path: Path) -> None:
    """A collection over what all tasks share would touch, and so copy, all of it in each."""
    end = "lambda late: print('end of', late.item, gc.get_freeze_count() > 1000)"
    body = f"import gc; globals()['KEPT'] = late = type('Late', (), {{'__del__': {end}}})(); late.item = self.input"
    pods = Pods(tmp_path, body + "; late.me = late")
    pods.env["OWN"] = "1"  # with other variables than the pod has, a task would be a fresh Python
    code, out, err = pods.ends(0)
    assert code == 0, err
    assert [line for line in out.splitlines() if "end" in line] == [f"end of {item} True" for item in range(3)]


@pytest.mark.process
def test_a_failed_item_is_tried_again_without_its_neighbors(tmp_path: Path) -> None:
    once = "if self.input == 1 and current.retry_count < 1: raise ValueError('once')"
    pods = Pods(tmp_path, once)
    assert (tmp_path / "outputs" / "count").read_text() == "3"
    code, out, err = pods.ends(0)
    assert code == 0, err
    assert [line for line in out.splitlines() if line.startswith("work")] == [
        "work 0 0 0 work-0", "work 1 1 0 work-1", "work 1 1 1 work-1", "work 2 2 0 work-2"
    ]  # fmt: skip
    assert "flowc: task work/1 failed at attempt 0 of 0-2: ValueError: once; attempt 1 begins\n" in err
    assert pods.attempts("work") == {0: {0: ["done"]}, 1: {0: ["failed"], 1: ["done"]}, 2: {0: ["done"]}}
    assert pods.value("after", "own", "2") == "1"
    assert [pods.printed("work", 1, number) for number in range(2)] == [["work 1 1 0 work-1"], ["work 1 1 1 work-1"]]
    assert pods.printed("after", 1) == []
    # A run that goes on from this one takes over what is done, in the pod as well.
    pods.env |= {"FLOWC_RUN_ID": "run-2", "FLOWC_ORIGIN_RUN_ID": "run-1"}
    pods.task("start")
    code, _, err = pods.ends(0)
    assert (code, err.count("is taken over from run run-1")) == (0, 6), err
    assert pods.ran() == ["0", "1", "1", "2"]


@pytest.mark.process
def test_a_lost_pod_is_gone_on_with(tmp_path: Path) -> None:
    wait = "Path(os.environ['RAN'] + 'w').touch(); time.sleep(60 if self.input == 1 and not current.retry_count else 0)"
    pods = Pods(tmp_path, wait)
    lost = pods.pod(0)
    waits(lambda: (tmp_path / "ran").exists() and pods.ran() == ["0", "1"])
    lost.kill()
    lost.communicate()
    code, _, err = pods.ends(0)
    assert code == 0, err
    assert pods.ran() == ["0", "1", "1", "2"]
    assert pods.attempts("work") == {0: {0: ["done"]}, 1: {0: [], 1: ["done"]}, 2: {0: ["done"]}}
    assert [pods.value("work", "caught", str(item)) for item in range(3)] == [None] * 3


@pytest.mark.process
@pytest.mark.parametrize("client", ["stdlib", "obstore"])
def test_a_server_lists_each_step_of_a_batch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    """A task writes its record and its manifest, and asks for nothing that its pod has seen."""
    if client == "obstore":
        pytest.importorskip("obstore")
    server = FaultServer()
    for name, value in ("ENDPOINT_URL", server.url), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("FLOWC_S3_CLIENT", client)
    monkeypatch.setenv("FLOWC_LOG_LIMIT", "0")
    pods = Pods(tmp_path, root="s3://bucket/prefix")
    pods.env["OWN"] = "1"
    before = ["start", "start", "work", "start", "start"]  # the runner and the first task list and read that step
    for requests in ([*before[:3], "work 0", *before[3:], "work 0", "after", *("after 0",) * 2], before[:3]):
        server.requests.clear()
        code, _, err = pods.ends(0)
        assert code == 0, err
        found = [_task_of(request) for request in server.requests]
        assert found[: len(requests)] == requests
        assert found.count("work") == found.count("after") == 1
        assert len(found) == len(requests) + (8 if len(requests) > 5 else 7)
    server.stop()


def _task_of(request: str) -> str:
    """`work 3` of a request for a file of that task, `work` of one that lists the step."""
    step, _, rest = unquote(request).partition("/run-1/")[2].partition("/")
    return step if step == "start" or "?" in request else f"{step} {rest.partition('/')[0]}"


@pytest.mark.parametrize(("digits", "count"), [("", 120), ("0", 7), ("1", 1), ("1", 120), ("11", 1200), ("9", 95)])
def test_how_many_items_share_the_digits_of_a_batch(digits: str, count: int) -> None:
    assert beginning_with(digits, count) == sum(str(number).startswith(digits) for number in range(count))


@pytest.mark.process
def test_a_fork_server_that_is_lost_is_replaced_by_a_python_of_its_own(tmp_path: Path) -> None:
    """By then the runner's store is open, whose client may have threads: what is forked would wait for them."""
    server = "print(b'fork-server' in open(f'/proc/{os.getppid()}/cmdline', 'rb').read(), flush=True)"
    killed = "os.kill(os.getppid(), 9) if self.input == 1 and not current.retry_count else None"
    pods = Pods(tmp_path, f"{server}; {killed}; time.sleep(0.2)")
    code, _, err = pods.ends(0)
    assert code == 0, err
    assert pods.attempts("work") == {0: {0: ["done"]}, 1: {0: ["failed"], 1: ["done"]}, 2: {0: ["done"]}}
    assert [pods.printed("work", *of)[1] for of in ((0, 0), (1, 0), (1, 1), (2, 0))] == ["False"] * 2 + ["True"] * 2


@pytest.mark.process
def test_a_pod_that_is_ended_passes_that_on_and_says_so(tmp_path: Path) -> None:
    stopping = "signal.signal(15, lambda *_: exit(7)); Path(os.environ['RAN'] + 'w').touch(); time.sleep(60)"
    pods = Pods(tmp_path, stopping, workers=2)
    process = pods.pod(2)
    waits((tmp_path / "ranw").exists)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 143, (out, err)
    assert "the step called sys.exit(7)" in err
    ended = pods.layout.read_json("Batch/run-1/work/6/0/error.json")
    assert ended is not None
    assert (ended["type"], ended["lost"]) == ("TaskKilled", True)


@pytest.mark.process
def test_a_task_that_fails_for_good_ends_its_pod(tmp_path: Path) -> None:
    killed = "os.kill(os.getpid(), signal.SIGKILL) if self.input == 1 else None"
    pods = Pods(tmp_path, killed, "1 / (self.index - 1)")
    code, _, err = pods.ends(0)
    assert code == 1, err
    # @catch takes over what was killed every time; the step after it fails, and has no @retry.
    assert pods.attempts("work")[1] == {0: ["failed"], 1: ["failed"], 2: ["failed"], 3: ["done"]}
    assert pods.attempts("after") == {0: {0: ["done"]}, 1: {0: ["failed"]}}
    assert pods.ran() == ["0", "1", "1", "1"]
    assert "flowc: task after/1 failed: ZeroDivisionError: division by zero\n" in err
    assert pods.layout.read_json("Batch/run-1/work/1/0/error.json")["message"] == "the task was killed by SIGKILL"  # type: ignore[index]


@pytest.mark.process
def test_a_task_that_kills_its_pods_has_so_many_tries(tmp_path: Path) -> None:
    """As a task does that takes all memory: @retry allows two further attempts, and @catch takes over after these."""
    pods = Pods(tmp_path)
    for number in range(3):
        pods.layout.begin("work", (6,), number, {"version": 1, "started": 1.0})
    code, _, err = pods.ends(2, attempt=3)
    assert code == 0, err
    assert pods.attempts("work") == {6: {0: [], 1: [], 2: [], 3: ["done"]}}
    assert "kept failing over 3 attempts" in str(pods.value("work", "caught", "6"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.process
def test_what_was_lost_with_a_pod_that_was_told_to_end_is_no_failure(tmp_path: Path) -> None:
    pods = Pods(tmp_path)
    record = {"version": 1, "type": "TaskKilled", "message": "", "traceback": "", "created": 1.0}
    for number in range(3):
        pods.layout.write_json(f"Batch/run-1/work/6/{number}/error.json", {**record, "lost": True})
    for number in range(2):  # it has no further attempts, and so no other process is suspected of its end
        pods.layout.begin("after", (6,), number, {"version": 1, "started": 1.0})
    code, _, err = pods.ends(2, attempt=3)
    assert code == 0, err
    assert pods.attempts("work")[6][3] == ["done"]
    assert pods.value("work", "caught", "6") is None
    assert pods.ran() == ["6"]


@pytest.mark.process
def test_what_failed_for_good_is_tried_again_only_when_somebody_asks(tmp_path: Path) -> None:
    pods = Pods(tmp_path)
    record = {"version": 1, "type": "ValueError", "message": "", "traceback": "", "created": 1.0}
    pods.layout.write_json("Batch/run-1/after/6/0/error.json", record)
    code, _, err = pods.ends(2, attempt=1)
    assert (code, "task after/6 has failed" in err) == (1, True)
    code, _, err = pods.ends(2)
    assert code == 0, err


@pytest.mark.process
def test_what_an_engine_clears_runs_again(tmp_path: Path) -> None:
    """As Airflow does: a batch alone, and with the step before it, which then may have other items."""
    pods = Pods(tmp_path)
    assert pods.ends(2)[0] == 0
    assert pods.ends(2, attempt=1, first=1)[0] == 0
    assert pods.ran() == ["6", "6"]
    pods.task("start", attempt=1)
    assert (
        pods.ends(2, attempt=3, first=2)[0] == 0
    )  # not the first pod after that: what it finds is older than the items
    assert pods.ran() == ["6", "6", "6"]
    assert pods.attempts("after") == {6: {number: ["done"] for number in range(3)}}
    assert pods.ends(2, attempt=4, first=2)[0] == 0
    assert pods.ran() == ["6", "6", "6"]


@pytest.mark.process
def test_workers_have_gpus_of_their_own(tmp_path: Path) -> None:
    seen = "open(os.environ['RAN'] + 'w', 'a').write(os.environ.get('CUDA_VISIBLE_DEVICES', '-') + ' '); time.sleep(1)"
    pods = Pods(tmp_path, seen, workers=2)
    plan = json.loads(pods.plan.read_text())
    plan["steps"]["work"]["gpus"] = ["CUDA_VISIBLE_DEVICES", 2]
    pods.plan.write_text(json.dumps(plan))
    code, _, err = pods.ends(0)
    assert code == 0, err
    assert sorted((tmp_path / "ranw").read_text().split()[:2]) == ["0,1", "2,3"]


def steps(**entries: dict[str, Any]) -> Plan:
    """A plan with these steps in the group `g`, in this order."""
    names = list(entries)
    plain: dict[str, Any] = {"kind": "linear", "parents": [], "next": [], "depth": 0}
    full = {name: {**plain, **entry} for name, entry in entries.items()}
    group = {"steps": [name for name in names if name != "out"]}
    return Plan(
        {
            "version": 1, "flow": "F", "class": "F", "module": "f", "start": names[0], "end": names[-1],
            "parameters": [], "steps": full, "groups": {"g": group},
        }
    )  # fmt: skip


def walked(plan: Plan, *entries: tuple[int, ...], manifests: dict[str, list[Any]] | None = None) -> list[str]:
    """The tasks in the order of one worker. Of a step's manifests each of its tasks has the next one."""
    schedule = GroupSchedule(plan, plan.group("g"), entries)
    found: list[str] = []
    seen: dict[str, int] = {}
    while (key := schedule.next()) is not None:
        step, path = key
        found.append(f"{step}{list(path)}" if path else step)
        given = (manifests or {}).get(step, [{}])
        seen[step] = seen.get(step, -1) + 1
        schedule.finished(key, given[min(seen[step], len(given) - 1)])
    return found


def test_a_bound_of_an_inner_foreach_holds() -> None:
    plan = steps(
        a={"kind": "foreach", "next": ["b"], "bound": 2},
        b={"parents": ["a"], "next": ["j"], "depth": 1},
        j={"kind": "join", "closes": "a", "closes_kind": "foreach", "arms": [["b"]]},
    )
    schedule = GroupSchedule(plan, plan.group("g"), [()])
    assert schedule.next() == ("a", ())
    schedule.finished(("a", ()), {"foreach": {"count": 4}})
    begun = [schedule.next(), schedule.next(), schedule.next()]
    assert begun == [("b", (0,)), ("b", (1,)), None]
    schedule.finished(("b", (1,)), {})
    assert [schedule.next(), schedule.next()] == [("b", (2,)), None]


def test_what_has_begun_is_finished_first() -> None:
    plan = steps(
        a={"kind": "branch", "next": ["b", "c"]},
        b={"parents": ["a"], "next": ["j"]},
        c={"kind": "switch", "next": ["j"], "loops": True, "depth": 1},
        j={"kind": "join", "closes": "a", "closes_kind": "branch", "arms": [["b"], ["c"]], "next": ["out"]},
        out={},
    )
    choices = [{"choice": "c"}, {"choice": "j"}] * 2
    assert walked(plan, (0,), (1,), manifests={"c": choices}) == [
        "a[0]", "b[0]", "c[0, 0]", "c[0, 1]", "j[0]", "a[1]", "b[1]", "c[1, 0]", "c[1, 1]", "j[1]"
    ]  # fmt: skip


def test_an_empty_foreach_leads_to_its_join() -> None:
    plan = steps(
        a={"kind": "foreach", "next": ["b"]},
        b={"parents": ["a"], "next": ["j"], "depth": 1},
        j={"kind": "join", "closes": "a", "closes_kind": "foreach", "arms": [["b"]], "next": ["out"]},
        out={},
    )
    assert walked(plan, (), manifests={"a": [{"foreach": {"count": 0}}]}) == ["a", "j"]


def test_the_fork_server_begins_before_the_store_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of a store may have threads, and what is forked then waits for them forever."""
    order: list[str] = []

    class Server:
        def __init__(self) -> None:
            order.append("server")

        def close(self) -> None:
            order.append("closed")

    def refuse(root: str) -> None:
        order.append(f"store {root}")
        raise StoreError("no store")

    monkeypatch.setattr(pod_group, "_ForkServer", Server)
    monkeypatch.setattr(pod_group, "open_store", refuse)
    monkeypatch.setenv("FLOWC_ROOT", "s3://b/p")
    monkeypatch.setenv("FLOWC_RUN_ID", "1")
    step: dict[str, Any] = {"kind": "linear", "parents": [], "next": [], "depth": 0}
    data: dict[str, Any] = {
        "version": 1,
        "flow": "F",
        "class": "F",
        "module": "f",
        "start": "a",
        "end": "a",
        "parameters": [],
    }
    plan = Plan({**data, "steps": {"a": step}, "groups": {"a": {"steps": ["a"]}}})
    with pytest.raises(StoreError):
        pod_group.run_group(plan, "a", ())
    assert order == ["server", "store s3://b/p", "closed"]
