"""Commands that compile: check, compile, ir, graph, targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flowc_cli.commands.arguments import (
    Branch,
    Configs,
    ConfigValues,
    Env,
    EnvFromSecret,
    File,
    FlowName,
    Format,
    Image,
    Images,
    Include,
    Operator,
    Output,
    Params,
    Production,
    Root,
    Server,
    ServiceAccount,
    Settings,
    With,
    reading_of,
)


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

    reading = reading_of(flow, with_, config, config_value, branch, production, param)
    raise typer.Exit(check_file(file, targets=target or [], form=format, reading=reading))


def compile_(
    file: File,
    target: Annotated[str, typer.Option("-t", "--target", help="the engine: see `flowc targets`")] = "argo",
    output: Output = None,
    param: Params = None,
    root: Root = None,
    image: Image = None,
    images: Images = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Kubernetes namespace")] = None,
    service_account: ServiceAccount = None,
    env: Env = None,
    env_from_secret: EnvFromSecret = None,
    include: Include = None,
    kind: Annotated[str | None, typer.Option(help="what to emit, such as `template` for argo")] = None,
    argo_version: Annotated[str | None, typer.Option(help="argo: the oldest version that is to take it")] = None,
    operator: Operator = None,
    code: Annotated[
        str | None, typer.Option(help="where the code is: `file` (airflow), `workflow` (argo) or `configmap`")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="argo: go on from this run, argo-UID; argo-UID/STEP runs STEP again")
    ] = None,
    settings: Settings = None,
    check_server: Annotated[
        bool, typer.Option("--check-server", help="also ask the engine's server, which starts nothing")
    ] = False,
    server: Server = None,
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
    from flowc_cli.servers import ServerCheck

    named = {
        "root": root,
        "image": image,
        "images": None if images is None else str(images),
        "namespace": namespace,
        "service_account": service_account,
        "kind": kind,
        "argo_version": argo_version,
        "operator": operator,
        "code": code,
        "origin_run": resume,
        "env": env,
        "env_from_secrets": env_from_secret,
        "include": include,
    }
    given = {key: value for key, value in named.items() if value is not None}
    reading = reading_of(flow, with_, config, config_value, branch, production, param)
    checked = ServerCheck(server, namespace) if check_server or server is not None else None
    result = compile_to(file, target, output, given, settings or [], form=format, reading=reading, server=checked)
    raise typer.Exit(result)


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

    reading = reading_of(flow, None, config, config_value, param=param)
    raise typer.Exit(print_ir(file, schema=schema, form=format, reading=reading))


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

    reading = reading_of(flow, None, config, config_value, param=param)
    raise typer.Exit(print_graph(file, language=format, reading=reading))


def targets() -> None:
    """List the targets that are installed, and what they can express."""
    from flowc_cli.compiling import print_targets

    raise typer.Exit(print_targets())
