"""`metaflow.S3` of real Metaflow and of flowc, on one server: the same scripts come to the same.

The server is versitygw where this machine has it, else that of moto, which tests/oracle/setup installs.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.oracle.asking import ENVIRONMENT
from tests.oracle.engine import differences, require_metaflow, run_flowc, run_metaflow
from tests.runtime.s3rows import RECORDED, differing, outcomes, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.oracle, pytest.mark.slow]
FLOWS = Path(__file__).parent / "flows" / "s3"
PYTHON = ENVIRONMENT / "bin" / "python"
GATEWAY = shutil.which("versitygw") or str(Path.home() / ".cache/flowc-cluster/versitygw")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def command(port: int, folder: Path) -> list[str]:
    """What starts a server."""
    if Path(GATEWAY).is_file():
        data = folder / "data"
        (data / "bucket").mkdir(parents=True)
        keys = ["--access", "flowc", "--secret", "flowc-secret", "--quiet"]
        return [GATEWAY, "--port", f"127.0.0.1:{port}", *keys, "posix", str(data)]
    if not (ENVIRONMENT / "bin" / "moto_server").exists():
        pytest.skip("there is no versitygw, and no moto: run tests/oracle/setup")
    return [str(ENVIRONMENT / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} does not answer")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with an empty bucket."""
    require_metaflow()
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command(port, folder), cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(autouse=True)
def environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients go to the server, and fail at once."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_PROFILE", "METAFLOW_DATATOOLS_S3ROOT", "FLOWC_USER"):
        monkeypatch.delenv(name, raising=False)
    chosen = {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "flowc", "AWS_SECRET_ACCESS_KEY": "flowc-secret",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        "METAFLOW_S3_RETRY_COUNT": "0", "METAFLOW_S3_TRANSIENT_RETRY_COUNT": "0", "METAFLOW_S3_WORKER_COUNT": "4",
        "METAFLOW_USER": "oracle", "FLOWC_STORE_PATIENCE": "2",
    }  # fmt: skip
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    if not Path(GATEWAY).is_file():
        code = "import boto3; boto3.client('s3').create_bucket(Bucket='bucket')"
        subprocess.run([str(PYTHON), "-c", code], check=True)


def test_rows(tmp_path: Path, update_goldens: bool) -> None:
    """Metaflow's outcomes are those that are recorded, and flowc's are the same."""
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    names = [] if update_goldens else list(recorded())
    theirs = outcomes("s3://bucket/theirs", tmp_path / "theirs", names, (str(PYTHON),))
    if update_goldens:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(outcome)}" for name, outcome in theirs.items())
        RECORDED.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    assert not differing(recorded(), theirs), "Metaflow's have changed: --update-goldens"
    found = differing(theirs, outcomes("s3://bucket/ours", tmp_path / "ours", theirs))
    assert not found, "\n".join(found)


def test_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow with objects of its own, in steps, a foreach and a join; both keep them in one bucket."""
    (tmp_path / "home").mkdir()
    settings = {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/flows"}
    (tmp_path / "home" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    file = Path(shutil.copy(FLOWS / "objects_flow.py", tmp_path))
    theirs = run_metaflow(file, "ObjectsFlow", home=tmp_path / "home")
    assert theirs.ok, theirs.log
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_S3", "s3://bucket/flows")
    found = differences(theirs, run_flowc(file))
    assert not found, "\n".join(found)
