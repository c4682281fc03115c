"""`images.json`: the image of each environment, and its steps. `docker-bake.json` builds all of them.

`compile --images` runs each step that needs packages in the image that was built for them.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from flowc_compiler.filesystem import read_file
from flowc_compiler.ir import ContainerSpec
from flowc_targets.package.images.build_files import DOCKERFILE, content_tag
from flowc_targets.package.images.image_environments import GrammarError, environments, image_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.package.images.image_environments import Environment


MAPPING_FILE = "images.json"
BAKE_FILE = "docker-bake.json"


class MappedImage(BaseModel):
    """One environment. `image` may be edited, to name a digest or another registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    """The hash of its contents."""
    image: str
    """What pods pull."""
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

    def image_of(self, environment: str) -> str | None:
        """The image for an environment, by its hash."""
        return next((item.image for item in self.images if item.environment == environment), None)

    def names(self, flow: str, step: str) -> bool:
        """Whether a step is listed, with any environment."""
        return any(step in item.steps.get(flow, ()) for item in self.images)


def mapped_image(
    environment: Environment, files: dict[str, str], prefix: str, steps: dict[str, tuple[str, ...]]
) -> MappedImage:
    """An environment whose image is called after what it is built from: the same files give the same name."""
    return MappedImage(
        environment=environment.digest,
        image=f"{prefix}:{content_tag(files)}",
        folder=f"env-{environment.digest}",
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
        others = images[item.environment].steps if item.environment in images else {}
        images[item.environment] = item.model_copy(update={"steps": dict(sorted({**others, **item.steps}.items()))})
    kept = sorted((item for item in images.values() if item.steps), key=lambda item: item.environment)
    return ImageMapping(images=tuple(kept))


def mapping_text(mapping: ImageMapping) -> str:
    """The file's text."""
    return json.dumps(mapping.model_dump(exclude_none=True), indent=2) + "\n"


def bake_text(mapping: ImageMapping) -> str:
    """A file for `docker buildx bake`, to be called in its folder, that builds every image."""
    targets: Mapping[str, object] = {
        PurePosixPath(item.folder).name: {"context": item.folder, "dockerfile": DOCKERFILE, "tags": [item.image]}
        for item in mapping.images
    }
    return json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}, indent=2) + "\n"


def with_images(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> Flow:
    """A flow whose steps name the images of the option `images`, and need no packages any more.

    A step that names an image itself keeps it. Collects FC505 for a mapping that cannot be read, has no image for a
    step, or was written for other packages.
    """
    if options.images is None or not options.in_pods:
        return flow
    wanted = environments(flow, sink)
    mapping = read_mapping(Path(options.images), sink)
    images: dict[str, str | None] = dict.fromkeys(wanted)
    if mapping is not None:
        images = {name: mapping.image_of(environment.digest) for name, environment in wanted.items()}
        for name in (name for name, image in images.items() if image is None):
            _report_missing(flow, flow.by_name[name], mapping, options.images, sink)
    return flow.model_copy(update={"steps": tuple(_in_image(step, images) for step in flow.steps)})


def read_mapping(path: Path, sink: DiagnosticSink) -> ImageMapping | None:
    """The mapping of a file. Collects FC505 for one that cannot be read, and for images that are none."""
    way_out = "pass the images.json that `flowc image` wrote"
    try:
        mapping = ImageMapping.model_validate_json(read_file(path))
        for item in mapping.images:
            image_reference(item.image)
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


def _in_image(step: Step, images: dict[str, str | None]) -> Step:
    """A step with its image. A step without one was reported, and must not be reported again for its packages."""
    if step.name not in images:
        return step
    specs = step.specs
    update: dict[str, object] = {"dependencies": None}
    if images[step.name] is not None:
        update["container"] = (specs.container or ContainerSpec()).model_copy(update={"image": images[step.name]})
    return step.model_copy(update={"specs": specs.model_copy(update=update)})
