"""docs/metaflow.md says of every name, argument and rule of Metaflow what comes of it, and that is what comes of it.

The tables are written from what the compiler says of the rows' code: `pytest tests/docs/test_metaflow.py
--update-goldens` writes them anew. Code that is in a step is also run.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import CODES
from tests.docs.pages import DOCS
from tests.docs.rows import TABLES
from tests.docs.rows.base import Row
from tests.docs.tables import compile_row, filled_in, lines_of_tables, odd_cells
from tests.local.flows import Local

PAGE = DOCS / "metaflow.md"
ROWS = [row for rows in TABLES.values() for row in rows]
WITHIN_STEPS = frozenset({"top", "body", "join"})

NAMES = """
    foreach num_parallel condition inputs merge_artifacts include exclude Parameter default str int float bool JSONType
    help required show_default separator IncludeFile is_text encoding Config default_value parser plain config_expr
    flow_name run_id step_name task_id retry_count origin_run_id pathspec namespace username tags tempdir
    parameter_names graph project_name branch_name project_flow_name is_production main_ip num_nodes node_index
    control_task_id card trigger index input foreach_stack
    resources cpu gpu disk memory shared_memory kubernetes image image_pull_policy image_pull_secrets service_account
    secrets node_selector gpu_vendor tolerations labels annotations use_tmpfs tmpfs_tempdir tmpfs_size tmpfs_path
    persistent_volume_claims port compute_pool executable hostname_resolution_timeout qos extended_resources
    security_context batch retry times minutes_between_retries catch var print_exception timeout seconds minutes hours
    environment vars sources role allow_override conda pypi packages libraries python disabled parallel
    project branch production schedule cron weekly daily hourly timezone event events trigger_on_finish flow flows
    exit_hook on_success on_error conda_base pypi_base FlowMutator StepMutator user_step_decorator
    start end parallel_map parallel_imap_unordered Flow Run Step Task
    UnhandledInMergeArtifactsException MissingInMergeArtifactsException FlowSpec step
    --max-workers --max-num-splits resume METAFLOW_RUN_
"""
"""Every name of what was found in the files of Metaflow's users."""


def test_page(tmp_path: Path, update_goldens: bool) -> None:
    text = filled_in(PAGE.read_text(encoding="utf-8"), "Metaflow", TABLES, tmp_path, WITHIN_STEPS)
    if update_goldens:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run with --update-goldens, and read what has changed"


def test_every_name_is_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in NAMES.split() if not re.search(rf"(?<![\w-]){re.escape(name)}(?![a-z])", text)] == []


def test_every_row_says_what_comes_of_it_and_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(lines_of_tables(page)) > 250
    assert odd_cells(page) == []
    assert set(re.findall(r"FC\d{3}", page)) <= set(CODES)


def run_row(row: Row, folder: Path) -> None:
    """Run a row's flow, which must succeed, or fail where that is what the row is about."""
    (folder / "data.json").write_text('{"n": 2}', encoding="utf-8")
    local = Local(folder, row.source, "row_flow.py")
    result = local.run()
    assert result.ok != row.fails, f"{row.name}: {local.says.err} {result.error}"


def accepted(place: str, folder: Path) -> list[Row]:
    """The rows of code for one place that compile."""
    return [row for row in ROWS if row.place == place and not compile_row(row, folder)[1].diagnostics]


@pytest.mark.process
def test_names_work_in_steps(tmp_path: Path) -> None:
    """All rows of code for the body of a step, each in a function, one after another in one flow."""
    rows = accepted("body", tmp_path)
    assert len(rows) > 50
    parts: list[str] = []
    for number, row in enumerate(rows):
        code = textwrap.indent(textwrap.dedent(row.code).strip(), "    ")
        parts.append(f"def row_{number}():\n{code}\n\nrow_{number}()")
    run_row(Row("all of them", "body", "\n".join(parts)), tmp_path)


@pytest.mark.process
def test_names_can_be_imported(tmp_path: Path) -> None:
    rows = accepted("top", tmp_path)
    assert len(rows) > 30
    run_row(Row("all of them", "top", "\n".join(row.code for row in rows)), tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("row", [row for row in ROWS if row.place == "join"], ids=lambda row: row.name)
def test_joins_work(row: Row, tmp_path: Path) -> None:
    run_row(row, tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("row", [row for row in ROWS if row.place == "file"], ids=lambda row: row.name)
def test_files_run(row: Row, tmp_path: Path) -> None:
    if not compile_row(row, tmp_path)[1].diagnostics:
        run_row(row, tmp_path)
