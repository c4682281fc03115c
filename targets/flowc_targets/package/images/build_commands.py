"""The shell commands that build and push an image, and where they leave its digest in the registry."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from flowc_compiler.filesystem import read_file
from flowc_targets.package.images.build_files import DOCKERFILE, EPOCH
from flowc_targets.package.images.image_environments import image_digest

if TYPE_CHECKING:
    from flowc_targets.package.images.image_mapping import MappedImage

Builder = Literal["docker", "podman", "buildah", "kaniko"]
"""What builds images."""
BUILDERS: tuple[Builder, ...] = get_args(Builder)
BAKE_METADATA = "docker-bake.metadata.json"
"""What `docker buildx bake --metadata-file` is asked to write, in the folder with all images."""

_DIGEST = "containerimage.digest"
_NAME = "image.name"


def build_command(builder: Builder, image: MappedImage, output: Path) -> str:
    """One line for a shell. Two builds of the same files give the same image, as far as the builder can."""
    folder = output / image.folder
    name, context = shlex.quote(image.image), shlex.quote(str(folder))
    digest = shlex.quote(str(folder / _digest_file(builder, image.image)))
    match builder:
        case "docker":
            options = f"--provenance=false --build-arg SOURCE_DATE_EPOCH={EPOCH} --metadata-file {digest}"
            output_type = "--output type=image,push=true,rewrite-timestamp=true"
            return f"docker buildx build {options} {output_type} -t {name} {context}"
        case "podman" | "buildah":
            return (
                f"{builder} build --timestamp {EPOCH} -t {name} {context} "
                f"&& {builder} push --digestfile {digest} {name}"
            )
        case "kaniko":
            file = shlex.quote(str(folder / DOCKERFILE))
            return (
                f"/kaniko/executor --reproducible --cleanup --context {shlex.quote(f'dir://{folder.absolute()}')} "
                f"--dockerfile {file} --digest-file {digest} --destination {name}"
            )


def built_digest(image: MappedImage, output: Path) -> str | None:
    """The digest that the last build of this very image has left; `None` where there is none.

    Raises OSError, and ValueError for what is no digest of it.
    """
    folder = output / image.folder
    places = [folder / _digest_file(builder, image.image) for builder in ("docker", "buildah")]
    found = [path for path in (*places, output / BAKE_METADATA) if path.exists()]
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        text = read_file(path).decode().strip()
        if path.suffix != ".json":
            return image_digest(text)
        metadata: Any = json.loads(text)
        if path.name == BAKE_METADATA:
            metadata = metadata.get(Path(image.folder).name, {})
        digest = _named_digest(metadata, image)
        if digest is not None:
            return image_digest(digest)
    return None


def digest_place(image: MappedImage, output: Path) -> str:
    """A file that `built_digest` reads, which has nothing but the digest."""
    return str(output / image.folder / _digest_file("buildah", image.image))


def _digest_file(builder: str, image: str) -> str:
    """It has the name of the image, since another build in the same folder may be of another image."""
    return re.sub(r"[/:]", "_", image) + (".metadata.json" if builder == "docker" else ".digest")


def _named_digest(metadata: Any, image: MappedImage) -> str | None:
    """The digest in what buildx writes, where it is of this image."""
    names = map(_short, str(metadata.get(_NAME, "")).split(","))
    digest = metadata.get(_DIGEST)
    return digest if _short(image.image) in names and isinstance(digest, str) else None


def _short(image: str) -> str:
    """An image without what Docker adds to the names of its own registry."""
    return image.removeprefix("docker.io/").removeprefix("library/")
