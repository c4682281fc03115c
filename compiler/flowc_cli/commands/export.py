"""`flowc export`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.archive_file import ArchiveWriter
from flowc_cli.lenient_layout import known_status
from flowc_cli.output import write, write_error
from flowc_cli.run_exporting import export_run
from flowc_cli.stored_runs import engine_of, find_run, report_failure, size_text
from flowc_compiler.diagnostics.render import counted

app = shared.command_app()

_COMPRESSED = (".tar.gz", ".tgz")
_STDOUT = "-"


@app.command("export")
def export(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="run.tar or run.tar.gz; - is standard output, as a tar"),
    ],
    root: shared.Root = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="also what is left of a run that is damaged")] = False,
) -> None:
    """Write a run into one file: all attempts, logs, tags and values."""
    if output != _STDOUT and not output.endswith((".tar", *_COMPRESSED)):
        raise typer.BadParameter(f"{output!r} ends in neither .tar nor .tar.gz", param_hint="-o")
    try:
        found, rest = find_run(run, root, lenient=damaged)
        if rest:
            raise FlowError(f"{run!r} is a part of a run; export {found.pathspec}")
        going_on = known_status(found) == "running"
        engine = "" if found.record else engine_of(found)
        with _opened(output) as file:
            writer = ArchiveWriter(file, compress=output.endswith(_COMPRESSED))
            done = export_run(found.layout, writer, damaged=damaged, engine=engine)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    except BrokenPipeError:
        raise  # its reader has gone, which ends the command without a word
    except OSError as error:
        raise typer.Exit(
            report_failure(FlowError(f"cannot write {output}: {error.strerror or error}"), "name another file with -o")
        ) from None
    for damage in done.damages:
        write_error(f"damaged: {damage}\n")
    if going_on:
        write_error(f"{found.pathspec} is under way: the archive has what it had stored until now\n")
    what = f"{counted(done.files, 'file')} and {counted(done.values, 'value')} ({size_text(done.size)})"
    (write_error if output == _STDOUT else write)(f"exported {found.pathspec}: {what}\n")


@contextmanager
def _opened(output: str) -> Generator[BinaryIO]:
    """A file that is there under its name once it is whole, or standard output."""
    if output == _STDOUT:
        yield sys.stdout.buffer
        return
    path = Path(output)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
