"""The plugin of flowc for pytest: fixtures for whole runs. It imports nothing until one of them is used."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flowc.testing import RunFlow


@pytest.fixture
def flowc_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store of the test's own: `Flow(...)` and `Run(...)` read from it, and runs are written to it."""
    from flowc.protocol import env_names

    root = tmp_path / "flowc"
    monkeypatch.setenv(env_names.ROOT, str(root))
    return root


@pytest.fixture
def run_flow(flowc_root: Path) -> RunFlow:
    """`flowc.testing.run_flow`, in the store of `flowc_root`."""
    from flowc.testing import run_flow

    return partial(run_flow, root=flowc_root)


@pytest.fixture
def simulate_flow(flowc_root: Path) -> RunFlow:
    """`flowc.testing.simulate_flow`, in the store of `flowc_root`."""
    from flowc.testing import simulate_flow

    return partial(simulate_flow, root=flowc_root)
