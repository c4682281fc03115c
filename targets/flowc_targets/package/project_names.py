"""`@project`: the names of a flow's deployments and of the events about them, the same on every engine and in the flow.

Both are Metaflow's. Source: metaflow/plugins/namespaced_events.py, and argo_workflows.py, which publishes
`metaflow.<deployment>.end`.
"""

from __future__ import annotations

import getpass
import os
import re
from typing import TYPE_CHECKING, Any

from flowc.protocol import env_names

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, FlowCall, ProjectSpec, TriggerEvent, UpstreamFlow

_BRANCH = re.compile(r"[a-z0-9_]{1,128}")


def with_branch(flow: Flow, branch: str | None, production: bool, sink: DiagnosticSink) -> Flow:
    """The flow on the branch that the command line names. An option that contradicts the decorator is FC505."""
    spec = flow.specs.project
    if branch is None and not production:
        return flow
    if spec is None:
        sink.error(
            "FC505", "--branch and --production are for flows with @project", flow.span,
            help="leave them out, or put @project(name=...) above the class",
        )  # fmt: skip
        return flow
    for option, value, declared in (
        ("branch", branch, spec.branch),
        ("production", production or None, spec.production),
    ):
        if value is not None and declared is not None and value != declared:
            sink.error(
                "FC505", f"--{option} contradicts `{option}` of @project", spec.span,
                help="keep one of them",
            )  # fmt: skip
    if branch is not None and not _BRANCH.fullmatch(branch):
        sink.error("FC505", f"{branch!r} is not the name of a branch", None, help="use a-z, 0-9 and _, at most 128")
    update = {"branch": spec.branch or branch, "production": spec.production or production}
    specs = flow.specs.model_copy(update={"project": spec.model_copy(update=update)})
    return flow.model_copy(update={"specs": specs})


def deployment_name(flow: Flow) -> str:
    """The flow's unique name where it is deployed: `project.branch.Flow`, or its own name without a project."""
    spec = flow.specs.project
    return flow.name if spec is None else f"{spec.name}.{branch_name(spec)}.{flow.name}"


def called_project(flow: Flow, call: FlowCall) -> ProjectSpec | None:
    """The project of a deployed flow that a step calls: what it does not say of its branch, its caller's does."""
    spec, own = call.project, flow.specs.project
    if spec is None or own is None:
        return spec
    production = own.production if spec.production is None else spec.production
    return spec.model_copy(update={"branch": spec.branch or own.branch, "production": production})


def called_deployment(flow: Flow, call: FlowCall) -> str:
    """The name of the deployment that a step calls."""
    spec = called_project(flow, call)
    return call.flow if spec is None else f"{spec.name}.{branch_name(spec)}.{call.flow}"


def branch_name(spec: ProjectSpec) -> str:
    """`prod`, `prod.<branch>`, `test.<branch>` or `user.<the user's name>`."""
    if spec.branch is not None:
        return f"{'prod' if spec.production else 'test'}.{spec.branch}"
    return "prod" if spec.production else f"user.{_user()}"


def project_facts(flow: Flow) -> dict[str, Any] | None:
    """What `current` has about the project in a task; `None` without a project."""
    spec = flow.specs.project
    if spec is None:
        return None
    return {
        "project_name": spec.name,
        "branch_name": branch_name(spec),
        "project_flow_name": deployment_name(flow),
        "is_user_branch": spec.branch is None and not spec.production,
        "is_production": bool(spec.production),
    }


def _user() -> str:
    for variable in ("METAFLOW_OWNER", env_names.USER, "METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"):
        if name := os.environ.get(variable):
            return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def event_name(flow: Flow, event: TriggerEvent) -> str:
    """The name of an event of `@trigger`; with `namespaced_event_name`, `mfns`, project and branch stand before it."""
    if not event.namespaced:
        return event.name
    project = flow.specs.project
    namespace = () if project is None else (project.name, branch_name(project))
    return ".".join(("mfns", *namespace, event.name))


def event_parameters(flow: Flow, event: TriggerEvent) -> dict[str, str]:
    """Parameter to field. An event that is alone and says nothing of parameters fills in those of its fields' names."""
    spec = flow.specs.trigger
    if event.parameters or spec is None or len(spec.events) > 1:
        return event.parameters
    return {parameter.name: parameter.name for parameter in flow.run_parameters}


def finished_event(deployment: str) -> str:
    """The name of the event that a run of a deployed flow has succeeded."""
    return f"metaflow.{deployment}.end"


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
