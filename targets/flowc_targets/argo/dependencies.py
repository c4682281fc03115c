"""What each task of a DAG waits for: `depends` and `when`.

Argo skips a task whose `when` does not hold, and omits whatever needs the success of a task that was skipped or
omitted. So in the arm of a switch the first task has the `when`, and the others need success; where arms come together,
one of their ends has to have succeeded. Outside of arms a plain name is enough. A foreach of no items is Skipped as a
whole, and its join runs all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_expressions import Equals, Or, TaskOutput, TaskStatus, all_of, map_finished
from flowc_targets.argo.object_names import unique_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow, Step, SwitchStep
    from flowc_targets.argo.argo_expressions import Depends

CHOICE = "choice"
"""The output of a switch's task: the name of the step that it leads to."""
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
