"""A pod that takes what other pods post, and the Secret that has its address."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.cluster import PYTHON_IMAGE, Cluster

FLOW = Path(__file__).parent / "flows" / "told.py"
SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass
class Listener:
    """The pod that takes posts."""

    cluster: Cluster
    name: str

    def flow(self, folder: Path) -> Path:
        """A flow that tells this pod how it ends."""
        file = folder / "told.py"
        file.write_text(FLOW.read_text().replace("flowc-told/url", f"{self.name}/url"))
        return file

    def told(self, run: str, seconds: float = 60) -> dict[str, str]:
        """What it has got of a run."""
        deadline = time.monotonic() + seconds
        while True:
            lines = self.cluster.kubectl("logs", self.name).splitlines()
            documents: list[dict[str, str]] = [json.loads(line) for line in lines if line.startswith("{")]
            found = [item for item in documents if item["run"] == run]
            if found:
                assert len(found) == 1
                return found[0]
            assert time.monotonic() < deadline, f"nothing has come about {run}"
            time.sleep(1)


@contextmanager
def python_pod(cluster: Cluster, prefix: str, program: str) -> Generator[tuple[str, str]]:
    """A pod that runs a program, once it is ready: its name and its address."""
    name = f"{prefix}-{uuid.uuid4().hex[:6]}"
    command = ["--command", "--", "python3", "-c", program]
    cluster.kubectl("run", name, f"--image={PYTHON_IMAGE}", "--restart=Never", *command)
    try:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=240s")
        yield name, cluster.get("pod", name)["status"]["podIP"]
    finally:
        cluster.kubectl("delete", "pod", name, "--now", "--wait=false")


@contextmanager
def listening(cluster: Cluster) -> Generator[Listener]:
    """Start the pod; the Secret has its name, and the key `url`."""
    with python_pod(cluster, "flowc-told", SERVER) as (name, address):
        try:
            cluster.kubectl("create", "secret", "generic", name, f"--from-literal=url=http://{address}:8000/hidden")
            yield Listener(cluster, name)
        finally:
            cluster.kubectl("delete", "secret", name, "--ignore-not-found")


def most_at_a_time(spans: list[tuple[float, float]]) -> int:
    """How many of these were under way at once."""
    changes = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
