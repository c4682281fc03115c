"""`flowc import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flowc.client.namespaces import chosen_store
from flowc.errors import FlowError, StoreError
from flowc.store import Store
from flowc_cli import shared_options as shared
from flowc_cli.archive_file import ArchiveReader
from flowc_cli.output import write
from flowc_cli.run_importing import Imported, import_run, valid_run_name
from flowc_cli.stored_runs import report_failure, size_text
from flowc_compiler.diagnostics.render import counted

app = shared.command_app()

_STDIN = "-"
_HELP = "name a file that `flowc export` wrote, and the store that is to have the run with --root"


@app.command("import")
def import_(
    archive: Annotated[str, typer.Argument(metavar="FILE", help="what `flowc export` wrote; - is standard input")],
    root: shared.Root = None,
    name: Annotated[str | None, typer.Option("--as", metavar="ID", help="import it as a run of this id")] = None,
    any_size: Annotated[
        bool, typer.Option("--any-size", help="also what unpacks to more than 200 times its size")
    ] = False,
) -> None:
    """Take a run out of a file that `flowc export` wrote: all of it, or nothing."""
    if name is not None and not valid_run_name(name):
        raise typer.BadParameter(f"{name!r} cannot be the id of a run", param_hint="--as")
    try:
        done = _take_in(archive, chosen_store(root), name, any_size=any_size)
    except StoreError as error:
        raise typer.Exit(report_failure(error)) from None
    except FlowError as error:
        raise typer.Exit(report_failure(FlowError(f"{archive} is not imported: {error}"), _HELP)) from None
    except OSError as error:
        raise typer.Exit(
            report_failure(FlowError(f"cannot read {archive}: {error.strerror or error}"), _HELP)
        ) from None
    were = "was" if done.missing == 1 else "were"
    lost = f"; {counted(done.missing, 'value')} {were} lost before it was exported" if done.missing else ""
    what = f"{counted(done.files, 'file')} and {counted(done.values, 'value')} ({size_text(done.size)})"
    write(f"imported {done.flow}/{done.run}: {what}{lost}\n")


def _take_in(archive: str, store: Store, name: str | None, *, any_size: bool) -> Imported:
    if archive == _STDIN:
        return import_run(ArchiveReader(sys.stdin.buffer, any_size=any_size), store, name)
    with Path(archive).open("rb") as file:
        return import_run(ArchiveReader(file, any_size=any_size), store, name)
