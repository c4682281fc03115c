"""The `flowc` command: its subcommands, each a module of `flowc_cli.commands` that is imported when it is used."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from flowc._version import __version__
from flowc_cli.command_parsing import (
    NO_FLOWS,
    OF_FLOWS,
    allow_reads,
    choose_profile,
    convert_lazily,
    follow_settings,
    join_pairs,
)

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
    reads = any(parameter.name in {"file", "files"} for parameter in found.params) and name not in NO_FLOWS
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
        names = parameters_of_flow(ctx) if command.name in OF_FLOWS and incomplete.startswith("-") else []
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
                "--allow-read", metavar="PATH", expose_value=False, callback=allow_reads,
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


def _read_variables(names: list[str] | None) -> None:
    """Let compiling read the variables that `--env-at-compile` names."""
    from flowc_compiler.evaluate.literals import ENV_AT_COMPILE

    known = frozenset(names or ())
    ENV_AT_COMPILE.set(lambda: known)


def _allow_large(allowed: bool) -> None:
    """Let compiling read large files, as `--allow-large` says."""
    from flowc_compiler.syntax.parsing import ALLOW_LARGE

    ALLOW_LARGE.set(allowed)


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
            convert_lazily(command.get_params(ctx))
            follow_settings(command)
        return name, command, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, with Metaflow's pairs joined."""
        convert_lazily(self.get_params(ctx))
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
    choose_profile(context, profile)
