"""Deadlines, notifications and locks on a live Airflow: what only its scheduler and its DAG processor do.

pytest -m live tests/airflow/test_live_notices.py
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.airflow.live import Live
from tests.airflow.test_live import name_of, run_of, written
from tests.cluster.listener import most_at_a_time
from tests.runtime.noticeserver import Server, served

pytestmark = pytest.mark.live

TOLD = """
import time
from flowc import FlowSpec, Parameter, deadline, notify, step


@deadline(seconds={seconds})
@notify(on=["error", "success", "late"], webhook="{url}/told")
class Told{name}(FlowSpec):
    fail = Parameter("fail", default=False)

    @step
    def start(self):
        time.sleep({sleep})
        self.next(self.end)

    @step
    def end(self):
        if self.fail:
            raise ValueError("as asked")
"""
LOCKED = """
import time
from flowc import FlowSpec, concurrency, step


class Locked(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 2, 3]
        self.next(self.work, foreach="items")

    @concurrency("flowc-two", limit=2)
    @step
    def work(self):
        self.begun = time.time()
        time.sleep(4)
        self.ended = time.time()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

COMPETING = """
import time
from flowc import FlowSpec, concurrency, schedule, step


{above}
@concurrency(runs=1, policy="{policy}")
class Competing(FlowSpec):
    @step
    def start(self):
        self.begun = time.time()
        time.sleep({seconds})
        self.next(self.end)

    @step
    def end(self):
        self.ended = time.time()
"""


def told(server: Server, count: int, seconds: float = 120) -> list[dict[str, str]]:
    """What the server has got, as soon as it is so much."""
    deadline = time.monotonic() + seconds
    while len(server.posts) < count and time.monotonic() < deadline:
        time.sleep(0.5)
    return [body for _, _, body in server.posts]


def test_people_are_told_how_a_run_has_ended(live: Live, tmp_path: Path) -> None:
    with served() as server:
        file = written(tmp_path, TOLD.format(seconds=3600, url=server.url, sleep=0, name="Ends"))
        for number, (event, arguments) in enumerate({"success": [], "error": ["-p", "fail=true"]}.items(), 1):
            done = live.submit(file, *arguments, "--watch")
            assert done.returncode == (event == "error"), done.stderr + live.said()
            found = told(server, number)[-1]
            assert (found["event"], found["flow"], found["run"]) == (event, "ToldEnds", run_of(live, done).id)
            assert "http" in found["url"]
            assert found.get("exception") == ("ValueError: as asked" if event == "error" else None)


@pytest.mark.parametrize("by", ["callback", "alert"])
def test_a_deadline_ends_a_run_and_people_are_told(live: Live, tmp_path: Path, by: str) -> None:
    """Once: by the DAG's callback, or by a deadline alert, which Airflow has from 3.1 on and flowc uses from 3.3 on."""
    if by == "alert" and live.series == "2.11":
        pytest.skip("Airflow 2 has no deadline alerts")
    with served() as server:
        file = written(tmp_path, TOLD.format(seconds=15, url=server.url, sleep=300, name=f"Late{by.title()}"))
        done = live.submit(file, *(["--set", "deadline_alerts=true"] if by == "alert" else []))
        live.until(name_of(done), "failed")
        [found] = told(server, 1)
        assert found["event"] == "late", live.said()
        assert found["run"] == run_of(live, done).id
        assert "missed its deadline of 15 s" in found["text"]


def test_a_lock_is_a_pool_that_has_to_be_there(live: Live, tmp_path: Path) -> None:
    file = written(tmp_path, LOCKED)
    refused = live.submit(file)
    assert refused.returncode
    assert "no pool 'flowc-two'" in refused.stderr
    live.airflow("pools", "set", "flowc-two", "2", "a lock of flowc", "--include-deferred")
    done = live.submit(file, "--watch")
    assert done.returncode == 0, done.stderr + live.said()
    assert most_at_a_time([(task.data.begun, task.data.ended) for task in run_of(live, done)["work"]]) <= 2


def test_a_run_waits_for_the_one_before(live: Live, tmp_path: Path) -> None:
    file = written(tmp_path, COMPETING.format(above="", policy="queue", seconds=5))
    submitted = [live.submit(file) for _ in range(2)]
    for done in submitted:
        live.until(name_of(done), "succeeded")
    data = [run_of(live, done).data for done in submitted]
    assert most_at_a_time([(item.begun, item.ended) for item in data]) == 1


@pytest.mark.parametrize("policy", ["replace", "skip"])
def test_airflow_lets_runs_wait_only(live: Live, tmp_path: Path, policy: str) -> None:
    done = live.submit(written(tmp_path, COMPETING.format(above="", policy=policy, seconds=5)))
    assert done.returncode == 2
    assert "error[FC501]" in done.stderr
    assert f"Airflow cannot {policy} runs" in done.stderr
