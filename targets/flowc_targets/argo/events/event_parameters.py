"""What the events of a flow's triggers are called, and which of their fields fill in which parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, TriggerEvent
    from flowc_targets.argo.options import ArgoOptions

TRIGGER = "flowc-trigger"
"""The parameter of a Workflow that says what it was made for; empty where somebody submitted it."""


def waits_for_events(flow: Flow, options: ArgoOptions) -> bool:
    """Whether what is emitted starts runs by events."""
    return options.kind != "workflow" and bool(flow.specs.trigger or flow.specs.trigger_on_finish)


def event_payload(options: ArgoOptions) -> str:
    """Where the fields of events are in their data."""
    return options.event_payload or ("body" if options.event_name is None else "body.payload")


def mapped(flow: Flow, event: TriggerEvent) -> dict[str, str]:
    """Parameter to field. An event that is alone and says nothing of parameters fills in those of its fields' names."""
    spec = flow.specs.trigger
    if event.parameters or spec is None or len(spec.events) > 1:
        return event.parameters
    return {parameter.name: parameter.name for parameter in flow.run_parameters}
