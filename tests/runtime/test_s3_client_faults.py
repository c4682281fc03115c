"""`metaflow.S3` with a server that refuses, cuts off and moves: its errors, and that objects arrive whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowc import S3
from flowc.datatools import bucket
from flowc.datatools.s3_objects import (
    MetaflowS3AccessDenied,
    MetaflowS3Exception,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    S3GetObject,
)
from flowc.store.retry import VARIABLE
from tests.runtime.faultserver import Fault, FaultServer, answers_half, refuses, resets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server without faults, and retries for a second."""
    found = FaultServer()
    for name in ("AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_S3", "METAFLOW_S3_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv(VARIABLE, "1")
    yield found
    found.stop()


@pytest.fixture
def s3(server: FaultServer, tmp_path: Path) -> Iterator[S3]:
    """A client with one object."""
    server.objects["/bucket/p/k"] = b"0123456789"
    with S3(s3root="s3://bucket/p", tmproot=str(tmp_path)) as found:
        yield found
    assert not list(tmp_path.glob("metaflow.s3.*"))


CALLS: dict[str, Callable[[S3], Any]] = {
    "get": lambda s3: s3.get("k"),
    "get_many": lambda s3: s3.get_many(["k", "k"]),
    "info": lambda s3: s3.info("k"),
    "put": lambda s3: s3.put("k", "v"),
    "put_many": lambda s3: s3.put_many([("k", "v")]),
    "list_paths": lambda s3: s3.list_paths(),
    "get_all": lambda s3: s3.get_all(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDenied", MetaflowS3AccessDenied),
        (403, "AllAccessDisabled", MetaflowS3AccessDenied),
        (403, "InvalidAccessKeyId", MetaflowS3AccessDenied),
        (404, "NoSuchBucket", MetaflowS3NotFound),
        (404, "NoSuchKey", MetaflowS3NotFound),
        (416, "InvalidRange", MetaflowS3InvalidRange),
        (403, "SignatureDoesNotMatch", MetaflowS3Exception),
        (400, "InvalidArgument", MetaflowS3Exception),
        (501, "NotImplemented", MetaflowS3Exception),
        (503, "SlowDown", MetaflowS3Exception),
    ],
)
def test_refusals(
    s3: S3,
    server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    status: int,
    code: str,
    expected: type[Exception],
) -> None:
    """As Metaflow's `normalize_client_error` has it: an answer to HEAD has a status only."""
    monkeypatch.setenv(VARIABLE, "0")
    server.faults = [refuses(status, code)] * 2
    if call == "info" and code == "SignatureDoesNotMatch":
        expected = MetaflowS3AccessDenied
    with pytest.raises(expected) as raised:
        CALLS[call](s3)
    assert type(raised.value) is expected
    assert "bucket" in str(raised.value)


@pytest.mark.parametrize("fault", [refuses(503, "SlowDown"), refuses(500, "InternalError"), resets, answers_half])
def test_what_passes_is_tried_again(s3: S3, server: FaultServer, fault: Fault) -> None:
    server.faults = [fault]
    assert s3.get("k").blob == b"0123456789"
    server.faults = [fault]
    assert s3.get_many(["k"])[0].text == "0123456789"
    if fault is not answers_half:
        server.faults = [fault]
        s3.put("k", "new")
        assert server.objects["/bucket/p/k"] == b"new"


def test_a_server_that_is_gone(s3: S3, server: FaultServer) -> None:
    server.stop()
    with pytest.raises(MetaflowS3Exception, match="refused"):
        s3.get("k", return_missing=True)


def test_a_bucket_in_another_region(s3: S3, server: FaultServer) -> None:
    """The request is signed anew, and those that follow at once."""
    server.faults = [refuses(301, "PermanentRedirect", x_amz_bucket_region="eu-central-1")]
    assert s3.get("k").text == "0123456789"
    assert s3.info("k").exists
    regions = [headers["authorization"].split("/")[2] for headers in server.headers]
    assert regions == ["us-east-1", "eu-central-1", "eu-central-1"]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of some kilobytes go up in parts, and come down in ranges."""
    for name, size in (("PUT_AT_ONCE", 1000), ("PART", 700), ("GET_AT_ONCE", 1000), ("PIECE", 64)):
        monkeypatch.setattr(bucket, name, size)


@pytest.mark.usefixtures("in_parts")
def test_large_objects_arrive_whole(s3: S3, server: FaultServer, tmp_path: Path) -> None:
    """Though each way a part fails at first."""
    content = os.urandom(5001)
    (tmp_path / "file").write_bytes(content)
    for put in (lambda: s3.put_files([("big", tmp_path / "file")]), lambda: s3.put("big", content)):
        server.objects.pop("/bucket/p/big", None)
        server.faults = [lambda handler: False, lambda handler: False, refuses(503, "SlowDown"), resets]
        put()
        assert server.objects["/bucket/p/big"] == content
    for fault in (answers_half, resets, refuses(500, "InternalError")):
        server.faults = [lambda handler: False, lambda handler: False, fault]
        assert s3.get("big").blob == content
    server.requests.clear()
    assert s3.get_many(["big"])[0].blob == content
    assert len(server.requests) == 1 + 8


@pytest.mark.usefixtures("in_parts")
def test_a_file_that_becomes_shorter(s3: S3, server: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3000))

    def shorten(handler: object) -> bool:
        path.write_bytes(b"")
        return False

    server.faults = [shorten]
    with pytest.raises(MetaflowS3Exception, match="shorter"):
        s3.put_files([("big", str(path))])
    assert "/bucket/p/big" not in server.objects


def test_a_disk_without_room(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowc.datatools.s3_objects import MetaflowS3InsufficientDiskSpace

    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(MetaflowS3InsufficientDiskSpace):
        s3.get("k")


def test_parameters_of_the_client(server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    parameters = {
        "endpoint_url": server.url,
        "region_name": "eu-west-3",
        "aws_access_key_id": "own",
        "aws_secret_access_key": "x",
    }
    with S3(s3root="s3://bucket", tmproot=str(tmp_path), client_params=parameters) as s3:
        s3.put("k", "v")
    assert "Credential=own/" in server.headers[0]["authorization"]
    assert "/eu-west-3/" in server.headers[0]["authorization"]
    monkeypatch.setenv("METAFLOW_S3_ENDPOINT_URL", server.url)
    with S3(tmproot=str(tmp_path)) as s3:
        assert s3.get("s3://bucket/k").text == "v"
    with pytest.raises(MetaflowS3Exception, match="has region"):
        S3(client_params={"region": "x"})
    with pytest.raises(MetaflowS3Exception, match="boto3"):
        S3(role="arn:aws:iam::1:role/x")


def test_encryption(server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of the argument, else of Metaflow's variable, else the store's."""
    kind = "x-amz-server-side-encryption"
    monkeypatch.setenv("FLOWC_S3_SSE", "aws:kms")
    monkeypatch.setenv("FLOWC_S3_KMS_KEY", "alias/k")
    for argument, variable, expected in (("AES256", "aws:kms:dsse", "AES256"), (None, "AES256", "AES256"),
                                         (None, None, "aws:kms")):  # fmt: skip
        if variable is None:
            monkeypatch.delenv("METAFLOW_S3_SERVER_SIDE_ENCRYPTION")
        else:
            monkeypatch.setenv("METAFLOW_S3_SERVER_SIDE_ENCRYPTION", variable)
        with S3(s3root="s3://bucket", tmproot=str(tmp_path), encryption=argument) as s3:
            s3.put("k", "v")
        assert server.headers[-1][kind] == expected
        assert (f"{kind}-aws-kms-key-id" in server.headers[-1]) == (expected == "aws:kms")


def test_a_range_that_the_server_ignores(s3: S3, server: FaultServer) -> None:
    def ignores(handler: Any) -> bool:
        handler.answer(200, b"0123456789")
        return True

    server.faults = [ignores]
    with pytest.raises(MetaflowS3Exception, match="no range"):
        s3.get(S3GetObject("k", 1, 2))
