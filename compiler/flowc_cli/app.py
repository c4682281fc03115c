"""The `flowc` command: its subcommands, each a module of `flowc_cli.commands` that is imported when it is used."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from flowc._version import __version__
from flowc.protocol import env_names

SUMMARIES = {
    "check": "Print every problem of flows, and change nothing without --fix.",
    "explain": "Print the page of a diagnostic.",
    "migrate": "Turn files that import Metaflow or ZenML into files that import flowc.",
    "compile": "Compile a flow to the files of an engine.",
    "diff": "Print what changed in a flow since a commit, a compile or a deployment.",
    "image": "Write Dockerfiles for the packages of steps.",
    "package": "List the files that a flow ships, and why.",
    "ir": "Print the IR of a flow as JSON.",
    "graph": "Print the graph of a flow.",
    "lsp": "Serve an editor: diagnostics while typing, fixes, hover and completion.",
    "targets": "List the installed targets, and what they can express.",
    "config": "Print the settings that count, and where each comes from.",
    "run": "Run a flow on this machine.",
    "try": "Run one step alone, here in the terminal, on what an earlier run has.",
    "resume": "Continue a run that ended early.",
    "simulate": "Run a manifest on this machine as Argo would.",
    "runs": "List the runs of a store, the newest first, whichever engine has run them.",
    "approve": "Choose for a step that waits for a person, on whichever engine.",
    "show": "Show a run: its steps, tasks and attempts with their times, and its artifacts.",
    "report": "Write a run as one HTML file: graph, timeline, cards, artifacts, logs and code.",
    "ui": "Show all runs of a store in a browser of this machine, live. It only reads.",
    "diff-runs": "Compare the parameters and artifacts of two runs, by their hashes.",
    "lineage": "Show which runs made, passed on and read a value.",
    "tag": "Add and remove tags of a run, and print those that it has then.",
    "logs": "Print the logs of a run's tasks.",
    "fsck": "Check the files of runs: read all of them, and change nothing.",
    "export": "Write a run into one file: all attempts, logs, tags and values.",
    "import": "Take a run out of a file that `flowc export` wrote: all of it, or nothing.",
    "rm": "Remove runs from the store. Their values stay until `flowc gc`.",
    "gc": "Remove old runs, and values that no run names.",
    "submit": "Start a run on an engine.",
    "backfill": "Run a flow for the times of its schedule that have no run yet.",
    "publish": "Publish an event, which starts the deployed flows that wait for it.",
    "status": "Show the state of a run on an engine, or list the latest runs.",
    "stop": "End a run on an engine early; its exit hooks run.",
    "deploy": "Compile a flow and deploy it, in the place of the version before.",
    "deployments": "List the flows that are deployed on an engine.",
    "undeploy": "Remove a deployed flow from an engine. Its runs stay, and go on.",
    "suspend": "Let a deployed flow start no more runs by itself, or a run on Argo no more pods.",
    "unsuspend": "Let what `flowc suspend` has suspended go on.",
    "prune": "Remove ConfigMaps of flowc's that nothing needs any more.",
    "runtime": "Upload what pods run of flowc to a root, for `--runtime store`.",
}
"""The commands in the order of the help, each with the first line of its own help, which needs no import."""


PROFILE_HELP = "the profile of [tool.flowc] to use; FLOWC_PROFILE by default"
LOCAL = ("run", "try", "resume", "simulate")
"""Commands that start processes, as only Linux and macOS do."""


_KEYWORDS = {"try": "try_step", "import": "import_run"}
"""The modules of commands whose names are keywords, which no module that is imported can have."""


def command_module(name: str) -> Any:
    """The module of a command."""
    module = _KEYWORDS.get(name) or name.replace("-", "_")
    return import_module(f"flowc_cli.commands.{module}")


def load_command(name: str) -> Any:
    """The click command `name` with its options. Imports its module and all that the command needs.

    Raises SystemExit on Windows for a command that runs tasks.
    """
    if sys.platform == "win32" and name in LOCAL:
        sys.stderr.write(
            f"flowc: on Windows, flowc {name} works within WSL only: https://learn.microsoft.com/windows/wsl\n"
        )
        raise SystemExit(2)
    found: Any = typer.main.get_command(command_module(name).app)
    reads = any(parameter.name in {"file", "files"} for parameter in found.params) and name not in _NO_FLOWS
    found.params += [item for item in _common_options() if reads or item.name == "profile"]
    _group_options(found)
    _complete_values(found)
    return found


def _group_options(command: Any) -> None:
    """Let the help have options in groups."""

    def format_options(ctx: Any, formatter: Any) -> None:
        from flowc_cli.help_groups import write_options

        write_options(command.get_params(ctx), ctx, formatter)

    def collect_usage_pieces(ctx: Any) -> list[str]:
        from flowc_cli.help_groups import argument_text

        arguments = [item for item in command.get_params(ctx) if item.param_type_name == "argument"]
        return ["[OPTIONS]", *map(argument_text, arguments)]

    command.format_options = format_options
    command.collect_usage_pieces = collect_usage_pieces


def _complete_values(command: Any) -> None:
    """Let shells complete values of options and arguments, and for `run` the options that are a flow's parameters."""
    complete_options = command.shell_complete

    def shell_complete(ctx: Any, incomplete: str) -> Any:
        from flowc_cli.completions import parameters_of_flow

        found = complete_options(ctx, incomplete)
        names = parameters_of_flow(ctx) if command.name in _OF_FLOWS and incomplete.startswith("-") else []
        return [*found, *(_completion_item(name) for name in names if name.startswith(incomplete))]

    command.shell_complete = shell_complete
    for parameter in command.params:
        _complete_parameter(parameter)


def _complete_parameter(parameter: Any) -> None:
    complete_own = parameter.shell_complete

    def shell_complete(ctx: Any, incomplete: str) -> Any:
        from flowc_cli.completions import complete, completes

        if not completes(parameter):
            return complete_own(ctx, incomplete)
        return [_completion_item(item) for item in complete(ctx, parameter, incomplete)]

    parameter.shell_complete = shell_complete


def _completion_item(value: str) -> Any:
    """An item of the class that typer's completion knows, which versions of it have in different modules."""
    places = ("typer._completion_shared", "click.shell_completion")
    module: Any = next(import_module(name) for name in places if _has_item(name))
    return module.CompletionItem(value)


def _has_item(module: str) -> bool:
    try:
        return hasattr(import_module(module), "CompletionItem")
    except ImportError:
        return False


def _common_options() -> list[Any]:
    """The options of all commands about settings, and of those that compile a flow about what may be read."""
    declared = typer.Typer(add_completion=False)

    @declared.command()
    def _(
        allow_read: Annotated[
            list[str] | None,
            typer.Option(
                "--allow-read", metavar="PATH", expose_value=False, callback=_allow_reads,
                help="a file or folder outside of the project that the flow or its project may name",
            ),
        ] = None,
        env_at_compile: Annotated[
            list[str] | None,
            typer.Option(
                "--env-at-compile", metavar="NAME", expose_value=False, callback=_read_variables,
                help="a variable of the environment that the flow reads when it is compiled",
            ),
        ] = None,
        allow_large: Annotated[
            bool,
            typer.Option(
                "--allow-large", expose_value=False, callback=_allow_large,
                help="the flow's files are trusted, and may be larger than what 2 seconds and 300 MB are enough for",
            ),
        ] = False,
        profile: Annotated[
            str | None,
            typer.Option("--profile", metavar="NAME", expose_value=False, help=PROFILE_HELP),
        ] = None,
    ) -> None:  # fmt: skip
        del allow_read, env_at_compile, allow_large, profile

    command: Any = typer.main.get_command(declared)
    names = {"allow_read", "env_at_compile", "allow_large", "profile"}
    return [parameter for parameter in command.params if parameter.name in names]


def _allow_reads(paths: list[str] | None) -> None:
    """Let compiling read what `--allow-read` names."""
    from flowc_compiler.syntax.import_root import READABLE

    READABLE.set(tuple(Path(item).absolute() for item in paths or ()))


def _read_variables(names: list[str] | None) -> None:
    """Let compiling read the variables that `--env-at-compile` names."""
    from flowc_compiler.evaluate.literals import ENV_AT_COMPILE

    known = frozenset(names or ())
    ENV_AT_COMPILE.set(lambda: known)


def _allow_large(allowed: bool) -> None:
    """Let compiling read large files, as `--allow-large` says."""
    from flowc_compiler.syntax.parsing import ALLOW_LARGE

    ALLOW_LARGE.set(allowed)


_NO_FLOWS = frozenset({"migrate", "simulate", "config"})
"""Commands whose file is no flow that is compiled."""
_NO_SETTINGS = frozenset({"explain", "targets", "lsp", "config"})
"""Commands for which settings have no options, or which print them."""
_OF_FLOWS = frozenset({"run", "try", "resume"})
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


def _convert_lazily(parameters: Sequence[Any]) -> None:
    """Save the time that typer takes to build validators for options that are not given."""
    for parameter in parameters:
        if hasattr(parameter, "get_runtime_param"):  # of versions of typer that validate with pydantic
            parameter.get_runtime_param = _LazyConversion(parameter).itself


def _follow_settings(command: Any) -> None:
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
                if command.name in _OF_FLOWS:
                    _give_to_flow(parsed)
                _choose_profile(ctx, parsed[0].get("profile"))
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


def _choose_profile(ctx: Any, profile: str | None) -> None:
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
    places = places if command not in _NO_FLOWS else []
    if not _has_settings(command, places[0] if places else "."):
        return
    from flowc_cli.command_settings import apply_to
    from flowc_compiler.diagnostics import DiagnosticSink

    _allow_reads(given.get("allow_read"))
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


class _Commands(TyperGroup):
    """The group of all commands. It lists them without their options, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=summary) for name, summary in SUMMARIES.items()}
        for parameter in self.params:
            if parameter.name == "profile":
                _complete_parameter(parameter)

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run it, or complete what a shell has so far."""
        if "_FLOWC_COMPLETE" in os.environ:
            from flowc_cli.completions import join_bash_words

            join_bash_words(os.environ)
        return super().main(*args, **settings)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in groups, then the options of `flowc` itself."""
        from flowc_cli.help_groups import write_commands, write_options

        write_commands(SUMMARIES, formatter)
        write_options(self.get_params(ctx), ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the help."""
        del ctx
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments begin with, and the arguments after its name."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in SUMMARIES:
            command = load_command(name)
            _convert_lazily(command.get_params(ctx))
            _follow_settings(command)
        return name, command, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, with Metaflow's pairs joined."""
        _convert_lazily(self.get_params(ctx))
        return super().parse_args(ctx, join_pairs(args))


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compile Python flows to Argo Workflows and Airflow, and run them locally.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowc {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help=PROFILE_HELP)] = None,
) -> None:
    del version
    _choose_profile(context, profile)
