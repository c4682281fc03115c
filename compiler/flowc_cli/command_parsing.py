"""How the arguments of commands are parsed: values are converted when given, and settings stand in for the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from flowc.protocol import env_names


def allow_reads(paths: list[str] | None) -> None:
    """Let compiling read what `--allow-read` names."""
    from flowc_compiler.syntax.import_root import READABLE

    READABLE.set(tuple(Path(item).absolute() for item in paths or ()))


NO_FLOWS = frozenset({"migrate", "simulate", "config"})
"""Commands whose file is no flow that is compiled."""
_NO_SETTINGS = frozenset({"explain", "targets", "lsp", "config"})
"""Commands for which settings have no options, or which print them."""
OF_FLOWS = frozenset({"run", "try", "resume"})
"""Commands that take a flow's parameters as options."""
_TABLES_OF_OTHERS = {"resume": ("run",), "diff": ("compile",)}


def join_pairs(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments with Metaflow's `--config NAME PATH` written as `--config NAME=PATH`.

    A `--config` with one argument stays: it may be a parameter of that name.
    """
    rest = list(arguments)
    joined: list[str] = []
    while rest:
        item = rest.pop(0)
        joined.append(item)
        if item not in {"--config", "--config-value"} or len(rest) < 2:
            continue
        name, value = rest[0], rest[1]
        plain = name.replace("-", "_").isidentifier() and not name.startswith("-")
        if plain and not value.startswith("--") and not value.endswith(".py"):
            joined.append(f"{name}={value}")
            del rest[:2]
    return joined


class _LazyConversion:
    """Converts the values of one parameter. Typer would build a pydantic validator even where there is no value."""

    def __init__(self, parameter: Any) -> None:
        self._build = parameter.get_runtime_param
        annotation = parameter.type_descriptor.annotation if parameter.param_type_name == "argument" else None
        self._is_path, self._is_paths = annotation is Path, annotation == list[Path]

    def itself(self) -> _LazyConversion:
        """The conversion, where typer asks for a parameter's own."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value for the command. A path is checked when it is read, with a diagnostic."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if self._is_path:
            return Path(value)
        if self._is_paths:
            return [Path(item) for item in value]
        if value == param.default and type(value) is type(param.default):
            return value
        try:
            return self._build().coerce(value, param=param, ctx=ctx)
        except typer.BadParameter as error:
            error.message = _plain_message(error)
            raise


def _plain_message(error: typer.BadParameter) -> str:
    """The message of a wrong value, without pydantic's words."""
    found = getattr(error.__cause__, "errors", None)
    if found is None:
        return error.message
    from flowc_compiler.diagnostics import suggest
    from flowc_compiler.diagnostics.validation_messages import value_problem

    item = found()[0]
    message, help_text = value_problem(item)
    choices = re.findall(r"'([^']*)'", message.partition(" is not one of ")[2])
    help_text = help_text if not choices else suggest(str(item["input"]), choices).help
    return f"{message.rstrip('.')}{f'; {help_text}' if help_text else ''}"


def convert_lazily(parameters: Sequence[Any]) -> None:
    """Save the time that typer takes to build validators for options that are not given."""
    for parameter in parameters:
        if hasattr(parameter, "get_runtime_param"):  # of versions of typer that validate with pydantic
            parameter.get_runtime_param = _LazyConversion(parameter).itself


def follow_settings(command: Any) -> None:
    """Let a command take what its arguments leave out from settings, and warn of an option that is given twice."""
    make_parser = command.make_parser

    def make_following_parser(ctx: Any) -> Any:
        parser = make_parser(ctx)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            ctx.meta["flowc.given"] = list(args)  # for completion, where the line has no end yet
            parsed = parse(args)
            _report_repeated(parsed[2])
            if not ctx.resilient_parsing:
                if command.name in OF_FLOWS:
                    _give_to_flow(parsed)
                choose_profile(ctx, parsed[0].get("profile"))
                _set_defaults(ctx, command.name, parsed[0])
            return parsed

        parser.parse_args = parse_args
        return parser

    command.make_parser = make_following_parser


def _report_repeated(parameters: Sequence[Any]) -> None:
    """Warn of an option of one value that is given twice: click takes the last one in silence."""
    given: list[Any] = [item for item in parameters if item.param_type_name == "option"]
    for item in dict.fromkeys(item for item in given if not (item.multiple or item.is_flag)):
        if given.count(item) > 1:
            text = f"warning[FC507]: {item.opts[-1]} is given twice, and the last one counts"
            typer.echo(f"{text}\n = help: keep one of them", err=True)


def _give_to_flow(parsed: Any) -> None:
    """Let `--profile` be the flow's own, of `flowc run` and `resume`, where the flow has a parameter of that name."""
    options, rest, _ = parsed
    file = options.get("file")
    if not options.get("profile") or not file:
        return
    from flowc_cli.outline import has_parameter

    if has_parameter(file, options.get("flow"), "profile"):
        rest += ["--profile", options.pop("profile")]


def choose_profile(ctx: Any, profile: str | None) -> None:
    """Let `--profile` count as FLOWC_PROFILE does while the command runs: other processes get it, too."""
    if profile is None:
        return
    before = os.environ.get(env_names.PROFILE)
    os.environ[env_names.PROFILE] = profile

    def restore() -> None:
        if before is None:
            os.environ.pop(env_names.PROFILE, None)
        else:
            os.environ[env_names.PROFILE] = before

    ctx.find_root().call_on_close(restore)


def _set_defaults(ctx: Any, command: str, given: Mapping[str, Any]) -> None:
    """Take options that are not given from settings. Exits where these are wrong, unless the command reports it."""
    if command in _NO_SETTINGS:
        return
    named = given.get("files") or given.get("file") or ()
    places = [named] if isinstance(named, str) else [str(item) for item in named]
    places = places if command not in NO_FLOWS else []
    if not _has_settings(command, places[0] if places else "."):
        return
    from flowc_cli.command_settings import apply_to
    from flowc_compiler.diagnostics import DiagnosticSink

    allow_reads(given.get("allow_read"))
    sink = DiagnosticSink()
    apply_to(ctx, command, places, sink)
    if places or command == "check":
        return
    from flowc_cli.output import INPUT_ERROR, report

    report(sink.diagnostics, sink.sources)
    if sink.failed:
        raise typer.Exit(INPUT_ERROR)


def _has_settings(command: str, place: str) -> bool:
    """Whether settings may say something about a command: a look that costs little."""
    from flowc import project_settings

    folder = place if os.path.isdir(place) else os.path.dirname(place)  # noqa: PTH112, PTH120 (pathlib costs more)
    try:
        table, _ = project_settings.find_table(os.path.realpath(folder))
    except project_settings.SettingsError:
        return True
    tables = {command, project_settings.COMMANDS, project_settings.PROFILES, *_TABLES_OF_OTHERS.get(command, ())}
    return bool(project_settings.chosen_profile()) or not tables.isdisjoint(table)
