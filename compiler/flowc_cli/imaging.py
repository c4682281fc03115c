"""`flowc image`: a folder to build an image in for each environment, and the mapping that `compile --images` takes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_cli.config import configuration
from flowc_cli.reading import Reading
from flowc_cli.report import INPUT_ERROR, Form, report, write_atomically
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.package.images.build_files import Bases, build_files
from flowc_targets.package.images.image_environments import (
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

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_targets.package.images.image_environments import Environment


def write_images(
    file: Path, output: Path, bases: tuple[str | None, str | None], prefix: str, *, form: Form, reading: Reading
) -> int:
    """Write the folders, images.json and a bake file; print a command for each image. Nothing is built."""
    sink = DiagnosticSink()
    try:
        flow = reading.compile_with_values(file, sink).flow
        chosen = _bases(file, bases, sink)
        _check_prefix(prefix, sink)
        found = environments(flow, sink)
        _report_own_images(flow, sink)
        sink.raise_if_failed()
        assert chosen is not None
        _write(flow, found, chosen, prefix, output, sink)
    except FlowcError:
        pass
    report(sink.diagnostics, sink.sources, form if sink.failed else "text")
    return INPUT_ERROR if sink.failed else 0


def _bases(file: Path, given: tuple[str | None, str | None], sink: DiagnosticSink) -> Bases | None:
    """What to build upon: what is given, then the options `image` and `python` of pyproject.toml."""
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


def _check_prefix(prefix: str, sink: DiagnosticSink) -> None:
    try:
        image_repository(prefix)
    except GrammarError as error:
        sink.error("FC505", f"--tag-prefix: {error}", None, help=error.help)


def _report_own_images(flow: Flow, sink: DiagnosticSink) -> None:
    """Say which steps keep an image of their own, and so get none with the packages that they ask for."""
    for step in flow.steps:
        spec, image = step.specs.dependencies, own_image(step)
        if spec is not None and spec.needed and not step.virtual and image is not None:
            message = f"step `{step.name}` keeps its image {image}, which has to hold {', '.join(spec.listed)}"
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
    try:
        for image, content in zip(images, files.values(), strict=True):
            for name, text in content.items():
                write_atomically(output / image.folder / name, text)
        write_atomically(output / BAKE_FILE, bake_text(mapping))
        write_atomically(known, mapping_text(mapping))
    except OSError as error:
        sink.error("FC603", f"{output} cannot be written: {error.strerror}", None, help="choose another folder with -o")
        return
    for image in images:
        folder, name = shlex.quote(str(output / image.folder)), shlex.quote(image.image)
        sys.stdout.write(f"docker build -t {name} {folder} && docker push {name}\n")
    _tell(flow, len(images), known)


def _tell(flow: Flow, count: int, known: Path) -> None:
    if count:
        what = f"{count} image{'s' if count > 1 else ''} to build; then compile with --images {known}"
    else:
        what = "no step asks for packages"
    sys.stderr.write(f"flowc: {flow.name}: {what}\n")
