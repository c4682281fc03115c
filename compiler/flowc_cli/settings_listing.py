"""`flowc config`: all settings of a project with their origins, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from flowc.errors import StoreError
from flowc.project_settings import ADDED, SettingsError, add_chain, rebased
from flowc.protocol import env_names
from flowc_cli.app import SUMMARIES
from flowc_cli.check_settings import NO_SETTINGS, codes_of, severities_of
from flowc_cli.command_settings import (
    defaults_for,
    report_unknown_keys,
    report_unknown_options,
    section_name,
    section_of,
    values_of,
)
from flowc_cli.option_declarations import NEVER_SET, options_of
from flowc_cli.option_validation import report_option_problems, validated_options
from flowc_cli.project_config import CACHE_OPTION, ENV_OPTION, PATHS, ProjectSettings, report_unusable, settings_of
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import load_target, target_names

Source = Literal["default", "file", "environment"]


@dataclass(frozen=True)
class Entry:
    """A setting."""

    section: str
    """The table below `[tool.flowc]`; empty for what is for all targets."""
    name: str
    value: object
    source: Source
    place: str = ""
    """The file and the line, or the variable."""
    profile: str | None = None
    line: int | None = None


def check_settings(place: Path, sink: DiagnosticSink) -> ProjectSettings | None:
    """The settings of a file or folder, all of which are checked; `None` where there are none to print."""
    folder = place.absolute() if place.is_dir() else place.absolute().parent
    try:
        settings = settings_of(folder)
    except StoreError as error:
        report_unusable(error, sink)
        return None
    report_unknown_keys(folder, sink)
    severities_of(folder / "flow.py", NO_SETTINGS, sink)
    for command in SUMMARIES:
        if section_of(settings, command):
            defaults_for(command, [str(folder)], sink)
        report_unknown_options(settings, command, sink)
    for target in target_names():
        _check_target(settings, target, sink)
    _check_profiles(settings, folder, sink)
    return settings


def _check_profiles(settings: ProjectSettings, folder: Path, sink: DiagnosticSink) -> None:
    """Collect what is wrong with the values of profiles that are not chosen, and with what all of them inherit."""
    layers = [*settings.layers[1:], *settings.unused]
    profiles = {layer.profile: layer.table for layer in layers if layer.profile is not None}
    done: dict[str, None] = {}
    for name in profiles:
        try:
            add_chain(done, profiles, name, settings.file)
        except SettingsError as error:
            report_unusable(error, sink)
            done[name] = None
    for layer in settings.unused:
        own = settings.of_layer(layer)
        codes_of(own, sink)
        for command in SUMMARIES:
            if section_of(own, command):
                values_of(own, command, folder, sink)
        for target in target_names():
            _check_values(own, target, sink)


def _check_target(settings: ProjectSettings, target: str, sink: DiagnosticSink) -> None:
    """Collect what is wrong with the options of a target, in all layers."""
    from flowc_cli.target_options import report_unknown_target_options

    model = load_target(target).options_model
    report_unknown_target_options(settings, target, model.model_fields, sink)
    _check_values(settings, target, sink)


def _check_values(settings: ProjectSettings, target: str, sink: DiagnosticSink) -> None:
    """Collect FC505 for values of a target's options that count."""
    model = load_target(target).options_model
    own: Any = settings.table.get(target)
    shared = {key: value for key, value in settings.table.items() if key in TargetOptions.model_fields}
    tables: list[tuple[tuple[str, ...], dict[str, Any]]] = [((), shared)]
    tables += [((target,), cast("dict[str, Any]", own))] if isinstance(own, dict) else []
    for keys, values in tables:
        known = {key: value for key, value in values.items() if key in model.model_fields}
        _, problems = validated_options(model, known)
        report_option_problems(problems, target if keys else "", settings, (), sink)


def list_settings(settings: ProjectSettings) -> list[Entry]:
    """All settings, those with their defaults, too: for all targets, by target, and by command."""
    entries = list(_of_targets(settings))
    for command in SUMMARIES:
        entries += _of_command(settings, command)
    return entries


def _of_targets(settings: ProjectSettings) -> Iterator[Entry]:
    fields = TargetOptions.model_fields
    for name in (*fields, CACHE_OPTION, ENV_OPTION):
        default: Any = fields[name].get_default() if name in fields else None if name == CACHE_OPTION else []
        variable = env_names.ROOT if name == "root" and os.environ.get(env_names.ROOT) else ""
        if variable:
            yield Entry("", name, os.environ[variable], "environment", variable)
        else:
            yield from _entries(settings, "", (name,), default)
    for target in target_names():
        model = load_target(target).options_model
        own = settings.table.get(target)
        for name, field in model.model_fields.items():
            if name not in fields or (isinstance(own, dict) and name in own):
                yield from _entries(settings, target, (target, name), field.get_default())


def _of_command(settings: ProjectSettings, command: str) -> Iterator[Entry]:
    section = section_name(command)
    keys = section.split(".")
    table = section_of(settings, command)
    extra = [name for name in table if name not in options_of(command)]
    for name, option in options_of(command).items():
        variable = next((item for item in option.variables if os.environ.get(item)), "")
        if variable:
            yield Entry(section, name, os.environ[variable], "environment", variable)
        elif name in table or name not in NEVER_SET:
            default = option.default
            for entry in _entries(settings, section, (*keys, name), default):
                yield replace(entry, value=_of_this_machine(entry.value, settings.folder)) if option.is_path else entry
    for name in extra:
        yield from _entries(settings, section, (*keys, name), None)


def _entries(settings: ProjectSettings, section: str, keys: tuple[str, ...], default: object) -> Iterator[Entry]:
    """A setting; of a table, to which several layers may add, each key of its own."""
    value: Any = settings.table
    for key in keys:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    if isinstance(value, dict) and value:
        for key in cast("dict[str, object]", value):
            yield from _entries(settings, section, (*keys, key), None)
        return
    depth = section.count(".") + 1 if section else 0
    name = ".".join(keys[depth:])
    layers = [layer for layer in settings.layers if layer.has(*keys)] if value is not None else []
    if not layers:
        yield Entry(section, name, _plain(default), "default")
        return
    counted = layers if name in ADDED else layers[-1:]
    spans = [settings.span(*keys, profile=layer.profile) for layer in counted]
    lines = [span.line for span in spans if span is not None]
    place = " and ".join(f"{settings.source.name}:{line}" for line in lines) or settings.source.name
    line = lines[-1] if lines else None
    shown: Any = _effective(name, value, settings.folder)  # pyright: ignore[reportUnknownArgumentType]
    yield Entry(section, name, shown, "file", place, layers[-1].profile, line)


def _of_this_machine(value: object, folder: str) -> object:
    """A path that starts at a folder; `-` is standard output or input."""
    if not isinstance(value, str) or value == "-" or "://" in value:
        return value
    return os.path.join(folder, os.path.expanduser(value))  # noqa: PTH111, PTH118 (keeps a slash at the end)


def _effective(name: str, value: object, folder: str) -> object:
    """A value as it counts: a path of this machine starts at the file's folder."""
    if isinstance(value, str) and name == "root":
        return rebased(value, folder)
    return _of_this_machine(value, folder) if name in PATHS else value


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def as_document(settings: ProjectSettings, entries: Sequence[Entry]) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "file": settings.file or None,
        "profile": settings.layers[-1].profile if settings.layers else None,
        "profiles": [layer.profile for layer in settings.layers if layer.profile is not None],
        "settings": [
            {
                "table": entry.section, "name": entry.name, "value": entry.value, "source": entry.source,
                "place": entry.place or None, "line": entry.line, "profile": entry.profile,
            }
            for entry in entries
        ],
    }  # fmt: skip


def as_text(settings: ProjectSettings, entries: Sequence[Entry], *, every: bool) -> str:
    """The settings as TOML, each with a comment that says where it comes from."""
    names = [layer.profile for layer in settings.layers if layer.profile is not None]
    others = [layer.profile for layer in settings.unused if layer.profile is not None]
    lines = [f"# {settings.file or 'no flowc.toml, and no pyproject.toml with [tool.flowc]'}"]
    lines += (
        [f"# profile {names[-1]}" + (f", on top of {', '.join(names[-2::-1])}" if names[1:] else "")] if names else []
    )
    lines += [f"# profiles that are not chosen: {', '.join(others)}"] if others else []
    section = None
    shown = [entry for entry in entries if every or entry.source != "default"]
    for entry in shown:
        if entry.section != section:
            header = settings.header(*([entry.section] if entry.section else []))
            lines += ["", header] if header else [""]
            section = entry.section
        lines.append(_line(entry))
    hidden = len(entries) - len(shown)
    if hidden:
        lines += ["", f"# {hidden} options have their defaults: --all prints them"]
    return "\n".join(lines) + "\n"


def _line(entry: Entry) -> str:
    from flowc_cli.command_settings import as_toml

    value = f"{entry.name} = {as_toml(entry.value)}" if entry.value is not None else f"# {entry.name} has no value"
    origin = {"default": "default", "file": entry.place, "environment": entry.place}[entry.source]
    profile = f", profile {entry.profile}" if entry.profile is not None else ""
    return f"{value}  # {origin}{profile}"
