"""Secrets of AWS, GCP, Azure and Vault, against a real HTTP server: names, identities, a sentence for each failure."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from flowc.secret_managers import MODULES, SecretError
from flowc.shim.failure_report import failure_text, without_secrets
from flowc.shim.task_secrets import inject
from flowc_compiler.evaluate.environment_reads import looks_secret
from flowc_compiler.ir import SecretSource
from tests.runtime.secretserver import IMDS, TOKEN, VALUE, SecretServer, gcp, refused, secret_server

if TYPE_CHECKING:
    from collections.abc import Iterator

GCP = "/v1/projects/p/secrets/api-key/versions"
KEYS = {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": TOKEN, "Expiration": "2999-01-01T00:00:00Z"}
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>SK</SecretAccessKey><SessionToken>ST</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SecretServer]:
    """A server, and an environment that names it and no identity."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "VAULT_", "GOOGLE_", "METAFLOW_", "IDENTITY_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with secret_server() as found:
        os.environ.update(
            HOME=str(tmp_path), FLOWC_STORE_PATIENCE="0", AWS_REGION="eu-west-1",
            AWS_ENDPOINT_URL_SECRETS_MANAGER=found.url, AWS_EC2_METADATA_SERVICE_ENDPOINT=found.url,
            AWS_ENDPOINT_URL_STS=f"{found.url}/sts", GCE_METADATA_HOST=found.host, VAULT_ADDR=found.url,
            CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=found.url, AZURE_POD_IDENTITY_AUTHORITY_HOST=found.url,
            AZURE_AUTHORITY_HOST=f"{found.url}/login", METAFLOW_AZURE_KEY_VAULT_PREFIX=f"{found.url}/kv",
        )  # fmt: skip
        token = {"access_token": TOKEN}
        found.routes.update({
            "GET /computeMetadata/v1/instance/service-accounts/default/token": (200, token),
            "GET /metadata/identity/oauth2/token": (200, token),
            "POST /login/tenant/oauth2/v2.0/token": (200, token),
            "PUT /latest/api/token": (200, "imds"),
            f"GET {IMDS}": (200, "node-role"),
            f"GET {IMDS}node-role": (200, KEYS),
            "GET /sts/": (200, ASSUMED),
            "POST /v1/auth/kubernetes/login": (200, {"auth": {"client_token": TOKEN}}),
        })  # fmt: skip
        yield found


def fetched(kind: str, identifier: str, role: str | None = None, **options: Any) -> dict[str, str]:
    """The variables that a source sets."""
    before = dict(os.environ)
    inject("train", [{"type": kind, "id": identifier, "role": role, "options": options}], allow_override=False)
    return {name: value for name, value in os.environ.items() if name not in before}


def problem(kind: str, identifier: str, role: str | None = None, **options: Any) -> str:
    """Why a source cannot be fetched."""
    with pytest.raises(SecretError) as caught:
        fetched(kind, identifier, role, **options)
    assert caught.value.__context__ is None  # nothing of the first error is in a traceback
    text = str(caught.value)
    assert text.startswith(f"step 'train': the secret {identifier} ({kind})"), text
    assert not any(hidden in text for hidden in (TOKEN, VALUE, "\n"))
    return text


def test_where_secrets_are_kept_is_no_secret() -> None:
    assert looks_secret("MY_SECRET")
    assert not looks_secret("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    assert not looks_secret("METAFLOW_AZURE_KEY_VAULT_PREFIX")


def test_the_types_of_the_ir_are_those_of_the_runtime() -> None:
    known = set(get_args(SecretSource.model_fields["type"].annotation))
    assert known == {*MODULES, "inline", "kubernetes"}


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ({"SecretString": '{"user": "u", "pass-word": 1, "a.b/c": true}'}, {},
         {"user": "u", "pass_word": "1", "a_b_c": "True"}),
        ({"SecretString": VALUE}, {"json": False}, {"team_db": VALUE}),
        ({"SecretString": VALUE}, {"json": False, "env_var_name": "OWN"}, {"OWN": VALUE}),
        ({"SecretBinary": "AAE="}, {}, {"team_db": "AAE="}),
    ],
)  # fmt: skip
def test_aws(server: SecretServer, answer: Any, options: Any, expected: dict[str, str]) -> None:
    server.routes["POST /"] = (200, {"Name": "team/db", "ARN": "arn:x", **answer})
    assert fetched("aws-secrets-manager", "team/db", **options) == expected
    _, headers, form = server.seen[-1]
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AK/\d{8}/eu-west-1/secretsmanager/aws4_request, ", headers["authorization"]
    )
    assert headers["x-amz-security-token"] == TOKEN
    assert json.loads(form["json"][0]) == {"SecretId": "team/db"}


def test_aws_takes_the_region_of_an_arn_and_assumes_a_role(server: SecretServer) -> None:
    server.routes["POST /"] = (200, {"Name": "n", "SecretString": "{}"})
    fetched(
        "aws-secrets-manager", "arn:aws:secretsmanager:us-gov-1:1:secret:n-AbCdEf", "arn:aws:iam::1:role/r", region="x"
    )
    assert [key for key, _, _ in server.seen[-2:]] == ["GET /sts/", "POST /"]
    assert server.seen[-2][2]["RoleArn"] == ["arn:aws:iam::1:role/r"]
    assert "Credential=AK/" in server.seen[-2][1]["authorization"]
    assert "/us-gov-1/sts/" in server.seen[-2][1]["authorization"]
    assert "Credential=ASSUMED/" in server.seen[-1][1]["authorization"]


def test_gcp(server: SecretServer) -> None:
    server.routes[f"GET {GCP}/latest:access"] = gcp(VALUE.encode())
    server.routes[f"GET {GCP}/7:access"] = gcp(b'{"a-b": 1}')
    server.routes[f"GET {GCP}/8:access"] = gcp(b"\xff\x00")
    assert fetched("gcp-secret-manager", "projects/p/secrets/api-key") == {"api_key": VALUE}
    assert server.seen[-1][1]["authorization"] == f"Bearer {TOKEN}"
    assert fetched("gcp-secret-manager", "projects/p/secrets/api-key/versions/7", json=True) == {"a_b": "1"}
    assert fetched("gcp-secret-manager", "projects/p/secrets/api-key/versions/8", binary=True, env_var_name="B") == {
        "B": "/wA="
    }
    assert "binary" in problem("gcp-secret-manager", "projects/p/secrets/api-key/versions/8")
    assert "METAFLOW_GCP_SECRET_MANAGER_PREFIX" in problem("gcp-secret-manager", "api-key")
    os.environ["METAFLOW_GCP_SECRET_MANAGER_PREFIX"] = "projects/p/secrets/"
    assert fetched("gcp-secret-manager", "api-key", env_var_name="KEY") == {"KEY": VALUE}


def test_gcp_takes_the_login_of_gcloud_and_says_what_a_key_file_needs(server: SecretServer, tmp_path: Path) -> None:
    server.routes[f"GET {GCP}/latest:access"] = gcp(VALUE.encode())
    server.routes["POST /oauth"] = (200, {"access_token": "of-login"})
    own = {"client_id": "c", "client_secret": "s", "refresh_token": TOKEN, "token_uri": f"{server.url}/oauth"}
    file = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"type": "authorized_user", **own}))
    fetched("gcp-secret-manager", "projects/p/secrets/api-key")
    assert server.seen[-1][1]["authorization"] == "Bearer of-login"
    assert server.seen[-2][2]["grant_type"] == ["refresh_token"]
    os.environ.pop("api_key")
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"type": "service_account", "private_key": TOKEN}))
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(key)
    assert "google-auth" in problem("gcp-secret-manager", "projects/p/secrets/api-key")


def test_azure(server: SecretServer, tmp_path: Path) -> None:
    version = "0" * 32
    server.routes["GET /kv/secrets/api-key"] = (200, {"value": VALUE, "id": "x"})
    server.routes[f"GET /kv/secrets/api-key/{version}"] = (200, {"value": VALUE})
    assert fetched("az-key-vault", "api-key") == {"api_key": VALUE}
    assert server.seen[-2][1]["metadata"] == "true"
    assert server.seen[-2][2]["resource"] == ["https://vault.azure.net"]
    assert server.seen[-1][1]["authorization"] == f"Bearer {TOKEN}"
    assert fetched("az-key-vault", f"api-key/{version}", env_var_name="K") == {"K": VALUE}
    token = tmp_path / "token"
    token.write_text("federated")
    os.environ.update(AZURE_CLIENT_ID="client", AZURE_TENANT_ID="tenant", AZURE_FEDERATED_TOKEN_FILE=str(token))
    assert fetched("az-key-vault", f"{server.url}/kv/secrets/api-key", env_var_name="L") == {"L": VALUE}
    assert server.seen[-2][2]["client_assertion"] == ["federated"]
    assert server.seen[-2][2]["scope"] == ["https://vault.azure.net/.default"]
    assert "is not a vault" in problem("az-key-vault", "https://evil.example/secrets/api-key")
    assert "its id is not" in problem("az-key-vault", "a b")


def test_vault(server: SecretServer, tmp_path: Path) -> None:
    server.routes["GET /v1/secret/data/db"] = (
        200,
        {"data": {"data": {"pass-word": VALUE}, "metadata": {"version": 1}}},
    )
    server.routes["GET /v1/kv/db"] = (200, {"data": {"user": "u", "n": 1}})
    os.environ.update(VAULT_TOKEN=TOKEN, VAULT_NAMESPACE="team")
    assert fetched("vault", "secret/data/db") == {"pass_word": VALUE}
    assert server.seen[-1][1]["x-vault-token"] == TOKEN
    assert server.seen[-1][1]["x-vault-namespace"] == "team"
    assert fetched("vault", "kv/db") == {"user": "u", "n": "1"}
    assert fetched("vault", "secret/data/db", key="pass-word", env_var_name="PW") == {"PW": VALUE}
    assert "no key 'x'" in problem("vault", "kv/db", key="x")
    del os.environ["VAULT_TOKEN"]
    assert "no token of Vault" in problem("vault", "kv/db")
    account = tmp_path / "account"
    account.write_text("jwt")
    os.environ["VAULT_K8S_TOKEN_FILE"] = str(account)
    assert fetched("vault", "kv/db", "reader", key="n", env_var_name="N") == {"N": "1"}
    assert json.loads(server.seen[-2][2]["json"][0]) == {"role": "reader", "jwt": "jwt"}


FAILURES: list[tuple[str, str, str, Any, str]] = [
    ("aws-secrets-manager", "n", "POST /", (400, {"__type": "x#ResourceNotFoundException", "Message": "can't find it"}),
     "there is no such secret: 400 ResourceNotFoundException: can't find it"),
    ("aws-secrets-manager", "n", "POST /", (400, {"__type": "AccessDeniedException", "Message": "not authorized"}),
     "no permission: 400 AccessDeniedException: not authorized"),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "n", "SecretString": VALUE}), 'say options={"json": False}'),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "n", "SecretString": '{"a-b": "1", "a.b": "2"}'}), "'a_b'"),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "n", "SecretString": '{"a b": "1"}'}), "'a b' is not"),
    ("aws-secrets-manager", "n", "POST /", (200, VALUE), "not a JSON object"),
    ("aws-secrets-manager", "n", "PUT /latest/api/token", (404, ""), "for lack of keys"),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "HOME", "SecretBinary": VALUE}), "'HOME', which is there"),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "METAFLOW_X", "SecretBinary": VALUE}), "begins with"),
    ("aws-secrets-manager", "n", "POST /", (200, {"Name": "n", "SecretBinary": "a\0b"}), "a character that no"),
    ("gcp-secret-manager", "projects/p/secrets/n", "GET /v1/projects/p/secrets/n/versions/latest:access",
     refused(404, "NOT_FOUND"), "there is no such secret: 404 NOT_FOUND: the message of NOT_FOUND"),
    ("gcp-secret-manager", "projects/p/secrets/n", "GET /v1/projects/p/secrets/n/versions/latest:access",
     refused(403, "PERMISSION_DENIED"), "no permission: 403 PERMISSION_DENIED"),
    ("gcp-secret-manager", "projects/p/secrets/n", "GET /v1/projects/p/secrets/n/versions/latest:access",
     refused(429, "RESOURCE_EXHAUSTED"), "too many requests: 429 RESOURCE_EXHAUSTED"),
    ("az-key-vault", "n", "GET /kv/secrets/n", (404, {"error": {"code": "SecretNotFound", "message": "none"}}),
     "there is no such secret: 404 SecretNotFound: none"),
    ("az-key-vault", "n", "GET /metadata/identity/oauth2/token",
     (400, {"error": "invalid_request", "error_description": "no identity"}), "invalid_request: no identity"),
    ("vault", "kv/n", "POST /v1/auth/kubernetes/login", (403, {"errors": ["permission denied"]}),
     "no permission: 403 permission denied"),
    ("vault", "kv/n", "GET /v1/kv/n", (404, {"errors": []}), "there is no such secret: 404"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "identifier", "route", "answer", "expected"), FAILURES)
def test_a_failure_is_one_sentence(
    server: SecretServer, tmp_path: Path, kind: str, identifier: str, route: str, answer: Any, expected: str
) -> None:
    (tmp_path / "account").write_text("jwt")
    os.environ["VAULT_K8S_TOKEN_FILE"] = str(tmp_path / "account")
    server.routes[route] = answer
    assert expected in problem(kind, identifier, "role" if kind == "vault" else None)


def test_no_network_and_no_region(server: SecretServer) -> None:
    os.environ.update(VAULT_ADDR="http://127.0.0.1:9", VAULT_TOKEN=TOKEN)
    assert "no answer from http://127.0.0.1:9/v1/kv/n: ConnectionRefusedError" in problem("vault", "kv/n")
    del os.environ["AWS_REGION"]
    assert "AWS_REGION" in problem("aws-secrets-manager", "n")


def test_throttling_is_retried_within_bounds(server: SecretServer) -> None:
    os.environ.update(FLOWC_STORE_PATIENCE="5", VAULT_TOKEN=TOKEN)
    slow = (400, {"__type": "ThrottlingException", "Message": "Rate exceeded"})
    server.routes["POST /"] = [slow, (500, {}), (200, {"Name": "n", "SecretBinary": VALUE})]
    assert fetched("aws-secrets-manager", "n") == {"n": VALUE}
    os.environ["FLOWC_STORE_PATIENCE"] = "0.3"
    server.routes["GET /v1/kv/n"] = (429, {"errors": ["slow down"]})
    assert re.search(r"too many requests: 429 slow down \(\d tries in 0 s", problem("vault", "kv/n"))


def test_two_sources_set_all_variables_or_none(server: SecretServer) -> None:
    server.routes["GET /v1/kv/a"] = (200, {"data": {"X": VALUE}})
    os.environ["VAULT_TOKEN"] = TOKEN
    sources: list[dict[str, Any]] = [
        {"type": "vault", "id": f"kv/{name}", "role": None, "options": {}} for name in "ab"
    ]
    with pytest.raises(SecretError, match="kv/b"):
        inject("train", sources, allow_override=False)
    assert "X" not in os.environ
    server.routes["GET /v1/kv/b"] = (200, {"data": {"X": VALUE}})
    with pytest.raises(SecretError, match="two secrets set the variable 'X'"):
        inject("train", sources, allow_override=True)
    os.environ["X"] = "mine"
    with pytest.raises(SecretError, match="'X', which is there already"):
        inject("train", sources[:1], allow_override=False)
    inject("train", sources[:1], allow_override=True)
    assert os.environ["X"] == VALUE


def test_texts_of_failures_have_no_values(server: SecretServer) -> None:
    """Also where an exception's text has them: records and notifications of it go far."""
    lines = f"{VALUE}-first\n{VALUE}-second"
    server.routes["GET /v1/kv/a"] = (200, {"data": {"KEY": lines, "SHORT": "no"}})
    os.environ["VAULT_TOKEN"] = TOKEN
    inject("train", [{"type": "vault", "id": "kv/a", "role": None, "options": {}}], allow_override=True)
    try:
        raise ValueError(f"no login as {os.environ['KEY']}: {VALUE}-second is not right") from KeyError(lines)
    except ValueError as error:
        text = failure_text(error)
    assert VALUE not in text
    assert "ValueError: no login as ***: *** is not right" in text
    assert without_secrets(f"sys.exit({VALUE}-first)") == "sys.exit(***)"
