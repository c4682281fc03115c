"""The interface of a target: a name, what it can express, its options, and `emit`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from flowc_compiler.passes import batch_marked_items
from flowc_compiler.passes.contraction import contracted
from flowc_targets.base.options import TargetOptions

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import BatchSpec, Flow, Step
    from flowc_compiler.source import SourceFile, Span

__all__ = ["Capabilities", "EmittedFile", "StoredFile", "Target", "TargetOptions"]


class StoredFile(NamedTuple):
    """What tasks read from the root of the artifacts, and what has to be there before they do."""

    key: str
    """Its place below the root, by its content."""
    content: bytes


@dataclass(frozen=True, slots=True)
class EmittedFile:
    """One file of a target's output. `name` is what to call it in a folder.

    Of several files the first is the one that `-o FILE` names; the others stand beside it, and where their names begin
    with its own, they follow it: `flow.py` and `flow.configmap.yaml` become `dags/x.py` and `dags/x.configmap.yaml`.
    """

    name: str
    text: str
    apart: tuple[EmittedFile, ...] = ()
    """The same as several files, for a folder: what several flows share is a file of its own there."""
    stored: tuple[StoredFile, ...] = ()
    """What has to be uploaded before tasks begin; nothing where the files have all that tasks need."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can express. `emit_checked` reports what exceeds it at the line, and `flowc targets` lists it."""

    step_kinds: frozenset[str]
    """The IR's step kinds: linear, branch, foreach, parallel, switch, join."""
    max_foreach_depth: int | None = None
    """How deep foreach may nest; `None` is any depth."""
    branch_in_foreach: bool = True
    unbounded_loops: bool = True
    """Whether a step may lead to itself without a `@loop` that says how often at most."""
    kinds_of_output: tuple[str, ...] = ()
    """The values of the target's `kind` option, the default first; empty when there is one kind only."""


class Target(Protocol):
    """An engine that flowc writes for: a frozen dataclass behind an entry point of the group `flowc.targets`."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can express."""
        ...

    @property
    def options_model(self) -> type[TargetOptions]:
        """The options it reads; `emit` gets an instance of it."""
        ...

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """The files for a checked flow. Problems go to the sink; with an error in it the result means nothing."""
        ...


GROUP = "flowc.targets"
"""The entry point group."""


class UnknownTargetError(LookupError):
    """No installed package offers a target of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown target {name!r}; known are {', '.join(known)}")
        self.name = name
        self.known = known


def target_names() -> tuple[str, ...]:
    """The names of all installed targets, sorted; imports none of them."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def load_target(name: str) -> Target:
    """The target of that name. Raises UnknownTargetError; a target that fails to import raises what it raised."""
    return _load(name, tuple(sys.path))


@cache
def _load(name: str, path: tuple[str, ...]) -> Target:  # noqa: ARG001 - packages are looked up on the path
    for entry in entry_points(group=GROUP, name=name):
        return cast("Target", entry.load())
    raise UnknownTargetError(name, target_names())


_KINDS = {
    "linear": "goes on to one step",
    "branch": "splits into branches",
    "foreach": "opens a foreach",
    "parallel": "opens a gang (`num_parallel`)",
    "switch": "chooses the next step when it runs",
    "join": "joins branches or the tasks of a foreach",
}
"""What a step of each kind does."""
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
"""Fields of BatchSpec that do not change what a task computes, and the argument that each comes from."""


def grouped(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> Flow:
    """The flow with its pod groups, as its decorators and the options want them. Collects FC413 and FC506."""
    flow = batch_marked_items(flow, sink)
    if not options.fuse and all(step.specs.fuse is None for step in flow.steps):
        return flow
    from flowc_compiler.passes.fusion import fuse_steps

    flow = fuse_steps(flow, sink, every=options.fuse)
    if options.is_given("fuse", by_flow=True) and all(group.kind != "fused" for group in flow.pod_groups):
        message = "option fuse has no effect: no two steps follow each other whose pods are alike"
        sink.warning("FC506", message, None, help="leave it out; `flowc graph --pods` shows which steps share a pod")
    return flow


def emit_checked(
    target: Target, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
) -> tuple[EmittedFile, ...]:
    """Check a flow against what a target can express, and emit it. A flow that exceeds that is not emitted.

    Which tasks share a pod is decided here, where steps have the images that options give them. The options are those
    for this flow.
    """
    flow = grouped(flow, options, sink)
    report_unsupported_specs(flow, target.name, sink, in_pods=options.in_pods)
    if not check_capabilities(contracted(flow), target.name, target.capabilities, sink):
        return ()
    return target.emit(flow, source, options, sink)


def check_capabilities(flow: Flow, target: str, capabilities: Capabilities, sink: DiagnosticSink) -> bool:
    """Report FC501 at each step that exceeds the capabilities of `target`; returns whether all are within them."""
    excess = [(step, problem) for step in flow.steps if (problem := _excess(flow, step, capabilities)) is not None]
    for step, (message, way_out) in excess:
        span = step.span if step.kind == "join" else step.next_span or step.span
        sink.unsupported("FC501", target, f"step `{step.name}` {message}", span, help=way_out)
    return not excess


def _excess(flow: Flow, step: Step, capabilities: Capabilities) -> tuple[str, str] | None:
    """How a step exceeds the capabilities, and the help; `None` for a step within them."""
    if step.kind not in capabilities.step_kinds:
        return _KINDS[step.kind], "compile for another target (`flowc targets` lists what each supports)"
    depth = flow.foreach_depths[step.scope]
    if (
        step.kind == "foreach"
        and capabilities.max_foreach_depth is not None
        and depth >= capabilities.max_foreach_depth
    ):
        nested = f"opens a foreach at depth {depth + 1}, and the limit is {capabilities.max_foreach_depth}"
        return nested, "loop over the inner items within one step, or over all items in one foreach"
    if step.kind == "branch" and depth and not capabilities.branch_in_foreach:
        return "splits into branches within a foreach", "run what the branches do one after the other"
    if step.kind == "switch" and step.recursive and step.specs.loop is None and not capabilities.unbounded_loops:
        return (
            "leads to itself without a bound, and the number of its iterations must be known",
            "add @loop(max_iterations=10) with the most that it may run, or loop within one step",
        )
    return None


def report_unsupported_specs(flow: Flow, target: str, sink: DiagnosticSink, *, in_pods: bool = True) -> None:
    """Report the specs of steps that no target supports."""
    for step in flow.steps:
        if step.specs.batch is not None:
            _check_batch(step, step.specs.batch, target, sink)
        if step.specs.airflow is not None and target != "airflow":
            message = f"step `{step.name}`: `@airflow_options` has no effect (target {target})"
            sink.warning("FC501", message, step.specs.airflow.span, help="remove it if the flow is not for Airflow")
        if step.specs.foreach is not None and step.specs.foreach.label:
            _check_label(flow, step, target, sink)
    _check_packages(flow, target, sink, in_pods=in_pods)


def _check_label(flow: Flow, step: Step, target: str, sink: DiagnosticSink) -> None:
    """Report that nobody sees the labels of items: that an engine has none, or no task of its own for each step."""
    help_ = "only Airflow shows items by their labels"
    if target == "airflow":
        if flow.group_of.keys().isdisjoint(step.targets):
            return
        help_ = "leave it out: a task of Airflow that runs several tasks of the flow has no label"
    message = f"step `{step.name}`: `label` of `@foreach_options` has no effect (target {target})"
    sink.warning("FC501", message, step.specs.foreach.span if step.specs.foreach is not None else None, help=help_)


def _check_batch(step: Step, spec: BatchSpec, target: str, sink: DiagnosticSink) -> None:
    if spec.efs_volumes:
        sink.unsupported(
            "FC501", target, f"step `{step.name}` mounts EFS volumes by their id, which only AWS Batch can",
            spec.span, help="make a persistent volume claim of them: @kubernetes(persistent_volume_claims={...})",
        )  # fmt: skip
    unused = [argument for name, argument in _BATCH.items() if getattr(spec, name) or getattr(spec, name) == 0]
    if unused:
        sink.warning(
            "FC501",
            f"step `{step.name}`: {', '.join(unused)} of `@batch` have no effect outside AWS Batch (target {target})",
            spec.span,
            help="the step runs without; for rights in AWS give @kubernetes(service_account=...) of that role",
        )


def _check_packages(flow: Flow, target: str, sink: DiagnosticSink, *, in_pods: bool) -> None:
    """Packages without an image of `flowc image`: once for all steps that get the same ones from one decorator."""
    needing: dict[tuple[Span | None, str, str, str], list[str]] = {}
    for step in flow.steps:
        spec = step.specs.dependencies
        if spec is None or not spec.needed or spec.lock is not None:
            continue
        image = step.specs.container.image if step.specs.container is not None else None
        own = image if image is not None and image != spec.base else ""
        needing.setdefault((spec.span, own, ", ".join(spec.listed), spec.manager), []).append(step.name)
    for (span, own, packages, manager), steps in needing.items():
        holding = f"its image {own}" if own else "its image" if len(steps) == 1 else "their image"
        help_ = "remove the step's own image and build one with `flowc image`"
        if not own:
            help_ = (
                "build an image with `flowc image` and pass --images, or name one that has them: @kubernetes(image=...)"
            )
        if not in_pods:
            holding, help_ = (
                "the Python that runs the steps",
                "install them there, or name a Python with them: --set python=PATH",
            )
        sink.warning(
            "FC501",
            f"{_listed(steps)}: flowc installs no packages; {holding} must contain {packages} "
            f"({manager}, target {target})",
            span,
            help=help_,
        )


def _listed(steps: list[str]) -> str:
    if len(steps) == 1:
        return f"step `{steps[0]}`"
    shown = [f"`{name}`" for name in steps[:3]]
    return f"steps {', '.join(shown)}" + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
