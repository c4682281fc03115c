"""The source of the operators: what a file of a flow that stands alone has of it, and a runtime module all.

A runtime module is for all flows of a release in one folder. Its name has the release and a hash of its content, so
that files of other releases go on with theirs. Airflow looks for DAGs in files that name them only: it does not.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_targets.airflow.dag_model import RUNTIME_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CODE_WIDTH = 100
_HASH_LENGTH = 10
_NAMED = re.compile(rb"(?<=d)(?=ag)|(?<=a)(?=sset)", re.IGNORECASE)
"""The places in words that Airflow looks for to tell which files have DAGs: in base64 they come by chance."""
_OF_ALL = ("flow_package", "shim_task", "index_paths", "zipped_code")
_GATES = ("wait_sensor", "approval_operator")
_OF_PODS = ("code_in_pods", "pod_operator", "container_operator", "hook_operator", *_GATES, "publish_output")
_OF_PROCESSES = ("process_operator", "hook_operator", *_GATES)

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
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                pass
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
        if alias.name != "TYPE_CHECKING"
    ]


def import_lines(imports: Iterable[Import]) -> Iterator[str]:
    """Yield the imports in linters' order: the standard library, other packages, then what Airflow has moved."""
    found = {*imports}
    fixed = {item for item in found if not item.before}
    standard = {item for item in fixed if (item.module or item.name).partition(".")[0] in sys.stdlib_module_names}
    yield "from __future__ import annotations"
    if lines := _grouped(standard):
        yield from ("", *lines)
    if others := _grouped(fixed - standard):
        yield from ("", *others)
    moved = found - fixed
    # Airflow 3.0 lacks this module, but must not take the other names from the places of Airflow 2.
    late = {item for item in moved if item.module == "airflow.sdk.exceptions"}
    yield from _either(late, "before Airflow 3.1")
    yield from _either(moved - late, "Airflow 2")


def _either(imports: set[Import], otherwise: str) -> Iterator[str]:
    """Yield imports from Airflow 3's modules, or else from older ones."""
    if not imports:
        return
    yield ""
    yield "try:"
    yield from (f"    {line}" for line in _grouped(imports))
    yield f"except ImportError:  # {otherwise}"
    before = {Import(item.before_as or item.name, item.before) for item in imports}
    yield from (f"    {line}" for line in _grouped(before))


def _grouped(imports: Iterable[Import]) -> list[str]:
    """Return the lines of imports: whole modules first, then names by module."""
    names: dict[str, list[str]] = {}
    for item in sorted(imports, key=lambda item: (item.module, item.name)):
        names.setdefault(item.module, []).append(item.name)
    whole = [f"import {name}" for name in names.pop("", [])]
    lines = [*whole]
    for module, found in names.items():
        plain = [name for name in found if " as " not in name]
        lines += [f"from {module} import {', '.join(plain)}"] if plain else []
        lines += [f"from {module} import {name}" for name in found if " as " in name]
    return lines


def runtime_lines(program: bytes) -> Iterator[str]:
    """Yield the constant with the shim, of which `program` is the zip; empty where the pods have it from elsewhere."""
    text = base64.b64encode(program)
    yield "# flowc's shim, which runs the steps: a zip in base64."
    if not text:
        yield 'RUNTIME = ""'
        return
    yield 'RUNTIME = """'
    for start in range(0, len(text), _CODE_WIDTH):
        yield _NAMED.sub(b"\n", text[start : start + _CODE_WIDTH]).decode()
    yield '"""'


class RuntimeModule(NamedTuple):
    """What the files of several flows share."""

    name: str
    """The name to import it by."""
    text: str


@cache
def runtime_module(program: bytes, version: str, *, in_pods: bool) -> RuntimeModule:
    """Return the module of a release for flows whose tasks are pods, or processes of the worker."""
    sources = [read_source(name) for name in (*_OF_ALL, *(_OF_PODS if in_pods else _OF_PROCESSES))]
    head = [
        f"# Compiled by flowc {version}: what the files of all flows share that it compiled for "
        f"{'pods' if in_pods else 'processes'}.",
        "# They import it by its name, which has a hash of it. Remove it with the last of them.",
        "",
        *import_lines(item for source in sources for item in source.imports),
    ]
    parts = ["\n".join(head), *(source.definitions for source in sources), "\n".join(runtime_lines(program))]
    text = "\n\n\n".join(parts) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
    return RuntimeModule(f"{RUNTIME_NAME}{re.sub(r'[^A-Za-z0-9]+', '_', version)}_{digest}", text)
