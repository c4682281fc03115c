"""A real HTTP server that answers as GCP, Azure, Vault and an AWS instance do, in their documented wire formats."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator

VALUE = "grep-for-this-value"
"""In every secret that is served."""
TOKEN = "grep-for-this-token"
"""What each identity is exchanged for."""
IMDS = "/latest/meta-data/iam/security-credentials/"
Answer = tuple[int, Any]


def gcp(value: bytes) -> Answer:
    """An answer of `versions.access`."""
    return 200, {"name": "projects/1/secrets/n/versions/1", "payload": {"data": base64.b64encode(value).decode()}}


def refused(status: int, name: str) -> Answer:
    """An error of Google's."""
    return status, {"error": {"code": status, "message": f"the message of {name}", "status": name}}


class Handler(BaseHTTPRequestHandler):
    """Answers from `routes`, by method and path without the query."""

    routes: dict[str, Any]
    seen: list[tuple[str, dict[str, str], dict[str, list[str]]]]

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        parts = urlsplit(self.path)
        key = f"{self.command} {parts.path}"
        form = {**parse_qs(parts.query), **(parse_qs(body) if "{" not in body else {"json": [body]})}
        self.seen.append((key, {name.lower(): value for name, value in self.headers.items()}, form))
        found: Answer | list[Answer] = self.routes.get(key, (404, {"errors": []}))
        status, document = found if isinstance(found, tuple) else found.pop(0) if len(found) > 1 else found[0]
        text = document if isinstance(document, str) else json.dumps(document)
        self.send_response(status)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


class SecretServer:
    """What the server answers, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.routes: dict[str, Any] = {}
        self.seen: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []


@contextlib.contextmanager
def secret_server(address: str = "127.0.0.1") -> Generator[SecretServer]:
    """A server while the block runs."""

    class Own(Handler):
        """With routes of its own."""

    with ThreadingHTTPServer((address, 0), Own) as http:
        server = SecretServer(http.server_port)
        Own.routes, Own.seen = server.routes, server.seen
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
