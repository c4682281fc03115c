"""A small S3 server whose faults a test chooses: it refuses, cuts answers off, is gone, has another clock."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

Fault = Callable[["Handler"], bool]
"""What befalls a request; whether that is all of its answer."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    half = False
    lost = False
    damage: float | None = None
    """Where a bit of the body is flipped, from 0 to 1."""

    def setup(self) -> None:
        """Note the connection, which ends with the server."""
        super().setup()
        self.home.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.home.connections.discard(self.connection)
        super().finish()

    def do_any(self) -> None:
        """Answer one request, or do what the next fault says."""
        home = self.home
        self.half = self.lost = False
        self.damage = None
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.startswith("/faults/"):
            home.set_rate(int(self.path.rpartition("/")[2]) / 1000)
            self.answer(200, b"")
            return
        if self.path.startswith("/age/"):
            home.age(self.path.split("/", 3)[3], float(self.path.split("/")[2]))
            self.answer(200, b"")
            return
        with home.lock:
            home.requests.append(f"{self.command} {self.path}")
            home.headers.append({name.lower(): value for name, value in self.headers.items()})
            fault = home.faults.pop(0) if home.faults else None
        if fault is not None and fault(self):
            return
        if "x-amz-date" not in self.headers:
            self.refuse(403, "AccessDenied")
            return
        asked = datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(asked.timestamp() - time.time() - home.ahead) > 900:
            self.refuse(403, "RequestTimeTooSkewed")
            return
        self._serve(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_any  # noqa: N815 (the names are http.server's)

    @property
    def home(self) -> FaultServer:
        """The server."""
        return cast("_Http", self.server).home

    def refuse(self, status: int, code: str, **headers: str) -> bool:
        """An error as S3 words it."""
        self.answer(status, f"<Error><Code>{code}</Code><Message>because</Message></Error>".encode(), **headers)
        return True

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Headers and body; half of the body where that is the fault."""
        if self.lost:
            self.reset()
            return
        if self.damage is not None and body:
            at = int(self.damage * len(body))
            body = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + self.home.ahead, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", formatdate(self.home.written(unquote(self.path)), usegmt=True))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if self.half else body)
        if self.half:
            self.close_connection = True

    def reset(self) -> bool:
        """End the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        return True

    def _serve(self, body: bytes) -> None:
        objects = self.home.objects
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        key = unquote(parts.path)
        if "list-type" in query:
            self._list(key.strip("/"), query)
        elif self.command == "POST" and "uploads" in query:
            upload = secrets.token_hex(4)
            self.home.uploads[upload] = {}
            self.answer(200, f"<R><UploadId>{upload}</UploadId></R>".encode())
        elif self.command == "POST" and "delete" in query:
            names = re.findall(r"<Key>.*?</Key>", body.decode())
            for name in names:
                objects.pop(f"/{key.strip('/')}/{unescape(name[5:-6])}", None)
            deleted = "".join(f"<Deleted>{name}</Deleted>" for name in names)
            self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())
        elif "uploadId" in query:
            self._part(key, query, body)
        elif self.command == "PUT" and self._refuses_by_condition() and key in objects:
            self.refuse(412, "PreconditionFailed")
        elif self.command == "PUT":
            copied = self.headers.get("x-amz-copy-source")
            source = f"/{unquote(copied).lstrip('/')}" if copied is not None else None
            if source is not None and source not in objects:
                self.refuse(404, "NoSuchKey")
                return
            objects[key] = body if source is None else objects[source]
            self.home.times[key] = time.time()
            self.answer(200, b"" if source is None else b"<CopyObjectResult/>")
        elif self.command == "DELETE":
            objects.pop(key, None)
            self.answer(204, b"")
        elif key not in objects:
            self.refuse(404, "NoSuchKey")
        elif "range" in self.headers:
            first, last = self.headers["range"].removeprefix("bytes=").split("-")
            piece = objects[key][int(first) : int(last) + 1]
            self.answer(206, piece, Content_Range=f"bytes {first}-{int(first) + len(piece) - 1}/{len(objects[key])}")
        else:
            self.answer(200, objects[key])

    def _refuses_by_condition(self) -> bool:
        return self.home.conditional and self.headers.get("if-none-match") == "*"

    def _part(self, key: str, query: dict[str, str], body: bytes) -> None:
        upload = self.home.uploads.get(query["uploadId"])
        if upload is None:
            self.refuse(404, "NoSuchUpload")
        elif self.command == "PUT":
            upload[int(query["partNumber"])] = body
            self.answer(200, b"")
        else:
            del self.home.uploads[query["uploadId"]]
            if self.command == "POST":
                self.home.objects[key] = b"".join(upload[number] for number in sorted(upload))
            self.answer(200, b"<R><ETag>e</ETag></R>")

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        names = [key.removeprefix(f"/{bucket}/") for key in sorted(self.home.objects)]
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        found = [name for name in names if name.startswith(prefix) and name > query.get("start-after", "")]
        folders: set[str] = set()
        if delimiter:
            below = [name for name in found if delimiter in name[len(prefix) :]]
            folders = {prefix + name[len(prefix) :].partition(delimiter)[0] + delimiter for name in below}
            found = [name for name in found if name not in below]
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.home.objects[f'/{bucket}/{name}'])}</Size>"
            f"<LastModified>{_moment(self.home.written(f'/{bucket}/{name}'))}</LastModified></Contents>"
            for name in found
        ) + "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders))
        page = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        self.answer(200, page.encode(), Content_Type="application/xml")

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    home: FaultServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Be quiet: a client was killed."""


class FaultServer:
    """The server. `faults` are for the requests to come, one each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.objects: dict[str, bytes] = {}
        self.times: dict[str, float] = {}
        """When objects were written, as far as not now."""
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        """Those of each request."""
        self.faults: list[Fault] = []
        self.connections: set[socket.socket] = set()
        self.set_rate: Callable[[float], object] = lambda _: None
        """What a PUT of `/faults/RATE` calls, for a server in a process of its own."""
        self.conditional = True
        """Whether it heeds conditions of writes."""
        self.ahead = 0.0
        """Seconds that its clock is ahead."""
        self._http: _Http | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Listen, on the same port every time."""
        self._http = _Http(("127.0.0.1", self.port), Handler)
        self._http.home = self
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Be gone: connections are refused."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def written(self, key: str) -> float:
        """When an object was written, by the server's clock."""
        return self.times.get(key, time.time()) + self.ahead

    def age(self, bucket: str, seconds: float) -> None:
        """Let all objects of a bucket have been written so many seconds earlier."""
        for key in [key for key in self.objects if key.startswith(f"/{bucket}/")]:
            self.times[key] = self.times.get(key, time.time()) - seconds

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Answer over TLS from now on."""
        assert self._http is not None
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def gone_for(self, seconds: float) -> None:
        """Be gone for a while."""
        self.stop()
        threading.Timer(seconds, self.start).start()

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"


def refuses(status: int, code: str, **headers: str) -> Fault:
    """An error instead of an answer."""
    return lambda handler: handler.refuse(status, code, **headers)


def resets(handler: Handler) -> bool:
    """The connection is lost before there is an answer."""
    return handler.reset()


def answers_half(handler: Handler) -> bool:
    """The connection ends in the middle of the answer."""
    handler.half = True
    return False


def loses_answer(handler: Handler) -> bool:
    """What is asked for is done, and its answer is lost."""
    handler.lost = True
    return False
