"""Options that commands take in groups: each is declared once, and a command names the groups that it takes.

A group is a dataclass whose fields are options. A command has one parameter for each group, and `with_groups` shows
typer the options in its place.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.notice_options import NoticeOptions

if TYPE_CHECKING:
    from flowc_cli.engine_files import EngineFiles


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command as typer is shown it, with the options of the groups that it takes."""
    hints = typing.get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    options: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        of_group = {item.name: item.default for item in fields(groups[name])} if name in groups else {}
        types = typing.get_type_hints(groups[name], include_extras=True) if name in groups else hints
        for option, default in (of_group or {name: parameter.default}).items():
            keyword = inspect.Parameter.KEYWORD_ONLY
            options[option] = inspect.Parameter(option, keyword, default=default, annotation=types[option])

    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{item.name: given.pop(item.name) for item in fields(group)})
        command(**given)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__annotations__ = {name: option.annotation for name, option in options.items()}
    run.__signature__ = inspect.Signature([*options.values()])  # type: ignore[attr-defined]
    return run


@dataclass(frozen=True)
class FlowGroup:
    """Which flow of a file, and the values that it is compiled with."""

    param: shared.Params = None
    flow: shared.FlowName = None
    config: shared.Configs = None
    config_value: shared.ConfigValues = None

    def options(self, include: list[str] | None = None) -> FlowOptions:
        """How the file is compiled."""
        return flow_options(self.flow, None, self.config, self.config_value, param=self.param, include=include)


@dataclass(frozen=True)
class StepsGroup(FlowGroup):
    """Also decorators for its steps."""

    with_: shared.With = None

    def options(self, include: list[str] | None = None) -> FlowOptions:
        """How the file is compiled."""
        return flow_options(self.flow, self.with_, self.config, self.config_value, param=self.param, include=include)


@dataclass(frozen=True)
class ProjectGroup(StepsGroup):
    """Also what it is in its project."""

    branch: shared.Branch = None
    production: shared.Production = False

    def options(self, include: list[str] | None = None, cache: bool | None = None) -> FlowOptions:
        """How the file is compiled."""
        configs = (self.config, self.config_value)
        return flow_options(
            self.flow, self.with_, *configs, self.branch, self.production, self.param, include=include, cache=cache
        )


@dataclass(frozen=True)
class EngineGroup(ProjectGroup):
    """Also for which engine, and what its pods are like."""

    target: shared.Engine = "argo"
    cache: shared.Cache = None
    root: shared.Root = None
    image: shared.Image = None
    images: shared.Images = None
    image_digest: shared.ImageDigest = None
    install_at_start: shared.InstallAtStart = None
    batch: shared.Batch = None
    fuse: shared.Fuse = None
    namespace: shared.Namespace = None
    service_account: shared.ServiceAccount = None
    env: shared.Env = None
    env_from_secret: shared.EnvFromSecret = None
    include: shared.Include = None
    operator: shared.Operator = None
    tag: shared.Tags = None
    settings: shared.Settings = None
    format: shared.Format = "text"

    def files(self, notices: NoticeGroup | None = None, **more: Any) -> EngineFiles:
        """How the file is compiled, with more options of the target."""
        from flowc_cli.engine_files import EngineFiles

        own = {item.name: getattr(self, item.name) for item in fields(EngineGroup)}
        for option in (*(item.name for item in fields(ProjectGroup)), "target", "cache", "settings", "format"):
            del own[option]
        lists = {"image_digests": own.pop("image_digest"), "env_from_secrets": own.pop("env_from_secret")}
        lists["tags"] = own.pop("tag")
        options = self.options(self.include, self.cache)
        if notices is not None:
            lists["workflow_priority"] = notices.workflow_priority
            options = replace(options, notices=notices.notices())
        given = shared.given_options(**own, **lists, **more)
        return EngineFiles(self.target, given, tuple(self.settings or ()), options)


@dataclass(frozen=True)
class ObjectGroup:
    """What kind of files an engine is given, and where its pods find code."""

    kind: shared.ObjectKind = None
    argo_version: shared.ArgoVersion = None
    code: shared.CodePlace = None
    runtime: shared.RuntimePlace = None


@dataclass(frozen=True)
class NoticeGroup:
    """Whom an engine tells about a run, and how long and how important that is."""

    notify_on_error: shared.NotifyOnError = None
    notify_on_success: shared.NotifyOnSuccess = None
    notify_slack_webhook_url: shared.NotifySlack = None
    notify_pager_duty_integration_key: shared.NotifyPagerDuty = None
    notify_incident_io_api_key: shared.NotifyIncidentIo = None
    incident_io_alert_source_config_id: shared.AlertSource = None
    incident_io_metadata: shared.AlertMetadata = None
    workflow_timeout: shared.WorkflowTimeout = None
    workflow_priority: shared.WorkflowPriority = None

    def notices(self) -> NoticeOptions:
        """What is added to the flow's own notifications and deadline."""
        return NoticeOptions(
            bool(self.notify_on_error), bool(self.notify_on_success), self.notify_slack_webhook_url,
            self.notify_pager_duty_integration_key, self.notify_incident_io_api_key,
            self.incident_io_alert_source_config_id, tuple(self.incident_io_metadata or ()), self.workflow_timeout,
        )  # fmt: skip


def compile_flags(*groups: EngineGroup | NoticeGroup) -> list[str]:
    """The given options of groups that only a compile reads."""
    names = {"settings": "set", "with_": "with"}
    given = [item.name for group in groups for item in fields(group) if getattr(group, item.name) not in (None, False)]
    read = (names.get(name, name) for name in given if name not in {"param", "target", "namespace", "format"})
    return [f"--{name.replace('_', '-')}" for name in read]
