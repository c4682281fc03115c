"""The shim on a real S3 server, through obstore and through the client of the standard library.

FLOWC_S3_OUTSIDE is the server's endpoint as this machine reaches it; credentials are in the usual AWS variables.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from flowc.client import Run
from flowc.errors import MissingKey, StoreError
from flowc.store import Store, multipart, open_store, s3
from flowc.store.retry import VARIABLE
from flowc_targets.local import ResumeOptions
from tests.local.flows import Local
from tests.runtime.pipelineshim import PipelineShim
from tests.runtime.shim import RUN, Shim
from tests.runtime.test_gang import GANG, ended
from tests.runtime.test_pipeline_tasks import NESTED, nested
from tests.runtime.test_protocol import FOREACH

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["obstore", "stdlib"])
def root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty prefix on the server, with the client of the test's parameter."""
    endpoint = os.environ.get("FLOWC_S3_OUTSIDE")
    if not endpoint:
        pytest.skip("FLOWC_S3_OUTSIDE names no S3 server")
    if request.param == "obstore":
        pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", os.environ.get("AWS_ACCESS_KEY_ID", "flowc"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", os.environ.get("AWS_SECRET_ACCESS_KEY", "flowc-secret"))
    monkeypatch.setenv("FLOWC_S3_CLIENT", request.param)
    bucket = os.environ.get("FLOWC_S3_BUCKET", "flowc")
    return f"s3://{bucket}/tests/{secrets.token_hex(6)}"


def test_the_store(root: str) -> None:
    store = open_store(root)
    key = "a/b c+ü&=%.json"
    store.write(key, [b"hello ", bytearray(b"x"), memoryview(b"world")])
    assert bytes(store.read(key)) == b"hello xworld"
    assert bytes(store.read_range(key, 2, 3)) == b"llo"
    assert store.exists(key)
    assert not store.exists("a/b")
    with pytest.raises(MissingKey):
        store.read("nothing")


def test_listing_goes_through_pages_and_keeps_to_its_prefix(root: str) -> None:
    store = open_store(root)
    _fill(store, [f"r/body/3.{i}/0/manifest.json" for i in range(1010)])
    _fill(store, ["r/body/30.1/0/manifest.json", "r/body/4.1/0/manifest.json", "r/body/2.9/0/manifest.json"])
    assert len(list(store.keys("r/body/3."))) == 1010
    assert len(list(store.keys("r/body/"))) == 1013
    assert len(store.children("r/body")) == 1013
    assert store.children("r") == ["body"]
    assert store.children("nothing") == []


def test_errors_say_what_is_wrong(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match=r"no such bucket|NoSuchBucket"):
        open_store("s3://no-such-bucket-here/x").write("a", [b"1"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="403"):
        open_store(root).write("a", [b"1"])


def test_nested_lists_of_outputs_of_a_pipeline(tmp_path: Path, root: str) -> None:
    shim = PipelineShim(tmp_path, NESTED, nested(), root=root)
    shim.tasks("rows", "columns/0", "columns/1", "columns/2", "cell/0.0", "cell/0.1", "cell/2.0")
    shim.tasks("inner/0", "inner/1", "inner/2", "outer")
    assert shim.value("outer", "output")[0] == [[(11, 2), (12, 2)], [], [(13, 1)]]


def test_a_run_with_a_retry_read_by_its_join(tmp_path: Path, root: str) -> None:
    shim = Shim(tmp_path, FOREACH, root=root)
    shim.tasks("start", "body/0", "body/1")
    done = shim.attempt("join")
    assert done.returncode == 2
    assert "body-2" in done.stderr
    shim.task("body", "2", 0)
    shim.task("body", "2", 11)
    shim.tasks("join", "end")
    assert shim.value("join", "tries") == [0, 0, 11]
    run = Run(f"Squares/{RUN}", root=root)
    assert run.successful
    assert [step.name for step in run] == ["end", "join", "body", "start"]
    assert run["body"]["2"].data.out == 20
    assert run["body"]["2"].attempt == 11


def test_a_large_array_is_writable(tmp_path: Path, root: str) -> None:
    numpy = pytest.importorskip("numpy")
    from flowc.store import artifacts

    store = open_store(root)
    ref = artifacts.save(store, "F", "a", numpy.arange(1_000_000))
    loaded = artifacts.load(store, "F", "a", ref)
    loaded += 1
    assert loaded[-1] == 1_000_000


@pytest.mark.parametrize("large", [pytest.param(False), pytest.param(True, marks=pytest.mark.slow)])
def test_a_value_larger_than_one_request(root: str, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """Uploaded in parts, read in ranges: at their own limits, and, without `large`, at limits of some megabytes."""
    objects = pytest.importorskip("flowc.store.obstore_client")
    if not large:
        monkeypatch.setattr(multipart, "LARGEST", 6 << 20)
        monkeypatch.setattr(multipart, "PART", 5 << 20)
        monkeypatch.setattr(objects, "RANGE", 6 << 20)
    size = (2 << 30) + 77 if large else (21 << 20) + 77
    store = open_store(root)
    head, tail = os.urandom(11 << 20), os.urandom(99)
    store.write("big", [b"x", head, memoryview(bytes(size - len(head) - 100)), tail])
    data = memoryview(store.read("big"))
    assert len(data) == size
    assert data[1 : 1 + len(head)] == head
    assert data[-99:] == tail
    assert bytes(store.read_range("big", size - 99, 99)) == tail


def test_a_part_that_fails_is_sent_again_and_a_lost_upload_is_reported(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "FLOWC_S3_CLIENT" in os.environ and os.environ["FLOWC_S3_CLIENT"] != "stdlib":
        pytest.skip("obstore does its own uploads")
    monkeypatch.setattr(multipart, "LARGEST", 6 << 20)
    monkeypatch.setattr(multipart, "PART", 5 << 20)
    monkeypatch.setenv(VARIABLE, "2")
    store = open_store(root)
    once = s3.S3Store._once  # pyright: ignore[reportPrivateUsage]
    failures = [0]

    def failing(self: s3.S3Store, method: str, path: str, query: str, *rest: Any) -> Any:
        if "partNumber=2" in query and failures[0] < limit:
            failures[0] += 1
            raise ConnectionResetError("lost")
        return once(self, method, path, query, *rest)

    monkeypatch.setattr(s3.S3Store, "_once", failing)
    limit = 2
    store.write("big", [bytes(21 << 20)])
    assert len(store.read("big")) == 21 << 20
    limit = 1000
    with pytest.raises(StoreError, match="lost"):
        store.write("lost", [bytes(21 << 20)])
    assert not store.exists("lost")


def test_a_run_is_resumed(tmp_path: Path, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    local = Local(tmp_path, JOIN_FAILS)
    local.root = root
    monkeypatch.setenv("JOIN", "fails")
    first = local.run(max_num_splits=300)
    assert first.status == "failed"
    monkeypatch.setenv("JOIN", "works")
    second = local.run(resume=ResumeOptions(), max_num_splits=300)
    assert second.ok, local.says.err
    assert (second.reused, second.tasks) == (301, 303)
    assert local.says.out == ["end] 44850"]
    run = local.client(second)
    assert run["body"]["7"].origin_run_id == first.run_id
    assert run["body"]["7"].stdout == "body 7\n"


JOIN_FAILS = """
    import os
    from flowc import FlowSpec, step

    class JoinFails(FlowSpec):
        @step
        def start(self):
            self.items = list(range(300))
            self.next(self.body, foreach="items")

        @step
        def body(self):
            print("body", self.input)
            self.out = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            if os.environ["JOIN"] == "fails":
                raise ValueError("join")
            self.total = sum(i.out for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print(self.total)
"""


def _fill(store: Store, keys: list[str]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def put(key: str) -> None:
        store.write(key, [b"{}"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, keys))


def test_a_gang(root: str, tmp_path: Path) -> None:
    shim = Shim(tmp_path, GANG, root=root)
    shim.task("start")
    shim.env["FLOWC_GANG_INTERVAL"] = "0.5"
    first = [shim.popen("work", str(i), HANG="1", RAISE="2") for i in range(3)]
    ends = [ended(process) for process in first]
    assert [code for code, _ in ends] == [1, 1, 1]
    assert "PeerFailed: member 2 failed: ValueError: boom" in ends[0][1]
    second = [shim.popen("work", str(i), 1) for i in range(3)]
    assert [ended(process) for process in second] == [(0, "")] * 3
    shim.task("join")
    assert shim.value("join", "tries") == [1, 1, 1]
