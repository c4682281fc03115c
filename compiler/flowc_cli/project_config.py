"""`[tool.flowc]` of the pyproject.toml next to a flow or above it."""

from __future__ import annotations

import os
import typing
from pathlib import Path
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.import_root import located


def configuration(file: Path, sink: DiagnosticSink) -> dict[str, Any]:
    """The table `[tool.flowc]` of the nearest pyproject.toml that has one, from the flow's folder upwards.

    Patterns of files to include, which are written from that pyproject.toml's folder, come out from the flow's.
    """
    flow_folder = located(file).parent
    for folder in (flow_folder, *flow_folder.parents):
        candidate = folder / "pyproject.toml"
        if not candidate.is_file():
            continue
        import tomllib

        try:
            content = tomllib.loads(candidate.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            sink.error("FC505", f"{candidate} cannot be read: {error}", None, help="correct the file")
            return {}
        table = content.get("tool", {}).get("flowc")
        if isinstance(table, dict):
            return _rebased(typing.cast("dict[str, Any]", table), folder, flow_folder)
    return {}


def _rebased(table: dict[str, Any], folder: Path, flow_folder: Path) -> dict[str, Any]:
    """A table and the tables of targets in it, with `include` relative to the flow's folder and `images` as a path."""
    from flowc_targets.base.options import TargetOptions

    above = Path(os.path.relpath(folder, flow_folder))
    rebased: dict[str, Any] = {}
    for key, value in table.items():
        if key == "include" and isinstance(value, list):
            rebased[key] = _above(value, above)  # pyright: ignore[reportUnknownArgumentType]
        elif key == "images" and isinstance(value, str):
            rebased[key] = str(folder / value)
        elif isinstance(value, dict) and key not in TargetOptions.model_fields:
            rebased[key] = _rebased(typing.cast("dict[str, Any]", value), folder, flow_folder)
        else:
            rebased[key] = value
    return rebased


def _above(patterns: list[Any], above: Path) -> list[Any]:
    return [(above / item).as_posix() if isinstance(item, str) else item for item in patterns]
