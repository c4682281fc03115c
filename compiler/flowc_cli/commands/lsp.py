"""`flowc lsp`."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, write_error

app = shared.command_app()

_MISSING = "flowc lsp needs pygls, which is not installed here: pip install 'flowc[lsp]'\n"


@app.command("lsp")
def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="serve standard input and output: the only way, which some editors name")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help=shared.VERBOSE_HELP)] = False,
) -> None:
    """Serve an editor: diagnostics while typing, fixes, hover and completion."""
    del stdio
    if find_spec("pygls") is None:
        write_error(_MISSING)
        raise typer.Exit(INPUT_ERROR)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR)
    from flowc_cli.lsp.server import serve

    serve()
