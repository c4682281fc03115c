"""`flowc tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.output import write, write_error
from flowc_cli.stored_runs import find_run, report_failure
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()


@app.command("tag")
def tag(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    tags: Annotated[list[str] | None, typer.Argument(help="tags to add", show_default=False)] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="a tag to remove; may be repeated")] = None,
    root: shared.Root = None,
) -> None:
    """Add and remove tags of a run, and print those that it has then."""
    try:
        found, _ = find_run(run, root)
        missing = [name for name in remove or [] if name not in found.user_tags]
        if tags or remove:
            found.replace_tags(remove or [], tags or [])
        if missing:
            write_error(visible_line(f"flowc: {found.pathspec} had no tag {', '.join(missing)}") + "\n")
        write("".join(f"{visible_line(name)}\n" for name in sorted(found.user_tags)))
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
