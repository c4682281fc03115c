"""The commands of `flowc`, in the order of its help. What they declare is in `flowc_cli.commands`.

Nothing heavy is imported here, nor there outside of the functions: `flowc --help` and completion stay quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from flowc._version import __version__
from flowc_cli.commands import compiling, engines, imaging, looking, running, simulating
from flowc_cli.runhelp import Commands, RunCommand

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compile Python flows to Argo Workflows and Airflow, and run them locally.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"flowc {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    del version


_OPEN = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For commands that take a flow's parameters as options."""

app.command()(compiling.check)
app.command("compile")(compiling.compile_)
app.command()(imaging.image)
app.command()(compiling.ir)
app.command()(compiling.graph)
app.command()(compiling.targets)
app.command(cls=RunCommand, context_settings=_OPEN)(running.run)
app.command(context_settings=_OPEN)(running.resume)
app.command()(simulating.simulate)
app.command()(looking.show)
app.command()(looking.logs)
app.command()(engines.submit)
app.command()(engines.status)
app.command()(engines.stop)
