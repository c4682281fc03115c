"""From the IR to Argo's objects: a DAG for each foreach body, a task for each step, counts and indices only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.argo.hooks import exit_templates
from flowc_targets.argo.leaf import INDEX_INPUT, leaf_templates
from flowc_targets.argo.names import unique_names
from flowc_targets.argo.objects import (
    Dag,
    DagTask,
    Parameter,
    Parameters,
    Sequence,
    Suspend,
    Template,
)
from flowc_targets.argo.waits import Waits
from flowc_targets.argo.workflow import ENTRYPOINT, wrap

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.argo.objects import Workflow
    from flowc_targets.argo.options import ArgoOptions

NOTHING = "nothing"
"""The template of a task that has no pod and is done at once."""


@dataclass(frozen=True, slots=True)
class Dags:
    """What the tasks of a flow are called, and which template each calls."""

    flow: Flow
    leaves: dict[str, Template]
    shared: frozenset[str]
    """Names of the leaf templates that take the step as an argument."""
    tasks: dict[str, str]
    """Step to task."""
    bodies: dict[str, str]
    """Opener to the DAG template of its body; the openers of bodies of one step have none."""
    members: dict[str, list[str]]
    """Foreach scope to its steps that have tasks, branch arms included, in topological order."""
    fan_outs: dict[str, str | None]
    """Opener to the task that runs its body; `None` for a body without tasks."""
    waits: Waits


def lower(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink, code: str) -> Workflow:
    """The Workflow or WorkflowTemplate of a flow whose code is in the ConfigMap `code`."""
    leaves, shared = leaf_templates(flow, options, target, sink, code)
    members = _members(flow)
    wide = [scope for scope, names in members.items() if scope != flow.scopes[0].id and _needs_dag(flow, names)]
    tasks = unique_names("s-", [step.name for step in flow.steps])
    bodies = unique_names("each-", wide)
    fan_outs = {scope: _fan_out_name(tasks, bodies, members, scope) for scope in members}
    dags = Dags(
        flow=flow,
        leaves=leaves,
        shared=shared,
        tasks=tasks,
        bodies=bodies,
        members=members,
        fan_outs=fan_outs,
        waits=Waits(flow, tasks, fan_outs),
    )
    scopes = [_dag(dags, scope) for scope in members if scope in dags.bodies or scope == flow.scopes[0].id]
    unique = {leaf.name: leaf for leaf in leaves.values()}
    if any(task.template == NOTHING for scope in scopes if scope.dag for task in scope.dag.tasks):
        unique[NOTHING] = Template(name=NOTHING, suspend=Suspend(duration="0"))
    hooks = exit_templates(flow, options, code)
    return wrap(flow, options, code, (*scopes, *unique.values(), *hooks))


def _members(flow: Flow) -> dict[str, list[str]]:
    """The steps of each foreach scope and of the root; linear, since parents come before their children."""
    home: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for scope in flow.scopes:
        inlined = scope.parent is not None and scope.kind not in {"foreach", "parallel"}
        home[scope.id] = home[scope.parent] if inlined and scope.parent is not None else scope.id
        members.setdefault(home[scope.id], [])
    for step in flow.steps:
        if not step.virtual:
            members[home[step.scope]].append(step.name)
    return members


def _needs_dag(flow: Flow, names: list[str]) -> bool:
    """Whether a body is more than one task; a foreach in it is a second one."""
    return len(names) > 1 or any(flow.by_name[name].kind == "foreach" for name in names)


def _dag(dags: Dags, scope: str) -> Template:
    """The DAG template of a foreach body or of the whole flow."""
    root = scope == dags.flow.scopes[0].id
    tasks: list[DagTask] = []
    for name in dags.members[scope]:
        step = dags.flow.by_name[name]
        tasks.append(_task(dags, step, root))
        tasks += [
            DagTask(name=signal.name, template=NOTHING, depends=signal.depends, when=signal.when)
            for signal in dags.waits.signals(step)
        ]
        if step.kind == "foreach" and dags.members[name]:
            tasks.append(_fan_out(dags, step, root))
    return Template(
        name=ENTRYPOINT if root else dags.bodies[scope],
        inputs=None if root else Parameters(parameters=(Parameter(name="index"),)),
        dag=Dag(tasks=tuple(tasks)),
    )


def _task(dags: Dags, step: Step, root: bool) -> DagTask:
    leaf = dags.leaves[step.name]
    index = None if root else INDEX_INPUT
    return DagTask(
        name=dags.tasks[step.name],
        template=leaf.name,
        depends=dags.waits.depends(step),
        when=dags.waits.when(step),
        arguments=_arguments(dags, step, index),
    )


def _fan_out(dags: Dags, opener: Step, root: bool) -> DagTask:
    """The task that runs a foreach body once for each index. A body of one step is that step: a DAG less each time."""
    path = "{{item}}" if root else INDEX_INPUT + ".{{item}}"
    body = dags.bodies.get(opener.name)
    if body is None:
        first = dags.flow.by_name[dags.members[opener.name][0]]
        template, arguments = dags.leaves[first.name].name, _arguments(dags, first, path)
    else:
        template, arguments = body, Parameters(parameters=(Parameter(name="index", value=path),))
    task = dags.tasks[opener.name]
    return DagTask(
        name=dags.fan_outs[opener.name] or "",
        template=template,
        depends=dags.waits.after(opener),
        arguments=arguments,
        with_sequence=Sequence(count=f"{{{{tasks.{task}.outputs.parameters.count}}}}"),
    )


def _fan_out_name(
    tasks: dict[str, str], bodies: dict[str, str], members: dict[str, list[str]], opener: str
) -> str | None:
    """The task that runs a body: called as its template, or as the one step in it."""
    if opener in bodies:
        return bodies[opener]
    return tasks[members[opener][0]] if members[opener] else None


def _arguments(dags: Dags, step: Step, index: str | None) -> Parameters | None:
    values: list[Parameter] = []
    if dags.leaves[step.name].name in dags.shared:
        values.append(Parameter(name="step", value=step.name))
    if index is not None:
        values.append(Parameter(name="index", value=index))
    return Parameters(parameters=tuple(values)) if values else None
