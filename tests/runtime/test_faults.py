"""Stores that fail for a while: which errors are retried, for how long, what is reported, and which end at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc.errors import MissingKey, StoreError
from flowc.store import Store, multipart, open_store
from flowc.store.retry import VARIABLE
from flowc.store.s3 import S3Store
from tests.runtime.faultserver import Fault, FaultServer, Handler, answers_half, loses_answer, refuses, resets


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server without faults, and retries for some seconds."""
    found = FaultServer()
    for name in ("AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv(VARIABLE, "20")
    yield found
    found.stop()


@pytest.fixture(params=["stdlib", "obstore"])
def store(request: pytest.FixtureRequest, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store on the server by each client, with one value in it."""
    if request.param == "obstore":
        pytest.importorskip("obstore")
    monkeypatch.setenv("FLOWC_S3_CLIENT", request.param)
    found = open_store("s3://bucket/prefix")
    found.write("run/key", [b"value"])
    server.requests.clear()
    yield found
    _close(found)


def test_a_small_value_in_parts_is_one_request(store: Store, server: FaultServer) -> None:
    store.write("run/parts", [b"ab", memoryview(b"cd"), b"e"])
    assert server.requests == ["PUT /bucket/prefix/run/parts"]
    assert server.objects["/bucket/prefix/run/parts"] == b"abcde"


TRANSIENT = {
    "slow down": refuses(503, "SlowDown"),
    "too many": refuses(429, "TooManyRequests"),
    "internal": refuses(500, "InternalError"),
    "gateway": refuses(502, ""),
    "cut off": refuses(400, "RequestTimeout"),
    "aborted": refuses(409, "OperationAborted"),
    "reset": resets,
    "half": answers_half,
}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_what_passes_is_tried_again(store: Store, server: FaultServer, fault: str) -> None:
    def faults(times: int = 2) -> None:
        assert not server.faults
        server.faults += [TRANSIENT[fault]] * times

    faults()
    store.write("run/other", [b"one", memoryview(b"two")])
    assert server.objects["/bucket/prefix/run/other"] == b"onetwo"
    server.faults.clear()  # half of no body is a whole one
    faults()
    assert bytes(store.read("run/key")) == b"value"
    faults()
    assert bytes(store.read_range("run/key", 1, 2)) == b"al"
    faults()
    assert sorted(store.keys("run/")) == ["run/key", "run/other"]
    if fault not in ("cut off", "aborted"):  # HEAD has no body to say it in
        faults()
        assert store.exists("run/key")


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "InvalidRequest")])
def test_what_does_not_pass_ends_at_once(store: Store, server: FaultServer, status: int, code: str) -> None:
    server.faults += [refuses(status, code)] * 9
    begun = time.monotonic()
    with pytest.raises(StoreError, match=f"{status}|no such bucket"):
        store.write("run/other", [b"1"])
    with pytest.raises(StoreError):
        store.read("run/key")
    assert len(server.requests) == 2
    assert time.monotonic() - begun < 1


def test_a_missing_key_is_missing_at_once(store: Store, server: FaultServer) -> None:
    with pytest.raises(MissingKey):
        store.read("run/nothing")
    assert not store.exists("run/nothing")
    assert len(server.requests) == 2


def test_a_server_that_is_gone_for_a_while(
    store: Store, server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.gone_for(4)
    begun = time.monotonic()
    store.write("run/later", [b"x"])
    assert 3 < time.monotonic() - begun < 15
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("flowc: ")]  # and not the server's
    assert "flowc: waiting " in said[0]
    assert "for the store s3://bucket" in said[0]
    assert "answers again, after " in said[-1]
    assert 2 <= len(said) <= 6


def test_a_server_that_stays_away_is_given_up(
    store: Store, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "3")
    server.stop()
    begun = time.monotonic()
    with pytest.raises(StoreError, match=rf"tries in 3 s; {VARIABLE}=3") as raised:
        store.read("run/key")
    assert not isinstance(raised.value, MissingKey)
    assert 2.5 < time.monotonic() - begun < 8
    monkeypatch.setenv(VARIABLE, "0")
    begun = time.monotonic()
    with pytest.raises(StoreError):
        store.read("run/key")
    assert time.monotonic() - begun < 2
    monkeypatch.setenv(VARIABLE, "soon")
    with pytest.raises(StoreError, match=f"{VARIABLE} is 'soon'"):
        store.read("run/key")


@pytest.mark.parametrize("client", ["stdlib", "obstore"])
def test_a_name_that_is_not_known(server: FaultServer, monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    if client == "obstore":
        pytest.importorskip("obstore")
    monkeypatch.setenv("FLOWC_S3_CLIENT", client)
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.flowc.invalid:1")
    with pytest.raises(StoreError, match="tries in"):
        open_store("s3://bucket").read("key")


@pytest.fixture
def plain(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The client of the standard library."""
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    found = open_store("s3://bucket/prefix")
    yield found
    _close(found)


def _close(store: Store) -> None:
    """Close the connection that a client keeps for the next request."""
    if isinstance(store, S3Store):
        store.close()


def test_as_long_as_the_server_asks(plain: Store, server: FaultServer) -> None:
    server.faults += [refuses(503, "SlowDown", Retry_After="2")]
    begun = time.monotonic()
    plain.write("key", [b"1"])
    assert 2 <= time.monotonic() - begun < 3


def test_a_clock_that_is_wrong(plain: Store, server: FaultServer) -> None:
    server.ahead = 7200
    plain.write("key", [b"1"])
    assert plain.exists("key")
    server.ahead = 0
    assert plain.exists("key")
    assert len(server.requests) == 5


def test_a_kept_connection_that_has_ended_costs_no_wait(plain: Store, server: FaultServer) -> None:
    plain.write("key", [b"1"])
    server.stop()
    server.start()
    server.faults += [resets]
    begun = time.monotonic()
    assert plain.exists("key")
    assert time.monotonic() - begun < 0.5


def test_keys_that_have_expired_early(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/keys")
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    server.faults += [refuses(503, ""), _keys("one"), refuses(400, "ExpiredToken"), _keys("two")]
    store = open_store("s3://bucket")
    store.write("key", [b"1"])
    assert [request.split("?")[0] for request in server.requests] == [
        *["GET /keys"] * 2,
        "PUT /bucket/key",
        "GET /keys",
        "PUT /bucket/key",
    ]
    _close(store)


def test_keys_that_are_refused(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/keys")
    monkeypatch.setenv("FLOWC_S3_CLIENT", "stdlib")
    server.faults += [refuses(403, "")] * 3
    with pytest.raises(StoreError, match=r"no credentials from .*: 403"):
        open_store("s3://bucket").write("key", [b"1"])
    assert len(server.requests) == 1


def _keys(name: str) -> Fault:
    """The answer of a container's agent."""
    keys = {"AccessKeyId": name, "SecretAccessKey": "S", "Token": "T", "Expiration": "2999-01-01T00:00:00Z"}

    def answer(handler: Handler) -> bool:
        handler.answer(200, json.dumps(keys).encode())
        return True

    return answer


@pytest.fixture
def parts(plain: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """One whose large values are of some bytes."""
    monkeypatch.setattr(multipart, "LARGEST", 10)
    monkeypatch.setattr(multipart, "PART", 4)
    return plain


def passes(handler: Handler) -> bool:
    """No fault."""
    return False


def test_a_large_value_whose_parts_and_end_fail(parts: Store, server: FaultServer) -> None:
    server.faults += [refuses(503, "SlowDown"), refuses(503, "SlowDown"), resets, resets, answers_half]
    parts.write("big", [b"0123456789", b"abcdef"])
    assert server.objects["/bucket/prefix/big"] == b"0123456789abcdef"
    assert not any(server.uploads.values()), "one whose id was lost has no parts"


def test_a_large_value_whose_last_answer_fails(parts: Store, server: FaultServer) -> None:
    server.faults += [*[passes] * 5, refuses(200, "InternalError")]
    parts.write("big", [bytes(16)])
    assert len(server.objects["/bucket/prefix/big"]) == 16


def test_a_large_value_whose_last_answer_is_lost(parts: Store, server: FaultServer) -> None:
    server.faults += [*[passes] * 5, loses_answer]
    parts.write("big", [bytes(16)])
    assert server.objects["/bucket/prefix/big"] == bytes(16)


AWAY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
static int left = -1;
static int away(const char *path) {
    if (left < 0) left = atoi(getenv("AWAY_TIMES"));
    if (!strstr(path, "/volume/") || left == 0) return 0;
    left--;
    errno = atoi(getenv("AWAY_ERRNO"));
    return 1;
}
int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
    if (!real) real = dlsym(RTLD_NEXT, "open64");
    return away(path) ? -1 : real(path, flags, mode);
}
int open(const char *path, int flags, ...) {
    va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
    return open64(path, flags, mode);
}
"""


@pytest.fixture(scope="module")
def failing_open(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes `open` of files in a folder `volume` fail, as that of a volume whose server is away."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("away")
    (folder / "away.c").write_text(AWAY)
    library = folder / "away.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "away.c", "-ldl"], check=True)
    return library


CODE = """
from flowc.store import open_store
store = open_store("volume")
store.write("run/key", [b"value"])
print(bytes(store.read("run/key")).decode())
"""


def _with_volume(
    library: Path, folder: Path, number: int, times: int, seconds: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LD_PRELOAD": str(library), "AWAY_ERRNO": str(number), "AWAY_TIMES": str(times)}
    env[VARIABLE] = seconds
    return subprocess.run(
        [sys.executable, "-c", CODE], env=env, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.process
def test_a_volume_whose_server_is_away(failing_open: Path, tmp_path: Path) -> None:
    import errno

    done = _with_volume(failing_open, tmp_path, errno.ESTALE, 6, "30")
    assert done.stdout == "value\n"
    assert f"for the store {tmp_path}/volume" in done.stderr
    assert "tale file handle" in done.stderr
    assert [item.name for item in (tmp_path / "volume" / "run").iterdir()] == ["key"]


@pytest.mark.process
def test_a_volume_that_stays_away_and_one_that_is_full(failing_open: Path, tmp_path: Path) -> None:
    import errno

    away = _with_volume(failing_open, tmp_path, errno.EIO, 1000, "1")
    assert "tries in 1 s" in away.stderr
    begun = time.monotonic()
    full = _with_volume(failing_open, tmp_path, errno.ENOSPC, 1000, "30")
    assert "No space left on device" in full.stderr
    assert time.monotonic() - begun < 5
