"""What a task waits for, and what a person may choose: looks, times and answers, on real files, HTTP and a store."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowc.errors import ApprovalError, ApprovalTimeout, WaitTimeout
from flowc.protocol.encodings import TIMED_OUT
from flowc.shim.gate import Gate
from flowc.store import approvals, open_store
from flowc.store.run_layout import RunLayout

ASKED: dict[str, Any] = {"choices": ["yes", "no"], "message": "Go?"}


def gate(folder: Path, *waits: dict[str, Any], approval: dict[str, Any] | None = None, **environment: str) -> Gate:
    """The gate of task `review/1.0`, as a process that looks makes it."""
    common = {"pattern": False, "status": [200], "within": 60.0, "every": 1.0, "timeout": 60.0}
    given = [{**common, **wait} for wait in waits]
    layout = RunLayout(open_store(str(folder / "store")), "Flow", "run")
    return Gate(layout, "review", (1, 0), given, approval, environment)


@pytest.mark.parametrize(
    ("url", "pattern", "made"),
    [
        ("go", False, "go"),
        ("folder/", False, "folder/part-1"),
        ("day=*/_SUCCESS", True, "day=2/_SUCCESS"),
        ("file://{}/a b", False, "a b"),
        ("at={{scheduled:%F}}", False, "at=2026-11-29"),
    ],
)
def test_a_file_comes_later(url: str, pattern: bool, made: str, tmp_path: Path) -> None:
    place = url.format(tmp_path) if "://" in url else f"{tmp_path}/{url.format()}"
    wait = {"url": place, "pattern": pattern}
    scheduled: dict[str, Any] = {"FLOWC_SCHEDULED": "2026-11-29T05:00:00+00:00"}
    assert len(gate(tmp_path, wait, **scheduled).missing()) == 1
    (tmp_path / made).parent.mkdir(exist_ok=True)
    (tmp_path / made).touch()
    looks = gate(tmp_path, wait, **scheduled)
    assert looks.missing() == []
    question = approvals.read_question(looks.layout, "review", (1, 0))
    assert question is not None
    assert question["until"] >= question["since"]


def test_it_waits_too_long(tmp_path: Path) -> None:
    wait = {"url": f"{tmp_path}/never", "timeout": 0.05}
    looks = gate(tmp_path, wait)
    assert looks.missing() == [f"{tmp_path}/never"]
    time.sleep(0.1)
    with pytest.raises(WaitTimeout, match=r"review/1\.0 waited 0 s for .*/never, and it is not there"):
        gate(tmp_path, wait).missing()


def test_a_time_that_no_run_has(tmp_path: Path) -> None:
    with pytest.raises(WaitTimeout, match="this run has none; start it with --scheduled-time"):
        gate(tmp_path, {"url": "/data/{scheduled}"}).missing()


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """An HTTP server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def test_http(server: str, tmp_path: Path) -> None:
    assert gate(tmp_path, {"url": f"{server}/200"}).missing() == []
    assert gate(tmp_path, {"url": f"{server}/404"}).missing() == [f"{server}/404"]
    assert gate(tmp_path, {"url": f"{server}/404", "status": [404, 410]}).missing() == []
    (missing,) = gate(tmp_path, {"url": "http://127.0.0.1:1/"}).missing()
    assert "the last look failed" in missing
    assert gate(tmp_path, {"url": f"{server}/200/so und ☃"}).missing() == []


def test_what_answers_is_no_server_of_http(tmp_path: Path) -> None:
    """As while it starts, or where something else has the port: another look may find it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"SSH-2.0-server\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        (missing,) = gate(tmp_path, {"url": f"http://127.0.0.1:{listening.getsockname()[1]}/"}).missing()
        thread.join()
    assert "the last look failed: BadStatusLine" in missing


def test_only_a_new_run_that_has_succeeded_counts(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    looks = gate(tmp_path, {"flow": "Other", "url": None})
    assert looks.missing() == ["a run of Other"]
    for run, age, status in (("old", 100, "successful"), ("failed", 1, "failed"), ("new", 1, "successful")):
        other = RunLayout(store, "Other", run)
        record = {"version": 1, "flow": "Other", "run": run, "created": time.time() - age, "end": "end"}
        other.write_json(f"Other/{run}/run.json", record)
        if status == "successful":
            head = {"flow": "Other", "run": run, "step": "end", "index": "-", "attempt": 0}
            other.commit("end", (), 0, {**head, "artifacts": {}, "parameters": {}, "created": time.time()})
        other.write_json(f"Other/{run}/run-end.json", {"version": 1, "status": status})
        assert looks.missing() == ([] if run == "new" else ["a run of Other"])


def test_an_answer_is_given_once(tmp_path: Path) -> None:
    asks = gate(tmp_path, approval=ASKED)
    assert asks.answer() is None
    layout = asks.layout
    with pytest.raises(ApprovalError, match="'maybe' is not one of yes, no"):
        approvals.approve(layout, "review", (1, 0), ASKED, "maybe", by="ann")
    approvals.approve(layout, "review", (1, 0), ASKED, "yes", by="ann", note="fine", via="approve")
    with pytest.raises(ApprovalError, match=r"review/1\.0 has its answer: yes, by ann: fine"):
        approvals.approve(layout, "review", (1, 0), ASKED, "no", by="bob")
    found = gate(tmp_path, approval=ASKED).answer("no")
    assert found is not None
    assert (found.choice, found.by, found.note, found.value, found.timed_out) == ("yes", "ann", "fine", "yes", False)


def test_one_of_many_that_answer_at_a_time_counts(tmp_path: Path) -> None:
    """One answer is accepted, and that is the one the task reads."""
    for number in range(20):
        layout = RunLayout(open_store(str(tmp_path / "store")), "Flow", f"run-{number}")
        together = threading.Barrier(8)

        def answer(by: str, layout: RunLayout = layout, together: threading.Barrier = together) -> str:
            together.wait()
            try:
                approvals.approve(layout, "review", (), ASKED, "yes", by=by)
            except ApprovalError as error:
                return str(error)
            return by

        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(answer, map(str, range(8))))
        record = approvals.read_answer(layout, "review", ())
        assert record is not None
        assert [text for text in said if len(text) == 1] == [record["by"]]
        assert all(text in {record["by"], f"review has its answer: yes, by {record['by']}"} for text in said)
        settled = approvals.settle(layout, "review", (), ASKED, "no", by="late")
        assert settled["by"] == record["by"]


def test_an_answer_of_the_engine(tmp_path: Path) -> None:
    asks = gate(tmp_path, approval=ASKED)
    with pytest.raises(ApprovalError, match="'other' is not one of"):
        asks.answer("other")
    found = asks.answer("no", {"by": "airflow's user"})
    assert found is not None
    assert (found.choice, found.by) == ("no", "airflow's user")
    assert approvals.read_answer(asks.layout, "review", (1, 0)) == found.record


@pytest.mark.parametrize("given", [None, TIMED_OUT])
def test_nobody_chooses_in_time(given: str | None, tmp_path: Path) -> None:
    late = {**ASKED, "timeout": 0.05}
    asks = gate(tmp_path, approval=late)
    since = asks.ask()["asked"]
    time.sleep(0.1)
    with pytest.raises(ApprovalTimeout, match=r"nobody has chosen within 0\.05 s, and there is no default"):
        asks.answer(given)
    with pytest.raises(ApprovalError, match="waits no more"):
        approvals.approve(asks.layout, "review", (1, 0), late, "yes", by="ann", since=since)
    found = gate(tmp_path, approval={**late, "default": "no"}).answer(given)
    assert found is not None
    assert (found.choice, found.by, found.timed_out) == ("no", None, True)
    assert approvals.answer_text(found.record) == "no, by default, as nobody chose in time"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "v17", "v17"),
        ("int", "3", 3),
        ("float", "3", 3.0),
        ("list", "[1]", [1]),
        ("dict", '{"a": 1}', {"a": 1}),
    ],
)
def test_what_a_person_writes(kind: str, text: str, value: Any) -> None:
    assert approvals.value_of({"kind": kind}, text) == value


@pytest.mark.parametrize(
    ("kind", "text"), [("int", "x"), ("int", "true"), ("list", "{}"), ("dict", "[1"), ("bool", "1")]
)
def test_what_a_person_writes_is_wrong(kind: str, text: str) -> None:
    with pytest.raises(ApprovalError, match=f"is no {kind} in JSON"):
        approvals.value_of({"kind": kind}, text)


def test_choices_that_stand_for_values() -> None:
    assert approvals.value_of({"choices": ["1", "2"], "values": {"1": 1, "2": 2}}, "2") == 2
    assert approvals.value_of({"choices": ["true", "false"], "kind": "bool"}, "false") is False
