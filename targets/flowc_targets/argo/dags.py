"""What the tasks of a flow are called, which steps each DAG template holds, and what a task passes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.argo.dependencies import Waits
from flowc_targets.argo.object_names import unique_names
from flowc_targets.argo.workflow_objects import Parameter, Parameters

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.argo.workflow_objects import Template


@dataclass(frozen=True, slots=True)
class Dags:
    """A flow with the names that its tasks and templates have."""

    flow: Flow
    leaves: dict[str, Template]
    shared: frozenset[str]
    """Names of the leaf templates that take the step as an argument."""
    tasks: dict[str, str]
    """Step to task."""
    bodies: dict[str, str]
    """Opener to the DAG template of its body; the openers of bodies of one task have none."""
    loops: dict[str, str]
    """Recursive switch to the DAG template of its iterations."""
    members: dict[str, list[str]]
    """Foreach or gang scope to its steps that have tasks, branch arms included, in topological order."""
    fan_outs: dict[str, str | None]
    """Opener to the task that runs its body; `None` for a body without tasks."""
    capped: dict[str, str]
    """Opener to the DAG template that keeps its items to so many at a time."""
    waits: Waits

    def arguments(self, step: Step, index: str | None) -> Parameters | None:
        """What the leaf template of a step is called with; `index` is `None` outside of every foreach."""
        values: list[Parameter] = []
        if self.leaves[step.name].name in self.shared:
            values.append(Parameter(name="step", value=step.name))
        if index is not None:
            values.append(Parameter(name="index", value=index))
        return Parameters(parameters=tuple(values)) if values else None

    def is_root(self, scope: str) -> bool:
        """Whether a scope is the whole flow."""
        return scope == self.flow.scopes[0].id


def make_dags(flow: Flow, leaves: dict[str, Template], shared: frozenset[str]) -> Dags:
    """Give everything its name."""
    members = _members(flow)
    wide = [scope for scope, names in members.items() if scope != flow.scopes[0].id and _needs_dag(flow, names)]
    loops = [step.name for step in flow.steps if step.kind == "switch" and step.recursive]
    capped = [step.name for step in flow.steps if step.specs.foreach is not None and step.specs.foreach.parallelism]
    tasks = unique_names("s-", [step.name for step in flow.steps])
    bodies = unique_names("each-", wide)
    fan_outs = {scope: _fan_out(tasks, bodies, members, scope) for scope in members}
    return Dags(
        flow=flow,
        leaves=leaves,
        shared=shared,
        tasks=tasks,
        bodies=bodies,
        loops=unique_names("loop-", loops),
        members=members,
        fan_outs=fan_outs,
        capped=unique_names("few-", [name for name in capped if members.get(name)]),
        waits=Waits(flow, tasks, fan_outs),
    )


def _members(flow: Flow) -> dict[str, list[str]]:
    """The steps of each foreach or gang scope and of the root; linear, since parents come before their children."""
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
    """Whether a body is more than one task: a foreach in it is a second one, and so is a choice after iterations."""
    steps = [flow.by_name[name] for name in names]
    return len(steps) > 1 or any(step.kind in {"foreach", "parallel"} or _iterates(step) for step in steps)


def _iterates(step: Step) -> bool:
    return step.kind == "switch" and step.recursive


def _fan_out(tasks: dict[str, str], bodies: dict[str, str], members: dict[str, list[str]], opener: str) -> str | None:
    """The task that runs a body: called as its template, or as the one step in it."""
    if opener in bodies:
        return bodies[opener]
    return tasks[members[opener][0]] if members[opener] else None
