"""Stores of each kind for tests of commands that keep runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc.store import Store, open_store
from flowc.store.s3 import S3Store
from tests.runtime.faultserver import FaultServer


@pytest.fixture(params=["folder", "stdlib", "obstore"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store of each kind, which `age` makes older."""
    if request.param == "folder":
        yield open_store(str(tmp_path / "root"))
        return
    if request.param == "obstore":
        pytest.importorskip("obstore")
    server = FaultServer()
    for name, value in {"ENDPOINT_URL": server.url, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("FLOWC_S3_CLIENT", request.param)
    made: list[S3Store] = []
    begin = S3Store.__init__

    def begun(self: S3Store, root: str) -> None:
        begin(self, root)
        made.append(self)

    monkeypatch.setattr(S3Store, "__init__", begun)
    found = open_store("s3://bucket/prefix")
    found.server = server  # type: ignore[attr-defined]
    yield found
    for opened in made:  # commands end with their process, and do not close their connections
        opened.close()
    server.stop()
