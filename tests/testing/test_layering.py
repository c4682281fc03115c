"""What `flowc.testing` and `flowc.notebooks` cost those who do not use them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flowc_targets.package.code_package import runtime_files
from tests.conftest import REPOSITORY
from tests.support import write_files

FOLDERS = ("notebooks", "testing")
FILES = sorted(path for name in FOLDERS for path in (REPOSITORY / "runtime" / "flowc" / name).glob("*.py"))
UPPER = ("flowc_cli", "flowc_compiler", "flowc_targets", "pytest", "yaml", "IPython")


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
    assert not [name for name in names if name.startswith(("flowc/testing/", "flowc/notebooks/"))]


@pytest.mark.process
def test_pytest_imports_nothing_of_flowc_until_a_fixture_is_used(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_unused.py": """
                import sys

                def test_unused():
                    assert "flowc_cli.pytest_plugin" in sys.modules
                    assert not [name for name in sys.modules if name.partition(".")[0] in ("flowc", "flowc_compiler")]

                def test_used(flowc_root):
                    assert not flowc_root.exists()
                    assert "flowc_compiler" not in sys.modules
            """
        },
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_unused.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout
