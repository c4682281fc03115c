"""docs/zenml.md says of every name, argument and rule of ZenML what comes of it, and that is what comes of it.

The tables are written from what the compiler says of the rows' code: `pytest tests/docs/test_zenml.py --update-goldens`
writes them anew. What compiles is also run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import CODES, DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, compile_file
from flowc_targets.base.registry import load_target
from tests.docs.pages import DOCS
from tests.docs.zenmlrows import TABLES
from tests.docs.zenmlrows.base import Row
from tests.local.flows import Local
from tests.runtime.shim import runtime_folder

PAGE = DOCS / "zenml.md"
TARGETS: dict[str, dict[str, str]] = {
    "argo": {"kind": "template", "namespace": "flows", "event_source": "all", "event_name": "metaflow"},
    "airflow": {},
}
"""What is asked for: on Argo a template, which needs no values of parameters; or a CronWorkflow, with a schedule."""
ROWS = [row for rows in TABLES.values() for row in rows]
HEAD = "| in ZenML | compiles and runs here | on Argo | on Airflow |\n| --- | --- | --- | --- |\n"
MANY = [row for row in ROWS if row.place == "task"]
"""Rows that are run in one pipeline."""


def compiled(row: Row, folder: Path) -> tuple[Compilation | None, list[str]]:
    """A row's pipeline, if that compiles, and what the compiler says of it."""
    file = folder / "row_flow.py"
    file.write_text(row.source, encoding="utf-8")
    sink = DiagnosticSink()
    try:
        return compile_file(file, sink), codes_in(sink)
    except FlowcError:
        return None, codes_in(sink)


def codes_in(sink: DiagnosticSink) -> list[str]:
    return sorted({diagnostic.code for diagnostic in sink.diagnostics})


def codes_of(row: Row, folder: Path) -> dict[str, list[str]]:
    """What the compiler, and each target after it, says of a row's code."""
    compilation, codes = compiled(row, folder)
    names: list[str] = ["run", *TARGETS]
    found = dict.fromkeys(names, codes)
    if compilation is None or row.place in {"top", "task"}:
        return found  # targets do not look into the code of steps
    for name, given in TARGETS.items():
        target, sink = load_target(name), DiagnosticSink()
        cron = {"kind": "cron"} if name == "argo" and compilation.flow.specs.schedule is not None else {}
        options = target.options_model.model_validate({"root": "s3://bucket/prefix", **given, **cron})
        target.emit(compilation.flow, compilation.source, options, sink)
        found[name] = sorted({*codes, *codes_in(sink)})
    return found


def cell(codes: list[str]) -> str:
    return ", ".join(f"[{code}](diagnostics/{code}.md)" for code in codes) or "works"


def test_page(tmp_path: Path, update_goldens: bool) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for title, rows in TABLES.items():
        lines = ""
        for row in rows:
            said = codes_of(row, tmp_path)
            lines += f"| {row.name} | {cell(said['run'])} | {cell(said['argo'])} | {cell(said['airflow'])} |\n"
        pattern = re.compile(rf"(^### {re.escape(title)}\n.*?)^\| in ZenML .*?(?=^$|\Z)", re.MULTILINE | re.DOTALL)
        assert pattern.search(text), f"docs/zenml.md has no table {title}"
        text = pattern.sub(lambda match, lines=lines: match[1] + HEAD + lines, text, count=1)  # type: ignore[misc]
    if update_goldens:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run with --update-goldens, and read what has changed"


def test_every_row_says_what_comes_of_it_and_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page[page.index("## Every name") :].splitlines() if line.startswith("| ")]
    cells = [part.strip() for line in rows for part in line.strip("| ").split(" | ")[1:]]
    link = r"\[FC\d{3}\]\(diagnostics/FC\d{3}\.md\)"
    allowed = re.compile(rf"works|{link}(, {link})*|---|compiles and runs here|on Argo|on Airflow")
    assert len(rows) > 200
    assert [text for text in cells if not allowed.fullmatch(text)] == []
    assert set(re.findall(r"FC\d{3}", page)) <= set(CODES)


def run_row(row: Row, folder: Path) -> None:
    """Run a row's pipeline, which must succeed."""
    local = Local(folder, row.source, "row_flow.py")
    result = local.run()
    assert result.ok, f"{row.name}: {local.says.err} {result.error}"


def test_names_work_in_steps(tmp_path: Path) -> None:
    """All rows of code for a step, each in a function, one after another in one step."""
    parts: list[str] = []
    for number, row in enumerate(MANY):
        code = textwrap.indent(textwrap.dedent(row.code).strip(), "    ")
        parts.append(f"def row_{number}():\n{code}\n\nrow_{number}()")
    run_row(Row("all of them", "task", "\n".join(parts)), tmp_path)


def test_names_can_be_imported(tmp_path: Path) -> None:
    rows = [row for row in ROWS if row.place == "top" and compiled(row, tmp_path)[0] is not None]
    assert len(rows) >= 50
    run_row(Row("all of them", "top", "\n".join(row.code for row in rows)), tmp_path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.place in {"body", "file"}], ids=lambda row: row.name)
def test_pipelines_run(row: Row, tmp_path: Path) -> None:
    if compiled(row, tmp_path)[0] is not None:
        run_row(row, tmp_path)


def test_the_shim_takes_the_arguments_that_the_compiler_does(tmp_path: Path) -> None:
    """The rows of arguments, each a file that a task imports. Few of them would do anything more in a run."""
    rows = [row for row in ROWS if row.place in {"step", "pipeline", "options"}]
    names: list[str] = []
    for number, row in enumerate(rows):
        if compiled(row, tmp_path)[0] is not None:
            names.append(f"row_{number}")
            (tmp_path / f"row_{number}.py").write_text(row.source.rstrip().removesuffix("()"))
    assert len(names) > 80
    code = f"from flowc.userfile import serve_modules; serve_modules()\nimport {', '.join(names)}"
    environment = {"PYTHONPATH": f"{runtime_folder()}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
