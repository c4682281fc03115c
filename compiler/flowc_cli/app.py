"""The commands and their options. Bodies import what they need, so that `flowc --help` and completion stay quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flowc._version import __version__
from flowc_cli.runhelp import Commands, RunCommand

if TYPE_CHECKING:
    from flowc_cli.reading import Reading

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compile Python flows to Argo Workflows and Airflow, and run them locally.",
)

File = Annotated[Path, typer.Argument(help="the Python file with the flow", show_default=False)]
FlowName = Annotated[str | None, typer.Option("--flow", help="which flow, where the file has several")]
Format = Annotated[Literal["text", "json", "sarif", "github"], typer.Option(help="how diagnostics are printed")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="file to write, instead of standard output")]
Root = Annotated[str | None, typer.Option(help="the artifact store: s3://, gs://, az://, file:// or a path")]
With = Annotated[
    list[str] | None, typer.Option("--with", help="a decorator for every step that has it not, such as retry:times=3")
]
Configs = Annotated[list[str] | None, typer.Option("--config", help="the file of a config, as NAME PATH or NAME=PATH")]
ConfigValues = Annotated[
    list[str] | None, typer.Option("--config-value", help="the value of a config, as NAME VALUE or NAME=VALUE")
]
Branch = Annotated[str | None, typer.Option("--branch", help="the branch of a flow with @project")]
Production = Annotated[bool, typer.Option("--production", help="the production branch of a flow with @project")]
Params = Annotated[
    list[str] | None,
    typer.Option("-p", "--param", help="the value to compile a parameter with, as name=value: its default in a run"),
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="any option of the target, as name=value")]


def _variables(name: str, command: str = "RUN") -> list[str]:
    """The variables that set an option of a command; Metaflow's has the name that Metaflow gives the option."""
    return [f"FLOWC_{command}_{name}", f"METAFLOW_{command}_{name}"]


def _reading(
    flow: str | None,
    attached: list[str] | None,
    config: list[str] | None,
    config_value: list[str] | None,
    branch: str | None = None,
    production: bool = False,
    param: list[str] | None = None,
) -> Reading:
    """The options of commands that read a flow."""
    from flowc_cli.called import current_call
    from flowc_cli.reading import Reading
    from flowc_compiler.driver import GivenParameters

    call = current_call()
    given = GivenParameters(tuple(param or ()), values=call.values if call is not None else {})
    lists = (tuple(attached or ()), tuple(config or ()), tuple(config_value or ()))
    return Reading(flow, *lists, branch, production, given=given)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"flowc {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    del version


@app.command()
def check(
    file: File,
    target: Annotated[list[str] | None, typer.Option(help="also check what this target can express")] = None,
    param: Params = None,
    format: Format = "text",
    flow: FlowName = None,
    with_: With = None,
    config: Configs = None,
    config_value: ConfigValues = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Print every problem of a flow, and write nothing."""
    from flowc_cli.compiling import check_file

    reading = _reading(flow, with_, config, config_value, branch, production, param)
    raise typer.Exit(check_file(file, targets=target or [], form=format, reading=reading))


@app.command("compile")
def compile_(
    file: File,
    target: Annotated[str, typer.Option("-t", "--target", help="the engine: see `flowc targets`")] = "argo",
    output: Output = None,
    param: Params = None,
    root: Root = None,
    image: Annotated[str | None, typer.Option(help="container image of steps that name none")] = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Kubernetes namespace")] = None,
    service_account: Annotated[str | None, typer.Option(help="Kubernetes service account of the pods")] = None,
    env: Annotated[list[str] | None, typer.Option(help="variable of every task, as NAME=value")] = None,
    env_from_secret: Annotated[list[str] | None, typer.Option(help="Secret whose keys every task gets")] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="file, folder or glob to ship, from the flow's folder")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="what to emit, such as `template` for argo")] = None,
    operator: Annotated[str | None, typer.Option(help="airflow: `kubernetes` or `local`")] = None,
    settings: Settings = None,
    format: Format = "text",
    flow: FlowName = None,
    with_: With = None,
    config: Configs = None,
    config_value: ConfigValues = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Compile a flow to the files of an engine."""
    from flowc_cli.compiling import compile_to

    named = {
        "root": root,
        "image": image,
        "namespace": namespace,
        "service_account": service_account,
        "kind": kind,
        "operator": operator,
        "env": env,
        "env_from_secrets": env_from_secret,
        "include": include,
    }
    given = {key: value for key, value in named.items() if value is not None}
    reading = _reading(flow, with_, config, config_value, branch, production, param)
    raise typer.Exit(compile_to(file, target, output, given, settings or [], form=format, reading=reading))


@app.command()
def ir(
    file: Annotated[Path | None, typer.Argument(help="the Python file with the flow", show_default=False)] = None,
    schema: Annotated[bool, typer.Option(help="print the JSON schema of the IR instead")] = False,
    param: Params = None,
    format: Format = "text",
    flow: FlowName = None,
    config: Configs = None,
    config_value: ConfigValues = None,
) -> None:
    """Print the IR of a flow as JSON."""
    from flowc_cli.compiling import print_ir

    reading = _reading(flow, None, config, config_value, param=param)
    raise typer.Exit(print_ir(file, schema=schema, form=format, reading=reading))


@app.command()
def graph(
    file: File,
    format: Annotated[
        Literal["mermaid", "dot", "text"], typer.Option(help="the language of the picture, or a description in words")
    ] = "mermaid",
    param: Params = None,
    flow: FlowName = None,
    config: Configs = None,
    config_value: ConfigValues = None,
) -> None:
    """Print the graph of a flow."""
    from flowc_cli.compiling import print_graph

    reading = _reading(flow, None, config, config_value, param=param)
    raise typer.Exit(print_graph(file, language=format, reading=reading))


@app.command()
def targets() -> None:
    """List the targets that are installed, and what they can express."""
    from flowc_cli.compiling import print_targets

    raise typer.Exit(print_targets())


@app.command(cls=RunCommand, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    file: File,
    param: Annotated[list[str] | None, typer.Option("-p", "--param", help="a parameter, as name=value")] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="the artifact store: s3://, gs://, az://, file:// or a path",
            envvar="FLOWC_RUN_ROOT",
            show_envvar=False,
        ),
    ] = None,
    max_workers: Annotated[
        int | None,
        typer.Option(min=1, help="tasks at a time", envvar=_variables("MAX_WORKERS"), show_envvar=False),
    ] = None,
    max_num_splits: Annotated[
        int,
        typer.Option(
            min=0, help="the most items that a foreach may have", envvar=_variables("MAX_NUM_SPLITS"), show_envvar=False
        ),
    ] = 100,
    run_id_file: Annotated[
        Path | None,
        typer.Option(help="file to write the run's id to", envvar=_variables("RUN_ID_FILE"), show_envvar=False),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="a tag of the run", envvar=_variables("TAGS"), show_envvar=False)
    ] = None,
    start_method: Annotated[Literal["fork", "spawn"], typer.Option(help="how task processes begin")] = "fork",
    flow: FlowName = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="a decorator for every step that has it not, such as retry:times=3",
            envvar=_variables("DECOSPECS"),
            show_envvar=False,
        ),
    ] = None,
    config: Configs = None,
    config_value: ConfigValues = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Run a flow on this machine. Parameters are given with -p name=value, or as --name value."""
    from flowc_cli.running import RunRequest, run_file

    request = RunRequest(
        root=root,
        max_workers=max_workers,
        max_num_splits=max_num_splits,
        run_id_file=run_id_file,
        tags=tuple(tag or ()),
        start_method=start_method,
    )
    reading = _reading(flow, with_, config, config_value, branch, production)
    raise typer.Exit(run_file(file, request, param or [], context.args, reading))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def resume(
    context: typer.Context,
    file: File,
    step: Annotated[
        str | None, typer.Argument(help="run this step again, with all that follows it", show_default=False)
    ] = None,
    origin_run_id: Annotated[
        str | None, typer.Option(help="the run to go on from; by default the latest", show_default=False)
    ] = None,
    param: Annotated[list[str] | None, typer.Option("-p", "--param", hidden=True)] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="the artifact store that the run is in",
            envvar=["FLOWC_RESUME_ROOT", "FLOWC_RUN_ROOT"],
            show_envvar=False,
        ),
    ] = None,
    max_workers: Annotated[
        int | None,
        typer.Option(min=1, help="tasks at a time", envvar=_variables("MAX_WORKERS", "RESUME"), show_envvar=False),
    ] = None,
    max_num_splits: Annotated[
        int,
        typer.Option(
            min=0,
            help="the most items that a foreach may have",
            envvar=_variables("MAX_NUM_SPLITS", "RESUME"),
            show_envvar=False,
        ),
    ] = 100,
    run_id_file: Annotated[
        Path | None,
        typer.Option(
            help="file to write the new run's id to", envvar=_variables("RUN_ID_FILE", "RESUME"), show_envvar=False
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="a tag of the new run", envvar=_variables("TAGS", "RESUME"), show_envvar=False),
    ] = None,
    start_method: Annotated[Literal["fork", "spawn"], typer.Option(help="how task processes begin")] = "fork",
    flow: FlowName = None,
    with_: With = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Go on from where a run ended: a new run, which takes over what has finished. Parameters are kept."""
    from flowc_cli.resuming import resume_file
    from flowc_cli.running import RunRequest

    request = RunRequest(
        root=root,
        max_workers=max_workers,
        max_num_splits=max_num_splits,
        run_id_file=run_id_file,
        tags=tuple(tag or ()),
        start_method=start_method,
    )
    reading = _reading(flow, with_, None, None, branch, production)
    raise typer.Exit(resume_file(file, step, origin_run_id, request, param or [], context.args, reading))


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    root: Root = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show a run: its steps, tasks, and artifacts."""
    from flowc_cli.showing import show_run

    raise typer.Exit(show_run(run, root, as_json=json))


@app.command()
def logs(
    run: Annotated[str, typer.Argument(help="Flow, Flow/run-id, Flow/run-id/step or .../index", show_default=False)],
    root: Root = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="standard output only")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="standard error only")] = False,
) -> None:
    """Print the logs of a run's tasks."""
    from flowc_cli.showing import print_logs

    streams = [name for name, asked in (("stdout", stdout), ("stderr", stderr)) if asked]
    raise typer.Exit(print_logs(run, root, streams or ["stdout", "stderr"]))
