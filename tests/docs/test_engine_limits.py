"""docs/limits.md has the figures that targets go by; tests/compiler/test_limits.py looks for those of the compiler."""

from __future__ import annotations

import pytest

from flowc.shim.task_results import MAX_NUM_SPLITS
from flowc.store import multipart
from flowc_targets.airflow import airflow_checks, packaged_code
from flowc_targets.airflow import options as airflow_options
from flowc_targets.airflow.options import AirflowOptions
from flowc_targets.argo import argo_checks, manifest_text
from flowc_targets.kubernetes import pod_checks
from flowc_targets.local.options import RunOptions
from tests.docs.pages import DOCS

LINES = (DOCS / "limits.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("start", "figures"),
    [
        ("| steps |", [argo_checks.MOST_TEMPLATES, airflow_checks.MANY_STEPS]),
        ("| items of a foreach |", [RunOptions().max_num_splits, AirflowOptions.model_validate({}).max_map_length]),
        ("| items of a generator", [RunOptions().max_num_splits, MAX_NUM_SPLITS]),
        ("| iterations", [argo_checks.MOST_CALLS - 2]),
        ("| bytes of a parameter", [argo_checks.ARGUMENT_BYTES, airflow_options.LONGEST_PARAMETER]),
        ("| bytes of a variable", [pod_checks.VALUE_BYTES]),
        ("| code and", [packaged_code.MOST_IN_FILE, packaged_code.MOST_IN_CONFIG_MAP >> 20]),
        ("| the Workflow |", [argo_checks.OBJECT_BYTES >> 20, argo_checks.APPLY_BYTES]),
        ("| characters of a name", [manifest_text.OBJECT_LIMIT, manifest_text.CRON_LIMIT, airflow_checks.MAX_ID]),
        ("**Artifacts**", [multipart.MOST_PARTS, multipart.PART >> 20]),
    ],
)
def test_the_page_has_the_figures(start: str, figures: list[int]) -> None:
    (line,) = [line for line in LINES if line.startswith(start)]
    assert [figure for figure in figures if f" {figure:,}" not in line] == []
