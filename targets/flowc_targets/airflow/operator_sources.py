"""The source of operators, as `operators/` has it, and the imports that it needs."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

OPERATORS = Path(__file__).with_name("operators")
"""The folder of their modules. It is read and never imported, since that takes Airflow."""


class Import(NamedTuple):
    """One name that a DAG file imports."""

    name: str
    module: str = ""
    """Where it is from; empty for a module that is imported as a whole."""
    before: str = ""
    """Where it is in older Airflows, if elsewhere."""
    before_as: str = ""
    """How it is imported there, if it has another name."""


class OperatorSource(NamedTuple):
    """One module of `operators/`, in two parts."""

    imports: tuple[Import, ...]
    """What it imports from elsewhere than `operators/`."""
    definitions: str
    """The text of its functions and classes."""


def read_source(module: str) -> OperatorSource:
    """Read a module of `operators/`, split behind its head, which is its docstring and its imports."""
    source = (OPERATORS / f"{module}.py").read_text(encoding="utf-8")
    head_end = 0
    imports: list[Import] = []
    for node in ast.parse(source).body:
        match node:
            case ast.Expr():
                pass
            case ast.Import() | ast.ImportFrom():
                imports += _imported(node)
            case ast.Try(body=[ast.ImportFrom() as new], handlers=[ast.ExceptHandler(body=[ast.ImportFrom() as old])]):
                imports += (item._replace(before=old.module or "") for item in _imported(new))
            case _:
                break
        head_end = node.end_lineno or 0
    return OperatorSource(tuple(imports), "\n".join(source.split("\n")[head_end:]).strip("\n"))


def _imported(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name) for alias in node.names]
    module = node.module or ""
    if module == "__future__" or module.startswith("flowc_targets."):
        return []
    return [
        Import(alias.name if alias.asname is None else f"{alias.name} as {alias.asname}", module)
        for alias in node.names
    ]
