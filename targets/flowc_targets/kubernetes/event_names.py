"""The names of events that start flows, the same on every engine and in the flow's own code: Metaflow's.

Source: metaflow/plugins/namespaced_events.py, and argo_workflows.py, which publishes `metaflow.<deployment>.end`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.package.project_names import branch_name, deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, TriggerEvent, UpstreamFlow


def event_name(flow: Flow, event: TriggerEvent) -> str:
    """The name of an event of `@trigger`; with `namespaced_event_name`, `mfns`, project and branch stand before it."""
    if not event.namespaced:
        return event.name
    project = flow.specs.project
    namespace = () if project is None else (project.name, branch_name(project))
    return ".".join(("mfns", *namespace, event.name))


def finished_event(deployment: str) -> str:
    """The name of the event that a run of a deployed flow has succeeded."""
    return f"metaflow.{deployment}.end"


def own_finished_event(flow: Flow) -> str:
    """The name of that event for the flow itself."""
    return finished_event(deployment_name(flow))


def upstream_deployment(flow: Flow, upstream: UpstreamFlow) -> str | None:
    """The deployment that `@trigger_on_finish` waits for, by default in the flow's own project and branch.

    `None` where a project has no branch, or a branch no project: nothing is deployed under such a name.
    """
    own = flow.specs.project
    project = upstream.project or (own.name if own is not None else None)
    branch = upstream.branch or (branch_name(own) if own is not None else None)
    if (project is None) != (branch is None):
        return None
    return upstream.name if project is None else f"{project}.{branch}.{upstream.name}"


def check_upstream_flows(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Report flows of `@trigger_on_finish` that no deployment can be named for (FC501)."""
    spec = flow.specs.trigger_on_finish
    for upstream in spec.flows if spec is not None else ():
        if spec is not None and upstream_deployment(flow, upstream) is None:
            sink.unsupported(
                "FC501", target, f"flow {upstream.name} is named with a project or a branch, and without the other",
                spec.span, help="write 'project.branch.Flow', or put @project above this flow",
            )  # fmt: skip
