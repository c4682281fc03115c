"""`[tool.flowc]` of the pyproject.toml next to a flow or above it, and the options that it adds up to."""

from __future__ import annotations

import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.import_root import located
from flowc_targets.base.options import TargetOptions

_MAPPINGS = (dict, Mapping)


def build_options(
    model: type[TargetOptions],
    target: str,
    file: Path,
    given: Mapping[str, object],
    settings: Sequence[str],
    sink: DiagnosticSink,
) -> TargetOptions | None:
    """A target's options: defaults, then [tool.flowc], then [tool.flowc.TARGET], then the command line.

    Collects FC505 for a wrong value and FC504 for an unknown option, and then returns `None`.
    """
    fields = model.model_fields
    values = _configured(file, target, fields, sink)
    for name, value in given.items():
        if name not in fields:
            shown = name.removesuffix("s").replace("_", "-")
            sink.error("FC504", f"target {target} has no option `--{shown}`", None, help=_known(fields))
            continue
        if name == "include":
            values[name] = [*values.get(name, ()), *typing.cast("Sequence[str]", value)]
        else:
            values[name] = _pairs(value, name, sink) if _is_mapping(fields[name].annotation) else value
    for item in settings:
        name, separator, text = item.partition("=")
        name = name.replace("-", "_")
        if not separator or name not in fields:
            sink.error("FC504", f"`--set {item}` is not an option of target {target}", None, help=_known(fields))
            continue
        values[name] = _parsed(text, fields[name].annotation)
    try:
        options = model.model_validate(values) if not sink.failed else None
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            sink.error(
                "FC505", f"option `{where}` of target {target}: {problem['msg']}", None, help="correct its value"
            )
        return None
    if options is not None:
        from flowc_targets.kubernetes.pod_checks import check_kubernetes_options  # `check` needs no model of pods

        check_kubernetes_options(options, target, sink)
    return options if not sink.failed else None


def configuration(file: Path, sink: DiagnosticSink) -> dict[str, Any]:
    """The table `[tool.flowc]` of the nearest pyproject.toml that has one, from the flow's folder upwards.

    Patterns of files to include, which are written from that pyproject.toml's folder, come out from the flow's.
    """
    flow_folder = located(file).parent
    for folder in (flow_folder, *flow_folder.parents):
        candidate = folder / "pyproject.toml"
        if not candidate.is_file():
            continue
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
    """A table and those of targets in it: patterns of `include` as seen from the flow's folder, `images` as a path."""
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


def _configured(file: Path, target: str, fields: Mapping[str, Any], sink: DiagnosticSink) -> dict[str, Any]:
    from flowc_targets.base.registry import target_names

    names = set(target_names()) | {"run"}
    table = configuration(file, sink)
    values: dict[str, Any] = {}
    own: Any = table.get(target, {})
    if not isinstance(own, dict):
        own = {}
    sections: list[tuple[str, dict[str, Any]]] = [("tool.flowc", table), (f"tool.flowc.{target}", own)]
    for origin, section in sections:
        for key, value in section.items():
            name = str(key).replace("-", "_")
            if section is table and key in names:
                continue
            if name in fields:
                both = name == "include" and isinstance(value, list) and isinstance(values.get(name), list)
                values[name] = [*values[name], *value] if both else value
            elif section is not table or name not in TargetOptions.model_fields:
                sink.error("FC504", f"[{origin}] has an unknown option `{key}`", None, help=_known(fields))
    return values


def _known(fields: Mapping[str, object]) -> str:
    return f"options are {', '.join(fields)}"


def _is_mapping(annotation: object) -> bool:
    return typing.get_origin(annotation) in _MAPPINGS


def _pairs(value: object, name: str, sink: DiagnosticSink) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in typing.cast("list[str]", value):
        key, separator, text = item.partition("=")
        if not separator:
            sink.error("FC505", f"`--{name} {item}` is not NAME=value", None, help=f"write `--{name} NAME=value`")
        pairs[key] = text
    return pairs


def _parsed(text: str, annotation: object) -> object:
    """A `--set` value: TOML where the option is not a plain string, so that lists and tables can be written."""
    origin = typing.get_origin(annotation)
    plain = annotation is str or (origin in (typing.Union, types.UnionType) and str in typing.get_args(annotation))
    if plain:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return [item for item in text.split(",") if item] if origin in (tuple, list) else text
