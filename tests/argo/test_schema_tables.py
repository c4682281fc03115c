"""The tables that patches are checked by are what the engines' clients and CRDs list."""

from __future__ import annotations

import pytest

from tests.argo.schema_tables import CLIENTS, tables
from tests.argo.test_schema import CRDS


@pytest.mark.skipif(
    not (CLIENTS and CRDS.is_dir()), reason="needs the client of Kubernetes (tests/airflow/setup) and the full CRDs"
)
def test_the_tables_are_as_they_would_be_written() -> None:
    pytest.importorskip("argo_workflows")
    for path, text in tables():
        assert path.read_text() == text, "run python -m tests.argo.schema_tables"
