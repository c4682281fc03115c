"""The command that writes what images are built from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowc_cli.commands.arguments import Configs, ConfigValues, File, FlowName, Format, Params, With, reading_of


def image(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")] = Path("images"),
    base: Annotated[
        str | None,
        typer.Option(
            help="image that PyPI's packages are installed in; {python} in it stands for the version asked for"
        ),
    ] = None,
    conda_base: Annotated[
        str | None, typer.Option(help="image with micromamba that Conda's packages are installed in")
    ] = None,
    tag_prefix: Annotated[
        str, typer.Option(help="name of the images without their tag, such as registry.example/team/env")
    ] = "flowc-env",
    param: Params = None,
    format: Format = "text",
    flow: FlowName = None,
    with_: With = None,
    config: Configs = None,
    config_value: ConfigValues = None,
) -> None:
    """Write Dockerfiles for the packages of steps.

    One for each distinct set of them, with images.json for `flowc compile --images`. What it prints builds and pushes
    them.
    """
    from flowc_cli.imaging import write_images

    reading = reading_of(flow, with_, config, config_value, param=param)
    raise typer.Exit(write_images(file, output, (base, conda_base), tag_prefix, form=format, reading=reading))
