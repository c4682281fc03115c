"""The help of commands: options in groups, in the same order everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OTHERS = "Options"
_GROUPS = {
    "Flow": "flow param event payload with cache config config_value branch production include",
    "Output": "output format json check diff show_output verbose report nodes keep kustomize artifacts schema all "
    "with_runtime stdin_filename details quiet log_format openlineage",
    "Target": "target against kind argo_version operator code runtime push resume set image_digest",
    "Tasks and pods": "root image images namespace service_account env env_from_secret install_at_start batch "
    "fuse dags_folder without_sidecars",
    "Deadlines and notifications": "notify_on_error notify_on_success notify_slack_webhook_url "
    "notify_pager_duty_integration_key notify_incident_io_api_key incident_io_alert_source_config_id "
    "incident_io_metadata workflow_timeout workflow_priority",
    "Images": "base conda_base tag_prefix builder upgrade no_lock lock record",
    "Inputs": "run no_run artifact input artifacts_module",
    "Run": "from to parallel cron rerun_failed dry_run max_workers max_num_splits run_id_file tag start_method "
    "retry_wait timeout_grace container origin_run_id origin scheduled_time wait watch pdb approve choose note",
    "Logs": "step task attempt stdout stderr timestamps tail follow values",
    "Server": "server user check_server port",
    "Diagnostics": "fix ignore select error only_flows jobs no_cache",
    "Trust and settings": "profile allow_read env_at_compile allow_large",
}
_GROUP_OF = {name: title for title, names in _GROUPS.items() for name in names.split()}
_ORDER = {name: place for place, name in enumerate(_GROUP_OF)}
COMMANDS = {
    "Check and compile": "check explain migrate compile diff image package ir graph",
    "Run on this machine": "run try resume simulate",
    "Runs and their store": "runs show approve report ui diff-runs lineage logs tag export import fsck rm gc",
    "Engines": "submit backfill publish status stop deploy deployments undeploy suspend unsuspend prune runtime",
    "Tools": "config targets lsp",
}
"""The commands by what they are for."""


def option_name(parameter: Any) -> str:
    """The name of an option, as in settings."""
    return str(max(parameter.opts, key=len)).lstrip("-").replace("-", "_")


def argument_text(parameter: Any) -> str:
    """An argument as the usage has it: `FILE`, `[STEP]` or `FILE...`."""
    text = str(parameter.metavar or parameter.name.upper()).removesuffix("...").strip("[]")
    text += "..." if parameter.nargs == -1 else ""
    return text if parameter.required else f"[{text}]"


def write_options(parameters: Iterable[Any], ctx: Any, formatter: Any) -> None:
    """Write the arguments, then the options, by group."""
    arguments: list[tuple[str, str]] = []
    groups: dict[str, dict[str, tuple[str, str]]] = {title: {} for title in (*_GROUPS, OTHERS)}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            arguments.append((argument_text(parameter), record[1].removesuffix("  [required]")))
        else:
            name = option_name(parameter)
            groups[_GROUP_OF.get(name, OTHERS)][name] = record
    ordered = (
        (title, [found[name] for name in sorted(found, key=lambda name: _ORDER.get(name, 0))])
        for title, found in groups.items()
    )
    for title, records in (("Arguments", arguments), *ordered):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def write_commands(summaries: dict[str, str], formatter: Any) -> None:
    """Write the commands, by group."""
    titles = {name: title for title, names in COMMANDS.items() for name in names.split()}
    for title in (*COMMANDS, "Others"):
        rows = [(name, text) for name, text in summaries.items() if titles.get(name, "Others") == title]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
