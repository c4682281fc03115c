"""What events are called that start flows, the same on every engine: as Metaflow calls them, by project and branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.package.project import branch_name, deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, TriggerEvent, UpstreamFlow


def event_name(flow: Flow, event: TriggerEvent) -> str:
    """The name of an event of `@trigger`: a namespaced one belongs to the flow's project and branch."""
    spec = flow.specs.project
    return f"{spec.name}.{branch_name(spec)}.{event.name}" if event.namespaced and spec is not None else event.name


def finished_name(flow: Flow) -> str:
    """The name of the event that a deployed flow has ended in success."""
    return _finished(deployment_name(flow))


def upstream_name(flow: Flow, upstream: UpstreamFlow) -> str:
    """The name of the same event of a flow of `@trigger_on_finish`, by default of this flow's project and branch."""
    spec = flow.specs.project
    project = upstream.project or (spec.name if spec is not None else None)
    branch = upstream.branch or (branch_name(spec) if spec is not None else None)
    return _finished(".".join(part for part in (project, branch, upstream.name) if part))


def _finished(deployment: str) -> str:
    return f"flowc.{deployment}.end"
