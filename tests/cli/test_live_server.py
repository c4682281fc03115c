"""`flowc ui`: what the server answers, and whom."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli.reporting.live_server import application, is_free
from flowc_cli.reporting.run_view import RunView


class Client:
    """Requests to the application, without a server."""

    def __init__(self, root: Path, base: str = "http://localhost:8440") -> None:
        self._application, self._base = application(str(root)), base

    def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.request(method, address, **options)

        return asyncio.run(ask())

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)


HOSTILE = "</script><script>document.title='taken'</script>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a run of another engine, one task of which has failed."""
    layout = RunLayout(open_store(str(tmp_path)), "Flow", "argo-1")
    steps: dict[str, Any] = {
        "start": {"type": "start", "next": ["end"], "loops": False},
        "end": {"type": "end", "next": [], "loops": False},
    }
    layout.write_json("Flow/argo-1/graph.json", {"start": "start", "end": "end", "tags": [HOSTILE], "steps": steps})
    begun = {"version": 1, "started": 1.7e9, "host": HOSTILE, "last": True}
    layout.begin("start", (), 0, begun)
    head = {
        "flow": "Flow",
        "run": "argo-1",
        "step": "start",
        "index": "-",
        "attempt": 0,
        "started": 1.7e9,
        "created": 1.7e9 + 5,
    }
    layout.commit("start", (), 0, {**head, "parameters": {}, "artifacts": {}})
    layout.begin("end", (), 0, {**begun, "started": 1.7e9 + 7})
    error = {"version": 1, "type": "E", "message": HOSTILE, "traceback": HOSTILE, "created": 1.7e9 + 9}
    layout.write_json("Flow/argo-1/end/-/0/error.json", error)
    return tmp_path


@pytest.fixture
def client(root: Path) -> Client:
    return Client(root)


def test_the_list_and_a_run(client: Client) -> None:
    (row,) = client.get("/data/runs").json()
    assert row[:4] == ["Flow", "argo-1", "argo", "failed"]
    page = client.get("/")
    assert page.status_code == 200
    assert HOSTILE not in page.text
    run = client.get("/run/Flow/argo-1")
    assert HOSTILE not in run.text
    assert "frame-ancestors 'none'" in run.headers["content-security-policy"]
    answer = client.get("/data/run/Flow/argo-1").json()
    assert [task[2] for task in answer["run"]["tasks"]] == ["successful", "failed"]
    assert [task[3] for task in answer["run"]["tasks"]] == [0.0, 5.0]
    assert answer["graph"].startswith("<svg")
    task = client.get("/data/run/Flow/argo-1/task", params={"key": "end"}).json()
    assert task["details"]["attempts"]["0"]["failure"]["message"] == HOSTILE


def test_half_a_surrogate_pair_anywhere(root: Path) -> None:
    layout = RunLayout(open_store(str(root)), "Flow", "argo-1")
    error = {"version": 1, "type": "E", "message": "bad \ud800", "traceback": "\ud800", "created": 1.7e9 + 9}
    layout.write_json("Flow/argo-1/end/-/0/error.json", error)
    steps: dict[str, Any] = {"start": {"type": "start", "next": ["end"]}, "end": {"type": "end", "next": []}}
    layout.write_json("Flow/argo-1/graph.json", {"start": "start", "end": "end", "tags": ["t\ud800"], "steps": steps})
    client = Client(root)
    for address in ("/", "/data/runs", "/run/Flow/argo-1", "/data/run/Flow/argo-1"):
        assert client.get(address).status_code == 200
    details = client.get("/data/run/Flow/argo-1").json()["run"]["details"]
    assert details["end"]["attempts"]["0"]["failure"]["message"] == "bad \ufffd"
    assert client.get("/data/run/Flow/argo-1/task", params={"key": "end"}).status_code == 200


def test_numbers_that_json_has_not_stay_nothing_with_half_a_pair() -> None:
    view = RunView(flow="F", run="1", engine="local", state="done", created=0, now=0, values={"a": [float("nan")]})
    other = view.model_copy(update={"user": "\ud800"})
    assert json.loads(other.as_json()) == {**json.loads(view.as_json()), "user": "\ufffd"}


def test_what_is_not_new_is_not_sent_again(client: Client) -> None:
    first = client.get("/data/run/Flow/argo-1")
    again = client.get("/data/run/Flow/argo-1", params={"have": first.headers["x-flowc-have"]})
    assert [again.status_code, again.content] == [204, b""]


WRONG: dict[str, tuple[str, str, dict[str, str], int]] = {
    "another host": ("GET", "/", {"host": "evil.example"}, 400),
    "another host with our name in it": ("GET", "/", {"host": "localhost.evil.example"}, 400),
    "no host": ("GET", "/", {"host": ""}, 400),
    "a write": ("POST", "/data/runs", {}, 405),
    "a removal": ("DELETE", "/run/Flow/argo-1", {}, 405),
    "no such run": ("GET", "/run/Flow/argo-2", {}, 404),
    "no such flow": ("GET", "/run/Other/argo-1", {}, 404),
    "no such task": ("GET", "/data/run/Flow/argo-1/task?key=start/9", {}, 404),
    "a way out of the root": ("GET", "/run/..%2F..%2Fetc/passwd", {}, 404),
    "the folder of values": ("GET", "/run/Flow/data", {}, 404),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(client: Client, name: str) -> None:
    method, address, headers, status = WRONG[name]
    assert client.request(method, address, headers=headers).status_code == status


def test_no_other_page_may_read_or_show_it(client: Client) -> None:
    for address in ("/", "/data/runs", "/run/Flow/argo-1", "/data/run/Flow/argo-1", "/run/Flow/none"):
        headers = client.get(address, headers={"origin": "http://evil.example"}).headers
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_store_without_runs(tmp_path: Path) -> None:
    client = Client(tmp_path, "http://127.0.0.1")
    assert json.loads(client.get("/data/runs").text) == []
    assert client.get("/").status_code == 200


@pytest.mark.process
def test_the_command_serves_until_it_is_interrupted(root: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flowc_cli", "ui", "--root", str(root), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            assert f"http://localhost:{port}/" in server.stderr.readline()
            deadline = time.monotonic() + 30
            while is_free(port) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert httpx.get(f"http://127.0.0.1:{port}/data/runs", timeout=30).json()[0][1] == "argo-1"
            server.send_signal(signal.SIGINT)
            said = server.communicate(timeout=30)[1]
            assert server.returncode in (0, 130)
            assert "Traceback" not in said
        finally:
            server.kill()
