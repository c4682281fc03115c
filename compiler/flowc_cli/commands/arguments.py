"""Arguments and options that several commands have, and what they add up to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from flowc_cli.reading import Reading

File = Annotated[Path, typer.Argument(help="the Python file with the flow", show_default=False)]
FlowName = Annotated[str | None, typer.Option("--flow", help="which flow, where the file has several")]
Format = Annotated[Literal["text", "json", "sarif", "github"], typer.Option(help="how diagnostics are printed")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="file to write, instead of standard output")]
Root = Annotated[str | None, typer.Option(help="the artifact store: s3://, gs://, az://, file:// or a path")]
Server = Annotated[
    str | None,
    typer.Option(
        help="the engine's server, as host:port or a URL; argo: ARGO_SERVER by default, airflow: AIRFLOW_API_URL"
    ),
]
User = Annotated[
    str | None,
    typer.Option(help="airflow: who asks; AIRFLOW_API_USER by default, and the password is AIRFLOW_API_PASSWORD's"),
]
Image = Annotated[str | None, typer.Option(help="container image of steps that name none")]
Images = Annotated[
    Path | None, typer.Option(help="images.json of `flowc image`: the images of steps that ask for packages")
]
ServiceAccount = Annotated[str | None, typer.Option(help="Kubernetes service account of the pods")]
Env = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="variable of every task")]
EnvFromSecret = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Secret whose keys every task gets")]
Include = Annotated[
    list[str] | None, typer.Option(metavar="PATH", help="file, folder or glob to ship, from the flow's folder")
]
Operator = Annotated[str | None, typer.Option(help="airflow: `kubernetes` or `local`")]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="DECORATOR", help="a decorator for every step that has it not, such as retry:times=3"
    ),
]
Configs = Annotated[
    list[str] | None,
    typer.Option("--config", metavar="NAME=PATH", help="the file of a config, as NAME PATH or NAME=PATH"),
]
ConfigValues = Annotated[
    list[str] | None,
    typer.Option("--config-value", metavar="NAME=VALUE", help="the value of a config, as NAME VALUE or NAME=VALUE"),
]
Branch = Annotated[str | None, typer.Option("--branch", help="the branch of a flow with @project")]
Production = Annotated[bool, typer.Option("--production", help="the production branch of a flow with @project")]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--param",
        metavar="NAME=VALUE",
        help="the value to compile a parameter with, as name=value: its default in a run",
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="any option of the target, as name=value")
]


def variables(name: str, command: str = "RUN") -> list[str]:
    """The variables that set an option of a command; Metaflow's has the name that Metaflow gives the option."""
    return [f"FLOWC_{command}_{name}", f"METAFLOW_{command}_{name}"]


def reading_of(
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
