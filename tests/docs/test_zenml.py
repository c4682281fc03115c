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

from flowc_compiler.diagnostics import CODES
from tests.docs.pages import DOCS
from tests.docs.tables import compile_row, filled_in, lines_of_tables, odd_cells
from tests.docs.zenmlrows import TABLES
from tests.docs.zenmlrows.base import Row
from tests.local.flows import Local
from tests.runtime.shim import runtime_folder

PAGE = DOCS / "zenml.md"
ROWS = [row for rows in TABLES.values() for row in rows]
WITHIN_STEPS = frozenset({"top", "task"})
MANY = [row for row in ROWS if row.place == "task"]
"""Rows that are run in one pipeline."""


def test_page(tmp_path: Path, update_goldens: bool) -> None:
    text = filled_in(PAGE.read_text(encoding="utf-8"), "ZenML", TABLES, tmp_path, WITHIN_STEPS)
    if update_goldens:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run with --update-goldens, and read what has changed"


def test_every_row_says_what_comes_of_it_and_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(lines_of_tables(page)) > 200
    assert odd_cells(page) == []
    assert set(re.findall(r"FC\d{3}", page)) <= set(CODES)


def run_row(row: Row, folder: Path) -> None:
    """Run a row's pipeline, which must succeed."""
    local = Local(folder, row.source, "row_flow.py")
    result = local.run()
    assert result.ok, f"{row.name}: {local.says.err} {result.error}"


@pytest.mark.process
def test_names_work_in_steps(tmp_path: Path) -> None:
    """All rows of code for a step, each in a function, one after another in one step."""
    parts: list[str] = []
    served = [row for row in MANY if compile_row(row, tmp_path)[0] is not None]
    assert len(served) > 15
    for number, row in enumerate(served):
        code = textwrap.indent(textwrap.dedent(row.code).strip(), "    ")
        parts.append(f"def row_{number}():\n{code}\n\nrow_{number}()")
    run_row(Row("all of them", "task", "\n".join(parts)), tmp_path)


@pytest.mark.process
def test_names_can_be_imported(tmp_path: Path) -> None:
    rows = [row for row in ROWS if row.place == "top" and compile_row(row, tmp_path)[0] is not None]
    assert len(rows) >= 50
    run_row(Row("all of them", "top", "\n".join(row.code for row in rows)), tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("row", [row for row in ROWS if row.place in {"body", "file"}], ids=lambda row: row.name)
def test_pipelines_run(row: Row, tmp_path: Path) -> None:
    if compile_row(row, tmp_path)[0] is not None:
        run_row(row, tmp_path)


@pytest.mark.process
def test_the_shim_takes_the_arguments_that_the_compiler_does(tmp_path: Path) -> None:
    """The rows of arguments, each a file that a task imports. Few of them would do anything more in a run."""
    rows = [row for row in ROWS if row.place in {"step", "pipeline", "options"}]
    names: list[str] = []
    for number, row in enumerate(rows):
        if compile_row(row, tmp_path)[0] is not None:
            names.append(f"row_{number}")
            (tmp_path / f"row_{number}.py").write_text(row.source.rstrip().removesuffix("()"))
    assert len(names) > 80
    code = f"from flowc.shim.user_code import serve_modules; serve_modules()\nimport {', '.join(names)}"
    environment = {"PYTHONPATH": f"{runtime_folder()}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
