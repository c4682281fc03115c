"""`compile --images`: each step that asks for packages runs in the image that was built for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from flowc_compiler.ir import ContainerSpec
from flowc_targets.package.images.environments import environments
from flowc_targets.package.images.image_mapping import ImageMapping
from flowc_targets.package.images.requirement_syntax import GrammarError, image_reference

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.base.options import TargetOptions


def with_images(flow: Flow, options: TargetOptions, target: str, sink: DiagnosticSink) -> Flow:
    """A flow whose steps name the images of the option `images`; what these hold, they ask for no more.

    A step that names an image itself keeps it. Collects FC505 for a mapping that cannot be read, lacks a step's
    environment or was made for other packages.
    """
    if options.images is None:
        return flow
    if not options.in_pods:
        message = f"option `images` of target {target} does nothing: tasks are processes of the worker"
        sink.warning("FC501", message, None, help="leave it out, and install the packages where the workers run")
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
    way_out = "give the images.json that `flowc image` has written"
    try:
        mapping = ImageMapping.model_validate_json(path.read_bytes())
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
        "FC505", f"option images: {path} is not for step `{step.name}` as it is: {what}",
        (spec.span if spec is not None else None) or step.span,
        help=f"run `flowc image {flow.file} -o {Path(path).parent}` again, and build what it prints",
    )  # fmt: skip


def _in_image(step: Step, images: dict[str, str | None]) -> Step:
    """A step with its image. One that lacks it was reported, and is not to be reported again for its packages."""
    if step.name not in images:
        return step
    specs = step.specs
    update: dict[str, object] = {"dependencies": None}
    if images[step.name] is not None:
        update["container"] = (specs.container or ContainerSpec()).model_copy(update={"image": images[step.name]})
    return step.model_copy(update={"specs": specs.model_copy(update=update)})
