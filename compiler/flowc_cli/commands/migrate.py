"""`flowc migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, write_content, write_error
from flowc_compiler.filesystem import read_file
from flowc_compiler.rewrite import Edit, RewriteError, diff, write_all

app = shared.command_app()


@app.command("migrate")
def migrate(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="files of Metaflow or ZenML flows, and modules that they import"),
    ],
    diff: Annotated[bool, typer.Option("--diff", help=shared.DIFF_HELP)] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PATH", help=shared.OUTPUT_HELP),
    ] = None,
) -> None:
    """Turn files that import Metaflow or ZenML into files that import flowc.

    The files themselves are changed, unless -o is given.
    """
    raise typer.Exit(_migrate(files, output, preview=diff))


def _migrate(files: Sequence[Path], output: Path | None, *, preview: bool) -> int:
    """Migrate all files, or none when one cannot be read. Returns the exit code."""
    edits: list[Edit] = []
    failed = False
    for file in files:
        try:
            edits.append(_edit(file))
        except (RewriteError, OSError) as error:
            failed = True
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            write_error(f"flowc migrate: {reason if str(file) in reason else f'{file}: {reason}'}\n")
    if failed:
        return INPUT_ERROR
    if preview:
        write_content(diff([edit for edit in edits if edit.before != edit.after]))
        return 0
    try:
        return _write(edits, output)
    except OSError as error:
        write_error(f"flowc migrate: {error.filename}: {error.strerror}\n")
        return INPUT_ERROR


def _edit(file: Path) -> Edit:
    from flowc_compiler.rewrite.migrate import migrate as migrate_content

    before = read_file(file)
    result = migrate_content(before, str(file))
    for change in dict.fromkeys(result.changes):
        write_error(f"{file}: {change}\n")
    for left in dict.fromkeys(result.left):
        write_error(f"{file}: unchanged: {left}\n")
    return Edit(file, before, result.content)


def _write(edits: Sequence[Edit], output: Path | None) -> int:
    if output is None:
        write_all([edit for edit in edits if edit.before != edit.after])
        return 0
    if str(output) == "-":
        for edit in edits:
            write_content(edit.after.decode(errors="replace"))
        return 0
    if len(edits) == 1 and not output.is_dir():
        write_all([edits[0]._replace(path=output)])
        return 0
    names = [edit.path.name for edit in edits]
    if len(set(names)) < len(names):
        write_error(f"flowc migrate: two of the files have one name, and {output} can hold one\n")
        return INPUT_ERROR
    output.mkdir(parents=True, exist_ok=True)
    write_all([edit._replace(path=output / edit.path.name) for edit in edits])
    return 0
