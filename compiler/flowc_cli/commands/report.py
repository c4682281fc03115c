"""`flowc report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, report, write_content, write_error
from flowc_cli.stored_runs import find_run, report_damages, report_failure, size_text
from flowc_compiler.diagnostics import DiagnosticSink

app = shared.command_app()


@app.command("report")
def report_run(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    root: shared.Root = None,
    output: shared.Output = None,
    details: Annotated[
        int, typer.Option(metavar="N", min=0, help="of how many tasks of a step the file has artifacts and logs")
    ] = 25,
) -> None:
    """Write a run as one HTML file: graph, timeline, cards, artifacts, logs and code.

    The file loads nothing, and runs nothing of the run's. It is named after the run unless -o says otherwise.
    """
    from flowc_cli.reporting.report_page import report_page
    from flowc_cli.reporting.run_snapshot import Snapshot

    try:
        found, _ = find_run(run, root, lenient=True)
        snapshot = Snapshot(found)
        view = snapshot.whole(details)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    assert snapshot.graph is not None
    text = report_page(view, snapshot.graph)
    if output == "-":
        write_content(text)
        raise typer.Exit(report_damages(found, root))
    path = Path(output or f"{found.layout.flow}-{found.id}.html")
    if not _write(text, path):
        raise typer.Exit(INPUT_ERROR)
    write_error(f"{path}: {size_text(len(text.encode()))}\n")
    raise typer.Exit(report_damages(found, root))


def _write(text: str, path: Path) -> bool:
    """Write the file in one step. Reports FC603, and returns whether it is written."""
    from flowc_compiler.rewrite import write_texts

    sink = DiagnosticSink()
    try:
        write_texts({path: text})
    except OSError as error:
        sink.error(
            "FC603", f"{path} cannot be written: {error.strerror or error}", None, help="choose another path with -o"
        )
    report(sink.diagnostics)
    return not sink.failed
