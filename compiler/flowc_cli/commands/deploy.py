"""`flowc deploy`. Nothing is changed unless all of it is right."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import typer

from flowc_cli import deployment_places as places
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail
from flowc_cli.engine_files import EngineFiles
from flowc_cli.option_groups import EngineGroup, NoticeGroup, ObjectGroup, with_groups
from flowc_cli.output import INPUT_ERROR, Form, report
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.base.deployments import Deployment
from flowc_targets.base.engine import EngineError

app = shared.command_app()


@app.command("deploy")
@with_groups
def deploy(
    file: shared.File,
    chosen: EngineGroup,
    notices: NoticeGroup,
    objects: ObjectGroup,
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    dags_folder: shared.DagsFolder = None,
) -> None:
    """Compile a flow and deploy it, in the place of the version before."""
    place = Place(chosen.target, server, chosen.namespace, user)
    found = _deploy(file, place, chosen.files(notices, **asdict(objects), dags_folder=dags_folder), chosen.format)
    if isinstance(found, int):
        raise typer.Exit(found)
    places.show_one(found, "deployed", as_json=as_json)


def _deploy(file: Path, place: Place, job: EngineFiles, form: Form) -> Deployment | int:
    """Compile a file and deploy its flow. Returns the exit code where that is not possible."""
    sink = DiagnosticSink()
    try:
        found = job.compile(file, sink)
        sink.raise_if_failed()
        there = replace(place, namespace=found.options.namespace).deployments()
        files = found.uploaded(sink, there.options(found.options))
        report(sink.diagnostics, sink.sources)
        return there.deploy(files)
    except FlowcError:
        report(sink.diagnostics, sink.sources, form)
        return INPUT_ERROR
    except EngineError as error:
        return fail(error, form)
