"""`[tool.flowc]` of the pyproject.toml next to a flow or above it."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from flowc.errors import StoreError
from flowc.project_settings import default_root, find_settings
from flowc.store import DEFAULT_ROOT
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
from flowc_compiler.filesystem import found_once, record_content
from flowc_compiler.syntax.import_root import is_readable, located, outside_help

ENV_OPTION = "env_at_compile"
"""The option of [tool.flowc] that names variables which compiling may read. It is no option of a target."""


def configuration(file: Path, sink: DiagnosticSink) -> dict[str, Any]:
    """The table `[tool.flowc]` of the nearest pyproject.toml that has one, from the flow's folder upwards.

    Patterns of files to include, which are written from that pyproject.toml's folder, come out from the flow's.
    """
    flow_folder = located(file).parent
    try:
        table, folder = settings_of(flow_folder)
    except StoreError as error:
        sink.error("FC505", str(error), None, help="correct the file")
        return {}
    return _rebased(table, Path(folder), flow_folder, sink) if table else {}


def settings_of(folder: Path) -> tuple[dict[str, Any], str]:
    """`find_settings`, with a record of the files that were read. Raises StoreError."""
    found: tuple[dict[str, Any], str] = ({}, "")
    try:
        found = found_once("settings", str(folder), lambda: find_settings(str(folder)))
    finally:
        for place in (folder, *folder.parents):
            record_content(str(place / "pyproject.toml"))
            if str(place) == found[1]:
                break
    return found


def local_root(file: Path, given: str | None, sink: DiagnosticSink) -> str:
    """The root of runs on this machine: the given one, else FLOWC_ROOT, else the project's, else `.flowc`."""
    try:
        return given if given is not None else default_root(str(located(file).parent))
    except StoreError as error:
        if not sink.failed:
            sink.error("FC505", str(error), None, help="correct the file")
        return DEFAULT_ROOT


def included_patterns(file: Path, sink: DiagnosticSink) -> list[str]:
    """The `include` of [tool.flowc]: what every target and local runs ship, from the flow's folder."""
    include: object = configuration(file, sink).get("include", [])
    patterns = typing.cast("list[object]", include) if isinstance(include, list) else []
    return [item for item in patterns if isinstance(item, str)]


def variables_at_compile(file: Path, sink: DiagnosticSink) -> Callable[[], frozenset[str]]:
    """What gives the variables that compiling may read: those of `--env-at-compile`, and of `env_at_compile` in
    [tool.flowc], which is read when the flow's file needs one. Collects FC505 for those that no project may name.
    """
    given = ENV_AT_COMPILE.get()
    return cache(lambda: given() | _project_variables(file, given(), sink))


def _project_variables(file: Path, given: frozenset[str], sink: DiagnosticSink) -> frozenset[str]:
    from flowc_compiler.evaluate.environment_reads import INSTEAD_OF_SECRETS, looks_secret

    value: object = configuration(file, sink).get(ENV_OPTION, [])
    names = typing.cast("list[object]", value) if isinstance(value, list) else [None]
    allowed = set[str]()
    for name in names:
        if not isinstance(name, str) or not name:
            message = f"[tool.flowc] {ENV_OPTION} is a list of names of variables"
            sink.error("FC505", message, None, help=f'write {ENV_OPTION} = ["NAME"]')
        elif looks_secret(name) and name not in given:  # whoever may write to a checkout gets no secrets of its users
            message = f"[tool.flowc] {ENV_OPTION} names {name}, which looks like a secret: its value would be compiled"
            sink.error("FC505", message, None, help=INSTEAD_OF_SECRETS)
        else:
            allowed.add(name)
    return frozenset(allowed)


def _rebased(table: dict[str, Any], folder: Path, flow_folder: Path, sink: DiagnosticSink) -> dict[str, Any]:
    """A table and the tables of targets in it, with `include` relative to the flow's folder and `images` as a path.

    Collects FC605 for patterns that lead out of the project.
    """
    from flowc_targets.base.options import TargetOptions

    above = Path(os.path.relpath(folder, flow_folder))
    rebased: dict[str, Any] = {}
    for key, value in table.items():
        if key == "include" and isinstance(value, list):
            _check_outside(value, folder, flow_folder, sink)  # pyright: ignore[reportUnknownArgumentType]
            rebased[key] = _above(value, above)  # pyright: ignore[reportUnknownArgumentType]
        elif key == "images" and isinstance(value, str):
            rebased[key] = str(folder / value)
        elif isinstance(value, dict) and key not in TargetOptions.model_fields:
            rebased[key] = _rebased(typing.cast("dict[str, Any]", value), folder, flow_folder, sink)
        else:
            rebased[key] = value
    return rebased


def _check_outside(patterns: list[Any], folder: Path, flow_folder: Path, sink: DiagnosticSink) -> None:
    for pattern in patterns:
        start = takewhile(
            lambda part: not set("*?[") & set(part), Path(pattern).parts if isinstance(pattern, str) else ()
        )
        if not is_readable(folder.joinpath(*start), flow_folder):
            message = f"include of {folder / 'pyproject.toml'}: {pattern!r} is not in the flow's project"
            sink.error("FC605", message, None, help=outside_help(pattern))


def _above(patterns: list[Any], above: Path) -> list[Any]:
    return [(above / item).as_posix() if isinstance(item, str) else item for item in patterns]
