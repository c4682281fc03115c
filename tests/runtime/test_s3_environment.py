"""What the environment says to both S3 clients: proxies, keys that are missing, partitions, encryption, odd roots."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from flowc.errors import StoreError
from flowc.protocol.encodings import join_tags, split_tags, tag_problem
from flowc.store import Store, claims, multipart, open_store, s3_settings, split_url
from flowc.store.connections import proxy_of, shown
from flowc.store.retry import VARIABLE
from tests.runtime.faultserver import FaultServer, refuses

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
FAR = "s3.corp.internal:9000"
"""A server that only a proxy reaches."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server, and an environment with keys for it and nothing else of AWS, nor a proxy."""
    found = FaultServer()
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    for name in KEYS:
        monkeypatch.setenv(name, "k")
    monkeypatch.setenv(VARIABLE, "0")
    yield found
    while OPENED:
        getattr(OPENED.pop(), "close", int)()
    found.stop()


@pytest.fixture(params=["stdlib", "obstore"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The client of the stores that the test opens."""
    name: str = request.param
    if name == "obstore":
        pytest.importorskip("obstore")
    monkeypatch.setenv("FLOWC_S3_CLIENT", name)
    return name


OPENED: list[Store] = []


def opened(root: str) -> Store:
    """A store whose connections end with the test."""
    OPENED.append(open_store(root))
    return OPENED[-1]


@pytest.mark.parametrize("variables", [("http_proxy",), ("HTTP_PROXY",), ("all_proxy",), ("ALL_PROXY",)])
def test_plain_requests_go_through_a_proxy(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{FAR}")
    for name in variables:
        monkeypatch.setenv(name, server.url.replace("//", "//user:p%40ss@"))
    store = opened("s3://bucket/x")
    store.write("key", [b"value"])
    assert bytes(store.read("key")) == b"value"
    assert server.requests == [f"PUT http://{FAR}/bucket/x/key", f"GET http://{FAR}/bucket/x/key"]
    for headers in server.headers:
        assert headers["host"] == FAR
        assert headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
        assert "authorization" in headers


def test_of_two_that_create_a_key_one_does(server: FaultServer, client: str) -> None:
    store = opened("s3://bucket/x")
    assert store.create("key", [b"a", b"b"])
    assert not store.create("key", [b"c"])
    assert bytes(store.read("key")) == b"ab"


def test_a_server_that_knows_no_conditions(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "CLAIM_SECONDS", 0.01)
    store = opened("s3://bucket/x")
    server.faults.append(refuses(501, "NotImplemented"))
    assert [store.create("key", [b"a"]), store.create("key", [b"b"])] == [True, False]
    assert [*server.objects] == ["/bucket/x/key"]


def test_of_two_that_create_a_key_one_does_where_conditions_are_ignored(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked, and found nothing, before one of them writes."""
    monkeypatch.setattr(claims, "CLAIM_SECONDS", 0.3)
    server.conditional = False
    server.objects["/bucket/x/key.0"] = b""  # a claim of somebody who has not gone on
    server.times["/bucket/x/key.0"] = time.time() - 100
    stores = [opened("s3://bucket/x") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(store.create, "key", [b"%d" % place]) for place, store in enumerate(stores)]
        created = [item.result() for item in made]
    assert sorted(created) == [False, False, True]
    assert bytes(stores[0].read("key")) == b"%d" % created.index(True)
    assert not stores[0].create("key", [b"late"])
    assert sorted(server.objects) == ["/bucket/x/key", "/bucket/x/key.0"]


def test_a_proxy_is_not_used_where_no_proxy_says_so(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com,127.0.0.0/8")
    store = opened("s3://bucket/x")
    store.write("key", [b"value"])
    assert server.requests == ["PUT /bucket/x/key"]


RULES: list[tuple[str, str, bool]] = [
    ("s3.corp.internal", FAR, True),
    ("corp.internal", FAR, True),
    (".corp.internal", FAR, True),
    ("*.corp.internal", FAR, True),
    ("CORP.Internal", FAR, True),
    ("internal:9000", FAR, True),
    ("internal:80", FAR, False),
    ("s3.corp.internal:9000", FAR, True),
    ("p.internal", FAR, False),
    ("s3", FAR, False),
    ("a, b ,corp.internal", FAR, True),
    ("a corp.internal", FAR, True),
    ("*", FAR, True),
    ("", FAR, False),
    (",", FAR, False),
    (".", FAR, False),
    ("svc", "minio.storage.svc:9000", True),
    ("svc.", "minio.storage.svc.", True),
    ("10.0.0.0/8", "10.1.2.3:9000", True),
    ("10.0.0.1/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/8", "ten.example.com", False),
    ("10.0.0.0/xx", "10.1.2.3", False),
    ("10.1.2.3", "10.1.2.3:9000", True),
    ("fd00::/8", "[fd00::1]:9000", True),
    ("[fd00::1]", "[fd00::1]:9000", True),
    ("[fd00::1]:80", "[fd00::1]:9000", False),
    ("fd00::1", "[fd00::1]:9000", True),
    ("localhost", "localhost:9000", True),
]


@pytest.mark.parametrize(("rules", "host", "excepted"), RULES)
def test_rules_of_no_proxy(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, rules: str, host: str, excepted: bool
) -> None:
    monkeypatch.setenv("http_proxy", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", rules)
    assert proxy_of("http", host) == (None if excepted else "http://proxy:3128")


def test_lower_case_counts_first_and_each_scheme_has_its_own(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("https_proxy", "http://lower:1")
    monkeypatch.setenv("HTTP_PROXY", "http://upper:2")
    monkeypatch.setenv("http_proxy", "")
    assert proxy_of("https", "h") == "http://lower:1"
    assert proxy_of("http", "h") is None
    assert shown("http://user:secret@proxy:1") == "http://proxy:1"


@pytest.mark.parametrize("proxy", ["socks5://proxy:1080", "http://", "https://proxy:1"])
def test_a_proxy_that_cannot_be_used_is_reported(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://far.example")
    monkeypatch.setenv("https_proxy", proxy.replace("//", "//user:secret@"))
    with pytest.raises(StoreError, match="write http://host:port") as caught:
        opened("s3://bucket/x")
    assert "secret" not in str(caught.value)


class _Tunnels(BaseHTTPRequestHandler):
    """A proxy for TLS: connects to the address of the test's server, whatever the name."""

    def do_CONNECT(self) -> None:
        """Open a tunnel, or refuse to."""
        proxy = cast("_Proxy", self.server)
        proxy.asked.append((self.path, self.headers.get("proxy-authorization", "")))
        if proxy.target is None:
            self.send_error(407)
            return
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", proxy.target)) as there:
            back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
            back.start()
            _pump(self.connection, there)
            back.join()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnels)
        self.target = target
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_requests_over_tls_go_through_a_tunnel(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=s3.far.example"]
    request += ["-addext", "subjectAltName=DNS:s3.far.example", "-keyout", str(pem), "-out", str(tmp_path / "cert")]
    subprocess.run(request, check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.use_tls(context)
    proxy = _Proxy(server.port)
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.far.example")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "cert"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{proxy.server_port}")
    store = opened("s3://bucket/x")
    store.write("key", [b"value"])
    assert bytes(store.read("key")) == b"value"
    proxy.shutdown()
    proxy.server_close()
    assert proxy.asked == [("s3.far.example:443", "Basic dXNlcjpwYXNz")]
    assert server.requests == ["PUT /bucket/x/key", "GET /bucket/x/key"]
    assert all("proxy-authorization" not in headers for headers in server.headers)


def test_a_proxy_that_refuses_a_tunnel_ends_the_request(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = _Proxy(None)
    monkeypatch.setenv(VARIABLE, "60")
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.far.example")
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.server_port}")
    where = rf"at s3\.far\.example through the proxy http://127\.0\.0\.1:{proxy.server_port} failed: OSError: .*407"
    with pytest.raises(StoreError, match=where):
        opened("s3://bucket/x").read("key")
    proxy.shutdown()
    proxy.server_close()
    assert len(proxy.asked) == 1


def test_a_container_is_asked_for_keys_without_the_proxy(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/agent")
    with pytest.raises(StoreError, match=r"no credentials from .*/agent: 403"):
        opened("s3://bucket/x").read("key")
    assert server.requests == ["GET /agent"]


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, "the files in ~/.aws are not read"),
        ({"AWS_PROFILE": "prod"}, "AWS_PROFILE and the files in ~/.aws are not read"),
        ({"AWS_ACCESS_KEY_ID": "k"}, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ROLE_ARN": "r"}, "AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE"),
    ],
)
def test_a_refusal_of_an_unsigned_request_lists_where_keys_were_looked_for(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    for name in KEYS:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="403 AccessDenied: because; the request was not signed") as caught:
        opened("s3://bucket/x").read("key")
    text = str(caught.value)
    assert wanted in text
    for name in (*KEYS, *s3_settings.PAIRS[1], *s3_settings.CONTAINER):
        assert name in text
    assert "authorization" not in server.headers[0]


def test_obstore_without_keys_says_so_as_well(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLOWC_S3_CLIENT", "obstore")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", server.url)
    with pytest.raises(StoreError, match=r"not signed, for lack of keys; looked for AWS_ACCESS_KEY_ID with"):
        opened("s3://bucket/x").read("key")


def test_a_refusal_of_a_signed_request_says_nothing_of_keys(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults = [lambda handler: handler.refuse(403, "AccessDenied")]
    with pytest.raises(StoreError, match="AccessDenied") as caught:
        opened("s3://bucket/x").read("key")
    assert "signed" not in str(caught.value)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
        ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
        ("us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"),
        ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
        ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_regions_of_every_partition(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    """The requests go to a proxy that knows no such host, and says so."""
    proxy = _Proxy(None)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_port}")
    with pytest.raises(StoreError):
        opened("s3://bucket/x").read("key")
    proxy.shutdown()
    proxy.server_close()
    asked = {host for host, _ in proxy.asked}
    assert asked <= {f"{host}:443", f"bucket.{host}:443"}
    assert asked


def test_keys_of_a_role_come_from_its_partition(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = _Proxy(None)
    (tmp_path / "token").write_text("t")
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws-cn:iam::1:role/x")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_port}")
    with pytest.raises(StoreError, match=r"sts\.cn-north-1\.amazonaws\.com\.cn"):
        opened("s3://bucket/x").read("key")
    proxy.shutdown()
    proxy.server_close()
    assert [host for host, _ in proxy.asked] == ["sts.cn-north-1.amazonaws.com.cn:443"]


SSE = "x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("kind", "key", "sent"),
    [
        ("", "", {}),
        ("AES256", "", {SSE: "AES256"}),
        ("aws:kms", "", {SSE: "aws:kms"}),
        ("aws:kms", "alias/flows", {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "alias/flows"}),
        ("", "alias/flows", {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "alias/flows"}),
        ("aws:kms:dsse", "arn:aws:kms:eu-west-1:1:key/2",
         {SSE: "aws:kms:dsse", f"{SSE}-aws-kms-key-id": "arn:aws:kms:eu-west-1:1:key/2"}),
    ],
)  # fmt: skip
def test_objects_are_encrypted_as_the_environment_says(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch, kind: str, key: str, sent: dict[str, str]
) -> None:
    monkeypatch.setenv("FLOWC_S3_SSE", kind)
    monkeypatch.setenv("FLOWC_S3_KMS_KEY", key)
    monkeypatch.setattr(multipart, "LARGEST", 10)
    store = opened("s3://bucket/x")
    store.write("small", [b"value"])
    size = 30 if client == "stdlib" else 12 << 20
    store.write("large", [b"v" * size])
    assert len(store.read("large")) == size
    by_request = {
        request: {name: value for name, value in headers.items() if name.startswith(SSE)}
        for request, headers in zip(server.requests, server.headers, strict=True)
    }
    creating = [request for request in by_request if request == "PUT /bucket/x/small" or "?uploads" in request]
    assert len(creating) == 2
    assert all(by_request[request] == sent for request in creating)
    assert not any(headers for request, headers in by_request.items() if request not in creating)


@pytest.mark.parametrize(("kind", "key"), [("kms", ""), ("AES256", "alias/a"), ("aws:kms ", "")])
def test_encryption_that_s3_does_not_have_is_reported(
    server: FaultServer, client: str, monkeypatch: pytest.MonkeyPatch, kind: str, key: str
) -> None:
    monkeypatch.setenv("FLOWC_S3_SSE", kind)
    monkeypatch.setenv("FLOWC_S3_KMS_KEY", key)
    with pytest.raises(StoreError, match="FLOWC_S3_SSE"):
        opened("s3://bucket/x")
    assert server.requests == []


@pytest.mark.parametrize(
    "prefix", ["a#b", "a?b=1", "a b", "a%20b", "a%23", "\u00e4\u4e16", "a+b", "a&b;c", "a'b\"c", "#", "?x#y"]
)
def test_every_character_of_a_root_counts(server: FaultServer, client: str, prefix: str) -> None:
    root = f"s3://bucket/{prefix}"
    store = opened(root)
    assert store.url == root
    store.write("run/key", [b"value"])
    assert list(server.objects) == [f"/bucket/{prefix}/run/key"]
    again = opened(store.url)
    assert bytes(again.read("run/key")) == b"value"
    assert list(again.keys("run/")) == ["run/key"]


@pytest.mark.parametrize("name", ["a#b", "a?b=1", "a b", "a%20b", "\u00e4\u4e16", "a:b", "s3:"])
def test_every_character_of_a_folder_counts(tmp_path: Path, name: str) -> None:
    store = opened(str(tmp_path / name))
    store.write("run/key", [b"value"])
    assert (tmp_path / name / "run" / "key").read_bytes() == b"value"
    assert bytes(opened(store.url).read("run/key")) == b"value"
    assert bytes(opened((tmp_path / name).as_uri()).read("run/key")) == b"value"


@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("", "empty"),
        ("s3://", "no bucket"),
        ("s3:///prefix", "no bucket"),
        ("s3://b/a//c", "empty"),
        ("s3://b/a/../c", r"`\.\.`"),
        ("s3://b/./c", r"`\.`"),
        ("s3://b/a\nc", "control character"),
        ("ftp://b/c", "unknown scheme"),
        ("S3://b/c", "unknown scheme"),
        ("file://mnt/shared", "names a host, mnt; write file:///mnt/shared"),
    ],
)
def test_a_root_that_cannot_be_one_is_reported(server: FaultServer, client: str, root: str, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        opened(root)


def test_the_parts_of_a_root() -> None:
    assert split_url("s3a://b/c/d/") == ("s3a", "b", "c/d")
    assert split_url("gs://b") == ("gs", "b", "")
    assert split_url("file:///mnt/a%20b/") == ("file", "", "mnt/a b")
    assert split_url("file://localhost/mnt") == ("file", "", "mnt")


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["a"],
        ["a,b", "c"],
        ["100%"],
        ["%2C"],
        ["%252C,%25"],
        [",", ",,"],
        [" a ", "b\nc", "\u00e4"],
        ["a=b", '"', "{{x}}"],
    ],
)
def test_tags_travel_in_one_variable(tags: list[str]) -> None:
    assert split_tags(join_tags(tags)) == tags
    assert all(tag_problem(tag) is None for tag in tags)


def test_what_is_no_tag() -> None:
    assert split_tags("a,,b") == ["a", "b"]
    assert [tag_problem(tag) is None for tag in ("", "a" * 500, "a" * 501, "\0", "\ud800")] == [
        False, True, False, False, False,
    ]  # fmt: skip
