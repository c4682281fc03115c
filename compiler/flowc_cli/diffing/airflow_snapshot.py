"""Snapshots of DAG files, which are read and never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flowc_cli.diffing.snapshot import Facts, Snapshot, read_code, with_shared_pods

_TEXTS = {"texts", "packed"}
_DOCUMENTATION = {"doc_md", "digest", "task_id", "name"}


def snapshot_of_dag(text: str) -> Snapshot | None:
    """The snapshot of a DAG file; `None` for a file that flowc did not write. Raises ValueError for a damaged one."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    flow = next(
        (_text(item.value) for call in _calls(tree, "FlowPackage") for item in call.keywords if item.arg == "name"), ""
    )
    if not flow:
        return None
    texts = dict(_texts(tree))
    steps, files = read_code(texts)
    tasks = dict(_tasks(tree))
    pods = with_shared_pods({name: facts for name, facts in tasks.items() if not steps or name in steps}, texts)
    unread = "" if texts else "the code of the other version is packed in one text: compile it into a folder to read it"
    return Snapshot(flow, steps or {name: {} for name in pods}, pods, dict(_deployment(tree)), files, unread)


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The files of the code: `FLOW.texts["path"] = ...`, behind a line break each."""
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Attribute)
            and target.value.attr in _TEXTS
        ):
            assert isinstance(node, ast.Assign)
            yield _text(target.slice), _text(node.value).removeprefix("\n")


def _tasks(tree: ast.Module) -> Iterator[tuple[str, Facts]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = next((_text(item.value) for item in node.keywords if item.arg == "task_id"), "")
            if name:
                yield name, dict(_keywords(node))


def _keywords(call: ast.Call) -> Iterator[tuple[str, str]]:
    for item in call.keywords:
        if item.arg not in _DOCUMENTATION and item.arg is not None:
            yield from _values(item.arg, item.value)


def _values(name: str, value: ast.expr) -> Iterator[tuple[str, str]]:
    """The facts of an expression: of a dict and a call, one for each key."""
    if isinstance(value, ast.Dict) and value.keys:
        for key, item in zip(value.keys, value.values, strict=True):
            yield from _values(f"{name}.{_text(key) if key is not None else '**'}", item)
    elif isinstance(value, ast.Call) and value.keywords and not value.args:
        for keyword in value.keywords:
            yield from _values(f"{name}.{keyword.arg}", keyword.value)
    else:
        yield name, ast.unparse(value)


def _deployment(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for call in _calls(tree, "dag"):
        yield from _keywords(call)
    for call in _calls(tree, "FlowPackage"):
        yield from _keywords(call)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flowc_runtime_"):
            yield "runtime", node.module or ""
