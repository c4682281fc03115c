"""`flowc deploy`. Nothing is changed unless all of it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from flowc_cli import deployment_places as places
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.notice_options import notice_options
from flowc_cli.output import INPUT_ERROR, Form, report
from flowc_cli.target_options import build_options, check_options, emit_files, find_target, upload_stored
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.base.deployments import Deployment
from flowc_targets.base.engine import EngineError

app = shared.command_app()


@app.command("deploy")
def deploy(
    file: shared.File,
    target: shared.Engine = "argo",
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
    root: shared.Root = None,
    image: shared.Image = None,
    images: shared.Images = None,
    image_digest: shared.ImageDigest = None,
    install_at_start: shared.InstallAtStart = None,
    service_account: shared.ServiceAccount = None,
    env: shared.Env = None,
    env_from_secret: shared.EnvFromSecret = None,
    include: shared.Include = None,
    kind: shared.ObjectKind = None,
    argo_version: shared.ArgoVersion = None,
    operator: shared.Operator = None,
    dags_folder: shared.DagsFolder = None,
    notify_on_error: shared.NotifyOnError = None,
    notify_on_success: shared.NotifyOnSuccess = None,
    notify_slack_webhook_url: shared.NotifySlack = None,
    notify_pager_duty_integration_key: shared.NotifyPagerDuty = None,
    notify_incident_io_api_key: shared.NotifyIncidentIo = None,
    incident_io_alert_source_config_id: shared.AlertSource = None,
    incident_io_metadata: shared.AlertMetadata = None,
    workflow_timeout: shared.WorkflowTimeout = None,
    workflow_priority: shared.WorkflowPriority = None,
    settings: shared.Settings = None,
    format: shared.Format = "text",
    flow: shared.FlowName = None,
    with_: shared.With = None,
    config: shared.Configs = None,
    config_value: shared.ConfigValues = None,
    branch: shared.Branch = None,
    production: shared.Production = False,
) -> None:
    """Compile a flow and deploy it, in the place of the version before."""
    given = shared.given_options(
        root=root,
        image=image,
        images=images,
        image_digests=image_digest,
        install_at_start=install_at_start,
        namespace=namespace,
        service_account=service_account,
        env=env,
        env_from_secrets=env_from_secret,
        include=include,
        workflow_priority=workflow_priority,
        kind=kind,
        argo_version=argo_version,
        operator=operator,
        dags_folder=dags_folder,
    )
    notices = notice_options(
        notify_on_error, notify_on_success, notify_slack_webhook_url, notify_pager_duty_integration_key,
        notify_incident_io_api_key, incident_io_alert_source_config_id, incident_io_metadata, workflow_timeout,
    )  # fmt: skip
    options = flow_options(
        flow, with_, config, config_value, branch, production, None, include=include, notices=notices
    )
    place = Place(target, server, namespace, user)
    found = _deploy(file, place, given, settings or [], options, format)
    if isinstance(found, int):
        raise typer.Exit(found)
    places.show_one(found, "deployed", as_json=as_json)


def _deploy(
    file: Path,
    place: Place,
    given: Mapping[str, object],
    settings: Sequence[str],
    options: FlowOptions,
    form: Form,
) -> Deployment | int:
    """Compile a file and deploy its flow. Returns the exit code where that is not possible."""
    sink = DiagnosticSink()
    try:
        target = find_target(place.target, sink)
        sink.raise_if_failed()
        assert target is not None
        try:
            compilation = options.compile(file, sink)
        except FlowcError:
            check_options(target.name, file, given, settings, sink)
            raise
        flow, source = compilation.flow, compilation.source
        chosen = build_options(target.options_model, target.name, source.path, given, settings, sink)
        sink.raise_if_failed()
        assert chosen is not None, "wrong options have been reported"
        there = replace(place, namespace=chosen.namespace).deployments()
        files = emit_files(target, flow, source, there.options(chosen), sink)
        sink.raise_if_failed()
        upload_stored({item: chosen.root or "" for each in files for item in each.stored}, sink)
        sink.raise_if_failed()
        report(sink.diagnostics, sink.sources)
        return there.deploy(files)
    except FlowcError:
        report(sink.diagnostics, sink.sources, form)
        return INPUT_ERROR
    except EngineError as error:
        return fail(error, form)
