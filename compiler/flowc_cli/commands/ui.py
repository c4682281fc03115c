"""`flowc ui`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from flowc.client.namespaces import chosen_store
from flowc.errors import FlowError
from flowc.store.run_layout import flow_names
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, report, write_error
from flowc_cli.stored_runs import report_failure
from flowc_compiler.diagnostics import DiagnosticSink

app = shared.command_app()

PORT = 8440
_MISSING = "flowc ui needs starlette and uvicorn, which are not installed here: pip install 'flowc[ui]'\n"


@app.command("ui")
def ui(
    root: shared.Root = None,
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="on this machine alone")] = PORT,
) -> None:
    """Show all runs of a store in a browser of this machine, live. It only reads."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        write_error(_MISSING)
        raise typer.Exit(INPUT_ERROR)
    from flowc_cli.reporting.live_server import is_free, serve

    try:
        store = chosen_store(root)
        is_empty = not flow_names(store)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    if not is_free(port):
        sink = DiagnosticSink()
        sink.error("FC505", f"port {port} is in use", None, help="give another one with --port")
        report(sink.diagnostics)
        raise typer.Exit(INPUT_ERROR)
    if is_empty:
        write_error(f"flowc: no run has been stored in {store.url} so far; --root names another store\n")
    write_error(f"{store.url}: http://localhost:{port}/ (Ctrl-C ends it)\n")
    serve(root, port)
