"""What the events of a flow's triggers are called, and which of their fields fill in which parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.package.project import branch_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, TriggerEvent, UpstreamFlow
    from flowc_targets.argo.options import ArgoOptions

TRIGGER = "flowc-trigger"
"""The parameter of a Workflow that says what it was made for; empty where somebody submitted it."""


def waits_for_events(flow: Flow, options: ArgoOptions) -> bool:
    """Whether what is emitted starts runs by events."""
    return options.kind != "workflow" and bool(flow.specs.trigger or flow.specs.trigger_on_finish)


def event_payload(options: ArgoOptions) -> str:
    """Where the fields of events are in their data."""
    return options.event_payload or ("body" if options.event_name is None else "body.payload")


def full_name(flow: Flow, event: TriggerEvent) -> str:
    """The name of an event, with the project and branch where it is `namespaced_event_name`."""
    if not event.namespaced:
        return event.name
    project = flow.specs.project
    inside = () if project is None else (project.name, branch_name(project))
    return ".".join(("mfns", *inside, event.name))


def mapped(flow: Flow, event: TriggerEvent) -> dict[str, str]:
    """Parameter to field. An event that is alone and says nothing of parameters fills in those of its fields' names."""
    spec = flow.specs.trigger
    if event.parameters or spec is None or len(spec.events) > 1:
        return event.parameters
    return {parameter.name: parameter.name for parameter in flow.run_parameters}


def upstream(flow: Flow, other: UpstreamFlow) -> str | None:
    """The deployment that is waited for: in the flow's own project and branch unless it says otherwise.

    `None` where a project has no branch, or a branch no project: nothing is deployed as that.
    """
    own = flow.specs.project
    project = other.project or (own.name if own is not None else None)
    branch = other.branch or (branch_name(own) if own is not None else None)
    if (project is None) != (branch is None):
        return None
    return other.name if project is None else f"{project}.{branch}.{other.name}"
