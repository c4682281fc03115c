"""docs/around-the-steps.md says what each target does around steps, and each cell has a test that shows it.

The table is written from tests/docs/around_rows.py: `pytest tests/docs/test_around_the_steps.py --update-goldens`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flowc import Run
from flowc_compiler.diagnostics import CODES
from flowc_targets.local.run_report import unsupported_locally
from tests.conftest import REPOSITORY
from tests.docs.around_rows import AIRFLOW_2, AIRFLOW_3, ARGO, COLUMNS, NONE, NOT_TRIED, ROWS, SIMULATE, Cell
from tests.docs.pages import DOCS
from tests.support import compiled, flowc

PAGE = DOCS / "around-the-steps.md"
ENGINES = {"cluster", "airflow", "live"}
SERIES = {AIRFLOW_3: "3.3", AIRFLOW_2: "2.11"}
CELLS = {
    f"{row.topic}: {column}": (column, cell) for row in ROWS for column, cell in zip(COLUMNS, row.cells, strict=True)
}
TESTED = {name: found for name, found in CELLS.items() if found[1].tests}


def table() -> str:
    """The table of the page. Codes become links, and what was also tried in Airflow's pods says so."""
    lines = [f"| | {' | '.join(COLUMNS)} |", f"|{' --- |' * (len(COLUMNS) + 1)}"]
    for row in ROWS:
        cells = [_shown(column, cell) for column, cell in zip(COLUMNS, row.cells, strict=True)]
        lines.append(f"| [{row.topic}]({row.link}) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(column: str, cell: Cell) -> str:
    text = re.sub(r"FC\d{3}", r"[\g<0>](diagnostics/\g<0>.md)", cell.text)
    pods = column in SERIES and any("cluster" in markers(test) for test in cell.tests)
    return f"{text} (pods)" if pods else text


def module_of(test: str) -> ModuleType:
    """The module of a test."""
    return importlib.import_module(test.partition("::")[0].removesuffix(".py").replace("/", "."))


def function_of(test: str) -> Any:
    """The function of a test."""
    name = test.partition("::")[2].partition("[")[0]
    found = getattr(module_of(test), name, None)
    assert inspect.isfunction(found), f"{test} is no test"
    return found


def marks(test: str) -> list[pytest.Mark]:
    """The marks of a test and of its module."""
    own: list[pytest.Mark] = getattr(function_of(test), "pytestmark", [])
    shared: pytest.MarkDecorator | list[pytest.MarkDecorator] = getattr(module_of(test), "pytestmark", [])
    return [*own, *(item.mark for item in (shared if isinstance(shared, list) else [shared]))]


def markers(test: str) -> set[str]:
    """Their names."""
    return {mark.name for mark in marks(test)}


def values(test: str) -> set[str]:
    """The values that a test is called with, and those of its fixtures, as texts."""
    found = {str(value) for mark in marks(test) if mark.name == "parametrize" for value in mark.args[1]}
    return found | {value for name in inspect.signature(function_of(test)).parameters for value in _fixture(test, name)}


def _fixture(test: str, name: str) -> Iterator[str]:
    """The parameters of a fixture, of the test's module or of its folder, as its source has them."""
    conftest = REPOSITORY / Path(test).parent / "conftest.py"
    for file in (REPOSITORY / test.partition("::")[0], conftest):
        for item in ast.parse(file.read_text()).body if file.is_file() else ():
            if isinstance(item, ast.FunctionDef) and item.name == name:
                text = " ".join(map(ast.unparse, item.decorator_list))
                yield from re.findall(r"'([\d.]+)'", text)
                if "params=SERIES" in text:
                    yield from module_of(test).SERIES


def test_the_page_has_the_table(update_goldens: bool) -> None:
    text = PAGE.read_text()
    head, start, rest = text.partition("| | ")
    _, _, tail = (start + rest).partition("\n\n")
    written = head + table() + (f"\n{tail}" if tail else "")
    if update_goldens:
        PAGE.write_text(written)
    assert PAGE.read_text() == written, "run with --update-goldens, and read what has changed"


def test_every_cell_is_tried_or_says_that_it_is_not() -> None:
    for name, (_, cell) in CELLS.items():
        assert bool(cell.tests) != (cell == NONE or cell.text.endswith(NOT_TRIED)), name


@pytest.mark.parametrize("name", TESTED)
def test_the_tests_of_a_cell_are_of_its_target(name: str) -> None:
    column, cell = TESTED[name]
    codes = re.findall(r"FC\d{3}", cell.text)
    for test in cell.tests:
        source, engines = inspect.getsource(module_of(test)), markers(test) & ENGINES
        chosen = test.partition("[")[2].removesuffix("]")
        assert not chosen or chosen in values(test), f"{test} has no {chosen}"
        if codes:
            assert set(codes) <= set(CODES), name
            assert all(code in source for code in codes), f"{test} does not show {codes}"
        elif column == ARGO:
            assert engines == {"cluster"}, test
        elif column in SERIES:
            assert engines & {"airflow", "live"}, test
            assert SERIES[column] in values(test), f"{test} is not for {column}"
        else:
            assert not engines, test
            assert column != SIMULATE or "simulat" in source, test


LIMITED = """
    from flowc import FlowSpec, concurrency, current, kubernetes, schedule, step

    @concurrency(runs=1)
    @schedule(cron=["0 5 * * *", "30 17 * * *"])
    class Limited(FlowSpec):
        @kubernetes(sidecars=[{"name": "proxy", "image": "proxy:1"}])
        @step
        def start(self):
            self.day = f"{current.scheduled_time:%F}"
            self.next(self.end)

        @step
        def end(self):
            pass
"""


def test_what_deployments_and_pods_alone_have_is_said(tmp_path: Path) -> None:
    flow = compiled(tmp_path, LIMITED).flow
    assert unsupported_locally(flow) == [
        "sidecars and init containers are not started: start runs without",
        "@concurrency(runs=) bounds the runs of a deployment, and a local run is none",
    ]


@pytest.mark.process
def test_a_simulated_run_has_no_sidecars_and_the_time_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(inspect.cleandoc(LIMITED))
    root = ("--root", f"file://{tmp_path}/store")
    assert flowc(tmp_path, "compile", "flow.py", *root, "--kind", "cron", "-o", "flow.yaml").returncode == 0
    refused = flowc(tmp_path, "simulate", "flow.yaml")
    assert (refused.returncode, "initContainers: the simulator starts none" in refused.stderr) == (2, True)
    without = flowc(tmp_path, "simulate", "flow.yaml", "--without-sidecars", "--scheduled-time", "2026-03-29")
    assert without.returncode == 0, without.stderr
    assert "sidecars and init containers are left out: s-start without" in without.stderr
    plain = inspect.cleandoc(LIMITED).replace('    @kubernetes(sidecars=[{"name": "proxy", "image": "proxy:1"}])\n', "")
    (tmp_path / "flow.py").write_text(plain)
    assert flowc(tmp_path, "compile", "flow.py", *root, "--kind", "cron", "-o", "flow.yaml").returncode == 0
    for command in ("simulate", "flow.yaml"), ("run", "flow.py", *root):
        done = flowc(tmp_path, *command, "--scheduled-time", "2026-03-29")
        assert done.returncode == 0, done.stderr
        assert Run.latest("Limited", root=f"{tmp_path}/store").data.day == "2026-03-29"
