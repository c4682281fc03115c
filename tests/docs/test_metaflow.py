"""docs/metaflow.md says of every name, argument and rule of Metaflow what comes of it, and that is what comes of it.

The tables are written from what the compiler says of the rows' code: `pytest tests/docs/test_metaflow.py
--update-goldens` writes them anew. Code that is in a step is also run.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import CODES, DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, compile_file
from flowc_targets.base.registry import load_target
from tests.docs.pages import DOCS
from tests.docs.rows import TABLES
from tests.docs.rows.base import Row
from tests.local.flows import Local

PAGE = DOCS / "metaflow.md"
TARGETS: dict[str, dict[str, str]] = {
    "argo": {"kind": "template", "namespace": "flows", "event_source": "all", "event_name": "metaflow"},
    "airflow": {},
}
"""What is asked for: on Argo a template, which needs no values of parameters; or a CronWorkflow, with a schedule."""
ROWS = [row for rows in TABLES.values() for row in rows]
HEAD = "| in Metaflow | compiles and runs here | on Argo | on Airflow |\n| --- | --- | --- | --- |\n"

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


def compiled(row: Row, folder: Path) -> tuple[Compilation | None, list[str]]:
    """A row's flow, and what the compiler says of it."""
    file = folder / "row_flow.py"
    file.write_text(row.source, encoding="utf-8")
    (folder / "data.txt").write_text("text", encoding="utf-8")
    (folder / "data.json").write_text('{"n": 2}', encoding="utf-8")
    sink = DiagnosticSink()
    try:
        return compile_file(file, sink), _codes(sink)
    except FlowcError:
        return None, _codes(sink)


def codes_of(row: Row, folder: Path) -> dict[str, list[str]]:
    """What the compiler, and each target after it, says of a row's code."""
    compilation, codes = compiled(row, folder)
    names: list[str] = ["run", *TARGETS]
    found = dict.fromkeys(names, codes)
    if compilation is None or row.place in {"top", "body", "join"}:
        return found  # targets do not look into the code of steps
    for name, given in TARGETS.items():
        target, sink = load_target(name), DiagnosticSink()
        cron = {"kind": "cron"} if name == "argo" and compilation.flow.specs.schedule is not None else {}
        options = target.options_model.model_validate({"root": "s3://bucket/prefix", **given, **cron})
        target.emit(compilation.flow, compilation.source, options, sink)
        found[name] = sorted({*codes, *_codes(sink)})
    return found


def _codes(sink: DiagnosticSink) -> list[str]:
    return sorted({diagnostic.code for diagnostic in sink.diagnostics})


def cell(codes: list[str]) -> str:
    return ", ".join(f"[{code}](diagnostics/{code}.md)" for code in codes) or "works"


def test_page(tmp_path: Path, update_goldens: bool) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for title, rows in TABLES.items():
        lines = ""
        for row in rows:
            said = codes_of(row, tmp_path)
            lines += f"| {row.name} | {cell(said['run'])} | {cell(said['argo'])} | {cell(said['airflow'])} |\n"
        pattern = re.compile(rf"(^### {re.escape(title)}\n.*?)^\| in Metaflow .*?(?=^$|\Z)", re.MULTILINE | re.DOTALL)
        assert pattern.search(text), f"docs/metaflow.md has no table {title}"
        text = pattern.sub(lambda match, lines=lines: match[1] + HEAD + lines, text, count=1)  # type: ignore[misc]
    if update_goldens:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run with --update-goldens, and read what has changed"


def test_every_name_is_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in NAMES.split() if not re.search(rf"(?<![\w-]){re.escape(name)}(?![a-z])", text)] == []
    assert set(re.findall(r"FC\d{3}", text)) <= set(CODES)


def test_every_row_says_what_comes_of_it_and_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page[page.index("## Every name") :].splitlines() if line.startswith("| ")]
    cells = [part.strip() for line in rows for part in line.strip("| ").split(" | ")[1:]]
    link = r"\[FC\d{3}\]\(diagnostics/FC\d{3}\.md\)"
    allowed = re.compile(rf"works|{link}(, {link})*|---|compiles and runs here|on Argo|on Airflow")
    assert len(rows) > 250
    assert [text for text in cells if not allowed.fullmatch(text)] == []


def run_row(row: Row, folder: Path) -> None:
    """Run a row's flow, which must succeed, or fail where that is what the row is about."""
    (folder / "data.json").write_text('{"n": 2}', encoding="utf-8")
    local = Local(folder, row.source, "row_flow.py")
    result = local.run()
    assert result.ok != row.fails, f"{row.name}: {local.says.err} {result.error}"


def accepted(place: str, folder: Path) -> list[Row]:
    """The rows of code for one place that compile."""
    return [row for row in ROWS if row.place == place and not compiled(row, folder)[1]]


def test_names_work_in_steps(tmp_path: Path) -> None:
    """All rows of code for the body of a step, each in a function, one after another in one flow."""
    rows = accepted("body", tmp_path)
    assert len(rows) > 50
    parts: list[str] = []
    for number, row in enumerate(rows):
        code = textwrap.indent(textwrap.dedent(row.code).strip(), "    ")
        parts.append(f"def row_{number}():\n{code}\n\nrow_{number}()")
    run_row(Row("all of them", "body", "\n".join(parts)), tmp_path)


def test_names_can_be_imported(tmp_path: Path) -> None:
    rows = accepted("top", tmp_path)
    assert len(rows) > 30
    run_row(Row("all of them", "top", "\n".join(row.code for row in rows)), tmp_path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.place == "join"], ids=lambda row: row.name)
def test_joins_work(row: Row, tmp_path: Path) -> None:
    run_row(row, tmp_path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.place == "file"], ids=lambda row: row.name)
def test_files_run(row: Row, tmp_path: Path) -> None:
    if not compiled(row, tmp_path)[1]:
        run_row(row, tmp_path)
