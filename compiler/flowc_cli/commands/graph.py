"""`flowc graph`: a picture of a flow, its graph in a language that others draw, as data, or in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from flowc_cli import shared_options as shared
from flowc_cli.command_settings import GIVEN
from flowc_cli.option_groups import FlowGroup, with_groups
from flowc_cli.output import INPUT_ERROR, note_unused, report, write, write_content
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation

app = shared.command_app()

GraphFormat = Literal["mermaid", "dot", "text", "svg", "html", "json"]
ENDINGS: dict[str, GraphFormat] = {
    ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text", ".svg": "svg",
    ".html": "html", ".htm": "html", ".json": "json",
}  # fmt: skip
"""The format of a file by the end of its name."""


@app.command("graph")
@with_groups
def graph(
    file: shared.File,
    of: FlowGroup,
    format: Annotated[
        GraphFormat | None,
        typer.Option(
            metavar="|".join(get_args(GraphFormat)),
            help=shared.FORMAT_HELP,
            show_default="mermaid",
        ),
    ] = None,
    output: shared.Output = None,
    artifacts: Annotated[bool, typer.Option("--artifacts", help="also show what crosses from step to step")] = False,
    pods: Annotated[bool, typer.Option("--pods", help="also show which steps share a pod")] = False,
    batch: shared.Batch = None,
    fuse: shared.Fuse = None,
) -> None:
    """Print the graph of a flow.

    The format is that of the end of the file's name, such as .svg or .html, or mermaid.
    """
    output = None if output == "-" else output
    chosen = format or _format_of(output)
    if chosen is None:
        raise typer.Exit(INPUT_ERROR)
    compilation = of.options().compile_and_report(file, "text")
    if compilation is None:
        raise typer.Exit(INPUT_ERROR)
    if artifacts and chosen == "text":
        note_unused("--artifacts", "on a description in words", "choose another --format")
    if pods:
        compilation = _grouped(compilation, shared.given_options(batch=batch, fuse=fuse))
    for name, value in (("batch", batch), ("fuse", fuse)):
        if value and not pods and name not in GIVEN.get():
            note_unused(f"--{name}", "without --pods", "add that")
    if compilation is None:
        raise typer.Exit(INPUT_ERROR)
    text = _drawn(compilation, chosen, artifacts=artifacts, pods=pods)
    if output is not None:
        if not _write(text, output, compilation):
            raise typer.Exit(INPUT_ERROR)
    elif chosen in {"svg", "html", "json"}:
        write_content(text)
    else:
        write(text)


def _format_of(output: str | None) -> GraphFormat | None:
    """The format that the end of a file's name says. Reports FC505 for another, and gives `None` then."""
    if output is None:
        return "mermaid"
    found = ENDINGS.get(Path(output).suffix.lower())
    if found is None:
        sink = DiagnosticSink()
        message = f"the end of {output} does not say which format it is to have"
        sink.error("FC505", message, None, help=f"give --format, or a name with one of {', '.join(ENDINGS)}")
        report(sink.diagnostics)
    return found


def _grouped(compilation: Compilation, given: Mapping[str, object]) -> Compilation | None:
    """The flow with its pod groups, by the project's settings for all targets; `None` where something is wrong."""
    from flowc_cli.target_options import build_options, with_option_batches
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import grouped

    sink = DiagnosticSink()
    sink.add_source(compilation.source)
    options = build_options(TargetOptions, "", compilation.source.path, given, (), sink)
    flow = None
    if options is not None:
        flow = grouped(with_option_batches(compilation.flow, options, sink), options, sink)
    report(sink.diagnostics, sink.sources)
    return replace(compilation, flow=flow) if flow is not None and not sink.failed else None


def _drawn(compilation: Compilation, form: GraphFormat, *, artifacts: bool, pods: bool) -> str:
    """The graph in a format. Imports what draws that one."""
    flow = compilation.flow
    if form == "text":
        from flowc_cli.outline import outline

        return outline(flow, pods=pods)
    if form in {"mermaid", "dot"} and not artifacts:
        from flowc_cli.drawing.graph_languages import dot, mermaid

        return (dot if form == "dot" else mermaid)(flow, pods=pods)
    from flowc_cli.drawing.document_builder import graph_document

    effects = compilation.effects() if artifacts and compilation.effects is not None else None
    document = graph_document(flow, effects, artifacts=artifacts, pods=pods)
    match form:
        case "json":
            from flowc_cli.drawing.graph_document import json_text

            return json_text(document)
        case "svg" | "html":
            from flowc_cli.drawing.svg_picture import draw, svg

            if form == "svg":
                return svg(draw(document))
            from flowc_cli.drawing.html_page import page

            return page(draw(document))
        case _:
            from flowc_cli.drawing.graph_languages import dot, mermaid
            from flowc_cli.drawing.node_card import crossing_texts

            return (dot if form == "dot" else mermaid)(flow, crossing_texts(document), pods=pods)


def _write(text: str, output: str, compilation: Compilation) -> bool:
    """Write the file in one step. Reports FC603, and returns whether it is written."""
    from flowc_cli.own_files import report_own_files
    from flowc_compiler.rewrite import write_texts

    sink = DiagnosticSink()
    report_own_files([Path(output)], [compilation], sink)
    try:
        if not sink.failed:
            write_texts({Path(output): text})
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror or error}"
        sink.error("FC603", message, None, help="choose another path with -o")
    report(sink.diagnostics)
    return not sink.failed
