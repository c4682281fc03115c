"""Packages without a network: uv and pip take them from a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_targets.package.images.lock_resolution import uv_program
from tests.images.wheel_index import index_variables, write_index


@pytest.fixture
def package_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small wheels, which is all that uv and pip find. Without uv, the test is skipped."""
    if uv_program() is None:
        pytest.skip("uv is not installed: pip install 'flowc[image]'")
    folder = write_index(tmp_path_factory.mktemp("index"))
    for name, value in index_variables(folder).items():
        monkeypatch.setenv(name, value)
    return folder
