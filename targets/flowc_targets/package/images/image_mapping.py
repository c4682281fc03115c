"""`images.json`: the image of each environment, and the steps that ask for it. `docker-bake.json` builds them all."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from flowc_targets.package.images.build_files import DOCKERFILE, content_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowc_targets.package.images.environments import Environment

MAPPING_FILE = "images.json"
BAKE_FILE = "docker-bake.json"


class MappedImage(BaseModel):
    """One environment. `image` may be edited, to name a digest or another registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    """The hash of what is asked for."""
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
        """Whether a step is listed, for whatever environment it had then."""
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
    """A mapping with a flow's images, and those of other flows that were there; what no flow asks for is left out."""
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
