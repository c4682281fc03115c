"""`flowc config`: the settings that count, where each comes from, and the JSON schema for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from flowc.project_settings import FILE
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, note_unused, report, write
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.filesystem import disk_unchanged

app = shared.command_app()


@app.command("config")
def config(
    place: Annotated[
        Path, typer.Argument(help="a flow's file, or a folder", metavar="[PATH]", show_default=False)
    ] = Path(),
    as_json: shared.Json = False,
    every: Annotated[bool, typer.Option("--all", help="also print what has its default")] = False,
    schema: Annotated[bool, typer.Option("--schema", help=shared.SCHEMA_HELP)] = False,
) -> None:
    """Print the settings that count, and where each comes from.

    The exit code is 2 if something is wrong with them.
    """
    if schema:
        from flowc_cli.settings_schema import settings_schema

        of_pyproject = place.name == FILE
        if (place != Path() and not of_pyproject) or as_json or every:
            help_text = f"leave it out, or name {FILE} for the schema of such a file"
            note_unused("a path, or --all,", "with --schema, which is the same for all projects", help_text)
        sys.stdout.write(json.dumps(settings_schema(of_pyproject=of_pyproject), indent=2) + "\n")
        return
    from flowc_cli.settings_listing import as_document, as_text, check_settings, list_settings

    sink = DiagnosticSink()
    if not place.exists():
        sink.error("FC104", f"{place} does not exist", None, help="name a flow's file, or a folder")
        report(sink.diagnostics, sink.sources)
        raise typer.Exit(INPUT_ERROR)
    with disk_unchanged():
        settings = check_settings(place, sink)
    entries = list_settings(settings) if settings is not None else []
    if settings is not None and as_json:
        write(json.dumps(as_document(settings, entries), indent=2, ensure_ascii=False) + "\n")
    elif settings is not None:
        write(as_text(settings, entries, every=every))
    report(sink.diagnostics, sink.sources)
    if sink.failed:
        raise typer.Exit(INPUT_ERROR)
