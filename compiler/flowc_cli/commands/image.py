"""`flowc image`: a folder to build an image in for each environment, and the mapping for `compile --images`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.output import INPUT_ERROR, Form, report, write_content, write_error
from flowc_cli.project_config import configuration
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.ir import Flow
from flowc_targets.package.images.build_files import Bases, build_files
from flowc_targets.package.images.image_environments import (
    Environment,
    GrammarError,
    environments,
    image_reference,
    image_repository,
    own_image,
    program,
)
from flowc_targets.package.images.image_mapping import (
    BAKE_FILE,
    MAPPING_FILE,
    ImageMapping,
    bake_text,
    mapped_image,
    mapping_text,
    merged,
    read_mapping,
)

app = shared.command_app()


@app.command("image")
def image(
    file: shared.File,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="folder to write to, or - to print")
    ] = Path("images"),
    base: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="image to install PyPI's packages in; {python} in it stands for the Python version of the steps",
        ),
    ] = None,
    conda_base: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="image with micromamba to install Conda's packages in")
    ] = None,
    tag_prefix: Annotated[
        str,
        typer.Option(metavar="NAME", help="name of the images without their tag, such as registry.example/team/env"),
    ] = "flowc-env",
    param: shared.Params = None,
    format: shared.Format = "text",
    flow: shared.FlowName = None,
    with_: shared.With = None,
    config: shared.Configs = None,
    config_value: shared.ConfigValues = None,
) -> None:
    """Write Dockerfiles for the packages of steps.

    One for each distinct set of packages, with images.json for `flowc compile --images`. It prints the commands that
    build and push them.
    """
    options = flow_options(flow, with_, config, config_value, param=param)
    raise typer.Exit(_write_images(file, output, (base, conda_base), tag_prefix, format, options))


def _write_images(
    file: Path, output: Path, bases: tuple[str | None, str | None], prefix: str, form: Form, options: FlowOptions
) -> int:
    """Write the folders, images.json and a bake file; print a command for each image. Nothing is built."""
    sink = DiagnosticSink()
    try:
        flow = options.compile_with_values(file, sink).flow
        chosen = _bases(file, bases, sink)
        _check_prefix(prefix, sink)
        found = environments(flow, sink)
        _report_own_images(flow, sink)
        sink.raise_if_failed()
        assert chosen is not None
        _report_unused(bases, found, sink)
        _write(flow, found, chosen, prefix, output, sink)
    except FlowcError:
        pass
    report(sink.diagnostics, sink.sources, form if sink.failed else "text")
    return INPUT_ERROR if sink.failed else 0


def _bases(file: Path, given: tuple[str | None, str | None], sink: DiagnosticSink) -> Bases | None:
    """The base images: the given ones, or else the options `image` and `python` of pyproject.toml."""
    table = configuration(file, sink)
    configured = {key: table[key] for key in ("image", "python") if isinstance(table.get(key), str)}
    pypi, conda = given
    bases = Bases(pypi=pypi, conda=conda, **configured)
    try:
        for name in (pypi, conda, bases.image):
            if name is not None:
                image_reference(name.replace("{python}", "3.11"))
        program(bases.python)
    except GrammarError as error:
        sink.error("FC505", f"an image cannot be built: {error}", None, help=error.help)
        return None
    return bases


def _report_unused(
    given: tuple[str | None, str | None], found: Mapping[str, Environment], sink: DiagnosticSink
) -> None:
    managers = {environment.manager for environment in found.values()}
    for option, manager, value in zip(("--base", "--conda-base"), ("pypi", "conda"), given, strict=True):
        if value is not None and manager not in managers:
            message = f"{option} has no effect: no step has packages of {manager}"
            sink.warning("FC506", message, None, help="leave it out")


def _check_prefix(prefix: str, sink: DiagnosticSink) -> None:
    try:
        image_repository(prefix)
    except GrammarError as error:
        sink.error("FC505", f"--tag-prefix: {error}", None, help=error.help)


def _report_own_images(flow: Flow, sink: DiagnosticSink) -> None:
    """Warn of steps with an image of their own: they get none with the packages that they require."""
    for step in flow.steps:
        spec, image = step.specs.dependencies, own_image(step)
        if spec is not None and spec.needed and not step.virtual and image is not None:
            message = f"step `{step.name}` keeps its image {image}, which must contain {', '.join(spec.listed)}"
            sink.warning("FC501", message, spec.span, help="leave the image out to have one built")


def _write(
    flow: Flow, found: dict[str, Environment], bases: Bases, prefix: str, output: Path, sink: DiagnosticSink
) -> None:
    known = output / MAPPING_FILE
    old = read_mapping(known, sink) if known.exists() else ImageMapping()
    if old is None:
        return
    steps: dict[Environment, list[str]] = {}
    for name, environment in found.items():
        steps.setdefault(environment, []).append(name)
    files = {environment: build_files(environment, bases) for environment in steps}
    images = [mapped_image(item, files[item], prefix, {flow.name: tuple(names)}) for item, names in steps.items()]
    mapping = merged(old, flow.name, images)
    texts = {
        output / image.folder / name: text
        for image, content in zip(images, files.values(), strict=True)
        for name, text in content.items()
    }
    texts |= {output / BAKE_FILE: bake_text(mapping), known: mapping_text(mapping)}
    if str(output) == "-":
        write_content("".join(f"# {path.relative_to(output)}\n{text}\n" for path, text in texts.items()))
        return
    from flowc_compiler.rewrite import write_texts

    try:
        write_texts(texts)
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror or error}"
        sink.error("FC603", message, None, help="choose another folder with -o")
        return
    for image in images:
        folder, name = shlex.quote(str(output / image.folder)), shlex.quote(image.image)
        sys.stdout.write(f"docker build -t {name} {folder} && docker push {name}\n")
    _print_summary(flow, len(images), known)


def _print_summary(flow: Flow, count: int, known: Path) -> None:
    if count:
        what = f"{count} image{'s' if count > 1 else ''} to build; then compile with --images {known}"
    else:
        what = "no step requires packages"
    write_error(f"flowc: {flow.name}: {what}\n")
