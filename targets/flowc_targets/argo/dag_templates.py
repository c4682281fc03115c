"""The DAG templates of a flow: one for the flow and one for each foreach body, a task for each step.

Only counts and indices travel between tasks: Argo's own lists of outputs drop children that did not succeed, and break
near 136 KB (#7527). The tasks of branch and switch arms stand in the DAG around them. A foreach and its body are two
tasks: the opener's own, whose output is the count, and one that runs the body once for each index below the count. A
`when` never stands on that second task, which loops (#3378, #16793).

A recursive switch is a DAG template of one iteration, which calls itself for as long as the switch leads to itself.
Each iteration is one nested call more, and the controller goes 100 deep (operator.go, maxStackDepth). The index of the
next iteration is an output of the pod. What the last iteration has chosen cannot come up through the calls: no release
reads outputs of a task that may have been skipped as another does (#15837). So where there are several ways on, a pod
of its own looks it up.

What a step waits for are tasks before its own, with what that depends on: a pod that looks, and is retried until all is
there, and a pause that a person ends, whose output is the choice.

Argo skips a task whose `when` does not hold, and omits whatever needs the success of a task that was skipped or
omitted. So in the arm of a switch the first task has the `when`, and the others need success; where arms come together,
one of their ends has to have succeeded. Outside of arms a plain name is enough. A foreach of no items is Skipped as a
whole, and its join runs all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_expressions import (
    Equals,
    IndexPath,
    InputParameter,
    Or,
    TaskOutput,
    TaskStatus,
    all_of,
    map_finished,
)
from flowc_targets.argo.chunking import chunked
from flowc_targets.argo.kueue import group_arguments
from flowc_targets.argo.manifest_text import unique_names
from flowc_targets.argo.pod_templates import CHOICE, COUNT, INDEX, LOOK_UP, NEXT, PAUSE
from flowc_targets.argo.shim_containers import ANSWER
from flowc_targets.argo.workflow_objects import ENTRYPOINT, DagTask, Parameter, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow, Step, SwitchStep
    from flowc_targets.argo.argo_expressions import Depends, Value
    from flowc_targets.argo.pod_templates import StepTemplates

MOST_TASKS = 200
"""The most tasks of a DAG that Argo's full CRDs take; a larger one becomes DAGs of DAGs."""

NOTHING = "nothing"
"""The template of a task that has no pod and is done at once."""
_AGAIN = "again"


def dag_templates(flow: Flow, steps: StepTemplates, *, full_crds: bool) -> list[Template]:
    """The DAG templates of a flow. Some of their tasks may call the template `NOTHING`."""
    dags = _Dags(flow, steps)
    scopes = [dags.scope(scope) for scope in dags.members if scope in dags.bodies or dags.is_root(scope)]
    templates = [*scopes, *dags.capped_templates(), *dags.loop_templates()]
    return chunked(templates, MOST_TASKS) if full_crds else templates


def has_look_up(flow: Flow) -> bool:
    """Whether a pod has to look up what the last iteration of a recursive switch has chosen."""
    return any(step.kind == "switch" and step.recursive and leads_by_choice(step) for step in flow.steps)


class _Dags:
    """The names of a flow's tasks and DAG templates, and which steps each template holds."""

    def __init__(self, flow: Flow, steps: StepTemplates) -> None:
        self._flow = flow
        self._steps = steps
        self._root = flow.scopes[0].id
        self.members = _members(flow)
        """Foreach or gang scope, or the root, to its steps that have tasks, branch arms included, in order."""
        wide = [scope for scope, names in self.members.items() if scope != self._root and self._needs_dag(names)]
        loops = [step.name for step in flow.steps if _iterates(step)]
        capped = [step.name for step in flow.steps if _cap(step) is not None and self.members.get(step.name)]
        self._tasks = unique_names("s-", [step.name for step in flow.steps])
        self.bodies = unique_names("each-", wide)
        """Opener to the DAG template of its body; a body of one task is that task, a template less for each item."""
        self._loops = unique_names("loop-", loops)
        self._capped = unique_names("few-", capped)
        self._maps = {scope: self._map_name(scope) for scope in self.members}
        self._dependencies = Dependencies(flow, self._tasks, self._maps)

    def is_root(self, scope: str) -> bool:
        """Whether a scope is the whole flow."""
        return scope == self._root

    def scope(self, scope: str) -> Template:
        """The DAG template of a foreach body or of the whole flow."""
        root = self.is_root(scope)
        tasks: list[DagTask] = []
        for name in self.members[scope]:
            step = self._flow.by_name[name]
            tasks += self._loop_tasks(step, root) if name in self._loops else self._step_tasks(step, root)
            tasks += [
                DagTask(name=edge.name, template=NOTHING, depends=edge.depends, when=edge.when)
                for edge in self._dependencies.edge_tasks(step)
            ]
            if step.kind in OPENERS and self.members[name]:
                tasks.append(self._map_task(step, root))
        inputs = () if root else (Parameter(name="index"),)
        return Template(name=ENTRYPOINT if root else self.bodies[scope], inputs=inputs, dag=tuple(tasks))

    def _step_tasks(self, step: Step, root: bool) -> list[DagTask]:
        """The task of a step, behind what it waits for: each of these succeeds where the one before it has."""
        index = None if root else INDEX
        place = () if index is None else (Parameter(name="index", value=index),)
        arguments, tasks = self._arguments(step, index), list[DagTask]()
        depends, when = self._dependencies.depends(step), self._dependencies.when(step)
        gates = self._steps.gates.get(step.name, ())
        for gate in gates:
            given = place
            if any(item.name == PAUSE for item in gate.inputs):
                given = (*place, Parameter(name=PAUSE, value=TaskOutput(gates[0].name, PAUSE)))
            tasks.append(DagTask(name=gate.name, template=gate.name, depends=depends, when=when, arguments=given))
            depends, when = TaskStatus(gate.name, "Succeeded"), None
            if gate.suspend is not None:
                arguments = (*arguments, Parameter(name=ANSWER, value=TaskOutput(gate.name, ANSWER)))
        own = self._steps.by_name[step.name].name
        name = self._tasks[step.name]
        return [*tasks, DagTask(name=name, template=own, depends=depends, when=when, arguments=arguments)]

    def _arguments(self, step: Step, index: Value | None) -> tuple[Parameter, ...]:
        """What the template of a step is called with; `index` is `None` outside of every foreach."""
        values: list[Parameter] = []
        if self._steps.takes_name(step.name):
            values.append(Parameter(name="step", value=step.name))
        if index is not None:
            values.append(Parameter(name="index", value=index))
        return tuple(values)

    def _map_name(self, opener: str) -> str | None:
        """The task that runs a body, called as its template, or as the one step in it; `None` for an empty body."""
        if opener in self.bodies:
            return self.bodies[opener]
        return self._tasks[self.members[opener][0]] if self.members[opener] else None

    def _map_task(self, opener: Step, root: bool) -> DagTask:
        """The task behind an opener. With a cap it calls a DAG that does nothing else: Argo caps DAGs, not tasks."""
        count = TaskOutput(self._tasks[opener.name], COUNT)
        after = self._dependencies.success(opener)
        if opener.name not in self._capped:
            return self._mapped_call(opener, root, count, after)
        index = () if root else (Parameter(name="index", value=INDEX),)
        return DagTask(
            name=self._maps[opener.name] or "",
            template=self._capped[opener.name],
            depends=after,
            arguments=(Parameter(name=COUNT, value=count), *index),
        )

    def capped_templates(self) -> list[Template]:
        """The DAG of each foreach that runs a few items at a time."""
        found: list[Template] = []
        for opener in (self._flow.by_name[name] for name in self._capped):
            root = self._flow.depth(opener) == 0
            inputs = (Parameter(name=COUNT), *(() if root else (Parameter(name="index"),)))
            task = self._mapped_call(opener, root, InputParameter(COUNT), None)
            name = self._capped[opener.name]
            found.append(Template(name=name, parallelism=_cap(opener), inputs=inputs, dag=(task,)))
        return found

    def _mapped_call(self, opener: Step, root: bool, count: Value, depends: Depends | None) -> DagTask:
        """One call of the body for each index below `count`."""
        path = IndexPath(None if root else INDEX)
        body = self.bodies.get(opener.name)
        arguments: tuple[Parameter, ...] = (Parameter(name="index", value=path),)
        if body is None:
            only = self._flow.by_name[self.members[opener.name][0]]
            template = self._steps.by_name[only.name]
            body = template.name
            arguments = (*self._arguments(only, path), *group_arguments(template, count, "0" if root else INDEX))
        return DagTask(
            name=self._maps[opener.name] or "", template=body, depends=depends, arguments=arguments, with_sequence=count
        )

    def _loop_tasks(self, step: Step, root: bool) -> list[DagTask]:
        """The tasks of a recursive switch: all iterations, then the pod that looks up the choice if there is one."""
        name, loop = self._tasks[step.name], self._loops[step.name]
        by_choice = leads_by_choice(step)
        iterations = DagTask(
            name=loop if by_choice else name,
            template=loop,
            depends=self._dependencies.depends(step),
            when=self._dependencies.when(step),
            arguments=(Parameter(name="index", value="0" if root else f"{INDEX}.0"),),
        )
        if not by_choice:
            return [iterations]
        place = (Parameter(name="step", value=step.name), Parameter(name="index", value="-" if root else INDEX))
        return [
            iterations,
            DagTask(name=name, template=LOOK_UP, depends=TaskStatus(loop, "Succeeded"), arguments=place),
        ]

    def loop_templates(self) -> list[Template]:
        """For each recursive switch, the DAG of one iteration and, if there is a next one, of all that follow."""
        return [self._loop_template(self._flow.by_name[name]) for name in self._loops]

    def _loop_template(self, step: Step) -> Template:
        name, loop = self._tasks[step.name], self._loops[step.name]
        again = DagTask(
            name=_AGAIN,
            template=loop,
            depends=TaskStatus(name),
            when=Equals(TaskOutput(name, CHOICE), step.name),
            arguments=(Parameter(name="index", value=TaskOutput(name, NEXT)),),
        )
        template = self._steps.by_name[step.name].name
        iteration = DagTask(name=name, template=template, arguments=self._arguments(step, INDEX))
        return Template(name=loop, inputs=(Parameter(name="index"),), dag=(iteration, again))

    def _needs_dag(self, names: list[str]) -> bool:
        """Whether a body is more than one task: a foreach in it has two, and iterations may be followed by a choice."""
        steps = [self._flow.by_name[name] for name in names]
        return len(steps) > 1 or any(step.kind in OPENERS or _iterates(step) or step.specs.gated for step in steps)


def _members(flow: Flow) -> dict[str, list[str]]:
    """The steps of each foreach or gang scope and of the root; linear, since parents come before their children."""
    dag_of: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for scope in flow.scopes:
        inlined = scope.parent is not None and scope.kind not in OPENERS
        dag_of[scope.id] = dag_of[scope.parent] if inlined and scope.parent is not None else scope.id
        members.setdefault(dag_of[scope.id], [])
    for step in flow.steps:
        if not step.virtual:
            members[dag_of[step.scope]].append(step.name)
    return members


def _iterates(step: Step) -> bool:
    return step.kind == "switch" and step.recursive


def _cap(step: Step) -> int | None:
    """How many items of a step's foreach run at a time, where that is limited."""
    return step.specs.foreach.parallelism if step.specs.foreach is not None else None


OPENERS = frozenset({"foreach", "parallel"})
"""The kinds of steps whose body runs once for each item or member."""


def leads_by_choice(step: Step) -> bool:
    """Whether what follows a step depends on its choice."""
    return step.kind == "switch" and step.decides


@dataclass(frozen=True, slots=True)
class EdgeTask:
    """A task without a pod that stands for one way on from a switch: to a step that has other ways in, too."""

    name: str
    depends: TaskStatus
    when: Equals


class Dependencies:
    """What has to be done before each step of a flow, by the names of tasks."""

    def __init__(self, flow: Flow, tasks: Mapping[str, str], maps: Mapping[str, str | None]) -> None:
        """`tasks` names every step's task, and `maps` by opener the task that runs a body; `None` for an empty body."""
        self._flow = flow
        self._tasks = tasks
        self._maps = maps
        self._optional = _optional_steps(flow)
        self._edges = _edge_names(flow)
        self._before: dict[str, Depends | None] = {}
        for step in flow.steps:  # in topological order: a step that has no task takes over what is before it
            self._before[step.name] = self._required(step)

    def depends(self, step: Step) -> Depends | None:
        """The step's `depends`."""
        return self._before[step.name]

    def when(self, step: Step) -> Equals | None:
        """The step's `when`: for the first step of an arm, that the switch leads to it."""
        switch = self._only_switch(step)
        return self._chosen(switch, step.name) if switch is not None else None

    def success(self, step: Step) -> TaskStatus:
        """The success of a step's task. Of a step that always runs, the name alone says it."""
        return TaskStatus(self._tasks[step.name], "Succeeded" if step.name in self._optional else None)

    def edge_tasks(self, step: Step) -> list[EdgeTask]:
        """The tasks without pods that a switch needs: for steps with several ways in, and for empty arms."""
        if step.kind != "switch" or not leads_by_choice(step):
            return []
        found: list[EdgeTask] = []
        for target in (self._flow.by_name[name] for name in step.targets):
            if target.virtual or self._only_switch(target) is None:
                name = self._tasks[target.name] if target.virtual else self._edges[step.name, target.name]
                found.append(EdgeTask(name, self.success(step), self._chosen(step, target.name)))
        return found

    def _required(self, step: Step) -> Depends | None:
        if step.kind != "join":
            return self._any_of(step.parents, step) if step.parents else None
        opener = self._flow.by_name[step.closes]
        if opener.kind in OPENERS:
            body = self._maps[step.closes]
            return map_finished(body) if body is not None else self.success(opener)
        return all_of(self._any_of(arm, step) for arm in step.arms)

    def _any_of(self, parents: tuple[str, ...], step: Step) -> Depends | None:
        """One of several steps, of which one runs, has led to a step."""
        terms: list[Depends] = []
        for name in parents:
            term = self._reached(self._flow.by_name[name], step)
            if term is None:
                return None
            terms.append(term)
        return Or(tuple(terms)) if len(terms) > 1 else terms[0]

    def _reached(self, parent: Step, step: Step) -> Depends | None:
        """A parent has led to a step; `None` for the first step of a body, whose DAG begins with it."""
        if parent.kind in OPENERS:
            return None
        if parent.virtual and self._only_switch(parent) is None:
            return self._before[parent.name]
        if parent.virtual:
            return TaskStatus(self._tasks[parent.name], "Succeeded")
        several = len(step.parents) > 1
        # `when` on the step would test one switch, but the step has other ways in: a task of its own stands for this
        # edge.
        if leads_by_choice(parent) and several:
            return TaskStatus(self._edges[parent.name, step.name], "Succeeded")
        # Where arms of a switch meet, exactly one of the parents runs, and the others are omitted: only success tells.
        merging = several and step.kind != "join"
        return TaskStatus(self._tasks[parent.name], "Succeeded") if merging else self.success(parent)

    def _only_switch(self, step: Step) -> SwitchStep | None:
        """The switch that alone leads to a step."""
        if len(step.parents) != 1:
            return None
        parent = self._flow.by_name[step.parents[0]]
        return parent if parent.kind == "switch" and leads_by_choice(parent) else None

    def _chosen(self, switch: SwitchStep, target: str) -> Equals:
        return Equals(TaskOutput(self._tasks[switch.name], CHOICE), target)


def _edge_names(flow: Flow) -> dict[tuple[str, str], str]:
    """The names of tasks that stand for edges, by the steps at their ends."""
    edges = [(step.name, target) for step in flow.steps if step.kind == "switch" for target in step.targets]
    names = unique_names("e-", [f"{switch} {target}" for switch, target in edges])
    return {(switch, target): names[f"{switch} {target}"] for switch, target in edges}


def _optional_steps(flow: Flow) -> frozenset[str]:
    """The steps that may not run, as they stand in an arm of a switch in their DAG."""
    optional: dict[str, bool] = {}
    for scope in flow.scopes:
        # The body of a foreach is a DAG template of its own: inside, its steps run whenever the DAG does.
        inlined = scope.parent is not None and scope.kind in {"branch", "switch"}
        chosen = scope.kind == "switch" and leads_by_choice(flow.by_name[scope.opener or ""])
        optional[scope.id] = chosen or (inlined and optional[scope.parent or ""])
    return frozenset(step.name for step in flow.steps if optional[step.scope])
