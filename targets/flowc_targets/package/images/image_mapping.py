"""`images.json`: the image of each environment, and its steps. `docker-bake.json` builds all of them.

`compile --images` runs each step that needs packages in the image that was built for them.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from flowc_compiler.filesystem import read_file
from flowc_compiler.ir import ContainerSpec
from flowc_targets.package.images.build_files import DOCKERFILE, EPOCH, content_tag
from flowc_targets.package.images.image_environments import (
    GrammarError,
    environments,
    image_digest,
    image_reference,
)
from flowc_targets.package.images.packages_at_start import installed_at_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.package.images.image_environments import Environment


MAPPING_FILE = "images.json"
BAKE_FILE = "docker-bake.json"


class MappedImage(BaseModel):
    """One environment. `image` may be edited, to name another registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    """The hash of its contents."""
    image: str
    """What pods pull."""
    digest: str | None = None
    """The digest of that in its registry, from `flowc image --record`: pods pull exactly it."""
    base: str | None = None
    """The image that it is built upon, where the flow or an option chooses one."""
    folder: str
    """Where it is built, from the mapping's folder."""
    manager: Literal["conda", "pypi"]
    python: str | None = None
    requirements: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    steps: dict[str, tuple[str, ...]] = {}
    """Flow to its steps that run in it."""


class ImageMapping(BaseModel):
    """The content of images.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    images: tuple[MappedImage, ...] = ()

    def of(self, environment: str) -> MappedImage | None:
        """The entry of an environment, by its hash."""
        return next((item for item in self.images if item.environment == environment), None)

    def names(self, flow: str, step: str) -> bool:
        """Whether a step is listed, with any environment."""
        return any(step in item.steps.get(flow, ()) for item in self.images)


def mapped_image(
    environment: Environment, files: dict[str, str], prefix: str, base: str | None, steps: dict[str, tuple[str, ...]]
) -> MappedImage:
    """An environment whose image is called after what it is built from: the same files give the same name."""
    return MappedImage(
        environment=environment.digest,
        image=f"{prefix}:{content_tag(files)}",
        folder=f"env-{environment.digest}",
        base=base,
        manager=environment.manager,
        python=environment.python,
        requirements=environment.requirements,
        system=environment.system,
        steps=steps,
    )


def merged(old: ImageMapping, flow: str, new: Iterable[MappedImage]) -> ImageMapping:
    """A mapping with a flow's images, and those of other flows in it; images that no flow needs are left out."""
    images = {
        item.environment: item.model_copy(update={"steps": {k: v for k, v in item.steps.items() if k != flow}})
        for item in old.images
    }
    for item in new:
        known = images.get(item.environment)
        steps = {**(known.steps if known is not None else {}), **item.steps}
        digest = known.digest if known is not None and known.image == item.image else None
        images[item.environment] = item.model_copy(update={"steps": dict(sorted(steps.items())), "digest": digest})
    kept = sorted((item for item in images.values() if item.steps), key=lambda item: item.environment)
    return ImageMapping(images=tuple(kept))


def mapping_text(mapping: ImageMapping) -> str:
    """The file's text."""
    return json.dumps(mapping.model_dump(exclude_none=True), indent=2) + "\n"


def bake_text(mapping: ImageMapping) -> str:
    """A file for `docker buildx bake`, to be called in its folder, that builds every image."""
    targets: Mapping[str, object] = {
        PurePosixPath(item.folder).name: {
            "context": item.folder,
            "dockerfile": DOCKERFILE,
            "args": {"SOURCE_DATE_EPOCH": EPOCH},
            "tags": [item.image],
        }
        for item in mapping.images
    }
    return json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}, indent=2) + "\n"


class StepImages(NamedTuple):
    """A flow whose steps name their images, and what is known of these."""

    flow: Flow
    digests: dict[str, str]
    """The recorded digest of an image, by its name."""


def with_images(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> StepImages:
    """A flow whose steps name the images of the option `images`, and need no packages any more.

    A step that names an image itself keeps it. With the option `install_at_start`, steps with PyPI's packages have them
    as a lock instead, which their pods install. Collects FC505 for a mapping that cannot be read, has no image for a
    step, or was written for other packages.
    """
    if options.images is None or not options.in_pods:
        if options.install_at_start and options.in_pods and environments(flow, sink):
            help_ = f"run `flowc image {flow.file}`, which writes it, and pass --images images/{MAPPING_FILE}"
            sink.error("FC502", "install_at_start needs the lock of the packages", None, help=help_)
        return StepImages(flow, {})
    wanted = environments(flow, sink)
    mapping = read_mapping(Path(options.images), sink)
    entries: dict[str, MappedImage | None] = dict.fromkeys(wanted)
    if mapping is not None:
        entries = {name: mapping.of(environment.digest) for name, environment in wanted.items()}
        for name in (name for name, entry in entries.items() if entry is None):
            _report_missing(flow, flow.by_name[name], mapping, options.images, sink)
    installing: dict[str, Step] = {}
    if options.install_at_start:
        known = {name: entry for name, entry in entries.items() if entry is not None}
        installing = installed_at_start(flow, options.images, known, wanted, sink)
    steps = tuple(installing.get(step.name) or _in_image(step, entries) for step in flow.steps)
    digests = {entry.image: entry.digest for entry in entries.values() if entry is not None and entry.digest}
    return StepImages(flow.model_copy(update={"steps": steps}), digests)


def read_mapping(path: Path, sink: DiagnosticSink) -> ImageMapping | None:
    """The mapping of a file. Collects FC505 for one that cannot be read, and for images that are none."""
    way_out = "pass the images.json that `flowc image` wrote"
    try:
        mapping = ImageMapping.model_validate_json(read_file(path))
        for item in mapping.images:
            image_reference(item.image)
            if item.digest is not None:
                image_digest(item.digest)
                if "@" in item.image:
                    raise GrammarError(f"{item.image} names a digest, and so does `digest`", "keep one of them")
    except OSError as error:
        sink.error("FC505", f"option images: {path} cannot be read: {error.strerror}", None, help=way_out)
        return None
    except GrammarError as error:
        sink.error("FC505", f"option images: {path}: {error}", None, help=error.help)
        return None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        sink.error("FC505", f"option images: {path}: {where or 'content'}: {first['msg']}", None, help=way_out)
        return None
    return mapping


def _report_missing(flow: Flow, step: Step, mapping: ImageMapping, path: str, sink: DiagnosticSink) -> None:
    spec = step.specs.dependencies
    stale = mapping.names(flow.name, step.name)
    what = "its packages have changed since" if stale else "it has no image there"
    sink.error(
        "FC505", f"option images: {path} does not match step `{step.name}`: {what}",
        (spec.span if spec is not None else None) or step.span,
        help=f"run `flowc image {flow.file} -o {Path(path).parent}` again, and build what it prints",
    )  # fmt: skip


def _in_image(step: Step, entries: Mapping[str, MappedImage | None]) -> Step:
    """A step with its image. A step without one was reported, and must not be reported again for its packages."""
    if step.name not in entries:
        return step
    specs, entry = step.specs, entries[step.name]
    update: dict[str, object] = {"dependencies": None}
    if entry is not None:
        update["container"] = (specs.container or ContainerSpec()).model_copy(update={"image": entry.image})
    return step.model_copy(update={"specs": specs.model_copy(update=update)})
