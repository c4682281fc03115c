"""`flowc image`: a folder to build an image in for each environment, and the mapping for `compile --images`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions
from flowc_cli.option_groups import StepsGroup, with_groups
from flowc_cli.output import INPUT_ERROR, Form, report, write, write_content, write_error
from flowc_cli.own_files import file_differences
from flowc_cli.package_locks import LockFolder
from flowc_cli.project_config import configuration
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.ir import Flow
from flowc_targets.package.images.build_commands import BUILDERS, Builder, build_command, built_digest, digest_place
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
    MappedImage,
    bake_text,
    mapped_image,
    mapping_text,
    merged,
    read_mapping,
)

app = shared.command_app()

CHANGED = 1
"""Exit code of `--check` where a file is not what would be written."""
TAG_PREFIX = "flowc-env"


@app.command("image")
@with_groups
def image(
    file: shared.File,
    chosen: StepsGroup,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PATH", help=shared.OUTPUT_HELP)] = Path("images"),
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
    ] = TAG_PREFIX,
    builder: Annotated[
        Builder, typer.Option(metavar="|".join(BUILDERS), help="what the printed commands build with")
    ] = "docker",
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="resolve all packages again, to the newest versions that the flow allows")
    ] = False,
    no_lock: Annotated[
        bool, typer.Option("--no-lock", help="write no locks: pip chooses versions when an image is built")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="take over the digests of the built images; nothing else is written")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="write nothing, and fail where the files of -o are not what it would write")
    ] = False,
    format: shared.Format = "text",
) -> None:
    """Write Dockerfiles for the packages of steps.

    One for each distinct set of packages, with a lock of their versions, and images.json for `flowc compile --images`.
    It prints the commands that build and push them; after that, --record keeps the digests of what was built.
    """
    job = _ImageJob(file, output, (base, conda_base), tag_prefix, builder, upgrade, not no_lock, check, format)
    raise typer.Exit(job.run(chosen.options(), only_record=record))


@dataclass(frozen=True, slots=True)
class _ImageJob:
    """What the command line says of images."""

    file: Path
    output: Path
    bases: tuple[str | None, str | None]
    """`--base` and `--conda-base`."""
    prefix: str
    builder: Builder
    upgrade: bool
    locks: bool
    only_check: bool
    form: Form

    def run(self, options: FlowOptions, *, only_record: bool) -> int:
        """Write the folders, images.json and a bake file; print a command for each image. Nothing is built."""
        sink = DiagnosticSink()
        changed: list[str] = []
        try:
            flow = options.compile_with_values(self.file, sink).flow
            changed = self._record(flow, sink) if only_record else self._write_all(flow, sink)
        except FlowcError:
            pass
        report(sink.diagnostics, sink.sources, self.form if sink.failed else "text")
        write("".join(f"{line}\n" for line in changed))
        return INPUT_ERROR if sink.failed else CHANGED if changed else 0

    def _write_all(self, flow: Flow, sink: DiagnosticSink) -> list[str]:
        """The lines of what `--check` finds changed; none where files are written."""
        chosen = _bases(self.file, self.bases, sink)
        _check_prefix(self.prefix, sink)
        found = environments(flow, sink)
        _report_own_images(flow, sink)
        self._check_output(sink)
        sink.raise_if_failed()
        assert chosen is not None
        self._report_unused(found, sink)
        old = self._old_mapping(sink)
        steps: dict[Environment, list[str]] = {}
        for name, environment in found.items():
            steps.setdefault(environment, []).append(name)
        locks = LockFolder(flow, self.output, old, self.upgrade, self.only_check)
        locked = {item: locks.lock(item, names, chosen, sink) if self.locks else None for item, names in steps.items()}
        sink.raise_if_failed()
        files = {item: build_files(item, chosen, lock) for item, lock in locked.items()}
        images = [
            mapped_image(item, files[item], self.prefix, chosen.named(item), {flow.name: tuple(names)})
            for item, names in steps.items()
        ]
        mapping = merged(old, flow.name, images)
        texts = {
            self.output / image.folder / name: text
            for image, content in zip(images, files.values(), strict=True)
            for name, text in content.items()
        }
        texts |= {self.output / BAKE_FILE: bake_text(mapping), self.output / MAPPING_FILE: mapping_text(mapping)}
        if self.only_check:
            return locks.stale or list(file_differences(texts))
        self._write(flow, images, texts, sink)
        return []

    def _write(self, flow: Flow, images: list[MappedImage], texts: Mapping[Path, str], sink: DiagnosticSink) -> None:
        if str(self.output) == "-":
            write_content("".join(f"# {path.relative_to(self.output)}\n{text}\n" for path, text in texts.items()))
        elif self._write_texts(texts, sink):
            sys.stdout.write("".join(f"{build_command(self.builder, item, self.output)}\n" for item in images))
            _print_summary(flow, len(images), self.output / MAPPING_FILE)

    def _write_texts(self, texts: Mapping[Path, str], sink: DiagnosticSink) -> bool:
        from flowc_compiler.rewrite import write_texts

        try:
            write_texts(texts)
        except OSError as error:
            message = f"{self.output} cannot be written: {error.strerror or error}"
            sink.error("FC603", message, None, help="choose another folder with -o")
        return not sink.failed

    def _record(self, flow: Flow, sink: DiagnosticSink) -> list[str]:
        """Put the digests of the flow's built images into images.json. Returns what `--check` finds changed."""
        self._check_output(sink)
        self._report_unrecorded(sink)
        old = self._old_mapping(sink)
        wanted = {environment.digest for environment in environments(flow, sink).values()}
        digests: dict[str, str] = {}
        for name in sorted(wanted):
            entry = old.of(name)
            if entry is None:
                message = f"{self.output / MAPPING_FILE} has no image for what {flow.name} requires now"
                sink.error(
                    "FC505", message, None, help=f"run `flowc image {self.file}` again, and build what it prints"
                )
            elif (digest := self._digest(entry, sink)) is not None:
                digests[name] = digest
        sink.raise_if_failed()
        images = tuple(
            item.model_copy(update={"digest": digests.get(item.environment, item.digest)}) for item in old.images
        )
        texts = {self.output / MAPPING_FILE: mapping_text(ImageMapping(images=images))}
        if self.only_check:
            return list(file_differences(texts))
        if self._write_texts(texts, sink):
            recorded = f"{len(digests)} digest{'s' if len(digests) != 1 else ''} recorded"
            write_error(f"flowc: {flow.name}: {recorded} in {self.output / MAPPING_FILE}\n")
        return []

    def _digest(self, entry: MappedImage, sink: DiagnosticSink) -> str | None:
        problem, help_ = "its build has left no digest", f"run `{build_command(self.builder, entry, self.output)}`"
        try:
            digest = built_digest(entry, self.output)
        except (OSError, ValueError) as error:
            digest, problem, help_ = (
                None,
                str(error),
                f"build it again, or write it to {digest_place(entry, self.output)}",
            )
        if digest is None:
            sink.error("FC505", f"image {entry.image}: {problem}", None, help=help_)
        return digest

    def _check_output(self, sink: DiagnosticSink) -> None:
        if str(self.output) == "-" and self.only_check:
            sink.error("FC603", "there are no files to compare with", None, help="name the folder with -o")

    def _old_mapping(self, sink: DiagnosticSink) -> ImageMapping:
        known = self.output / MAPPING_FILE
        old = read_mapping(known, sink) if known.exists() else ImageMapping()
        sink.raise_if_failed()
        assert old is not None
        return old

    def _report_unused(self, found: Mapping[str, Environment], sink: DiagnosticSink) -> None:
        managers = {environment.manager for environment in found.values()}
        for option, manager, value in zip(("--base", "--conda-base"), ("pypi", "conda"), self.bases, strict=True):
            if value is not None and manager not in managers:
                message = f"{option} has no effect: no step has packages of {manager}"
                sink.warning("FC506", message, None, help="leave it out")
        if self.upgrade and (self.only_check or not self.locks or "pypi" not in managers):
            why = "with --check, which resolves nothing" if self.only_check else "with --no-lock"
            if "pypi" not in managers:
                why = "as no step has packages of pypi"
            sink.warning("FC506", f"--upgrade has no effect {why}", None, help="leave it out")

    def _report_unrecorded(self, sink: DiagnosticSink) -> None:
        """FC506 for the options of what `--record` does not do."""
        base, conda = self.bases
        given = {
            "--base": base is not None,
            "--conda-base": conda is not None,
            "--tag-prefix": self.prefix != TAG_PREFIX,
            "--upgrade": self.upgrade,
            "--no-lock": not self.locks,
        }
        for option in (name for name, is_given in given.items() if is_given):
            message = f"{option} has no effect with --record, which writes digests only"
            sink.warning("FC506", message, None, help="leave it out")


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


def _print_summary(flow: Flow, count: int, known: Path) -> None:
    if count:
        what = f"{count} image{'s' if count > 1 else ''} to build; then compile with --images {known}"
    else:
        what = "no step requires packages"
    write_error(f"flowc: {flow.name}: {what}\n")
