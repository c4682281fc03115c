"""Arguments and options of several commands, and the typer application that each command's module makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from flowc.protocol import env_names
from flowc_cli.output import Form

File = Annotated[Path, typer.Argument(metavar="FILE", help="the Python file with the flow", show_default=False)]
OptionalFile = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="the Python file with the flow", show_default=False)
]
FlowName = Annotated[str | None, typer.Option("--flow", metavar="NAME", help="which flow, where the file has several")]
FORMAT_HELP = "how it is printed"
FORMS = "|".join(get_args(Form))
Format = Annotated[Form, typer.Option(metavar=FORMS, help=FORMAT_HELP)]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
ROOT_HELP = "the artifact store: s3://, gs://, az://, file:// or a path"
Root = Annotated[str | None, typer.Option(metavar="URL", help=ROOT_HELP)]
TARGET_HELP = "the engine: see `flowc targets`"
Engine = Annotated[str, typer.Option("-t", "--target", metavar="NAME", help=TARGET_HELP)]
DeploymentOrRun = Annotated[
    str, typer.Argument(help="the deployment, or on Argo a run: argo-UID or Flow/argo-UID", show_default=False)
]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="the engine's server, as host:port or a URL; argo: ARGO_SERVER by default, airflow: AIRFLOW_API_URL",
    ),
]
User = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="airflow: the user; AIRFLOW_API_USER by default, and the password is AIRFLOW_API_PASSWORD's",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAME",
        help="Kubernetes namespace; by default the project's, else ARGO_NAMESPACE with Argo Server, or kubectl's own",
    ),
]
Image = Annotated[str | None, typer.Option(metavar="IMAGE", help="container image of steps that name none")]
Images = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="images.json of `flowc image`: the images of steps that need packages"),
]
ImageDigest = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=DIGEST", help="pull this image, or the image of this step, by its digest sha256:..."),
]
InstallAtStart = Annotated[
    bool | None,
    typer.Option(
        "--install-at-start", help="install PyPI's packages of steps when a pod starts, from the lock beside --images"
    ),
]
Batch = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STEP=ITEMS", help="let a pod work on so many items of the step's foreach; STEP=50x4: four at a time"
    ),
]
Fuse = Annotated[
    bool | None,
    typer.Option("--fuse", help="let steps that follow each other share a pod where their pods are alike"),
]
ServiceAccount = Annotated[str | None, typer.Option(metavar="NAME", help="Kubernetes service account of the pods")]
Env = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="variable of every task")]
EnvFromSecret = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Secret whose keys every task gets")]
Include = Annotated[
    list[str] | None, typer.Option(metavar="PATH", help="file, folder or glob to ship, from the flow's folder")
]
DagsFolder = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="airflow: the dags folder that the DAG file is in, or goes into")
]
Operator = Annotated[str | None, typer.Option(metavar="KIND", help="airflow: `kubernetes` or `local`")]
ObjectKind = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="argo: `workflow`, which runs when applied, `template`, `cron`, or `deployment`: `cron` with a schedule",
    ),
]
ArgoVersion = Annotated[
    str | None, typer.Option(metavar="VERSION", help="argo: the oldest version that has to accept it")
]
CodePlace = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE", help="where the code is: `file` (airflow), `workflow` or `store` (argo), or `configmap`"
    ),
]
RuntimePlace = Annotated[
    str | None,
    typer.Option(metavar="PLACE", help="argo: where flowc's own code is: `configmap`, `image` or `store`"),
]
NotifyOnError = Annotated[
    bool | None, typer.Option("--notify-on-error/--no-notify-on-error", show_default=False, help="tell of failed runs")
]
NotifyOnSuccess = Annotated[
    bool | None,
    typer.Option("--notify-on-success/--no-notify-on-success", show_default=False, help="tell of runs that succeed"),
]
_SECRET = "by the NAME of a variable, or SECRET/KEY of a Kubernetes Secret"  # noqa: S105 (a help text)
NotifySlack = Annotated[
    str | None,
    typer.Option("--notify-slack-webhook-url", metavar="NAME", help=f"tell by this webhook of Slack, {_SECRET}"),
]
NotifyPagerDuty = Annotated[
    str | None,
    typer.Option(
        "--notify-pager-duty-integration-key", metavar="NAME", help=f"tell by this key of PagerDuty, {_SECRET}"
    ),
]
NotifyIncidentIo = Annotated[
    str | None,
    typer.Option("--notify-incident-io-api-key", metavar="NAME", help=f"tell by this key of incident.io, {_SECRET}"),
]
AlertSource = Annotated[
    str | None,
    typer.Option("--incident-io-alert-source-config-id", metavar="ID", help="the alert source of incident.io"),
]
AlertMetadata = Annotated[
    list[str] | None,
    typer.Option("--incident-io-metadata", metavar="NAME=VALUE", help="what its alerts say beside the run"),
]
WorkflowTimeout = Annotated[
    int | None, typer.Option(metavar="SECONDS", min=1, help="end a run that takes longer, instead of its @deadline")
]
WorkflowPriority = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="argo: begin Workflows with higher numbers first")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="any option of the target, as name=value")
]
WITH_HELP = "a decorator for every step that doesn't have it, such as retry:times=3"
With = Annotated[list[str] | None, typer.Option("--with", metavar="DECORATOR", help=WITH_HELP)]
Configs = Annotated[
    list[str] | None,
    typer.Option("--config", metavar="NAME=PATH", help="the file of a config, as NAME PATH or NAME=PATH"),
]
ConfigValues = Annotated[
    list[str] | None,
    typer.Option("--config-value", metavar="NAME=VALUE", help="the value of a config, as NAME VALUE or NAME=VALUE"),
]
Branch = Annotated[str | None, typer.Option("--branch", metavar="NAME", help="the branch of a flow with @project")]
Production = Annotated[bool, typer.Option("--production", help="the production branch of a flow with @project")]
Cache = Annotated[
    bool | None,
    typer.Option(
        "--cache/--no-cache",
        show_default=False,
        help="cache the results of all steps, or of none; by default of those with @cache",
    ),
]
PARAM_HELP = "the value of a parameter, as name=value"
Params = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--param",
        metavar="NAME=VALUE",
        help=PARAM_HELP,
    ),
]
LAST_HELP = "how many runs to list"
Last = Annotated[int, typer.Option("--last", metavar="N", min=1, help=LAST_HELP)]
Resumed = Annotated[str | None, typer.Option(metavar="RUN", help="continue this run; RUN/STEP,STEP runs steps again")]
Answers = Annotated[
    list[str] | None,
    typer.Option(
        "--approve",
        metavar="STEP=CHOICE",
        help="the choice for a step with @approval, or STEP/INDEX for an item: nobody is asked",
    ),
]
Payload = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="a field of the event, or all of them: a JSON object, or @FILE with one; repeatable"
    ),
]
ScheduledTime = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="the time that the run is scheduled for, in ISO 8601; in the schedule's time zone if it has no offset",
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="wait for the end; exit with 1 for a run that fails")]
WATCH_HELP = "go on, and print again whenever something changes"
Watch = Annotated[bool, typer.Option("--watch", help=WATCH_HELP)]
OUTPUT_HELP = "file or folder to write to; - is standard output"
Output = Annotated[str | None, typer.Option("-o", "--output", metavar="PATH", help=OUTPUT_HELP)]
VERBOSE_HELP = "say more"
SCHEMA_HELP = "print the JSON schema instead"
DIFF_HELP = "print what would change, and write nothing"
WORKERS_HELP = "the most tasks at a time"
OLDER_HELP = "remove what is older: 30m, 12h, 30d"
RUN_ID_FILE_HELP = "file to write the run's id to"
TAG_HELP = "a tag of the run"
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TEXT", help=TAG_HELP)]
SPLITS_HELP = "the most items that a foreach may have"
RetryWait = Annotated[
    bool,
    typer.Option("--retry-wait", help="wait between attempts as @retry says, as engines do; by default not at all"),
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="print the output of tasks and failures, and nothing about the run")
]
LogFormat = Annotated[
    Literal["text", "json"],
    typer.Option("--log-format", metavar="text|json", help="how the run is printed; json: an object a line"),
]
Pdb = Annotated[bool, typer.Option("--pdb", help="begin the debugger where a step fails; one task at a time")]
GRACE_HELP = "seconds by which a task may outlive its @timeout"
TimeoutGrace = Annotated[
    float,
    typer.Option(
        envvar=env_names.TIMEOUT_GRACE,
        show_envvar=False,
        metavar="SECONDS",
        min=0.1,
        help=GRACE_HELP,
    ),
]
Container = Annotated[
    Literal["docker", "podman", "local"] | None,
    typer.Option(
        "--container",
        envvar=env_names.CONTAINER,
        show_envvar=False,
        metavar="docker|podman|local",
        help="what runs steps with @container; local is their command, as a process",
    ),
]
StartMethod = Annotated[Literal["fork", "spawn"], typer.Option(metavar="fork|spawn", help="how task processes begin")]

PASS_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Settings of commands that take a flow's parameters as options."""


def own_options(context: typer.Context) -> list[str]:
    """The options of the command that its help lists, which a misspelt one may mean."""
    shown = [item for item in context.command.params if not getattr(item, "hidden", False)]
    return [option for item in shown for option in (*item.opts, *item.secondary_opts) if option.startswith("--")]


def command_app() -> typer.Typer:
    """A typer application with one command, which the module registers."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def given_options(**options: Any) -> dict[str, Any]:
    """The options that the command line gives, with paths as text."""
    return {
        name: str(value) if isinstance(value, Path) else value for name, value in options.items() if value is not None
    }


def env_option(variable: str, *names: str, command: str = "RUN", **settings: Any) -> Any:
    """An option that FLOWC_<command>_<variable> sets, or METAFLOW_<command>_<variable>, which is Metaflow's own."""
    variables = [f"{prefix}_{command}_{variable}" for prefix in ("FLOWC", "METAFLOW")]
    return typer.Option(*names, envvar=variables, show_envvar=False, **settings)


def parse_time(text: str, option: str) -> float:
    """The seconds of a text such as `30m`, `7d` or `1h 30m`; only 0 needs no unit. Raises BadParameter."""
    from flowc_compiler.frontend.decorators.arguments.argument_types import duration

    try:
        return duration(text) if text != "0" else 0.0
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time: write 30m, 12h or 7d", param_hint=option) from None
