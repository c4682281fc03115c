"""Images by their digest: what a pod pulls then is exactly what was built, whatever its tag is moved to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.ir import ContainerSpec
from flowc_targets.package.images.image_environments import untagged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ExitHookSpec, Flow, Step
    from flowc_targets.base.options import TargetOptions


class PinnedImages(NamedTuple):
    """A flow and options that name images by their digests."""

    flow: Flow
    options: TargetOptions


def with_digests(flow: Flow, options: TargetOptions, recorded: Mapping[str, str], sink: DiagnosticSink) -> PinnedImages:
    """A flow whose pods pull images by digest: those of the option `image_digests`, else the `recorded` ones.

    The option names a step, or an image with or without its tag. Collects FC505 for a name that may mean either or
    several images, and FC506 for one that no pod's image has.
    """
    images = _images(flow, options)
    of_steps: dict[str, str] = {}
    of_images = dict(recorded)
    for name, digest in options.image_digests.items():
        found = [image for image in images if name in (image, untagged(image))]
        step = flow.by_name.get(name)
        is_step = step is not None and not step.virtual
        if len(found) + is_step > 1:
            meant = [f"step `{name}`"] * is_step + [f"image {image}" for image in found]
            message = f"option image_digests: {name} may be {' or '.join(meant)}"
            sink.error("FC505", message, None, help="name the image with its tag, or the step")
        elif is_step:
            of_steps[name] = digest
        elif found:
            of_images[found[0]] = digest
        elif options.is_given("image_digests", by_flow=True):
            message = f"the digest of {name} has no effect: it is neither a step nor the image of one"
            sink.warning("FC506", message, None, help=f"the images are {', '.join(images)}")

    def pinned(image: str) -> str:
        return by_digest(image, of_images[image]) if image in of_images else image

    default = pinned(options.image)
    steps = tuple(_pinned_step(step, options, pinned, of_steps) for step in flow.steps)
    hooks = tuple(_pinned_hook(hook, pinned) for hook in flow.specs.exit_hooks)
    specs = flow.specs.model_copy(update={"exit_hooks": hooks})
    return PinnedImages(
        flow.model_copy(update={"steps": steps, "specs": specs}), options.model_copy(update={"image": default})
    )


def by_digest(image: str, digest: str) -> str:
    """An image by its digest instead of its tag."""
    return f"{untagged(image)}@{digest}"


def _images(flow: Flow, options: TargetOptions) -> list[str]:
    """The images of all pods, each once: of steps, of exit hooks, and the one of all others."""
    own = (step.specs.container.image for step in flow.steps if step.specs.container is not None and not step.virtual)
    commands = (step.specs.command.image for step in flow.steps if step.specs.command is not None)
    hooks = (_hook_image(hook) for hook in flow.specs.hooks)
    found = (*own, *commands, *hooks, options.image if _needs_default(flow) else None)
    return list(dict.fromkeys(image for image in found if image is not None))


def _needs_default(flow: Flow) -> bool:
    """Whether a pod has the image of the options: a hook's, that of a look-up, or a step's."""
    pods = [step for step in flow.steps if not step.virtual]
    plain = any(step.specs.container is None or step.specs.container.image is None for step in pods)
    looks_up = any(step.kind == "switch" and step.recursive for step in pods)
    return plain or looks_up or any(_hook_image(hook) is None for hook in flow.specs.hooks)


def _hook_image(hook: ExitHookSpec) -> str | None:
    image = hook.options.get("image")
    return image if isinstance(image, str) and image else None


def _pinned_step(step: Step, options: TargetOptions, pinned: Callable[[str], str], of_steps: Mapping[str, str]) -> Step:
    container, command = step.specs.container, step.specs.command
    image = container.image if container is not None else None
    if command is not None and command.image is not None:
        digest = of_steps.get(step.name)
        named = by_digest(command.image, digest) if digest is not None else pinned(command.image)
        update = {"command": command.model_copy(update={"image": named})}
        step = step.model_copy(update={"specs": step.specs.model_copy(update=update)})
        of_steps = {}
    if step.name in of_steps:
        named = by_digest(image or options.image, of_steps[step.name])
    elif image is not None:
        named = pinned(image)
    else:
        return step
    specs = {"container": (container or ContainerSpec()).model_copy(update={"image": named})}
    return step.model_copy(update={"specs": step.specs.model_copy(update=specs)})


def _pinned_hook(hook: ExitHookSpec, pinned: Callable[[str], str]) -> ExitHookSpec:
    image = _hook_image(hook)
    if image is None:
        return hook
    return hook.model_copy(update={"options": {**hook.options, "image": pinned(image)}})
