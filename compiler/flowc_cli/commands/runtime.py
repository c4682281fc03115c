"""`flowc runtime`."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from flowc._version import __version__
from flowc.protocol import env_names
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, report, write
from flowc_cli.target_options import upload_stored
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.package.stored_package import stored_runtime

app = shared.command_app()


@app.command("runtime")
def runtime(
    action: Annotated[Literal["push"], typer.Argument(help="push: upload it, unless it is there")],
    root: shared.Root = None,
) -> None:
    """Upload what pods run of flowc to a root, for `--runtime store`."""
    del action
    sink = DiagnosticSink()
    place = root or os.environ.get(env_names.ROOT)
    if not place:
        sink.error("FC502", "there is no root to upload to", None, help="give --root s3://bucket/prefix")
    else:
        upload_stored({stored_runtime(): place}, sink)
    report(sink.diagnostics)
    if sink.failed:
        raise typer.Exit(INPUT_ERROR)
    write(f"the root has the runtime of flowc {__version__}\n")
