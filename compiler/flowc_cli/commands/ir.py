"""`flowc ir`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.option_groups import FlowGroup, with_groups
from flowc_cli.output import INPUT_ERROR, note_unused
from flowc_compiler.diagnostics.terminal_text import visible_json
from flowc_compiler.driver import is_unicode
from flowc_compiler.ir import Flow

app = shared.command_app()


@app.command("ir")
@with_groups
def ir(
    chosen: FlowGroup,
    file: shared.OptionalFile = None,
    schema: Annotated[bool, typer.Option(help=shared.SCHEMA_HELP)] = False,
    format: shared.Format = "text",
) -> None:
    """Print the IR of a flow as JSON."""
    if schema:
        if file is not None or chosen != FlowGroup():
            note_unused("a file, or an option for one,", "with --schema, which is the same for all", "leave it out")
        sys.stdout.write(json.dumps(Flow.model_json_schema(), indent=2) + "\n")
        return
    if file is None:
        sys.stderr.write("flowc ir: name a file, or say --schema\n")
        raise typer.Exit(INPUT_ERROR)
    compilation = chosen.options().compile_and_report(file, format)
    if compilation is None:
        raise typer.Exit(INPUT_ERROR)
    sys.stdout.write(visible_json(_as_json(compilation.flow)) + "\n")


def _as_json(flow: Flow) -> str:
    if is_unicode(flow.file):
        return flow.model_dump_json(indent=2)
    return json.dumps(flow.model_dump(mode="json"), indent=2, ensure_ascii=False)  # pydantic writes no half characters
