"""The options of commands in `[tool.flowc.COMMAND]`: they count as if the command line gave them, unless it does."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from flowc.project_settings import (
    COMMANDS,
    FILE,
    INHERITS,
    OWN_FILE,
    PROFILES,
    TABLES,
    SettingsError,
    read_table,
    rebased,
)
from flowc.protocol import env_names
from flowc_cli.app import SUMMARIES
from flowc_cli.option_declarations import NEVER_SET, OptionDeclaration, options_of
from flowc_cli.project_config import CACHE_OPTION, ENV_OPTION, Layer, ProjectSettings, included_from, read_settings
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.syntax.import_root import is_readable, located, outside_help

CHECK = "check"
ELSEWHERE: Mapping[str, frozenset[str]] = {
    CHECK: frozenset({"select", "ignore", "error", "exclude"}),
    "run": frozenset({"root"}),
}
"""Options that are read for each file, and where others need them, too."""
BELOW: Mapping[str, tuple[str, frozenset[str] | None]] = {
    "resume": ("run", frozenset({"max_workers"})),
    "diff": ("compile", None),
}
"""Commands for which options of another one count: those, or all that both have."""
TRUSTED = frozenset({"run", "resume", "simulate", "submit"})
"""Commands that execute what the project says, so that it may name any path."""

PROBLEMS: ContextVar[DiagnosticSink | None] = ContextVar("PROBLEMS", default=None)
"""What is wrong with the options that settings give this command; a command that compiles reports it with the rest."""
GIVEN: ContextVar[Mapping[str, str]] = ContextVar("GIVEN", default={})  # noqa: B039 (nothing changes it)
"""Parameters of this command that settings give, with the tables that they are in."""


def apply_to(ctx: Any, command: str, places: Sequence[str], sink: DiagnosticSink) -> None:
    """Give the parameters of a command the values of settings. What is wrong is collected, and is in PROBLEMS."""
    tokens = PROBLEMS.set(sink), GIVEN.set({})

    def forget() -> None:
        PROBLEMS.reset(tokens[0])
        GIVEN.reset(tokens[1])

    ctx.find_root().call_on_close(forget)
    ctx.default_map = defaults_for(command, places, sink)


def section_name(command: str) -> str:
    """The table of a command below `[tool.flowc]`: in `commands` where its name is that of an option."""
    from flowc_targets.base.options import TargetOptions

    return f"{COMMANDS}.{command}" if command in TargetOptions.model_fields else command


def section_of(settings: ProjectSettings, command: str) -> Mapping[str, object]:
    """The table of a command; empty where it is none."""
    table: object = settings.table
    for key in section_name(command).split("."):
        table = cast("Mapping[str, object]", table).get(key) if isinstance(table, Mapping) else None
    return cast("Mapping[str, object]", table) if isinstance(table, Mapping) else {}


def defaults_for(command: str, places: Sequence[str], sink: DiagnosticSink) -> dict[str, object]:
    """The values that settings give to the parameters of a command. What is wrong is collected, and left out.

    `places` are the files that the command line names: the settings are those of the first one's folder.
    """
    start = Path(places[0]) if places else Path()
    folder = start.absolute() if start.is_dir() else located(start).parent
    settings = read_settings(folder, sink)
    values, given = values_of(settings, command, folder, sink)
    if command != CHECK:  # of which any command that compiles a flow reports it
        report_unknown_options(settings, command, sink)
    _report_others(settings, places[1:], given, sink)
    GIVEN.set(given)
    return values


def values_of(
    settings: ProjectSettings, command: str, folder: Path, sink: DiagnosticSink
) -> tuple[dict[str, object], dict[str, str]]:
    """The values of a command's parameters, and the table that each is in. What is wrong is collected, and left out."""
    values: dict[str, object] = {}
    given: dict[str, str] = {}
    for name, only in _sections(command):
        table = section_of(settings, name)
        for key in table:
            option = options_of(command).get(key)
            keys = (*section_name(name).split("."), key)
            if (
                option is not None
                and key not in {*ELSEWHERE.get(name, ()), *NEVER_SET}
                and (only is None or key in only)
            ):
                found = _value(option, table[key], settings, keys, None if command in TRUSTED else folder, sink)
                if found is not None and not (key == "root" and os.environ.get(env_names.ROOT)):
                    values[option.parameter] = found
                    given[option.parameter] = f"[tool.flowc.{section_name(name)}]"
    return values, given


def _sections(command: str) -> Iterable[tuple[str, frozenset[str] | None]]:
    if command in BELOW:
        yield BELOW[command]
    yield command, None


def _report_others(
    settings: ProjectSettings, places: Sequence[str], given: Mapping[str, str], sink: DiagnosticSink
) -> None:
    """Warn of another project among the arguments: the options of the first one's settings count."""
    for place in places if given else ():
        path = Path(place)
        other = read_settings(path.absolute() if path.is_dir() else located(path).parent, DiagnosticSink())
        if other.file != settings.file:
            tables = " and ".join(dict.fromkeys(given.values()))
            message = f"{tables} of {settings.file} counts for {place}, too, which has other settings"
            sink.warning("FC506", message, None, help="call the command for each project")
            return


def report_unknown_options(settings: ProjectSettings, command: str, sink: DiagnosticSink) -> None:
    """Collect FC504 for keys in the table of a command, of all layers, that are no options of it, and FC505 for those
    that only the command line may have.
    """
    keys = section_name(command).split(".")
    elsewhere = ELSEWHERE.get(command, frozenset())
    for layer in (*settings.layers, *settings.unused):
        table: object = layer.table
        for key in keys:
            table = cast("dict[str, object]", table).get(key) if isinstance(table, dict) else None
        names = set(cast("dict[str, object]", table)) - elsewhere if isinstance(table, dict) else set[str]()
        for name in sorted(names & NEVER_SET.keys()):
            message = f"{layer.title(*keys)} {name} counts on the command line only: {NEVER_SET[name]}"
            help_text = f"leave it out, and give --{name.replace('_', '-')}"
            settings.report(sink, "FC505", message, layer.profile, (*keys, name), help=help_text)
        unknown = sorted(names - set(options_of(command)) - NEVER_SET.keys()) if names else []
        for name in settings.few(sink, layer.title(*keys), unknown):
            known = [item for item in (*options_of(command), *sorted(elsewhere)) if item not in NEVER_SET]
            help_text = suggest(name, known, f"options are {', '.join(known)}").help
            message = f"{layer.title(*keys)} has an unknown option `{name}`"
            settings.report(sink, "FC504", message, layer.profile, (*keys, name), help=help_text)


def _value(
    option: OptionDeclaration,
    value: object,
    settings: ProjectSettings,
    keys: tuple[str, ...],
    project: Path | None,
    sink: DiagnosticSink,
) -> object:
    """A value as the command line would give it; `None` where it is wrong (FC505), or leads out of the project."""
    where = f"[tool.flowc.{'.'.join(keys[:-1])}] {keys[-1]}"
    problem = problem_with(option, value)
    if problem:
        settings.error(sink, "FC505", f"{where} {problem[0]}", keys, help=problem[1])
        return None
    if option.name == "include":
        return included_from(cast("list[Any]", value), settings, project or Path.cwd(), sink)
    if option.name == "root":
        return rebased(str(value), settings.folder)
    items = _as_texts(option, value) if option.many else [value]
    if option.is_path:
        items = [_rebased_path(str(item), settings.folder, pairs=option.pairs) for item in items]
        for path in (Path(str(item).partition("=")[2] if option.pairs else str(item)) for item in items):
            if project is not None and str(path) != "-" and not is_readable(path, project):
                message = f"{where}: {path} is not in the project"
                settings.error(sink, "FC605", message, keys, help=outside_help(path))
                return None
    return items if option.many else items[0]


def problem_with(option: OptionDeclaration, value: object) -> tuple[str, str] | None:
    """What is wrong with a value in settings, and what to write; `None` if nothing is."""
    name = option.name
    if option.many and isinstance(value, dict) and option.pairs:
        return None
    if option.many:
        right = isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value))
        table = f", or {name} = {{ NAME = ... }}" if option.pairs else ""
        return None if right else ("is not a list of texts", f'write {name} = ["..."]{table}')
    match option.kind:
        case "flag":
            return None if isinstance(value, bool) else ("is not true or false", f"write {name} = true")
        case "integer" | "number":
            types = (int,) if option.kind == "integer" else (int, float)
            if not isinstance(value, types) or isinstance(value, bool):
                return f"is not {'an integer' if option.kind == 'integer' else 'a number'}", f"write {name} = 1"
            if option.minimum is not None and value < option.minimum:
                return f"is less than {option.minimum:g}", "correct its value"
            return None
        case "text":
            if not isinstance(value, str):
                return "is not a text", f'write {name} = "..."'
            if option.choices and value not in option.choices:
                listed = f"it may be {', '.join(option.choices)}"
                return f"is `{value}`, which it may not be", suggest(value, option.choices, listed).help
            return None


def _as_texts(option: OptionDeclaration, value: object) -> list[object]:
    """A list of an option's values; of a table, with the names before them."""
    if not isinstance(value, dict):
        return cast("list[object]", value)
    shown = as_toml if option.name == "set" else _json
    pairs = cast("dict[str, object]", value)
    return [f"{name}={item if isinstance(item, str) else shown(item)}" for name, item in pairs.items()]


def _json(value: object) -> str:
    return json.dumps(value, default=str)


def as_toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in inner.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, cast("list[object]", value))) + "]"
    return json.dumps(value, default=str)


def _rebased_path(text: str, folder: str, *, pairs: bool) -> str:
    """A path as it is meant in a file in `folder`, with its name before it."""
    name, separator, path = text.rpartition("=") if pairs else ("", "", text)
    if path == "-" or "://" in path:
        return text
    whole = os.path.join(folder, os.path.expanduser(path))  # noqa: PTH111, PTH118 (keeps a slash at the end)
    shown = os.path.relpath(whole) + ("/" if path.endswith("/") else "") if _is_near(whole) else whole
    return f"{name}{separator}{shown}"


def _is_near(path: str) -> bool:
    return Path(os.path.normpath(path)).is_relative_to(Path.cwd())


@contextmanager
def problems_reported() -> Generator[None]:
    """Let no check of a file report them once more."""
    token = PROBLEMS.set(None)
    try:
        yield
    finally:
        PROBLEMS.reset(token)


def report_problems(sink: DiagnosticSink) -> None:
    """Collect what is wrong with the options that settings give this command."""
    found = PROBLEMS.get()
    if found is not None:
        sink.extend(found)


def report_unknown_keys(folder: Path, sink: DiagnosticSink) -> None:
    """Collect FC504 for keys of `[tool.flowc]` and its profiles that nothing reads, and FC505 for what is no table.

    The tables of targets are checked where a target reads them.
    """
    settings = read_settings(folder, sink)
    if settings.file:
        from flowc_targets.base.target import target_names  # which takes longer to import than a file to check

        _report_second_file(settings, sink)
        commands = {section_name(command): command for command in SUMMARIES}
        tables = [*target_names(), *(name for name in commands if "." not in name), COMMANDS]
        for layer in (*settings.layers, *settings.unused):
            _report_layer(settings, layer, commands, tables, sink)
        _report_no_tables(settings, sink)
        report_unknown_options(settings, CHECK, sink)


def _report_second_file(settings: ProjectSettings, sink: DiagnosticSink) -> None:
    """Warn of a pyproject.toml with settings beside a flowc.toml."""
    own, other = Path(settings.file), Path(settings.folder, FILE)
    try:
        unread = own.name == OWN_FILE and read_table(str(other)) is not None
    except SettingsError:
        return
    if unread:
        message = f"[tool.flowc] of {other} has no effect beside {OWN_FILE}"
        sink.warning("FC506", message, None, help="keep the settings in one of the two")


def _report_no_tables(settings: ProjectSettings, sink: DiagnosticSink) -> None:
    """Collect FC505 for profiles that are no tables."""
    found = settings.profiles
    inner = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    wrong = [(name,) for name, layer in inner.items() if not isinstance(layer, dict)]
    for names in wrong if found is None or isinstance(found, dict) else [()]:
        title = ".".join((PROFILES, *names))
        help_text = f"write [tool.flowc.{title if names else PROFILES + '.NAME'}] and options in it"
        settings.report(sink, "FC505", f"[tool.flowc] {title} is not a table", None, (PROFILES, *names), help=help_text)


def _report_layer(
    settings: ProjectSettings, layer: Layer, commands: Iterable[str], tables: Sequence[str], sink: DiagnosticSink
) -> None:
    from flowc_targets.base.options import TargetOptions

    options = {*TargetOptions.model_fields, CACHE_OPTION, ENV_OPTION} | (
        {INHERITS} if layer.profile is not None else set[str]()
    )
    for key, value in cast("dict[str, object]", layer.table).items():
        if key in tables and not isinstance(value, dict):
            help_text = f"write {layer.title(key)} and options in it"
            settings.report(
                sink, "FC505", f"{layer.title()} {key} is not a table", layer.profile, (key,), help=help_text
            )
        elif key in NEVER_SET and key not in options:
            message = f"{layer.title()} {key} counts on the command line only: {NEVER_SET[key]}"
            help_text = f"leave it out, and give --{key.replace('_', '-')}"
            settings.report(sink, "FC505", message, layer.profile, (key,), help=help_text)
    unknown = [key for key in layer.table if key not in options and key not in tables and key not in NEVER_SET]
    for key in settings.few(sink, layer.title(), unknown):
        help_text = _help_for(key, isinstance(layer.table[key], dict), options, tables)
        message = f"{layer.title()} has an unknown option `{key}`"
        settings.report(sink, "FC504", message, layer.profile, (key,), help=help_text)
    inner: object = layer.table.get(COMMANDS)
    names = cast("dict[str, object]", inner) if isinstance(inner, dict) else {}
    for key in settings.few(sink, layer.title(COMMANDS), [key for key in names if f"{COMMANDS}.{key}" not in commands]):
        help_text = f"write [tool.flowc.{key}]" if key in commands else suggest(key, SUMMARIES).help
        message = f"{layer.title(COMMANDS)} has no table `{key}`"
        settings.report(sink, "FC504", message, layer.profile, (COMMANDS, key), help=help_text)


def _help_for(key: str, is_table: bool, options: Iterable[str], tables: Sequence[str]) -> str:
    """What to write for a key that is no option."""
    if key in {"profile", "extends", "extend", "base", "parent"}:
        return f'profiles are in [tool.flowc.profiles.NAME], and {INHERITS} = "NAME" bases one on another'
    if is_table:
        return suggest(key, (*tables, "profiles", *TABLES), f"tables are {', '.join(tables)}").help
    listed = f"options are {', '.join(sorted(options))}; those of a target or a command are in its table"
    return suggest(key, options, listed).help
