"""Where the S3 client of the standard library finds keys, against real HTTP servers of the test's own."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flowc.errors import StoreError
from flowc.store.aws_signing import CredentialSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AK-{role}</AccessKeyId>
<SecretAccessKey>SK-{token}</SecretAccessKey><SessionToken>ST</SessionToken>
<Expiration>2000-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


class Handler(BaseHTTPRequestHandler):
    """Answers like STS and like a container's agent."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if parts.path == "/agent":
            if self.headers["authorization"] != "secret":
                self.send_error(403)
                return
            keys = {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "T", "Expiration": "2999-01-01T00:00:00Z"}
            body = json.dumps(keys)
        else:
            body = STS.format(role=query["RoleArn"][0], token=query["WebIdentityToken"][0])
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server, and an environment without any keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_keys_of_the_environment_come_first(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server}/agent")
    keys = CredentialSource("us-east-1").get()
    assert keys is not None
    assert (keys.access_key, keys.secret_key, keys.token) == ("a", "b", None)


def test_a_web_identity_token_is_exchanged_and_renewed(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("one+/=\n", encoding="utf-8")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server)
    source = CredentialSource("us-east-1")
    keys = source.get()
    assert keys is not None
    assert (keys.access_key, keys.secret_key, keys.token) == ("AK-arn:aws:iam::1:role/x", "SK-one+/=", "ST")
    token.write_text("two", encoding="utf-8")
    renewed = source.get()
    assert renewed is not None
    assert renewed.secret_key == "SK-two", "these keys have expired, and Kubernetes has rotated the token"


def test_the_agent_of_a_container_provides_keys(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server}/agent")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret")
    source = CredentialSource("us-east-1")
    keys = source.get()
    assert keys is not None
    assert (keys.access_key, keys.token) == ("AK", "T")
    assert source.get() is keys


def test_a_source_that_refuses_is_reported(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server}/agent")
    with pytest.raises(StoreError, match=r"no credentials from http://127\.0\.0\.1:.*/agent: 403"):
        CredentialSource("us-east-1").get()


def test_without_any_source_requests_are_not_signed(server: str) -> None:
    assert CredentialSource("us-east-1").get() is None
