"""Every public name of Metaflow and ZenML is in one row of the pages' tables, which says what comes of it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs import rows, zenmlrows
from tests.docs.exported_names import METAFLOW, ZENML
from tests.docs.tables import TableRow

METAFLOW_ROWS: list[TableRow] = [row for table in rows.TABLES.values() for row in table]
ZENML_ROWS: list[TableRow] = list(zenmlrows.TABLES["Names to import"])
EXPORTED = """
import importlib, json, sys, types
for module in sys.argv[1:]:
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None) or [
        name for name, value in vars(found).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
        and (module != "metaflow.exception" or isinstance(value, type))
    ]
    print(json.dumps([module, sorted(names)]))
"""


def imported(table: Iterable[TableRow], code_of: dict[str, str]) -> Counter[tuple[str, str]]:
    """How many rows have an import of a name as their name: `from zenml import step`, `metaflow.step`."""
    found = Counter[tuple[str, str]]()
    for row in table:
        if not row.name.startswith(("`from ", "`metaflow.")):
            continue
        first = ast.parse(textwrap.dedent(code_of[row.name]).strip()).body[0]
        if isinstance(first, ast.ImportFrom) and first.module:
            found.update((first.module, alias.name) for alias in first.names)
    return found


def decorators(table: Iterable[TableRow]) -> Counter[tuple[str, str]]:
    """How many rows have a decorator of Metaflow as their name: `@retry`, but not an argument or a rule of it."""
    matches = (re.match(r"`@(\w+)`(?:,|$)", row.name) for row in table)
    return Counter(("metaflow", match[1]) for match in matches if match is not None)


@pytest.mark.parametrize(
    ("exported", "listed"),
    [
        pytest.param(
            METAFLOW,
            imported(METAFLOW_ROWS, {row.name: row.code for table in rows.TABLES.values() for row in table})
            + decorators(METAFLOW_ROWS),
            id="metaflow",
        ),
        pytest.param(
            ZENML,
            imported(ZENML_ROWS, {row.name: row.code for row in zenmlrows.TABLES["Names to import"]}),
            id="zenml",
        ),
    ],
)
def test_every_name_is_in_exactly_one_row(exported: dict[str, list[str]], listed: Counter[tuple[str, str]]) -> None:
    counts = {(module, name): listed[module, name] for module, names in exported.items() for name in names}
    assert {key: count for key, count in counts.items() if count != 1} == {}


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("environment", "exported"),
    [("tests/oracle/env", METAFLOW), ("tests/bench/env-zenml", ZENML)],
    ids=["metaflow", "zenml"],
)
def test_the_packages_export_these_names(environment: str, exported: dict[str, list[str]], tmp_path: Path) -> None:
    python = REPOSITORY / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{environment} is not there")
    command = [str(python), "-c", EXPORTED, *exported]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert dict(map(json.loads, lines)) == {module: sorted(names) for module, names in exported.items()}
