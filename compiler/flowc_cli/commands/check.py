"""`flowc check`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.check_one import STDIN, CheckOutput, check_input, check_one, is_named
from flowc_cli.check_settings import CheckSettings
from flowc_cli.checking import CheckOptions
from flowc_cli.option_groups import ProjectGroup, with_groups
from flowc_cli.output import note_unused

app = shared.command_app()


@app.command("check")
@with_groups
def check(
    chosen: ProjectGroup,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="files, folders and globs; `-` is standard input, and `.` the default",
            show_default=False,
        ),
    ] = None,
    target: Annotated[list[str] | None, typer.Option("-t", "--target", metavar="NAME", help=shared.TARGET_HELP)] = None,
    format: shared.Format = "text",
    fix: Annotated[bool, typer.Option("--fix", help="edit the files where a help line is certain to be right")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help=shared.VERBOSE_HELP)] = False,
    stdin_filename: Annotated[
        Path | None, typer.Option(metavar="PATH", help="where the text that `-` reads from standard input belongs")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODES", help="codes, or prefixes of codes, not to report")
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="CODES", help="report these, and errors of compiling, only")
    ] = None,
    error: Annotated[
        list[str] | None, typer.Option("--error", metavar="CODES", help="warnings that are errors")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help=shared.DIFF_HELP)] = False,
    watch: Annotated[bool, typer.Option("--watch", help=shared.WATCH_HELP)] = False,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="processes that check files; by default one a core")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="check files that are as they were, too")] = False,
    only_flows: Annotated[
        bool, typer.Option("--only-flows", help="skip named files that have no flow, and those that are excluded")
    ] = False,
) -> None:
    """Print every problem of flows, and change nothing without --fix.

    A folder's files without flows are skipped. --target also reports what that engine cannot express; -v also prints
    where artifacts cannot be followed, and what is skipped.
    """
    settings = CheckSettings.given(select=select, ignore=ignore, error=error)
    options = CheckOptions(replace(chosen.options(), checks=settings), tuple(target or ()))
    show = CheckOutput(format, fix=fix, diff=diff, verbose=verbose)
    if diff and format != "text":
        note_unused("--format", "with --diff, which prints edits", "leave one of them out")
    places = files or [Path()]
    if Path(STDIN) in places:
        unused = {"--watch": watch, "--only-flows": only_flows, "other files": len(places) > 1}
        for name in (name for name, given in unused.items() if given):
            note_unused(name, "with `-`, which is standard input", "leave it out")
        raise typer.Exit(check_input(stdin_filename, options, show))
    if stdin_filename is not None:
        note_unused("--stdin-filename", "without `-`, which is standard input", "leave it out")
    if len(places) == 1 and is_named(places[0]) and not (watch or only_flows):
        raise typer.Exit(check_one(places[0], options, show))
    from flowc_cli.batch.check_run import CheckRun

    run = CheckRun(tuple(places), options, show, jobs, cached=not no_cache, only_flows=only_flows)
    if not watch:
        raise typer.Exit(run.check())
    from flowc_cli.batch.check_watch import watch_files

    raise typer.Exit(watch_files(run))
