"""What `flowc.testing` costs those who do not use it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flowc_targets.package.code_package import runtime_files
from tests.conftest import REPOSITORY

FILES = sorted((REPOSITORY / "runtime" / "flowc" / "testing").glob("*.py"))
UPPER = ("flowc_cli", "flowc_compiler", "flowc_targets", "pytest", "yaml")


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_compiler_is_imported_when_a_function_is_called(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [name for node in tree.body for name in _imported(node) if name.startswith(UPPER)]


def test_containers_do_not_get_it() -> None:
    names = list(runtime_files())
    assert "flowc/flowspec.py" in names
    assert not [name for name in names if name.startswith("flowc/testing/")]
