"""`@secrets` of managers in whole runs, local and simulated: tasks have the values, and nothing that is written has."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime.secretserver import TOKEN, VALUE, SecretServer, gcp, secret_server
from tests.support import flowc, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process

SOURCES = """[
    {"type": "gcp-secret-manager", "id": "projects/p/secrets/api-key"}, "az-key-vault.azure-key",
    {"type": "vault", "id": "kv/db", "options": {"key": "password", "env_var_name": "PASSWORD"}}]"""
CLASS = f"""
    import os
    from flowc import cache
    from metaflow import FlowSpec, card, current, retry, secrets, step

    class Keys(FlowSpec):
        @cache(secrets=True)
        @card
        @retry(times=1, minutes_between_retries=0)
        @secrets(sources={SOURCES})
        @step
        def start(self):
            names = ("api_key", "azure_key", "PASSWORD")
            self.lengths = [len(os.environ[name]) for name in names]
            if current.retry_count == 0:
                raise ValueError("once")
            print("lengths", self.lengths)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Keys()
"""
PIPELINE = """
    import os
    from zenml import pipeline, step

    @step(secrets=["gcp-secret-manager.projects/p/secrets/api-key", "az-key-vault.azure-key"])
    def work() -> int:
        found = [len(os.environ[name]) for name in ("api_key", "azure_key")]
        print("lengths", found)
        return len(found)

    @pipeline
    def p():
        work()

    if __name__ == "__main__":
        p()
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretServer]:
    with secret_server() as found:
        variables = {
            "GCE_METADATA_HOST": found.host, "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": found.url,
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": found.url, "VAULT_ADDR": found.url, "VAULT_TOKEN": TOKEN,
            "METAFLOW_AZURE_KEY_VAULT_PREFIX": f"{found.url}/kv",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found.routes.update({
            "GET /computeMetadata/v1/instance/service-accounts/default/token": (200, {"access_token": TOKEN}),
            "GET /metadata/identity/oauth2/token": (200, {"access_token": TOKEN}),
            "GET /v1/projects/p/secrets/api-key/versions/latest:access": gcp(VALUE.encode()),
            "GET /kv/secrets/azure-key": (200, {"value": VALUE}),
            "GET /v1/kv/db": (200, {"data": {"password": VALUE}}),
        })  # fmt: skip
        yield found


def found_in(folder: Path, *texts: str) -> list[str]:
    """Where the value of a secret or a token stands, in files and in texts."""
    hidden = [VALUE.encode(), TOKEN.encode()]
    contents = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    contents |= {f"text {number}": text.encode() for number, text in enumerate(texts)}
    for name, content in list(contents.items()):
        if content[:2] == b"\x1f\x8b":
            contents[name] = gzip.decompress(content)
    return [name for name, content in contents.items() if any(item in content for item in hidden)]


@pytest.mark.parametrize("text", [CLASS, PIPELINE], ids=["class", "pipeline"])
def test_tasks_have_the_values_and_nothing_that_is_written_has(tmp_path: Path, server: SecretServer, text: str) -> None:
    write_files(tmp_path, {"flow.py": text})
    printed: list[str] = []

    def command(*arguments: str, **variables: str) -> str:
        done = flowc(tmp_path, *arguments, **variables)
        printed.extend((done.stdout, done.stderr))
        assert done.returncode == 0, done.stderr
        return done.stdout

    # `flowc` takes METAFLOW_* out of the environment.
    prefix = {"METAFLOW_AZURE_KEY_VAULT_PREFIX": f"{server.url}/kv"}
    name = "Keys" if text is CLASS else "p"
    root = f"file://{tmp_path}/store"
    out = command("run", "flow.py", "--root", root, **prefix)
    assert "lengths [19, 19" in out
    command("compile", "flow.py", "--root", root, "-o", "flow.yaml", **prefix)
    command("compile", "flow.py", "--root", root, "-t", "airflow", "-o", "dag.py", **prefix)
    command("simulate", "flow.yaml", "--keep", "kept", "--backoff", "0")
    logs = [path.read_text() for path in (tmp_path / "kept").rglob("log")]
    assert any("lengths [19, 19" in log for log in logs)
    command("show", f"{name}/latest", "--root", root)
    command("logs", f"{name}/latest", "--root", root)
    command("report", f"{name}/latest", "--root", root, "-o", "report.html")
    assert not found_in(tmp_path, *printed)
    del server.routes["GET /kv/secrets/azure-key"]
    done = flowc(tmp_path, "run", "flow.py", "--root", root, "--no-cache", **prefix)
    assert done.returncode == 1
    assert "cannot be fetched: there is no such secret: 404" in done.stderr
    assert not found_in(tmp_path, done.stdout, done.stderr)


@pytest.mark.skipif(shutil.which("moto_server") is None, reason="moto is not installed")
def test_aws_as_moto_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"flow.py": CLASS.replace(SOURCES, '["aws-secrets-manager.db"]')})
    import socket

    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = str(chosen.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    with subprocess.Popen([str(shutil.which("moto_server")), "-p", port], stdout=quiet, stderr=quiet) as moto:
        try:
            _create(url, f'{{"api-key": "{VALUE}", "azure_key": "", "PASSWORD": "x"}}')
            for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": TOKEN, "REGION": "us-east-1"}.items():
                monkeypatch.setenv(f"AWS_{name}", value)
            monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
            done = flowc(tmp_path, "run", "flow.py")
        finally:
            moto.terminate()
    assert done.returncode == 0, done.stderr
    assert "lengths [19, 0, 1]" in done.stdout
    assert not found_in(tmp_path, done.stdout, done.stderr)


def _create(url: str, value: str) -> None:
    """Create the secret `db` when the server answers."""
    import json

    headers = {
        "X-Amz-Target": "secretsmanager.CreateSecret",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/secretsmanager/aws4_request",
    }
    body = json.dumps({"Name": "db", "SecretString": value}).encode()
    for _ in range(300):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)
