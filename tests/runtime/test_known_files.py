"""Tasks of one fork server read from memory what tasks before them have written to a bucket, and nothing else."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from flowc.errors import MissingKey
from flowc.store import Store
from flowc.store.known_files import LARGEST, KnownFiles, KnownStore
from flowc.store.run_layout import RunLayout
from flowc.store.s3 import S3Store
from tests.local.flows import Local
from tests.runtime.faultserver import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASH = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""Of `hello`."""
BLOB = f"Flow/data/2c/{HASH}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server, with the environment that leads to it."""
    found = FaultServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("FLOWC_STORE_RETRY_SECONDS", "5")
    monkeypatch.delenv("FLOWC_S3_CLIENT", raising=False)
    yield found
    found.stop()


@pytest.fixture
def below(server: FaultServer) -> Iterator[Store]:
    """A store on the server."""
    del server
    found = S3Store("s3://bucket/prefix")
    yield found
    found.close()


@pytest.fixture
def known() -> Iterator[KnownFiles]:
    """What the fork server of a run knows."""
    found = KnownFiles("Flow/run")
    yield found
    found.receiver.close()
    found.sender.close()


def commit(known: KnownFiles, below: Store, attempt: int, request: int = 1, **more: object) -> RunLayout:
    """What a task does that commits an attempt."""
    layout = RunLayout(known.over(below, request), "Flow", "run")
    layout.commit("body", (3,), attempt, {"artifacts": {}, "parameters": {}, "created": 1.0, **more})
    return layout


def test_a_manifest_is_asked_for_once(server: FaultServer, below: Store, known: KnownFiles) -> None:
    layout = commit(known, below, 0, foreach={"count": 7}, choice="x")
    assert known.committed(1) == {"choice": "x", "foreach": {"count": 7}}
    assert known.committed(1) is None
    server.requests.clear()
    assert layout.latest("body", (3,)) == 0
    assert layout.manifest("body", (3,))["choice"] == "x"
    assert layout.latest_children("body", (), 4) == {3: 0}  # of 0 to 2 nothing is known, so all are listed
    assert [request.partition("?")[0] for request in server.requests] == ["GET /bucket"]


def test_of_a_task_that_is_tried_again_the_store_is_asked(server: FaultServer, below: Store, known: KnownFiles) -> None:
    layout = commit(known, below, 0)
    known.receive()
    RunLayout(below, "Flow", "run").commit("body", (3,), 1, {"artifacts": {}, "parameters": {}, "created": 1.0})
    assert layout.latest("body", (3,)) == 0
    known.forget("body", "3")
    server.requests.clear()
    assert layout.latest("body", (3,)) == 1
    assert len(server.requests) == 1


def test_values_are_known_when_one_task_has_read_or_written_them(
    server: FaultServer, below: Store, known: KnownFiles
) -> None:
    below.write(BLOB, [b"hello"])
    first = known.over(below, 1)
    assert bytes(first.read(BLOB)) == b"hello"
    known.receive()
    server.requests.clear()
    second = known.over(below, 2)
    assert (second.read(BLOB), second.read_range(BLOB, 1, 3), second.exists(BLOB)) == (b"hello", b"ell", True)
    assert server.requests == []
    assert second.age(BLOB, 5) is not None  # whether it is old must be asked
    assert len(server.requests) == 1


def _send(known: KnownFiles, store: Store, key: str, data: bytes) -> None:
    store.write(key, [data])
    known.receive()


def test_what_is_damaged_large_or_may_change_is_not_known(below: Store, known: KnownFiles) -> None:
    store = known.over(below, 1)
    for key, data in (
        (BLOB, b"hallo"),
        ("Flow/run/body/3/0/manifest.json", b'{"version":2,"digest":"0"}'),
        ("Flow/run/body/3/0/attempt.json", b"{}"),
        ("Flow/run/data/-/0/attempt.json", b"{}"),
        ("Flow/data/00/" + "0" * 64, bytes(LARGEST + 1)),
    ):
        _send(known, store, key, data)
        assert known.read(key) is None
        assert bytes(store.read(key)) == data
    assert known.attempts == {}
    assert known.committed(1) is None
    with pytest.raises(MissingKey):
        store.read("Flow/run/nothing")


def test_a_value_of_many_pieces_arrives_whole_or_not_at_all(below: Store, known: KnownFiles) -> None:
    data = bytes(range(256)) * 150
    key = f"Flow/data/aa/{hashlib.sha256(data).hexdigest()}"
    _send(known, known.over(below, 1), key, data)
    assert known.read(key) == data
    other = data[::-1]
    missing = f"Flow/data/aa/{hashlib.sha256(other).hexdigest()}"
    known.over(below, 2).write(missing, [other])
    known.receiver.recv(1 << 17)  # the first piece is lost
    assert known.committed(2) is None
    assert known.read(missing) is None


def test_the_oldest_files_go_first(below: Store, known: KnownFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowc.store.known_files.CAPACITY", 1000)
    for attempt in range(8):
        commit(known, below, attempt)
        known.receive()
    assert known.read("Flow/run/body/3/0/manifest.json") is None
    assert known.read("Flow/run/body/3/7/manifest.json") is not None
    assert known.attempts == {"Flow/run/body/3": 7}


def test_a_socket_that_the_step_has_closed_tells_nothing(below: Store, known: KnownFiles) -> None:
    store = known.over(below, 1)
    assert isinstance(store, KnownStore)
    known.sender.close()
    store.write(BLOB, [b"hello"])
    assert bytes(below.read(BLOB)) == b"hello"


FLOW = """
    import atexit, os, time
    from flowc import FlowSpec, current, retry, step, timeout

    class Local(FlowSpec):
        @step
        def start(self):
            self.items = [f"{i}" * 300 for i in range(12)]
            self.next(self.body, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def body(self):
            self.value = len(self.input), current.retry_count
            if self.index == 3 and not current.retry_count:
                raise ValueError("once")
            if self.index == 5 and not current.retry_count:
                atexit.register(os._exit, 3)  # it has committed, and fails all the same
            self.kind = "odd" if self.index % 2 else "even"
            self.next({"odd": self.odd, "even": self.even}, condition="kind")

        @step
        def odd(self):
            self.next(self.both)

        @step
        def even(self):
            self.next(self.both)

        @step
        def both(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.values = [(each.value, each.kind) for each in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.process
def test_a_run_asks_a_bucket_only_for_what_it_must(tmp_path: Path, server: FaultServer) -> None:
    local = Local(tmp_path, FLOW)
    local.root = "s3://bucket/prefix"
    result = local.run()
    assert result.status == "successful", local.says.err
    values = local.client(result).data.values
    assert values == [((300 if i < 10 else 600, int(i in (3, 5))), "odd" if i % 2 else "even") for i in range(12)]
    of_run = [request for request in server.requests if f"/{result.run_id}/" in request]
    requests = Counter(re.sub(r"/\d+/", "/N/", request) for request in of_run)
    committed = {name: count for name, count in requests.items() if "/manifest.json" in name}
    reads = [name for name in committed if not name.startswith("PUT")]
    assert len(reads) <= 6, reads  # of the two that were tried again, and of the client
    assert sum(committed.values()) <= 1 + 3 * 12 + 2 + 1 + 1 + 2 + 6
