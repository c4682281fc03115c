"""A server that answers as Argo Server has answered, for what no cluster is needed for: mostly its errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FINISHED: dict[str, Any] = {
    "metadata": {
        "name": "my-flow-x7k2p",
        "namespace": "default",
        "uid": "3d1a143d-947b-40d7-a7d9-db5106f4d4fd",
        "creationTimestamp": "2026-11-21T15:21:00Z",
        "labels": {"app.kubernetes.io/managed-by": "flowc"},
        "annotations": {"workflows.argoproj.io/title": "MyFlow"},
    },
    "spec": {"entrypoint": "main"},
    "status": {"phase": "Succeeded", "progress": "2/2", "finishedAt": "2026-11-21T15:21:30Z"},
}
"""A Workflow that has ended."""

_RUNS = "/api/v1/workflows/default"
ENDED: dict[str, tuple[int, object]] = {
    f"GET {_RUNS}": (200, {"metadata": {}, "items": [FINISHED]}),
    f"GET {_RUNS}/my-flow-x7k2p": (200, FINISHED),
    f"PUT {_RUNS}/my-flow-x7k2p/stop": (500, {"code": 13, "message": "cannot shutdown a completed workflow"}),
}
"""The answers of a server with that one run."""


@dataclass
class Replay:
    """A running server: its address, its answers by method and path, and what it was asked."""

    answers: dict[str, tuple[int, object]]
    address: str = ""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list[tuple[str, dict[str, str], Any]])
    """(method and path, headers, body) of each request."""


@contextmanager
def replaying(answers: dict[str, tuple[int, object]]) -> Generator[Replay]:
    """Serve answers on this machine; those that are text go out as they are, others as JSON, and 404 for the rest."""
    replay = Replay(answers)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            key = f"{self.command} {urlsplit(self.path).path}"
            replay.asked.append((key, dict(self.headers), json.loads(raw) if raw else None))
            missing = (404, {"code": 5, "message": f"{key} not found"})
            status, content = answers.get(key, answers.get("*", missing))
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = do_POST = do_PUT = _answer  # noqa: N815 (the names that http.server calls)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        replay.address = f"127.0.0.1:{server.server_port}"
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
