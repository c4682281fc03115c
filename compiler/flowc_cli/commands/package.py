"""`flowc package`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.option_groups import FlowGroup, with_groups
from flowc_cli.output import INPUT_ERROR, report, write
from flowc_cli.project_config import included_patterns
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.terminal_text import visible_json
from flowc_targets.package.code_package import ListedFile, PackageList, list_package

app = shared.command_app()


@app.command("package")
@with_groups
def package(
    file: shared.File,
    chosen: FlowGroup,
    include: shared.Include = None,
    json_: shared.Json = False,
    runtime: Annotated[bool, typer.Option("--with-runtime", help="list the files of flowc's own as well")] = False,
) -> None:
    """List the files that a flow ships, and why."""
    sink = DiagnosticSink()
    listed: PackageList | None = None
    try:
        compilation = chosen.options(include).compile_with_values(file, sink)
        patterns = [*included_patterns(file, sink), *(include or [])]
        listed = list_package(compilation.flow, compilation.source, patterns, sink)
    except FlowcError:
        pass
    report(sink.diagnostics, sink.sources)
    if listed is None or sink.failed:
        raise typer.Exit(INPUT_ERROR)
    shown = [item for item in listed.files if runtime or item.path is not None]
    write(_as_json(shown, listed) if json_ else _as_text(shown, listed))


def _as_json(files: list[ListedFile], listed: PackageList) -> str:
    entries = [
        {
            "place": item.place, "path": item.path, "bytes": item.size, "why": item.reason.why,
            "file": item.reason.file or None, "line": item.reason.line or None,
        }
        for item in files
    ]  # fmt: skip
    whole = {"files": entries, "import_path": listed.import_path, "package_bytes": listed.size}
    return visible_json(json.dumps(whole, indent=2, ensure_ascii=False)) + "\n"


def _as_text(files: list[ListedFile], listed: PackageList) -> str:
    wide = max(len(item.place) for item in files)
    digits = max(len(f"{item.size:,}") for item in files)
    lines: list[str] = []
    for item in files:
        where = f" ({item.reason.file}:{item.reason.line})" if item.reason.line else ""
        lines.append(f"{item.place:<{wide}}  {item.size:>{digits},} bytes  {item.reason.why}{where}")
    own = sum(item.size for item in files)
    count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    lines.append(f"{count}, {own:,} bytes; the package with the shim is {listed.size:,} bytes")
    lines.append(f"imports search {', '.join(listed.import_path)}")
    return "\n".join(lines) + "\n"
