"""Commands that talk to an engine: submit, status, stop. `flowc logs --target` is with `logs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowc_cli.commands.arguments import (
    Branch,
    Configs,
    ConfigValues,
    Env,
    EnvFromSecret,
    FlowName,
    Format,
    Image,
    Images,
    Include,
    Operator,
    Production,
    Root,
    Server,
    ServiceAccount,
    Settings,
    User,
    With,
    reading_of,
)

Engine = Annotated[str, typer.Option("-t", "--target", help="the engine: see `flowc targets`")]
Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", help="Kubernetes namespace; argo: ARGO_NAMESPACE by default")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def submit(
    file: Annotated[Path | None, typer.Argument(help="the Python file with the flow", show_default=False)] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="start a run of what is deployed: a WorkflowTemplate, a CronWorkflow or a DAG"),
    ] = None,
    target: Engine = "argo",
    param: Annotated[list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="a parameter")] = None,
    resume: Annotated[str | None, typer.Option(help="go on from this run; RUN/STEP runs STEP again")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="wait for the end; exit with 1 for a run that fails")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="wait, and print what becomes of each task")] = False,
    json: Json = False,
    server: Server = None,
    user: User = None,
    namespace: Namespace = None,
    root: Root = None,
    image: Image = None,
    images: Images = None,
    service_account: ServiceAccount = None,
    env: Env = None,
    env_from_secret: EnvFromSecret = None,
    include: Include = None,
    operator: Operator = None,
    dags_folder: Annotated[
        Path | None, typer.Option(help="airflow: its dags folder, to put the DAG file into before the run")
    ] = None,
    settings: Settings = None,
    format: Format = "text",
    flow: FlowName = None,
    with_: With = None,
    config: Configs = None,
    config_value: ConfigValues = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Start a run on an engine.

    Of a file, which is compiled first, or of what is deployed.
    """
    from flowc_cli.submitting import Submission, submit_deployed, submit_file

    named = {
        "root": root,
        "image": image,
        "images": None if images is None else str(images),
        "service_account": service_account,
        "env": env,
        "env_from_secrets": env_from_secret,
        "include": include,
        "operator": operator,
        "dags_folder": None if dags_folder is None else str(dags_folder),
    }
    request = Submission(target, server, namespace, tuple(param or ()), resume, wait, watch, json, format, user)
    compiled = {key: value for key, value in named.items() if value is not None}
    if from_ is not None:
        others = [*compiled, *(settings or ()), *(with_ or ()), *([str(file)] if file is not None else ())]
        raise typer.Exit(submit_deployed(from_, request, others))
    reading = reading_of(flow, with_, config, config_value, branch, production, param)
    if namespace is not None:
        compiled["namespace"] = namespace
    raise typer.Exit(submit_file(file, request, compiled, settings or [], reading))


def status(
    name: Annotated[
        str | None,
        typer.Argument(help="the engine's name for a run, its id or Flow/id; else the latest", show_default=False),
    ] = None,
    target: Engine = "argo",
    wait: Annotated[bool, typer.Option("--wait", help="wait for the end; exit with 1 for a run that fails")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="wait, and print what becomes of each task")] = False,
    last: Annotated[int, typer.Option(min=1, help="how many runs to list")] = 20,
    json: Json = False,
    server: Server = None,
    user: User = None,
    namespace: Namespace = None,
) -> None:
    """Show how a run on an engine is doing, or list the latest."""
    from flowc_cli.engines import Place, list_runs, show_status

    place = Place(target, server, namespace, user)
    if name is None:
        raise typer.Exit(list_runs(place, last, as_json=json))
    raise typer.Exit(show_status(place, name, wait=wait, watch=watch, as_json=json))


def stop(
    name: Annotated[str, typer.Argument(help="the engine's name for a run, its id or Flow/id", show_default=False)],
    terminate: Annotated[bool, typer.Option("--terminate", help="at once: exit hooks are not run")] = False,
    target: Engine = "argo",
    server: Server = None,
    user: User = None,
    namespace: Namespace = None,
) -> None:
    """End a run on an engine before its time; its exit hooks are run."""
    from flowc_cli.engines import Place, stop_run

    raise typer.Exit(stop_run(Place(target, server, namespace, user), name, terminate=terminate))
