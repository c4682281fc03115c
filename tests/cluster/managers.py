"""A pod that answers as managers of secrets do, to the identities that pods have."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from flowc import Run
from tests.cluster.cluster import Cluster
from tests.cluster.listener import python_pod

FLOW = Path(__file__).parent / "flows" / "fetched.py"
SERVER = """
import base64, http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, known = self.path.partition("?")[0], self.headers.get("Authorization") == "Bearer granted"
        found = {}
        if path.endswith("/token"):
            found = {"access_token": "granted"}
        elif path == "/v1/auth/kubernetes/login" and json.loads(body)["role"] == "flows" and json.loads(body)["jwt"]:
            found = {"auth": {"client_token": "granted"}}
        elif path == "/v1/secret/data/db" and self.headers.get("X-Vault-Token") == "granted":
            found = {"data": {"data": {"from_vault": "hidden-v"}, "metadata": {}}}
        elif path == "/v1/projects/p/secrets/token/versions/latest:access" and known:
            found = {"payload": {"data": base64.b64encode(b"hidden-g").decode()}}
        elif path == "/azure/secrets/api-key" and known:
            found = {"value": "hidden-z"}
        elif path == "/" and "team/db" in body and self.headers["Authorization"].startswith("AWS4-HMAC-SHA256"):
            found = {"Name": "team/db", "SecretString": json.dumps({"user": "hidden-a"})}
        text = json.dumps(found or {"__type": "ResourceNotFoundException", "message": "nothing"}).encode()
        self.send_response(200 if found else 400)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_GET = do_POST = answer
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@contextmanager
def fetching_flow(cluster: Cluster, folder: Path) -> Generator[Path]:
    """A flow whose secrets are in the pod, while that runs."""
    with python_pod(cluster, "flowc-managers", SERVER) as (_, address):
        file = folder / "fetched.py"
        file.write_text(FLOW.read_text().replace("managers.invalid", address))
        yield file


FETCHED = {"user": "hidden-a", "FROM_AZURE": "hidden-z", "FROM_GCP": "hidden-g", "from_vault": "hidden-v"}
"""The variables of the first task."""


def check_fetched(run: Run, written: str) -> None:
    """Each manager's secret was in the first task's environment alone, and is in nothing that was written or logged.

    One that there is not fails its step.
    """
    assert "hidden" not in written
    assert run["start"].task.data.found == FETCHED
    assert "the secret nothing (aws-secrets-manager)" in str(run["without"].task.data.failure)
    assert run["end"].task.data.left is False
