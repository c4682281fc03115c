"""What decorators ask for that no engine of flowc's can give so far: reported at the decorator, never dropped.

An error where the run would not be what the flow says; a warning where it is, and something beside it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import BatchSpec, Flow, SecretsSpec, Step
    from flowc_compiler.source import Span

_BATCH = {
    "queue": "queue",
    "iam_role": "iam_role",
    "execution_role": "execution_role",
    "max_swap_mb": "max_swap",
    "swappiness": "swappiness",
    "tags": "aws_batch_tags",
    "log_driver": "log_driver",
    "log_options": "log_options",
}
"""Fields of BatchSpec that change nothing in what a task computes, and the argument that each comes from."""


def report_unmet(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Report the specs of steps that `target` leaves out."""
    for step in flow.steps:
        if step.specs.batch is not None:
            _batch(step, step.specs.batch, target, sink)
        if step.specs.secrets is not None:
            _secrets(step, step.specs.secrets, target, sink)
    _packages(flow, target, sink)


def _batch(step: Step, spec: BatchSpec, target: str, sink: DiagnosticSink) -> None:
    if spec.efs_volumes:
        sink.unsupported(
            "FC501", target, f"step `{step.name}` asks for EFS volumes, which only AWS Batch mounts by their id",
            spec.span, help="make a persistent volume claim of them: @kubernetes(persistent_volume_claims={...})",
        )  # fmt: skip
    given = [argument for name, argument in _BATCH.items() if getattr(spec, name) or getattr(spec, name) == 0]
    if given:
        sink.warning(
            "FC501",
            f"step `{step.name}`: {', '.join(given)} of `@batch` mean nothing outside of AWS Batch (target {target})",
            spec.span,
            help="the step runs without; for rights in AWS give @kubernetes(service_account=...) of that role",
        )


def _secrets(step: Step, spec: SecretsSpec, target: str, sink: DiagnosticSink) -> None:
    for source in spec.sources:
        if source.type not in ("inline", "kubernetes"):
            sink.unsupported(
                "FC501", target, f"step `{step.name}`: secret {source.id!r} of {source.type} is not fetched", spec.span,
                help="sync it into a Kubernetes Secret (External Secrets Operator does) and give "
                "{'type': 'kubernetes', 'id': name}, or fetch it in the step with the manager's client",
            )  # fmt: skip


def _packages(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Packages that no image of `flowc image` was given for: once for all steps that one decorator gives the same."""
    asking: dict[tuple[Span | None, str, str, str], list[str]] = {}
    for step in flow.steps:
        spec = step.specs.dependencies
        if spec is None or not spec.needed:
            continue
        image = step.specs.container.image if step.specs.container is not None else None
        own = image if image is not None and image != spec.base else ""
        asking.setdefault((spec.span, own, ", ".join(spec.listed), spec.manager), []).append(step.name)
    for (span, own, packages, manager), steps in asking.items():
        holding = f"its image {own}" if own else "its image" if len(steps) == 1 else "their image"
        help_ = "leave the step's own image out, and see `flowc image`"
        if not own:
            help_ = (
                "build an image with `flowc image` and say --images, or name one that has them: @kubernetes(image=...)"
            )
        sink.warning(
            "FC501",
            f"{_listed(steps)}: flowc installs no packages; {holding} has to hold {packages} "
            f"({manager}, target {target})",
            span,
            help=help_,
        )


def _listed(steps: list[str]) -> str:
    if len(steps) == 1:
        return f"step `{steps[0]}`"
    shown = [f"`{name}`" for name in steps[:3]]
    return f"steps {', '.join(shown)}" + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
